import gzip
import io
import json
import os
import socket
import tarfile
from types import SimpleNamespace

import pytest
import yaml
from sample_files import write_notebook

from skymath_nb import __main__ as command_line
from skymath_nb.commands import bundle as bundles
from skymath_nb.core import digests, disk, locks, manifests, paths
from skymath_nb.runner import folders, params, steps, suite

STEPS = ("01_first", "02_second@again", "03_third")


def do(name, run="tiny", text="rows"):
    """Run a made-up step: 01 writes rows.txt and a folder, each later one reads rows.txt of the one
    before.
    """
    k = int(name[:2])
    notebook, _, label = name.partition("@")
    step = steps.start(notebook, run, label, k=k)
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
        disk.save(step.folder / log, "{}")


def write(step, code="from skymath_nb import runner"):
    """A step's notebook, that a plan can read."""
    name = step.partition("@")[0]
    write_notebook(
        paths.notebooks_folder(),
        name,
        'run: str = "tiny"  # help\nlabel: str = ""  # help\nk: int = 1  # help',
        code,
    )
    path = paths.notebooks_folder() / f"{name}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["kernelspec"] = {
        "name": "python3",
        "language": "python",
        "display_name": "Python",
    }
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
    disk.save(folder / "params.yaml", yaml.safe_dump(frozen, sort_keys=False))
    return folder


@pytest.fixture
def bundle(run, tmp_path):
    """The run as a bundle; then outputs/ is that of somebody else."""
    file = bundles.make("tiny", tmp_path / "class.tar.gz", echo=print)
    run.parent.rename(tmp_path / "teacher")
    return file


def states(folder):
    table = suite.status(params.load(folder / "params.yaml"))
    return dict(zip(table["step"], table["state"], strict=True))


def rewritten(file, change=lambda name, data: data, extra=()):
    """The bundle with every file's bytes changed, and more entries: (name or TarInfo, bytes)."""
    out = file.with_name("changed.tar.gz")
    with tarfile.open(file) as old, tarfile.open(out, "w:gz") as new:
        entries = [(entry.name, change(entry.name, old.extractfile(entry).read())) for entry in old]
        for entry, data in [*entries, *extra]:
            entry = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(entry)
            entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))
    return out


def with_manifest(step, **change):
    """A change of one manifest, for `rewritten`."""

    def act(name, data):
        if name != f"{step}/manifest.json":
            return data
        manifest = json.loads(data)
        return json.dumps(
            manifest
            | {key: new(manifest[key]) if callable(new) else new for key, new in change.items()}
        ).encode()

    return act


def refused(file, capsys, *words, run=()):
    """What the command says of a bundle that it must refuse, leaving nothing."""
    before = sorted(paths.runs_folder().rglob("*")) if paths.runs_folder().exists() else []
    assert command_line.main(["bundle", "take", str(file), *run]) == 2
    said = capsys.readouterr().err
    assert "Nothing was taken" in said and all(word in said for word in words), said
    assert (
        sorted(paths.runs_folder().rglob("*")) if paths.runs_folder().exists() else []
    ) == before
    return said


def test_taken_steps_are_fresh_verify_and_lie_as_they_were(bundle, capsys):
    assert command_line.main(["bundle", "take", str(bundle)]) == 0
    assert "All steps are complete" in capsys.readouterr().out
    folder = paths.runs_folder() / "tiny"
    assert set(states(folder).values()) == {"fresh"} and folders.verify("tiny").differing == []
    for step in STEPS:
        there = disk.files_of(folder / step)
        assert set(there) == set(disk.files_of(bundle.parent / "teacher" / "tiny" / step))
        manifest = manifests.read(folder / step)
        assert (manifest["taken_from"], manifest[manifests.FOREIGN]) == ("tiny", "class.tar.gz")
    assert (folder / "index.html").is_file() and (folder / "run.json").is_file()
    assert not list(paths.runs_folder().glob(f"{bundles.DRAFT}*"))


