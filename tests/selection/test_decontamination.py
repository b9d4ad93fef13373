import random
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from skymath_nb import world
from skymath_nb.core import schema
from skymath_nb.data import seeds
from skymath_nb.selection import contamination_search, decontamination, ngrams

MATH_LEAKS = 207  # of MATH train, drawings left out of the words


def benchmark(*problems, solution="It is so."):
    rows = [
        dict.fromkeys(schema.SEEDS.names, "x") | {"level": 1, "problem": p, "solution": solution}
        for p in problems
    ]
    return pd.DataFrame(rows).assign(id=[f"b{i}" for i in range(len(rows))])


def instances(*queries, response=""):
    return pd.DataFrame(
        {"id": [f"i{i}" for i in range(len(queries))], "query": queries, "response": response}
    )


LONG = " ".join(a + b for a in "bcdfghkl" for b in ("a", "e", "i", "o", "u", "y", "ar"))
SHORT = "Compute $\\dfrac{1}{2} + \\left(3\\right)$ in base seven."


def verdict(query, problem, response="", **options):
    row = decontamination.gate(
        instances(query, response=response), {"b": benchmark(problem)}, **options
    ).iloc[0]
    return row["verdict"], row["tier"], row["n"]


@pytest.mark.parametrize(
    ("query", "problem", "expected"),
    [
        (LONG, LONG, ("leak", "exact", 0)),
        (SHORT.upper(), SHORT, ("leak", "exact", 0)),
        ("compute $\\frac{1}{2}+(3)$  in\nbase seven", SHORT, ("leak", "exact", 0)),
        ("First: " + SHORT + " Then double it.", SHORT, ("leak", "contained", 0)),
        (" ".join(LONG.split()[:30]) + " other", LONG, ("leak", "ngram", 30)),
        (" ".join(LONG.split()[:29]) + " other", LONG, ("near", "ngram", 10)),
        (" ".join(LONG.split()[:9]) + " other", LONG, ("clean", "", 0)),
        (SHORT.replace("+", "-"), SHORT, ("near", "near-duplicate", 0)),
        (SHORT.replace("base seven", "lowest terms"), SHORT, ("clean", "", 0)),
        (
            "Find $x$. [asy] draw(A); [/asy] See it there",
            "Find $x$. [asy] draw(B); [/asy] See it there",
            ("near", "near-duplicate", 0),
        ),
        ("Tom has 7 red hats.", "Tom has 12 red hats.", ("near", "near-duplicate", 0)),
        (
            "A shop sold 1200 pens of 3000 pens.",
            "A shop sold 1,200 pens of 3,000 pens.",
            ("leak", "exact", 0),
        ),
        (
            "So: a shop sold $1{,}200$ pens of 3000 pens. Why?",
            "A shop sold 1,200 pens of 3000 pens.",
            ("leak", "contained", 0),
        ),
        (
            "Compute $ 49\n{ ,\n} 994 \\div 7$ at once",
            "Compute $49{,}994\\div 7$ at once.",
            ("leak", "exact", 0),
        ),
        (
            "A factor of $54$,$321$ below $10,\\!000$",
            "A factor of 54,321 below 10000.",
            ("leak", "exact", 0),
        ),
        (
            "Now: what is Tom's age after 7 years?",
            "What is Tom’s age after 7 years?",
            ("leak", "contained", 0),
        ),
        (
            "Evaluate the expression 5 - 3 now please.",
            "Evaluate the expression 5 − 3 now please.",
            ("leak", "exact", 0),
        ),
        ("小明有３个苹果,吃了1个", "小明有3个苹果,吃了1个。", ("leak", "exact", 0)),
        ("Nothing of the kind", SHORT, ("clean", "", 0)),
        ("", SHORT, ("clean", "", 0)),
    ],
)
def test_each_tier_finds_its_own_kind(query, problem, expected):
    assert verdict(query, problem) == expected


