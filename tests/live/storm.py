"""tests/live/storm.py - random requests for compare.py: whatever two sessions may send, good and bad, from one seed.

A storm runs against both servers in step and ends at the first difference, so what it does next may depend on what came back. It
leaves out what is known to bring Apache ZooKeeper 3.8.0 down, or to leave it without an answer or with an odd one: a TTL request with
another mode's flags, a successful check outside of a multi, a multi with a null path, a limit on the root, limits and counts of quotas
that are no such text, watches of a path that does not begin with "/", a sync of a path that is not UTF-8. The server's README says what
ours does then."""
import itertools
import random
import struct

from compare import (ADD_WATCH, CHECK, CHECK_WATCHES, CHILDREN, CHILDREN2, CLOSE, CONTAINER, COUNT, CREATE, CREATE2, DELETE, EPHEMERALS, EXISTS,
                     GET, GET_ACL, MULTI, MULTI_READ, OPEN, PING, RECONFIG, REMOVE_WATCHES, SET_ACL, SYNC, WHO_AM_I, Session, auth, create,
                     current_zxid, multi, path_version, read, set_acl, set_data, set_watches, text, ttl)

PATHS = ["/q", "/q/a", "/q/b", "/q/a/x", "/q/a/y", "/q/b/z", "/q/a/x/deep", "/none"]
ODD_PATHS = ["/", "", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/zookeeper/x", "/zookeeper/x/y", "/q/", "/q//a", "/q/./a", "/q/..", "q",
             "/q/\0", "/q/\x7f", "/q/é", "/q/\uf900", "/q/\ue000", b"/q/\xff", None, "/q/no/parent", "//", "/q/a/"]
LIMITS = ["count=3,bytes=10", "count=-1,bytes=-1", "count=1,bytes=5=;byteHardLimit=6;countHardLimit=2"]
BOB = "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="
ACLS = [OPEN, OPEN, OPEN, [(31, "auth", "")], [(31, "digest", BOB)], [(1, "world", "anyone")], [(1, "world", "anyone"), (31, "digest", BOB)],
        [(31, "ip", "127.0.0.1")], [(31, "ip", "127.0.0.0/8")], [(31, "ip", "10.0.0.0/8")], [(16, "world", "anyone"), (2, "ip", "127.0.0.1/32")],
        [(0, "world", "anyone")], [(-1, "world", "anyone")], [(12, "world", "anyone")], OPEN + OPEN, [(31, "super", "")], [(31, "sasl", "bob")],
        [(31, "x509", "CN=a")], [(31, "nosuch", "x")], [(31, "digest", "a:b:c")], [(31, "world", "")], [], None, [(31, None, "x")], [(31, "world", None)]]


