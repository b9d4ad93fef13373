"""Runs compared: what went in (parameters, data, code, versions) and what came out.

Scores are compared in pairs where both runs answered the same items.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..core import disk, manifests, paths, schema
from ..evaluation import scores
from ..experiments import power
from . import folders
from . import report as pages

WIDTH = 44  # characters of a cell in a terminal; the page has all
SHORT = 12  # hex digits of a digest
COMMIT = 40  # hex digits of a commit; a mark may follow
ENDS = ("_n", "_low", "_high")
ABSENT = "-"


class Run(NamedTuple):
    """A run as it lies in its folder."""

    folder: Path
    about: dict
    manifests: dict[str, dict]
    reports: dict[str, dict]


class Pair(NamedTuple):
    """A paired difference as text, and whether the verdict on any item differs.

    Equal scores may rest on other items.
    """

    text: str
    moved: bool


class Section(NamedTuple):
    """A titled table, or the sentence that stands in for one without rows."""

    title: str
    table: pd.DataFrame
    note: str = ""


def read(name: str | Path) -> Run:
    """Return the run of that name, or in that folder.

    Raises:
        ValueError: No step is complete.
        manifests.Damaged: A file of the run cannot be read.

    It also raises what `folders.find` raises.
    """
    folder = folders.find(name)
    complete, damaged = folders.read_all(folder)
    problem = f"The run {folder.name} cannot be compared"
    if damaged:
        raise manifests.Damaged(f"{problem}. {' '.join(damaged.values())}")
    if not complete:
        raise ValueError(
            f"{folder} has no complete step, so there is nothing to compare. Run it first."
        )
    try:
        reports = {step: manifests.read_report(folder / step) for step in complete}
        return Run(folder, manifests.read_about(folder), complete, reports)
    except manifests.Damaged as error:
        raise manifests.Damaged(f"{problem}: {error}. Run that step again.") from error


def compare(
    names: Sequence[str | Path],
    out: str | Path | None = None,
    echo: Callable[[str], None] = print,
) -> list[Section]:
    """Compare two or more runs, print what differs, and write it as one page.

    Differences are the first run less each other one.

    Args:
        out: The page (.html); without it outputs/compared/A_B.html.

    Raises:
        ValueError: There are fewer than two runs, or `out` has another ending.
        FileNotFoundError: There is no such run.
    """
    if len(names) < 2:
        given = ", ".join(map(str, names)) or "none"
        raise ValueError(f"Two runs or more are compared, but only {given} was given.")
    compared = [read(name) for name in names]
    titles = [run.folder.name for run in compared]
    out = Path(out or paths.runs_folder() / "compared" / f"{'_'.join(titles)}.html")
    if out.suffix != ".html":
        raise ValueError(f"--out {out} should end in .html.")
    sections = [_origins(compared), _parameters(compared), _data(compared), _reports(compared)]
    sections += _arms(compared)
    body = ""
    for section in sections:
        echo(f"\n{section.title}" + (f": {section.note}" if section.note else ""))
        table = ""
        if len(section.table):
            echo(section.table.map(_cut).to_string(index=False))
            table = pages.table(section.table)
        body += f"<section><h2>{section.title}</h2><p>{section.note}</p>{table}</section>"
    disk.save(out, pages.page(f"Compared: {', '.join(titles)}", body))
    echo(f"\nThe page: {out}")
    return sections


def _cut(value) -> str:
    text = str(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."


def _letters(compared: Sequence[Run]) -> list[str]:
    return [chr(ord("A") + i) if i < 26 else str(i) for i in range(len(compared))]


# --- what went in --------------------------------------------------------------------------------


class Difference(NamedTuple):
    """A row for each name whose values differ, a column a run; and how many names do not."""

    table: pd.DataFrame
    same: int


def _difference(compared: Sequence[Run], first: str, values: Callable[[Run], dict]) -> Difference:
    """How the runs' values by name differ; `first` is the heading of the names."""
    values_of = [values(run) for run in compared]
    names = list(dict.fromkeys(name for each in values_of for name in each))
    rows = {name: [each.get(name, ABSENT) for each in values_of] for name in names}
    differing = [[name, *row] for name, row in rows.items() if any(v != row[0] for v in row[1:])]
    table = pd.DataFrame(differing, columns=[first, *_letters(compared)])
    return Difference(table, len(rows) - len(differing))


