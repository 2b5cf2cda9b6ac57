/* src/front.c - see front.h. */
#include "front.h"
#include "words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "snapshot.h"
#include "store.h"

enum { RECEIVE_SIZE = 65536, ACCEPT_AGAIN_MS = 100, ADDRESS_BUCKETS = 64 };

struct client {
    struct client *next, *previous;
    struct client *neighbour; /* In the chain of those whose addresses have the same hash. */
    struct front *front;
    struct connection *connection;
    uint32_t address;
    int fd;
    struct event io;
    short wants;
};

struct queue {
    struct server_message *first, **last;
};

struct front {
    struct event_base *base;
    struct front_config config;
    struct store *store;
    bool failed; /* What is committed cannot be written: nobody may hear of it. */
    struct leader *leader;
    struct replica *replica;
    int fd;
    uint16_t port;
    struct event listen, accept_again;
    struct event settle; /* When all that came has been read: one write to the log for all of it. */
    struct event timer;
    uint64_t timer_at; /* When it goes off; UINT64_MAX: it has gone off. */
    uint64_t ahead_ms; /* Of the machine, by docent_front_step(). */
    bool refuse;
    struct client *clients;
    size_t client_count;
    struct client *by_address[ADDRESS_BUCKETS];
    struct queue up, down; /* Messages on their way, for an instant. */
    uint8_t receive[RECEIVE_SIZE];
};

uint64_t docent_front_now(const struct front *front)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + front->ahead_ms;
}

int64_t docent_front_wall(const struct front *front)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + (int64_t)front->ahead_ms;
}

static void carry(void *user, struct server_message *message)
{
    struct front *front = user;
    struct queue *queue = message->type <= UP_TOUCH ? &front->up : &front->down;
    message->next = NULL;
    *queue->last = message;
    queue->last = &message->next;
}

static struct server_message *take(struct queue *queue)
{
    struct server_message *message = queue->first;
    if (message == NULL) return NULL;
    queue->first = message->next;
    if (queue->first == NULL) queue->last = &queue->first;
    return message;
}

static void deliver_down(struct front *front)
{
    for (struct server_message *message; (message = take(&front->down)) != NULL;) {
        if (message->type == DOWN_COMMIT && front->store != NULL) docent_store_add(front->store, message->txn);
        docent_replica_receive(front->replica, docent_front_now(front), message);
    }
}

/* The two share a tree: what the leader has committed is applied before it looks at anything else. */
static void deliver(struct front *front)
{
    deliver_down(front);
    for (struct server_message *message; (message = take(&front->up)) != NULL;) {
        uint64_t now = docent_front_now(front);
        int64_t wall = docent_front_wall(front);
        docent_leader_tick(front->leader, now, wall);
        deliver_down(front);
        docent_leader_receive(front->leader, now, wall, message);
        deliver_down(front);
    }
}

static struct client **address_bucket(struct front *front, uint32_t address)
{
    return &front->by_address[(address ^ address >> 16 ^ address >> 24) % ADDRESS_BUCKETS];
}

/* May one more come from @address? */
static bool client_fits(struct front *front, uint32_t address)
{
    const struct front_config *config = &front->config;
    if (config->max_connections != 0 && front->client_count >= config->max_connections) return false;
    uint32_t there = 0;
    if (config->max_per_address == 0) return true;
    for (const struct client *c = *address_bucket(front, address); c != NULL; c = c->neighbour) there += c->address == address;
    return there < config->max_per_address;
}

static void client_free(struct client *client)
{
    struct client **at = address_bucket(client->front, client->address);
    while (*at != client) at = &(*at)->neighbour;
    *at = client->neighbour;
    client->front->client_count--;
    if (client->previous != NULL) {
        client->previous->next = client->next;
    } else {
        client->front->clients = client->next;
    }
    if (client->next != NULL) client->next->previous = client->previous;
    if (client->wants != 0) event_del(&client->io);
    close(client->fd);
    docent_connection_free(client->connection);
    free(client);
}

static void on_client(evutil_socket_t fd, short what, void *user);

