"""Reading a number with its unit: plain numbers, money, percentages, compound and scaled units."""

import re
from fractions import Fraction

from . import formulas, spelling, units
from .formulas import number
from .objects import Quantity

MOST_UNIT_WORDS = 8
WRAPPED = re.compile(rf"\\(?:{spelling.WORDS_AROUND}|operatorname)\s*\{{([^{{}}]*)\}}")
COMMAND_BUT_PI = re.compile(r"\\(?!pi)[A-Za-z]+")
PLAIN = re.compile(r"(-?)(\d{1,40})(?:\.(\d{1,40}))?|(-?)(\d{1,3}(?:,\d{3})+)(?:\.(\d{1,40}))?")
THOUSANDS = re.compile(r"(?<![\d,.])(\d{1,3}(?:,\d{3})+)(?![\d,]\d)(?!\d)")
CURRENCY = re.compile(
    r"(?P<sign>[-+]?)\s*(?P<mark>(?P<country>US|RMB|AU?|CA?|NZ|HK|S)?\s*\\?[$€£¥₹₩₱₽₺฿]"
    rf"|(?P<code>{units.CODES}|Rs\.?)(?=\s*[\d.]))"
    r"\s*(?P<rest>.+)",
    re.S,
)
WRAPPED_CODE = re.compile(rf"^\\(?:text|mathrm)\s*\{{\s*({units.CODES})\s*\}}")
COUNTRIES = {"A": "aud", "AU": "aud", "C": "cad", "CA": "cad", "NZ": "nzd", "HK": "hkd", "S": "sgd"}
PERCENT = re.compile(r"\s*\\?%$")
PIECE = re.compile(
    r"(?P<degree>\^\s*(?:\\circ|\{\s*\\circ\s*\})\s*[CF]?)|\\cdot|\\[A-Za-z]+"
    r"|(?P<word>[A-Za-zμµ¢€£¥]+\.?|[一-鿿]+)"
    r"|(?P<joint>\s+|[/·*-]|\^\s*(?:-?\d|\{\s*-?\d\s*\}))|.",
    re.S,
)
TRIGONOMETRY = re.compile(r"(?<!arc)(?:sin|cos|tan|cot|sec|csc|cis)")
MATHEMATICS = {*formulas.FUNCTIONS, *formulas.GREEK, *formulas.CONSTANTS}
MATHEMATICS |= set("or and mod not none times plus minus over is to deg".split())


def plain(text, depth):
    """Read a plain integer or decimal: most answers are one."""
    match = PLAIN.fullmatch(text)
    return match and _decimal(Fraction(text.replace(",", "")), match[3] or match[6])


