"""What bench.py's callers (run.sh by way of main(), smoke.py) share: servers to measure against, and running the programs.

As a program it is the full benchmark: every case, every client, one table. See README.md for how to read it.
"""
import argparse
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

JARS = "/usr/share/java"
JAR_NAMES = ["zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "metrics-core", "snappy-java", "netty-common",
             "netty-handler", "netty-transport", "netty-buffer", "netty-codec", "netty-resolver", "commons-cli", "audience-annotations"]


class BenchError(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def words(address, word):
    """The answer to one of the server's four-letter words, or "" when nobody answers."""
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=5) as link:
            link.sendall(word.encode())
            parts = []
            while part := link.recv(65536):
                parts.append(part)
            return b"".join(parts).decode()
    except OSError:
        return ""


def received(address):
    """How many packets the server has received from its clients since it started."""
    for line in words(address, "srvr").splitlines():
        if line.startswith("Received:"):
            return int(line.split()[1])
    raise BenchError("the server does not answer srvr")


class Server:
    """A server process on a free port of the loopback address; stopped when the block is left."""

    def __init__(self, command, port, scratch=None):
        self.address = "127.0.0.1:%d" % port
        self.command, self.scratch, self.process = command, scratch, None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 30
        while "Received:" not in words(self.address, "srvr"):
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.__exit__()
                raise BenchError("the server does not start: " + " ".join(self.command))
            time.sleep(0.02)
        return self

    def pin(self, cpus):
        """Lets the server run on those CPUs alone, with all its threads."""
        for thread in os.listdir("/proc/%d/task" % self.process.pid):
            try:
                os.sched_setaffinity(int(thread), cpus)
            except ProcessLookupError:
                pass

    def resident(self):
        """Bytes of memory."""
        with open("/proc/%d/statm" % self.process.pid, encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def cpu(self):
        """Seconds of all CPUs since it started, the kernel's on its behalf included."""
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)


def dev_server(program, *options):
    port = free_port()
    return Server([program, "--port", str(port), *options], port)


def have_apache():
    return shutil.which("java") is not None and os.path.exists(JARS + "/zookeeper.jar")


def apache_server(folder=None):
    """Apache ZooKeeper from the distribution's jars, alone, its log in a new directory of @folder without waiting for the disc. It may have
    as many requests outstanding as the clients here send: it would else stop reading at every thousandth."""
    port = free_port()
    scratch = tempfile.mkdtemp(prefix="docent-bench-", dir=folder)
    paths = [JARS + "/" + name + ".jar" for name in JAR_NAMES]
    return Server(["java", "-Xmx1g", "-cp", ":".join(path for path in paths if os.path.exists(path)),
                   "-Dzookeeper.4lw.commands.whitelist=*", "-Dzookeeper.admin.enableServer=false", "-Dzookeeper.forceSync=no",
                   "-Dzookeeper.maxCnxns=0", "-Dzookeeper.globalOutstandingLimit=100000", "org.apache.zookeeper.server.ZooKeeperServerMain", str(port), scratch, "2000", "0"],
                  port, scratch)


class Programs:
    """The programs of this folder in a build directory."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def has(self, name):
        return os.access(self.path(name), os.X_OK)

    def run(self, name, *arguments, wrapper=(), timeout=300, cpus=None, say=None):
        """The program's result as a dictionary of numbers. With @cpus, on those alone. @say: its standard input."""
        command = list(wrapper) + [self.path(name)] + [str(argument) for argument in arguments]
        pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, check=False,
                              preexec_fn=pin, input=say)
        if done.returncode != 0:
            raise BenchError("%s: exit %d: %s" % (" ".join(command), done.returncode, done.stderr.strip()[-2000:]))
        lines = done.stdout.strip().splitlines()
        result = dict(pair.split("=") for pair in lines[-1].split())
        return {key: int(value) for key, value in result.items()}

    def count_instructions(self, name, *arguments, say=None):
        """Of the whole run, in user space, by callgrind."""
        with tempfile.NamedTemporaryFile(prefix="docent-callgrind-") as out:
            self.run(name, *arguments, say=say, wrapper=("valgrind", "--tool=callgrind", "--quiet", "--callgrind-out-file=" + out.name))
            with open(out.name, encoding="utf-8", errors="replace") as lines:
                return next(int(line.split()[1]) for line in lines if line.startswith(("summary:", "totals:")))

    def instructions(self, name, case, address, fewer, more):
        """Per operation: two runs of different length, so that start and end cancel out."""
        totals = [self.count_instructions(name, case, address, operations) for operations in (fewer, more)]
        return (totals[1] - totals[0]) / (more - fewer)

    def callgrind_works(self):
        return shutil.which("valgrind") is not None