def _origins(compared: Sequence[Run]) -> Section:
    def about(run: Run) -> dict:
        complete, versions = list(run.manifests.values()), {}
        for manifest in complete:
            versions |= manifest["versions"]
        commits = [manifest["commit"] for manifest in complete]
        shown = dict.fromkeys(commit[:SHORT] + commit[COMMIT:] for commit in commits)
        when = {"finished": complete[-1]["finished"], "steps": len(complete)}
        return when | {"commit": ", ".join(shown)} | versions | run.about.get("machine", {})

    table, same = _difference(compared, "", about)
    names = ["run", *(run.folder.name for run in compared)]
    named = pd.concat([pd.DataFrame([names], columns=table.columns), table], ignore_index=True)
    return Section("Runs", named, f"{same} versions and facts of the machine are the same in all")


def _parameters(compared: Sequence[Run]) -> Section:
    def parameters(run: Run) -> dict:
        return {
            f"{step}.{key}": json.dumps(value, ensure_ascii=False)
            for step, manifest in run.manifests.items()
            for key, value in manifest["parameters"].items()
        }

    table, same = _difference(compared, "parameter", parameters)
    return Section("Parameters", table, f"{len(table)} differ, {same} are the same in all")


def _data(compared: Sequence[Run]) -> Section:
    def digests(run: Run) -> dict:
        outside, made, code = {}, {}, {}
        for step, manifest in run.manifests.items():
            for name, use in manifest["uses"].items():
                outside[f"outside data {name}"] = use["sha256"][:SHORT]
            for file, record in manifest["outputs"].items():
                if file != "report.json" and not file.startswith("figures/"):
                    made[f"{step}/{file}"] = record["sha256"][:SHORT]
            text = json.dumps(manifest["code"], sort_keys=True)  # notebook, and modules it reaches
            code[f"code of {step}"] = hashlib.sha256(text.encode()).hexdigest()[:SHORT]
        return outside | made | code

    table, same = _difference(compared, "digest of", digests)
    note = f"{len(table)} digests differ, {same} are the same in all"
    return Section("Data and code", table, note)


# --- what came out -------------------------------------------------------------------------------


def _reports(compared: Sequence[Run]) -> Section:
    """The numbers that differ, scores with their intervals, and paired differences of them."""
    first, *others = compared
    texts = []
    for run in compared:
        rows = {step: pages.rows(report) for step, report in run.reports.items()}
        texts.append({(step, name): text for step, named in rows.items() for name, text in named})
    paired = [_paired(first, run) for run in others]
    lines, same = [], 0
    for key in dict.fromkeys(key for text in texts for key in text):
        step, name = key
        shown = [text.get(key, ABSENT) for text in texts]
        pairs = [pairs_of_run.get(key) for pairs_of_run in paired]
        moved = any(pair and pair.moved for pair in pairs)
        if len(set(shown)) == 1 and not moved:
            same += 1
            continue
        letters = _letters(compared)
        line = {"number": f"{step}.{name}", **dict(zip(letters, shown, strict=True))}
        for letter, run, pair in zip(letters[1:], others, pairs, strict=True):
            sides = [side.reports.get(step, {}) for side in (first, run)]
            line[f"A - {letter}"] = pair.text if pair else _gap(*sides, name)
        lines.append(line)
    note = (
        f"{len(lines)} numbers differ, {same} are the same in all. A gap with an interval (95 %) "
        "is in points and of pairs: the n items that both answered, resampled. "
        "One without is the plain difference"
    )
    return Section("Reports", pd.DataFrame(lines), note)


