import shutil
import warnings

import numpy as np
import pytest
import tiny_model

from skymath_nb.inference import local
from skymath_nb.inference.generation import Completion, counts, generate

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model.save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def prompts():
    return [
        tiny_model.prompt(query)
        for query in ["1 + 1", "22222 + 33333 + 4", "7", "小 + 大", "10 - 9"]
    ]


def by_hand(folder, prompt, n):
    """Greedy decoding of one prompt without padding, batches or a cache."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    ids, new = tokenizer(prompt)["input_ids"], []
    while len(new) < n:
        with torch.inference_mode():
            new.append(model(torch.tensor([ids + new])).logits[0, -1].argmax().item())
        if new[-1] == tokenizer.eos_token_id:
            return Completion(
                tokenizer.decode(new[:-1], skip_special_tokens=True).strip(), len(new) - 1, False
            )
    return Completion(tokenizer.decode(new, skip_special_tokens=True).strip(), n, True)


@pytest.fixture(scope="module")
def stopping(tmp_path_factory):
    """A model whose answers end at different lengths: what it was taught."""
    from skymath_nb.core.schema import Curriculum, Phase
    from skymath_nb.training import sft

    folder = tmp_path_factory.mktemp("taught")
    rows = tiny_model.rows(4).assign(response=["a", "ab", "abcdefgh" * 3, "a b c"])
    plan = Curriculum((Phase("all", rows, 500, 4e-3),), 4, 96)
    base = tiny_model.save(folder / "base")
    return sft.train(
        base, plan, folder / "model", prompt=tiny_model.prompt, threads=1, progress=None
    )


def test_greedy_answers_do_not_depend_on_batches_or_padding(model, prompts):
    expected = [by_hand(model, prompt, 12) for prompt in prompts]
    for batch_size in (1, 2, 64):
        assert generate(model, prompts, max_new_tokens=12, batch_size=batch_size) == expected


def test_a_mixture_of_experts_that_is_trained_for_balance_answers_too(tmp_path, prompts):
    mixture = tiny_model.save(tmp_path, architecture="Mixtral")
    together = generate(mixture, prompts, max_new_tokens=8, batch_size=8, progress=None)
    assert together == generate(mixture, prompts, max_new_tokens=8, batch_size=1, progress=None)


def test_an_answer_ends_at_its_eos_and_only_then_is_not_cut_off(stopping):
    prompts = [tiny_model.prompt(query) for query in tiny_model.rows(4)["query"]]
    answers = generate(stopping, prompts, max_new_tokens=12)
    assert answers[0] == Completion("a", 2, False)  # the space that starts it is a token here
    assert answers[3] == Completion("a b c", 6, False)
    assert answers[2].text.startswith("abcd") and answers[2][1:3] == (12, True)
    assert answers == [by_hand(stopping, prompt, 12) for prompt in prompts]


def test_samples_repeat_with_their_seed_and_differ_from_another(model, prompts):
    def sample(seed):
        return generate(model, prompts, max_new_tokens=12, temperature=1.0, seed=seed)

    assert sample(1) == sample(1) != sample(2)


def test_sampling_leaves_other_random_streams_alone(model, prompts):
    import torch

    state = torch.get_rng_state()
    generate(model, prompts, max_new_tokens=4, temperature=1.0)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_model_without_pad_and_with_its_own_sampling_defaults_gives_no_warning(
    tmp_path, prompts, capfd
):
    from transformers import GenerationConfig

    model = tiny_model.save(tmp_path, pad=False)
    capfd.readouterr()
    GenerationConfig(
        do_sample=True, temperature=0.6, top_p=0.9, eos_token_id=[2, 1]
    ).save_pretrained(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = generate(model, prompts, max_new_tokens=8)
    assert answers == generate(model, prompts, max_new_tokens=8, batch_size=1)
    assert capfd.readouterr() == ("", "")


def test_prompts_that_do_not_fit_the_context_are_counted(model, prompts):
    with pytest.raises(ValueError, match=r"100 new tokens.* 2 of 5 prompts.*128 positions"):
        generate(model, prompts, max_new_tokens=100)
    some = generate(model, prompts, max_new_tokens=100, too_long="skip")
    assert [bool(answer.error) for answer in some] == [False, True, False, True, False]
    assert some[1] == Completion("", 0, True, local.LEFT_OUT) and counts(some) == {
        "n": 5,
        "empty": 0,
        "cut_off": 3,
        "failed": 2,
    }
    assert some[2] == generate(model, prompts[2:3], max_new_tokens=100)[0]
    with pytest.raises(ValueError, match="too_long='cut'"):
        generate(model, prompts, too_long="cut")


def test_nothing_asked_is_nothing_answered(tmp_path):
    assert generate(tmp_path / "no model at all", []) == []


def test_progress_counts_answers(model, prompts):
    said = []
    generate(model, prompts, max_new_tokens=2, batch_size=2, progress=said.append)
    assert said == [f"generate: {n}/5 answers, {n} cut off" for n in (2, 4, 5)]


def test_a_sample_depends_on_its_prompt_number_and_seed_alone(model, prompts):
    def sample(prompts, **more):
        return generate(model, prompts, max_new_tokens=12, temperature=1.5, **more)

    two = sample(prompts, samples=2)
    assert len(two) == 10 and len({answer.text for answer in two}) > 8
    assert sample(prompts)[1] == two[2] and sample(prompts, samples=2, batch_size=3) == two
    assert (
        sample(prompts[::-1], samples=2)[:2] == two[8:]
        and sample(prompts[:1], samples=2, batch_size=1) == two[:2]
    )
    shorter = generate(model, prompts, max_new_tokens=6, temperature=1.5)
    assert all(
        whole.text.startswith(part.text) for whole, part in zip(two[::2], shorter, strict=True)
    )


def test_draws_follow_the_models_distribution():
    import torch

    logits = torch.tensor([[2.0, 0.5, -torch.inf, 1.0]])
    numbers = (np.arange(4000) + 0.5)[None] / 4000
    draw = local._drawing(numbers, 0, "cpu")
    tokens = [draw(torch.zeros(1, step, dtype=int), logits).argmax().item() for step in range(4000)]
    shares = np.bincount(tokens, minlength=4) / 4000
    assert shares == pytest.approx(logits.softmax(-1)[0].numpy(), abs=1e-3) and shares[2] == 0


def test_top_p_leaves_only_the_likeliest(model, prompts):
    almost_greedy = generate(model, prompts, max_new_tokens=8, temperature=1.0, top_p=1e-6)
    assert almost_greedy == generate(model, prompts, max_new_tokens=8)


def test_a_stop_ends_an_answer_and_is_cut_from_it(stopping):
    prompts = [tiny_model.prompt(query) for query in tiny_model.rows(4)["query"]]
    whole, ended = (
        generate(stopping, prompts, max_new_tokens=12),
        generate(stopping, prompts, max_new_tokens=12, stop=["b", "zz"]),
    )
    assert [answer.text for answer in ended] == ["a", "a", "a", "a"] and not any(
        answer.cap_hit for answer in ended
    )
    assert (
        ended[0] == whole[0]
        and ended[2].tokens < whole[2].tokens
        and ended
        == [generate(stopping, [prompt], max_new_tokens=12, stop="b")[0] for prompt in prompts]
    )


def test_chat_messages_go_through_the_models_own_template(model, tmp_path):
    from transformers import AutoTokenizer

    with pytest.raises(
        ValueError, match="1 of 2 prompts are chat messages, but .* no chat template"
    ):
        generate(model, ["a", [{"role": "user", "content": "b"}]])
    folder = tiny_model.save(tmp_path / "chat")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = (
        "{% for m in messages %}<s>{{ m['content'] }}|{% endfor %}{% if add_generation_prompt "
        "%}A:{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    chat, plain = generate(folder, [[{"role": "user", "content": "b"}], "b|A:"], max_new_tokens=8)
    assert chat == plain and plain != generate(folder, ["b|"], max_new_tokens=8)[0]


def texts_generated(monkeypatch):
    """The prompts that a model really reads from now on, batch by batch."""
    seen, answers = [], local._Batches.answers

    def watched(self, batch_size):
        for rows, completions in answers(self, batch_size):
            seen.append([self.questions[i].text for i in rows])
            yield rows, completions

    monkeypatch.setattr(local._Batches, "answers", watched)
    return seen


def test_a_generation_cut_off_half_way_goes_on_from_the_ledger(
    model, prompts, tmp_path, monkeypatch
):
    book, seen, said = tmp_path / "ledger.sqlite", texts_generated(monkeypatch), []
    given = {"max_new_tokens": 8, "batch_size": 2, "ledger": book, "temperature": 1.0}

    def interrupt(line):
        if "4/5" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(model, prompts, **given, progress=interrupt)
    assert len(seen) == 2
    answers = generate(model, prompts, **given, progress=said.append)
    assert (
        len(seen) == 3
        and len(seen[2]) == 1
        and said[0].startswith("generate: 4/5 answers, 4 from the ledger")
    )
    assert answers == generate(model, prompts, max_new_tokens=8, temperature=1.0)
    monkeypatch.setattr(local, "_Batches", None)  # nothing is loaded any more
    assert generate(model, prompts[::-1], **given) == answers[::-1]


def test_the_ledger_tells_models_limits_and_samplings_apart(model, prompts, tmp_path, monkeypatch):
    book, seen = tmp_path / "ledger.sqlite", texts_generated(monkeypatch)
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    short = generate(model, prompts, max_new_tokens=4, ledger=book)
    assert generate(copy, prompts, max_new_tokens=4, ledger=book) == short and len(seen) == 1
    long = generate(model, prompts, max_new_tokens=8, ledger=book)
    assert len(seen) == 2 and long == generate(model, prompts, max_new_tokens=8)
    assert generate(model, prompts, max_new_tokens=4, ledger=book) == short  # and not the long ones
    before = len(seen)
    generate(model, prompts, max_new_tokens=8, ledger=book, temperature=0.7)
    generate(model, prompts, max_new_tokens=8, ledger=book, temperature=0.7, seed=1)
    generate(model, prompts, max_new_tokens=8, ledger=book, stop=["x"])
    assert len(seen) == before + 3
    config = copy / "generation_config.json"
    config.write_text(config.read_text() + "\n")
    generate(copy, prompts, max_new_tokens=8, ledger=book)
    assert len(seen) == before + 4


def test_equal_prompts_are_answered_once(model, prompts, monkeypatch):
    seen = texts_generated(monkeypatch)
    twice = generate(model, [prompts[0], prompts[1], prompts[0]], max_new_tokens=4)
    assert twice[0] == twice[2] and sorted(seen[0]) == sorted(prompts[:2])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"samples": 3}, "samples=3 at temperature=0"),
        ({"samples": 0, "temperature": 1.0}, "samples=0"),
        ({"temperature": -1}, "temperature=-1"),
        ({"temperature": 1, "top_p": 0}, "top_p=0"),
        ({"max_new_tokens": 0}, "max_new_tokens=0"),
    ],
)
def test_what_cannot_be_sampled_is_refused_before_a_model_is_loaded(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        generate(tmp_path / "no model at all", ["a"], **given)
