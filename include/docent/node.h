/* docent/node.h - calls of several steps about one node: create with parents or under protection, create or set, delete a whole tree or
 * until it is certainly gone, set and update under a condition, read what is newest.
 *
 *     docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .parents = DOCENT_PARENTS_CONTAINER, .protect = true };
 *     docent_create_node(client, "/members/m-", "10.0.0.7", 8, DOCENT_EPHEMERAL_SEQUENTIAL, &options, &result);
 *
 * The unsuffixed name blocks; _async takes a callback.
 *
 * Outcome    Each is one call: it ends exactly once, has one deadline, and one retry policy (retry.h) that counts the tries and
 *            the time of all its steps together; docent_result_info() tells them. A step goes out again only where its reply was
 *            lost and a look at the node shows what became of it, or where once or twice is the same; else the outcome is
 *            DOCENT_ERR_UNKNOWN_OUTCOME. No call ever takes a version that it was not given for DOCENT_ANY_VERSION.
 * Leftovers  A protected create and a guaranteed delete that end without having reached their goal go on behind the
 *            application's back until no node is left; see docent_pending_deletes(). They end with the client: what was not
 *            removed by then stays, unless it is ephemeral.
 * Bound      At most docent_client_options.pending_max of these calls and leftovers at a time; more are refused with DOCENT_ERR_BUSY.
 * Threads    As in client.h. Ownership as in operation.h. */
#ifndef DOCENT_NODE_H
#define DOCENT_NODE_H

#include <docent/operation.h>

DOCENT_BEGIN

/** How missing parents are made. They are made from the lowest missing one downwards, after the call itself has failed for their
 * lack, so that no rights are needed on ancestors that exist. */
typedef enum docent_parents {
    DOCENT_PARENTS_NONE,       /* They are not: DOCENT_ERR_NO_NODE. */
    DOCENT_PARENTS_PERSISTENT,
    DOCENT_PARENTS_CONTAINER,  /* As containers, which go when they are left empty; as persistent ones on servers before 3.5.1. */
} docent_parents;

typedef enum docent_if_exists {
    DOCENT_IF_EXISTS_FAIL,        /* DOCENT_ERR_NODE_EXISTS. */
    DOCENT_IF_EXISTS_SAME,        /* Success if it has just these data and they were never set (version 0): a create that is repeated, by
                                   * whomever, is the same create. */
    DOCENT_IF_EXISTS_SET,         /* Its data are set. */
    DOCENT_IF_EXISTS_SET_VERSION, /* Its data are set if options.version is theirs; else DOCENT_ERR_BAD_VERSION. */
} docent_if_exists;

