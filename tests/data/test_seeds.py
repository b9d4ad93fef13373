import gzip
import json
import re
import sys
import types

import pandas as pd
import pytest

from skymath_nb import grading, world
from skymath_nb.core import schema
from skymath_nb.data import seeds, source_layouts

pytestmark = pytest.mark.stack


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
    {
        "problem": "P",
        "level": "Level 5",
        "type": "Algebra",
        "solution": "\\boxed{1} then \\boxed{\\frac{1}{\\sqrt{2}}}.",
    },
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
    assert table["answer"].tolist() == ["\\frac{1}{\\sqrt{2}}", "2"] and table[
        "level"
    ].tolist() == [5, 0]
    assert table.attrs == {
        "dropped": {"no answer": 1},
        "noted": {"several boxes": 1, "level not understood": 1},
    }


def test_what_was_left_out_is_shown_beside_what_was_kept(folder):
    tables = {
        "math": seeds.take(seeds.load("math", data=folder), 1, 0),
        "world-test": world.benchmark("world-test", 4),
    }
    counts = seeds.count(tables)
    assert counts.loc["math"].to_dict() == {
        "licence": "MIT",
        "kept": 1,
        "left out: no answer": 1,
        "odd: several boxes": 1,
        "odd: level not understood": 1,
    }
    assert (
        counts.loc["world-test", "kept"] == 4
        and counts.loc["world-test", "left out: no answer"] == 0
    )


def test_ids_do_not_depend_on_what_else_is_in_the_file(folder):
    before = seeds.load("gsm8k", data=folder)["id"].tolist()
    lines(folder / "gsm8k/train.jsonl.gz", [GSM8K[1], GSM8K[0], GSM8K[0]])
    after = seeds.load("gsm8k", data=folder)["id"].tolist()
    assert after[:2] == before[::-1] and len(set(after)) == 3


ROWS = [
    {"query": "1+1?", "response": "It is 2. The answer is 2.", "type": "GSM_AnsAug"},
    {"query": "二加二？", "answer": 4},
]


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
        (
            '{"problem": "a", "answer": "1"}\n{"problem": "b", "ans',
            'line 2 is not .* begins \'{"problem": "b"',
        ),
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


@pytest.mark.parametrize(
    "name", ["agieval-math", "AGIEval/math", "data/agieval/math.jsonl", "agieval/v1/math.jsonl"]
)
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
    with pytest.raises(
        ConnectionError, match=f"{seeds.DATA} is not set.*no route.*math/test.jsonl.gz"
    ):
        seeds.load("math", "test")


def test_a_larger_draw_keeps_the_smaller_one(data_folder, monkeypatch):
    monkeypatch.setenv(seeds.DATA, str(data_folder))
    small, large = (seeds.draw("gsm8k", n, seed=1)["id"].tolist() for n in (20, 50))
    assert large[:20] == small and seeds.draw("gsm8k", 20, seed=2)["id"].tolist() != small


def test_worlds_seeds_and_benchmarks_come_through_the_same_door():
    assert (
        len(seeds.load("world-test", "test", 12))
        == len(seeds.benchmarks(["world-test"], 12)["world-test"])
        == 12
    )
    assert (
        seeds.draw("world", 10, 0)["source"].eq("world").all()
        and seeds.files(["world", "world-test"]) == []
    )


