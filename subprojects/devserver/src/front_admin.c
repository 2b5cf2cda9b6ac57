/* src/front_admin.c - see front_admin.h. */
#include "front_admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watches.h"
#include "words.h"

enum { HEADERS_MAX = 8192, BODY_MAX = 1024, PATIENCE_S = 10 };

struct admin {
    struct front *front;
    struct evhttp *http;
};

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) abort(); /* No memory, or no text: both are made here. */
}

static void set_whole(json_t *object, const char *key, uint64_t value)
{
    set(object, key, json_integer((json_int_t)value));
}

/* Paths are bytes of clients. */
static json_t *text(const char *bytes, size_t size)
{
    json_t *value = json_stringn(bytes, size);
    return value != NULL ? value : json_string("(not UTF-8)");
}

static json_t *session_text_list(json_t *object, int64_t session)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRId64, session);
    json_t *list = json_object_get(object, key);
    if (list == NULL) set(object, key, list = json_array());
    return list;
}

/* ---- Commands. Each adds what it has to tell. ---- */

static void tell_nothing(struct replica *replica, json_t *answer)
{
    (void)replica;
    (void)answer;
}

static json_t *buffer_sizes(const struct server_stats *stats)
{
    return json_pack("{s:I,s:I,s:I}", "last_buffer_size", (json_int_t)stats->response_last, "min_buffer_size",
                     (json_int_t)stats->response_min, "max_buffer_size", (json_int_t)stats->response_max);
}

static void tell_server(struct replica *replica, json_t *answer)
{
    const struct server_stats *stats = docent_replica_stats(replica);
    struct server_about about;
    docent_replica_about(replica, &about);
    set(answer, "version", json_string(docent_words_version(replica)));
    set(answer, "read_only", json_boolean(strcmp(docent_replica_mode(replica), "read-only") == 0));
    json_t *server = json_object();
    set_whole(server, "packets_sent", stats->sent);
    set_whole(server, "packets_received", stats->received);
    set_whole(server, "fsync_threshold_exceed_count", 0);
    set(server, "client_response_stats", buffer_sizes(stats));
    set_whole(server, "data_dir_size", about.data_size);
    set_whole(server, "log_dir_size", about.data_size);
    set(server, "provider_null", json_false());
    set(server, "server_state", json_string(docent_replica_mode(replica)));
    set_whole(server, "last_processed_zxid", (uint64_t)docent_replica_tree(replica)->zxid);
    set_whole(server, "outstanding_requests", docent_replica_pending(replica));
    set(server, "avg_latency", json_real(docent_latency_average(&stats->latency)));
    set_whole(server, "max_latency", stats->latency.max);
    set_whole(server, "min_latency", stats->latency.min);
    set_whole(server, "num_alive_client_connections", docent_replica_connection_count(replica));
    set_whole(server, "uptime", docent_replica_now(replica) - stats->started);
    set_whole(server, "auth_failed_count", stats->auth_failed);
    set_whole(server, "non_mtlsremote_conn_count", 0);
    set_whole(server, "non_mtlslocal_conn_count", 0);
    set(answer, "server_stats", server);
    set(answer, "client_response", buffer_sizes(stats));
    set_whole(answer, "node_count", docent_words_node_count(replica));
}

static void tell_connection(struct replica *replica, const struct connection *c, bool full, json_t *list)
{
    struct connection_view view;
    struct server_about about;
    docent_connection_view(c, &view);
    docent_replica_about(replica, &about);
    const struct connection_stats *stats = &view.stats;
    json_t *told = json_object();
    set(told, "remote_socket_address", json_string(view.peer));
    set_whole(told, "interest_ops", view.interest);
    set_whole(told, "outstanding_requests", view.queued);
    set_whole(told, "packets_received", stats->received);
    set_whole(told, "packets_sent", stats->sent);
    if (full) {
        set(told, "session_id", json_integer(view.session));
        set(told, "last_operation", json_string(docent_words_op(stats->last_op)));
        set(told, "established", json_integer(about.wall - (int64_t)(docent_replica_now(replica) - view.established)));
        set(told, "session_timeout", json_integer(view.timeout_ms));
        set(told, "last_cxid", json_integer(stats->last_cxid));
        set(told, "last_zxid", json_integer(stats->last_zxid));
        set_whole(told, "last_response_time", stats->last_response);
        set_whole(told, "last_latency", stats->last_latency);
        set_whole(told, "min_latency", stats->latency.min);
        set_whole(told, "avg_latency", (uint64_t)docent_latency_average(&stats->latency));
        set_whole(told, "max_latency", stats->latency.max);
    }
    json_array_append_new(list, told);
}

