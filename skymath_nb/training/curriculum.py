"""What is trained on and in which order: the leak gate as a wall, then phases of rows.

Source:  Skywork-Math, sections 3.1-3.2 (two stages) and 4.1.3 (epochs, batch, optimiser). The order
         inside a stage, the replay and the learning rate of the second stage are not given there,
         so they are parameters here.
"""

import hashlib
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..core import randomness
from ..core.schema import Curriculum, Phase

# from the mildest: an instance gated in several tiers has its worst verdict
VERDICTS = ("clean", "unchecked", "near", "leak")


PART = 50_000  # rows of a file that are in memory at a time


class Assembly(NamedTuple):
    """Rows that may be trained on, those that may not (with `reason`), and how many rows went
    where.
    """

    rows: pd.DataFrame
    excluded: pd.DataFrame
    counts: pd.DataFrame


def assemble(instances: pd.DataFrame, gate: pd.DataFrame, *, drop_near: bool = False) -> Assembly:
    """Keep the instances that may be trained on: gated, kept by their method, complete, once each.

    Args:
        instances, gate: Tables of those kinds; of an instance's verdicts (one per benchmark) the
            worst counts.
        drop_near: Drop what is near a benchmark too, not only what leaks.

    Returns:
        Rows and excluded in the order of `instances`; excluded has our reason, the method's own as
        `detail`, and the benchmark it touches; counts has one line per outcome (outcome, rows).

    Raises:
        ValueError: If an instance has no verdict, a verdict is unknown, or nothing is left.
    """
    rows, excluded = Assembler(gate, drop_near=drop_near)(instances)
    counts = _counts(len(rows), excluded["reason"])
    if rows.empty:
        raise ValueError(
            f"Rows to train on were asked for, but all {len(instances)} instances are excluded: "
            f"{dict(counts.to_numpy().tolist())}. Look at the step that made them."
        )
    return Assembly(rows, excluded, counts)


def assemble_file(
    instances: str | os.PathLike,
    gate: str | os.PathLike,
    out: str | os.PathLike,
    *,
    drop_near: bool = False,
) -> pd.DataFrame:
    """Assemble a Parquet file of instances into another, part by part, and return the counts.

    No more than a part is in memory.

    Args:
        gate: Its Parquet file of verdicts. Parts of any size give what `assemble` gives on the
            whole.

    Raises:
        As `assemble` does; then there is no file `out`.
    """
    verdicts = pd.read_parquet(gate, columns=["id", "verdict", "benchmark"])
    assembler, kept, reasons, out = Assembler(verdicts, drop_near=drop_near), 0, [], Path(out)
    half = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    file = pq.ParquetFile(instances)
    try:
        with pq.ParquetWriter(half, file.schema_arrow, compression="zstd") as writer:
            for batch in file.iter_batches(PART):
                rows, excluded = assembler(batch.to_pandas())
                writer.write_table(
                    pa.Table.from_pandas(rows, schema=file.schema_arrow, preserve_index=False)
                )
                kept, reasons = kept + len(rows), [*reasons, excluded["reason"]]
        counts = _counts(kept, pd.concat(reasons) if reasons else pd.Series(dtype="str"))
        if not kept:
            raise ValueError(
                f"Rows to train on were asked for, but all of {instances} are excluded: "
                f"{dict(counts.to_numpy().tolist())}."
            )
        os.replace(half, out)
    finally:
        half.unlink(missing_ok=True)
    return counts


