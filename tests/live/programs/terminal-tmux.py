# tmux: its server, a client on a pseudo terminal, and shells in two panes, which are switched between.
# needs: tmux bash
# dump-options: --file-locks
import ctypes
import os
import pty
import select
import subprocess
import termios

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: the server's parent ends
os.environ.update(TERM="screen", SHELL="/bin/bash", TMUX_TMPDIR=os.getcwd(), ENV="")
with open("conf", "w", encoding="utf-8") as file:
    file.write('set -g default-command "exec bash --norc --noprofile"\nset -g status off\nset -s escape-time 0\nset -g assume-paste-time 0\n')
pid, terminal = pty.fork()
if pid == 0:
    termios.tcsetwinsize(0, (30, 90))
    os.execvp("tmux", ["tmux", "-L", "s", "-f", "conf", "new-session"])
seen = b""


def until(text):
    global seen
    while text.encode() not in seen:
        if not select.select([terminal], [], [], 20)[0]:
            raise SystemExit(f"waiting for {text!r}, there is {seen[-500:]!r}")
        seen += os.read(terminal, 4096)
    seen = seen.partition(text.encode())[2]


until("# ")
os.write(terminal, b'\x02"')  # a second pane
until("# ")
for number in range(400 * int(os.environ["LENGTH"])):
    os.write(terminal, b"\x02o")  # to the other pane
    os.write(terminal, f"echo a$(({number} + 100000))b\n".encode())
    until(f"a{number + 100000}b")
    os.write(terminal, b"stty size\n")
    until(("15", "14")[number % 2] + " 90")
    print(number)
subprocess.run(["tmux", "-L", "s", "kill-server"], check=True)
while True:
    try:
        os.read(terminal, 4096)
    except OSError:
        break
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
print("ended")
