/* recipes/rearm.c - see rearm.h. In three ways:
 *
 * Standing  A persistent watch, which the core restores on every connection; each time it says RESET.
 * One-shot  (before 3.6) Reads leave watches that belong to no registration, and somebody who listens hears them. After one was used up the node
 *           is read again, which leaves the next, and what is different is told: so it is armed before anybody is told, and what happens after
 *           the telling is not missed. After a gap the same reads end in RESET. That is also the one read which validates.
 * Copy      (a subtree, before 3.6) A cache of stats, whose news are ours.
 *
 *              online                armed
 *   OFFLINE ------------> ARMING ----------> ARMED <------+
 *      ^                 ^  | trouble         | used up   | read
 *      | connection lost |  v                 v           |
 *      +- everywhere     PAUSED <-------- REREADING ------+
 */
#include "recipes/rearm.h"

#include <assert.h>
#include <string.h>

#include <docent/tree_cache.h>

#include "recipes/cache.h"
#include "recipes/trouble.h"

enum {
    LEFT_DATA = 1 << 0,
    LEFT_CHILDREN = 1 << 1,
    ROUNDS_MAX = 8, /* In a row, while the node comes and goes; then a pause. */
};

#define TO(state) (1u << (state))
static const unsigned rearm_next[REARM_STATES] = {
    [REARM_STOPPED] = TO(REARM_OFFLINE) | TO(REARM_ARMING),
    [REARM_OFFLINE] = TO(REARM_ARMING) | TO(REARM_STOPPED),
    [REARM_ARMING] = TO(REARM_ARMED) | TO(REARM_PAUSED) | TO(REARM_OFFLINE) | TO(REARM_STOPPED),
    [REARM_ARMED] = TO(REARM_ARMED) | TO(REARM_REREADING) | TO(REARM_PAUSED) | TO(REARM_OFFLINE) | TO(REARM_STOPPED),
    [REARM_REREADING] = TO(REARM_ARMED) | TO(REARM_PAUSED) | TO(REARM_OFFLINE) | TO(REARM_STOPPED),
    [REARM_PAUSED] = TO(REARM_ARMING) | TO(REARM_OFFLINE) | TO(REARM_STOPPED),
};

static const char *const rearm_state_name[REARM_STATES] = { "stopped", "offline", "arming", "armed", "rereading", "paused" };

static struct rearm *rearm_of(struct docent_machine *machine)
{
    return (struct rearm *)machine; /* Its first member. */
}

/* The only writer of r->state. */
static void rearm_go(struct rearm *r, enum rearm_state next)
{
    assert(rearm_next[r->state] & TO(next));
    docent_trace(&r->machine, "rearm", r->path, rearm_state_name[r->state], rearm_state_name[next]);
    r->state = next;
    switch (next) {
    case REARM_ARMING:
    case REARM_REREADING: docent_client_later(r->client, &r->pump); break;
    case REARM_PAUSED: docent_machine_retry(&r->machine); break;
    case REARM_OFFLINE:
        r->left = 0;
        r->rounds = 0;
        docent_machine_next_turn(&r->machine); /* The timer. */
        break;
    case REARM_ARMED:
        r->rounds = 0;
        r->trouble = DOCENT_OK;
        docent_machine_calm(&r->machine);
        break;
    case REARM_STOPPED:
    case REARM_STATES: break;
    }
}

static void rearm_settle(struct rearm *r)
{
    if (r->over_told || !docent_rearm_is_over(r)) return;
    r->over_told = true;
    const struct rearm_event event = { .type = REARM_OVER };
    r->tell(r, &event);
}

static void rearm_trouble(struct rearm *r, docent_status why)
{
    if (r->state == REARM_OFFLINE || r->state == REARM_STOPPED) return;
    if (r->state != REARM_PAUSED) rearm_go(r, REARM_PAUSED);
    if (r->trouble == why) return;
    r->trouble = why;
    const struct rearm_event event = { .type = REARM_FAILED, .status = why, .path = r->path, .zxid = -1 };
    r->tell(r, &event);
}

static void rearm_reset(struct rearm *r)
{
    rearm_go(r, REARM_ARMED);
    const struct rearm_event event = { .type = REARM_RESET, .path = r->path, .zxid = -1 };
    r->tell(r, &event);
}

