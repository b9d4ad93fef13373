import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skymath_nb import data
from skymath_nb.data import layouts, seeds

ROOT = Path(data.__file__).parents[2]
ASKED, SAID = "A kite costs 3 dollars. What do 4 kites cost?", "4 x 3 = 12. The answer is 12."


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path, **paths):
    rows = data.Rows(path, **paths)
    (table,) = rows
    return table, rows


@pytest.mark.parametrize("layout", layouts.table(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_each_layout_is_read_as_the_table_says(layout, kind, tmp_path):
    path = write(tmp_path / "rows.jsonl", layout.example)
    if kind == "parquet":
        path = tmp_path / "rows.parquet"
        pq.write_table(pa.Table.from_pylist([layout.example]), path)
    table, rows = read(path)
    assert ASKED in table["query"][0] and table["response"][0].startswith("4 x 3 = 12")
    assert (
        list(rows.layouts) == [(layout.problem, layout.response)]
        and layout.name in rows.report()[0]
    )
    (seed,) = seeds.load(str(path), "test").itertuples()
    assert seed.problem == table["query"][0] and seed.answer == "12"


def test_the_readmes_show_the_table():
    front, params = (
        " ".join((ROOT / name).read_text(encoding="utf-8").split())
        for name in ("README.md", "params/README.md")
    )
    assert " ".join(layouts.markdown().split()) in params and data.files.FORMATS in params
    assert layouts.names() in front and data.files.FORMATS in front


def test_a_file_may_mix_layouts_and_null_gives_way(tmp_path):
    both = [layout.example for layout in layouts.table()]
    table, rows = read(write(tmp_path / "mixed.jsonl", *both))
    assert table["query"].str.contains(ASKED, regex=False).all() and not rows.counts["unread"]
    for empty in (None, "", "  ", float("nan"), [], {}, True, "None"):
        row = {
            "query": empty,
            "problem": empty,
            "question": ASKED,
            "response": empty,
            "generated_solution": SAID,
        }
        table, rows = read(write(tmp_path / "null.jsonl", row))
        assert (
            table[["query", "response"]].to_numpy().tolist() == [[ASKED, SAID]]
            and not rows.counts["odd"]
        )


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ({"problem": "meta.text"}, ("inner", "r", "5")),
        ({"problem": "turns.0.content", "response": "turns.1.content"}, ("first", "second", "5")),
        ({"problem": "turns.-1.content", "id": "meta.key"}, ("second", "r", "key")),
        ({"problem": "a.b"}, ("dotted", "r", "5")),
        ({"problem": "turns", "response": "turns"}, ("first", "second", "5")),
        ({"response": "absent"}, ("q", "", "5")),
    ],
)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_paths_override_what_is_known(paths, expected, kind, tmp_path):
    turns = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "second"}]
    row = {
        "id": 5,
        "query": "q",
        "response": "r",
        "meta": {"text": "inner", "key": "key"},
        "turns": turns,
        "a.b": "dotted",
    }
    path = write(tmp_path / "rows.jsonl", row)
    if kind == "parquet":
        path = tmp_path / "rows.parquet"
        pq.write_table(pa.Table.from_pylist([row]), path)
    table, _ = read(path, **paths)
    assert tuple(table.loc[0, ["query", "response", "id"]]) == expected


def test_a_path_that_holds_nothing_is_not_replaced_by_another_column(tmp_path):
    path = write(tmp_path / "rows.jsonl", {"query": "q", "mine": None}, {"query": "q", "mine": "m"})
    table, rows = read(path, problem="mine")
    assert table["query"].tolist() == ["", "m"] and rows.counts["unread"] == 1
    with pytest.raises(ValueError, match="--problem"):
        list(data.Rows(path, problem="yours"))


