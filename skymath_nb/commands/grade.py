"""What `python -m skymath_nb grade` and `compare` print.

A file of responses scored, two files compared on the same items.
"""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from ..core import disk
from ..data import response_columns, responses
from ..data.outputs import guarded
from ..evaluation import scores, second_opinion
from ..experiments import decisions
from ..experiments import power as precision
from ..grading import equivalent, strict_answer

LISTED = 10  # disagreements printed; all of them are in the file beside --out
NAMED = 5  # missing items named
WIDTH = 28  # characters of an answer in a list


# Over eight parameters: options of the command line, named one by one.
def grade(
    path: str | os.PathLike,
    *,
    by: Iterable[str] = (),
    out: str | os.PathLike | None = None,
    workers: int = 0,
    listed: int = LISTED,
    force: bool = False,
    skip_last: bool = False,
    second: bool = False,
    echo: Callable[[str], None] = print,
    **columns: str | None,
) -> pd.DataFrame:
    """Grade a file of responses, print the scores and where the verdicts differ, and return the
    graded table.

    Args:
        path: A file of responses and gold answers (see `responses.read`).
        by: Columns to score by, too.
        out: .parquet or .jsonl: the graded table; the disagreements go beside it.
        workers: Processes; 0 is one per core.
        listed: Disagreements to print of each kind.
        force: Overwrite an output that was made from another file.
        skip_last: Leave out a last line that broke off.
        second: Ask the other graders that are installed, too, and list where they differ.
        echo: Takes the lines.
        columns: response, gold, id, cap_hit: columns that are named and not guessed.

    Raises:
        ValueError: The file cannot be graded, or no other grader is installed.
    """
    if second and not second_opinion.available():
        raise ValueError(
            "--second-opinion needs another grader: pip install math-verify (or inspect-ai)."
        )
    out = _checked(out)
    outputs = [out, out.with_suffix(f".disagreements{out.suffix}")] if out else []
    with guarded(outputs, [path], force):
        table = responses.read(path, by, skip_last, **columns)
        graded = responses.grade(table, workers)
        if second and len(graded):
            graded = _with_second_opinions(graded, workers)
        return _report(path, by, outputs, listed, echo, table, graded)


def _with_second_opinions(graded: pd.DataFrame, workers: int) -> pd.DataFrame:
    """The graded table with a column second:NAME per other grader; None where one failed."""
    golds = graded["accepted"] if "accepted" in graded else [(gold,) for gold in graded["gold"]]
    texts = graded["response"].tolist()
    workers = workers or os.cpu_count() or 1
    for name in second_opinion.available():
        graded[f"second:{name}"] = second_opinion.verdicts(name, texts, golds, workers)
    return graded


def _report(path, by, outputs, listed, echo, table, graded):
    columns = ", ".join(f"{role}: {name}" for role, name in table.attrs["columns"].items())
    id = "" if "id" in table.attrs["columns"] else ", no id: every line is an item"
    items = table.groupby(["benchmark", "id"]).ngroups
    echo(f"{path}: {len(table):,} responses to {items:,} items ({columns}{id})")
    if graded.empty:
        raise ValueError(
            f"No line of {path} has a gold answer in {table.attrs['columns']['gold']!r}. Name "
            "the right column with --gold."
        )
    for line in table.attrs["notes"]:
        echo(f"Note: {line}")
    for line in _scores(graded, list(by)):
        echo(line)
    for line in _counts(table, graded):
        echo(line)
    differ = responses.disagreements(graded)
    for line in _differences(differ, graded, listed):
        echo(line)
    if outputs:
        places = [_write(rows, out) for rows, out in zip((graded, differ), outputs, strict=True)]
        echo(f"Graded rows are in {places[0]}, disagreements in {places[1]}")
    return graded


def compare(
    a: str | os.PathLike,
    b: str | os.PathLike,
    *,
    workers: int = 0,
    seed: int = 0,
    echo: Callable[[str], None] = print,
    **columns: str | None,
) -> pd.DataFrame:
    """Grade two files and compare them on the items that both answered, which are those with the
    same id; return the paired tests.
    """
    left, right = _sides(a, b, workers, echo, columns)
    if "seed" in left and "seed" in right:
        left, right = _as_samples(left), _as_samples(right)
    compared = scores.compare(left, right, seed=seed)
    header = f"{'':10}{'items':>7}{'A':>7}{'B':>7}  {'A - B':20}{'only A':>7}{'only B':>7}  p"
    echo(f"\n{header}")
    for row in compared.to_dict("records"):
        gap = f"{100 * row['difference']:+.1f} [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]"
        accuracies = f"{100 * row['a']:7.1f}{100 * row['b']:7.1f}"
        echo(
            f"{row['verdict']:10}{row['n']:7,}{accuracies}  "
            f"{gap:20}{row['only_a']:7,}{row['only_b']:7,}  {_p(row['p'])}"
        )
    echo(
        "Accuracies in per cent; gaps in points with 95 % intervals, items resampled; p: "
        f"{compared['test'].iloc[0]}."
    )
    for line in _needed(left, right):
        echo(line)
    return compared


