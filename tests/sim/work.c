#include "tests/sim/work.h"

#include <docent/queue_sharder.h>
#include <docent/work_queue.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory.h"

#define WORK "/w/jobs"
#define WORK_LOCKS "/w/locks"
#define WORK_RECEIPTS "/w/receipts"
#define WORK_SHARDS "/w/shards"
#define WORK_LEADER "/w/leader"

enum { WORK_SHARDS_MAX = 2, WORK_FULL = 2, WORK_CHECK_MS = 400, WORK_SETTLED_MS = 500 };
enum { WORK_ITEMS_MAX = 4, WORK_PREFIX_MAX = 96, WORK_FRAME = 18, WORK_SERIAL_AT = 9 };

struct piece { /* Of work: what one put made. */
    bool known;
    unsigned puts;     /* In the log, put backs apart. */
    unsigned alive;    /* Nodes of it. */
    int64_t gone_zxid; /* Of the transaction that deleted it last. */
    unsigned handed;
    unsigned done;     /* Answered so. */
    unsigned told;     /* In trouble. */
    char prefix[WORK_PREFIX_MAX];
    char name[WORK_PREFIX_MAX];
    char claim[WORK_PREFIX_MAX]; /* The name that is claimed... */
    int64_t owner;               /* ... by this session; 0: it is not. */
    int32_t priority;
    uint64_t free_us;            /* Since when it may be taken by anybody. */
    bool in_turn;                /* Handed out where the order is looked at. */
};

struct worker { /* Of an actor. */
    struct world *world;
    struct actor *actor;
    docent_work_queue *queue;
    docent_queue_sharder *sharder; /* Or this. */
    bool orderly; /* The queue was opened in the calm, by the only consumer. */
    size_t open; /* Queues that have not said that they are closed. */
    docent_work_item *items[WORK_ITEMS_MAX];
    size_t count;
    struct alarm busy;
};

struct works {
    struct worker each[WORLD_ACTORS_MAX];
    struct piece *pieces; /* By the serial of the put. */
    size_t piece_count;
    size_t alive, claims, receipts;
    size_t shards, seats; /* seats: of those who would lead. */
    unsigned crashes;
    bool closing;
};

static bool works_are_locked(const struct world *world)
{
    return world->scenario->work_locked;
}

static void worker_works(struct alarm *alarm);

struct works *works_new(struct world *world)
{
    struct works *works = calloc(1, sizeof *works);
    if (works == NULL) {
        abort();
    }
    for (size_t i = 0; i < WORLD_ACTORS_MAX; i++) {
        works->each[i] = (struct worker){.world = world, .busy.ring = worker_works};
    }
    return works;
}

void works_free(struct works *works)
{
    if (works != NULL) {
        free(works->pieces);
    }
    free(works);
}

static struct worker *worker_of(struct actor *actor)
{
    struct worker *worker = &actor->world->works->each[actor->index];
    worker->actor = actor;
    return worker;
}

static struct piece *works_piece(struct works *works, uint64_t serial)
{
    if (serial >= works->piece_count) {
        size_t count = (size_t)serial + 64;
        works->pieces = realloc(works->pieces, count * sizeof *works->pieces);
        if (works->pieces == NULL) {
            abort();
        }
        memset(works->pieces + works->piece_count, 0, (count - works->piece_count) * sizeof *works->pieces);
        works->piece_count = count;
    }
    works->pieces[serial].known = true;
    return &works->pieces[serial];
}

static bool works_serial(const void *frame, size_t size, uint64_t *ret_serial)
{
    if (size != WORK_FRAME) {
        return false;
    }
    memcpy(ret_serial, (const char *)frame + WORK_SERIAL_AT, sizeof *ret_serial);
    return true;
}

/* ---- The log. ---- */

static struct piece *works_named(struct works *works, const char *name)
{
    for (size_t i = 0; i < works->piece_count; i++) {
        struct piece *piece = &works->pieces[i];
        if (piece->known && piece->alive > 0 && strcmp(piece->name, name) == 0) {
            return piece;
        }
    }
    return NULL;
}

