"""Reading the steps of a solution.

What can be read as `a op b = c` is parsed and checked exactly, and nothing is evaluated.
"""

import math
import operator
import re
from fractions import Fraction
from typing import NamedTuple

SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", "＝": "=", "＋": "+"})
COMMANDS = {"times": "*", "cdot": "*", "div": "/"}
MODULO = "\ue000"  # stands for a % between two numbers, which is otherwise a percentage
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
ARITHMETIC[MODULO] = operator.mod
REWRITES = (  # applied in turn; each removes or replaces what is found
    re.compile(r"<<[^<>]*>>|\\?[$€£¥]|\\!|(?<=\d),(?:\\!)?(?=\d{3})"),
    re.compile(r"(?<=\d)([ \t]*x[ \t]*)(?=[\d(])"),
    re.compile(r"\\(times|cdot|div)(?![a-z])"),
    re.compile(r"(?<=[\d)]) (%) (?=[\d(])"),
)
SENTENCE = re.compile(r"(?<![-+*/=(,])\n|\.(?=\s)|[。；;]")
# What may stand next to a side so that the side is only a part of something that cannot be read.
JOINED_BEFORE = re.compile(r"[^\W一-鿿]$|[(){}\]^%\\又之第零一二三四五六七八九十百千万亿]$")
BROKEN_BEFORE = re.compile(
    r"\b(?:of|[A-Za-z])$|[\]}^|#@&!:]$|\\[A-Za-z]+$|\d,$|\d\s+and$|[-+*/]\s*[A-Za-z]+$"
)
JOINED_AFTER = re.compile(r"[^\W一-鿿]|[\^%\\{\[十百千万亿分又]")
BROKEN_AFTER = re.compile(r"[\\|#@!%:¢]|[a-z]\b|and\s+\(?\d|cents?\b|percent\b")
EQUATION = re.compile(
    rf"(?:(?:gcd|lcm)\(\d{{1,30}}, ?\d{{1,30}}\)|[-+*/{MODULO}=().\d\s]){{5,200}}"
)
TOKEN = re.compile(
    rf"\s*((?:gcd|lcm)\(\d+, ?\d+\)|\d{{1,30}}(?:\.\d{{1,30}})?|\.\d{{1,30}}|[-+*/{MODULO}()])"
)
NEAR = 40  # characters beside an equation that are looked at
BULLET = re.compile(r"\s*[-+*]\s+(?=\d)")  # of a list, at the start of a line
COMPUTED = re.compile(rf"[\d)]\s*[-+*/{MODULO}]|gcd|lcm")
PAIR = re.compile(r"(gcd|lcm)\((\d+), ?(\d+)\)")
BY_FRACTION = re.compile(r"/\s*(\d+/\d+)")  # 12 / 3/4, which some read as 12 / (3/4)
DECIMAL = re.compile(r"\s*-?\d*\.(\d+)\.*\s*")
FLOAT = Fraction(1, 2**50)  # how far a decimal with all the digits of a float may be off
DEEPEST = 20  # brackets in one step


class Operation(NamedTuple):
    """`left operation right = value`, exact; the operation is one of + - * / % gcd lcm."""

    operation: str
    left: Fraction
    right: Fraction
    value: Fraction


class Step(NamedTuple):
    """A statement `left side = right side` that can be read.

    Its characters in the response, whether it is true (decimals may be rounded), the operations of
    the side that computes (the left, if both do) in order, and the value of the other side.
    """

    start: int
    end: int
    holds: bool
    operations: tuple[Operation, ...]
    stated: Fraction


def read(response: str) -> list[Step]:
    """Every step of a response that can be read, in order.

    A chain `a + b = c = d - e` is one step per equals sign.

    Not read, and so not checked: what has letters, powers, roots, percentages or LaTeX beside the
    signs of the four operations, a side that begins or ends in the middle of such a thing,
    remainders other than `a % b`, and a side of over 200 characters.
    """
    text, places = _plain(response)
    steps, start = [], 0
    for end in [*(m.start() for m in SENTENCE.finditer(text)), len(text)]:
        sentence = text[start:end]
        for match in EQUATION.finditer(sentence):
            for left, right in _pairs(sentence, match):
                if step := _step(*(sentence[slice(*side)] for side in (left, right))):
                    statement = sentence[left[0] : right[1]]
                    blanks = len(statement) - len(statement.lstrip())
                    first = start + left[0] + blanks
                    last = start + left[0] + len(statement.rstrip()) - 1
                    steps.append(Step(places[first], places[last] + 1, *step))
        start = end + 1
    return steps


def hold(response: str) -> bool:
    """Say whether every step `a op b = c` that can be read in a response is true.

    Decimals may be rounded.
    """
    return all(step.holds for step in read(response))


def numbers(text: str) -> set[Fraction]:
    """The numbers that stand in a text in digits: 1,200 and 3.5.

    Of 3/4 both parts and the fraction, of 25% also 0.25.
    """
    found = set()
    for match in re.finditer(
        r"(?<![\d.])(\d{1,30}(?:\.\d{1,30})?|\.\d{1,30})(?:(\s?\\?%)|/(\d{1,30}))?", _plain(text)[0]
    ):
        value = Fraction(match[1])
        found.add(value)
        if match[2]:
            found.add(value / 100)
        if match[3]:
            found.add(below := Fraction(match[3]))
            found |= {value / below} if below else set()
    return found


