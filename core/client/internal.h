/* core/client/internal.h - the client's parts, for each other. Recipes see machine.h, drivers core.h. */
#ifndef DOCENT_INTERNAL_H
#define DOCENT_INTERNAL_H

#include <docent/view.h>

#include "core/client/machine.h"
#include "core/client/stats.h"
#include "core/drive/await.h"
#include "core/session/session.h"

struct docent_request;

struct request_list {
    struct docent_request *first, *last;
};

enum { FIND_SYNC, FIND_LOOK };

/* A call or an ask, from acceptance to the last it is told. */
struct docent_request {
    struct session_request wire; /* First: the session hands it back. */
    struct docent_later later;
    struct docent_core *core;
    docent_client *view;                    /* Whose paths are meant. */
    struct docent_request *previous, *next; /* All calls of one kind of deadline; a machine's asks. */
    struct request_list *list;
    struct docent_request *pending_next;    /* Waiting for the connection. */

    docent_op_type type;
    enum request_kind { REQUEST_CALL, REQUEST_ASK, REQUEST_INNER } kind;
    enum request_place { PLACE_NONE, PLACE_PENDING, PLACE_FLYING, PLACE_RESTING, PLACE_FINDING } place;
    bool told;  /* The outcome is known to the caller, or on its way there: the reply, if any, finds nobody. */
    bool lost;  /* An attempt was lost on its way; it may have been applied. */
    bool freed; /* Free when it is not needed any more by the session. */
    bool compressed; /* Data in the answer are to be unpacked. */
    uint8_t guard_count; /* So many checks, of holds, stand in front of the transaction's own operations. */
    uint8_t offline; /* docent_offline_policy; see offline_of(). */
    bool step; /* Of a call of ours that is made of several: see docent_run_step(). */
    bool plain; /* A call with the client's defaults, and nothing to be done about its success but telling it. */
    struct docent_machine *machine; /* ASK. NULL: the machine is gone. */
    struct docent_watch *watch;     /* To be filed with the reply. */
    const docent_hold *hold;        /* Counted. */
    struct docent_request *inner[2]; /* Finding out: FIND_SYNC, FIND_LOOK. */
    docent_status synced;           /* What the sync came to. */
    docent_result_fn done;
    void *user;
    uint32_t turn;
    int tag;

    int32_t version;          /* Of the operation, for finding out. */
    docent_create_mode mode;
    size_t failed_part;       /* Of a transaction that was sent again. */
    int64_t zxid_before;      /* The largest zxid seen when it was first sent. */
    uint64_t generation;      /* Of the session that it was last sent in. */

    const docent_retry *retry; /* Own copy (freed with us), or the client's. */
    uint64_t accepted_ms;
    uint64_t deadline_ms;
    struct docent_timer deadline; /* Not used by calls with the default time-out: they are in the order of their deadlines. */
    struct docent_timer rest;
    uint64_t sent_us;     /* The last try, by now_us. */
    uint32_t attempts;
    docent_status cause;  /* Of the last try but one. */

    docent_status status; /* What came. */
    int64_t zxid;
    const uint8_t *body;
    size_t body_size;
    uint32_t room; /* Of frame. */
    uint8_t frame[];
};

/* Requests come and go by the thousand, each made as another ends. One or two are kept for the next. */
enum { REQUEST_ROOM_MIN = 160, SPARE_REQUESTS_MAX = 2 };

/* Everything that waits on one path. */
struct watch_path {
    struct table_link link; /* By text. */
    struct watch_path *next, *previous; /* In the order in which they came, which is mostly theirs in memory, too: that makes going through a
                                         * hundred thousand of them quick. */
    struct docent_core *core;
    struct docent_watch *watches;
    int arming;               /* Standing mode asked for and not answered: WIRE_ADD_, or -1. */
    int standing;             /* Standing mode the server has on this connection: WIRE_ADD_, or -1. */
    bool overwritten;         /* The server has been told something since that undoes what arming asked for. */
    char text[];              /* link.size bytes: the server's path, chroot included. Terminated. */
};

enum watch_filed { FILED_NOT, FILED_DATA, FILED_EXIST, FILED_CHILD, FILED_STANDING };

