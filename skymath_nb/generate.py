"""Answers of a model to prompts, in batches, through transformers' own generate."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from skymath_nb import runs


class Completion(NamedTuple):
    """The text after the prompt, its tokens (EOS not counted), and whether the limit cut it off before an EOS."""

    text: str
    tokens: int
    cap_hit: bool


def generate(
    model: str | os.PathLike,
    prompts: list[str],
    *,
    max_new_tokens: int = 256,
    batch_size: int = 64,
    temperature: float = 0.0,
    seed: int = 0,
    device: str = "auto",
    too_long: str = "refuse",
    progress: Callable[[str], None] | None = None,
) -> list[Completion]:
    """Complete prompts with a model folder or hub id; one Completion per prompt, in the order of the prompts.

    temperature  0 is greedy, and then the answers do not depend on the batch size up to rounding; above 0 they are
                 sampled, reproducibly for the same seed, prompts and batch size.
    too_long     prompts that leave no room for max_new_tokens in the model's context: "refuse" them, or "skip" them:
                 an empty answer that counts as cut off.
    Raises:  ValueError for such prompts if they are refused, or if there is no such device.
    """
    prompts = list(prompts)
    if too_long not in ("refuse", "skip"):
        raise ValueError(f'too_long={too_long!r} was asked for, but it is one of "refuse", "skip".')
    if not prompts:
        return []
    import torch

    model, tokenizer = _load(model, device)
    ids = tokenizer(prompts, verbose=False)["input_ids"]
    fit = _fit([len(row) for row in ids], max_new_tokens, model, too_long)
    stops = _configure(model, tokenizer, max_new_tokens, temperature)
    # Longest first: rows of a batch are alike in length, and memory that does not suffice shows at once.
    by_length = sorted(fit, key=lambda i: -len(ids[i]))
    answers = [Completion("", 0, True)] * len(ids)
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.inference_mode(), torch.random.fork_rng(devices):
        torch.manual_seed(runs.stream(seed, "generate"))
        for start in range(0, len(fit), batch_size):
            batch = by_length[start : start + batch_size]
            inputs = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt").to(model.device)
            rows = model.generate(**inputs)[:, inputs["input_ids"].shape[1] :].tolist()
            for i, row in zip(batch, rows, strict=True):
                answers[i] = _completion(row, stops, tokenizer)
            if progress:
                progress(f"generate: {start + len(batch)}/{len(fit)} answers")
    return answers


def _load(model: str | os.PathLike, device: str):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, logging

    if Path(model).is_dir():
        logging.disable_progress_bar()  # nothing is fetched
    found = "cuda" if torch.cuda.is_available() else "cpu"
    device = found if device == "auto" else device
    if device not in ("cpu", found):
        raise ValueError(f'device={device!r} was asked for, but this machine gives {found}; use "auto".')
    dtype = torch.bfloat16 if device == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return AutoModelForCausalLM.from_pretrained(model, dtype=dtype).to(device).eval(), tokenizer


def _fit(lengths: list[int], max_new_tokens: int, model, too_long: str) -> list[int]:
    """Return the numbers of the prompts that leave room for an answer in the model's context."""
    context = getattr(model.config, "max_position_embeddings", None) or max(lengths) + max_new_tokens
    fit = [i for i, length in enumerate(lengths) if length + max_new_tokens <= context]
    if len(fit) < len(lengths) and too_long == "refuse":
        raise ValueError(
            f"{max_new_tokens} new tokens were asked for, but with {len(lengths) - len(fit)} of {len(lengths)} prompts "
            f"that is more than the {context} positions of the model (the longest prompt has {max(lengths)} tokens). "
            'Lower max_new_tokens, shorten those prompts, or count them as unanswered with too_long="skip".'
        )
    return fit


def _configure(model, tokenizer, max_new_tokens: int, temperature: float) -> set[int]:
    """Replace the model's own sampling defaults, which would mix with ours, and return the ids that end an answer."""
    from transformers import GenerationConfig

    own = model.generation_config.eos_token_id
    stops = {tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None}
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}
    model.generation_config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(stops),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        **sampling,
    )
    return stops


def _completion(row: list[int], stops: set[int], tokenizer) -> Completion:
    end = next((i for i, token in enumerate(row) if token in stops), None)
    text = tokenizer.decode(row[:end], skip_special_tokens=True)
    return Completion(text.strip(), len(row[:end]), end is None)
