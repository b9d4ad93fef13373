import numpy as np
import pandas as pd
import pytest

from skymath_nb import scaling

SIZES = np.array([250, 500, 1000, 2000, 4000])


def points(law, noise=0.0, runs=1):
    rng = np.random.default_rng(0)
    return pd.DataFrame([{"size": s, "accuracy": law(s) + noise * rng.normal()} for s in SIZES for _ in range(runs)])


def test_smaller_subsets_lie_inside_larger_ones():
    subsets = scaling.nested_subsets(1000, [500, 10, 100], seed=1)
    assert list(subsets) == [10, 100, 500] and all(len(set(rows)) == size for size, rows in subsets.items())
    assert set(subsets[10]) < set(subsets[100]) < set(subsets[500])
    with pytest.raises(ValueError, match="2000"):
        scaling.nested_subsets(1000, [2000], seed=1)


def test_fits_recover_the_law_the_points_were_made_from():
    line = scaling.fit(points(lambda s: 0.06 * np.log2(s) - 0.2))
    assert line.coefficients == pytest.approx((-0.2, 0.06), abs=1e-6)
    power = scaling.fit(points(lambda s: 0.8 - 5.0 * s**-0.5), "power_ceiling")
    assert power.coefficients == pytest.approx((0.8, 5.0, 0.5), rel=1e-3) and power.predict(16000) == pytest.approx(0.76047, abs=1e-3)


def test_a_forecast_holds_the_truth_in_its_interval_and_needs_several_runs():
    def law(size):
        return 0.06 * np.log2(size) - 0.2

    told = scaling.forecast(points(law, noise=0.02, runs=6), 8000, resamples=200)
    assert told["low"] <= law(8000) <= told["high"] and told["high"] - told["low"] < 0.1
    with pytest.raises(ValueError, match="at least two runs"):
        scaling.forecast(points(law), 8000)


def test_unknown_forms_and_too_few_sizes_are_refused():
    with pytest.raises(ValueError, match="log_linear"):
        scaling.fit(points(np.log2), "cubic")
    with pytest.raises(ValueError, match="coefficients"):
        scaling.fit(points(np.log2).head(2), "power_ceiling")
