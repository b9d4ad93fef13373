"""The architecture.

Folders are the chapters of the method, and an import only goes down their order.
"""

import ast
from pathlib import Path

import pytest

import skymath_nb

FOLDERS = (  # from the bottom: a folder imports from those before it
    *("core", "grading", "world", "prompts", "data", "selection", "inference", "augmentation"),
    *("training", "evaluation", "experiments", "notebook", "runner", "commands"),
)
ALONE = {"core", "prompts"}  # import nothing of ours
HEAVY = {
    *("torch", "transformers", "trl", "openai", "sklearn", "datasets", "unsloth"),
    *("sentence_transformers", "math_verify", "inspect_ai", "papermill"),
}
LIGHT = {"kernel", "params", "report"}  # modules of the runner that may import papermill at the top
PACKAGE = Path(skymath_nb.__file__).parent


def sources():
    return sorted(PACKAGE.rglob("*.py"))


def module(path):
    """The dotted name of a file inside the package, as parts."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(path):
    """Modules that a file imports at any depth, as parts inside the package."""
    here = module(path) if path.name == "__init__.py" else module(path)[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (
                a.name.split(".")[1:] for a in node.names if a.name.startswith("skymath_nb.")
            )
        if isinstance(node, ast.ImportFrom):
            name = (node.module or "").split(".") if node.module else []
            if node.level:
                name = [*here[: len(here) - node.level + 1], *name]
            elif name[0] != "skymath_nb":
                continue
            else:
                name = name[1:]
            yield from ([*name, alias.name] for alias in node.names)


def test_every_folder_has_its_place_and_only_the_command_line_stands_beside_them():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(FOLDERS) and len(FOLDERS) <= 15
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_tests_lie_in_folders_of_the_same_names():
    tests = Path(__file__).parent
    assert {path.parent.name for path in tests.glob("*/test_*.py")} - {"browser", "gpu"} == set(
        FOLDERS
    )


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_only_go_down(path):
    place = module(path)
    if not place or place == ("__main__",):
        return
    for other in imported(path):
        folder = other[0]
        assert folder in FOLDERS, f"{'.'.join(place)} imports {'.'.join(other)}, of no folder"
        below = FOLDERS.index(folder) <= FOLDERS.index(place[0])
        assert below, f"{'.'.join(place)} may not import {'.'.join(other)}, which stands above it"
        assert folder == place[0] or place[0] not in ALONE, f"{place[0]} imports nothing of ours"


def test_no_modules_import_each_other_in_a_circle():
    files = {module(path): path for path in sources() if module(path)}
    needs = {
        name: {
            tuple(o[:n])
            for o in imported(path)
            for n in (len(o), len(o) - 1)
            if tuple(o[:n]) in files
        }
        for name, path in files.items()
        if path.name != "__init__.py"
    }
    done, open_ = set(), []

    def visit(name):
        assert name not in open_, " -> ".join(".".join(each) for each in [*open_, name])
        if name in done or name not in needs:
            return
        open_.append(name)
        for other in sorted(needs[name] - {name}):
            visit(other)
        done.add(open_.pop())

    for name in needs:
        visit(name)


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_inside_functions(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        heavy = {name.split(".")[0] for name in names} & HEAVY
        if heavy and path.stem not in LIGHT:
            pytest.fail(
                f"{path.name} imports {', '.join(heavy)} at the top; import it in the function "
                "that needs it"
            )


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_says_which_question_it_answers(folder):
    words = ast.get_docstring(
        ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
    )
    assert words and len(words.split()) > 8


def test_model_text_is_never_evaluated():
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), f"{path.name} line {node.lineno}"