# split -> rows, what is left out, and a row: beginning of the problem -> its answer
FILES = {
    ("gsm8k", "train"): (7473, {}, "Natalia sold clips to 48", "72"),
    ("gsm8k", "test"): (1319, {}, "Janet’s ducks lay 16 eggs", "18"),
    ("math", "train"): (
        7498,
        {"no answer": 2},
        "Let \\[f(x) = \\left\\{\n\\begin{array}{cl} ax+3",
        "0",
    ),
    ("math", "test"): (
        5000,
        {},
        "How many vertical asymptotes does the graph of $y=\\frac{2}{x^2+x-6}$",
        "2",
    ),
    ("math500", "test"): (
        500,
        {},
        "Convert the point $(0,3)$",
        "\\left( 3, \\frac{\\pi}{2} \\right)",
    ),
    ("cmath", "dev"): (600, {}, "芳芳买了一本书有99页", "9"),
    ("cmath", "test"): (1098, {}, "妈咪买了3盒茶叶", "18"),
    ("cmath-distractors", "test"): (180, {}, "盘子里一共有15条鱼。家里有3只小猫。", "5"),
    ("mgsm-zh", "test"): (250, {}, "制作一件袍子需要 2 匹", "3"),
    ("gsm-hard", "test"): (1319, {}, "Janet’s ducks lay 16 eggs", "-9867630"),
    ("gsm8k-backward", "test"): (
        1270,
        {},
        "Josh decides to try flipping a house.  He buys a house for $x",
        "80000",
    ),
    ("olympiadbench", "test"): (675, {}, "Xenia and Sergey play the following game.", "2"),
    ("agieval-sat-math", "test"): (220, {}, "If $\\frac{x-1}{3}=k$ and $k=3$", "D"),
    ("agieval-aqua-rat", "test"): (254, {}, "A car is being driven, in a straight line", "A"),
    ("agieval-gaokao-mathqa", "test"): (351, {}, "已知 $a \\in R,(1+a i) i=3+i$", "C"),
    ("agieval-gaokao-mathcloze", "test"): (118, {}, "已知多项式 $(x-1)^{3}+(x+1)^{4}", "5;10"),
    ("scibench", "test"): (
        198,
        {"not mathematics": 493, "needs an image": 1},
        "Find the work done by a force $\\mathbf{F}=8",
        "144 \\mathrm{J}",
    ),
    ("jeebench", "test"): (
        236,
        {"not mathematics": 279},
        "Let $-\\frac{\\pi}{6}<\\theta<-\\frac{\\pi}{12}$",
        "C",
    ),
    ("svamp", "test"): (1000, {}, "There are 87 oranges and 290 bananas", "145"),
    ("asdiv", "test"): (2215, {}, "Seven red apples and two green apples", "9"),
    ("mawps", "test"): (2065, {}, "Joan found 70 seashells", "43"),
    ("aime24", "test"): (30, {}, "Every morning Aya goes for a $9$-kilometer-long walk", "204"),
    ("carp-en", "test"): (
        976,
        {},
        "Calculate $( 3 a - b ) ( - 3 a - b )$",
        "b ^ { 2 } - 9 a ^ { 2 }",
    ),
    ("cn-middle-school", "test"): (98, {"needs an image": 3}, "下列四个数中，最小的数是", "A"),
    ("gaokao2024-1", "test"): (13, {"needs an image": 1}, "请完成下面一道选择题", "A"),
    ("gaokao2024-2", "test"): (13, {"needs an image": 1}, "请完成下面一道选择题", "C"),
    ("gaokao2024-mix", "test"): (89, {"needs an image": 2}, "已知集合 M={x", "C"),
}
# no copy to count
NOT_HERE = {"gsm-plus", "gsm-symbolic", "gsm-symbolic-p1", "gsm-symbolic-p2", "olympiadbench-zh"}


def test_every_named_split_is_counted_below_or_known_to_be_missing():
    assert {
        (name, split)
        for name, source in seeds.SOURCES.items()
        if name not in NOT_HERE
        for split in source.files
    } == set(FILES)


@pytest.mark.parametrize(("name", "split"), FILES)
def test_the_real_files_are_read_whole(name, split, data_folder):
    rows, dropped, beginning, answer = FILES[name, split]
    table = seeds.load(name, split, data=data_folder)
    assert len(table) == rows and table.attrs["dropped"] == dropped and table["id"].is_unique
    assert answer in table["answer"][table["problem"].str.startswith(beginning)].tolist()
    assert name != "gsm8k" or not table["solution"].map(seeds.MARKS.search).any()
    assert not table["answer"].map(lambda text: re.search(r"\\boxed|####", text)).any()
    assert (
        table["language"].nunique() == 1
        and set(table["source"]) == {name}
        and table["licence"].str.len().gt(2).all()
    )


@pytest.mark.parametrize(("name", "split"), FILES)
def test_gold_answers_grade_equal_to_themselves_and_not_to_others(name, split, data_folder):
    golds = seeds.load(name, split, limit=1500, data=data_folder)["answer"].tolist()
    grades = grading.grade_many([f"So it is done.\nThe answer is {gold}." for gold in golds], golds)
    assert all(grade.strict and grade.flexible for grade in grades)
    # 7: six in a row are one problem
    swapped = grading.grade_many([f"The answer is {gold}." for gold in golds[7:]], golds[:-7])
    same = [grading.equivalent(a, b) for a, b in zip(golds[7:], golds[:-7], strict=True)]
    assert [grade.flexible for grade in swapped] == same and sum(same) <= 0.5 * len(same)


def test_distractors_and_versions_of_a_problem_keep_together(data_folder):
    table = seeds.load("cmath-distractors", "test", data=data_folder)
    assert table["distractors"].value_counts().to_dict() == dict.fromkeys(range(6), 30)
    assert table.groupby("pair")["answer"].nunique().eq(1).all() and set(table["pair"]) <= set(
        table["id"]
    )
    assert seeds.take(table, 12, 0).groupby("pair").size().tolist() == [6, 6]
    plain = world.benchmark("world-distractors-0", 12)
    crowded = seeds.load("world-distractors-5", "test", 12)
    assert plain["distractors"].eq(0).all() and crowded["distractors"].eq(5).all()
    assert (
        plain["problem"].tolist() == world.benchmark("world-test", 12)["problem"].tolist()
        and (plain["answer"] == crowded["answer"]).all()
    )


