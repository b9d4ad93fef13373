"""Answers of a model to prompts.

From a model folder through transformers, or from any OpenAI-compatible server.

A server is reached through an `ask` that the caller makes with `teacher.asker(server=...,
model=..., ledger=...)`, so there is one HTTP client in the project. `serving` starts such a server
(vLLM, `transformers serve`) as a child process and ends it again, which gives its GPU memory back.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..core import randomness
from . import local, remote
from .questions import Completion, Question, Sampling, Unanswered, counts
from .serving import Served, ServerError, serving

__all__ = ["Completion", "Served", "ServerError", "Unanswered", "counts", "generate", "serving"]


# Over eight parameters: options of a notebook or the command line, named one by one.
def generate(
    model: str | os.PathLike | Callable,
    prompts: Sequence[str | list[dict]],
    *,
    max_new_tokens: int = 256,
    samples: int = 1,
    temperature: float = 0.0,
    top_p: float = 1.0,
    stop: Sequence[str] = (),
    seed: int = 0,
    ledger: str | Path | None = None,
    batch_size: int = 64,
    device: str = "auto",
    too_long: str = "refuse",
    progress: Callable[[str], None] | None = None,
) -> list[Completion]:
    """Answer prompts.

    `samples` Completions for each, one after the other, in the order of the prompts.

    So the items of k samples are `items.loc[items.index.repeat(k)]`.

    batch_size and device are those of transformers; a server has its own.

    Args:
        model: A model folder or hub id, or an `ask` of `teacher.asker` for a model behind a server.
        prompts: Plain texts to go on with, or chat messages, which the model's own template renders
            (prompts.pose).
        temperature: 0 is greedy. Above 0 each sample is drawn with its own random stream, named by
            seed, prompt and number: other prompts, their order and batch_size change it only where
            rounding does; a server that obeys `seed` (vLLM) repeats its samples, one that does not
            keeps them in the ledger all the same.
        top_p: Draws only from the likeliest tokens that have this probability together.
        stop: Texts that end an answer, and are cut from it (a base model after few-shot examples:
            "\\nProblem:").
        ledger: Path of the store in which each answer is kept as it arrives, so that a rerun asks
            only for what is missing; the key is a digest of the model's files, the prompt and the
            sampling. The ledger of a server is the asker's own, which knows a model by its name
            there: where that does not tell which one it is, give the asker `known_as`.
        too_long: Prompts that leave no room for max_new_tokens: "refuse" them, or "skip" them: an
            empty answer that counts as cut off, with `error`; of a server, all that it refuses
            (400, 413, 422).
        progress: Called with a line that counts answers, empty ones, cut-off ones, and those from
            the ledger.

    Raises:
        ValueError: For what cannot be asked.
        Unanswered: If a server left prompts without an answer, and what its `ask` raises
            (teacher.TeacherError): what came is in the ledger then, and a rerun goes on.
    """
    prompts = list(prompts)
    if too_long not in ("refuse", "skip"):
        raise ValueError(f'too_long={too_long!r} was asked for, but it is one of "refuse", "skip".')
    if samples < 1 or (samples > 1 and not temperature):
        raise ValueError(
            f"samples={samples} at temperature={temperature}: at least one, and several only "
            "above 0, else all are equal."
        )
    if temperature < 0 or not 0 < top_p <= 1 or max_new_tokens < 1:
        raise ValueError(
            f"temperature={temperature}, top_p={top_p}, max_new_tokens={max_new_tokens}; needed "
            "are >= 0, 0 to 1, >= 1."
        )
    if not prompts:
        return []
    sampling = Sampling(
        max_new_tokens, temperature, top_p, (stop,) if isinstance(stop, str) else tuple(stop)
    )
    questions = [
        _question(prompt, number, temperature, seed)
        for prompt in prompts
        for number in range(samples)
    ]
    if not callable(model):
        return local.answer(
            model, questions, sampling, ledger, batch_size, device, too_long, progress
        )
    if ledger:
        raise ValueError(
            f"ledger={str(ledger)!r} with an ask: the answers of a server are kept by the asker; "
            "give it the ledger."
        )
    return remote.answer(model, questions, sampling, too_long, progress)


def _question(prompt: str | list[dict], number: int, temperature: float, seed: int) -> Question:
    if isinstance(prompt, str):
        text = prompt
    else:
        text = json.dumps(prompt, sort_keys=True, ensure_ascii=False)
    return Question(
        prompt,
        text,
        number,
        randomness.stream(seed, "generate", text, number) if temperature else None,
    )
