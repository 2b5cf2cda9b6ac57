/* tests/interop/apache_c_recipes.c CONNECT - what users of the Apache C client do. See foreign.py for what it prints. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zookeeper/zookeeper.h>

enum { PATIENCE = 20, SESSION_MS = 5000, SEEN_MAX = 64, CLIENTS_MAX = 4, ANY_STATE = -1000 };

/* A recipe ends where something is not as it should be. */
#define EXPECT(good)                                       \
    do {                                                   \
        if (!(good)) {                                     \
            printf("# line %d: " #good "\n", __LINE__);    \
            return false;                                  \
        }                                                  \
    } while (0)
#define EXPECT_CODE(expected, call)                                                                     \
    do {                                                                                                \
        int code_ = (call);                                                                             \
        if (code_ != (expected)) {                                                                      \
            printf("# line %d: " #call " is %d (%s), not %d\n", __LINE__, code_, zerror(code_), expected); \
            return false;                                                                               \
        }                                                                                               \
    } while (0)

/* What a watcher has been told, in order; and who waits for it. One per client and watch. */
struct seen {
    pthread_mutex_t lock;
    pthread_cond_t more;
    unsigned count;
    struct {
        int type, state;
        char path[128];
    } events[SEEN_MAX];
};

static const char *servers;
static zhandle_t *clients[CLIENTS_MAX];
static unsigned client_count;
static struct seen sessions[CLIENTS_MAX];

static void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    pthread_mutex_init(&seen->lock, NULL);
    pthread_cond_init(&seen->more, NULL);
}

static void on_event(zhandle_t *client, int type, int state, const char *path, void *context)
{
    struct seen *seen = context;
    (void)client;
    pthread_mutex_lock(&seen->lock);
    if (seen->count < SEEN_MAX) {
        seen->events[seen->count].type = type;
        seen->events[seen->count].state = state;
        snprintf(seen->events[seen->count].path, sizeof seen->events[0].path, "%s", path == NULL ? "" : path);
        seen->count++;
    }
    pthread_cond_broadcast(&seen->more);
    pthread_mutex_unlock(&seen->lock);
}

/* From the event after @from on, which is counted. For events of the session @path is "". */
static bool comes_after(struct seen *seen, unsigned *from, int type, int state, const char *path)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE;
    pthread_mutex_lock(&seen->lock);
    for (;;) {
        for (; *from < seen->count; ++*from) {
            if (seen->events[*from].type != type || strcmp(seen->events[*from].path, path) != 0) continue;
            if (type == ZOO_SESSION_EVENT && state != ANY_STATE && seen->events[*from].state != state) continue;
            ++*from;
            pthread_mutex_unlock(&seen->lock);
            return true;
        }
        if (pthread_cond_timedwait(&seen->more, &seen->lock, &end) != 0) break;
    }
    for (unsigned i = 0; i < seen->count; i++) {
        printf("# told: type %d, state %d, %s\n", seen->events[i].type, seen->events[i].state, seen->events[i].path);
    }
    pthread_mutex_unlock(&seen->lock);
    return false;
}

static bool comes(struct seen *seen, int type, const char *path)
{
    unsigned from = 0;
    return comes_after(seen, &from, type, 0, path);
}

/* NULL: not connected in time. @id: of a session to continue, or NULL. */
static zhandle_t *new_client(const clientid_t *id)
{
    if (client_count == CLIENTS_MAX) abort();
    struct seen *session = &sessions[client_count];
    unsigned from = 0;
    seen_init(session);
    zhandle_t *client = zookeeper_init(servers, on_event, SESSION_MS, id, session, 0);
    if (client == NULL) return NULL;
    clients[client_count++] = client;
    return comes_after(session, &from, ZOO_SESSION_EVENT, ZOO_CONNECTED_STATE, "") ? client : NULL;
}

static void close_clients(void)
{
    while (client_count > 0) zookeeper_close(clients[--client_count]);
}

static void cut(void)
{
    char line[16];
    printf("cut\n");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) exit(1);
}

