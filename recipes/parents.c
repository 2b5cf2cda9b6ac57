/* recipes/parents.c - see parents.h. */
#include "recipes/parents.h"

void docent_parents_begin(struct parents *parents, size_t whole)
{
    parents->whole = parents->size = (uint32_t)whole; /* A larger one cannot be asked for at all. */
    parents->rounds++;
}

void docent_parents_ask(const struct parents *parents, struct docent_machine *machine, char *path, docent_create_mode mode,
                        docent_acl_list acl, int tag)
{
    char kept = path[parents->size];

    path[parents->size] = '\0'; /* That node's path, for as long as the ask copies it. */
    docent_op create = docent_op_create(path, "", 0, mode);
    create.acl = acl;
    machine->raw = true; /* Empty is empty, also for peers that compress: their framework makes parents so. */
    docent_ask(machine, &create, tag);
    machine->raw = false;
    path[parents->size] = kept;
}

enum parents_answer docent_parents_on_reply(struct parents *parents, const char *path, docent_create_mode *mode, docent_status status)
{
    switch ((int)status) {
    case DOCENT_OK:
    case DOCENT_ERR_NODE_EXISTS: /* The one below it next. */
        if (parents->size >= parents->whole) return PARENTS_READY;
        do {
            parents->size++;
        } while (parents->size < parents->whole && path[parents->size] != '/');
        return PARENTS_MORE;
    case DOCENT_ERR_NO_NODE: /* The one above it first. */
        do {
            parents->size--;
        } while (path[parents->size] != '/');
        parents->rounds++;
        return parents->size == 0 ? PARENTS_ROOTLESS : PARENTS_MORE;
    case DOCENT_ERR_UNIMPLEMENTED: /* A server before 3.5.1. It closes the connection now, but the session stands. */
    case DOCENT_ERR_UNSUPPORTED:
        if (*mode != DOCENT_CONTAINER) return PARENTS_FAILED;
        *mode = DOCENT_PERSISTENT;
        return PARENTS_MORE;
    default: return PARENTS_FAILED;
    }
}
