"""k-center greedy beside other ways to compute it, in one run.

CPU milliseconds per chosen row, one thread.

    python tests/benchmarks/k_center.py [rows] [k] [rounds]     (needs numba for one of the peers;
    it is left out, with a word, without)

Rows: a decaying spectrum, ten variants of each base, length 1, 384 dimensions. The peers' cost per
centre does not change, so they run for a few centres. `numba` is one fused pass in float32; `gemv`
keeps norms and takes one matrix-vector product; `pairwise_distances` is the step of
google/active-learning (efedd8f), `projected` that of anomalib (161bb369: a sparse random
projection, then the differences to one centre, all of them written out); both are in our own words.
`float64 loop` is the reference whose order ours must have.
"""

import statistics
import sys
import time

import numpy as np
import torch

from skymath_nb.selection import coreset

D = 384


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    spectrum = np.arange(1, D + 1) ** -0.5
    bases = rng.normal(size=(max(1, n // 10), D)) * spectrum
    bases /= np.linalg.norm(bases, axis=1, keepdims=True)
    edits = rng.normal(size=(n, D)) * spectrum
    edits *= (rng.uniform(0.3, 0.9, size=n) / np.linalg.norm(edits, axis=1))[:, None]
    X = bases[rng.integers(len(bases), size=n)] + edits
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def loop(step, nearest, k):
    order, best = [0], np.full(nearest, np.inf)
    while len(order) < k:
        best = step(order[-1], best)
        order.append(int(best.argmax()))
    return order


def gemv(X):
    length = (X * X).sum(axis=1)
    return lambda i, best: np.minimum(best, length + length[i] - 2 * (X @ X[i]))


def float64_loop(X):
    return lambda i, best: np.minimum(best, ((X - X[i].astype(np.float64)) ** 2).sum(axis=1))


def pairwise(X):
    from sklearn.metrics import pairwise_distances

    return lambda i, best: np.minimum(best, pairwise_distances(X, X[[i]])[:, 0])


def projected(X):
    from sklearn.random_projection import SparseRandomProjection

    Y = torch.from_numpy(
        np.ascontiguousarray(
            SparseRandomProjection(eps=0.9, random_state=0).fit_transform(X), np.float32
        )
    )

    def step(i, best):
        distance = torch.nn.functional.pairwise_distance(Y, Y[i : i + 1], p=2).reshape(-1, 1)
        return torch.minimum(torch.from_numpy(best), distance[:, 0].double()).numpy()

    return step


def one_pass(X):
    from numba import njit

    @njit(fastmath=True)
    def update(X, i, best):
        for r in range(len(X)):
            total = np.float32(0)
            for c in range(X.shape[1]):
                difference = X[r, c] - X[i, c]
                total += difference * difference
            if total < best[r]:
                best[r] = total
        return best

    return lambda i, best: update(X, i, best)


PEERS = {
    "numba": (one_pass, 60),
    "gemv": (gemv, 30),
    "pairwise_distances": (pairwise, 8),
    "projected": (projected, 6),
}


def main(n=50_000, k=5_000, rounds=3):
    torch.set_num_threads(1)
    X = rows(n)
    steps = {}
    for name, (make, _) in PEERS.items():
        try:
            steps[name] = make(X)
            loop(steps[name], n, 2)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    coreset.k_center(X[:2000], 20)
    spent = {name: [] for name in ("ours", *steps)}
    for _ in range(rounds):
        started = time.process_time()
        order, radius = coreset.k_center(X, k, start=0)
        spent["ours"].append((time.process_time() - started) / k)
        for name, step in steps.items():
            few = PEERS[name][1]
            started = time.process_time()
            loop(step, n, few)
            spent[name].append((time.process_time() - started) / few)
    middle = {name: statistics.median(times) * 1e3 for name, times in spent.items()}
    print(
        f"{n:,} x {D}, k={k:,}: "
        + ", ".join(
            f"{name} {ms:.2f} ms ({ms / middle['ours']:.1f}x)" for name, ms in middle.items()
        )
    )
    few = min(k, 300)
    print(
        f"first {few} as the float64 loop's: "
        f"{order[:few].tolist() == loop(float64_loop(X), n, few)}; radius {radius[-1]:.4f}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
