"""How far the classes can be trusted.

Errors of a known kind are planted in right solutions of the world, and classified.
"""

import random
from collections.abc import Iterable, Sequence
from fractions import Fraction

import pandas as pd

from .. import grading, world
from ..core import randomness
from ..world.problem import STYLES, Problem, Unsolvable, number, operate, solve, write_solution
from .error_classes import FAULTLESS, classify
from .error_graphs import graph

TRIES = 30
SLIPS = (-10, -2, -1, 1, 2, 10)
OTHER_OPERATIONS = {"+": "-*", "-": "+*", "*": "+-", "/": "-*", "%": "-"}
OTHER_OPERATIONS |= {"gcd": "-+", "lcm": "+-", "pct": "+-"}
STEPPED = ("arithmetic slip", "wrong number copied", "distractor used", "wrong operation")
STEPPED += ("wrong operand", "missing step", "extra step")
PLANTED = ("wrong extraction", "right answer with wrong steps", "wrong language", "cut off")
PLANTED += ("no answer", *STEPPED, "malformed step")


def plant(problem: Problem, error: str, rng: random.Random) -> tuple[str, bool] | None:
    """A solution of the problem with one error of a class, carried on consistently, as (response,
    cap_hit).

    Args:
        error: One of PLANTED, or "right" for none. None where this problem has no room for such an
            error: no step, no distractor, or every try led to the right answer all the same.

    Raises:
        ValueError: For another class.
    """
    if error not in (*PLANTED, FAULTLESS):
        raise ValueError(
            f"Errors of the class {error!r} cannot be planted; choose from {', '.join(PLANTED)}, "
            f"or {FAULTLESS!r}."
        )
    if not problem.steps and error != FAULTLESS:
        return None
    style = rng.randrange(len(STYLES[problem.language]))
    if error not in STEPPED:
        return _unstepped(problem, error, rng, style)
    for _ in range(TRIES):
        at = rng.randrange(len(problem.steps))
        try:
            answer, steps = _solve_with(problem, error, at, rng)
        except (Unsolvable, LookupError):  # this place has no room for it
            continue
        if answer != problem.answer:
            return write_solution(steps, answer, problem.language, style), False
    return None


def _unstepped(problem, error, rng, style):
    """The errors that leave the chain of steps as it is, but for its text."""
    text = problem.solution(style)
    body, final = text.rsplit("\n", 1)
    if error == FAULTLESS:
        return text, False
    if error == "wrong extraction":
        return f"{body}\n\\boxed{{{number(problem.answer)}}}", False
    if error == "wrong language":  # only two of the styles have words
        other = "zh" if problem.language == "en" else "en"
        return write_solution(problem.steps, problem.answer, other, rng.choice((2, 3))), False
    if error == "cut off":
        return text[: rng.randrange(1, len(body))], True
    if error == "no answer":
        return {"en": "I do not know.", "zh": "我不知道。"}[problem.language], False
    step = rng.choice(problem.steps)
    if error == "right answer with wrong steps":
        wrong = step._replace(value=step.value + rng.choice(SLIPS))
        steps = [wrong if each == step else each for each in problem.steps]
        return write_solution(steps, problem.answer, problem.language, style), False
    if rng.random() < 0.5:
        broken = str(step).rsplit("=", 1)[0] + "="
    else:
        broken = str(step).replace(" ", " ( ", 1)
    answer = problem.answer + rng.choice(SLIPS)
    closing = final.replace(number(problem.answer), number(answer))
    return f"{body.replace(str(step), broken, 1)}\n{closing}", False


def _solve_with(problem, error, at, rng):
    """(answer, steps) of the problem's expression with an error in its operation number `at`."""
    if error == "arithmetic slip":
        seen = []

        def careless(operation, left, right):
            seen.append(operation)
            return operate(operation, left, right) + (
                rng.choice(SLIPS) if len(seen) == at + 1 else 0
            )

        return solve(problem.expression, careless)
    return solve(_spoiled(problem, error, at, rng))


def _spoiled(problem, error, at, rng):
    """The expression with its operation number `at` replaced."""
    facts, seen = graph(problem.text), {}

    def spoil(node):
        operation, left, right = node
        leaves = [i for i in (1, 2) if not isinstance(node[i], tuple)]
        if error == "wrong operation":
            return (rng.choice(OTHER_OPERATIONS[operation]), left, right)
        if error == "missing step":
            return rng.choice([side for side in node[1:] if isinstance(side, tuple)] or [left])
        if error == "extra step":
            return (rng.choice("+-*"), node, Fraction(rng.choice(sorted(facts.given))))
        values = {operation.value for operation in facts.operations}
        others = set(map(Fraction, range(2, 100))) - facts.given - facts.idle - values
        pools = {"wrong number copied": sorted(others), "wrong operand": sorted(facts.given)}
        pools["distractor used"] = sorted(facts.idle - values)
        place = rng.choice(leaves)
        wrong = rng.choice([n for n in pools[error] if n != node[place]])
        return (*node[:place], wrong, *node[place + 1 :])

    def walk(node):
        if not isinstance(node, tuple):
            return node
        if node not in seen:
            whole = (node[0], walk(node[1]), walk(node[2]))
            seen[node] = whole
            if len(seen) == at + 1:
                seen[node] = spoil(whole)
        return seen[node]

    return walk(problem.expression)


def validate(
    per_level: int = 20,
    seed: int = 0,
    levels: Sequence[int] = world.LEVELS,
    errors: Iterable[str] = PLANTED,
) -> pd.DataFrame:
    """Plant each class of error in right solutions, and classify: a row per planted error.

    Returns    planted, language, level, error (what the rules said), evidence, problem, response.
               "right" rows have nothing planted.
    The figures hold for solutions written in the world's own ways; of other solutions they say
    nothing.

    Args:
        per_level: Problems of each level, each in both languages; half of the time with 1 to 3
            distractors, always where those are wanted.
    """
    rows = []
    for i, drawn in enumerate(
        world.draw(seed, per_level * len(levels), levels=levels, split="dev", stream="validity")
    ):
        for language in world.LANGUAGES:
            for error in (FAULTLESS, *errors):
                rng = random.Random(randomness.stream(seed, "validity", str(i), language, error))
                problem = world.translate(drawn, language)
                if error == "distractor used" or rng.random() < 0.5:
                    problem = world.distract(problem, rng.randint(1, 3), rng)
                made = plant(problem, error, rng)
                if made is not None:
                    row = {"planted": error, "language": language, "level": problem.level}
                    row |= {"problem": problem.text, "response": made[0], "cap_hit": made[1]}
                    rows.append(row | {"answer": number(problem.answer)})
    table = pd.DataFrame(rows)
    grades = grading.grade_many(table["response"], table["answer"])
    names = ("strict", "flexible", "extracted")
    verdicts = {name: [getattr(grade, name) for grade in grades] for name in names}
    graded = table.assign(**verdicts)
    return table.drop(columns=["cap_hit", "answer"]).join(classify(graded))


def confusion(validated: pd.DataFrame) -> pd.DataFrame:
    """Counts of what was planted (rows) against what the rules said (columns), with `n` and
    `recall` per planted class.
    """
    counts = pd.crosstab(validated["planted"], validated["error"])
    order = [name for name in (FAULTLESS, *PLANTED) if name in counts.index]
    columns = [*order, *(name for name in counts.columns if name not in order)]
    counts = counts.reindex(index=order, columns=columns, fill_value=0)
    n = counts.sum(axis=1)
    return counts.assign(n=n, recall=[counts.loc[name, name] / n[name] for name in order])
