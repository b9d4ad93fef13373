import random
from collections import Counter
from fractions import Fraction

import pandas as pd
import pytest

from skymath_nb import world
from skymath_nb.core.schema import row_id
from skymath_nb.world import edits, problem, sampler
from skymath_nb.world.families import FAMILIES, GROUPS, NOISE


@pytest.fixture(scope="module")
def drawn():
    return world.draw(3, 2000, split="any")


def test_reading_is_the_exact_inverse_of_writing_in_both_languages(drawn):
    for p in drawn:
        rng = random.Random(p.text)
        for q in (
            p,
            world.translate(p, "zh"),
            world.distract(p, rng.randint(1, 3), rng),
            world.backward(p, rng),
        ):
            if q is not None:
                assert world.read(q.text) == q
    for family in FAMILIES:  # unseen families read as well
        for p in world.draw(4, 40, families=[family], split="any"):
            assert world.read(p.text) == p and p.family == family


def test_names_are_text_also_where_yaml_takes_a_bare_word_for_a_truth_value():
    tables = [*GROUPS.values(), *(kinds for _, kinds in FAMILIES.values()), *NOISE.values()]
    assert {type(name) for table in tables for name in table} == {str}


def test_every_sentence_form_can_be_read_back():
    for name, kind in problem.KINDS.items():
        for language in world.LANGUAGES:
            numbers, people, item = problem.SLOTS[name]
            for form in range(len(getattr(kind, language))):
                clause = problem.Clause(
                    name,
                    (Fraction(7),) * len(numbers),
                    tuple(range(len(people))),
                    3 if item else -1,
                    form,
                )
                assert (
                    problem.read_clause(problem.write_clause(clause, language), language) == clause
                )


def test_answers_are_exact_and_steps_hold(drawn):
    for p in drawn:
        assert isinstance(p.answer, Fraction) and p.steps[-1].value == p.answer
        for step in p.steps:
            assert problem.operate(step.operation, step.left, step.right) == step.value
        assert p.solution(1).endswith(f"\nThe answer is {p.answer}.")


def test_an_independent_reading_gives_the_same_answer():
    # worked by hand, one per way of combining sentences
    cases = {
        "Tom has 5 pens. Tom loses 2 of the pens. How many pens does Tom have now?": 3,
        (
            "I add 3 to my number. Next, everything is taken 4 times. The result is 32. Which "
            "number "
            "did I think of?"
        ): 5,
        "A field is 4 meters long and 5 meters wide. What is its perimeter in meters?": 18,
        (
            "Ann owns 6 eggs. Ben owns 3 times as many eggs as Ann. How many eggs do Ann and Ben "
            "own "
            "together?"
        ): 24,
        (
            "The price of a bicycle is 80 dollars. The price falls by 25%. What is the price in "
            "the "
            "end?"
        ): 60,
        "There are 36 pupils in the hall. 2/3 of them go home. How many persons are still there?": 12,
        (
            "Two numbers have sum 17 and difference 5, and we take the smaller one. Add 14 to it. "
            "What value do we find?"
        ): 20,
        (
            "小明有5个钢笔。小明丢了x个钢笔。小明现在有多少个钢笔？如果这道题的答案是3，"
            "那么未知数x是多少？"
        ): 2,
    }
    for text, answer in cases.items():
        assert world.read(text).answer == answer, text


def test_level_is_the_number_of_steps_and_levels_come_in_turn(drawn):
    assert Counter(p.level for p in drawn) == dict.fromkeys(world.LEVELS, 400)
    assert len({p.family for p in drawn}) >= 12


def test_key_ignores_wording_language_people_and_distractors(drawn):
    for p in drawn[:300]:
        rng = random.Random(1)
        assert world.translate(p, "zh").key == p.key == world.distract(p, 2, rng).key
    # every sentence has wordings
    for p in (p for p in drawn[:300] if p.family in ("belongings", "bus", "savings", "shopping")):
        assert edits.rephrase(p, random.Random(1)).key == p.key


def test_no_graph_stands_on_both_sides_of_the_split():
    train = {p.key for p in world.draw(0, 1500)}
    test = {world.key(text) for text in world.benchmark("world-test", 300)["problem"]}
    assert not train & test and {world.split_of(k) for k in test} == {"test"}


def test_unseen_families_are_never_drawn_for_training():
    assert {p.family for p in world.draw(0, 1000)} <= set(world.SEEN)
    assert set(world.benchmark("world-unseen", 60)["subject"]) == set(world.UNSEEN)


def test_benchmark_variants_are_the_same_items():
    plain, chinese, distracted = (
        world.benchmark(f"world-{n}", 50) for n in ("test", "chinese", "distractors")
    )
    assert (plain["answer"] == chinese["answer"]).all() and (
        plain["answer"] == distracted["answer"]
    ).all()
    assert set(distracted["distractors"]) == {1, 2, 3} and set(chinese["language"]) == {"zh"}
    with pytest.raises(ValueError, match="world-chinese"):
        world.benchmark("world-french")


