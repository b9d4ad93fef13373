"""Finding the final answer in a response.

The paper's exact prefix, and the flexible reader with its stated order.
"""

import json
import re
from collections import deque

from . import segments, spelling
from .segments import backwards, expressions, is_whole
from .tables import TABLES

# The order of evidence of `find`; the first that gives an answer decides.
# 1. Only what follows the thoughts counts, whatever the tag is named; an unclosed tag means a
# truncated response.
#   2. The last box, unless an announcement comes later; boxes that are joined are one answer.
# 3. The last announcement that reads as an answer: "the answer is", 答案是, "answer:", "(C) is
# correct".
#   4. <answer> tags and the answer in JSON.
#   5. What follows the last ####.
#   6. A response that is nothing but its answer.
#   7. The last expression, if it reads whole and the text does not stop before its answer.

THINK_END = "</think>"
PREFIX = "The answer is"
LONGEST_TAIL = 2000  # characters read behind an announcement
LONGEST_ENDING = 800  # characters of a response in which its last expression is looked for
# characters of a text that has three words in a row and still may be nothing but an answer
LONGEST_PHRASE = 50
LONGEST_BARE = 200  # characters of a response that is nothing but its answer
LONGEST_UNENDED = 60  # characters behind the last expression of a sentence that does not end
LONGEST_GAP = 100  # characters between two boxes that count together
BOX = re.compile(r"\\(?:boxed|fbox)\s*")
BRACE = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.S)
GAP = r"(?:[\s$]|\\[ ,;]|\\q?quad)*"
JOINED = re.compile(
    rf"{GAP}(?:\\text\s*\{{)?[\s,;、]*(?:and|or|,|;|\\lor|\\vee|和|或者?|、)[\s,]*\}}?{GAP}"
    r"(?P<name>[A-Za-z](?:_\{?\w\}?)?\s*=)?\s*"
)
NAME_BEFORE = re.compile(r"(?<![\w\\])([A-Za-z](?:_\{?\w\}?)?)\s*=\s*$")
THOUGHT = (
    r"(?:\w{1,20}[:_-])?(?:think|thinking|thoughts?|reasoning|reason|reflection|scratch_?pad"
    r"|analysis|monologue|deliberation)"
)
THOUGHTS = re.compile(
    rf"<(?P<closed>/)?{THOUGHT}>|\[(?P<closed_2>/)?THINK\]|◁(?P<closed_3>/)?think▷"
    rf"|<\|(?:(?P<closed_4>end_of_|end_|/)|begin_of_|begin_|start_of_|start_)?{THOUGHT}\|>"
    r"|<\|channel\|>(?:(?P<closed_5>final)|analysis|commentary)(?:<\|message\|>)?",
    re.I,
)
ENDED = re.compile(
    r"(?<=\S)\s*(?:<\|(?:im_end|eot_id|endoftext|end|eom_id|end_of_text)\|>|<end_of_turn>|<eos>"
    r"|</s>)"
    r"|\n(?:User|Human) ?:"
)
MARKUP = re.compile(
    r"<\|[\w/]{1,40}\|>|</?(?:s|b|i|u|p|em|strong|span|div|center|code|pre|br|start_of_turn|bos) "
    r"?/?>|\[/?INST\]|<<[^<>\n]*>>"
    r"|</?(?!(?:final[_-]?)?(?:answer|ans|result)>)[a-z][a-z_-]{1,20}>"
    r"|(?<![\w)])\*\*|\*\*(?![\w(])|(?<!\w)__|__(?!\w)|```\w*"
)
MARKED = re.compile(r"[<*_`\[]")
TAG = re.compile(
    r"<(/?)(?:final[_-]?)?(?:answer|ans|result)>|<\|(?:begin_of|(end_of))_answer\|>", re.I
)
JSON = re.compile(
    r"""["']?\b(?:final_?\s?)?(?:answer|result)["']\s*:\s*("(?:[^"\\\n]|\\.){0,400}"|\[[^\[\]\n]{0,400}\]|[^,}\s"\[][^,}\n"]{0,100})""",
    re.I,
)
BULLET = re.compile(r"[ \t]*\n\s*[-*•]\s+")
ANSWER_IS = re.compile(
    r"\b(?:the|our|my)\s+(?:(?:final|correct|right|required|desired|best)\s+)?(?:answer|result"
    r"|option|choice)"
    r"(?:\s+(?:to|for)\s+[^.\n]{1,60}?)?\s*(?:is\b|are\b|should be\b|must be\b|would be\b|will "
    r"be\b|:|=)\s*:?"
    r"|\b(?:final\s+|correct\s+)?(?:answer|ans)\b\s*\}?\s*(?::|=|is\b|\.(?=\s*\d)"
    r"|[-–—]\s(?=[\d$\\(]))\s*\}?"
    r"|(?:答案|结果|得数|选项)\s*(?:就)?(?:应该|应)?\s*(?:是|为|选|等于|[:：])\s*[:：]?|【答案】"
    r"|(?<![问回解])答\s*[:：]"
    r"|选(?:择)?(?:选项)?\s*[:：]?\s*(?=[(（]?[A-H]{1,5}(?![A-Za-z]))",
    re.I,
)
IS_ANSWER = re.compile(
    r"\(?\b([A-H])\)?\s+(?:is|must be)\s+(?:the\s+)?(?:only\s+)?(?:correct|right|best|answer)\b"
    r"|([A-H])项?(?:是|为)?正确"
    r"|(?<=\S)(?=\s+(?:is|are)\s+(?:the|our|my)\s+(?:final\s+|correct\s+|right\s+)?(?:answer"
    r"|result)\b)"
)
ANSWER_WORDS, IS_WORDS = TABLES["answer_words"], TABLES["is_words"]
VALUE_IS = re.compile(
    r"\bthe\s+(?:\w+\s+){0,2}(?:value|values|number|total|sum|probability|area|length|solution"
    r"|solutions)\s+of\s+[^.\n]{1,60}?\s+(?:is|are)\b:?"
    r"|\b(?:total|result|solution)\s*(?::|=)",
    re.I,
)
HASHES = re.compile(r"####")
LEAD = re.compile(  # what may stand between an announcement and its answer
    r"(?:[\s:：~`\"“]|\.\.\.+|…|—\s|(?<=\n)(?:[-•‣+*>]\s+|\#+\s+|\d{1,2}\.\s+(?=\S))"
    r"|(?:therefore|thus|hence|indeed|simply|just|exactly|precisely|clearly|then|obviously|now"
    r"|also|about|approximately|roughly"
    r"|around|equal to|equals|given by|as follows|the "
    r"following|that|option|choice|letter|answer|number|value|final|is|the"
    r"|就是|是|为|约为?|大约|等于|一共|共)(?:(?<=[a-z])\b|(?<=[一-鿿])),?)*",
    re.I,
)
CHOSEN = re.compile(
    r"(?:\\(?:text|mathrm|textbf|mathbf)\s*\{)?[(（\[<]?([A-H]{1,5}|[a-h](?=[)）]))(?:[)）\]>}]"
    r"|[.:、](?=\s|$))*(?![\w'’])"
)
BEHIND_CHOICE = re.compile(
    r"\s*(?:$|[\n.,;:!?(（。，；*}<\"]|\\|[—–-]\s|(?:because|since|as|for|so|and "
    r"not|which|where|is)\b)",
    re.I,
)
PLAIN = re.compile(r"[ :*$]*(-?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)[.*$]*\s*(?:\n|$)")
SENTENCE_END = re.compile(r"\.(?=\s|$)|[。；;!！？\n]")
CLAUSE_END = re.compile(r"\.(?=\s|$)|[。；;!！？\n，]|,(?=\s)|\s[—–-]\s|[(（]")
REASON = re.compile(r"(?<=\S)\s*,?\s+(?:because|since|as|which|where)\b|，?(?:因为|由于)", re.I)
CONDITION = re.compile(
    r"\s*(?:(?:if|when|suppose|assuming|unless|as|given|with|without|after|before)\b|如果|若|当"
    r"|假如|按)",
    re.I,
)
EXPLAINED = re.compile(r"比|即|也就是|因为|由于|其中|而|约|相当于|是")
PERSON = re.compile(r"[A-Z][a-z]+(?: [A-Z][a-z]+)?\s*[,(]")
NEGATED = re.compile(
    r"\b(?:not|never|neither|nor|cannot|none|incorrect|wrong|impossible|unknown|unless)\b"
    r"|n['’]t\b|不是|不等于|错",
    re.I,
)
STOPPED = re.compile(
    r"[=+\-*/×÷,(:：{^\\]\s*$|\n\s*\d{1,2}\.$"
    r"|\b(?:and|or|the|an?|to|of|is|are|we|so|then|that|if|which|for|with|by|from|be|has|have"
    r"|need|get|equals)\s*$"
)
# a computation without its result
UNFINISHED = re.compile(r"(?:^|[^\w\s=.,)}\\^/-])\s*\d[\d.,]*(?:\s*[-+*×÷]\s*\d[\d.,]*)+\s*$")
PHRASE = re.compile(r"[A-Za-z]+ [A-Za-z]+ [A-Za-z]{2}")
NO_SOLUTION = re.compile(r"\b(?:no (?:real |integer )?(?:solutions?|roots?))\b", re.I)
SEVERAL = re.compile(r"\\(?:vee|lor|text|begin)\b|,(?!\d{3})|，|;|、|\b(?:or|and)\b|或|和")
CHAINED = re.compile(r"(?<![<>!:\\])=(?!=)")


