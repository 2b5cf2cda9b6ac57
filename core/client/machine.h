/* core/client/machine.h - what a recipe is made of: a machine that asks, and is told by events.
 *
 * A machine belongs to one client and lives on its loop. It does not call the network, the clock or the user: it asks for
 * operations, for one timer and for callbacks, and everything comes back through on_event, one event at a time, never from
 * inside a call that the machine makes.
 *
 * Turn       machine->turn counts the states a machine has entered. An ask remembers the turn it was made in; when its answer or its
 *            watch comes after docent_machine_next_turn(), it is dropped here and the machine never sees it. (A watch
 *            is cancelled then, on the server too if nobody else needs it.)
 * Outages    Asks are sent once. If the connection is lost, they answer DOCENT_ERR_CONNECTION_LOSS, with event->sent telling
 *            whether the server may have got them; asked while not connected, they answer so at once (unsent). Ask again at
 *            DOCENT_EV_RESUMED, which comes when the connection is back and all watches are armed again; EV_SUSPENDED,
 *            EV_RESUMED and EV_EXPIRED are not bound to a turn. Order of one loss: EV_SUSPENDED, then the lost replies.
 *            The order of an expiry: (EV_SUSPENDED and lost replies first if the connection was up,) EV_EXPIRED, later EV_RESUMED with
 *            a new generation. A machine made while connected gets no EV_RESUMED: see docent_machine_online().
 * Memory     An ask that finds no memory answers DOCENT_ERR_NO_MEMORY, later; treat it like DOCENT_ERR_THROTTLED: a timer.
 * Closing    EV_CLOSING comes once when the client closes (before the session is ended). No event follows; asks in flight are
 *            dropped. The machine must let itself be finished: queue its last callbacks, then docent_machine_fini(). */
#ifndef DOCENT_MACHINE_H
#define DOCENT_MACHINE_H

#include <docent/operation.h>

#include "core/client/core.h"
#include "core/wire/alloc.h"
#include "core/wire/options.h"
#include "core/wire/path.h"
#include "core/wire/table.h"

enum docent_event_type {
    DOCENT_EV_REPLY,
    DOCENT_EV_WATCH, /* A one-shot watch that an ask left has told its change. */
    DOCENT_EV_TIMER,
    DOCENT_EV_SUSPENDED,
    DOCENT_EV_RESUMED,
    DOCENT_EV_EXPIRED, /* The session is over, as far as we are concerned, and took its ephemerals with it. */
    DOCENT_EV_CLOSING,
};

struct docent_event {
    enum docent_event_type type;
    int tag;                      /* REPLY, WATCH: the asker's. */
    docent_status status;         /* REPLY. CLOSING: why. */
    bool sent;                    /* REPLY with DOCENT_ERR_CONNECTION_LOSS: it was handed to the kernel, wholly or in part. */
    const docent_result *result;  /* REPLY: never NULL; borrowed until on_event returns. */
    docent_watch_type change;     /* WATCH. */
    uint64_t generation;          /* REPLY, RESUMED, EXPIRED: of the session. */
};

struct docent_timer { /* In the client's heap of deadlines. */
    uint64_t at_ms;
    size_t index; /* 0: not in the heap. */
    void (*fire)(struct docent_timer *timer);
};

enum { DOCENT_ASKS_MAX = 4 }; /* In one turn. */

struct docent_machine {
    docent_client *client;
    void (*on_event)(struct docent_machine *machine, const struct docent_event *event);
    const char *name; /* For traces: whose requests these are. Static. NULL: nobody's. */
    struct docent_machine *previous, *next; /* The client's machines. */
    struct docent_request *asks; /* In flight. */
    struct docent_watch *watch;  /* Left by an ask of this turn. */
    struct docent_timer timer;
    uint32_t turn;
    struct { /* Asks of this turn that could not be sent, to be answered soon. */
        int16_t tag, status;
    } refused[DOCENT_ASKS_MAX];
    uint16_t retries; /* Of the current trouble; for docent_machine_retry(). */
    uint8_t refused_count;
    bool wants_stat : 1; /* Creates are asked for so that the stat comes back, where the server can. Set before asking. */
    bool raw : 1;        /* Data go as they are, whether the view compresses or not. Set before asking. */
};

/* Enters @machine (zeroed, embedded) into the client. Cannot fail. */
void docent_machine_init(struct docent_machine *machine, docent_client *client,
                         void (*on_event)(struct docent_machine *machine, const struct docent_event *event));
