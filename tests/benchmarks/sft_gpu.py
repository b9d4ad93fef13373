"""SFT on one GPU.

Tokens a second, peak memory and MFU of our configuration, TRL's defaults and Unsloth's recipe, side
by side.

    python tests/benchmarks/sft_gpu.py [1b|7b|tiny] [steps]

Random weights of the size; rows of 200 to 900 tokens, a step of 16 of them, length at most 2048.
Each variant is a process of its own, and counts real tokens (no padding). MFU is 6 x parameters x
tokens a second over the rate of a large bfloat16 matrix product measured on the same device. "tiny"
runs on a CPU, to see that the script does. Nothing is asserted. No GPU has run this yet.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skymath_nb.core.schema import Curriculum, Phase
from skymath_nb.training import bases, cost, sft

SIZES = {  # hidden, layers, heads, keys, feed-forward, vocabulary
    "tiny": (64, 2, 4, 4, 128, 0),
    "1b": (2048, 16, 32, 8, 8192, 32_000),
    "7b": (4096, 32, 32, 32, 11008, 32_000),
}
BATCH, MAX_LENGTH, RATE = 16, 2048, 1e-5


def make(folder: Path, size: str) -> Path:
    """A random Llama of this size with the tiny base's tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    hidden, layers, heads, keys, wide, vocabulary = SIZES[size]
    words = AutoTokenizer.from_pretrained(bases.base_path("tiny-base"))
    config = LlamaConfig(
        vocab_size=vocabulary or len(words),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=keys,
        intermediate_size=wide,
        max_position_embeddings=MAX_LENGTH,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        bos_token_id=None,
        dtype="bfloat16",
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def rows(n: int, size: str) -> pd.DataFrame:
    """n rows whose responses have 200 to 900 tokens (tiny: a tenth)."""
    scale = 0.1 if size == "tiny" else 1.0
    lengths = (scale * np.random.default_rng(0).integers(200, 900, n)).astype(int)
    digits = ["".join(str((i + j) % 10) for j in range(k)) for i, k in enumerate(lengths)]
    return pd.DataFrame({"id": [f"r{i}" for i in range(n)], "query": "1 + 1", "response": digits})


def ours(base, table, **settings):
    with tempfile.TemporaryDirectory() as folder:
        plan = Curriculum((Phase("p", table, 1, RATE),), BATCH, MAX_LENGTH)
        out = sft.train(
            base, plan, Path(folder) / "m", progress=None, checkpoint_every=0, **settings
        )
        phase = sft.read_training(out)["phases"][0]
        return phase["tokens"] / phase["steps"] / phase["seconds_per_step"]


def recipe(base, table, unsloth: bool):
    """A plain SFTTrainer with its own defaults, on TRL's or on Unsloth's model.

    Tokens a second of the median step.
    """
    if unsloth:
        from unsloth import FastLanguageModel

        model, words = FastLanguageModel.from_pretrained(
            str(base), max_seq_length=MAX_LENGTH, load_in_4bit=False, full_finetuning=True
        )
    import torch
    from transformers import AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    gpu, ends = torch.cuda.is_available(), []
    if not unsloth:
        model, words = str(base), AutoTokenizer.from_pretrained(base)
    data = sft.tokenise(table, AutoTokenizer.from_pretrained(base), str, MAX_LENGTH).select_columns(
        ["input_ids", "labels"]
    )

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if gpu:
                torch.cuda.synchronize()
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            folder,
            per_device_train_batch_size=BATCH // 2,
            gradient_accumulation_steps=2,
            max_length=MAX_LENGTH,
            num_train_epochs=1,
            learning_rate=RATE,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not gpu,
            bf16=gpu,
            dataset_kwargs={"skip_prepare_dataset": True},
        )
        SFTTrainer(
            model=model,
            args=arguments,
            train_dataset=data,
            processing_class=words,
            callbacks=[Clock()],
        ).train()
    tokens = sum(map(len, data["input_ids"])) / len(ends)
    return tokens / statistics.median(np.diff(ends[1:]))


VARIANTS = {
    "ours, packed": lambda base, table: ours(base, table, packing=True, micro_batch=1),
    "ours, packed, nothing recomputed": lambda base, table: ours(
        base, table, packing=True, micro_batch=1, recompute="off"
    ),
    "ours, batches of like length": lambda base, table: ours(base, table, micro_batch=BATCH // 2),
    "TRL's defaults": lambda base, table: recipe(base, table, unsloth=False),
    "Unsloth's recipe": lambda base, table: recipe(base, table, unsloth=True),
}


def matrix_rate() -> float:
    """Floating-point operations a second of a large bfloat16 product on this device."""
    import torch

    gpu = torch.cuda.is_available()
    n = 8192 if gpu else 512
    a = torch.randn(n, n, dtype=torch.bfloat16, device="cuda" if gpu else "cpu")
    times = []
    for _ in range(12):
        started = time.perf_counter()
        a @ a
        if gpu:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return 2 * n**3 / statistics.median(times[2:])


def main(size="1b", steps="12"):
    print(f"{size}, {steps} steps; matrix rate {(rate := matrix_rate()) / 1e12:.1f} TFLOP/s")
    with tempfile.TemporaryDirectory() as folder:
        base = make(Path(folder), size)
        parameters = cost.shape(str(base)).parameters
        for name in VARIANTS:
            done = subprocess.run(
                [sys.executable, __file__, "--one", name, str(base), size, steps],
                capture_output=True,
                text=True,
            )
            if done.returncode:
                print(f"{name:36} failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            speed, peak = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{name:36} {speed:10,.0f} tokens/s   {peak / 2**30:6.1f} GiB   MFU "
                f"{6 * parameters * speed / rate:.2f}"
            )


def one(name, base, size, steps):
    import torch

    speed = VARIANTS[name](Path(base), rows(int(steps) * BATCH, size))
    print(
        json.dumps([speed, torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0])
    )


if __name__ == "__main__":
    one(*sys.argv[2:]) if sys.argv[1:2] == ["--one"] else main(*sys.argv[1:])
