/* tests/live/test_ensemble.c - the lock on an ensemble of three Apache ZooKeeper servers whose members die, stop, and lose each other.
 *
 * Every test does the same: a *holder* that knows only the victim gets the lock and keeps it; *contenders* that know other servers
 * take turns; the victim meets its fate; the contenders must get in; the victim heals; the holder must get in again. Meanwhile a
 * monitor reads all tokens, all the time: never do two say "held".
 *
 * Then the same with processes instead of threads, which may themselves be paused and killed; see party.h. */
#include "live.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "apache.h"
#include "party.h"

enum { CONTENDERS = 3, LOCKS = CONTENDERS + 1, SESSION_MS = 2000, LONG_MS = 90000, ROUNDS = 5 };

struct party {
    docent_client *client;
    docent_lock *lock;
    pthread_t thread;
    atomic_int rounds; /* How often it held the lock. */
};

static struct apache *apache;
static struct party parties[LOCKS]; /* The holder is the last. */
static atomic_bool over;            /* No more rounds. */
static atomic_bool watched;         /* The monitor runs. */
static atomic_int two_holders, looks, bad_outcomes;
static pthread_mutex_t last_mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_token;
static atomic_int tokens_went_back;

/* Two tokens that differ can be read one after the other from two successive holders. But tokens are never used twice, so the
 * first still being what it was after the second was read means that both said "held" at one time. */
static void *monitor(void *user)
{
    (void)user;
    while (atomic_load(&watched)) {
        for (int i = 0; i < LOCKS; i++) {
            int64_t first = docent_lock_token(parties[i].lock);
            for (int j = 0; first != -1 && j < LOCKS; j++) {
                if (j == i || docent_lock_token(parties[j].lock) == -1) continue;
                if (docent_lock_token(parties[i].lock) == first) atomic_fetch_add(&two_holders, 1);
            }
        }
        atomic_fetch_add(&looks, 1);
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
    }
    return NULL;
}

/* Tokens grow from holder to holder. A hold that was over before we came here is not compared: a later one may have been. */
static void note_token(const struct party *party)
{
    int64_t token = docent_lock_token(party->lock);
    pthread_mutex_lock(&last_mutex);
    bool back = token != -1 && token <= last_token;
    if (docent_lock_token(party->lock) == token && token != -1) {
        if (back) atomic_fetch_add(&tokens_went_back, 1);
        last_token = token;
    }
    pthread_mutex_unlock(&last_mutex);
}

static bool take_lock(struct party *party)
{
    docent_status status = docent_lock_acquire(party->lock, LONG_MS);
    if (status == DOCENT_OK) {
        note_token(party);
        atomic_fetch_add(&party->rounds, 1);
    } else if (status != DOCENT_ERR_SESSION_EXPIRED) { /* That is an outcome while servers fail; all others are not. */
        fprintf(stderr, "acquire: %s\n", docent_status_name(status));
        atomic_fetch_add(&bad_outcomes, 1);
    }
    return status == DOCENT_OK;
}

static void *contend(void *user)
{
    struct party *party = user;
    while (!atomic_load(&over)) {
        if (take_lock(party)) {
            pause_ms(5); /* Work under the lock, long enough to be seen by the monitor. */
            docent_lock_release(party->lock);
        }
    }
    return NULL;
}

static void party_open(struct party *party, const char *servers)
{
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = SESSION_MS };
    party->client = NULL;
    party->lock = NULL;
    atomic_store(&party->rounds, 0);
    assert_ok(docent_client_new(servers, &options, &party->client));
    assert_ok(docent_lock_new(party->client, "/ensemble/lock", NULL, &party->lock));
    assert_ok(docent_client_wait_connected(party->client, 30000));
}

static bool wait_for_rounds(const struct party *party, int rounds)
{
    for (int waited = 0; waited < LONG_MS && atomic_load(&party->rounds) < rounds; waited += 10) pause_ms(10);
    return atomic_load(&party->rounds) >= rounds;
}

