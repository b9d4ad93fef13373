import math

import numpy as np
import pandas as pd
import pytest

from skymath_nb.experiments import power


def arm(rng, name, seeds, easiness, seed_sd, shift=0.0):
    """Answers of one arm: each seed shifts every item's chance."""
    rows = []
    for seed in range(seeds):
        chance = np.clip(easiness + shift + rng.normal(0, seed_sd), 0, 1)
        right = rng.random(len(easiness)) < chance
        ids = np.arange(len(easiness))
        rows.append(
            pd.DataFrame(
                {
                    "arm": name,
                    "benchmark": "b",
                    "id": ids,
                    "sample": 0,
                    "seed": seed,
                    "flexible": right,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def test_components_recover_what_the_answers_were_made_with():
    rng = np.random.default_rng(0)
    easiness = rng.uniform(0.2, 0.8, 4000)
    found = power.components(arm(rng, "a", 40, easiness, 0.05))
    assert found["n"] == 4000 and found["seeds"] == 40
    assert found["seed"] == pytest.approx(0.05**2, rel=0.5)
    assert found["item"] == pytest.approx(easiness.var(), rel=0.1)
    assert found["rest"] == pytest.approx((easiness * (1 - easiness)).mean(), rel=0.05)
    quiet = power.components(arm(rng, "a", 10, easiness, 0.0))
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
    assert power.standard_error(parts, 200, 3) == pytest.approx(np.std(differences), rel=0.15)


def test_a_comparison_has_the_power_it_was_planned_for():
    rng = np.random.default_rng(2)
    parts = {"seed": 2 * 0.02**2, "item": 0.0, "rest": 2 * 0.25}
    items = power.items_needed(parts, 0.1, 3)
    error = power.standard_error(parts, items, 3)
    easiness = np.full(items, 0.5)
    seen = [
        arm(rng, "a", 3, easiness, 0.02, 0.1)["flexible"].mean()
        - arm(rng, "b", 3, easiness, 0.02)["flexible"].mean()
        > 1.96 * error
        for _ in range(400)
    ]
    assert 0.72 < np.mean(seen) < 0.88


def test_too_few_seeds_cannot_be_made_up_for_by_items():
    parts = {"seed": 2 * 0.03**2, "item": 0.0, "rest": 0.5}
    table = power.plan(parts)
    assert math.isinf(table.loc["5 points", 1]) and math.isfinite(table.loc["10 points", 3])
    assert table.loc["10 points", 10] < table.loc["10 points", 3]


def test_neighbours_are_compared_on_the_same_items():
    rng = np.random.default_rng(3)
    easiness = rng.uniform(0.2, 0.6, 300)
    answers = pd.concat(
        [
            arm(rng, name, 3, easiness, 0.0, shift)
            for name, shift in (("small", 0.0), ("large", 0.2))
        ]
    )
    large, small = (answers[answers["arm"] == name] for name in ("large", "small"))
    assert power.compared(large, small)["difference"] == pytest.approx(0.2, abs=0.05)
    assert set(power.neighbours(answers)) == {"seed", "item", "rest"}
    assert power.spread(answers)["arm"].tolist() == ["small", "large"]
    one = answers[answers["seed"] == 0]
    assert power.neighbours(one) is None and power.spread(one).empty


def test_one_seed_or_missing_answers_are_refused():
    rng = np.random.default_rng(4)
    answers = arm(rng, "a", 2, np.full(5, 0.5), 0.0)
    with pytest.raises(ValueError, match="two or more seeds"):
        power.components(answers[answers["seed"] == 0])
    with pytest.raises(ValueError, match="1 answers are missing"):
        power.components(answers.iloc[:-1])
    with pytest.raises(ValueError, match="same items"):
        power.compared(answers, answers[answers["id"] > 0])


@pytest.mark.parametrize(("seeds", "seed_sd", "n"), [(2, 0.0, 100), (3, 0.05, 200), (5, 0.02, 100)])
def test_the_difference_of_two_recipes_is_in_its_interval_as_often_as_it_says(seeds, seed_sd, n):
    rng, inside = np.random.default_rng(5), 0
    for _ in range(80):
        easiness = rng.beta(2, 1, n) * 0.8 + 0.1
        a, b = (arm(rng, name, seeds, easiness, seed_sd) for name in "ab")
        found = power.difference(a, b)
        inside += found["low"] <= 0 <= found["high"]
        assert (found["p"] < 0.05) == (not found["low"] <= 0 <= found["high"])
    assert inside / 80 > 0.9


def test_a_difference_between_seeds_is_not_taken_for_one_between_recipes():
    rng, alarms, naive = np.random.default_rng(6), 0, 0
    for _ in range(80):
        easiness = rng.uniform(0.3, 0.7, 400)
        a, b = (arm(rng, name, 3, easiness, 0.08) for name in "ab")
        alarms += power.difference(a, b)["p"] < 0.05
        items = (a.groupby("id")["flexible"].mean() - b.groupby("id")["flexible"].mean()).to_numpy()
        naive += abs(items.mean()) > 1.96 * items.std() / 20
    assert alarms <= 10 and naive > 30


def test_a_clear_difference_is_found_and_one_without_scatter_too():
    rng = np.random.default_rng(7)
    easiness = rng.uniform(0.2, 0.6, 300)
    found = power.difference(
        arm(rng, "a", 4, easiness, 0.01, 0.25), arm(rng, "b", 3, easiness, 0.01)
    )
    assert (
        found["p"] < 0.01
        and found["low"] > 0.1
        and (found["n"], found["seeds_a"], found["seeds_b"]) == (300, 4, 3)
    )
    same = power.difference(*[arm(rng, name, 2, np.ones(20), 0.0) for name in "ab"])
    assert (same["difference"], same["p"]) == (0, 1) and same["high"] == -same[
        "low"
    ] == pytest.approx(0.161, abs=0.001)
    with pytest.raises(ValueError, match="same items"):
        power.difference(arm(rng, "a", 2, easiness, 0), arm(rng, "b", 2, easiness[:50], 0))


def test_samples_of_an_item_are_no_items_of_their_own():
    rng = np.random.default_rng(8)
    easiness = rng.uniform(0.2, 0.8, 200)
    samples = pd.concat([arm(rng, "a", 3, easiness, 0.0).assign(sample=i) for i in range(4)])
    found = power.components(samples)
    assert found["n"] == 200 and found["rest"] == pytest.approx(
        (easiness * (1 - easiness)).mean() / 4, rel=0.15
    )
    with pytest.raises(ValueError, match="there twice"):
        power.components(pd.concat([samples, samples]))
    with pytest.raises(ValueError, match="3 answers are missing"):
        power.components(samples.query("id > 0 or sample == 0 or seed > 0"))


def test_more_items_are_asked_for_until_the_gap_found_would_be_seen():
    rng = np.random.default_rng(9)
    easiness = rng.uniform(0.3, 0.7, 150)
    a, b = (arm(rng, name, 1, easiness, 0.0, shift) for name, shift in (("a", 0.1), ("b", 0.0)))
    parts = power.paired(a, b)
    x, y = (side.sort_values("id")["flexible"].to_numpy(float) for side in (a, b))
    assert parts["item"] == pytest.approx(np.var(x - y, ddof=1)) and parts[
        "difference"
    ] == pytest.approx((x - y).mean())
    needed = power.more(parts | {"difference": 0.1}, 150)
    assert needed["items"] == power.items_needed(parts, 0.1, 1) - 150
    error = power.standard_error(parts, 150 + needed["items"], 1)
    seen = np.random.default_rng(10).normal(0.1, error, 4000) > 1.96 * error
    assert seen.mean() == pytest.approx(0.8, abs=0.02)
    assert power.more(parts | {"difference": 0.5}, 150)["items"] == 0
    assert math.isinf(power.more(parts | {"difference": 0.0}, 150)["items"])
    with pytest.raises(ValueError, match="one answered 150 items and the other 149"):
        power.paired(a, b[b["id"] > 0])


def test_seeds_and_items_needed_agree():
    parts = {"difference": 0.05, "seed": 2 * 0.02**2, "item": 0.02, "rest": 0.3}
    seeds = power.seeds_needed(parts, 0.05, 400)
    assert (
        power.items_needed(parts, 0.05, seeds) <= 400 < power.items_needed(parts, 0.05, seeds - 1)
    )
    assert math.isinf(power.seeds_needed(parts, 0.01, 100))
    assert power.more(parts, 400, 2) == {
        "items": power.items_needed(parts, 0.05, 2) - 400,
        "seeds": seeds - 2,
    }
