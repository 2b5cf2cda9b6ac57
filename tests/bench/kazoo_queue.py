"""kazoo's Queue: items are put, and taken. Prints "put=RATE take=RATE".

    kazoo_queue.py ADDRESS ITEMS
"""
import sys
import time

from kazoo.client import KazooClient
from kazoo.recipe.queue import Queue

address, items = sys.argv[1], int(sys.argv[2])
client = KazooClient(hosts=address, timeout=30)
client.start()
queue = Queue(client, "/kazoo-bench/queue")
queue.put(b"first")
queue.get()
begun = time.monotonic()
for number in range(items):
    queue.put(b"%0100d" % number)
put = time.monotonic()
for number in range(items):
    if int(queue.get()) != number:
        sys.exit("order")
taken = time.monotonic()
client.stop()
print("put=%.0f take=%.0f" % (items / (put - begun), items / (taken - put)))
