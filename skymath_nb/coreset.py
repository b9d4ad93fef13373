"""Choosing a small subset that covers the whole: k-center greedy, and two ways to compare it with."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import runs


class Selection(NamedTuple):
    """Chosen rows in order of choice (k,) int64 and the covering radius after each (k,) float32."""

    order: np.ndarray
    radius: np.ndarray


def k_center(X: np.ndarray, k: int, start: int | None = None, selected: Sequence[int] | None = None) -> Selection:
    """Choose k rows, each time the one farthest (L2) from all that are chosen or given as `selected`.

    start     the first choice; without it and without `selected`, the row nearest to the mean. It counts among k.
    selected  rows that count as centres already; they are not chosen again.
    Ties go to the lowest index; of equal rows each can be chosen, at radius 0, once all others are covered.
    Shapes:  X (N, D) -> order (k,) int64, radius (k,) float32: radius[i] is the largest distance of any row to
             its nearest centre after choice i.
    Cost:    O(N k D) time in float64, exact; within a factor 2 of the best radius.
    Raises:  ValueError for NaN, a k outside 1..N less those selected, or an index outside the rows.
    Source:  Gonzalez 1985; for learning, Sener and Savarese 2018 (arXiv 1708.00489), section 4.
    """
    X, taken = _checked(X, k, selected)
    if start is not None and (not 0 <= start < len(X) or taken[start]):
        raise ValueError(f"start={start} is not one of the {len(X)} rows, or is selected already. Choose another.")
    nearest = _nearest(X, np.flatnonzero(taken))
    if start is None and not taken.any():
        start = int(np.argmin(_squared(X, X.mean(axis=0))))
    order, radius = np.empty(k, np.int64), np.empty(k, np.float32)
    for i in range(k):
        pick = start if i == 0 and start is not None else int(np.argmax(np.where(taken, -1.0, nearest)))
        np.minimum(nearest, _squared(X, X[pick]), out=nearest)
        order[i], taken[pick] = pick, True
        radius[i] = np.sqrt(nearest.max())
    return Selection(order, radius)


def random_selection(n: int, k: int, seed: int = 0) -> np.ndarray:
    """Return k of n rows at random; a larger k begins with the same rows."""
    if not 1 <= k <= n:
        raise ValueError(f"{k} rows were asked for, but there are {n} to choose from. Give a k from 1 to {n}.")
    return runs.rng(seed, "coreset", "random").permutation(n)[:k].astype(np.int64)


def stratified(levels: Sequence[int], k: int, seed: int = 0) -> np.ndarray:
    """Return k rows at random, one of each level in turn for as long as a level has rows left."""
    levels = np.asarray(levels)
    shuffled = random_selection(len(levels), len(levels), seed) if len(levels) else np.empty(0, np.int64)
    turn = np.empty(len(levels), np.int64)
    for level in np.unique(levels):
        members = shuffled[levels[shuffled] == level]
        turn[members] = np.arange(len(members))
    if not 1 <= k <= len(levels):
        raise ValueError(f"{k} rows were asked for, but there are {len(levels)} to choose from. Lower k.")
    return np.lexsort((levels, turn))[:k].astype(np.int64)


def select(
    method: str,
    X: np.ndarray,
    k: int,
    *,
    selected: Sequence[int] | None = None,
    levels: Sequence[int] | None = None,
    seed: int = 0,
) -> Selection:
    """Choose k rows that are not yet selected by one of METHODS, with the covering radius after each.

    Raises:  ValueError for an unknown method, for "stratified" without levels, and as `k_center` does.
    """
    if method not in METHODS or (method == "stratified" and levels is None):
        raise ValueError(f"Unknown method {method!r}, or no levels for it. There are {', '.join(METHODS)}.")
    if method == "k_center":
        return k_center(X, k, selected=selected)
    X, taken = _checked(X, k, selected)
    free = np.flatnonzero(~taken)
    choice = random_selection(len(free), k, seed) if method == "random" else stratified(np.asarray(levels)[free], k, seed)
    order, nearest, radius = free[choice], _nearest(X, np.flatnonzero(taken)), np.empty(k, np.float32)
    for i, pick in enumerate(order):
        np.minimum(nearest, _squared(X, X[pick]), out=nearest)
        radius[i] = np.sqrt(nearest.max())
    return Selection(order, radius)


def _checked(X, k, selected) -> tuple[np.ndarray, np.ndarray]:
    X = np.asarray(X, np.float64)
    if X.ndim != 2 or not np.isfinite(X).all():
        bad = int((~np.isfinite(X)).any(axis=-1).sum()) if X.ndim == 2 else "all"
        raise ValueError(
            f"Rows of finite numbers (N, D) were expected, but X has the shape {X.shape} and {bad} rows with NaN "
            "or infinity. Leave those rows out."
        )
    chosen = np.asarray([] if selected is None else list(selected), np.int64)
    if len(chosen) and (chosen.min() < 0 or chosen.max() >= len(X)):
        raise ValueError(f"selected holds {chosen.min()} to {chosen.max()}, but X has the rows 0 to {len(X) - 1}.")
    taken = np.zeros(len(X), bool)
    taken[chosen] = True
    if not 1 <= k <= (~taken).sum():
        raise ValueError(
            f"k={k} rows were asked for, but of the {len(X)} rows {taken.sum()} are selected already, so that "
            f"{(~taken).sum()} are left. Give a k from 1 to {(~taken).sum()}."
        )
    return X, taken


def _nearest(X, centres) -> np.ndarray:
    nearest = np.full(len(X), np.inf)
    for centre in centres:
        np.minimum(nearest, _squared(X, X[centre]), out=nearest)
    return nearest


def _squared(X, centre) -> np.ndarray:
    # the difference, not |x|^2 - 2xc + |c|^2: that one cancels and breaks ties between equal distances
    difference = X - centre
    return np.einsum("nd,nd->n", difference, difference)


METHODS = ("k_center", "random", "stratified")