def boxes(text: str) -> list[tuple[int, int, str]]:
    r"""List every closed \boxed or \fbox that lies in no other as (start, end, content).

    `\boxed 2` is read.

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
            if brace[0][-1] == "{" and brace[0] != "\\{":
                depth += 1
            elif brace[0] == "}":
                depth -= 1
            if depth == 0:
                closed = brace.end()
                found.append((match.start(), closed, text[start + 1 : brace.start()].strip()))
                break
        else:
            break  # unclosed: whatever follows lies inside it
    return found


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last closed \boxed.

    Several that are joined by "and", "or" or a comma count together; None if there is none or it is
    empty.
    """
    return _join(text, boxes(text))


def _join(text, found):
    if not found:
        return None
    parts, names = [found[-1][2]], []
    for before, after in zip(found[-2::-1], found[:0:-1], strict=True):
        near = after[0] - before[1] <= LONGEST_GAP
        gap = JOINED.fullmatch(text, before[1], after[0]) if near else None
        if not gap:
            break
        parts.insert(0, before[2])
        names.insert(0, (gap["name"] or "").rstrip("= "))
    if len(parts) > 1:
        first = NAME_BEFORE.search(text, 0, found[-len(parts)][0])
        names.insert(0, first[1] if first else "")
        if all(names):  # x = \boxed{1}, y = \boxed{2}
            parts = [f"{name} = {part}" for name, part in zip(names, parts, strict=True)]
    answer = ", ".join(parts)
    inner = boxes(answer)
    if len(inner) == 1 and inner[0][:2] == (0, len(answer)):  # a box in a box, once
        answer = inner[0][2]
    return answer or None


