"""Rows as tokens.

What counts in the loss, what a length limit cuts, packing, and the order of training.
"""

import math
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..core import randomness
from ..core.schema import Curriculum, Phase
from ..prompts import student as student_prompt
from .bases import base_path
from .settings import Settings

# batches whose rows are sorted by length together: little padding, and batches still differ
WINDOW = 32
# few distinct shapes: CPU kernels are cached per shape, and tensor cores like multiples of 8
PAD_TO = 16


def tokenise(
    rows: pd.DataFrame,
    tokenizer,
    prompt: Callable[[str], str],
    max_length: int,
    *,
    too_long: str = "refuse",
):
    """Return a datasets.Dataset of row, cut, input_ids and labels, in which the response and its
    EOS alone count (-100 else).

    A space between prompt and response starts the response. Prompt tokens are exactly those of the
    prompt alone, which is what generation starts from. `row` is the number of the row in the table,
    `cut` whether it was truncated. Rows over max_length tokens are refused, dropped or truncated;
    one whose prompt leaves no room for a token of the response is dropped then.

    Raises:
        ValueError: If rows are longer than max_length tokens and that is refused, or none is left.
    """
    import pyarrow as pa
    from datasets import Dataset

    def ids(texts, **kwargs):
        return tokenizer(texts, verbose=False, return_attention_mask=False, **kwargs)["input_ids"]

    tokens = pa.list_(pa.int32())
    schema = pa.schema(
        {"row": pa.int64(), "cut": pa.bool_(), "input_ids": tokens, "labels": tokens}
    )
    parts, sizes = [], []
    # in pieces: lists of Python ints are many times the table's size
    for start in range(0, len(rows), 1000):
        part = rows.iloc[start : start + 1000]
        heads = [prompt(query) for query in part["query"]]
        tails = [" " + response.strip() for response in part["response"]]
        before, after = ids(heads), ids(tails, add_special_tokens=False)
        whole = ids([head + tail for head, tail in zip(heads, tails, strict=True)])
        columns = {"row": [], "cut": [], "input_ids": [], "labels": []}
        for i, (head, tail, both) in enumerate(zip(before, after, whole, strict=True), start):
            # Tokens of the whole text are those of pre-training; where one would straddle the
            # border, take it apart.
            tail = (both[len(head) :] if both[: len(head)] == head else tail) + [
                tokenizer.eos_token_id
            ]
            sizes.append(len(head) + len(tail))
            if sizes[-1] <= max_length or (too_long == "truncate" and len(head) < max_length):
                columns["row"].append(i)
                columns["cut"].append(sizes[-1] > max_length)
                columns["input_ids"].append((head + tail)[:max_length])
                columns["labels"].append(([-100] * len(head) + tail)[:max_length])
        parts.append(pa.table(columns, schema))
    table, over = pa.concat_tables(parts), np.array(sizes) > max_length
    if len(table) == 0 or (over.any() and too_long == "refuse"):
        levels = (
            rows["level"][over].value_counts().sort_index().to_dict() if "level" in rows else {}
        )
        raise ValueError(
            f"{int(over.sum())} of {len(rows)} rows are longer than {max_length} tokens, prompt "
            "and EOS included (the "
            f"longest has {max(sizes)}; by level: {levels}). Raise max_length as far as the "
            "base's context allows, "
            'or say what to do with such rows: too_long="drop" or "truncate".'
        )
    return Dataset(table)


