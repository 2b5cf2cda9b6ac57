"""Caches: how fast they load, what a node takes, how late they are, and what they ask after a cut; Docent's, Curator's and kazoo's, beside the
null client. And one-shot watches that are all fired at once. Cases (i) to (m); see README.md for how to read them.

    caches.py --programs FOLDER --devserver PROGRAM [--server dev|old|apache|all] [--rounds N] [--leaves N,N...] [--without-peers]
"""
import argparse
import os
import queue
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import bench
import peers

SIZES = (1000, 10000, 100000)
UPDATES = 10000
PATIENCE = 400
BACK_S = 15
QUIET_S = 3  # No packets for so long: a client that was cut off has asked all that it wants to know.


class Cached:
    """A program with a cache, which is told what to do by lines, and answers each."""

    def __init__(self, label, command):
        self.label = label
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.expect("ready")

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def line(self):
        try:
            line = self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            line = None
        if line is None:
            raise bench.BenchError("%s ended, or says nothing" % self.label)
        return line

    def expect(self, wanted):
        line = self.line()
        if line != wanted:
            raise bench.BenchError("%s said \"%s\", not \"%s\"" % (self.label, line, wanted))

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command):
        self.say(command)
        return self.answer()

    def answer(self):
        return {key: value if key == "password" else int(value) for key, value in (pair.split("=") for pair in self.line().split())}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Contenders:
    """Who has a cache here. Use as a context: there is a scratch directory for Java."""

    def __init__(self, programs, with_peers=True):
        self.programs = programs
        self.scratch = tempfile.mkdtemp(prefix="docent-bench-")
        self.java = peers.curator(self.scratch, "CuratorCaches") if with_peers else None
        self.kazoo = peers.kazoo("kazoo_caches.py") if with_peers else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def all(self):
        """(label, how to start it for so many leaves at an address)"""
        found = [("docent", lambda leaves, address: [self.programs.path("bench-cache"), str(leaves), address])]
        if self.java:
            found += [("Curator TreeCache", lambda leaves, address: self.java + [str(leaves), address, "tree"]),
                      ("Curator CuratorCache", lambda leaves, address: self.java + [str(leaves), address, "cache"])]
        if self.kazoo:
            found += [("kazoo TreeCache", lambda leaves, address: self.kazoo + [str(leaves), address])]
        return found


def nodes_of(leaves):
    """The leaves, their directories, the root."""
    return leaves + (leaves + 99) // 100 + 1


def null(programs, leaves, address, *words):
    return programs.run("bench-cache-null", leaves, address, *words)


def load(programs, contenders, server, rounds, standing, sizes=SIZES):
    """(i) and (j). The first load of a process shows its memory, the others, which are warm, its time."""
    print("%-28s %-22s %14s %8s %12s %10s %12s" % ("(i) load, leaves of the tree", "client", "nodes/s", "ratio", "CPU us/node", "missing", "B/node"))
    case = "load" if standing else "load-old"
    for leaves in sizes:
        nodes, rates = nodes_of(leaves), []
        null(programs, leaves, server.address, "prepare")
        null(programs, leaves, server.address, case)  # A server that has just started is slow at first.
        for _ in range(rounds):
            rates.append(null(programs, leaves, server.address, case))
        floor = nodes * 1e9 / bench.median(rates, "wall_ns")
        print("    %-24d %-22s %12.0f/s %8.2f %12.2f" % (leaves, "null, node by node", floor, 1, bench.median(rates, "cpu_ns") / nodes / 1000), flush=True)
        for label, command in contenders.all():
            with Cached(label, command(leaves, server.address)) as cached:
                results = [cached.ask("load") for _ in range(1 + (rounds if label == "docent" else 1))]
            first, warm = results[0], results[1:] if all(result.get("initialized", 1) for result in results) else results[:1]
            rate = nodes * 1e9 / bench.median(warm, "wall_ns")
            missing = max(nodes - result["nodes"] for result in results)
            size = "%d" % (first.get("resident", first.get("heap", 0)) / nodes)
            print("    %-24s %-22s %12.0f/s %8.2f %12.2f %10s %12s" % ("", label, rate, rate / floor, bench.median(warm, "cpu_ns") / nodes / 1000,
                                                                       missing if first.get("initialized", 1) else "not ready", size), flush=True)


def lags(programs, contenders, server, rounds, leaves=UPDATES, updates=UPDATES):
    """(k): how old a leaf's new data are when the cache tells them."""
    null(programs, leaves, server.address, "prepare")
    for rate, title in ((2000, "2,000/s"), (0, "at once")):
        print("%-28s %-22s %14s %8s %14s %8s %9s" % ("(k) %d updates, %s" % (updates, title), "client", "median us", "ratio", "99 % us", "ratio", "missed"))
        floor = None

        def write():
            null(programs, leaves, server.address, "write", updates, rate)

        for label, command in [("null, watch and read", None)] + contenders.all():
            results = []
            if command is None:
                for _ in range(rounds):
                    process = subprocess.Popen([programs.path("bench-cache-null"), str(leaves), server.address, "lag", str(updates)],
                                               stdout=subprocess.PIPE, text=True)
                    process.stdout.readline()
                    write()
                    results.append({key: int(value) for key, value in (pair.split("=") for pair in process.communicate()[0].split())})
            else:
                with Cached(label, command(leaves, server.address)) as cached:
                    cached.ask("load")
                    for _ in range(rounds + 1):
                        cached.say("lag %d" % updates)
                        cached.expect("listening")
                        write()
                        results.append(cached.answer())
                results = results[1:]  # The first is for warming up.
            middle, late = bench.median(results, "median_ns") / 1000, bench.median(results, "p99_ns") / 1000
            missed = max(updates - result["seen"] for result in results)
            floor = floor or (middle, late)
            print("    %-24s %-22s %14.0f %8.2f %14.0f %8.2f %9d" % ("", label, middle, middle / floor[0], late, late / floor[1], missed), flush=True)


