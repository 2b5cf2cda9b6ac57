/* core/drive/client.c - the public ends of a client's life: options, the choice of a driver, its thread, close, post. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/client/machine.h"
#include "core/drive/await.h"
#include "core/drive/driver.h"
#include "core/drive/poll.h"

enum { SESSION_TIMEOUT_MAX_MS = INT32_MAX, FLIGHT_RECORDER_EVENTS_MAX = 1 << 20 };

static docent_status options_fill(const docent_client_options *given, docent_client_options *full)
{
    docent_client_options_init(full);
    if (!docent_options_take(full, sizeof *full, given)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (full->session_timeout_ms == 0) full->session_timeout_ms = 10000;
    if (full->call_timeout_ms == 0) full->call_timeout_ms = 30000;
    if (full->close_timeout_ms == 0) full->close_timeout_ms = 1000;
    if (full->request_max_bytes == 0) full->request_max_bytes = 0xfffff;
    if (full->reply_max_bytes == 0) full->reply_max_bytes = 64 << 20;
    if (full->inbox_max == 0) full->inbox_max = 65536;
    if (full->pending_max == 0) full->pending_max = 65536;
    if (full->offline == DOCENT_OFFLINE_DEFAULT) full->offline = DOCENT_OFFLINE_QUEUE;
    while (full->seed == 0) {
        if (getrandom(&full->seed, sizeof full->seed, 0) < 0 && errno != EINTR) return DOCENT_ERR_IO;
    }
    bool good = full->flight_recorder_events <= FLIGHT_RECORDER_EVENTS_MAX && (unsigned)full->offline <= DOCENT_OFFLINE_SESSION && full->session_timeout_ms <= SESSION_TIMEOUT_MAX_MS && full->request_max_bytes <= INT32_MAX / 2 &&
                full->reply_max_bytes <= INT32_MAX / 2 && docent_options_sized(full->retry) &&
                (unsigned)full->error_policy <= DOCENT_ERROR_POLICY_LOST && docent_options_sized(full->damping) &&
                (full->base == NULL || full->poll == NULL) && (full->allocator == NULL || (full->allocator->alloc != NULL && full->allocator->resize != NULL &&
                                             full->allocator->release != NULL));
    return good ? DOCENT_OK : DOCENT_ERR_INVALID_ARGUMENT;
}

/* ---- A thread of the client's own. ---- */

static void *thread_run(void *user)
{
    struct driver *d = user;
    pthread_mutex_lock(&d->inbox_mutex); /* Until thread_begin() is done with the driver: a callback may close the client. */
    pthread_mutex_unlock(&d->inbox_mutex);
    pthread_setname_np(pthread_self(), "docent");
    docent_driver_begin(d);
    while (!d->finished) event_base_loop(d->base, EVLOOP_NO_EXIT_ON_EMPTY);
    bool joined = d->thread_joined;
    event_base_loop(d->base, EVLOOP_NONBLOCK); /* Answers to questions that nobody asks any more free what they were asked with. */
    event_base_free(d->base);
    pthread_mutex_destroy(&d->inbox_mutex);
    free(d);
    if (!joined) pthread_detach(pthread_self());
    return NULL;
}

static docent_status thread_begin(struct driver *d, size_t stack_bytes)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return DOCENT_ERR_NO_MEMORY;
    docent_status status = DOCENT_OK;
    if (stack_bytes > 0 && pthread_attr_setstacksize(&attributes, stack_bytes) != 0) status = DOCENT_ERR_INVALID_ARGUMENT;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* Signals are the application's. */
    pthread_t thread;
    pthread_mutex_lock(&d->inbox_mutex);
    if (status == DOCENT_OK && pthread_create(&thread, &attributes, thread_run, d) != 0) status = DOCENT_ERR_IO;
    if (status == DOCENT_OK) atomic_store(&d->thread, thread);
    pthread_mutex_unlock(&d->inbox_mutex); /* From here on the driver may be gone. */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return status;
}

/* ---- New. ---- */

static void driver_discard(struct driver *d, bool own_base)
{
    if (d->client != NULL) docent_core_free(d->client);
    if (d->loop != NULL) docent_loop_put(d->loop, d);
    if (own_base && d->base != NULL) event_base_free(d->base);
    docent_connect_free(&d->servers);
    pthread_mutex_destroy(&d->inbox_mutex);
    free(d);
}

