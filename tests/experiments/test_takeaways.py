import numpy as np
import pandas as pd
import pytest

from skymath_nb.data import paper
from skymath_nb.experiments import results, takeaways

DOSES = {"chinese": [0.0, 0.05, 0.5], "distracted": [0.05, 0.2], "copies": [1, 4]}


@pytest.fixture(scope="module")
def chosen():
    return takeaways.every(takeaways.TAKEAWAYS, takeaways.VARIATIONS, **DOSES)


def answers(arm, chance, seeds=3, n=200, roles=("test", "chinese", "distracted-1", "distracted-2")):
    """Right answers where an item's hardness is below a chance.

    The strict verdict misses every tenth item.
    """
    rng = np.random.default_rng(len(arm))
    hardness, parts = np.random.default_rng(0).permutation(np.linspace(0, 1, n)), []
    for seed in range(seeds):
        for role in roles:
            right = hardness + rng.normal(0, 0.02, n) < chance - 0.3 * role.startswith("distracted")
            table = pd.DataFrame(
                {
                    "benchmark": role,
                    "id": [f"{role}-{i}" for i in range(n)],
                    "pair": [f"test-{i}" for i in range(n)],
                }
            )
            table = table.assign(
                arm=arm, seed=seed, sample=0, flexible=right, strict=right & (np.arange(n) % 10 > 0)
            )
            table = table.assign(
                role=role.partition("-")[0],
                level=1 + np.arange(n) % 5,
                tokens=40 + np.arange(n),
                cap_hit=False,
            )
            distractors = int(role[-1]) if role[-1].isdigit() else 0
            parts.append(
                table.assign(
                    distractors=distractors,
                    leaked=np.arange(n) < 50,
                    paired=True,
                    familiar=np.arange(n) % 2 == 0,
                )
            )
    return pd.concat(parts, ignore_index=True)


def tables(chosen, chances, **how):
    chosen = [c for c in chosen if {c.arm, c.control} <= set(chances)]
    return {
        "contrasts": takeaways.table(chosen),
        "answers": pd.concat([answers(arm, p, **how) for arm, p in chances.items()]),
    }


def test_every_takeaway_has_contrasts_and_its_key_ones_again_in_each_variation(chosen):
    table = takeaways.table(chosen)
    assert (
        set(table["takeaway"]) == set(takeaways.TAKEAWAYS)
        and not table.duplicated(["arm", "control", "items", "against"]).any()
    )
    keys = table[table["variation"] == "base"]
    assert keys["takeaway"].tolist() == [
        "order",
        "diversity",
        "selection",
        "distractors",
        "leakage",
    ]
    assert keys["arm"].str.endswith("@base").all() and keys["items"].str.endswith("@base").all()
    worse = table[(table["variation"] == "teacher") & (table["takeaway"] == "selection")]
    assert len(worse) == 4, "the error rate is varied under every contrast of selection, each once"
    assert takeaways.section(table, "selection")["variation"].tolist() == [""] * 4 + [
        "teacher"
    ] * 4 + [""]
    assert (takeaways.section(table, "order")["variation"] == "").all()
    few = takeaways.every(["moe"], [], **DOSES)
    assert {c.arm for c in few} == {"moe"} and not any(c.variation for c in few)


@pytest.mark.parametrize(
    "change, word",
    [
        ({"takeaways": ["ordre"]}, "ordre"),
        ({"takeaways": []}, "takeaways"),
        ({"variations": ["moon"]}, "moon"),
        ({"chinese": [0.5, 0.05]}, "chinese"),
        ({"chinese": [0.05]}, "chinese from 0"),
        ({"copies": []}, "copies"),
    ],
)
def test_wrong_words_and_doses_that_do_not_rise_are_refused(change, word):
    with pytest.raises(ValueError, match=word):
        takeaways.every(**({"takeaways": ["moe"], "variations": []} | DOSES | change))


