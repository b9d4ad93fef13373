r"""Words of mathematical text, for comparing texts: plainly (`words`, `bare`), and by the million (`scan`).

A word is a run of letters, a run of digits, one Han character, or the name of a LaTeX command. Case, white space and
punctuation are none; \dfrac is \frac, and commands that only lay out (\left, \displaystyle, \text) are no words. The code
of drawings ([asy] ... [/asy]) and calculator marks (<<3+4=7>>) are left out.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

HAN = "一-鿿"
LETTER = rf"[^\W\d_{HAN}]"
COMMAND = re.compile(rf"\\({LETTER}+)")
TOKEN = re.compile(rf"\\{LETTER}+|{LETTER}+|\d+|[{HAN}]")
CUT = re.compile(r"\[asy\].*?\[/asy\]|\[ASY\].*?\[/ASY\]|<<[^<>]*>>", re.S)
GROUP = r"[\s{}$]*(?:,|\\,)(?:[\s{}$]|\\!)*"  # what stands between the digits of 1,200, however it is set
GROUPED = re.compile(rf"(\d){GROUP}(?=\d{{3}}(?!\d))")  # a look-behind would be tried at every character
PLAIN = {"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "−": "-", "–": "-", "—": "-"}
CUT_MARKS = ("[asy]", "[ASY]", "<<")  # one of these stands in every text that CUT changes
SPACING = re.compile(r"\\\\|\\[,;:!\s()\[\]]|\\(?!\w)|[\s{}$~]")
LAYOUT = (
    "left right big bigg biggl biggr bigl bigr displaystyle textstyle quad qquad limits nolimits "
    "text textrm textbf textit mathrm mathbf mathit mbox rm bf"
)
SAME = {"dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "le": "leq", "ge": "geq", "ne": "neq", "dbinom": "binom", "tbinom": "binom"}
SAME |= dict.fromkeys(("ldots", "cdots", "dotsc", "dotsb"), "dots") | dict.fromkeys(LAYOUT.split(), "")
BLOCK = 2**17  # characters at a time: the arrays of a block stay in a processor's cache
MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
INVERSE = pow(MULTIPLIER, -1, 2**64)
SEPARATOR, LETTERS, DIGITS, HANZI = range(4)


def folded(text: str) -> str:
    """Return a text in lower case, one form of Unicode (NFKC), with plain quotes and dashes, and 1,200 as 1200."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        for mark, plain in PLAIN.items():  # several times as fast as str.translate
            text = text.replace(mark, plain)
    text = text.lower()
    return GROUPED.sub(r"\1", text) if "," in text else text


def words(text: str) -> list[str]:
    """List the words of a text."""
    found = (SAME.get(token[1:], token[1:]) if token[0] == "\\" else token for token in TOKEN.findall(folded(CUT.sub(" ", text))))
    return [word for word in found if word]


def bare(text: str) -> str:
    """Return a text without what only lays it out: white space, braces, dollars, a last full stop. Operators and drawings stay."""
    spelt = COMMAND.sub(lambda m: f"\\{SAME[m[1]]}" if SAME.get(m[1]) else " " if m[1] in SAME else m[0], folded(text))
    return SPACING.sub("", spelt).rstrip(".?!。？")


def masked(words: list[str]) -> list[str]:
    """Return words with every number written as 0."""
    return ["0" if word.isdecimal() else word for word in words]


class Words(NamedTuple):
    """The words of T texts as numbers: `place` (T,) of each text, `begin` (T + 1,) its first word, and per word (W,) a hash
    and whether it is a number; `joined` (T,) is a hash of a text's words written together, wherever they are divided."""

    place: np.ndarray
    begin: np.ndarray
    value: np.ndarray
    number: np.ndarray
    joined: np.ndarray

    def text(self) -> np.ndarray:
        """Return for each word the number (0..T-1) of its text."""
        return np.repeat(np.arange(len(self.place)), np.diff(self.begin))

    def starts(self, n: int) -> np.ndarray:
        """Return the words at which n words of one text begin."""
        end = np.repeat(self.begin[1:], np.diff(self.begin))
        return np.flatnonzero(np.arange(n, len(self.value) + n) <= end)


def column(texts: pd.Series | pa.Array | list[str]) -> pa.Array:
    """Return texts as one Arrow array; a missing one is empty."""
    array = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.Array.from_pandas(texts)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return pc.fill_null(array.cast(pa.large_string()), "")


