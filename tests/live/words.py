#!/usr/bin/env python3
"""tests/live/words.py SERVER - four-letter words and the HTTP commands of the development server against those of Apache ZooKeeper.

Brings both into the same state, asks both every word, and compares what comes back once addresses, times, sizes and session ids are
made comparable: lines, keys, order, shape of values; and the values themselves where the state decides them. Prints TAP."""
import json
import re
import shutil
import socket
import struct
import sys
import tempfile
import urllib.error
import urllib.request

from compare import (ADD_WATCH, CHILDREN, EXISTS, GET, Session, create, free_port, read, set_data, start_apache, start_devserver, text)

WORDS = "ruok srvr stat mntr conf cons envi isro wchs wchc wchp dump dirs hash".split()
# What tools look for in mntr, and what a server of its own has a figure for.
KEYS_WANTED = """zk_version zk_server_state zk_avg_latency zk_min_latency zk_max_latency zk_packets_received zk_packets_sent
zk_num_alive_connections zk_outstanding_requests zk_znode_count zk_watch_count zk_ephemerals_count zk_approximate_data_size
zk_open_file_descriptor_count zk_max_file_descriptor_count zk_uptime zk_global_sessions zk_local_sessions
zk_connection_drop_probability zk_auth_failed_count zk_last_client_response_size zk_min_client_response_size
zk_max_client_response_size""".split()


def say(port, word, shut=False, more=b""):
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.settimeout(10)
        s.sendall(word.encode() + more)
        if shut:
            s.shutdown(socket.SHUT_WR)
        data = b""
        try:
            while part := s.recv(65536):
                data += part
        except ConnectionResetError:
            pass
        return data.decode()


class Side:
    """A server with two sessions in a state that words have something to tell of."""

    def __init__(self, port, admin):
        self.port = port
        self.admin = admin
        say(port, "srst")  # Waiting for it to start has been counted.
        self.a = Session(port, 0, timeout=6000)
        self.b = Session(port, 0, timeout=8000)
        for request in [create("/w", b"12345"), create("/w/e", b"", 1), create("/w/f", None, 1), read(EXISTS, "/w/missing", True),
                        read(GET, "/w", True), read(CHILDREN, "/w", True), (ADD_WATCH, text("/w") + struct.pack(">i", 1))]:
            self.a.call(request)
        for request in [read(GET, "/w/e", True), read(GET, "/w", True), set_data("/w/f", b"x"), read(GET, "/nothing")]:
            self.b.call(request)

    def plain(self, said):
        """With what differs by nature replaced by what kind of thing it is."""
        said = re.sub(r"3\.8\.0-[^,]+, built on \d{4}-\d\d-\d\d \d\d:\d\d UTC", "VERSION", said)
        for name, session in (("A", self.a), ("B", self.b)):
            said = said.replace(f"0x{session.id:x}", name)
            said = said.replace("127.0.0.1:%d" % session.socket.getsockname()[1], f"peer {name}")
        said = re.sub(r"127\.0\.0\.1:\d+", "peer", said)
        said = re.sub(r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}", "DATE", said)
        return re.sub(r"((?:data|log)(?:Dir|dir)=).*", r"\1FOLDER", said, flags=re.I)


def shape(value):
    if re.fullmatch(r"-?\d+", value):
        return "whole"
    return "decimal" if re.fullmatch(r"-?\d+\.\d+", value) else "text"


def values_to_shapes(line):
    """Numbers to the kind of number they are."""
    return re.sub(r"(?<![\w.])-?\d+(\.\d+)?(?![\w.]|MB)", lambda m: shape(m.group(0)), line)


def no_order(lines):
    return sorted(lines)


def of_word(side, word):
    """What is comparable of an answer."""
    said = side.plain(say(side.port, word))
    lines = said.split("\n")
    if word == "envi":
        lines = [line if line.startswith("zookeeper") else re.sub(r"=\d+MB$", "=MB", line) for line in lines]
        return [line if "MB" in line or "VERSION" in line else re.sub("=.*", "=", line) for line in lines]
    if word == "mntr":
        return {key: shape(value) for key, value in (line.split("\t") for line in lines if line)}
    if word in ("srvr", "stat", "cons"):  # Latencies are what they are; the rest is to be the same.
        lines = [re.sub(r"(Latency min/avg/max: )\d+/\d+\.\d+/\d+", r"\1", line) for line in lines]
        # What is sent in all may count the answer of a connection that is being closed; what was sent to each is exact.
        lines = [re.sub(r"^Sent: \d+$", "Sent: ", line) for line in lines]
        lines = [re.sub(r"(est|lresp|llat|minlat|avglat|maxlat)=\d+", r"\1=", line) for line in lines]
        if word != "srvr":
            clients = [line for line in lines if line.startswith(" ")]
            lines = [line for line in lines if not line.startswith(" ")] + sorted(clients)
        return lines
    if word in ("wchc", "wchp"):
        groups, group = {}, None
        for line in lines:
            if line and not line.startswith("\t"):
                group = groups.setdefault(line, [])
            elif line:
                group.append(line)
        return {name: sorted(lines) for name, lines in groups.items()}, said[-2:]
    if word == "dump":  # When sessions end, and which of them at the same time, is a matter of clocks.
        lines = [re.sub(r"^\d+ expire", "some expire", line) for line in lines]
        lines = [re.sub(r"Sets \(\d+\)", "Sets ()", line) for line in lines]
        return [lines[0], lines[1]] + sorted(set(lines[2:]))
    if word in ("dirs", "conf"):
        lines = [re.sub(r"((?:_size: |Size=))\d+", r"\1", line) for line in lines]
    if word == "conf":
        lines = [re.sub(r"^clientPort=\d+", "clientPort=", line) for line in lines]
    return lines