/* A completion that somebody waits for. */
struct outcome {
    pthread_mutex_t lock;
    pthread_cond_t more;
    unsigned count;
    int last;
};

#define OUTCOME { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, -1 }

static void outcome_set(int code, const void *context)
{
    struct outcome *outcome = (struct outcome *)(uintptr_t)context;
    pthread_mutex_lock(&outcome->lock);
    outcome->count++;
    outcome->last = code;
    pthread_cond_broadcast(&outcome->more);
    pthread_mutex_unlock(&outcome->lock);
}

static void on_text(int code, const char *text, const void *context)
{
    (void)text;
    outcome_set(code, context);
}

static void on_data(int code, const char *data, int size, const struct Stat *stat, const void *context)
{
    (void)stat;
    outcome_set(code == ZOK && (size != 1 || data[0] != 'x') ? ZDATAINCONSISTENCY : code, context);
}

static bool outcome_wait(struct outcome *outcome, unsigned count, int code)
{
    struct timespec end;
    int waited = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE;
    pthread_mutex_lock(&outcome->lock);
    while (outcome->count < count && waited == 0) waited = pthread_cond_timedwait(&outcome->more, &outcome->lock, &end);
    bool good = outcome->count == count && outcome->last == code;
    if (!good) printf("# %u answers, the last %d\n", outcome->count, outcome->last);
    pthread_mutex_unlock(&outcome->lock);
    return good;
}

static const char *below(const char *path, const char *name)
{
    static char both[4][384];
    static unsigned next;
    char *text = both[next++ % 4];
    snprintf(text, sizeof both[0], "%s/%s", path, name);
    return text;
}

static int make(zhandle_t *client, const char *path, const char *data, int mode)
{
    return zoo_create(client, path, data, (int)strlen(data), &ZOO_OPEN_ACL_UNSAFE, mode, NULL, 0);
}

/* ---- Each takes a client and a path of its own. ---- */

