"""Rows of anybody's files, one at a time, whatever the format: the content decides, not the name.

JSON lines, JSON arrays and objects, CSV and TSV, each also as gzip or Zstandard; Parquet; folders
of `Dataset.save_to_disk`; data sets of the Hugging Face hub. What cannot be read is a ValueError
that names the file and the place. Nothing from a file is evaluated.
"""

import codecs
import csv
import gzip
import io
import itertools
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from . import hub
from .evaluation_records import is_record

FORMATS = (
    "JSON lines, a JSON array or object, CSV or TSV (each also as gzip or Zstandard), Parquet, "
    "a folder of Dataset.save_to_disk, or a hub data set as id[@revision][:config][/split]"
)
GZIP, ZSTANDARD, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
UTF_16 = "UTF-16 text (from line 1). Convert it: iconv -f UTF-16 -t UTF-8"
FOREIGN = {  # what a file begins with that is no data of ours, and the remedy
    b"version https://git-lfs": "a Git LFS pointer, not the data. Fetch the data: git lfs pull",
    b"PK\x03\x04": "a ZIP archive. Unpack it",
    b"BZh": "compressed with bzip2. Unpack it",
    b"\xfd7zXZ": "compressed with xz. Unpack it",
    b"<!DOCTYPE": "a web page, not the data. Fetch the file itself",
    b"<html": "a web page, not the data. Fetch the file itself",
    codecs.BOM_UTF16_LE: UTF_16,
    codecs.BOM_UTF16_BE: UTF_16,
}
LISTS = {"data", "rows", "instances", "examples", "train", "validation", "dev", "test"}
CHUNK = 1 << 20  # bytes or characters read at a time
BATCH = 1000  # rows of Parquet or Arrow turned into Python values at a time
SPACE = re.compile(r"[\s,]*")
SURROGATE = re.compile("[\ud800-\udfff]")
HEADER = re.compile(r'"?[\w .-]+"?([,;\t]"?[\w .-]*"?)+\s*')
DAMAGE = (
    ValueError,
    TypeError,
    OSError,
    EOFError,
    RecursionError,
    ArithmeticError,
    zlib.error,
    csv.Error,
)

Row = tuple[int, dict]


class Unreadable(ValueError):
    """A file that cannot be read; the message names it, the place and the remedy."""


def rows(
    place: str | os.PathLike,
    split: str = "train",
    wanted: Iterable[str] = (),
    bad: list[str] | None = None,
) -> Iterator[Row]:
    """Yield the rows of a file, a folder or a hub data set, each with its number.

    Args:
        place: A path, relative to the working directory, or a hub id (see `FORMATS`).
        split: The split to take where the place does not name one and holds several.
        wanted: Columns to read of Parquet, which can leave others out; none of them means all.
        bad: Takes up what is wrong with a row that is no object. Without it, the first is an error.

    Returns:
        Pairs of a number (the line in JSON lines and CSV, else the place from 1) and a dict.

    Raises:
        FileNotFoundError: There is no such file.
        ConnectionError: A hub data set cannot be had.
        ValueError: It cannot be read; the message names the file and the place.
    """
    path = Path(place)
    if parts := hub.parts(place):
        try:
            table = hub.load(**{"split": split, "why": hub.unreachable(), **parts})
        except ConnectionError as error:
            raise ConnectionError(f"There is no file {place}, and {error}.") from error
        return enumerate(hub.rows(table), 1)
    if path.is_dir():
        return _named(_saved(path, split), path, "row")
    if not path.exists():
        raise FileNotFoundError(f"There is no such file as {path}. Correct the path.")
    if not path.is_file():
        raise Unreadable(f"{path} is no regular file. What is read: {FORMATS}.")
    return _named(_file(path, split, set(wanted), bad), path, "line")


