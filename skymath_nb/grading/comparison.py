"""Comparing two objects: whether they are the same mathematical object, and why."""

import re
from fractions import Fraction

from . import formulas, regions, spelling, values
from .formulas import number, substitute
from .objects import (
    Collection,
    Matrix,
    Quantity,
    Ratio,
    Region,
    Relation,
    Sequence,
    Words,
    flat,
    formula,
    has_sign,
)

DECIMAL_DIGITS = 9  # correct digits from which a decimal may stand for a number that has no end
AXES = [[" i", "j", "k"], *([f"{mark} {letter}" for letter in "ijk"] for mark in formulas.MARKS)]
NOUNS = {
    Relation: "equation",
    Region: "interval",
    Sequence: "tuple",
    Matrix: "matrix",
    Ratio: "ratio",
}
DEGREES, RADIANS = (("degree", 1),), (("radian", 1),)
NOUNS |= {Collection: "set", Quantity: "number", Words: "text"}


def compare(a: object, b: object) -> tuple[bool, str]:
    """Say whether two objects are the same, and why.

    An answer that is too costly to compute is not equal.
    """
    try:
        return _compare(a, b)
    except values.TooCostly:
        return False, "too costly to compare"
    except (values.Undefined, KeyError):
        return False, "undefined"


def costly(item: object) -> bool:
    """Say whether a formula alone is beyond the bounds of `values`."""
    try:
        for tree in item.trees if isinstance(item, Quantity) else ():
            values.same(tree, number(0))
    except values.TooCostly:
        return True
    except (values.Undefined, KeyError):
        pass
    return False


def same_value(a: object, b: object) -> bool:
    """Say whether b is a written again, or a rounded to at least two places."""
    if isinstance(a, Words) or isinstance(b, Words):
        return False
    if compare(a, b)[0]:
        return True
    if not (formula(a) and formula(b)) or b.places < 2:
        return False
    try:
        exact, rounded = (values.approximate(values.value(formula(side))) for side in (a, b))
    except (values.Undefined, values.TooCostly, KeyError):
        return False
    return not getattr(exact, "imag", 0) and abs(exact - rounded) * 10**b.places < 1


def is_identity(a: object, b: object) -> bool:
    """Say whether two sides of an equation are one value or function: 2 + 2 = 4 says 4, but x + 4 =
    12 is an equation.
    """
    return isinstance(a, Quantity) and isinstance(b, Quantity) and compare(a, b)[0]


def _same(a, b):
    return _compare(a, b)[0]


def _compare(a, b):
    a, b = _expanded(a), _expanded(b)
    lists = all(isinstance(side, Sequence | Collection) for side in (a, b))
    if lists and _assigned(a) != _assigned(b):
        a, b = _values_of(a), _values_of(b)
    if type(a) is not type(b):
        return _compare_kinds(*sorted((a, b), key=lambda item: list(NOUNS).index(type(item))))
    if isinstance(a, Quantity):
        return _compare_quantities(a, b)
    if isinstance(a, Region):
        return _compare_regions(a, b)
    if isinstance(a, Words):
        return _compare_words(a.text, b.text)
    if isinstance(a, Collection):
        return _verdict(_same_items(a.items, b.items), "set")
    same = {Sequence: _same_sequences, Matrix: _same_matrices, Ratio: _same_ratios}
    verdict = same.get(type(a), _same_relations)(a, b)
    inequality = isinstance(a, Relation) and a.sign != "="
    return _verdict(verdict, "inequality" if inequality else NOUNS[type(a)])


def _compare_kinds(a, b):
    """Compare objects of two kinds, which come in the order of NOUNS."""
    if isinstance(a, Relation):
        return _compare_relation(a, b)
    if isinstance(a, Region):
        return _compare_regions(a, b)
    if isinstance(a, Sequence) and isinstance(b, Matrix):
        return _verdict(_same_matrices(_as_matrix(a), b), "matrix")
    if not isinstance(b, Quantity):
        return False, "different kind"
    if isinstance(a, Sequence):
        return _verdict(a.brackets == "()" and _has_components(b.trees[0], a.items), "tuple")
    if isinstance(a, Matrix):
        column = [row[0] for row in a.rows if len(row) == 1]
        return _verdict(_has_components(b.trees[0], column), "matrix")
    if isinstance(a, Ratio) and len(a.parts) == 2 and len(b.trees) == 1:
        whole = ("product", (a.parts[0], ("power", a.parts[1], number(-1))))
        return _verdict(values.same(whole, b.trees[0]), "ratio")
    if isinstance(a, Collection) and len(a.items) == 1:
        return _compare(a.items[0], b)
    if isinstance(a, Collection) and b.trees[0][0] == "product":  # A, B, D against ABD
        chosen = [item.trees[0] for item in a.items if isinstance(item, Quantity)]
        if {*chosen, *b.trees[0][1]} <= {("symbol", letter) for letter in "ABCDEFGH"}:
            return _verdict(sorted(chosen) == sorted(b.trees[0][1]), "choice")
    return False, "different kind"