static bool nodes(zhandle_t *client, const char *path)
{
    char buffer[256];
    int size = sizeof buffer;
    struct Stat stat, again;
    EXPECT_CODE(ZOK, zoo_create2(client, path, "1", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, buffer, sizeof buffer, &stat));
    EXPECT(strcmp(buffer, path) == 0 && stat.version == 0 && stat.dataLength == 1 && stat.czxid == stat.mzxid && stat.ephemeralOwner == 0);
    EXPECT_CODE(ZNODEEXISTS, make(client, path, "1", ZOO_PERSISTENT));
    EXPECT_CODE(ZNONODE, make(client, below(path, "a/b"), "", ZOO_PERSISTENT));
    EXPECT_CODE(ZBADARGUMENTS, make(client, "/bad//path", "", ZOO_PERSISTENT));
    EXPECT_CODE(ZOK, zoo_set2(client, path, "22", 2, 0, &stat));
    EXPECT(stat.version == 1 && stat.mzxid > stat.czxid);
    EXPECT_CODE(ZBADVERSION, zoo_set(client, path, "3", 1, 0));
    EXPECT_CODE(ZOK, zoo_get(client, path, 0, buffer, &size, &again));
    EXPECT(size == 2 && memcmp(buffer, "22", 2) == 0 && memcmp(&stat, &again, sizeof stat) == 0);
    EXPECT_CODE(ZOK, zoo_set(client, path, NULL, -1, -1));
    EXPECT_CODE(ZOK, zoo_get(client, path, 0, buffer, &size, &again));
    EXPECT(size == -1);
    EXPECT_CODE(ZNONODE, zoo_get(client, below(path, "none"), 0, buffer, &size, &again));
    EXPECT_CODE(ZOK, zoo_create(client, below(path, "s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL, buffer, sizeof buffer));
    EXPECT(strcmp(buffer, below(path, "s-0000000000")) == 0);
    EXPECT_CODE(ZNOCHILDRENFOREPHEMERALS, make(client, below(buffer, "x"), "", ZOO_PERSISTENT));
    EXPECT_CODE(ZOK, zoo_exists(client, buffer, 0, &stat));
    EXPECT(stat.ephemeralOwner == zoo_client_id(client)->client_id);
    EXPECT_CODE(ZNOTEMPTY, zoo_delete(client, path, -1));
    EXPECT_CODE(ZBADVERSION, zoo_delete(client, buffer, 7));
    EXPECT_CODE(ZOK, zoo_delete(client, buffer, 0));
    EXPECT_CODE(ZOK, zoo_delete(client, path, -1));
    EXPECT_CODE(ZNONODE, zoo_exists(client, path, 0, &stat));
    return true;
}

static bool children(zhandle_t *client, const char *path)
{
    struct String_vector names;
    struct Stat stat;
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_PERSISTENT));
    EXPECT_CODE(ZOK, zoo_get_children(client, path, 0, &names));
    EXPECT(names.count == 0);
    deallocate_String_vector(&names);
    EXPECT_CODE(ZOK, make(client, below(path, "a"), "", ZOO_PERSISTENT));
    EXPECT_CODE(ZOK, make(client, below(path, "b"), "", ZOO_PERSISTENT));
    EXPECT_CODE(ZOK, zoo_get_children2(client, path, 0, &names, &stat));
    EXPECT(names.count == 2 && strcmp(names.data[0], names.data[1]) != 0 && stat.numChildren == 2 && stat.cversion == 2);
    deallocate_String_vector(&names);
    EXPECT_CODE(ZNONODE, zoo_get_children2(client, below(path, "c"), 0, &names, &stat));
    return true;
}

static bool containers_and_ttl(zhandle_t *client, const char *path)
{
    struct seen gone;
    struct Stat stat;
    char buffer[128];
    seen_init(&gone);
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_CONTAINER));
    EXPECT_CODE(ZOK, make(client, below(path, "child"), "", ZOO_PERSISTENT));
    EXPECT_CODE(ZOK, zoo_wexists(client, path, on_event, &gone, &stat));
    EXPECT_CODE(ZOK, zoo_delete(client, below(path, "child"), -1));
    EXPECT(comes(&gone, ZOO_DELETED_EVENT, path));
    seen_init(&gone);
    EXPECT_CODE(ZOK, zoo_create2_ttl(client, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 300, buffer,
                                     sizeof buffer, &stat));
    EXPECT_CODE(ZOK, zoo_wexists(client, buffer, on_event, &gone, &stat));
    EXPECT(comes(&gone, ZOO_DELETED_EVENT, buffer));
    EXPECT_CODE(ZBADARGUMENTS, zoo_create_ttl(client, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, -1, NULL, 0));
    return true;
}

static bool watches(zhandle_t *client, const char *path)
{
    static struct seen data, exists, list;
    char buffer[16];
    int size = sizeof buffer;
    struct Stat stat;
    struct String_vector names;
    zhandle_t *other = new_client(NULL);
    EXPECT(other != NULL);
    seen_init(&data);
    seen_init(&exists);
    seen_init(&list);
    EXPECT_CODE(ZNONODE, zoo_wexists(client, path, on_event, &exists, &stat));
    EXPECT_CODE(ZOK, make(other, path, "", ZOO_PERSISTENT));
    EXPECT(comes(&exists, ZOO_CREATED_EVENT, path));
    EXPECT_CODE(ZOK, zoo_wget(client, path, on_event, &data, buffer, &size, &stat));
    EXPECT_CODE(ZOK, zoo_wget_children2(client, path, on_event, &list, &names, &stat));
    deallocate_String_vector(&names);
    EXPECT_CODE(ZOK, make(other, below(path, "c"), "", ZOO_PERSISTENT));
    EXPECT(comes(&list, ZOO_CHILD_EVENT, path));
    EXPECT_CODE(ZOK, zoo_set(other, path, "x", 1, -1));
    EXPECT_CODE(ZOK, zoo_set(other, path, "y", 1, -1));
    EXPECT(comes(&data, ZOO_CHANGED_EVENT, path));
    size = sizeof buffer;
    EXPECT_CODE(ZOK, zoo_get(client, path, 0, buffer, &size, &stat)); /* Behind what a second event would have come before. */
    EXPECT(data.count == 1);
    return true;
}

