/* src/answers.c - see answers.h. */
#include "answers.h"

size_t docent_answer_begin(struct wire_out *out, int32_t xid, int64_t zxid, int32_t err)
{
    size_t begin = docent_wire_frame_begin(out);
    struct wire_reply_header header = { xid, zxid, err };
    docent_wire_put_reply_header(out, &header);
    return begin;
}

void docent_answer_put_stat(struct wire_out *out, docent_stat stat)
{
    struct wire_stat_response response = { stat };
    docent_wire_put_stat_response(out, &response);
}

static void answer_multi(struct request *request, const struct txn *txn)
{
    struct wire_out *out = &request->answer;
    size_t parts = txn->type == TXN_ERROR ? txn->part_count : txn->change_count;
    for (size_t i = 0; i < parts; i++) {
        if (txn->type == TXN_ERROR) {
            int32_t err = (int32_t)i < txn->failed_at    ? DOCENT_OK
                          : (int32_t)i == txn->failed_at ? txn->err
                                                         : (int32_t)DOCENT_ERR_ROLLED_BACK;
            struct wire_multi_header header = { WIRE_OP_ERROR, false, err };
            docent_wire_put_multi_header(out, &header);
            docent_wire_put_int(out, err);
            continue;
        }
        const struct change *change = &txn->changes[i];
        struct wire_multi_header header = { change->answer_op, false, 0 };
        docent_wire_put_multi_header(out, &header);
        if (change->op == WIRE_OP_CREATE) docent_wire_put_string(out, docent_wire_string(change->path));
        if (change->op == WIRE_OP_SET_DATA || change->answer_op == WIRE_OP_CREATE2) docent_answer_put_stat(out, change->stat);
    }
    struct wire_multi_header end = { WIRE_OP_ERROR, true, -1 };
    docent_wire_put_multi_header(out, &end);
}

void docent_answer_commit(struct request *request, const struct txn *txn)
{
    struct wire_out *out = &request->answer;
    bool multi = request->op == WIRE_OP_MULTI && (txn->type != TXN_ERROR || txn->multi);
    size_t begin = docent_answer_begin(out, request->xid, txn->zxid, multi || txn->type != TXN_ERROR ? 0 : txn->err);
    if (multi) {
        answer_multi(request, txn);
    } else if (txn->type == TXN_CHANGES) {
        const struct change *change = &txn->changes[0];
        if (change->op == WIRE_OP_CREATE) docent_wire_put_string(out, docent_wire_string(change->path));
        if (change->op == WIRE_OP_SET_DATA || change->op == WIRE_OP_SET_ACL ||
            (change->op == WIRE_OP_CREATE && request->op != WIRE_OP_CREATE)) {
            docent_answer_put_stat(out, change->stat);
        }
    }
    docent_wire_frame_end(out, begin);
    request->ready = true;
    request->ends = request->op == WIRE_OP_CLOSE_SESSION;
}

void docent_answer_sync(struct request *request, int64_t zxid)
{
    struct wire_in in = docent_wire_in(request->body, request->size);
    struct wire_path_record path;
    bool good = docent_wire_get_path_record(&in, &path);
    size_t begin = docent_answer_begin(&request->answer, request->xid, zxid, good ? 0 : DOCENT_ERR_MARSHALLING);
    if (good) docent_wire_put_path_record(&request->answer, &path);
    docent_wire_frame_end(&request->answer, begin);
    request->ready = true;
}

int64_t docent_answer_zxid(const struct wire_out *answer)
{
    struct wire_in in = docent_wire_in(answer->data + 4, answer->size - 4);
    struct wire_reply_header header;
    return docent_wire_get_reply_header(&in, &header) ? header.zxid : -1;
}

void docent_answer_corrupt(struct wire_out *answer)
{
    enum { XID_AT = 4, BODY_AT = 20 };
    size_t begin = answer->size > BODY_AT ? BODY_AT : XID_AT, stop = answer->size > BODY_AT ? answer->size : XID_AT + 4;
    for (size_t i = begin; i < stop; i++) answer->data[i] ^= 0xff;
    if (begin == XID_AT) return;
    answer->size--;
    docent_wire_store32(answer->data, (int32_t)answer->size - 4);
}
