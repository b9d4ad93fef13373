"""The cells of the exercises: made from their solutions, one Markdown file a notebook.

In a solution a line that ends in `# predict: hint` is the prediction, `# answer: hint` the answer;
blank, both are `name = None  # hint`. A line that ends in `# on the way` is left out of the blank
                              cell.
"""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).parent / "solutions"
TAG = "exercise"  # of a cell that is made here; it never counts for what is stale
INTRODUCTION = """## Exercises

Predict first: set `predicted`, then the answer, and run the cell; it says what is wrong. Nothing
here reaches a file of the run.
`python -m skymath_nb open params/smoke.yaml --solved` writes copies with the solutions."""
CODE = re.compile(r"^```python\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
BLANK = re.compile(r"^(\s*)(\w+) = .*?  # (?:predict|answer): (.*)$")
SOLVED = re.compile(r"  # (?:(?:predict|answer): (.*)|on the way)$")


def solutions(name: str) -> list[tuple[str, str]]:
    """The exercises of a notebook as (text, solved code) in order; none where it has no file."""
    path = FOLDER / f"{name}.md"
    if not path.is_file():
        return []
    parts = CODE.split(path.read_text(encoding="utf-8"))
    pairs = zip(parts[0::2], parts[1::2], strict=False)
    return [(text.strip(), code.rstrip()) for text, code in pairs]


def place(notebook: NotebookNode, name: str, solved: bool = False) -> NotebookNode:
    """The notebook with its exercises, blank or solved, before its last cell."""
    cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    found = solutions(name)
    made = [_cell("markdown", INTRODUCTION)] if found else []
    for text, code in found:
        made += [_cell("markdown", text), _cell("code", _solved(code) if solved else _blank(code))]
    notebook.cells = [*cells[:-1], *made, *cells[-1:]]
    return notebook


def _cell(kind: str, source: str) -> NotebookNode:
    make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
    return make(source, metadata={"tags": [TAG]})


def _blank(code: str) -> str:
    kept = [line for line in code.splitlines() if not line.endswith("# on the way")]
    return "\n".join(BLANK.sub(r"\1\2 = None  # \3", line) for line in kept).lstrip("\n")


def _solved(code: str) -> str:
    def hint(mark):
        return f"  # {mark[1]}" if mark[1] else ""

    return "\n".join(SOLVED.sub(hint, line) for line in code.splitlines())
