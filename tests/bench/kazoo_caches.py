"""kazoo_caches.py LEAVES CONNECT - as bench-cache.c, with kazoo's TreeCache."""
import resource
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.recipe.cache import TreeCache, TreeEvent

PATIENCE_S, LOAD_PATIENCE_S = 60, 300
leaves, address = int(sys.argv[1]), sys.argv[2]
root = "/docent-bench/%07d" % leaves
client = KazooClient(address, timeout=30)
cache = None
lags, wanted, twice, done = {}, 0, 0, threading.Event()


def cpu_ns():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def count(path):
    children = cache.get_children(path)
    return 0 if children is None else 1 + sum(count(path + "/" + name) for name in children)


def on_event(event):
    global twice
    if event.event_type == TreeEvent.INITIALIZED:
        done.set()
    if event.event_type != TreeEvent.NODE_UPDATED or wanted == 0 or len(event.event_data.path) != 40:
        return
    when = int(event.event_data.data[:20])
    if when == 0:
        return
    twice += event.event_data.path in lags
    lags[event.event_data.path] = time.monotonic_ns() - when
    if len(lags) == wanted:
        done.set()


def load():
    global cache
    if cache is not None:
        cache.close()
    before, wall, cpu = resident(), time.monotonic_ns(), cpu_ns()
    done.clear()
    cache = TreeCache(client, root)
    cache.listen(on_event)
    cache.start()
    initialized = done.wait(LOAD_PATIENCE_S)
    wall, cpu = time.monotonic_ns() - wall, cpu_ns() - cpu
    print("nodes=%d initialized=%d resident=%d wall_ns=%d cpu_ns=%d" % (count(root), initialized, resident() - before, wall, cpu), flush=True)


def lag(number):
    global wanted, twice
    lags.clear()
    done.clear()
    wanted, twice = number, 0
    wall, cpu = time.monotonic_ns(), cpu_ns()
    print("listening", flush=True)
    done.wait(PATIENCE_S)
    wall, cpu, wanted = time.monotonic_ns() - wall, cpu_ns() - cpu, 0
    seen = sorted(lags.values()) or [0]
    print("seen=%d twice=%d wall_ns=%d cpu_ns=%d median_ns=%d p99_ns=%d max_ns=%d"
          % (len(lags), twice, wall, cpu, seen[len(seen) // 2], seen[len(seen) * 99 // 100], seen[-1]), flush=True)


client.start()
print("ready", flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "load":
        load()
    elif words[0] == "session":
        print("id=%d password=%s" % (client.client_id[0], client.client_id[1].hex()), flush=True)
    elif words[0] == "count":
        print("nodes=%d" % count(root), flush=True)
    else:
        lag(int(words[1]))
