"""Files that are written whole or not at all, files that are safe to read, and room on the disk."""

import errno
import itertools
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# of a folder that is read whole: what steps write and use has thousands at most
MOST_FILES = 100_000
MOST_TEXT = 50_000_000  # bytes of a file that is read into memory at once: a manifest has thousands
SYSTEM = ("/proc/", "/sys/")  # what looks like files there is made by the system as it is read
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# a step that fills the disk half-way costs more than one that does not start
MIN_FREE_BYTES = 200e6


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a draft's path, and move it to its place at the end.

    No reader ever sees half of a file.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def save(path: Path, text: str) -> Path:
    """Write a text file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def remove(path: Path) -> None:
    """Remove a file, or a folder that stands in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def files_of(folder: Path) -> dict[str, Path]:
    """The files below a folder by relative name, sorted.

    Without hidden ones, which are locks and half-written files.

    Raises:
        ValueError: For a folder that no step can have written or used: it has over MOST_FILES files
            and folders.
    """
    below = list(itertools.islice(folder.rglob("*"), MOST_FILES + 1))
    if len(below) > MOST_FILES:
        raise ValueError(f"{folder} holds more than {MOST_FILES:,} files and is not read.")
    files = {p.relative_to(folder).as_posix(): p for p in below if p.is_file()}
    return {
        name: files[name] for name in sorted(files) if not name.startswith(".") and "/." not in name
    }


def read_text(path: Path) -> str:
    """The text of a regular file.

    Raises:
        ValueError: For one that is too large to be a text of ours, or is no UTF-8.
    """
    with open_regular(path) as file:
        text = file.read(MOST_TEXT + 1)
    if len(text) > MOST_TEXT:
        raise ValueError(
            f"{path} has more than {MOST_TEXT:,} bytes, too many for what it is, and is not read."
        )
    return text.decode("utf-8")


def open_regular(path: Path):
    """A regular file, opened to read its bytes.

    Whatever else a path may name could wait or go on for ever.
    """
    real = os.path.realpath(path)
    if not stat.S_ISREG(os.stat(real).st_mode) or real.startswith(SYSTEM):
        raise ValueError(
            f"{path} is no regular file (a device, a pipe, a socket or of the system) and is not "
            "read."
        )
    return open(
        real, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
    )


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def missing_space(folder: Path) -> str:
    """Which disk holds a folder, how much of it is free, how much is missing, and what to do."""
    place = existing(folder.resolve())
    disk = next(
        parent for parent in (place, *place.parents) if parent.is_mount() or parent == parent.parent
    )
    free = shutil.disk_usage(place).free
    missing = max(MIN_FREE_BYTES - free, 0)
    if missing:
        amount = f"at least {missing / 1e6:.0f} MB are missing"
    else:
        amount = "the last write needed more, or a quota or limit holds"
    return (
        f"The disk {disk}, which holds {folder}, has {free / 1e6:.0f} MB free; {amount}. Free "
        "some space, or set SKYMATH_OUTPUTS "
        "to a folder on another disk; the same command then goes on from here."
    )


def size_of(path: Path) -> int:
    """Bytes of a file, or of the files of a folder."""
    return sum(p.stat().st_size for p in ([path] if path.is_file() else files_of(path).values()))
