/* src/faults.h - rules for what becomes of a client's requests, for tests. */
#ifndef DEVSERVER_FAULTS_H
#define DEVSERVER_FAULTS_H

#include "server.h"

enum { FAULTS_MAX = 32 };

struct fault_rules {
    struct fault faults[FAULTS_MAX];
    uint32_t seen[FAULTS_MAX]; /* Requests that matched. */
    size_t count;
};

bool docent_faults_add(struct fault_rules *rules, const struct fault *fault); /* False: there are too many. */
/* What the first matching rule does with this request; false: none does anything. A rule that is used up goes. */
bool docent_faults_take(struct fault_rules *rules, int32_t op, const uint8_t *body, size_t size, struct fault *ret_fault);

#endif
