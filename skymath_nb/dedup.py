"""Deduplication: equal texts, and near duplicates by MinHash with every pair confirmed by its exact Jaccard similarity.

A shingle is SHINGLE words in a row (in Chinese a word is one character; `words` says what a word is), so that an edited number
counts as an edit: problems that differ in numbers alone are other problems, unless they are long.
Source: Broder 1997 for shingles and MinHash; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4, for
bands. The signatures are rensa's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import runs
from . import words as wording

SHINGLE = 3
BANDS, ROWS = 20, 6  # a pair of similarity 0.8 meets in some band with probability 1 - (1 - 0.8^6)^20 = 0.998
BATCH = 50_000  # texts whose signatures are in memory at a time
NEIGHBOURS = 4  # earlier members of its group in a band that a text is compared with, beside the first
PAIRS = 20_000  # pairs that are confirmed at a time


class Duplicates(NamedTuple):
    """`of` (N,) int64: the earlier row that stands for this one, or the row itself; `similarity` (N,) to it; `report`: numbers."""

    of: np.ndarray
    similarity: np.ndarray
    report: dict[str, float]

    @property
    def kept(self) -> np.ndarray:
        """Which rows stay (N,) bool."""
        return self.of == np.arange(len(self.of))


def exact(texts: Sequence[str]) -> Duplicates:
    """Find texts that equal an earlier one but for case, white space and LaTeX spelling (`words.bare`)."""
    texts = wording.column(texts)
    joined = np.zeros(len(texts), np.uint64)
    for block in wording.scan(texts):
        joined[block.place] = block.joined
    of = np.arange(len(texts))
    first: dict[str, int] = {}
    again = pd.Series(joined).duplicated(keep=False).to_numpy()  # only these can be equal; without words, all are looked at
    for i in np.flatnonzero(again).tolist():
        of[i] = first.setdefault(wording.bare(texts[i].as_py()), i)
    return Duplicates(of, np.ones(len(of)), {"rows": len(of), "exact": int((of != np.arange(len(of))).sum())})


def near(texts: Sequence[str], threshold: float = 0.8, *, seed: int = 0, measure: int = 1000) -> Duplicates:
    """Find texts whose shingles agree with those of an earlier, kept text to a Jaccard similarity of at least `threshold`.

    measure  texts on which the recall is measured: this many of these, and an edited copy of each, are searched in the same
             way and by comparing all pairs exactly. 0 leaves it out.
    Report:  rows, near (dropped), candidates (pairs that met in a band), confirmed, and recall with its number of pairs.
    Equal texts are near duplicates too; texts without words never are.
    Raises:  ValueError for a threshold outside 0.5..1: below, the bands find too few.
    """
    if not 0.5 <= threshold <= 1:
        raise ValueError(f"threshold={threshold} was asked for; the bands are made for 0.5 to 1. Choose one there (0.8 is usual).")
    texts = wording.column(texts)
    pairs, similarity, candidates = _pairs(texts, threshold, seed)
    of, best = _keep_first(len(texts), pairs, similarity)
    report = {"rows": len(of), "near": int((of != np.arange(len(of))).sum()), "candidates": candidates, "confirmed": len(pairs)}
    return Duplicates(of, best, report | (recall(texts, threshold, seed=seed, size=measure) if measure and len(texts) else {}))


def recall(texts: Sequence[str], threshold: float = 0.8, *, seed: int = 0, size: int = 1000) -> dict[str, float]:
    """Measure which share of the pairs that are near duplicates by comparing all pairs meets in a band.

    The texts are a sample and, of each, a copy with one to four words changed, so that pairs of every similarity are there.
    """
    texts = wording.column(texts)
    rng = runs.rng(seed, "dedup", "recall")
    sample = texts.take(np.sort(rng.permutation(len(texts))[:size])).to_pylist()
    both = wording.column([*sample, *(_edited(text, rng) for text in sample)])
    place, shingles = _shingles(both)
    near = _all_pairs(place, shingles, len(both), threshold)
    found = set(map(tuple, _pairs(both, threshold, seed)[0].tolist()))
    share = {"recall": len(near & found) / len(near)} if near else {}
    return share | {"recall_pairs": len(near), "recall_missed": len(near - found), "false": len(found - near)}


def _edited(text, rng):
    parts = text.split(" ") if " " in text.strip() else list(text)
    for _ in range(rng.integers(1, 5) if parts else 0):
        parts[rng.integers(len(parts))] = f"w{rng.integers(10**6)}"
    return (" " if " " in text.strip() else "").join(parts)


def _all_pairs(place, shingles, n, threshold):
    """Compare all pairs exactly: the table of texts by shingles times itself."""
    from scipy.sparse import csr_array

    columns = np.unique(shingles, return_inverse=True)[1]
    table = csr_array((np.ones(len(place), np.int32), (place, columns)), shape=(n, columns.max(initial=0) + 1))
    shared = (table @ table.T).tocoo()
    size = np.bincount(place, minlength=n)
    similar = shared.data / (size[shared.row] + size[shared.col] - shared.data)
    chosen = (shared.row < shared.col) & (similar >= threshold)
    return set(zip(shared.row[chosen].tolist(), shared.col[chosen].tolist(), strict=True))


def _shingles(texts) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct shingles of texts as (text, hash), sorted; a text of fewer words than a shingle is one."""
    places, hashes = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for block in wording.scan(texts):
        sums, text = wording.windows(block.value), block.text()
        for n in range(1, SHINGLE + 1):
            starts = block.starts(n)
            if n < SHINGLE:  # a text of exactly n words
                starts = starts[np.diff(block.begin)[text[starts]] == n]
            places.append(block.place[text[starts]])
            hashes.append(wording.grams(sums, starts, n))
    place, value = np.concatenate(places), np.concatenate(hashes)
    order = np.lexsort((value, place))
    place, value = place[order], value[order]
    fresh = np.ones(len(place), bool)
    fresh[1:] = (place[1:] != place[:-1]) | (value[1:] != value[:-1])
    return place[fresh], value[fresh]


