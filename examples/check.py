"""Runs every example against a development server and looks at what it says. Speaks TAP.

    check.py EXAMPLES DEVSERVER
"""
import os
import signal
import subprocess
import sys
import tempfile
import time


def start_server(program):
    """The server's process and address. It says where it listens when it does."""
    process = subprocess.Popen([program, "--port", "0"], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    port = "".join(char if char.isdigit() else " " for char in line.rpartition(":")[2]).split()
    if not port:
        process.kill()
        raise OSError("the development server does not say where it listens: %r" % line)
    return process, "127.0.0.1:" + port[0]


def run(folder, name, *arguments, said=""):
    done = subprocess.run([os.path.join(folder, name)] + list(arguments), input=said, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=30, check=False)
    return done.returncode, done.stdout


def watch_a_change(folder, address):
    """The watch is told of a node that another example makes, and ends when it is interrupted."""
    watcher = subprocess.Popen([os.path.join(folder, "watch"), address, "/"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
    try:
        seen = watcher.stdout.readline()  # It is armed.
        run(folder, "multi", address)
        time_out = time.monotonic() + 10
        while "/example-multi: deleted" not in seen and time.monotonic() < time_out:
            seen += watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        rest, _ = watcher.communicate(timeout=10)
        return watcher.returncode, seen + rest
    finally:
        watcher.kill()
        watcher.wait()


def watch_a_tree(folder, address):
    """The tree is told as it is, then a node that another example leaves, and its end."""
    watcher = subprocess.Popen([os.path.join(folder, "watch_tree"), address, "/"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
    try:
        seen = ""
        for act, wanted in ((None, "loaded: "), (lambda: run(folder, "lock", address, "/check/tree", "worker", "0"), "/check/tree: ")):
            if act is not None:
                act()
            time_out = time.monotonic() + 10
            while wanted not in seen and time.monotonic() < time_out:
                seen += watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        rest, _ = watcher.communicate(timeout=10)
        return watcher.returncode, seen + rest
    finally:
        watcher.kill()
        watcher.wait()


def change_a_configuration(folder, address):
    """It serves what the servers have, and what the file has when they are away."""
    with tempfile.TemporaryDirectory() as scratch:
        file = os.path.join(scratch, "config.json")
        said = ""
        for connect in [address, "127.0.0.1:1"]:
            example = subprocess.Popen([os.path.join(folder, "live_config"), connect, "/example-config", file], stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
            try:
                line = example.stdout.readline()
                while line and "the values are" not in line:
                    said += line
                    line = example.stdout.readline()
                said += line
                time_out = time.monotonic() + 10
                while not os.path.exists(file) and time.monotonic() < time_out:
                    time.sleep(0.01)
                example.send_signal(signal.SIGINT)
                said += example.communicate(timeout=10)[0]
                if example.returncode != 0:
                    return example.returncode, said
            finally:
                example.kill()
                example.wait()
        return 0, said


CASES = [
    ("lock", lambda folder, address: run(folder, "lock", address, "/check/lock", "worker", "0"), "worker (pid ", "holds the lock, token "),
    ("queue", lambda folder, address: run(folder, "queue", address, "/check/queue", "first", "second"), "qn-0000000000: first",
     "qn-0000000001: second"),
    ("claim_queue", lambda folder, address: run(folder, "claim_queue", address, "/check/claim_queue", "easy", "hard"), "easy: done",
     "hard: failed, put back", "hard: done"),
    ("barrier", lambda folder, address: run(folder, "barrier", address, "/check/barrier", "pass"), "pass: "),
    ("double_barrier", lambda folder, address: run(folder, "double_barrier", address, "/check/double_barrier", "1", "2"), "round 2: all are here"),
    ("countdown", lambda folder, address: run(folder, "countdown", address, "/check/countdown", "2"), "all 2 parts are done", "started with round 0"),
    ("leader_latch", lambda folder, address: run(folder, "leader_latch", address, "/check/latch", "worker", "0"), "worker: leads, token "),
    ("leader_selector", lambda folder, address: run(folder, "leader_selector", address, "/check/selector", "worker", "2"), "worker: term 1, token ",
     "worker: term 2, token "),
    ("mutex", lambda folder, address: run(folder, "mutex", address, "/check/mutex"), "acquired 2 times", "the sum is 3"),
    ("work_queue", lambda folder, address: [run(folder, "work_queue", address, "/check/jobs", "put", "sweep"),
                                            run(folder, "work_queue", address, "/check/jobs", "work", "1")][1], "queue-0000000000: sweep"),
    ("queue_sharder", lambda folder, address: [run(folder, "queue_sharder", address, "/check/shards", "put", "sweep"),
                                               run(folder, "queue_sharder", address, "/check/shards", "work", "1")][1], "shard queue-", ": sweep"),
    ("semaphore", lambda folder, address: run(folder, "semaphore", address, "/check/gate", "3", "2", "0"), "holds 2 of 3"),
    ("lease", lambda folder, address: run(folder, "lease", address, "/check/lease", "me", "60"), "me has it for"),
    ("rwlock", lambda folder, address: run(folder, "rwlock", address, "/check/rwlock"), "alone, token ", "token still ", "DOCENT_ERR_UPGRADE"),
    ("multi_lock", lambda folder, address: run(folder, "multi_lock", address, "/check/b", "/check/a"), "holds /check/b and /check/a",
     "guarded by both: success"),
    ("blocking", lambda folder, address: run(folder, "blocking", address), "read     one, version 0", "deleted  /example-"),
    ("fenced_writer", lambda folder, address: run(folder, "fenced_writer", address), "now it is stopped", "to the node: refused",
     "to the other store: refused"),
    ("get_set", lambda folder, address: run(folder, "get_set", address), "set, version 1", "read hello, version 1"),
    ("multi", lambda folder, address: run(folder, "multi", address), "create parent and child: success", "delete both: success"),
    ("poll", lambda folder, address: run(folder, "poll", address, said="one\ntwo\n"), "set to two", "version 2", "closed"),
    ("state", lambda folder, address: run(folder, "state", address, "1"), "connected, a new session, connection number 1", "closed"),
    ("stats", lambda folder, address: run(folder, "stats", address, "5"), "getData \"/\" DOCENT_OK",
     'docent_operations_total{operation="get",outcome="ok"} 5', "# EOF"),
    ("live_config", change_a_configuration, "the pool may have 20 connections", "the values are current", "the values are those of the file"),
    ("watch", watch_a_change, "/example-multi/child: created", "/: ended"),
    ("watch_tree", watch_a_tree, "loaded: ", "added   /check/tree: ", "closed: "),
]


def main():
    folder, devserver = sys.argv[1:3]
    print("1..%d" % len(CASES), flush=True)
    server, address = start_server(devserver)
    failed = 0
    try:
        for number, (name, act, *expected) in enumerate(CASES, 1):
            try:
                code, said = act(folder, address)
            except subprocess.TimeoutExpired:
                code, said = -1, "does not end"
            good = code == 0 and all(text in said for text in expected)
            failed += not good
            print("%sok %d - the example %s does what it says" % ("" if good else "not ", number, name), flush=True)
            if not good:
                print("\n".join("# " + line for line in ["exit %d" % code] + said.splitlines()), flush=True)
    finally:
        server.terminate()
        server.wait()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
