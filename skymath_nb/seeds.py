"""Seed problems and benchmarks from files, the hub or the world, in one schema, with what was dropped counted."""

import gzip
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd

from . import answers, runs, schema, world

DATA = "SKYMATH_DATA"  # environment variable: a folder of benchmark files, used in place of the hub
WORLD_ITEMS = 300  # items of a world benchmark when all are asked for: its supply has no end
REFUSED = re.compile(r"(?:^|[\W_])agieval[\W_]+(?:v1[\W_]+)?math(?:\.jsonl?)?(?:\.gz)?$", re.I)
MARKS = re.compile(r"<<[^<>]*>>")  # GSM8K's calculator marks
PROBLEM = ("problem", "question", "query", "instruction", "input")
ANSWER = ("answer", "final_answer", "expected_answer", "golden", "gold", "target")
SOLUTION = ("solution", "response", "output", "rationale", "answer")


@dataclass(frozen=True)
class Source:
    """Where a named source is: files per split under a data folder, and the hub id with its configurations."""

    files: dict[str, str]
    hub: str
    configs: tuple[str | None, ...]
    licence: str
    parse: Callable[[dict], dict]
    language: str = "en"


def _parse_gsm8k(row: dict) -> dict:
    solution, _, answer = row["answer"].rpartition("####")
    return {
        "problem": row["question"],
        "solution": MARKS.sub("", solution).strip(),
        "answer": answer.strip().replace(",", ""),
        "subject": "word problems",
    }


def _parse_math(row: dict) -> dict:
    subject = row.get("type") or row.get("subject")
    answer = row.get("answer") or answers.last_boxed(row["solution"])
    return {"subject": subject, "answer": answer, **{k: row[k] for k in ("problem", "solution", "level")}}


def _parse_any(row: dict) -> dict:
    """Read a row of somebody's problems by its usual column names; a solution is searched for its answer."""
    found = {k: _first(row, names) for k, names in (("problem", PROBLEM), ("solution", SOLUTION), ("answer", ANSWER))}
    if "####" in found["answer"] or len(found["answer"]) > answers.LONGEST_SYMBOLIC or not found["answer"]:
        found["answer"] = answers.extract(found["solution"]) or ""
    elif found["solution"] == found["answer"]:
        found["solution"] = ""
    found["solution"] = MARKS.sub("", found["solution"])
    kept = {k: row[k] for k in ("id", "level", "language", "source", "licence") if row.get(k)}
    return found | {"subject": _first(row, ("subject", "type"))} | kept


def _first(row: dict, names: Iterable[str]) -> str:
    value = next((row[n] for n in names if row.get(n) not in (None, "", [])), "")
    return str(value[0] if isinstance(value, list) and len(value) == 1 else value)


def load(name: str, split: str = "train", limit: int = 0, data: str | os.PathLike | None = None) -> pd.DataFrame:
    """Return the problems of a source: a name in SOURCES, a world benchmark, or the path of a file.

    limit  the first so many rows that are kept, 0 = all;  data  a folder of benchmark files, else $SKYMATH_DATA,
           else the hub. `attrs["dropped"]` and `attrs["noted"]` count, by reason, rows left out and odd ones.
    Raises:  ValueError for an unknown name, a bad line or an empty file; FileNotFoundError; ConnectionError.
    """
    if REFUSED.search(name):
        raise ValueError(
            f"{name!r} was asked for, but AGIEval's math file is refused: all of its 1,000 rows lie inside the MATH "
            "test set, so whatever is trained on it can no longer be tested on MATH. Use math (its train split)."
        )
    if name.startswith("world-"):
        return world.benchmark(name, limit or WORLD_ITEMS)
    path, source = file(name, split, data), SOURCES.get(name)
    if path and "agieval" in str(path).lower() and path.name.split(".")[0] == "math":
        return load("agieval-math")  # by its path: refused with the same words
    origin = name if source else Path(name).name.split(".")[0]
    rows = _rows(path) if path else _hub_rows(name, split)
    parse = source.parse if source else _parse_any
    dropped, noted, seen = Counter(), Counter(), Counter()
    table = list(islice(_seeds(_parsed(parse, rows, path or name), origin, split, source, (dropped, noted, seen)), limit or None))
    if not table:
        raise ValueError(
            f"Seed problems were asked for from {path or name}, but none of its rows could be used "
            f"({dict(dropped) or 'it is empty'}). Each row needs a problem ({', '.join(PROBLEM)}) and an answer."
        )
    frame = pd.DataFrame(table, columns=schema.SEEDS.names)
    _check_own(frame, path or name)
    frame.attrs.update(dropped=dict(dropped), noted=dict(noted))
    return frame


def _check_own(frame: pd.DataFrame, where) -> None:
    """What a file says of its own rows must fit: ids that tell rows apart, languages that the project has."""
    again, strange = frame["id"][frame["id"].duplicated()], set(frame["language"]) - set(world.LANGUAGES)
    if len(again) or strange:
        raise ValueError(
            f"{where} has {len(again)} repeated ids (the first is {again.iloc[0] if len(again) else 'none'!r}) and the languages "
            f"{sorted(strange) or 'en, zh'}; ids must differ and languages be {' or '.join(world.LANGUAGES)}. Correct these "
            "columns, or leave them out: ids and languages are then made from the text."
        )


def _parsed(parse: Callable[[dict], dict], rows: Iterable[dict], where) -> Iterator[dict]:
    for number, row in enumerate(rows, 1):
        try:
            yield parse(row)
        except KeyError as error:
            raise ValueError(
                f"Row {number} of {where} has no column {error}; it has {', '.join(row)}. Is it the file that was meant?"
            ) from error


