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
        # What is typed while the editor sets the terminal up is thrown away.
        time.sleep(0.1)
        os.write(self.terminal, text.encode())

    def end(self):
        """Types Ctrl-D until the session is over; gives its status."""
        end = time.time() + PATIENCE
        while time.time() < end:
            self.type("\x04")
            for _ in range(20):
                done, status = os.waitpid(self.pid, os.WNOHANG)
                if done:
                    return status
                time.sleep(0.05)
        sys.exit("the session did not end with Ctrl-D")

    def expect(self, text, again=""):
        """Waits until `text` is on the screen, typing `again` from time to time."""
        end = time.time() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self.terminal], [], [], 0.1)
            if not ready and again:
                self.type(again)
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
    session.expect("cancelled", again="\x03")
    session.type("x = = 1\r")
    session.expect("unexpected symbol")
    session.expect("> ")
    status = session.end()
    if status != 0:
        sys.exit(f"the session ended with {status}")
    with open(os.path.join(folder, "weft", "lua_history")) as history:
        if "VaeDecode" not in history.read():
            sys.exit("the history was not kept")


main(*sys.argv[1:])