/* Takes it out: no event follows; its asks run on unheard. Allowed inside on_event. Its memory may go at once if the caller does not
 * touch it any more; what a callback of the same turn may still look at goes with docent_client_later(). */
void docent_machine_fini(struct docent_machine *machine);

/* A new state: what earlier ones asked for is not heard any more, their watch is cancelled, the timer is off. */
void docent_machine_next_turn(struct docent_machine *machine);

/* Sends @op once. @tag comes back. With @watch (GET, EXISTS or CHILDREN), leaves a one-shot watch under the protocol's rules (GET on
 * a missing node leaves none), told as DOCENT_EV_WATCH. */
void docent_ask(struct docent_machine *machine, const docent_op *op, int tag);
void docent_ask_watch(struct docent_machine *machine, const docent_op *op, int tag);
/* A watch on the data of a node that has one owner, in that owner's memory (zeroed at first): for the many who look after a node of their own each.
 * Told once as DOCENT_EV_WATCH, without a tag. It is the owner's to end: with its turn, with the connection, and before @path goes. What
 * it has left at the server stays there until something happens to the node, or the connection goes. One a node. */
struct docent_lookout {
    struct table_link link;
    struct docent_machine *machine;
    const char *path; /* The client's. NULL: it is over. */
};
/* Sends GET of @path once, as docent_ask_watch() does. Asked again before it has told anything, it goes on. */
void docent_ask_lookout(struct docent_machine *machine, const char *path, int tag, struct docent_lookout *lookout);
void docent_lookout_end(struct docent_lookout *lookout); /* Also one that is over. */

/* DOCENT_EV_TIMER after @delay_ms; replaces the timer that was. Not bound to a turn except that next_turn stops it. */
void docent_machine_timer(struct docent_machine *machine, uint64_t delay_ms);
/* The same after the client's backoff for one more trouble in a row, at least 1 ms; docent_machine_calm() ends the row. */
void docent_machine_retry(struct docent_machine *machine);
void docent_machine_calm(struct docent_machine *machine);
/* The same after the delay that @policy has before try @tries + 1, if it has one; see docent_retry_delay(). False: it gives up. For
 * machines that carry out one call of the application: nothing else may retry for them. */
bool docent_machine_retry_by(struct docent_machine *machine, const docent_retry *policy, uint32_t tries, uint64_t elapsed_ms,
                             docent_status cause);
/* docent_retry_delay() with the client's randomness. */
bool docent_client_retry_delay(docent_client *client, const docent_retry *policy, uint32_t tries, uint64_t elapsed_ms, docent_status cause,
                               uint64_t *ret_delay_ms);

/* Connected, watches armed, session not lost: asks will be sent. */
bool docent_machine_online(const struct docent_machine *machine);

/* ---- The client, as recipes see it. ---- */

uint64_t docent_client_generation(const docent_client *client); /* Of the session, 0 before the first. */
bool docent_client_closing(const docent_client *client);
docent_status docent_client_close_cause(const docent_client *client); /* What its calls end with now; DOCENT_OK: it does not close. Any
                                                                        * thread. */
