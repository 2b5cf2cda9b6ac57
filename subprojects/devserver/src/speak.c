/* src/speak.c - see speak.h. 3.8 is the distribution's 3.8.0, which has the filter of events of 3.8.4; 3.9 is 3.9.5. */
#include "speak.h"

#include <stddef.h>
#include <string.h>

#include "core/wire/wire.h"

#define BUILT "-docent, built on 2026-01-01 00:00 UTC"

static const struct speak releases[SPEAK_RELEASES] = {
    [SPEAK_3_4] = { "3.4", "3.4.14" BUILT, 4, 3, WIRE_WATCHER_ANY, .short_handshake = true },
    [SPEAK_3_5] = { "3.5", "3.5.10" BUILT, 5, 6, WIRE_WATCHER_ANY, .short_handshake = false },
    [SPEAK_3_6] = { "3.6", "3.6.4" BUILT, 6, 6, WIRE_WATCHER_ANY, .short_handshake = false },
    [SPEAK_3_8] = { "3.8", "3.8.0" BUILT, 8, 6, WIRE_WATCHER_ANY, .events_filtered = true },
    [SPEAK_3_9] = { "3.9", "3.9.5" BUILT, 9, 6, WIRE_WATCHER_RECURSIVE, .events_filtered = true, .exists_filtered = true, .event_zxid = true,
                    .modes_apart = true, .create2_in_multi = true, .multi_flags_whole = true },
};

/* Requests that came after 3.4, and with what. */
static const struct {
    int32_t op;
    int minor;
} later[] = {
    { WIRE_OP_CREATE2, 5 },          { WIRE_OP_RECONFIG, 5 },   { WIRE_OP_CHECK_WATCHES, 5 },  { WIRE_OP_REMOVE_WATCHES, 5 },
    { WIRE_OP_CREATE_CONTAINER, 5 }, { WIRE_OP_DELETE_CONTAINER, 5 }, { WIRE_OP_CREATE_TTL, 5 }, { WIRE_OP_MULTI_READ, 6 },
    { WIRE_OP_GET_EPHEMERALS, 6 },   { WIRE_OP_GET_ALL_CHILDREN_NUMBER, 6 }, { WIRE_OP_SET_WATCHES2, 6 }, { WIRE_OP_ADD_WATCH, 6 },
    { WIRE_OP_WHO_AM_I, 7 },
};

const struct speak *docent_speak(enum speak_release release)
{
    return &releases[release];
}

bool docent_speak_find(const char *name, enum speak_release *ret_release)
{
    for (int i = 0; i < SPEAK_RELEASES; i++) {
        if (strcmp(releases[i].name, name) != 0) continue;
        *ret_release = (enum speak_release)i;
        return true;
    }
    return false;
}

bool docent_speak_knows(const struct speak *speak, int32_t op)
{
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        if (later[i].op == op) return speak->minor >= later[i].minor;
    }
    return true; /* Or no release does. */
}
