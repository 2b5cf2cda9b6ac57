/* docent/devserver.h - a ZooKeeper server inside your process, for tests: starts in a millisecond, and does on purpose what real
 * servers do only at the worst time.
 *
 *     docent_devserver *server;
 *     if (docent_devserver_start(NULL, &server) != DOCENT_OK) ...
 *     docent_client_new(docent_devserver_connect_string(server), ...);
 *     ...
 *     docent_devserver_stop(server);
 *
 * It is alone, keeps everything in memory (and, if asked, in a directory), and is for development and tests only.
 *
 * Threads    The server has a thread of its own. Every function may be called from any thread, and returns when its effect is in
 *            force.
 * Ownership  The library owns the docent_devserver; strings passed in are copied.
 * Units      Milliseconds, in names that end in _ms. */
#ifndef DOCENT_DEVSERVER_H
#define DOCENT_DEVSERVER_H

#include <docent/types.h>
#include <docent/watch.h>

DOCENT_BEGIN

typedef struct docent_devserver docent_devserver;

/* docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .tick_ms = 50 };  What is zero gets its default. */
typedef struct docent_devserver_options {
    size_t struct_size;      /* Set by DOCENT_DEVSERVER_OPTIONS; new fields go at the end. */
    uint16_t port;           /* On 127.0.0.1. Default: any free one. */
    uint32_t tick_ms;        /* Sessions expire at multiples of it. Default: 500. */
    uint32_t min_session_ms; /* Default: two ticks. */
    uint32_t max_session_ms; /* Default: twenty ticks. */
    uint32_t container_check_ms; /* How often empty containers are looked for. Default: 60,000. */
    bool ttl_nodes;          /* Allow them. Default: no, as in Apache ZooKeeper. */
    uint32_t ttl_check_ms;   /* How often nodes that have outlived their TTL are looked for. Default: as often as containers. */
    uint32_t max_request_bytes; /* A larger request closes its connection. Default: 1,048,575. */
    uint32_t max_connections;   /* More are closed as they come. Default: no limit. */
    uint32_t max_connections_per_address; /* Likewise. */
    const char *super;       /* "user:password": a client with this digest may do everything. Default: none may. */
    const char *words;       /* The four-letter words that are answered: "ruok,srvr", or "*". Default: all. */
    /* Where nodes and sessions are kept: a server that is started with the directory of another, which has ended, goes on where that
     * one was. NULL: in memory, and forgotten when it stops. */
    const char *data_dir;
    bool fsync;              /* Answer a write when it would survive a power cut too. Default: the end of the process. */
    uint32_t snapshot_every; /* At least so many transactions between two snapshots. Default: 100,000. */
    /* A line for people: warnings, and why data cannot be read or written. Called on the server's thread, or by
     * docent_devserver_start(). Default: nobody is told. */
    void (*report)(void *user, const char *text);
    void *user;              /* Passed to report. */
    uint16_t admin_port;     /* HTTP on 127.0.0.1: /commands and /metrics. Default: none. */
    const char *speak;       /* Be this release to clients: "3.4", "3.5", "3.6", "3.8" or "3.9". Default: "3.8". */
    bool enforce_quota;      /* Refuse what exceeds a quota's hard limit. Default: no; report is told, of soft limits too. */
} docent_devserver_options;
#define DOCENT_DEVSERVER_OPTIONS .struct_size = sizeof(docent_devserver_options)
/** The same as { DOCENT_DEVSERVER_OPTIONS }, for compilers without designated initialisers. */
static inline void docent_devserver_options_init(docent_devserver_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Starts a server; it accepts connections when this returns. @options may be NULL. On success *@ret_server is the caller's to
 * docent_devserver_stop(). Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_NO_MEMORY or DOCENT_ERR_IO (errno says
 * why: EADDRINUSE, the port is taken; EWOULDBLOCK, another server has the directory; EBADMSG, there is something in it that cannot
 * be read; report is told where). */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_devserver_start(const docent_devserver_options *options,
                                                                  docent_devserver **ret_server);
/** Cuts every connection, forgets everything but what is in the directory, ends the thread. NULL: does nothing. */
DOCENT_API void docent_devserver_stop(docent_devserver *server);

DOCENT_API uint16_t docent_devserver_port(const docent_devserver *server);
/** "127.0.0.1:port". Borrowed from the server. */
DOCENT_API const char *docent_devserver_connect_string(const docent_devserver *server);

/** Ends a session now: its ephemerals go, its connection is closed. Returns DOCENT_OK or DOCENT_ERR_SESSION_EXPIRED (there is
 * none of that id). */
DOCENT_API docent_status docent_devserver_expire_session(docent_devserver *server, int64_t session_id);
/** How many sessions there are; the ids of up to @max of them go to @ids, which may be NULL if @max is 0. */
DOCENT_API size_t docent_devserver_sessions(docent_devserver *server, int64_t *ids, size_t max);
typedef struct docent_devserver_session {
    size_t struct_size;
    int64_t id;
    uint32_t timeout_ms;
    bool connected;
    size_t ephemerals; /* Nodes that go with it. */
} docent_devserver_session;
/** Calls @tell for every session, on the server's thread, before it returns; @tell may not call the server. Returns how many. */
DOCENT_API size_t docent_devserver_each_session(docent_devserver *server, void (*tell)(const docent_devserver_session *session, void *user),
                                                void *user);

typedef struct docent_devserver_watch {
    size_t struct_size;
    int64_t session_id;     /* Whose connection has it. */
    const char *path;       /* Borrowed until tell returns. */
    docent_watch_kind kind; /* A persistent watch of which one half was removed is told as such. */
} docent_devserver_watch;
/** The same for watches: to see what leaks. */
DOCENT_API size_t docent_devserver_each_watch(docent_devserver *server, void (*tell)(const docent_devserver_watch *watch, void *user), void *user);

/** How many watches connections have left: as many as docent_devserver_each_watch() tells of, where a standing one counts once. (Apache
 * ZooKeeper, and zk_watch_count of mntr here, count it in both of its tables.) */
DOCENT_API size_t docent_devserver_watch_count(docent_devserver *server);
DOCENT_API size_t docent_devserver_connection_count(docent_devserver *server);
/** How many nodes there are, the root and the four below /zookeeper included. */
DOCENT_API size_t docent_devserver_node_count(docent_devserver *server);

typedef enum docent_fault_action {
    DOCENT_FAULT_DROP_REQUEST, /* Close the connection instead of reading it. */
    DOCENT_FAULT_DROP_REPLY,   /* Do what it asks, then close the connection instead of answering. */
    DOCENT_FAULT_HOLD_REPLY,   /* Do it; keep the answer, and everything behind it, until docent_devserver_clear_faults(). */
    DOCENT_FAULT_DELAY_REPLY,  /* Do it, and answer later. */
    DOCENT_FAULT_CORRUPT_REPLY, /* Do it, and answer with bytes that mean nothing: the body garbled and one byte short; if there is none,
                                 * as the answer to another request. */
} docent_fault_action;

#define DOCENT_FAULT_ANY_OP INT32_MIN
typedef struct docent_fault {
    size_t struct_size; /* Set by DOCENT_FAULT. */
    docent_fault_action action;
    int32_t op;         /* The protocol's number: create 1, delete 2, exists 3, getData 4, setData 5, getChildren 8, sync 9, getChildren2
                         * 12, multi 14, create2 15, createContainer 19, closeSession -11. DOCENT_FAULT_ANY_OP: any. */
    const char *path;   /* Of the request, as the server sees it; a prefix if it ends in '*'. NULL: any. */
    uint32_t skip;      /* Let so many matching requests pass first. */
    uint32_t count;     /* Then meet so many. Default: one. */
    uint32_t delay_ms;  /* DELAY_REPLY. */
} docent_fault;
#define DOCENT_FAULT .struct_size = sizeof(docent_fault)
static inline void docent_fault_init(docent_fault *fault)
{
    memset(fault, 0, sizeof *fault);
    fault->struct_size = sizeof *fault;
}

/** From now on @fault meets requests; the first rule that matches does. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT or
 * DOCENT_ERR_BUSY (32 rules are in force). */
DOCENT_API docent_status docent_devserver_add_fault(docent_devserver *server, const docent_fault *fault);
/** Forgets all rules, and sends what is held. */
DOCENT_API void docent_devserver_clear_faults(docent_devserver *server);
/** How many rules are in force. A rule that met as many requests as it was to meet is gone: zero proves that all have. */
DOCENT_API size_t docent_devserver_fault_count(docent_devserver *server);
/** How many answers are held now. */
DOCENT_API size_t docent_devserver_held(docent_devserver *server);

/** Closes every connection, and resets new ones until docent_devserver_heal(). Sessions live on. */
DOCENT_API void docent_devserver_cut(docent_devserver *server);
/** Closes every connection, once. */
DOCENT_API void docent_devserver_drop_connections(docent_devserver *server);
/** Resets new connections, and lets those there are stand, until docent_devserver_heal(). */
DOCENT_API void docent_devserver_refuse(docent_devserver *server);
/** Accepts connections, reads, and never does or answers anything, until docent_devserver_heal(). What came meanwhile is lost, and
 * so are then the connections on which something came. */
DOCENT_API void docent_devserver_stall(docent_devserver *server);
/** Be a server that has lost its ensemble, until docent_devserver_heal(): closes every connection, closes new ones of clients that do not
 * accept that, and answers writes, sync and transactions with DOCENT_ERR_NOT_READ_ONLY. (Apache ZooKeeper keeps the sessions that
 * are made meanwhile to itself; here they stay.) */
DOCENT_API void docent_devserver_read_only(docent_devserver *server);
/** Ends cut, refuse, stall and read_only. */
DOCENT_API void docent_devserver_heal(docent_devserver *server);
/** Puts the server's clocks forward by @ms, and does what is due then: sessions not heard of for their time-out end, nodes whose TTL is
 * over and unused containers go, if it is time to look for them. Clients that are connected are not asked first. */
DOCENT_API void docent_devserver_step_clock(docent_devserver *server, uint32_t ms);

/** The next sequential child of @path gets the number @next, or INT32_MAX behind which there is none: all further ones get that.
 * Returns DOCENT_OK, DOCENT_ERR_NO_NODE or DOCENT_ERR_INVALID_ARGUMENT (it is negative). With a directory the
 * preset is kept there, at the price of a snapshot; so is the next one. */
DOCENT_API docent_status docent_devserver_preset_sequence(docent_devserver *server, const char *path, int32_t next);
/** The data at @path has this version from now on. Returns DOCENT_OK or DOCENT_ERR_NO_NODE. */
DOCENT_API docent_status docent_devserver_preset_version(docent_devserver *server, const char *path, int32_t version);
/** The next transaction gets the number behind @zxid: 0xffffffff shows what a client does when the lower half is full. Returns DOCENT_OK
 * or DOCENT_ERR_INVALID_ARGUMENT (the last one was greater). */
DOCENT_API docent_status docent_devserver_preset_zxid(docent_devserver *server, int64_t zxid);

/** As if the process had been killed and started again: every connection is reset, watches and what was not answered yet are gone;
 * nodes and sessions are there still, also without a directory, and the time of sessions counts from now. Rules for faults are
 * gone too. Returns DOCENT_OK or DOCENT_ERR_IO (the directory cannot be read or written: see report; the server then resets every
 * connection until it is restarted). */
DOCENT_API docent_status docent_devserver_restart(docent_devserver *server);
/** As if the machine had been replaced: no nodes, no sessions, nothing in the directory. With @zxid_from_zero transactions are
 * numbered from the start again, as after a wipe; otherwise they go on. Returns as docent_devserver_restart() does. */
DOCENT_API docent_status docent_devserver_restart_empty(docent_devserver *server, bool zxid_from_zero);

DOCENT_END

#endif
