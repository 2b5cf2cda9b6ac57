"""tests/interop/kazoo_peer.py CONNECT kazoo count LOCK COUNTER ROUNDS
tests/interop/kazoo_peer.py CONNECT kazoo hold LOCK INSIDE - as docent_peer.c, with kazoo."""
import sys

from kazoo.client import KazooClient

connect, _, what, path, node = sys.argv[1:6]
client = KazooClient(hosts=connect, timeout=4)
client.start(timeout=30)
lock = client.Lock(path, "kazoo")
if what == "count":
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[6])):
        with lock:
            client.set(node, str(int(client.get(node)[0]) + 1).encode())
else:
    with lock:
        client.create(node, ephemeral=True)
        print("held", flush=True)
        for _ in sys.stdin:
            print(" ".join(lock.contenders()), flush=True)
        client.delete(node)
client.stop()
client.close()
