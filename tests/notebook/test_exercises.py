"""Exercises.

Made from their solutions, which the smoke run of test_notebooks.py executes; here what their checks
say.
"""

import math
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from skymath_nb.core import paths
from skymath_nb.notebook import exercise_cells, exercises
from skymath_nb.selection import coreset

NAMES = sorted(path.stem for path in exercise_cells.FOLDER.glob("*.md"))


def test_every_notebook_has_exercises_and_every_exercise_a_notebook():
    assert NAMES == sorted(path.stem for path in paths.notebooks_folder().glob("*.ipynb"))


@pytest.mark.parametrize("name", NAMES)
def test_each_asks_for_a_prediction_first_has_a_check_and_one_breaks_something(name):
    found = exercise_cells.solutions(name)
    assert len(found) >= 2 and any("Break it on purpose" in text for text, _ in found)
    for text, code in found:
        assert text.startswith("### ") and "Predict first" in " ".join(text.split()), text
        blank, solved = exercise_cells._blank(code), exercise_cells._solved(code)
        assert (
            "predicted = None  # " in blank
            and "# predict:" not in blank + solved
            and "on the way" not in blank + solved
        )
        assert ("answer = None" in blank) != ("exercises.break_it(predicted, " in blank), (
            "an answer to compute, or a thing to break"
        )
        assert blank.splitlines()[-1] == solved.splitlines()[-1] and blank.splitlines()[
            -1
        ].startswith("exercises.")
        assert max(map(len, solved.splitlines())) <= 100 and len(solved.splitlines()) <= 25
        compile(blank, name, "exec"), compile(solved, name, "exec")


def test_cells_are_placed_once_and_before_the_last_cell():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# A?"),
            nbformat.v4.new_markdown_cell("## What we saw"),
        ]
    )
    for solved in (True, False, False):
        exercise_cells.place(notebook, NAMES[0], solved)
    sources = [cell.source for cell in notebook.cells]
    assert (
        len(sources) == 2 + 1 + 2 * len(exercise_cells.solutions(NAMES[0]))
        and sources[-1] == "## What we saw"
    )
    assert sources[1].startswith("## Exercises") and "predicted = None" in sources[3]
    assert len(exercise_cells.place(nbformat.v4.new_notebook(cells=[]), "99_nothing").cells) == 0


def test_nothing_is_told_before_a_prediction_and_nothing_of_the_truth_before_the_answer():
    def say(predicted, answer):
        return exercises.judge(
            predicted,
            answer,
            12.5,
            "points",
            0.01,
            {"the sign is turned": -12.5},
            "Look at the table.",
        )

    assert say(math.nan, None).state == "open" and say(3, np.True_).state == "wrong"
    assert (
        say(None, 12.5).state == "open"
        and say("many", None).state == "open"
        and "'many'" in say("many", None).text
    )
    assert say(3, None).state == "predicted" and say(3, ...).state == "predicted"
    assert say(3, -12.5) == (
        "wrong",
        "Not yet: -12.5 points is what you get if the sign is turned.",
    )
    assert say(3, 12).text == "Not yet: 12 points is too small. Look at the table."
    assert "much too large" in say(3, 400).text and say(3, math.nan).state == "wrong"
    assert (
        "a Series" in say(3, pd.Series([1.0])).text
        and "a bool" in say(3, True).text
        and "a str" in say(3, "12.5").text
    )
    for wrong in (12, -12.5, 400, None, "12.5"):
        assert "12.5" not in say(3, wrong).text.replace("-12.5", "")
    assert say(3, 12.503) == ("right", "Right: 12.5 points. You predicted 3, 9.5 too low.")
    assert "which is it" in say(12.5, np.float64(12.5)).text
    shown = say(3, 12.5)._repr_html_()
    assert shown.startswith("<p") and "✓" in shown and "color" not in shown, (
        "a page's own colours, light or dark"
    )


def test_what_breaks_on_purpose_runs_only_after_a_prediction():
    ran = []

    def broken():
        ran.append(1)
        return 40

    assert exercises.break_it(None, broken, "per cent", "So it is.").state == "open" and not ran
    said = exercises.break_it(10, broken, "per cent", "So it is.")
    assert exercises.break_it(10, lambda: math.nan, "per cent", "").state == "wrong"
    assert said == (
        "seen",
        "It is 40 per cent. You predicted 10, 30 too low. So it is.",
    ) and ran == [1]


def graded(right: dict[str, list[int]], benchmark="t"):
    rows = [
        (student, f"{benchmark}-{i}", bool(x))
        for student, xs in right.items()
        for i, x in enumerate(xs)
    ]
    table = pd.DataFrame(rows, columns=["student", "id", "flexible"])
    return table.assign(benchmark=benchmark, sample=0, strict=table["flexible"], cap_hit=False)


