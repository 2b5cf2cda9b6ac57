/* docent/client.h - a client: one session with a ZooKeeper ensemble, kept for as long as it can be, replaced when it is over.
 *
 * A client belongs to one loop: a thread of its own (the default), the application's event_base, or a docent_poll that
 * any other loop turns (poll.h). Everything the library calls back runs there. Blocking calls belong on other threads.
 *
 * Threads    "Thread: loop": the client's loop thread only, else DOCENT_ERR_WRONG_THREAD. "any": every thread. "not loop":
 *            blocks, and fails with DOCENT_ERR_WOULD_DEADLOCK on the loop thread. Callbacks run on the loop thread, never from
 *            inside a call into the library, and may call anything, docent_client_close() included. A callback must not
 *            throw or jump out. Heartbeats wait for callbacks: one that took longer than a tenth of the session time-out
 *            is logged as "loop.slow".
 * Base       With options.base the loop thread is the one that runs the base; until it has run the client for the first time, it is
 *            the one that called docent_client_new(). So if another thread is to run it, that starts when the first one has made its
 *            calls, and the first one waits for a sign of the new one (a function given to docent_client_post(), say) before it makes more:
 *            before that, blocking calls there fail with DOCENT_ERR_WOULD_DEADLOCK, and closing closes on the spot.
 * Fork       In a forked child every call fails with DOCENT_ERR_FORKED, and closing only frees: nobody is called, and the parent's
 *            session goes on. Queries answer as for a session that is over. A client that was at work at the moment of the fork is left unfreed. Close before freeing an
 *            event_base, with or without event_reinit().
 * Ownership  The library owns its handles. Strings and bytes passed in are copied.
 * NULL       Where a handle is wanted NULL does no harm, here and in the other headers: what returns a status returns
 *            DOCENT_ERR_INVALID_ARGUMENT, a query answers as for what is over (CLOSED, RELEASED, no session, no token: 0, -1, "" or NULL), and
 *            the rest does nothing.
 * Units      Milliseconds, in names that end in _ms. */
#ifndef DOCENT_CLIENT_H
#define DOCENT_CLIENT_H

#include <docent/compress.h>
#include <docent/retry.h>
#include <docent/stats.h>
#include <docent/trace.h>
#include <docent/types.h>

DOCENT_BEGIN

struct event_base;

typedef enum docent_state {
    DOCENT_DISCONNECTED, /* No session yet. The first state. */
    DOCENT_CONNECTED,    /* A live connection and session. */
    DOCENT_READ_ONLY,    /* Connected to a server without a quorum: reads only. */
    DOCENT_SUSPENDED,    /* The connection is down; the session may still be alive. */
    DOCENT_LOST,         /* The session is over, by the server's word or by our clock. Stays until a new one is there. */
    DOCENT_CLOSED,       /* The last state. */
} docent_state;

/** One change of state. While it is told, docent_client_state() and docent_client_get_generation() give what is told, also if the next change has
 * come already; in every other callback they give what was told last, so that whoever is called because of a change finds it made.
 *
 *     DISCONNECTED ---> CONNECTED <---> SUSPENDED ---> LOST ---> CONNECTED, with a new session
 *
 * The first connection and all later ones are the same event, with a count. Where CONNECTED stands it may be READ_ONLY. CLOSED may follow
 * every state. A client that is to continue a session may begin with SUSPENDED or LOST instead. */
typedef struct docent_state_event {
    size_t struct_size;
    docent_state state;
    uint64_t connections; /* How often CONNECTED or READ_ONLY was reached, this one included. 1: the first time. */
    uint64_t generation;  /* Number of the session, from 1; 0 before the first. */
    bool new_session;     /* CONNECTED, READ_ONLY: this session was not told before. */
    bool went_back;       /* CONNECTED: the server's last zxid is behind what an earlier session saw. Data, and fencing
                           * tokens, may have started again. */
    docent_status cause;  /* Why, for SUSPENDED, LOST and CLOSED. DOCENT_ERR_AUTH_FAILED: credentials were refused. */
    bool is_error;        /* What the session holds is to be taken for lost: docent_state_is_error(options.error_policy, state). */
} docent_state_event;
typedef void (*docent_state_fn)(const docent_state_event *event, void *user);

