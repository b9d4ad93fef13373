"""Meeting a benchmark.

The tiers of the gate over millions of texts, each hit confirmed word by word.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..core import schema
from . import ngrams as wording

FEWEST = 4  # words: a shorter question ("Compute 2+2.") stands in too many texts to mean anything
SHINGLE = 3  # words
NEAR = 0.7  # Jaccard similarity of shingles, with repetitions, from which a query is near a problem
RANK = {"exact": 0, "graph": 0, "contained": 1, "ngram": 2, "near-duplicate": 4, "template": 5}


class Hit(NamedTuple):
    """What was found for an instance: the first tier that holds, its n, and the benchmark's row."""

    verdict: str
    tier: str
    n: int
    question: int

    @property
    def rank(self) -> tuple[int, int]:
        """The place of the hit among those of one instance; the lowest counts."""
        return RANK[self.tier] + (self.tier == "ngram" and self.verdict == "near"), self.question


def digest(benchmark: pd.DataFrame) -> str:
    """Return 16 hex digits over a benchmark's ids, problems and solutions."""
    return schema.row_id(*benchmark[["id", "problem", "solution"]].to_numpy().ravel())


def gate(
    instances: pd.DataFrame,
    benchmarks: dict[str, pd.DataFrame],
    n: tuple[int, int] = (30, 10),
    keys: Callable[[str], str | None] | None = None,
    near: float | None = NEAR,
) -> pd.DataFrame:
    """Return one row per instance and benchmark with its verdict.

    Clean, leak, or near (the smaller n, or a near duplicate).

    Every hit is confirmed word by word, so that no collision of hashes is ever a verdict.

    Args:
        instances: With id, query, response.
        benchmarks: Name -> seeds table.
        n: Words in a row: leak, near.
        keys: Text -> graph key or None, for the benchmarks whose name begins with "world-".
        near: Jaccard similarity from which a query is a near duplicate of a problem; None leaves
            that tier out.

    Raises:
        ValueError: If there are no benchmarks or one is empty, or n is not (large, small).
    """
    return Gate(benchmarks, n, keys, near)(instances)


class Gate:
    """A gate made once for its benchmarks, for instances that come in parts.

    Gate = Gate(benchmarks); gate(part).
    """

    def __init__(self, benchmarks, n=(30, 10), keys=None, near=NEAR):
        empty = [name for name, table in benchmarks.items() if table.empty]
        if not benchmarks or empty or not n[0] >= n[1] >= 1 or not (near is None or 0 < near <= 1):
            raise ValueError(
                "The gate needs benchmarks with rows, n=(large, small) and near from 0 to 1, "
                f"but it got {list(benchmarks)} of which {empty} are empty, n={n} and "
                f"near={near}. An empty gate would call everything clean."
            )
        self.keys = keys
        world = {name for name in benchmarks if keys and name.startswith("world-")}
        self.benchmarks = {
            name: _Benchmark(table, n, near, whole=name in world)
            for name, table in benchmarks.items()
        }
        self.digests = {name: digest(table) for name, table in benchmarks.items()}
        self.graphs = {
            name: self._keyed(benchmarks[name]["problem"]) for name in benchmarks if name in world
        }

    def _keyed(self, problems):
        return {key: i for i, key in reversed(list(enumerate(map(self.keys, problems)))) if key}

    def __call__(self, instances: pd.DataFrame) -> pd.DataFrame:
        """Return the verdicts of these instances, one row per instance and benchmark."""
        hits = {name: {} for name in self.benchmarks}
        for name in ("query", "response"):
            column = wording.column(instances[name])
            for block in wording.scan(column):
                texts = _Texts(lambda place, column=column: column[place].as_py())
                for label, benchmark in self.benchmarks.items():
                    benchmark.search(block, texts, name == "query", hits[label])
        keys = [self.keys(query) for query in instances["query"].fillna("")] if self.graphs else []
        for label, graphs in self.graphs.items():
            for place, hit in hits[label].items():
                if RANK[hit.tier] > RANK["contained"]:
                    hits[label][place] = hit._replace(verdict="clean", tier="template")
            for place, key in enumerate(keys):
                if key in graphs:
                    hits[label][place] = Hit("leak", "graph", 0, graphs[key])
        ids = instances["id"].array
        tables = [self._table(ids, label, found) for label, found in hits.items()]
        return pd.concat(tables, ignore_index=True)[schema.GATE.names]

    def _table(self, ids, label, hits):
        question = self.benchmarks[label].ids
        lines = [
            ("clean", "", 0, ""),
            *((*hit[:3], question[hit.question]) for hit in hits.values()),
        ]
        rows = pd.DataFrame(lines, columns=["verdict", "tier", "n", "benchmark_id"])
        rows = rows.astype({"n": "int64"}).assign(
            benchmark=label, benchmark_digest=self.digests[label]
        )
        row = np.zeros(len(ids), np.int64)
        row[list(hits)] = np.arange(1, len(lines))
        # far faster than columns of strings
        return rows.take(row).set_axis(range(len(ids))).assign(id=ids)


