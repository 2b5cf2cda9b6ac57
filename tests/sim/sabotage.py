#!/usr/bin/env python3
"""Breaks the library on purpose, one way at a time, and demands that the simulator notices each.

    tests/sim/sabotage.py [--build DIR] [--list] [NAME...]

Works on a copy of the tree in a temporary directory (or in DIR, which is kept and makes the next time faster). Every edit names the
exact text that it replaces, and fails loudly when that text is not there, once, any more: then the sabotage has to be
brought along with the code. Exits 0 if the healthy tree passes and every broken one fails.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SESSION = "core/session/session.c"
REQUEST = "core/client/request.c"
CLIENT = "core/client/client.c"
MACHINE = "core/client/machine.c"
CODEC = "core/client/codec.c"
WATCHES = "core/client/watches.c"
CONTENDER = "recipes/contender.c"

# name: (what is broken, [(file, text, replacement)...])
SABOTAGES = {
    "lease-by-ping": (
        "while something is held the heartbeat is a ping, and any answer renews the lease",
        [
            (SESSION, "    if (s->holds > 0) return s->strict_ms + (uint64_t)s->timeout_ms * 3 / 4;\n",
             "    if (s->holds > 0) return s->contact_ms + (uint64_t)s->timeout_ms * 3 / 4;\n"),
            (SESSION, "    if (s->holds > 0) return s->strict_sent_ms + s->timeout_ms / 4;\n", ""),
            (SESSION, "static void session_beat(struct session *s, uint64_t now)\n{\n",
             "static void session_beat(struct session *s, uint64_t now)\n{\n    s->contact_ms = s->progress_ms;\n"),
        ]),
    "lease-for-ever": (
        "the lease of a holder has no deadline",
        [(SESSION, "    if (s->holds > 0) return s->strict_ms + (uint64_t)s->timeout_ms * 3 / 4;\n",
          "    if (s->holds > 0) return s->strict_ms + (uint64_t)s->timeout_ms * 300;\n")]),
    "lease-not-read": (
        "token and state are not compared with the clock when they are asked for: a process that was stopped believes",
        [(CLIENT, "    if (c->host.now_ms(c->host.user) >= lease) return false;\n", "    (void)lease;\n")]),
    "find-without-sync": (
        "after a lost create reply the queue is listed on a server that may lag",
        [(CONTENDER, "    case CONTENDER_FINDING: contender_ask_op(c, docent_op_sync(c->config.path), TAG_SYNC); break;\n",
          "    case CONTENDER_FINDING: contender_ask_op(c, docent_op_children(c->config.path), TAG_LIST); break;\n")]),
    "find-in-new-session": (
        "the search goes on in the next session, and whoever owns the node that is found",
        [
            (CONTENDER, "    case DOCENT_EV_EXPIRED: contender_end(c, DOCENT_ERR_SESSION_EXPIRED); break;\n",
             "    case DOCENT_EV_EXPIRED:\n        if (c->state != CONTENDER_FINDING) contender_end(c, DOCENT_ERR_SESSION_EXPIRED);\n        break;\n"),
            (CONTENDER, "    return result->stat.ephemeral_owner == docent_client_session(c->config.client, NULL);\n",
             "    (void)c;\n    return result->has_stat;\n"),
        ]),
    "no-finding": (
        "after a lost create reply the node is created again at once",
        [(CONTENDER, "        if (ev->sent) {\n            contender_go(c, CONTENDER_FINDING);\n", "        if (false) {\n")]),
    "guard-in-new-session": (
        "a guarded transaction is sent in whatever session there is",
        [(REQUEST, "    if (r->hold != NULL && !docent_client_lease_good(c, docent_hold_generation(r->hold))) return gave_up(r, "
          "DOCENT_ERR_NOT_HELD);\n", "")]),
    "guard-without-check": (
        "a guarded transaction does not check that the node is there",
        [(CODEC, "        docent_put_path(client, out, docent_hold_path(guard));\n", '        docent_put_path(client, out, "/");\n')]),
    "no-turn-check": (
        "replies to what an earlier state asked are heard",
        [
            (REQUEST, "    if (!current) return;\n", "    (void)current;\n"),
            (MACHINE, "void docent_machine_next_turn(struct docent_machine *m)\n{\n    machine_forget(m);\n",
             "void docent_machine_next_turn(struct docent_machine *m)\n{\n    struct docent_request *asks = m->asks;\n    m->asks = NULL;\n"
             "    machine_forget(m);\n    m->asks = asks;\n"),
        ]),
    "delete-once": (
        "a release whose delete is lost with the connection is not tried again",
        [(CONTENDER, "    } else if (contender_trouble(status) != TROUBLE_LOST) {\n        docent_client_log(c->config.client, "
          "DOCENT_LOG_WARNING, \"contender.delete\"",
          "    } else if (contender_trouble(status) == TROUBLE_LOST) {\n        c->known = CONTENDER_NODE_NONE;\n        contender_go(c, "
          "CONTENDER_GONE);\n    } else {\n        docent_client_log(c->config.client, DOCENT_LOG_WARNING, \"contender.delete\"")]),
    "leave-while-unsure": (
        "who gives up while a create is under way does not look what becomes of it",
        [(CONTENDER, "    case CONTENDER_NODE_UNKNOWN: contender_report(c); break; /*",
          "    case CONTENDER_NODE_UNKNOWN: contender_go(c, CONTENDER_GONE); break; /*")]),
    "watches-not-restored": (
        "watches are not restored on a new connection",
        [(WATCHES, "    return restore_put(c, c->session.last_zxid, NULL);\n", "    return c != NULL;\n")]),
    "first-without-listing": (
        "a waiter takes itself for the first when the node ahead goes, however many were ahead of that",
        [(CONTENDER, "rank.plain && rank.index == 1 ? CONTENDER_NEXT", "rank.plain ? CONTENDER_NEXT")]),
    "list-refused": (
        "a list that there was no memory to send is waited for",
        [(CONTENDER, "        if (good && c->list_refused) contender_go_later(c, CONTENDER_RANKING);\n", "        (void)good;\n")]),
    "lost-forgotten": (
        "that an attempt was lost is forgotten, so that our own success looks like a conflict",
        [(REQUEST, "    if (!docent_op_is_read(r->type)) r->lost = true;\n", "")]),
    "lost-and-blind": (
        "a write that was lost in a session that may live on is sent again in the next one",
        [(REQUEST, "    if (r->lost && r->generation != c->session.generation && !c->session.settled && !docent_op_is_read(r->type)) {\n",
          "    if (false) {\n")]),
}

# Cheap ones first: each sabotage stops at the first failure.
BUDGET = [
    ["--exhaustive", "all", "--pairs", "200"],
    ["--scenario", "all", "--seeds", "300"],
    ["--scenario", "storm-calls", "--seed", "1000", "--seeds", "10000", "--minutes", "0.3"],
    ["--scenario", "storm", "--seed", "1000", "--seeds", "20000", "--minutes", "0.5"],
]


def run_budget(sim):
    """The first failure's text, or None."""
    for arguments in BUDGET:
        done = subprocess.run([sim] + arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode != 0:
            lines = [line for line in done.stdout.splitlines() if "FAIL" in line or "Assertion" in line or "died" in line]
            return lines[0] if lines else "exit status %d" % done.returncode
    return None


def build(directory):
    subprocess.run(["ninja", "-C", directory, "-j2", "tests/sim/sim"], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                   text=True)
    return os.path.join(directory, "tests", "sim", "sim")


def copy_tree(to):
    skipped = shutil.ignore_patterns(".git", "build", "build-*", "__pycache__")
    for name in os.listdir(ROOT):
        if name in (".git", "build") or name.startswith("build-"):
            continue
        source, target = os.path.join(ROOT, name), os.path.join(to, name)
        if os.path.isdir(source):
            shutil.copytree(source, target, ignore=skipped, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)


def apply(tree, edits):
    """The files' former contents. Exits if an anchor is gone."""
    before = {}
    for path, text, replacement in edits:
        full = os.path.join(tree, path)
        with open(full, encoding="utf-8") as file:
            content = file.read()
        before.setdefault(full, content)
        if content.count(text) != 1:
            restore(before)
            sys.exit("sabotage: %s has %d places like this, not one; bring the sabotage along:\n%s" % (path, content.count(text), text))
        with open(full, "w", encoding="utf-8") as file:
            file.write(content.replace(text, replacement))
    return before


def restore(before):
    for full, content in before.items():
        with open(full, "w", encoding="utf-8") as file:
            file.write(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", help="work here, and keep it")
    parser.add_argument("--list", action="store_true", help="say what is broken, and stop")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    for name in options.names:
        if name not in SABOTAGES:
            parser.error("no sabotage is called %s" % name)
    if options.list:
        for name, (text, _) in SABOTAGES.items():
            print("%-22s %s" % (name, text))
        return 0

    work = options.build or tempfile.mkdtemp(prefix="docent-sabotage-")
    survivors = []
    try:
        tree, directory = os.path.join(work, "tree"), os.path.join(work, "build")
        os.makedirs(tree, exist_ok=True)
        copy_tree(tree)
        for name in options.names or SABOTAGES: # All anchors first: a rotten one should not be found after minutes.
            restore(apply(tree, SABOTAGES[name][1]))
        if not os.path.exists(os.path.join(directory, "build.ninja")):
            subprocess.run(["meson", "setup", directory, tree], check=True, stdout=subprocess.DEVNULL)
        failure = run_budget(build(directory))
        if failure is not None:
            print("sabotage: the healthy tree fails: %s" % failure)
            return 1
        for name in options.names or SABOTAGES:
            before = apply(tree, SABOTAGES[name][1])
            try:
                failure = run_budget(build(directory))
            except subprocess.CalledProcessError as error:
                print(error.stdout)
                sys.exit("sabotage: %s does not compile" % name)
            finally:
                restore(before)
            print("%-22s %s" % (name, "NOT NOTICED" if failure is None else "noticed: " + failure), flush=True)
            if failure is None:
                survivors.append(name)
    finally:
        if options.build is None:
            shutil.rmtree(work)
    print("sabotage: %s" % ("all noticed" if not survivors else "NOT NOTICED: " + " ".join(survivors)))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
