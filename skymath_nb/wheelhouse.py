"""A wheelhouse: all that a room without a network needs to set this project up, for one platform and one Python, on the CPU.

    DIR/wheels/           every wheel of `pip install -c constraints.txt -e '.[dev]'`, and what builds the project itself
    DIR/skymath-nb.zip    the repository as committed
    DIR/INSTALL.txt       the commands to type there
    DIR/MANIFEST.json     platform, Python, commit and all digests, written last: its presence means complete

pip reads the environment markers of the machine it runs on, whatever platform it downloads for. So uv resolves for the other
platform, and pip only downloads that list, from the indexes that it is configured to; uv is handed the same ones.
"""

import ast
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from skymath_nb import runs
from skymath_nb.plans import nearest

ARCHIVE = "skymath-nb.zip"
GLIBC, OLDEST = 28, {"x86_64": 5, "aarch64": 17}  # of manylinux_2_N: what torch needs, and where the names begin
MACOS = (14, 0)  # what torch needs
PLATFORMS = {  # as uv calls them
    "linux": "x86_64-manylinux_2_28",
    "linux-arm": "aarch64-manylinux_2_28",
    "macos": "aarch64-apple-darwin",
    "windows": "x86_64-pc-windows-msvc",
}
NAMES = "linux, linux-arm, macos (Apple silicon; PyTorch has no wheels for Intel), windows"
HERE = {  # what Python says of a machine
    ("linux", "x86_64"): "linux",
    ("linux", "aarch64"): "linux-arm",
    ("darwin", "arm64"): "macos",
    ("win32", "amd64"): "windows",
}
GPU = re.compile(r"nvidia-|cuda-|triton$")  # packages that torch's CUDA build brings
OTHERS = ("UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_NO_INDEX", "UV_CONSTRAINT")


class WheelhouseError(RuntimeError):
    """The wheelhouse cannot be filled; the message says what is lacking and what to do."""


class Target(NamedTuple):
    """A platform by our name, a Python version (3.12 or 3.12.4), and the platform tags of the wheels that fit, best first."""

    platform: str
    python: str
    tags: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.platform}, Python {self.python}"

    @property
    def minor(self) -> str:
        return ".".join(self.python.split(".")[:2])


def target(name: str = "", python: str = "") -> Target:
    """The target meant by a platform and a Python version; by default this machine's.

    Raises:  ValueError if there is no such platform, or the project does not run on that Python.
    """
    from packaging.specifiers import SpecifierSet

    own = HERE.get((sys.platform, platform.machine().lower()))
    name = name or own
    if name not in PLATFORMS:
        what = f"this machine ({sys.platform}, {platform.machine()})" if name is None else f"--platform {name}"
        raise ValueError(f"A wheelhouse for {what} was asked for{nearest(name, PLATFORMS)}. Platforms are {NAMES}.")
    python = python or platform.python_version()
    needed = _project()["project"]["requires-python"]
    if not re.fullmatch(r"3\.\d+(\.\d+)?", python) or not SpecifierSet(needed).contains(python):
        raise ValueError(f"--python {python} was asked for; the project needs {needed}, written as 3.12 or 3.12.4.")
    if python.count(".") == 1 and platform.python_version().startswith(f"{python}."):
        python = platform.python_version()  # packages may ask for a patch release; of this one it is known
    return Target(name, python, tuple(_tags(name)))


def _tags(name: str) -> list[str]:
    from packaging import tags

    if name == "windows":
        return ["win_amd64"]
    if name == "macos":
        return list(tags.mac_platforms(MACOS, "arm64"))
    machine = PLATFORMS[name].split("-")[0]
    older = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    many = [[f"manylinux_2_{n}", *filter(None, [older.get(n)])] for n in range(GLIBC, OLDEST[machine] - 1, -1)]
    return [f"{tag}_{machine}" for tag in [*sum(many, []), "linux"]]


