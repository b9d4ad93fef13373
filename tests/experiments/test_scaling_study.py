import numpy as np
import pandas as pd
import pytest

from skymath_nb.experiments import scaling_laws, scaling_study

SIZES = [250, 500, 1000, 2000, 4000]


@pytest.fixture(scope="module")
def tables():
    """A study without models.

    Right answers by a logistic law, and hard doses that gain on levels 4 and 5 alone.
    """
    rng = np.random.default_rng(0)
    design = scaling_laws.design(
        ["tiny-base", "other"], SIZES, ["epochs", "steps"], epochs=3, steps=30, batch_size=16
    )
    hardness, levels = rng.permutation(np.linspace(0, 1, 200)), 1 + np.arange(200) % 5

    def answers(arm, seed, chance):
        told = []
        for name in ("world-test", "world-chinese"):
            right = hardness + rng.normal(0, 0.03, 200) < chance
            told.append(
                pd.DataFrame(
                    {
                        "benchmark": name,
                        "id": np.arange(200),
                        "sample": 0,
                        "level": levels,
                        "flexible": right,
                    }
                )
            )
        return pd.concat(told).assign(arm=arm, seed=seed)

    rows = []
    for r in design.drop_duplicates("arm").itertuples():
        law = 1 / (1 + np.exp(-(np.log2(r.size) - 10.5))) + 0.1 * (r.base == "other")
        rows += [answers(r.arm, seed, law) for seed in range(3)]
    for kind in ("hard", "normal"):
        chance = 0.6 + 0.2 * (levels > 3) * (kind == "hard")
        rows += [
            answers(f"tiny-base-4000x750+400-{kind}", seed, chance + 0.01 * seed)
            for seed in range(3)
        ]
    cost = pd.DataFrame({"what": ["instances", "in", "out"], "count": [1000, 200_000, 100_000]})
    answers = pd.concat(rows, ignore_index=True)
    return {
        "design": design,
        "answers": answers,
        "cost": cost,
        "reports": answers[["arm", "seed"]].drop_duplicates(),
    }


def plan(n=40, repeats=2):
    rows = pd.DataFrame(
        {
            "id": [f"i{i}" for i in range(n)],
            "query": "q",
            "response": "r",
            "stage": "normal",
            "level": 1,
        }
    )
    items = {
        "b": pd.DataFrame(
            {
                "id": ["x"],
                "problem": ["1 + 1?"],
                "answer": ["2"],
                "level": [1],
                "subject": ["s"],
                "language": ["en"],
            }
        )
    }
    return scaling_study.Plan(rows, items, 0, repeats, {"batch_size": 4}, {"max_new_tokens": 5})


def test_every_size_is_trained_once_a_seed_on_rows_that_hold_the_smaller_ones():
    study = plan()
    design = scaling_laws.design(
        ["tiny-base"], [8, 16], ["epochs", "steps"], epochs=1, steps=4, batch_size=4
    )
    units = study.sizes(design)
    assert [(unit.recipe.name, unit.seed) for unit in units] == [
        (arm, seed)
        for arm in ("tiny-base-8x2", "tiny-base-16x4", "tiny-base-8x4")
        for seed in (0, 1)
    ]
    rows = [set(unit.recipe.curriculum.phases[0].rows["id"]) for unit in units]
    assert rows[0] < rows[2] and rows[0] == rows[4]


def test_doses_go_on_from_each_seeds_own_student_and_their_control_takes_new_rows(tmp_path):
    study, hard = plan(), plan(20).rows.assign(stage="hard", id=lambda rows: "h" + rows["id"])
    units = study.sizes(
        scaling_laws.design(["tiny-base"], [8, 16], ["epochs"], epochs=1, steps=4, batch_size=4)
    )
    dosed = study.doses("tiny-base-16x4", units, [4, 8], hard, 1.0, tmp_path)
    assert [unit.recipe.name.split("+")[1] for unit in dosed[::2]] == [
        "4-hard",
        "4-normal",
        "8-hard",
        "8-normal",
    ]
    assert len({unit.recipe.base for unit in dosed}) == 2 and all(
        unit.recipe.base.name == "student" for unit in dosed
    )
    seen = set(units[2].recipe.curriculum.phases[0].rows["id"])
    controls = [
        set(unit.recipe.curriculum.phases[0].rows["id"])
        for unit in dosed
        if unit.recipe.name.endswith("normal")
    ]
    assert all(not seen & control for control in controls) and controls[0] < controls[-1]
    assert {len(control) for control in controls} == {4, 8}


def test_what_a_study_lacks_is_told_before_it_trains():
    study, hard = plan(), plan(3).rows
    design = scaling_laws.design(["tiny-base"], [8, 16], ["steps"], epochs=1, steps=4, batch_size=4)
    study.check(design, 0, [], hard.head(0))
    study.check(design, 16, [3], hard)
    study.fixed["training"] = {"packing": True}
    with pytest.raises(ValueError, match="packing") as told:
        study.check(
            scaling_laws.design(["tiny-base"], [8, 64], ["steps"], epochs=1, steps=4, batch_size=4),
            36,
            [5],
            hard,
        )
    for lacking in (
        "64 normal rows for the largest size; there are 40",
        "one of the sizes; it is 36",
        "41 normal rows",
        "5 hard rows",
    ):
        assert lacking in str(told.value)


