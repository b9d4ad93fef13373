"""What a training will cost, before it starts: tokens, steps, memory, hours; and the nearest thing that fits if memory does not do."""

import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from skymath_nb import devices
from skymath_nb.bases import base_path
from skymath_nb.schema import Curriculum

from . import rows as sft_rows
from .backends import LORA_TARGETS
from .settings import Settings

TILE = (4096, 32768)  # tokens and entries of the vocabulary whose logits TRL holds at once on a GPU


class Cost(NamedTuple):
    """A training's cost on one device of `processes`. Bytes, seconds and hours; `memory` by what it is for."""

    rows: int
    tokens: int  # of all epochs
    steps: int
    parameters: int
    trained: int  # of the parameters, or of the low-rank matrices
    memory: dict[str, int]
    free: int
    tokens_per_second: float | None  # from the pilot, all devices together
    hours: float | None

    @property
    def needed(self) -> int:
        return sum(self.memory.values())

    def table(self) -> pd.DataFrame:
        """The cost as lines to read."""
        lines = [
            (name, f"{getattr(self, name):,}")
            for name in ("rows", "tokens", "steps", "parameters", "trained")
        ]
        lines += [(f"memory for {name}", _gigabytes(size)) for name, size in self.memory.items()]
        lines += [
            ("memory in all, each device", _gigabytes(self.needed)),
            ("memory free", _gigabytes(self.free)),
        ]
        if self.hours is not None:
            lines += [
                ("tokens a second (pilot)", f"{self.tokens_per_second:,.0f}"),
                ("hours", f"{self.hours:.2f}"),
            ]
        return pd.DataFrame(lines, columns=["what", "value"])


class Shape(NamedTuple):
    """What memory depends on of a model."""

    parameters: int
    embeddings: int  # parameters of the embedding and of the head
    low_rank: int  # parameters of LoRA at rank 1
    layers: int
    hidden: int
    keys: int  # width of keys (and of values)
    feed_forward: int  # width of the feed-forward block that one token meets
    vocabulary: int