def scan(texts: pa.Array, block: int = BLOCK) -> Iterator[Words]:
    """Yield the words of texts (from `column`) block by block: first texts in ASCII, then the others."""
    if not len(texts):
        return
    odd, scratch = _odd(texts), _Scratch()
    ascii = texts.filter(pa.array(~odd)) if odd.any() else texts
    places = np.flatnonzero(~odd)
    offsets, data = _buffers(ascii)
    for i, j in _parts(offsets, block):
        yield _hashed(data[offsets[i] : offsets[j]], offsets[i : j + 1] - offsets[i], places[i:j], scratch)
    places = np.flatnonzero(odd)
    others = texts.filter(pa.array(odd))
    sizes = np.concatenate([[0], np.cumsum(pc.utf8_length(others).to_numpy(zero_copy_only=False))]).astype(np.int64)
    for i, j in _parts(sizes, block):
        lines = [folded(CUT.sub(" ", text)) for text in others[i:j].to_pylist()]
        code = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), np.uint32)
        yield _hashed(code, np.cumsum([0, *map(len, lines)]), places[i:j], scratch)


def _buffers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return where the texts of an Arrow array begin and end (N + 1,) in their bytes, without a copy."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, 8 * texts.offset)
    return offsets, np.frombuffer(texts.buffers()[2] or b"", np.uint8)


def _odd(texts: pa.Array) -> np.ndarray:
    """Return which texts go the slower way: those with other than ASCII characters, or with something for CUT or GROUPED."""
    offsets, data = _buffers(texts)
    data = data[offsets[0] : offsets[-1]]
    odd = np.zeros(len(texts), bool)
    whole = data.tobytes()
    if not whole.isascii():
        odd |= pc.not_equal(pc.binary_length(texts), pc.utf8_length(texts)).to_numpy(zero_copy_only=False)
    if b"," in whole:
        odd |= pc.match_substring_regex(texts, rf"\d{GROUP}\d\d\d").to_numpy(zero_copy_only=False)
    for mark in CUT_MARKS:
        if mark[0].encode() in whole and mark.encode() in whole:  # one character is found several times as fast
            odd |= pc.match_substring(texts, mark).to_numpy(zero_copy_only=False)
    return odd


def _parts(offsets, block):
    """Divide texts with these offsets into runs of about `block` characters, and at least one text."""
    i, last = 0, len(offsets) - 1
    while i < last:
        j = min(last, max(i + 1, int(np.searchsorted(offsets, offsets[i] + block, "right")) - 1))
        yield i, j
        i = j


