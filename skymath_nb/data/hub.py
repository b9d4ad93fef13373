"""Rows of a data set on the Hugging Face hub, from its cache where there is no network."""

import functools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

BATCH = 1000  # rows turned into Python values at a time
WAIT_S = 5  # for the hub's first word
NAME = re.compile(
    r"(?P<id>[\w-][\w.-]*/[\w-][\w.-]*)(?:@(?P<revision>refs/\w+/[^/:]+|[^/:]+))?"
    r"(?::(?P<config>[^/:]+))?(?:/(?P<split>[^/]+))?"
)
FILE = re.compile(
    r"\.(jsonl?|ndjson|csv|tsv|txt|md|ya?ml|xlsx?|parquet|arrow|gz|zst|zip)(/|$)", re.I
)


def parts(place: str | os.PathLike) -> dict[str, str]:
    """Split `id[@revision][:config][/split]` into its parts.

    Args:
        place: What a user wrote.

    Returns:
        The parts that are there, by name; nothing where the place is a path.
    """
    match = NAME.fullmatch(str(place))
    if not match or FILE.search(str(place)) or Path(place).exists():
        return {}
    return {name: part for name, part in match.groupdict().items() if part}


def load(
    id: str, config: str | None = None, split: str = "train", revision: str = "", why: str = ""
):
    """Load one split, from the cache where it is there.

    Args:
        id: The data set's id, `owner/name`.
        config: Its configuration, None for the default one.
        split: The hub's name of the split.
        revision: A branch, tag or commit; "" is the newest.
        why: Why the hub cannot be reached, "" if it can: then only the cache is asked.

    Raises:
        ConnectionError: The data set or the split cannot be had; this says why.
    """
    from datasets import load_dataset

    more = {"revision": revision} if revision else {}
    try:
        with _offline() if why else nullcontext():
            table = load_dataset(id, config, split=split, **more)
    except Exception as error:  # the library raises errors of a dozen unrelated classes
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ConnectionError(
            f"{id} cannot be had from the Hugging Face hub ({f'{why}; ' if why else ''}{reason})"
        ) from error
    if why and _is_other_commit(table, revision):
        raise ConnectionError(f"{id} is in the cache at another commit than {revision} ({why})")
    return table


def _is_other_commit(table, revision: str) -> bool:
    """Whether a table that the cache gave is of another commit: the cache looks at none."""
    kept = {Path(file["filename"]).parent.name for file in getattr(table, "cache_files", ())}
    asked = re.fullmatch("[0-9a-f]{7,40}", revision)
    return bool(asked) and not any(commit.startswith(revision) for commit in kept)


def rows(table) -> Iterator[dict]:
    """Yield the rows of a loaded split as Python values; images and sounds stay as stored."""
    if not hasattr(table, "with_format"):
        yield from table
        return
    for batch in table.with_format("arrow").iter(BATCH):
        yield from batch.to_pylist()


@contextmanager
def _offline() -> Iterator[None]:
    """Let the hub's clients look only into their cache: each would try for half a minute."""
    from huggingface_hub import constants

    with patch.object(constants, "HF_HUB_OFFLINE", True):
        yield


@functools.cache
def unreachable() -> str:
    """Say why the hub cannot be reached, "" if it can; asked once a process."""
    import urllib.error
    import urllib.request

    from huggingface_hub import constants

    names = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
    offline = [name for name in names if _is_set(name)]
    if constants.HF_HUB_OFFLINE or offline:
        return f"{(offline or ['HF_HUB_OFFLINE'])[0]} is set"
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        urllib.request.urlopen(request, timeout=WAIT_S).close()
    except urllib.error.HTTPError:
        return ""  # somebody answered
    except (OSError, ValueError) as error:
        return f"{constants.ENDPOINT} cannot be reached ({getattr(error, 'reason', error)})"
    return ""


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")