struct docent_watch {
    struct docent_watch *next; /* On its path. */
    struct docent_core *core;
    docent_client *view;       /* Whose paths are told. */
    struct watch_path *path;
    docent_watch_kind kind;
    enum watch_filed filed;
    bool pending;    /* A read that is to leave it holds it. */
    bool flagged;    /* And was sent with the watch flag. */
    bool orphaned;   /* Was sent without, and the standing watch has been removed since. */
    bool ended;      /* The terminal event is queued. */
    bool told;       /* And was told. */
    bool inside;     /* Changes are told at once, inside the turn, CHILDREN_CHANGED included. */
    bool local;      /* Hears what is told anyway: nothing of it is at the server. Filed as standing. */
    uint32_t news;   /* Events in the queue. */
    bool armed_told; /* Standing: ARMED was told; later ones are RESETs. */
    bool wants_reset; /* Standing: ARMED or RESET is to be told by later. */
    docent_watch_fn fn;
    void *user;
    struct docent_machine *machine;
    uint32_t turn;
    int tag;
    struct docent_later later; /* The terminal event; for standing ones ARMED and RESET too. */
    docent_watch_type type;    /* Of the terminal event. */
    docent_status status;
    int64_t zxid;
};

struct watch_table {
    struct table paths;
    struct watch_path *first, *last;
    struct watch_path *cursor; /* While they are restored: the first that has not been put yet. NULL: all have. */
    int64_t restored_from;     /* And what had been seen when that began. */
    size_t standing_count; /* Paths with a standing registration. */
    size_t inside_count;   /* Registrations that are told inside the turn. */
    size_t local_count;    /* Those of them that hear one-shots which belong to no registration. */
    bool unarmed;          /* Some could not be armed for want of memory; what has changed since this zxid was not told to them. */
    int64_t unarmed_zxid;
};

/* The circuit breaker in front of a listener; see listeners.c. */
struct damper {
    docent_retry policy;
    bool open;
    bool lost_told;          /* Since it opened. */
    bool new_session;        /* Of what came and was not told. */
    bool went_back;
    uint32_t pauses;         /* Asked for since it opened. */
    uint64_t opened_ms;
    docent_state told;       /* Last. */
    docent_state_event last; /* That came, told or not. */
    struct docent_timer timer;
    struct docent_later looking;
};

struct docent_state_listener {
    struct docent_state_listener *next;
    struct docent_core *core;
    docent_state_fn fn;
    void *user;
    bool removed;
    bool damped;
    struct damper damper; /* If it is. */
};

struct server_version {
    struct docent_address address;
    uint32_t version; /* 0: asked in vain. */
};

enum { STATES_MAX = 16 }; /* Untold at a time: more than a turn can add. See docent_state_go(). */

/* What a view does by itself where a call says nothing. One block; shared by the views that inherit it as it is. */
struct view_policy {
    docent_shared_i64 references;
    docent_acl_list acl; /* Count 0: docent_acl_open(). */
    docent_acl_fn acl_for;
    void *user;
    const void *data; /* Of creates without. NULL: none. */
    size_t data_size;
    size_t inflated_max;
    bool compresses;
};

/* What the application holds: a view. A client has one of its own, below the chroot of its connect string; docent_client_view() makes
 * more, all of one session. */
struct docent_client {
    struct docent_core *core;
    const docent_allocator *allocator; /* The core's. */
    docent_shared_i64 references; /* The application's, and one for everything that works through it. Not counted for the client's own. */
    const char *chroot;           /* "" or "/a/b": in front of every path at the server. */
    size_t chroot_size;
    struct view_policy *policy;   /* NULL: nothing but defaults; see docent_view_policy(). */
    bool compresses;              /* policy's. */
    size_t plain_record_max;      /* The longest record of a call that needs no closer look. */
};

/* The session's owner, of which a client is the root view. */
struct docent_core {
    docent_client root;
    docent_allocator allocator;
    struct docent_host host;
    docent_client_options options;
    docent_retry retry;
    struct session session;
    uint64_t now;
    uint64_t now_us; /* Finer; zero unless somebody looks at it. */
    struct stats_block *stats; /* NULL: nothing is counted. */
    struct recorder *recorder; /* NULL: nothing is recorded. */
    unsigned depth; /* Of entries. */
    struct docent_later *later_first, **later_last;
    bool closing, closed;
    bool fine_clock;  /* Keep now_us. */
    bool traced;      /* Every attempt is of interest to somebody: no call is plain. */
    docent_shared_i64 close_cause; /* A docent_status. */

