"""The simple queue: Docent's, beside a null client's single write and kazoo's Queue. (Curator's SimpleDistributedQueue and ZooKeeper's own recipe
are a getData, a delete and a round trip each, like kazoo's.) Items a second; the medians of so many rounds, in turns.

    queues.py --programs FOLDER --devserver PROGRAM [--server dev|apache|both] [--rounds N] [--items N]
"""
import argparse
import os
import re
import statistics
import subprocess
import sys

import peers


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    return {key: float(value) for key, value in re.findall(r"(\w+)=(\d+)", done.stdout)}


def compare(options, address):
    items = str(options.items)
    commands = {
        "null": [os.path.join(options.programs, "bench-queue-null"), address, items],
        "single": [os.path.join(options.programs, "bench-queue"), address, items, "1", "1"],
        "many": [os.path.join(options.programs, "bench-queue"), address, items, "200", "200"],
        "kazoo": peers.kazoo("kazoo_queue.py") + [address, items],
    }
    rounds = [{name: run(*command) for name, command in commands.items()} for _ in range(options.rounds)]

    def median(name, what):
        return statistics.median(one[name][what] for one in rounds)

    print("put, one at a time      null %8.0f   docent %8.0f (%.2f of null)   kazoo %8.0f" % (
        median("null", "put"), median("single", "put"), median("single", "put") / median("null", "put"), median("kazoo", "put")))
    print("put, 200 under way                       docent %8.0f (%.1f times kazoo)" % (
        median("many", "put"), median("many", "put") / median("kazoo", "put")))
    print("take, one at a time                      docent %8.0f (%.1f times kazoo)   kazoo %8.0f" % (
        median("single", "take"), median("single", "take") / median("kazoo", "take"), median("kazoo", "take")))
    print("take, 200 waiting                        docent %8.0f (%.1f times kazoo)" % (
        median("many", "take"), median("many", "take") / median("kazoo", "take")), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True)
    parser.add_argument("--devserver", required=True)
    parser.add_argument("--server", choices=["dev", "apache", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--items", type=int, default=2000)
    options = parser.parse_args()
    for name, server in peers.servers(options.server, options.devserver):
        print("== %s ==" % name)
        compare(options, server.address)


if __name__ == "__main__":
    sys.exit(main())
