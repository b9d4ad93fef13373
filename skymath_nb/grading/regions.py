"""Parts of the real line.

Made from intervals, inequalities and sets of numbers, combined point by point, and compared.
"""

import operator
from collections.abc import Callable
from fractions import Fraction
from functools import reduce

from . import formulas, values
from .formulas import minus, number, substitute
from .objects import ALL_REALS, EMPTY, Collection, Region, Relation, Sequence, formula

HOLDING = {"<": (True, False, False), "<=": (True, True, False), ">": (False, False, True)}
HOLDING |= {">=": (False, True, True), "!=": (True, False, True)}
INFINITY = ("symbol", "∞")
MINUS_INFINITY = ("product", (number(-1), INFINITY))
FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def of_relation(relation) -> object:
    """Return the region that an inequality in one unknown describes if it is linear.

    Else the relation itself.
    """
    if not isinstance(relation, Relation) or relation.sign == "=" or not relation.trees:
        return relation
    left, right = relation.trees
    names = formulas.symbols(left) | formulas.symbols(right)
    if len(names) != 1:
        return relation
    if {left, right} & {INFINITY, MINUS_INFINITY}:
        return ALL_REALS if relation.sign in ("<", ">") else relation
    name = names.pop()
    difference = minus(left, right)
    try:
        at = [values.value(difference, {name: Fraction(n)}) for n in (0, 1, 2, -7, 31)]
    except (values.Undefined, values.TooCostly):
        return relation
    near = [values.approximate(v) for v in at]
    slope = at[1] - at[0] if type(at[0]) is type(at[1]) else near[1] - near[0]
    if any(getattr(v, "imag", 0) for v in at) or not slope:
        return relation
    for n, v in zip((2, -7, 31), near[2:], strict=True):
        line = near[0] + n * values.approximate(slope)
        if abs(v - line) > 1e-40 * (1 + abs(line)):
            return relation
    zero, one = (substitute(difference, name, number(n)) for n in (0, 1))
    cut = ("product", (number(-1), zero, ("power", minus(one, zero), number(-1))))
    if isinstance(at[0], Fraction) and isinstance(slope, Fraction):
        cut = number(-at[0] / slope)
    sign = relation.sign if values.approximate(slope).real > 0 else FLIPPED[relation.sign]
    return Region((cut,), HOLDING[sign])


def of_object(item) -> Region | None:
    """Read an object as a region: an interval of two ends, a set of numbers, an inequality."""
    if isinstance(item, Region):
        return item
    if isinstance(item, Relation):
        found = of_relation(item)
        return found if isinstance(found, Region) else None
    if not isinstance(item, Sequence | Collection):
        return None
    trees = [formula(part) for part in item.items]
    if None in trees:
        return None
    if isinstance(item, Collection):
        points = [interval(tree, tree, "[]") for tree in trees]
        return None if None in points else reduce(union, points, EMPTY)
    if len(trees) == 2 and item.brackets in ("()", "[]", "(]", "[)"):
        return interval(*trees, item.brackets)
    return None


def interval(low, high, brackets) -> Region | None:
    """Return the region between two trees, or None if an end is no real number."""
    ends = [_end(tree) for tree in (low, high)]
    if None in ends or ends[0] == "+" or ends[1] == "-":
        return None
    if ends == ["-", "+"]:
        return ALL_REALS
    if ends[0] == "-":
        return Region((high,), (True, brackets[1] == "]", False))
    if ends[1] == "+":
        return Region((low,), (False, brackets[0] == "[", True))
    order = values.value(minus(high, low))
    if not order or values.same(high, low):
        return Region((low,), (False, True, False)) if brackets == "[]" else EMPTY
    if order < 0:
        return None  # (5, 2) is a point
    return Region((low, high), (False, brackets[0] == "[", True, brackets[1] == "]", False))


def _end(tree):
    """Return "-" or "+" for an infinite end, the value of a real one, None for any other."""
    if tree in (INFINITY, MINUS_INFINITY):
        return "+" if tree == INFINITY else "-"
    if formulas.symbols(tree):
        return None
    value = values.value(tree)
    return None if getattr(value, "imag", 0) else value


def union(a: Region, b: Region) -> Region:
    """Return the points of either region."""
    return _combine(a, b, operator.or_)


def intersection(a: Region, b: Region) -> Region:
    """Return the points of both regions."""
    return _combine(a, b, operator.and_)


def difference(a: Region, b: Region) -> Region:
    """Return the points of the first region that the second does not hold."""
    return _combine(a, b, operator.gt)


def _combine(a: Region, b: Region, act: Callable) -> Region:
    """Combine two regions point by point."""
    cuts = []
    for cut in (*a.cuts, *b.cuts):
        if not any(values.same(cut, other) for other in cuts):
            cuts.append(cut)
    cuts.sort(key=lambda cut: values.approximate(values.value(cut)))
    flags = [act(x, y) for x, y in zip(_on(a, cuts), _on(b, cuts), strict=True)]
    kept, holds = [], flags[:1]
    for i, cut in enumerate(cuts):
        if not flags[2 * i] == flags[2 * i + 1] == flags[2 * i + 2]:
            kept.append(cut)
            holds += flags[2 * i + 1 : 2 * i + 3]
    return Region(tuple(kept), tuple(holds))


def _on(region, cuts):
    """Return the flags of a region on a finer set of cuts."""
    flags, at = [region.holds[0]], 0
    for cut in cuts:
        if at < len(region.cuts) and values.same(cut, region.cuts[at]):
            at += 1
            flags += [region.holds[2 * at - 1], region.holds[2 * at]]
        else:
            flags += [region.holds[2 * at]] * 2
    return flags


def same(a: Region, b: Region) -> bool:
    """Say whether two regions hold the same points."""
    return a.holds == b.holds and all(
        values.same(x, y) for x, y in zip(a.cuts, b.cuts, strict=True)
    )


def describes(relation, region):
    """Say whether an inequality in one unknown holds on a region and nowhere else.

    At its cuts, and all over its gaps.
    """
    left, right = relation.trees
    names = formulas.symbols(left) | formulas.symbols(right)
    if len(names) != 1 or not region.cuts:
        return False
    name = names.pop()
    difference = minus(left, right)
    for i, cut in enumerate(region.cuts):
        at = substitute(difference, name, cut)
        if _holds_at_cut(at, relation.sign) != region.holds[2 * i + 1]:
            return False
    for place, expected in _samples(region):
        try:
            value = values.value(difference, {name: place})
        except values.Undefined:
            return False
        if getattr(value, "imag", 0) or _holds(value, relation.sign) != expected:
            return False
    return True


def _holds_at_cut(tree, sign):
    try:
        if values.same(tree, number(0)):
            return sign in ("<=", ">=")
        return _holds(values.value(tree), sign)
    except values.Undefined:
        return False


def _holds(value, sign):
    value = getattr(value, "real", value)
    below, at, above = HOLDING[sign]
    return below if value < 0 else above if value > 0 else at


def _samples(region):
    """Yield (place, whether the region holds it).

    Close to both ends of every gap, and spread between them.
    """
    cuts = [Fraction(str(float(values.value(cut)))) for cut in region.cuts]
    ends = [cuts[0] - 1000, *cuts, cuts[-1] + 1000]
    for i, (low, high) in enumerate(zip(ends, ends[1:], strict=False)):
        width = high - low
        edges = (Fraction(1, 10**6), Fraction(1, 997), Fraction(996, 997), 1 - Fraction(1, 10**6))
        for part in (*edges, *(Fraction(2 * k + 1, 41) for k in range(20))):
            yield low + width * part, region.holds[2 * i]