HUB = {  # rows as the hub has them, of sources without a copy here or with another layout there
    "gsm-plus": (
        {
            "question": "A?",
            "solution": "s",
            "answer": "1,080",
            "perturbation_type": "digit expansion",
        },
        {
            "question": "B?",
            "solution": "s",
            "answer": "None",
            "perturbation_type": "critical thinking",
        },
    ),
    "gsm-symbolic-p1": (
        {
            "id": 0,
            "instance": 3,
            "question": "A?",
            "answer": "1+1=2\n#### 2",
            "original_question": "Z?",
        },
    ),
    "olympiadbench-zh": (
        {
            "question": "求 $n$",
            "solution": ["甲", "乙"],
            "final_answer": ["$3$", "$5$"],
            "context": None,
            "is_multiple_answer": True,
            "unit": None,
            "error": None,
            "question_type": "Open-ended",
            "subject": "Math",
            "subfield": "Algebra",
            "image_1": None,
        },
        {"question": "证明", "final_answer": None, "question_type": "Theorem proof"},
        {"question": "如图，求 $x$", "final_answer": "['2']", "question_type": "Open-ended"},
        {
            "question": "求 $y$",
            "final_answer": "['2']",
            "question_type": "Open-ended",
            "image_1": object(),
        },
        {
            "question": "求 $z$",
            "final_answer": "['\\\\frac{1}{2}']",
            "question_type": "Open-ended",
            "unit": "$^{\\circ}$",
        },
    ),
    "mgsm-zh": (
        {"question": "几个？", "answer": None, "answer_number": 1080, "equation_solution": None},
    ),
}


def from_hub(monkeypatch, name):
    monkeypatch.delenv(seeds.DATA, raising=False)
    asked = []

    def load_dataset(hub, config, split):
        asked.append((hub, config, split))
        return list(HUB[name]) if len(asked) == 1 else []

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    return seeds.load(name, "test"), asked


def test_robustness_sets_come_from_the_hub(monkeypatch):
    plus, asked = from_hub(monkeypatch, "gsm-plus")
    assert asked == [("qintongli/GSM-Plus", None, "test")] and plus["answer"].tolist() == ["1080"]
    assert plus.attrs["dropped"] == {"no answer": 1} and plus["subject"][0] == "digit expansion"
    symbolic, asked = from_hub(monkeypatch, "gsm-symbolic-p1")
    assert asked == [("apple/GSM-Symbolic", "p1", "test")] and symbolic["answer"].tolist() == ["2"]
    assert from_hub(monkeypatch, "mgsm-zh")[0]["answer"].tolist() == ["1080"]


def test_olympiadbench_leaves_out_proofs_and_pictures_and_keeps_several_answers(monkeypatch):
    table, asked = from_hub(monkeypatch, "olympiadbench-zh")
    assert [config for _, config, _ in asked] == [
        "OE_TO_maths_zh_COMP",
        "OE_TO_maths_zh_CEE",
    ] and asked[0][2] == "train"
    assert (
        table["answer"].tolist() == ["3, 5", r"\frac{1}{2} ^{\circ}"]
        and table["solution"][0] == "甲\n\n乙"
    )
    assert table.attrs == {
        "dropped": {"a proof is asked": 1, "needs an image": 2},
        "noted": {"several answers": 1},
    }


def test_scibench_keeps_units_and_multiplies_powers_out():
    row = {"problem_text": "P", "source": "calculus ", "answer_latex": ""}

    def answer(number, unit):
        return source_layouts.scibench(row | {"answer_number": number, "unit": unit})["answer"]

    assert answer("7", " $\\mathrm{10^7} \\mathrm{~km}$") == r"7 \times 10^{7}"
    assert answer("1.19", r"$\mathrm{10^{-4}} \mathrm{~cm}^3/\mathrm{s}$") == r"1.19 \times 10^{-4}"
    assert (
        answer("89,034.79", " $") == "89034.79 dollars"
        and answer("−2", " ") == "-2"
        and answer("2.3", r"$\%$") == r"2.3 \%"
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (9.0, "9"),
        (-9867630.0, "-9867630"),
        (0.5, "0.5"),
        (1e-05, "0.00001"),
        ("1,080", "1080"),
        (7, "7"),
        ("1,2", "1,2"),
    ],
)
def test_numbers_are_written_as_one_writes_them(number, text):
    assert source_layouts.written(number) == text


