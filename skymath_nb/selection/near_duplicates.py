"""Deduplication.

Equal texts, and near duplicates by MinHash with every pair confirmed by its exact Jaccard
similarity.

A shingle is SHINGLE words in a row (in Chinese a word is one character; `words` says what a word
is), so that an edited number counts as an edit: problems that differ in numbers alone are other
problems, unless they are long. Words leave out operators and drawings, so texts whose shingles are
all the same repeat each other only if these are the same, too: 8 / (4 / 2) is not 8 / 4 / 2.
Source: Broder 1997 for shingles and MinHash; Leskovec, Rajaraman and Ullman, Mining of Massive
Datasets, section 3.4, for bands. A text is compared with kept ones alone, so that the cost does not
grow with the copies of a text.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..core import randomness
from . import ngrams as wording

SHINGLE = 3
# a pair of similarity 0.8 meets in some band with probability 1 - (1 - 0.8^6)^20 = 0.998
BANDS, ROWS = 20, 6
BATCH = 16_384  # texts that are signed, and compared with the kept ones before them, at a time
MEMBERS = 48  # kept texts of its bucket in a band, the first ones, that a text is compared with
PAIRS = 2**13  # pairs that are confirmed at a time
PROSE = re.compile(r"[,.;:?\"。、]")  # punctuation by which no two formulas differ


class Duplicates(NamedTuple):
    """`of` (N,) int64.

    The earlier row that stands for this one, or the row itself; `similarity` (N,) to it; `report`:
    numbers.
    """

    of: np.ndarray
    similarity: np.ndarray
    report: dict[str, float]

    @property
    def kept(self) -> np.ndarray:
        """Which rows stay (N,) bool."""
        return self.of == np.arange(len(self.of))


def exact(texts: Sequence[str]) -> Duplicates:
    """Find texts that equal an earlier one but for case, white space and LaTeX spelling
    (`words.bare`).
    """
    texts = wording.column(texts)
    joined = np.zeros(len(texts), np.uint64)
    for block in wording.scan(texts):
        joined[block.place] = block.joined()
    of = np.arange(len(texts))
    first: dict[str, int] = {}
    # only these can be equal; without words, all are looked at
    again = pd.Series(joined).duplicated(keep=False).to_numpy()
    for i in np.flatnonzero(again).tolist():
        of[i] = first.setdefault(wording.bare(texts[i].as_py()), i)
    return Duplicates(
        of, np.ones(len(of)), {"rows": len(of), "exact": int((of != np.arange(len(of))).sum())}
    )


def near(
    texts: Sequence[str], threshold: float = 0.8, *, seed: int = 0, measure: int = 1000
) -> Duplicates:
    """Find texts whose shingles agree with those of an earlier, kept text to a Jaccard similarity
    of at least `threshold`.

    Report:  rows, near (dropped), candidates (pairs that met in a band), confirmed, and recall with
             its number of pairs.
    Memory:  about 400 bytes a text and 5 a shingle, beside the texts; the time grows with the texts
             and, up to MEMBERS, with the kept texts that are alike without being near.
    Equal texts are near duplicates too; texts without words never are.

    Args:
        measure: Texts on which the recall is measured: this many of these, and an edited copy of
            each, are searched in the same way and by comparing all pairs exactly. 0 leaves it out.

    Raises:
        ValueError: For a threshold outside 0.5..1: below, the bands find too few.
    """
    if not 0.5 <= threshold <= 1:
        raise ValueError(
            f"threshold={threshold} was asked for; the bands are made for 0.5 to 1. Choose one "
            "there (0.8 is usual)."
        )
    texts = wording.column(texts)
    found = _search(texts, threshold, seed)
    return found._replace(
        report=found.report
        | (recall(texts, threshold, seed=seed, size=measure) if measure and len(texts) else {})
    )


def recall(
    texts: Sequence[str], threshold: float = 0.8, *, seed: int = 0, size: int = 1000
) -> dict[str, float]:
    """Measure, by comparing all pairs, of how many near pairs of a kept and a later text the later
    one is dropped.

    The texts are a sample and, of each, a copy with one to four words changed, so that pairs of
    every similarity are there. `false` counts the texts that were dropped for one they are not near
    to.
    """
    texts = wording.column(texts)
    rng = randomness.rng(seed, "dedup", "recall")
    sample = texts.take(np.sort(rng.permutation(len(texts))[:size])).to_pylist()
    both = wording.column([*sample, *(_edited(text, rng) for text in sample)])
    pairs, found = _all_pairs(both, threshold), _search(both, threshold, seed)
    of, kept = found.of.tolist(), found.kept.tolist()
    settled = [kept[later] for earlier, later in pairs if kept[earlier]]
    missed = sum(settled)
    share = {"recall": 1 - missed / len(settled)} if settled else {}
    false = sum((of[later], later) not in pairs for later in np.flatnonzero(~found.kept).tolist())
    return share | {"recall_pairs": len(settled), "recall_missed": missed, "false": false}


def _edited(text, rng):
    parts = text.split(" ") if " " in text.strip() else list(text)
    for _ in range(rng.integers(1, 5) if parts else 0):
        parts[rng.integers(len(parts))] = f"w{rng.integers(10**6)}"
    return (" " if " " in text.strip() else "").join(parts)


def _all_pairs(texts, threshold):
    """Compare all pairs exactly: the table of texts by shingles times itself."""
    from scipy.sparse import csr_array

    table = _shingles(texts)
    columns, size = np.unique(table.indices, return_inverse=True)[1], np.diff(table.indptr)
    table = csr_array(
        (np.ones(len(columns), np.int32), columns, table.indptr),
        shape=(len(texts), columns.max(initial=0) + 1),
    )
    shared = (table @ table.T).tocoo()
    similar = shared.data / (size[shared.row] + size[shared.col] - shared.data)
    chosen = (shared.row < shared.col) & (similar >= threshold)
    pairs, similar = np.stack([shared.row[chosen], shared.col[chosen]], axis=1), similar[chosen]
    repeats = np.ones(len(pairs), bool)
    repeats[similar == 1] = _repeats(texts, pairs[similar == 1])
    return set(map(tuple, pairs[repeats].tolist()))


def _shingles(texts):
    """Return a sparse table (N, 2^63) with the texts' distinct shingles.

    A text of fewer words than a shingle is one.
    """
    from scipy.sparse import coo_array

    places, hashes = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for block in wording.scan(texts):
        length = np.diff(block.begin)
        for n in range(1, SHINGLE + 1):
            count = (
                np.maximum(length - SHINGLE + 1, 0) if n == SHINGLE else (length == n).astype(int)
            )
            places.append(np.repeat(block.place, count))
            hashes.append(block.grams(_ranges(block.begin[:-1], count), n))
    place = np.concatenate(places)
    column = (np.concatenate(hashes) >> np.uint64(1)).astype(np.int64)
    return coo_array(
        (np.ones(len(place), np.int8), (place, column)), shape=(len(texts), 2**63 - 1)
    ).tocsr()


def _signatures(texts, seed):
    """Return a key per band and text (BANDS, N), 0 where a text has no words, and the `_shingles`
    of all, cut to 30 bits.
    """
    from scipy.sparse import csr_array

    rng = randomness.rng(seed, "dedup", "minhash")
    factors = rng.integers(2**31, size=BANDS * ROWS, dtype=np.uint32) * 2 + 1
    keys = np.zeros((BANDS, len(texts)), np.uint64)
    sizes = [np.zeros(1, np.int64)]
    short = np.empty(0, np.int32)
    for first in range(0, len(texts), BATCH):
        table = _shingles(texts[first : first + BATCH])
        filled = np.flatnonzero(np.diff(table.indptr))  # texts with words
        minima = _minima((table.indices >> 31).astype(np.uint32), table.indptr[filled], factors)
        minima = wording.mixed(minima.astype(np.uint64)).reshape(BANDS, ROWS, len(filled))
        sums = (minima * wording.powers(wording.MULTIPLIER, ROWS)[:, None]).sum(
            axis=1, dtype=np.uint64
        )
        keys[:, first + filled] = wording.mixed(sums)
        row, cut = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr)), table.indices >> 33
        # Two shingles of a text may be one in 30 bits: left twice, scipy would compare with bytes
        # for each of 2^30 columns.
        once = np.append(True, (cut[1:] != cut[:-1]) | (row[1:] != row[:-1]))[: len(cut)]
        sizes.append(np.bincount(row[once], minlength=table.shape[0]))
        # in place, where a concatenation would need the memory twice
        short.resize(len(short) + int(once.sum()), refcheck=False)
        short[len(short) - int(once.sum()) :] = cut[once]
    begin = np.cumsum(np.concatenate(sizes))
    return keys, csr_array((np.ones(len(short), np.int8), short, begin), shape=(len(texts), 2**30))


def _minima(shingles: np.ndarray, begin: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return MinHash signatures (factors, texts).

    A text's least shingle under each of the hashes x -> factor * x modulo 2^32.

    Args:
        shingles: (S,) uint32, well mixed, those of one text after the other.
        begin: (texts,) where each text's begin, none empty.
    """
    minima, hashed = np.empty((len(factors), len(begin)), np.uint32), np.empty_like(shingles)
    for factor, line in zip(factors, minima, strict=True):
        np.minimum.reduceat(np.multiply(shingles, factor, out=hashed), begin, out=line)
    return minima


