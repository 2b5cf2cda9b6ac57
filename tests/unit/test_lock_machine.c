/* The lock's machines against a fake of machine.h: a tree with no network, where every reply can be lost and every request refused
 * one by one. First scripted, then storms from seeds. What lies below the machines is for the simulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <docent/client.h>
#include <docent/operation.h>

#include "core/client/machine.h"
#include "core/drive/await.h"
#include "recipes/contender.h"

/* ---- The tree. ---- */

enum { NODES_MAX = 64, ASKS_MAX = 64, WATCHES_MAX = 64, CLIENTS_MAX = 3, TEXT_MAX = 160 };

static struct {
    struct node {
        char path[TEXT_MAX];
        int64_t owner, czxid;
    } nodes[NODES_MAX];
    size_t count;
    int32_t sequence;
    int64_t zxid;
    bool containers_unknown;
} tree;

struct ask {
    struct docent_machine *machine; /* NULL: nobody hears the answer. */
    uint32_t turn;
    docent_op_type type;
    docent_create_mode mode;
    char path[TEXT_MAX];
    int tag;
    bool watch;
};

struct watch {
    struct docent_machine *machine;
    uint32_t turn;
    int tag;
    char path[TEXT_MAX];
};

struct docent_client {
    struct docent_machine *first;
    struct ask asks[ASKS_MAX];
    size_t ask_count;
    struct watch watches[WATCHES_MAX];
    size_t watch_count;
    struct docent_later *later_first, **later_last;
    struct docent_host host;
    struct table lines;
    bool online, closing;
    uint64_t generation;
    int64_t session;
    int holds, reserved, kept;
};

static struct docent_client clients[CLIENTS_MAX];
static docent_status loop_check = DOCENT_OK;
static uint64_t random_now;
static size_t requests; /* Ever asked. */
static int allocations_left = -1; /* Until one fails. */
static size_t blocks;

static uint32_t draw(uint32_t below)
{
    random_now = random_now * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_now >> 33) % below;
}

static struct node *tree_find(const char *path)
{
    for (size_t i = 0; i < tree.count; i++) {
        if (strcmp(tree.nodes[i].path, path) == 0) return &tree.nodes[i];
    }
    return NULL;
}

static bool tree_has_parent(const char *path)
{
    char parent[TEXT_MAX];
    size_t size = (size_t)(strrchr(path, '/') - path);

    memcpy(parent, path, size);
    parent[size] = '\0';
    return size == 0 || tree_find(parent) != NULL;
}

static bool machine_is_in(const docent_client *client, const struct docent_machine *machine)
{
    for (const struct docent_machine *m = client->first; m != NULL; m = m->next) {
        if (m == machine) return true;
    }
    return false;
}

static void watches_fire(const char *path, docent_watch_type change)
{
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        docent_client *client = &clients[k];
        for (size_t i = 0; i < client->watch_count && client->online; i++) {
            struct watch watch = client->watches[i];
            if (strcmp(watch.path, path) != 0) continue;
            client->watches[i--] = client->watches[--client->watch_count];
            if (!machine_is_in(client, watch.machine) || watch.machine->turn != watch.turn) continue;
            const struct docent_event event = { .type = DOCENT_EV_WATCH, .tag = watch.tag, .change = change };
            watch.machine->on_event(watch.machine, &event);
        }
    }
}

static void tree_delete(struct node *node)
{
    char path[TEXT_MAX];

    strcpy(path, node->path);
    *node = tree.nodes[--tree.count];
    tree.zxid++;
    watches_fire(path, DOCENT_WATCH_DELETED);
}

static struct node *tree_add(const char *path, int64_t owner)
{
    struct node *node = &tree.nodes[tree.count++];

    assert_true(tree.count < NODES_MAX);
    *node = (struct node){ .owner = owner, .czxid = ++tree.zxid };
    strcpy(node->path, path);
    return node;
}

static size_t tree_contenders(void)
{
    size_t count = 0;

    for (size_t i = 0; i < tree.count; i++) {
        if (tree.nodes[i].owner != 0) count++;
    }
    return count;
}

static size_t tree_list(const char *parent, const char *names[NODES_MAX])
{
    size_t size = strlen(parent), count = 0;

    for (size_t i = tree.count; i-- > 0;) { /* Not in the order of creation. */
        const char *path = tree.nodes[i].path;
        if (strncmp(path, parent, size) == 0 && path[size] == '/') names[count++] = path + size + 1;
    }
    return count;
}

static void deliver(docent_client *client, const struct ask *ask, const docent_result *result, bool sent)
{
    if (!machine_is_in(client, ask->machine) || ask->machine->turn != ask->turn) return;
    const struct docent_event event = { .type = DOCENT_EV_REPLY,
                                        .tag = ask->tag,
                                        .status = result->status,
                                        .sent = sent,
                                        .result = result,
                                        .generation = client->generation };
    ask->machine->on_event(ask->machine, &event);
}

static void apply_create(docent_client *client, const struct ask *ask, docent_result *result, char made[TEXT_MAX])
{
    bool sequential = ask->mode == DOCENT_EPHEMERAL_SEQUENTIAL;

    if (ask->mode == DOCENT_CONTAINER && tree.containers_unknown) {
        result->status = DOCENT_ERR_UNIMPLEMENTED;
    } else if (!tree_has_parent(ask->path)) {
        result->status = DOCENT_ERR_NO_NODE;
    } else {
        strcpy(made, ask->path);
        if (sequential) {
            size_t size = strlen(made);
            (void)snprintf(made + size, TEXT_MAX - size, "%010d", (int)tree.sequence);
            tree.sequence = (int32_t)((uint32_t)tree.sequence + 1);
        }
        if (tree_find(made) != NULL) {
            result->status = DOCENT_ERR_NODE_EXISTS;
            return;
        }
        result->zxid = tree_add(made, sequential ? client->session : 0)->czxid;
        result->path = made;
    }
}

/* Executes the oldest request of @client, and answers it if @answered. */
static void serve(docent_client *client, bool answered, docent_status refusal)
{
    static char made[TEXT_MAX];
    const char *names[NODES_MAX];
    struct ask ask = client->asks[0];
    docent_result result = { .struct_size = sizeof result, .status = refusal, .zxid = tree.zxid };

    assert_true(client->ask_count > 0);
    memmove(&client->asks[0], &client->asks[1], --client->ask_count * sizeof ask);
    struct node *node = tree_find(ask.path);
    if (refusal != DOCENT_OK) {
        /* Not executed. */
    } else if (ask.type == DOCENT_OP_CREATE) {
        apply_create(client, &ask, &result, made);
    } else if (ask.type == DOCENT_OP_SYNC) {
        /* There is only one server. */
    } else if (node == NULL) {
        result.status = DOCENT_ERR_NO_NODE;
    } else if (ask.type == DOCENT_OP_DELETE) {
        tree_delete(node);
    } else if (ask.type == DOCENT_OP_CHILDREN) {
        result.name_count = tree_list(ask.path, names);
        result.names = names;
    } else {
        result.has_stat = true;
        result.stat.ephemeral_owner = node->owner;
        result.stat.czxid = node->czxid;
        if (ask.watch && answered) {
            struct watch *watch = &client->watches[client->watch_count++];
            assert_true(client->watch_count < WATCHES_MAX);
            *watch = (struct watch){ .machine = ask.machine, .turn = ask.turn, .tag = ask.tag };
            strcpy(watch->path, ask.path);
        }
    }
    if (answered) deliver(client, &ask, &result, true);
}

