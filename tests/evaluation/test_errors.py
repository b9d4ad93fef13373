import random
import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from skymath_nb import grading, world
from skymath_nb.evaluation import error_tables, errors

STORY = (
    "Tom has 9 pens. Tom loses 2 of the pens. Soon Tom has 4 times as many pens as before. How "
    "many pens does Tom have now?"
)
# the solution is 9 - 2 = 7, then 7 * 4 = 28
NOISY = STORY.replace("Soon", "Ann has 6 cousins. Soon")


def judged(response, gold="28", problem=STORY, cap_hit=False):
    grade = grading.grade(response, gold)
    return errors.diagnose(
        response, grade.extracted, grade.strict, grade.flexible, cap_hit, problem
    )


# --- classes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "expected", "evidence"),
    [
        ("9 - 2 = 7. 7 * 4 = 28.\nThe answer is 28.", "right", ""),
        ("9 - 2 = 7. 7 * 4 = 28. So it is \\boxed{28}", "wrong extraction", "28"),
        ("9 - 2 = 6. 7 * 4 = 28.\nThe answer is 28.", "right answer with wrong steps", "9 - 2 = 6"),
        ("首先，9 - 2 = 7。最后，7 * 4 = 28。\nThe answer is 28.", "wrong language", "首"),
        ("I cannot say", "no answer", ""),
        ("9 - 2 = 8. 8 * 4 = 32.\nThe answer is 32.", "arithmetic slip", "9 - 2 = 8"),
        ("9 + 2 = 11. 11 * 4 = 44.\nThe answer is 44.", "wrong operation", "9 + 2 = 11"),
        ("2 - 9 = -7. -7 * 4 = -28.\nThe answer is -28.", "wrong operation", "2 - 9 = -7"),
        ("9 - 3 = 6. 6 * 4 = 24.\nThe answer is 24.", "wrong number copied", "9 - 3 = 6"),
        ("9 - 2 = 7. 7 * 4 = 28.\nThe answer is 26.", "wrong number copied", "The answer is 26."),
        ("9 - 4 = 5. 5 * 4 = 20.\nThe answer is 20.", "wrong operand", "9 - 4 = 5"),
        ("9 * 4 = 36.\nThe answer is 36.", "missing step", "9 * 4 = 36"),
        ("9 - 2 = 7.\nThe answer is 7.", "missing step", "9 - 2 = 7"),
        ("9 - 2 = 7. 7 * 4 = 28. 28 - 2 = 26.\nThe answer is 26.", "extra step", "28 - 2 = 26"),
        ("9 - 2 = 7. 7 - 2 = 5. 5 * 4 = 20.\nThe answer is 20.", "extra step", "7 - 2 = 5"),
        ("4 + 4 = 8. 8 - 2 = 6.\nThe answer is 6.", "wrong set-up", "4 + 4 = 8"),
        ("9 - 2 = .\n7 * 4 = 30.\nThe answer is 30.", "malformed step", "9 - 2 ="),
    ],
)
def test_the_first_rule_that_holds_names_the_class_and_shows_the_place(
    response, expected, evidence
):
    found = judged(response)
    assert (found.error, response[found.start : found.end]) == (
        expected,
        evidence,
    ) and expected in errors.CLASSES
    assert bool(found.evidence) == (expected != "right")


def test_a_distractor_is_told_from_a_number_that_matters():
    assert (
        judged("9 - 6 = 3. 3 * 4 = 12.\nThe answer is 12.", problem=NOISY).error
        == "distractor used"
    )
    assert (
        judged("9 - 6 = 3. 3 * 4 = 12.\nThe answer is 12.", problem=STORY).error
        == "wrong number copied"
    )
    needed = NOISY.replace("6 cousins", "2 cousins")  # 2 stands in a sentence that matters too
    assert (
        judged("9 - 4 = 5. 5 * 2 = 10.\nThe answer is 10.", problem=needed).error == "wrong operand"
    )


