/* watches.c - see watches.h. */
#include "watches.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meter.h"
#include "null_client.h"

static void watches_fail(const char *what)
{
    fprintf(stderr, "bench: watches: %s\n", what);
    exit(1);
}

void watches_path(size_t number, char path[WATCHES_PATH_SIZE])
{
    static const char folder[] = "/docent-bench/";
    size_t head = sizeof folder - 1;
    memcpy(path, folder, head);
    snprintf(path + head, WATCHES_PATH_SIZE - head, "%0*zu", (int)(WATCHES_PATH_BYTES - head), number);
}

uint64_t watches_cut(void)
{
    uint64_t when = 0;
    for (int fd = 3; fd < 64; fd++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0) continue;
        if (peer.ss_family != AF_INET && peer.ss_family != AF_INET6) continue;
        if (when == 0) when = bench_now_ns(); /* Looking for it took longer than some of what is measured. */
        shutdown(fd, SHUT_RDWR);
    }
    if (when == 0) watches_fail("no connection to cut");
    return when;
}

static uint64_t received_now(const char *address)
{
    char text[4096];
    size_t size = 0;
    ssize_t got;
    int fd = null_connect(address);
    if (fd < 0) watches_fail("the server is gone");
    null_write(fd, (const uint8_t *)"srvr", 4);
    while (size < sizeof text - 1 && (got = recv(fd, text + size, sizeof text - 1 - size, 0)) > 0) size += (size_t)got;
    text[size] = '\0';
    close(fd);
    const char *line = strstr(text, "\nReceived: ");
    if (line == NULL) watches_fail("the server does not answer srvr");
    return strtoull(line + strlen("\nReceived: "), NULL, 10);
}

uint64_t watches_received(const char *address)
{
    static uint64_t asked, cost;
    static bool known;
    if (!known) { /* Some servers count the question. */
        uint64_t first = received_now(address);
        cost = received_now(address) - first;
        asked = 2;
        known = true;
    }
    return received_now(address) - cost * asked++;
}