static void tell_all(docent_client *client, enum docent_event_type type)
{
    const struct docent_event event = { .type = type, .generation = client->generation, .status = docent_client_close_cause(client) };
    struct docent_machine *machines[32];
    size_t count = 0;

    for (struct docent_machine *m = client->first; m != NULL; m = m->next) {
        machines[count++] = m;
        assert_true(count < 32);
    }
    for (size_t i = 0; i < count; i++) {
        if (machine_is_in(client, machines[i])) machines[i]->on_event(machines[i], &event);
    }
}

/* The connection drops; of the requests that were out, the first @applied were executed. */
static void cut(docent_client *client, size_t applied)
{
    struct ask lost[ASKS_MAX];
    size_t count = client->ask_count;
    const docent_result result = { .struct_size = sizeof result, .status = DOCENT_ERR_CONNECTION_LOSS };

    if (!client->online) return;
    memcpy(lost, client->asks, sizeof lost);
    for (size_t i = 0; i < applied && i < count; i++) {
        serve(client, false, DOCENT_OK);
    }
    client->ask_count = 0;
    client->online = false;
    tell_all(client, DOCENT_EV_SUSPENDED);
    for (size_t i = 0; i < count; i++) {
        deliver(client, &lost[i], &result, i < applied || draw(2) == 0);
    }
}

static void heal(docent_client *client)
{
    if (client->online) return;
    client->online = true;
    for (size_t i = 0; i < client->watch_count; i++) { /* Watches are restored, and what they missed is told, before RESUMED. */
        if (tree_find(client->watches[i].path) == NULL) {
            watches_fire(client->watches[i].path, DOCENT_WATCH_DELETED);
            i = SIZE_MAX;
        }
    }
    tell_all(client, DOCENT_EV_RESUMED);
}

static void session_ends(docent_client *client)
{
    for (size_t i = tree.count; i-- > 0;) {
        if (tree.nodes[i].owner == client->session) {
            tree_delete(&tree.nodes[i]);
            i = tree.count;
        }
    }
}

static void expire(docent_client *client)
{
    cut(client, 0);
    session_ends(client);
    client->watch_count = 0;
    tell_all(client, DOCENT_EV_EXPIRED);
    client->generation++;
    client->session += 100;
}

static void run_laters(docent_client *client)
{
    while (client->later_first != NULL) {
        struct docent_later *later = client->later_first;
        client->later_first = docent_later_after(later);
        if (client->later_first == NULL) client->later_last = &client->later_first;
        later->next = NULL;
        later->run(later);
    }
}

static bool fire_timers(docent_client *client)
{
    bool any = false;

    for (struct docent_machine *m = client->first; m != NULL; m = m->next) {
        if (m->timer.index == 0) continue;
        m->timer.index = 0;
        any = true;
        const struct docent_event event = { .type = DOCENT_EV_TIMER };
        m->on_event(m, &event);
        break; /* The list may be another now. */
    }
    run_laters(client);
    return any;
}

/* Everything that is asked is answered; no timer fires. */
static void settle(void)
{
    bool any = true;

    while (any) {
        any = false;
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            run_laters(&clients[k]);
            if (clients[k].ask_count == 0) continue;
            serve(&clients[k], true, DOCENT_OK);
            any = true;
        }
    }
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        run_laters(&clients[k]);
    }
}

/* ---- machine.h. ---- */

static void *fake_alloc(size_t size, void *user)
{
    (void)user;
    if (allocations_left == 0) return NULL;
    if (allocations_left > 0) allocations_left--;
    blocks++;
    return malloc(size);
}

static void fake_release(void *block, void *user)
{
    (void)user;
    if (block != NULL) blocks--;
    free(block);
}

static const docent_allocator allocator = { fake_alloc, NULL, fake_release, NULL };

const char *docent_client_chroot(const docent_client *client)
{
    (void)client;
    return "";
}

const docent_allocator *docent_client_allocator(const docent_client *client)
{
    (void)client;
    return &allocator;
}

void *docent_alloc(const docent_allocator *from, size_t size)
{
    return from->alloc(size, from->user);
}

void *docent_alloc_array(const docent_allocator *from, size_t count, size_t size)
{
    return docent_alloc(from, count * size);
}

void docent_free(const docent_allocator *from, void *block)
{
    from->release(block, from->user);
}

char *docent_strdup(const docent_allocator *from, const char *text)
{
    char *copy = docent_alloc(from, strlen(text) + 1);
    return copy == NULL ? NULL : strcpy(copy, text);
}

void docent_machine_init(struct docent_machine *m, docent_client *client,
                         void (*on_event)(struct docent_machine *machine, const struct docent_event *event))
{
    m->client = client;
    m->on_event = on_event;
    m->next = client->first;
    client->first = m;
}

void docent_machine_fini(struct docent_machine *m)
{
    struct docent_machine **link = &m->client->first;
    while (*link != m) {
        link = &(*link)->next;
    }
    *link = m->next;
    for (size_t i = 0; i < m->client->ask_count; i++) { /* The next machine may get this one's memory. */
        if (m->client->asks[i].machine == m) m->client->asks[i].machine = NULL;
    }
    for (size_t i = 0; i < m->client->watch_count; i++) {
        if (m->client->watches[i].machine == m) m->client->watches[i].machine = NULL;
    }
}

void docent_machine_next_turn(struct docent_machine *m)
{
    m->turn++;
    m->timer.index = 0;
}

static void fake_ask(struct docent_machine *m, const docent_op *op, int tag, bool watch)
{
    struct ask *ask = &m->client->asks[m->client->ask_count++];

    assert_true(m->client->online);
    assert_true(m->client->ask_count < ASKS_MAX);
    *ask = (struct ask){ .machine = m, .turn = m->turn, .type = op->type, .mode = op->mode, .tag = tag, .watch = watch };
    strcpy(ask->path, op->path);
    requests++;
}

void docent_ask(struct docent_machine *m, const docent_op *op, int tag)
{
    fake_ask(m, op, tag, false);
}

void docent_ask_watch(struct docent_machine *m, const docent_op *op, int tag)
{
    fake_ask(m, op, tag, true);
}

void docent_ask_lookout(struct docent_machine *m, const char *path, int tag, struct docent_lookout *lookout)
{
    docent_op get = docent_op_get(path);

    lookout->machine = m;
    lookout->path = path;
    fake_ask(m, &get, tag, true);
}

void docent_lookout_end(struct docent_lookout *lookout)
{
    lookout->path = NULL;
}

struct table *docent_client_lines(docent_client *client)
{
    return &client->lines;
}

void docent_machine_timer(struct docent_machine *m, uint64_t delay_ms)
{
    (void)delay_ms;
    m->timer.index = 1;
}

void docent_timer_stop(docent_client *client, struct docent_timer *timer)
{
    (void)client;
    timer->index = 0;
}

void docent_timer_set(docent_client *client, struct docent_timer *timer, uint64_t at_ms)
{
    (void)client, (void)at_ms;
    timer->index = 1;
}

void docent_machine_retry(struct docent_machine *m)
{
    m->timer.index = 1;
}

