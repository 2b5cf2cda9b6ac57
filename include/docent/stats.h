/* docent/stats.h - counts of what clients do: operations and what became of them, bytes, retries, connections, watches, and how long
 * servers take to answer.
 *
 *     docent_stats *stats;
 *     docent_stats_options wished = { DOCENT_STATS_OPTIONS, .histograms = true };
 *     if (docent_stats_new(&wished, &stats) == DOCENT_OK) ... options.stats = stats ... docent_client_new(servers, &options, &client)
 *     docent_stats_snapshot now = { DOCENT_STATS_SNAPSHOT };
 *     docent_stats_read(stats, &now);
 *
 * A docent_stats counts for any number of clients on any number of loops; docent_client_stats() tells the share of one. A client that is
 * given none counts nothing.
 *
 * Consistency  Every loop counts for itself, without locks, and brings its counts up to date before a turn of its ends. A snapshot reads
 *            one count after the other: each is exact as of some moment while it was taken, and never goes back between two
 *            snapshots; two of them may be a moment apart. What clients counted that were closed meanwhile stays in the sums.
 * Resolution Latencies are in microseconds. Time stands still during a turn: a request is sent and an answer taken when the turn began
 *            that did it, so what callbacks of the same turn took before it is not in it.
 * Threads    As said with each function; nothing here blocks.
 * Ownership  A docent_stats is counted: its maker's reference, and one for each client that it was given to.
 * Units      Microseconds, in names that end in _us; bytes. */
#ifndef DOCENT_STATS_H
#define DOCENT_STATS_H

#include <docent/operation.h>

DOCENT_BEGIN

typedef struct docent_stats docent_stats;

/* What became of an operation. */
typedef enum docent_outcome {
    DOCENT_OUTCOME_OK,
    DOCENT_OUTCOME_CONDITION, /* The nodes were not as it wanted them: no node, node exists, bad version, not empty, and the like. */
    DOCENT_OUTCOME_DENIED,    /* Access, authentication, quota. */
    DOCENT_OUTCOME_LOST,      /* The connection or the session went, and it was not applied. */
    DOCENT_OUTCOME_TIMEOUT,   /* A deadline passed. */
    DOCENT_OUTCOME_UNKNOWN,   /* DOCENT_ERR_UNKNOWN_OUTCOME. */
    DOCENT_OUTCOME_ENDED,     /* Cancelled, or the client was closed. */
    DOCENT_OUTCOME_OTHER,     /* Every other error. */
    DOCENT_OUTCOMES
} docent_outcome;
/** Where a status is counted. Thread: any. */
DOCENT_API docent_outcome docent_outcome_of(docent_status status);

enum {
    DOCENT_STATS_TYPES_MAX = 32, /* Room in a snapshot for operations to come; DOCENT_OP_TYPES of it are used. */
    DOCENT_STATS_BUCKETS = 24,
};

/** How long servers took, in buckets: [i] counts what took at most docent_stats_bucket_us(i) and more than that of i - 1. */
typedef struct docent_histogram {
    uint64_t count;
    uint64_t sum_us;
    uint64_t buckets[DOCENT_STATS_BUCKETS];
} docent_histogram;
/** The upper bound of a bucket, included: 32, 64, 128 and so on. UINT64_MAX for the last. Thread: any. */
DOCENT_API uint64_t docent_stats_bucket_us(size_t bucket);

