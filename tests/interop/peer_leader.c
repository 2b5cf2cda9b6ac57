/* peer_leader.c - leaders. The latch, ID: start, await MS, leads, leader, who, close. The selector, ID INSIDE DIALECT: start, leave, requeue,
 * leader, who, close; it says "leads" when it does, and leads until it is told to leave. */
#include <pthread.h>
#include <semaphore.h>

#include "peer.h"

static void *latch_make(const struct peer_place *place, const struct peer_words *words)
{
    docent_leader_latch *latch = NULL;
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .id = peer_word(words, 0) };
    peer_must(docent_leader_latch_new(place->client, place->path, &options, &latch), "latch");
    return latch;
}

static void latch_act(void *latch, struct peer_call *call)
{
    docent_result *result = NULL;
    if (peer_is(call, "start")) {
        peer_status(call, docent_leader_latch_start(latch));
    } else if (peer_is(call, "await")) {
        peer_status(call, docent_leader_latch_await(latch, peer_number(&call->words, 0)));
    } else if (peer_is(call, "leads")) {
        peer_status(call, docent_leader_latch_has_leadership(latch) ? DOCENT_OK : DOCENT_ERR_TIMEOUT);
    } else if (peer_is(call, "leader")) {
        docent_status status = docent_leader_latch_leader(latch, &result);
        peer_names(call, status, result);
    } else if (peer_is(call, "who")) {
        docent_status status = docent_leader_latch_participants(latch, &result);
        peer_names(call, status, result);
    } else if (peer_is(call, "close")) {
        docent_leader_latch_close(latch, NULL, NULL);
        peer_ok(call, "%s", "");
    }
}

struct selector {
    const struct peer_place *place;
    docent_leader_selector *selector;
    char *inside;
    sem_t leave;
    pthread_t term; /* Waits for one, and leads. */
    bool stands;    /* There is such a thread. */
};

static void *selector_make(const struct peer_place *place, const struct peer_words *words)
{
    struct selector *s = peer_alloc(sizeof *s);
    docent_leader_selector_options options = { DOCENT_LEADER_SELECTOR_OPTIONS, .id = peer_word(words, 0) };
    if (peer_has(words, "kazoo")) options.dialect = DOCENT_DIALECT_KAZOO;
    s->place = place;
    s->inside = peer_copy(peer_word(words, 1));
    sem_init(&s->leave, 0, 0);
    peer_must(docent_leader_selector_new(place->client, place->path, &options, &s->selector), "selector");
    return s;
}

static void selector_lead(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    struct selector *s = user;
    (void)selector;
    (void)term;
    peer_enter(s->place, s->inside);
    peer_tell(s->place, "leads");
    sem_wait(&s->leave);
    peer_leave(s->place, s->inside);
}

static void *selector_stand(void *selector)
{
    struct selector *s = selector;
    docent_status status = docent_leader_selector_run(s->selector, DOCENT_FOREVER, selector_lead, s);
    if (status != DOCENT_ERR_CLOSING) peer_must(status, "term");
    return NULL;
}

static void selector_act(void *thing, struct peer_call *call)
{
    struct selector *s = thing;
    docent_result *result = NULL;
    if (peer_is(call, "start") || peer_is(call, "requeue")) {
        if (s->stands) pthread_join(s->term, NULL);
        s->stands = pthread_create(&s->term, NULL, selector_stand, s) == 0;
        peer_status(call, s->stands ? DOCENT_OK : DOCENT_ERR_NO_MEMORY);
    } else if (peer_is(call, "leave")) {
        sem_post(&s->leave);
        peer_ok(call, "%s", "");
    } else if (peer_is(call, "leader")) {
        docent_status status = docent_leader_selector_leader(s->selector, &result);
        peer_names(call, status, result);
    } else if (peer_is(call, "who")) {
        docent_status status = docent_leader_selector_participants(s->selector, &result);
        peer_names(call, status, result);
    } else if (peer_is(call, "close")) {
        docent_leader_selector_close(s->selector, NULL, NULL);
        peer_ok(call, "%s", "");
    }
}

const struct peer_kind peer_latch = { "latch", latch_make, latch_act };
const struct peer_kind peer_selector = { "selector", selector_make, selector_act };