static void works_created(struct world *world, const struct commit *commit, const char *name)
{
    struct works *works = world->works;
    uint64_t serial;
    if (!works_serial(commit->data, commit->size, &serial) || serial >= world->call_count) {
        world_fail(world, "item %s has data that nobody put", name);
        return;
    }
    struct piece *piece = works_piece(works, serial);
    bool again = piece->puts > 0 && piece->gone_zxid == commit->zxid;
    int prefix = (int)strlen(name) - 10;
    if (!again && piece->puts++ > 0) {
        world_fail(world, "put %" PRIu64 " is in the log a second time, as %s", serial, name);
    }
    if (again && (strncmp(piece->prefix, name, (size_t)prefix) != 0 || piece->prefix[prefix] != '\0')) {
        world_fail(world, "item %s was put back as %s", piece->name, name);
    }
    snprintf(piece->prefix, sizeof piece->prefix, "%.*s", prefix, name);
    snprintf(piece->name, sizeof piece->name, "%s", name);
    piece->free_us = world->clock.now_us;
    piece->alive++;
    works->alive++;
    if (piece->alive > 1) {
        world_fail(world, "put %" PRIu64 " has two items", serial);
    }
}

static void works_deleted(struct world *world, const struct commit *commit, const char *name)
{
    struct works *works = world->works;
    struct piece *piece = works_named(works, name);
    if (piece == NULL) {
        world_fail(world, "the log deletes %s, which it did not create", name);
        return;
    }
    bool claimed = piece->owner != 0 && strcmp(piece->claim, name) == 0;
    if (works_are_locked(world) && (!claimed || piece->owner != commit->session)) {
        world_fail(world, "item %s leaves, and who takes it out has no claim", name);
    }
    piece->alive--;
    works->alive--;
    piece->gone_zxid = commit->zxid;
}

static void works_claimed(struct world *world, const struct commit *commit, const char *name)
{
    struct works *works = world->works;
    struct piece *piece = works_named(works, name);
    works->claims += commit->type == COMMIT_CREATE;
    works->claims -= commit->type == COMMIT_DELETE;
    if (commit->type == COMMIT_CREATE && piece != NULL) {
        snprintf(piece->claim, sizeof piece->claim, "%s", name);
        piece->owner = commit->owner;
    }
    for (size_t i = 0; commit->type == COMMIT_DELETE && i < works->piece_count; i++) {
        if (works->pieces[i].known && strcmp(works->pieces[i].claim, name) == 0) {
            works->pieces[i].owner = 0;
            works->pieces[i].free_us = world->clock.now_us;
        }
    }
}

static void works_item_committed(struct world *world, const struct commit *commit, const char *name)
{
    if (commit->type == COMMIT_CREATE) {
        works_created(world, commit, name);
    } else if (commit->type == COMMIT_DELETE) {
        works_deleted(world, commit, name);
    }
}

/* An item's name begins with its shard. */
static void works_shard_committed(struct world *world, const struct commit *commit, const char *name)
{
    struct works *works = world->works;
    if (strchr(name, '/') != NULL) {
        works_item_committed(world, commit, name);
        return;
    }
    works->shards += commit->type == COMMIT_CREATE;
    if (commit->type == COMMIT_DELETE) {
        world_fail(world, "shard %s is deleted", name);
    }
    /* Who sees none for long adds one whoever leads, and then another may just have done so. */
    bool late = world->faults_done > 0 || world->scenario->storm;
    size_t most = WORK_SHARDS_MAX + (late ? world->actor_count - 1 : 0);
    if (works->shards > most) {
        world_fail(world, "%s is shard number %zu", name, works->shards);
    }
}

bool works_committed(struct world *world, const struct commit *commit)
{
    static const char items[] = WORK "/queue-", claims[] = WORK_LOCKS "/", receipts[] = WORK_RECEIPTS "/";
    static const char shards[] = WORK_SHARDS "/", seats[] = WORK_LEADER "/";
    if (strncmp(commit->path, "/w", 2) != 0) {
        return false;
    }
    if (strncmp(commit->path, items, sizeof items - 1) == 0) {
        works_item_committed(world, commit, commit->path + sizeof WORK);
    } else if (strncmp(commit->path, shards, sizeof shards - 1) == 0) {
        works_shard_committed(world, commit, commit->path + sizeof shards - 1);
    } else if (strncmp(commit->path, seats, sizeof seats - 1) == 0) {
        world->works->seats += commit->type == COMMIT_CREATE;
        world->works->seats -= commit->type == COMMIT_DELETE;
    } else if (strncmp(commit->path, claims, sizeof claims - 1) == 0) {
        const char *name = commit->path + sizeof claims - 1;
        if (!world->scenario->work_sharded || strchr(name, '/') != NULL) { /* Else the claims of a shard stand on it. */
            works_claimed(world, commit, name);
        }
    } else if (strncmp(commit->path, receipts, sizeof receipts - 1) == 0) {
        world->works->receipts += commit->type == COMMIT_CREATE;
        world->works->receipts -= commit->type == COMMIT_DELETE;
    }
    return true;
}

