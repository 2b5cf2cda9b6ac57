#include "tests/sim/client_driver.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define CLIENT_OF(member, pointer) ((struct sim_client *)(void *)((char *)(pointer)-offsetof(struct sim_client, member)))

/* What servers say of themselves. */
#define CLIENT_SRVR "Zookeeper version: %s.9-1, built on 2022-02-25 08:49 UTC\nLatency min/avg/max: 0/0.0/0\n" \
                             "Received: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: follower\nNode count: 5\n"

uint64_t sim_client_now(const struct sim_client *client)
{
    return client->net->clock->now_us / SIM_MS;
}

static uint64_t client_host_now(void *user)
{
    return sim_client_now(user);
}

static int64_t client_host_wall(void *user)
{
    const struct sim_client *client = user;
    return SIM_WALL_MS + (int64_t)sim_client_now(client) + client->wall_offset_ms;
}

static docent_status client_host_check(void *user)
{
    (void)user;
    return DOCENT_OK;
}

static void client_host_entropy(void *user, void *bytes, size_t size)
{
    struct sim_client *client = user;
    uint8_t *out = bytes;
    while (size > 0) {
        uint64_t word = chance_next(&client->entropy);
        size_t part = size < sizeof word ? size : sizeof word;
        memcpy(out, &word, part);
        out += part;
        size -= part;
    }
}

static void client_host_wake(void *user)
{
    sim_client_wake(user);
}

static docent_status client_host_post(void *user, struct docent_post *post, bool bounded)
{
    struct sim_client *client = user;
    (void)bounded;
    post->next = NULL;
    *client->posts_last = post;
    client->posts_last = &post->next;
    sim_client_wake(client);
    return DOCENT_OK;
}

static size_t client_server_of(const struct docent_address *address)
{
    return (size_t)address->ip[3] - 1;
}

static struct docent_address client_address_of(size_t server)
{
    return (struct docent_address){.family = 4, .ip = {10, 0, 0, (uint8_t)(server + 1)}, .port = SIM_PORT};
}

static void client_drop_conn(struct sim_client *client, bool reset)
{
    struct conn *conn = client->conn;
    if (conn != NULL) {
        client->conn = NULL;
        client->breaks++;
        conn_close(conn, SIDE_CLIENT, reset);
    }
}

static void client_forget(struct sim_client *client)
{
    client_drop_conn(client, true);
    clock_stop(client->net->clock, &client->work);
    clock_stop(client->net->clock, &client->lookup);
    clock_stop(client->net->clock, &client->probing);
    client->looking = client->asking = client->closing = client->paused = client->woken = false;
    client->posts = NULL;
    client->posts_last = &client->posts;
    client->core = NULL;
}

/* The list of a driver's work in core.h, until nothing of it is left for now. */
static void client_work(struct sim_client *client)
{
    struct net *net = client->net;
    for (;;) {
        struct docent_link link;
        docent_core_link(client->core, &link);
        if (link.serial != client->serial) {
            client_drop_conn(client, !link.finishing);
            client->serial = link.serial;
            if (link.wanted) {
                client->conn = net_connect(net, client->index, client_server_of(&link.address), client);
            }
        }
        const uint8_t *data = NULL;
        size_t size = client->conn == NULL ? 0 : docent_core_send(client->core, &data);
        if (size == 0) {
            break;
        }
        if (size > 1 && chance_per_mille(net->random, net->fragment_per_mille)) {
            size = (size_t)chance_between(net->random, 1, size - 1); /* The kernel's buffer is full. */
        }
        conn_write(client->conn, SIDE_CLIENT, data, size);
        docent_core_sent(client->core, sim_client_now(client), size);
    }
    if (docent_core_closed(client->core)) {
        docent_client *core = client->core;
        client_forget(client);
        docent_core_free(core);
        client->closed(client);
        return;
    }
    if (!client->looking && docent_core_wants_addresses(client->core)) {
        client->looking = true;
        clock_set(net->clock, &client->lookup, net->clock->now_us + chance_below(net->random, 2 * SIM_MS));
    }
    if (!client->asking && docent_core_wants_probe(client->core, &client->probe)) {
        client->asking = true;
        clock_set(net->clock, &client->probing, net->clock->now_us + 2 * chance_between(net->random, net->latency_min_us, net->latency_max_us));
    }
    uint64_t deadline = docent_core_deadline(client->core);
    if (client->posts != NULL || client->woken) {
        clock_set(net->clock, &client->work, net->clock->now_us);
    } else if (deadline == UINT64_MAX) {
        clock_stop(net->clock, &client->work);
    } else {
        uint64_t at = deadline > UINT64_MAX / SIM_MS - 1000 ? UINT64_MAX / 2 : deadline * SIM_MS;
        at = at < net->clock->now_us ? net->clock->now_us : at;
        clock_set(net->clock, &client->work, at + chance_below(net->random, client->late_max_us));
    }
}

