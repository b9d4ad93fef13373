import numpy as np
import pandas as pd
import pytest

from skymath_nb.experiments import scaling_laws

SIZES = 250.0 * 2 ** np.arange(6)
TRUE = {
    "log_linear": (-0.4, 0.08),
    "power_ceiling": (0.9, 8.0, 0.45),
    "logistic": (11.0, 0.8),
    "logistic_ceiling": (10.5, 1.1, 0.85),
}


def answers(law, seeds=3, items=400, sd=0.0):
    """Verdicts of models whose true accuracy is law(size), plus a seed's own luck.

    Each item has its own difficulty.
    """
    rng, lines = np.random.default_rng(1), []
    hardness = np.sort(rng.uniform(size=items))
    for size in SIZES:
        for seed in range(seeds):
            right = hardness < law(size) + rng.normal(0, sd) + rng.normal(0, 0.05, items)
            lines.append(
                pd.DataFrame(
                    {
                        "size": int(size),
                        "seed": seed,
                        "benchmark": "b",
                        "id": range(items),
                        "flexible": right,
                    }
                )
            )
    return pd.concat(lines)


def curve(law, **how):
    return scaling_laws.measure(answers(law, **how), resamples=100)


def test_smaller_subsets_lie_inside_larger_ones():
    subsets = scaling_laws.nested_subsets(1000, [500, 10, 100], seed=1)
    assert list(subsets) == [10, 100, 500] and all(
        len(set(rows)) == size for size, rows in subsets.items()
    )
    assert set(subsets[10]) < set(subsets[100]) < set(subsets[500])
    with pytest.raises(ValueError, match="2000"):
        scaling_laws.nested_subsets(1000, [2000], seed=1)


def test_a_design_trains_once_what_two_budgets_come_to():
    table = scaling_laws.design(
        ["a/tiny", "other"], [100, 300], ["epochs", "steps"], epochs=3, steps=19, batch_size=16
    )
    assert table[["base", "budget", "size", "steps"]].to_numpy().tolist() == [
        ["a/tiny", "epochs", 100, 19],
        ["a/tiny", "epochs", 300, 57],
        ["a/tiny", "steps", 100, 19],
        ["a/tiny", "steps", 300, 19],
        ["other", "epochs", 100, 19],
        ["other", "epochs", 300, 57],
    ]
    assert table["arm"].tolist()[:3] == ["tiny-100x19", "tiny-300x57", "tiny-100x19"]
    with pytest.raises(ValueError, match="last part of their names"):
        scaling_laws.design(
            ["a/student", "b/student"], [1], ["epochs"], epochs=1, steps=1, batch_size=1
        )
    with pytest.raises(ValueError, match="tokens"):
        scaling_laws.design(["a"], [1], ["tokens"], epochs=1, steps=1, batch_size=1)


def test_the_steps_of_a_design_are_those_of_its_curricula():
    from skymath_nb.training import curriculum

    for r in scaling_laws.design(
        ["b"], [7, 100, 333], ["epochs", "steps"], epochs=2.5, steps=13, batch_size=16
    ).itertuples():
        rows = pd.DataFrame(
            {
                "id": map(str, range(r.size)),
                "query": "q",
                "response": "r",
                "stage": "normal",
                "level": 1,
            }
        )
        plan = curriculum.build(rows, "shuffled", epochs=r.epochs, batch_size=16)
        assert plan.phase_steps(plan.phases[0]) == r.steps


@pytest.mark.parametrize("form", scaling_laws.FORMS)
def test_each_form_is_found_again_from_its_own_points(form):
    truth = scaling_laws.Fit(
        form, dict(zip(scaling_laws.FORMS[form].names, TRUE[form], strict=True)), 0.0
    )
    found = scaling_laws.fit(SIZES, truth.predict(SIZES), form)
    assert found.rmse < 1e-3 and found.predict(32_000) == pytest.approx(
        truth.predict(32_000), abs=0.01
    )


def test_the_form_is_the_one_that_predicts_unseen_sizes():
    for form in ("log_linear", "logistic"):
        truth = scaling_laws.Fit(
            form, dict(zip(scaling_laws.FORMS[form].names, TRUE[form], strict=True)), 0.0
        )
        exact = scaling_laws.Curve(SIZES, truth.predict(SIZES), np.zeros((1, len(SIZES))))
        ranked = scaling_laws.ranking(scaling_laws.held_out(exact))
        assert ranked.loc[form, "next"] < 1e-3 and ranked["next"].is_monotonic_increasing
        assert ranked.loc["power_ceiling", "next"] > 0.01, "a concave form cannot follow"
    errors = scaling_laws.held_out(exact, ["logistic"])
    assert (
        set(errors.loc[errors["how"] == "next", "size"]) == {2000, 4000, 8000}
        and len(errors[errors["how"] == "between"]) == 4
    )


