#!/usr/bin/env python3
"""tests/live/program.py SERVER [TEST...] - the development server as a program: its options, its limits, and what hostile clients cannot do to it.

Prints TAP, a test per function whose name begins with test_."""
import errno
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

from compare import (CONTAINER, DELETE, EXISTS, GET, OPEN, Session, auth, create, die_with_parent,
                     path_version, read, set_acl, set_data, ttl)

PROGRAM = sys.argv[1]
PATIENCE = 20  # Seconds: for what comes at once on an idle machine.
folder = None
running = []


class Server:
    """The program, ready for connections; what it wrote to stderr is in a file."""

    def __init__(self, *arguments, port=0):
        self.errors_path = f"{folder}/errors-{len(running)}"
        with open(self.errors_path, "w") as errors:
            self.process = subprocess.Popen([PROGRAM] + ([] if port is None else ["--port", str(port)]) + list(arguments),
                                            stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=die_with_parent)
        running.append(self.process)
        self.line = self.process.stdout.readline()
        assert ":" in self.line, (self.line, self.errors())
        self.port = int(self.line.rsplit(":", 1)[1])

    def errors(self):
        with open(self.errors_path) as file:
            return file.read()

    def session(self, **options):
        return Session(self.port, 0, **options)

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        s.settimeout(PATIENCE)
        return s

    def word(self, word):
        with self.connect() as s:
            s.sendall(word.encode())
            return everything(s)

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE)


def everything(s):
    """What comes until the other side closes, or resets."""
    data = b""
    try:
        while part := s.recv(65536):
            data += part
    except ConnectionError:
        pass
    return data.decode(errors="replace")