static bool kind_tells(docent_watcher_kind kind, docent_watch_type change)
{
    switch (change) {
    case DOCENT_WATCH_CREATED:
    case DOCENT_WATCH_DELETED: return true;
    case DOCENT_WATCH_DATA_CHANGED: return kind != DOCENT_WATCHER_EXISTS && kind != DOCENT_WATCHER_CHILDREN;
    case DOCENT_WATCH_CHILDREN_CHANGED: return kind == DOCENT_WATCHER_CHILDREN || kind == DOCENT_WATCHER_NODE;
    case DOCENT_WATCH_ARMED:
    case DOCENT_WATCH_RESET:
    case DOCENT_WATCH_ENDED: break;
    }
    return false;
}

static void rearm_changed(struct rearm *r, docent_watch_type change, const char *path, int64_t zxid)
{
    if (r->state != REARM_ARMED || !kind_tells(r->kind, change)) return;
    const struct rearm_event event = { .type = REARM_CHANGED, .change = change, .path = path, .zxid = zxid };
    r->tell(r, &event);
}

/* ---- One-shot: reads, and what they leave. ---- */

/* The watches that tell all that we want to know of the node as it is now. */
static unsigned rearm_needs(const struct rearm *r)
{
    switch (r->kind) {
    case DOCENT_WATCHER_CHILDREN: return r->now.exists ? LEFT_CHILDREN : LEFT_DATA;
    case DOCENT_WATCHER_NODE: return r->now.exists ? LEFT_DATA | LEFT_CHILDREN : LEFT_DATA;
    case DOCENT_WATCHER_DATA:
    case DOCENT_WATCHER_EXISTS:
    case DOCENT_WATCHER_SUBTREE: break;
    }
    return LEFT_DATA;
}

/* It is armed: what was different from the last look? */
static void rearm_compare(struct rearm *r)
{
    struct rearm_sight before = r->told, now = r->now;
    bool anew = before.exists && now.exists && before.czxid != now.czxid;
    r->told = now;
    rearm_go(r, REARM_ARMED);
    if (before.exists && (!now.exists || anew)) rearm_changed(r, DOCENT_WATCH_DELETED, r->path, -1);
    if (now.exists && (!before.exists || anew)) rearm_changed(r, DOCENT_WATCH_CREATED, r->path, now.czxid);
    if (!before.exists || !now.exists || anew) return;
    if (before.mzxid != now.mzxid) rearm_changed(r, DOCENT_WATCH_DATA_CHANGED, r->path, now.mzxid);
    if (before.pzxid == now.pzxid) return;
    rearm_changed(r, DOCENT_WATCH_CHILDREN_CHANGED, r->path, now.pzxid < 0 ? -1 : now.pzxid);
}

/* A round of reads is in. */
static void rearm_round_ends(struct rearm *r)
{
    if (r->flying > 0) return;
    if (r->state != REARM_ARMING && r->state != REARM_REREADING) {
        if (r->state == REARM_STOPPED) rearm_settle(r);
        return;
    }
    if ((rearm_needs(r) & ~r->left) != 0) { /* It was used up meanwhile, or the node has come or gone. */
        if (++r->rounds >= ROUNDS_MAX) {
            rearm_go(r, REARM_PAUSED);
        } else {
            docent_client_later(r->client, &r->pump);
        }
    } else if (r->state == REARM_ARMING) {
        r->told = r->now;
        rearm_reset(r);
    } else {
        rearm_compare(r);
    }
}

static void rearm_read_done(struct rearm *r, unsigned what, const docent_result *result)
{
    r->flying--;
    switch ((int)result->status) { /* An int: a server may send numbers that the enumeration does not have. */
    case DOCENT_OK:
        r->left |= what;
        r->now = (struct rearm_sight){
            .exists = true, .czxid = result->stat.czxid, .mzxid = result->stat.mzxid, .pzxid = result->stat.pzxid
        };
        break;
    case DOCENT_ERR_NO_NODE:
        r->now.exists = false;
        if (what == LEFT_DATA) r->left |= what; /* It was an exists. */
        break;
    case DOCENT_ERR_TOO_LARGE: /* A list that we do not look at: its watch is there, and it counts as another one. */
        r->left |= what;
        r->now.pzxid = --r->unseen;
        break;
    case DOCENT_ERR_CONNECTION_LOSS:
    case DOCENT_ERR_SESSION_EXPIRED:
    case DOCENT_ERR_SESSION_MOVED: break; /* We are, or will be, offline. */
    default: rearm_trouble(r, result->status); break;
    }
    rearm_round_ends(r);
}

static void rearm_exists_done(const docent_result *result, void *user)
{
    rearm_read_done(user, LEFT_DATA, result);
}

