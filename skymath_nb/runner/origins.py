"""Where a params file comes from: one's own, or others' work (see `trust`)."""

import os
from contextlib import suppress
from pathlib import Path

from ..core import manifests, paths

TAKEN = "it was taken from "  # in `Plan.others`, before the mark


def origin(source: Path, mark) -> str:
    """Why a params file counts as others' work, "" for one of the user's own.

    `mark` is what it says of itself.
    """
    if mark:
        return f"{TAKEN}{mark}"
    for place in (Path(os.path.abspath(source)), source.resolve()):
        for depth, folder in enumerate(place.parents):
            below = folder != paths.runs_folder() and folder.is_relative_to(paths.runs_folder())
            if (
                below
                and folder.parent == paths.runs_folder()
                and depth == 0
                or (below or depth < 2)
                and _is_run(folder, below)
            ):
                return f"it lies in the run folder {folder}"
    return ""


def _is_run(folder: Path, below: bool) -> bool:
    """Whether a folder is a run's.

    By what runs leave there, and below outputs/ by a params file too.
    """
    if (folder / "run.json").is_file() or below and (folder / "params.yaml").is_file():
        return True
    for path in folder.glob("*/manifest.json"):
        with suppress(ValueError, OSError):  # of something else
            if "outputs" in manifests.read_record(path, {}):  # damaged or not
                return True
    return False
