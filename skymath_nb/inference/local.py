"""Answers of a model folder or hub id, in batches, through transformers' own generate."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from ..core import devices, digests
from ..core.finish_reasons import TRUNCATED, outcome
from . import reply_store as ledgers
from .questions import Completion, Question, Sampling, cut, line

LEFT_OUT = "the prompt leaves no room for an answer in the model's context"


def answer(
    model: str | os.PathLike,
    questions: list[Question],
    sampling: Sampling,
    ledger: str | Path | None,
    batch_size: int,
    device: str,
    too_long: str,
    progress: Callable[[str], None] | None,
) -> list[Completion]:
    """One Completion per question, in order; equal questions are answered once."""
    device, dtype = _device(device)
    # without a ledger keys only tell questions apart
    name = digests.name_model(model) if ledger else ""
    keys = [_key(name.rpartition("@")[2], question, sampling, str(dtype)) for question in questions]
    asked = dict(zip(keys, questions, strict=True))
    with ledgers.Ledger(ledger) if ledger else nullcontext() as book:
        records = book.get_many(asked) if book else {}
        done = {
            key: _kept(record)
            for key, record in records.items()
            if _serves(record, sampling.max_new_tokens)
        }
        left, kept = [key for key in asked if key not in done], len(done)

        def say():
            if progress:
                progress(line(done.values(), len(asked), kept))

        if left:
            waiting = [asked[key] for key in left]
            batches = _Batches(model, waiting, sampling, device, dtype, too_long)
            done |= {left[i]: Completion("", 0, True, LEFT_OUT) for i in batches.left_out}
        if done:
            say()
        for rows, completions in batches.answers(batch_size) if left else ():
            answers = {left[i]: each for i, each in zip(rows, completions, strict=True)}
            limits = (name, sampling.max_new_tokens)
            if book:
                book.put_many(
                    {left[i]: _record(answers[left[i]], batches.lengths[i], *limits) for i in rows}
                )
            done |= answers
            say()
    return [done[key] for key in keys]


def _key(digest: str, question: Question, sampling: Sampling, dtype: str) -> str:
    named = {"engine": "transformers", "dtype": dtype, "temperature": float(sampling.temperature)}
    return ledgers.key(
        digest, question.messages, named | sampling.parameters(question), question.number
    )


def _serves(record: ledgers.Record, limit: int) -> bool:
    """Whether a kept answer is the one that this limit gives.

    A longer one is made anew, for it would have been cut off.
    """
    cut = _truncated(record)
    enough = record.max_tokens >= limit if cut else True
    return enough and record.tokens_out <= limit - (not cut)  # its end is a token too


def _kept(record: ledgers.Record) -> Completion:
    return Completion(record.text, record.tokens_out, _truncated(record))


def _truncated(record: ledgers.Record) -> bool:
    return outcome(record.finish_reason) == TRUNCATED


def _record(completion: Completion, length: int, name: str, limit: int) -> ledgers.Record:
    reason = "length" if completion.cap_hit else "stop"
    return ledgers.Record(completion.text, reason, length, completion.tokens, name, limit)


def _device(device: str):
    """The device meant, and the type of number that it computes with."""
    import torch

    device = devices.choose(device, processes=0)
    return (
        device,
        torch.bfloat16 if device == "cuda" and torch.cuda.is_bf16_supported() else torch.float32,
    )


class _Batches:
    """Questions in batches, longest first.

    Rows of a batch are alike in length, and memory that does not suffice shows at once.

    lengths   tokens of each prompt;  left_out  numbers of the questions whose prompt does not fit
              the model.
    """

    def __init__(
        self,
        model,
        questions: list[Question],
        sampling: Sampling,
        device: str,
        dtype,
        too_long: str,
    ):
        from transformers import AutoModelForCausalLM, AutoTokenizer, logging

        if Path(model).is_dir():
            logging.disable_progress_bar()  # nothing is fetched
        self.tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.model = AutoModelForCausalLM.from_pretrained(model, dtype=dtype).to(device).eval()
        # of the experts' balance, a loss of training: no mask fits it here
        if getattr(self.model.config, "output_router_logits", False):
            self.model.config.output_router_logits = False
        self.questions, self.sampling = questions, sampling
        self.ids = _tokens(self.tokenizer, questions, model)
        self.lengths = [len(row) for row in self.ids]
        self.fit = self._fit(too_long)
        self.left_out = sorted(set(range(len(questions))) - set(self.fit))
        self.ends = self._configure()

    def answers(self, batch_size: int):
        """(numbers of questions, their completions) per batch."""
        import torch

        by_length = sorted(self.fit, key=lambda i: -self.lengths[i])
        if self.sampling.stop:
            stopping = {"stop_strings": list(self.sampling.stop), "tokenizer": self.tokenizer}
        else:
            stopping = {}
        for start in range(0, len(by_length), batch_size):
            rows = by_length[start : start + batch_size]
            inputs = self.tokenizer.pad(
                {"input_ids": [self.ids[i] for i in rows]}, return_tensors="pt"
            ).to(self.model.device)
            width = inputs["input_ids"].shape[1]
            with torch.inference_mode():
                processors = self._processors([self.questions[i] for i in rows], width)
                tokens = self.model.generate(**inputs, **stopping, logits_processor=processors)
            yield rows, [self._completion(row) for row in tokens[:, width:].tolist()]

    def _fit(self, too_long: str) -> list[int]:
        """The numbers of the prompts that leave room for an answer in the model's context."""
        limit, longest = self.sampling.max_new_tokens, max(self.lengths)
        context = getattr(self.model.config, "max_position_embeddings", None) or longest + limit
        fit = [i for i, length in enumerate(self.lengths) if length + limit <= context]
        if len(fit) < len(self.lengths) and too_long == "refuse":
            raise ValueError(
                f"{limit} new tokens were asked for, but with {len(self.lengths) - len(fit)} of "
                f"{len(self.lengths)} prompts "
                f"that is more than the {context} positions of the model (the longest prompt has "
                f"{longest} tokens). "
                "Lower max_new_tokens, shorten those prompts, or count them as unanswered with "
                'too_long="skip".'
            )
        return fit

    def _configure(self) -> set[int]:
        """Replace the model's own sampling defaults, which would mix with ours, and return the ids
        that end an answer.
        """
        from transformers import GenerationConfig

        own, tokenizer = self.model.generation_config.eos_token_id, self.tokenizer
        ends = {tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None}
        self.model.generation_config = GenerationConfig(
            max_new_tokens=self.sampling.max_new_tokens,
            eos_token_id=sorted(ends),
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
        )
        return ends

    def _processors(self, questions: list[Question], width: int) -> list:
        """What stands between the logits and the choice of the largest.

        Nothing, or a draw per row from its own stream.
        """
        if not self.sampling.temperature:
            return []
        from transformers import TemperatureLogitsWarper, TopPLogitsWarper

        chain = [TemperatureLogitsWarper(float(self.sampling.temperature))]
        if self.sampling.top_p < 1:
            chain.append(TopPLogitsWarper(self.sampling.top_p))
        numbers = [
            np.random.default_rng(question.seed).random(self.sampling.max_new_tokens)
            for question in questions
        ]
        return [*chain, _drawing(np.stack(numbers), width, self.model.device)]

    def _completion(self, row: list[int]) -> Completion:
        end = next((i for i, token in enumerate(row) if token in self.ends), None)
        text = self.tokenizer.decode(row[:end], skip_special_tokens=True)
        if end is None and any(stop in text for stop in self.sampling.stop):
            pad = self.tokenizer.pad_token_id  # what follows a stop while other rows go on
            end = len(row) - next((i for i, token in enumerate(reversed(row)) if token != pad), 0)
        return Completion(cut(text, self.sampling.stop), len(row[:end]), end is None)


