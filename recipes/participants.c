/* recipes/participants.c - who contends: list, then read each contender, a window of reads at a time, then put them in order.
 *
 * Every read is a step of one public call, with the client's policy and deadline. A node that is gone when it is read has left the queue
 * and is left out; any other failure is the outcome, the first one. */
#include "recipes/participants.h"

#include <string.h>

#include "recipes/step.h"

enum { PARTICIPANTS_WINDOW = 64 }; /* Reads that are out at a time. */

struct participants;

struct participant {
    struct participants *all;
    struct step step;
    const char *name; /* In all->listing. */
    size_t position;  /* In the listing: of equals the one listed first comes first. */
    char *path;
    char *label; /* NULL: not read, or gone. */
    size_t size; /* Of the label. */
    docent_stat stat;
};

struct participants {
    struct steps steps;
    struct step step; /* The listing. */
    docent_client *client;
    const struct dialect *dialect;
    char *path;
    void (*over)(void *owner);
    void *owner;
    docent_result *listing;
    struct participant *entries;
    size_t count;
    size_t most;
    size_t asked;
    size_t out;  /* Asked and not answered. */
    size_t seen; /* Answered, and there. */
    docent_status status;
};

static void participants_free(struct participants *p)
{
    const docent_allocator *allocator = docent_client_allocator(p->client);

    for (size_t i = 0; i < p->count; i++) {
        docent_free(allocator, p->entries[i].path);
        docent_free(allocator, p->entries[i].label);
    }
    docent_free(allocator, p->entries);
    docent_free(allocator, p->listing);
    docent_free(allocator, p->path);
    docent_steps_end(&p->steps);
    docent_free(allocator, p);
}

/* By rank. Insertion into a sorted row would do for a few; a queue of thousands wants better, and qsort() may allocate. */
static bool participant_before(const struct dialect *dialect, const struct participant *a, const struct participant *b)
{
    int order = docent_dialect_compare(dialect, a->name, b->name);

    return order != 0 ? order < 0 : a->position < b->position;
}

static void participants_sift(const struct participants *p, size_t root, size_t count)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && participant_before(p->dialect, &p->entries[child], &p->entries[child + 1])) child++;
        if (!participant_before(p->dialect, &p->entries[root], &p->entries[child])) return;
        struct participant swapped = p->entries[root];
        p->entries[root] = p->entries[child];
        p->entries[child] = swapped;
        root = child;
    }
}

static void participants_sort(struct participants *p)
{
    for (size_t i = p->count / 2; i-- > 0;) {
        participants_sift(p, i, p->count);
    }
    for (size_t end = p->count; end-- > 1;) {
        struct participant last = p->entries[end];
        p->entries[end] = p->entries[0];
        p->entries[0] = last;
        participants_sift(p, 0, end);
    }
}

/* Last: frees @p. */
static void participants_finish(struct participants *p)
{
    const docent_allocator *allocator = docent_client_allocator(p->client);
    docent_result result = { .struct_size = sizeof result, .status = p->status };
    const char **names = NULL;
    docent_result *nodes = NULL;

    if (p->status == DOCENT_OK && p->count > 0) {
        names = docent_alloc_array(allocator, p->count, sizeof *names);
        nodes = docent_alloc_array(allocator, p->count, sizeof *nodes);
        if (names == NULL || nodes == NULL) result.status = DOCENT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; result.status == DOCENT_OK && i < p->count; i++) {
        const struct participant *entry = &p->entries[i];
        if (entry->label == NULL) continue;
        names[result.name_count++] = entry->label;
        nodes[result.result_count++] = (docent_result){
            .struct_size = sizeof *nodes,
            .path = entry->path,
            .data = entry->label,
            .size = entry->size,
            .has_stat = true,
            .stat = entry->stat,
        };
    }
    result.names = names;
    result.results = nodes;
    docent_steps_tell(&p->steps, &result);
    docent_free(allocator, names);
    docent_free(allocator, nodes);

    void (*over)(void *owner) = p->over;
    void *owner = p->owner;
    participants_free(p);
    over(owner);
}

static void participants_ask(struct participants *p);