def _decimal(value, places):
    if not places:
        return Quantity((("number", value),))
    digits = len(str(abs(value.numerator * 10 ** len(places) // value.denominator)).lstrip("0"))
    return Quantity((("number", value),), places=len(places), digits=digits)


def compound(text, depth):
    """Read 2 feet 3 inches, 5 dollars and 50 cents, 1小时30分.

    Numbers whose units are of one kind.
    """
    text = WRAPPED.sub(r" \1 ", text)
    pieces = re.findall(r"(\d+(?:\.\d+)?(?:/\d+)?)\s*([A-Za-z]+|[一-鿿]+|'{1,2}|\")\.?", text)
    written = re.sub(r"\band\b|[\s,.]", "", text)
    if len(pieces) < 2 or written != re.sub(r"[\s,.]", "", "".join(map("".join, pieces))):
        return None
    money = any(name in ("元", "角", "块") for _, name in pieces)
    measured = [units.read("角" if money and name == "分" else name) for _, name in pieces]
    if len({unit.dimensions for unit in measured}) != 1 or not measured[0].dimensions:
        return None
    numbers = [Fraction(n) / (10 if money and name == "分" else 1) for n, name in pieces]
    return Quantity(tuple(("number", n) for n in numbers), tuple(measured))


def without_thousands(text):
    """Take the commas out of 1,234, but not out of (1,234) or {1,234}, unless the brackets part
    their items by ", ".
    """

    def join(match):
        before = re.sub(r"\\[A-Za-z]+\s*\[", "", text[: match.start()])
        before = before.replace("\\{", "(").replace("\\}", ")")
        inside = sum((c in "([") - (c in ")]") for c in before) > 0
        return match[0] if inside and ", " not in text else match[1].replace(",", "")

    return THOUSANDS.sub(join, text) if "," in text else text


def read(text: str, depth: int) -> Quantity | None:
    r"""Read one number, or one formula, with what stands around it.

    A base, a currency, a percent sign, a scale, a unit.

    Raises:
        formulas.Unreadable if what is left is no formula. `depth` is unused; all readers of
            `reading` take it.
    """
    base = re.fullmatch(
        r"\(?\s*(?:\\(?:text"
        r"|mathrm)\s*\{)?\s*([0-9A-Fa-f]+)\s*\}?\s*\)?\s*_\s*\{?\s*(?:\\text\{)?(\d{1,2}"
        r"|[a-z]+)\}?\}?",
        text,
    )
    if base and (n := base[2] if base[2].isdigit() else spelling.ENGLISH.get(base[2])):
        if 2 <= int(n) <= 36 and all(int(digit, 36) < int(n) for digit in base[1]):
            return Quantity((("number", Fraction(int(base[1], int(n)))),))
    text = re.sub(
        r"\s*\b(?:percent|per cent)\b\.?$|\s*\\text\s*\{\s*(?:percent|per cent)\s*\}$", r"\\%", text
    )
    text = re.sub(r"^(?:\\approx|≈|about|approximately|约为?|大约)\s*", "", text)
    text = re.sub(r"\\text\s*\{\s*\\?([$€£¥₹])\s*\}|\\mathdollar", lambda m: m[1] or "$", text)
    text = WRAPPED_CODE.sub(r"\1 ", text)
    text = re.sub(r"^([-\d.,]*\d)\s*\\?\$$", r"$\1", text)
    found = []
    if match := CURRENCY.fullmatch(text):
        currency = (match["code"] or match["mark"][-1]).rstrip(".")
        found.append(COUNTRIES.get(match["country"]) or currency)
        text = match["sign"] + match["rest"].strip()
    head, unit = _tail(WRAPPED.sub(_unwrapped_unit, text))
    percent = bool(PERCENT.search(head))
    if percent:
        head = PERCENT.sub("", head)
    scale = 1
    for word in unit.split() or [unit]:
        size = units.SCALES.get(word.lower()) or units.SCALES.get(word.lower().removesuffix("s"))
        if size is None:
            cjk = re.match("千万|百万|[千万亿](?!米|克|瓦)", word)
            if cjk:
                scale *= units.SCALES[cjk[0]]
                unit = unit.replace(cjk[0], "", 1)
            break
        scale *= size
        unit = unit.replace(word, "", 1).strip()
    head = without_thousands(head).strip()
    tree = formulas.read(head)
    if percent or scale != 1:
        tree = ("product", (tree, number(Fraction(scale, 100 if percent else 1))))
    if unit and not (found and units.read(unit).dimensions == units.read(found[0]).dimensions):
        found.append(unit)
    measured = units.read(" ".join(found)) if found else None
    if measured and not measured.dimensions and not measured.nouns:
        measured = None
    decimal = _places(head) if scale == 1 and not percent else (-1, 0)
    return Quantity((tree,), (measured,) if measured else (), percent, *decimal)


def _unwrapped_unit(match):
    """Take the words out of \\text.

    A single letter gets a point, which says that it is a unit and no unknown.
    """
    words = match[1].strip()
    point = "." if len(words) == 1 and words.isascii() and units.find(words) else ""
    return f" {words}{point} " if words else " "


def _places(text):
    match = re.fullmatch(r"[-+]?\s*(\d*)\.(\d+)", text)
    return (len(match[2]), len((match[1] + match[2]).lstrip("0"))) if match else (-1, 0)


def _tail(text):
    """Cut the unit behind a number off: ("5", "cm^2").

    Letters that are mathematics stay: 5xy, 2 pi.
    """
    text = text.strip()
    words = []  # where the words begin that only joints follow
    for piece in PIECE.finditer(text):
        if piece["word"]:
            words.append(piece)
        elif piece["degree"]:
            words = [piece]
        elif not piece["joint"] and piece[0] != "\\cdot":
            words = []
    for piece in words[:MOST_UNIT_WORDS]:
        head, unit = text[: piece.start()], text[piece.start() :]
        if piece["degree"]:
            if TRIGONOMETRY.search(head):  # sin 30° is a number, and its degrees are no unit of it
                return text, ""
            name = {"C": " celsius", "F": " fahrenheit"}.get(piece[0][-1], " degree")
            return head, name + text[piece.end() :]
        if head.endswith("/") and units.is_unit(unit):  # $15/hour
            return head[:-1].strip(), f"/{unit}"
        names = re.findall(r"[A-Za-zμµ¢€£¥]+|[一-鿿]+", unit)
        if MATHEMATICS & {name.lower() for name in names}:
            continue
        bare = head.rstrip()
        if _behind(bare, head[len(bare) :], unit, names):
            return head.strip(), unit
    return text, ""


def _behind(head, gap, unit, names):
    """Say whether the words behind a number are its unit, and not letters of a formula."""
    first = names[0]
    if not head:
        return False
    if re.match("[一-鿿€£¥¢]", first):
        return True
    tables = (units.SPEEDS, units.PREFIX, units.SCALES)
    known = units.find(first) is not None or any(first.lower() in table for table in tables)
    if known and (len(first) > 1 or unit.startswith(first + ".")):
        return True
    numeric = bool(re.search(r"[\d)}\]%!]$|\\pi$", head))
    if not numeric:
        return False
    if known:
        letters = re.search(r"\\pi|[A-Za-z]", COMMAND_BUT_PI.sub("", head))
        return not letters and (gap != "" or first in units.SHORT)
    apart = gap != "" and len(first) > 2
    return apart or len(first) > 4 or first.lower() in units.FILLERS
