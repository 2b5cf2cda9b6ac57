/* recipes/errand.h - one call of the application on a handle: a machine with a deadline, which answers once, and then may go on behind the
 * application's back until nothing is left to be done. The handle has any number of them and is over when they are.
 *
 *     begun --> (asks, waits) --> promise kept --> (cleans up) --> over --> told, and freed
 *
 * An errand that stands for more than one call (to enter, and later to leave) makes one promise for each. Loop only. */
#ifndef DOCENT_RECIPES_ERRAND_H
#define DOCENT_RECIPES_ERRAND_H

#include "recipes/handle.h"
#include "recipes/meter.h"

struct errand;

struct promise { /* Of one answer. Zeroed at first. */
    struct errand *errand;
    docent_done_fn done;   /* Until it is kept. NULL: none is owed. */
    docent_done_fn telling; /* From then on until it is told. */
    void *user;
    docent_status outcome;
    uint64_t made_ms;
    struct docent_later later;
};

struct errand_kind {
    const char *name; /* Of its requests, in traces. Static. */
    void (*on_event)(struct errand *errand, const struct docent_event *ev); /* All but CLOSING. */
    void (*late)(struct errand *errand);                   /* The deadline has passed. */
    void (*end)(struct errand *errand, docent_status why); /* The application closes the handle: no more than what must be cleaned up. */
    void (*fini)(struct errand *errand, docent_status why); /* It is over: what it has besides its block, and other promises. */
};

struct errand {
    struct docent_machine machine;
    const struct errand_kind *kind;
    struct handle *handle;
    struct meter *meter;
    struct errand **all; /* The handle's, newest first. */
    struct errand *next;
    struct docent_timer deadline;
    struct promise promise;
    unsigned owed; /* Promises that are not told. */
    bool over;
    struct docent_later ending;
};

/* A zeroed block of @size bytes that begins with a struct errand. DOCENT_OK, or DOCENT_ERR_NO_MEMORY with nothing begun. */
docent_status docent_errand_begin(struct handle *handle, struct errand **all, struct meter *meter, const struct errand_kind *kind,
                                  size_t size, struct errand **ret_errand);
/* Owes @done (may be NULL) an answer, and sets the deadline. Counted by the meter as begun. */
void docent_promise_make(struct promise *promise, struct errand *errand, uint32_t timeout_ms, docent_done_fn done, void *user);
/* The answer, if it is owed still; stops the deadline. The first one counts. */
void docent_promise_keep(struct promise *promise, docent_status outcome);
static inline bool docent_promise_is_open(const struct promise *promise)
{
    return promise->done != NULL;
}
/* A deadline that no promise has. */
void docent_errand_deadline(struct errand *errand, uint64_t delay_ms);
/* Asks for nothing more; whatever is still owed is answered with @why. To be called last: the block may go. */
void docent_errand_over(struct errand *errand, docent_status why);

/* Of all: for the handle's end(). Then they are over one by one. */
void docent_errands_end(struct errand *first, docent_status why, bool mute);

/* ---- A handle whose calls on a path are errands, and which is nothing else. ---- */

struct errands {
    struct handle handle; /* First. */
    char *path;           /* May be written to, and restored. */
    size_t parent_size;   /* Bytes of it before its last '/'; 0: the root. */
    docent_acl_list acl;
    docent_create_mode parent_mode;
    struct errand *first;
    struct meter meter;
};

/* A zeroed block of @size bytes that begins with a struct errands, complete. DOCENT_OK, or as the _new functions of recipes say. */
docent_status docent_errands_new(docent_client *client, const char *path, docent_acl_list acl, size_t size, struct errands **ret_errands);
docent_status docent_errands_info(struct errands *errands, docent_recipe_info *ret_info);
/* An errand of @errands with its promise made. As docent_handle_check() and docent_errand_begin(). */
docent_status docent_errands_call(struct errands *errands, const struct errand_kind *kind, size_t size, uint32_t timeout_ms, docent_done_fn done,
                                  void *user, struct errand **ret_errand);

#endif