def _gap(a: dict, b: dict, name: str) -> str:
    """The plain difference of a number in two reports, in points for a score; "" without one."""
    left, right = a.get(name), b.get(name)
    if not all(type(value) in (int, float) for value in (left, right)):
        return ""
    has_ends = all(f"{name}{end}" in report for report in (a, b) for end in ENDS)
    if has_ends and 0 <= left <= 1 and 0 <= right <= 1:
        return f"{100 * (left - right):+.1f}"
    return f"{left - right:+,.4g}"


def _paired(a: Run, b: Run) -> dict[tuple[str, str], Pair]:
    """By step and number, the paired difference where one model of each answered the same items."""
    pairs = {}
    for step, left, right in _both_answers(a, b):
        left, right = _of_student(left, a.reports[step]), _of_student(right, b.reports[step])
        on = [*scores.ITEM, "sample"]
        if left.duplicated(on).any() or right.duplicated(on).any():  # of several models
            continue
        for shared in _shared(left, right):
            benchmark = re.sub(r"\W+", "_", shared.benchmark)  # as evaluate.flat_report does
            for row in scores.compare(shared.left, shared.right).to_dict("records"):
                moved = row["only_a"] + row["only_b"] > 0
                pairs[step, f"{benchmark}_{row['verdict']}"] = Pair(_points(row), moved)
    return pairs


def _points(row: dict) -> str:
    middle, low, high = (100 * row[name] for name in ("difference", "low", "high"))
    return f"{middle:+.1f} [{low:+.1f}, {high:+.1f}], n={row['n']:,}"


def _both_answers(a: Run, b: Run) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """The steps that have answers in both runs, with these."""
    for step in a.manifests:
        places = [run.folder / step / "answers.parquet" for run in (a, b)]
        if step in b.manifests and all(place.is_file() for place in places):
            left, right = (schema.read(place, "answers") for place in places)
            yield step, left, right


def _of_student(answers: pd.DataFrame, report: dict) -> pd.DataFrame:
    """The answers that a report's scores are of: those of the student it names, if it names one."""
    if "student" in answers and "student" in report:
        return answers[answers["student"] == report["student"]]
    return answers


class Shared(NamedTuple):
    """The answers of two sides to the items of a benchmark that both answered."""

    benchmark: str
    left: pd.DataFrame
    right: pd.DataFrame


def _shared(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[Shared]:
    """What both answered, by benchmark; an item is the same where its gold answer is, too."""
    on = [*scores.ITEM, "gold"]
    both = a[on].merge(b[on]).drop_duplicates()
    left, right = (
        dict(list(side.merge(both, on=on).groupby("benchmark", sort=False))) for side in (a, b)
    )
    for benchmark, answers in left.items():
        yield Shared(str(benchmark), answers, right[benchmark])


def _arms(compared: Sequence[Run]) -> list[Section]:
    """Arms of one name that two runs trained with their own seeds, on items that both answered."""
    first, *others = compared
    rows = []
    for letter, run in zip(_letters(compared)[1:], others, strict=True):
        for step, left, right in _both_answers(first, run):
            if not {"arm", "seed"} <= set(left) & set(right):
                continue
            for arm in dict.fromkeys(left["arm"]):
                parts = [side[side["arm"] == arm] for side in (left, right)]
                if min(part["seed"].nunique() for part in parts) < 2:
                    continue
                for shared in _shared(*parts):
                    difference = power.difference(shared.left, shared.right)
                    seeds = f"{difference['seeds_a']} and {difference['seeds_b']}"
                    row = {"arm": f"{step}: {arm}", "benchmark": shared.benchmark, "seeds": seeds}
                    row |= {"A": f"{100 * difference['a']:.1f}"}
                    row |= {"other": f"{100 * difference['b']:.1f}"}
                    rows.append(row | {f"A - {letter}": _points(difference)})
    note = "flexible accuracies in per cent; intervals over seeds and items"
    return [Section("Arms", pd.DataFrame(rows).fillna(""), note)] if rows else []
