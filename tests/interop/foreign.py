#!/usr/bin/env python3
"""tests/interop/foreign.py CLIENT DEVSERVER SCRATCH [PROGRAM] - what a client that is not ours does with its recipes. Prints TAP.

CLIENT is kazoo, curator or apache-c (PROGRAM is its program then). The same program runs against Apache ZooKeeper, which is
the judge, and against the development server. It prints its plan and then a line of TAP for each recipe, these are passed on; "cut" asks for
all its connections to be cut, which is answered by a line."""
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # Nothing is left in the sources.

from peers import JARS, JAVA, PYTHON, Peer, Relay, Tap, Trouble, discard_peers, expect, here, wire

client, devserver, scratch = sys.argv[1:4]
COMMANDS = {"kazoo": [*PYTHON, f"{here}/kazoo_recipes.py"], "curator": [*JAVA, f"{JARS}:{scratch}", "CuratorRecipes"],
            "apache-c": sys.argv[4:5]}


def start_server(server, folder):
    """With nodes that have a TTL, and reapers that tests need not wait for."""
    if server == "apache":
        return wire.start_apache(folder, "admin.enableServer=false\n4lw.commands.whitelist=*\n",
                                 ["-Dznode.container.checkIntervalMs=300", "-Dzookeeper.extendedTypesEnabled=true"])
    return wire.start_devserver(devserver, "--ttl-nodes", "--container-check", "300")


def pass_on(server, peer, relay, tap):
    """What it prints, to its end."""
    plan = peer.line()
    expect(plan.startswith("1..") and int(plan[3:]) > 0, f"no plan, but \"{plan}\"")
    for _ in range(int(plan[3:])):
        trouble = []
        while True:
            line = peer.line()
            if line == "cut":
                relay.cut()
                peer.ask("cut")
            elif line.startswith("# "):
                trouble.append(line[2:])
            else:
                break
        verdict, _, what = line.partition(" - ")
        expect(verdict in ("ok", "not ok"), f"neither ok nor not ok, but \"{line}\"")
        bad = verdict == "not ok"
        tap.say(f"{server}: {client}: {what}", [*trouble, *peer.errors[-20:], "failed"] if bad else [])
    peer.let_go()
    peer.await_end()


def run_against(server, tap):
    folder = tempfile.mkdtemp()
    port, process = start_server(server, folder)
    relay = Relay(port)
    try:
        peer = Peer(client, [*COMMANDS[client], f"127.0.0.1:{relay.port}"])
        try:
            pass_on(server, peer, relay, tap)
            tap.say(f"{server}: {client}: says all that it has announced, and ends", [])
        except Trouble as e:
            tap.say(f"{server}: {client}: says all that it has announced, and ends", [str(e)] + discard_peers(True))
    finally:
        discard_peers(False)
        relay.close()
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    if client == "curator":
        subprocess.run(["javac", "-cp", JARS, "-d", scratch, f"{here}/CuratorRecipes.java"], check=True)
    tap = Tap()
    for server in ("apache", "devserver"):
        run_against(server, tap)
    print(f"1..{tap.number}")
    return 1 if tap.failures else 0


if __name__ == "__main__":
    sys.exit(main())
