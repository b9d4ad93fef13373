import functools
import json

import pytest

from skymath_nb import pretrain, sft
from skymath_nb.world import draw, translate


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(sft.base_path("tiny-base"))


@pytest.mark.parametrize(
    "text",
    [
        "Tom has 15 pens.",
        "小明有15个钢笔。",
        "\\frac{1}{2}\\sqrt{3} naïve",
        "😀 ▁ Ω≈ç\t\n\n  two  blanks ",
        "龘 × ÷",
        "5 + 3 = 8\nThe answer is 8.",
    ],
)
def test_any_text_encodes_and_decodes_to_itself(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_digits_stand_alone_and_the_worlds_words_are_whole(tokenizer):
    pieces = tokenizer.tokenize("Tom has 157 pens.")
    assert [p for p in pieces if any(c.isdigit() for c in p)] == ["1", "5", "7"]
    for problem in draw(1, 60):
        for p in (problem, translate(problem, "zh")):
            assert tokenizer.unk_token_id not in tokenizer(p.text)["input_ids"]
            assert not any(t.startswith("<0x") for t in tokenizer.tokenize(p.text))


def test_the_shipped_base_is_small_and_loads_like_any_other():
    from transformers import AutoModelForCausalLM

    folder = pretrain.BASES / "tiny-base"
    assert sum(p.stat().st_size for p in folder.iterdir()) < 8e6
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert type(model).__name__ == "LlamaForCausalLM" and (folder / "README.md").is_file()


def test_a_base_is_remade_from_its_recipe_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, "make_tokenizer", functools.partial(pretrain.make_tokenizer, n_documents=100))
    recipe = tmp_path / "base.yaml"
    recipe.write_text(
        "name: mini\nhidden_size: 16\nlayers: 1\nheads: 2\nintermediate_size: 32\nsteps: 2\nbatch_size: 2\nblock: 32\nthreads: 1\n"
    )
    first = pretrain.remake(recipe, tmp_path / "a")
    second = pretrain.remake(recipe, tmp_path / "b")
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    assert json.loads((first / "card.json").read_text())["measured"]["tokens"] == 2 * 2 * 32


def test_checkpoints_of_another_recipe_are_not_resumed(tmp_path):
    work = tmp_path / "mini.work"
    (work / "checkpoint-1").mkdir(parents=True)
    with pytest.raises(ValueError, match="another recipe"):
        pretrain._can_resume(work, {"name": "mini"})


def test_a_wrong_recipe_is_refused(tmp_path):
    recipe = tmp_path / "base.yaml"
    recipe.write_text("name: mini\nstep: 3\n")
    with pytest.raises(ValueError, match="step is unknown"):
        pretrain.load(recipe)
    with pytest.raises(FileNotFoundError, match="base_tiny"):
        pretrain.load(tmp_path / "none.yaml")
