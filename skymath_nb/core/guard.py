"""Child processes that never outlive this one.

A guard process between the two sees the pipe close, and ends the child's whole group.

`python guard.py GRACE COMMAND...` is the guard. It stands between a kernel and its server or its
training in several processes, and between a sweep and its points, whatever way its parent goes,
kill -9 included. It imports the standard library alone, so that it starts at once.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

GRACE_S = 15  # between asking and asking louder


def start(command: list[str], grace: int | None = None, **options) -> subprocess.Popen:
    """Start a command behind a guard; `options` are Popen's.

    Its exit code is the command's, 128 + n where a signal ended it.

    grace: seconds between asking it to end and asking louder, GRACE_S if none are given.
    """
    grace = GRACE_S if grace is None else grace
    return subprocess.Popen(
        [sys.executable, __file__, str(grace), *command],
        stdin=subprocess.PIPE,
        start_new_session=True,
        **options,
    )


def stop(guarded: subprocess.Popen) -> None:
    """End what was started, if it has not ended, and wait: asked first, killed after its grace."""
    guarded.stdin.close()
    guarded.wait()


def main(grace: str, *command: str) -> int:
    grace = int(grace)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(
        signal.SIGTERM, lambda *_: threading.Thread(target=end, args=(child.pid, grace)).start()
    )
    threading.Thread(target=_end_with_pipe, args=(child.pid, grace), daemon=True).start()
    code = child.wait()
    end(child.pid, grace)  # what it left behind
    return code if code >= 0 else 128 - code


def _end_with_pipe(leader: int, grace: int):
    # not sys.stdin, whose lock a daemon thread would hold at the interpreter's end
    while os.read(0, 1):
        pass
    end(leader, grace)


def end(leader: int, grace: int):
    """Ask the leader of a process group to end in its own order, then whoever is left, then kill
    them.
    """
    if os.name == "nt":  # no process groups, no asking
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(leader)], capture_output=True)
        return
    for send, number in (
        (os.kill, signal.SIGTERM),
        (os.killpg, signal.SIGTERM),
        (os.killpg, signal.SIGKILL),
    ):
        with suppress(ProcessLookupError):
            send(leader, number)
            for _ in range(grace * 10):
                time.sleep(0.1)
                os.killpg(leader, 0)  # raises when nobody is left


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
