#!/usr/bin/env python3
"""tests/live/compare.py SERVER [--seeds A-B] [--operations N] - the development server against Apache ZooKeeper: the same requests,
the same answers.

Starts both, sends both the same frames over raw sockets, and compares every frame that comes back, byte for byte once zxids (relative
to the beginning), times, session ids and the order of children are made comparable. Prints TAP: a test per script, then one per seed of
N random operations (storm.py). Where the two differ the development server is wrong, or its README says why."""
import argparse
import contextlib
import ctypes
import glob
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

CREATE, DELETE, EXISTS, GET, SET, GET_ACL, SET_ACL, CHILDREN, SYNC, PING = 1, 2, 3, 4, 5, 6, 7, 8, 9, 11
CHILDREN2, CHECK, MULTI, CREATE2, RECONFIG, CHECK_WATCHES, REMOVE_WATCHES = 12, 13, 14, 15, 16, 17, 18
CONTAINER, TTL, MULTI_READ, AUTH, SET_WATCHES, EPHEMERALS, COUNT = 19, 21, 22, 100, 101, 103, 104
SET_WATCHES2, ADD_WATCH, WHO_AM_I, CLOSE = 105, 106, 107, -11
OPEN = [(31, "world", "anyone")]


def die_with_parent():
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until_serving(port, process):
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("Bail out! a server ended before it served")
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s:
                s.sendall(b"srvr")
                if b"Mode:" in s.recv(4096):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("Bail out! a server did not start")


