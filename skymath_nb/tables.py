"""Problems and instances from anybody's file, in parts, so that no file has to fit into memory.

JSONL (also .gz) and Parquet with one problem or instance a row, by the usual column names: MetaMathQA (query, response),
OpenMathInstruct (problem or question, generated_solution), GSM8K (question, answer), our own seeds and instances.
"""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import schema

QUERY = ("query", "problem", "question", "instruction", "prompt", "input")
RESPONSE = ("response", "generated_solution", "solution", "output", "completion", "rationale", "answer")
ROWS = 50_000  # of a part


def parts(path: str | os.PathLike, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """Yield a file's rows with the columns id, query, response, and level and language where it has them.

    A row without an id gets a digest of its text; a missing text is empty. The file is checked when this is called.
    Raises:  FileNotFoundError; ValueError for another kind of file, no column with a query, a bad line, or no rows.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Rows were asked for from {path}, but there is no such file. Correct the path.")
    if path.suffix == ".parquet":
        return _filled(_parquet(path, rows), path)
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        return _filled(_jsonl(path, rows), path)
    raise ValueError(f"{path} is none of .jsonl, .jsonl.gz and .parquet. Convert it to one of these.")


def load(path: str | os.PathLike) -> pd.DataFrame:
    """Read anybody's file as instances of the normal stage, for the gate and the curriculum; `source` is the file's name."""
    table = pd.concat(parts(path), ignore_index=True)
    none = {field.name: {schema.INTEGER: 0, schema.NUMBER: 0.0}.get(field.type, "") for field in schema.INSTANCES}
    given = {"stage": "normal", "method": "given", "language": "en", "kept": True, "source": Path(path).name.split(".")[0]}
    return table.assign(**{name: value for name, value in (none | given).items() if name not in table})[schema.INSTANCES.names]


def _filled(batches: Iterator[tuple[pd.DataFrame, int]], path: Path) -> Iterator[pd.DataFrame]:
    empty = True
    for table, before in batches:
        empty = False
        query, response = (next((name for name in names if name in table), None) for names in (QUERY, RESPONSE))
        if query is None:
            raise ValueError(
                f"{path} should have a column with the problem ({', '.join(QUERY)}), but it has {', '.join(map(str, table))}. Rename one."
            )
        if query == "instruction" and "input" in table:  # Alpaca's layout: what is to be done, and to what
            table = table.assign(instruction=(table["instruction"].fillna("") + "\n" + table["input"].fillna("")).str.strip())
        texts = {"query": table[query], "response": table[response] if response else ""}
        part = pd.DataFrame(texts, index=table.index)
        for name, column in part.items():
            odd = (
                part[name][~column.map(lambda value: value is None or value != value or isinstance(value, str))]
                if column.dtype == object
                else []
            )
            if len(odd):
                raise ValueError(
                    f"Row {before + odd.index[0] + 1} of {path} has a {type(odd.iloc[0]).__name__} as its {name}; text is needed."
                )
        part = part.astype("str").fillna("")
        ids = table["id"].astype("str") if "id" in table else pd.Series(pd.NA, table.index, dtype="str")
        made = [schema.row_id(*row) for row in zip(part["query"][ids.isna()], part["response"][ids.isna()], strict=True)]
        ids[ids.isna()] = made
        part.insert(0, "id", ids)
        if "level" in table:
            part["level"] = pd.to_numeric(table["level"].astype("str").str.extract(r"(\d+)")[0]).fillna(0).astype("int64")
        if "language" in table:
            part["language"] = table["language"].astype("str")
        yield part.reset_index(drop=True)
    if empty:
        raise ValueError(f"{path} has no rows. Look at what wrote it.")


def _parquet(path, rows):
    try:
        file = pq.ParquetFile(path)
        names = [name for name in (*QUERY, *RESPONSE, "id", "level", "language") if name in file.schema_arrow.names]
        before = 0
        for batch in file.iter_batches(rows, columns=names or None):
            yield batch.to_pandas(), before
            before += len(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} should be a Parquet file, but it cannot be read as one ({error}). Fetch it again.") from error


def _jsonl(path, rows):
    number, batch, before = 0, [], 0
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, 1):  # noqa: B007 (for the error)
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ValueError(f"it is a {type(row).__name__}, not an object")
                    batch.append({name: row[name] for name in row if name in (*QUERY, *RESPONSE, "id", "level", "language")} or row)
                if len(batch) == rows:
                    yield pd.DataFrame(batch), before
                    batch, before = [], before + rows
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} cannot be read at line {number} ({error}). Correct the line, or fetch the file again.") from error
    if batch:
        yield pd.DataFrame(batch), before
