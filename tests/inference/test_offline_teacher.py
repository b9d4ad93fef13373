import json

import pytest

from skymath_nb import world
from skymath_nb.augmentation.parsing import numbers
from skymath_nb.inference import offline_teacher


def ask(text, operator="solve", sample=0, model="offline", **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return offline_teacher.respond(body, operator, sample)


def content(reply):
    status, payload = reply
    assert status == 200, payload
    return payload["choices"][0]["message"]["content"]


PROBLEMS = world.draw(11, 250)


@pytest.mark.parametrize(
    "operator", [o for o in offline_teacher.OPERATORS if o != "self_verification"]
)
def test_every_operator_answers_in_the_problems_language(operator):
    for language in world.LANGUAGES:
        text = world.translate(PROBLEMS[7], language).text
        if operator == "translate" and language == "zh":
            continue
        said = content(ask(f"Please do. <problem>{text}</problem><count>2</count>", operator))
        assert (
            said
            and ("小" in said or "。" in said or operator in ("solve", "answer"))
            == (language == "zh" or operator == "translate")
            or operator in ("solve", "answer")
        )


def test_self_verification_states_the_answer_and_asks_for_x():
    text = "Tom has x pens. Tom loses 2 of the pens. How many pens does Tom have now?"
    said = content(ask(f"<problem>{text}</problem><answer>3</answer>", "self_verification"))
    assert world.read(said).answer == 5 and "ends up with 3 pens" in said
    assert (
        ask(f"<problem>{text}</problem>", "self_verification")[1]["error"]["code"]
        == "missing_answer"
    )


def test_a_translation_and_a_distracted_problem_keep_graph_and_numbers():
    for p in PROBLEMS:
        chinese = content(ask(p.text, "translate"))
        assert world.key(chinese) == p.key and world.language_of(chinese) == "zh"
        assert not numbers(p.text) - numbers(chinese)
        noisy = world.read(content(ask(f"<problem>{p.text}</problem><count>3</count>", "distract")))
        assert (
            noisy.key == p.key
            and noisy.n_distractors == 3
            and not numbers(p.text) - numbers(noisy.text)
        )
    assert ask(chinese, "translate")[1]["error"]["code"] == "uneditable_problem"
    assert ask(f"<problem>{p.text}</problem>", "distract")[1]["error"]["code"] == "missing_count"


def test_solutions_are_right_without_a_rate_and_wrong_as_often_as_the_rate_says():
    wrong = 0
    for p in PROBLEMS:
        ending = f"The answer is {world.number(p.answer)}."
        assert content(ask(p.text)).endswith(ending)
        wrong += not content(ask(p.text, model="offline@0.4,0.4,0.4,0.4,0.4")).endswith(ending)
    assert 0.3 < wrong / len(PROBLEMS) < 0.5
    assert all(
        not content(ask(p.text, model="offline@1,1,1,1,1")).endswith(
            f"is {world.number(p.answer)}."
        )
        for p in PROBLEMS
    )


def test_rates_go_by_level():
    hard, easy = (next(p for p in PROBLEMS if p.level == level) for level in (5, 1))
    assert not content(ask(hard.text, model="offline@0,0,0,0,1")).endswith(
        f"is {world.number(hard.answer)}."
    )
    assert content(ask(easy.text, model="offline@0,0,0,0,1")).endswith(
        f"is {world.number(easy.answer)}."
    )


def test_a_reply_depends_on_its_request_alone_and_on_the_sample():
    text = PROBLEMS[3].text
    assert ask(text, "create") == ask(text, "create")
    assert len({content(ask(text, "create", sample=s)) for s in range(5)}) > 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "offline", "messages": []}, 400, "invalid_messages"),
        ({"model": "offline", "messages": ["hello"]}, 400, "invalid_messages"),
        (
            {"model": "offline", "messages": [{"role": "user", "content": None}]},
            400,
            "invalid_messages",
        ),
        (
            {"model": "gpt-4", "messages": [{"role": "user", "content": "x"}]},
            404,
            "model_not_found",
        ),
        (
            {"model": "offline@2", "messages": [{"role": "user", "content": "x"}]},
            404,
            "model_not_found",
        ),
        (
            {"model": "offline", "messages": [{"role": "user", "content": "Prove Fermat."}]},
            400,
            "unreadable_problem",
        ),
        (
            {"model": "offline", "n": "two", "messages": [{"role": "user", "content": "x"}]},
            400,
            "invalid_n",
        ),
        (
            {"model": "offline", "stream": True, "messages": [{"role": "user", "content": "x"}]},
            400,
            "no_streaming",
        ),
        ([], 400, "invalid_messages"),
    ],
)
def test_bad_requests_get_an_api_error(body, status, code):
    got, payload = offline_teacher.respond(body)
    assert (got, payload["error"]["code"]) == (status, code) and json.dumps(payload)


def test_a_reply_is_cut_at_max_tokens_and_says_so():
    status, payload = ask(PROBLEMS[4].text, max_tokens=3)
    assert (
        payload["choices"][0]["finish_reason"] == "length"
        and payload["usage"]["completion_tokens"] == 3
    )
