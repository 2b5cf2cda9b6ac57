/* core/client/stats.h - what a client counts, in a block of its own that belongs to a docent_stats.
 *
 * A block has one writer, its client's loop; so counting is a load and a store, relaxed, and no locked instruction. Readers on other
 * threads walk the list of blocks, which only grows: a closed client's block keeps its counts and goes to the next client,
 * which remembers where it began. So the sums never go back, and there are as many blocks as there were clients at one time.
 *
 * Plain answers, the many, are not counted one by one: those of one kind that were sent in one turn and are told in one turn make a run,
 * whose length is counted when it ends. */
#ifndef DOCENT_CLIENT_STATS_H
#define DOCENT_CLIENT_STATS_H

#include <stdatomic.h>

#include <docent/stats.h>

#include "core/wire/alloc.h"

struct docent_core;

enum stats_cell {
    CELL_BYTES_IN,
    CELL_BYTES_OUT,
    CELL_RETRIES,
    CELL_CONNECTIONS,
    CELL_RECONNECTS,
    CELL_SESSIONS,
    CELL_EXPIRATIONS,
    CELL_HEARTBEATS,
    CELL_WATCHES_REGISTERED,
    CELL_WATCHES_ENDED,
    CELL_WATCHES_FIRED,
    CELL_OPERATIONS, /* By type, and there by outcome. */
    CELL_LATENCY = CELL_OPERATIONS + (int)DOCENT_OP_TYPES * (int)DOCENT_OUTCOMES, /* By type: buckets, then the sum. */
    CELLS_OF_LATENCY = DOCENT_STATS_BUCKETS + 1,
};

enum stats_gauge { GAUGE_PENDING, GAUGE_IN_FLIGHT, GAUGE_INBOX, GAUGE_DELETES, GAUGES };

struct stats_block {
    struct stats_block *next; /* Set before the block is in the list. */
    docent_stats *owner;
    _Atomic bool taken;
    uint64_t *base;           /* What the cells were when the client began. NULL: zero. */
    uint64_t run_sent_us;     /* The run: when its requests were sent. UINT64_MAX: there is none. */
    docent_op_type run_type;
    uint64_t run_count;
    uint64_t run_latency_us;
    _Atomic uint64_t gauges[GAUGES]; /* The inbox's is written under the driver's mutex. */
    _Atomic uint64_t cells[];
};

static inline void docent_stats_add(struct stats_block *block, size_t cell, uint64_t count)
{
    uint64_t value = atomic_load_explicit(&block->cells[cell], memory_order_relaxed);
    atomic_store_explicit(&block->cells[cell], value + count, memory_order_relaxed);
}

static inline void docent_stats_set(struct stats_block *block, enum stats_gauge gauge, uint64_t value)
{
    atomic_store_explicit(&block->gauges[gauge], value, memory_order_relaxed);
}

/* A block for a client, with a reference to @stats. */
docent_status docent_stats_attach(docent_stats *stats, struct stats_block **ret_block);
void docent_stats_detach(struct stats_block *block);
bool docent_stats_has_histograms(const docent_stats *stats);

/* An operation ended. */
void docent_stats_ended(struct stats_block *block, docent_op_type type, docent_status status);
/* An attempt was answered. */
void docent_stats_answered(struct stats_block *block, docent_op_type type, uint64_t latency_us);

void docent_stats_run_end(struct stats_block *block);
void docent_stats_run_begin(struct stats_block *block, docent_op_type type, uint64_t sent_us, uint64_t now_us);
/* Both at once, of a plain answer: success. */
static inline void docent_stats_plain(struct stats_block *block, docent_op_type type, uint64_t sent_us, const uint64_t *now_us)
{
    if (sent_us == block->run_sent_us && type == block->run_type) {
        block->run_count++;
    } else {
        docent_stats_run_begin(block, type, sent_us, *now_us);
    }
}

#endif