def test_base_and_students_are_asked_greedily_and_several_times(tmp_path, monkeypatch):
    study = plan()
    units = study.sizes(
        scaling_laws.design(
            ["tiny-base"], [8, 16], ["epochs", "steps"], epochs=1, steps=3, batch_size=4
        )
    )
    asked = []

    def answer(models, items, *, samples, temperature, **how):
        asked.append((*models, str(*models.values()), samples, temperature, "stop" in how))
        return pd.DataFrame(
            {"student": list(models), "response": "", "gold": "", "reason": "", "subject": ""}
        )

    monkeypatch.setattr(scaling_study.answering, "answer", answer)
    monkeypatch.setattr(scaling_study.sft, "base_path", str)
    shown = pd.DataFrame({"problem": ["p"], "solution": ["s"], "answer": ["a"]})
    assert list(study.sample(units, shown, 5, 1, tmp_path)) == ["student", "temperature"]
    assert [(name, k, t, few) for name, _, k, t, few in asked[::2]] == [
        ("base, 1 examples", 1, 0.0, True),
        ("base, no examples", 1, 0.0, False),
        ("student of 8", 1, 0.0, False),
        ("student of 16", 1, 0.0, False),
    ]
    assert "tiny-base-8x2" in asked[4][1] and "tiny-base-16x4" in asked[6][1], (
        "the first budget's students"
    )
    assert all(k == 5 and t == scaling_study.TEMPERATURE for _, _, k, t, _ in asked[1::2])


def test_the_tables_give_curves_parts_leads_and_doses(tables):
    curves = scaling_study.curves(tables)
    assert list(curves) == [
        "tiny-base, equal epochs",
        "tiny-base, equal steps",
        "other, equal epochs",
    ]
    laws = {name: scaling_laws.law(curve) for name, curve in curves.items()}
    told = scaling_laws.summary(curves, laws)
    assert list(told) == scaling_laws.SUMMARY and (told["slope_low"] > 0).all()
    assert list(scaling_study.parts(tables)) == [
        *(f"level {i}" for i in range(1, 6)),
        "world-chinese",
    ]
    leads = scaling_study.leads(tables)
    assert (
        leads["size"].tolist() == [*SIZES, 0] and leads["lead"].iloc[:-1].between(0.05, 0.15).all()
    )
    staged = scaling_study.staged(tables).set_index("part")
    assert staged.loc["levels 4 and 5", "low"] > 0 > staged.loc["levels 1 to 3", "low"]
    assert {"before", "p_holm"} <= set(staged) and (staged["p_holm"] >= staged["p"]).all()
    assert scaling_study.price(tables, {"input": 10.0, "output": 30.0}) == pytest.approx(0.005)
    assert np.isnan(scaling_study.price(tables, {}))


def test_one_seed_or_no_doses_make_no_comparison(tables):
    answers = tables["answers"]
    assert scaling_study.staged(tables | {"answers": answers[answers["seed"] == 0]}).empty
    assert scaling_study.staged(
        tables | {"answers": answers[~answers["arm"].str.contains("+", regex=False)]}
    ).empty
    one = tables | {"design": tables["design"][tables["design"]["base"] == "tiny-base"]}
    assert scaling_study.leads(one).empty
    assert scaling_study.suffices(tables) and not scaling_study.suffices(
        tables | {"reports": pd.DataFrame({"seed": [0, 0]})}
    )
    assert not scaling_study.suffices(tables | {"design": tables["design"].query("size < 3000")})


def test_abilities_stand_side_by_side():
    base = {"benchmark": "b", "strict": False, "cap_hit": False, "level": 1}
    rows = [
        base
        | {
            "student": s,
            "id": i,
            "sample": k,
            "temperature": t,
            "flexible": s == "taught" or (t > 0 and k == 1),
        }
        for s in ("base", "taught")
        for i in range(5)
        for t, n in ((0.0, 1), (0.7, 4))
        for k in range(n)
    ]
    told = scaling_study.abilities(pd.DataFrame(rows))
    assert told.loc["base", ["flexible", "pass@1", "pass@4"]].tolist() == [0.0, 0.25, 1.0]
    assert told.loc["base", "pass@4_low"] < 1
    assert told.loc["taught", ["flexible", "pass@1", "pass@4"]].tolist() == [1.0, 1.0, 1.0]


def test_examples_are_english_and_of_all_levels():
    seeds = pd.DataFrame({"language": ["en", "zh"] * 20, "level": np.repeat([1, 2, 3, 4], 10)})
    assert (
        scaling_study.examples(seeds, 4)["level"].tolist() == [1, 2, 3, 4]
        and len(scaling_study.examples(seeds.head(2), 4)) == 1
    )


def test_the_papers_points_are_curves():
    curves = scaling_study.printed()
    assert (
        len(curves["LLaMA2-7B, math"].sizes) == 6
        and curves["LLaMA2-7B, math"].sizes[-1] == 2_500_000
    )
    assert "DeepSeekMath-7B, gsm8k" not in curves, "three sizes are too few"