class Assembler:
    """Assembly of instances that come in parts.

    What was there in an earlier part is not taken again.
    """

    def __init__(self, gate: pd.DataFrame, *, drop_near: bool = False):
        rank = gate["verdict"].map({verdict: i for i, verdict in enumerate(VERDICTS)})
        if rank.isna().any():
            raise ValueError(
                f"The gate's verdicts are {', '.join(VERDICTS)}, but it holds "
                f"{sorted(set(gate['verdict'][rank.isna()].map(str)))}. Make the table with "
                "leakage.gate."
            )
        self.drop_near = drop_near
        self.worst = rank.astype("int8").groupby(gate["id"].to_numpy()).max()
        # leak comes before near
        touched = gate[gate["verdict"] != "clean"].sort_values("verdict", kind="stable")
        self.benchmark = touched.drop_duplicates("id").set_index("id")["benchmark"]
        self.ids, self.texts = set(), set()

    def __call__(self, part: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rows of a part that may be trained on, and the others with their reasons."""
        verdict, kept = self._verdicts(part["id"]), part["kept"].astype(bool).to_numpy()
        columns = (part[name].fillna("") for name in ("query", "response"))
        reasons = np.empty(len(part), object)
        for i, (id, query, response) in enumerate(zip(part["id"], *columns, strict=True)):
            refusals = {
                "leak": verdict[i] == "leak",
                "near": verdict[i] == "near" and self.drop_near,
                "not kept by its method": not kept[i],
                "empty query": not query.strip(),
                "empty response": not response.strip(),
                "there already": id in self.ids,
            }
            reasons[i] = next((reason for reason, holds in refusals.items() if holds), "")
            if not reasons[i]:
                text = hashlib.blake2b(
                    f"{len(query)} {query}{response}".encode("utf-8", "surrogatepass"),
                    digest_size=16,
                ).digest()
                reasons[i] = "there already" if text in self.texts else ""
                self.texts.add(text)
            self.ids.add(id)
        out = reasons != ""
        met = part["id"][out].map(self.benchmark)
        why = {"detail": part["reason"][out], "reason": reasons[out]}
        excluded = part[out].assign(**why, benchmark=met)
        return part[~out].reset_index(drop=True), excluded.reset_index(drop=True)

    def _verdicts(self, ids: pd.Series) -> np.ndarray:
        worst = ids.map(self.worst)
        if worst.isna().any():
            raise ValueError(
                f"{int(worst.isna().sum())} of {len(ids)} instances have no verdict of the leak "
                f"gate (the first is {ids[worst.isna()].iloc[0]}), and nothing ungated is "
                "trained on. Run leakage.gate on these instances against every benchmark and "
                "give its table here."
            )
        return np.array(VERDICTS, dtype=object)[worst.to_numpy(int)]


def _counts(kept: int, reasons: pd.Series) -> pd.DataFrame:
    counts = pd.concat([pd.Series({"kept": kept}), reasons.value_counts()])
    return (
        counts[counts > 0]
        .sort_values(ascending=False, kind="stable")
        .rename_axis("outcome")
        .reset_index(name="rows")
    )


# Over eight parameters: the numbers of a recipe are named one by one.
def build(
    instances: pd.DataFrame,
    preset: str = "paper",
    *,
    epochs: float = 3,
    batch_size: int = 32,
    learning_rate: float = 2e-5,
    hard_learning_rate: float | None = None,
    replay: float = 0.0,
    max_length: int = 2048,
    warmup: float = 0.03,
    weight_decay: float = 0.0,
    schedule: str = "cosine",
    seed: int = 0,
) -> Curriculum:
    """Lay the rows out in phases as a preset says; the defaults are the paper's for LLaMA2.

    Args:
        instances: Assembled rows with stage ("normal" or "hard") and level.
        hard_learning_rate: Of a hard-only or replay phase; None means `learning_rate`.
        replay: For the preset "replay" alone: the share of the normal rows that stage 2 sees again.

    Raises:
        ValueError: For an unknown preset or schedule, or for rows that the preset cannot be made
            of.
    """
    if preset not in PRESETS or schedule not in DECAYS:
        raise ValueError(
            f"The preset {preset!r} with the schedule {schedule!r} was asked for; there are the "
            "presets "
            f"{', '.join(PRESETS)} and the schedules {', '.join(DECAYS)}. Choose among these."
        )
    stages = instances["stage"]
    if not stages.isin(["normal", "hard"]).all():
        raise ValueError(
            f"Stages are normal and hard, but the instances have {sorted(set(map(str, stages)))}."
        )

    def phase(name: str, rows: pd.DataFrame, hard: bool = False) -> Phase:
        if rows.empty:
            raise ValueError(
                f"The preset {preset!r} needs rows for its phase {name!r}, but of "
                f"{len(instances)} instances {(stages == 'normal').sum()} are normal and "
                f"{(stages == 'hard').sum()} hard. Add the step that makes the others, or choose "
                "another preset (stage1_only needs normal rows alone)."
            )
        rate = hard_learning_rate if hard and hard_learning_rate is not None else learning_rate
        return Phase(name, rows.reset_index(drop=True), epochs, rate)

    phases = tuple(PRESETS[preset](phase, instances, replay, seed))
    return Curriculum(phases, batch_size, max_length, warmup, weight_decay, seed, schedule)


def match(
    plans: dict[str, Curriculum], by: str = "steps", budget: float | None = None
) -> dict[str, Curriculum]:
    """Return the curricula of an experiment's arms with epochs changed so that all cost the same.

    Args:
        by: "steps" (optimiser steps, exactly) or "tokens" (seen in training, to less than a row a
            phase; the rows need a column `tokens`, from `sft.lengths`).
        budget: What each is to cost; None is what the cheapest of them costs. Each phase keeps its
            share.

    Raises:
        ValueError: If there is nothing to match by, or fewer steps than phases.
    """
    if by not in ("steps", "tokens"):
        raise ValueError(f"Arms are matched by steps or tokens, but by={by!r} was asked for.")
    lacking = [
        f"{name}: {p.name}"
        for name, plan in plans.items()
        for p in plan.phases
        if by == "tokens" and "tokens" not in p.rows
    ]
    if lacking:
        raise ValueError(
            f"Matching by tokens needs a column tokens in the rows of {', '.join(lacking)}. Add "
            "it: sft.lengths(base, rows)."
        )

    def costs(plan: Curriculum) -> np.ndarray:
        if by == "steps":
            return np.array([plan.phase_steps(phase) for phase in plan.phases], dtype=float)
        read = [math.ceil(len(phase.rows) * phase.epochs) for phase in plan.phases]
        return np.array([p.rows["tokens"].mean() for p in plan.phases]) * read

    budget = min(costs(plan).sum() for plan in plans.values()) if budget is None else budget
    if budget < max(len(plan.phases) for plan in plans.values()):
        raise ValueError(f"A budget of {budget:g} {by} is less than one for each phase. Give more.")
    matched = {}
    for name, plan in plans.items():
        shares = costs(plan) * budget / costs(plan).sum()
        if by == "steps":  # whole steps that add up to the budget, none without any
            ends = np.round(np.cumsum(shares)).astype(int)
            steps = np.maximum(np.diff(ends, prepend=0), 1)
            steps[np.argmax(steps)] -= steps.sum() - ends[-1]
            # Half a row less than full batches: rounding up then gives just these, whatever the
            # division left over.
            rows = steps * plan.batch_size - 0.5
        else:
            rows = shares / np.array([phase.rows["tokens"].mean() for phase in plan.phases])
        phases = tuple(
            replace(phase, epochs=n / len(phase.rows))
            for phase, n in zip(plan.phases, rows, strict=True)
        )
        matched[name] = replace(plan, phases=phases)
    return matched


def schedule(curriculum: Curriculum, by: str = "level") -> pd.DataFrame:
    """Return one line per phase.

    Phase, steps, rows, epochs, learning_rate, and the share of rows per level.

    The shares are in columns "level 1" to the highest level there is ("level 0" is unknown), and
    add to 1.

    Args:
        by: The column whose shares are shown: level, or where rows come from (method, operator,
            language, stage).
    """
    levels = sorted({level for phase in curriculum.phases for level in _values(phase, by)})
    lines = []
    for phase in curriculum.phases:
        shares = _values(phase, by).value_counts(normalize=True)
        line = {"phase": phase.name, "steps": curriculum.phase_steps(phase)}
        line |= {"rows": len(phase.rows), "epochs": phase.epochs}
        line["learning_rate"] = phase.learning_rate
        lines.append(line | {f"{by} {level}": float(shares.get(level, 0.0)) for level in levels})
    return pd.DataFrame(lines)


def _values(phase: Phase, by: str) -> pd.Series:
    if by != "level":
        return phase.rows[by].fillna("none").astype(str)
    return phase.rows["level"] if "level" in phase.rows else pd.Series(0, index=phase.rows.index)


def learning_rates(curriculum: Curriculum) -> pd.DataFrame:
    """Return the learning rate of every optimiser step (step, phase, learning_rate), as training
    will have it.

    Each phase starts anew: a linear warm-up over ceil(warmup * steps), then the decay to zero.
    """
    parts = []
    for phase in curriculum.phases:
        n = curriculum.phase_steps(phase)
        warm = math.ceil(curriculum.warmup * n)
        steps = np.arange(n)
        progress = np.clip((steps - warm) / max(1, n - warm), 0, 1)
        share = np.where(steps < warm, steps / max(1, warm), DECAYS[curriculum.schedule](progress))
        parts.append(
            pd.DataFrame({"phase": phase.name, "learning_rate": phase.learning_rate * share})
        )
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "step", np.arange(1, len(table) + 1))
    return table


def _stages(make, rows, replay, seed):
    yield make("stage 1", rows[rows["stage"] == "normal"])
    yield make("stage 2", rows[rows["stage"] == "hard"], hard=True)


def _hard_first(make, rows, replay, seed):
    yield make("stage 2 first", rows[rows["stage"] == "hard"], hard=True)
    yield make("stage 1 last", rows[rows["stage"] == "normal"])


def _stage1_only(make, rows, replay, seed):
    yield make("stage 1", rows[rows["stage"] == "normal"])


def _shuffled(make, rows, replay, seed):
    yield make("shuffled", rows)


def _replay(make, rows, replay, seed):
    normal, hard = rows[rows["stage"] == "normal"], rows[rows["stage"] == "hard"]
    if not 0 < replay <= 1:
        raise ValueError(
            "The preset 'replay' needs the share of normal rows that stage 2 sees again, above "
            "0 and at most 1, "
            f"but replay={replay}. Set it, or choose the preset 'paper', which replays nothing."
        )
    yield make("stage 1", normal)
    # One order of all normal rows, so that a larger share holds every smaller one.
    again = randomness.rng(seed, "curriculum", "replay").permutation(len(normal))[
        : math.ceil(replay * len(normal))
    ]
    mixed = pd.concat([hard, normal.iloc[np.sort(again)]]) if len(hard) else hard
    yield make("stage 2 with replay", mixed, hard=True)


def _by_level(make, rows, replay, seed):
    if (rows["level"] == 0).any():
        raise ValueError(
            "The preset 'easy_to_hard_by_level' needs every row's level, but "
            f"{(rows['level'] == 0).sum()} of "
            f"{len(rows)} have none (level 0). Drop them, or choose another preset."
        )
    for level, part in rows.groupby("level"):
        yield make(f"level {level}", part)


# A preset yields phases from (make(name, rows, hard=False), rows, replay, seed).
PRESETS: dict[str, Callable] = {
    "paper": _stages,
    "shuffled": _shuffled,
    "hard_first": _hard_first,
    "stage1_only": _stage1_only,
    "replay": _replay,
    "easy_to_hard_by_level": _by_level,
}

# The share of the peak learning rate at a share of the way after warm-up; the names are
# transformers' own.
DECAYS: dict[str, Callable] = {
    "cosine": lambda progress: 0.5 * (1 + np.cos(np.pi * progress)),
    "linear": lambda progress: 1 - progress,
    "constant_with_warmup": np.ones_like,
}
