"""Sweeps: one params file, run at every point of a grid; what is equal is computed once.

    sweep: sizes                 # names the folder; its points are the runs sizes.n-200.seed-0, ...
    base: ../smoke.yaml          # a params file, from this file's folder
    grid:                        # every combination is a point; the last key changes fastest
      02_augmentation.n: [200, 400]
      shared.seed: [0, 1]
    report:                      # of the table: numbers or steps; without it the last step's
      - 05_evaluation.world_test_flexible

A point is a run like any other. A step that a finished run holds, the same in parameters, inputs
and code, is taken over from there.
"""

import hashlib
import html
import itertools
import json
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..core import disk, guard, locks, manifests, paths
from . import kernel, origins, params, suite, trust
from . import report as pages
from .params import ParamsError, Plan, nearest

SECTIONS = ("sweep", "base", "grid", "report")
COMPANIONS = ("", "_n", "_low", "_high")
LONGEST = 60  # characters of a point's values in its run's name
INTERRUPTED = 130  # exit code


class Point(NamedTuple):
    """One combination of the grid's values, and the run it is."""

    number: int
    values: dict
    plan: Plan

    def __str__(self) -> str:
        return _listed(self.values)


@dataclass(frozen=True)
class Sweep:
    """A base run at every point of a grid, and what the table at the end reports."""

    name: str
    source: Path
    points: tuple[Point, ...]
    report: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return paths.runs_folder() / self.name


def load(path, notebooks: Path | None = None) -> Sweep:
    """Return the sweep of a file, every point of it completely checked.

    Raises:
        ParamsError: It lists every problem found.
        FileNotFoundError: There is no such file, or no base.
    """
    source = Path(path)
    text = params.read(source)
    _refuse(source, [*_problems(text)])
    grid, name, base = text["grid"], text["sweep"], source.parent / text["base"]
    combinations = itertools.product(*grid.values())
    points = []
    for number, combination in enumerate(combinations):
        values = dict(zip(grid, combination, strict=True))
        run = f"{name}.{_slug(values)}"
        try:
            plan = params.load(base, notebooks=notebooks, run=run, values=values)
        except ParamsError as error:
            raise ParamsError(f"{source}, point {number} ({_listed(values)}): {error}") from error
        others = plan.others or origins.origin(source, "")  # the grid may name a server too
        points.append(Point(number, values, replace(plan, others=others)))
    steps = [job.id for job in points[0].plan.jobs]
    report = text.get("report") or [steps[-1]]
    named = {entry: entry.rpartition(".")[0] or entry for entry in report}
    unknown = [entry for entry, step in named.items() if not {entry, step} & set(steps)]
    what = f"names no step of {text['base']}"
    _refuse(source, [f"report: {entry} {what}{nearest(named[entry], steps)}" for entry in unknown])
    return Sweep(name, source, tuple(points), tuple(report))


def _refuse(source: Path, problems: list[str]) -> None:
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        raise ParamsError("\n  - ".join([f"{source} has {count}; nothing was run.", *problems]))


def _problems(text: dict) -> Iterator[str]:
    """What is wrong with a sweep's file, as far as it can be told without its base."""
    name, base, grid, report = (text.get(key) for key in SECTIONS)
    for key in sorted(set(text) - set(SECTIONS)):
        known = ", ".join(SECTIONS)
        yield f"{key}: no such section{nearest(key, SECTIONS)}; a sweep has {known}"
    try:
        paths.check_name("sweep's name (sweep:)", name)
        if (paths.runs_folder() / name / "params.yaml").is_file():
            yield (
                f"sweep: {name} is a run already ({paths.runs_folder() / name}); take another name"
            )
    except ValueError as error:
        yield str(error)
    if not isinstance(base, str):
        yield f"base: must name a params file, found {base!r}"
    if not isinstance(grid, dict) or not grid:
        yield f"grid: must hold `step.key: [values]`, found {grid!r}"
    for key, values in grid.items() if isinstance(grid, dict) else ():
        if not isinstance(values, list) or not values:
            yield f"grid.{key}: must list one value or more, found {values!r}"
            continue
        texts = Counter(json.dumps(value, default=str) for value in values)
        yield from (f"grid.{key}: {text} is there twice" for text, n in texts.items() if n > 1)
    entries = report or []
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        yield f"report: must list step.number or step, found {report!r}"


