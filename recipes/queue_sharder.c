/* recipes/queue_sharder.c - see queue_sharder_internal.h: shards are found, counted, opened and added.
 *
 *             to be listed                 some are to be counted           one is to be added
 *     IDLE --------------> LISTING   IDLE ---------------> COUNTING   IDLE ------------------> ADDING
 *       ^                     |        ^    one by one        |         ^     made, or found      |
 *       '---------------------'        '----------------------'         '-- to be listed again ---'
 *
 * A standing watch says when the list is another; a timer, and becoming the leader, when all are to be counted. A request that was lost with its
 * connection is wanted still: the watch says RESET when there is one again, and the list shows whether a shard was added. If not it is
 * added under the name that it had, which is our own: whatever is there by that name is ours.
 *
 * A list is read before anything is added, and after becoming the leader: the election's news are newer than all that the leader before us
 * has done, and so is a list read after them. */
#include "recipes/queue_sharder_internal.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <docent/operation.h>

#include "recipes/trouble.h"

#define TO(name) (1u << SHARDER_##name)
static const unsigned sharder_next[SHARDER_STATES] = {
    [SHARDER_NEW] = TO(IDLE) | TO(OVER),
    [SHARDER_IDLE] = TO(LISTING) | TO(COUNTING) | TO(ADDING) | TO(PAUSED) | TO(OVER),
    [SHARDER_LISTING] = TO(IDLE) | TO(PAUSED) | TO(OVER),
    [SHARDER_COUNTING] = TO(IDLE) | TO(PAUSED) | TO(OVER),
    [SHARDER_ADDING] = TO(IDLE) | TO(PAUSED) | TO(OVER),
    [SHARDER_PAUSED] = TO(IDLE) | TO(OVER),
};
static const char *const sharder_state_name[SHARDER_STATES] = { "NEW", "IDLE", "LISTING", "COUNTING", "ADDING", "PAUSED", "CLOSED" };

/* ---- What there is. ---- */

static bool shard_is_full(const struct docent_queue_sharder *s, const struct shard *shard)
{
    return shard->count >= (int64_t)s->threshold;
}

static bool sharder_prefers_one(const struct docent_queue_sharder *s)
{
    for (const struct shard *shard = s->shards; shard != NULL; shard = shard->next) {
        if (shard->listed && shard->preferred) return true;
    }
    return false;
}

static struct shard *sharder_due(const struct docent_queue_sharder *s)
{
    for (struct shard *shard = s->shards; shard != NULL; shard = shard->next) {
        if (shard->listed && shard->due) return shard;
    }
    return NULL;
}

/* In turn. */
static struct shard *sharder_next_preferred(struct docent_queue_sharder *s)
{
    struct shard *after = s->last, *shard = after != NULL ? after->next : NULL;
    for (; shard != NULL; shard = shard->next) {
        if (shard->listed && shard->preferred) return shard;
    }
    for (shard = s->shards; shard != NULL; shard = shard->next) {
        if (shard->listed && shard->preferred) return shard;
        if (shard == after) break;
    }
    return NULL;
}

struct shard *docent_sharder_choose(struct docent_queue_sharder *s)
{
    struct shard *chosen = sharder_next_preferred(s);
    if (chosen != NULL) {
        s->last = chosen;
        return chosen;
    }
    for (struct shard *shard = s->shards; shard != NULL; shard = shard->next) {
        if (shard->listed && (chosen == NULL || shard->count < chosen->count)) chosen = shard;
    }
    return chosen;
}

/* ---- The door. ---- */

static void sharder_ask_create(struct docent_queue_sharder *s)
{
    char uuid[SHARD_UUID_SIZE];
    const docent_allocator *allocator = &s->handle.allocator;
    size_t size = strlen(s->path) + 1 + SHARD_NAME_SIZE;
    char *path = docent_alloc(allocator, size);
    if (s->added[0] == '\0') {
        docent_client_uuid(s->handle.client, uuid);
        (void)snprintf(s->added, sizeof s->added, "queue-%s", uuid);
    }
    if (path == NULL) {
        docent_machine_retry(&s->handle.machine); /* TIMER. */
        return;
    }
    (void)snprintf(path, size, "%s/%s", s->path, s->added);
    docent_op create = docent_op_create(path, NULL, 0, DOCENT_PERSISTENT);
    create.acl = s->queue.acl;
    docent_ask(&s->handle.machine, &create, SHARDER_ADDING);
    docent_free(allocator, path);
}

