"""Semaphores: leases taken and given back, nobody else there; Docent's beside Curator's and kazoo's. See README.md.

    semaphores.py --programs FOLDER --devserver PROGRAM [--server dev|apache|both] [--rounds N] [--operations N] [--without-peers]
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile

import peers


def contenders(programs, scratch, with_peers):
    """(label, how many leases, command of address and operations)."""
    own = os.path.join(programs, "bench-semaphore")
    found = [("Docent", leases, lambda address, operations, leases=leases: [own, address, str(operations), str(leases)]) for leases in (1, 5)]
    if not with_peers:
        return found
    java, python = peers.curator(scratch, "CuratorSemaphore"), peers.kazoo("kazoo_semaphore.py")
    if java:
        found += [("Curator", leases, lambda address, operations, leases=leases: java + [address, str(operations), str(leases)])
                  for leases in (1, 5)]
    if python:
        found.append(("kazoo", 1, lambda address, operations: python + [address, str(operations)]))
    return found


def rate(command):
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=600, check=True)
    ops, elapsed = re.search(r"ops=(\d+) ns=(\d+)", run.stdout).groups()
    return int(ops) * 1e9 / int(elapsed)


def measure(name, server, found, rounds, operations):
    rates = {(label, leases): [] for label, leases, _ in found}
    for _ in range(rounds):
        for label, leases, command in found:
            rates[label, leases].append(rate(command(server.address, operations)))
    print("\n%s: acquire and return, rounds per second, the median of %d" % (name, rounds))
    for leases in (1, 5):
        others = [statistics.median(all_) for (label, of), all_ in rates.items() if of == leases and label != "Docent"]
        for (label, of), all_ in rates.items():
            if of == leases:
                times = "  %.2f of the best peer" % (statistics.median(all_) / max(others)) if label == "Docent" and others else ""
                print("  %-8s %d lease%s  %9.0f%s" % (label, leases, " " if leases == 1 else "s", statistics.median(all_), times))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--programs", required=True)
    parser.add_argument("--devserver", required=True)
    parser.add_argument("--server", choices=["dev", "apache", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--operations", type=int, default=2000)
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = contenders(options.programs, scratch, not options.without_peers)
        for name, server in peers.servers(options.server, options.devserver):
            measure(name, server, found, options.rounds, options.operations)


main()