/* What is zero gets its default. */
typedef struct docent_create_node_options {
    size_t struct_size;
    docent_acl_list acl;          /* Default: the client's or view's. */
    int64_t ttl_ms;               /* TTL modes: 1 to DOCENT_TTL_MAX_MS. */
    docent_parents parents;
    docent_acl_list parents_acl;  /* Of parents that are made. Default: the client's or view's. */
    bool protect;                 /* The last part of the path gets "_c_<uuid>-" in front, as Curator does, and result->path says so. After
                                   * a lost reply the parent is searched for that name, so that neither two nodes come of it nor
                                   * one that nobody knows of; that works for sequential nodes, too. An ephemeral node is taken for
                                   * ours only if it belongs to the current session; one of an earlier session goes with that, and a
                                   * new one is made. If the call ends otherwise than well, what it may have made is removed. */
    docent_if_exists if_exists;   /* Not with protect, not in sequential modes: there it cannot exist. */
    int32_t version;              /* DOCENT_IF_EXISTS_SET_VERSION. */
    uint32_t timeout_ms;          /* Default: the client's. DOCENT_FOREVER: none. */
    const docent_retry *retry;    /* Default: the client's. */
    docent_offline_policy offline; /* Default: the client's. */
} docent_create_node_options;
#define DOCENT_CREATE_NODE_OPTIONS .struct_size = sizeof(docent_create_node_options)
/** The same as { DOCENT_CREATE_NODE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_create_node_options_init(docent_create_node_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Creates a node and tells @done (may be NULL) the outcome, the real path, and the stat (not on servers that answer without one).
 * @options may be NULL. Returns DOCENT_OK if @done will be called; DOCENT_ERR_INVALID_ARGUMENT,
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_BUSY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will. Outcomes: those
 * of docent_run_async(), and DOCENT_ERR_TOO_LARGE. With protect a call that gave up (DOCENT_ERR_TIMEOUT, DOCENT_ERR_CONNECTION_LOSS,
 * DOCENT_ERR_SESSION_EXPIRED) leaves no node in the end, but may leave its removal to be done. DOCENT_ERR_NO_NODE though parents are to be made: the client's own
 * chroot is missing, which is not made. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_create_node_async(docent_client *client, const char *path, const void *data,
                                                                    size_t size, docent_create_mode mode,
                                                                    const docent_create_node_options *options,
                                                                    docent_result_fn done, void *user);
/** docent_create_node_async() that waits and returns the outcome; see docent_run(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_create_node(docent_client *client, const char *path, const void *data, size_t size,
                                                              docent_create_mode mode, const docent_create_node_options *options,
                                                              docent_result **ret_result);

/* What is zero gets its default. */
typedef struct docent_delete_node_options {
    size_t struct_size;
    bool quietly;     /* That there is no such node is success. */
    bool recursive;   /* What is below goes first, again and again while others create there, until the deadline. The whole is not
                       * atomic: a call that fails may have removed a part. @version is that of the node itself. */
    bool guaranteed;  /* If the call gives up (connection, session or time-out), the node is removed later. It is known by its
                       * czxid, so that a newer node on the same path stays; and so a call that ends before its first look was
                       * answered (without docent_result.has_stat) guarantees nothing, unless it names the node by czxid. An
                       * ephemeral node of our own goes with its session at the latest. */
    int64_t czxid;    /* The node meant: the one that this transaction created. Another is as none. Default: the one that is
                       * there at the first look. */
    uint32_t timeout_ms;       /* Default: the client's. DOCENT_FOREVER: none. */
    const docent_retry *retry; /* Default: the client's. */
    docent_offline_policy offline; /* Default: the client's. */
} docent_delete_node_options;
#define DOCENT_DELETE_NODE_OPTIONS .struct_size = sizeof(docent_delete_node_options)
/** The same as { DOCENT_DELETE_NODE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_delete_node_options_init(docent_delete_node_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Deletes the node, of @version or of DOCENT_ANY_VERSION, and tells @done (may be NULL). @options may be NULL. One that is set while
 * it is to be deleted in any version is looked at again and deleted. Success means that the node seen first (or named by
 * options.czxid) is gone; when a reply was lost it may have been another client that removed it. Servers compare versions only: a node that
 * is replaced, within one round trip, by another of the same version cannot be told from it. It takes two round trips at least: a look, and
 * the delete. docent_result.number tells how many nodes it removed, also when it fails. Returns as docent_create_node_async(). Outcomes: those
 * of docent_run_async(); of a recursive call DOCENT_ERR_TIMEOUT where others create faster than it deletes. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_delete_node_async(docent_client *client, const char *path, int32_t version,
                                                                    const docent_delete_node_options *options,
                                                                    docent_result_fn done, void *user);
/** docent_delete_node_async() that waits and returns the outcome. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_delete_node(docent_client *client, const char *path, int32_t version,
                                                              const docent_delete_node_options *options);
/** How many removals go on that nobody waits for: of protected creates and guaranteed deletes that gave up, and of locks that were
 * released, or not got. Views of one client have one number. Thread: any. */
DOCENT_API uint32_t docent_pending_deletes(const docent_client *client);

/* What is zero gets its default. */
typedef struct docent_set_node_options {
    size_t struct_size;
    bool idempotent;     /* DOCENT_ERR_BAD_VERSION is success if the node has just these data and the version that follows. */
    bool create;         /* A missing node is created, persistent; for DOCENT_ANY_VERSION only. */
    docent_acl_list acl; /* Of the node created. Default: the client's or view's. */
    docent_parents parents;       /* Of the node created. */
    docent_acl_list parents_acl;  /* Default: the client's or view's. */
    uint32_t timeout_ms;       /* Default: the client's. DOCENT_FOREVER: none. */
    const docent_retry *retry; /* Default: the client's. */
    docent_offline_policy offline; /* Default: the client's. */
} docent_set_node_options;
#define DOCENT_SET_NODE_OPTIONS .struct_size = sizeof(docent_set_node_options)
/** The same as { DOCENT_SET_NODE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_set_node_options_init(docent_set_node_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Sets the node's data, if they are of @version (or DOCENT_ANY_VERSION), and tells @done (may be NULL) the outcome and the stat.
 * @options may be NULL. Returns and outcomes as docent_create_node_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_set_node_async(docent_client *client, const char *path, const void *data, size_t size,
                                                                 int32_t version, const docent_set_node_options *options,
                                                                 docent_result_fn done, void *user);
/** docent_set_node_async() that waits and returns the outcome. @ret_stat may be NULL. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_set_node(docent_client *client, const char *path, const void *data, size_t size,
                                                           int32_t version, const docent_set_node_options *options,
                                                           docent_stat *ret_stat);

/** Makes whatever is missing of @path, the last node included, without data, and tells @done (may be NULL). What exists is left as it
 * is. @parents: DOCENT_PARENTS_PERSISTENT or DOCENT_PARENTS_CONTAINER. @acl: of what is made; none: the client's or view's. With the client's
 * time-out and policies. Returns and outcomes as docent_create_node_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_ensure_path_async(docent_client *client, const char *path, docent_parents parents,
                                                                    docent_acl_list acl, docent_result_fn done, void *user);
/** docent_ensure_path_async() that waits and returns the outcome. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_ensure_path(docent_client *client, const char *path, docent_parents parents,
                                                              docent_acl_list acl);

/** New data from old. @current: what a get told; DOCENT_ERR_NO_NODE, without data, if the node is to be created. Sets *@ret_data and
 * *@ret_size, which are borrowed until it returns to here the next time or the call ends, and returns DOCENT_OK; what else it returns ends the
 * call as its outcome, with nothing written. May be called any number of times. Called on the loop thread. */