/** Is what the session holds to be taken for lost in @state? Never in CONNECTED and READ_ONLY, in SUSPENDED unless @policy is
 * DOCENT_ERROR_POLICY_LOST, always in DISCONNECTED, LOST and CLOSED. Thread: any. */
DOCENT_API bool docent_state_is_error(docent_error_policy policy, docent_state state);

/** For lists of servers that are kept elsewhere: writes the one that is valid now, as for docent_client_set_servers(), terminated, into
 * @text of @size bytes, and returns true; or false: nothing new is known. It is asked on the loop before each sweep over the servers
 * while there is no connection, and must not block: have another thread fetch the list, and answer with what it has. What cannot be
 * used is logged as "servers.refused", and what was known before stays. @user: docent_client_options.user. */
typedef bool (*docent_servers_fn)(char *text, size_t size, void *user);
typedef struct docent_ensemble docent_ensemble; /* See ensemble.h. */
/** Told what a client that follows its ensemble has read, at first and when it has changed; borrowed until it returns. */
typedef void (*docent_ensemble_fn)(const docent_ensemble *ensemble, void *user);

/* docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 10000 };  What is zero gets its default. */
typedef struct docent_client_options {
    size_t struct_size;               /* Set by DOCENT_CLIENT_OPTIONS; new fields go at the end. */
    uint32_t session_timeout_ms;      /* Asked of the server, which may change it. Default: 10 s. */
    uint32_t call_timeout_ms;         /* A call's deadline if it names none, also while disconnected. Default: 30 s. */
    uint32_t close_timeout_ms;        /* How long closing waits for the server's good-bye. Default: 1 s. */
    const docent_retry *retry;        /* Copied. Default: { DOCENT_RETRY }. */
    struct event_base *base;          /* The application's loop; outlives the client. Default: a thread of our own. */
    size_t stack_bytes;               /* Of our own thread. Default: the system's. */
    bool read_only_allowed;           /* Accept servers that have lost their quorum. Meanwhile the others are asked, with growing
                                       * pauses, and the first that writes is gone to, with a new session. Default: no. */
    uint32_t request_max_bytes;       /* The servers' jute.maxbuffer. Larger requests fail here. Default: 1 MiB - 1. */
    uint32_t reply_max_bytes;         /* Larger replies fail with DOCENT_ERR_TOO_LARGE, and are passed over as they arrive, without memory
                                       * for them. (A write's leaves DOCENT_ERR_UNKNOWN_OUTCOME.) Default: 64 MiB. */
    uint32_t inbox_max;               /* Calls from other threads that may wait for the loop. Default: 65,536. */
    int64_t session_id;               /* Continue this session, as given by docent_client_session(). Default: 0, a new one. */
    uint8_t session_password[16];
    docent_state_fn on_state;         /* Told every change, from the first on. Default: none. */
    docent_log_fn on_log;             /* Default: none. */
    void *user;                       /* Passed to on_state, on_log, on_trace, acl_for, servers_from and
                                       * on_ensemble. */
    const docent_allocator *allocator; /* Copied. Default: malloc. */
    uint64_t seed;                    /* Shuffling and jitter. Default: the system's entropy. */
    bool no_probe;                    /* Do not ask servers for their version, and whether they write, on a side connection.
                                       * Default: ask. */
    docent_offline_policy offline;    /* Of calls that name none. Default: DOCENT_OFFLINE_QUEUE. */
    uint32_t pending_max;             /* Calls that may wait for a connection; more fail with DOCENT_ERR_BUSY. Default: 65,536. */
    docent_poll *poll;                /* A loop that the application turns, instead of base; outlives the client. Default: none. */
    docent_stats *stats;              /* Counts there; may be shared by clients. The client takes a reference. Default: none. */
    /* What the client does by itself where a call says nothing. As in docent_view_options; views inherit it. */
    docent_acl_list acl;              /* Default: docent_acl_open(). */
    docent_acl_fn acl_for;            /* Default: none. */
    const void *default_data;         /* Default: none. */
    size_t default_size;
    docent_compression compression;   /* Default: off. */
    uint32_t decompressed_max_bytes;  /* Default: 64 MiB. */
    docent_trace_fn on_trace;         /* Told every attempt. Default: none. */
    uint32_t flight_recorder_events;  /* How many events of the protocol are kept for docent_client_dump(), in 96 bytes each. At most
                                       * 1,048,576. Default: 0, none. */
    docent_servers_fn servers_from;   /* Asked for the list of servers before each sweep over it. Default: none. */
    docent_error_policy error_policy; /* For docent_state_event.is_error, and for recipes that are given none. Default:
                                       * DOCENT_ERROR_POLICY_DEFAULT. */
    const docent_retry *damping;      /* Spares on_state short outages, as docent_listen_options.damping says. Copied. Default: none. */
    bool follow_ensemble;             /* Take the list from the ensemble's own configuration; see ensemble.h. Default: no. */
    docent_ensemble_fn on_ensemble;   /* Told that configuration, and every change. Default: none. */
} docent_client_options;
#define DOCENT_CLIENT_OPTIONS .struct_size = sizeof(docent_client_options)
/** The same as { DOCENT_CLIENT_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_client_options_init(docent_client_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Starts a client of @servers, "host:port,host:port/chroot": names, IPv4 addresses or IPv6 ones in brackets, port 2181 if left
 * out, all paths below /chroot. Returns at once; connecting goes on in the background for as long as the client lives, with
 * names looked up again for each sweep over the list. @options may be NULL. On success *@ret_client is the caller's to
 * docent_client_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_INVALID_ARGUMENT (see docent_connect_string_check() for what is wrong), DOCENT_ERR_IO (no descriptor or
 * thread to be had), or with options.poll DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: any without options.base and
 * options.poll, else the one that runs the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_client_new(const char *servers, const docent_client_options *options,
                                                             docent_client **ret_client);

/** Has the client use other servers from now on, "host:port,host:port", below the same chroot as before, if any is given. The session
 * goes on. When names have been looked up, the client decides by chance whether to stay at its server, so that clients which were
 * spread evenly over the old servers are spread evenly over the new ones, and no more of them move than must; a server that is not in the
 * list is left. A move is told as SUSPENDED and CONNECTED, and waits up to a third of the session time-out for a moment when no request
 * is under way. Names that are not found stay to be looked up for the next sweep. The list that is in use already
 * changes nothing. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (see docent_connect_string_check(); or another chroot),
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_BUSY (inbox full), DOCENT_ERR_CLOSING or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_client_set_servers(docent_client *client, const char *servers);

/** Says what is wrong with a connect string, naming the part, in @text (of @size bytes, cut to fit, may be NULL). Returns
 * DOCENT_OK or DOCENT_ERR_INVALID_ARGUMENT. Thread: any. */
