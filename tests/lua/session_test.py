"""weft lua on a terminal: prompt, completion, several lines, Ctrl-C, history.

    session_test.py WEFT FOLDER
"""

import os
import pty
import select
import shutil
import sys
import time

PATIENCE = 30  # seconds; the machine may be busy


class Terminal:
    def __init__(self, program, folder):
        self.seen = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", XDG_STATE_HOME=folder)
            os.execv(program, [program, "lua"])

    def type(self, text):
        os.write(self.terminal, text.encode())

    def expect(self, text):
        end = time.time() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self.terminal], [], [], 0.1)
            if ready:
                self.seen += os.read(self.terminal, 4096).decode(errors="replace")
            if time.time() > end:
                sys.exit(f"waited for {text!r}, saw {self.seen!r}")
        self.seen = self.seen[self.seen.index(text) + len(text) :]


def main(program, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    session = Terminal(program, folder)
    session.expect("> ")
    session.type("6 * 7\r")
    session.expect("42")
    session.expect("> ")
    session.type("weft.VaeD\t")
    session.expect("ecode")
    session.type("{va\t")
    session.expect("e = ")
    session.type("nil}\r")
    session.expect('"vae" is missing')
    session.type("for i = 7, 7 do\r")
    session.expect(">> ")
    session.type("print(i * 11) end\r")
    session.expect("77")
    session.type("while true do end\r")
    time.sleep(0.5)
    session.type("\x03")
    session.expect("cancelled")
    session.type("x = = 1\r")
    session.expect("unexpected symbol")
    session.expect("> ")
    session.type("\x04")
    _, status = os.waitpid(session.pid, 0)
    if status != 0:
        sys.exit(f"the session ended with {status}")
    with open(os.path.join(folder, "weft", "lua_history")) as history:
        if "VaeDecode" not in history.read():
            sys.exit("the history was not kept")


main(*sys.argv[1:])
