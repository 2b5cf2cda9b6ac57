#!/usr/bin/env python3
"""tests/live/restart.py SERVER [--times N] [--seed S] [--fsync] - what the development server keeps in a directory, when it is killed.

Kills it under load at random moments, starts it again with the same directory and port, and looks whether every acknowledged write is
there, every transaction whole, every session with its ephemeral alive. Then what else can happen to a directory. Prints TAP."""
import argparse
import ctypes
import os
import random
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

CREATE, DELETE, EXISTS, GET, SET, CHILDREN, MULTI, CLOSE = 1, 2, 3, 4, 5, 8, 14, -11
EPHEMERAL = 1
NO_NODE = -101
WRITERS, OUTSTANDING_MAX = 3, 64
BYTES_PER_NODE_MAX = 300


def die_with_parent():
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


class Server:
    """The program, with the same directory and port every time it is started."""
    started = []

    @classmethod
    def kill_all(cls):
        while cls.started:
            process = cls.started.pop()
            process.kill() # Does nothing to one that has been waited for.
            process.wait()

    def __init__(self, program, folder, *options):
        self.program, self.folder, self.options = program, folder, options
        self.port, self.process = 0, None

    def start(self, *options, limit=None):
        def prepare():
            die_with_parent()
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        self.process = subprocess.Popen(
            [self.program, "--port", str(self.port), "--data-dir", self.folder, "--tick-time", "100", "--max-session", "60000", *self.options,
             *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=prepare)
        Server.started.append(self.process)
        line = self.process.stdout.readline()
        if line == "":
            return False
        self.port = int(line.rsplit(":", 1)[1])
        return True

    def kill(self):
        self.process.kill()
        return self.end()

    def end(self):
        """What it said on its way."""
        said = self.process.communicate(timeout=30)[1]
        return said

    def rss(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) * 1024


def text(data):
    return struct.pack(">i", len(data)) + data


OPEN = struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone")


def create(path, data=b"", flags=0):
    return CREATE, text(path) + text(data) + OPEN + struct.pack(">i", flags)


def delete(path):
    return DELETE, text(path) + struct.pack(">i", -1)


def set_data(path, data):
    return SET, text(path) + text(data) + struct.pack(">i", -1)


def multi(*ops):
    return MULTI, b"".join(struct.pack(">i?i", op, False, -1) + body for op, body in ops) + struct.pack(">i?i", -1, True, -1)


class Lost(Exception):
    pass


class Client:
    """A session, over as many connections as it takes."""

    def __init__(self, server, timeout_ms=60000):
        self.server, self.timeout_ms = server, timeout_ms
        self.session, self.password, self.zxid = 0, bytes(16), 0
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.server.port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received, self.xid = b"", 0
        self.socket.sendall(text(struct.pack(">iqiqi", 0, self.zxid, self.timeout_ms, self.session, 16) + self.password + b"\0"))
        _, timeout, session, _ = struct.unpack(">iiqi", (answer := self.frame())[:20])
        if self.session not in (0, session):
            raise AssertionError(f"session 0x{self.session:x} is over")
        self.session, self.password, self.granted_ms = session, answer[20:36], timeout

    def frame(self):
        while (frame := self.cut()) is None:
            self.fill()
        return frame

    def cut(self):
        """The next frame of what was received, or None."""
        if len(self.received) < 4:
            return None
        end = 4 + struct.unpack(">i", self.received[:4])[0]
        if len(self.received) < end:
            return None
        frame, self.received = self.received[4:end], self.received[end:]
        return frame

    def fill(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError as error:
            raise Lost from error
        if data == b"":
            raise Lost
        self.received += data

    def send(self, request):
        self.xid += 1
        try:
            self.socket.sendall(text(struct.pack(">ii", self.xid, request[0]) + request[1]))
        except ConnectionError as error:
            raise Lost from error

    def reply(self, frame):
        """Error and body. Zxids must never go back, whatever happens to the server."""
        _, zxid, error = struct.unpack(">iqi", frame[:16])
        if zxid < self.zxid:
            raise AssertionError(f"zxid 0x{zxid:x} after 0x{self.zxid:x}")
        self.zxid = zxid
        return error, frame[16:]

    def ask(self, request):
        self.send(request)
        return self.reply(self.frame())

    def do(self, request):
        error, body = self.ask(request)
        assert error == 0, f"op {request[0]} fails with {error}"
        return body

    def get(self, path):
        """Data, version, owner."""
        body = self.do((GET, text(path) + b"\0"))
        size = max(struct.unpack(">i", body[:4])[0], 0)
        stat = struct.unpack(">qqqqiiiqiiq", body[4 + size:])
        return body[4:4 + size], stat[4], stat[7]

    def exists(self, path):
        error, body = self.ask((EXISTS, text(path) + b"\0"))
        assert error in (0, NO_NODE), error
        return error == 0

    def children(self, path):
        body = self.do((CHILDREN, text(path) + b"\0"))
        count, at, names = struct.unpack(">i", body[:4])[0], 4, []
        for _ in range(count):
            size = struct.unpack(">i", body[at:at + 4])[0]
            names.append(body[at + 4:at + 4 + size])
            at += 4 + size
        return names

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Writer(Client):
    """Counts in nodes of its own: in one by itself, and in several by transactions. Whatever happens, the first node's version is its
    count, and what transactions write agrees."""

    def __init__(self, server, index):
        super().__init__(server)
        self.path = b"/writer-%d" % index
        self.do(create(self.path, b"0"))
        for name in (b"/a", b"/b", b"/at-0"):
            self.do(create(self.path + name, b"0"))
        self.do(create(self.path + b"/here", b"", EPHEMERAL))
        self.sent = {SET: 0, MULTI: 0}
        self.done = {SET: 0, MULTI: 0}
        self.outstanding = []

    def write(self, rng):
        kind = rng.choice((SET, MULTI))
        self.sent[kind] += 1
        count = self.sent[kind]
        data = b"%d" % count
        self.send(set_data(self.path, data) if kind == SET else
                  multi(set_data(self.path + b"/a", data), create(self.path + b"/at-%d" % count),
                        set_data(self.path + b"/b", data + bytes(rng.randrange(300))), delete(self.path + b"/at-%d" % (count - 1))))
        self.outstanding.append((kind, count))

    def settle(self):
        """Takes the answers that are there."""
        self.fill()
        while (frame := self.cut()) is not None:
            error, _ = self.reply(frame)
            kind, count = self.outstanding.pop(0)
            assert error == 0, f"write {count} of op {kind} fails with {error}"
            self.done[kind] = count

    def settle_rest(self):
        """What the server sent before it ended was sent: it counts."""
        try:
            while True:
                self.settle()
        except Lost:
            pass
        self.socket.close()
        self.outstanding = []

    def look(self):
        data, version, _ = self.get(self.path)
        count = int(data)
        assert self.done[SET] <= count <= self.sent[SET], f"{self.path}: {count}, acknowledged {self.done[SET]}, sent {self.sent[SET]}"
        assert version == count, f"{self.path}: version {version} after {count} writes"
        a = int(self.get(self.path + b"/a")[0])
        b = int(self.get(self.path + b"/b")[0].rstrip(b"\0"))
        names = sorted(self.children(self.path))
        assert self.done[MULTI] <= a <= self.sent[MULTI], f"{self.path}/a: {a}, acknowledged {self.done[MULTI]}, sent {self.sent[MULTI]}"
        assert a == b, f"{self.path}: half a transaction: {a}, {b}"
        assert names == sorted([b"a", b"b", b"here", b"at-%d" % a]), f"{self.path}: half a transaction: {a}, {names}"
        owner = self.get(self.path + b"/here")[2]
        assert owner == self.session, f"{self.path}/here: of 0x{owner:x}, not 0x{self.session:x}"
        self.sent = {SET: count, MULTI: a}
        self.done = dict(self.sent)


def load(server, writers, rng, until):
    while (left := until - time.monotonic()) > 0:
        for writer in writers:
            while len(writer.outstanding) < OUTSTANDING_MAX and rng.random() < 0.9:
                writer.write(rng)
        ready, _, _ = select.select([writer.socket for writer in writers], [], [], left)
        for writer in writers:
            if writer.socket in ready:
                writer.settle()


def test_kill(program, folder, args):
    """killed {times} times under load: nothing acknowledged is lost, no transaction is half there, sessions live"""
    rng = random.Random(args.seed)
    server = Server(program, folder, "--snapshot-every", "500", *(["--fsync"] if args.fsync else []))
    assert server.start()
    writers = [Writer(server, i) for i in range(WRITERS)]
    slowest = 0
    for _ in range(args.times):
        load(server, writers, rng, time.monotonic() + rng.random() * 0.03)
        server.process.kill()
        for writer in writers:
            writer.settle_rest()
        said = server.end()
        begin = time.monotonic()
        assert server.start(), server.end()
        for writer in writers:
            writer.connect()
        slowest = max(slowest, time.monotonic() - begin)
        for writer in writers:
            writer.look()
        assert "damaged" not in said, said
    writes = sum(sum(writer.done.values()) for writer in writers)
    server.kill()
    print(f"# {writes} writes; at worst {slowest * 1000:.0f} ms from the start to the last session", flush=True)
    assert writes > args.times * 10, "hardly any load"
    assert server.start()
    server.kill()
    names = os.listdir(folder)
    kept = sum(name.startswith("snapshot.") for name in names)
    assert kept <= 3 and (args.times < 50 or kept > 0), names # One is finished only if the next kill leaves it the time.


def test_sessions(program, folder, _):
    """the time of sessions counts from the start; ephemerals stay until then, and go then"""
    server = Server(program, folder)
    assert server.start()
    watcher, owner = Client(server), Client(server, 1000)
    owner.do(create(b"/here", b"", EPHEMERAL))
    server.kill()
    until = time.monotonic() + 1.5 # Longer than the session lives.
    time.sleep(max(0, until - time.monotonic()))
    assert server.start()
    watcher.connect()
    assert watcher.exists(b"/here"), "gone at the start"
    begin = time.monotonic()
    while watcher.exists(b"/here"):
        assert time.monotonic() - begin < 10, "it stays for ever"
    assert time.monotonic() - begin > 0.8, "gone too early"
    server.kill()
    assert server.start()
    watcher.connect()
    assert not watcher.exists(b"/here"), "back again"
    try:
        owner.connect()
        assert False, "the session is back again"
    except AssertionError as error:
        assert "is over" in str(error), error
    server.kill()


def test_shared(program, folder, _):
    """a directory has one server"""
    first, second = Server(program, folder), Server(program, folder)
    assert first.start()
    assert not second.start()
    said = second.end()
    assert second.process.returncode == 1 and f"another server has this directory (process {first.process.pid})" in said, said
    Client(first).do(create(b"/a"))
    first.kill()
    assert second.start(), "although the first has ended"
    assert Client(second).exists(b"/a")
    second.kill()


def fill(server, count):
    client = Client(server)
    for i in range(count):
        client.do(create(b"/node-%d" % i, b"some data"))
    return client


def log_of(folder):
    return os.path.join(folder, max(name for name in os.listdir(folder) if name.startswith("log.")))


def test_torn(program, folder, _):
    """a torn end is cut off with a warning"""
    server = Server(program, folder)
    assert server.start()
    fill(server, 10)
    server.kill()
    size = os.path.getsize(log_of(folder))
    os.truncate(log_of(folder), size - 3)
    assert server.start()
    client = Client(server)
    assert client.exists(b"/node-8") and not client.exists(b"/node-9")
    client.do(create(b"/node-9"))
    said = server.kill()
    assert "warning" in said and "offset" in said, said
    assert server.start()
    assert Client(server).exists(b"/node-9")
    assert server.kill() == ""


def test_damaged(program, folder, _):
    """damage with something behind it is refused, with the offset"""
    server = Server(program, folder)
    assert server.start()
    fill(server, 10)
    server.kill()
    with open(log_of(folder), "r+b") as f:
        data = f.read()
        at = data.index(b"/node-4")
        f.seek(at)
        f.write(b"!")
    assert not server.start()
    said = server.end()
    assert server.process.returncode == 1 and "damaged at offset" in said and "\n" == said[-1], said
    offset = int(said.split("offset ")[1].split()[0].rstrip(","))
    assert data.rindex(b"/node-3") < offset < at, said
    os.truncate(log_of(folder), offset)
    assert server.start(), "although it was cut"
    client = Client(server)
    assert client.exists(b"/node-3") and not client.exists(b"/node-4")
    server.kill()


def test_full(program, folder, _):
    """when nothing more can be written nothing more is acknowledged, and the server says so and ends"""
    server = Server(program, folder)
    assert server.start(limit=20000)
    client = Client(server)
    done = 0
    try:
        while done < 1000:
            client.do(create(b"/node-%d" % done, b"some data"))
            done += 1
    except Lost:
        pass
    said = server.end()
    assert 0 < done < 1000, done
    assert server.process.returncode == 1 and "cannot write to the log" in said, (server.process.returncode, said)
    assert server.start()
    client.connect()
    assert len([name for name in client.children(b"/") if name.startswith(b"node-")]) in (done, done + 1)
    assert client.exists(b"/node-%d" % (done - 1))
    server.kill()


def test_foreign(program, folder, _):
    """data of others is left alone"""
    server = Server(program, folder)
    os.makedirs(os.path.join(folder, "version-2"))
    assert not server.start()
    assert "Apache ZooKeeper" in server.end()
    os.rmdir(os.path.join(folder, "version-2"))
    with open(os.path.join(folder, "log.0000000000000000"), "wb") as f:
        f.write(b"notes of mine\n")
    assert not server.start()
    assert "no log of this server" in server.end()


def test_memory(program, folder, _):
    """an empty node takes at most 300 bytes"""
    server = Server(program, folder, "--snapshot-every", "1000000") # While one is written there is a copy of everything.
    assert server.start()
    client = Client(server)
    client.do(create(b"/load"))
    before, count, batch = server.rss(), 200000, 500
    for begin in range(0, count, batch):
        for i in range(begin, begin + batch):
            client.send(create(b"/load/node-%010d" % i))
        for _ in range(batch):
            assert client.reply(client.frame())[0] == 0
    size = (server.rss() - before) / count
    print(f"# {size:.0f} bytes", flush=True)
    assert size <= BYTES_PER_NODE_MAX, size
    server.kill()
    begin = time.monotonic()
    assert server.start()
    print(f"# starts with {count} nodes in {(time.monotonic() - begin) * 1000:.0f} ms", flush=True)
    assert len(Client(server).children(b"/load")) == count
    server.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fsync", action="store_true")
    args = parser.parse_args()
    tests = [test_kill, test_sessions, test_shared, test_torn, test_damaged, test_full, test_foreign, test_memory]
    with open(args.server, "rb") as f:
        code = f.read()
    if b"__asan_init" in code or b"__tsan_init" in code: # A sanitizer's memory is not the server's.
        tests.remove(test_memory)
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        folder = tempfile.mkdtemp(prefix="docent-restart-")
        fault = None
        try:
            test(args.server, os.path.join(folder, "data", "here") if test is not test_foreign else folder, args)
        except Exception as error: # Whatever it is, the others are to run.
            fault = repr(error)
            print("# " + fault.replace("\n", "\n# "), flush=True)
        finally:
            Server.kill_all()
            shutil.rmtree(folder)
        failed += fault is not None
        print(f"{'not ' if fault else ''}ok {number} - {test.__doc__.format(times=args.times)}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
