"""The value of a tree of `formulas`, and whether two trees are the same function, within fixed
bounds of work.

Rational numbers are exact. Everything else is computed to 60 digits; two values that agree are
computed again to 400 before they count as equal, and a value that shrinks with the precision is a
zero. Trees with unknowns are compared where their unknowns take rational values drawn from their
names, so that a comparison is the same in every process: rational functions exactly, others to 60
digits, once to 400. Powers, factorials and arguments beyond the bounds raise `TooCostly`.
"""

import math
import threading
import zlib
from fractions import Fraction

import mpmath

from . import formulas

DIGITS = (60, 400)
LARGEST = 50_000  # bits of an exact number: 15,000 digits
LARGEST_LOGARITHM = 10_000  # of an inexact number
LARGEST_ARGUMENT = 10**9  # of a sine
LARGEST_FACTORIAL = 4000
POINTS = 6
ENOUGH = 3  # points at which both sides must have a value


class TooCostly(ValueError):
    """Computing the value would take more time or memory than an answer is worth."""


class Undefined(ValueError):
    """The formula has no value: a division by zero, the logarithm of zero, a sum with infinity."""


_local = threading.local()  # an mpmath context keeps temporary state, so each thread has its own


def _context(digits):
    contexts = _local.__dict__.setdefault("contexts", {})
    if digits not in contexts:
        contexts[digits] = mpmath.mp.clone()
        contexts[digits].dps = digits
    return contexts[digits]


def value(tree: tuple, where: dict | None = None, digits: int = DIGITS[0]):
    """Compute a tree.

    A Fraction if it is rational, else an mpf or mpc; the keys of `where` are its unknowns.

    Raises:
        TooCostly
        Undefined
        KeyError: For an unknown that `where` does not hold.
    """
    try:
        return _value(tree, where or {}, _context(digits))
    except (ZeroDivisionError, OverflowError, RecursionError) as error:
        raise Undefined(str(error)) from None


def same(a: tuple, b: tuple) -> bool:
    """Say whether two trees are the same number, or the same function wherever both have a real
    value.
    """
    if a == b:
        return True
    names = sorted(formulas.symbols(a) | formulas.symbols(b))
    if not names:
        return _same_number(a, b, {})
    return _agree(names, lambda where, real: _same_at(a, b, where, real)) and _same_number(
        a, b, _settled(a, b, names)
    )


def ratio(a: tuple, b: tuple) -> int:
    """Return 1 or -1 if a is a positive or negative constant multiple of b, else 0.

    For the sides of equations.
    """
    names = sorted(formulas.symbols(a) | formulas.symbols(b))
    found = []
    for _, x, y in _pairs(a, b, names):
        if not x or not y:
            if bool(x) != bool(y):
                return 0
            continue
        exact = isinstance(x, Fraction) and isinstance(y, Fraction)
        quotient = x / y if exact else approximate(x) / approximate(y)
        if found and not _near(found[0], quotient):
            return 0
        found.append(quotient)
    if len(found) < ENOUGH or _imaginary(found[0]):
        return 0
    return 1 if _real(found[0]) > 0 else -1


def _settled(a, b, names):
    """Return the first place where both trees have a value, preferably a real one."""
    fallback = None
    for where, x, y in _pairs(a, b, names):
        if not _imaginary(x) and not _imaginary(y):
            return where
        fallback = fallback or where
    return fallback or _places(names)[0]


def _pairs(a, b, names):
    """Yield (place, value of a, value of b) where both have one."""
    for where in _places(names):
        try:
            yield where, value(a, where), value(b, where)
        except Undefined:
            continue


def _agree(names, compare):
    """Compare at real places; where too few are real on both sides, at complex values too."""
    for real in (True, False):
        verdicts = [compare(where, real) for where in _places(names)]
        if False in verdicts:
            return False
        if verdicts.count(True) >= ENOUGH:
            return True
    return False


def _places(names):
    """Draw the values of the unknowns: rational, of both signs, small and large."""
    places = []
    for k in range(POINTS):
        where = {}
        for name in names:
            draw = zlib.crc32(f"{name}/{k}".encode())
            size = Fraction(1009 + draw % 8999, (1013, 1013, 10007, 211, 1013, 10007)[k])
            size = Fraction(1) if name == "±" else size
            where[name] = -size if k % 2 else size
        places.append(where)
    return places


def _same_at(a, b, where, real):
    try:
        x, y = value(a, where), value(b, where)
    except Undefined:
        return None
    if real and (_imaginary(x) or _imaginary(y)):
        return None
    return _near(x, y)


