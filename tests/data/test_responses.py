import gzip
import json

import pandas as pd
import pytest
from sample_files import harness, write_rows

from skymath_nb import grading
from skymath_nb.data import responses


def test_columns_are_found_by_name_or_taken_as_named(tmp_path):
    path = write_rows(
        tmp_path / "a.jsonl",
        [{"idx": 7, "completion": "The answer is 5.", "expected_answer": "5", "level": 3}],
    )
    table = responses.read(path, by=["level"])
    assert table.attrs["columns"] == {
        "response": "completion",
        "gold": "expected_answer",
        "id": "idx",
    }
    assert (
        table.loc[0, ["line", "id", "sample", "gold", "level"]].tolist() == [1, "7", 0, "5", 3]
        and table["cap_hit"].isna().all()
    )
    named = write_rows(
        tmp_path / "b.jsonl", [{"said": {"text": "5"}, "right": 5.0, "gold": "6", "response": "6"}]
    )
    table = responses.read(named, response="said.text", gold="right")
    assert table.loc[0, ["id", "response", "gold"]].tolist() == ["line 1", "5", "5"]


def test_every_kind_of_file_is_read_alike(tmp_path):
    rows = [
        {"id": i, "response": f"The answer is {i}.", "gold": str(i), "samples": None}
        for i in range(3)
    ]
    lines = "\n\n".join(map(json.dumps, rows))
    (tmp_path / "a.jsonl").write_text("\ufeff" + lines + "\n", encoding="utf-8")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    pd.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    tables = [
        responses.read(tmp_path / name).drop(columns="line")
        for name in ("a.jsonl", "a.jsonl.gz", "a.json", "a.parquet")
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])
    assert len(responses.read(write_rows(tmp_path / "a.csv", rows))) == 3, "the content decides"
    with pytest.raises(FileNotFoundError):
        responses.read(tmp_path / "absent.jsonl")
    with pytest.raises(ValueError, match="it is empty"):
        responses.read(write_rows(tmp_path / "empty.jsonl", []))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"id": "\xff"}\n'),
        ("a.jsonl.gz", gzip.compress(b'{"id": 1}\n' * 99, mtime=0)[:-20]),
        ("a.jsonl.gz", gzip.compress(b'{"id": 1}\n', mtime=0)[:12] + b"\xff" * 20),
        ("a.json", b'[{"id": 1}'),
        ("a.parquet", b"PAR1 no, it is not"),
    ],
)
def test_broken_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        responses.read(tmp_path / name)