/* Every contender gets in so often from now on. */
static void assert_progress(int rounds)
{
    int wanted[CONTENDERS];
    for (int i = 0; i < CONTENDERS; i++) wanted[i] = atomic_load(&parties[i].rounds) + rounds;
    for (int i = 0; i < CONTENDERS; i++) assert_true(wait_for_rounds(&parties[i], wanted[i]));
}

static void others_of(int victim, char *text, size_t size)
{
    snprintf(text, size, "127.0.0.1:%u,127.0.0.1:%u", apache_port(apache, (victim + 1) % 3), apache_port(apache, (victim + 2) % 3));
}

/* Contenders begin to queue when @holder has the lock. */
static pthread_t open_all(int victim)
{
    char servers[64];
    struct party *holder = &parties[CONTENDERS];
    snprintf(servers, sizeof servers, "127.0.0.1:%u", apache_port(apache, victim));
    party_open(holder, servers);
    others_of(victim, servers, sizeof servers);
    for (int i = 0; i < CONTENDERS - 1; i++) party_open(&parties[i], servers);
    party_open(&parties[CONTENDERS - 1], apache_connect_string(apache)); /* This one may sit on the victim as well. */

    atomic_store(&over, false);
    atomic_store(&watched, true);
    pthread_t watcher;
    assert_int_equal(pthread_create(&watcher, NULL, monitor, NULL), 0);
    assert_true(take_lock(holder));
    for (int i = 0; i < CONTENDERS; i++) assert_int_equal(pthread_create(&parties[i].thread, NULL, contend, &parties[i]), 0);
    return watcher;
}

static void close_all(pthread_t watcher)
{
    atomic_store(&over, true);
    for (int i = 0; i < CONTENDERS; i++) pthread_join(parties[i].thread, NULL);
    atomic_store(&watched, false);
    pthread_join(watcher, NULL);
    for (int i = 0; i < LOCKS; i++) {
        docent_lock_close(parties[i].lock, NULL, NULL);
        docent_client_close(parties[i].client, NULL, NULL);
    }
    assert_int_equal(atomic_load(&two_holders), 0);
    assert_int_equal(atomic_load(&tokens_went_back), 0);
    assert_int_equal(atomic_load(&bad_outcomes), 0);
    assert_true(atomic_load(&looks) > 1000);
}

static void kill_server(int victim)
{
    apache_kill(apache, victim);
}

static void restart_server(int victim)
{
    apache_restart(apache, victim);
}

static void pause_server(int victim)
{
    apache_pause(apache, victim);
}

static void resume_server(int victim)
{
    apache_resume(apache, victim);
}

static void cut_server(int victim)
{
    (void)victim;
    apache_cut_first(apache);
}

static void heal_server(int victim)
{
    (void)victim;
    apache_heal_first(apache);
}

static void survive(int victim, void (*strike)(int victim), void (*mend)(int victim))
{
    struct party *holder = &parties[CONTENDERS];
    pthread_t watcher = open_all(victim);

    pause_ms(500); /* Long enough for heartbeats to be on their way when it happens. */
    assert_true(docent_lock_token(holder->lock) != -1);
    strike(victim);
    /* One that sat on the victim may have to wait for its end; those elsewhere get in as soon as the session is over. */
    int before = atomic_load(&parties[0].rounds) + atomic_load(&parties[1].rounds);
    assert_int_equal(before, 0);
    assert_true(wait_for_rounds(&parties[0], ROUNDS));
    assert_true(wait_for_rounds(&parties[1], ROUNDS));
    assert_int_equal(docent_lock_token(holder->lock), -1);

    mend(victim);
    apache_wait(apache, 3);
    /* The session may be found to be over only now. */
    for (int tries = 0; tries < 3 && !take_lock(holder); tries++) {}
    assert_int_equal(atomic_load(&holder->rounds), 2);
    docent_lock_release(holder->lock);
    assert_progress(ROUNDS);
    close_all(watcher);
}

static void a_follower_is_cut_off_from_its_leader(void **state)
{
    (void)state;
    assert_int_not_equal(apache_leader(apache), 0); /* See apache.c: what makes the first one the victim. */
    survive(0, cut_server, heal_server);
}

