"""Where the CPU time of SFT goes.

Our trainer beside a plain torch loop on the same batches, and what each choice is worth.

    python tests/benchmarks/sft_speed.py [steps] [rounds]

Prints CPU-seconds per step (median over rounds, variants in turn) and the ratio to the first line.
One thread; nothing is asserted.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from skymath_nb import prompts, world
from skymath_nb.core import randomness
from skymath_nb.core.schema import Curriculum, Phase
from skymath_nb.training import rows as rows_module
from skymath_nb.training import sft

BATCH, RATE, MAX_LENGTH = 16, 2e-3, 512


def rows(n):
    problems = world.draw(0, n)
    return pd.DataFrame(
        [
            {"id": f"w{i}", "query": p.text, "response": p.solution(i % 4)}
            for i, p in enumerate(problems)
        ]
    )


def trainer(base, table):
    with tempfile.TemporaryDirectory() as folder:
        plan = Curriculum((Phase("p", table, 1, RATE),), BATCH, MAX_LENGTH)
        sft.train(base, plan, Path(folder) / "out", threads=1, progress=None)


def plain(base, table, bf16=True, all_logits=False):
    """The least that training needs.

    Same order, padding, optimiser and loss; logits of response tokens only.
    """
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        AutoTokenizer.from_pretrained(base),
    )
    data = sft.tokenise(table, tokenizer, prompts.student, MAX_LENGTH)
    order = sft.order(
        np.array([len(ids) for ids in data["input_ids"]]),
        1,
        BATCH,
        True,
        randomness.rng(0, "sft", "p"),
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    for start in range(0, len(order), BATCH):
        batch = data.select(order[start : start + BATCH])
        longest = max(map(len, batch["input_ids"]))
        longest += -longest % rows_module.PAD_TO
        x = torch.full((len(batch), longest), tokenizer.pad_token_id)
        y, mask = torch.full_like(x, -100), torch.zeros_like(x)
        for i, row in enumerate(batch):
            n = len(row["input_ids"])
            x[i, :n], y[i, :n], mask[i, :n] = (
                torch.tensor(row["input_ids"]),
                torch.tensor(row["labels"]),
                1,
            )
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            hidden, goal = (
                model.model(input_ids=x, attention_mask=mask).last_hidden_state[:, :-1],
                y[:, 1:],
            )
            chosen = torch.ones_like(goal, dtype=torch.bool) if all_logits else goal != -100
            loss = torch.nn.functional.cross_entropy(
                model.lm_head(hidden[chosen]).float(), goal[chosen]
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()


def reshaped(folder, **shape):
    """A random model of the base's size but for `shape`."""
    source = sft.base_path("tiny-base")
    config = LlamaConfig.from_pretrained(source, **shape)
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def main(steps=60, rounds=3):
    torch.set_num_threads(1)
    table = rows(steps * BATCH)
    with tempfile.TemporaryDirectory() as folder:
        base = sft.base_path("tiny-base")
        four = reshaped(
            Path(folder) / "four", num_attention_heads=4, num_key_value_heads=4, head_dim=32
        )
        variants = {
            "sft.train (TRL, our order)": lambda: trainer(base, table),
            "plain loop": lambda: plain(base, table),
            "plain loop, float32": lambda: plain(base, table, bf16=False),
            "plain loop, logits of every token": lambda: plain(base, table, all_logits=True),
            "plain loop, 4 heads with keys of their own": lambda: plain(four, table),
        }
        trainer(base, table[: 2 * BATCH])  # imports
        spent = {name: [] for name in variants}
        for _ in range(rounds):
            for name, call in variants.items():
                started = time.process_time()
                call()
                spent[name].append((time.process_time() - started) / steps)
    first = statistics.median(next(iter(spent.values())))
    for name, seconds in spent.items():
        middle = statistics.median(seconds)
        print(f"{name:45} {1000 * middle:7.1f} ms a step   {middle / first:5.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
