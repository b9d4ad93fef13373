"""The world.

Our own problems with exact answers, in two languages, at five levels, with distractors.

It stands in for everything a laptop cannot download: seed problems, benchmarks and (through
`offline`) the teacher's knowledge. Problems are small computation graphs (`problem`), their
sentences a table (`families`); `sampler` draws them, `edits` augment them.
"""

import random

import pandas as pd

from ..core import randomness
from .benchmarks import BENCHMARK_SEED, BENCHMARKS, MOST_DISTRACTORS, items
from .edits import Uneditable, concretize, rephrase
from .families import FAMILIES
from .masking import ask_backward, backward, mask
from .problem import LANGUAGES, Problem, Unreadable, Unsolvable, language_of, number, read, split_of
from .sampler import LEVELS, SEEN, UNSEEN, Exhausted, distract, draw, translate

__all__ = [
    "BENCHMARKS",
    "FAMILIES",
    "LANGUAGES",
    "LEVELS",
    "MOST_DISTRACTORS",
    "SEEN",
    "UNSEEN",
    "Exhausted",
    "Problem",
    "Uneditable",
    "Unreadable",
    "Unsolvable",
    "ask_backward",
    "backward",
    "benchmark",
    "distract",
    "distracted",
    "draw",
    "key",
    "language_of",
    "mask",
    "number",
    "read",
    "reworded",
    "row",
    "seeds",
    "split_of",
    "translate",
]


def key(text: str) -> str | None:
    """The graph key of a text, or None where it is not a problem of the world."""
    try:
        return read(text).key
    except (Unreadable, Unsolvable):
        return None


def row(problem: Problem, id: str, source: str, split: str, style: int = 0) -> dict:
    """A problem as a row of the seeds table; `distractors` comes on top."""
    return {
        "id": id,
        "source": source,
        "split": split,
        "language": problem.language,
        "level": problem.level,
        "subject": problem.family,
        "problem": problem.text,
        "solution": problem.solution(style),
        "answer": number(problem.answer),
        "licence": "Apache-2.0",
        "distractors": problem.n_distractors,
    }


def seeds(n: int, seed: int, *, levels=LEVELS, chinese: float = 0.2, families=()) -> pd.DataFrame:
    """n seed problems of the train split in the seeds schema.

    Each is Chinese with probability `chinese`.
    """
    rows = []
    for i, problem in enumerate(draw(seed, n, levels=levels, families=families, stream="seeds")):
        is_chinese = (
            random.Random(randomness.stream(seed, "world", "language", str(i))).random() < chinese
        )
        rows.append(
            row(
                translate(problem, "zh" if is_chinese else "en"),
                f"world-train-{i:06d}",
                "world",
                "train",
            )
        )
    return pd.DataFrame(rows).drop(columns="distractors")


def benchmark(
    name: str, n: int = 300, seed: int = BENCHMARK_SEED, split: str = "test"
) -> pd.DataFrame:
    """A benchmark of the world in the seeds schema plus `distractors` and `pair`.

    Item i of every variant but world-unseen comes from item i of world-test, and has its id as
    `pair`.

    Raises ValueError for an unknown name. `world-backward` has fewer rows where no number of an
    item settles the question.

    Args:
        split: "test", or "dev": the same kind of items from other graphs, to choose settings on.
    """
    dev = "" if split == "test" else f"-{split}"
    drawn, origin = items(name, n, seed, split), name if name == "world-unseen" else "world-test"
    rows = [
        row(problem, f"{name}{dev}-{i:05d}", name, split) | {"pair": f"{origin}{dev}-{i:05d}"}
        for i, problem in drawn
    ]
    return pd.DataFrame(rows)


def distracted(rows: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The same instances, in a random share of them 1 to 3 sentences more in the query whose
    numbers change nothing.

    Rows are chosen and changed by streams of their ids; a query that is not one of the world's
    problems stays as it is.
    """

    def query(id, text):
        rng = random.Random(randomness.stream(seed, "distracted", str(id)))
        if rng.random() >= share:
            return text
        try:
            return distract(read(text), rng.randint(1, 3), rng).text
        except (Unreadable, Unsolvable):
            return text

    return rows.assign(query=[query(*row) for row in zip(rows["id"], rows["query"], strict=True)])


def reworded(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same instances with each query in other words, its graph the same.

    Where a sentence has one wording, told of other things.

    Rows are changed by streams of their ids. Raises ValueError where a query is no problem of the
    world, or can only be put as it is.
    """

    def query(id, text):
        rng = random.Random(randomness.stream(seed, "reworded", str(id)))
        try:
            problem = read(text)
            try:
                return rephrase(problem, rng).text
            except Uneditable:
                return concretize(problem, rng).text
        except (Unreadable, Unsolvable, Uneditable) as error:
            raise ValueError(
                f"The query of {id} was to be put in other words, but that cannot be done here: "
                f"{error}"
            ) from error

    return rows.assign(query=[query(*row) for row in zip(rows["id"], rows["query"], strict=True)])