def test_a_bundle_is_a_run_folder_without_locks(bundle):
    with tarfile.open(bundle) as file:
        names = file.getnames()
    assert names[:2] == ["params.yaml", "run.json"] and not any(".lock" in name for name in names)
    assert {f"{step}/manifest.json" for step in STEPS} <= set(names)


def test_who_failed_at_the_second_step_opens_the_third(bundle, capsys):
    do("01_first")  # equal bytes, of the attendee's own
    own = (paths.runs_folder() / "tiny" / "01_first" / "manifest.json").read_text()
    half = paths.runs_folder() / "tiny" / STEPS[1]
    half.mkdir()
    (half / "rows.txt").write_text("half")
    assert command_line.main(["bundle", "take", str(bundle), "--before", "03_third"]) == 0
    said = capsys.readouterr().out
    assert (
        "01_first" in said.split("kept")[1]
        and 'open notebooks/03_third.ipynb with run = "tiny"' in said
    )
    folder = paths.runs_folder() / "tiny"
    assert states(folder) == dict(zip(STEPS, ("fresh", "fresh", "missing"), strict=True))
    assert (folder / "01_first" / "manifest.json").read_text() == own
    assert steps.start("03_third", "tiny", k=3).input(STEPS[1], "rows.txt").read_text() == "rows 2"
    assert folders.verify("tiny").differing == []


def test_until_leaves_later_steps_out_and_before_tells_it(run, tmp_path, capsys):
    file = str(tmp_path / "class.tar.gz")
    assert command_line.main(["bundle", "make", "tiny", file, "--until", "01_first"]) == 0
    assert "holds 1 of the 3 steps" in capsys.readouterr().out
    run.parent.rename(tmp_path / "teacher")
    assert command_line.main(["bundle", "take", file, "--before", "03_third"]) == 2
    assert (
        "needs 02_second@again" in capsys.readouterr().err
        and not (paths.runs_folder() / "tiny").exists()
    )
    assert command_line.main(["bundle", "take", file]) == 0
    assert 'label = "again"' in capsys.readouterr().out


def test_kept_steps_that_do_not_go_with_the_bundle_are_refused_and_a_fresh_run_is_offered(
    bundle, capsys
):
    do("01_first", text="others")
    before = {
        name: path.read_bytes()
        for name, path in disk.files_of(paths.runs_folder() / "tiny").items()
    }
    assert command_line.main(["bundle", "take", str(bundle)]) == 2
    said = capsys.readouterr().err
    assert (
        "02_second@again was made with another 01_first/rows.txt" in said
        and "--run tiny-taken" in said
    )
    assert {
        name: path.read_bytes()
        for name, path in disk.files_of(paths.runs_folder() / "tiny").items()
    } == before
    assert command_line.main(["bundle", "take", str(bundle), "--run", "tiny-taken"]) == 0
    folder = paths.runs_folder() / "tiny-taken"
    assert (
        set(states(folder).values()) == {"fresh"}
        and params.load(folder / "params.yaml").run == "tiny-taken"
    )


def test_a_kept_step_made_with_another_of_the_taken_ones_is_refused(bundle, capsys):
    do("01_first", text="others")
    do(STEPS[1])
    (paths.runs_folder() / "tiny" / "01_first" / "manifest.json").unlink()  # is being run again
    assert command_line.main(["bundle", "take", str(bundle)]) == 2
    assert "your 02_second@again was made with another 01_first/rows.txt" in capsys.readouterr().err


@pytest.mark.parametrize(
    "harm, said",
    [
        (
            lambda run: (run / STEPS[1] / "manifest.json").unlink(),
            ["not complete: 02_second@again", "--until 01_first"],
        ),
        (
            lambda run: (run / "01_first" / "rows.txt").write_text("x"),
            [
                "01_first: output rows.txt has the digest",
                "02_second@again: input 01_first/rows.txt has",
            ],
        ),
        (
            lambda run: (run / STEPS[2] / "rows.txt").unlink(),
            ["03_third: output rows.txt is missing"],
        ),
        (lambda run: (run / "params.yaml").unlink(), ["has no params.yaml"]),
    ],
)
def test_a_run_that_is_not_whole_is_not_packed(run, tmp_path, harm, said, capsys):
    harm(run)
    assert command_line.main(["bundle", "make", "tiny", str(tmp_path / "class.tar.gz")]) == 2
    error = capsys.readouterr().err
    assert all(line in error for line in said) and not list(tmp_path.glob("*.gz*"))


