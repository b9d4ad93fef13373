import json
import re

import pandas as pd
import pytest
from sample_files import write_notebook

from skymath_nb import __main__ as command_line
from skymath_nb.core import paths, schema
from skymath_nb.evaluation import scores
from skymath_nb.runner import comparison, steps


def answers(right, n=40, **columns):
    rows = [
        {
            "benchmark": "world-test",
            "id": f"q{i}",
            "sample": 0,
            "response": "x",
            "extracted": "5",
            "gold": "5",
            "strict": i in right,
        }
        | {
            "flexible": i in right,
            "reason": "",
            "tokens": 3,
            "cap_hit": False,
            "level": 1,
            "subject": "",
            "language": "en",
            "distractors": 0,
        }
        for i in range(n)
    ]
    return pd.DataFrame(rows).assign(**columns)


def save(run, table, k=1, note="", **report):
    """A run of one evaluation whose report is that of the student named last."""
    work = steps.start("05_evaluation", run, k=k)
    schema.write(table, work.output("answers.parquet"), "answers")
    work.uses(paths.home() / "pyproject.toml")
    scored = table[table["student"] == report["student"]] if "student" in report else table
    if "arm" not in table:
        report |= scores.flat_report(scores.score(scored, by=("benchmark",)))
    work.finish({"seconds": 1.5 * k, **report} | ({"note": note} if note else {}))


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    write_notebook(
        tmp_path / "notebooks",
        "05_evaluation",
        "k: int = 1  # help",
        "from skymath_nb import runner",
    )
    return tmp_path


def by_title(names, **options):
    return {
        section.title: section
        for section in comparison.compare(names, echo=lambda line: None, **options)
    }


def both(left, right, student="last"):
    """Answers of two students, of which the report names the second."""
    return pd.concat(
        [answers(left, student="base"), answers(right, student=student)], ignore_index=True
    )


def test_runs_are_compared_from_the_command_line(place, capsys):
    save("one", both(range(5), range(30)), k=1, student="last", note="<b>")
    save("two", both(range(9), range(20)), k=2, student="last")
    assert command_line.main(["compare", "one", "two"]) == 0
    printed = capsys.readouterr().out
    assert "1 differ, 0 are the same in all" in printed and re.search(
        r"05_evaluation\.k +1 +2", printed
    )
    line = next(line for line in printed.splitlines() if "world_test_flexible " in line)
    assert (
        "75.0 % [59.8, 85.8], n=40" in line and "+25.0 [" in line and line.rstrip().endswith("n=40")
    )
    assert re.search(r"05_evaluation\.seconds +1\.5 +3 +-1\.5", printed)
    page = (place / "outputs" / "compared" / "one_two.html").read_text()
    assert "+25.0 [" in page and "&lt;b&gt;" in page
    assert not re.search(
        r"""(?:src|href|import|url)\s*[=(]\s*["']?\s*(?:https?:)?//|<script""", page
    )


def test_the_paired_interval_is_evaluates_own(place):
    left, right = both(range(5), range(30)), both(range(9), range(20))
    save("one", left, student="last")
    save("two", right, student="last")
    table = by_title(["one", "two"])["Reports"].table.set_index("number")
    row = scores.compare(left[40:], right[40:]).set_index("verdict").loc["strict"]
    expected = (
        f"{100 * row['difference']:+.1f} [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}], n=40"
    )
    assert table.loc["05_evaluation.world_test_strict", "A - B"] == expected


def test_only_items_that_are_the_same_are_paired(place):
    other = both(range(9), range(20))
    other.loc[other["id"].isin(["q0", "q1"]), "gold"] = "6"
    save("one", both(range(5), range(30)), student="last")
    save("two", other, student="last")
    save("none", both(range(9), range(20)).assign(id=lambda t: "other " + t["id"]), student="last")
    table = by_title(["one", "two", "none"])["Reports"].table.set_index("number")
    assert table.loc["05_evaluation.world_test_flexible", "A - B"].endswith("n=38")
    assert table.loc["05_evaluation.world_test_flexible", "A - C"] == "+25.0"


def test_equal_scores_on_other_items_are_shown(place):
    save("one", answers(range(20)))
    save("two", answers(range(20, 40)))
    table = by_title(["one", "two"])["Reports"].table.set_index("number")
    row = table.loc["05_evaluation.world_test_flexible"]
    assert row["A"] == row["B"] and row["A - B"].startswith("+0.0 [-")


def test_three_runs_and_what_is_the_same_in_all(place):
    for name in ("one", "two", "three"):
        save(name, answers(range(20)))
    sections = by_title(["one", "two", "three"], out=place / "page.html")
    assert sections["Parameters"].table.empty and sections["Data and code"].table.empty
    assert "0 numbers differ, 4 are" in sections["Reports"].note
    assert sections["Runs"].table.iloc[0].tolist() == ["run", "one", "two", "three"]
    assert (place / "page.html").is_file()


def test_data_code_versions_and_missing_steps_are_told(place):
    save("one", answers(range(20)))
    save("two", answers(range(21)))
    path = place / "outputs" / "two" / "05_evaluation" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["uses"]["pyproject.toml"]["sha256"] = "f" * 64
    manifest["versions"]["numpy"] = "0.0.1"
    manifest["code"]["notebook"] = "0"
    path.write_text(json.dumps(manifest))
    save_other = steps.start("05_evaluation", "two", "again", k=9)
    save_other.finish({"x": 1})
    sections = by_title(["one", "two"])
    data = sections["Data and code"].table["digest of"].tolist()
    assert data[:3] == [
        "outside data pyproject.toml",
        "05_evaluation/answers.parquet",
        "code of 05_evaluation",
    ]
    assert ["05_evaluation@again.k", "-", "9"] in sections["Parameters"].table.to_numpy().tolist()
    assert "steps" in sections["Runs"].table[""].tolist()


def test_arms_are_compared_over_their_seeds(place):
    def arms(*rights):
        return pd.concat(
            [answers(range(right), arm="plain", seed=seed) for seed, right in enumerate(rights)],
            ignore_index=True,
        )

    save("one", arms(30, 28))
    save("two", arms(20, 22))
    [row] = by_title(["one", "two"])["Arms"].table.to_dict("records")
    assert (row["arm"], row["seeds"], row["A"], row["other"]) == (
        "05_evaluation: plain",
        "2 and 2",
        "72.5",
        "52.5",
    )
    assert row["A - B"].startswith("+20.0 [")


@pytest.mark.parametrize(
    "words, said",
    [
        (["one"], "Two runs or more"),
        (["one", "tow"], "nearest: two"),
        (["one", "FILE"], "is a file and one is none"),
        (["FILE", "FILE", "FILE"], "given were 3 files"),
        (["one", "two", "--id", "x"], "Columns are named for files"),
        (["one", "two", "--out", "x.txt"], "should end in .html"),
    ],
)
def test_what_cannot_be_compared_is_refused(place, words, said, capsys):
    (place / "a.jsonl").write_text("{}")
    for name in ("one", "two"):
        save(name, answers(range(20)))
    assert (
        command_line.main(
            ["compare", *(str(place / "a.jsonl") if word == "FILE" else word for word in words)]
        )
        == 2
    )
    assert said in capsys.readouterr().err
