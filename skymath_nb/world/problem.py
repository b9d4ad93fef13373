"""A problem as a small computation graph with exact values, and the same graph read from and
written as text.

A problem is a list of clauses. A clause is language-neutral: a kind of sentence, its numbers, its
people, its thing; and which wording was used. Rendering looks the wording up; reading turns a
sentence into a skeleton (numbers, people and things replaced by marks) and looks that up. So the
reader is the exact inverse of the writer, and a text it does not know is refused, never guessed.
"""

import ast
import hashlib
import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from .families import FAMILIES, FIND, GROUPS, ITEMS, KNOWN, NOISE, PERSONS, Kind

LANGUAGES = ("en", "zh")
HAN = re.compile(r"[\u4e00-\u9fff]")
LONGEST = 8000  # characters of a text that is read; the longest drawn problem has a tenth of it
BOUNDARIES = {"en": re.compile(r"(?<=[.?]) +"), "zh": re.compile(r"(?<=[。？])")}
# How a solution words its steps: before the first, before a middle one, before the last, and what
# joins them.
STYLES = {
    "en": (
        ("", "", "", ". "),
        ("", "", "", ".\n"),
        ("First, ", "Then, ", "Finally, ", ". "),
        ("We compute ", "We get ", "We get ", ". "),
    ),
    "zh": (
        ("", "", "", "。"),
        ("", "", "", "。\n"),
        ("首先，", "然后，", "最后，", "。"),
        ("计算", "得", "得", "。"),
    ),
}


class Unreadable(ValueError):
    """The text is not one of the world's problems."""


class Unsolvable(ValueError):
    """The text is a problem of the world, but its numbers do not settle the question."""


class Step(NamedTuple):
    """One operation of a solution: `left operation right = value`, all exact."""

    operation: str
    left: Fraction
    right: Fraction
    value: Fraction

    def __str__(self):
        left, right, value = number(self.left), number(self.right), number(self.value)
        if self.operation == "pct":
            return f"{right} * {left} / 100 = {value}"
        if self.operation in ("gcd", "lcm"):
            return f"{self.operation}({left}, {right}) = {value}"
        return f"{left} {self.operation} {right} = {value}"


@dataclass(frozen=True)
class Clause:
    """One sentence.

    `kind` is "group.name"; `numbers`, `people` follow the kind's sorted slots; None is the masked
    number x.
    """

    kind: str
    numbers: tuple[Fraction | None, ...] = ()
    people: tuple[int, ...] = ()
    item: int = -1
    form: int = 0


class _Form(NamedTuple):
    kind: str
    form: int
    template: str
    order: tuple[str, ...]  # slots in the order in which they stand


def number(value):
    """Write an exact value: Fraction(6, 1) -> "6", Fraction(3, 4) -> "3/4", None -> "x"."""
    return "x" if value is None else str(value)


def _kinds():
    """All kinds by full name, questions also as statements ("family.name!")."""
    noise = {name: kind for kinds in NOISE.values() for name, kind in kinds.items()}
    backward = {
        "known": Kind("known", "", (KNOWN["en"],), (KNOWN["zh"],)),
        "find": Kind("find", "", (FIND["en"],), (FIND["zh"],)),
    }
    members = [*GROUPS.items(), *((family, kinds) for family, (_, kinds) in FAMILIES.items())]
    members += [("noise", noise), ("backward", backward)]
    kinds = {}
    for group, named in members:
        for name, kind in named.items():
            kinds[f"{group}.{name}"] = kind
            if kind.role == "ask":
                en, zh = (kind.state[language] for language in LANGUAGES)
                kinds[f"{group}.{name}!"] = replace(kind, role="state", en=(en,), zh=(zh,))
    return kinds


KINDS = _kinds()
_SLOT = re.compile(r"\{(\w)\}")


def _marks(language):
    """The pattern of what a skeleton has marks for: numbers, people and things."""
    edge = r"\b" if language == "en" else ""
    person, item = "|".join(PERSONS[language]), "|".join(ITEMS[language])
    return re.compile(
        r"(?P<number>\d+|(?<![A-Za-z])x(?![A-Za-z]))"
        rf"|{edge}(?P<person>{person}){edge}"
        rf"|{edge}(?P<item>{item}){edge}"
    )


