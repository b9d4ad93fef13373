from itertools import combinations

import numpy as np
import pytest

from skymath_nb import coreset


def reference(X, k, centres):
    """Greedy k-center as its definition says, with all distances in float64; ties to the lowest index."""
    distances = ((X[:, None, :].astype(np.float64) - X[None]) ** 2).sum(axis=2)
    chosen, order, radius = list(centres), [], []
    for _ in range(k):
        if chosen:
            nearest = distances[:, chosen].min(axis=1)
            free = [i for i in range(len(X)) if i not in chosen]
            pick = max(free, key=lambda i: (nearest[i], -i))
        else:
            pick = int(((X - X.mean(axis=0)) ** 2).sum(axis=1).argmin())
        chosen.append(pick)
        order.append(pick)
        radius.append(np.sqrt(distances[:, chosen].min(axis=1).max()))
    return order, radius


GRID = np.array([[x, y] for x in range(9) for y in range(9)], float)


@pytest.mark.parametrize("X", [np.random.default_rng(0).normal(size=(120, 8)), GRID, np.repeat(GRID[:20], 3, axis=0)])
@pytest.mark.parametrize("selected", [(), (3,), (0, 7, 19)])
def test_the_order_is_the_definitions_also_with_ties_and_duplicates(X, selected):
    order, radius = coreset.k_center(X, 40, selected=selected)
    expected, radii = reference(X, 40, selected)
    assert order.tolist() == expected and np.allclose(radius, radii)
    assert order.dtype == np.int64 and radius.dtype == np.float32


def test_the_first_point_counts_and_stays():
    assert coreset.k_center(np.array([[0.0], [1], [9]]), 2, start=0).order.tolist() == [0, 2]
    assert coreset.k_center(np.array([[0.0], [1], [9]]), 1).order.tolist() == [1]


def test_a_selection_can_be_resumed():
    X = np.random.default_rng(1).normal(size=(60, 4))
    whole = coreset.k_center(X, 20)
    rest = coreset.k_center(X, 12, selected=whole.order[:8])
    assert rest.order.tolist() == whole.order[8:].tolist() and np.array_equal(rest.radius, whole.radius[8:])


def test_the_radius_is_within_twice_the_best():
    X = np.random.default_rng(2).normal(size=(12, 2))
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)
    best = min(distances[:, list(c)].min(axis=1).max() for c in combinations(range(12), 3))
    assert best <= coreset.k_center(X, 3).radius[-1] <= 2 * best + 1e-6


@pytest.mark.parametrize("method", coreset.METHODS)
def test_every_method_chooses_new_rows_and_reports_a_falling_radius(method):
    X = np.random.default_rng(3).normal(size=(50, 4))
    order, radius = coreset.select(method, X, 10, selected=range(5), levels=np.arange(50) % 5, seed=1)
    assert len(set(order.tolist()) - set(range(5))) == 10 and (np.diff(radius) <= 0).all()
    nearest = np.linalg.norm(X[:, None] - X[[*range(5), *order]], axis=2).min(axis=1)
    assert np.isclose(radius[-1], nearest.max())


def test_stratified_takes_levels_in_turn():
    levels = np.array([1] * 50 + [2] * 3 + [3] * 20)
    counts = np.bincount(levels[coreset.stratified(levels, 21)])
    assert counts[1:].tolist() == [9, 3, 9]


def test_a_larger_random_selection_begins_with_the_smaller():
    assert coreset.random_selection(100, 30, 5)[:10].tolist() == coreset.random_selection(100, 10, 5).tolist()


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        ([[0.0], [np.nan]], {"k": 1}, "1 rows with NaN"),
        ([[0.0], [1.0]], {"k": 3}, "k=3 .* 2 rows 0 are selected already, so that 2"),
        ([[0.0], [1.0]], {"k": 2, "selected": [0]}, "so that 1 are left"),
        ([[0.0], [1.0]], {"k": 0}, "k=0"),
        ([[0.0], [1.0]], {"k": 1, "selected": [2]}, "selected holds 2 to 2"),
        ([[0.0], [1.0]], {"k": 1, "start": 5}, "start=5"),
        ([0.0, 1.0], {"k": 1}, "shape"),
    ],
)
def test_bad_input_is_refused_with_the_numbers(X, options, message):
    with pytest.raises(ValueError, match=message):
        coreset.k_center(np.array(X), **options)
