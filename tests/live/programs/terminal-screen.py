# screen: its server, a client on a pseudo terminal, and two windows with shells, which are switched between.
# needs: screen bash
# dump-options: --file-locks
import ctypes
import os

from terminal import HERE, Terminal, length

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: the server's parent ends
os.mkdir("sockets", 0o700)
with open("conf", "w", encoding="utf-8") as file:
    file.write("startup_message off\nshell /bin/bash\nvbell off\n")
with open("rc", "w", encoding="utf-8") as file:
    file.write('PS1="window $WINDOW> "\n')
os.environ.update(SCREENDIR=HERE + "/sockets", SHELL="/bin/bash")
client = Terminal("screen", "-c", "conf", "-S", "s", "bash", "--rcfile", "rc", size=(20, 70))
client.until("window 0> ")
client.send("screen -t second bash --rcfile rc\n")
client.until("window 1> ")
for number in range(60 * length()):
    client.send(f"\x01{number % 2}")  # to the other window
    client.until(f"window {number % 2}> ")
    client.send(f"echo a$(({number} + 100000))b\n")
    client.until(f"a{number + 100000}b")
    client.send("stty size\n")
    client.until("20 70")
    print(number)
client.send("exit\n")
client.until("window 0> ")
client.send("exit\n")
client.until("terminating")
print(client.end())
