"""The leak gate and the core-set for anybody's file, from the command line: a summary is printed, a table is written."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import coreset, dedup, embed, leakage, schema, seeds, tables, world

SHOWN = 200  # hits per benchmark that are kept with both texts


def gate(
    file: str,
    against: Sequence[str],
    out: str | None = None,
    n: tuple[int, int] = (30, 10),
    echo: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Gate a file of problems or instances, part by part, and return the counts.

    Writes FILE.gate.parquet (or `out`), one row per instance and benchmark, and beside it FILE.hits.parquet with the first
    hits of each benchmark and the text they meet. Everything is read that can fail before the work starts.
    """
    parts, tests = tables.parts(file), seeds.benchmarks(against)
    out = Path(out or f"{file}.gate.parquet")
    keys = world.key if any(name.startswith("world-") for name in against) else None
    recall = leakage.recall(tests, n=n, keys=keys, translations=seeds.translations(tests))
    judge, counts, hits, empty, rows = leakage.Gate(tests, n, keys), [], [], 0, 0
    half = out.with_name(f".{out.name}.tmp")
    try:
        with pq.ParquetWriter(half, schema.GATE, compression="zstd") as writer:
            for part in parts:
                verdicts = judge(part)
                writer.write_table(pa.Table.from_pandas(verdicts, schema=schema.GATE, preserve_index=False))
                counts.append(leakage.counts(verdicts))
                if sum(map(len, hits)) < SHOWN * len(tests):
                    hits.append(leakage.hits(verdicts, part, tests, SHOWN))
                rows, empty = rows + len(part), empty + int((part["query"].str.strip() == "").sum())
        half.replace(out)
    finally:
        half.unlink(missing_ok=True)
    counts = pd.concat(counts).groupby(["benchmark", "verdict", "tier", "n"], as_index=False, sort=False)["rows"].sum()
    hits = pd.concat(hits).groupby("benchmark", sort=False).head(SHOWN)
    seen = out.with_name(out.name.replace(".gate", "").removesuffix(".parquet") + ".hits.parquet")
    hits.to_parquet(seen, index=False)
    echo(f"{rows:,} rows of {file} against {', '.join(f'{name} ({len(t):,})' for name, t in tests.items())}; {empty:,} without a problem")
    echo(counts.sort_values(["benchmark", "verdict"]).to_string(index=False))
    echo("\nleaks planted in these benchmarks that this gate finds, by kind:")
    echo(recall.round(3).to_string(index=False))
    for row in hits.head(3).itertuples():
        echo(f"\n{row.verdict} ({row.tier}) {_short(row.id)}: {_short(row.query)}")
        echo(f"  {row.benchmark} {row.benchmark_id}: {_short(row.problem)}")
        echo(f"  shared: {_short(row.shared)}" + (f"; {row.note}" if row.note else ""))
    echo(f"\nverdicts: {out}\nhits, with both texts: {seen}")
    return counts


def choose(
    file: str,
    k: int,
    out: str | None = None,
    method: str = "k_center",
    embedding: str = "tfidf",
    dimensions: int = 64,
    seed: int = 0,
    echo: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Choose k problems of a file for diversity and return them in order of choice: rank, id, radius, query.

    Empty, repeated and featureless problems are left out and counted. Writes FILE.coreset.parquet (or `out`).
    """
    table = pd.concat(tables.parts(file), ignore_index=True)
    empty = table["query"].str.strip() == ""
    some = table[~empty].reset_index(drop=True)
    some = some[dedup.exact(some["query"]).kept].reset_index(drop=True)
    X = embed.embed(some["query"].tolist(), method=embedding, dimensions=dimensions, seed=seed) if len(some) else np.empty((0, 1))
    full = X.any(axis=1)
    left = f"{empty.sum():,} empty, {(~empty).sum() - len(some):,} repeated, {(~full).sum():,} without features"
    some, X = some[full].reset_index(drop=True), X[full]
    if not 1 <= k <= len(some):
        raise ValueError(f"k={k} problems were asked for, but {file} has {len(some):,} to choose from ({left}). Lower k.")
    levels = some["level"] if "level" in some else np.zeros(len(some), int)
    order, radius = coreset.select(method, X, k, levels=levels, names=some["id"], seed=seed)
    control = coreset.select("random", X, k, names=some["id"], seed=seed).radius
    chosen = some.iloc[order][["id", "query"]].assign(radius=radius)
    chosen.insert(0, "rank", np.arange(1, k + 1))
    out = Path(out or f"{file}.coreset.parquet")
    chosen.to_parquet(out, index=False)
    budgets = sorted({max(1, k // 16), max(1, k // 4), k})
    curve = pd.DataFrame({"chosen": budgets, "radius": [radius[b - 1] for b in budgets], "at random": [control[b - 1] for b in budgets]})
    echo(f"{k:,} of {len(some):,} problems of {file} by {method} on {embedding} vectors ({X.shape[1]} dimensions); left out: {left}")
    echo(curve.round(4).to_string(index=False))
    echo(f"table: {out}")
    return chosen


def _short(text: str, length: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."
