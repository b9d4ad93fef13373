"""Several processes give what one gives.

Each launch imports torch and TRL twice, so there are few of them.
"""

import sys

import numpy as np
import pandas as pd
import pytest
import tiny_model
import yaml

from skymath_nb.core import guard, paths
from skymath_nb.core.schema import Curriculum, Phase
from skymath_nb.training import __main__ as process
from skymath_nb.training import launch, sft, stages

pytestmark = pytest.mark.stack

CPUS = "params/accelerate/cpus_2.yaml"


def plan(rate=2e-3):
    rows = tiny_model.rows(22)
    # last batches are not full
    return Curriculum(
        (Phase("stage 1", rows[:15], 2, rate), Phase("stage 2", rows[15:], 1, rate)), 8, 96
    )


def train(base, out, curriculum, **kwargs):
    given = {
        "precision": "float32",
        "threads": 1,
        "device": "cpu",
        "progress": None,
        "checkpoint_every": 1,
        **kwargs,
    }  # so every step is logged
    return sft.train(base, curriculum, out, prompt=tiny_model.prompt, **given)


@pytest.mark.long
def test_two_processes_have_the_losses_and_weights_of_one(tmp_path):
    from safetensors.numpy import load_file

    base, said = tiny_model.save(tmp_path / "base"), []
    both = train(base, tmp_path / "both", plan(), launcher=CPUS, progress=said.append)
    one = train(base, tmp_path / "one", plan())
    records = [sft.read_training(folder) for folder in (one, both)]
    assert [r["processes"] for r in records] == [1, 2] and records[0]["steps"] == records[1][
        "steps"
    ] == 5
    assert records[0]["tokens"] == records[1]["tokens"]
    assert records[0]["identity"] == records[1]["identity"]  # a launcher changes how, not what
    curves = [pd.read_parquet(folder / "loss.parquet") for folder in (one, both)]
    pd.testing.assert_frame_equal(*curves, atol=1e-5, rtol=0)
    a, b, before = (load_file(folder / "model.safetensors") for folder in (one, both, base))
    moved = max(np.abs(a[name] - before[name]).max() for name in a)
    assert max(np.abs(a[name] - b[name]).max() for name in a) < 0.05 * moved
    steps = [f"stage 1: step {n}/4" for n in (1, 2, 3, 4)] + ["stage 2: step 1/1"]
    assert [line.split(",")[0] for line in said] == steps  # live, and from the first process alone
    assert sorted(p.name for p in tmp_path.iterdir()) == ["base", "both", "one"]


def launched(monkeypatch, code):
    """Let a launch run this code instead of accelerate."""
    real = guard.start
    monkeypatch.setattr(
        guard, "start", lambda command, **kwargs: real([sys.executable, "-c", code], **kwargs)
    )


def test_the_error_of_a_process_is_told_with_its_own_words(tmp_path, monkeypatch, capsys):
    base, folder = tiny_model.save(tmp_path / "base"), tmp_path / "job"
    folder.mkdir()
    job = stages.Job(
        str(base),
        plan(rate=1e30),
        sft.Settings.of(precision="float32", device="cpu", threads=1),
        tiny_model.prompt,
    )
    launch.write(job, folder)
    with pytest.raises(RuntimeError, match="became nan"):
        process.main(folder)
    said = [line for line in capsys.readouterr().out.splitlines() if launch.FAILS in line]
    launched(monkeypatch, f"print('noise'); print({said[0]!r}); raise SystemExit(1)")
    with pytest.raises(
        RuntimeError,
        match=r"^The loss became nan in phase 'stage 1' at step \d of 4, on its \d rows r.*Lower",
    ):
        train(base, tmp_path / "m", plan(rate=1e30), launcher=CPUS)
    assert not (tmp_path / "m").exists()


def test_a_launch_that_ends_without_a_word_shows_its_last_lines(tmp_path, monkeypatch):
    launched(monkeypatch, "print('a bus error'); raise SystemExit(7)")
    with pytest.raises(
        RuntimeError, match=r"(?s)accelerate.commands.launch.*ended with exit code 7.*a bus error"
    ):
        train(tiny_model.save(tmp_path / "base"), tmp_path / "m", plan(), launcher=CPUS)


def test_a_process_that_is_not_one_of_as_many_as_named_stops(tmp_path):
    job = stages.Job(
        str(tiny_model.save(tmp_path / "base")),
        plan(),
        sft.Settings.of(launcher=CPUS),
        tiny_model.prompt,
    )
    with pytest.raises(ValueError, match="stands for 2 processes, but there are 1"):
        stages.run(job, tmp_path, None)


def test_what_no_launcher_can_do_is_refused_before_a_process_starts(tmp_path):
    base = tiny_model.save(tmp_path / "base")
    with pytest.raises(
        FileNotFoundError,
        match="cpus_3.yaml does not exist; in params/accelerate there are cpus_2.yaml, gpus_1.yaml",
    ):
        train(base, tmp_path / "m", plan(), launcher="params/accelerate/cpus_3.yaml")
    with pytest.raises(ValueError, match="does not divide batch_size=8 on 2 processes"):
        train(base, tmp_path / "m", plan(), launcher=CPUS, micro_batch=8)
    (tmp_path / "odd.yaml").write_text("machines: 2\n")
    with pytest.raises(ValueError, match="names no num_processes"):
        train(base, tmp_path / "m", plan(), launcher=tmp_path / "odd.yaml")
    assert not (tmp_path / ".m.partial").exists()


@pytest.mark.parametrize("processes", [1, 2, 8])
def test_the_files_for_gpus_are_what_accelerate_takes(processes):
    from accelerate.commands.config.config_args import load_config_from_file

    path = paths.locate(f"params/accelerate/gpus_{processes}.yaml")
    config = load_config_from_file(str(path))  # refuses keys it does not know
    assert (
        config.num_processes == processes == sft.Settings(launcher=str(path)).processes
        and not config.use_cpu
    )
    text = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert text.get("fsdp_config", {}).get("fsdp_version") == (2 if processes > 1 else None)