def fill(folder: str | Path, aim: Target, echo: Callable[[str], None] = print) -> Path:
    """Fill a folder for a target and return its manifest's path; what is there already is not fetched again.

    Raises:  ValueError for a folder that is something else, or a set that holds packages for GPUs; WheelhouseError without uv or git,
             where uv or pip fail, and where packages have no wheel: all of them are named, and the others are kept.
    """
    folder = Path(folder).expanduser().resolve()
    commit = _commit(echo)
    uv = _uv()
    before = _there(folder, aim)
    echo(f"resolving for {aim}")
    pins = resolve(uv, aim)
    if heavy := [name for name in pins if GPU.match(name)]:
        raise ValueError(
            f"torch {pins.get('torch')} for {aim.platform} brings {len(heavy)} packages for GPUs ({', '.join(heavy[:3])}, ...), gigabytes. "
            "Nothing was downloaded. Set PIP_EXTRA_INDEX_URL to the CPU index that PyTorch's install page names, then run this again."
        )
    with runs.claim(folder):
        wheels = folder / "wheels"
        wheels.mkdir(exist_ok=True)
        for file, digest in before.items():
            if (wheels / file).is_file() and runs.digest_file(wheels / file) != digest:
                echo(f"{file} is damaged and is fetched again")
                (wheels / file).unlink()
        missing = {name: version for name, version in pins.items() if (name, version) not in held(wheels)}
        echo(f"{len(pins)} packages, {len(missing)} to fetch")
        (folder / "MANIFEST.json").unlink(missing_ok=True)
        if missing:
            _download(wheels, missing, aim, echo)
        _archive(folder, commit)
        runs.save(folder / "INSTALL.txt", install_text(aim, commit))
        there = held(wheels)
        files = {there[pin]: runs.digest_file(wheels / there[pin]) for pin in sorted(pins.items())}
        rest = {file: runs.digest_file(folder / file) for file in (ARCHIVE, "INSTALL.txt")}
        record = {"platform": aim.platform, "python": aim.python, "commit": commit, "wheels": files, "files": rest}
        path = runs.save(folder / "MANIFEST.json", json.dumps(record, indent=1))
    size, archive = sum((wheels / file).stat().st_size for file in files), (folder / ARCHIVE).stat().st_size
    if others := sorted(path.name for path in wheels.glob("*.whl") if path.name not in files):
        echo(f"not needed, and may be deleted: {', '.join(others)}")
    echo(f"{folder} is complete for {aim}: {len(files)} wheels of {size / 1e6:,.0f} MB, the repository {archive / 1e6:,.0f} MB.")
    echo("Copy the folder; INSTALL.txt in it has the commands.")
    return path


