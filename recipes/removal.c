/* recipes/removal.c - see removal.h. */
#include "recipes/removal.h"

#include "recipes/trouble.h"

void docent_removal_ask(struct removal *removal, struct docent_machine *machine)
{
    if (removal->unique || removal->looked) {
        docent_op delete = docent_op_delete(removal->path, removal->unique ? DOCENT_ANY_VERSION : removal->seen.version);
        docent_ask(machine, &delete, TAG_REMOVAL_DELETE);
        return;
    }
    docent_op sync = docent_op_sync(removal->path);
    docent_op exists = docent_op_exists(removal->path);
    removal->sync = DOCENT_OK;
    docent_ask(machine, &sync, TAG_REMOVAL_SYNC);
    docent_ask(machine, &exists, TAG_REMOVAL_LOOK);
}

static enum removal_answer removal_on_look(struct removal *removal, const struct docent_event *ev)
{
    if (ev->status == DOCENT_ERR_NO_NODE) return REMOVAL_GONE;
    if (ev->status != DOCENT_OK) return REMOVAL_FAILED;
    const docent_stat *stat = &ev->result->stat;
    if (removal->czxid == 0) removal->czxid = stat->czxid;
    if (stat->czxid != removal->czxid) return REMOVAL_GONE;
    removal->seen = *stat;
    removal->seen_once = true;
    removal->sent = false; /* Whatever was sent before was not applied. */
    if (removal->version != DOCENT_ANY_VERSION && stat->version != removal->version) return REMOVAL_VERSION;
    removal->looked = true;
    return REMOVAL_SEEN;
}

static enum removal_answer removal_on_delete(struct removal *removal, struct docent_machine *machine, const struct docent_event *ev)
{
    removal->looked = false;
    if (ev->status == DOCENT_OK) removal->sent = true;
    if (ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE) return REMOVAL_GONE;
    if (ev->status == DOCENT_ERR_BAD_VERSION && !removal->unique) { /* Set meanwhile, or another: look. */
        docent_removal_ask(removal, machine);
        return REMOVAL_GOING_ON;
    }
    if (ev->status == DOCENT_ERR_NOT_EMPTY) return REMOVAL_FAILED;
    switch (docent_trouble(ev->status)) {
    case TROUBLE_LOST: removal->sent = removal->sent || ev->sent; break;
    case TROUBLE_UNSURE: removal->sent = true; break;
    case TROUBLE_BUSY: removal->sent = removal->sent || (ev->status == DOCENT_ERR_NO_MEMORY && ev->sent); break;
    case TROUBLE_REFUSED: break;
    }
    return REMOVAL_FAILED;
}

enum removal_answer docent_removal_on_reply(struct removal *removal, struct docent_machine *machine, const struct docent_event *ev)
{
    switch (ev->tag) {
    case TAG_REMOVAL_SYNC:
        removal->sync = ev->status;
        return ev->status == DOCENT_OK || ev->status == DOCENT_ERR_NO_NODE ? REMOVAL_GOING_ON : REMOVAL_FAILED;
    case TAG_REMOVAL_LOOK:
        /* What a look without its sync shows may be old; and that it failed was told. */
        if (removal->sync != DOCENT_OK && removal->sync != DOCENT_ERR_NO_NODE) return REMOVAL_GOING_ON;
        return removal_on_look(removal, ev);
    case TAG_REMOVAL_DELETE: return removal_on_delete(removal, machine, ev);
    default: return REMOVAL_GOING_ON; /* Not an answer to this. */
    }
}
