"""Reading a cleaned answer as an object.

It is taken apart at its outermost level, and its parts are read in turn.

The leaves are the trees of `formulas`. A part that cannot be read becomes `Words`.
"""

import re
from functools import lru_cache, reduce

from . import comparison, formulas, quantities, regions, spelling, units, values
from .objects import (
    ALL_REALS,
    EMPTY,
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
from .quantities import WRAPPED
from .tables import TABLES, names

OPENERS, CLOSERS = "([{", ")]}"
COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)")
OPENING = ("\\begin", "\\{", "\\langle", "\\lfloor")
CLOSING = ("\\end", "\\}", "\\rangle", "\\rfloor")
DEEPEST = 6  # lists in lists
LONGEST_LIST = 60
FAILURES = (formulas.Unreadable, values.Undefined, values.TooCostly, KeyError, ZeroDivisionError)
SIGNS = r"\approx = < > \le \ge \ne <= >= != \in".split()
RELATIONS = dict(zip(SIGNS, "≈ = < > <= >= != <= >= != in".split(), strict=True))
RELATION = re.compile(r"<=|>=|!=|\\(?:le|ge|ne|in|approx)(?![A-Za-z])|[=<>]")
NOTHING, EVERYTHING, ABSENT = (set(TABLES[key]) for key in ("nothing", "everything", "absent"))
LETTERS = re.compile(
    r"[A-H]{1,8}|\(?[A-H]\)?(?:\s*,?\s*(?:and\s+|or\s+)?\(?[A-H]\)?)+|[^A-Za-z]*\d[^A-Za-z]*"
)  # choices or numbers, in \text
SHORT_WORDS = names("short_words")
LIST = re.compile(
    r"\s*(?:(?:,\s*)?\\text\s*\{\s*,?\s*(?:and|or|或者?|和|及)\s*,?\s*\}|,\s*(?:and|or)\b|;|、|,"
    r"|\b(?:or|and)\b|或者?|和|及|\\\\)\s*"
)
EXCEPT = re.compile(
    r"(?:\\text\s*\{\s*)?(?:all )?(?:real numbers|reals)\s*,?\s*(?:except|other "
    r"than|excluding|but not)\s*(?:for\s*)?\}?\s*(.+?)"
    r"|\\mathbb\{R\}\s*(?:except|\\backslash)(.+)"
)
EITHER = re.compile(r"\s*(?:\\text\s*\{\s*(?:or|或者?)\s*\}|\bor\b|或者?)\s*")
COMMA = re.compile(r"\s*[,;]\s*")
UNION = re.compile(
    r"\s*(?:\\cup|\\cap|\\setminus)(?![A-Za-z])\s*|(?<=[)\]}])\s*(?:\bU\b|-)\s*(?=[(\[]|\\\{)"
)
COMBINED = {"\\cap": regions.intersection}
COMBINED |= dict.fromkeys(("\\setminus", "-"), regions.difference)
LETTER = r"(?:[A-Za-z]|\\[A-Za-z]+)'*(?:_(?:\w|\{[^{}]*\}))?"
NAME = re.compile(
    r"(?:\\(?:angle|triangle|overline|text|mathrm|vec|overrightarrow|mathbf|hat|bar|widehat)\s*)?"
    rf"\{{?(?:{LETTER}|[A-Z]{{2,4}}|\\(?:angle|triangle)\s*[A-Z]{{1,3}}|[A-Za-z一-鿿 ]{{3,30}})\}}?"
    r"(?:_(?:\w|\{[^{}]*\}))?(?:\^\{-1\})?'*(?:\([^()=]*(?:\([^()]*\)[^()=]*)*\))?"
)
# what has one value, though it is no name: P(X = 2), \deg f, \lim ..., |AB|, \sin A
VALUED = re.compile(
    r"(?:[A-Za-z]{1,3}|\\(?:Pr|mathbb\s*\{?[EP]\}?|operatorname\s*\{\w+\}"
    r"|mathrm\s*\{\w+\}))\s*[(\[][^()\[\]]*[)\]]"
    r"|\\(?:deg|det|dim|gcd|lcm|max|min|sup|inf|lim|sum|prod|int|operatorname|arg)(?![A-Za-z]).*"
    r"|(?:\||\\[lr]?vert)\s*(?:\\(?:vec|mathbf|overrightarrow|overline)\s*\{?\w{1,2}\}?"
    r"|[A-Z]{1,2}|[A-Z]\s*\\c[au]p\s*[A-Z])\s*(?:\||\\[lr]?vert)"
    r"|(?:\\\||\\[lr]?Vert).{1,20}(?:\\\||\\[lr]?Vert)|m\s*\\angle\s*[A-Z]{1,3}"
    r"|\([a-z]\s*\\circ\s*[a-z]\)\(\w+\)"
    r"|\\(?:sin|cos|tan)\s*(?:\\angle\s*)?(?:[A-Z]{1,3}|\\(?:alpha|beta|gamma|theta|phi|varphi))"
    r"|\\frac\s*\{\s*(?:[A-Z]{2}|d[a-z])\s*\}\s*\{\s*(?:[A-Z]{2}|d[a-z])\s*\}"
)
NAMES = re.compile(r"\(\s*\\?[A-Za-z]+\s*(?:,\s*\\?[A-Za-z]+\s*){1,3}\)")
DEGREE = re.compile(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})(?!\s*[CF])")
POINT = re.compile(r"(?:\\text\s*\{\s*)?(?:the\s+)?(?:points?\b\s*)?\}?\s*[A-Z]?'?\s*(?=\()", re.I)
AGAIN = (
    r"(?:or(?: equivalently)?|i\.?e\.?,?|that is,?|which (?:is|equals)|(?:or "
    r")?(?:about|approximately|roughly)|=|\\approx)"
)
ALSO = re.compile(  # a value that is written twice; a bare "or" between two stands for a list
    rf"(.+?)\s*(?:(?:\(\s*{AGAIN}|\s\()\s*(.+?)\s*\)|,?\s*(?!(?:or|=|\\approx) "
    rf")\b{AGAIN}\s+(.+)|,?\s*or equivalently,?\s+(.+))"
)


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
        return ALL_REALS
    if word in ABSENT:
        return Words("does not exist")
    if moment := spelling.date(word) or spelling.time(word):
        return Words(moment)
    if depth > DEEPEST:
        return Words(text)
    inside = re.fullmatch(rf"\\(?:{spelling.WORDS_AROUND})\s*\{{([^{{}}]*)\}}", text)
    if inside and LETTERS.fullmatch(inside[1].strip()):
        return _read(inside[1], depth + 1)
    phrase = text.startswith("\\text") and re.fullmatch(r"[a-z]{2,}(?: [a-z]+)*", word)
    if word in SHORT_WORDS or phrase and not units.is_unit(word):
        return Words(text)
    if except_for := EXCEPT.fullmatch(text):
        points = "\\{" + (except_for[1] or except_for[2]) + "\\}"
        if excluded := regions.of_object(_read(points, depth + 1)):
            return regions.difference(ALL_REALS, excluded)
    first = (_matrix, quantities.plain, quantities.compound, _also, _list, _relation)
    for reader in (*first, _union, _bracketed, _ratio, quantities.read):
        try:
            item = reader(text, depth)
        except FAILURES:
            continue
        if item is not None:
            return item
    return Words(text)


