# tmux: its server, a client on a pseudo terminal, and shells in two panes, which are switched between.
# needs: tmux bash
# dump-options: --file-locks
import ctypes
import os
import subprocess

from terminal import HERE, Terminal, length

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: the server's parent ends
with open("conf", "w", encoding="utf-8") as file:
    file.write('set -g default-command "exec bash --norc --noprofile"\nset -g status off\nset -s escape-time 0\n'
               "set -g assume-paste-time 0\n")
os.environ.update(SHELL="/bin/bash", TMUX_TMPDIR=HERE, ENV="")
client = Terminal("tmux", "-L", "s", "-f", "conf", "new-session", size=(30, 90), TERM="screen")
client.until("# ")
client.send('\x02"')  # a second pane
client.until("# ")
for number in range(400 * length()):
    client.send("\x02o")  # to the other pane
    client.send(f"echo a$(({number} + 100000))b\n")
    client.until(f"a{number + 100000}b")
    client.send("stty size\n")
    client.until(("15", "14")[number % 2] + " 90")
    print(number)
subprocess.run(["tmux", "-L", "s", "kill-server"], check=True)
client.end()
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
print("ended")
