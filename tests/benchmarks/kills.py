"""Random kills of a chain.

Each is resumed by the same command, and the reports are those of an undisturbed run.

    python tests/benchmarks/kills.py [KILLS] [PARAMS]

A kill is kill -9 of the runner, kill -9 of the kernel, SIGTERM or SIGINT to the runner, after a
random time. Between two kills the chain goes on from what it had kept; when it completes before all
kills are spent, it starts again in an empty folder.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

# what a report says of time is not the same twice
TIMES = ("seconds", "per_second", "cpu", "hours")


def command(outputs, params):
    environment = {**os.environ, "SKYMATH_OUTPUTS": str(outputs)}
    words = [sys.executable, "-m", "skymath_nb", "run", str(params)]
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def reports(outputs):
    """Reports by step, without what they say of time."""
    found = {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(outputs.glob("*/*/report.json"))
    }
    return {
        step: {k: v for k, v in report.items() if not any(word in k for word in TIMES)}
        for step, report in found.items()
    }


def disturb(work, how):
    """One kill; True if there was somebody to kill."""
    if work.poll() is not None:
        return False
    target = psutil.Process(work.pid)
    if how == "kernel":
        kernels = [
            child
            for child in target.children()
            if "ipykernel_launcher" in " ".join(child.cmdline())
        ]
        if not kernels:
            return False
        kernels[0].kill()
    else:
        work.send_signal(
            {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}[how]
        )
    return True


def main(kills=50, params="params/smoke.yaml"):
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        began = time.monotonic()
        assert command(place / "calm", params).wait() == 0, "the undisturbed run failed"
        calm, lasted = reports(place / "calm"), time.monotonic() - began
        print(f"undisturbed: {len(calm)} steps in {lasted:.0f} s", flush=True)
        done, rounds, codes = Counter(), 0, Counter()
        while sum(done.values()) < kills:
            rounds += 1
            outputs = place / f"round-{rounds}"
            code = None
            while code != 0:
                work, how = command(outputs, params), draw.choice(["kill", "kernel", "term", "int"])
                if sum(done.values()) < kills:
                    try:
                        work.wait(draw.uniform(1, max(20, lasted / 3)))
                    except subprocess.TimeoutExpired:
                        if disturb(work, how):
                            done[how] += 1
                code = work.wait()
                codes[how, code] += 1
            same = reports(outputs) == calm
            print(
                f"round {rounds}: {sum(done.values())} kills so far, reports "
                f"{'equal' if same else 'DIFFER'}",
                flush=True,
            )
            if not same:
                for step, report in reports(outputs).items():
                    for key in sorted(set(report) | set(calm[step])):
                        if report.get(key) != calm[step].get(key):
                            print(
                                f"  {step} {key}: {calm[step].get(key)} undisturbed, "
                                f"{report.get(key)} here"
                            )
        print(
            f"{sum(done.values())} kills: {dict(done)}; exit codes by kill: "
            f"{ {f'{how} {code}': n for (how, code), n in codes.items()} }"
        )


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 50, given[1] if len(given) > 1 else "params/smoke.yaml")
