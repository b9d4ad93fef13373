import json

import numpy as np
import pandas as pd
import pytest

from skymath_nb import world
from skymath_nb.experiments import takeaway_arms, takeaways
from skymath_nb.training import curriculum, sft

SIZE, DOSES = 40, {"chinese": [0.0, 0.05, 0.5], "distracted": [0.1], "copies": [1, 3]}
BASES = {
    "moe": "tiny-base-moe",
    "moe-active": "tiny-base-moe-active",
    "moe-total": "tiny-base",
    "weaker": "tiny-base-moe-active",
}
SHARES = {"hard": 0.25, "narrow": 0.2, "leaked": 0.25, "cut": 0.2}


def made(n, seed, prefix, **more):
    """Instances as an augmentation leaves them.

    Every fourth answer wrong, methods and seeds in turn.
    """
    seeds = world.seeds(n, seed)
    answer = [a if i % 4 else "999999" for i, a in enumerate(seeds["answer"])]
    rows = pd.DataFrame(
        {
            "id": prefix + seeds["id"],
            "query": seeds["problem"],
            "response": seeds["solution"],
            "answer": answer,
        }
    )
    methods, operators = np.array(["metamath", "evol", "xwin"])[np.arange(n) % 3], "create"
    rows = rows.assign(
        method=methods,
        operator=operators,
        stage="normal",
        seed_id=[f"s{i % 20}" for i in range(n)],
        verdicts="{}",
    )
    return rows.assign(level=seeds["level"], language=seeds["language"], **more)


@pytest.fixture(scope="module")
def study():
    pools = {
        "normal": made(900, 1, "n"),
        "hard": made(60, 2, "h", stage="hard"),
        "poor": made(400, 3, "p"),
    }
    pools |= {name: made(60, 4, name) for name in ("coreset", "random")} | {
        "distracted": made(60, 5, "d", operator="distract")
    }
    chosen = takeaways.every(takeaways.TAKEAWAYS, takeaways.VARIATIONS, **DOSES)
    roles = {"test": "world-test", "chinese": "world-chinese", "distracted": "world-distractors"}
    items = takeaway_arms.benchmarks(roles, chosen, 20, 10)
    setting = {"batch_size": 8, "learning_rate": 0.002, "max_length": 512, "epochs": 3.0}
    return takeaway_arms.Study(
        pools,
        items,
        "tiny-base",
        BASES,
        SIZE,
        2,
        SHARES,
        setting,
        {"max_new_tokens": 20},
        copies=DOSES["copies"],
        repeats=2,
    )


def rows(study, name, repeat=0):
    [phase] = study.arm(name, repeat).curriculum.phases
    return phase.rows


def test_every_arm_of_every_contrast_is_made_and_asked_what_it_is_compared_on(study):
    units = study.units(takeaways.every(takeaways.TAKEAWAYS, takeaways.VARIATIONS, **DOSES))
    names = {unit.recipe.name for unit in units}
    assert (
        len(units) == 2 * len(names)
        and {"reference", "verified@teacher", "leak-filtered-30", "moe-total", "leak-3@world"}
        <= names
    )
    asked = {unit.recipe.name: list(unit.recipe.benchmarks) for unit in units}
    assert asked["reference"] == ["test", *(f"distracted-{k}" for k in range(1, 6))] and asked[
        "chinese-5"
    ] == ["test", "chinese"]
    assert asked["metamath"] == ["test"]
    steps = {
        unit.recipe.name: sum(
            map(unit.recipe.curriculum.phase_steps, unit.recipe.curriculum.phases)
        )
        for unit in units
    }
    fewer = {
        "dropped",
        "thinned",
        "filtered-10",
        "thinned-10",
        "leak-filtered-30",
        "leak-filtered-10",
        "leak-thinned-10",
        "more",
    }
    assert {name for name, n in steps.items() if not 15 <= n <= 16} <= fewer and steps["more"] == 30


def test_a_repeat_draws_rows_of_its_own_and_its_arms_share_the_references(study):
    first, second = set(rows(study, "reference")["id"]), set(rows(study, "reference", 1)["id"])
    assert len(first) == SIZE and len(first & second) < SIZE / 2
    assert first < set(rows(study, "more")["id"]), "the reference is the head of the larger set"
    assert len(first & set(rows(study, "distracted-10")["id"])) == SIZE - 4
    assert first == set(rows(study, "moe-active")["id"]) == set(rows(study, "reference@base")["id"])
    assert study.arm("reference@base", 0).base == BASES["weaker"]


