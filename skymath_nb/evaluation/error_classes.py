"""The classes of answers and the rules that tell them apart."""

import re
from fractions import Fraction
from importlib import resources
from typing import NamedTuple

import pandas as pd
import yaml

from .. import grading
from ..grading import solution_steps, spelling
from ..world.problem import HAN, number
from . import error_graphs

TABLES = yaml.safe_load(
    resources.files(__package__).joinpath("error_classes.yaml").read_text(encoding="utf-8")
)
# class: (what it means, where it can be told); the order is the order of the report
CLASSES = {
    name: (entry["meaning"], TABLES["where"][entry["where"]])
    for name, entry in TABLES["classes"].items()
}
FAULTLESS = "right"
NAMED = spelling.ENGLISH | TABLES["numbers"]
# that nobody has to be told
CONSTANTS = frozenset(
    map(Fraction, (*range(11), 12, 24, 30, 31, 52, 60, 90, 100, 180, 360, 365, 1000))
)
# a problem with formulas, whose solution has numbers of its own
SYMBOLIC = re.compile(r"[\\^]|\$\s*-?[^$\d\s.]")
ANSWER_LINE = re.compile(r"the answer is[^\n]*", re.I)
WORDS = re.compile(r"[A-Za-z]{3,}")
FORMULA = re.compile(r"\$[^$]*\$|\\[A-Za-z]+|\b(?:gcd|lcm|boxed|sin|cos|tan|log)\b")


class Verdict(NamedTuple):
    """The class of an answer, the characters of the response that show it (0, 0 where none does),
    and why, in words.
    """

    error: str
    start: int = 0
    end: int = 0
    evidence: str = ""


def classify(table: pd.DataFrame) -> pd.DataFrame:
    """Name what happened to each answer.

    The columns `error`, `start`, `end`, `evidence`, with the table's index.

    Args:
        table: Answers (schema ANSWERS) with the text of the `problem`; a row whose problem is
            missing is judged by its response alone. `start` and `end` are characters of the
            response, as in response[start:end].

    Raises:
        ValueError: Where a column is missing.
    """
    needed = ["response", "extracted", "strict", "flexible", "cap_hit", "problem"]
    if missing := [name for name in needed if name not in table.columns]:
        raise ValueError(
            f"Answers are classified from the columns {', '.join(needed)}, but the table lacks "
            f"{', '.join(missing)}. Join the problems by id, for instance "
            "answers.assign(problem=answers['id'].map(items.set_index('id')['problem']))."
        )
    rows = table[needed].astype(object).where(table[needed].notna(), None)
    verdicts = [diagnose(*row) for row in rows.itertuples(index=False, name=None)]
    return pd.DataFrame(verdicts, columns=["error", "start", "end", "evidence"], index=table.index)


def diagnose(
    response: str,
    extracted: str | None,
    strict: bool,
    flexible: bool,
    cap_hit: bool,
    problem: str | None = None,
) -> Verdict:
    """Judge one graded answer by the first rule that holds; see CLASSES for what the classes mean.

    Of a right answer: extraction, then steps, then language. Of a wrong one: cut off, no answer,
    then the first step that is wrong, then language; what is left is "other". So a cut-off answer
    is not searched for slips.
    """
    response, graph = response or "", error_graphs.graph(problem) if problem else None
    if flexible and not strict:
        start = max(response.rfind(extracted or ""), 0)
        evidence = "equal to the gold answer, but not behind its prefix"
        return Verdict("wrong extraction", start, start + len(extracted or ""), evidence)
    if not flexible and cap_hit:
        return Verdict(
            "cut off", max(len(response) - 1, 0), len(response), "the limit of length was reached"
        )
    if not flexible and not (extracted or "").strip():
        return Verdict("no answer", 0, 0, "nothing could be read as an answer")
    read = solution_steps.read(response)
    fault = _fault(read, response, problem, graph, extracted, flexible)
    if fault:
        return fault
    if place := _foreign(response, problem):
        return Verdict(
            "wrong language", *place, "these words are in another language than the problem"
        )
    return Verdict("right") if flexible else Verdict("other")


def _fault(read, response, problem, graph, extracted, right):
    """What is wrong with the steps.

    Of a right answer only what no other way of solving could explain.
    """
    if graph is None:
        found = next((error_graphs.slip(step) for step in read if not step.holds), None) or _copied(
            read, response, problem
        )
    else:
        found = error_graphs.compare(read, response, graph, _exact(extracted))
    if found is None:
        return None
    if not right:
        return Verdict(*found)
    if found.error in ("arithmetic slip", "distractor used", "wrong operation") or (
        graph and _unrelated(read, response, graph)
    ):
        evidence = f"{found.error}: {found.evidence}"
        return Verdict("right answer with wrong steps", found.start, found.end, evidence)
    return None


def _copied(read, response, problem):
    """The first operand that stands neither in the problem nor anywhere before in the response.

    English without formulas only.
    """
    if not problem or HAN.search(problem) or SYMBOLIC.search(problem):
        return None
    named = {
        Fraction(NAMED[word]) for word in re.findall(r"[a-z]+", problem.lower()) if word in NAMED
    }
    known, place = {*CONSTANTS, *named, *solution_steps.numbers(problem)}, 0
    for n in set(known):
        known |= {n / 100, 100 - n, 1 + n / 100, 1 - n / 100}
    known |= {1 - n for n in known} | {1 / n for n in known if n}
    for step in read:
        known |= solution_steps.numbers(response[place : step.start])
        place = step.start
        for operation in step.operations:
            if foreign := [side for side in operation[1:3] if side not in known]:
                evidence = (
                    f"{number(foreign[0])} is neither in the problem nor before in the answer"
                )
                return error_graphs.Departure("wrong number copied", step.start, step.end, evidence)
            known.add(operation.value)
    return None


def _unrelated(read, response, graph):
    """Say whether every equation was read and nothing before the answer's line comes to the
    answer.
    """
    if (
        not read
        or response.count("=") > len(read)
        or graph.answer in solution_steps.numbers(ANSWER_LINE.sub("", response[read[-1].end :]))
    ):
        return False
    return all(
        graph.answer not in (step.stated, *(o.value for o in step.operations)) for step in read
    )


def _exact(answer):
    """The answer as an exact number, or None where it is not plainly one."""
    text = grading.normalise(answer or "").replace(" ", "")
    match = re.fullmatch(r"-?\d{1,30}(?:/[1-9]\d{0,30}|\.\d{1,30})?", text)
    return Fraction(text) if match else None


def _foreign(response, problem):
    """The first words in another language than the problem's.

    Steps and the answer's line have no language.
    """
    if not problem:
        return None
    if not HAN.search(problem):
        found = HAN.search(response)
        return (found.start(), found.end()) if found else None
    if HAN.search(response):
        return None
    text = re.sub(
        FORMULA, lambda m: " " * len(m[0]), ANSWER_LINE.sub(lambda m: " " * len(m[0]), response)
    )
    found = WORDS.search(text)
    return (found.start(), found.end()) if found else None
