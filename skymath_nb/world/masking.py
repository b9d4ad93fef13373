"""Backward questions.

One number of a problem masked as x, the answer given away, the number asked for.

Source: FOBAR and self-verification as MetaMath uses them (arXiv 2309.12284, section 3). `mask` and
`ask_backward` work on any text.
"""

import re

from .families import KNOWN
from .problem import Problem, Unreadable, Unsolvable, number, read

# Plain numbers of up to three digits; not inside words, LaTeX commands, decimals or percentages.
SPOT = re.compile(  # a plain number, or a drawing, whose numbers are coordinates
    r"\[asy\].*?(?:\[/asy\]|$)|(?P<number>(?<![A-Za-z0-9_.,\\])\d{1,3}(?![A-Za-z0-9_%]|[.,]\d))",
    re.S,
)

UNKNOWNS = ("x", "X", "N", "K", "u")
# letters that stand for something, xy among them
ALONE = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{1,2}(?![A-Za-z])")
INDEX = ("_", "_{")


def mask(text: str, rng) -> tuple[str, str, str]:
    """One number of a text replaced by an unknown: ("... x pens ...", "5", "x").

    The unknown is the first of UNKNOWNS that the text does not use itself. Raises ValueError where
    there is no number to mask.
    """
    spots = [
        spot
        for spot in SPOT.finditer(text)
        if spot["number"] and not text.endswith(INDEX, 0, spot.start())
    ]
    if not spots:
        raise ValueError(f"no plain number to mask in {text[:80]!r}")
    spot, used = rng.choice(spots), "".join(ALONE.findall(text))
    unknown = next((letter for letter in UNKNOWNS if letter not in used), UNKNOWNS[-1])
    return text[: spot.start()] + unknown + text[spot.end() :], spot[0], unknown


def ask_backward(masked: str, answer: str, language: str, unknown: str = "x") -> str:
    """The FOBAR question: a masked problem, its answer, and the unknown asked for."""
    return (
        masked
        + (" " if language == "en" else "")
        + KNOWN[language].replace("{x}", unknown).replace("{r}", answer)
    )


def backward(problem: Problem, rng, tries: int = 10) -> Problem | None:
    """The FOBAR form of a problem of the world, or None where no tried number can be recovered from
    the answer.
    """
    for _ in range(tries):
        try:
            return read(
                ask_backward(mask(problem.text, rng)[0], number(problem.answer), problem.language)
            )
        except (Unreadable, Unsolvable):
            continue
    return None
