from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skymath_nb import answers, evaluate, schema, world


def table(n=40, right=30, *, name="b", shift=0):
    items = pd.DataFrame([dict.fromkeys(schema.SEEDS.names, "x") | {"level": 1 + i % 5, "answer": "5"} for i in range(n)])
    items["id"] = [f"q{i}" for i in range(n)]
    texts = [f"The answer is {5 if (i + shift) % n < right else 6}." for i in range(n)]
    completions = [SimpleNamespace(text=text, tokens=7, cap_hit=False) for text in texts]
    return evaluate.assemble(name, items, completions, answers.grade_many(texts, items["answer"]))


def test_an_assembled_table_has_the_schema_and_numbers_its_samples(tmp_path):
    items = pd.concat([world.benchmark("world-distractors", 6)] * 2, ignore_index=True)
    texts = items["solution"].tolist()
    completions = [SimpleNamespace(text=text, tokens=9, cap_hit=True) for text in texts]
    made = evaluate.assemble("world-distractors", items, completions, answers.grade_many(texts, items["answer"]))
    schema.write(made, tmp_path / "answers.parquet", "answers")
    assert made["sample"].tolist() == [0] * 6 + [1] * 6 and made["distractors"].min() >= 1
    assert made["strict"].all() and made["flexible"].all()


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="2 items, 1 completions and 0 grades"):
        evaluate.assemble("b", pd.DataFrame({"id": ["1", "2"]}), [None], [])


def test_scores_have_the_wilson_interval():
    score = evaluate.score(table(100, 90)).iloc[0]
    # Wilson's interval for 90 of 100, as tabled in Newcombe 1998
    assert score["n"] == 100 and score["flexible"] == 0.9 and score["cap_hit"] == 0
    assert (round(score["strict_low"], 3), round(score["strict_high"], 3)) == (0.826, 0.945)


@pytest.mark.parametrize("right", [0, 1, 40])
def test_a_score_lies_in_its_interval_also_at_the_ends(right):
    score = evaluate.score(table(right=right)).iloc[0]
    assert 0 <= score["flexible_low"] <= score["flexible"] <= score["flexible_high"] <= 1


def test_groups_and_their_flat_report_have_names():
    both = pd.concat([table(name="world-test"), table(name="math", right=10)])
    scores = evaluate.score(both, by=("benchmark",))
    report = evaluate.flat_report(scores)
    assert report["world_test_flexible"] == 0.75 and report["math_strict_n"] == 40
    assert set(report) >= {f"math_{v}{e}" for v in evaluate.VERDICTS for e in ("", "_n", "_low", "_high")}
    with pytest.raises(ValueError, match="both named 'all'"):
        evaluate.flat_report(pd.concat([scores, scores]).drop(columns="benchmark"))
    assert len(evaluate.score(both, by=("benchmark", "level"))) == 10


def test_a_comparison_is_paired_and_exact():
    a, b = table(right=30), table(right=20, shift=5)
    row = evaluate.compare(a, b.sample(frac=1, random_state=0)).set_index("verdict").loc["flexible"]
    x, y = a["flexible"].to_numpy(), b["flexible"].to_numpy()
    assert (row["only_a"], row["only_b"]) == ((x & ~y).sum(), (y & ~x).sum())
    assert row["difference"] == pytest.approx(0.25) and row["low"] < 0.25 < row["high"]
    difference = x.astype(int) - y
    draws = np.random.default_rng(1).choice(difference, (20_000, 40)).mean(axis=1)
    assert np.allclose([row["low"], row["high"]], np.quantile(draws, [0.025, 0.975]), atol=0.026)


def test_mcnemar_counts_only_what_differs():
    assert evaluate.compare(table(), table())["p"].tolist() == [1, 1]
    one = evaluate.compare(table(right=10), table(right=4)).iloc[0]
    assert one["only_a"] == 6 and one["p"] == pytest.approx(2 / 2**6)


def test_unequal_items_are_refused_with_their_number():
    with pytest.raises(ValueError, match="3 items are only in a and 1 only in b"):
        evaluate.compare(table().iloc[1:], table().iloc[:-3])
    with pytest.raises(ValueError, match="each once"):
        evaluate.compare(pd.concat([table()] * 2), table())


def test_two_students_are_compared_per_benchmark():
    students = [table(name=n, right=r).assign(student=s) for n in "xy" for s, r in (("base", 5), ("sft", 35))]
    compared = evaluate.compare_by(pd.concat(students), "student", "sft", "base")
    assert compared["benchmark"].tolist() == ["x", "x", "y", "y"] and (compared["difference"] == 0.75).all()
    with pytest.raises(ValueError, match="'other'"):
        evaluate.compare_by(pd.concat(students), "student", "sft", "other")
