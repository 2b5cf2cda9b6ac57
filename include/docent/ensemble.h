/* docent/ensemble.h - who the servers are, as they say themselves: the dynamic configuration, followed, read, and changed.
 *
 * ZooKeeper from 3.5 keeps its members in a node of its own. A client with docent_client_options.follow_ensemble reads and watches that
 * node on every connection, behind what the application had waiting for it, and takes its members' client addresses for its list of
 * servers, as docent_client_set_servers() does: session and chroot stay, and a client may move once to where the balance wants it. Where
 * the node is empty (a stand-alone server), missing, denied, or says no client addresses (they may be configured elsewhere) the list
 * stays as it was; that costs one read a connection. When the session is lost, the servers that the application named are tried beside
 * the members, until the configuration has been read again: the members may all have been replaced meanwhile.
 *
 * It is off by default, unlike Curator's: servers publish the addresses by which *they* are bound, and a client that reaches
 * them through forwarded ports or another network would follow them to where it cannot go. Do not combine it with calls of
 * docent_client_set_servers() of one's own, nor with servers_from: the last to speak wins.
 *
 * Threads    As in client.h.
 * Ownership  What docent_ensemble_parse() gives is the caller's to docent_ensemble_free(); what a client shows is borrowed.
 * Source     Format and rules of the configuration are ZooKeeper's (ZOOKEEPER-107); what is made of it is Curator's EnsembleTracker. */
#ifndef DOCENT_ENSEMBLE_H
#define DOCENT_ENSEMBLE_H

#include <docent/client.h>
#include <docent/operation.h>

DOCENT_BEGIN

#define DOCENT_CONFIG_NODE "/zookeeper/config" /* Without regard to any chroot. */

typedef enum docent_member_role { DOCENT_PARTICIPANT, DOCENT_OBSERVER } docent_member_role;

/* One server. Of several addresses that servers use among themselves, the first. */
typedef struct docent_member {
    uint64_t number;          /* N of "server.N". */
    const char *host;         /* Name or address, without brackets. */
    uint16_t quorum_port, election_port;
    docent_member_role role;
    const char *client_host;  /* Where clients go; host, if the configuration says "any address". NULL: it says nothing, or that alone. */
    uint16_t client_port;
} docent_member;

struct docent_ensemble {
    size_t struct_size;
    int64_t version;            /* Grows with every change; for docent_reconfig(). */
    const docent_member *members;
    size_t member_count;
    const char *connect_string; /* Of those that say where clients go, sorted; "" if none does. */
};

/** Reads a dynamic configuration: the data of the node, or what a reconfiguration answers. Empty text is an ensemble without members.
 * Lines of other kinds (groups, weights) are passed over. On success *@ret_ensemble is the caller's to docent_ensemble_free(), on failure
 * it is left as it was. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (a line about a server, or the
 * version, is not what it should be) or DOCENT_ERR_NO_MEMORY. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_ensemble_parse(const void *text, size_t size, docent_ensemble **ret_ensemble);
/** Frees what docent_ensemble_parse() or docent_reconfig() gave. NULL: does nothing. Thread: any. */
DOCENT_API void docent_ensemble_free(docent_ensemble *ensemble);

/** What a client that follows its ensemble has read last. NULL: nothing yet, or it does not follow. Borrowed until the callback that asks
 * returns. Thread: loop. */
DOCENT_API const docent_ensemble *docent_client_ensemble(const docent_client *client);

/** Changes the ensemble: @joining ("server.5=host:port:port;port,...") comes, @leaving ("3,4") goes; or, with both NULL, @members
 * (as @joining) is all of it. @version: that of the configuration to be changed, or -1: whichever it is. Needs servers that have
 * reconfiguration switched on, and WRITE on the configuration's node. Returns and outcomes are those of docent_run_async(),
 * DOCENT_ERR_INVALID_ARGUMENT also if nothing is to be changed, or both ways; with the new configuration as data, for
 * docent_ensemble_parse(). The server's own are DOCENT_ERR_RECONFIG_DISABLED, DOCENT_ERR_UNIMPLEMENTED (it stands alone),
 * DOCENT_ERR_RECONFIG_IN_PROGRESS, DOCENT_ERR_BAD_VERSION, DOCENT_ERR_BAD_ARGUMENTS (it cannot read that, or it would leave too few),
 * DOCENT_ERR_NEW_CONFIG_NO_QUORUM (too many of the new members are not there, or not up to date: try again) and DOCENT_ERR_NO_AUTH.
 * DOCENT_ERR_UNKNOWN_OUTCOME (the connection went with the answer; it is not repeated) is the rule when the leader is the one that
 * leaves: read the configuration. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_reconfig_async(docent_client *client, const char *joining, const char *leaving,
                                                                 const char *members, int64_t version, docent_result_fn done,
                                                                 void *user);
/** docent_reconfig_async() that waits. *@ret_ensemble (@ret_ensemble may be NULL) is the new configuration, to be freed with
 * docent_ensemble_free(), if the outcome is DOCENT_OK. DOCENT_ERR_PROTOCOL and DOCENT_ERR_NO_MEMORY may mean that the change was made, and
 * only its answer could not be read. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_reconfig(docent_client *client, const char *joining, const char *leaving,
                                                           const char *members, int64_t version, docent_ensemble **ret_ensemble);

DOCENT_END

#endif
