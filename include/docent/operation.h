/* docent/operation.h - the operations of a ZooKeeper server: one value that describes any of them, one result for all.
 *
 *     docent_op op = docent_op_get("/config");
 *     docent_run_async(client, &op, NULL, on_config, self);
 *
 * Named forms (docent_get(), docent_get_async() and so on) stand below. The unsuffixed name blocks; _async takes a callback.
 *
 * Outcome    Every accepted call ends exactly once. Retries follow the client's policy (retry.h). A call whose effect cannot
 *            be repeated blindly is never repeated blindly: when its reply was lost, the library finds out, in the same session,
 *            what became of it; where that is impossible the outcome is DOCENT_ERR_UNKNOWN_OUTCOME. (A plain write
 *            that any number of repetitions leaves the same, like an unconditional set, is repeated.)
 * Threads    As in client.h.
 * Ownership  What goes in is copied. A docent_result in a callback is borrowed until the callback returns; from a blocking
 *            call it is the caller's, to docent_result_free().
 * Source     The operations are those of the ZooKeeper protocol, and so are the errors: NO_NODE, NO_AUTH, and the like. */
#ifndef DOCENT_OPERATION_H
#define DOCENT_OPERATION_H

#include <docent/compress.h>
#include <docent/hold.h>
#include <docent/retry.h>
#include <docent/types.h>
#include <docent/watch.h>

DOCENT_BEGIN

typedef enum docent_op_type {
    DOCENT_OP_CREATE,
    DOCENT_OP_DELETE,
    DOCENT_OP_EXISTS,
    DOCENT_OP_GET,
    DOCENT_OP_SET,
    DOCENT_OP_GET_ACL,
    DOCENT_OP_SET_ACL,
    DOCENT_OP_CHILDREN,
    DOCENT_OP_CHILD_COUNT, /* All descendants. Servers from 3.6. */
    DOCENT_OP_EPHEMERALS,  /* Of this session, by prefix. Servers from 3.6. */
    DOCENT_OP_SYNC,
    DOCENT_OP_CHECK,       /* In transactions only. */
    DOCENT_OP_MULTI,
    DOCENT_OP_MULTI_READ,  /* GET and CHILDREN only. Servers from 3.6. */
    DOCENT_OP_CHECK_WATCHES, /* Is there a watch of this kind on this connection? Servers from 3.5. */
    DOCENT_OP_RECONFIG,    /* Servers from 3.5. */
    DOCENT_OP_WHO_AM_I,    /* Servers from 3.7. */
    DOCENT_OP_TYPES
} docent_op_type;

/** One operation. Made by the functions below; fields may be changed before it is run. Which fields an operation reads is
 * said with its function; the others are ignored. Transactions take arrays of it, and the functions return it by value: it has the same size
 * in every release of one major version, whatever its struct_size. */
typedef struct docent_op {
    size_t struct_size;
    docent_op_type type;
    const char *path;
    const void *data; /* NULL: no data ("null", which the server keeps apart from empty), or, for CREATE, docent_view_options.default_data. */
    size_t size;
    int32_t version;         /* DOCENT_ANY_VERSION: do not compare. */
    docent_create_mode mode; /* CREATE. */
    int64_t ttl_ms;          /* CREATE with a TTL mode: 1 to DOCENT_TTL_MAX_MS. */
    docent_acl_list acl;     /* CREATE (none: as docent_view_options has it), SET_ACL. */
    const struct docent_op *ops; /* MULTI, MULTI_READ. */
    size_t op_count;
    docent_watch_kind watch_kind; /* CHECK_WATCHES. */
    const char *joining, *leaving, *members; /* RECONFIG. */
    int64_t config_version;                  /* RECONFIG: -1: do not compare. */
} docent_op;

