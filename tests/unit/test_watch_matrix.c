/* tests/unit/test_watch_matrix.c - which change is told to which watch (F-50), alone and beside any other watch of the same path or of its
 * parent, also when that one is cancelled (F-41): the client's core against the development server's, as each release that it can be. What
 * is expected comes from a model, which is the table of the protocol's documentation. */
#include "unit.h"

#include <docent/client.h>

#include "one_server.h"
#include "tests/unit/peer.h"

enum { CLIENTS = 2, TOLD_MAX = 8 }; /* One watches, the other changes things. */

static struct peer peers[CLIENTS];
static struct connection *connections[CLIENTS];
static uint32_t serials[CLIENTS];
static uint32_t release_version;

/* ---- Client and server. ---- */

/* Carries bytes until there are none. */
static void settle(void)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < CLIENTS; i++) {
            struct peer *peer = &peers[i];
            peer_work(peer);
            if (peer->link.serial != serials[i]) {
                if (connections[i] != NULL) docent_connection_free(connections[i]);
                connections[i] = peer->link.wanted ? docent_connection_new(replica, peer->now, "10.0.0.9", NULL) : NULL;
                serials[i] = peer->link.serial;
            }
            if (connections[i] == NULL) continue;
            if (peer->size > 0) {
                docent_connection_recv(connections[i], peer->now, peer->bytes, peer->size);
                peer->size = 0;
                moved = true;
            }
            deliver(peer->now, (int64_t)peer->now);
            const uint8_t *data;
            size_t size = docent_connection_send(connections[i], &data);
            if (size == 0) continue;
            uint8_t *copy = malloc(size);
            assert_non_null(copy);
            memcpy(copy, data, size);
            docent_connection_sent(connections[i], size);
            peer_send(peer, copy, size);
            free(copy);
            moved = true;
        }
    }
}

static void with_probe(docent_client_options *options)
{
    options->no_probe = false;
}

static void begin(const char *speak, const char *srvr)
{
    struct server_config config = { .tick_ms = 500 };
    assert_true(docent_speak_find(speak, &config.speak));
    server_begin(&config, 1000000, 1000000);
    char text[128];
    int size = snprintf(text, sizeof text, "Zookeeper version: %s\nMode: leader\n", srvr);
    for (int i = 0; i < CLIENTS; i++) {
        peer_start(&peers[i], 1, 6000, with_probe);
        connections[i] = NULL;
        serials[i] = 0;
    }
    settle();
    for (int i = 0; i < CLIENTS; i++) {
        struct docent_address address;
        assert_true(docent_core_wants_probe(peers[i].client, &address));
        docent_core_probed(peers[i].client, peers[i].now, &address, text, (size_t)size);
    }
    settle();
}

static void end(void)
{
    for (int i = 0; i < CLIENTS; i++) docent_core_close(peers[i].client, peers[i].now);
    settle();
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(docent_core_closed(peers[i].client));
        docent_core_free(peers[i].client);
        if (connections[i] != NULL) docent_connection_free(connections[i]);
    }
    deliver(peers[0].now, (int64_t)peers[0].now);
    docent_replica_free(replica);
    docent_leader_free(leader);
}

/* ---- Changes: of a node N, its parent P, and what is beside and below. ---- */

enum where { AT_P, AT_N, AT_SIBLING, AT_CHILD, AT_GRANDCHILD };
static const char *const where_text[] = { "", "/n", "/s", "/n/c", "/n/c/g" };

struct deed {
    const char *text;
    docent_watch_type type; /* CREATED, DELETED or DATA_CHANGED. */
    enum where where;
    bool missing;  /* N is not there before. */
    bool childful; /* N has a child before. */
};
static const struct deed changes[] = {
    { "N is set", DOCENT_WATCH_DATA_CHANGED, AT_N, false, false },
    { "N is deleted", DOCENT_WATCH_DELETED, AT_N, false, false },
    { "N is created", DOCENT_WATCH_CREATED, AT_N, true, false },
    { "a child is created", DOCENT_WATCH_CREATED, AT_CHILD, false, false },
    { "a child is set", DOCENT_WATCH_DATA_CHANGED, AT_CHILD, false, true },
    { "a child is deleted", DOCENT_WATCH_DELETED, AT_CHILD, false, true },
    { "a grandchild is created", DOCENT_WATCH_CREATED, AT_GRANDCHILD, false, true },
    { "P is set", DOCENT_WATCH_DATA_CHANGED, AT_P, false, false },
    { "a sibling is created", DOCENT_WATCH_CREATED, AT_SIBLING, false, false },
};
enum { CHANGES = sizeof changes / sizeof changes[0] };

/* ---- Watches. ---- */

enum kind { BY_GET, BY_EXISTS, BY_CHILDREN, PERSISTENT, RECURSIVE, KINDS };
static const char *const kind_text[KINDS] = { "a get's", "an exists's", "a listing's", "a persistent", "a recursive" };

