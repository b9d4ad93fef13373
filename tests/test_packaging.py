"""make, pip and conda install the same project with the same two sets of pins, and the README's
commands exist.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from skymath_nb import __main__ as command_line
from skymath_nb.runner import suite

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEWEST, UNSLOTH = "constraints.txt", "constraints-unsloth.txt"
LINES = {
    name: [
        line
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    for name in (NEWEST, UNSLOTH)
}
PINS = {
    name: {
        canonicalize_name(package): version
        for package, _, version in (line.partition("==") for line in lines)
    }
    for name, lines in LINES.items()
}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("pins", PINS)
@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_every_dependency_has_a_pin_in_its_range(extra, pins):
    if extra == "unsloth" and pins == NEWEST:
        assert not {"unsloth", "unsloth-zoo"} & set(PINS[pins]), (
            "Unsloth does not accept these versions"
        )
        return
    for line in EXTRAS.get(extra, PROJECT["dependencies"]):
        wanted = Requirement(line)
        assert wanted.specifier.contains(PINS[pins][canonicalize_name(wanted.name)]), line


@pytest.mark.parametrize("pins", PINS)
def test_pins_are_exact_sorted_unique_and_free_of_local_tags(pins):
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in LINES[pins])
    assert list(PINS[pins]) == sorted(PINS[pins]) and len(PINS[pins]) == len(LINES[pins])


@pytest.mark.parametrize("pins", PINS)
def test_no_package_that_breaks_a_cpu_machine_is_pinned_or_asked_for(pins):
    asked = {
        canonicalize_name(Requirement(line).name)
        for line in PROJECT["dependencies"] + EXTRAS["dev"]
    }
    assert not {"torchvision", "triton", "xformers", "bitsandbytes"} & (set(PINS[pins]) | asked)


def test_both_sets_hold_the_same_torch_and_the_newest_is_nowhere_older():
    newest, unsloth = PINS[NEWEST], PINS[UNSLOTH]
    older = {
        name
        for name in newest.keys() & unsloth.keys()
        if Version(newest[name]) < Version(unsloth[name])
    }
    assert newest["torch"] == unsloth["torch"] and not older


def test_every_package_that_is_imported_is_asked_for():
    """A package that only another one brings can vanish with that one's next version."""
    top = packages_distributions()
    asked = {
        canonicalize_name(Requirement(line).name)
        for line in PROJECT["dependencies"] + sum(EXTRAS.values(), [])
    }
    brought = {
        "aiohttp": "openai",
        "httpx2": "openai",
        "ipython": "ipykernel",
        "mpmath": "sympy",
        "nbclient": "papermill",
        "nbformat": "papermill",
    }
    brought |= {"inspect-ai": "math-verify"}  # a second opinion, used only where it is installed
    brought |= {"packaging": "transformers", "tokenizers": "transformers", "traitlets": "ipykernel"}
    for path in (ROOT / "skymath_nb").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in (
                {name.split(".")[0] for name in names}
                - set(sys.stdlib_module_names)
                - {"skymath_nb"}
            ):
                package = canonicalize_name(top.get(name, [name])[0])
                assert brought.get(package, package) in asked, f"{path.name} imports {name}"


def test_conda_installs_the_same_project_with_the_same_pins():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    environment = yaml.safe_load(text)
    *conda, pip = environment["dependencies"]
    assert environment["name"] == PROJECT["name"] and "pip" in conda
    python = next(line for line in conda if line.startswith("python="))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(
        python.split("=")[1]
    )
    assert pip == {"pip": ["-c constraints.txt", "-e .[dev]"]}
    kept = [line for line in text.splitlines() if not line.startswith(("      - -c", "      - -e"))]
    with_unsloth = yaml.safe_load("\n".join(kept).replace("#- -", "- -"))["dependencies"][-1]
    assert with_unsloth == {"pip": [f"-c {UNSLOTH}", "-e .[dev,unsloth]"]}, "as the comment says"
    assert "-c constraints.txt -e '.[dev]'" in MAKEFILE


def test_the_makefile_has_its_targets_and_each_says_what_it_does():
    assert set(TARGETS) == {
        "help",
        "run",
        "test",
        "long",
        "browser",
        "lab",
        "unsloth",
        "test-unsloth",
        "lint",
        "clean",
    }
    assert set(re.search(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)[1].split()) == set(TARGETS)


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_alone_prints_the_targets_and_keeps_jupyters_paths_out(tmp_path):
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make ([\w-]+) ", printed, re.MULTILINE) == TARGETS
    probe = tmp_path / "Makefile"
    probe.write_text(f"include {ROOT / 'Makefile'}\nprobe:\n\t@env\n", encoding="utf-8")
    shown = subprocess.run(
        ["make", "-f", probe, "probe"],
        env={"PATH": "/usr/bin:/bin", "JUPYTER_PATH": "/x", "JUPYTER_PREFER_ENV_PATH": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "PATH=" in shown and "JUPYTER" not in shown


def test_every_make_command_of_the_readme_is_a_target():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", readme, re.DOTALL))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", code, re.MULTILINE)) <= set(TARGETS)


def test_exit_codes_are_the_same_in_the_readme_and_in_the_command_line():
    def told(text):
        return re.findall(
            r"(\d+) ([a-z ]+)",
            " ".join(text.split("Exit codes:")[1].split("\n\n")[0].split('"""')[0].split()).split(
                "."
            )[0],
        )

    readme, docstring = (ROOT / "README.md").read_text(encoding="utf-8"), command_line.__doc__
    codes = {int(number) for number, _ in told(docstring)}
    assert told(readme) == told(docstring) and codes == {0, 1, 2, 3, 4, 5, 6, 130, 143}
    assert {suite.DONE, suite.FAILED, suite.BUDGET} <= codes


def loaded(code):
    """The modules that a fresh process has after this code."""
    command = [
        sys.executable,
        "-c",
        (
            f"import sys\n{code}\n"
            "print('loaded', *(name for name in sys.modules if sys.modules[name]))"
        ),
    ]
    lines = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return set(lines[-1].split()[1:])


def test_importing_the_package_does_nothing():
    added = loaded("import skymath_nb") - loaded("")
    assert {name for name in added if not name.startswith("__editable__")} == {"skymath_nb"}
    assert "rfc3987_syntax" in loaded("import skymath_nb, jsonschema"), (
        "no other package is kept from loading what it wants"
    )


def test_what_reads_no_notebook_waits_for_no_json_schema():
    """jsonschema builds a grammar of international addresses when it is loaded.

    About a second of a processor.
    """
    notebooks = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in (ROOT / "notebooks").glob("*.ipynb")
    ]
    cells = [
        "".join(cell["source"])
        for notebook in notebooks
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]
    nodes = ast.parse(
        "\n".join(re.sub("^%.*", "", cell, flags=re.MULTILINE) for cell in cells)
    ).body
    imports = {ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)}
    assert len(imports) > 10 and "jsonschema" not in loaded("\n".join(sorted(imports))), "a kernel"
    assert "jsonschema" not in loaded(
        "from skymath_nb import __main__\n__main__.main(['status', 'params/smoke.yaml'])"
    )


def test_the_front_page_leads_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    places = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert len(places) > 5 and not [place for place in places if not (ROOT / place).exists()]
    assert not re.findall(r"\bRUN\d\d\b|\bTODO\b", text), "no placeholder is left"
