"""kazoo_queue.py ADDRESS ITEMS THREADS - as bench-queue.c, with kazoo's Queue. So many threads put; one takes, because a Queue is none for
several, and several of them would take each other's items away. Prints "put=RATE take=RATE"."""
import os
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.recipe.queue import Queue

address, items, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
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


def per_second(step, among):
    threads = [threading.Thread(target=step, args=(first,)) for first in range(1, among)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    step(0)
    for thread in threads:
        thread.join()
    return items / (time.monotonic() - begun)


for step, among in ((put, count), (take, 1)):  # To get warm.
    per_second(step, among)
print("put=%.0f take=%.0f" % (per_second(put, count), per_second(take, 1)), flush=True)
client.stop()