def test_what_is_worked_out_in_words_is_not_called_missing_or_invented():
    assert (
        judged("Losing 2 leaves 7 pens, and 7 * 4 = 28.\nThe answer is 20.").error
        == "wrong number copied"
    )
    assert (
        judged("Losing 2 leaves 8 pens, and 8 * 4 = 32.\nThe answer is 32.").error
        == "wrong operand"
    )
    assert (
        judged("Let p = 9. He has $p - 2$ pens, four times that.\nThe answer is 30.").error
        == "other"
    )
    assert judged("He has some pens, so there are many.\nThe answer is 30.").error == "other"
    assert judged("The answer is 30.").error == "missing step"
    assert (
        judged("The answer is 8.", "9", "Tom has 9 pens. How many pens does Tom have now?").error
        == "wrong number copied"
    )


def test_a_right_answer_that_no_step_leads_to_is_told_from_one_worked_out_in_words():
    assert (
        judged("9 * 4 = 36. 36 - 2 = 34.\nThe answer is 28.").error
        == "right answer with wrong steps"
    )
    assert (
        judged("9 - 2 = 7 pens, and four times that gives 28.\nThe answer is 28.").error == "right"
    )
    assert judged("9 - 2 = 7 pens, so $p = 7 \\times 2^2$.\nThe answer is 28.").error == "right"


def test_a_cut_off_answer_is_not_searched_and_a_slip_is_found_behind_another_right_way():
    assert judged("9 - 2 = 8. 8 *", cap_hit=True).error == "cut off"
    other_way = "9 * 4 = 36. 2 * 4 = 8. 36 - 8 = 27.\nThe answer is 27."
    assert judged(other_way).error == "arithmetic slip"
    assert judged(other_way.replace("27", "28")).error == "right", (
        "another way to the right answer is no fault"
    )


def test_a_chinese_problem_answered_in_english_words_is_in_the_wrong_language():
    problem = world.translate(world.read(STORY), "zh").text
    assert (
        judged("First, 9 - 2 = 7. Finally, 7 * 4 = 28.\nThe answer is 28.", problem=problem).error
        == "wrong language"
    )
    assert judged("9 - 2 = 7. 7 * 4 = 28.\nThe answer is 28.", problem=problem).error == "right", (
        "numbers have no language"
    )
    assert (
        judged("所以 $\\frac{28}{1}$ \\text{cm}\nThe answer is 28.", problem=problem).error
        == "right"
    )


def test_without_a_graph_less_is_said():
    problem = "Ann sells 12 cakes for $3 each and pays $10 for flour. How much is left?"
    assert (
        judged("12 * 3 = 36. 36 - 10 = 25.\nThe answer is 25.", "26", problem).error
        == "arithmetic slip"
    )
    assert (
        judged("12 * 3 = 36. 36 + 10 = 46.\nThe answer is 46.", "26", problem).error == "other"
    ), "an operation cannot be judged"
    assert (
        judged("12 * 3 = 36. 36 - 17 = 19.\nThe answer is 19.", "26", problem).error
        == "wrong number copied"
    )
    assert (
        judged(
            "12 * 3 = 36. The flour costs 17. 36 - 17 = 19.\nThe answer is 19.", "26", problem
        ).error
        == "other"
    )
    assert (
        judged("14 * 7 = 98\nThe answer is 98.", "26", "Find $\\sqrt{x}$ and $x^2$.").error
        == "other"
    ), "formulas bring numbers of their own"
    assert judged("3 + 3 = 7\nThe answer is 7.", "6", None).error == "arithmetic slip"