def decide(
    a: str | os.PathLike,
    b: str | os.PathLike,
    *,
    margin: float = 0.0,
    as_json: bool = False,
    workers: int = 0,
    seed: int = 0,
    echo: Callable[[str], None] = print,
    **columns: str | None,
) -> decisions.Decision:
    """Grade two files and decide whether A is better, worse or no worse than B (see `decisions`).

    Files with two or more training seeds on both sides (column `seed`) are compared over seeds and
    items, others over items. Prints one sentence, or one JSON object.

    Raises:
        ValueError: The margin is no share, or the files do not fit together.
    """
    quiet = [].append if as_json else echo
    left, right = _sides(a, b, workers, quiet, columns)
    found = decisions.decide(left, right, margin, seed=seed)
    if as_json:
        power = {"power": decisions.POWER, "files": [str(a), str(b)]}
        echo(json.dumps(found._asdict() | power, ensure_ascii=False))
        return found
    gap = f"{100 * found.difference:+.1f} points [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    over = f"{found.n:,} items" + (f" and {min(found.seeds)} seeds" if min(found.seeds) > 1 else "")
    echo(
        f"{found.verdict}: A - B is {gap} (95% CI) on {over}, margin {100 * margin:g} points, p "
        f"{_p(found.p)} ({found.test}). A true difference of {100 * found.detectable:.1f} points "
        f"would be seen with {100 * decisions.POWER:.0f}% power."
    )
    return found


def _as_samples(table: pd.DataFrame) -> pd.DataFrame:
    """Answers of several seeds as samples of their items."""
    return table.assign(sample=table.groupby(["benchmark", "id"]).cumcount())


def _sides(a, b, workers, echo, columns) -> list[pd.DataFrame]:
    """The graded answers of both files to the items that both have."""
    sides = []
    for path in (a, b):
        table = responses.read(path, seeds=True, **columns)
        if "id" not in table.attrs["columns"]:
            raise ValueError(
                f"{path} has no column that names its items "
                f"({', '.join(response_columns.NAMES['id'])}). Name one with --id."
            )
        if table.groupby("id")["benchmark"].nunique().max() > 1:
            raise ValueError(
                f"{path} has the same ids in several benchmarks. Compare one benchmark at a time."
            )
        sides.append(table)
    shared = _shared(sides, (a, b), echo)
    chosen = [table[table["id"].isin(shared)] for table in sides]
    return [responses.grade(table, workers).assign(benchmark="") for table in chosen]


def _checked(out):
    """The path of an output, refused before any work is done for it."""
    out = Path(out) if out else None
    if out and out.suffix not in (".parquet", ".jsonl"):
        raise ValueError(f"--out {out} should end in .parquet or .jsonl.")
    return out


def _write(table, path):
    """Write a table so that no part of it ever stands under its name."""
    with disk.whole(path) as draft:
        if path.suffix == ".parquet":
            table.to_parquet(draft, index=False)
        else:
            table.to_json(draft, orient="records", lines=True, force_ascii=False)
    return path


def _scores(graded, by):
    """A line per group and one for all, then completed and cut-off answers apart where that is
    known.
    """
    rows = [("all", scores.score(graded).iloc[0])]
    if by:
        groups = scores.score(graded, by)
        groups = groups.sort_values(by, key=_in_order)
        rows = [(_group(row[by]), row) for _, row in groups.iterrows()] + rows
    known = graded[graded["cap_hit"].notna()]
    if known["cap_hit"].eq(1).any():
        rows += [(row["ending"], row) for _, row in scores.score_endings(known).iterrows()]
    width = max(9, *(len(name) for name, _ in rows)) + 1
    yield f"\n{'':{width}}{'n':>7}  {'strict':20}{'flexible':20}cap hit"
    for name, row in rows:
        cut = row.get("cap_hit", np.nan)
        verdicts = "".join(f"{_accuracy(row, verdict):20}" for verdict in ("strict", "flexible"))
        share = "" if np.isnan(cut) else f"{100 * cut:.1f}"
        yield f"{name:{width}}{row['n']:7,}  {verdicts}{share}"
    methods = " or ".join(sorted({row["interval"] for _, row in rows}))
    unknown = len(graded) - len(known)
    note = f" Whether an answer was cut off is not known of {unknown:,}." if unknown else ""
    yield f"Accuracies in per cent with 95 % intervals ({methods}).{note}"


def _in_order(column: pd.Series) -> pd.Series:
    return column if pd.api.types.is_numeric_dtype(column) else column.astype(str)


def _group(values):
    """The name of a group, safe to print: what a file says may hold anything."""
    name = " ".join(map(str, values))[:WIDTH]
    return name if name.isprintable() else repr(name)


def _accuracy(row, verdict):
    low, high = (100 * row[f"{verdict}_{end}"] for end in ("low", "high"))
    return f"{100 * row[verdict]:5.1f} [{low:.1f}, {high:.1f}]"