/* The only writer of s->state. Entering a state asks for what it waits for. */
static void sharder_go(struct docent_queue_sharder *s, enum sharder_state next)
{
    docent_op op;
    assert(sharder_next[s->state] & (1u << next));
    (void)sharder_next;
    if (s->handle.attached) {
        docent_trace(&s->handle.machine, "sharder", s->path, sharder_state_name[s->state], sharder_state_name[next]);
        docent_machine_next_turn(&s->handle.machine);
    }
    s->state = next;
    switch (next) {
    case SHARDER_LISTING:
        s->list_wanted = false;
        op = docent_op_children(s->path);
        docent_ask(&s->handle.machine, &op, SHARDER_LISTING);
        break;
    case SHARDER_COUNTING:
        op = docent_op_exists(s->counted->path);
        docent_ask(&s->handle.machine, &op, SHARDER_COUNTING);
        break;
    case SHARDER_ADDING: sharder_ask_create(s); break;
    case SHARDER_PAUSED: docent_machine_retry(&s->handle.machine); break;
    case SHARDER_OVER: docent_meter_state(&s->meter, s->handle.client, sharder_state_name[next]); break;
    case SHARDER_NEW:
    case SHARDER_IDLE:
    case SHARDER_STATES: break;
    }
}

/* ---- What is to be done. ---- */

/* One that others have brought about may be enough; our own count says so next time. */
static bool sharder_is_to_add(struct docent_queue_sharder *s)
{
    bool leads = docent_leader_latch_has_leadership(s->latch);
    if (s->listed == 0) return leads || s->empty_checks > 1;
    if (!s->short_of && sharder_prefers_one(s)) return false;
    s->short_of &= leads;
    if (!leads) return false;
    if (s->listed < (int64_t)s->shards_max) return true;
    if (s->short_of) {
        docent_client_log(s->handle.client, DOCENT_LOG_WARNING, "sharder.full", s->path, "a shard is full, and there may be no more than %lu",
                          (unsigned long)s->shards_max);
    }
    s->short_of = false;
    return false;
}

static void sharder_pump(struct docent_queue_sharder *s)
{
    if (s->state != SHARDER_IDLE || !docent_machine_online(&s->handle.machine) || s->ground.state != GROUND_THERE) return;
    s->counted = sharder_due(s);
    if (s->list_wanted) {
        sharder_go(s, SHARDER_LISTING);
    } else if (s->counted != NULL) {
        sharder_go(s, SHARDER_COUNTING);
    } else if (s->listed >= 0 && sharder_is_to_add(s)) {
        sharder_go(s, SHARDER_ADDING);
    }
}

static void sharder_list(struct docent_queue_sharder *s)
{
    s->list_wanted = true;
    sharder_pump(s);
}

/* ---- Opening. ---- */

static void sharder_tell(struct docent_later *later)
{
    struct docent_queue_sharder *s = (struct docent_queue_sharder *)((char *)later - offsetof(struct docent_queue_sharder, telling));
    s->tells = true;
    for (struct shard *shard = s->shards; shard != NULL; shard = shard->next) {
        if (shard->told || s->handle.ended) continue;
        shard->told = true;
        if (s->on_shard != NULL) s->on_shard(s, shard->name, shard->queue, s->user);
    }
    s->tells = false;
    docent_handle_settle(&s->handle);
}

static char *path_join(const docent_allocator *allocator, const char *path, const char *name)
{
    size_t size = strlen(path) + 1 + strlen(name) + 1;
    char *joined = docent_alloc(allocator, size);
    if (joined != NULL) (void)snprintf(joined, size, "%s/%s", path, name);
    return joined;
}

