import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_model

from skymath_nb import curriculum as curricula
from skymath_nb import sft
from skymath_nb.schema import Curriculum, Phase


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_model.save(tmp_path_factory.mktemp("base"))


def two_stages(n=24, rate=2e-3, **kwargs):
    rows = tiny_model.rows(n)
    phases = (Phase("stage 1", rows[: n // 2], 3, rate), Phase("stage 2", rows[n // 2 :], 1.5, rate / 2))
    return Curriculum(phases, **{"batch_size": 5, "max_length": 96, **kwargs})


def train(base, curriculum, out, **kwargs):
    return sft.train(base, curriculum, out, prompt=tiny_model.prompt, **{"progress": None, "threads": 1, **kwargs})


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    return train(base, two_stages(), tmp_path_factory.mktemp("runs") / "model")


@pytest.mark.parametrize("bos", [True, False])
def test_exactly_the_response_and_its_end_count(bos):
    tokenizer, rows = tiny_model.tokenizer(bos=bos), tiny_model.rows()
    rows.loc[0, "response"] = "十二 is the sum.\nThe answer is 12. \n"
    dataset = sft.tokenise(rows, tokenizer, tiny_model.prompt, 128)
    for row, query, response in zip(dataset, rows["query"], rows["response"], strict=True):
        counted = [i for i, label in enumerate(row["labels"]) if label != -100]
        assert [row["labels"][i] for i in counted] == [row["input_ids"][i] for i in counted]
        assert tokenizer.decode([row["input_ids"][i] for i in counted]) == " " + response.strip() + "</s>"
        before = row["input_ids"][: counted[0]]
        assert before == tokenizer(tiny_model.prompt(query))["input_ids"]
        assert counted == list(range(len(before), len(row["input_ids"])))


def test_a_token_over_the_border_of_prompt_and_response_is_taken_apart():
    tokenizer = tiny_model.tokenizer()
    tokenizer.add_tokens([": a"])
    rows = pd.DataFrame({"id": ["x"], "query": ["q"], "response": ["a b"]})
    assert ": a" in tokenizer.convert_ids_to_tokens(tokenizer(tiny_model.prompt("q") + " a b")["input_ids"])
    row = sft.tokenise(rows, tokenizer, tiny_model.prompt, 99)[0]
    head = tokenizer(tiny_model.prompt("q"))["input_ids"]
    assert row["input_ids"][: len(head)] == head
    assert tokenizer.decode(row["input_ids"][len(head) :]) == " a b</s>"


def test_rows_that_are_too_long_are_refused_by_level_or_dropped():
    rows = tiny_model.rows(8)
    rows.loc[[1, 2, 3], "response"] = "word " * 40 + "The answer is 1."
    with pytest.raises(ValueError, match=r"3 of 8 rows are longer than 96 tokens.*\{1: 1, 2: 2\}"):
        sft.tokenise(rows, tiny_model.tokenizer(), tiny_model.prompt, 96)
    kept = sft.tokenise(rows, tiny_model.tokenizer(), tiny_model.prompt, 96, too_long="drop")
    assert len(kept) == 5 and max(map(len, kept["input_ids"])) <= 96


@pytest.mark.parametrize("n, epochs", [(10, 3), (7, 1), (101, 2.5), (3, 0.5), (1500, 2)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_epoch_sees_every_row_once(n, epochs, shuffle):
    lengths = np.random.default_rng(0).integers(5, 90, n)
    rows = sft.order(lengths, epochs, 8, shuffle, np.random.default_rng(1))
    counts = np.bincount(rows, minlength=n)
    assert len(rows) == np.ceil(n * epochs)
    assert counts.max() - counts.min() <= 1 and counts.min() >= int(epochs)
    if not shuffle:
        assert rows.tolist() == [i % n for i in range(len(rows))]


def test_shuffled_batches_hold_like_lengths_and_no_length_comes_first():
    lengths = np.random.default_rng(0).integers(10, 100, 3200)
    batches = lengths[sft.order(lengths, 1, 16, True, np.random.default_rng(1))].reshape(-1, 16)
    padded = (batches.max(1) * 16).sum() / lengths.sum()
    assert padded < 1.08
    halves = batches[:100].mean(), batches[100:].mean()
    assert abs(halves[0] - halves[1]) < 8


def test_training_writes_a_model_that_loads_and_a_curve_that_matches_the_plan(trained):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plan, record = two_stages(), sft.read_training(trained)
    curve = pd.read_parquet(trained / "loss.parquet")
    steps = [plan.phase_steps(phase) for phase in plan.phases]
    assert [phase["steps"] for phase in record["phases"]] == steps and record["steps"] == sum(steps)
    assert curve["step"].iloc[-1] == sum(steps) and curve["tokens"].iloc[-1] == record["tokens"]
    assert list(dict.fromkeys(curve["phase"])) == ["stage 1", "stage 2"]
    assert curve["tokens"].is_monotonic_increasing and np.isfinite(curve["loss"]).all()
    assert record["identity"]["curriculum"] == plan.digest()
    assert AutoTokenizer.from_pretrained(trained).eos_token == "</s>"
    assert AutoModelForCausalLM.from_pretrained(trained).config.eos_token_id == 2
    assert {p.suffix for p in trained.iterdir()} == {".json", ".parquet", ".safetensors"}
    assert not [p for p in trained.parent.iterdir() if p.name.startswith(".")]


def test_the_learning_rates_of_training_are_those_that_were_drawn(trained, base, tmp_path, monkeypatch):
    monkeypatch.setattr(sft, "LOG_EVERY", 1)
    for decay in ("cosine", "linear"):
        plan = two_stages(warmup=0.3, schedule=decay)
        curve = pd.read_parquet(train(base, plan, tmp_path / decay) / "loss.parquet")
        drawn = curricula.learning_rates(plan)
        assert curve["step"].tolist() == drawn["step"].tolist()
        np.testing.assert_allclose(curve["learning_rate"], drawn["learning_rate"], atol=1e-9)


def test_the_same_training_is_reused_and_another_replaces_it(base, tmp_path):
    said = []
    out = train(base, two_stages(8), tmp_path / "m")
    before = (out / sft.RECORD).stat().st_mtime_ns
    train(base, two_stages(8), out, progress=said.append)
    assert (out / sft.RECORD).stat().st_mtime_ns == before and "reused" in said[0]
    first = weights(out)
    train(base, two_stages(8, seed=1), out)
    assert weights(out) != first
    sft.train(base, two_stages(8, seed=1), out, prompt=lambda query: f"Q: {query} A:", progress=said.append)
    assert "reused" not in said[-1]


def test_training_repeats_to_the_bit(base, trained, tmp_path):
    assert weights(train(base, two_stages(), tmp_path / "again")) == weights(trained)


def test_a_row_in_small_batches_counts_the_same(base, tmp_path, monkeypatch):
    from safetensors.numpy import load_file

    # bfloat16 would round the two orders of summing apart, on the machines that have it
    monkeypatch.setattr(sft, "_multiplies_bfloat16", lambda gpu: False)
    plan = two_stages(16, batch_size=4, rate=1e-4)
    whole, parts = train(base, plan, tmp_path / "a"), train(base, plan, tmp_path / "b", micro_batch=2)
    a, b = load_file(whole / "model.safetensors"), load_file(parts / "model.safetensors")
    assert max(np.abs(a[name] - b[name]).max() for name in a) < 1e-5


def test_training_lowers_the_loss(base, tmp_path):
    out = train(base, Curriculum((Phase("all", tiny_model.rows(32), 30, 1e-2),), 8, 96), tmp_path / "m")
    losses = pd.read_parquet(out / "loss.parquet")["loss"]
    assert losses.iloc[-1] < 0.5 * losses.iloc[0]


def test_a_loss_that_is_no_number_stops_and_writes_nothing(base, tmp_path):
    with pytest.raises(RuntimeError, match=r"nan in phase 'stage 1' by step \d+ of 8.*Lower the learning rate"):
        train(base, two_stages(rate=1e30), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_half_a_training_is_not_taken_for_one(base, tmp_path, monkeypatch):
    monkeypatch.setattr(sft, "_put_in_place", lambda partial, out: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(base, two_stages(8), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(base, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="no training of ours"):
        train(base, two_stages(8), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_tokenizer_without_pad_takes_its_eos(tmp_path):
    base = tiny_model.save(tmp_path / "base", pad=False)
    out = train(base, two_stages(8), tmp_path / "m")
    assert json.loads((out / "config.json").read_text())["pad_token_id"] == 2


def test_an_unknown_base_is_refused_with_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(sft, "BASES", tmp_path)
    tiny_model.save(tmp_path / "tiny-base")
    assert sft.base_path("tiny-base") == str(tmp_path / "tiny-base")
    with pytest.raises(FileNotFoundError, match=r"'tiny-bse'.*there are: tiny-base.*Did you mean 'tiny-base'"):
        train("tiny-bse", two_stages(8), tmp_path / "m")


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"backend": "megatron"}, "backend is one of full, unsloth"),
        ({"too_long": "cut"}, "too_long is one of refuse, drop"),
        ({"micro_batch": 3}, "does not divide batch_size=5"),
        ({"device": "tpu"}, "device='tpu'"),
    ],
)
def test_settings_are_checked_before_anything_is_done(base, tmp_path, kwargs, message):
    with pytest.raises(ValueError, match=message):
        train(base, two_stages(8), tmp_path / "m", **kwargs)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_response_is_named(base, tmp_path):
    plan = two_stages(8)
    plan.phases[0].rows.loc[2, "response"] = " "
    with pytest.raises(ValueError, match="1 of 4 rows with an empty response.*r2"):
        train(base, plan, tmp_path / "m")


def test_without_unsloth_one_line_says_how_to_get_it(base, tmp_path, monkeypatch):
    monkeypatch.setattr(sft.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="make unsloth") as error:
        train(base, two_stages(8), tmp_path / "m", backend="unsloth")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not importlib.util.find_spec("unsloth"), reason="Unsloth is not installed: make unsloth")
def test_unsloth_has_the_losses_of_the_full_backend(base, tmp_path):
    # In its own process, because importing Unsloth changes trl and transformers for all that follows.
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import test_sft
from skymath_nb import sft
sft.LOG_EVERY = 1
test_sft.train(sys.argv[2], test_sft.two_stages(), sys.argv[3], backend="unsloth")
"""
    here = [str(Path(__file__).parent), str(base), str(tmp_path / "unsloth")]
    subprocess.run([sys.executable, "-c", code, *here], check=True, cwd=tmp_path, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sft, "LOG_EVERY", 1)
        out = train(base, two_stages(), tmp_path / "full")
    losses = [pd.read_parquet(folder / "loss.parquet")["loss"] for folder in (out, tmp_path / "unsloth")]
    np.testing.assert_allclose(*losses, atol=1e-5)


def test_importing_the_engine_imports_no_framework():
    code = "import sys, skymath_nb.sft, skymath_nb.generate; print({'torch', 'transformers', 'trl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