static void tell_connections_of(struct replica *replica, json_t *answer, bool full)
{
    json_t *list = json_array();
    for (struct connection *c = NULL; (c = docent_connection_next(replica, c)) != NULL;) tell_connection(replica, c, full, list);
    set(answer, "connections", list);
    set(answer, "secure_connections", json_array());
}

static void tell_connections(struct replica *replica, json_t *answer)
{
    tell_connections_of(replica, answer, true);
}

static void tell_stats(struct replica *replica, json_t *answer)
{
    tell_server(replica, answer);
    tell_connections_of(replica, answer, false);
}

static void tell_monitor(struct replica *replica, json_t *answer)
{
    struct metric metrics[METRICS_MAX];
    size_t count = docent_words_metrics(replica, metrics);
    for (size_t i = 0; i < count; i++) {
        switch (metrics[i].kind) {
        case METRIC_TEXT: set(answer, metrics[i].key, json_string(metrics[i].text)); break;
        case METRIC_GAUGE:
        case METRIC_COUNTER: set(answer, metrics[i].key, json_integer(metrics[i].whole)); break;
        case METRIC_DECIMAL: set(answer, metrics[i].key, json_real(metrics[i].decimal)); break;
        }
    }
}

static void tell_configuration(struct replica *replica, json_t *answer)
{
    const struct server_config *config = docent_replica_config(replica);
    struct server_about about;
    docent_replica_about(replica, &about);
    const char *folder = about.data_dir == NULL ? "" : about.data_dir;
    set_whole(answer, "client_port", about.port);
    set(answer, "data_dir", text(folder, strlen(folder)));
    set(answer, "data_log_dir", text(folder, strlen(folder)));
    set_whole(answer, "tick_time", config->tick_ms);
    set_whole(answer, "max_client_cnxns", about.max_per_address);
    set_whole(answer, "min_session_timeout", config->min_session_ms);
    set_whole(answer, "max_session_timeout", config->max_session_ms);
    set_whole(answer, "server_id", 0);
    set(answer, "client_port_listen_backlog", json_integer(-1));
}

/* From the word's lines, "key=value". */
static void tell_environment(struct replica *replica, json_t *answer)
{
    struct wire_out out = { 0 };
    docent_words_say(replica, "envi", &out);
    const char *at = (const char *)out.data, *end = at + out.size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL) line_end = end;
        const char *equals = memchr(at, '=', (size_t)(line_end - at));
        if (equals != NULL) {
            char key[64];
            snprintf(key, sizeof key, "%.*s", (int)(equals - at), at);
            set(answer, key, text(equals + 1, (size_t)(line_end - equals - 1)));
        }
        at = line_end + 1;
    }
    docent_wire_out_free(&out);
}

static void tell_read_only(struct replica *replica, json_t *answer)
{
    set(answer, "read_only", json_boolean(strcmp(docent_replica_mode(replica), "read-only") == 0));
}

static void tell_dirs(struct replica *replica, json_t *answer)
{
    struct server_about about;
    docent_replica_about(replica, &about);
    set_whole(answer, "datadir_size", about.data_size);
    set_whole(answer, "logdir_size", about.data_size);
}

static void tell_hash(struct replica *replica, json_t *answer)
{
    (void)replica;
    set(answer, "digests", json_array());
}