static bool watches_removed(zhandle_t *client, const char *path)
{
    static struct seen data, list;
    char buffer[16];
    int size = sizeof buffer;
    struct Stat stat;
    struct String_vector names;
    seen_init(&data);
    seen_init(&list);
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_PERSISTENT));
    EXPECT_CODE(ZNOWATCHER, zoo_remove_watches(client, path, ZWATCHTYPE_DATA, on_event, &data, 0));
    EXPECT_CODE(ZOK, zoo_wget(client, path, on_event, &data, buffer, &size, &stat));
    EXPECT_CODE(ZOK, zoo_wget_children(client, path, on_event, &list, &names));
    deallocate_String_vector(&names);
    EXPECT_CODE(ZOK, zoo_remove_watches(client, path, ZWATCHTYPE_DATA, on_event, &data, 0));
    EXPECT_CODE(ZOK, zoo_remove_all_watches(client, path, ZWATCHTYPE_CHILD, 0));
    EXPECT_CODE(ZOK, zoo_set(client, path, "x", 1, -1));
    EXPECT_CODE(ZOK, make(client, below(path, "c"), "", ZOO_PERSISTENT));
    size = sizeof buffer;
    EXPECT_CODE(ZOK, zoo_get(client, path, 0, buffer, &size, &stat));
    for (unsigned i = 0; i < data.count; i++) EXPECT(data.events[i].type != ZOO_CHANGED_EVENT);
    for (unsigned i = 0; i < list.count; i++) EXPECT(list.events[i].type != ZOO_CHILD_EVENT);
    EXPECT_CODE(ZNOWATCHER, zoo_remove_all_watches(client, path, ZWATCHTYPE_ANY, 0));
    return true;
}