def _slug(values: dict) -> str:
    """A point's values as part of a folder's name, such as n-200.seed-0.

    It ends in a digest where the values alone would be unclear.
    """
    keys = [key.rpartition(".")[2] for key in values]
    pairs = zip(keys, values.values(), strict=True)
    text = ".".join(f"{key}-{_word(value)}" for key, value in pairs)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", text)[:LONGEST]
    if safe == text and len(set(keys)) == len(keys):
        return safe
    return f"{safe}.{hashlib.sha256(json.dumps(values).encode()).hexdigest()[:6]}"


def _listed(values: dict) -> str:
    return ", ".join(f"{key} {_word(value)}" for key, value in values.items())


def _word(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- running -------------------------------------------------------------------------------------


def run(
    sweep: Sweep,
    point: int | None = None,
    jobs: int = 1,
    keep_stale: bool = False,
    echo: Callable[[str], None] = print,
    servers: Sequence[str] = (),
    checks: Mapping[str, Callable[[Plan], None]] | None = None,
) -> int:
    """Run one point of a sweep here, or all in processes of their own, and write the table.

    A point that fails does not stop the others.

    Args:
        point: The number of the only point to run.
        jobs: Points that run side by side.
        checks: `check` and `check_step` of `suite.run`. `check` is called with every point's plan
            before the first one starts.

    Returns:
        0, or the exit code of the first point that did not end well.

    Raises:
        ParamsError: There is no such point.
        ValueError: `jobs` is below 1.
        locks.Busy: Another process is at work on `point`.
    """
    count, checks = len(sweep.points), checks or {}
    if jobs < 1:
        raise ValueError(f"--jobs {jobs}: at least one point must run at a time.")
    if point is not None and not 0 <= point < count:
        raise ParamsError(f"--point {point}: {sweep.source} has the points 0 to {count - 1}.")
    if point is not None:
        given = {"keep_stale": keep_stale, "servers": servers, **checks}
        code = suite.run(sweep.points[point].plan, echo=echo, share=True, **given)
        write(sweep)
        return code
    for each in sweep.points:
        trust.check(each.plan, each.plan.jobs, servers)
        if "check" in checks:
            checks["check"](each.plan)
    options = ["--keep-stale"] * keep_stale + ["--anyway"] * (not checks)
    options += [word for host in servers for word in ("--allow-server", host)]
    try:
        codes = _pool(sweep, jobs, options, echo)
    except KeyboardInterrupt as signal:
        write(sweep)
        echo("interrupted; the same command goes on from here")
        return getattr(signal, "code", INTERRUPTED)
    echo(shown(write(sweep)).to_string(index=False))
    if bad := {number: code for number, code in enumerate(codes) if code}:
        what = f"{len(bad)} of {count} points did not end well (point: exit code): {bad}"
        echo(f"{what}; the same command goes on from here")
    echo(f"The table is in {sweep.folder}: table.parquet, table.csv, index.html")
    interrupted = [code for code in bad.values() if code >= INTERRUPTED]
    return next(iter([*interrupted, *bad.values()]), 0)


def _pool(sweep: Sweep, jobs: int, options: list[str], echo: Callable[[str], None]) -> list[int]:
    """Run each point in a process of its own, behind a guard: none outlives this one.

    Returns:
        The exit codes of the points.
    """
    command = [sys.executable, "-m", "skymath_nb", "sweep", str(sweep.source), *options, "--point"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    grace = kernel.GRACE_S + guard.GRACE_S  # a point asks its kernel first
    stopped, processes = threading.Event(), []

    def work(point: Point) -> int:
        if stopped.is_set():
            return INTERRUPTED
        process = guard.start([*command, str(point.number)], grace, errors="replace", **pipes)
        processes.append(process)
        if stopped.is_set():  # since it was started
            process.stdin.close()
        echo(f"{point.number}: point {point}, run {point.plan.run}")
        for line in process.stdout:
            echo(f"{point.number}: {line.rstrip()}")
        return process.wait()

    with kernel.signals(echo), ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, point) for point in sweep.points]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            echo("the points at work are asked to end; a second signal does not wait")
            stopped.set()
            for process in processes:
                process.stdin.close()  # its guard asks it to end
            try:
                wait(futures)
            except KeyboardInterrupt:
                for process in processes:
                    process.terminate()  # its guard asks again
            raise