static void participants_on_get(const docent_result *result, void *user)
{
    struct participant *entry = user;
    struct participants *p = entry->all;

    p->out--;
    docent_step_over(&entry->step, result);
    if (result->status == DOCENT_OK) {
        entry->label = docent_alloc(docent_client_allocator(p->client), result->size + 1);
        if (entry->label != NULL) {
            p->seen++;
            entry->size = result->size;
            entry->stat = result->stat;
            if (result->size > 0) memcpy(entry->label, result->data, result->size);
            entry->label[result->size] = '\0';
        } else if (p->status == DOCENT_OK) {
            p->status = DOCENT_ERR_NO_MEMORY;
        }
    } else if (result->status != DOCENT_ERR_NO_NODE && p->status == DOCENT_OK) {
        p->status = result->status;
    }
    participants_ask(p);
}

static docent_status participants_ask_one(struct participants *p, struct participant *entry)
{
    const docent_allocator *allocator = docent_client_allocator(p->client);
    size_t path_size = strlen(p->path);
    size_t name_size = strlen(entry->name) + 1;
    char *path = docent_alloc(allocator, path_size + 1 + name_size);

    entry->path = path;
    if (path == NULL) return DOCENT_ERR_NO_MEMORY;
    memcpy(path, p->path, path_size);
    path[path_size] = '/';
    memcpy(path + path_size + 1, entry->name, name_size);
    docent_op get = docent_op_get(path);
    const docent_call_options *call = docent_step_begin(&entry->step, &p->steps);
    return call == NULL ? DOCENT_ERR_TIMEOUT : docent_run_step(p->client, &get, call, NULL, participants_on_get, entry);
}

/* Keeps the window full; when nothing is out and nothing left to ask, it is done. Who is gone makes room for one behind. */
static void participants_ask(struct participants *p)
{
    while (p->status == DOCENT_OK && p->asked < p->count && p->out < PARTICIPANTS_WINDOW && p->out < p->most - p->seen) {
        docent_status status = participants_ask_one(p, &p->entries[p->asked]);
        if (status != DOCENT_OK) {
            p->status = status;
            break;
        }
        p->asked++;
        p->out++;
    }
    if (p->out == 0) participants_finish(p);
}

static docent_status participants_take_listing(struct participants *p, const docent_result *result)
{
    const docent_allocator *allocator = docent_client_allocator(p->client);

    p->listing = docent_result_keep(allocator, result);
    if (p->listing == NULL) return DOCENT_ERR_NO_MEMORY;
    if (result->name_count == 0) return DOCENT_OK;
    p->entries = docent_alloc_array(allocator, result->name_count, sizeof *p->entries);
    if (p->entries == NULL) return DOCENT_ERR_NO_MEMORY;
    for (size_t i = 0; i < p->listing->name_count; i++) {
        const char *name = p->listing->names[i];
        if (docent_dialect_read(p->dialect, name) == DIALECT_FOREIGN) continue;
        p->entries[p->count++] = (struct participant){ .all = p, .name = name, .position = i };
    }
    participants_sort(p);
    return DOCENT_OK;
}

static void participants_on_list(const docent_result *result, void *user)
{
    struct participants *p = user;

    docent_step_over(&p->step, result);
    if (result->status == DOCENT_OK) {
        p->status = participants_take_listing(p, result);
    } else if (result->status != DOCENT_ERR_NO_NODE) {
        p->status = result->status;
    }
    participants_ask(p);
}

docent_status docent_participants_read_first(docent_client *client, const struct dialect *dialect, const char *path, size_t most,
                                             docent_result_fn done, void *user, void (*over)(void *owner), void *owner)
{
    if (done == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_client_check(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    struct participants *p = docent_alloc(allocator, sizeof *p);
    if (p == NULL) return DOCENT_ERR_NO_MEMORY;

    *p = (struct participants){ .client = client, .dialect = dialect, .most = most, .over = over, .owner = owner };
    status = docent_steps_begin(&p->steps, client, NULL, done, user);
    if (status != DOCENT_OK) {
        docent_free(allocator, p);
        return status;
    }
    p->path = docent_strdup(allocator, path);
    docent_op list = docent_op_children(path);
    status = p->path == NULL ? DOCENT_ERR_NO_MEMORY
                             : docent_run_step(client, &list, docent_step_begin(&p->step, &p->steps), NULL, participants_on_list, p);
    if (status != DOCENT_OK) participants_free(p);
    return status;
}
