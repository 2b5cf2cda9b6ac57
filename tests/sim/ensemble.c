#include "tests/sim/ensemble.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server.h"

/* Ticks without its leader after which a server gives up, drops its clients and takes no new ones: ZooKeeper's syncLimit. */
enum { ENSEMBLE_SYNC_LIMIT = 5 };

struct letter { /* A message on its way. */
    struct letter *next;
    uint64_t at_us;
    struct server_message *message;
};

struct wire { /* One direction between a replica and the leader, or what a replica has heard and not yet done. */
    struct part *part;
    bool local; /* Goes on while the replica is cut off. */
    struct letter *first, *last;
    uint64_t last_at_us;
    struct alarm alarm;
};

struct part { /* One server. */
    struct ensemble *ensemble;
    size_t index;
    struct replica *replica; /* NULL: powered off. */
    struct wire up, down;
    struct wire apply; /* Committed transactions and the answers to syncs wait here, in order; the answer to a re-attach overtakes
                        * them, as it does in Apache ZooKeeper. So a session may find its new server behind its own writes. */
    struct alarm alarm;      /* The replica's deadline. */
    struct alarm limit;      /* Cut off for too long. */
    bool cut;
    bool expelled;           /* It has given up. */
};

struct ensemble {
    struct ensemble_config config;
    struct server_config server;
    struct leader *leader;
    struct alarm alarm; /* The leader's deadline. */
    size_t observed;    /* Of the log. */
    struct part parts[ENSEMBLE_MAX];
};

static enum speak_release ensemble_release(const struct ensemble_config *config, size_t server)
{
    enum speak_release release;
    if (!docent_speak_find(net_speaks(config->speaks, server), &release)) {
        abort();
    }
    return release;
}

static uint64_t ensemble_now(const struct ensemble *ensemble)
{
    return ensemble->config.clock->now_us / SIM_MS;
}

static int64_t ensemble_wall(const struct ensemble *ensemble)
{
    return (int64_t)ensemble_now(ensemble) + INT64_C(1700000000000);
}

static void ensemble_note(struct ensemble *ensemble, const char *what, size_t part)
{
    if (ensemble->config.trace != NULL) {
        char text[80];
        snprintf(text, sizeof text, "server %zu  %s", part, what);
        ensemble->config.trace(ensemble->config.user, text);
    }
}

/* ---- The messages between leader and replicas. ---- */

static void wire_wake(struct wire *wire)
{
    struct clock *clock = wire->part->ensemble->config.clock;
    if (wire->first == NULL || (wire->part->cut && !wire->local)) {
        clock_stop(clock, &wire->alarm);
    } else {
        clock_set(clock, &wire->alarm, wire->first->at_us);
    }
}

static void wire_send(struct wire *wire, struct server_message *message)
{
    struct ensemble *ensemble = wire->part->ensemble;
    const struct ensemble_config *config = &ensemble->config;
    uint64_t delay = chance_between(config->random, config->latency_min_us, config->latency_max_us);
    if (config->lag_max_us > 0 && chance_per_mille(config->random, 200)) {
        delay += chance_below(config->random, config->lag_max_us);
    }
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL) {
        abort();
    }
    letter->message = message;
    letter->at_us = config->clock->now_us + delay;
    if (letter->at_us < wire->last_at_us) {
        letter->at_us = wire->last_at_us;
    }
    wire->last_at_us = letter->at_us;
    if (wire->last == NULL) {
        wire->first = letter;
    } else {
        wire->last->next = letter;
    }
    wire->last = letter;
    if (wire->first == letter) {
        wire_wake(wire);
    }
}

static struct server_message *wire_take(struct wire *wire)
{
    struct letter *letter = wire->first;
    struct server_message *message = letter->message;
    wire->first = letter->next;
    if (wire->first == NULL) {
        wire->last = NULL;
    }
    free(letter);
    return message;
}

static void wire_drop(struct wire *wire)
{
    while (wire->first != NULL) {
        docent_message_free(wire_take(wire));
    }
    wire->last_at_us = 0;
    wire_wake(wire);
}

