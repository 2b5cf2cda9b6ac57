/* core/session/servers.c - see servers.h. */
#include "core/session/servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t docent_random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

bool docent_address_equal(const struct docent_address *a, const struct docent_address *b)
{
    return a->family == b->family && a->port == b->port && a->scope == b->scope &&
           memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

const char *docent_address_text(const struct docent_address *address, char text[DOCENT_ADDRESS_TEXT])
{
    const uint8_t *ip = address->ip;
    if (address->family == 4) {
        snprintf(text, DOCENT_ADDRESS_TEXT, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3], address->port);
        return text;
    }
    /* The longest run of zero groups is shortened to "::" (RFC 5952). */
    int best = -1, best_length = 1;
    for (int i = 0; i < 8; i++) {
        int length = 0;
        while (i + length < 8 && ip[2 * (i + length)] == 0 && ip[2 * (i + length) + 1] == 0) length++;
        if (length > best_length) {
            best = i;
            best_length = length;
        }
    }
    char *p = text;
    *p++ = '[';
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            *p++ = ':';
            if (i + best_length == 8) *p++ = ':';
            i += best_length - 1;
            continue;
        }
        p += sprintf(p, i > 0 ? ":%x" : "%x", ip[2 * i] << 8 | ip[2 * i + 1]);
    }
    if (address->scope != 0) p += sprintf(p, "%%%u", address->scope);
    sprintf(p, "]:%u", address->port);
    return text;
}

/* An address's place in the order: a hash of it with the seed. */
static uint64_t servers_place(uint64_t seed, const struct docent_address *address)
{
    uint64_t hash = seed;
    for (size_t i = 0; i < sizeof address->ip; i++) {
        hash ^= address->ip[i];
        (void)docent_random_next(&hash);
        hash = docent_random_next(&hash);
    }
    hash ^= (uint64_t)address->port << 32 | address->scope;
    return docent_random_next(&hash);
}

void docent_servers_init(struct servers *servers, const docent_allocator *allocator, uint64_t seed)
{
    memset(servers, 0, sizeof *servers);
    servers->allocator = allocator;
    servers->seed = seed;
    servers->random = ~seed;
}

void docent_servers_free(struct servers *servers)
{
    servers->allocator->release(servers->addresses, servers->allocator->user);
    servers->addresses = NULL;
    servers->count = 0;
}

/* @addresses in their order, each once. NULL: there are none, or there is no memory. */
static struct docent_address *list_make(const struct servers *servers, const struct docent_address *addresses, size_t count,
                                        size_t *ret_count)
{
    if (count == 0) return NULL;
    if (count > SERVERS_MAX) count = SERVERS_MAX;
    struct docent_address *list = servers->allocator->alloc(count * sizeof *list, servers->allocator->user);
    if (list == NULL) return NULL;

    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t place = servers_place(servers->seed, &addresses[i]);
        size_t at = 0;
        while (at < n && servers_place(servers->seed, &list[at]) < place) at++;
        if (at < n && docent_address_equal(&list[at], &addresses[i])) continue; /* Two names of one server. */
        memmove(&list[at + 1], &list[at], (n - at) * sizeof *list);
        list[at] = addresses[i];
        n++;
    }
    *ret_count = n;
    return list;
}

static void list_take_over(struct servers *servers, struct docent_address *list, size_t count)
{
    servers->allocator->release(servers->addresses, servers->allocator->user);
    servers->addresses = list;
    servers->count = count;
    servers->next %= count;
    if (servers->left > count) servers->left = count;
    servers->drawn = false;
}

void docent_servers_set(struct servers *servers, const struct docent_address *addresses, size_t count)
{
    size_t n;
    struct docent_address *list = list_make(servers, addresses, count, &n);
    if (list != NULL) list_take_over(servers, list, n);
}

/* ---- A new list. ---- */

/* Its place in @list; @count: it has none. */
static size_t list_find(const struct docent_address *list, size_t count, const struct docent_address *address)
{
    size_t at = 0;
    while (at < count && !docent_address_equal(&list[at], address)) at++;
    return at;
}

static double draw(struct servers *servers)
{
    return (double)(docent_random_next(&servers->random) >> 11) * 0x1p-53;
}

