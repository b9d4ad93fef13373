import math

import numpy as np
import pandas as pd
import pytest

from skymath_nb import precision


def arm(rng, name, seeds, easiness, seed_sd, shift=0.0):
    """Answers of one arm: each seed shifts every item's chance."""
    rows = []
    for seed in range(seeds):
        chance = np.clip(easiness + shift + rng.normal(0, seed_sd), 0, 1)
        right = rng.random(len(easiness)) < chance
        ids = np.arange(len(easiness))
        rows.append(pd.DataFrame({"arm": name, "benchmark": "b", "id": ids, "sample": 0, "seed": seed, "flexible": right}))
    return pd.concat(rows, ignore_index=True)


def test_components_recover_what_the_answers_were_made_with():
    rng = np.random.default_rng(0)
    easiness = rng.uniform(0.2, 0.8, 4000)
    found = precision.components(arm(rng, "a", 40, easiness, 0.05))
    assert found["n"] == 4000 and found["seeds"] == 40
    assert found["seed"] == pytest.approx(0.05**2, rel=0.5)
    assert found["item"] == pytest.approx(easiness.var(), rel=0.1)
    assert found["rest"] == pytest.approx((easiness * (1 - easiness)).mean(), rel=0.05)
    quiet = precision.components(arm(rng, "a", 10, easiness, 0.0))
    assert quiet["seed"] < 1e-4 and quiet["sd_between"] > 0, "so few items alone scatter too"


def test_the_standard_error_is_the_scatter_of_repeated_experiments():
    rng = np.random.default_rng(1)
    parts = {"seed": 2 * 0.03**2, "item": 0.0, "rest": 0.0}
    easiness = rng.uniform(0.2, 0.8, 200)
    parts["rest"] = 2 * float((easiness * (1 - easiness)).mean())
    differences = []
    for _ in range(300):
        a, b = (arm(rng, name, 3, easiness, 0.03)["flexible"].mean() for name in "ab")
        differences.append(a - b)
    assert precision.standard_error(parts, 200, 3) == pytest.approx(np.std(differences), rel=0.15)


def test_a_comparison_has_the_power_it_was_planned_for():
    rng = np.random.default_rng(2)
    parts = {"seed": 2 * 0.02**2, "item": 0.0, "rest": 2 * 0.25}
    items = precision.items_needed(parts, 0.1, 3)
    error = precision.standard_error(parts, items, 3)
    easiness = np.full(items, 0.5)
    seen = [
        arm(rng, "a", 3, easiness, 0.02, 0.1)["flexible"].mean() - arm(rng, "b", 3, easiness, 0.02)["flexible"].mean() > 1.96 * error
        for _ in range(400)
    ]
    assert 0.72 < np.mean(seen) < 0.88


def test_too_few_seeds_cannot_be_made_up_for_by_items():
    parts = {"seed": 2 * 0.03**2, "item": 0.0, "rest": 0.5}
    table = precision.plan(parts)
    assert math.isinf(table.loc["5 points", 1]) and math.isfinite(table.loc["10 points", 3])
    assert table.loc["10 points", 10] < table.loc["10 points", 3]


def test_neighbours_are_compared_on_the_same_items():
    rng = np.random.default_rng(3)
    easiness = rng.uniform(0.2, 0.6, 300)
    answers = pd.concat([arm(rng, name, 3, easiness, 0.0, shift) for name, shift in (("small", 0.0), ("large", 0.2))])
    large, small = (answers[answers["arm"] == name] for name in ("large", "small"))
    assert precision.compared(large, small)["difference"] == pytest.approx(0.2, abs=0.05)
    assert set(precision.neighbours(answers)) == {"seed", "item", "rest"}
    assert precision.spread(answers)["arm"].tolist() == ["small", "large"]
    one = answers[answers["seed"] == 0]
    assert precision.neighbours(one) is None and precision.spread(one).empty


def test_one_seed_or_missing_answers_are_refused():
    rng = np.random.default_rng(4)
    answers = arm(rng, "a", 2, np.full(5, 0.5), 0.0)
    with pytest.raises(ValueError, match="two or more seeds"):
        precision.components(answers[answers["seed"] == 0])
    with pytest.raises(ValueError, match="1 answers are missing"):
        precision.components(answers.iloc[:-1])
    with pytest.raises(ValueError, match="same items"):
        precision.compared(answers, answers[answers["id"] > 0])
