/* docent/poll.h - clients on a loop that is neither ours nor libevent's: anything that can wait for descriptors. No thread is started.
 *
 *     docent_poll *loop = NULL;
 *     docent_status status = docent_poll_new(&loop);
 *     docent_client_options options = { DOCENT_CLIENT_OPTIONS, .poll = loop };   And then, for as long as the clients live:
 *
 *     docent_poll_prepare(loop, fds, room, &count, &timeout_ms);   What to wait for, and how long at most.
 *     poll(fds, count, timeout_ms);                                The application's own descriptors among them.
 *     docent_poll_dispatch(loop);                                  Whatever it is that poll() says.
 *
 * One docent_poll carries any number of clients. Prepare and dispatch both take time in proportion to them, as poll() does: for
 * thousands of clients an event_base (client.h) is the better loop.
 *
 * Dispatch looks by itself what is ready, so it need not be told, may be called too often, and does nothing then. Called too late, it
 * is to the clients as if the process had been stopped: heartbeats go out late, and sessions are lost. It does not return before what
 * was ready is dealt with, callbacks included; it never waits. Descriptors are to be watched by level, not by edge: they may still
 * be ready after a dispatch. They are ours: watch them, do nothing else with them.
 *
 * Threads    The loop thread of the clients, in the words of client.h, is the one that called docent_poll_dispatch() last; before the first
 *            time, the one that called docent_poll_new(). To move to another thread, stop on the one before starting on the other.
 *            Other threads wake the loop by themselves: one of the descriptors is for that. Blocking calls belong on other threads.
 * Fork       In a forked child prepare and dispatch fail with DOCENT_ERR_FORKED. Close the clients, then free it; both only free.
 * Ownership  The library owns the docent_poll. It outlives its clients: they are gone when their closed callbacks run, which is
 *            in a dispatch.
 * Units      Milliseconds, as poll() has them. */
#ifndef DOCENT_POLL_H
#define DOCENT_POLL_H

#include <docent/types.h>

DOCENT_BEGIN

struct pollfd; /* <poll.h> */

/** Makes a loop without clients. On success *@ret_poll is the caller's to docent_poll_free(), on failure it is left as it was. Returns
 * DOCENT_OK, DOCENT_ERR_NO_MEMORY (or no descriptor to be had) or DOCENT_ERR_INVALID_ARGUMENT (NULL). Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_poll_new(docent_poll **ret_poll);

/** Says what to wait for: writes *@ret_count descriptors with their wanted events (POLLIN, POLLOUT) to @fds, which has room for @fds_max
 * (NULL if 0), each descriptor once, and the longest time to wait to *@ret_timeout_ms: 0 if there is something to do already, -1 if
 * time alone brings nothing. It changes with every dispatch and with every call into the library, so prepare last thing before
 * waiting. Returns DOCENT_OK; DOCENT_ERR_TOO_LARGE, with *@ret_count set to what is needed (2 or 3 a client, as a rule) and the rest left
 * as it was; DOCENT_ERR_BUSY (from a callback), DOCENT_ERR_WRONG_THREAD, DOCENT_ERR_FORKED, DOCENT_ERR_INVALID_ARGUMENT (NULL) or
 * DOCENT_ERR_NO_MEMORY. Thread: loop. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_poll_prepare(docent_poll *poll, struct pollfd *fds, size_t fds_max, size_t *ret_count,
                                                               int *ret_timeout_ms);

/** Does what there is to do for all clients: reads, writes, timers, callbacks. Makes the calling thread the loop thread. Returns
 * DOCENT_OK, DOCENT_ERR_BUSY (from a callback), DOCENT_ERR_FORKED, DOCENT_ERR_INVALID_ARGUMENT (NULL) or DOCENT_ERR_IO (the operating
 * system cannot say what is ready). Thread: the one that is to be the loop thread. */
DOCENT_API docent_status docent_poll_dispatch(docent_poll *poll);

/** Frees it. Returns DOCENT_OK; DOCENT_ERR_BUSY, with nothing done, from inside a dispatch and while there are clients that were not
 * closed, or closed but not gone yet (dispatch until their closed callbacks have run); or DOCENT_ERR_WRONG_THREAD. NULL: DOCENT_OK.
 * Thread: loop; in a forked child any. */
DOCENT_API docent_status docent_poll_free(docent_poll *poll);

DOCENT_END

#endif
