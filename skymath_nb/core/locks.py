"""One process at a time in a run folder."""

import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import filelock

from . import disk


class Busy(RuntimeError):
    """Another living process holds a folder."""


@contextmanager
def claim(folder: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a folder against other processes.

    The system frees it when its holder ends, however it ends.

    The lock is the file `.lock` in the folder (fcntl; of several machines a shared file system must
    support that).

    Args:
        waiting: Called once with who holds it, and then the claim waits; without it a held folder
            is an error.

    Raises:
        Busy: Naming the holder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, note = filelock.FileLock(folder / ".lock", preserve_lock_file=True), folder / ".holder"
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        held = (
            f"{folder} is held by "
            f"{note.read_text(encoding='utf-8') if note.is_file() else 'another process'}"
        )
        if waiting is None:
            raise Busy(
                f"{held}. Wait until it ends, or stop it; it then goes on from where it was."
            ) from None
        waiting(held)
        lock.acquire()
    try:
        disk.save(
            note,
            f"process {os.getpid()} of {platform.node()} since "
            f"{datetime.now(UTC).isoformat(timespec='seconds')}",
        )
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def check_free(folder: Path) -> None:
    """Raise Busy where a process that did not start this one holds a run folder.

    Two at work would write over each other.
    """
    import psutil

    note = folder / ".holder"
    if note.is_file():
        found = re.match(r"process (\d+) of (.+) since", note.read_text(encoding="utf-8"))
    else:
        found = None
    if not found or found[2] != platform.node() or not psutil.pid_exists(int(found[1])):
        return
    if int(found[1]) not in {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}:
        raise Busy(
            f"{folder} is held by {found[0].removesuffix(' since')}. Wait until it ends, or set "
            "`run` to another run."
        )