def take_session(address, session, end):
    """Continues the session on a connection of our own, so that the server closes its owner's; and ends it, or leaves it. Both in one go: the
    owner comes back at once."""
    host, port = address.rsplit(":", 1)
    password = bytes.fromhex(session["password"])
    body = struct.pack(">iqiqi", 0, 0, 30000, session["id"], len(password)) + password + b"\0"
    close = struct.pack(">iii", 8, 1, -11) if end else b""
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(struct.pack(">i", len(body)) + body + close)
        while link.recv(4096) and end:
            pass


def quiet(address, before=None):
    """Waits until nobody asks anything, and returns how many packets there were by then. With @before: of who has just lost its connection, and
    takes a while to come back."""
    last, since = words_received(address), time.monotonic()
    patience = QUIET_S if before is None else BACK_S
    while time.monotonic() - since < patience:
        time.sleep(0.1)
        now = words_received(address)
        if now > last + 1:  # A ping is nothing.
            since, patience = time.monotonic(), QUIET_S
        last = now
    return last


asked = {}


def words_received(address):
    """Some servers count the question."""
    if address not in asked:
        first = bench.received(address)
        asked[address] = [bench.received(address) - first, 2]
    asked[address][1] += 1
    return bench.received(address) - asked[address][0] * asked[address][1]


def reconnect(contenders, server, leaves):
    """(l): what is asked when nothing has changed."""
    directories = (leaves + 99) // 100
    nodes = nodes_of(leaves)
    print("%-28s %-22s %14s %14s %12s %10s" % ("(l) back, nothing changed", "client", "packets", "/ directory", "time ms", "missing"))
    for label, command in contenders.all():
        with Cached(label, command(leaves, server.address)) as cached:
            cached.ask("load")
            for end, title in ((False, "same session"), (True, "new session")):
                session = cached.ask("session")
                before = quiet(server.address)
                take_session(server.address, session, end)
                text = ""
                if label == "docent":
                    text = "%.0f" % (cached.ask("fresh")["wall_ns"] / 1e6)
                packets = quiet(server.address, before) - before
                count = cached.ask("fresh" if label == "docent" else "count")["nodes"]
                if (cached.ask("session")["id"] != session["id"]) != end:
                    raise bench.BenchError("%s: not the %s" % (label, title))
                print("    %-24s %-22s %14d %14.2f %12s %10d" % (title, label, packets, packets / directories, text, nodes - count), flush=True)


def fired(programs, address, rounds, watches=UPDATES, turns=5):
    """(m): one-shot watches on as many nodes that somebody sets at once, each read again as it is told."""
    null(programs, watches, address, "prepare")
    print("%-28s %-22s %14s %8s %14s %12s" % ("(m) %d watches fired" % watches, "client", "watches/s", "ratio", "CPU us/watch", "of C client's"))
    names = [("null", "bench-fire-null"), ("docent", "bench-fire"), ("C client, fair", "bench-fire-apache")]
    results = {label: [] for label, name in names if programs.has(name)}
    for _ in range(rounds):
        for label, name in names:
            if label in results:
                results[label].append(programs.run(name, watches, address, turns))
    cpu = {label: bench.median(some, "cpu_ns") / turns / watches / 1000 for label, some in results.items()}
    rates = {label: watches * 1e9 / bench.median(some, "median_ns") for label, some in results.items()}
    for label in results:
        share = "%.2f" % (cpu[label] / cpu["C client, fair"]) if "C client, fair" in cpu else ""
        print("    %-24s %-22s %12.0f/s %8.2f %14.2f %12s" % ("", label, rates[label], rates[label] / rates["null"], cpu[label], share), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Caches and one-shot watches; see README.md")
    parser.add_argument("--programs", required=True, help="folder of the built bench programs")
    parser.add_argument("--devserver", required=True, help="the docent-devserver program")
    parser.add_argument("--server", choices=["dev", "old", "apache", "all"], default="all", help="old: the development server as 3.5")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--leaves", default="1000,10000,100000", help="of the trees that are loaded")
    parser.add_argument("--without-peers", action="store_true", help="neither Curator nor kazoo")
    options = parser.parse_args()
    programs = bench.Programs(options.programs)
    sizes = [int(size) for size in options.leaves.split(",")]
    with Contenders(programs, not options.without_peers) as contenders:
        if options.server in ("apache", "all") and bench.have_apache():
            print("== Apache ZooKeeper, from the distribution ==")
            with bench.apache_server("/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as server:
                every_case(programs, contenders, server, options.rounds, sizes)
        if options.server in ("dev", "all"):
            print("== Development server ==")
            with bench.dev_server(options.devserver) as server:
                every_case(programs, contenders, server, options.rounds, sizes)
        if options.server in ("old", "all"):
            print("== Development server, speaking 3.5: no standing watches, no multiRead ==")
            with bench.dev_server(options.devserver, "--speak", "3.5") as server:
                load(programs, contenders, server, options.rounds, False, sizes)


def every_case(programs, contenders, server, rounds, sizes):
    load(programs, contenders, server, rounds, True, sizes)
    reconnect(contenders, server, sizes[-1])
    lags(programs, contenders, server, rounds)
    fired(programs, server.address, rounds)


if __name__ == "__main__":
    try:
        main()
    except bench.BenchError as error:
        sys.exit("bench: %s" % error)