    struct request_list calls;  /* With the default time-out, in order. */
    struct request_list others;
    struct docent_request *pending_first, **pending_last;
    uint32_t pending_count;
    struct docent_request *spare;
    unsigned spare_count;
    struct wire_out scratch;
    void (*tell_plain)(struct docent_later *later); /* An answer to one; with or without counting it, so that no call asks which. */
    docent_result plain_result; /* Of what is told just now; only what a plain answer fills in is ever other than zero. */

    struct follower *follower; /* NULL: the list of servers is the application's. */

    struct docent_timer **heap; /* heap[1] is the earliest. */
    size_t heap_size, heap_reserved, heap_capacity;

    struct docent_machine *machines, *machine_cursor;
    bool refusals;
    uint32_t holds;
    uint32_t composites;         /* Calls of several steps under way. */
    docent_shared_i64 removals;  /* Of them and of recipes: that nobody waits for. */
    uint64_t random;

    struct watch_table watches;
    struct table lookouts;
    struct table lines; /* Of contenders that wait for each other. */

    struct server_version *versions;
    size_t version_count;
    char server_text[DOCENT_ADDRESS_TEXT];

    docent_state_event states[STATES_MAX];
    unsigned state_first, state_count;
    struct docent_later state_later;
    struct docent_state_listener *listeners;
    bool telling_state;
    docent_state last_state;       /* The newest, told or not. */
    uint64_t connections;
    uint64_t told_generation;
    docent_shared_i64 shared_state;      /* The one being told, or told last. */
    docent_shared_i64 shared_told_generation; /* And its session. */
    docent_shared_i64 shared_generation; /* Of the session that is alive; 0: none. */
    docent_shared_i64 shared_lease;      /* Until when, in ms. */
};

/* view.c */
docent_client *docent_view_ref(docent_client *view);
void docent_view_unref(docent_client *view); /* Frees it with the last. */
const struct view_policy *docent_view_policy(const docent_client *view);
/* Makes @options, on top of what @parent has, the policy of @view, which has none. */
docent_status docent_view_policy_set(docent_client *view, const docent_client *parent, const docent_view_options *options);
void docent_view_policy_drop(docent_client *view);
/* The client's own view lives as long as the core. */
static inline void docent_view_use(docent_client *view)
{
    if (view != &view->core->root) docent_view_ref(view);
}
static inline void docent_view_drop(docent_client *view)
{
    if (view != &view->core->root) docent_view_unref(view);
}

/* turn.c */
void docent_turn_begin(struct docent_core *core, uint64_t now_ms);
void docent_turn_end(struct docent_core *core);
void docent_laters_run(struct docent_core *core);
void docent_client_look_at_clock(struct docent_core *core);
void docent_client_publish_stats(struct docent_core *core); /* If something is counted. */
void docent_client_broadcast(struct docent_core *core, const struct docent_event *event);
void docent_client_end(struct docent_core *core, docent_status why);
/* What the session tells: see struct session_hooks. */
enum session_restored docent_client_on_restore(void *owner, bool begin, uint32_t packets);
void docent_client_on_online(void *owner);
void docent_client_on_offline(void *owner, docent_status cause);
void docent_client_on_expired(void *owner);
void docent_client_on_auth_failed(void *owner);
void docent_client_on_notified(void *owner, int64_t zxid, const struct wire_watcher_event *event);
/* May the caller submit? */
static inline docent_status docent_core_check(struct docent_core *core)
{
    docent_status status = core->host.check_loop(core->host.user);
    if (status != DOCENT_OK) return status;
    if (core->depth == 0) { /* A submission from the application's own code: time has passed since the last turn. */
        uint64_t now = core->host.now_ms(core->host.user);
        if (now > core->now) core->now = now;
        if (core->fine_clock) docent_client_look_at_clock(core);
    }
    return core->closing ? (docent_status)docent_shared_get(&core->close_cause) : DOCENT_OK;
}

/* There is work for the driver. In a turn it knows: it looks after every entry. */
static inline void docent_core_wake(const struct docent_core *core)
{
    if (core->depth == 0) core->host.wake(core->host.user);
}

