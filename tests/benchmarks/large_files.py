"""Dedup, gate and assembly of a large file of instances, each in a process of its own.

CPU time and peak memory.

    SKYMATH_DATA=... python tests/benchmarks/large_files.py [rows] [folder]

A row has about 1.5 KB: a GSM8K train problem with other numbers, and solutions of such problems,
until the length is reached.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from skymath_nb.commands import files
from skymath_nb.core import randomness, schema
from skymath_nb.data import seeds
from skymath_nb.selection import near_duplicates
from skymath_nb.training import curriculum

SIZE = 1500  # characters of a row


def make(path, rows):
    train = seeds.load("gsm8k", "train")
    problems, solutions = train["problem"].to_numpy(object), train["solution"].to_numpy(object)
    rng = randomness.rng(0, "benchmark", "large")
    fixed = {"stage": "normal", "method": "given", "language": "en", "kept": True} | dict.fromkeys(
        ("round", "level", "tokens_in", "tokens_out"), 0
    )
    with pq.ParquetWriter(path, schema.INSTANCES, compression="zstd") as writer:
        for begin in range(0, rows, 50_000):
            n = min(50_000, rows - begin)
            numbers = map(str, rng.integers(2, 9999, size=60 * n).tolist())
            drawn = rng.integers(len(problems), size=n)
            queries = [
                re.sub(r"\d+", lambda m, numbers=numbers: next(numbers), problems[i]) for i in drawn
            ]
            picks = solutions[rng.integers(len(solutions), size=(n, 12))]
            responses = [
                "\n".join(row)[: SIZE - len(query)]
                for row, query in zip(picks, queries, strict=True)
            ]
            table = pd.DataFrame(
                {
                    "id": [f"row-{begin + i}" for i in range(n)],
                    "query": queries,
                    "response": responses,
                }
            )
            table = table.assign(**fixed, cost_usd=0.0).reindex(columns=schema.INSTANCES.names)
            writer.write_table(
                pa.Table.from_pandas(table, schema=schema.INSTANCES, preserve_index=False)
            )


def near(folder):
    found = near_duplicates.near(
        pq.read_table(folder / "instances.parquet", columns=["query"])["query"]
    )
    return found.report


def gate(folder):
    return files.gate(
        folder / "instances.parquet", ["gsm8k"], folder / "gate.parquet", echo=lambda line: None
    ).to_dict("records")


def assemble(folder):
    return curriculum.assemble_file(
        folder / "instances.parquet", folder / "gate.parquet", folder / "rows.parquet"
    ).to_dict("records")


def read(folder):
    return {"rows": len(schema.read(folder / "rows.parquet", "instances"))}


STEPS = {step.__name__: step for step in (near, gate, assemble, read)}


def main(rows="50000", folder=None):
    with tempfile.TemporaryDirectory(dir=folder) as place:
        make(Path(place) / "instances.parquet", int(rows))
        for step in STEPS:
            subprocess.run([sys.executable, __file__, step, place], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in STEPS:
        started, wall = time.process_time(), time.monotonic()
        result = STEPS[sys.argv[1]](Path(sys.argv[2]))
        # Linux; getrusage would count the process that started this one, too
        status = Path("/proc/self/status").read_text()
        peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1e6
        spent, wall = time.process_time() - started, time.monotonic() - wall
        print(
            f"{sys.argv[1]}: {spent:.0f} CPU-s, {wall:.0f} s, peak {peak:.2f} GB; {result}",
            flush=True,
        )
    else:
        main(*sys.argv[1:])
