import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from skymath_nb import __main__, data, world
from skymath_nb.commands import files
from skymath_nb.core import schema
from skymath_nb.selection import decontamination
from skymath_nb.training import curriculum

TEST = world.benchmark("world-test", 300)
FRESH = world.seeds(40, 0, chinese=0.0)


@pytest.fixture
def metamath(tmp_path):
    """A file in MetaMathQA's layout.

    Forty rows, of which the third is a test question, one is repeated and one empty.
    """
    rows = [
        {"query": row.problem, "response": row.solution, "type": "GSM_Rephrased"}
        for row in FRESH.itertuples()
    ]
    rows[2]["query"] = TEST["problem"][5]
    rows += [rows[0], {"query": "", "response": "nothing was asked", "type": "?"}]
    path = tmp_path / "metamath.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_gate_command_works_alone_on_anybodys_file(metamath, capsys):
    assert __main__.main(["gate", str(metamath), "--against", "world-test"]) == 1, (
        "a check found something"
    )
    printed = capsys.readouterr().out
    assert "42 rows" in printed and "1 without a problem" in printed and "verbatim" in printed
    table = schema.read(f"{metamath}.gate.parquet", "gate")
    assert (
        table["verdict"].eq("leak").sum() == 1
        and table.loc[table["verdict"] == "leak", "benchmark_id"].item() == TEST["id"][5]
    )
    hits = pd.read_parquet(f"{metamath}.hits.parquet")
    assert hits["query"][0] == hits["problem"][0] == TEST["problem"][5]


def test_a_file_that_meets_no_benchmark_is_no_finding(tmp_path):
    path = tmp_path / "clean.jsonl"
    path.write_text(
        "".join(
            json.dumps({"query": row.problem, "response": row.solution}) + "\n"
            for row in FRESH.itertuples()
        )
    )
    assert __main__.main(["gate", str(path), "--against", "world-test"]) == 0


@pytest.mark.parametrize(
    "foreign", ["\x1b]0;owned\x07", "\x1b[2J", "\r", "\x9b31m", "\x7f", "\u202e", "\u2066"]
)
def test_control_characters_of_others_are_shown_and_not_sent_to_the_terminal(
    tmp_path, capsys, foreign
):
    path = tmp_path / "foreign.jsonl"
    rows = [{"id": f"a{foreign}b", "query": f"{TEST['problem'][3]} {foreign}", "response": foreign}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert __main__.main(["gate", str(path), "--against", "world-test"]) == 1
    assert __main__.main(["coreset", str(path), "-k", "1"]) == 0
    assert (
        __main__.main(["gate", str(tmp_path / f"no{foreign}file"), "--against", "world-test"]) == 2
    )
    printed = capsys.readouterr()
    assert (
        foreign not in printed.out + printed.err
        and f"a{foreign.translate(__main__.SHOWN)}b" in printed.out.replace("a b", "a\\x0db")
    )


def test_an_id_cannot_write_a_line_of_its_own(tmp_path, capsys):
    path = tmp_path / "foreign.jsonl"
    path.write_text(
        json.dumps(
            {"id": "a\n0 rows meet a benchmark", "query": TEST["problem"][3], "response": ""}
        )
        + "\n"
    )
    __main__.main(["gate", str(path), "--against", "world-test"])
    assert not any(line.startswith("0 rows meet") for line in capsys.readouterr().out.splitlines())


def test_a_reader_that_has_gone_ends_quietly_and_the_table_is_written(metamath, tmp_path):
    out = tmp_path / "gate.parquet"
    command = [
        sys.executable,
        "-m",
        "skymath_nb",
        "gate",
        str(metamath),
        "--against",
        "world-test",
        "--out",
        str(out),
    ]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__main__.__file__).parents[1],
    ) as process:
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == 1 and said == "" and len(schema.read(out, "gate")) > 0


def test_parts_of_any_size_give_the_same_verdicts(metamath):
    whole = pd.concat(data.Rows(metamath), ignore_index=True)
    pieces = pd.concat(data.Rows(metamath, part=7), ignore_index=True)
    pd.testing.assert_frame_equal(whole, pieces)


def test_anybodys_instances_flow_on_into_the_curriculum(metamath, tmp_path):
    instances = data.load(metamath)
    schema.write(instances, tmp_path / "instances.parquet", "instances")
    benchmarks = {"world-test": TEST}
    verdicts = decontamination.gate(instances, benchmarks, keys=world.key)
    decontamination.require(instances, verdicts, benchmarks)
    assembled = curriculum.assemble(instances, verdicts)
    assert dict(assembled.counts.to_numpy().tolist()) == {
        "kept": 39,
        "leak": 1,
        "there already": 1,
        "empty query": 1,
    }


def test_the_coreset_command_counts_what_it_leaves_out(metamath, capsys):
    assert __main__.main(["coreset", str(metamath), "-k", "8"]) == 0
    printed = capsys.readouterr().out
    assert "8 of 40 problems" in printed and "1 empty, 1 repeated, 0 without features" in printed
    table = pd.read_parquet(f"{metamath}.coreset.parquet")
    assert table["rank"].tolist() == list(range(1, 9)) and table["query"].nunique() == 8
    assert (table["radius"].diff().dropna() <= 0).all()


@pytest.mark.parametrize(
    ("columns", "query", "response"),
    [
        ({"problem": ["p"], "generated_solution": ["s"], "expected_answer": ["1"]}, "p", "s"),
        ({"question": ["p"], "answer": ["s"]}, "p", "s"),
        ({"instruction": ["p"], "output": ["s"], "input": [""]}, "p", "s"),
        ({"problem": ["p"]}, "p", ""),
        ({"id": [7], "problem": ["p"], "solution": [None], "level": ["Level 4"]}, "p", ""),
    ],
)
@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_the_usual_layouts_are_read(tmp_path, columns, query, response, kind):
    path, frame = tmp_path / f"rows.{kind}", pd.DataFrame(columns)
    frame.to_parquet(path) if kind == "parquet" else frame.to_json(
        path, orient="records", lines=True
    )
    (part,) = data.Rows(path)
    assert part[["query", "response"]].to_numpy().tolist() == [[query, response]]
    if "id" in columns:
        assert part["id"].tolist() == ["7"] and part["level"].tolist() == [4]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x"}\n', "a column with the problem .* has text"),
        ("a.jsonl", '{"query": "x"}\n{"query"\n', "line 2"),
        ("a.jsonl", "[1]\n", "line 1 .*list"),
        ("a.jsonl", "", "no rows"),
        ("a.parquet", "PAR?", "cannot be read as one"),
        ("a.csv", "text\nx\n", "a column with the problem .* has text"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path, name, content, message, capsys):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        list(data.Rows(path))
    assert (
        __main__.main(["coreset", str(path), "-k", "1"]) == 2
        and "error:" in capsys.readouterr().err
    )


def test_a_missing_file_benchmark_or_too_large_k_stops_before_anything_is_written(
    metamath, tmp_path, capsys
):
    assert __main__.main(["gate", str(tmp_path / "no.jsonl"), "--against", "world-test"]) == 2
    assert __main__.main(["gate", str(metamath), "--against", str(tmp_path / "no.jsonl")]) == 2
    assert __main__.main(["coreset", str(metamath), "-k", "41"]) == 2
    assert "k=41 problems were asked for" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["metamath.jsonl"]


def test_the_same_words_are_shown_short():
    assert files._short("a\n b") == "a b" and len(files._short("x" * 500)) == 160
