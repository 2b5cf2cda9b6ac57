/* core/client/openmetrics.c - a snapshot as OpenMetrics text. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <docent/stats.h>

struct text {
    char *at;
    size_t size;
    size_t length; /* Of the whole, cut or not. */
};

static void __attribute__((format(printf, 2, 3))) text_add(struct text *text, const char *format, ...)
{
    size_t room = text->length < text->size ? text->size - text->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(room == 0 ? NULL : text->at + text->length, room, format, arguments);
    va_end(arguments);
    if (length > 0) text->length += (size_t)length;
}

static const char *type_name(docent_op_type type)
{
    switch (type) {
    case DOCENT_OP_CREATE: return "create";
    case DOCENT_OP_DELETE: return "delete";
    case DOCENT_OP_EXISTS: return "exists";
    case DOCENT_OP_GET: return "get";
    case DOCENT_OP_SET: return "set";
    case DOCENT_OP_GET_ACL: return "get_acl";
    case DOCENT_OP_SET_ACL: return "set_acl";
    case DOCENT_OP_CHILDREN: return "children";
    case DOCENT_OP_CHILD_COUNT: return "child_count";
    case DOCENT_OP_EPHEMERALS: return "ephemerals";
    case DOCENT_OP_SYNC: return "sync";
    case DOCENT_OP_CHECK: return "check";
    case DOCENT_OP_MULTI: return "multi";
    case DOCENT_OP_MULTI_READ: return "multi_read";
    case DOCENT_OP_CHECK_WATCHES: return "check_watches";
    case DOCENT_OP_RECONFIG: return "reconfig";
    case DOCENT_OP_WHO_AM_I: return "who_am_i";
    case DOCENT_OP_TYPES: break;
    }
    return "other";
}

static const char *outcome_name(docent_outcome outcome)
{
    switch (outcome) {
    case DOCENT_OUTCOME_OK: return "ok";
    case DOCENT_OUTCOME_CONDITION: return "condition";
    case DOCENT_OUTCOME_DENIED: return "denied";
    case DOCENT_OUTCOME_LOST: return "lost";
    case DOCENT_OUTCOME_TIMEOUT: return "timeout";
    case DOCENT_OUTCOME_UNKNOWN: return "unknown";
    case DOCENT_OUTCOME_ENDED: return "ended";
    case DOCENT_OUTCOME_OTHER:
    case DOCENT_OUTCOMES: break;
    }
    return "other";
}

/* The unit is the end of the name, and comes first in none. */
static void family(struct text *text, const char *name, const char *type, const char *unit, const char *help)
{
    text_add(text, "# TYPE docent_%s %s\n", name, type);
    if (unit != NULL) text_add(text, "# UNIT docent_%s %s\n", name, unit);
    text_add(text, "# HELP docent_%s %s\n", name, help);
}

static void counter(struct text *text, const char *name, const char *unit, const char *help, uint64_t value)
{
    family(text, name, "counter", unit, help);
    text_add(text, "docent_%s_total %" PRIu64 "\n", name, value);
}

static void gauge(struct text *text, const char *name, const char *help, uint64_t value)
{
    family(text, name, "gauge", NULL, help);
    text_add(text, "docent_%s %" PRIu64 "\n", name, value);
}

/* In seconds, without the rounding that a floating-point number would bring, and without a locale's comma. */
static void seconds(struct text *text, uint64_t us)
{
    text_add(text, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

static void histogram(struct text *text, const char *operation, const docent_histogram *h)
{
    static const char name[] = "docent_request_latency_seconds";
    uint64_t count = 0;
    for (size_t i = 0; i < DOCENT_STATS_BUCKETS; i++) {
        count += h->buckets[i];
        text_add(text, "%s_bucket{operation=\"%s\",le=\"", name, operation);
        if (i + 1 < DOCENT_STATS_BUCKETS) {
            seconds(text, docent_stats_bucket_us(i));
        } else {
            text_add(text, "+Inf");
        }
        text_add(text, "\"} %" PRIu64 "\n", count);
    }
    text_add(text, "%s_count{operation=\"%s\"} %" PRIu64 "\n%s_sum{operation=\"%s\"} ", name, operation, h->count, name, operation);
    seconds(text, h->sum_us);
    text_add(text, "\n");
}

static void snapshot_write(struct text *text, const docent_stats_snapshot *s)
{
    gauge(text, "clients", "Open clients.", s->clients);
    family(text, "operations", "counter", NULL, "Operations that ended, by what became of them.");
    for (int type = 0; type < DOCENT_OP_TYPES; type++) {
        for (int i = 0; i < DOCENT_OUTCOMES; i++) {
            if (s->operations[type][i] == 0) continue;
            text_add(text, "docent_operations_total{operation=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", type_name((docent_op_type)type),
                     outcome_name((docent_outcome)i), s->operations[type][i]);
        }
    }
    if (s->histograms) {
        family(text, "request_latency_seconds", "histogram", "seconds", "From sending a request to its answer, for every attempt.");
        for (int type = 0; type < DOCENT_OP_TYPES; type++) {
            if (s->latency[type].count > 0) histogram(text, type_name((docent_op_type)type), &s->latency[type]);
        }
    }
    counter(text, "received_bytes", "bytes", "Received from servers.", s->bytes_in);
    counter(text, "sent_bytes", "bytes", "Sent to servers.", s->bytes_out);
    counter(text, "retries", NULL, "Calls put up to be sent once more.", s->retries);
    counter(text, "connections", NULL, "Connections that came online.", s->connections);
    counter(text, "reconnects", NULL, "Connections that came online, without the first of each client.", s->reconnects);
    counter(text, "sessions", NULL, "New sessions.", s->sessions);
    counter(text, "expirations", NULL, "Sessions that were lost.", s->expirations);
    counter(text, "heartbeats", NULL, "Heartbeats sent.", s->heartbeats);
    counter(text, "watches_registered", NULL, "Watches registered.", s->watches_registered);
    counter(text, "watches_fired", NULL, "Changes told to watches.", s->watches_fired);
    gauge(text, "watches", "Watches that have not ended.", s->watches);
    gauge(text, "pending_operations", "Calls that wait for a connection.", s->pending);
    gauge(text, "in_flight_requests", "Requests that wait for their answer.", s->in_flight);
    gauge(text, "inbox_posts", "What other threads have posted and the loop has not looked at.", s->inbox);
    gauge(text, "pending_deletes", "Nodes that are still to be removed though nobody waits for it any more.", s->pending_deletes);
    text_add(text, "# EOF\n");
}

size_t docent_stats_openmetrics(const docent_stats *stats, char *text, size_t size)
{
    docent_stats_snapshot snapshot = { DOCENT_STATS_SNAPSHOT };
    if (docent_stats_read(stats, &snapshot) != DOCENT_OK) {
        if (size > 0) text[0] = '\0';
        return 0;
    }
    struct text out = { text, size, 0 };
    snapshot_write(&out, &snapshot);
    return out.length;
}
