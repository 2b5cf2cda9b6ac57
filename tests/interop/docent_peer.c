/* tests/interop/docent_peer.c - our part in what several languages do together. See talker.py for what is said, and peer.h for how a
 * recipe joins in.
 *
 * Each thing has a thread of its own, which does what it is asked to, one after the other, with the blocking forms; the main thread reads.
 * Nothing is closed but sessions, at the end. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static const struct peer_kind *const kinds[] = {
    &peer_barrier, &peer_delay_work, &peer_double, &peer_id_work, &peer_latch, &peer_lease, &peer_lock, &peer_locking_queue,
    &peer_multi, &peer_pack, &peer_plain_queue, &peer_priority_work, &peer_rwlock, &peer_selector, &peer_semaphore, &peer_sharder,
    &peer_simple_queue, &peer_single, &peer_work,
};

struct line {
    struct line *next;
    char text[8192];
};

struct thing {
    struct thing *next;
    struct peer_place place;
    const struct peer_kind *kind;
    void *recipe;
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    struct line *first, **end;
};

struct session {
    struct session *next;
    char *name;
    docent_client *client;
};

static pthread_mutex_t saying = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t listing = PTHREAD_MUTEX_INITIALIZER; /* Sessions are made by several threads. */
static struct thing *things;
static struct session *sessions;

/* ---- What recipes use. ---- */

void peer_must(docent_status status, const char *what)
{
    if (status == DOCENT_OK) return;
    fprintf(stderr, "docent_peer: %s: %s\n", what, docent_status_name(status));
    exit(1);
}

void *peer_alloc(size_t size)
{
    void *block = calloc(1, size);
    if (block == NULL) peer_must(DOCENT_ERR_NO_MEMORY, "alloc");
    return block;
}

char *peer_copy(const char *text)
{
    char *copy = peer_alloc(strlen(text) + 1);
    strcpy(copy, text);
    return copy;
}

bool peer_is(const struct peer_call *call, const char *verb)
{
    return strcmp(call->verb, verb) == 0;
}

const char *peer_word(const struct peer_words *words, size_t index)
{
    return index >= words->count || strcmp(words->word[index], "-") == 0 ? "" : words->word[index];
}

uint32_t peer_number(const struct peer_words *words, size_t index)
{
    return (uint32_t)strtoul(peer_word(words, index), NULL, 10);
}

bool peer_has(const struct peer_words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->word[i], word) == 0) return true;
    }
    return false;
}

static void say(const char *who, const char *verdict, const char *format, va_list values)
{
    pthread_mutex_lock(&saying);
    printf("%s %s", who, verdict);
    if (format[0] != '\0') {
        if (verdict[0] != '\0') putchar(' ');
        vprintf(format, values);
    }
    putchar('\n');
    fflush(stdout);
    pthread_mutex_unlock(&saying);
}

static void answer(struct peer_call *call, const char *verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void answer(struct peer_call *call, const char *verdict, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (call->answered) abort();
    call->answered = true;
    say(call->number, verdict, format, values);
    va_end(values);
}

void peer_ok(struct peer_call *call, const char *format, ...)
{
    char text[4096];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    answer(call, "ok", "%s", text);
}

void peer_no(struct peer_call *call)
{
    answer(call, "no", "%s", "");
}

void peer_status(struct peer_call *call, docent_status status)
{
    if (status == DOCENT_OK) {
        peer_ok(call, "%s", "");
    } else if (status == DOCENT_ERR_TIMEOUT) {
        peer_no(call);
    } else {
        answer(call, "error", "%s", docent_status_name(status));
    }
}

void peer_names(struct peer_call *call, docent_status status, docent_result *result)
{
    char text[4096] = "";
    size_t used = 0;
    if (status != DOCENT_OK) {
        peer_status(call, status);
    } else {
        for (size_t i = 0; i < result->name_count && used < sizeof text; i++) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "", result->names[i]);
        }
        peer_ok(call, "%s", text);
    }
    docent_result_free(result);
}

void peer_data(struct peer_call *call, const void *data, size_t size)
{
    peer_ok(call, "%.*s", size == 0 ? 1 : (int)size, size == 0 ? "-" : (const char *)data);
}

void peer_tell(const struct peer_place *place, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say("*", place->name, format, values);
    va_end(values);
}

void peer_enter(const struct peer_place *place, const char *inside)
{
    if (inside[0] != '\0') peer_must(docent_create(place->client, inside, NULL, 0, DOCENT_EPHEMERAL, NULL), inside);
}

void peer_leave(const struct peer_place *place, const char *inside)
{
    if (inside[0] != '\0') peer_must(docent_delete(place->client, inside, DOCENT_ANY_VERSION), inside);
}

void peer_add_one(const struct peer_place *place, const char *counter)
{
    docent_result *result = NULL;
    char text[32] = "";
    peer_must(docent_get(place->client, counter, &result), counter);
    if (result->size < sizeof text) memcpy(text, result->data, result->size);
    docent_result_free(result);
    int size = snprintf(text, sizeof text, "%d", atoi(text) + 1);
    peer_must(docent_set(place->client, counter, text, (size_t)size, DOCENT_ANY_VERSION, NULL), counter);
}

/* ---- Sessions. ---- */

