/* docent/types.h - plain values that several headers use.
 *
 * Structs that begin with struct_size are handed over by pointer, and grow at their end: the library reads and fills in as much as the
 * caller was compiled with. So whoever sets struct_size must be part of the caller, and docent_..._init() are inline. Structs without, and
 * those that stand in arrays or are returned by value (docent_op, docent_result, docent_call_info, docent_retry, docent_acl, docent_stat),
 * keep their size until the library's major version changes. */
#ifndef DOCENT_TYPES_H
#define DOCENT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <docent/export.h>
#include <docent/status.h>

DOCENT_BEGIN

typedef struct docent_client docent_client;
typedef struct docent_poll docent_poll; /* poll.h */

#define DOCENT_NO_WAIT 0u           /* A time-out: try once. */
#define DOCENT_FOREVER UINT32_MAX   /* A time-out: none. */
#define DOCENT_ANY_VERSION (-1)     /* An expected version: do not compare. */
#define DOCENT_TTL_MAX_MS ((INT64_C(1) << 40) - 1)

/** What the server keeps about a node. Times are the server's wall clock. */
typedef struct docent_stat {
    int64_t czxid; /* Transaction that created the node. */
    int64_t mzxid; /* Transaction that last set its data. */
    int64_t ctime_ms;
    int64_t mtime_ms;
    int32_t version;  /* How often the data was set. Wraps. */
    int32_t cversion; /* How often children were created or deleted. */
    int32_t aversion; /* How often the ACL was set. */
    int64_t ephemeral_owner; /* Session that owns the node, or 0. Also 0 for container and TTL nodes. */
    int32_t data_length;
    int32_t num_children;
    int64_t pzxid; /* Transaction that last created or deleted a child. */
} docent_stat;

typedef enum docent_create_mode { /* The numbers are the protocol's create flags. */
    DOCENT_PERSISTENT = 0,
    DOCENT_EPHEMERAL = 1,
    DOCENT_PERSISTENT_SEQUENTIAL = 2,
    DOCENT_EPHEMERAL_SEQUENTIAL = 3,
    DOCENT_CONTAINER = 4,               /* Servers from 3.5.1. */
    DOCENT_PERSISTENT_TTL = 5,          /* Servers from 3.5.4 with extended types switched on. */
    DOCENT_PERSISTENT_SEQUENTIAL_TTL = 6,
} docent_create_mode;

enum { /* Permission bits of an ACL. */
    DOCENT_PERM_READ = 1,
    DOCENT_PERM_WRITE = 2,
    DOCENT_PERM_CREATE = 4,
    DOCENT_PERM_DELETE = 8,
    DOCENT_PERM_ADMIN = 16,
    DOCENT_PERM_ALL = 31,
};

typedef struct docent_acl {
    int32_t perms;      /* DOCENT_PERM_ bits. */
    const char *scheme; /* "world", "auth", "digest", "ip", "x509", "sasl"; acl.h makes them. */
    const char *id;
} docent_acl;

typedef struct docent_acl_list {
    const docent_acl *entries;
    size_t count;
} docent_acl_list;

/** The ACL of a node about to be created, for creates that name none: @path as the caller of the create gave it. A list of no entries: the
 * default of the client or view. The list is copied when this returns. Called on the loop thread, from inside the call that creates (or
 * makes parents): do not call into the library from it. */
typedef docent_acl_list (*docent_acl_fn)(const char *path, void *user);

/** Everybody may do everything: world:anyone, all permissions. The default. Static. Thread: any. */
DOCENT_API docent_acl_list docent_acl_open(void);
/** Everybody may read. Static. Thread: any. */
DOCENT_API docent_acl_list docent_acl_read_only(void);
/** Whoever creates the node, as authenticated by docent_client_add_auth(), may do everything. Static. Thread: any. */
DOCENT_API docent_acl_list docent_acl_creator_all(void);

/** Memory comes from here if the client was given one. alloc and resize may return NULL. Called on the loop thread and on
 * threads that call into the library, so it must be safe there. release takes NULL. */
typedef struct docent_allocator {
    void *(*alloc)(size_t size, void *user);
    void *(*resize)(void *block, size_t size, void *user);
    void (*release)(void *block, void *user);
    void *user;
} docent_allocator;

/** What becomes of a call while there is no connection. In every case a call's deadline holds. */
typedef enum docent_offline_policy {
    DOCENT_OFFLINE_DEFAULT, /* The client's; there, DOCENT_OFFLINE_QUEUE. */
    DOCENT_OFFLINE_QUEUE,   /* It waits for the next connection, in whatever session. */
    DOCENT_OFFLINE_FAIL,    /* It fails at once: DOCENT_ERR_CONNECTION_LOSS, or DOCENT_ERR_UNKNOWN_OUTCOME if it was a write and sent. */
    DOCENT_OFFLINE_SESSION, /* It waits for as long as the session lives, and then fails: DOCENT_ERR_SESSION_EXPIRED, or
                             * DOCENT_ERR_UNKNOWN_OUTCOME. Before the first session it waits for that one. */
} docent_offline_policy;

/** From which state on is what the session holds to be taken for lost? docent_state_is_error() applies it. */
typedef enum docent_error_policy {
    DOCENT_ERROR_POLICY_DEFAULT,   /* The client's. There, SUSPENDED for what its listeners are told; a recipe that asks for it and was
                                    * given none has a default of its own. The lock does not ask; see lock.h. */
    DOCENT_ERROR_POLICY_SUSPENDED, /* As soon as the connection is down, though the session may go on. */
    DOCENT_ERROR_POLICY_LOST,      /* Not before the session is over, by the server's word or by our clock. */
} docent_error_policy;

typedef enum docent_log_level {
    DOCENT_LOG_DEBUG,
    DOCENT_LOG_INFO, /* What an operator acts on. */
    DOCENT_LOG_WARNING,
    DOCENT_LOG_ERROR,
} docent_log_level;

/** One message. @id is short and stable, such as "lock.lost"; @path is the node concerned, or NULL; @text is for people. All
 * borrowed until the callback returns. Called on the loop thread. Do not call into the library from it. */
typedef void (*docent_log_fn)(docent_log_level level, const char *id, const char *path, const char *text, void *user);

/** An outcome, exactly once. Called on the loop thread. */
typedef void (*docent_done_fn)(docent_status status, void *user);

/** The library's version, such as "0.1.0". Static. Thread: any. */
DOCENT_API const char *docent_version(void);

DOCENT_END

#endif
