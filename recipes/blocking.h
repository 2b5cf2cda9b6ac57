/* recipes/blocking.h - what the blocking forms share: one call each of the asynchronous form and of docent_await(). */
#ifndef DOCENT_RECIPES_BLOCKING_H
#define DOCENT_RECIPES_BLOCKING_H

#include <docent/operation.h>

#include "core/drive/await.h"

/* Loop: @result is what the waiting thread waits for. It gets a copy, and the stat if there is one, where it wants them (else NULL). */
void docent_wait_result(struct docent_wait *wait, const docent_result *result, docent_result **ret_result, docent_stat *ret_stat);

#endif
