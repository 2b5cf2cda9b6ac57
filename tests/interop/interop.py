#!/usr/bin/env python3
"""tests/interop/interop.py DEVSERVER DOCENT_PEER SCRATCH - Curator, kazoo and we in one critical section. Prints TAP.

Against Apache ZooKeeper and against the development server: a counter that three clients of two languages raise by reading and
writing it without its version loses nothing; a waiter gets in when the holder of the other language lets go, and when it is killed, and
not earlier; names are those that the other language expects, and each sees the other in the queue, with its label."""
import glob
import importlib.util
import os
import queue
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("compare", os.path.join(here, "..", "live", "compare.py"))
wire = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(wire)

devserver, docent_peer, scratch = sys.argv[1:4]
JARS = ":".join(sorted(jar for name in ["curator-client", "curator-framework", "curator-recipes", "guava", "failureaccess", "zookeeper",
                                        "zookeeper-jute", "slf4j-api", "slf4j-simple", "netty*", "snappy-java", "metrics-core",
                                        "commons-cli", "jackson*", "audience-annotations"]
                       for jar in glob.glob(f"/usr/share/java/{name}.jar")))
COMMANDS = {"docent": [docent_peer], "kazoo": ["/usr/bin/python3", "-B", f"{here}/kazoo_peer.py"],
            "curator": ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}:{scratch}", "CuratorPeer"]}
NAMES = {"curator": r"_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-\d{10}", "kazoo": r"[0-9a-f]{32}__lock__\d{10}"}
PATIENCE = 40
number = 0
failures = 0


class Trouble(Exception):
    """What went wrong, in words."""


def expect(good, what):
    if not good:
        raise Trouble(what)