def test_responses_and_solutions_are_searched_too():
    assert verdict("q", LONG, response="so " + LONG)[0] == "leak"
    table = decontamination.gate(
        instances("q", response=LONG), {"b": benchmark("p", solution=LONG)}
    )
    assert table["verdict"].tolist() == ["leak"]


def test_words_do_not_run_from_one_text_into_the_next():
    halves = LONG.split()
    row = instances(" ".join(halves[:6]), response=" ".join(halves[6:12]))
    assert decontamination.gate(row, {"b": benchmark(LONG)})["verdict"].tolist() == ["clean"]


def plainly(query, response, problems, n, near):
    """The gate's rule without any of its shortcuts."""
    large, small = n
    grams = lambda text, n: {tuple(text[i : i + n]) for i in range(len(text) - n + 1)}  # noqa: E731
    shingles = lambda text: Counter(zip(*(ngrams.masked(text)[i:] for i in range(3)), strict=False))  # noqa: E731
    mine, tests = (
        [ngrams.words(query), ngrams.words(response)],
        [ngrams.words(problem) for problem in problems],
    )
    bare, tests_bare = (
        [ngrams.bare(query), ngrams.bare(response)],
        [ngrams.bare(problem) for problem in problems],
    )
    if mine[0] and bare[0] in tests_bare:
        return "leak", "exact"
    if any(
        4 <= len(t) < large and b in text
        for t, b in zip(tests, tests_bare, strict=True)
        for text in bare
    ):
        return "leak", "contained"
    for size, verdict in ((large, "leak"), (small, "near")):
        if any(grams(text, size) & grams(test, size) for text in mine for test in tests):
            return verdict, "ngram"
    own = shingles(mine[0])
    for test in tests:
        both = own & shingles(test), own | shingles(test)
        if len(test) >= 4 and len(mine[0]) >= 4 and both[0].total() >= near * both[1].total():
            return "near", "near-duplicate"
    return "clean", ""


# words that `scan` finds in its slower ways, or nearly
ODD = "tom’s “x” 1,200 4,000 − \x00 \\dfrac12 \\,3 <<3+4=7>>7 a\u0301 ② 小 Tom's"


@pytest.mark.parametrize(
    ("n", "alphabet"),
    [((12, 9), "a b c d e f"), ((7, 4), "tom 3 17 \\left( \\frac x 小 有 + = é"), ((5, 3), ODD)],
)
def test_verdicts_equal_those_of_a_plain_search(n, alphabet):
    rng = random.Random(0)
    text = lambda: " ".join(rng.choice(alphabet.split()) for _ in range(rng.randint(0, 14)))  # noqa: E731
    queries, problems = [text() for _ in range(400)], [text() for _ in range(20)]
    queries += [problem + " end" for problem in problems] + [
        problem.replace("3", "4").upper() for problem in problems
    ]
    queries += [
        " ".join([*problem.split()[:7], "new", *problem.split()[8:]]) for problem in problems
    ]
    response = [text() if rng.random() < 0.2 else "" for _ in queries]
    table = decontamination.gate(
        instances(*queries, response=response),
        {"b": benchmark(*problems, solution="")},
        n=n,
        near=0.5,
    )
    expected = [plainly(*pair, problems, n, 0.5) for pair in zip(queries, response, strict=True)]
    assert list(zip(table["verdict"], table["tier"], strict=True)) == expected
    assert {tier for _, tier in expected} >= {"exact", "contained", "ngram", "near-duplicate", ""}


def test_a_gate_on_parts_says_what_it_says_on_the_whole():
    texts = [LONG, SHORT, "z", LONG.upper(), "", SHORT.replace("seven", "nine")]
    whole = decontamination.gate(instances(*texts), {"b": benchmark(SHORT, LONG)})
    once = decontamination.Gate({"b": benchmark(SHORT, LONG)})
    parts = [once(instances(*texts).iloc[i : i + 2]) for i in (0, 2, 4)]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True))


