"""kazoo_queue.py ADDRESS ITEMS ROUNDS THREADS - as bench-queue.c, with kazoo's Queue. So many threads put; one takes, because a Queue is none for
several, and several of them would take each other's items away. Prints "put=RATE take=RATE"."""
import os
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.recipe.queue import Queue

address = sys.argv[1]
items, rounds, count = (int(word) for word in sys.argv[2:])
client = KazooClient(hosts=address, timeout=30)
client.start()
queue = Queue(client, "/kazoo-bench/queue-%d" % os.getpid())


def put(first):
    for number in range(first, items, count):
        queue.put(b"%0100d" % number)


def take(_):
    for number in range(items):
        if int(queue.get()) != number and count == 1:
            sys.exit("order")


def seconds(step, among):
    threads = [threading.Thread(target=step, args=(first,)) for first in range(1, among)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    step(0)
    for thread in threads:
        thread.join()
    return time.monotonic() - begun


spent = [(seconds(put, count), seconds(take, 1)) for _ in range(1 + rounds)][1:]  # The first is to get warm.
print("put=%.0f take=%.0f" % tuple(items * rounds / sum(some) for some in zip(*spent)), flush=True)
client.stop()