/* ---- A consumer. ---- */

static uint64_t item_serial(const docent_work_item *item)
{
    size_t count;
    uint64_t serial;
    memcpy(&serial, docent_work_item_elements(item, &count)->data, sizeof serial);
    return serial;
}

static void worker_answer(struct worker *worker)
{
    struct world *world = worker->world;
    docent_work_item *item = worker->items[--worker->count];
    bool done = world_calm(world) || chance_per_mille(&world->random, 700);
    if (done) {
        works_piece(world->works, item_serial(item))->done++;
    }
    docent_work_item_done(item, done ? DOCENT_WORK_DONE : DOCENT_WORK_FAILED);
}

static void worker_rest(struct worker *worker)
{
    struct world *world = worker->world;
    uint64_t ms = !world_calm(world) && chance_per_mille(&world->random, 50) ? 2 * world->session_ms : chance_between(&world->random, 0, 20);
    clock_set(&world->clock, &worker->busy, world->clock.now_us + ms * SIM_MS);
}

static void worker_works(struct alarm *alarm)
{
    struct worker *worker = (struct worker *)(void *)((char *)alarm - offsetof(struct worker, busy));
    if (worker->count == 0) {
        return;
    }
    if (!worker->actor->client.paused) {
        worker_answer(worker);
    }
    if (worker->count > 0) {
        worker_rest(worker);
    }
}

/* Nothing that comes before @piece has been there, and free, for long. */
static void worker_check_turn(const struct worker *worker, const struct piece *piece)
{
    const struct works *works = worker->world->works;
    for (size_t i = 0; i < works->piece_count; i++) {
        const struct piece *other = &works->pieces[i];
        bool waits = other->known && other->alive > 0 && other->owner == 0 && !other->in_turn && other != piece &&
            other->free_us + WORK_SETTLED_MS * SIM_MS < worker->world->clock.now_us;
        bool before = other->priority != piece->priority
            ? other->priority < piece->priority
            : strcmp(other->name + strlen(other->prefix), piece->name + strlen(piece->prefix)) < 0;
        if (waits && before) {
            world_fail(worker->world, "%s is handed out, and %s is before it", piece->name, other->name);
        }
    }
}

static void worker_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    struct worker *worker = user;
    struct world *world = worker->world;
    struct piece *piece = works_piece(world->works, item_serial(item));
    (void)queue;
    world->grants++;
    piece->handed++;
    if (worker->orderly) {
        piece->in_turn = true;
        worker_check_turn(worker, piece);
    }
    if (!works_are_locked(world) && piece->alive > 0) {
        world_fail(world, "%s is handed out at most once, and is still there", docent_work_item_name(item));
    }
    if (!works_are_locked(world) && piece->handed > 1) {
        world_fail(world, "%s is handed out twice", docent_work_item_name(item));
    }
    if (worker->count == WORK_ITEMS_MAX) {
        world_fail(world, "client %zu has more items out than it wanted", worker->actor->index);
    }
    if (!works_are_locked(world) || chance_per_mille(&world->random, 300)) { /* At once. */
        worker->items[worker->count++] = item;
        worker_answer(worker);
        return;
    }
    worker->items[worker->count++] = item;
    if (worker->count == 1) {
        worker_rest(worker);
    }
}

static void worker_trouble(docent_work_queue *queue, const docent_work_trouble *trouble, void *user)
{
    struct worker *worker = user;
    struct world *world = worker->world;
    uint64_t serial;
    (void)queue;
    world_trace(world, "client %zu  trouble with %s: %s", worker->actor->index, trouble->name, docent_status_name(trouble->status));
    if (trouble->status == DOCENT_ERR_CORRUPT_DATA) {
        world_fail(world, "%s is said to be malformed", trouble->name);
    }
    if (works_serial(trouble->data, trouble->size, &serial)) {
        works_piece(world->works, serial)->told++;
    }
}

/* ---- A producer. ---- */

