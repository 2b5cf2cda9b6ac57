/* docent/config.h - the configuration of a service: JSON documents in ZooKeeper as one live object with typed values.
 *
 *     docent_config *config;
 *     const docent_config_options options = { DOCENT_CONFIG_OPTIONS, .file = "/var/lib/shop/config.json", .on_change = on_change };
 *     if (docent_config_new(client, "/config/shop", &options, &config) == DOCENT_OK && docent_config_wait(config, 10000) == DOCENT_OK)
 *         pool = docent_config_get_int(config, "db.pool.max", 10);
 *
 * Documents  The node at the path has a JSON object. Every node below it has any JSON value, which stands under that node's name: what
 *            /config/db holds is the member "db" of what /config holds. Of two documents that speak of one value the deeper node's
 *            counts: objects are merged member by member, and anything else replaces. A node without data, or with nothing but white
 *            space, says nothing.
 * Versions   One set of values is replaced by another as a whole, when all that was told to have changed has been read; changes that a
 *            transaction makes in several nodes are seen together in all but rare cases. A new set has to pass options.validate
 *            first. If it does not, the last good one stays. A node whose data are not good JSON, or whose access is denied, keeps its
 *            last good document (none, if there was none yet), and the others go on. Either is told, with a reason.
 * Keys       Names joined by dots, "db.pool.max"; of arrays, the index: "db.hosts.0". A dot or backslash in a name has a backslash in front:
 *            "hosts.db\\.example\\.com.port" in C; docent_config_key_escape() does that. NULL is the whole document.
 * Fall-back  With options.file every accepted set is also written to that file: whole or not at all, with a checksum, readable for its
 *            owner only, never over data that are newer. When no set was accepted from the servers within options.fallback_after_ms
 *            of the start, the file's is taken, having passed options.validate, until the servers' comes. A file that is damaged, or
 *            that is no such file or another configuration's, is refused, and that is told. The last write may still be under way when
 *            the process ends; then the file is what it was.
 *            Which set is newer is decided by transaction ids as long as the root node is the same, else by when the root was made.
 * Closing    docent_config_close(). If the client is closed first, values stay readable until then.
 *
 * Threads    "Thread: loop", "any", "not loop": as in lock.h. Callbacks run on the loop thread, never from inside a call into the library, and
 *            may call anything. Files are read and written on a thread of the process's, which starts when it is needed first.
 * Ownership  The library owns the docent_config. docent_config_values are immutable and counted: keep them, read them, give them back from
 *            any thread, also after the configuration and the client are gone.
 * Units      Milliseconds, bytes. */
#ifndef DOCENT_CONFIG_H
#define DOCENT_CONFIG_H

#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_config docent_config;
typedef struct docent_config_values docent_config_values;

typedef enum docent_config_state {
    DOCENT_CONFIG_LOADING,  /* There are no values yet. The first state. */
    DOCENT_CONFIG_CURRENT,  /* They are the servers', as far as these have told us. */
    DOCENT_CONFIG_STALE,    /* They are the servers', and the connection is down, or what has changed since is being looked for. */
    DOCENT_CONFIG_FALLBACK, /* They are the file's. */
} docent_config_state;

typedef enum docent_config_source {
    DOCENT_CONFIG_FROM_SERVERS,
    DOCENT_CONFIG_FROM_FILE,
} docent_config_source;

typedef enum docent_config_type {
    DOCENT_CONFIG_NONE, /* There is no value of that key. */
    DOCENT_CONFIG_NULL,
    DOCENT_CONFIG_BOOL,
    DOCENT_CONFIG_INT,  /* A number without fraction and exponent, of 64 bits. */
    DOCENT_CONFIG_REAL, /* Any other number. */
    DOCENT_CONFIG_STRING,
    DOCENT_CONFIG_ARRAY,
    DOCENT_CONFIG_OBJECT,
} docent_config_type;

