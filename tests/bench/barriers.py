"""Rounds of a double barrier, so many members in one process: Docent's beside Curator's DistributedDoubleBarrier and kazoo's DoubleBarrier. See
README.md.

    barriers.py --programs FOLDER --devserver PROGRAM [--server dev|apache|both] [--rounds N] [--milliseconds N] [--members N] [--without-peers]
"""
import os
import sys
import tempfile

import bench
import peers

TIMES = 5.0  # The best peer's rate.


def measure(clients, address, sessions, options):
    def measure_one(command):
        before = bench.received(address)
        result = peers.run(command, address, options.members, sessions, options.milliseconds)
        result["served"] = (bench.received(address) - before) / max(1, result["all"]) / options.members
        if command == clients[0][1] and result["mixed"]:
            raise bench.BenchError("%d times somebody was in before all had come" % result["mixed"])
        return result

    return peers.in_turns(options.rounds, clients, measure_one)


def table(clients, address, sessions, options):
    results = measure(clients, address, sessions, options)
    rates = {label: peers.median(some, "rate") for label, some in results.items()}
    best = max((rate for label, rate in rates.items() if label != "docent"), default=None)
    title = "%d members, on %s" % (options.members, "one session" if sessions == "one" else "a session each")
    print("%-34s %-10s %12s %12s %16s" % (title, "client", "rounds", "/ best peer", "packets/member"))
    for label, some in results.items():
        told = ["%s in %d of %d runs" % (what, bad, len(some)) for what, bad in
                (("hung", sum(result.get("hung", 0) for result in some)), ("mixed rounds", sum(result["mixed"] > 0 for result in some))) if bad]
        print("    %-30s %-10s %10.1f/s %12s %16.1f  %s" % ("", label, rates[label], peers.times(rates[label], best),
                                                          peers.median(some, "served"), ", ".join(told)), flush=True)
    peers.missed(rates["docent"], ("the best peer", best, TIMES))


def main():
    parser = peers.parser(__doc__, 5)
    parser.add_argument("--milliseconds", type=int, default=2000, help="of each run; as long a warm-up comes before")
    parser.add_argument("--members", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        clients = [("docent", [os.path.join(options.programs, "bench-barrier")])]
        clients += peers.found(options, scratch, {"Curator": "CuratorBarrier"}, {"kazoo": "kazoo_barrier.py"})
        for name, server in peers.servers(options.server, options.devserver):
            print("== %s ==" % name)
            peers.warm(clients[0][1], server.address, options.members, "one", options.milliseconds)
            for sessions in ("one", "each"):
                table(clients, server.address, sessions, options)


if __name__ == "__main__":
    try:
        main()
    except bench.BenchError as error:
        sys.exit("bench: %s" % error)
