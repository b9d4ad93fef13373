"""What generation costs beside a plain call of transformers on the same batches.

Greedy, drawn per row, and kept in the ledger.

    python tests/benchmarks/generation.py [prompts] [rounds]

Prints CPU-seconds per call (median over rounds, variants in turn) and the ratio to the first line,
then what one drawing step costs on logits of a 7B model's vocabulary. One thread; nothing is
asserted.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from skymath_nb import prompts, world
from skymath_nb.core import paths
from skymath_nb.inference import local
from skymath_nb.inference.generation import generate

BASE = paths.PACKAGE / "training" / "bases" / "tiny-base"
TOKENS, BATCH, VOCABULARY = 48, 64, 151_936


def plain(texts, sampled):
    """The least that generation needs: load, tokenise, batches in order of length, decode."""
    tokenizer = AutoTokenizer.from_pretrained(BASE, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32).eval()
    ids = tokenizer(texts)["input_ids"]
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    for start in range(0, len(order), BATCH):
        inputs = tokenizer.pad(
            {"input_ids": [ids[i] for i in order[start : start + BATCH]]}, return_tensors="pt"
        )
        with torch.inference_mode():
            rows = model.generate(
                **inputs, max_new_tokens=TOKENS, do_sample=sampled, top_k=0 if sampled else None
            )
        tokenizer.batch_decode(rows[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def ours(texts, sampled=False, ledger=None):
    generate(
        BASE,
        texts,
        max_new_tokens=TOKENS,
        batch_size=BATCH,
        temperature=float(sampled),
        ledger=ledger,
    )


def cpu_seconds(call, *arguments):
    start = time.process_time()
    call(*arguments)
    return time.process_time() - start


def measure(variants, rounds):
    times = {name: [] for name in variants}
    for _ in range(rounds):
        for name, call in variants.items():
            times[name].append(cpu_seconds(call))
    base = statistics.median(next(iter(times.values())))
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:44} {median:8.3f} s  {median / base:5.2f}")


def main(n=128, rounds=5):
    torch.set_num_threads(1)
    texts = [prompts.student(problem) for problem in world.benchmark("world-test", n)["problem"]]
    ours(texts[:2])  # imports
    with tempfile.TemporaryDirectory() as folder:
        fresh = (Path(folder) / f"{i}.sqlite" for i in range(rounds))
        kept = Path(folder) / "kept.sqlite"
        ours(texts, ledger=kept)
        print(f"{n} prompts, {TOKENS} new tokens, batches of {BATCH}")
        measure(
            {
                "transformers, greedy": lambda: plain(texts, False),
                "generate, greedy": lambda: ours(texts),
                "generate, greedy, into a ledger": lambda: ours(texts, ledger=next(fresh)),
                "generate, greedy, all of it in the ledger": lambda: ours(texts, ledger=kept),
                "transformers, sampled by the batch": lambda: plain(texts, True),
                "generate, sampled by the row": lambda: ours(texts, True),
            },
            rounds,
        )
    logits = torch.randn(BATCH, VOCABULARY) * 3
    draw, ids = (
        local._drawing(np.random.default_rng(0).random((BATCH, 8)), 0, "cpu"),
        torch.zeros(BATCH, 1, dtype=int),
    )
    print(f"one step of {BATCH} rows and {VOCABULARY} tokens")
    measure(
        {
            "torch.multinomial": lambda: torch.multinomial(logits.softmax(-1), 1),
            "a draw per row": lambda: draw(ids, logits).argmax(-1),
        },
        rounds,
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