@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        ([("system", "S"), ("user", "A"), ("assistant", "B")], ["A", "B"]),
        ([("human", "A"), ("gpt", "B")], ["A", "B"]),
        ([("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", "D")], ["A\n\nC", "D"]),
        (
            [("User", [{"type": "text", "text": "A"}, {"type": "image"}]), ("Assistant", "B")],
            ["A", "B"],
        ),
        ([("system", "S"), ("assistant", "B")], ["", "B"]),
        ([("user", None), ("assistant", ["B"])], ["", ""]),
    ],
)
def test_chats_are_read_by_their_speakers(chat, expected, tmp_path):
    rows = [
        {"messages": [{"role": role, "content": said} for role, said in chat]},
        {"conversations": [{"from": role, "value": said} for role, said in chat]},
        {"messages": json.dumps([{"role": role, "content": said} for role, said in chat])},
    ]
    table, _ = read(write(tmp_path / "rows.jsonl", *rows))
    assert table[["query", "response"]].to_numpy().tolist() == [expected] * 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (["x"], "x"),
        ([["x"]], "x"),
        ({"value": "x"}, "x"),
        ([{"text": "x"}], "x"),
        (7, "7"),
        (2.5, "2.5"),
        (2**53 + 1, "9007199254740993"),
        (True, ""),
        (float("nan"), ""),
        (float("-inf"), ""),
        ([], ""),
        (["x", "y"], ""),
        ({}, ""),
        ({"a": "x", "b": "y"}, ""),
        ("proof", ""),
        ("notfound", ""),
        ([None], ""),
        ("None", ""),
        (None, ""),
    ],
)
def test_odd_answers_are_used_where_their_meaning_is_clear(value, text, tmp_path):
    path = write(
        tmp_path / "rows.jsonl",
        {"question": ASKED, "answer": value},
        {"question": ASKED, "answer": "3"},
    )
    table, rows = read(path)
    assert table["response"].tolist() == [text, "3"] and rows.counts["odd"] == (
        not text and value not in (None, [None])
    )
    answers = seeds.load(str(path), "test")
    assert answers["answer"].tolist() == (
        [text] if text and text != "x" else ["x"] * (text == "x")
    ) + ["3"]
    assert sum(answers.attrs["dropped"].values()) == (not text)
    problems = seeds.load(str(path), "test", unanswered=True)
    assert len(problems) == 2, "the gate needs the problem alone"


@pytest.mark.parametrize(
    "value",
    [
        7,
        2.5,
        True,
        float("nan"),
        [],
        ["x", "y"],
        {"a": 1},
        {"value": True},
        "NaN",
        "proof",
        None,
        " ",
    ],
)
def test_a_problem_that_is_no_text_is_counted_and_listed(value, tmp_path):
    table, rows = read(
        write(
            tmp_path / "rows.jsonl",
            {"problem": ASKED, "solution": SAID},
            {"problem": value, "solution": SAID},
        )
    )
    assert table["query"].tolist() == [ASKED, ""] and rows.counts["unread"] == 1
    assert (
        len(rows.unread) == 1
        and rows.unread[0].startswith("row 2: ")
        and "row 2" in " ".join(rows.report())
    )


@pytest.mark.parametrize(
    ("level", "read_as"),
    [
        ("Level 4", 4),
        (3, 3),
        (4.0, 4),
        ("9" * 30, 0),
        (10**30, 0),
        (True, 0),
        (None, 0),
        ([5], 0),
        ("?", 0),
        (float("nan"), 0),
    ],
)
def test_levels_fit_into_a_table(level, read_as, tmp_path):
    path = write(tmp_path / "rows.jsonl", {"problem": ASKED, "solution": SAID, "level": level})
    table, _ = read(path)
    assert table["level"].tolist() == [read_as] == seeds.load(str(path), "test")["level"].tolist()


def test_alpacas_input_belongs_to_the_problem(tmp_path):
    inputs = ["", None, "x = 2", 0, ["x"], {"a": 1}, True, float("nan"), "None"]
    table, rows = read(
        write(
            tmp_path / "rows.jsonl",
            *({"instruction": "Solve.", "input": one, "output": "5"} for one in inputs),
        )
    )
    assert table["query"].tolist() == [
        "Solve.",
        "Solve.",
        "Solve.\nx = 2",
        "Solve.\n0",
        "Solve.\nx",
        "",
        "",
        "Solve.",
        "Solve.",
    ]
    assert rows.counts["unread"] == 2, "half a problem is not checked"


def test_proofs_and_missing_answers_are_left_out_and_counted(tmp_path):
    rows = [
        {"problem": f"{ASKED} {i}", "solution": "We argue.", "answer": a, "question_type": kind}
        for i, (a, kind) in enumerate(
            [
                ("proof", "proof"),
                ("notfound", "math-word-problem"),
                ("", "proof"),
                (None, "MCQ"),
                ("12", "MCQ"),
            ]
        )
    ]
    table = seeds.load(str(write(tmp_path / "numina.jsonl", *rows)), "test")
    assert table["answer"].tolist() == ["12"] and table.attrs["dropped"] == {
        "a proof is asked": 2,
        "no answer": 2,
    }
