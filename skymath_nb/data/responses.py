"""Anybody's responses.

A file of responses and gold answers, whatever wrote it, read into a table of answers and graded.

What `data.files` reads, and the records of evaluation frameworks (`evaluation_records`). Columns
are found by name and by evidence (`response_columns`); a dot looks into an object, doc.level. Files
of lm-evaluation-harness (`--log_samples`) have a line per item and filter: `resps` holds the raw
texts of all repeats, the same on every line of an item, and the metrics are the filter's.
"""

import json
import math
import multiprocessing
import os
import re
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import pandas as pd

from .. import grading
from ..core.finish_reasons import TRUNCATED, outcome
from . import evaluation_records, files, layouts, response_columns

HARNESS = ("symbolic_correct", "is_correct", "correct", "score")  # a framework's own verdicts
OTHERS = ("harness:", "second:")  # columns with the verdicts of other graders
METRICS = ("exact_match", "math_verify", "acc")  # of a harness, the first that a line has
WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}|[\u4e00-\u9fff]{2}")
SENTENCE = 8  # words, or pairs of Chinese characters, from which on a gold answer is a text
MANY = 2000  # responses, from which on processes are worth their start
SHOWN = 5  # bad lines named in an error
MOST_SAMPLES = 10**9  # of an item: a higher number is no number of a sample


def read(
    path: str | os.PathLike,
    by: Iterable[str] = (),
    skip_last: bool = False,
    seeds: bool = False,
    **columns: str | None,
) -> pd.DataFrame:
    """Read a file of responses: one row per response, in the order of the file.

    Args:
        path: What `data.files` reads, or an inspect_ai log (.json or .eval).
        by: Further columns to keep, for scoring by groups.
        seeds: Keep the column `seed`, too, where every line has one.
        skip_last: Leave out a last line that broke off while it was written, and note it.
        columns: response, gold, id, cap_hit: columns that are named and not guessed.

    Returns:
        line, benchmark, id, sample, response, gold (None where it is missing), cap_hit (1, 0, NaN
        where it is not known), the columns of `by`, accepted (all gold answers, where a row has
        several), and harness:NAME per verdict of a framework. `attrs["columns"]` says what was
        read as what, `attrs["notes"]` what is odd.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It names the bad lines, the columns looked for, or two columns that could be the
            gold answer. Nothing of a bad file is used.
    """
    path, by, unparsed = Path(path), list(by), []
    if path.suffix == ".eval":
        read = evaluation_records.inspect_log(path)
    else:
        read = files.rows(path, "test", bad=unparsed)
    lines = [(number, flat) for number, row in read for flat in _flattened(number, row, unparsed)]
    notes_of_file = _skip_last(unparsed, lines) if skip_last else []
    _refuse(unparsed, path)
    if not lines:
        raise ValueError(f"{path} should hold responses and gold answers, but it is empty.")
    if seeds and all(row.get("seed") is not None for _, row in lines):
        by = [*by, "seed"]
    evidence = response_columns.Evidence(layouts.find, _texts, _golds)
    names, notes = response_columns.choose(lines, columns, path, evidence)
    rows, bad = [], []
    for number, row in lines:
        try:
            rows += _responses(number, row, names, by)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            bad.append(f"line {number}: {error.args[0]}")
    _refuse(bad, path)
    table = pd.DataFrame(_merge_filters(rows) if names["response"] == "resps" else rows)
    table["cap_hit"] = table["cap_hit"].astype(float)
    table["gold"] = [golds[0] if golds else None for golds in table["accepted"]]
    if table["accepted"].map(len).max() < 2:
        table = table.drop(columns="accepted")
    for name in by:
        if table[name].dtype == object:  # of several types, or numbers that no column can hold
            table[name] = table[name].map(str, na_action="ignore")
    if "sample" not in table or table["sample"].isna().any():
        table["sample"] = table.groupby([*by, "benchmark", "id"], dropna=False).cumcount()
    _check_ids(table, by, names["id"], path)
    first = list(
        dict.fromkeys(["line", *by, "benchmark", "id", "sample", "response", "gold", "cap_hit"])
    )
    table = table[[*first, *table.columns.drop(first)]]
    table.attrs["columns"] = {role: name for role, name in names.items() if name}
    table.attrs["notes"] = notes_of_file + notes
    return table


def _flattened(number: int, row: dict, bad: list[str]) -> list[dict]:
    """The flat rows of a record; what is wrong with one goes into `bad`."""
    try:
        return list(evaluation_records.rows(row))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        bad.append(f"line {number}: {error!r}")
        return []


