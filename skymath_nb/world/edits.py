"""Augmentation as an edit of the graph.

What each operator of the three methods does to a problem of the world.

Every edit takes (problem, rng) and returns a new problem whose answer is exact by construction;
Uneditable says that this problem has no such edit. Sources of the operators: MetaMath (arXiv
2309.12284, section 3), Evol-Instruct (arXiv 2304.12244, section 3.2, and the five the Skywork-Math
paper names in its section 3.1), Xwin-Math (arXiv 2403.04706, section 2).
"""

from dataclasses import replace

from .families import FAMILIES, PEOPLE, THINGS
from .problem import BOUNDARIES, KINDS, SLOTS, Clause, Problem, language_of, read_clause
from .sampler import (
    LEVELS,
    SEEN,
    Exhausted,
    cast,
    draw_clause,
    event_kinds,
    find,
    fits,
    members,
    translate,
)

TRIES = 60


class Uneditable(ValueError):
    """The problem has no edit of this kind."""


def _rewrite(problem, rng, change):
    """The first of a fixed number of random changes that gives a fitting, different problem."""
    if problem.backward:
        raise Uneditable("a backward question is not augmented further")
    for _ in range(TRIES):
        changed = change(problem)
        if (
            changed is not None
            and changed.text != problem.text
            and fits(changed)
            and changed.level <= LEVELS[-1] + 2
        ):
            return changed
    raise Uneditable(f"found no such edit of this {problem.family} problem in {TRIES} tries")


def _people(problem, rng):
    """The main person stays, the others are drawn again."""
    first = next(
        (c.people[0] for c in problem.clauses if c.people and KINDS[c.kind].role == "open"),
        rng.choice(PEOPLE),
    )
    return [first, *rng.sample([i for i in PEOPLE if i != first], len(PEOPLE) - 1)]


def rephrase(problem, rng):
    """The same graph in other words."""

    def change(p):
        forms = (
            replace(c, form=rng.randrange(len(getattr(KINDS[c.kind], p.language))))
            for c in p.clauses
        )
        return Problem(p.language, tuple(forms))

    return _rewrite(problem, rng, change)


def _insert(problem, rng, place):
    item = max(c.item for c in problem.clauses)
    clause = draw_clause(
        rng.choice(event_kinds(problem.family)), rng, item=item, language=problem.language
    )
    clauses = list(problem.clauses)
    clauses.insert(place, clause)
    return cast(Problem(problem.language, tuple(clauses)), _people(problem, rng))


def _places(problem):
    """Where an event may be inserted: after the opening, or before it where events come first."""
    opening = next(i for i, c in enumerate(problem.clauses) if KINDS[c.kind].role == "open")
    if FAMILIES[problem.family][0].reverse:
        return range(0, opening + 1)
    return range(opening + 1, len(problem.clauses))


def constrain(problem, rng):
    """One more condition somewhere in the story."""
    return _rewrite(problem, rng, lambda p: _insert(p, rng, rng.choice(_places(p))))


def deepen(problem, rng):
    """Two more steps, at the end of the chain."""

    def change(p):
        once = _insert(p, rng, _places(p)[0 if FAMILIES[p.family][0].reverse else -1])
        return _insert(once, rng, _places(once)[0 if FAMILIES[p.family][0].reverse else -1])

    return _rewrite(problem, rng, change)


def reason(problem, rng):
    """The opening gives its quantity through a calculation, so that the answer takes more steps."""

    def change(p):
        openings = members(p.family, "open")
        item = max(c.item for c in p.clauses)
        clauses = [
            draw_clause(rng.choice(openings), rng, item=item, language=p.language)
            if KINDS[c.kind].role == "open"
            else c
            for c in p.clauses
        ]
        changed = cast(Problem(p.language, tuple(clauses)), _people(p, rng))
        return changed if fits(changed) and changed.level > p.level else None

    try:
        return _rewrite(problem, rng, change)
    except Uneditable:
        # some openings have no longer form: a further step is the next best
        return constrain(problem, rng)


def concretize(problem, rng):
    """The same graph told about other, more particular things.

    Another family with sentences of the same meaning.
    """

    def change(p):
        target = rng.choice([f for f in SEEN if f != p.family])
        wanted = [(KINDS[c.kind].role, KINDS[c.kind].meaning) for c in p.clauses]
        names = [*event_kinds(target), *(f"{target}.{name}" for name in FAMILIES[target][1])]
        if FAMILIES[target][0].reverse or FAMILIES[p.family][0].reverse:
            return None
        item, clauses = rng.choice(THINGS), []
        for clause, (role, meaning) in zip(p.clauses, wanted, strict=True):
            same = [n for n in names if (KINDS[n].role, KINDS[n].meaning) == (role, meaning)]
            if not same:
                return None
            drawn = draw_clause(rng.choice(same), rng, item=item, language=p.language)
            clauses.append(replace(drawn, numbers=clause.numbers))
        return cast(Problem(p.language, tuple(clauses)), rng.sample(PEOPLE, len(PEOPLE)))

    def rename(p):  # no other family tells this graph: new people and things in the same one
        item = rng.choice(THINGS)
        clauses = (replace(c, item=item if c.item >= 0 else -1) for c in p.clauses)
        return cast(Problem(p.language, tuple(clauses)), rng.sample(PEOPLE, len(PEOPLE)))

    try:
        return _rewrite(problem, rng, change)
    except Uneditable:
        return _rewrite(problem, rng, rename)


def renew(problem, rng):
    """A brand new problem of the same family and level."""
    return _fresh(problem, rng, (problem.family,), min(problem.level, LEVELS[-1]))


def create(problem, rng):
    """A new problem of any seen family, of the same level or one more (Xwin's question in the
    spirit of another).
    """
    return _fresh(problem, rng, SEEN, min(problem.level + rng.randrange(2), LEVELS[-1]))


def _fresh(problem, rng, families, level):
    try:
        return translate(find(rng, families, level, "en"), problem.language)
    except Exhausted as error:
        raise Uneditable(str(error)) from error


def declare(text, answer):
    """Self-verification.

    The question of a masked problem turned into a statement of its answer, then asked for x.

    Example: "Tom has x pens. ... How many pens does Tom have now?", 3 -> "Tom has x pens. ... Tom
    ends up with 3 pens. What is the value of the unknown number x?"
    """
    language = language_of(text)
    clauses = [read_clause(s, language) for s in BOUNDARIES[language].split(text.strip()) if s]
    question = clauses[-1]
    if KINDS[question.kind].role != "ask" or not any(None in c.numbers for c in clauses):
        raise Uneditable(
            "self-verification needs a problem with one number masked as x and its question at "
            "the end"
        )
    if any(value is None for value in question.numbers):
        raise Uneditable("the masked number stands in the question itself")
    numbers = dict(zip(SLOTS[question.kind][0], question.numbers, strict=True)) | {"r": answer}
    kind = question.kind + "!"
    statement = Clause(
        kind, tuple(numbers[slot] for slot in SLOTS[kind][0]), question.people, question.item
    )
    return Problem(language, (*clauses[:-1], statement, Clause("backward.find")))