def held(wheels: Path) -> dict[tuple[str, str], str]:
    """The wheels of a folder: file names by (name, version) as pins write them."""
    from packaging.utils import parse_wheel_filename

    found = {}
    for path in sorted(wheels.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(path.name)
        found[name, str(version)] = path.name
    return found


def _there(folder: Path, aim: Target) -> dict[str, str]:
    """The digests of an earlier wheelhouse for the same target. Raises ValueError if the folder is anything else."""
    from packaging import tags
    from packaging.utils import parse_wheel_filename

    manifest = folder / "MANIFEST.json"
    if manifest.is_file():
        try:
            record = json.loads(manifest.read_text(encoding="utf-8"))
            other = Target(record["platform"], record["python"], ())
            before = dict(record["wheels"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{manifest} is no manifest of a wheelhouse ({error!r:.100}). Name another folder.") from error
        if (other.platform, other.minor) != (aim.platform, aim.minor):
            raise ValueError(f"{folder} holds a wheelhouse for {other}, asked was one for {aim}. Name another folder.")
        return before
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"A wheelhouse was to be in {folder}, which is a file. Name a folder.")
    visible = [path.name for path in folder.glob("*") if not path.name.startswith(".")]
    if visible and "wheels" not in visible:
        raise ValueError(
            f"{folder} holds other things ({', '.join(sorted(visible)[:3])}) and no wheelhouse. Name an empty or a new folder."
        )
    version = tuple(map(int, aim.minor.split(".")))
    fit = {*tags.cpython_tags(version, platforms=aim.tags), *tags.compatible_tags(version, f"cp{version[0]}{version[1]}", aim.tags)}
    for path in sorted((folder / "wheels").glob("*.whl")):  # of a download that was cut short there is no manifest
        if not parse_wheel_filename(path.name)[3] & fit:
            raise ValueError(f"{folder} holds wheels of another platform ({path.name}), asked was {aim}. Name another folder.")
    return {}


# --- what is needed --------------------------------------------------------------------------------------


def resolve(uv: str, aim: Target) -> dict[str, str]:
    """The exact version of every package that the project, its tests and its build need on a target, by name.

    Raises:  WheelhouseError with what uv says if there is no such set, or no index answers.
    """
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    root = runs.home()
    with tempfile.TemporaryDirectory() as work:
        build = Path(work) / "build.in"
        build.write_text("\n".join(["pip", "wheel", *_project()["build-system"]["requires"]]) + "\n", encoding="utf-8")
        command = [uv, "pip", "compile", root / "pyproject.toml", build, "--extra", "dev", "-c", root / "constraints.txt"]
        command += ["--python-platform", PLATFORMS[aim.platform], "--python-version", aim.python, "--python", sys.executable]
        command += ["--index-strategy", "unsafe-best-match"]  # pip's: the best version of all indexes
        command += ["--no-header", "--no-annotate", "--quiet"]
        options, environment = _same_indexes(_pip_options())
        done = _call([*command, *options], environment)
    if done.returncode:
        raise WheelhouseError(
            f"uv found no set of packages for {aim}:\n{_hidden(done.stderr.strip())}\n"
            "Nothing was downloaded. If a package asks for a later patch release of Python, give one: --python 3.12.4."
        )
    lines = (line.partition(";")[0].partition("==") for line in done.stdout.splitlines() if "==" in line)
    return {canonicalize_name(name.strip()): str(Version(version.strip())) for name, _, version in lines}


def _uv() -> str:
    beside = str(Path(sys.executable).parent)
    found = shutil.which("uv", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if not found:
        raise WheelhouseError(
            "A wheelhouse needs uv, which resolves for other platforms; it is neither in this environment nor on the PATH. "
            "Get it with: python -m pip install uv"
        )
    return found


def _pip_options() -> dict[str, str]:
    """The options of `pip download` from its files and its environment."""
    done = _call([sys.executable, "-m", "pip", "config", "list"])
    if done.returncode:
        raise WheelhouseError(f"pip does not run in this environment: {_hidden(done.stderr.strip()[-300:])}. Mend it: python -m ensurepip")
    found: dict[str, dict[str, str]] = {"global": {}, "download": {}, ":env:": {}}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        if section in found:
            found[section][option.replace("_", "-")] = str(ast.literal_eval(value))
    return found["global"] | found["download"] | found[":env:"]


def _same_indexes(pip: dict[str, str]) -> tuple[list, dict[str, str]]:
    """uv's options and environment for the indexes that pip has. Addresses may hold passwords: they go into no command line, no file."""

    def listed(option):
        return [os.path.expanduser(word) for word in pip.get(option, "").split()]

    environment = {name: value for name, value in os.environ.items() if name not in OTHERS}
    environment |= {"UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never", "MACOSX_DEPLOYMENT_TARGET": ".".join(map(str, MACOS))}
    for name, value in (
        ("UV_DEFAULT_INDEX", pip.get("index-url")),
        ("UV_INDEX", " ".join(listed("extra-index-url"))),
        ("UV_FIND_LINKS", ",".join(listed("find-links"))),
        ("UV_INSECURE_HOST", " ".join(listed("trusted-host"))),
        ("SSL_CERT_FILE", pip.get("cert")),
        ("ALL_PROXY", pip.get("proxy")),
    ):
        if value:
            environment[name] = value
    options = ["--no-index"] if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else []
    return options + [word for file in listed("constraint") for word in ("-c", file)], environment


# --- fetching --------------------------------------------------------------------------------------------


def _download(wheels: Path, pins: dict[str, str], aim: Target, echo) -> None:
    """Fetch wheels into a folder, each in one move. Raises WheelhouseError naming every package that has none."""
    pins, lacking = dict(pins), []
    with tempfile.TemporaryDirectory(dir=wheels.parent, prefix=".draft-") as draft:
        wanted = Path(draft) / "wanted.txt"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off"]
        command += ["--implementation", "cp", "--python-version", aim.python]
        command += [word for tag in aim.tags for word in ("--platform", tag)]
        while pins:
            wanted.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), encoding="utf-8")
            said = _told([*command, "-d", draft, "-r", wanted], echo)
            if said is None:
                break
            none = re.search(r"No matching distribution found for ([\w.-]+)==", said)
            name = none and re.sub(r"[-_.]+", "-", none[1]).lower()
            if name not in pins:
                raise WheelhouseError(f"pip could not download the wheels for {aim}: {_hidden(said)}\nThe same command goes on from here.")
            lacking.append(f"{name}=={pins.pop(name)}")
        for path in sorted(Path(draft).glob("*.whl")):
            os.replace(path, wheels / path.name)
    if lacking:
        raise WheelhouseError(
            f"There is no wheel for {aim} of {', '.join(lacking)} on the indexes that pip has; the other wheels are in {wheels}. "
            "Build each on such a machine with `pip wheel --no-deps NAME==VERSION`, put it there, and run this again."
        )


def _told(command: list, echo) -> str | None:
    """Run pip and tell of large files; None if it went well, else the end of what it said."""
    tail: list[str] = []
    words = list(map(str, command))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as pip:
        for line in pip.stdout:
            tail = [*tail[-5:], line.strip()]
            if re.search(r"Downloading .*\(\d{2,}\S* MB\)", line):
                echo(f"  {Path(line.split()[1]).name} {line[line.rindex('(') :].strip()}")
    return None if pip.returncode == 0 else "\n".join(tail)


def _commit(echo) -> str:
    """The commit of the repository. Raises WheelhouseError outside a git checkout."""
    done = _call(["git", "-C", runs.home(), "rev-parse", "HEAD"]) if shutil.which("git") else None
    if done is None or done.returncode:
        raise WheelhouseError(
            "A wheelhouse holds the repository as committed, but there is no git, or this is no clone. Work inside a clone."
        )
    if changed := _call(["git", "-C", runs.home(), "status", "--porcelain"]).stdout.splitlines():
        echo(f"{len(changed)} changes here are not committed; the archive is without them")
    return done.stdout.strip()


def _archive(folder: Path, commit: str) -> None:
    draft = folder / f".{ARCHIVE}.tmp"
    command = ["git", "-C", runs.home(), "archive", "--format=zip", "--prefix=skymath-nb/", "-o", draft, commit]
    done = _call(command)
    if done.returncode:
        draft.unlink(missing_ok=True)
        raise WheelhouseError(f"git could not archive the repository: {done.stderr.strip()}")
    os.replace(draft, folder / ARCHIVE)


def install_text(aim: Target, commit: str) -> str:
    """What INSTALL.txt says: paths relative to the folder, so that it may be copied anywhere."""
    start = f"""SkyMath notebooks, commit {commit[:12]}, without a network
Made for {aim.platform} and Python {aim.minor} ({aim.python} or a later {aim.minor}), CPU only.

Type this in a terminal, in the folder that holds this file:

"""
    if aim.platform == "windows":
        steps = f"""    py -{aim.minor} -m zipfile -e {ARCHIVE} .
    cd skymath-nb
    py -{aim.minor} -m venv .venv
    .venv\\Scripts\\python -m pip install --no-index --find-links ..\\wheels -c constraints.txt -e ".[dev]"
    .venv\\Scripts\\python -m skymath_nb run params/tiny.yaml
"""
    else:
        steps = f"""    python{aim.minor} -m zipfile -e {ARCHIVE} .
    cd skymath-nb
    PIP_NO_INDEX=1 PIP_FIND_LINKS=../wheels make run PYTHON=python{aim.minor}

or without make:

    python{aim.minor} -m venv .venv
    PIP_NO_INDEX=1 PIP_FIND_LINKS=../wheels .venv/bin/python -m pip install -c constraints.txt -e ".[dev]"
    .venv/bin/python -m skymath_nb run params/tiny.yaml
"""
    return (
        start
        + steps
        + "\nThe last command runs all notebooks; README.md says what you should see. MANIFEST.json holds every file's sha256.\n"
    )


def _project() -> dict:
    return tomllib.loads((runs.home() / "pyproject.toml").read_text(encoding="utf-8"))


def _call(command: list, environment: dict | None = None) -> subprocess.CompletedProcess:
    words = list(map(str, command))
    return subprocess.run(words, capture_output=True, text=True, encoding="utf-8", errors="replace", env=environment)


def _hidden(text: str) -> str:
    """A text without the passwords of addresses in it."""
    return re.sub(r"://[^/@\s]+@", "://***@", text)
