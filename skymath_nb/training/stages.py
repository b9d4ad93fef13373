"""The training itself: one trl.SFTTrainer per phase, checkpoints, and going on after a cut.

While a training is unfinished its state lies in `.<name>.partial` beside `out`: identity.json (what
is trained), phase-1, phase-2, ... (what finished phases left) and phase-N.work (checkpoints of the
phase at work).
"""

import dataclasses
import gc
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..core import code_digests, devices, digests, disk, provenance, randomness
from ..core.schema import Curriculum, Phase, row_id
from ..prompts import student as student_prompt
from . import backends, cost, launch, trainer
from .bases import base_digest, base_path
from .rows import lay_out, token_counts, tokenise
from .settings import Settings
from .trainer import COMPLETE


class Job(NamedTuple):
    """All that the processes of a training need to know."""

    source: str  # what from_pretrained takes
    curriculum: Curriculum
    settings: Settings
    prompt: Callable[[str], str]


def train(
    base: str | os.PathLike,
    curriculum: Curriculum,
    out: str | os.PathLike,
    *,
    prompt: Callable[[str], str] | None = None,
    progress: Callable[[str], None] | None = print,
    **settings,
) -> Path:
    """Train a base on a curriculum and return `out`.

    Weights, tokenizer, loss.parquet and training.json.

    An `out` that holds this very training is returned as it is; any other training there is
    replaced at the end. A training that was cut off (kill -9 included) goes on from its last
    checkpoint: phase, order of the rows, random state, optimiser and schedule. On a CPU the weights
    are then bitwise those of a training without a cut; on a GPU they are as equal as two runs there
    are, which kernels that sum in any order do not make bitwise.

    Args:
        base: A packaged base's name, a model folder, or a hub id (owner/name).
        prompt: Query -> the text before the response; None is the student's prompt.
        settings: By name, see `Settings`: backend, loss, packing, too_long, micro_batch, device,
            launcher, ...

    Raises:
        ValueError: For bad rows or settings, or checkpoints of another training.
        FileNotFoundError: For an unknown base.
        RuntimeError: If the loss is no number or memory runs out. Checkpoints stay, `out` is not
            touched.
    """
    out, prompt, settings = Path(out), prompt or student_prompt, Settings.of(**settings)
    settings.check(curriculum)
    _check(curriculum, out)
    job = Job(base_path(base), curriculum, settings, prompt)
    identity = _identity(base, job)
    if (old := out.with_name(f".{out.name}.old")).exists() and not out.exists():
        os.replace(old, out)  # a run was cut off between the two moves of _put_in_place
    if (out / digests.TRAINING).is_file() and read_training(out)["identity"] == identity:
        _say(progress, f"{out} holds this training already: reused")
        return out
    partial = out.with_name(f".{out.name}.partial")
    _open(partial, identity)
    try:
        record = (
            launch.run(job, partial, progress) if settings.launcher else run(job, partial, progress)
        )
        record = {"identity": identity, "base": str(base), **record}
        finished = partial / f"phase-{len(curriculum.phases)}"
        _curve(partial, record["phases"]).to_parquet(finished / "loss.parquet", index=False)
        disk.save(finished / digests.TRAINING, json.dumps(record, indent=2) + "\n")
        _put_in_place(finished, out)
        shutil.rmtree(partial)
    finally:
        if partial.exists() and not any(partial.rglob(COMPLETE)):  # nothing to go on from
            shutil.rmtree(partial)
    return out


def read_training(out: str | os.PathLike) -> dict:
    """Return a finished training's record.

    Identity, base, seconds, cpu_seconds, steps, tokens, phases, versions.
    """
    return json.loads((Path(out) / digests.TRAINING).read_text(encoding="utf-8"))


def _check(curriculum: Curriculum, out: Path) -> None:
    if (
        out.exists()
        and not (out / digests.TRAINING).is_file()
        and (not out.is_dir() or any(out.iterdir()))
    ):
        raise ValueError(
            f"{out} holds something that is no training of ours; give another place, or remove it."
        )
    for phase in curriculum.phases:
        for name in ("query", "response"):
            empty = phase.rows[name].fillna("").str.strip() == ""
            if empty.any():
                raise ValueError(
                    f"Phase {phase.name!r} has {int(empty.sum())} of {len(phase.rows)} rows with "
                    f"an empty {name} (the first is {phase.rows['id'][empty].iloc[0]}). Drop "
                    "them: curriculum.assemble does."
                )


def _identity(base, job: Job) -> dict:
    """What decides the result, in words where a difference should be named."""
    recipe = {
        field.name: getattr(job.curriculum, field.name) for field in dataclasses.fields(Curriculum)
    }
    recipe["phases"] = [
        [p.name, len(p.rows), float(p.epochs), float(p.learning_rate), p.shuffle]
        for p in job.curriculum.phases
    ]
    return {
        "base": base_digest(base),
        **recipe,
        **job.settings.identity(),
        "prompt": row_id(job.prompt("{query}")),
        "curriculum": job.curriculum.digest(),
        # an edited trainer trains anew
        "code": row_id(*code_digests.of_modules({__package__}).items()),
    }


def _open(partial: Path, identity: dict) -> None:
    """Make the folder of a training, or go on in that of the same one.

    Raises:
        ValueError: If it holds checkpoints of another training, naming what differs.
    """
    place = partial / "identity.json"
    if any(partial.rglob(COMPLETE)):
        kept = json.loads(place.read_text(encoding="utf-8"))
        differ = [
            f"{key} was {kept.get(key)!r} and is {value!r}"
            for key, value in identity.items()
            if kept.get(key) != value
        ]
        if not differ:
            return
        raise ValueError(
            f"{partial} holds checkpoints of another training, which was cut off: "
            f"{'; '.join(differ)}. Finish it with what it "
            "was started with, or remove that folder to train anew."
        )
    shutil.rmtree(partial, ignore_errors=True)
    disk.save(place, json.dumps(identity))