DOCENT_API docent_status docent_connect_string_check(const char *servers, char *text, size_t size);

/** Closes what hangs on the client, ends the session, frees. Calls in flight end first, with DOCENT_ERR_CLOSING; then @closed
 * (may be NULL) is called on the loop, and nothing after it. @client is not the caller's any more when this returns. Closing again does
 * nothing, and its @closed is never called: callbacks that run before the first one's @closed may do so, and other threads if
 * something of theirs makes certain that they are as early; later there is no client. NULL: does nothing. Thread: any. With a
 * thread of our own, and called elsewhere, the first close returns when that thread is gone. */
DOCENT_API void docent_client_close(docent_client *client, void (*closed)(void *user), void *user);

/** Waits until the client is CONNECTED (or READ_ONLY, if allowed). Returns DOCENT_OK, DOCENT_ERR_TIMEOUT, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_AUTH_FAILED, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_BUSY (inbox full), DOCENT_ERR_WOULD_DEADLOCK or DOCENT_ERR_FORKED.
 * Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_client_wait_connected(docent_client *client, uint32_t timeout_ms);

/** The state as last published; SUSPENDED turns LOST here at the lease's deadline, even if the loop is stuck. Thread: any. */
DOCENT_API docent_state docent_client_state(const docent_client *client);

/** The generation of the state as last published, as in docent_state_event; 0 before the first session. Thread: any. */
DOCENT_API uint64_t docent_client_get_generation(const docent_client *client);

/** How much longer the session is certain to live, by our clock: 0 when it is not. It is renewed only by answers to requests of
 * the session, reckoned from when they were sent; while something is held (a lock, say), only by answers that a server
 * cut off from its leader could not give (sync, writes), and reckoned from the last sign of life that had certainly reached that
 * leader, which is about a third of the session time-out older. Not covered: a
 * deposed leader that has not noticed, servers whose minimum session time-out is below two ticks, and pauses of a virtual machine that its clock does not count. Fencing
 * tokens cover those. Thread: any. */
