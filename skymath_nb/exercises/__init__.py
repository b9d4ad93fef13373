"""Exercises of the notebooks: made from solutions, each with a check that says what is wrong, each asking for a prediction first.

One Markdown file a notebook holds the exercises with their solutions. `place` puts their cells into a notebook: blank, or solved. In a
solution a line that ends in `# predict: hint` is the prediction, `# answer: hint` the answer (blank, both are `name = None  # hint`), and a
line that ends in `# on the way` is left out of the blank cell.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from .checks import (
    chance,
    contests,
    cost,
    doubling,
    duplicates,
    guessing,
    paired,
    radius,
    reproduced,
    standard_error,
    steps,
)
from .verdict import Verdict, break_it, judge, scratch, share_right

if TYPE_CHECKING:
    import nbformat

__all__ = [
    "Verdict",
    "break_it",
    "chance",
    "contests",
    "cost",
    "doubling",
    "duplicates",
    "guessing",
    "judge",
    "paired",
    "place",
    "radius",
    "reproduced",
    "scratch",
    "share_right",
    "solutions",
    "standard_error",
    "steps",
]
FOLDER = Path(__file__).parent
TAG = "exercise"  # of a cell that is made here; it comes after the step is complete and never counts for what is stale
INTRODUCTION = """## Exercises

Predict first: set `predicted`, then the answer, and run the cell; it says what is wrong. Nothing here reaches a file of the run.
`python -m skymath_nb open params/smoke.yaml --solved` writes copies with the solutions."""
BLANK = re.compile(r"^(\s*)(\w+) = .*?  # (?:predict|answer): (.*)$")
SOLVED = re.compile(r"  # (?:(?:predict|answer): (.*)|on the way)$")


def solutions(name: str) -> list[tuple[str, str]]:
    """The exercises of a notebook as (text, solved code) in order; none where it has no file."""
    path = FOLDER / f"{name}.md"
    if not path.is_file():
        return []
    parts = re.split(r"^```python\n(.*?)^```\n", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [(text.strip(), code.rstrip()) for text, code in zip(parts[0::2], parts[1::2], strict=False)]


def place(notebook: "nbformat.NotebookNode", name: str, solved: bool = False) -> "nbformat.NotebookNode":
    """The notebook with its exercises before its last cell, in place of those that it had; blank, or `solved`."""
    cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    found = solutions(name)
    made = [_cell("markdown", INTRODUCTION)] if found else []
    for text, code in found:
        made += [_cell("markdown", text), _cell("code", _solved(code) if solved else _blank(code))]
    notebook.cells = [*cells[:-1], *made, *cells[-1:]]
    return notebook


def _cell(kind: str, source: str) -> "nbformat.NotebookNode":
    import nbformat  # here: a kernel that only checks exercises need not load a JSON Schema validator

    make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
    return make(source, metadata={"tags": [TAG]})


def _blank(code: str) -> str:
    lines = (BLANK.sub(r"\1\2 = None  # \3", line) for line in code.splitlines() if not line.endswith("# on the way"))
    return "\n".join(lines).lstrip("\n")


def _solved(code: str) -> str:
    return "\n".join(SOLVED.sub(lambda mark: f"  # {mark[1]}" if mark[1] else "", line) for line in code.splitlines())