static void client_want(struct client *client, short wants)
{
    if (client->wants == wants) return;
    if (client->wants != 0) event_del(&client->io);
    client->wants = wants;
    if (wants == 0) return;
    event_assign(&client->io, client->front->base, client->fd, (short)(wants | EV_PERSIST), on_client, client);
    event_add(&client->io, NULL);
}

static void client_reset(struct client *client)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    client_free(client);
}

/* One that does not read its answers is not read either. Who has closed his side does not tell then, but sending will. */
static void client_listen(struct client *client, short writes)
{
    bool reads = docent_connection_wants_read(client->connection, (client->wants & EV_READ) != 0);
    client_want(client, (short)(writes | (reads ? EV_READ : 0)));
}

/* False: it is gone. */
static bool client_write(struct client *client)
{
    const uint8_t *data;
    size_t size;
    while ((size = docent_connection_send(client->connection, &data)) > 0) {
        ssize_t sent = send(client->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            client_listen(client, EV_WRITE);
            return true;
        }
        if (sent < 0) {
            client_free(client);
            return false;
        }
        docent_connection_sent(client->connection, (size_t)sent);
    }
    bool dropped;
    if (docent_connection_wants_close(client->connection, &dropped)) {
        client_free(client);
        return false;
    }
    client_listen(client, 0);
    return true;
}

/* Earlier if need be, never later: going off too early is harmless, and cheaper than to set it for every request. */
static void timer_set(struct front *front)
{
    uint64_t at = docent_leader_deadline(front->leader);
    uint64_t replica = docent_replica_deadline(front->replica);
    if (replica < at) at = replica;
    if (at >= front->timer_at) return;
    front->timer_at = at;
    uint64_t now = docent_front_now(front);
    uint64_t wait = at > now ? at - now : 0;
    if (wait > 3600000) wait = 3600000;
    struct timeval limit = { (time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000) };
    event_add(&front->timer, &limit);
}

static void messages_forget(struct front *front)
{
    for (struct server_message *message; (message = take(&front->up)) != NULL;) docent_message_free(message);
    for (struct server_message *message; (message = take(&front->down)) != NULL;) docent_message_free(message);
}

/* Ends all service: what clients have sent may or may not have happened, and that is what a reset connection tells them. */
static void front_fail(struct front *front)
{
    front->failed = true;
    while (front->clients != NULL) client_reset(front->clients);
    messages_forget(front);
    if (front->config.failed != NULL) front->config.failed(front->config.user);
}

/* Nothing is sent before what it depends on is in the log: answers wait in their connections until then. */
void docent_front_settle(struct front *front)
{
    do {
        if (front->failed) {
            messages_forget(front);
            return;
        }
        deliver(front);
        if (front->store != NULL && !docent_store_write(front->store, docent_front_wall(front))) {
            front_fail(front);
            return;
        }
        for (struct connection *c; (c = docent_replica_ready(front->replica)) != NULL;) (void)client_write(docent_connection_user(c));
    } while (front->up.first != NULL); /* Sending made room for requests that waited. */
    timer_set(front);
}

void docent_front_keep(struct front *front)
{
    docent_front_settle(front); /* What is in a snapshot was written to the log before it. */
    if (front->store != NULL && !front->failed) docent_store_snapshot(front->store, docent_front_wall(front));
}

static void on_settle(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    docent_front_settle(user);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct front *front = user;
    front->timer_at = UINT64_MAX;
    if (front->failed) return;
    docent_replica_tick(front->replica, docent_front_now(front)); /* Its touches come before the leader looks who has expired. */
    deliver(front);
    docent_leader_tick(front->leader, docent_front_now(front), docent_front_wall(front));
    docent_front_settle(front);
}

void docent_front_step(struct front *front, uint64_t ms)
{
    front->ahead_ms += ms;
    event_del(&front->timer); /* It was set by the time from before. */
    on_timer(-1, EV_TIMEOUT, front);
}

