"""Where the repository, the runs and the notebooks lie, and which names are safe as paths.

Environment: SKYMATH_OUTPUTS and SKYMATH_NOTEBOOKS move those two folders; SKYMATH_DATA names a
folder of outside data.
"""

import os
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,149}")
# of Windows
DEVICES = {"con", "prn", "aux", "nul"}
DEVICES |= {f"{name}{n}" for name in ("com", "lpt") for n in range(10)}
UNSAFE = re.compile(r"[\\\x00-\x1f]|^[A-Za-z]:")  # in a relative name


def home() -> Path:
    """The repository's folder.

    Where the package lies, else the nearest one above the working directory.
    """
    for folder in (PACKAGE.parent, Path.cwd(), *Path.cwd().parents):
        project = folder / "pyproject.toml"
        if project.is_file() and 'name = "skymath-nb"' in project.read_text(encoding="utf-8"):
            return folder
    raise FileNotFoundError(
        f"Looked for the skymath-nb repository (its pyproject.toml) above {PACKAGE} and "
        f"{Path.cwd()}, found none. Work inside a clone, installed with `pip install -e .`."
    )


def runs_folder() -> Path:
    """The folder of all run folders."""
    return Path(os.environ.get("SKYMATH_OUTPUTS") or home() / "outputs").expanduser().resolve()


def notebooks_folder() -> Path:
    return Path(os.environ.get("SKYMATH_NOTEBOOKS") or home() / "notebooks").expanduser().resolve()


def check_name(kind: str, name: str) -> str:
    """The name, if it is safe as a folder on every system.

    Letters, digits, . _ - and no dot at either end.
    """
    if (
        not isinstance(name, str)
        or not PLAIN.fullmatch(name)
        or name.endswith(".")
        or name.partition(".")[0].lower() in DEVICES
    ):
        raise ValueError(
            f"The {kind} is {name!r}: use text of letters, digits, dot, underscore, dash (at "
            "most 150); no dot at its ends, no device's name."
        )
    return name


def check_step(step_id: str) -> str:
    """A step's id, if it is `notebook` or `notebook@label` of safe names. Raises:  ValueError."""
    name, at, label = step_id.partition("@")
    check_name("step's name", name)
    check_name(f"label of step {name}", label if at else "none")
    return step_id


def relative(name: str) -> str:
    """The name, if it is a relative one with / between its parts that leads nowhere but down.

    Raises:
        ValueError
    """
    if not isinstance(name, str) or {"", ".", ".."} & set(name.split("/")) or UNSAFE.search(name):
        raise ValueError(
            f"{name!r} is not the name of a file inside a step's folder; use a relative name "
            "with / between its parts."
        )
    return name


def within(folder: Path, name: str) -> Path:
    """The path of a relative name that stays inside a folder, wherever links lead.

    Raises:
        ValueError: For any other name.
    """
    path = folder / relative(name)
    # Path.resolve fails where links go in a circle
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise ValueError(
            f"{name!r} leads out of {folder}, where it should be inside; it is a link or lies "
            "behind one."
        )
    return path


def locate(place: str | Path) -> Path:
    """The path meant by a place: `$NAMES` and `~` expanded, relative to the repository."""
    return Path(home(), os.path.expanduser(os.path.expandvars(place))).resolve()


def portable(path: Path) -> str:
    """A place that `locate` finds again on another machine, where the path allows it."""
    data = os.environ.get("SKYMATH_DATA")
    for folder, prefix in (
        (home(), ""),
        (data and Path(data).expanduser().resolve(), "$SKYMATH_DATA/"),
    ):
        if folder and path.is_relative_to(folder):
            return prefix + path.relative_to(folder).as_posix()
    return path.as_posix()


def recorded(place: str, foreign: bool = False) -> Path:
    """Where the place of a manifest is on this machine.

    What `_portable` wrote; nothing but $SKYMATH_DATA is expanded.

    foreign: others wrote the manifest; then it may only name places in the repository, among the
    run folders and in SKYMATH_DATA.

    Raises:
        ValueError: For any other place.
    """
    data = os.environ.get("SKYMATH_DATA")
    data = Path(data).expanduser().resolve() if data else None
    inside = place.removeprefix("$SKYMATH_DATA/")
    path = Path(os.path.realpath(data / inside if data and inside != place else home() / place))
    if foreign and not any(
        path.is_relative_to(folder) for folder in (home(), runs_folder(), data) if folder
    ):
        raise ValueError(
            f"{place} lies outside of the folders that a run of others may name, and is not read"
        )
    return path
