/* recipes/work_queue_receipt.h - the receipt of a producer: an ephemeral node of its own. Each transaction of puts sets its data to the number of
 * the transaction, upon the version that we know; so what it says is whether the newest was applied. It asks nothing itself. */
#ifndef DOCENT_RECIPES_WORK_QUEUE_RECEIPT_H
#define DOCENT_RECIPES_WORK_QUEUE_RECEIPT_H

#include "core/client/machine.h"

enum { RECEIPT_NUMBER_SIZE = 24 };

struct receipt {
    char *path;       /* directory/<uuid>. Owned. NULL: none is wanted, and nothing else here matters. */
    size_t uuid;      /* Where that begins. */
    bool there;       /* In this session, */
    int32_t version;  /* in this version. */
    bool sent;        /* It may be there, and is to go when we leave. */
    bool doubt;       /* By an earlier sending, of which nothing is known. */
    uint64_t batch;   /* The number of the newest transaction, */
    char number[RECEIPT_NUMBER_SIZE]; /* and as it is written. */
};

/* @receipt: zeroed. @directory may be NULL: none is wanted. DOCENT_OK or DOCENT_ERR_NO_MEMORY. */
docent_status docent_receipt_fill(struct receipt *receipt, const docent_allocator *allocator, const char *directory);
void docent_receipt_free(struct receipt *receipt, const docent_allocator *allocator);
/* Under a new name it is not there yet. */
void docent_receipt_name(struct receipt *receipt, docent_client *client);
/* To make it. What the operations refer to is the receipt's. */
docent_op docent_receipt_sign(struct receipt *receipt, docent_acl_list acl);
/* For one more transaction. When that has been applied the version is one more. */
docent_op docent_receipt_stamp(struct receipt *receipt);
/* Was the newest transaction applied? @node: as it was read. The version is that before it was applied, if so. */
bool docent_receipt_says_so(struct receipt *receipt, const docent_result *node);

#endif
