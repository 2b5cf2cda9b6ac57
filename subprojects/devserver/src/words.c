/* src/words.c - see words.h. Forms are those of 3.8.0 as observed; where a figure has no counterpart here (a JVM, digests, TLS) the line
 * is there all the same, for whoever looks for it. */
#include "words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "watches.h"

static void say(struct wire_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct wire_out *out, const char *format, ...)
{
    char line[1024];
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(line, sizeof line, format, arguments);
    if (size < (int)sizeof line) {
        docent_wire_put_raw(out, line, (size_t)size);
    } else {
        char *longer = must(malloc((size_t)size + 1));
        vsnprintf(longer, (size_t)size + 1, format, again);
        docent_wire_put_raw(out, longer, (size_t)size);
        free(longer);
    }
    va_end(again);
    va_end(arguments);
}

const char *docent_words_version(const struct replica *replica)
{
    return docent_speak(docent_replica_config(replica)->speak)->version;
}

void docent_words_decimal(char text[40], double value)
{
    snprintf(text, 40, "%.4f", value);
    char *end = text + strlen(text) - 1;
    while (*end == '0' && end[-1] != '.') *end-- = '\0';
}

/* "Sat Nov 21 04:38:23 UTC 2026". */
static void date_text(char text[64], int64_t wall_ms)
{
    static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    int64_t seconds = wall_ms / 1000, day = seconds / 86400, year = 1970, left = day;
    int clock = (int)(seconds % 86400);
    for (;; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (left >= 365 + leap) {
            left -= 365 + leap;
            continue;
        }
        int month = 0;
        for (;; month++) {
            int size = month == 1 ? 28 + leap : month == 3 || month == 5 || month == 8 || month == 10 ? 30 : 31;
            if (left < size) break;
            left -= size;
        }
        snprintf(text, 64, "%s %s %02d %02d:%02d:%02d UTC %d", days[day % 7], months[month], (int)left + 1, clock / 3600, clock / 60 % 60,
                 clock % 60, (int)year);
        return;
    }
}

/* Apache ZooKeeper has its root under two names, and counts both. */
size_t docent_words_node_count(const struct replica *replica)
{
    return docent_replica_tree(replica)->count + 1;
}

static size_t ephemeral_count(const struct tree *tree)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof tree->owners / sizeof *tree->owners; i++) {
        for (const struct owner *owner = tree->owners[i]; owner != NULL; owner = owner->chain) {
            for (const struct node *node = owner->first; node != NULL; node = node->owned_next) count++;
        }
    }
    return count;
}

/* Lengths of paths and data. */
static int64_t data_size(const struct tree *tree)
{
    int64_t size = 0;
    for (size_t i = 0; i < tree->bucket_count; i++) {
        for (const struct node *node = tree->buckets[i]; node != NULL; node = node->chain) {
            size += (int64_t)node->path_size + (node->stat.data_length > 0 ? node->stat.data_length : 0);
        }
    }
    return size;
}

/* ---- The server. ---- */

static void say_state(struct replica *replica, struct wire_out *out)
{
    const struct server_stats *stats = docent_replica_stats(replica);
    const struct tree *tree = docent_replica_tree(replica);
    char average[40];
    docent_words_decimal(average, docent_latency_average(&stats->latency));
    say(out, "Latency min/avg/max: %" PRIu64 "/%s/%" PRIu64 "\n", stats->latency.min, average, stats->latency.max);
    say(out, "Received: %" PRIu64 "\nSent: %" PRIu64 "\nConnections: %zu\nOutstanding: %zu\n", stats->received, stats->sent,
        docent_replica_connection_count(replica), docent_replica_pending(replica));
    say(out, "Zxid: 0x%" PRIx64 "\nMode: %s\nNode count: %zu\n", (uint64_t)tree->zxid, docent_replica_mode(replica), docent_words_node_count(replica));
}

static void say_ruok(struct replica *replica, struct wire_out *out)
{
    (void)replica;
    say(out, "imok");
}

