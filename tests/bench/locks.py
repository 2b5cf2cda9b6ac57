"""A lock, nobody else there, and with many contenders in one process: Docent's beside a null client, Curator's InterProcessMutex and kazoo's Lock.
See README.md.

    locks.py --programs FOLDER --devserver PROGRAM [--server dev|apache|both] [--rounds N] [--milliseconds N] [--contenders N,N...]
             [--without-peers]
"""
import os
import sys
import tempfile

import bench
import peers

ALONE, MANY, FLOOR = 2.0, 2.5, 0.8  # Times the best peer's rate, alone and with others; with others, the null client's.
SPREAD_MAX = 1.05                   # Of the requests per hand-over, with more contenders and with fewer.
OWN = ("null", "null, overlapped", "docent")
REQUESTS_ALONE, TRIPS_ALONE = 3, 2


def measure(clients, address, contenders, sessions, options):
    """Every client once per round; of each the medians."""
    def measure_one(command):
        program, last = command
        before = bench.received(address)
        result = peers.run(program, address, contenders, sessions, options.milliseconds, *last)
        result["served"] = (bench.received(address) - before) / result["all"]
        if result.get("misordered", 0):
            raise bench.BenchError("%d of %d acquisitions by %d contenders were not in order of arrival"
                                   % (result["misordered"], result["all"], contenders))
        return result

    if contenders == 1:
        clients = [(label, command) for label, command in clients if label != "null, overlapped"]
    return peers.in_turns(options.rounds, clients, measure_one)


def table(title, results, times, floor):
    """Returns Docent's own count of requests, per acquisition."""
    print("%-28s %-18s %14s %8s %12s %10s %10s" % (title, "client", "rate", "/ null", "/ best peer", "CPU us/op", "requests"))
    rates = {label: bench.median(some, "rate") for label, some in results.items()}
    best = max((rate for label, rate in rates.items() if label not in OWN), default=None)
    for label, some in results.items():
        ratio = "" if label.startswith("null") else peers.times(rates[label], best)
        cpu = "%.2f" % bench.median(some, "cpu") if label in OWN else ""
        print("    %-24s %-18s %12.0f/s %8.2f %12s %10s %10.2f" % ("", label, rates[label], rates[label] / rates["null"], ratio, cpu,
                                                                  bench.median(some, "served")), flush=True)
    peers.missed(rates["docent"], ("the best peer", best, times), ("null", rates["null"], floor))
    return bench.median([{"own": result["requests"] / result["ops"]} for result in results["docent"]], "own")


def alone(clients, address, options):
    own = table("one, nobody else there", measure(clients, address, 1, "one", options), ALONE, 0)
    recorded = peers.run(dict(clients)["docent"][0], address, 1, "recorded", 100)
    turns = max(1, recorded["recorded"])
    requests, trips = recorded["recorded_requests"] / turns, recorded["trips"] / turns
    print("    docent, by its statistics: %.2f requests; by its recorder: %.2f requests in %.2f round trips" % (own, requests, trips), flush=True)
    if (requests, trips) != (REQUESTS_ALONE, TRIPS_ALONE):
        raise bench.BenchError("acquire and release are not %d requests in %d round trips" % (REQUESTS_ALONE, TRIPS_ALONE))


def many(clients, address, options):
    for sessions in ("one", "each"):
        own = {}
        for count in options.contenders:
            title = "%d, on %s" % (count, "one session" if sessions == "one" else "a session each")
            own[count] = table(title, measure(clients, address, count, sessions, options), MANY, FLOOR)
        print("    docent, requests per hand-over by its statistics: "
              + ", ".join("%d contenders %.2f" % pair for pair in own.items()) + "; all in order of arrival", flush=True)
        if max(own.values()) > SPREAD_MAX * min(own.values()):
            print("    missed: these are not constant", flush=True)


def main():
    parser = peers.parser(__doc__, 3)
    parser.add_argument("--milliseconds", type=int, default=2000, help="of each run; as long a warm-up comes before")
    parser.add_argument("--contenders", default="8,32,100")
    options = parser.parse_args()
    options.contenders = [int(count) for count in options.contenders.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        null, own = ([os.path.join(options.programs, name)] for name in ("bench-contend-null", "bench-contend"))
        clients = [("null", (null, [])), ("null, overlapped", (null, ["overlapped"])), ("docent", (own, []))]
        found = peers.found(options, scratch, {"Curator": "CuratorLock"}, {"kazoo": "kazoo_lock.py"})
        clients += [(label, (command, [])) for label, command in found]
        for name, server in peers.servers(options.server, options.devserver):
            print("== %s ==" % name)
            peers.run(null, server.address, 8, "one", options.milliseconds)  # A server that has just started is slow at first.
            alone(clients, server.address, options)
            many(clients, server.address, options)


if __name__ == "__main__":
    try:
        main()
    except bench.BenchError as error:
        sys.exit("bench: %s" % error)
