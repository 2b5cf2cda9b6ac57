/* docent/queue_sharder.h - one queue of work that is spread over several (work_queue.h), each a shard. A server lists the children of a node whole, so a
 * queue that grows and grows gets slow, and in the end too large to be listed; with shards each stays small. It is Curator's QueueSharder,
 * which may take part on the same path.
 *
 * Every sharder of a path opens all shards that are there, and those that come. Puts go to the preferred shards in turn; with on_item items of all of
 * them are handed out. There is order within a shard, and none between them.
 *
 * Growing     Now and then each sharder counts the items. A shard with threshold items or more is preferred no longer, until it has half of that or
 *             less. When that happens to one, or when none is preferred, the leader of the sharders adds a shard, up to shards_max. (A peer that
 *             leads adds one at each count while any is full.) The first is added by the leader, too; or, when there is still none at the second
 *             count, by anyone, for a peer that leads adds none then. Two that add at the same moment, as peers do when they start, make two,
 *             which does no harm.
 *             Shards are never removed. One that somebody deletes is made again by the next sharder that uses it.
 * Puts        As those of work_queue.h, with the same outcomes. Without any shard they wait, until their deadline; what has waited may end with what
 *             docent_work_queue_put_async() returns otherwise, DOCENT_ERR_NO_MEMORY. When no shard is preferred the one with the fewest items
 *             is put to.
 *
 * On suspend, on expiry, on close: as in work_queue.h. The leader's place is given up with the session and on close, and another one leads.
 * On removal  Of the path or the leader's node: they are made again.
 * On errors   What the server refuses is tried again, with the client's pauses; docent_queue_sharder_info() has the reason. Puts that wait for the first
 *             shard end with it.
 * Nodes       path/queue-<uuid>: persistent, a shard, with all that work_queue.h says of a queue. Any child of path is taken for a shard, here and by
 *             the peer: so no other path that is given here may be path, or below it. path is a plain node, or a peer's container. leader_path: a leader latch
 *             (leader_latch.h), Curator dialect, with an empty id. lock_path/<shard>: the lock path of a shard, where there is one; peers'
 *             allocators have to give their queues the same. quarantine_path/<shard>.
 *
 * Threads, ownership, units: as in lock.h. */
#ifndef DOCENT_QUEUE_SHARDER_H
#define DOCENT_QUEUE_SHARDER_H

#include <docent/work_queue.h>

DOCENT_BEGIN

typedef struct docent_queue_sharder docent_queue_sharder;

/* docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue_options, .threshold = 1000 };  What is left zero gets its
 * default. */
typedef struct docent_queue_sharder_options {
    size_t struct_size;
    const docent_work_queue_options *queue; /* Of each shard: its kind, on_item and so on; callbacks are given the shard's queue. lock_path and
                             * quarantine_path are those of all shards; a shard has a child there. Default: a producer only, of plain
                             * queues; quarantine_path: the path with "-quarantine" behind it. */
    uint32_t threshold;     /* Items. Default: 10000. */
    uint32_t check_ms;      /* Between two counts. Default: 30000. */
    uint32_t shards_max;    /* The leader adds none beyond. Default: 10. */
    void (*on_shard)(docent_queue_sharder *sharder, const char *name, docent_work_queue *queue, void *user); /* A shard was opened; once for each. @name
                             * and @queue are borrowed until docent_queue_sharder_close(); closing @queue does nothing. Default: none. */
    void *user;             /* Passed to on_shard. */
} docent_queue_sharder_options;
#define DOCENT_QUEUE_SHARDER_OPTIONS .struct_size = sizeof(docent_queue_sharder_options)
/** The same as { DOCENT_QUEUE_SHARDER_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_queue_sharder_options_init(docent_queue_sharder_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Creates a sharder of @path; sends nothing before docent_queue_sharder_start(). @options may be NULL and need not outlive the call. On success
 * *@ret_sharder is the caller's to docent_queue_sharder_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_INVALID_ARGUMENT (a path is no valid path of a node, or is "/", or lies at or below @path; or what is wrong with the options
 * of the queues), DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_sharder_new(docent_client *client, const char *path, const char *leader_path,
                                                                    const docent_queue_sharder_options *options,
                                                                    docent_queue_sharder **ret_sharder);

/** Opens shards and takes part in leading from now until the sharder is closed. Returns DOCENT_OK, DOCENT_ERR_BUSY (it does already; elsewhere than on the
 * loop also: inbox full), DOCENT_ERR_CLOSING, DOCENT_ERR_INVALID_ARGUMENT (NULL), DOCENT_ERR_NO_MEMORY or DOCENT_ERR_FORKED. Thread: any, waits
 * for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_sharder_start(docent_queue_sharder *sharder);

/** docent_work_queue_put_async() to a shard: the same outcomes, and the same values returned. Also before docent_queue_sharder_start(). Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_sharder_put_async(docent_queue_sharder *sharder, const docent_work_put *put,
                                                                          uint32_t timeout_ms, docent_done_fn done, void *user);
/** docent_queue_sharder_put_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_sharder_put(docent_queue_sharder *sharder, const docent_work_put *put, uint32_t timeout_ms);

/** How many shards there are, as far as was seen last; -1: nothing was seen yet. Thread: any. */
DOCENT_API int64_t docent_queue_sharder_shard_count(const docent_queue_sharder *sharder);
/** Where it stands. begun: shards opened; succeeded: shards added by us. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_CLOSING,
 * DOCENT_ERR_BUSY (inbox full) or DOCENT_ERR_FORKED. Thread: any, waits for the loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_queue_sharder_info(docent_queue_sharder *sharder, docent_recipe_info *ret_info);

/** Ends it, all its queues as docent_work_queue_close() does; then @closed (may be NULL) is called, and nothing after it. @sharder is not the caller's
 * any more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_queue_sharder_close(docent_queue_sharder *sharder, void (*closed)(void *user), void *user);

DOCENT_END

#endif
