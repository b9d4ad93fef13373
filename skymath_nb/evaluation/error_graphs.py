"""Comparing the steps of a solution with the graph of a problem of the world.

Where the solution first leaves it, and how.
"""

import re
from bisect import bisect_left
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from ..grading.solution_steps import SENTENCE, Operation, Step, numbers
from ..world.problem import (
    KINDS,
    STYLES,
    Problem,
    Unreadable,
    Unsolvable,
    number,
    operate,
    read,
    write_clause,
)

COMMUTE = ("+", "*", "gcd", "lcm")
OPENERS = sorted(
    {word.strip() for styles in STYLES.values() for style in styles for word in style[:3]} - {""},
    key=len,
    reverse=True,
)
BARE = re.compile(rf"\s*(?:{'|'.join(map(re.escape, OPENERS))})?\s*((?:gcd|lcm|[-+*/%=().,\d\s])+)")


class Graph(NamedTuple):
    """What the text of a problem says.

    The operations of its solution, the numbers that matter (with constants such as the 2 of a
    perimeter), and the numbers that only stand in sentences which change nothing.
    """

    operations: tuple[Operation, ...]
    given: frozenset[Fraction]
    idle: frozenset[Fraction]
    answer: Fraction


class Departure(NamedTuple):
    """Where a solution leaves the graph.

    The class of error, the characters of the response, and the evidence in words.
    """

    error: str
    start: int
    end: int
    evidence: str


@lru_cache(maxsize=1 << 14)
def graph(text: str) -> Graph | None:
    """The graph behind a problem's text, or None where it is not one of the world's problems."""
    try:
        problem = read(text)
        operations = _operations(problem)
    except (Unreadable, Unsolvable):
        return None
    told, idle = set(), set()
    for clause in problem.clauses:
        words = re.findall(r"\d+", write_clause(clause, problem.language))
        (idle if KINDS[clause.kind].role == "noise" else told).update(map(Fraction, words))
    values = {operation.value for operation in operations}
    constants = {side for operation in operations for side in operation[1:3]} - values
    return Graph(
        operations, frozenset(told | constants), frozenset(idle - told - constants), problem.answer
    )


def _operations(problem: Problem) -> tuple[Operation, ...]:
    """The steps of the graph as single operations.

    A percentage is a product, then a division by 100.
    """
    operations = []
    for step in problem.steps:
        if step.operation == "pct":
            product = step.left * step.right
            operations += [
                Operation("*", step.right, step.left, product),
                Operation("/", product, Fraction(100), step.value),
            ]
        else:
            operations.append(Operation(*step))
    return tuple(operations)


def compare(
    steps: list[Step], response: str, graph: Graph, answer: Fraction | None
) -> Departure | None:
    """The first place where a solution leaves the graph.

    None where it does everything and states the result as its answer.

    A step is followed as long as it is one that the graph has, in any order, and true. The first
    that is not decides, by the first rule that holds: an operand that is neither in the text nor an
    earlier result; one that stands only in a distractor; a false equation; a step taken in between,
    of a solution with too many steps; the operands of a step of the graph under another operation,
    or in the wrong order; a step of the graph that was jumped over, of a solution with too few; one
    wrong operand; a step after the answer was reached; anything else is a wrong set-up. A false
    equation whose correction leads to the right answer comes first wherever it stands, so that a
    solution that takes another right way is not blamed for that.
    """
    slips, gaps = [step for step in steps if not step.holds], _unreadable(response, steps)
    if slips and not gaps and _corrected(steps) == graph.answer:
        return slip(slips[0])
    todo, done, results, stated, place = list(graph.operations), [], set(), set(), 0
    taken = [(step, operation) for step in steps for operation in step.operations]
    for i, (step, operation) in enumerate(taken):
        if gaps and gaps[0][0] < step.start:
            break
        # worked out in words, where steps cannot be read
        stated |= numbers(response[place : step.start])
        place = step.end
        if _is_number(operation, results):
            continue
        match = next((g for g in (*todo, *done) if _same(operation, g)), None)
        if found := None if match else _origin(operation, graph, results, stated):
            return Departure(found[0], step.start, step.end, found[1])
        later = [other for _, other in taken[i + 1 :]]
        error, evidence = ("", "") if match else _judge(operation, todo, graph, later)
        if not step.holds and operation is step.operations[-1]:
            found = slip(step)
            return found._replace(
                evidence="; besides, ".join(filter(None, (found.evidence, evidence)))
            )
        if error:
            return Departure(error, step.start, step.end, evidence)
        if match in todo:
            todo.remove(match)
            done.append(match)
        results |= {operation.value} | (
            {step.stated} if operation is step.operations[-1] else set()
        )
    if gaps:
        return Departure("malformed step", *gaps[0], "this is not a complete equation")
    return _ending(steps, response, [g for g in todo if g.value not in stated], graph, answer)


def slip(step):
    value, stated = number(step.operations[-1].value), number(step.stated)
    return Departure(
        "arithmetic slip", step.start, step.end, f"the result is {value}, not {stated}"
    )