void docent_machine_calm(struct docent_machine *m)
{
    (void)m;
}

bool docent_machine_online(const struct docent_machine *m)
{
    return m->client->online;
}

bool docent_client_closing(const docent_client *client)
{
    return client->closing;
}

docent_status docent_client_close_cause(const docent_client *client)
{
    return client->closing ? DOCENT_ERR_CLOSING : DOCENT_OK;
}

const struct docent_host *docent_client_host(const docent_client *client)
{
    return &client->host;
}

void docent_client_log(const docent_client *client, docent_log_level level, const char *id, const char *path, const char *format, ...)
{
    (void)client, (void)level, (void)id, (void)path, (void)format;
}

void docent_trace(const struct docent_machine *m, const char *kind, const char *path, const char *from, const char *to)
{
    (void)m;
    if (getenv("TRACE") != NULL) printf("# %s %s %s -> %s\n", kind, path, from, to);
}

void docent_client_later(docent_client *client, struct docent_later *later)
{
    if (docent_later_is_queued(later)) return;
    later->next = later;
    *client->later_last = later;
    client->later_last = &later->next;
}

docent_status docent_timer_reserve(docent_client *client)
{
    if (allocations_left == 0) return DOCENT_ERR_NO_MEMORY;
    if (allocations_left > 0) allocations_left--;
    client->reserved++;
    return DOCENT_OK;
}

void docent_client_keep(docent_client *client)
{
    client->kept++;
}

void docent_client_drop(docent_client *client)
{
    client->kept--;
}

void docent_timer_release(docent_client *client)
{
    client->reserved--;
}

const char *docent_path_fault(const char *path, bool sequential)
{
    (void)sequential;
    return path[0] == '/' ? NULL : "not absolute";
}

void docent_client_uuid(docent_client *client, char text[37])
{
    static unsigned drawn;
    (void)client;
    (void)snprintf(text, 37, "%08x-0000-4000-8000-%012x", draw(UINT32_MAX), ++drawn & 0xffffffu);
}

void docent_client_removal_begins(docent_client *client)
{
    (void)client;
}

void docent_client_removal_ends(docent_client *client)
{
    (void)client;
}

void docent_client_hold_begins(docent_client *client)
{
    client->holds++;
}

void docent_client_hold_ends(docent_client *client)
{
    client->holds--;
}

bool docent_client_lease_good(const docent_client *client, uint64_t generation)
{
    return client->generation == generation;
}

int64_t docent_client_session(const docent_client *client, uint8_t ret_password[16])
{
    (void)ret_password;
    return client->session;
}

docent_status docent_client_check(docent_client *client)
{
    return docent_client_close_cause(client);
}

uint64_t docent_client_now(const docent_client *client)
{
    (void)client;
    return 0;
}

uint32_t docent_client_call_timeout(const docent_client *client)
{
    (void)client;
    return DOCENT_FOREVER;
}

const docent_retry *docent_client_retry(const docent_client *client)
{
    static const docent_retry retry = { DOCENT_RETRY };
    (void)client;
    return &retry;
}

bool docent_client_retry_delay(docent_client *client, const docent_retry *policy, uint32_t tries, uint64_t elapsed_ms, docent_status cause,
                               uint64_t *ret_delay_ms)
{
    (void)client, (void)policy, (void)tries, (void)elapsed_ms, (void)cause, (void)ret_delay_ms;
    return false;
}

bool docent_client_forked(const docent_client *client)
{
    (void)client;
    return loop_check == DOCENT_ERR_FORKED;
}

/* Calls (reads of participants are calls, not asks) are answered by run_calls(). A node holds its own name. */
static struct call {
    docent_op_type type;
    char path[TEXT_MAX];
    docent_result_fn done;
    void *user;
} calls[ASKS_MAX];
static size_t call_count;

docent_status docent_run_step(docent_client *client, const docent_op *op, const docent_call_options *options,
                              struct docent_guarding *guarding, docent_result_fn done, void *user)
{
    (void)client, (void)options, (void)guarding;
    if (allocations_left == 0) return DOCENT_ERR_NO_MEMORY;
    calls[call_count] = (struct call){ .type = op->type, .done = done, .user = user };
    strcpy(calls[call_count++].path, op->path);
    return DOCENT_OK;
}

docent_status docent_run_async(docent_client *client, const docent_op *op, const docent_call_options *options,
                               docent_result_fn done, void *user)
{
    return docent_run_step(client, op, options, NULL, done, user);
}

static void run_calls(void)
{
    while (call_count > 0) {
        struct call call = calls[--call_count];
        const char *names[NODES_MAX];
        const struct node *node = tree_find(call.path);
        docent_result result = { .struct_size = sizeof result, .status = node == NULL ? DOCENT_ERR_NO_NODE : DOCENT_OK };
        if (call.type == DOCENT_OP_CHILDREN) {
            result.name_count = tree_list(call.path, names);
            result.names = names;
        } else if (node != NULL) {
            result.data = strrchr(call.path, '/') + 1;
            result.size = strlen(result.data);
            result.has_stat = true;
            result.stat.czxid = node->czxid;
            result.stat.ephemeral_owner = node->owner;
        }
        call.done(&result, call.user);
    }
}

/* ---- await.h. ---- */

struct docent_wait {
    bool done;
    docent_status outcome;
};

static void (*meanwhile)(void); /* What another thread does before the loop gets round to it. */

docent_status docent_await(docent_client *client, docent_status (*start)(void *argument, struct docent_wait *wait), void *argument)
{
    struct docent_wait wait = { 0 };
    (void)client;
    if (meanwhile != NULL) meanwhile();
    docent_status status = start(argument, &wait);
    settle();
    if (status != DOCENT_OK) return status;
    assert_true(wait.done);
    return wait.outcome;
}

void docent_wait_done(struct docent_wait *wait, docent_status outcome)
{
    assert_false(wait->done);
    wait->done = true;
    wait->outcome = outcome;
}

/* ---- An application. ---- */

struct app {
    docent_lock *lock;
    int answers;
    docent_status answer;
    int closes, losts;
    docent_status lost;
    int releases;
    docent_lock_state told; /* The last. */
    char history[64];       /* One letter per state told. */
};

static struct app apps[CLIENTS_MAX];

static void app_on_state(docent_lock *lock, docent_lock_state state, void *user)
{
    struct app *app = user;
    size_t size = strlen(app->history);

    (void)lock;
    assert_int_not_equal(app->told, state); /* Only changes are told. */
    app->told = state;
    if (size + 1 < sizeof app->history) app->history[size] = "RWHS"[state];
}

static void app_on_lost(docent_lock *lock, docent_status why, void *user)
{
    struct app *app = user;
    (void)lock;
    app->losts++;
    app->lost = why;
}

static void app_on_answer(docent_status outcome, void *user)
{
    struct app *app = user;
    app->answers++;
    app->answer = outcome;
}

static void app_on_release(docent_status outcome, void *user)
{
    struct app *app = user;
    (void)outcome;
    app->releases++;
}

static void app_on_closed(void *user)
{
    struct app *app = user;
    app->closes++;
}

static docent_status fake_check_loop(void *user)
{
    (void)user;
    return loop_check;
}

static uint64_t fake_now(void *user)
{
    (void)user;
    return 1000;
}

static struct docent_post *posted[16];
static size_t posted_count;