def median(results, key):
    values = sorted(result[key] for result in results)
    return values[len(values) // 2]


class Table:
    """Prints rows as they come: case, client, then columns."""

    def __init__(self):
        print("%-34s %-22s %12s %7s %12s %7s" % ("case", "client", "rate or time", "ratio", "CPU us/op", "ratio"))

    @staticmethod
    def row(case, client, value, ratio=None, cpu=None, cpu_ratio=None):
        def show(number, form):
            return "" if number is None else form % number
        print("%-34s %-22s %12s %7s %12s %7s" % (case, client, value, show(ratio, "%.2f"), show(cpu, "%.2f"),
                                                 show(cpu_ratio, "%.2f")), flush=True)


def rounds_of(programs, contenders, address, operations, rounds, cpus=None):
    """Every contender once per round, so that what else the machine does meets all of them alike. Medians of the rounds."""
    results = {label: [] for label, _, _ in contenders}
    for _ in range(rounds):
        for label, name, case in contenders:
            results[label].append(programs.run(name, case, address, operations, cpus=cpus))
    return results


def throughput(table, title, programs, contenders, address, operations, rounds):
    results = rounds_of(programs, contenders, address, operations, rounds)
    floor = None
    for label, _, _ in contenders:
        wall, cpu = median(results[label], "wall_ns"), median(results[label], "cpu_ns")
        rate, cpu_us = operations * 1e9 / wall, cpu / operations / 1000
        floor = floor or (rate, cpu_us)
        table.row(title, label, "%.0f/s" % rate, rate / floor[0], cpu_us, cpu_us / floor[1])


def latency(table, title, programs, contenders, address, operations, rounds, cpus=None):
    results = rounds_of(programs, contenders, address, operations, rounds, cpus)
    floor = None
    for label, _, _ in contenders:
        middle, cpu = median(results[label], "median_ns") / 1000, median(results[label], "cpu_ns") / operations / 1000
        floor = floor or (middle, cpu)
        table.row(title, label, "%.1f us" % middle, middle / floor[0], cpu, cpu / floor[1])


def contest(programs, program, operations, rounds):
    """Both servers in one run, in turn: what each does with a client that costs next to nothing. Apache ZooKeeper's log is in memory."""
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    print("%-34s %14s %14s %7s" % ("(g) server, 1,000 outstanding", "development", "Apache", "ratio"))
    with dev_server(program) as ours, apache_server(folder) as theirs:
        addresses = (ours.address, theirs.address)
        for address in addresses:
            programs.run("bench-null", "prepare", address, 1)
        for case in ("get", "set"):
            for address in addresses * 2:  # A Java machine is slow until it has compiled what matters.
                programs.run("bench-null", case, address, 2 * operations)
            walls = ([], [])
            for _ in range(rounds):
                for address, wall in zip(addresses, walls):
                    wall.append(programs.run("bench-null", case, address, operations)["wall_ns"])
            rates = [operations * 1e9 / sorted(wall)[len(wall) // 2] for wall in walls]
            print("    %-30s %12.0f/s %12.0f/s %7.1f" % (case, *rates, rates[0] / rates[1]), flush=True)


def idle(table, programs, server, sessions, seconds):
    """Opens the sessions, then watches from the server's side how its pings come in, and what it costs the server to have them."""
    address, before = server.address, server.resident()
    process = subprocess.Popen([programs.path("bench-idle"), address, str(sessions), str(seconds)], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline().strip() != "ready":
            raise BenchError("bench-idle: the sessions did not come up")
        resident, cpu, begin = server.resident(), server.cpu(), time.monotonic()
        counts, end = [received(address)], time.monotonic() + seconds - 0.5
        while time.monotonic() < end:
            time.sleep(0.1)
            counts.append(received(address))
        cpu, elapsed = server.cpu() - cpu, time.monotonic() - begin
        line = process.stdout.readline()
    finally:
        process.stdout.close()
        process.wait(60)
    result = {key: int(value) for key, value in (pair.split("=") for pair in line.split())}
    steps = [after - before for before, after in zip(counts, counts[1:])]
    case = "(e) %d idle sessions" % sessions
    table.row(case, "docent", "%d B" % result["rss_per_session"])
    print("    resident bytes per session above; heap %d B; threads %d; client CPU %.1f %%; states but CONNECTED: %d"
          % (result["heap_per_session"], result["threads"], 100 * result["cpu_ns"] / result["wall_ns"], result["trouble"]))
    print("    pings as the server received them, per 100 ms: mean %.0f, largest %d" % (sum(steps) / len(steps), max(steps)))
    print("    server: resident %d B per session, CPU %.1f %%, %.1f us per ping"
          % ((resident - before) / sessions, 100 * cpu / elapsed, 1e6 * cpu / max(1, counts[-1] - counts[0])))
    return result


def held(table, programs, address, locks):
    result = programs.run("bench-locks", address, locks)
    table.row("(m) %d locks held" % locks, "docent", "%d B" % result["heap_per_lock"])
    print("    bytes of the heap per lock above; resident %d B" % result["rss_per_lock"])


def cut(table, programs, address, operations):
    dead = "127.0.0.1:%d" % free_port()
    result = programs.run("bench-null", "cut", address, operations)
    floor = result["median_ns"] / 1000
    table.row("(f) back after a cut", "null: connect, attach", "%.0f us" % floor, 1)
    print("    slowest of %d: %.0f us" % (operations, result["max_ns"] / 1000))
    for label, servers in (("docent", address), ("docent, 1 of 2 dead", address + "," + dead)):
        result = programs.run("bench-cut", servers, operations)
        middle = result["median_ns"] / 1000
        table.row("(f) back after a cut", label, "%.0f us" % middle, middle / floor)
        print("    slowest of %d: %.0f us" % (operations, result["max_ns"] / 1000))


def watches(programs, address, rounds):
    """One-shot watches on paths of 200 bytes, which nobody creates; the medians of a few cuts, and of the rounds."""
    print("%-34s %-22s %12s %7s %12s %9s" % ("(h) watches back after a cut", "client", "time", "ratio", "CPU us/watch", "packets"))
    clients = [("null", "bench-watches-null"), ("docent", "bench-watches"), ("C client, fair", "bench-watches-apache")]
    clients = [(label, name) for label, name in clients if programs.has(name)]
    cuts = 5
    programs.run("bench-watches-null", 100000, address, cuts)  # A server that has just started is slow at first.
    for count in (1000, 6000, 100000):
        results = {label: [] for label, _ in clients}
        for _ in range(rounds):
            for label, name in clients:
                if not results[label] or results[label][-1].get("restored", 1):  # What never comes back is not waited for again.
                    results[label].append(programs.run(name, count, address, cuts))
        floor = median(results["null"], "median_ns")
        for label, _ in clients:
            last = results[label][-1]
            if not last.get("restored", 1):
                print("    %-30s %-22s never: %d connections in 10 s, each ended by the server" % (count, label, last["connections"]))
                continue
            wall, cpu = median(results[label], "median_ns"), median(results[label], "cpu_ns") / cuts / count / 1000
            print("    %-30s %-22s %9.1f ms %7.2f %12.2f %9d" % (count, label, wall / 1e6, wall / floor, cpu, last["packets"]), flush=True)


def start(table, programs, program):
    port = free_port()
    result = programs.run("bench-start", 20, program, "--port", port, "127.0.0.1:%d" % port)
    table.row("    development server starts", "null: first session", "%.1f ms" % (result["median_ns"] / 1e6))
    print("    resident when empty: %.2f MiB" % (result["rss"] / 1048576))


def count_requests(programs, case, address, operations):
    """Requests per operation as the server counts them, the warm-up's included on both sides of the division."""
    before = received(address)
    programs.run("bench-docent", case, address, operations)
    return (received(address) - before) / (operations + 200)


def instruction_table(programs, address):
    print("user-space instructions per operation, by callgrind:")
    lines = [("null", "bench-null", ""), ("docent", "bench-docent", "")]
    if programs.has("bench-apache"):
        lines += [("C client, fair", "bench-apache", "fair-"), ("C client", "bench-apache", "")]
    for label, name, prefix in lines:
        gets, sets = (programs.instructions(name, prefix + case, address, 2000, 12000) for case in ("get", "set"))
        print("    %-22s get %8.1f   set %8.1f" % (label, gets, sets), flush=True)


def all_cases(programs, server, scale, rounds):
    table, address = Table(), server.address
    programs.run("bench-null", "prepare", address, 1)

    def clients(case, with_fair=True):
        chosen = [("null", "bench-null", case), ("docent", "bench-docent", case)]
        if programs.has("bench-apache"):
            if with_fair:
                chosen.append(("C client, fair", "bench-apache", "fair-" + case))
            chosen.append(("C client", "bench-apache", case))
        return chosen

    programs.run("bench-null", "get", address, 50000)  # A server that has just started is slow at first.
    programs.run("bench-null", "set", address, 50000)
    throughput(table, "(a) get, 1,000 outstanding", programs, clients("get"), address, 200000 // scale, rounds)
    blocking = [("null", "bench-null", "latency"), ("docent, own loop", "bench-docent", "latency"),
                ("docent, blocking", "bench-docent", "blocking")]
    if programs.has("bench-apache"):
        blocking += [("C client, fair", "bench-apache", "fair-latency"), ("C client, fair, sync", "bench-apache", "fair-blocking")]
    everywhere = os.sched_getaffinity(0)
    half = len(everywhere) // 2
    if half > 0:
        left, right = set(sorted(everywhere)[:half]), set(sorted(everywhere)[half:])
        server.pin(right)
        latency(table, "(b) get, one at a time, CPUs apart", programs, blocking, address, 20000 // scale, rounds, left)
        server.pin(everywhere)
    one = {min(everywhere)}
    server.pin(one)
    latency(table, "(b) get, one at a time, one CPU", programs, blocking, address, 20000 // scale, rounds, one)
    server.pin(everywhere)
    throughput(table, "(c) set, 1,000 outstanding", programs, clients("set"), address, 100000 // scale, rounds)
    locks = [("null", "bench-null", "lock"), ("docent", "bench-docent", "lock"),
             ("docent, blocking", "bench-docent", "lock-blocking")]
    if programs.has("bench-apache"):
        locks.append(("C client, by hand", "bench-apache", "fair-lock"))
    throughput(table, "(d) lock acquire + release", programs, locks, address, 10000 // scale, rounds)
    print("    requests per acquire + release, as the server counts: %.2f" % count_requests(programs, "lock", address, 2000))
    return table


def main():
    parser = argparse.ArgumentParser(description="All benchmarks; see README.md")
    parser.add_argument("--programs", required=True, help="folder of the built bench programs")
    parser.add_argument("--devserver", required=True, help="the docent-devserver program")
    parser.add_argument("--server", choices=["dev", "apache", "both", "contest"], default="both",
                        help="contest: only one server against the other")
    parser.add_argument("--watches", action="store_true", help="case (h) alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=int, default=1, help="divide the number of operations by this")
    parser.add_argument("--sessions", type=int, default=10000)
    options = parser.parse_args()
    programs = Programs(options.programs)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    enough = 2 * options.sessions + 1000  # A socket per idle session, and the client's wake-up descriptor.
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(enough, hard), max(enough, hard)))
    except ValueError:  # Few may raise it.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        options.sessions = min(options.sessions, (hard - 200) // 2)

    if options.watches:
        if options.server != "dev" and have_apache():
            print("== Apache ZooKeeper, from the distribution ==")
            with apache_server() as server:
                watches(programs, server.address, options.rounds)
        if options.server != "apache":
            print("== Development server ==")
            with dev_server(options.devserver) as server:
                watches(programs, server.address, options.rounds)
        return
    if options.server in ("both", "contest") and have_apache():
        print("== One server against the other ==")
        contest(programs, options.devserver, 100000 // options.scale, options.rounds)
    if options.server == "contest":
        with dev_server(options.devserver) as server:
            idle(Table(), programs, server, options.sessions, 10)
        return
    if options.server != "dev":
        if have_apache():
            print("== Apache ZooKeeper, from the distribution ==")
            with apache_server() as server:
                table = all_cases(programs, server, options.scale, options.rounds)
                cut(table, programs, server.address, 30)
                watches(programs, server.address, options.rounds)
        elif options.server == "apache":
            raise BenchError("no Java or no %s/zookeeper.jar" % JARS)
        else:
            print("Apache ZooKeeper is not installed: left out")
    if options.server != "apache":
        print("== Development server ==")
        with dev_server(options.devserver) as server:
            table = all_cases(programs, server, options.scale, options.rounds)
            cut(table, programs, server.address, 30)
            watches(programs, server.address, options.rounds)
            if programs.callgrind_works():
                instruction_table(programs, server.address)
        with dev_server(options.devserver) as server:
            idle(table, programs, server, options.sessions, 10)
        with dev_server(options.devserver) as server:
            held(table, programs, server.address, 10000)
        start(table, programs, options.devserver)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit("bench: %s" % error)
