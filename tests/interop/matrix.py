#!/usr/bin/env python3
"""tests/interop/matrix.py [README] - which recipes can be shared with which peers. Prints the table; with README, TAP: every "yes" has its
tests, every test its "yes", and the table in that file is this one."""
import sys

sys.dont_write_bytecode = True  # Nothing is left in the sources.

from interop import Test

PEERS = {"curator": "Curator 5.4.0", "kazoo": "kazoo 2.8.0", "zookeeper": "ZooKeeper's own"}

# Recipe, what the peers call it, and who shares it: a note's number, or 0. Who is not named does not.
ROWS = [
    ("lock", "`InterProcessMutex`; `Lock`; `zkr_lock`, `WriteLock`", {"curator": 1, "kazoo": 1, "zookeeper": 2}),
    ("revocation", "`Revoker`", {"curator": 0}),
    ("read/write lock", "`InterProcessReadWriteLock`; `ReadLock`, `WriteLock`", {"curator": 3, "kazoo": 4}),
    ("semaphore", "`InterProcessSemaphoreV2`; `Semaphore`", {"curator": 5, "kazoo": 0}),
    ("non re-entrant mutex", "`InterProcessSemaphoreMutex`", {"curator": 0}),
    ("multi-lock", "`InterProcessMultiLock`", {"curator": 8}),
    ("lease", "`NonBlockingLease`, `MultiNonBlockingLease`", {"kazoo": 0}),
    ("leader latch", "`LeaderLatch`", {"curator": 11}),
    ("leader selector", "`LeaderSelector`", {"curator": 11}),
    ("election", "`Election`", {"kazoo": 11}),
    ("barrier", "`DistributedBarrier`; `Barrier`", {"curator": 0, "kazoo": 0}),
    ("double barrier", "`DistributedDoubleBarrier`; `DoubleBarrier`", {"curator": 6, "kazoo": 7}),
    ("simple queue", "`SimpleDistributedQueue`; `Queue`; `zkr_queue`, `DistributedQueue`", {"curator": 0, "kazoo": 12, "zookeeper": 2}),
    ("distributed queue", "`DistributedQueue`, with and without `lockPath()`", {"curator": 9}),
    ("distributed queue with ids", "`DistributedIdQueue`", {"curator": 0}),
    ("distributed queue with priorities", "`DistributedPriorityQueue`", {"curator": 10}),
    ("distributed queue with delays", "`DistributedDelayQueue`", {"curator": 10}),
    ("queue sharder", "`QueueSharder`", {"curator": 13}),
    ("kazoo queue", "`Queue`", {"kazoo": 0}),
    ("kazoo locking queue", "`LockingQueue`", {"kazoo": 0}),
    ("compressed data", "`compressed()`", {"curator": 0}),
]

NOTES = [
    "Not both on one path: Curator and kazoo do not see each other, and both hold. With `tolerant` ours waits for either, and where Curator has a driver "
    "that sorts by the last ten characters and kazoo the extra pattern `-lock-` all three exclude each other.",
    "Names and order of the C recipe, which no package of the distribution has; the test plays it. It also waits for Curator's lock names, and such a Curator "
    "as in note 1 for its, and ours with `tolerant`.",
    "A writer that goes on reading has a late number in Curator before 5.5.0: a writer that waited may hold beside it. Ours keeps its place.",
    "A reader of kazoo up to 2.8.0 waits for writers behind it as well, and they for it. Ours does not, but such a peer can hold up its writers.",
    "Who takes several leases in Curator takes them one by one, inside the mutex. Ours takes all or none.",
    "Curator counts members again when it wakes up: come and go together.",
    "Unsafe: kazoo takes `ready` away when the first member leaves. Not with Curator's members.",
    "In the order of the list (`DOCENT_MULTI_LOCK_AS_LISTED`), which has to be the same for all.",
    "All with the same lock path, or none. What a killed consumer worked on a consumer of Curator 5.4.0 finds when the queue changes next, ours at once.",
    "Work that fails goes back without its priority or time in Curator 5.4.0, with them in ours.",
    "A latch is not to be on one path with a selector, nor Curator's selector with kazoo's election: they do not see each other. Locks of the same peer "
    "take part in the elections of selectors, and ours (`DOCENT_DIALECT_KAZOO`) in kazoo's.",
    "One way: kazoo's queue takes whatever is there; what it puts has names of its own, which ours leaves where they are.",
    "All with the same path of the leader and, with locks, a folder of them for each shard, by its name. A leader of Curator adds a shard at each count while any "
    "is full, ours when one has become full.",
]


def table():
    lines = ["| Recipe | with them called | " + " | ".join(PEERS.values()) + " |", "| --- | --- |" + " --- |" * len(PEERS)]
    for recipe, names, peers in ROWS:
        cells = [("yes" + (f" ({peers[peer]})" if peers[peer] else "")) if peer in peers else "" for peer in PEERS]
        lines.append(f"| {recipe} | {names} | " + " | ".join(cells) + " |")
    return lines + [""] + [f"{number}. {note}" for number, note in enumerate(NOTES, 1)]


def main():
    if len(sys.argv) == 1:
        print("\n".join(table()))
        return 0
    said = {(recipe, peer) for recipe, _, peers in ROWS for peer in peers}
    tested = {(test.recipe, test.peer) for test in Test.all}
    used = {note for _, _, peers in ROWS for note in peers.values()} - {0}
    with open(sys.argv[1], encoding="utf-8") as file:
        readme = file.read()
    checks = [("whatever is said to be shared is tested", said <= tested, sorted(said - tested)),
              ("whatever is tested is said to be shared", tested <= said, sorted(tested - said)),
              ("every note belongs to a recipe", used == set(range(1, len(NOTES) + 1)), sorted(used)),
              ("the table of the README is what matrix.py prints", "\n".join(table()) in readme, table())]
    print(f"1..{len(checks)}")
    for number, (what, good, why) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good:
            print("\n".join(f"# {line}" for line in why))
    return 0 if all(good for _, good, _ in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
