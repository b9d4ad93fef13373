r"""Words of mathematical text, for comparing texts.

Plainly (`words`, `bare`), and by the million (`scan`).

A word is a run of letters, a run of digits, one Han character, or the name of a LaTeX command.
Case, white space and punctuation are none; \dfrac is \frac, and commands that only lay out (\left,
\displaystyle, \text) are no words. The code of drawings ([asy] ... [/asy]) and calculator marks
(<<3+4=7>>) are left out.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import compress
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

HAN = "一-鿿"
LETTER = rf"[^\W\d_{HAN}]"
COMMAND = re.compile(rf"\\({LETTER}+)")
TOKEN = re.compile(rf"\\{LETTER}+|{LETTER}+|\d+|[{HAN}]")
DRAWING = re.compile(r"\[(/?)(asy|ASY)\]")  # where a drawing begins or ends
MARK = re.compile(r"<<[^<>]*>>")
# what stands between the digits of 1,200, however it is set
GROUP = r"[\s{}$]*(?:,|\\,)(?:[\s{}$]|\\!)*"
# a look-behind would be tried at every character
GROUPED = re.compile(rf"(\d){GROUP}(?=\d{{3}}(?!\d))")
# stands in every text that GROUPED changes, and is found many times as fast
COMMA = re.compile(r",(?:[\s{}$]|\\!)*\d{3}(?!\d)")
PLAIN = {"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "−": "-", "–": "-", "—": "-"}
PLAIN_BYTES = np.sort([int.from_bytes(mark.encode()) for mark in PLAIN if len(mark.encode()) == 3])
CUT_MARKS = (b"[asy]", b"[ASY]", b"<<")  # one of these stands in every text that `_cut` changes
SPACING = re.compile(r"\\\\|\\[,;:!\s()\[\]]|\\(?!\w)|[\s{}$~]")
# name of a command -> the commands that are set like it; those that only lay out are no words
SPELLINGS = {
    "frac": "dfrac tfrac cfrac",
    "binom": "dbinom tbinom",
    "leq": "le",
    "geq": "ge",
    "neq": "ne",
    "dots": "ldots cdots dotsc dotsb",
    "": "left right big bigg biggl biggr bigl bigr displaystyle textstyle quad qquad limits "
    "nolimits text textrm textbf textit mathrm mathbf mathit mbox rm bf",
}
SAME = {command: name for name, commands in SPELLINGS.items() for command in commands.split()}
BASE = 251  # of the hash of a text's letters: odd, and 255 + 255 * BASE has 16 bits
# characters at a time: the arrays of a block stay in a processor's cache, and calls cost little
# beside them
BLOCK = 2**19
MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
INVERSE = pow(MULTIPLIER, -1, 2**64)
SEPARATOR, LETTERS, DIGITS, HANZI = range(4)
FIRST = np.array([2 ** (8 * i) - 1 for i in range(9)], np.uint64)  # the first i bytes of eight


def folded(text: str) -> str:
    """Return a text in lower case, one form of Unicode (NFKC), with plain quotes and dashes, and
    1,200 as 1200.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        for mark, plain in PLAIN.items():  # several times as fast as str.translate
            text = text.replace(mark, plain)
    text = text.lower()
    return GROUPED.sub(r"\1", text) if COMMA.search(text) else text


def _cut(text):
    """Return a text with a blank in place of each drawing and of each mark of a calculator."""
    if "[" in text:
        text = _without_drawings(text)
    return MARK.sub(" ", text) if "<<" in text else text


def _without_drawings(text):
    """Return a text with a blank from each [asy] to the next [/asy].

    A drawing that does not end stays.

    Tag by tag, because a pattern for the whole looks for the end again from every beginning.
    """
    parts, kept, opened = [], 0, None
    for tag in DRAWING.finditer(text):
        if not tag[1]:
            opened = opened or tag
        elif opened and tag[2] == opened[2]:
            parts += [text[kept : opened.start()], " "]
            kept, opened = tag.end(), None
    return "".join([*parts, text[kept:]])


def words(text: str) -> list[str]:
    """List the words of a text."""
    tokens = TOKEN.findall(folded(_cut(text)))
    names = [SAME.get(token[1:], token[1:]) if token[0] == "\\" else token for token in tokens]
    return [name for name in names if name]