def test_problems_that_speak_of_a_lost_figure_are_told_from_those_that_do_not():
    for text in [
        "as shown in the figure",
        "In the diagram below,",
        "如图，在",
        "下图是",
        "图 1 中",
        "see ![](a.png)",
        "graph above shows",
    ]:
        assert seeds.SPEAKS_OF_A_FIGURE.search(text), text
    for text in [
        "学校图书馆",
        "在地图上量得",
        "函数的图象",
        "用树状图",
        "the sum shown above",
        "figure out",
        "a 3-dimensional figure",
    ]:
        assert not seeds.SPEAKS_OF_A_FIGURE.search(text), text


def test_seeds_are_drawn_from_training_splits_and_never_from_what_only_tests(
    data_folder, monkeypatch
):
    monkeypatch.setenv(seeds.DATA, str(data_folder))
    assert seeds.files(["gsm8k", "cmath"])[1].name == "cmath_dev.jsonl"
    assert set(seeds.draw("cmath", 5, 0)["split"]) == {"dev"} and set(
        seeds.draw("olympiadbench", 5, 0)["split"]
    ) == {"test"}
    for name, inside in [("math500", "math"), ("mgsm-zh", "gsm8k"), ("gsm-plus", "gsm8k")]:
        with pytest.raises(ValueError, match=f"{name}, which only tests: .*test split of {inside}"):
            seeds.draw(name, 5, 0)
    with pytest.raises(ValueError, match="aime24, which only tests"):
        seeds.draw("aime24", 5, 0)


def test_a_benchmark_that_the_training_was_seeded_from_is_refused():
    with pytest.raises(ValueError, match=r"olympiadbench \(seeds from olympiadbench\)"):
        seeds.refuse_seeded(
            ["gsm8k", "olympiadbench"], pd.Series(["world", "olympiadbench", "math"])
        )
    with pytest.raises(ValueError, match=r"olympiadbench-zh \(seeds from olympiadbench\)"):
        seeds.refuse_seeded(["olympiadbench-zh"], ["olympiadbench"])
    with pytest.raises(ValueError, match="jeebench"):
        seeds.refuse_seeded(["jeebench"], ["jeebench"])
    seeds.refuse_seeded(
        ["gsm8k", "math", "math500", "cmath", "world-test"],
        ["gsm8k", "math", "cmath", "world", "scibench", "mine"],
    )


def test_a_source_without_a_hub_id_says_where_its_file_comes_from(monkeypatch, tmp_path):
    monkeypatch.delenv(seeds.DATA, raising=False)
    with pytest.raises(
        FileNotFoundError,
        match=r"agieval/sat-math.jsonl; it comes from github.com/ruixiangcui/AGIEval",
    ):
        seeds.load("agieval-sat-math", "test")
    with pytest.raises(
        FileNotFoundError, match=r"sat-math.jsonl is missing.*github.com/ruixiangcui/AGIEval"
    ):
        seeds.load("agieval-sat-math", "test", data=tmp_path)


def test_versions_of_the_same_items_give_the_same_pick():
    names = ("world-test", "world-chinese", "world-distractors-3")
    picks = [seeds.take(seeds.load(name, limit=40), 10, seed=1)["pair"].tolist() for name in names]
    assert picks[0] == picks[1] == picks[2] and picks[0] != sorted(picks[0])


def test_translations_are_those_of_the_same_items(data_folder):
    tests = {
        name: seeds.load(name, "test", 30, data=data_folder)
        for name in ("world-test", "world-chinese", "gsm8k", "math")
    }
    found = seeds.translations(tests, data=data_folder)
    assert {name: len(pairs) for name, pairs in found.items()} == {
        "world-test": 30,
        "world-chinese": 30,
        "gsm8k": 30,
    }
    assert found["world-test"][tests["world-test"]["id"][3]] == tests["world-chinese"]["problem"][3]


def test_a_translation_that_cannot_be_had_is_left_out(tmp_path):
    assert seeds.translations({"gsm8k": seeds.load("world-test", "test", 3)}, data=tmp_path) == {}


def test_a_source_of_ones_own_that_is_missing_says_where_its_file_belongs(tmp_path, monkeypatch):
    own = seeds.Source(
        files={"test": "quiz/test.jsonl"}, layout=source_layouts.anybody, licence="CC-BY-4.0"
    )
    monkeypatch.setitem(seeds.SOURCES, "quiz", own)
    with pytest.raises(
        FileNotFoundError,
        match="quiz/test.jsonl is missing.*its entry in data/sources.yaml names no origin",
    ):
        seeds.load("quiz", "test", data=tmp_path)
    monkeypatch.delenv(seeds.DATA, raising=False)
    with pytest.raises(
        FileNotFoundError,
        match="Set it to a folder that holds quiz/test.jsonl; its entry.*no hub id is known",
    ):
        seeds.load("quiz", "test")