def _skip_last(unparsed: list[str], lines: list) -> list[str]:
    """Let a last line pass that broke off while it was written; returns what to say of it."""
    last = lines[-1][0] if lines else 0
    cut = [line for line in unparsed if int(line.split()[1].rstrip(":")) > last]
    if len(unparsed) != 1 or not cut:
        return []
    unparsed.clear()
    return [f"The last line is cut off and was left out ({cut[0]})."]


def holds_answer(gold: str) -> bool:
    """Whether a gold answer can be read as one: no formula that is neither, and no sentences."""
    return grading.readable(gold) and len(WORD.findall(gold)) < SENTENCE


def grade(table: pd.DataFrame, workers: int = 0) -> pd.DataFrame:
    """Add strict, flexible, extracted and reason to the rows that have a gold answer.

    The others are left out.

    Args:
        workers: Processes side by side, 0 = one per core; fewer than MANY responses are graded in
            this one.
    """
    table = table[table["gold"].notna()].reset_index(drop=True)
    fields = grading.Grade._fields
    if "accepted" in table:
        places = [i for i, golds in enumerate(table["accepted"]) for _ in golds]
        golds = [gold for accepted in table["accepted"] for gold in accepted]
        texts = table["response"].to_numpy()[places].tolist()
        best: list = [None] * len(table)
        for i, found in zip(places, grade_apart(texts, golds, workers), strict=True):
            if best[i] is None or (found.flexible, found.strict) > (
                best[i].flexible,
                best[i].strict,
            ):
                best[i] = found
        grades = best
    else:
        grades = grade_apart(table["response"].tolist(), table["gold"].tolist(), workers)
    return table.assign(**{name: [getattr(grade, name) for grade in grades] for name in fields})


def grade_apart(responses: list[str], golds: list[str], workers: int = 0) -> list[grading.Grade]:
    """`answers.grade_many` in processes.

    Items with the same gold answer stay together, so that it is read once.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(responses) < MANY:
        return grading.grade_many(responses, golds)
    order = sorted(range(len(golds)), key=golds.__getitem__)
    parts = [order[i : i + MANY // 4] for i in range(0, len(order), MANY // 4)]
    graded: list = [None] * len(order)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [
            pool.submit(grading.grade_many, [responses[i] for i in part], [golds[i] for i in part])
            for part in parts
        ]
        for part, job in zip(parts, jobs, strict=True):
            for i, verdict in zip(part, job.result(), strict=True):
                graded[i] = verdict
    return graded


def disagreements(graded: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on which strict and flexible differ, or flexible and another grader.

    `between` says which, a row each.
    """
    rivals = ["strict", *(name for name in graded if name.startswith(OTHERS))]
    tables = []
    for rival in rivals:
        known = graded[rival].notna()
        differ = known & (graded[rival].eq(True) != graded["flexible"])
        tables.append(graded[differ].assign(between=f"{rival} and flexible"))
    return pd.concat(tables, ignore_index=True)


def _refuse(bad, path):
    if bad:
        shown = "; ".join(bad[:SHOWN]) + (
            f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        )
        raise ValueError(
            f"{len(bad)} lines of {path} cannot be used: {shown}. Correct or remove them; "
            "nothing of the file was graded."
        )


def _value(row, name):
    """The value of a column, which a dotted path may name. Raises KeyError with a sentence."""
    try:
        return layouts.find(row, name)
    except KeyError:
        raise KeyError(f"it has no column {name!r}") from None


def _responses(number, row, names, by):
    """The responses of one line, a dict each."""
    texts = _texts(_value(row, names["response"]))
    caps = layouts.at(row, names["cap_hit"] or "")
    caps = caps if isinstance(caps, list) else [caps] * len(texts)
    if len(caps) != len(texts):
        raise ValueError(
            f"it has {len(texts)} responses, but {len(caps)} values of {names['cap_hit']!r}"
        )
    id = _value(row, names["id"]) if names["id"] else f"line {number}"
    if id is None or isinstance(id, float) and id != id or isinstance(id, str) and not id:
        raise ValueError(f"its {names['id']!r} is missing")
    shared = {name: _label(_value(row, name)) for name in by}
    accepted = _golds(layouts.at(row, names["gold"]))
    benchmark = str(row.get("benchmark") or "")
    shared |= {"line": number, "benchmark": benchmark, "id": str(id), "accepted": accepted}
    if row.get("sample") is not None and len(texts) == 1:
        shared["sample"] = int(row["sample"])
        if abs(shared["sample"]) > MOST_SAMPLES:
            raise ValueError(f"its sample is {str(row['sample'])[:60]}")
    if names["response"] == "resps":
        metric = next((name for name in METRICS if name in row), None)
        score = row[metric] if metric else None
        shared |= {
            "_filter": _label(row.get("filter")),
            "_metric": None if score is None else float(score),
            "_hash": _label(row.get("doc_hash")),
        }
    verdicts = _verdicts(row, len(texts))
    return [
        shared | verdict | {"response": text, "cap_hit": _cut(cap)}
        for text, cap, verdict in zip(texts, caps, verdicts, strict=True)
    ]


