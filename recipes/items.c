/* recipes/items.c - see items.h. */
#include "recipes/items.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/trouble.h"

enum { TAG_NAMES, TAG_CLAIMS, TAG_LOOK };

enum {
    ITEMS_NAMES_PER_MS = 100, /* Of a listing that little came of, for each of which so much time passes before the next... */
    ITEMS_REST_MAX_MS = 1000, /* ... and at most this. */
    ITEMS_CLAIMS_MS = 20,     /* Between two listings that only changes among the claims are the reason for. */
};

/* ---- Order. ---- */

static int items_compare(const struct items *items, const char *a, const char *b)
{
    int order = items->config.order->compare(a, b);
    return order != 0 ? order : strcmp(a, b);
}

static void items_sift(const struct items *items, const char **names, size_t root, size_t count)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && items_compare(items, names[child], names[child + 1]) < 0) child++;
        if (items_compare(items, names[root], names[child]) >= 0) return;
        const char *swapped = names[root];
        names[root] = names[child];
        names[child] = swapped;
        root = child;
    }
}

/* In place: qsort() may allocate. */
static void items_sort(const struct items *items, const char **names, size_t count)
{
    for (size_t i = count / 2; i-- > 0;) items_sift(items, names, i, count);
    for (size_t end = count; end-- > 1;) {
        const char *last = names[end];
        names[end] = names[0];
        names[0] = last;
        items_sift(items, names, 0, end);
    }
}

/* Where @name stands among those sorted, or @count. */
static size_t items_find(const struct items *items, const char **names, size_t count, const char *name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = items_compare(items, names[middle], name);
        if (order == 0) return middle;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return count;
}

static void items_reverse(const char **names, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const char *swapped = names[i];
        names[i] = names[count - 1 - i];
        names[count - 1 - i] = swapped;
    }
}

static void items_rotate(const struct items *items, const char **names, size_t count)
{
    char uuid[37], digits[9];
    if (count < 2) return;
    docent_client_uuid(items->config.client, uuid);
    memcpy(digits, uuid, 8);
    digits[8] = '\0';
    size_t by = strtoul(digits, NULL, 16) % count;
    items_reverse(names, by);
    items_reverse(names + by, count - by);
    items_reverse(names, count);
}

bool docent_items_read_number(const char *text, int64_t *ret_number)
{
    bool negative = text[0] == '-';
    const char *digits = text + (negative ? 1 : 0);
    int64_t number = 0;
    if (strlen(digits) != 10) return false;
    for (size_t i = 0; i < 10; i++) {
        if (digits[i] < '0' || digits[i] > '9') return false;
        number = number * 10 + (digits[i] - '0');
    }
    *ret_number = negative ? (INT64_C(1) << 32) - number : number;
    return true;
}

/* ---- The window. ---- */

static void items_free(struct items *items, void *block)
{
    docent_free(docent_client_allocator(items->config.client), block);
}

static void items_drop_claims(struct items *items)
{
    items_free(items, items->claims);
    items->claims = NULL;
}

static void items_drop_window(struct items *items)
{
    items_free(items, items->listing);
    items->listing = NULL;
    items->names = NULL;
    items->head = items->count = 0;
}

/* The items among @names, to the front. */
static size_t items_filter(const struct items *items, const char **names, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (items->config.order->is_item(names[i])) names[kept++] = names[i];
    }
    return kept;
}

/* How many children a node has had: a server's cversion counts those that came and those that went. */
static int64_t items_created(const docent_stat *stat)
{
    return ((int64_t)stat->cversion + stat->num_children) / 2;
}

