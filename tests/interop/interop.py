#!/usr/bin/env python3
"""tests/interop/interop.py DEVSERVER DOCENT_PEER SCRATCH - Curator, kazoo and we in one critical section. Prints TAP.

Against Apache ZooKeeper and against the development server: a counter that three clients of two languages raise by reading and
writing it without its version loses nothing; a waiter gets in when the holder of the other language lets go, and when it is killed, and
not earlier; names are those that the other language expects, and each sees the other in the queue, with its label. What Curator
writes compressed we read, and the other way round; kazoo has no compression."""
import gzip
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True  # Nothing is left in the sources.

from peers import JARS, JAVA, PATIENCE, PYTHON, Peer, Tap, discard_peers, expect, here, wire

devserver, docent_peer, scratch = sys.argv[1:4]
COMMANDS = {"docent": [docent_peer], "kazoo": [*PYTHON, f"{here}/kazoo_peer.py"],
            "curator": [*JAVA, f"{JARS}:{scratch}", "CuratorPeer"]}
NAMES = {"curator": r"_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-\d{10}", "kazoo": r"[0-9a-f]{32}__lock__\d{10}"}


def start(language, connect, dialect, *words):
    return Peer(language, COMMANDS[language] + [connect, dialect, *words])


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
    workers = [start(language, connect, dialect, "count", f"/interop/count-{dialect}", counter, "100")
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
    holder = start(first, connect, dialect, "hold", path, inside)
    holder.await_line("held")
    waiter = start(second, connect, dialect, "hold", path, inside)
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


def pack_and_unpack(port):
    connect, limit, folder = f"127.0.0.1:{port}", 1 << 20, "/packed"
    ask_server(port, wire.create(folder))
    peers = {language: start(language, connect, "curator", "pack", "/unused", str(limit)) for language in ("docent", "curator")}
    for peer in peers.values():
        peer.await_line("ready")
    for name, text, count in (("empty", "-", 0), ("one", "x", 1), ("text", "Grüße-", 9), ("most", "0123456789abcdef", limit // 16)):
        data = (text * count).encode()
        kept = []
        for writer in peers:
            path = f"{folder}/{name}-{writer}"
            peers[writer].ask(f"put {path} {text} {count}")
            peers[writer].await_line("put")
            kept.append(ask_server(port, wire.read(wire.GET, path))[3][4:])
            expect(gzip.decompress(kept[-1]) == data, f"{writer} keeps other data for {name}")
            for reader in peers.values():
                reader.ask(f"get {path}")
                reader.await_line(f"{len(data)} {zlib.crc32(data):08x}")
        expect(kept[0][:10] == kept[1][:10], f"headers differ: {kept[0][:10].hex()} and {kept[1][:10].hex()}")

    # What is no gzip member, and a bomb: a thousandth of what it comes to.
    ask_server(port, wire.create(f"{folder}/raw", b"not compressed, but long enough"))
    for reader in peers.values():
        reader.ask(f"get {folder}/raw")
        reader.await_line("corrupt")
    peers["curator"].ask(f"put {folder}/bomb 0 {limit + 1}")
    peers["curator"].await_line("put")
    peers["docent"].ask(f"get {folder}/bomb")
    peers["docent"].await_line("large")
    peers["docent"].ask(f"get {folder}/one-curator")  # It is none the worse for it.
    peers["docent"].await_line(f"1 {zlib.crc32(b'x'):08x}")
    for peer in peers.values():
        peer.let_go()
        peer.await_end()


def main():
    subprocess.run(["javac", "-cp", JARS, "-d", scratch, f"{here}/CuratorPeer.java"], check=True)
    folder = tempfile.mkdtemp()
    servers, tap = [], Tap()
    print("1..22", flush=True)
    try:
        for server in ("apache", "devserver"):
            port, process = wire.start_apache(folder) if server == "apache" else wire.start_devserver(devserver)
            servers.append(process)
            ask_server(port, wire.create("/interop"))
            tap.run(f"{server}: what curator or docent keeps compressed the other reads", pack_and_unpack, port)
            for dialect in ("curator", "kazoo"):
                tap.run(f"{server}: two docents and {dialect} count to 300", count_together, port, dialect)
                for kill in (False, True):
                    for first, second in (("docent", dialect), (dialect, "docent")):
                        what = f"{server}: {second} gets in when {first} {'is killed' if kill else 'lets go'}, and not earlier"
                        tap.run(what, take_turns, port, dialect, first, second, kill)
    finally:
        discard_peers(False)
        for process in servers:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if tap.failures else 0


if __name__ == "__main__":
    sys.exit(main())