static docent_status fake_post(void *user, struct docent_post *post, bool bounded)
{
    (void)user, (void)bounded;
    posted[posted_count++] = post;
    return DOCENT_OK;
}

static void run_posts(void)
{
    for (size_t i = 0; i < posted_count; i++) {
        posted[i]->run(posted[i]);
    }
    posted_count = 0;
}

/* Locks of one client, on one session; else each has its own. */
static bool share_client;

static docent_client *client_of(size_t k)
{
    return &clients[share_client ? 0 : k];
}

static void world_begin(docent_dialect dialect)
{
    memset(&tree, 0, sizeof tree);
    memset(apps, 0, sizeof apps);
    memset(clients, 0, sizeof clients);
    loop_check = DOCENT_OK;
    random_now = 7;
    requests = 0;
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        docent_client *client = &clients[k];
        client->later_last = &client->later_first;
        client->host = (struct docent_host){ .now_ms = fake_now, .check_loop = fake_check_loop, .post = fake_post, .default_label = "test" };
        client->online = true;
        client->generation = 1;
        client->session = (int64_t)k + 1;
        docent_lock_options options = { DOCENT_LOCK_OPTIONS, .dialect = dialect, .on_state = app_on_state,
                                        .on_lost = app_on_lost, .user = &apps[k] };
        assert_int_equal(docent_lock_new(client_of(k), "/a/l", &options, &apps[k].lock), DOCENT_OK);
    }
}

static void world_with_path(void)
{
    world_begin(DOCENT_DIALECT_CURATOR);
    tree_add("/a", 0);
    tree_add("/a/l", 0);
}

static void world_with_one_client(void)
{
    share_client = true;
    world_with_path();
}

/* As their clients do. */
static void lines_end(void)
{
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        assert_int_equal(clients[k].lines.count, 0);
        docent_table_free(&clients[k].lines, &allocator);
    }
}

/* All is released and closed; nothing may be left anywhere. */
static void world_end(void)
{
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        heal(&clients[k]);
        docent_lock_close(apps[k].lock, app_on_closed, &apps[k]);
    }
    for (int i = 0; i < 100; i++) {
        settle();
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            (void)fire_timers(&clients[k]);
        }
    }
    settle();
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        assert_int_equal(apps[k].closes, 1);
        assert_int_equal(apps[k].told, DOCENT_LOCK_RELEASED);
        assert_int_equal(clients[k].holds, 0);
        assert_int_equal(clients[k].reserved, 0);
        assert_int_equal(clients[k].kept, 0);
        assert_null(clients[k].first);
    }
    lines_end();
    assert_int_equal(tree_contenders(), 0);
    assert_int_equal(blocks, 0);
    share_client = false;
}

static void acquire(size_t k, uint32_t timeout_ms)
{
    assert_int_equal(docent_lock_acquire_async(apps[k].lock, timeout_ms, app_on_answer, &apps[k]), DOCENT_OK);
}

/* One behind the other. */
static void line_up(size_t count)
{
    for (size_t k = 0; k < count; k++) {
        acquire(k, DOCENT_FOREVER);
        settle();
    }
}

/* ---- Scripted. ---- */

static void test_an_uncontended_acquire_is_one_round_trip(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    assert_int_equal(clients[0].ask_count, 2); /* Both are out before anything is answered. */
    settle();
    assert_int_equal(apps[0].answer, DOCENT_OK);
    assert_int_equal(requests, 2);
    assert_string_equal(apps[0].history, "WH");
    world_end();
}

static void test_missing_parents_are_made(void **state)
{
    (void)state;
    world_begin(DOCENT_DIALECT_CURATOR);
    acquire(0, DOCENT_FOREVER);
    settle();
    assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_HELD);
    world_end();
}

static void test_a_server_without_containers_gets_plain_parents(void **state)
{
    (void)state;
    world_begin(DOCENT_DIALECT_CURATOR);
    tree.containers_unknown = true;
    acquire(0, DOCENT_FOREVER);
    settle();
    assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_HELD);
    world_end();
}

/* F-01 */
static void test_a_lost_create_reply_leaves_one_node(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    cut(&clients[0], 1);
    heal(&clients[0]);
    settle();
    assert_int_equal(tree_contenders(), 1);
    assert_int_equal(docent_lock_token(apps[0].lock), tree_find("/a/l")->czxid + 1);
    world_end();
}

/* F-04 */
static void test_a_timeout_during_a_create_of_unknown_outcome_removes_the_node(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, 1000);
    cut(&clients[0], 1);
    fire_timers(&clients[0]);
    assert_int_equal(apps[0].answer, DOCENT_ERR_TIMEOUT); /* At once, while we are cut off. */
    assert_int_equal(tree_contenders(), 1);
    heal(&clients[0]);
    settle();
    assert_int_equal(tree_contenders(), 0);
    world_end();
}

static void test_second_in_line_needs_no_second_list(void **state)
{
    (void)state;
    world_with_path();
    line_up(2);
    size_t before = requests;
    docent_lock_release(apps[0].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[1].lock), DOCENT_LOCK_HELD);
    assert_int_equal(requests, before + 1); /* The delete. */
    world_end();
}

static void test_second_in_line_lists_again_where_a_foreign_name_is(void **state)
{
    (void)state;
    world_with_path();
    tree_add("/a/l/zzz", 0);
    line_up(2);
    size_t before = requests;
    docent_lock_release(apps[0].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[1].lock), DOCENT_LOCK_HELD);
    assert_int_equal(requests, before + 2);
    world_end();
}

static void who_leaves_the_middle_lets_nobody_hold(void)
{
    line_up(3);
    docent_lock_release(apps[1].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_WAITING);
    docent_lock_release(apps[0].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_HELD);
}

/* F-52 */
static void test_third_in_line_waits_for_the_second(void **state)
{
    (void)state;
    world_with_path();
    who_leaves_the_middle_lets_nobody_hold();
    world_end();
}

/* All of one client, each behind the one before, and granted in that order. The requests that it takes, the last release included. */
static size_t requests_of_the_third(void)
{
    line_up(3);
    docent_lock_release(apps[0].lock);
    settle();
    size_t before = requests;
    docent_lock_release(apps[1].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_HELD);
    return requests - before;
}

static void test_behind_a_holder_of_the_same_client_no_second_list_is_needed(void **state)
{
    (void)state;
    world_with_one_client();
    assert_int_equal(requests_of_the_third(), 1); /* The delete. */
    world_end();
}

static void test_behind_another_clients_holder_the_third_lists_again(void **state)
{
    (void)state;
    world_with_path();
    assert_int_equal(requests_of_the_third(), 2);
    world_end();
}

static void test_who_leaves_the_middle_lets_nobody_of_its_client_hold(void **state)
{
    (void)state;
    world_with_one_client();
    who_leaves_the_middle_lets_nobody_hold();
    world_end();
}

/* Who comes while others of its client wait asks for its node and nothing else. */
static void test_who_comes_behind_its_own_client_only_creates(void **state)
{
    (void)state;
    world_with_one_client();
    line_up(2);
    size_t before = requests;
    acquire(2, DOCENT_FOREVER);
    settle();
    assert_int_equal(requests, before + 1);
    for (size_t k = 0; k < 2; k++) {
        docent_lock_release(apps[k].lock);
        settle();
        assert_int_equal(docent_lock_get_state(apps[k + 1].lock), DOCENT_LOCK_HELD);
    }
    assert_int_equal(requests, before + 3);
    world_end();
}