def _counts(table, graded):
    empty = int(graded["response"].str.strip().eq("").sum())
    silent = int(graded["extracted"].isna().sum())
    yield (
        f"{empty:,} empty responses and {silent - empty:,} more without an answer that could be "
        "found; they count as wrong."
    )
    unannounced = sum(strict_answer(text) is None for text in graded["response"]) - empty
    if unannounced:
        yield (
            f'{unannounced:,} others do not announce their answer with "The answer is", where '
            "alone strict looks."
        )
    golds = graded["gold"].value_counts()
    odd = golds[[not responses.holds_answer(gold) for gold in golds.index]]
    if len(odd):
        yield (
            f"{int(odd.sum()):,} gold answers hold no answer that can be read "
            f"({_names(odd.index)}); only the same text meets them."
        )
    if len(graded) < len(table):
        yield f"{len(table) - len(graded):,} responses have no gold answer and are not scored."
    for name in graded.filter(regex="^second:"):
        known = graded[graded[name].notna()]
        agree = known[name].eq(True).eq(known["flexible"])
        failed = f"; it failed on {len(graded) - len(known):,}" * (len(known) < len(graded))
        yield (
            f"{name.partition(':')[2]}: {100 * known[name].eq(True).mean():.1f} of {len(known):,}; "
            f"it agrees with flexible on {int(agree.sum()):,}{failed}."
        )
    for name in graded.filter(regex="^harness:"):
        known = graded[graded[name].notna()]
        filter = name.partition(":")[2]
        if len(known):
            share = 100 * known[name].astype(bool).mean()
            yield f"The harness itself, filter {filter}: {share:.1f} of {len(known):,}."
        else:
            what = "has one verdict for all samples of an item: it is not compared."
            yield f"The harness, filter {filter}, {what}"


def _differences(differ, graded, listed):
    for name, part in differ.groupby("between", sort=False):
        yield (
            "\n"
            f"{name} differ on {len(part):,} of {len(graded):,}; flexible alone is right on "
            f"{int(part['flexible'].sum()):,}:"
        )
        for row in part.head(listed).to_dict("records"):
            answer = "nothing" if pd.isna(row["extracted"]) else row["extracted"]
            right = "flexible" if row["flexible"] else name.partition(" ")[0]
            sample = f", sample {row['sample']}" if row["sample"] else ""
            read = ""
            if name.startswith("strict"):
                read = f"; strict reads {_short(strict_answer(row['response']) or 'nothing')}"
            yield (
                f"  line {row['line']}{sample}: {_short(answer)} for {_short(row['gold'])}, "
                f"right by {right} ({row['reason']}){read}"
            )
        if len(part) > listed:
            yield f"  and {len(part) - listed:,} more"


def _short(text, width=WIDTH):
    text = " ".join(str(text).split())
    return repr(text if len(text) <= width else text[: width - 3] + "...")


def _shared(sides, paths, echo):
    """The ids that both files have with a gold answer.

    Says which are missing, and refuses files that do not fit together.
    """
    golds = [table.dropna(subset="gold").groupby("id")["gold"].first() for table in sides]
    shared = golds[0].index.intersection(golds[1].index)
    for name, path, table, gold, other in zip("AB", paths, sides, golds, golds[::-1], strict=True):
        only = gold.index.difference(other.index)
        unknown = len(table) - int(table["gold"].notna().sum())
        items = f"{table['id'].nunique():,} items ({table.attrs['columns']['id']})"
        line = f"{name}  {path}: {len(table):,} responses to {items}"
        if unknown:
            line += f", {unknown:,} without a gold answer"
        if len(only):
            line += f"; {len(only):,} items are not in the other: {_names(only)}"
        echo(line)
    if not len(shared):
        raise ValueError(
            f"{paths[0]} and {paths[1]} have no items in common: A has {_names(golds[0].index)}, "
            f"B has {_names(golds[1].index)}. "
            "Compare answers to the same items, or name the column that names them with --id."
        )
    unlike = [id for id in shared if golds[0][id] != golds[1][id]]
    other = [id for id in unlike if not equivalent(golds[0][id], golds[1][id])]
    if other:
        raise ValueError(
            f"{len(other)} of {len(shared)} items have different gold answers in {paths[0]} and "
            f"{paths[1]} ({_names(other)}; the first has "
            f"{_short(golds[0][other[0]])} and {_short(golds[1][other[0]])}). The ids do not "
            "name the same items; name others with --id."
        )
    return shared


def _names(ids):
    more = ", ..." if len(ids) > NAMED else ""
    return ", ".join(_short(id, 40) for id in list(ids)[:NAMED]) + more


def _p(p):
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"


def _needed(left, right):
    """How many items the gap would need, were it the true one."""
    items = left.groupby(["benchmark", "id"]).ngroups
    if items < 2:
        return
    parts = precision.paired(left, right)
    more = precision.more(parts, items)["items"]
    gap = f"A true gap of {100 * abs(parts['difference']):.1f} points (flexible)"
    if np.isinf(more):
        yield "The flexible scores are equal: no number of items makes that a difference."
    elif more:
        yield f"{gap} would be seen with 80 % power on {items + more:,} such items, {more:,} more."
    else:
        yield f"{gap} is seen with 80 % power on so many items."
    yield (
        "This is about these two sets of responses; another training seed of either may score "
        "differently."
    )
