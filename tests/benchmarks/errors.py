"""The error analysis.

What planted errors are called, false alarms on real right solutions, and the nearest rows beside
scikit-learn.

    python tests/benchmarks/errors.py [problems per level] [training rows] [rounds]

Prints the confusion matrix over planted errors; where SKYMATH_DATA names the benchmark files, the
share of real responses with a false step, right and wrong ones apart; answers classified per
CPU-second; and CPU time and memory of the nearest rows, our exact search and scikit-learn's exact
one in turns (medians over rounds). Nothing is asserted.
"""

import gzip
import json
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from skymath_nb import world
from skymath_nb.evaluation import errors
from skymath_nb.grading import solution_steps


def lines(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def real(folder):
    """(name, response, whether it is right) of published solutions."""
    yield from (
        ("GSM8K train, published", row["answer"], True)
        for row in lines(folder / "gsm8k/train.jsonl.gz")
    )
    yield from (
        ("MATH train, published", row["solution"], True)
        for row in lines(folder / "math/train.jsonl.gz")
    )
    for row in json.loads((folder / "answer_pairs/gsm_plus_metamath_7b.json").read_text("utf-8")):
        yield "MetaMath-7B on GSM8K", row["completion"], bool(row["result"])
    for row in lines(folder / "answer_pairs/math_cot_100.jsonl.gz"):
        yield from (
            ("Qwen2.5-Math on MATH", text, bool(right))
            for text, right in zip(row["code"], row["score"], strict=True)
        )
    for row in lines(folder / "gsm8k/example_model_solutions.jsonl.gz"):
        made = [
            row[name]
            for name in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
        ]
        yield from (
            ("GSM8K's example models", each["solution"], each["is_correct"]) for each in made
        )


def false_steps(folder):
    table = pd.DataFrame(real(folder), columns=["of", "response", "right"])
    read = table["response"].map(solution_steps.read)
    table = table.assign(
        with_steps=read.map(bool),
        false_step=read.map(lambda found: any(not step.holds for step in found)),
    )
    shares = table.groupby(["of", "right"]).agg(
        n=("right", "size"), with_steps=("with_steps", "mean"), false_step=("false_step", "mean")
    )
    print("\nShare of responses with a step that can be read, and with a false one, %:")
    print((shares * [1, 100, 100]).round(2).to_string())


def classified(n):
    items = [problem for problem in world.draw(5, n) for _ in range(2)]
    table = pd.DataFrame(
        {
            "response": [p.solution(i) for i, p in enumerate(items)],
            "problem": [p.text for p in items],
        }
    )
    table = table.assign(extracted="0", strict=False, flexible=False, cap_hit=False)
    start = time.process_time()
    errors.classify(table)
    print(f"\nClassified: {len(table) / (time.process_time() - start):,.0f} answers per CPU-second")


def nearest(n, rounds, d=64, wanted=20, k=5):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"id": np.arange(n)})
    with tempfile.TemporaryDirectory() as folder:
        X = np.lib.format.open_memmap(Path(folder, "x.npy"), "w+", np.float32, (n, d))
        for start in range(0, n, 1 << 16):
            X[start : start + (1 << 16)] = rng.standard_normal(X[start : start + (1 << 16)].shape)
        W, ids = np.array(X[:wanted]), [str(i) for i in range(wanted)]
        ways = {
            "skymath_nb": lambda: (
                errors.nearest(X, rows, W, ids, k)["id"].to_numpy().reshape(wanted, k)
            ),
            "scikit-learn": lambda: (
                NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute")
                .fit(X)
                .kneighbors(W)[1]
            ),
        }
        seconds, found = {name: [] for name in ways}, {}
        for _ in range(rounds):
            for name, way in ways.items():
                start = time.process_time()
                found[name] = way()
                seconds[name].append(time.process_time() - start)
        print(f"\nNearest {k} of {n:,} rows of {d} numbers, for {wanted} problems:")
        for name, way in ways.items():
            tracemalloc.start()
            way()
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
            print(
                f"{name:14} {statistics.median(seconds[name]):7.2f} CPU-seconds, {peak:6.0f} MiB "
                "beside the file"
            )
        print(
            f"the same rows in {np.mean(found['skymath_nb'] == found['scikit-learn']):.1%} of "
            "places"
        )


if __name__ == "__main__":
    per_level, n_rows, rounds = (
        [int(value) for value in sys.argv[1:]] + [40, 1_000_000, 3][len(sys.argv) - 1 :]
    )[:3]
    table = errors.confusion(errors.validate(per_level))
    print(table.set_axis([name[:10] for name in table.columns], axis=1).round(3).to_string())
    if os.environ.get("SKYMATH_DATA"):
        false_steps(Path(os.environ["SKYMATH_DATA"]))
    classified(1000)
    nearest(n_rows, rounds)