static void a_follower_is_paused(void **state)
{
    (void)state;
    survive((apache_leader(apache) + 1) % 3, pause_server, resume_server);
}

static void the_leader_is_killed(void **state)
{
    (void)state;
    survive(apache_leader(apache), kill_server, restart_server);
}

static void the_leader_is_paused(void **state)
{
    (void)state;
    survive(apache_leader(apache), pause_server, resume_server);
}

static void all_are_restarted_one_after_the_other(void **state)
{
    (void)state;
    struct party *holder = &parties[CONTENDERS];
    pthread_t watcher = open_all(0);
    docent_lock_release(holder->lock);
    for (int i = 0; i < 3; i++) {
        assert_progress(ROUNDS);
        apache_kill(apache, i);
        assert_progress(1);
        apache_restart(apache, i);
        apache_wait(apache, 3);
    }
    assert_progress(ROUNDS);
    close_all(watcher);
}

/* ---- Processes. ---- */

static const char *party_program;
static struct process {
    pid_t pid;
    struct party_log *log;
} processes[LOCKS]; /* The holder is the last. */

static void process_start(struct process *process, const char *servers, bool keeps)
{
    char session_ms[16];
    snprintf(session_ms, sizeof session_ms, "%d", SESSION_MS);
    char *arguments[] = { (char *)(uintptr_t)party_program, (char *)(uintptr_t)servers, session_ms, NULL };
    int fd = memfd_create("party", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *process->log), 0);
    process->log = mmap(NULL, sizeof *process->log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(process->log != MAP_FAILED);
    process->log->keeps = keeps;
    pid_t parent = getpid();
    process->pid = fork();
    assert_true(process->pid >= 0);
    if (process->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int kept = fd == PARTY_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, PARTY_FD);
        if (kept >= 0 && getppid() == parent) execv(party_program, arguments);
        _exit(127);
    }
    close(fd);
}

static bool wait_for_holds(const struct process *process, int holds)
{
    for (int waited = 0; waited < LONG_MS && process->log->count < holds; waited += 10) pause_ms(10);
    return process->log->count >= holds;
}

/* All but the last get in so often from now on. */
static void assert_processes_get_in(int rounds)
{
    int wanted[CONTENDERS];
    for (int i = 0; i < CONTENDERS; i++) wanted[i] = processes[i].log->count + rounds;
    for (int i = 0; i < CONTENDERS; i++) assert_true(wait_for_holds(&processes[i], wanted[i]));
}

/* How many are in the queue, as a client of ours sees it. */
static size_t queue_size(docent_client *client)
{
    return children_count(client, "/ensemble/lock");
}

/* The last one, which knows @victim alone, has the lock; the others stand in the queue. */
static void processes_start(int victim)
{
    char servers[64];
    snprintf(servers, sizeof servers, "127.0.0.1:%u", apache_port(apache, victim));
    process_start(&processes[CONTENDERS], servers, true);
    assert_true(wait_for_holds(&processes[CONTENDERS], 1));
    others_of(victim, servers, sizeof servers);
    for (int i = 0; i < CONTENDERS - 1; i++) process_start(&processes[i], servers, false);
    process_start(&processes[CONTENDERS - 1], apache_connect_string(apache), false);

    docent_client *client = NULL;
    assert_ok(docent_client_new(apache_connect_string(apache), NULL, &client));
    assert_soon(queue_size(client) == LOCKS);
    docent_client_close(client, NULL, NULL);
    for (int i = 0; i < CONTENDERS; i++) assert_int_equal(processes[i].log->count, 0);
}

struct sure_hold {
    int64_t token;
    uint64_t from_ns, to_ns;
};

static int by_begin(const void *a, const void *b)
{
    uint64_t first = ((const struct sure_hold *)a)->from_ns, second = ((const struct sure_hold *)b)->from_ns;
    return (first > second) - (first < second);
}

