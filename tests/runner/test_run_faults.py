"""Damaged and foreign run folders, read-only stores, misread YAML, full disks, closed pipes.

Each stops only what it must.
"""

import errno
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import test_suite
import yaml
from sample_files import write_notebook

from skymath_nb import __main__ as command_line
from skymath_nb.commands import doctor, forecast
from skymath_nb.core import disk, manifests, paths, provenance
from skymath_nb.data import seeds
from skymath_nb.inference import reply_store
from skymath_nb.runner import comparison, folders, report, steps, suite, sweeps
from skymath_nb.runner import params as plans

RECORD = reply_store.Record("a reply", "stop", 1, 2, "model", 100)
FAULTS = [b"", b"{", b"[]", b"null", b"{}", b"\xff\x00", b'"text"', b"[" * 100_000, None]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    write_notebook(
        tmp_path / "notebooks",
        "01_first",
        'run: str = "tiny"\nk: int = 1  # help',
        "from skymath_nb import runner",
    )
    for name in ("tiny", "other"):
        step = steps.start("01_first", name, k=1)
        step.output("rows.txt").write_text("rows")
        step.finish({"n": 1})
        disk.save(
            step.folder.parent / "params.yaml", f"run: {name}\nsteps: {{01_first: {{k: 1}}}}\n"
        )
    return tmp_path / "outputs" / "tiny"


def damage(path, fault):
    disk.remove(path)
    path.mkdir() if fault is None else path.write_bytes(fault)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_manifest_concerns_its_own_run_only(run, fault, capsys):
    damage(run / "01_first" / "manifest.json", fault)
    states = {
        name: suite.status(plans.load(run.parent / name / "params.yaml")).iloc[0]
        for name in ("tiny", "other")
    }
    assert states["tiny"]["state"] == "missing" and "is not a manifest" in states["tiny"]["reason"]
    assert states["other"]["state"] == "fresh"
    assert (
        command_line.main(["verify", "tiny"]) == 2 and command_line.main(["verify", "other"]) == 0
    )
    assert command_line.main(["compare", "tiny", "other"]) == 2
    assert "is not a manifest" in capsys.readouterr().err
    page = report.index(run, "tiny.yaml", {"01_first": {"k": 1}}, {}).read_text()
    assert "is not a manifest" in page
    step = steps.start("01_first", "tiny", k=1)
    step.output("rows.txt").write_text("rows")
    step.finish({"n": 1})
    assert folders.verify("tiny").differing == []


@pytest.mark.parametrize("key", ["outputs", "inputs", "uses", "code", "seconds", "parameters"])
@pytest.mark.parametrize("value", [None, [], "x", {"a": None}])
def test_a_manifest_of_wrong_types_is_damaged(run, key, value):
    path = run / "01_first" / "manifest.json"
    manifest = json.loads(path.read_text())
    if key == "parameters" and value == {"a": None}:
        pytest.skip("any value can be a parameter")
    path.write_text(json.dumps(manifest | {key: value}))
    with pytest.raises(manifests.Damaged, match="is not a manifest"):
        manifests.read(path.parent)


def test_a_manifest_names_no_file_outside_its_run(run):
    path = run / "01_first" / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in ("/dev/zero", "../../x"):
        path.write_text(json.dumps(manifest | {"outputs": {name: {"sha256": "", "bytes": 0}}}))
        with pytest.raises(
            manifests.Damaged, match="not the name of a file inside a step's folder"
        ):
            manifests.read(path.parent)


@pytest.mark.parametrize("file", ["01_first/report.json", "run.json"])
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != b"{}"])
def test_a_damaged_report_or_run_json_is_told_in_a_sentence(run, file, fault):
    damage(run / file, fault)
    with pytest.raises(manifests.Damaged, match="The run tiny cannot be compared"):
        comparison.read("tiny")
    assert (run / file).name in report.index(
        run, "tiny.yaml", {"01_first": {"k": 1}}, {}
    ).read_text()


def test_a_changed_output_is_found_after_its_reader_failed(run):
    (run / "01_first" / "rows.txt").write_text("sowr")
    plan = plans.load(run / "params.yaml")
    reader = plan.jobs[0]._replace(id="02_reader", parameters={"rows_from": "01_first"})
    assert suite.state(plan, plan.jobs[0]).name == "fresh", "its size is the same"
    assert (
        "01_first no longer has what it wrote (rows.txt)" in suite._damaged_sources(plan, reader)[0]
    )
    assert suite.state(plan, plan.jobs[0]).name == "missing"


