r"""What an answer is (a number with its unit, a list, a set, an interval, a matrix, an equation, words) and when two are equal.

`read` takes a cleaned answer apart at its outermost level and reads the parts in turn; the leaves are the trees of
`formulas`. `compare` says whether two objects are the same mathematical object. A part that cannot be read becomes `Words`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from . import formulas, spelling, units, values

DEEPEST = 6  # lists in lists
LONGEST_LIST = 60
MOST_UNIT_WORDS = 8
DECIMAL_DIGITS = 9  # correct digits from which a decimal may stand for a number that has no end
RELATIONS = {"=": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">=", r"\ne": "!=", "<=": "<=", ">=": ">=", "!=": "!=", r"\in": "in"}
FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
RELATION = re.compile(r"<=|>=|!=|\\(?:le|ge|ne|in)(?![A-Za-z])|[=<>]")
NOTHING = set(
    "none|no solution|no solutions|no real solution|no real solutions|there is no solution|there are no solutions|no answer exists|"
    "no such number|empty set|empty|null set|无解|空集|无实数解|方程无解|没有解|no real roots|no roots|no value|no values|has no solution|"
    "no real root|there are no real solutions|无实根|不等式无解|no possible values|no such values".split("|")
)
EVERYTHING = set(
    "all real numbers|all reals|all real values|any real number|全体实数|一切实数|任意实数|实数集|reals|real numbers".split("|")
)
LETTERS = re.compile(
    r"[A-H]{1,8}|\(?[A-H]\)?(?:\s*,?\s*(?:and\s+|or\s+)?\(?[A-H]\)?)+|[^A-Za-z]*\d[^A-Za-z]*"
)  # choices or numbers, in \text
SHORT_WORDS = set("no on yes odd even true none all any both one left up down east west".split())
ABSENT = set("does not exist|dne|doesn't exist|不存在".split("|"))
WRAPPED = re.compile(rf"\\(?:{spelling.WORDS_AROUND}|operatorname)\s*\{{([^{{}}]*)\}}")
COMMAND_BUT_PI = re.compile(r"\\(?!pi)[A-Za-z]+")
OPENERS, CLOSERS = "([{", ")]}"


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
    """left sign right, as trees, where both could be read; `subject` and `object` are the sides as objects."""

    sign: str
    trees: tuple | None
    subject: str
    object: object


@dataclass(frozen=True)
class Region:
    """A part of the real line. `holds` has one flag for each gap and each cut, in order: below the first cut, at it, ..."""

    cuts: tuple
    holds: tuple


@dataclass(frozen=True)
class Words:
    text: str


NUMBERS_ALL = Region((), (True,))
EMPTY = Region((), (False,))


def number(n) -> tuple:
    return ("number", Fraction(n))


# Taking text apart


def split(text: str, separators: re.Pattern) -> tuple[list[str], list[str]]:
    """Cut text at the separators that lie in no bracket: the parts, and the separators between them."""
    if not separators.search(text):
        return [text], []
    parts, found, depth, start, position = [], [], 0, 0, 0
    while position < len(text):
        character = text[position]
        if depth == 0 and (match := separators.match(text, position)) and match.end() > position:
            parts.append(text[start:position])
            found.append(match[0])
            start = position = match.end()
            continue
        if character == "\\":
            command = re.compile(r"\\(?:[A-Za-z]+|.)").match(text, position)
            if command:
                depth += (command[0] in ("\\begin", "\\{", "\\langle", "\\lfloor")) - (
                    command[0] in ("\\end", "\\}", "\\rangle", "\\rfloor")
                )
                position = command.end()
                continue
        depth += (character in OPENERS) - (character in CLOSERS)
        position += 1
    return [*parts, text[start:]], found


LIST = re.compile(r"\s*(?:(?:,\s*)?\\text\s*\{\s*,?\s*(?:and|or)\s*\}|,\s*(?:and|or)\b|;|、|,|\b(?:or|and)\b|或者?|和|及|\\\\)\s*")
COMMA = re.compile(r"\s*[,;]\s*")
UNION = re.compile(r"\s*(?:\\cup|\\cap|\\setminus)(?![A-Za-z])\s*|(?<=[)\]}])\s*(?:\bU\b|-)\s*(?=[(\[]|\\\{)")
THOUSANDS = re.compile(r"(?<![\d,.])(\d{1,3}(?:,\d{3})+)(?![\d,]\d)(?!\d)")


@lru_cache(maxsize=1 << 15)
def read(text: str) -> object:
    """Read a cleaned answer as an object; Words if it is none of mathematics."""
    return _read(text, 0)


def _read(text, depth):
    text = text.strip()
    word = spelling.words(text)
    if word in NOTHING or re.fullmatch(r"\\emptyset|\\\{\s*\\\}|\{\s*\}", text):
        return EMPTY
    if word in EVERYTHING or re.fullmatch(r"\\mathbb\s*\{?\s*R\s*\}?|\\mathbf\{R\}", text):
        return NUMBERS_ALL
    if word in ABSENT:
        return Words("does not exist")
    if depth > DEEPEST:
        return Words(text)
    if (inside := re.fullmatch(rf"\\(?:{spelling.WORDS_AROUND})\s*\{{([^{{}}]*)\}}", text)) and LETTERS.fullmatch(inside[1].strip()):
        return _read(inside[1], depth + 1)
    if word in SHORT_WORDS or re.fullmatch(r"[a-z]{2,}(?: [a-z]+)*", word) and text.startswith("\\text") and not units.is_unit(word):
        return Words(text)
    if except_for := re.fullmatch(
        r"(?:all )?real numbers (?:except|other than) (?:for )?(.+)|\\mathbb\{R\}\s*(?:except|\\backslash)(.+)", text
    ):
        excluded = _as_region(_read("\\{" + except_for[1] + "\\}", depth + 1)) if except_for[1] else None
        if excluded:
            return _combine(NUMBERS_ALL, excluded, lambda a, b: a and not b)
    for reader in (_matrix, _plain, _compound, _list, _relation, _union, _bracketed, _ratio, _quantity):
        try:
            found = reader(text, depth)
        except (formulas.Unreadable, values.Undefined, values.TooCostly, KeyError):
            found = None
        if found is not None:
            return found
    return Words(text)


PLAIN = re.compile(r"(-?)(\d{1,40})(?:\.(\d{1,40}))?|(-?)(\d{1,3}(?:,\d{3})+)(?:\.(\d{1,40}))?")


def _plain(text, depth):
    """Read a plain integer or decimal: most answers are one."""
    match = PLAIN.fullmatch(text)
    if not match:
        return None
    return _decimal(Fraction(text.replace(",", "")), match[3] or match[6])


def _decimal(value, places):
    if not places:
        return Quantity((("number", value),))
    digits = len(str(abs(value.numerator * 10 ** len(places) // value.denominator)).lstrip("0"))
    return Quantity((("number", value),), places=len(places), digits=digits)


def _matrix(text, depth):
    match = re.fullmatch(r"(.*?)\\begin\{([pbB]?(?:small)?matrix|array)\*?\}(?:\s*\{[clr|\s]*\})?(.*)\\end\{\2\*?\}", text, re.S)
    if not match or "\\begin" in match[3]:
        return None
    factor = match[1].strip().removesuffix("\\cdot").strip()
    if factor in ("(", "["):
        return None
    scale = formulas.read("-1" if factor == "-" else factor) if factor else None
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", match[3].replace("\\hline", "")) if row.strip()]
    cells = tuple(tuple(_read(cell, depth + 1) for cell in row.split("&")) for row in rows)
    if not cells or len({len(row) for row in cells}) > 1 or sum(map(len, cells)) > LONGEST_LIST:
        return None
    if scale:
        if not all(isinstance(cell, Quantity) and len(cell.trees) == 1 for row in cells for cell in row):
            return None
        cells = tuple(tuple(Quantity((("product", (scale, cell.trees[0])),)) for cell in row) for row in cells)
    return Matrix(cells)


def _compound(text, depth):
    """Read 2 feet 3 inches, 5 dollars and 50 cents, 1小时30分: numbers whose units are of one kind."""
    text = WRAPPED.sub(r" \1 ", text)
    pieces = re.findall(r"(\d+(?:\.\d+)?(?:/\d+)?)\s*([A-Za-z]+|[一-鿿]+|'{1,2}|\")\.?", text)
    if len(pieces) < 2 or re.sub(r"(?:\b(?:and)\b|[\s,.])", "", text) != re.sub(r"[\s,.]", "", "".join(map("".join, pieces))):
        return None
    money = any(name in ("元", "角", "块") for _, name in pieces)
    measured = [units.read("角" if money and name == "分" else name) for _, name in pieces]
    if len({unit.dimensions for unit in measured}) != 1 or not measured[0].dimensions:
        return None
    numbers = [Fraction(n) / (10 if money and name == "分" else 1) for n, name in pieces]
    return Quantity(tuple(("number", n) for n in numbers), tuple(measured))


def _list(text, depth):
    joined = _without_thousands(text)
    if joined != text:
        return _read(joined, depth + 1)
    parts, separators = split(text, LIST)
    if len(parts) < 2:
        return None
    kept = [(part, before) for part, before in zip(parts, ["", *separators], strict=True) if part.strip()]
    if len(kept) > LONGEST_LIST or len(kept) < len(parts):
        return None
    items = [_read(part, depth + 1) for part, _ in kept]
    if any(isinstance(item, Words) and len(item.text) > 40 for item in items):
        return None
    either = any(re.search(r"or|或", separator) for separator in separators)
    if _has_sign(items[0], "!=") and all(isinstance(item, Quantity) for item in items[1:]):
        items[1:] = [Relation("!=", (items[0].trees[0], item.trees[0]), items[0].subject, item) for item in items[1:]]
    regions = [_region(item) if isinstance(item, Relation) and item.sign != "=" else item for item in items]
    if all(isinstance(region, Region) for region in regions):
        region = regions[0]
        for other in regions[1:]:
            region = _combine(region, other, (lambda a, b: a or b) if either else (lambda a, b: a and b))
        if region == EMPTY and not either:  # "x < 1, x > 3" means one or the other
            for other in regions:
                region = _combine(region, other, lambda a, b: a or b)
        return region
    if all(_has_sign(item, "=") and item.subject for item in items):
        names = [item.subject for item in items]
        if len({re.sub(r"_\{?\d\}?$", "", name) for name in names}) == 1:  # x_1 = 2, x_2 = 3: numbered roots
            return _flat([item.object for item in items])
        if len(set(names)) == len(names):
            ordered = sorted(items, key=lambda item: item.subject)
            return Sequence("assigned", tuple(ordered))
    if _has_sign(items[0], "=") and items[0].subject and not any(isinstance(item, Relation) for item in items[1:]):
        items[0] = items[0].object  # x = 1, 2, 3
    return _flat(items)


def _without_thousands(text):
    """Take the commas out of 1,234, but not out of (1,234) or {1,234}, unless the brackets part their items by ", "."""

    def join(match):
        before = re.sub(r"\\[A-Za-z]+\s*\[", "", text[: match.start()]).replace("\\{", "(").replace("\\}", ")")
        inside = sum((c in "([") - (c in ")]") for c in before) > 0
        return match[0] if inside and ", " not in text else match[1].replace(",", "")

    return THOUSANDS.sub(join, text) if "," in text else text


def _has_sign(item, sign):
    return isinstance(item, Relation) and item.sign == sign


def _flat(items):
    flat = []
    for item in items:
        flat += item.items if isinstance(item, Collection) else [item]
    return Collection(tuple(flat))


def _relation(text, depth):
    text = re.sub(r"(?<![<>!])=\s*=", "=", text)
    parts, signs = split(text, RELATION)
    if not signs:
        return None
    signs = [RELATIONS[sign.strip()] for sign in signs]
    parts = [part.strip() for part in parts]
    if not all(parts):
        return None
    if signs == ["in"]:
        return _read(parts[1], depth + 1)
    if signs[-1] == "in" and re.fullmatch(r"\\mathbb\s*\{?R\}?", parts[-1]):
        return _read(text[: text.rindex("\\in")], depth + 1)
    subject = parts[0].replace(" ", "") if _is_name(parts[0]) else ""
    if set(signs) == {"="}:
        return Relation("=", _trees(parts[0], parts[-1]) if len(parts) == 2 else None, subject, _read(parts[-1], depth + 1))
    if len(signs) == 1:
        trees = _trees(*parts)
        return Relation(signs[0], trees, subject, _read(parts[1], depth + 1)) if trees else None
    if "=" in signs:
        return None
    region = NUMBERS_ALL
    links = [Relation(sign, _trees(*pair), "", None) for sign, *pair in zip(signs, parts, parts[1:], strict=False)]
    if not all(link.trees for link in links):
        return None
    for link in links:
        part = _region(link)
        if not isinstance(part, Region):
            return Collection(tuple(links))
        region = _combine(region, part, lambda a, b: a and b)
    return region


NAME = re.compile(
    r"(?:\\(?:angle|triangle|overline|text|mathrm)\s*)?\{?(?:[A-Za-z]'?|\\[A-Za-z]+|[A-Z]{2,4}|[A-Za-z一-鿿 ]{3,30})\}?"
    r"(?:_(?:\w|\{[^{}]*\}))?(?:\(\s*[A-Za-z](?:\s*,\s*[A-Za-z])*\s*\))?(?:\^\{-1\}\([A-Za-z]\))?"
)


def _is_name(text):
    text = WRAPPED.sub(r"\1", text).strip()
    return bool(NAME.fullmatch(text) or re.fullmatch(r"\(\s*\\?[A-Za-z]+\s*(?:,\s*\\?[A-Za-z]+\s*){1,3}\)", text))


def _trees(left, right):
    try:
        return formulas.read(left), formulas.read(right)
    except formulas.Unreadable:
        return None


def _union(text, depth):
    if text.startswith(("\\mathbb", "R")) and (match := re.fullmatch(r"(?:\\mathbb\s*\{?\s*R\s*\}?|R)\s*(?:\\setminus|-)\s*(.+)", text)):
        return _combine(NUMBERS_ALL, _as_region(_read(match[1], depth + 1)), lambda a, b: a and not b)
    parts, signs = split(text, UNION)
    if not signs or len(parts) > LONGEST_LIST:
        return None
    region = None
    items = [_read(part, depth + 1) for part in parts]
    for item, sign in zip(items, ["", *signs], strict=True):
        other = _as_region(item)
        if other is None:
            return None
        name = sign.strip()
        act = {"\\cap": lambda a, b: a and b, "\\setminus": lambda a, b: a and not b, "-": lambda a, b: a and not b}.get(
            name, lambda a, b: a or b
        )
        region = other if region is None else _combine(region, other, act)
    return region


def _bracketed(text, depth):
    match = re.fullmatch(r"(\(|\[|\\\{|\{|\\langle|<|\])(.*?)(\)|\]|\\\}|\}|\\rangle|>|\[)", text, re.S)
    if not match or not _balanced(match[2]):
        return None
    opener, inside, closer = match[1][-1], match[2].strip(), match[3][-1]
    if match[1] in ("\\langle", "<"):
        opener, closer = "(", ")"
    if opener == "]" or closer == "[":  # ]1, 2[ as in France
        opener, closer = {"]": "("}.get(opener, opener), {"[": ")"}.get(closer, closer)
    if opener == "{" and closer == "}":
        condition = re.fullmatch(r"[^|:]{1,20}?(?:\||\\mid|:|\\vert)(.+)", inside)
        if match[1] == "\\{" and condition and RELATION.search(condition[1]):
            found = _read(condition[1], depth + 1)
            return _region(found) if isinstance(found, Relation) and isinstance(_region(found), Region) else found
        found = _read(inside, depth + 1)
        if isinstance(found, Collection):
            return Collection(tuple(_distinct(found.items)))
        return Collection((found,)) if match[1] == "\\{" or "," in inside else found
    parts, commas = split(inside, COMMA)
    if not commas:
        return _read(inside, depth + 1) if opener + closer in ("()", "[]") and not RELATION.search(inside) else None
    if not all(part.strip() for part in parts) or len(parts) > LONGEST_LIST:
        return None
    items = tuple(_read(part, depth + 1) for part in parts)
    return Sequence(opener + closer, items)


def _balanced(text):
    depth = 0
    for character in re.sub(r"\\[A-Za-z]+", "", text):
        depth += (character in OPENERS) - (character in CLOSERS)
        if depth < 0:
            return False
    return depth == 0


TIME = re.compile(r"(\d{1,2}(?::\d\d){0,2})\s*([AaPp])\.?\s*[Mm]\.?|(\d{1,2}(?::\d\d){1,2})")


def _ratio(text, depth):
    if time := TIME.fullmatch(WRAPPED.sub(r"\1", text).strip()):  # of day; 3:45 is no 1:15
        return Words(f"{time[1]} {time[2].lower()}m" if time[2] else time[3])
    parts, signs = split(text, re.compile(r"\s*(?::|\\colon)\s*"))
    if not signs or len(parts) > 6 or not all(part.strip() for part in parts):
        return None
    items = [_read(part, depth + 1) for part in parts]
    if not all(isinstance(item, Quantity) and len(item.trees) == 1 for item in items):
        return None
    return Ratio(tuple(item.trees[0] for item in items))


CURRENCY = re.compile(r"(?P<sign>[-+]?)\s*(?P<mark>(?:US|RMB)?\s*\\?[$€£¥])\s*(?P<rest>.+)", re.S)
PERCENT = re.compile(r"\s*\\?%$")
PIECE = re.compile(
    r"(?P<degree>\^\s*(?:\\circ|\{\s*\\circ\s*\})\s*[CF]?)|\\cdot|\\[A-Za-z]+|(?P<word>[A-Za-zμµ¢€£¥]+\.?|[一-鿿]+)"
    r"|(?P<joint>\s+|[/·*-]|\^\s*(?:-?\d|\{\s*-?\d\s*\}))|.",
    re.S,
)
TRIGONOMETRY = re.compile(r"(?<!arc)(?:sin|cos|tan|cot|sec|csc|cis)")
MATHEMATICS = (
    formulas.FUNCTIONS | formulas.GREEK | set(formulas.CONSTANTS) | set("or and mod not none times plus minus over is to deg".split())
)


def _quantity(text, depth):
    base = re.fullmatch(
        r"\(?\s*(?:\\(?:text|mathrm)\s*\{)?\s*([0-9A-Fa-f]+)\s*\}?\s*\)?\s*_\s*\{?\s*(?:\\text\{)?(\d{1,2}|[a-z]+)\}?\}?", text
    )
    if base and (n := base[2] if base[2].isdigit() else spelling.ENGLISH.get(base[2])):
        if 2 <= int(n) <= 36 and all(int(digit, 36) < int(n) for digit in base[1]):
            return Quantity((("number", Fraction(int(base[1], int(n)))),))
    text = re.sub(r"\s*\b(?:percent|per cent)\b\.?$|\s*\\text\s*\{\s*(?:percent|per cent)\s*\}$", r"\\%", text)
    text = re.sub(r"^(?:\\approx|≈|about|approximately|约为?|大约)\s*", "", text)
    text = re.sub(r"\\text\s*\{\s*\\?\$\s*\}|\\mathdollar", r"\\$", text)
    found = []
    if match := CURRENCY.fullmatch(text):
        found.append(match["mark"][-1])
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
    head = _without_thousands(head).strip()
    tree = formulas.read(head)
    percent_places = _places(head)
    if percent or scale != 1:
        tree = ("product", (tree, number(Fraction(scale, 100 if percent else 1))))
    if unit and not (found and units.read(unit).dimensions == units.read(found[0]).dimensions):
        found.append(unit)
    measured = units.read(" ".join(found)) if found else None
    if measured and not measured.dimensions and not measured.nouns:
        measured = None
    plain = percent_places if scale == 1 and not percent else (-1, 0)
    return Quantity((tree,), (measured,) if measured else (), percent, *plain)


def _unwrapped_unit(match):
    """Take the words out of \\text; a single letter gets a point, which says that it is a unit and no unknown."""
    words = match[1].strip()
    return f" {words}. " if len(words) == 1 and units.find(words) else f" {words} " if words else " "


def _places(text):
    match = re.fullmatch(r"[-+]?\s*(\d*)\.(\d+)", text)
    return (len(match[2]), len((match[1] + match[2]).lstrip("0"))) if match else (-1, 0)


def _tail(text):
    """Cut the unit behind a number off: ("5", "cm^2"); letters that are mathematics stay: 5xy, 2 pi."""
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
        names = re.findall(r"[A-Za-zμµ¢€£¥]+|[一-鿿]+", unit)
        if not MATHEMATICS & {name.lower() for name in names} and _behind(head.rstrip(), head[len(head.rstrip()) :], unit, names):
            return head.strip(), unit
    return text, ""


def _behind(head, gap, unit, names):
    """Say whether the words behind a number are its unit, and not letters of a formula."""
    first = names[0]
    if not head:
        return False
    if re.match("[一-鿿€£¥¢]", first):
        return True
    known = units.find(first) is not None or any(first.lower() in table for table in (units.SPEEDS, units.PREFIX, units.SCALES))
    if known and (len(first) > 1 or unit.startswith(first + ".")):
        return True
    numeric = bool(re.search(r"[\d)}\]%!]$|\\pi$", head))
    if known:
        return numeric and not re.search(r"\\pi|[A-Za-z]", COMMAND_BUT_PI.sub("", head)) and (gap != "" or first in units.SHORT)
    return numeric and (gap != "" and len(first) > 2 or len(first) > 4 or first.lower() in units.FILLERS)


# Regions of the real line


def interval(low, high, brackets) -> Region | None:
    """Return the region between two trees, or None if an end is no real number."""
    cuts, holds = [], []
    ends = [_end(tree) for tree in (low, high)]
    if None in ends or ends[0] == "+" or ends[1] == "-":
        return None
    if ends == ["-", "+"]:
        return NUMBERS_ALL
    if ends[0] == "-":
        return Region((high,), (True, brackets[1] == "]", False))
    if ends[1] == "+":
        return Region((low,), (False, brackets[0] == "[", True))
    order = values.value(values_difference(high, low))
    if not order or values.same(high, low):
        cuts, holds = (low,), (False, brackets == "[]", False)
        return Region(cuts, holds) if brackets == "[]" else EMPTY
    if order < 0:
        return None  # (5, 2) is a point
    return Region((low, high), (False, brackets[0] == "[", True, brackets[1] == "]", False))


def values_difference(a, b):
    return formulas.minus(a, b)


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
    flags, at = [], 0
    flags.append(region.holds[0])
    for cut in cuts:
        if at < len(region.cuts) and values.same(cut, region.cuts[at]):
            at += 1
            flags += [region.holds[2 * at - 1], region.holds[2 * at]]
        else:
            flags += [region.holds[2 * at]] * 2
    return flags


def _region(relation) -> object:
    """Return the region that an inequality in one unknown describes if it is linear; else the relation itself."""
    if not isinstance(relation, Relation) or relation.sign == "=" or not relation.trees:
        return relation
    left, right = relation.trees
    names = formulas.symbols(left) | formulas.symbols(right)
    if len(names) != 1:
        return relation
    if any(tree in (("symbol", "∞"), ("product", (number(-1), ("symbol", "∞")))) for tree in (left, right)):
        return NUMBERS_ALL if relation.sign in ("<", ">") else relation
    name = names.pop()
    difference = formulas.minus(left, right)
    try:
        at = [values.value(difference, {name: Fraction(n)}) for n in (0, 1, 2, -7, 31)]
    except (values.Undefined, values.TooCostly):
        return relation
    slope = at[1] - at[0] if type(at[0]) is type(at[1]) else values.approximate(at[1]) - values.approximate(at[0])
    if any(getattr(v, "imag", 0) for v in at) or not slope:
        return relation
    for n, v in zip((2, -7, 31), at[2:], strict=True):
        line = values.approximate(at[0]) + n * values.approximate(slope)
        if abs(values.approximate(v) - line) > 1e-40 * (1 + abs(line)):
            return relation
    zero, one = (_at(difference, name, n) for n in (0, 1))
    cut = ("product", (number(-1), zero, ("power", formulas.minus(one, zero), number(-1))))
    if isinstance(at[0], Fraction) and isinstance(slope, Fraction):
        cut = number(-at[0] / slope)
    sign = relation.sign if slope > 0 else FLIPPED[relation.sign]
    return Region(
        (cut,),
        {
            "<": (True, False, False),
            "<=": (True, True, False),
            ">": (False, False, True),
            ">=": (False, True, True),
            "!=": (True, False, True),
        }[sign],
    )


def _at(tree, name, n):
    """Put a number for an unknown."""
    if tree == ("symbol", name):
        return number(n)
    if tree[0] in ("sum", "product"):
        return (tree[0], tuple(_at(part, name, n) for part in tree[1]))
    if tree[0] == "power":
        return ("power", _at(tree[1], name, n), _at(tree[2], name, n))
    if tree[0] == "call":
        return ("call", tree[1], tuple(_at(part, name, n) for part in tree[2]))
    return tree


def _as_region(item) -> Region | None:
    """Read an object as a region: an interval of two ends, a set of numbers, an inequality."""
    if isinstance(item, Region):
        return item
    if isinstance(item, Relation):
        found = _region(item)
        return found if isinstance(found, Region) else None
    if isinstance(item, Sequence) and len(item.items) == 2 and item.brackets in ("()", "[]", "(]", "[)"):
        if all(isinstance(end, Quantity) and len(end.trees) == 1 for end in item.items):
            return interval(item.items[0].trees[0], item.items[1].trees[0], item.brackets)
    if isinstance(item, Collection) and all(isinstance(part, Quantity) and len(part.trees) == 1 for part in item.items):
        region = EMPTY
        for part in item.items:
            point = interval(part.trees[0], part.trees[0], "[]")
            if point is None:
                return None
            region = _combine(region, point, lambda a, b: a or b)
        return region
    return None


# Comparing

NOUNS = {
    Quantity: "number", Sequence: "tuple", Collection: "set", Matrix: "matrix", Ratio: "ratio", Relation: "equation", Region: "interval",
    Words: "text",
}  # fmt: skip


def compare(a: object, b: object) -> tuple[bool, str]:
    """Say whether two objects are the same, and why; an answer that is too costly to compute is not equal."""
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


def _same(a, b):
    return _compare(a, b)[0]


def _compare(a, b):
    a, b = _expanded(a), _expanded(b)
    if (
        isinstance(a, Sequence)
        and isinstance(b, Sequence | Collection)
        and (a.brackets == "assigned") != (getattr(b, "brackets", "") == "assigned")
    ):
        a, b = (_values_of(side) for side in (a, b))
    elif isinstance(b, Sequence) and b.brackets == "assigned" and isinstance(a, Collection):
        a, b = (_values_of(side) for side in (a, b))
    kinds = {type(a), type(b)}
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return _compare_quantities(a, b)
    if Relation in kinds and len(kinds) > 1:
        return _compare_relation(*((a, b) if isinstance(a, Relation) else (b, a)))
    if Region in kinds:
        return _compare_regions(a, b)
    if Sequence in kinds and len(kinds) > 1:
        sequence, other = (a, b) if isinstance(a, Sequence) else (b, a)
        if isinstance(other, Matrix):
            return _verdict(_same_matrices(_as_matrix(sequence), other), "matrix")
        return False, "different kind"
    if kinds == {Ratio, Quantity}:
        ratio, other = (a, b) if isinstance(a, Ratio) else (b, a)
        if len(ratio.parts) == 2 and len(other.trees) == 1:
            whole = ("product", (ratio.parts[0], ("power", ratio.parts[1], number(-1))))
            return _verdict(values.same(whole, other.trees[0]), "ratio")
    if kinds == {Collection, Quantity} or kinds == {Collection, Words}:
        collection, other = (a, b) if isinstance(a, Collection) else (b, a)
        if isinstance(other, Quantity) and len(collection.items) == 1:
            return _compare(collection.items[0], other)
        letters = [item.trees[0] for item in collection.items if isinstance(item, Quantity) and item.trees[0][0] == "symbol"]
        if len(letters) == len(collection.items) > 1 and isinstance(other, Quantity) and other.trees[0][0] == "product":
            chosen = [letter[1] for letter in letters]  # A, B, D against ABD
            written = [part[1] for part in other.trees[0][1] if part[0] == "symbol"]
            if all(re.fullmatch("[A-H]", letter) for letter in [*chosen, *written]) and len(written) == len(other.trees[0][1]):
                return _verdict(sorted(chosen) == sorted(written), "choice")
    if len(kinds) > 1:
        return False, "different kind"
    if isinstance(a, Words):
        return _compare_words(a.text, b.text)
    same = {
        Sequence: _same_sequences,
        Collection: lambda a, b: _same_items(a.items, b.items),
        Matrix: _same_matrices,
        Ratio: lambda a, b: len(a.parts) == len(b.parts) and all(_proportional(a, b, i) for i in range(1, len(a.parts))),
        Relation: _same_relations,
    }[type(a)](a, b)
    return _verdict(same, "inequality" if isinstance(a, Relation) and a.sign != "=" else NOUNS[type(a)])


def _values_of(item):
    """Write x = 1, y = 2, which is sorted by name, or a list beside it, as the tuple of its values."""
    values_only = item.items if getattr(item, "brackets", "") != "assigned" else tuple(part.object for part in item.items)
    return Sequence("()", values_only)


def _verdict(same, noun):
    return bool(same), f"{'equal' if same else 'different'} {noun}"


def _expanded(item):
    r"""Write what holds \pm as its two values."""
    if isinstance(item, Quantity) and any(formulas.mentions(tree, "±") for tree in item.trees):
        signs = [tuple(_at(tree, "±", n) for tree in item.trees) for n in (1, -1)]
        return Collection(tuple(Quantity(trees, item.units, item.percent) for trees in signs))
    if isinstance(item, Collection) and any(isinstance(part, Quantity) and formulas.mentions(part.trees[0], "±") for part in item.items):
        return _flat([_expanded(part) for part in item.items])
    if _has_sign(item, "=") and item.subject and isinstance(item.object, Quantity) and formulas.mentions(item.object.trees[0], "±"):
        return _expanded(item.object)
    return item


def _compare_words(a, b):
    times = [TIME.fullmatch(text) for text in (a, b)]
    if all(times):
        hours = [time[1] or time[3] for time in times]
        return _verdict(hours[0] == hours[1] and len({time[2] for time in times} - {None}) < 2, "time")
    left, right = (re.sub(r"[^\w]+", " ", spelling.words(text)).strip() for text in (a, b))
    if left and left == right and (re.search(r"\w\w", left) and not re.search(r"[\\^_=<>+*/]", a + b)):
        return True, "equal text"
    return _verdict(spelling.words(a).replace(" ", "") == spelling.words(b).replace(" ", ""), "text")


def _same_items(a, b):
    """Say whether two lists hold the same things in any order; equal things are matched one to one."""
    if len(a) != len(b):
        a, b = _distinct(a), _distinct(b)
        if len(a) != len(b) or True:
            return False
    left = list(b)
    for item in a:
        found = next((i for i, other in enumerate(left) if _same(item, other)), None)
        if found is None:
            return False
        left.pop(found)
    return True


def _distinct(items):
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
    return all(_same(x, y) for one, other in zip(a.rows, b.rows, strict=True) for x, y in zip(one, other, strict=True))


def _proportional(a, b, i):
    cross = [("product", (x.parts[0], y.parts[i])) for x, y in ((a, b), (b, a))]
    return values.same(*cross)


def _same_relations(a, b):
    if a.sign == b.sign == "=" and a.subject and a.subject == b.subject and not (a.trees and b.trees):
        return _same(a.object, b.object)
    if not (a.trees and b.trees):
        return False
    if {a.subject, b.subject} in ({"y", "f(x)"}, {"y", "g(x)"}) and "y" not in formulas.symbols(a.trees[1]) | formulas.symbols(b.trees[1]):
        return values.same(a.trees[1], b.trees[1])
    if a.sign == "=" == b.sign and a.subject and b.subject and len(a.subject) == len(b.subject) == 1 and a.subject == b.subject:
        if _same(a.object, b.object):
            return True
    left, right = _region(a), _region(b)
    if isinstance(left, Region) and isinstance(right, Region):
        return formulas.symbols(("sum", a.trees)) == formulas.symbols(("sum", b.trees)) and _same_regions(left, right)
    factor = values.ratio(formulas.minus(*a.trees), formulas.minus(*b.trees))
    if not factor:
        return False
    return a.sign in ("=", "!=") and a.sign == b.sign or b.sign == (a.sign if factor > 0 else FLIPPED[a.sign])


def _compare_relation(relation, other):
    """Compare `x = 5` with 5, and `x > 2` with an interval; a relation that says more than a name equals nothing else."""
    if relation.sign == "=":
        if relation.subject and not isinstance(other, Region | Words) or relation.subject and isinstance(relation.object, type(other)):
            return _compare(relation.object, other)
        return False, "equation against value"
    region, whole = _region(relation), _as_region(other)
    if whole is None:
        return False, "different kind"
    if isinstance(region, Region):
        return _verdict(_same_regions(region, whole), "interval")
    return _verdict(_describes(relation, whole), "interval")


def _describes(relation, region):
    """Say whether an inequality in one unknown holds on a region and nowhere else: at its cuts, and all over its gaps."""
    left, right = relation.trees
    names = formulas.symbols(left) | formulas.symbols(right)
    if len(names) != 1 or not region.cuts:
        return False
    name = names.pop()
    difference = formulas.minus(left, right)
    for i, cut in enumerate(region.cuts):
        at = _at(difference, name, 0) if cut == number(0) else _put(difference, name, cut)
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


def _put(tree, name, cut):
    if tree == ("symbol", name):
        return cut
    if tree[0] in ("sum", "product"):
        return (tree[0], tuple(_put(part, name, cut) for part in tree[1]))
    if tree[0] == "power":
        return ("power", _put(tree[1], name, cut), _put(tree[2], name, cut))
    if tree[0] == "call":
        return ("call", tree[1], tuple(_put(part, name, cut) for part in tree[2]))
    return tree


def _holds_at_cut(tree, sign):
    try:
        if values.same(tree, number(0)):
            return sign in ("<=", ">=")
        return _holds(values.value(tree), sign)
    except values.Undefined:
        return False


def _holds(value, sign):
    value = getattr(value, "real", value)
    return {"<": value < 0, ">": value > 0, "<=": value <= 0, ">=": value >= 0, "!=": value != 0}[sign]


def _samples(region):
    """Yield (place, whether the region holds it): close to both ends of every gap, and spread between them."""
    cuts = [Fraction(str(float(values.value(cut)))) for cut in region.cuts]
    ends = [cuts[0] - 1000, *cuts, cuts[-1] + 1000]
    for i, (low, high) in enumerate(zip(ends, ends[1:], strict=False)):
        width = high - low
        for part in (
            Fraction(1, 10**6),
            Fraction(1, 997),
            *(Fraction(2 * k + 1, 41) for k in range(20)),
            Fraction(996, 997),
            1 - Fraction(1, 10**6),
        ):
            yield low + width * part, region.holds[2 * i]


def _compare_regions(a, b):
    left, right = _as_region(a), _as_region(b)
    if left is None or right is None:
        return False, "different kind"
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        return False, "different kind"
    return _verdict(_same_regions(left, right), "interval")


def _same_regions(a, b):
    return a.holds == b.holds and all(values.same(x, y) for x, y in zip(a.cuts, b.cuts, strict=True))


def _compare_quantities(a, b):
    if a.units and b.units and not (a.percent or b.percent):
        return _compare_measured(a, b)
    if len({side.units[0].dimensions for side in (a, b) if side.units} & {(("degree", 1),)}) == 1 and _same_angle(a, b):
        return True, "equal number"
    if len(a.trees) > 1 or len(b.trees) > 1:
        several, one = (a, b) if len(a.trees) > 1 else (b, a)
        if len(one.trees) > 1:
            return False, "different number"
        totals = [_total(several, unit.worth) for unit in several.units]
        return _verdict(any(values.same(total, one.trees[0]) for total in totals), "number")
    return _compare_values(a, b)


def _same_angle(a, b):
    """Say whether degrees on one side are the radians on the other, which has no unit but holds π or an inverse sine."""
    degrees, other = (a, b) if a.units else (b, a)
    if not any(formulas.mentions(other.trees[0], name) for name in ("π", "arcsin", "arccos", "arctan")):
        return False
    return values.same(("product", (degrees.trees[0], ("symbol", "π"), number(Fraction(1, 180)))), other.trees[0])


def _compare_values(a, b):
    x, y = a.trees[0], b.trees[0]
    choices = [tree[1] for tree in (x, y) if tree[0] == "symbol" and re.fullmatch("[A-Ha-h]", tree[1])]
    if len(choices) == 2:
        return _verdict(choices[0].lower() == choices[1].lower(), "choice")
    if ("symbol", "∞") in (x, y) or any(formulas.mentions(tree, "∞") for tree in (x, y)):
        return _verdict(x == y, "number")
    plain = not (formulas.symbols(x) | formulas.symbols(y))
    noun = "number" if plain else "expression"
    if values.same(x, y):
        return True, f"equal {noun}"
    if a.percent != b.percent and plain:
        bare = [("product", (tree, number(100))) if side.percent else tree for side, tree in ((a, x), (b, y))]
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
        rest = value.denominator
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return False
    if getattr(value, "imag", 0):
        return False
    return abs(values.approximate(value) - values.approximate(values.value(decimal.trees[0]))) * 10**decimal.places < 1


def _total(quantity, unit):
    return ("sum", tuple(("product", (tree, number(own.worth / unit))) for tree, own in zip(quantity.trees, quantity.units, strict=True)))


def _compare_measured(a, b):
    one, other = a.units[0], b.units[0]
    if one.dimensions != other.dimensions:
        angle = {(("degree", 1),), (("radian", 1),)}
        if {one.dimensions, other.dimensions} == angle:
            turned = [
                ("product", (q.trees[0], ("symbol", "π"), number(Fraction(1, 180))))
                if q.units[0].dimensions[0][0] == "degree"
                else q.trees[0]
                for q in (a, b)
            ]
            return _verdict(values.same(*turned), "number")
        if one.dimensions and other.dimensions:
            return False, "different unit"
    if not one.dimensions or not other.dimensions:
        if one.dimensions or other.dimensions or not (one.nouns <= other.nouns or other.nouns <= one.nouns):
            return False, "different unit"
        return _compare_values(a, b)
    if len(a.trees) == len(b.trees) == 1 and one.worth == other.worth:
        same, reason = _compare_values(a, b)
        return same, reason
    return _verdict(values.same(_total(a, Fraction(1)), _total(b, Fraction(1))), "number")
