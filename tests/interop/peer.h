/* peer.h - how a recipe of ours is played by docent_peer.c: a kind of thing that is made on a path, and asked by lines. talker.py says what
 * the lines mean, and what a peer is. */
#ifndef DOCENT_TESTS_INTEROP_PEER_H
#define DOCENT_TESTS_INTEROP_PEER_H

#include <docent/docent.h>

enum { PEER_WORDS_MAX = 64 };

struct peer_words {
    size_t count;
    char *word[PEER_WORDS_MAX];
};

/* Where a thing is made. Lives as long as the thing, which is for ever: the process ends with its things. */
struct peer_place {
    char *name; /* Of the thing, as others call it. */
    char *path;
    docent_client *client;
};

struct peer_call {
    const char *verb;
    struct peer_words words;
    char number[16];
    bool answered;
};

struct peer_kind {
    const char *name;
    /* Does not fail: ends the process if it has to. On the thing's thread, as all that it is asked. */
    void *(*make)(const struct peer_place *place, const struct peer_words *words);
    /* Answers, once. */
    void (*act)(void *thing, struct peer_call *call);
};

/* One per recipe, in files of their own. */
extern const struct peer_kind peer_barrier, peer_delay_work, peer_double, peer_id_work, peer_latch, peer_lease, peer_lock, peer_locking_queue,
    peer_multi, peer_pack, peer_plain_queue, peer_priority_work, peer_rwlock, peer_selector, peer_semaphore, peer_sharder, peer_simple_queue, peer_single,
    peer_work;

/* Ends the process with a message unless @status is DOCENT_OK. */
void peer_must(docent_status status, const char *what);
/* malloc() and strdup() that end the process. */
void *peer_alloc(size_t size);
char *peer_copy(const char *text);

bool peer_is(const struct peer_call *call, const char *verb);
/* "" where the word is "-", or missing. */
const char *peer_word(const struct peer_words *words, size_t index);
uint32_t peer_number(const struct peer_words *words, size_t index);
bool peer_has(const struct peer_words *words, const char *word);

/* Answers: "ok" and what @format makes, "no", or as @status says: DOCENT_OK, DOCENT_ERR_TIMEOUT (no), or an error by its name. */
void peer_ok(struct peer_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void peer_no(struct peer_call *call);
void peer_status(struct peer_call *call, docent_status status);
/* ok with the names of a listing, which is freed. */
void peer_names(struct peer_call *call, docent_status status, docent_result *result);
/* ok with data, "-" if there is none. */
void peer_data(struct peer_call *call, const void *data, size_t size);
/* Says something without having been asked. Thread: any. */
void peer_tell(const struct peer_place *place, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of whoever is inside: a node of its session, of which there can be one. "-": nobody looks. */
void peer_enter(const struct peer_place *place, const char *inside);
void peer_leave(const struct peer_place *place, const char *inside);
/* Reads and writes it without its version: only who holds something may do so. */
void peer_add_one(const struct peer_place *place, const char *counter);

#endif
