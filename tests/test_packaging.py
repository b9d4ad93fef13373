"""make, pip and conda install the same project with the same pins, and the README's commands exist."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from skymath_nb import __main__ as command_line
from skymath_nb import suite

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LINES = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
PINS = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("line", PROJECT["dependencies"] + [line for extra in EXTRAS.values() for line in extra])
def test_every_dependency_has_a_pin_in_its_range(line):
    wanted = Requirement(line)
    assert wanted.specifier.contains(PINS[canonicalize_name(wanted.name)])


def test_pins_are_exact_sorted_unique_and_free_of_local_tags():
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in LINES)
    assert LINES == sorted(LINES, key=str.upper) and len(PINS) == len(LINES)


def test_no_package_that_breaks_a_cpu_machine_is_pinned_or_asked_for():
    asked = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"] + EXTRAS["dev"]}
    assert not {"torchvision", "triton", "xformers", "bitsandbytes"} & (set(PINS) | asked)


def test_conda_installs_the_same_project_with_the_same_pins():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    environment = yaml.safe_load(text)
    *conda, pip = environment["dependencies"]
    assert environment["name"] == PROJECT["name"] and "pip" in conda
    python = next(line for line in conda if line.startswith("python="))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python.split("=")[1])
    assert pip == {"pip": ["-c constraints.txt", "-e .[dev]"]}
    marked = re.search(r"^( *)#(- -e \.\[(\w+)\])", text, re.MULTILINE)
    with_unsloth = yaml.safe_load(text.replace(marked[0], marked[1] + marked[2]))
    assert with_unsloth["dependencies"][-1]["pip"][-1] == "-e .[unsloth]" and marked[3] in EXTRAS
    assert "-c constraints.txt -e '.[dev]'" in MAKEFILE


def test_the_makefile_has_its_targets_and_each_says_what_it_does():
    assert set(TARGETS) == {"help", "run", "test", "long", "browser", "lab", "unsloth", "lint", "clean"}
    assert set(re.search(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)[1].split()) == set(TARGETS)


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_alone_prints_the_targets_and_keeps_jupyters_paths_out(tmp_path):
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make (\w+) ", printed, re.MULTILINE) == TARGETS
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
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", code, re.MULTILINE)) <= set(TARGETS)


def test_exit_codes_are_the_same_in_the_readme_and_in_the_command_line():
    def told(text):
        return re.findall(r"(\d+) ([a-z ]+)", " ".join(text.split("Exit codes:")[1].split("\n\n")[0].split('"""')[0].split()).split(".")[0])

    readme, docstring = (ROOT / "README.md").read_text(encoding="utf-8"), command_line.__doc__
    codes = {int(number) for number, _ in told(docstring)}
    assert told(readme) == told(docstring) and codes == {0, 1, 2, 3, 4, 5, 130, 143}
    assert {suite.DONE, suite.FAILED, suite.BUDGET} <= codes


def test_reading_a_notebook_builds_no_grammar_of_addresses():
    code = "import skymath_nb, nbformat, sys; nbformat.validate(nbformat.v4.new_notebook()); print(sys.modules['rfc3987_syntax'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "None\n"


def test_the_front_page_leads_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    places = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert len(places) > 5 and not [place for place in places if not (ROOT / place).exists()]
    assert not re.findall(r"\bRUN\d\d\b|\bTODO\b", text), "no placeholder is left"