static void rearm_children_done(const docent_result *result, void *user)
{
    rearm_read_done(user, LEFT_CHILDREN, result);
}

static void rearm_read(struct rearm *r, unsigned what)
{
    docent_op op = what == LEFT_DATA ? docent_op_exists(r->path) : docent_op_children(r->path);
    docent_status status = docent_read_once(r->client, &op, true, what == LEFT_DATA ? rearm_exists_done : rearm_children_done, r);
    if (status == DOCENT_OK) {
        r->flying++;
    } else if (status != DOCENT_ERR_CONNECTION_LOSS) {
        rearm_trouble(r, status);
    }
}

static void rearm_used_up(struct rearm *r, docent_watch_type change)
{
    if (change == DOCENT_WATCH_CHILDREN_CHANGED) {
        r->left &= ~(unsigned)LEFT_CHILDREN;
    } else if (change == DOCENT_WATCH_DELETED) {
        r->left = 0;
    } else {
        r->left &= ~(unsigned)LEFT_DATA;
    }
    if (r->state == REARM_ARMED && (rearm_needs(r) & ~r->left) != 0) rearm_go(r, REARM_REREADING);
}

/* ---- A copy of the subtree. ---- */

static void copy_added(const docent_node *node, void *user)
{
    rearm_changed(user, DOCENT_WATCH_CREATED, docent_node_path(node), docent_node_stat(node).czxid);
}

static void copy_changed(const docent_node *before, const docent_node *after, void *user)
{
    (void)before;
    rearm_changed(user, DOCENT_WATCH_DATA_CHANGED, docent_node_path(after), docent_node_stat(after).mzxid);
}

static void copy_removed(const docent_node *last, void *user)
{
    rearm_changed(user, DOCENT_WATCH_DELETED, docent_node_path(last), -1);
}

static void copy_failed(const char *path, docent_status why, void *user)
{
    struct rearm *r = user;
    if (r->state == REARM_STOPPED || strcmp(path, r->path) != 0 || r->trouble == why) return;
    r->trouble = why; /* The cache tries again. */
    const struct rearm_event event = { .type = REARM_FAILED, .status = why, .path = r->path, .zxid = -1 };
    r->tell(r, &event);
}

static void copy_fresh(void *user)
{
    struct rearm *r = user;
    if (r->state == REARM_ARMING) rearm_reset(r);
}

static void copy_initialized(size_t failed, void *user)
{
    (void)failed;
    copy_fresh(user);
}

static void copy_closed(void *user)
{
    struct rearm *r = user;
    r->cache_open = false;
    rearm_settle(r);
    if (r->state == REARM_ARMING) docent_client_later(r->client, &r->pump); /* It could not be listened to. */
}

static void rearm_copy(struct rearm *r)
{
    if (r->cache_open) return; /* It looks after itself, in this session and in others. */
    static const docent_cache_events events = {
        DOCENT_CACHE_EVENTS,
        .added = copy_added,
        .changed = copy_changed,
        .removed = copy_removed,
        .failed = copy_failed,
        .initialized = copy_initialized,
        .fresh = copy_fresh,
    };
    const docent_tree_cache_options options = { DOCENT_TREE_CACHE_OPTIONS, .stat_only = true };
    docent_cache *cache = NULL;
    docent_status status = docent_tree_cache_new(r->client, r->path, &options, &cache);
    if (status == DOCENT_OK) {
        r->cache_open = true;
        status = docent_cache_subscribe(cache, &events, r, NULL);
        if (status == DOCENT_OK) {
            r->cache = cache;
            return;
        }
        docent_cache_close(cache, copy_closed, r);
    }
    rearm_trouble(r, status);
}

/* ---- The watch. ---- */

static void rearm_on_watch(const docent_watch_event *event, void *user)
{
    struct rearm *r = user;
    if (event->last) {
        r->watches--;
        if (r->state == REARM_STOPPED) {
            rearm_settle(r);
            return;
        }
        if (event->status == DOCENT_ERR_CANCELLED || event->status == DOCENT_ERR_SESSION_EXPIRED) return;
        r->watch = NULL;
        if (event->status == DOCENT_ERR_UNSUPPORTED) {
            r->old = true;
            docent_client_later(r->client, &r->pump);
        } else {
            rearm_trouble(r, event->status);
        }
        return;
    }
    if (r->state == REARM_STOPPED || r->state == REARM_OFFLINE) return;
    if (event->type == DOCENT_WATCH_ARMED || event->type == DOCENT_WATCH_RESET) {
        if (!r->old) rearm_reset(r);
    } else if (r->kind == DOCENT_WATCHER_SUBTREE) {
        rearm_changed(r, event->type, event->path, event->zxid);
    } else if (r->old) {
        if (strcmp(event->path, r->path) == 0) rearm_used_up(r, event->type);
    } else {
        rearm_changed(r, event->type, r->path, event->zxid);
    }
}

