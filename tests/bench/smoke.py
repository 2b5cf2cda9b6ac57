"""The part of the benchmarks that can fail: counts of instructions and requests, which no busy machine changes. Times are only
printed. Speaks TAP.

    smoke.py PROGRAMS DEVSERVER
"""
import math
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # Nothing is left in the sources.

import bench
import caches

# How many answers a turn carries is chance, and so is what a busy machine makes time out: both add instructions. The least of so
# many measurements is the code's own.
MEASUREMENTS = 3
INSTRUCTIONS_MAX = 700  # Per pipelined operation.
STATS_SHARE_MAX = 0.02  # Of the instructions of the same operation without statistics.
WATCHES = 2000                # Of 200 bytes each.
WATCH_INSTRUCTIONS_MAX = 700  # To restore one: most of them copy its path, which counts byte by byte here.
WATCH_PACKETS = 5             # The handshake, and 128 KiB each.
REQUESTS_PER_LOCK = 3   # Create, list, delete.
CONTENDERS = 32
REQUESTS_PER_HAND_OVER = {"one": 4, "each": 5}  # These and a watch; and a second list, where who is ahead is another client's.
HAND_OVER_SLACK = 0.2   # The first of a run, and looks at an own node that a busy machine lets live long enough.
LOCKS = 2000            # Held at a time.
BYTES_PER_LOCK = 1085   # Of the heap, with the path of 26 bytes and the lookout for its own node; 10,000 take less each.
LOAD_INSTRUCTIONS_MAX = 3300  # Per node of a tree cache.
LEAVES = 20000                # Of the tree, in directories of a hundred.
BYTES_PER_NODE = 320          # Resident, of which 140 are path and data.
MEMBERS = 50            # Of a double barrier,
REQUESTS_PER_MEMBER = 4.7     # and what each of them asks in a round: two and two, and more in the first.
REQUESTS_SLACK = 0.02   # Heartbeats, connecting, closing, our own questions; over the operations of a run.


class Tap:
    def __init__(self, count):
        self.number, self.failed = 0, 0
        print("1..%d" % count, flush=True)

    def check(self, good, text):
        self.number += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.number, text), flush=True)

    def skip(self, text, why):
        self.number += 1
        print("ok %d - %s # SKIP %s" % (self.number, text, why), flush=True)


def check_instructions(tap, programs, address):
    for case in ("get", "set"):
        text = "a pipelined %s costs at most %d instructions" % (case, INSTRUCTIONS_MAX)
        stats_text = "statistics with histograms cost a pipelined %s at most %.0f %%" % (case, STATS_SHARE_MAX * 100)
        if not programs.callgrind_works():
            tap.skip(text, "no valgrind")
            tap.skip(stats_text, "no valgrind")
            continue
        plain, counted = [], []
        for _ in range(MEASUREMENTS):
            plain.append(programs.instructions("bench-docent", case, address, 2000, 8000))
            counted.append(programs.instructions("bench-docent", case + "-stats", address, 2000, 8000))
            more = min(counted) - min(plain)
            if more <= STATS_SHARE_MAX * min(plain) and min(plain) <= INSTRUCTIONS_MAX:
                break
        tap.check(0 < min(plain) <= INSTRUCTIONS_MAX, "%s: %.0f" % (text, min(plain)))
        tap.check(more <= STATS_SHARE_MAX * min(plain),
                  "%s: %.1f instructions, %.2f %%" % (stats_text, more, more / min(plain) * 100))


def check_requests(tap, programs, address):
    operations = 2000
    for case in ("lock", "lock-blocking"):
        count = bench.count_requests(programs, case, address, operations)
        tap.check(REQUESTS_PER_LOCK <= count <= REQUESTS_PER_LOCK + REQUESTS_SLACK,
                  "acquire and release take %d requests (%s): %.3f" % (REQUESTS_PER_LOCK, case, count))


def check_hand_overs(tap, programs, address):
    for sessions, wanted in REQUESTS_PER_HAND_OVER.items():
        result = programs.run("bench-contend", address, CONTENDERS, sessions, 300)
        count = result["requests"] / result["ops"]
        tap.check(result["misordered"] == 0 and count <= wanted + HAND_OVER_SLACK,
                  "a hand-over among %d on %s session takes %d requests, in order of arrival: %.3f" % (CONTENDERS, sessions, wanted, count))


def check_locks(tap, programs, address):
    cost = programs.run("bench-locks", address, LOCKS)["heap_per_lock"]
    tap.check(0 < cost <= BYTES_PER_LOCK, "a lock that is held takes at most %d bytes: %d" % (BYTES_PER_LOCK, cost))


def check_watches(tap, programs, address):
    text = "to restore a watch takes at most %d instructions" % WATCH_INSTRUCTIONS_MAX
    if programs.callgrind_works():
        cost = math.inf
        for _ in range(MEASUREMENTS):
            cost = min(cost, programs.instructions("bench-watches", WATCHES, address, 1, 11) / WATCHES)
            if cost <= WATCH_INSTRUCTIONS_MAX:
                break
        tap.check(0 < cost <= WATCH_INSTRUCTIONS_MAX, "%s: %.0f" % (text, cost))
    else:
        tap.skip(text, "no valgrind")
    floor, ours = (programs.run(name, WATCHES, address, 3) for name in ("bench-watches-null", "bench-watches"))
    tap.check(floor["packets"] == ours["packets"] == WATCH_PACKETS,
              "%d watches come back in %d packets: %d" % (WATCHES, WATCH_PACKETS, ours["packets"]))
    print("# %d watches back after a cut: median %.1f ms, the null client %.1f ms"
          % (WATCHES, ours["median_ns"] / 1e6, floor["median_ns"] / 1e6), flush=True)