def refused(*arguments):
    """What it says when it does not start."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2 and done.stdout == "", done
    return done.stderr


def config(content):
    path = f"{folder}/zoo.cfg"
    with open(path, "w") as file:
        file.write(content)
    return path


def same(seen, expected):
    assert seen == expected, f"{seen!r} instead of {expected!r}"


def error_of(answers):
    return answers[-1][2]


# ---- Options. ----

def test_help_has_every_option():
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=PATIENCE)
    same(done.returncode, 0)
    for option in ("port bind tick-time min-session max-session max-connections max-total-connections max-request container-check "
                   "ttl-check ttl-nodes enforce-quota super words admin config help version").split():
        assert f"--{option}" in done.stdout, option
    assert re.fullmatch(r"docent-devserver \d+\.\d+\.\d+\n", subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout)


def test_what_is_wrong_on_the_command_line_is_named():
    assert "--port wants a number from 0 to 65535, not \"65536\"" in refused("--port", "65536")
    assert "--tick-time wants a number" in refused("--tick-time", "-5")
    assert "--max-request wants a number" in refused("--max-request", "1k")
    assert "--words wants a value" in refused("--words")
    assert "--prot" in refused("--prot", "1")
    assert "what is \"2181\"?" in refused("2181")
    assert "--super wants user:password" in refused("--super", "root")
    assert "No such file" in refused("--config", f"{folder}/none.cfg")
    assert "largest session time-out" in refused("--min-session", "500", "--max-session", "400")


def test_address_that_cannot_be_had_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run([PROGRAM, "--port", str(port)], capture_output=True, text=True, timeout=PATIENCE)
    same(done.returncode, 1)
    assert f"127.0.0.1:{port}" in done.stderr and "in use" in done.stderr, done.stderr


def test_one_line_is_said_and_a_signal_ends_it_well():
    for number in (signal.SIGTERM, signal.SIGINT):
        server = Server()
        same(server.line, f"docent-devserver: accepting connections on 127.0.0.1:{server.port}\n")
        session = server.session()
        server.process.send_signal(number)
        same(server.process.wait(PATIENCE), 0)
        same(session.frame(), None)
        same(server.process.stdout.read(), "")
        same(server.errors(), "")


def test_bound_to_one_address_it_is_not_at_another():
    server = Server("--bind", "127.0.0.2")
    same(server.line, f"docent-devserver: accepting connections on 127.0.0.2:{server.port}\n")
    with socket.create_connection(("127.0.0.2", server.port), PATIENCE) as s:
        s.sendall(b"ruok")
        same(everything(s), "imok")
    with socket.socket() as s:
        same(s.connect_ex(("127.0.0.1", server.port)), errno.ECONNREFUSED)
    done = subprocess.run([PROGRAM, "--port", "0", "--bind", "300.1.1.1"], capture_output=True, text=True, timeout=PATIENCE)
    same(done.returncode, 1)
    assert "300.1.1.1" in done.stderr, done.stderr


def test_time_outs_of_sessions_are_negotiated_within_bounds():
    for arguments, smallest, largest in (([], 1000, 10000), (["--tick-time", "50"], 100, 1000),
                                         (["--tick-time", "50", "--min-session", "300"], 300, 1000),
                                         (["--tick-time", "50", "--max-session", "700"], 100, 700),
                                         (["--min-session", "40", "--max-session", "90000"], 40, 90000)):
        server = Server(*arguments)
        same([server.session(timeout=wish).timeout for wish in (1, smallest + 1, 10 ** 9)], [smallest, smallest + 1, largest])
        server.stop()


def test_configuration_of_an_ensemble_starts_as_it_is():
    path = config("# made by somebody\n! else\ntickTime=200\n  clientPort = 0\nclientPortAddress: localhost\ninitLimit=10\n"
                  "4lw.commands.whitelist=stat, \\\n    ruok\nmaxSessionTimeout 3000\r\nserver.1=a:2888:3888\nadmin.enableServer=false\n")
    server = Server("--config", path, port=None)
    same(server.word("ruok"), "imok")
    same(server.session(timeout=100000).timeout, 3000)
    same(server.session(timeout=1).timeout, 400)  # Two ticks.
    assert "zoo.cfg:6: initLimit means nothing here" in server.errors()
    assert "zoo.cfg:10: server.1 means nothing here" in server.errors()
    same(server.errors().count("\n"), 2)


def test_command_line_wins_over_the_file():
    path = config("tickTime=200\nclientPort=1\nminSessionTimeout=700\n")
    server = Server("--config", path, "--tick-time", "1000", "--min-session", "900")
    same(server.session(timeout=1).timeout, 900)
    same(server.session(timeout=100000).timeout, 20000)


def test_what_is_wrong_in_a_file_is_told_with_its_line():
    assert "zoo.cfg:2: tickTime wants a number from 0 to 3600000, not \"5s\"" in refused("--config", config("clientPort=0\ntickTime=5s\n"))
    assert "zoo.cfg:1: extendedTypesEnabled wants true or false" in refused("--config", config("extendedTypesEnabled=maybe"))
    assert "zoo.cfg:1: clientPort wants" in refused("--port", "0", "--config", config("clientPort=none\n"))  # Given, and yet checked.


def test_super_may_do_everything():
    for arguments in (["--super", "root:secret"],
                      ["--config", config("DigestAuthenticationProvider.superDigest=root:J1scEM42CKaLPP5+ElgpgGsuONg=\n")]):
        server = Server(*arguments)
        closed = [(1, "digest", "nobody:x")]  # READ, for somebody that nobody is.
        other, root = server.session(), server.session()
        same(error_of(other.call(create("/a", b"secret", entries=closed))), 0)
        same(error_of(other.call(read(GET, "/a"))), -102)
        same(root.call(auth("digest", "root:secret"), xid=-4)[-1][2], 0)
        same(error_of(root.call(read(GET, "/a"))), 0)
        same(error_of(root.call(set_acl("/a", OPEN))), 0)
        same(error_of(other.call(auth("digest", "root:wrong"), xid=-4)), 0)
        same(error_of(other.call(set_acl("/a", closed))), 0)
        same(error_of(other.call(read(GET, "/a"))), -102)
        server.stop()


def test_nodes_that_go_by_themselves_go_as_often_as_the_options_say():
    server = Server("--ttl-nodes", "--ttl-check", "50")  # Containers: after a minute.
    a = server.session(timeout=10000)
    same(error_of(a.call(ttl("/ttl", 5, 20))), 0)
    same(error_of(a.call(create("/box", flags=4, op=CONTAINER))), 0)
    same(error_of(a.call(create("/box/x"))), 0)
    same(error_of(a.call(path_version(DELETE, "/box/x"))), 0)
    wait_for(lambda: error_of(a.call(read(EXISTS, "/ttl"))) == -101)
    same(error_of(a.call(read(EXISTS, "/box"))), 0)
    server.stop()
    server = Server("--container-check", "50")
    a = server.session(timeout=10000)
    same(error_of(a.call(create("/box", flags=4, op=CONTAINER))), 0)
    same(error_of(a.call(create("/box/x"))), 0)
    same(error_of(a.call(path_version(DELETE, "/box/x"))), 0)
    wait_for(lambda: error_of(a.call(read(EXISTS, "/box"))) == -101)
    assert server.session().call(ttl("/ttl", 5, 20))[-1][2] == -6  # Not allowed unless asked for.


# ---- Limits. ----

def test_connections_from_one_address_are_limited():
    server = Server("--max-connections", "2")
    first, second = server.session(), server.session()
    with server.connect() as third:
        same(everything(third), "")
    same(error_of(first.call(read(EXISTS, "/"))), 0)
    with socket.socket() as elsewhere:  # Another address has room of its own.
        elsewhere.bind(("127.0.0.2", 0))
        elsewhere.connect(("127.0.0.1", server.port))
        elsewhere.settimeout(PATIENCE)
        elsewhere.sendall(b"ruok")
        same(everything(elsewhere), "imok")
    second.close()
    wait_for(lambda: server.word("ruok") == "imok")


def test_connections_are_limited_in_all():
    server = Server("--max-total-connections", "1")
    first = server.session()
    same(server.word("ruok"), "")
    first.close()
    wait_for(lambda: server.word("ruok") == "imok")


def test_request_that_is_too_large_ends_its_connection_only():
    server = Server("--max-request", "1000")
    a, b = server.session(), server.session()
    fits = 1000 - len(struct.pack(">ii", 0, 0) + create("/fits", b"")[1])
    same(error_of(a.call(create("/fits", b"x" * fits))), 0)
    same(a.call(create("/more", b"x" * (fits + 1))), [None])
    same(error_of(b.call(read(EXISTS, "/more"))), -101)


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


# ---- Hostile clients: bounded memory, and others do not notice. ----

class Bystander:
    """A session that must go on being served while others misbehave."""

    def __init__(self, server):
        self.server = server
        self.session = server.session(timeout=40000) # It sends nothing while others are looked at.
        same(error_of(self.session.call(create("/bystander", b"data"))), 0)

    def served(self):
        for _ in range(20):
            same(error_of(self.session.call(read(GET, "/bystander"))), 0)
            same(error_of(self.session.call(set_data("/bystander", b"data"))), 0)


def packet(op, body, xid=1):
    return struct.pack(">iii", len(body) + 8, xid, op) + body


def sanitized():
    """Built with a sanitizer? They keep what is freed, and more."""
    with open(PROGRAM, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def grown(server, before, most_kib):
    """Has it taken more memory than it may?"""
    now = server.resident_kib()
    print(f"# {now - before} KiB more resident")
    assert sanitized() or now - before < most_kib, (before, now)


def test_thousand_silent_connections():
    server = Server()
    bystander = Bystander(server)
    before = server.resident_kib()
    silent = [server.connect() for _ in range(1000)]
    for s in silent[::2]:
        s.sendall(b"\0\0")  # Half a length.
    bystander.served()
    assert "Connections: 1002" in server.word("srvr")
    grown(server, before, 4096)
    for s in silent:
        s.close()
    wait_for(lambda: "Connections: 2\n" in server.word("srvr"))
    bystander.served()


def test_slow_readers_keep_little():
    server = Server()
    bystander = Bystander(server)
    same(error_of(bystander.session.call(create("/large", b"x" * 1000000))), 0)
    before = server.resident_kib()
    slow = [server.session(timeout=10000) for _ in range(20)]
    many = b"".join(packet(*read(GET, "/large"), xid=i) for i in range(1, 201))
    for s in slow:
        s.socket.settimeout(None)
        s.socket.setblocking(False)
        s.socket.send(many)  # Two hundred million bytes of answers.
    bystander.served()
    grown(server, before, 20 * 3 * 1024)
    for xid in range(1, 201):  # And still they come, in order, to whom begins to read.
        slow[0].socket.settimeout(PATIENCE)
        frame = slow[0].frame()
        same((struct.unpack(">i", frame[:4])[0], len(frame)), (xid, 16 + 4 + 1000000 + 68))
    bystander.served()


def test_writer_that_reads_nothing_is_not_read():
    server = Server()
    bystander = Bystander(server)
    before = server.resident_kib()
    flood = server.session(timeout=10000)
    flood.socket.settimeout(0.5)
    request = packet(*read(EXISTS, "/bystander")) * 1000
    sent = 0
    try:
        while sent < 1 << 28:
            sent += flood.socket.send(request)
    except socket.timeout:
        pass
    assert sent < 1 << 28, "all of it was read"
    bystander.served()
    grown(server, before, 8 * 1024)


def test_huge_lengths_and_words_of_no_meaning():
    server = Server()
    bystander = Bystander(server)
    before = server.resident_kib()
    for head in (b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff", b"\0\x10\0\0", b"what", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0"):
        for opened in (False, True):
            s = server.session().socket if opened else server.connect()
            s.settimeout(PATIENCE)
            s.sendall(head)
            same(everything(s), "")
            s.close()
    bystander.served()
    grown(server, before, 1024)


def test_beginnings_of_large_requests():
    server = Server()
    bystander = Bystander(server)
    before = server.resident_kib()
    begun = []
    for _ in range(30):
        s = server.connect()
        s.sendall(struct.pack(">i", 1000000) + b"x" * 999999)
        begun.append(s)
    bystander.served()
    grown(server, before, 30 * 2048)  # So much they may: it is what a request takes.
    for s in begun:
        s.close()
    wait_for(lambda: "Connections: 2\n" in server.word("srvr"))


def test_random_bytes():
    server = Server("--words", "ruok")
    bystander = Bystander(server)
    before = server.resident_kib()
    for seed in range(400):
        generator = random.Random(seed)
        s = server.session().socket if seed % 2 else server.connect()
        data = generator.randbytes(generator.randrange(1, 3000))
        if seed % 4 == 1:  # In frames.
            data = struct.pack(">i", len(data)) + data
        if seed % 4 == 3:  # As requests that there are.
            op = generator.choice([*range(1, 23), *range(100, 108), -11, -10])
            data = packet(op, struct.pack(">i", generator.randrange(-1, 40)) + data)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            everything(s)
        except OSError:
            pass
        s.close()
    bystander.served()
    same(server.process.poll(), None)
    grown(server, before, 8 * 1024)


def test_word_with_a_long_answer_is_read_by_whoever_has_closed_his_half():
    server = Server()
    session = server.session(timeout=10000)
    for i in range(12000):
        session.send(read(EXISTS, f"/{'x' * 1000}-{i}", True))
    for i in range(12000):
        session.frame()
    with server.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.sendall(b"wchc")
        s.shutdown(socket.SHUT_WR)
        same(everything(s).count("\n\t/"), 12000)


def test_server_without_descriptors_serves_whom_it_has():
    server = Server()
    bystander = Bystander(server)
    limit = len(os.listdir(f"/proc/{server.process.pid}/fd")) + 5
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    waiting = [server.connect() for _ in range(10)]
    bystander.served()
    ticks = cpu_ticks(server)
    time.sleep(0.5)
    assert cpu_ticks(server) - ticks < 20, "it spins"  # Hundredths of a second, of fifty.
    for s in waiting[:5]:
        s.close()
    waiting[9].sendall(b"ruok")
    same(everything(waiting[9]), "imok")


def cpu_ticks(server):
    with open(f"/proc/{server.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


# ---- What it costs. ----

def test_first_connection_is_accepted_at_once():
    took = []
    for _ in range(5):
        begin = time.monotonic()
        server = Server()
        server.session().close()
        took.append(time.monotonic() - begin)
        same(server.stop(), 0)
    print(f"# {min(took) * 1000:.1f} ms from fork to the first session, the best of {len(took)}")
    assert min(took) < float(os.environ.get("START_SECONDS", "0.2")), took


def test_empty_server_is_small():
    server = Server()
    same(server.word("ruok"), "imok")
    print(f"# {server.resident_kib()} KiB resident")
    if not sanitized():
        assert server.resident_kib() < 5 * 1024


def main():
    global folder
    tests = [(name, value) for name, value in globals().items() if name.startswith("test_") and (not sys.argv[2:] or name[5:] in sys.argv[2:])]
    failed = 0
    folder = tempfile.mkdtemp()
    print(f"1..{len(tests)}", flush=True)
    try:
        for number, (name, test) in enumerate(tests, 1):
            try:
                test()
                print(f"ok {number} - {name[5:]}", flush=True)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {number} - {name[5:]}", flush=True)
                print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
            while running:
                process = running.pop()
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
