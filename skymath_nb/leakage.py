r"""The leak gate: which training texts meet a benchmark, and how surely such meetings are found.

Tiers for texts, the first that holds counts: `exact` (the whole problem, equal but for case, white space and LaTeX
spelling), `contained` (a whole question of fewer than n words stands in the text), `ngram` (n words in a row are
shared; problem and solution against query and response). For a world benchmark a leak is an equal graph (`graph`) or
an equal text; shared words are listed as `template`, which is clean, because its wordings are shared by design.
A word is a run of letters or digits, or one Han character; \frac and \dfrac are one spelling, punctuation is none.
Source: Llemma (arXiv 2310.10631) for n-grams; Skywork-Math, section 4.3.7, for 30 and 10.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import runs, schema

SPACING = re.compile(r"\\(?:left|right|displaystyle|quad|qquad|big|bigg)(?![a-z])|(?<!\\)\\[,;:!\s]|[~$]|\\[()\[\]]")
FRACTION = re.compile(r"\\[dtc]frac")
WORD = re.compile(r"[一-鿿]|[^\W_一-鿿]+")
SPACE = re.compile(r"\s+")
DRAWING = re.compile(r"\[asy\].*?\[/asy\]", re.S)  # code of figures: its stock lines say nothing of a problem
FEWEST = 4  # words: a shorter question ("Compute 2+2.") stands in too many texts to mean anything
MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
INVERSE = pow(MULTIPLIER, -1, 2**64)


def normalise(text: str) -> str:
    """Lower the case and bring LaTeX to one spelling; white space is kept."""
    return FRACTION.sub(r"\\frac", SPACING.sub(" ", text.lower()))


def words(text: str) -> list[str]:
    """List the words that the n-gram tiers compare; the code of drawings is left out."""
    return WORD.findall(normalise(DRAWING.sub(" ", text)))


def _bare(text: str) -> str:
    return SPACE.sub("", normalise(text)).rstrip(".?!。？")


def digest(benchmark: pd.DataFrame) -> str:
    """Return 16 hex digits over a benchmark's ids, problems and solutions."""
    return schema.row_id(*benchmark[["id", "problem", "solution"]].to_numpy().ravel())


def gate(
    instances: pd.DataFrame,
    benchmarks: dict[str, pd.DataFrame],
    n: tuple[int, int] = (30, 10),
    keys: Callable[[str], str | None] | None = None,
) -> pd.DataFrame:
    """Return one row per instance and benchmark with its verdict: clean, leak, or near (only the smaller n hits).

    instances   with id, query, response;  benchmarks  name -> seeds table;  n  words in a row: leak, near.
    keys        text -> graph key or None, for the benchmarks whose name begins with "world-".
    Raises:  ValueError if there are no benchmarks or one is empty, or n is not (large, small).
    """
    large, small = n
    empty = [name for name, table in benchmarks.items() if table.empty]
    if not benchmarks or empty or not large >= small >= 1:
        raise ValueError(
            f"The gate needs benchmarks with rows and n=(large, small), but it got {list(benchmarks)} of which "
            f"{empty} are empty, and n={n}. An empty gate would call everything clean."
        )
    texts = list(zip(instances["query"].fillna(""), instances["response"].fillna(""), strict=True))
    bare = [tuple(map(_bare, pair)) for pair in texts]
    vocabulary: dict[str, int] = {}
    corpus = _corpus(texts, vocabulary)
    graphs = None
    if keys and any(name.startswith("world-") for name in benchmarks):
        graphs = [keys(query) for query, _ in texts]
    tables = []
    for name, benchmark in benchmarks.items():
        tiers = _tiers(corpus, bare, benchmark, vocabulary, n)
        if keys and name.startswith("world-"):
            tiers = _world_tiers(tiers, graphs, benchmark, keys)
        rows = [tiers.get(i, ("clean", "", 0, "")) for i in range(len(instances))]
        table = pd.DataFrame(rows, columns=["verdict", "tier", "n", "benchmark_id"])
        ids = instances["id"].to_numpy()
        tables.append(table.assign(id=ids, benchmark=name, benchmark_digest=digest(benchmark)))
    return pd.concat(tables, ignore_index=True)[schema.GATE.names].astype({"n": "int64"})


def _tiers(corpus, bare, benchmark, vocabulary, n) -> dict[int, tuple[str, str, int, str]]:
    """Map each instance's place to (verdict, tier, n, benchmark id) by text alone; clean ones are left out."""
    large, small = n
    ids = benchmark["id"].tolist()
    problems = benchmark["problem"].fillna("").tolist()
    both = _corpus(list(zip(problems, benchmark["solution"].fillna(""), strict=True)), vocabulary)
    found = {}
    for size, verdict in ((small, "near"), (large, "leak")):
        shared = _shared(corpus, both, size)
        found |= {i: (verdict, "ngram", size, ids[j]) for i, j in shared.items()}
    whole = [_bare(problem) for problem in problems]
    short = _corpus([(problem,) for problem in problems], vocabulary)
    for i, j in _contained(corpus, bare, short, whole, large):
        found[i] = ("leak", "contained", 0, ids[j])
    exact = {text: j for j, text in reversed(list(enumerate(whole))) if text}
    found |= {i: ("leak", "exact", 0, ids[exact[query]]) for i, (query, _) in enumerate(bare) if query in exact}
    return found


