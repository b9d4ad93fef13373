"""The runner: the steps of a plan, executed in order by papermill, skipping what still holds.

A step is skipped while its manifest still agrees with its parameters, inputs, outputs and code.
"""

import hashlib
import json
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from ..core import code_digests, digests, disk, locks, manifests, paths
from . import folders, kernel, origins, report, trust
from .params import Job, ParamsError, Plan, load, nearest

__all__ = ["ParamsError", "Plan", "load", "run", "state", "status"]
STARTUP_S = 4  # kernel start and imports, outside the step's own clock
QUIET_S = 30  # seconds between two lines about a step at work, more for one that takes hours
DONE, FAILED, BUDGET = 0, 3, 4  # exit codes; of a signal: 128 and its number


class StepFailed(RuntimeError):
    """Where a step failed, why, and the executed copy to look at.

    `code` is the exit code that says so.
    """

    code = FAILED


# --- what must run
# ----------------------------------------------------------------------


class State(NamedTuple):
    """fresh.

    Holds. missing: not complete. edited: only code changed. stale: anything else changed.
    """

    name: str
    reasons: list[str]
    manifest: dict | None = None


def state(plan: Plan, job: Job) -> State:
    """Whether the step's manifest still holds, and if not, every reason."""
    folder = plan.folder / job.id
    try:
        manifest = manifests.read(folder)
    except manifests.Damaged as error:
        return State("missing", [str(error)])
    if manifest is None:
        return State("missing", ["started but not finished" if folder.is_dir() else "not run yet"])
    return _judged(plan, job, manifest, folder)


def _judged(plan: Plan, job: Job, manifest: dict, folder: Path) -> State:
    """Whether the outputs in a folder are what this plan's step would make.

    Its parameters, inputs and code are the manifest's.
    """
    broken = [
        f"output {file} {'has another size' if (folder / file).exists() else 'is missing'}"
        for file, record in manifest["outputs"].items()
        if not (folder / file).exists()
        or disk.size_of(paths.within(folder, file)) != record["bytes"]
    ]
    if broken:
        return State("missing", broken, manifest)
    changed = changes(manifest, job)
    read = {
        file: (partial(folders.input_of, plan.folder, file), digest)
        for file, digest in manifest["inputs"].items()
    }
    foreign = manifests.FOREIGN in manifest
    read |= {
        name: (partial(paths.recorded, use["path"], foreign), use["sha256"])
        for name, use in manifest["uses"].items()
    }
    for name, (place, digest) in read.items():
        try:
            if digests.of_file(place()) != digest:
                changed.append(f"{name} changed")
        except FileNotFoundError:
            changed.append(f"{name} is gone")
        except (OSError, ValueError) as error:
            changed.append(f"{name} cannot be checked: {error}")
    old, new = manifest["code"], code_digests.of_notebook(job.name, job.notebook.parent)
    edited = ["the notebook's code changed"] if old["notebook"] != new["notebook"] else []
    modules = sorted(k for k, _ in old["modules"].items() ^ new["modules"].items())
    edited += [f"{module} changed" for module in dict.fromkeys(modules)]
    return State(
        "stale" if changed else "edited" if edited else "fresh", changed + edited, manifest
    )


def changes(manifest: dict, job: Job) -> list[str]:
    """The parameters that count and are not those of the manifest, each with both values."""
    recorded, wanted = manifest["parameters"], counted(job)
    return [
        f"{key}: {recorded[key]!r} -> {value!r}" if key in recorded else f"{key} was not recorded"
        for key, value in wanted.items()
        if key not in recorded or recorded[key] != value
    ]


def counted(job: Job) -> dict:
    """The parameters of a step that count, as JSON gives them back."""
    given = job.parameters.items()
    counting = {key: value for key, value in given if key not in manifests.EXECUTION}
    return json.loads(json.dumps(counting))