static bool multi(zhandle_t *client, const char *path)
{
    zoo_op_t ops[5];
    zoo_op_result_t results[5];
    char made[128];
    struct Stat stat;
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_PERSISTENT));
    zoo_check_op_init(&ops[0], path, 0);
    zoo_create_op_init(&ops[1], below(path, "s-"), "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, made, sizeof made);
    zoo_set_op_init(&ops[2], path, "y", 1, 0, &stat);
    zoo_create_op_init(&ops[3], below(path, "d"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    zoo_delete_op_init(&ops[4], below(path, "d"), 0);
    EXPECT_CODE(ZOK, zoo_multi(client, 5, ops, results));
    for (unsigned i = 0; i < 5; i++) EXPECT_CODE(ZOK, results[i].err);
    EXPECT(strcmp(made, below(path, "s-0000000000")) == 0 && stat.version == 1);

    zoo_create_op_init(&ops[0], below(path, "e"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    zoo_check_op_init(&ops[1], path, 7);
    zoo_delete_op_init(&ops[2], below(path, "none"), 0);
    EXPECT_CODE(ZBADVERSION, zoo_multi(client, 3, ops, results));
    EXPECT_CODE(ZOK, results[0].err);
    EXPECT_CODE(ZBADVERSION, results[1].err);
    EXPECT_CODE(ZRUNTIMEINCONSISTENCY, results[2].err);
    EXPECT_CODE(ZNONODE, zoo_exists(client, below(path, "e"), 0, &stat));
    return true;
}

static bool acls(zhandle_t *client, const char *path)
{
    struct outcome shown = OUTCOME;
    struct ACL_vector acl;
    struct Stat stat;
    char buffer[16];
    int size = sizeof buffer;
    zhandle_t *other = new_client(NULL);
    EXPECT(other != NULL);
    EXPECT_CODE(ZINVALIDACL, zoo_create(client, path, "x", 1, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0));
    EXPECT_CODE(ZOK, zoo_add_auth(client, "digest", "user:word", 9, outcome_set, &shown));
    EXPECT(outcome_wait(&shown, 1, ZOK));
    EXPECT_CODE(ZOK, zoo_create(client, path, "x", 1, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0));
    EXPECT_CODE(ZNOAUTH, zoo_get(other, path, 0, buffer, &size, &stat));
    EXPECT_CODE(ZNOAUTH, zoo_set_acl(other, path, -1, &ZOO_OPEN_ACL_UNSAFE));
    EXPECT_CODE(ZOK, zoo_get_acl(client, path, &acl, &stat));
    EXPECT(acl.count == 1 && acl.data[0].perms == ZOO_PERM_ALL && strcmp(acl.data[0].id.scheme, "digest") == 0 && stat.aversion == 0);
    deallocate_ACL_vector(&acl);
    cut(); /* It is shown again to the next connection. */
    unsigned from = 0;
    EXPECT(comes_after(&sessions[0], &from, ZOO_SESSION_EVENT, ZOO_CONNECTING_STATE, ""));
    EXPECT(comes_after(&sessions[0], &from, ZOO_SESSION_EVENT, ZOO_CONNECTED_STATE, ""));
    EXPECT_CODE(ZBADVERSION, zoo_set_acl(client, path, 7, &ZOO_READ_ACL_UNSAFE));
    EXPECT_CODE(ZOK, zoo_set_acl(client, path, 0, &ZOO_READ_ACL_UNSAFE));
    from = 0;
    EXPECT(comes_after(&sessions[1], &from, ZOO_SESSION_EVENT, ZOO_CONNECTING_STATE, ""));
    EXPECT(comes_after(&sessions[1], &from, ZOO_SESSION_EVENT, ZOO_CONNECTED_STATE, ""));
    size = sizeof buffer;
    EXPECT_CODE(ZOK, zoo_get(other, path, 0, buffer, &size, &stat));
    EXPECT(stat.aversion == 1);
    EXPECT_CODE(ZNOAUTH, zoo_set(client, path, "y", 1, -1));
    return true;
}

static bool auth_refused(zhandle_t *client, const char *path)
{
    struct outcome shown = OUTCOME;
    unsigned from = 0;
    (void)path;
    EXPECT_CODE(ZOK, zoo_add_auth(client, "none", "x", 1, outcome_set, &shown));
    EXPECT(outcome_wait(&shown, 1, ZAUTHFAILED));
    EXPECT(comes_after(&sessions[0], &from, ZOO_SESSION_EVENT, ZOO_AUTH_FAILED_STATE, ""));
    EXPECT(is_unrecoverable(client) == ZINVALIDSTATE);
    return true;
}

static bool pipelined(zhandle_t *client, const char *path)
{
    struct outcome made = OUTCOME, read = OUTCOME, synced = OUTCOME;
    char name[128];
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_PERSISTENT));
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%s/%d", path, i);
        EXPECT_CODE(ZOK, zoo_acreate(client, name, "x", 1, &ZOO_OPEN_ACL_UNSAFE, 0, on_text, &made));
        EXPECT_CODE(ZOK, zoo_aget(client, name, 0, on_data, &read));
    }
    EXPECT_CODE(ZOK, zoo_async(client, path, on_text, &synced));
    EXPECT(outcome_wait(&made, 1000, ZOK));
    EXPECT(outcome_wait(&read, 1000, ZOK));
    EXPECT(outcome_wait(&synced, 1, ZOK));
    return true;
}

static bool large(zhandle_t *client, const char *path)
{
    enum { SIZE = 1000000 };
    static char sent[SIZE], got[SIZE + 1];
    int size = sizeof got;
    struct Stat stat;
    for (unsigned i = 0; i < SIZE; i++) sent[i] = (char)(i * 7 >> 3);
    EXPECT_CODE(ZOK, zoo_create(client, path, sent, SIZE, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0));
    EXPECT_CODE(ZOK, zoo_get(client, path, 0, got, &size, &stat));
    EXPECT(size == SIZE && stat.dataLength == SIZE && memcmp(sent, got, SIZE) == 0);
    return true;
}

/* By id and password, while the first still has a connection: the session moves. */
static bool reattach(zhandle_t *client, const char *path)
{
    clientid_t id = *zoo_client_id(client), wrong = id;
    struct Stat stat;
    unsigned from = 0;
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_EPHEMERAL));
    zhandle_t *moved = new_client(&id);
    EXPECT(moved != NULL);
    EXPECT(zoo_client_id(moved)->client_id == id.client_id);
    int code;
    do { /* The first takes it back, and so on. */
        code = zoo_exists(moved, path, 0, &stat);
    } while (code == ZCONNECTIONLOSS);
    EXPECT_CODE(ZOK, code);
    EXPECT(stat.ephemeralOwner == id.client_id);
    EXPECT(comes_after(&sessions[0], &from, ZOO_SESSION_EVENT, ZOO_CONNECTING_STATE, "")); /* The first lost its connection. */

    wrong.passwd[0] = (char)(wrong.passwd[0] ^ 1);
    struct seen *session = &sessions[client_count];
    seen_init(session);
    from = 0;
    clients[client_count] = zookeeper_init(servers, on_event, SESSION_MS, &wrong, session, 0);
    EXPECT(clients[client_count++] != NULL);
    EXPECT(comes_after(session, &from, ZOO_SESSION_EVENT, ZOO_EXPIRED_SESSION_STATE, ""));
    return true;
}