/* docent_client_later(), where a call counts. */
static inline void docent_later_queue(struct docent_core *core, struct docent_later *later)
{
    if (docent_later_is_queued(later)) return;
    later->next = later;
    *core->later_last = later;
    core->later_last = &later->next;
    docent_core_wake(core);
}

/* state.c */
void docent_state_go(struct docent_core *core, docent_state state, docent_status cause);
void docent_client_publish_lease(struct docent_core *core);

/* listeners.c */
docent_status docent_listener_add(struct docent_core *core, const docent_retry *damping, docent_state_fn fn, void *user,
                                  docent_state_listener **ret_listener);
void docent_listener_hears(struct docent_state_listener *listener, const docent_state_event *event);
void docent_listeners_sweep(struct docent_core *core, bool all); /* Frees those that were removed. Not while they are walked. */
void docent_listeners_mute(struct docent_core *core); /* None is told any more, and all timers are forgotten next. */

/* versions.c */
/* Elsewhere queries about what only the loop knows answer as for what is over. */
static inline bool docent_core_is_here(const struct docent_core *core)
{
    return core->host.check_loop(core->host.user) == DOCENT_OK;
}
uint32_t docent_client_version_known(const struct docent_core *core); /* Of the connected server; 0: not known. */
void docent_client_too_old(struct docent_core *core, uint32_t version); /* It has shown that it is older than this. */

/* timers.c */
void docent_timers_fire(struct docent_core *core); /* Those that are due. */
docent_status docent_timers_grow(struct docent_core *core, size_t count);
static inline docent_status docent_timers_reserve(struct docent_core *core, size_t count)
{
    if (core->heap_reserved + count + 1 > core->heap_capacity) {
        docent_status status = docent_timers_grow(core, count);
        if (status != DOCENT_OK) return status;
    }
    core->heap_reserved += count;
    return DOCENT_OK;
}

static inline void docent_timers_release(struct docent_core *core, size_t count)
{
    core->heap_reserved -= count;
}

static inline void docent_timer_stop_if_set(struct docent_core *core, struct docent_timer *timer)
{
    if (timer->index != 0) docent_timer_stop(&core->root, timer);
}

/* request.c; what its neighbours share is in request.h */
void docent_requests_init(struct docent_core *core); /* When it is known whether anything is counted. */
void docent_requests_free_spare(struct docent_core *core);
void docent_requests_expired(struct docent_core *core); /* The session is over. */
void docent_requests_deadlines(struct docent_core *core);
uint64_t docent_requests_next_deadline(const struct docent_core *core);
void docent_requests_close(struct docent_core *core, docent_status why);
void docent_requests_mute(struct docent_core *core); /* The application is not told. */

/* call.c */
size_t docent_requests_plain_max(const struct docent_core *core);

/* send.c */
void docent_requests_online(struct docent_core *core);

/* ask.c */
/* @flag: the server is to leave a watch; @watch (may be NULL) is filed with the reply. */
docent_status docent_request_ask(struct docent_machine *machine, const docent_op *op, int tag, struct docent_watch *watch, bool flag);
void docent_request_forget_machine(struct docent_request *request);
/* A request of the client's own: watches, finding out. @done (may be NULL) runs at once, inside the turn. Online only. Its paths are the server's. */
docent_status docent_request_inner(struct docent_core *core, const uint8_t *frame, size_t size, int32_t op, docent_op_type type,
                                   docent_result_fn done, void *user, struct docent_request **ret_request);

/* answer.c */
void docent_request_answered(void *owner, struct session_request *wire, const struct wire_reply_header *header, const uint8_t *body,
                             size_t size);
void docent_request_lost(void *owner, struct session_request *wire, bool sent);

/* encode.c */
uint32_t docent_op_min_version_of_newer(int32_t op);
static inline uint32_t docent_op_min_version(int32_t op) /* Of servers that know it; 0: all do. */
{
    return op <= WIRE_OP_CREATE2 ? 0 : docent_op_min_version_of_newer(op);
}
/* How to encode, and what came of it. */
struct encoding {
    const docent_hold *const *guards; /* Checks of their nodes go in front of a multi's operations. */
    size_t guard_count;
    bool compress;
    int32_t op;              /* Out: WIRE_OP_. */
    const char *fault;       /* Out: what is wrong, in static words, if the operation was refused. */
    const docent_op *faulty; /* Out: and with which operation, perhaps one of a multi's. */
};
/* Encodes into the core's scratch, header (without xid) included. A read's watch flag, its last byte, is false. */
docent_status docent_op_encode(docent_client *client, const docent_op *op, struct encoding *encoding);
void docent_put_path(docent_client *client, struct wire_out *out, const char *path);

