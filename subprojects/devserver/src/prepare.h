/* src/prepare.h - what a request to write becomes: checked against the tree at the end of the log, in the order of Apache ZooKeeper
 * 3.8's PrepRequestProcessor, it is a transaction or an error. */
#ifndef DEVSERVER_PREPARE_H
#define DEVSERVER_PREPARE_H

#include "server.h"

/* Adds to @txn, which has its zxid, what @message asks for. Returns DOCENT_OK, or an error; then @txn says no more than whether that is a
 * multi, and at which part it failed. @tree is as before. */
int32_t docent_prepare(struct tree *tree, const struct server_config *config, const struct server_message *message, int64_t wall,
                       struct txn *txn);

#endif
