/* src/answers.h - the bytes of answers. */
#ifndef DEVSERVER_ANSWERS_H
#define DEVSERVER_ANSWERS_H

#include "requests.h"

/* Begins a frame with a header; docent_wire_frame_end() ends it, and takes what this returns. */
size_t docent_answer_begin(struct wire_out *out, int32_t xid, int64_t zxid, int32_t err);
void docent_answer_put_stat(struct wire_out *out, docent_stat stat);
/* Answers a request that the leader had. */
void docent_answer_commit(struct request *request, const struct txn *txn);
void docent_answer_sync(struct request *request, int64_t zxid);
int64_t docent_answer_zxid(const struct wire_out *answer); /* -1: there is none in it. */
/* Makes it one that no client can take for good: a body of other bytes, one too few; without a body, of another request. */
void docent_answer_corrupt(struct wire_out *answer);

#endif
