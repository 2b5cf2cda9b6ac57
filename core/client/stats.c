/* core/client/stats.c - see stats.h, and docent/stats.h. */
#include "core/client/stats.h"

#include <string.h>

#include "core/client/internal.h"

enum { BUCKET_FIRST_BITS = 5 }; /* The first bucket ends at 32 us. */

_Static_assert((int)DOCENT_OP_TYPES <= (int)DOCENT_STATS_TYPES_MAX, "a snapshot has no room for all operations");

struct docent_stats {
    docent_shared_i64 references;
    bool histograms;
    bool own_allocator; /* Else the C library's. */
    docent_allocator allocator;
    size_t cell_count;
    _Atomic(struct stats_block *) blocks;
    docent_shared_i64 free_blocks; /* At most so many are not taken. */
};

static const docent_allocator *allocator_of(const docent_stats *stats)
{
    return stats->own_allocator ? &stats->allocator : NULL;
}

/* ---- The object. ---- */

docent_status docent_stats_new(const docent_stats_options *given, docent_stats **ret_stats)
{
    docent_stats_options options = { DOCENT_STATS_OPTIONS };
    if (!docent_options_take(&options, sizeof options, given)) return DOCENT_ERR_INVALID_ARGUMENT;
    const docent_allocator *allocator = options.allocator;
    bool good = ret_stats != NULL &&
                (allocator == NULL || (allocator->alloc != NULL && allocator->resize != NULL && allocator->release != NULL));
    if (!good) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_stats *stats = docent_alloc(allocator, sizeof *stats);
    if (stats == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(stats, 0, sizeof *stats);
    docent_shared_set(&stats->references, 1);
    stats->histograms = options.histograms;
    stats->own_allocator = allocator != NULL;
    if (allocator != NULL) stats->allocator = *allocator;
    stats->cell_count = CELL_LATENCY + (options.histograms ? (size_t)DOCENT_OP_TYPES * CELLS_OF_LATENCY : 0);
    *ret_stats = stats;
    return DOCENT_OK;
}

docent_stats *docent_stats_ref(docent_stats *stats)
{
    if (stats != NULL) docent_shared_add(&stats->references, 1);
    return stats;
}

void docent_stats_unref(docent_stats *stats)
{
    if (stats == NULL || docent_shared_add(&stats->references, -1) > 0) return;
    docent_allocator allocator = stats->allocator;
    const docent_allocator *through = stats->own_allocator ? &allocator : NULL;
    struct stats_block *block = atomic_load_explicit(&stats->blocks, memory_order_acquire);
    while (block != NULL) {
        struct stats_block *next = block->next;
        docent_free(through, block->base);
        docent_free(through, block);
        block = next;
    }
    docent_free(through, stats);
}

bool docent_stats_has_histograms(const docent_stats *stats)
{
    return stats->histograms;
}

/* ---- Blocks. ---- */

static struct stats_block *block_first(const docent_stats *stats)
{
    return atomic_load_explicit((_Atomic(struct stats_block *) *)&stats->blocks, memory_order_acquire);
}

static uint64_t cell_get(const struct stats_block *block, size_t cell)
{
    return atomic_load_explicit((_Atomic uint64_t *)&block->cells[cell], memory_order_relaxed);
}

static struct stats_block *block_take(docent_stats *stats)
{
    if (docent_shared_get(&stats->free_blocks) <= 0) return NULL;
    for (struct stats_block *block = block_first(stats); block != NULL; block = block->next) {
        bool taken = false;
        if (atomic_load_explicit(&block->taken, memory_order_relaxed) ||
            !atomic_compare_exchange_strong_explicit(&block->taken, &taken, true, memory_order_acquire, memory_order_relaxed)) {
            continue;
        }
        docent_shared_add(&stats->free_blocks, -1);
        return block;
    }
    return NULL;
}

static void block_give_back(struct stats_block *block)
{
    docent_stats *stats = block->owner;
    atomic_store_explicit(&block->taken, false, memory_order_release);
    docent_shared_add(&stats->free_blocks, 1);
}

docent_status docent_stats_attach(docent_stats *stats, struct stats_block **ret_block)
{
    struct stats_block *block = block_take(stats);
    if (block != NULL) {
        if (block->base == NULL) block->base = docent_alloc_array(allocator_of(stats), stats->cell_count, sizeof *block->base);
        if (block->base == NULL) {
            block_give_back(block);
            return DOCENT_ERR_NO_MEMORY;
        }
        for (size_t i = 0; i < stats->cell_count; i++) block->base[i] = cell_get(block, i);
    } else {
        size_t size = sizeof *block + stats->cell_count * sizeof block->cells[0];
        block = docent_alloc(allocator_of(stats), size);
        if (block == NULL) return DOCENT_ERR_NO_MEMORY;
        memset(block, 0, size);
        block->owner = stats;
        block->run_sent_us = UINT64_MAX;
        atomic_store_explicit(&block->taken, true, memory_order_relaxed);
        block->next = block_first(stats);
        while (!atomic_compare_exchange_weak_explicit(&stats->blocks, &block->next, block, memory_order_release, memory_order_acquire)) {
        }
    }
    docent_stats_ref(stats);
    *ret_block = block;
    return DOCENT_OK;
}

void docent_stats_detach(struct stats_block *block)
{
    docent_stats *stats = block->owner;
    docent_stats_run_end(block);
    for (int i = 0; i < GAUGES; i++) docent_stats_set(block, (enum stats_gauge)i, 0);
    block_give_back(block);
    docent_stats_unref(stats);
}

/* ---- Counting. ---- */

docent_outcome docent_outcome_of(docent_status status)
{
    switch (status) {
    case DOCENT_OK:
        return DOCENT_OUTCOME_OK;
    case DOCENT_ERR_ROLLED_BACK:
    case DOCENT_ERR_NO_NODE:
    case DOCENT_ERR_BAD_VERSION:
    case DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS:
    case DOCENT_ERR_NODE_EXISTS:
    case DOCENT_ERR_NOT_EMPTY:
    case DOCENT_ERR_NO_WATCHER:
    case DOCENT_ERR_NOT_HELD:
        return DOCENT_OUTCOME_CONDITION;
    case DOCENT_ERR_NO_AUTH:
    case DOCENT_ERR_INVALID_ACL:
    case DOCENT_ERR_AUTH_FAILED:
    case DOCENT_ERR_NOT_READ_ONLY:
    case DOCENT_ERR_SASL_REQUIRED:
    case DOCENT_ERR_QUOTA_EXCEEDED:
        return DOCENT_OUTCOME_DENIED;
    case DOCENT_ERR_CONNECTION_LOSS:
    case DOCENT_ERR_UNKNOWN_SESSION:
    case DOCENT_ERR_SESSION_EXPIRED:
    case DOCENT_ERR_SESSION_MOVED:
        return DOCENT_OUTCOME_LOST;
    case DOCENT_ERR_OPERATION_TIMEOUT:
    case DOCENT_ERR_REQUEST_TIMEOUT:
    case DOCENT_ERR_TIMEOUT:
        return DOCENT_OUTCOME_TIMEOUT;
    case DOCENT_ERR_UNKNOWN_OUTCOME:
        return DOCENT_OUTCOME_UNKNOWN;
    case DOCENT_ERR_CLOSING:
    case DOCENT_ERR_CANCELLED:
        return DOCENT_OUTCOME_ENDED;
    case DOCENT_ERR_SYSTEM:
    case DOCENT_ERR_DATA_INCONSISTENCY:
    case DOCENT_ERR_MARSHALLING:
    case DOCENT_ERR_UNIMPLEMENTED:
    case DOCENT_ERR_BAD_ARGUMENTS:
    case DOCENT_ERR_INVALID_STATE:
    case DOCENT_ERR_NEW_CONFIG_NO_QUORUM:
    case DOCENT_ERR_RECONFIG_IN_PROGRESS:
    case DOCENT_ERR_EPHEMERAL_ON_LOCAL_SESSION:
    case DOCENT_ERR_RECONFIG_DISABLED:
    case DOCENT_ERR_THROTTLED:
    case DOCENT_ERR_INVALID_ARGUMENT:
    case DOCENT_ERR_NO_MEMORY:
    case DOCENT_ERR_BUSY:
    case DOCENT_ERR_WOULD_DEADLOCK:
    case DOCENT_ERR_WRONG_THREAD:
    case DOCENT_ERR_FORKED:
    case DOCENT_ERR_TOO_LARGE:
    case DOCENT_ERR_UNSUPPORTED:
    case DOCENT_ERR_PROTOCOL:
    case DOCENT_ERR_IO:
    case DOCENT_ERR_SEQUENCE_EXHAUSTED:
    case DOCENT_ERR_CORRUPT_DATA:
    case DOCENT_ERR_NO_VALUE:
    case DOCENT_ERR_WRONG_TYPE:
    case DOCENT_ERR_UPGRADE:
        break;
    }
    return DOCENT_OUTCOME_OTHER; /* What a server says that the table does not have, too. */
}

uint64_t docent_stats_bucket_us(size_t bucket)
{
    return bucket + 1 >= DOCENT_STATS_BUCKETS ? UINT64_MAX : (uint64_t)1 << (bucket + BUCKET_FIRST_BITS);
}

/* The least whose bound is not below @us. */
static size_t bucket_of(uint64_t us)
{
    if (us <= docent_stats_bucket_us(0)) return 0;
    size_t bits = 64 - (size_t)__builtin_clzll(us - 1);
    size_t bucket = bits - BUCKET_FIRST_BITS;
    return bucket < DOCENT_STATS_BUCKETS ? bucket : DOCENT_STATS_BUCKETS - 1;
}

static void count_ended(struct stats_block *block, docent_op_type type, docent_outcome outcome, uint64_t count)
{
    docent_stats_add(block, CELL_OPERATIONS + (size_t)type * DOCENT_OUTCOMES + (size_t)outcome, count);
}

static void count_answered(struct stats_block *block, docent_op_type type, uint64_t latency_us, uint64_t count)
{
    if (!block->owner->histograms) return;
    size_t cells = CELL_LATENCY + (size_t)type * CELLS_OF_LATENCY;
    docent_stats_add(block, cells + bucket_of(latency_us), count);
    docent_stats_add(block, cells + DOCENT_STATS_BUCKETS, latency_us * count);
}

void docent_stats_ended(struct stats_block *block, docent_op_type type, docent_status status)
{
    count_ended(block, type, docent_outcome_of(status), 1);
}

void docent_stats_answered(struct stats_block *block, docent_op_type type, uint64_t latency_us)
{
    count_answered(block, type, latency_us, 1);
}

void docent_stats_run_end(struct stats_block *block)
{
    if (block->run_sent_us == UINT64_MAX) return;
    count_ended(block, block->run_type, DOCENT_OUTCOME_OK, block->run_count);
    count_answered(block, block->run_type, block->run_latency_us, block->run_count);
    block->run_sent_us = UINT64_MAX;
}

void docent_stats_run_begin(struct stats_block *block, docent_op_type type, uint64_t sent_us, uint64_t now_us)
{
    docent_stats_run_end(block);
    block->run_sent_us = sent_us;
    block->run_type = type;
    block->run_count = 1;
    block->run_latency_us = now_us - sent_us;
}

/* ---- Reading. ---- */

struct reading {
    const struct stats_block *block;
    const uint64_t *base; /* NULL: all zero. */
};

static uint64_t reading_of(const struct reading *reading, size_t cell)
{
    return cell_get(reading->block, cell) - (reading->base == NULL ? 0 : reading->base[cell]);
}

static void histogram_add(docent_histogram *histogram, const struct reading *reading, size_t cells)
{
    for (size_t i = 0; i < DOCENT_STATS_BUCKETS; i++) {
        uint64_t count = reading_of(reading, cells + i);
        histogram->buckets[i] += count;
        histogram->count += count;
    }
    histogram->sum_us += reading_of(reading, cells + DOCENT_STATS_BUCKETS);
}

static uint64_t gauge_get(const struct stats_block *block, enum stats_gauge gauge)
{
    return atomic_load_explicit((_Atomic uint64_t *)&block->gauges[gauge], memory_order_relaxed);
}

static void snapshot_add(docent_stats_snapshot *to, const struct reading *from)
{
    static const struct {
        size_t cell, at;
    } counts[] = {
        { CELL_BYTES_IN, offsetof(docent_stats_snapshot, bytes_in) },
        { CELL_BYTES_OUT, offsetof(docent_stats_snapshot, bytes_out) },
        { CELL_RETRIES, offsetof(docent_stats_snapshot, retries) },
        { CELL_CONNECTIONS, offsetof(docent_stats_snapshot, connections) },
        { CELL_RECONNECTS, offsetof(docent_stats_snapshot, reconnects) },
        { CELL_SESSIONS, offsetof(docent_stats_snapshot, sessions) },
        { CELL_EXPIRATIONS, offsetof(docent_stats_snapshot, expirations) },
        { CELL_HEARTBEATS, offsetof(docent_stats_snapshot, heartbeats) },
        { CELL_WATCHES_REGISTERED, offsetof(docent_stats_snapshot, watches_registered) },
        { CELL_WATCHES_FIRED, offsetof(docent_stats_snapshot, watches_fired) },
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t *sum = (uint64_t *)(void *)((char *)to + counts[i].at);
        *sum += reading_of(from, counts[i].cell);
    }
    const struct stats_block *block = from->block;
    if (atomic_load_explicit((_Atomic bool *)&block->taken, memory_order_relaxed)) {
        to->clients++;
        /* The end first: of those that end meanwhile the beginning is seen too. */
        uint64_t ended = reading_of(from, CELL_WATCHES_ENDED), registered = reading_of(from, CELL_WATCHES_REGISTERED);
        if (registered > ended) to->watches += registered - ended;
        to->pending += gauge_get(block, GAUGE_PENDING);
        to->in_flight += gauge_get(block, GAUGE_IN_FLIGHT);
        to->inbox += gauge_get(block, GAUGE_INBOX);
        to->pending_deletes += gauge_get(block, GAUGE_DELETES);
    }
    for (size_t type = 0; type < DOCENT_OP_TYPES; type++) {
        for (size_t i = 0; i < DOCENT_OUTCOMES; i++) {
            to->operations[type][i] += reading_of(from, CELL_OPERATIONS + type * DOCENT_OUTCOMES + i);
        }
        if (to->histograms) histogram_add(&to->latency[type], from, CELL_LATENCY + type * CELLS_OF_LATENCY);
    }
}

docent_status docent_stats_read(const docent_stats *stats, docent_stats_snapshot *ret_snapshot)
{
    if (stats == NULL || ret_snapshot == NULL || !docent_options_sized(ret_snapshot)) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    docent_stats_snapshot sum = { DOCENT_STATS_SNAPSHOT, .histograms = stats->histograms };
    for (const struct stats_block *block = block_first(stats); block != NULL; block = block->next) {
        struct reading reading = { block, NULL };
        snapshot_add(&sum, &reading);
    }
    docent_options_give(ret_snapshot, &sum, sizeof sum);
    return DOCENT_OK;
}

docent_status docent_client_stats(const docent_client *client, docent_stats_snapshot *ret_snapshot)
{
    if (client == NULL || client->core->stats == NULL || ret_snapshot == NULL || !docent_options_sized(ret_snapshot)) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    if (docent_client_forked(client)) return DOCENT_ERR_FORKED;
    const struct stats_block *block = client->core->stats;
    docent_stats_snapshot share = { DOCENT_STATS_SNAPSHOT, .histograms = block->owner->histograms };
    struct reading reading = { block, block->base };
    snapshot_add(&share, &reading);
    docent_options_give(ret_snapshot, &share, sizeof share);
    return DOCENT_OK;
}