def status(plan: Plan) -> pd.DataFrame:
    """One row a step: step, state, reason, seconds, finished.

    A step after one that must run is "waiting".
    """
    rows, pending = [], set()
    for job in plan.jobs:
        name, reasons, manifest = state(plan, job)
        sources = {file.split("/")[0] for file in (manifest or {}).get("inputs", {})} & pending
        if name == "fresh" and sources:
            name, reasons = "waiting", [f"reads {', '.join(sorted(sources))}"]
        if name != "fresh":
            pending.add(job.id)
        done = manifest or {"seconds": math.nan, "finished": ""}
        rows.append((job.id, name, "; ".join(reasons), done["seconds"], done["finished"]))
    return pd.DataFrame(rows, columns=["step", "state", "reason", "seconds", "finished"])


def _expected(plan: Plan, job: Job) -> float | None:
    """Seconds the step took last time: in this run, else in any run, else as the notebook says."""
    others = dict(_manifests(f"*/{job.id}/manifest.json"))
    last = others.get(plan.folder / job.id) or max(
        others.values(), key=lambda manifest: manifest["finished"], default=None
    )
    if last:
        return last["seconds"] + STARTUP_S
    metadata = json.loads(job.notebook.read_text(encoding="utf-8"))["metadata"]
    return metadata.get("skymath", {}).get("seconds")


def _manifests(pattern: str) -> Iterator[tuple[Path, dict]]:
    """The complete steps of all runs that match a pattern, each with its manifest.

    Damaged ones are left to their own run's status.
    """
    for path in sorted(paths.runs_folder().glob(pattern)):
        try:
            if manifest := manifests.read(path.parent):
                yield path.parent, manifest
        except manifests.Damaged:
            continue


# --- running
# ----------------------------------------------------------------------


def run(
    plan: Plan,
    from_step: str | None = None,
    keep_stale: bool = False,
    echo=print,
    share: bool = False,
    servers: Sequence[str] = (),
    check: Callable[[Plan], None] = lambda plan: None,
    check_step: Callable[[Plan], None] = lambda plan: None,
) -> int:
    """Execute what must run, in order.

    Returns 0 when all is done, 3 after a failure, 4 when a budget is reached, 128 + n after a
    signal.

    from_step: that step and all after it run again; the ones before must be complete, and are kept.
    keep_stale: a step whose code alone changed is kept.
    share: a step that another run has complete, the same in all that counts, is taken over from
    there; of several processes that need it one computes it and the others wait. servers: hosts
    that a plan of others may ask (`trust`). check, check_step: called with the plan, once it may
    run at all, before anything starts and before each step that runs; they raise ParamsError where
    a later step cannot run.

    Raises:
        ParamsError: For what a plan of others may not, locks.Busy while another process runs the
            same run folder.
    """
    first = _first(plan, from_step)
    if plan.others:
        trust.tell(plan, echo)
        numbered = enumerate(plan.jobs)
        todo = [job for n, job in numbered if not _kept(state(plan, job), n, first, keep_stale)]
        trust.check(plan, todo, servers)
    check(plan)
    try:
        with locks.claim(plan.folder), kernel.signals(echo) as stop:
            return _run(plan, first, keep_stale, share, stop, echo, servers, check_step)
    except OSError as error:
        if error.errno not in disk.FULL:
            raise
        echo(f"{error}\n{disk.missing_space(plan.folder)}")
        return FAILED


def _run(
    plan: Plan,
    first: int | None,
    keep_stale: bool,
    share: bool,
    stop: kernel.Stop,
    echo,
    servers,
    check_step,
) -> int:
    if plan.others.startswith(origins.TAKEN):
        mark = {manifests.FOREIGN: plan.others.removeprefix(origins.TAKEN)}
    else:
        mark = {}
    frozen = {"run": plan.run, **mark, "steps": {job.id: job.parameters for job in plan.jobs}}
    disk.save(
        plan.folder / "params.yaml", yaml.safe_dump(frozen, sort_keys=False, allow_unicode=True)
    )
    start, width, notes = time.monotonic(), max(len(job.id) for job in plan.jobs), {}
    steps = {job.id: job.parameters for job in plan.jobs}
    for number, job in enumerate(plan.jobs):
        line = f"[{number + 1}/{len(plan.jobs)}] {job.id:{width}}"
        try:
            found = state(plan, job)
            if kept := _kept(found, number, first, keep_stale):
                echo(f"{line}  {kept}")
                continue
            trust.check(plan, [job], servers)  # a step that ran may have made this one stale
            check_step(plan)
            notes[job.id] = "failed"
            with _turn(plan, job, line, echo) if share else nullcontext():
                if share and (other := _taken(plan, job)):
                    echo(f"{line}  the same as in run {other}, taken over from there")
                else:
                    _execute(plan, job, found.reasons, line, start, stop, echo)
            del notes[job.id]
        except StepFailed as failure:
            echo(f"{line}  failed\n{failure}")
            return failure.code
        except KeyboardInterrupt as signal:
            notes[job.id] = "interrupted"
            echo(f"{line}  interrupted; the same command goes on from here")
            return getattr(signal, "code", 130)
        finally:
            report.index(plan.folder, plan.source.name, steps, notes)
    report.index(plan.folder, plan.source.name, steps, notes)
    echo(
        f"All steps hold after {_clock(time.monotonic() - start)}. Open "
        f"{plan.folder / 'index.html'}"
    )
    return DONE


