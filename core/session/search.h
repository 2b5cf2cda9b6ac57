/* core/session/search.h - while the connected server can only read: look for one that writes.
 *
 * One server after the other is asked on a connection beside the session's, by whoever drives us, with growing pauses: a lost quorum may
 * come back in a second or tomorrow. The connected server itself says nothing when its quorum is back; it closes its connections. */
#ifndef DOCENT_SEARCH_H
#define DOCENT_SEARCH_H

#include "core/session/servers.h"

enum { SEARCH_PAUSE_MIN_MS = 100, SEARCH_PAUSE_MAX_MS = 60000 };

struct search {
    bool on;
    uint32_t pause_ms; /* The one that lasts now. It goes on growing when what was found would not have us. */
    uint64_t at_ms;    /* When it ends. */
    bool asks;         /* The server at address is to be asked, or has not answered. */
    struct docent_address address;
    size_t next;       /* Whom to ask next. */
};

void docent_search_begin(struct search *search, uint64_t now_ms, uint64_t *random); /* Online, and read-only. */
void docent_search_stop(struct search *search);                                      /* Offline. */
void docent_search_done(struct search *search);                                      /* Online at a server that writes. */
/* The pause may be over. @connected is not asked if there are others. */
void docent_search_tick(struct search *search, uint64_t now_ms, const struct servers *servers, const struct docent_address *connected);
uint64_t docent_search_deadline(const struct search *search); /* UINT64_MAX: none. */
/* @address was asked. False: not by this search. Else it goes on, unless it is stopped. */
bool docent_search_answered(struct search *search, uint64_t now_ms, const struct docent_address *address, uint64_t *random);

#endif
