"""Steps of arithmetic written in a response: whether those that can be read are true. Exact fractions; nothing is evaluated."""

import re
from fractions import Fraction

SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-"})
SIGN_COMMANDS = re.compile(r"\\(times|cdot|div)(?![a-z])")
EQUATION = re.compile(r"[-+*/=().\d\s]{5,200}")
TOKEN = re.compile(r"\s*(\d{1,30}(?:\.\d{1,30})?|\.\d{1,30}|[-+*/()])")
DEEPEST = 20  # brackets in one step


def hold(response: str) -> bool:
    """Say whether every step `a op b = c` that can be read in a response is true; decimals may be rounded."""
    text = re.sub(r"<<[^<>]*>>|\\?[$€£¥]|\\!|(?<=\d),(?:\\!)?(?=\d{3})", "", response.translate(SIGNS))
    text = re.sub(r"(?<=\d)\s*x\s*(?=[\d(])", "*", text)
    text = SIGN_COMMANDS.sub(lambda m: "/" if m[1] == "div" else "*", text)
    for line in text.split("\n"):
        for match in EQUATION.finditer(line):
            before, after = line[: match.start()].rstrip(), line[match.end() :]
            sides = match[0].split("=")
            joined = sides[0].lstrip()[:1] in tuple("+-*/") or not match[0][0].isspace()
            if re.search(r"[\w(){}\]^%\\]$", before) and joined or re.search(r"\b(?:of|[A-Za-z])$|[\]}^|#@&!]$", before):
                sides[0] = ""  # the step begins with something that cannot be read
            if re.match(r"[\w^%\\{\[]", after) and not match[0][-1].isspace() or re.match(r"[\\|#@!]|[a-z]\b", after):
                sides[-1] = ""
            if not all(_agree(*pair) for pair in zip(sides, sides[1:], strict=False)):
                return False
    return True


def _agree(left: str, right: str) -> bool:
    x, y = _value(left), _value(right)
    if x is None or y is None or not re.search(r"[\d)]\s*[-+*/]", left + " " + right):
        return True
    places = [len(m[1]) for side in (left, right) if (m := re.fullmatch(r"\s*-?\d*\.(\d+)\.?\s*", side))]
    return abs(x - y) <= (Fraction(1, 10 ** min(places)) if places else 0)


def _value(text: str) -> Fraction | None:
    """Evaluate a sum of products of decimals exactly; None if the text is anything else or divides by zero."""
    text = text.strip().rstrip(".")
    tokens = TOKEN.findall(text)
    if not tokens or "".join(tokens) != re.sub(r"\s", "", text):
        return None
    if re.search(r"[\d.]\s+[\d.]", text) or text.count("(") > DEEPEST:
        return None
    tokens.append("")
    try:
        value = _sum(tokens)
    except (ValueError, ZeroDivisionError):
        return None
    return value if tokens == [""] else None


def _sum(tokens):
    value = _product(tokens)
    while tokens[0] in ("+", "-"):
        value += _product(tokens) if tokens.pop(0) == "+" else -_product(tokens)
    return value


def _product(tokens):
    value = _atom(tokens)
    while tokens[0] in ("*", "/"):
        value = value * _atom(tokens) if tokens.pop(0) == "*" else value / _atom(tokens)
    return value


def _atom(tokens):
    token, sign = tokens.pop(0), 1
    while token in ("-", "+"):
        sign, token = (-sign if token == "-" else sign), tokens.pop(0)
    if token != "(":
        return sign * Fraction(token)  # raises ValueError for anything but a number
    value = _sum(tokens)
    if tokens.pop(0) != ")":
        raise ValueError("a bracket is not closed")
    return sign * value