/* Every entry into the core stands between these two. */
static void client_enter(struct sim_client *client)
{
    assert(client->core != NULL && !client->paused && !client->working);
    client->working = true;
    client->woken = false;
}

static void client_leave(struct sim_client *client)
{
    client->working = false;
    client_work(client);
}

static void client_ring(struct alarm *alarm)
{
    struct sim_client *client = CLIENT_OF(work, alarm);
    if (client->paused) {
        client->woken = true;
        return;
    }
    client_enter(client);
    while (client->posts != NULL) {
        struct docent_post *post = client->posts;
        client->posts = post->next;
        if (client->posts == NULL) {
            client->posts_last = &client->posts;
        }
        post->run(post);
    }
    docent_core_tick(client->core, sim_client_now(client));
    client_leave(client);
}

static void client_looked_up(struct alarm *alarm)
{
    struct sim_client *client = CLIENT_OF(lookup, alarm);
    if (client->paused) {
        clock_set(client->net->clock, alarm, client->net->clock->now_us + SIM_MS);
        return;
    }
    struct docent_address addresses[8];
    for (size_t i = 0; i < client->servers; i++) {
        addresses[i] = client_address_of(i);
    }
    client->looking = false;
    client_enter(client);
    docent_core_addresses(client->core, sim_client_now(client), addresses, client->servers);
    client_leave(client);
}

static void client_probed(struct alarm *alarm)
{
    struct sim_client *client = CLIENT_OF(probing, alarm);
    if (client->paused) {
        clock_set(client->net->clock, alarm, client->net->clock->now_us + SIM_MS);
        return;
    }
    const struct net_hooks *hooks = &client->net->hooks;
    bool answers = hooks->reachable(hooks->user, client->index, client_server_of(&client->probe));
    client->asking = false;
    client_enter(client);
    char srvr[300];
    size_t size = (size_t)snprintf(srvr, sizeof srvr, CLIENT_SRVR, net_speaks(client->speaks, client_server_of(&client->probe)));
    docent_core_probed(client->core, sim_client_now(client), &client->probe, srvr, answers ? size : 0);
    client_leave(client);
}

void sim_client_wake(struct sim_client *client)
{
    client->woken = true;
    if (!client->working && !client->paused) {
        clock_set(client->net->clock, &client->work, client->net->clock->now_us);
    }
}

docent_status sim_client_start(struct sim_client *client, const docent_client_options *options)
{
    assert(client->core == NULL);
    client->allocator = memory_allocator(&client->memory);
    client->work.ring = client_ring;
    client->lookup.ring = client_looked_up;
    client->probing.ring = client_probed;
    client->posts = NULL;
    client->posts_last = &client->posts;
    client->serial = 0;
    client->host = (struct docent_host){
        .user = client, .now_ms = client_host_now, .check_loop = client_host_check, .entropy = client_host_entropy,
        .wake = client_host_wake, .post = client_host_post, .default_label = "sim", .wall_ms = client_host_wall,
    };
    docent_client_options complete = *options;
    complete.allocator = &client->allocator;
    struct docent_core_config config = {.options = &complete, .chroot = ""};
    docent_client *core = NULL;
    docent_status status = docent_core_new(&config, &client->host, &core);
    if (status == DOCENT_OK) {
        client->core = core;
        sim_client_wake(client);
    }
    return status;
}

void sim_client_close(struct sim_client *client)
{
    assert(client->core != NULL && !client->closing);
    client->closing = true;
    if (client->working || client->paused) {
        docent_core_close(client->core, sim_client_now(client)); /* From a callback: the turn goes on. */
        sim_client_wake(client);
        return;
    }
    client_enter(client);
    docent_core_close(client->core, sim_client_now(client));
    client_leave(client);
}

void sim_client_crash(struct sim_client *client)
{
    assert(!client->working);
    client_forget(client);
    memory_crash(&client->memory);
}

void sim_client_pause(struct sim_client *client)
{
    assert(!client->working);
    client->paused = true;
}

void sim_client_resume(struct sim_client *client)
{
    if (client->paused) {
        client->paused = false;
        net_thaw(client->net);
        /* What its kernel has kept and its timers race. */
        client->woken = true;
        clock_set(client->net->clock, &client->work, client->net->clock->now_us + chance_below(client->net->random, 50));
    }
}

void sim_client_opened(struct sim_client *client, struct conn *conn)
{
    assert(client->conn == conn);
    client_enter(client);
    docent_core_connected(client->core, sim_client_now(client));
    client_leave(client);
}

void sim_client_arrived(struct sim_client *client, struct conn *conn, const uint8_t *data, size_t size)
{
    assert(client->conn == conn);
    client_enter(client);
    docent_core_recv(client->core, sim_client_now(client), data, size);
    client_leave(client);
}

void sim_client_broken(struct sim_client *client, struct conn *conn)
{
    assert(client->conn == conn);
    client->conn = NULL;
    client->breaks++;
    client_enter(client);
    docent_core_disconnected(client->core, sim_client_now(client));
    client_leave(client);
}
