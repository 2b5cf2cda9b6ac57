/* src/main.c - docent-devserver: the development server as a program. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front.h"

static const char usage[] = "usage: docent-devserver [--port P] [--bind ADDRESS] [--tick-time MS] [--min-session MS] [--max-session MS]\n"
                            "\n"
                            "A ZooKeeper server for development and tests: in memory, on its own. Runs until SIGTERM or SIGINT.\n"
                            "\n"
                            "  --port P          listen on this port; 0: any free one (default 2181)\n"
                            "  --bind ADDRESS    on this IPv4 address (default 127.0.0.1)\n"
                            "  --tick-time MS    the unit of session time-outs (default 500)\n"
                            "  --min-session MS  smallest session time-out (default two ticks)\n"
                            "  --max-session MS  largest session time-out (default twenty ticks)\n";

static bool number(const char *option, const char *text, unsigned long max, uint32_t *ret_number)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > max) {
        fprintf(stderr, "docent-devserver: --%s wants a number from 0 to %lu, not \"%s\"\n", option, max, text);
        return false;
    }
    *ret_number = (uint32_t)value;
    return true;
}

static void on_signal(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(user);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "port", required_argument, NULL, 'p' },        { "bind", required_argument, NULL, 'b' },
        { "tick-time", required_argument, NULL, 't' },   { "min-session", required_argument, NULL, 'm' },
        { "max-session", required_argument, NULL, 'M' }, { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct server_config config = { 0 };
    uint32_t port = 2181;
    const char *bind = "127.0.0.1";
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool good = true;
        switch (option) {
        case 'p': good = number("port", optarg, 65535, &port); break;
        case 'b': bind = optarg; break;
        case 't': good = number("tick-time", optarg, 3600000, &config.tick_ms); break;
        case 'm': good = number("min-session", optarg, 86400000, &config.min_session_ms); break;
        case 'M': good = number("max-session", optarg, 86400000, &config.max_session_ms); break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 2;
        }
        if (!good) return 2;
    }
    if (optind < argc) {
        fprintf(stderr, "docent-devserver: what is \"%s\"?\n%s", argv[optind], usage);
        return 2;
    }
    if (config.max_session_ms != 0 && config.max_session_ms < config.min_session_ms) {
        fprintf(stderr, "docent-devserver: --max-session is less than --min-session\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    struct front *front = base == NULL ? NULL : docent_front_new(base, &config, bind, (uint16_t)port);
    if (front == NULL) {
        fprintf(stderr, "docent-devserver: cannot listen on %s:%u: %s\n", bind, port, strerror(errno));
        return 1;
    }
    struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
    struct event *interrupt = evsignal_new(base, SIGINT, on_signal, base);
    event_add(term, NULL);
    event_add(interrupt, NULL);
    printf("docent-devserver: accepting connections on %s:%u\n", bind, docent_front_port(front));
    fflush(stdout);
    event_base_dispatch(base);
    event_free(term);
    event_free(interrupt);
    docent_front_free(front);
    event_base_free(base);
    return 0;
}