def bare(text: str) -> str:
    """Return a text without what only lays it out: white space, braces, dollars, a last full stop.

    Operators and drawings stay.
    """

    def respelt(command):
        name = SAME.get(command[1])
        if name is None:
            return command[0]
        return f"\\{name}" if name else " "

    return SPACING.sub("", COMMAND.sub(respelt, folded(text))).rstrip(".?!。？")


def masked(words: list[str]) -> list[str]:
    """Return words with every number written as 0."""
    return ["0" if word.isdecimal() else word for word in words]


class Letters(NamedTuple):
    """The letters of W words in numbers of eight bytes, the first letter lowest.

    Attributes:
        head: (W,) uint64, the first eight bytes of each word.
        length: (W,) bytes of each word.
        word: (R,) the word, 0..W-1, that each further number of a long word belongs to.
        before: (R,) how many bytes of its word stand before it.
        rest: (R,) uint64, these further eight bytes.
    """

    head: np.ndarray
    length: np.ndarray
    word: np.ndarray
    before: np.ndarray
    rest: np.ndarray


@dataclass(frozen=True)
class Words:
    """The W words of T texts as numbers, and the hashes of runs of them.

    Hashes have 64 bits, and equal words have equal hashes wherever they stand.

    Attributes:
        place: (T,) int64, where each text stands among all that are scanned.
        begin: (T + 1,) int64, the first word of each text, and W.
        value: (W,) uint64, a hash of each word.
        number: (W,) bool, whether a word is a number.
        letters: What the words are spelt with.
    """

    place: np.ndarray
    begin: np.ndarray
    value: np.ndarray
    number: np.ndarray
    letters: Letters

    @cached_property
    def sums(self) -> np.ndarray:
        """Prefix sums (W + 1,), of which a difference is a run's hash (see `grams`)."""
        return _prefix(self.value * powers(MULTIPLIER, len(self.value)))

    @cached_property
    def masked(self) -> "Words":
        """The same words with all numbers equal."""
        return replace(self, value=np.where(self.number, np.uint64(1), self.value))

    def grams(self, starts: np.ndarray, n: int | np.ndarray) -> np.ndarray:
        """Return a hash of the n words from each start."""
        inverse = powers(INVERSE, len(self.sums))
        return (self.sums.take(starts + n) - self.sums.take(starts)) * inverse.take(starts)

    def runs(self, n: int) -> np.ndarray:
        """Return a hash of the n words from every word on, also where a text ends: (W - n + 1,)."""
        return (self.sums[n:] - self.sums[:-n]) * powers(INVERSE, len(self.sums))[:-n]

    def text(self, at: np.ndarray) -> np.ndarray:
        """Return the number (0..T-1) of the text that each of these words stands in."""
        return np.searchsorted(self.begin, at, "right") - 1

    def inside(self, at: np.ndarray, n: int) -> np.ndarray:
        """Return which of these words begin n words of one text."""
        return at + n <= self.begin[1:][self.text(at)]

    def starts(self, n: int) -> np.ndarray:
        """Return the words at which n words of one text begin."""
        end = np.repeat(self.begin[1:], np.diff(self.begin))
        return np.flatnonzero(np.arange(n, len(self.value) + n) <= end)

    def outline(self) -> np.ndarray:
        """Return a number (T,) per text, equal where its words written together are, and seldom
        elsewhere; 0 if it has none.

        It is of the first letter, the number of letters and their sum: a third of the work of
        `joined`.
        """
        outline, some = np.zeros(len(self.place), np.uint64), self.begin[1:] > self.begin[:-1]
        if not some.any():
            return outline
        first = self.begin[:-1][some]
        halves = _halves(self.letters.head)
        np.add.at(halves, self.letters.word, _halves(self.letters.rest))
        total = np.add.reduceat(halves, first) % np.uint64(255)  # as 256 is 1 modulo 255
        count = np.add.reduceat(self.letters.length, first).astype(np.uint64)
        opening = self.letters.head[first] % np.uint64(256)
        outline[some] = mixed((count << np.uint64(16)) + (total << np.uint64(8)) + opening)
        return outline

    def joined(self) -> np.ndarray:
        """Return a hash (T,) of every text's words written together, wherever they are divided."""
        head, length, word, before, rest = self.letters
        ends = np.concatenate([[0], np.cumsum(length)])
        power, inverse = (powers(base, int(ends[-1]) + 1) for base in (BASE, pow(BASE, -1, 2**64)))
        terms = _polynomial(head) * power.take(ends[:-1])
        np.add.at(terms, word, _polynomial(rest) * power.take(ends.take(word) + before))
        sums = _prefix(terms)
        return (sums[self.begin[1:]] - sums[self.begin[:-1]]) * inverse[ends[self.begin[:-1]]]