class Storm:
    def __init__(self, port, base, seed):
        self.port, self.base = port, base
        self.rng = random.Random(seed)
        self.sessions = [Session(port, base), Session(port, base)]
        self.names = []  # Sequential nodes there were.
        self.zxid = 0    # The last, relative to the base.

    # ---- What to ask for. ----

    def path(self):
        r = self.rng
        kind = r.random()
        if kind < 0.75 or (kind < 0.9 and not self.names):
            return r.choice(PATHS)
        return r.choice(self.names) if kind < 0.9 else r.choice(ODD_PATHS)

    def data(self):
        return self.rng.choice([None, b"", b"d", b"data", b"x" * 100, b"\0\xff"])

    def version(self):
        return self.rng.choice([-1, -1, -1, 0, 1, 2, -2, 2147483647])

    def a_create(self):
        r = self.rng
        kind = r.random()
        path, entries = self.path(), r.choice(ACLS) if r.random() < 0.25 else OPEN
        if kind < 0.8:
            flags = r.choice([0, 0, 0, 1, 2, 3]) if r.random() < 0.95 else r.choice([-1, 5, 6, 7, 99])
            return create(path, self.data(), flags, entries, r.choice([CREATE, CREATE2]))
        if kind < 0.9:
            return create(path, self.data(), 4, entries, CONTAINER)
        flags = r.choice([5, 6])
        return ttl(path, flags, r.choice([3600000, 3600000, 1 << 39, 0, -1, 1 << 40]))

    def a_quota(self):
        r = self.rng
        home = "/zookeeper/quota" + r.choice(["/q", "/q/a"])
        node = home + r.choice(["/zookeeper_limits", "/zookeeper_stats"])
        return r.choice([create(home), create(node, r.choice(LIMITS).encode()), create(node, r.choice(LIMITS).encode()), read(GET, node),
                         read(GET, node), read(CHILDREN2, home), path_version(DELETE, node), read(EXISTS, node, True)])

    def a_write(self):
        r = self.rng
        kind = r.random()
        if kind < 0.5:
            return self.a_create()
        if kind < 0.75:
            return path_version(DELETE, self.path(), self.version())
        path = self.path()
        return set_data(path, self.data(), self.version())

    def a_multi(self):
        r = self.rng
        parts = [self.a_write() if r.random() < 0.85 else path_version(CHECK, self.path(), self.version()) for _ in range(r.randint(0, 5))]
        parts = [(op, body) for op, body in parts if body[:4] != text(None)]
        if r.random() < 0.03:
            parts.append(r.choice([read(GET, "/q"), set_acl("/q", OPEN), (99, b""), (SYNC, text("/q")), (20, text("/q"))]))
        return multi(*parts)

    def a_read(self):
        r = self.rng
        kind = r.random()
        path = self.path()
        if kind < 0.7:
            return read(r.choice([EXISTS, GET, CHILDREN, CHILDREN2]), path, r.random() < 0.5)
        if kind < 0.9:
            op = r.choice([GET_ACL, SYNC, EPHEMERALS, COUNT])
            return op, text("/q" if op == SYNC and isinstance(path, bytes) else path)
        if kind < 0.95:
            parts = [read(r.choice([GET, CHILDREN]), self.path(), r.random() < 0.5) for _ in range(r.randint(0, 4))]
            return multi(*parts, op=MULTI_READ)
        return r.choice([(PING, b""), (WHO_AM_I, b"")])

    def a_watch(self):
        r = self.rng
        kind = r.random()
        path = self.path() if r.random() < 0.95 else "/"
        if not isinstance(path, str) or not path.startswith("/"):
            path = "/"  # Another is answered in odd ways.
        if kind < 0.35:
            return path_version(ADD_WATCH, path, r.choice([0, 0, 1, 1, 1, 2, -1]))
        if kind < 0.75:
            return path_version(r.choice([CHECK_WATCHES, REMOVE_WATCHES, REMOVE_WATCHES]), path, r.choice([1, 2, 3, 3, 3, 0, 4, 5, 6]))
        lists = [[r.choice(PATHS) for _ in range(r.randint(0, 3))] for _ in range(r.choice([3, 5]))]
        return set_watches(self.base + max(0, self.zxid - r.randint(-1, 40)), *lists)

    def a_mess(self):
        """Something that no client sends: cut off, or with some bytes changed."""
        r = self.rng
        op, body = self.a_request()
        if op in (CLOSE, PING, RECONFIG) or not body:
            return op, body
        if r.random() < 0.5:
            return op, body[:r.randrange(len(body))]
        return op, body + bytes(r.randrange(256) for _ in range(r.randint(1, 9)))

    def a_request(self):
        kind = self.rng.random()
        if kind < 0.36:
            return self.a_write()
        if kind < 0.48:
            return self.a_multi()
        if kind < 0.53:
            path = self.path()
            return set_acl(path, self.rng.choice(ACLS), self.version())
        if kind < 0.57:
            return self.a_quota()
        if kind < 0.82:
            return self.a_read()
        if kind < 0.995:
            return self.a_watch()
        return RECONFIG, text(self.rng.choice([None, "server.2=h:1:2"])) + text(None) * 2 + struct.pack(">q", -1)

    # ---- Doing it. ----

    def learn(self, answers):
        for answer in answers:
            if answer is None or len(answer) < 3:
                continue
            self.zxid = max(self.zxid, answer[1])
            if answer[0] > 0 and len(answer) >= 4 and isinstance(answer[3], bytes) and answer[2] == 0 and b"00000" in answer[3]:
                self.names = (self.names + [answer[3][4:]])[-20:]

    def events(self, sort=False):
        told = [s.events() for s in self.sessions]
        return [sorted(t, key=repr) for t in told] if sort else told

    def begin_again(self, which, session=None, zxid=0):
        """A new connection in place of one. Returns what the server said, but for the ids."""
        old = self.sessions[which]
        if session is None:
            new = Session(self.port, self.base)
        else:
            new = Session(self.port, self.base, *session, zxid=zxid)
        said = None if new.answer is None else (len(new.answer), new.timeout, new.id != 0, new.id == old.id)
        if new.id == 0:  # Not wanted: take up the old one.
            new.close()
            new = Session(self.port, self.base, old.id, old.password)
            said = said, new.id == old.id
        old.close()
        self.sessions[which] = new
        return said

    def session_steps(self, which):
        r = self.rng
        session = self.sessions[which]
        kind = r.random()
        if kind < 0.3:
            yield "close", sorted(session.call((CLOSE, b"")), key=repr), session.frame()
            yield "new", self.begin_again(which)
        elif kind < 0.5:
            session.close()
            yield "reattach", self.begin_again(which, (session.id, session.password), self.base + self.zxid)
        elif kind < 0.6:
            said = self.begin_again(which, (session.id, session.password))
            yield "moved", said
        elif kind < 0.7:
            yield "wrong password", self.begin_again(which, (session.id, b"x" * 16))
        elif kind < 0.8:
            yield "from the future", self.begin_again(which, (session.id, session.password), self.base + self.zxid + 1000000)
        elif kind < 0.9:
            op = r.choice([0, 10, 23, 42, 99, 108, -1, -12])
            yield "unknown", op, session.call((op, b"")), session.frame()
            yield "reattach", self.begin_again(which, (session.id, session.password))
        else:
            yield "internal", session.call(r.choice([(-10, b""), (20, text("/q"))]))

    def burst(self, which):
        """Several at once, then all answers. Behind a transaction or a setACL come reads only: when Apache ZooKeeper checks a write that is
        there before they are applied, it can see what it rolled back, or the ACL from before."""
        session = self.sessions[which]
        requests = []
        for _ in range(self.rng.randint(2, 8)):
            reads = any(op in (MULTI, SET_ACL) for op, _ in requests)
            requests.append(self.a_read() if reads else self.a_request())
        for request in requests:
            session.send(request)
        answers = []
        for op, body in requests:
            while True:
                frame = session.frame()
                if frame is None or frame == b"time-out":
                    return requests, answers + [frame]
                answers.append(session.plain(op, body, frame))
                if struct.unpack(">i", frame[:4])[0] != -1:
                    break
        return requests, answers

    def steps(self):
        """Yields what was done, and what came of it, for ever."""
        r = self.rng
        while True:
            which = r.randrange(2)
            session = self.sessions[which]
            kind = r.random()
            if kind < 0.02:
                steps = list(self.session_steps(which))
                yield which, (steps, self.events(sort=True))
            elif kind < 0.03:
                user = r.choice([("digest", "bob:secret"), ("digest", "alice:x"), ("ip", ""), ("digest", "nocolon"), ("digest", "super:secret"),
                                 ("digest", "super:wrong"), ("world", "anyone"), ("sasl", "x"), ("x509", "x"), ("nosuch", "x"), ("digest", None)])
                said = session.call(auth(*user), xid=-4)
                yield (which, user), said
                if said[-1][2] != 0:
                    yield (which, "closed"), (session.frame(), self.begin_again(which, (session.id, session.password)))
                elif user[1] == "super:secret":  # It may do everything: not for long.
                    request = self.a_request()
                    yield (which, "super", request), (session.call(request), session.call((WHO_AM_I, b"")))
                    yield (which, "close"), (sorted(session.call((CLOSE, b"")), key=repr), self.begin_again(which), self.events(sort=True))
            elif kind < 0.08:
                requests, answers = self.burst(which)
                self.learn(answers)
                yield (which, requests), (answers, self.events())
            else:
                request = self.a_mess() if kind < 0.11 else self.a_request()
                answers = session.call(request)
                self.learn(answers)
                quiet = request[0] in (GET, EXISTS, CHILDREN, CHILDREN2, GET_ACL, SYNC, EPHEMERALS, COUNT, MULTI_READ, PING, WHO_AM_I)
                yield (which, request), (answers, [] if quiet else self.events())

    def end(self):
        """Leaves an empty tree behind."""
        for session in self.sessions:
            session.call((CLOSE, b""))
            session.close()
        sweeper = Session(self.port, self.base)
        sweeper.call(auth("digest", "super:secret"), xid=-4)

        def wipe(path):
            names = sweeper.call(read(CHILDREN, path))[-1]
            for name in names[3] if names[2] == 0 else []:
                child = (b"" if path == b"/" else path) + b"/" + name
                wipe(child)
                if child not in (b"/zookeeper", b"/zookeeper/quota", b"/zookeeper/config"):
                    sweeper.call(path_version(DELETE, child))
        wipe(b"/")
        # What can be changed but not be deleted.
        for path in ("/", "/zookeeper", "/zookeeper/quota"):
            sweeper.call(set_acl(path, OPEN))
        sweeper.call((CLOSE, b""))
        sweeper.close()


def compare(ports, seed, operations):
    """None, or lines that tell the first difference and what went before."""
    bases = [current_zxid(port) for port in ports]
    storms = [Storm(port, base, seed) for port, base in zip(ports, bases)]
    for s in storms:
        s.sessions[0].call(create("/q"))
    before = []
    try:
        for number, ((done, expected), (_, seen)) in enumerate(itertools.islice(zip(*(s.steps() for s in storms)), operations)):
            if expected != seen:
                return [f"before: {b}" for b in before] + [f"operation {number}: {done}", f"apache: {expected}", f"ours:   {seen}"]
            before = (before + [(done, expected)])[-6:]
    finally:
        for s in storms:
            s.end()
    return None
