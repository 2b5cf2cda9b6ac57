/* docent/semaphore.h - a counting semaphore on a path: at most so many leases are taken at a time, by all processes together. A docent_semaphore is
 * the place; each acquire makes a docent_permit, which holds one lease or several, taken together and given back together.
 *
 *     docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 10 };
 *     docent_permit *permit;
 *     if (docent_semaphore_new(client, "/gates/import", &options, &semaphore) != DOCENT_OK) ...
 *     if (docent_semaphore_acquire(semaphore, 3, 5000, &permit) == DOCENT_OK) {
 *         ...
 *         docent_permit_return(permit, 1000);
 *     }
 *
 * All or nothing. Whoever wants leases takes a mutex first, and keeps it until there is room; so they are served in order of arrival, and nobody
 * who wants one overtakes somebody who waits for many. While it waits it has created nothing. All its leases are made in one transaction, which
 * lets go of the mutex as well, and which the server carries out only while that is ours, so that late requests make nothing. (A JVM client takes several one by one:
 * it can wait for the mutex with some of its leases in hand, and if we need those, both wait until one of them gives up. Where such clients
 * take several at a time, give acquires a time-out.)
 *
 * Cost. Five requests in three round trips: a place in the queue, two lists, the transaction, and the return. In the Curator dialect, by who was the last
 * to take any, with the same docent_semaphore and twice in a row, three in two: the transaction is then made so that it is carried out only if nobody has
 * queued or made leases since, and a look shows that the path is still the same. If somebody has, that was one request for nothing, and we queue. (If the
 * path was deleted, made anew, and used just as often meanwhile, leases that nobody holds may be there for a moment, above the limit, until we have looked.)
 *
 * A mutex that is not re-entrant is a semaphore of one: { DOCENT_SEMAPHORE_OPTIONS, .max = 1 }, as Curator's InterProcessSemaphoreMutex.
 * Any thread may return what another has acquired; who acquires twice waits for itself. A semaphore of one has a token.
 *
 * On suspend  The permit's state turns SUSPECT; waiting goes on after the reconnect, in the same place. Leases and holds stay ours until the
 *             session's lease runs out, before which the servers give them to nobody else.
 * On expiry   on_lost is told and the state turns RETURNED: the session's end frees the leases. An acquire that waits ends with
 *             DOCENT_ERR_SESSION_EXPIRED.
 * On close    docent_permit_close() gives back; docent_semaphore_close() gives back whatever was acquired from it. When the client is closed first, the
 *             session's end frees the leases, pending acquires end with DOCENT_ERR_CLOSING, and semaphore and permits are dead: they stay the
 *             caller's to close, which then only frees.
 * On removal  Somebody deletes the node of a lease: on_lost is told, with DOCENT_ERR_NO_NODE, at once if the permit is held for a second or more, else
 *             within the second and a round trip; the permit's other leases are given back.
 * Limit       Either options.max, the same everywhere by convention, or what a shared count says: a node elsewhere with a number of four bytes,
 *             as Curator's SharedCount. A change is noticed while one waits, and counts from then on for whoever wants leases. A limit lowered below what is taken
 *             takes nothing away: nobody gets more until enough has come back.
 * Nodes       Curator dialect: as InterProcessSemaphoreV2, the mutex below path/locks, leases path/leases/_c_<uuid>-lease-<sequence>. Kazoo
 *             dialect: as kazoo's Semaphore, the mutex below path-__lock__ beside it, leases path/<hex>, the limit in the data of path.
 *             A path is shared by clients of one dialect only. Whatever is below leases (kazoo: path) counts as taken, whatever its name. Missing
 *             parents are made: containers where the server has them (Curator dialect), plain nodes (kazoo).
 *
 * Threads, ownership and units are as in lock.h. */
#ifndef DOCENT_SEMAPHORE_H
#define DOCENT_SEMAPHORE_H

#include <docent/lock.h>
#include <docent/recipe.h>

DOCENT_BEGIN

typedef struct docent_semaphore docent_semaphore;
typedef struct docent_permit docent_permit;

typedef enum docent_permit_state {
    DOCENT_PERMIT_WAITING,  /* For the mutex, or for room. The first state. */
    DOCENT_PERMIT_HELD,     /* All its leases are ours, over a live connection. */
    DOCENT_PERMIT_SUSPECT,  /* Ours when last heard of. */
    DOCENT_PERMIT_RETURNED, /* Given back, lost, or never had. The last state. */
} docent_permit_state;

