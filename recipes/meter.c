/* recipes/meter.c - see meter.h. */
#include "recipes/meter.h"

#include "recipes/handle.h"

void docent_meter_state(struct meter *m, const docent_client *client, const char *state)
{
    m->state = state;
    m->reason = DOCENT_OK;
    m->state_at_ms = m->progress_at_ms = docent_client_now(client);
}

void docent_meter_reason(struct meter *m, const docent_client *client, docent_status reason)
{
    m->reason = reason;
    if (reason == DOCENT_OK) m->progress_at_ms = docent_client_now(client);
}

void docent_meter_end(struct meter *m, docent_status outcome, uint64_t waited_ms)
{
    if (outcome == DOCENT_OK) {
        m->succeeded++;
        m->waited_ms += waited_ms;
    } else if (outcome == DOCENT_ERR_TIMEOUT) {
        m->timed_out++;
    } else {
        m->failed++;
    }
}

void docent_meter_over(struct meter *m, uint64_t held_ms, bool lost)
{
    m->held_ms += held_ms;
    m->lost += lost;
}

docent_status docent_meter_read(const struct meter *m, const docent_client *client, docent_recipe_info *ret_info)
{
    uint64_t now = docent_client_now(client);
    docent_recipe_info info = {
        DOCENT_RECIPE_INFO,
        .state = m->state != NULL ? m->state : "NEW",
        .reason = m->reason,
        .state_ms = m->state != NULL ? now - m->state_at_ms : 0,
        .progress_ms = m->state != NULL ? now - m->progress_at_ms : 0,
        .begun = m->begun,
        .succeeded = m->succeeded,
        .timed_out = m->timed_out,
        .failed = m->failed,
        .lost = m->lost,
        .waited_ms = m->waited_ms,
        .held_ms = m->held_ms,
    };

    if (ret_info == NULL || !docent_options_sized(ret_info)) return DOCENT_ERR_INVALID_ARGUMENT;
    docent_options_give(ret_info, &info, sizeof info);
    return DOCENT_OK;
}

struct meter_question {
    const struct meter *meter;
    docent_recipe_info *ret_info;
};

static docent_status meter_answer(struct handle *handle, void *argument)
{
    const struct meter_question *question = argument;
    return docent_meter_read(question->meter, handle->client, question->ret_info);
}

docent_status docent_meter_ask(struct handle *handle, const struct meter *meter, docent_recipe_info *ret_info)
{
    if (ret_info == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    return docent_handle_run(handle, meter_answer, &(struct meter_question){ meter, ret_info });
}
