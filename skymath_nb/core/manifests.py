"""The manifest that makes a step complete, and the other records of a run folder.

outputs/<run>/<step>/ holds what a step wrote, `report.json` (its few numbers) and `manifest.json`,
which is written last: its presence means that the step is complete. It records all that decides
whether the step must run again: the parameters that matter, digests of its inputs, and digests of
the code it reaches. Device, workers and progress never count: see EXECUTION.
"""

import json
import math
import os
import shutil
from pathlib import Path

from . import digests, disk, paths

EXECUTION = (
    *"run label device workers progress interactive shown".split(),
    # of the teacher
    *"ledger replay_only batch poll_s pilot timeout retries".split(),
    *("requests_per_minute", "tokens_per_minute"),
    # of training, of a server, and of arms
    *"micro_batch checkpoint_every launcher pilot_steps command arms_in worker".split(),
)
FOREIGN = "from_others"  # in a manifest and in params.yaml: the bundle that they were taken from
MANIFEST = {"step": str, "seconds": float, "finished": str, "commit": str}  # and these tables
MANIFEST |= dict.fromkeys("parameters inputs uses code outputs versions".split(), dict)


def read(folder: Path) -> dict | None:
    """The manifest of a complete step, None where the step is not complete."""
    path = folder / "manifest.json"
    if not path.exists():
        return None
    try:
        manifest = read_record(path, MANIFEST)
        for key, fields in PARTS.items():
            for name, part in manifest[key].items():
                check_shape(f"{key} {name}", part, fields)
        check_shape("code", manifest["code"], {"notebook": str, "modules": dict})
        if "manifest.json" in map(paths.relative, manifest["outputs"]):
            raise ValueError("it names itself as an output")
        for name in manifest["inputs"]:
            step, _, file = name.partition("/")
            paths.relative(paths.check_step(step) and file)
    except ValueError as error:
        raise Damaged(
            f"{path} is not a manifest ({error}). Delete it, and the step runs again."
        ) from error
    return manifest


class Damaged(ValueError):
    """A file of a run folder is not what a step writes.

    The message says which file and what is wrong.
    """


PARTS = {
    "outputs": {"sha256": str, "bytes": int},
    "uses": {"path": str, "sha256": str},
    "inputs": str,
    "versions": str,
}


def read_record(path: Path, fields: dict[str, type]) -> dict:
    """The JSON object in a file of a run folder.

    Args:
        fields: The keys that it must have, each with its type; float stands for any finite number.

    Raises:
        Damaged: There is no such file, or it holds something else.
    """
    try:
        if not path.is_file():
            raise ValueError("it is no file")
        record = json.loads(disk.read_text(path))
        check_shape("it", record, fields)
    except (ValueError, OSError, RecursionError) as error:
        raise Damaged(f"{path.name} of {path.parent}: {error}") from error
    return record


def read_report(folder: Path) -> dict:
    """The numbers that a complete step reported.

    Raises Damaged where `report.json` holds something else.
    """
    path = folder / "report.json"
    report = read_record(path, {})
    for key, value in report.items():
        if not isinstance(value, str | int | float):
            raise Damaged(
                f"{path} is not a report ({key} is a {type(value).__name__}). Run the step again."
            )
    return report


def read_about(folder: Path) -> dict:
    """The commit, versions and machine in a run's `run.json`, {} without that file.

    Raises Damaged.
    """
    path = folder / "run.json"
    if path.exists():
        return read_record(path, {"commit": str, "versions": dict, "machine": dict})
    return {}


def check_shape(what: str, value, shape: type | dict[str, type]) -> None:
    """Raise Damaged where a value read from a file lacks a key or has another type.

    Float stands for any finite number.
    """
    kind = dict if isinstance(shape, dict) else shape
    if kind is float:
        good = type(value) in (int, float) and math.isfinite(value)
    else:
        good = type(value) is kind
    if not good:
        raise Damaged(
            f"{what} is a {type(value).__name__}, not a "
            f"{'number' if kind is float else kind.__name__}"
        )
    for key, wanted in shape.items() if isinstance(shape, dict) else ():
        if key not in value:
            raise Damaged(f"{what} has no {key!r}")
        check_shape(f"{key} of {what}", value[key], wanted)


def take(source: Path, folder: Path, manifest: dict) -> bool:
    """Make `folder` a complete step with the outputs and the log of `source`, the same step of
    another run.

    The files are hard links (copies where the disk has none), checked against the manifest. False,
    and nothing is complete, where they are no longer what it says, because that run has begun the
    step again.
    """
    disk.remove(folder / "manifest.json")
    try:
        for file, record in manifest["outputs"].items():
            _link(paths.within(source, file), paths.within(folder, file))
            if digests.of_file(folder / file) != record["sha256"]:
                return False
        for log in ("notebook.ipynb", "notebook.html"):
            (folder / log).unlink(missing_ok=True)
            if (source / log).is_file():
                _link(source / log, folder / log)
    except FileNotFoundError:
        return False
    # still there: a step that begins later sees the links, and makes files of its own
    if read(source) != manifest:
        return False
    disk.save(
        folder / "manifest.json",
        json.dumps(manifest | {"taken_from": source.parent.name}, indent=1, ensure_ascii=False),
    )
    return True


def _link(source: Path, target: Path):
    disk.remove(target)
    if source.is_dir():
        files = {target / name: file for name, file in disk.files_of(source).items()}
    else:
        files = {target: source}
    for place, file in files.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, place)
        except FileNotFoundError:
            raise
        except OSError:  # another disk, or one without hard links
            shutil.copy2(file, place)