def _bands(texts, seed) -> np.ndarray:
    """Return a key per text and band (N, BANDS); 0 where a text has no words."""
    from rensa import RMinHash

    keys = np.zeros((len(texts), BANDS), np.uint64)
    for begin in range(0, len(texts), BATCH):
        place, shingles = _shingles(texts[begin : begin + BATCH])
        rows, size = np.unique(place, return_counts=True)
        offsets = np.concatenate([[0], np.cumsum(size)]).astype(np.uint64)
        signatures = RMinHash.digest_matrix_from_flat_token_hashes(shingles, offsets, BANDS * ROWS, seed)
        minima = np.array(signatures.to_rows(), np.uint64).reshape(len(rows), BANDS, ROWS)
        odd = wording.powers(wording.MULTIPLIER, ROWS)
        keys[begin + rows] = wording.mixed((wording.mixed(minima) * odd).sum(axis=2, dtype=np.uint64))
    return keys


def _pairs(texts, threshold, seed):
    """Return the near-duplicate pairs (P, 2), earlier row first, their similarity, and how many pairs were compared."""
    keys, found = _bands(texts, seed), []
    for band in range(BANDS):
        key = keys[:, band]
        order = np.argsort(key, kind="stable")
        order = order[np.searchsorted(key[order], 1) :]
        sorted_key = key[order]
        head = np.searchsorted(sorted_key, sorted_key, "left")
        at = np.arange(len(order))
        for step in range(1, NEIGHBOURS + 1):
            later = at[at - step >= head]
            found.append(order[later - step] * len(texts) + order[later])
        later = at[at - NEIGHBOURS > head]
        found.append(order[head[later]] * len(texts) + order[later])
        found = [np.unique(np.concatenate(found))]
    (codes,) = found
    pairs = np.stack([codes // len(texts), codes % len(texts)], axis=1)
    similarity = np.concatenate([[], *(_similarity(texts, pairs[i : i + PAIRS]) for i in range(0, len(pairs), PAIRS))])
    near = similarity >= threshold
    return pairs[near], similarity[near], len(pairs)


def _similarity(texts, pairs) -> np.ndarray:
    """Return the exact Jaccard similarity of pairs of texts (by 64-bit hashes of their shingles)."""
    rows, local = np.unique(pairs, return_inverse=True)
    place, shingles = _shingles(texts.take(rows))
    begin = np.searchsorted(place, np.arange(len(rows) + 1))
    size = np.diff(begin)
    a, b = local.reshape(-1, 2).T
    sides = []
    for side in (a, b):
        pair = np.repeat(np.arange(len(pairs)), size[side])
        inside = np.arange(len(pair)) - np.repeat(np.cumsum(size[side]) - size[side], size[side])
        sides.append((pair, shingles[begin[side][pair] + inside]))
    pair, value = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    order = np.lexsort((value, pair))
    pair, value = pair[order], value[order]
    shared = np.bincount(pair[1:][(pair[1:] == pair[:-1]) & (value[1:] == value[:-1])], minlength=len(pairs))
    return shared / (size[a] + size[b] - shared)


def _keep_first(n, pairs, similarity):
    """Keep a row unless it is near an earlier row that is kept; of several, the most similar stands for it."""
    of, best = np.arange(n), np.ones(n)
    order = np.lexsort((-similarity, pairs[:, 1]))
    for (earlier, later), value in zip(pairs[order].tolist(), similarity[order].tolist(), strict=True):
        if of[later] == later and of[earlier] == earlier:
            of[later], best[later] = earlier, value
    return of, best
