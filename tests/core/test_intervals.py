from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from skymath_nb.core import intervals


def rng():
    return np.random.default_rng(0)


def coverage(make, truth, runs=400):
    inside = 0
    for i in range(runs):
        low, high = make(np.random.default_rng(i))
        inside += low <= truth <= high
    return inside / runs


def test_samples_of_an_item_are_not_taken_for_independent_answers():
    # some items are nearly always right, the others nearly never: their samples are alike
    def draw(rng, n=80, samples=8):
        return rng.binomial(samples, rng.choice([0.05, 0.95], n)), samples

    def by_item(rng):
        right, samples = draw(rng)
        return intervals.clustered(right, np.full(len(right), samples), rng)

    def by_answer(rng):
        right, samples = draw(rng)
        return intervals.wilson(int(right.sum()), len(right) * samples)

    assert 0.92 < coverage(by_item, 0.5) < 0.98
    assert coverage(by_answer, 0.5) < 0.65


def test_the_clustered_interval_is_that_of_drawing_items():
    right, sizes = rng().integers(0, 5, 60), np.full(60, 4)
    sizes[:20] = 8
    low, high = intervals.clustered(right, sizes, rng())
    picks = np.random.default_rng(5).integers(0, 60, (20_000, 60))
    drawn = right[picks].sum(axis=1) / sizes[picks].sum(axis=1)
    assert np.allclose([low, high], np.quantile(drawn, [0.025, 0.975]), atol=0.006)


@pytest.mark.parametrize(("right", "expected"), [(0, (0.0, 0.278)), (4, (0.722, 1.0))])
def test_items_that_are_all_alike_still_have_an_interval(right, expected):
    low, high = intervals.clustered([right] * 10, [4] * 10, rng())
    assert (round(low, 3), round(high, 3)) == expected  # Wilson's for 0 and 10 of 10


def test_the_paired_bootstrap_agrees_with_scipy():
    differences = rng().choice([-1, -0.5, 0, 0.5, 1], 120, p=[0.05, 0.1, 0.5, 0.2, 0.15])
    found = intervals.paired_bootstrap(differences, rng())
    theirs = stats.bootstrap(
        (differences,), np.mean, method="percentile", rng=1
    ).confidence_interval
    assert found == pytest.approx(tuple(theirs), abs=0.01)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, (-0.037, 0.037)), (1, (0.926, 1.0)), (-1, (-1.0, -0.926))]
)
def test_models_that_never_differed_may_yet_differ(value, expected):
    found = intervals.paired_bootstrap([value] * 100, rng())
    # Wilson's upper bound of 0 of 100 is 0.037
    assert tuple(round(end, 3) for end in found) == expected


def test_the_mcnemar_test_is_the_exact_binomial():
    table = [(9, 1), (3, 3), (0, 12)]
    assert [intervals.mcnemar(*pair) for pair in table] == pytest.approx([22 / 1024, 1, 2 / 4096])
    assert intervals.mcnemar(0, 0) == 1


def test_sign_flips_agree_with_scipy_and_with_mcnemar():
    differences = rng().choice([-0.75, -0.25, 0, 0.5, 1], 40, p=[0.1, 0.2, 0.3, 0.2, 0.2])
    theirs = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=20_000, rng=2
    ).pvalue
    assert intervals.sign_flips(differences, rng()) == pytest.approx(theirs, abs=0.01)
    ones = np.repeat([1.0, -1.0, 0.0], [15, 5, 30])
    assert intervals.sign_flips(ones, rng()) == pytest.approx(intervals.mcnemar(15, 5), abs=0.01)
    assert intervals.sign_flips(np.zeros(9), rng()) == 1


def test_sign_flips_reject_a_true_null_as_often_as_they_should():
    rejected = 0
    for i in range(400):
        draw = np.random.default_rng(i)
        chance = draw.random(60)
        a, b = (draw.binomial(4, chance) / 4 for _ in range(2))
        rejected += intervals.sign_flips(a - b, draw) < 0.05
    assert 0.025 < rejected / 400 < 0.08


@pytest.mark.parametrize("k", [1, 2, 4, 6])
def test_pass_at_k_is_the_mean_over_all_subsets(k):
    n, right = 6, np.arange(7)
    every = [
        np.mean([any(i < c for i in chosen) for chosen in combinations(range(n), k)]) for c in right
    ]
    assert intervals.pass_at_k(np.full(7, n), right, k) == pytest.approx(every)


def test_pass_at_k_is_stable_and_unbiased():
    assert intervals.pass_at_k([100_000], [1], 50_000)[0] == pytest.approx(0.5)
    assert intervals.pass_at_k([1000], [999], 2)[0] == 1
    chance = rng().random(20_000)
    estimate = intervals.pass_at_k(
        np.full(20_000, 6), np.random.default_rng(1).binomial(6, chance), 3
    ).mean()
    assert estimate == pytest.approx((1 - (1 - chance) ** 3).mean(), abs=0.006)
    with pytest.raises(ValueError, match="at least 4 samples of every item, but one has 3"):
        intervals.pass_at_k([5, 3], [1, 1], 4)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7])
def test_the_majority_is_the_mean_over_all_subsets_with_ties_by_lot(k):
    samples, right = [0, 0, 0, 1, 1, 2, None], [True, False, False]

    def vote(chosen):
        counts = np.bincount([s for s in chosen if s is not None], minlength=3)
        first = (counts == counts.max()) & (counts > 0)
        return np.mean(np.array(right)[first]) if first.any() else 0

    every = np.mean([vote(chosen) for chosen in combinations(samples, k)])
    assert intervals.majority_at_k([3, 2, 1], right, 1, k, rng()) == pytest.approx(
        every, abs=0.05 if k < 7 else 1e-12
    )


def test_who_says_nothing_has_no_vote():
    assert intervals.majority_at_k([1], [True], 7, 8, rng()) == 1
    assert intervals.majority_at_k([], [], 4, 2, rng()) == 0
    with pytest.raises(ValueError, match="maj@9"):
        intervals.majority_at_k([4], [True], 4, 9, rng())


def test_corrections_are_those_of_the_books():
    # by hand: times 4, 3, 2, 1 from the smallest, and never less than the one before
    p = [0.01, 0.04, 0.03, 0.005]
    assert intervals.adjust(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert intervals.adjust(p, "bh") == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert intervals.adjust([0.6, 0.9]).tolist() == [1, 1] and len(intervals.adjust([])) == 0
    with pytest.raises(ValueError, match="'bonferroni'"):
        intervals.adjust(p, "bonferroni")


def test_holm_keeps_false_alarms_rare_where_many_are_compared():
    p = rng().random((2000, 20))
    assert (p < 0.05).any(axis=1).mean() > 0.6
    assert np.mean([(intervals.adjust(row) < 0.05).any() for row in p]) == pytest.approx(
        0.05, abs=0.015
    )