def test_a_run_at_work_is_neither_packed_nor_taken_into(run, tmp_path):
    file = bundles.make("tiny", tmp_path / "class.tar.gz")
    with locks.claim(run):
        assert command_line.main(["bundle", "make", "tiny", str(tmp_path / "other.zip")]) == 5
        assert command_line.main(["bundle", "take", str(file)]) == 5


@pytest.mark.parametrize(
    "name",
    [
        "../out",
        "/out",
        "01_first/../../out",
        "01_first\\out",
        "C:/out",
        "./x/../../out",
        "more.txt",
        "01_first/.hidden/../../../out",
        "x" * 99,
    ],
)
def test_a_file_outside_of_the_steps_outputs_is_refused(bundle, name, capsys):
    refused(rewritten(bundle, extra=[(name, b"x")]), capsys)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
@pytest.mark.parametrize(
    "name", ["01_first/models/link", "01_first/rows.txt", "params.yaml", "04_more"]
)
def test_links_and_special_files_are_refused(bundle, kind, name, capsys):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.devmajor, entry.devminor = kind, "/dev/zero", 1, 5
    refused(rewritten(bundle, extra=[(entry, b"")]), capsys, "link, a device")


@pytest.mark.parametrize(
    "name", ["01_first/rows.txt", "01_first/models/deep/weights", "03_third/report.json"]
)
def test_a_file_that_is_not_what_its_manifest_says_is_refused(bundle, name, capsys):
    refused(
        rewritten(bundle, lambda entry, data: b"other" if entry == name else data),
        capsys,
        "recorded is",
    )


@pytest.mark.parametrize(
    "name", ["../out", "/etc/passwd", "a/../../out", "..", "", ".", "manifest.json", "a\\b", "C:/x"]
)
@pytest.mark.parametrize("key", ["inputs", "outputs"])
def test_a_manifest_that_names_places_outside_is_refused(bundle, key, name, capsys):
    if (key, name) == ("inputs", "manifest.json"):
        name = "../tiny/rows.txt"
    name = f"01_first/{name}" if key == "inputs" else name
    record = "0" if key == "inputs" else {"sha256": "0", "bytes": 0}
    refused(
        rewritten(
            bundle, with_manifest("02_second@again", **{key: lambda found: found | {name: record}})
        ),
        capsys,
        "not a manifest",
    )


@pytest.mark.parametrize("step", ["../x", "/x", "02_second@../x", ".x"])
def test_a_params_file_of_a_bundle_names_steps_and_a_run_by_plain_names(bundle, step, capsys):
    for text in ({"run": "tiny", "steps": {step: {}}}, {"run": step, "steps": {"01_first": {}}}):
        change = yaml.safe_dump(text).encode()
        refused(
            rewritten(
                bundle, lambda name, data, change=change: change if name == "params.yaml" else data
            ),
            capsys,
        )


def test_a_cut_file_another_archive_and_no_file_are_told(bundle, capsys):
    cut, other = bundle.with_name("cut.tar.gz"), bundle.with_name("other.tar.gz")
    cut.write_bytes(bundle.read_bytes()[:-500])
    with tarfile.open(other, "w:gz") as file:
        file.addfile(tarfile.TarInfo("a.txt"))
    text = bundle.with_name("text.tar.gz")
    text.write_text("no archive")
    for file in (cut, other, text):
        refused(file, capsys, "no bundle, or a damaged one")
    os.mkfifo(bundle.with_name("pipe"))
    for file in ("/dev/zero", str(bundle.with_name("pipe")), str(bundle.parent), "missing"):
        assert command_line.main(["bundle", "take", file]) == 2
        assert "There is no file" in capsys.readouterr().err


