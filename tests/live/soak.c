/* tests/live/soak.c - soak WORKER SECONDS [SEED]: all recipes together, on an ensemble whose servers die, stop and lose each other, and by
 * processes that die and stop, for as long as one likes. By hand: half an hour before a release, a few minutes after a change.
 *
 * A fault, for some seconds, then calm, in which everything must get on; and again. All the time what workers say they held is compared:
 * who excludes others did so, by one clock, and tokens grew. The seed makes the same faults in the same order, no more than that. Prints a
 * line for each fault, and in the end what was done. Exits 0 only if nothing was wrong. */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apache.h"
#include "soak.h"
#include "test_clock.h"

enum { HOLDS_MAX = 1024, CALM_ROUNDS = 3, CALM_MS = 90000, FAULT_MAX_MS = 6000 };

struct worker {
    pid_t pid;
    int in, out; /* Its input, and its output. */
    char line[4096];
    size_t used;
};

struct hold {
    int64_t token, from, to;
};

/* What was held last, in a ring. */
struct holds {
    struct hold last[HOLDS_MAX];
    size_t count;
};

static struct apache *apache;
static struct worker workers[SOAK_WORKERS];
static struct holds holds[SOAK_RECIPES];
static uint64_t done[SOAK_RECIPES];

/* What is known of items, by the number of the worker that put them. */
enum { WORKERS_MAX = 2000, PUT = 1, DONE = 2 };
static unsigned char *items[SOAK_RECIPES][WORKERS_MAX];
static uint64_t items_open[SOAK_RECIPES]; /* Put, and not done. */

static unsigned wrong, workers_begun;
static const char *worker_program;

static void say_wrong(const char *what, const char *more)
{
    wrong++;
    printf("WRONG: %s: %s\n", what, more);
    fflush(stdout);
}

/* ---- What workers say. ---- */

static bool overlap(const struct hold *a, const struct hold *b)
{
    return a->from < b->to && b->from < a->to;
}

/* How many holds of @recipe there are beside @hold. */
static unsigned beside(enum soak_recipe recipe, const struct hold *hold)
{
    unsigned count = 0;
    for (size_t i = 0; i < holds[recipe].count && i < HOLDS_MAX; i++) count += overlap(&holds[recipe].last[i], hold);
    return count;
}

/* At the moment when @hold began. */
static unsigned beside_at_first(enum soak_recipe recipe, const struct hold *hold)
{
    unsigned count = 0;
    for (size_t i = 0; i < holds[recipe].count && i < HOLDS_MAX; i++) {
        const struct hold *other = &holds[recipe].last[i];
        count += other->from <= hold->from && hold->from < other->to;
    }
    return count;
}

static bool tokens_grew(enum soak_recipe recipe, const struct hold *hold)
{
    if (hold->token == -1) return true;
    for (size_t i = 0; i < holds[recipe].count && i < HOLDS_MAX; i++) {
        const struct hold *other = &holds[recipe].last[i];
        if (other->token != -1 && (other->from < hold->from) != (other->token < hold->token)) return false;
    }
    return true;
}

static void note_hold(enum soak_recipe recipe, const struct hold *hold, const char *line)
{
    bool bad = false;
    switch (recipe) {
    case SOAK_LOCK:
    case SOAK_MUTEX:
    case SOAK_MULTI:
    case SOAK_LATCH:
    case SOAK_SELECTOR:  bad = beside(recipe, hold) > 0; break;
    case SOAK_WRITE:     bad = beside(SOAK_WRITE, hold) > 0 || beside(SOAK_READ, hold) > 0; break;
    case SOAK_READ:      bad = beside(SOAK_WRITE, hold) > 0; break;
    case SOAK_SEMAPHORE: bad = beside_at_first(SOAK_SEMAPHORE, hold) >= SOAK_LEASES; break;
    case SOAK_BARRIER:
    case SOAK_DOUBLE:
    case SOAK_QUEUE:
    case SOAK_CLAIMS:
    case SOAK_WORK:
    case SOAK_RECIPES:   break;
    }
    if (bad) say_wrong("held by too many", line);
    if (!tokens_grew(recipe, hold)) say_wrong("tokens went back", line);
    holds[recipe].last[holds[recipe].count++ % HOLDS_MAX] = *hold;
    done[recipe]++;
}

/* "done" may be heard before "put", from another worker; or alone, of a put whose outcome was not known. */
static void note_item(enum soak_recipe recipe, unsigned long item, unsigned char what, const char *line)
{
    unsigned long worker = item / SOAK_ITEMS_MAX;
    if (worker >= WORKERS_MAX) {
        say_wrong("not understood", line);
        return;
    }
    if (items[recipe][worker] == NULL) items[recipe][worker] = calloc(SOAK_ITEMS_MAX, 1);
    if (items[recipe][worker] == NULL) abort();
    unsigned char *known = &items[recipe][worker][item % SOAK_ITEMS_MAX];
    if (what == DONE) {
        done[recipe]++;
        if (recipe == SOAK_QUEUE && (*known & DONE)) say_wrong("taken twice", line);
    }
    bool was_open = *known == PUT;
    *known |= what;
    if (*known == PUT && !was_open) items_open[recipe]++;
    if (*known != PUT && was_open) items_open[recipe]--;
}