def _world_tiers(tiers, graphs, benchmark, keys):
    known = {key: id for id, key in zip(benchmark["id"], map(keys, benchmark["problem"]), strict=True) if key}
    found = {i: hit if hit[1] == "exact" else ("clean", "template", *hit[2:]) for i, hit in tiers.items()}
    return found | {i: ("leak", "graph", 0, known[key]) for i, key in enumerate(graphs) if key in known}


class _Corpus(NamedTuple):
    """All words of all texts in one line: `ids` (T,), the end of each word's text, the row it belongs to, and
    prefix sums (T + 1,) of a polynomial hash, with the powers that take it back to its origin."""

    ids: np.ndarray
    end: np.ndarray
    row: np.ndarray
    sums: np.ndarray
    back: np.ndarray


def _corpus(rows: list[tuple[str, ...]], vocabulary: dict[str, int]) -> _Corpus:
    ids, lengths, owners = [], [], []
    for i, texts in enumerate(rows):
        for text in texts:
            found = [vocabulary.setdefault(word, len(vocabulary)) for word in words(text)]
            ids += found
            lengths.append(len(found))
            owners.append(i)
    ids, ends = np.array(ids, np.int64), np.cumsum(lengths, dtype=np.int64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mixed(ids) * _powers(MULTIPLIER, len(ids)))])
    owners = np.repeat(owners, lengths).astype(np.int64)
    return _Corpus(ids, np.repeat(ends, lengths), owners, sums, _powers(INVERSE, len(ids)))


def _powers(base: int, count: int) -> np.ndarray:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _mixed(ids: np.ndarray) -> np.ndarray:
    """Spread word numbers over 64 bits (the finaliser of splitmix64; Steele et al. 2014)."""
    z = (ids.astype(np.uint64) + np.uint64(1)) * np.uint64(MULTIPLIER)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> np.uint64(31))


