"""What a gate's table says.

That it is complete, its counts, its hits with both texts side by side, and controls.
"""

import re
from collections.abc import Callable
from difflib import SequenceMatcher

import numpy as np
import pandas as pd

from ..core import randomness
from . import ngrams as wording
from .contamination_search import digest

FILTERS = ("leak", "near", "random")
STOCK = 3  # questions of one benchmark that share a run of words: from here on it is a stock phrase


def require(
    instances: pd.DataFrame, gate_table: pd.DataFrame, benchmarks: dict[str, pd.DataFrame]
) -> None:
    """Raise ValueError unless every instance has a verdict against the present text of every
    benchmark.
    """
    for name, benchmark in benchmarks.items():
        present = gate_table[
            (gate_table["benchmark"] == name)
            & (gate_table["benchmark_digest"] == digest(benchmark))
        ]
        ungated = instances.loc[~instances["id"].isin(present["id"]), "id"]
        if len(ungated):
            raise ValueError(
                f"{len(ungated)} of {len(instances)} instances (the first is {ungated.iloc[0]}) "
                f"have no verdict of the leak gate against {name} as it is now ({len(benchmark)} "
                f"rows, digest {digest(benchmark)}). Run leakage.gate on these instances and "
                "this benchmark again."
            )


def unchecked(gate_table: pd.DataFrame, instances: pd.DataFrame) -> pd.DataFrame:
    """Call instances without a problem unchecked instead of clean.

    Args:
        gate_table: The verdicts of these instances.
        instances: A table with id and query.

    Returns:
        The verdicts, of which those on empty queries that meet nothing are "unchecked".
    """
    blank = instances.loc[instances["query"].fillna("").str.strip().eq(""), "id"]
    missed = gate_table["verdict"].eq("clean") & gate_table["id"].isin(blank)
    verdict = gate_table["verdict"].where(~missed, "unchecked")
    return gate_table.assign(verdict=verdict, tier=gate_table["tier"].where(~missed, ""))