static void rearm_listen(struct rearm *r)
{
    bool subtree = r->kind == DOCENT_WATCHER_SUBTREE;
    docent_status status = (subtree ? docent_watch_subtree : docent_watch_node)(r->client, r->path, !r->old, rearm_on_watch, r, &r->watch);
    if (status == DOCENT_OK) {
        r->watches++;
    } else {
        r->watch = NULL;
        rearm_trouble(r, status);
    }
}

/* At the end of a turn: what is wanted is asked for. */
static void rearm_pump(struct docent_later *later)
{
    struct rearm *r = (struct rearm *)((char *)later - offsetof(struct rearm, pump));
    if (r->state == REARM_STOPPED) {
        rearm_settle(r);
        return;
    }
    if ((r->state != REARM_ARMING && r->state != REARM_REREADING) || r->flying > 0) return;
    if (r->old && r->kind == DOCENT_WATCHER_SUBTREE) {
        rearm_copy(r);
        return;
    }
    if (r->watch == NULL) rearm_listen(r);
    if (!r->old || r->watch == NULL) return;
    unsigned wanted = rearm_needs(r) & ~r->left;
    if ((wanted & LEFT_DATA) != 0) rearm_read(r, LEFT_DATA);
    if ((wanted & LEFT_CHILDREN) != 0) rearm_read(r, LEFT_CHILDREN);
    if (wanted == 0) rearm_round_ends(r); /* What was asked for before a pause has left them all. */
}

/* ---- From the beginning to the end. ---- */

static void rearm_detach(struct rearm *r)
{
    if (r->attached) docent_machine_fini(&r->machine);
    r->attached = false;
}

static void rearm_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct rearm *r = rearm_of(machine);
    switch (ev->type) {
    case DOCENT_EV_RESUMED:
        if (r->state == REARM_OFFLINE) rearm_go(r, REARM_ARMING);
        break;
    case DOCENT_EV_SUSPENDED:
        if (r->state != REARM_OFFLINE) rearm_go(r, REARM_OFFLINE);
        break;
    case DOCENT_EV_EXPIRED:
        if (r->state != REARM_OFFLINE) rearm_go(r, REARM_OFFLINE);
        r->watch = NULL; /* It ended with the session. */
        r->old = r->cache_open;
        break;
    case DOCENT_EV_TIMER:
        if (r->state == REARM_PAUSED) rearm_go(r, REARM_ARMING);
        break;
    case DOCENT_EV_CLOSING: rearm_detach(r); break; /* The owner stops us. */
    case DOCENT_EV_REPLY:
    case DOCENT_EV_WATCH: break;
    }
}

void docent_rearm_start(struct rearm *r, docent_client *client, const char *path, docent_watcher_kind kind,
                        void (*tell)(struct rearm *rearm, const struct rearm_event *event))
{
    r->client = client;
    r->path = path;
    r->kind = kind;
    r->tell = tell;
    r->pump.run = rearm_pump;
    r->now.exists = true; /* So the first look is for its children as well. */
    docent_machine_init(&r->machine, client, rearm_on_event);
    r->attached = true;
    rearm_go(r, docent_machine_online(&r->machine) ? REARM_ARMING : REARM_OFFLINE);
}

void docent_rearm_stop(struct rearm *r, bool mute)
{
    if (r->client == NULL || r->state == REARM_STOPPED) return;
    docent_watch *watch = r->watch;
    docent_cache *cache = r->cache;
    rearm_go(r, REARM_STOPPED);
    rearm_detach(r);
    r->watch = NULL;
    r->cache = NULL;
    if (mute) {
        r->watches = 0; /* Nobody will be told of its end. */
        r->cache_open = false;
    } else {
        docent_watch_cancel(watch);
    }
    docent_client_later(r->client, &r->pump);
    if (cache != NULL) docent_cache_close(cache, mute ? NULL : copy_closed, r);
}

bool docent_rearm_is_over(const struct rearm *r)
{
    return r->state == REARM_STOPPED && r->flying == 0 && r->watches == 0 && !r->cache_open && !docent_later_is_queued(&r->pump);
}
