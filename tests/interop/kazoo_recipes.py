"""tests/interop/kazoo_recipes.py CONNECT - the recipes of kazoo, and what else its users do. See foreign.py for what it prints."""
import logging
import queue
import sys
import threading
import traceback
from datetime import timedelta

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (BadVersionError, LockTimeout, NoAuthError, NodeExistsError, NoNodeError, NotEmptyError,
                              RolledBackError, RuntimeInconsistency)
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.partitioner import SetPartitioner
from kazoo.recipe.watchers import PatientChildrenWatch
from kazoo.security import OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, make_acl, make_digest_acl, make_digest_acl_credential

logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
PATIENCE = 20
connect = sys.argv[1]
clients = []


def new_client(**options):
    client = KazooClient(hosts=connect, **{"timeout": 4, **options})
    clients.append(client)
    client.start(timeout=PATIENCE)
    return client


def expect(good, what="it is not so"):
    if not good:
        raise AssertionError(what)


def raises(error, fn, *arguments, **options):
    try:
        fn(*arguments, **options)
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


def come(said, expected):
    """Waits until that comes out of the queue; what else comes before is let pass."""
    seen = []
    try:
        while True:
            seen.append(said.get(timeout=PATIENCE))
            if seen[-1] == expected:
                return
    except queue.Empty:
        raise AssertionError(f"{expected} did not come, but {seen}") from None


def wait(event, what):
    expect(event.wait(PATIENCE), f"{what} did not happen")


class Background:
    """A function in a thread, and its end."""

    def __init__(self, fn, *arguments):
        self.trouble = None
        self.result = None
        self.thread = threading.Thread(target=self.run, args=(fn, arguments), daemon=True)
        self.thread.start()

    def run(self, fn, arguments):
        try:
            self.result = fn(*arguments)
        except Exception as e:  # Is told to who waits for the end.
            self.trouble = e

    def join(self):
        self.thread.join(PATIENCE)
        expect(not self.thread.is_alive(), "it is stuck")
        if self.trouble:
            raise self.trouble
        return self.result


def cut():
    print("cut", flush=True)
    sys.stdin.readline()


def expire(client):
    """As the server would: the session is taken over by another connection, and ended there. Its owner may take it back before that;
    so until who asks for it is given another."""
    session = client.client_id
    ended = False
    while not ended:
        other = KazooClient(hosts=connect, timeout=4, client_id=session)
        other.start(timeout=PATIENCE)
        ended = other.client_id[0] != session[0]
        other.stop()
        other.close()


# ---- Each takes a client and a path of its own. ----

def lock(client, path):
    other, order = new_client(), []
    first, second = client.Lock(path, "first"), other.Lock(path, "second")
    expect(first.acquire())
    raises(LockTimeout, second.acquire, timeout=0.2)
    expect(not second.acquire(blocking=False))
    waiter = Background(lambda: (second.acquire(), order.append("second")))
    while len(first.contenders()) < 2:
        pass
    expect(first.contenders() == ["first", "second"])
    order.append("first")
    first.release()
    waiter.join()
    expect(order == ["first", "second"])
    second.release()
    expect(client.get_children(path) == [])


def read_write_lock(client, path):
    other = new_client()
    readers = [client.ReadLock(path, "r1"), other.ReadLock(path, "r2")]
    writer = other.WriteLock(path, "w")
    for reader in readers:
        expect(reader.acquire(timeout=PATIENCE))
    expect(not writer.acquire(blocking=False))
    waiter = Background(writer.acquire)
    for reader in readers:
        reader.release()
    expect(waiter.join())
    raises(LockTimeout, readers[0].acquire, timeout=0.2)
    writer.release()
    expect(readers[0].acquire(timeout=PATIENCE))
    readers[0].release()


def semaphore(client, path):
    other = new_client()
    one, two, three = client.Semaphore(path, "1", 2), other.Semaphore(path, "2", 2), other.Semaphore(path, "3", 2)
    expect(one.acquire() and two.acquire())
    expect(not three.acquire(blocking=False))
    waiter = Background(three.acquire)
    expect(sorted(one.lease_holders()) == ["1", "2"])
    one.release()
    expect(waiter.join())
    raises(ValueError, client.Semaphore(path, "4", 3).acquire)
    two.release()
    three.release()


def election(client, path):
    other, led, leave = new_client(), queue.Queue(), threading.Event()

    def lead(name):
        led.put(name)
        leave.wait(PATIENCE)

    first, second = client.Election(path, "a"), other.Election(path, "b")
    runs = [Background(first.run, lead, "a")]
    come(led, "a")
    runs.append(Background(second.run, lead, "b"))
    while first.contenders() != ["a", "b"]:
        pass
    expect(led.empty())
    leave.set()
    come(led, "b")
    for run in runs:
        run.join()


