/* queue.h - a client with a simple queue, each process's its own, on a loop of the application's. */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include <event2/event.h>

#include "ok.h"

/* Runs until both are closed. @on_made: the queue's path is there. */
static inline void bench_queue_run(const char *address, docent_client **client, docent_queue **queue, docent_result_fn on_made, void *user)
{
    struct event_base *base = event_base_new();
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .base = base, .session_timeout_ms = BENCH_SESSION_MS };
    char path[64];
    snprintf(path, sizeof path, "/docent-bench/queue-%ld", (long)getpid());
    bench_ok(docent_client_new(address, &options, client), "client");
    bench_ok(docent_queue_new(*client, path, NULL, queue), "queue");
    bench_ok(docent_ensure_path_async(*client, path, DOCENT_PARENTS_PERSISTENT, docent_acl_open(), on_made, user), "path");
    event_base_dispatch(base);
    event_base_free(base);
}

#endif
