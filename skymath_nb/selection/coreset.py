"""Choosing a small subset that covers the whole.

K-center greedy, exact, and two ways to compare it with.
"""

import difflib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..core import randomness

# rows brought up to date at a time: enough for matrix products, few enough for a table of all their
# pairs
POOL = 4096
BLOCK = 512  # centres per matrix product, so that its result stays in a processor's cache
# of blocks' best by sketch that are measured, before a row is compared with all centres
GUESSES = 3
SKETCH = 96  # leading directions that look for a centre nearby before all D are read
LARGEST = 1e15  # of a number: the squared distance of such rows is still far from float32's end
ROWS = 8192  # rows converted at a time, so that no second copy of a large X is made


class Selection(NamedTuple):
    """Chosen rows in order of choice (k,) int64 and the covering radius after each (k,) float32."""

    order: np.ndarray
    radius: np.ndarray


def k_center(
    X, k: int, start: int | None = None, selected: Sequence[int] | None = None
) -> Selection:
    """Choose k rows, each time the one farthest (L2) from all that are chosen or given as
    `selected`.

    Ties go to the lowest index; of equal rows each can be chosen, at radius 0, once all others are
    covered.
    Shapes:  order (k,) int64, radius (k,) float32: radius[i] is the largest distance of any row to
             its nearest centre after choice i.
    Exact:   float32 only screens, with a bound of its error; choices are decided in float64, so
             that the order is that of a float64 loop over all rows and centres. Within a factor 2
             of the best radius.
    Cost:    at most N k distances, most of them in SKETCH of the D directions. Memory: X once more
             in float32.
    Source:  Gonzalez 1985; for learning, Sener and Savarese 2018 (arXiv 1708.00489), section 4;
             stale upper bounds as in Minoux's lazy greedy (1978).

    Args:
        X: (N, D) floats: an array, or a torch tensor on any device, where the work is then done.
        start: The first choice; without it and without `selected`, the row nearest to the mean. It
            counts among k.
        selected: Rows that count as centres already; they are not chosen again. An earlier choice
            is gone on with by giving it here.

    Raises:
        ValueError: For NaN, numbers above LARGEST, a k outside 1..N less those selected, or an
            index outside the rows.
    """
    import torch

    X, taken = _checked(X, k, selected)
    if start is not None and (not 0 <= start < len(X) or taken[start]):
        raise ValueError(
            f"start={start} is not one of the {len(X)} rows, or is selected already. Choose "
            "another."
        )
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # the bound of the error is that of true float32
    try:
        with torch.inference_mode():
            if start is None and not taken.any():
                start = _nearest_to_mean(X)
            opening = [] if start is None else [start]
            first = _first_equal(X)
            centres = first[
                torch.as_tensor([*np.flatnonzero(taken), *opening], device=first.device)
            ].unique()
            rows, squared = _Search(X, first, centres).choose(k + 1 - len(opening))
    finally:
        torch.set_float32_matmul_precision(precision)
    order = [*opening, *rows][:k]
    taken[order] = True
    order += np.flatnonzero(~taken)[: k - len(order)].tolist()
    # the next choice is as far away as the radius is before it; equal rows are at 0
    radius = np.zeros(k, np.float32)
    after = np.sqrt(squared[1 - len(opening) :])[:k]
    radius[: len(after)] = after
    return Selection(np.array(order, np.int64), radius)