@pytest.mark.parametrize(
    "claim, beyond, low, high, found",
    [
        (1, 0, 0.01, 0.05, "reproduced"),
        (1, 0, -0.01, 0.05, "not seen"),
        (1, 0, -0.05, -0.01, "reversed"),
        (-1, 0, -0.05, -0.01, "reproduced"),
        (-1, 0, 0.01, 0.05, "reversed"),
        (1, -0.1, -0.09, -0.02, "reproduced"),
        (1, -0.1, -0.3, -0.2, "reversed"),
        (-1, 0.03, -0.01, 0.02, "reproduced"),
        (-1, 0.03, 0.01, 0.05, "not seen"),
        (-1, 0.03, 0.04, 0.05, "reversed"),
        (0, 0, 0.01, 0.02, "more"),
        (0, 0, -0.02, -0.01, "less"),
        (0, 0, -0.1, 0.1, "not seen"),
    ],
)
def test_a_verdict_is_where_the_interval_lies(claim, beyond, low, high, found):
    assert takeaways.found(claim, beyond, low, high) == found


def test_other_tables_are_judged_in_the_same_way():
    table = pd.DataFrame({"difference": [0.15, 0.0], "low": [0.1, -0.1], "high": [0.2, 0.1]})
    assert takeaways.judged(table, 1)["found"].tolist() == ["reproduced", "not seen"]
    assert takeaways.judged(table, -1)["found"].tolist() == ["reversed", "not seen"]


def test_a_verdict_of_several_comparisons_rests_on_the_corrected_interval():
    line = {"difference": 0.10, "low": 0.01, "high": 0.19}
    alone, of_three = (takeaways.judged(pd.DataFrame([line] * n), 1) for n in (1, 3))
    assert alone["found"].tolist() == ["reproduced"] and alone["corrected_low"][0] == pytest.approx(
        0.01
    )
    assert of_three["found"].tolist() == ["not seen"] * 3
    assert of_three["corrected_low"][0] == pytest.approx(0.10 - 0.09 * 2.3940 / 1.9600, abs=1e-4)


def test_no_contrast_is_decided_beside_a_large_corrected_p(chosen):
    names = ["reference", "more", "distracted-5", "distracted-20", "verified", "hard-picked"]
    chances = {name: 0.5 + 0.01 * i for i, name in enumerate(names)}
    told = takeaways.compare(tables(chosen, chances))
    plain = told[told["beyond"] == 0]
    assert (plain.loc[plain["found"] != "not seen", "p_holm"] < 0.05).all()
    assert (told["corrected_low"] <= told["low"]).all() and (
        told["corrected_high"] >= told["high"]
    ).all()
    assert (told["comparisons"] > 1).any()


def test_a_planted_effect_is_found_and_none_is_not(chosen):
    chances = {
        "reference": 0.5,
        "more": 0.8,
        "distracted-5": 0.5,
        "distracted-20": 0.9,
        "verified": 0.6,
        "hard-picked": 0.4,
    }
    told = takeaways.compare(tables(chosen, chances)).set_index(["arm", "control", "items"])
    assert told.loc[("more", "reference", "distracted"), "found"] == "reproduced"
    assert told.loc[("verified", "reference", "test"), "found"] == "reversed"
    assert told.loc[("hard-picked", "reference", "test"), "found"] == "reversed"
    assert told.loc[("distracted-20", "reference", "distracted"), "found"] == "more"
    assert told.loc[("distracted-5", "reference", "test"), "found"] == "not seen"
    assert told.loc[("distracted-5", "more", "distracted"), "found"] == "less"
    own = told.loc[("reference", "reference", "distracted")]
    assert (
        own["found"] == "reproduced"
        and own["difference"] == pytest.approx(-0.3, abs=0.02)
        and own["n"] == 200
    )
    assert (told["p_holm"] >= told["p"]).all() and (told["seeds"] == 3).all()


def test_one_seed_is_compared_by_its_items_alone(chosen):
    told = takeaways.compare(
        tables(chosen, {"reference": 0.5, "leak-4": 0.8, "leak-1": 0.5}, seeds=1)
    ).set_index(["arm", "items"])
    assert (
        told.loc[("leak-4", "leaked"), "n"] == 50 and told.loc[("leak-4", "unleaked"), "n"] == 150
    )
    assert told.loc[("leak-4", "leaked"), "low"] > 0 and (told["seeds"] == 1).all()


def test_the_narrower_world_counts_its_own_items_alone(chosen):
    names = ("reference@world", "verified@world", "reference@base", "verified@base")
    told = takeaways.compare(tables(chosen, dict.fromkeys(names, 0.5))).set_index("arm")
    assert told.loc["verified@world", "n"] == 100 and told.loc["verified@base", "n"] == 200