def strict_answer(response: str) -> str | None:
    """Return what the paper's matcher reads.

    The text after the last "The answer is", cut at a full stop that ends a line, without a final
    full stop; None without that prefix.

    The mark of a list in front of it is no minus sign.
    Source: arXiv 2407.08348, section 4.1, and MetaMath's matcher, whose prefix has a colon where
    the paper's has none.
    """
    _, found, tail = (_spoken(response) or "").rpartition(PREFIX)
    if not found:
        return None
    tail = tail.lstrip(": ")
    if bullet := BULLET.match(tail):
        tail = tail[bullet.end() :]
    tail = tail.split(".\n", 1)[0].strip()
    return tail.removesuffix(".").strip() or None


def extract(response: str) -> str | None:
    """Return the final answer that a response gives, or None.

    What follows its thoughts outranks them.
    """
    return find(response)[0]


def find(response: str) -> tuple[str | None, str]:
    """Return the final answer and where it was found, in the order of evidence that stands at the
    head of this module.

    Where: "box", "prefix" (announced, tagged or behind ####), "whole", "number" (the last
    expression, a fallback), "none", or "truncated" for thoughts that do not end.
    """
    text = _spoken(response)
    if text is None:
        return None, "truncated"
    if not text.strip():
        return None, "none"
    return _find_in(MARKUP.sub("", text) if MARKED.search(text) else text)


def _spoken(response):
    """Return what a response says behind its thoughts and before another turn.

    None where its thoughts do not end.
    """
    text, thoughts = response, ""
    if last := _last(THOUGHTS, response) if MARKED.search(response) or "◁" in response else None:
        if not any(last.groupdict().values()):
            return None
        text, thoughts = response[last.end() :], response[: last.start()]
    text = text if text.strip() else thoughts
    end = ENDED.search(text)
    return text[: end.start()] if end else text


def _find_in(text):
    found = boxes(text) if "box" in text else []
    boxed = _join(text, found)
    if "box" in text and _has_open_box(text, found):
        return None, "none"
    announcements = _announcements(text, found[-1][1] if boxed else 0)
    for tail in announcements:
        if answer := _at_start(tail):
            return answer, "prefix"
    if boxed:
        return _of_phrase(boxed), "box"
    for tail in announcements:
        if answer := _only_one(tail):
            return answer, "prefix"
    for read in (_tagged, _in_json, _behind_hashes):
        if answer := read(text):
            return answer, "prefix"
    if announcements:
        return _words(announcements[0]), "prefix"
    text = re.sub(r"(?<=[^\s*_])[*_]+\s*$", "", text)
    if UNFINISHED.search(text[-LONGEST_BARE:]) or STOPPED.search(text[-LONGEST_BARE:]):
        return None, "none"
    if whole := _bare(text):
        return whole, "whole"
    if last := _last_expression(text):
        return last, "number"
    return None, "none"


