import collections, hashlib, json, re, threading

seen = collections.Counter(re.findall(r"\w+", json.dumps({str(n): ["a", "b", n * n] for n in range(300)})))
thread = threading.Thread(target=lambda: print(hashlib.sha256(repr(sorted(seen.items())).encode()).hexdigest()))
thread.start()
thread.join()
