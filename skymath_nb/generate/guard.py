"""Run a command until it ends or standard input closes, then end its whole process group: `python guard.py COMMAND...`.

It stands between a kernel and its server: whatever way the kernel goes, the pipe to this process closes, and the server
goes too. It imports the standard library alone, so that it starts at once.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

GRACE_S = 15  # between asking and asking louder


def main(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end, args=(child.pid,)).start())
    threading.Thread(target=_end_with_pipe, args=(child.pid,), daemon=True).start()
    code = child.wait()
    end(child.pid)  # what it left behind
    return code if code >= 0 else 128 - code


def _end_with_pipe(leader: int):
    while os.read(0, 1):  # not sys.stdin, whose lock a daemon thread would hold at the interpreter's end
        pass
    end(leader)


def end(leader: int):
    """Ask the leader of a process group to end in its own order, then whoever is left, then kill them."""
    for send, number in ((os.kill, signal.SIGTERM), (os.killpg, signal.SIGTERM), (os.killpg, signal.SIGKILL)):
        with suppress(ProcessLookupError):
            send(leader, number)
            for _ in range(GRACE_S * 10):
                time.sleep(0.1)
                os.killpg(leader, 0)  # raises when nobody is left


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