static void session_begin(const char *name, const char *servers)
{
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 4000 };
    struct session *session = peer_alloc(sizeof *session);
    session->name = peer_copy(name);
    peer_must(docent_client_new(servers, &options, &session->client), "client");
    peer_must(docent_client_wait_connected(session->client, 30000), "connect");
    pthread_mutex_lock(&listing);
    session->next = sessions;
    sessions = session;
    pthread_mutex_unlock(&listing);
}

static struct session *session_named(const char *name)
{
    pthread_mutex_lock(&listing);
    struct session *session = sessions;
    while (session != NULL && strcmp(session->name, name) != 0) session = session->next;
    pthread_mutex_unlock(&listing);
    return session;
}

static void session_end(struct session *session)
{
    docent_client_close(session->client, NULL, NULL);
    session->client = NULL;
}

/* ---- Things. ---- */

static void thing_make(struct thing *thing, const struct peer_call *call)
{
    struct session *session = session_named(peer_word(&call->words, 1));
    struct peer_words options = { .count = call->words.count - 3 };
    memcpy(options.word, call->words.word + 3, options.count * sizeof options.word[0]);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i]->name, peer_word(&call->words, 0)) == 0) thing->kind = kinds[i];
    }
    if (thing->kind == NULL || session == NULL) peer_must(DOCENT_ERR_INVALID_ARGUMENT, peer_word(&call->words, 0));
    thing->place.path = peer_copy(peer_word(&call->words, 2));
    thing->place.client = session->client;
    thing->recipe = thing->kind->make(&thing->place, &options);
}

static void serve(struct thing *thing, struct peer_call *call)
{
    if (strncmp(thing->place.name, "session ", 8) == 0) {
        if (peer_is(call, "end")) {
            session_end(session_named(peer_word(&call->words, 0)));
        } else {
            session_begin(call->verb, peer_word(&call->words, 0));
        }
        peer_ok(call, "%s", "");
    } else if (peer_is(call, "new")) {
        thing_make(thing, call);
        peer_ok(call, "%s", "");
    } else {
        thing->kind->act(thing->recipe, call);
        if (!call->answered) answer(call, "error", "%s is not known", call->verb);
    }
}

/* "NUMBER NAME VERB WORD...", cut into words. False: it is no such line. */
static bool line_read(char *text, struct peer_call *call, char **ret_name)
{
    char *place = NULL, *number = strtok_r(text, " \n", &place);
    *ret_name = number == NULL ? NULL : strtok_r(NULL, " \n", &place);
    call->verb = *ret_name == NULL ? NULL : strtok_r(NULL, " \n", &place);
    if (call->verb == NULL) return false;
    snprintf(call->number, sizeof call->number, "%s", number);
    for (char *word; call->words.count < PEER_WORDS_MAX && (word = strtok_r(NULL, " \n", &place)) != NULL;) {
        call->words.word[call->words.count++] = word;
    }
    return true;
}

static void *thing_run(void *argument)
{
    struct thing *thing = argument;
    for (;;) {
        pthread_mutex_lock(&thing->mutex);
        while (thing->first == NULL) pthread_cond_wait(&thing->asked, &thing->mutex);
        struct line *line = thing->first;
        thing->first = line->next;
        if (thing->first == NULL) thing->end = &thing->first;
        pthread_mutex_unlock(&thing->mutex);
        struct peer_call call = { .answered = false };
        char *name;
        if (line_read(line->text, &call, &name)) serve(thing, &call);
        free(line);
    }
    return NULL;
}

/* By the name of what has a thread: a thing, or "session NAME". */
static struct thing *thing_named(const char *name)
{
    struct thing *thing = things;
    while (thing != NULL && strcmp(thing->place.name, name) != 0) thing = thing->next;
    if (thing != NULL) return thing;
    pthread_t thread;
    thing = peer_alloc(sizeof *thing);
    thing->place.name = peer_copy(name);
    thing->end = &thing->first;
    pthread_mutex_init(&thing->mutex, NULL);
    pthread_cond_init(&thing->asked, NULL);
    thing->next = things;
    things = thing;
    if (pthread_create(&thread, NULL, thing_run, thing) != 0) peer_must(DOCENT_ERR_NO_MEMORY, "thread");
    pthread_detach(thread);
    return thing;
}

static void pass_on(const char *text)
{
    char copy[sizeof((struct line *)NULL)->text], owner[128], *name;
    struct peer_call call = { .answered = false };
    snprintf(copy, sizeof copy, "%s", text);
    if (!line_read(copy, &call, &name)) return;
    bool of_session = strcmp(name, "session") == 0;
    snprintf(owner, sizeof owner, "%s%s", of_session ? "session " : "",
             !of_session ? name : peer_is(&call, "end") ? peer_word(&call.words, 0) : call.verb);
    struct thing *thing = thing_named(owner);
    struct line *line = peer_alloc(sizeof *line);
    snprintf(line->text, sizeof line->text, "%s", text);
    pthread_mutex_lock(&thing->mutex);
    *thing->end = line;
    thing->end = &line->next;
    pthread_cond_signal(&thing->asked);
    pthread_mutex_unlock(&thing->mutex);
}

int main(void)
{
    static char text[sizeof((struct line *)NULL)->text];
    while (fgets(text, sizeof text, stdin) != NULL) pass_on(text);
    for (struct session *session = sessions; session != NULL; session = session->next) {
        if (session->client != NULL) session_end(session);
    }
    _Exit(0); /* Without what ends with the process: a thing may still be at work. */
}