def barrier(client, path):
    other = new_client()
    first, second = client.Barrier(path), other.Barrier(path)
    first.create()
    expect(second.wait(0.2) is False)
    waiter = Background(second.wait, PATIENCE)
    first.remove()
    expect(waiter.join() is True)


def double_barrier(client, path):
    others, steps = [client, new_client(), new_client()], queue.Queue()

    def through(one):
        both = one.DoubleBarrier(path, 3)
        both.enter()
        steps.put("in")
        both.leave()
        steps.put("out")

    first = [Background(through, one) for one in others[:2]]
    expect(steps.empty())
    for run in first + [Background(through, others[2])]:
        run.join()
    expect(sorted(steps.queue) == ["in"] * 3 + ["out"] * 3)


def counter(client, path):
    other = new_client()

    def count(one):
        number = one.Counter(path)
        for _ in range(30):
            number += 1

    for run in [Background(count, one) for one in (client, other)]:
        run.join()
    number = client.Counter(path)
    number -= 5
    expect(number.value == 55, number.value)
    expect(client.Counter(path + "-f", default=1.5).value == 1.5)


def party(client, path):
    other = new_client()
    first, second = client.Party(path, "a"), other.Party(path, "b")
    first.join()
    second.join()
    expect(sorted(first) == ["a", "b"] and len(second) == 2)
    other.stop()
    expect(list(first) == ["a"])
    first.leave()
    expect(len(first) == 0)


def shallow_party(client, path):
    first, second = client.ShallowParty(path, "a"), new_client().ShallowParty(path, "b")
    first.join()
    second.join()
    expect(sorted(first) == ["a", "b"])
    second.leave()
    expect(list(first) == ["a"])


def simple_queue(client, path):
    line = client.Queue(path)
    for value, priority in ((b"later", 100), (b"first", 10), (b"last", 100)):
        line.put(value, priority)
    expect(len(line) == 3)
    expect([line.get() for _ in range(4)] == [b"first", b"later", b"last", None])


def locking_queue(client, path):
    mine, theirs = client.LockingQueue(path), new_client().LockingQueue(path)
    waiter = Background(theirs.get, PATIENCE)
    mine.put_all([b"one", b"two"])
    expect(waiter.join() == b"one")
    expect(theirs.holds_lock() and mine.get(5) == b"two")
    expect(mine.release())
    expect(theirs.consume() and theirs.get(5) == b"two" and theirs.consume())
    expect(mine.get(0.2) is None)


def data_watch(client, path):
    said = queue.Queue()
    client.DataWatch(path, lambda data, stat: said.put(data))
    come(said, None)
    other = new_client()
    other.create(path, b"1")
    come(said, b"1")
    other.set(path, b"2")
    come(said, b"2")
    other.delete(path)
    come(said, None)
    other.create(path, b"3")
    come(said, b"3")
    cut()
    other.retry(other.set, path, b"4")
    come(said, b"4")


def children_watch(client, path):
    said = queue.Queue()
    client.create(path)
    client.ChildrenWatch(path, lambda names: said.put(sorted(names)))
    come(said, [])
    other = new_client()
    other.create(f"{path}/a")
    come(said, ["a"])
    cut()
    other.retry(other.create, f"{path}/b")
    come(said, ["a", "b"])
    other.retry(other.delete, f"{path}/a")
    come(said, ["b"])


def patient_children_watch(client, path):
    client.create(path)
    client.create(f"{path}/a")
    names, changed = PatientChildrenWatch(client, path, 0.2).start().get(timeout=PATIENCE)
    expect(names == ["a"])
    client.create(f"{path}/b")
    changed.get(timeout=PATIENCE)


def tree_cache(client, path):
    said = queue.Queue()
    client.create(path, b"root")
    client.create(f"{path}/a", b"1")
    cache = TreeCache(client, path)
    cache.listen(lambda event: said.put((event.event_type, event.event_data and event.event_data.path)))
    cache.start()
    come(said, (TreeEvent.INITIALIZED, None))
    expect(cache.get_data(f"{path}/a").data == b"1")
    other = new_client()
    other.create(f"{path}/a/b/c", b"deep", makepath=True)
    come(said, (TreeEvent.NODE_ADDED, f"{path}/a/b/c"))
    other.set(f"{path}/a", b"2")
    come(said, (TreeEvent.NODE_UPDATED, f"{path}/a"))
    expect(cache.get_data(f"{path}/a").data == b"2" and cache.get_children(f"{path}/a") == {"b"})
    cut()
    come(said, (TreeEvent.CONNECTION_RECONNECTED, None))
    other.retry(other.delete, f"{path}/a/b/c")
    come(said, (TreeEvent.NODE_REMOVED, f"{path}/a/b/c"))
    cache.close()