def _has_open_box(text, found):
    last = _last(BOX, text)
    return bool(last) and last.start() >= (found[-1][1] if found else 0)


def _last(pattern, text, start=0):
    return next(iter(deque(pattern.finditer(text, start), maxlen=1)), None)


def _announcements(text, start):
    """List what follows the last announcements behind a place, the last one first."""
    matches, lower = [], text[start:].lower()
    # plain words are found sooner
    for pattern, words in ((ANSWER_IS, ANSWER_WORDS), (IS_ANSWER, IS_WORDS)):
        if any(word in lower for word in words):
            matches += deque(pattern.finditer(text, start), maxlen=3)
    if not matches and not start and (last := _last(VALUE_IS, text)):
        matches = [last]
    tails = []
    for match in sorted(matches, key=lambda match: -match.end()):
        if match.re is not IS_ANSWER:
            tails.append(text[match.end() : match.end() + LONGEST_TAIL])
        elif letter := match[1] or match[2]:
            tails.append(letter)
        else:  # 12 is the answer
            before = text[max(0, match.start() - LONGEST_TAIL) : match.start()]
            last = next(backwards(before), None)
            if last and last.end == len(before):
                tails.append(last.text)
    return tails


def _at_start(tail: str) -> str | None:
    """Return the longest prefix of a text, behind a few words that lead to it, that reads as an
    answer.
    """
    if plain := PLAIN.match(tail):
        return plain[1]
    tail = _led(tail)
    if said := re.match(r"(?:yes|no|true|false)\b(?=\s*(?:[.,;!]|$))", tail, re.I):
        return said[0]
    chosen = CHOSEN.match(tail)
    if chosen and BEHIND_CHOICE.match(tail, chosen.end()):
        return chosen[1]
    window = tail[:LONGEST_ENDING]
    if sign := segments.SIGNED.match(window):
        window = "-" + window[sign.end() :]
    first = next(expressions(window), None)
    if first and not window[: first.start].strip("=|'*` ") and first.text:
        if segments.MODIFIED_AFTER.match(window, first.end):
            return None
        return _last_of_chain(first.text)
    count = spelling.NUMERAL.match(window)
    if not count or re.match(r"\s+(?:of|or|way|more|less)\b", window[count.end() :]):
        return None
    return count[0] if is_whole(count[0]) else None


def _led(tail):
    return tail[LEAD.match(tail).end() :]


def _only_one(tail: str) -> str | None:
    """Return the only expression of the sentence that an announcement begins: "that there are 42
    apples".
    """
    sentence = SENTENCE_END.split(_led(tail), maxsplit=1)[0][:LONGEST_BARE]
    if NEGATED.search(sentence) or PERSON.match(sentence):
        return None
    for part in REASON.split(sentence):
        clauses = [each for each in CLAUSE_END.split(part) if each.strip()]
        clauses = [each for each in clauses if not CONDITION.match(each)]
        if re.search("[一-鿿]", part) and (answer := _of_chinese(clauses)):
            return answer
        if len([*expressions(part)]) == 1:
            clauses = [part]
        found = [(clause, one) for clause in clauses for one in expressions(clause)]
        if found:
            return found[0][1].text if len(found) == 1 and _is_unmodified(*found[0]) else None
    return None


def _of_chinese(clauses):
    """Return the last number of a Chinese sentence.

    A clause that only explains what stands before it does not count.
    """
    answer = None
    for clause in clauses:
        if answer is not None and EXPLAINED.match(clause):
            break
        last, numerals = next(backwards(clause), None), spelling.chinese_numbers(clause)
        if last or numerals:
            answer = last.text if last else numerals[-1]
    return answer or None


def _is_unmodified(text, expression):
    """Say whether no word beside an expression makes it another value: "at least 5", "5 more
    than".
    """
    before = text[max(0, expression.start - 40) : expression.start]
    after = segments.MODIFIED_AFTER.match(text, expression.end)
    return not (after or segments.MODIFIED_BEFORE.search(before))


