#include "tests/sim/growth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/caches.h"

enum { GROWTH_OPS_MAX = 320, GROWTH_PATH_MAX = 64, GROWTH_DATA_MAX = 96, GROWTH_DEPTH_MAX = 7 };

/* Some operations, as one transaction or one by one. */
struct growth {
    struct actor *actor;
    size_t count;
    docent_op ops[GROWTH_OPS_MAX];
    char paths[GROWTH_OPS_MAX][GROWTH_PATH_MAX];
    char data[GROWTH_OPS_MAX][GROWTH_DATA_MAX];
};

static uint64_t growth_between(struct growth *growth, uint64_t low, uint64_t high)
{
    return chance_between(&growth->actor->world->random, low, high);
}

static bool growth_may(struct growth *growth, unsigned per_mille)
{
    return chance_per_mille(&growth->actor->world->random, per_mille);
}

static const struct oracle *growth_oracle(const struct growth *growth)
{
    return &growth->actor->world->caches->oracle;
}

/* ---- What is to be done. ---- */

static docent_op *growth_op(struct growth *growth, const char *path)
{
    if (growth->count == GROWTH_OPS_MAX) {
        return NULL;
    }
    size_t at = growth->count++;
    snprintf(growth->paths[at], GROWTH_PATH_MAX, "%s", path);
    return &growth->ops[at];
}

/* Nobody writes the same bytes twice. */
static const void *growth_data(struct growth *growth, const docent_op *op, size_t *ret_size)
{
    size_t at = (size_t)(op - growth->ops);
    struct world *world = growth->actor->world;
    char *text = growth->data[at];
    int size = snprintf(text, GROWTH_DATA_MAX, "#%" PRIu64 " ", chance_next(&world->random));
    size_t most = (size_t)size + (size_t)growth_between(growth, 0, GROWTH_DATA_MAX - 1 - (uint64_t)size);
    for (size_t i = (size_t)size; i < most; i++) {
        text[i] = (char)('a' + i % 26);
    }
    *ret_size = growth_may(growth, 50) ? 0 : most;
    return growth_may(growth, 50) ? NULL : text;
}

static void growth_create(struct growth *growth, const char *path)
{
    static const docent_acl unreadable = {DOCENT_PERM_ALL & ~DOCENT_PERM_READ, "world", "anyone"};
    docent_op *op = growth_op(growth, path);
    if (op != NULL) {
        size_t size;
        const void *data = growth_data(growth, op, &size);
        *op = docent_op_create(growth->paths[op - growth->ops], data, data == NULL ? 0 : size, DOCENT_PERSISTENT);
        if (name_is(path, 'x')) {
            op->acl = (docent_acl_list){&unreadable, 1};
        }
    }
}

static void growth_delete(struct growth *growth, const char *path)
{
    docent_op *op = growth_op(growth, path);
    if (op != NULL) {
        *op = docent_op_delete(growth->paths[op - growth->ops], DOCENT_ANY_VERSION);
    }
}

static void growth_set(struct growth *growth, const char *path)
{
    docent_op *op = growth_op(growth, path);
    if (op != NULL) {
        size_t size;
        const void *data = growth_data(growth, op, &size);
        *op = docent_op_set(growth->paths[op - growth->ops], data, data == NULL ? 0 : size, DOCENT_ANY_VERSION);
    }
}

/* One of those that stand; NULL: none does. Mostly in the cached tree. */
static const char *growth_any(struct growth *growth)
{
    const struct oracle *oracle = growth_oracle(growth);
    return oracle->count == 0 ? NULL : oracle->present[growth_between(growth, oracle->count > 2 && growth_may(growth, 950) ? 2 : 0, oracle->count - 1)]->path;
}

static bool growth_has(const struct growth *growth, const char *path)
{
    for (size_t i = 0; i < growth->count; i++) {
        if (strcmp(growth->paths[i], path) == 0) {
            return true;
        }
    }
    return oracle_find(growth_oracle(growth), path) != NULL;
}

/* Up to @count new nodes, below those that stand or below each other. */
static void growth_grow(struct growth *growth, size_t count)
{
    static const char letters[] = "aaabbbcccdddeeefffggghhhnnzzx";
    bool wide = growth->actor->world->scenario->tree > 40;
    if (!growth_has(growth, ORACLE_TOP)) {
        growth_create(growth, ORACLE_TOP);
    }
    if (!growth_has(growth, ORACLE_ROOT)) {
        growth_create(growth, ORACLE_ROOT);
    }
    for (size_t i = 0; i < count; i++) {
        const char *parent = growth->count > 0 && growth_may(growth, 600) ? growth->paths[growth_between(growth, 0, growth->count - 1)]
                                                                           : growth_any(growth);
        if (parent == NULL || strcmp(parent, ORACLE_TOP) == 0 || growth_may(growth, 100)) {
            parent = ORACLE_ROOT;
        }
        unsigned depth = 0;
        for (const char *at = parent; *at != '\0'; at++) {
            depth += *at == '/';
        }
        char path[GROWTH_PATH_MAX];
        char letter = letters[growth_between(growth, 0, sizeof letters - 2)];
        if (wide) {
            snprintf(path, sizeof path, "%.50s/%c%u", parent, letter, (unsigned)growth_between(growth, 0, 99));
        } else {
            snprintf(path, sizeof path, "%.50s/%c", parent, letter);
        }
        if (depth < GROWTH_DEPTH_MAX && !name_is(parent, 'x') && !growth_has(growth, path)) {
            growth_create(growth, path);
        }
    }
}

