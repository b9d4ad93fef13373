"""The recipes in notebooks/recipes, followed from scratch in a copy of the repository, as a reader
would.

What a block is, the text before it says, so that the page reads as a page:

    New file `path`:                              the block is the file
    In `path`, after `anchor`:                    its lines go after the one line that holds the
    anchor (or: before, in place of)
    At the end of `path`:                         its lines go there
    ```bash, ```python                            run as commands, and as a cell of a notebook; they
    must succeed
    It prints: / It ends with code 2 and prints:  each line of the ```text block stands, in this
                                                  order, in what the block above printed; ... stands
                                                  for anything, alone for any lines

Before its first block params/recipes.yaml was run once. Under a heading that ends with "(not run by
the tests)" files are still made and edited, and params files and sweeps are read; commands are left
alone.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from skymath_nb.runner import params, sweeps

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted((ROOT / "notebooks" / "recipes").glob("*.md"))
EDIT = re.compile(
    r"(New file|In|At the end of) `([^`]+)`(?:, (after|before|in place of) `([^`]+)`)?:$"
)
SAID = re.compile(r"It (?:ends with code (\d+) and )?prints:$")
LEFT_ALONE = "(not run by the tests)"
LONGEST, WIDEST = 80, 140


class Block(NamedTuple):
    """A fenced block.

    Its language and text, the paragraph before it, its first line's number, and whether its heading
    says "not run".
    """

    language: str
    text: str
    before: str
    line: int
    alone: bool


def blocks(page: str) -> list[Block]:
    found, paragraph, inside, alone = [], [], None, False
    for number, line in enumerate(page.splitlines(), 1):
        if inside is None and line.startswith("```"):
            inside = (line[3:].strip(), [], " ".join(paragraph), number + 1)
            paragraph = []
        elif inside is not None and line == "```":
            language, lines, before, first = inside
            found.append(Block(language, "\n".join(lines) + "\n", before, first, alone))
            inside = None
        elif inside is not None:
            inside[1].append(line)
        elif line.startswith("#"):
            alone, paragraph = line.endswith(LEFT_ALONE), []
        elif line.strip():
            paragraph.append(line.strip())
        elif (
            paragraph
            and not EDIT.search(" ".join(paragraph))
            and not SAID.search(" ".join(paragraph))
        ):
            paragraph = []
    return found


class Broken(AssertionError):
    """A recipe that no longer fits the code."""


class Follower:
    """Follows one recipe in a copy of the repository.

    Every failure names the recipe and its line.
    """

    def __init__(self, recipe: Path, copy: Path, environment: dict):
        self.recipe, self.copy, self.environment, self.code, self.output, self.asked, self.runs = (
            recipe,
            copy,
            environment,
            0,
            "",
            None,
            [],
        )

    def fail(self, block: Block, what: str):
        raise Broken(f"{self.recipe.name}, line {block.line}: {what}")

    def follow(self):
        for block in blocks(self.recipe.read_text(encoding="utf-8")):
            if edit := EDIT.search(block.before):
                self.edit(block, *edit.groups())
            elif block.language == "text":
                if not block.alone:
                    self.compare(block)
            elif block.language in ("bash", "python"):
                self.name(block)
                if not block.alone:
                    self.settle()
                    self.run(block)
            else:
                self.fail(
                    block,
                    f"nothing before this block of {block.language or 'no language'} says what "
                    "to do with it",
                )
        self.settle()

    def edit(self, block: Block, how: str, name: str, where: str | None, anchor: str | None):
        path = self.copy / name
        if how == "New file":
            if path.exists():
                self.fail(block, f"{name} is to be a new file, but it exists")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            return self.read(block, path)
        if not path.is_file():
            self.fail(block, f"{name} is to be edited, but it does not exist")
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if how == "At the end of":
            lines.append(block.text)
        else:
            places = [i for i, line in enumerate(lines) if anchor in line]
            if len(places) != 1:
                self.fail(block, f"{len(places)} lines of {name} hold {anchor!r}; one is needed")
            first = places[0] + (where == "after")
            lines[first : places[0] + (where != "before")] = [block.text]
        path.write_text("".join(lines), encoding="utf-8")

    def read(self, block: Block, path: Path):
        """Params files and sweeps, also those that are not run, name steps and parameters that
        there are.
        """
        if path.suffix != ".yaml" or path.name.startswith("base_"):
            return
        try:
            loaded = (sweeps if path.parent.name == "sweeps" else params).load(
                path, notebooks=self.copy / "notebooks"
            )
        except (ValueError, OSError) as error:
            self.fail(block, str(error))
        self.runs += (
            [point.plan.run for point in loaded.points]
            if hasattr(loaded, "points")
            else [loaded.run]
        )

    def name(self, block: Block):
        """Runs that a command compares are those that the recipe's own files make, though nothing
        is run here.
        """
        for words in re.findall(r"skymath_nb compare ([^#\n]*)", block.text):
            if unknown := [word for word in words.split() if word not in self.runs]:
                self.fail(
                    block,
                    f"no file of this recipe makes the run {', '.join(unknown)}; they make "
                    f"{', '.join(self.runs)}",
                )

    def run(self, block: Block):
        command = (
            ["bash", "-e", "-c", block.text]
            if block.language == "bash"
            else [sys.executable, "-c", block.text]
        )
        # a notebook's own folder
        folder = self.copy if block.language == "bash" else self.copy / "notebooks"
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.code, self.output, self.asked = done.returncode, done.stdout, block

    def settle(self):
        """What was run and of which no other code was told must have succeeded."""
        if self.code:
            self.fail(self.asked, f"ended with code {self.code}:\n{self.output[-3000:]}")

    def compare(self, block: Block):
        said = SAID.search(block.before)
        if not said or self.asked is None:
            self.fail(block, "a text block needs a command above it and 'It prints:' before it")
        if self.code != int(said[1] or 0):
            self.fail(block, f"the command ended with code {self.code}:\n{self.output[-3000:]}")
        self.code, printed = 0, iter(" ".join(line.split()) for line in self.output.splitlines())
        for number, line in enumerate(block.text.splitlines(), block.line):
            wanted = ".*".join(re.escape(part) for part in " ".join(line.split()).split("..."))
            if line != "..." and not any(re.fullmatch(wanted, one.strip()) for one in printed):
                self.fail(
                    block._replace(line=number),
                    f"{line!r} is not printed there. What is:\n{self.output[-3000:]}",
                )


def environment(copy: Path) -> dict:
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SKYMATH_", "OPENAI_"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", "")])
    quiet = {"HF_HUB_OFFLINE": "1", "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    return own | quiet | {"PYTHONPATH": str(copy), "PATH": path}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A copy of the repository in which params/recipes.yaml was run."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip(
            "the recipes are followed in a copy of what git tracks, and here is no git checkout"
        )
    folder = tmp_path_factory.mktemp("recipes") / "begun"
    listed = [
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    for name in filter(
        None, subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    ):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    command = [sys.executable, "-m", "skymath_nb", "run", "params/recipes.yaml"]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.long
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_can_be_followed_from_scratch(recipe, begun, tmp_path):
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    copy = tmp_path / "copy"
    shutil.copytree(begun, copy, copy_function=shutil.copy2)
    Follower(recipe, copy, environment(copy)).follow()
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{recipe.name}: {now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime:.0f} "
        "CPU-seconds"
    )


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_a_page_long(recipe):
    lines = recipe.read_text(encoding="utf-8").splitlines()
    own = len(lines) - sum(block.text.count("\n") + 2 for block in blocks("\n".join(lines)))
    assert own <= LONGEST and max(map(len, lines)) <= WIDEST, (
        f"{recipe.name}: {own} lines beside its blocks, {max(map(len, lines))} wide"
    )


PAGE = """# A page

