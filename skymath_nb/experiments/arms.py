"""Experiments: one recipe, trained and evaluated as one cached unit.

The only module that joins engines and methods.
"""

import dataclasses
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from .. import grading
from ..core import code_digests, disk, locks, schema
from ..core.schema import Curriculum, row_id
from ..evaluation import scores as evaluate
from ..inference import generation
from ..prompts import student as student_prompt
from ..training import sft


@dataclasses.dataclass(frozen=True, eq=False)
class Recipe:
    """What one arm of an experiment is.

    A base, what it is trained on, and what it is asked (name -> seeds table).
    """

    name: str
    base: str | Path
    curriculum: Curriculum
    benchmarks: dict[str, pd.DataFrame]
    max_new_tokens: int = 256
    backend: str = "full"
    too_long: str = "refuse"  # rows over max_length: "refuse" or "drop"
    # further settings of sft.train that decide the result: tuning, loss, ...
    training: dict = dataclasses.field(default_factory=dict)


# Over eight parameters: options of a notebook, named one by one.
def run(
    recipe: Recipe,
    seed: int,
    folder: str | Path,
    *,
    prompt: Callable[[str], str] | None = None,
    batch_size: int = 128,
    device: str = "auto",
    threads: int = 0,
    launcher: str = "",
    micro_batch: int = 0,
    progress: Callable[[str], None] | None = None,
    waiting: Callable[[str], None] | None = None,
) -> dict:
    """Train a recipe with one seed, let the student answer its benchmarks, and return the flat
    report.

    The unit is the folder `place(...)`: student/, answers.parquet, and report.json, written last. A
    unit that has its report is returned as it is; a unit without one goes on from its student or
    its answers. `seed` takes the place of the curriculum's own; `prompt` is the student's, query ->
    text, for training and evaluation alike; threads, launcher and micro_batch are those of
    sft.train, batch_size is of generate.generate. Of several processes one works on a unit: with
    `waiting` (told who) the others wait for it, and take over if it dies.

    Raises:
        ValueError: If there is nothing to ask; locks.Busy without `waiting`; else what sft.train
            and generate.generate raise.
    """
    if not recipe.benchmarks or any(items.empty for items in recipe.benchmarks.values()):
        sizes = {name: len(items) for name, items in recipe.benchmarks.items()}
        raise ValueError(
            f"The arm {recipe.name!r} needs benchmarks with items, but it has {sizes or 'none'}."
        )
    prompt = prompt or student_prompt
    unit = place(recipe, seed, folder, prompt=prompt)
    if not (unit / "report.json").is_file():
        with locks.claim(unit, waiting):
            _complete(
                recipe,
                seed,
                unit,
                prompt,
                batch_size,
                progress,
                device=device,
                threads=threads,
                launcher=launcher,
                micro_batch=micro_batch,
            )
    return json.loads((unit / "report.json").read_text(encoding="utf-8"))


def _complete(
    recipe: Recipe, seed: int, unit: Path, prompt, batch_size: int, progress, **how
) -> None:
    if (unit / "report.json").is_file():  # by whom we waited for
        return
    if not (unit / "answers.parquet").is_file():
        student = sft.train(
            recipe.base,
            dataclasses.replace(recipe.curriculum, seed=seed),
            unit / "student",
            backend=recipe.backend,
            prompt=prompt,
            too_long=recipe.too_long,
            progress=progress,
            **recipe.training,
            **how,
        )
        settings = {
            "max_new_tokens": recipe.max_new_tokens,
            "batch_size": batch_size,
            "device": how["device"],
        }
        schema.write(
            _ask(student, recipe, prompt, settings, progress), unit / "answers.parquet", "answers"
        )
    report = _report(recipe, seed, unit)
    disk.save(unit / "report.json", json.dumps(report, indent=2, allow_nan=False) + "\n")


def place(
    recipe: Recipe, seed: int, folder: str | Path, *, prompt: Callable[[str], str] | None = None
) -> Path:
    """Return the folder of one unit, <name>-<digest>-s<seed>.

    The digest is over all that decides its numbers.
    """
    prompt = prompt or student_prompt
    # what its answers will carry
    told = ("id", "problem", "answer", "level", "subject", "language", "distractors", "pair")
    asked = (
        (name, *items[[column for column in told if column in items]].to_numpy().ravel())
        for name, items in recipe.benchmarks.items()
    )
    parts = [
        sft.base_digest(recipe.base),
        dataclasses.replace(recipe.curriculum, seed=seed).digest(),
        recipe.max_new_tokens,
        recipe.backend,
        recipe.too_long,
        *sorted(recipe.training.items()),
        prompt("{query}"),
        # an edited trainer or grader makes another unit
        *code_digests.of_modules({__name__}).items(),
        *(row_id(*parts) for parts in asked),
    ]
    return Path(folder) / f"{recipe.name}-{row_id(*parts)[:8]}-s{seed}"