def run(job: Job, folder: Path, progress: Callable[[str], None] | None) -> dict:
    """Train all phases in this process (one of `settings.processes`), each in folder/phase-N, and
    return the record.

    Every phase starts from the files that the one before it left, so it is the same whether or not
    a cut lay between.
    """
    backends.prepare(job.settings)
    import torch
    from transformers import AutoConfig, AutoTokenizer

    settings, curriculum = job.settings, job.curriculum
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world != settings.processes:
        raise ValueError(
            f"{settings.launcher or 'No launcher'} stands for {settings.processes} processes, "
            f"but there are {world}."
        )
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = devices.choose(settings.device)
    config = AutoConfig.from_pretrained(job.source)
    limit = curriculum.max_length
    limit = min(limit, getattr(config, "max_position_embeddings", None) or limit)
    tokenizer = AutoTokenizer.from_pretrained(job.source)
    # Every phase is tokenised before the first step, so that a row too long for the last one costs
    # nothing.
    sets = [
        tokenise(phase.rows, tokenizer, job.prompt, limit, too_long=settings.too_long)
        for phase in curriculum.phases
    ]
    longest = (
        limit if settings.packing else max(int(token_counts(dataset).max()) for dataset in sets)
    )
    mean = max(float(token_counts(dataset).mean()) for dataset in sets)
    packed = max(1.0, limit / mean) if settings.packing else 1.0
    cost.require_memory(job.source, curriculum, settings, device, longest, packed)
    source = job.source
    for number, (phase, dataset) in enumerate(zip(curriculum.phases, sets, strict=True), 1):
        place = folder / f"phase-{number}"
        if not (place / COMPLETE).is_file():
            _phase(job, phase, dataset, limit, source, place, device, progress)
            # let go of the model and its optimiser before the next ones are loaded
            if device == "cuda":
                gc.collect()
                torch.cuda.empty_cache()
        source = str(place)
    ended = [folder / f"phase-{n}" / COMPLETE for n in range(1, len(sets) + 1)]
    phases = [json.loads(path.read_text(encoding="utf-8")) for path in ended]
    summed = ("seconds", "cpu_seconds", "steps", "tokens")
    totals = {key: round(sum(phase[key] for phase in phases), 2) for key in summed}
    packages = ["torch", "transformers", "trl", "datasets"]
    packages += ["unsloth"] if settings.backend == "unsloth" else []
    versions = provenance.versions()
    return {
        **totals,
        "device": device,
        "processes": settings.processes,
        "precision": settings.arithmetic(device),
        "loss": settings.loss,
        "phases": phases,
        "versions": {package: versions[package] for package in packages},
    }


def _phase(
    job: Job, phase: Phase, dataset, limit: int, source: str, place: Path, device: str, progress
) -> None:
    """Train one phase from `source` and leave the model in `place`, going on from its last whole
    checkpoint.
    """
    settings, seed = job.settings, randomness.stream(job.curriculum.seed, "sft", phase.name)
    layout = lay_out(job.curriculum, phase, dataset, limit, settings)
    model, tokenizer = backends.load(source, limit, settings, device, seed)
    work = place.with_name(f"{place.name}.work")
    watch = trainer.Watch(phase, layout, work, progress)
    at_work = trainer.make(
        job.curriculum, phase, settings, layout, model, tokenizer, work, device, seed, watch
    )
    trainer.train(at_work, watch, settings)
    if at_work.is_world_process_zero():  # it alone writes there
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    backends.save(settings, at_work, place)
    if at_work.is_world_process_zero():
        curve = pd.DataFrame([line for line in at_work.state.log_history if "loss" in line])
        curve["tokens"] = layout.tokens_by(curve["step"])
        curve[["step", "loss", "learning_rate", "tokens"]].to_parquet(
            place / "curve.parquet", index=False
        )
        record = {
            "phase": phase.name,
            "steps": layout.steps,
            "tokens": int(layout.tokens[-1]),
            "rows": len(dataset),
            "dropped": len(phase.rows) - len(dataset),
            "truncated": int(dataset.data.column("cut").to_numpy().sum()),
            "sequences": layout.sequences,
            "final_loss": float(curve["loss"].iloc[-1]),
            "seconds_per_step": watch.seconds_per_step(),
            **watch.spent(),
        }
        disk.save(place / COMPLETE, json.dumps(record))
        shutil.rmtree(work, ignore_errors=True)
    at_work.accelerator.wait_for_everyone()


def _curve(folder: Path, phases: list[dict]) -> pd.DataFrame:
    """The losses of all phases on one axis.

    Step, phase, loss (mean since the line before), learning_rate, tokens.
    """
    curves, steps, tokens = [], 0, 0
    for number, phase in enumerate(phases, 1):
        curve = pd.read_parquet(folder / f"phase-{number}" / "curve.parquet")
        curve.insert(1, "phase", phase["phase"])
        curves.append(curve.assign(step=curve["step"] + steps, tokens=curve["tokens"] + tokens))
        steps, tokens = steps + phase["steps"], tokens + phase["tokens"]
    return pd.concat(curves, ignore_index=True)


def _put_in_place(finished: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.old")
    if out.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(out, old)
    os.replace(finished, out)  # still with COMPLETE: what is cut off before this can go on
    for name in ("curve.parquet", COMPLETE):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(old, ignore_errors=True)


def _say(progress: Callable[[str], None] | None, line: str) -> None:
    if progress:
        progress(line)
