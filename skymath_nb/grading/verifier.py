"""Math-verify in processes of its own.

A second opinion on formulas that our own grammar does not read.

A worker is this file run by the same interpreter: it reads one JSON pair a line and writes one
verdict a line. It limits its own memory, and its CPU time should its parent be gone; a worker that
has used up the CPU time of a pair is killed by a thread that watches it, and the next pair gets a
new one. Nothing is started before the first pair. No signal handler is set, and nothing of the
caller's `__main__` is imported, so that threads, processes and notebooks may all ask. Source:
math-verify 0.9.0 (Apache-2.0), of which only the LaTeX parser and the comparison are called.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time

# CPU time of the worker for one pair: a busy machine must not turn a right answer into a wrong one
SECONDS = 1.5
PATIENCE = 20  # times as long on the clock, for a worker that waits for something
MEMORY = 2 << 30  # bytes of address space
WORKERS = 2
PAIRS = 2000  # after which a worker is replaced: the caches of sympy only grow


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process of ours, 0 for one that has just ended."""
    import psutil

    try:
        return sum(psutil.Process(pid).cpu_times()[:2])
    except psutil.Error:
        return 0.0


class Worker:
    """One process of math-verify.

    `ask` returns None, and the worker is dead, if there was no answer in time.
    """

    def __init__(self):
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "OMP_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
            encoding="utf-8",
        )
        self.asked = 0
        if self._line(20 * SECONDS) != "ready":
            self.close()
            raise RuntimeError(
                "The worker of math-verify does not start. Check that `python -c 'import "
                "math_verify'` works here."
            )

    def ask(self, answer: str, gold: str) -> bool | None:
        self.asked += 1
        try:
            self.process.stdin.write(json.dumps([answer, gold]) + "\n")
            self.process.stdin.flush()
        except OSError:
            return None
        return {"equal": True, "different": False}.get(self._line(SECONDS))

    def _line(self, seconds):
        answered = threading.Event()
        watch = threading.Thread(target=self._watch, args=(answered, seconds), daemon=True)
        watch.start()
        try:
            return self.process.stdout.readline().strip()
        finally:
            answered.set()
            watch.join()

    def _watch(self, answered, seconds):
        """Kill the process once it has used its CPU time, or many times that on the clock."""
        used, started = cpu_seconds(self.process.pid), time.monotonic()
        while not answered.wait(0.05):
            if self.process.poll() is not None:
                return
            if (
                cpu_seconds(self.process.pid) - used > seconds
                or time.monotonic() - started > PATIENCE * seconds
            ):
                self.process.kill()
                return

    def close(self):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):  # a pair may be left in a pipe that nobody reads
                pipe.close()


class Pool:
    """At most WORKERS workers, started when a pair needs one and none is free.

    Safe to share between threads.
    """

    def __init__(self):
        self.free, self.places, self.abandoned = [], threading.Semaphore(WORKERS), []

    def ask(self, answer: str, gold: str) -> bool | None:
        with self.places:
            worker = None
            try:
                worker = self.free.pop() if self.free else Worker()
                verdict = worker.ask(answer, gold)
                if verdict is not None and worker.asked < PAIRS:
                    self.free.append(worker)
                    worker = None
                return verdict
            finally:
                if worker:
                    worker.close()

    def close(self):
        while self.free:
            self.free.pop().close()

    def forget(self):
        """In a forked child: leave the parent's workers alone, and start anew when needed."""
        self.abandoned += self.free
        self.free, self.places = [], threading.Semaphore(WORKERS)


POOL = Pool()
atexit.register(POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)


def verify(answer: str, gold: str) -> bool | None:
    """Ask math-verify whether two formulas are equal.

    None if it did not answer within SECONDS and MEMORY.
    """
    return POOL.ask(answer, gold)


def _serve():
    """Answer pairs until the input ends.

    Replies go to the real standard output, anything printed goes nowhere.
    """
    _limit(resource_seconds=None)
    replies, sys.stdout = sys.stdout, open(os.devnull, "w")
    import logging

    import math_verify

    logging.disable(logging.CRITICAL)
    config = [math_verify.LatexExtractionConfig()]

    def parse(text):
        return math_verify.parse(f"${text}$", extraction_config=config, parsing_timeout=None)

    math_verify.verify(parse("x^2"), parse("x^2"), timeout_seconds=None)
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        _limit(resource_seconds=2 * SECONDS)
        try:
            sides = [parse(text) for text in reversed(json.loads(line))]
            options = {
                "float_rounding": 9,
                "allow_set_relation_comp": True,
                "timeout_seconds": None,
            }
            equal = all(sides) and all(
                math_verify.verify(*pair, **options) for pair in (sides, sides[::-1])
            )
        except (Exception, RecursionError):
            # whatever a formula does to the library, it is not an equality
            equal = False
        print("equal" if equal else "different", file=replies, flush=True)


def _limit(resource_seconds):
    """Limit this process: memory once, CPU time from now on.

    Without the module (Windows) only the parent's limit holds.
    """
    try:
        import resource
    except ImportError:
        return
    if resource_seconds is None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    ceiling = int(used.ru_utime + used.ru_stime + resource_seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (ceiling, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    _serve()