def lengths(base, rows: pd.DataFrame, *, prompt: Callable[[str], str] | None = None) -> np.ndarray:
    """Return the tokens of each row as it will be trained on.

    Prompt, response and EOS, (N,) int.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base_path(base))
    return token_counts(tokenise(rows, tokenizer, prompt or student_prompt, max_length=sys.maxsize))


def token_counts(dataset) -> np.ndarray:
    """Return the tokens of each row of a dataset as it was made, (N,) int."""
    import pyarrow.compute as pc

    return pc.list_value_length(dataset.data.column("input_ids")).to_numpy()


def length_table(
    rows: pd.DataFrame, tokens: np.ndarray, max_length: int, by: Sequence[str] = ("level", "method")
) -> pd.DataFrame:
    """Say what a limit of max_length tokens would cut, before training.

    Args:
        tokens: Of each row, (N,), from `lengths`.  by  columns of `rows`; those it lacks are left
            out.

    Returns:
        A line for all rows and one per value of each column: column, value, rows, mean_tokens,
        longest, rows_over, share_over, tokens_if_dropped and tokens_if_truncated (the tokens that
        either would lose).
    """
    table = pd.DataFrame(
        {
            "tokens": tokens,
            "over": tokens > max_length,
            "excess": np.maximum(tokens - max_length, 0),
        }
    )
    table["whole"] = table["tokens"].where(table["over"], 0)
    parts = [("all", pd.Series("all", index=table.index))]
    parts += [(name, rows[name].reset_index(drop=True)) for name in by if name in rows]
    lines = []
    for column, values in parts:
        for value, part in table.groupby(values, dropna=False):
            line = {"column": column, "value": str(value), "rows": len(part)}
            line |= {"mean_tokens": float(part["tokens"].mean())}
            line |= {"longest": int(part["tokens"].max()), "rows_over": int(part["over"].sum())}
            line |= {"share_over": float(part["over"].mean())}
            line |= {"tokens_if_dropped": int(part["whole"].sum())}
            lines.append(line | {"tokens_if_truncated": int(part["excess"].sum())})
    return pd.DataFrame(lines)


class Layout(NamedTuple):
    """A phase laid out for training: every sequence of every epoch, in order."""

    dataset: object  # datasets.Dataset, one line per sequence seen
    ids: np.ndarray | None  # id of each line's row; None where rows are packed
    tokens: np.ndarray  # seen up to and with each sequence, int
    sequences: int  # different ones
    batch: int  # sequences a step
    micro: int  # sequences at once on a device
    accumulate: int  # micro-batches a step and device

    @property
    def steps(self) -> int:
        return math.ceil(len(self.tokens) / self.batch)

    def tokens_by(self, step):
        """Tokens seen by the end of a step (or of an array of steps)."""
        return self.tokens[np.minimum(step * self.batch, len(self.tokens)) - 1]

    def describe(self, step: int) -> str:
        """The rows of a step, for an error."""
        if self.ids is None:
            return f"its {self.batch} packed sequences"
        ids = self.ids[(step - 1) * self.batch : step * self.batch]
        return (
            f"its {len(ids)} rows {', '.join(map(str, ids[:8]))}{', ...' if len(ids) > 8 else ''}"
        )


def lay_out(
    curriculum: Curriculum, phase: Phase, dataset, limit: int, settings: Settings
) -> Layout:
    """Lay a tokenised phase out.

    Packed if that is asked for, in the order of training, in full batches.
    """
    rng, rows = randomness.rng(curriculum.seed, "sft", phase.name), len(dataset)
    ids = phase.rows["id"].to_numpy()[dataset.data.column("row").to_numpy()]
    if settings.packing:
        dataset = pack(dataset, limit, rng)
    batch, micro, accumulate = settings.batch(curriculum.batch_size, rows / len(dataset))
    lengths = token_counts(dataset)
    chosen = order(lengths, phase.epochs, batch, phase.shuffle, rng)
    seen = np.cumsum(lengths[chosen])
    ids = None if settings.packing else ids[chosen]
    if settings.processes > 1:
        dataset, chosen = fill(dataset, chosen, batch)
    return Layout(dataset.select(chosen), ids, seen, len(lengths), batch, micro, accumulate)


def pack(dataset, max_length: int, rng: np.random.Generator):
    """Return a dataset whose rows are sequences of at most max_length tokens, each several whole
    rows of `dataset`.

    Best-fit decreasing, by TRL, over shuffled rows (it works in pieces of 1,000). `seq_lengths`
    keeps the documents apart: positions start anew with each, and attention stays within it.
    """
    import datasets
    from trl import pack_dataset

    quiet = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        shuffled = dataset.select(rng.permutation(len(dataset))).remove_columns(["row", "cut"])
        return pack_dataset(shuffled, max_length, "bfd", {"keep_in_memory": True})
    finally:
        if not quiet:
            datasets.enable_progress_bars()


def order(
    lengths: np.ndarray, epochs: float, batch_size: int, shuffle: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return the row numbers of a phase in the order of training, ceil(rows * epochs) of them.

    Each epoch sees every row once. Shuffled rows of WINDOW batches are sorted by length and their
    batches shuffled again, so that a batch needs little padding and no length comes first; without
    shuffle the order is the rows' own.
    """
    n = math.ceil(len(lengths) * epochs)
    passes = range(math.ceil(n / len(lengths)))
    rows = np.concatenate(
        [rng.permutation(len(lengths)) if shuffle else np.arange(len(lengths)) for _ in passes]
    )[:n]
    if not shuffle:
        return rows
    full = n - n % batch_size  # a last batch that is not full stays last
    for start in range(0, full, WINDOW * batch_size):
        window = rows[start : min(start + WINDOW * batch_size, full)]
        batches = window[np.argsort(lengths[window], kind="stable")].reshape(-1, batch_size)
        rows[start : start + len(window)] = rng.permutation(batches).ravel()
    return rows


def fill(dataset, rows: np.ndarray, batch_size: int):
    """Return (dataset, rows) whose last batch is full.

    With copies of one row in which no token counts.

    Several processes need equal shares, and would repeat rows that count.
    """
    from datasets import concatenate_datasets

    missing = -len(rows) % batch_size
    if not missing:
        return dataset, rows
    blank = dataset.select([int(rows[-1])]).map(
        lambda row: {"labels": [-100] * len(row["labels"])},
        features=dataset.features,
        keep_in_memory=True,
    )
    return concatenate_datasets([dataset, blank]), np.concatenate(
        [rows, np.full(missing, len(dataset))]
    )
