/* docent/hold.h - proof of a hold: which node, made by which transaction, in which session.
 *
 * A docent_hold is immutable and counted. It names what is held now; it does not keep it held. Give it to a call
 * (docent_call_options.hold) to have the call sent only in the session that holds: a transaction then carries a check that
 * the node is there, and is refused, here or by the server, once the hold is over. Applied in that session means that the session
 * was alive, so its node existed unless somebody deleted it, and that is what the check looks for. It compares no version: others may
 * set the node's data (Curator's revocation does), so a version proves nothing. */
#ifndef DOCENT_HOLD_H
#define DOCENT_HOLD_H

#include <docent/types.h>

DOCENT_BEGIN

typedef struct docent_hold docent_hold;

/** One more reference. Thread: any. */
DOCENT_API docent_hold *docent_hold_ref(docent_hold *hold);
/** Drops one. NULL: does nothing. Thread: any. */
DOCENT_API void docent_hold_unref(docent_hold *hold);
/** The held node, as a path of the client. Borrowed from the hold. Thread: any. */
DOCENT_API const char *docent_hold_path(const docent_hold *hold);
/** The transaction that created it. Thread: any. */
DOCENT_API int64_t docent_hold_czxid(const docent_hold *hold);
/** The session's number, as in docent_state_event. Thread: any. */
DOCENT_API uint64_t docent_hold_generation(const docent_hold *hold);

DOCENT_END

#endif