/* Makes the window of @listing, which is ours from now on. False: no memory, and nothing has changed. */
static bool items_fill(struct items *items, docent_result *listing)
{
    size_t out_count = 0, claim_count = 0;
    for (const struct items_out *out = items->outs; out != NULL; out = out->next) out_count++;
    const char **outs = docent_alloc_array(docent_client_allocator(items->config.client), out_count + 1, sizeof *outs);
    if (outs == NULL) return false;
    out_count = 0;
    for (const struct items_out *out = items->outs; out != NULL; out = out->next) outs[out_count++] = out->name;
    items_sort(items, outs, out_count);

    const char **claims = NULL;
    if (items->claims != NULL) {
        claims = (const char **)(uintptr_t)items->claims->names;
        claim_count = items_filter(items, claims, items->claims->name_count);
        items_sort(items, claims, claim_count);
    }
    items_drop_window(items);
    items->listing = listing;
    items->size = listing->name_count;
    items->taken = items->skipped = items->handed = 0;
    items->refused = false;
    items->czxid = listing->stat.czxid;
    items->created = items_created(&listing->stat);
    const char **names = (const char **)(uintptr_t)listing->names;
    size_t count = items_filter(items, names, listing->name_count), kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (items_find(items, outs, out_count, names[i]) < out_count) continue;
        if (items_find(items, claims, claim_count, names[i]) < claim_count) {
            items->skipped++;
        } else {
            names[kept++] = names[i];
        }
    }
    items_sort(items, names, kept);
    if (items->config.scatter) items_rotate(items, names, kept);
    items->names = names;
    items->count = kept;
    items_free(items, outs);
    return true;
}

enum { ITEMS_LOOK_BACK = 1024 };

/* Back into the window. What was taken out stands in front of it still; if that was another window, there has to be a new listing. */
static void items_restore(struct items *items, const char *name)
{
    size_t last = items->head < ITEMS_LOOK_BACK ? 0 : items->head - ITEMS_LOOK_BACK, at = items->head;
    while (at > last && strcmp(items->names[at - 1], name) != 0) at--;
    if (at == last) {
        items->changed = true;
        items_drop_window(items);
        return;
    }
    const char *restored = items->names[at - 1];
    memmove(&items->names[at - 1], &items->names[at], (items->head - at) * sizeof *items->names);
    at = --items->head;
    if (!items->config.scatter) {
        while (at + 1 < items->count && items_compare(items, items->names[at + 1], restored) < 0) {
            items->names[at] = items->names[at + 1];
            at++;
        }
    }
    items->names[at] = restored;
}

/* ---- When to list. ---- */

static uint64_t items_now(const struct items *items)
{
    return docent_client_now(items->config.client);
}

static uint64_t items_rest_of(const struct items *items)
{
    uint64_t rest = items->size / ITEMS_NAMES_PER_MS;
    return rest < ITEMS_REST_MAX_MS ? rest : ITEMS_REST_MAX_MS;
}

/* How long a listing that little came of keeps the next one off. */
static uint64_t items_rest_ms(const struct items *items)
{
    return items->taken >= items->size / 8 ? 0 : items_rest_of(items);
}

/* When the next listing is due, by what is known now. UINT64_MAX: something has to happen first. */
static uint64_t items_due(const struct items *items)
{
    uint64_t rest = items_rest_ms(items), pause = UINT64_MAX;
    if (!items->listed) return 0;
    if (items->head < items->count) {
        bool enough = items->waits || items->handed >= items->config.fresh_items;
        if (items->changed && items->config.fresh_ms != DOCENT_FOREVER && enough) {
            rest = items_rest_of(items);
            pause = items->config.fresh_ms > rest ? items->config.fresh_ms : rest;
        }
    } else if (items->changed) {
        pause = rest;
    } else if (items->skipped > 0 && items->claims_changed && !items->refused) {
        pause = rest > ITEMS_CLAIMS_MS ? rest : ITEMS_CLAIMS_MS;
    } else if (items->skipped > 0) {
        pause = items->config.again_ms > rest ? items->config.again_ms : rest;
    }
    return pause == UINT64_MAX ? UINT64_MAX : items->listed_ms + pause;
}

