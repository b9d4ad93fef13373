"""Drawing problems.

A family, a level, then sentences whose numbers keep every value on the way whole and small.
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import cache

from ..core import randomness
from .families import FAMILIES, GROUPS, NOISE, PEOPLE, THINGS, Kind
from .problem import KINDS, LANGUAGES, SLOTS, Clause, Problem, Unreadable, Unsolvable, split_of

LEVELS = (1, 2, 3, 4, 5)
# of any value in a drawn problem; products of larger numbers only test long multiplication
LARGEST = 200
SEEN = tuple(name for name, (family, _) in FAMILIES.items() if not family.unseen)
UNSEEN = tuple(name for name, (family, _) in FAMILIES.items() if family.unseen)
TRIES = 400


class Exhausted(RuntimeError):
    """No problem of the wanted kind was found in a fixed number of tries."""


def fits(problem):
    """True where every value on the way is a whole number from 1 to LARGEST (percent steps pass
    through hundredths).
    """
    try:
        values = [step.value for step in problem.steps]
    except (Unsolvable, Unreadable):
        return False
    return bool(values) and all(v.denominator == 1 and 1 <= v <= LARGEST for v in values)


def draw_numbers(name, rng):
    """Numbers for a kind of sentence, in the order of its sorted slots."""
    drawn = {}
    for slots, choices in KINDS[name].numbers.items():
        value = rng.choice(choices)
        drawn |= dict(
            zip(slots.split("/"), value if isinstance(value, tuple) else (value,), strict=True)
        )
    return tuple(Fraction(drawn[slot]) for slot in SLOTS[name][0])


def draw_clause(name, rng, *, item=-1, language="en"):
    """A clause with fresh numbers and a random wording; people are set by `cast`."""
    numbers, people, has_item = SLOTS[name]
    form = rng.randrange(len(KINDS[name].en))
    return worded(
        Clause(name, draw_numbers(name, rng), (0,) * len(people), item if has_item else -1, form),
        language,
    )


def worded(clause, language):
    """The clause in the wording of its number, counted round where the language has fewer."""
    return replace(clause, form=clause.form % len(getattr(KINDS[clause.kind], language)))


def cast(problem, people):
    """The same problem with its people named in order of appearance.

    Each comparison brings in a new one.
    """
    now, used, clauses = 0, 0, []
    for clause in problem.clauses:
        names = SLOTS[clause.kind][1]
        if "N" in names:
            used += 1
            roles = {"O": people[now], "N": people[used]}
            now = used
        else:
            roles = {"O": people[now]}
        roles |= {"P": people[0], "Q": people[-1]}
        clauses.append(replace(clause, people=tuple(roles[n] for n in names)))
    return Problem(problem.language, tuple(clauses))


@cache
def event_kinds(family):
    """Full names of the events that may stand in a problem of the family."""
    return tuple(
        f"{group}.{name}" for group in FAMILIES[family][0].events for name in GROUPS[group]
    )


@cache
def members(family, role):
    """Full names of a family's own sentences of a role: open or ask."""
    return tuple(
        f"{family}.{name}" for name, kind in FAMILIES[family][1].items() if kind.role == role
    )


def _count_operations(kind: Kind):
    return sum(kind.meaning.count(sign) for sign in "+-*/%") + sum(
        kind.meaning.count(f) for f in ("pct", "gcd", "lcm")
    )


# that a sentence contributes
OPERATIONS = {name: _count_operations(kind) for name, kind in KINDS.items()}


