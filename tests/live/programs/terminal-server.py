# A server that gives each who connects a shell on a pseudo terminal, as sshd does, with two clients.
# needs: bash
import os
import select
import socket
import struct
import sys

from terminal import LIMIT, Terminal, length


def serve(connection):
    """One session: what comes from the socket is typed, what the terminal shows goes back."""
    size = struct.unpack("!HH", connection.recv(4, socket.MSG_WAITALL))
    shell = Terminal("/bin/bash", "--norc", "--noprofile", "-i", size=size, PS1="> ", TERM="dumb", HISTFILE="")
    while True:
        for ready in select.select([connection, shell.fd], [], [])[0]:
            try:
                data = connection.recv(4096) if ready is connection else os.read(shell.fd, 4096)
            except OSError:  # the shell has ended
                data = b""
            if not data:
                os._exit(shell.end())
            if ready is connection:
                os.write(shell.fd, data)
            else:
                connection.sendall(data)


def server():
    listener.listen(4)
    os.write(started[1], b"x")
    children = []
    for _ in range(2):
        connection, _ = listener.accept()
        children.append(os.fork())
        if not children[-1]:
            listener.close()
            serve(connection)
        connection.close()
    sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))


class Client:
    def __init__(self, rows, columns):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("door")
        self.socket.settimeout(LIMIT)
        self.socket.sendall(struct.pack("!HH", rows, columns))
        self.seen = b""

    def ask(self, command, answer):
        self.socket.sendall(command.encode() + b"\n")
        while answer.encode() not in self.seen:
            self.seen += self.socket.recv(4096)
        self.seen = self.seen.partition(answer.encode())[2]


listener = socket.socket(socket.AF_UNIX)
listener.bind("door")
started = os.pipe()
pid = os.fork()
if not pid:
    server()
listener.close()
os.read(started[0], 1)
clients = Client(20, 40), Client(30, 90)
for number in range(100 * length()):
    for client, size in zip(clients, ("20 40", "30 90")):
        client.ask(f"echo a$(({number} + 100000))b", f"a{number + 100000}b")
        client.ask("stty size", size)
    print(number)
for client in clients:
    client.ask("exit 3", "exit")
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
