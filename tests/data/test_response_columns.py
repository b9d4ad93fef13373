"""Columns of a file of responses are chosen by what they hold, not by their names alone."""

import json

import pytest

from skymath_nb import __main__ as command_line
from skymath_nb.commands import grade
from skymath_nb.data import responses


def written(tmp_path, rows, name="a.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def columns(tmp_path, rows, **given):
    return responses.read(written(tmp_path, rows), **given).attrs["columns"]


SAID = [("So we get 7.", "7", "5"), ("It is 12.", "12", "12"), ("Thus 30.", "30", "31")]


@pytest.mark.parametrize(
    "gold", ["gt_answer", "correct_answer", "label", "reference", "target", "gold"]
)
@pytest.mark.parametrize("response", ["response", "generation", "generations", "output"])
def test_the_models_own_answer_is_never_the_gold(tmp_path, gold, response):
    rows = [
        {"id": i, response: text, "answer": own, gold: right}
        for i, (text, own, right) in enumerate(SAID)
    ]
    table = responses.read(written(tmp_path, rows))
    assert table.attrs["columns"]["gold"] == gold and table["gold"].tolist() == ["5", "12", "31"]
    assert responses.grade(table)["flexible"].tolist() == [False, True, False]


def test_a_prediction_column_is_never_the_gold(tmp_path):
    rows = [
        {"id": i, "model_answer": own, "answer": right} for i, (_, own, right) in enumerate(SAID)
    ]
    assert columns(tmp_path, rows) == {"response": "model_answer", "gold": "answer", "id": "id"}


def test_the_models_answer_beside_a_solution_is_seen(tmp_path):
    rows = [
        {"id": i, "response": text, "answer": own, "solution": f"Work. \\boxed{{{right}}}"}
        for i, (text, own, right) in enumerate(SAID)
    ]
    assert columns(tmp_path, rows)["gold"] == "solution"


def test_a_solution_without_an_answer_gives_way(tmp_path):
    rows = [
        {"id": i, "response": t, "answer": right, "solution": "A long story."}
        for i, (t, _, right) in enumerate(SAID)
    ]
    assert columns(tmp_path, rows)["gold"] == "answer"


def test_two_columns_that_could_be_the_gold_are_refused_by_name(tmp_path):
    rows = [
        {"id": i, "response": "It is 1.", "target": str(i + 2), "reference": str(i + 9)}
        for i in range(3)
    ]
    with pytest.raises(ValueError, match="'reference' and 'target' differ on 3 of 3 lines.*--gold"):
        columns(tmp_path, rows)
    assert columns(tmp_path, rows, gold="target")["gold"] == "target"


@pytest.mark.parametrize(
    "verdict", [[1, 0, 1], [True, False, True], ["correct", "wrong", "correct"]]
)
def test_a_column_that_says_right_or_wrong_is_no_gold(tmp_path, verdict):
    rows = [
        {"id": i, "response": t, "answer": r, "label": v}
        for i, ((t, _, r), v) in enumerate(zip(SAID, verdict, strict=True))
    ]
    assert columns(tmp_path, rows)["gold"] == "answer"


def test_a_column_that_is_null_gives_way(tmp_path):
    rows = [
        {"id": i, "response": None, "output": t, "gold": None, "answer": r}
        for i, (t, _, r) in enumerate(SAID)
    ]
    assert columns(tmp_path, rows) == {"response": "output", "gold": "answer", "id": "id"}


def test_a_file_where_everything_is_the_same_is_reported(tmp_path):
    rows = [{"id": i, "response": str(i), "prediction": str(i), "answer": str(i)} for i in range(5)]
    lines = []
    grade.grade(written(tmp_path, rows), echo=lines.append)
    assert any(line.startswith("Note: On every line") and "'prediction'" in line for line in lines)


def test_lists_of_accepted_golds_count_any(tmp_path):
    rows = [
        {"id": 0, "response": "The answer is 0.5.", "gold": ["1/2", "half"]},
        {"id": 1, "response": "The answer is 7.", "gold": ["8", "7"]},
        {"id": 2, "response": "The answer is 7.", "gold": ["8", "9"]},
        {"id": 3, "response": "The answer is 7.", "gold": "7"},
    ]
    graded = grade.grade(
        written(tmp_path, rows), out=tmp_path / "out.parquet", echo=lambda line: None
    )
    assert graded["flexible"].tolist() == [True, True, False, True]
    assert (tmp_path / "out.parquet").is_file() and not list(tmp_path.glob(".*.part"))


def test_golds_that_cannot_be_read_are_counted_and_named(tmp_path):
    story = "the proof is left to the reader, who should consider every case in turn and conclude"
    rows = [
        {"id": i, "response": "The answer is 7.", "gold": story if i else "7"} for i in range(3)
    ]
    lines = []
    grade.grade(written(tmp_path, rows), echo=lines.append)
    assert any(
        "2 gold answers hold no answer that can be read ('the proof" in line for line in lines
    )


def test_a_truncated_last_line_can_be_skipped(tmp_path, capsys):
    path = written(tmp_path, [{"id": i, "response": "5", "gold": "5"} for i in range(3)])
    path.write_text(path.read_text() + '{"id": 3, "respon')
    assert command_line.main(["grade", str(path)]) == 2
    assert command_line.main(["grade", str(path), "--skip-last"]) == 0
    assert "Note: The last line is cut off and was left out (line 4:" in capsys.readouterr().out
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[3], lines[1]]))
    assert command_line.main(["grade", str(path), "--skip-last"]) == 2, "only the last"


def test_a_second_opinion_stands_beside_ours(tmp_path, capsys):
    pytest.importorskip("math_verify")
    said = ["\\boxed{3/4}", "\\boxed{7}", "\\boxed{8}", "the answer is twelve"]
    rows = [
        {"id": i, "response": s, "gold": g}
        for i, (s, g) in enumerate(zip(said, ["0.75", "8", "8", "12"], strict=True))
    ]
    path = written(tmp_path, rows)
    assert (
        command_line.main(
            ["grade", str(path), "--second-opinion", "--out", str(tmp_path / "out.jsonl")]
        )
        == 0
    )
    shown = capsys.readouterr().out
    assert "math-verify: 50.0 of 4; it agrees with flexible on 3." in shown
    assert "second:math-verify and flexible differ on 1 of 4" in shown
    kept = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["second:math-verify"] for row in kept] == [True, False, True, False]