static void say_isro(struct replica *replica, struct wire_out *out)
{
    say(out, strcmp(docent_replica_mode(replica), "read-only") == 0 ? "ro" : "rw");
}

static void say_srvr(struct replica *replica, struct wire_out *out)
{
    say(out, "Zookeeper version: %s\n", docent_words_version(replica));
    say_state(replica, out);
}

static void say_conf(struct replica *replica, struct wire_out *out)
{
    const struct server_config *config = docent_replica_config(replica);
    struct server_about about;
    docent_replica_about(replica, &about);
    const char *folder = about.data_dir == NULL ? "" : about.data_dir;
    say(out, "clientPort=%u\nsecureClientPort=-1\n", (unsigned)about.port);
    say(out, "dataDir=%s\ndataDirSize=%" PRIu64 "\ndataLogDir=%s\ndataLogSize=%" PRIu64 "\n", folder, about.data_size, folder, about.log_size);
    say(out, "tickTime=%u\nmaxClientCnxns=%u\nminSessionTimeout=%u\nmaxSessionTimeout=%u\n", (unsigned)config->tick_ms,
        (unsigned)about.max_per_address, (unsigned)config->min_session_ms, (unsigned)config->max_session_ms);
    say(out, "clientPortListenBacklog=-1\nserverId=0\n");
}

static void say_envi(struct replica *replica, struct wire_out *out)
{
    struct server_about about;
    docent_replica_about(replica, &about);
    const struct { const char *key, *value; } lines[] = {
        { "zookeeper.version", docent_words_version(replica) },   { "host.name", about.host },      { "java.version", NULL },     { "java.vendor", NULL },
        { "java.home", NULL },              { "java.class.path", NULL },      { "java.library.path", NULL }, { "java.io.tmpdir", NULL },
        { "java.compiler", NULL },          { "os.name", about.system },      { "os.arch", about.machine }, { "os.version", about.release },
        { "user.name", about.user },        { "user.home", about.home },      { "user.dir", about.folder },
    };
    say(out, "Environment:\n");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) say(out, "%s=%s\n", lines[i].key, lines[i].value == NULL ? "<NA>" : lines[i].value);
    say(out, "os.memory.free=%" PRIu64 "MB\nos.memory.max=%" PRIu64 "MB\nos.memory.total=%" PRIu64 "MB\n", about.memory_free,
        about.memory_total, about.memory_total);
}

static void say_dirs(struct replica *replica, struct wire_out *out)
{
    struct server_about about;
    docent_replica_about(replica, &about);
    say(out, "datadir_size: %" PRIu64 "\nlogdir_size: %" PRIu64 "\n", about.data_size, about.log_size);
}

/* Apache ZooKeeper notes a digest every 128 transactions, for comparison with other servers. Here there are no others. */
static void say_hash(struct replica *replica, struct wire_out *out)
{
    (void)replica;
    (void)out;
}

static void say_srst(struct replica *replica, struct wire_out *out)
{
    docent_server_stats_reset(docent_replica_stats(replica));
    say(out, "Server stats reset.\n");
}

/* ---- Metrics. ---- */