In `a.py`, after `one`:

```python
two
```

```bash
cat a.py; exit 2
```

It ends with code 2 and prints:

```text
one
t...o
```
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", ""),
        ("`one`", "`none`", "page.md, line 6: 0 lines of a.py hold 'none'; one is needed"),
        ("t...o", "three", "page.md, line 17: 'three' is not printed there"),
        ("exit 2", "exit 3", "page.md, line 16: the command ended with code 3"),
        ("In `a.py`, after `one`:", "New file `a.py`:", "line 6: a.py is to be a new file"),
        ("`a.py`, after", "`b.py`, after", "line 6: b.py is to be edited, but it does not exist"),
        ("It ends with code 2 and prints:", "And so:", "line 16: a text block needs"),
        ("```bash", "```sh", "line 10: nothing before this block of sh"),
    ],
)
def test_a_recipe_that_does_not_fit_says_in_which_line(old, new, said, tmp_path):
    (tmp_path / "a.py").write_text("one\nlast\n")
    (tmp_path / "page.md").write_text(PAGE.replace(old, new, 1) if old else PAGE)
    follower = Follower(tmp_path / "page.md", tmp_path, dict(os.environ))
    if not said:
        follower.follow()
        assert (tmp_path / "a.py").read_text() == "one\ntwo\nlast\n"
        return
    with pytest.raises(Broken, match=re.escape(said)):
        follower.follow()
