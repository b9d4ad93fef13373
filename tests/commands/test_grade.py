import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from sample_files import harness, write_rows

from skymath_nb import __main__ as command_line


def command(*arguments, encoding="utf-8"):
    """Exit code, output and errors of the command line."""
    line = [sys.executable, "-m", "skymath_nb", *map(str, arguments)]
    done = subprocess.run(
        line,
        capture_output=True,
        text=True,
        encoding=encoding,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    return done.returncode, done.stdout, done.stderr


def run(capsys, *arguments):
    code = command_line.main(list(map(str, arguments)))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def model(path, right, n=40, **columns):
    rows = [
        {
            "id": f"q{i}",
            "response": f"The answer is {5 if i in right else 6}.",
            "gold": "5",
            "level": 1 + i % 2,
        }
        | columns
        for i in range(n)
    ]
    return write_rows(path, rows)


def test_a_file_is_scored_from_the_command_line(tmp_path):
    path = model(tmp_path / "a.jsonl", range(30))
    with path.open("a") as file:
        file.write(
            json.dumps(
                {"id": "boxed", "response": "so \\boxed{\\frac{1}{2}}", "gold": "0.5", "level": 1}
            )
            + "\n"
        )
        file.write(json.dumps({"id": "empty", "response": "", "gold": "5", "level": 2}) + "\n")
        file.write(json.dumps({"id": "no gold", "response": "The answer is 5.", "level": 2}) + "\n")
    code, printed, errors = command(
        "grade", path, "--by", "level", "--out", tmp_path / "graded.parquet"
    )
    assert (code, errors) == (0, "")
    assert "43 responses to 43 items (response: response, gold: gold, id: id)" in printed
    lines = {
        line.split()[0]: line.split()
        for line in printed.splitlines()
        if line[:1].isalnum() and "[" in line
    }
    assert (
        lines["all"][1:3] == ["42", "71.4"]
        and lines["all"][5] == "73.8"
        and lines["1"][1] == lines["2"][1] == "21"
    )
    assert (
        "1 empty responses and 0 more without" in printed
        and "1 responses have no gold answer" in printed
    )
    assert "1 others do not announce" in printed and "not known of 42" in printed
    assert (
        "line 41: '\\\\frac{1}{2}' for '0.5', right by flexible (equal number); strict reads "
        "'nothing'" in printed
    )
    graded, differ = (
        pd.read_parquet(tmp_path / name)
        for name in ("graded.parquet", "graded.disagreements.parquet")
    )
    assert len(graded) == 42 and differ[["id", "between"]].to_numpy().tolist() == [
        ["boxed", "strict and flexible"]
    ]
    assert len(printed.splitlines()) < 16, "short"


def test_completed_and_cut_off_answers_stand_apart(tmp_path, capsys):
    rows = [
        {
            "id": i,
            "response": "The answer is 5." if i < 6 else "and then",
            "gold": 5,
            "truncated": i >= 6,
        }
        for i in range(8)
    ]
    code, printed, _ = run(capsys, "grade", write_rows(tmp_path / "a.jsonl", rows))
    table = {line.split()[0]: line.split() for line in printed.splitlines() if "[" in line}
    assert (
        code == 0
        and table["all"][-1] == "25.0"
        and table["completed"][1:3] == ["6", "100.0"]
        and table["cut"][2:4] == ["2", "0.0"]
    )


def test_a_harness_is_shown_beside_with_what_it_grades_otherwise(tmp_path, capsys):
    rows = [
        line
        for i in range(10)
        for line in harness(
            i, "The answer is 5.", "#### 5", strict_match=i < 4, flexible_extract=True
        )
    ]
    code, printed, _ = run(
        capsys,
        "grade",
        write_rows(tmp_path / "samples_gsm8k.jsonl", rows),
        "--by",
        "doc.level",
        "--list",
        2,
    )
    assert (
        code == 0
        and "10 responses to 10 items (response: resps, gold: target, id: doc_id)" in printed
    )
    assert (
        "filter strict-match: 40.0 of 10" in printed
        and "filter flexible-extract: 100.0 of 10" in printed
    )
    assert (
        "harness:strict-match and flexible differ on 6 of 10; flexible alone is right on 6"
        in printed
        and "and 4 more" in printed
    )
    assert "Level 2" in printed


def test_a_harness_with_repeats_is_not_compared_sample_by_sample(tmp_path, capsys):
    rows = [
        line
        for i in range(4)
        for line in harness(i, ["The answer is 5.", "no"], "5", strict_match=True)
    ]
    code, printed, _ = run(capsys, "grade", write_rows(tmp_path / "samples.jsonl", rows))
    assert (
        code == 0
        and "8 responses to 4 items" in printed
        and "filter strict-match, has one verdict for all samples" in printed
    )


def test_samples_of_an_item_are_not_independent(tmp_path, capsys):
    rows = [
        {"id": i, "response": ["The answer is 5."] * 4, "gold": 5 if i % 2 else 6}
        for i in range(20)
    ]
    code, printed, _ = run(capsys, "grade", write_rows(tmp_path / "a.jsonl", rows))
    assert (
        code == 0 and "80 responses to 20 items" in printed and "(bootstrap over items)" in printed
    )
    graded = tmp_path / "graded.jsonl"
    assert run(capsys, "grade", tmp_path / "a.jsonl", "--out", graded)[0] == 0
    assert (
        len(pd.read_json(graded, lines=True)) == 80
        and (tmp_path / "graded.disagreements.jsonl").is_file()
    )


def test_two_files_are_compared_on_what_both_answered(tmp_path):
    a, b = model(tmp_path / "a.jsonl", range(30)), model(tmp_path / "b.jsonl", range(5, 20), n=36)
    code, printed, errors = command("compare", a, b)
    assert (code, errors) == (0, "")
    assert "4 items are not in the other: 'q36', 'q37', 'q38', 'q39'" in printed
    flexible = next(line.split() for line in printed.splitlines() if line.startswith("flexible"))
    assert (
        flexible[1:5] == ["36", "83.3", "41.7", "+41.7"]
        and flexible[-3:-1] == ["15", "0"]
        and flexible[-1] == "6.1e-05"
    )
    assert "McNemar, exact" in printed and "is seen with 80 % power on so many items" in printed


def test_a_gap_that_is_not_seen_says_how_many_items_it_needs(tmp_path, capsys):
    a, b = model(tmp_path / "a.jsonl", range(22)), model(tmp_path / "b.jsonl", range(2, 21))
    _, printed, _ = run(capsys, "compare", a, b)
    # 3 items of 40 differ: variance (3/40 - (3/40)^2) * 40/39; times (1.960 + 0.842)^2 over 0.075^2
    assert (
        "A true gap of 7.5 points (flexible) would be seen with 80 % power on 100 such items, 60 "
        "more" in printed
    )
    _, printed, _ = run(capsys, "compare", a, a)
    assert "scores are equal" in printed


def test_files_without_common_items_are_refused(tmp_path, capsys):
    a = model(tmp_path / "a.jsonl", range(30))
    other = write_rows(
        tmp_path / "b.jsonl", [{"id": f"p{i}", "response": "5", "gold": "5"} for i in range(9)]
    )
    code, _, errors = run(capsys, "compare", a, other)
    assert code == 2 and "no items in common: A has 'q0', 'q1'" in errors and "B has 'p0'" in errors
    clash = write_rows(
        tmp_path / "c.jsonl", [{"id": f"q{i}", "response": "5", "gold": "7"} for i in range(9)]
    )
    code, _, errors = run(capsys, "compare", a, clash)
    assert code == 2 and "9 of 9 items have different gold answers" in errors
    nameless = write_rows(tmp_path / "d.jsonl", [{"response": "5", "gold": "7"}])
    code, _, errors = run(capsys, "compare", a, nameless)
    assert code == 2 and "no column that names its items" in errors
    twice = write_rows(
        tmp_path / "e.jsonl",
        [{"id": 1, "benchmark": b, "response": "5", "gold": "7"} for b in "xy"],
    )
    code, _, errors = run(capsys, "compare", twice, a)
    assert code == 2 and "same ids in several benchmarks" in errors


def test_the_problem_itself_names_an_item_where_there_is_no_id(tmp_path, capsys):
    files = [
        write_rows(
            tmp_path / f"{n}.jsonl",
            [{"question": f"{i}?", "output": "5", "answer": i} for i in range(n)],
        )
        for n in (8, 9)
    ]
    code, printed, _ = run(capsys, "compare", *files)
    assert (
        code == 0
        and "8 responses to 8 items (question)" in printed
        and "1 items are not in the other: '8?'" in printed
    )


def test_a_terminal_without_chinese_characters_will_do(tmp_path):
    path = write_rows(
        tmp_path / "a.jsonl",
        [{"id": "题一", "response": "答案是五分之三", "gold": "甲", "kind": "应用题"}],
    )
    code, printed, errors = command("grade", path, "--by", "kind", encoding="ascii")
    assert (code, errors) == (0, "") and "\\u5e94" in printed


def test_groups_may_be_anything_that_a_file_says(tmp_path, capsys):
    values = [1, 10, 2, None, "two\nlines\x1b[2J", ["a", "b"], {"deep": 1}]
    rows = [
        {"id": i, "response": "5", "gold": "5", "group": value, "benchmark": "b"}
        for i, value in enumerate(values)
    ]
    code, printed, _ = run(
        capsys,
        "grade",
        write_rows(tmp_path / "a.jsonl", rows),
        "--by",
        "group",
        "--by",
        "benchmark",
    )
    assert (
        code == 0
        and "\x1b" not in printed
        and '["a", "b"] b' in printed
        and "two\\nlines\\x1b[2J b" in printed
    )
    path = write_rows(tmp_path / "b.jsonl", [row | {"level": row["id"] * 5} for row in rows])
    _, printed, _ = run(capsys, "grade", path, "--by", "level")
    assert [line.split()[0] for line in printed.splitlines() if "[" in line][:-1] == [
        "0",
        "5",
        "10",
        "15",
        "20",
        "25",
        "30",
    ]


def test_the_graded_file_is_never_overwritten(tmp_path, capsys):
    path = model(tmp_path / "a.jsonl", range(3))
    before = path.read_bytes()
    code, _, errors = run(capsys, "grade", path, "--out", path)
    assert code == 2 and "would overwrite" in errors and path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x.csv"], "should end in .parquet or .jsonl"),
        (["--out", "absent/x.jsonl"], "folder that does not exist"),
        (["--gold", "level", "--response", "absent"], "'absent' .* was to be read as response"),
        (["--by", "subject"], "no column 'subject'"),
        (["--gold", "nothing"], "No line of .* has a gold answer in 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_refused_with_exit_code_2(tmp_path, capsys, arguments, message):
    path = model(tmp_path / "a.jsonl", range(3), n=4, nothing=None)
    code, _, errors = run(capsys, "grade", path, *arguments)
    assert code == 2 and re.search(message, errors), errors
