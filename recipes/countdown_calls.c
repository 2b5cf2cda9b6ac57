/* recipes/countdown_calls.c - the handle of docent_countdown, and its calls, which wait or do not; what they do is in countdown.c. */
#include "recipes/countdown_internal.h"

#include "recipes/blocking.h"

docent_status docent_countdown_new(docent_client *client, const char *path, const docent_countdown_options *options,
                                   docent_countdown **ret_countdown)
{
    docent_countdown_options full = { DOCENT_COUNTDOWN_OPTIONS };
    struct errands *all;
    if (client == NULL || path == NULL || ret_countdown == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    if (!docent_options_take(&full, sizeof full, options)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_status status = docent_errands_new(client, path, full.acl, sizeof(struct docent_countdown), &all);
    if (status == DOCENT_OK) *ret_countdown = (struct docent_countdown *)(void *)all;
    return status;
}

docent_status docent_countdown_create_async(docent_countdown *countdown, uint32_t count, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    if (count == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_count_begin(countdown, VERB_CREATE, count, timeout_ms, done, user);
}

docent_status docent_countdown_count_down_async(docent_countdown *countdown, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_count_begin(countdown, VERB_COUNT, 0, timeout_ms, done, user);
}

docent_status docent_countdown_wait_async(docent_countdown *countdown, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_count_begin(countdown, VERB_WAIT, 0, timeout_ms, done, user);
}

docent_status docent_countdown_info(docent_countdown *countdown, docent_recipe_info *ret_info)
{
    return docent_errands_info(countdown == NULL ? NULL : &countdown->all, ret_info);
}

void docent_countdown_close(docent_countdown *countdown, void (*closed)(void *user), void *user)
{
    docent_handle_close(countdown == NULL ? NULL : &countdown->all.handle, closed, user);
}

/* ---- The blocking forms. ---- */

struct count_create { /* On the waiting thread's stack. */
    struct docent_countdown *countdown;
    uint32_t count, timeout_ms;
};

static docent_status count_create_start(void *argument, struct docent_wait *wait)
{
    const struct count_create *call = argument;
    return docent_countdown_create_async(call->countdown, call->count, call->timeout_ms, docent_wait_told, wait);
}

docent_status docent_countdown_create(docent_countdown *countdown, uint32_t count, uint32_t timeout_ms)
{
    if (countdown == NULL || count == 0) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_wait_on(&countdown->all.handle, count_create_start, &(struct count_create){ countdown, count, timeout_ms });
}

static docent_status count_verb_count(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_countdown_count_down_async((struct docent_countdown *)(void *)handle, timeout_ms, done, user);
}

static docent_status count_verb_wait(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_countdown_wait_async((struct docent_countdown *)(void *)handle, timeout_ms, done, user);
}

docent_status docent_countdown_count_down(docent_countdown *countdown, uint32_t timeout_ms)
{
    return docent_wait_verb(countdown == NULL ? NULL : &countdown->all.handle, count_verb_count, timeout_ms);
}

docent_status docent_countdown_wait(docent_countdown *countdown, uint32_t timeout_ms)
{
    return docent_wait_verb(countdown == NULL ? NULL : &countdown->all.handle, count_verb_wait, timeout_ms);
}
