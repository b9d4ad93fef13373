"""Parts of the real line.

Made from intervals, inequalities and sets of numbers, combined point by point, and compared.
"""

from collections.abc import Callable
from fractions import Fraction

from . import formulas, values
from .formulas import minus, number, substitute
from .objects import ALL_REALS, EMPTY, Collection, Quantity, Region, Relation, Sequence

HOLDING = {"<": (True, False, False), "<=": (True, True, False), ">": (False, False, True)}
HOLDING |= {">=": (False, True, True), "!=": (True, False, True)}
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
    if any(
        tree in (("symbol", "∞"), ("product", (number(-1), ("symbol", "∞"))))
        for tree in (left, right)
    ):
        return ALL_REALS if relation.sign in ("<", ">") else relation
    name = names.pop()
    difference = minus(left, right)
    try:
        at = [values.value(difference, {name: Fraction(n)}) for n in (0, 1, 2, -7, 31)]
    except (values.Undefined, values.TooCostly):
        return relation
    slope = (
        at[1] - at[0]
        if type(at[0]) is type(at[1])
        else values.approximate(at[1]) - values.approximate(at[0])
    )
    if any(getattr(v, "imag", 0) for v in at) or not slope:
        return relation
    for n, v in zip((2, -7, 31), at[2:], strict=True):
        line = values.approximate(at[0]) + n * values.approximate(slope)
        if abs(values.approximate(v) - line) > 1e-40 * (1 + abs(line)):
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
    if (
        isinstance(item, Sequence)
        and len(item.items) == 2
        and item.brackets in ("()", "[]", "(]", "[)")
    ):
        if all(isinstance(end, Quantity) and len(end.trees) == 1 for end in item.items):
            return interval(item.items[0].trees[0], item.items[1].trees[0], item.brackets)
    if isinstance(item, Collection) and all(
        isinstance(part, Quantity) and len(part.trees) == 1 for part in item.items
    ):
        region = EMPTY
        for part in item.items:
            point = interval(part.trees[0], part.trees[0], "[]")
            if point is None:
                return None
            region = combine(region, point, lambda a, b: a or b)
        return region
    return None


def interval(low, high, brackets) -> Region | None:
    """Return the region between two trees, or None if an end is no real number."""
    cuts, holds = [], []
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
        cuts, holds = (low,), (False, brackets == "[]", False)
        return Region(cuts, holds) if brackets == "[]" else EMPTY
    if order < 0:
        return None  # (5, 2) is a point
    return Region((low, high), (False, brackets[0] == "[", True, brackets[1] == "]", False))


def _end(tree):
    """Return "-" or "+" for an infinite end, the value of a real one, None for any other."""
    if tree == ("symbol", "∞"):
        return "+"
    if tree == ("product", (number(-1), ("symbol", "∞"))):
        return "-"
    if formulas.symbols(tree):
        return None
    value = values.value(tree)
    return None if getattr(value, "imag", 0) else value


def combine(a: Region, b: Region, act: Callable) -> Region:
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
    flags, at = [], 0
    flags.append(region.holds[0])
    for cut in cuts:
        if at < len(region.cuts) and values.same(cut, region.cuts[at]):
            at += 1
            flags += [region.holds[2 * at - 1], region.holds[2 * at]]
        else:
            flags += [region.holds[2 * at]] * 2
    return flags


def same(a, b):
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
    return {"<": value < 0, ">": value > 0, "<=": value <= 0, ">=": value >= 0, "!=": value != 0}[
        sign
    ]


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