static void part_send_up(void *user, struct server_message *message)
{
    wire_send(&((struct part *)user)->up, message);
}

static void part_send_down(void *user, struct server_message *message)
{
    wire_send(&((struct part *)user)->down, message);
}

/* ---- What follows every entry into a leader or a replica. ---- */

static void ensemble_tell_change(struct ensemble *ensemble, const struct txn *txn, const struct change *change)
{
    struct commit commit = {.zxid = txn->zxid, .session = txn->session, .path = change->path, .data = change->data,
                            .size = change->size > 0 ? (size_t)change->size : 0, .owner = change->owner};
    commit.type = change->op == WIRE_OP_CREATE ? COMMIT_CREATE : change->op == WIRE_OP_SET_DATA ? COMMIT_SET
        : change->op == WIRE_OP_DELETE ? COMMIT_DELETE : COMMIT_OTHER;
    ensemble->config.committed(ensemble->config.user, &commit);
}

static void ensemble_leader_settle(struct ensemble *ensemble)
{
    for (size_t size = docent_leader_log_size(ensemble->leader); ensemble->observed < size; ensemble->observed++) {
        const struct txn *txn = docent_leader_log_at(ensemble->leader, ensemble->observed);
        for (size_t i = 0; i < txn->change_count && txn->type != TXN_ERROR; i++) {
            ensemble_tell_change(ensemble, txn, &txn->changes[i]);
        }
    }
    uint64_t deadline = docent_leader_deadline(ensemble->leader);
    if (deadline == UINT64_MAX) {
        clock_stop(ensemble->config.clock, &ensemble->alarm);
    } else {
        clock_set(ensemble->config.clock, &ensemble->alarm, deadline * SIM_MS);
    }
}

static void part_settle(struct part *part)
{
    if (part->replica == NULL) {
        return;
    }
    struct connection *next = docent_connection_next(part->replica, NULL);
    while (next != NULL) {
        struct connection *connection = next;
        struct conn *conn = docent_connection_user(connection);
        next = docent_connection_next(part->replica, connection);
        bool dropped = false;
        bool closes = docent_connection_wants_close(connection, &dropped);
        const uint8_t *data;
        size_t size;
        while (!(closes && dropped) && (size = docent_connection_send(connection, &data)) > 0) {
            conn_write(conn, SIDE_SERVER, data, size);
            docent_connection_sent(connection, size);
        }
        if (closes) {
            docent_connection_free(connection);
            conn_close(conn, SIDE_SERVER, dropped);
        }
    }
    uint64_t deadline = docent_replica_deadline(part->replica);
    if (deadline == UINT64_MAX) {
        clock_stop(part->ensemble->config.clock, &part->alarm);
    } else {
        clock_set(part->ensemble->config.clock, &part->alarm, deadline * SIM_MS);
    }
}

#define PART_OF(member, alarm_) ((struct part *)(void *)((char *)(alarm_)-offsetof(struct part, member)))

static void part_up_ring(struct alarm *alarm)
{
    struct part *part = PART_OF(up.alarm, alarm);
    struct ensemble *ensemble = part->ensemble;
    docent_leader_receive(ensemble->leader, ensemble_now(ensemble), ensemble_wall(ensemble), wire_take(&part->up));
    wire_wake(&part->up);
    ensemble_leader_settle(ensemble);
}

static void part_down_ring(struct alarm *alarm)
{
    struct part *part = PART_OF(down.alarm, alarm);
    struct server_message *message = wire_take(&part->down);
    wire_wake(&part->down);
    bool waits = message->type == DOWN_COMMIT || message->type == DOWN_SYNCED;
    if (waits && (part->apply.first != NULL || part->ensemble->config.lag_max_us > 0)) {
        wire_send(&part->apply, message);
        return;
    }
    docent_replica_receive(part->replica, ensemble_now(part->ensemble), message);
    part_settle(part);
}

static void part_apply_ring(struct alarm *alarm)
{
    struct part *part = PART_OF(apply.alarm, alarm);
    docent_replica_receive(part->replica, ensemble_now(part->ensemble), wire_take(&part->apply));
    wire_wake(&part->apply);
    part_settle(part);
}

