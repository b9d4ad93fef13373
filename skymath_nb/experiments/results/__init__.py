"""Stored results.

Tables of experiments that take hours, computed once, kept beside this file with how they were made.

results/<name>/ holds the Parquet tables that a notebook put into its folder `table/`, and
`manifest.json`: the step, its parameters, commit, versions, machine and day. A stored table is read
where a notebook's own run is too small to show the thing, and is labelled so.
"""

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ...core import disk, manifests, paths

RESULTS = Path(__file__).parent
TABLE = "table"  # the folder of a step whose files are stored
MOST_BYTES = 5_000_000  # of one stored result: it travels with every clone


class Result(NamedTuple):
    """Tables by name (the file's), how they were made, and the line that says so beside a
    figure.
    """

    tables: dict[str, pd.DataFrame]
    manifest: dict
    label: str


def names() -> list[str]:
    return sorted(path.parent.name for path in RESULTS.glob("*/manifest.json"))


def load(name: str) -> Result:
    """Read a stored result. Raises:  FileNotFoundError that lists those there are."""
    folder = RESULTS / paths.check_name("stored result's name", name)
    if not (folder / "manifest.json").is_file():
        there = ", ".join(names()) or "none"
        raise FileNotFoundError(
            f"The stored result {name!r} was asked for in {RESULTS}, but there are: {there}. "
            "Correct the parameter."
        )
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    tables = {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    made = f"{manifest['finished'][:10]}, commit {manifest['commit'][:8]}"
    return Result(
        tables, manifest, f"stored: {manifest['run']}, {made}; made again by {manifest['command']}"
    )


def store(run: str, step: str, out: Path = RESULTS) -> Path:
    """Keep the tables of a complete step as the stored result that is named like the run.

    An older one is replaced.

    Raises:
        FileNotFoundError: If the step is not complete or has no tables.
        ValueError: If they are too large, or were not made from a commit, so that nobody could make
            them again.
    """
    folder = paths.runs_folder() / paths.check_name("run's name", run) / step
    manifest, tables = manifests.read(folder), sorted((folder / TABLE).glob("*.parquet"))
    if manifest is None or not tables:
        lacks = (
            "is not complete" if manifest is None else f"has no folder {TABLE}/ of Parquet tables"
        )
        raise FileNotFoundError(
            f"Step {step} of run {run} was to be stored, but it {lacks} ({folder}). Run it first."
        )
    size = sum(path.stat().st_size for path in tables)
    if size > MOST_BYTES:
        raise ValueError(
            f"The tables of {folder} are {size / 1e6:.1f} MB; a stored result has at most "
            f"{MOST_BYTES / 1e6:.0f}."
        )
    if not re.fullmatch("[0-9a-f]{40}", manifest["commit"]):
        raise ValueError(
            f"{folder} was made by the code {manifest['commit']}, which is no commit. Commit, "
            "and run the step again."
        )
    made_on = json.loads((folder.parent / "run.json").read_text(encoding="utf-8"))["machine"]
    machine = {key: made_on[key] for key in ("processor", "cpus", "memory_gb") if key in made_on}
    kept = {
        key: manifest[key] for key in ("commit", "versions", "finished", "parameters", "inputs")
    }
    kept = {
        "run": run,
        "step": step,
        "command": f"python -m skymath_nb run params/{run}.yaml",
        "machine": machine,
        **kept,
    }
    draft = out / f".{run}.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for path in tables:
        shutil.copy2(path, draft / path.name)
    disk.save(draft / "manifest.json", json.dumps(kept, indent=1, allow_nan=False) + "\n")
    shutil.rmtree(out / run, ignore_errors=True)
    draft.rename(out / run)
    return out / run
