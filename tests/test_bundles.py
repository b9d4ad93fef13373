import json
import stat
import zipfile
from types import SimpleNamespace

import pytest
import yaml
from test_runs import write_notebook

from skymath_nb import __main__ as command_line
from skymath_nb import bundles, folders, plans, runs, suite

STEPS = ("01_first", "02_second@again", "03_third")


def do(name, run="tiny", text="rows"):
    """Run a made-up step: 01 writes rows.txt and a folder, each later one reads rows.txt of the one before."""
    k = int(name[:2])
    notebook, _, label = name.partition("@")
    step = runs.step(notebook, run, label, k=k)
    if k > 1:
        step.input(STEPS[k - 2], "rows.txt")
        step.input("01_first", "models")
    else:
        (step.output("models") / "deep").mkdir(parents=True, exist_ok=True)
        (step.folder / "models" / "deep" / "weights").write_text("1")
        (step.folder / "models" / ".lock").write_text("")
    step.output("rows.txt").write_text(f"{text} {k}")
    step.finish({"n": k})
    for log in ("notebook.ipynb", "notebook.html"):
        runs.save(step.folder / log, "{}")


def write(step, code="from skymath_nb import runs"):
    """A step's notebook, that a plan can read."""
    name = step.partition("@")[0]
    write_notebook(runs.notebooks_folder(), name, 'run: str = "tiny"  # help\nlabel: str = ""  # help\nk: int = 1  # help', code)
    path = runs.notebooks_folder() / f"{name}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python"}
    path.write_text(json.dumps(notebook))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of three complete steps, and their notebooks."""
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    for step in STEPS:
        write(step)
        do(step)
    folder = tmp_path / "outputs" / "tiny"
    frozen = {"run": "tiny", "steps": {step: {"k": int(step[:2])} for step in STEPS}}
    runs.save(folder / "params.yaml", yaml.safe_dump(frozen, sort_keys=False))
    return folder


@pytest.fixture
def bundle(run, tmp_path):
    """The run as a bundle; then outputs/ is that of somebody else."""
    file = bundles.make("tiny", tmp_path / "class.zip", echo=print)
    run.parent.rename(tmp_path / "teacher")
    return file


def states(folder):
    table = suite.status(plans.load(folder / "params.yaml"))
    return dict(zip(table["step"], table["state"], strict=True))


def rewritten(file, change, extra=()):
    """The bundle with every (entry, bytes) changed, and more of them."""
    with zipfile.ZipFile(file) as old:
        entries = [(entry, old.read(entry)) for entry in old.infolist()]
    out = file.with_name("changed.zip")
    with zipfile.ZipFile(out, "w") as new:
        for entry, data in [*(change(entry.filename, data) or (entry, data) for entry, data in entries), *extra]:
            new.writestr(entry, data)
    return out


def test_taken_steps_are_fresh_verify_and_lie_as_they_were(bundle, capsys):
    assert command_line.main(["bundle", "take", str(bundle)]) == 0
    assert "All steps are complete" in capsys.readouterr().out
    folder = runs.root() / "tiny"
    assert set(states(folder).values()) == {"fresh"} and folders.verify("tiny").differing == []
    for step in STEPS:
        there = runs.files_of(folder / step)
        assert set(there) == set(runs.files_of(bundle.parent / "teacher" / "tiny" / step))
        assert runs.read_manifest(folder / step)["taken_from"] == "tiny (a bundle)"
    assert (folder / "index.html").is_file() and (folder / "run.json").is_file()
    assert not list(folder.glob(f"{bundles.DRAFT}*"))


def test_manifests_are_last_in_the_file(bundle):
    with zipfile.ZipFile(bundle) as file:
        names = file.namelist()
    assert names[:3] == ["bundle.json", "params.yaml", "run.json"]
    assert names[-3:] == [f"{step}/manifest.json" for step in STEPS] and not any(".lock" in name for name in names)


def test_who_failed_at_the_second_step_opens_the_third(bundle, capsys):
    do("01_first")  # equal bytes, of the attendee's own
    own = (runs.root() / "tiny" / "01_first" / "manifest.json").read_text()
    half = runs.root() / "tiny" / STEPS[1]
    half.mkdir()
    (half / "rows.txt").write_text("half")
    assert command_line.main(["bundle", "take", str(bundle), "--before", "03_third"]) == 0
    said = capsys.readouterr().out
    assert "01_first" in said.split("kept")[1] and 'open notebooks/03_third.ipynb with run = "tiny"' in said
    folder = runs.root() / "tiny"
    assert states(folder) == dict(zip(STEPS, ("fresh", "fresh", "missing"), strict=True))
    assert (folder / "01_first" / "manifest.json").read_text() == own
    assert runs.step("03_third", "tiny", k=3).input(STEPS[1], "rows.txt").read_text() == "rows 2"
    assert folders.verify("tiny").differing == []


def test_until_leaves_later_steps_out_and_before_tells_it(run, tmp_path, capsys):
    file = str(tmp_path / "class.zip")
    assert command_line.main(["bundle", "make", "tiny", file, "--until", "01_first"]) == 0
    assert "holds 1 of the 3 steps" in capsys.readouterr().out
    run.parent.rename(tmp_path / "teacher")
    assert command_line.main(["bundle", "take", file, "--before", "03_third"]) == 2
    assert "needs 02_second@again" in capsys.readouterr().err and not (runs.root() / "tiny").exists()
    assert command_line.main(["bundle", "take", file]) == 0
    assert 'label = "again"' in capsys.readouterr().out


def test_kept_steps_that_do_not_go_with_the_bundle_are_refused_and_a_fresh_run_is_offered(bundle, capsys):
    do("01_first", text="others")
    before = {name: path.read_bytes() for name, path in runs.files_of(runs.root() / "tiny").items()}
    assert command_line.main(["bundle", "take", str(bundle)]) == 2
    said = capsys.readouterr().err
    assert "02_second@again was made with another 01_first/rows.txt" in said and "--run tiny-taken" in said
    assert {name: path.read_bytes() for name, path in runs.files_of(runs.root() / "tiny").items()} == before
    assert command_line.main(["bundle", "take", str(bundle), "--run", "tiny-taken"]) == 0
    folder = runs.root() / "tiny-taken"
    assert set(states(folder).values()) == {"fresh"} and plans.load(folder / "params.yaml").run == "tiny-taken"


def test_a_kept_step_made_with_another_of_the_taken_ones_is_refused(bundle, capsys):
    do("01_first", text="others")
    do(STEPS[1])
    (runs.root() / "tiny" / "01_first" / "manifest.json").unlink()  # is being run again
    assert command_line.main(["bundle", "take", str(bundle)]) == 2
    assert "your 02_second@again was made with another 01_first/rows.txt" in capsys.readouterr().err


@pytest.mark.parametrize(
    "harm, said",
    [
        (lambda run: (run / STEPS[1] / "manifest.json").unlink(), ["not complete: 02_second@again", "--until 01_first"]),
        (lambda run: (run / "01_first" / "rows.txt").write_text("x"), ["01_first/rows.txt differs", "which 02_second@again reads"]),
        (lambda run: (run / STEPS[2] / "rows.txt").unlink(), ["03_third/rows.txt is missing"]),
        (lambda run: (run / "params.yaml").unlink(), ["has no params.yaml"]),
    ],
)
def test_a_run_that_is_not_whole_is_not_packed(run, tmp_path, harm, said, capsys):
    harm(run)
    assert command_line.main(["bundle", "make", "tiny", str(tmp_path / "class.zip")]) == 2
    error = capsys.readouterr().err
    assert all(line in error for line in said) and not list(tmp_path.glob("*.zip*"))


def test_a_run_at_work_is_neither_packed_nor_taken_into(run, tmp_path):
    file = bundles.make("tiny", tmp_path / "class.zip")
    with runs.claim(run):
        assert command_line.main(["bundle", "make", "tiny", str(tmp_path / "other.zip")]) == 5
        assert command_line.main(["bundle", "take", str(file)]) == 5


@pytest.mark.parametrize(
    "name", ["../out", "/out", "01_first/../../out", "01_first\\out", "C:/out", "01_first/models/../../../out", "more.txt"]
)
def test_a_file_outside_of_the_steps_outputs_is_refused(bundle, name, capsys):
    file = rewritten(bundle, lambda *_: None, [(name, b"x")])
    assert command_line.main(["bundle", "take", str(file)]) == 2
    assert "Nothing was taken" in capsys.readouterr().err and not runs.root().exists()


def test_links_are_refused(bundle, capsys):
    link = zipfile.ZipInfo("01_first/models/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    file = rewritten(bundle, lambda *_: None, [(link, b"/etc")])
    assert command_line.main(["bundle", "take", str(file)]) == 2
    assert "a link" in capsys.readouterr().err and not runs.root().exists()


@pytest.mark.parametrize("name", ["01_first/rows.txt", "01_first/models/deep/weights", "03_third/report.json"])
def test_a_file_that_is_not_what_its_manifest_says_is_refused(bundle, name, capsys):
    file = rewritten(bundle, lambda entry, data: (entry, b"other") if entry == name else None)
    assert command_line.main(["bundle", "take", str(file)]) == 2
    assert "differs" in capsys.readouterr().err and not (runs.root() / "tiny").exists()


def test_a_manifest_that_names_places_outside_is_refused(bundle, capsys):
    def change(entry, data):
        if entry == "02_second@again/manifest.json":
            manifest = json.loads(data)
            manifest["inputs"]["01_first/../../x"] = "0"
            return entry, json.dumps(manifest)

    assert command_line.main(["bundle", "take", str(rewritten(bundle, change))]) == 2
    assert "outside its folder" in capsys.readouterr().err


def test_a_cut_file_and_another_zip_are_told(bundle, capsys):
    cut = bundle.with_name("cut.zip")
    cut.write_bytes(bundle.read_bytes()[:-500])
    other = bundle.with_name("other.zip")
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("a.txt", "a")
    assert command_line.main(["bundle", "take", str(cut)]) == 2 and command_line.main(["bundle", "take", str(other)]) == 2
    said = capsys.readouterr().err
    assert "no bundle, or a damaged one" in said and "no bundle.json" in said


def test_a_full_disk_stops_it_before_it_writes(bundle, monkeypatch, capsys):
    monkeypatch.setattr(bundles.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert command_line.main(["bundle", "take", str(bundle)]) == 2
    assert "Free some space" in capsys.readouterr().err and not (runs.root() / "tiny").exists()


def test_what_a_killed_process_left_is_cleared_away(bundle):
    left = runs.root() / "tiny" / f"{bundles.DRAFT}1" / "01_first"
    left.mkdir(parents=True)
    bundles.take(bundle)
    assert not left.parent.exists() and set(states(runs.root() / "tiny").values()) == {"fresh"}


def test_steps_of_other_code_are_told(bundle, capsys):
    write("01_first", "from skymath_nb import words")
    bundles.take(bundle)
    assert "stale (--keep-stale keeps them): 01_first\n" in capsys.readouterr().out


def test_a_flipped_byte_is_told_and_nothing_is_taken(bundle, capsys):
    data = bytearray(bundle.read_bytes())
    with zipfile.ZipFile(bundle) as packed:
        entry = packed.getinfo("01_first/manifest.json")
    data[entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2] ^= 0xFF
    flipped = bundle.with_name("flipped.zip")
    flipped.write_bytes(data)
    assert command_line.main(["bundle", "take", str(flipped), "--run", "other"]) == 2
    assert "Nothing was taken" in capsys.readouterr().err and not (runs.root() / "other").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", "run: r\nsteps: {}\n"),
        ("params.yaml", "run: [\n"),
        ("run.json", "[]"),
        ("01_first/manifest.json", {"seconds": "long"}),
        ("01_first/manifest.json", {"uses": {"x": 3}}),
    ],
)
def test_what_the_bundle_says_of_itself_is_read_before_anything_is_taken(bundle, name, text, capsys):
    def change(entry, data):
        if entry == name:
            return entry, text if isinstance(text, str) else json.dumps(json.loads(data) | text)

    file = rewritten(bundle, change)
    assert command_line.main(["bundle", "take", str(file), "--run", "other"]) == 2
    assert "error: " in capsys.readouterr().err and not (runs.root() / "other").exists()
