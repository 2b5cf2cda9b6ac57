#!/usr/bin/env python3
"""Breaks the library on purpose, one way at a time, and demands that the simulator notices each.

    tests/sim/sabotage.py [--build DIR] [--only NAME]... [--list]

Works on a copy of the tree in a temporary directory (or in DIR, which is kept and makes the next time faster). Every edit names the
exact text that it replaces, and it is an error when that text is not there, once, any more: then the edit has to be brought
along with the code. It is an error, too, when a broken tree does not compile, or when what notices a bug fails without it.

Each bug names the runs that notice it; if they do not any more, everything is tried. A bug is caught at the first violation.
The last line is "N caught, M missed". Exits 0 if all are caught, 1 if not, 2 for an error.
"""
import argparse
import concurrent.futures
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SESSION_LEASE = "core/session/lease.c"
SESSION_SEND = "core/session/send.c"
SESSION_TICK = "core/session/tick.c"
DECODE = "core/client/decode.c"
ENCODE = "core/client/encode.c"
SEND = "core/client/send.c"
ANSWER = "core/client/answer.c"
STATE = "core/client/state.c"
SESSION = "core/session/session.c"
WATCH_RESTORE = "core/client/watch_restore.c"
CONTENDER = "recipes/contender.c"
CONTENDER_NODE = "recipes/contender_node.c"
CONTENDER_QUEUE = "recipes/contender_queue.c"
DIALECT = "recipes/dialect.c"
LINE = "recipes/line.c"
PROTECTED = "recipes/protected.c"
REMOVAL = "recipes/removal.c"
NODE = "recipes/node.c"
NODE_PROTECT = "recipes/node_protect.c"
NODE_DELETE = "recipes/node_delete.c"
NODE_UPDATE = "recipes/node_update.c"
ELECTION = "recipes/election.c"
LATCH = "recipes/leader_latch.c"
SELECTOR = "recipes/leader_selector.c"
SELECTOR_CALLS = "recipes/leader_selector_calls.c"
LOCK = "recipes/lock.c"
RWLOCK = "recipes/rwlock.c"
MULTI_LOCK = "recipes/multi_lock.c"
HANDLE = "recipes/handle.c"
MUTEX = "recipes/mutex.c"
REVOCATION = "recipes/revocation.c"
REVOKE = "recipes/revoke.c"
TXN = "recipes/txn.c"
BATCH = "recipes/batch.c"
VIEW = "core/client/view.c"
OUTCOME = "core/client/outcome.c"
LISTENERS = "core/client/listeners.c"
TURN = "core/client/turn.c"
CACHE = "recipes/cache.c"
CACHE_ASK = "recipes/cache_ask.c"
CACHE_ENTRY = "recipes/cache_entry.c"
REARM = "recipes/rearm.c"
CACHE_TELL = "recipes/cache_tell.c"
BARRIER = "recipes/barrier.c"
ENTER = "recipes/double_barrier_enter.c"
ENTRY = "recipes/double_barrier_entry.c"
FATE = "recipes/double_barrier_fate.c"
LEAVE = "recipes/double_barrier_leave.c"
PART = "recipes/double_barrier_part.c"
READY = "recipes/double_barrier_ready.c"
ITEMS = "recipes/items.c"
PUT = "recipes/put.c"
QUEUE_TAKE = "recipes/queue_take.c"
WORK_PUT = "recipes/work_queue_put.c"
WORK_TAKE = "recipes/work_queue_take.c"
WORK_ITEM = "recipes/work_queue_item.c"
WORK_NAME = "recipes/work_queue_name.c"
SHARDER = "recipes/queue_sharder.c"
CLAIM = "recipes/claim.c"
CLAIM_NODE = "recipes/claim_node.c"
LEASE_FILE = "recipes/lease.c"
COUNTDOWN = "recipes/countdown.c"
SYNC_QUEUE = "recipes/sync_queue.c"
SYNC_QUEUE_JOIN = "recipes/sync_queue_join.c"
SYNC_QUEUE_START = "recipes/sync_queue_start.c"
PERMIT = "recipes/permit.c"
PERMIT_TAKE = "recipes/permit_take.c"
PERMIT_RECALL = "recipes/permit_recall.c"

LEASE = "s->holds > 0 ? s->proved_ms : s->contact_ms"
STORM = "--scenario storm --seeds 10000"
CALLS = "--scenario storm-calls --seeds 10000"
CACHES = "--scenario storm-cache --seeds 3000"
QUEUES = "--scenario storm-queue --seeds 3000"
CLAIMS = "--scenario storm-claims --seeds 3000"
LESSEES = "--scenario storm-lessees --seeds 5000"
GATES = "--scenario storm-gate --seeds 5000"
BURSTS = "--scenario storm-gate-bursts --seeds 5000"


class Bug:
    """edits: (file, text, replacement). runs: arguments of the simulator that notice it, cheap."""

    def __init__(self, name, text, edits, runs):
        self.name, self.text, self.edits, self.runs = name, text, edits, runs