static void on_client(evutil_socket_t fd, short what, void *user)
{
    struct client *client = user;
    struct front *front = client->front;
    if (what & EV_READ) {
        ssize_t got = recv(fd, front->receive, RECEIVE_SIZE, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            client_free(client);
            return;
        }
        if (got > 0) docent_connection_recv(client->connection, docent_front_now(front), front->receive, (size_t)got);
    }
    if (front->up.first == NULL) { /* Reads concern nobody else. */
        (void)client_write(client);
        if (front->up.first == NULL) {
            timer_set(front); /* A touch to pass on, or a delayed answer. */
            return;
        }
    }
    event_active(&front->settle, EV_TIMEOUT, 0); /* Behind the others that have something to read. */
}

static void on_accept_again(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct front *front = user;
    event_add(&front->listen, NULL);
}

/* Out of descriptors, say. Whoever waits to be accepted would wake us for ever. */
static void accept_later(struct front *front)
{
    event_del(&front->listen);
    event_add(&front->accept_again, &(struct timeval){ .tv_usec = ACCEPT_AGAIN_MS * 1000 });
}

static void on_listen(evutil_socket_t listen_fd, short what, void *user)
{
    (void)what;
    struct front *front = user;
    for (int i = 0; i < 64; i++) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int fd = accept4(listen_fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) accept_later(front);
        if (fd < 0) return;
        if (front->refuse || front->failed) {
            struct linger linger = { .l_onoff = 1, .l_linger = 0 };
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
            close(fd);
            continue;
        }
        if (!client_fits(front, peer.sin_addr.s_addr)) {
            docent_replica_stats(front->replica)->rejected++;
            close(fd);
            continue;
        }
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct client *client = calloc(1, sizeof *client);
        if (client == NULL) {
            close(fd);
            continue;
        }
        char text[INET_ADDRSTRLEN + 8] = "";
        inet_ntop(AF_INET, &peer.sin_addr, text, INET_ADDRSTRLEN);
        snprintf(text + strlen(text), 8, ":%u", ntohs(peer.sin_port));
        client->front = front;
        client->fd = fd;
        client->connection = docent_connection_new(front->replica, docent_front_now(front), text, client);
        client->address = peer.sin_addr.s_addr;
        client->neighbour = *address_bucket(front, client->address);
        *address_bucket(front, client->address) = client;
        front->client_count++;
        client->next = front->clients;
        if (client->next != NULL) client->next->previous = client;
        front->clients = client;
        client_want(client, EV_READ);
    }
}

static void about(void *user, struct server_about *ret_about)
{
    const struct front *front = user;
    docent_front_about(ret_about);
    ret_about->wall = docent_front_wall(front);
    ret_about->leader = front->leader;
    ret_about->port = front->port;
    ret_about->max_per_address = front->config.max_per_address;
    ret_about->data_dir = front->config.data_dir;
    if (front->store != NULL) docent_store_sizes(front->store, &ret_about->data_size, &ret_about->log_size);
}

/* From what a server has written before; or, as there is nobody else to remember it, from @memory. */
static bool data_begin(struct front *front, const struct wire_out *memory)
{
    uint64_t now = docent_front_now(front);
    if (memory != NULL) {
        if (!docent_snapshot_read(front->leader, now, memory->data, memory->size)) abort(); /* We have just written it. */
        docent_leader_preset(front->leader, front->config.server.first_zxid);
    }
    if (front->config.data_dir == NULL) return true;
    struct store_config config = { .directory = front->config.data_dir,
                                   .fsync = front->config.fsync,
                                   .snapshot_every = front->config.snapshot_every,
                                   .report = front->config.report,
                                   .user = front->config.user };
    front->store = docent_store_open(&config, front->leader, now, docent_front_wall(front));
    docent_leader_touch_all(front->leader, docent_front_now(front));
    return front->store != NULL;
}

static bool servers_begin(struct front *front, const struct wire_out *memory)
{
    struct server_config *config = &front->config.server;
    config->tree = docent_tree_new();
    front->leader = docent_leader_new(config, docent_front_now(front), docent_front_wall(front));
    front->failed = !data_begin(front, memory);
    int error = errno;
    config->tree->over_quota = front->config.report; /* Not of what is replayed. */
    config->tree->user = front->config.user;
    front->replica = docent_replica_new(config, 0, carry, front);
    docent_leader_join(front->leader, 0, carry, front);
    docent_replica_set_about(front->replica, about, front);
    errno = error;
    return !front->failed;
}