def _tokens(tokenizer, questions: list[Question], model) -> list[list[int]]:
    plain = [isinstance(question.prompt, str) for question in questions]
    if not all(plain) and not tokenizer.chat_template:
        raise ValueError(
            f"{len(plain) - sum(plain)} of {len(plain)} prompts are chat messages, but the "
            f"tokenizer of {model} has no chat template. Give plain texts (prompts.pose with the "
            "style student or few-shot), or a model that was trained to chat."
        )
    # a template has its own special tokens
    template = partial(tokenizer.apply_chat_template, tokenize=False, add_generation_prompt=True)
    pairs = zip(questions, plain, strict=True)
    texts = [each.prompt if is_plain else template(each.prompt) for each, is_plain in pairs]
    return [
        tokenizer(text, add_special_tokens=is_plain, verbose=False)["input_ids"]
        for text, is_plain in zip(texts, plain, strict=True)
    ]


def _drawing(numbers: np.ndarray, width: int, device):
    """A logits processor that leaves one token per row, drawn by inverting the distribution
    function at numbers[row, step].

    Args:
        numbers: (rows, steps), uniform in [0, 1). A row's draw depends on its own logits and
            numbers alone, which a generator that the whole batch shares would not give.
    """
    import torch

    numbers = torch.from_numpy(numbers).to(device)

    def draw(input_ids, scores):
        sums = scores.softmax(-1, dtype=torch.float32).double().cumsum(-1)
        at = numbers[:, input_ids.shape[1] - width, None] * sums[:, -1:]
        return torch.full_like(scores, -torch.inf).scatter_(
            1, torch.searchsorted(sums, at, right=True), 0.0
        )

    return draw