def split(text: str, separators: re.Pattern) -> tuple[list[str], list[str]]:
    """Cut text at the separators that lie in no bracket.

    The parts, and the separators between them.
    """
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
            if command := COMMAND.match(text, position):
                depth += (command[0] in OPENING) - (command[0] in CLOSING)
                position = command.end()
                continue
        depth += (character in OPENERS) - (character in CLOSERS)
        position += 1
    return [*parts, text[start:]], found


def is_named_text(text: str) -> bool:
    """Say whether words are an answer of their own: yes, does not exist, a date, a time."""
    return spelling.words(text) in {*SHORT_WORDS, *ABSENT} or text.startswith(("date ", "time "))


def _also(text, depth):
    """Read one value that is written twice, "3/4 (or 75%)", as the first.

    "about" may introduce a rounded one.
    """
    match = ALSO.fullmatch(re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).strip())
    if not match:
        return None
    first, second = (_read(part, depth + 1) for part in filter(None, match.groups()))
    return first if comparison.same_value(first, second) else None


def _matrix(text, depth):
    match = re.fullmatch(
        r"(.*?)\\begin\{([pbB]?(?:small)?matrix|array)\*?\}(?:\s*\{[clr|\s]*\})?(.*)\\end\{\2\*?\}",
        text,
        re.S,
    )
    if not match or "\\begin" in match[3]:
        return None
    factor = match[1].strip().removesuffix("\\cdot").strip()
    if factor in ("(", "["):
        return None
    scale = formulas.read("-1" if factor == "-" else factor) if factor else None
    rows = re.split(r"\\\\(?:\[[^\]]*\])?", match[3].replace("\\hline", ""))
    rows = [row for row in rows if row.strip()]
    cells = tuple(tuple(_read(cell, depth + 1) for cell in row.split("&")) for row in rows)
    if not cells or len({len(row) for row in cells}) > 1 or sum(map(len, cells)) > LONGEST_LIST:
        return None
    if scale:
        if not all(formula(cell) for row in cells for cell in row):
            return None
        cells = tuple(
            tuple(Quantity((("product", (scale, formula(cell))),)) for cell in row) for row in cells
        )
    return Matrix(cells)