def column(texts: pd.Series | pa.Array | list[str]) -> pa.Array:
    """Return texts as one Arrow array; a missing one is empty."""
    array = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.Array.from_pandas(texts)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return pc.fill_null(array.cast(pa.large_string()), "")


def scan(texts: pa.Array, block: int = BLOCK) -> Iterator[Words]:
    """Yield the words of texts (from `column`) block by block.

    First of plain texts in ASCII, then of the odd ones (see `_odd`).
    """
    if not len(texts):
        return
    scratch, later = _Scratch(), [np.empty(0, np.int64)]
    offsets = np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, 8 * texts.offset)
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    for i, j in _parts(offsets, block):
        code, offset = data[offsets[i] : offsets[j]], offsets[i : j + 1] - offsets[i]
        words, odd = _plain(code, offset, np.arange(i, j), scratch)
        later.append(i + odd)
        yield words
    places = np.concatenate(later)
    others = texts.take(pa.array(places))
    sizes = np.concatenate(
        [[0], np.cumsum(pc.utf8_length(others).to_numpy(zero_copy_only=False))]
    ).astype(np.int64)
    for i, j in _parts(sizes, block):
        lines = [folded(_cut(text)) for text in others[i:j].to_pylist()]
        ascii = np.array([line.isascii() for line in lines])
        for some, plain in ((ascii, True), (~ascii, False)):
            chosen, place = list(compress(lines, some)), places[i:j][some]
            text, offset = "".join(chosen), np.cumsum([0, *map(len, chosen)])
            if plain and chosen:
                code = np.frombuffer(text.encode(), np.uint8)
                yield _plain(code, offset, place, scratch, looked=True)[0]
            elif chosen:
                yield _others(text, offset, place)


def _parts(offsets, block):
    """Divide texts with these offsets into runs of about `block` characters, and at least one
    text.
    """
    i, last = 0, len(offsets) - 1
    while i < last:
        j = min(last, max(i + 1, int(np.searchsorted(offsets, offsets[i] + block, "right")) - 1))
        yield i, j
        i = j


