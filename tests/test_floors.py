"""The architecture: an import only goes down. This table is the document; the test walks the imports."""

import ast
from pathlib import Path

import pytest

import skymath_nb

FLOORS = {  # from the top
    "faces": (
        *("figures", "explore", "kernel", "kernelspecs", "lab", "desk", "plans", "hub", "forecast", "pages", "scorecards", "decisions"),
        *("suite", "sweeps", "folders", "comparison", "bundles", "trust", "machine", "notebooks", "exercises", "__main__"),
    ),
    "experiments": ("ablations", "arms", "answering", "contrasts", "studies"),
    "methods": ("augment", "coreset", "dedup", "leakage", "curriculum", "errors", "evaluate", "precision", "responses", "scaling"),
    "engines": ("teacher", "embed", "sft", "generate", "pretrain"),
    "sources": ("seeds", "world", "prompts"),
    "facts": (
        *("schema", "answers", "bases", "data", "devices", "evaluation_records", "finish_reasons", "guard", "ledger"),
        *("paper", "response_columns", "results", "runs", "second_opinion", "statistics", "words"),
    ),
}
OWN_FLOOR = {("teacher", "world"), ("seeds", "world")}  # allowed beside going down
SIDEWAYS = {"faces", "experiments", "facts", "sources"}  # floors whose modules may use each other; engines and methods may not
HEAVY = {
    "torch",
    "transformers",
    "trl",
    "openai",
    "sklearn",
    "datasets",
    "unsloth",
    "sentence_transformers",
    "math_verify",
    "papermill",
}
PACKAGE = Path(skymath_nb.__file__).parent
FLOOR_OF = {module: i for i, modules in enumerate(FLOORS.values()) for module in modules}
NAMES = list(FLOORS)


def sources():
    return sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py" or p.parent != PACKAGE)


def module_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """Modules of the package that a file imports, at any depth."""
    inside = path.parent != PACKAGE
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            if node.level == 1 and inside:
                continue  # its own package
            base = (node.module or "").removeprefix("skymath_nb").strip(".")
            if node.level == 0 and not (node.module or "").startswith("skymath_nb"):
                continue
            yield from [base.split(".")[0]] if base else [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("skymath_nb."))


def test_every_module_has_a_floor_and_every_floor_its_modules():
    assert {module_of(p) for p in sources()} == set(FLOOR_OF)


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_only_go_down(path):
    module = module_of(path)
    for other in imported(path):
        assert other in FLOOR_OF, f"{module} imports {other}, which has no floor"
        down = FLOOR_OF[other] > FLOOR_OF[module]
        side = FLOOR_OF[other] == FLOOR_OF[module] and (other == module or NAMES[FLOOR_OF[module]] in SIDEWAYS)
        assert down or side, f"{module} ({NAMES[FLOOR_OF[module]]}) may not import {other} ({NAMES[FLOOR_OF[other]]})"
        if NAMES[FLOOR_OF[module]] == "methods":
            assert NAMES[FLOOR_OF[other]] != "engines", f"{module} is a method and gets engines as arguments, not by import"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_inside_functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        found = {name.split(".")[0] for name in names} & HEAVY
        if found and module_of(path) not in ("kernel", "plans", "pages"):
            pytest.fail(f"{path.name} imports {', '.join(found)} at the top; import it in the function that needs it")


def test_model_text_is_never_evaluated():
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), f"{path.name} line {node.lineno}"
