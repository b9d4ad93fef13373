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
        found = {name: {} for name in self.benchmarks}
        for name, is_query in (("query", True), ("response", False)):
            texts = wording.column(instances[name])
            for block in wording.scan(texts):
                view = _View(block, lambda place, texts=texts: texts[place].as_py())
                for label, benchmark in self.benchmarks.items():
                    for place, hit in benchmark.search(view, is_query).items():
                        if place not in found[label] or _order(hit) < _order(found[label][place]):
                            found[label][place] = hit
        graphs = (
            [self.keys(query) for query in instances["query"].fillna("")] if self.graphs else []
        )
        for label, known in self.graphs.items():
            for i, hit in found[label].items():
                if RANK[hit.tier] > RANK["contained"]:
                    found[label][i] = hit._replace(verdict="clean", tier="template")
            for i, key in enumerate(graphs):
                if key in known:
                    found[label][i] = Hit("leak", "graph", 0, known[key])
        tables = [self._table(instances["id"].array, label, hits) for label, hits in found.items()]
        return pd.concat(tables, ignore_index=True)[schema.GATE.names]

    def _table(self, ids, label, hits):
        found = [
            ("clean", "", 0, ""),
            *((*hit[:3], self.benchmarks[label].ids[hit.question]) for hit in hits.values()),
        ]
        rows = pd.DataFrame(found, columns=["verdict", "tier", "n", "benchmark_id"]).astype(
            {"n": "int64"}
        )
        row = np.zeros(len(ids), np.int64)
        row[list(hits)] = np.arange(1, len(found))
        # far faster than columns of strings
        table = rows.assign(benchmark=label, benchmark_digest=self.digests[label]).take(row)
        return table.set_axis(range(len(ids))).assign(id=ids)


def _order(hit: Hit) -> tuple[int, int]:
    return RANK[hit.tier] + (hit.tier == "ngram" and hit.verdict == "near"), hit.question


class _View:
    """A block of texts under search.

    Its words, run hashes that are made when first asked for, and the texts themselves.
    """

    def __init__(self, block: wording.Words, read: Callable[[int], str]):
        self.block, self.read = block, read
        self.sums = lru_cache(2)(self._sums)

    def runs(self, n: int, masked: bool = False) -> np.ndarray:
        """Return a hash of the n words from every word on, also where a text ends.

        Masked: all numbers are equal.
        """
        sums = self.sums(masked)
        return (sums[n:] - sums[:-n]) * wording.powers(wording.INVERSE, len(sums))[:-n]

    def inside(self, at: np.ndarray, n: int) -> np.ndarray:
        """Return which of these words begin n words of one text."""
        return at + n <= self.block.begin[1:][self.block.text(at)]

    def questions(self, at: np.ndarray) -> np.ndarray:
        """Return the place of the text that each of these words stands in.

        In a benchmark's view, its question.
        """
        return np.repeat(self.block.place, np.diff(self.block.begin))[at]

    def _sums(self, masked=False):
        value = self.block.value
        return wording.windows(
            np.where(self.block.number, np.uint64(1), value) if masked else value
        )


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
    """Sorted 64-bit hashes, with repetitions, and the question that each stands in."""

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
        return np.searchsorted(self.hashes, hashes, "left"), np.searchsorted(
            self.hashes, hashes, "right"
        )

    def all(self, value: np.uint64) -> list[int]:
        """Return the questions of one hash, in order."""
        first, last = self.range(value)
        return sorted(self.questions[first:last].tolist())


