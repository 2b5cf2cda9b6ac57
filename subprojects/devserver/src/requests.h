/* src/requests.h - a connection's requests. They are answered in the order in which they came. Writes, syncs and the session's end
 * go to the leader at once; reads are done here when everything before them has been answered, so a read behind a write sees it. */
#ifndef DEVSERVER_REQUESTS_H
#define DEVSERVER_REQUESTS_H

#include "connection.h"

struct request {
    struct request *next;
    uint64_t number;
    int32_t xid, op;
    uint8_t *body;
    size_t size;
    bool forwarded; /* The leader has it; its answer comes. */
    bool ready;     /* answer is complete. */
    struct wire_out answer;
    bool ends;      /* Close behind the answer. */
    enum { FATE_NONE, FATE_DROP, FATE_HOLD, FATE_DELAY, FATE_CORRUPT } fate;
    uint64_t until;
    uint64_t came;
};

void docent_requests_receive(struct connection *c, const uint8_t *data, size_t size); /* A frame, without its length. */
void docent_requests_run(struct connection *c); /* Answers what can be answered, in order. */
void docent_requests_free(struct connection *c);
/* By number, of a connection that may be NULL. NULL: there is none. */
struct request *docent_request_find(struct connection *c, uint64_t number);

#endif
