/* src/front_thread.c - the development server on a thread of its own: see docent/devserver.h. Commands are posted to it, and waited for. */
#include <docent/devserver.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <docent/client.h>

#include "front_admin.h"

struct command {
    void (*run)(docent_devserver *server, struct command *command);
    const docent_fault *fault;
    int64_t session;
    int64_t *ids;
    size_t max;
    int64_t number;   /* What a preset sets, how far the clock steps. */
    const char *path;
    void (*tell_session)(const docent_devserver_session *session, void *user);
    void (*tell_watch)(const docent_devserver_watch *watch, void *user);
    void *user;
    bool flag;
    size_t count;
    docent_status status;
};

struct docent_devserver {
    struct event_base *base;
    struct front *front;
    struct admin *admin; /* NULL: none. */
    pthread_t thread;
    char connect_string[32];
    char *super_digest, *words, *data_dir; /* Of the options; NULL: none. */
    int wake_fd;
    struct event wake;
    pthread_mutex_t calling; /* One caller at a time. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct command *command;
    bool done;
    bool over;
};

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    docent_devserver *server = user;
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0) return;
    pthread_mutex_lock(&server->mutex);
    struct command *command = server->command;
    server->command = NULL;
    pthread_mutex_unlock(&server->mutex);
    if (command == NULL) return;
    command->run(server, command);
    docent_front_settle(server->front);
    pthread_mutex_lock(&server->mutex);
    server->done = true;
    pthread_cond_signal(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

static void call(docent_devserver *server, struct command *command)
{
    pthread_mutex_lock(&server->calling);
    pthread_mutex_lock(&server->mutex);
    server->command = command;
    server->done = false;
    uint64_t one = 1;
    while (write(server->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
    while (!server->done) pthread_cond_wait(&server->changed, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
    pthread_mutex_unlock(&server->calling);
}

static void *run(void *user)
{
    docent_devserver *server = user;
    pthread_setname_np(pthread_self(), "devserver");
    event_base_dispatch(server->base);
    return NULL;
}

static void server_free(docent_devserver *server)
{
    docent_admin_free(server->admin);
    if (server->front != NULL) docent_front_free(server->front);
    if (server->base != NULL) event_base_free(server->base);
    free(server->super_digest);
    free(server->words);
    free(server->data_dir);
    if (server->wake_fd >= 0) close(server->wake_fd);
    pthread_mutex_destroy(&server->calling);
    pthread_mutex_destroy(&server->mutex);
    pthread_cond_destroy(&server->changed);
    free(server);
}

/* Keeps copies of the options that are text. */
static docent_status texts_keep(docent_devserver *server, const docent_devserver_options *options)
{
    char digest[1100];
    docent_status status = options->super == NULL ? DOCENT_OK : docent_digest_id(options->super, digest, sizeof digest);
    if (status != DOCENT_OK) return status;
    if (options->super != NULL) server->super_digest = strdup(digest);
    if (options->words != NULL) server->words = strdup(options->words);
    if (options->data_dir != NULL) server->data_dir = strdup(options->data_dir);
    bool all = (options->super == NULL || server->super_digest != NULL) && (options->words == NULL || server->words != NULL) &&
               (options->data_dir == NULL || server->data_dir != NULL);
    return all ? DOCENT_OK : DOCENT_ERR_NO_MEMORY;
}

docent_status docent_devserver_start(const docent_devserver_options *given, docent_devserver **ret_server)
{
    docent_devserver_options options;
    docent_devserver_options_init(&options);
    if (ret_server == NULL || (given != NULL && given->struct_size < sizeof given->struct_size)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (given != NULL) memcpy(&options, given, given->struct_size < sizeof options ? given->struct_size : sizeof options);
    docent_devserver *server = calloc(1, sizeof *server);
    if (server == NULL) return DOCENT_ERR_NO_MEMORY;
    pthread_mutex_init(&server->calling, NULL);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->wake_fd = -1;
    enum speak_release speak = SPEAK_3_8;
    docent_status status = texts_keep(server, &options);
    if (status == DOCENT_OK && options.speak != NULL && !docent_speak_find(options.speak, &speak)) status = DOCENT_ERR_INVALID_ARGUMENT;
    if (status != DOCENT_OK) {
        server_free(server);
        return status;
    }
    struct front_config config = {
        .server = {
            .tick_ms = options.tick_ms,
            .min_session_ms = options.min_session_ms,
            .max_session_ms = options.max_session_ms,
            .request_max = options.max_request_bytes,
            .container_check_ms = options.container_check_ms,
            .ttl_check_ms = options.ttl_check_ms,
            .speak = speak,
            .ttl_nodes = options.ttl_nodes,
            .enforce_quota = options.enforce_quota,
            .super_digest = server->super_digest,
            .words = server->words,
        },
        .bind = "127.0.0.1",
        .port = options.port,
        .max_connections = options.max_connections,
        .max_per_address = options.max_connections_per_address,
        .data_dir = server->data_dir,
        .fsync = options.fsync,
        .snapshot_every = options.snapshot_every,
        .report = options.report,
        .user = options.user,
    };
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->base = event_base_new();
    if (server->wake_fd >= 0 && server->base != NULL) server->front = docent_front_new(server->base, &config);
    if (server->front != NULL && options.admin_port != 0) server->admin = docent_admin_new(server->base, server->front, options.admin_port);
    if (server->front == NULL || (options.admin_port != 0 && server->admin == NULL)) {
        int error = errno;
        server_free(server);
        errno = error;
        return DOCENT_ERR_IO;
    }
    snprintf(server->connect_string, sizeof server->connect_string, "127.0.0.1:%u", docent_front_port(server->front));
    event_assign(&server->wake, server->base, server->wake_fd, EV_READ | EV_PERSIST, on_wake, server);
    event_add(&server->wake, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&server->thread, NULL, run, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        server_free(server);
        errno = error;
        return DOCENT_ERR_IO;
    }
    *ret_server = server;
    return DOCENT_OK;
}

static void run_stop(docent_devserver *server, struct command *command)
{
    (void)command;
    event_base_loopbreak(server->base);
}

void docent_devserver_stop(docent_devserver *server)
{
    if (server == NULL) return;
    struct command command = { .run = run_stop };
    call(server, &command);
    pthread_join(server->thread, NULL);
    server_free(server);
}

uint16_t docent_devserver_port(const docent_devserver *server)
{
    return docent_front_port(server->front);
}

const char *docent_devserver_connect_string(const docent_devserver *server)
{
    return server->connect_string;
}

static void run_expire(docent_devserver *server, struct command *command)
{
    bool found = docent_leader_expire(docent_front_leader(server->front), command->session, docent_front_now(server->front),
                                       docent_front_wall(server->front));
    command->status = found ? DOCENT_OK : DOCENT_ERR_SESSION_EXPIRED;
}

docent_status docent_devserver_expire_session(docent_devserver *server, int64_t session_id)
{
    struct command command = { .run = run_expire, .session = session_id };
    call(server, &command);
    return command.status;
}

static void run_sessions(docent_devserver *server, struct command *command)
{
    command->count = docent_leader_sessions(docent_front_leader(server->front), command->ids, command->max);
}

size_t docent_devserver_sessions(docent_devserver *server, int64_t *ids, size_t max)
{
    struct command command = { .run = run_sessions, .ids = ids, .max = max };
    call(server, &command);
    return command.count;
}

/* ---- Lists. ---- */

struct listing {
    docent_devserver *server;
    struct command *command;
};

static void list_session(void *user, int64_t id, int32_t timeout_ms)
{
    const struct listing *listing = user;
    docent_devserver_session session = { .struct_size = sizeof session, .id = id, .timeout_ms = (uint32_t)timeout_ms };
    const struct node *node = docent_tree_owned(docent_leader_tree(docent_front_leader(listing->server->front)), id);
    for (; node != NULL; node = node->owned_next) session.ephemerals++;
    struct replica *replica = docent_front_replica(listing->server->front);
    for (struct connection *c = docent_connection_next(replica, NULL); c != NULL; c = docent_connection_next(replica, c)) {
        bool dropped;
        session.connected |= docent_connection_session(c) == id && !docent_connection_wants_close(c, &dropped);
    }
    listing->command->count++;
    if (listing->command->tell_session != NULL) listing->command->tell_session(&session, listing->command->user);
}

static void run_each_session(docent_devserver *server, struct command *command)
{
    struct listing listing = { server, command };
    docent_leader_each_session(docent_front_leader(server->front), list_session, &listing);
}

size_t docent_devserver_each_session(docent_devserver *server, void (*tell)(const docent_devserver_session *session, void *user), void *user)
{
    struct command command = { .run = run_each_session, .tell_session = tell, .user = user };
    call(server, &command);
    return command.count;
}

static void list_watch(void *user, int64_t session, const char *path, size_t size, bool children, bool standing, bool recursive)
{
    struct command *command = user;
    char *text = strndup(path, size);
    if (text == NULL) abort();
    docent_watch_kind one_shot = children ? DOCENT_WATCH_CHILDREN : DOCENT_WATCH_DATA;
    docent_devserver_watch watch = { .struct_size = sizeof watch, .session_id = session, .path = text };
    watch.kind = recursive ? DOCENT_WATCH_RECURSIVE : standing ? DOCENT_WATCH_PERSISTENT : one_shot;
    command->count++;
    if (command->tell_watch != NULL) command->tell_watch(&watch, command->user);
    free(text);
}

static void run_each_watch(docent_devserver *server, struct command *command)
{
    docent_replica_each_watch(docent_front_replica(server->front), list_watch, command);
}

size_t docent_devserver_each_watch(docent_devserver *server, void (*tell)(const docent_devserver_watch *watch, void *user), void *user)
{
    struct command command = { .run = run_each_watch, .tell_watch = tell, .user = user };
    call(server, &command);
    return command.count;
}

size_t docent_devserver_watch_count(docent_devserver *server)
{
    return docent_devserver_each_watch(server, NULL, NULL);
}

/* ---- Clock and counters. ---- */

static void run_step_clock(docent_devserver *server, struct command *command)
{
    docent_front_step(server->front, (uint64_t)command->number);
}

void docent_devserver_step_clock(docent_devserver *server, uint32_t ms)
{
    struct command command = { .run = run_step_clock, .number = ms };
    call(server, &command);
}

static struct node *node_at(docent_devserver *server, const char *path)
{
    return docent_tree_find(docent_leader_own_tree(docent_front_leader(server->front)), path, strlen(path));
}

static void run_preset_sequence(docent_devserver *server, struct command *command)
{
    struct node *node = node_at(server, command->path);
    command->status = node == NULL ? DOCENT_ERR_NO_NODE : DOCENT_OK;
    if (node == NULL) return;
    node->created = (int32_t)command->number;
    docent_front_keep(server->front);
}

docent_status docent_devserver_preset_sequence(docent_devserver *server, const char *path, int32_t next)
{
    if (path == NULL || next < 0) return DOCENT_ERR_INVALID_ARGUMENT;
    struct command command = { .run = run_preset_sequence, .path = path, .number = next };
    call(server, &command);
    return command.status;
}

static void run_preset_version(docent_devserver *server, struct command *command)
{
    struct node *node = node_at(server, command->path);
    command->status = node == NULL ? DOCENT_ERR_NO_NODE : DOCENT_OK;
    if (node == NULL) return;
    node->stat.version = (int32_t)command->number;
    docent_front_keep(server->front);
}

docent_status docent_devserver_preset_version(docent_devserver *server, const char *path, int32_t version)
{
    if (path == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct command command = { .run = run_preset_version, .path = path, .number = version };
    call(server, &command);
    return command.status;
}

static void run_preset_zxid(docent_devserver *server, struct command *command)
{
    struct leader *leader = docent_front_leader(server->front);
    command->status = command->number < docent_leader_zxid(leader) ? DOCENT_ERR_INVALID_ARGUMENT : DOCENT_OK;
    docent_leader_skip(leader, command->number, docent_front_wall(server->front));
}

docent_status docent_devserver_preset_zxid(docent_devserver *server, int64_t zxid)
{
    struct command command = { .run = run_preset_zxid, .number = zxid };
    call(server, &command);
    return command.status;
}

#define COUNTED(name, expression)                                                                                           \
    static void run_##name(docent_devserver *server, struct command *command)                                               \
    {                                                                                                                       \
        command->count = expression;                                                                                        \
    }                                                                                                                       \
    size_t docent_devserver_##name(docent_devserver *server)                                                                \
    {                                                                                                                       \
        struct command command = { .run = run_##name };                                                                     \
        call(server, &command);                                                                                             \
        return command.count;                                                                                               \
    }
COUNTED(connection_count, docent_replica_connection_count(docent_front_replica(server->front)))
COUNTED(node_count, docent_leader_tree(docent_front_leader(server->front))->count)
COUNTED(fault_count, docent_replica_fault_count(docent_front_replica(server->front)))
COUNTED(held, docent_replica_held(docent_front_replica(server->front)))
#undef COUNTED

static void run_add_fault(docent_devserver *server, struct command *command)
{
    struct fault fault = {
        .action = (enum fault_action)command->fault->action,
        .op = command->fault->op,
        .skip = command->fault->skip,
        .count = command->fault->count,
        .delay_ms = command->fault->delay_ms,
    };
    if (command->fault->path != NULL) snprintf(fault.path, sizeof fault.path, "%s", command->fault->path);
    bool added = docent_replica_add_fault(docent_front_replica(server->front), &fault);
    command->status = added ? DOCENT_OK : DOCENT_ERR_BUSY;
}

docent_status docent_devserver_add_fault(docent_devserver *server, const docent_fault *given)
{
    docent_fault fault = { 0 };
    if (given == NULL || given->struct_size < sizeof given->struct_size) return DOCENT_ERR_INVALID_ARGUMENT;
    memcpy(&fault, given, given->struct_size < sizeof fault ? given->struct_size : sizeof fault);
    if ((int)fault.action < 0 || fault.action > DOCENT_FAULT_CORRUPT_REPLY) return DOCENT_ERR_INVALID_ARGUMENT;
    if (fault.path != NULL && strlen(fault.path) > 255) return DOCENT_ERR_INVALID_ARGUMENT;
    struct command command = { .run = run_add_fault, .fault = &fault };
    call(server, &command);
    return command.status;
}

static void run_clear_faults(docent_devserver *server, struct command *command)
{
    (void)command;
    docent_replica_clear_faults(docent_front_replica(server->front));
}

static void run_drop(docent_devserver *server, struct command *command)
{
    docent_front_refuse(server->front, command->flag);
    docent_replica_drop_all(docent_front_replica(server->front));
}

static void run_refuse(docent_devserver *server, struct command *command)
{
    (void)command;
    docent_front_refuse(server->front, true);
}

static void run_stall(docent_devserver *server, struct command *command)
{
    (void)command;
    docent_replica_stall(docent_front_replica(server->front), true);
}

static void run_read_only(docent_devserver *server, struct command *command)
{
    (void)command;
    docent_replica_set_read_only(docent_front_replica(server->front), true);
}

static void run_heal(docent_devserver *server, struct command *command)
{
    (void)command;
    docent_front_refuse(server->front, false);
    docent_replica_stall(docent_front_replica(server->front), false);
    docent_replica_set_read_only(docent_front_replica(server->front), false);
}

static void run_restart(docent_devserver *server, struct command *command)
{
    command->status = docent_front_restart(server->front) ? DOCENT_OK : DOCENT_ERR_IO;
}

static void run_restart_empty(docent_devserver *server, struct command *command)
{
    command->status = docent_front_restart_empty(server->front, command->flag) ? DOCENT_OK : DOCENT_ERR_IO;
}

static void simple(docent_devserver *server, void (*fn)(docent_devserver *server, struct command *command), bool flag)
{
    struct command command = { .run = fn, .flag = flag };
    call(server, &command);
}

void docent_devserver_clear_faults(docent_devserver *server)
{
    simple(server, run_clear_faults, false);
}

void docent_devserver_cut(docent_devserver *server)
{
    simple(server, run_drop, true);
}

void docent_devserver_drop_connections(docent_devserver *server)
{
    simple(server, run_drop, false);
}

void docent_devserver_refuse(docent_devserver *server)
{
    simple(server, run_refuse, false);
}

void docent_devserver_stall(docent_devserver *server)
{
    simple(server, run_stall, false);
}

void docent_devserver_read_only(docent_devserver *server)
{
    simple(server, run_read_only, false);
}

void docent_devserver_heal(docent_devserver *server)
{
    simple(server, run_heal, false);
}

docent_status docent_devserver_restart(docent_devserver *server)
{
    struct command command = { .run = run_restart };
    call(server, &command);
    return command.status;
}

docent_status docent_devserver_restart_empty(docent_devserver *server, bool zxid_from_zero)
{
    struct command command = { .run = run_restart_empty, .flag = zxid_from_zero };
    call(server, &command);
    return command.status;
}