class _Search:
    """Lazy greedy.

    Bounds may be stale, and only the POOL rows with the highest are brought up to date.

    Squared distances: `upper` (N,) is at least that to the nearest centre; `nearest` (N,) is exact
    in float64 over the first `seen` (N,) centres. A bound only falls, so rows below the pool's
    threshold can't hold the farthest one.
    """

    def __init__(self, X, first, centres):
        import torch

        # near the mean is near enough: all that counts is that numbers are small
        self.X, self.mean = X, X.mean(0)
        self.Y = torch.cat([(part - self.mean).float() for part in X.split(ROWS)])
        self.Z = _sketch(self.Y)
        self.length = torch.linalg.vector_norm(self.Y, dim=1).square()
        scale = 4 * (X.shape[1] + 8) * float(self.length.max())
        # of products in float32 and float64
        self.error, self.slack = scale * 2.0**-24, scale * 2.0**-53
        rows = torch.arange(len(X), device=X.device)
        self.upper = torch.where(first == rows, torch.inf, -torch.inf).double()
        self.nearest = torch.full_like(self.upper, torch.inf)
        self.seen = torch.zeros_like(rows)
        self.centres, self.blocks = rows[:0], []
        self._add(centres)

    def choose(self, count: int) -> tuple[list[int], list[float]]:
        """Return up to `count` rows in order of choice and how far (squared) each was from the
        centres before it.
        """
        rows, values = [], []
        while len(rows) < count:
            threshold = max(
                float(self.upper.topk(min(POOL, len(self.upper)), sorted=False).values.min()), 0.0
            )
            stale = (self.upper >= threshold).nonzero()[:, 0]
            if not len(stale):
                break
            for part in stale.split(POOL):
                part = self._uncovered(part, threshold)
                if len(part):
                    self._measure(part)
            pool = stale[self.upper[stale] >= threshold]
            if len(pool):
                places, found = self._greedy(pool, threshold, count - len(rows))
                rows += pool[places].tolist()
                values += found
                self._add(pool[places])
        return rows, values

    def _add(self, rows):
        import torch

        self.upper[rows] = -torch.inf  # a centre is never chosen again
        full = len(self.centres) // BLOCK  # blocks that stay as they are
        self.centres = torch.cat([self.centres, rows])
        fresh = self.centres[full * BLOCK :].split(BLOCK)
        self.blocks[full:] = [(self.Y[part], self.Z[part], self.length[part]) for part in fresh]

    def _unseen(self, rows):
        """Yield blocks of centres, where they begin, and how many of the rows, sorted by `seen`,
        have not seen all of them.
        """
        seen = self.seen[rows].tolist()
        for i in range(seen[0] // BLOCK, len(self.blocks)):
            last = min((i + 1) * BLOCK, len(self.centres))
            yield (*self.blocks[i], i * BLOCK, int(np.searchsorted(seen, last)))

    def _uncovered(self, rows, threshold):
        """Lower the bounds of rows that have some centre nearer than the threshold.

        Return the others, by `seen`.
        """
        import torch

        rows = rows[self.seen[rows].argsort(stable=True)]
        Z, guesses, values = self.Z[rows], [], []
        for _, sketches, lengths, begin, n in self._unseen(rows):
            products = torch.addmm(lengths, Z[:n], sketches.T, alpha=-2)
            guess = _argmin(products)[:, None]
            pad = (0, 0, 0, len(rows) - n)
            guesses.append(torch.nn.functional.pad(guess + begin, pad))
            values.append(torch.nn.functional.pad(products.gather(1, guess), pad, value=torch.inf))
        if not values:
            return rows
        best = torch.cat(values, 1).topk(min(GUESSES, len(values)), largest=False).indices
        guesses = torch.cat(guesses, 1).gather(1, best)
        left = torch.arange(len(rows), device=rows.device)
        for guess in guesses.unbind(1):
            centres = self.Y[self.centres[guess[left]]]
            bound = (self.Y[rows[left]] - centres).square_().sum(1).double() + self.error
            self.upper[rows[left]] = torch.minimum(self.upper[rows[left]], bound)
            left = left[bound >= threshold]
        return rows[left]

    def _measure(self, rows):
        """Bring rows (sorted by `seen`) up to date.

        The centres that float32 can't tell from the nearest are measured in float64.
        """
        import torch

        Y, best = self.Y[rows], torch.full_like(self.length[rows], torch.inf)
        pairs, values = [torch.empty((0, 2), dtype=torch.int64, device=rows.device)], [best[:0]]
        for centres, _, lengths, begin, n in self._unseen(rows):
            products = torch.addmm(lengths, Y[:n], centres.T, alpha=-2)
            best[:n] = torch.minimum(best[:n], products.amin(1))
            near = (products <= (best[:n] + 2 * self.error)[:, None]).nonzero()
            values.append(products[near[:, 0], near[:, 1]])
            pairs.append(near + torch.tensor([0, begin], device=rows.device))
        pairs, values = torch.cat(pairs), torch.cat(values)
        pairs = pairs[values <= best[pairs[:, 0]] + 2 * self.error]
        places = (part.unbind(1) for part in pairs.split(ROWS))
        exact = torch.cat([self._distance(rows[a], self.centres[b]) for a, b in places])
        self.nearest[rows] = self.nearest[rows].scatter_reduce(0, pairs[:, 0], exact, "amin")
        self.upper[rows] = self.nearest[rows]
        self.seen[rows] = len(self.centres)

    def _distance(self, a, b):
        # the difference, not |a|^2 - 2ab + |b|^2: that one cancels and breaks ties between equal
        # distances
        return (self.X[a].double() - self.X[b].double()).square_().sum(1)

    def _greedy(self, pool, threshold, count):
        """Choose inside the pool for as long as no row outside can be farther.

        Return places and squared distances.
        """
        import torch

        P = self.X[pool].double() - self.mean
        length = P.square().sum(1)
        # more rows are only there where very many distances are equal
        products = P @ P.T if len(pool) <= POOL else None
        near = self.nearest[pool]
        places, values = [], []
        while len(places) < count:
            top, at = near.topk(min(2, len(pool)))
            value, place = top[0].item(), at[0].item()
            if value == -torch.inf:  # all are chosen
                break
            if value < threshold + self.slack or value - top[-1].item() <= 2 * self.slack:
                place, value = self._decide(pool, near, places)
            if value < threshold:
                break
            places.append(place)
            values.append(value)
            row = products[place] if products is not None else P @ P[place]
            near = torch.minimum(near, length + length[place] - 2 * row)
            near[place] = -torch.inf
        self.upper[pool] = near + self.slack
        return torch.tensor(places, dtype=torch.int64, device=pool.device), values

    def _decide(self, pool, near, places):
        """Measure in float64, without products, the rows that may be the farthest.

        Of equal ones the first counts.
        """
        import torch

        close = (near >= near.max() - 2 * self.slack).nonzero()[:, 0]
        exact = self.nearest[pool[close]]
        if places:
            there = pool[places]
            to_chosen = [
                self._distance(row.expand(len(there)), there).amin() for row in pool[close]
            ]
            exact = exact.minimum(torch.stack(to_chosen))
        return close[exact.argmax()].item(), exact.max().item()


def _argmin(values):
    import torch

    # on a CPU numpy's is ten times as fast as torch's
    if values.device.type == "cpu":
        return torch.from_numpy(values.numpy().argmin(1))
    return values.argmin(1)


def _sketch(Y):
    """Project (N, D) on the SKETCH directions in which a sample of its rows differs most."""
    import torch

    if Y.shape[1] <= SKETCH * 3 // 2:
        return Y
    sample = Y[:: max(1, len(Y) // 4096)].double()
    return Y @ torch.linalg.eigh(sample.T @ sample)[1][:, -SKETCH:].float()


def _first_equal(X):
    """Return for each row the first row that equals it (N,)."""
    import torch

    def sums(rows, columns):
        generator = torch.Generator().manual_seed(0)
        weights = torch.randint(-(2**62), 2**62, (len(columns),), generator=generator)
        weights = weights.to(X.device) | 1
        bits = (rows[:, columns] + 0.0).double().view(torch.int64)  # + 0.0: -0 is 0
        return ((bits ^ (bits >> 32)) * weights).sum(1)  # the low bits of simple numbers are all 0

    few = torch.arange(0, X.shape[1], X.shape[1] // 4 + 1, device=X.device)
    every = torch.arange(X.shape[1], device=X.device)
    keys = sums(X, few)
    _, group, size = keys.unique(return_inverse=True, return_counts=True)
    alike = (size[group] > 1).nonzero()[:, 0]  # most rows differ from all others in a few columns
    for part in alike.split(ROWS):
        keys[part] = sums(X[part], every)
    order = keys.argsort(stable=True)
    again = (keys[order][1:] == keys[order][:-1]).nonzero()[:, 0] + 1
    same = torch.zeros(len(X), dtype=torch.bool, device=X.device)
    same[again] = (X[order[again]] == X[order[again - 1]]).all(1)
    group = (~same).cumsum(0) - 1
    first = torch.empty_like(order)
    first[order] = order[(~same).nonzero()[:, 0]][group]
    return first


def _nearest_to_mean(X) -> int:
    import torch

    mean = X.mean(0, dtype=torch.float64)
    return int(
        torch.cat([(part.double() - mean).square_().sum(1) for part in X.split(ROWS)]).argmin()
    )


def radii(X, order: Sequence[int], selected: Sequence[int] | None = None) -> np.ndarray:
    """Return the covering radius (k,) float32 of any rows in this order, after each of them."""
    import torch

    X, _ = _checked(X, 1, None)
    order = torch.as_tensor(np.asarray(order), device=X.device)
    given = torch.as_tensor(
        np.asarray([] if selected is None else list(selected), np.int64), device=X.device
    )
    mean = X.mean(0, dtype=torch.float64)
    worst = torch.zeros(len(order), dtype=torch.float64, device=X.device)
    with torch.inference_mode():
        for rows in X.split(ROWS):
            rows = rows.double() - mean
            near = torch.full((len(rows), 1), torch.inf, dtype=torch.float64, device=X.device)
            for part in given.split(BLOCK) if len(given) else ():
                near = torch.minimum(
                    near, torch.cdist(rows, X[part].double() - mean).amin(1, keepdim=True)
                )
            for at, part in enumerate(order.split(BLOCK)):
                distances = torch.cdist(rows, X[part].double() - mean)
                fallen = torch.cat([near, distances], 1).cummin(1).values
                near, place = fallen[:, -1:], slice(at * BLOCK, at * BLOCK + len(part))
                worst[place] = torch.maximum(worst[place], fallen[:, 1:].amax(0))
    return worst.cpu().numpy().astype(np.float32)


def random_selection(names: int | Sequence, k: int, seed: int = 0) -> np.ndarray:
    """Return the places (k,) of k rows at random; a larger k begins with the same rows.

    Args:
        names: Of the rows, such as their ids: each has a draw of its own, so that another row
            changes no other's. A number stands for that many rows named by their place.
    """
    names = range(names) if isinstance(names, int | np.integer) else names
    if not 1 <= k <= len(names):
        raise ValueError(
            f"{k} rows were asked for, but there are {len(names)} to choose from. Give a k from "
            f"1 to {len(names)}."
        )
    return _shuffled(names, seed)[:k]


def stratified(
    levels: Sequence[int], k: int, seed: int = 0, names: Sequence | None = None
) -> np.ndarray:
    """Return k rows at random, one of each level in turn for as long as a level has rows left.

    `names` as above.
    """
    levels = np.asarray(levels)
    if not 1 <= k <= len(levels):
        raise ValueError(
            f"{k} rows were asked for, but there are {len(levels)} to choose from. Lower k."
        )
    shuffled = _shuffled(range(len(levels)) if names is None else names, seed)
    turn = np.empty(len(levels), np.int64)
    for level in np.unique(levels):
        members = shuffled[levels[shuffled] == level]
        turn[members] = np.arange(len(members))
    return np.lexsort((levels, turn))[:k].astype(np.int64)


def _shuffled(names: Sequence, seed: int) -> np.ndarray:
    draws = [randomness.stream(seed, "coreset", name) for name in names]
    return np.argsort(draws, kind="stable").astype(np.int64)


class Rows(NamedTuple):
    """What a selector is told beside the points.

    Which rows stand, which may be chosen, and what is known of all of them.

    Attributes:
        selected, free: Places (s,) and (N - s,) int64: rows that count as chosen already, and those
            that may be chosen.
        levels: (N,) or None where nobody knows them.
        names: (N,) of the rows, for draws of their own.
    """

    selected: np.ndarray
    free: np.ndarray
    levels: np.ndarray | None
    names: Sequence


def select(
    method: str,
    X,
    k: int,
    *,
    selected: Sequence[int] | None = None,
    levels: Sequence[int] | None = None,
    names: Sequence | None = None,
    seed: int = 0,
) -> Selection:
    """Choose k rows that are not yet selected by one of METHODS, with the covering radius after
    each.

    Args:
        names: Of all rows, such as their ids, for the random draws; without them a row's place is
            its name.

    Raises:
        ValueError: For an unknown method, for "stratified" without levels, and as `k_center` does.
        RuntimeError: For a selector of METHODS that does not return k different free rows.
    """
    if method not in METHODS:
        near = difflib.get_close_matches(str(method), METHODS, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"The selector {method!r} was asked for, but there are {', '.join(METHODS)} "
            f"(coreset.METHODS).{hint}"
        )
    points, taken = _checked(X, k, selected)
    rows = Rows(
        np.flatnonzero(taken),
        np.flatnonzero(~taken),
        None if levels is None else np.asarray(levels),
        list(range(len(points)) if names is None else names),
    )
    chosen = METHODS[method](points, k, rows, seed)
    order = np.asarray(chosen.order if isinstance(chosen, Selection) else chosen, np.int64)
    if len(order) != k or len(set(order.tolist()) & set(rows.free.tolist())) != k:
        raise RuntimeError(
            f"The selector {method!r} was to return {k} different rows of the {len(rows.free)} "
            f"free ones, but gave {len(order)} places, "
            f"{len(set(order.tolist()) & set(rows.free.tolist()))} of them different and free. "
            "Mend its function in coreset.METHODS."
        )
    if isinstance(chosen, Selection):
        return chosen
    return Selection(order, radii(points, order, rows.selected))


def _k_center(X, k: int, rows: Rows, seed: int) -> Selection:
    return k_center(X, k, selected=rows.selected)


def _random(X, k: int, rows: Rows, seed: int) -> np.ndarray:
    return rows.free[random_selection([rows.names[i] for i in rows.free], k, seed)]


def _stratified(X, k: int, rows: Rows, seed: int) -> np.ndarray:
    if rows.levels is None:
        raise ValueError(
            'The selector "stratified" goes by level, but no levels were given. Give levels, one '
            "a row."
        )
    return rows.free[
        stratified(rows.levels[rows.free], k, seed, [rows.names[i] for i in rows.free])
    ]


def _checked(X, k, selected):
    import torch

    X = X if isinstance(X, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(X))
    X = X if X.dtype in (torch.float32, torch.float64) else X.to(torch.float64)
    finite = (X @ X.new_zeros(X.shape[1])) == 0 if X.ndim == 2 else None  # infinity times 0 is NaN
    if finite is None or not finite.all():
        bad = "all" if finite is None else int((~finite).sum())
        raise ValueError(
            f"Rows of finite numbers (N, D) were expected, but X has the shape {tuple(X.shape)} "
            f"and {bad} rows with NaN or infinity. Leave those rows out."
        )
    if len(X) and X.numel() and not (largest := float(X.abs().max())) < LARGEST:
        raise ValueError(
            f"X holds numbers up to {largest:.3g}, whose squares float32 can't hold. Divide X by "
            "its largest number."
        )
    chosen = np.asarray([] if selected is None else list(selected), np.int64)
    if len(chosen) and (chosen.min() < 0 or chosen.max() >= len(X)):
        raise ValueError(
            f"selected holds {chosen.min()} to {chosen.max()}, but X has the rows 0 to "
            f"{len(X) - 1}."
        )
    taken = np.zeros(len(X), bool)
    taken[chosen] = True
    if not 1 <= k <= (~taken).sum():
        raise ValueError(
            f"k={k} rows were asked for, but of the {len(X)} rows {taken.sum()} are selected "
            f"already, so that {(~taken).sum()} are left. Give a k from 1 to {(~taken).sum()}."
        )
    return X, taken


# name -> (X (N, D) tensor, k, Rows, seed) -> places in order of choice (k,), or a Selection if the
# radius came along
METHODS = {
    "k_center": _k_center,
    "random": _random,
    "stratified": _stratified,
}
