"""What decides a step's result makes it stale when it changes; what shows it does not."""

import json
import shutil
from pathlib import Path

import pytest

from skymath_nb.core import code_digests

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("0*.ipynb"))


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the package and the notebooks, free to be changed."""
    folder = tmp_path_factory.mktemp("copy")
    left_out = shutil.ignore_patterns("tiny-base*", "results", "__pycache__")
    shutil.copytree(ROOT / "skymath_nb", folder / "skymath_nb", ignore=left_out)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return folder


def stale(folder, path, change):
    """The notebooks whose identity changes with the text of a file."""
    file = folder / path
    before, text = digests(folder), file.read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    try:
        file.write_text(changed, encoding="utf-8")
        after = digests(folder)
    finally:
        file.write_text(text, encoding="utf-8")
    return {name for name in NOTEBOOKS if before[name] != after[name]}


def digests(folder):
    package = folder / "skymath_nb"
    return {
        name: code_digests.of_notebook(name, folder / "notebooks", package) for name in NOTEBOOKS
    }


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("skymath_nb/notebook/figures.py", "#222222", "#333333"),
        ("skymath_nb/runner/templates/page.html.j2", "<body", "<body id='x'"),
        ("skymath_nb/commands/grade.py", "LISTED = 10", "LISTED = 11"),
        ("skymath_nb/runner/report.py", "import", "KNOWN = 1\nimport"),
        ("skymath_nb/notebook/solutions/03_coreset_selection.md", "#", "# more\n#"),
    ],
)
def test_a_change_of_presentation_makes_nothing_stale(copied, path, old, new):
    assert stale(copied, path, lambda text: text.replace(old, new, 1)) == set()


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        ("skymath_nb/selection/coreset.py", "03_coreset_selection"),
        ("skymath_nb/training/curriculum.py", "04_curriculum_sft"),
        ("skymath_nb/augmentation/build.py", "02_augmentation"),
        ("skymath_nb/grading/__init__.py", "05_evaluation"),
    ],
)
def test_a_change_of_method_makes_its_steps_stale(copied, path, reached):
    found = stale(copied, path, lambda text: text + "\n\ndef more():\n    return 1\n")
    assert (
        reached in found
        and "01_seed_exploration" not in found
        or path.startswith("skymath_nb/grading")
    )


@pytest.mark.parametrize(
    ("path", "old", "new", "reached"),
    [
        ("skymath_nb/world/families.yaml", "[Tom,", "[Tim,", "01_seed_exploration"),
        ("skymath_nb/grading/tables.yaml", "hectare ha", "hectare hc", "05_evaluation"),
    ],
)
def test_a_table_beside_the_code_counts_like_code(copied, path, old, new, reached):
    assert reached in stale(copied, path, lambda text: text.replace(old, new, 1))


def test_the_k_center_is_none_of_02s_business(copied):
    found = stale(copied, "skymath_nb/selection/coreset.py", lambda text: text + "\nMORE = 1\n")
    assert "03_coreset_selection" in found and "02_augmentation" not in found


def with_cell(source):
    """A change of a notebook: one more cell before the last."""

    def change(text):
        notebook = json.loads(text)
        cell = {
            "cell_type": "code",
            "id": "more",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": [source],
        }
        notebook["cells"].insert(len(notebook["cells"]) - 3, cell)
        return json.dumps(notebook)

    return change


def test_a_cell_that_only_shows_makes_nothing_stale_and_one_that_computes_does(copied):
    path = "notebooks/03_coreset_selection.ipynb"
    assert stale(copied, path, with_cell("display(chosen.head())\nprint(len(chosen))")) == set()
    assert stale(copied, path, with_cell("chosen = chosen.head(3)")) == {"03_coreset_selection"}
    assert stale(copied, path, with_cell("chosen.sort_values('id', inplace=True)")) == {
        "03_coreset_selection"
    }