class _Texts:
    """Texts by place, and what is made of a text when it is first asked for, and kept."""

    def __init__(self, read: Callable[[int], str]):
        self.read = read
        self.words = lru_cache(None)(lambda place: wording.words(read(place)))
        self.bare = lru_cache(None)(lambda place: wording.bare(read(place)))
        self.shingles = lru_cache(None)(lambda place: _shingles(self.words(place)))


class _Table:
    """A set of 64-bit hashes that turns most others away.

    It has, by a hash's first bits, the byte after these as an odd number: 0 where no hash is known,
    ANY where there are several.
    """

    ANY = np.uint8(2)

    def __init__(self, hashes: np.ndarray):
        self.bits = min(24, max(12, int(16 * len(hashes)).bit_length()))
        self.table = np.zeros(2**self.bits, np.uint8)
        place, mark = self._place(hashes), self._mark(hashes)
        self.table[place] = mark
        self.table[place[self.table[place] != mark]] = self.ANY

    def _place(self, hashes):
        return (hashes >> np.uint64(64 - self.bits)).view(np.int64)

    def _mark(self, hashes):
        return (hashes >> np.uint64(56 - self.bits)).astype(np.uint8) | np.uint8(1)

    def maybe(self, hashes: np.ndarray) -> np.ndarray:
        """Return which of `hashes` the table doesn't turn away."""
        found = self.table.take(self._place(hashes), mode="clip")
        some = np.flatnonzero(found)
        found = found[some]
        return some[(found == self._mark(hashes[some])) | (found == self.ANY)]


class _Known:
    """Hashes (H,) uint64 in order, with repetitions, and the question (H,) that each stands in."""

    def __init__(self, parts: Iterable[tuple[np.ndarray, np.ndarray]]):
        parts = [*parts, (np.empty(0, np.uint64), np.empty(0, np.int64))]
        hashes, questions = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        # np.lexsort would take five times as long to sort the questions of a hash, too
        order = np.argsort(hashes)
        self.hashes, self.questions = hashes[order], questions[order]
        head = np.flatnonzero(np.append(True, self.hashes[1:] != self.hashes[:-1])[: len(order)])
        self.distinct = self.hashes[head]
        self.first = np.minimum.reduceat(self.questions, head) if len(head) else questions
        self.table = _Table(self.distinct)

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which of `hashes` are known, and the first question of each of those."""
        maybe = self.table.maybe(hashes)
        if not len(maybe):
            return maybe, maybe
        place = np.searchsorted(self.distinct, hashes[maybe])
        same = self.distinct.take(place, mode="clip") == hashes[maybe]
        return maybe[same], self.first[place[same]]

    def range(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where the questions of each hash begin and end."""
        first = np.searchsorted(self.hashes, hashes, "left")
        return first, np.searchsorted(self.hashes, hashes, "right")

    def all(self, value: np.uint64) -> list[int]:
        """Return the questions of one hash, in order."""
        first, last = self.range(value)
        return sorted(self.questions[first:last].tolist())


