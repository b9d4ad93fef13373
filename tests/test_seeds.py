import gzip
import json
import re
import sys
import types

import pandas as pd
import pytest

from skymath_nb import schema, seeds


def lines(path, rows):
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


GSM8K = [
    {"question": "A?", "answer": "48/2 = <<48/2=24>>24 clips.\n#### 1,024"},
    {"question": "B?", "answer": "#### -3"},
]
MATH = [
    {"problem": "P", "level": "Level 5", "type": "Algebra", "solution": "\\boxed{1} then \\boxed{\\frac{1}{\\sqrt{2}}}."},
    {"problem": "Q", "level": "Level ?", "type": "Geometry", "solution": "so \\boxed 2."},
    {"problem": "R", "level": "Level 1", "type": "Geometry", "solution": "\\boxed{}"},
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv(seeds.DATA, raising=False)
    lines(tmp_path / "gsm8k/train.jsonl.gz", GSM8K)
    lines(tmp_path / "math/train.jsonl.gz", MATH)
    return tmp_path


def test_gsm8k_loses_its_marks_and_commas(folder):
    table = seeds.load("gsm8k", data=folder)
    assert list(table) == schema.SEEDS.names
    assert table["answer"].tolist() == ["1024", "-3"] and table["solution"][0] == "48/2 = 24 clips."


def test_math_takes_the_last_box_and_counts_what_it_drops_and_does_not_understand(folder):
    table = seeds.load("math", data=folder)
    assert table["answer"].tolist() == ["\\frac{1}{\\sqrt{2}}", "2"] and table["level"].tolist() == [5, 0]
    assert table.attrs == {"dropped": {"no answer": 1}, "noted": {"level not understood": 1}}


def test_ids_do_not_depend_on_what_else_is_in_the_file(folder):
    before = seeds.load("gsm8k", data=folder)["id"].tolist()
    lines(folder / "gsm8k/train.jsonl.gz", [GSM8K[1], GSM8K[0], GSM8K[0]])
    after = seeds.load("gsm8k", data=folder)["id"].tolist()
    assert after[:2] == before[::-1] and len(set(after)) == 3


ROWS = [{"query": "1+1?", "response": "It is 2. The answer is 2.", "type": "GSM_AnsAug"}, {"query": "二加二？", "answer": 4}]


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "json", "parquet"])
def test_anybodys_problems_are_read_in_every_format(ending, tmp_path):
    path = tmp_path / f"mine.{ending}"
    if ending == "json":
        path.write_text(json.dumps(ROWS))
    elif ending == "parquet":
        pd.DataFrame(ROWS).astype({"answer": "Int64"}).to_parquet(path)
    else:
        lines(path, ROWS)
    table = seeds.load(str(path))
    assert table["answer"].tolist() == ["2", "4"] and table["language"].tolist() == ["en", "zh"]
    assert table["source"].tolist() == ["mine"] * 2 and seeds.file(str(path)) == path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"problem": "a", "answer": "1"}\n{"problem": "b", "ans', 'line 2 is not .* begins \'{"problem": "b"'),
        ('{"problem": "a", "answer": "1"}\n[1, 2]\n', "line 2 is not .it is a list"),
        ("", "empty"),
        ('{"problem": "a"}\n{"answer": "2"}\n', "'no answer': 1, 'no problem': 1"),
    ],
)
def test_a_file_that_holds_no_problems_says_where_it_goes_wrong(content, message, tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        seeds.load(str(path))
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_cut_off_half_way_is_refused(tmp_path):
    path = lines(tmp_path / "mine.jsonl.gz", ROWS * 200)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="cannot be read after line"):
        seeds.load(str(path))


@pytest.mark.parametrize("name", ["agieval-math", "AGIEval/math", "data/agieval/math.jsonl", "agieval/v1/math.jsonl"])
def test_agievals_math_file_is_refused_by_name(name):
    with pytest.raises(ValueError, match="inside the MATH test set"):
        seeds.load(name)
    assert not seeds.REFUSED.search("agieval/sat-math.jsonl") and not seeds.REFUSED.search("math")


def test_missing_files_splits_and_names_are_told_apart(folder):
    with pytest.raises(FileNotFoundError, match="gsm8k/test.jsonl is missing"):
        seeds.load("gsm8k", "test", data=folder)
    with pytest.raises(ValueError, match="no split 'train'; it has test"):
        seeds.load("math500", data=folder)
    with pytest.raises(FileNotFoundError, match="gsm8k, math"):
        seeds.load("gsm9k", data=folder)


def test_without_a_folder_the_hub_is_asked_and_its_absence_is_explained(monkeypatch):
    asked = []

    def load_dataset(name, config, split):
        asked.append((name, config, split))
        if name == "openai/gsm8k":
            return GSM8K
        raise ConnectionError("no route")

    monkeypatch.delenv(seeds.DATA, raising=False)
    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    assert len(seeds.load("gsm8k")) == 2 and asked == [("openai/gsm8k", "main", "train")]
    with pytest.raises(ConnectionError, match=f"{seeds.DATA} is not set.*no route.*math/test.jsonl.gz"):
        seeds.load("math", "test")


def test_duplicates_are_dropped_but_listed_with_the_one_that_stays(folder):
    table = pd.concat([seeds.load("gsm8k", data=folder), seeds.load("math", data=folder)], ignore_index=True)
    table = pd.concat([table, table.assign(problem="  a?\n", id="again").iloc[:1]], ignore_index=True)
    kept, dropped = seeds.deduplicate(table)
    assert len(kept) == 4 and dropped["id"].tolist() == ["again"]
    assert dropped["duplicate_of"].tolist() == [table["id"][0]]


def test_a_larger_draw_keeps_the_smaller_one(data_folder, monkeypatch):
    monkeypatch.setenv(seeds.DATA, str(data_folder))
    small, large = (seeds.draw("gsm8k", n, seed=1)["id"].tolist() for n in (20, 50))
    assert large[:20] == small and seeds.draw("gsm8k", 20, seed=2)["id"].tolist() != small


def test_worlds_seeds_and_benchmarks_come_through_the_same_door():
    assert len(seeds.load("world-test", "test", 12)) == len(seeds.benchmarks(["world-test"], 12)["world-test"]) == 12
    assert seeds.draw("world", 10, 0)["source"].eq("world").all() and seeds.files(["world", "world-test"]) == []


@pytest.mark.parametrize(("name", "split", "n"), [("gsm8k", "train", 7473), ("math", "train", 7498), ("math500", "test", 500)])
def test_the_real_files_are_read_whole(name, split, n, data_folder):
    table = seeds.load(name, split, data=data_folder)
    assert len(table) == n and table["id"].is_unique and not table["solution"].map(seeds.MARKS.search).any()
    assert not table["answer"].map(lambda text: re.search(r"\\boxed|####", text)).any()


def test_versions_of_the_same_items_give_the_same_pick():
    names = ("world-test", "world-chinese", "world-distractors-3")
    picks = [seeds.take(seeds.load(name, limit=40), 10, seed=1)["pair"].tolist() for name in names]
    assert picks[0] == picks[1] == picks[2] and picks[0] != sorted(picks[0])