static void note_line(const char *line)
{
    char verb[16], name[32], rest[128] = "";
    struct hold hold;
    enum soak_recipe recipe = 0;
    int words = sscanf(line, "%15s %31s %127[^\n]", verb, name, rest);
    while (words >= 2 && recipe < SOAK_RECIPES && strcmp(soak_names[recipe], name) != 0) recipe++;
    if (words < 2 || recipe == SOAK_RECIPES) {
        say_wrong("not understood", line);
    } else if (strcmp(verb, "did") == 0) {
        done[recipe]++;
    } else if (strcmp(verb, "put") == 0 || strcmp(verb, "done") == 0) {
        note_item(recipe, strtoul(rest, NULL, 10), verb[0] == 'p' ? PUT : DONE, line);
    } else if (strcmp(verb, "hold") == 0 && sscanf(rest, "%" SCNd64 " %" SCNd64 " %" SCNd64, &hold.token, &hold.from, &hold.to) == 3) {
        note_hold(recipe, &hold, line);
    } else {
        say_wrong("outcome", line);
    }
}

/* False: there is no more, it has ended. */
static bool worker_read(struct worker *worker)
{
    ssize_t size = read(worker->out, worker->line + worker->used, sizeof worker->line - worker->used);
    if (size <= 0) {
        close(worker->out);
        worker->out = -1;
        return false;
    }
    worker->used += (size_t)size;
    char *begin = worker->line, *end;
    while ((end = memchr(begin, '\n', worker->used - (size_t)(begin - worker->line))) != NULL) {
        *end = '\0';
        note_line(begin);
        begin = end + 1;
    }
    worker->used -= (size_t)(begin - worker->line);
    memmove(worker->line, begin, worker->used);
    return true;
}

/* Hears the workers until then, or until @enough says so. */
static bool listen_until(uint64_t end, bool (*enough)(void))
{
    for (uint64_t now; (now = test_clock_ms()) < end;) {
        struct pollfd fds[SOAK_WORKERS];
        for (int i = 0; i < SOAK_WORKERS; i++) fds[i] = (struct pollfd){ .fd = workers[i].out, .events = POLLIN };
        if (poll(fds, SOAK_WORKERS, end - now < 100 ? (int)(end - now) : 100) > 0) {
            for (int i = 0; i < SOAK_WORKERS; i++) {
                if (fds[i].revents != 0) (void)worker_read(&workers[i]);
            }
        }
        if (enough != NULL && enough()) return true;
    }
    return enough == NULL;
}

/* ---- Workers. ---- */

