/* src/words.h - four-letter words: what operators and their tools ask a server, as text in the form that Apache ZooKeeper 3.8 gives it;
 * and the same numbers for other forms (front_admin.c). Made from a replica's state, and from what only its front end knows. */
#ifndef DEVSERVER_WORDS_H
#define DEVSERVER_WORDS_H

#include "server.h"

/* What a replica cannot know itself. Without a front end all of it is zero. */
struct server_about {
    int64_t wall;               /* Unix milliseconds, of the replica's now. */
    const struct leader *leader; /* Whose sessions are dumped. NULL: not here. */
    uint32_t port, max_per_address;
    const char *data_dir;       /* NULL: none. */
    uint64_t data_size, log_size; /* Of the snapshots, and of the logs, in bytes. */
    uint64_t open_files, max_files;
    const char *host, *system, *release, *machine, *user, *home, *folder; /* NULL: not known. */
    uint64_t memory_free, memory_total; /* MiB. */
};
typedef void (*words_about_fn)(void *user, struct server_about *ret_about);

/* Answers a word of four letters, appended to @out. False: there is no such word. One that the configuration does not allow is answered, with
 * just that. */
bool docent_words_answer(struct replica *replica, const uint8_t word[4], struct wire_out *out);
/* The same for one that there is, allowed or not. */
void docent_words_say(struct replica *replica, const char *word, struct wire_out *out);
size_t docent_words_node_count(const struct replica *replica); /* As Apache ZooKeeper counts. */

/* One number, or text, of mntr. */
struct metric {
    const char *key; /* Without "zk_". */
    enum { METRIC_TEXT, METRIC_GAUGE, METRIC_DECIMAL, METRIC_COUNTER } kind;
    const char *text;
    int64_t whole;   /* GAUGE, COUNTER. */
    double decimal;
};
enum { METRICS_MAX = 48 };
size_t docent_words_metrics(struct replica *replica, struct metric metrics[METRICS_MAX]);

const char *docent_words_version(const struct replica *replica);
const char *docent_words_op(int32_t op); /* As cons names it. */
/* With at most four digits behind the point, and at least one. */
void docent_words_decimal(char text[40], double value);

/* The data watches of all connections, by path or by connection; the caller frees it. NULL: there are none. (Apache ZooKeeper's reports
 * leave out child watches, so these do.) */
struct watch;
const struct watch **docent_words_watches(const struct replica *replica, bool by_path, size_t *ret_count);
/* How many different connections, or paths, a list that is ordered by them has. */
size_t docent_words_distinct(const struct watch **watches, size_t count, bool by_path);

#endif
