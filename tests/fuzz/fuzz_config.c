/* tests/fuzz/fuzz_config.c - any bytes as a configuration: documents of nodes, or a file. They are refused, or come to values that a file keeps
 * as they are.
 *
 * Input: the first byte says what the rest is: lines of "names" and a document in turn, a file as it is, or a file whose checksum is put right
 * first, so that what is behind it is reached. */
#include <sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/config.h"

enum fuzz_kind { FUZZ_NODES, FUZZ_FILE, FUZZ_FILE_SUMMED, FUZZ_KINDS };
static const struct config_limits limits = { 8, 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *fuzz_alloc(size_t size, void *user) { return (void)user, malloc(size); }
static void *fuzz_resize(void *block, size_t size, void *user) { return (void)user, realloc(block, size); }
static void fuzz_release(void *block, void *user) { (void)user, free(block); }
static const docent_allocator allocator = { fuzz_alloc, fuzz_resize, fuzz_release, NULL };

struct visit {
    const docent_config_values *values;
    const char *last;
    size_t count;
};

static bool on_value(const char *key, docent_config_type type, void *user)
{
    struct visit *visit = user;
    size_t size;
    if (visit->last != NULL && strcmp(visit->last, key) >= 0) abort();
    if (type != docent_config_values_type(visit->values, key) || type == DOCENT_CONFIG_NONE) abort();
    if (docent_config_values_json(visit->values, key, &size) == NULL || size == 0) abort();
    visit->last = key;
    visit->count++;
    return true;
}

/* What was read can be looked at, written, and read again. */
static void check_values(const docent_config_values *values)
{
    struct visit visit = { .values = values };
    docent_config_values_visit(values, on_value, &visit);
    const char **keys;
    size_t count, size;
    if (docent_config_values_diff(NULL, values, &allocator, &keys, &count) != DOCENT_OK || count > visit.count) abort();
    free(keys);
    if (docent_config_values_diff(values, values, &allocator, &keys, &count) != DOCENT_OK || count != 0) abort();
    free(keys);
    char *data;
    docent_config_values *again;
    struct config_reason reason;
    if (docent_config_encode(values, "/a", &allocator, &data, &size) != DOCENT_OK) abort();
    if (docent_config_decode(data, size, "/a", &limits, &allocator, &again, NULL, &reason) != DOCENT_OK) abort();
    if (!docent_config_values_equal(values, again)) abort();
    free(data);
    docent_config_values_unref(again);
}

static void fuzz_nodes(const char *text, size_t size)
{
    struct config_reason reason;
    json_t *whole = json_object();
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t line = end == NULL ? size : (size_t)(end - text);
        char names[256] = "";
        memcpy(names, text, line < sizeof names ? line : sizeof names - 1);
        size -= end == NULL ? line : line + 1;
        text += end == NULL ? line : line + 1;
        end = memchr(text, '\n', size);
        line = end == NULL ? size : (size_t)(end - text);
        json_t *json = NULL;
        if (docent_config_check_name(names, &reason) == DOCENT_OK && docent_config_parse(text, line, 0, &limits, &json, &reason) == DOCENT_OK &&
            json != NULL && (*names != '\0' || json_is_object(json))) {
            if (!docent_config_merge(whole, names, json)) abort();
        }
        json_decref(json);
        size -= end == NULL ? line : line + 1;
        text += end == NULL ? line : line + 1;
    }
    const struct config_origin origin = { .zxid = 1 };
    docent_config_values *values;
    if (docent_config_values_make(whole, &origin, &limits, &allocator, &values, &reason) == DOCENT_OK) {
        check_values(values);
        docent_config_values_unref(values);
    }
    json_decref(whole);
}

static void fuzz_file(char *text, size_t size, bool sums)
{
    static const char begins[] = "{\"docent_config\": 1, \"sha256\": \"";
    enum { BEGINS = sizeof begins - 1, LINE = BEGINS + 64 + 3 };
    struct config_reason reason;
    docent_config_values *values;
    if (sums && size >= LINE) {
        SHA2_CTX context;
        char hex[SHA256_DIGEST_STRING_LENGTH];
        memcpy(text, begins, BEGINS);
        SHA256Init(&context);
        SHA256Update(&context, (const uint8_t *)text + LINE, size - LINE);
        SHA256End(&context, hex);
        memcpy(text + BEGINS, hex, 64);
        memcpy(text + BEGINS + 64, "\"}\n", 3);
    }
    if (docent_config_decode(text, size, "/a", &limits, &allocator, &values, NULL, &reason) != DOCENT_OK) return;
    check_values(values);
    docent_config_values_unref(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    char *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    switch ((enum fuzz_kind)(data[0] % FUZZ_KINDS)) {
    case FUZZ_NODES: fuzz_nodes(copy, size - 1); break;
    case FUZZ_FILE: fuzz_file(copy, size - 1, false); break;
    case FUZZ_FILE_SUMMED: fuzz_file(copy, size - 1, true); break;
    case FUZZ_KINDS: abort();
    }
    free(copy);
    return 0;
}