def _first(plan: Plan, from_step: str | None) -> int | None:
    """Place of the step to start from, None for "wherever needed"."""
    if from_step is None:
        return None
    ids = [job.id for job in plan.jobs]
    if from_step not in ids:
        raise ParamsError(
            f"--from {from_step}: no such step in {plan.source}{nearest(from_step, ids)}."
        )
    earlier = [(job.id, state(plan, job)) for job in plan.jobs[: ids.index(from_step)]]
    gaps = [
        f"{step} ({'; '.join(found.reasons)})" for step, found in earlier if found.name == "missing"
    ]
    if gaps:
        gaps = ", ".join(gaps)
        raise ParamsError(
            f"--from {from_step} needs the steps before it; not complete: {gaps}. Run without "
            "--from."
        )
    return ids.index(from_step)


def _kept(found: State, number: int, first: int | None, keep_stale: bool) -> str:
    """Why the step is not run, "" if it must."""
    reasons = "; ".join(found.reasons)
    if first is not None:
        if number >= first:
            return ""
        if found.name == "fresh":
            return "unchanged, kept"
        return f"kept as it is, before --from ({reasons})"
    if found.name == "edited" and keep_stale:
        return f"kept although stale ({reasons})"
    return "unchanged, kept" if found.name == "fresh" else ""


def _execute(
    plan: Plan, job: Job, reasons: list[str], line: str, start: float, stop: kernel.Stop, echo
) -> None:
    """Run one step. Raises StepFailed or kernel.Interrupted; then no manifest is left."""
    expected, folder = _expected(plan, job), plan.folder / job.id
    why = f" ({'; '.join(reasons)})" if reasons else ""
    echo(
        f"{line}  running{why}, "
        + (f"expected {expected:.0f} s" if expected else "duration unknown")
    )
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("manifest.json", "notebook.html", "notebook.ipynb"):
        disk.remove(folder / old)
    copy, began, tail = folder / "notebook.ipynb", time.monotonic(), kernel.Tail()
    own = {"run": plan.run, "label": job.label, "interactive": False, "progress": False}
    parameters = {key: value for key, value in own.items() if key in job.known} | job.parameters
    failure = None
    try:
        with _environment(job), _ticker(line, tail, echo):
            kernel.execute(job.notebook, copy, parameters, stop, tail)
        if not (folder / "manifest.json").is_file():
            failure = kernel.Failed(
                "the notebook ended without step.finish(...), so the step is not complete"
            )
    except kernel.Failed as error:
        failure = error
    except KeyboardInterrupt:
        (folder / "manifest.json").unlink(missing_ok=True)
        raise
    if failure:
        # finish() may stand above the failing cell
        (folder / "manifest.json").unlink(missing_ok=True)
        text = f"  at:    {_heading(copy)}\n  error: {failure}\n  see:   {copy}"
        problem = StepFailed(
            "\n".join([text, *_disk(plan.folder, str(failure)), *_damaged_sources(plan, job)])
        )
        problem.code = BUDGET if failure.error == "BudgetReached" else FAILED
        raise problem
    report.notebook(copy, plan.folder)
    now = time.monotonic()
    echo(f"{line}  done in {now - began:.0f} s (total {_clock(now - start)})")
    stop.check()


