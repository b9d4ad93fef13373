"""Backward questions: one number of a problem masked as x, the answer given away, the number asked for.

Source: FOBAR and self-verification as MetaMath uses them (arXiv 2309.12284, section 3). `mask` and `ask_backward` work on any text.
"""

import re

from .families import KNOWN
from .problem import Problem, Unreadable, Unsolvable, number, read

# Plain numbers of up to three digits; not inside words, LaTeX commands, decimals or percentages.
PLAIN = re.compile(r"(?<![A-Za-z0-9_.,\\])\d{1,3}(?![A-Za-z0-9_%]|[.,]\d)")


def mask(text: str, rng) -> tuple[str, str]:
    """One number of a text replaced by x: ("... x pens ...", "5"). Raises ValueError where there is none to mask."""
    spots = list(PLAIN.finditer(text))
    if not spots:
        raise ValueError(f"no plain number to mask in {text[:80]!r}")
    spot = rng.choice(spots)
    return text[: spot.start()] + "x" + text[spot.end() :], spot[0]


def ask_backward(masked: str, answer: str, language: str) -> str:
    """The FOBAR question: a masked problem, its answer, and the unknown asked for."""
    return masked + (" " if language == "en" else "") + KNOWN[language].replace("{r}", answer).replace("{x}", "x")


def backward(problem: Problem, rng, tries: int = 10) -> Problem | None:
    """The FOBAR form of a problem of the world, or None where no tried number can be recovered from the answer."""
    for _ in range(tries):
        try:
            return read(ask_backward(mask(problem.text, rng)[0], number(problem.answer), problem.language))
        except (Unreadable, Unsolvable):
            continue
    return None
