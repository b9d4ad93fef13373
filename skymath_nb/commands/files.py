"""The leak gate and the core-set for anybody's file, from the command line.

A summary is printed, a table is written.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .. import world
from ..core import schema
from ..data import Rows, hub, seeds
from ..data.outputs import guarded
from ..data.rows import source
from ..selection import coreset, decontamination, embeddings, near_duplicates

SHOWN = 200  # hits per benchmark that are kept with both texts


def gate(
    file: str,
    against: Sequence[str],
    out: str | None = None,
    n: tuple[int, int] = (30, 10),
    force: bool = False,
    echo: Callable[[str], None] = print,
    **paths: str,
) -> pd.DataFrame:
    """Gate a file of problems or instances, part by part, and return the counts.

    Writes FILE.gate.parquet (or `out`), one row per instance and benchmark, and beside it
    FILE.hits.parquet with the first hits of each benchmark and the text they meet. Everything is
    read that can fail before the work starts.

    Args:
        file: What `data.Rows` reads.
        against: Named benchmarks, or files of problems, relative to the working directory.
        out: Where to write the verdicts.
        n: Words in a row that are a leak, and near.
        force: Overwrite an output that was made from another input.
        echo: Takes the lines of the summary.
        **paths: problem, response and id of the file, where they are not found by name.
    """
    parts = Rows(file, **paths)
    places = {name: _here(name) for name in against}
    tests = {name: seeds.load(at, "test", unanswered=True) for name, at in places.items()}
    out = Path(out or f"{_beside(file)}.gate.parquet")
    seen = out.with_name(out.name.replace(".gate", "").removesuffix(".parquet") + ".hits.parquet")
    with guarded([out, seen], [file, *seeds.files(places.values(), "test")], force):
        return _gate(parts, tests, out, seen, n, echo)


def _here(name: str) -> str:
    """The place that a name of problems means: a named source, a hub id, or a path from here."""
    known = name in seeds.SOURCES or name.startswith("world-") or hub.parts(name)
    return name if known or seeds.REFUSED.search(name) else os.path.abspath(name)


def _beside(file: str) -> Path:
    """What an output is named after; of a hub data set it lies in the working directory."""
    return Path(source(file) if hub.parts(file) else file)


def _gate(parts, tests, out, seen, n, echo) -> pd.DataFrame:
    keys = world.key if any(name.startswith("world-") for name in tests) else None
    recall = decontamination.recall(tests, n=n, keys=keys, translations=seeds.translations(tests))
    judge, counts, hits = decontamination.Gate(tests, n, keys), [], []
    half = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with pq.ParquetWriter(half, schema.GATE, compression="zstd") as writer:
            for part in parts:
                verdicts = decontamination.unchecked(judge(part), part)
                writer.write_table(
                    pa.Table.from_pandas(verdicts, schema=schema.GATE, preserve_index=False)
                )
                counts.append(decontamination.counts(verdicts))
                if sum(map(len, hits)) < SHOWN * len(tests):
                    hits.append(decontamination.hits(verdicts, part, tests, SHOWN))
        half.replace(out)
    finally:
        half.unlink(missing_ok=True)
    key = ["benchmark", "verdict", "tier", "n"]
    counts = pd.concat(counts).groupby(key, as_index=False, sort=False)["rows"].sum()
    hits = pd.concat(hits).groupby("benchmark", sort=False).head(SHOWN)
    hits.to_parquet(seen, index=False)
    names = ", ".join(f"{name} ({len(t):,})" for name, t in tests.items())
    rows, unread = parts.counts["rows"], parts.counts["unread"]
    echo(f"{rows:,} rows of {parts.place} against {names}; {unread:,} without a problem")
    for line in [*parts.report(), *_left_out(tests)]:
        echo(line)
    echo(counts.sort_values(["benchmark", "verdict"]).to_string(index=False))
    echo("\nleaks planted in these benchmarks that this gate finds, by kind:")
    echo(recall.round(3).to_string(index=False))
    for row in hits.head(3).itertuples():
        echo(f"\n{row.verdict} ({row.tier}) {_short(row.id)}: {_short(row.query)}")
        echo(f"  {row.benchmark} {row.benchmark_id}: {_short(row.problem)}")
        echo(f"  shared: {_short(row.shared)}" + (f"; {row.note}" if row.note else ""))
    echo(f"\nverdicts: {out}\nhits, with both texts: {seen}")
    return counts


def _left_out(tests: dict[str, pd.DataFrame]) -> list[str]:
    """A line for each benchmark of which rows could not be used."""
    left = {name: table.attrs.get("dropped") for name, table in tests.items()}
    return [
        f"{name}: left out {', '.join(f'{n:,} ({reason})' for reason, n in reasons.items())}"
        for name, reasons in left.items()
        if reasons
    ]


# Over eight parameters: options of the command line, named one by one.
def choose(
    file: str,
    k: int,
    out: str | None = None,
    method: str = "k_center",
    embedding: str = "tfidf",
    dimensions: int = 64,
    seed: int = 0,
    force: bool = False,
    echo: Callable[[str], None] = print,
    **paths: str,
) -> pd.DataFrame:
    """Choose k problems of a file for diversity and return them in order of choice.

    Rank, id, radius, query.

    Empty, repeated and featureless problems are left out and counted. Writes FILE.coreset.parquet
    (or `out`). `force` and `paths` are those of `gate`.
    """
    parts, out = Rows(file, **paths), Path(out or f"{_beside(file)}.coreset.parquet")
    with guarded([out], [file], force):
        return _choose(parts, k, out, method, embedding, dimensions, seed, echo)


def _choose(parts, k, out, method, embedding, dimensions, seed, echo) -> pd.DataFrame:
    table, file = pd.concat(parts, ignore_index=True), parts.place
    empty = table["query"].str.strip() == ""
    some = table[~empty].reset_index(drop=True)
    some = some[near_duplicates.exact(some["query"]).kept].reset_index(drop=True)
    X = np.empty((0, 1))
    if len(some):
        how = {"method": embedding, "dimensions": dimensions, "seed": seed}
        X = embeddings.embed(some["query"].tolist(), **how)
    full = X.any(axis=1)
    left = (
        f"{empty.sum():,} empty, {(~empty).sum() - len(some):,} repeated, {(~full).sum():,} "
        "without features"
    )
    some, X = some[full].reset_index(drop=True), X[full]
    if not 1 <= k <= len(some):
        raise ValueError(
            f"k={k} problems were asked for, but {file} has {len(some):,} to choose from "
            f"({left}). Lower k."
        )
    order, radius = coreset.select(method, X, k, levels=some["level"], names=some["id"], seed=seed)
    control = coreset.select("random", X, k, names=some["id"], seed=seed).radius
    chosen = some.iloc[order][["id", "query"]].assign(radius=radius)
    chosen.insert(0, "rank", np.arange(1, k + 1))
    chosen.to_parquet(out, index=False)
    budgets = sorted({max(1, k // 16), max(1, k // 4), k})
    radii = {"radius": radius, "at random": control}
    columns = {name: [each[b - 1] for b in budgets] for name, each in radii.items()}
    curve = pd.DataFrame({"chosen": budgets} | columns)
    echo(
        f"{k:,} of {len(some):,} problems of {file} by {method} on {embedding} vectors "
        f"({X.shape[1]} dimensions); left out: {left}"
    )
    for line in [curve.round(4).to_string(index=False), *parts.report()]:
        echo(line)
    echo(f"table: {out}")
    return chosen


def _short(text: str, length: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."
