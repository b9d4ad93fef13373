"""Finding the final answer in a response and comparing it with the gold answer.

Two verdicts, always both.

`strict` is the exact matcher of the paper (arXiv 2407.08348, section 4.1, after MetaMath): the text
after "The answer is", compared as a normalised string. `flexible` is mathematical equivalence,
decided by the first that can: equal strings; our own grammar of answers with exact or bounded
arithmetic; math-verify in a process of its own, with limits of time and memory, for the formulas
that our grammar does not read. Text that a model wrote is parsed, never run, and no signal is used
here, so that threads, processes and notebooks are safe.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from . import comparison, extraction, reading, verifier
from .extraction import boxes, extract, last_boxed, strict_answer
from .objects import Words
from .quantities import PLAIN, WRAPPED
from .spelling import LONGEST, clean, normalise, unqualified, words

__all__ = ["Grade", "boxes", "equivalent", "extract", "grade", "grade_many", "last_boxed"]
__all__ += ["normalise", "readable", "strict_answer"]

LONGEST_SYMBOLIC = 200  # characters that math-verify is asked to read
DEEPEST = 8  # nesting of brackets that math-verify is asked to read
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
SPACE = re.compile(r" +(?!\d)|(?<![\d,A-Za-z]) +")  # 2 3/4 is not 23/4, and "1, 234" is not 1,234
FORMULA = re.compile(r"\\[A-Za-z]|[\^_=+*/<>|]")
CHOICE = re.compile(
    r"(?:\\(?:text|mathrm|mathbf|mbox)(?:bf)?\s*\{\s*)?(?:(?:option|choice|letter"
    r"|answer)[\s}]+)?\(?([A-H])"
    r"(?:(?:\)\s*\}?|[.:、．]\s*\}?)\s*(?![\s,;)}]|[(]?[A-H][)]?\s*(?:$|[,、.])).+|[)}\s]*)",
    re.S | re.I,
)
ACTIVE = re.compile(
    r"\\(?:input|include|def|write|read|open|csname|catcode|uparrow|operatorname)(?![A-Za-z])|__"
    r"|\d\s*_"
)


class Grade(NamedTuple):
    """Two verdicts on one response; `reason` is one of a few fixed phrases."""

    strict: bool
    flexible: bool
    extracted: str | None
    reason: str


def equivalent(answer: str, gold: str) -> bool:
    """Say whether two answers are the same mathematical object.

    Equal are the same number, however it is written (1/2, 0.5, 50 %), the same function, set,
    interval, matrix or text; a unit that only one side has is ignored, two units are converted; (1,
    2) has an order, {1, 2} and "1, 2" have none. A decimal stands for a number without an end only
    with nine correct digits. 25 % against a bare 25 is equal by convention: the reason says so. Too
    long, too costly and unreadable answers are not equal, unless they are the same string.
    """
    return _compare(answer, gold)[0]


@lru_cache(maxsize=1 << 16)
def _compare(answer: str, gold: str) -> tuple[bool, str]:
    """Decide equivalence, cheapest test first; the reason names the test that decided."""
    if CONTROL.search(answer) or CONTROL.search(gold):
        return False, "control characters"
    if answer == gold and PLAIN.fullmatch(answer):  # most answers, without cleaning them
        return True, "equal string"
    if max(len(answer), len(gold)) > LONGEST:
        same = answer.strip() == gold.strip()
        return same, "equal string" if same else "too long to compare"
    a, b = clean(answer), clean(gold)
    if not a or not b:
        return False, "empty answer"
    if SPACE.sub("", a) == SPACE.sub("", b):
        return True, "equal string"
    (a, domain), (b, other) = unqualified(a), unqualified(b)
    if domain and other and domain != other:
        return False, "different domain"
    if _is_decimal_comma(a, b) or _is_decimal_comma(b, a):
        return True, "equal number, decimal comma"
    x, y = reading.read(a), reading.read(b)
    same, reason = comparison.compare(x, y)
    if not same and (_chosen(a, b) or _chosen(b, a)):
        return True, "equal choice"
    if same or not (isinstance(x, Words) or isinstance(y, Words)):
        return same, reason
    if words(a) == words(b):
        return True, "equal text"
    if comparison.costly(x) or comparison.costly(y):
        return False, "too costly to compare"
    return _verify(a, b) if all(map(_is_formula, (x, y))) else (False, reason)


def _is_decimal_comma(written, number):
    """Say whether `written` is a decimal with a comma, 0,25, whose zero tells it from a list."""
    return bool(re.fullmatch(r"-?0,\d+", written)) and written.replace(",", ".") == number


def _chosen(written, letter):
    """Say whether `written` is the choice `letter` with the text of that choice: (B) 12."""
    found = CHOICE.fullmatch(written) if re.fullmatch("[a-h]", words(letter)) else None
    return bool(found) and found[1].lower() == words(letter)


def _verify(a, b):
    """Ask math-verify about a formula that our grammar does not read, if it is short enough."""
    if ACTIVE.search(a) or ACTIVE.search(b):
        return False, "not a formula"
    if max(len(a), len(b)) > LONGEST_SYMBOLIC or max(map(_depth, (a, b))) > DEEPEST:
        return False, "too long to compare"
    verdict = verifier.verify(a, b)
    if verdict is None:
        return False, "too costly to compare"
    return verdict, "equal expression" if verdict else "different expression"


def _depth(text):
    depth = deepest = 0
    for character in text:
        depth += (character in "{([") - (character in "})]")
        deepest = max(deepest, depth)
    return deepest


def readable(answer: str) -> bool:
    """Say whether an answer is read as mathematics or plain words.

    A formula that is neither is left to math-verify.
    """
    if len(answer) > LONGEST or CONTROL.search(answer):
        return False
    value = reading.read(clean(answer))
    return not isinstance(value, Words) or not _is_formula(value)


def _is_formula(item):
    """Say whether an object is mathematics, perhaps of a kind that our grammar does not read."""
    words = WRAPPED.sub(r"\1", item.text) if isinstance(item, Words) else ""
    return not words or bool(FORMULA.search(words))


def grade(response: str, gold: str) -> Grade:
    """Grade one response against its gold answer; what is right strictly is right flexibly too."""
    if not isinstance(gold, str) or not gold.strip():
        return Grade(False, False, extract(response), "no gold answer")
    written = strict_answer(response)
    strict = written is not None and normalise(written) == normalise(gold)
    answer, how = extraction.find(response)
    if how == "truncated":
        return Grade(False, False, None, "truncated")
    if answer is None:
        return Grade(strict, strict, written, "equal string" if strict else "no answer found")
    same, reason = _compare(answer, gold)
    # another answer was found elsewhere, or differs in a unit that strict drops
    if strict and not same:
        return Grade(True, True, written, "equal string")
    return Grade(strict, same, answer, reason + ", from the last expression" * (how == "number"))


def grade_many(responses: Iterable[str], golds: Iterable[str]) -> list[Grade]:
    """Grade many responses in order; equal pairs are graded once.

    Raises ValueError if the lengths differ.
    """
    pairs = list(zip(responses, golds, strict=True))
    grades = {pair: grade(*pair) for pair in set(pairs)}
    return [grades[pair] for pair in pairs]
