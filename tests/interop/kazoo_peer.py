"""tests/interop/kazoo_peer.py [zookeeper] - kazoo's part in what several languages do together. See talker.py for what is said. With
"zookeeper" what ZooKeeper's own recipes do, which no package has: the same names, the same order, the same watches, on kazoo's operations.

Each thing that is made has a thread of its own, which does what it is asked to, one after the other."""
import datetime
import os
import queue
import sys
import threading
import time
import traceback

from kazoo.client import KazooClient
from kazoo.exceptions import LockTimeout, NoNodeError

sessions, things, threads = {}, {}, {}
saying = threading.Lock()


def say(line):
    with saying:
        print(line, flush=True)


def raw(word):
    return b"" if word == "-" else word.encode()


def text(data):
    return data.decode() or "-"


def enter(client, inside):
    if inside != "-":
        client.create(inside, ephemeral=True)


def leave(client, inside):
    if inside != "-":
        client.delete(inside)


class Lock:
    """LABEL [PATTERN...]: acquire MS INSIDE, release INSIDE, who, count COUNTER ROUNDS."""

    def __init__(self, client, path, words, _):
        self.client = client
        self.lock = client.Lock(path, words[0], extra_lock_patterns=words[1:])

    def acquire(self, ms, inside, lock=None):
        try:
            (lock or self.lock).acquire(timeout=int(ms) / 1000)
        except LockTimeout:
            return None
        enter(self.client, inside)
        return ""

    def release(self, inside, lock=None):
        leave(self.client, inside)
        (lock or self.lock).release()
        return ""

    def who(self):
        return " ".join(self.lock.contenders())

    def count(self, counter, rounds):
        for _ in range(int(rounds)):
            with self.lock:
                self.client.set(counter, str(int(self.client.get(counter)[0]) + 1).encode())
        return ""


class ReadWrite(Lock):
    """LABEL: read MS INSIDE, unread INSIDE, write MS INSIDE, unwrite INSIDE, who."""

    def __init__(self, client, path, words, teller):
        super().__init__(client, path, words, teller)
        self.reader, self.writer = client.ReadLock(path, words[0]), client.WriteLock(path, words[0])
        self.lock = self.writer

    def read(self, ms, inside):
        return self.acquire(ms, inside, self.reader)

    def unread(self, inside):
        return self.release(inside, self.reader)

    def write(self, ms, inside):
        return self.acquire(ms, inside, self.writer)

    def unwrite(self, inside):
        return self.release(inside, self.writer)


class Semaphore:
    """MAX LABEL: acquire 1 MS, release 1, who."""

    def __init__(self, client, path, words, _):
        self.semaphore = client.Semaphore(path, words[1], int(words[0]))

    def acquire(self, _, ms):
        try:
            self.semaphore.acquire(timeout=int(ms) / 1000)
        except LockTimeout:
            return None
        except ValueError:
            return "refused"
        return ""

    def release(self, _):
        self.semaphore.release()
        return ""

    def who(self):
        return str(len(self.semaphore.lease_holders()))


class Selector:
    """ID INSIDE: start; says "leads" when it does; leave, who, close."""

    def __init__(self, client, path, words, teller):
        self.client, self.inside, self.teller = client, words[1], teller
        self.election = client.Election(path, words[0])
        self.left = threading.Event()

    def lead(self):
        enter(self.client, self.inside)
        self.teller("leads")
        self.left.wait()
        leave(self.client, self.inside)

    def start(self):
        self.left.clear()
        threading.Thread(target=self.election.run, args=(self.lead,), daemon=True).start()
        return ""

    def leave(self):
        self.left.set()
        return ""

    def who(self):
        return " ".join(self.election.contenders())

    def close(self):
        self.election.cancel()
        return ""


class Barrier:
    """set, remove, wait MS."""

    def __init__(self, client, path, _, __):
        self.barrier = client.Barrier(path)

    def set(self):
        self.barrier.create()
        return ""

    def remove(self):
        self.barrier.remove()
        return ""

    def wait(self, ms):
        return "" if self.barrier.wait(int(ms) / 1000) else None


class DoubleBarrier:
    """MEMBERS LABEL: enter MS, leave MS. It has no deadline."""

    def __init__(self, client, path, words, _):
        self.barrier = client.DoubleBarrier(path, int(words[0]), words[1])

    def enter(self, _):
        self.barrier.enter()
        return ""

    def leave(self, _):
        self.barrier.leave()
        return ""


class Queue:
    """put DATA [PRIORITY], poll."""

    def __init__(self, client, path, _, __):
        self.queue = client.Queue(path)

    def put(self, data, priority="100"):
        self.queue.put(raw(data), int(priority))
        return ""

    def poll(self):
        data = self.queue.get()
        return None if data is None else text(data)


