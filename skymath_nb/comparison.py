"""Runs compared: what went in (parameters, data, code, versions) and what came out, in pairs where the same items were answered."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from skymath_nb import evaluate, folders, pages, precision, runs, schema

WIDTH = 44  # characters of a cell in a terminal; the page has all
SHORT = 12  # hex digits of a digest
ENDS = ("_n", "_low", "_high")
ABSENT = "-"


class Run(NamedTuple):
    """A run as it lies in its folder."""

    folder: Path
    about: dict
    manifests: dict[str, dict]
    reports: dict[str, dict]


class Pair(NamedTuple):
    """A paired difference as text, and whether any item came out differently: equal scores may rest on other items."""

    text: str
    moved: bool


class Section(NamedTuple):
    """A titled table, or the sentence that stands in for one without rows."""

    title: str
    table: pd.DataFrame
    note: str = ""


def read(name: str | Path) -> Run:
    """A run of that name or in that folder. Raises what folders.find raises, ValueError where no step is complete."""
    folder = folders.find(name)
    steps, damaged = folders.manifests(folder)
    if damaged:
        raise runs.Damaged(f"The run {folder.name} cannot be compared. {' '.join(damaged.values())}")
    if not steps:
        raise ValueError(f"{folder} has no complete step, so there is nothing to compare. Run it first.")
    try:
        return Run(folder, runs.read_about(folder), steps, {step: runs.read_report(folder / step) for step in steps})
    except runs.Damaged as error:
        raise runs.Damaged(f"The run {folder.name} cannot be compared: {error}. Run that step again.") from error


def compare(names: Sequence[str | Path], out: str | Path | None = None, echo: Callable[[str], None] = print) -> list[Section]:
    """Compare two or more runs, print what differs, and write it as one page; differences are the first run less each other one.

    out  the page (.html); without it outputs/compared/A_B.html.
    Raises:  ValueError for fewer than two runs or another ending of `out`, FileNotFoundError for a run that is not there.
    """
    if len(names) < 2:
        raise ValueError(f"Two runs or more are compared, but only {', '.join(map(str, names)) or 'none'} was given.")
    compared = [read(name) for name in names]
    out = Path(out) if out else runs.root() / "compared" / f"{'_'.join(run.folder.name for run in compared)}.html"
    if out.suffix != ".html":
        raise ValueError(f"--out {out} should end in .html.")
    sections = [_origins(compared), _parameters(compared), _data(compared), _reports(compared), *_arms(compared)]
    for section in sections:
        echo(f"\n{section.title}" + (f": {section.note}" if section.note else ""))
        if len(section.table):
            echo(section.table.map(lambda value: _cut(str(value))).to_string(index=False))
    body = "".join(
        f"<section><h2>{section.title}</h2><p>{section.note}</p>{pages.table(section.table) if len(section.table) else ''}</section>"
        for section in sections
    )
    runs.save(out, pages.page(f"Compared: {', '.join(run.folder.name for run in compared)}", body))
    echo(f"\nThe page: {out}")
    return sections


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."


def _letters(compared: Sequence[Run]) -> list[str]:
    return [chr(ord("A") + i) if i < 26 else str(i) for i in range(len(compared))]


def _rows(compared: Sequence[Run], first: str, values: Callable[[Run], dict]) -> tuple[pd.DataFrame, int]:
    """What differs among the runs' values by name, a row a name and a column a run, and how many names are the same in all."""
    each = [values(run) for run in compared]
    names = list(dict.fromkeys(name for found in each for name in found))
    rows = [[name, *(found.get(name, ABSENT) for found in each)] for name in names]
    differing = [row for row in rows if any(value != row[1] for value in row[2:])]
    return pd.DataFrame(differing, columns=[first, *_letters(compared)]), len(rows) - len(differing)


def _origins(compared: Sequence[Run]) -> Section:
    def about(run):
        last = list(run.manifests.values())[-1]
        commits = dict.fromkeys(manifest["commit"][:SHORT] + manifest["commit"][40:] for manifest in run.manifests.values())
        versions = {name: version for manifest in run.manifests.values() for name, version in manifest["versions"].items()}
        when = {"finished": last["finished"], "steps": len(run.manifests), "commit": ", ".join(commits)}
        return when | versions | run.about.get("machine", {})

    table, same = _rows(compared, "", about)
    named = pd.DataFrame([["run", *(run.folder.name for run in compared)]], columns=table.columns)
    return Section("Runs", pd.concat([named, table], ignore_index=True), f"{same} versions and facts of the machine are the same in all")


def _parameters(compared: Sequence[Run]) -> Section:
    def parameters(run):
        return {
            f"{step}.{key}": json.dumps(value, ensure_ascii=False)
            for step, manifest in run.manifests.items()
            for key, value in manifest["parameters"].items()
        }

    table, same = _rows(compared, "parameter", parameters)
    return Section("Parameters", table, f"{len(table)} differ, {same} are the same in all")


def _data(compared: Sequence[Run]) -> Section:
    def digests(run):
        outside = {f"outside data {name}": use["sha256"][:SHORT] for m in run.manifests.values() for name, use in m["uses"].items()}
        made = {
            f"{step}/{file}": record["sha256"][:SHORT]
            for step, manifest in run.manifests.items()
            for file, record in manifest["outputs"].items()
            if file != "report.json" and not file.startswith("figures/")
        }
        code = {f"code of {step}": _digest(manifest["code"]) for step, manifest in run.manifests.items()}
        return outside | made | code

    table, same = _rows(compared, "digest of", digests)
    return Section("Data and code", table, f"{len(table)} digests differ, {same} are the same in all")


