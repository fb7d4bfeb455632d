"""A network of one's own, a tree in it that is dumped and restored, and peers outside of the tree."""

import ctypes
import fcntl
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 120.0  # for anything that has to come: generous, as a machine may be busy


class Wrong(Exception):
    """What a test has found."""


def enter():
    """Goes on in a network namespace of its own with a loopback device, in which nobody else has sockets or rules."""
    if os.environ.get("CR_NET_WORLD") != "1":
        os.environ["CR_NET_WORLD"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("16sH", fcntl.ioctl(device, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(device, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_for(condition, what):
    deadline = time.monotonic() + LIMIT
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise Wrong(f"{what} did not come")
        time.sleep(0.005)
    return result


def tables():
    """The names of all tables of the packet filter here."""
    NETLINK_NETFILTER, NFT_MSG_GETTABLE, NLM_F_REQUEST, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR = 12, 0xA01, 1, 0x300, 3, 2
    names = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as link:
        link.settimeout(LIMIT)
        link.send(struct.pack("=IHHIIBBH", 20, NFT_MSG_GETTABLE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0, 0, 0, 0))
        while True:
            data = link.recv(1 << 16)
            while data:
                size, kind = struct.unpack_from("=IH", data)
                if kind in (NLMSG_DONE, NLMSG_ERROR):
                    return sorted(names)
                attributes = data[20:size]
                while len(attributes) >= 4:
                    length, number = struct.unpack_from("=HH", attributes)
                    if number == 1:
                        names.append(attributes[4:length].rstrip(b"\0").decode())
                    attributes = attributes[(length + 3) & ~3:]
                data = data[(size + 3) & ~3:]


class Capture:
    """What goes over the loopback device, counted until stop()."""

    FIN, RST = 1, 4

    def __init__(self):
        ETH_P_ALL, SO_RCVBUFFORCE = 3, 33
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind(("lo", ETH_P_ALL))
        self.segments = self.resets = self.ends = self.repeated = 0
        self.furthest = {}
        self.wake, self.stopped = os.pipe()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        PACKET_OUTGOING, PACKET_STATISTICS, SOL_PACKET = 4, 6, 263
        while True:
            ready, _, _ = select.select([self.socket, self.wake], [], [])
            if self.socket not in ready:
                break
            data, address = self.socket.recvfrom(128)
            if address[2] == PACKET_OUTGOING:
                self.count(data)
        self.lost = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        self.socket.close()

    def count(self, data):
        if data[0] >> 4 == 4:
            length, protocol, header = struct.unpack_from("!H", data, 2)[0], data[9], (data[0] & 15) * 4
            ends = data[12:20]
        else:
            length, protocol, header = struct.unpack_from("!H", data, 4)[0] + 40, data[6], 40
            ends = data[8:40]
        if protocol != socket.IPPROTO_TCP:
            return
        source, to, number, _, offset, flags = struct.unpack_from("!HHIIBB", data, header)
        payload = length - header - (offset >> 4) * 4
        self.resets += bool(flags & self.RST and number)  # where nobody listens the answer has number 0
        self.ends += bool(flags & self.FIN)
        if payload > 0:
            self.segments += 1
            key = (ends, source, to)
            ahead = (number + payload - self.furthest.get(key, number)) & 0xFFFFFFFF
            if 0 < ahead < 1 << 31:
                self.furthest[key] = (number + payload) & 0xFFFFFFFF
            else:
                self.repeated += 1

    def stop(self):
        os.close(self.stopped)
        self.thread.join()
        os.close(self.wake)
        return self


class World:
    """A directory, the tools, and one tree."""

    def __init__(self, bin_dir):
        self.bin_dir = bin_dir
        self.directory = tempfile.mkdtemp(prefix="cr-net.")
        self.tree = None
        self.said = ""
        self.environment = {}

    def launch(self, *words, cwd=None):
        """A program as the tree; its output goes to a file."""
        with open(os.path.join(self.directory, "out"), "ab") as file:
            process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                       start_new_session=True, cwd=cwd or self.directory)
        self.tree = process.pid
        process.returncode = 0  # waited for here

    def start(self, *arguments):
        """The program `tree` of this folder; returns its port."""
        self.launch(sys.executable, os.path.join(HERE, "tree"), *arguments)
        return int(wait_for(lambda: self.output().partition("\n")[0] if "\n" in self.output() else None, "the tree"))

    def output(self):
        with open(os.path.join(self.directory, "out"), encoding="utf-8") as file:
            return file.read()

    def images(self, name="img"):
        return os.path.join(self.directory, name)

    def run(self, *words, environment=None):
        """Its exit code; what it says is kept."""
        with open(os.path.join(self.directory, "said"), "w+", encoding="utf-8") as said:
            done = subprocess.run([os.path.join(self.bin_dir, words[0]), *words[1:]], stdin=subprocess.DEVNULL,
                                  stdout=said, stderr=said, check=False, env={**os.environ, **self.environment, **(environment or {})},
                                  cwd=self.directory, timeout=LIMIT)
            said.seek(0)
            self.said = said.read()
        self.reap()  # what is dead needs its number no more
        return done.returncode

    def must(self, *words, environment=None):
        if code := self.run(*words, environment=environment):
            raise Wrong(f"{' '.join(words)} ended with {code}: {self.said}")

    def dump(self, name="img", *options):
        self.must("cr", "dump", "-t", str(self.tree), "-D", self.images(name), "--tcp-established", *options)

    def restore(self, name="img", *options):
        self.must("cr", "restore", "-d", "-D", self.images(name), "--tcp-established", *options)

    def there_and_back(self, rounds=1):
        for number in range(rounds):
            self.dump(f"img{number}")
            self.restore(f"img{number}")

    def reap(self):
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    return
            except ChildProcessError:
                return

    def alive(self):
        self.reap()
        try:
            with open(f"/proc/{self.tree}/stat", encoding="utf-8") as file:
                return file.read().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    def end(self):
        """Waits until the tree has ended by itself, and returns what it has said after its port."""
        wait_for(lambda: not self.alive(), "the end of the tree")
        return self.output().partition("\n")[2].strip()

    def close(self):
        if self.tree and self.alive():
            os.kill(self.tree, signal.SIGKILL)
            wait_for(lambda: not self.alive(), "the death of the tree")
        if os.path.exists(os.path.join(self.images(), "inventory.img")):  # a test that failed leaves no rules to others
            subprocess.run([os.path.join(self.bin_dir, "cr"), "unlock", "-D", self.images()], capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)


PATTERN = random.Random(1).randbytes(1 << 20) * 2


class Flow:
    """A stream of known bytes in both directions over one socket, checked as it comes."""

    BLOCK = 1 << 16

    def __init__(self, connection, total):
        self.connection, self.total = connection, total
        self.sent = self.received = 0
        self.ended = False
        connection.setblocking(False)

    def done(self):
        return self.sent == self.total and self.ended

    def step(self, allowed, pause=0.1):
        """Sends and receives what can be at once, up to `allowed` bytes each way."""
        reads = [self.connection] if self.received < min(allowed, self.total) or self.received == self.total else []
        writes = [self.connection] if self.sent < min(allowed, self.total) else []
        readable, writable, _ = select.select(reads, writes, [], pause)
        if readable:
            data = self.connection.recv(self.BLOCK)
            at = self.received % (1 << 20)
            if data != PATTERN[at:at + len(data)]:
                raise Wrong(f"other bytes at {self.received}")
            if not data and self.received < self.total:
                raise Wrong(f"the end at {self.received}")
            self.received += len(data)
            self.ended = not data
        if writable:
            at = self.sent % (1 << 20)
            size = min(self.BLOCK, self.total - self.sent)
            self.sent += self.connection.send(PATTERN[at:at + size])
            if self.sent == self.total:
                self.connection.shutdown(socket.SHUT_WR)