def test_hits_lie_side_by_side_with_what_may_excuse_them():
    stock = "What is the sum of all the positive integers that divide"
    tests = {
        "b": benchmark(
            *(f"{stock} {name}?" for name in ("forty", "the number of weeks", "my age in days")),
            SHORT,
        )
    }
    rows = instances(
        f"{stock} some other thing that I have seen at home?",
        SHORT,
        SHORT.replace("2", "5"),
        "nothing",
    )
    table = decontamination.hits(decontamination.gate(rows, tests), rows, tests).set_index("id")
    assert table.index.tolist() == ["i1", "i0", "i2"]
    assert (
        table.loc["i0", "shared"] == stock.lower()
        and "stands in 3 problems" in table.loc["i0", "note"]
    )
    assert (
        table.loc["i2", "note"] == "the same words with other numbers"
        and table.loc["i1", "problem"] == SHORT
    )
    assert table.loc["i1", "note"] == ""


def test_neighbours_are_listed_for_review_with_their_similarity():
    import numpy as np

    vectors = {"a": (1, 0), "b": (0.6, 0.8), "x": (0, 1), "y": (1, 0)}
    embed = lambda texts: np.array([vectors[text] for text in texts], np.float32)  # noqa: E731
    table = decontamination.neighbours(
        instances("a", "b", " "), {"t": benchmark("x", "y")}, embed, threshold=0.7
    )
    assert table[["id", "benchmark_id"]].to_numpy().tolist() == [["i0", "b1"], ["i1", "b0"]]
    assert table["similarity"].tolist() == pytest.approx([1.0, 0.8])


def test_in_the_world_an_equal_graph_leaks_and_a_shared_template_does_not():
    test = world.benchmark("world-test", 60)
    chinese = world.benchmark("world-chinese", 60)
    seen = instances(*chinese["problem"][:10], *world.seeds(200, 0)["problem"])
    table = decontamination.gate(seen, {"world-test": test}, n=(12, 6), keys=world.key)
    assert (table["tier"][:10] == "graph").all() and (table["verdict"][:10] == "leak").all()
    assert table["benchmark_id"][:10].tolist() == test["id"][:10].tolist()
    assert (table["verdict"][10:] == "clean").all() and set(table["tier"][10:]) == {"", "template"}


def test_nothing_passes_without_a_verdict_on_the_present_text():
    rows, tests = instances(LONG, "other"), {"b": benchmark(SHORT)}
    table = decontamination.gate(rows, tests)
    decontamination.require(rows, table, tests)
    with pytest.raises(ValueError, match="1 of 3 instances .the first is new"):
        decontamination.require(pd.concat([rows, rows.iloc[:1].assign(id="new")]), table, tests)
    with pytest.raises(ValueError, match="2 of 2 .* as it is now"):
        decontamination.require(rows, table, {"b": benchmark(SHORT + " Or eight?")})
    with pytest.raises(ValueError, match="against c"):
        decontamination.require(rows, table, tests | {"c": benchmark("another")})


def test_the_table_has_the_schema_and_its_counts_add_up(tmp_path):
    rows = instances(LONG, SHORT, "z")
    table = decontamination.gate(rows, {"b-1": benchmark(LONG), "b-2": benchmark(SHORT)})
    schema.write(table, tmp_path / "gate.parquet", "gate")
    counts = decontamination.counts(table)
    assert counts["rows"].sum() == len(table) == 6
    report = decontamination.flat_report(counts)
    assert (
        report["b_1_leak"] == report["b_2_leak"] == 1
        and report["b_1_near"] == report["b_1_template"] == 0
    )


@pytest.mark.parametrize("tests", [{}, {"b": benchmark(SHORT).iloc[:0]}])
def test_a_gate_without_a_benchmark_is_refused(tests):
    with pytest.raises(ValueError, match="call everything clean"):
        decontamination.gate(instances("q"), tests)


