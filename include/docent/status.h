/* docent/status.h - the outcome of a call.
 *
 * Errors that a server sends keep the server's numbers (the KeeperException codes of Apache ZooKeeper); the library's own
 * start at -1000. A server may send a number that this table does not have: it is passed on as it came, and
 * docent_status_name() calls it "DOCENT_ERR_OTHER". */
#ifndef DOCENT_STATUS_H
#define DOCENT_STATUS_H

#include <docent/export.h>

DOCENT_BEGIN

#define DOCENT_STATUS_TABLE(X)                                                                                              \
    X(DOCENT_OK, 0, "success")                                                                                              \
    /* From the server. */                                                                                                  \
    X(DOCENT_ERR_SYSTEM, -1, "system error at the server")                                                                  \
    X(DOCENT_ERR_ROLLED_BACK, -2, "not attempted: an earlier operation of the transaction failed")                          \
    X(DOCENT_ERR_DATA_INCONSISTENCY, -3, "data inconsistency at the server")                                                \
    X(DOCENT_ERR_CONNECTION_LOSS, -4, "connection lost; the operation may or may not have been applied")                    \
    X(DOCENT_ERR_MARSHALLING, -5, "the server could not decode the request")                                                \
    X(DOCENT_ERR_UNIMPLEMENTED, -6, "the server does not know the operation")                                               \
    X(DOCENT_ERR_OPERATION_TIMEOUT, -7, "operation timed out at the server")                                                \
    X(DOCENT_ERR_BAD_ARGUMENTS, -8, "the server refused an argument")                                                       \
    X(DOCENT_ERR_INVALID_STATE, -9, "invalid state")                                                                        \
    X(DOCENT_ERR_UNKNOWN_SESSION, -12, "the server does not know the session")                                              \
    X(DOCENT_ERR_NEW_CONFIG_NO_QUORUM, -13, "no quorum of the new configuration is in sync")                                \
    X(DOCENT_ERR_RECONFIG_IN_PROGRESS, -14, "another reconfiguration is in progress")                                       \
    X(DOCENT_ERR_NO_NODE, -101, "no such node")                                                                             \
    X(DOCENT_ERR_NO_AUTH, -102, "the access control list denies it")                                                        \
    X(DOCENT_ERR_BAD_VERSION, -103, "the version does not match")                                                           \
    X(DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS, -108, "an ephemeral node cannot have children")                                \
    X(DOCENT_ERR_NODE_EXISTS, -110, "the node exists already")                                                              \
    X(DOCENT_ERR_NOT_EMPTY, -111, "the node has children")                                                                  \
    X(DOCENT_ERR_SESSION_EXPIRED, -112, "the session is over")                                                              \
    X(DOCENT_ERR_INVALID_ACL, -114, "invalid access control list")                                                          \
    X(DOCENT_ERR_AUTH_FAILED, -115, "authentication failed")                                                                \
    X(DOCENT_ERR_CLOSING, -116, "closing")                                                                                  \
    X(DOCENT_ERR_SESSION_MOVED, -118, "the session has moved to another server")                                            \
    X(DOCENT_ERR_NOT_READ_ONLY, -119, "a read-only server cannot do this")                                                  \
    X(DOCENT_ERR_EPHEMERAL_ON_LOCAL_SESSION, -120, "a local session cannot own ephemeral nodes")                            \
    X(DOCENT_ERR_NO_WATCHER, -121, "no such watch")                                                                         \
    X(DOCENT_ERR_REQUEST_TIMEOUT, -122, "request timed out")                                                                \
    X(DOCENT_ERR_RECONFIG_DISABLED, -123, "reconfiguration is switched off at the server")                                  \
    X(DOCENT_ERR_SASL_REQUIRED, -124, "the server demands SASL authentication")                                             \
    X(DOCENT_ERR_QUOTA_EXCEEDED, -125, "over quota")                                                                        \
    X(DOCENT_ERR_THROTTLED, -127, "the server was too busy and did not execute the operation")                              \
    /* Our own. */                                                                                                          \
    X(DOCENT_ERR_INVALID_ARGUMENT, -1000, "invalid argument")                                                               \
    X(DOCENT_ERR_NO_MEMORY, -1001, "out of memory")                                                                         \
    X(DOCENT_ERR_BUSY, -1002, "busy: a bound is reached, or the object is in use")                                          \
    X(DOCENT_ERR_TIMEOUT, -1003, "the deadline passed")                                                                     \
    X(DOCENT_ERR_CANCELLED, -1004, "cancelled")                                                                             \
    X(DOCENT_ERR_WOULD_DEADLOCK, -1005, "a blocking call on the loop thread would never return")                            \
    X(DOCENT_ERR_WRONG_THREAD, -1006, "only the loop thread may call this")                                                 \
    X(DOCENT_ERR_FORKED, -1007, "a forked child cannot use its parent's client")                                            \
    X(DOCENT_ERR_UNKNOWN_OUTCOME, -1008, "it cannot be known whether the operation was applied")                            \
    X(DOCENT_ERR_NOT_HELD, -1009, "what the operation relies on is not held any more")                                      \
    X(DOCENT_ERR_TOO_LARGE, -1010, "larger than the limit")                                                                 \
    X(DOCENT_ERR_UNSUPPORTED, -1011, "the connected server is too old for this")                                            \
    X(DOCENT_ERR_PROTOCOL, -1012, "the peer does not speak the ZooKeeper protocol")                                         \
    X(DOCENT_ERR_IO, -1013, "the operating system refused an input or output operation")                                    \
    X(DOCENT_ERR_SEQUENCE_EXHAUSTED, -1014, "the parent's sequence counter is used up; recreate it while idle") \
    X(DOCENT_ERR_CORRUPT_DATA, -1015, "the node's data are not one whole gzip member")                                           \
    X(DOCENT_ERR_NO_VALUE, -1016, "the configuration has no value of that key")                                             \
    X(DOCENT_ERR_WRONG_TYPE, -1017, "the value of that key is of another type")                                             \
    X(DOCENT_ERR_UPGRADE, -1018, "a held read lock does not become a write lock; release it first")

typedef enum docent_status {
#define DOCENT_STATUS_ENUMERATOR(name, number, text) name = number,
    DOCENT_STATUS_TABLE(DOCENT_STATUS_ENUMERATOR)
#undef DOCENT_STATUS_ENUMERATOR
} docent_status;

/** The enumerator's name, such as "DOCENT_ERR_NO_NODE", or "DOCENT_ERR_OTHER". Static text. Thread: any. */
DOCENT_API const char *docent_status_name(docent_status status);

/** One line of English. Static text. Thread: any. */
DOCENT_API const char *docent_status_text(docent_status status);

DOCENT_END

#endif
