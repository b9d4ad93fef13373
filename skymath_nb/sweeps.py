"""Sweeps: one params file, run at every point of a grid; what is the same at several points is computed once.

    sweep: sizes                         # names the sweep's folder; its points are the runs sizes.n-200.seed-0, ...
    base: ../smoke.yaml                  # a params file, from this file's folder
    grid:                                # every combination is a point; the last key changes fastest
      02_augmentation.n: [200, 400]
      shared.seed: [0, 1]
    report:                              # of the table at the end: numbers, or whole steps; without it the last step's
      - 05_evaluation.world_test_flexible

A point is a run like any other. A step that a finished run holds, the same in parameters, inputs and code, is taken over from there.
"""

import hashlib
import html
import itertools
import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from skymath_nb import guard, kernel, pages, plans, runs, suite, trust
from skymath_nb.plans import ParamsError, Plan, nearest

SECTIONS = ("sweep", "base", "grid", "report")
COMPANIONS = ("", "_n", "_low", "_high")
LONGEST = 60  # characters of a point's values in its run's name
BAD_INPUT, BUSY, INTERRUPTED = 2, 5, 130  # exit codes of a point


class Point(NamedTuple):
    """One combination of the grid's values, and the run it is."""

    number: int
    values: dict
    plan: Plan

    def __str__(self) -> str:
        return ", ".join(f"{key} {_word(value)}" for key, value in self.values.items())


@dataclass(frozen=True)
class Sweep:
    name: str
    source: Path
    points: tuple[Point, ...]
    report: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return runs.root() / self.name


def load(path, notebooks: Path | None = None) -> Sweep:
    """The sweep of a file, every point of it completely checked.

    Raises ParamsError with every problem found, FileNotFoundError if there is no such file or no base.
    """
    source, problems = Path(path), []
    text = plans.read(source)
    for key in sorted(set(text) - set(SECTIONS)):
        problems.append(f"{key}: no such section{nearest(key, SECTIONS)}; a sweep has {', '.join(SECTIONS)}")
    name, base, grid, report = (text.get(key) for key in SECTIONS)
    try:
        runs.check_name("sweep's name (sweep:)", name)
    except ValueError as error:
        problems.append(str(error))
    if not isinstance(base, str):
        problems.append(f"base: must name a params file, found {base!r}")
    problems += _problems_of(grid)
    if not isinstance(report or [], list) or not all(isinstance(entry, str) for entry in report or []):
        problems.append(f"report: must list step.number or step, found {report!r}")
    if not problems and (runs.root() / name / "params.yaml").is_file():
        problems.append(f"sweep: {name} is a run already ({runs.root() / name}); give the sweep another name")
    if problems:
        raise _refusal(source, problems)
    points = _points(source, name, source.parent / base, grid, notebooks)
    steps = [job.id for job in points[0].plan.jobs]
    for entry in report or []:
        if entry not in steps and entry.rpartition(".")[0] not in steps:
            problems.append(f"report: {entry} names no step of {base}{nearest(entry.rpartition('.')[0] or entry, steps)}")
    if problems:
        raise _refusal(source, problems)
    return Sweep(name, source, points, tuple(report or [steps[-1]]))


def _refusal(source: Path, problems: list[str]) -> ParamsError:
    count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
    return ParamsError(f"{source} has {count}; nothing was run.\n  - " + "\n  - ".join(problems))


def _problems_of(grid) -> list[str]:
    if not isinstance(grid, dict) or not grid:
        return [f"grid: must hold `step.key: [values]`, found {grid!r}"]
    problems = [
        f"grid.{key}: must list one value or more, found {found!r}" for key, found in grid.items() if not found or type(found) is not list
    ]
    if problems:
        return problems
    texts = {key: [json.dumps(value, default=str) for value in found] for key, found in grid.items()}
    return [f"grid.{key}: {twice[0]} is there twice" for key, found in texts.items() if (twice := [t for t in found if found.count(t) > 1])]


def _points(source: Path, name: str, base: Path, grid: dict, notebooks: Path | None) -> tuple[Point, ...]:
    points = []
    for number, values in enumerate(itertools.product(*grid.values())):
        values = dict(zip(grid, values, strict=True))
        try:
            plan = plans.load(base, notebooks=notebooks, run=f"{name}.{_slug(values)}", values=values)
        except ParamsError as error:
            raise ParamsError(f"{source}, point {number} ({Point(number, values, None)}): {error}") from error
        others = plan.others or trust.origin(source, "")  # the grid may name a server too
        points.append(Point(number, values, replace(plan, others=others)))
    return tuple(points)


