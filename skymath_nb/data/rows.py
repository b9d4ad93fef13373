"""Anybody's rows as problems and instances, in parts, so that no file has to fit into memory."""

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat, takewhile
from pathlib import Path

import pandas as pd

from ..core import schema
from . import files, hub, layouts

PART = 20_000  # rows of a part
LISTED = 5  # rows named in a report
COLUMNS = {"id": "str", "query": "str", "response": "str", "level": "int64", "language": "str"}
LONGEST_LEVEL = 9  # digits


class Rows:
    """The rows of a file, a folder or a hub data set, read as they are asked for.

    Iterate over it for tables with the columns id, query, response, level and language. Then
    `report` says what was read: the layouts taken, rows without a readable problem, odd responses
    and repeated ids.

    Attributes:
        unread: The number of each row without a readable problem, and why; the first ones.
        counts: How many rows of each kind there were, by a word of `report`.
    """

    def __init__(
        self,
        place: str | os.PathLike,
        problem: str = "",
        response: str = "",
        id: str = "",
        part: int = PART,
    ):
        """Read the first row, to see whether the place can be read at all.

        Args:
            place: What `files.rows` reads.
            problem: The path of the problem, in place of the known ones; `response`, `id` alike.
            part: The number of rows of a table.

        Raises:
            FileNotFoundError: There is no such file.
            ConnectionError: A hub data set cannot be had.
            ValueError: It cannot be read.
        """
        self.place, self.part = place, part
        self.paths = (
            (problem,) if problem else layouts.PROBLEMS,
            (response,) if response else layouts.RESPONSES,
            (id,) if id else layouts.IDS,
        )
        chosen = {name for path in (problem, response, id) for name in (path, path.split(".")[0])}
        heads = layouts.HEADS | chosen
        found = files.rows(place, wanted=heads - {""})
        self.found = chain(list(islice(found, 1)), found)  # a file that cannot be read fails here
        self.counts, self.layouts = Counter(), Counter()
        self.unread, self.repeated, self.odd = [], [], []
        self.known, self.columns = False, {}
        self.seen = set()  # hashes of ids, which take less memory than the ids

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Yield the tables.

        Raises:
            ValueError: The file is damaged, has no rows, or no column that is known as a problem.
        """
        parts = map(self._table, repeat(self.part))  # holds no part while it is worked on
        yield from takewhile(len, parts)
        if not self.counts["rows"]:
            raise ValueError(f"{self.place} has no rows. Look at what wrote it.")
        if not self.known:
            raise ValueError(
                f"{self.place} should have a column with the problem "
                f"({', '.join(self.paths[0])}), but it has {', '.join(map(str, self.columns))}. "
                "Name the right one with --problem."
            )

    def _table(self, size: int) -> pd.DataFrame:
        read = [self._row(number, row) for number, row in islice(self.found, size)]
        columns = dict(zip(("number", *COLUMNS), zip(*read, strict=True), strict=False))
        if not read:
            return pd.DataFrame()
        numbers, read = columns.pop("number"), None
        columns["id"] = self._unique(numbers, columns)
        self.counts["rows"] += len(numbers)
        return pd.DataFrame(columns).astype(COLUMNS)

    def _row(self, number: int, row: dict) -> tuple:
        problems, responses, ids = self.paths
        query, reply = layouts.problem(row, problems), layouts.response(row, responses)
        if query.path:
            self.layouts[query.path, reply.path] += 1
        else:
            self._note("unread", self.unread, number, query.reason or "it has none")
        if reply.reason:
            self._note("odd", self.odd, number, reply.reason)
        if not self.known:
            self.known = any({path, path.split(".")[0]} & set(row) for path in problems)
            self.columns = self.columns or row
        return (
            number,
            written_id(layouts.at(row, ids[0])),
            query.text,
            reply.text,
            level(row.get("level")),
            row["language"] if isinstance(row.get("language"), str) else "en",
        )

    def _note(self, kind: str, notes: list, number: int, reason: str) -> None:
        self.counts[kind] += 1
        if len(notes) < LISTED:
            notes.append(f"row {number}: {reason}")

    def _unique(self, numbers: tuple[int, ...], columns: dict) -> list[str]:
        """Ids as text. A row without one gets a digest of its text, a repeated one its number."""
        unique = []
        texts = (columns["id"], columns["query"], columns["response"])
        for number, id, query, response in zip(numbers, *texts, strict=True):
            if id and hash(id) in self.seen:
                self._note("repeated", self.repeated, number, repr(id))
            while id and hash(id) in self.seen:
                id = f"{id} (row {number})"
            if id:
                self.seen.add(hash(id))
            unique.append(id or schema.row_id(query, response))
        return unique

    def report(self) -> list[str]:
        """Say what was read, a line for each kind of row."""
        taken = [
            f"{n:,} rows: problem from {problem}, response from {response or 'nowhere'}"
            f"{f' ({name})' if (name := layouts.named(problem, response)) else ''}"
            for (problem, response), n in self.layouts.most_common()
        ]
        kinds = (
            ("without a readable problem", "unread", self.unread),
            ("with a response that is no text and left out", "odd", self.odd),
            ("with a repeated id, which got the row's number", "repeated", self.repeated),
        )
        odd = [
            (
                f"{self.counts[kind]:,} rows {words}: "
                f"{'; '.join(notes)}{'; ...' if self.counts[kind] > len(notes) else ''}"
            )
            for words, kind, notes in kinds
            if notes
        ]
        return taken + odd


def load(place: str | os.PathLike, **paths: str) -> pd.DataFrame:
    """Read anybody's rows as instances of the normal stage, for the gate and the curriculum.

    Args:
        place: What `files.rows` reads.
        paths: problem, response, id, as in `Rows`.

    Returns:
        A table of the kind "instances"; `source` is the file's name, `attrs` has the `report`
        and the `counts` of `Rows`.
    """
    rows = Rows(place, **paths)
    table = pd.concat(rows, ignore_index=True)
    blank = {schema.TYPES["integer"]: 0, schema.TYPES["number"]: 0.0}
    none = {field.name: blank.get(field.type, "") for field in schema.INSTANCES}
    given = {"stage": "normal", "method": "given", "kept": True, "source": source(place)}
    missing = {name: value for name, value in (none | given).items() if name not in table}
    table = table.assign(**missing)[schema.INSTANCES.names]
    table.attrs.update(report=rows.report(), counts=dict(rows.counts))
    return table


def load_each(places: Iterable[str], uses: Callable[[str], os.PathLike]) -> dict[str, pd.DataFrame]:
    """Read several places as instances, by name; `uses` records a file and says where it lies."""
    return {name: load(name if hub.parts(name) else uses(name)) for name in places}


def summary(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the rows of instances by table, and of anybody's files what was odd about them."""
    kinds = {"unread": "without a problem", "odd": "odd responses", "repeated": "repeated ids"}
    lines = {}
    for name, table in tables.items():
        counts = table.attrs.get("counts", {})
        odd = {words: counts.get(kind, 0) for kind, words in kinds.items()}
        lines[name] = {"rows": len(table), "kept": int(table["kept"].sum()), **odd}
    return pd.DataFrame(lines).T