def _verdicts(row: dict, samples: int) -> list[dict]:
    """A framework's own verdicts on each sample of a line, as harness:NAME."""
    named = {f"harness:{name}": row[name] for name in HARNESS if name in row}
    named |= {name: value for name, value in row.items() if name.startswith("harness:")}
    found: list[dict] = [{} for _ in range(samples)]
    for name, value in named.items():
        values = value if isinstance(value, list) else [value]
        if len(values) != samples or not all(
            isinstance(each, (bool, type(None))) for each in values
        ):
            continue  # one verdict for several samples, or a number that may be anything
        for verdicts, each in zip(found, values, strict=True):
            verdicts[name] = each
    return found


def _label(value):
    """A value to group by: as it is where it can be compared, else as text."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    return json.dumps(value, default=str)


def _texts(value):
    """The texts of a response column.

    One, or a list (of lists) with one per sample; nothing is an empty response.
    """
    if not isinstance(value, list):
        return [_text(value)]
    return [
        _text(text) for part in value for text in (part if isinstance(part, list) else [part])
    ] or [""]


def _text(value):
    if value is None or isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(value)
    raise TypeError(f"a response should be text, but one is {str(value)[:60]!r}")


def _number(value):
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _golds(value) -> tuple[str, ...]:
    """The accepted answers in a gold column.

    Numbers, texts, or solutions that end in #### or a box.

    A list holds several accepted answers, as does a text that is one in JSON. () where none is
    there.
    """
    if isinstance(value, str) and value.startswith("[") and value.rstrip().endswith("]"):
        with suppress(ValueError, RecursionError):
            parts = json.loads(value)
            if all(isinstance(part, str) for part in parts):
                value = parts
    parts = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(gold for part in parts if (gold := _gold(part))))


def _gold(value) -> str | None:
    """One gold answer, None where it is missing."""
    if value is None or isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (bool, dict, list)):
        raise TypeError(f"a gold answer should be text or a number, but it is {str(value)[:60]!r}")
    text = value if isinstance(value, str) else _number(value)
    text = text.rpartition("####")[2] if "####" in text else grading.last_boxed(text) or text
    return text.strip() or None


def _cut(value):
    """Whether an answer was cut off: True, False, or None where that is not known."""
    if value is None or isinstance(value, float) and value != value:
        return None
    return outcome(value) == TRUNCATED if isinstance(value, str) else bool(value)


def _merge_filters(rows):
    """One row per response of a harness file, with the metric of every filter beside it.

    Its lines are items times filters.
    """
    merged, times, lines = {}, {}, {}
    for row in rows:
        name, metric = row.pop("_filter"), row.pop("_metric")
        item = (row["id"], row.pop("_hash"))
        if name is None:  # older files do not name the filters: an item has a line for each
            before = lines.setdefault(item, [])
            before += [row["line"]] * (row["line"] not in before)
            name = before.index(row["line"]) + 1
        # which response of the item, counted per filter
        place = times[item, name] = times.get((item, name), -1) + 1
        kept = merged.setdefault((item, place), row)
        if metric is not None:
            kept[f"harness:{name}"] = metric > 0.5
    several = {item for item, place in merged if place}
    for (item, _), row in merged.items():
        if item in several:  # one metric for all samples of an item is no verdict on any of them
            for name in [name for name in row if name.startswith("harness:")]:
                row[name] = None
    return list(merged.values())


def _check_ids(table, by, name, path):
    """An id must name one item: it has one gold answer, and each sample once."""
    golds = table.groupby(["benchmark", "id"])["gold"].nunique()
    several, again = golds.index[golds > 1], table.duplicated([*by, "benchmark", "id", "sample"])
    if len(several):
        raise ValueError(
            f"The column {name!r} of {path} should name an item, but {len(several)} of its "
            "values have several gold answers (the first is "
            f"{several[0][1]!r}). Name another column with --id."
        )
    if again.any():
        raise ValueError(
            f"{path} has {int(again.sum())} samples twice (the first is of "
            f"{table.loc[again, 'id'].iloc[0]!r}), as if from several models. "
            "Name the column that tells them apart with --by, or take the models apart."
        )