docent_status docent_client_new(const char *servers, const docent_client_options *given, docent_client **ret_client)
{
    docent_client_options options;
    if (ret_client == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = options_fill(given, &options);
    if (status != DOCENT_OK) return status;
    if (options.poll != NULL && (status = docent_poll_check(options.poll)) != DOCENT_OK) return status;
    struct connect_string string;
    status = docent_connect_parse(servers, &string, NULL, 0);
    if (status != DOCENT_OK) return status;
    struct driver *d = calloc(1, sizeof *d);
    if (d == NULL) {
        docent_connect_free(&string);
        return DOCENT_ERR_NO_MEMORY;
    }
    d->servers = string;
    d->post_max = options.inbox_max;
    d->owns_thread = options.base == NULL && options.poll == NULL;
    d->poll = options.poll;
    d->servers_from = options.servers_from;
    d->servers_user = options.user;
    char host_name[256] = "";
    (void)gethostname(host_name, sizeof host_name - 1);
    snprintf(d->label, sizeof d->label, "%s-%ld", host_name, (long)getpid());

    d->base = d->owns_thread ? docent_base_new() : options.poll != NULL ? options.poll->base : options.base;
    status = d->base == NULL ? DOCENT_ERR_NO_MEMORY : docent_driver_init(d, d->base);
    if (status == DOCENT_OK) {
        struct docent_host host = docent_driver_host(d);
        struct docent_core_config config = { &options, d->servers.chroot, servers };
        status = docent_core_new(&config, &host, &d->client);
    }
    if (status != DOCENT_OK) {
        driver_discard(d, d->owns_thread);
        return status;
    }
    docent_client *before = *ret_client;
    *ret_client = d->client; /* Before the loop runs: callbacks may look at it. */
    if (d->owns_thread) {
        status = thread_begin(d, options.stack_bytes);
        if (status != DOCENT_OK) {
            *ret_client = before;
            driver_discard(d, true);
        }
    } else {
        if (d->poll != NULL) d->poll->clients++;
        docent_driver_begin(d);
    }
    return status;
}

/* ---- Close. ---- */

static void close_posted(struct docent_post *post)
{
    struct driver *d = (struct driver *)((char *)post - offsetof(struct driver, close_post));
    docent_driver_close_on_loop(d);
}

void docent_client_close(docent_client *client, void (*closed)(void *user), void *user)
{
    if (client == NULL) return;
    if (docent_client_is_view(client)) {
        docent_client_log(client, DOCENT_LOG_ERROR, "client.close_of_view", NULL, "a view is released, not closed");
        return;
    }
    struct driver *d = docent_client_host(client)->user;
    docent_status where = docent_driver_check(d);
    if (where == DOCENT_ERR_FORKED) {
        docent_driver_abandon(d);
        return;
    }
    if (atomic_exchange(&d->close_called, true)) return;
    d->closed = closed;
    d->closed_user = user;
    if (where == DOCENT_OK) {
        docent_driver_close_on_loop(d);
        return;
    }
    pthread_t thread = atomic_load(&d->thread);
    bool joins = d->owns_thread;
    d->thread_joined = joins;
    d->close_post.run = close_posted;
    (void)docent_driver_post(d, &d->close_post, false);
    if (joins) pthread_join(thread, NULL);
}

/* ---- Post, and what is made of it. ---- */

struct call_post {
    struct docent_post post;
    const docent_allocator *allocator;
    void (*fn)(void *user);
    void *user;
};

static void call_run(struct docent_post *post)
{
    struct call_post *call = (struct call_post *)post;
    void (*fn)(void *user) = call->fn;
    void *user = call->user;
    docent_free(call->allocator, call);
    fn(user);
}

static void call_drop(struct docent_post *post)
{
    struct call_post *call = (struct call_post *)post;
    docent_free(call->allocator, call);
}

docent_status docent_client_post(docent_client *client, void (*fn)(void *user), void *user)
{
    if (client == NULL || fn == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct docent_host *host = docent_client_host(client);
    if (host->check_loop(host->user) == DOCENT_ERR_FORKED) return DOCENT_ERR_FORKED;
    struct call_post *call = docent_alloc(docent_client_allocator(client), sizeof *call);
    if (call == NULL) return DOCENT_ERR_NO_MEMORY;
    *call = (struct call_post){ { NULL, call_run, call_drop }, docent_client_allocator(client), fn, user };
    docent_status status = host->post(host->user, &call->post, true);
    if (status != DOCENT_OK) docent_free(docent_client_allocator(client), call);
    return status;
}

struct auth_post {
    struct docent_post post;
    docent_client *client;
    size_t size;
    char *scheme;
    uint8_t auth[];
};

static void auth_run(struct docent_post *post)
{
    struct auth_post *a = (struct auth_post *)post;
    docent_status status = docent_core_add_auth(a->client, a->scheme, a->auth, a->size);
    if (status != DOCENT_OK && status != DOCENT_ERR_CLOSING) {
        docent_client_log(a->client, DOCENT_LOG_ERROR, "client.auth_not_added", NULL, "credentials not added: %s",
                          docent_status_text(status));
    }
    docent_free(docent_client_allocator(a->client), a);
}

static void auth_drop(struct docent_post *post)
{
    struct auth_post *a = (struct auth_post *)post;
    docent_free(docent_client_allocator(a->client), a);
}

docent_status docent_client_add_auth(docent_client *client, const char *scheme, const void *auth, size_t size)
{
    if (client == NULL || scheme == NULL || scheme[0] == '\0' || (auth == NULL && size > 0) || size > 0x7ffff) {
        return DOCENT_ERR_INVALID_ARGUMENT;
    }
    const struct docent_host *host = docent_client_host(client);
    docent_status where = host->check_loop(host->user);
    if (where == DOCENT_OK) return docent_core_add_auth(client, scheme, auth, size);
    if (where == DOCENT_ERR_FORKED) return where;
    if (docent_client_close_cause(client) != DOCENT_OK) return docent_client_close_cause(client);
    const docent_allocator *allocator = docent_client_allocator(client);
    size_t scheme_size = strlen(scheme) + 1;
    struct auth_post *a = docent_alloc(allocator, sizeof *a + size + scheme_size);
    if (a == NULL) return DOCENT_ERR_NO_MEMORY;
    *a = (struct auth_post){ { NULL, auth_run, auth_drop }, client, size, (char *)a->auth + size };
    if (size > 0) memcpy(a->auth, auth, size);
    memcpy(a->scheme, scheme, scheme_size);
    docent_status status = host->post(host->user, &a->post, true);
    if (status != DOCENT_OK) docent_free(allocator, a);
    return status;
}

struct connected_wait {
    docent_client *client;
    uint32_t timeout_ms;
    struct docent_wait *wait;
    docent_state_listener *listener;
    struct docent_timer timer;
};

static void connected_end(struct connected_wait *w, docent_status status)
{
    docent_timer_stop(w->client, &w->timer);
    docent_timer_release(w->client);
    if (status != DOCENT_ERR_CLOSING && status != DOCENT_ERR_AUTH_FAILED) docent_client_unlisten(w->listener);
    docent_wait_done(w->wait, status);
}

static void connected_state(const docent_state_event *event, void *user)
{
    if (event->state == DOCENT_CONNECTED || event->state == DOCENT_READ_ONLY) {
        connected_end(user, DOCENT_OK);
    } else if (event->state == DOCENT_CLOSED) {
        connected_end(user, event->cause);
    }
}

static void connected_late(struct docent_timer *timer)
{
    connected_end((struct connected_wait *)((char *)timer - offsetof(struct connected_wait, timer)), DOCENT_ERR_TIMEOUT);
}

static docent_status connected_start(void *argument, struct docent_wait *wait)
{
    struct connected_wait *w = argument;
    w->wait = wait;
    docent_state state = docent_client_state(w->client);
    docent_status status = docent_timer_reserve(w->client);
    if (status != DOCENT_OK) return status;
    status = docent_client_listen(w->client, connected_state, w, &w->listener);
    if (status != DOCENT_OK) {
        docent_timer_release(w->client);
        return status;
    }
    w->timer.fire = connected_late;
    if (state == DOCENT_CONNECTED || state == DOCENT_READ_ONLY) {
        connected_end(w, DOCENT_OK);
    } else if (w->timeout_ms != DOCENT_FOREVER) {
        docent_timer_set(w->client, &w->timer, docent_clock_ms() + w->timeout_ms);
    }
    return DOCENT_OK;
}

docent_status docent_client_wait_connected(docent_client *client, uint32_t timeout_ms)
{
    if (client == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    struct connected_wait w = { .client = client, .timeout_ms = timeout_ms };
    return docent_await(client, connected_start, &w);
}