size_t docent_words_metrics(struct replica *replica, struct metric metrics[METRICS_MAX])
{
    const struct server_stats *stats = docent_replica_stats(replica);
    const struct tree *tree = docent_replica_tree(replica);
    struct server_about about;
    docent_replica_about(replica, &about);
    size_t sessions = about.leader == NULL ? 0 : docent_leader_sessions(about.leader, NULL, 0);
#define TEXT(key, value) { key, METRIC_TEXT, value, 0, 0 }
#define GAUGE(key, value) { key, METRIC_GAUGE, NULL, (int64_t)(value), 0 }
#define DECIMAL(key, value) { key, METRIC_DECIMAL, NULL, 0, value }
#define COUNTER(key, value) { key, METRIC_COUNTER, NULL, (int64_t)(value), 0 }
    const struct metric all[] = {
        TEXT("version", docent_words_version(replica)),
        TEXT("server_state", docent_replica_mode(replica)),
        GAUGE("ephemerals_count", ephemeral_count(tree)),
        GAUGE("num_alive_connections", docent_replica_connection_count(replica)),
        DECIMAL("avg_latency", docent_latency_average(&stats->latency)),
        GAUGE("outstanding_requests", docent_replica_pending(replica)),
        GAUGE("znode_count", docent_words_node_count(replica)),
        GAUGE("global_sessions", sessions),
        GAUGE("non_mtls_remote_conn_count", 0),
        GAUGE("last_client_response_size", stats->response_last),
        COUNTER("packets_sent", stats->sent),
        COUNTER("packets_received", stats->received),
        GAUGE("max_client_response_size", stats->response_max),
        DECIMAL("connection_drop_probability", 0),
        GAUGE("watch_count", docent_replica_watch_count(replica)),
        COUNTER("auth_failed_count", stats->auth_failed),
        GAUGE("min_latency", stats->latency.min),
        GAUGE("max_file_descriptor_count", about.max_files),
        GAUGE("approximate_data_size", data_size(tree)),
        GAUGE("open_file_descriptor_count", about.open_files),
        GAUGE("local_sessions", 0),
        GAUGE("uptime", docent_replica_now(replica) - stats->started),
        GAUGE("max_latency", stats->latency.max),
        GAUGE("outstanding_tls_handshake", 0),
        GAUGE("min_client_response_size", stats->response_min),
        GAUGE("non_mtls_local_conn_count", 0),
        COUNTER("bytes_received_count", stats->bytes_received),
        COUNTER("response_bytes", stats->bytes_sent),
        COUNTER("connection_request_count", stats->handshakes),
        COUNTER("connection_rejected", stats->rejected),
        COUNTER("connection_drop_count", stats->dropped),
        COUNTER("large_requests_rejected", stats->large_requests),
    };
#undef TEXT
#undef GAUGE
#undef DECIMAL
#undef COUNTER
    _Static_assert(sizeof all / sizeof *all <= METRICS_MAX, "they fit");
    memcpy(metrics, all, sizeof all);
    return sizeof all / sizeof *all;
}

static void say_mntr(struct replica *replica, struct wire_out *out)
{
    struct metric metrics[METRICS_MAX];
    size_t count = docent_words_metrics(replica, metrics);
    for (size_t i = 0; i < count; i++) {
        const struct metric *metric = &metrics[i];
        char decimal[40];
        switch (metric->kind) {
        case METRIC_TEXT: say(out, "zk_%s\t%s\n", metric->key, metric->text); break;
        case METRIC_GAUGE:
        case METRIC_COUNTER: say(out, "zk_%s\t%" PRId64 "\n", metric->key, metric->whole); break;
        case METRIC_DECIMAL:
            docent_words_decimal(decimal, metric->decimal);
            say(out, "zk_%s\t%s\n", metric->key, decimal);
            break;
        }
    }
}

/* ---- Connections. ---- */

