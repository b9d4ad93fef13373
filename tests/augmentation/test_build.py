import json

import pandas as pd
import pytest

from skymath_nb import augmentation, world
from skymath_nb.augmentation import parsing
from skymath_nb.core import schema
from skymath_nb.inference import teacher

MIX = {"metamath": 0.35, "evol": 0.35, "xwin": 0.2, "variants": 0.1}


def ask_with(model="offline"):
    return lambda asks: teacher.complete([teacher.Request(**a) for a in asks], model=model)


@pytest.fixture(scope="module")
def seeds():
    return world.seeds(40, 0)


@pytest.fixture(scope="module")
def instances(seeds):
    return augmentation.augment(seeds, ask_with(), n=200, mix=MIX, seed=0)


def test_all_operators_of_the_three_methods_make_instances(instances, tmp_path):
    kept = instances[instances["kept"]]
    assert set(kept["operator"]) == {
        operator for method in MIX for operator in augmentation.METHODS[method]
    }
    assert len(kept) > 0.8 * len(instances) and instances["id"].is_unique
    schema.write(instances, tmp_path / "i.parquet", "instances")


def test_responses_of_a_teacher_that_never_errs_are_right(instances):
    for row in instances[instances["kept"]].itertuples():
        assert world.number(world.read(row.query).answer) == row.answer
        assert json.loads(row.verdicts)["agrees_with_gold"] is not False


def test_a_wrong_teacher_is_kept_unless_verification_is_asked_for(seeds):
    wrong = ask_with("offline@1,1,1,1,1")
    free = augmentation.augment(seeds, wrong, n=60, mix={"metamath": 1.0}, seed=0)
    strict = augmentation.augment(
        seeds, wrong, n=60, mix={"metamath": 1.0}, seed=0, verify=["gold"]
    )
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
    plan = augmentation.plan(seeds, 160, {"metamath": 1.0}, seed=0)
    met = plan.explode("operators").groupby("seed_row")["operators"].nunique()
    assert (met == 4).all()


def test_no_request_of_a_later_round_repeats_an_earlier_one(seeds):
    asked = []

    def ask(asks):
        asked.append({(a["operator"], a["messages"][-1]["content"], a["sample"]) for a in asks})
        return ask_with()(asks)

    for stage, round in (("normal", 1), ("normal", 2), ("hard", 1)):
        augmentation.augment(
            seeds, ask, n=40, mix={"metamath": 1.0}, seed=0, stage=stage, round=round
        )
    rounds = [asked[i] | asked[i + 1] for i in range(0, len(asked), 2)]
    assert not rounds[0] & rounds[1] and not rounds[0] & rounds[2] and not rounds[1] & rounds[2]


@pytest.mark.parametrize(
    ("n", "mix", "said"),
    [
        (10, {"metamath": 0.5}, "sum to 1"),
        (10, {"evolve": 1.0}, "evolve"),
        (0, {"evol": 1.0}, "n=0"),
    ],
)
def test_a_wrong_plan_is_refused_before_any_request(seeds, n, mix, said):
    with pytest.raises(ValueError, match=said):
        augmentation.plan(seeds, n, mix, seed=0)
    with pytest.raises(ValueError, match="empty seed"):
        augmentation.plan(seeds.iloc[:0], 10, {"evol": 1.0}, seed=0)


def test_adding_a_seed_changes_no_other_seeds_plan(seeds):
    def chains(table):
        plan = augmentation.plan(table, 400, {"metamath": 1.0}, seed=0)
        plan = plan[plan["sample"] < 4].assign(
            id=table["id"].to_numpy()[plan.loc[plan["sample"] < 4, "seed_row"]]
        )
        return {(row.id, row.operators, row.sample) for row in plan.itertuples()}

    more = world.seeds(41, 0)
    assert chains(seeds) < chains(more)


