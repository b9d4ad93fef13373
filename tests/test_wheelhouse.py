"""A wheelhouse is filled for another platform; uv is a stand-in, pip is real and has a folder of made-up wheels for an index."""

import json
import os
import stat
import subprocess
import sys
import zipfile

import pytest

from skymath_nb import __main__ as command_line
from skymath_nb import runs, wheelhouse

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for uv is a script")
PINS = {"both": "1.0", "only-there": "2.0+cpu"}
INDEXES = ("PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT", "PIP_FIND_LINKS", "UV_INDEX")
FIND, ASK = wheelhouse._uv, wheelhouse._pip_options
UV = """#!{python}
import json, os, pathlib, sys
pathlib.Path({log!r}).write_text(json.dumps([sys.argv[1:], dict(os.environ), pathlib.Path(sys.argv[4]).read_text()]))
print({said!r})
sys.exit({code})
"""


def wheel(folder, name, version="1.0", tags="py3-none-any"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace('-', '_')}-{version}-{tags}.whl"
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n")
        file.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A small repository with one commit, pip that knows one folder, and uv that says PINS."""
    root, bin = tmp_path / "clone", tmp_path / "bin"
    root.mkdir()
    bin.mkdir()
    (root / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools>=77"]\n[project]\nrequires-python = ">=3.11"\n')
    (root / "constraints.txt").write_text("")
    own = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-C", root]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *own, *words], check=True)
    monkeypatch.setattr(runs, "home", lambda: root)
    for name in INDEXES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setattr(wheelhouse, "_uv", lambda: str(bin / "uv"))
    monkeypatch.setattr(wheelhouse, "_pip_options", dict)  # asking pip takes a second

    def uv(said="both==1.0\nonly-there==2.0+cpu", code=0):
        path = bin / "uv"
        path.write_text(UV.format(python=sys.executable, log=str(tmp_path / "asked.json"), said=said, code=code))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    uv()
    wheel(tmp_path / "index", "both")
    wheel(tmp_path / "index", "only-there", "2.0+cpu", "cp312-cp312-win_amd64")
    wheel(tmp_path / "index", "only-there", "2.0+cpu", "cp312-cp312-manylinux_2_28_x86_64")
    return tmp_path, uv


WINDOWS = ["--platform", "windows", "--python", "3.12"]


def test_a_folder_is_filled_for_another_platform_and_a_rerun_fetches_nothing(room, capsys):
    place, _ = room
    house = place / "house"
    assert command_line.main(["wheelhouse", str(house), *WINDOWS]) == 0
    assert "complete for windows, Python 3.12: 2 wheels" in capsys.readouterr().out
    names = ["both-1.0-py3-none-any.whl", "only_there-2.0+cpu-cp312-cp312-win_amd64.whl"]
    assert sorted(path.name for path in (house / "wheels").iterdir()) == names
    manifest = json.loads((house / "MANIFEST.json").read_text())
    assert manifest["wheels"] == {name: runs.digest_file(house / "wheels" / name) for name in names}
    assert (manifest["platform"], manifest["python"], len(manifest["commit"])) == ("windows", "3.12", 40)
    with zipfile.ZipFile(house / "skymath-nb.zip") as archive:
        assert "skymath-nb/pyproject.toml" in archive.namelist()
    told = (house / "INSTALL.txt").read_text()
    assert r"--no-index --find-links ..\wheels -c constraints.txt" in told and str(place) not in told + json.dumps(manifest)
    for path in (place / "index").iterdir():
        path.unlink()  # nothing is left to fetch from
    assert command_line.main(["wheelhouse", str(house), *WINDOWS]) == 0
    assert "2 packages, 0 to fetch" in capsys.readouterr().out
    assert not [path for path in house.iterdir() if path.name.startswith(".draft")]


def test_a_damaged_wheel_is_fetched_again(room, capsys):
    house = room[0] / "house"
    command_line.main(["wheelhouse", str(house), *WINDOWS])
    path = house / "wheels" / "both-1.0-py3-none-any.whl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert command_line.main(["wheelhouse", str(house), *WINDOWS]) == 0
    assert "is damaged" in capsys.readouterr().out and path.read_bytes() == whole


def test_uv_is_asked_for_the_platform_with_pips_indexes_and_no_password_on_its_command_line(room, monkeypatch):
    place, _ = room
    monkeypatch.setattr(wheelhouse, "_pip_options", ASK)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@one.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://two.example/cpu https://three.example/simple")
    monkeypatch.setenv("PIP_CERT", "/certificates.pem")
    monkeypatch.setenv("UV_INDEX", "https://other.example")
    assert wheelhouse.resolve(str(place / "bin" / "uv"), wheelhouse.target("macos", "3.12.4")) == PINS
    words, environment, build = json.loads((place / "asked.json").read_text())
    line = " ".join(words)
    assert "--extra dev" in line and "--python-platform aarch64-apple-darwin --python-version 3.12.4" in line and "secret" not in line
    assert environment["UV_DEFAULT_INDEX"] == "https://me:secret@one.example/simple" and "--no-index" not in words
    assert environment["UV_INDEX"] == "https://two.example/cpu https://three.example/simple"
    assert environment["UV_FIND_LINKS"] == str(place / "index") and environment["SSL_CERT_FILE"] == "/certificates.pem"
    assert build.split() == ["pip", "wheel", "setuptools>=77"] and environment["MACOSX_DEPLOYMENT_TARGET"] == "14.0"


def test_packages_for_gpus_are_refused_before_anything_is_fetched(room, capsys):
    place, uv = room
    uv("torch==2.13.0\nnvidia-cublas==13.1\ntriton==3.7")
    assert command_line.main(["wheelhouse", str(place / "house"), "--platform", "linux", "--python", "3.12"]) == 2
    assert "PIP_EXTRA_INDEX_URL" in capsys.readouterr().err and not (place / "house").exists()


def test_every_package_without_a_wheel_is_named_at_once_and_the_others_are_kept(room, capsys):
    place, uv = room
    uv("both==1.0\nonly-source==3.0\nOther.Source==4.0")
    assert command_line.main(["wheelhouse", str(place / "house"), *WINDOWS]) == 2
    said = capsys.readouterr().err
    assert "only-source==3.0, other-source==4.0" in said or "other-source==4.0, only-source==3.0" in said
    assert [path.name for path in (place / "house" / "wheels").iterdir()] == ["both-1.0-py3-none-any.whl"]
    assert not (place / "house" / "MANIFEST.json").exists()
    for name, version in (("only-source", "3.0"), ("other.source", "4.0")):  # built by hand
        wheel(place / "house" / "wheels", name, version)
    assert command_line.main(["wheelhouse", str(place / "house"), *WINDOWS]) == 0


@pytest.mark.parametrize("complete", [True, False])
def test_another_targets_wheelhouse_is_refused(room, complete, capsys):
    house = room[0] / "house"
    command_line.main(["wheelhouse", str(house), *WINDOWS])
    if not complete:
        (house / "MANIFEST.json").unlink()
    for other in (["--platform", "linux", "--python", "3.12"], ["--platform", "windows", "--python", "3.13"]):
        assert command_line.main(["wheelhouse", str(house), *other]) == 2
        assert "Name another folder" in capsys.readouterr().err


def test_a_folder_of_other_things_is_refused(room, capsys):
    place, _ = room
    assert command_line.main(["wheelhouse", str(place / "clone"), *WINDOWS]) == 2
    assert "holds other things" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, said",
    [
        (["--platform", "mac"], "nearest: macos"),
        (["--python", "3.10"], "needs >=3.11"),
        (["--python", "newest"], "written as 3.12"),
    ],
)
def test_an_unknown_platform_or_python_is_refused(room, words, said, capsys):
    assert command_line.main(["wheelhouse", str(room[0] / "house"), *words]) == 2
    assert said in capsys.readouterr().err


def test_without_uv_or_with_uv_in_trouble_it_says_what_to_do(room, monkeypatch, capsys):
    place, uv = room
    uv(code=1)
    assert command_line.main(["wheelhouse", str(place / "house"), *WINDOWS]) == 2
    assert "no set of packages for windows" in capsys.readouterr().err
    monkeypatch.setattr(wheelhouse, "_uv", FIND)
    monkeypatch.setattr(wheelhouse.sys, "executable", str(place / "elsewhere" / "python"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    if wheelhouse.shutil.which("uv"):
        pytest.skip("uv is installed for the whole machine")
    assert command_line.main(["wheelhouse", str(place / "house"), *WINDOWS]) == 2
    assert "pip install uv" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, some, none",
    [
        ("linux", "manylinux2014_x86_64", "manylinux_2_31_x86_64"),
        ("linux-arm", "manylinux_2_28_aarch64", "manylinux2010_aarch64"),
        ("macos", "macosx_11_0_arm64", "macosx_15_0_arm64"),
        ("windows", "win_amd64", "win32"),
    ],
)
def test_a_platform_takes_what_its_oldest_supported_machine_takes(name, some, none):
    tags = wheelhouse.target(name, "3.12").tags
    assert some in tags and none not in tags
