/* peer_sharder.c - the queue that is spread over several. LEADER LOCK ("-": none) ROLE (put, consume) MAX: put DATA, shards, close. A shard is full
 * with four items, and there are at most MAX. A consumer says "item DATA", and is done with it. */
#include <string.h>

#include "peer.h"

enum { THRESHOLD = 4, CHECK_MS = 50, PUT_MS = 10000 };

struct sharder {
    const struct peer_place *place;
    docent_queue_sharder *sharder;
};

static void on_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    struct sharder *s = user;
    size_t count;
    const docent_work_element *parts = docent_work_item_elements(item, &count);
    (void)queue;
    for (size_t i = 0; i < count; i++) peer_tell(s->place, "item %.*s", (int)parts[i].size, (const char *)parts[i].data);
    docent_work_item_done(item, DOCENT_WORK_DONE);
}

static void *sharder_make(const struct peer_place *place, const struct peer_words *words)
{
    struct sharder *s = peer_alloc(sizeof *s);
    docent_work_queue_options queue = { DOCENT_WORK_QUEUE_OPTIONS, .user = s };
    docent_queue_sharder_options options = {
        DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue, .threshold = THRESHOLD, .check_ms = CHECK_MS, .shards_max = peer_number(words, 3),
    };
    if (peer_word(words, 1)[0] != '\0') queue.lock_path = peer_word(words, 1);
    if (peer_has(words, "consume")) queue.on_item = on_item;
    s->place = place;
    peer_must(docent_queue_sharder_new(place->client, place->path, peer_word(words, 0), &options, &s->sharder), "sharder");
    peer_must(docent_queue_sharder_start(s->sharder), "start");
    return s;
}

static void sharder_act(void *thing, struct peer_call *call)
{
    struct sharder *s = thing;
    if (peer_is(call, "put")) {
        docent_work_element part = { peer_word(&call->words, 0), strlen(peer_word(&call->words, 0)) };
        docent_work_put put = { DOCENT_WORK_PUT, .elements = &part, .count = 1 };
        peer_status(call, docent_queue_sharder_put(s->sharder, &put, PUT_MS));
    } else if (peer_is(call, "shards")) {
        peer_ok(call, "%lld", (long long)docent_queue_sharder_shard_count(s->sharder));
    } else if (peer_is(call, "close")) {
        docent_queue_sharder_close(s->sharder, NULL, NULL);
        peer_ok(call, "%s", "");
    }
}

const struct peer_kind peer_sharder = { "sharder", sharder_make, sharder_act };