def test_the_interval_of_a_point_counts_items_and_seeds():
    def flat(size):
        return 0.5

    items_alone, with_seeds = curve(flat, seeds=4), curve(flat, seeds=4, sd=0.08)
    expected = np.sqrt(0.25 / 400)  # of 400 items
    assert items_alone.draws.std(axis=0).mean() == pytest.approx(expected, rel=0.25)
    assert with_seeds.draws.std(axis=0).mean() == pytest.approx(
        np.sqrt(0.25 / 400 + 0.08**2 / 4), rel=0.35
    )
    table = scaling_laws.points(with_seeds)
    assert ((table["low"] < table["accuracy"]) & (table["accuracy"] < table["high"])).all()
    with pytest.raises(ValueError, match="1 answers are missing"):
        scaling_laws.measure(answers(flat).iloc[1:])


def test_forecasts_hold_what_is_then_measured():
    def law(size):
        return 0.9 / (1 + np.exp(-1.0 * (np.log2(size) - 10.5)))

    measured = curve(law, sd=0.01)
    told = scaling_laws.check(measured)
    assert told["inside"] and told["size"] == 8000 and told["high"] - told["low"] < 0.3
    found = scaling_laws.law(measured)
    ahead = found.forecast([16_000, 32_000])
    assert ((ahead["low"] <= ahead["accuracy"]) & (ahead["accuracy"] <= ahead["high"])).all()
    assert np.diff(ahead["high"] - ahead["low"])[0] >= -0.02, "farther is not surer"
    slope = (
        scaling_laws.law(measured, "log_linear")
        .coefficients()
        .set_index("coefficient")
        .loc["per_doubling"]
    )
    assert 0 < slope["low"] < slope["value"] < slope["high"]
    with pytest.raises(ValueError, match="checked with 5 sizes"):
        scaling_laws.check(measured.head(4))


@pytest.mark.long
def test_saturation_is_called_only_where_the_interval_says_so():
    def saturated(size):
        return 0.6

    def steep(size):
        return 0.08 * np.log2(size) - 0.5

    assert scaling_laws.law(curve(saturated, items=4000)).doubling()["saturating"] == "yes"
    assert scaling_laws.law(curve(steep, items=4000)).doubling()["saturating"] == "no"
    assert (
        scaling_laws.law(curve(lambda size: 0.02 * np.log2(size), items=100, sd=0.1)).doubling()[
            "saturating"
        ]
        == "open"
    )


@pytest.mark.long
def test_the_interval_of_a_forecast_is_right_about_as_often_as_it_says():
    truth = scaling_laws.Fit("logistic", {"half": 11.0, "slope": 1.0}, 0.0)
    rng, inside = np.random.default_rng(3), []
    for _ in range(30):
        noisy = np.clip(truth.predict(SIZES) + rng.normal(0, 0.02, len(SIZES)), 0, 1)
        draws = np.clip(noisy + rng.normal(0, 0.02, (60, len(SIZES))), 0, 1)
        inside.append(scaling_laws.check(scaling_laws.Curve(SIZES, noisy, draws))["inside"])
    assert np.mean(inside) >= 0.8


def test_a_lead_that_fades_is_seen_fading():
    def follower(size):
        return 0.08 * np.log2(size) - 0.5

    def leader(size):
        return follower(size) + 0.2 - 0.03 * np.log2(size / 250)

    leads = scaling_laws.lead(curve(follower), curve(leader))
    assert leads["size"].tolist() == [*SIZES.astype(int), 0]
    assert leads["lead"].iloc[0] == pytest.approx(0.2, abs=0.05)
    assert leads["high"].iloc[-1] < 0


def test_printed_points_have_the_chance_of_their_items():
    printed = scaling_laws.published([60_000, 7500], [0.15, 0.05], items=5000)
    assert printed.sizes.tolist() == [7500, 60_000] and printed.draws.std(axis=0)[
        1
    ] == pytest.approx(np.sqrt(0.15 * 0.85 / 5000), rel=0.3)


def test_unknown_forms_and_too_few_sizes_are_refused():
    with pytest.raises(ValueError, match="log_linear"):
        scaling_laws.fit([1, 2], [0.1, 0.2], "cubic")
    with pytest.raises(ValueError, match="1 of 3 are not"):
        scaling_laws.fit([1, 2, 3], [0.1, np.nan, 0.2], "logistic")
    with pytest.raises(ValueError, match="coefficients"):
        scaling_laws.fit([1, 2], [0.1, 0.2], "power_ceiling")
    with pytest.raises(ValueError, match="4 sizes or more"):
        scaling_laws.held_out(curve(lambda size: 0.5).head(3))