static void servers_end(struct front *front)
{
    while (front->clients != NULL) client_reset(front->clients);
    messages_forget(front);
    docent_store_close(front->store);
    front->store = NULL;
    docent_replica_free(front->replica);
    docent_leader_free(front->leader);
    docent_tree_free(front->config.server.tree);
}

/* Names are looked up only when need be: that takes memory, and more than a moment. */
static bool address_find(const char *text, struct in_addr *ret_address)
{
    if (inet_pton(AF_INET, text, ret_address) == 1) return true;
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
    if (getaddrinfo(text, NULL, &hints, &found) != 0) return false;
    struct sockaddr_in address;
    memcpy(&address, found->ai_addr, sizeof address);
    *ret_address = address.sin_addr;
    freeaddrinfo(found);
    return true;
}

/* Bound, but not listening: whoever connects finds a server that has read its data. */
static int listener_new(struct front *front)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)front->config.port) };
    if (!address_find(front->config.bind, &address.sin_addr)) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int one = 1;
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    front->port = ntohs(address.sin_port);
    return fd;
}

struct front *docent_front_new(struct event_base *base, const struct front_config *config)
{
    struct front *front = calloc(1, sizeof *front);
    if (front == NULL) return NULL;
    front->base = base;
    front->config = *config;
    front->config.server.no_log = true;
    front->up.last = &front->up.first;
    front->down.last = &front->down.first;
    front->fd = listener_new(front);
    if (front->fd < 0 || !servers_begin(front, NULL) || listen(front->fd, 4096) < 0) {
        int error = errno;
        if (front->leader != NULL) servers_end(front);
        if (front->fd >= 0) close(front->fd);
        free(front);
        errno = error;
        return NULL;
    }
    event_assign(&front->listen, base, front->fd, EV_READ | EV_PERSIST, on_listen, front);
    event_add(&front->listen, NULL);
    event_assign(&front->accept_again, base, -1, 0, on_accept_again, front);
    event_assign(&front->settle, base, -1, 0, on_settle, front);
    event_assign(&front->timer, base, -1, 0, on_timer, front);
    front->timer_at = UINT64_MAX;
    timer_set(front);
    return front;
}

void docent_front_free(struct front *front)
{
    servers_end(front);
    event_del(&front->listen);
    event_del(&front->accept_again);
    event_del(&front->settle);
    event_del(&front->timer);
    close(front->fd);
    free(front);
}

const char *docent_front_bind(const struct front *front)
{
    return front->config.bind;
}

uint16_t docent_front_port(const struct front *front)
{
    return front->port;
}

struct leader *docent_front_leader(struct front *front)
{
    return front->leader;
}

struct replica *docent_front_replica(struct front *front)
{
    return front->replica;
}

void docent_front_refuse(struct front *front, bool refuse)
{
    front->refuse = refuse;
}

const struct store *docent_front_store(const struct front *front)
{
    return front->store;
}

bool docent_front_restart(struct front *front)
{
    struct wire_out memory = { 0 };
    bool in_memory = front->config.data_dir == NULL;
    if (in_memory) docent_snapshot_put(&memory, front->leader, docent_front_wall(front));
    front->config.server.first_zxid = in_memory ? docent_leader_zxid(front->leader) : 0;
    servers_end(front);
    bool good = servers_begin(front, in_memory ? &memory : NULL);
    docent_wire_out_free(&memory);
    timer_set(front);
    return good;
}

bool docent_front_restart_empty(struct front *front, bool zxid_from_zero)
{
    front->config.server.first_zxid = zxid_from_zero ? 0 : docent_leader_zxid(front->leader);
    servers_end(front);
    bool wiped = front->config.data_dir == NULL || docent_store_wipe(front->config.data_dir);
    if (!wiped && front->config.report != NULL) front->config.report(front->config.user, "cannot forget the data");
    bool good = servers_begin(front, NULL);
    timer_set(front);
    return wiped && good;
}
