/* recipes/node.c - see node.h. */
#include "recipes/node.h"

#include <string.h>

#include "recipes/protected.h"

enum { NODE_TIMERS = 2 }; /* The machine's and the deadline. */

static const docent_allocator *node_allocator(const struct node_call *call)
{
    return docent_client_allocator(call->machine.client);
}

/* ---- Memory. ---- */

/* Everything but what docent_node_new() took from the client. */
static void node_free(struct node_call *call)
{
    const docent_allocator *allocator = node_allocator(call);

    if (call->kind->free != NULL) call->kind->free(call);
    docent_free(allocator, call->path);
    docent_free(allocator, call->data);
    docent_free(allocator, call->copy);
    docent_free(allocator, call);
}

void docent_node_cancel(struct node_call *call)
{
    docent_client *client = call->machine.client;

    docent_timer_release(client);
    docent_timer_release(client);
    docent_client_composite_ends(client);
    node_free(call);
    docent_client_drop(client);
}

/* ---- Telling. ---- */

bool docent_node_is_mute(const struct node_call *call)
{
    const struct docent_host *host = docent_client_host(call->machine.client);

    return host->check_loop(host->user) == DOCENT_ERR_FORKED;
}

static void node_telling(struct docent_later *later)
{
    struct node_call *call = (struct node_call *)((char *)later - offsetof(struct node_call, telling));
    docent_result_fn done = call->done;

    call->done = NULL;
    if (done != NULL && (!docent_node_is_mute(call))) done(&call->result, call->user);
    if (call->over && !docent_later_is_queued(&call->telling)) docent_node_cancel(call);
}

void docent_node_tell(struct node_call *call, docent_status status)
{
    if (call->told) return;
    call->told = true;
    call->result.struct_size = sizeof call->result;
    call->result.status = status;
    call->result.attempts = call->attempts;
    call->result.elapsed_ms = docent_client_now(call->machine.client) - call->accepted_ms;
    call->result.last_cause = call->cause;
    docent_timer_stop(call->machine.client, &call->deadline);
    docent_client_later(call->machine.client, &call->telling);
}

void docent_node_end(struct node_call *call, docent_status status)
{
    docent_node_tell(call, status);
    if (call->over) return;
    call->over = true;
    if (call->leaves) docent_client_removal_ends(call->machine.client);
    docent_machine_fini(&call->machine);
    docent_client_later(call->machine.client, &call->telling);
}

void docent_node_succeed(struct node_call *call, const docent_result *result)
{
    if (!call->told && result != NULL) {
        call->result.zxid = result->zxid;
        call->result.has_stat = result->has_stat;
        call->result.stat = result->stat;
    }
    docent_node_end(call, DOCENT_OK);
}

/* ---- Giving up. ---- */

static void node_give_up(struct node_call *call, docent_status why)
{
    if (call->told) return;
    if (call->doubt || call->moot || call->changing) why = DOCENT_ERR_UNKNOWN_OUTCOME;
    bool leaves = call->kind->gives_up != NULL && call->kind->gives_up(call, why);
    if (!leaves) {
        docent_node_end(call, why);
        return;
    }
    docent_node_tell(call, why);
    call->leaves = true;
    docent_client_removal_begins(call->machine.client);
    docent_machine_calm(&call->machine);
}

static void node_late(struct docent_timer *timer)
{
    node_give_up((struct node_call *)((char *)timer - offsetof(struct node_call, deadline)), DOCENT_ERR_TIMEOUT);
}

void docent_node_changes(struct node_call *call)
{
    call->changing = true;
}

void docent_node_doubt(struct node_call *call)
{
    if (call->doubt) return;
    call->doubt = true;
    call->doubt_generation = docent_client_generation(call->machine.client);
}

void docent_node_doubt_over(struct node_call *call)
{
    call->doubt = false;
}

void docent_node_doubt_moot(struct node_call *call)
{
    call->moot = call->moot || call->doubt;
    call->doubt = false;
}

