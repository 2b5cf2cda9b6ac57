"""Semaphores: leases taken and given back, nobody else there; Docent's beside Curator's and kazoo's. See README.md.

    semaphores.py --programs FOLDER --devserver PROGRAM [--server dev|apache|both] [--rounds N] [--operations N] [--without-peers]
"""
import argparse
import glob
import os
import re
import shutil
import statistics
import subprocess
import tempfile

import bench
import caches

HERE = os.path.dirname(os.path.abspath(__file__))


def contenders(programs, scratch, peers):
    """(label, how many leases, command of address and operations)."""
    own = os.path.join(programs, "bench-semaphore")
    found = [("Docent", leases, lambda address, operations, leases=leases: [own, address, str(operations), str(leases)]) for leases in (1, 5)]
    jars = [jar for name in caches.CURATOR_JARS + bench.JAR_NAMES for jar in sorted(glob.glob(bench.JARS + "/" + name + ".jar"))]
    if peers and shutil.which("javac") and os.path.exists(bench.JARS + "/curator-recipes.jar"):
        path = ":".join([scratch] + jars)
        subprocess.run(["javac", "-nowarn", "-cp", path, "-d", scratch, HERE + "/CuratorSemaphore.java"], check=True, stderr=subprocess.DEVNULL)
        java = ["java", "-Xmx1g", "-cp", path, "CuratorSemaphore"]
        found += [("Curator", leases, lambda address, operations, leases=leases: java + [address, str(operations), str(leases)])
                  for leases in (1, 5)]
    if peers and subprocess.run(caches.PYTHON + ["-c", "import kazoo"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        found.append(("kazoo", 1, lambda address, operations: caches.PYTHON + [HERE + "/kazoo_semaphore.py", address, str(operations)]))
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
        peers = [statistics.median(all_) for (label, of), all_ in rates.items() if of == leases and label != "Docent"]
        for (label, of), all_ in rates.items():
            if of == leases:
                times = "  %.2f of the best peer" % (statistics.median(all_) / max(peers)) if label == "Docent" and peers else ""
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
        if options.server != "apache":
            with bench.dev_server(options.devserver) as server:
                measure("development server", server, found, options.rounds, options.operations)
        if options.server != "dev" and bench.have_apache():
            with bench.apache_server() as server:
                measure("Apache ZooKeeper", server, found, options.rounds, options.operations)


main()
