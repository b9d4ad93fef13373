"""What a base model of the world has read before any SFT.

Sums, chains, unsolved stories, stories told twice, symbolic maths.

No document holds a solved word problem. Every graph that a document spells out, down to the single
operations of a chain, is of the train split, and none stands in the world-backward benchmark, whose
inverse graphs fall into any split. Stories come from every family: a base knows the words of the
families that SFT never teaches, as a large base model would.
"""

import random
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

from ..core import randomness
from .benchmarks import items
from .edits import Uneditable, rephrase
from .families import FAMILIES
from .masking import backward
from .problem import (
    LANGUAGES,
    Unsolvable,
    canonical,
    invert,
    number,
    operate,
    solve,
    split_of,
    write_solution,
)
from .sampler import LARGEST, LEVELS, SEEN, distract, find, translate

FILTERED = 1000  # items of world-backward that are kept out by name
LETTERS = "abcdefghkmnpqrst"  # that name the quantities of a program


@cache
def kept_out() -> frozenset[str]:
    """Graph keys of the world-backward benchmark's first FILTERED items."""
    return frozenset(problem.key for _, problem in items("world-backward", FILTERED))


def allowed(key: str) -> bool:
    """True where a graph may stand in a document."""
    return split_of(key) == "train" and key not in kept_out()


def spelled_out(expression) -> set[str]:
    """Keys of all that an evaluation writes down.

    Every part of an expression, and every operation on its values.

    Example: ("*", ("+", 3, 5), 2) -> {"(+ 3 5)", "(* (+ 3 5) 2)", "(* 2 8)"}.
    """
    keys = set()

    def walk(node):
        if not isinstance(node, tuple):
            return node
        left, right = walk(node[1]), walk(node[2])
        keys.update((canonical(node), canonical((node[0], left, right))))
        return operate(node[0], left, right)

    walk(expression)
    return keys


def _allowed(problem):
    return allowed(problem.key)


def _draw(rng, families, language="en"):
    problem = find(rng, families, rng.choice(LEVELS), "en", accept=_allowed)
    if rng.random() < 0.2:
        problem = distract(problem, rng.randint(1, 2), rng)
    return translate(problem, language)


def _expression(rng):
    """The graph of a seen family's problem, all of whose parts are allowed."""

    def accept(problem):
        return all(map(allowed, spelled_out(problem.expression)))

    problem = find(rng, SEEN, rng.choice(LEVELS), "en", accept=accept)
    return problem.expression


def _worked(rng, expression):
    answer, steps = solve(expression)
    return write_solution(steps, answer, rng.choice(LANGUAGES), rng.randrange(4))


def infix(expression):
    """An expression as people write it: ("*", ("+", 3, 5), 2) -> "(3 + 5) * 2".

    A leaf may be a name, None is written x.
    """

    def inner(node):
        text = infix(node)
        return f"({text})" if isinstance(node, tuple) and node[0] not in ("gcd", "lcm") else text

    if not isinstance(expression, tuple):
        return expression if isinstance(expression, str) else number(expression)
    operation, left, right = expression
    if operation in ("gcd", "lcm"):
        return f"{operation}({inner(left)}, {inner(right)})"
    if operation == "pct":
        return f"{inner(right)} * {inner(left)} / 100"
    return f"{inner(left)} {operation} {inner(right)}"


def _sums(rng):
    """A line of single operations."""
    facts = []
    while len(facts) < 5:
        operation = rng.choice("+-*/%")
        left, right = rng.randint(1, LARGEST), rng.randint(2, 20 if operation in "+-" else 9)
        if operation == "*":
            left = rng.randint(1, LARGEST // right)
        if operation == "/":
            left = right * rng.randint(1, LARGEST // right)
        fact = (operation, Fraction(left), Fraction(right))
        value = operate(*fact)
        if value >= 0 and allowed(canonical(fact)):
            facts.append(f"{left} {operation} {right} = {number(value)}")
    return ". ".join(facts) + "."


def _chains(rng):
    """An expression and its evaluation, step by step."""
    expression = _expression(rng)
    return f"{infix(expression)}\n{_worked(rng, expression)}"


def _stories(rng):
    """A problem without its solution, sometimes asked backward."""
    problem = _draw(rng, tuple(FAMILIES), rng.choice(LANGUAGES))
    asked = backward(problem, rng) if rng.random() < 0.15 else None
    return asked.text if asked and _allowed(asked) else problem.text


def _parallel(rng):
    """A problem in both languages, unsolved."""
    problem = _draw(rng, tuple(FAMILIES))
    pair = [problem.text, translate(problem, "zh").text]
    return "\n".join(pair if rng.random() < 0.5 else pair[::-1])


def _rewordings(rng):
    """A problem in two wordings, unsolved."""
    problem = _draw(rng, tuple(FAMILIES), rng.choice(LANGUAGES))
    try:
        return f"{problem.text}\n{rephrase(problem, rng).text}"
    except Uneditable:  # too few wordings
        return problem.text


def _programs(rng):
    """Assignments, some of them idle, a name that is asked for, and its value worked out."""
    expression, lines, named = _expression(rng), [], {}
    letters, all_named = rng.sample(LETTERS, len(LETTERS)), rng.random() < 0.5

    def name(node):
        if not isinstance(node, tuple) and not all_named:
            return node
        if node not in named:
            value = (node[0], name(node[1]), name(node[2])) if isinstance(node, tuple) else node
            named[node] = letters.pop()
            lines.append(f"{named[node]} = {infix(value)}")
        return named[node]

    asked = name(expression)
    for _ in range(rng.choice((0, 0, 1, 2))):
        lines.insert(rng.randint(0, len(lines)), f"{letters.pop()} = {rng.randint(2, 60)}")
    return "\n".join([*lines, f"{asked} = ?", _worked(rng, expression)])


def _equations(rng):
    """An equation in one unknown, and the unknown worked out."""
    while True:
        expression = _expression(rng)
        asked = _masked(expression, rng)
        value, _ = solve(expression)
        try:
            solved = invert(asked, value)
            if all(map(allowed, spelled_out(solved))):
                return f"{infix(asked)} = {number(value)}\n{_worked(rng, solved)}"
        except Unsolvable:  # a remainder cannot be undone
            continue


def _masked(expression, rng):
    """An expression with one of its numbers unknown."""
    if not isinstance(expression, tuple):
        return None
    side = rng.choice((1, 2))
    return (*expression[:side], _masked(expression[side], rng), *expression[side + 1 :])


KINDS = {
    "sums": _sums,
    "chains": _chains,
    "stories": _stories,
    "parallel": _parallel,
    "rewordings": _rewordings,
    "programs": _programs,
    "equations": _equations,
}


def documents(seed: int, index: int, mix: dict[str, float]) -> Iterator[str]:
    """An endless stream of documents of the kinds of `mix` (kind -> share).

    Stream `index` is independent of every other.
    """
    rng = random.Random(randomness.stream(seed, "corpus", str(index)))
    kinds, shares = [KINDS[kind] for kind in mix], list(mix.values())
    while True:
        yield rng.choices(kinds, shares)[0](rng)