static bool reconnect(zhandle_t *client, const char *path)
{
    static struct seen data, exists, list;
    char buffer[16];
    int size = sizeof buffer;
    struct Stat stat;
    struct String_vector names;
    int64_t id = zoo_client_id(client)->client_id;
    zhandle_t *other = new_client(NULL);
    EXPECT(other != NULL);
    seen_init(&data);
    seen_init(&exists);
    seen_init(&list);
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_PERSISTENT));
    EXPECT_CODE(ZOK, make(client, below(path, "mine"), "", ZOO_EPHEMERAL));
    EXPECT_CODE(ZOK, zoo_wget(client, path, on_event, &data, buffer, &size, &stat));
    EXPECT_CODE(ZNONODE, zoo_wexists(client, below(path, "x"), on_event, &exists, &stat));
    EXPECT_CODE(ZOK, zoo_wget_children(client, path, on_event, &list, &names));
    deallocate_String_vector(&names);
    cut();
    for (unsigned i = 0; i < 2; i++) {
        unsigned from = 0;
        EXPECT(comes_after(&sessions[i], &from, ZOO_SESSION_EVENT, ZOO_CONNECTING_STATE, ""));
        EXPECT(comes_after(&sessions[i], &from, ZOO_SESSION_EVENT, ZOO_CONNECTED_STATE, ""));
    }
    EXPECT(zoo_client_id(client)->client_id == id);
    EXPECT_CODE(ZOK, make(other, below(path, "x"), "", ZOO_PERSISTENT));
    EXPECT(comes(&exists, ZOO_CREATED_EVENT, below(path, "x")));
    EXPECT(comes(&list, ZOO_CHILD_EVENT, path));
    EXPECT_CODE(ZOK, zoo_set(other, path, "x", 1, -1));
    EXPECT(comes(&data, ZOO_CHANGED_EVENT, path));
    EXPECT_CODE(ZOK, zoo_exists(other, below(path, "mine"), 0, &stat));
    EXPECT(stat.ephemeralOwner == id);
    return true;
}

/* Its owner may take it back before it is ended; so until who asks for it is told that it has ended. */
static bool end_session(const clientid_t *id)
{
    for (;;) {
        struct seen session;
        seen_init(&session);
        zhandle_t *taker = zookeeper_init(servers, on_event, SESSION_MS, id, &session, 0);
        if (taker == NULL) return false;
        unsigned from = 0;
        bool told = comes_after(&session, &from, ZOO_SESSION_EVENT, ANY_STATE, "");
        bool ended = told && session.events[0].state == ZOO_EXPIRED_SESSION_STATE;
        zookeeper_close(taker);
        if (ended || !told) return ended;
    }
}

