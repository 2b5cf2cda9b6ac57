"""kazoo_semaphore.py ADDRESS OPS 1 - as bench-semaphore.c with one lease, with kazoo's Semaphore."""
import sys
import time

from kazoo.client import KazooClient

address, operations = sys.argv[1], int(sys.argv[2])
warm_up = operations
client = KazooClient(address, timeout=30)
client.start()
semaphore = client.Semaphore("/kazoo-bench/semaphore", max_leases=10)
for turn in range(warm_up + operations):
    if turn == warm_up:
        began = time.monotonic_ns()
    semaphore.acquire()
    semaphore.release()
print("ops=%d wall_ns=%d" % (operations, time.monotonic_ns() - began))
client.stop()
