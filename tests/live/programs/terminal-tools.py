# Full-screen programs and prompts, each on a pseudo terminal of its own: vim, less, top, python, gdb, a cat by expect,
# and script around a shell.
# needs: vim less top gdb expect script bash
import os
import sys

from terminal import Terminal, length

with open("numbers", "w", encoding="utf-8") as file:
    file.writelines(f"line {number} of many\n" for number in range(5000))
os.environ.update(PYTHON_BASIC_REPL="1", LESSHISTFILE="-")
vim = Terminal("vim", "-u", "NONE", "-N", "-n", "text")
less = Terminal("less", "numbers")
top = Terminal("top", "-d", "0.2")
gdb = Terminal("gdb", "-q", "-nx")
prompt = Terminal("/usr/bin/python3", "-q", "-E", "-s")
typed = Terminal("script", "-q", "-c", "bash --norc --noprofile -i", "typescript")
spoken = Terminal("expect", "-c", 'log_user 0; spawn cat; while {[gets stdin line] >= 0} {'
                  'send "$line\\r"; expect "$line\\r\\n"; expect "$line\\r\\n"; puts "heard $line"}')
less.until("line 0 ")
vim.until("text")
prompt.until(">>> ")
gdb.until("(gdb) ")
spoken.send("first\n")
spoken.until("heard first")
top.until("load average")
for number in range(20 * length()):
    prompt.send(f"print('p', {number} ** 9)\n")
    prompt.until(f"p {number ** 9}")
    gdb.send(f"print {number} * 1001\n")
    gdb.until(f"= {number * 1001}")
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
gdb.send("quit\n")
typed.send("exit\n")
spoken.send("\x04")
print([each.end() for each in (vim, less, top, prompt, gdb, typed, spoken)])
print(open("text", encoding="utf-8").read())