def test_a_table_is_classified_row_by_row_with_its_index():
    texts = ["9 - 2 = 7. 7 * 4 = 28.\nThe answer is 28.", "9 + 2 = 11.\nThe answer is 11.", None]
    grades = grading.grade_many([t or "" for t in texts], ["28"] * 3)
    table = pd.DataFrame([g._asdict() for g in grades], index=[7, 3, 5]).assign(
        response=texts, cap_hit=False, problem=[STORY, STORY, None]
    )
    found = errors.classify(table)
    assert found["error"].to_dict() == {7: "right", 3: "wrong operation", 5: "no answer"}
    assert (
        found.columns.tolist() == ["error", "start", "end", "evidence"]
        and found[["start", "end"]].dtypes.eq("int64").all()
    )
    with pytest.raises(ValueError, match="lacks problem.*Join the problems"):
        errors.classify(table.drop(columns="problem"))


HOSTILE = [
    "1 + 1 = " * 6_000,
    "1 + 1 = 2\n9 =\n" * 4_000,
    "(" * 50_000,
    "9" * 50_000 + " = 1",
    "gcd(" * 20_000,
    "\x00\ue000 3 \ue000 4 = 5\u202e",
    "9**9**9**9 = 1\n10^(10^10) = 2\n__import__('os').system('true') = 0",
    "<<" * 30_000,
    "1/" * 30_000 + "1 = 1",
    "a" * 100_000,
    "1 x " * 30_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_judged_quickly(text):
    import time

    start = time.process_time()
    for problem in (STORY, None, "How much is 3 and 4?"):
        assert judged(text + "\nThe answer is 5.", problem=problem).error in errors.CLASSES
    assert time.process_time() - start < 5


# --- validity ------------------------------------------------------------------------------------

# recall per planted class, chosen after measuring 200 to 400 of each under four other seeds
FLOORS = {
    "right": 1.0,
    "wrong extraction": 1.0,
    "right answer with wrong steps": 0.99,
    "wrong language": 0.99,
    "cut off": 0.92,
    "no answer": 1.0,
    "arithmetic slip": 0.99,
    "wrong number copied": 0.98,
    "distractor used": 0.98,
    "wrong operation": 0.97,
    "wrong operand": 0.94,
    "missing step": 0.9,
    "extra step": 0.93,
    "malformed step": 0.98,
}


@pytest.fixture(scope="module")
def validated():
    return errors.validate(per_level=15, seed=7)


def test_planted_errors_are_found_and_right_solutions_are_left_alone(validated):
    table = errors.confusion(validated)
    assert set(table.index) == {"right", *errors.PLANTED} == set(FLOORS)
    assert (
        (table["n"] >= 120).all()
        and validated["level"].nunique() == 5
        and validated["language"].nunique() == 2
    )
    below = {
        name: round(table.loc[name, "recall"], 3)
        for name, floor in FLOORS.items()
        if table.loc[name, "recall"] < floor
    }
    assert not below
    assert (validated["error"] == "other").mean() < 0.01


def test_a_planted_error_is_one(validated):
    stepped = validated[
        validated["planted"].isin(["arithmetic slip", "wrong operation", "missing step"])
    ]
    for row in stepped.head(60).itertuples():
        problem = world.read(row.problem)
        assert row.response not in [problem.solution(style) for style in range(4)]
        assert grading.extract(row.response) != world.number(problem.answer)
    clean = world.read(STORY)
    assert errors.plant(clean, "distractor used", random.Random(0)) is None, (
        "there is no distractor to use"
    )
    told = world.read("Tom has 9 pens. How many pens does Tom have now?")
    assert errors.plant(told, "cut off", random.Random(0)) is None, "there is no step"
    with pytest.raises(ValueError, match="'bad luck' cannot be planted"):
        errors.plant(clean, "bad luck", random.Random(0))


def test_the_teachers_own_mistakes_get_the_class_of_their_kind():
    from skymath_nb.inference import offline_teacher

    found = []
    for problem in world.draw(23, 200):
        body = {
            "model": "offline@1,1,1,1,1",
            "messages": [{"role": "user", "content": problem.text}],
        }
        status, reply = offline_teacher.respond(body, "solve")
        assert status == 200
        found.append(
            judged(
                reply["choices"][0]["message"]["content"],
                world.number(problem.answer),
                problem.text,
            ).error
        )
    shares = pd.Series(found).value_counts(normalize=True)
    # a slip, another operation, another number of the text
    made = ["arithmetic slip", "wrong operation", "wrong operand"]
    assert (shares[made] > 0.1).all() and shares[made].sum() > 0.95


# --- rows ----------------------------------------------------------------------------------------


def rows(n):
    return pd.DataFrame(
        {"id": [f"r{i}" for i in range(n)], "operator": "deepen", "seed_id": "s", "query": "q"}
    )


def test_the_nearest_rows_are_those_of_brute_force_whatever_the_block(monkeypatch):
    rng = np.random.default_rng(0)
    X, wanted = (
        rng.normal(size=(500, 8)).astype(np.float32),
        rng.normal(size=(7, 8)).astype(np.float32),
    )
    X[40:60] = X[3]  # many ties
    X[9] = 0
    wanted[0] = X[3] * 5
    cosines = np.array(
        [
            [float(w @ x) / (np.linalg.norm(w) * np.linalg.norm(x) or 1) for x in X.astype(float)]
            for w in wanted.astype(float)
        ]
    )
    for budget in (1 << 24, 900):
        monkeypatch.setattr(error_tables, "BUDGET", budget)
        found = errors.nearest(X, rows(500), wanted, list("abcdefg"), k=6)
        assert (
            found["wanted_id"].tolist() == [c for c in "abcdefg" for _ in range(6)]
            and found["rank"].tolist() == [1, 2, 3, 4, 5, 6] * 7
        )
        for i, (_, part) in enumerate(found.groupby("wanted_id")):
            expected = np.lexsort((np.arange(500), -np.round(cosines[i], 10)))[:6]
            assert part["id"].tolist() == [f"r{j}" for j in expected]
            assert np.allclose(part["cosine"], cosines[i][expected])
        assert found["id"].tolist()[:6] == ["r3", "r40", "r41", "r42", "r43", "r44"], (
            "ties go to the first row"
        )
        assert found.columns.tolist() == [
            "wanted_id",
            "rank",
            "cosine",
            "id",
            "operator",
            "seed_id",
            "query",
        ]
    assert len(errors.nearest(X[:2], rows(2), wanted, list("abcdefg"), k=5)) == 14, (
        "there are no more than two"
    )


def test_vectors_may_lie_in_a_file(tmp_path):
    X = np.eye(4, dtype=np.float32)
    np.save(tmp_path / "x.npy", X)
    found = errors.nearest(np.load(tmp_path / "x.npy", mmap_mode="r"), rows(4), X[[2]], ["w"], k=1)
    assert found["id"].tolist() == ["r2"] and found["cosine"].tolist() == [1.0]


def test_vectors_that_do_not_fit_are_refused():
    X = np.eye(4, dtype=np.float32)
    for bad in (dict(rows=rows(3)), dict(wanted=X[:, :3]), dict(ids=["a"]), dict(k=0)):
        with pytest.raises(ValueError, match="Embed rows and problems in one call"):
            errors.nearest(**(dict(vectors=X, rows=rows(4), wanted=X, ids=list("abcd"), k=1) | bad))
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="vector 3 of the training rows"):
        errors.nearest(X, rows(4), X[:1], ["a"])