def _plain(response: str) -> tuple[str, list[int]]:
    """The text with the signs of arithmetic as one character each, and the place of each of its
    characters in the response.
    """
    text, places = response.replace(MODULO, " ").translate(SIGNS), range(len(response) + 1)
    for pattern in REWRITES:
        pieces, kept, end = [], [], 0
        for match in pattern.finditer(text):
            group = (match[1] or "").strip() if pattern.groups else ""
            new = {"x": "*", "%": f" {MODULO} "}.get(group) or COMMANDS.get(group, "")
            pieces += [text[end : match.start()], new]
            kept += [*places[end : match.start()], *[places[match.start()]] * len(new)]
            end = match.end()
        if pieces:
            text, places = "".join([*pieces, text[end:]]), [*kept, *places[end:]]
    return text, places


def _pairs(sentence, match):
    """The two sides of each equals sign of a run of signs and digits, as places in the sentence,
    where both can be read.
    """
    before = sentence[max(0, match.start() - NEAR) : match.start()].rstrip()
    after = sentence[match.end() : match.end() + NEAR]
    signs = [match.start() + m.start() for m in re.finditer("=", match[0])]
    bounds = [match.start(), *signs, match.end()]
    sides = [[a + (i > 0), b] for i, (a, b) in enumerate(zip(bounds, bounds[1:], strict=False))]
    joined = match[0].split("=")[0].lstrip()[:1] in tuple("+-*/") or not match[0][0].isspace()
    if JOINED_BEFORE.search(before) and joined or BROKEN_BEFORE.search(before):
        sides[0] = None
    elif not before and (bullet := BULLET.match(match[0])):
        sides[0][0] += bullet.end()
    if JOINED_AFTER.match(after) and not match[0][-1].isspace() or BROKEN_AFTER.match(after):
        sides[-1] = None
    return [pair for pair in zip(sides, sides[1:], strict=False) if None not in pair]


def _step(left, right):
    """(holds, operations, stated) of two sides.

    None where one cannot be read or neither computes anything.
    """
    x, y = _value(left), _value(right)
    if x is None or y is None or not (COMPUTED.search(left) or COMPUTED.search(right)):
        return None
    holds = _agree(left, x[0], right, y[0])
    if not holds and BY_FRACTION.search(left + right):
        u, v = (_value(BY_FRACTION.sub(r"/ (\1)", side)) for side in (left, right))
        if u and v and _agree(left, u[0], right, v[0]):
            holds, x, y = True, u, v
    return (holds, x[1], y[0]) if x[1] else (holds, y[1], x[0])


def _agree(left, x, right, y):
    places = [len(m[1]) for side in (left, right) if (m := DECIMAL.fullmatch(side))]
    return abs(x - y) <= (max(Fraction(1, 10 ** min(places)), abs(x) * FLOAT) if places else 0)


def _value(text: str) -> tuple[Fraction, tuple[Operation, ...]] | None:
    """Evaluate a sum of products of decimals exactly.

    None if the text is anything else or divides by zero.
    """
    text = text.strip().rstrip(".")
    tokens, operations = TOKEN.findall(text), []
    if not tokens or re.sub(r"\s", "", "".join(tokens)) != re.sub(r"\s", "", text):
        return None
    if re.search(r"[\d.]\s+[\d.]", text) or text.count("(") > DEEPEST:
        return None
    tokens.append("")
    try:
        value = _sum(tokens, operations)
    except (ValueError, ZeroDivisionError):
        return None
    return (value, tuple(operations)) if tokens == [""] else None


def _sum(tokens, operations):
    value = _product(tokens, operations)
    while tokens[0] in ("+", "-"):
        value = _operate(tokens.pop(0), value, _product(tokens, operations), operations)
    return value


def _product(tokens, operations):
    value = _atom(tokens, operations)
    while tokens[0] in ("*", "/", MODULO):
        value = _operate(tokens.pop(0), value, _atom(tokens, operations), operations)
    return value


def _operate(sign, left, right, operations):
    if sign == MODULO and not (left.denominator == right.denominator == 1 and right > 0):
        raise ValueError("a remainder needs whole numbers")
    value = ARITHMETIC[sign](left, right)
    operations.append(Operation("%" if sign == MODULO else sign, left, right, value))
    return value


def _atom(tokens, operations):
    token, sign = tokens.pop(0), 1
    while token in ("-", "+"):
        sign, token = (-sign if token == "-" else sign), tokens.pop(0)
    if pair := PAIR.fullmatch(token):
        left, right = int(pair[2]), int(pair[3])
        value = Fraction((math.gcd if pair[1] == "gcd" else math.lcm)(left, right))
        operations.append(Operation(pair[1], Fraction(left), Fraction(right), value))
        return sign * value
    if token != "(":
        return sign * Fraction(token)  # raises ValueError for anything but a number
    value = _sum(tokens, operations)
    if tokens.pop(0) != ")":
        raise ValueError("a bracket is not closed")
    return sign * value
