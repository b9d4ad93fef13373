"""Whatever a model writes is read in time that grows with its length: 200 KB take about twice as
long as 100 KB, not four times.

Each reader of model text meets texts made of one repeated piece, chosen to make a pattern try again
at every character. Only ratios are asserted. A text is doubled from 6 KB on, so that what grows
with the square is found while it still takes moments.
"""

import gc
import random
import time

import pytest

from skymath_nb import grading
from skymath_nb.augmentation import parsing, verification
from skymath_nb.evaluation import error_classes, error_graphs
from skymath_nb.grading import solution_steps
from skymath_nb.selection import near_duplicates, ngrams
from skymath_nb.world import masking, problem

pytestmark = pytest.mark.long

SHORTEST, LONGEST = 6_250, 200_000  # characters
NOISE_S = 0.02  # below, a doubling says nothing
MOST = 3.0  # times as long for twice the text; 2 is linear, 4 is quadratic
PIECES = [
    "!\n",
    "! ",
    "!",
    " ",
    "\n",
    " \n",
    "\t",
    "a",
    "a ",
    "A ",
    "1",
    "1 ",
    "1, ",
    "12,345",
    "0.",
    "(",
    "( ",
    "$",
    "$ ",
    "$1",
    "{",
    "}",
    "\\",
    "\\frac{",
    "\\text{ ",
    "\\left",
    "the ",
    "the answer ",
    "The answer is ",
    "the value of ",
    "answer ",
    "answer",
    "Answer: ",
    "Sure ",
    "sure :\n",
    "#",
    "# ",
    "*",
    "**",
    "<",
    "<<",
    "<a",
    "<<1",
    ">",
    "[asy]",
    "[",
    "一",
    "一 ",
    "答案",
    "答",
    "解",
    "=",
    "= ",
    "-",
    "- ",
    "+",
    "1+",
    "1 + ",
    "1+1=",
    "1+1=2 ",
    "1/",
    "and ",
    "1 and ",
    ", ",
    "，",
    "。",
    "<problem>",
    "</problem>",
    "<answer>",
    "</answer>",
    "\\boxed",
    "\\boxed{",
    "\\boxed{1}",
    "\\boxed{1} ",
    "CREATED QUESTION",
    "FINAL QUESTION",
    "FINAL QUESTION:",
    "FINAL QUESTION:\n",
    "####",
    "x",
    "x_{",
    "^{",
    '"',
    "\\(",
    "\\[",
    "\\begin{",
    "%",
    "<think>",
    "</think>",
    "First, ",
    "We compute ",
    "gcd(",
    "gcd(1, ",
    "Tom ",
    "(A)",
    ".",
    "...",
    "~",
    "&",
    "|",
    "½",
    "十",
    "又",
    "每",
    "分之",
    "1分之",
    "\u3000",
    "\r",
    "\x0b",
    "\x1b[",
    "é",
    "$a$",
    "$a ",
    "Problem:",
    "\n\n#",
    "<|",
    "[THINK]",
    "\nUser",
    "one ",
    '"answer": "',
    " is the answer",
    "选A",
    "\\boxed{1}   ",
    "x = \\boxed{1}, ",
    "March 5 ",
    "5 cm ",
]


def _diagnose(text):
    error_classes.diagnose(
        text, "7", False, False, False, "Tom has 3 apples and buys 4. How many has he?"
    )


def _parsed(parser):
    def read(text):
        try:
            parser(text)
        except parsing.Unparsed:
            pass

    return read


READERS = {
    "answers.grade": lambda text: grading.grade(text, "7"),
    "answers.grade, as gold": lambda text: grading.grade("The answer is 7", text),
    "answers.grade, announced": lambda text: grading.grade(f"The answer is {text}", "7"),
    "answers.grade, boxed": lambda text: grading.grade(f"\\boxed{{{text}}}", "7"),
    "answers.equivalent": lambda text: grading.equivalent(text, f"{text} "),
    "answers.normalise": grading.normalise,
    "steps.read": solution_steps.read,
    "steps.numbers": solution_steps.numbers,
    "replies.question": _parsed(parsing.parse_question),
    "replies.final_question": _parsed(parsing.parse_final_question),
    "replies.solution": _parsed(parsing.parse_solution),
    "replies.check_question": _parsed(
        lambda text: parsing.check_question(text, "Tom has 3 apples and buys 4. How many has he?")
    ),
    "replies.check_variant": _parsed(
        lambda text: parsing.check_variant("distract", text, "Tom has 3 apples.", 1)
    ),
    "verdicts.graph": verification.graph,
    "errors.diagnose": _diagnose,
    "errors.graph": error_graphs.graph,
    "words.bare": ngrams.bare,
    "words.scan": lambda text: list(ngrams.scan(ngrams.column([text]))),
    "dedup.exact": lambda text: near_duplicates.exact([text, text]),
    "masking.mask": lambda text: masking.mask(text, random.Random(0)),
    "problem.read": lambda text: _parsed_problem(text),
}


def _parsed_problem(text):
    try:
        problem.read(text)
    except ValueError:
        pass


@pytest.fixture(autouse=True)
def no_garbage_collection():
    """It looks at all objects again and again, and so adds to the ratio of a reader that makes
    many.
    """
    gc.disable()
    yield
    gc.enable()


def seconds(read, text):
    started = time.process_time()
    try:
        read(text)
    except (ValueError, IndexError):  # masking a text without a number
        pass
    return time.process_time() - started


def worst_ratio(read, piece):
    """The largest ratio of two doublings in a row that take longer than noise.

    A second look tells a busy machine from a slow reader.
    """
    before, size, worst = 0.0, SHORTEST, 0.0
    while size <= LONGEST:
        text = (piece * (size // len(piece) + 1))[:size]
        spent = seconds(read, text)
        if before > NOISE_S and spent > MOST * before:
            half = text[: size // 2]
            before = min(seconds(read, half) for _ in range(3))
            spent = min(seconds(read, text + " " * (n + 1)) for n in range(2))
            worst = max(worst, spent / before)
            if worst > MOST:
                return worst
        before, size = spent, 2 * size
    return worst


@pytest.mark.parametrize("name", READERS)
def test_time_grows_with_the_length_of_what_a_model_wrote(name):
    slow = {
        piece: round(ratio, 1)
        for piece in PIECES
        if (ratio := worst_ratio(READERS[name], piece)) > MOST
    }
    assert not slow
