"""Reading replies.

One parser per form of reply, named in the prompt's header, and the rules by which a question is
eliminated.
"""

import re
import unicodedata
from collections import Counter

from .. import grading
from ..grading import extraction

LABEL = re.compile(
    r"(?:(?:sure|here)\b[^\n]{0,80}:\s*\n+)?[#*\s]*(?:(?:rewritten|new|changed|rephrased) )?"
    r"(?:problem|question|prompt|改写后的问题|题目|问题)(?:#?[:：]\**|\**\s*\n)\s*|(?:sure"
    r"|here)\b[^\n]{0,80}:\s*\n+",
    re.I,
)
REFUSAL = re.compile(
    r"\W*(?:i(?:['’]m| am) (?:sorry|unable|not able)|sorry\b|i can(?:no|['’])t\b|as an "
    r"ai\b|抱歉|对不起|很遗憾|我无法)",
    re.I,
)
COPIED = re.compile(
    r"</?(?:problem|answer|count)>|between the tags|#(?:given|rewritten|new) (?:prompt|problem)#|"
    r"^(?:CREATED QUESTION|VERIFICATION|FINAL QUESTION):",
    re.I | re.M,
)
# These two look for what opens a line. Marks before it are looked for in its own line alone: across
# lines, many lines of marks would take time that grows with their square.
GIVEN = re.compile(
    r"\bThe answer is |^[^\w\n]*(?:answer|solution|答案|解答?)[^\w\n]*[:：]", re.I | re.M
)
FINAL = re.compile(r"^[^\w\n]*FINAL(?: CREATED)? QUESTION[^\w\n]*:", re.M)
SHORTEST = 8  # letters, digits or characters of a question
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


class Unparsed(ValueError):
    """A reply that does not have the form its prompt asks for, or that a stated rule eliminates."""


def parse_question(text: str) -> str:
    """The question of a reply that should hold nothing else.

    Headings, tags and quotation marks around it go.
    """
    text = re.sub(r"</?problem>", "", visible(text)).strip()
    label = LABEL.match(text)
    text = text[label.end() :].strip() if label else text
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        text = text[1:-1].strip()
    if not text:
        raise Unparsed("empty question")
    return text


def parse_final_question(text: str) -> str:
    """The last part of a create-verify-refine reply."""
    parts = FINAL.split(visible(text))
    if len(parts) < 2:
        raise Unparsed("no final question")
    return parse_question(parts[-1].lstrip("*# "))


def parse_solution(text: str) -> str:
    """A solution that announces its answer in the paper's form.

    One that announces it otherwise ("The correct answer is", "The value of x is", a box, a Chinese
    form: the variants of the paper's appendix B) gets a closing line in that form; a number that
    merely comes last is no announcement.
    """
    text = visible(text).strip()
    if not text:
        raise Unparsed("empty response")
    if grading.strict_answer(text) is None:
        answer, how = extraction.find(text)
        if answer is None or how == "number":
            raise Unparsed("no answer announced")
        text += f"\n{extraction.PREFIX} {answer}."
    return text


PARSERS = {
    "question": parse_question,
    "final_question": parse_final_question,
    "solution": parse_solution,
}


def visible(text: str) -> str:
    """A reply without the thoughts that a reasoning model put before it."""
    return text.rpartition(extraction.THINK_END)[2]  # some servers leave the opening tag out


def check_question(question: str, parent: str):
    """Raise Unparsed where a question that a teacher wrote is none, or brings nothing new.

    The rules: the same text but for case and space; a refusal; words of the prompt in it; too short
    to ask anything; its own answer given away. Source: the elimination step of Evol-Instruct (arXiv
    2304.12244, section 3.2), whose fourth rule ours take further.
    """
    if _folded(question) == _folded(parent):
        raise Unparsed("unchanged")
    if REFUSAL.match(question):
        raise Unparsed("a refusal")
    if COPIED.search(question):
        raise Unparsed("copies the prompt")
    if len(re.findall(r"\w", question)) < SHORTEST:
        raise Unparsed("too short")
    if GIVEN.search(question) and not GIVEN.search(parent):
        raise Unparsed("gives its answer away")


def check_variant(operator: str, question: str, parent: str, distractors: int):
    """Raise Unparsed where a translated or distracted problem has lost a number, its language or
    its distractors.
    """
    lost, added = numbers(parent) - numbers(question), numbers(question) - numbers(parent)
    if lost:
        raise Unparsed("a number is lost")
    if operator == "translate" and not re.search(r"[\u4e00-\u9fff]", question):
        raise Unparsed("not translated")
    if operator == "distract" and added.total() < distractors:
        raise Unparsed("too few distractors")


def numbers(text: str) -> Counter:
    """The numbers written in digits in a text, with how often each occurs.

    1,200 is 1200 and 0.50 is 0.5.
    """
    found = (
        match[0].replace(",", "") for match in NUMBER.finditer(unicodedata.normalize("NFKC", text))
    )
    return Counter(number.rstrip("0").rstrip(".") if "." in number else number for number in found)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
