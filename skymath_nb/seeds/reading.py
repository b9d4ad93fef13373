"""Rows of JSONL, JSON and Parquet files, with the line named where one is broken."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd


def rows(path: Path) -> Iterator[dict]:
    if path.suffix == ".parquet":
        try:
            frame = pd.read_parquet(path)
        except OSError as error:  # pyarrow's errors of broken files are among these
            raise ValueError(f"{path} should be a Parquet file, but it cannot be read as one ({error}). Fetch it again.") from error
        yield from frame.astype(object).where(lambda t: t.notna(), None).to_dict("records")
    elif path.suffix == ".json":
        try:
            rows = json.loads(path.read_text("utf-8-sig"))
        except ValueError as error:
            raise ValueError(f"{path} should be one JSON array of problems, but it does not parse: {error}.") from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{path} should be one JSON array of objects. Use .jsonl for one object a line.")
        yield from rows
    elif path.name.endswith((".jsonl", ".jsonl.gz")):
        yield from _lines(path)
    else:
        raise ValueError(f"{path} is none of .jsonl, .jsonl.gz, .json and .parquet. Convert it to one of these.")


def _lines(path: Path) -> Iterator[dict]:
    number, opener = 0, gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _object(line, number, path)
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read after line {number} ({error}). Fetch the file again.") from error


def _object(line: str, number: int, path: Path) -> dict:
    try:
        row = json.loads(line)
        problem = "" if isinstance(row, dict) else f"it is a {type(row).__name__}"
    except ValueError as error:
        problem = str(error)
    if problem:
        raise ValueError(
            f"Every line of {path} should be one JSON object, but line {number} is not ({problem}). It begins "
            f"{line[:60]!r}. Correct or remove the line; nothing of the file was used."
        )
    return row
