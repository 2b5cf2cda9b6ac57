/* peer_queue.c - queues without a consumer. Curator's and ZooKeeper's simple one, and kazoo's plain one: put DATA [PRIORITY], peek, poll, take
 * MS. kazoo's locking one: put DATA [PRIORITY], multi DATA..., take MS, holds, consume, release. */
#include <semaphore.h>
#include <string.h>

#include "peer.h"

enum { PRIORITIES_MAX = 1000 };

/* The priority belongs to a queue of ours, and to an item of kazoo's: so one for each. */
struct queue {
    const struct peer_place *place;
    docent_dialect dialect;
    docent_queue *by_priority[PRIORITIES_MAX];
};

static void *simple_make(const struct peer_place *place, const struct peer_words *words)
{
    struct queue *q = peer_alloc(sizeof *q);
    (void)words;
    q->place = place;
    q->dialect = DOCENT_DIALECT_CURATOR;
    return q;
}

static void *plain_make(const struct peer_place *place, const struct peer_words *words)
{
    struct queue *q = simple_make(place, words);
    q->dialect = DOCENT_DIALECT_KAZOO;
    return q;
}

static docent_queue *queue_with(struct queue *q, uint32_t priority)
{
    docent_queue **queue = &q->by_priority[priority];
    docent_queue_options options = { DOCENT_QUEUE_OPTIONS, .dialect = q->dialect, .priority = priority };
    if (*queue == NULL) peer_must(docent_queue_new(q->place->client, q->place->path, &options, queue), "queue");
    return *queue;
}

static void queue_act(void *thing, struct peer_call *call)
{
    docent_queue *queue = queue_with(thing, 0);
    docent_result *result = NULL;
    docent_status status = DOCENT_OK;
    if (peer_is(call, "put")) {
        const char *data = peer_word(&call->words, 0);
        status = docent_queue_put(queue_with(thing, peer_number(&call->words, 1)), data, strlen(data), NULL);
        peer_status(call, status);
        return;
    }
    if (peer_is(call, "peek")) {
        status = docent_queue_peek(queue, &result);
    } else if (peer_is(call, "poll")) {
        status = docent_queue_take(queue, DOCENT_NO_WAIT, &result);
    } else if (peer_is(call, "take")) {
        status = docent_queue_take(queue, peer_number(&call->words, 0), &result);
    } else {
        return;
    }
    if (status == DOCENT_OK) {
        peer_data(call, result->data, result->size);
    } else {
        peer_status(call, status);
    }
    docent_result_free(result);
}

struct locking {
    const struct peer_place *place;
    docent_claim_queue *by_priority[PRIORITIES_MAX];
    docent_item *item; /* In hand, or NULL. */
};

static void *locking_make(const struct peer_place *place, const struct peer_words *words)
{
    struct locking *l = peer_alloc(sizeof *l);
    (void)words;
    l->place = place;
    return l;
}

static docent_claim_queue *locking_with(struct locking *l, uint32_t priority)
{
    docent_claim_queue **queue = &l->by_priority[priority];
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO, .priority = priority };
    if (*queue == NULL) peer_must(docent_claim_queue_new(l->place->client, l->place->path, &options, queue), "queue");
    return *queue;
}

static docent_status locking_put(struct locking *l, const struct peer_words *words, bool many)
{
    docent_queue_bytes items[PEER_WORDS_MAX];
    size_t count = many ? words->count : 1;
    for (size_t i = 0; i < count; i++) {
        items[i].data = peer_word(words, i);
        items[i].size = strlen(items[i].data);
    }
    return docent_claim_queue_put_many(locking_with(l, many ? 0 : peer_number(words, 1)), items, count, NULL);
}

static void on_closed(void *closed)
{
    sem_post(closed);
}

/* When this returns the claim is gone. */
static void item_close(struct locking *l)
{
    sem_t closed;
    sem_init(&closed, 0, 0);
    docent_item_close(l->item, on_closed, &closed);
    sem_wait(&closed);
    sem_destroy(&closed);
    l->item = NULL;
}

static void locking_act(void *thing, struct peer_call *call)
{
    struct locking *l = thing;
    if (peer_is(call, "put") || peer_is(call, "multi")) {
        peer_status(call, locking_put(l, &call->words, peer_is(call, "multi")));
    } else if (peer_is(call, "take")) {
        docent_status status = docent_claim_queue_take(locking_with(l, 0), peer_number(&call->words, 0), &l->item);
        size_t size;
        if (status != DOCENT_OK) {
            peer_status(call, status);
        } else {
            const void *data = docent_item_data(l->item, &size);
            peer_data(call, data, size);
        }
    } else if (l->item == NULL) {
        peer_no(call);
    } else if (peer_is(call, "holds")) {
        peer_status(call, docent_item_is_claimed(l->item) ? DOCENT_OK : DOCENT_ERR_TIMEOUT);
    } else if (peer_is(call, "consume")) {
        docent_status status = docent_item_acknowledge(l->item);
        item_close(l);
        peer_status(call, status);
    } else if (peer_is(call, "release")) {
        item_close(l);
        peer_ok(call, "%s", "");
    }
}

const struct peer_kind peer_simple_queue = { "simple-queue", simple_make, queue_act };
const struct peer_kind peer_plain_queue = { "plain-queue", plain_make, queue_act };
const struct peer_kind peer_locking_queue = { "locking-queue", locking_make, locking_act };