const char *docent_words_op(int32_t op)
{
    switch (op) {
    case WIRE_OP_CREATE:
    case WIRE_OP_CREATE2:
    case WIRE_OP_CREATE_CONTAINER:
    case WIRE_OP_CREATE_TTL: return "CREA";
    case WIRE_OP_DELETE:
    case WIRE_OP_DELETE_CONTAINER: return "DELE";
    case WIRE_OP_EXISTS: return "EXIS";
    case WIRE_OP_GET_DATA: return "GETD";
    case WIRE_OP_SET_DATA: return "SETD";
    case WIRE_OP_GET_ACL: return "GETA";
    case WIRE_OP_SET_ACL: return "SETA";
    case WIRE_OP_GET_CHILDREN:
    case WIRE_OP_GET_CHILDREN2: return "GETC";
    case WIRE_OP_SYNC: return "SYNC";
    case WIRE_OP_PING: return "PING";
    case WIRE_OP_CHECK: return "CHEC";
    case WIRE_OP_MULTI: return "MULT";
    case WIRE_OP_MULTI_READ: return "MLTR";
    case WIRE_OP_RECONFIG: return "RECO";
    case WIRE_OP_CHECK_WATCHES: return "CHKW";
    case WIRE_OP_REMOVE_WATCHES: return "REMW";
    case WIRE_OP_SET_WATCHES: return "SETW";
    case WIRE_OP_SET_WATCHES2: return "STW2";
    case WIRE_OP_ADD_WATCH: return "ADDW";
    case WIRE_OP_GET_EPHEMERALS: return "GETE";
    case WIRE_OP_GET_ALL_CHILDREN_NUMBER: return "GETACN";
    case WIRE_OP_WHO_AM_I: return "HOMI";
    case WIRE_OP_CREATE_SESSION: return "SESS";
    case WIRE_OP_CLOSE_SESSION: return "CLOS";
    default: return "NA";
    }
}

static void say_connections(struct replica *replica, struct wire_out *out, bool full)
{
    struct server_about about;
    docent_replica_about(replica, &about);
    for (struct connection *c = NULL; (c = docent_connection_next(replica, c)) != NULL;) {
        struct connection_view view;
        docent_connection_view(c, &view);
        const struct connection_stats *stats = &view.stats;
        say(out, " /%s[%x](queued=%zu,recved=%" PRIu64 ",sent=%" PRIu64, view.peer, view.interest, view.queued, stats->received, stats->sent);
        if (full && view.session != 0) {
            int64_t established = about.wall - (int64_t)(docent_replica_now(replica) - view.established);
            say(out, ",sid=0x%" PRIx64 ",lop=%s,est=%" PRId64 ",to=%d", (uint64_t)view.session, docent_words_op(stats->last_op), established,
                (int)view.timeout_ms);
            if (stats->last_cxid >= 0) say(out, ",lcxid=0x%x", (unsigned)stats->last_cxid);
            say(out, ",lzxid=0x%" PRIx64 ",lresp=%" PRIu64 ",llat=%" PRIu64 ",minlat=%" PRIu64 ",avglat=%" PRIu64 ",maxlat=%" PRIu64,
                (uint64_t)stats->last_zxid, stats->last_response, stats->last_latency, stats->latency.min,
                (uint64_t)docent_latency_average(&stats->latency), stats->latency.max);
        }
        say(out, ")\n");
    }
    say(out, "\n");
}

static void say_stat(struct replica *replica, struct wire_out *out)
{
    say(out, "Zookeeper version: %s\nClients:\n", docent_words_version(replica));
    say_connections(replica, out, false);
    say_state(replica, out);
}

static void say_cons(struct replica *replica, struct wire_out *out)
{
    say_connections(replica, out, true);
}

static void say_crst(struct replica *replica, struct wire_out *out)
{
    for (struct connection *c = NULL; (c = docent_connection_next(replica, c)) != NULL;) docent_connection_reset_stats(c);
    say(out, "Connection stats reset.\n");
}

/* ---- Watches. ---- */

static int compare_paths(const struct watch *a, const struct watch *b)
{
    int order = memcmp(a->path, b->path, a->size < b->size ? a->size : b->size);
    if (order != 0) return order;
    return a->size < b->size ? -1 : a->size > b->size;
}

static int compare_connections(const struct watch *a, const struct watch *b)
{
    int64_t first = docent_connection_session(a->connection), second = docent_connection_session(b->connection);
    return first < second ? -1 : first > second;
}

static int by_path_then_connection(const void *a, const void *b)
{
    const struct watch *first = *(const struct watch *const *)a, *second = *(const struct watch *const *)b;
    int order = compare_paths(first, second);
    return order != 0 ? order : compare_connections(first, second);
}

static int by_connection_then_path(const void *a, const void *b)
{
    const struct watch *first = *(const struct watch *const *)a, *second = *(const struct watch *const *)b;
    int order = compare_connections(first, second);
    return order != 0 ? order : compare_paths(first, second);
}

