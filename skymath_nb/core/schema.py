"""The row kinds and the curriculum, as plain data.

Tables are pandas DataFrames in memory and Parquet on disk. `level` 0 means unknown, `language` is
"en" or "zh", `verdicts` is JSON text. Text may be missing (NaN in pandas); numbers, truth values
and ids may not.
"""

import hashlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from .disk import whole

TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "truth": pa.bool_()}


def _schema(columns: dict[str, str]) -> pa.Schema:
    nullable = {name: kind == "text" and name != "id" for name, kind in columns.items()}
    return pa.schema([pa.field(n, TYPES[kind], nullable[n]) for n, kind in columns.items()])


SCHEMAS = {
    kind: _schema(columns)
    for kind, columns in yaml.safe_load(
        Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    ).items()
}
SEEDS, INSTANCES, GATE, ANSWERS = SCHEMAS.values()


def write(table: pd.DataFrame | Iterable[pd.DataFrame], path: str | os.PathLike, kind: str) -> Path:
    """Write a table as Parquet, whole or not at all, with the kind's columns first and any others
    after them.

    A table may come in parts, which are written as they come and never held together; they have the
    same columns.

    Raises:
        ValueError: If a column of the kind is missing, has another type, or has gaps where none may
            be.
    """
    path = Path(path)
    parts = iter([table] if isinstance(table, pd.DataFrame) else table)
    first = _as_arrow(next(parts), kind, f"the table for {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as half, pq.ParquetWriter(half, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(_as_arrow(part, kind, f"a part of the table for {path}"))
    return path


def read(path: str | os.PathLike, kind: str) -> pd.DataFrame:
    """Read a table of one kind, with the kind's columns first and in its types.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not Parquet, has no rows, or does not have the columns of its kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"A table of {kind} was asked for at {path}, but there is no such file. Run the step "
            "that writes it, or correct the path."
        )
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{path} should be a Parquet table of {kind}, but it cannot be read as Parquet "
            f"({error}). Remove it and run the step that writes it again."
        ) from error
    if not table.num_rows:
        raise ValueError(
            f"{path} should hold {kind}, but it has no rows. Look at the report of the step that "
            "wrote it: it says why everything was dropped."
        )
    if not _conforms(table, SCHEMAS[kind]):
        return _as_arrow(table.to_pandas(), kind, str(path)).to_pandas()
    names = SCHEMAS[kind].names
    table = table.select(
        [*names, *(name for name in table.column_names if name not in names)]
    ).replace_schema_metadata(None)
    # column by column: a large table is never there twice
    return table.to_pandas(split_blocks=True, self_destruct=True)


def _conforms(table: pa.Table, schema: pa.Schema) -> bool:
    found = {field.name: field.type for field in table.schema}
    return all(
        found.get(f.name) == f.type and (f.nullable or not table[f.name].null_count) for f in schema
    )


def _as_arrow(table: pd.DataFrame, kind: str, where: str) -> pa.Table:
    schema = SCHEMAS[kind]
    missing = [name for name in schema.names if name not in table.columns]
    if missing:
        raise ValueError(
            f"A table of {kind} needs the columns {', '.join(schema.names)}, but {where} lacks "
            f"{', '.join(missing)} (it has {', '.join(map(str, table.columns))}). Add the "
            "missing columns."
        )
    columns = [_column(table[field.name], field, kind, where) for field in schema]
    extra = table.drop(columns=schema.names)
    if extra.columns.empty:
        return pa.table(columns, schema=schema)
    extra = pa.Table.from_pandas(extra, preserve_index=False).replace_schema_metadata(None)
    fields = [*schema, *extra.schema]
    return pa.table([*columns, *extra.columns], schema=pa.schema(fields))


def _column(column: pd.Series, field: pa.Field, kind: str, where: str) -> pa.Array:
    try:
        array = pa.Array.from_pandas(column, type=field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"The column {field.name!r} of {kind} holds {field.type} values, but in {where} it "
            f"has values that are not ({error}). Convert the column."
        ) from error
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if array.null_count and not field.nullable:
        raise ValueError(
            f"The column {field.name!r} of {kind} may not have gaps, but in {where} it has "
            f"{array.null_count} of {len(array)} missing. Fill them (an unknown level is 0)."
        )
    return array


def row_id(*parts: object) -> str:
    """Return 16 hex digits that name these parts; lengths count, so ("ab", "c") != ("a", "bc")."""
    digest = hashlib.sha256()
    for part in map(str, parts):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Phase:
    """One stage of training. `rows` has at least the columns id, query and response."""

    name: str
    rows: pd.DataFrame
    epochs: float
    learning_rate: float
    shuffle: bool = True

    def __post_init__(self):
        missing = {"id", "query", "response"} - set(self.rows.columns)
        if missing or self.rows.empty or self.epochs <= 0 or self.learning_rate <= 0:
            raise ValueError(
                f"Phase {self.name!r} needs rows with id, query and response, positive epochs "
                f"and a learning rate, but it has {len(self.rows)} rows, lacks the columns "
                f"{sorted(missing)}, epochs={self.epochs} and "
                f"learning_rate={self.learning_rate}. Correct what the phase is made from."
            )


@dataclass(frozen=True, eq=False)
class Curriculum:
    """What is trained on, in which order and how.

    All that an engine needs, and nothing of the engine.
    """

    phases: tuple[Phase, ...]
    batch_size: int
    max_length: int
    warmup: float = 0.03
    weight_decay: float = 0.0
    seed: int = 0
    schedule: str = "cosine"

    @property
    def n_rows(self) -> int:
        return sum(len(phase.rows) for phase in self.phases)

    def stages(self) -> tuple["Curriculum", ...]:
        """Return one curriculum per phase, to train them one after the other and keep what each
        leaves.
        """
        return tuple(replace(self, phases=(phase,)) for phase in self.phases)

    def phase_steps(self, phase: Phase) -> int:
        """Return the number of optimiser steps of a phase; a last batch that is not full counts."""
        return math.ceil(len(phase.rows) * phase.epochs / self.batch_size)

    def digest(self) -> str:
        """Return 16 hex digits over the rows' ids and texts, their order, and every number of the
        recipe.
        """
        parts = [self.batch_size, self.max_length, float(self.warmup), float(self.weight_decay)]
        parts += [self.seed, self.schedule, len(self.phases)]
        for phase in self.phases:
            rows = phase.rows[["id", "query", "response"]].to_numpy().ravel()
            parts += [phase.name, float(phase.epochs), float(phase.learning_rate)]
            parts += [phase.shuffle, row_id(*rows)]
        return row_id(*parts)