DOCENT_API docent_op docent_op_create(const char *path, const void *data, size_t size, docent_create_mode mode);
DOCENT_API docent_op docent_op_delete(const char *path, int32_t version);
DOCENT_API docent_op docent_op_exists(const char *path);
DOCENT_API docent_op docent_op_get(const char *path);
DOCENT_API docent_op docent_op_set(const char *path, const void *data, size_t size, int32_t version);
DOCENT_API docent_op docent_op_get_acl(const char *path);
/** @version is compared with stat.aversion. */
DOCENT_API docent_op docent_op_set_acl(const char *path, docent_acl_list acl, int32_t version);
DOCENT_API docent_op docent_op_children(const char *path);
DOCENT_API docent_op docent_op_child_count(const char *path);
DOCENT_API docent_op docent_op_ephemerals(const char *prefix);
DOCENT_API docent_op docent_op_sync(const char *path);
DOCENT_API docent_op docent_op_check(const char *path, int32_t version);
/** All or nothing. @ops: CREATE, DELETE, SET, CHECK; at least one. */
DOCENT_API docent_op docent_op_multi(const docent_op *ops, size_t count);
/** Independent reads in one request. @ops: GET, CHILDREN; at least one. */
DOCENT_API docent_op docent_op_multi_read(const docent_op *ops, size_t count);
DOCENT_API docent_op docent_op_check_watches(const char *path, docent_watch_kind kind);
DOCENT_API docent_op docent_op_reconfig(const char *joining, const char *leaving, const char *members, int64_t version);
DOCENT_API docent_op docent_op_who_am_i(void);

/** What came of one operation. Only what the operation yields is set, the rest is zero. It holds an array of its like, and so grows only
 * with the major version. */
typedef struct docent_result {
    size_t struct_size;
    docent_status status;
    int64_t zxid;          /* Of the reply; for a write, the write's own. */
    uint32_t attempts;     /* Tries: the first and those that the policy granted. See also docent_result_info(). */
    const char *path;      /* CREATE: the real name, sequence number included. */
    const void *data;      /* GET, RECONFIG. NULL: the node has null data. Not terminated. */
    size_t size;           /* Of the data. DOCENT_ERR_TOO_LARGE, over docent_client_options.reply_max_bytes: of the whole reply. */
    bool has_stat;
    docent_stat stat;      /* CREATE (not on servers that answer without one), EXISTS, GET, SET, ACLs, CHILDREN, RECONFIG. */
    const char *const *names; /* CHILDREN: bare names. EPHEMERALS: paths. WHO_AM_I: "scheme:user". */
    size_t name_count;
    docent_acl_list acl;   /* GET_ACL. */
    int32_t number;        /* CHILD_COUNT. */
    const struct docent_result *results; /* MULTI, MULTI_READ: one per operation. A failed MULTI has exactly one that names the
                                          * cause; those before and after it are DOCENT_ERR_ROLLED_BACK. None if the outcome had to
                                          * be found out. */
    size_t result_count;
    uint64_t elapsed_ms;   /* From acceptance to outcome. */
    docent_status last_cause; /* Of the last try that failed so that another might mend it, whether there was another or not. DOCENT_OK:
                               * none did. */
} docent_result;
typedef void (*docent_result_fn)(const docent_result *result, void *user);

/** What it took. A call of several steps (node.h, txn.h, batch.h) has one budget, as one of a single step has: its tries are the first
 * and those that the policy granted to any of its steps, its time is that of all of them. */
typedef struct docent_call_info {
    uint32_t attempts;   /* 0: nothing was sent. */
    uint64_t elapsed_ms; /* From acceptance to outcome. */
    docent_status last_cause;
} docent_call_info;
DOCENT_API docent_call_info docent_result_info(const docent_result *result);

/** A copy that stands on its own. NULL: no memory. Thread: any. */
DOCENT_API docent_result *docent_result_copy(const docent_result *result);
/** Frees what docent_result_copy() or a blocking call gave. NULL: does nothing. Thread: any. */
DOCENT_API void docent_result_free(docent_result *result);

/* docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = 500 };  What is zero gets its default. */
typedef struct docent_call_options {
    size_t struct_size;
    uint32_t timeout_ms;       /* Default: the client's. DOCENT_FOREVER: none. */
    const docent_retry *retry; /* Default: the client's. */
    docent_watch_fn watch;     /* EXISTS, GET, CHILDREN: also leave a one-shot watch, told here. See watch.h. */
    void *watch_user;
    docent_watch **ret_watch;  /* Set before the call returns, if the call is accepted. May be NULL. */
    const docent_hold *hold;   /* Send only in this hold's session, and while it is held; else DOCENT_ERR_NOT_HELD. For MULTI
                                * it also puts a check of the hold's node in front. Default: none. */
    docent_offline_policy offline; /* Default: the client's. */
    docent_compression compression; /* Of what it writes and reads, see compress.h. Default: the client's or view's. */
} docent_call_options;
#define DOCENT_CALL_OPTIONS .struct_size = sizeof(docent_call_options)
static inline void docent_call_options_init(docent_call_options *call)
{
    memset(call, 0, sizeof *call);
    call->struct_size = sizeof *call;
}

