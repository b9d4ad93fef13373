"""Finding the whole expressions in a text.

What reads as one answer, with its unit, and never a piece of one.

A text is cut into tokens: formulas, numbers, signs, words, stops. An expression is a run of
mathematics with the units, commas, "and" and "or" that belong to it. Only a run that the grammar of
answers reads whole counts.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from . import formulas, quantities, reading, spelling, units
from .objects import Collection, Quantity, Region, Relation, Sequence, Words

MONTH = f"(?i:{spelling.MONTH})"
DATE = (
    rf"{MONTH}\s+\d{{1,2}}(?!\d)(?:st|nd|rd|th)?(?:,?\s+\d{{4}}(?!\d))?"
    rf"|(?<!\d)\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{MONTH}(?:,?\s+\d{{4}}(?!\d))?"
)
BRACED = r"\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*+\})*+\})*+\})*+\}"
ROUND = r"[(\[](?:[^()\[\]\n]|[(\[](?:[^()\[\]\n]|[(\[][^()\[\]\n]*+[)\]])*+[)\]])*+[)\]]"
NAMES = "|".join(sorted(formulas.FUNCTIONS | {"pi", "infinity"}, key=len, reverse=True))
TOKEN = re.compile(
    rf"""
    (?P<formula>\$\$[^$]{{1,1000}}\$\$|\\\[(?:(?!\\\]).){{1,1000}}\\\]|\\\((?:(?!\\\)).){{1,1000}}\\\)
        |\\begin\{{(?P<name>\w+\*?)\}}(?:(?!\\end).){{1,1000}}\\end\{{(?P=name)\}}
        |(?<!\\)\$(?![\s$])(?:[^$\n\\]|\\.){{0,400}}?(?<!\s)\$(?!\d)|\$[ ](?:[^$\n\\]|\\.){{1,400}}?[ ]\$(?!\d))
    |(?P<date>{DATE})
    |(?P<aside>\b(?:i\.e|e\.g)\b\.?)
    |(?P<brackets>{ROUND}|⟨[^⟨⟩\n]*⟩)
    |(?P<math>\\text\s*\{{\s*,?\s*(?:and|or|或|和)\s*\}}
        |(?:(?:US|RMB|AU?|CA?|NZ|HK|S)?\\?\$|[€£¥₹₩]|(?:{units.CODES})(?=\s?\d))\s?(?=[\d.])
        |(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)(?:\.\d+)?(?:\.\.\.|…|[eE][-+]?\d+(?![\w.]))?|\.\d+
        |(?<=\d)(?:st|nd|rd|th)\b|(?:(?<=\d)|(?<=\d[ ]))(?:o['’]clock|[AaPp]\.?[Mm]\b\.?)
        |\\[%,;:!| ]|\\[{{}}]|\\[A-Za-z]+(?:\s*\[[^\[\]{{}}\n]*+\])?(?:\s*{BRACED})*+|{BRACED}
        |(?<![A-Za-z])(?:{NAMES})(?=[\s(^_\\{{]|$)|(?<=\d)[:：](?=\d)|(?<=\d[ ])[:∶](?=[ ]\d)|(?<=[\w)}}]):(?=[\w(]|\\[A-Z])
        |(?<=\w)['′]|[-–](?!\s+[A-Za-z]{{2}})|/(?![A-Za-z]{{2}})|[−+*^=<>≤≥≠≈×÷·⋅±∓∞√∛%‰°²³¹⁰⁴-⁹¼-¾⅐-⅞₀-₉|_∶∪∩∈∅∠△ℝ⁄∨∧&⁻]|!(?=\s*[-=+*/.,;)^!])|[Α-Ωα-ωϕ]
        |(?<=[\d)}}^/*+=_-])[A-Za-z]{{1,3}}(?![A-Za-z])|(?<![A-Za-z'’])(?![AaI](?:\s+[A-Za-z]{{2}}|['’]))[A-Za-z](?![A-Za-z'’])|\()
    |(?P<word>(?:[^\W\d_一-鿿])+(?:['’-][^\W\d_一-鿿]+)*)
    |(?P<chinese>[一-鿿]+)
    |(?P<stop>[\n.;,?:—。，；！？、：，]|\.\.\.)
    |(?P<blank>[^\S\n]+)
    |(?P<other>.)
    """,
    re.X | re.S,
)
FORMULA = re.compile(
    r"\$\$([^$]+)\$\$|\\\[((?:(?!\\\]).)+)\\\]|\\\(((?:(?!\\\)).)+)\\\)|(?<!\\)\$((?:[^$\\]"
    r"|\\.)+)\$",
    re.S,
)
SIGNED = re.compile(r"(?:minus|negative)\s+(?=[\d$\\.])", re.I)
JOINT = re.compile(
    r"\s*(?:,(?!\d{3}(?!\d))\s*(?:and\b|or\b)?|;|、|\b(?:and|or)\b|\bto\b|或者?|和|及)\s*", re.I
)
LONGEST_GAP = 60
SCALE = re.compile(
    r"\s*(?:hundred|thousand|million|billion|trillion|dozen|lakh|crore|percent|per cent)\b", re.I
)
CHINESE_SCALE = re.compile(r"(?:千万|百万|十万|万亿|[百千万亿])+(?:\d+(?:\.\d+)?[百千万]?)*")
FILLER_END = re.compile(r"\b(?:of|in|the|a|an|each|more|about|only|total|square|cubic|per)$", re.I)
UNIT_WORD = re.compile(r"\s*(?:/\s*)?([A-Za-zμµ°℃℉]+(?:\s*(?:\^\s*\d|[²³]))?)(?![\w'’])")
UNIT_BEGINS = ("per", "a", "an", "each", "square", "cubic", "sq", "cu")
PLURAL = re.compile(r"\s+([a-z]{3,}s)(?=\s*(?:$|[.,;!)\n]))")
CHINESE_UNIT = re.compile("(?!分之)[一-鿿]{1,5}")
CHINESE_SENTENCE = re.compile(r"(?:\\text\s*\{)?(?!每|百分之|大约)[一-鿿]{3,}\d")
OPEN_END = re.compile(
    r"(?:[-+*/×÷=<>^_(,:&]|\\(?:times|cdot|div|le|ge|pm|frac|sqrt)|[A-Za-z]\()\s*$"
)
HOLLOW = re.compile(r"[^\w\\∞∅π½-¾√Ͱ-Ͽ]*")
ANONYMOUS = re.compile(  # an equation that computes with numbers and names nothing
    r"\s*[-(]*\\?[$€£¥]?(?=[\d\\])(?:[^=<>A-Za-z\\]|\\(?:times|cdot|div|[dt]?frac|sqrt|pi"
    r"|[%$,!])(?![A-Za-z])){1,80}="
)
SENTENCE = re.compile(rf"(?!(?:{NAMES}|{units.CODES}|Rs)\b)[A-Za-z]{{2,}},?\s+[\w$(\\-]")
COMMAND = re.compile(r"\\[A-Za-z]+")
PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
MODIFIED_BEFORE = re.compile(
    r"(?:\b(?:not|never|least|most|than|twice|half|double|triple|except|nor|multiples?|divisible"
    r"|square|root|between|without|"
    r"steps?|theorem|lemma|section|table|example|equation|case|part|question|problem|figure|page"
    r"|over|versus|instead|cannot)|n['’]t|\d\s+(?:in|(?:out\s+)?of(?:\s+(?:the|her|his|its"
    r"|their))?)|不是?|不为|不等于|不选|超过|大于|小于|至少|至多|不足)"
    r"(?:\s+(?:of|by|for|the|a|an|to|from|be|in))*\s*[(#]?$",
    re.I,
)
MODIFIED_AFTER = re.compile(
    r"\s*(?:more|less|fewer)\s+than\b|\s*(?:squared|cubed|below|factorial)\b|\s*times\s+(?:as"
    r"|the|more|that)\b|\s*(?:or|and)\s+(?:more|less|fewer|greater|above|below)\b|-(?=[a-z])"
    r"|\s*[)\]]?\s+(?:is|are|was)\s+(?:not|incorrect|wrong|false|impossible)\b|项?(?:是"
    r"|为)?(?:错|不)",
    re.I,
)


class Expression(NamedTuple):
    """A run of mathematics in a text; the text is empty where the run does not read as a whole."""

    start: int
    end: int
    text: str


def is_whole(text: str) -> bool:
    """Say whether a text reads as one answer.

    Mathematics without words, or a formula that only math-verify reads.
    """
    if len(text) > spelling.LONGEST or CHINESE_SENTENCE.match(text):
        return False
    cleaned = spelling.clean(text)
    if ANONYMOUS.search(text) and any(map(ANONYMOUS.match, reading.split(text, JOINT)[0][1:])):
        return False  # "5! = 120, 120/6 = 20" is no list
    if not cleaned or OPEN_END.search(cleaned):
        return False
    item = reading.read(cleaned)
    if isinstance(item, Quantity) and re.fullmatch(r"[A-Za-z'’]+(?:\s+[A-Za-z'’]+)+", cleaned):
        return False  # words, whose letters are no unknowns
    interval = isinstance(item, Region) and not reading.RELATION.search(cleaned)
    if SENTENCE.match(cleaned) and not isinstance(item, Words) and not interval:
        return False  # "so the line is y = 3x"
    if _has_words(item):
        bare = re.sub(r"\\(?:begin|end|operatorname)\s*\{[^{}]*\}", "", cleaned)
        formula = COMMAND.search(bare) and not PROSE.search(bare) and "," not in bare
        return isinstance(item, Words) and bool(formula)
    return True


def _has_words(item):
    if isinstance(item, Words):
        return not reading.is_named_text(item.text)
    parts = item.items if isinstance(item, Collection | Sequence) else ()
    if isinstance(item, Relation):
        return isinstance(item.object, Words) or not (item.trees or item.subject)
    return any(_has_words(part) for part in parts)


def _mathematics(text):
    """Yield (start, end) of the tokens that are mathematics.

    A bracket or formula that holds prose is none.
    """
    word_end = -1
    for match in TOKEN.finditer(text):
        if match["word"]:
            word_end = match.end()
        bracketed = match["brackets"] or (match["formula"] and match[0][0] == "$")
        if bracketed and (_is_prose(match[0]) or (match["brackets"] and word_end == match.start())):
            continue
        if bracketed or match["math"] or match["date"] or match["formula"]:
            yield match.span()


def _is_prose(text):
    bare = re.sub(r"\\(?:text|mathrm|operatorname|mbox|textbf|begin|end)\s*\{[^{}]*\}", "", text)
    words = {word.lower() for word in PROSE.findall(bare)}
    return bool(words - {*formulas.FUNCTIONS, "infinity"})


def expressions(text: str) -> Iterator[Expression]:
    """Yield the expressions of a text in order.

    A run that does not read as a whole comes with an empty text.
    """
    for run in _runs(text):
        yield from _of_run(text, *run)


def backwards(text: str) -> Iterator[Expression]:
    """Yield the expressions of a text from the last one on; only what is asked for is read."""
    for run in reversed([*_runs(text)]):
        yield from reversed(_of_run(text, *run))


def _of_run(text, start, end):
    if HOLLOW.fullmatch(text, start, end):
        return []
    found = _readings(text, start, _behind_unit(text, end))
    return found if any(one.text for one in found) else _readings(text, start, end)


def _runs(text):
    """Yield (start, end) of the longest pieces of mathematics."""
    run = None
    for start, end in _mathematics(text):
        if run and not _joins(text, run[1], start):
            yield run
            run = None
        run = (run[0] if run else start, end)
    if run:
        yield run


def _joins(text, end, start):
    """Say whether two pieces of mathematics are one run.

    Blanks, a unit, a comma, "and" or "or" lie between them.
    """
    gap = text[end:start]
    if "\n" in gap or len(gap) > LONGEST_GAP:
        return False
    if not gap.strip():
        return True
    behind = _behind_unit(text, end)
    unit = re.escape(text[end:behind].strip())
    if unit and "," in gap and not re.match(rf"\S+\s*{unit}", text[start:]):
        return False  # 26 marbles, 13 each
    if behind > start:  # 2万5千
        return True
    rest = text[behind:start]
    if rest.strip() == "，":  # x=2，y=6
        return bool(re.match(r"[A-Za-z]\s*=", text[start:]))
    if not rest.strip():
        return behind > end
    return bool(JOINT.fullmatch(rest)) or rest.strip() in ("又", "分之")


def _behind_unit(text, end):
    """Step over a scale (million, 万) and the words that are units."""
    position = end
    if scale := SCALE.match(text, end) or CHINESE_SCALE.match(text, end):
        position = scale.end()
    words, last = "", position
    for _ in range(quantities.MOST_UNIT_WORDS):
        match = UNIT_WORD.match(text, last)
        if not match:
            break
        words = f"{words} {match[0].strip()}"
        last = match.end()
        if units.is_unit(words) and not FILLER_END.search(words):
            position = last
        elif match[1].lower() not in UNIT_BEGINS:
            break
    plural = PLURAL.match(text, end) if position == end else None
    if plural and plural[1] not in units.NO_NOUNS:
        return plural.end()
    if run := CHINESE_UNIT.match(text, position):
        for length in range(len(run[0]), 0, -1):
            name = run[0][:length]
            if units.is_unit(name) and units.read(name).dimensions:
                return position + length
    return position


def _readings(text, start, end):
    """Read a run: whole, or, where it is no list, the parts between its joints."""
    whole = _trimmed(text, start, end)
    if is_whole(whole.text):
        return [whole]
    value = whole.text.rpartition("=")[2].strip()
    if ANONYMOUS.match(whole.text) and is_whole(value):  # $140 - $95 = $45
        return [Expression(whole.end - len(value), whole.end, value)]
    parts, separators = reading.split(text[start:end], JOINT)
    if len(parts) < 2:
        return [whole._replace(text="")]
    found = []
    for part, separator in zip(parts, [*separators, ""], strict=True):
        piece = _trimmed(text, start, start + len(part))
        if piece.text:
            found.append(piece if is_whole(piece.text) else piece._replace(text=""))
        start += len(part) + len(separator)
    return found


def _trimmed(text, start, end):
    """Take off what stands around an expression.

    Blanks, an equals sign in front, the marks of its formulas.
    """
    run = text[start:end]
    lead = re.match(
        r"[\s=*|>&:_'!]*(?:\\(?:therefore|implies|Rightarrow)(?![A-Za-z])\s*)?", run
    ).end()
    tail = len(re.search(r"[\s|'_*&]*$", run[lead:])[0])
    inner = FORMULA.sub(
        lambda match: next(filter(None, match.groups())), run[lead : len(run) - tail]
    )
    return Expression(start + lead, end - tail, inner.strip())
