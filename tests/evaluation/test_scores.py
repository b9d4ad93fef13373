from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skymath_nb import grading as answers
from skymath_nb import world
from skymath_nb.core import schema
from skymath_nb.evaluation import scores as evaluate


def table(n=40, right=30, *, name="b", shift=0):
    items = pd.DataFrame(
        [
            dict.fromkeys(schema.SEEDS.names, "x") | {"level": 1 + i % 5, "answer": "5"}
            for i in range(n)
        ]
    )
    items["id"] = [f"q{i}" for i in range(n)]
    texts = [f"The answer is {5 if (i + shift) % n < right else 6}." for i in range(n)]
    completions = [SimpleNamespace(text=text, tokens=7, cap_hit=False) for text in texts]
    return evaluate.assemble(name, items, completions, answers.grade_many(texts, items["answer"]))


def test_an_assembled_table_has_the_schema_and_numbers_its_samples(tmp_path):
    items = pd.concat([world.benchmark("world-distractors", 6)] * 2, ignore_index=True)
    texts = items["solution"].tolist()
    completions = [SimpleNamespace(text=text, tokens=9, cap_hit=True) for text in texts]
    made = evaluate.assemble(
        "world-distractors", items, completions, answers.grade_many(texts, items["answer"])
    )
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
    assert set(report) >= {
        f"math_{v}{e}" for v in evaluate.VERDICTS for e in ("", "_n", "_low", "_high")
    }
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
    with pytest.raises(ValueError, match="40 answers are there again"):
        evaluate.compare(pd.concat([table()] * 2), table())


def test_two_students_are_compared_per_benchmark():
    students = [
        table(name=n, right=r).assign(student=s)
        for n in "xy"
        for s, r in (("base", 5), ("sft", 35))
    ]
    compared = evaluate.compare_by(pd.concat(students), "student", "sft", "base")
    assert (
        compared["benchmark"].tolist() == ["x", "x", "y", "y"]
        and (compared["difference"] == 0.75).all()
    )
    with pytest.raises(ValueError, match="'other'"):
        evaluate.compare_by(pd.concat(students), "student", "sft", "other")