static void items_list(struct items *items)
{
    docent_op names = docent_op_children(items->config.path);
    docent_machine_next_turn(&items->machine);
    items_drop_claims(items);
    items->state = ITEMS_LISTING;
    items->changed = items->claims_changed = false;
    items->listed_ms = items_now(items);
    /* The claims first: one that goes in between is told by the watch. */
    if (items->config.claims != NULL) {
        docent_op claims = docent_op_children(items->config.claims);
        docent_ask_watch(&items->machine, &claims, TAG_CLAIMS);
    }
    docent_ask(&items->machine, &names, TAG_NAMES);
}

static void items_look(struct items *items)
{
    docent_op exists = docent_op_exists(items->config.path);
    docent_machine_next_turn(&items->machine);
    items->state = ITEMS_LOOKING;
    items->changed = false;
    items->handed = 0;
    docent_ask(&items->machine, &exists, TAG_LOOK);
}

/* Lists if that is due and wanted; else sets the timer for when it will be. */
static void items_consider(struct items *items)
{
    if (items->state != ITEMS_QUIET || !items->wanted) return;
    if (!items->attached || docent_client_closing(items->config.client)) return;
    if (!items->armed || !docent_machine_online(&items->machine)) return; /* A RESET comes. */
    uint64_t due = items_due(items), now = items_now(items);
    if (due <= now && items->head < items->count) {
        items_look(items);
    } else if (due <= now) {
        items_list(items);
    } else if (due != UINT64_MAX) {
        docent_machine_timer(&items->machine, due - now);
    }
}

static void items_pause(struct items *items)
{
    items->changed = true;
    items->state = ITEMS_PAUSED;
    docent_machine_retry(&items->machine);
}

/* Last. */
static void items_tell(struct items *items, docent_status status)
{
    items->wanted = false;
    items->config.on_ready(items, status);
}

static void items_on_names(struct items *items, const struct docent_event *ev)
{
    if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) { /* No directory: no items. */
        docent_result *listing = docent_result_keep(docent_client_allocator(items->config.client), ev->result);
        if (listing == NULL || !items_fill(items, listing)) {
            items_free(items, listing);
            items_pause(items);
            return;
        }
        items_drop_claims(items);
        docent_machine_calm(&items->machine);
        items->state = ITEMS_QUIET;
        items->listed = true;
        items_tell(items, DOCENT_OK);
        return;
    }
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST: /* A RESET comes. */
        items->state = ITEMS_QUIET;
        items->changed = true;
        items->armed = false;
        break;
    case TROUBLE_BUSY:
    case TROUBLE_UNSURE: items_pause(items); break;
    case TROUBLE_REFUSED:
        items_pause(items);
        items_tell(items, ev->status);
        break;
    }
}

static void items_on_look(struct items *items, const struct docent_event *ev)
{
    const docent_stat *stat = &ev->result->stat;
    items->state = ITEMS_QUIET;
    if (ev->status == DOCENT_ERR_CONNECTION_LOSS) { /* A RESET comes. */
        items->changed = true;
        items->armed = false;
    } else if (ev->status != DOCENT_OK || stat->czxid != items->czxid || items_created(stat) != items->created) {
        items_list(items); /* Which meets the trouble as well. */
    } else {
        items->listed_ms = items_now(items); /* As good as listed. */
        items_tell(items, DOCENT_OK);
    }
}

static void items_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct items *items = (struct items *)((char *)machine - offsetof(struct items, machine));
    switch (ev->type) {
    case DOCENT_EV_REPLY:
        if (ev->tag == TAG_LOOK) {
            items_on_look(items, ev);
        } else if (ev->tag == TAG_NAMES) {
            items_on_names(items, ev);
        } else if (ev->status == DOCENT_OK) { /* Without claims we only fight more. */
            items_drop_claims(items);
            items->claims = docent_result_keep(docent_client_allocator(items->config.client), ev->result);
        }
        break;
    case DOCENT_EV_WATCH:
        items->claims_changed = true;
        items_consider(items);
        break;
    case DOCENT_EV_TIMER:
        if (items->state == ITEMS_PAUSED) items->state = ITEMS_QUIET;
        items_consider(items);
        break;
    case DOCENT_EV_SUSPENDED: /* What comes until the watch is armed again is not told. */
        items->armed = false;
        items->changed = true;
        break;
    case DOCENT_EV_RESUMED:
    case DOCENT_EV_EXPIRED: break;
    case DOCENT_EV_CLOSING: /* The owner hears of it, too, and stops us. */
        docent_machine_fini(&items->machine);
        items->attached = false;
        break;
    }
}

