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

void docent_servers_set(struct servers *servers, const struct docent_address *addresses, size_t count)
{
    if (count == 0) return;
    if (count > SERVERS_MAX) count = SERVERS_MAX;
    struct docent_address *list = servers->allocator->alloc(count * sizeof *list, servers->allocator->user);
    if (list == NULL) return;

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
    servers->allocator->release(servers->addresses, servers->allocator->user);
    servers->addresses = list;
    servers->count = n;
    servers->next %= n;
    if (servers->left > n) servers->left = n;
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
