"""Finding the final answer in a response: the paper's exact prefix, and the flexible reader with its stated order."""

import re
from collections import deque

from . import spelling, units

THINK_END = "</think>"
PREFIX = "The answer is"
LONGEST_TAIL = 2000  # characters read behind a prefix
LONGEST_GAP = 100  # characters between two boxes that count together
BOX = re.compile(r"\\(?:boxed|fbox)\s*")
BRACE = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.S)
JOINED = re.compile(r"[\s$]*(?:\\text\{)?[\s,;、]*(?:and|or|,|和|或|、)[\s,]*\}?[\s$]*")
TAG = re.compile(r"<(/?)answer>", re.I)
ANSWER_IS = re.compile(r"\b(?:the|our|my)\s+(?:(?:final|correct|required|desired)\s+)?(?:answer|result)\s*(?:is\b|:|=)\s*:?", re.I)
VALUE_IS = re.compile(
    r"\bthe\s+(?:\w+\s+){0,2}(?:value|values|number|total|sum|probability|area|length|solution|solutions)\s+of\s+[^.\n]{1,60}?\s+(?:is|are)\b:?"
    r"|\b(?:final\s+)?answer\s*(?:\*\*)?\s*(?::|=|is\b)",
    re.I,
)
HASHES = re.compile(r"####")
CHINESE = re.compile(
    r"(?:答案|结果|得数)\s*(?:就)?(?:应该|应)?\s*(?:是|为|等于|[:：])\s*[:：]?|(?<![问回解])答\s*[:：]|(?:故|应)选\s*[:：]?|(?:所以|因此|故)选\s*(?:择)?[:：]?"
)
SENTENCE_END = re.compile(r"\.(?:\s|$)|[。；;!！]")
FORMULA = re.compile(  # that stands alone: not "$1$ and $2$", not "$3 from $5"
    r"(?:\$\$?([^$]+)\$\$?|\\[(\[](.+?)\\[)\]])(?!\s*(?:,|and\b|or\b|[$\d\\]))", re.S
)
SEVERAL = re.compile(r",(?!\d{3})|;|、|\b(?:or|and)\b|或|和")
CHAINED = re.compile(r"(?<![<>!:\\])=(?!=)")
NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
ANY_NUMBER = re.compile(rf"(?:(?<![\w.)])-)?(?:{NUMBER})(?:/\d+)?%?")
STOPPED = re.compile(r"[=+\-*/×÷,(:：{^\\]\s*$")
DOLLARS = re.compile(r"(?<![\\$])\$([^$\n]+)\$(?!\d)")
CHINESE_RUN = re.compile(r"[^一-鿿，。；：！？、]*[\dA-Z\\√π][^一-鿿，。；：！？]*")


def boxes(text: str) -> list[tuple[int, int, str]]:
    r"""List every closed \boxed or \fbox that lies in no other as (start, end, content); `\boxed 2` is read.

    A box that lies inside an unclosed one is not listed: the answer was cut off.
    """
    found, closed = [], 0
    for match in BOX.finditer(text):
        if match.start() < closed:
            continue
        start = match.end()
        if not text.startswith("{", start):
            bare = re.compile(r"[^\s$.,\\{}]+").match(text, start)
            if bare:
                found.append((match.start(), bare.end(), bare[0]))
            continue
        depth = 0
        for brace in BRACE.finditer(text, start):
            depth += 1 if brace[0][-1] == "{" and brace[0] != "\\{" else -1 if brace[0] == "}" else 0
            if depth == 0:
                found.append((match.start(), brace.end(), text[start + 1 : brace.start()].strip()))
                closed = brace.end()
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
        if after[0] - before[1] > LONGEST_GAP or not JOINED.fullmatch(text, before[1], after[0]):
            break
        parts.insert(0, before[2])
    answer = ", ".join(parts)
    inner = boxes(answer)
    if len(inner) == 1 and inner[0][:2] == (0, len(answer)):  # a box in a box, once
        answer = inner[0][2]
    return answer or None


def strict_answer(response: str) -> str | None:
    """Return what the paper's matcher reads: the text after the last "The answer is", cut at a full stop that
    ends a line, without a final full stop; None without that prefix.

    Source: arXiv 2407.08348, section 4.1, and MetaMath's matcher, whose prefix has a colon where the paper's has none.
    """
    _, found, tail = response.rpartition(PREFIX)
    if not found:
        return None
    tail = tail.lstrip(": ").split(".\n", 1)[0].strip()
    return tail.removesuffix(".").strip() or None


