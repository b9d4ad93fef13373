import json
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import yaml
from test_suite import MAKE, USE, enter, posix, write_notebook

from skymath_nb import __main__ as command_line
from skymath_nb.core import manifests, paths
from skymath_nb.runner import steps, suite, sweeps

SLOW = [*MAKE[:2], 'import time\nprint("at work")\ntime.sleep(3 if n < 100 else 60)', *MAKE[2:]]
PARAMS = {"run": "tiny", "shared": {"seed": 1}, "steps": {"01_make": {}, "02_use": {}}}
SWEEP = {
    "sweep": "rates",
    "base": "tiny.yaml",
    "grid": {"02_use.rate": [1, 2.5]},
    "report": ["01_make.accuracy", "02_use"],
}
PATIENCE_S = 900  # on a machine with much else to do
ONE, TWO = "rates.rate-1", "rates.rate-2.5"


def write_all(folder):
    for name, cells in (("01_make", MAKE), ("02_use", USE)):
        write_notebook(folder / "notebooks", name, cells)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(PARAMS, sort_keys=False))
    (folder / "rates.yaml").write_text(yaml.safe_dump(SWEEP, sort_keys=False))


def executed(text):
    return sorted(
        line.split("]")[1].split()[0] for line in text.splitlines() if "  running" in line
    )


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder whose sweep of two points has been run, and what was said."""
    folder, lines = tmp_path_factory.mktemp("swept"), []
    write_all(folder)
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        assert sweeps.run(sweeps.load(folder / "rates.yaml"), echo=lines.append) == 0
    return folder, "\n".join(lines)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_all(tmp_path)
    enter(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def done(folder, swept):
    """A copy of the sweep that was run, free to be changed.

    Hard links are files of their own in it.
    """
    shutil.copytree(swept[0] / "outputs", folder / "outputs")
    return folder


@pytest.fixture
def start(folder):
    """The command line's sweep as a process; none outlives its test."""
    started = []

    def start(*more):
        line = [sys.executable, "-m", "skymath_nb", "sweep", str(folder / "rates.yaml"), *more]
        started.append(
            subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        with process:  # closes its pipe, read or not, and waits
            process.kill()


def wait_for_work(*copies):
    deadline = time.monotonic() + PATIENCE_S
    while not all(copy.is_file() and "at work\\n" in copy.read_text() for copy in copies):
        assert time.monotonic() < deadline, "no step came to work"
        time.sleep(0.05)


def test_what_lies_before_the_first_difference_is_computed_once(swept):
    folder, said = swept
    assert executed(said) == ["01_make", "02_use", "02_use"]
    assert f"01_make  the same as in run {ONE}, taken over from there" in said
    table = pd.read_parquet(folder / "outputs" / "rates" / "table.parquet")
    assert (
        table["run"].tolist() == [ONE, TWO]
        and table["02_use.rate"].tolist() == [1, 2.5]
        and table["02_use.size"].tolist() == [3, 3]
    )
    assert table["steps"].tolist() == table["of"].tolist() == [2, 2]
    assert (
        table["01_make.accuracy_n"].tolist() == [300, 300]
        and said.count("62.0 % [57.0, 67.0], n=300") == 2
    )
    pd.testing.assert_frame_equal(pd.read_csv(folder / "outputs" / "rates" / "table.csv"), table)
    page = (folder / "outputs" / "rates" / "index.html").read_text()
    assert f"href='../{ONE}/index.html'" in page and "<script" not in page
    assert f"done in run {ONE}" in (folder / "outputs" / TWO / "index.html").read_text()


def test_a_second_sweep_executes_nothing_and_a_larger_grid_what_is_new(done, capsys):
    assert command_line.main(["sweep", str(done / "rates.yaml")]) == 0
    assert executed(capsys.readouterr().out) == []
    (done / "rates.yaml").write_text(yaml.safe_dump(SWEEP | {"grid": {"02_use.rate": [7, 2.5, 1]}}))
    assert command_line.main(["sweep", str(done / "rates.yaml"), "--point", "0"]) == 0
    assert executed(capsys.readouterr().out) == ["02_use"]
    assert command_line.main(["sweep", str(done / "rates.yaml"), "--list"]) == 0
    assert capsys.readouterr().out.count("2 of 2") == 3
    assert command_line.main(["sweep", str(done / "rates.yaml"), "--point", "3"]) == 2
    assert "has the points 0 to 2" in capsys.readouterr().err


def taken(folder):
    """Where the second point of a sweep gets its first step from, when it has none."""
    plan = sweeps.load(folder / "rates.yaml").points[1].plan
    shutil.rmtree(plan.folder / "01_make")
    return suite._taken(plan, plan.jobs[0])


def test_a_step_that_was_taken_is_complete_and_changes_with_no_other(done):
    (done / "outputs" / TWO / "run.json").unlink()
    assert taken(done) == ONE and (done / "outputs" / TWO / "run.json").is_file()
    one, two = (done / "outputs" / run / "01_make" for run in (ONE, TWO))
    assert (one / "rows.txt").samefile(two / "rows.txt")
    assert json.loads((two / "manifest.json").read_text())["taken_from"] == ONE
    states = suite.status(suite.load(done / "outputs" / TWO / "params.yaml"))
    assert states["state"].tolist() == ["fresh", "fresh"]
    # in place, as a notebook would
    steps.start("01_make", ONE, n=5).output("rows.txt").write_text("another")
    assert (two / "rows.txt").read_text() == "xxx"
    assert sweeps.table(sweeps.load(done / "rates.yaml"))["steps"].tolist() == [0, 2], (
        "02_use has read what is no longer there"
    )


@pytest.mark.parametrize("spoil", ["output", "manifest", "parameters", "code", "begun again"])
def test_a_step_that_is_not_the_same_is_not_taken(done, spoil, monkeypatch):
    source = done / "outputs" / ONE / "01_make"
    manifest = json.loads((source / "manifest.json").read_text())
    if spoil == "output":
        (source / "rows.txt").write_text("yyy")
    elif spoil == "manifest":
        (source / "manifest.json").write_text("{")
    elif spoil == "parameters":
        (source / "manifest.json").write_text(
            json.dumps(manifest | {"parameters": {"seed": 1, "n": 4, "rates": [0.1]}})
        )
    elif spoil == "code":
        write_notebook(done / "notebooks", "01_make", [*MAKE, "1 + 1"])
    else:  # while its files are linked
        link = manifests._link
        monkeypatch.setattr(
            manifests,
            "_link",
            lambda *places: (link(*places), (source / "manifest.json").unlink(missing_ok=True)),
        )
    assert taken(done) == ""
    assert not (done / "outputs" / TWO / "01_make" / "manifest.json").exists()


def test_a_step_that_read_other_inputs_is_not_in_the_table(done):
    path = done / "outputs" / TWO / "01_make" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["outputs"]["rows.txt"]["sha256"] = "0"
    path.write_text(json.dumps(manifest))
    assert sweeps.table(sweeps.load(done / "rates.yaml"))["steps"].tolist() == [2, 1]


def test_a_step_with_other_inputs_is_not_taken(done):
    plan = sweeps.load(done / "rates.yaml", notebooks=done / "notebooks").points[1].plan
    (plan.folder / "01_make" / "rows.txt").write_text("yyy")
    (done / "outputs" / ONE / "02_use" / "manifest.json").write_text(
        (plan.folder / "02_use" / "manifest.json").read_text()
    )
    assert suite._taken(plan, plan.jobs[1]) == ""


def test_points_side_by_side_wait_for_each_other(folder, start):
    write_notebook(folder / "notebooks", "01_make", SLOW)
    work = start("--jobs", "2")
    said, _ = work.communicate(timeout=PATIENCE_S)
    assert work.returncode == 0 and executed(said) == ["01_make", "02_use", "02_use"], said
    assert "waits for the same step of another run" in said
    assert pd.read_parquet(folder / "outputs" / "rates" / "table.parquet")["steps"].tolist() == [
        2,
        2,
    ]


@posix
def test_a_killed_point_leaves_its_step_to_one_that_waits(folder, start):
    write_notebook(folder / "notebooks", "01_make", SLOW)
    first = start("--point", "0")
    wait_for_work(folder / "outputs" / ONE / "01_make" / "notebook.ipynb")
    # it holds the step until the second one waits, however slow the machine is
    first.send_signal(signal.SIGSTOP)
    second = start("--point", "1")
    assert any("waits for" in line for line in second.stdout)
    first.kill()
    first.communicate()
    said, _ = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 0 and executed(said) == ["01_make", "02_use"], said


@pytest.mark.long
@posix
def test_a_signal_ends_all_points_in_order(folder, start):
    write_notebook(folder / "notebooks", "01_make", SLOW)
    (folder / "rates.yaml").write_text(
        yaml.safe_dump(SWEEP | {"grid": {"01_make.n": [100, 101, 102]}})
    )
    work = start("--jobs", "2")
    wait_for_work(
        *(folder / "outputs" / f"rates.n-{n}" / "01_make" / "notebook.ipynb" for n in (100, 101))
    )
    work.send_signal(signal.SIGTERM)
    said, _ = work.communicate(timeout=PATIENCE_S)
    # two points and the sweep
    assert work.returncode == 143 and said.count("interrupted; the same command goes on") == 3, said
    assert not (folder / "outputs" / "rates.n-102").exists(), "a point that waits is not started"


def test_a_point_that_fails_does_not_stop_the_others(folder, capsys):
    write_notebook(folder / "notebooks", "01_make", [*MAKE[:-1], "assert n != 3", MAKE[-1]])
    (folder / "tiny.yaml").write_text("run: tiny\nsteps: {01_make: {}}")
    (folder / "rates.yaml").write_text(
        yaml.safe_dump({"sweep": "rates", "base": "tiny.yaml", "grid": {"01_make.n": [3, 4]}})
    )
    assert command_line.main(["sweep", str(folder / "rates.yaml")]) == 3
    assert "1 of 2 points did not end well (point: exit code): {0: 3}" in capsys.readouterr().out
    assert pd.read_parquet(folder / "outputs" / "rates" / "table.parquet")["steps"].tolist() == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"sweep": "a/b"}, "sweep's name"),
        ({"base": None}, "base: must name a params file"),
        ({"base": "tny.yaml"}, "nearest: tiny.yaml"),
        ({"grids": {}}, "grids: no such section (nearest: grid)"),
        ({"grid": {}}, "grid: must hold `step.key: [values]`"),
        ({"grid": {"01_make.n": []}}, "grid.01_make.n: must list one value or more"),
        ({"grid": {"01_make.n": 3}}, "grid.01_make.n: must list one value or more"),
        ({"grid": {"01_make.n": [3, 3]}}, "grid.01_make.n: 3 is there twice"),
        ({"grid": {"01_make.m": [3]}}, "no such parameter"),
        ({"grid": {"01_mak.n": [3]}}, "no step 01_mak in this file (nearest: 01_make)"),
        ({"grid": {"n": [3]}}, "n: write it as step.key"),
        ({"grid": {"01_make.n": [3, "x"]}}, "point 1 (01_make.n x)"),
        (
            {"report": ["02_us.size"]},
            "report: 02_us.size names no step of tiny.yaml (nearest: 02_use)",
        ),
        ({"report": "02_use"}, "report: must list step.number or step"),
    ],
)
def test_a_bad_sweep_is_refused_before_anything_runs(folder, change, said, capsys):
    (folder / "rates.yaml").write_text(yaml.safe_dump(SWEEP | change, sort_keys=False))
    assert command_line.main(["sweep", str(folder / "rates.yaml")]) == 2
    assert said in capsys.readouterr().err and not (folder / "outputs").exists()


def test_names_of_points_tell_them_apart(folder):
    grid = {"01_make.rates": [[0.1], [0.2]], "01_make.n": [1], "shared.seed": [0, 1]}
    (folder / "rates.yaml").write_text(yaml.safe_dump(SWEEP | {"grid": grid}))
    names = [point.plan.run for point in sweeps.load(folder / "rates.yaml").points]
    assert len(set(names)) == 4 and all(paths.check_name("run's name", name) for name in names)


def test_a_sweep_is_not_written_over_a_run(folder):
    (folder / "outputs" / "rates").mkdir(parents=True)
    (folder / "outputs" / "rates" / "params.yaml").write_text("run: rates")
    with pytest.raises(suite.ParamsError, match="rates is a run already"):
        sweeps.load(folder / "rates.yaml")


def test_the_sweeps_that_are_shipped_can_start():
    for path in sorted(paths.locate("params/sweeps").glob("*.yaml")):
        assert len(sweeps.load(path).points) > 1