def _origin(operation, graph, results, stated):
    """(class, evidence) where an operand is not one that a solution may use."""
    unknown = [side for side in operation[1:3] if side not in graph.given and side not in results]
    if foreign := [side for side in unknown if side not in graph.idle | stated]:
        return (
            "wrong number copied",
            f"{number(foreign[0])} is neither in the problem nor an earlier result",
        )
    idle = [side for side in unknown if side in graph.idle]
    if not idle:
        return None
    return "distractor used", f"{number(idle[0])} stands only in a sentence that changes nothing"


def _judge(operation, todo, graph, later):
    """(class, evidence) of an operation on known numbers that the graph does not have."""
    sides, too_many, too_few = operation[1:3], len(later) >= len(todo), len(later) + 1 < len(todo)
    for g in todo if too_many else ():
        if any(_same(other, g, {side: operation.value}) for other in later[:1] for side in sides):
            return "extra step", f"the problem goes on from {_written(g)} without this step"
    for g in todo:
        if Counter(sides) == Counter(g[1:3]):
            return "wrong operation", f"the problem asks for {_written(g)}"
    replaced = [found for g in todo for found in _replaced(operation, g)]
    for _, wanted, used in replaced:
        skipped = next(
            (h for h in todo if too_few and h.value == wanted and used in _reach(h, todo)), None
        )
        if skipped:
            return "missing step", f"{_written(skipped)} = {number(skipped.value)} comes first"
    if replaced:
        g, wanted, used = replaced[0]
        return (
            "wrong operand",
            f"the problem asks for {_written(g)}: {number(wanted)}, not {number(used)}",
        )
    if not todo:
        return "extra step", f"the answer {number(graph.answer)} was reached before this step"
    return (
        "wrong set-up",
        f"no step of the problem combines these; next would be {_written(todo[0])}",
    )


def _ending(steps, response, todo, graph, answer):
    """What is wrong where every step that is there is right.

    Nothing is said where a step may be among what cannot be read.
    """
    if (
        response.count("=") > len(steps)
        or not steps
        and not re.match(r"[\s.。]*(?:The answer is|-?[\d/.]+\s*$)", response)
    ):
        return None
    if todo:
        start, end = (steps[-1].start, steps[-1].end) if steps else (0, len(response))
        evidence = f"{_written(todo[0])} = {number(todo[0].value)} is not taken"
        return Departure("missing step", start, end, evidence)
    if answer is not None and answer != graph.answer:
        start = _place_of_answer(response, steps[-1].end if steps else 0)
        evidence = f"the steps lead to {number(graph.answer)}, the answer says {number(answer)}"
        return Departure("wrong number copied", start, len(response), evidence)
    return None


def _place_of_answer(response, end):
    rest = response[end:]
    return end + len(rest) - len(rest.lstrip(" .。\n"))


def _same(a, b, renamed=None):
    """Say whether two operations are the same.

    `renamed` maps an operand that b should have to the one that a has.
    """
    left, right = ((renamed or {}).get(side, side) for side in b[1:3])
    return a[0] == b[0] and (a[1:3] == (left, right) or a[0] in COMMUTE and a[1:3] == (right, left))


def _replaced(operation, g):
    """(g, operand of g, what stands in its place) where the operation is g but for one operand."""
    if operation[0] != g[0]:
        return []
    orders = [(0, 1), (1, 0)] if g[0] in COMMUTE else [(0, 1)]
    wanted, used = g[1:3], operation[1:3]
    return [
        (g, wanted[1 - k], used[order[1 - k]])
        for order in orders
        for k in (0, 1)
        if wanted[k] == used[order[k]]
    ]


def _reach(h, todo):
    """The operands of h and of the steps still to take that lead to it."""
    found = set(h[1:3])
    for side in h[1:3]:
        for g in todo:
            if g.value == side and g is not h:
                found |= set(g[1:3])
    return found


def _is_number(operation, results):
    """19/2 as an operand is written like a division.

    It is one number where it is an earlier result.
    """
    return (
        operation.operation == "/" and operation.value in results and operation.left not in results
    )


def _written(g):
    left, right = number(g.left), number(g.right)
    if g.operation in ("gcd", "lcm"):
        return f"{g.operation}({left}, {right})"
    return f"{left} {g.operation} {right}"


def _corrected(steps):
    """The last value when every false equation is corrected and the steps that use its result go on
    from there.
    """
    right, value = {}, None
    for step in steps:
        for operation in step.operations:
            left, other = (right.get(side, side) for side in operation[1:3])
            value = _redo(operation.operation, left, other)
            if value is None:
                return None
            if value != operation.value:
                right[operation.value] = value
            else:
                right.pop(operation.value, None)
        if step.stated != value:
            right[step.stated] = value
        else:
            right.pop(step.stated, None)
    return value


def _redo(sign, left, right):
    try:
        return operate(sign, left, right)
    except Unsolvable:
        return None


def _unreadable(response, steps):
    """Places that look like a step and are none: "7 - 16 = "."""
    starts, found, start = [step.start for step in steps], [], 0
    for end in [*(m.start() for m in SENTENCE.finditer(response)), len(response)]:
        bare = BARE.fullmatch(response[start:end])
        if bare and re.search(r"[-+*/%=(]", bare[1]):
            a, b = start + bare.start(1), start + len(response[start:end].rstrip())
            before = bisect_left(starts, b)  # the steps that begin before this ends
            if not before or steps[before - 1].end <= a:
                found.append((a, b))
        start = end + 1
    return found
