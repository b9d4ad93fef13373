"""Finding the final answer in a response and comparing it with the gold answer: two verdicts, always both.

`strict` is the exact matcher of the paper (arXiv 2407.08348, section 4.1, after MetaMath): the text after
"The answer is", compared as a normalised string. `flexible` is mathematical equivalence: exact rational numbers
first, then normalised strings, then math-verify on short answers that are cheap to evaluate. Text that a model
wrote is parsed, never run, and no time limit by signal is used, so that threads and notebooks are safe.
"""

import logging
import math
import re
import unicodedata
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

LONGEST_SYMBOLIC = 200  # characters; a longer answer is compared as a string or number only
LARGEST_EXPONENT = 1000  # larger powers of numbers cost seconds and gigabytes
LARGEST_BRACKET_POWER = 24  # product of all exponents once a bracket is raised: (x+y)^24, (10^4)^6
MOST_FUNCTIONS = 3  # sines and logarithms in one answer; nested ones take seconds to evaluate
DEEPEST = 8  # nesting of brackets that the symbolic parser is asked to read
DECIMAL_DIGITS = 9  # correct digits from which a decimal may stand for a repeating one

THINK_END = "</think>"
PREFIX = "The answer is"
BOX = re.compile(r"\\(?:boxed|fbox)\s*")
JOINED = re.compile(r"[\s$]*(?:\\text\{)?[\s,]*(?:and|or|,)[\s,]*\}?[\s$]*")
ANSWER_IS = re.compile(r"\bthe\s+(?:(?:final|correct)\s+)?answer\s*(?:is\b|:)\s*:?", re.I)
VALUE_IS = re.compile(r"\bthe\s+value\s+of\s+[^.\n]{1,40}?\s+is\b:?|\banswer\s*:", re.I)
HASHES = re.compile(r"####")
CHINESE = re.compile(r"(?:答案|结果)\s*(?:应该|应)?\s*(?:是|为|等于|[:：])\s*[:：]?|答\s*[:：]")
SENTENCE_END = re.compile(r"\.(?:\s|$)|[。；;!！]")
FORMULA = re.compile(  # that stands alone: not "$1$ and $2$", not "$3 from $5"
    r"(?:\$\$?([^$]+)\$\$?|\\[(\[](.+?)\\[)\]])(?!\s*(?:,|and\b|or\b|[$\d\\]))", re.S
)
NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
ANY_NUMBER = re.compile(rf"(?:(?<![\w.)])-)?(?:{NUMBER})(?:/\d+)?%?")
STOPPED = re.compile(r"[=+\-*/×÷,(:：{^\\]\s*$")


class Grade(NamedTuple):
    """Two verdicts on one response; `reason` is one of a few fixed phrases."""

    strict: bool
    flexible: bool
    extracted: str | None
    reason: str