def test_orders_are_of_the_same_rows_at_the_same_steps(study):
    plans = {name: study.arm(name, 0).curriculum for name in takeaway_arms.ORDERS}
    seen = {
        name: set().union(*(phase.rows["id"] for phase in plan.phases))
        for name, plan in plans.items()
    }
    assert len(set(map(frozenset, seen.values()))) == 1 and len(seen["shuffled"]) == SIZE
    one = plans["easy-continued"].phases[0]
    assert not one.shuffle and len(one.rows) == 3 * SIZE
    assert one.rows["stage"].tolist() == ["normal"] * 90 + ["hard"] * 30
    assert plans["hard-first"].phases[0].rows["stage"].tolist() == ["hard"] * 30 + ["normal"] * 90
    assert [phase.learning_rate for phase in plans["easy-low"].phases] == [0.002, 0.0002]
    assert (
        len(plans["replay-fresh"].phases[1].rows) == SIZE
        and len(plans["replay-continued"].phases) == 1
    )
    assert one.rows["id"].value_counts().eq(3).all(), "each row as often as elsewhere"


def test_one_schedule_keeps_the_batches_of_like_length():
    table = made(64, 0, "x")
    plan = curriculum.build(table, "shuffled", batch_size=8, epochs=1.0)
    rows = takeaway_arms.one_schedule(plan, "tiny-base", 0).phases[0].rows
    tokens = sft.lengths("tiny-base", rows)
    assert tokens.reshape(8, 8).std(axis=1).mean() < tokens.std() / 3 and sorted(
        rows["id"]
    ) == sorted(table["id"])


def test_diversity_changes_one_thing(study):
    assert set(rows(study, "evol")["method"]) == {"evol"}
    assert (
        rows(study, "narrow")["seed_id"].nunique() == 4
        and rows(study, "reference")["seed_id"].nunique() > 10
    )
    assert rows(study, "coreset")["id"].str.startswith("coreset").all()


def test_selection_is_by_truth_and_by_level(study):
    verified, levelled = rows(study, "verified"), rows(study, "verified-levels")
    assert (
        takeaway_arms.right(verified).all()
        and takeaway_arms.right(levelled).all()
        and not takeaway_arms.right(rows(study, "reference")).all()
    )
    assert sorted(levelled["level"]) == sorted(rows(study, "reference")["level"])
    hard = rows(study, "verified-hard")
    assert (
        (hard["level"] >= 4).all()
        and takeaway_arms.right(hard).all()
        and (rows(study, "hard-picked")["level"] >= 4).all()
    )
    assert rows(study, "verified@teacher")["id"].str.startswith("p").all()


def test_a_response_outside_the_world_is_right_by_its_verdicts():
    told = [
        {"agrees_with_gold": True},
        {"agrees_with_gold": False},
        {"agrees_with_gold": None, "agrees_with_majority": True},
        {},
    ]
    table = pd.DataFrame(
        {"query": "What?", "answer": "1", "verdicts": [*map(json.dumps, told), ""]}
    )
    assert takeaway_arms.right(table).tolist() == [True, False, True, False, False]


def test_doses_are_of_the_size_asked(study):
    assert (rows(study, "chinese-50")["language"] == "zh").sum() == 20 and (
        rows(study, "chinese-0")["language"] == "zh"
    ).sum() == 0
    assert (rows(study, "distracted-10")["operator"] == "distract").sum() == 4


def test_leaks_are_the_chosen_items_and_the_filters_see_what_they_can(study):
    leaked = set(study.leaked())
    assert len(leaked) == 5
    planted = rows(study, "leak-3").query("id.str.startswith('leak-')")
    assert (
        len(planted) == 15
        and set(planted["id"].str.split("-", n=2).str[2]) == leaked
        and len(rows(study, "leak-3")) == SIZE
    )
    texts = set(study.items["test"].set_index("id").loc[sorted(leaked), "problem"])
    assert set(planted["query"]) == texts
    reworded = rows(study, "reworded-3").query("id.str.startswith('leak-')")
    assert not set(reworded["query"]) & texts and {*map(world.key, reworded["query"])} == {
        *map(world.key, texts)
    }
    long = {text for text in texts if len(text.split()) >= 30}
    left = set(rows(study, "leak-filtered-30")["query"])
    assert not left & long and texts - left <= {
        t for t in texts if len(t.split()) >= 30 or len(t.split()) >= 10
    }
    assert len(rows(study, "leak-filtered-10")) == len(rows(study, "leak-thinned-10")) < SIZE
    assert len(rows(study, "filtered-10")) == len(rows(study, "thinned-10")) <= SIZE


