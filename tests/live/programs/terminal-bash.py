# An interactive shell on a pseudo terminal: commands, jobs that are stopped, put behind and brought back, ^C.
# needs: bash
from terminal import Terminal, length

PROMPT = "ready> "
shell = Terminal("/bin/bash", "--norc", "--noprofile", "-i", size=(33, 77), PS1=PROMPT, TERM="dumb", HISTFILE="")


def ask(command):
    shell.send(command + "\n")
    shell.until(command[-10:])
    return shell.until(PROMPT).strip()


shell.until(PROMPT)
ask("stty -echoctl")
for number in range(25 * length()):
    print(number, ask(f"echo $(({number} * {number}))"), ask("stty size"), ask("tty > /dev/tty && echo has one")[-7:])
    if number % 4 == 0:
        shell.send("sleep 1000\n")
        shell.until("sleep 1000")
        shell.foreground("sleep")
        shell.send("\x1a")
        shell.until(PROMPT)
        print(ask("jobs"), ask("bg").replace("&", ""), ask("jobs -r | wc -l"))
        shell.send("fg\n")
        shell.until("sleep 1000")
        shell.foreground("sleep")
        shell.send("\x03")
        shell.until(PROMPT)
        print("interrupted:", ask("echo $?"))
shell.send("exit 7\n")
print(shell.end())