class _Scratch(dict):
    """Arrays that blocks use one after the other: fresh ones of this size cost more in memory pages than what is done with them."""

    def array(self, name: str, size: int, kind=np.uint64) -> np.ndarray:
        if len(self.get(name, ())) < size:
            self[name] = np.empty(size + size // 8, kind)
        return self[name][:size]


def _hashed(code, offset, place, scratch) -> Words:
    kinds, values = _tables(code.dtype == np.uint8)
    if not len(code):
        return Words(place, np.zeros(len(place) + 1, int), np.empty(0, np.uint64), np.empty(0, bool), np.zeros(len(place), np.uint64))
    power, inverse = powers(MULTIPLIER, len(code) + 1), powers(INVERSE, len(code) + 1)
    kind = kinds.take(code, out=scratch.array("kind", len(code), np.uint8), mode="clip")  # "raise" would copy
    fresh = scratch.array("fresh", len(code), bool)
    np.not_equal(kind[1:], kind[:-1], out=fresh[1:])
    fresh[offset[:-1][offset[:-1] < len(code)]] = fresh[0] = True
    if code.dtype != np.uint8:
        fresh |= kind == HANZI
    run = np.flatnonzero(fresh)
    sort = kind.take(run)
    word = np.flatnonzero(sort)  # all but separators
    start, stop = run.take(word), np.append(run, len(code)).take(word + 1)
    terms = values.take(code, out=scratch.array("terms", len(code)), mode="clip")
    terms *= power[: len(code)]
    sums = scratch.array("sums", len(code) + 1)
    sums[0] = 0
    np.cumsum(terms, out=sums[1:])
    poly = (sums.take(stop) - sums.take(start)) * inverse.take(start)
    length = stop - start
    begin = np.searchsorted(start, offset)
    number = sort.take(word) == DIGITS
    command = _after_backslash(code, start, offset)
    command = command[kind[start[command]] == LETTERS]
    if len(command):
        names, spelt, sizes = _commands()
        at = np.minimum(np.searchsorted(names, poly[command]), len(names) - 1)
        known = names[at] == poly[command]
        poly[command[known]], length[command[known]] = spelt[at[known]], sizes[at[known]]
        kept = np.ones(len(start), bool)
        kept[command[known]] = sizes[at[known]] > 0
        begin = np.concatenate([[0], np.cumsum(kept)])[begin]
        poly, length, number = poly[kept], length[kept], number[kept]
    ends = np.concatenate([[0], np.cumsum(length)])
    size = max(len(code), int(ends[-1])) + 1  # \le is written out as leq
    power, inverse = powers(MULTIPLIER, size), powers(INVERSE, size)
    joined = prefix(poly * power[ends[:-1]])
    joined = (joined[begin[1:]] - joined[begin[:-1]]) * inverse[ends[begin[:-1]]]
    return Words(place, begin, mixed(poly), number, joined)


def _after_backslash(code, start, offset):
    """Return which words, given where they start, follow a backslash of their own text."""
    slash = np.flatnonzero(code[:-1] == ord("\\")) + 1
    slash = slash[~np.isin(slash, offset)] if len(slash) else slash
    at = np.searchsorted(start, slash)
    at, slash = at[at < len(start)], slash[at < len(start)]
    return at[start[at] == slash]


@lru_cache(maxsize=2)
def _tables(ascii: bool):
    """Return the kind and a 64-bit number of every character; in ASCII, capitals count as small letters."""
    if ascii:
        kinds, values = _tables(False)
        small = np.array([ord(chr(i).lower()) for i in range(128)] + list(range(128, 256)))
        return kinds[small], values[small]
    kinds = np.zeros(0x110000, np.uint8)
    letters = [i for i in range(0x110000) if chr(i).isalnum()]
    kinds[letters] = LETTERS
    kinds[[i for i in letters if chr(i).isdecimal()]] = DIGITS
    kinds[ord("一") : ord("鿿") + 1] = HANZI
    return kinds, mixed(np.arange(0x110000, dtype=np.uint64))


@lru_cache(maxsize=1)
def _commands():
    """Return sorted hashes of the names in SAME, and for each the hash and length of the name that stands for it."""

    def poly(name):
        code = np.frombuffer(name.encode(), np.uint8)
        return (_tables(True)[1][code] * powers(MULTIPLIER, len(code))).sum(dtype=np.uint64)

    rows = sorted((poly(name), poly(same), len(same)) for name, same in SAME.items())
    return np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), np.array([r[2] for r in rows])


_POWERS: dict[int, np.ndarray] = {}


def powers(base: int, count: int) -> np.ndarray:
    """Return base^0 ... base^(count - 1) modulo 2^64."""
    if len(_POWERS.get(base, ())) < count:
        line = np.full(max(count, 2 * BLOCK), base, np.uint64)
        line[0] = 1
        _POWERS[base] = np.cumprod(line, dtype=np.uint64)
    return _POWERS[base][:count]


def mixed(values: np.ndarray) -> np.ndarray:
    """Spread numbers over 64 bits (the finaliser of splitmix64; Steele et al. 2014)."""
    z = (values + np.uint64(1)) * np.uint64(MULTIPLIER)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> np.uint64(31))


def prefix(values: np.ndarray) -> np.ndarray:
    """Return the sums (W + 1,) of the first 0, 1, 2, ... values, modulo 2^64."""
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values, dtype=np.uint64, out=sums[1:])
    return sums


def windows(values: np.ndarray) -> np.ndarray:
    """Return prefix sums from which `grams` hashes any run of these words."""
    return prefix(values * powers(MULTIPLIER, len(values)))


def grams(sums: np.ndarray, starts: np.ndarray, n: int) -> np.ndarray:
    """Return a 64-bit hash of the n words from each start; equal words have equal hashes wherever they stand."""
    return (sums.take(starts + n) - sums.take(starts)) * powers(INVERSE, len(sums)).take(starts)
