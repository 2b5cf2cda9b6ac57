/* tests/lib/relay.c - one thread per relay, poll(), and a wake-up pipe through which the mode changes. */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, CHUNK = 65536 };

struct pair {
    int client, server;
};

struct relay {
    int listener, wake[2];
    uint16_t port, target;
    pthread_t thread;
    pthread_mutex_t mutex; /* Guards what follows. */
    pthread_cond_t obeyed;
    enum relay_mode mode;
    bool drop, stop;
    unsigned asked, done; /* Orders given, and carried out. */
    struct pair pairs[PAIRS_MAX]; /* The thread's own. */
    int count;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void set_up(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct timeval patience = {.tv_sec = 2}; /* A stopped process with full buffers must not hold us for ever. */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static void pair_close(struct relay *relay, int i)
{
    close(relay->pairs[i].client);
    close(relay->pairs[i].server);
    relay->pairs[i] = relay->pairs[--relay->count];
}

static void relay_accept(struct relay *relay, enum relay_mode mode)
{
    int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) return;
    int server = mode == RELAY_REFUSE || relay->count == PAIRS_MAX ? -1 : connect_to(relay->target);
    if (server < 0) {
        close(client);
        return;
    }
    set_up(client);
    set_up(server);
    relay->pairs[relay->count++] = (struct pair){client, server};
}

/* False: the connection is over. */
static bool pass_on(int from, int to)
{
    char data[CHUNK];
    ssize_t size = recv(from, data, sizeof data, MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    for (ssize_t sent = 0; sent < size;) {
        ssize_t n = send(to, data + sent, (size_t)(size - sent), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        sent += n;
    }
    return size > 0;
}

/* Takes new orders and reports those carried out. False: to stop. */
static bool obey(struct relay *relay, enum relay_mode *ret_mode)
{
    pthread_mutex_lock(&relay->mutex);
    if (relay->drop || relay->stop || relay->mode == RELAY_REFUSE) {
        while (relay->count > 0) pair_close(relay, 0);
    }
    relay->drop = false;
    relay->done = relay->asked;
    pthread_cond_broadcast(&relay->obeyed);
    *ret_mode = relay->mode;
    bool go_on = !relay->stop;
    pthread_mutex_unlock(&relay->mutex);
    return go_on;
}

static void *relay_run(void *user)
{
    struct relay *relay = user;
    enum relay_mode mode;
    while (obey(relay, &mode)) {
        struct pollfd fds[2 + 2 * PAIRS_MAX] = {{.fd = relay->wake[0], .events = POLLIN}, {.fd = relay->listener, .events = POLLIN}};
        int count = relay->count, polled = mode == RELAY_HOLD ? 0 : count;
        for (int i = 0; i < polled; i++) {
            fds[2 + 2 * i] = (struct pollfd){.fd = relay->pairs[i].client, .events = POLLIN};
            fds[3 + 2 * i] = (struct pollfd){.fd = relay->pairs[i].server, .events = POLLIN};
        }
        if (poll(fds, (nfds_t)(2 + 2 * polled), -1) < 0) continue;
        if (fds[0].revents) {
            char bytes[64];
            if (read(relay->wake[0], bytes, sizeof bytes) < 0) continue;
            continue; /* Orders come before traffic. */
        }
        for (int i = polled - 1; i >= 0; i--) { /* Backwards: closing moves the last one here. */
            struct pair pair = relay->pairs[i];
            if ((fds[2 + 2 * i].revents && !pass_on(pair.client, pair.server)) ||
                (fds[3 + 2 * i].revents && !pass_on(pair.server, pair.client))) {
                pair_close(relay, i);
            }
        }
        if (fds[1].revents) relay_accept(relay, mode);
    }
    return NULL;
}

struct relay *relay_new(uint16_t port, uint16_t target)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL) die("relay");
    relay->target = target;
    pthread_mutex_init(&relay->mutex, NULL);
    pthread_cond_init(&relay->obeyed, NULL);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (relay->listener < 0 || setsockopt(relay->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(relay->listener, (struct sockaddr *)&address, size) != 0 || listen(relay->listener, PAIRS_MAX) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&address, &size) != 0 || pipe2(relay->wake, O_CLOEXEC) != 0) {
        die("relay");
    }
    relay->port = ntohs(address.sin_port);

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&relay->thread, NULL, relay_run, relay) != 0) die("relay");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return relay;
}

uint16_t relay_port(const struct relay *relay)
{
    return relay->port;
}

/* With the mutex held: wakes the thread and waits until it has done what was asked. */
static void order(struct relay *relay)
{
    unsigned number = ++relay->asked;
    while (write(relay->wake[1], "", 1) < 0) {
        if (errno != EINTR) die("relay");
    }
    while ((int)(relay->done - number) < 0) pthread_cond_wait(&relay->obeyed, &relay->mutex);
}

void relay_set(struct relay *relay, enum relay_mode mode)
{
    pthread_mutex_lock(&relay->mutex);
    relay->mode = mode;
    order(relay);
    pthread_mutex_unlock(&relay->mutex);
}

void relay_drop(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    relay->drop = true;
    order(relay);
    pthread_mutex_unlock(&relay->mutex);
}

void relay_free(struct relay *relay)
{
    if (relay == NULL) return;
    pthread_mutex_lock(&relay->mutex);
    relay->stop = true;
    order(relay);
    pthread_mutex_unlock(&relay->mutex);
    pthread_join(relay->thread, NULL);
    close(relay->listener);
    close(relay->wake[0]);
    close(relay->wake[1]);
    pthread_cond_destroy(&relay->obeyed);
    pthread_mutex_destroy(&relay->mutex);
    free(relay);
}
