/* recipes/double_barrier_part.c - see double_barrier.h: leaving together without looking who is there. */
#include "recipes/double_barrier.h"
#include "recipes/trouble.h"

enum { PART_PATIENCE_MS = 1000 };

bool docent_entrant_may_part(const struct entrant *e)
{
    const struct docent_double_barrier *b = e->barrier;
    bool sees = docent_ready_is_known(b) && b->ready_there && !e->past && !e->behind;
    return sees && e->state == ENTRY_INSIDE && b->dialect == DOCENT_DIALECT_CURATOR && docent_machine_online(&e->errand.machine);
}

void docent_entrant_ask_part(struct entrant *e)
{
    docent_op delete = docent_op_delete(e->own.path, DOCENT_ANY_VERSION);
    docent_ask(entry_machine(e), &delete, TAG_DELETE);
    docent_entrant_ask_base(e);
    docent_machine_timer(entry_machine(e), PART_PATIENCE_MS);
}

static void part_on_delete(struct entrant *e, const struct docent_event *ev)
{
    if (ev->status != DOCENT_OK && ev->status != DOCENT_ERR_NO_NODE) {
        docent_entrant_ask_again(e, ENTRY_LEAVING, ev->status);
        return;
    }
    docent_entrant_has_none(e);
    e->left_zxid = ev->result->zxid;
    if (e->past) docent_entrant_has_left(e);
}

/* Nothing but ready is there, if it is ours still: then all who were in are out, and somebody must take it away. Many may see that; the last who
 * went does it, or, should it die, whoever has waited long enough. */
static void part_on_base(struct entrant *e, const struct docent_event *ev)
{
    bool last = ev->status == DOCENT_OK && ev->result->stat.num_children == 1 && ev->result->stat.pzxid == e->left_zxid;
    if (last && docent_ready_is_known(e->barrier) && e->barrier->ready_there) docent_entrant_clear(e, ev->result);
}

static void part_on_clear(struct entrant *e, const struct docent_event *ev)
{
    bool moved = ev->status == DOCENT_ERR_NO_NODE || ev->status == DOCENT_ERR_BAD_VERSION;
    if (ev->status == DOCENT_OK) {
        docent_entrant_has_left(e);
    } else if (moved || docent_entrant_is_shut_out(e, ev)) {
        docent_entrant_go(e, ENTRY_LEAVING);
    } else {
        docent_entrant_ask_again(e, ENTRY_LEAVING, ev->status);
    }
}

/* Without an answer about the path, or when others are there, the watch tells; and if it takes long, the timer. */
void docent_entrant_on_parting(struct entrant *e, const struct docent_event *ev)
{
    switch (ev->tag) {
    case TAG_DELETE: part_on_delete(e, ev); break;
    case TAG_BASE: part_on_base(e, ev); break;
    case TAG_STALE: part_on_clear(e, ev); break;
    default: break;
    }
}

/* ---- What the watch tells. ---- */

/* Told while we are in, or on our way out, it is the round's end. But what a server without standing watches is asked may be older than our look. */
void docent_entrant_on_ready_gone(struct entrant *e)
{
    bool leaving = e->state == ENTRY_PARTING || e->state == ENTRY_LEAVING || e->state == ENTRY_WATCHING;
    bool in = e->state == ENTRY_INSIDE || e->state == ENTRY_CHECKING;
    if ((!leaving && !in) || e->barrier->dialect != DOCENT_DIALECT_CURATOR) return;
    if (!e->barrier->watch.old) e->past = true;
    if (e->past && leaving && e->own.known == PROTECTED_NONE) {
        docent_entrant_has_left(e);
    } else if (e->state == ENTRY_WATCHING || (e->state == ENTRY_PARTING && !e->past)) {
        docent_entrant_go(e, ENTRY_LEAVING);
    }
}

/* What the watch has told is no longer all that has happened. */
void docent_entrant_on_ready_doubt(struct entrant *e)
{
    if (e->state == ENTRY_GATHERING) {
        e->unseen = true;
        docent_entrant_go(e, ENTRY_GATHERING);
    } else if (e->state == ENTRY_PARTING) {
        docent_entrant_go(e, ENTRY_LEAVING);
    }
}
