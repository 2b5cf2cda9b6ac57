/* recipes/config_file.c - the file that a configuration falls back on. Three parts, a line each but the last:
 *
 *     {"docent_config": 1, "sha256": "<of all that follows this line, in hex>"}
 *     {"path": "<of the root node, at the servers>", "zxid": 4711, "root_czxid": 17, "root_ctime_ms": 1700000000000}
 *     {"the": "document", ...}
 *
 * The first line is compared byte by byte: whatever does not begin like that is not ours, and never written over. What begins like that and is
 * damaged cannot be used, and may be replaced.
 *
 * The file outlives the configuration while there is work under way: memory belongs to the owner, to the work and to its post, together. */
#include <sha2.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "recipes/config.h"

#define FILE_BEGINS "{\"docent_config\": 1, \"sha256\": \""
#define FILE_SUM_ENDS "\"}\n"
enum {
    SUM_SIZE = 2 * SHA256_DIGEST_LENGTH,
    LINE_SIZE = sizeof FILE_BEGINS - 1 + SUM_SIZE + sizeof FILE_SUM_ENDS - 1,
    ABOUT_MAX = 16384, /* Bytes of the second line. */
};

static void sum(const char *data, size_t size, char text[SUM_SIZE + 1])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)data, size);
    SHA256Final(digest, &context);
    for (size_t i = 0; i < sizeof digest; i++) sprintf(text + 2 * i, "%02x", digest[i]);
}

docent_status docent_config_encode(const docent_config_values *values, const char *path, const docent_allocator *allocator, char **ret_data,
                                   size_t *ret_size)
{
    const struct config_origin *origin = docent_config_values_origin(values);
    size_t text_size;
    const char *text = docent_config_values_json(values, NULL, &text_size);
    json_t *about = json_pack("{s:s, s:I, s:I, s:I}", "path", path, "zxid", (json_int_t)origin->zxid, "root_czxid", (json_int_t)origin->root_czxid,
                              "root_ctime_ms", (json_int_t)origin->root_ctime_ms);
    char *line = about == NULL ? NULL : json_dumps(about, 0);
    json_decref(about);
    size_t line_size = line == NULL ? 0 : strlen(line), size = LINE_SIZE + line_size + 1 + text_size + 1;
    char *data = line == NULL ? NULL : docent_alloc(allocator, size + 1);
    if (data != NULL) {
        char hex[SUM_SIZE + 1];
        char *at = data + LINE_SIZE;
        memcpy(at, line, line_size);
        at[line_size] = '\n';
        memcpy(at + line_size + 1, text, text_size);
        at[line_size + 1 + text_size] = '\n';
        sum(at, size - LINE_SIZE, hex);
        memcpy(data, FILE_BEGINS, sizeof FILE_BEGINS - 1);
        memcpy(data + sizeof FILE_BEGINS - 1, hex, SUM_SIZE);
        memcpy(data + sizeof FILE_BEGINS - 1 + SUM_SIZE, FILE_SUM_ENDS, sizeof FILE_SUM_ENDS - 1);
        *ret_data = data;
        *ret_size = size;
    }
    free(line);
    return data == NULL ? DOCENT_ERR_NO_MEMORY : DOCENT_OK;
}

static bool get_integer(const json_t *about, const char *name, int64_t *ret_value)
{
    const json_t *value = json_object_get(about, name);
    *ret_value = json_integer_value(value);
    return json_is_integer(value);
}

/* Everything but the document, which begins at *@ret_document. */
static docent_status decode_about(const char *data, size_t size, const char *path, struct config_origin *ret_origin, const char **ret_document,
                                  bool *ret_foreign, struct config_reason *reason)
{
    char hex[SUM_SIZE + 1];
    *ret_foreign = size > 0; /* An empty one is nobody's. */
    docent_config_say(reason, size == 0 ? "it is empty" : "it is not a configuration's file");
    if (size < LINE_SIZE || memcmp(data, FILE_BEGINS, sizeof FILE_BEGINS - 1) != 0) return DOCENT_ERR_CORRUPT_DATA;
    *ret_foreign = false;
    const char *rest = data + LINE_SIZE;
    sum(rest, size - LINE_SIZE, hex);
    docent_config_say(reason, "it is damaged: its checksum is not that of what it has");
    if (memcmp(data + sizeof FILE_BEGINS - 1, hex, SUM_SIZE) != 0 ||
        memcmp(rest - sizeof FILE_SUM_ENDS + 1, FILE_SUM_ENDS, sizeof FILE_SUM_ENDS - 1) != 0) {
        return DOCENT_ERR_CORRUPT_DATA;
    }
    const char *end = memchr(rest, '\n', size - LINE_SIZE < ABOUT_MAX ? size - LINE_SIZE : ABOUT_MAX);
    json_t *about = end == NULL ? NULL : json_loadb(rest, (size_t)(end - rest), 0, NULL);
    const char *its_path = json_string_value(json_object_get(about, "path"));
    docent_status status = DOCENT_ERR_CORRUPT_DATA;
    *ret_origin = (struct config_origin){ .source = DOCENT_CONFIG_FROM_FILE };
    if (its_path == NULL || !get_integer(about, "zxid", &ret_origin->zxid) || !get_integer(about, "root_czxid", &ret_origin->root_czxid) ||
        !get_integer(about, "root_ctime_ms", &ret_origin->root_ctime_ms)) {
        docent_config_say(reason, "it does not say what it has");
    } else if (strcmp(its_path, path) != 0) {
        *ret_foreign = true;
        docent_config_say(reason, "it is the configuration of another path");
    } else {
        status = DOCENT_OK;
        *ret_document = end + 1;
    }
    json_decref(about);
    return status;
}