def _assigned(item):
    return isinstance(item, Sequence) and item.brackets == "assigned"


def _values_of(item):
    """Write x = 1, y = 2, which is sorted by name, or a list beside it, as the tuple of its
    values.
    """
    items = (part.object for part in item.items) if _assigned(item) else item.items
    return Sequence("()", tuple(items))


def _verdict(same, noun):
    return bool(same), f"{'equal' if same else 'different'} {noun}"


def _expanded(item):
    r"""Write what holds \pm as its two values."""
    if _has_both_signs(item):
        signs = [tuple(substitute(tree, "±", number(n)) for tree in item.trees) for n in (1, -1)]
        return Collection(tuple(Quantity(trees, item.units, item.percent) for trees in signs))
    if isinstance(item, Collection) and any(map(_has_both_signs, item.items)):
        return flat([_expanded(part) for part in item.items])
    if has_sign(item, "=") and item.subject and _has_both_signs(item.object):
        return _expanded(item.object)
    return item


def _has_both_signs(item):
    return isinstance(item, Quantity) and any(formulas.mentions(tree, "±") for tree in item.trees)


def _compare_words(a, b):
    (kind, *moment), (other_kind, *other_moment) = a.split(" "), b.split(" ")
    if kind == other_kind == "time":  # 3:45 may be 3:45 pm, but not 15:45
        (clock, *half), (other_clock, *other) = moment, other_moment
        halves = {name.removeprefix("24") for name in (*half, *other)}
        unclear = len(half) + len(other) == 1 and (half or other)[0].startswith("24")
        return _verdict(clock == other_clock and len(halves) < 2 and not unclear, "time")
    if "date" in (kind, other_kind):
        return _verdict(a == b, "date")
    left, right = (re.sub(r"[^\w]+", " ", spelling.words(text)).strip() for text in (a, b))
    if left == right and re.search(r"\w\w", left) and not re.search(r"[\\^_=<>+*/]", a + b):
        return True, "equal text"
    a, b = (spelling.words(text).replace(" ", "") for text in (a, b))
    return _verdict(a == b, "text")


def _same_items(a, b):
    """Say whether two lists hold the same things in any order.

    Equal things are matched one to one.
    """
    if len(a) != len(b):
        return False
    left = list(b)
    for item in a:
        found = next((i for i, other in enumerate(left) if _same(item, other)), None)
        if found is None:
            return False
        left.pop(found)
    return True


def distinct(items) -> list:
    """List the items without those that equal an earlier one."""
    kept = []
    for item in items:
        if not any(_same(item, other) for other in kept):
            kept.append(item)
    return kept


def _same_sequences(a, b):
    if a.brackets != b.brackets or len(a.items) != len(b.items):
        return False
    return all(_same(x, y) for x, y in zip(a.items, b.items, strict=True))


def _as_matrix(sequence):
    """Read a tuple as a column, and a list of lists as rows."""
    if all(isinstance(item, Sequence) for item in sequence.items):
        return Matrix(tuple(item.items for item in sequence.items))
    return Matrix(tuple((item,) for item in sequence.items))


def _same_matrices(a, b):
    if [len(row) for row in a.rows] != [len(row) for row in b.rows]:
        return False
    rows = zip(a.rows, b.rows, strict=True)
    return all(_same(x, y) for one, other in rows for x, y in zip(one, other, strict=True))


def _has_components(tree, items):
    """Say whether a sum of multiples of i, j and k is the tuple of its components."""
    tree = substitute(tree, "i", ("symbol", " i"))  # no imaginary unit here
    names = formulas.symbols(tree)
    axes = next((axes for axes in AXES if names and names <= set(axes)), None)
    parts = [formula(item) for item in items if formula(item)]
    if not axes or not 1 < len(parts) == len(items) < 4 or (axes[1] == "j" and len(names) < 2):
        return False
    terms = [("product", (part, ("symbol", axis))) for part, axis in zip(parts, axes, strict=False)]
    return values.same(tree, ("sum", tuple(terms)))


def _same_ratios(a, b):
    return len(a.parts) == len(b.parts) and all(
        values.same(("product", (a.parts[0], y)), ("product", (b.parts[0], x)))
        for x, y in zip(a.parts[1:], b.parts[1:], strict=True)
    )


def _same_relations(a, b):
    named_alike = a.sign == b.sign == "=" and a.subject and a.subject == b.subject
    if not (a.trees and b.trees):
        return named_alike and _same(a.object, b.object)
    if {a.subject, b.subject} in ({"y", "f(x)"}, {"y", "g(x)"}) and "y" not in formulas.symbols(
        a.trees[1]
    ) | formulas.symbols(b.trees[1]):
        return values.same(a.trees[1], b.trees[1])
    if named_alike and len(a.subject) == 1 and _same(a.object, b.object):
        return True
    left, right = regions.of_relation(a), regions.of_relation(b)
    if isinstance(left, Region) and isinstance(right, Region):
        return formulas.symbols(("sum", a.trees)) == formulas.symbols(
            ("sum", b.trees)
        ) and regions.same(left, right)
    factor = values.ratio(formulas.minus(*a.trees), formulas.minus(*b.trees))
    return bool(factor) and b.sign == (a.sign if factor > 0 else regions.FLIPPED[a.sign])