/* Of the added ones, or of the others, the first from @at on. */
static size_t list_next(const struct servers *servers, const struct docent_address *list, size_t count, bool added, size_t at)
{
    while (at < count && (list_find(servers->addresses, servers->count, &list[at]) == servers->count) != added) at++;
    return at;
}

/* Every try goes to an added server with the probability @odds, to another else, for as long as there are both. */
static void list_draw(struct servers *servers, const struct docent_address *list, size_t count, double odds, struct docent_address *order)
{
    size_t added = list_next(servers, list, count, true, 0);
    size_t known = list_next(servers, list, count, false, 0);

    for (size_t i = 0; i < count; i++) {
        if (known == count || (added < count && draw(servers) < odds)) {
            order[i] = list[added];
            added = list_next(servers, list, count, true, added + 1);
        } else {
            order[i] = list[known];
            known = list_next(servers, list, count, false, known + 1);
        }
    }
}

bool docent_servers_update(struct servers *servers, const struct docent_address *current, const struct docent_address *addresses,
                           size_t count)
{
    size_t after, both = 0, before = servers->count;
    struct docent_address *list = list_make(servers, addresses, count, &after);
    if (list == NULL) return false;
    bool connected = current != NULL;
    if (before == 0) {
        list_take_over(servers, list, after);
        return connected && list_find(list, after, current) == after;
    }
    struct docent_address own = connected ? *current : servers->addresses[servers->next];
    size_t place = list_find(list, after, &own);
    for (size_t i = 0; i < after; i++) both += list_find(servers->addresses, before, &list[i]) < before;

    bool moves = place == after;
    double odds = 1;
    if (after > before) {
        if (!moves) moves = draw(servers) < 1 - (double)before / (double)after;
    } else if (moves && before > both) {
        odds = 1 - (double)both * (double)(before - after) / ((double)after * (double)(before - both));
    }
    if (!moves) {
        list_take_over(servers, list, after);
        servers->next = connected ? (place + 1) % after : place;
        return false;
    }
    struct docent_address *order = servers->allocator->alloc(after * sizeof *order, servers->allocator->user);
    if (order == NULL) {
        servers->allocator->release(list, servers->allocator->user);
        return false;
    }
    list_draw(servers, list, after, odds, order);
    servers->allocator->release(list, servers->allocator->user);
    list_take_over(servers, order, after);
    servers->drawn = true;
    servers->next = 0;
    if (connected) servers->left = after;
    return true;
}

void docent_servers_settle(struct servers *servers, const struct docent_address *address)
{
    if (!servers->drawn) return;
    struct docent_address here = *address; /* It may be in the list. */
    docent_servers_set(servers, servers->addresses, servers->count);
    if (servers->drawn) return; /* No memory. This order will do. */
    size_t place = list_find(servers->addresses, servers->count, &here);
    if (place < servers->count) servers->next = (place + 1) % servers->count;
}

const struct docent_address *docent_servers_take(struct servers *servers)
{
    if (servers->left == 0 || servers->count == 0) return NULL;
    servers->left--;
    const struct docent_address *address = &servers->addresses[servers->next];
    servers->next = (servers->next + 1) % servers->count;
    return address;
}

void docent_servers_prefer(struct servers *servers, const struct docent_address *address)
{
    for (size_t i = 0; i < servers->count; i++) {
        if (!docent_address_equal(&servers->addresses[i], address)) continue;
        servers->next = i;
        if (servers->left == 0) servers->left = 1;
    }
}

uint64_t docent_servers_rest(struct servers *servers, uint64_t now_ms)
{
    uint64_t rest = SERVERS_REST_BASE_MS;
    for (uint32_t i = 0; i < servers->rests && rest < SERVERS_REST_MAX_MS; i++) rest *= 2;
    if (rest > SERVERS_REST_MAX_MS) rest = SERVERS_REST_MAX_MS;
    if (servers->rests < UINT32_MAX) servers->rests++;
    /* Half of it for certain, so that refused connections never make a busy loop. */
    servers->rest_until_ms = now_ms + rest / 2 + docent_random_next(&servers->random) % (rest / 2 + 1);
    return servers->rest_until_ms;
}

void docent_servers_begin_sweep(struct servers *servers)
{
    servers->left = servers->count;
}

void docent_servers_good(struct servers *servers)
{
    servers->rests = 0;
    servers->rest_until_ms = 0;
    servers->left = servers->count;
}
