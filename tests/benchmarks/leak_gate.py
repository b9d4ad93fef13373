"""The leak gate beside n-gram decontamination as published scripts do it, in one run, against the
GSM8K test questions.

    SKYMATH_DATA=... python tests/benchmarks/leak_gate.py [rows] [rounds]

Queries are GSM8K train problems with other numbers; one in two hundred is a test question. CPU
time, one thread, index included, median over rounds, the methods in turn. `script` is the method of
open-r1's scripts/decontaminate.py (read at 1416fa0) in our own words: lower case, punctuation
removed, words divided at white space, tuples of n in a dictionary, rows looked up one n-gram at a
time. `plain` is the gate's own rule as sets of tuples, to which every verdict is compared. If
datatrove is there (0.10.1 with spacy and xxhash < 3.6), its filter is run too, on PEER queries and
at n = 13: it divides words with spacy. The evaluation harness's janitor in C++ is not installed
here.
"""

import re
import statistics
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from skymath_nb.core import randomness
from skymath_nb.data import seeds
from skymath_nb.selection import decontamination
from skymath_nb.selection import ngrams as wording

PEER = 1000  # queries for datatrove, which takes seconds for a MB


def corpus(n):
    train, test = (seeds.load("gsm8k", split) for split in ("train", "test"))
    rng = randomness.rng(0, "benchmark", "leak_gate")
    texts = train["problem"].to_numpy(object)[rng.integers(len(train), size=n)]
    numbers = iter(rng.integers(2, 999, size=50 * n).tolist())
    texts = [re.sub(r"\d+", lambda m: str(next(numbers)), text) for text in texts]
    for i in range(0, n, 200):
        texts[i] = test["problem"].iloc[int(rng.integers(len(test)))]
    return pd.DataFrame({"id": np.arange(n).astype(str), "query": texts, "response": ""}), {
        "gsm8k": test
    }


def script(table, tests, n):
    def ngrams(text):
        found = re.sub(r"[^\w\s]", "", text.lower()).split()
        return [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]

    known = {gram: i for i, text in enumerate(tests["gsm8k"]["problem"]) for gram in ngrams(text)}
    return [any(gram in known for gram in ngrams(text)) for text in table["query"]]


def plain(table, tests, n):
    def ngrams(text):
        found = wording.words(text)
        return {tuple(found[i : i + n]) for i in range(len(found) - n + 1)}

    known = set().union(
        *(ngrams(text) for name in ("problem", "solution") for text in tests["gsm8k"][name])
    )
    return [not known.isdisjoint(ngrams(text)) for text in table["query"]]


def ours(table, tests, n):
    found = decontamination.gate(table, tests, n=(n, n), near=None)
    return found["tier"].eq("ngram").tolist(), found["verdict"].ne("clean").tolist()


def datatrove(table, tests, n):
    """Run datatrove's filter.

    Its own indexer asks for lighteval, so the index is written here, of the same hashes.
    """
    from datatrove.data import Document
    from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.text import ngrams, simplify_text

    with tempfile.TemporaryDirectory() as folder:
        step = NGramsDecontFilter(folder, NGramsDecontConfig(n_grams=n))
        step.tokenizer.word_tokenize("loads spacy")
        started = time.process_time()
        words = (
            step.tokenizer.word_tokenize(simplify_text(text, step.config.norm_config))
            for text in tests["gsm8k"]["problem"]
        )
        hashes = [step.hash_func(" ".join(gram)) for found in words for gram in ngrams(found, n)]
        np.array(hashes, step.config.hash_config.np_descr).tofile(
            Path(folder) / "gsm8k.index.hashes"
        )
        step.load_index_hashes()
        indexed = time.process_time()
        flagged = sum(
            step.filter(Document(text=text, id="")) is not True for text in table["query"]
        )
        spent = time.process_time() - indexed
    megabytes = table["query"].str.len().sum() / 1e6
    speed = (
        f"{megabytes / spent:.2f} MB per CPU-second beside {indexed - started:.1f} s for the index"
    )
    print(
        f"datatrove, n={n}, {len(table):,} queries: {speed}; flagged: {flagged}, by `script`: "
        f"{sum(script(table, tests, n))}"
    )


def main(rows=40_000, rounds=3):
    table, tests = corpus(rows)
    megabytes = table["query"].str.len().sum() / 1e6
    methods = {
        "gate, n-grams and whole questions": lambda n: ours(table, tests, n),
        "gate, all tiers (n and 10, near duplicates)": lambda n: decontamination.gate(
            table, tests, n=(n, min(n, 10))
        ),
        "script": lambda n: script(table, tests, n),
        "plain": lambda n: plain(table, tests, n),
    }
    print(f"{rows:,} queries, {megabytes:.1f} MB; MB per CPU-second")
    if find_spec("datatrove"):
        datatrove(table[:PEER], tests, 13)
    for n in (10, 13, 30):
        spent, given = {name: [] for name in methods}, {}
        for _ in range(rounds):
            for name, method in methods.items():
                started = time.process_time()
                given[name] = method(n)
                spent[name].append(time.process_time() - started)
        speed = {name: megabytes / statistics.median(times) for name, times in spent.items()}
        ngram, any_tier = given["gate, n-grams and whole questions"]
        missed = sum(b and not a for a, b in zip(any_tier, given["plain"], strict=True))
        print(
            f"n={n}: "
            + ", ".join(
                f"{name} {mb:.1f} ({mb / speed['script']:.1f}x)" for name, mb in speed.items()
            )
        )
        flagged = {
            "gate": sum(ngram),
            "plain": sum(given["plain"]),
            "script": sum(given["script"]),
            "gate by any tier": sum(any_tier),
        }
        print(f"      flagged: {flagged}; hits of the plain rule that the gate lacks: {missed}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
