import json
import re
import shutil

import pytest
from sample_files import write_notebook

from skymath_nb import __main__ as command_line
from skymath_nb.core import disk
from skymath_nb.runner import folders, report, steps


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of two complete steps with an outside file, and its page."""
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    for name in ("01_first", "02_second"):
        write_notebook(
            tmp_path / "notebooks", name, "k: int = 1  # help", "from skymath_nb import runner"
        )
    (tmp_path / "seeds.jsonl").write_text("{}")
    first = steps.start("01_first", "tiny", k=1)
    first.output("rows.txt").write_text("rows")
    (first.output("models") / "deep").mkdir(parents=True)
    (first.folder / "models" / "deep" / "weights").write_text("1")
    first.uses(tmp_path / "seeds.jsonl", "seeds")
    first.finish({"n": 1})
    second = steps.start("02_second", "tiny", k=2)
    second.input("01_first", "rows.txt")
    second.finish({"n": 2})
    folder = tmp_path / "outputs" / "tiny"
    for step in ("01_first", "02_second"):
        disk.save(
            folder / step / "notebook.html",
            '<a href="../index.html">back</a><script src="../plotly.min.js"></script>',
        )
    disk.save(folder / "params.yaml", "run: tiny\nsteps: {01_first: {k: 1}, 02_second: {k: 2}}\n")
    report.index(folder, "tiny.yaml", {"01_first": {"k": 1}, "02_second": {"k": 2}}, {})
    return folder


def test_a_run_that_is_as_recorded_is_found_by_name_and_by_folder(run, capsys):
    for name in ("tiny", str(run)):
        assert command_line.main(["verify", name]) == 0
        assert (
            "tiny: everything is as recorded in the manifests of 2 steps" in capsys.readouterr().out
        )


@pytest.mark.parametrize(
    "file, said",
    [
        (
            "01_first/rows.txt",
            [
                "01_first: output rows.txt has the digest",
                "02_second: input 01_first/rows.txt has the digest",
            ],
        ),
        ("01_first/models/deep/weights", ["01_first: output models has the digest"]),
        ("02_second/report.json", ["02_second: output report.json has the digest"]),
        ("../../seeds.jsonl", ["01_first: outside data seeds has the digest"]),
    ],
)
def test_every_file_that_differs_is_named_with_exit_code_1(run, file, said, capsys):
    (run / file).write_text("[]")
    assert command_line.main(["verify", "tiny"]) == 1
    printed = capsys.readouterr().out
    assert all(line in printed for line in said) and f"{len(said)} things differ" in printed


def test_what_is_gone_or_unfinished_is_told(run, capsys):
    (run / "01_first" / "rows.txt").unlink()
    (run.parents[1] / "seeds.jsonl").unlink()
    (run / "03_third").mkdir()
    (run / "03_third" / "notebook.ipynb").write_text("{}")
    assert command_line.main(["verify", "tiny"]) == 1
    printed = capsys.readouterr().out
    assert (
        "output rows.txt is missing" in printed
        and "not complete, and not checked: 03_third" in printed
    )
    assert "not on this machine, and not checked: seeds" in printed and "2 things differ" in printed


def test_a_lock_left_behind_is_no_difference(run):
    (run / "01_first" / "models" / ".lock").write_text("")
    assert folders.verify("tiny", echo=print).differing == []


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_run_that_was_moved_verifies_opens_and_leads_nowhere_else(
    run, tmp_path, monkeypatch, move
):
    place = tmp_path / "elsewhere" / "outputs" / "renamed"
    place.parent.mkdir(parents=True)
    move(run, place)
    shutil.rmtree(tmp_path / "outputs")
    assert folders.verify(place).differing == []
    for page in place.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert str(tmp_path) not in text
        for target in re.findall(r"""(?:href|src)=["']([^"'#]+)["']""", text):
            assert (page.parent / target).is_file(), f"{page.name} leads to {target}"
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(place.parent))  # another root of outputs
    assert folders.verify("renamed").differing == []
    work = steps.start("02_second", "renamed", k=3)  # a notebook finds its inputs there
    assert work.input("01_first", "rows.txt").read_text() == "rows"


def test_a_run_that_is_not_there_is_refused_with_the_nearest(run, capsys):
    assert command_line.main(["verify", "tny"]) == 2
    assert "nearest: tiny" in capsys.readouterr().err
    shutil.rmtree(run / "01_first")
    shutil.rmtree(run / "02_second")
    assert command_line.main(["verify", "tiny"]) == 2
    assert "no complete step" in capsys.readouterr().err


def test_a_broken_manifest_is_told(run, capsys):
    (run / "01_first" / "manifest.json").write_text("{")
    assert command_line.main(["verify", "tiny"]) == 2
    assert "is not a manifest" in capsys.readouterr().err


def test_steps_come_in_the_order_in_which_they_ended(run):
    for step, when in (("01_first", "2026-02"), ("02_second", "2026-01")):
        path = run / step / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"finished": when}))
    assert list(folders.read_all(run)[0]) == ["02_second", "01_first"]