static void worker_put_told(docent_status status, void *user)
{
    struct call *call = user;
    struct world *world = call->world;
    struct piece *piece = works_piece(world->works, call->serial);
    bool foretold = status == DOCENT_OK || status == DOCENT_ERR_UNKNOWN_OUTCOME || status == DOCENT_ERR_CLOSING ||
        (status == DOCENT_ERR_TIMEOUT && call->timeout_ms != DOCENT_FOREVER) ||
        (status == DOCENT_ERR_NO_MEMORY && world->scenario->work_sharded); /* It waited, and then there was none for the queue to take it. */
    world_call_told(call, status);
    if (!foretold) {
        world_fail(world, "put %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    if (status == DOCENT_OK && piece->puts != 1) {
        world_fail(world, "put %" PRIu64 " is said to be in the queue, and is not", call->serial);
    }
    if (status != DOCENT_OK && status != DOCENT_ERR_UNKNOWN_OUTCOME && piece->puts > 0) {
        world_fail(world, "put %" PRIu64 " ended with %s, and is in the queue", call->serial, docent_status_name(status));
    }
    if (status == DOCENT_OK || !world_calm(world)) {
        actor_call_over(call->actor);
    } else {
        works_act(call->actor); /* Once more. */
    }
}

static void worker_closed(void *user)
{
    struct call *call = user;
    worker_of(call->actor)->open--;
    world_call_told(call, DOCENT_OK);
}

static void worker_shut(struct worker *worker)
{
    docent_work_queue *queue = worker->queue;
    docent_queue_sharder *sharder = worker->sharder;
    worker->queue = NULL;
    worker->sharder = NULL;
    clock_stop(&worker->world->clock, &worker->busy);
    while (worker->count > 0) {
        worker_answer(worker);
    }
    if (queue == NULL && sharder == NULL) {
        return;
    }
    uint32_t version = 0;
    (void)docent_client_server(worker->actor->client.core, &version);
    /* Of the claims, and of the shards: a server that may not be able to is not asked to take it back. */
    worker->world->watches_left += version != 0 ? 0 : sharder != NULL ? 2 + worker->world->works->shards : 1;
    struct call *call = world_call(worker->world, worker->actor, CALL_NODE);
    docent_work_queue_close(queue, worker_closed, call);
    docent_queue_sharder_close(sharder, worker_closed, call);
}

static docent_status worker_open_sharder(struct worker *worker, docent_work_queue_options *queue)
{
    const docent_queue_sharder_options options = {
        DOCENT_QUEUE_SHARDER_OPTIONS, .queue = queue, .threshold = WORK_FULL, .check_ms = WORK_CHECK_MS, .shards_max = WORK_SHARDS_MAX,
    };
    queue->parallel = 1;
    docent_status status = docent_queue_sharder_new(worker->actor->client.core, WORK_SHARDS, WORK_LEADER, &options, &worker->sharder);
    if (status != DOCENT_OK) {
        return status;
    }
    worker->open++;
    status = docent_queue_sharder_start(worker->sharder);
    if (status != DOCENT_OK) { /* Its parts were made when there was no memory for their timers, and are over. */
        worker_shut(worker);
    }
    return status;
}

static bool worker_open(struct worker *worker)
{
    const struct scenario *scenario = worker->world->scenario;
    docent_work_queue_options options = {
        DOCENT_WORK_QUEUE_OPTIONS, .kind = scenario->work_priority ? DOCENT_WORK_QUEUE_PRIORITY : DOCENT_WORK_QUEUE_PLAIN,
        .lock_path = scenario->work_locked ? WORK_LOCKS : NULL, .receipt_path = scenario->work_receipts ? WORK_RECEIPTS : NULL,
        .parallel = (uint32_t)chance_between(&worker->world->random, 1, WORK_ITEMS_MAX - 1), .on_item = worker_item,
        .on_trouble = worker_trouble, .user = worker,
    };
    worker->orderly = scenario->one_consumer && world_calm(worker->world);
    options.parallel = worker->orderly ? 1 : options.parallel;
    options.on_item = scenario->one_consumer && worker->actor->index > 0 ? NULL : worker_item;
    docent_status status = scenario->work_sharded ? worker_open_sharder(worker, &options)
                                                  : docent_work_queue_new(worker->actor->client.core, WORK, &options, &worker->queue);
    if (status != DOCENT_OK && status != DOCENT_ERR_NO_MEMORY) {
        world_fail(worker->world, "client %zu gets no queue: %s", worker->actor->index, docent_status_name(status));
    }
    worker->open += status == DOCENT_OK && worker->queue != NULL;
    return status == DOCENT_OK;
}

static void worker_put(struct worker *worker)
{
    struct world *world = worker->world;
    struct call *call = world_call(world, worker->actor, CALL_NODE);
    docent_work_element element = {&call->serial, sizeof call->serial};
    docent_work_put put = {DOCENT_WORK_PUT, .elements = &element, .count = 1};
    if (world->scenario->work_priority) {
        put.priority = (int32_t)chance_between(&world->random, 0, 20) - 10;
        works_piece(world->works, call->serial)->priority = put.priority;
    }
    call->timeout_ms = world_calm(world) || chance_per_mille(&world->random, 700) ? DOCENT_FOREVER
                                                                                : (uint32_t)chance_between(&world->random, 1, 2 * world->session_ms);
    docent_status status = worker->sharder != NULL
        ? docent_queue_sharder_put_async(worker->sharder, &put, call->timeout_ms, worker_put_told, call)
        : docent_work_queue_put_async(worker->queue, &put, call->timeout_ms, worker_put_told, call);
    if (status != DOCENT_OK) { /* Perhaps it was made when there was no memory for its timers, and is over. */
        worker_shut(worker);
    }
    if (worker->actor->state != ACTOR_CALLING || status != DOCENT_OK) {
        actor_call_accepted(worker->actor, call, status);
    }
}

/* In the storm it comes and goes. In the calm it begins when the others have put what they will, and does all of it. */
static void worker_consumes(struct worker *worker)
{
    struct actor *actor = worker->actor;
    const struct world *world = worker->world;
    bool alone = true;
    for (size_t i = 1; i < world->actor_count; i++) {
        alone = alone && world->actors[i]->state == ACTOR_FINISHED;
    }
    if (worker->queue != NULL && !worker->orderly) {
        worker_shut(worker);
    } else if (worker->queue == NULL && (alone || !world_calm(world))) {
        (void)worker_open(worker);
    }
    actor->rounds += !world_calm(world);
    actor->served = worker->orderly && world->works->alive == 0;
    actor_acted(actor);
}

void works_act(struct actor *actor)
{
    struct worker *worker = worker_of(actor);
    struct world *world = actor->world;
    uint64_t how = world_calm(world) ? 99 : chance_between(&world->random, 0, 99);
    if (world->scenario->one_consumer && actor->index == 0) {
        worker_consumes(worker);
    } else if (world->scenario->impatient && how < 5) {
        actor_crash(actor);
    } else if (world->scenario->impatient && how < 10) {
        actor_close(actor);
    } else {
        if (world->scenario->impatient && how < 20) {
            worker_shut(worker);
        }
        if (worker->queue == NULL && worker->sharder == NULL && !worker_open(worker)) {
            clock_set(&world->clock, &actor->alarm, world->clock.now_us + 10 * SIM_MS);
            return;
        }
        worker_put(worker);
    }
}

void works_leave(struct actor *actor, bool crashed)
{
    struct worker *worker = worker_of(actor);
    if (crashed) { /* Its memory is gone, and its items with it. */
        actor->world->works->crashes++;
        clock_stop(&actor->world->clock, &worker->busy);
        worker->queue = NULL;
        worker->sharder = NULL;
        worker->count = worker->open = 0;
    } else {
        worker_shut(worker);
    }
}

/* ---- The end. ---- */

static void works_account(struct world *world)
{
    struct works *works = world->works;
    for (size_t i = 0; i < works->piece_count; i++) {
        const struct piece *piece = &works->pieces[i];
        if (!piece->known || piece->puts == 0 || piece->alive > 0) {
            continue;
        }
        bool lost = works_are_locked(world) ? piece->done == 0 : piece->handed == 0 && piece->told == 0 && works->crashes == 0;
        if (lost) {
            world_fail(world, "item %s of put %zu is gone, and nobody has done it", piece->name, i);
        }
    }
}

bool works_quiet(struct world *world)
{
    struct works *works = world->works;
    bool drained = works->alive == 0 && works->claims == 0;
    for (size_t i = 0; i < world->plan.count; i++) {
        if (world->plan.faults[i].kind == FAULT_ALLOC) { /* What takes a watch back wants memory. */
            world->watches_left = SIZE_MAX / 2;
        }
    }
    if (world->scenario->storm) {
        world->watches_left = SIZE_MAX / 2;
    }
    for (size_t i = 0; drained && !works->closing && i < world->actor_count; i++) {
        if (world->actors[i]->client.core != NULL) {
            worker_shut(worker_of(world->actors[i]));
        }
    }
    works->closing = works->closing || drained;
    size_t open = 0;
    for (size_t i = 0; i < WORLD_ACTORS_MAX; i++) {
        open += works->each[i].open;
    }
    if (drained && open == 0) {
        works_account(world);
    }
    return drained && open == 0 && works->receipts == 0 && works->seats == 0;
}