struct told {
    size_t count, ended;
    struct { docent_watch_type type; char path[64]; } events[TOLD_MAX];
};

static void on_watch(const docent_watch_event *event, void *user)
{
    struct told *told = user;
    if (event->type == DOCENT_WATCH_ENDED) {
        told->ended++;
    } else if (event->type != DOCENT_WATCH_ARMED && event->type != DOCENT_WATCH_RESET) {
        assert_true(told->count < TOLD_MAX);
        told->events[told->count].type = event->type;
        snprintf(told->events[told->count++].path, sizeof told->events[0].path, "%s", event->path);
    }
}

static const char *path_of(const char *root, enum where where)
{
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s%s", root, where_text[where]);
    return path;
}

static docent_watch *leave(enum kind kind, const char *path, struct told *told)
{
    docent_client *client = peers[0].client;
    docent_watch *watch = NULL;
    docent_op op = kind == BY_GET ? docent_op_get(path) : kind == BY_EXISTS ? docent_op_exists(path) : docent_op_children(path);
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = told, .ret_watch = &watch };
    memset(told, 0, sizeof *told);
    if (kind == PERSISTENT || kind == RECURSIVE) {
        docent_watch_kind standing = kind == PERSISTENT ? DOCENT_WATCH_PERSISTENT : DOCENT_WATCH_RECURSIVE;
        assert_int_equal(docent_watch_async(client, path, standing, on_watch, told, &watch), DOCENT_OK);
    } else {
        assert_int_equal(docent_run_async(client, &op, &call, NULL, NULL), DOCENT_OK);
    }
    settle();
    return watch;
}

/* What the table says that a watch of @kind at @at is told. 0: nothing. */
static docent_watch_type model(enum kind kind, enum where at, const struct deed *change)
{
    static const enum where parents[] = { [AT_N] = AT_P, [AT_SIBLING] = AT_P, [AT_CHILD] = AT_N, [AT_GRANDCHILD] = AT_CHILD };
    bool itself = change->where == at;
    bool in_list = change->where != AT_P && parents[change->where] == at && change->type != DOCENT_WATCH_DATA_CHANGED;
    bool below = at == AT_P || (at == AT_N && (change->where == AT_CHILD || change->where == AT_GRANDCHILD));
    switch (kind) {
    case BY_GET:
    case BY_EXISTS: return itself ? change->type : (docent_watch_type)0;
    case BY_CHILDREN:
        if (itself && change->type == DOCENT_WATCH_DELETED) return DOCENT_WATCH_DELETED;
        return in_list ? DOCENT_WATCH_CHILDREN_CHANGED : (docent_watch_type)0;
    case PERSISTENT:
        if (itself) return change->type;
        return in_list ? DOCENT_WATCH_CHILDREN_CHANGED : (docent_watch_type)0;
    case RECURSIVE: return itself || below ? change->type : (docent_watch_type)0;
    case KINDS: break;
    }
    return (docent_watch_type)0;
}

/* ---- The matrix. ---- */

static void make_nodes(const char *root, const struct deed *change)
{
    docent_client *client = peers[1].client;
    assert_int_equal(docent_create_async(client, root, NULL, 0, DOCENT_PERSISTENT, NULL, NULL), DOCENT_OK);
    if (!change->missing) assert_int_equal(docent_create_async(client, path_of(root, AT_N), NULL, 0, DOCENT_PERSISTENT, NULL, NULL), DOCENT_OK);
    if (change->childful) {
        assert_int_equal(docent_create_async(client, path_of(root, AT_CHILD), NULL, 0, DOCENT_PERSISTENT, NULL, NULL), DOCENT_OK);
    }
    settle();
}

static void make_change(const char *root, const struct deed *change)
{
    docent_client *client = peers[1].client;
    const char *path = path_of(root, change->where);
    docent_status status = change->type == DOCENT_WATCH_CREATED   ? docent_create_async(client, path, NULL, 0, DOCENT_PERSISTENT, NULL, NULL)
                           : change->type == DOCENT_WATCH_DELETED ? docent_delete_async(client, path, DOCENT_ANY_VERSION, NULL, NULL)
                                                                  : docent_set_async(client, path, "v", 1, DOCENT_ANY_VERSION, NULL, NULL);
    assert_int_equal(status, DOCENT_OK);
    settle();
}

static void check(const struct told *told, enum kind kind, enum where at, const char *root, const struct deed *change, const char *beside)
{
    docent_watch_type type = model(kind, at, change);
    const char *path = path_of(root, type == DOCENT_WATCH_CHILDREN_CHANGED ? at : change->where);
    bool good = told->count == (type != 0) && told->ended == 0;
    if (good && type != 0) good = told->events[0].type == type && strcmp(told->events[0].path, path) == 0;
    if (!good) {
        fail_msg("%s: %s watch at \"%s\" %s: told %zu events, the first %d of %s, and %zu ends; expected %d of %s", change->text, kind_text[kind],
                 where_text[at], beside, told->count, (int)told->events[0].type, told->events[0].path, told->ended, (int)type, path);
    }
}