PHASES = pd.DataFrame(
    {"phase": ["stage 1", "stage 2"], "rows": [300, 90], "epochs": [3.0, 3.0], "steps": [57, 17]}
)
INSTANCES = pd.DataFrame(
    {"tokens_in": [100, 100, 300], "tokens_out": [10, 30, 50], "kept": [True, True, False]}
)
POINTS = pd.DataFrame({"size": [100, 400, 1600], "accuracy": [0.1, 0.4, 0.5]})
FOUND = pd.DataFrame(
    {
        "claim": [1, 1, -1, 0],
        "found": ["reproduced", "not seen", "reversed", "more"],
        "difference": [0.1, 0.05, 0.2, 0.3],
    }
)
ANSWERS = pd.concat(
    [
        graded({"one": [1, 1, 0, 0], "two": [1, 0, 1, 1]}),
        graded({"one": [0] * 4, "two": [0, 0, 0, 1]}, "u"),
    ]
)
TEST = pd.DataFrame({"answer": ["6", "6", "7", "8"]})
TEXTS = pd.Series(
    [f"Tom has {i} pens and buys {i + 3} more at the shop in town today." for i in (2, 2, 4)]
)
X = np.linspace(0, 1, 40)[:, None] * np.array([[1.0, 0.5]], dtype=np.float32)


@pytest.mark.parametrize(
    "check, given, right, wrong",
    [
        (exercises.guessing, (TEST,), 50, {2: "counted", 0.5: "not in per cent"}),
        (
            exercises.duplicates,
            (TEXTS, 1.0, 0),
            100 / 3,
            {200 / 3: "stay", 1 / 3: "not in per cent", 1: "counted"},
        ),
        (
            exercises.cost,
            (INSTANCES, {"input": 10, "output": 30}),
            3.85,
            {1.6: "only the kept", 0.00385: "for one instance"},
        ),
        (
            exercises.steps,
            (PHASES, 32),
            38,
            {1170: "rows are counted", 390 / 32: "read once", 74: "trained with"},
        ),
        (
            exercises.paired,
            (ANSWERS, "two", "one", "t"),
            25,
            {-25: "sign", 1: "items are counted", 50: "only the items gained"},
        ),
        (
            exercises.doubling,
            (POINTS,),
            10,
            {
                40 / math.log(16): "natural",
                40 / math.log10(16): "ten",
                2.5: "ratio",
                40: "whole way",
            },
        ),
        (
            exercises.reproduced,
            (FOUND,),
            100 / 3,
            {25: "without a claim", 1: "counted", 200 / 3: "sign alone"},
        ),
        (
            exercises.standard_error,
            (0.5, 100),
            5,
            {9.8: "half width", 0.05: "fraction", 0.25: "root", 50: "one item"},
        ),
    ],
)
def test_a_check_knows_the_right_answer_and_says_which_mistake_a_wrong_one_is(
    check, given, right, wrong
):
    assert check(1, right, *given).state == "right"
    for answer, why in wrong.items():
        said = check(1, answer, *given)
        assert said.state == "wrong" and why in said.text, said
    assert (
        check(1, right * 7 + 3, *given).state == "wrong"
        and check(None, right, *given).state == "open"
    )


def test_the_radius_is_that_of_twice_as_many():
    path = coreset.select("k_center", X, 8, seed=0).radius
    assert exercises.radius(1, path[-1], X, 4, None, 0).state == "right"
    assert "not twice as many" in exercises.radius(1, path[3], X, 4, None, 0).text


def test_two_seeds_of_one_recipe_are_found_apart_when_they_are():
    same = pd.concat([graded({"m": [1, 0] * 50}).assign(seed=seed, arm="same") for seed in (0, 1)])
    apart = pd.concat(
        [graded({"m": [seed] * 100}).assign(seed=seed, arm="apart") for seed in (0, 1)]
    )
    assert exercises.chance(pd.concat([same, apart])) == 50 and exercises.chance(same) == 0


def test_few_items_lose_a_real_difference_now_and_then():
    answers = pd.concat(
        [
            graded({"m": [1] * 60 + [0] * 40}).assign(size=2),
            graded({"m": [1] * 50 + [0] * 50}).assign(size=1),
        ]
    )
    few, all_of_them = (exercises.contests(answers, "size", 2, 1, n, 0, 300) for n in (5, 100))
    assert few > 30 and all_of_them == 0


def test_scratch_lies_outside_every_run():
    folder = exercises.scratch()
    assert (
        folder.is_dir()
        and not folder.is_relative_to(paths.runs_folder())
        and not any(folder.iterdir())
    )
    code = "from skymath_nb.notebook import exercises; print(exercises.scratch())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() and not Path(done.stdout.strip()).exists(), "it goes with the kernel"
    assert set(exercises.LOOK) == {"open", "predicted", "wrong", "right", "seen"}