#define OTHERS "/a/l/_c_11111111-2222-4333-8444-555555555555-lock-000000000"

/* Another client's node has the number between theirs. */
static void test_who_comes_behind_another_client_lists(void **state)
{
    (void)state;
    world_with_one_client();
    line_up(2);
    tree.sequence++;
    tree_add(OTHERS "2", 99);
    acquire(2, DOCENT_FOREVER);
    settle();
    for (size_t k = 0; k < 2; k++) {
        docent_lock_release(apps[k].lock);
        settle();
    }
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_WAITING);
    tree_delete(tree_find(OTHERS "2"));
    settle();
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_HELD);
    world_end();
}

/* Who is behind one that gives up is then behind whom that one was behind, and nothing is asked. */
static void test_who_leaves_the_middle_is_closed_up_behind(void **state)
{
    (void)state;
    world_with_one_client();
    line_up(3);
    docent_lock_release(apps[0].lock);
    acquire(0, DOCENT_FOREVER);
    settle();
    size_t before = requests;
    docent_lock_release(apps[2].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_WAITING);
    docent_lock_release(apps[1].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_HELD);
    assert_int_equal(requests, before + 2);
    world_end();
}

/* Its holder does not know yet, and another client is the first by now. */
static void test_a_node_that_somebody_deleted_lets_nobody_hold(void **state)
{
    (void)state;
    world_with_one_client();
    line_up(3);
    docent_lock_release(apps[0].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[1].lock), DOCENT_LOCK_HELD);
    while (tree.count > 2) tree_delete(&tree.nodes[2]);
    tree_add(OTHERS "1", 99);
    docent_lock_release(apps[1].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_WAITING);
    tree_delete(tree_find(OTHERS "1"));
    settle();
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_HELD);
    world_end();
}

/* Who acquires again while its last node is being deleted may be the first: it lists behind its create. */
static void test_who_comes_behind_a_holder_that_leaves_lists_at_once(void **state)
{
    (void)state;
    world_with_one_client();
    line_up(2);
    docent_lock_release(apps[0].lock);
    settle();
    size_t before = requests;
    docent_lock_release(apps[1].lock);
    acquire(2, DOCENT_FOREVER);
    assert_int_equal(requests, before + 3);
    settle();
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_HELD);
    assert_int_equal(requests, before + 3);
    world_end();
}

/* The second sees it, when it has to list again. */
static void test_a_foreign_name_that_comes_between_is_heeded_by_who_follows(void **state)
{
    (void)state;
    world_with_one_client();
    line_up(3);
    tree_add("/a/l/0000000001x", 0);
    watches_fire(tree.nodes[2].path, DOCENT_WATCH_DATA_CHANGED);
    settle();
    for (size_t k = 0; k < 2; k++) {
        docent_lock_release(apps[k].lock);
        settle();
    }
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_WAITING);
    tree_delete(tree_find("/a/l/0000000001x"));
    settle();
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_HELD);
    world_end();
}

static void test_behind_a_holder_of_the_same_client_a_foreign_name_makes_the_third_list_again(void **state)
{
    (void)state;
    world_with_one_client();
    tree_add("/a/l/zzz", 0);
    assert_int_equal(requests_of_the_third(), 2);
    world_end();
}

static void test_a_waiter_keeps_the_strict_lease_so_that_it_is_fresh_when_it_holds(void **state)
{
    (void)state;
    world_with_path();
    for (size_t k = 0; k < 3; k++) {
        acquire(k, DOCENT_FOREVER);
        settle();
        assert_int_equal(clients[k].holds, 1);
    }
    world_end();
}

/* F-53 */
static void test_a_waiter_lists_again_after_a_reconnect(void **state)
{
    (void)state;
    world_with_path();
    line_up(2);
    cut(&clients[1], 0);
    docent_lock_release(apps[0].lock);
    settle();
    heal(&clients[1]);
    settle();
    assert_int_equal(docent_lock_get_state(apps[1].lock), DOCENT_LOCK_HELD);
    world_end();
}

/* F-49 */
static void test_a_holder_is_suspect_and_then_holds_again_with_the_same_token(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    int64_t token = docent_lock_token(apps[0].lock);
    cut(&clients[0], 0);
    settle();
    heal(&clients[0]);
    settle();
    assert_string_equal(apps[0].history, "WHSH");
    assert_int_equal(docent_lock_token(apps[0].lock), token);
    world_end();
}

static void test_a_holder_is_told_that_its_session_ended(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    expire(&clients[0]);
    settle();
    assert_int_equal(apps[0].losts, 1);
    assert_int_equal(apps[0].lost, DOCENT_ERR_SESSION_EXPIRED);
    assert_int_equal(docent_lock_token(apps[0].lock), -1);
    world_end();
}

static void test_a_holder_is_told_that_its_node_was_deleted(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    fire_timers(&clients[0]); /* Somebody who has held for a while watches its own node. */
    settle();
    tree_delete(&tree.nodes[2]);
    settle();
    assert_int_equal(apps[0].lost, DOCENT_ERR_NO_NODE);
    assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_RELEASED);
    world_end();
}

static void test_a_holder_learns_at_the_reconnect_that_its_node_was_deleted(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    cut(&clients[0], 0);
    tree_delete(&tree.nodes[2]);
    heal(&clients[0]);
    settle();
    assert_int_equal(apps[0].lost, DOCENT_ERR_NO_NODE);
    world_end();
}

/* F-07 */
static void test_an_acquire_is_accepted_while_the_last_node_is_being_removed(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    int64_t token = docent_lock_token(apps[0].lock);
    cut(&clients[0], 0);
    docent_lock_release(apps[0].lock);
    acquire(0, DOCENT_FOREVER);
    heal(&clients[0]);
    settle();
    assert_int_equal(tree_contenders(), 1);
    assert_true(docent_lock_token(apps[0].lock) > token);
    world_end();
}

static void test_a_release_of_another_thread_is_in_force_before_the_loop_hears_of_it(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    loop_check = DOCENT_ERR_WRONG_THREAD;
    docent_lock_release(apps[0].lock);
    docent_lock_release(apps[0].lock);
    assert_int_equal(posted_count, 1);
    assert_int_equal(docent_lock_token(apps[0].lock), -1);
    assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_RELEASED);
    loop_check = DOCENT_OK;
    run_posts();
    world_end();
}

static void test_a_waiter_that_another_thread_has_released_is_not_told_that_it_holds(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    loop_check = DOCENT_ERR_WRONG_THREAD;
    docent_lock_release(apps[0].lock);
    loop_check = DOCENT_OK;
    settle(); /* It becomes first before the loop gets round to the release. */
    assert_int_equal(apps[0].answers, 1);
    assert_int_equal(apps[0].answer, DOCENT_ERR_CANCELLED);
    assert_int_equal(tree_contenders(), 0);
    run_posts();
    settle();
    assert_int_equal(apps[0].answers, 1);
    world_end();
}

static void test_a_late_release_does_not_undo_a_later_acquire(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    loop_check = DOCENT_ERR_WRONG_THREAD;
    docent_lock_release(apps[0].lock);
    loop_check = DOCENT_OK;
    acquire(0, DOCENT_FOREVER);
    run_posts();
    settle();
    assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_HELD);
    assert_int_equal(apps[0].answers, 2);
    world_end();
}

