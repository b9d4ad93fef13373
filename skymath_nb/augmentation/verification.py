"""What can be checked of an instance, and what is made of it.

Every row carries its verdicts, and drops out only where asked.
"""

import json
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from .. import grading, world
from ..grading import solution_steps
from .operator_plan import SAME_ANSWER
from .parsing import numbers

TRUTHS = ("agrees_with_gold", "agrees_with_majority", "steps_hold")
TRUTHS += ("numbers_kept", "same_graph", "hard")
CHECKS = {  # what `verify` may name: the verdict, and what is said of a row where it is false
    "gold": ("agrees_with_gold", "disagrees with the gold"),
    "majority": ("agrees_with_majority", "disagrees with the majority"),
    "steps": ("steps_hold", "a step is wrong"),
    "numbers": ("numbers_kept", "a number is changed"),
    "hardness": ("hard", "not hard"),
}
AGREED = 0.8  # share of a question's answers: above it the teacher finds the question easy


class Vote(NamedTuple):
    """The majority among the answers of one question ("" for a tie or no answer), and its share of
    all replies.
    """

    answer: str
    share: float


def vote(found: list[str]) -> Vote:
    """The answer that most samples give, up to equivalence; "" stands for a sample without one.

    Source: self-consistency, arXiv 2203.11171.
    """
    counts = Counter()
    for answer in filter(None, found):
        counts[next((known for known in counts if grading.equivalent(answer, known)), answer)] += 1
    first, *others = [*counts.most_common(2), ("", 0)]
    if counts:
        return Vote(first[0] if first[1] > others[0][1] else "", first[1] / len(found))
    return Vote("", 0.0)


@lru_cache(maxsize=1 << 14)
def graph(text: str) -> tuple[str, int] | None:
    """The key and the level of a problem of the world, None for any other text."""
    try:
        problem = world.read(text)
    except (world.Unreadable, world.Unsolvable):
        return None
    return problem.key, problem.level


def judge(row: dict, majority: Vote | None, min_level: int):
    """Fill answer, level and verdicts of a row. A verdict is None where nothing can be said.

    agrees_with_gold      with the seed's answer where the operator keeps it, with the masked number
                          of a backward question
    agrees_with_majority  of the question's samples; `agreement` is the majority's share of them
    steps_hold            no step a op b = c of the response is false
    numbers_kept          a problem that is only put otherwise has all numbers of its seed
    same_graph            and is the same problem, where both are problems of the world
    hard                  in the hard stage: the world's level (operations to the answer) is at
                          least min_level; for other texts, the teacher's own samples agree on at
                          most four fifths (a rate of failure as the measure of difficulty:
                          DART-Math, arXiv 2407.13690)
    """
    response, operator = row["response"], row["operator"]
    row["answer"] = grading.extract(response) or "" if response else ""
    found = graph(row["query"]) if row["query"] else None
    row["level"] = found[1] if found else row["seed_level"] if operator in SAME_ANSWER else 0
    same = operator in SAME_ANSWER and operator != "answer" and bool(row["query"])
    origin = graph(row["seed_problem"]) if same else None
    agreement = majority.share if majority else None
    row["verdicts"] = json.dumps(
        {
            "agrees_with_gold": _agree(row["answer"], row["gold"]),
            "agrees_with_majority": _agree(row["answer"], majority.answer) if majority else None,
            "agreement": agreement,
            "steps_hold": solution_steps.hold(response) if response else None,
            "numbers_kept": not numbers(row["seed_problem"]) - numbers(row["query"])
            if same
            else None,
            "same_graph": found is not None and found[0] == origin[0] if origin else None,
            "hard": _hard(found, agreement, min_level)
            if row["stage"] == "hard" and row["query"]
            else None,
        }
    )


def _agree(answer: str, other: str | None) -> bool | None:
    return grading.equivalent(answer, other) if answer and other else None


def _hard(found, agreement: float | None, min_level: int) -> bool | None:
    if found:
        return found[1] >= min_level
    return None if agreement is None else agreement <= AGREED


def contradicted(row: dict, checks) -> str:
    """The reason of the first of these checks whose verdict is false, or ""."""
    verdicts = json.loads(row["verdicts"])
    return next((CHECKS[check][1] for check in checks if verdicts[CHECKS[check][0]] is False), "")