def test_a_refusal_is_told_from_a_failure(seeds):
    def broken(status):
        return lambda asks: [
            teacher.Reply(
                "", "", 0, 0, 0.0, "k", False, f"http://127.0.0.1:8400/v1 {status}", status
            )
            for _ in asks
        ]

    def ended(reason, text="so"):
        return lambda asks: [teacher.Reply(text, reason, 1, 1, 0.0, "k", False) for _ in asks]

    for reason in ("abort", "null", "insufficient_system_resource"):
        table = augmentation.augment(seeds, ended(reason), n=5, mix={"xwin": 1.0}, seed=0)
        assert set(table["reason"]) == {augmentation.FAILED}
    table = augmentation.augment(seeds, ended("stop", " "), n=5, mix={"xwin": 1.0}, seed=0)
    assert set(table["reason"]) == {augmentation.FAILED}
    table = augmentation.augment(seeds, ended("MAX_TOKENS"), n=5, mix={"xwin": 1.0}, seed=0)
    assert set(table["reason"]) == {"cut off at max_tokens"}

    for status, reason in (
        (400, augmentation.REFUSED),
        (429, augmentation.FAILED),
        (503, augmentation.FAILED),
        (0, augmentation.FAILED),
    ):
        table = augmentation.augment(seeds, broken(status), n=5, mix={"xwin": 1.0}, seed=0)
        assert set(table["reason"]) == {reason}


def test_replies_that_do_not_parse_are_counted_not_lost(seeds):
    def mute(asks):
        return [teacher.Reply("#", "stop", 1, 1, 0.0, "k", False) for _ in asks]

    table = augmentation.augment(seeds, mute, n=30, mix=MIX, seed=0)
    assert len(table) > 0 and not table["kept"].any()
    reasons = {
        "question: too short",
        "question: no final question",
        "response: no answer announced",
    }
    assert set(table["reason"]) <= reasons


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("#Rewritten Problem#: What is $x$?", "What is $x$?"),
        ('"How many?"', "How many?"),
        ('"Yes," said Ann. How many say "No"', '"Yes," said Ann. How many say "No"'),
        ("**Rewritten Problem:**\n\nHow many?", "How many?"),
        ("Here is the rewritten problem:\n\nHow many?", "How many?"),
        ("题目：一共有几个？", "一共有几个？"),
        ("Okay, the user wants a harder one.\n</think>\n\nHow many?", "How many?"),
        ("<problem>\nA {b} $c$\n</problem>", "A {b} $c$"),
    ],
)
def test_question_parser(reply, question):
    assert parsing.parse_question(reply) == question


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("tom  has 3 pens. How many?", "unchanged"),
        ("I'm sorry, but this problem cannot be made harder.", "refusal"),
        ("抱歉，我无法改写这道题。", "refusal"),
        ("<answer>3</answer> How many pens does Tom have?", "copies the prompt"),
        ("What?", "too short"),
        ("Tom has 3 pens and gets 2. How many? The answer is 5.", "gives its answer away"),
        ("Tom has 3 pens and gets 2. How many?\n\n**Solution:** 5", "gives its answer away"),
        ("I’m sorry, but I can’t help with that.", "refusal"),
    ],
)
def test_a_question_that_is_none_is_eliminated_by_a_stated_rule(question, why):
    parent = "Tom has 3 pens. How many?"
    with pytest.raises(augmentation.Unparsed, match=why):
        parsing.check_question(question, parent)
    parsing.check_question("Tom has 3 pens and loses one. How many are left?", parent)


@pytest.mark.parametrize(
    ("reply", "ending"),
    [
        ("2 + 3 = 5.\nThe answer is 5.", "The answer is 5."),
        ("2 + 3 = 5. The correct answer is $5$.", "\nThe answer is 5."),
        ("Adding, the value of x is 5.", "\nThe answer is 5."),
        (r"So we get $\boxed{\frac{1}{2}}$.", "\n" + r"The answer is \frac{1}{2}."),
        ("所以答案是12。", "\nThe answer is 12."),
        ("<think>The answer is 7.</think>2 + 3 = 5.\nThe answer is 5.", "= 5.\nThe answer is 5."),
    ],
)
def test_a_solution_ends_in_the_papers_form_however_it_announces_its_answer(reply, ending):
    assert parsing.parse_solution(reply).endswith(ending)
    assert "<think>" not in parsing.parse_solution(reply)


def test_a_last_number_is_no_announcement():
    with pytest.raises(augmentation.Unparsed, match="no answer announced"):
        parsing.parse_solution("First 2 + 3 = 5, then 5 + 1 = 6")


def test_final_question_parser():
    assert (
        parsing.parse_final_question("CREATED QUESTION: a\nVERIFICATION: b\n**FINAL QUESTION:** c?")
        == "c?"
    )
    with pytest.raises(augmentation.Unparsed):
        parsing.parse_final_question("a question without headings")