typedef docent_status (*docent_transform_fn)(const docent_result *current, const void **ret_data, size_t *ret_size, void *user);

typedef enum docent_recognised {
    DOCENT_WRITE_UNCERTAIN,
    DOCENT_WRITE_THERE,  /* @current was made by that write, or from what it made. */
    DOCENT_WRITE_ABSENT, /* It was not: that write was never applied. */
} docent_recognised;
/** Was the write of @data (@size), upon version @version, the one that made @current, or one before it? Asked when a reply was lost and others
 * have written since. Data can answer that if they say who wrote them: with a number per writer in the value always, with the
 * last writer only while nobody has written after it. Called on the loop thread. */
typedef docent_recognised (*docent_recognise_fn)(const docent_result *current, const void *data, size_t size, int32_t version, void *user);

/* What is zero gets its default. */
typedef struct docent_update_options {
    size_t struct_size;
    docent_recognise_fn recognise; /* Default: none. Then a lost reply is made out from versions, and where others wrote the
                                    * very same data or wrote twice, it is DOCENT_ERR_UNKNOWN_OUTCOME. */
    bool create;               /* A missing node is created, persistent. */
    docent_acl_list acl;       /* Of the node created. Default: the client's or view's. */
    uint32_t timeout_ms;       /* Default: the client's. DOCENT_FOREVER: none. */
    const docent_retry *retry; /* Default: the client's. Of lost connections and the like; conflicts are no failures, and go round until
                                * the deadline. */
    docent_offline_policy offline; /* Default: the client's. */
} docent_update_options;
#define DOCENT_UPDATE_OPTIONS .struct_size = sizeof(docent_update_options)
/** The same as { DOCENT_UPDATE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_update_options_init(docent_update_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Reads the node, has @transform make new data of it, and writes them if nobody else has written meanwhile; else again. Tells @done (may be
 * NULL) the outcome and the stat. @user is passed to all callbacks, the options' included. @options may be NULL. Returns and outcomes
 * as docent_create_node_async(), and what @transform returned. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_update_async(docent_client *client, const char *path, docent_transform_fn transform,
                                                               const docent_update_options *options, docent_result_fn done,
                                                               void *user);
/** docent_update_async() that waits and returns the outcome. @transform still runs on the loop thread. @ret_stat may be NULL. Thread: not
 * loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_update(docent_client *client, const char *path, docent_transform_fn transform,
                                                         const docent_update_options *options, docent_stat *ret_stat, void *user);

/** Reads a node as it was at the leader, or newer: a sync and a get behind it, in one session on one connection.
 *
 * It sees every write that was answered to anybody before this was called, because the sync reaches the leader afterwards and the get waits for what
 * the leader had committed by then. A plain get sees only what its own server has applied, which may be seconds behind. The result is as old
 * as the moment when it was read: whoever acts on it needs a condition (a version, a guard) all the same.
 *
 * Not covered: a leader that was deposed and has not noticed. It answers the sync of clients on its own side of a partition, without asking
 * a quorum, for up to syncLimit ticks, while the others have elected a new one and write. Where that matters, write something first
 * (which only a quorum's leader can answer), or read in a transaction with a conditional write.
 *
 * Returns and outcomes as docent_create_node_async(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_read_linearizable_async(docent_client *client, const char *path,
                                                                          docent_result_fn done, void *user);
/** docent_read_linearizable_async() that waits and returns the outcome; see docent_run(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_read_linearizable(docent_client *client, const char *path,
                                                                    docent_result **ret_result);

DOCENT_END

#endif
