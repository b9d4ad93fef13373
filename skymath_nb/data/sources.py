"""The named sources of problems; `sources.yaml` lists them and says what each entry means."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources

import yaml

from . import source_layouts


@dataclass(frozen=True, kw_only=True)
class Source:
    """A named source; `sources.yaml` says what its fields mean."""

    files: dict[str, str]
    layout: Callable[[dict], dict]
    licence: str
    hub: str = ""
    configs: tuple[str | None, ...] = (None,)
    hub_split: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    language: str = "en"
    seeded: str = ""
    within: str = ""
    figures: bool = True

    @property
    def whence(self) -> str:
        """Where the files of a source without a hub id come from, as the end of an error."""
        origin = "its entry in data/sources.yaml names no origin"
        if self.origin:
            origin = f"it comes from github.com/{self.origin}"
        return f"{origin}, and no hub id is known to hold it"


def _read() -> dict[str, Source]:
    text = resources.files(__package__).joinpath("sources.yaml").read_text(encoding="utf-8")
    entries = yaml.safe_load(text)
    for entry in entries.values():
        entry["layout"] = getattr(source_layouts, entry["layout"])
        entry["configs"] = tuple(entry.get("configs", [None]))
    return {name: Source(**entry) for name, entry in entries.items()}


SOURCES = _read()


def spoils(source: str, benchmark: str) -> bool:
    """Whether seeds of one named source are test items of another, or of the same.

    What is not in the table is left to the leak gate.
    """
    if not {source, benchmark} <= set(SOURCES) or SOURCES[source].seeded in ("train", "dev"):
        return False
    one, other = (SOURCES[name].within or name for name in (source, benchmark))
    return one == other