class _Scratch(dict):
    """Arrays that blocks use one after the other.

    Fresh ones of this size cost more in memory pages than what is done with them.
    """

    def array(self, name: str, size: int, kind=np.uint8) -> np.ndarray:
        if name not in self or len(self[name]) < size:
            self[name] = np.empty(size + size // 8, kind)
        return self[name][:size]


def _plain(code, offset, place, scratch, looked=False):
    """Return the words of texts in ASCII, without those of odd texts, and which these are.

    A look-up table would take ten times as long.
    """
    size = len(code)
    low = scratch.array("low", size + 8)  # small letters; eight bytes can be read from each
    low[size:] = 0
    small = np.bitwise_or(code, 32, out=low[:size])
    kind, spare = scratch.array("kind", size + 6), scratch.array("spare", size)
    kind[0], kind[size + 1 :] = 0, 0
    inner = kind[1 : size + 1]
    np.less(np.subtract(small, ord("a"), out=spare), 26, out=inner.view(bool))
    digit = scratch.array("digit", size, bool)
    np.less(np.subtract(code, ord("0"), out=spare), 10, out=digit)
    # LETTERS is 1, DIGITS is 2
    np.add(np.add(inner, digit.view(np.uint8), out=inner), digit.view(np.uint8), out=inner)
    raw = code.tobytes()
    odd = np.empty(0, np.int64) if looked else _odd(code, raw, low, kind, offset)
    for i in odd.tolist():
        inner[offset[i] : offset[i + 1]] = SEPARATOR
    fresh = np.not_equal(
        kind[1 : size + 2], kind[: size + 1], out=scratch.array("fresh", size + 1, bool)
    )
    fresh[offset] = True
    word = np.not_equal(inner, SEPARATOR, out=digit)
    edge = spare.view(bool)
    start = np.flatnonzero(np.logical_and(fresh[:-1], word, out=edge))
    stop = np.flatnonzero(np.logical_and(fresh[1:], word, out=edge)) + 1
    if len(odd):
        offset, place = np.delete(offset, odd), np.delete(place, odd)  # they have no words here
    number = inner.take(start) == DIGITS
    return _hashed(low, start, stop, offset, place, number, code if b"\\" in raw else None), odd


def _odd(code, raw, low, kind, offset):
    """Return which texts go the slower way.

    Those with other than ASCII characters and plain marks, or perhaps with something for `_cut` or
    GROUPED. Commas of the commonest form are taken out here (see `_ungroup`).
    """
    at = [] if raw.isascii() else [_foreign(code)]
    # not beside a letter, and three digits follow: at once, after one other character, or perhaps
    # after more
    if b"," in raw:
        comma = np.flatnonzero(code == ord(",")) + 1  # `kind` begins one character earlier
        comma = comma[kind.take(comma - 1) != LETTERS]
        comma = comma[kind.take(comma + 1) != LETTERS]
        spaced = kind.take(comma + 1) == SEPARATOR
        next = comma + 1 + spaced
        digits = (kind[next] == DIGITS) & (kind[next + 1] == DIGITS) & (kind[next + 2] == DIGITS)
        at.append(_ungroup(low, kind, offset, comma[digits | (spaced & (kind[next] == SEPARATOR))]))
    for mark in CUT_MARKS:
        if mark[:1] in raw and mark in raw:  # one character is found several times as fast
            at.append(np.array([m.start() for m in re.finditer(re.escape(mark), raw)]))
    if at:
        return np.unique(np.searchsorted(offset, np.concatenate(at), "right") - 1)
    return np.empty(0, np.int64)


def _foreign(code):
    """Return the bytes that are neither of ASCII nor of a plain mark, which separates words as its
    bytes do.
    """
    high = np.flatnonzero(code >= 128)
    first, second, third = (code.take(high + i, mode="clip").astype(int) for i in range(3))
    mark = first << 16 | second << 8 | third
    plain = PLAIN_BYTES.take(np.searchsorted(PLAIN_BYTES, mark), mode="clip") == mark
    for _ in range(2):
        plain[1:] |= plain[:-1]
    return high[~plain]


def _ungroup(low, kind, offset, comma):
    """Move up to three digits over the comma that divides them from just three others.

    Return the other commas. All have kind[comma].
    """
    text = np.searchsorted(offset, comma - 1, "right") - 1
    begin, end = offset[text] + 1, offset[text + 1] + 1
    moved = (
        (comma > begin)
        & (comma + 3 < end)
        & (kind[comma - 1] == DIGITS)
        & (kind.take(comma - 4, mode="clip") != DIGITS)
    )
    for i, digit in ((1, True), (2, True), (3, True), (4, False)):
        moved &= (kind[comma + i] == DIGITS) == digit
    again = moved[1:] & moved[:-1] & (comma[1:] == comma[:-1] + 4)  # 1,234,567
    moved[1:] &= ~again
    moved[:-1] &= ~again
    others, comma, begin = comma[~moved] - 1, comma[moved], begin[moved]
    second = (comma - 2 >= begin) & (kind[comma - 2] == DIGITS)
    lead = 1 + second + (second & (comma - 3 >= begin) & (kind[comma - 3] == DIGITS))
    for i in range(3):
        to = comma[lead > i] - 1 - i
        low[to] = low[to - 1]
    kind[comma], kind[comma - lead] = DIGITS, SEPARATOR
    return others


def _others(text, offset, place) -> Words:
    """Return the words of folded texts, written one after the other, in any characters."""
    code = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    kind = _kinds().take(code)
    fresh = np.append(True, kind[1:] != kind[:-1]) | (kind == HANZI)
    fresh[offset[:-1][offset[:-1] < len(code)]] = True
    run = np.flatnonzero(fresh)
    word = np.flatnonzero(kind.take(run))  # all but separators
    start, stop = run.take(word), np.append(run, len(code)).take(word + 1)
    byte = np.concatenate(
        [[0], np.cumsum(1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000))]
    )
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    padded = np.append(data, np.zeros(8, np.uint8))
    number = kind.take(start) == DIGITS
    start, stop, offset = byte.take(start), byte.take(stop), byte.take(offset)
    return _hashed(padded, start, stop, offset, place, number, data)


