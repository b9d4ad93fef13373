import json

import pandas as pd
import pytest

from skymath_nb import augment, schema, teacher, world

MIX = {"metamath": 0.4, "evol": 0.4, "xwin": 0.2}


def ask_with(model="offline"):
    return lambda asks: teacher.complete([teacher.Request(**a) for a in asks], model=model)


@pytest.fixture(scope="module")
def seeds():
    return world.seeds(40, 0)


@pytest.fixture(scope="module")
def instances(seeds):
    return augment.augment(seeds, ask_with(), n=200, mix=MIX, seed=0)


def test_all_operators_of_the_three_methods_make_instances(instances, tmp_path):
    kept = instances[instances["kept"]]
    assert set(kept["operator"]) == {o for operators in augment.METHODS.values() for o in operators}
    assert len(kept) > 0.8 * len(instances) and instances["id"].is_unique
    schema.write(instances, tmp_path / "i.parquet", "instances")


def test_responses_of_a_teacher_that_never_errs_are_right(instances):
    for row in instances[instances["kept"]].itertuples():
        assert world.number(world.read(row.query).answer) == row.answer
        assert json.loads(row.verdicts)["agrees_with_gold"] is not False


def test_a_wrong_teacher_is_kept_unless_verification_is_asked_for(seeds):
    wrong = ask_with("offline@1,1,1,1,1")
    free = augment.augment(seeds, wrong, n=60, mix={"metamath": 1.0}, seed=0)
    strict = augment.augment(seeds, wrong, n=60, mix={"metamath": 1.0}, seed=0, verify=True)
    assert free["kept"].sum() > 40 and strict["kept"].sum() == 0
    assert (strict["reason"] == "disagrees with the gold").sum() == free["kept"].sum()


def test_what_is_not_kept_says_why(instances):
    assert (instances["kept"] == instances["reason"].eq("")).all()


def test_lineage_leads_back_to_a_seed(instances, seeds):
    rows = instances.set_index("id")
    for row in instances.itertuples():
        parent = row.parent_id
        while parent in rows.index:
            parent = rows.loc[parent, "parent_id"]
        assert parent == row.seed_id and parent in set(seeds["id"])


def test_every_seed_meets_every_operator_in_time(seeds):
    plan = augment.plan(seeds, 160, {"metamath": 1.0}, seed=0)
    met = plan.explode("operators").groupby("seed_row")["operators"].nunique()
    assert (met == 4).all()


def test_no_request_of_a_later_round_repeats_an_earlier_one(seeds):
    asked = []

    def ask(asks):
        asked.append({(a["operator"], a["messages"][-1]["content"], a["sample"]) for a in asks})
        return ask_with()(asks)

    for stage, round in (("normal", 1), ("normal", 2), ("hard", 1)):
        augment.augment(seeds, ask, n=40, mix={"metamath": 1.0}, seed=0, stage=stage, round=round)
    rounds = [asked[i] | asked[i + 1] for i in range(0, len(asked), 2)]
    assert not rounds[0] & rounds[1] and not rounds[0] & rounds[2] and not rounds[1] & rounds[2]


@pytest.mark.parametrize(
    ("n", "mix", "said"),
    [(10, {"metamath": 0.5}, "sum to 1"), (10, {"evolve": 1.0}, "evolve"), (0, {"evol": 1.0}, "n=0")],
)
def test_a_wrong_plan_is_refused_before_any_request(seeds, n, mix, said):
    with pytest.raises(ValueError, match=said):
        augment.plan(seeds, n, mix, seed=0)
    with pytest.raises(ValueError, match="empty seed"):
        augment.plan(seeds.iloc[:0], 10, {"evol": 1.0}, seed=0)


def test_adding_a_seed_changes_no_other_seeds_plan(seeds):
    def chains(table):
        plan = augment.plan(table, 400, {"metamath": 1.0}, seed=0)
        plan = plan[plan["sample"] < 4].assign(id=table["id"].to_numpy()[plan.loc[plan["sample"] < 4, "seed_row"]])
        return {(row.id, row.operators, row.sample) for row in plan.itertuples()}

    more = world.seeds(41, 0)
    assert chains(seeds) < chains(more)