def _mark(slot):
    if slot == "I":
        return "&"
    return "#" if slot.islower() else "@"


def slots(kind):
    """The kind's number slots, people slots and whether it names a thing: (("a", "b"), ("P",),
    True).
    """
    names = sorted(set(_SLOT.findall(kind.en[0])) - {"x", "I"})
    numbers = tuple(name for name in names if name.islower())
    people = tuple(name for name in names if name.isupper())
    return numbers, people, "{I}" in kind.en[0]


def _index(language):
    forms = {}
    for name, kind in KINDS.items():
        for i, template in enumerate(getattr(kind, language)):
            order = tuple(_SLOT.findall(template))
            if sorted(order) != sorted(_SLOT.findall(kind.en[0])):
                raise AssertionError(f"{name}: form {i} in {language} has other slots: {order}")
            skeleton = _SLOT.sub(lambda m: _mark(m[1]), template)
            if skeleton in forms:
                other = forms[skeleton].kind
                raise AssertionError(f"{name} and {other} share the {language} form {skeleton!r}")
            forms[skeleton] = _Form(name, i, template, order)
    return forms


_MARKS = {language: _marks(language) for language in LANGUAGES}
_FORMS = {language: _index(language) for language in LANGUAGES}
SLOTS = {name: slots(kind) for name, kind in KINDS.items()}
_INDEX = {  # the number of the person or the thing behind each word
    language: {name: i for names in (PERSONS, ITEMS) for i, name in enumerate(names[language])}
    for language in LANGUAGES
}


def write_clause(clause, language):
    """The sentence of a clause."""
    numbers, people, _ = SLOTS[clause.kind]
    words = {slot: number(value) for slot, value in zip(numbers, clause.numbers, strict=True)}
    words |= {slot: PERSONS[language][i] for slot, i in zip(people, clause.people, strict=True)}
    words |= {"I": ITEMS[language][clause.item], "x": "x"}
    return _SLOT.sub(lambda m: words[m[1]], getattr(KINDS[clause.kind], language)[clause.form])


def read_clause(sentence, language):
    """The clause of a sentence; raises Unreadable."""
    words = []

    def mark(match):
        words.append(match[0])
        return {"number": "#", "person": "@", "item": "&"}[match.lastgroup]

    form = _FORMS[language].get(_MARKS[language].sub(mark, sentence))
    if form is None:
        raise Unreadable(f"not a sentence of the world: {sentence[:120]!r}")
    values = dict(zip(form.order, words, strict=True))
    numbers, people, has_item = SLOTS[form.kind]
    index = _INDEX[language]
    return Clause(
        form.kind,
        tuple(None if values[slot] == "x" else Fraction(values[slot]) for slot in numbers),
        tuple(index[values[slot]] for slot in people),
        index[values["I"]] if has_item else -1,
        form.form,
    )


# --- meaning -------------------------------------------------------------------------------------

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}


def _parse(meaning):
    """Our own lines of meaning, parsed once: [(register or None, nested tuples)]."""

    def walk(node):
        match node:
            case ast.Name(id=name):
                return name
            case ast.Constant(value=value):
                return Fraction(value)
            case ast.BinOp(left=left, op=operation, right=right):
                return (_BINARY[type(operation)], walk(left), walk(right))
            case ast.Call(func=ast.Name(id=name), args=[left, right]):
                return (name, walk(left), walk(right))
        raise AssertionError(f"a meaning may hold names, numbers and operations only: {meaning}")

    lines = []
    for statement in ast.parse(meaning).body:
        register = statement.targets[0].id if isinstance(statement, ast.Assign) else None
        lines.append((register, walk(statement.value)))
    return lines


_MEANINGS = {name: _parse(kind.meaning) for name, kind in KINDS.items() if kind.meaning}


