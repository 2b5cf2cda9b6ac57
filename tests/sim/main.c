/* tests/sim/main.c - the simulator's command line. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/scenarios.h"

static const char main_usage[] =
    "usage: sim [--scenario NAME] [--seed N] [--fault KIND:K]... [--trace]    one run\n"
    "       sim [--scenario NAME] [--seed N] --seeds N [--minutes M]          seeds from N on\n"
    "       sim --scenario cas-counter --seeds N --counts                     what became of lost writes\n"
    "       sim --exhaustive NAME [--seed N] [--pairs N] [--no-singles]       every fault at every place, and pairs\n"
    "       sim --list\n"
    "NAME may be \"all\": every scenario. --minutes bounds the processor time. With DOCENT_SIM_SAMPLE in the environment a tenth of\n"
    "seeds and pairs is run, and a third of the places. KIND is one of";

static char main_replay[256]; /* How to see the current run again. Written before the run, read by the signal handler. */

static void main_died(int signal)
{
    static const char text[] = "\nsim: the process died. Replay with: ";
    (void)!write(STDOUT_FILENO, text, sizeof text - 1);
    (void)!write(STDOUT_FILENO, main_replay, strlen(main_replay));
    (void)!write(STDOUT_FILENO, "\n", 1);
    _exit(128 + signal);
}

double sim_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

bool sim_one(const struct scenario *scenario, uint64_t seed, const struct plan *plan, bool trace, struct tally *tally,
             struct world *ret_counts)
{
    int size = snprintf(main_replay, sizeof main_replay, "sim --scenario %s --seed %" PRIu64, scenario->name, seed);
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        size += snprintf(main_replay + size, sizeof main_replay - (size_t)size, " --fault %s:%" PRIu64, fault_names[plan->faults[i].kind],
                         plan->faults[i].at);
    }
    struct world *world = malloc(sizeof *world);
    if (world == NULL) {
        abort();
    }
    bool good = world_run(world, scenario, seed, plan, trace);
    tally->runs++;
    tally->steps += world->steps;
    tally->messages += world->net.messages;
    tally->grants += world->grants;
    tally->guarded += world->guarded;
    tally->faults += world->faults_done;
    counter_add(world->counter, &tally->counted);
    if (good) {
        world_free(world);
    } else {
        printf("sim: FAIL %s, seed %" PRIu64 ", step %" PRIu64 ", at %.3f ms: %s\nsim: replay with: %s\n", scenario->name, seed, world->steps,
               (double)world->clock.now_us / SIM_MS, world->failure, main_replay);
        fflush(stdout);
    }
    if (ret_counts != NULL) {
        *ret_counts = *world; /* For its numbers only. */
    }
    if (good) {
        free(world);
    }
    return good; /* What a failed run leaves lies about, to be looked at in a debugger. */
}

static uint64_t main_number(const char *option, const char *text)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-') {
        fprintf(stderr, "sim: --%s wants a number, not \"%s\"\n", option, text);
        exit(2);
    }
    return number;
}

static void main_list(void)
{
    for (size_t i = 0; i < scenario_count; i++) {
        printf("%-18s %s\n", scenarios[i].name, scenarios[i].text);
    }
}

static void main_print_usage(FILE *out)
{
    fputs(main_usage, out);
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++) {
        fprintf(out, " %s", fault_names[kind]);
    }
    fputs(".\n", out);
}