static docent_status shard_open_queue(struct docent_queue_sharder *s, struct shard *shard)
{
    const docent_allocator *allocator = &s->handle.allocator;
    char *lock_path = s->queue.lock_path == NULL ? NULL : path_join(allocator, s->queue.lock_path, shard->name);
    char *quarantine_path = path_join(allocator, s->queue.quarantine_path, shard->name);
    docent_work_queue_options options = s->queue;
    docent_status status = DOCENT_ERR_NO_MEMORY;
    options.lock_path = lock_path;
    options.quarantine_path = quarantine_path;
    if (quarantine_path != NULL && (lock_path != NULL || s->queue.lock_path == NULL)) {
        status = docent_work_queue_make(s->handle.client, shard->path, &options, &s->handle, &shard->queue);
    }
    docent_free(allocator, lock_path);
    docent_free(allocator, quarantine_path);
    return status;
}

static docent_status sharder_open(struct docent_queue_sharder *s, const char *name)
{
    const docent_allocator *allocator = &s->handle.allocator;
    size_t path_size = strlen(s->path), size = path_size + 1 + strlen(name) + 1;
    struct shard *shard = docent_alloc(allocator, sizeof *shard + size), **end = &s->shards;
    if (shard == NULL) return DOCENT_ERR_NO_MEMORY;
    *shard = (struct shard){ .listed = true, .preferred = true, .due = true, .count = -1 };
    (void)snprintf(shard->path, size, "%s/%s", s->path, name);
    shard->name = shard->path + path_size + 1;
    docent_status status = shard_open_queue(s, shard);
    if (status != DOCENT_OK) {
        docent_free(allocator, shard);
        return status;
    }
    while (*end != NULL) end = &(*end)->next;
    *end = shard;
    docent_meter_begin(&s->meter);
    docent_client_later(s->handle.client, &s->telling);
    return DOCENT_OK;
}

static docent_status sharder_see(struct docent_queue_sharder *s, const char *name)
{
    if (strcmp(name, s->added) == 0) { /* Whether we were told or not. */
        s->added[0] = '\0';
        s->short_of = false;
        docent_meter_end(&s->meter, DOCENT_OK, 0);
    }
    for (struct shard *shard = s->shards; shard != NULL; shard = shard->next) {
        if (strcmp(shard->name, name) != 0) continue;
        shard->listed = true;
        return DOCENT_OK;
    }
    return sharder_open(s, name);
}

/* ---- Answers. ---- */

static void sharder_refused(struct docent_queue_sharder *s, docent_status why)
{
    docent_meter_reason(&s->meter, s->handle.client, why);
    if (s->listed <= 0) docent_waiters_answer(&s->waiters, why);
}

/* What was asked for is wanted still: with the list, which comes first. */
static void sharder_failed(struct docent_queue_sharder *s, docent_status why)
{
    s->list_wanted = true;
    switch (docent_trouble(why)) {
    case TROUBLE_LOST: sharder_go(s, SHARDER_IDLE); break; /* RESET comes. */
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: sharder_go(s, SHARDER_PAUSED); break;
    case TROUBLE_REFUSED:
        sharder_refused(s, why);
        sharder_go(s, SHARDER_PAUSED);
        break;
    }
}

/* The path itself is gone. */
static void sharder_sinks(struct docent_queue_sharder *s)
{
    s->list_wanted = true;
    sharder_go(s, SHARDER_IDLE);
    docent_ground_lost(&s->ground);
}

static void sharder_works(struct docent_queue_sharder *s)
{
    docent_machine_calm(&s->handle.machine);
    docent_meter_reason(&s->meter, s->handle.client, DOCENT_OK);
    sharder_go(s, SHARDER_IDLE);
}

static void sharder_on_list(struct docent_queue_sharder *s, const docent_result *result)
{
    docent_status status = DOCENT_OK;
    for (struct shard *shard = s->shards; shard != NULL; shard = shard->next) shard->listed = false;
    for (size_t i = 0; i < result->name_count && status == DOCENT_OK; i++) status = sharder_see(s, result->names[i]);
    if (status != DOCENT_OK) {
        sharder_failed(s, status);
        return;
    }
    s->listed = (int64_t)result->name_count;
    docent_shared_set(&s->shard_count, s->listed);
    if (s->listed > 0) {
        s->empty_checks = 0;
        docent_waiters_answer(&s->waiters, DOCENT_OK);
    }
    sharder_works(s);
}

