"""Semaphores: leases taken and given back, nobody else there; Docent's beside Curator's and kazoo's. See README.md.

    semaphores.py --programs FOLDER --devserver PROGRAM [--server dev|apache|both] [--rounds N] [--operations N] [--without-peers]
"""
import os
import sys
import tempfile

import bench
import peers

TIMES = 2.0  # The best peer's rate.


def table(clients, leases, address, options):
    if leases > 1:
        clients = [(label, command) for label, command in clients if label != "kazoo"]  # Which gives out one at a time.
    results = peers.in_turns(options.rounds, clients, lambda command: peers.run(command, address, options.operations, leases))
    rates = {label: peers.median(some, "rate") for label, some in results.items()}
    best = max((rate for label, rate in rates.items() if label != "docent"), default=None)
    print("%-34s %-10s %12s %12s" % ("%d lease%s, acquire and return" % (leases, "" if leases == 1 else "s"), "client", "rate", "/ best peer"))
    for label, rate in rates.items():
        print("    %-30s %-10s %10.0f/s %12s" % ("", label, rate, peers.times(rate, best)), flush=True)
    peers.missed(rates["docent"], ("the best peer", best, TIMES))


def main():
    parser = peers.parser(__doc__, 5)
    parser.add_argument("--operations", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        clients = [("docent", [os.path.join(options.programs, "bench-semaphore")])]
        clients += peers.found(options, scratch, {"Curator": "CuratorSemaphore"}, {"kazoo": "kazoo_semaphore.py"})
        for name, server in peers.servers(options.server, options.devserver):
            print("== %s ==" % name)
            for leases in (1, 5):
                table(clients, leases, server.address, options)


if __name__ == "__main__":
    try:
        main()
    except bench.BenchError as error:
        sys.exit("bench: %s" % error)
