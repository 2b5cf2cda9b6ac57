"""tests/interop/kazoo_peer.py CONNECT kazoo count|hold LOCK [COUNTER ROUNDS] - as docent_peer.c, with kazoo."""
import sys

from kazoo.client import KazooClient

connect, _, what, path = sys.argv[1:5]
client = KazooClient(hosts=connect, timeout=4)
client.start(timeout=30)
lock = client.Lock(path, "kazoo")
if what == "count":
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[6])):
        with lock:
            client.set(sys.argv[5], str(int(client.get(sys.argv[5])[0]) + 1).encode())
else:
    with lock:
        print("held", flush=True)
        print(" ".join(lock.contenders()), flush=True)
        sys.stdin.read()
client.stop()
client.close()