def _hashed(letters, start, stop, offset, place, number, code) -> Words:
    """Return words by the bytes where they start and stop.

    `letters` has the bytes and eight more, `code` them if there are commands.
    """
    length = stop - start
    head = _eight(letters, start, length)
    long = np.flatnonzero(length > 8)
    count = (length[long] - 1) >> 3
    word, first = np.repeat(long, count), np.cumsum(count) - count
    before = 8 * (np.arange(len(word)) - np.repeat(first, count) + 1)
    rest = _eight(letters, start[word] + before, length[word] - before)
    value = head * np.uint64(MULTIPLIER)
    np.add.at(value, word, rest * powers(INVERSE, int(before.max(initial=0)) + 1)[before])
    words = Words(
        place,
        np.searchsorted(start, offset),
        mixed(value),
        number,
        Letters(head, length, word, before, rest),
    )
    command = _after_backslash(code, start, offset) if code is not None else ()
    return _respelt(words, command) if len(command) else words


def _respelt(words: Words, command: np.ndarray) -> Words:
    """Return words with the commands among them (given by their places) as SAME spells them.

    Changes the arrays of `words`.
    """
    value, (head, length, word, before, rest) = words.value, words.letters
    names, values, heads, lengths = _commands()
    at = np.minimum(np.searchsorted(names, value[command]), len(names) - 1)
    known = names[at] == value[command]
    command, at = command[known], at[known]
    value[command], head[command], length[command] = values[at], heads[at], lengths[at]
    kept = length > 0
    new_place = np.concatenate([[0], np.cumsum(kept)])
    inside = kept[word]
    return Words(
        words.place,
        new_place[words.begin],
        value[kept],
        words.number[kept],
        Letters(head[kept], length[kept], new_place[word[inside]], before[inside], rest[inside]),
    )


def _eight(letters, start, length):
    """Return up to eight bytes from each start as a number.

    Where there are fewer, the last are 0.
    """
    from_every_byte = np.ndarray(len(letters) - 7, "<u8", letters, strides=(1,))
    eight = from_every_byte[start]
    eight &= FIRST.take(length, mode="clip")
    return eight


def _halves(eight):
    """Return the sum of the first and the last four bytes.

    It is no more than these modulo 255, and many of them can be added.
    """
    return (eight & np.uint64(2**32 - 1)) + (eight >> np.uint64(32))


def _polynomial(eight):
    """Return the sum of byte i times BASE^i.

    Pairs of bytes, pairs of these and again, as each pair has room for its sum.
    """
    for size, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
        mask, factor = np.uint64(mask), np.uint64(BASE ** (size // 8))
        eight = (eight & mask) + ((eight >> np.uint64(size)) & mask) * factor
    return eight


def _after_backslash(code, start, offset):
    """Return which words, given where they start, follow a backslash of their own text."""
    at = np.flatnonzero(code.take(start - 1, mode="clip") == ord("\\"))
    return at[~np.isin(start[at], offset)]


@lru_cache(maxsize=1)
def _kinds():
    """Return the kind of every character."""
    kinds = np.zeros(0x110000, np.uint8)
    letters = [i for i in range(0x110000) if chr(i).isalnum()]
    kinds[letters] = LETTERS
    kinds[[i for i in letters if chr(i).isdecimal()]] = DIGITS
    kinds[ord("一") : ord("鿿") + 1] = HANZI
    return kinds


@lru_cache(maxsize=1)
def _commands():
    """Return sorted hashes (C,) of the names in SAME, and for each the hash, the first letters and
    the length of the name that stands for it; the length is 0 where none does.
    """
    names = next(scan(column(list(SAME))))
    targets = next(scan(column(list(SAME.values()))))
    some = np.diff(targets.begin) > 0
    lines = []
    for given in (targets.value, targets.letters.head, targets.letters.length):
        line = np.zeros(len(SAME), given.dtype)
        line[some] = given
        lines.append(line)
    order = np.argsort(names.value)
    return names.value[order], *(line[order] for line in lines)


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
    z = values + np.uint64(1)
    z *= np.uint64(MULTIPLIER)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    return z


def _prefix(values: np.ndarray) -> np.ndarray:
    """Return the sums (W + 1,) of the first 0, 1, 2, ... values, modulo 2^64."""
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values, dtype=np.uint64, out=sums[1:])
    return sums


def together(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return what `Words.grams` makes of runs of words, from the hashes of all their first words,
    all their second ones and so on: no sums are needed.
    """
    factors = powers(MULTIPLIER, 2 * BLOCK)
    return sum(part * factor for part, factor in zip(parts, factors, strict=False))
