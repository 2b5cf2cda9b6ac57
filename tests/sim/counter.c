#include "tests/sim/counter.h"

#include <docent/node.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/wire.h"

struct attempt { /* The last write that a client has made. */
    struct call *call; /* NULL: none, or settled. */
    int64_t session;
    unsigned conn;
    int32_t xid;
    int32_t version;   /* Its condition. */
    bool sent;         /* It may be lost before: the client has sent it on a connection that is gone. */
    bool answered;     /* By the server. */
    bool applied;
    bool doubted;      /* The client looks what became of it. */
    bool seen;         /* And was told. */
    int32_t seen_version;
    int32_t look_xid;
};

struct counter {
    struct attempt attempts[WORLD_ACTORS_MAX];
    unsigned count; /* As the log has it. */
    struct counter_tally tally;
};

struct counter *counter_new(void)
{
    struct counter *counter = calloc(1, sizeof *counter);
    if (counter == NULL) {
        abort();
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

/* ---- The value. ---- */

struct value {
    unsigned count;
    uint64_t last[WORLD_ACTORS_MAX]; /* Of each writer: its last update's serial and one; 0: none. */
};

static bool counter_says_who(const struct world *world)
{
    return world->seed % 2 == 1;
}

static struct value counter_read(const void *data, size_t size)
{
    struct value value = {0};
    char text[128] = "";
    if (size > 0 && size < sizeof text) {
        memcpy(text, data, size);
        sscanf(text, "%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &value.count, &value.last[0], &value.last[1], &value.last[2],
               &value.last[3]);
    }
    return value;
}

static void counter_settled(struct world *world, struct attempt *attempt, docent_status status);

static void counter_attempt(struct call *call, int32_t version)
{
    struct attempt *attempt = &call->world->counter->attempts[call->actor->index];
    if (attempt->call == call) {
        counter_settled(call->world, attempt, DOCENT_ERR_BAD_VERSION);
    }
    *attempt = (struct attempt){.call = call, .session = docent_client_session(call->actor->client.core, NULL), .version = version};
}

static docent_status counter_one_more(const docent_result *current, const void **ret_data, size_t *ret_size, void *user)
{
    static char text[128]; /* Until it returns to here. */
    struct call *call = user;
    struct value value = counter_read(current->data, current->size);
    counter_attempt(call, current->stat.version);
    value.last[call->actor->index] = call->serial + 1;
    int size = snprintf(text, sizeof text, "%u", value.count + 1);
    if (counter_says_who(call->world)) {
        size = snprintf(text, sizeof text, "%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, value.count + 1, value.last[0], value.last[1],
                        value.last[2], value.last[3]);
    }
    *ret_data = text;
    *ret_size = (size_t)size;
    return DOCENT_OK;
}

static docent_recognised counter_recognise(const docent_result *current, const void *data, size_t size, int32_t version, void *user)
{
    (void)data;
    (void)size;
    (void)version;
    const struct call *call = user;
    struct value value = counter_read(current->data, current->size);
    return value.last[call->actor->index] == call->serial + 1 ? DOCENT_WRITE_THERE : DOCENT_WRITE_ABSENT;
}

/* ---- What the world knows. ---- */

/* The client has made up its mind about its last write: @status, or DOCENT_ERR_BAD_VERSION for "not applied, and once more". */
static void counter_settled(struct world *world, struct attempt *attempt, docent_status status)
{
    struct counter_tally *tally = &world->counter->tally;
    struct call *call = attempt->call;
    size_t client = call->actor->index;
    bool unknown = status == DOCENT_ERR_UNKNOWN_OUTCOME, says_who = counter_says_who(world);
    attempt->call = NULL;
    if ((status == DOCENT_OK && !attempt->applied) || (status == DOCENT_ERR_BAD_VERSION && attempt->applied)) {
        world_fail(world, "update %" PRIu64 " takes its write for %s, and it was%s", call->serial,
                   status == DOCENT_OK ? "applied" : "not applied", attempt->applied ? "" : " not");
    }
    if (!attempt->doubted && !unknown) {
        return; /* It had its answer. */
    }
    int64_t session = docent_client_session(world->actors[client]->client.core, NULL);
    if (session != attempt->session) {
        tally->sessions_lost++;
        return;
    }
    bool moved = attempt->seen && attempt->seen_version != attempt->version;
    bool foretold = moved && !says_who;
    struct counter_losses *losses = &(attempt->answered || attempt->applied ? tally->replies : tally->requests)[says_who];
    losses->lost++;
    losses->moved += moved;
    losses->unknown_still += unknown && !moved;
    losses->unknown_moved += unknown && moved;
    tally->foretold += foretold;
    tally->unknown += unknown;
    if (unknown != foretold && status != DOCENT_ERR_CLOSING && status != DOCENT_ERR_NO_MEMORY) {
        world_fail(world, "the %s of update %" PRIu64 " was lost, and the client says %s: it %s, and the value %s who wrote",
                   attempt->answered || attempt->applied ? "reply" : "request", call->serial, unknown ? "unknown" : "that it knows",
                   moved ? "read another version back" : "read the same version back", says_who ? "says" : "does not say");
    }
}

bool counter_committed(struct world *world, const struct commit *commit)
{
    struct counter *counter = world->counter;
    if (strcmp(commit->path, "/k") != 0) {
        return false;
    }
    if (commit->type != COMMIT_SET) {
        return true;
    }
    unsigned count = counter_read(commit->data, commit->size).count;
    if (count != counter->count + 1) {
        world_fail(world, "the counter goes from %u to %u", counter->count, count);
    }
    counter->count = count;
    /* A client has one update at a time and begins no write before the last one's fate is decided: it is the newest of that session. */
    for (size_t i = 0; i < world->actor_count; i++) {
        struct attempt *attempt = &counter->attempts[i];
        if (attempt->session != commit->session) {
            continue;
        }
        if (attempt->call == NULL) { /* Given up as unknown. */
            return true;
        }
        attempt->applied = true;
        if (++attempt->call->applied > 1) {
            world_fail(world, "update %" PRIu64 " is applied twice", attempt->call->serial);
        }
        return true;
    }
    return true; /* Of a process that is gone. */
}

static int32_t counter_word(const uint8_t *frame, size_t size, size_t at)
{
    return size < at + 4 ? -1 : (int32_t)((uint32_t)frame[at] << 24 | (uint32_t)frame[at + 1] << 16 | (uint32_t)frame[at + 2] << 8 | frame[at + 3]);
}

static void counter_asked(struct world *world, const struct conn *conn, const uint8_t *frame, size_t size)
{
    const struct actor *actor = world->actors[conn->client];
    struct attempt *attempt = &world->counter->attempts[conn->client];
    struct wire_in in = docent_wire_in(frame + 4, size - 4);
    struct wire_request_header header;
    struct wire_set_data_request set;
    if (!docent_wire_get_request_header(&in, &header)) {
        return;
    }
    if (header.op == WIRE_OP_SET_DATA && docent_wire_get_set_data_request(&in, &set) && actor->updating != NULL) {
        if (attempt->sent || attempt->doubted) { /* The same once more. */
            counter_attempt(actor->updating, set.version);
        }
        attempt->sent = true;
        attempt->session = docent_client_session(actor->client.core, NULL);
        attempt->conn = conn->serial;
        attempt->xid = header.xid;
    } else if (header.op == WIRE_OP_SYNC && attempt->call != NULL) {
        attempt->doubted = true;
    } else if (header.op == WIRE_OP_GET_DATA && attempt->call != NULL && attempt->doubted) {
        attempt->look_xid = header.xid;
        attempt->conn = conn->serial;
    }
}

static void counter_answered(struct world *world, const struct conn *conn, const uint8_t *frame, size_t size, enum verdict verdict)
{
    struct attempt *attempt = &world->counter->attempts[conn->client];
    struct wire_in in = docent_wire_in(frame + 4, size - 4);
    struct wire_reply_header header;
    struct wire_data_response data;
    if (attempt->call == NULL || attempt->conn != conn->serial || !docent_wire_get_reply_header(&in, &header)) {
        return;
    }
    if (!attempt->doubted && header.xid == attempt->xid) {
        attempt->answered = true;
    } else if (attempt->doubted && header.xid == attempt->look_xid && header.err == 0 && verdict != VERDICT_LOSE &&
               docent_wire_get_data_response(&in, &data)) {
        attempt->seen = true;
        attempt->seen_version = data.stat.version;
    }
}

void counter_sent(struct world *world, const struct conn *conn, enum side to, const uint8_t *frame, size_t size, enum verdict verdict)
{
    if (size >= 12 && counter_word(frame, size, 4) > 0) { /* Not the handshake, a ping, or a notification. */
        if (to == SIDE_SERVER) {
            counter_asked(world, conn, frame, size);
        } else {
            counter_answered(world, conn, frame, size, verdict);
        }
    }
}

/* ---- Writers. ---- */

static void counter_told(const docent_result *result, void *user)
{
    struct call *call = user;
    struct actor *actor = call->actor;
    struct world *world = call->world;
    struct attempt *attempt = &world->counter->attempts[actor->index];
    docent_status status = result->status;
    actor->updating = NULL;
    world->counter->tally.updates++;
    world_call_told(call, status);
    if (status == DOCENT_OK && call->applied != 1) {
        world_fail(world, "update %" PRIu64 " was told OK, and was applied %u times", call->serial, call->applied);
    }
    if (attempt->call == call) {
        counter_settled(world, attempt, status);
    }
    if (status != DOCENT_OK && status != DOCENT_ERR_UNKNOWN_OUTCOME && status != DOCENT_ERR_CLOSING && status != DOCENT_ERR_NO_MEMORY) {
        world_fail(world, "update %" PRIu64 " ended with %s", call->serial, docent_status_name(status));
    }
    actor_call_over(actor);
}

void counter_call(struct actor *actor)
{
    static const docent_retry patient = {DOCENT_RETRY, .base_ms = 10, .max_ms = 100, .tries_max = DOCENT_FOREVER};
    struct call *call = world_call(actor->world, actor, CALL_NODE);
    docent_update_options options = {
        DOCENT_UPDATE_OPTIONS, .recognise = counter_says_who(actor->world) ? counter_recognise : NULL, .timeout_ms = DOCENT_FOREVER,
        .retry = &patient,
    };
    docent_status status = docent_update_async(actor->client.core, "/k", counter_one_more, &options, counter_told, call);
    if (status == DOCENT_OK) {
        actor->updating = call;
        actor_call_began(actor);
    } else {
        actor_call_refused(actor, call, status);
    }
}

/* ---- The counts. ---- */

static void losses_add(const struct counter_losses *losses, struct counter_losses *sum)
{
    sum->lost += losses->lost;
    sum->moved += losses->moved;
    sum->unknown_still += losses->unknown_still;
    sum->unknown_moved += losses->unknown_moved;
}

void counter_add(const struct counter *counter, struct counter_tally *sum)
{
    for (size_t i = 0; counter != NULL && i < 2; i++) {
        losses_add(&counter->tally.requests[i], &sum->requests[i]);
        losses_add(&counter->tally.replies[i], &sum->replies[i]);
    }
    if (counter != NULL) {
        sum->sessions_lost += counter->tally.sessions_lost;
        sum->foretold += counter->tally.foretold;
        sum->unknown += counter->tally.unknown;
        sum->updates += counter->tally.updates;
    }
}

static void losses_print(const char *what, const struct counter_losses *losses)
{
    printf("%-44s %8" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", what, losses->lost, losses->moved, losses->unknown_still,
           losses->unknown_moved);
}

void counter_print(const struct counter_tally *tally)
{
    printf("%-44s %8s %12s %25s\n", "lost, and the session was kept", "lost", "version", "unknown, version");
    printf("%-44s %8s %12s %12s %12s\n", "", "", "moved on", "as it was", "moved on");
    losses_print("requests; the value is a count", &tally->requests[0]);
    losses_print("replies; the value is a count", &tally->replies[0]);
    losses_print("requests; the value says who wrote", &tally->requests[1]);
    losses_print("replies; the value says who wrote", &tally->replies[1]);
    uint64_t still = tally->requests[0].unknown_still + tally->requests[1].unknown_still + tally->replies[0].unknown_still +
        tally->replies[1].unknown_still;
    uint64_t known = tally->requests[1].unknown_moved + tally->replies[1].unknown_moved + tally->requests[1].unknown_still +
        tally->replies[1].unknown_still;
    printf("unknown, though the node was read back as it was: %" PRIu64 "\n", still);
    printf("unknown, because it had moved on and the bytes do not say who wrote: %" PRIu64 " (by the world's reckoning %" PRIu64 ")\n",
           tally->unknown - still - known, tally->foretold);
    printf("unknown, though the value says who wrote: %" PRIu64 "\n", known);
    printf("updates: %" PRIu64 "; lost with their session, and not counted above: %" PRIu64 "\n", tally->updates, tally->sessions_lost);
}