def test_what_unpacks_to_more_than_the_disk_has_is_refused_before_it_is_read(
    bundle, capsys, monkeypatch
):
    """A gigabyte of zeros is a megabyte of gzip.

    What an entry says of its size counts, and nothing of it is unpacked.
    """
    monkeypatch.setattr(
        bundles.shutil, "disk_usage", lambda _: SimpleNamespace(free=disk.MIN_FREE_BYTES + 1e8)
    )
    bomb, entry = bundle.with_name("bomb.tar.gz"), tarfile.TarInfo("01_first/rows.txt")
    entry.size = 10**12
    with gzip.open(bomb, "wb") as file:
        file.write(entry.tobuf() + b"\0" * 512)
    refused(bomb, capsys, "unpacks to over 100 MB")


def test_aliases_that_stand_for_a_thousand_millions_are_refused(bundle, capsys):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)
    ]
    text = "run: tiny\nsteps:\n  01_first:\n" + "".join(f"    {line}\n" for line in lines)
    refused(
        rewritten(bundle, lambda name, data: text.encode() if name == "params.yaml" else data),
        capsys,
        "stands for more than",
    )


def test_a_full_disk_stops_it_before_it_writes(bundle, monkeypatch, capsys):
    monkeypatch.setattr(bundles.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert command_line.main(["bundle", "take", str(bundle)]) == 2
    assert (
        "free some space" in capsys.readouterr().err and not (paths.runs_folder() / "tiny").exists()
    )


def test_what_a_killed_process_left_is_cleared_away_and_what_another_is_at_work_on_stays(bundle):
    left, other = (
        paths.runs_folder() / f"{bundles.DRAFT}1",
        paths.runs_folder() / f"{bundles.DRAFT}2",
    )
    (left / "01_first").mkdir(parents=True)
    with locks.claim(other):
        bundles.take(bundle)
        assert (
            not left.exists()
            and other.exists()
            and set(states(paths.runs_folder() / "tiny").values()) == {"fresh"}
        )


def test_status_tells_steps_of_other_code(bundle):
    write("01_first", "from skymath_nb.selection import ngrams as words")
    assert states(bundles.take(bundle))["01_first"] == "edited"


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_flipped_byte_is_told_and_nothing_is_taken(bundle, part, capsys):
    data = bytearray(bundle.read_bytes())
    data[int(len(data) * part)] ^= 0xFF
    flipped = bundle.with_name("flipped.tar.gz")
    flipped.write_bytes(data)
    refused(flipped, capsys, run=["--run", "other"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", "run: r\nsteps: {}\n"),
        ("params.yaml", "run: [\n"),
        ("params.yaml", "run: r\nsteps: {01_first: 3}\n"),
        ("run.json", "[]"),
        ("run.json", '{"machine": 3}'),
        ("01_first/manifest.json", {"seconds": "long"}),
        ("01_first/manifest.json", {"uses": {"x": 3}}),
        ("01_first/manifest.json", {"uses": {"x": {"path": 3, "sha256": ""}}}),
        ("01_first/manifest.json", {"code": []}),
        ("01_first/manifest.json", {"code": {}}),
        ("01_first/manifest.json", {"uses": {"x": {}}}),
        ("01_first/manifest.json", {"outputs": {"rows.txt": {}}}),
        ("01_first/manifest.json", "{}"),
        ("01_first/manifest.json", {"step": "02_second"}),
        ("01_first/manifest.json", {"inputs": {"03_third/rows.txt": "0"}}),
        ("01_first/manifest.json", "[" * 100_000),
    ],
)
def test_what_the_bundle_says_of_itself_is_read_before_anything_is_taken(
    bundle, name, text, capsys
):
    def change(entry, data):
        if entry != name:
            return data
        return (text if isinstance(text, str) else json.dumps(json.loads(data) | text)).encode()

    refused(rewritten(bundle, change), capsys, run=["--run", "other"])


@pytest.fixture(
    params=["zero", "pipe", "socket", "link", "circle", "system", "folder", "root", "home"]
)
def endless(request, tmp_path, monkeypatch):
    """A path that a reader would not come back from, or not soon."""
    pipe, link = tmp_path / "pipe", tmp_path / "linked"
    if request.param == "socket":
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")
        return str(tmp_path / "socket")
    if request.param == "folder":
        monkeypatch.setattr(disk, "MOST_FILES", 50)
        (tmp_path / "many").mkdir()
        for n in range(100):
            (tmp_path / "many" / str(n)).touch()
        return str(tmp_path / "many")
    if request.param == "pipe":
        os.mkfifo(pipe)
        return str(pipe)
    if request.param == "circle":
        link.symlink_to(link)
        return str(link)
    if request.param == "link":
        link.symlink_to("/dev/zero")
        return str(link)
    names = {"zero": "/dev/zero", "system": "/proc/kmsg", "root": "/", "home": "$HOME"}
    return names[request.param]


def test_take_verify_and_status_end_whatever_a_manifest_uses(bundle, endless, capsys):
    file = rewritten(
        bundle, with_manifest("01_first", uses={"data": {"path": endless, "sha256": "0"}})
    )
    bundles.take(file)
    folder = paths.runs_folder() / "tiny"
    verified = command_line.main(["verify", "tiny"])
    said = capsys.readouterr().out
    assert (
        "outside data data cannot be checked" in said
        and verified == 1
        or "not on this machine" in said
        and endless == "$HOME"
    )
    assert states(folder)["01_first"] == "stale"


def test_a_run_folder_without_a_mark_is_read_no_further(run, endless, capsys):
    """Copied by hand it cannot be told from one's own.

    Still only regular files are read, and of a folder no more than a step has.
    """
    path = run / "01_first" / "manifest.json"
    path.write_text(
        json.dumps(
            json.loads(path.read_text()) | {"uses": {"data": {"path": endless, "sha256": "0"}}}
        )
    )
    assert states(run)["01_first"] == "stale"
    assert command_line.main(["verify", "tiny"]) == int(os.path.exists(endless))
    assert "data" in capsys.readouterr().out


def test_a_taken_step_reads_outside_files_only_in_known_folders(
    bundle, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("SKYMATH_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    for name in ("data/known", "private"):
        (tmp_path / name).write_text("text")
    uses = {
        "known": "$SKYMATH_DATA/known",
        "private": str(tmp_path / "private"),
        "up": "$SKYMATH_DATA/../private",
    }
    digest = digests.of_file(tmp_path / "private")
    change = with_manifest(
        "01_first", uses={name: {"path": path, "sha256": digest} for name, path in uses.items()}
    )
    bundles.take(rewritten(bundle, change))
    assert command_line.main(["verify", "tiny"]) == 1
    said = capsys.readouterr().out
    assert "outside data known" not in said and all(
        f"outside data {name} cannot be checked" in said for name in ("private", "up")
    )


def test_no_output_is_put_anywhere_but_into_its_step(run, tmp_path, capsys):
    """Of a run folder that lies among one's own.

    Status and verify say what is wrong with it, and nothing is taken over from it.
    """
    (tmp_path / "precious").write_text("kept")
    manifest = json.loads((run / "01_first" / "manifest.json").read_text())
    manifest["outputs"]["../../../precious"] = {"sha256": "0", "bytes": 4}
    (run / "01_first" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="precious"):
        manifests.take(run / "01_first", paths.runs_folder() / "other" / "01_first", manifest)
    assert (
        command_line.main(["verify", "tiny"]) == 2
        and "is not a manifest" in capsys.readouterr().err
    )
    assert (tmp_path / "precious").read_text() == "kept"


def test_an_output_that_is_a_pipe_or_leads_out_is_not_read(run, capsys):
    rows = run / "01_first" / "rows.txt"
    rows.unlink()
    os.mkfifo(rows)
    assert command_line.main(["verify", "tiny"]) == 1 and states(run)["01_first"] == "missing"
    rows.unlink()
    rows.symlink_to("/dev/zero")
    assert command_line.main(["verify", "tiny"]) == 1
    assert "01_first: output rows.txt cannot be checked" in capsys.readouterr().out
