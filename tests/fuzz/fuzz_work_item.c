/* tests/fuzz/fuzz_work_item.c - any bytes as an item of a work queue: they are refused, or come to elements inside of them that make the same
 * bytes again, up to the end. Then the same bytes as names: whatever they are, they have an order.
 *
 * Input: the frame, and behind the first zero byte of it a name. */
#include <stdlib.h>
#include <string.h>

#include "recipes/work_queue_frame.h"
#include "recipes/work_queue_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frame(const uint8_t *data, size_t size)
{
    size_t count = 0, again;
    if (docent_work_frame_read(data, size, NULL, &count) != NULL) return;
    docent_work_element *elements = malloc((count + 1) * sizeof *elements);
    if (docent_work_frame_read(data, size, elements, &again) != NULL || again != count) abort();
    for (size_t i = 0; i < count; i++) {
        const uint8_t *begin = elements[i].data;
        if (begin < data || begin > data + size || elements[i].size > (size_t)(data + size - begin)) abort();
    }
    size_t whole = docent_work_frame_size(elements, count);
    if (whole > size) abort();
    uint8_t *frame = malloc(whole);
    docent_work_frame_write(frame, elements, count);
    if (memcmp(frame, data, whole) != 0) abort();
    free(frame);
    free(elements);
}

static void check_names(const char *name, const char *other)
{
    for (docent_work_queue_kind kind = DOCENT_WORK_QUEUE_PLAIN; kind <= DOCENT_WORK_QUEUE_DELAY; kind++) {
        int order = docent_work_name_compare(kind, name, other), back = docent_work_name_compare(kind, other, name);
        if ((order < 0) != (back > 0) || (order == 0) != (strcmp(name, other) == 0)) abort();
    }
    if (docent_work_name_prefix(name) > strlen(name)) abort();
    if (docent_work_name_due(name) < 0) abort();
    (void)docent_work_name_is_exhausted(name);
    (void)docent_work_name_has_id(name, other);
    char *written = malloc(docent_work_name_room(name));
    docent_work_name_write(written, DOCENT_WORK_QUEUE_ID, name, 0, 0);
    if (!docent_work_name_has_id(written, name) || docent_work_name_prefix(written) > strlen(written)) abort();
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_frame(data, size);
    char *names = malloc(size + 2);
    if (size > 0) memcpy(names, data, size);
    names[size] = names[size + 1] = '\0';
    size_t first = strlen(names);
    check_names(names, first < size ? names + first + 1 : names + first);
    free(names);
    return 0;
}