def _same_number(a, b, where):
    x, y = value(a, where), value(b, where)
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return x == y
    if not _near(x, y, 15) and max(_size(x), _size(y)) > 1e-15:
        return False
    fine_x, fine_y = value(a, where, DIGITS[1]), value(b, where, DIGITS[1])
    zeros = [_vanishes(x, fine_x), _vanishes(y, fine_y)]
    return all(zeros) if any(zeros) else _near(fine_x, fine_y, DIGITS[1] - 40, _context(DIGITS[1]))


def _vanishes(coarse, fine):
    if isinstance(coarse, Fraction) or not _size(fine):
        return not fine
    return _size(fine) < _context(DIGITS[1]).mpf(10) ** (40 - DIGITS[1]) and _size(
        coarse
    ) > 10 * _size(fine)


def _near(x, y, digits=40, context=None):
    """Say whether two numbers agree to so many digits; two rational ones must be equal."""
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return x == y
    context = context or _context(DIGITS[0])
    x, y = approximate(x, context), approximate(y, context)
    return abs(x - y) <= max(abs(x), abs(y)) * context.mpf(10) ** -digits


def approximate(x, context=None):
    """Return a value as a number of mpmath, so that any two can be ordered and subtracted."""
    context = context or _context(DIGITS[0])
    return (
        context.mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else context.convert(x)
    )


def _size(x):
    return abs(approximate(x))


def _real(x):
    return x if isinstance(x, Fraction) else x.real


def _imaginary(x):
    """Say whether a value is off the real line, beyond rounding."""
    return not isinstance(x, Fraction) and abs(x.imag) > abs(x) * 1e-40


def _value(tree, where, context):
    kind = tree[0]
    if kind == "number":
        return tree[1]
    if kind == "symbol":
        return _symbol(tree[1], where, context)
    if kind in ("sum", "product"):
        total = Fraction(kind == "product")
        for part in tree[1]:
            pair = total, _value(part, where, context)
            if not all(isinstance(side, Fraction) for side in pair):
                pair = [approximate(side, context) for side in pair]
            total = _bounded(pair[0] + pair[1] if kind == "sum" else pair[0] * pair[1])
        return total
    if kind == "power":
        return _power(_value(tree[1], where, context), _value(tree[2], where, context), context)
    return _call(tree[1], [_value(part, where, context) for part in tree[2]], context)


def _symbol(name, where, context):
    if name in where:
        return where[name]
    if name in ("π", "e"):
        return +(context.pi if name == "π" else context.e)
    if name == "i":
        return context.mpc(0, 1)
    if name == "∞":
        raise Undefined("infinity")
    raise KeyError(name)


def _bounded(x):
    if isinstance(x, Fraction):
        if max(x.numerator.bit_length(), x.denominator.bit_length()) > LARGEST:
            raise TooCostly("number too long")
    elif x and abs(_order(x)) > 4 * LARGEST_LOGARITHM:
        raise TooCostly("number too large")
    return x


def _order(x) -> int:
    """Return the binary order of magnitude of an inexact number, without computing a logarithm."""
    parts = [part for part in (x.real, x.imag) if part]
    return max(part._mpf_[2] + part._mpf_[3] for part in parts)


def _power(base, exponent, context):
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            bits = max(base.numerator.bit_length(), base.denominator.bit_length())
            if bits > 1 and abs(exponent) * bits > LARGEST:
                raise TooCostly("power too large")
            return base ** int(exponent) if bits > 1 else _unit_power(base, int(exponent))
        if exponent.denominator % 2 and base < 0:  # the real root, as in schools
            sign = -1 if exponent.numerator % 2 else 1
            return sign * _power(-base, exponent, context)
        root = None
        if base >= 0 and exponent.denominator <= 64:
            root = _exact_root(base, exponent.denominator)
        if root is not None:
            return _power(root, Fraction(exponent.numerator), context)
    if not base:
        if _real(exponent) > 0:
            return Fraction(0)
        raise Undefined("a power of zero")
    x, y = approximate(base, context), approximate(exponent, context)
    if y and _order(y) > 40 or abs(y) * (abs(_order(x)) + 1) > LARGEST_LOGARITHM:
        raise TooCostly("power too large")
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        return x ** int(exponent)
    odd = isinstance(exponent, Fraction) and exponent.denominator % 2
    if odd and not _imaginary(x) and x.real < 0:
        return (-1 if exponent.numerator % 2 else 1) * (-x.real) ** y
    return _realised(context.power(x, y))


def _unit_power(base, exponent):
    if not base and exponent <= 0:
        raise Undefined("a power of zero")
    return base if exponent % 2 else base * base  # 0, 1 or -1


