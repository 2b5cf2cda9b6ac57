/* core/client/result.c - results that outlive their callback: one block of memory, pointers into itself. */
#include <stdlib.h>
#include <string.h>

#include <docent/operation.h>

#include "core/client/machine.h"

/* Counts on the first pass (block NULL), copies on the second. */
struct copier {
    uint8_t *block;
    size_t size;
};

static void *copier_put(struct copier *copier, const void *data, size_t size)
{
    size_t at = (copier->size + 15) & ~(size_t)15;
    copier->size = at + size;
    if (copier->block == NULL) return NULL;
    if (size > 0) memcpy(copier->block + at, data, size);
    return copier->block + at;
}

static const char *copier_text(struct copier *copier, const char *text)
{
    return text == NULL ? NULL : copier_put(copier, text, strlen(text) + 1);
}

static void copier_fill(struct copier *copier, const docent_result *from, docent_result *to)
{
    to->path = copier_text(copier, from->path);
    if (from->data != NULL) to->data = copier_put(copier, from->data, from->size);

    const char **names = copier_put(copier, from->names, from->name_count * sizeof *names);
    for (size_t i = 0; i < from->name_count; i++) {
        const char *name = copier_text(copier, from->names[i]);
        if (names != NULL) names[i] = name;
    }
    to->names = names;

    docent_acl *entries = copier_put(copier, from->acl.entries, from->acl.count * sizeof *entries);
    for (size_t i = 0; i < from->acl.count; i++) {
        const char *scheme = copier_text(copier, from->acl.entries[i].scheme);
        const char *id = copier_text(copier, from->acl.entries[i].id);
        if (entries == NULL) continue;
        entries[i].scheme = scheme;
        entries[i].id = id;
    }
    to->acl.entries = entries;

    docent_result *results = copier_put(copier, from->results, from->result_count * sizeof *results);
    for (size_t i = 0; i < from->result_count; i++) {
        docent_result nothing = { 0 };
        copier_fill(copier, &from->results[i], results == NULL ? &nothing : &results[i]);
    }
    to->results = results;
}

docent_call_info docent_result_info(const docent_result *result)
{
    if (result == NULL) return (docent_call_info){ .attempts = 0 };
    return (docent_call_info){ result->attempts, result->elapsed_ms, result->last_cause };
}

/* Into what @alloc gives; one block. */
static docent_result *result_copy(const docent_result *result, void *(*alloc)(size_t size, const void *from), const void *from)
{
    struct copier copier = { NULL, 0 };
    docent_result measured = *result;
    copier_put(&copier, result, sizeof *result);
    copier_fill(&copier, result, &measured);

    copier.block = alloc(copier.size, from);
    if (copier.block == NULL) return NULL;
    copier.size = 0;
    docent_result *copy = copier_put(&copier, result, sizeof *result);
    copier_fill(&copier, result, copy);
    return copy;
}

static void *alloc_ours(size_t size, const void *from)
{
    return docent_alloc(from, size);
}

static void *alloc_plain(size_t size, const void *from)
{
    (void)from;
    return malloc(size);
}

docent_result *docent_result_keep(const docent_allocator *allocator, const docent_result *result)
{
    return result_copy(result, alloc_ours, allocator);
}

docent_result *docent_result_copy(const docent_result *result)
{
    return result == NULL ? NULL : result_copy(result, alloc_plain, NULL);
}

void docent_result_free(docent_result *result)
{
    free(result);
}