/* ---- Steps. ---- */

void docent_node_step(struct node_call *call)
{
    docent_machine_next_turn(&call->machine);
    call->resting = call->changing = false;
    if (!docent_machine_online(&call->machine)) {
        if (!call->told && call->offline == DOCENT_OFFLINE_FAIL) node_give_up(call, DOCENT_ERR_CONNECTION_LOSS);
        return;
    }
    if (!call->tried) {
        call->tried = true;
        if (call->attempts < UINT32_MAX) call->attempts++;
    }
    call->kind->ask(call);
}

void docent_node_later(struct node_call *call)
{
    docent_machine_next_turn(&call->machine);
    call->resting = true;
    docent_machine_retry(&call->machine);
}

bool docent_node_may_retry(const struct node_call *call, docent_status status)
{
    return status == DOCENT_ERR_NO_MEMORY || docent_retry_allows(&call->retry, status);
}

void docent_node_failed(struct node_call *call, docent_status cause, bool sent)
{
    if (call->told) { /* Leftovers: whatever it was, again. */
        if (cause == DOCENT_ERR_CONNECTION_LOSS && !docent_machine_online(&call->machine)) {
            docent_machine_next_turn(&call->machine);
        } else {
            docent_client_log(call->machine.client, DOCENT_LOG_WARNING, "node.leftover", call->path, "%s is not done yet: %s",
                              call->kind->name, docent_status_text(cause));
            docent_node_later(call);
        }
        return;
    }
    if (cause == DOCENT_ERR_CONNECTION_LOSS && !sent) { /* No try: it was not made. */
        call->attempts--;
        call->tried = false;
        docent_node_step(call);
        return;
    }
    docent_machine_next_turn(&call->machine);
    bool again = docent_node_may_retry(call, cause);
    if (again) {
        uint64_t elapsed = docent_client_now(call->machine.client) - call->accepted_ms;
        call->cause = cause;
        again = docent_machine_retry_by(&call->machine, &call->retry, call->attempts, elapsed, cause);
    }
    if (again) {
        call->tried = false;
        call->resting = true;
        return;
    }
    node_give_up(call, cause);
    if (!call->over) docent_node_later(call);
}

bool docent_node_leaves_doubt(const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_OPERATION_TIMEOUT || ev->status == DOCENT_ERR_REQUEST_TIMEOUT) return true;
    return ev->sent && (ev->status == DOCENT_ERR_CONNECTION_LOSS || ev->status == DOCENT_ERR_NO_MEMORY);
}

static void node_on_expired(struct node_call *call)
{
    if (!call->told && (call->retry.session_fails || call->offline == DOCENT_OFFLINE_SESSION)) {
        node_give_up(call, DOCENT_ERR_SESSION_EXPIRED);
    }
    if (!call->over && call->kind->on_expired != NULL) call->kind->on_expired(call);
}

static void node_on_resumed(struct node_call *call, uint64_t generation)
{
    if (call->doubt && generation != call->doubt_generation) {
        if (!docent_client_settled_since(call->machine.client, call->doubt_generation)) {
            node_give_up(call, DOCENT_ERR_UNKNOWN_OUTCOME); /* The session that may have applied it is not known to be over. */
            if (call->over) return;
        }
        call->doubt_generation = generation;
    }
    docent_machine_calm(&call->machine);
    if (!call->resting || call->told) docent_node_step(call);
}

static void node_on_event(struct docent_machine *machine, const struct docent_event *ev)
{
    struct node_call *call = (struct node_call *)((char *)machine - offsetof(struct node_call, machine));

    switch (ev->type) {
    case DOCENT_EV_REPLY:
        call->changing = false;
        call->kind->on_reply(call, ev);
        break;
    case DOCENT_EV_TIMER: docent_node_step(call); break;
    case DOCENT_EV_RESUMED: node_on_resumed(call, ev->generation); break;
    case DOCENT_EV_EXPIRED: node_on_expired(call); break;
    case DOCENT_EV_CLOSING: docent_node_end(call, ev->status); break;
    case DOCENT_EV_SUSPENDED: /* Lost replies follow. */
    case DOCENT_EV_WATCH: break;
    }
}