/* decode.c */
/* Decodes a reply; what needs room goes to @arena. */
struct result_arena {
    const docent_allocator *allocator;
    size_t inflated_max; /* Data are compressed, and may come to so many bytes together. 0: they are as they are. */
    struct arena_chunk *chunks;
};
void docent_reply_decode(docent_client *client, docent_op_type type, size_t guard_count, docent_status status, int64_t zxid,
                         const uint8_t *body, size_t size, struct result_arena *arena, docent_result *ret_result);
void *docent_arena_alloc(struct result_arena *arena, size_t count, size_t size);
void docent_arena_free_chunks(struct result_arena *arena);
static inline void docent_arena_free(struct result_arena *arena)
{
    if (arena->chunks != NULL) docent_arena_free_chunks(arena);
}
/* A client's path of a server's: the chroot taken off. */
const char *docent_path_strip(const docent_client *client, const char *path);

/* compress.c */
/* Puts @data as a gzip member behind its length. DOCENT_OK (out->failed may be set, as by any put) or DOCENT_ERR_NO_MEMORY. */
docent_status docent_gzip_put(struct wire_out *out, const void *data, size_t size);
/* Replaces the data of @result by what they unpack to. DOCENT_OK, DOCENT_ERR_CORRUPT_DATA, DOCENT_ERR_TOO_LARGE, DOCENT_ERR_NO_MEMORY. */
docent_status docent_gunzip(struct result_arena *arena, docent_result *result);

/* lookout.c */
docent_status docent_lookout_begin(struct docent_machine *machine, const docent_op *get, int tag, struct docent_lookout *lookout);
/* Of this path at the server, or NULL. */
struct docent_lookout *docent_lookout_find(const struct docent_core *core, const char *text, size_t size);
void docent_lookout_notified(struct docent_core *core, int type, const char *text, size_t size);

/* watches.c; what its neighbours share is in watches.h */
docent_status docent_watch_new(docent_client *client, const char *path, docent_watch_kind kind, struct docent_watch **ret_watch);
/* Does the read that leaves this watch, and is sent now, send the flag? Not on a path with a standing mode: below 3.9 it would overwrite
 * it. */
bool docent_watch_sends_flag(struct docent_watch *watch);
/* Its read will not leave it. */
void docent_watch_abandon(struct docent_watch *watch, docent_status status);
void docent_watch_file(struct docent_watch *watch, docent_op_type type, docent_status status);
/* Told once; a machine's is an event at once, an application's waits for its turn. */
void docent_watch_end(struct docent_watch *watch, docent_watch_type type, docent_status status, int64_t zxid);
void docent_watch_notified(struct docent_core *core, int64_t zxid, const struct wire_watcher_event *event);
void docent_watches_end_all(struct docent_core *core, docent_status why);

/* watch_table.c */
void docent_watches_free(struct docent_core *core);
void docent_watches_mute(struct docent_core *core); /* Nobody is told any more; to be closed next. */

/* watch_restore.c */
enum session_restored docent_watches_restore(struct docent_core *core, bool begin, uint32_t packets); /* See session_hooks.restore. */
bool docent_watches_want_connection(const struct docent_core *core); /* Another one: see docent_watches_unarmed(). */
void docent_watches_offline(struct docent_core *core);
void docent_watches_online(struct docent_core *core);

/* ensemble.c */
/* docent_ensemble_parse() in @allocator's memory: one block, to be freed with docent_free(). */
docent_status docent_ensemble_read(const docent_allocator *allocator, const void *text, size_t size, docent_ensemble **ret_ensemble);

/* follow.c */
struct follower;
/* @servers: those that the application named. NULL: they are not known. Copied. */
docent_status docent_follower_new(struct docent_core *core, const char *servers, struct follower **ret_follower);
void docent_follower_free(struct docent_core *core); /* Also if there is none. */

/* machine.c */
void docent_machines_settle(struct docent_core *core);
void docent_machine_deliver(struct docent_machine *machine, const struct docent_event *event);

#endif
