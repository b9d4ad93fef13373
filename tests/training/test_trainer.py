import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_model

from skymath_nb.core import digests
from skymath_nb.core.schema import Curriculum, Phase
from skymath_nb.training import curriculum as curricula
from skymath_nb.training import settings as sft_settings
from skymath_nb.training import sft, stages, trainer

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_model.save(tmp_path_factory.mktemp("base"))


def two_stages(n=24, rate=2e-3, **kwargs):
    rows = tiny_model.rows(n)
    phases = (
        Phase("stage 1", rows[: n // 2], 3, rate),
        Phase("stage 2", rows[n // 2 :], 1.5, rate / 2),
    )
    return Curriculum(phases, **{"batch_size": 5, "max_length": 96, **kwargs})


def train(base, curriculum, out, **kwargs):
    return sft.train(
        base,
        curriculum,
        out,
        prompt=tiny_model.prompt,
        **{"progress": None, "threads": 1, **kwargs},
    )


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    return train(base, two_stages(), tmp_path_factory.mktemp("runs") / "model")


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


def test_the_learning_rates_of_training_are_those_that_were_drawn(
    trained, base, tmp_path, monkeypatch
):
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    for decay in ("cosine", "linear"):
        plan = two_stages(warmup=0.3, schedule=decay)
        curve = pd.read_parquet(train(base, plan, tmp_path / decay) / "loss.parquet")
        drawn = curricula.learning_rates(plan)
        assert curve["step"].tolist() == drawn["step"].tolist()
        np.testing.assert_allclose(curve["learning_rate"], drawn["learning_rate"], atol=1e-9)


def test_the_same_training_is_reused_and_another_replaces_it(base, tmp_path):
    said = []
    out = train(base, two_stages(8), tmp_path / "m")
    before = (out / digests.TRAINING).stat().st_mtime_ns
    train(base, two_stages(8), out, progress=said.append)
    assert (out / digests.TRAINING).stat().st_mtime_ns == before and "reused" in said[0]
    first = weights(out)
    train(base, two_stages(8, seed=1), out)
    assert weights(out) != first
    sft.train(
        base,
        two_stages(8, seed=1),
        out,
        prompt=lambda query: f"Q: {query} A:",
        progress=said.append,
    )
    assert "reused" not in said[-1]


def test_training_repeats_to_the_bit(base, trained, tmp_path):
    assert weights(train(base, two_stages(), tmp_path / "again")) == weights(trained)


def test_a_row_in_small_batches_counts_the_same(base, tmp_path):
    from safetensors.numpy import load_file

    plan, exact = two_stages(16, batch_size=4, rate=1e-4), {"precision": "float32"}
    whole, parts = (
        train(base, plan, tmp_path / "a", **exact),
        train(base, plan, tmp_path / "b", micro_batch=2, **exact),
    )
    a, b = load_file(whole / "model.safetensors"), load_file(parts / "model.safetensors")
    assert max(np.abs(a[name] - b[name]).max() for name in a) < 1e-5


def test_training_lowers_the_loss(base, tmp_path):
    out = train(
        base, Curriculum((Phase("all", tiny_model.rows(32), 30, 1e-2),), 8, 96), tmp_path / "m"
    )
    losses = pd.read_parquet(out / "loss.parquet")["loss"]
    assert losses.iloc[-1] < 0.5 * losses.iloc[0]


def test_a_loss_that_is_no_number_stops_and_writes_nothing(base, tmp_path):
    with pytest.raises(
        RuntimeError,
        match=r"became (nan|inf) in phase 'stage 1' at step \d+ of 8, on its 5 rows r\d+.*no "
        r"checkpoint.*Lower",
    ):
        train(base, two_stages(rate=1e30), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_what_was_trained_but_not_put_in_place_is_not_trained_again(
    base, trained, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(stages, "_put_in_place", lambda finished, out: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(base, two_stages(), tmp_path / "m")
    assert not (tmp_path / "m").exists()
    monkeypatch.setattr(trainer, "make", lambda *args: 1 / 0)
    assert weights(train(base, two_stages(), tmp_path / "m")) == weights(trained)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_killed_training_goes_on_to_the_same_bits(base, trained, tmp_path):
    """Cut by kill -9 in both phases, while a checkpoint is written and while a phase's result is.

    Each leg is a process.
    """
    code = """
import os, signal, sys
sys.path[:0] = [sys.argv[1], os.path.dirname(sys.argv[1])]
from transformers import AutoModelForCausalLM, Trainer
from trl import SFTConfig, SFTTrainer  # before the forks, which then share it
import test_trainer
from skymath_nb.training import backends, trainer

trainer.LOG_EVERY = 1
die = lambda *args: os.kill(os.getpid(), signal.SIGKILL)

def at(words):
    def progress(line):
        print(line, flush=True)
        if words in line:
            die()
    return progress

def leg(progress=None, patch=None):
    if os.fork() == 0:
        if patch:
            setattr(*patch, die)
        test_trainer.train(sys.argv[2], test_trainer.two_stages(), sys.argv[3], checkpoint_every=2, progress=progress)
        os._exit(0)
    return os.wait()[1]

assert leg(at("stage 1: step 1/")) == signal.SIGKILL
assert leg(at("stage 1: step 5/")) == signal.SIGKILL
assert leg(at("nowhere"), (trainer, "complete")) == signal.SIGKILL
assert leg(at("nowhere"), (backends, "save")) == signal.SIGKILL
assert leg(at("stage 2: step 3/")) == signal.SIGKILL
assert leg(at("nowhere")) == 0
"""
    here = [str(Path(__file__).parent), str(base), str(tmp_path / "m")]
    done = subprocess.run([sys.executable, "-c", code, *here], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    starts = [line for line in done.stdout.splitlines() if "goes on" in line]
    assert starts == [f"stage 1: goes on after step {step} of 8" for step in (4, 4, 6)] + [
        "stage 2: goes on after step 2 of 4"
    ]
    assert weights(tmp_path / "m") == weights(trained)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    curve = pd.read_parquet(tmp_path / "m" / "loss.parquet")
    assert curve["step"].tolist() == list(range(1, 13))
    assert sft.read_training(tmp_path / "m")["steps"] == 12


def interrupt(base, out, after, **kwargs):
    """Train until a line of progress says `after`."""

    def progress(line):
        if after in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(base, two_stages(), out, progress=progress, **{"checkpoint_every": 2, **kwargs})


@pytest.mark.parametrize(
    "change, said", [({"rate": 1e-3}, "phases was .*0.002"), ({"seed": 3}, "seed was 0 and is 3")]
)
def test_checkpoints_of_another_training_are_refused_and_kept(
    base, tmp_path, monkeypatch, change, said
):
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    interrupt(base, tmp_path / "m", "stage 1: step 3/")
    kept = tmp_path / ".m.partial" / "phase-1.work" / "checkpoint-2"
    with pytest.raises(
        ValueError, match=f"another training, which was cut off: .*{said}.*remove that folder"
    ):
        train(base, two_stages(**change), tmp_path / "m")
    with pytest.raises(ValueError, match="loss was 'token_mean' and is 'example_mean'"):
        train(base, two_stages(), tmp_path / "m", loss="example_mean")
    assert (kept / trainer.COMPLETE).is_file()


def test_what_only_changes_speed_may_change_between_the_legs(base, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    interrupt(base, tmp_path / "m", "stage 1: step 3/")
    said = []
    train(base, two_stages(), tmp_path / "m", micro_batch=1, progress=said.append)
    assert said[0] == "stage 1: goes on after step 2 of 8"


def test_without_a_checkpoint_nothing_is_left_behind(base, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    interrupt(base, tmp_path / "m", "stage 1: step 3/", checkpoint_every=0)
    assert list(tmp_path.iterdir()) == []


def test_memory_that_runs_out_names_step_and_setting_and_keeps_the_checkpoint(
    base, tmp_path, monkeypatch
):
    import torch
    from transformers import Trainer

    real = Trainer.compute_loss

    def greedy(self, *args, **kwargs):
        if self.state.global_step == 5:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "compute_loss", greedy)
        with pytest.raises(
            RuntimeError,
            match=r"'stage 1' at step 6 of 8, with micro_batch=5.*checkpoint-4\).*micro_batch=2",
        ) as error:
            train(base, two_stages(), tmp_path / "m", checkpoint_every=2)
    assert "Tried to allocate 9 GiB" in str(error.value) and not (tmp_path / "m").exists()
    assert (
        sft.read_training(train(base, two_stages(), tmp_path / "m", micro_batch=1))["steps"] == 12
    )


def test_a_loss_that_breaks_later_keeps_the_checkpoint_before_it(base, tmp_path, monkeypatch):
    from transformers import Trainer

    real = Trainer.compute_loss

    def breaks(self, *args, **kwargs):
        loss = real(self, *args, **kwargs)
        bad = self.state.global_step == 5
        return (
            (loss[0] * float("nan"), loss[1])
            if bad and isinstance(loss, tuple)
            else loss * float("nan")
            if bad
            else loss
        )

    monkeypatch.setattr(Trainer, "compute_loss", breaks)
    with pytest.raises(
        RuntimeError, match=r"became nan in phase 'stage 1' at step 6 of 8.*checkpoint-4\)"
    ):
        train(base, two_stages(), tmp_path / "m", checkpoint_every=2)


def test_a_gradient_that_is_no_number_stops_before_it_is_saved(base, tmp_path, monkeypatch):
    from trl import SFTTrainer

    real = SFTTrainer.log
    monkeypatch.setattr(
        SFTTrainer,
        "log",
        lambda self, logs, *args: real(self, {**logs, "grad_norm": float("inf")}, *args),
    )
    with pytest.raises(
        RuntimeError, match="The gradient became inf in phase 'stage 1' at step 2 of 8"
    ):
        train(base, two_stages(), tmp_path / "m", checkpoint_every=2)
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


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"backend": "megatron"}, "backend is one of full, unsloth"),
        ({"too_long": "cut"}, "too_long is one of refuse, drop, truncate"),
        ({"micro_batch": 3}, "does not divide batch_size=5"),
        ({"device": "tpu"}, "device='tpu'"),
        ({"too_lng": "drop"}, r"no setting 'too_lng' of sft.train \(nearest: too_long\)"),
        ({"tuning": "lora"}, 'goes through Unsloth: set backend="unsloth"'),
        ({"checkpoint_every": -1}, "0 or more"),
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
    monkeypatch.setattr(sft_settings.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="make unsloth") as error:
        train(base, two_stages(8), tmp_path / "m", backend="unsloth")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "kwargs, message",
    [({"packing": True}, "Unsloth packed rows do not"), ({"tuning": "qlora"}, "needs a GPU")],
)
def test_what_unsloth_would_do_otherwise_than_asked_is_refused(
    base, tmp_path, monkeypatch, kwargs, message
):
    monkeypatch.setattr(sft_settings.importlib.util, "find_spec", lambda name: True)
    with pytest.raises(ValueError, match=message):
        train(base, two_stages(8), tmp_path / "m", backend="unsloth", device="cpu", **kwargs)


@pytest.mark.skipif(
    not importlib.util.find_spec("unsloth"), reason="Unsloth is not installed: make unsloth"
)
def test_unsloth_has_the_losses_of_the_full_backend_and_merges_its_low_rank_matrices(
    base, tmp_path
):
    # In its own process, because importing Unsloth changes trl and transformers for all that
    # follows.
    code = """
import os, sys
sys.path[:0] = [sys.argv[1], os.path.dirname(sys.argv[1])]
import unsloth, test_trainer
from skymath_nb.training import trainer
trainer.LOG_EVERY = 1
given = {"backend": "unsloth", "precision": "float32"}
for loss in ("token_mean", "example_mean"):
    test_trainer.train(sys.argv[2], test_trainer.two_stages(), sys.argv[3] + "/" + loss, loss=loss, **given)
plan = test_trainer.Curriculum((test_trainer.Phase("p", test_trainer.tiny_model.rows(12), 6, 2e-2),), 4, 96)
test_trainer.train(sys.argv[2], plan, sys.argv[3] + "/lora", tuning="lora", lora_rank=4, **given)
"""
    here = [str(Path(__file__).parent), str(base), str(tmp_path / "unsloth")]
    done = subprocess.run(
        [sys.executable, "-c", code, *here], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "LOG_EVERY", 1)
        for loss in ("token_mean", "example_mean"):
            out = train(base, two_stages(), tmp_path / loss, loss=loss, precision="float32")
            ours, theirs = (
                pd.read_parquet(folder / "loss.parquet")["loss"]
                for folder in (out, tmp_path / "unsloth" / loss)
            )
            np.testing.assert_allclose(ours, theirs, rtol=2e-6)
    _merged_is_base_and_adapter(base, tmp_path / "unsloth" / "lora")


def _merged_is_base_and_adapter(base, out):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    losses = pd.read_parquet(out / "loss.parquet")["loss"]
    assert losses.iloc[-1] < losses.iloc[0] - 0.1
    whole = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    ids = torch.arange(40)[None]
    with torch.no_grad():
        before = plain(ids).logits
        adapted, merged = (
            PeftModel.from_pretrained(plain, out / "adapter")(ids).logits,
            whole(ids).logits,
        )
    moved = (adapted - before).abs().max()
    # merged weights have 16 bits
    assert moved > 0.1 and (merged - adapted).abs().max() < 0.02 * moved


def test_importing_the_engine_imports_no_framework():
    code = (
        "import sys, skymath_nb.training.sft, skymath_nb.inference.generation; print({'torch', "
        "'transformers', 'trl'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