static void worker_begin(struct worker *worker)
{
    int in[2], out[2];
    char number[16];
    snprintf(number, sizeof number, "%u", workers_begun++);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) abort(); /* Servers and other workers do not keep them open. */
    worker->used = 0;
    worker->pid = fork();
    if (worker->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl(worker_program, worker_program, apache_connect_string(apache), number, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    worker->in = in[1];
    worker->out = out[0];
}

/* When it ends, or has ended. */
static void worker_reap(struct worker *worker, bool killed)
{
    int status = 0;
    while (worker->out != -1) (void)worker_read(worker);
    waitpid(worker->pid, &status, 0);
    if (killed ? !WIFSIGNALED(status) : status != 0) say_wrong("a worker", "it has not ended well");
    if (worker->in != -1) close(worker->in);
}

static bool all_ended(void)
{
    for (int i = 0; i < SOAK_WORKERS; i++) {
        if (workers[i].out != -1) return false;
    }
    return true;
}

/* ---- Faults. ---- */

struct fault {
    const char *name;
    void (*begin)(int which);
    void (*end)(int which);
};

static void server_kill(int which) { apache_kill(apache, which % 3); }
static void server_restart(int which) { apache_restart(apache, which % 3); }
static void server_pause(int which) { apache_pause(apache, which % 3); }
static void server_resume(int which) { apache_resume(apache, which % 3); }
static void links_cut(int which) { (void)which; apache_cut_first(apache); }
static void links_heal(int which) { (void)which; apache_heal_first(apache); }
static void worker_pause(int which) { kill(workers[which % SOAK_WORKERS].pid, SIGSTOP); }
static void worker_resume(int which) { kill(workers[which % SOAK_WORKERS].pid, SIGCONT); }
static void worker_kill(int which) { kill(workers[which % SOAK_WORKERS].pid, SIGKILL); }
static void worker_again(int which)
{
    worker_reap(&workers[which % SOAK_WORKERS], true);
    worker_begin(&workers[which % SOAK_WORKERS]);
}

static const struct fault faults[] = {
    { "a server dies", server_kill, server_restart },   { "a server stops", server_pause, server_resume },
    { "a worker stops", worker_pause, worker_resume },  { "a worker dies", worker_kill, worker_again },
    { "a server loses its leader", links_cut, links_heal },
};

/* ---- Calm. ---- */

static uint64_t done_before[SOAK_RECIPES];

/* Of what must not be lost. */
static bool all_worked_on(void)
{
    return items_open[SOAK_CLAIMS] == 0 && items_open[SOAK_WORK] == 0;
}

static bool all_got_on(void)
{
    for (int i = 0; i < SOAK_RECIPES; i++) {
        if (done[i] < done_before[i] + CALM_ROUNDS) return false;
    }
    return true;
}

static uint64_t newest; /* Transaction that any server had when the fault was over. */

static uint64_t zxid_of(int server)
{
    char text[4096];
    apache_ask(apache, server, "srvr", text, sizeof text);
    const char *zxid = strstr(text, "Zxid: 0x");
    return zxid == NULL ? 0 : strtoull(zxid + strlen("Zxid: "), NULL, 16);
}

/* One fault at a time, for the servers too: while one of them catches up with the others, ZooKeeper 3.8 may lose what it has acknowledged when
 * another one dies. One that was stopped says for a while that it serves, and has yet to find out that the others went on without it. */
static bool all_in_step(void)
{
    for (int i = 0; i < APACHE_SERVERS_MAX; i++) {
        if (!apache_serves(apache, i) || zxid_of(i) < newest) return false;
    }
    return true;
}

static void calm(void)
{
    uint64_t end = test_clock_ms() + CALM_MS;
    newest = 0;
    for (int i = 0; i < APACHE_SERVERS_MAX; i++) {
        uint64_t zxid = zxid_of(i);
        if (zxid > newest) newest = zxid;
    }
    while (!all_in_step() && test_clock_ms() < end) (void)listen_until(test_clock_ms() + 100, NULL);
    memcpy(done_before, done, sizeof done);
    if (listen_until(test_clock_ms() + CALM_MS, all_got_on)) return;
    for (int i = 0; i < SOAK_RECIPES; i++) {
        if (done[i] < done_before[i] + CALM_ROUNDS) say_wrong("does not get on", soak_names[i]);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: soak WORKER SECONDS [SEED]\n");
        return 2;
    }
    if (!apache_available()) {
        fprintf(stderr, "soak: there is no Apache ZooKeeper here\n");
        return 77;
    }
    worker_program = argv[1];
    uint64_t end = test_clock_ms() + 1000 * strtoull(argv[2], NULL, 10);
    unsigned seed = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : (unsigned)time(NULL);
    printf("seed %u\n", seed);
    signal(SIGPIPE, SIG_IGN);
    srandom(seed);
    apache = apache_start(3);
    for (int i = 0; i < SOAK_WORKERS; i++) worker_begin(&workers[i]);
    calm();
    for (unsigned round = 1; test_clock_ms() < end && wrong == 0; round++) {
        const struct fault *fault = &faults[(size_t)random() % (sizeof faults / sizeof faults[0])];
        int which = (int)(random() % 12);
        unsigned ms = (unsigned)random() % FAULT_MAX_MS;
        printf("%u: %s for %u ms\n", round, fault->name, ms);
        fflush(stdout);
        fault->begin(which);
        listen_until(test_clock_ms() + ms, NULL);
        fault->end(which);
        calm();
    }

    for (int i = 0; i < SOAK_WORKERS; i++) {
        if (write(workers[i].in, "\n", 1) != 1) say_wrong("a worker", "it has ended");
    }
    if (!listen_until(test_clock_ms() + CALM_MS, all_worked_on)) say_wrong("items", "some were put and not worked on");
    for (int i = 0; i < SOAK_WORKERS; i++) {
        close(workers[i].in);
        workers[i].in = -1;
    }
    if (!listen_until(test_clock_ms() + CALM_MS, all_ended)) say_wrong("workers", "they do not end");
    for (int i = 0; i < SOAK_WORKERS; i++) {
        if (workers[i].out != -1) kill(workers[i].pid, SIGKILL);
        worker_reap(&workers[i], workers[i].out != -1);
    }
    for (int i = 0; i < SOAK_RECIPES; i++) printf("%s: %" PRIu64 "\n", soak_names[i], done[i]);
    printf("simple queue, left or taken by who died: %" PRIu64 "\n%u wrong\n", items_open[SOAK_QUEUE], wrong);
    apache_stop(apache);
    return wrong == 0 ? 0 : 1;
}