def _seeds(parsed: Iterable[dict], origin: str, split: str, source: Source | None, counts) -> Iterator[dict]:
    dropped, noted, seen = counts
    for row in parsed:
        problem, answer = ((row[key] or "").strip() for key in ("problem", "answer"))
        if not problem or not answer:
            dropped["no answer" if problem else "no problem"] += 1
            continue
        level = re.search(r"\d+", str(row.get("level", "")))
        noted["level not understood"] += bool(row.get("level")) and not level
        seen[problem] += 1
        yield {
            "id": str(row.get("id") or f"{origin}-{split}-{schema.row_id(problem, seen[problem])}"),
            "source": str(row.get("source") or origin),
            "split": split,
            "language": row.get("language") or (source.language if source else world.language_of(problem)),
            "level": int(level[0]) if level else 0,
            "subject": row.get("subject") or "",
            "problem": problem,
            "solution": (row["solution"] or "").strip(),
            "answer": answer,
            "licence": source.licence if source else str(row.get("licence") or "unknown"),
        }


def file(name: str, split: str = "train", data: str | os.PathLike | None = None) -> Path | None:
    """Return the local file behind a source, for digests; None if it is the world's or comes from the hub."""
    if name == "world" or name.startswith("world-"):
        return None
    if name not in SOURCES:
        path = runs.locate(name)
        if not path.is_file():
            raise FileNotFoundError(
                f"Problems were asked for from {name!r}, which is neither a file (relative to the repository) nor one of world, "
                f"{', '.join((*world.BENCHMARKS, *SOURCES))}. Correct the name or the path."
            )
        return path
    if split not in SOURCES[name].files:
        raise ValueError(f"The source {name} has no split {split!r}; it has {', '.join(SOURCES[name].files)}.")
    folder = data or os.environ.get(DATA)
    if not folder:
        return None
    path = Path(folder) / SOURCES[name].files[split]
    if not path.is_file():
        raise FileNotFoundError(
            f"The {split} split of {name} was asked for from the data folder {folder}, but {path} is missing. Put "
            f"the file there, or unset {DATA} to read {SOURCES[name].hub} from the hub."
        )
    return path


def files(names: Iterable[str], split: str = "train", data: str | os.PathLike | None = None) -> list[Path]:
    """List the local files behind several sources."""
    return [path for name in names if (path := file(name, split, data))]


def draw(name: str, n: int, seed: int, *, levels=world.LEVELS, chinese: float = 0.2) -> pd.DataFrame:
    """Return n seeds of the train split of a source (0 = all): drawn from the world (the only one that knows
    `levels` and `chinese`), or picked at random from what a file holds; a larger n keeps the smaller pick."""
    if name == "world":
        return world.seeds(n or WORLD_ITEMS, seed, levels=levels, chinese=chinese)
    return take(load(name), n, seed)


def take(table: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Pick n rows at random (0 = all, in their order); a larger n begins with the smaller pick.

    Versions of the same items (column `pair`) give the same pick, so that they can be compared in pairs.
    """
    if not n or n >= len(table):
        return table
    names = table["pair"] if "pair" in table else table["id"]
    places = [runs.stream(seed, "seeds", name) for name in names]  # by name: another row changes no other's place
    return table.iloc[sorted(range(len(table)), key=places.__getitem__)[:n]].reset_index(drop=True)


def benchmarks(names: Iterable[str], items: int = 0) -> dict[str, pd.DataFrame]:
    """Return the first `items` rows (0 = all) of the test split of each benchmark, by name."""
    return {name: load(name, "test", items) for name in names}


def deduplicate(seeds: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the first of seeds whose problems are equal but for case and white space; also list those dropped."""
    plain = seeds["problem"].str.casefold().str.split().str.join(" ")
    again = plain.duplicated()
    dropped = seeds.loc[again, ["id", "source", "split", "problem"]]
    dropped.insert(1, "duplicate_of", plain[again].map(seeds["id"].groupby(plain).first()))
    return seeds[~again].reset_index(drop=True), dropped.reset_index(drop=True)


def _rows(path: Path) -> Iterator[dict]:
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


def _hub_rows(name: str, split: str) -> Iterator[dict]:
    from datasets import load_dataset

    source = SOURCES[name]
    for config in source.configs:
        try:
            rows = load_dataset(source.hub, config, split=split)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConnectionError(
                f"The {split} split of {name} was asked for. No local folder is given ({DATA} is not set), and "
                f"{source.hub} cannot be had from the Hugging Face hub ({type(error).__name__}: "
                f"{str(error)[:200]}). Connect to the network, or set {DATA} to a folder that holds "
                f"{source.files[split]}."
            ) from error
        yield from rows


SUBJECTS = (
    *("algebra", "counting_and_probability", "geometry", "intermediate_algebra"),
    *("number_theory", "prealgebra", "precalculus"),
)
SOURCES = {
    "gsm8k": Source({"train": "gsm8k/train.jsonl.gz", "test": "gsm8k/test.jsonl"}, "openai/gsm8k", ("main",), "MIT", _parse_gsm8k),
    "math": Source(
        {"train": "math/train.jsonl.gz", "test": "math/test.jsonl.gz"},
        "EleutherAI/hendrycks_math",
        SUBJECTS,
        "MIT",
        _parse_math,
    ),
    "math500": Source({"test": "math/math500.jsonl"}, "HuggingFaceH4/MATH-500", (None,), "MIT", _parse_math),
}