static void part_ring(struct alarm *alarm)
{
    struct part *part = PART_OF(alarm, alarm);
    docent_replica_tick(part->replica, ensemble_now(part->ensemble));
    part_settle(part);
}

static void ensemble_ring(struct alarm *alarm)
{
    struct ensemble *ensemble = (struct ensemble *)(void *)((char *)alarm - offsetof(struct ensemble, alarm));
    docent_leader_tick(ensemble->leader, ensemble_now(ensemble), ensemble_wall(ensemble));
    ensemble_leader_settle(ensemble);
}

/* ---- Coming and going. ---- */

static void part_drop_clients(struct part *part)
{
    struct connection *next = docent_connection_next(part->replica, NULL);
    while (next != NULL) {
        struct connection *connection = next;
        struct conn *conn = docent_connection_user(connection);
        next = docent_connection_next(part->replica, connection);
        docent_connection_free(connection);
        conn_close(conn, SIDE_SERVER, true);
    }
}

/* What the leader has got of what was sent to it: a part from the beginning. */
static void part_lose_messages(struct part *part)
{
    struct ensemble *ensemble = part->ensemble;
    size_t count = 0;
    for (const struct letter *letter = part->up.first; letter != NULL; letter = letter->next) {
        count++;
    }
    for (uint64_t arrive = chance_between(ensemble->config.random, 0, count); arrive > 0; arrive--) {
        docent_leader_receive(ensemble->leader, ensemble_now(ensemble), ensemble_wall(ensemble), wire_take(&part->up));
    }
    wire_drop(&part->up);
    wire_drop(&part->down);
    wire_drop(&part->apply);
    ensemble_leader_settle(ensemble);
}

/* The replica gets what it has missed, and the messages from here on. */
static void part_catch_up(struct part *part)
{
    struct leader *leader = part->ensemble->leader;
    int64_t zxid = docent_replica_tree(part->replica)->zxid;
    for (size_t i = 0; i < docent_leader_log_size(leader); i++) {
        struct txn *txn = docent_leader_log_at(leader, i);
        if (txn->zxid > zxid) {
            docent_replica_apply(part->replica, ensemble_now(part->ensemble), txn);
        }
    }
    docent_leader_leave(leader, (int)part->index);
    docent_leader_join(leader, (int)part->index, part_send_down, part);
}

static void part_power_on(struct part *part)
{
    struct server_config server = part->ensemble->server;
    server.speak = ensemble_release(&part->ensemble->config, part->index);
    server.touch_phase_ms = (uint32_t)chance_below(part->ensemble->config.random, server.tick_ms / 2);
    part->replica = docent_replica_new(&server, (int)part->index, part_send_up, part);
    part_catch_up(part);
}

static void part_expel(struct alarm *alarm)
{
    struct part *part = PART_OF(limit, alarm);
    ensemble_note(part->ensemble, "gives up: no leader", part->index);
    part->expelled = true;
    part_drop_clients(part);
    part_settle(part);
}

struct ensemble *ensemble_new(const struct ensemble_config *config)
{
    struct ensemble *ensemble = calloc(1, sizeof *ensemble);
    if (ensemble == NULL) {
        abort();
    }
    ensemble->config = *config;
    ensemble->server = (struct server_config){.tick_ms = config->tick_ms, .container_check_ms = 10 * config->tick_ms,
                                               .speak = ensemble_release(config, 0)};
    ensemble->alarm.ring = ensemble_ring;
    ensemble->leader = docent_leader_new(&ensemble->server, ensemble_now(ensemble), ensemble_wall(ensemble));
    for (size_t i = 0; i < config->count; i++) {
        struct part *part = &ensemble->parts[i];
        *part = (struct part){.ensemble = ensemble, .index = i, .alarm.ring = part_ring, .limit.ring = part_expel,
                              .up = {.part = part, .alarm.ring = part_up_ring}, .down = {.part = part, .alarm.ring = part_down_ring},
                              .apply = {.part = part, .local = true, .alarm.ring = part_apply_ring}};
        part_power_on(part);
    }
    ensemble_leader_settle(ensemble);
    return ensemble;
}