def sampled(chances, samples=6, seed=0, **columns):
    """Answers of one model with several samples an item: 5 is right, 6 and 7 are wrong."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "benchmark": "b",
            "id": f"q{i}",
            "sample": j,
            "extracted": "5" if right else str(rng.integers(6, 8)),
            "flexible": bool(right),
        }
        for i, chance in enumerate(chances)
        for j, right in enumerate(rng.random(samples) < chance)
    ]
    return pd.DataFrame(rows).assign(strict=lambda t: t["flexible"], cap_hit=False, **columns)


def test_several_samples_of_an_item_widen_the_interval():
    chances = np.repeat([0.02, 0.98], 30)
    answers = sampled(chances)
    row, alone = (
        evaluate.score(answers).iloc[0],
        evaluate.score(answers.assign(id=range(360))).iloc[0],
    )
    assert (row["n"], row["items"], row["interval"]) == (360, 60, "bootstrap over items")
    assert (alone["items"], alone["interval"]) == (360, "Wilson") and row["flexible"] == alone[
        "flexible"
    ]
    assert row["flexible_high"] - row["flexible_low"] > 2 * (
        alone["flexible_high"] - alone["flexible_low"]
    )
    assert set(evaluate.flat_report(evaluate.score(answers, by="benchmark"))) == {
        f"b_{v}{e}" for v in evaluate.VERDICTS for e in ("", "_n", "_low", "_high")
    } | {"b_cap_hit"}


def test_completed_and_cut_off_answers_are_scored_apart():
    answers = table(40, 30).assign(cap_hit=[i >= 25 for i in range(40)])
    apart = evaluate.score_endings(answers).set_index("ending")
    assert apart["n"].to_dict() == {"completed": 25, "cut off": 15} and apart["share"].sum() == 1
    assert apart["flexible"].to_dict() == {"completed": 1.0, "cut off": 5 / 15}
    both = evaluate.score_endings(pd.concat([answers, table(name="c")]), by="benchmark")
    assert both["ending"].tolist() == ["completed", "cut off", "completed"] and both[
        "share"
    ].tolist() == [0.625, 0.375, 1]


def test_lengths_are_cut_into_ranges_of_about_as_many():
    lengths = pd.Series([3, 1, 2, 1000, 4, 5, 6, 7], index=list("abcdefgh"))
    cut = evaluate.bins(lengths, 2)
    assert (
        cut.cat.categories.tolist() == ["1 to 4", "5 to 1,000"]
        and cut["d"] == "5 to 1,000"
        and cut["a"] == "1 to 4"
    )
    assert evaluate.bins(pd.Series([7, 7, 7])).tolist() == ["7"] * 3
    answers = table(8, 4).assign(length=evaluate.bins(pd.Series([300, 20, 200, 3, 5, 30, 100, 2])))
    scores = evaluate.score(answers, by="length").sort_values("length")
    assert (
        scores["length"].tolist() == ["2 to 3", "5 to 20", "30 to 100", "200 to 300"]
        and scores["n"].tolist() == [2] * 4
    )
    with pytest.raises(ValueError, match="1 of 2 are missing"):
        evaluate.bins(pd.Series([1, None]))


def test_pass_and_majority_at_k_come_with_intervals_per_group():
    answers = pd.concat(
        [sampled(np.full(80, 0.6), student="a"), sampled(np.full(80, 0.0), student="b")]
    )
    passed = evaluate.pass_at_k(answers, (1, 6), by="student").set_index(["student", "k"])
    assert (
        passed.loc[("a", 1), "pass_at_k"] == pytest.approx(0.6, abs=0.05)
        and passed.loc[("b", 6), "pass_at_k"] == 0
    )
    assert passed.loc[("a", 6), "pass_at_k"] > 0.95 and passed.loc[
        ("b", 6), "pass_at_k_high"
    ] == pytest.approx(0.046, abs=0.001)
    majority = evaluate.majority_at_k(answers, (1, 5), by="student").set_index(["student", "k"])
    assert majority.loc[("a", 1), "majority_at_k"] == pytest.approx(
        passed.loc[("a", 1), "pass_at_k"], abs=0.02
    )
    row = majority.loc[("a", 5)]
    assert (
        row["majority_at_k_low"] < row["majority_at_k"] < row["majority_at_k_high"]
        and row["majority_at_k"] > 0.6
    )
    with pytest.raises(ValueError, match="480 answers have the same benchmark, id and sample"):
        evaluate.pass_at_k(answers, 1)


def test_answers_vote_together_where_they_are_equivalent():
    said = [("1/2", True), ("0.5", True), ("50%", True), ("2", False), ("2", False), (None, False)]
    answers = pd.DataFrame(said, columns=["extracted", "flexible"]).assign(
        benchmark="b", id="q", sample=range(6)
    )
    assert evaluate.majority_at_k(answers, 6)["majority_at_k"].tolist() == [1]


def test_models_with_several_samples_are_compared_by_their_means():
    chances = np.random.default_rng(1).random(150)
    same, better = (
        sampled(chances, seed=2),
        sampled(np.clip(chances + 0.15, 0, 1), samples=4, seed=3),
    )
    row = evaluate.compare(better, sampled(chances, seed=4)).iloc[0]
    assert (
        row["test"] == evaluate.SIGN_FLIPS
        and row["n"] == 150
        and row["p"] < 0.001
        and 0 < row["low"] < 0.14 < row["high"]
    )
    assert row["a"] == pytest.approx(better["strict"].mean()) and row["only_a"] > row["only_b"]
    assert evaluate.compare(same, sampled(chances, seed=4)).iloc[0]["p"] > 0.05
    assert evaluate.compare(table(), table(right=20)).iloc[0]["test"] == evaluate.MCNEMAR


def test_many_comparisons_are_corrected_and_say_how_many_they_are():
    students = [
        table(right=r).assign(student=s) for s, r in (("base", 18), ("mid", 23), ("end", 25))
    ]
    compared = evaluate.compare_all(pd.concat(students), "student", "end", ["base", "mid"])
    strict = compared[compared["verdict"] == "strict"]
    assert strict["comparisons"].tolist() == [2, 2] and strict["p_holm"].tolist() == [
        2 * strict["p"].min(),
        0.5,
    ]
    assert (evaluate.correct(compared, "bh")["p_bh"] >= compared["p"]).all()


def test_versions_of_items_are_compared_with_the_original_in_pairs():
    parts = []
    for k, right in enumerate((30, 28, 10)):
        parts.append(
            table(right=right, name=f"d{k}").assign(
                distractors=k, pair=lambda t: t["id"], id=lambda t, k=k: f"{k}-" + t["id"]
            )
        )
    parts[2] = parts[2].iloc[5:]
    found = (
        evaluate.compare_variants(pd.concat(parts), "distractors", 0)
        .query("verdict == 'flexible'")
        .set_index("distractors")
    )
    assert found["difference"].to_dict() == {1: -2 / 40, 2: -20 / 35} and found[
        "unpaired"
    ].to_dict() == {1: 0, 2: 5}
    assert found["b"].to_dict() == {1: 30 / 40, 2: 25 / 35}, (
        "each against the original on its own items"
    )
    assert found.loc[1, "p"] == 0.5 and found.loc[2, "p_holm"] == pytest.approx(
        2 * found.loc[2, "p"]
    )
    twice = pd.concat([pd.concat(parts).assign(student=s) for s in "xy"])
    both = evaluate.compare_variants(twice, "distractors", 0, by="student")
    assert (
        len(both) == 8
        and set(both["comparisons"]) == {4}
        and list(both)[:2] == ["student", "distractors"]
    )


def test_an_original_item_stands_for_itself():
    original = table(20, 20).assign(pair=None)
    changed = table(20, 10, name="changed").assign(
        pair=lambda t: t["id"], id=lambda t: t["id"] + "-changed"
    )
    row = evaluate.compare_variants(pd.concat([original, changed]), "benchmark", "b").iloc[0]
    assert row["n"] == 20 and row["difference"] == -0.5


def test_perturbations_of_one_item_count_as_one():
    original = table(20, 20).assign(kind="original", pair=lambda t: t["id"])
    changed = [
        table(20, right).assign(
            kind="number", pair=lambda t: t["id"], id=lambda t, r=right: t["id"] + f"-{r}"
        )
        for right in (20, 10)
    ]
    row = evaluate.compare_variants(pd.concat([original, *changed]), "kind", "original").iloc[0]
    assert (
        row["n"] == 20
        and row["difference"] == -0.25
        and row["only_b"] == 10
        and row["test"] == evaluate.SIGN_FLIPS
    )


def test_versions_without_a_pair_are_refused():
    plain = table().assign(kind="original", pair=lambda t: t["id"])
    other = table().assign(kind="changed", pair=lambda t: t["id"] + "x", id=lambda t: t["id"] + "x")
    with pytest.raises(ValueError, match="share no pair"):
        evaluate.compare_variants(pd.concat([plain, other]), "kind", "original")
    with pytest.raises(ValueError, match="has the values .'changed', 'original'."):
        evaluate.compare_variants(pd.concat([plain, other]), "kind", "plain")
    with pytest.raises(ValueError, match="values .'original'."):
        evaluate.compare_variants(plain, "kind", "original")


def test_the_worlds_versions_keep_their_pair_in_the_answers():
    tables = []
    for name in ("world-distractors-0", "world-distractors-2", "world-chinese-distractors-0"):
        items = world.benchmark(name, 6)
        completions = [
            SimpleNamespace(text=text, tokens=9, cap_hit=False) for text in items["solution"]
        ]
        tables.append(
            evaluate.assemble(
                name, items, completions, answers.grade_many(items["solution"], items["answer"])
            )
        )
    graded = pd.concat(tables)
    assert evaluate.compare_variants(graded.query("language == 'en'"), "distractors", 0)[
        "n"
    ].tolist() == [6, 6]
    assert evaluate.compare_variants(graded.query("distractors == 0"), "language", "en")[
        "difference"
    ].tolist() == [0, 0]