@pytest.mark.parametrize("place", ["tiny", "tiny/01_first"])
def test_linked_folders_work(run, place, tmp_path):
    (run.parent / place).rename(tmp_path / "elsewhere")
    (run.parent / place).symlink_to(tmp_path / "elsewhere")
    step = steps.start("01_first", "tiny", k=1)
    step.output("rows.txt").write_text("rows")
    step.finish({"n": 1})
    assert folders.verify("tiny").differing == []


@pytest.mark.parametrize(
    "text, right",
    [
        ("012", "write 12"),
        ("-012", "write -12"),
        ("0o12", "write 12"),
        ("1:30", "write 90"),
        ("1:30.5", "write 90.5"),
        ("-1:30", "write -90"),
    ],
)
def test_numbers_that_yaml_reads_otherwise_are_refused_with_the_right_spelling(
    run, text, right, tmp_path
):
    path = tmp_path / "tiny.yaml"
    path.write_text("run: tiny\nsteps: {01_first: {}}\n")
    with pytest.raises(plans.ParamsError, match=right):
        plans.load(path, [f"01_first.k={text}"])
    for whole in (
        f"run: tiny\nsteps: {{01_first: {{k: [{text}]}}}}\n",
        f"sweep: s\nbase: tiny.yaml\ngrid: {{01_first.k: [{text}, 1]}}\n",
    ):
        path.write_text(whole)
        with pytest.raises(plans.ParamsError, match=right):
            plans.read(path)


def test_merge_keys_are_refused_and_dates_are_text(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {x: 1}\nb: {<<: *a}\n")
    with pytest.raises(plans.ParamsError, match="merge key"):
        plans.read(path)
    path.write_text("prices: {read: 2026-10-01}\nk: 0\n")
    assert plans.read(path) == {"prices": {"read": "2026-10-01"}, "k": 0}


def read_only(monkeypatch, *places):
    access = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: access(path, mode) and not (mode & os.W_OK and path in places),
    )


@pytest.mark.parametrize("folder_too", [False, True])
def test_a_read_only_store_can_be_read(tmp_path, monkeypatch, folder_too):
    path = tmp_path / "store" / "ledger.sqlite"
    with reply_store.Ledger(path) as book:
        book.put("0" * 64, RECORD)
    before = sorted(path.parent.iterdir())
    read_only(monkeypatch, path, *[path.parent] * folder_too)
    assert reply_store.totals(path)[0]["replies"] == 1
    assert reply_store.export(path, tmp_path / "out.jsonl") == 1
    assert reply_store.merge(tmp_path / "all.sqlite", [path]) == (1, 1)
    with reply_store.Ledger(path) as book:
        assert list(book.get_many(["0" * 64])) == ["0" * 64]
        with pytest.raises(reply_store.LedgerError, match="readonly"):
            book.put("1" * 64, RECORD)
    assert not folder_too or sorted(path.parent.iterdir()) == before


def test_a_damaged_store_is_told_and_leaves_no_part(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with reply_store.Ledger(path) as book:
        book.put_many({f"{n:064}": RECORD._replace(text="x" * 500) for n in range(500)})
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(reply_store.LedgerError, match="damaged|malformed"):
        reply_store.export(path, tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("out*"))


def test_a_clone_says_nothing_of_the_repository_around_it(tmp_path, monkeypatch):
    def git(folder, *words):
        names = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(folder), *names, *words], check=True, capture_output=True)

    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    git(inner.parent, "init")
    git(inner.parent, "commit", "--allow-empty", "-m", "outer")
    monkeypatch.setattr(paths, "home", lambda: inner)
    assert provenance.commit() == "unknown"
    git(inner, "init")
    git(inner, "commit", "--allow-empty", "-m", "inner")
    own = subprocess.run(
        ["git", "-C", str(inner), "rev-parse", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    monkeypatch.setenv("GIT_DIR", str(inner.parent / ".git"))
    assert provenance.commit() == own


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_named_with_what_is_missing(run, monkeypatch, capsys, number):
    def full(*_, **__):
        raise OSError(number, os.strerror(number), str(run))

    monkeypatch.setattr(suite, "_run", full)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda place: SimpleNamespace(free=50e6))
    lines = []
    assert suite.run(plans.load(run / "params.yaml"), echo=lines.append) == suite.FAILED
    assert "The disk /" in lines[-1] and "at least 150 MB are missing" in lines[-1]
    monkeypatch.setattr(folders, "verify", full)
    assert (
        command_line.main(["verify", "tiny"]) == 3 and "at least 150 MB" in capsys.readouterr().err
    )


@pytest.mark.parametrize("value", ["a_file", "~nobody-of-this-name/outputs"])
def test_the_doctor_finds_outputs_that_are_no_folder(tmp_path, monkeypatch, value):
    (tmp_path / "a_file").write_text("")
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / value) if value == "a_file" else value)
    assert [finding.state for finding in doctor._outputs()] == ["bad"]