/** Runs @op and tells @done (may be NULL). @call may be NULL. Returns DOCENT_OK if @done will be called;
 * DOCENT_ERR_INVALID_ARGUMENT (what exactly goes to the log as "call.invalid"), DOCENT_ERR_TOO_LARGE (over the limit on
 * requests), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_BUSY (too many wait for a connection: docent_client_options.pending_max),
 * DOCENT_ERR_NOT_HELD, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will.
 * Outcomes: the server's, and DOCENT_ERR_TIMEOUT (the deadline passed before it was sent, or a read was not answered),
 * DOCENT_ERR_UNKNOWN_OUTCOME (a write was sent, and what became of it cannot be told), DOCENT_ERR_CONNECTION_LOSS (the
 * policy gave up; not applied), DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_NOT_HELD (the hold ended before it was sent),
 * DOCENT_ERR_UNSUPPORTED (the connected server is too old for the operation; DOCENT_ERR_UNIMPLEMENTED is then left for what it knows and
 * has switched off, such as TTL nodes), DOCENT_ERR_PROTOCOL (the reply makes no sense), DOCENT_ERR_TOO_LARGE (the reply to a read is over
 * docent_client_options.reply_max_bytes: result.size says how large it is), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, or
 * DOCENT_ERR_AUTH_FAILED (docent_client_add_auth());
 * with compression also DOCENT_ERR_CORRUPT_DATA, and DOCENT_ERR_TOO_LARGE for what is unpacked. A call cannot be cancelled. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_run_async(docent_client *client, const docent_op *op,
                                                            const docent_call_options *call, docent_result_fn done, void *user);
/** docent_run_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or, like every blocking call,
 * DOCENT_ERR_BUSY when the loop's inbox is full (docent_client_options.inbox_max). *@ret_result (@ret_result may be NULL) is
 * set, also for errors, if the call was accepted; to be freed with docent_result_free(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_run(docent_client *client, const docent_op *op,
                                                      const docent_call_options *call, docent_result **ret_result);

/* Named forms. Each is docent_run_async() or docent_run() of the operation of that name with the client's defaults. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_create_async(docent_client *client, const char *path, const void *data,
                                                               size_t size, docent_create_mode mode, docent_result_fn done,
                                                               void *user);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_create(docent_client *client, const char *path, const void *data, size_t size,
                                                         docent_create_mode mode, docent_result **ret_result);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_delete_async(docent_client *client, const char *path, int32_t version,
                                                               docent_result_fn done, void *user);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_delete(docent_client *client, const char *path, int32_t version);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_exists_async(docent_client *client, const char *path, docent_result_fn done,
                                                               void *user);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_exists(docent_client *client, const char *path, docent_stat *ret_stat);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_get_async(docent_client *client, const char *path, docent_result_fn done,
                                                            void *user);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_get(docent_client *client, const char *path, docent_result **ret_result);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_set_async(docent_client *client, const char *path, const void *data,
                                                            size_t size, int32_t version, docent_result_fn done, void *user);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_set(docent_client *client, const char *path, const void *data, size_t size,
                                                      int32_t version, docent_stat *ret_stat);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_children_async(docent_client *client, const char *path, docent_result_fn done,
                                                                 void *user);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_children(docent_client *client, const char *path, docent_result **ret_result);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_sync_async(docent_client *client, const char *path, docent_result_fn done,
                                                             void *user);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_sync(docent_client *client, const char *path);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_multi_async(docent_client *client, const docent_op *ops, size_t count,
                                                              docent_result_fn done, void *user);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_multi(docent_client *client, const docent_op *ops, size_t count,
                                                        docent_result **ret_result);

DOCENT_END

#endif