def test_instances_become_seeds_and_seeds_instances(instances, seeds, tmp_path):
    again, forward = (
        augmentation.as_seeds(instances),
        ~instances["operator"].isin(["self_verification", "fobar"]),
    )
    assert len(again) == (instances["kept"] & forward).sum()
    second = augmentation.augment(again, ask_with(), n=40, mix={"metamath": 1.0}, seed=0, round=2)
    verdicts = second["verdicts"].map(json.loads)
    assert all(v["agrees_with_gold"] is None for v in verdicts), (
        "a teacher's answer is nobody's gold"
    )
    schema.write(again, tmp_path / "s.parquet", "seeds")
    schema.write(augmentation.as_instances(seeds), tmp_path / "i.parquet", "instances")
    assert isinstance(augmentation.summary(instances), pd.DataFrame)


def test_the_bill_shares_the_cost_of_all_rows_among_the_kept_ones():
    prices = {"input": 100.0, "output": 300.0, "date": "2026-11-23"}
    instances = augmentation.augment(
        world.seeds(20, 0), teacher.asker(prices=prices), n=40, mix={"evol": 1.0}, seed=0
    )
    instances.loc[:9, "kept"] = False
    table, bill = augmentation.summary(instances), augmentation.bill(instances)
    expected = (instances["tokens_in"] * 100 + instances["tokens_out"] * 300).sum() / 1e6
    assert bill["cost_usd"] == pytest.approx(expected) == pytest.approx(table["usd"].sum())
    assert bill["cost_usd_per_kept"] == pytest.approx(expected / instances["kept"].sum())
    assert (table["usd_per_kept"] * table["kept"]).sum() == pytest.approx(expected)


def test_a_reply_that_a_filter_emptied_counts_as_refused():
    def ask(asks):
        return [teacher.Reply("", "content_filter", 1, 1, 0.0, "k", False) for _ in asks]

    instances = augmentation.augment(world.seeds(4, 0), ask, n=4, mix={"xwin": 1.0}, seed=0)
    assert (
        instances["reason"].eq(augmentation.REFUSED).all()
        and augmentation.bill(instances)["cost_usd_per_kept"] == 0
    )


def test_a_plan_announces_as_many_requests_as_it_will_make(seeds, tmp_path):
    asked = []

    def ask(asks):
        asked.extend(asks)
        return ask_with()(asks)

    settings = {"n": 60, "mix": MIX, "seed": 0, "max_tokens": 500}
    expected = augmentation.expected_requests(
        seeds, augmentation.plan(seeds, 60, MIX, seed=0), **settings
    )
    augmentation.augment(seeds, ask, **settings)
    assert 0.8 * len(expected) <= len(asked) <= len(expected)  # refused questions are not solved
    requests, prices = (
        [teacher.Request(**e) for e in expected],
        {"input": 1, "output": 1, "date": "2026-11-23"},
    )
    assert teacher.forecast(requests, prices=prices)["to_ask"] == len(expected)
    assert len(
        augmentation.expected_requests(
            seeds, augmentation.plan(seeds, 60, MIX, seed=0), votes=4, **settings
        )
    ) > 2.5 * len(expected)


def test_a_pilots_first_questions_serve_the_run(seeds, tmp_path):
    settings = {"n": 60, "mix": {"evol": 0.8, "xwin": 0.2}, "seed": 0}
    plan = augmentation.plan(seeds, 60, settings["mix"], seed=0)
    pilot = [teacher.Request(**e) for e in augmentation.expected_requests(seeds, plan, **settings)]
    book = tmp_path / "ledger.sqlite"
    first = teacher.complete(
        [request for request in pilot if request.operator != "solve" and request.sample < 1000],
        ledger=book,
    )
    run = []
    augmentation.augment(
        seeds, lambda asks: run.append(teacher.asker(ledger=book)(asks)) or run[-1], **settings
    )
    assert len(first) == len(plan) and all(reply.cached for reply in run[0] if not reply.error)


def test_blocks_make_the_rows_of_one_table(seeds, instances, tmp_path):
    parts = list(augmentation.blocks(seeds, ask_with(), n=200, mix=MIX, seed=0, block=17))
    assert len(parts) > 5
    together = pd.concat(parts, ignore_index=True)
    assert (
        together["id"].tolist() == instances["id"].tolist()
        and together["query"].tolist() == instances["query"].tolist()
    )
    assert together.loc[together["response"] != "", "request_key"].is_unique, (
        "no sample is asked twice"
    )
    schema.write(iter(parts), tmp_path / "parts.parquet", "instances")
    pd.testing.assert_frame_equal(
        schema.read(tmp_path / "parts.parquet", "instances")[together.columns],
        together,
        check_dtype=False,
    )