/* F-06 */
static void test_one_look_does_not_wait(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    acquire(1, DOCENT_NO_WAIT);
    settle();
    assert_int_equal(apps[1].answer, DOCENT_ERR_TIMEOUT);
    assert_int_equal(tree_contenders(), 1);
    cut(&clients[2], 0);
    acquire(2, DOCENT_NO_WAIT);
    settle();
    assert_int_equal(apps[2].answer, DOCENT_ERR_TIMEOUT);
    world_end();
}

static void test_a_used_up_sequence_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    world_with_path();
    tree.sequence = INT32_MIN;
    acquire(0, DOCENT_FOREVER);
    settle();
    assert_int_equal(apps[0].answer, DOCENT_ERR_SEQUENCE_EXHAUSTED);
    assert_int_equal(tree_contenders(), 0);
    world_end();
}

static void test_a_refused_create_is_the_outcome(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    serve(&clients[0], true, DOCENT_ERR_NO_AUTH);
    settle();
    assert_int_equal(apps[0].answer, DOCENT_ERR_NO_AUTH);
    world_end();
}

static void test_released_is_told_when_the_node_is_gone(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    assert_int_equal(docent_lock_release_async(apps[0].lock, app_on_release, &apps[0]), DOCENT_OK);
    run_laters(&clients[0]);
    assert_int_equal(apps[0].releases, 0);
    serve(&clients[0], true, DOCENT_OK);
    run_laters(&clients[0]);
    assert_int_equal(apps[0].releases, 1);
    world_end();
}

static void app_on_release_close(docent_status status, void *user)
{
    struct app *app = user;
    app_on_release(status, app);
    docent_lock_close(app->lock, app_on_closed, app);
    app->lock = NULL;
}

static void test_one_that_is_told_released_closes_the_lock_and_is_told_once(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    assert_int_equal(docent_lock_release_async(apps[0].lock, app_on_release_close, &apps[0]), DOCENT_OK);
    settle();
    assert_int_equal(apps[0].releases, 1);
    assert_int_equal(apps[0].closes, 1);
    world_end();
}

static void test_a_lock_outlives_its_client(void **state)
{
    (void)state;
    world_with_path();
    line_up(CLIENTS_MAX);
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        clients[k].closing = true;
        tell_all(&clients[k], DOCENT_EV_CLOSING);
        run_laters(&clients[k]);
        assert_null(clients[k].first);
        assert_int_equal(clients[k].reserved, 0);
        assert_int_equal(clients[k].kept, 0);
    }
    assert_int_equal(apps[1].answer, DOCENT_ERR_CLOSING);
    lines_end();
    memset(clients, 0x5a, sizeof clients); /* Gone. */
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        assert_int_equal(docent_lock_token(apps[k].lock), -1);
        docent_lock_close(apps[k].lock, app_on_closed, &apps[k]);
        assert_int_equal(apps[k].closes, 1);
    }
    assert_int_equal(blocks, 0);
}

static void test_without_memory_an_acquire_changes_nothing(void **state)
{
    (void)state;
    world_with_path();
    for (int left = 0;; left++) {
        allocations_left = left;
        docent_status status = docent_lock_acquire_async(apps[0].lock, DOCENT_FOREVER, app_on_answer, &apps[0]);
        allocations_left = -1;
        if (status == DOCENT_OK) {
            assert_true(left > 1);
            break;
        }
        assert_int_equal(status, DOCENT_ERR_NO_MEMORY);
        assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_RELEASED);
        assert_int_equal(requests, 0);
    }
    world_end();
}

static void test_the_kazoo_dialect_takes_turns_too(void **state)
{
    (void)state;
    world_begin(DOCENT_DIALECT_KAZOO);
    acquire(0, DOCENT_FOREVER);
    acquire(1, DOCENT_FOREVER);
    settle();
    size_t held = docent_lock_get_state(apps[0].lock) == DOCENT_LOCK_HELD ? 0 : 1;
    assert_int_equal(docent_lock_get_state(apps[1 - held].lock), DOCENT_LOCK_WAITING);
    docent_lock_release(apps[held].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[1 - held].lock), DOCENT_LOCK_HELD);
    world_end();
}

static void test_a_waiter_whose_node_was_deleted_queues_again_at_the_end(void **state)
{
    (void)state;
    world_with_path();
    line_up(3);
    cut(&clients[1], 0);
    tree_delete(&tree.nodes[3]);
    heal(&clients[1]);
    settle();
    docent_lock_release(apps[0].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[1].lock), DOCENT_LOCK_WAITING);
    assert_int_equal(docent_lock_get_state(apps[2].lock), DOCENT_LOCK_HELD);
    docent_lock_release(apps[2].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[1].lock), DOCENT_LOCK_HELD);
    world_end();
}

static void test_one_that_became_first_unseen_looks_at_its_own_node_at_once(void **state)
{
    (void)state;
    world_with_path();
    line_up(2);
    tree_delete(&tree.nodes[3]); /* The waiter's, which it cannot see. */
    docent_lock_release(apps[0].lock);
    settle();
    fire_timers(&clients[1]);
    settle();
    assert_int_equal(apps[1].lost, DOCENT_ERR_NO_NODE);
    world_end();
}

static void test_a_change_of_the_node_ahead_is_not_its_end(void **state)
{
    (void)state;
    world_with_path();
    line_up(2);
    watches_fire(tree.nodes[2].path, DOCENT_WATCH_DATA_CHANGED); /* A revocation, say. */
    settle();
    assert_int_equal(docent_lock_get_state(apps[1].lock), DOCENT_LOCK_WAITING);
    docent_lock_release(apps[0].lock);
    settle();
    assert_int_equal(docent_lock_get_state(apps[1].lock), DOCENT_LOCK_HELD);
    world_end();
}

static void test_a_refused_list_ends_the_acquire_and_removes_the_node(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    serve(&clients[0], true, DOCENT_OK);
    serve(&clients[0], true, DOCENT_ERR_NO_AUTH);
    settle();
    assert_int_equal(apps[0].answer, DOCENT_ERR_NO_AUTH);
    assert_int_equal(tree_contenders(), 0);
    world_end();
}

static void test_a_search_that_is_refused_answers_and_goes_on(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    cut(&clients[0], 1);
    heal(&clients[0]);
    serve(&clients[0], true, DOCENT_OK);          /* sync */
    serve(&clients[0], true, DOCENT_ERR_NO_AUTH); /* list */
    settle();
    assert_int_equal(apps[0].answer, DOCENT_ERR_NO_AUTH);
    fire_timers(&clients[0]);
    settle();
    assert_int_equal(tree_contenders(), 0);
    world_end();
}

static void test_a_path_that_vanishes_time_and_again_is_an_error_in_the_end(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    for (int i = 0; i < 2000 && apps[0].answers == 0; i++) {
        if (tree_find("/a/l") != NULL) tree_delete(tree_find("/a/l"));
        if (clients[0].ask_count > 0) serve(&clients[0], true, DOCENT_OK);
        (void)fire_timers(&clients[0]);
    }
    assert_int_equal(apps[0].answer, DOCENT_ERR_NO_NODE);
    world_end();
}

