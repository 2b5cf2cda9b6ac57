/* core/wire/wire.c - what of the codec is not inline: growing, and the parts of lists. See inline.h. */
#include "core/wire/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_CAPACITY_MIN = 256 };

bool docent_wire_grow(struct wire_out *out, size_t more)
{
    if (out->failed) return false;
    uint8_t *data = NULL;
    if (more <= SIZE_MAX / 4 && out->size <= SIZE_MAX / 4) { /* Nothing below overflows then. */
        size_t capacity = out->capacity < OUT_CAPACITY_MIN ? OUT_CAPACITY_MIN : out->capacity;
        while (capacity < out->size + more) {
            capacity *= 2;
        }
        data = out->allocator != NULL ? out->allocator->resize(out->data, capacity, out->allocator->user)
                                      : realloc(out->data, capacity);
        if (data != NULL) {
            out->data = data;
            out->capacity = capacity;
        }
    }
    out->failed = data == NULL;
    return !out->failed;
}

bool docent_wire_get_read_only(struct wire_in *in, bool *ret_read_only)
{
    *ret_read_only = false;
    if (in->size == 0) return false;
    *ret_read_only = docent_wire_get_bool(in);
    return true;
}

/* ---- The parts of lists, and values. ---- */

/* A decoded list was checked; one that was put together by hand ends where it stops making sense. */
static inline bool list_next(wire_list *list, struct wire_in *ret_in)
{
    if (list->count <= 0) return false;
    *ret_in = docent_wire_in(list->data, list->size);
    return true;
}

static inline bool list_step(wire_list *list, const struct wire_in *in)
{
    list->data = in->data;
    list->size = in->size;
    list->count = in->failed ? 0 : list->count - 1;
    return !in->failed;
}

bool docent_wire_list_next_string(wire_list *list, wire_bytes *ret_string)
{
    struct wire_in in;
    if (!list_next(list, &in)) return false;
    wire_bytes string = docent_wire_get_string(&in);
    if (!list_step(list, &in)) return false;
    *ret_string = string;
    return true;
}

bool docent_wire_list_next_acl(wire_list *list, struct wire_acl *ret_acl)
{
    struct wire_in in;
    struct wire_acl acl;
    if (!list_next(list, &in)) return false;
    docent_wire_get_acl(&in, &acl);
    if (!list_step(list, &in)) return false;
    *ret_acl = acl;
    return true;
}

bool docent_wire_list_next_client(wire_list *list, struct wire_client_info *ret_client)
{
    struct wire_in in;
    struct wire_client_info client;
    if (!list_next(list, &in)) return false;
    docent_wire_get_client_info(&in, &client);
    if (!list_step(list, &in)) return false;
    *ret_client = client;
    return true;
}

wire_bytes docent_wire_string(const char *text)
{
    return docent_wire_buffer(text, text != NULL ? strlen(text) : 0);
}

wire_bytes docent_wire_buffer(const void *data, size_t size)
{
    if (data == NULL) return WIRE_NULL_BYTES;
    assert(size <= INT32_MAX);
    return (wire_bytes){ data, (int32_t)size };
}

void docent_wire_out_free(struct wire_out *out)
{
    if (out->allocator != NULL) {
        out->allocator->release(out->data, out->allocator->user);
    } else {
        free(out->data);
    }
    const docent_allocator *allocator = out->allocator;
    *out = (struct wire_out){ .allocator = allocator };
}
