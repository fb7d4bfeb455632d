# Processes of the multiprocessing module, joined by pipes, each with a share of the work.
import multiprocessing
import os
import zlib

LENGTH = int(os.environ["LENGTH"])


def worker(number, pipe):
    value = number
    for step in range(1, 75000 * LENGTH + 1):
        value = zlib.crc32(str(value).encode(), step)
        for _ in range(15):
            value = (value * 69069 + step) % 4294967291
        if step % 9375 == 0:
            pipe.send((number, step, value))
    pipe.send(None)
    pipe.close()


def main():
    pairs = []
    for number in range(4):
        reader, writer = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=worker, args=(number, writer))
        process.start()
        writer.close()
        pairs.append((process, reader))
    for process, reader in pairs:
        while (message := reader.recv()) is not None:
            print(*message)
        process.join()
        print("ended with", process.exitcode)


multiprocessing.set_start_method("fork")
main()