static void test_other_threads_make_and_close_locks_through_the_inbox(void **state)
{
    docent_lock *lock;
    struct app app = { 0 };
    (void)state;
    world_with_path();
    loop_check = DOCENT_ERR_WRONG_THREAD;
    assert_int_equal(docent_lock_new(&clients[0], "/a/l", NULL, &lock), DOCENT_OK);
    assert_int_equal(docent_lock_acquire_async(lock, DOCENT_FOREVER, NULL, NULL), DOCENT_ERR_WRONG_THREAD);
    docent_lock_close(lock, app_on_closed, &app);
    assert_int_equal(app.closes, 0);
    loop_check = DOCENT_OK;
    run_posts();
    run_laters(&clients[0]);
    assert_int_equal(app.closes, 1);
    world_end();
}

static void test_a_close_that_meets_the_clients_end_is_told_once(void **state)
{
    struct app app = { 0 };
    docent_lock *lock;
    (void)state;
    world_with_path();
    assert_int_equal(docent_lock_new(&clients[0], "/a/l", NULL, &lock), DOCENT_OK);
    loop_check = DOCENT_ERR_WRONG_THREAD;
    docent_lock_close(lock, app_on_closed, &app);
    loop_check = DOCENT_OK;
    clients[0].closing = true;
    tell_all(&clients[0], DOCENT_EV_CLOSING);
    run_laters(&clients[0]);
    run_posts();
    assert_int_equal(app.closes, 1);
    world_end();
}

static void test_a_forked_child_only_frees(void **state)
{
    (void)state;
    world_with_path();
    line_up(2);
    loop_check = DOCENT_ERR_FORKED;
    docent_lock_close(apps[0].lock, app_on_closed, &apps[0]); /* Before the client that it hangs on. */
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        clients[k].closing = true;
        tell_all(&clients[k], DOCENT_EV_CLOSING);
        run_laters(&clients[k]);
    }
    for (size_t k = 1; k < CLIENTS_MAX; k++) docent_lock_close(apps[k].lock, app_on_closed, &apps[k]); /* After it. */
    for (size_t k = 0; k < CLIENTS_MAX; k++) assert_int_equal(apps[k].closes, 0);
    assert_int_equal(apps[0].told, DOCENT_LOCK_HELD);
    assert_int_equal(apps[1].answers, 0);
    lines_end();
    assert_int_equal(blocks, 0);
    loop_check = DOCENT_OK;
}

static void test_a_hold_names_node_transaction_and_session(void **state)
{
    (void)state;
    world_with_path();
    assert_null(docent_lock_hold(apps[0].lock));
    acquire(0, DOCENT_FOREVER);
    settle();
    docent_hold *hold = docent_lock_hold(apps[0].lock);
    docent_lock_release(apps[0].lock);
    assert_null(docent_lock_hold(apps[0].lock));
    assert_string_equal(docent_hold_path(hold), tree.nodes[2].path);
    assert_int_equal(docent_hold_czxid(hold), tree.nodes[2].czxid);
    assert_int_equal(docent_hold_generation(hold), 1);
    docent_hold_unref(docent_hold_ref(hold));
    docent_hold_unref(hold);
    world_end();
}

static char seen[256];

static void on_participants(const docent_result *result, void *user)
{
    (void)user;
    (void)snprintf(seen, sizeof seen, "%d", (int)result->status);
    for (size_t i = 0; i < result->name_count; i++) {
        const char *name = result->names[i];
        (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), " %s", name + strlen(name) - 2);
    }
    assert_int_equal(result->result_count, result->name_count);
    for (size_t i = 0; i < result->result_count; i++) { /* Whose, and since when. */
        const docent_result *node = &result->results[i];
        assert_string_equal(strrchr(node->path, '/') + 1, result->names[i]);
        assert_true(node->has_stat);
        assert_int_equal(node->stat.ephemeral_owner, tree_find(node->path)->owner);
        assert_int_equal(node->stat.czxid, tree_find(node->path)->czxid);
    }
}

static void test_participants_stand_in_order_without_foreign_names(void **state)
{
    (void)state;
    world_with_path();
    tree_add("/a/l/b-lock-0000000012", 9);
    tree_add("/a/l/zzz", 9);
    tree_add("/a/l/c-lock-0000000003", 9);
    tree_add("/a/l/a-lock-0000000007", 9);
    assert_int_equal(docent_lock_participants_async(apps[0].lock, on_participants, NULL), DOCENT_OK);
    run_calls();
    assert_string_equal(seen, "0 03 07 12");
    tree.count = 2;
    world_end();
}

static void acquire_again(void)
{
    loop_check = DOCENT_OK;
    run_posts();
    acquire(0, DOCENT_FOREVER);
}

static void test_a_release_that_waits_leaves_alone_what_is_acquired_meanwhile(void **state)
{
    (void)state;
    world_with_path();
    acquire(0, DOCENT_FOREVER);
    settle();
    loop_check = DOCENT_ERR_WRONG_THREAD; /* The release is another thread's. */
    meanwhile = acquire_again;
    assert_int_equal(docent_lock_release_wait(apps[0].lock, 1000), DOCENT_OK);
    meanwhile = NULL;
    assert_int_equal(apps[0].answers, 2);
    assert_int_equal(apps[0].answer, DOCENT_OK);
    assert_int_equal(docent_lock_get_state(apps[0].lock), DOCENT_LOCK_HELD);
    assert_string_equal(apps[0].history, "WHRWH");
    world_end();
}

static void test_nobody_contends_for_a_path_that_is_not_there(void **state)
{
    (void)state;
    world_begin(DOCENT_DIALECT_CURATOR);
    assert_int_equal(docent_lock_participants_async(apps[0].lock, on_participants, NULL), DOCENT_OK);
    run_calls();
    assert_string_equal(seen, "0");
    world_end();
}

static void test_bad_arguments_are_refused(void **state)
{
    docent_lock *lock = NULL;
    docent_acl nobody = { DOCENT_PERM_ALL, NULL, "x" };
    docent_lock_options bad_acl = { DOCENT_LOCK_OPTIONS, .acl = { &nobody, 1 } };
    docent_lock_options bad_dialect = { DOCENT_LOCK_OPTIONS, .dialect = (docent_dialect)9 };
    docent_lock_options bad_size = { .label = "x" };
    (void)state;
    world_with_path();
    assert_int_equal(docent_lock_new(&clients[0], "relative", NULL, &lock), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_lock_new(&clients[0], "/", NULL, &lock), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_lock_new(&clients[0], NULL, NULL, &lock), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_lock_new(&clients[0], "/a", &bad_acl, &lock), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_lock_new(&clients[0], "/a", &bad_dialect, &lock), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_lock_new(&clients[0], "/a", &bad_size, &lock), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(lock);
    world_end();
}

/* ---- Storms. ---- */

static void check_one_holder(int64_t *largest)
{
    size_t holders = 0;

    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        int64_t token = docent_lock_token(apps[k].lock);
        if (token < 0) continue;
        holders++;
        assert_true(token >= *largest);
        *largest = token;
    }
    assert_true(holders <= 1);
}