def _slug(values: dict) -> str:
    """A point's values as part of a folder's name: n-200.seed-0; with a digest where that alone would be unclear."""
    keys = [key.rpartition(".")[2] for key in values]
    text = ".".join(f"{key}-{_word(value)}" for key, value in zip(keys, values.values(), strict=True))
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", text)[:LONGEST]
    if safe == text and len(set(keys)) == len(keys):
        return safe
    return f"{safe}.{hashlib.sha256(json.dumps(values).encode()).hexdigest()[:6]}"


def _word(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- running ---------------------------------------------------------------------------------------------


def run(
    sweep: Sweep, point: int | None = None, jobs: int = 1, keep_stale: bool = False, echo=print, servers=(), check=None, check_step=None
) -> int:
    """Run all points, or one, `jobs` of them side by side; write the sweep's table. Returns 0, else the first point's other exit code.

    A point that fails does not stop the others. `check` and `check_step` are those of `suite.run`: the first is asked of every
    point before the first one starts.
    Raises:  ParamsError for a point that is not there, ValueError for jobs below 1; runs.Busy where `point` is at work already.
    """
    if jobs < 1:
        raise ValueError(f"--jobs {jobs}: at least one point must run at a time.")
    if point is not None and not 0 <= point < len(sweep.points):
        raise ParamsError(f"--point {point}: {sweep.source} has the points 0 to {len(sweep.points) - 1}.")
    if point is not None:
        checks = {name: asked for name, asked in (("check", check), ("check_step", check_step)) if asked}
        given = {"keep_stale": keep_stale, "share": True, "servers": servers}
        code = suite.run(sweep.points[point].plan, echo=echo, **given, **checks)
        write(sweep)
        return code
    for each in sweep.points:
        trust.check(each.plan, each.plan.jobs, servers)
        if check:
            check(each.plan)
    try:
        work = _side_by_side if jobs > 1 else _in_turn
        codes = work(sweep, jobs, keep_stale, echo, servers, check_step)
    except KeyboardInterrupt as signal:
        write(sweep)
        echo("interrupted; the same command goes on from here")
        return getattr(signal, "code", INTERRUPTED)
    found = write(sweep)
    echo(shown(found).to_string(index=False))
    bad = {number: code for number, code in codes.items() if code}
    if bad:
        echo(f"{len(bad)} of {len(sweep.points)} points did not end well (point: exit code): {bad}; the same command goes on from here")
    echo(f"The table is in {sweep.folder}: table.parquet, table.csv, index.html")
    return next((code for code in bad.values() if code >= INTERRUPTED), next(iter(bad.values()), 0))


def _in_turn(sweep: Sweep, jobs: int, keep_stale: bool, echo, servers, check_step) -> dict[int, int]:
    given = {"keep_stale": keep_stale, "share": True, "servers": servers}
    given |= {"check_step": check_step} if check_step else {}
    codes = {}
    for point in sweep.points:
        echo(f"point {point.number} of {len(sweep.points)}: {point}, run {point.plan.run}")
        try:
            codes[point.number] = suite.run(point.plan, echo=echo, **given)
        except ParamsError as error:  # of `check_step`
            echo(str(error))
            codes[point.number] = BAD_INPUT
        except runs.Busy as error:
            echo(str(error))
            codes[point.number] = BUSY
        if codes[point.number] >= INTERRUPTED:
            break
    return codes


def _side_by_side(sweep: Sweep, jobs: int, keep_stale: bool, echo, servers, check_step) -> dict[int, int]:
    """Each point in a process of its own, behind a guard: none outlives this one."""
    stopped, alive, lock, codes = threading.Event(), [], threading.Lock(), {}
    words = [sys.executable, "-m", "skymath_nb", "sweep", str(sweep.source), *["--keep-stale"] * keep_stale]
    words += ["--anyway"] * (check_step is None)
    words += [*(word for host in servers for word in ("--allow-server", host)), "--point"]
    grace = kernel.GRACE_S + guard.GRACE_S  # a point asks its kernel first

    def work(point):
        with lock:
            if stopped.is_set():
                return
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
            process = guard.start([*words, str(point.number)], grace, **pipes)
            alive.append(process)
        for line in process.stdout:
            echo(f"{point.number}: {line.rstrip()}")
        codes[point.number] = process.wait()

    with kernel.signals(echo), ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, point) for point in sweep.points]
        try:
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            echo("the points at work are asked to end; a second signal does not wait")
            with lock:
                stopped.set()
            for process in alive:
                process.stdin.close()
            try:
                wait(futures)
            except KeyboardInterrupt:
                for process in alive:
                    process.terminate()  # its guard asks again
            raise
    return dict(sorted(codes.items()))


