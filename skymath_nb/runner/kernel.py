"""One notebook in a kernel of its own.

Papermill executes it; a signal to this process lets it leave its work in order.
"""

import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import psutil
from traitlets.config import Config

GRACE_S = 30  # between interrupting a kernel and killing it
# Ctrl-C; what a scheduler sends before it takes the machine away
SIGNALS = (signal.SIGINT, signal.SIGTERM)
OPTIONS = {
    "kernel_name": "python3",
    "progress_bar": False,
    "config": Config(KernelManager={"transport_encryption": "auto"}),
    # an interrupted kernel would end with a traceback of its own
    "extra_arguments": ["--log-level=50"],
}


class Interrupted(KeyboardInterrupt):
    """A signal ended the work.

    `code` is what shells know it by: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


class Failed(RuntimeError):
    """Why a notebook did not run to its end.

    `error` is the name of what was raised, "" where the kernel died.
    """

    def __init__(self, message: str, error: str = ""):
        super().__init__(message)
        self.error = error


class Stop:
    """What signals ask of a notebook at work.

    The first one interrupts its cell, a second, or the end of the grace, kills its kernel.
    """

    def __init__(self, echo):
        self.number, self._echo, self._alarm = 0, echo, None

    def __call__(self, number, frame):
        kernel = None if self.number or os.name == "nt" else _kernel()
        if kernel is None:
            raise Interrupted(number)
        self.number = number
        self._echo(
            f"{signal.Signals(number).name}: the step is interrupted and has {GRACE_S} s to "
            "leave its work in order"
        )
        kernel.send_signal(signal.SIGINT)
        self._alarm = threading.Timer(GRACE_S, os.kill, (os.getpid(), number))
        self._alarm.daemon = True
        self._alarm.start()

    def check(self, **_):
        """Raise Interrupted if a signal came: before a cell, and where a notebook has ended."""
        if self.number:
            raise Interrupted(self.number)


@contextmanager
def signals(echo):
    """While the block lasts SIGINT and SIGTERM go to the Stop that it gives.

    In a thread other than the main one they stay as they are.
    """
    stop = Stop(echo)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if stop._alarm:
            stop._alarm.cancel()


def _kernel() -> psutil.Process | None:
    for child in psutil.Process().children():
        try:
            if "ipykernel_launcher" in " ".join(child.cmdline()):
                return child
        except psutil.Error:  # it has just ended
            continue
    return None


class Tail:
    """What a kernel prints, of which only the last line is kept."""

    def __init__(self):
        self.line = ""

    def write(self, text: str):
        self.line = next(
            (line.strip() for line in reversed(text.splitlines()) if line.strip()), self.line
        )

    def flush(self):
        pass


def execute(notebook: Path, copy: Path, parameters: dict, stop: Stop, tail: Tail) -> None:
    """Run a notebook with parameters; its executed copy is kept, also of a notebook that failed.

    Raises:
        Failed: For an error in a cell or a dead kernel, Interrupted after a signal.
    """
    # here: it loads a JSON Schema validator, which commands that run no notebook need not wait for
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from .kernelspecs import OwnKernelManager

    copy.unlink(missing_ok=True)  # another run may hold the same file (a hard link)
    options = OPTIONS | {
        "kernel_manager_class": OwnKernelManager,
        "cwd": notebook.parent,
        "on_cell_execute": stop.check,
        "stdout_file": tail,
    }
    try:
        papermill.execute_notebook(notebook, copy, parameters, **options)
    except PapermillExecutionError as error:
        stop.check()
        raise Failed(f"{error.ename}: {error.evalue}", error.ename) from error
    except DeadKernelError as error:
        stop.check()
        killed = " or memory ran out" if sys.platform == "linux" else ""
        raise Failed(
            f"the kernel died: something killed it{killed}; the same command goes on from what "
            "the step has kept"
        ) from error
