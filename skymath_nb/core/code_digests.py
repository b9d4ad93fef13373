"""Digests of the code that decides a step's result.

Only the syntax counts, so that a comment never causes a rerun. What shows or runs a step does not
count.
"""

import ast
import json
import os
from functools import lru_cache
from pathlib import Path

from . import digests, paths

# Tags of cells that are no code of a step: its values, what comes after it is complete, and looks
# at the machine that reach no output.
UNCOUNTED = {"parameters", "exercise", "look"}
PRESENTATION = {"notebook", "runner", "commands"}  # folders that show and run, and decide no result
SHOWING = {"display", "print", "figures", "browse", "prompt_lab", "step.figure"}


@lru_cache(maxsize=1024)
def _syntax(source: str) -> tuple[str, ast.AST]:
    """Digest of what the code does (no comments, layout or docstrings), and its tree."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # not ours to report: running it will; until then its text stands for it
        return digests.of_json(source), ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    return digests.of_json(_shape(tree)), tree


def _shape(node):
    """A tree as lists of names and values, the same on every Python.

    Ast.dump prints what a version adds, even where it is empty.
    """
    if isinstance(node, list):
        return [_shape(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        (name, value) for name, value in ast.iter_fields(node) if value is not None and value != []
    ]
    if isinstance(node, ast.JoinedStr):  # 3.12 ends a nested format with an empty text
        fields = [("values", [part for part in node.values if getattr(part, "value", None) != ""])]
    return [type(node).__name__, *([name, _shape(value)] for name, value in fields)]


@lru_cache(maxsize=1024)
def _imports(source: str, *parent: str) -> frozenset[str]:
    """Dotted names that a module may import.

    `parent` is the package its relative imports start from.
    """
    names = set()
    for node in ast.walk(_syntax(source)[1]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = parent[: len(parent) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def notebook_of(name: str) -> Path:
    """The notebook that a kernel works for.

    The one that JupyterLab opened, if it is the step's or a copy of it, else the suite's.
    """
    # set by Jupyter servers for the kernels they start
    opened = Path(os.environ.get("JPY_SESSION_NAME", ""))
    if opened.suffix == ".ipynb" and opened.stem.partition("@")[0] == name and opened.is_file():
        return opened
    return paths.notebooks_folder() / f"{name}.ipynb"


def code_cells(path: Path) -> list[tuple[str, str]]:
    """The code of a notebook that counts for its step, as (id, source) cell by cell.

    The parameters cell is left out: parameters count by value. So are exercises, which come after
    the step is complete, and cells that only look or only show.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"Step {path.stem!r} needs the notebook {path}, which does not exist. Steps are "
            "notebooks."
        )
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = (
        c
        for c in cells
        if c["cell_type"] == "code" and not UNCOUNTED & set(c["metadata"].get("tags", []))
    )
    texts = [(c.get("id", ""), "".join(c["source"])) for c in code]
    return [(id, text) for id, text in texts if not only_shows(text)]


def only_shows(source: str) -> bool:
    """Whether a cell does nothing but show: all its statements are calls of what displays.

    A figure of a step is shown, too: it is drawn from the step's tables and decides none of them.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # a magic
        return False
    calls = [node.value for node in statements if isinstance(node, ast.Expr)]
    named = [
        call for call in calls if isinstance(call, ast.Call) and _shows(ast.unparse(call.func))
    ]
    return bool(statements) and len(named) == len(statements)


def _shows(function: str) -> bool:
    return function in SHOWING or function.partition(".")[0] in SHOWING


def of_notebook(name: str, notebooks: Path | None = None, package: Path = paths.PACKAGE) -> dict:
    """Digests of a notebook's code and of every package module that it reaches through imports.

    Markdown and YAML files beside the modules of a reached package count as its code.
    What only shows or runs a step (PRESENTATION) does not count, and nothing that only it reaches.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    path = notebooks / f"{name}.ipynb" if notebooks else notebook_of(name)
    # magics become calls
    cells = [TransformerManager().transform_cell(source) for _, source in code_cells(path)]
    reached = set().union(*map(_imports, cells))
    return {
        "notebook": digests.of_json([_syntax(cell)[0] for cell in cells]),
        "modules": of_modules(reached, package),
    }


def of_modules(names: set[str], package: Path = paths.PACKAGE) -> dict[str, str]:
    """Digests of these modules of the package (dotted names) and of all that they reach through
    imports.
    """
    todo, modules = set(names), {}
    while todo:
        parts = todo.pop().split(".")
        if parts[0] != package.name or PRESENTATION & set(parts[1:2]):
            continue
        for depth in range(1, len(parts) + 1):  # importing a.b.c also runs a and a.b
            module, place = ".".join(parts[:depth]), package.parent.joinpath(*parts[:depth])
            sources = (place / "__init__.py", place.with_name(f"{place.name}.py"))
            source = next(filter(Path.is_file, sources), None)
            if source is None or module in modules:
                continue
            text = source.read_text(encoding="utf-8")
            modules[module] = _syntax(text)[0]
            is_package = source.name == "__init__.py"
            if is_package:
                pages = [page for page in place.iterdir() if page.suffix in (".md", ".yaml")]
                modules |= {f"{module}/{page.name}": digests.of_file(page) for page in pages}
            todo |= _imports(text, *(parts[:depth] if is_package else parts[: depth - 1]))
    return dict(sorted(modules.items()))