def test_topics_come_from_the_text_else_from_the_seed():
    table = pd.DataFrame(
        {"query": [STORY, "What is 3 + 4?", "What?"], "seed_id": ["s", "s", "t"]}, index=[4, 5, 6]
    )
    seeds = pd.DataFrame({"id": ["s"], "subject": ["algebra"]})
    assert errors.topics(table, seeds).to_dict() == {4: "belongings", 5: "algebra", 6: ""}


def cells():
    """Level 1: 40 answers, 10 wrong on a, 0 on b.

    Level 2: 20 of 20 wrong on a; level 3 stands alone on c.
    """
    spec = [("a", 1, 20, 10), ("b", 1, 20, 0), ("a", 2, 20, 20), ("c", 3, 5, 5)]
    table = pd.DataFrame(
        [
            {"benchmark": b, "level": level, "flexible": i >= wrong}
            for b, level, n, wrong in spec
            for i in range(n)
        ]
    )
    table["error"] = np.where(
        table["flexible"], "right", np.where(table.index % 4, "other", "arithmetic slip")
    )
    return table, pd.DataFrame({"level": [1] * 30 + [2] * 4})


def test_cells_are_ranked_by_the_errors_above_their_comparable_cells():
    table = errors.rank_cells(*cells(), "level")
    assert table["level"].tolist() == [2, 1, 3]
    top, low, alone = table.to_dict("records")
    # on a, the others of level 2 are level 1's 20 answers with 10 errors: 20 answers would have 10
    assert (
        top["n"],
        top["errors"],
        top["training_rows"],
        top["usual_rate"],
        top["above"],
        top["apart"],
    ) == (20, 20, 4, 0.5, 10.0, True)
    # on a, level 1 would have all 20 wrong; on b nothing compares
    assert (low["n"], low["above"], low["usual_rate"], low["training_rows"]) == (40, -10.0, 1.0, 30)
    assert np.isnan(alone["above"]) and not alone["apart"] and alone["training_rows"] == 0
    assert table["share"].sum() == pytest.approx(1) and (table["low"] <= table["error_rate"]).all()
    assert re.fullmatch(r"other 7\d%, arithmetic slip 2\d%", top["classes"])


