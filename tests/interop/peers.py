"""What the programs of this folder share: servers to talk to, processes that are talked to by lines, and tests that print TAP."""
import glob
import importlib.util
import os
import queue
import socket
import subprocess
import sys
import threading
import traceback

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("compare", os.path.join(here, "..", "live", "compare.py"))
wire = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(wire)

JARS = ":".join(sorted(jar for name in ["curator-client", "curator-framework", "curator-recipes", "guava", "failureaccess", "zookeeper",
                                        "zookeeper-jute", "slf4j-api", "slf4j-simple", "netty*", "snappy-java", "metrics-core",
                                        "commons-cli", "jackson*", "audience-annotations"]
                       for jar in glob.glob(f"/usr/share/java/{name}.jar")))
JAVA = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]
PYTHON = ["/usr/bin/python3", "-B"]  # The distribution's, which has kazoo.
PATIENCE = 40


class Trouble(Exception):
    """What went wrong, in words."""


def expect(good, what):
    if not good:
        raise Trouble(what)


class Peer:
    """A process that is talked to by lines. Whatever it says is read at once, so that it never waits for us to read."""
    all = []

    def __init__(self, language, command):
        self.language = language
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=wire.die_with_parent)
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


class Tap:
    """Numbers tests and counts those that failed."""

    def __init__(self):
        self.number = self.failures = 0

    def say(self, what, trouble):
        """@trouble: lines that say what went wrong; none if nothing did."""
        self.number += 1
        self.failures += bool(trouble)
        print("\n".join([f"{'not ok' if trouble else 'ok'} {self.number} - {what}"] + ["# " + line for line in trouble]), flush=True)

    def run(self, what, fn, *arguments):
        """Runs it, and says how it went: in case of trouble with what the peers said on their error outputs."""
        trouble = []
        try:
            fn(*arguments)
        except Trouble as e:
            trouble = [str(e)]
        except Exception:  # A node that is not there where one should be, and the like: the other tests go on.
            trouble = traceback.format_exc().splitlines()
        trouble += discard_peers(bool(trouble))
        self.say(what, trouble)


def discard_peers(with_errors):
    """Ends them all, and returns what they said on their error outputs if somebody wants to know."""
    said = []
    for peer in Peer.all:
        peer.discard()
        said += [f"{peer.language}: {line}" for line in peer.errors[-20:]] if with_errors else []
    Peer.all.clear()
    return said


class Relay:
    """Between clients and a server, so that connections can be cut under their feet."""

    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.pairs = []
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:  # Closed.
                return
            try:
                server = socket.create_connection(self.server)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.pairs.append((client, server))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self.pass_on, args=(source, target), daemon=True).start()

    @staticmethod
    def pass_on(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for link in (source, target):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for link in pair:
                try:
                    link.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.listener.close()
        self.cut()
