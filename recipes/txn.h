/* recipes/txn.h - what the blocking form of a commit needs to know of it. */
#ifndef DOCENT_RECIPES_TXN_H
#define DOCENT_RECIPES_TXN_H

#include <docent/txn.h>

docent_client *docent_txn_client(const docent_txn *txn);

#endif