docent_status docent_config_decode(const char *data, size_t size, const char *path, const struct config_limits *limits,
                                   const docent_allocator *allocator, docent_config_values **ret_values, bool *ret_foreign,
                                   struct config_reason *reason)
{
    struct config_origin origin;
    const char *document;
    bool foreign;
    docent_status status = decode_about(data, size, path, &origin, &document, &foreign, reason);
    if (ret_foreign != NULL) *ret_foreign = foreign;
    if (status != DOCENT_OK) return status;
    json_t *json = NULL;
    status = docent_config_parse(document, size - (size_t)(document - data), 0, limits, &json, reason);
    if (status == DOCENT_OK && !json_is_object(json)) {
        docent_config_say(reason, "its document is no object");
        status = DOCENT_ERR_CORRUPT_DATA;
    }
    if (status == DOCENT_OK) status = docent_config_values_make(json, &origin, limits, allocator, ret_values, reason);
    json_decref(json);
    return status;
}

/* Transactions are counted by the ensemble, and anew when it has been set up anew: then the root is another, and only its servers' clocks tell
 * which came later. */
bool docent_config_is_newer(const struct config_origin *new, const struct config_origin *old)
{
    if (new->root_czxid == old->root_czxid) return new->zxid >= old->zxid;
    return new->root_ctime_ms >= old->root_ctime_ms;
}

/* ---- The work. ---- */

struct config_file {
    struct docent_file_job job;
    struct docent_post post;
    _Atomic unsigned references; /* The owner's, the work's, the post's. */
    docent_allocator allocator;  /* A copy. */
    struct docent_files *files;
    char *name, *path;
    struct config_limits limits;
    docent_thread_mutex mutex;    /* For client, while work is under way. */
    docent_client *client; /* To be told; NULL: closed. */
    void (*done)(const struct config_file_done *done, void *user);
    void *user;
    bool busy;             /* The loop's. */
    /* Of the work. */
    bool writes;
    docent_status status;
    const docent_config_values *values;
    struct config_reason reason;
};

static void file_unref(struct config_file *f)
{
    if (atomic_fetch_sub(&f->references, 1) > 1) return;
    docent_allocator allocator = f->allocator;
    struct docent_files *files = f->files;
    docent_config_values_unref(f->values);
    docent_thread_mutex_free(&f->mutex);
    docent_free(&allocator, f->name);
    docent_free(&allocator, f->path);
    docent_free(&allocator, f);
    docent_files_put(files);
}

static size_t size_max(const struct config_file *f)
{
    return f->limits.bytes_max + LINE_SIZE + ABOUT_MAX;
}

static docent_status may_replace(const char *old, size_t old_size, void *user)
{
    struct config_file *f = user;
    struct config_origin origin;
    const char *document;
    bool foreign;
    docent_status status = decode_about(old, old_size, f->path, &origin, &document, &foreign, &f->reason);
    if (status != DOCENT_OK) return foreign ? status : DOCENT_OK;
    if (docent_config_is_newer(docent_config_values_origin(f->values), &origin)) return DOCENT_OK;
    docent_config_say(&f->reason, "what it has is newer");
    return DOCENT_ERR_BAD_VERSION;
}

