import random
import re

import pandas as pd
import pytest

from skymath_nb import leakage, schema, seeds, world


def benchmark(*problems, solution="It is so."):
    rows = [dict.fromkeys(schema.SEEDS.names, "x") | {"level": 1, "problem": p, "solution": solution} for p in problems]
    return pd.DataFrame(rows).assign(id=[f"b{i}" for i in range(len(rows))])


def instances(*queries, response=""):
    return pd.DataFrame({"id": [f"i{i}" for i in range(len(queries))], "query": queries, "response": response})


LONG = " ".join(f"word{i}" for i in range(60))
SHORT = "Compute $\\dfrac{1}{2} + \\left(3\\right)$ in base seven."


def verdict(query, problem, response="", **options):
    row = leakage.gate(instances(query, response=response), {"b": benchmark(problem)}, **options).iloc[0]
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
        (SHORT.replace("+", "-"), SHORT, ("clean", "", 0)),
        ("Nothing of the kind", SHORT, ("clean", "", 0)),
        ("", SHORT, ("clean", "", 0)),
    ],
)
def test_each_tier_finds_its_own_kind(query, problem, expected):
    assert verdict(query, problem) == expected


def test_responses_and_solutions_are_searched_too():
    assert verdict("q", LONG, response="so " + LONG)[0] == "leak"
    table = leakage.gate(instances("q", response=LONG), {"b": benchmark("p", solution=LONG)})
    assert table["verdict"].tolist() == ["leak"]


def test_words_do_not_run_from_one_text_into_the_next():
    halves = LONG.split()
    row = instances(" ".join(halves[:6]), response=" ".join(halves[6:12]))
    assert leakage.gate(row, {"b": benchmark(LONG)})["verdict"].tolist() == ["clean"]


def test_verdicts_equal_those_of_a_plain_search():
    rng = random.Random(0)
    text = lambda: " ".join(rng.choice("abcdef") for _ in range(rng.randint(0, 14)))  # noqa: E731
    queries, problems, small, large = [text() for _ in range(200)], [text() for _ in range(20)], 4, 7

    def plain(query):
        grams = lambda t, n: {tuple(t.split()[i : i + n]) for i in range(len(t.split()) - n + 1)}  # noqa: E731
        if query and query in problems:
            return "leak"
        if any(4 <= len(p.split()) < large and f" {p} " in f" {query} " for p in problems):
            return "leak"
        hit = [any(grams(query, n) & grams(p, n) for p in problems) for n in (large, small)]
        return "leak" if hit[0] else "near" if hit[1] else "clean"

    table = leakage.gate(instances(*queries), {"b": benchmark(*problems, solution="")}, n=(large, small))
    assert table["verdict"].tolist() == [plain(query) for query in queries]
    assert set(table["verdict"]) == {"leak", "near", "clean"}


def test_in_the_world_an_equal_graph_leaks_and_a_shared_template_does_not():
    test = world.benchmark("world-test", 60)
    chinese = world.benchmark("world-chinese", 60)
    seen = instances(*chinese["problem"][:10], *world.seeds(200, 0)["problem"])
    table = leakage.gate(seen, {"world-test": test}, n=(12, 6), keys=world.key)
    assert (table["tier"][:10] == "graph").all() and (table["verdict"][:10] == "leak").all()
    assert table["benchmark_id"][:10].tolist() == test["id"][:10].tolist()
    assert (table["verdict"][10:] == "clean").all() and set(table["tier"][10:]) == {"", "template"}


def test_nothing_passes_without_a_verdict_on_the_present_text():
    rows, tests = instances(LONG, "other"), {"b": benchmark(SHORT)}
    table = leakage.gate(rows, tests)
    leakage.require(rows, table, tests)
    with pytest.raises(ValueError, match="1 of 3 instances .the first is new"):
        leakage.require(pd.concat([rows, rows.iloc[:1].assign(id="new")]), table, tests)
    with pytest.raises(ValueError, match="2 of 2 .* as it is now"):
        leakage.require(rows, table, {"b": benchmark(SHORT + " Or eight?")})
    with pytest.raises(ValueError, match="against c"):
        leakage.require(rows, table, tests | {"c": benchmark("another")})


def test_the_table_has_the_schema_and_its_counts_add_up(tmp_path):
    rows = instances(LONG, SHORT, "z")
    table = leakage.gate(rows, {"b-1": benchmark(LONG), "b-2": benchmark(SHORT)})
    schema.write(table, tmp_path / "gate.parquet", "gate")
    counts = leakage.counts(table)
    assert counts["rows"].sum() == len(table) == 6
    report = leakage.flat_report(counts)
    assert report["b_1_leak"] == report["b_2_leak"] == 1 and report["b_1_near"] == report["b_1_template"] == 0


@pytest.mark.parametrize("tests", [{}, {"b": benchmark(SHORT).iloc[:0]}])
def test_a_gate_without_a_benchmark_is_refused(tests):
    with pytest.raises(ValueError, match="call everything clean"):
        leakage.gate(instances("q"), tests)


def test_a_random_control_removes_as_many_rows():
    rows = instances(*map(str, range(50)))
    assert len(leakage.random_control(rows, 20, 1)) == 30
    assert set(leakage.random_control(rows, 20, 1)["id"]) != set(leakage.random_control(rows, 20, 2)["id"])
    with pytest.raises(ValueError, match="50 of 50"):
        leakage.random_control(rows, 50)


def test_planted_leaks_are_found_by_kind(data_folder):
    tests = {name: seeds.load(name, "test", data=data_folder) for name in ("gsm8k", "math")}
    table = leakage.recall(tests | {"world-test": world.benchmark("world-test", 60)}, keys=world.key)
    found = table.set_index(["benchmark", "kind"])
    for kind in ("verbatim", "recased", "respaced"):
        assert (table.loc[table["kind"] == kind, "recall"] == 1).all()
    assert found.loc[("gsm8k", "one number changed"), "recall"] >= 0.9
    report = leakage.flat_recall(table)
    assert report["world_test_recall_verbatim"] == 1 and all(re.fullmatch(r"\w+", name) for name in report)


def test_the_real_train_splits_meet_the_test_splits_as_known(data_folder):
    for name, leaks in (("gsm8k", 0), ("math", 213)):
        train = seeds.load(name, "train", data=data_folder).rename(columns={"problem": "query", "solution": "response"})
        table = leakage.gate(train, {name: seeds.load(name, "test", data=data_folder)})
        assert (table["verdict"] == "leak").sum() == leaks
