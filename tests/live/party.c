/* tests/live/party.c - party SERVERS SESSION_MS: one contender for the lock of test_ensemble.c in a process of its own. It takes the lock
 * again and again, and writes down when the library said that it holds it, in the memory behind descriptor PARTY_FD. */
#include "party.h"
#include "test_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <docent/docent.h>

enum { LONG_MS = 90000, HOLD_NS = 5000000 };

/* The clock is read after the token in the beginning and before it later: in between it was held for certain. */
static void hold(docent_lock *lock, struct party_log *log)
{
    int64_t token = docent_lock_token(lock);
    uint64_t from = test_clock_ns();
    int number = log->count;
    if (token == -1 || number == PARTY_HOLDS_MAX) return;
    log->holds[number].token = token;
    log->holds[number].from_ns = from;
    log->holds[number].to_ns = from;
    log->count = number + 1;
    for (uint64_t now = from; !log->over && (log->keeps || now - from < HOLD_NS);) {
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
        now = test_clock_ns();
        if (docent_lock_token(lock) != token) return;
        log->holds[number].to_ns = now;
    }
}

int main(int argc, char **argv)
{
    struct party_log *log = mmap(NULL, sizeof *log, PROT_READ | PROT_WRITE, MAP_SHARED, PARTY_FD, 0);
    if (argc != 3 || log == MAP_FAILED) return 2;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = (uint32_t)atoi(argv[2]) };
    docent_client *client = NULL;
    docent_lock *lock = NULL;
    docent_status status = docent_client_new(argv[1], &options, &client);
    if (status == DOCENT_OK) status = docent_lock_new(client, "/ensemble/lock", NULL, &lock);
    if (status != DOCENT_OK) {
        fprintf(stderr, "party: %s\n", docent_status_name(status));
        return 1;
    }
    while (!log->over) {
        status = docent_lock_acquire(lock, LONG_MS);
        if (status == DOCENT_OK) {
            hold(lock, log);
            docent_lock_release(lock);
        } else if (status != DOCENT_ERR_SESSION_EXPIRED) { /* That is an outcome while servers fail; all others are not. */
            fprintf(stderr, "party: acquire: %s\n", docent_status_name(status));
            log->bad_outcomes++;
        }
    }
    docent_lock_close(lock, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    return 0;
}