# --- the table -------------------------------------------------------------------------------------------


def table(sweep: Sweep) -> pd.DataFrame:
    """One row a point: point, run, steps (how many of its steps are complete with its parameters), of, the grid's values, and the
    report's numbers as step.number, empty where that step is not complete."""
    rows = []
    for point in sweep.points:
        reports = _reports(point.plan)
        row = {"point": point.number, "run": point.plan.run, "steps": len(reports), "of": len(point.plan.jobs)}
        row |= {key: value if isinstance(value, int | float | str) else _word(value) for key, value in point.values.items()}
        for entry in sweep.report:
            row |= _numbers(entry, reports)
        rows.append(row)
    found = pd.DataFrame(rows)
    for column in found:  # Parquet has no columns of several types
        if found[column].dropna().map(type).nunique() > 1:
            found[column] = found[column].map(_word, na_action="ignore")
    return found


def _reports(plan: Plan) -> dict[str, dict]:
    """The reports of the steps that are complete with the plan's parameters and have read what is there now, by what manifests say."""
    reports, made = {}, {}
    for job in plan.jobs:
        try:
            manifest = runs.read_manifest(plan.folder / job.id)
            report = runs.read_report(plan.folder / job.id)
        except runs.Damaged:  # `status` of that run says so; without a report the step has just begun again
            continue
        if manifest is None or suite.changes(manifest, job):
            continue
        read = {tuple(file.split("/", 1)): digest for file, digest in manifest["inputs"].items()}
        if any(step not in reports or made.get((step, file), digest) != digest for (step, file), digest in read.items()):
            continue
        reports[job.id] = report
        made |= {(job.id, file): record["sha256"] for file, record in manifest["outputs"].items()}
    return reports


def _numbers(entry: str, reports: dict) -> dict:
    """The numbers that an entry of `report:` names: those of a whole step, or one with the n and the interval of a score."""
    if entry in reports:
        return {f"{entry}.{key}": value for key, value in reports[entry].items()}
    step, _, key = entry.rpartition(".")
    report = reports.get(step, {})
    return {f"{entry}{end}": report[f"{key}{end}"] for end in COMPANIONS if f"{key}{end}" in report}


def shown(found: pd.DataFrame) -> pd.DataFrame:
    """A table as text: a score, its n and its interval are one column."""
    lines = []
    for row in found.to_dict("records"):
        head = {"point": row.pop("point"), "run": row.pop("run"), "steps": f"{row.pop('steps')} of {row.pop('of')}"}
        known = {key: value for key, value in row.items() if not pd.isna(value)}
        lines.append(head | {key: value for key, value in pages.rows(known)})
    return pd.DataFrame(lines).fillna("")


def write(sweep: Sweep) -> pd.DataFrame:
    """Write what is known of all points as table.parquet, table.csv and index.html in the sweep's folder; return it."""
    with runs.claim(sweep.folder, waiting=lambda held: None):  # points end at any time; the last one writes the whole table
        found = table(sweep)
        frozen = {"sweep": sweep.name, "points": {point.plan.run: point.values for point in sweep.points}}
        runs.save(sweep.folder / "sweep.yaml", yaml.safe_dump(frozen, sort_keys=False, allow_unicode=True))
        draft = sweep.folder / ".table.parquet"
        found.to_parquet(draft, index=False)
        draft.replace(sweep.folder / "table.parquet")
        runs.save(sweep.folder / "table.csv", found.to_csv(index=False))
        runs.save(sweep.folder / "index.html", _page(sweep, found))
    return found


def _page(sweep: Sweep, found: pd.DataFrame) -> str:
    links = {point.plan.run: f"../{point.plan.run}/index.html" for point in sweep.points if (point.plan.folder / "index.html").is_file()}
    links |= {f"table.{kind}": f"table.{kind}" for kind in ("csv", "parquet")}
    files = pages.table(pd.DataFrame({"the numbers": ["table.csv", "table.parquet"]}), links)
    head = f"<p>{len(found)} points of {html.escape(sweep.source.name)}, run on {html.escape(sweep.points[0].plan.source.name)}.</p>"
    body = f"{head}<section>{pages.table(shown(found), links)}</section><section>{files}</section>"
    return pages.page(f"Sweep {sweep.name}", body)