def _named(found: Iterator[Row], path: Path, unit: str) -> Iterator[Row]:
    """Pass rows on; an error of a library gets the file's name and the place."""
    number = 0
    try:
        for number, row in found:
            yield number, row
    except Unreadable:
        raise
    except (*DAMAGE, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise Unreadable(
            f"{path} cannot be read after {unit} {number:,} ({reason}). Correct it, or fetch the "
            "file again."
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading its bytes, unpacked."""
    with open(path, "rb") as file:
        start = file.peek(4)[:4]
        if start[:2] == GZIP:
            yield io.BufferedReader(gzip.GzipFile(fileobj=file), CHUNK)
        elif start == ZSTANDARD:
            yield io.BufferedReader(pa.CompressedInputStream(file, "zstd"), CHUNK)
        else:
            yield file


def _file(path: Path, split: str, wanted: set[str], bad: list[str] | None) -> Iterator[Row]:
    with _opened(path) as raw:
        start = raw.peek(CHUNK)[:4096]
        _refuse_foreign(start, path)
        text = start.removeprefix(codecs.BOM_UTF8).lstrip()
        if start.startswith(PARQUET):
            plain = isinstance(getattr(raw, "raw", None), io.FileIO)
            source = path if plain else pa.BufferReader(raw.read())
            yield from _named(_parquet(source, wanted), path, "row")
        elif text.startswith(b"["):
            yield from _array(raw, path, bad)
        elif text.startswith(b"{"):
            yield from _objects(raw, path, split, bad)
        elif path.suffix == ".parquet":
            raise Unreadable(
                f"{path} should be a Parquet file, but it cannot be read as one (it begins "
                f"{start[:20]!r}). Fetch it again."
            )
        elif _is_table(path, text):
            yield from _table(raw, path, bad)
        else:
            yield from _objects(raw, path, split, bad)


def _refuse_foreign(start: bytes, path: Path) -> None:
    kind = next((kind for begin, kind in FOREIGN.items() if start.startswith(begin)), "")
    if not kind and b"\0" in start and not start.startswith(PARQUET):
        kind = UTF_16 if b"\0" in start[:2] else "a binary file of a kind that is not read"
    if kind:
        raise Unreadable(f"{path} cannot be read: it is {kind}.")


def _texts(raw: BinaryIO, path: Path) -> Iterator[str]:
    """The decoded text in chunks. A character that is cut by a chunk is carried over."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    number, size = 1, CHUNK
    while True:
        data = raw.read(size)
        try:
            yield decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            line = number + error.object[: error.start].count(b"\n")
            raise _wrong_encoding(error, path, line) from error
        number += data.count(b"\n")
        if not data:
            return


def _lines(raw: BinaryIO, path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(raw, 1):
        try:
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _wrong_encoding(error, path, number) from error


def _wrong_encoding(error: UnicodeDecodeError, path: Path, line: int) -> Unreadable:
    byte = error.object[error.start]
    latin = "Latin-1 (or Windows-1252; or GB18030, if it is Chinese)"
    guess, code = ("UTF-16", "UTF-16") if byte in (0xFE, 0xFF) else (latin, "LATIN1")
    return Unreadable(
        f"{path} cannot be read: line {line} is not UTF-8 (byte {byte:#04x}) but most likely "
        f"{guess}. Convert it: iconv -f {code} -t UTF-8"
    )


def _parsed(text: str):
    """A JSON value.

    Half a surrogate pair, which no file can hold again, becomes a question mark.
    """
    value = json.loads(text)
    return _whole(value) if "\\ud" in text.lower() else value


def _whole(value):
    if isinstance(value, str):
        return SURROGATE.sub("?", value)
    if isinstance(value, list):
        return [_whole(part) for part in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(part) for name, part in value.items()}
    return value


def _object(number: int, line: str) -> tuple[dict | None, str]:
    """The object of a line, or None and what is wrong."""
    try:
        value = _parsed(line)
    except (ValueError, RecursionError) as error:
        return None, "it holds NUL, as UTF-16 text does" if "\0" in line else str(error)
    if isinstance(value, dict):
        return value, ""
    return None, f"it is a {type(value).__name__}"


def _objects(raw: BinaryIO, path: Path, split: str, bad: list[str] | None) -> Iterator[Row]:
    """JSON lines, or one object over one or more lines."""
    filled = ((number, line) for number, line in _lines(raw, path) if line.strip())
    head = list(itertools.islice(filled, 2))
    values = [_object(*line)[0] for line in head]
    if len(head) == 1 and values[0] is not None:
        yield from _document(values[0], split, path)
        return
    if len(head) == 2 and values == [None, None] and head[0][1].lstrip()[:1] == "{":
        head = [*head, *filled]  # not JSON lines, so perhaps one object over many lines
        try:
            value = _parsed("".join(line for _, line in head))
        except ValueError:
            value = None
        if value is not None:
            yield from _document(value, split, path)
            return
    for number, line in itertools.chain(head, filled):
        value, reason = _object(number, line)
        if value is not None:
            yield number, value
        else:
            _note(bad, path, number, reason, line)


def _note(bad: list[str] | None, path: Path, number: int, reason: str, text: str) -> None:
    """Take up a row that is no object, or raise it."""
    if bad is not None:
        needed = "an object is needed, but " if reason.startswith("it ") else ""
        bad.append(f"line {number}: {needed}{reason}")
        return
    raise Unreadable(
        f"Every line of {path} should be one JSON object, but line {number} is not ({reason}). It "
        f"begins {text[:60]!r}. Correct or remove the line; nothing of the file was used."
    )


def _array(raw: BinaryIO, path: Path, bad: list[str] | None) -> Iterator[Row]:
    """The elements of an array, read as it comes: the whole is never held."""
    texts = _texts(raw, path)
    pending, number, at = "", 0, 0
    decode = json.JSONDecoder().raw_decode
    while not pending.strip():
        pending = next(texts)
    at = pending.index("[") + 1
    while True:
        at = SPACE.match(pending, at).end()
        if pending[at : at + 1] == "]":
            break
        try:
            value, end = decode(pending, at)
        except json.JSONDecodeError as error:
            # Double what is held, so that one huge element is not scanned again for each chunk.
            size = max(CHUNK, len(pending) - at)
            more = _take(texts, size)
            if not more:
                raise Unreadable(
                    f"{path} cannot be read after row {number:,} of its list ({error.msg}). "
                    "Correct it, or fetch the file again."
                ) from error
            pending, at = pending[at:] + more, 0
            continue
        number += 1
        text, at = pending[at:end], end
        if isinstance(value, dict):
            yield number, _whole(value) if "\\ud" in text.lower() else value
        else:
            reason = f"it begins a list, whose row {number} is a {type(value).__name__}"
            _note(bad, path, 1, reason, text)
    if (pending[at + 1 :] + "".join(texts)).strip():
        raise Unreadable(f"{path} holds more than one list. Join them, or use JSON lines.")


def _take(texts: Iterator[str], size: int) -> str:
    parts = []
    while size > 0 and (text := next(texts, "")):
        parts.append(text)
        size -= len(text)
    return "".join(parts)


def _document(value, split: str, path: Path) -> Iterator[Row]:
    """The rows of one object: columns, records by id, lists by name, or a single row."""
    columns = {name: part for name, part in value.items() if isinstance(part, list)}
    records = {name: part for name, part in columns.items() if _is_records(part)}
    tables = [part for part in value.values() if isinstance(part, dict)]
    if is_record(value):  # one row, although it holds lists
        rows = [value]
    elif set(columns) >= {"columns", "data"}:  # pandas, orient="split"
        rows = [dict(zip(columns["columns"], row, strict=True)) for row in columns["data"]]
    elif records and (len(records) == len(value) or set(records) <= LISTS):
        rows = records[_chosen(list(records), split, path)]
    elif len(columns) == len(value) and _is_columns(list(columns.values())):
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    elif len(tables) == len(value) > 0 and all(key.isdigit() for part in tables for key in part):
        keys = list(tables[0])  # pandas, orient="columns"
        rows = [{name: part.get(key) for name, part in value.items()} for key in keys]
    elif len(tables) == len(value) > 0:
        rows = [{"id": key} | part for key, part in value.items()]
    else:
        rows = [value]
    yield from enumerate(rows, 1)


def _is_chat(part: list) -> bool:
    return bool(part) and isinstance(part[0], dict) and bool({"role", "from"} & set(part[0]))


def _is_columns(parts: list[list]) -> bool:
    return len(set(map(len, parts))) == 1 and not any(map(_is_chat, parts))


def _is_records(part: list) -> bool:
    return bool(part) and all(isinstance(row, dict) for row in part) and not _is_chat(part)


def _chosen(names: list[str], split: str, path: Path) -> str:
    """The split to read: the one asked for, else the only one."""
    if split in names or len(names) == 1:
        return split if split in names else names[0]
    raise Unreadable(f"{path} has the splits {', '.join(names)}, and not {split!r}. Name one.")


def _is_table(path: Path, text: bytes) -> bool:
    name = path.name.lower()
    head = text.split(b"\n", 1)[0].decode("utf-8", "replace")
    return ".csv" in name or ".tsv" in name or bool(HEADER.fullmatch(head))


def _table(raw: BinaryIO, path: Path, bad: list[str] | None) -> Iterator[Row]:
    """CSV or TSV with a header. Every cell is text; an empty one is None."""
    csv.field_size_limit(2**31 - 1)  # a response can be long
    numbered = _lines(raw, path)
    first = next(numbered, (1, ""))[1]
    separator = max((",", "\t", ";"), key=first.count)
    text = itertools.chain([first], (line for _, line in numbered))
    reader = csv.DictReader(text, delimiter=separator, strict=True)
    names = reader.fieldnames or []
    if len(set(names)) < len(names):
        raise Unreadable(f"{path} has two columns of one name: {', '.join(names)}. Rename one.")
    for row in reader:
        if None in row:
            _note(bad, path, reader.line_num, "it has more cells than the header", str(row[None]))
            continue
        yield reader.line_num, {name: cell or None for name, cell in row.items()}


def _parquet(source: Path | pa.BufferReader, wanted: set[str]) -> Iterator[Row]:
    file = pq.ParquetFile(source)
    names = [name for name in file.schema_arrow.names if name in wanted]
    read = names or file.schema_arrow.names
    if len(set(read)) < len(read):
        raise ValueError("it has two columns of one name")
    batches = file.iter_batches(BATCH, columns=names or None)
    yield from enumerate((row for batch in batches for row in batch.to_pylist()), 1)


def _saved(folder: Path, split: str) -> Iterator[Row]:
    """The rows of a folder of `Dataset.save_to_disk`, or of one split of a `DatasetDict`."""
    if (index := folder / "dataset_dict.json").is_file():
        names = _plain(json.loads(index.read_text("utf-8")), "splits", folder)
        yield from _saved(folder / _chosen(names, split, folder), split)
        return
    if not (state := folder / "state.json").is_file():
        raise Unreadable(f"{folder} is a folder, but none of Dataset.save_to_disk. Name a file.")
    files = _plain(json.loads(state.read_text("utf-8")), "_data_files", folder)
    yield from enumerate((row for name in files for row in _arrow(folder / name)), 1)


def _plain(state, key: str, folder: Path) -> list[str]:
    """The names that a folder's own list gives; none may lead out of the folder."""
    listed = state.get(key) if isinstance(state, dict) else None
    names = [part.get("filename") if isinstance(part, dict) else part for part in listed or ()]
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or name in ("", ".."):
            raise Unreadable(
                f"{folder} lists {name!r}, which is no file of its own. Save it again."
            )
    return names


def _arrow(path: Path) -> Iterator[dict]:
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as batches:
        for batch in batches:
            for begin in range(0, batch.num_rows, BATCH):
                yield from batch.slice(begin, BATCH).to_pylist()
