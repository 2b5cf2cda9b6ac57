"""A lock, nobody else there, and with many contenders in one process: Docent's beside a null client, Curator's InterProcessMutex and kazoo's Lock.
See README.md.

    locks.py --programs FOLDER --devserver PROGRAM [--server dev|apache|both] [--rounds N] [--milliseconds N] [--contenders N,N...]
             [--without-peers]
"""
import argparse
import os
import subprocess
import sys
import tempfile

import bench
import peers

ALONE, MANY, FLOOR = 2.0, 2.5, 0.8  # Times the best peer's rate, alone and with others; with others, the null client's.
SPREAD_MAX = 1.05                   # Of the requests per hand-over, with more contenders and with fewer.
OWN = ("null", "null, overlapped", "docent")
REQUESTS_ALONE, TRIPS_ALONE = 3, 2


def run(command, *arguments):
    """@command: a program, and what it is to be told last."""
    program, last = command
    done = subprocess.run(program + [str(argument) for argument in arguments] + last, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=600, check=False)
    if done.returncode != 0 or not done.stdout:
        raise bench.BenchError("%s: exit %d: %s" % (program[-1], done.returncode, done.stderr.strip()[-2000:]))
    result = {key: int(value) for key, value in (pair.split("=") for pair in done.stdout.split())}
    result["rate"], result["cpu"] = result["ops"] * 1e9 / result["wall_ns"], result.get("cpu_ns", 0) / 1000 / result["ops"]
    return result


def measure(clients, address, contenders, sessions, options):
    """Every client once per round; of each the medians."""
    results = {label: [] for label, _ in clients if label != "null, overlapped" or contenders > 1}
    for _ in range(options.rounds):
        for label, command in clients:
            if label not in results:
                continue
            before = bench.received(address)
            result = run(command, address, contenders, sessions, options.milliseconds)
            result["served"] = (bench.received(address) - before) / result["all"]
            if result.get("misordered", 0):
                raise bench.BenchError("%d of %d acquisitions by %d contenders were not in order of arrival"
                                       % (result["misordered"], result["all"], contenders))
            results[label].append(result)
    return results


def table(title, results, times, floor):
    """Returns Docent's own count of requests, per acquisition."""
    print("%-28s %-18s %14s %8s %12s %10s %10s" % (title, "client", "rate", "/ null", "/ best peer", "CPU us/op", "requests"))
    rates = {label: bench.median(some, "rate") for label, some in results.items()}
    best = max((rate for label, rate in rates.items() if label not in OWN), default=None)
    for label, some in results.items():
        ratio = "" if best is None or label.startswith("null") else "%.2f" % (rates[label] / best)
        cpu = "%.2f" % bench.median(some, "cpu") if label in OWN else ""
        print("    %-24s %-18s %12.0f/s %8.2f %12s %10s %10.2f" % ("", label, rates[label], rates[label] / rates["null"], ratio, cpu,
                                                                  bench.median(some, "served")), flush=True)
    wanted = [("the best peer", best, times), ("null", rates["null"], floor)]
    missed = ["%.3f of %s, not %.1f" % (rates["docent"] / of, who, least)
              for who, of, least in wanted if of is not None and rates["docent"] < least * of]
    if missed:
        print("    missed: " + "; ".join(missed), flush=True)
    return bench.median([{"own": result["requests"] / result["ops"]} for result in results["docent"]], "own")


def alone(clients, address, options):
    own = table("one, nobody else there", measure(clients, address, 1, "one", options), ALONE, 0)
    recorded = run(dict(clients)["docent"], address, 1, "recorded", 100)
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
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--programs", required=True)
    parser.add_argument("--devserver", required=True)
    parser.add_argument("--server", choices=["dev", "apache", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--milliseconds", type=int, default=2000, help="of each run; as long a warm-up comes before")
    parser.add_argument("--contenders", default="8,32,100")
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    options.contenders = [int(count) for count in options.contenders.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        null, own = ([os.path.join(options.programs, name)] for name in ("bench-contend-null", "bench-contend"))
        clients = [("null", (null, [])), ("null, overlapped", (null, ["overlapped"])), ("docent", (own, []))]
        if not options.without_peers:
            found = [("Curator", peers.curator(scratch, "CuratorLock")), ("kazoo", peers.kazoo("kazoo_lock.py"))]
            clients += [(label, (command, [])) for label, command in found if command is not None]
        for name, server in peers.servers(options.server, options.devserver):
            print("== %s ==" % name)
            run(clients[0][1], server.address, 8, "one", options.milliseconds)  # A server that has just started is slow at first.
            alone(clients, server.address, options)
            many(clients, server.address, options)


if __name__ == "__main__":
    try:
        main()
    except bench.BenchError as error:
        sys.exit("bench: %s" % error)