typedef struct docent_stats_snapshot {
    size_t struct_size;
    bool histograms;        /* They are kept; else latency is all zero. */
    uint64_t clients;       /* Now: open clients that count here. */
    uint64_t operations[DOCENT_STATS_TYPES_MAX][DOCENT_OUTCOMES]; /* By docent_op_type: calls, and what recipes and calls of several steps
                                                                   * ask for, each request once, when its outcome is known. Those calls
                                                                   * themselves are not counted; on whose behalf a request was made,
                                                                   * docent_trace_event.call tells. */
    docent_histogram latency[DOCENT_STATS_TYPES_MAX];             /* Of every answered attempt: from sent to answered. */
    uint64_t bytes_in, bytes_out; /* Given to and taken from the sockets, without side connections. */
    uint64_t retries;       /* Calls that were put up to be sent once more. */
    uint64_t connections;   /* How often CONNECTED or READ_ONLY was reached. */
    uint64_t reconnects;    /* Of these, not the first of a client. */
    uint64_t sessions;      /* New sessions. */
    uint64_t expirations;   /* Sessions that were lost, by the server's word or by our clock. */
    uint64_t heartbeats;
    uint64_t watches_registered;
    uint64_t watches_fired; /* Changes of nodes told to registrations. */
    uint64_t watches;       /* Now: registrations that have not ended. */
    uint64_t pending;       /* Now: calls that wait for a connection. */
    uint64_t in_flight;     /* Now: requests that wait for their answer. */
    uint64_t inbox;         /* Now: what other threads have posted and the loop has not looked at. */
    uint64_t pending_deletes; /* Now: as docent_pending_deletes() has it, node.h. */
} docent_stats_snapshot;
#define DOCENT_STATS_SNAPSHOT .struct_size = sizeof(docent_stats_snapshot)
/** The same as { DOCENT_STATS_SNAPSHOT }, for compilers without designated initialisers. Thread: any. */
static inline void docent_stats_snapshot_init(docent_stats_snapshot *snapshot)
{
    memset(snapshot, 0, sizeof *snapshot);
    snapshot->struct_size = sizeof *snapshot;
}

/* docent_stats_options wished = { DOCENT_STATS_OPTIONS, .histograms = true };  What is zero gets its default. */
typedef struct docent_stats_options {
    size_t struct_size;
    bool histograms;                   /* Keep latencies: 3.5 KB a client. Default: no. */
    const docent_allocator *allocator; /* Copied. Default: malloc. */
} docent_stats_options;
#define DOCENT_STATS_OPTIONS .struct_size = sizeof(docent_stats_options)
/** The same as { DOCENT_STATS_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_stats_options_init(docent_stats_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A place to count in, to be given to clients as docent_client_options.stats. @options may be NULL. On success *@ret_stats is the
 * caller's to docent_stats_unref(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_NO_MEMORY or
 * DOCENT_ERR_INVALID_ARGUMENT. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_stats_new(const docent_stats_options *options, docent_stats **ret_stats);
/** One more reference, to be given back with docent_stats_unref(). Returns @stats. Thread: any. */
DOCENT_API docent_stats *docent_stats_ref(docent_stats *stats);
/** Gives a reference back; clients that count here keep theirs. NULL: does nothing. Thread: any. */
DOCENT_API void docent_stats_unref(docent_stats *stats);

/** The sums over all clients. Fills as much of *@ret_snapshot as its struct_size says. Returns DOCENT_OK or
 * DOCENT_ERR_INVALID_ARGUMENT (a struct_size of zero, or NULL). Thread: any. */
DOCENT_API docent_status docent_stats_read(const docent_stats *stats, docent_stats_snapshot *ret_snapshot);
/** The counts of @client's session alone, all views together. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (the same, or the client was
 * made without docent_client_options.stats) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API docent_status docent_client_stats(const docent_client *client, docent_stats_snapshot *ret_snapshot);

/** docent_stats_read() as OpenMetrics 1.0 text, UTF-8, "# EOF" included, ready to be served as
 * application/openmetrics-text; version=1.0.0. Operations that never occurred are left out. Writes at most @size bytes to @text,
 * terminated (@text may be NULL if @size is 0), and returns how many the whole text takes, the terminator not counted: if that is not
 * less than @size it was cut. Counts grow, so leave some room for the second try. Thread: any. */
DOCENT_API size_t docent_stats_openmetrics(const docent_stats *stats, char *text, size_t size);

DOCENT_END

#endif