def _words(tail: str) -> str | None:
    """Return the first words behind an announcement, for an answer that is no mathematics."""
    sentence = SENTENCE_END.split(_led(tail), maxsplit=1)[0]
    text = re.split(r",\s|;|\s[—–-]\s|\(|\b(?:because|since)\b|</", sentence, maxsplit=1)[0]
    return re.sub(r"(?<!\\)\$", "", text).strip(" *_\"'") or None


def _of_phrase(text: str) -> str:
    """Return the answer in a box or a tag that holds a sentence: "The total is 42 dollars"."""
    if len(text) > spelling.LONGEST or PLAIN.fullmatch(text):
        return text
    if is_whole(text) or CHOSEN.match(text):
        return text
    plain = re.sub(r"\\(?:text|mathrm|textbf|mbox|mathbf)\s*\{([^{}]*)\}", r" \1 ", text)
    if not re.search("[A-Za-z]{2}", plain) and not re.search("[一-鿿]", plain):
        return text
    for tail in (*_announcements(plain, 0), plain):
        if answer := _at_start(tail) or _only_one(tail):
            return answer
    return text


def _tagged(text):
    """Return the answer between the last <answer> and </answer>, tags without a partner left
    out.
    """
    opened = content = None
    for tag in TAG.finditer(text):
        if not (tag[1] or tag[2]):
            opened = tag.end() if opened is None else opened
        elif opened is not None:
            content, opened = text[opened : tag.start()].strip(), None
    return content and (_find_in(content)[0] if "\n" in content else _of_phrase(content))


def _in_json(text):
    last = _last(JSON, text)
    if not last:
        return None
    try:
        value = json.loads(last[1])
    except ValueError:
        value = last[1]
    return _of_phrase(value.strip("\"' ")) if isinstance(value, str) else last[1].strip("[] \n")


def _behind_hashes(text):
    """Return the answer behind the last ####, which may be a heading.

    Then what follows it is read as a response.
    """
    last = _last(HASHES, text)
    if not last:
        return None
    line, _, rest = text[last.end() :].partition("\n")
    if answer := _at_start(line):
        return answer
    if re.search(r"[A-Za-z]{3}|[一-鿿]", line) and rest.strip():
        return _find_in(rest[:LONGEST_TAIL])[0]
    return _only_one(line) or _words(line)


def _bare(text):
    """Return a response that is nothing but its answer."""
    text = text.strip().removesuffix(".").strip("*_` ")
    if not text or len(text) > LONGEST_BARE or (len(text) > LONGEST_PHRASE and PHRASE.search(text)):
        return None
    if re.search("[一-鿿]{4}", text) and not spelling.is_chinese_number(text):
        return None
    if is_whole(text) or re.fullmatch(r"[^\W\d_]+", text) or spelling.NUMERAL.fullmatch(text):
        return _last_of_chain(text)
    if re.fullmatch(r"(?:option|choice)?\s*\(?[A-H](?:[).:].{0,80})?", text, re.I):
        return text
    return None


def _last_expression(text):
    """Return the last expression of a text that does not stop before its answer.

    None where it does not read whole.
    """
    ending = text.rstrip()[-LONGEST_ENDING:]
    # it begins with a line or a word, never with a piece of a number
    if len(text) > LONGEST_ENDING:
        ending = ending.partition("\n")[2] or ending.partition(" ")[2]
    final, last = None, None
    for last in backwards(ending):  # a lone letter only where nothing else is in its sentence
        final = final or last
        if not re.fullmatch("[A-Za-z]", last.text) or ending[last.start] in "$\\":
            break
    else:
        last = final
    if not last:
        if NO_SOLUTION.search(ending[-LONGEST_BARE:]):
            return "no solution"
        count = _last(spelling.NUMERAL, ending)
        numerals = spelling.chinese_numbers(ending[-LONGEST_BARE:])
        return count[0] if count and is_whole(count[0]) else numerals[-1] if numerals else None
    if SENTENCE_END.search(ending, last.end, max(last.end, final.start)):
        last = final
    if not last.text or not _is_unmodified(ending, last):
        return None
    rest = SENTENCE_END.split(ending[last.end :], maxsplit=1)
    if len(rest) == 1 and len(rest[0]) > LONGEST_UNENDED:  # the text was cut off
        return None
    return _last_of_chain(last.text)


def _last_of_chain(text: str) -> str | None:
    if SEVERAL.search(text):
        return text.strip() or None
    parts = [part.strip() for part in CHAINED.split(text)]
    computed = len(parts) > 2 or segments.ANONYMOUS.match(text)
    return (parts[-1] if computed else text.strip()) or None