/* Taken over and ended: who had it is told, and what it owned is gone. */
static bool expiry(zhandle_t *client, const char *path)
{
    static struct seen gone;
    struct Stat stat;
    unsigned from = 0;
    zhandle_t *other = new_client(NULL);
    EXPECT(other != NULL);
    seen_init(&gone);
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_EPHEMERAL));
    EXPECT_CODE(ZOK, zoo_wexists(other, path, on_event, &gone, &stat));
    clientid_t id = *zoo_client_id(client);
    EXPECT(end_session(&id));
    EXPECT(comes_after(&sessions[0], &from, ZOO_SESSION_EVENT, ZOO_EXPIRED_SESSION_STATE, ""));
    EXPECT(comes(&gone, ZOO_DELETED_EVENT, path));
    EXPECT_CODE(ZINVALIDSTATE, zoo_exists(client, path, 0, &stat));
    return true;
}

static bool chroot_below(zhandle_t *client, const char *path)
{
    char inside[128], name[64];
    struct Stat stat;
    unsigned from = 0;
    EXPECT_CODE(ZOK, make(client, path, "", ZOO_PERSISTENT));
    snprintf(inside, sizeof inside, "%s%s", servers, path);
    struct seen *session = &sessions[client_count];
    seen_init(session);
    zhandle_t *other = zookeeper_init(inside, on_event, SESSION_MS, NULL, session, 0);
    EXPECT(other != NULL);
    clients[client_count++] = other;
    EXPECT(comes_after(session, &from, ZOO_SESSION_EVENT, ZOO_CONNECTED_STATE, ""));
    EXPECT_CODE(ZOK, zoo_create(other, "/x", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, name, sizeof name));
    EXPECT(strcmp(name, "/x") == 0);
    EXPECT_CODE(ZOK, zoo_exists(client, below(path, "x"), 0, &stat));
    return true;
}

static bool configuration(zhandle_t *client, const char *path)
{
    char buffer[256];
    int size = sizeof buffer;
    struct Stat stat;
    (void)path;
    EXPECT_CODE(ZOK, zoo_getconfig(client, 0, buffer, &size, &stat));
    EXPECT(size <= 0);
    size = sizeof buffer;
    EXPECT_CODE(ZRECONFIGDISABLED, zoo_reconfig(client, NULL, "1", NULL, -1, buffer, &size, &stat));
    return true;
}

static const struct {
    const char *what;
    bool (*run)(zhandle_t *client, const char *path);
} recipes[] = {
    { "nodes: create, set, get, delete, versions, sequences, null data", nodes },
    { "children, with and without stat", children },
    { "containers and nodes with a TTL: made and reaped", containers_and_ttl },
    { "watches of data, existence and children: once", watches },
    { "watches are removed: one, all, none", watches_removed },
    { "multi: all or nothing, with what each did", multi },
    { "ACLs and digest, shown again behind a cut", acls },
    { "an unknown scheme is refused", auth_refused },
    { "two thousand requests at once, and a sync", pipelined },
    { "1 MB", large },
    { "a session moves to who shows its password, and to nobody else", reattach },
    { "a cut connection: same session, ephemerals and watches", reconnect },
    { "a session that another ends: expired, ephemerals gone", expiry },
    { "a client below a path", chroot_below },
    { "configuration is empty, and reconfig refused", configuration },
};

int main(int argc, char **argv)
{
    const unsigned count = sizeof recipes / sizeof *recipes;
    if (argc != 2) return 2;
    servers = argv[1];
    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    printf("1..%u\n", count);
    fflush(stdout);
    for (unsigned i = 0; i < count; i++) {
        char path[32];
        snprintf(path, sizeof path, "/c-%u", i);
        zhandle_t *client = new_client(NULL);
        bool good = client != NULL && recipes[i].run(client, path);
        close_clients();
        printf("%s - %s\n", good ? "ok" : "not ok", recipes[i].what);
        fflush(stdout);
    }
    return 0;
}