def test_a_random_control_removes_as_many_rows():
    rows = instances(*map(str, range(50)))
    assert len(decontamination.random_control(rows, 20, 1)) == 30
    assert set(decontamination.random_control(rows, 20, 1)["id"]) != set(
        decontamination.random_control(rows, 20, 2)["id"]
    )
    with pytest.raises(ValueError, match="50 of 50"):
        decontamination.random_control(rows, 50)


def test_a_filter_and_its_control_leave_out_as_many_rows():
    rows = instances(*map(str, range(50)))
    table = pd.DataFrame({"id": rows["id"], "verdict": ["near"] * 8 + ["clean"] * 42})
    left = {
        how: decontamination.filtered(rows, table, how, seed=1) for how in decontamination.FILTERS
    }
    assert {how: len(table) for how, table in left.items()} == {
        "leak": 50,
        "near": 42,
        "random": 42,
    }
    assert not set(left["near"]["id"]) & set(rows["id"][:8]) and set(left["random"]["id"]) & set(
        rows["id"][:8]
    )
    with pytest.raises(ValueError, match="leave_out='some'"):
        decontamination.filtered(rows, table, "some")
    with pytest.raises(ValueError, match="All 8 rows are near"):
        decontamination.filtered(rows[:8], table, "near")


def test_planted_leaks_are_found_by_kind(data_folder):
    tests = {name: seeds.load(name, "test", data=data_folder) for name in ("gsm8k", "math")}
    pairs = [world.benchmark(name, 60) for name in ("world-test", "world-chinese")]
    chinese = {"world-test": dict(zip(pairs[0]["id"], pairs[1]["problem"], strict=True))}
    table = decontamination.recall(
        tests | {"world-test": pairs[0]}, keys=world.key, translations=chinese
    )
    found = table.set_index(["benchmark", "kind"])
    for kind in (
        "verbatim",
        "recased",
        "respaced",
        "retypeset",
        "requoted",
        "regrouped",
        "short question inside a text",
    ):
        assert (table.loc[table["kind"] == kind, "recall"] == 1).all()
    assert (found.xs("one number changed", level="kind")["recall"][["gsm8k", "math"]] >= 0.9).all()
    assert ("gsm8k", "translated") not in found.index and found.loc[
        ("world-test", "translated"), "recall"
    ] == 1
    report = decontamination.flat_recall(table)
    assert report["world_test_recall_verbatim"] == 1 and all(
        re.fullmatch(r"\w+", name) for name in report
    )


def test_the_real_train_splits_meet_the_test_splits_as_known(data_folder):
    for name, leaks in (("gsm8k", 0), ("math", MATH_LEAKS)):
        train = seeds.load(name, "train", data=data_folder).rename(
            columns={"problem": "query", "solution": "response"}
        )
        table = decontamination.gate(train, {name: seeds.load(name, "test", data=data_folder)})
        assert (table["verdict"] == "leak").sum() == leaks


def test_hashes_that_share_a_place_in_the_table_are_all_found():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 20_000, dtype=np.uint64)
    # the same first bits as the one before
    hashes[1::2] = hashes[::2] ^ np.arange(1, 10_001, dtype=np.uint64)
    known = contamination_search._Known([(hashes, np.arange(len(hashes)))])
    others = np.concatenate(
        [hashes ^ np.uint64(1 << 40), rng.integers(0, 2**63, 20_000, dtype=np.uint64)]
    )
    others = others[~np.isin(others, hashes)]
    at, questions = known.find(np.concatenate([others, hashes]))
    assert at.tolist() == list(
        range(len(others), len(others) + len(hashes))
    ) and questions.tolist() == list(range(len(hashes)))
    # random ones, of which most fall on an empty place
    assert len(known.table.maybe(others[20_000:])) < 1500