def test_cells_of_several_columns_and_without_comparison():
    table, training = cells()
    crossed = errors.rank_cells(
        table, training.assign(benchmark="a"), ["benchmark", "level"], within=()
    )
    assert crossed[["benchmark", "level", "training_rows"]].to_numpy().tolist()[0] == ["a", 2, 4]
    # 35 of 65 are wrong, of the other 45 it is 15: 20 answers would have 6.67 errors
    assert crossed["above"].iloc[0] == pytest.approx(20 - 20 * 15 / 45)


def test_cells_that_cannot_be_compared_are_refused():
    table, training = cells()
    with pytest.raises(ValueError, match="operator of the answers, operator of the rows"):
        errors.rank_cells(table, training, "operator")
    with pytest.raises(ValueError, match="no column twice"):
        errors.rank_cells(table, training, "level", within=["level"])
    with pytest.raises(ValueError, match="3 of 65 answers have no value"):
        errors.rank_cells(
            table.assign(level=[None] * 3 + table["level"].tolist()[3:]), training, "level"
        )


def test_the_same_number_written_as_a_fraction_is_one_operand():
    problem = world.read(
        "Tom has 9 pens. Tom shares the pens equally among 2 children and keeps one share. Tom "
        "loses 2 of the pens. "
        "How many pens does Tom have now?"
    )
    assert problem.answer == Fraction(5, 2)
    assert judged(problem.solution(0), "5/2", problem.text).error == "right"
    assert (
        judged("9 / 2 = 9/2. 9/2 + 2 = 13/2.\nThe answer is 13/2.", "5/2", problem.text).error
        == "wrong operation"
    )


def test_cells_of_several_columns_stand_in_one_ranking():
    table, training = cells()
    table, training = table.assign(subject=table["benchmark"]), training.assign(subject="a")
    ranked = errors.rank_all(table, training, {"level": ["benchmark"], "subject": ["benchmark"]})
    assert (
        set(ranked["by"]) == {"level", "subject"}
        and ranked["above"].dropna().is_monotonic_decreasing
    )
    alone = errors.rank_cells(table, training, "level", ["benchmark"]).set_index("level")["above"]
    levels = ranked[ranked["by"] == "level"].set_index("cell")["above"]
    pd.testing.assert_series_equal(
        levels.sort_index(),
        alone.sort_index(),
        check_names=False,
        check_dtype=False,
        check_index_type=False,
    )
