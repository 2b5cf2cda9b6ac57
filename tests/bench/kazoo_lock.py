"""kazoo_lock.py ADDRESS CONTENDERS one|each MILLISECONDS - as bench-contend.c, with kazoo's Lock: a thread each."""
import os
import sys
import threading
import time

from kazoo.client import KazooClient

SESSION_S = 30
address, count, sessions, length = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]) * 1000000


class Contest:
    """What holders count; there is one at a time."""
    start = end = took = acquired = all = 0
    over = False

    @classmethod
    def count(cls):
        now = time.monotonic_ns()
        cls.all += 1
        if cls.over:
            return
        if cls.end == 0:
            if now >= cls.start:
                cls.start, cls.end = now, now + length
            return
        cls.acquired += 1
        if now >= cls.end:
            cls.over, cls.took = True, now - cls.start


def contend(client):
    lock = client.Lock("/kazoo-bench/lock-%d" % os.getpid())
    while not Contest.over:
        lock.acquire()
        Contest.count()
        lock.release()


clients = [KazooClient(address, timeout=SESSION_S) for _ in range(count if sessions == "each" else 1)]
for one in clients:
    one.start()
Contest.start = time.monotonic_ns() + length
threads = [threading.Thread(target=contend, args=(clients[number % len(clients)],)) for number in range(count)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for one in clients:
    one.stop()
    one.close()
print("ops=%d wall_ns=%d all=%d" % (Contest.acquired, Contest.took, Contest.all))
