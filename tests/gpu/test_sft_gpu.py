"""SFT on a real GPU: bfloat16, packing, attention of variable length, resuming, memory, Unsloth.

Skipped where there is none.

    python -m pytest -m gpu tests/gpu

No GPU has run these yet. Speed and MFU are measured by tests/benchmarks/sft_gpu.py.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_model

from skymath_nb.core.schema import Curriculum, Phase
from skymath_nb.training import cost, sft, trainer

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def gpu():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda


@pytest.fixture
def base(tmp_path):
    return tiny_model.save(tmp_path / "base", context=256)


def plan(n=24, rate=2e-3, **kwargs):
    rows = tiny_model.rows(n)
    return Curriculum(
        (Phase("stage 1", rows[: n // 2], 3, rate), Phase("stage 2", rows[n // 2 :], 2, rate)),
        4,
        256,
        **kwargs,
    )


def train(base, out, curriculum=None, **kwargs):
    given = {"progress": None, "device": "cuda", **kwargs}
    return sft.train(base, curriculum or plan(), out, prompt=tiny_model.prompt, **given)


def curve(out):
    return pd.read_parquet(out / "loss.parquet")["loss"].to_numpy()


@pytest.fixture(autouse=True)
def every_step(monkeypatch):
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)


@pytest.mark.parametrize("recompute", ["on", "off"])
def test_bfloat16_on_the_gpu_follows_float32_on_the_cpu(base, tmp_path, recompute):
    out = train(base, tmp_path / "gpu", recompute=recompute)
    record = sft.read_training(out)
    assert (record["device"], record["precision"]) == ("cuda", "bfloat16")
    expected = curve(train(base, tmp_path / "cpu", device="cpu", precision="float32"))
    np.testing.assert_allclose(curve(out), expected, rtol=0.02)


@pytest.mark.parametrize("architecture", tiny_model.ARCHITECTURES)
def test_packed_rows_count_as_unpacked_ones(tmp_path, architecture):
    base = tiny_model.save(
        tmp_path / "base", architecture=architecture, context=256, vocabulary=270
    )
    rows = Curriculum((Phase("p", tiny_model.rows(12), 1, 1e-4),), 12, 256)
    losses = [
        curve(train(base, tmp_path / str(p), rows, packing=p, precision="float32"))[0]
        for p in (False, True)
    ]
    assert abs(losses[0] - losses[1]) < 1e-4


@pytest.mark.skipif(
    not importlib.util.find_spec("flash_attn"), reason="flash-attn is not installed"
)
def test_attention_of_variable_length_keeps_rows_apart(tmp_path):
    # its heads have the 32 dimensions that FlashAttention takes
    base = tiny_model.save(tmp_path / "base", hidden=128, context=256)
    rows = Curriculum((Phase("p", tiny_model.rows(12), 1, 1e-4),), 12, 256)
    losses = [curve(train(base, tmp_path / str(p), rows, packing=p))[0] for p in (False, True)]
    assert abs(losses[0] - losses[1]) < 5e-3  # bfloat16


def test_a_training_that_was_cut_off_goes_on_as_if_it_had_not_been(base, tmp_path):
    def progress(line):
        if "stage 2: step 3/" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(base, tmp_path / "cut", checkpoint_every=2, progress=progress)
    np.testing.assert_allclose(
        curve(train(base, tmp_path / "cut", checkpoint_every=2)),
        curve(train(base, tmp_path / "whole")),
        rtol=1e-3,
    )


@pytest.mark.parametrize("recompute", ["on", "off"])
def test_memory_is_what_was_foretold(tmp_path, gpu, recompute):
    base = tiny_model.save(
        tmp_path / "base", hidden=1024, layers=8, context=1024, vocabulary=32_000
    )
    rows = tiny_model.rows(16)
    rows["response"] = "so it goes on " * 60 + "The answer is 1."
    curriculum = Curriculum((Phase("p", rows, 1, 1e-5),), 8, 1024)
    foretold = sft.estimate(
        base, curriculum, prompt=tiny_model.prompt, device="cuda", recompute=recompute
    ).needed
    train(base, tmp_path / "m", curriculum, recompute=recompute)
    assert 1 / 1.3 < gpu.max_memory_allocated() / foretold < 1.3


def test_memory_that_runs_out_is_told_and_less_of_it_goes_on(tmp_path, gpu, monkeypatch):
    base = tiny_model.save(tmp_path / "base", hidden=512, layers=8, context=256, vocabulary=32_000)
    curriculum = plan(64)
    monkeypatch.setattr(cost, "require_memory", lambda *args: None)
    total = gpu.mem_get_info()[1]
    gpu.set_per_process_memory_fraction(min(1.0, 0.6e9 / total))
    try:
        with pytest.raises(
            RuntimeError, match="Memory ran out in phase 'stage 1' at step 1 of .*micro_batch="
        ):
            train(base, tmp_path / "m", curriculum)
    finally:
        gpu.set_per_process_memory_fraction(1.0)
    assert sft.read_training(train(base, tmp_path / "m", curriculum, micro_batch=1))["steps"]


@pytest.mark.skipif(not importlib.util.find_spec("unsloth"), reason="Unsloth is not installed")
@pytest.mark.parametrize("tuning", ["full", "lora", "qlora"])
def test_unsloth_trains_and_what_it_leaves_loads(base, tmp_path, tuning):
    if tuning == "qlora" and not importlib.util.find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is not installed")
    code = """
import sys
sys.path[:0] = sys.argv[1:3]
import unsloth, test_sft_gpu
test_sft_gpu.trainer.LOG_EVERY = 1
test_sft_gpu.train(sys.argv[3], sys.argv[4], backend="unsloth", tuning=sys.argv[5])
"""
    here = Path(__file__).parent
    paths = [str(here), str(here.parent), str(base), str(tmp_path / "unsloth"), tuning]
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    from transformers import AutoModelForCausalLM

    losses = curve(tmp_path / "unsloth")
    assert (
        np.isfinite(losses).all()
        and AutoModelForCausalLM.from_pretrained(tmp_path / "unsloth").num_parameters() > 0
    )
    if tuning == "full":
        np.testing.assert_allclose(losses, curve(train(base, tmp_path / "full")), rtol=0.02)
