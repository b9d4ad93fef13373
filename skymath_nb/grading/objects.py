r"""The kinds of answers.

A number with its unit, a list, a set, an interval, a matrix, an equation, words.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A formula with its unit, or several of one kind: 2 feet 3 inches."""

    trees: tuple
    units: tuple = ()
    percent: bool = False
    places: int = -1  # decimal places, if it is written as a plain decimal
    digits: int = 0  # significant ones of that decimal


@dataclass(frozen=True)
class Sequence:
    """Items in brackets, in order; `brackets` is "()", "[)", and so on."""

    brackets: str
    items: tuple


@dataclass(frozen=True)
class Collection:
    """Items without an order: a set, or a list of values."""

    items: tuple


@dataclass(frozen=True)
class Matrix:
    rows: tuple


@dataclass(frozen=True)
class Ratio:
    parts: tuple


@dataclass(frozen=True)
class Relation:
    """left sign right, as trees, where both could be read.

    `subject` and `object` are the sides as objects.
    """

    sign: str
    trees: tuple | None
    subject: str
    object: object


@dataclass(frozen=True)
class Region:
    """A part of the real line.

    `holds` has one flag for each gap and each cut, in order: below the first cut, at it, ...
    """

    cuts: tuple
    holds: tuple


@dataclass(frozen=True)
class Words:
    text: str


def formula(item: object) -> tuple | None:
    """Return the tree of a quantity that is one formula, None for anything else."""
    return item.trees[0] if isinstance(item, Quantity) and len(item.trees) == 1 else None


ALL_REALS = Region((), (True,))
EMPTY = Region((), (False,))


def has_sign(item: object, sign: str) -> bool:
    """Say whether an object is a relation with this sign."""
    return isinstance(item, Relation) and item.sign == sign


def flat(items) -> Collection:
    """Join items and collections of items to one collection."""
    parts = [item.items if isinstance(item, Collection) else (item,) for item in items]
    return Collection(sum(parts, ()))