static void file_write(struct config_file *f)
{
    char *data;
    size_t size;
    f->status = docent_config_encode(f->values, f->path, &f->allocator, &data, &size);
    if (f->status == DOCENT_OK) {
        f->status = docent_file_replace(f->name, data, size, size_max(f), &f->allocator, may_replace, f, f->reason.text, sizeof f->reason.text);
        docent_free(&f->allocator, data);
        if (f->status == DOCENT_ERR_TOO_LARGE) f->status = DOCENT_ERR_CORRUPT_DATA; /* What is there is none of ours. */
    } else {
        docent_config_say(&f->reason, "%s", docent_status_text(f->status));
    }
    if (f->status == DOCENT_OK) f->reason.text[0] = '\0';
}

static void file_read(struct config_file *f)
{
    char *data;
    size_t size;
    docent_config_values *values;
    f->status = docent_file_read(f->name, size_max(f), &f->allocator, &data, &size, f->reason.text, sizeof f->reason.text);
    if (f->status != DOCENT_OK) return;
    f->status = docent_config_decode(data, size, f->path, &f->limits, &f->allocator, &values, NULL, &f->reason);
    if (f->status == DOCENT_OK) f->values = values;
    if (f->status == DOCENT_ERR_NO_MEMORY) docent_config_say(&f->reason, "%s", docent_status_text(f->status));
    docent_free(&f->allocator, data);
}

/* On the thread for files. */
static void file_work(struct docent_file_job *job)
{
    struct config_file *f = (struct config_file *)((char *)job - offsetof(struct config_file, job));
    if (f->writes) {
        file_write(f);
    } else {
        file_read(f);
    }
    docent_thread_mutex_lock(&f->mutex);
    if (f->client != NULL) {
        const struct docent_host *host = docent_client_host(f->client);
        atomic_fetch_add(&f->references, 1);
        if (host->post(host->user, &f->post, false) != DOCENT_OK) atomic_fetch_sub(&f->references, 1);
    }
    docent_thread_mutex_unlock(&f->mutex);
    file_unref(f);
}

static void file_posted(struct docent_post *post)
{
    struct config_file *f = (struct config_file *)((char *)post - offsetof(struct config_file, post));
    const docent_config_values *values = f->values;
    const struct config_file_done done = { .wrote = f->writes, .status = f->status, .values = values, .reason = f->reason.text };
    f->values = NULL;
    f->busy = false;
    if (f->client != NULL) f->done(&done, f->user);
    docent_config_values_unref(values);
    file_unref(f);
}

docent_status docent_config_file_new(docent_client *client, const char *name, const char *path, const struct config_limits *limits,
                                     void (*done)(const struct config_file_done *done, void *user), void *user, struct config_file **ret_file)
{
    const docent_allocator *allocator = docent_client_allocator(client);
    const char *chroot = docent_client_chroot(client);
    struct config_file *f = docent_alloc(allocator, sizeof *f);
    if (f == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(f, 0, sizeof *f);
    f->job.work = file_work;
    f->post.run = file_posted;
    atomic_store(&f->references, 1);
    f->allocator = *allocator;
    f->limits = *limits;
    docent_thread_mutex_init(&f->mutex);
    f->client = client;
    f->done = done;
    f->user = user;
    f->name = docent_strdup(allocator, name);
    f->path = docent_alloc(allocator, strlen(chroot) + strlen(path) + 1);
    f->files = docent_files_get();
    if (f->name == NULL || f->path == NULL || f->files == NULL) {
        file_unref(f);
        return DOCENT_ERR_NO_MEMORY;
    }
    sprintf(f->path, "%s%s", chroot, path);
    *ret_file = f;
    return DOCENT_OK;
}

bool docent_config_file_is_busy(const struct config_file *f)
{
    return f != NULL && f->busy;
}

static docent_status file_submit(struct config_file *f, bool writes, const docent_config_values *values)
{
    f->writes = writes;
    f->values = docent_config_values_ref(values);
    f->reason.text[0] = '\0';
    atomic_fetch_add(&f->references, 1);
    docent_status status = docent_files_submit(f->files, &f->job);
    f->busy = status == DOCENT_OK;
    if (f->busy) return DOCENT_OK;
    docent_config_values_unref(f->values);
    f->values = NULL;
    atomic_fetch_sub(&f->references, 1);
    return status;
}

docent_status docent_config_file_load(struct config_file *f)
{
    return file_submit(f, false, NULL);
}

docent_status docent_config_file_store(struct config_file *f, const docent_config_values *values)
{
    return file_submit(f, true, values);
}

void docent_config_file_close(struct config_file *f, bool forked)
{
    if (f == NULL) return;
    if (forked) { /* The work, and what it may have locked, are the parent's; its share in the memory stays. */
        f->client = NULL;
    } else {
        docent_thread_mutex_lock(&f->mutex);
        f->client = NULL;
        docent_thread_mutex_unlock(&f->mutex);
    }
    file_unref(f);
}
