import warnings

import pytest
import tiny_model

from skymath_nb.generate import Completion, generate


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model.save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def prompts():
    return [tiny_model.prompt(query) for query in ["1 + 1", "22222 + 33333 + 4", "7", "小 + 大", "10 - 9"]]


def by_hand(folder, prompt, n):
    """Greedy decoding of one prompt without padding, batches or a cache."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids, new = tokenizer(prompt)["input_ids"], []
    while len(new) < n:
        with torch.inference_mode():
            new.append(model(torch.tensor([ids + new])).logits[0, -1].argmax().item())
        if new[-1] == tokenizer.eos_token_id:
            return Completion(tokenizer.decode(new[:-1], skip_special_tokens=True).strip(), len(new) - 1, False)
    return Completion(tokenizer.decode(new, skip_special_tokens=True).strip(), n, True)


@pytest.fixture(scope="module")
def stopping(tmp_path_factory):
    """A model whose answers end at different lengths: what it was taught."""
    from skymath_nb import sft
    from skymath_nb.schema import Curriculum, Phase

    folder = tmp_path_factory.mktemp("taught")
    rows = tiny_model.rows(4).assign(response=["a", "ab", "abcdefgh" * 3, "a b c"])
    plan = Curriculum((Phase("all", rows, 300, 1e-2),), 4, 96)
    base = tiny_model.save(folder / "base")
    return sft.train(base, plan, folder / "model", prompt=tiny_model.prompt, threads=1, progress=None)


def test_greedy_answers_do_not_depend_on_batches_or_padding(model, prompts):
    expected = [by_hand(model, prompt, 12) for prompt in prompts]
    for batch_size in (1, 2, 64):
        assert generate(model, prompts, max_new_tokens=12, batch_size=batch_size) == expected


def test_an_answer_ends_at_its_eos_and_only_then_is_not_cut_off(stopping):
    prompts = [tiny_model.prompt(query) for query in tiny_model.rows(4)["query"]]
    answers = generate(stopping, prompts, max_new_tokens=12)
    assert answers[0] == Completion("a", 2, False)  # the space that starts it is a token here
    assert answers[3] == Completion("a b c", 6, False)
    assert answers[2].text.startswith("abcd") and answers[2][1:] == (12, True)
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


def test_a_model_without_pad_and_with_its_own_sampling_defaults_gives_no_warning(tmp_path, prompts, capfd):
    from transformers import GenerationConfig

    model = tiny_model.save(tmp_path, pad=False)
    capfd.readouterr()
    GenerationConfig(do_sample=True, temperature=0.6, top_p=0.9, eos_token_id=[2, 1]).save_pretrained(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = generate(model, prompts, max_new_tokens=8)
    assert answers == generate(model, prompts, max_new_tokens=8, batch_size=1)
    assert capfd.readouterr() == ("", "")


def test_prompts_that_do_not_fit_the_context_are_counted(model, prompts):
    with pytest.raises(ValueError, match=r"100 new tokens.* 2 of 5 prompts.*128 positions"):
        generate(model, prompts, max_new_tokens=100)
    some = generate(model, prompts, max_new_tokens=100, too_long="skip")
    assert [answer == Completion("", 0, True) for answer in some] == [False, True, False, True, False]
    assert some[2] == generate(model, prompts[2:3], max_new_tokens=100)[0]
    with pytest.raises(ValueError, match="too_long='cut'"):
        generate(model, prompts, too_long="cut")


def test_nothing_asked_is_nothing_answered(tmp_path):
    assert generate(tmp_path / "no model at all", []) == []


def test_progress_counts_answers(model, prompts):
    said = []
    generate(model, prompts, max_new_tokens=2, batch_size=2, progress=said.append)
    assert said == ["generate: 2/5 answers", "generate: 4/5 answers", "generate: 5/5 answers"]