class _Runs:
    """Known runs of n words, found in a block by a look at every `step`-th of its words.

    Wherever n words begin, one of the first `step` of them is looked at, and n - step + 1 words
    from there are among the n.
    """

    def __init__(
        self, views: list[_View], n: int, chosen: np.ndarray | None = None, first: bool = False
    ):
        self.n, self.step = n, (n + 1) // 2
        self.part = n - self.step + 1
        begins = [_begins(view, n, chosen, first) for view in views]
        self.known = _Known(
            (view.runs(n)[at], view.questions(at)) for view, at in zip(views, begins, strict=True)
        )
        parts = [
            view.runs(self.part)[_reached(at, range(self.step))]
            for view, at in zip(views, begins, strict=True)
        ]
        self.parts = _Table(np.concatenate([np.empty(0, np.uint64), *parts]))

    def find(self, view: _View) -> tuple[np.ndarray, np.ndarray]:
        """Return where known runs begin, and the question of each."""
        if not len(self.known.hashes) or len(view.block.value) < self.n:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        value = view.block.value
        looked = (value[k : len(value) - self.part + 1 + k : self.step] for k in range(self.part))
        seen = self.parts.maybe(wording.together(looked))
        at = _reached(self.step * seen, range(0, -self.step, -1))
        at = at[at <= len(value) - self.n]
        found, questions = self.known.find(
            wording.together(value.take(at + k) for k in range(self.n))
        )
        inside = view.inside(at[found], self.n)
        return at[found][inside], questions[inside]


class _Benchmark:
    """One benchmark, ready to be met: its runs of words, its short questions, its shingles."""

    def __init__(
        self, table: pd.DataFrame, n: tuple[int, int], near: float | None, whole: bool = False
    ):
        self.n, self.near = n, near
        self.ids = table["id"].tolist()
        self.problems, self.solutions = (
            table[name].fillna("").tolist() for name in ("problem", "solution")
        )
        # of a question that is never met, words and bare text are never made
        self.words, self.bare, self.counts = (
            lru_cache(None)(lambda j, f=f: f(self.problems[j]))
            for f in (wording.words, wording.bare, lambda text: _shingles(_words(text)))
        )
        problems, solutions = _views(self.problems), _views(self.solutions)
        lengths = np.zeros(len(self.ids), np.int64)
        for view in problems:
            lengths[view.block.place] = np.diff(view.block.begin)
        self.exact = _Known((view.block.outline(), view.block.place) for view in problems)
        self.ngrams = {size: _Runs(problems + solutions, size) for size in n}
        # whole: of every length, as no n-gram counts in the world
        short = (lengths >= FEWEST) & ((lengths < n[0]) | whole)
        self.lengths = np.unique(lengths[short]).tolist()
        self.openings = _Runs(problems, min(self.lengths, default=FEWEST), short, first=True)
        self.whole = _Known(_wholes(view, short) for view in problems)
        self.shingles = _Known(
            _runs(view, SHINGLE, lengths >= FEWEST, masked=True)
            for view in (problems if near else ())
        )

    def search(self, view: _View, is_query: bool) -> dict[int, Hit]:
        """Return the places of instances in a block that meet this benchmark, and how."""
        place, found = view.block.place, {}
        words, bare = (
            lru_cache(None)(lambda i, f=f: f(view.read(place[i])))
            for f in (wording.words, wording.bare)
        )
        tiers = [self._exact, self._contained, self._large, self._small, self._near]
        for tier in tiers if is_query else tiers[1:4]:
            for i, hit in tier(view, words, bare, found):
                if i not in found or _order(hit) < _order(found[i]):
                    found[i] = hit
        return {int(place[i]): hit for i, hit in found.items()}

    def _exact(self, view, words, bare, found):
        outlines = view.block.outline()
        for i in self.exact.find(outlines)[0].tolist():
            if outlines[i]:
                same = next(
                    (j for j in self.exact.all(outlines[i]) if self._same(j, i, view, words, bare)),
                    None,
                )
                yield from () if same is None else [(i, Hit("leak", "exact", 0, same))]

    def _same(self, j, i, view, words, bare):
        """Return whether a text equals a problem but for its layout.

        Most copies are verbatim, which is seen at once.
        """
        if view.read(view.block.place[i]) == self.problems[j]:
            return True
        return self.bare(j) == bare(i) and "".join(self.words(j)) == "".join(words(i))

    def _contained(self, view, words, bare, found):
        starts, _ = self.openings.find(view)
        for size in self.lengths if len(starts) else ():
            begin = starts[view.inside(starts, size)]
            hashes = wording.grams(view.sums(), begin, size)
            for at in self.whole.find(hashes)[0].tolist():
                i = int(view.block.text(begin[at]))
                for j in self.whole.all(hashes[at]):
                    # words leave out operators; the bare text has them
                    if self.bare(j) in bare(i):
                        yield i, Hit("leak", "contained", 0, j)

    def _large(self, view, words, bare, found):
        return self._ngram(self.n[0], "leak", view, words, found)

    def _small(self, view, words, bare, found):
        return self._ngram(self.n[1], "near", view, words, found) if self.n[1] < self.n[0] else ()

    def _ngram(self, size, verdict, view, words, found):
        at, questions = self.ngrams[size].find(view)
        text = view.block.text(at)
        for k in np.lexsort((questions, text)).tolist():
            i, j = int(text[k]), int(questions[k])
            if i in found:
                continue
            first = int(at[k] - view.block.begin[i])
            if _stands_in(words(i)[first : first + size], self._solved(j)):
                yield i, Hit(verdict, "ngram", size, j)

    def _solved(self, j):
        return self.words(j), _words(self.solutions[j])

    def _near(self, view, words, bare, found):
        if not self.near:
            return
        hashes, begin = view.runs(SHINGLE, masked=True), view.block.begin
        sizes = np.maximum(np.diff(begin) - SHINGLE + 1, 0)
        maybe = self.shingles.table.maybe(hashes)
        hits = np.bincount(
            view.block.text(maybe[view.inside(maybe, SHINGLE)]), minlength=len(sizes)
        )
        for i in np.flatnonzero(
            (hits >= self.near * sizes) & (sizes >= FEWEST - SHINGLE + 1)
        ).tolist():
            if i not in found:
                own = hashes[begin[i] : begin[i] + sizes[i]]
                j, similar = self._most_similar(own, _shingles(words(i)))
                if similar >= self.near:
                    yield i, Hit("near", "near-duplicate", 0, j)

    def _most_similar(self, hashes, count):
        """Return the problem whose shingles agree best.

        Some must be among the rarest 1 - near of the query's own.
        """
        first, last = self.shingles.range(hashes)
        rarest = np.argsort(last - first, kind="stable")[: int((1 - self.near) * len(hashes)) + 1]
        candidates = np.unique(
            np.concatenate([self.shingles.questions[first[k] : last[k]] for k in rarest])
        )
        best, total = (0, 0.0), count.total()
        for j in candidates.tolist():
            other = self.counts(j).total()
            if min(total, other) >= self.near * max(total, other):
                shared = (count & self.counts(j)).total()
                similar = shared / (total + other - shared)
                best = (j, similar) if similar > best[1] else best
        return best


