"""The letters, words and units that answers are written with, from `tables.yaml`."""

from pathlib import Path

import yaml

TABLES = yaml.load(
    Path(__file__).with_name("tables.yaml").read_text(encoding="utf-8"),
    # the one in C reads the file in a tenth of the time; some systems lack it
    getattr(yaml, "CSafeLoader", yaml.SafeLoader),
)


def names(table: str) -> set[str]:
    """The words of a table that is one line of words."""
    return set(TABLES[table].split())