def extract(response: str) -> str | None:
    """Return the final answer that a response gives, or None; what follows `</think>` outranks what precedes."""
    return find(response)[0]


def find(response: str) -> tuple[str | None, str]:
    """Return the final answer and where it was found: "box", "prefix", "number" (the last one, a fallback), or "none".

    In this order: the last closed box, <answer> tags, the last "the answer is" in one of its wordings, ####, the Chinese
    wordings, "the value of ... is" and "answer:", the last number of a text that does not stop before its answer.
    """
    before, _, after = response.rpartition(THINK_END)
    for text in filter(str.strip, (after, before)):
        if box := last_boxed(text):
            return box, "box"
        if (tagged := _last_tagged(text)) is not None:
            return tagged.strip() or None, "prefix"
        for pattern in (ANSWER_IS, HASHES, CHINESE, VALUE_IS):
            if last := _last(pattern, text):
                if answer := _sentence(text[last.end() : last.end() + LONGEST_TAIL]):
                    return answer, "prefix"
                return None, "none"
        if BOX.search(text) or STOPPED.search(text[-200:]):
            return None, "none"
        if number := _last_number(text):
            return number, "number"
    return None, "none"


def _last_tagged(text: str) -> str | None:
    """Return what stands between the last <answer> and </answer>, tags without a partner left out."""
    opened = content = None
    for tag in TAG.finditer(text):
        if not tag[1]:
            opened = tag.end() if opened is None else opened
        elif opened is not None:
            content, opened = text[opened : tag.start()], None
    return content


def _last(pattern, text, start=0):
    return next(iter(deque(pattern.finditer(text, start), maxlen=1)), None)


def _last_number(text):
    """Return the last number, or the whole $formula$ that holds it; None where it is a part of a formula without signs."""
    last = _last(ANY_NUMBER, text)
    if not last:
        return None
    formula = _last(DOLLARS, text, max(0, last.start() - LONGEST_TAIL))
    if formula and formula.start() < last.start() and last.end() <= formula.end():
        return _last_of_chain(formula[1])
    return None if last.start() and text[last.start() - 1] in "^_{" or text.startswith("}", last.end()) else last[0]


def _sentence(tail: str) -> str | None:
    """Read the answer at the start of a tail: the formula if one opens it, else the rest of its sentence."""
    tail = tail.strip(" \t*_:：")
    if formula := FORMULA.match(tail):
        rest = SENTENCE_END.split(tail[formula.end() :].split("\n", 1)[0], maxsplit=1)[0].strip(" *_")
        unit = rest if 0 < len(rest) < 30 and spelling.is_unit(rest) else ""
        return (_last_of_chain(formula[1] or formula[2]) or "") + (" " + unit if unit else "") or None
    line = re.sub(r"(?<!\\)\$", "", tail.strip().split("\n", 1)[0])
    sentence = SENTENCE_END.split(line, maxsplit=1)[0].strip(" *_")
    if re.search(r"[一-鿿]", sentence):
        return _chinese(sentence)
    return _last_of_chain(sentence)


def _chinese(sentence):
    """Read the last formula, choice or number of a Chinese sentence, with the unit that ends the sentence."""
    if spelling.is_chinese_number(sentence):
        return sentence
    runs = [match for match in CHINESE_RUN.finditer(sentence) if match[0].strip()]
    if runs:
        first = len(runs) - 1  # 2米50厘米, 3又1/2: runs that only units divide belong together
        while first and (gap := sentence[runs[first - 1].end() : runs[first].start()]) and (gap == "又" or spelling.is_unit(gap)):
            first -= 1
        tail = sentence[runs[-1].end() :]
        measured = bool(units.read(tail).dimensions) and spelling.is_unit(tail)  # 25米, but 25 of 25个
        return _last_of_chain(sentence[runs[first].start() : runs[-1].end()].strip() + tail * measured)
    numerals = spelling.chinese_numbers(sentence)
    return numerals[-1] if numerals else sentence.strip() or None


def _last_of_chain(text: str) -> str | None:
    if SEVERAL.search(text):
        return text.strip() or None
    parts = [part.strip() for part in CHAINED.split(text)]
    return (parts[-1] if len(parts) > 2 else text.strip()) or None