def _exact_root(x, degree):
    roots = []
    for part in (x.numerator, x.denominator):
        root = _whole_root(part, degree)
        if root**degree != part:
            return None
        roots.append(root)
    return Fraction(*roots)


def _whole_root(n, degree):
    """Return the largest whole number whose power is at most n, by bisection on the bits."""
    if degree == 2:
        return math.isqrt(n)
    low, high = 0, 1 << (n.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= n else (low, middle - 1)
    return low


def _realised(x):
    return x.real if hasattr(x, "imag") and not x.imag else x


CIRCULAR = {name: name for name in "sin cos tan cot sec csc".split()}
INVERSE = {f"arc{name}": f"a{name}" for name in "sin cos tan sinh cosh tanh".split()}
HYPERBOLIC = {"sinh", "cosh", "tanh"}


def _call(name, arguments, context):
    x = arguments[0]
    if name == "root":
        degree = arguments[1]
        if not isinstance(degree, Fraction) or not degree:
            raise Undefined("root")
        return _power(x, 1 / degree, context)
    if name == "abs":
        return abs(x)
    if name == "conjugate":
        return x if isinstance(x, Fraction) else context.conj(x)
    if name in ("factorial", "double factorial"):
        return _factorial(x, step=1 if name == "factorial" else 2)
    if name in ("floor", "ceiling"):
        return _rounded(x, name)
    if name == "binom":
        return _binomial(x, arguments[1])
    if name in ("max", "min"):
        if any(map(_imaginary, arguments)):
            raise Undefined(name)
        choose = max if name == "max" else min
        return choose(arguments, key=lambda part: approximate(part, context).real)
    if name in ("gcd", "lcm"):
        if not all(map(_whole, arguments)):
            raise Undefined(name)
        return _bounded(Fraction((math.gcd if name == "gcd" else math.lcm)(*map(int, arguments))))
    if name == "ln" or name == "log":
        if not x or name == "log" and (not arguments[1] or arguments[1] == 1):
            raise Undefined("logarithm")
        if name == "log" and (whole := _whole_logarithm(x, arguments[1])) is not None:
            return whole
        logarithm = context.log(approximate(x, context))
        if name == "log":
            logarithm /= context.log(approximate(arguments[1], context))
        return _realised(logarithm)
    z = approximate(x, context)
    if z and _order(z) > 30:
        raise TooCostly("argument too large")
    if name == "cis" and abs(z) < LARGEST_LOGARITHM:
        return context.exp(z * context.mpc(0, 1))
    if name in CIRCULAR:
        if abs(z.imag) > 1000:
            raise TooCostly("argument too large")
        return _realised(getattr(context, name)(z))
    if name in HYPERBOLIC and abs(z) < LARGEST_LOGARITHM or name in INVERSE:
        return _realised(getattr(context, INVERSE.get(name, name))(z))
    raise TooCostly(name)


def _rounded(x, name):
    if _imaginary(x):
        raise Undefined(name)
    if not isinstance(x, Fraction):
        if abs(x) > LARGEST_ARGUMENT or abs(x.real - round(float(x.real))) < 1e-9:
            raise TooCostly("too close to a whole number")
        x = Fraction(float(x.real))
    return Fraction(math.floor(x) if name == "floor" else math.ceil(x))


def _whole(x):
    return isinstance(x, Fraction) and x.denominator == 1


def _factorial(x, step):
    if not _whole(x) or x < 0:
        raise Undefined("factorial")
    if x > LARGEST_FACTORIAL:
        raise TooCostly("factorial too large")
    return _bounded(Fraction(math.prod(range(int(x), 0, -step))))


def _binomial(n, k):
    if not all(_whole(part) and part >= 0 for part in (n, k)):
        raise Undefined("binomial")
    if n > LARGEST_FACTORIAL:
        raise TooCostly("binomial too large")
    return Fraction(math.comb(int(n), int(k)))


def _whole_logarithm(x, base):
    """Return log of one rational to the base of another where it is a whole number, exactly."""
    if not isinstance(x, Fraction) or not isinstance(base, Fraction) or x <= 0 or base <= 0:
        return None
    bits = [max(part.numerator.bit_length(), part.denominator.bit_length()) for part in (x, base)]
    if bits[1] < 2:
        return None
    guess = round(
        (math.log(x.numerator) - math.log(x.denominator))
        / (math.log(base.numerator) - math.log(base.denominator))
    )
    return Fraction(guess) if abs(guess) * bits[1] <= LARGEST and base**guess == x else None