@pytest.mark.parametrize(
    ("value", "gold"),
    [
        ("5", "5"),
        (18.0, "18"),
        (2.5, "2.5"),
        ([7], "7"),
        ("She has 3 * 6 = 18.\n#### 18", "18"),
        ("So $x = \\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        (None, None),
        ("  ", None),
        ([], None),
        (float("nan"), None),
    ],
)
def test_the_gold_answer_is_found_in_what_the_column_holds(tmp_path, value, gold):
    path = write_rows(
        tmp_path / "a.jsonl", [{"response": "x", "gold": value}, {"response": "y", "gold": "9"}]
    )
    found = responses.read(path)["gold"]
    assert found[1] == "9" and (pd.isna(found[0]) if gold is None else found[0] == gold)


def test_bad_lines_are_refused_with_their_numbers(tmp_path):
    good = json.dumps({"id": 1, "response": "5", "gold": "5"})
    path = tmp_path / "a.jsonl"
    path.write_text(f"{good}\n{{'id': 2}}\n[1]\n{good}\n{'[' * 100_000}\n")
    with pytest.raises(
        ValueError,
        match=r"3 lines of .*line 2: .*line 3: an object is needed, but it is a list; line 5",
    ):
        responses.read(path)
    rows = [{"id": i, "response": "5", "gold": "5"} for i in range(3)]
    rows += [
        {"id": 3, "gold": "5"},
        {"id": 4, "response": {"text": "5"}, "gold": "5"},
        {"id": 5, "response": "5", "gold": [["5"]]},
    ]
    rows += [
        {"response": "5", "gold": "5"},
        {"id": None, "response": "5", "gold": "5"},
        {"id": 8, "response": "5", "gold": True},
    ]
    with pytest.raises(
        ValueError,
        match=r"6 lines .*line 4: it has no column 'response'; line 5: .*; line 6: .*; and 1 more",
    ):
        responses.read(write_rows(path, rows))


def test_a_file_without_a_known_column_is_refused_with_the_names_that_are_known(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", [{"id": 1, "reply": "5", "gold": "5"}])
    with pytest.raises(
        ValueError, match="known as response .*completion.*it has id, reply, gold.*--response"
    ):
        responses.read(path)
    with pytest.raises(ValueError, match="'replies' .* was to be read as response"):
        responses.read(path, response="replies")


def test_lists_of_samples_and_repeated_ids_are_samples(tmp_path):
    rows = [
        {"idx": 0, "code": ["5", None, "6"], "gt": "5", "finish_reason": ["stop", "length", None]},
        {"idx": 1, "code": [], "gt": "5"},
    ]
    table = responses.read(write_rows(tmp_path / "a.jsonl", rows))
    assert table[["id", "sample", "response"]].to_numpy().tolist() == [
        ["0", 0, "5"],
        ["0", 1, ""],
        ["0", 2, "6"],
        ["1", 0, ""],
    ]
    assert table["cap_hit"].fillna(-1).tolist() == [0, 1, -1, -1]
    again = write_rows(tmp_path / "b.jsonl", [{"id": 1, "response": t, "gold": "5"} for t in "56"])
    assert responses.read(again)["sample"].tolist() == [0, 1]
    uneven = write_rows(
        tmp_path / "c.jsonl", [{"id": 1, "response": ["5", "6"], "gold": "5", "cap_hit": [True]}]
    )
    with pytest.raises(ValueError, match="2 responses, but 1 values of 'cap_hit'"):
        responses.read(uneven)


def test_a_chat_may_name_an_item(tmp_path):
    chat = [{"role": "user", "content": "2 + 3?"}]
    pd.DataFrame(
        {"prompt": [chat, chat], "response": [["5", "6"], None], "gold": ["5", "5"]}
    ).to_parquet(tmp_path / "a.parquet")
    table = responses.read(tmp_path / "a.parquet")
    assert (
        table["id"].nunique() == 1
        and table["sample"].tolist() == [0, 1, 2]
        and table["response"].tolist() == ["5", "6", ""]
    )


def test_an_id_names_one_item(tmp_path):
    path = write_rows(
        tmp_path / "a.jsonl",
        [{"id": 1, "response": "5", "gold": "5"}, {"id": 1, "response": "6", "gold": "6"}],
    )
    with pytest.raises(
        ValueError, match="'id' .* 1 of its values have several gold answers .the first is '1'"
    ):
        responses.read(path)
    rows = [{"id": 1, "sample": 0, "student": s, "response": "5", "gold": "5"} for s in "ab"]
    with pytest.raises(ValueError, match="1 samples twice"):
        responses.read(write_rows(path, rows))
    assert len(responses.read(path, by=["student"])) == 2


def test_a_harness_file_gives_one_row_per_response_and_a_verdict_per_filter(tmp_path):
    rows = [
        line
        for i in range(3)
        for line in harness(
            i, f"so 5\n#### {5 + i}", "2 + 3\n#### 5", strict_match=i == 0, flexible_extract=i < 2
        )
    ]
    table = responses.read(
        write_rows(tmp_path / "samples_gsm8k_2026.jsonl", rows), by=["doc.level"]
    )
    assert table.attrs["columns"] == {"response": "resps", "gold": "target", "id": "doc_id"}
    assert (
        table["gold"].tolist() == ["5"] * 3
        and table["line"].tolist() == [1, 3, 5]
        and set(table["doc.level"]) == {"Level 2"}
    )
    assert table["harness:strict-match"].tolist() == [True, False, False]
    assert table["harness:flexible-extract"].tolist() == [True, True, False]
    differ = responses.disagreements(responses.grade(table))
    assert differ["between"].tolist() == [
        "strict and flexible",
        "harness:flexible-extract and flexible",
    ]
    assert differ["id"].tolist() == ["0", "1"]


def test_repeats_of_a_harness_are_samples_without_a_verdict_of_their_own(tmp_path):
    rows = harness(0, ["#### 5", "#### 6"], "5", none=True) + harness(
        1, ["#### 5", "#### 5"], "5", none=True
    )
    table = responses.read(write_rows(tmp_path / "a.jsonl", rows))
    assert table["sample"].tolist() == [0, 1, 0, 1] and table["harness:none"].isna().all()
    assert responses.disagreements(responses.grade(table))["between"].unique().tolist() == [
        "strict and flexible"
    ]


def test_older_harness_files_do_not_name_their_filters(tmp_path):
    rows = [line for i in range(2) for line in harness(i, f"#### {5 + i}", "5", a=False, b=i == 0)]
    for row in rows:
        del row["filter"], row["metrics"]
    table = responses.read(write_rows(tmp_path / "a.jsonl", rows))
    assert (
        len(table) == 2
        and table["harness:1"].tolist() == [False, False]
        and table["harness:2"].tolist() == [True, False]
    )


def test_multiple_choice_by_likelihood_is_no_response(tmp_path):
    row = {"doc_id": 0, "target": 1, "resps": [[[-3.5, False]], [[-1.5, True]]], "acc": 1.0}
    with pytest.raises(ValueError, match="line 1: a response should be text"):
        responses.read(write_rows(tmp_path / "a.jsonl", [row]))


def test_rows_without_gold_are_left_out_and_empty_responses_are_wrong(tmp_path):
    rows = [
        {"id": 1, "response": "", "gold": "5"},
        {"id": 2, "response": None, "gold": "5"},
        {"id": 3, "response": "5"},
    ]
    graded = responses.grade(responses.read(write_rows(tmp_path / "a.jsonl", rows)))
    assert (
        graded["id"].tolist() == ["1", "2"]
        and not graded["flexible"].any()
        and graded["extracted"].isna().all()
    )


def test_half_a_surrogate_pair_can_be_written_again(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "response": "The answer is 5.\\ud83d", "gold": "5"}\n')
    responses.grade(responses.read(path)).to_parquet(tmp_path / "b.parquet")
    assert pd.read_parquet(tmp_path / "b.parquet")["response"][0].startswith("The answer is 5.")


def test_processes_grade_as_one_does(monkeypatch):
    monkeypatch.setattr(responses, "MANY", 40)
    texts = [f"The answer is {i % 7}." if i % 3 else f"\\boxed{{{i % 5}}}" for i in range(120)]
    golds = [str(i % 4) for i in range(120)]
    assert responses.grade_apart(texts, golds, workers=2) == grading.grade_many(texts, golds)
