"""What is said of a prediction and an answer."""

import atexit
import html
import math
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

LOOK = {"open": "◦", "predicted": "◐", "wrong": "✗", "right": "✓", "seen": "✓"}  # by state, told apart without colour


class Verdict(NamedTuple):
    """state  open: no prediction yet; predicted: no answer yet; wrong; right; seen: a prediction beside what came out."""

    state: str
    text: str

    def __repr__(self) -> str:
        return f"{LOOK[self.state]} {self.text}"

    def _repr_html_(self) -> str:
        return f"<p style='border-left:4px solid;padding-left:.8em'>{html.escape(repr(self))}</p>"


def judge(predicted, answer, truth: float, unit: str, within: float, mistakes: Mapping[str, float], hint: str) -> Verdict:
    """What to say of an answer.

    unit      of all numbers, as "per cent";  within  how far the answer may lie from the truth
    mistakes  what one may have done instead -> the number that comes of it;  hint  where to look if it is none of these
    The truth is told only with the right answer.
    """
    if (verdict := _unpredicted(predicted)) or (verdict := _unanswered(predicted, answer, unit)):
        return verdict
    if abs(answer - truth) <= within:
        return Verdict("right", f"Right: {truth:,.4g} {unit}. You predicted {predicted:,.4g}, {_off(predicted, truth, within)}.")
    for why, value in mistakes.items():
        if math.isfinite(value) and abs(answer - value) <= within:
            return Verdict("wrong", f"Not yet: {answer:,.4g} {unit} is what you get if {why}.")
    side = "much " if abs(answer - truth) > abs(truth) else ""
    return Verdict("wrong", f"Not yet: {answer:,.4g} {unit} is {side}too {'large' if answer > truth else 'small'}. {hint}")


def break_it(predicted, run: Callable[[], float], unit: str, lesson: str) -> Verdict:
    """Run what is broken on purpose, once there is a prediction, and say what came out and what follows."""
    if verdict := _unpredicted(predicted):
        return verdict
    value = float(run())
    if not math.isfinite(value):
        return Verdict("wrong", f"There is nothing to measure here: what ran came to {value}. Are the rows there that it needs?")
    return Verdict(
        "seen", f"It is {value:,.4g} {unit}. You predicted {predicted:,.4g}, {_off(predicted, value, 0.005 * abs(value))}. {lesson}"
    )


def _unpredicted(predicted) -> Verdict | None:
    if predicted is None:
        return Verdict("open", "Predict first: set predicted and run this cell again. A wrong guess costs nothing.")
    if not _is_number(predicted) or not math.isfinite(predicted):
        return Verdict("open", f"predicted is {predicted!r} ({type(predicted).__name__}); a number is asked for.")
    return None


def _unanswered(predicted, answer, unit: str) -> Verdict | None:
    if answer is None or answer is ...:
        return Verdict("predicted", f"Your prediction: {predicted:,.4g} {unit}. Now compute it: set answer and run this cell again.")
    if isinstance(answer, pd.Series | pd.DataFrame | list | tuple | dict | set) or not _is_number(answer):
        return Verdict("wrong", f"Not yet: answer is a {type(answer).__name__}; one number is asked for, in {unit}.")
    if not math.isfinite(answer):
        return Verdict("wrong", f"Not yet: answer is {answer}, which is no number; was something divided by nothing?")
    return None


def _is_number(value) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, str | bool | np.bool_)


def _off(predicted: float, truth: float, within: float) -> str:
    off = predicted - truth
    return "which is it" if abs(off) <= within else f"{abs(off):,.3g} too {'high' if off > 0 else 'low'}"


def scratch() -> Path:
    """A new empty folder outside every run, for what is made only to be looked at; it is removed when the kernel ends."""
    folder = Path(tempfile.mkdtemp(prefix="skymath-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def share_right(model: str | Path, items: pd.DataFrame, max_new_tokens: int = 160) -> float:
    """Per cent of the items that a model answers right, greedily, by the flexible verdict."""
    from skymath_nb import answers, generate, prompts

    said = generate.generate(model, [prompts.student(text) for text in items["problem"]], max_new_tokens=max_new_tokens)
    grades = answers.grade_many([completion.text for completion in said], items["answer"].tolist())
    return 100 * sum(grade.flexible for grade in grades) / len(items)
