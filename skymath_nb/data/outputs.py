"""What a command writes never replaces what it reads, nor what was made from something else."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def guarded(
    outputs: Iterable[str | os.PathLike], inputs: Iterable[str | os.PathLike], force: bool = False
) -> Iterator[None]:
    """Check the places of outputs, and note beside each what it was made from once it is there.

    The note is a hidden file, so that a command may write its own output again.

    Args:
        outputs: Files to write.
        inputs: What is read, the main input first: files, folders, hub ids.
        force: Overwrite an output of another input; never an input.

    Raises:
        ValueError: An output is an input, by any spelling or link, or was made from another input.
        FileNotFoundError: An output lies in no folder.
    """
    outputs, inputs = list(map(Path, outputs)), list(map(Path, inputs))
    made_from = str(inputs[0].resolve()) if inputs[0].exists() else str(inputs[0])
    for out in outputs:
        if not out.parent.is_dir():
            raise FileNotFoundError(f"{out} lies in a folder that does not exist. Make it first.")
        if not out.exists():
            continue
        if not out.is_file():
            raise ValueError(f"{out} is to be written, but it is no regular file. Name another.")
        if any(_is_in(out, place) for place in inputs if place.exists()):
            raise ValueError(f"--out {out} would overwrite what is read. Name another file.")
        if not force and _made_from(out) != made_from:
            raise ValueError(
                f"{out} is there already, and it was not made from {inputs[0]}. Name another "
                "file with --out, or overwrite it with --force."
            )
    yield
    for out in outputs:
        note = {"input": made_from, **_state(out)}
        _note(out).write_text(json.dumps(note), encoding="utf-8")


def _is_in(out: Path, place: Path) -> bool:
    """Whether a file is a place or, by any name, a file of a folder."""
    if not place.is_dir():
        return os.path.samefile(out, place)
    inside = out.resolve().is_relative_to(place.resolve())
    return inside or any(os.path.samefile(out, file) for file in place.rglob("*") if file.is_file())


def _note(out: Path) -> Path:
    return out.with_name(f".{out.name}.from")


def _state(out: Path) -> dict:
    """What tells that a file is still the one that was written."""
    status = out.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _made_from(out: Path) -> str:
    """The input that a file was made from, "" where that is not known."""
    try:
        note = json.loads(_note(out).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    known = isinstance(note, dict) and {name: note.get(name) for name in _state(out)} == _state(out)
    return str(note.get("input")) if known else ""