def test_what_hangs_on_a_variation_is_told(chosen):
    chances = {
        "reference": 0.5,
        "verified": 0.4,
        "reference@base": 0.5,
        "verified@base": 0.7,
        "leak-4": 0.8,
        "leak-4@base": 0.8,
    }
    told = takeaways.hanging(takeaways.compare(tables(chosen, chances)))
    assert told["turns"].to_dict() == {
        ("selection", "verified", "reference", "test"): True,
        ("leakage", "leak-4", "reference", "leaked"): False,
    }, "what was not done again, as the items that were not leaked, is not here"
    assert list(told.columns) == ["as it is", "base", "turns"] and (told != "").all(axis=None)


def test_the_contrasts_are_told_in_words_and_in_flat_numbers(chosen):
    told = takeaways.compare(
        tables(chosen, {"reference": 0.5, "verified": 0.6, "hard-picked": 0.7})
    )
    lines = takeaways.lines(takeaways.section(told, "selection"))
    assert lines["claimed"].tolist() == ["below 0", "above 0"] and lines["found"].tolist() == [
        "reversed",
        "reproduced",
    ]
    assert lines["difference"][0].startswith("10.") and "[" in lines["difference"][0]
    summary = takeaways.summary(told).loc["selection"]
    assert summary["contrasts"] == summary["decided"] == 2 and summary["reversed"] == 1
    assert takeaways.flat_report(told) | {
        "selection_n": 200,
        "selection_found": "reversed",
        "selection_decided": 2,
    } == (takeaways.flat_report(told))


def test_the_extractor_and_the_limit_are_counted_by_hand(chosen):
    kept = tables(chosen, {"reference": 1.5, "verified": 1.5})
    found, strict = takeaways.compare(kept), takeaways.compare(kept, "strict")
    told = takeaways.extractor(found, strict, kept["answers"]).iloc[0]
    assert (
        told["arms"] == 2
        and told["mean"] == told["least"] == pytest.approx(10)
        and told["changed"] == 0
    )
    one = answers("reference", 1.5, seeds=1, roles=("test",))
    cut = takeaways.cuts(one, [39, 139, 1000]).set_index("limit")
    assert cut["cut"].tolist() == [1, 0.5, 0] and cut["strict"].tolist() == pytest.approx(
        [0, 0.45, 0.9]
    )
    assert cut.loc[139, "strict_cut_uncut"] == pytest.approx(0.9)


def test_accuracy_by_distractors_is_on_the_same_items(chosen):
    plain = answers("verified", 0.8, roles=("test", "chinese"))
    told = takeaways.steps(
        pd.concat([answers("reference", 0.8), answers("reference@base", 0.8), plain])
    )
    assert list(told.index) == ["reference"] and told.loc["reference", "items"] == 200
    assert told.loc["reference", 0] == pytest.approx(80, abs=2)
    assert told.loc["reference", "kept"] == pytest.approx(
        100 * told.loc["reference", 2] / told.loc["reference", 0], abs=0.1
    )
    assert takeaways.steps(plain).empty


@pytest.mark.parametrize("takeaway", takeaways.TAKEAWAYS)
def test_the_papers_table_stands_beside_each(takeaway):
    table = takeaways.printed(takeaway)
    scores = sum(len(paper.scores(source)) for source in takeaways.PROTOCOL[takeaway]["printed"])
    assert (table != "").sum(axis=None) == scores, "every printed number once, none the mean of two"


def test_the_stored_table_holds_every_contrast_of_its_protocol():
    tables, given, _ = results.load("takeaways_tiny")
    told = given["parameters"]
    doses = {name: told[name] for name in DOSES}
    protocol = takeaways.table(takeaways.every(told["takeaways"], told["variations"], **doses))
    pd.testing.assert_frame_equal(
        tables["contrasts"].drop(columns="says"), protocol.drop(columns="says")
    )
    compared = takeaways.compare(tables)
    assert (
        compared[["difference", "low", "high", "p", "p_holm"]].notna().all(axis=None)
        and (compared["seeds"] == 3).all()
    )
    assert set(takeaways.summary(compared).index) == set(takeaways.TAKEAWAYS)