class _Runs:
    """Known runs of n words, found in a block by a look at every `step`-th of its words.

    Wherever n words begin, one of the first `step` of them is looked at, and n - step + 1 words
    from there are among the n.
    """

    def __init__(self, runs: list[tuple[wording.Words, np.ndarray]], n: int):
        """Know the runs of n words from these words of each block of a benchmark."""
        self.n, self.step = n, (n + 1) // 2
        self.part = n - self.step + 1
        self.known = _known(runs, n)
        parts = [block.grams(_reached(at, range(self.step)), self.part) for block, at in runs]
        self.parts = _Table(np.concatenate([np.empty(0, np.uint64), *parts]))

    def find(self, block: wording.Words) -> tuple[np.ndarray, np.ndarray]:
        """Return where known runs begin, and the question of each."""
        value = block.value
        if not len(self.known.hashes) or len(value) < self.n:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        looked = (value[k : len(value) - self.part + 1 + k : self.step] for k in range(self.part))
        seen = self.parts.maybe(wording.together(looked))
        at = _reached(self.step * seen, range(0, -self.step, -1))
        at = at[at <= len(value) - self.n]
        hashes = wording.together(value.take(at + k) for k in range(self.n))
        found, questions = self.known.find(hashes)
        inside = block.inside(at[found], self.n)
        return at[found][inside], questions[inside]


class _Benchmark:
    """One benchmark, ready to be met: its runs of words, its short questions, its shingles."""

    def __init__(
        self, table: pd.DataFrame, n: tuple[int, int], near: float | None, whole: bool = False
    ):
        self.n, self.near = n, near
        self.ids = table["id"].tolist()
        problems, solutions = (wording.column(table[name]) for name in ("problem", "solution"))
        self.problems = _Texts(problems.to_pylist().__getitem__)
        self.solutions = _Texts(solutions.to_pylist().__getitem__)
        problems, solutions = list(wording.scan(problems)), list(wording.scan(solutions))
        lengths = np.zeros(len(self.ids), np.int64)
        for block in problems:
            lengths[block.place] = np.diff(block.begin)
        self.exact = _Known((block.outline(), block.place) for block in problems)
        self.ngrams = {
            size: _Runs([(block, block.starts(size)) for block in problems + solutions], size)
            for size in n
        }
        # whole: of every length, as no n-gram counts in the world
        short = (lengths >= FEWEST) & ((lengths < n[0]) | whole)
        self.lengths = np.unique(lengths[short]).tolist()
        openings = [(block, block.begin[:-1][short[block.place]]) for block in problems]
        self.openings = _Runs(openings, min(self.lengths, default=FEWEST))
        self.whole = _known(openings, lengths)
        shingled = [(block.masked, block.starts(SHINGLE)) for block in (problems if near else ())]
        self.shingles = _known(
            [(block, at[lengths[_question(block, at)] >= FEWEST]) for block, at in shingled],
            SHINGLE,
        )

    def search(
        self, block: wording.Words, texts: _Texts, is_query: bool, hits: dict[int, Hit]
    ) -> None:
        """Add to `hits`, by place, how the texts of a block meet this benchmark."""
        tiers = [self._contained, self._large, self._small]
        if is_query:
            tiers = [self._exact, *tiers, self._near]
        found = {}
        for tier in tiers:
            for place, hit in tier(block, texts, found):
                _keep(found, place, hit)
        for place, hit in found.items():
            _keep(hits, place, hit)

    def _exact(self, block, texts, found):
        outlines = block.outline()
        known = self.exact.find(outlines)[0]
        for i in known[outlines[known] != 0].tolist():
            place = int(block.place[i])
            same = (j for j in self.exact.all(outlines[i]) if self._same(j, place, texts))
            question = next(same, None)
            if question is not None:
                yield place, Hit("leak", "exact", 0, question)

    def _same(self, j, place, texts):
        """Return whether a text equals a problem but for its layout.

        Most copies are verbatim, which is seen at once.
        """
        if texts.read(place) == self.problems.read(j):
            return True
        if self.problems.bare(j) != texts.bare(place):
            return False
        return "".join(self.problems.words(j)) == "".join(texts.words(place))

    def _contained(self, block, texts, found):
        starts, _ = self.openings.find(block)
        for size in self.lengths if len(starts) else ():
            begin = starts[block.inside(starts, size)]
            hashes = block.grams(begin, size)
            for at in self.whole.find(hashes)[0].tolist():
                place = int(_question(block, begin[at]))
                for j in self.whole.all(hashes[at]):
                    # words leave out operators; the bare text has them
                    if self.problems.bare(j) in texts.bare(place):
                        yield place, Hit("leak", "contained", 0, j)

    def _large(self, block, texts, found):
        return self._ngram(self.n[0], "leak", block, texts, found)

    def _small(self, block, texts, found):
        return self._ngram(self.n[1], "near", block, texts, found) if self.n[1] < self.n[0] else ()

    def _ngram(self, size, verdict, block, texts, found):
        at, questions = self.ngrams[size].find(block)
        text = block.text(at)
        for k in np.lexsort((questions, text)).tolist():
            place, j = int(block.place[text[k]]), int(questions[k])
            if place in found:
                continue
            first = int(at[k] - block.begin[text[k]])
            run = texts.words(place)[first : first + size]
            if _stands_in(run, self.problems.words(j)) or _stands_in(run, self.solutions.words(j)):
                yield place, Hit(verdict, "ngram", size, j)

    def _near(self, block, texts, found):
        if not self.near:
            return
        hashes, begin = block.masked.runs(SHINGLE), block.begin
        sizes = np.maximum(np.diff(begin) - SHINGLE + 1, 0)
        maybe = self.shingles.table.maybe(hashes)
        inside = maybe[block.inside(maybe, SHINGLE)]
        known = np.bincount(block.text(inside), minlength=len(sizes))
        similar = (known >= self.near * sizes) & (sizes >= FEWEST - SHINGLE + 1)
        for i in np.flatnonzero(similar).tolist():
            place = int(block.place[i])
            if place not in found:
                own = hashes[begin[i] : begin[i] + sizes[i]]
                j, similarity = self._most_similar(own, texts.shingles(place))
                if similarity >= self.near:
                    yield place, Hit("near", "near-duplicate", 0, j)

    def _most_similar(self, hashes, count):
        """Return the problem whose shingles agree best, and how well.

        Some must be among the rarest 1 - near of the query's own.
        """
        first, last = self.shingles.range(hashes)
        rarest = np.argsort(last - first, kind="stable")[: int((1 - self.near) * len(hashes)) + 1]
        candidates = np.unique(
            np.concatenate([self.shingles.questions[first[k] : last[k]] for k in rarest])
        )
        best, total = (0, 0.0), count.total()
        for j in candidates.tolist():
            shingles = self.problems.shingles(j)
            other = shingles.total()
            if min(total, other) >= self.near * max(total, other):
                shared = (count & shingles).total()
                similarity = shared / (total + other - shared)
                best = (j, similarity) if similarity > best[1] else best
        return best


