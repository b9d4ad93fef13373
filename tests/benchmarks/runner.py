"""What the runner costs.

Seconds a step beyond the notebook's own cells, and a rerun in which every step holds.

    python tests/benchmarks/runner.py [PARAMS]

A notebook's own work is what its cells took, by the times in its executed copy. The rest is the
start of a kernel, papermill, the digests and the page. First a notebook that does nothing is run,
whose CPU time (runner and kernel) says what is not waiting for a loaded machine.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from skymath_nb.runner import params as plans
from skymath_nb.runner import suite

EMPTY = [
    'run: str = "empty"  # folder\nlabel: str = ""  # repeat',
    'from skymath_nb import runner\nrunner.start("00_empty", run, label).finish({})',
]
REPEATS = 3


def cpu():
    """Seconds of this process and of all its children that have ended, kernels among them."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def own_work(copy):
    """Seconds that the cells of an executed copy took."""
    cells = [
        cell
        for cell in json.loads(copy.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    return sum(cell["metadata"]["papermill"]["duration"] for cell in cells)


def steps(plan):
    """Run a plan.

    Per step its name, seconds, seconds of its cells, and CPU seconds of runner and kernel.
    """
    began, found = {}, []

    def echo(line):
        step = line.split("]", 1)[-1].split()[0]
        if "  running" in line:
            began[step] = time.monotonic(), cpu()
        elif "  done in" in line:
            wall, used = time.monotonic() - began[step][0], cpu() - began[step][1]
            found.append((step, wall, own_work(plan.folder / step / "notebook.ipynb"), used))
            print(
                "{:24}{:6.1f} s, cells {:6.1f} s, beyond them {:5.1f} s".format(
                    *found[-1][:3], wall - found[-1][2]
                ),
                flush=True,
            )

    if suite.run(plan, echo=echo):
        sys.exit("a step failed; nothing was measured")
    return found


def empty(place):
    """A plan of one notebook that does nothing, some times over."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in EMPTY])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    nbformat.write(notebook, place / "00_empty.ipynb")
    (place / "empty.yaml").write_text(
        "run: empty\nsteps: {" + ", ".join(f"00_empty@{i}: {{}}" for i in range(REPEATS)) + "}"
    )
    return plans.load(place / "empty.yaml", notebooks=place)


def main(params="params/smoke.yaml"):
    with tempfile.TemporaryDirectory() as place:
        os.environ["SKYMATH_OUTPUTS"] = str(Path(place, "outputs"))
        found = steps(empty(Path(place)))
        print(
            f"an empty notebook: {sum(step[3] for step in found) / REPEATS:.1f} CPU-s, runner "
            f"and kernel; load {os.getloadavg()[0]:.1f}"
        )
        plan = plans.load(params)
        beyond = [wall - work for _, wall, work, _ in steps(plan)]
        print(
            f"beyond the notebooks' own work: {sum(beyond) / len(beyond):.1f} s a step on "
            f"average, {max(beyond):.1f} s at most"
        )
        start, used = time.monotonic(), cpu()
        done = subprocess.run(
            [sys.executable, "-m", "skymath_nb", "run", params], capture_output=True, text=True
        )
        assert done.returncode == 0 and done.stdout.count("unchanged, kept") == len(plan.jobs), (
            done.stdout
        )
        took = f"{time.monotonic() - start:.1f} s, {cpu() - used:.1f} CPU-s"
        print(
            f"a rerun of {len(plan.jobs)} steps that all hold: {took}, the whole command; load "
            f"{os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