def compose(rng, family, level, language):
    """One try at a problem: clauses with numbers, or None where they do not fit."""
    opening, question = rng.choice(members(family, "open")), rng.choice(members(family, "ask"))
    left = level - OPERATIONS[opening] - OPERATIONS[question]
    names, events = [], event_kinds(family)
    while left > 0:
        names.append(rng.choice(events))
        left -= OPERATIONS[names[-1]]
    if left < 0 or (not names and {"O", "P"} <= set(SLOTS[question][1])):
        return None
    item = rng.choice(THINGS)
    told = [*names, opening] if FAMILIES[family][0].reverse else [opening, *names]
    problem = Problem(
        language,
        tuple(draw_clause(name, rng, item=item, language=language) for name in (*told, question)),
    )
    people = rng.sample(PEOPLE, len(PEOPLE))
    return cast(problem, people) if fits(problem) and problem.level == level else None


def distractions(problem, n, rng):
    """The problem with 0, 1, ... n more sentences that carry a number and change nothing, each the
    former with one more.
    """
    family = FAMILIES[problem.family][0]
    kinds = [f"noise.{name}" for name in NOISE[family.story]]
    clauses, last = list(problem.clauses), 2 if problem.backward else 1
    people = {person for clause in clauses for person in clause.people}
    bystanders = [i for i in PEOPLE if i not in people]
    items = [c.item for c in clauses if c.item >= 0] or [rng.choice(THINGS)]
    told = [problem]
    for name in rng.sample(kinds, n):  # each kind at most once
        clause = draw_clause(name, rng, item=items[0], language=problem.language)
        clause = replace(clause, people=tuple(rng.choice(bystanders) for _ in clause.people))
        clauses.insert(rng.randint(0, len(clauses) - last), clause)
        told.append(Problem(problem.language, tuple(clauses)))
    return told


def distract(problem, n, rng):
    """The same problem with n more sentences that carry a number and change nothing.

    Answer and key stay.
    """
    return distractions(problem, n, rng)[-1]


def find(rng, families, level, language, *, accept=lambda problem: True):
    """A problem of one of the families at a level that `accept` takes; raises Exhausted."""
    for _ in range(TRIES):
        problem = compose(rng, rng.choice(families), level, language)
        if problem is not None and accept(problem):
            return problem
    raise Exhausted(
        f"no problem of level {level} in {', '.join(families)} after {TRIES} tries; widen the "
        "families or the levels"
    )


def draw(
    seed: int,
    n: int,
    *,
    levels: Iterable[int] = LEVELS,
    families: Iterable[str] = (),
    language: str = "en",
    split: str = "train",
    distractors: int = 0,
    stream: str = "draw",
) -> list[Problem]:
    """n different problems, levels in turn and families at random.

    Item i has its own stream (seed, stream, split, i).

    `split` keeps only graphs of that split ("train", "dev", "test", or "any"). Families default to
    the seen ones. Raises ValueError for an unknown language, level or family, Exhausted where the
    wish cannot be met.
    """
    levels, families = tuple(levels), tuple(families) or SEEN
    _check(levels, families, language, split)
    problems, texts = [], set()
    for i in range(n):
        rng = random.Random(randomness.stream(seed, "world", stream, split, str(i)))

        def accept(problem):
            return problem.text not in texts and split in ("any", split_of(problem.key))

        problem = find(rng, families, levels[i % len(levels)], "en", accept=accept)
        if distractors:
            problem = distract(problem, distractors, rng)
        texts.add(problem.text)
        problems.append(translate(problem, language))
    return problems


def translate(problem, language):
    """The same problem in the other language, in wordings of the same number where there are as
    many.
    """
    if problem.language == language:
        return problem
    return Problem(language, tuple(worded(clause, language) for clause in problem.clauses))


def _check(levels, families, language, split):
    unknown = [f for f in families if f not in FAMILIES]
    if (
        unknown
        or language not in LANGUAGES
        or not levels
        or any(level not in LEVELS for level in levels)
    ):
        raise ValueError(
            f"cannot draw families {unknown or families}, language {language!r}, levels {levels}: "
            f"the world has families {', '.join(FAMILIES)}, languages {LANGUAGES} and levels "
            f"{LEVELS}"
        )
    if split not in ("train", "dev", "test", "any"):
        raise ValueError(f"split {split!r} does not exist; use train, dev, test or any")