@pytest.mark.parametrize("name", ["SKYMATH_DATA", "SKYMATH_NOTEBOOKS"])
@pytest.mark.parametrize("value", ["~/no/such/folder", "~nobody-of-this-name/x", __file__])
def test_the_doctor_finds_folders_that_are_not_there(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert next(doctor._folders()).state == "bad"


def test_a_data_folder_may_begin_with_a_tilde(tmp_path, monkeypatch):
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k" / "test.jsonl").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SKYMATH_DATA", "~")
    assert seeds.file("gsm8k", "test") == tmp_path / "gsm8k" / "test.jsonl"


def test_a_reader_that_leaves_early_stops_nothing():
    code = "from skymath_nb.__main__ import Terminal\nimport sys\nout = Terminal(sys.stdout)\n"
    code += (
        "for n in range(20000): print(n, file=out, flush=True)\nprint('written', file=sys.stderr)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == "written\n" and process.wait() == 0


@pytest.fixture
def real(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.delenv("SKYMATH_NOTEBOOKS", raising=False)
    monkeypatch.setattr(seeds, "unreachable", lambda: "there is no network")
    monkeypatch.setattr(forecast.hub, "unreachable", lambda: "there is no network")
    monkeypatch.setattr(suite.kernel, "execute", lambda *_: pytest.fail("a notebook was started"))
    return str(paths.home() / "params" / "smoke.yaml")


@pytest.mark.parametrize(
    "change, named",
    [
        ("04_curriculum_sft.base=nobody/nothing", "nobody/nothing"),
        ("05_evaluation.benchmarks=[gsm8k]", "gsm8k"),
        ("02_augmentation.server=http://127.0.0.1:9/v1", "does not answer"),
        ("02_augmentation@hard.min_level=9", "leaves no seeds"),
    ],
)
def test_what_a_later_step_lacks_stops_the_run_first(
    real, tmp_path, monkeypatch, capsys, change, named
):
    monkeypatch.delenv("SKYMATH_DATA", raising=False)
    assert command_line.main(["run", real, "--set", change]) == 2
    assert named in capsys.readouterr().err
    point = {change.partition("=")[0]: [yaml.safe_load(change.partition("=")[2])]}
    sweep = tmp_path / "points.yaml"
    sweep.write_text(
        yaml.safe_dump(
            {"sweep": "points", "base": real, "grid": {"00_start_here.seed": [0]} | point}
        )
    )
    assert command_line.main(["sweep", str(sweep)]) == 2
    assert named in capsys.readouterr().err
    monkeypatch.setattr(suite, "run", lambda *_, **__: 0)
    assert command_line.main(["run", real, "--set", change, "--anyway"]) == 0
    assert command_line.main(["sweep", str(sweep), "--anyway", "--point", "0"]) == 0
    options = []
    monkeypatch.setattr(
        sweeps, "_pool", lambda sweep, jobs, words, echo: options.extend(words) or [0]
    )
    assert command_line.main(["sweep", str(sweep), "--anyway"]) == 0 and options == ["--anyway"]


def test_a_run_goes_on_where_the_disk_was_full(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    full = tmp_path / "full"
    full.write_text("")
    work = (
        "import errno, os\nfrom pathlib import Path\nfrom skymath_nb import runner\n"
        'step = runner.start("{0}", run, k=k)\nplace = step.output("rows.txt")\n'
        'place.write_text("half")\n'
        'if "{0}" == "02_second" and Path({1!r}).exists():\n'
        "    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        'place.write_text("rows")\nstep.finish({{"n": 1}})'
    )
    for name in ("01_first", "02_second"):
        parameters = 'run: str = "tiny"\nk: int = 1  # help'
        test_suite.write_notebook(
            tmp_path / "notebooks", name, [parameters, work.format(name, str(full))]
        )
    params = tmp_path / "tiny.yaml"
    params.write_text("run: tiny\nsteps: {01_first: {}, 02_second: {}}\n")
    lines = []
    assert suite.run(plans.load(params), echo=lines.append) == 3
    assert (
        "The disk /" in "\n".join(lines)
        and not (tmp_path / "outputs/tiny/02_second/manifest.json").exists()
    )
    full.unlink()
    lines.clear()
    assert suite.run(plans.load(params), echo=lines.append) == 0
    assert (
        "running" not in lines[0]
        and (tmp_path / "outputs/tiny/02_second/rows.txt").read_text() == "rows"
    )