static void tell_watch_summary(struct replica *replica, json_t *answer)
{
    size_t count;
    const struct watch **watches = docent_words_watches(replica, false, &count);
    set_whole(answer, "num_connections", docent_words_distinct(watches, count, false));
    free(watches);
    watches = docent_words_watches(replica, true, &count);
    set_whole(answer, "num_paths", docent_words_distinct(watches, count, true));
    set_whole(answer, "num_total_watches", count);
    free(watches);
}

static void tell_watches(struct replica *replica, json_t *answer)
{
    size_t count;
    const struct watch **watches = docent_words_watches(replica, false, &count);
    json_t *sessions = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *list = session_text_list(sessions, docent_connection_session(watches[i]->connection));
        json_array_append_new(list, text(watches[i]->path, watches[i]->size));
    }
    set(answer, "session_id_to_watched_paths", sessions);
    free(watches);
}

static void tell_watches_by_path(struct replica *replica, json_t *answer)
{
    size_t count;
    const struct watch **watches = docent_words_watches(replica, true, &count);
    json_t *paths = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *path = text(watches[i]->path, watches[i]->size);
        json_t *list = json_object_get(paths, json_string_value(path));
        if (list == NULL) set(paths, json_string_value(path), list = json_array());
        json_array_append_new(list, json_integer(docent_connection_session(watches[i]->connection)));
        json_decref(path);
    }
    set(answer, "path_to_session_ids", paths);
    free(watches);
}

static void tell_dump(struct replica *replica, json_t *answer)
{
    struct server_about about;
    docent_replica_about(replica, &about);
    json_t *endings = json_object(), *owners = json_object();
    size_t count = about.leader == NULL ? 0 : docent_leader_sessions(about.leader, NULL, 0);
    int64_t *ids = calloc(count + 1, sizeof *ids);
    if (ids == NULL) abort();
    if (count > 0) docent_leader_sessions(about.leader, ids, count);
    for (size_t i = 0; i < count; i++) {
        json_t *list = session_text_list(endings, (int64_t)docent_leader_session_expires(about.leader, ids[i]));
        json_array_append_new(list, json_integer(ids[i]));
        for (const struct node *node = docent_tree_owned(docent_replica_tree(replica), ids[i]); node != NULL; node = node->owned_next) {
            json_array_append_new(session_text_list(owners, ids[i]), text(node->path, node->path_size));
        }
    }
    free(ids);
    set(answer, "expiry_time_to_session_ids", endings);
    set(answer, "session_id_to_ephemeral_paths", owners);
}

static void tell_connections_reset(struct replica *replica, json_t *answer)
{
    (void)answer;
    for (struct connection *c = NULL; (c = docent_connection_next(replica, c)) != NULL;) docent_connection_reset_stats(c);
}

static void tell_server_reset(struct replica *replica, json_t *answer)
{
    (void)answer;
    docent_server_stats_reset(docent_replica_stats(replica));
}

static const struct command {
    const char *name, *word; /* It goes by both. */
    void (*tell)(struct replica *replica, json_t *answer);
} commands[] = {
    { "configuration", "conf", tell_configuration },
    { "connection_stat_reset", "crst", tell_connections_reset },
    { "connections", "cons", tell_connections },
    { "dirs", "dirs", tell_dirs },
    { "dump", "dump", tell_dump },
    { "environment", "envi", tell_environment },
    { "hash", "hash", tell_hash },
    { "is_read_only", "isro", tell_read_only },
    { "monitor", "mntr", tell_monitor },
    { "ruok", "ruok", tell_nothing },
    { "server_stats", "srvr", tell_server },
    { "stat_reset", "srst", tell_server_reset },
    { "stats", "stat", tell_stats },
    { "watch_summary", "wchs", tell_watch_summary },
    { "watches", "wchc", tell_watches },
    { "watches_by_path", "wchp", tell_watches_by_path },
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* ---- HTTP. ---- */

static void send_text(struct evhttp_request *request, const char *type, const char *body, size_t size)
{
    struct evbuffer *out = evbuffer_new();
    if (out == NULL || evbuffer_add(out, body, size) != 0) abort();
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    evhttp_send_reply(request, HTTP_OK, "OK", out);
    evbuffer_free(out);
}

/* The replica, told what time it is. */
static struct replica *replica_of(struct admin *admin)
{
    struct replica *replica = docent_front_replica(admin->front);
    docent_replica_tick(replica, docent_front_now(admin->front));
    docent_front_settle(admin->front);
    return replica;
}

static void on_list(struct evhttp_request *request, void *user)
{
    (void)user;
    char body[COMMANDS * 96];
    size_t size = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        size += (size_t)snprintf(body + size, sizeof body - size, "<a href=\"/commands/%s\">%s</a>\n<br/>\n", commands[i].name,
                                 commands[i].name);
    }
    send_text(request, "text/html;charset=utf-8", body, size);
}