/* No two holds overlap, and tokens grow. */
static void assert_one_at_a_time(void)
{
    static struct sure_hold holds[LOCKS * PARTY_HOLDS_MAX];
    size_t count = 0;
    for (int i = 0; i < LOCKS; i++) {
        const struct party_log *log = processes[i].log;
        assert_int_equal(log->bad_outcomes, 0);
        assert_true(log->count < PARTY_HOLDS_MAX);
        for (int j = 0; j < log->count; j++) {
            struct sure_hold hold = { log->holds[j].token, log->holds[j].from_ns, log->holds[j].to_ns };
            if (hold.to_ns > hold.from_ns) holds[count++] = hold;
        }
    }
    qsort(holds, count, sizeof holds[0], by_begin);
    for (size_t i = 1; i < count; i++) {
        assert_true(holds[i].from_ns >= holds[i - 1].to_ns);
        assert_true(holds[i].token > holds[i - 1].token);
    }
    assert_true(count >= CONTENDERS * ROUNDS);
}

static void processes_stop(bool holder_was_killed)
{
    for (int i = 0; i < LOCKS; i++) processes[i].log->over = true;
    for (int i = 0; i < LOCKS; i++) {
        int status = 0;
        assert_int_equal(waitpid(processes[i].pid, &status, 0), processes[i].pid);
        if (i == CONTENDERS && holder_was_killed) {
            assert_true(WIFSIGNALED(status));
        } else {
            assert_int_equal(status, 0);
        }
    }
    assert_one_at_a_time();
    for (int i = 0; i < LOCKS; i++) munmap(processes[i].log, sizeof *processes[i].log);
}

static void processes_when_the_leader_is_killed(void **state)
{
    (void)state;
    struct process *holder = &processes[CONTENDERS];
    int victim = apache_leader(apache);
    processes_start(victim);
    apache_kill(apache, victim);
    assert_true(wait_for_holds(&processes[0], ROUNDS));
    assert_true(wait_for_holds(&processes[1], ROUNDS));
    apache_restart(apache, victim);
    apache_wait(apache, 3);
    assert_true(wait_for_holds(holder, 2));
    holder->log->keeps = false;
    assert_processes_get_in(ROUNDS);
    processes_stop(false);
}

/* It stands still for longer than its session lives, and does not believe for an instant, when it goes on, that it is still inside. */
static void the_process_that_holds_is_paused(void **state)
{
    (void)state;
    struct process *holder = &processes[CONTENDERS];
    processes_start(0);
    assert_int_equal(kill(holder->pid, SIGSTOP), 0);
    assert_processes_get_in(ROUNDS);
    assert_int_equal(kill(holder->pid, SIGCONT), 0);
    holder->log->keeps = false;
    assert_true(wait_for_holds(holder, 1 + ROUNDS));
    assert_processes_get_in(ROUNDS);
    processes_stop(false);
}

static void the_process_that_holds_is_killed(void **state)
{
    (void)state;
    processes_start(0);
    assert_int_equal(kill(processes[CONTENDERS].pid, SIGKILL), 0);
    assert_processes_get_in(ROUNDS);
    processes_stop(true);
}

static int ensemble_start(void **state)
{
    (void)state;
    apache = apache_start(3);
    return 0;
}

static int ensemble_stop(void **state)
{
    (void)state;
    apache_stop(apache);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: live-ensemble PARTY\n");
        return 2;
    }
    party_program = argv[1];
    if (!apache_available()) {
        printf("1..0 # SKIP Apache ZooKeeper or Java is not installed\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_is_cut_off_from_its_leader), /* First: while the first server is sure to follow. */
        cmocka_unit_test(a_follower_is_paused),
        cmocka_unit_test(the_leader_is_killed),
        cmocka_unit_test(the_leader_is_paused),
        cmocka_unit_test(all_are_restarted_one_after_the_other),
        cmocka_unit_test(processes_when_the_leader_is_killed),
        cmocka_unit_test(the_process_that_holds_is_paused),
        cmocka_unit_test(the_process_that_holds_is_killed),
    };
    return cmocka_run_group_tests_name("ensemble", tests, ensemble_start, ensemble_stop);
}