static void items_heard(struct rearm *rearm, const struct rearm_event *ev)
{
    struct items *items = (struct items *)((char *)rearm - offsetof(struct items, rearm));
    switch (ev->type) {
    case REARM_RESET:
    case REARM_CHANGED:
        items->armed |= ev->type == REARM_RESET;
        items->changed = true;
        items_consider(items);
        break;
    case REARM_FAILED:
        if (docent_trouble(ev->status) == TROUBLE_REFUSED && items->wanted) items_tell(items, ev->status);
        break;
    case REARM_OVER: items->config.on_over(items); break;
    }
}

/* ---- The owner's side. ---- */

void docent_items_init(struct items *items, const struct items_config *config)
{
    items->config = *config;
    items->state = ITEMS_STOPPED;
    docent_machine_init(&items->machine, config->client, items_on_event);
    items->machine.name = "items";
    items->attached = true;
}

void docent_items_start(struct items *items)
{
    if (items->state != ITEMS_STOPPED || !items->attached) return;
    items->state = ITEMS_QUIET;
    docent_rearm_start(&items->rearm, items->config.client, items->config.path, DOCENT_WATCHER_CHILDREN, items_heard);
}

void docent_items_stop(struct items *items, bool mute)
{
    items->state = ITEMS_STOPPED;
    if (items->attached) docent_machine_fini(&items->machine);
    items->attached = false;
    items_drop_claims(items);
    items_drop_window(items);
    docent_rearm_stop(&items->rearm, mute);
}

bool docent_items_is_over(const struct items *items)
{
    return items->state == ITEMS_STOPPED && !items->attached && docent_rearm_is_over(&items->rearm);
}

static void items_want(struct items *items)
{
    items->wanted = true;
    items_consider(items);
}

enum items_sight docent_items_peek(struct items *items, const char **ret_name)
{
    assert(items->state != ITEMS_STOPPED);
    bool due = items_due(items) <= items_now(items), here = items->head < items->count;
    if (due || !here) items_want(items); /* While it is made the window serves on. */
    bool stale = items->config.fresh_items > 0 && (due || items->state == ITEMS_LOOKING || items->state == ITEMS_LISTING);
    if (here && !stale) {
        *ret_name = items->names[items->head];
        return ITEMS_HERE;
    }
    return items->state == ITEMS_QUIET && items->armed && !items->changed && !due ? ITEMS_NOTHING : ITEMS_UNKNOWN;
}

void docent_items_want(struct items *items)
{
    items->waits = true;
    items_want(items);
}

void docent_items_take(struct items *items, struct items_out *out)
{
    assert(items->head < items->count && strcmp(items->names[items->head], out->name) == 0);
    items->head++;
    items->handed++;
    items->waits = false;
    out->previous = NULL;
    out->next = items->outs;
    if (items->outs != NULL) items->outs->previous = out;
    items->outs = out;
}

void docent_items_back(struct items *items, struct items_out *out, enum items_verdict verdict)
{
    if (out->previous != NULL) {
        out->previous->next = out->next;
    } else {
        items->outs = out->next;
    }
    if (out->next != NULL) out->next->previous = out->previous;
    switch (verdict) {
    case ITEMS_GONE: items->taken++; break;
    case ITEMS_REFUSED: items->refused = true; /* fall through */
    case ITEMS_SKIPPED: items->skipped++; break;
    case ITEMS_AGAIN:
        items->taken++; /* It was had. */
        items_restore(items, out->name);
        break;
    }
    if (items->state != ITEMS_STOPPED) items_consider(items);
}
