#!/usr/bin/env python3
"""tests/interop/interop.py DEVSERVER DOCENT_PEER SCRATCH - Curator, kazoo and we in one critical section. Prints TAP.

Against Apache ZooKeeper and against the development server: a counter that three clients of two languages raise by reading and
writing it without its version loses nothing; a waiter gets in when the holder of the other language lets go, and when it is killed; the
names are those that the other language expects."""
import glob
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile

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
processes = []
number = 0
failures = 0


def start(command):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=wire.die_with_parent)
    processes.append(process)
    return process


def peer(language, connect, dialect, *words):
    commands = {"docent": [docent_peer], "kazoo": ["/usr/bin/python3", "-B", f"{here}/kazoo_peer.py"],
                "curator": ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}:{scratch}", "CuratorPeer"]}
    return start(commands[language] + [connect, dialect, *words])


def check(good, what, detail=""):
    global number, failures
    number += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {number} - {what}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(detail).splitlines()[-12:]), flush=True)


def end(process, timeout=60):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return "no end in sight"
    return "" if process.returncode == 0 else f"exit {process.returncode}\n{err}"


def session_of(port):
    return wire.Session(port, 0)


def names_of(session, path):
    answer = session.call(wire.read(wire.CHILDREN, path))[-1]
    return [name.decode() for name in answer[3]] if len(answer) > 3 and isinstance(answer[3], list) else []


def count_together(server, port, dialect):
    connect, session = f"127.0.0.1:{port}", session_of(port)
    counter = f"/counter-{dialect}"
    session.call(wire.create(counter, b"0"))
    workers = [peer(language, connect, dialect, "count", f"/interop/count-{dialect}", counter, "100")
               for language in ("docent", "docent", dialect)]
    troubles = [f"not ready: {line}" for line in [worker.stdout.readline() for worker in workers] if line != "ready\n"]
    for worker in workers:  # All at once: who starts slowly would else count alone.
        worker.stdin.write("\n")
        worker.stdin.flush()
    troubles += [trouble for trouble in map(end, workers) if trouble]
    value = session.call(wire.read(wire.GET, counter))[-1][3]
    check(not troubles and value[4:] == b"300", f"{server}: two docents and {dialect} count to 300", f"{value} {troubles}")
    session.close()


def take_turns(server, port, dialect, first, second, kill):
    connect, session, path = f"127.0.0.1:{port}", session_of(port), f"/interop/turns-{dialect}-{first}-{kill}"
    what = f"{server}: {second} gets in when {first} {'is killed' if kill else 'lets go'}"
    holder = peer(first, connect, dialect, "hold", path)
    trouble = "" if holder.stdout.readline() == "held\n" else "the first was never in"
    names = names_of(session, path)
    pattern = {"curator": r"_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-\d{10}", "kazoo": r"[0-9a-f]{32}__lock__\d{10}"}[dialect]
    if len(names) != 1 or not re.fullmatch(pattern, names[0]):
        trouble += f" names: {names}"
    waiter = peer(second, connect, dialect, "hold", path)
    for _ in range(300):
        if len(names_of(session, path)) == 2:
            break
        wire.time.sleep(0.1)
    else:
        trouble += " the second never queued"
    if kill:
        holder.kill()
    else:
        holder.stdin.close()
    if not trouble and waiter.stdout.readline() != "held\n":
        trouble = "the second was never in"
    holder.wait(30)
    if not trouble:
        waiter.stdin.close()
        waiter.wait(30)
        if names_of(session, path):
            trouble = f"left behind: {names_of(session, path)}"
    waiter.kill()
    check(not trouble, what, trouble)
    session.close()


def main():
    subprocess.run(["javac", "-cp", JARS, "-d", scratch, f"{here}/CuratorPeer.java"], check=True)
    folder = tempfile.mkdtemp()
    print("1..20", flush=True)
    try:
        for server in ("apache", "devserver"):
            port, process = wire.start_apache(folder) if server == "apache" else wire.start_devserver(devserver)
            processes.append(process)
            session_of(port).call(wire.create("/interop"))
            for dialect in ("curator", "kazoo"):
                count_together(server, port, dialect)
                for kill in (False, True):
                    take_turns(server, port, dialect, "docent", dialect, kill)
                    take_turns(server, port, dialect, dialect, "docent", kill)
    finally:
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