/* What has become of what. All borrowed until the callback returns; docent_config_values_ref() keeps values. */
typedef struct docent_config_change {
    const docent_config_values *before; /* NULL: these are the first. */
    const docent_config_values *after;
    const char *const *keys; /* Of values that came, went or changed, in the order of strcmp(): of an object its members', however deep,
                              * and not its own; an array is one value. Of the first values all. */
    size_t key_count;        /* At least one. */
} docent_config_change;

/* docent_config_options options = { DOCENT_CONFIG_OPTIONS, .must_exist = true };  What is left zero gets its default. */
typedef struct docent_config_options {
    size_t struct_size;
    bool document_only; /* The one node; what is below it is not looked at. Default: the subtree. */
    bool must_exist;    /* Without a node at the path there are no values; when it is deleted the last good ones stay, and that is told as a
                         * rejection. Default: no node is an empty document. */
    const char *file;   /* To fall back on; an absolute path is best. Copied. Default: none. */
    uint32_t fallback_after_ms; /* Default: 5000. */
    uint32_t depth_max; /* Levels of objects and arrays, those that nodes make included; a document beyond is refused. Default: 64; at most
                         * 1000. */
    size_t bytes_max;   /* What one document, and what all values together may take in memory, keys included. Default: 16 MiB; at
                         * most 1 GiB. */
    /* Are these values good? False: they are refused, for the @reason that may be written to those @size bytes. Default: all are good. It
     * must not close anything. */
    bool (*validate)(const docent_config_values *values, char *reason, size_t size, void *user);
    /* New values are in force: docent_config_snapshot() has them already. */
    void (*on_change)(docent_config *config, const docent_config_change *change, void *user);
    /* What @path has was not taken: a node (the root for all values together, and if it is missing and must exist) or the file. Once for each version
     * of it. @reason is for people, and has no values in it but those that validate() has put there. */
    void (*on_rejected)(docent_config *config, const char *path, const char *reason, void *user);
    void (*on_state)(docent_config *config, docent_config_state state, void *user); /* Every change, in order. */
    /* The file has been written, or could not be, which changes nothing else: DOCENT_OK; DOCENT_ERR_BAD_VERSION (what it has is newer, so it
     * stays); DOCENT_ERR_CORRUPT_DATA (it is no such file, or another configuration's, so it stays); DOCENT_ERR_BUSY (another process keeps it
     * locked); DOCENT_ERR_IO; DOCENT_ERR_NO_MEMORY. @reason: for people; "" if it was written. */
    void (*on_written)(docent_config *config, docent_status status, const char *reason, void *user);
    void *user; /* Passed to all of them. */
} docent_config_options;
#define DOCENT_CONFIG_OPTIONS .struct_size = sizeof(docent_config_options)
/** The same as { DOCENT_CONFIG_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_config_options_init(docent_config_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** Makes the configuration of @path and starts it. @options may be NULL and need not outlive the call. On success *@ret_config is the
 * caller's to docent_config_close(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (@path is no valid path, a limit is
 * beyond its own, @options->file is empty), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING (the client is) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_config_new(docent_client *client, const char *path, const docent_config_options *options,
                                                             docent_config **ret_config);
/** Ends it: no callback but @closed (may be NULL) follows, from the return of this on (on the loop thread), or from @closed on. @config is not the
 * caller's any more when this returns. A write of the file that is under way is waited for before @closed is called, unless the client
 * closes meanwhile. NULL: does nothing. Thread: any. */
DOCENT_API void docent_config_close(docent_config *config, void (*closed)(void *user), void *user);

/** Tells @done when there are values, the servers' or the file's: DOCENT_OK; or DOCENT_ERR_TIMEOUT, DOCENT_ERR_CANCELLED (the configuration was closed),
 * DOCENT_ERR_CLOSING or DOCENT_ERR_AUTH_FAILED (the client was). @timeout_ms may be DOCENT_FOREVER. Returns DOCENT_OK if @done will be called, else
 * DOCENT_ERR_INVALID_ARGUMENT, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING, DOCENT_ERR_WRONG_THREAD or DOCENT_ERR_FORKED. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_config_wait_async(docent_config *config, uint32_t timeout_ms, docent_done_fn done, void *user);
/** docent_config_wait_async() that waits and returns the outcome, or DOCENT_ERR_WOULD_DEADLOCK, or DOCENT_ERR_BUSY (inbox full). Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_config_wait(docent_config *config, uint32_t timeout_ms);
/** Thread: any. */
DOCENT_API docent_config_state docent_config_get_state(const docent_config *config);

