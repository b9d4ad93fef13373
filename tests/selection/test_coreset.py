from itertools import combinations

import numpy as np
import pytest

from skymath_nb.selection import coreset


def reference(X, k, centres):
    """Greedy k-center as its definition says, with all distances in float64.

    Ties to the lowest index.
    """
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


@pytest.mark.parametrize(
    "X", [np.random.default_rng(0).normal(size=(120, 8)), GRID, np.repeat(GRID[:20], 3, axis=0)]
)
@pytest.mark.parametrize("selected", [(), (3,), (0, 7, 19)])
def test_the_order_is_the_definitions_also_with_ties_and_duplicates(X, selected):
    order, radius = coreset.k_center(X, 40, selected=selected)
    expected, radii = reference(X, 40, selected)
    assert order.tolist() == expected and np.allclose(radius, radii)
    assert order.dtype == np.int64 and radius.dtype == np.float32


def loop(X, k, start):
    """The same order as `reference` gives, for sizes at which all pairs at once are too many."""
    nearest, order, radius = np.full(len(X), np.inf), [start], []
    while len(order) <= k:
        nearest = np.minimum(nearest, ((X - X[order[-1]].astype(np.float64)) ** 2).sum(axis=1))
        order.append(int(nearest.argmax()))
        radius.append(np.sqrt(nearest.max()))
    return order[:k], radius


def clustered(n, d, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n // 10, d))[rng.integers(n // 10, size=n)] + 0.3 * rng.normal(size=(n, d))
    return (100 + X * np.linspace(2, 0.1, d)).astype(np.float32)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_many_rows_are_chosen_in_the_order_of_a_float64_loop(device):
    torch = pytest.importorskip("torch")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    X = clustered(9000, 160, 0)
    order, radius = coreset.k_center(torch.from_numpy(X).to(device), 700, start=5)
    expected, radii = loop(X, 700, 5)
    assert order.tolist() == expected and np.allclose(radius, radii)


def test_rows_so_near_each_other_that_float32_confuses_them_keep_their_order():
    X = 1 + np.random.default_rng(4).normal(size=(400, 5)) * 1e-6
    assert coreset.k_center(X, 60, start=0).order.tolist() == loop(X, 60, 0)[0]


def test_the_radius_of_any_order_is_that_of_all_pairs():
    X, order, given = clustered(700, 8, 1), np.arange(650, 20, -1), [3, 7]
    pairs = np.linalg.norm(X[:, None].astype(np.float64) - X, axis=2)
    nearest = np.minimum.accumulate(np.c_[pairs[:, given].min(axis=1), pairs[:, order]], axis=1)[
        :, 1:
    ]
    assert np.allclose(coreset.radii(X, order, given), nearest.max(axis=0), atol=1e-5)


def test_the_first_point_counts_and_stays():
    assert coreset.k_center(np.array([[0.0], [1], [9]]), 2, start=0).order.tolist() == [0, 2]
    assert coreset.k_center(np.array([[0.0], [1], [9]]), 1).order.tolist() == [1]


def test_a_selection_can_be_resumed():
    X = np.random.default_rng(1).normal(size=(60, 4))
    whole = coreset.k_center(X, 20)
    rest = coreset.k_center(X, 12, selected=whole.order[:8])
    assert rest.order.tolist() == whole.order[8:].tolist() and np.array_equal(
        rest.radius, whole.radius[8:]
    )


def test_the_radius_is_within_twice_the_best():
    X = np.random.default_rng(2).normal(size=(12, 2))
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)
    best = min(distances[:, list(c)].min(axis=1).max() for c in combinations(range(12), 3))
    assert best <= coreset.k_center(X, 3).radius[-1] <= 2 * best + 1e-6


@pytest.mark.parametrize("method", coreset.METHODS)
def test_every_method_chooses_new_rows_and_reports_a_falling_radius(method):
    X = np.random.default_rng(3).normal(size=(50, 4))
    order, radius = coreset.select(
        method, X, 10, selected=range(5), levels=np.arange(50) % 5, seed=1
    )
    assert len(set(order.tolist()) - set(range(5))) == 10 and (np.diff(radius) <= 0).all()
    nearest = np.linalg.norm(X[:, None] - X[[*range(5), *order]], axis=2).min(axis=1)
    assert np.isclose(radius[-1], nearest.max())


def test_stratified_takes_levels_in_turn():
    levels = np.array([1] * 50 + [2] * 3 + [3] * 20)
    counts = np.bincount(levels[coreset.stratified(levels, 21)])
    assert counts[1:].tolist() == [9, 3, 9]


def test_a_larger_random_selection_begins_with_the_smaller():
    assert (
        coreset.random_selection(100, 30, 5)[:10].tolist()
        == coreset.random_selection(100, 10, 5).tolist()
    )


@pytest.mark.parametrize("draw", ["random", "stratified"])
def test_another_row_changes_no_other_rows_draw(draw):
    names, levels = [f"row{i}" for i in range(60)], [1, 2, 3] * 20
    X = np.random.default_rng(5).normal(size=(60, 3))
    whole = coreset.select(draw, X, 60, names=names, levels=levels).order
    fewer = coreset.select(draw, X[:-1], 59, names=names[:-1], levels=levels[:-1]).order
    assert [i for i in whole if i != 59 and (draw == "random" or levels[i] != 3)] == [
        i for i in fewer if draw == "random" or levels[i] != 3
    ]


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        ([[0.0], [np.nan]], {"k": 1}, "1 rows with NaN"),
        ([[0.0], [1e16]], {"k": 1}, "numbers up to 1e"),
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


def test_a_selector_by_another_name_is_refused_with_what_there_is():
    with pytest.raises(
        ValueError,
        match="'k_centre' was asked for, but there are k_center, random, stratified.*Did you mean "
        "'k_center'",
    ):
        coreset.select("k_centre", GRID, 3)
    with pytest.raises(ValueError, match="no levels were given"):
        coreset.select("stratified", GRID, 3)


@pytest.mark.parametrize("order", [[5, 6], [5, 6, 6], [0, 5, 6]])
def test_a_selector_of_ones_own_that_chooses_wrongly_is_told(order, monkeypatch):
    monkeypatch.setitem(coreset.METHODS, "mine", lambda X, k, rows, seed: order)
    with pytest.raises(
        RuntimeError,
        match="'mine' was to return 3 different rows of the 80 free ones.*2 of them different and "
        "free",
    ):
        coreset.select("mine", GRID, 3, selected=[0])
