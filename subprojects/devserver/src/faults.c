/* src/faults.c - see faults.h. */
#include "faults.h"

#include <string.h>

bool docent_faults_add(struct fault_rules *rules, const struct fault *fault)
{
    if (rules->count == FAULTS_MAX) return false;
    rules->seen[rules->count] = 0;
    rules->faults[rules->count++] = *fault;
    return true;
}

bool docent_faults_take(struct fault_rules *rules, int32_t op, const uint8_t *body, size_t size, struct fault *ret_fault)
{
    if (rules->count == 0) return false;
    struct wire_in in = docent_wire_in(body, size);
    struct wire_path_record path = { { NULL, -1 } };
    if (op != WIRE_OP_MULTI && op != WIRE_OP_SET_WATCHES && op != WIRE_OP_SET_WATCHES2) {
        (void)docent_wire_get_path_record(&in, &path);
    }
    for (size_t i = 0; i < rules->count; i++) {
        struct fault *fault = &rules->faults[i];
        if (fault->op != INT32_MIN && fault->op != op) continue;
        size_t want = strlen(fault->path);
        bool prefix = want > 0 && fault->path[want - 1] == '*';
        if (prefix) want--;
        if (fault->path[0] != '\0' && (path.path.size < (int32_t)want || (!prefix && path.path.size != (int32_t)want) ||
                                       memcmp(path.path.data, fault->path, want) != 0)) {
            continue;
        }
        uint32_t seen = rules->seen[i]++;
        if (seen < fault->skip) continue;
        *ret_fault = *fault;
        uint32_t count = fault->count == 0 ? 1 : fault->count;
        if (seen + 1 >= fault->skip + count) {
            rules->count--;
            memmove(fault, fault + 1, (rules->count - i) * sizeof *fault);
            memmove(&rules->seen[i], &rules->seen[i + 1], (rules->count - i) * sizeof(uint32_t));
        }
        return true;
    }
    return false;
}