def shape(source: str | dict) -> Shape:
    """Return a model's sizes, read without its weights.

    Args:
        source: A model's folder or hub id, or its configuration.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    given = isinstance(source, dict)
    config = AutoConfig.for_model(**source) if given else AutoConfig.from_pretrained(source)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    adapted = [
        module
        for name, module in model.named_modules()
        if name.split(".")[-1] in LORA_TARGETS and isinstance(module, torch.nn.Linear)
    ]
    embeddings = [model.get_input_embeddings().weight, model.get_output_embeddings().weight]
    tables = {id(weight): weight.numel() for weight in embeddings}  # one where they are tied
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return Shape(
        parameters=sum(p.numel() for p in model.parameters()),
        embeddings=sum(tables.values()),
        low_rank=sum(module.in_features + module.out_features for module in adapted),
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        keys=width * (getattr(config, "num_key_value_heads", None) or heads),
        feed_forward=config.intermediate_size * (getattr(config, "num_experts_per_tok", None) or 1),
        vocabulary=config.vocab_size,
    )


@cache
def known() -> dict[str, dict]:
    """Return the configurations of known models by hub id, as far as their sizes depend on them."""
    return yaml.safe_load(Path(__file__).with_name("models.yaml").read_text(encoding="utf-8"))


def memory(
    model: Shape, settings: Settings, micro_tokens: int, device: str, processes: int | None = None
) -> dict[str, int]:
    """Return bytes on one device by what they are for: weights, gradients, optimizer, activations, logits.

    Weights and AdamW's two moments are float32; bfloat16 arithmetic keeps a copy of the weights. Several GPUs share
    these (FSDP2); several CPU processes hold them each. Activations are those that the backward pass of a Llama-like
    block reads: the residual stream in float32 and the rest in the arithmetic's precision; recomputed, one block's
    and the input of each. The figure for activations is a model, within a factor of 1.5 of what was measured.
    """
    short = 2 if settings.arithmetic(device) == "bfloat16" else 4
    shards = (processes or settings.processes) if device == "cuda" else 1
    trained = trained_parameters(model, settings)
    if settings.tuning == "full":
        weights = model.parameters * (4 + (2 if short == 2 else 0))
    elif settings.tuning == "lora":
        weights = model.parameters * (2 if device == "cuda" else 4) + 4 * trained
    else:
        weights = (
            (model.parameters - model.embeddings) * 0.56 + 2 * model.embeddings + 4 * trained
        )  # 4 bits and their scales
    block = 20 * model.hidden + short * (6 * model.hidden + 4 * model.keys + 4 * model.feed_forward)
    per_token = (
        block + 4 * model.hidden * model.layers
        if settings.recomputes(device)
        else block * model.layers
    )
    if device == "cuda":
        logits = min(TILE[0], micro_tokens) * TILE[1] * short
    else:
        logits = (
            micro_tokens * model.vocabulary * 4 * 4
        )  # logits, their log-softmax and the gradients of both
    parts = {
        "weights": weights / shards,
        "gradients": 4 * trained / shards,
        "optimizer": 8 * trained / shards,
        "activations": per_token * micro_tokens,
        "logits": logits,
    }
    return {name: round(size) for name, size in parts.items()}


def trained_parameters(model: Shape, settings: Settings) -> int:
    return model.parameters if settings.tuning == "full" else model.low_rank * settings.lora_rank


def micro_tokens(
    curriculum: Curriculum, settings: Settings, longest: int, rows_per_sequence: float
) -> int:
    """Tokens on a device at once: the micro-batch at its longest."""
    _, micro, _ = settings.batch(curriculum.batch_size, rows_per_sequence)
    return micro * (-(-longest // sft_rows.PAD_TO) * sft_rows.PAD_TO)


def require_memory(
    source: str,
    curriculum: Curriculum,
    settings: Settings,
    device: str,
    longest: int,
    rows_per_sequence: float,
) -> None:
    """Raises:  ValueError where a training will not fit, with what it needs, what there is, and the nearest thing that fits."""
    model, free = shape(source), devices.memory(device).free

    def needed(other: Settings, processes: int | None = None) -> int:
        sizes = memory(
            model,
            other,
            micro_tokens(curriculum, other, longest, rows_per_sequence),
            device,
            processes,
        )
        return sum(sizes.values()) * (other.processes if device == "cpu" else 1)

    if needed(settings) <= free:
        return
    parts = memory(
        model, settings, micro_tokens(curriculum, settings, longest, rows_per_sequence), device
    )
    fits = next(
        (
            text
            for text, other, processes in alternatives(curriculum, settings, device)
            if needed(other, processes) <= free
        ),
        None,
    )
    named = ", ".join(f"{name} {_gigabytes(size)}" for name, size in parts.items())
    raise ValueError(
        f"This training needs {_gigabytes(needed(settings))} of memory ({named} on each device), but "
        f"{device} has {_gigabytes(free)} free. "
        + (
            f"The nearest thing that fits: {fits}."
            if fits
            else "Nothing near it fits: take a smaller base or a larger device."
        )
    )


def alternatives(
    curriculum: Curriculum, settings: Settings, device: str
) -> Iterator[tuple[str, Settings, int | None]]:
    """Yield (description, settings, processes) from the nearest: smaller micro-batches, recomputing, more GPUs, LoRA, QLoRA."""
    share, current = (
        curriculum.batch_size // settings.processes,
        settings.micro_batch or curriculum.batch_size // settings.processes,
    )
    smaller = [m for m in range(current - 1, 0, -1) if share % m == 0]
    for recompute in (settings.recompute, "on"):
        for micro in smaller or [current]:
            text = f"micro_batch={micro}" + (', recompute="on"' if recompute == "on" else "")
            yield text, dataclasses.replace(settings, micro_batch=micro, recompute=recompute), None
    least = dataclasses.replace(settings, micro_batch=1, recompute="on")
    if device == "cuda":
        for processes in (2, 8):
            if processes > settings.processes and curriculum.batch_size % processes == 0:
                yield (
                    f'launcher="params/accelerate/gpus_{processes}.yaml", micro_batch=1',
                    least,
                    processes,
                )
    for tuning in ("lora", "qlora") if device == "cuda" else ("lora",):
        text = f'backend="unsloth", tuning="{tuning}", micro_batch=1'
        yield (
            text,
            dataclasses.replace(least, backend="unsloth", tuning=tuning, packing=False),
            None,
        )


def estimate(
    base: str | os.PathLike,
    curriculum: Curriculum,
    *,
    prompt: Callable[[str], str] | None = None,
    pilot_steps: int = 0,
    **settings,
) -> Cost:
    """Say what `train` with these arguments would cost, before it is called.

    pilot_steps  so many steps of the first phase are trained in a temporary folder and timed (6 or more:
                 the first two warm up); 0 gives no hours.
    Raises:  what `train` raises.
    """
    from .training import train

    settings = Settings.of(**settings)
    settings.check(curriculum)
    source, device = base_path(base), devices.choose(settings.device, settings.processes)
    model = shape(source)
    tokens = [
        sft_rows.lengths(base, phase.rows, prompt=prompt).clip(max=curriculum.max_length)
        for phase in curriculum.phases
    ]
    longest = curriculum.max_length if settings.packing else int(max(t.max() for t in tokens))
    rows_per_sequence = (
        max(1.0, curriculum.max_length / max(t.mean() for t in tokens)) if settings.packing else 1.0
    )
    total = int(
        sum(t.sum() * phase.epochs for t, phase in zip(tokens, curriculum.phases, strict=True))
    )
    speed = None
    if pilot_steps:
        phase = curriculum.phases[0]
        some = phase.rows.sample(
            min(len(phase.rows), pilot_steps * curriculum.batch_size), random_state=0
        )
        small = dataclasses.replace(
            phase, rows=some, epochs=pilot_steps * curriculum.batch_size / len(some)
        )
        with tempfile.TemporaryDirectory() as folder:
            plan, given = (
                dataclasses.replace(curriculum, phases=(small,)),
                dataclasses.asdict(settings),
            )
            out = train(base, plan, Path(folder) / "pilot", prompt=prompt, progress=None, **given)
            speed = _speed(out)
    return Cost(
        rows=curriculum.n_rows,
        tokens=total,
        steps=sum(curriculum.phase_steps(phase) for phase in curriculum.phases),
        parameters=model.parameters,
        trained=trained_parameters(model, settings),
        memory=memory(
            model, settings, micro_tokens(curriculum, settings, longest, rows_per_sequence), device
        ),
        free=devices.memory(device).free,
        tokens_per_second=speed,
        hours=total / speed / 3600 if speed else None,
    )


def _speed(out: Path) -> float:
    """Tokens a second of a finished training, from the median step."""
    from .training import read_training

    phase = read_training(out)["phases"][0]
    if not phase["seconds_per_step"]:
        raise ValueError(
            f"The pilot had {phase['steps']} steps, too few to time. Give pilot_steps=6 or more."
        )
    return phase["tokens"] / phase["steps"] / phase["seconds_per_step"]


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.2f} GB"
