"""The other clients that are installed, each as the beginning of a command: of a class of this folder that uses Curator, of a script that uses
kazoo. What they and ours do beside each other, in turns. And the two servers, one after the other."""
import argparse
import glob
import os
import shutil
import subprocess

import bench

HERE = os.path.dirname(os.path.abspath(__file__))
CURATOR_JARS = ["curator-client", "curator-framework", "curator-recipes", "guava", "failureaccess", "jackson*", "netty*", "commons-cli"]
PYTHON = ["/usr/bin/python3", "-B"]  # The distribution's, which has kazoo.


def curator(scratch, name):
    """Compiles @name.java into @scratch. None: there is no Java, or no Curator."""
    if not shutil.which("javac") or not os.path.exists(bench.JARS + "/curator-recipes.jar"):
        return None
    jars = [jar for jars in CURATOR_JARS + bench.JAR_NAMES for jar in sorted(glob.glob(bench.JARS + "/" + jars + ".jar"))]
    path = ":".join([scratch] + jars)
    subprocess.run(["javac", "-nowarn", "-cp", path, "-d", scratch, HERE + "/" + name + ".java"], check=True, stderr=subprocess.DEVNULL)
    return ["java", "-Xmx1g", "-cp", path, name]


def kazoo(script):
    """None: it is not installed."""
    if subprocess.run(PYTHON + ["-c", "import kazoo"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return None
    return PYTHON + [HERE + "/" + script]


def run(command, *arguments, cpus=None):
    """What a program prints, pairs of a key and a number, as a dictionary; with its rate per second and its CPU in microseconds per operation, if it counts
    operations."""
    pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
    done = subprocess.run([str(word) for word in (*command, *arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=600, check=False, preexec_fn=pin)
    if done.returncode != 0 or not done.stdout:
        raise bench.BenchError("%s: exit %d: %s" % (" ".join(done.args), done.returncode, done.stderr.strip()[-2000:]))
    result = {key: int(value) for key, value in (pair.split("=") for pair in done.stdout.split())}
    if result.get("ops", 0) > 0:
        result["rate"], result["cpu"] = result["ops"] * 1e9 / result["wall_ns"], result.get("cpu_ns", 0) / 1000 / result["ops"]
    return result


WARM = 5  # Runs that do not count.


def warm(command, *arguments):
    """A server in a Java machine is several times slower before it has compiled what it does: whoever came first would pay for the others."""
    for _ in range(WARM):
        run(command, *arguments)


def in_turns(rounds, clients, measure):
    """Every client once per round, so that what else the machine does meets all alike, and another one first in each, because a server that runs in a
    Java machine gets faster for a while: {label: [what @measure returns of its command, ...]}."""
    results = {label: [] for label, _ in clients}
    for number in range(rounds):
        first = number % len(clients)
        for label, command in clients[first:] + clients[:first]:
            results[label].append(measure(command))
    return results


def median(results, key):
    """bench.median(); 0 if there is nothing to be had from most of them."""
    return bench.median([{key: result.get(key, 0)} for result in results], key)


def times(rate, of):
    return "" if not of else "%.2f" % (rate / of)


def missed(rate, *wanted):
    """Prints what is not reached of (who, rate, least ratio to it)."""
    short = ["%.3f of %s, not %.1f" % (rate / of, who, least) for who, of, least in wanted if of and rate < least * of]
    if short:
        print("    missed: " + "; ".join(short), flush=True)


def parser(doc, rounds):
    """With the options that all have who compare with peers."""
    found = argparse.ArgumentParser(description=doc.split("\n", maxsplit=1)[0])
    found.add_argument("--programs", required=True)
    found.add_argument("--devserver", required=True)
    found.add_argument("--server", choices=["dev", "apache", "both"], default="both")
    found.add_argument("--rounds", type=int, default=rounds)
    found.add_argument("--without-peers", action="store_true")
    return found


def found(options, scratch, classes, scripts):
    """(label, command) of the peers that are installed and wanted: of {label: class}, {label: script}."""
    if options.without_peers:
        return []
    commands = [(label, curator(scratch, name)) for label, name in classes.items()]
    commands += [(label, kazoo(name)) for label, name in scripts.items()]
    return [(label, command) for label, command in commands if command is not None]


def servers(which, devserver):
    """(name, running server), of those that are asked for ("dev", "apache" or "both") and installed."""
    if which != "apache":
        with bench.dev_server(devserver) as server:
            yield "Development server", server
    if which != "dev" and bench.have_apache():
        with bench.apache_server("/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as server:
            yield "Apache ZooKeeper, from the distribution", server