def _compare_relation(relation, other):
    """Compare `x = 5` with 5, and `x > 2` with an interval.

    A relation that says more than a name equals nothing else.
    """
    if relation.sign == "=":
        alike = isinstance(relation.object, type(other))
        if relation.subject and (alike or not isinstance(other, Region | Words)):
            return _compare(relation.object, other)
        return False, "equation against value"
    region, whole = regions.of_relation(relation), regions.of_object(other)
    if whole is None:
        return False, "different kind"
    if isinstance(region, Region):
        return _verdict(regions.same(region, whole), "interval")
    return _verdict(regions.describes(relation, whole), "interval")


def _compare_regions(a, b):
    left, right = regions.of_object(a), regions.of_object(b)
    if left is None or right is None:
        return False, "different kind"
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        return False, "different kind"
    return _verdict(regions.same(left, right), "interval")


def _compare_quantities(a, b):
    if a.units and b.units and not (a.percent or b.percent):
        return _compare_measured(a, b)
    if any(side.units and side.units[0].dimensions == DEGREES for side in (a, b)):
        if _same_angle(a, b):
            return True, "equal number"
    if len(a.trees) > 1 or len(b.trees) > 1:
        several, one = (a, b) if len(a.trees) > 1 else (b, a)
        if len(one.trees) > 1:
            return False, "different number"
        totals = [_total(several, unit.worth) for unit in several.units]
        return _verdict(any(values.same(total, one.trees[0]) for total in totals), "number")
    return _compare_values(a, b)


def _same_angle(a, b):
    """Say whether degrees on one side are the radians on the other, which has no unit but holds π
    or an inverse sine.
    """
    degrees, other = (a, b) if a.units else (b, a)
    circular = ("π", "arcsin", "arccos", "arctan")
    mentioned = any(formulas.mentions(other.trees[0], name) for name in circular)
    return mentioned and values.same(_radians(degrees), other.trees[0])


def _radians(degrees):
    return ("product", (degrees.trees[0], ("symbol", "π"), number(Fraction(1, 180))))


def _compare_values(a, b):
    x, y = a.trees[0], b.trees[0]
    if all(tree[0] == "symbol" and re.fullmatch("[A-Ha-h]", tree[1]) for tree in (x, y)):
        return _verdict(x[1].lower() == y[1].lower(), "choice")
    if any(formulas.mentions(tree, "∞") for tree in (x, y)):
        return _verdict(x == y, "number")
    plain = not (formulas.symbols(x) | formulas.symbols(y))
    noun = "number" if plain else "expression"
    if values.same(x, y):
        return True, f"equal {noun}"
    if a.percent != b.percent and plain:
        bare = [
            ("product", (tree, number(100))) if side.percent else tree
            for side, tree in ((a, x), (b, y))
        ]
        if values.same(*bare):
            return True, "equal number, percent sign aside"
    if plain and _same_digits(a, y) or plain and _same_digits(b, x):
        return True, "equal to the digits given"
    return False, f"different {noun}"


def _same_digits(decimal, tree):
    """Say whether a long decimal is a number without an end, to all its digits: rounded or cut."""
    if decimal.digits < DECIMAL_DIGITS:
        return False
    value = values.value(tree)
    if isinstance(value, Fraction):
        if 10 ** value.denominator.bit_length() % value.denominator == 0:  # it has an end
            return False
    if getattr(value, "imag", 0):
        return False
    given = values.approximate(values.value(decimal.trees[0]))
    return abs(values.approximate(value) - given) * 10**decimal.places < 1


def _total(quantity, unit):
    parts = zip(quantity.trees, quantity.units, strict=True)
    return ("sum", tuple(("product", (tree, number(own.worth / unit))) for tree, own in parts))


def _compare_measured(a, b):
    one, other = a.units[0], b.units[0]
    if one.dimensions != other.dimensions:
        if {one.dimensions, other.dimensions} == {DEGREES, RADIANS}:
            degrees, radians = (a, b) if one.dimensions == DEGREES else (b, a)
            return _verdict(values.same(_radians(degrees), radians.trees[0]), "number")
        if one.dimensions or other.dimensions:
            return False, "different unit"
    if not one.dimensions:
        alike = one.nouns <= other.nouns or other.nouns <= one.nouns
        return _compare_values(a, b) if alike else (False, "different unit")
    if len(a.trees) == len(b.trees) == 1 and one.worth == other.worth:
        return _compare_values(a, b)
    return _verdict(values.same(_total(a, Fraction(1)), _total(b, Fraction(1))), "number")
