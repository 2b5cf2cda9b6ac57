/* recipes/node.h - what the calls of several steps (docent/node.h) have in common: one deadline, one retry policy, one outcome.
 *
 * A node_call is a machine with a kind of its own. The kind knows its steps: ask() asks for the present one, on_reply() says what the
 * answer leads to and moves on with docent_node_step(). This knows when: while there is no connection, or a pause is due, nothing is asked;
 * DOCENT_EV_RESUMED and the timer come back to ask(). A step that failed goes to docent_node_failed(), which tries again under the policy, or
 * ends the call.
 *
 *     accepted --> step <--> pause, no connection
 *                   | docent_node_tell()
 *                   v
 *                 told --> (leftovers: steps go on, with the client's backoff, for as long as it takes)
 *                   | docent_node_end()
 *                   v
 *                 freed
 *
 * A doubt is a change that was sent and not answered: docent_node_doubt(). Until the kind has resolved it the call can end only with
 * DOCENT_ERR_UNKNOWN_OUTCOME; a kind whose leftovers undo the change does not record it. In another session than that of the doubt nothing can
 * be found out unless the old one is known to be over; then the call ends. */
#ifndef DOCENT_RECIPES_NODE_H
#define DOCENT_RECIPES_NODE_H

#include <docent/node.h>

#include "core/client/machine.h"

struct node_call;

struct node_kind {
    const char *name;
    void (*ask)(struct node_call *call);
    void (*on_reply)(struct node_call *call, const struct docent_event *ev);
    /* The session is over. NULL: that makes no difference. The call goes on in the next one unless it is ended here. */
    void (*on_expired)(struct node_call *call);
    /* The call gives up for @why, the first reason. NULL: it is told, and that is all. True: something is left to be done. */
    bool (*gives_up)(struct node_call *call, docent_status why);
    void (*free)(struct node_call *call); /* What the kind has allocated; not the call. */
};

struct node_call {
    struct docent_machine machine;
    const struct node_kind *kind;
    docent_result_fn done;
    void *user;
    docent_retry retry;
    docent_offline_policy offline;
    uint64_t accepted_ms;
    struct docent_timer deadline;
    struct docent_later telling;

    bool step;         /* Of another call of ours, that is told in a forked child as well. */
    bool told;         /* The outcome is known to the application, or on its way there. */
    bool leaves;       /* Told, and something is left to be done. */
    bool over;         /* The machine is finished. To be freed when all is told. */
    bool resting;      /* Until the timer. */
    bool tried;        /* The present try was counted. */
    bool changing;     /* A change is under way. */
    bool doubt;        /* One was sent, and may have been applied. */
    bool moot;         /* One of these was left open, because it made no difference to what is wanted. */
    uint64_t doubt_generation;
    uint32_t attempts; /* Tries of the whole. */
    docent_status cause;

    char *path;        /* Owned, with room for a sequence number. */
    size_t path_size;
    uint8_t *data;     /* Owned; NULL: none. */
    size_t size;

    docent_result result; /* The outcome. Its path is the call's own. */
    docent_result *copy;  /* Owned: what result borrows from. NULL: nothing. */
};

struct node_limits { /* What all options have. */
    uint32_t timeout_ms;
    const docent_retry *retry;
    docent_offline_policy offline;
    bool step; /* See node_call. */
};

/* A call of @size bytes (of which a node_call is the first member), zeroed but for what the arguments say. On success it is to be
 * completed and started, or freed with docent_node_cancel(). */
docent_status docent_node_new(docent_client *client, size_t size, const struct node_kind *kind, const char *path, bool sequential,
                              const void *data, size_t data_size, const struct node_limits *limits, docent_result_fn done, void *user,
                              struct node_call **ret_call);
void docent_node_cancel(struct node_call *call);
/* Accepted: from here on it will be told. */
void docent_node_start(struct node_call *call, uint32_t timeout_ms);

/* docent_ensure_path_async(), with limits of the caller's. */
docent_status docent_ensure_path_within(docent_client *client, const char *path, docent_parents parents, docent_acl_list acl,
                                        const struct node_limits *limits, docent_result_fn done, void *user);

/* Asks for the present step, now or as soon as it can be asked. What was asked before is not heard any more. */
void docent_node_step(struct node_call *call);
/* The present step failed with @cause. Asks again when the policy says; or tells, if it gives up or if @cause is an answer. @sent: of a lost
 * request. */
void docent_node_failed(struct node_call *call, docent_status cause, bool sent);
/* The present step is asked again after a pause of the client's backoff: something is in the way, and that is no failure. */
void docent_node_later(struct node_call *call);

/* May @status be mended by another try? */
bool docent_node_may_retry(const struct node_call *call, docent_status status);
/* A change answered so may have been applied. */
bool docent_node_leaves_doubt(const struct docent_event *ev);

/* What is asked for now is a change that is in doubt until it is answered. In ask(). */
void docent_node_changes(struct node_call *call);
void docent_node_doubt(struct node_call *call);
void docent_node_doubt_over(struct node_call *call);
/* It stays open, and the call goes on in a way for which it makes no difference; but failed, it cannot say that nothing was changed. */
void docent_node_doubt_moot(struct node_call *call);

/* Success, with or without what @ev brings. */
void docent_node_succeed(struct node_call *call, const docent_result *result);
/* The outcome. */
void docent_node_tell(struct node_call *call, docent_status status);
/* Nothing is left to be done. Tells @status unless it was told. */
void docent_node_end(struct node_call *call, docent_status status);

/* In the order of the client's callbacks: for kinds that call the application themselves. */
bool docent_node_is_mute(const struct node_call *call); /* A forked child's: nobody is called. */

#endif