/* ---- One value, as it is now. Whoever reads several that belong together takes docent_config_snapshot(). ---- */

/** The value of @key, or @otherwise if there is none, or one of another type. An integer is also a real, with what precision that has. Thread:
 * any. */
DOCENT_API int64_t docent_config_get_int(docent_config *config, const char *key, int64_t otherwise);
DOCENT_API double docent_config_get_real(docent_config *config, const char *key, double otherwise);
DOCENT_API bool docent_config_get_bool(docent_config *config, const char *key, bool otherwise);
/** The same of a string (@otherwise may be NULL: ""), copied to @buffer as far as it fits into its @size bytes, with a zero byte at the end;
 * returns its whole length, so that it is cut short if that is not less than @size. Thread: any. */
DOCENT_API size_t docent_config_get_string(docent_config *config, const char *key, const char *otherwise, char *buffer, size_t size);

/* ---- A set of values. ---- */

/** The values in force; NULL: there are none yet. The caller owns one reference. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK const docent_config_values *docent_config_snapshot(docent_config *config);
/** One more reference. NULL: NULL. Thread: any. */
DOCENT_API const docent_config_values *docent_config_values_ref(const docent_config_values *values);
/** Drops one. NULL: does nothing. Thread: any. */
DOCENT_API void docent_config_values_unref(const docent_config_values *values);
/** Where they come from, and the transaction from which on the servers have had them (of a file: had, when it was written). Thread: any. */
DOCENT_API docent_config_source docent_config_values_source(const docent_config_values *values);
DOCENT_API int64_t docent_config_values_zxid(const docent_config_values *values);

/** What kind of value there is. Thread: any. */
DOCENT_API docent_config_type docent_config_values_type(const docent_config_values *values, const char *key);
/** How many members an object has, or elements an array; 0 of anything else. Thread: any. */
DOCENT_API size_t docent_config_values_size(const docent_config_values *values, const char *key);
/** Gets a value. Returns DOCENT_OK; or, with *@ret_value as it was, DOCENT_ERR_NO_VALUE, DOCENT_ERR_WRONG_TYPE or DOCENT_ERR_INVALID_ARGUMENT. Strings are
 * UTF-8 and borrowed from @values. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_config_values_int(const docent_config_values *values, const char *key, int64_t *ret_value);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_config_values_real(const docent_config_values *values, const char *key, double *ret_value);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_config_values_bool(const docent_config_values *values, const char *key, bool *ret_value);
DOCENT_API DOCENT_MUST_CHECK docent_status docent_config_values_string(const docent_config_values *values, const char *key, const char **ret_value);
/** The value as JSON, without white space and with members in the order of strcmp(): *@ret_size (may be NULL) bytes, borrowed from @values; only the
 * whole document's (@key NULL) has a zero byte behind it. NULL: there is no such value. Thread: any. */
DOCENT_API const char *docent_config_values_json(const docent_config_values *values, const char *key, size_t *ret_size);
/** Calls @visit for every key but the whole document's, in the order of strcmp(), until it returns false. Keys are borrowed from @values. Thread:
 * any. */
DOCENT_API void docent_config_values_visit(const docent_config_values *values, bool (*visit)(const char *key, docent_config_type type, void *user),
                                           void *user);

/** @name as part of a key: with a backslash in front of what needs one, copied to @buffer as far as it fits into its @size bytes, with a zero
 * byte at the end; returns the whole length, so that it is cut short if that is not less than @size. Thread: any. */
DOCENT_API size_t docent_config_key_escape(const char *name, char *buffer, size_t size);

DOCENT_END

#endif