def _list(text, depth):
    joined = quantities.without_thousands(text)
    if joined != text:
        return _read(joined, depth + 1)
    parts, separators = split(text, LIST)
    if len(parts) < 2:
        return None
    either, _ = split(text, EITHER)
    if 1 < len(either) < len(parts) and all("=" in part and COMMA.search(part) for part in either):
        return Collection(tuple(_read(part, depth + 1) for part in either))  # x=1, y=2 or x=2, y=1
    if len(parts) > LONGEST_LIST or not all(part.strip() for part in parts):
        return None
    items = [_read(part, depth + 1) for part in parts]
    if any(isinstance(item, Words) and len(item.text) > 40 for item in items):
        return None
    either = any(re.search(r"or|或", separator) for separator in separators)
    if either and len(items) == 2 and comparison.same_value(*items):
        return items[0]
    if has_sign(items[0], "!=") and all(isinstance(item, Quantity) for item in items[1:]):
        name, subject = items[0].trees[0], items[0].subject
        items[1:] = [Relation("!=", (name, item.trees[0]), subject, item) for item in items[1:]]
    ranges = [
        regions.of_relation(item) if isinstance(item, Relation) and item.sign != "=" else item
        for item in items
    ]
    if all(isinstance(region, Region) for region in ranges):
        region = reduce(regions.union if either else regions.intersection, ranges)
        # "x < 1, x > 3" means one or the other
        return reduce(regions.union, ranges) if region == EMPTY else region
    if all(has_sign(item, "=") and item.subject for item in items):
        names = [item.subject for item in items]
        # x_1 = 2, x_2 = 3: numbered roots
        if len({re.sub(r"_\{?\d\}?$", "", name) for name in names}) == 1:
            return flat([item.object for item in items])
        if len(set(names)) == len(names):
            ordered = sorted(items, key=lambda item: item.subject)
            return Sequence("assigned", tuple(ordered))
    alone = not any(isinstance(item, Relation) for item in items[1:])
    if alone and has_sign(items[0], "=") and items[0].subject:
        items[0] = items[0].object  # x = 1, 2, 3
    return flat(items)


