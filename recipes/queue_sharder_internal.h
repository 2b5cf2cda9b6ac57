/* recipes/queue_sharder_internal.h - a sharder of queues, what its files share. The shards are work queues, and they and the leader latch are parts of its
 * handle (handle.h); the handle's machine finds, counts and adds shards (queue_sharder.c). */
#ifndef DOCENT_RECIPES_QUEUE_SHARDER_INTERNAL_H
#define DOCENT_RECIPES_QUEUE_SHARDER_INTERNAL_H

#include <docent/queue_sharder.h>

#include "recipes/leader_latch_internal.h"
#include "recipes/rearm.h"
#include "recipes/waiters.h"
#include "recipes/work_queue_internal.h"

enum {
    SHARD_UUID_SIZE = 37, /* Terminator included. */
    SHARD_NAME_SIZE = sizeof "queue-" - 1 + SHARD_UUID_SIZE,
};

enum sharder_state {
    SHARDER_NEW,
    SHARDER_IDLE,     /* Nothing to do, no connection, or no ground. */
    SHARDER_LISTING,
    SHARDER_COUNTING, /* The items of s->counted. */
    SHARDER_ADDING,
    SHARDER_PAUSED,   /* Until the machine's timer. */
    SHARDER_OVER,
    SHARDER_STATES
};

struct shard { /* Stays for as long as the sharder. */
    struct shard *next;
    docent_work_queue *queue;
    bool listed;    /* It was there when they were listed last. */
    bool preferred;
    bool due;       /* To be counted. */
    bool told;      /* To on_shard. */
    int64_t count;  /* Of its items; -1: not known. */
    const char *name; /* In path. */
    char path[];
};

struct held_put { /* One that waits for the first shard. */
    struct held_put *next;
    struct docent_queue_sharder *sharder;
    docent_work_put put; /* Refers to what is behind it in its own block. */
    uint64_t deadline_ms;
    uint32_t timeout_ms;
    docent_done_fn done;
    void *user;
    docent_work_element elements[];
};

struct docent_queue_sharder {
    struct handle handle; /* First. */
    enum sharder_state state;
    char *path;
    docent_work_queue_options queue; /* Of all shards; owns its strings and its acl. */
    uint32_t threshold, check_ms, shards_max;
    void (*on_shard)(docent_queue_sharder *sharder, const char *name, docent_work_queue *queue, void *user);
    void *user;

    struct ground ground;
    struct rearm rearm; /* Of the path's children. */
    docent_leader_latch *latch;
    struct docent_timer check;
    struct meter meter;

    struct shard *shards;
    struct shard *last;    /* That was put to. NULL: none. */
    struct shard *counted;
    int64_t listed;        /* Of the shards. -1: they were not listed yet. */
    bool list_wanted;
    bool short_of;         /* A preferred shard was found full. */
    uint32_t empty_checks; /* In a row, without any shard. */
    char added[SHARD_NAME_SIZE]; /* Of the shard that is being added. "": none is. */
    docent_shared_i64 shard_count;

    struct waiters waiters;     /* Puts, */
    struct held_put *held;      /* and what they put. */
    struct docent_later telling; /* Of on_shard. */
    bool tells;
};

static inline struct docent_queue_sharder *docent_sharder_of(const struct handle *handle)
{
    return (struct docent_queue_sharder *)(uintptr_t)handle;
}

/* queue_sharder.c */
extern const struct handle_kind docent_sharder_kind;
void docent_sharder_begin(struct docent_queue_sharder *sharder); /* Its latch has begun. */
void docent_sharder_fill(struct docent_queue_sharder *sharder);  /* Callbacks of its members. */
void docent_sharder_led(docent_leader_latch *latch, const docent_leadership *leadership, void *user);
void docent_sharder_free(struct docent_queue_sharder *sharder);
/* The next shard to be put to, or NULL. */
struct shard *docent_sharder_choose(struct docent_queue_sharder *sharder);

#endif