/* ---- Accepting. ---- */

static docent_status node_fill(struct node_call *call, const char *path, const void *data, size_t size, const struct node_limits *limits)
{
    docent_client *client = call->machine.client;
    const docent_retry *retry = limits->retry != NULL ? limits->retry : docent_client_retry(client);

    memcpy(&call->retry, retry, retry->struct_size < sizeof call->retry ? retry->struct_size : sizeof call->retry);
    call->retry.struct_size = sizeof call->retry;
    call->step = limits->step;
    call->offline = limits->offline == DOCENT_OFFLINE_DEFAULT ? docent_client_offline(client) : limits->offline;
    call->path_size = strlen(path);
    call->path = docent_alloc(node_allocator(call), call->path_size + PROTECTED_SEQUENCE_MAX + 1);
    if (call->path == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(call->path, path, call->path_size + 1);
    call->result.path = call->path;
    if (data == NULL) return DOCENT_OK;
    call->data = docent_alloc(node_allocator(call), size == 0 ? 1 : size);
    if (call->data == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(call->data, data, size);
    call->size = size;
    return DOCENT_OK;
}

docent_status docent_node_new(docent_client *client, size_t size, const struct node_kind *kind, const char *path, bool sequential,
                              const void *data, size_t data_size, const struct node_limits *limits, docent_result_fn done, void *user,
                              struct node_call **ret_call)
{
    if (client == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_client_check(client);
    if (status != DOCENT_OK) return status;
    if (docent_path_fault(path, sequential) != NULL || (data == NULL && data_size > 0)) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_sized(limits->retry)) return DOCENT_ERR_INVALID_ARGUMENT;
    if ((unsigned)limits->offline > DOCENT_OFFLINE_SESSION) return DOCENT_ERR_INVALID_ARGUMENT;

    status = docent_client_composite_begins(client);
    if (status != DOCENT_OK) return status;
    status = docent_timer_reserve(client);
    if (status != DOCENT_OK) {
        docent_client_composite_ends(client);
        return status;
    }
    struct node_call *call = NULL;
    status = docent_timer_reserve(client);
    if (status == DOCENT_OK) {
        call = docent_alloc(docent_client_allocator(client), size);
        if (call == NULL) {
            docent_timer_release(client);
            status = DOCENT_ERR_NO_MEMORY;
        }
    }
    if (status != DOCENT_OK) {
        docent_timer_release(client);
        docent_client_composite_ends(client);
        return status;
    }
    memset(call, 0, size);
    call->machine.client = client;
    docent_client_keep(client);
    call->kind = kind;
    call->done = done;
    call->user = user;
    call->telling.run = node_telling;
    call->deadline.fire = node_late;
    call->accepted_ms = docent_client_now(client);
    status = node_fill(call, path, data, data_size, limits);
    if (status != DOCENT_OK) {
        docent_node_cancel(call);
        return status;
    }
    *ret_call = call;
    return DOCENT_OK;
}

void docent_node_start(struct node_call *call, uint32_t timeout_ms)
{
    docent_client *client = call->machine.client;

    if (timeout_ms == 0) timeout_ms = docent_client_call_timeout(client);
    docent_machine_init(&call->machine, client, node_on_event);
    call->machine.wants_stat = true;
    call->machine.name = call->kind->name;
    if (timeout_ms != DOCENT_FOREVER) docent_timer_set(client, &call->deadline, call->accepted_ms + timeout_ms);
    docent_node_step(call);
}

uint32_t docent_pending_deletes(const docent_client *client)
{
    return client == NULL ? 0 : docent_client_removals(client);
}
