/* src/stats.h - what connections and servers count while they work. Times are monotonic milliseconds: those that the replica is told
 * anyhow, so that counting takes no clock of its own. */
#ifndef DEVSERVER_STATS_H
#define DEVSERVER_STATS_H

#include <stdint.h>

/* From a request's arrival to its answer. */
struct latency {
    uint64_t count, sum, min, max; /* min and max: 0 while count is. */
};

struct connection_stats {
    uint64_t received, sent; /* Packets: handshake, requests and answers, events. */
    struct latency latency;
    int32_t last_op;         /* 0: none yet. A handshake is WIRE_OP_CREATE_SESSION. */
    int32_t last_cxid;       /* -1: none yet. */
    int64_t last_zxid;       /* -1: none yet. */
    uint64_t last_response, last_latency;
};

struct server_stats {
    uint64_t started;
    uint64_t received, sent, bytes_received, bytes_sent;
    uint64_t handshakes, rejected, dropped, large_requests, auth_failed; /* rejected: for want of room. */
    struct latency latency;
    int64_t response_last, response_min, response_max; /* Sizes. -1: none yet. */
};

static inline void docent_latency_add(struct latency *latency, uint64_t took)
{
    if (latency->count == 0 || took < latency->min) latency->min = took;
    if (took > latency->max) latency->max = took;
    latency->sum += took;
    latency->count++;
}

static inline double docent_latency_average(const struct latency *latency)
{
    return latency->count == 0 ? 0 : (double)latency->sum / (double)latency->count;
}

/* Forgets what is counted; not when the server started. */
static inline void docent_connection_stats_reset(struct connection_stats *stats)
{
    *stats = (struct connection_stats){ .last_cxid = -1, .last_zxid = -1 };
}

static inline void docent_server_stats_reset(struct server_stats *stats)
{
    *stats = (struct server_stats){ .started = stats->started, .response_last = -1, .response_min = -1, .response_max = -1 };
}

#endif