def check_caches(tap, programs, address):
    """In one process: what the first load takes, and what is asked after a cut."""
    text = "a node of a load takes at most %d instructions" % LOAD_INSTRUCTIONS_MAX
    sizes = (1000, 5000)
    for leaves in (*sizes, LEAVES):
        caches.null(programs, leaves, address, "prepare")
    if programs.callgrind_works():
        totals = [programs.count_instructions("bench-cache", leaves, address, say="load\n") for leaves in sizes]
        cost = (totals[1] - totals[0]) / (caches.nodes_of(sizes[1]) - caches.nodes_of(sizes[0]))
        tap.check(0 < cost <= LOAD_INSTRUCTIONS_MAX, "%s: %.0f" % (text, cost))
    else:
        tap.skip(text, "no valgrind")
    nodes, directories = caches.nodes_of(LEAVES), LEAVES // 100
    floor = caches.null(programs, LEAVES, address, "load")
    before = bench.received(address)
    with caches.Cached("docent", [programs.path("bench-cache"), str(LEAVES), address]) as cached:
        ours = cached.ask("load")
        asked = bench.received(address) - before
        tap.check(ours["nodes"] == nodes and asked <= 2 * directories + nodes / 64,
                  "a load of %d nodes in %d directories is whole, and takes few requests: %d" % (nodes, directories, asked))
        size = ours["heap"] / nodes
        tap.check(0 < size <= BYTES_PER_NODE, "a cached node takes at most %d bytes: %.0f" % (BYTES_PER_NODE, size))
        print("# load of %d nodes: %.1f ms, the null client node by node %.1f ms; resident %d bytes per node"
              % (nodes, ours["wall_ns"] / 1e6, floor["wall_ns"] / 1e6, ours["resident"] / nodes), flush=True)
        for end, title in ((False, "same"), (True, "another")):
            session = cached.ask("session")
            before = bench.received(address)
            caches.take_session(address, session, end)
            count = cached.ask("fresh")["nodes"]
            asked = bench.received(address) - before
            tap.check(count == nodes and asked <= 2 * directories, "back in %s session with nothing changed, it asks little: %d" % (title, asked))


def check_barrier(tap, programs, address):
    before = bench.received(address)
    result = programs.run("bench-barrier", address, MEMBERS, "one", 200)
    count = (bench.received(address) - before) / result["all"] / MEMBERS
    tap.check(result["mixed"] == 0 and count <= REQUESTS_PER_MEMBER,
              "rounds of a double barrier do not mix (%d of %d), and take a member at most %.1f requests: %.2f"
              % (result["mixed"], result["all"], REQUESTS_PER_MEMBER, count))


def check_tables(tap, folder, devserver):
    """What compares with peers runs, and fills its table; the peers themselves take too long here."""
    here = os.path.dirname(os.path.abspath(__file__))
    for script, rows, arguments in (("barriers.py", 2, ("--milliseconds", 50, "--members", 10)), ("queues.py", 7, ("--items", 100)),
                                    ("semaphores.py", 2, ("--operations", 100))):
        command = [sys.executable, "-B", os.path.join(here, script), "--programs", folder, "--devserver", devserver, "--server", "dev", "--rounds", 1,
                   "--without-peers", *arguments]
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        rates = [float(rate) for rate in re.findall(r"([\d.]+)/s", done.stdout)]
        good = done.returncode == 0 and len(rates) == rows and min(rates) > 0
        tap.check(good, "%s fills its table" % script)
        if not good:
            print("".join("# %s\n" % line for line in done.stdout.splitlines()), end="", flush=True)


def print_times(programs, address):
    for case, operations in (("get", 20000), ("set", 20000), ("lock", 2000)):
        results = [programs.run(name, case, address, operations) for name in ("bench-null", "bench-docent")]
        floor, ours = (operations * 1e9 / result["wall_ns"] for result in results)
        floor_cpu, ours_cpu = (result["cpu_ns"] / operations / 1000 for result in results)
        print("# %s: %.0f/s, the null client %.0f/s; CPU %.2f us, the null client %.2f us"
              % (case, ours, floor, ours_cpu, floor_cpu), flush=True)
    for case, floor_case in (("latency", "latency"), ("blocking", "latency")):
        ours = programs.run("bench-docent", case, address, 5000)["median_ns"]
        floor = programs.run("bench-null", floor_case, address, 5000)["median_ns"]
        print("# %s: median %.1f us, the null client %.1f us" % (case, ours / 1000, floor / 1000), flush=True)
    result = programs.run("bench-cut", address, 10)
    print("# back after a cut: median %.0f us" % (result["median_ns"] / 1000), flush=True)


def main():
    programs, devserver = bench.Programs(sys.argv[1]), sys.argv[2]
    tap = Tap(20)
    with bench.dev_server(devserver) as server:
        programs.run("bench-null", "prepare", server.address, 1)
        check_requests(tap, programs, server.address)
        check_hand_overs(tap, programs, server.address)
        check_locks(tap, programs, server.address)
        check_instructions(tap, programs, server.address)
        check_watches(tap, programs, server.address)
        check_caches(tap, programs, server.address)
        check_barrier(tap, programs, server.address)
        print_times(programs, server.address)
    check_tables(tap, sys.argv[1], devserver)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except bench.BenchError as error:
        print("Bail out! %s" % error)
        sys.exit(1)