BUGS = [
    # Work queues.
    Bug("work-put-again", "a put whose reply was lost goes out again", [
        (WORK_PUT, "    if (p->receipt.path == NULL) {\n        docent_puts_end(&p->sending, DOCENT_ERR_UNKNOWN_OUTCOME);", "    if (p->receipt.path == NULL) {\n        producer_put_back(p);"),
    ], ["--scenario storm-work-once --seeds 2000"]),
    Bug("work-receipt-unsynced", "what became of a put is read on a server that may lag", [
        (WORK_PUT, "    docent_ask(&p->machine, &sync, TAG_SYNC);\n", "    (void)sync;\n"),
    ], ["--scenario storm-work --seeds 5000"]),
    Bug("work-gone-is-ours", "an item that is not there any more is taken for taken", [
        (WORK_TAKE, "ev->tag == TAG_REMOVAL_DELETE && ev->status == DOCENT_OK ? TAKEN_OURS", "ev->tag == TAG_REMOVAL_DELETE ? TAKEN_OURS"),
    ], ["--scenario work-once --seeds 500"]),
    Bug("work-unsure-untold", "an item of which nobody knows who took it is nobody's", [
        (WORK_TAKE, "before ? TAKEN_UNSURE : TAKEN_BY_OTHERS);", "TAKEN_BY_OTHERS);\n        (void)before;"),
    ], ["--exhaustive work-once", "--scenario storm-work-once --seeds 2000"]),
    Bug("work-priority-lost", "failed work is put back without its priority, as peers do", [
        (WORK_ITEM, "docent_work_name_prefix(item->out.name), \"\")", "6, \"\")"),
    ], ["--scenario work-priority --seeds 200"]),
    Bug("work-failed-is-done", "failed work is deleted", [
        (WORK_ITEM, "(void)(requeue ? docent_claim_move(&item->claim, item->moved) : docent_claim_end(&item->claim, false));",
         "(void)docent_claim_end(&item->claim, false);"),
    ], ["--scenario work --seeds 500"]),
    Bug("work-slot-lost", "nothing is looked for when an item is over", [
        (WORK_ITEM, "        docent_consumer_pump_soon(queue);\n        docent_work_settle(queue);", "        docent_work_settle(queue);"),
    ], ["--scenario work --seeds 500"]),
    Bug("work-priority-blind", "work is done in order of arrival, whatever its priority", [
        (WORK_NAME, "    case DOCENT_WORK_QUEUE_PRIORITY: return strcmp(a, b);", "    case DOCENT_WORK_QUEUE_PRIORITY: return strcmp(a + 15, b + 15);"),
    ], ["--scenario work-order --seeds 20"]),
    # Shards of work.
    Bug("shards-by-all", "whoever sees a full shard adds one, leader or not", [
        (SHARDER, "bool leads = docent_leader_latch_has_leadership(s->latch);", "bool leads = true;"),
    ], ["--scenario work-shards --seeds 500"]),
    Bug("shards-without-end", "shards are added beyond the most", [
        (SHARDER, "if (s->listed < (int64_t)s->shards_max) return true;", "if (s->listed >= 0) return true;"),
    ], ["--scenario work-shards --seeds 500"]),
    Bug("shards-put-stays", "puts that wait are not told of the first shard", [
        (SHARDER, "        docent_waiters_answer(&s->waiters, DOCENT_OK);\n", ""),
    ], ["--scenario work-shards --seeds 500"]),
    Bug("shards-unheard", "an addition whose reply was lost is not looked for", [
        (SHARDER, "    s->list_wanted = true;\n    switch (docent_trouble(why)) {", "    switch (docent_trouble(why)) {"),
        (SHARDER, "    case REARM_RESET:\n    case REARM_CHANGED: sharder_list(s); break;",
         "    case REARM_RESET: break;\n    case REARM_CHANGED: sharder_list(s); break;"),
    ], ["--exhaustive work-shards"]),
    # The session's lease.
    Bug("lease-by-ping", "what is held is kept up by pings, which a server cut off from its leader answers", [
        (SESSION_LEASE, LEASE, "s->contact_ms"),
        (SESSION_TICK, "if (s->holds > 0) return (s->strict_ms > s->beat_sent_ms ? s->strict_ms : s->beat_sent_ms) + s->timeout_ms / 6;", ""),
        (SESSION_TICK, "static void session_beat(struct session *s, uint64_t now)\n{\n    bool good;\n    if (s->holds > 0) {",
         "static void session_beat(struct session *s, uint64_t now)\n{\n    bool good;\n    if (s == NULL) {"),
    ], ["--scenario holder-cutoff --seeds 300"]),
    Bug("lease-for-ever", "the lease of a holder does not end", [
        (SESSION_LEASE, LEASE, "s->holds > 0 ? s->proved_ms + (UINT64_C(1) << 40) : s->contact_ms"),
    ], ["--scenario holder-partition --seeds 100"]),
    Bug("lease-too-long", "an answer is taken for proof that the leader has heard of its question", [
        (SESSION_SEND, "request->proves_ms = s->proves_ms;", "request->proves_ms = now;"),
    ], ["--scenario holder-cutoff --seeds 5000", STORM]),
    Bug("lease-unproved", "an answer is taken for proof that the leader has heard of everything before", [
        (SESSION_LEASE, "s->signs[i].heard_ms + s->timeout_ms / 4 > now", "s->signs[i].heard_ms > now"),
    ], ["--scenario holder-cutoff --seeds 5000", STORM]),
    Bug("lease-not-read", "token and state are not compared with the clock when they are asked for: a process that was stopped believes", [
        (STATE, "if (c->host.now_ms(c->host.user) >= lease) return false;", "(void)lease;"),
    ], ["--scenario holder-pause --seeds 100"]),
    # Finding out.
    Bug("find-without-sync", "after a lost create reply the queue is listed on a server that may lag", [
        (PROTECTED, "docent_op sync = docent_op_sync(node->parent);\n\n    docent_ask(machine, &sync, TAG_PROTECTED_SYNC);",
         "docent_op list = docent_op_children(node->parent);\n    docent_ask(machine, &list, TAG_PROTECTED_LIST);"),
    ], ["--exhaustive two-three", STORM]),
    Bug("find-in-new-session", "the search goes on in the next session, and takes the node whosever it is", [
        (CONTENDER, "case DOCENT_EV_EXPIRED: docent_contender_end(c, DOCENT_ERR_SESSION_EXPIRED);",
         "case DOCENT_EV_EXPIRED: if (c->state != CONTENDER_FINDING) docent_contender_end(c, DOCENT_ERR_SESSION_EXPIRED);"),
        (CONTENDER_QUEUE, "return result->stat.ephemeral_owner == docent_client_session(c->machine.client, NULL);",
         "(void)c;\n    return result->has_stat;"),
        (PROTECTED, "node->ephemeral && ev->result->stat", "false && ev->result->stat"),
    ], [STORM]),
    Bug("no-finding", "after a lost create reply the node is created again at once", [
        (CONTENDER_NODE, "case PROTECTED_LOST: docent_contender_go(c, CONTENDER_FINDING); break;",
         "case PROTECTED_LOST:\n        docent_protected_forget(&c->own);\n"
         "        if (c->verdict != DOCENT_OK) docent_contender_has_none(c, CONTENDER_GONE);\n        break;"),
    ], ["--exhaustive two-one"]),
    # Guards.
    Bug("guard-in-new-session", "a guarded transaction that waited is sent in whatever session there is then", [
        (SEND, "r->hold != NULL && !docent_client_lease_good", "false && !docent_client_lease_good"),
    ], ["--scenario holder-partition --seeds 300"]),
    Bug("guard-any-generation", "a hold is good while any session of its client is", [
        (STATE, "if ((uint64_t)docent_shared_get(&c->shared_generation) != generation) return false;", "(void)generation;"),
        (STATE, "return (uint64_t)docent_shared_get(&c->shared_generation) == generation;", "return true;"),
    ], ["--scenario holder-partition --seeds 300", STORM]),
    Bug("guard-without-check", "a guarded transaction does not check that the node is there", [
        (ENCODE, "docent_wire_put_string(out, docent_wire_string(docent_hold_server_path(encoding->guards[i])));", 'docent_put_path(client, out, "/");'),
    ], ["--scenario three-two --seeds 300", "--exhaustive two-one"]),
    # Leases that end by the clock.
    Bug("lease-not-rounded", "the holder counts from its wish, though the end that it wrote is rounded down", [
        (LEASE_FILE, "l->until_ms = now_ms + (uint64_t)(end_ms - wall_ms) - 1;", "l->until_ms = now_ms + l->duration_ms;"),
    ], [LESSEES]),
    Bug("lease-taken-early", "somebody else's lease is taken at its end, however far the clocks are apart", [
        (LEASE_FILE, "< end_ms + (int64_t)l->skew_ms) {", "< end_ms) {"),
    ], [LESSEES]),
    Bug("lease-unguarded", "a lease is written whatever has become of the lock, and of what was read", [
        (LEASE_FILE, "docent_op_check(l->contender.own.path, DOCENT_ANY_VERSION),", 'docent_op_check("/", DOCENT_ANY_VERSION),'),
        (LEASE_FILE, "docent_op_set(l->holder_path, l->text, size, l->version)", "docent_op_set(l->holder_path, l->text, size, DOCENT_ANY_VERSION)"),
        (LEASE_FILE, "        if (l->state == LEASE_LOCKING && !l->dismissed) lease_go(l, LEASE_READING);\n        break;",
         "        break;"),
        (LEASE_FILE, "    if (l->state == LEASE_LOCKING) { /* The lock is not ours yet: this was for nothing. */\n        l->early = false;\n        return;\n    }",
         "    if (l->state == LEASE_LOCKING) (void)lease_enter(l, LEASE_READING);"),
    ], ["--scenario lessees --seeds 300", LESSEES]),
    Bug("lease-told-at-once", "the lease is ours as soon as it is being written", [
        (LEASE_FILE, "    lease_go(l, LEASE_WRITING);\n}", "    lease_go(l, LEASE_WRITING);\n    lease_got(l);\n}"),
    ], ["--scenario lessees --seeds 50"]),
    Bug("lease-unknown-is-ours", "after a lost reply any document will do", [
        (LEASE_FILE, "ev->status == DOCENT_OK && result->size == strlen(l->text) && memcmp(result->data, l->text, result->size) == 0",
         "ev->status == DOCENT_OK && result->size > 0"),
    ], ["--exhaustive lessees", LESSEES]),
    Bug("lease-stays-locked", "the lock stays when the lease was got, or not", [
        (LEASE_FILE, "    lease_go(l, LEASE_IDLE);\n    lease_dismiss(l);", "    lease_go(l, LEASE_IDLE);"),
    ], ["--scenario lessees --seeds 50"]),
    Bug("lease-of-the-last-acquire", "what becomes of the lock of the last acquire is taken for this one's", [
        (LEASE_FILE, "        if (l->dismissed || (l->state", "        if ((l->state"),
    ], ["--scenario lessees --seeds 300"]),
    # Semaphores.
    Bug("gate-behind", "after a reconnect the leases are listed on a server that has not got as far as the contender", [
        (PERMIT, "    p->lagging = true;", "    p->lagging = false;"),
    ], [GATES]),
    Bug("gate-no-finding", "after a lost reply the leases are taken again at once", [
        (PERMIT_TAKE, "        if (ev->sent) {\n            docent_permit_go(p, PERMIT_FINDING);", "        if (false) {\n            docent_permit_go(p, PERMIT_FINDING);"),
    ], ["--exhaustive gate-two --seed 2", GATES]),
    Bug("gate-find-without-sync", "after a lost reply the leases are looked for on a server that may lag", [
        (PERMIT_TAKE, "docent_op sync = docent_op_sync(p->terms->leases_path);\n        docent_ask(&p->handle.machine, &sync, TAG_PERMIT_SYNC);",
         "docent_op list = docent_op_children(p->terms->leases_path);\n        docent_ask(&p->handle.machine, &list, TAG_PERMIT_FIND);"),
    ], ["--exhaustive gate-three --seed 2", GATES]),
    Bug("gate-room-for-one", "where there is room for one lease there is room for all that are wanted", [
        (PERMIT_TAKE, "if (taken + p->count <= p->limit.max) {", "if (taken < p->limit.max) {"),
    ], ["--scenario gate-three --seeds 50"]),
    Bug("gate-old-limit", "the limit may be lowered between the look and the leases", [
        (PERMIT_TAKE, "return p->terms->limit_path != NULL && p->limit.version >= 0 ? places + 1 : places;", "return places;"),
        (PERMIT_TAKE, "if (terms->limit_path != NULL && p->limit.version >= 0) ops[fences - 1]", "if (p->limit.version < -1) ops[fences - 1]"),
    ], ["--scenario gate-shared --seeds 3000", GATES]),
    Bug("gate-return-once", "leases whose removal is lost with the connection are left where they are", [
        (PERMIT, "    case PERMIT_RETURNING:\n    case PERMIT_CHECKING: docent_permit_go(p, p->state); break;",
         "    case PERMIT_RETURNING: break;\n    case PERMIT_CHECKING: docent_permit_go(p, p->state); break;"),
    ], ["--exhaustive gate-two --seed 2"]),
    Bug("gate-no-watch", "who finds no room does not hear when there is", [
        (PERMIT_TAKE, "if (p->state == PERMIT_FULL) {\n        docent_ask_watch(", "if (p->state == PERMIT_STATES) {\n        docent_ask_watch("),
    ], ["--scenario gate-three --seeds 50"]),
    Bug("gate-given-up-and-taken", "leases that were given up while they were being taken stay", [
        (PERMIT_TAKE, "docent_permit_go(p, p->verdict != DOCENT_OK ? PERMIT_RETURNING : PERMIT_TAKEN);",
         "docent_permit_go(p, PERMIT_TAKEN);"),
    ], ["--exhaustive gate-three --seed 2", GATES]),
    Bug("gate-mutex-stays", "where no leases are found the mutex's node is thought gone with them", [
        (PERMIT_TAKE, "    if (found == 0) {\n        docent_permit_seek(p);", "    if (found == 0) {\n        permit_was_carried_out(p);\n        docent_permit_seek(p);"),
    ], ["--exhaustive gate-two --seed 2", GATES]),
    Bug("gate-mutex-after", "the mutex is let go behind the transaction that makes the leases", [
        (PERMIT_TAKE, "ops[0] = docent_contender_deletion(&p->contender);", "ops[0] = docent_op_check(p->contender.own.path, DOCENT_ANY_VERSION);"),
        (PERMIT_TAKE, "if (p->contending) docent_contender_deleted(&p->contender, DOCENT_ERR_CANCELLED);",
         "if (p->contending) docent_contender_leave(&p->contender, DOCENT_ERR_CANCELLED);"),
    ], ["--scenario gate-two --seeds 20"]),
    Bug("gate-alone-for-ever", "who was alone once takes leases whoever has come since", [
        (PERMIT_TAKE, "docent_op_create(names->place, terms->label, terms->label_size, DOCENT_EPHEMERAL_SEQUENTIAL)",
         "docent_op_create(names->numbered_place, terms->label, terms->label_size, DOCENT_EPHEMERAL)"),
        (PERMIT_TAKE, "ops[count++] = docent_op_check(names->last_lease, DOCENT_ANY_VERSION);",
         "ops[count++] = docent_op_check(terms->mutex_path, DOCENT_ANY_VERSION);"),
    ], [BURSTS]),
    Bug("gate-alone-miscounted", "who was alone forgets those who had leases before", [
        (PERMIT_RECALL, "r->taken = p->seen + p->count;", "r->taken = p->count;"),
    ], ["--scenario gate-bursts --seeds 3000", BURSTS]),
    Bug("gate-alone-elsewhere", "who was alone takes leases in whatever queue there is now", [
        (PERMIT_RECALL, "p->folder == docent_semaphore_recall(p->semaphore)->folder;", "true;"),
    ], ["--scenario gate-anew --seeds 300"]),
    Bug("gate-alone-lost-kept", "leases of a short cut whose reply was lost are kept, in whatever queue it was", [
        (PERMIT_TAKE, "if (found < p->count || p->brief) {", "if (found < p->count) {"),
    ], ["--scenario gate-anew --seeds 1000"]),
    Bug("gate-alone-lost-forgotten", "leases of a short cut whose reply was lost are not looked for", [
        (PERMIT_TAKE, "        if (ev->sent) {\n            docent_permit_go(p, PERMIT_FINDING);", "        if (ev->sent && !p->brief) {\n            docent_permit_go(p, PERMIT_FINDING);"),
    ], ["--scenario gate-anew --seeds 300"]),
    # The lock.
    Bug("delete-once", "a release whose delete is lost with the connection is not tried again", [
        (CONTENDER, "    case CONTENDER_CHECKING:\n    case CONTENDER_DELETING: docent_contender_go(c, c->state); break;",
         "    case CONTENDER_CHECKING: docent_contender_go(c, c->state); break;\n"
         "    case CONTENDER_DELETING: c->own.known = PROTECTED_NONE; docent_contender_go(c, CONTENDER_GONE); break;"),
    ], ["--exhaustive two-one"]),
    Bug("leave-while-unsure", "who gives up while a create is under way does not look what becomes of it", [
        (CONTENDER, "case PROTECTED_UNKNOWN: docent_contender_report(c); break;",
         "case PROTECTED_UNKNOWN: docent_contender_go(c, CONTENDER_GONE); break;"),
    ], ["--exhaustive two-one"]),
    Bug("first-without-listing", "a waiter takes itself for the first when the node ahead goes, however many were ahead of that", [
        (CONTENDER_QUEUE, "rank->plain && rank->index == 1 ?", "rank->plain ?"),
    ], ["--exhaustive three-two"]),
    Bug("line-passed-unheld", "whoever leaves the midst of the queue makes the next of its client the first", [
        (LINE, "    if (deleted && standing == LINE_FOLLOWS) return; /* So it is behind whom we followed. */\n    next->standing = deleted ? standing : LINE_WAITS;",
         "    (void)standing;\n    next->standing = deleted ? LINE_FIRST : LINE_WAITS;"),
    ], ["--scenario mates-impatient --seeds 500"]),
    Bug("line-passed-early", "the next of a client holds when a release begins, and not when the node has gone", [
        (CONTENDER, "    c->verdict = why;\n\n    switch (c->own.known) {", "    c->verdict = why;\n    docent_line_leave(c, true);\n    switch (c->own.known) {"),
    ], ["--scenario mates --seeds 50"]),
    Bug("line-any-number", "whoever comes is taken to follow the last one of its client, whoever is between", [
        (LINE, "line_number(previous->contender) + 1 == line_number(c)", "line_number(previous->contender) < line_number(c)"),
    ], ["--scenario mates --seeds 50"]),
    Bug("line-not-closed-up", "who followed one that waited for another client, and gave up, is not told", [
        (LINE, "if (deleted && standing == LINE_FOLLOWS) return;", "if (deleted && standing != LINE_FIRST) return;"),
    ], ["--scenario mates-impatient --seeds 500"]),
    Bug("line-told-late", "who is made the first by its own client lists again before it believes that", [
        (CONTENDER_QUEUE, "    if (first) {\n", "    if (first && c == NULL) {\n"),
    ], ["--scenario mates-trips --seeds 20"]),
    Bug("line-silent", "who followed one whose node is not known to be deleted is not told that it has gone", [
        (LINE, "    next->standing = deleted ? standing : LINE_WAITS;\n", "    next->standing = deleted ? standing : LINE_WAITS;\n    if (!deleted) return;\n"),
    ], ["--exhaustive mates"]),
    Bug("rank-by-name", "contenders compare by their whole names, not by the number", [
        (DIALECT, "return key == NULL ? name : key;", "return key == NULL ? name : name;"),
        (DIALECT, "const char *key = after == NULL ? names[i] : after;", "const char *key = names[i];"),
    ], ["--scenario five-three --seeds 20"]),
    Bug("list-refused", "a list that there was no memory to send is waited for", [
        (CONTENDER_NODE, "        } else if (c->list_refused) {", "        } else if (c == NULL) {"),
    ], ["--exhaustive two-one"]),
    # Calls of several steps about one node.
    Bug("protected-and-blind", "after a lost reply a protected node is created again at once", [
        (NODE_PROTECT, "        docent_write_enter(w, WRITE_FINDING);\n", "        docent_protected_forget(&w->own);\n"),
    ], ["--exhaustive protected"]),
    Bug("protected-of-the-dead", "a protected node of an earlier session is taken for ours", [
        (NODE_PROTECT, "if (!w->protect || !w->own.ephemeral || w->own.known == PROTECTED_NONE) return;", "if (w != NULL) return;"),
        (PROTECTED, "node->ephemeral && ev->result->stat", "false && ev->result->stat"),
    ], ["--exhaustive protected", "--scenario storm-protected --seeds 3000"]),
    Bug("protected-left-behind", "a protected create that gives up leaves what it may have made", [
        (NODE_PROTECT, "return w->protect && w->own.known != PROTECTED_NONE;", "return w == NULL;"),
    ], ["--exhaustive protected"]),
    Bug("delete-a-newer-node", "a guaranteed delete takes whatever stands on the path", [
        (REMOVAL, "if (stat->czxid != removal->czxid) return REMOVAL_GONE;", ""),
    ], ["--scenario storm-guaranteed --seeds 3000"]),
    Bug("delete-not-guaranteed", "a guaranteed delete that gives up is forgotten", [
        (NODE_DELETE, "return d->guaranteed && ", "return d == NULL && "),
    ], ["--scenario storm-guaranteed --seeds 3000"]),
    Bug("update-blind", "an update whose reply is lost is taken for a conflict", [
        (NODE_UPDATE, "        u->state = UPDATE_LOOKING;\n", "        u->state = UPDATE_READING;\n"),
    ], ["--exhaustive update"]),
    Bug("update-without-sync", "after a lost reply the node is read on a server that may lag", [
        (NODE_UPDATE, "        docent_op sync = docent_op_sync(call->path);\n        docent_ask(&call->machine, &sync, TAG_SYNC);\n", ""),
    ], ["--exhaustive update --pairs 3000", "--scenario storm-update --seeds 10000"]),
    Bug("unknown-untouched", "an update whose write was lost is unknown though the node is read back as it was", [
        (NODE_UPDATE, "bool untouched = u->sent.type == DOCENT_OP_SET && ", "bool untouched = u == NULL && "),
        (OUTCOME, "if (stat->mzxid <= zxid_before) return conflict;", ""),
    ], ["--scenario cas-counter --seeds 20"]),
    Bug("unknown-recognisable", "an update whose write was lost is unknown though the value says whose it is", [
        (NODE_UPDATE, "recognised = u->recognise(u->current, u->data, u->size, u->sent.version, u->call.user);", "recognised = DOCENT_WRITE_UNCERTAIN;"),
    ], ["--scenario cas-counter --seeds 20"]),
    Bug("doubt-forgotten", "a call that gives up forgets that it may have changed something", [
        (NODE, "if (call->doubt || call->moot || call->changing) why", "if (why == DOCENT_OK) why"),
    ], ["--exhaustive update", "--exhaustive parents"]),
    # Transactions, batches, views, compression.
    Bug("txn-guards-forgotten", "a transaction goes out without the guards that it was given", [
        (TXN, ".holds = txn->holds, .count = txn->hold_count };", ".holds = txn->holds };"),
    ], ["--exhaustive txn-guard"]),
    Bug("txn-guard-prefixed", "the path of a guard gets the prefix of the view that the transaction was made for", [
        (ENCODE, "docent_wire_put_string(out, docent_wire_string(docent_hold_server_path(encoding->guards[i])));",
         "docent_put_path(client, out, docent_hold_server_path(encoding->guards[i]));"),
    ], ["--exhaustive txn-view"]),
    Bug("txn-blind", "every transaction whose reply was lost is sent again", [
        (OUTCOME, "enum exclusion exclusion = EXCLUDES_NOT;", "enum exclusion exclusion = EXCLUDES;"),
    ], ["--exhaustive txn"]),
    Bug("txn-sequential-excludes", "a transaction is sent again because it has a sequential create", [
        (OUTCOME, "if (part->type != DOCENT_OP_CREATE || docent_mode_is_sequential(part->mode)) continue;",
         "if (part->type != DOCENT_OP_CREATE) continue;"),
    ], ["--exhaustive txn --pairs 1000"]),
    Bug("txn-ephemeral-excludes", "an ephemeral create is reason enough to send a transaction again, even when its session is over", [
        (SEND, "if (r->type == DOCENT_OP_MULTI && r->mode == DOCENT_EPHEMERAL) return DOCENT_ERR_UNKNOWN_OUTCOME;", ""),
    ], ["--scenario storm-txn --seeds 3000"]),
    Bug("txn-own-success", "a second sending that fails because of the first is told as a failure", [
        (ANSWER, "outcome = docent_multi_failure(body, size, &r->failed_part);", "(void)docent_multi_failure(body, size, &r->failed_part);"),
    ], ["--exhaustive txn"]),
    Bug("txn-after-unknown", "a transaction with parents goes out again when its outcome is unknown", [
        (TXN, "    if (result->status != DOCENT_ERR_NO_NODE || result->result_count",
         "    if (result->status == DOCENT_ERR_UNKNOWN_OUTCOME && commit->txn->ops[0].type == DOCENT_OP_CREATE) return &commit->txn->ops[0];\n"
         "    if (result->status != DOCENT_ERR_NO_NODE || result->result_count"),
    ], ["--exhaustive txn --pairs 3000", "--scenario storm-txn --seeds 3000"]),
    Bug("txn-without-parents", "a transaction whose parents cannot be made is told as done", [
        (TXN, "    if (status == DOCENT_OK) status = commit_send(commit);\n    if (status != DOCENT_OK) commit_fail(commit, status);",
         "    if (status == DOCENT_OK) status = commit_send(commit);\n    if (status != DOCENT_OK) commit_fail(commit, DOCENT_OK);"),
    ], ["--scenario storm-txn --seeds 3000"]),
    Bug("txn-wrong-part", "the results of a guarded transaction begin with that of the guard", [
        (DECODE, "            result->results += guard_count;\n", ""),
    ], ["--exhaustive txn-guard"]),
    Bug("view-loses-the-outer", "a view of a view has a prefix of its own only", [
        (VIEW, '    size_t size = strcmp(prefix, "/") == 0 ? 0 : strlen(prefix);',
         '    client = &client->core->root;\n    size_t size = strcmp(prefix, "/") == 0 ? 0 : strlen(prefix);'),
    ], ["--exhaustive txn-view"]),
    Bug("view-prefix-stays", "what comes back has its prefix still", [
        (DECODE, "if (path[size] == '/') return path + size;", "if (path[size] == '/') return path;"),
    ], ["--exhaustive txn-view"]),
    # Locks that are more than plain.
    Bug("revoke-once", "a watch on our node that has told something is not left again", [
        (REVOCATION, "        if (ev->change != DOCENT_WATCH_DELETED) revocation_ask(r);\n", ""),
    ], ["--exhaustive revoke", "--scenario storm-locks --seeds 2000"]),
    Bug("revoke-not-resumed", "a request to let go is not looked for after a reconnect", [
        (REVOCATION, "    case DOCENT_EV_TIMER:\n    case DOCENT_EV_RESUMED: revocation_ask(r); break;",
         "    case DOCENT_EV_TIMER: revocation_ask(r); break;\n    case DOCENT_EV_RESUMED: break;"),
    ], ["--exhaustive revoke", "--scenario storm-locks --seeds 2000"]),
    Bug("revoke-again", "a request to let go is told with every look", [
        (REVOCATION, "asked && result->stat.version != r->told", "asked"),
    ], ["--exhaustive revoke", "--scenario storm-locks --seeds 2000"]),
    Bug("revoke-not-when-found", "a node that was found after a lost reply cannot be revoked", [
        (CONTENDER_NODE, "        if (contender_owns(c)) docent_contender_go(c, c->beside",
         "        {}\n        const struct contender_config *told = c->config;\n        struct contender_config config = *told;\n"
         "        struct contender_kind deaf = { .on_phase = config.kind->on_phase };\n"
         "        config.kind = &deaf;\n        c->config = &config;\n        bool owns = contender_owns(c);\n        c->config = told;\n"
         "        if (owns) docent_contender_go(c, c->beside"),
    ], ["--exhaustive revoke"]),
    Bug("revoke-the-last", "the last in line is asked to let go", [
        (REVOKE, "docent_dialect_compare(r->dialect, name, first) < 0", "docent_dialect_compare(r->dialect, name, first) > 0"),
    ], ["--exhaustive revoke"]),
    Bug("revoke-goes-on", "who has released is still asked to let go", [
        (LOCK, "    if (a->revocable != NULL) docent_revocation_stop(&a->revocable->revocation);\n", ""),
    ], ["--scenario storm-locks --seeds 2000", "--exhaustive revoke"]),
    Bug("bound-not-read", "a hold with a bound goes on for as long as its loop is stuck", [
        (LOCK, "own->generation, until_ms);", "own->generation, 0);"),
    ], ["--scenario storm-locks --seeds 4000"]),
    Bug("bound-not-kept", "nothing ends a hold with a bound", [
        (LOCK, "    if (until_ms != 0) docent_timer_set(client, &lock->handle.machine.timer, until_ms);\n", ""),
    ], ["--exhaustive bounded"]),
    Bug("bound-leaves-the-node", "a hold that has ended by itself keeps its place in the queue", [
        (LOCK, "    lock_drop_current(lock, DOCENT_ERR_TIMEOUT, true);\n    docent_contender_leave(&a->contender, DOCENT_ERR_TIMEOUT);",
         "    (void)a;\n    lock_drop_current(lock, DOCENT_ERR_TIMEOUT, true);"),
    ], ["--exhaustive bounded"]),
    Bug("bound-untold", "that a hold has ended by itself is told to nobody", [
        (LOCK, "lock_drop_current(lock, DOCENT_ERR_TIMEOUT, true);", "lock_drop_current(lock, DOCENT_ERR_TIMEOUT, false);"),
    ], ["--exhaustive bounded"]),
    Bug("bound-of-the-wait", "a hold with a bound ends when its wait would have", [
        (LOCK, "uint64_t until_ms = lock->max_hold_ms == 0 ? 0 : docent_client_now(client) + lock->max_hold_ms;",
         "uint64_t until_ms = lock->max_hold_ms == 0 ? 0 : a->since_ms + lock->max_hold_ms;"),
    ], ["--exhaustive bounded", "--scenario storm-locks --seeds 4000"]),
    Bug("mutex-first-release", "the first release gives up everything", [
        (MUTEX, "if (holds_count(holds) == 1) {", "if (holds_count(holds) >= 1) {"),
    ], ["--exhaustive mutex"]),
    Bug("mutex-last-release", "the last release gives up nothing", [
        (MUTEX, "        docent_lock_release_up_to(&m->lock, *ret_number);\n", ""),
    ], ["--exhaustive mutex"]),
    Bug("mutex-uncounted", "what is acquired again is not counted", [
        (MUTEX, "&holds, holds + 1)", "&holds, holds)"),
    ], ["--exhaustive mutex"]),
    Bug("mutex-too-many", "one release too many is accepted", [
        (MUTEX, "    do {\n        if (holds_count(holds) == 0 || !mutex_is_held(m)) return DOCENT_ERR_NOT_HELD;\n"
                "    } while (!atomic_compare_exchange_weak(&m->holds.value, &holds, holds - 1));",
         "    do {\n        if (holds_count(holds) == 0) return DOCENT_OK;\n"
         "    } while (!atomic_compare_exchange_weak(&m->holds.value, &holds, holds - 1));"),
    ], ["--exhaustive mutex"]),
    Bug("mutex-queues-again", "what is held is queued for when it is acquired again", [
        (MUTEX, "    if (!mutex_is_held(m)) return docent_lock_acquire_async(&m->lock, timeout_ms, done, user);",
         "    if (m != NULL) return docent_lock_acquire_async(&m->lock, timeout_ms, done, user);"),
    ], ["--exhaustive mutex"]),
    Bug("mutex-starts-high", "a new hold starts with the count of the last", [
        (MUTEX, "holds_of(lock->number, held ? 1 : 0)", "holds_of(lock->number, held ? holds_count(docent_shared_get(&m->holds)) + 1 : 1)"),
    ], ["--exhaustive mutex", "--scenario storm-locks --seeds 2000"]),
    Bug("zookeeper-one-name", "all acquisitions have one name in the dialect of the server project", [
        (DIALECT, "        memcpy(end + 2, uuid, 8);\n        memcpy(end + 10, uuid + 9, 4);\n        memcpy(end + 14, uuid + 32, 4);\n",
         '        memcpy(end + 2, "0100000000000001", 16);\n'),
    ], ["--exhaustive zookeeper"]),
    Bug("zookeeper-whole-name", "our whole name in the server project's dialect is compared with the numbers of others", [
        (DIALECT, "    return key == NULL ? name : key;", "    return key == NULL || dialect->kind == DOCENT_DIALECT_ZOOKEEPER ? name : key;"),
    ], ["--exhaustive zookeeper"]),
    Bug("tolerant-own-kind", "in the tolerant order our own kind of names is seen alone", [
        (DIALECT, "    if (dialect->tolerant) return dialect_last_digits(name);\n", ""),
    ], ["--exhaustive mixed", "--scenario mixed --seeds 500"]),
    Bug("view-gone", "a lock does not keep its view", [
        (HANDLE, "    docent_client_keep(client);\n", ""),
        (HANDLE, "    docent_client_drop(client);\n    if (tells", "    if (tells"),
        (HANDLE, "    if (status != DOCENT_OK) docent_client_drop(client);\n", ""),
    ], ["--exhaustive txn-view"]),
    Bug("compress-not-in-sets", "what is set is not compressed", [
        (ENCODE, "if (encoding->compress && op->type == DOCENT_OP_SET)", "if (false && op->type == DOCENT_OP_SET)"),
    ], ["--exhaustive txn-old"]),
    Bug("compress-not-in-batches", "what a batch reads is not unpacked", [
        (DECODE, "if (status == DOCENT_OK && arena->inflated_max > 0) result->status = data_unpack(arena, result);\n        return result",
         "return result"),
    ], ["--exhaustive txn-view"]),
    Bug("batch-no-memory", "that there was no memory to unpack one node is told of the node", [
        (DECODE, "return result->status == DOCENT_ERR_NO_MEMORY ? DOCENT_ERR_NO_MEMORY : status;", "return status;"),
    ], ["--exhaustive txn-view", "--scenario storm-txn --seeds 3000"]),
    Bug("batch-crossed", "the answers to the reads of a batch that are made one by one are mixed up", [
        (BATCH, "        parts[i] = *batch->reads[i].answer;", "        parts[i] = *batch->reads[batch->count - 1 - i].answer;"),
    ], ["--exhaustive txn-old"]),
    # Listeners.
    Bug("damped-for-good", "what a damped listener was spared it is not told when the pause is over", [
        (LISTENERS, "if (!l->removed && d->last.state != d->told) listener_tell(l);", ""),
    ], ["--scenario flapping --seeds 20"]),
    Bug("damped-loss", "a damped listener is spared the loss of the session, too", [
        (LISTENERS, "if (event->state != DOCENT_LOST || d->lost_told) return;", "return;"),
    ], ["--scenario flapping --seeds 200"]),
    # Calls and watches.
    Bug("watches-not-restored", "watches are not restored on a new connection", [
        (WATCH_RESTORE, "restore_path(&restore, path, filed);", ""),
    ], ["--exhaustive calls"]),
    Bug("watches-as-of-now", "watches are restored as if nothing had changed since the connection was lost", [
        (WATCH_RESTORE, "table->restored_from = table->unarmed ? table->unarmed_zxid : c->session.last_zxid;",
         "table->restored_from = c->session.last_zxid + 1000000;"),
    ], [CALLS]),
    Bug("reads-go-back", "a server is not told how much was seen of the others, and answers what was so before", [
        (SESSION, ".last_zxid = s->last_zxid,", ".last_zxid = 0,"),
    ], ["--scenario storm-calls --seeds 3000", CALLS]),
    Bug("lost-forgotten", "that an attempt was lost is forgotten, so that our own success looks like a conflict", [
        (ANSWER, "if (!docent_op_is_read(r->type)) r->lost = true;", "(void)r;"),
    ], ["--exhaustive calls"]),
    Bug("lost-and-blind", "a write that was lost in a session that may live on is sent again in the next one", [
        (SEND, "if (!c->session.settled) return DOCENT_ERR_UNKNOWN_OUTCOME;", ""),
    ], [CALLS]),
    # Caches.
    # Leader latches and leader selectors.
    Bug("latch-suspended", "a latch leads over a connection that is down, whatever its policy", [
        (LATCH, "return latch->policy == DOCENT_ERROR_POLICY_LOST ? LATCH_LEADING : LATCH_SUSPENDED;", "return LATCH_LEADING;"),
    ], ["--scenario latch-partition --seeds 50"]),
    Bug("latch-undamped", "a latch that is to be damped leads again at once", [
        (LATCH, "return suspended && latch->damping_ms > 0 ? LATCH_DAMPED : LATCH_LEADING;", "(void)suspended; return LATCH_LEADING;"),
    ], ["--scenario latch-cut --seeds 100"]),
    Bug("latch-untold", "a latch that leads again after a suspension does not say so", [
        (LATCH, "    docent_latch_tell(latch);\n}\n\nvoid docent_latch_look", "    if (latch->why == DOCENT_OK) docent_latch_tell(latch);\n}\n\nvoid docent_latch_look"),
    ], ["--scenario latch-cut --seeds 100"]),
    Bug("latch-stays", "a latch that closes leaves its node behind", [
        (ELECTION, "if (left != NULL) docent_contender_leave(&left->contender, DOCENT_ERR_CANCELLED);",
         "if (left != NULL && next == ELECTION_OUT) docent_contender_leave(&left->contender, DOCENT_ERR_CANCELLED);"),
    ], ["--scenario latch --seeds 10"]),
    Bug("election-third-trip", "who is first by the list lists once more before it leads", [
        (CONTENDER_QUEUE, "    } else if (rank.ahead == NULL) {\n        docent_contender_go(c, CONTENDER_FIRST);",
         "    } else if (rank.ahead == NULL) {\n        static unsigned lists;\n"
         "        docent_contender_go(c, lists++ % 2 == 0 ? CONTENDER_RANKING : CONTENDER_FIRST);"),
    ], ["--scenario latch-trips --seeds 20", "--scenario selector-trips --seeds 20"]),
    Bug("election-paused", "the pause after a lack of memory has no end", [
        (ELECTION, "    case DOCENT_EV_TIMER:\n        election_stand(e);\n", "    case DOCENT_EV_TIMER:\n"),
    ], ["--exhaustive latch", "--scenario storm-latch --seeds 300"]),
    Bug("selector-overlap", "a lost term is taken to have been ended, and the next one begins beside it", [
        (SELECTOR, "    if (s->news & SELECTOR_NEWS_TERM) { /* Nobody", "    if (s != NULL) { /* Nobody"),
    ], ["--scenario selector-expire --seeds 100"]),
    Bug("selector-suspended", "a term goes on over a connection that is down, whatever the policy", [
        (SELECTOR, "if (s->policy == DOCENT_ERROR_POLICY_LOST) {\n            selector_publish", "if (s != NULL) {\n            selector_publish"),
    ], ["--scenario selector-cut --seeds 50"]),
    Bug("selector-keeps", "who has ended its term keeps its place", [
        (SELECTOR, "        selector_go(s, SELECTOR_OUT, why);\n        docent_election_leave(&s->election);\n",
         "        selector_go(s, SELECTOR_OUT, why);\n"),
    ], ["--scenario selector --seeds 10"]),
    Bug("selector-says-yes", "a term that was ended is seen until the loop has got round to it", [
        (SELECTOR_CALLS, "    docent_tenure_release_up_to(&selector->tenure, number);\n", ""),
    ], ["--scenario selector --seeds 10"]),
    Bug("selector-one-number", "all terms have the same number", [
        (SELECTOR, "    s->term.number++;\n", "    s->term.number = 1;\n"),
    ], ["--scenario selector --seeds 10"]),
    Bug("cache-once-is-enough", "what happens to a node that is being read does not lead to another look at it", [
        (CACHE_ENTRY, "    entry->flags |= what;\n    docent_entry_queue(cache, entry);", "    if ((entry->flags & ENTRY_BUSY) == 0) entry->flags |= what;\n    docent_entry_queue(cache, entry);"),
    ], ["--exhaustive cache", CACHES]),
    Bug("cache-by-version", "nodes are compared by their version, not by the transactions that made and changed them", [
        (CACHE_ENTRY, "bool anew = loaded && before.czxid != result->stat.czxid;", "bool anew = loaded && before.version > result->stat.version;"),
        (CACHE_ENTRY, "bool same = loaded && !anew && before.mzxid == result->stat.mzxid;", "bool same = loaded && !anew && before.version == result->stat.version;"),
    ], ["--exhaustive cache-resync"]),
    Bug("cache-lost-read", "a read that was lost with its connection is not wanted any more", [
        (CACHE_ENTRY, "entry->flags |= what; return; /* Once we are back. */", "return; /* Once we are back. */"),
    ], ["--exhaustive cache-resync", CACHES]),
    Bug("cache-leaf-without-watch", "on an old server leaves get no watch for children", [
        (CACHE_ENTRY, "            entry->flags |= ENTRY_UNVERIFIED; /* A leaf gets its watch with the others', in a survey at the end of the load. */\n"
         "            cache->leaves = true;\n", ""),
    ], ["--exhaustive cache-old"]),
    Bug("cache-failed-for-ever", "the load waits for a node that cannot be read", [
        (CACHE_ENTRY, "    entry->flags &= ~(unsigned)ENTRY_UNVERIFIED;\n    docent_entry_failed(cache, entry, result->status);",
         "    entry->flags |= ENTRY_UNVERIFIED;\n    docent_entry_failed(cache, entry, result->status);"),
    ], ["--scenario cache-faces --seeds 300"]),
    Bug("cache-child-first", "a child of a node that was not told yet is read and told", [
        (CACHE, "if (parent == NULL || !parent->loaded || !docent_entry_may_have_children(cache, parent)) return;",
         "if (parent == NULL || !docent_entry_may_have_children(cache, parent)) return;"),
    ], ["--scenario cache-root --seeds 1000", CACHES]),
    Bug("cache-hears-what-went", "a node that was made anew is taken to have the watch for children of the one before", [
        (CACHE_ENTRY, "ENTRY_WANTS_READ | ENTRY_WANTS_LIST | ENTRY_UNVERIFIED | ENTRY_HEARS_CHILDREN);", "ENTRY_WANTS_READ | ENTRY_WANTS_LIST | ENTRY_UNVERIFIED);"),
    ], ["--scenario cache-old-root --seeds 1000"]),
    Bug("cache-old-children", "what was below a node stays when it has been made anew", [
        (CACHE_ENTRY, "        docent_cache_remove_below(cache, entry, entry_gone);\n", ""),
    ], ["--exhaustive cache-resync"]),
    Bug("cache-survey-too-new", "after a gap the server is asked what has changed since now", [
        (CACHE, "cache->survey_zxid = cache->synced_zxid;", "cache->survey_zxid = INT64_MAX;"),
    ], ["--exhaustive cache-resync", CACHES]),
    Bug("cache-reads-all", "after a gap everything is read again", [
        (CACHE, "    cache->survey_zxid = cache->synced_zxid;\n", "    cache->surveys = false;\n    cache->survey_zxid = cache->synced_zxid;\n"),
    ], ["--scenario cache-gap --seeds 20"]),
    Bug("cache-no-cap", "any number of lists is under way", [
        (CACHE_ASK, "cache->flying_lists < FLYING_LISTS_MAX", "cache->root != NULL"),
        (CACHE_ASK, "    while (cache->flying < max && ", "    while (max > 0 && "),
    ], ["--scenario cache-gap --seeds 30", CACHES]),
    Bug("cache-told-after-close", "the second subscriber is told of what the first has closed the cache at", [
        (CACHE_TELL, "return cache->handle.ended && cache->closed_why == DOCENT_ERR_CANCELLED;", "return cache == NULL;"),
    ], ["--scenario cache-faces --seeds 1000", CACHES]),
    Bug("cache-load-forgets", "the load does not wait for what a notification named before the list", [
        (CACHE, "        docent_entry_came(cache, child); /* The load waits", "        docent_entry_want(cache, child, ENTRY_WANTS_READ); /* The load waits"),
    ], ["--scenario cache --seeds 5000", CACHES]),
    Bug("cache-one-shot-for-good", "a cache that was at an old server sets watches one by one on a newer one, too", [
        (CACHE, "        cache_forget_mode(cache);\n", "        if (cache->handle.ended) cache_forget_mode(cache);\n"),
    ], [CACHES]),
    Bug("watch-for-granted", "a watch that was being restored when the connection ended is taken to be at the server", [
        (WATCH_RESTORE, "        docent_watches_offline(c); /* The last", "        (void)c; /* The last"),
        (TURN, "    docent_watches_offline(c); /* As ", "    (void)c; /* As "),
    ], [CACHES]),

    # Watches that come back.
    Bug("queue-lost-reply", "an item that is gone after a lost reply is taken to be another's", [
        (QUEUE_TAKE, "        take_give(t, DOCENT_ERR_UNKNOWN_OUTCOME, ITEMS_GONE);\n    } else if (ev->status != DOCENT_ERR_NO_NODE",
         "        take_over(t, ITEMS_GONE);\n    } else if (ev->status != DOCENT_ERR_NO_NODE"),
    ], ["--exhaustive queue --seed 1 --pairs 0", QUEUES]),
    Bug("queue-takes-doubt", "an item that is gone after a lost reply is taken to be ours", [
        (QUEUE_TAKE, "        take_give(t, DOCENT_ERR_UNKNOWN_OUTCOME, ITEMS_GONE);\n    } else if (ev->status != DOCENT_ERR_NO_NODE",
         "        take_give(t, DOCENT_OK, ITEMS_GONE);\n    } else if (ev->status != DOCENT_ERR_NO_NODE"),
    ], [QUEUES]),
    Bug("queue-gives-first", "an item is handed out before it is deleted", [
        (QUEUE_TAKE, "            take_go(t, TAKE_DELETING);\n        }\n        return;", "            take_give(t, DOCENT_OK, ITEMS_GONE);\n        }\n        return;"),
    ], ["--scenario queue --seeds 20"]),
    Bug("queue-too-late", "a take whose delete is on its way ends with its deadline", [
        (QUEUE_TAKE, "    if (touched) return false;\n", "    (void)touched;\n"),
    ], ["--scenario queue --seeds 1000", QUEUES]),
    Bug("queue-order", "what was in doubt when the session ended is looked at last", [
        (QUEUE_TAKE, "ITEMS_AGAIN); /* If it is there still it comes next. */", "ITEMS_GONE);"),
    ], ["--exhaustive queue-one --seed 1 --pairs 0"]),
    Bug("put-again", "a put whose reply was lost is made again", [
        (PUT, "DOCENT_ERR_UNKNOWN_OUTCOME && put->again && docent_client", "DOCENT_ERR_UNKNOWN_OUTCOME && docent_client"),
    ], ["--exhaustive queue --seed 1 --pairs 0"]),
    Bug("items-gap", "what came during a gap is not looked for", [
        (ITEMS, "        items->armed |= ev->type == REARM_RESET;\n        items->changed = true;\n",
         "        items->armed |= ev->type == REARM_RESET;\n        items->changed |= ev->type == REARM_CHANGED;\n"),
        (ITEMS, "        items->armed = false;\n        items->changed = true;\n        break;\n    case DOCENT_EV_RESUMED:",
         "        items->armed = false;\n        break;\n    case DOCENT_EV_RESUMED:"),
    ], [QUEUES]),
    Bug("claim-not-found", "a claim whose reply was lost is made again, without a look", [
        (CLAIM_NODE, "if (ev->sent) docent_claim_go(c, CLAIM_FINDING); /*", "if (ev->sent) docent_claim_go_later(c, CLAIM_CREATING); /*"),
    ], ["--exhaustive claims --seed 1 --pairs 0"]),
    Bug("claim-adopts", "any claim that is found is taken for ours", [
        (CLAIM_NODE, "    if (!ours) {\n", "    if (!ours && node->size == 0) {\n"),
    ], ["--exhaustive claims --seed 1 --pairs 500", CLAIMS]),
    Bug("claim-ends-blind", "an ending whose reply was lost is sent again, without a look", [
        (CLAIM_NODE, "        if (ev->sent) docent_claim_go(c, CLAIM_ASKING); /* Else EV_RESUMED sends it. */", "        (void)0;"),
    ], ["--exhaustive claims --seed 1 --pairs 0"]),
    Bug("claim-outlives", "a claim outlives its session", [
        (CLAIM, "    case DOCENT_EV_EXPIRED: claim_on_end(c, DOCENT_ERR_SESSION_EXPIRED); break;", "    case DOCENT_EV_EXPIRED: break;"),
        (CLAIM_NODE, "    if (ev->status == DOCENT_OK && ev->result->stat.czxid == c->czxid) {\n        docent_claim_go(c, CLAIM_HELD);",
         "    if (ev->status == DOCENT_OK) {\n        docent_claim_go(c, CLAIM_HELD);"),
    ], [CLAIMS]),
    Bug("claim-left", "a claim is given up and stays", [
        (CLAIM, "    case CLAIM_READING:\n    case CLAIM_HELD:\n    case CLAIM_SUSPECT:\n    case CLAIM_CHECKING: docent_claim_go(c, CLAIM_REMOVING); break;",
         "    case CLAIM_READING:\n    case CLAIM_HELD:\n    case CLAIM_SUSPECT:\n    case CLAIM_CHECKING: docent_claim_over(c, why); break;"),
    ], ["--scenario claims --seeds 300", CLAIMS]),
    Bug("claim-without-proof", "an item is deleted whatever became of its claim", [
        (CLAIM_NODE, "    ops[OP_CHECK] = docent_op_check(c->path, DOCENT_ANY_VERSION);", "    ops[OP_CHECK] = docent_op_check(c->config.directory, DOCENT_ANY_VERSION);"),
        (CLAIM_NODE, "    ops[OP_CLAIM] = docent_op_delete(c->path, DOCENT_ANY_VERSION);", "    ops[OP_CLAIM] = docent_op_check(c->config.directory, DOCENT_ANY_VERSION);"),
    ], ["--scenario claims --seeds 300", CLAIMS]),
    Bug("claim-puts-back-twice", "an item that is put back stays where it was, too", [
        (CLAIM_NODE, "    ops[OP_ITEM] = docent_op_delete(c->item_path, DOCENT_ANY_VERSION);",
         "    ops[OP_ITEM] = c->requeues ? docent_op_check(c->item_path, DOCENT_ANY_VERSION) : docent_op_delete(c->item_path, DOCENT_ANY_VERSION);"),
    ], ["--scenario claims --seeds 300"]),
    Bug("rearm-once", "a one-shot watch that was used up is not set again", [
        (REARM, "if (r->state == REARM_ARMED && (rearm_needs(r) & ~r->left) != 0) rearm_go(r, REARM_REREADING);",
         ""),
    ], ["--scenario watching-old --seeds 300"]),
    Bug("rearm-silent-gap", "a watch that is standing again after a gap does not say so", [
        (REARM, "if (!r->old) rearm_reset(r);",
         "if (!r->old) rearm_go(r, REARM_ARMED);"),
    ], ["--scenario storm-watching --seeds 300"]),
    Bug("rearm-silent-gap-old", "one-shot watches that are set again after a gap do not say so", [
        (REARM, "r->told = r->now;\n        rearm_reset(r);",
         "r->told = r->now;\n        rearm_go(r, REARM_ARMED);"),
    ], ["--scenario storm-watching-old --seeds 300"]),
    Bug("rearm-believes-watches", "one-shot watches are believed to outlive their connection", [
        (REARM, "        r->left = 0;\n        r->rounds = 0;",
         "        r->rounds = 0;"),
    ], ["--scenario storm-watching-old --seeds 3000"]),
    Bug("rearm-one-session", "a watch is not set again in another session", [
        (REARM, "        r->watch = NULL; /* It ended with the session. */\n",
         ""),
    ], ["--scenario storm-watching --seeds 300"]),
    Bug("rearm-sees-no-data", "after a one-shot watch only coming and going is looked at", [
        (REARM, "if (before.mzxid != now.mzxid) rearm",
         "if (before.mzxid == INT64_MIN) rearm"),
    ], ["--scenario watching-old --seeds 300"]),
    Bug("rearm-pause-forgets", "what was armed during a pause is not told after it", [
        (REARM, "if (wanted == 0) rearm_round_ends(r);",
         ""),
    ], ["--exhaustive watching-old --seed 1"]),

    # Read/write locks.
    Bug("reader-passes", "a reader waits for nobody", [
        (DIALECT, "    return dialect->waits == DIALECT_AFTER_ALL || dialect_is_writer(dialect, name, key);",
         "    (void)name;\n    (void)key;\n    return dialect->waits == DIALECT_AFTER_ALL;"),
    ], ["--scenario rwlock --seeds 50"]),
    Bug("next-behind-a-writer", "a writer takes the deletion of the writer ahead for its turn, whatever reader was left in that place", [
        (DIALECT, "        rank.plain = false; /* A reader of its owner's may take its place. */", "        rank.plain = rank.plain;"),
    ], ["--scenario rwlock --seeds 200"]),
    Bug("downgrade-at-the-end", "a downgraded reader is given the next number, and is first nevertheless", [
        (CONTENDER, "docent_op_create(c->own.path, c->config->data, c->config->size, DOCENT_EPHEMERAL),",
         "docent_op_create(c->own.path, c->config->data, c->config->size, DOCENT_EPHEMERAL_SEQUENTIAL),"),
        (CONTENDER, ".sequential = c->beside == NULL,", ".sequential = true,"),
        (CONTENDER_NODE, "        strcat(name, beside + strlen(beside) - DIALECT_DIGITS);", "        (void)beside;"),
    ], ["--scenario rwlock --seeds 200"]),
    Bug("downgrade-unchecked", "a downgraded reader does not look whether the writer is still there", [
        (CONTENDER, "        docent_op_check(docent_hold_path(c->beside), DOCENT_ANY_VERSION),\n", ""),
        (CONTENDER, "docent_op both = docent_op_multi(parts, 2);", "docent_op both = docent_op_multi(parts, 1);"),
        (CONTENDER, "    parts[1].acl = c->config->acl;", "    parts[0].acl = c->config->acl;"),
    ], ["--scenario rwlock-lossy --seeds 1000"]),
    Bug("upgrade-queues", "a reader queues as a writer, behind itself", [
        (RWLOCK, "    return DOCENT_ERR_UPGRADE;", "    return DOCENT_OK;"),
    ], ["--scenario rwlock --seeds 50"]),
    Bug("downgrade-without-token", "a downgraded reader has no token", [
        (LOCK, "beside != NULL ? docent_hold_czxid(beside) : lock->shared ? -1", "lock->shared ? -1"),
    ], ["--scenario rwlock --seeds 50"]),

    # Several locks as one.
    Bug("multi-as-listed", "several locks are taken in whatever order they are listed", [
        (MULTI_LOCK, " && order == DOCENT_MULTI_LOCK_SORTED) at = k;", " && order != DOCENT_MULTI_LOCK_SORTED) at = k;"),
    ], ["--scenario multi-lock --seeds 50"]),
    Bug("multi-keeps", "what was had of several locks is kept when the next cannot be had", [
        (MULTI_LOCK, "docent_lock_release(m->order[--begun]); /*", "--begun; /*"),
    ], ["--scenario multi-lock --seeds 50"]),
    Bug("multi-time-each", "each of several locks gets the time of the whole", [
        (MULTI_LOCK, "*ret_ms = (uint32_t)(a->deadline_ms - now);", "*ret_ms = (uint32_t)(a->deadline_ms - a->since_ms);"),
    ], ["--scenario multi-lock --seeds 100"]),
    Bug("multi-holds-the-rest", "when one of several locks is lost the whole goes on being held", [
        (MULTI_LOCK, "        if (one == DOCENT_LOCK_RELEASED || one == DOCENT_LOCK_WAITING) return DOCENT_LOCK_RELEASED;\n", ""),
        (MULTI_LOCK, "if (m->current != NULL && !multi_is_whole(m)) {", "if (m->current != NULL && m->had > m->count) {"),
    ], ["--exhaustive multi-lock", "--scenario storm-multi-lock --seeds 1000"]),
    Bug("multi-forgets-the-first", "of several locks the one that was taken first is not given back when another cannot be had", [
        (MULTI_LOCK, "while (begun > 0 && !docent_client_closing(m->handle.client))", "while (begun > 1 && !docent_client_closing(m->handle.client))"),
    ], ["--scenario multi-lock --seeds 50"]),

    # Barriers.
    Bug("barrier-set-again", "a set whose reply was lost is sent again, whatever has come and gone", [
        (BARRIER, "if (final && ev->result->stat.pzxid <= call->zxid_before) {", "if (final) {"),
    ], ["--scenario storm-barrier --seeds 6000", "--exhaustive barrier --pairs 3000"]),
    Bug("barrier-found-at-once", "a set whose reply was lost is looked for without a sync", [
        (BARRIER, "call->synced = false;\n        call->ancestor", "call->synced = true;\n        call->ancestor"),
        (BARRIER, "call_ask_sync(call);\n        docent_ask(m, &exists, TAG_THERE);", "docent_ask(m, &exists, TAG_THERE);"),
    ], ["--scenario storm-barrier --seeds 6000", "--exhaustive barrier --pairs 3000"]),
    Bug("barrier-any-node", "a removal whose reply was lost removes whatever stands there then", [
        (BARRIER, "(struct removal){ .path = b->all.path, .version", "(struct removal){ .path = b->all.path, .unique = true, .version"),
    ], ["--exhaustive barrier --pairs 1000", "--scenario storm-barrier --seeds 6000"]),
    Bug("barrier-late-set", "a set that is late is told as not done, though it may be", [
        (BARRIER, "doubt && why == DOCENT_ERR_TIMEOUT ? DOCENT_ERR_UNKNOWN_OUTCOME : why", "why"),
    ], ["--exhaustive barrier --pairs 1000", "--scenario storm-barrier --seeds 6000"]),
    Bug("barrier-spurious", "who is woken up passes, whatever has happened", [
        (BARRIER, "if (change == DOCENT_WATCH_DELETED && call->synced) {", "if (true) {"),
        (BARRIER, "        docent_machine_calm(&errand->machine);\n        call_go(call, call->state);",
         "        docent_machine_calm(&errand->machine);\n        if (call->state == BARRIER_WAITING) call_over(call, DOCENT_OK);\n        else call_go(call, call->state);"),
    ], ["--exhaustive barrier --pairs 1000", "--scenario storm-barrier --seeds 6000"]),
    Bug("barrier-stray-delete", "a delete of an earlier session that may still be applied is forgotten once the node was seen again", [
        (BARRIER, "if (!call->doubt) call->generation = ev->generation;", "call->generation = ev->generation, call->doubt = false;"),
    ], ["--scenario storm-barrier --seeds 6000"]),
    Bug("barrier-lagging", "who waits looks without a sync, at a server that lags", [
        (BARRIER, "if (!call->synced) call_ask_sync(call);", "call->synced = true;"),
    ], ["--scenario storm-barrier --seeds 6000"]),

    # Double barriers.
    Bug("members-by-count", "ready is made by whoever has counted enough, though some may have gone since", [
        (ENTER, "docent_op open = docent_op_multi(ops, count);", "docent_op open = ops[count - 1];"),
    ], ["--scenario storm-members --seeds 6000", "--exhaustive members --pairs 3000"]),
    Bug("members-stale-ready", "any ready lets everybody in", [
        (ENTER, "if (e->ready.czxid > e->own.czxid) {", "if (e->ready.czxid != 0) {"),
    ], ["--scenario members-three --seeds 300"]),
    Bug("members-join-blindly", "who has found somebody inside joins without making sure that the round is still on", [
        (ENTER, "docent_op join = docent_op_multi(ops, sizeof ops / sizeof ops[0]);", "docent_op join = docent_op_multi(ops + 1, 1);"),
    ], ["--scenario members-three --seeds 3000", "--scenario storm-members --seeds 6000"]),
    Bug("members-join-unseen", "who joins does not tell those who are about to end the round", [
        (ENTER, "docent_op join = docent_op_multi(ops, sizeof ops / sizeof ops[0]);", "docent_op join = docent_op_multi(ops, 2);"),
    ], ["--scenario members-three --seeds 3000", "--scenario storm-members --seeds 12000"]),
    Bug("members-clear-blindly", "a stale ready is cleared away by its version alone, and another round's goes", [
        (READY, "docent_op clear = docent_op_multi(ops, 2);", "docent_op clear = ops[1];"),
        (READY, "if (!same || e->base == NULL) {", "if (e->base == NULL) {"),
    ], ["--scenario members --seeds 300", "--scenario storm-members --seeds 6000"]),
    Bug("members-time-out-at-once", "who is late goes without asking whether it was counted", [
        (FATE, "bool asks = why == DOCENT_ERR_TIMEOUT && e->own.known", "bool asks = why == DOCENT_ERR_CANCELLED && e->own.known"),
    ], ["--exhaustive members --pairs 1000", "--scenario storm-members --seeds 6000"]),
    Bug("members-unmarked", "who withdraws asks whether it was counted, and can be counted afterwards", [
        (ENTER, "docent_op mark = docent_op_multi(sets, 2);", "docent_op mark = docent_op_check(e->own.path, 0);\n    mark = docent_op_multi(&mark, 1);\n    (void)sets;"),
        (ENTER, "e->ready.czxid < e->own_stat.mzxid;", "true;"),
    ], ["--scenario members --seeds 3000", "--scenario storm-members --seeds 12000"]),
    Bug("members-behind", "who comes back believes a server that has not heard yet of the round", [
        (LEAVE, "if (e->behind) docent_ask(entry_machine(e), &sync, TAG_SYNC);", "e->behind = false;\n    (void)sync;"),
    ], ["--exhaustive members --pairs 100"]),
    Bug("members-next-round", "who leaves waits for whoever is there, also for the next round's members", [
        (LEAVE, "return e->past || !e->ready.there || (e->round != 0 && e->ready.czxid != e->round);", "return false;"),
        (PART, "    if (!e->barrier->watch.old) e->past = true;\n", ""),
    ], ["--scenario members --seeds 300", "--scenario storm-members --seeds 6000"]),
    Bug("members-any-end", "the end of any round, also of one before ours, is taken for the end of ours", [
        (PART, "    if ((!leaving && !in) || e->barrier", "    if (e->barrier"),
    ], ["--scenario members --seeds 300", "--scenario storm-members --seeds 6000"]),
    Bug("members-part-at-once", "whose node is gone does not wait until all are out", [
        (PART, "if (e->past) docent_entrant_has_left(e);", "docent_entrant_has_left(e);"),
    ], ["--scenario members --seeds 300"]),
    Bug("members-part-last", "who leaves takes ready away, whoever is in", [
        (PART, "ev->result->stat.num_children == 1 && ", ""),
    ], ["--scenario members --seeds 300"]),
    Bug("members-part-careless", "the last who leaves takes ready away by its version alone, and another round's goes", [
        (READY, "docent_op clear = docent_op_multi(ops, 2);", "docent_op clear = ops[1];"),
    ], ["--scenario members-three --seeds 6000", "--scenario storm-members --seeds 12000"]),
    Bug("members-joined-seen", "who has joined takes the ready that it looked at before for that of its round", [
        (ENTER, "    e->ready = (struct entry_ready){ .there = true };\n    if (ready != NULL) {", "    if (ready != NULL && ready->czxid == 0) {"),
    ], ["--scenario storm-members --seed 1000 --seeds 6000"]),
    Bug("members-shy", "of many who see that there are enough nobody acts", [
        (ENTER, "        e->shy = false;\n        docent_machine_timer(entry_machine(e), ENTRY_SHY_MS);", ""),
        (ENTER, "e->shy && ev->result->stat.pzxid != e->own.czxid", "e->shy"),
    ], ["--scenario members --seeds 300"]),
    # Synchronising queues.
    Bug("gather-unchecked", "a round begins although a member that was listed has gone", [
        (SYNC_QUEUE_START, "        ops[count++] = docent_op_check(path, DOCENT_ANY_VERSION);\n", "        count += 0;\n"),
    ], ["--scenario gather-impatient --seeds 2000"]),
    Bug("gather-any-round", "members of other rounds are counted", [
        (SYNC_QUEUE_START, "        members += strncmp(ev->result->names[i], prefix, prefix_size) == 0;", "        members++;"),
    ], ["--scenario gather-impatient --seeds 500"]),
    Bug("gather-late-join", "a member joins a round that does not gather any more", [
        (SYNC_QUEUE, "{ docent_op_check(all->path, g->version), docent_op_create(g->own,", "{ docent_op_check(all->path, DOCENT_ANY_VERSION), docent_op_create(g->own,"),
    ], ["--scenario gather-impatient --seeds 500"]),
    Bug("gather-begin-again", "a round is begun by several", [
        (SYNC_QUEUE_START, "number, (size_t)number_size, g->version);", "number, (size_t)number_size, DOCENT_ANY_VERSION);"),
    ], ["--scenario gather-impatient --seeds 500", "--scenario storm-gather --seeds 2000"]),
    Bug("gather-join-again", "a lost reply to joining is taken for no", [
        (SYNC_QUEUE_JOIN, "            docent_gather_enter(g, GATHER_FINDING); /* EV_RESUMED looks. */", "            gather_has_none(g);"),
    ], ["--exhaustive gather"]),
    Bug("gather-find-unsynced", "whether a member has joined is read on a server that may lag", [
        (SYNC_QUEUE, "        docent_gather_ask_op(g, docent_op_sync(all->path), TAG_SYNC);\n        break;", "        docent_gather_ask_op(g, docent_op_exists(g->own), TAG_OWN);\n        break;"),
    ], ["--scenario storm-gather --seeds 3000"]),
    Bug("gather-withdraw-blind", "who withdraws does not look whether the round has begun", [
        (SYNC_QUEUE, "{ docent_op_check(g->queue->all.path, g->version), docent_op_delete(", "{ docent_op_check(g->queue->all.path, DOCENT_ANY_VERSION), docent_op_delete("),
    ], ["--scenario gather-impatient --seeds 2000"]),
    Bug("gather-withdrew-twice", "who has asked twice to withdraw takes a round that has begun for its own", [
        (SYNC_QUEUE_START, "ev->status == DOCENT_ERR_BAD_VERSION && g->withdrew)", "ev->status == DOCENT_ERR_BAD_VERSION && g->known == KNOWN_NONE)"),
    ], ["--exhaustive gather-impatient --seed 10", "--exhaustive gather-impatient --seed 5"]),
    Bug("gather-leaves-node", "who has started leaves its node", [
        (SYNC_QUEUE, "    if (g->known == KNOWN_NONE) {\n        docent_gather_over(g, outcome);", "    if (g->known == KNOWN_NONE || outcome == DOCENT_OK) {\n        docent_gather_over(g, outcome);"),
    ], ["--scenario gather --seeds 20"]),
    Bug("gather-deaf", "members do not watch for the beginning", [
        (SYNC_QUEUE, "docent_ask_watch(gather_machine(g), &base, TAG_BASE); break;", "docent_ask(gather_machine(g), &base, TAG_BASE); break;"),
    ], ["--scenario gather --seeds 20"]),
    # Countdowns.
    Bug("count-lost-is-done", "a count whose reply was lost is taken for counted", [
        (COUNTDOWN, "default: count_write_failed(c, ev, COUNT_FINDING, COUNT_LOOKING); break;", "default: count_over(c, DOCENT_OK); break;"),
    ], ["--scenario storm-countdown --seeds 3000"]),
    Bug("count-find-unsynced", "whether a call has counted is read on a server that may lag", [
        (COUNTDOWN, "        count_ask_op(c, docent_op_sync(all->path), TAG_SYNC);\n        count_ask_op(c, docent_op_exists(c->mark), TAG_MARK);",
         "        c->synced = true;\n        count_ask_op(c, docent_op_exists(c->mark), TAG_MARK);"),
    ], ["--exhaustive countdown --seed 2"]),
    Bug("count-any-version", "a count does not look whether somebody else was faster", [
        (COUNTDOWN, "text, strlen(text), version),", "text, strlen(text), version - version - 1),"),
    ], ["--scenario countdown --seeds 200"]),
    Bug("count-not-open", "who counts to zero does not say so", [
        (COUNTDOWN, "c->left == 1 ? 4 : 3", "3"),
    ], ["--scenario countdown --seeds 20"]),
    Bug("count-late-is-no", "at the deadline a count that is under way is said not to be counted", [
        (COUNTDOWN, "count_over(c, c->doubt && why == DOCENT_ERR_TIMEOUT ? DOCENT_ERR_UNKNOWN_OUTCOME : why);", "count_over(c, why);"),
    ], ["--scenario countdown --seeds 500"]),
    Bug("count-of-another", "a count goes to whatever countdown has the version that was read, also if that one was deleted meanwhile", [
        (COUNTDOWN, "docent_op_check(count_origin(c, c->creation), DOCENT_ANY_VERSION),", "docent_op_check(all->path, DOCENT_ANY_VERSION),"),
    ], ["--scenario countdown --seeds 200"]),
    Bug("count-mark-deleted", "a count of which nothing is left, because the countdown was deleted, is sent again", [
        (COUNTDOWN, "if (c->doubt && (!whole || strcmp(c->creation, c->counted) != 0)) {", "if (false) {"),
        (COUNTDOWN, "count_over(c, c->doubt ? DOCENT_ERR_UNKNOWN_OUTCOME : DOCENT_ERR_NO_NODE);", "count_over(c, DOCENT_ERR_NO_NODE);"),
    ], ["--scenario storm-countdown --seeds 3000"]),
    Bug("count-half-deleted", "a count whose node is missing was not applied, though others are missing, too", [
        (COUNTDOWN, "return result->stat.num_children >= own;", "return result->stat.num_children >= 0 * own;"),
    ], ["--scenario storm-countdown --seeds 10000"]),
    Bug("count-made-by-another", "who finds a countdown has made it", [
        (COUNTDOWN, "strcmp(c->creation, c->uuid) == 0 ? DOCENT_OK", "c->creation[0] != 0 ? DOCENT_OK"),
    ], ["--scenario countdown --seeds 100"]),
    Bug("count-wait-unsynced", "who waits looks on a server that may lag for whether there is a countdown", [
        (COUNTDOWN, "        if (!c->synced) count_ask_op(c, docent_op_sync(all->path), TAG_SYNC);\n", "        c->synced = true;\n"),
    ], ["--scenario countdown --seeds 2000"]),
    Bug("count-deaf", "who waits does not watch", [
        (COUNTDOWN, "    if (!c->one_look) docent_ask_watch(count_machine(c), &open, TAG_OPEN);", "    (void)open;"),
    ], ["--scenario countdown --seeds 50"]),
    Bug("members-two-nodes", "a member enters again while its node of before is there still", [
        (ENTRY, "        if (other != &e->errand && !other->over) return;\n", ""),
    ], ["--scenario storm-members --seeds 6000"]),
]