def _ask(student: Path, recipe: Recipe, prompt, settings: dict, progress) -> pd.DataFrame:
    # All benchmarks at once: batches of like length across them, and the student is loaded once.
    parts = [items.assign(benchmark=name) for name, items in recipe.benchmarks.items()]
    items = pd.concat(parts, ignore_index=True)
    prompts = [prompt(problem) for problem in items["problem"]]
    completions = generation.generate(student, prompts, progress=progress, **settings)
    grades = grading.grade_many(
        [completion.text for completion in completions], items["answer"].tolist()
    )
    return evaluate.assemble(items["benchmark"], items, completions, grades)


def _report(recipe: Recipe, seed: int, unit: Path) -> dict:
    trained = sft.read_training(unit / "student")
    scores = evaluate.score(schema.read(unit / "answers.parquet", "answers"), by=("benchmark",))
    return {
        "arm": recipe.name,
        "seed": seed,
        "rows": recipe.curriculum.n_rows,
        **{key: trained[key] for key in ("steps", "tokens", "cpu_seconds")},
        "final_loss": trained["phases"][-1]["final_loss"],
        **evaluate.flat_report(scores),
    }


class Unit(NamedTuple):
    """One arm with one training seed."""

    recipe: Recipe
    seed: int


def run_all(
    units: Sequence[Unit],
    folder: str | Path,
    *,
    workers: int = 1,
    progress: Callable[[str], None] | None = print,
    **settings,
) -> pd.DataFrame:
    """Run many units and return their reports, one row a unit, in the order of `units`.

    Finished units cost nothing.

    Several processes or machines may call this on one shared folder: each takes the units that
    nobody is at work on, then waits for the others'. A unit that fails does not stop the others:
    they are finished and kept, then the first error is raised.

    Args:
        workers: Processes side by side, one torch thread each; 1 stays in this process. settings
            as of `run`.
    """
    units = list(units)
    prompt = settings.get("prompt")

    def is_done(unit: Unit) -> bool:
        return (place(*unit, folder, prompt=prompt) / "report.json").is_file()

    left = [unit for unit in units if not is_done(unit)]
    say = progress or (lambda line: None)
    say(f"{len(units)} units, {len(units) - len(left)} of them finished before")
    errors, told = [], count(1)

    def tell(line):
        say(f"units: {next(told)}/{len(left)}, {line}")

    held = _pass(left, folder, workers, settings, tell, errors)
    if held:
        say(f"waiting for {len(held)} units that other processes are at work on")
        _pass(held, folder, workers, settings | {"waiting": _hush}, tell, errors)
    if errors:
        raise errors[0]
    return pd.DataFrame([run(*unit, folder, **settings) for unit in units])


def _pass(units: list[Unit], folder, workers: int, settings: dict, say, errors: list) -> list[Unit]:
    """Run what is free; return the units that others hold."""
    held = []
    if workers > 1 and len(units) > 1:
        context = multiprocessing.get_context("spawn")  # a forked child would share torch's threads
        with ProcessPoolExecutor(
            min(workers, len(units)), mp_context=context, initializer=_die_with_parent
        ) as pool:
            try:
                alone = settings | {"threads": 1}
                futures = {pool.submit(run, *unit, folder, **alone): unit for unit in units}
                for future in as_completed(futures):
                    _settle(futures[future], future.result, say, errors, held)
            except KeyboardInterrupt:
                # their units go on from their checkpoints
                for child in multiprocessing.active_children():
                    child.terminate()
                raise
    else:
        for unit in units:
            _settle(unit, partial(run, *unit, folder, **settings), say, errors, held)
    return held


def _die_with_parent():
    """A worker whose parent was killed would train on, for nobody knows whom."""

    def wait():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _hush(line: str):
    pass


def _settle(unit: Unit, result, say, errors: list, held: list) -> None:
    try:
        report = result()
        cost = f"{report['steps']} steps, {report['cpu_seconds']:.0f} CPU-s"
        say(f"{unit.recipe.name}, seed {unit.seed}: {cost}")
    except locks.Busy:
        held.append(unit)
    except Exception as error:
        errors.append(error)
        say(f"{unit.recipe.name}, seed {unit.seed} failed: {error}")


def read_answers(units: Sequence[Unit], folder: str | Path, **settings) -> pd.DataFrame:
    """The answers of finished units with the columns arm and seed before them."""
    tables = []
    for unit in units:
        table = schema.read(
            place(unit.recipe, unit.seed, folder, **settings) / "answers.parquet", "answers"
        )
        tables.append(table.assign(arm=unit.recipe.name, seed=unit.seed))
    return pd.concat(tables, ignore_index=True)