int main(int argc, char **argv)
{
    enum { OPTION_SCENARIO, OPTION_SEED, OPTION_SEEDS, OPTION_FAULT, OPTION_TRACE, OPTION_EXHAUSTIVE, OPTION_PAIRS, OPTION_NO_SINGLES,
           OPTION_MINUTES, OPTION_COUNTS, OPTION_LIST, OPTION_HELP };
    static const struct option options[] = {
        {"scenario", required_argument, NULL, OPTION_SCENARIO}, {"seed", required_argument, NULL, OPTION_SEED},
        {"seeds", required_argument, NULL, OPTION_SEEDS}, {"fault", required_argument, NULL, OPTION_FAULT},
        {"trace", no_argument, NULL, OPTION_TRACE}, {"exhaustive", required_argument, NULL, OPTION_EXHAUSTIVE},
        {"pairs", required_argument, NULL, OPTION_PAIRS}, {"no-singles", no_argument, NULL, OPTION_NO_SINGLES},
        {"minutes", required_argument, NULL, OPTION_MINUTES}, {"counts", no_argument, NULL, OPTION_COUNTS},
        {"list", no_argument, NULL, OPTION_LIST},
        {"help", no_argument, NULL, OPTION_HELP}, {NULL, 0, NULL, 0},
    };
    const char *name = "storm";
    uint64_t seed = 1, seeds = 0, pairs = 0;
    double minutes = 0;
    bool trace = false, exhaustive = false, counts = false;
    uint64_t singles = 1; /* One place of so many. 0: none. */
    struct plan plan = {.count = 0};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case OPTION_SCENARIO: name = optarg; break;
        case OPTION_SEED: seed = main_number("seed", optarg); break;
        case OPTION_SEEDS: seeds = main_number("seeds", optarg); break;
        case OPTION_FAULT:
            if (!plan_add_text(&plan, optarg)) {
                fprintf(stderr, "sim: --fault wants KIND:K, not \"%s\"\n", optarg);
                return 2;
            }
            break;
        case OPTION_TRACE: trace = true; break;
        case OPTION_EXHAUSTIVE: exhaustive = true; name = optarg; break;
        case OPTION_PAIRS: pairs = main_number("pairs", optarg); break;
        case OPTION_NO_SINGLES: singles = 0; break;
        case OPTION_MINUTES: minutes = strtod(optarg, NULL); break;
        case OPTION_COUNTS: counts = true; break;
        case OPTION_LIST: main_list(); return 0;
        case OPTION_HELP: main_print_usage(stdout); return 0;
        default: main_print_usage(stderr); return 2;
        }
    }
    bool all = strcmp(name, "all") == 0;
    if (optind != argc || (!all && scenario_find(name) == NULL)) {
        fprintf(stderr, "sim: %s \"%s\"\n", optind != argc ? "what is" : "no scenario is called", optind != argc ? argv[optind] : name);
        main_print_usage(stderr);
        return 2;
    }
    if (getenv("DOCENT_SIM_SAMPLE") != NULL) { /* Under a sanitizer: a tenth will do, and every third place, by the seed. */
        singles *= 3;
        seeds = (seeds + 9) / 10;
        pairs /= 10;
    }
    signal(SIGABRT, main_died);
    signal(SIGSEGV, main_died);
    signal(SIGFPE, main_died);

    struct tally tally = {0};
    bool good = true;
    for (size_t i = 0; i < scenario_count && good; i++) {
        const struct scenario *scenario = &scenarios[i];
        if (!all && strcmp(scenario->name, name) != 0) {
            continue;
        }
        if (all && scenario->calm_tree) { /* Many nodes, for as long as many runs of the others. */
            continue;
        }
        if (exhaustive) {
            bool apart = scenario->storm || scenario->scripted || scenario->loses > 0 || scenario->play == PLAY_CACHES ||
                scenario->play == PLAY_WORK || scenario->play == PLAY_GATHER || scenario->play == PLAY_COUNTDOWN; /* These have tests of their own. */
            good = (all && apart) || sim_exhaustive(scenario, seed, singles, pairs, &tally);
        } else if (seeds > 0 || minutes > 0) {
            good = sim_random(scenario, seed, seeds > 0 ? seeds : UINT64_MAX, minutes * 60, &tally);
        } else {
            good = sim_one(scenario, seed, &plan, trace, &tally, NULL);
        }
        fflush(stdout);
    }
    if (counts) {
        counter_print(&tally.counted);
    }
    double took = sim_seconds();
    printf("%s: %" PRIu64 " runs (%.0f a minute), %" PRIu64 " steps, %" PRIu64 " messages, %" PRIu64 " faults, %" PRIu64 " grants, %" PRIu64
           " guarded writes\n", good ? "ok" : "FAILED", tally.runs, took > 0 ? (double)tally.runs * 60 / took : 0.0, tally.steps,
           tally.messages, tally.faults, tally.grants, tally.guarded);
    return good ? 0 : 1;
}
