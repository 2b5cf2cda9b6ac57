/* bench-start.c - how soon the development server serves, and how large it is when empty.
 *
 *     bench-start OPS SERVER ARGUMENTS... ADDRESS
 *
 * Starts SERVER with ARGUMENTS, OPS times one after the other. Measured is the time from fork to the answer to a session's
 * handshake at ADDRESS; rss is what the process then has resident. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "meter.h"
#include "null_client.h"

static uint64_t start_rss(pid_t pid)
{
    char name[64];
    unsigned long long pages = 0;
    snprintf(name, sizeof name, "/proc/%ld/statm", (long)pid);
    FILE *file = fopen(name, "r");
    if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1) {
        fprintf(stderr, "bench-start: the server is gone\n");
        exit(1);
    }
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static pid_t start_server(char **arguments)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    execv(arguments[0], arguments);
    _exit(127);
}

static void start_wait(pid_t pid, const char *address)
{
    struct timespec pause = {0, 100000};
    uint64_t give_up = bench_now_ns() + 5000000000u;
    int fd;
    while ((fd = null_connect(address)) < 0) {
        if (waitpid(pid, NULL, WNOHANG) == pid || bench_now_ns() > give_up) {
            fprintf(stderr, "bench-start: the server does not listen\n");
            exit(1);
        }
        nanosleep(&pause, NULL);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s OPS SERVER ARGUMENTS... ADDRESS\n", argv[0]);
        return 2;
    }
    size_t rounds = bench_number(argv[1], 1000);
    const char *address = argv[argc - 1];
    uint64_t *samples = bench_samples(rounds), rss_max = 0;
    struct bench_meter meter;
    argv[argc - 1] = NULL;

    bench_start(&meter);
    for (size_t i = 0; i < rounds; i++) {
        struct null_client client = {.fd = -1};
        uint64_t start = bench_now_ns();
        pid_t pid = start_server(argv + 2);
        start_wait(pid, address);
        null_attach(&client, address);
        samples[i] = bench_now_ns() - start;
        uint64_t rss = start_rss(pid);
        if (rss > rss_max) rss_max = rss;
        close(client.fd);
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
    bench_stop(&meter);
    printf("rss=%" PRIu64 " ", rss_max);
    bench_print_samples(&meter, samples, rounds);
    free(samples);
    return 0;
}