static void sharder_on_count(struct docent_queue_sharder *s, int64_t count)
{
    struct shard *shard = s->counted;
    bool known = shard->count >= 0;
    shard->due = false;
    shard->count = count;
    if (shard_is_full(s, shard)) {
        s->short_of |= shard->preferred && known;
        shard->preferred = false;
    } else if (count <= (int64_t)(s->threshold / 2)) {
        shard->preferred = true;
    }
    sharder_works(s);
}

static void sharder_on_reply(struct docent_queue_sharder *s, const struct docent_event *ev)
{
    bool adds = s->state == SHARDER_ADDING, counts = s->state == SHARDER_COUNTING;
    if (ev->status == DOCENT_OK || (adds && ev->status == DOCENT_ERR_NODE_EXISTS)) {
        s->list_wanted |= adds;
        if (counts) {
            sharder_on_count(s, ev->result->stat.num_children);
        } else if (adds) {
            sharder_works(s);
        } else {
            sharder_on_list(s, ev->result);
        }
    } else if (ev->status == DOCENT_ERR_NO_NODE && counts) { /* Deleted: the list says so. */
        s->counted->due = false;
        s->list_wanted = true;
        sharder_go(s, SHARDER_IDLE);
    } else if (ev->status == DOCENT_ERR_NO_NODE) {
        sharder_sinks(s);
    } else {
        sharder_failed(s, ev->status);
    }
    sharder_pump(s);
}

static void sharder_on_event(struct handle *handle, const struct docent_event *ev)
{
    struct docent_queue_sharder *s = docent_sharder_of(handle);
    if (handle->ended) return;
    switch (ev->type) {
    case DOCENT_EV_REPLY: sharder_on_reply(s, ev); break;
    case DOCENT_EV_TIMER:
        if (s->state == SHARDER_PAUSED || s->state == SHARDER_ADDING) sharder_go(s, SHARDER_IDLE);
        sharder_pump(s);
        break;
    case DOCENT_EV_RESUMED: sharder_pump(s); break;
    case DOCENT_EV_SUSPENDED: /* Lost replies follow. */
    case DOCENT_EV_EXPIRED:
    case DOCENT_EV_WATCH:
    case DOCENT_EV_CLOSING: break; /* The handle's. */
    }
}

/* ---- What the others say. ---- */

static void sharder_heard(struct rearm *rearm, const struct rearm_event *ev)
{
    struct docent_queue_sharder *s = (struct docent_queue_sharder *)((char *)rearm - offsetof(struct docent_queue_sharder, rearm));
    switch (ev->type) {
    case REARM_RESET:
    case REARM_CHANGED: sharder_list(s); break;
    case REARM_FAILED: docent_meter_reason(&s->meter, s->handle.client, ev->status); break;
    case REARM_OVER: docent_handle_settle(&s->handle); break;
    }
}

static void sharder_ground_told(struct ground *ground, docent_status status)
{
    struct docent_queue_sharder *s = (struct docent_queue_sharder *)((char *)ground - offsetof(struct docent_queue_sharder, ground));
    if (status == DOCENT_OK) {
        docent_meter_state(&s->meter, s->handle.client, "WORKING");
        sharder_list(s);
    } else {
        sharder_refused(s, status);
    }
}

static void sharder_count_all(struct docent_queue_sharder *s)
{
    for (struct shard *shard = s->shards; shard != NULL; shard = shard->next) shard->due = true;
}

void docent_sharder_led(docent_leader_latch *latch, const docent_leadership *leadership, void *user)
{
    struct docent_queue_sharder *s = user;
    (void)latch;
    if (!leadership->leads || s->handle.ended) return;
    sharder_count_all(s);
    sharder_list(s);
}

