"""One field of a row is changed at a time.

No such file may end in a traceback, or in a text that is none.
"""

import gzip
import json
import random

import pytest

from skymath_nb import __main__, data
from skymath_nb.commands import grade
from skymath_nb.core import schema
from skymath_nb.data import seeds

KITES = "A kite costs 3 dollars and a string costs 2 dollars. What do 4 kites with strings cost?"
SOLVED = "4 x (3 + 2) = 20. The answer is 20."
EXAM = {"question": KITES, "answer": "20", "choice_answer": "A", "type": "single"}
AGIEVAL = {
    "passage": None,
    "question": KITES,
    "options": ["(A)20", "(B)5"],
    "label": "A",
    "answer": None,
    "other": {"solution": SOLVED},
}
OLYMPIAD = {
    "id": 1,
    "subfield": "Algebra",
    "context": None,
    "question": KITES,
    "solution": [SOLVED],
    "final_answer": ["20"],
    "is_multiple_answer": False,
    "unit": None,
    "answer_type": "Numerical",
    "error": None,
    "question_type": "Open-ended",
}
SYMBOLIC = {
    "id": 0,
    "instance": 0,
    "question": KITES,
    "answer": "4 x 5 = <<4*5=20>>20\n#### 20",
    "original_question": KITES,
}
ROWS = {
    "gsm8k": {"question": KITES, "answer": "4 x 5 = <<4*5=20>>20\n#### 20"},
    "math": {
        "problem": KITES,
        "level": "Level 2",
        "type": "Algebra",
        "solution": "It is $\\boxed{20}$.",
        "unique_id": "a/1.json",
    },
    "math500": {
        "problem": KITES,
        "solution": "$\\boxed{20}$",
        "answer": "20",
        "subject": "Algebra",
        "level": 2,
        "unique_id": "a",
    },
    "cmath": {"grade": 3, "question": KITES, "golden": "20", "reasoning_step": 2, "num_digits": 1},
    "cmath-distractors": {"input": KITES, "original": KITES, "golden": "20", "distractor": 1},
    "mgsm-zh": {
        "dataset": "mgsm",
        "id": "a",
        "messages": [{"role": "user", "content": KITES}],
        "answer": "20",
    },
    "gsm-plus": {
        "question": KITES,
        "solution": SOLVED,
        "answer": "20",
        "perturbation_type": "digit expansion",
    },
    "gsm-symbolic": SYMBOLIC,
    "gsm-symbolic-p1": SYMBOLIC,
    "gsm-symbolic-p2": SYMBOLIC,
    "gsm-hard": {"input": KITES, "code": "print(20)", "target": 20.0},
    "gsm8k-backward": {
        "question": KITES,
        "answer": "20",
        "original_question": KITES,
        "output": SOLVED,
    },
    "olympiadbench": OLYMPIAD,
    "olympiadbench-zh": OLYMPIAD,
    "agieval-sat-math": AGIEVAL,
    "agieval-aqua-rat": AGIEVAL,
    "agieval-gaokao-mathqa": AGIEVAL,
    "agieval-gaokao-mathcloze": AGIEVAL,
    "scibench": {
        "problem_text": KITES,
        "answer_latex": "",
        "answer_number": "20",
        "unit": " ",
        "source": "calculus",
        "solution": SOLVED,
    },
    "jeebench": {
        "description": "-",
        "index": 1,
        "subject": "math",
        "type": "MCQ",
        "question": KITES,
        "gold": "A",
    },
    "svamp": {
        "Answer": 20.0,
        "Question": "What do they cost?",
        "Equation": "4*5",
        "Body": "A kite costs 5 dollars",
        "Type": "x",
    },
    "asdiv": {
        "body": "A kite costs 5.",
        "question": "What do 4 cost?",
        "solution_type": "x",
        "answer": "20 (dollars)",
        "formula": "4*5",
    },
    "mawps": {"input": KITES, "target": 20.0, "type": "singleop", "idx": 0},
    "aime24": {"id": 60, "problem": KITES, "solution": SOLVED, "answer": "20", "url": "-"},
    "carp-en": {"content": KITES, "answer": "20", "steps": SOLVED},
    "cn-middle-school": EXAM,
    "gaokao2024-1": EXAM,
    "gaokao2024-2": EXAM,
    "gaokao2024-mix": EXAM,
}
ABSENT = object()
DEEP = json.loads("[" * 400 + "]" * 400)
VALUES = (
    ABSENT,
    None,
    float("nan"),
    float("inf"),
    True,
    0,
    -7,
    2.5,
    10**40,
    [],
    [None],
    ["20"],
    [["a", "b"]],
    {},
    {"value": "20"},
    {"a": [1]},
    "",
    "  ",
    "proof",
    "notfound",
    "9" * 30,
    "\ud83d",
    "\u0000\u202e",
    "[",
    "{",
    DEEP,
)
NEVER = {"nan", "inf", "none", "true", "false", "proof", "notfound", "[]", "{}"}