/* All of it; then perhaps the same again, or a part. */
static void growth_fell(struct growth *growth, const char *top, bool again)
{
    const struct oracle *oracle = growth_oracle(growth);
    size_t first = 0;
    while (first < oracle->count && strcmp(oracle->present[first]->path, top) != 0) {
        first++;
    }
    size_t end = first + 1;
    while (end < oracle->count && path_is_below(oracle->present[end]->path, top)) {
        end++;
    }
    for (size_t i = end; i > first; i--) {
        growth_delete(growth, oracle->present[i - 1]->path);
    }
    for (size_t i = first, left_out = SIZE_MAX; i < end && again; i++) {
        const char *path = oracle->present[i]->path;
        if (left_out != SIZE_MAX && path_is_below(path, oracle->present[left_out]->path)) {
            continue;
        }
        if (i > first && growth_may(growth, 150)) {
            left_out = i;
        } else {
            growth_create(growth, path);
        }
    }
}

static void growth_draw(struct growth *growth)
{
    const struct world *world = growth->actor->world;
    const struct oracle *oracle = growth_oracle(growth);
    size_t target = world->scenario->tree;
    uint64_t how = growth_between(growth, 0, 99);
    const char *any = growth_any(growth);
    if (world->scenario->calm_tree) {
        if (oracle->count < target * 3 / 4) {
            growth_grow(growth, target - oracle->count);
        }
    } else if (any == NULL || (world->scenario->roots && oracle_find(oracle, ORACLE_ROOT) == NULL)) {
        growth_grow(growth, 1 + growth_between(growth, 0, target / 2));
    } else if (world->scenario->roots && how < 60) {
        growth_fell(growth, growth_may(growth, 700) && oracle_find(oracle, ORACLE_ROOT) != NULL ? ORACLE_ROOT : ORACLE_TOP, growth_may(growth, 600));
    } else if (oracle->count < target / 2 && how < 50) {
        growth_grow(growth, 1 + growth_between(growth, 0, target - oracle->count));
    } else if (how < 20) {
        growth_grow(growth, oracle->count < target ? growth_between(growth, 1, 4) : 1);
    } else if (how < 55) {
        for (uint64_t sets = growth_between(growth, 1, 3); sets > 0; sets--) {
            any = growth_any(growth);
            growth_set(growth, any);
        }
    } else if (how < 70) {
        growth_fell(growth, any, true); /* Anew. */
    } else if (how < 80) {
        growth_fell(growth, any, false);
    } else if (how < 90) { /* It comes and goes while others look. */
        growth_fell(growth, any, true);
        growth_set(growth, any);
        growth_fell(growth, any, growth_may(growth, 700));
    } else if (how < 93) {
        growth_fell(growth, oracle->present[0]->path, growth_may(growth, 500));
    } else {
        growth_set(growth, any);
        growth_grow(growth, 2);
    }
}

/* ---- Doing it. ---- */

static void growth_told(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct owner *owner = &call->world->caches->owners[actor->index];
    world_call_told(call, result->status);
    if (call->handle == actor->handles && owner->outstanding > 0 && --owner->outstanding == 0) {
        actor_call_over(actor);
    }
}

static void growth_ask(struct growth *growth, const docent_op *op)
{
    struct actor *actor = growth->actor;
    struct world *world = actor->world;
    struct call *call = world_call(world, actor, CALL_NODE);
    docent_call_options options = {DOCENT_CALL_OPTIONS, .timeout_ms = (uint32_t)growth_between(growth, 500, 4 * world->session_ms)};
    docent_status status = docent_run_async(actor->client.core, op, world_calm(world) ? NULL : &options, growth_told, call);
    if (status == DOCENT_OK) {
        world->caches->owners[actor->index].outstanding++;
        return;
    }
    call->refused = true;
    if (status != DOCENT_ERR_NO_MEMORY) {
        world_fail(world, "a writer's call is refused: %s", docent_status_name(status));
    }
}

void growth_act(struct actor *actor)
{
    struct growth *growth = calloc(1, sizeof *growth);
    if (growth == NULL) {
        abort();
    }
    growth->actor = actor;
    growth_draw(growth);
    /* Transactions of some operations each; none touches a path twice, so that a version has one content. */
    bool single = growth_may(growth, 300) && growth->count < 30;
    for (size_t first = 0; first < growth->count;) {
        size_t end = first + 1;
        for (bool twice = single; end < growth->count && !twice;) {
            for (size_t i = first; i < end; i++) {
                bool remade = growth->ops[i].type == DOCENT_OP_DELETE && growth->ops[end].type == DOCENT_OP_CREATE;
                twice = twice || (strcmp(growth->paths[i], growth->paths[end]) == 0 && !remade);
            }
            end += !twice;
        }
        if (growth->count - first > 3 && !single && growth_may(growth, 200)) {
            end = first + 1 + (size_t)growth_between(growth, 0, end - first - 1);
        }
        docent_op multi = docent_op_multi(&growth->ops[first], end - first);
        growth_ask(growth, end - first == 1 ? &growth->ops[first] : &multi);
        first = end;
    }
    free(growth);
    actor_call_began(actor);
    if (actor->world->caches->owners[actor->index].outstanding == 0) {
        actor_call_over(actor);
    }
}
