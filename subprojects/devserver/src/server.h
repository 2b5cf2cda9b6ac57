/* src/server.h - a ZooKeeper ensemble, sans-IO: one leader that prepares and commits, replicas that apply its log and talk to
 * clients. Between them go messages, which the owner carries: at once (front.c), or late, or not at all (a simulator).
 * Times are arguments: @now in monotonic milliseconds, @wall in Unix ones. One thread.
 *
 *   client bytes -> replica --UP_REQUEST, UP_SYNC, UP_OPEN, UP_TOUCH--> leader
 *   client bytes <- replica <--DOWN_COMMIT, DOWN_SYNCED, DOWN_OPENED, DOWN_DROP-- leader
 *
 * Messages of one direction must arrive in order. A replica that is cut off still answers reads and pings from what it has. */
#ifndef DEVSERVER_SERVER_H
#define DEVSERVER_SERVER_H

#include "speak.h"
#include "stats.h"
#include "tree.h"

struct leader;
struct replica;
struct connection;

struct server_config {
    uint32_t tick_ms;        /* 0: 500. */
    uint32_t min_session_ms; /* 0: two ticks. */
    uint32_t max_session_ms; /* 0: twenty ticks. */
    uint32_t request_max;    /* 0: 0xfffff. */
    uint32_t container_check_ms; /* 0: 60,000. */
    uint32_t touch_phase_ms; /* Touches are passed on every half tick, so long after its beginning. */
    uint32_t ttl_check_ms;       /* 0: as often as containers. */
    enum speak_release speak; /* Which release it is, to clients. */
    bool ttl_nodes;          /* Off by default, as in Apache ZooKeeper. */
    bool enforce_quota;      /* Hard limits refuse. Off by default likewise. */
    bool reconfig;           /* Reconfiguring is allowed; a server on its own still cannot. */
    bool no_log;             /* No replica ever joins later: forget transactions once they are sent, and have an empty log. */
    int64_t first_zxid;      /* The last one before the first: 0 unless it restarts. */
    uint64_t session_base;   /* Session ids begin behind this; 0: a default. */
    const char *super_digest; /* "user:digest" of whoever may do everything; NULL: nobody. Borrowed for the servers' life. */
    const char *words;       /* Four-letter words to answer, with commas; "*" or NULL: all. Borrowed likewise. */
    /* One tree, which the owner frees, for leader and replica: half the memory. Then there is one replica, it alone applies what is
     * committed, and it hears of everything before the leader hears, or ticks, again. NULL: each has its own. */
    struct tree *tree;
};

/* What is 0 gets its default. */
void docent_server_config_fill(struct server_config *config);

enum message_type {
    UP_REQUEST, /* A write, or the end of a session. */
    UP_SYNC,
    UP_OPEN,    /* Session 0: a new one; else re-attach. */
    UP_TOUCH,
    DOWN_COMMIT, /* The next transaction; if its origin is here, also the answer. */
    DOWN_SYNCED,
    DOWN_OPENED, /* The answer to UP_OPEN of an existing session. */
    DOWN_DROP,   /* The session of this connection lives elsewhere now, or is over. */
};

struct server_message {
    struct server_message *next; /* The owner's to use. */
    enum message_type type;
    int replica;          /* From or to. */
    uint64_t connection;  /* Id of the connection concerned; 0: none. */
    uint64_t request;     /* Number of the request on it. */
    int64_t session;
    int32_t op;
    uint8_t *body;        /* REQUEST. */
    size_t size;
    uint8_t *credentials; /* REQUEST: encoded client_info entries. */
    size_t credentials_size;
    uint8_t password[16];
    int32_t timeout_ms;
    bool good;            /* OPENED. */
    struct txn *txn;      /* COMMIT. */
};
void docent_message_free(struct server_message *message);

/* ---- The leader. ---- */

struct leader *docent_leader_new(const struct server_config *config, uint64_t now, int64_t wall);
void docent_leader_free(struct leader *leader);
/* Where its messages go. One DOWN_COMMIT per replica and transaction. */
void docent_leader_join(struct leader *leader, int replica, void (*send)(void *user, struct server_message *message), void *user);
/* A replica that was away, or is new, gets what it misses first: call before joining. */
size_t docent_leader_log_size(const struct leader *leader);
struct txn *docent_leader_log_at(const struct leader *leader, size_t index);
void docent_leader_leave(struct leader *leader, int replica);
void docent_leader_receive(struct leader *leader, uint64_t now, int64_t wall, struct server_message *message); /* Takes it. */
void docent_leader_tick(struct leader *leader, uint64_t now, int64_t wall);
uint64_t docent_leader_session_expires(const struct leader *leader, int64_t session); /* 0: there is none. */
uint64_t docent_leader_deadline(const struct leader *leader);
bool docent_leader_expire(struct leader *leader, int64_t session, uint64_t now, int64_t wall); /* Now. False: there is none. */
size_t docent_leader_sessions(const struct leader *leader, int64_t *ids, size_t max); /* How many; fills in up to max. */
const struct tree *docent_leader_tree(const struct leader *leader);
int64_t docent_leader_zxid(const struct leader *leader);
bool docent_leader_session_alive(const struct leader *leader, int64_t session);
void docent_leader_preset(struct leader *leader, int64_t zxid); /* At least: before anybody joins. */
void docent_leader_skip(struct leader *leader, int64_t zxid, int64_t wall); /* As if writes had failed until @zxid, which is one of the log. */

/* What a leader remembers from before, put into a new one before anybody joins: a snapshot's contents, then what was committed
 * since. Times of sessions count from @now. */
