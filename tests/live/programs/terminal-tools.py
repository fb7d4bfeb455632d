# Full-screen programs and prompts, each on a pseudo terminal of its own: vim, less, top, python, bc by expect,
# and script around a shell.
# needs: vim less top expect script bash
import os
import pty
import select
import sys
import termios

HERE = os.getcwd()


class Terminal:
    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        self.seen = b""
        if self.pid == 0:
            os.environ.update(TERM="vt100", LINES="24", COLUMNS="80", PYTHON_BASIC_REPL="1", LESSHISTFILE="-")
            termios.tcsetwinsize(0, (24, 80))
            os.execvp(command[0], command)

    def until(self, text):
        while text.encode() not in self.seen:
            if not select.select([self.fd], [], [], 20)[0]:
                raise SystemExit(f"waiting for {text!r}, there is {self.seen[-300:]!r}")
            self.seen += os.read(self.fd, 4096)
        self.seen = self.seen.partition(text.encode())[2]

    def send(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        while True:
            try:
                if not os.read(self.fd, 4096):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


with open("numbers", "w", encoding="utf-8") as file:
    file.writelines(f"line {number} of many\n" for number in range(5000))
vim = Terminal("vim", "-u", "NONE", "-N", "-n", "text")
less = Terminal("less", "numbers")
top = Terminal("top", "-d", "0.2")
prompt = Terminal("/usr/bin/python3", "-q", "-E", "-s")
typed = Terminal("script", "-q", "-c", "bash --norc --noprofile -i", "typescript")
spoken = Terminal("expect", "-c", 'log_user 0; spawn cat; while {[gets stdin line] >= 0} {'
                  'send "$line\\r"; expect "$line\\r\\n"; expect "$line\\r\\n"; puts "heard $line"}')
less.until("line 0 ")
vim.until("text")
prompt.until(">>> ")
spoken.send("first\n")
spoken.until("heard first")
top.until("load average")
for number in range(20 * int(os.environ["LENGTH"])):
    prompt.send(f"print('p', {number} ** 9)\n")
    prompt.until(f"p {number ** 9}")
    vim.send(f"oword {number}\x1b:w\r")
    vim.until("written")
    less.send(f"{number * 100 + 101}g")
    less.until(f"line {number * 100 + 100} of many")
    top.seen = b""
    top.until("load average")
    typed.send(f"echo t$(({number} * 3))\n")
    typed.until(f"t{number * 3}\r")
    spoken.send(f"word{number}\n")
    spoken.until(f"heard word{number}")
    print(number, prompt.fd, os.path.getsize("text"))
    sys.stdout.flush()
vim.send(":q!\r")
less.send("q")
top.send("q")
prompt.send("\x04")
typed.send("exit\n")
spoken.send("\x04")
print([each.end() for each in (vim, less, top, prompt, typed, spoken)])
print(open("text", encoding="utf-8").read())