def test_translated_and_distracted_rows_keep_the_gold_of_their_seed(seeds):
    table = augmentation.augment(
        seeds, ask_with(), n=80, mix={"variants": 1.0}, seed=0, distractors=3
    )
    chinese = set(seeds.loc[seeds["language"] == "zh", "id"])
    kept, refused = table[table["kept"]], table[~table["kept"]]
    assert set(refused["seed_id"]) <= chinese and set(refused["reason"]) == {"already Chinese"}
    verdicts = kept["verdicts"].map(json.loads)
    assert all(v["agrees_with_gold"] and v["same_graph"] and v["numbers_kept"] for v in verdicts)
    assert set(kept.loc[kept["operator"] == "translate", "language"]) == {"zh"}
    assert all(
        world.read(query).n_distractors == 3
        for query in kept.loc[kept["operator"] == "distract", "query"]
    )


@pytest.mark.parametrize(
    ("operator", "reply", "why"),
    [
        ("translate", "汤姆有三支笔，得到2支。一共有几支？", "a number is lost"),
        ("translate", "Tom hat 3 Stifte und bekommt 2. Wie viele hat er?", "not translated"),
        ("distract", "Tom has 3 pens and gets 2. It is late. How many?", "too few distractors"),
        ("distract", "Tom has 3 pens and gets 2 on day 7. It is 8 degrees. How many?", ""),
    ],
)
def test_a_variant_that_lost_something_is_eliminated(seeds, operator, reply, why):
    seed = seeds.iloc[0].replace({seeds["problem"].iloc[0]: "Tom has 3 pens and gets 2. How many?"})

    def ask(asks):
        texts = [reply if a["operator"] == operator else "The answer is 5." for a in asks]
        return [teacher.Reply(text, "stop", 1, 1, 0.0, "k", False) for text in texts]

    row = augmentation.trial(seed, operator, ask).row
    assert row["reason"] == (f"question: {why}" if why else "")


def test_items_are_varied_under_their_own_ids(seeds):
    items = world.benchmark("world-test", 20)
    for operator, language, count in (("translate", "zh", 0), ("distract", "en", 2)):
        varied, left_out = augmentation.vary(items, ask_with(), operator)
        assert varied["id"].tolist() == items["id"].tolist() and left_out.empty
        assert varied["problem"].map(world.key).tolist() == items["problem"].map(world.key).tolist()
        assert set(varied["language"]) == {language} and set(varied["distractors"]) == {count}
        assert (
            varied["answer"].tolist() == items["answer"].tolist()
            and (varied["source"] != items["source"]).all()
        )
    varied, left_out = augmentation.vary(
        pd.concat([items, seeds[seeds["language"] == "zh"].head(2)]), ask_with(), "translate"
    )
    assert len(varied) == 20 and left_out["reason"].tolist() == ["already Chinese"] * 2
    with pytest.raises(ValueError, match="rephrase"):
        augmentation.vary(items, ask_with(), "rephrase")


def test_a_majority_of_samples_votes_and_every_vote_is_paid_for(seeds):
    teacher_model = "offline@0.3,0.3,0.3,0.3,0.3"
    asked = []

    def ask(asks):
        asked.extend(asks)
        return ask_with(teacher_model)(asks)

    table = augmentation.augment(
        seeds, ask, n=60, mix={"metamath": 1.0}, seed=0, votes=5, verify=["majority"]
    )
    solved = [a for a in asked if a["operator"] == "solve"]
    assert len({(a["messages"][-1]["content"], a["sample"]) for a in solved}) == len(solved)
    questions = pd.Series([a["messages"][-1]["content"] for a in solved]).value_counts()
    assert (questions == 5).all()
    verdicts = pd.DataFrame(table["verdicts"].map(json.loads).tolist())
    voted = verdicts["agrees_with_majority"].dropna().astype(bool)
    truth = [
        world.number(world.read(q).answer) == a
        for q, a in zip(table["query"][voted.index], table["answer"][voted.index], strict=True)
    ]
    assert (voted == truth).mean() > 0.95, (
        "five samples of a teacher that errs on a third rarely agree on a wrong answer"
    )
    assert (table["reason"] == "disagrees with the majority").sum() == (~voted).sum() > 3
    replies_in = sum(reply.tokens_out for reply in ask_with(teacher_model)(asked))
    assert table["tokens_out"].sum() == replies_in


