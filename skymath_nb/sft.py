"""Supervised fine-tuning of a base model on a curriculum: one trl.SFTTrainer per phase, over the same model.

Source:  Skywork-Math, section 4.1.3 (AdamW without weight decay, warm-up 0.03, response-only loss). Each phase has a
         fresh optimiser and schedule, as continued SFT has; the shape of the schedule is not given there.

The order of the rows is laid out here, for all epochs of a phase at once, and the trainer reads it in sequence. So it
is one named random stream, batches hold rows of like length, and steps = ceil(rows * epochs / batch_size) exactly.
"""

import difflib
import importlib.util
import json
import math
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from skymath_nb import runs
from skymath_nb.prompts import student as student_prompt
from skymath_nb.schema import Curriculum, Phase, row_id

BASES = Path(__file__).parent / "bases"
RECORD = runs.TRAINING  # written last: its presence means that a model folder is complete
LOG_EVERY = 20  # steps; logging each step costs a few per cent at the tiny student's size
WINDOW = 32  # batches whose rows are sorted by length together: little padding, and batches still differ
PAD_TO = 16  # few distinct shapes: CPU kernels are cached per shape, and tensor cores like multiples of 8


def train(
    base: str | os.PathLike,
    curriculum: Curriculum,
    out: str | os.PathLike,
    *,
    backend: str = "full",
    prompt: Callable[[str], str] | None = None,
    device: str = "auto",
    threads: int = 0,
    micro_batch: int = 0,
    too_long: str = "refuse",
    progress: Callable[[str], None] | None = print,
) -> Path:
    """Train a base on a curriculum and return `out`: weights, tokenizer, loss.parquet and training.json.

    base         a packaged base's name, a model folder, or a hub id (owner/name).
    backend      "full" (every parameter, transformers) or "unsloth" (the same, through Unsloth).
    prompt       query -> the text before the response; None is the student's prompt.
    device       "auto" (CUDA where there is one), "cpu" or "cuda".  threads  of torch; 0 leaves them alone.
    micro_batch  rows on the device at once, a divisor of the batch size; 0 is the whole batch.
    too_long     rows over max_length tokens: "refuse" or "drop" (counted in training.json).
    An `out` that holds this very training is returned as it is; any other training there is replaced at the end.
    Raises:  ValueError for bad rows or settings, FileNotFoundError for an unknown base, RuntimeError if the loss is
             no number; then nothing is written.
    """
    out = Path(out)
    prompt = prompt or student_prompt
    _check(curriculum, out, backend, micro_batch, too_long)
    source = base_path(base)
    identity = {
        "curriculum": curriculum.digest(),
        "base": base_digest(base),
        "backend": backend,
        "prompt": row_id(prompt("{query}")),
        "too_long": too_long,
        "code": row_id(*runs.module_digests({__name__}).items()),  # an edited trainer trains anew
    }
    if (out / RECORD).is_file() and read_training(out)["identity"] == identity:
        _say(progress, f"{out} holds this training already: reused")
        return out
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        record = _train(source, curriculum, partial, backend, prompt, device, threads, micro_batch, too_long, progress)
        record = {"identity": identity, "base": str(base), **record}
        (partial / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        _put_in_place(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def read_training(out: str | os.PathLike) -> dict:
    """Return a finished training's record: identity, base, seconds, cpu_seconds, steps, tokens, phases, versions."""
    return json.loads((Path(out) / RECORD).read_text(encoding="utf-8"))


def base_path(base: str | os.PathLike) -> str:
    """Resolve a packaged base, a model folder or a hub id to what `from_pretrained` takes.

    Raises:  FileNotFoundError that lists the packaged bases and says where the name was looked for.
    """
    name, packaged = str(base), sorted(p.parent.name for p in BASES.glob("*/config.json"))
    if name in packaged:
        return str(BASES / name)
    folder = runs.locate(base)
    if (folder / "config.json").is_file():
        return str(folder.resolve())
    reason = "a hub id is written owner/name, so the hub was not asked"
    if re.fullmatch(r"\w[\w.-]*/[\w.-]+", name) and not folder.exists():
        from transformers.utils import cached_file

        try:
            cached_file(name, "config.json")
            return name
        except OSError as error:
            reason = f"the model hub did not give its config.json ({str(error).splitlines()[0]})"
    near = difflib.get_close_matches(name, packaged, n=1)
    raise FileNotFoundError(
        f"The base {name!r} was asked for, but no packaged base has that name (there are: "
        f"{', '.join(packaged) or 'none'}), there is no config.json in {folder}, and {reason}. "
        + (f"Did you mean {near[0]!r}? " if near else "")
        + "Give a packaged name, a folder with config.json, weights and tokenizer, or a hub id."
    )


def local_files(base: str | os.PathLike) -> list[Path]:
    """List a local base's files that decide what is loaded; none for a hub id, whose commit is its identity."""
    source = Path(base_path(base))
    return runs.model_files(source) if source.is_dir() else []


def base_digest(base: str | os.PathLike) -> str:
    """Return a digest of what is loaded of a base: configuration, weights, tokenizer; for a hub id name and commit."""
    return runs.digest_model(base_path(base))


def tokenise(
    rows: pd.DataFrame,
    tokenizer,
    prompt: Callable[[str], str],
    max_length: int,
    *,
    too_long: str = "refuse",
):
    """Return a datasets.Dataset of input_ids and labels, in which the response and its EOS alone count (-100 else).

    A space between prompt and response starts the response. Prompt tokens are exactly those of the prompt alone,
    which is what generation starts from.
    Raises:  ValueError if rows are longer than max_length tokens and are not to be dropped, or all of them are.
    """
    import pyarrow as pa
    from datasets import Dataset

    def ids(texts, **kwargs):
        return tokenizer(texts, verbose=False, return_attention_mask=False, **kwargs)["input_ids"]

    kind, parts, lengths = pa.list_(pa.int32()), [], []
    for start in range(0, len(rows), 1000):  # in pieces: lists of Python ints are many times the table's size
        part = rows.iloc[start : start + 1000]
        heads = [prompt(query) for query in part["query"]]
        tails = [" " + response.strip() for response in part["response"]]
        before, after = ids(heads), ids(tails, add_special_tokens=False)
        whole = ids([head + tail for head, tail in zip(heads, tails, strict=True)])
        inputs, labels = [], []
        for head, tail, both in zip(before, after, whole, strict=True):
            # Tokens of the whole text are those of pre-training; where one would straddle the border, take it apart.
            tail = (both[len(head) :] if both[: len(head)] == head else tail) + [tokenizer.eos_token_id]
            lengths.append(len(head) + len(tail))
            if lengths[-1] <= max_length:
                inputs.append(head + tail)
                labels.append([-100] * len(head) + tail)
        parts.append(pa.table({"input_ids": pa.array(inputs, kind), "labels": pa.array(labels, kind)}))
    cut = np.array(lengths) > max_length
    if cut.all() or (cut.any() and too_long == "refuse"):
        levels = rows["level"][cut].value_counts().sort_index().to_dict() if "level" in rows else {}
        raise ValueError(
            f"{int(cut.sum())} of {len(rows)} rows are longer than {max_length} tokens, prompt and EOS included (the "
            f"longest has {max(lengths)}; by level: {levels}). Raise max_length as far as the base's context allows, "
            'or drop such rows with too_long="drop".'
        )
    return Dataset(pa.concat_tables(parts))


def lengths(base: str | os.PathLike, rows: pd.DataFrame, *, prompt: Callable[[str], str] | None = None) -> np.ndarray:
    """Return the tokens of each row as it will be trained on: prompt, response and EOS, (N,) int."""
    from transformers import AutoTokenizer

    prompt = prompt or student_prompt
    tokenizer = AutoTokenizer.from_pretrained(base_path(base))
    return _lengths(tokenise(rows, tokenizer, prompt, max_length=sys.maxsize))


def _lengths(dataset) -> np.ndarray:
    return np.asarray(dataset.data.column("input_ids").combine_chunks().value_lengths())


def order(lengths: np.ndarray, epochs: float, batch_size: int, shuffle: bool, rng: np.random.Generator) -> np.ndarray:
    """Return the row numbers of a phase in the order of training, ceil(rows * epochs) of them.

    Each epoch sees every row once. Shuffled rows of WINDOW batches are sorted by length and their batches shuffled
    again, so that a batch needs little padding and no length comes first; without shuffle the order is the rows' own.
    """
    n = math.ceil(len(lengths) * epochs)
    passes = range(math.ceil(n / len(lengths)))
    rows = np.concatenate([rng.permutation(len(lengths)) if shuffle else np.arange(len(lengths)) for _ in passes])[:n]
    if not shuffle:
        return rows
    full = n - n % batch_size  # a last batch that is not full stays last
    for start in range(0, full, WINDOW * batch_size):
        window = rows[start : min(start + WINDOW * batch_size, full)]
        batches = window[np.argsort(lengths[window], kind="stable")].reshape(-1, batch_size)
        rows[start : start + len(window)] = rng.permutation(batches).ravel()
    return rows


def _check(curriculum: Curriculum, out: Path, backend: str, micro_batch: int, too_long: str) -> None:
    choices = {"backend": (backend, list(BACKENDS)), "too_long": (too_long, ["refuse", "drop"])}
    for name, (value, known) in choices.items():
        if value not in known:
            raise ValueError(f"{name}={value!r} was asked for, but {name} is one of {', '.join(known)}.")
    if backend == "unsloth" and not importlib.util.find_spec("unsloth"):
        raise ValueError(
            'backend="unsloth" needs Unsloth, which is not installed: `make unsloth` on a CPU machine, '
            "`pip install -c constraints.txt -e '.[unsloth]'` on a GPU machine."
        )
    if micro_batch < 0 or (micro_batch and curriculum.batch_size % micro_batch):
        raise ValueError(f"micro_batch={micro_batch} does not divide batch_size={curriculum.batch_size}.")
    if out.exists() and not (out / RECORD).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} holds something that is no training of ours; give another place, or remove it.")
    for phase in curriculum.phases:
        for name in ("query", "response"):
            empty = phase.rows[name].fillna("").str.strip() == ""
            if empty.any():
                raise ValueError(
                    f"Phase {phase.name!r} has {int(empty.sum())} of {len(phase.rows)} rows with an empty {name} "
                    f"(the first is {phase.rows['id'][empty].iloc[0]}). Drop them: curriculum.assemble does."
                )


def _train(source, curriculum, folder, backend, prompt, device, threads, micro_batch, too_long, progress) -> dict:
    import torch

    if threads > 0:
        torch.set_num_threads(threads)
    device = _device(device)
    wall, cpu = time.perf_counter(), time.process_time()
    model, tokenizer = BACKENDS[backend](source, curriculum.max_length, device)
    _agree_on_special_tokens(model, tokenizer, source)
    limit = min(curriculum.max_length, getattr(model.config, "max_position_embeddings", curriculum.max_length))
    # Every phase is tokenised before the first step, so that a row too long for the last one costs nothing.
    sets = [tokenise(phase.rows, tokenizer, prompt, limit, too_long=too_long) for phase in curriculum.phases]
    curves, phases, steps, tokens = [], [], 0, 0
    for phase, dataset in zip(curriculum.phases, sets, strict=True):
        lengths = _lengths(dataset)
        rows = order(lengths, phase.epochs, curriculum.batch_size, phase.shuffle, _rng(curriculum, phase))
        lines = _phase(model, tokenizer, curriculum, phase, dataset.select(rows), folder, device, micro_batch, progress)
        curve, seen = pd.DataFrame(lines), np.cumsum(lengths[rows])
        curve["tokens"] = tokens + seen[np.minimum(curve["step"] * curriculum.batch_size, len(rows)) - 1]
        n_steps, curve["step"] = int(curve["step"].iloc[-1]), curve["step"] + steps  # one axis for all phases
        steps, tokens = steps + n_steps, tokens + int(seen[-1])
        curves.append(curve)
        phases.append(
            {
                "phase": phase.name,
                "steps": n_steps,
                "tokens": int(seen[-1]),
                "rows": len(dataset),
                "dropped": len(phase.rows) - len(dataset),
                "final_loss": float(curve["loss"].iloc[-1]),
            }
        )
    shutil.rmtree(folder / "trainer", ignore_errors=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    pd.concat(curves, ignore_index=True).to_parquet(folder / "loss.parquet", index=False)
    packages = ["torch", "transformers", "trl", "datasets", *(["unsloth"] if backend == "unsloth" else [])]
    return {
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "steps": steps,
        "tokens": tokens,
        "device": device,
        "precision": "bfloat16" if _multiplies_bfloat16(device == "cuda") else "float32",
        "phases": phases,
        "versions": {package: version(package) for package in packages},
    }


def _phase(model, tokenizer, curriculum, phase, dataset, folder, device, micro_batch, progress) -> list[dict]:
    """Train one phase and return its logged steps: step, phase, loss (mean since the last), learning_rate."""
    from transformers import PrinterCallback, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    steps, lines = math.ceil(len(dataset) / curriculum.batch_size), []

    class Watch(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            control.should_log |= state.global_step == steps

        def on_log(self, args, state, control, logs=None, **kwargs):
            if "loss" not in logs:
                return
            if not math.isfinite(logs["loss"]):
                raise RuntimeError(
                    f"The loss became {logs['loss']} in phase {phase.name!r} by step {state.global_step} of {steps} "
                    f"(a number at step {lines[-1]['step'] if lines else 0}), so training stopped and wrote nothing. "
                    f"Lower the learning rate (now {phase.learning_rate}) or look at the rows of that phase."
                )
            line = {"step": state.global_step, "phase": phase.name}
            lines.append({**line, "loss": logs["loss"], "learning_rate": logs["learning_rate"]})
            _say(progress, f"{phase.name}: step {state.global_step}/{steps}, loss {logs['loss']:.3f}")

    micro = micro_batch or curriculum.batch_size
    gpu = device == "cuda"
    arguments = SFTConfig(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=curriculum.batch_size // micro,
        num_train_epochs=1,  # the dataset holds every epoch already, in order
        train_sampling_strategy="sequential",
        learning_rate=phase.learning_rate,
        lr_scheduler_type=curriculum.schedule,
        warmup_steps=curriculum.warmup,  # below 1 it is a share of the steps
        weight_decay=curriculum.weight_decay,
        optim="adamw_torch_fused",
        use_cpu=not gpu,
        bf16=_multiplies_bfloat16(gpu),
        gradient_checkpointing=gpu,
        dataloader_pin_memory=gpu,
        max_length=None,  # nothing is cut: longer rows were refused or dropped
        packing=False,
        pad_to_multiple_of=PAD_TO,
        dataset_kwargs={"skip_prepare_dataset": True},
        seed=_seed(curriculum, phase),
        logging_steps=LOG_EVERY,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(model=model, args=arguments, train_dataset=dataset, processing_class=tokenizer, callbacks=[Watch()])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return lines


def _full(source: str, max_length: int, device: str):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, logging

    if Path(source).is_dir():
        logging.disable_progress_bar()  # nothing is fetched, and every arm of an experiment would draw two
    # float32 weights on a GPU too: AdamW's steps at 2e-6 vanish in bfloat16's rounding; the arithmetic is bfloat16.
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(source)


def _unsloth(source: str, max_length: int, device: str):
    os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
    import torch
    from unsloth import FastLanguageModel

    return FastLanguageModel.from_pretrained(
        source,
        max_seq_length=max_length,
        dtype=torch.float32,
        load_in_4bit=False,
        full_finetuning=True,
    )


def _agree_on_special_tokens(model, tokenizer, source: str) -> None:
    if tokenizer.eos_token_id is None:
        raise ValueError(f"The tokenizer of {source} has no EOS token, so no response could end. Give it one.")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    for config in (model.config, model.generation_config):
        config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
        config.bos_token_id = tokenizer.bos_token_id


def _device(device: str) -> str:
    import torch

    found = "cuda" if torch.cuda.is_available() else "cpu"
    device = found if device == "auto" else device
    if device not in ("cpu", found):
        raise ValueError(f'device={device!r} was asked for, but this machine gives {found}; use "auto".')
    if device == "cuda" and torch.cuda.device_count() > 1 and "WORLD_SIZE" not in os.environ:
        raise ValueError(
            f"{torch.cuda.device_count()} GPUs are visible to one process, which trains on one: set "
            "CUDA_VISIBLE_DEVICES=0 before the kernel starts, or use `accelerate launch`."
        )
    return device


def _multiplies_bfloat16(gpu: bool) -> bool:
    """True where mixed precision pays: a GPU of this decade, or a processor with bfloat16 instructions (a third faster there)."""
    import torch

    found = torch.cpu.get_capabilities()
    return torch.cuda.is_bf16_supported() if gpu else bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def _put_in_place(partial: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        os.replace(out, old)
    os.replace(partial, out)
    shutil.rmtree(old, ignore_errors=True)


def _rng(curriculum: Curriculum, phase: Phase) -> np.random.Generator:
    return runs.rng(curriculum.seed, "sft", phase.name)


def _seed(curriculum: Curriculum, phase: Phase) -> int:
    return runs.stream(curriculum.seed, "sft", phase.name)


def _say(progress: Callable[[str], None] | None, line: str) -> None:
    if progress:
        progress(line)


BACKENDS: dict[str, Callable] = {"full": _full, "unsloth": _unsloth}
