/* recipes/revoke.c - see revocation.h: asks who is first in line to let go. One public call of two steps: list, and set. */
#include <docent/operation.h>

#include <string.h>

#include "recipes/revocation.h"
#include "recipes/step.h"

struct revoke {
    struct steps steps;
    struct step step; /* One at a time. */
    docent_client *client;
    const struct dialect *dialect;
    const char *path; /* The owner's, until over. */
    char *node;
    void (*over)(void *owner);
    void *owner;
};

static void revoke_free(struct revoke *r)
{
    const docent_allocator *allocator = docent_client_allocator(r->client);

    docent_free(allocator, r->node);
    docent_steps_end(&r->steps);
    docent_free(allocator, r);
}

/* Last: frees @r. */
static void revoke_finish(struct revoke *r, docent_status outcome)
{
    docent_result result = { .struct_size = sizeof result, .status = outcome };
    void (*over)(void *owner) = r->over;
    void *owner = r->owner;

    docent_steps_tell(&r->steps, &result);
    revoke_free(r);
    over(owner);
}

static docent_status revoke_run(struct revoke *r, const docent_op *op, docent_result_fn done)
{
    const docent_call_options *call = docent_step_begin(&r->step, &r->steps);
    return call == NULL ? DOCENT_ERR_TIMEOUT : docent_run_step(r->client, op, call, NULL, done, r);
}

static void revoke_on_set(const docent_result *result, void *user)
{
    struct revoke *r = user;

    docent_step_over(&r->step, result);
    revoke_finish(r, result->status == DOCENT_ERR_NO_NODE ? DOCENT_OK : result->status); /* It was let go in time. */
}

static docent_status revoke_ask_set(struct revoke *r)
{
    docent_op set = docent_op_set(r->node, REVOCATION_MESSAGE, REVOCATION_SIZE, DOCENT_ANY_VERSION);
    return revoke_run(r, &set, revoke_on_set);
}

static const char *revoke_first(const struct revoke *r, const docent_result *list)
{
    const char *first = NULL;

    for (size_t i = 0; i < list->name_count; i++) {
        const char *name = list->names[i];
        if (docent_dialect_read(r->dialect, name) == DIALECT_FOREIGN) continue;
        if (first == NULL || docent_dialect_compare(r->dialect, name, first) < 0) first = name;
    }
    return first;
}

static void revoke_on_list(const docent_result *result, void *user)
{
    struct revoke *r = user;
    const char *first = result->status == DOCENT_OK ? revoke_first(r, result) : NULL;

    docent_step_over(&r->step, result);
    if (first == NULL) {
        revoke_finish(r, result->status == DOCENT_ERR_NO_NODE ? DOCENT_OK : result->status);
        return;
    }
    size_t parent_size = strlen(r->path), name_size = strlen(first) + 1;
    r->node = docent_alloc(docent_client_allocator(r->client), parent_size + 1 + name_size);
    docent_status status = DOCENT_ERR_NO_MEMORY;
    if (r->node != NULL) {
        memcpy(r->node, r->path, parent_size);
        r->node[parent_size] = '/';
        memcpy(r->node + parent_size + 1, first, name_size);
        status = revoke_ask_set(r);
    }
    if (status != DOCENT_OK) revoke_finish(r, status);
}

docent_status docent_revoke(docent_client *client, const struct dialect *dialect, const char *path, const char *node, docent_result_fn done,
                            void *user, void (*over)(void *owner), void *owner)
{
    docent_status status = docent_client_check(client);
    if (status != DOCENT_OK) return status;
    const docent_allocator *allocator = docent_client_allocator(client);
    struct revoke *r = docent_alloc(allocator, sizeof *r);
    if (r == NULL) return DOCENT_ERR_NO_MEMORY;

    *r = (struct revoke){ .client = client, .dialect = dialect, .path = path, .over = over, .owner = owner };
    status = docent_steps_begin(&r->steps, client, NULL, done, user);
    if (status != DOCENT_OK) {
        docent_free(allocator, r);
        return status;
    }
    if (node != NULL) {
        r->node = docent_strdup(allocator, node);
        status = r->node == NULL ? DOCENT_ERR_NO_MEMORY : revoke_ask_set(r);
    } else {
        docent_op list = docent_op_children(path);
        status = revoke_run(r, &list, revoke_on_list);
    }
    if (status != DOCENT_OK) revoke_free(r);
    return status;
}