def _reached(at, steps):
    """Return, in order and once each, the places (from 0 on) that are one of these steps from one
    of `at`.
    """
    reached = np.zeros(at.max(initial=0) + len(steps), bool)
    for step in steps:
        place = at + step
        reached[place[place >= 0]] = True
    return np.flatnonzero(reached)


def _views(texts):
    return [_View(block, None) for block in wording.scan(wording.column(texts))]


def _begins(view, n, chosen=None, first=False):
    """Return the words at which n words of one of a benchmark's texts begin.

    Of chosen questions, or only the first words of a text.
    """
    starts = view.block.starts(n)
    kept = np.ones(len(starts), bool) if chosen is None else chosen[view.questions(starts)]
    if first:
        kept &= starts == view.block.begin[view.block.text(starts)]
    return starts[kept]


def _runs(view, n, chosen=None, masked=False):
    """Return the hashes of runs of n words in a benchmark's texts, and the question of each."""
    starts = _begins(view, n, chosen)
    return view.runs(n, masked)[starts], view.questions(starts)


def _wholes(view, chosen):
    """Return a hash of all words of a benchmark's chosen texts, and the question of each."""
    texts = np.flatnonzero(chosen[view.block.place])
    starts, length = view.block.begin[texts], np.diff(view.block.begin)[texts]
    return wording.grams(view.sums(), starts, length), view.block.place[texts]


_words = lru_cache(maxsize=4096)(wording.words)


def _shingles(words: list[str]) -> Counter:
    words = wording.masked(words)
    return Counter(zip(*(words[i:] for i in range(SHINGLE)), strict=False))


def _stands_in(run: list[str], texts: Iterable[list[str]]) -> bool:
    n = len(run)
    return any(
        run == text[k : k + n]
        for text in texts
        for k in range(len(text) - n + 1)
        if text[k] == run[0]
    )