# --- the table -----------------------------------------------------------------------------------


def table(sweep: Sweep) -> pd.DataFrame:
    """Return one row a point.

    Returns:
        The columns point, run, steps (how many are complete with its parameters), of (how many it
        has), the grid's values, and the report's numbers as step.number, empty where that step is
        not complete.
    """
    rows = []
    for point in sweep.points:
        reports = _reports(point.plan)
        row = {"point": point.number, "run": point.plan.run}
        row |= {"steps": len(reports), "of": len(point.plan.jobs)}
        for key, value in point.values.items():
            row[key] = value if isinstance(value, int | float | str) else _word(value)
        for entry in sweep.report:
            row |= _numbers(entry, reports)
        rows.append(row)
    found = pd.DataFrame(rows)
    for column in found:  # Parquet has no columns of several types
        if found[column].dropna().map(type).nunique() > 1:
            found[column] = found[column].map(_word, na_action="ignore")
    return found


def _reports(plan: Plan) -> dict[str, dict]:
    """The reports of the steps that are complete with the plan's parameters, by their manifests.

    A step counts only if its inputs are those that the earlier steps have now.
    """
    reports, made = {}, {}
    for job in plan.jobs:
        folder = plan.folder / job.id
        try:
            manifest, report = manifests.read(folder), manifests.read_report(folder)
        except manifests.Damaged:  # `status` of that run tells; a step begun again has no report
            continue
        if manifest is None or suite.changes(manifest, job):
            continue
        earlier = {file.split("/", 1)[0] for file in manifest["inputs"]}
        moved = [f for f, digest in manifest["inputs"].items() if made.get(f, digest) != digest]
        if moved or not earlier <= set(reports):
            continue
        reports[job.id] = report
        for file, record in manifest["outputs"].items():
            made[f"{job.id}/{file}"] = record["sha256"]
    return reports


def _numbers(entry: str, reports: dict) -> dict:
    """What an entry of `report:` names: a step's numbers, or one with its n and interval."""
    if entry in reports:
        return {f"{entry}.{key}": value for key, value in reports[entry].items()}
    step, _, key = entry.rpartition(".")
    found = reports.get(step, {})
    return {f"{entry}{end}": found[f"{key}{end}"] for end in COMPANIONS if f"{key}{end}" in found}


def shown(found: pd.DataFrame) -> pd.DataFrame:
    """Return a table as text: a score, its n and its interval are one column."""
    lines = []
    for row in found.to_dict("records"):
        head = {"point": row.pop("point"), "run": row.pop("run")}
        head["steps"] = f"{row.pop('steps')} of {row.pop('of')}"
        known = {key: value for key, value in row.items() if not pd.isna(value)}
        lines.append(head | dict(pages.rows(known)))
    return pd.DataFrame(lines).fillna("")


def write(sweep: Sweep) -> pd.DataFrame:
    """Write what is known of all points into the sweep's folder, and return it.

    The files are table.parquet, table.csv and index.html.
    """
    # points end at any time; the last one writes the whole table
    with locks.claim(sweep.folder, waiting=lambda held: None):
        found = table(sweep)
        with disk.whole(sweep.folder / "table.parquet") as draft:
            found.to_parquet(draft, index=False)
        disk.save(sweep.folder / "table.csv", found.to_csv(index=False))
        disk.save(sweep.folder / "index.html", _page(sweep, found))
    return found


def _page(sweep: Sweep, found: pd.DataFrame) -> str:
    written = [p.plan for p in sweep.points if (p.plan.folder / "index.html").is_file()]
    links = {plan.run: f"../{plan.run}/index.html" for plan in written}
    links |= {name: name for name in ("table.csv", "table.parquet")}
    files = pages.table(pd.DataFrame({"the numbers": ["table.csv", "table.parquet"]}), links)
    names = (html.escape(path.name) for path in (sweep.source, sweep.points[0].plan.source))
    head = f"<p>{len(found)} points of {', run on '.join(names)}.</p>"
    body = f"<section>{pages.table(shown(found), links)}</section><section>{files}</section>"
    return pages.page(f"Sweep {sweep.name}", head + body)