def leases(client, path):
    other = new_client()
    expect(client.NonBlockingLease(path, timedelta(seconds=60), identifier="a"))
    expect(not other.NonBlockingLease(path, timedelta(seconds=60), identifier="b"))
    expect(client.NonBlockingLease(path, timedelta(seconds=60), identifier="a"))
    many = [one.MultiNonBlockingLease(2, path + "-many", timedelta(seconds=60), identifier=name)
            for one, name in ((client, "a"), (other, "b"), (other, "c"))]
    expect([bool(lease) for lease in many] == [True, True, False])


def partitioner(client, path):
    other = new_client()
    client.ensure_path(path)
    parts = [SetPartitioner(one, path, set(range(4)), identifier=name, time_boundary=0.3) for one, name in ((client, "a"), (other, "b"))]

    def acquire(part):
        while not part.acquired:
            if part.release:
                part.release_set()
            elif part.allocating:
                part.wait_for_acquire(1)
            expect(not part.failed, "the partitioner failed")
        return list(part)

    runs = [Background(acquire, part) for part in parts]
    sets = [run.join() for run in runs]
    while any(part.release for part in parts):  # One may have been alone for a moment.
        sets = [run.join() for run in [Background(acquire, part) for part in parts]]
    expect(sorted(sets[0] + sets[1]) == [0, 1, 2, 3] and len(sets[0]) == 2, sets)
    for part in parts:
        part.finish()


def transactions(client, path):
    client.create(path, b"0")
    good = client.transaction()
    good.check(path, 0)
    good.create(f"{path}/a", b"x")
    good.create(f"{path}/s", sequence=True, ephemeral=True)
    good.set_data(path, b"1")
    good.delete(f"{path}/a")
    results = good.commit()
    expect(results[0] is True and results[1] == f"{path}/a" and results[2] == f"{path}/s0000000001" and results[3].version == 1
           and results[4] is True, results)
    bad = client.transaction()
    bad.create(f"{path}/b")
    bad.check(path, 7)
    bad.create(f"{path}/c")
    results = bad.commit()
    expect([type(result) for result in results] == [RolledBackError, BadVersionError, RuntimeInconsistency], results)
    expect(client.exists(f"{path}/b") is None)


def nodes(client, path):
    expect(client.create(path, b"x", include_data=True)[1].dataLength == 1)
    raises(NodeExistsError, client.create, path)
    raises(NoNodeError, client.create, f"{path}/a/b")
    expect(client.create(f"{path}/a/b/s-", sequence=True, makepath=True) == f"{path}/a/b/s-0000000000")
    raises(BadVersionError, client.set, path, b"y", version=4)
    expect(client.set(path, b"y", version=0).version == 1)
    raises(NotEmptyError, client.delete, path)
    names, stat = client.get_children(path, include_data=True)
    expect(names == ["a"] and stat.numChildren == 1)
    raises(NoNodeError, client.get, f"{path}/none")
    expect(client.sync(path) == path)
    raises(BadVersionError, client.delete, f"{path}/a/b/s-0000000000", version=3)
    big = bytes(1000000)
    client.set(path, big)
    expect(client.get(path)[0] == big)


def ensure_and_delete(client, path):
    deep = f"{path}/a/b/c"
    expect(client.ensure_path(deep))
    expect(client.ensure_path(deep))
    client.create(f"{path}/a/\u00e4\u20ac", b"")
    expect(sorted(client.get_children(f"{path}/a")) == ["b", "\u00e4\u20ac"])
    client.delete(path, recursive=True)
    expect(client.exists(path) is None)


def chroot(client, path):
    client.create(path)
    inside = KazooClient(hosts=connect + path, timeout=4)
    clients.append(inside)
    inside.start(timeout=PATIENCE)
    expect(inside.create("/x", b"1") == "/x")
    expect(client.get(f"{path}/x")[0] == b"1" and inside.get_children("/") == ["x"])


def acls(client, path):
    secret = make_digest_acl("user", "word", read=True, write=True, admin=True)
    client.create(path, b"x", acl=[make_acl("world", "anyone", read=True), secret])
    raises(NoAuthError, client.set, path, b"y")
    raises(NoAuthError, client.set_acls, path, OPEN_ACL_UNSAFE)
    friend = new_client(auth_data=[("digest", "user:word")])
    friend.set(path, b"y")
    entries, stat = friend.get_acls(path)
    expect(secret in entries and stat.aversion == 0)
    friend.set_acls(path, [make_acl("auth", "", all=True)])
    raises(NoAuthError, client.get, path)
    expect(client.exists(path).aversion == 1)
    client.add_auth("digest", "user:word")
    expect(client.get(path)[0] == b"y")
    expect(client.get_acls(path)[0][0].id.id == make_digest_acl_credential("user", "word"))
    cut()
    expect(friend.retry(friend.get, path)[0] == b"y")  # Shown again after a reconnect.
    client.retry(client.create, f"{path}-r", acl=READ_ACL_UNSAFE)
    raises(NoAuthError, client.set, f"{path}-r", b"")