def _disk(folder: Path, error: str) -> list[str]:
    """A line where a full disk made a step fail: which disk, and how much is missing."""
    full = (
        any(os.strerror(number) in error for number in disk.FULL)
        or "database or disk is full" in error
    )
    return [f"  disk:  {disk.missing_space(folder)}"] if full else []


def _damaged_sources(plan: Plan, job: Job) -> list[str]:
    """A line for each output that the failed step may have read and that is not what was written.

    Its step is then not complete.
    """
    damaged = []
    for source in _sources(plan, job):
        folder = plan.folder / source.id
        found = state(plan, source)
        if found.manifest is None:
            continue
        files = [
            file
            for file, record in found.manifest["outputs"].items()
            if not (folder / file).exists() or digests.of_file(folder / file) != record["sha256"]
        ]
        if files:
            disk.remove(folder / "manifest.json")
            damaged.append(
                f"  input: {source.id} no longer has what it wrote ({', '.join(files)}); the "
                "same command makes it again"
            )
    return damaged


def _sources(plan: Plan, job: Job) -> list[Job]:
    """The steps that a step's parameters name as its inputs."""
    values = [value for key, value in job.parameters.items() if key.endswith("_from")]
    names = {name for value in values for name in (value if isinstance(value, list) else [value])}
    return [source for source in plan.jobs if source.id in names]


@contextmanager
def _turn(plan: Plan, job: Job, line: str, echo):
    """Wait until no other process computes the same step.

    What is locked is only work that would be done twice: whether two steps are the same is judged
    by what their manifests say.
    """

    def waiting(held):
        echo(f"{line}  waits for the same step of another run ({held.rpartition('held by ')[2]})")

    with locks.claim(paths.runs_folder() / ".shared" / f"{job.id}-{_identity(plan, job)}", waiting):
        yield


def _identity(plan: Plan, job: Job) -> str:
    """A digest of all that a plan says of a step.

    Its parameters and code, and those of the steps that it reads from.
    """
    parts = [job.id, counted(job), code_digests.of_notebook(job.name, job.notebook.parent)]
    parts += [_identity(plan, source) for source in _sources(plan, job)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _taken(plan: Plan, job: Job) -> str:
    """Take a step over from a run where it is complete and the same in all that counts.

    That run's name, "" if there is none.
    """
    for other, manifest in _manifests(f"*/{job.id}/manifest.json"):
        if other.resolve() == (plan.folder / job.id).resolve() or changes(manifest, job):
            continue
        if _judged(plan, job, manifest, other).name == "fresh" and manifests.take(
            other, plan.folder / job.id, manifest
        ):
            about, own = other.parent / "run.json", plan.folder / "run.json"
            if about.is_file() and not own.exists():
                shutil.copy2(about, own)
            return other.parent.name
    return ""


@contextmanager
def _environment(job: Job):
    """What the kernel inherits: absolute folders, since it works in the notebooks' folder."""
    folders = {"SKYMATH_OUTPUTS": paths.runs_folder(), "SKYMATH_NOTEBOOKS": job.notebook.parent}
    if data := os.environ.get("SKYMATH_DATA"):
        folders["SKYMATH_DATA"] = Path(data).expanduser().resolve()
    before = dict(os.environ)
    os.environ.update({name: str(folder) for name, folder in folders.items()})
    os.environ.pop("JPY_SESSION_NAME", None)  # of the notebook that started the runner, if one did
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _ticker(line: str, tail: kernel.Tail, echo):
    """Says now and then that a step is at work, and the last line it printed.

    The pauses grow with its time.
    """
    done, began = threading.Event(), time.monotonic()

    def tick():
        while not done.wait(max(QUIET_S, (time.monotonic() - began) / 10)):
            said = f": {tail.line}" if tail.line else ""
            echo(f"{line}  {_clock(time.monotonic() - began)}{said}")

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _heading(copy: Path) -> str:
    """The heading above the last cell that an executed copy reached."""
    heading = reached = "the first cells"
    if not copy.is_file():
        return reached
    for cell in json.loads(copy.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            lines = [text for text in "".join(cell["source"]).splitlines() if text.startswith("#")]
            heading = lines[-1].lstrip("# ") if lines else heading
        elif cell["metadata"].get("papermill", {}).get("exception") is not None:
            # None: never started
            reached = heading
    return reached


def _clock(seconds: float) -> str:
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"