static void on_command(struct admin *admin, struct evhttp_request *request, const char *name)
{
    const struct command *command = NULL;
    for (size_t i = 0; i < COMMANDS && command == NULL; i++) {
        if (strcmp(commands[i].name, name) == 0 || strcmp(commands[i].word, name) == 0) command = &commands[i];
    }
    json_t *answer = json_object();
    if (command != NULL) command->tell(replica_of(admin), answer);
    json_t *known = text(command != NULL ? command->name : name, strlen(command != NULL ? command->name : name));
    set(answer, "error", command != NULL ? json_null() : json_sprintf("Unknown command: %s", json_string_value(known)));
    set(answer, "command", known);
    char *body = json_dumps(answer, JSON_INDENT(2));
    if (body == NULL) abort();
    send_text(request, "application/json", body, strlen(body));
    free(body);
    json_decref(answer);
}

static void on_metrics(struct evhttp_request *request, void *user)
{
    struct metric metrics[METRICS_MAX];
    size_t count = docent_words_metrics(replica_of(user), metrics), size = 0;
    char body[METRICS_MAX * 256];
    for (size_t i = 0; i < count; i++) {
        const struct metric *metric = &metrics[i];
        char value[40] = "";
        switch (metric->kind) {
        case METRIC_TEXT: continue;
        case METRIC_GAUGE:
        case METRIC_COUNTER: snprintf(value, sizeof value, "%" PRId64, metric->whole); break;
        case METRIC_DECIMAL: docent_words_decimal(value, metric->decimal); break;
        }
        size += (size_t)snprintf(body + size, sizeof body - size, "# HELP %s %s\n# TYPE %s %s\n%s %s\n", metric->key, metric->key,
                                 metric->key, metric->kind == METRIC_COUNTER ? "counter" : "gauge", metric->key, value);
    }
    send_text(request, "text/plain; version=0.0.4; charset=utf-8", body, size);
}

static void on_other(struct evhttp_request *request, void *user)
{
    static const char prefix[] = "/commands/";
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    if (path == NULL || strncmp(path, prefix, sizeof prefix - 1) != 0) {
        evhttp_send_error(request, HTTP_NOTFOUND, NULL);
    } else if (path[sizeof prefix - 1] == '\0') {
        on_list(request, user);
    } else {
        on_command(user, request, path + sizeof prefix - 1);
    }
}

struct admin *docent_admin_new(struct event_base *base, struct front *front, uint32_t port)
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL) return NULL;
    admin->front = front;
    admin->http = evhttp_new(base);
    if (admin->http == NULL || evhttp_bind_socket(admin->http, docent_front_bind(front), (uint16_t)port) != 0) {
        int error = errno;
        docent_admin_free(admin);
        errno = error;
        return NULL;
    }
    evhttp_set_max_headers_size(admin->http, HEADERS_MAX);
    evhttp_set_max_body_size(admin->http, BODY_MAX);
    evhttp_set_timeout(admin->http, PATIENCE_S);
    evhttp_set_allowed_methods(admin->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_cb(admin->http, "/commands", on_list, admin);
    evhttp_set_cb(admin->http, "/metrics", on_metrics, admin);
    evhttp_set_gencb(admin->http, on_other, admin);
    return admin;
}

void docent_admin_free(struct admin *admin)
{
    if (admin == NULL) return;
    if (admin->http != NULL) evhttp_free(admin->http);
    free(admin);
}
