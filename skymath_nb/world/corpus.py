"""What a base model of the world has read before any SFT: sums, symbolic chains, unsolved stories, and stories in two languages.

No document holds a solved word problem. Stories and chains are drawn from the train split, and a sum is left out where its own key
falls outside it; a chain's single steps are not held against the test split. Stories come from every family: a base knows the words of
the families that SFT never teaches, as a large base model would.
"""

import random
from fractions import Fraction

from .. import runs
from .families import FAMILIES
from .masking import backward
from .problem import LANGUAGES, canonical, number, operate, solve, split_of, write_solution
from .sampler import LARGEST, LEVELS, SEEN, distract, find, translate

KINDS = {"sums": 0.2, "chains": 0.35, "stories": 0.25, "parallel": 0.2}  # shares of documents


def infix(expression):
    """An expression as people write it: ("*", ("+", 3, 5), 2) -> "(3 + 5) * 2"."""

    def walk(node):
        if not isinstance(node, tuple):
            return number(node)
        text = infix(node)
        return text if node[0] in ("gcd", "lcm") else f"({text})"

    if not isinstance(expression, tuple):
        return number(expression)
    operation, left, right = expression
    if operation in ("gcd", "lcm"):
        return f"{operation}({walk(left)}, {walk(right)})"
    if operation == "pct":
        return f"{walk(right)} * {walk(left)} / 100"
    return f"{walk(left)} {operation} {walk(right)}"


def _train(problem):
    return split_of(problem.key) == "train"


def _draw(rng, families, language="en"):
    problem = find(rng, families, rng.choice(LEVELS), "en", accept=_train)
    if rng.random() < 0.2:
        problem = distract(problem, rng.randint(1, 2), rng)
    return translate(problem, language)


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
        if value >= 0 and split_of(canonical(fact)) == "train":
            facts.append(f"{left} {operation} {right} = {number(value)}")
    return ". ".join(facts) + "."


def _chains(rng):
    """An expression and its evaluation, step by step."""
    expression = _draw(rng, SEEN).expression
    answer, steps = solve(expression)
    language = rng.choice(LANGUAGES)
    return f"{infix(expression)}\n{write_solution(steps, answer, language, rng.randrange(4))}"


def _stories(rng):
    problem = _draw(rng, tuple(FAMILIES), rng.choice(LANGUAGES))
    asked = backward(problem, rng) if rng.random() < 0.15 else None
    return asked.text if asked and _train(asked) else problem.text


def _parallel(rng):
    problem = _draw(rng, tuple(FAMILIES))
    pair = [problem.text, translate(problem, "zh").text]
    return "\n".join(pair if rng.random() < 0.5 else pair[::-1])


_WRITERS = {"sums": _sums, "chains": _chains, "stories": _stories, "parallel": _parallel}


def documents(seed: int, index: int):
    """An endless stream of documents; stream `index` is independent of every other."""
    rng = random.Random(runs.stream(seed, "corpus", str(index)))
    while True:
        yield _WRITERS[rng.choices(list(KINDS), KINDS.values())[0]](rng)