def counts(gate_table: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of a gate table per benchmark, verdict, tier and n."""
    groups = gate_table.groupby(["benchmark", "verdict", "tier", "n"], sort=False, dropna=False)
    return (
        groups.size()
        .rename("rows")
        .reset_index()
        .sort_values(["benchmark", "verdict", "tier"], ignore_index=True)
    )


def flat_report(counts_table: pd.DataFrame) -> dict[str, int]:
    """Return the counts as flat named numbers.

    world_test_leak, world_test_near, world_test_template.
    """
    report = {}
    for name, part in counts_table.groupby("benchmark", sort=False):
        name = re.sub(r"\W+", "_", name)
        for label, column in (("leak", "verdict"), ("near", "verdict"), ("template", "tier")):
            report[f"{name}_{label}"] = int(part.loc[part[column] == label, "rows"].sum())
    return report


def random_control(instances: pd.DataFrame, n: int, seed: int = 0) -> pd.DataFrame:
    """Remove n rows at random.

    The control that tells a filter's effect from the effect of fewer rows.

    Each row's draw is named by its id, so that another row changes no other's.
    """
    if not 0 <= n < len(instances):
        raise ValueError(
            f"{n} of {len(instances)} instances were to be removed; that leaves none. Lower n."
        )
    draws = np.array([randomness.stream(seed, "leakage", "control", id) for id in instances["id"]])
    return instances.drop(instances.index[np.argsort(draws, kind="stable")[:n]])


def filtered(
    rows: pd.DataFrame, gate_table: pd.DataFrame, leave_out: str = "leak", seed: int = 0
) -> pd.DataFrame:
    """Return rows, none of which leaks, less those that one of FILTERS leaves out beside the leaks.

    Args:
        leave_out: "leak": no more; "near": what is near a benchmark, too; "random": as many rows at
            random as "near" leaves out, so that two trainings tell what the filter does from what
            fewer rows do.

    Raises:
        ValueError: For another word, or if nothing is left.
    """
    if leave_out not in FILTERS:
        raise ValueError(f"leave_out={leave_out!r} was asked for; there are {', '.join(FILTERS)}.")
    near = rows["id"].isin(gate_table.loc[gate_table["verdict"] == "near", "id"])
    if near.all() and leave_out != "leak":
        raise ValueError(
            f"All {len(rows)} rows are near a benchmark, and leave_out={leave_out!r} leaves "
            "none. Choose 'leak'."
        )
    if leave_out == "random":
        return random_control(rows, int(near.sum()), seed).reset_index(drop=True)
    return rows[~near].reset_index(drop=True) if leave_out == "near" else rows


def hits(
    gate_table: pd.DataFrame,
    instances: pd.DataFrame,
    benchmarks: dict[str, pd.DataFrame],
    limit: int = 200,
) -> pd.DataFrame:
    """Lay the first `limit` hits of each benchmark, leaks first, side by side with the text they
    meet.

    Columns: id, benchmark, benchmark_id, verdict, tier, n, query, response, problem, solution,
    shared (the longest run of words that both have) and note: what speaks for a false positive, or
    nothing.
    """
    table = gate_table[gate_table["tier"] != ""].sort_values(
        ["verdict", "tier"], key=lambda c: c.map(ORDER).fillna(9), kind="stable"
    )
    table = table.groupby("benchmark", sort=False).head(limit).drop(columns="benchmark_digest")
    texts = instances.drop_duplicates("id").set_index("id")[["query", "response"]].fillna("")
    tests = pd.concat([t.assign(benchmark=name) for name, t in benchmarks.items()]).rename(
        columns={"id": "benchmark_id"}
    )
    tests = tests.drop_duplicates(["benchmark", "benchmark_id"])[
        ["benchmark", "benchmark_id", "problem", "solution"]
    ].fillna("")
    table = (
        table.join(texts, on="id")
        .merge(tests, on=["benchmark", "benchmark_id"], how="left")
        .reset_index(drop=True)
    )
    stock = {name: _stock(part["problem"]) for name, part in tests.groupby("benchmark", sort=False)}
    notes = [_note(row, stock[row.benchmark]) for row in table.itertuples()]
    return table.assign(shared=[shared for shared, _ in notes], note=[note for _, note in notes])


ORDER = {"leak": 0, "near": 1, "clean": 2, "exact": 0, "graph": 1, "contained": 2, "ngram": 3}
ORDER |= {"near-duplicate": 4}


def _stock(problems):
    """Return a function that counts the problems in which a run of words stands."""
    lines = [" " + " ".join(wording.words(problem)) + " " for problem in problems]
    return lambda run: sum(f" {run} " in line for line in lines)


def _note(row, stock):
    mine, theirs = (wording.words(text) for text in (row.query, row.problem))
    if row.tier == "template":
        return _shared(mine, theirs), "a wording of the world that its problems share by design"
    if row.tier in ("exact", "graph"):
        return _shared(mine, theirs), ""
    if wording.masked(mine) == wording.masked(theirs):
        return _shared(mine, theirs), "the same words with other numbers"
    texts = ((row.response, row.problem), (row.query, row.solution))
    pairs = [(mine, theirs), *((wording.words(a), wording.words(b)) for a, b in texts)]
    runs = [
        _shared(*pair)
        for pair in [*pairs, (wording.words(row.response), wording.words(row.solution))]
    ]
    longest = max(runs, key=lambda run: run.count(" "))
    many = stock(longest) if longest == runs[0] and longest else 0
    if many >= STOCK:
        return longest, f"a stock phrase: it stands in {many} problems of {row.benchmark}"
    return longest, "" if longest == runs[
        0
    ] else "the run is in a response or solution, not in both problems"


def _shared(a: list[str], b: list[str]) -> str:
    match = SequenceMatcher(None, a, b, autojunk=False).find_longest_match()
    return " ".join(a[match.a : match.a + match.size])


def neighbours(
    instances: pd.DataFrame,
    benchmarks: dict[str, pd.DataFrame],
    embed: Callable[[list[str]], np.ndarray],
    threshold: float = 0.9,
    limit: int = 200,
) -> pd.DataFrame:
    """List, for review and not as a verdict, each query's nearest problem whose embedding is above
    a cosine similarity.

    Columns: id, benchmark, benchmark_id, similarity, query, problem; the most alike first, up to
    `limit` per benchmark.

    Args:
        embed: Texts -> (N, D) vectors of length 1, made in one call for queries and problems
            together (TF-IDF is fitted on them).
    """
    table = instances[instances["query"].fillna("").str.strip() != ""]
    tests = pd.concat(
        [t.assign(benchmark=name) for name, t in benchmarks.items()], ignore_index=True
    )
    X = embed([*table["query"], *tests["problem"]])
    X, Y, parts = X[: len(table)], X[len(table) :], []
    for name, part in tests.groupby("benchmark", sort=False):
        close = [block @ Y[part.index].T for block in np.array_split(X, len(X) // 4096 + 1)]
        best = np.concatenate([block.argmax(axis=1) for block in close])
        similarity = np.concatenate([block.max(axis=1) for block in close])
        rows = np.argsort(-similarity, kind="stable")[
            : min(limit, int((similarity >= threshold).sum()))
        ]
        found = part.iloc[best[rows]]
        columns = {"id": table["id"].to_numpy()[rows], "benchmark": name}
        columns["benchmark_id"] = found["id"].to_numpy()
        columns |= {
            "similarity": similarity[rows],
            "query": table["query"].to_numpy()[rows],
            "problem": found["problem"].to_numpy(),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