const struct watch **docent_words_watches(const struct replica *replica, bool by_path, size_t *ret_count)
{
    const struct watch_set *set = docent_replica_watches(replica);
    const struct watch **watches = NULL;
    size_t count = 0;
    for (size_t i = 0; i < set->bucket_count; i++) {
        for (const struct watch *watch = set->buckets[i]; watch != NULL; watch = watch->chain) {
            if (watch->table != TABLE_DATA) continue;
            if (watches == NULL) watches = must(malloc(set->count * sizeof *watches));
            watches[count++] = watch;
        }
    }
    if (count > 0) qsort(watches, count, sizeof *watches, by_path ? by_path_then_connection : by_connection_then_path);
    *ret_count = count;
    return watches;
}

size_t docent_words_distinct(const struct watch **watches, size_t count, bool by_path)
{
    size_t distinct = count > 0;
    for (size_t i = 1; i < count; i++) {
        distinct += (by_path ? compare_paths(watches[i - 1], watches[i]) : compare_connections(watches[i - 1], watches[i])) != 0;
    }
    return distinct;
}

static void say_wchs(struct replica *replica, struct wire_out *out)
{
    size_t distinct[2], count;
    for (int by_path = 0; by_path < 2; by_path++) {
        const struct watch **watches = docent_words_watches(replica, by_path != 0, &count);
        distinct[by_path] = docent_words_distinct(watches, count, by_path != 0);
        free(watches);
    }
    say(out, "%zu connections watching %zu paths\nTotal watches:%zu\n", distinct[0], distinct[1], count);
}

static void say_wchc(struct replica *replica, struct wire_out *out)
{
    size_t count;
    const struct watch **watches = docent_words_watches(replica, false, &count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_connections(watches[i - 1], watches[i]) != 0) {
            say(out, "0x%" PRIx64 "\n", (uint64_t)docent_connection_session(watches[i]->connection));
        }
        say(out, "\t%.*s\n", (int)watches[i]->size, watches[i]->path);
    }
    say(out, "\n");
    free(watches);
}

static void say_wchp(struct replica *replica, struct wire_out *out)
{
    size_t count;
    const struct watch **watches = docent_words_watches(replica, true, &count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_paths(watches[i - 1], watches[i]) != 0) say(out, "%.*s\n", (int)watches[i]->size, watches[i]->path);
        say(out, "\t0x%" PRIx64 "\n", (uint64_t)docent_connection_session(watches[i]->connection));
    }
    say(out, "\n");
    free(watches);
}

/* ---- Sessions. ---- */

/* Something that ends at a time, for the two lists of what ends when. */
struct ending {
    uint64_t at;
    int64_t session;
    const char *peer; /* NULL: a session. */
};

static int by_time(const void *a, const void *b)
{
    const struct ending *first = a, *second = b;
    if (first->at != second->at) return first->at < second->at ? -1 : 1;
    return first->session < second->session ? -1 : first->session > second->session;
}

static void say_endings(struct replica *replica, struct wire_out *out, const char *title, struct ending *endings, size_t count, int64_t wall)
{
    size_t sets = 0;
    if (count > 0) qsort(endings, count, sizeof *endings, by_time);
    for (size_t i = 0; i < count; i++) sets += i == 0 || endings[i].at != endings[i - 1].at;
    say(out, "%s Sets (%zu)/(%zu):\n", title, sets, count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || endings[i].at != endings[i - 1].at) {
            char date[64];
            size_t same = 1;
            while (i + same < count && endings[i + same].at == endings[i].at) same++;
            date_text(date, wall + (int64_t)endings[i].at - (int64_t)docent_replica_now(replica));
            say(out, "%zu expire at %s:\n", same, date);
        }
        if (endings[i].peer == NULL) {
            say(out, "\t0x%" PRIx64 "\n", (uint64_t)endings[i].session);
        } else {
            say(out, "\tip: /%s sessionId: 0x%" PRIx64 "\n", endings[i].peer, (uint64_t)endings[i].session);
        }
    }
}