static void sharder_check(struct docent_timer *timer)
{
    struct docent_queue_sharder *s = (struct docent_queue_sharder *)((char *)timer - offsetof(struct docent_queue_sharder, check));
    docent_client *client = s->handle.client;
    docent_timer_set(client, &s->check, docent_client_now(client) + s->check_ms);
    s->empty_checks += s->listed == 0 && docent_machine_online(&s->handle.machine);
    sharder_count_all(s);
    sharder_pump(s);
}

/* ---- From the beginning to the end. ---- */

void docent_sharder_fill(struct docent_queue_sharder *s)
{
    s->listed = -1;
    docent_shared_set(&s->shard_count, -1);
    s->ground.paths[s->ground.count++] = s->path;
    s->ground.acl = s->queue.acl;
    s->ground.told = sharder_ground_told;
    s->check.fire = sharder_check;
    s->telling.run = sharder_tell;
    s->waiters.handle = &s->handle;
    s->handle.timers = 3; /* Ground, the watch, and the check. */
}

static void sharder_attached(struct handle *handle)
{
    handle->machine.name = "sharder";
}

void docent_sharder_begin(struct docent_queue_sharder *s)
{
    docent_client *client = s->handle.client;
    sharder_go(s, SHARDER_IDLE);
    docent_meter_state(&s->meter, client, "PREPARING");
    docent_timer_set(client, &s->check, docent_client_now(client) + s->check_ms);
    docent_rearm_start(&s->rearm, client, s->path, DOCENT_WATCHER_CHILDREN, sharder_heard);
    docent_ground_start(&s->ground, client);
}

static void sharder_close_parts(struct docent_queue_sharder *s)
{
    docent_leader_latch *latch = s->latch;
    s->latch = NULL;
    docent_leader_latch_close(latch, NULL, NULL);
    for (struct shard *shard = s->shards; shard != NULL; shard = shard->next) {
        docent_work_queue *queue = shard->queue;
        shard->queue = NULL;
        if (queue != NULL) docent_handle_close(&queue->handle, NULL, NULL);
    }
}

static void sharder_end(struct handle *handle, docent_status why, bool mute)
{
    struct docent_queue_sharder *s = docent_sharder_of(handle);
    sharder_go(s, SHARDER_OVER);
    docent_timer_stop(handle->client, &s->check);
    docent_ground_stop(&s->ground);
    docent_rearm_stop(&s->rearm, mute);
    docent_waiters_answer(&s->waiters, handle->refusal);
    if (why == DOCENT_ERR_CANCELLED) sharder_close_parts(s); /* Else they end by themselves, and are closed when we are freed. */
}

static bool sharder_is_over(const struct handle *handle)
{
    const struct docent_queue_sharder *s = docent_sharder_of(handle);
    return docent_waiters_are_gone(&s->waiters) && docent_rearm_is_over(&s->rearm) && !s->tells && !docent_later_is_queued(&s->telling);
}

void docent_sharder_free(struct docent_queue_sharder *s)
{
    docent_allocator allocator = s->handle.allocator;
    sharder_close_parts(s);
    for (struct shard *shard = s->shards, *next; shard != NULL; shard = next) {
        next = shard->next;
        docent_free(&allocator, shard);
    }
    for (struct held_put *held = s->held, *next; held != NULL; held = next) { /* In a forked child. */
        next = held->next;
        docent_free(&allocator, held);
    }
    docent_free(&allocator, s->path);
    docent_free(&allocator, (char *)(uintptr_t)s->queue.lock_path);
    docent_free(&allocator, (char *)(uintptr_t)s->queue.receipt_path);
    docent_free(&allocator, (char *)(uintptr_t)s->queue.quarantine_path);
    docent_acl_drop(&allocator, s->queue.acl);
    docent_free(&allocator, s);
}

static void sharder_free(struct handle *handle)
{
    docent_sharder_free(docent_sharder_of(handle));
}

const struct handle_kind docent_sharder_kind = {
    .attached = sharder_attached,
    .on_event = sharder_on_event,
    .end = sharder_end,
    .is_over = sharder_is_over,
    .free = sharder_free,
};
