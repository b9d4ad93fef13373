"""What a training will cost, before it starts: tokens, steps, memory, hours.

Where memory does not do, it names the nearest thing that fits.
"""

import dataclasses
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from ..core import devices
from ..core.schema import Curriculum
from . import rows as sft_rows
from .backends import LORA_TARGETS
from .settings import Settings

# Tokens and entries of the vocabulary whose logits TRL holds at once on a GPU.
TILE_TOKENS, TILE_VOCABULARY = 4096, 32768


class Cost(NamedTuple):
    """A training's cost on one device of `processes`, in bytes, seconds and hours."""

    rows: int
    tokens: int  # of all epochs
    steps: int
    parameters: int
    trained: int  # of the parameters, or of the low-rank matrices
    memory: dict[str, int]  # by what it is for
    free: int
    tokens_per_second: float | None  # from the pilot, all devices together
    hours: float | None

    @property
    def needed(self) -> int:
        return sum(self.memory.values())

    def table(self) -> pd.DataFrame:
        """Return the cost as lines to read: what, value."""
        counted = ("rows", "tokens", "steps", "parameters", "trained")
        shown = {name: f"{getattr(self, name):,}" for name in counted}
        shown |= {f"memory for {name}": _gigabytes(size) for name, size in self.memory.items()}
        shown["memory in all, each device"] = _gigabytes(self.needed)
        shown["memory free"] = _gigabytes(self.free)
        if self.hours is not None:
            shown["tokens a second (pilot)"] = f"{self.tokens_per_second:,.0f}"
            shown["hours"] = f"{self.hours:.2f}"
        return pd.DataFrame(shown.items(), columns=["what", "value"])


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


def memory(model: Shape, settings: Settings, micro_tokens: int, device: str) -> dict[str, int]:
    """Return the bytes on one device by what they are for.

    Weights and AdamW's two moments are float32; bfloat16 arithmetic keeps a copy of the weights.
    Several GPUs share these (FSDP2); several CPU processes hold them each. Activations are those
    that the backward pass of a Llama-like block reads: the residual stream in float32, the rest in
    the arithmetic's precision; recomputed, one block's and the input of each. The figure for
    activations is a model, within a factor of 1.5 of what was measured.

    Args:
        micro_tokens: Tokens on a device at once.

    Returns:
        weights, gradients, optimizer, activations, logits.
    """
    short = 2 if settings.arithmetic(device) == "bfloat16" else 4
    shards = settings.processes if device == "cuda" else 1
    trained = trained_parameters(model, settings)
    if settings.tuning == "full":
        weights = model.parameters * (6 if short == 2 else 4)
    elif settings.tuning == "lora":
        weights = model.parameters * (2 if device == "cuda" else 4) + 4 * trained
    else:  # 4 bits and their scales
        blocks = model.parameters - model.embeddings
        weights = 0.56 * blocks + 2 * model.embeddings + 4 * trained
    block = 20 * model.hidden + short * (6 * model.hidden + 4 * model.keys + 4 * model.feed_forward)
    per_token = block * model.layers
    if settings.recomputes(device):
        per_token = block + 4 * model.hidden * model.layers
    if device == "cuda":
        logits = min(TILE_TOKENS, micro_tokens) * TILE_VOCABULARY * short
    else:  # logits, their log-softmax and the gradients of both
        logits = 4 * 4 * micro_tokens * model.vocabulary
    parts = {
        "weights": weights / shards,
        "gradients": 4 * trained / shards,
        "optimizer": 8 * trained / shards,
        "activations": per_token * micro_tokens,
        "logits": logits,
    }
    return {name: round(size) for name, size in parts.items()}


def trained_parameters(model: Shape, settings: Settings) -> int:
    """Return how many parameters are trained: all, or those of the low-rank matrices."""
    return model.parameters if settings.tuning == "full" else model.low_rank * settings.lora_rank


def require_memory(
    source: str,
    curriculum: Curriculum,
    settings: Settings,
    device: str,
    longest: int,
    rows_per_sequence: float,
) -> None:
    """Refuse a training that does not fit the memory of its device.

    Args:
        longest: Tokens of the longest sequence.
        rows_per_sequence: 1 without packing.

    Raises:
        ValueError: It says what is needed, what there is, and the nearest thing that fits.
    """
    model, free = shape(source), devices.memory(device).free

    def parts(other: Settings) -> dict[str, int]:
        at_once = micro_tokens(curriculum, other, longest, rows_per_sequence)
        return memory(model, other, at_once, device)

    def needed(other: Settings) -> int:
        return sum(parts(other).values()) * (other.processes if device == "cpu" else 1)

    if needed(settings) <= free:
        return
    advice = "Nothing near it fits: take a smaller base or a larger device."
    for changes in _alternatives(curriculum, settings, device):
        if needed(dataclasses.replace(settings, **changes)) <= free:
            words = (f"{name}={value!r}".replace("'", '"') for name, value in changes.items())
            advice = f"The nearest thing that fits: {', '.join(words)}."
            break
    named = ", ".join(f"{name} {_gigabytes(size)}" for name, size in parts(settings).items())
    raise ValueError(
        f"This training needs {_gigabytes(needed(settings))} of memory ({named} on each device), "
        f"but {device} has {_gigabytes(free)} free. {advice}"
    )


def micro_tokens(
    curriculum: Curriculum, settings: Settings, longest: int, rows_per_sequence: float
) -> int:
    """Tokens on a device at once: the micro-batch at its longest."""
    _, micro, _ = settings.batch(curriculum.batch_size, rows_per_sequence)
    return micro * (-(-longest // sft_rows.PAD_TO) * sft_rows.PAD_TO)


def _alternatives(curriculum: Curriculum, settings: Settings, device: str) -> Iterator[dict]:
    """Changes of the settings that take less memory, from the nearest on.

    They are smaller micro-batches, recomputing, more GPUs, LoRA and QLoRA.
    """
    share = curriculum.batch_size // settings.processes
    current = settings.micro_batch or share
    recompute = {} if settings.recomputes(device) else {"recompute": "on"}
    smaller = [micro for micro in range(current - 1, 0, -1) if share % micro == 0] or [current]
    yield from ({"micro_batch": micro} for micro in smaller)
    yield from ({"micro_batch": micro} | recompute for micro in smaller)
    least = {"micro_batch": 1} | recompute
    for processes in (2, 8) if device == "cuda" else ():
        if processes > settings.processes and curriculum.batch_size % processes == 0:
            yield {"launcher": f"params/accelerate/gpus_{processes}.yaml"} | least
    least |= {"packing": False} if settings.packing else {}
    for tuning in ("lora", "qlora") if device == "cuda" else ("lora",):
        yield {"backend": "unsloth", "tuning": tuning} | least


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.2f} GB"
