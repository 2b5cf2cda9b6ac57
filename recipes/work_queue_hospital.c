/* recipes/work_queue_hospital.c - items of a work queue that are malformed: they are moved to a quarantine, which is made when the first of them is
 * found, and again when it is gone. What it does not take stays in the queue. */
#include <stddef.h>
#include <string.h>

#include "recipes/work_queue_item.h"

void docent_hospital_treat(docent_work_item *item)
{
    struct consumer *c = item->queue->consumer;
    if (c->quarantine.state != GROUND_THERE || item->state != ITEM_HOSPITAL || c->ended) return;
    if (item->moved == NULL && !docent_work_item_goes_to(item, item->queue->quarantine_path, strlen(item->out.name), "-")) {
        docent_timer_set(docent_work_item_client(item), &c->due, docent_client_now(docent_work_item_client(item)) + CONSUMER_MEMORY_MS);
        return;
    }
    docent_work_item_go(item, ITEM_MOVING);
    if (item->locked) {
        if (!docent_claim_move(&item->claim, item->moved)) docent_work_item_go(item, ITEM_HOSPITAL); /* Its end is being told. */
    } else {
        docent_taker_move(&item->taker, item->moved);
    }
}

void docent_hospital_admit(docent_work_item *item)
{
    struct consumer *c = item->queue->consumer;
    docent_work_item_go(item, ITEM_HOSPITAL);
    if (!c->quarantine.attached) {
        c->quarantine.paths[0] = c->queue->quarantine_path;
        c->quarantine.count = 1;
        c->quarantine.acl = c->queue->acl;
        docent_ground_start(&c->quarantine, c->queue->handle.client);
    } else {
        docent_hospital_treat(item);
    }
}

void docent_hospital_told(struct ground *ground, docent_status status)
{
    struct consumer *c = (struct consumer *)((char *)ground - offsetof(struct consumer, quarantine));
    for (docent_work_item *item = c->list; item != NULL; item = item->next) {
        if (item->state != ITEM_HOSPITAL) continue;
        if (status == DOCENT_OK) {
            docent_hospital_treat(item);
        } else { /* It stays; others may go first. */
            docent_work_item_trouble(item, status, "malformed, and there is no quarantine");
            docent_work_item_let_go(item, status);
        }
    }
}

void docent_hospital_lost(docent_work_item *item)
{
    docent_work_item_go(item, ITEM_HOSPITAL);
    docent_ground_lost(&item->queue->consumer->quarantine);
}

void docent_hospital_answered(docent_work_item *item, docent_status status)
{
    if (status == DOCENT_ERR_NO_NODE && docent_claim_is_held(&item->claim)) {
        docent_hospital_lost(item);
        return;
    }
    item->back = status == DOCENT_OK || status == DOCENT_ERR_NO_NODE ? ITEMS_GONE : ITEMS_AGAIN;
    if (status == DOCENT_OK) {
        docent_work_item_trouble(item, DOCENT_ERR_CORRUPT_DATA, item->fault);
    } else if (docent_claim_is_held(&item->claim)) {
        item->back = ITEMS_REFUSED;
        docent_work_item_trouble(item, status, "malformed, and the quarantine does not take it");
        docent_claim_leave(&item->claim, status);
    }
}