# What is tried when a bug's own runs do not notice it.
EVERYTHING = [
    "--exhaustive all --pairs 200",
    "--scenario all --seeds 300",
    "--scenario storm --seed 1000 --seeds 30000",
    "--scenario storm-calls --seed 1000 --seeds 30000",
    "--scenario storm-txn --seed 1000 --seeds 10000",
    "--scenario storm-txn-guard --seed 1000 --seeds 10000",
    "--scenario storm-cache --seed 1000 --seeds 5000",
]
HANDS_MAX = 4         # Bugs at a time, each in a tree of its own; not more than there are processors.
RUN_SECONDS_MAX = 300 # Of one run of the simulator. A bug may be that it never ends.


def die(text):
    print("sabotage: " + text, file=sys.stderr, flush=True)
    sys.exit(2)


def run_sim(sim, arguments):
    """What was violated, or None."""
    environment = {name: value for name, value in os.environ.items() if name != "DOCENT_SIM_SAMPLE"}
    try:
        done = subprocess.run([sim] + shlex.split(arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=RUN_SECONDS_MAX, env=environment)
    except subprocess.TimeoutExpired:
        return "%s does not end" % arguments
    if done.returncode == 0:
        return None
    if done.returncode == 2:
        die("the simulator does not know what \"%s\" means:\n%s" % (arguments, done.stdout))
    lines = [line for line in done.stdout.splitlines() if "FAIL " in line or "Assertion" in line or "died" in line]
    return lines[0].replace("sim: ", "").replace("FAIL ", "") if lines else "exit status %d" % done.returncode


class Healthy:
    """The simulator of the tree as it is: whatever is to notice a bug has to pass here first."""

    def __init__(self, sim):
        self.sim, self.passed, self.locks, self.lock = sim, set(), {}, threading.Lock()

    def check(self, arguments):
        with self.lock:
            own = self.locks.setdefault(arguments, threading.Lock())
        with own: # Two who need the same one run it once.
            if arguments in self.passed:
                return
            failure = run_sim(self.sim, arguments)
            if failure is not None:
                die("the healthy tree fails \"%s\": %s" % (arguments, failure))
            self.passed.add(arguments)


# ---- The copy of the tree. ----


def sources(root):
    """All files, as paths from @root, without what is built."""
    for folder, folders, names in os.walk(root):
        if "build.ninja" in names or "meson-private" in folders:
            folders[:] = []
            continue
        folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
        for name in names:
            if name != ".git" and os.path.isfile(os.path.join(folder, name)):
                yield os.path.relpath(os.path.join(folder, name), root)


def contents(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def copy_tree(tree):
    """Makes @tree the same as ours. What differs gets the time of now, so that it is built again."""
    wanted = set(sources(ROOT))
    for name in set(sources(tree)) - wanted:
        os.remove(os.path.join(tree, name))
    for name in wanted:
        source, target = os.path.join(ROOT, name), os.path.join(tree, name)
        if contents(source) != contents(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)
            shutil.copymode(source, target)


def broken(tree, bug):
    """The edited files and what is to be in them, and what was."""
    before, after = {}, {}
    for name, text, replacement in bug.edits:
        path = os.path.join(tree, name)
        if path not in after:
            with open(path, encoding="utf-8") as file:
                before[path] = after[path] = file.read()
        count = after[path].count(text)
        if count != 1:
            die("%s: %s has %d places like this, not one; bring the edit along with the code:\n%s" % (bug.name, name, count, text))
        after[path] = after[path].replace(text, replacement)
    return before, after


def write(files):
    for path, text in files.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def build(directory, what, jobs):
    done = subprocess.run(["ninja", "-C", directory, "-j%d" % jobs, "tests/sim/sim"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        die("%s does not compile:\n%s" % (what, done.stdout))
    return os.path.join(directory, "tests", "sim", "sim")


def catch(bug, sim, healthy):
    """What was violated, or None."""
    for arguments in bug.runs + EVERYTHING:
        if arguments in EVERYTHING and arguments == EVERYTHING[0]:
            print("%-22s is not noticed by %s; trying everything" % (bug.name, " or ".join(bug.runs)), flush=True)
        healthy.check(arguments)
        failure = run_sim(sim, arguments)
        if failure is not None:
            return failure
    return None


def make_place(place):
    """A copy of the tree, and where it is built."""
    tree, directory = os.path.join(place, "tree"), os.path.join(place, "build")
    os.makedirs(tree, exist_ok=True)
    copy_tree(tree)
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        done = subprocess.run(["meson", "setup", directory, tree, "-Ddefault_library=static", "-Dtests=enabled", "-Ddevserver=enabled"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            die("meson fails:\n%s" % done.stdout)
    return tree, directory


def sabotage(place, left, healthy, missed):
    """One bug of those that are @left after the other."""
    tree, directory = place
    for bug in left:
        begun = time.monotonic()
        before, after = broken(tree, bug)
        try:
            write(after)
            failure = catch(bug, build(directory, bug.name, 1), healthy)
        finally:
            write(before)
        if failure is None:
            missed.append(bug.name)
        print("%-22s %-6s %4.1f s  %s" % (bug.name, "MISSED" if failure is None else "caught", time.monotonic() - begun,
                                          failure or bug.text), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", metavar="DIR", help="work here, and keep it")
    parser.add_argument("--only", metavar="NAME", action="append", help="this bug only; may be repeated")
    parser.add_argument("--list", action="store_true", help="say what is broken, and stop")
    options = parser.parse_args()
    names = [bug.name for bug in BUGS]
    for name in options.only or []:
        if name not in names:
            parser.error("no bug is called %s; there are: %s" % (name, " ".join(names)))
    if options.list:
        for bug in BUGS:
            print("%-22s %s" % (bug.name, bug.text))
        return 0

    work = options.build or tempfile.mkdtemp(prefix="docent-sabotage-")
    wanted = [bug for bug in BUGS if not options.only or bug.name in options.only]
    hands = max(1, min(os.cpu_count() or 1, len(wanted), HANDS_MAX))
    missed = []
    try:
        places = [make_place(os.path.join(work, str(hand))) for hand in range(hands)]
        for bug in BUGS: # All of them first: a rotten edit should not be found after minutes.
            broken(places[0][0], bug)
        healthy = Healthy(shutil.copy(build(places[0][1], "the healthy tree", hands), os.path.join(work, "sim-healthy")))
        left = iter(wanted)
        with concurrent.futures.ThreadPoolExecutor(hands) as pool:
            for future in [pool.submit(sabotage, place, left, healthy, missed) for place in places]:
                future.result()
    finally:
        if options.build is None:
            shutil.rmtree(work)
    if missed:
        print("missed: %s" % " ".join(missed))
    print("%d caught, %d missed" % (len(wanted) - len(missed), len(missed)))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