class Peer:
    """A process that is talked to by lines. Whatever it says is read at once, so that it never waits for us to read."""
    all = []

    def __init__(self, language, connect, dialect, *words):
        self.language = language
        self.process = subprocess.Popen(COMMANDS[language] + [connect, dialect, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=wire.die_with_parent)
        self.said = queue.Queue()  # Lines; None: the end.
        self.errors = []
        self.readers = [threading.Thread(target=self.read_lines), threading.Thread(target=self.read_errors)]
        for reader in self.readers:
            reader.start()
        Peer.all.append(self)

    def read_lines(self):
        for line in self.process.stdout:
            self.said.put(line.rstrip("\n"))
        self.said.put(None)

    def read_errors(self):
        for line in self.process.stderr:
            self.errors = self.errors[-50:] + [line.rstrip("\n")]

    def line(self):
        try:
            line = self.said.get(timeout=PATIENCE)
        except queue.Empty:
            self.process.kill()
            raise Trouble(f"{self.language} said nothing for {PATIENCE} s") from None
        expect(line is not None, f"{self.language} ended instead of saying something")
        return line

    def await_line(self, expected):
        line = self.line()
        expect(line == expected, f"{self.language} said \"{line}\", not \"{expected}\"")

    def ask(self, question):
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Trouble(f"{self.language} does not listen any more") from None

    def let_go(self):
        self.process.stdin.close()

    def kill(self):
        self.process.kill()

    def await_end(self, code=0):
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Trouble(f"{self.language} did not end within {PATIENCE} s") from None
        expect(self.process.returncode == code, f"{self.language} ended with {self.process.returncode}, not {code}")

    def discard(self):
        self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()


def test(what, fn, *arguments):
    """Runs it, and says how it went: in case of trouble with what the peers said on their error outputs."""
    global number, failures
    trouble = []
    try:
        fn(*arguments)
    except Trouble as e:
        trouble = [str(e)]
    except Exception:  # A node that is not there where one should be, and the like: the other tests go on.
        trouble = traceback.format_exc().splitlines()
    for peer in Peer.all:
        peer.discard()
        trouble += [f"{peer.language}: {line}" for line in peer.errors[-20:]] if trouble else []
    Peer.all.clear()
    number += 1
    failures += bool(trouble)
    print("\n".join([f"{'not ok' if trouble else 'ok'} {number} - {what}"] + ["# " + line for line in trouble]), flush=True)


# ---- What the server knows. ----

def ask_server(port, request):
    session = wire.Session(port, 0)
    try:
        return session.call(request)[-1]
    finally:
        session.call((wire.CLOSE, b""))
        session.close()


def names_of(port, path):
    """In order of their numbers."""
    answer = ask_server(port, wire.read(wire.CHILDREN, path))
    names = [name.decode() for name in answer[3]] if isinstance(answer[3], list) else []
    return sorted(names, key=lambda name: name[-10:])


def stat_of(port, path):
    """(czxid, owner, pzxid), or None."""
    session = wire.Session(port, 0)
    session.send(wire.read(wire.EXISTS, path))
    frame = session.frame()
    session.call((wire.CLOSE, b""))
    session.close()
    fields = struct.unpack(">qqqqiiiqiiq", frame[16:84]) if len(frame) == 84 else None
    return fields and (fields[0], fields[7], fields[10])


# ---- The tests. ----

def count_together(port, dialect):
    connect, counter = f"127.0.0.1:{port}", f"/counter-{dialect}"
    ask_server(port, wire.create(counter, b"0"))
    workers = [Peer(language, connect, dialect, "count", f"/interop/count-{dialect}", counter, "100")
               for language in ("docent", "docent", dialect)]
    for worker in workers:
        worker.await_line("ready")
    for worker in workers:  # All at once: who starts slowly would else count alone.
        worker.ask("go")
    for worker in workers:
        worker.await_end()
    value = ask_server(port, wire.read(wire.GET, counter))[3][4:]
    expect(value == b"300", f"the counter says {value}")


def queue_of(port, path, length):
    for _ in range(PATIENCE * 20):
        names = names_of(port, path)
        if len(names) == length:
            return names
        time.sleep(0.05)
    raise Trouble(f"in the queue: {names}, not {length}")


def take_turns(port, dialect, first, second, kill):
    connect, path = f"127.0.0.1:{port}", f"/interop/turns-{dialect}-{first}-{kill}"
    inside = f"{path}-inside"
    holder = Peer(first, connect, dialect, "hold", path, inside)
    holder.await_line("held")
    waiter = Peer(second, connect, dialect, "hold", path, inside)
    names = queue_of(port, path, 2)
    for name in names:
        expect(re.fullmatch(NAMES[dialect], name), f"a name of {dialect}: {name}")

    # Each sees the other, with its label.
    holder.ask("who")
    labels = [f"{path}/{name}={label}" if first == "curator" else label for name, label in zip(names, (first, second))]
    holder.await_line(" ".join(labels))

    # The second is not inside, which the server proves: whoever is inside has made a node, of which there can be one.
    owners = [stat_of(port, f"{path}/{name}")[1] for name in names]
    expect(stat_of(port, inside)[1] == owners[0], "the first in the queue is not who is inside")
    expect(waiter.said.empty(), "the second is inside with the first")
    if kill:
        holder.kill()
    else:
        holder.let_go()
    waiter.await_line("held")
    created, owner, _ = stat_of(port, inside)
    expect(owner == owners[1], "the second in the queue is not who is inside")
    expect(names_of(port, path) == names[1:], "the first is still in the queue")
    expect(created > stat_of(port, path)[2], "the second was inside before the node of the first was gone")
    holder.await_end(-signal.SIGKILL if kill else 0)
    waiter.let_go()
    waiter.await_end()
    expect(not names_of(port, path), "a node was left behind")


def main():
    subprocess.run(["javac", "-cp", JARS, "-d", scratch, f"{here}/CuratorPeer.java"], check=True)
    folder = tempfile.mkdtemp()
    servers = []
    print("1..20", flush=True)
    try:
        for server in ("apache", "devserver"):
            port, process = wire.start_apache(folder) if server == "apache" else wire.start_devserver(devserver)
            servers.append(process)
            ask_server(port, wire.create("/interop"))
            for dialect in ("curator", "kazoo"):
                test(f"{server}: two docents and {dialect} count to 300", count_together, port, dialect)
                for kill in (False, True):
                    for first, second in (("docent", dialect), (dialect, "docent")):
                        what = f"{server}: {second} gets in when {first} {'is killed' if kill else 'lets go'}, and not earlier"
                        test(what, take_turns, port, dialect, first, second, kill)
    finally:
        for peer in Peer.all:
            peer.discard()
        for process in servers:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
