import json
import math
import subprocess
import sys
from threading import Timer

import numpy as np
import plotly.graph_objects as go
import pytest
from sample_files import write_notebook

from skymath_nb.core import code_digests, digests, disk, locks, manifests, paths, randomness
from skymath_nb.runner import steps


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    for name in ("01_first", "02_second"):
        write_notebook(
            tmp_path / "notebooks", name, "k: int = 1  # help", "from skymath_nb.core import paths"
        )
    return tmp_path


def test_streams_depend_on_every_name_and_on_nothing_else():
    assert randomness.rng(0, "a", 1).random() == randomness.rng(0, "a", 1).random()
    streams = [
        randomness.stream(*names)
        for names in [(0, "a", "b"), (0, "ab"), (1, "a", "b"), (0, "b", "a"), (0,)]
    ]
    assert len(set(streams)) == 5 and all(0 <= stream < 2**32 for stream in streams)


def test_folder_digest_sees_names_and_bytes(tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("1")
    seen = [digests.of_file(folder)]
    (folder / "deep" / "a.txt").write_text("2")
    seen.append(digests.of_file(folder))
    (folder / "deep" / "a.txt").rename(folder / "a.txt")
    seen.append(digests.of_file(folder))
    assert len(set(seen)) == 3 and disk.size_of(folder) == 1


def test_manifest_records_what_decides_a_rerun(place):
    first = steps.start("01_first", "tiny", k=3, rates=[0.1, 0.2])
    first.output("rows.txt").write_text("rows")
    table = first.finish({"n": np.int64(4), "accuracy": 0.5, "name": "x", "ok": True})
    assert list(table.columns) == ["name", "value"] and len(table) == 4
    second = steps.start("02_second", "tiny", "hard", k=3)
    assert second.input("01_first", "rows.txt").read_text() == "rows"
    outside = place / "seeds.jsonl"
    outside.write_text("{}")
    second.uses(outside, name="seeds")
    figure = go.Figure(go.Bar(y=[1]))
    assert second.figure(figure, "bars") is second.figure(figure, "bars")
    second.finish({})
    manifest = manifests.read(place / "outputs" / "tiny" / "02_second@hard")
    assert manifest["parameters"] == {"k": 3} and manifest["step"] == "02_second@hard"
    assert manifest["inputs"] == {"01_first/rows.txt": digests.of_file(first.folder / "rows.txt")}
    assert paths.locate(manifest["uses"]["seeds"]["path"]) == outside
    assert list(manifest["outputs"]) == ["figures/01_bars.json", "report.json"]
    assert "skymath_nb.core.paths" in manifest["code"]["modules"]
    about = json.loads((place / "outputs" / "tiny" / "run.json").read_text())
    assert set(about) == {"commit", "versions", "machine"}


def test_data_folder_makes_places_portable(place, monkeypatch):
    monkeypatch.setenv("SKYMATH_DATA", str(place))
    (place / "math.jsonl").write_text("{}")
    work = steps.start("01_first", "tiny")
    work.uses("$SKYMATH_DATA/math.jsonl")
    work.uses("pyproject.toml")
    work.finish({})
    assert sorted(manifests.read(work.folder)["uses"]) == [
        "$SKYMATH_DATA/math.jsonl",
        "pyproject.toml",
    ]


def test_starting_again_makes_a_step_incomplete_and_drops_old_figures():
    work = steps.start("01_first", "tiny")
    work.figure(go.Figure(), "old")
    work.finish({})
    again = steps.start("01_first", "tiny")
    assert manifests.read(again.folder) is None
    assert not list(again.folder.rglob("*.json"))


def test_missing_input_names_the_step_and_the_command():
    work = steps.start("02_second", "tiny")
    with pytest.raises(FileNotFoundError, match=r"01_first.*not completed.*run params/tiny\.yaml"):
        work.input("01_first", "rows.txt")
    steps.start("01_first", "tiny").finish({})
    with pytest.raises(FileNotFoundError, match="no such file"):
        work.input("01_first", "rows.txt")


def test_an_announced_output_must_be_written():
    work = steps.start("01_first", "tiny")
    work.output("rows.txt")
    with pytest.raises(RuntimeError, match="rows.txt"):
        work.finish({})
    assert manifests.read(work.folder) is None


@pytest.mark.parametrize(
    "act, said",
    [
        (lambda: steps.start("01_first", "../up"), "letters"),
        (lambda: steps.start("01_first", "tiny", label="a/b"), "letters"),
        (lambda: steps.start("01_first", "tiny", device="cpu"), "device"),
        (lambda: steps.start("01_first", "tiny", rates={1, 2}), "rates"),
        (lambda: steps.start("01_first", "tiny", rate=math.inf), "rate"),
        (lambda: steps.start("01_first", "tiny").output("../x"), "inside"),
        (lambda: steps.start("01_first", "tiny").finish({"loss": math.nan}), "loss"),
        (lambda: steps.start("01_first", "tiny").finish({"nested": {"a": 1}}), "nested"),
    ],
)
def test_bad_values_are_refused_by_name(act, said):
    with pytest.raises(ValueError, match=said):
        act()


def test_a_step_without_a_notebook_and_a_missing_outside_file_are_refused():
    with pytest.raises(FileNotFoundError, match="09_none"):
        steps.start("09_none", "tiny")
    with pytest.raises(FileNotFoundError, match="nowhere.jsonl"):
        steps.start("01_first", "tiny").uses("nowhere.jsonl")


def test_full_disk_is_refused_before_work(monkeypatch):
    monkeypatch.setattr(disk, "MIN_FREE_BYTES", 1e18)
    with pytest.raises(RuntimeError, match="SKYMATH_OUTPUTS"):
        steps.start("01_first", "tiny")


@pytest.fixture
def package(tmp_path):
    """A package of the shape the digests must follow.

    Relative, late and package imports, and prompts.
    """
    files = {
        "__init__.py": "",
        "a.py": '"""Text."""\ndef f():\n    from .sub import late\n    return late\n',
        "b.py": "X = 1\n",
        "unused.py": "X = 1\n",
        "sub/__init__.py": "",
        "sub/late.py": "from ..b import X\n",
        "prompts/__init__.py": "",
        "prompts/ask.md": "Ask",
    }
    for name, text in files.items():
        (tmp_path / "skymath_nb" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "skymath_nb" / name).write_text(text)
    cells = ["k: int = 1", "%load_ext autoreload\nfrom skymath_nb import a, prompts\nx = k"]
    write_notebook(tmp_path / "books", "01_book", *cells)
    return tmp_path / "skymath_nb"


@pytest.mark.parametrize(
    "file, text, counts",
    [
        ("b.py", "X = 2\n", True),
        ("b.py", '"""Doc."""\n\nX = 1  # why\n', False),
        ("sub/late.py", "from ..b import X as Y\n", True),
        ("prompts/ask.md", "Ask again", True),
        ("unused.py", "X = 2\n", False),
        ("b.py", "X = = 2\n", True),
    ],
)
def test_code_digests_follow_imports_and_ignore_comments(package, file, text, counts):
    books = package.parent / "books"
    before = code_digests.of_notebook("01_book", books, package)
    (package / file).write_text(text)
    assert (code_digests.of_notebook("01_book", books, package) != before) is counts


def test_code_has_the_same_digest_on_every_python():
    source = 'def f(a, *, b=1) -> str:\n    return f"{a:{b}} {b}"\n'
    assert code_digests._syntax(source)[0][:16] == "6455ca73e0422ee2"  # as 3.11, 3.12 and 3.13 say


@pytest.mark.parametrize(
    "parameters, code, counts",
    [
        ("k: int = 9", "%load_ext autoreload\nfrom skymath_nb import a, prompts\nx = k", False),
        (
            "k: int = 1",
            "%load_ext autoreload\nfrom skymath_nb import a, prompts\nx = k  # same",
            False,
        ),
        ("k: int = 1", "%load_ext autoreload\nfrom skymath_nb import a, prompts\nx = k + 1", True),
    ],
)
def test_notebook_digest_ignores_parameters_and_comments(package, parameters, code, counts):
    books = package.parent / "books"
    before = code_digests.of_notebook("01_book", books, package)
    write_notebook(books, "01_book", parameters, code)
    assert (
        code_digests.of_notebook("01_book", books, package)["notebook"] != before["notebook"]
    ) is counts


HOLD = """
import sys, time, pathlib
from skymath_nb.core import code_digests, digests, disk, locks, manifests, paths, randomness
from skymath_nb.runner import steps
with locks.claim(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_has_one_holder_and_is_free_when_that_is_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(locks.Busy, match=f"process {holder.pid}"), locks.claim(tmp_path):
        pass
    heard = []
    Timer(0.3, holder.kill).start()
    with locks.claim(tmp_path, waiting=heard.append):
        assert len(heard) == 1 and str(holder.pid) in heard[0]
    holder.wait()
    with locks.claim(tmp_path):  # and again, by the same process
        pass
