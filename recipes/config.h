/* recipes/config.h - the parts of a configuration, for each other:
 *
 *     config_parse.c    documents: JSON text to trees of jansson's, and many trees to one
 *     config_values.c   a tree to an immutable set of values, what can be asked of it, and how two differ
 *     config_file.c     a set of values as a file, and back; the work that is done away from the loop
 *     config_nodes.c    which document every node has, and what they come to
 *     config.c          the machine: when to look, what is accepted, who is told
 *     config_query.c    what an application asks
 *
 * jansson's memory is malloc()'s, and gone when a set of values is made, but for the documents themselves, which the loop keeps. */
#ifndef DOCENT_RECIPES_CONFIG_H
#define DOCENT_RECIPES_CONFIG_H

#include <jansson.h>
#include <stdatomic.h>

#include <docent/config.h>

#include "core/drive/await.h"
#include "core/drive/files.h"
#include "core/drive/thread_mutex.h"
#include "recipes/cache.h"
#include "recipes/handle.h"

enum { CONFIG_REASON_SIZE = 256 };

struct config_reason {
    char text[CONFIG_REASON_SIZE];
};
void docent_config_say(struct config_reason *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct config_limits {
    uint32_t depth_max;
    size_t bytes_max;
};

/* ---- Documents. ---- */

/* @depth: levels above it. DOCENT_OK: *@ret_json is the caller's, or NULL if there is nothing but white space. DOCENT_ERR_CORRUPT_DATA,
 * DOCENT_ERR_TOO_LARGE: @reason says why. DOCENT_ERR_NO_MEMORY. */
docent_status docent_config_parse(const char *data, size_t size, uint32_t depth, const struct config_limits *limits, json_t **ret_json,
                                  struct config_reason *reason);
/* Can it be a name in a JSON object? */
docent_status docent_config_check_name(const char *name, struct config_reason *reason);
/* Merges @json into @whole, an object, at @names ("": as it is; "a/b"). Both stay the caller's, and share nothing. False: no memory. */
bool docent_config_merge(json_t *whole, const char *names, const json_t *json);

/* ---- Values. ---- */

struct config_origin {
    docent_config_source source;
    int64_t zxid;
    int64_t root_czxid, root_ctime_ms; /* Of the root node; 0: there was none. */
};

/* @json must be an object. DOCENT_OK: *@ret_values has one reference. DOCENT_ERR_TOO_LARGE, with @reason; DOCENT_ERR_NO_MEMORY. */
docent_status docent_config_values_make(const json_t *json, const struct config_origin *origin, const struct config_limits *limits,
                                        const docent_allocator *allocator, docent_config_values **ret_values, struct config_reason *reason);
const struct config_origin *docent_config_values_origin(const docent_config_values *values);
bool docent_config_values_equal(const docent_config_values *one, const docent_config_values *other); /* But for where they come from. */
/* The keys in which they differ, in order; @before may be NULL. One block, borrowing from both. */
docent_status docent_config_values_diff(const docent_config_values *before, const docent_config_values *after, const docent_allocator *allocator,
                                        const char ***ret_keys, size_t *ret_count);

/* ---- The file. ---- */

/* As a file of the configuration of @path. On success *@ret_data is the caller's to docent_free(). */
docent_status docent_config_encode(const docent_config_values *values, const char *path, const docent_allocator *allocator, char **ret_data,
                                   size_t *ret_size);
/* And back. DOCENT_ERR_CORRUPT_DATA, DOCENT_ERR_TOO_LARGE: @reason says why. *@ret_foreign (may be NULL): not a file of ours at all, or of another
 * configuration. DOCENT_ERR_NO_MEMORY. */
docent_status docent_config_decode(const char *data, size_t size, const char *path, const struct config_limits *limits,
                                   const docent_allocator *allocator, docent_config_values **ret_values, bool *ret_foreign,
                                   struct config_reason *reason);
/* May a file that has @old become one that has @new? */
bool docent_config_is_newer(const struct config_origin *new, const struct config_origin *old);

/* One file of one configuration: at most one job at a time. Made and used by the loop; what is under way may outlive it. */
struct config_file;
struct config_file_done {
    bool wrote;            /* Else it was read. */
    docent_status status;
    const docent_config_values *values; /* Read, DOCENT_OK: borrowed. */
    const char *reason;
};
docent_status docent_config_file_new(docent_client *client, const char *file, const char *path, const struct config_limits *limits,
                                     void (*done)(const struct config_file_done *done, void *user), void *user, struct config_file **ret_file);
bool docent_config_file_is_busy(const struct config_file *file);
/* DOCENT_OK: done() will be called, on the loop, unless the file is closed before. Not while it is busy. */
docent_status docent_config_file_load(struct config_file *file);
docent_status docent_config_file_store(struct config_file *file, const docent_config_values *values);
/* No done() follows. @forked: in a child, where the thread is not. NULL: does nothing. */
void docent_config_file_close(struct config_file *file, bool forked);

/* ---- What the nodes have. ---- */

struct config_doc {
    const docent_node *node; /* As it was last looked at. */
    json_t *json;            /* The last good one; NULL: none, or it says nothing. */
    int64_t zxid;            /* Of that. */
};

struct config_nodes { /* The loop's. In the order in which documents are merged. */
    struct config_doc *docs;
    size_t count;
    bool changed;        /* Since whoever sets this to false has done so. */
    int64_t gone_zxid;   /* When the last one was found to be gone; 0: none was, since the root was made. */
    int64_t root_czxid;
};

/* Looks at all that @cache has. Those whose data are not good are told to @reject, and keep what they had. DOCENT_OK, or DOCENT_ERR_NO_MEMORY or what
 * docent_cache_snapshot() returns, with all as it was, or some of it done. */
docent_status docent_config_nodes_look(struct config_nodes *nodes, docent_cache *cache, const struct config_limits *limits,
                                       const docent_allocator *allocator, void (*reject)(const char *path, const char *reason, void *user),
                                       void *user);
/* The root's document is there, whatever it says. */
bool docent_config_nodes_has_root(const struct config_nodes *nodes, const docent_cache *cache);
/* As docent_config_values_make(). */
docent_status docent_config_nodes_values(const struct config_nodes *nodes, const docent_cache *cache, const struct config_limits *limits,
                                         const docent_allocator *allocator, docent_config_values **ret_values, struct config_reason *reason);
void docent_config_nodes_free(struct config_nodes *nodes, const docent_allocator *allocator);

/* ---- The configuration. ---- */

struct config_wait;

struct docent_config {
    struct handle handle; /* First. */
    char *path;
    docent_config_options options; /* With its defaults; the file's name is ours. */
    struct config_limits limits;

    docent_cache *cache;   /* NULL: closed. */
    bool cache_gone;       /* And it has said so. */
    bool subscribed;
    bool dirty;            /* The cache has something that was not looked at... */
    uint64_t look_at;      /* ... and is, though it reads on, from then on. */
    uint64_t retry_at;     /* There was no memory. UINT64_MAX: there was. */
    struct config_nodes nodes;
    bool missing_told;
    const docent_config_values *refused; /* The last that did not pass. */

    docent_thread_mutex mutex;                  /* For current. The loop changes it, others look. */
    const docent_config_values *current; /* NULL: none yet. */
    docent_shared_i64 state;

    struct config_file *file;   /* NULL: none, or closed. */
    uint64_t fallback_at;       /* UINT64_MAX: not any more. */
    const docent_config_values *to_store;
    struct {                    /* What the file's work has come to; to be told. */
        bool there, wrote;
        docent_status status;
        const docent_config_values *values;
        struct config_reason reason;
    } outcome;

    struct config_wait *waits;
    docent_status why; /* It has ended; DOCENT_OK: it has not. */
    struct docent_later work;
    bool working;
};

#endif