_OPERATIONS = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left % right,
    "gcd": lambda left, right: Fraction(math.gcd(int(left), int(right))),
    "lcm": lambda left, right: Fraction(math.lcm(int(left), int(right))),
    "pct": lambda left, right: left * right / 100,
}


def operate(operation, left, right):
    """One exact operation; raises Unsolvable where it has no value."""
    whole = left.denominator == right.denominator == 1 and right > 0
    if operation in ("%", "gcd", "lcm") and not whole:
        raise Unsolvable(f"{operation} needs whole numbers, got {left} and {right}")
    if operation == "/" and right == 0:
        raise Unsolvable("division by zero")
    return _OPERATIONS[operation](left, right)


_UNDO = {  # (operation, side of x) -> x as an operation on the target and the other side
    ("-", 1): lambda t, o: ("+", t, o),
    ("-", 2): lambda t, o: ("-", o, t),
    ("/", 1): lambda t, o: ("*", t, o),
    ("/", 2): lambda t, o: ("/", o, t),
}
_UNDO |= dict.fromkeys((("+", 1), ("+", 2)), lambda t, o: ("-", t, o))
_UNDO |= dict.fromkeys((("*", 1), ("*", 2)), lambda t, o: ("/", t, o))
_UNDO |= dict.fromkeys((("pct", 1), ("pct", 2)), lambda t, o: ("/", ("*", t, Fraction(100)), o))


def _masked(expression):
    """How often the unknown stands in an expression tree."""
    if expression is None:
        return 1
    if isinstance(expression, tuple):
        return sum(map(_masked, expression[1:]))
    return 0


def invert(expression, target):
    """The expression that gives the one unknown, from the value of the whole (walks from the
    question down to x).
    """
    while expression is not None:
        side = 1 if _masked(expression[1]) else 2
        undo = _UNDO.get((expression[0], side))
        if undo is None:
            raise Unsolvable(f"{expression[0]} cannot be undone")
        target, expression = undo(target, expression[3 - side]), expression[side]
    return target


def canonical(expression):
    if not isinstance(expression, tuple):
        return number(expression)
    operation, left, right = expression[0], canonical(expression[1]), canonical(expression[2])
    if operation in ("+", "*", "gcd", "lcm"):
        left, right = sorted((left, right))
    return f"({operation} {left} {right})"


@dataclass(frozen=True)
class Problem:
    """A problem of the world: clauses in one language.

    Everything else is derived from them, exactly.
    """

    language: str
    clauses: tuple[Clause, ...]

    @cached_property
    def text(self):
        """The problem in words."""
        return (" " if self.language == "en" else "").join(
            write_clause(c, self.language) for c in self.clauses
        )

    @cached_property
    def family(self):
        """The family of the opening sentence."""
        return next(c.kind for c in self.clauses if KINDS[c.kind].role == "open").split(".")[0]

    @cached_property
    def backward(self):
        """True where a number is masked and the answer is given away."""
        return KINDS[self.clauses[-1].kind].role in ("known", "find")

    @cached_property
    def n_distractors(self):
        """Sentences with a number that changes nothing."""
        return sum(KINDS[c.kind].role == "noise" for c in self.clauses)

    @cached_property
    def expression(self):
        """The answer as nested (operation, left, right) over exact numbers; raises Unsolvable."""
        registers, target, forward = {}, None, None
        for clause in self._told():
            role = KINDS[clause.kind].role
            values = registers | dict(zip(SLOTS[clause.kind][0], clause.numbers, strict=True))
            if role in ("known", "state"):
                target = values["r"]
            for register, meaning in _MEANINGS.get(clause.kind, ()):
                value = _substitute(meaning, values)
                if register is None:
                    forward = value
                else:
                    registers[register] = values[register] = value
        n_unknown = _masked(forward)
        if not self.backward:
            if n_unknown:
                raise Unsolvable("a number is missing and the answer is not given")
            return forward
        if n_unknown != 1 or target is None:
            raise Unsolvable(
                f"the unknown number x matters {n_unknown} times to the answer; one is needed"
            )
        return invert(forward, target)

    def _told(self):
        """The clauses in the order in which they are computed."""
        if not FAMILIES[self.family][0].reverse:
            return self.clauses
        by_role = {"open": [], "event": [], "": []}
        for clause in self.clauses:
            role = KINDS[clause.kind].role
            by_role[role if role in by_role else ""].append(clause)
        return by_role["open"] + by_role["event"][::-1] + by_role[""]

    @cached_property
    def steps(self):
        """The operations in the order of computing, each once, as a tuple of Step."""
        return solve(self.expression)[1]

    @cached_property
    def answer(self):
        """The exact answer, a Fraction."""
        return solve(self.expression)[0]

    @property
    def level(self):
        """Difficulty: the number of operations."""
        return len(self.steps)

    @cached_property
    def key(self):
        """Numbers and operations alone, whatever the wording, the language, the family: "(* (+ 3 5)
        2)".
        """
        return canonical(self.expression)

    def solution(self, style=0):
        """Step by step in one of the styles, ending in "\\nThe answer is N."."""
        return write_solution(self.steps, self.answer, self.language, style)


