/* recipes/work_queue_frame.c - see work_queue_frame.h. */
#include "recipes/work_queue_frame.h"

#include <string.h>

enum { VERSION = 0x00010001, VERSION_SIZE = 4, OPCODE_ITEM = 1, OPCODE_END = 2, LENGTH_SIZE = 4 };

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

size_t docent_work_frame_size(const docent_work_element *elements, size_t count)
{
    size_t size = VERSION_SIZE + 1;
    for (size_t i = 0; i < count; i++) {
        if (elements[i].size > INT32_MAX || size > INT32_MAX) return SIZE_MAX; /* The length of a node's data has 31 bits. */
        size += 1 + LENGTH_SIZE + elements[i].size;
    }
    return size > INT32_MAX ? SIZE_MAX : size;
}

void docent_work_frame_write(uint8_t *frame, const docent_work_element *elements, size_t count)
{
    put32(frame, VERSION);
    frame += VERSION_SIZE;
    for (size_t i = 0; i < count; i++) {
        *frame++ = OPCODE_ITEM;
        put32(frame, (uint32_t)elements[i].size);
        frame += LENGTH_SIZE;
        if (elements[i].size > 0) memcpy(frame, elements[i].data, elements[i].size);
        frame += elements[i].size;
    }
    *frame = OPCODE_END;
}

const char *docent_work_frame_read(const void *frame, size_t size, docent_work_element *elements, size_t *ret_count)
{
    const uint8_t *at = frame;
    size_t left = size, count = 0;
    if (left < VERSION_SIZE) return "no version";
    if (get32(at) != VERSION) return "an unknown version";
    at += VERSION_SIZE;
    left -= VERSION_SIZE;
    for (;; count++) {
        if (left < 1) return "no end";
        uint8_t opcode = *at;
        if (opcode == OPCODE_END) break;
        if (opcode != OPCODE_ITEM) return "an unknown opcode";
        if (left < 1 + LENGTH_SIZE) return "an element without a length";
        uint32_t length = get32(at + 1);
        at += 1 + LENGTH_SIZE;
        left -= 1 + LENGTH_SIZE;
        if (length > INT32_MAX) return "a negative length";
        if (length > left) return "an element that is cut short";
        if (elements != NULL) elements[count] = (docent_work_element){ .data = at, .size = length };
        at += length;
        left -= length;
    }
    *ret_count = count;
    return NULL;
}