class LockingQueue:
    """put DATA [PRIORITY], multi DATA..., take MS, holds, consume, release."""

    def __init__(self, client, path, _, __):
        self.queue = client.LockingQueue(path)

    def put(self, data, priority="100"):
        self.queue.put(raw(data), int(priority))
        return ""

    def multi(self, *items):
        self.queue.put_all([raw(item) for item in items])
        return ""

    def take(self, ms):
        data = self.queue.get(int(ms) / 1000)
        return None if data is None else text(data)

    def holds(self):
        return "" if self.queue.holds_lock() else None

    def consume(self):
        return "" if self.queue.consume() else None

    def release(self):
        return "" if self.queue.release() else None


class Lease:
    """LABEL [COUNT]: obtain MS."""

    def __init__(self, client, path, words, _):
        self.client, self.path, self.label = client, path, words[0]
        self.count = int(words[1]) if len(words) > 1 else 0

    def obtain(self, ms):
        duration = datetime.timedelta(milliseconds=int(ms))
        if self.count:
            return "" if self.client.MultiNonBlockingLease(self.count, self.path, duration, self.label) else None
        return "" if self.client.NonBlockingLease(self.path, duration, self.label) else None


class ZooLock(Lock):
    """As the lock of the C recipes: x-<session>-, in the order of what follows the last "-", all children. LABEL is not used: it has no data."""

    def __init__(self, client, path, _, __):
        self.client, self.path, self.name = client, path, None
        client.ensure_path(path)

    def acquire(self, ms, inside):
        self.name = self.client.create(f"{self.path}/x-{self.client.client_id[0] & (1 << 64) - 1:016x}-", ephemeral=True, sequence=True).rsplit("/", 1)[1]
        end = time.monotonic() + int(ms) / 1000
        while True:
            names = sorted(self.client.get_children(self.path), key=lambda name: name.rsplit("-", 1)[1])
            at = names.index(self.name)
            gone = threading.Event()
            if at == 0:
                enter(self.client, inside)
                return ""
            if self.client.exists(f"{self.path}/{names[at - 1]}", watch=lambda _: gone.set()) is not None and not gone.wait(end - time.monotonic()):
                self.client.delete(f"{self.path}/{self.name}")
                return None

    def release(self, inside):
        leave(self.client, inside)
        self.client.delete(f"{self.path}/{self.name}")
        return ""

    def count(self, counter, rounds):
        for _ in range(int(rounds)):
            self.acquire("60000", "-")
            self.client.set(counter, str(int(self.client.get(counter)[0]) + 1).encode())
            self.release("-")
        return ""


class ZooQueue:
    """As the queue of the C recipes: qn-, in the order of names, all children. put DATA, poll, take MS."""

    def __init__(self, client, path, _, __):
        self.client, self.path = client, path
        client.ensure_path(path)

    def put(self, data):
        self.client.create(f"{self.path}/qn-", raw(data), sequence=True)
        return ""

    def poll(self, changed=None):
        for name in sorted(self.client.get_children(self.path, watch=changed)):
            try:
                data, _ = self.client.get(f"{self.path}/{name}")
                self.client.delete(f"{self.path}/{name}")
                return text(data)
            except NoNodeError:  # Another was faster.
                pass
        return None

    def take(self, ms):
        end = time.monotonic() + int(ms) / 1000
        while True:
            changed = threading.Event()
            data = self.poll(lambda _: changed.set())
            if data is not None or not changed.wait(max(0, end - time.monotonic())):
                return data


KINDS = {"lock": Lock, "read-write": ReadWrite, "semaphore": Semaphore, "selector": Selector, "barrier": Barrier, "double": DoubleBarrier,
         "plain-queue": Queue, "locking-queue": LockingQueue, "lease": Lease}
if sys.argv[1:] == ["zookeeper"]:
    KINDS = {"lock": ZooLock, "simple-queue": ZooQueue}


def new_session(connect):
    client = KazooClient(hosts=connect, timeout=4)
    client.start(timeout=30)
    return client


def serve(name, verb, words):
    if name == "session":
        if verb == "end":
            sessions.pop(words[0]).stop()
        else:
            sessions[verb] = new_session(words[0])
        return ""
    if verb != "new":
        return getattr(things[name], verb)(*words)
    kind, session, path, *options = words
    things[name] = KINDS[kind](sessions[session], path, options, lambda event: say(f"* {name} {event}"))
    return ""


def work(asked):
    while True:
        number, name, verb, words = asked.get()
        try:
            said = serve(name, verb, words)
            say(f"{number} no" if said is None else f"{number} ok {said}".rstrip())
        except Exception as trouble:  # Is told to who asked.
            traceback.print_exc()
            say(f"{number} error {trouble!r}")


for line in sys.stdin:
    number, name, verb, *words = line.split()
    thread = name if name != "session" else f"session {words[0] if verb == 'end' else verb}"
    if thread not in threads:
        threads[thread] = queue.Queue()
        threading.Thread(target=work, args=(threads[thread],), daemon=True).start()
    threads[thread].put((number, name, verb, words))
for client in list(sessions.values()):
    client.stop()
os._exit(0)  # A recipe that still waits has threads.