def test_what_the_checks_name_is_left_out_with_its_reason(seeds):
    wrong = ask_with("offline@1,1,1,1,1")
    table = augmentation.augment(seeds, wrong, n=80, mix={"xwin": 1.0}, seed=0, verify=["steps"])
    verdicts = table["verdicts"].map(json.loads)
    assert (table["reason"] == "a step is wrong").tolist() == [
        v["steps_hold"] is False for v in verdicts
    ]
    assert 5 < (table["reason"] == "a step is wrong").sum() < 75, (
        "slips show in a step, wrong operations do not"
    )
    for settings, said in (
        ({"verify": ["luck"]}, "luck"),
        ({"verify": ["majority"]}, "votes=1"),
        ({"votes": 3, "temperature": 0}, "temperature 0"),
    ):
        with pytest.raises(ValueError, match=said):
            augmentation.augment(seeds, wrong, n=5, mix=MIX, seed=0, **settings)


def test_the_hard_stage_says_which_questions_are_hard(seeds):
    hard = seeds[seeds["level"] >= 4]
    for min_level in (4, 3):
        table = augmentation.augment(
            hard,
            ask_with(),
            n=60,
            mix=MIX,
            seed=0,
            stage="hard",
            min_level=min_level,
            verify=["hardness"],
        )
        asked = table[table["query"] != ""]
        levels = asked["query"].map(lambda q: world.read(q).level)
        verdicts = asked["verdicts"].map(lambda v: json.loads(v)["hard"])
        assert verdicts.tolist() == (levels >= min_level).tolist()
        assert (asked["reason"] == "not hard").tolist() == (levels < min_level).tolist()
    assert (
        augmentation.augment(seeds, ask_with(), n=20, mix=MIX, seed=0)["verdicts"]
        .map(lambda v: json.loads(v)["hard"])
        .isna()
        .all()
    )


def test_a_text_is_hard_where_the_teacher_disagrees_with_itself(seeds):
    seed = seeds.iloc[0].replace(
        {seeds["problem"].iloc[0]: "Let $x$ be a real number. Find all $x$ with $x^2 = 4$."}
    )

    def teacher_that_says(answers):
        def ask(asks):
            texts = [f"The answer is {answers[a['sample'] % 5]}." for a in asks]
            return [teacher.Reply(text, "stop", 1, 1, 0.0, "k", False) for text in texts]

        return ask

    for said, hard, agrees in (
        ("22222", False, True),
        ("21232", True, True),
        ("12222", True, False),
        ("11223", True, None),
    ):
        verdicts = json.loads(
            augmentation.trial(seed, "answer", teacher_that_says(said), stage="hard", votes=5).row[
                "verdicts"
            ]
        )
        assert (verdicts["hard"], verdicts["agrees_with_majority"]) == (hard, agrees), said


def test_summaries_go_by_any_column_and_reasons_add_up(instances):
    for by in ("language", "level", ["method", "operator"]):
        table = augmentation.summary(instances, by)
        assert (
            table["rows"].sum() == len(instances) and table["kept"].sum() == instances["kept"].sum()
        )
    table = augmentation.reasons(instances, "method")
    assert (
        table["all"].sum() == len(instances) and table.loc["kept", "all"] == instances["kept"].sum()
    )


def test_a_row_names_both_requests_that_made_it(seeds, tmp_path):
    from skymath_nb.inference import reply_store

    book = tmp_path / "ledger.sqlite"
    table = augmentation.augment(seeds, teacher.asker(ledger=book), n=20, mix={"xwin": 1.0}, seed=0)
    row = table[table["kept"]].iloc[0]
    with reply_store.Ledger(book) as kept:
        question, response = (
            kept.get_many([key])[key].text for key in row["request_key"].split("+")
        )
    assert (
        row["query"] in question
        and response.strip() == row["response"]
        and row["prompt"].startswith("create@")
    )


