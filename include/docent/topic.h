/* docent/topic.h - publish and subscribe. A topic is a node; publishing sets its data; subscribers are told of the topics of a subtree that they are
 * interested in, by path and by data.
 *
 * States, not messages: a topic has one value, the last. A subscriber is told each value that it sees, in the order in which they were published, and
 * at last the last one, through reconnects and session changes; values in between can be skipped when they follow each other faster than they
 * are read, or while there is no connection. Who comes late is told the present value of every topic first. Who needs every message needs a
 * queue.
 *
 * Threads, ownership, units: as in cache.h. */
#ifndef DOCENT_TOPIC_H
#define DOCENT_TOPIC_H

#include <docent/cache.h>
#include <docent/operation.h>

DOCENT_BEGIN

/* ---- Publishing. ---- */

/** Publishes: sets the data of the node at @path, which is made with its parents if it is missing, and tells @done (may be NULL) the outcome and the
 * stat, whose mzxid is the number of this value. It is docent_set_node_async() of any version with create and DOCENT_PARENTS_PERSISTENT, with the
 * client's time-out and policies: a lost reply is found out about, and what the node holds already may be published again. Returns and outcomes as
 * that. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_topic_publish_async(docent_client *client, const char *path, const void *data, size_t size,
                                                                      docent_result_fn done, void *user);
/** docent_topic_publish_async() that waits and returns the outcome. @ret_stat may be NULL. Thread: not loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_topic_publish(docent_client *client, const char *path, const void *data, size_t size,
                                                                docent_stat *ret_stat);

/* ---- Subscribing. ---- */

typedef struct docent_topic_subscriber docent_topic_subscriber;

/* docent_topic_events events = { DOCENT_TOPIC_EVENTS, .published = on_price };  Leave what is not wanted NULL. */
typedef struct docent_topic_events {
    size_t struct_size;
    /* Filters. Both are asked on the loop thread and must answer the same for the same. */
    const char *pattern; /* Of the topic's path below the subscriber's, component by component: '*' stands for any characters of one
                          * component, '?' for one of them, a component "**" for any number of components, none included: so it is
                          * the node of @path itself as well. NULL: all. Copied. */
    bool (*wants)(const docent_node *node, void *user); /* Of the value. NULL: all. */
    /* News. Nodes are borrowed until the callback returns; docent_node_ref() keeps one. */
    void (*published)(const docent_node *node, void *user); /* A value: its path, data and stat. */
    void (*retracted)(const docent_node *last, void *user); /* The topic was deleted; its last value seen passed the filters. */
    void (*caught_up)(void *user); /* All present values have been told: once at first, and again after each suspended(). */
    void (*suspended)(void *user); /* Connection down. */
    void (*closed)(docent_status why, void *user); /* The last: DOCENT_ERR_CANCELLED (docent_topic_unsubscribe()), DOCENT_ERR_CLOSING or
                                                    * DOCENT_ERR_AUTH_FAILED (the client), DOCENT_ERR_NO_MEMORY (it could not begin). */
} docent_topic_events;
#define DOCENT_TOPIC_EVENTS .struct_size = sizeof(docent_topic_events)
/** The same as { DOCENT_TOPIC_EVENTS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_topic_events_init(docent_topic_events *events)
{
    memset(events, 0, sizeof *events);
    events->struct_size = sizeof *events;
}

/** Subscribes to the topics at and below @path, which need not exist. Of what no pattern can match nothing is read. @events is copied. On success
 * *@ret_subscriber is the caller's to docent_topic_unsubscribe(), on failure it is left as it was. Returns DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT
 * (@path is no valid path; the pattern is empty, has an empty component, or begins or ends with '/'), DOCENT_ERR_NO_MEMORY, DOCENT_ERR_CLOSING or
 * DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_topic_subscribe(docent_client *client, const char *path, const docent_topic_events *events,
                                                                  void *user, docent_topic_subscriber **ret_subscriber);
/** Ends it: from the return of this on (on the loop thread), or from @closed on, nothing but closed() of its events is called, which comes before
 * @closed (may be NULL). @subscriber is not the caller's any more when this returns. NULL: does nothing. Thread: any. */
DOCENT_API void docent_topic_unsubscribe(docent_topic_subscriber *subscriber, void (*closed)(void *user), void *user);

DOCENT_END

#endif