def _keep(hits: dict[int, Hit], place: int, hit: Hit) -> None:
    """Note a hit of a text, unless one of a lower rank is known."""
    if place not in hits or hit.rank < hits[place].rank:
        hits[place] = hit


def _question(block: wording.Words, at: np.ndarray) -> np.ndarray:
    """Return the place of the text, in a benchmark its question, that each word stands in."""
    return block.place[block.text(at)]


def _known(runs: list[tuple[wording.Words, np.ndarray]], n: int | np.ndarray) -> _Known:
    """Know the runs of n words from these words of each block; n may be an array by question."""
    parts = []
    for block, at in runs:
        question = _question(block, at)
        size = n if isinstance(n, int) else n[question]
        parts.append((block.grams(at, size), question))
    return _Known(parts)


def _reached(at, steps):
    """Return, in order and once each, the places (from 0 on) that are one of these steps from one
    of `at`.
    """
    reached = np.zeros(at.max(initial=0) + len(steps), bool)
    for step in steps:
        place = at + step
        reached[place[place >= 0]] = True
    return np.flatnonzero(reached)


def _shingles(words: list[str]) -> Counter:
    words = wording.masked(words)
    return Counter(zip(*(words[i:] for i in range(SHINGLE)), strict=False))


def _stands_in(run: list[str], text: list[str]) -> bool:
    n = len(run)
    return any(run == text[k : k + n] for k in range(len(text) - n + 1) if text[k] == run[0])