/* A read leaves a watch on a node that is there, an exists also on one that is not. */
static bool can_be(enum kind kind, enum where at, const struct deed *change)
{
    return at != AT_N || !change->missing || kind == BY_EXISTS || kind == PERSISTENT || kind == RECURSIVE;
}

static unsigned played;

static void play_pair(enum kind one, enum where one_at, enum kind two, const struct deed *change, int cancelled)
{
    static struct told told[2];
    char root[16], beside[96];
    if (!can_be(one, one_at, change) || !can_be(two, AT_N, change)) return;
    snprintf(root, sizeof root, "/m%u", played++);
    make_nodes(root, change);
    docent_watch *watches[2];
    watches[0] = leave(one, path_of(root, one_at), &told[0]);
    watches[1] = leave(two, path_of(root, AT_N), &told[1]);
    if (cancelled >= 0) {
        docent_watch_cancel(watches[cancelled]);
        settle();
        assert_int_equal(told[cancelled].ended, 1);
    }
    make_change(root, change);
    for (int i = 0; i < 2; i++) {
        if (i == cancelled) {
            assert_int_equal(told[i].count, 0);
            assert_int_equal(told[i].ended, 1);
            continue;
        }
        snprintf(beside, sizeof beside, "%s %s watch at \"%s\"%s", i == 0 ? "before" : "after", kind_text[i == 0 ? two : one],
                 where_text[i == 0 ? AT_N : one_at], cancelled < 0 ? "" : ", which was cancelled");
        check(&told[i], i == 0 ? one : two, i == 0 ? one_at : AT_N, root, change, beside);
    }
    for (int i = 0; i < 2; i++) { /* Standing ones, and one-shots that were told nothing. */
        if (i != cancelled && (told[i].count == 0 || (i == 0 ? one : two) >= PERSISTENT)) docent_watch_cancel(watches[i]);
    }
    settle();
    if (docent_replica_watch_count(replica) != 0) fail_msg("%s, %s and %s: the server keeps %zu watches", change->text, kind_text[one],
                                                            kind_text[two], docent_replica_watch_count(replica));
}

/* F-50 */
static void play_alone(enum kind kind, enum where at, const struct deed *change)
{
    static struct told told;
    char root[16];
    if (!can_be(kind, at, change)) return;
    snprintf(root, sizeof root, "/m%u", played++);
    make_nodes(root, change);
    docent_watch *watch = leave(kind, path_of(root, at), &told);
    make_change(root, change);
    check(&told, kind, at, root, change, "alone");
    if (told.count == 0 || kind >= PERSISTENT) docent_watch_cancel(watch);
    settle();
    assert_int_equal(docent_replica_watch_count(replica), 0);
}

static void play_matrix(const char *speak, const char *srvr)
{
    begin(speak, srvr);
    played = 0;
    int kinds = release_version >= 30600 ? KINDS : PERSISTENT;
    for (size_t i = 0; i < CHANGES; i++) {
        for (int one = 0; one < kinds; one++) {
            play_alone((enum kind)one, AT_P, &changes[i]);
            play_alone((enum kind)one, AT_N, &changes[i]);
            for (int two = 0; two < kinds; two++) {
                for (int cancelled = -1; cancelled < 2; cancelled++) {
                    play_pair((enum kind)one, AT_N, (enum kind)two, &changes[i], cancelled);
                    play_pair((enum kind)one, AT_P, (enum kind)two, &changes[i], cancelled);
                }
            }
        }
    }
    assert_true(played > 300);
    end();
}

#define RELEASE(name, speak, srvr, version)                                                \
    static void test_every_change_is_told_to_whom_it_concerns_by_##name(void **state)      \
    {                                                                                      \
        (void)state;                                                                       \
        release_version = version;                                                         \
        play_matrix(speak, srvr);                                                          \
    }
RELEASE(3_5, "3.5", "3.5.9-83df9301aa5c2a5d284a9940177808c01bc35cef", 30500)
RELEASE(3_6, "3.6", "3.6.3-6401e4ad2087061bc6b9f80dec2d69f2e3c8660a", 30600)
RELEASE(3_8, "3.8", "3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f", 30800)
RELEASE(3_9, "3.9", "3.9.2-e454e8c7283100c7caec6dcae2bc82aaecb63023", 30900)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_change_is_told_to_whom_it_concerns_by_3_5),
        cmocka_unit_test(test_every_change_is_told_to_whom_it_concerns_by_3_6),
        cmocka_unit_test(test_every_change_is_told_to_whom_it_concerns_by_3_8),
        cmocka_unit_test(test_every_change_is_told_to_whom_it_concerns_by_3_9),
    };
    return cmocka_run_group_tests_name("watch matrix", tests, NULL, NULL);
}