def test_an_operator_is_tried_on_one_problem(seeds):
    trial = augmentation.trial(seeds.iloc[3], "create", ask_with())
    assert [a["operator"] for a in trial.asked] == ["create", "solve"] and len(trial.replies) == 2
    assert trial.row["query"] in trial.asked[1]["messages"][-1]["content"] and trial.row["kept"]
    with pytest.raises(ValueError, match="enlarge"):
        augmentation.trial(seeds.iloc[3], "enlarge", ask_with())


def test_real_problems_pass_every_operator_unharmed(monkeypatch):
    """LaTeX, dollars, braces and Chinese arrive at the teacher and come back as they are.

    The unknown is a letter of its own.
    """
    import os
    import re

    if not os.environ.get("SKYMATH_DATA"):
        pytest.skip("SKYMATH_DATA names no folder of benchmark files")
    from skymath_nb.data import seeds as sources

    problems = sources.load("math", limit=0).sample(300, random_state=0)

    def ask(asks):
        texts = []
        for a in asks:
            marked = re.search(r"<problem>\n(.*)\n</problem>", a["messages"][-1]["content"], re.S)[
                1
            ]
            new = f"{marked} Also say why, with 17 and 23, in way {len(texts)}. 为什么？"
            texts.append(
                {
                    "solve": f"Way {a['sample']}.\nThe answer is 1.",
                    "create": f"FINAL QUESTION: {new}",
                }.get(a["operator"], new)
            )
        return [teacher.Reply(text, "stop", 1, 1, 0.0, "k", False) for text in texts]

    mix = {"metamath": 0.4, "evol": 0.3, "xwin": 0.1, "variants": 0.2}
    table = augmentation.augment(problems, ask, n=900, mix=mix, seed=0, evol_steps=1)
    rows = table[table["kept"]].merge(problems[["id", "problem"]], left_on="seed_id", right_on="id")
    assert (
        set(table.loc[~table["kept"], "reason"]) <= {"no number to mask", "duplicate"}
        and len(rows) > 800
    )
    forward = rows[~rows["operator"].isin(["self_verification", "fobar"])]
    assert all(
        problem.strip() in query
        for problem, query in zip(forward["problem"], forward["query"], strict=True)
    )
    for row in rows[rows["operator"] == "fobar"].itertuples():
        unknown = re.search(r"unknown number (\w)\?", row.query)[1]
        assert not re.search(rf"(?<![A-Za-z\\]){unknown}(?![A-Za-z])", row.problem), (
            "the unknown occurs in the problem already"
        )


def test_a_vote_that_failed_leaves_the_row_to_be_asked_again(seeds):
    def ask(asks):
        bad = teacher.Reply("", "", 0, 0, 0.0, "k", False, "503", 503)
        return [
            bad
            if a["sample"] % 5
            else teacher.Reply("The answer is 2.", "stop", 1, 1, 0.0, "k", False)
            for a in asks
        ]

    row = augmentation.trial(seeds.iloc[0], "answer", ask, votes=5).row
    assert row["reason"] == augmentation.FAILED and not row["kept"]


def test_a_plan_makes_as_many_as_asked_and_refuses_ids_that_repeat(seeds):
    thirds = {"metamath": 1 / 3, "evol": 1 / 3, "xwin": 1 / 3}
    for n in (1, 2, 7, 10):
        assert (
            augmentation.plan(seeds, n, thirds, seed=0, evol_steps=1)["operators"].map(len).sum()
            == n
        )
    with pytest.raises(ValueError, match="share an id"):
        augmentation.plan(pd.concat([seeds, seeds.head(2)]), 10, thirds, seed=0)


def test_a_seed_without_an_answer_is_not_turned_backward(seeds):
    unknown = seeds.assign(answer=None)
    table = augmentation.augment(unknown, ask_with(), n=40, mix={"metamath": 1.0}, seed=0)
    backward = table["operator"].isin(["fobar", "self_verification"])
    assert (table.loc[backward, "reason"] == "no answer to turn backward").all() and table.loc[
        ~backward, "kept"
    ].any()


def test_what_is_masked_is_a_number_of_the_problem_and_the_unknown_is_new():
    import random

    text = "[asy] draw((12,7)--(3,4)); [/asy] If $a_{1} = 5$ and $xy + X = 9$, what is $a_2$?"
    found = {world.mask(text, random.Random(i))[1:] for i in range(60)}
    assert found == {("5", "N"), ("9", "N")}