class _Bucket:
    """The buckets of one band.

    Each has a place for all its texts, and `used` of them are taken, by kept texts, in order.
    """

    def __init__(self, keys: np.ndarray):
        order = np.argsort(keys, kind="stable").astype(np.int32)
        line = keys[order]
        head = np.flatnonzero(np.append(True, line[1:] != line[:-1])[: len(line)])
        size = np.diff(np.append(head, len(line)))
        alone = (size == 1) | (line[head] == 0)
        # where a text's bucket begins, or -1 for one that no other text is in
        self.home = np.empty(len(keys), np.int32)
        self.home[order] = np.repeat(np.where(alone, -1, head), size)
        self.slots, self.used = np.zeros(len(keys), np.int32), np.zeros(len(keys), np.int32)

    def add(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put these later texts, in order, behind those of their buckets.

        Return each one's (place, members before it).
        """
        home = self.home[rows]
        rows, home = rows[home >= 0], home[home >= 0]
        order = np.argsort(home, kind="stable")
        rows, home = rows[order], home[order]
        before = self.used[home] + np.arange(len(home)) - np.searchsorted(home, home)
        self.slots[home + before] = rows
        return home, before

    def meet(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pairs (earlier, later) of these texts with the first MEMBERS before them in
        their buckets.
        """
        home, before = self.add(rows)
        count = np.minimum(before, MEMBERS)
        later = np.repeat(self.slots[home + before], count)
        return self.slots[_ranges(home, count)], later

    def keep(self, rows: np.ndarray):
        """Put these texts into their buckets for good."""
        home, before = self.add(rows)
        last = np.append(home[1:] != home[:-1], True)[: len(home)]
        self.used[home[last]] = before[last] + 1


def _ranges(begin, count):
    """Return begin, begin + 1, ... of each range, `count` of them, one range after the other."""
    return np.arange(count.sum()) + np.repeat(begin - np.cumsum(count) + count, count)


def _search(texts, threshold, seed) -> Duplicates:
    """Go through the texts in order.

    Each is compared with the kept ones before it, and those of its batch, that it meets in a band.
    """
    keys, short = _signatures(texts, seed)
    buckets = [_Bucket(line) for line in keys]
    of, best = np.arange(len(texts)), np.ones(len(texts))
    candidates = confirmed = 0
    for first in range(0, len(texts), BATCH):
        rows = np.arange(first, min(first + BATCH, len(texts)))
        codes = [
            earlier + (later.astype(np.int64) << 32)
            for earlier, later in (bucket.meet(rows) for bucket in buckets)
        ]
        codes = np.sort(np.concatenate(codes))  # np.unique hashes, which takes longer for so many
        codes = codes[np.append(True, codes[1:] != codes[:-1])[: len(codes)]]
        pairs = np.stack([codes & (2**32 - 1), codes >> 32], axis=1)
        candidates += len(pairs)
        pairs = pairs[_similarity(short, pairs) >= threshold]
        rows_met, local = np.unique(pairs, return_inverse=True)
        # of all 63 bits
        similarity = _similarity(_shingles(texts.take(rows_met)), local.reshape(-1, 2))
        near = similarity >= threshold
        same = np.flatnonzero(near & (similarity == 1))
        near[same] = _repeats(texts, pairs[same])
        confirmed += int(near.sum())
        _keep_first(of, best, pairs[near], similarity[near])
        for bucket in buckets:
            bucket.keep(rows[of[rows] == rows])
    report = {
        "rows": len(of),
        "near": int((of != np.arange(len(of))).sum()),
        "candidates": candidates,
        "confirmed": confirmed,
    }
    return Duplicates(of, best, report)


def _similarity(table, pairs) -> np.ndarray:
    """Return the exact Jaccard similarity of pairs (P, 2) of rows of a table of shingles."""
    size, a, b = np.diff(table.indptr), pairs[:, 0], pairs[:, 1]
    parts = [slice(i, i + PAIRS) for i in range(0, len(pairs), PAIRS)]
    shared = np.concatenate(
        [[], *(np.diff(table[a[part]].multiply(table[b[part]]).indptr) for part in parts)]
    )
    return shared / (size[a] + size[b] - shared)


def _repeats(texts, pairs) -> list[bool]:
    """Return which pairs of texts with the same shingles have the same operators and drawings,
    too.
    """
    bare = lru_cache(4096)(lambda i: PROSE.sub("", wording.bare(texts[i].as_py())))
    return [bare(a) == bare(b) for a, b in pairs.tolist()]


def _keep_first(of, best, pairs, similarity):
    """Drop each row that is near an earlier row that is kept.

    Of several, the most similar stands for it.
    """
    order = np.lexsort((-similarity, pairs[:, 1]))
    for (earlier, later), value in zip(
        pairs[order].tolist(), similarity[order].tolist(), strict=True
    ):
        if of[later] == later and of[earlier] == earlier:
            of[later], best[later] = earlier, value