def _substitute(meaning, values):
    if isinstance(meaning, tuple):
        return (meaning[0], _substitute(meaning[1], values), _substitute(meaning[2], values))
    if isinstance(meaning, Fraction):
        return meaning
    if meaning not in values:
        raise Unreadable(f"the sentences do not give {meaning!r}")
    return values[meaning]


def solve(expression, operate=operate):
    """(value, steps) of an expression; an equal sub-expression is computed once."""
    steps, known = [], {}

    def walk(node):
        if not isinstance(node, tuple):
            return node
        if node not in known:
            left, right = walk(node[1]), walk(node[2])
            known[node] = operate(node[0], left, right)
            steps.append(Step(node[0], left, right, known[node]))
        return known[node]

    return walk(expression), tuple(steps)


def write_solution(steps, answer, language, style=0):
    """Steps and answer in words; also used for the offline teacher's wrong solutions."""
    first, middle, last, joint = STYLES[language][style % len(STYLES[language])]
    openers = [first, *[middle] * (len(steps) - 2), last]
    body = joint.join(f"{opener}{step}" for opener, step in zip(openers, steps, strict=False))
    return f"{body}{joint.rstrip()}\nThe answer is {number(answer)}."


def language_of(text):
    """The language of a text: "zh" where it holds a Han character, else "en"."""
    return "zh" if HAN.search(text) else "en"


def read(text):
    """The problem behind a text, exactly the one that writes it; raises Unreadable or Unsolvable.

    Example: read("Tom has 5 pens. Tom loses 2 of the pens. How many pens does Tom have
    now?").answer -> Fraction(3, 1)
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise Unreadable(f"{len(text)} characters are more than any problem of the world has")
    language = language_of(text)
    clauses = tuple(read_clause(s, language) for s in BOUNDARIES[language].split(text) if s)
    problem = Problem(language, clauses)
    _check(problem)
    return problem


def _check(problem):
    """Refuse sentences that do not make one problem."""
    roles = [KINDS[c.kind].role for c in problem.clauses]
    last = [role for role in roles if role in ("ask", "state", "known", "find")]
    endings = (["ask"], ["ask", "known"], ["state", "find"])
    if roles.count("open") != 1 or last not in endings or roles[-len(last) :] != last:
        raise Unreadable(
            f"a problem needs one opening and ends in its question; these sentences are {roles}"
        )
    # what a sentence of each role may belong to
    groups = {"event": FAMILIES[problem.family][0].events}
    groups |= dict.fromkeys(("ask", "state"), (problem.family,))
    for clause, role in zip(problem.clauses, roles, strict=True):
        if role in groups and clause.kind.split(".")[0] not in groups[role]:
            raise Unreadable(f"{clause.kind} does not belong to a problem about {problem.family}")
    problem.expression  # noqa: B018 - raises where the numbers do not settle the question


def split_of(key):
    """The split a graph belongs to, by a digest of its key alone.

    About a tenth "test", a tenth "dev", the rest "train".
    """
    bucket = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % 10
    return {0: "test", 1: "dev"}.get(bucket, "train")