int64_t docent_leader_next_session(const struct leader *leader);
void docent_leader_each_session(const struct leader *leader, void (*tell)(void *user, int64_t id, int32_t timeout_ms), void *user);
struct tree *docent_leader_own_tree(struct leader *leader);
void docent_leader_restore(struct leader *leader, int64_t zxid, int64_t next_session);
void docent_leader_restore_session(struct leader *leader, uint64_t now, int64_t id, int32_t timeout_ms);
bool docent_leader_replay(struct leader *leader, uint64_t now, struct txn *txn); /* False: it does not fit what is there. */
void docent_leader_touch_all(struct leader *leader, uint64_t now); /* When all that is done, which may have taken its time. */

/* ---- Faults, in what a replica does with a client's requests. ---- */

enum fault_action { FAULT_DROP_REQUEST, FAULT_DROP_REPLY, FAULT_HOLD_REPLY, FAULT_DELAY_REPLY, FAULT_CORRUPT_REPLY };
struct fault {
    enum fault_action action;
    int32_t op;       /* Of the protocol; INT32_MIN: any. */
    char path[256];   /* "": any. A prefix if it ends in '*'. */
    uint32_t skip;    /* Matching requests to let pass first. */
    uint32_t count;   /* How many then; 0: one. */
    uint32_t delay_ms;
};

/* ---- A replica. ---- */

struct replica *docent_replica_new(const struct server_config *config, int id, void (*send)(void *user, struct server_message *message),
                                   void *user);
void docent_replica_free(struct replica *replica); /* Connections too, without a word. */
void docent_replica_receive(struct replica *replica, uint64_t now, struct server_message *message); /* Takes it. */
/* Applies a transaction outside of messages: for a replica that joins. */
void docent_replica_apply(struct replica *replica, uint64_t now, struct txn *txn);
void docent_replica_tick(struct replica *replica, uint64_t now); /* Delayed replies; sends collected touches. */
uint64_t docent_replica_deadline(const struct replica *replica);
const struct tree *docent_replica_tree(const struct replica *replica);
size_t docent_replica_watch_count(const struct replica *replica);
size_t docent_replica_connection_count(const struct replica *replica);
bool docent_replica_add_fault(struct replica *replica, const struct fault *fault); /* False: too many are in force. */
void docent_replica_clear_faults(struct replica *replica); /* And releases what is held. */
size_t docent_replica_fault_count(const struct replica *replica); /* In force. */
size_t docent_replica_held(const struct replica *replica); /* Replies held back now. */
/* Read and never answer. What came is lost; so are, when the stall ends, the connections on which something came. */
void docent_replica_stall(struct replica *replica, bool stalled);
void docent_replica_drop_all(struct replica *replica); /* Every connection. */
/* Serve clients that accept it, and refuse their writes. Every connection is dropped: nobody is to take it for what it was. */
void docent_replica_set_read_only(struct replica *replica, bool read_only);

/* For four-letter words: words.h. */
struct server_about;
struct watch_set;
void docent_replica_set_about(struct replica *replica, void (*about)(void *user, struct server_about *ret_about), void *user);
void docent_replica_about(struct replica *replica, struct server_about *ret_about);
struct server_stats *docent_replica_stats(struct replica *replica);
const struct server_config *docent_replica_config(const struct replica *replica);
/* Every watch on a connection with a session: the path is not terminated. A standing one that is in both tables is told once. */
void docent_replica_each_watch(const struct replica *replica,
                               void (*tell)(void *user, int64_t session, const char *path, size_t size, bool children, bool standing, bool recursive),
                               void *user);
const struct watch_set *docent_replica_watches(const struct replica *replica);
const char *docent_replica_mode(const struct replica *replica);
uint64_t docent_replica_now(const struct replica *replica); /* The last time that it was told. */
size_t docent_replica_pending(const struct replica *replica); /* Requests that wait for their answers. */

struct connection_view {
    const char *peer;     /* As given to docent_connection_new(); the connection's. */
    int64_t session;      /* 0: none. */
    int32_t timeout_ms;
    uint64_t established; /* Monotonic milliseconds. */
    size_t queued;        /* Requests that wait for their answers. */
    unsigned interest;    /* 1: is read; 4: is to be written to. */
    struct connection_stats stats;
};
void docent_connection_view(const struct connection *connection, struct connection_view *ret_view);
void docent_connection_reset_stats(struct connection *connection);

/* @peer is an address, or one with ":port" behind. */
struct connection *docent_connection_new(struct replica *replica, uint64_t now, const char *peer, void *user);
void docent_connection_free(struct connection *connection); /* The peer is gone. */
void *docent_connection_user(const struct connection *connection);
int64_t docent_connection_session(const struct connection *connection);
void docent_connection_recv(struct connection *connection, uint64_t now, const uint8_t *data, size_t size);
size_t docent_connection_send(const struct connection *connection, const uint8_t **ret_data);
void docent_connection_sent(struct connection *connection, size_t size); /* May answer, or forward, what waited for room. */
/* After what there is to send: close. dropped: at once, and what is unsent is lost. */
bool docent_connection_wants_close(const struct connection *connection, bool *ret_dropped);
/* Is it to be read? Not while it leaves too much unread itself; @reading is the last answer, as the bounds for stopping and for going on
 * are not the same. */
bool docent_connection_wants_read(const struct connection *connection, bool reading);
/* One that may have something to send, or to be closed for, since it was last given here. NULL: no more. */
struct connection *docent_replica_ready(struct replica *replica);
/* Walks a replica's connections; NULL begins and ends. */
struct connection *docent_connection_next(struct replica *replica, struct connection *connection);

#endif
