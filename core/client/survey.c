/* core/client/survey.c - asks the server, in one packet of set-watches, which of many nodes have changed since a transaction. It answers with
 * a notification for each that has, and leaves one-shot watches on the others. Source: DataTree.setWatches. */
#include <string.h>

#include "core/client/watches.h"

struct docent_survey {
    docent_client *view;
    struct wire_out lists[2]; /* Data, children: encoded strings. */
    int32_t counts[2];
    size_t size;
};

docent_status docent_survey_new(docent_client *client, struct docent_survey **ret_survey)
{
    const docent_allocator *allocator = &client->core->allocator;
    struct docent_survey *survey = docent_alloc(allocator, sizeof *survey);
    if (survey == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(survey, 0, sizeof *survey);
    survey->view = client;
    for (int i = 0; i < 2; i++) survey->lists[i].allocator = allocator;
    *ret_survey = survey;
    return DOCENT_OK;
}

enum docent_surveyed docent_survey_add(struct docent_survey *survey, const char *path, bool data, bool children)
{
    struct docent_core *c = survey->view->core;
    size_t size = strlen(survey->view->chroot) + strlen(path) + sizeof(int32_t);
    size_t limit = c->options.request_max_bytes; /* Of the server, and of us. */
    if (limit > WATCH_PACKET_MAX) limit = WATCH_PACKET_MAX;
    if (survey->size > 0 && survey->size + size * ((size_t)data + children) + WATCH_PACKET_REST > limit) return DOCENT_SURVEY_FULL;
    const bool wanted[2] = { data, children };
    for (int i = 0; i < 2; i++) {
        if (!wanted[i]) continue;
        size_t before = survey->lists[i].size;
        docent_put_path(survey->view, &survey->lists[i], path);
        if (survey->lists[i].failed) return DOCENT_SURVEY_ADDED; /* Sending will say so. */
        const struct watch_path *known =
            docent_watch_path_find(&c->watches, (const char *)survey->lists[i].data + before + sizeof(int32_t), survey->lists[i].size - before - sizeof(int32_t));
        if (known != NULL && docent_watch_path_serves(known)) { /* The first list's word goes for both. */
            survey->lists[i].size = before;
            return DOCENT_SURVEY_UNSURE;
        }
        survey->counts[i]++;
        survey->size += survey->lists[i].size - before;
    }
    return DOCENT_SURVEY_ADDED;
}

void docent_survey_free(struct docent_survey *survey)
{
    for (int i = 0; i < 2; i++) docent_wire_out_free(&survey->lists[i]);
    docent_free(&survey->view->core->allocator, survey);
}

docent_status docent_survey_send(struct docent_survey *survey, int64_t zxid, docent_result_fn done, void *user)
{
    struct docent_core *c = survey->view->core;
    struct wire_out *out = &c->scratch;
    out->size = 0;
    size_t begin = docent_wire_frame_begin(out);
    struct wire_request_header header = { WIRE_XID_SET_WATCHES, WIRE_OP_SET_WATCHES };
    docent_wire_put_request_header(out, &header);
    docent_wire_put_long(out, zxid);
    static const int order[3] = { 0, -1, 1 }; /* Between data and children stand the nodes that did not exist. */
    bool failed = false;
    for (int i = 0; i < 3; i++) {
        const struct wire_out *list = order[i] < 0 ? NULL : &survey->lists[order[i]];
        docent_wire_put_int(out, list == NULL ? 0 : survey->counts[order[i]]);
        if (list == NULL) continue;
        if (list->size > 0) docent_wire_put_raw(out, list->data, list->size);
        failed |= list->failed;
    }
    docent_wire_frame_end(out, begin);
    failed |= out->failed;
    out->failed = false;
    docent_status status = DOCENT_ERR_NO_MEMORY;
    if (!failed) status = docent_request_inner(c, out->data, out->size, header.op, DOCENT_OP_CHECK_WATCHES, done, user, NULL);
    docent_survey_free(survey);
    return status;
}