def start_apache(folder, settings="admin.enableServer=false\n", properties=()):
    port = free_port()
    with open(f"{folder}/zoo.cfg", "w") as f:
        f.write(f"tickTime=500\ndataDir={folder}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"
                f"{settings}")
    names = ["zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "netty*", "snappy-java", "metrics-core", "commons-cli",
             "jackson*", "jetty9*", "servlet-api", "audience-annotations"]
    path = ":".join(jar for name in names for jar in glob.glob(f"/usr/share/java/{name}.jar"))
    process = subprocess.Popen(
        ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *properties, "-cp", path,
         "org.apache.zookeeper.server.ZooKeeperServerMain", f"{folder}/zoo.cfg"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    wait_until_serving(port, process)
    return port, process


def start_devserver(program, *options):
    process = subprocess.Popen([program, "--port", "0", "--tick-time", "500", *options], stdout=subprocess.PIPE, text=True,
                               preexec_fn=die_with_parent)
    port = int(process.stdout.readline().rsplit(":", 1)[1])
    wait_until_serving(port, process)
    return port, process


# ---- Requests. ----

def text(s):
    if s is None:
        return struct.pack(">i", -1)
    data = s if isinstance(s, bytes) else s.encode()
    return struct.pack(">i", len(data)) + data


def texts(names):
    return struct.pack(">i", -1) if names is None else struct.pack(">i", len(names)) + b"".join(text(n) for n in names)


def acl(entries):
    if entries is None:
        return struct.pack(">i", -1)
    return struct.pack(">i", len(entries)) + b"".join(struct.pack(">i", p) + text(s) + text(i) for p, s, i in entries)


def create(path, data=b"", flags=0, entries=OPEN, op=CREATE):
    return op, text(path) + text(data) + acl(entries) + struct.pack(">i", flags)


def ttl(path, flags, ms):
    return TTL, create(path, flags=flags)[1] + struct.pack(">q", ms)


def path_version(op, path, version=-1):
    return op, text(path) + struct.pack(">i", version)


def read(op, path, watch=False):
    return op, text(path) + struct.pack(">?", watch)


def set_data(path, data, version=-1):
    return SET, text(path) + text(data) + struct.pack(">i", version)


def set_acl(path, entries, version=-1):
    return SET_ACL, text(path) + acl(entries) + struct.pack(">i", version)


def multi(*ops, op=MULTI):
    return op, b"".join(struct.pack(">i?i", o, False, -1) + body for o, body in ops) + struct.pack(">i?i", -1, True, -1)


def auth(scheme, data):
    return AUTH, struct.pack(">i", 0) + text(scheme) + text(data)


def set_watches(zxid, *lists):
    return (SET_WATCHES if len(lists) == 3 else SET_WATCHES2), struct.pack(">q", zxid) + b"".join(texts(l) for l in lists)


class Session:
    """A connection, its requests, and what came back in a form that can be compared."""

    def __init__(self, port, base, session=0, password=b"\0" * 16, zxid=0, timeout=6000):
        self.port = port
        self.base = base
        self.xid = 0
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.socket.settimeout(5)
        body = struct.pack(">iqiq", 0, zxid, timeout, session) + text(password) + b"\0"
        self.raw(struct.pack(">i", len(body)) + body)
        answer = self.frame()
        self.answer = answer
        self.timeout, self.id = struct.unpack(">iq", answer[4:16]) if answer else (0, 0)
        self.password = answer[20:36] if answer else None

    def raw(self, data):
        self.socket.sendall(data)

    def frame(self):
        head = self.exactly(4)
        return None if head is None else self.exactly(struct.unpack(">i", head)[0])

    def exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except ConnectionError:
                return None
            except socket.timeout:
                return b"time-out"
            if not part:
                return None
            data += part
        return data

    def send(self, request, xid=None):
        op, body = request
        self.xid += 1
        frame = struct.pack(">ii", self.xid if xid is None else xid, op) + body
        self.raw(struct.pack(">i", len(frame)) + frame)
        return op

    def call(self, request, xid=None):
        """What came back up to and with the answer: events, answer; or "closed"."""
        op = self.send(request, xid)
        told = []
        while True:
            frame = self.frame()
            if frame is None or frame == b"time-out":
                return told + [frame]
            told.append(self.plain(op, request[1], frame))
            if struct.unpack(">i", frame[:4])[0] != -1:
                return told

    def relative(self, zxid):
        return zxid - self.base if zxid > 0 else zxid

    def stat(self, data):
        fields = list(struct.unpack(">qqqqiiiqiiq", data[:68]))
        owner = 0 if fields[7] == 0 else "mine" if fields[7] == self.id else "another's"
        return tuple(self.relative(f) for f in (fields[0], fields[1], fields[10])) + tuple(fields[4:7]) + (owner,) + tuple(fields[8:10])

    def plain(self, op, request, frame):
        xid, zxid, err = struct.unpack(">iqi", frame[:16])
        body = frame[16:]
        head = (xid, self.relative(zxid), err)
        if xid == -1 or err != 0:
            return head + (body if err == 0 else b"",)
        if op in (EXISTS, SET, SET_ACL):
            return head + (self.stat(body),)
        if op in (GET, GET_ACL, CREATE2, CONTAINER, TTL):
            return head + (body[:-68], self.stat(body[-68:]))
        if op in (CHILDREN, CHILDREN2, EPHEMERALS, WHO_AM_I):
            count, = struct.unpack(">i", body[:4])
            names, at = [], 4
            for _ in range(count * (2 if op == WHO_AM_I else 1)):
                size, = struct.unpack(">i", body[at:at + 4])
                names.append(body[at + 4:at + 4 + size])
                at += 4 + size
            return head + (sorted(names),) + ((self.stat(body[at:]),) if op == CHILDREN2 else ())
        if op in (MULTI, MULTI_READ):
            return head + tuple(self.multi(body))
        return head + (body,)

    def multi(self, body):
        at = 0
        while True:
            op, done, err = struct.unpack(">i?i", body[at:at + 9])
            at += 9
            part = ()
            if done:
                yield "end", body[at:]
                return
            if op in (CREATE, CREATE2, GET):
                size, = struct.unpack(">i", body[at:at + 4])
                part += (body[at + 4:at + 4 + max(size, 0)], size)
                at += 4 + max(size, 0)
            if op == CHILDREN:
                count, = struct.unpack(">i", body[at:at + 4])
                at += 4
                names = []
                for _ in range(count):
                    size, = struct.unpack(">i", body[at:at + 4])
                    names.append(body[at + 4:at + 4 + size])
                    at += 4 + size
                part += (sorted(names),)
            if op in (CREATE2, SET, GET):
                part += (self.stat(body[at:at + 68]),)
                at += 68
            if op == -1:
                part += struct.unpack(">i", body[at:at + 4])
                at += 4
            yield op, err, part

    def events(self):
        """Flushes: whatever was told so far, ended by a ping's answer."""
        return self.call((PING, b""), xid=-2)[:-1]

    def close(self):
        self.socket.close()


# ---- Scripts: functions of two sessions that yield what they saw. ----

def script_create(a, b):
    for request in [create("/c"), create("/c"), create("/c/x", None), create("/c/e", b"1", 1), create("/c/e/no"), create("/c/s-", b"", 2),
                    create("/c/s-", b"", 3), create("/c/", b"", 2), create("/no/parent"), create("relative"), create(""), create("/"),
                    create("/c/"), create("/c//d"), create("/c/./d"), create("/c/.."), create("/c/\1"), create("/c/\x7f"), create("/c/é"),
                    create(None), create("/c/\0x"), create("/c/acl", entries=[]), create("/c/acl", entries=None),
                    create("/c/acl", entries=[(31, "world", "nobody")]), create("/c/acl", entries=[(31, "auth", "")]),
                    create("/c/acl", entries=[(31, "ip", "host")]), create("/c/acl", entries=[(31, "ip", "10.0.0.0/8")]),
                    create("/c/two", entries=OPEN + OPEN), create("/c/d", entries=[(1, "digest", "a:b"), (31, "world", "anyone")]),
                    create("/c/bad", entries=[(31, "digest", "ab")]), create("/c/bad", entries=[(31, "sasl", "x")]),
                    create("/c/bad", entries=[(31, "super", "x")]), create("/c/f", flags=7), create("/c/f", flags=-1), create("/c/f", flags=5),
                    create("/c/k", op=CREATE2), create("/c/ct", flags=4, op=CONTAINER), ttl("/c/ttl", 5, 1000), ttl("/c/ttl", 0, 1000),
                    create("/zookeeper"), create("/zookeeper/x"), create("/c/\uf900"), create("/c/\ue000"), create(b"/c/\xff"),
                    create("/c/plain4", flags=4)]:
        yield request, a.call(request)
    yield "children", a.call(read(CHILDREN2, "/c")), b.call(read(CHILDREN2, "/c"))
    yield "ephemerals", a.call((EPHEMERALS, text("/c"))), b.call((EPHEMERALS, text("/"))), a.call((EPHEMERALS, text(None)))
    yield "count", a.call((COUNT, text("/c"))), a.call((COUNT, text("/none")))


def script_read_write(a, b):
    yield a.call(create("/r", b"one"))
    for request in [read(GET, "/r"), read(EXISTS, "/r"), set_data("/r", b"two", 0), set_data("/r", b"three", 0), set_data("/r", None),
                    read(GET, "/r"), set_data("/r", b""), read(GET, "/r"), set_data("/none", b"x"), set_data("bad", b"x"), set_data("/r", b"x", -2),
                    set_data("/r/", b"x"), set_data(None, b"x"), read(GET, "/none"), read(EXISTS, "/none"), read(GET, ""), read(GET, "/r/"),
                    read(EXISTS, "/r\0"), read(GET, None), read(CHILDREN, "/none"), read(CHILDREN, ""), read(CHILDREN2, "/zookeeper"),
                    (GET_ACL, text("/r")), (GET_ACL, text("/none")), (SYNC, text("/r")), (SYNC, text("/none")), (SYNC, text(None)),
                    (PING, b""), set_data("/zookeeper/config", b"x"), path_version(DELETE, "/zookeeper"), path_version(DELETE, "/"),
                    path_version(DELETE, ""), path_version(DELETE, "rel"), path_version(DELETE, "/zookeeper/config"),
                    path_version(DELETE, "/none"), path_version(DELETE, "/no/none"), path_version(DELETE, "/r", 77),
                    create("/r/child"), path_version(DELETE, "/r"), path_version(DELETE, "/r", 77), path_version(DELETE, "/r/child", 0),
                    path_version(DELETE, "/r"), read(GET, "/r"), (RECONFIG, text(None) * 3 + struct.pack(">q", -1)),
                    (GET, b""), (GET, b"\0\0"), (CREATE, text("/x")), (SET, b"\xff\xff\xff\xfe"), (GET, struct.pack(">i", 0x7fffffff)),
                    (CHILDREN, struct.pack(">i", -5)), (GET, text("/") + b"\0" + b"trailing")]:
        yield request, a.call(request)


def script_acl(a, b):
    yield a.call((WHO_AM_I, b""))
    yield a.call(auth("digest", "bob:secret"), xid=-4), a.call(auth("ip", "x"), xid=-4), a.call((WHO_AM_I, b""))
    for request in [create("/a", b"", 0, [(31, "auth", "")]), (GET_ACL, text("/a")), create("/a/n", b"", 0, [(1, "world", "anyone")]),
                    create("/a/r", b"", 0, [(16, "digest", "x:y"), (1, "world", "anyone")]), create("/a/ip", b"", 0, [(31, "ip", "127.0.0.1")]),
                    set_acl("/a/n", OPEN, 5), set_acl("/a/n", []), set_acl("/none", OPEN), set_acl("/a", [(31, "auth", "")], 0),
                    (GET_ACL, text("/a"))]:
        yield request, a.call(request)
    for request in [read(GET, "/a"), read(EXISTS, "/a"), read(CHILDREN, "/a"), (GET_ACL, text("/a")), set_data("/a", b"x"), create("/a/x"),
                    path_version(DELETE, "/a/n"), path_version(DELETE, "/a/none"), set_acl("/a", OPEN), read(GET, "/a/n"), set_data("/a/n", b"x", 9),
                    (GET_ACL, text("/a/r")), (GET_ACL, text("/a/ip")), (COUNT, text("/a")), read(GET, "/a/ip"),
                    multi(path_version(CHECK, "/a")), multi(set_data("/a", b"x"))]:
        yield request, b.call(request)


def script_multi(a, b):
    yield a.call(create("/m", b"1"))
    for request in [multi(), multi(create("/m/a"), create("/m/a/b"), path_version(DELETE, "/m/a/b"), path_version(CHECK, "/m", 0)),
                    multi(create("/m/x"), path_version(CHECK, "/m", 9), set_data("/m", b"z")), read(EXISTS, "/m/x"),
                    multi(create("/m/y", op=CREATE2), set_data("/m", b"2", 0), path_version(DELETE, "/m/y", 0)),
                    multi(create("/m/s-", b"", 2), create("/m/s-", b"", 2)), multi(create("/m/ct", flags=4, op=CONTAINER)),
                    multi(create("/m/c4", flags=4)), multi(path_version(DELETE, "/m/none")), multi(read(GET, "/m")),
                    multi((99, b"")), (MULTI, b""), (MULTI, b"\0\0"), multi(create("/m/e", b"", 1), create("/m/e/x")),
                    multi(set_data("/m", b"3", 1), set_data("/m", b"4", 2), set_data("/m", b"5", 3)), read(GET, "/m"), read(CHILDREN2, "/m"),
                    multi(create("/m/new"), create("/m/new")), multi(create("/m/f", flags=9)), multi(path_version(DELETE, "/m")),
                    multi(read(GET, "/m"), read(GET, "/none"), read(CHILDREN, "/m"), op=MULTI_READ), multi(op=MULTI_READ),
                    multi(read(EXISTS, "/m"), op=MULTI_READ), read(CHILDREN2, "/m")]:
        yield request, a.call(request)


def script_watches(a, b):
    yield a.call(create("/w", b"")), a.call(create("/w/k"))
    changes = [set_data("/w", b"1"), create("/w/c"), set_data("/w/c", b"2"), path_version(DELETE, "/w/c"), create("/w/d"),
               path_version(DELETE, "/w/d"), path_version(DELETE, "/w/k"), path_version(DELETE, "/w"), create("/w"), set_data("/w", b"3"), create("/w/k"),
               multi(create("/w/m"), set_data("/w", b"4"), path_version(DELETE, "/w/m"))]
    kinds = [[read(GET, "/w", True)], [read(EXISTS, "/w", True)], [read(CHILDREN, "/w", True)], [read(GET, "/w", True), read(CHILDREN2, "/w", True)],
             [path_version(ADD_WATCH, "/w", 0)], [path_version(ADD_WATCH, "/w", 1)], [read(EXISTS, "/w/c", True)], [read(GET, "/w/c", True)],
             [path_version(ADD_WATCH, "/w", 1), read(GET, "/w", True)], [path_version(ADD_WATCH, "/w", 1), read(CHILDREN, "/w", True)],
             [path_version(ADD_WATCH, "/w", 0), read(GET, "/w", True)], [path_version(ADD_WATCH, "/w", 0), read(CHILDREN, "/w", True)],
             [path_version(ADD_WATCH, "/w", 0), path_version(ADD_WATCH, "/w", 1)], [path_version(ADD_WATCH, "/w", 1), path_version(ADD_WATCH, "/w", 0)],
             [path_version(ADD_WATCH, "/", 1)], [path_version(ADD_WATCH, "/none", 0)], [path_version(ADD_WATCH, "/w", 2)],
             [read(GET, "/none", True)], [read(CHILDREN, "/none", True)]]
    for kind in kinds:
        yield [b.call(request) for request in kind]
        for change in changes:
            yield kind, change, a.call(change), b.events()
        yield kind, [b.call(path_version(CHECK_WATCHES, "/w", t)) for t in (1, 2, 3, 4)]
        yield kind, [b.call(path_version(REMOVE_WATCHES, p, 3)) for p in ("/w", "/w/c", "/", "/none", "/w")]
    yield b.call(path_version(REMOVE_WATCHES, "/w", 0)), b.call(path_version(CHECK_WATCHES, "/w", 9))
    yield b.call(path_version(ADD_WATCH, "/w", 1)), b.call(path_version(REMOVE_WATCHES, "/w", 1)), b.call(path_version(CHECK_WATCHES, "/w", 3))
    yield b.call(path_version(ADD_WATCH, "/w", 0)), b.call(path_version(REMOVE_WATCHES, "/w", 1)), a.call(create("/w/z")), a.call(set_data("/w", b"9")), b.events()


def script_own_watches(a, b):
    yield a.call(create("/o")), a.call(read(GET, "/o", True)), a.call(read(CHILDREN, "/o", True)), a.call(read(EXISTS, "/o/n", True))
    yield a.call(create("/o/n")), a.call(set_data("/o", b"1")), a.call(path_version(DELETE, "/o/n")), a.call(path_version(DELETE, "/o"))


def script_set_watches(a, b):
    yield a.call(create("/s")), a.call(create("/s/x")), a.call(set_data("/s", b"1"))
    zxid = a.base
    yield b.call(set_watches(zxid, ["/s", "/none"], ["/s", "/other"], ["/s", "/gone"]), xid=-8)
    yield b.call(set_watches(zxid + 1000, ["/s"], ["/s/y"], ["/s"], ["/s/p"], ["/s"]), xid=-8)
    yield a.call(create("/s/y")), b.events(), a.call(create("/s/p")), b.events(), a.call(set_data("/s/x", b"")), b.events()
    yield b.call(set_watches(zxid, None, [], []), xid=-8), b.call(set_watches(zxid, [], [], []), xid=77)


def script_session(a, b):
    yield a.call(create("/e", b"", 1)), b.call(read(EXISTS, "/e", True)), b.call(read(CHILDREN, "/", True))
    yield a.call((CLOSE, b"")), a.frame(), b.events(), b.call(read(EXISTS, "/e"))


def script_unknown(a, b):
    yield a.call((42, b"")), a.frame()
    yield b.call(create("/u", b"", 1)), b.call((-10, b"")), b.call((20, text("/u"))), b.call((0, b"")), b.frame()


def script_auth_refused(a, b):
    yield a.call(auth("nosuch", "x"), xid=-4), a.frame()
    yield b.call(auth("world", "x"), xid=-4), b.frame()


def script_large_frame(a, b):
    a.raw(struct.pack(">i", 0x100000))
    yield a.frame()
    b.raw(struct.pack(">i", -1))
    yield b.frame()


def script_short_frame(a, b):
    a.raw(struct.pack(">i", 3) + b"abc")
    yield a.frame()
    b.raw(struct.pack(">i", 0))
    yield b.frame()


def events_until(session, kind, path):
    """What is told up to that event. How long it takes is nobody's promise; that it is told, and in which order, is."""
    told = []
    while not told or told[-1] != (kind, path):
        frame = session.frame()
        if frame is None or frame == b"time-out":
            return told + [frame]
        told.append((struct.unpack(">i", frame[16:20])[0], frame[28:].decode()))
    return told


DELETED = 2


def script_reapers(a, b):
    yield b.call(path_version(ADD_WATCH, "/", 1)), a.call(create("/unused", flags=4, op=CONTAINER))
    for path in ("/k", "/k/k"):
        yield a.call(create(path, flags=4, op=CONTAINER))
    yield a.call(create("/k/k/x")), a.call(path_version(DELETE, "/k/k/x")), events_until(b, DELETED, "/k")
    yield a.call(multi(ttl("/p", 5, 300), create("/p/child"), ttl("/t", 5, 300))), events_until(b, DELETED, "/t")  # At once: none is late.
    yield a.call(path_version(DELETE, "/p/child")), events_until(b, DELETED, "/p")
    yield a.call(read(CHILDREN, "/")), a.call(read(EXISTS, "/unused"))


def script_expiry(a, b):
    c = Session(a.port, a.base, timeout=1)
    yield c.timeout, c.call(create("/e", flags=1)), b.call(read(EXISTS, "/e", True)), b.call(read(CHILDREN, "/", True))
    c.close()
    yield events_until(b, 4, "/"), a.call(read(EXISTS, "/e")), a.call(create("/after"))
    yield Session(a.port, a.base, c.id, c.password).answer
    d = Session(a.port, a.base, timeout=1)
    yield d.frame()  # It says nothing, and is told nothing.


def script_enforced_quota(a, b):
    home = "/zookeeper/quota/q"
    yield a.call(create("/q", b"12345")), a.call(create(home)), a.call(create(home + "/zookeeper_stats"))
    yield a.call(create(home + "/zookeeper_limits", b"count=2,bytes=8=;byteHardLimit=10;countHardLimit=3"))
    for request in [create("/q/a", b"12"), create("/q/b", b"1234"), set_data("/q/a", b"12345"), set_data("/q/a", b"123456"),
                    set_data("/q/a", b"123456", 9), set_data("/q/a", b"12345"), create("/q/b"), create("/q/c"), create("/q/c", flags=2),
                    multi(create("/q/c")), multi(path_version(DELETE, "/q/b"), create("/q/c")), path_version(DELETE, "/q/b"),
                    multi(create("/q/b"), create("/q/c")), read(GET, home + "/zookeeper_stats"), set_data("/q", b""), set_data("/q", b"1"),
                    create("/q/none/x"), create("/q/a"), set_data(home + "/zookeeper_limits", b"count=1,bytes=1"), create("/q/d", b"123456789"),
                    set_data(home + "/zookeeper_limits", b"count=-1,bytes=-1=;countHardLimit=1"), create("/q/e"), set_data("/q", b"12"),
                    set_data(home + "/zookeeper_limits", b"byteHardLimit=1"), create("/q/e"), create("/q/f", b"1"), set_data("/q", b"34"),
                    path_version(DELETE, home + "/zookeeper_limits"), create("/q/f", b"1"), (GET, text(home + "/zookeeper_stats") + b"\0"),
                    path_version(DELETE, home + "/zookeeper_stats"), path_version(DELETE, home),
                    (RECONFIG, text(None) * 3 + struct.pack(">q", -1))]:
        yield request, a.call(request)


def current_zxid(port):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"srvr")
        said = b""
        while part := s.recv(4096):
            said += part
    return int(said.split(b"Zxid: 0x")[1].split()[0], 16)


