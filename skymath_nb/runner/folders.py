"""Run folders at rest.

Found by name or place, read, and checked against what their manifests say.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..core import digests, manifests, paths
from .params import nearest


def is_run(folder: Path) -> bool:
    """Whether a folder holds what a run leaves: its frozen parameters, or a complete step."""
    return folder.is_dir() and (
        (folder / "params.yaml").is_file() or any(folder.glob("*/manifest.json"))
    )


def find(name: str | Path) -> Path:
    """The run folder meant by a path, or by a name under outputs/.

    Raises:
        FileNotFoundError: If there is none, with the nearest name.
    """
    place = Path(name).expanduser()
    for folder in (place, paths.runs_folder() / place):
        if is_run(folder):
            return folder.resolve()
    there = sorted(folder.name for folder in paths.runs_folder().glob("*") if is_run(folder))
    if place.is_dir():
        found = "is no run folder (no params.yaml, no complete step)"
    else:
        found = "does not exist"
    raise FileNotFoundError(
        f"A run {name} was asked for, but that folder {found}, and {paths.runs_folder()} has no "
        f"run of that name{nearest(place.name, there)}; it has {', '.join(there) or 'none'}. "
        "Give a run's folder or its name."
    )


def read_all(folder: Path) -> tuple[dict[str, dict], dict[str, str]]:
    """The manifests of a run's complete steps, in the order in which they ended, and what is wrong
    with the damaged ones, by step.
    """
    found, damaged = {}, {}
    for path in folder.glob("*/manifest.json"):
        try:
            found[path.parent.name] = manifests.read(path.parent)
        except manifests.Damaged as error:
            damaged[path.parent.name] = str(error)
    return dict(sorted(found.items(), key=lambda item: (item[1]["finished"], item[0]))), damaged


def input_of(folder: Path, name: str) -> Path:
    """The file of another step that a manifest names as `step/file`.

    Raises:
        ValueError: For what lies outside that step.
    """
    step, _, file = name.partition("/")
    return paths.within(folder / paths.check_step(step), file)


class Check(NamedTuple):
    """What was checked of a run folder.

    How many digests, every one that differs, and outside files that are not on this machine.
    """

    known: int
    differing: list[str]
    absent: list[str]


def verify(name: str | Path, echo: Callable[[str], None] = print) -> Check:
    """Compare all outputs and inputs that a run's manifests record with the files, and say what
    differs.

    Inputs from other steps are looked for in the same folder, wherever it lies now; outside files
    where they were.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If no step of it is complete, or, after all else was checked, where a manifest
            is damaged.
    """
    folder = find(name)
    steps, damaged = read_all(folder)
    if not steps and not damaged:
        raise ValueError(
            f"{folder} has no complete step, so there is nothing to verify. Run it first."
        )
    known, differing, absent = check(folder, steps)
    for line in differing:
        echo(line)
    unfinished = sorted(
        path.name
        for path in folder.iterdir()
        if (path / "notebook.ipynb").is_file() and path.name not in steps
    )
    if unfinished:
        echo(f"not complete, and not checked: {', '.join(unfinished)}")
    if absent:
        echo(f"outside data that is not on this machine, and not checked: {', '.join(absent)}")
    what = f"{len(differing)} things differ from" if differing else "everything is as recorded in"
    echo(
        f"{folder.name}: {what} the manifests of {len(steps)} steps ({known} files and folders "
        "read)"
    )
    if damaged:
        raise manifests.Damaged("\n".join(damaged.values()))
    return Check(known, differing, absent)


def check(folder: Path, steps: dict[str, dict], outside: bool = True) -> Check:
    """Compare what the manifests of a run's steps record with its files, and with the outside files
    where `outside`.

    Only regular files are read, inside the steps' folders; of manifests of others, outside files
    only where they may name them.
    """
    known, differing, absent = {}, [], []

    def compare(what, place, wanted):
        try:
            path = place()
            if path not in known:
                known[path] = digests.of_file(path)
        except (OSError, ValueError) as error:
            # else what vanished lay below it
            gone = isinstance(error, FileNotFoundError) and not path.exists()
            differing.append(f"{what} is missing" if gone else f"{what} cannot be checked: {error}")
        else:
            if known[path] != wanted:
                differing.append(
                    f"{what} has the digest {known[path][:12]}, recorded is {wanted[:12]}"
                )

    for step, manifest in steps.items():
        for file, record in manifest["outputs"].items():
            compare(
                f"{step}: output {file}",
                partial(paths.within, folder / step, file),
                record["sha256"],
            )
        for file, digest in manifest["inputs"].items():
            compare(f"{step}: input {file}", partial(input_of, folder, file), digest)
        for label, use in manifest["uses"].items() if outside else ():
            place = partial(paths.recorded, use["path"], manifests.FOREIGN in manifest)
            try:
                there = place().exists()
            except ValueError:
                there = True  # not known, and said below
            if there:
                compare(f"{step}: outside data {label}", place, use["sha256"])
            elif label not in absent:
                absent.append(label)
    return Check(len(known), differing, absent)
