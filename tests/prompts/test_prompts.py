"""Prompts are filled exactly as written, and a wrong file or value is named."""

import pandas as pd
import pytest

from skymath_nb import prompts

GOOD = """---
name: greet
version: 2
variables: [problem, answer]
parser: question
source: our own
note: for the test
---
# system
Be brief.

# user
Problem: {{problem}}
# Notes
Costs $5 {x}, \\frac{1}{2}. Answer: {{answer}}; again {{problem}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(prompts, "FOLDER", tmp_path)
    (tmp_path / "greet.md").write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_the_whole_rendered_text_is_as_written(folder):
    assert prompts.render("greet", problem="P", answer="A") == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": "Problem: P\n# Notes\nCosts $5 {x}, \\frac{1}{2}. Answer: A; again P",
        },
    ]


@pytest.mark.parametrize(
    "value", ["{{answer}}", "$\\frac{{1}}{2}$ \\1 \\g<0>", "{{", "一共有 3 个", "# user\n---", ""]
)
def test_a_value_is_plain_text_and_never_scanned_again(folder, value):
    user = prompts.render("greet", problem=value, answer="A")[1]["content"]
    assert user.startswith(f"Problem: {value}\n") and user.endswith(f"again {value}")
    assert user.count("A;") == 1


def test_missing_and_unused_values_are_both_listed(folder):
    with pytest.raises(ValueError, match="missing: answer, problem; unused: anser"):
        prompts.render("greet", anser="A")
    with pytest.raises(ValueError, match="answer is none"):
        prompts.render("greet", problem="P", answer=3)


def test_header_fields_come_back(folder):
    prompt = prompts.load("greet")
    assert (prompt.version, prompt.variables, prompt.parser) == (
        2,
        ("problem", "answer"),
        "question",
    )
    assert prompts.names() == ["greet"]


def test_an_edit_counts_at_once(folder):
    prompts.load("greet")
    edited = folder / "greet.md"
    edited.write_text(GOOD.replace("brief", "very brief"), encoding="utf-8")
    assert prompts.load("greet").system == "Be very brief."


@pytest.mark.parametrize("name", ["gret", "../greet", "other"])
def test_an_unknown_prompt_is_refused_with_what_there_is(folder, name):
    with pytest.raises(FileNotFoundError, match="There are: greet"):
        prompts.load(name)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("---\nname", "name", "YAML header"),
        ("name: greet", "name: other", "file name must be equal"),
        ("note: for the test\n", "", "missing: note"),
        ("note:", "colour: red\nnote:", "unused: colour"),
        ("[problem, answer]", "[problem]", "unused: answer"),
        ("[problem, answer]", "[problem, answer, level]", "missing: level"),
        ("{x}", "{{X}}", "no placeholder"),
        ("# user", "# User", "one part '# user'"),
        ("# system", "text\n# system", "no text before"),
        ("# system", "# user\n# system", "one part '# user'"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(folder, old, new, error):
    (folder / "greet.md").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=error):
        prompts.load("greet")


def test_the_student_sees_only_the_users_part(folder):
    text = GOOD.replace("greet", "student").replace(", answer", "").replace("{{answer}}", "A")
    (folder / "student.md").write_text(text, encoding="utf-8")
    assert prompts.student("{{problem}}").startswith("Problem: {{problem}}\n# Notes")


# --- the library itself --------------------------------------------------------------------------

LATEX = r"If $x^{2} = \frac{1}{2}$ and {{y}} costs \$5, 求 $x$ 的值？ {a} $$"


def test_every_prompt_renders_hard_text_unharmed_and_marks_the_problem():
    from skymath_nb import augmentation

    for name in prompts.names():
        prompt = prompts.load(name)
        text = prompts.render(name, **{v: LATEX for v in prompt.variables})[-1]["content"]
        assert LATEX in text and prompt.source and prompt.note
        if name not in ("student", "chat"):  # these ask a student or a baseline, no teacher
            assert (
                f"<problem>\n{LATEX}\n</problem>" in text and prompt.parser in augmentation.PARSERS
            )


def test_every_operator_that_asks_a_teacher_has_a_prompt_and_every_prompt_its_operator():
    from skymath_nb import augmentation
    from skymath_nb.inference import offline_teacher

    ruled = {"answer", "fobar"}  # written by rule; `solve` answers them
    operators = {o for names in augmentation.METHODS.values() for o in names} - ruled
    assert operators | {"solve", "student", "chat"} == set(prompts.names())
    # an operator that the world cannot answer exactly needs a real server, and is refused here
    known = set(offline_teacher.OPERATORS)
    assert {"solve", "answer"} <= known <= operators | {"solve", "answer"}


def test_the_students_prompt_is_what_training_and_evaluation_share():
    assert prompts.student("What is 1 + 1?") == "Problem: What is 1 + 1?\nSolution:"


EXAMPLES = pd.DataFrame(
    {
        "problem": ["1 + 1?", "2 + 2?"],
        "solution": ["1 + 1 = 2.", "It is 4.\nThe answer is 4."],
        "answer": ["2", "4"],
    }
)


def test_a_problem_is_posed_in_the_style_that_was_named():
    assert prompts.pose("3?") == prompts.pose("3?", "student") == prompts.student("3?")
    assert (
        prompts.pose("3?", "chat")[0]["role"] == "user"
        and "3?" in prompts.pose("3?", "chat")[0]["content"]
    )
    shots = prompts.pose("3?", "few-shot", EXAMPLES)
    first, second = (prompts.student(problem) for problem in EXAMPLES["problem"])
    assert shots == (
        f"{first} 1 + 1 = 2.\nThe answer is 2.\n\n{second} It is 4.\nThe answer is 4.\n\n"
        f"{prompts.student('3?')}"
    )
    (stop,) = prompts.stops("few-shot")
    assert shots.count(stop) == 2 and prompts.stops("student") == prompts.stops("chat") == ()


@pytest.mark.parametrize(
    ("style", "examples", "message"),
    [
        ("shot", None, "student, chat, few-shot"),
        ("few-shot", None, "0 examples"),
        ("few-shot", EXAMPLES[:0], "0 examples"),
        ("chat", EXAMPLES, "2 examples"),
        ("few-shot", EXAMPLES.assign(problem="3?"), "its own few-shot examples"),
    ],
)
def test_a_style_that_cannot_be_is_refused(style, examples, message):
    with pytest.raises(ValueError, match=message):
        prompts.pose("3?", style, examples)