def run(script, port):
    base = current_zxid(port)
    a, b = Session(port, base), Session(port, base)
    try:
        seen = list(script(a, b))
    finally:
        a.close()
        b.close()
    # Leave nothing behind: the next script finds an empty tree.
    c = Session(port, base)
    c.call(auth("digest", "bob:secret"), xid=-4)

    def wipe(path):
        c.send(read(CHILDREN, path))
        frame = c.frame()
        count, = struct.unpack(">i", frame[16:20]) if len(frame) > 16 else (0,)
        at = 20
        for _ in range(max(count, 0)):
            size, = struct.unpack(">i", frame[at:at + 4])
            name = frame[at + 4:at + 4 + size]
            at += 4 + size
            child = (b"" if path == b"/" else path) + b"/" + name
            if child != b"/zookeeper":
                wipe(child)
                c.call(path_version(DELETE, child))
    wipe(b"/")
    c.call(path_version(DELETE, "/zookeeper/x"))
    for session in (a, b):
        if session.id:
            d = Session(port, base, session.id, session.password)
            if d.id:
                d.call((CLOSE, b""))
            d.close()
    c.call((CLOSE, b""))
    c.close()
    return seen, a, b


def compare_scripts(program, number):
    """Each script against both. Returns how many differed."""
    scripts = [script_create, script_read_write, script_acl, script_multi, script_watches, script_own_watches, script_set_watches,
               script_session, script_unknown, script_auth_refused, script_large_frame, script_short_frame]
    configured = [script_reapers, script_expiry, script_enforced_quota]
    failed = 0
    with pair(program) as plain, pair(program, CONFIGURED_OPTIONS, CONFIGURED_PROPERTIES, CONFIGURED) as other:
        for script in scripts + configured:
            apache, ours = other if script in configured else plain
            number += 1
            expected, seen = run(script, apache)[0], run(script, ours)[0]
            bad = [(e, s) for e, s in zip(expected, seen) if e != s]
            good = not bad and len(expected) == len(seen)
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {script.__name__.replace('script_', '').replace('_', ' ')}", flush=True)
            for e, s in bad[:6]:
                print(f"# apache: {e}\n# ours:   {s}", flush=True)
    return failed