def _windows(corpus: _Corpus, n: int, starts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return where n words in a row begin inside one text (among `starts`), and a 64-bit hash of each such run."""
    starts = np.arange(len(corpus.ids)) if starts is None else starts
    starts = starts[starts + n <= corpus.end[starts]]
    return starts, (corpus.sums[starts + n] - corpus.sums[starts]) * corpus.back[starts]


def _lookup(hashes: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which of `hashes` are in the sorted `known`, and where."""
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    hit = known[place] == hashes
    return hit, place[hit]


def _shared(corpus: _Corpus, other: _Corpus, n: int) -> dict[int, int]:
    """Map each row of `corpus` that shares n words in a row with `other` to a row of `other` that does."""
    mine, hashes = _windows(corpus, n)
    theirs, known = _windows(other, n)
    if not len(mine) or not len(theirs):
        return {}
    known, first = np.unique(known, return_index=True)
    hit, place = _lookup(hashes, known)
    mine, theirs, span = mine[hit], theirs[first[place]], np.arange(n)
    # equal hashes are checked word by word, so that no collision is ever a verdict
    same = (corpus.ids[mine[:, None] + span] == other.ids[theirs[:, None] + span]).all(axis=1)
    rows, first = np.unique(corpus.row[mine[same]], return_index=True)
    return dict(zip(rows.tolist(), other.row[theirs[same]][first].tolist(), strict=True))


def _contained(corpus, bare, short, whole, large):
    """Yield (row, question) for every question of FEWEST to large - 1 words that stands whole in a row's text."""
    lengths = np.bincount(short.row, minlength=len(whole))
    begin = np.cumsum(lengths) - lengths
    questions = np.flatnonzero((lengths >= FEWEST) & (lengths < large))
    if not len(questions):
        return
    openings = np.unique(_windows(short, FEWEST, begin[questions])[1])
    starts, hashes = _windows(corpus, FEWEST)
    starts = starts[_lookup(hashes, openings)[0]]
    for n in np.unique(lengths[questions]).tolist():
        known = defaultdict(list)
        same = questions[lengths[questions] == n]
        for value, question in zip(_windows(short, n, begin[same])[1].tolist(), same.tolist(), strict=True):
            known[value].append(question)
        places, hashes = _windows(corpus, n, starts)
        for row, value in set(zip(corpus.row[places].tolist(), hashes.tolist(), strict=True)):
            # the words leave out operators; the bare text has them
            yield from ((row, q) for q in known.get(value, ()) if any(whole[q] in text for text in bare[row]))


def require(instances: pd.DataFrame, gate_table: pd.DataFrame, benchmarks: dict[str, pd.DataFrame]) -> None:
    """Raise ValueError unless every instance has a verdict against the present text of every benchmark."""
    for name, benchmark in benchmarks.items():
        present = gate_table[(gate_table["benchmark"] == name) & (gate_table["benchmark_digest"] == digest(benchmark))]
        ungated = instances.loc[~instances["id"].isin(present["id"]), "id"]
        if len(ungated):
            raise ValueError(
                f"{len(ungated)} of {len(instances)} instances (the first is {ungated.iloc[0]}) have no verdict of "
                f"the leak gate against {name} as it is now ({len(benchmark)} rows, digest {digest(benchmark)}). "
                "Run leakage.gate on these instances and this benchmark again."
            )


def counts(gate_table: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of a gate table per benchmark, verdict, tier and n."""
    groups = gate_table.groupby(["benchmark", "verdict", "tier", "n"], sort=False, dropna=False)
    return groups.size().rename("rows").reset_index().sort_values(["benchmark", "verdict", "tier"], ignore_index=True)


def flat_report(counts_table: pd.DataFrame) -> dict[str, int]:
    """Return the counts as flat named numbers: world_test_leak, world_test_near, world_test_template."""
    report = {}
    for name, part in counts_table.groupby("benchmark", sort=False):
        name = re.sub(r"\W+", "_", name)
        for label, column in (("leak", "verdict"), ("near", "verdict"), ("template", "tier")):
            report[f"{name}_{label}"] = int(part.loc[part[column] == label, "rows"].sum())
    return report


def random_control(instances: pd.DataFrame, n: int, seed: int = 0) -> pd.DataFrame:
    """Remove n rows at random: the control that tells a filter's effect from the effect of fewer rows."""
    if not 0 <= n < len(instances):
        raise ValueError(f"{n} of {len(instances)} instances were to be removed; that leaves none. Lower n.")
    gone = runs.rng(seed, "leakage", "control").permutation(len(instances))[:n]
    return instances.drop(instances.index[gone])


def _change_number(text, rng):
    numbers = list(re.finditer(r"\d+", text))
    if not numbers:
        return text
    match = numbers[rng.integers(len(numbers))]
    return text[: match.start()] + str(int(match[0]) + 1) + text[match.end() :]


def _half(text, rng):
    parts = re.findall(r"\s*[一-鿿]|\s*[^\s一-鿿]+", text)
    return "".join(parts[: (len(parts) + 1) // 2])


KINDS = {
    "verbatim": lambda text, rng: text,
    "recased": lambda text, rng: text.upper(),
    "respaced": lambda text, rng: "  " + text.replace(" ", "\n  ") + " ",
    "one number changed": _change_number,
    "half a question": _half,
}


def plant(benchmark: pd.DataFrame, kind: str, seed: int = 0) -> pd.DataFrame:
    """Make instances that leak each problem of a benchmark in one of KINDS, with ids `planted-<benchmark id>`."""
    if kind not in KINDS:
        raise ValueError(f"There is no planted leak of the kind {kind!r}; there are {', '.join(KINDS)}.")
    queries = [
        KINDS[kind](problem, runs.rng(seed, "plant", kind, id)) for id, problem in zip(benchmark["id"], benchmark["problem"], strict=True)
    ]
    return pd.DataFrame({"id": "planted-" + benchmark["id"].astype(str), "query": queries, "response": ""})


def recall(
    benchmarks: dict[str, pd.DataFrame],
    kinds=tuple(KINDS),
    *,
    seed: int = 0,
    n: tuple[int, int] = (30, 10),
    keys: Callable[[str], str | None] | None = None,
    size: int = 100,
) -> pd.DataFrame:
    """Plant leaks of up to `size` problems of each benchmark and return how many the gate finds, by kind.

    `recall` counts leak and near together; a world problem with another number is another graph and is not found.
    """
    rows = []
    for name, benchmark in benchmarks.items():
        sample = benchmark.iloc[runs.rng(seed, "recall", name).permutation(len(benchmark))[:size]]
        planted = {kind: plant(sample, kind, seed) for kind in kinds}
        joined = pd.concat(planted).reset_index(level=0, names="kind")
        verdicts = gate(joined.assign(id=joined["kind"] + " " + joined["id"]), {name: benchmark}, n, keys)["verdict"]
        for kind in kinds:
            part = verdicts[(joined["kind"] == kind).to_numpy()]
            leak, near = ((part == verdict).mean() for verdict in ("leak", "near"))
            row = {"benchmark": name, "kind": kind, "planted": len(part), "recall": leak + near}
            rows.append(row | {"as_leak": leak, "as_near": near})
    return pd.DataFrame(rows)


def flat_recall(recall_table: pd.DataFrame) -> dict[str, float]:
    """Return recall as flat named numbers: world_test_recall_verbatim."""
    names = recall_table["benchmark"] + "_recall_" + recall_table["kind"]
    return dict(zip(names.str.replace(r"\W+", "_", regex=True), recall_table["recall"].astype(float), strict=True))