static void storm_step(size_t k, int wanted[CLIENTS_MAX])
{
    static const docent_status refusals[] = { DOCENT_ERR_THROTTLED, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_OPERATION_TIMEOUT };
    docent_client *client = client_of(k);
    struct app *app = &apps[k];

    switch (draw(14)) {
    case 0:
    case 1:
        if (docent_lock_acquire_async(app->lock, draw(3) == 0 ? DOCENT_NO_WAIT : 5000, app_on_answer, app) == DOCENT_OK) {
            wanted[k]++;
        }
        break;
    case 2: docent_lock_release(app->lock); break;
    case 3: cut(client, draw(4)); break;
    case 4:
    case 5: heal(client); break;
    case 6:
        if (draw(4) == 0) expire(client);
        break;
    case 7: (void)fire_timers(client); break;
    case 8:
        if (client->ask_count > 0) serve(client, true, refusals[draw(3)]);
        break;
    case 9: /* A container goes when it is empty. */
        if (tree_contenders() == 0 && tree_find("/a/l") != NULL) tree_delete(tree_find("/a/l"));
        break;
    case 10: allocations_left = (int)draw(3); break;
    default:
        if (client->ask_count > 0) serve(client, true, DOCENT_OK);
        break;
    }
    if (draw(2) == 0) run_laters(client);
    if (draw(3) == 0) allocations_left = -1;
}

static void test_storms_leave_one_holder_at_most_and_nothing_behind(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        int wanted[CLIENTS_MAX] = { 0 };
        int64_t largest = 0;

        share_client = seed % 3 == 0;
        world_begin(seed % 4 == 0 ? DOCENT_DIALECT_KAZOO : DOCENT_DIALECT_CURATOR);
        random_now = seed;
        for (int step = 0; step < 300; step++) {
            storm_step(draw(CLIENTS_MAX), wanted);
            check_one_holder(&largest);
        }
        allocations_left = -1;

        /* Calm: everybody who is in the queue gets in, one after the other. */
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            heal(&clients[k]);
            if (docent_lock_get_state(apps[k].lock) == DOCENT_LOCK_RELEASED) {
                acquire(k, DOCENT_FOREVER);
                wanted[k]++;
            }
        }
        for (int round = 0; round < 200; round++) {
            settle();
            for (size_t k = 0; k < CLIENTS_MAX; k++) {
                check_one_holder(&largest);
                if (docent_lock_token(apps[k].lock) >= 0) docent_lock_release(apps[k].lock);
                for (struct docent_machine *m = clients[k].first; m != NULL; m = m->next) {
                    if (m->timer.index == 0) continue;
                    (void)fire_timers(&clients[k]);
                    break;
                }
            }
        }
        settle();
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            if (apps[k].answers != wanted[k] || apps[k].told != DOCENT_LOCK_RELEASED) print_message("seed %d\n", (int)seed);
            assert_int_equal(apps[k].answers, wanted[k]);
            assert_int_equal(apps[k].told, DOCENT_LOCK_RELEASED);
        }
        assert_int_equal(tree_contenders(), 0);
        world_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_uncontended_acquire_is_one_round_trip),
        cmocka_unit_test(test_missing_parents_are_made),
        cmocka_unit_test(test_a_server_without_containers_gets_plain_parents),
        cmocka_unit_test(test_a_lost_create_reply_leaves_one_node),
        cmocka_unit_test(test_a_timeout_during_a_create_of_unknown_outcome_removes_the_node),
        cmocka_unit_test(test_second_in_line_needs_no_second_list),
        cmocka_unit_test(test_second_in_line_lists_again_where_a_foreign_name_is),
        cmocka_unit_test(test_behind_a_holder_of_the_same_client_no_second_list_is_needed),
        cmocka_unit_test(test_behind_another_clients_holder_the_third_lists_again),
        cmocka_unit_test(test_who_leaves_the_middle_lets_nobody_of_its_client_hold),
        cmocka_unit_test(test_who_comes_behind_its_own_client_only_creates),
        cmocka_unit_test(test_who_comes_behind_another_client_lists),
        cmocka_unit_test(test_who_leaves_the_middle_is_closed_up_behind),
        cmocka_unit_test(test_a_node_that_somebody_deleted_lets_nobody_hold),
        cmocka_unit_test(test_who_comes_behind_a_holder_that_leaves_lists_at_once),
        cmocka_unit_test(test_a_foreign_name_that_comes_between_is_heeded_by_who_follows),
        cmocka_unit_test(test_behind_a_holder_of_the_same_client_a_foreign_name_makes_the_third_list_again),
        cmocka_unit_test(test_third_in_line_waits_for_the_second),
        cmocka_unit_test(test_a_waiter_keeps_the_strict_lease_so_that_it_is_fresh_when_it_holds),
        cmocka_unit_test(test_a_waiter_lists_again_after_a_reconnect),
        cmocka_unit_test(test_a_holder_is_suspect_and_then_holds_again_with_the_same_token),
        cmocka_unit_test(test_a_holder_is_told_that_its_session_ended),
        cmocka_unit_test(test_a_holder_is_told_that_its_node_was_deleted),
        cmocka_unit_test(test_a_holder_learns_at_the_reconnect_that_its_node_was_deleted),
        cmocka_unit_test(test_an_acquire_is_accepted_while_the_last_node_is_being_removed),
        cmocka_unit_test(test_a_release_of_another_thread_is_in_force_before_the_loop_hears_of_it),
        cmocka_unit_test(test_a_waiter_that_another_thread_has_released_is_not_told_that_it_holds),
        cmocka_unit_test(test_a_late_release_does_not_undo_a_later_acquire),
        cmocka_unit_test(test_one_look_does_not_wait),
        cmocka_unit_test(test_a_used_up_sequence_is_an_error_and_leaves_nothing),
        cmocka_unit_test(test_a_refused_create_is_the_outcome),
        cmocka_unit_test(test_released_is_told_when_the_node_is_gone),
        cmocka_unit_test(test_one_that_is_told_released_closes_the_lock_and_is_told_once),
        cmocka_unit_test(test_a_lock_outlives_its_client),
        cmocka_unit_test(test_without_memory_an_acquire_changes_nothing),
        cmocka_unit_test(test_the_kazoo_dialect_takes_turns_too),
        cmocka_unit_test(test_a_waiter_whose_node_was_deleted_queues_again_at_the_end),
        cmocka_unit_test(test_one_that_became_first_unseen_looks_at_its_own_node_at_once),
        cmocka_unit_test(test_a_change_of_the_node_ahead_is_not_its_end),
        cmocka_unit_test(test_a_refused_list_ends_the_acquire_and_removes_the_node),
        cmocka_unit_test(test_a_search_that_is_refused_answers_and_goes_on),
        cmocka_unit_test(test_a_path_that_vanishes_time_and_again_is_an_error_in_the_end),
        cmocka_unit_test(test_other_threads_make_and_close_locks_through_the_inbox),
        cmocka_unit_test(test_a_close_that_meets_the_clients_end_is_told_once),
        cmocka_unit_test(test_a_forked_child_only_frees),
        cmocka_unit_test(test_a_hold_names_node_transaction_and_session),
        cmocka_unit_test(test_participants_stand_in_order_without_foreign_names),
        cmocka_unit_test(test_a_release_that_waits_leaves_alone_what_is_acquired_meanwhile),
        cmocka_unit_test(test_nobody_contends_for_a_path_that_is_not_there),
        cmocka_unit_test(test_bad_arguments_are_refused),
        cmocka_unit_test(test_storms_leave_one_holder_at_most_and_nothing_behind),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