static void say_owned(const struct tree *tree, struct wire_out *out)
{
    size_t owners = 0;
    for (int saying = 0; saying < 2; saying++) {
        for (size_t i = 0; i < sizeof tree->owners / sizeof *tree->owners; i++) {
            for (const struct owner *owner = tree->owners[i]; owner != NULL; owner = owner->chain) {
                if (owner->first == NULL) continue;
                owners += saying == 0;
                if (saying == 0) continue;
                say(out, "0x%" PRIx64 ":\n", (uint64_t)owner->session);
                for (const struct node *node = owner->first; node != NULL; node = node->owned_next) say(out, "\t%s\n", node->path);
            }
        }
        if (saying == 0) say(out, "ephemeral nodes dump:\nSessions with Ephemerals (%zu):\n", owners);
    }
}

static void say_dump(struct replica *replica, struct wire_out *out)
{
    struct server_about about;
    docent_replica_about(replica, &about);
    size_t sessions = about.leader == NULL ? 0 : docent_leader_sessions(about.leader, NULL, 0);
    size_t connections = docent_replica_connection_count(replica);
    int64_t *ids = must(malloc((sessions + 1) * sizeof *ids));
    struct ending *endings = must(malloc((sessions + connections + 1) * sizeof *endings));
    if (sessions > 0) docent_leader_sessions(about.leader, ids, sessions);
    for (size_t i = 0; i < sessions; i++) {
        endings[i] = (struct ending){ docent_leader_session_expires(about.leader, ids[i]), ids[i], NULL };
    }
    say(out, "SessionTracker dump:\n");
    say_endings(replica, out, "Session", endings, sessions, about.wall);
    say_owned(docent_replica_tree(replica), out);
    size_t count = 0;
    for (struct connection *c = NULL; (c = docent_connection_next(replica, c)) != NULL && count < connections; count++) {
        struct connection_view view;
        docent_connection_view(c, &view);
        uint64_t expires = view.session == 0 || about.leader == NULL ? 0 : docent_leader_session_expires(about.leader, view.session);
        if (expires == 0) expires = view.established + 10000; /* Has none yet, and so long to get one. */
        endings[count] = (struct ending){ expires, view.session, view.peer };
    }
    say(out, "Connections dump:\n");
    say_endings(replica, out, "Connections", endings, count, about.wall);
    free(endings);
    free(ids);
}

/* ---- ---- */

static const struct {
    char word[5];
    void (*say)(struct replica *replica, struct wire_out *out);
} words[] = {
    { "ruok", say_ruok }, { "srvr", say_srvr }, { "stat", say_stat }, { "mntr", say_mntr }, { "conf", say_conf },
    { "cons", say_cons }, { "envi", say_envi }, { "isro", say_isro }, { "wchs", say_wchs }, { "wchc", say_wchc },
    { "wchp", say_wchp }, { "crst", say_crst }, { "srst", say_srst }, { "dump", say_dump }, { "dirs", say_dirs },
    { "hash", say_hash },
};

static bool word_allowed(const char *list, const char *word)
{
    if (list == NULL) return true;
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t size = strcspn(list, ", \t");
        if ((size == 1 && *list == '*') || (size == 4 && memcmp(list, word, 4) == 0)) return true;
        list += size;
    }
    return false;
}

void docent_words_say(struct replica *replica, const char *word, struct wire_out *out)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].word, word) == 0) words[i].say(replica, out);
    }
}

bool docent_words_answer(struct replica *replica, const uint8_t word[4], struct wire_out *out)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (memcmp(words[i].word, word, 4) != 0) continue;
        if (word_allowed(docent_replica_config(replica)->words, words[i].word)) {
            words[i].say(replica, out);
        } else {
            say(out, "%s is not executed because it is not in the whitelist.\n", words[i].word);
        }
        return true;
    }
    return false;
}
