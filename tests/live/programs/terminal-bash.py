# An interactive shell on a pseudo terminal: commands, jobs that are stopped, put behind and brought back, ^C.
# needs: bash
import os
import pty
import select
import signal
import struct
import fcntl
import termios

PROMPT = b"ready> "
pid, master = pty.fork()
if pid == 0:
    os.environ.update(PS1=PROMPT.decode(), TERM="dumb", HISTFILE="")
    os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "-i"])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("4H", 33, 77, 0, 0))
seen = b""


def until(text):
    global seen
    while text not in seen:
        if not select.select([master], [], [], 20)[0]:
            raise SystemExit(f"waiting for {text!r}, there is {seen!r}")
        seen += os.read(master, 4096)
    before, _, seen = seen.partition(text)
    return before.decode().replace("\r", "")


def ask(command):
    os.write(master, command.encode() + b"\n")
    until(command.encode()[-10:])
    return until(PROMPT).strip()


# Until it is in the foreground, and has the signal actions of its own.
def wait_for_job():
    while True:
        group = os.tcgetpgrp(master)
        with open(f"/proc/{group}/comm", encoding="utf-8") as file:
            if group != pid and file.read() == "sleep\n":
                return
        select.select([], [], [], 0.005)


until(PROMPT)
ask("stty -echoctl")
for number in range(25 * int(os.environ["LENGTH"])):
    print(number, ask(f"echo $(({number} * {number}))"), ask("stty size"), ask("tty > /dev/tty && echo has one")[-7:])
    if number % 4 == 0:
        os.write(master, b"sleep 1000\n")
        until(b"sleep 1000")
        wait_for_job()
        os.write(master, b"\x1a")
        until(PROMPT)
        print(ask("jobs"), ask("bg").replace("&", ""), ask("jobs -r | wc -l"))
        os.write(master, b"fg\n")
        until(b"sleep 1000")
        wait_for_job()
        os.write(master, b"\x03")
        until(PROMPT)
        print("interrupted:", ask("echo $?"))
os.write(master, b"exit 7\n")
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