def reconnect(client, path):
    states = queue.Queue()
    session = client.client_id[0]
    client.create(path, ephemeral=True)
    client.add_listener(states.put)
    cut()
    come(states, KazooState.SUSPENDED)
    come(states, KazooState.CONNECTED)
    expect(client.client_id[0] == session and client.retry(client.exists, path).ephemeralOwner == session)
    other = new_client()
    kept = queue.Queue()
    expect(client.retry(client.get, path, watch=kept.put))
    cut()
    other.retry(other.set, path, b"x")
    expect(kept.get(timeout=PATIENCE).type == "NONE")  # kazoo ends its watches with the connection, and says so.


def expiry(client, path):
    states, other = queue.Queue(), new_client()
    gone = threading.Event()
    client.create(path, ephemeral=True)
    held = client.Lock(f"{path}-lock")
    held.acquire()
    other.exists(path, watch=lambda event: gone.set())
    waiter = Background(other.Lock(f"{path}-lock").acquire)
    client.add_listener(states.put)
    expire(client)
    come(states, KazooState.LOST)
    come(states, KazooState.CONNECTED)
    wait(gone, "the end of the ephemeral")
    expect(waiter.join())
    expect(client.retry(client.exists, path) is None)


def pipelined(client, path):
    client.create(path)
    created = [client.create_async(f"{path}/{number}", b"x", ephemeral=number % 2 == 0) for number in range(500)]
    for result in created:
        result.get(timeout=PATIENCE)
    read = [client.get_async(f"{path}/{number}") for number in range(500)]
    expect(all(result.get(timeout=PATIENCE)[0] == b"x" for result in read))
    expect(client.exists(path).numChildren == 500)


def read_only_aware(_, path):
    client = new_client(read_only=True)
    client.create(path)
    expect(client.connected and client.client_state == "CONNECTED")


def about(client, _):
    expect(client.server_version() == (3, 8, 0), client.server_version())
    expect(client.command(b"ruok") == "imok")
    expect("Mode: standalone" in client.command(b"srvr"))


RECIPES = [
    ("Lock: one at a time, in order, with time-outs", lock),
    ("ReadLock and WriteLock: many readers or one writer", read_write_lock),
    ("Semaphore: two leases for three", semaphore),
    ("Election: one leads after the other", election),
    ("Barrier: opens for who waits", barrier),
    ("DoubleBarrier: three go in and out together", double_barrier),
    ("Counter: two count, none is lost", counter),
    ("Party: members, and a session that ends", party),
    ("ShallowParty: members by name", shallow_party),
    ("Queue: by priority and age", simple_queue),
    ("LockingQueue: an entry is held, consumed or given back", locking_queue),
    ("DataWatch: comes, changes, goes, comes; also behind a cut", data_watch),
    ("ChildrenWatch: also behind a cut", children_watch),
    ("PatientChildrenWatch: settles, then changes", patient_children_watch),
    ("TreeCache: follows a tree, also behind a cut", tree_cache),
    ("NonBlockingLease and MultiNonBlockingLease", leases),
    ("SetPartitioner: two share a set", partitioner),
    ("transactions: all or nothing, with what each did", transactions),
    ("nodes: create, set, delete, versions, sequences, 1 MB", nodes),
    ("ensure_path and recursive delete", ensure_and_delete),
    ("a client below a path", chroot),
    ("ACLs and digest, shown again behind a cut", acls),
    ("a cut connection: same session, ephemerals and watches", reconnect),
    ("an expired session: LOST, ephemerals gone, next in line", expiry),
    ("a thousand requests at once", pipelined),
    ("a client that would take a read-only server", read_only_aware),
    ("version and four-letter words", about),
]


def main():
    print(f"1..{len(RECIPES)}", flush=True)
    for number, (what, fn) in enumerate(RECIPES):
        trouble = []
        try:
            fn(new_client(), f"/kazoo-{number}")
        except Exception:  # The other recipes go on.
            trouble = traceback.format_exc().splitlines()
        while clients:
            client = clients.pop()
            try:
                client.stop()
                client.close()
            except Exception:  # It was stopped by its recipe, or never got far.
                pass
        print("\n".join([f"# {line}" for line in trouble] + [f"{'not ok' if trouble else 'ok'} - {what}"]), flush=True)


if __name__ == "__main__":
    main()