def unite(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Join tables whose ids may be the same: two files may both be numbered from 0.

    Args:
        tables: Tables with the columns id, source, and query and response or problem.

    Returns:
        Their rows in order. An id that an earlier row of another text has gets its source before
        it.
    """
    joined = pd.concat(tables.values(), ignore_index=True)
    texts = [name for name in ("query", "response", "problem") if name in joined]
    while True:
        taken = joined.duplicated("id") & ~joined.duplicated(["id", *texts])
        if not taken.any():
            return joined
        joined["id"] = joined["id"].where(~taken, joined["source"] + ":" + joined["id"])


def source(place: str | os.PathLike) -> str:
    """The name of a file without its endings, or of a data set, for the column `source`."""
    name = hub.parts(place).get("id") or str(place)
    return Path(name).name.split(".")[0]


def level(value) -> int:
    """The first number in a level, 0 where there is none that a table can hold."""
    if type(value) is int and 0 <= value < 10**LONGEST_LEVEL:
        return value
    if value is None or isinstance(value, bool | list | dict):
        return 0
    digits = re.search(r"\d+", str(value))
    return int(digits[0]) if digits and len(digits[0]) <= LONGEST_LEVEL else 0


def written_id(value) -> str:
    """An id as text, exactly as it stands in the file; "" where there is none."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    odd = value is None or isinstance(value, bool | list | dict)
    return "" if odd or isinstance(value, float) and not math.isfinite(value) else str(value)
