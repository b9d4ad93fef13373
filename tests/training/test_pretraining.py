import functools
import json
import re
from pathlib import Path

import pytest

from skymath_nb.training import bases, pretraining
from skymath_nb.world import corpus, draw, translate

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(bases.base_path("tiny-base"))


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


SHIPPED = ("tiny-base", "tiny-base-math", "tiny-base-moe", "tiny-base-moe-active")
RECIPES = sorted((Path(__file__).parents[2] / "params").glob("base_*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_base_loads_like_any_other_and_says_what_it_is(name):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = pretraining.BASES / name
    card = json.loads((folder / "card.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert type(model).__name__ == (
        "MixtralForCausalLM" if card["recipe"]["experts"] else "LlamaForCausalLM"
    )
    assert sum(p.numel() for p in model.parameters()) == card["measured"]["parameters"]
    assert card["measured"]["losses"][-1][1] < 1.0 and card["measured"]["tokens"] >= 8_000_000
    text = (folder / "README.md").read_text()
    params = re.search(r"base params/(base_\w+\.yaml)", text)[1]
    assert pretraining.load(RECIPES[0].parent / params) == card["recipe"], (
        "the params file remakes this very base"
    )
    mine, first = (
        AutoTokenizer.from_pretrained(pretraining.BASES / n).get_vocab()
        for n in (name, "tiny-base")
    )
    assert mine == first, "one tokenizer for the family"


def test_the_family_is_small():
    assert {p.name for p in pretraining.BASES.iterdir() if p.suffix != ".work"} >= set(SHIPPED)
    assert (
        sum(p.stat().st_size for name in SHIPPED for p in (pretraining.BASES / name).iterdir())
        < 24e6
    )


def test_the_mixture_has_siblings_of_equal_active_and_of_equal_total_size():
    recipes = {p.stem.removeprefix("base_tiny_"): pretraining.load(p) for p in RECIPES}
    mixture, active, total = (recipes[name] for name in ("moe", "moe_active", "moe_total"))
    # the arithmetic is what a processor is fast at
    differ = {"name", "about", "intermediate_size", "experts", "bf16"}
    assert all(
        {k: v for k, v in r.items() if k not in differ}
        == {k: v for k, v in mixture.items() if k not in differ}
        for r in (active, total)
    )
    width = mixture["intermediate_size"]
    assert (
        active["intermediate_size"] == pretraining.ACTIVE_EXPERTS * width
        and total["intermediate_size"] == mixture["experts"] * width
    )


MINI = (
    "hidden_size: 16\nlayers: 1\nintermediate_size: 32\nsteps: 2\nbatch_size: 2\nblock: 32\n"
    "threads: 1\n"
)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(
        pretraining,
        "make_tokenizer",
        functools.partial(pretraining.make_tokenizer, n_documents=100),
    )
    monkeypatch.setattr(corpus, "FILTERED", 5)
    corpus.kept_out.cache_clear()
    yield
    corpus.kept_out.cache_clear()


@pytest.mark.parametrize("kind", ["", "optimizer: adamw\n", "experts: 4\n"])
def test_a_base_is_remade_from_its_recipe_alone(kind, tmp_path, quick):
    recipe = tmp_path / "base.yaml"
    recipe.write_text("name: mini\n" + MINI + kind)
    first, second = (
        pretraining.remake(recipe, tmp_path / "a"),
        pretraining.remake(recipe, tmp_path / "b"),
    )
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    measured = json.loads((first / "card.json").read_text())["measured"]
    assert measured["tokens"] == 2 * 2 * 32
    assert (measured["active_parameters"] < measured["parameters"]) == ("experts" in kind)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_training_that_was_cut_off_goes_on_and_ends_where_an_unbroken_one_does(
    optimizer, tmp_path, quick, monkeypatch
):
    monkeypatch.setattr(pretraining, "SAVE_EVERY", 2)
    recipe = tmp_path / "base.yaml"
    recipe.write_text(
        "name: mini\n" + MINI.replace("steps: 2", "steps: 6") + f"optimizer: {optimizer}\n"
    )
    whole = pretraining.remake(recipe, tmp_path / "a")
    get = pretraining.Blocks.__getitem__

    def torn(self, index):
        if index >= 10:
            raise KeyboardInterrupt
        return get(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(pretraining.Blocks, "__getitem__", torn)
        with pytest.raises(KeyboardInterrupt):
            pretraining.remake(recipe, tmp_path / "b")
    assert not (tmp_path / "b" / "mini").exists()
    resumed = pretraining.remake(recipe, tmp_path / "b")
    assert (resumed / "model.safetensors").read_bytes() == (
        whole / "model.safetensors"
    ).read_bytes()
    assert (
        json.loads((resumed / "card.json").read_text())["measured"]["resumed"]
        and not (tmp_path / "b" / "mini.work").exists()
    )


def test_a_base_goes_on_from_another(tmp_path, quick):
    recipe = tmp_path / "base.yaml"
    recipe.write_text(
        "name: mini-math\nbase: tiny-base\nmix: {programs: 1, equations: 1}\nsteps: 1\n"
        "batch_size: 1\nblock: 32\nthreads: 1\n"
    )
    made = pretraining.remake(recipe, tmp_path)
    assert "Goes on from tiny-base" in (made / "README.md").read_text()
    assert (made / "tokenizer.json").read_bytes() == (
        pretraining.BASES / "tiny-base" / "tokenizer.json"
    ).read_bytes()


def test_checkpoints_of_another_recipe_are_not_resumed(tmp_path):
    work = tmp_path / "mini.work"
    (work / "checkpoint-1").mkdir(parents=True)
    with pytest.raises(ValueError, match="another recipe"):
        pretraining._can_resume(work, {"name": "mini"})


def test_a_wrong_recipe_is_refused(tmp_path):
    recipe = tmp_path / "base.yaml"
    recipe.write_text("name: mini\nstep: 3\n")
    with pytest.raises(ValueError, match="step is unknown"):
        pretraining.load(recipe)
    for line, found in {
        "mix: {poems: 1}": "poems",
        "optimizer: sgd": "sgd",
        "seed: a": "seed",
    }.items():
        recipe.write_text(f"name: mini\n{line}\n")
        with pytest.raises(ValueError, match=found):
            pretraining.load(recipe)
    recipe.write_text("name: mini\nbase: none\n")
    with pytest.raises(FileNotFoundError, match="make it first"):
        pretraining.load(recipe)
    with pytest.raises(FileNotFoundError, match="base_tiny"):
        pretraining.load(tmp_path / "none.yaml")


def test_a_base_goes_on_from_a_folder_too_and_says_where_it_looked(tmp_path):
    (tmp_path / "base.yaml").write_text(f"name: more\nbase: {bases.base_path('tiny-base')}\n")
    assert pretraining.load(tmp_path / "base.yaml")["steps"] == 4000
    (tmp_path / "base.yaml").write_text("name: more\nbase: models/none\n")
    with pytest.raises(
        FileNotFoundError, match="'models/none', which is neither in .* nor a model folder"
    ):
        pretraining.load(tmp_path / "base.yaml")
