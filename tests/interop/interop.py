#!/usr/bin/env python3
"""tests/interop/interop.py DEVSERVER DOCENT_PEER SCRATCH [--only WORDS] [--ours LANGUAGE] - Curator, kazoo and we with the same recipes on the
same paths. Prints TAP.

Against Apache ZooKeeper and against the development server: for every recipe of a peer and for both roles, who waits gets in when the other
goes or is killed, and not earlier; names and data are what the peer expects; nothing is lost, nothing left behind. Where a peer's version is
known to do wrong, the test says so. Each language has one process, with many sessions; another of each is there to be killed, with the
holders of all recipes in it at once, for it takes a session time-out until a killed process is missed.

--only: tests with these words in their titles. --ours: our part is played by the peer itself, say curator: what fails then is not our
fault."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True  # Nothing is left in the sources.

import leaders
import locks
import pack
import queues
from peers import JARS, JAVA, PYTHON, Tap, Trouble, discard_peers, here, wire
from plays import Play, Server, Test
from talker import Talker

FAMILIES = (locks, leaders, queues, pack)  # Imported for their tests, which register themselves.


class Company:
    """The processes: those that stay, by language, and one to be killed for each language."""

    def __init__(self, commands):
        self.commands = commands
        self.talkers = {}

    def of(self, languages):
        """They are started when they are first asked for, and again when they have ended."""
        for language in languages:
            if language not in self.talkers or self.talkers[language].process.poll() is not None:
                self.talkers[language] = self.start(language)
        return self.talkers

    def start(self, language):
        return Talker(language, self.commands[language])


def why(company):
    """Lines on the trouble that has come, with what the peers said on their error outputs."""
    kind, trouble, _ = sys.exc_info()
    lines = [str(trouble)] if kind is Trouble else traceback.format_exc().splitlines()
    return lines + [f"{language}: {line}" for language, talker in company.talkers.items() for line in talker.errors[-10:]]


def forget_errors(company):
    for talker in company.talkers.values():
        talker.errors = []


def act(company, fn, *arguments):
    """(what the function returns, lines of trouble)"""
    try:
        return fn(*arguments), []
    except Exception:  # A peer that has ended, a node that is not there: the other tests go on.
        return None, why(company)


def play_all(tests, company, servers, ours, tap):
    for server in servers:
        for test in tests:
            for first, second in test.pairs(ours):
                forget_errors(company)
                play, trouble = act(company, Play, server, test.peer, company.of(company.commands), first, second)
                if not trouble:
                    _, trouble = act(company, test.fn, play)
                    trouble = trouble or act(company, play.end)[1]
                tap.say(f"{server.what}: {test.title(first, second)}", trouble)


def play_kills(tests, company, servers, ours, language, tap):
    """All tests whose first is of this language, until they have their first killed; then the rest of all of them."""
    doomed = company.start(language)
    begun = []
    for server in servers:
        for test in tests:
            for first, second in test.pairs(ours):
                if first != language:
                    continue
                forget_errors(company)
                play, trouble = act(company, Play, server, test.peer, company.of(company.commands), first, second, doomed)
                running = None
                if not trouble:
                    running = test.fn(play)
                    _, trouble = act(company, next, running)
                begun.append((f"{server.what}: {test.title(first, second)}", play, running, trouble))
    doomed.kill()
    for title, play, running, trouble in begun:
        if not trouble:
            _, trouble = act(company, next, running, None)
            trouble = trouble or act(company, play.end)[1]
        tap.say(title, trouble)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("devserver")
    parser.add_argument("docent_peer")
    parser.add_argument("scratch")
    parser.add_argument("--only", default="")
    parser.add_argument("--ours", default="docent")
    arguments = parser.parse_args()
    commands = {"docent": [arguments.docent_peer], "kazoo": [*PYTHON, f"{here}/kazoo_peer.py"],
                "zookeeper": [*PYTHON, f"{here}/kazoo_peer.py", "zookeeper"],
                "curator": [*JAVA, f"{JARS}:{arguments.scratch}", "CuratorPeer"]}
    tests = [test for test in Test.all if arguments.ours in ("docent", test.peer) and
             any(arguments.only in test.title(*pair) for pair in test.pairs(arguments.ours))]
    quiet, kills = [test for test in tests if not test.kills], [test for test in tests if test.kills]
    runs = sum(len(test.pairs("docent")) for test in tests) * 2
    print(f"1..{runs}", flush=True)
    folder, servers, tap, company = tempfile.mkdtemp(), [], Tap(), Company(commands)
    compiler = subprocess.Popen(["javac", "-cp", JARS, "-d", arguments.scratch,
                                 *(os.path.join(here, f"Curator{part}.java") for part in ("Peer", "Locks", "Leaders", "Queues"))])
    try:
        servers.append(Server("apache", *wire.start_apache(folder)))
        servers.append(Server("devserver", *wire.start_devserver(arguments.devserver)))
        for server in servers:
            server.create("/interop")
        if compiler.wait() != 0:
            raise SystemExit("Bail out! Curator's peer does not compile")
        play_all(quiet, company, servers, arguments.ours, tap)
        for language in dict.fromkeys(first for test in kills for pair in [test.pairs(arguments.ours)] for first, _ in pair):
            play_kills(kills, company, servers, arguments.ours, language, tap)
    finally:
        compiler.kill()
        compiler.wait()
        discard_peers(False)
        for server in servers:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if tap.failures else 0


if __name__ == "__main__":
    sys.exit(main())