def mutations(row):
    """Copies of a row with one field changed, in a fixed order at random."""
    pairs = [(field, value) for field in row for value in VALUES]
    random.Random(0).shuffle(pairs)
    for field, value in pairs:
        yield {key: old for key, old in row.items() if key != field} | (
            {} if value is ABSENT else {field: value}
        )


def write(path, rows):
    path.parent.mkdir(exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    whole = json.dumps(rows).encode() if path.suffix == ".json" else lines
    path.write_bytes(gzip.compress(whole) if path.suffix == ".gz" else whole)
    return path


def check(table, *columns):
    """The texts are texts, and can be written."""
    for text in table[[*columns]].to_numpy().ravel():
        assert isinstance(text, str)
        assert text.strip().lower() not in NEVER and not text.startswith(("[{", "{'", "['"))
    table.to_parquet("/dev/null")


def test_every_named_source_has_a_row_to_change():
    assert set(ROWS) == set(seeds.SOURCES)


@pytest.mark.parametrize("name", ROWS)
def test_a_changed_field_of_a_named_source_is_read_left_out_or_named(name, tmp_path):
    row = ROWS[name]
    split, file = next(iter(seeds.SOURCES[name].files.items()))
    whole = [changed for changed in mutations(row) if set(changed) == set(row)]
    path = write(tmp_path / file, [row, *whole])
    table = seeds.load(name, split, data=tmp_path)
    check(table, "problem", "answer", "source", "subject")
    assert len(table) + sum(table.attrs["dropped"].values()) == len(whole) + 1 and len(table) > len(
        row
    )
    for column in row:
        write(path, [{key: value for key, value in row.items() if key != column}])
        try:
            check(seeds.load(name, split, data=tmp_path), "problem", "answer")
        except ValueError as error:
            assert type(error) is ValueError and str(path) in str(error)


@pytest.mark.parametrize("layout", data.layouts.table(), ids=lambda layout: layout.name)
def test_a_changed_field_of_a_layout_is_read_left_out_or_counted(layout, tmp_path):
    row = layout.example | {"id": 3, "level": "2", "source": "own"}
    changed = [
        *mutations(row),
        *({**row, "language": value} for value in VALUES if value is not ABSENT),
    ]
    path = write(tmp_path / "rows.jsonl", [row, *changed])
    instances = data.load(path)
    check(instances[instances["query"] != ""], "query", "response")
    schema.write(instances, tmp_path / "instances.parquet", "instances")
    assert len(instances) == len(changed) + 1 and (instances["query"] != "").sum() > len(row)
    table = seeds.load(str(write(path, [row, *mutations(row)])), "test")
    check(table, "problem", "answer", "subject", "licence")
    assert table["id"].is_unique
    assert __main__.main(["coreset", str(path), "-k", "1", "--force"]) == 0
    for one in changed:  # alone, a row is a whole document
        assert len(list(data.files.rows(write(path, [one])))) == 1


RESPONSE = {
    "id": 1,
    "response": SOLVED,
    "gold": "20",
    "cap_hit": False,
    "benchmark": "own",
    "sample": 0,
    "level": 3,
}
HARNESS = {
    "doc_id": 0,
    "doc": {"level": 3},
    "target": "20",
    "resps": [[SOLVED]],
    "filter": "none",
    "exact_match": 1.0,
    "doc_hash": "h",
}


@pytest.mark.parametrize("row", [RESPONSE, HARNESS], ids=["own", "harness"])
def test_a_changed_field_of_responses_is_graded_or_named(row, tmp_path):
    for changed in mutations(row):
        path = write(
            tmp_path / "answers.jsonl", [changed, *([{**row, "id": 2}] if "id" in row else ())]
        )
        try:
            by = ["level"] if "level" in row else ["doc.level"]
            grade.grade(
                path,
                by=by,
                out=tmp_path / "out.parquet",
                workers=1,
                force=True,
                echo=lambda line: None,
            )
        except ValueError as error:
            assert type(error) in (ValueError, data.files.Unreadable) and str(path) in str(error), (
                repr(error)
            )
    assert __main__.main(["grade", str(write(path, [row])), "--workers", "1"]) == 0