void ensemble_free(struct ensemble *ensemble)
{
    for (size_t i = 0; i < ensemble->config.count; i++) {
        struct part *part = &ensemble->parts[i];
        wire_drop(&part->up);
        wire_drop(&part->down);
        wire_drop(&part->apply);
        if (part->replica != NULL) {
            docent_replica_free(part->replica);
        }
    }
    docent_leader_free(ensemble->leader);
    free(ensemble);
}

bool ensemble_accept(struct ensemble *ensemble, struct conn *conn)
{
    struct part *part = &ensemble->parts[conn->server];
    if (part->replica == NULL || part->expelled) {
        return false;
    }
    conn->users[SIDE_SERVER] = docent_connection_new(part->replica, ensemble_now(ensemble), "10.0.1.1", conn);
    return true;
}

void ensemble_arrived(struct ensemble *ensemble, struct conn *conn, const uint8_t *data, size_t size)
{
    struct part *part = &ensemble->parts[conn->server];
    docent_connection_recv(conn->users[SIDE_SERVER], ensemble_now(ensemble), data, size);
    part_settle(part);
}

void ensemble_broken(struct ensemble *ensemble, struct conn *conn)
{
    docent_connection_free(conn->users[SIDE_SERVER]);
    part_settle(&ensemble->parts[conn->server]);
}

bool ensemble_expire(struct ensemble *ensemble, int64_t session)
{
    bool there = docent_leader_expire(ensemble->leader, session, ensemble_now(ensemble), ensemble_wall(ensemble));
    ensemble_leader_settle(ensemble);
    return there;
}

void ensemble_cut_off(struct ensemble *ensemble, size_t replica, bool cut)
{
    struct part *part = &ensemble->parts[replica];
    if (part->cut == cut) {
        return;
    }
    part->cut = cut;
    ensemble_note(ensemble, cut ? "is cut off from its leader" : "is with its leader again", replica);
    if (cut) {
        uint64_t limit = ENSEMBLE_SYNC_LIMIT * (uint64_t)ensemble->config.tick_ms * SIM_MS;
        clock_set(ensemble->config.clock, &part->limit, ensemble->config.clock->now_us + limit);
    } else {
        clock_stop(ensemble->config.clock, &part->limit);
        /* The old connection to the leader may have survived; else the server begins anew. */
        if (part->replica != NULL && (part->expelled || chance_per_mille(ensemble->config.random, 500))) {
            part_drop_clients(part);
            part_lose_messages(part);
            part_catch_up(part);
            part_settle(part);
        }
        part->expelled = false;
    }
    wire_wake(&part->up);
    wire_wake(&part->down);
}

void ensemble_power(struct ensemble *ensemble, size_t replica, bool on)
{
    struct part *part = &ensemble->parts[replica];
    if ((part->replica != NULL) == on) {
        return;
    }
    ensemble_note(ensemble, on ? "is up again" : "is down", replica);
    if (on) {
        part_power_on(part);
        part_settle(part);
    } else {
        part_drop_clients(part);
        docent_replica_free(part->replica);
        part->replica = NULL;
        clock_stop(ensemble->config.clock, &part->alarm);
        clock_stop(ensemble->config.clock, &part->limit);
        part_lose_messages(part);
        docent_leader_leave(ensemble->leader, (int)replica);
        wire_drop(&part->down);
        part->cut = part->expelled = false;
    }
}

void ensemble_calm(struct ensemble *ensemble)
{
    ensemble->config.lag_max_us = 0;
    for (size_t i = 0; i < ensemble->config.count; i++) {
        ensemble_power(ensemble, i, true);
        ensemble_cut_off(ensemble, i, false);
    }
}

size_t ensemble_sessions(const struct ensemble *ensemble)
{
    return docent_leader_sessions(ensemble->leader, NULL, 0);
}

size_t ensemble_watches(const struct ensemble *ensemble)
{
    size_t count = 0;
    for (size_t i = 0; i < ensemble->config.count; i++) {
        count += ensemble->parts[i].replica == NULL ? 0 : docent_replica_watch_count(ensemble->parts[i].replica);
    }
    return count;
}