DOCENT_API uint64_t docent_client_lease_ms(const docent_client *client);

typedef struct docent_state_listener docent_state_listener;
/** Tells @fn every later change of state until the listener is removed or the client closed (the last it is told is CLOSED).
 * Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or
 * DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_client_listen(docent_client *client, docent_state_fn fn, void *user,
                                                                docent_state_listener **ret_listener);

/* What is zero gets its default. */
typedef struct docent_listen_options {
    size_t struct_size;
    /* Damps: a link that flaps is told as one outage. The first state that is not connected is told, and a pause begins. Until it is over the
     * first LOST is told, and nothing else. Then, if the client is connected, or the policy has no more pauses, the latest state is told, unless
     * it is the one told last; else another pause begins. CLOSED is told at once. A policy of n retries gives up to n pauses, and a
     * policy that gives none does not damp; elapsed_max_ms counts from the beginning of the first, and session_fails ends damping
     * with the session.
     *
     * The semantics of Curator's circuitBreaking(), but: every damped listener has a circuit breaker of its own, which begins when the listener is
     * added; "differs" is measured by what this listener was told last, LOST included; new_session and went_back are told
     * if they were true of anything that was held back since; a pause of 0 is taken for 1 ms; and CLOSED, which is no state there,
     * passes. connections counts what was not told, too. Recipes, calls and docent_client_state() are never damped.
     *
     * Copied. Default: NULL, every change is told at once. */
    const docent_retry *damping;
} docent_listen_options;
#define DOCENT_LISTEN_OPTIONS .struct_size = sizeof(docent_listen_options)
/** The same as { DOCENT_LISTEN_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_listen_options_init(docent_listen_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}
/** docent_client_listen() with options; @options may be NULL. Returns as that, and DOCENT_ERR_INVALID_ARGUMENT for a struct_size of
 * zero. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_client_listen_with(docent_client *client, const docent_listen_options *options,
                                                                     docent_state_fn fn, void *user,
                                                                     docent_state_listener **ret_listener);
/** Ends it, also from its own callback: none starts afterwards. NULL: does nothing. Not after CLOSED was told. Thread: loop; elsewhere it
 * does nothing. */
DOCENT_API void docent_client_unlisten(docent_state_listener *listener);

/** Adds credentials, such as ("digest", "user:password", 13). They go out now and first on every later connection. A refusal is
 * terminal: the client goes to CLOSED with DOCENT_ERR_AUTH_FAILED as its cause, and every call ends so, where it would end with
 * DOCENT_ERR_CLOSING on a client that was closed; it remains to be closed. Returns DOCENT_OK,
 * DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_CLOSING or DOCENT_ERR_BUSY (inbox full). Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_client_add_auth(docent_client *client, const char *scheme, const void *auth,
                                                                  size_t size);

/** Runs @fn on the loop, after what was posted before. Once DOCENT_OK is returned it runs exactly once; during close it runs
 * with the client closing. Returns DOCENT_OK, DOCENT_ERR_BUSY (inbox full), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING or
 * DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_client_post(docent_client *client, void (*fn)(void *user), void *user);

/** The session's id and password, to be handed over as options of another client. 0 if there is none. Password may be NULL.
 * Thread: loop; elsewhere it is 0. */
DOCENT_API int64_t docent_client_session(const docent_client *client, uint8_t ret_password[16]);

/** The negotiated session time-out, 0 before the first connection. Thread: loop; elsewhere it is 0. */
DOCENT_API uint32_t docent_client_session_timeout_ms(const docent_client *client);

/** The connected server as "address:port" and its version as 10000 * major + 100 * minor + patch (30800; 0: not known). Text is
 * borrowed until the next state; "" when not connected. Thread: loop; elsewhere it is "". */
DOCENT_API const char *docent_client_server(const docent_client *client, uint32_t *ret_version);

/** The "digest" id for an ACL: user:base64(SHA-1(user:password)), from "user:password", into @text. Returns DOCENT_OK,
 * DOCENT_ERR_INVALID_ARGUMENT (no colon, or NULL) or DOCENT_ERR_TOO_LARGE (@size is too small). Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_digest_id(const char *user_password, char *text, size_t size);

DOCENT_END

#endif
