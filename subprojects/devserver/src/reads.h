/* src/reads.h - requests that a replica answers by itself, from its own tree and watches. */
#ifndef DEVSERVER_READS_H
#define DEVSERVER_READS_H

#include "requests.h"

/* Puts the body of the answer and returns DOCENT_OK, or an error. */
int32_t docent_read(struct connection *c, const struct request *request, struct wire_in *in, struct wire_out *out);

#endif
