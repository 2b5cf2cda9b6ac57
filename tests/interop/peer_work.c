/* peer_work.c - the queues with a consumer. LOCK ("-": none) ROLE (put, consume): put DATA [PRIORITY, EPOCH or ID], multi DATA..., remove ID,
 * done COUNT, fail COUNT, close. A consumer says "item DATA" for each part of an item, and is done with the item, or fails at it, when it was told so
 * for as many parts: before or after. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

struct work {
    const struct peer_place *place;
    docent_work_queue_kind kind;
    docent_work_queue *queue;
    pthread_mutex_t mutex; /* Of what follows: the loop hands out, our thread is told. */
    docent_work_item *item; /* In hand, or NULL. */
    size_t parts;           /* Of that. */
    size_t told;            /* For how many parts we know how it went. */
    size_t failures;        /* So many items are to fail. */
};

/* With the mutex. */
static void work_go_on(struct work *w)
{
    if (w->item == NULL || w->told < w->parts) return;
    docent_work_item *item = w->item;
    bool fails = w->failures > 0;
    w->told -= w->parts;
    w->failures -= fails;
    w->item = NULL;
    docent_work_item_done(item, fails ? DOCENT_WORK_FAILED : DOCENT_WORK_DONE);
}

static void on_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    struct work *w = user;
    size_t count;
    const docent_work_element *parts = docent_work_item_elements(item, &count);
    (void)queue;
    pthread_mutex_lock(&w->mutex);
    for (size_t i = 0; i < count; i++) {
        bool empty = parts[i].size == 0;
        peer_tell(w->place, "item %.*s", empty ? 1 : (int)parts[i].size, empty ? "-" : (const char *)parts[i].data);
    }
    w->item = item;
    w->parts = count;
    work_go_on(w);
    pthread_mutex_unlock(&w->mutex);
}

static void *work_make(const struct peer_place *place, const struct peer_words *words, docent_work_queue_kind kind)
{
    struct work *w = peer_alloc(sizeof *w);
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = kind, .user = w };
    if (peer_word(words, 0)[0] != '\0') options.lock_path = peer_word(words, 0);
    if (peer_has(words, "consume")) options.on_item = on_item;
    w->place = place;
    w->kind = kind;
    pthread_mutex_init(&w->mutex, NULL);
    peer_must(docent_work_queue_new(place->client, place->path, &options, &w->queue), "queue");
    return w;
}

static void *plain_make(const struct peer_place *place, const struct peer_words *words)
{
    return work_make(place, words, DOCENT_WORK_QUEUE_PLAIN);
}

static void *id_make(const struct peer_place *place, const struct peer_words *words)
{
    return work_make(place, words, DOCENT_WORK_QUEUE_ID);
}

static void *priority_make(const struct peer_place *place, const struct peer_words *words)
{
    return work_make(place, words, DOCENT_WORK_QUEUE_PRIORITY);
}

static void *delay_make(const struct peer_place *place, const struct peer_words *words)
{
    return work_make(place, words, DOCENT_WORK_QUEUE_DELAY);
}

static docent_status work_put(struct work *w, const struct peer_words *words, bool many)
{
    docent_work_element parts[PEER_WORDS_MAX];
    const char *more = peer_word(words, 1); /* What the kind wants. */
    docent_work_put put = { DOCENT_WORK_PUT, .elements = parts, .count = many ? words->count : 1 };
    switch (w->kind) {
    case DOCENT_WORK_QUEUE_PLAIN:    break;
    case DOCENT_WORK_QUEUE_ID:       put.id = more; break;
    case DOCENT_WORK_QUEUE_PRIORITY: put.priority = (int32_t)strtol(more, NULL, 10); break;
    case DOCENT_WORK_QUEUE_DELAY:    put.due_ms = strtoll(more, NULL, 10); break;
    }
    for (size_t i = 0; i < put.count; i++) {
        parts[i].data = peer_word(words, i);
        parts[i].size = strlen(parts[i].data);
    }
    return docent_work_queue_put(w->queue, &put, 10000);
}

static void work_tell(struct work *w, size_t count, bool fails)
{
    pthread_mutex_lock(&w->mutex);
    w->told += count;
    if (fails) w->failures += count;
    work_go_on(w);
    pthread_mutex_unlock(&w->mutex);
}

static void work_act(void *thing, struct peer_call *call)
{
    struct work *w = thing;
    if (peer_is(call, "put") || peer_is(call, "multi")) {
        peer_status(call, work_put(w, &call->words, peer_is(call, "multi")));
    } else if (peer_is(call, "remove")) {
        size_t count = 0;
        docent_status status = docent_work_queue_remove(w->queue, peer_word(&call->words, 0), 10000, &count);
        if (status == DOCENT_OK) {
            peer_ok(call, "%zu", count);
        } else {
            peer_status(call, status);
        }
    } else if (peer_is(call, "done") || peer_is(call, "fail")) {
        work_tell(w, peer_number(&call->words, 0), peer_is(call, "fail"));
        peer_ok(call, "%s", "");
    } else if (peer_is(call, "close")) {
        docent_work_queue_close(w->queue, NULL, NULL);
        peer_ok(call, "%s", "");
    }
}

const struct peer_kind peer_work = { "queue", plain_make, work_act };
const struct peer_kind peer_id_work = { "id-queue", id_make, work_act };
const struct peer_kind peer_priority_work = { "priority-queue", priority_make, work_act };
const struct peer_kind peer_delay_work = { "delay-queue", delay_make, work_act };