# ---- HTTP. ----

def fetch(side, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{side.admin}{path}", timeout=10) as answer:
        return answer.headers.get("Content-Type"), answer.read().decode()


def skeleton(value):
    """What kinds of things a JSON value is made of; keys that are session ids or times are one kind of key."""
    if isinstance(value, dict):
        return {re.sub(r"^\d+$", "number", key): skeleton(v) for key, v in value.items()}
    if isinstance(value, list):
        return [skeleton(v) for v in value[:1]]
    return type(value).__name__


def http_commands(apache, ours):
    _, page = fetch(ours, "/commands")
    names = re.findall(r'href="/commands/(\w+)"', page)
    assert len(names) == 16, names
    there = re.findall(r'href="/commands/(\w+)"', fetch(apache, "/commands")[1])
    assert not set(names) - set(there), set(names) - set(there)
    for name in names + WORDS + ["wchp", "crst", "srst", "nonsense"]:
        expected, seen = (fetch(side, f"/commands/{name}") for side in (apache, ours))
        assert seen[0] == "application/json", seen
        expected, seen = json.loads(expected[1]), json.loads(seen[1])
        assert (expected["command"], expected["error"]) == (seen["command"], seen["error"]), seen
        expected, seen = skeleton(expected), skeleton(seen)
        if seen["command"] == "str" and name in ("monitor", "mntr"):
            expected = {key: kind for key, kind in expected.items() if key in seen}
        yield expected, seen


def http_values(apache, ours):
    told = []
    for side in (apache, ours):
        watches = json.loads(fetch(side, "/commands/wchc")[1])["session_id_to_watched_paths"]
        paths = json.loads(fetch(side, "/commands/wchp")[1])["path_to_session_ids"]
        dump = json.loads(fetch(side, "/commands/dump")[1])["session_id_to_ephemeral_paths"]
        connections = json.loads(fetch(side, "/commands/connections")[1])["connections"]
        summary = json.loads(fetch(side, "/commands/wchs")[1])
        names = {str(side.a.id): "A", str(side.b.id): "B"}
        told.append(({names[key]: sorted(value) for key, value in watches.items()},
                     {path: sorted(names[str(i)] for i in ids) for path, ids in paths.items()},
                     {names[key]: sorted(value) for key, value in dump.items()}, summary,
                     sorted((names[str(c["session_id"])], c["last_operation"], c["packets_received"], c["packets_sent"], c["last_cxid"],
                             c["session_timeout"], c["interest_ops"]) for c in connections)))
    yield tuple(told)


def http_metrics(_, ours):
    kind, body = fetch(ours, "/metrics")
    assert kind.startswith("text/plain; version=0.0.4"), kind
    words = dict(line.split("\t") for line in say(ours.port, "mntr").split("\n") if line)
    samples = 0
    for line in body.splitlines():
        if line.startswith("# TYPE"):
            assert re.fullmatch(r"# TYPE \w+ (gauge|counter)", line), line
        elif not line.startswith("#"):
            key, value = line.split(" ")
            assert shape(value) == shape(words["zk_" + key]), line
            samples += 1
    yield samples, len(words) - 2  # All but the version and the state, which are no numbers.


def http_refusals(_, ours):
    for path, method in (("/", "GET"), ("/metric", "GET"), ("/commandsx", "GET"), ("/metrics", "POST"), ("/metrics", "DELETE")):
        request = urllib.request.Request(f"http://127.0.0.1:{ours.admin}{path}", method=method)
        try:
            urllib.request.urlopen(request, timeout=10)
            yield "an error", path
        except urllib.error.HTTPError as error:
            yield error.code, 404 if method == "GET" else error.code
            assert error.code in (404, 405, 501), error.code
    for hostile in (b"GET /" + b"x" * 100000, b"\0\xff\r\n\r\n", b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 20000):
        with socket.create_connection(("127.0.0.1", ours.admin), 10) as s:
            try:
                s.sendall(hostile)
            except ConnectionError:
                pass
    yield "ruok", json.loads(fetch(ours, "/commands/ruok")[1])["command"]


def test_word(word):
    def run(apache, ours):
        expected, seen = of_word(apache, word), of_word(ours, word)
        if word == "mntr":
            missing = [key for key in KEYS_WANTED if key not in seen]
            assert not missing, missing
            expected = {key: kind for key, kind in expected.items() if key in seen}
        yield expected, seen
    run.__name__ = word
    return run


def numbers_of_mntr(apache, ours):
    told = []
    for side in (apache, ours):
        values = dict(line.split("\t") for line in say(side.port, "mntr").split("\n") if line)
        told.append({key: values[key] for key in ("zk_znode_count", "zk_watch_count", "zk_ephemerals_count", "zk_approximate_data_size",
                                                  "zk_global_sessions", "zk_last_client_response_size", "zk_min_client_response_size",
                                                  "zk_max_client_response_size", "zk_server_state", "zk_outstanding_requests")})
    yield tuple(told)


def resets(apache, ours):
    yield say(apache.port, "crst"), say(ours.port, "crst")
    yield of_word(apache, "cons"), of_word(ours, "cons")
    for side in (apache, ours):
        side.a.call(read(GET, "/w"))
    yield of_word(apache, "cons"), of_word(ours, "cons")
    yield say(apache.port, "srst"), say(ours.port, "srst")
    yield of_word(apache, "srvr"), of_word(ours, "srvr")


def closed_by_half(apache, ours):
    yield say(apache.port, "ruok", shut=True), say(ours.port, "ruok", shut=True)
    yield [apache.plain(say(apache.port, "wchs", shut=True))], [ours.plain(say(ours.port, "wchs", shut=True))]
    yield "imok", say(ours.port, "ruok", more=b"\n")


def unknown_word(apache, ours):
    yield say(apache.port, "what"), say(ours.port, "what")


def super_credential(apache, ours):
    """What a client is once it has shown the super user's digest."""
    from compare import WHO_AM_I, auth
    told = []
    for side in (apache, ours):
        session = Session(side.port, 0)
        told.append([session.call(auth("digest", "root:secret"), xid=-4)[-1][2], session.call((WHO_AM_I, b""))[-1][3]])
        session.close()
    yield tuple(told)


def not_in_the_whitelist(folder, program):
    """Both with another configuration."""
    apache, process = start_apache(folder, "admin.enableServer=false\n")
    try:
        ours, own = start_devserver(program, "--words", "srvr")
        try:
            for word in WORDS[2:] + ["ruok", "crst", "srst", "srvr"]:
                expected, seen = say(apache, word), say(ours, word)
                if word == "srvr":
                    expected, seen = expected.split(":")[0], seen.split(":")[0]
                assert expected == seen, (expected, seen)
        finally:
            own.kill()
            own.wait()
    finally:
        process.kill()
        process.wait()


def main():
    program = sys.argv[1]
    tests = [test_word(word) for word in WORDS] + [numbers_of_mntr, http_values, http_commands, http_metrics, http_refusals, closed_by_half, unknown_word, resets, super_credential]
    folder = tempfile.mkdtemp()
    processes = []
    failed = 0
    print(f"1..{len(tests) + 1}", flush=True)
    try:
        admin = free_port()
        port, process = start_apache(folder, f"admin.serverPort={admin}\nadmin.serverAddress=127.0.0.1\n4lw.commands.whitelist=*\n"
                                     "DigestAuthenticationProvider.superDigest=root:J1scEM42CKaLPP5+ElgpgGsuONg=\n")
        processes.append(process)
        apache = Side(port, admin)
        admin = free_port()
        port, process = start_devserver(program, "--super", "root:secret", "--admin", str(admin))
        processes.append(process)
        ours = Side(port, admin)
        for number, test in enumerate(tests, 1):
            good = True
            try:
                for expected, seen in test(apache, ours):
                    if expected == seen:
                        continue
                    good = False
                    print(f"# apache: {expected}\n# ours:   {seen}", flush=True)
            except Exception as error:  # pylint: disable=broad-except
                good = False
                print(f"# {error!r}", flush=True)
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {test.__name__}", flush=True)
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        folder = tempfile.mkdtemp()
        good = True
        try:
            not_in_the_whitelist(folder, program)
        except AssertionError as error:
            good = False
            print(f"# {error}", flush=True)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {len(tests) + 1} - not in the whitelist", flush=True)
    finally:
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
