/* src/main.c - docent-devserver: the development server as a program. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "front_admin.h"
#include "options.h"

struct program {
    struct event_base *base;
    bool failed;
};

static void on_report(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "docent-devserver: %s\n", text);
}

static void on_failed(void *user)
{
    struct program *program = user;
    program->failed = true;
    event_base_loopbreak(program->base);
}

static void on_signal(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(user);
}

/* As many connections as the system lets us have. */
static void files_allow(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct options options;
    if (!docent_options_read(&options, argc, argv, stderr)) {
        docent_options_free(&options);
        return 2;
    }
    if (options.help || options.version) {
        if (options.help) docent_options_help(stdout);
        if (options.version) puts("docent-devserver " DOCENT_VERSION);
        docent_options_free(&options);
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* A file that may not grow is an error to report. */
    files_allow();
    struct event_base *base = event_base_new();
    struct program program = { .base = base };
    options.front.report = on_report;
    options.front.failed = on_failed;
    options.front.user = &program;
    struct front *front = base == NULL ? NULL : docent_front_new(base, &options.front);
    if (front == NULL) {
        fprintf(stderr, "docent-devserver: cannot serve on %s:%u: %s\n", options.front.bind, options.front.port, strerror(errno));
        if (base != NULL) event_base_free(base);
        docent_options_free(&options);
        return 1;
    }
    struct admin *admin = options.admin_port == 0 ? NULL : docent_admin_new(base, front, options.admin_port);
    if (options.admin_port != 0 && admin == NULL) {
        fprintf(stderr, "docent-devserver: cannot listen on %s:%u: %s\n", options.front.bind, options.admin_port, strerror(errno));
        docent_front_free(front);
        event_base_free(base);
        docent_options_free(&options);
        return 1;
    }
    struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
    struct event *interrupt = evsignal_new(base, SIGINT, on_signal, base);
    event_add(term, NULL);
    event_add(interrupt, NULL);
    printf("docent-devserver: accepting connections on %s:%u\n", options.front.bind, docent_front_port(front));
    fflush(stdout);
    event_base_dispatch(base);
    event_free(term);
    event_free(interrupt);
    docent_admin_free(admin);
    docent_front_free(front);
    event_base_free(base);
    docent_options_free(&options);
    return program.failed ? 1 : 0;
}