def test_a_refusal_is_told_from_a_failure(seeds):
    def broken(status):
        return lambda asks: [teacher.Reply("", "", 0, 0, 0.0, "k", False, f"http://127.0.0.1:8400/v1 {status}", status) for _ in asks]

    for status, reason in ((400, augment.REFUSED), (503, augment.FAILED), (0, augment.FAILED)):
        table = augment.augment(seeds, broken(status), n=5, mix={"xwin": 1.0}, seed=0)
        assert set(table["reason"]) == {reason}


def test_replies_that_do_not_parse_are_counted_not_lost(seeds):
    def mute(asks):
        return [teacher.Reply("  ", "stop", 1, 1, 0.0, "k", False) for _ in asks]

    table = augment.augment(seeds, mute, n=30, mix=MIX, seed=0)
    assert len(table) > 0 and not table["kept"].any()
    assert set(table["reason"]) <= {"question: empty question", "question: no final question", "response: empty response"}


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("#Rewritten Problem#: What is $x$?", "What is $x$?"),
        ('"How many?"', "How many?"),
        ("<problem>\nA {b} $c$\n</problem>", "A {b} $c$"),
    ],
)
def test_question_parser(reply, question):
    assert augment.parse_question(reply) == question


def test_final_question_parser():
    assert augment.parse_final_question("CREATED QUESTION: a\nVERIFICATION: b\n**FINAL QUESTION:** c?") == "c?"
    with pytest.raises(augment.Unparsed):
        augment.parse_final_question("a question without headings")


def test_instances_become_seeds_and_seeds_instances(instances, seeds, tmp_path):
    again, forward = augment.as_seeds(instances), ~instances["operator"].isin(augment.BACKWARD)
    assert len(again) == (instances["kept"] & forward).sum()
    second = augment.augment(again, ask_with(), n=40, mix={"metamath": 1.0}, seed=0, round=2)
    assert second["verdicts"].eq('{"agrees_with_gold": null}').all(), "a teacher's answer is nobody's gold"
    schema.write(again, tmp_path / "s.parquet", "seeds")
    schema.write(augment.as_instances(seeds), tmp_path / "i.parquet", "instances")
    assert isinstance(augment.summary(instances), pd.DataFrame)


def test_the_bill_shares_the_cost_of_all_rows_among_the_kept_ones():
    prices = {"input": 100.0, "output": 300.0, "date": "2026-11-23"}
    instances = augment.augment(world.seeds(20, 0), teacher.asker(prices=prices), n=40, mix={"evol": 1.0}, seed=0)
    instances.loc[:9, "kept"] = False
    table, bill = augment.summary(instances), augment.bill(instances)
    expected = (instances["tokens_in"] * 100 + instances["tokens_out"] * 300).sum() / 1e6
    assert bill["cost_usd"] == pytest.approx(expected) == pytest.approx(table["usd"].sum())
    assert bill["cost_usd_per_kept"] == pytest.approx(expected / instances["kept"].sum())
    assert (table["usd_per_kept"] * table["kept"]).sum() == pytest.approx(expected)


def test_a_reply_that_a_filter_emptied_counts_as_refused():
    def ask(asks):
        return [teacher.Reply("", "content_filter", 1, 1, 0.0, "k", False) for _ in asks]

    instances = augment.augment(world.seeds(4, 0), ask, n=4, mix={"xwin": 1.0}, seed=0)
    assert instances["reason"].eq(augment.REFUSED).all() and augment.bill(instances)["cost_usd_per_kept"] == 0


def test_a_plan_announces_as_many_requests_as_it_will_make(seeds):
    asked = []

    def ask(asks):
        asked.extend(asks)
        return ask_with()(asks)

    plan = augment.plan(seeds, 60, MIX, seed=0)
    expected = augment.expected_requests(seeds, plan)
    augment.augment(seeds, ask, n=60, mix=MIX, seed=0)
    assert 0.8 * len(expected) <= len(asked) <= len(expected)  # refused questions are not solved
    assert teacher.forecast([teacher.Request(**e) for e in expected], prices={"input": 1, "output": 1, "date": "2026-11-23"})[
        "to_ask"
    ] == len(expected)
