/* core/session/lease.c - until when the session is certainly alive, and what proves it. */
#include <string.h>

#include "core/session/internal.h"

uint64_t docent_session_lease(const struct session *s)
{
    if (s->life != SESSION_ALIVE) return 0;
    return (s->holds > 0 ? s->proved_ms : s->contact_ms) + s->timeout_ms;
}

void docent_session_set_holds(struct session *s, uint32_t holds)
{
    s->holds = holds;
}

/* Is this the leader's answer? Other errors a server gives by itself: it is overloaded, read-only, checks access early. */
static bool is_from_leader(int32_t err)
{
    switch (err) {
    case DOCENT_OK:
    case DOCENT_ERR_NO_NODE:
    case DOCENT_ERR_NODE_EXISTS:
    case DOCENT_ERR_BAD_VERSION:
    case DOCENT_ERR_NOT_EMPTY:
    case DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS:
        return true;
    default:
        return false;
    }
}

/* A server passes signs of life on to its leader every half tick, which is a quarter of the time-out at most; but requests
 * at once, in the same stream, and those are none. So the answer to a strict request proves the arrival of what the server had
 * a quarter before it was sent (that is certain when it had answered by then), and of nothing later. The handshake went to the leader
 * itself: from there all three are that. */
uint64_t docent_session_proves(const struct session *s, uint64_t now)
{
    size_t i = SESSION_SIGNS - 1;
    while (i > 0 && s->signs[i].heard_ms + s->timeout_ms / 4 > now) i--;
    return s->signs[i].sent_ms;
}

void docent_session_sign(struct session *s, uint64_t now, uint64_t sent)
{
    memmove(&s->signs[0], &s->signs[1], sizeof s->signs - sizeof s->signs[0]);
    s->signs[SESSION_SIGNS - 1] = (struct session_sign){ sent, now };
    s->sign_due_ms = now + (s->timeout_ms + 7) / 8; /* So that three go back a quarter. */
}

__attribute__((noinline)) void docent_session_renew(struct session *s, uint64_t now, const struct session_request *request, int32_t err)
{
    bool strict = request->strict && is_from_leader(err);
    s->renewed = docent_session_freshness(request->queued_ms, strict);
    if (request->queued_ms > s->contact_ms) s->contact_ms = request->queued_ms;
    if (strict) {
        if (request->queued_ms > s->strict_ms) s->strict_ms = request->queued_ms;
        if (request->proves_ms > s->proved_ms) s->proved_ms = request->proves_ms;
    }
    if (now >= s->sign_due_ms) docent_session_sign(s, now, request->queued_ms);
}