/* docent_semaphore_options options = { DOCENT_SEMAPHORE_OPTIONS, .max = 10 };  What is left zero gets its default. */
typedef struct docent_semaphore_options {
    size_t struct_size;     /* Set by DOCENT_SEMAPHORE_OPTIONS; new fields go at the end. */
    docent_dialect dialect; /* Default: DOCENT_DIALECT_CURATOR. */
    uint32_t max;           /* Leases that can be taken at a time. With limit_path: as long as that node is not there, or too short. */
    const char *limit_path; /* The shared count, a path of the client. Curator dialect only. Default: none, and then max must be set. */
    const char *label;      /* Written to our nodes, for operators. UTF-8. Default: host name and process id. */
    docent_acl_list acl;    /* Of our nodes and of parents made. Default: the client's or view's. */
    void (*on_state)(docent_permit *permit, docent_permit_state state, void *user); /* HELD, and what follows; in order, but what
                             * came and went before it could be told is left out. Default: none. */
    void (*on_lost)(docent_permit *permit, docent_status why, void *user); /* Held, and lost: the session ended
                             * (DOCENT_ERR_SESSION_EXPIRED) or somebody deleted a node (DOCENT_ERR_NO_NODE). Told after on_state.
                             * Default: none. */
    void *user;             /* Passed to the callbacks. */
} docent_semaphore_options;
#define DOCENT_SEMAPHORE_OPTIONS .struct_size = sizeof(docent_semaphore_options)
/** The same as { DOCENT_SEMAPHORE_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_semaphore_options_init(docent_semaphore_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A semaphore at @path; sends nothing but the watch of the shared count, if there is one. @options need not outlive the call. On success
 * *@ret_semaphore is the caller's to docent_semaphore_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY,
 * DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path of a node, or is "/"; no limit; a shared count in a dialect that has none),
 * DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_semaphore_new(docent_client *client, const char *path,
                                                                const docent_semaphore_options *options, docent_semaphore **ret_semaphore);

/** Takes @count leases together and tells @done the outcome, exactly once: DOCENT_OK (held), DOCENT_ERR_TIMEOUT, DOCENT_ERR_CANCELLED (the permit was
 * closed meanwhile), DOCENT_ERR_SESSION_EXPIRED, DOCENT_ERR_SEQUENCE_EXHAUSTED, DOCENT_ERR_BAD_ARGUMENTS (kazoo dialect: the semaphore was made with
 * another limit than ours), DOCENT_ERR_CLOSING, or what the server refused us with (DOCENT_ERR_NO_NODE: the chroot, or the view's prefix, is missing). A lost connection is waited out and is
 * no outcome. Unless the outcome is DOCENT_OK our nodes, leases and place in the queue, are removed, after a reconnect if need be. @timeout_ms may be
 * DOCENT_FOREVER, or DOCENT_NO_WAIT: one look; DOCENT_ERR_TIMEOUT if others are in front, or there is no room, or the client is not
 * connected. *@ret_permit is set before this returns, and is the caller's to docent_permit_close(), whatever the outcome; closing it before the
 * outcome cancels. Any number of acquires may be under way. Returns DOCENT_OK if @done will be called; DOCENT_ERR_INVALID_ARGUMENT (NULL, @count
 * is 0, or more than a fixed limit), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED if it never will.
 * More leases than fit into one request are an outcome, DOCENT_ERR_TOO_LARGE. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_semaphore_acquire_async(docent_semaphore *semaphore, uint32_t count, uint32_t timeout_ms,
                                                                          docent_done_fn done, void *user, docent_permit **ret_permit);
/** docent_semaphore_acquire_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (inbox full). *@ret_permit is
 * set if it is DOCENT_OK, and else left as it was. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_semaphore_acquire(docent_semaphore *semaphore, uint32_t count, uint32_t timeout_ms,
                                                                    docent_permit **ret_permit);

/** The state. HELD and SUSPECT turn RETURNED here when the session's lease runs out, even if the loop is stuck. Thread: any. */
DOCENT_API docent_permit_state docent_permit_get_state(const docent_permit *permit);
/** How many leases it was made for. Thread: any. */
DOCENT_API uint32_t docent_permit_count(const docent_permit *permit);
/** The fencing token, if the limit is fixed and 1: larger for every later holder, as docent_lock_token(). -1 when not held, and of every other semaphore: leases
 * beside each other have an identity, and no order. Thread: any. */
DOCENT_API int64_t docent_permit_token(const docent_permit *permit);
/** Lease @index (from 0) as a hold, or NULL when not held (or there is no memory). The caller owns one reference, dropped with
 * docent_hold_unref(). Thread: any; waits for the loop. */
DOCENT_API docent_hold *docent_permit_hold(docent_permit *permit, uint32_t index);

/** How this acquire goes, or went; see recipe.h. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_CLOSING, DOCENT_ERR_BUSY (inbox full) or
 * DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_permit_info(docent_permit *permit, docent_recipe_info *ret_info);

/** Gives the leases back and frees the permit. Cannot fail: removal is tried until nodes or session are gone; then @closed (may be NULL) is called, and
 * nothing after it. A pending acquire ends first, with DOCENT_ERR_CANCELLED. @permit is not the caller's any more when this returns. NULL: does
 * nothing. Thread: any. */
DOCENT_API void docent_permit_close(docent_permit *permit, void (*closed)(void *user), void *user);
/** docent_permit_close() that returns DOCENT_OK when the nodes are gone, or DOCENT_ERR_TIMEOUT after @timeout_ms while removal goes on. Other returns,
 * given back but untold: DOCENT_ERR_CLOSING, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_BUSY (inbox full), DOCENT_ERR_WOULD_DEADLOCK, DOCENT_ERR_FORKED;
 * DOCENT_ERR_INVALID_ARGUMENT (NULL). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_permit_return(docent_permit *permit, uint32_t timeout_ms);

struct docent_result;
/** Who has leases, one entry for each lease: result->names are their labels and result->results their nodes, as docent_lock_participants_async(). Thread:
 * loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_semaphore_participants_async(docent_semaphore *semaphore,
                                                                               void (*done)(const struct docent_result *result, void *user),
                                                                               void *user);
/** docent_semaphore_participants_async() that waits and returns the outcome; @ret_result as in docent_lock_participants(). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_semaphore_participants(docent_semaphore *semaphore, struct docent_result **ret_result);

/** How its acquires go; the state is the one that any of them entered last. See recipe.h. Returns as docent_permit_info(). Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_semaphore_info(docent_semaphore *semaphore, docent_recipe_info *ret_info);

/** Ends pending acquires, with DOCENT_ERR_CLOSING, gives back what permits of it hold (they turn RETURNED, and stay the caller's to close), then frees. When
 * the nodes are gone @closed (may be NULL) is called. @semaphore is not the caller's any more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_semaphore_close(docent_semaphore *semaphore, void (*closed)(void *user), void *user);

DOCENT_END

#endif