def _relation(text, depth):
    text = re.sub(r"(?<![<>!])=\s*=", "=", text)
    parts, signs = split(text, RELATION)
    if not signs:
        return None
    signs = [RELATIONS[sign.strip()] for sign in signs]
    parts = [part.strip() for part in parts]
    if not all(parts):
        return None
    if "≈" in signs:  # what follows is a rounded value, unless it is all there is
        at = signs.index("≈")
        kept = " = ".join(parts[: at + 1]) if set(signs[:at]) <= {"="} else ""
        if at == 0 and _is_name(parts[0]) and parts[0] not in ("\\pi", "e"):
            kept = parts[1]
        return _read(kept, depth + 1)
    if signs == ["in"]:
        found = _read(parts[1], depth + 1)
        return found if isinstance(found, Region | Collection | Sequence) else None
    if signs[-1] == "in" and re.fullmatch(r"\\mathbb\s*\{?R\}?", parts[-1]):
        return _read(text[: text.rindex("\\in")], depth + 1)
    subject = parts[0].replace(" ", "") if _is_name(parts[0]) else ""
    if set(signs) == {"="}:
        if not subject and len(parts) == 2 and re.fullmatch(LETTER, parts[1]):  # 5 = x
            parts, subject = parts[::-1], parts[1].replace(" ", "")
        if not subject and not VALUED.fullmatch(parts[0]):
            angles = quantities.TRIGONOMETRY.search(text)
            bare = parts if angles else [DEGREE.sub("", part) for part in parts]
            sides = [_read(part, depth + 1) for part in bare]
            if all(comparison.is_identity(side, sides[-1]) for side in sides[:-1]):  # 2 + 2 = 4
                return _read(parts[-1], depth + 1)
        trees = _trees(parts[0], parts[-1]) if len(parts) == 2 else None
        return Relation("=", trees, subject, _read(parts[-1], depth + 1))
    if len(signs) == 1:
        trees = _trees(*parts)
        return Relation(signs[0], trees, subject, _read(parts[1], depth + 1)) if trees else None
    if "=" in signs:
        return None
    region = ALL_REALS
    steps = zip(signs, parts, parts[1:], strict=False)
    links = [Relation(sign, _trees(*pair), "", None) for sign, *pair in steps]
    if not all(link.trees for link in links):
        return None
    for link in links:
        part = regions.of_relation(link)
        if not isinstance(part, Region):
            return Collection(tuple(links))
        region = regions.intersection(region, part)
    return region


def _is_name(text):
    text = WRAPPED.sub(r"\1", text).strip()
    return any(pattern.fullmatch(text) for pattern in (NAME, VALUED, NAMES))


def _trees(left, right):
    try:
        return formulas.read(left), formulas.read(right)
    except formulas.Unreadable:
        return None


def _union(text, depth):
    if match := re.fullmatch(r"(?:\\mathbb\s*\{?\s*R\s*\}?|R)\s*(?:\\setminus|-)\s*(.+)", text):
        removed = regions.of_object(_read(match[1], depth + 1))
        return removed and regions.difference(ALL_REALS, removed)
    parts, signs = split(text, UNION)
    if not signs or len(parts) > LONGEST_LIST:
        return None
    region = None
    items = [_read(part, depth + 1) for part in parts]
    for item, sign in zip(items, ["", *signs], strict=True):
        other = regions.of_object(item)
        if other is None:
            return None
        combine = COMBINED.get(sign.strip(), regions.union)
        region = other if region is None else combine(region, other)
    return region


def _bracketed(text, depth):
    if (point := POINT.match(text)) and point.end() and "," in text:
        text = text[point.end() :]
    match = re.fullmatch(
        r"(\(|\[|\\\{|\{|\\langle|<|\])(.*?)(\)|\]|\\\}|\}|\\rangle|>|\[)", text, re.S
    )
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
            region = regions.of_relation(found)
            return region if isinstance(region, Region) else found
        found = _read(inside, depth + 1)
        if isinstance(found, Collection):
            return Collection(tuple(comparison.distinct(found.items)))
        return Collection((found,)) if match[1] == "\\{" or "," in inside else found
    parts, commas = split(inside, COMMA)
    if not commas:
        grouped = opener + closer in ("()", "[]") and not RELATION.search(inside)
        return _read(inside, depth + 1) if grouped else None
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


def _ratio(text, depth):
    parts, signs = split(text, re.compile(r"\s*(?::|\\colon)\s*"))
    if not signs or len(parts) > 6 or not all(part.strip() for part in parts):
        return None
    trees = tuple(formula(_read(part, depth + 1)) for part in parts)
    return None if None in trees else Ratio(trees)
