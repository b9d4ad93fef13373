"""Units of measure: what a unit is made of, and how many of the base unit it is worth, exactly."""

import re
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

from .tables import TABLES, names

CODES = TABLES["currency_codes"]
# single letters that stand for a unit right behind a number: 5m, not 5x
SHORT = set("m g s h L l".split())
COUNTED = set(TABLES["counted"])
FILLERS, NO_NOUNS = names("fillers"), names("no_nouns")
PREFIX, SUFFIX = TABLES["power_before"], TABLES["power_after"]
SCALES, SPEEDS = TABLES["scales"], TABLES["speeds"]
WORD = re.compile(
    r"(?P<per>/|\bper\b|每)|(?P<word>平方|立方|[A-Za-zμµ$¢€£¥₹₩₱₽₺฿°℃℉]+"
    r"|[一-鿿]+)\.?\s*(?:\^\s*\{?\s*(?P<power>-?\d)\s*\}?)?"
)


class Unit(NamedTuple):
    """The dimensions as sorted (name, power) pairs, the worth of one in base units, and the words
    that are no unit.
    """

    dimensions: tuple
    worth: Fraction
    nouns: frozenset


def _entries():
    powers = TABLES["powers_of_length"]
    for dimension, lines in TABLES["units"].items():
        for spellings in map(str.split, lines):
            worth = Fraction(1 if dimension == "each" else spellings.pop())
            base, power = (spellings[0] if dimension == "each" else dimension), 1
            if dimension in powers:
                base, power = "length", powers[dimension]
            yield from ((name, (base, power, worth)) for name in spellings)


NAMES = dict(_entries())
CJK_NAMES = sorted((name for name in NAMES if re.match("[一-鿿]", name)), key=len, reverse=True)


def find(word: str) -> tuple | None:
    """Return (dimension, power, worth) of one unit word, in any usual spelling, or None."""
    lower = word.lower()
    shouted = word.isupper() and len(word) > 1
    for name in (word, lower, lower.removesuffix("s"), lower.removesuffix("es")):
        if name in NAMES and (len(name) > 2 or name in (word, "oz", "lb") or shouted):
            return NAMES[name]
    return None


def _words(text):
    """List (word, power, divided) of a phrase.

    Chinese runs are cut at the names that the table knows.
    """
    divided, raised = False, 1
    for match in WORD.finditer(text):
        if match["per"]:
            divided = True
            continue
        word = match["word"]
        pieces = _cut(word) if re.match("[一-鿿]", word) else [word]
        for piece in pieces:
            if piece == "每":
                divided = True
            elif piece.lower() in PREFIX:
                raised = PREFIX[piece.lower()]
            elif piece.lower() in SPEEDS:
                top, bottom = SPEEDS[piece.lower()]
                yield from ((top, 1, divided), (bottom, 1, not divided))
            else:
                yield piece, int(match["power"] or raised), divided
                raised, divided = 1, divided and not find(piece)


def _cut(text):
    pieces = []
    while text:
        known = (name for name in (*PREFIX, "每", *CJK_NAMES) if text.startswith(name))
        pieces.append(next(known, text))
        text = text[len(pieces[-1]) :]
    return pieces


def read(text: str) -> Unit:
    """Read a unit phrase: `cm^2`, `km/h`, `miles per hour`, `square feet`, `立方厘米`, `apples`.

    Unknown words are nouns.
    """
    dimensions, worth, nouns = Counter(), Fraction(1), set()
    words = list(_words(text))
    for i, (word, power, divided) in enumerate(words):
        lower = word.lower()
        unit = find(word)
        if lower in SUFFIX and i:  # cm squared: once more than it was counted before
            unit, power, divided = find(words[i - 1][0]), SUFFIX[lower] - 1, False
        if unit:
            name, own, one = unit
            power = -power if divided else power
            dimensions[name] += own * power
            worth *= one**power
        elif lower not in FILLERS and not (lower in SUFFIX and i):
            chinese = re.match("[一-鿿]", word)
            nouns.add(lower.lstrip("".join(COUNTED)) if chinese else _singular(lower))
    powers = sorted((name, n) for name, n in dimensions.items() if n)
    return Unit(tuple(powers), worth, frozenset(() if dimensions else nouns - {""}))


def _singular(word):
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def is_unit(text: str) -> bool:
    """Say whether every word of a phrase is a unit of the table or a counting word."""
    words = list(_words(text))
    return bool(words) and all(
        find(w) or w.lower() in SUFFIX or w.lower() in FILLERS or set(w) <= COUNTED
        for w, _, _ in words
    )
