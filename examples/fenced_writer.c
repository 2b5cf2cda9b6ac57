/* fenced_writer.c - why locks have tokens: a holder that is stopped in the middle of its work, and its late writes.
 *
 *     fenced_writer CONNECT
 *
 * A first writer takes the lock, writes, and is stopped (SIGSTOP) for longer than its session lives, so that a second one gets in and writes.
 * When the first goes on it knows of nothing, and writes again: to a node, in a transaction that is guarded by its hold, and to a
 * store that is no ZooKeeper and compares tokens. Both refuse it. Exits 0 only if they do. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <docent/docent.h>

#define LOCK "/example-fenced/lock"
#define NODE "/example-fenced/value"

struct writer {
    docent_client *client;
    docent_lock *lock;
    docent_hold *hold; /* What it believes to hold, and ... */
    int64_t token;     /* ... believed to hold when it asked. */
};

static void must(docent_status status, const char *what)
{
    if (status == DOCENT_OK) return;
    fprintf(stderr, "%s: %s\n", what, docent_status_text(status));
    exit(1);
}

static struct writer writer_begin(const char *servers)
{
    struct writer w = { .client = NULL };
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 2000 };
    must(docent_client_new(servers, &options, &w.client), "client");
    must(docent_ensure_path(w.client, NODE, DOCENT_PARENTS_PERSISTENT, docent_acl_open()), "node");
    must(docent_lock_new(w.client, LOCK, NULL, &w.lock), "lock");
    must(docent_lock_acquire(w.lock, 30000), "acquire");
    w.hold = docent_lock_hold(w.lock);
    w.token = docent_lock_token(w.lock);
    if (w.hold == NULL) must(DOCENT_ERR_NOT_HELD, "hold");
    return w;
}

static void writer_end(struct writer *w)
{
    docent_hold_unref(w->hold);
    docent_lock_close(w->lock, NULL, NULL);
    docent_client_close(w->client, NULL, NULL);
}

/* A store among the servers' own nodes: the guard makes the write depend on the hold, and the servers look. */
static docent_status node_write(const struct writer *w, const char *value)
{
    docent_txn *txn = NULL;
    must(docent_txn_new(w->client, &txn), "transaction");
    docent_txn_guard(txn, w->hold);
    docent_txn_set(txn, NODE, value, strlen(value), DOCENT_ANY_VERSION);
    docent_status status = docent_txn_commit(txn, NULL, NULL);
    docent_txn_free(txn);
    return status;
}

/* Any other store: it keeps the largest token that it has seen, and refuses smaller ones. */
struct store {
    int64_t token;
    char value[16];
};

static bool store_write(struct store *store, int64_t token, const char *value)
{
    if (token < store->token) return false;
    store->token = token;
    snprintf(store->value, sizeof store->value, "%s", value);
    return true;
}

/* The first writer, a process of its own. It tells us its token when it has written, is stopped, goes on when it is let, and tells the outcome
 * of the write to the node that it then tries. */
static int first_writer(const char *servers, int from_us, int to_us)
{
    struct writer w = writer_begin(servers);
    must(node_write(&w, "first"), "first writer");
    char word;
    if (write(to_us, &w.token, sizeof w.token) != sizeof w.token || read(from_us, &word, 1) != 1) return 1;
    docent_status late = node_write(&w, "late");
    writer_end(&w);
    return write(to_us, &late, sizeof late) == sizeof late ? 0 : 1;
}

/* What is in the node. */
static bool node_says(const struct writer *w, const char *value)
{
    docent_result *now = NULL;
    must(docent_get(w->client, NODE, &now), "get");
    bool same = now->size == strlen(value) && memcmp(now->data, value, now->size) == 0;
    docent_result_free(now);
    return same;
}

int main(int argc, char **argv)
{
    int to_first[2], from_first[2], ended;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONNECT\n", argv[0]);
        return 2;
    }
    if (pipe(to_first) != 0 || pipe(from_first) != 0) return 1;
    pid_t first = fork(); /* Before there is any client: those are of one process. */
    if (first < 0) return 1;
    if (first == 0) return first_writer(argv[1], to_first[0], from_first[1]);
    close(from_first[1]);

    struct store store = { .token = -1 };
    int64_t token;
    if (read(from_first[0], &token, sizeof token) != sizeof token) return 1;
    if (!store_write(&store, token, "first")) return 1;
    printf("first writer:  holds the lock, token %" PRId64 ", has written; now it is stopped\n", token);
    kill(first, SIGSTOP);
    waitpid(first, &ended, WUNTRACED);

    struct writer second = writer_begin(argv[1]); /* Waits for the end of the first one's session. */
    must(node_write(&second, "second"), "second writer");
    if (!store_write(&store, second.token, "second")) return 1;
    printf("second writer: holds the lock, token %" PRId64 ", has written; now the first goes on\n", second.token);

    docent_status late;
    kill(first, SIGCONT);
    if (write(to_first[1], "g", 1) != 1 || read(from_first[0], &late, sizeof late) != sizeof late) return 1;
    bool by_node = late != DOCENT_OK && node_says(&second, "second");
    bool by_store = !store_write(&store, token, "late") && strcmp(store.value, "second") == 0;
    printf("its late write to the node: %s: %s\n", by_node ? "refused" : "NOT REFUSED", docent_status_text(late));
    printf("its late write to the other store: %s\n", by_store ? "refused" : "NOT REFUSED");
    writer_end(&second);
    waitpid(first, &ended, 0);
    return by_node && by_store ? 0 : 1;
}