def test_runs_of_words_are_met_as_they_are():
    items = pd.DataFrame({"problem": ["a b c d e"], "solution": ["v w x y"]})
    table = pd.DataFrame(
        {
            "query": ["z a b c", "a b c d", "q", "B c d e", ""],
            "response": ["", "", "u v w x y", "", ""],
        }
    )
    assert takeaway_arms.meets(table, items, 4).tolist() == [False, True, True, False, False]
    assert takeaway_arms.meets(table, items, 6).tolist() == [False] * 5


def test_length_arms_differ_in_what_becomes_of_the_longest_rows(study):
    truncated, dropped, thinned = (
        study.arm(name, 0) for name in ("truncated", "dropped", "thinned")
    )
    assert (
        truncated.too_long == "truncate"
        and truncated.curriculum.max_length < 512
        and truncated.curriculum.n_rows == SIZE
    )
    assert dropped.curriculum.n_rows == thinned.curriculum.n_rows < SIZE
    words = [
        arm.curriculum.phases[0].rows["response"].str.len().mean() for arm in (dropped, thinned)
    ]
    assert words[0] < words[1]


def test_the_narrower_world_keeps_half_the_families(study):
    families = {takeaway_arms.family(query) for query in rows(study, "reference@world")["query"]}
    assert 1 < len(families) <= len(world.SEEN) // 2 and takeaway_arms.family("What is it?") == ""


@pytest.mark.parametrize(
    "name, word",
    [
        ("nothing", "no arm"),
        ("coreset", "pool 'coreset'"),
        ("more", "80 rows"),
        ("leak-9", "leaks"),
    ],
)
def test_what_is_lacking_is_told_before_anything_is_trained(study, name, word):
    few = takeaway_arms.Study(
        {"normal": study.pools["normal"].head(50)},
        study.items,
        "tiny-base",
        BASES,
        SIZE,
        2,
        SHARES,
        study.setting,
        {},
    )
    with pytest.raises(ValueError, match=word):
        few.arm(name, 0)


def test_a_role_without_a_benchmark_is_refused():
    chosen = takeaways.every(["bilingual", "distractors"], [], **DOSES)
    with pytest.raises(ValueError, match="chinese"):
        takeaway_arms.benchmarks(
            {"test": "world-test", "distracted": "world-distractors"}, chosen, 5, 5
        )
    items = takeaway_arms.benchmarks(
        {"test": "world-test"}, takeaways.every(["moe"], [], **DOSES), 5, 5
    )
    assert list(items) == ["test"] and len(items["test"]) == 5


def test_the_tables_say_what_the_contrasts_ask(study, monkeypatch):
    chosen = takeaways.every(["leakage", "distractors"], ["world"], **DOSES)
    units = study.units(chosen)

    def read(units, folder):
        about = dict.fromkeys(["response", "extracted", "gold", "reason", "subject", "pair"], "")
        parts = [
            items[["id", "level", "language", "distractors"]].assign(
                benchmark=role,
                arm=unit.recipe.name,
                seed=unit.seed,
                sample=0,
                strict=True,
                flexible=True,
                tokens=9,
                cap_hit=False,
                **about,
            )
            for unit in units
            for role, items in unit.recipe.benchmarks.items()
        ]
        return pd.concat(parts, ignore_index=True)

    monkeypatch.setattr(takeaway_arms.arms, "read_answers", read)
    tables = study.keep(units, chosen, pd.DataFrame({"arm": ["x"]}), "")
    assert len(tables["contrasts"]) == len(chosen) and {"response", "gold"}.isdisjoint(
        tables["answers"]
    )
    told = takeaways.compare(tables).set_index(["says", "variation"])
    assert (told["difference"] == 0).all() and set(told["n"]) >= {5, 15, 20, 50}
    assert (told.xs("world", level="variation")["n"] < 20 + 30).all(), "the familiar items alone"
