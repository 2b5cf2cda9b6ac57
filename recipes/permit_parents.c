/* recipes/permit_parents.c - see permit.h: what leases are made in is missing, and is made. */
#include "recipes/permit.h"
#include "recipes/trouble.h"

enum {
    PERMIT_ROUNDS_AT_ONCE = 8, /* Makings of parents that are not paced. */
    PERMIT_ROUNDS_MAX = 64,    /* Then it is an error: something deletes the path as fast as we make it. */
};

void docent_permit_ask_parents(struct docent_permit *p)
{
    struct terms *terms = p->terms;

    if (docent_permit_is_kazoo(p) && !p->climbing) {
        docent_op create = docent_op_create(terms->leases_path, terms->max_text, strlen(terms->max_text), DOCENT_PERSISTENT);
        create.acl = terms->acl;
        docent_ask(&p->handle.machine, &create, TAG_PERMIT_BASE);
    } else {
        docent_parents_ask(&p->parents, &p->handle.machine, p->leases[0].own.path, terms->parent_mode, terms->acl, TAG_PERMIT_PARENT);
    }
}

void docent_permit_path_missing(struct docent_permit *p)
{
    if (p->verdict != DOCENT_OK) {
        docent_permit_seek(p);
        return;
    }
    p->climbing = false;
    docent_parents_begin(&p->parents, p->leases[0].own.parent_size);
    if (p->parents.rounds > PERMIT_ROUNDS_MAX) {
        docent_permit_give_up(p, DOCENT_ERR_NO_NODE);
    } else if (p->parents.rounds > PERMIT_ROUNDS_AT_ONCE) {
        docent_permit_go_later(p, PERMIT_PARENTS);
    } else {
        docent_permit_go(p, PERMIT_PARENTS);
    }
}

/* Kazoo: the path itself, which is not empty. */
void docent_permit_on_base(struct docent_permit *p, docent_status status)
{
    if (status == DOCENT_OK || status == DOCENT_ERR_NODE_EXISTS) {
        docent_permit_seek(p);
    } else if (status == DOCENT_ERR_NO_NODE) {
        size_t above = p->leases[0].own.parent_size;
        while (above > 0 && p->leases[0].own.path[--above] != '/') {
        }
        p->climbing = above > 0;
        if (above == 0) { /* The client's chroot is missing. */
            docent_permit_give_up(p, DOCENT_ERR_NO_NODE);
            return;
        }
        docent_parents_begin(&p->parents, above);
        docent_permit_go(p, PERMIT_PARENTS);
    } else {
        docent_permit_ask_again(p, PERMIT_PARENTS, status);
    }
}

void docent_permit_on_parent(struct docent_permit *p, docent_status status)
{
    switch (docent_parents_on_reply(&p->parents, p->leases[0].own.path, &p->terms->parent_mode, status)) {
    case PARENTS_READY:
        docent_machine_calm(&p->handle.machine);
        if (p->climbing) {
            p->climbing = false;
            docent_permit_go(p, PERMIT_PARENTS);
        } else {
            docent_permit_seek(p);
        }
        break;
    case PARENTS_MORE:
        if (p->parents.rounds > PERMIT_ROUNDS_MAX + p->leases[0].own.parent_size) { /* A race that we always lose. */
            docent_permit_give_up(p, DOCENT_ERR_NO_NODE);
        } else {
            docent_permit_go(p, PERMIT_PARENTS);
        }
        break;
    case PARENTS_ROOTLESS: docent_permit_give_up(p, DOCENT_ERR_NO_NODE); break;
    case PARENTS_FAILED: docent_permit_ask_again(p, PERMIT_PARENTS, status); break;
    }
}
