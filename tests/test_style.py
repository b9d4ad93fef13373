"""How the code is written: laid out and checked by ruff, in functions that fit on a screen."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skymath_nb

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(skymath_nb.__file__).parent
LONGEST, MOST_PARAMETERS = 60, 8
SKIPPED = re.compile(r"#\s*fmt:\s*(?:skip|off)")


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_finds_nothing(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_layout_is_set_aside_in_few_places():
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in files if path != Path(__file__)]
    assert sum(len(SKIPPED.findall(text)) for text in texts) <= 10


def functions():
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path.relative_to(PACKAGE), text.splitlines(), node


def test_no_function_is_longer_than_a_screen():
    for path, _, node in functions():
        words = ast.get_docstring(node) or ""
        lines = node.end_lineno - node.lineno + 1 - len(words.splitlines())
        assert lines <= LONGEST + 2, f"{path}: {node.name} has {lines} lines"


def test_more_than_eight_parameters_are_justified_in_the_line_above():
    for path, lines, node in functions():
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        taken = len([name for name in names if name not in ("self", "cls")])
        above = lines[node.lineno - 2].strip()
        justified = above.startswith("# Over eight parameters:")
        assert taken <= MOST_PARAMETERS or justified, f"{path}: {node.name} takes {taken}"
