"""The sentences of the world: what each one says in two languages, and what it means as arithmetic.

They stand in `families.yaml`. A `Kind` is one kind of sentence; a family is an opening, some events
from its groups, and a question. Everything else in `world/` is derived from these tables.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

TABLES = yaml.load(
    Path(__file__).with_name("families.yaml").read_text(encoding="utf-8"),
    getattr(yaml, "CSafeLoader", yaml.SafeLoader),
)
RANGE = re.compile(r"(\d+)-(\d+)(?: by (\d+))?")
PERSONS = {language: tuple(names) for language, names in TABLES["persons"].items()}
ITEMS = {language: tuple(names) for language, names in TABLES["items"].items()}
# a person and a thing are numbers until they are worded
PEOPLE, THINGS = range(len(PERSONS["en"])), range(len(ITEMS["en"]))
KNOWN, FIND = TABLES["known"], TABLES["find"]


@dataclass(frozen=True)
class Kind:
    """One kind of sentence.

    Attributes:
        role: What it does: open, event, ask or noise.
        meaning: Assignments over registers (`v` is the running value) and its own numbers a, b, c.
        en: The ways to word it in English.
        zh: The ways to word it in Chinese.
        numbers: What each of its numbers is drawn from.
        state: Of a question, by language: the same as a statement with the answer {r}.
    """

    role: str
    meaning: str
    en: tuple[str, ...]
    zh: tuple[str, ...]
    numbers: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """One family of problems.

    Attributes:
        events: The groups of events that may follow its opening.
        unseen: Never drawn for training: a held-out family measures transfer to new stories.
        reverse: The events are told before the value they lead to, and undone to solve.
        story: Which irrelevant sentences fit: those of stories, or those of numbers.
    """

    events: tuple[str, ...]
    unseen: bool = False
    reverse: bool = False
    story: bool = True


def _kinds(role: str, entries: dict) -> dict[str, Kind]:
    return {
        name: Kind(
            role,
            entry.get("meaning", ""),
            tuple(entry["en"]),
            tuple(entry["zh"]),
            {number: _values(drawn) for number, drawn in entry.get("numbers", {}).items()},
            entry.get("state", {}),
        )
        for name, entry in entries.items()
    }


def _values(drawn: str | list) -> tuple:
    """What a number is drawn from: a range such as "10-60 by 5", a list, or the fractions."""
    if drawn == "parts":
        return tuple(map(tuple, TABLES["parts"]))
    if isinstance(drawn, list):
        return tuple(drawn)
    first, last, step = RANGE.fullmatch(drawn).groups()
    return tuple(range(int(first), int(last) + 1, int(step or 1)))


def _family(entry: dict) -> tuple[Family, dict[str, Kind]]:
    flags = {name: entry[name] for name in ("unseen", "reverse", "story") if name in entry}
    kinds = _kinds("open", entry["openings"]) | _kinds("ask", entry["questions"])
    return Family(tuple(entry["events"]), **flags), kinds


GROUPS = {name: _kinds("event", entries) for name, entries in TABLES["groups"].items()}
FAMILIES = {name: _family(entry) for name, entry in TABLES["families"].items()}
# by whether a family tells a story
NOISE = {
    told: _kinds("noise", TABLES["noise"][of]) for told, of in ((True, "story"), (False, "number"))
}