def boxes(text: str) -> list[tuple[int, int, str]]:
    r"""List every closed \boxed or \fbox as (start, end, content); braces are matched, `\boxed 2` is read."""
    found = []
    for match in BOX.finditer(text):
        start = match.end()
        if not text.startswith("{", start):
            bare = re.compile(r"[^\s$.,\\{}]+").match(text, start)
            if bare:
                found.append((match.start(), bare.end(), bare[0]))
            continue
        depth = 0
        for brace in re.compile(r"\\.|[{}]", re.S).finditer(text, start):
            depth += {"{": 1, "}": -1}.get(brace[0], 0)
            if depth == 0:
                found.append((match.start(), brace.end(), text[start + 1 : brace.start()].strip()))
                break
        else:
            break  # unclosed: whatever follows lies inside it
    return found


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last closed \boxed; several that are joined by "and", "or" or a comma count
    together; None if there is none or it is empty."""
    found = boxes(text)
    if not found:
        return None
    parts = [found[-1][2]]
    for before, after in zip(found[-2::-1], found[:0:-1], strict=True):
        if not JOINED.fullmatch(text, before[1], after[0]):
            break
        parts.insert(0, before[2])
    return ", ".join(parts) or None


def extract(response: str) -> str | None:
    """Return the final answer that a response gives, or None; what follows `</think>` outranks what precedes."""
    return _extract(response)[0]


def _extract(response: str) -> tuple[str | None, str]:
    before, _, after = response.rpartition(THINK_END)
    for text in filter(str.strip, (after, before)):
        if box := last_boxed(text):
            return box, "box"
        for pattern in (ANSWER_IS, HASHES, CHINESE, VALUE_IS):
            if matches := list(pattern.finditer(text)):
                if answer := _sentence(text[matches[-1].end() :]):
                    return answer, "prefix"
                return None, "none"
        if BOX.search(text) or STOPPED.search(text):
            return None, "none"
        if numbers := ANY_NUMBER.findall(text):
            return numbers[-1], "number"
    return None, "none"


def _sentence(tail: str) -> str | None:
    """Read the answer at the start of a tail: the formula if one opens it, else the rest of its sentence."""
    tail = tail.strip(" \t*_:：")
    if formula := FORMULA.match(tail):
        return _last_of_chain(formula[1] or formula[2])
    line = re.sub(r"(?<!\\)\$", "", tail.strip().split("\n", 1)[0])
    sentence = SENTENCE_END.split(line, maxsplit=1)[0].strip(" *_")
    if re.search(r"[一-鿿]", sentence) and (numbers := ANY_NUMBER.findall(sentence)):
        return numbers[-1]
    return _last_of_chain(sentence)


def _last_of_chain(text: str) -> str | None:
    parts = [part.strip() for part in text.split("=")]
    return (parts[-1] if len(parts) > 2 else text.strip()) or None


def strict_answer(response: str) -> str | None:
    """Return what the paper's matcher reads: the text after the last "The answer is", cut at a full stop that
    ends a line, without a final full stop; None without that prefix."""
    _, found, tail = response.rpartition(PREFIX)
    if not found:
        return None
    tail = tail.lstrip(": ").split(".\n", 1)[0].strip()
    return tail.removesuffix(".").strip() or None


def normalise(text: str) -> str:
    """Bring an answer to the spelling in which MATH answers are compared as strings (Hendrycks 2021, app. B):
    fractions and roots with braces, no spaces, units, dollar, degree and percent signs, no `x =`."""
    text = _plain_latex(text.replace("\n", ""))
    text = re.sub(r"\^\{?\\circ\}?|\\?[$%]", "", text)
    text = re.sub(r"\s*\\(?:text|mbox|mathrm)\{\s+[^{}]*\}$", "", text)
    text = re.sub(r"^[^=]{1,2}=(?=[^=]+$)", "", text.replace(" ", ""))
    text = re.sub(r"\\sqrt(\w)", r"\\sqrt{\1}", text)
    text = re.sub(r"(^|[^\d.])\.(?=\d)", r"\g<1>0.", text)
    text = re.sub(r"^(-?)(\d+)/(-?\d+)$", r"\1\\frac{\2}{\3}", text)
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    return r"\frac{1}{2}" if text == "0.5" else text


def _plain_latex(text: str) -> str:
    text = re.sub(r"\\!|\\(?:left|right)(?![a-z])|\\displaystyle", "", text)
    text = re.sub(r"(?<=\d)(?:\\,|\{,\})(?=\d{3}(?!\d))", ",", text)
    text = re.sub(r"(?<!\\)\\[,;:> ]|~|\\q?quad", " ", text)
    text = re.sub(r"\\[dtc]frac", r"\\frac", text).replace(r"\varnothing", r"\emptyset")
    text = re.sub(r"\\frac\s*(\d|[a-zA-Z])\s*(\d|[a-zA-Z])", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{", text)
    return re.sub(r"(\\frac\{[^{}]*\})\s*(\d)", r"\1{\2}", text)


SIGNS = str.maketrans({"−": "-", "–": "-", "﹣": "-", "⁄": "/", "°": r"^\circ "} | {"×": r"\times ", "∞": r"\infty "})
SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
VULGAR = re.compile("[¼-¾⅐-⅞]")


@lru_cache(maxsize=1 << 16)
def _clean(text: str) -> str:
    """Unwrap an answer and write it in plain ASCII LaTeX; superscripts and ½ first, for NFKC makes 7² a 72."""
    text = SUPERSCRIPT.sub(lambda m: "^{" + unicodedata.normalize("NFKC", m[0]).replace("−", "-") + "}", text)
    text = VULGAR.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]), text)
    text = _plain_latex(unicodedata.normalize("NFKC", text).translate(SIGNS)).strip()
    for _ in range(4):
        inner = re.sub(r"^\*\*(.*)\*\*$|^\\\((.*)\\\)$|^\\\[(.*)\\\]$", r"\1\2\3", text, flags=re.S)
        inner = re.sub(r"^\$+([^$]*)\$+$", r"\1", inner).strip().removesuffix("。").strip()
        inner = re.sub(r"(?<!\.)\.$", "", inner).strip("\"'`").strip()
        box = boxes(inner)
        if len(box) == 1 and box[0][:2] == (0, len(inner)):
            inner = box[0][2]
        if inner == text:
            break
        text = inner
    return text


class Number(NamedTuple):
    """An exact rational as written; `digits` counts the significant ones of a decimal, else 0."""

    value: Fraction
    percent: bool
    unit: str
    digits: int


SHORT_UNITS = set("cm mm km kg mg ml oz lb ft in hr mi am pm m g s h L l mph kmh inches".split())
NOT_UNITS = set("pi sqrt sin cos tan log exp mod and not none times infty root roots plus minus over".split())
UNIT = (
    r"(?:\s*\\(?:text|mathrm|mbox|textbf)\{(?P<text>[^{}]*)\}|\s*(?P<degree>\^\{?\\circ\}?)\s*[CF]?"
    r"|\s*(?P<cjk>[一-鿿]{1,6})|(?P<word>\s*[A-Za-z]+(?:[ /][A-Za-z]+){0,5}))?"
    r"(?P<power>\^\{?[23]\}?)?"
)
WRITTEN = re.compile(
    r"(?P<sign>[-+]?)\s*(?:\\?[$€£¥])?\s*(?P<inner>[-+]?)(?:"
    r"(?:(?P<whole>\d+)\s*)?\\frac\{\s*(?P<p>-?\d+)\s*\}\{\s*(?P<q>\d+)\s*\}"
    r"|(?:(?P<whole2>\d+)\s+)?(?P<p2>\d+)\s*/\s*(?P<q2>\d+)"
    rf"|(?P<number>{NUMBER})(?:(?:e|E|\s*(?:\\times|\\cdot|\*)\s*10\s*\^\s*)"
    r"(?:\{(?P<braced>[-+]?\d{1,3})\}|(?P<exponent>[-+]?\d{1,3})(?![\d]))|(?P<point>\.)?)"
    rf")(?P<percent>\s*\\?%)?{UNIT}"
)

POWER = re.compile(r"(?P<base>\d{1,9})\s*\^\s*\{?(?P<exponent>-?\d{1,3})\}?")
REPEATING = re.compile(r"(-?\d*)\.(\d*)\\overline\{(\d+)\}")


@lru_cache(maxsize=1 << 16)
def _number(text: str) -> Number | None:
    """Read a whole cleaned answer as one rational number with an optional percent sign or unit, or None."""
    if len(text) > LONGEST_SYMBOLIC:
        return None
    if power := POWER.fullmatch(text):
        base, exponent = int(power["base"]), int(power["exponent"])
        return Number(Fraction(base) ** exponent, False, "", 0) if base or exponent > 0 else None
    if match := REPEATING.fullmatch(text):
        places, block = len(match[2]), match[3]
        tail = Fraction(int(block), 10**places * (10 ** len(block) - 1))
        value = Fraction(f"{match[1] or 0}.{match[2] or 0}".replace("-", "")) + tail
        return Number(-value if text[0] == "-" else value, False, "", 0)
    match = WRITTEN.fullmatch(text)
    if not match or (unit := _unit(match)) is None:
        return None
    part = match.groupdict()
    p, q, whole = part["p"] or part["p2"], part["q"] or part["q2"], part["whole"] or part["whole2"]
    digits = 0
    if p:
        if not int(q) or (whole and int(p) < 0):
            return None
        value = int(whole or 0) + Fraction(int(p), int(q))
    else:
        written = part["number"].replace(",", "")
        value = Fraction(written) * Fraction(10) ** int(part["braced"] or part["exponent"] or 0)
        digits = len(written.replace(".", "").lstrip("0")) if "." in written else 0
    if (part["sign"] == "-") != (part["inner"] == "-"):
        value = -value
    return Number(value / 100 if part["percent"] else value, bool(part["percent"]), unit, digits)


def _unit(match: re.Match) -> str | None:
    """Name the unit behind a number ("" for none), or None if those letters are mathematics: 5xy, 2 pi."""
    word = match["word"] or ""
    names = re.findall(r"[A-Za-z]+", word)
    if NOT_UNITS & {name.lower() for name in names} or "or" in names:
        return None
    if names and not (names[0] in SHORT_UNITS if not word[0].isspace() else _is_unit(names[0])):
        return None
    name = match["text"] or word or match["cjk"] or ("degree" if match["degree"] else "")
    name = re.sub(r"[^\w/]+", " ", name).strip().lower()
    power = "".join(re.findall(r"\d", match["power"] or ""))
    if power and not name:
        return None
    return (name.removesuffix("s") if len(name) > 2 else name) + power


def _is_unit(name: str) -> bool:
    return len(name) > 2 or name in SHORT_UNITS


def _same_number(a: Number, b: Number) -> tuple[bool, str]:
    if a.unit and b.unit and a.unit != b.unit:
        return False, "different unit"
    if a.value == b.value:
        return True, "equal number"
    if a.percent != b.percent and a.value * (1 if a.percent else Fraction(1, 100)) == b.value * (1 if b.percent else Fraction(1, 100)):
        return True, "equal number, percent sign aside"
    long, exact = (a, b) if a.digits >= DECIMAL_DIGITS else (b, a)
    if long.digits >= DECIMAL_DIGITS > exact.digits and exact.value:
        error = abs(long.value - exact.value) / abs(exact.value)
        if error < Fraction(1, 10 ** (long.digits - 1)):
            return True, "equal to the digits given"
    return False, "different number"


def _text(text: str) -> str:
    """Bring words and choices to one spelling: no \\text, bold, outer brackets or case (one letter keeps it)."""
    text = re.sub(r"\\(?:text(?:bf|it|rm)?|math(?:rm|bf)|mbox)\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"^\(([A-Za-z]+)\)$|^([A-Z])[.)]$", r"\1\2", re.sub(r"\s+", " ", text).strip(" .\"'"))
    return text.lower() if re.fullmatch(r"[^\W\d_]{2,}(?:[ '-][^\W\d_]+)*", text) else text


HEAVY = re.compile(r"[!\x00-\x08]|\\(?:sum|prod|int|lim|[dt]?binom|choose|operatorname|input|def|uparrow)|\d{40}|\d[eE][-+]?\d{3}")
FUNCTION = re.compile(r"\\(?:arc|a)?(?:sin|cos|tan|sec|csc|cot|exp|log|ln)")
EXPONENT = re.compile(r"\^(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\\?\w)")


def _costly(text: str) -> bool:
    """Say whether evaluating a formula might not end soon: towers, large powers, factorials, sums, nesting.

    A brace-aware look at the text, on the safe side: what it stops is compared as a string only.
    """
    bare = text.replace(" ", "").replace("**", "^")
    if HEAVY.search(bare) or len(FUNCTION.findall(bare)) > MOST_FUNCTIONS:
        return True
    depth = deepest = 0
    for character in bare:
        depth += (character in "{([") - (character in "})]")
        deepest = max(deepest, depth)
    powers = list(EXPONENT.finditer(bare))
    if deepest > DEEPEST or bare.count("^") != len(powers):  # an exponent inside another is a tower
        return True
    if any(bare.startswith("^", p.end()) or re.search(r"\d\W*[*(]|\\(?:cdot|times)|\d\)?\(", p[1]) for p in powers):
        return True
    sizes = [int(size) for p in powers for size in re.findall(r"\d+", p[1])]
    raised = any(bare[p.start() - 1 : p.start()] in (")", "]", "}") for p in powers)
    limit = LARGEST_BRACKET_POWER if raised else LARGEST_EXPONENT
    return (math.prod(filter(None, sizes)) if raised else max(sizes, default=0)) > limit


@lru_cache(maxsize=1)
def _math_verify():
    """Import math-verify once, without its warning at every call that the caller keeps the time limits."""
    import math_verify

    for name in ("math_verify.parser", "math_verify.grader"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return math_verify


@lru_cache(maxsize=1 << 14)
def _expression(text: str) -> tuple:
    return tuple(_math_verify().parse(f"${text}$", parsing_timeout=None))


def _equal_expression(answer: str, gold: str) -> bool:
    sides = [list(_expression(side)) for side in (gold, answer)]
    return all(sides) and _math_verify().verify(*sides, float_rounding=DECIMAL_DIGITS, allow_set_relation_comp=True, timeout_seconds=None)


@lru_cache(maxsize=1 << 16)
def _compare(answer: str, gold: str) -> tuple[bool, str]:
    """Decide equivalence, cheapest test first; the reason names the test that decided."""
    a, b = _clean(answer), _clean(gold)
    if not a or not b:
        return False, "empty answer"
    if ("=" in a) != ("=" in b):
        a, b = (re.sub(r"^[A-Za-z]\w?(?:_\{?\w\}?)?(?:\([a-z]\))?\s*=(?=[^=]+$)", "", x).strip() for x in (a, b))
        if "=" in a + b:
            return False, "equation against value"
    if a.replace(" ", "") == b.replace(" ", ""):
        return True, "equal string"
    x, y = _number(a), _number(b)
    if x and y:
        return _same_number(x, y)
    if normalise(_text(a)) == normalise(_text(b)):
        return True, "equal string"
    bases = [re.findall(r"_\{?(\d+)\}?$", side) for side in (a, b)]
    if bases[0] != bases[1]:
        return False, "different base"
    if all(re.fullmatch("[A-Za-z]", _text(side)) for side in (a, b)):
        return False, "different text"
    if {a[:2] == "\\{", b[:2] == "\\{"} == {True, False} and a[:1] + b[:1] in ("\\(", "\\[", "(\\", "[\\"):
        if not re.search(r"[|:]|\\mid", a + b):
            return False, "different brackets"
    if max(len(a), len(b)) > LONGEST_SYMBOLIC:
        return False, "too long to compare"
    if _costly(a) or _costly(b):
        return False, "too costly to compare"
    if _equal_expression(a, b):
        return True, "equal expression"
    return False, "different expression"


def equivalent(answer: str, gold: str) -> bool:
    """Say whether two answers are the same mathematical object."""
    return _compare(answer, gold)[0]


def grade(response: str, gold: str) -> Grade:
    """Grade one response against its gold answer; what is right strictly is right flexibly too."""
    if not isinstance(gold, str) or not gold.strip():
        return Grade(False, False, extract(response), "no gold answer")
    written = strict_answer(response)
    strict = written is not None and normalise(written) == normalise(gold)
    answer, how = _extract(response)
    if answer is None:
        return Grade(strict, strict, written, "equal string" if strict else "no answer found")
    same, reason = _compare(answer, gold)
    if strict and not same:  # another answer was found elsewhere, or differs in a unit that strict drops
        return Grade(True, True, written, "equal string")
    return Grade(strict, same, answer, reason + ", from the last number" * (how == "number"))


def grade_many(responses: Iterable[str], golds: Iterable[str]) -> list[Grade]:
    """Grade many responses in order; equal pairs are graded once. Raises ValueError if the lengths differ."""
    pairs = list(zip(responses, golds, strict=True))
    grades = {pair: grade(*pair) for pair in set(pairs)}
    return [grades[pair] for pair in pairs]