def test_distractors_are_added_one_by_one_to_the_same_items_in_both_languages():
    plain = world.benchmark("world-test", 40)
    told = [world.benchmark(f"world-distractors-{k}", 40) for k in range(6)]
    chinese = [world.benchmark(f"world-chinese-distractors-{k}", 40) for k in range(6)]
    assert told[0]["problem"].tolist() == plain["problem"].tolist()
    for k, (table, translated) in enumerate(zip(told, chinese, strict=True)):
        assert set(table["distractors"]) == {k} == set(translated["distractors"])
        assert table["pair"].tolist() == translated["pair"].tolist() == plain["id"].tolist()
        assert table["answer"].tolist() == translated["answer"].tolist() == plain["answer"].tolist()
        for english, other in zip(table["problem"], translated["problem"], strict=True):
            assert world.translate(world.read(english), "zh").text == other
    sentences = [[world.read(text).clauses for text in table["problem"]] for table in told]
    for fewer, more in zip(sentences, sentences[1:], strict=False):
        for short, long in zip(fewer, more, strict=True):
            assert len(long) == len(short) + 1 and any(
                long[:i] + long[i + 1 :] == short for i in range(len(long))
            )


def test_benchmarks_are_the_same_items_in_every_version():
    names = ("world-test", "world-chinese", "world-distractors", "world-backward", "world-unseen")
    texts = [
        text
        for name in names
        for text in world.benchmark(name, 40)[["id", "problem", "answer"]].to_numpy().ravel()
    ]
    assert row_id(*texts) == "ba7dc791e2665841"


def test_backward_questions_ask_for_the_masked_number(drawn):
    for p in drawn[:300]:
        masked, value, _ = world.mask(p.text, random.Random(p.text))
        try:
            q = world.read(world.ask_backward(masked, world.number(p.answer), "en"))
        except (world.Unsolvable, world.Unreadable):
            continue
        assert q.answer == int(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is 1 + 1?",
        "Tom has 5 pens.",
        "How many pens does Tom have now?",
        "Tom has five pens.",
    ],
)
def test_what_is_not_a_problem_is_refused(text):
    with pytest.raises(world.Unreadable):
        world.read(text)


def test_sentences_of_two_families_do_not_make_a_problem():
    with pytest.raises(world.Unreadable, match="does not belong"):
        world.read(
            "Tom has 5 pens. {}".format(
                "At the next stop 3 people get on. How many pens does Tom have now?"
            )
        )


@pytest.mark.parametrize(
    "edit", ["rephrase", "constrain", "deepen", "concretize", "reason", "renew", "create"]
)
def test_edits_give_readable_solvable_problems(drawn, edit):
    done = 0
    for i, p in enumerate(drawn[:150]):
        p = world.translate(p, "zh") if i % 3 == 0 else p
        try:
            q = getattr(edits, edit)(p, random.Random(i))
        except world.Uneditable:
            continue
        done += 1
        assert world.read(q.text) == q and q.language == p.language and q.text != p.text
        if edit in ("constrain", "deepen", "reason"):
            assert q.level > p.level
        if edit == "rephrase":
            assert q.answer == p.answer
    assert done >= 75


def test_draws_are_reproducible_and_a_longer_draw_begins_like_a_shorter():
    assert world.draw(5, 40)[:20] == world.draw(5, 20)
    assert world.draw(5, 20) != world.draw(6, 20)


def test_wrong_wishes_are_refused():
    with pytest.raises(ValueError, match="families"):
        world.draw(0, 1, families=["chess"])
    with pytest.raises(ValueError, match="split"):
        world.draw(0, 1, split="all")


def test_values_stay_small(drawn):
    assert all(sampler.fits(p) for p in drawn)


def test_reworded_rows_keep_their_graph_and_change_their_text():
    items = world.benchmark("world-test", 120).rename(columns={"problem": "query"})
    told = world.reworded(items, 0)
    assert not (told["query"] == items["query"]).any() and told["answer"].equals(items["answer"])
    assert list(map(world.key, told["query"])) == list(map(world.key, items["query"]))
    assert world.reworded(items.tail(3), 0)["query"].tolist() == told["query"].tail(3).tolist(), (
        "a row's words do not hang on others"
    )
    with pytest.raises(ValueError, match="The query of odd"):
        world.reworded(items.head(1).assign(id="odd", query="What is it?"), 0)


def test_distracted_rows_keep_their_graph_and_the_others_their_text(drawn):
    rows = pd.DataFrame(
        {"id": range(300), "query": [p.text for p in drawn[:299]] + ["What is 2 + 2?"]}
    )
    changed = world.distracted(rows, 0.5, seed=0)
    different = changed["query"] != rows["query"]
    assert 100 < different.sum() < 200 and not different.iloc[-1]
    assert (changed["query"][:-1].map(world.key) == rows["query"][:-1].map(world.key)).all()
    assert (changed["query"][different].map(lambda q: world.read(q).n_distractors) > 0).all()
    pd.testing.assert_frame_equal(
        world.distracted(rows.iloc[::-1], 0.5, seed=0).iloc[::-1], changed
    )


def test_dev_items_are_other_graphs_of_the_same_kind():
    dev, test = (world.benchmark("world-test", 60, split=split) for split in ("dev", "test"))
    assert set(dev["split"]) == {"dev"} and not set(dev["id"]) & set(test["id"])
    assert {world.split_of(world.key(text)) for text in dev["problem"]} == {"dev"}