bool docent_client_forked(const docent_client *client); /* Is this a forked child? Any thread. */
struct table *docent_client_lines(docent_client *client); /* Of recipes/line.h. */
uint64_t docent_client_now(const docent_client *client); /* Of this turn. */
int64_t docent_client_wall_ms(const docent_client *client); /* Since 1970, by this machine's wall clock. Loop. */
const docent_allocator *docent_client_allocator(const docent_client *client);
const struct docent_host *docent_client_host(const docent_client *client);
void docent_client_log(const docent_client *client, docent_log_level level, const char *id, const char *path, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* One line per change of state, at DOCENT_LOG_DEBUG, as "<kind>.state". */
void docent_trace(const struct docent_machine *machine, const char *kind, const char *path, const char *from, const char *to);

/* User callbacks, and whatever must come after them (freeing): run in order at the end of the turn, or of the next one if this
 * is a submission. Queueing cannot fail; a callback that is queued already stays where it is. It may queue itself again,
 * and free what it is embedded in. */
struct docent_later {
    struct docent_later *next; /* NULL: not queued. Of the last one: itself. */
    void (*run)(struct docent_later *later);
};
static inline bool docent_later_is_queued(const struct docent_later *later)
{
    return later->next != NULL;
}
static inline struct docent_later *docent_later_after(const struct docent_later *later) /* NULL: it is the last. */
{
    return later->next == later ? NULL : later->next;
}
void docent_client_later(docent_client *client, struct docent_later *later);

/* A timer of one's own, beside a machine's: for deadlines, which outlive a turn. Set again: moves. The heap's room is
 * reserved by docent_timer_reserve() when an object is made, so that setting cannot fail; released when it is freed. */
docent_status docent_timer_reserve(docent_client *client);
void docent_timer_release(docent_client *client);
void docent_timer_set(docent_client *client, struct docent_timer *timer, uint64_t at_ms);
void docent_timer_stop(docent_client *client, struct docent_timer *timer);
/* (docent_machine_init's own timer needs a reservation too: the object that embeds a machine makes it.) */

/* 122 random bits as a version 4 UUID, lower case: 8-4-4-4-12. From the host's entropy. */
void docent_client_uuid(docent_client *client, char text[37]);

/* docent_result_copy() in the client's memory: one block, to be freed with docent_free(). NULL: no memory. */
docent_result *docent_result_keep(const docent_allocator *allocator, const docent_result *result);

/* A view lives for as long as somebody keeps it; a client needs no keeping. Paired. */
void docent_client_keep(docent_client *client);
void docent_client_drop(docent_client *client);

/* May the application submit now? As every call that it makes; see docent_run_async(). Brings docent_client_now() up to date. */
docent_status docent_client_check(docent_client *client);
/* What a create without data gets; NULL: none. Borrowed. */
const void *docent_client_default_data(const docent_client *client, size_t *ret_size);
const docent_retry *docent_client_retry(const docent_client *client);
docent_offline_policy docent_client_offline(const docent_client *client);
/* Of recipes that were given none: DEFAULT, if the client was not either. See docent_state_is_error(). */
docent_error_policy docent_client_error_policy(const docent_client *client);
uint32_t docent_client_call_timeout(const docent_client *client); /* Or DOCENT_FOREVER. */

/* ---- Calls of several steps, and what they leave to be cleaned up. ---- */

/* Room for one more such call, from its acceptance until nothing of it is left to be done: DOCENT_ERR_BUSY beyond options.pending_max. Paired
 * with docent_client_composite_ends(). */
docent_status docent_client_composite_begins(docent_client *client);
void docent_client_composite_ends(docent_client *client);
/* A removal that nobody waits for any more has begun, or ended. Paired; counted for docent_pending_deletes(). */
void docent_client_removal_begins(docent_client *client);
void docent_client_removal_ends(docent_client *client);
uint32_t docent_client_removals(const docent_client *client); /* Any thread. */

/* ---- A write whose reply was lost. ---- */

static inline bool docent_mode_is_sequential(docent_create_mode mode)
{
    return mode == DOCENT_PERSISTENT_SEQUENTIAL || mode == DOCENT_EPHEMERAL_SEQUENTIAL || mode == DOCENT_PERSISTENT_SEQUENTIAL_TTL;
}

int64_t docent_client_last_zxid(const docent_client *client); /* The largest seen in this session. */
bool docent_client_settled(const docent_client *client); /* The session before this one is known to be over. */
/* Behind a sync, nothing can be applied any more that was sent in session @generation: it is this one, or the one before and known to be over.
 * Of still earlier ones nobody knows. */
bool docent_client_settled_since(const docent_client *client, uint64_t generation);
struct docent_lost_write {
    docent_op_type type; /* CREATE, not sequential, or SET. */
    const void *data;
    size_t size;
    int32_t version;          /* SET. */
    docent_create_mode mode;  /* CREATE. */
    int64_t zxid_before;      /* docent_client_last_zxid() when it was sent first. */
    int64_t session_id;       /* That it was sent in. */
};
/* What became of it: DOCENT_OK (applied), @conflict (not, and somebody else's doing is in the way) or DOCENT_ERR_UNKNOWN_OUTCOME. @conflict:
 * DOCENT_ERR_NODE_EXISTS, DOCENT_ERR_BAD_VERSION. @node: what a get said, after a sync, in the same session. */
docent_status docent_lost_write_found(const struct docent_lost_write *write, docent_status conflict, const docent_result *node);

/* ---- What caches are made of. ---- */

/* One read, sent once, now or not at all. Like an ask, but @done runs at once, inside the turn, in the order of the stream, and any number may
 * be under way; every one that is accepted is answered, DOCENT_ERR_CONNECTION_LOSS included. With @leaves_watch the server leaves a
 * one-shot watch, which belongs to no registration: docent_watch_subtree() hears it. The caller keeps @client until @done. */
docent_status docent_read_once(docent_client *client, const docent_op *op, bool leaves_watch, docent_result_fn done, void *user);

/* Hears of all that the connection tells at @path and below, CHILDREN_CHANGED included: at once, inside the turn, in the order of the stream.
 * With @standing the server is asked for a recursive watch, and ARMED, RESET and ENDED are told as by docent_watch_async(), in the
 * queue of callbacks; else what is heard is what one-shot watches tell, whoever left them, and only ENDED is told. @fn calls no
 * application. Ends with the session. */
docent_status docent_watch_subtree(docent_client *client, const char *path, bool standing, docent_watch_fn fn, void *user,
                                   docent_watch **ret_watch);
/* The same of @path alone: with @standing a persistent watch. */
docent_status docent_watch_node(docent_client *client, const char *path, bool standing, docent_watch_fn fn, void *user,
                                docent_watch **ret_watch);

/* Which of many nodes have changed since @zxid? One packet of set-watches asks the server: docent_survey_add() until it says that the packet is
 * full, then docent_survey_send(). What has changed is told by docent_watch_subtree()'s watch before @done; the one-shots stay. */
struct docent_survey;
docent_status docent_survey_new(docent_client *client, struct docent_survey **ret_survey);
enum docent_surveyed {
    DOCENT_SURVEY_ADDED,
    DOCENT_SURVEY_FULL,   /* Not in this one. */
    DOCENT_SURVEY_UNSURE, /* Not in any: a watch of another mode is on that path, which the server would overwrite. */
};
enum docent_surveyed docent_survey_add(struct docent_survey *survey, const char *path, bool data, bool children);
void docent_survey_free(struct docent_survey *survey);
/* Sends the packet and frees the survey, also if this fails: DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CONNECTION_LOSS. @done may come with
 * DOCENT_ERR_CONNECTION_LOSS. */
docent_status docent_survey_send(struct docent_survey *survey, int64_t zxid, docent_result_fn done, void *user);

/* ---- Access control lists. ---- */

/* Bytes that a copy takes with all it refers to; SIZE_MAX: more than there are. */
size_t docent_acl_copy_size(docent_acl_list list);
/* That copy, in @block, which is aligned as malloc() does. */
docent_acl_list docent_acl_copy_into(docent_acl_list list, void *block);
/* A copy of what an application gave, to be dropped with the same allocator; none of an empty list. DOCENT_OK, DOCENT_ERR_NO_MEMORY, or
 * DOCENT_ERR_INVALID_ARGUMENT: no entries, or one without scheme or id. */
docent_status docent_acl_keep(const docent_allocator *allocator, docent_acl_list list, docent_acl_list *ret_list);
void docent_acl_drop(const docent_allocator *allocator, docent_acl_list list);

/* ---- Holds. ---- */

/* While anything is held heartbeats are syncs and the lease is the strict one. Paired. */
void docent_client_hold_begins(docent_client *client);
void docent_client_hold_ends(docent_client *client);
/* What stands in front of the client's paths at the server: "" or "/a/b". */
const char *docent_client_chroot(const docent_client *client);
bool docent_client_is_view(const docent_client *client); /* Not the client itself. */

/* What a transaction relies on. */
struct docent_guarding {
    const docent_hold *const *holds; /* All are checked, with no result of theirs in the result. */
    size_t count;
    const char *fault;               /* Out: in static words, if the transaction was refused for what is in it. */
    const docent_op *faulty;         /* Out: and by which of its operations, if by one. */
};
/* docent_run_async() of a transaction; these holds stand for @options->hold. */
docent_status docent_run_guarded(docent_client *client, const docent_op *op, const docent_call_options *options,
                                 struct docent_guarding *guarding, docent_result_fn done, void *user);
/* The same as a step of a larger call of ours; @guarding: NULL for what is no transaction. @done is told in a forked child as well, where
 * no application is: what hangs on it is to be freed. */
docent_status docent_run_step(docent_client *client, const docent_op *op, const docent_call_options *options,
                              struct docent_guarding *guarding, docent_result_fn done, void *user);

/* An immutable hold of @path (a client path), with one reference. */
docent_status docent_hold_new(docent_client *client, const char *path, int64_t czxid, uint64_t generation, docent_hold **ret_hold);
/* The hold's path at the server, whatever view it was taken through. */
const char *docent_hold_server_path(const docent_hold *hold);
/* Any thread, reads the clock: is the session of generation @generation certain to be alive now? */
bool docent_client_lease_good(const docent_client *client, uint64_t generation);

#endif