SCRIPTS = 15
# One with what is off by default, or takes a minute.
CONFIGURED = "enforceQuota=true\nreconfigEnabled=true\nextendedTypesEnabled=true\n"
CONFIGURED_PROPERTIES = ["-Dznode.container.checkIntervalMs=300"]
CONFIGURED_OPTIONS = ["--container-check", "300"]
# The digest of super:secret. Reapers stay away: they come at different times.
STORM_PROPERTIES = ["-Dzookeeper.DigestAuthenticationProvider.superDigest=super:lK75jTNcA+U9vtVEw5vB51mj/w4=",
                    "-Dzookeeper.extendedTypesEnabled=true", "-Dznode.container.checkIntervalMs=86400000"]
STORM_OPTIONS = ["--super", "super:secret", "--ttl-nodes", "--container-check", "86400000"]


@contextlib.contextmanager
def pair(program, options=(), properties=(), settings=""):
    folder = tempfile.mkdtemp()
    processes = []
    try:
        apache, process = start_apache(folder, "admin.enableServer=false\n" + settings, properties)
        processes.append(process)
        with open(f"{folder}/ours.cfg", "w") as f:
            f.write(settings)
        ours, process = start_devserver(program, "--config", f"{folder}/ours.cfg", *options)
        processes.append(process)
        yield apache, ours
    finally:
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--seeds", default="1-8", help="A-B")
    parser.add_argument("--operations", type=int, default=2500, help="of each seed")
    parser.add_argument("--no-scripts", action="store_true")
    arguments = parser.parse_args()
    first, last = (int(n) for n in (arguments.seeds.split("-") * 2)[:2])
    scripts = 0 if arguments.no_scripts else SCRIPTS
    print(f"1..{scripts + last - first + 1}", flush=True)
    failed = 0 if arguments.no_scripts else compare_scripts(arguments.server, 0)
    with pair(arguments.server, STORM_OPTIONS, STORM_PROPERTIES) as ports:
        for seed in range(first, last + 1):
            difference = storm.compare(ports, seed, arguments.operations)
            failed += difference is not None
            print(f"{'ok' if difference is None else 'not ok'} {scripts + seed - first + 1} - {arguments.operations} random operations, "
                  f"seed {seed}", flush=True)
            if difference is not None:
                print("\n".join(f"# {line}" for line in difference), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.modules["compare"] = sys.modules["__main__"]
    import storm
    sys.exit(main())
