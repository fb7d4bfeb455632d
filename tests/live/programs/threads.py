# Threads, locks, conditions and queues of the interpreter.
import hashlib
import os
import queue
import threading

work, results = queue.Queue(maxsize=8), {}
lock = threading.Lock()
barrier = threading.Barrier(4)


def worker(number):
    barrier.wait()
    while True:
        item = work.get()
        if item is None:
            return
        digest = str(item).encode()
        for _ in range(1500):
            digest = hashlib.sha256(digest).digest()
        with lock:
            results[item] = digest.hex()


threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for item in range(600 * int(os.environ["LENGTH"])):
    work.put(item)
for _ in threads:
    work.put(None)
for thread in threads:
    thread.join()
for item in sorted(results):
    print(item, results[item])