def _digest(code: dict) -> str:
    """One short digest of a step's code: its notebook and all modules that it reaches."""
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:SHORT]


def _reports(compared: Sequence[Run]) -> Section:
    """The numbers that differ; of a score its interval, and the paired difference where the same items were answered."""
    texts = [{(step, name): text for step, report in run.reports.items() for name, text in pages.rows(report)} for run in compared]
    first, letters = compared[0], _letters(compared)
    paired = [_paired(first, run) for run in compared[1:]]
    rows, same = [], 0
    for step, name in dict.fromkeys(key for found in texts for key in found):
        found = [text.get((step, name), ABSENT) for text in texts]
        answered = [pairs.get((step, name)) for pairs in paired]
        if all(text == found[0] for text in found) and not any(pair and pair.moved for pair in answered):
            same += 1
            continue
        row = {"number": f"{step}.{name}", **dict(zip(letters, found, strict=True))}
        for letter, run, pair in zip(letters[1:], compared[1:], answered, strict=True):
            row[f"A - {letter}"] = pair.text if pair else _gap(first.reports.get(step, {}), run.reports.get(step, {}), name)
        rows.append(row)
    note = f"{len(rows)} numbers differ, {same} are the same in all. A gap with an interval (95 %) is in points and of pairs: the n items"
    return Section("Reports", pd.DataFrame(rows), f"{note} that both answered, resampled. One without is the plain difference")


def _gap(a: dict, b: dict, name: str) -> str:
    left, right = a.get(name), b.get(name)
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in (left, right)):
        return ""
    share = all(f"{name}{end}" in report for report in (a, b) for end in ENDS) and 0 <= min(left, right) <= max(left, right) <= 1
    if share:
        return f"{100 * (left - right):+.1f}"
    return f"{left - right:+,.4g}"


def _paired(a: Run, b: Run) -> dict[tuple[str, str], Pair]:
    """By step and number, the paired difference of two runs' scores where one model of each answered the same items."""
    found = {}
    for step in (step for step in a.manifests if step in b.manifests):
        sides = [_answers(run, step) for run in (a, b)]
        if any(side is None for side in sides):
            continue
        sides = [_of_student(side, run.reports[step]) for side, run in zip(sides, (a, b), strict=True)]
        if any(side.duplicated([*evaluate.ITEM, "sample"]).any() for side in sides):  # of several models
            continue
        for benchmark, left, right in _shared(*sides):
            for row in evaluate.compare(left, right).to_dict("records"):
                name = re.sub(r"\W+", "_", str(benchmark))  # as evaluate.flat_report does
                found[step, f"{name}_{row['verdict']}"] = Pair(_points(row), row["only_a"] + row["only_b"] > 0)
    return found


def _points(row: dict) -> str:
    return f"{100 * row['difference']:+.1f} [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}], n={row['n']:,}"


def _answers(run: Run, step: str) -> pd.DataFrame | None:
    path = run.folder / step / "answers.parquet"
    return schema.read(path, "answers") if path.is_file() else None


def _of_student(answers: pd.DataFrame, report: dict) -> pd.DataFrame:
    """The answers that a report's scores are of: those of the student it names, where there are several."""
    return answers[answers["student"] == report["student"]] if "student" in answers and "student" in report else answers


def _shared(a: pd.DataFrame, b: pd.DataFrame):
    """Per benchmark the answers of both to the items that both answered; an item is the same where its gold answer is, too."""
    on = [*evaluate.ITEM, "gold"]
    both = a[on].merge(b[on]).drop_duplicates()
    sides = [dict(list(side.merge(both, on=on).groupby("benchmark", sort=False))) for side in (a, b)]
    for benchmark, left in sides[0].items():
        yield benchmark, left, sides[1][benchmark]


def _arms(compared: Sequence[Run]) -> list[Section]:
    """The arms of the same name that two runs trained with seeds of their own, on the items that all answered."""
    rows, first = [], compared[0]
    for letter, run in zip(_letters(compared)[1:], compared[1:], strict=True):
        for step in (step for step in first.manifests if step in run.manifests):
            sides = [_answers(side, step) for side in (first, run)]
            if any(side is None or not {"arm", "seed"} <= set(side) for side in sides):
                continue
            for arm in dict.fromkeys(sides[0]["arm"]):
                parts = [side[side["arm"] == arm] for side in sides]
                if parts[1].empty or min(part["seed"].nunique() for part in parts) < 2:
                    continue
                for benchmark, left, right in _shared(*parts):
                    found = precision.difference(left, right)
                    row = {"arm": f"{step}: {arm}", "benchmark": benchmark, "seeds": f"{found['seeds_a']} and {found['seeds_b']}"}
                    row |= {"A": f"{100 * found['a']:.1f}", "other": f"{100 * found['b']:.1f}"}
                    rows.append(row | {f"A - {letter}": _points(found)})
    note = "flexible accuracies in per cent; intervals over seeds and items"
    return [Section("Arms", pd.DataFrame(rows).fillna(""), note)] if rows else []
