"""kazoo_barrier.py ADDRESS MEMBERS one|each MILLISECONDS - as bench-barrier.c, with kazoo's DoubleBarrier: a thread for each member. They meet
inside the process, too, before they leave and before they enter again: left to themselves, the first who leaves takes away what lets others in."""
import os
import sys
import threading
import time

from kazoo.client import KazooClient

SESSION_S, PATIENCE_S = 30, 10
address, members, sessions, length = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]) * 1000000


class Rounds:
    start = end = last = counted = all = mixed = 0
    entering = [0] * members
    over = False

    @classmethod
    def count(cls):
        """All are out."""
        now = time.monotonic_ns()
        cls.all += 1
        if cls.end == 0:
            if now < cls.start:
                return
            cls.start, cls.end = now, now + length
        else:
            cls.counted += 1
        cls.last = now
        cls.over = now >= cls.end


def attend(number, client, inside, outside):
    barrier = client.DoubleBarrier("/kazoo-bench/barrier-%d" % os.getpid(), members)
    while not Rounds.over:
        Rounds.entering[number] += 1
        barrier.enter()
        Rounds.mixed += min(Rounds.entering) < Rounds.entering[number]
        inside.wait()
        barrier.leave()
        outside.wait()


clients = [KazooClient(address, timeout=SESSION_S) for _ in range(members if sessions == "each" else 1)]
for one in clients:
    one.start()
Rounds.start = Rounds.last = time.monotonic_ns() + length
give_up = time.monotonic() + 2 * length / 1e9 + PATIENCE_S
meeting = threading.Barrier(members), threading.Barrier(members, Rounds.count)
threads = [threading.Thread(target=attend, args=(number, clients[number % len(clients)], *meeting), daemon=True) for number in range(members)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(max(0, give_up - time.monotonic()))
print("ops=%d wall_ns=%d all=%d mixed=%d hung=%d" % (Rounds.counted, Rounds.last - Rounds.start, Rounds.all, Rounds.mixed, not Rounds.over),
      flush=True)
if not Rounds.over:
    os._exit(0)
for one in clients:
    one.stop()
    one.close()
