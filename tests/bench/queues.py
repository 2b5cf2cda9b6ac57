"""The simple queue: Docent's beside a null client's single write, Curator's SimpleDistributedQueue and kazoo's Queue. See README.md.

    queues.py --programs FOLDER --devserver PROGRAM [--server dev|apache|both] [--rounds N] [--items N] [--without-peers]
"""
import os
import sys
import tempfile

import bench
import peers

FLOOR, PUT, TAKE = 0.9, 2.0, 3.0 # Times the null client's single write; times the best peer's rates.
THREADS, WINDOW = 16, 200        # Of those who do more than one thing at a time,
TOGETHER = 50                    # and who put more than one item with a call.
MORE = 5                         # Times the rounds of so many items, where they would else be over before a busy machine has turned round.


def alone(options, server):
    """One write at a time, and nothing else on the client's CPUs or the server's: which of them the scheduler puts where decides more than any client."""
    everywhere = sorted(os.sched_getaffinity(0))
    half = len(everywhere) // 2
    ours = set(everywhere[:half]) if half > 0 else None
    if half > 0:
        server.pin(set(everywhere[half:]))
    clients = [(label, [os.path.join(options.programs, name), server.address, options.items]) for label, name in
               (("null", "bench-queue-null"), ("docent", "bench-queue-put"))]
    results = peers.in_turns(2 * options.rounds + 1, clients, lambda command: peers.run(command, cpus=ours))
    server.pin(set(everywhere))
    null = 1e9 / peers.median(results["null"], "median_ns")
    pairs = list(zip(results["docent"], results["null"])) # Of a round, for what is beside each other in time.
    ratios, means = (sorted(floor[key] / mine[key] for mine, floor in pairs) for key in ("median_ns", "wall_ns"))
    docent = null * ratios[len(ratios) // 2]
    print("%-34s %-22s %12s %8s" % ("put, one at a time%s" % (", CPUs apart" if half > 0 else ""), "client", "rate", "/ null"))
    print("    %-30s %-22s %10.0f/s %8.2f" % ("", "null", null, 1))
    print("    %-30s %-22s %10.0f/s %8.2f   the middle half of %d rounds: %.2f to %.2f"
          % ("", "docent", docent, docent / null, len(ratios), ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]), flush=True)
    peers.missed(docent, ("null", null, FLOOR))


def table(results, what, names, wanted):
    """@names: the titles of Docent's clients, of those that are shown; @wanted is asked of who has many under way."""
    rates = {label: peers.median(some, what) for label, some in results.items() if not label.startswith("docent") or label in names}
    best = max((rate for label, rate in rates.items() if not label.startswith("docent")), default=None)
    print("%-34s %-22s %12s %12s" % (what, "client", "rate", "/ best peer"))
    for label in sorted(rates, key=lambda label: not label.startswith("docent")):
        print("    %-30s %-22s %10.0f/s %12s" % ("", names.get(label, label), rates[label], peers.times(rates[label], best)), flush=True)
    peers.missed(rates["docent, many"], ("the best peer", best, wanted))


def compare(options, server, scratch):
    own = [os.path.join(options.programs, "bench-queue"), server.address]
    clients = [("docent, one", own + [options.items, 1, 1, 1]), ("docent, many", own + [options.items, MORE, WINDOW, 1]),
               ("docent, together", own + [options.items, MORE, WINDOW, TOGETHER])]
    for label, command in peers.found(options, scratch, {"Curator": "CuratorQueue"}, {"kazoo": "kazoo_queue.py"}):
        clients += [(label, command + [server.address, options.items, 1, 1]),
                    ("%s, %d threads" % (label, THREADS), command + [server.address, options.items, 1, THREADS])]
    results = peers.in_turns(options.rounds, clients, peers.run)
    table(results, "put", {"docent, one": "docent, one at a time", "docent, many": "docent, %d under way" % WINDOW,
                           "docent, together": "docent, %d a call" % TOGETHER}, PUT)
    table(results, "take", {"docent, one": "docent, one at a time", "docent, many": "docent, %d waiting" % WINDOW}, TAKE)


def main():
    parser = peers.parser(__doc__, 5)
    parser.add_argument("--items", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name, server in peers.servers(options.server, options.devserver):
            print("== %s ==" % name)
            peers.warm([os.path.join(options.programs, "bench-queue"), server.address, options.items, MORE, WINDOW, 1])
            alone(options, server)
            compare(options, server, scratch)


if __name__ == "__main__":
    try:
        main()
    except bench.BenchError as error:
        sys.exit("bench: %s" % error)
