/* tests/sim/ensemble.h - the servers: one leader, which orders and decides, and replicas, which apply its log with a lag of their own
 * and serve clients. The parts are those of the development server; this is what lies between them: delay, order, cuts.
 *
 * Requests go to the leader and the log comes back in order per direction, each replica with its own delays. Touches (signs of life of
 * sessions) are passed on every half tick, and requests are none, as in Apache ZooKeeper. Only the leader ends sessions. A replica that is cut off from the leader goes on answering
 * reads and pings; a link that breaks for good loses what was under way, and the replica catches up from the log. */
#ifndef SIM_ENSEMBLE_H
#define SIM_ENSEMBLE_H

#include "tests/sim/net.h"

enum { ENSEMBLE_MAX = 3 };

enum commit_type { COMMIT_OTHER, COMMIT_CREATE, COMMIT_SET, COMMIT_DELETE };

/* One change of the tree, in the order of the log. */
struct commit {
    enum commit_type type;
    int64_t zxid;
    int64_t session; /* Whose request it was; of a session's end, that session. */
    const char *path; /* Borrowed. */
    const void *data;
    size_t size;
    int64_t owner;   /* CREATE: of an ephemeral node. */
};

struct ensemble_config {
    struct clock *clock;
    uint64_t *random;
    size_t count;           /* Of replicas. */
    uint32_t tick_ms;
    uint64_t lag_max_us;    /* Between leader and replica, one way, beside the network's latency. */
    uint64_t latency_min_us, latency_max_us;
    void *user;
    void (*committed)(void *user, const struct commit *commit);
    void (*trace)(void *user, const char *text);
    const char *const *speaks; /* See net_speaks(). The leader is the first. */
};

struct ensemble;
struct ensemble *ensemble_new(const struct ensemble_config *config);
void ensemble_free(struct ensemble *ensemble);

/* From the net. */
bool ensemble_accept(struct ensemble *ensemble, struct conn *conn);
void ensemble_arrived(struct ensemble *ensemble, struct conn *conn, const uint8_t *data, size_t size);
void ensemble_broken(struct ensemble *ensemble, struct conn *conn);

/* Faults. */
bool ensemble_expire(struct ensemble *ensemble, int64_t session); /* False: there is none. */
void ensemble_cut_off(struct ensemble *ensemble, size_t replica, bool cut);
void ensemble_power(struct ensemble *ensemble, size_t replica, bool on);
void ensemble_calm(struct ensemble *ensemble); /* All up, all together, and little lag. */

/* Looking at it from above. */
size_t ensemble_sessions(const struct ensemble *ensemble);
size_t ensemble_watches(const struct ensemble *ensemble); /* Of all replicas. */

#endif
