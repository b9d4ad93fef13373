"""Seed problems and benchmarks from files, the hub or the world, in one schema, with what was dropped counted.

`sources` is the table of those that have a name, `layouts` says how their rows read.
"""

import functools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from .. import answers, runs, schema, world
from . import layouts, reading
from .layouts import MARKS
from .sources import SOURCES, Source, spoils

__all__ = [
    "DATA", "MARKS", "REFUSED", "SOURCES", "WAIT_S", "Source", "benchmarks", "count",
    "draw", "fetch", "file", "files", "load", "refuse_seeded",
    "take", "translations", "unreachable",
]  # fmt: skip

DATA = "SKYMATH_DATA"  # environment variable: a folder of benchmark files, used in place of the hub
WAIT_S = 5  # for the hub's first word
WORLD_ITEMS = 300  # items of a world benchmark when all are asked for: its supply has no end
REFUSED = re.compile(r"(?:^|[\W_])agieval[\W_]+(?:v1[\W_]+)?math(?:\.jsonl?)?(?:\.gz)?$", re.I)
SPEAKS_OF_A_FIGURE = re.compile(
    r"!\[|<im(?:g|age)|\\includegraphics|\b(?:figure|diagram|picture|graph)s? (?:shown|below|above|(?:at|on) (?:the )?(?:left|right))\b|"
    r"\b(?:shown|illustrated|pictured|depicted|given) in (?:the )?(?:figure|diagram|picture)|\bin the (?:figure|diagram)\b|\bFigure \d|"
    r"如[上下左右]?图|[下左右]图|图中|图\s*\d",
    re.I,
)
TRANSLATED = {"world-test": "world-chinese", "world-chinese": "world-test", "gsm8k": "mgsm-zh"}
DRAWN = "[asy]"  # a figure that the text itself draws


def load(name: str, split: str = "train", limit: int = 0, data: str | os.PathLike | None = None) -> pd.DataFrame:
    """Return the problems of a source: a name in SOURCES, a world benchmark, or the path of a file.

    limit  the first so many rows that are kept, 0 = all;  data  a folder of benchmark files, else $SKYMATH_DATA,
           else the hub. `attrs["dropped"]` and `attrs["noted"]` count, by reason, rows left out (no answer, needs an image) and
           odd ones (several boxes, an answer that no grammar reads). Versions of the same items have `distractors` and `pair`.
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
    rows = reading.rows(path) if path else _hub_rows(name, split)
    layout = source.layout if source else layouts.anybody
    dropped, noted, seen = Counter(), Counter(), Counter()
    table = list(islice(_seeds(_parsed(layout, rows, path or name), origin, split, source, (dropped, noted, seen)), limit or None))
    if not table:
        raise ValueError(
            f"Seed problems were asked for from {path or name}, but none of its rows could be used "
            f"({dict(dropped) or 'it is empty'}). Each row needs a problem ({', '.join(layouts.PROBLEM)}) and an answer."
        )
    frame = pd.DataFrame(table)
    _check_own(frame, path or name)
    frame = frame[[*schema.SEEDS.names, *frame.columns.drop(schema.SEEDS.names)]]
    frame.attrs.update(dropped=dict(dropped), noted=dict(+noted))
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


def _parsed(layout: Callable[[dict], dict], rows: Iterable[dict], where) -> Iterator[dict]:
    for number, row in enumerate(rows, 1):
        try:
            yield layout(row)
        except KeyError as error:
            raise ValueError(
                f"Row {number} of {where} has no column {error}; it has {', '.join(row)}. Is it the file that was meant?"
            ) from error


def _seeds(parsed: Iterable[dict], origin: str, split: str, source: Source | None, counts) -> Iterator[dict]:
    dropped, noted, seen = counts
    for row in parsed:
        problem, answer = ((row[key] or "").strip() for key in ("problem", "answer"))
        without_figure = DRAWN not in problem and bool(SPEAKS_OF_A_FIGURE.search(problem))
        lost = without_figure and source and not source.figures
        reasons = (("no problem", not problem), (row.get("leave"), row.get("leave")), ("needs an image", lost), ("no answer", not answer))
        if reason := next((reason for reason, holds in reasons if holds), ""):
            dropped[reason] += 1
            continue
        noted.update(row.get("notes", ()))
        noted["speaks of a figure"] += without_figure
        noted["answer not read as mathematics"] += not answers.readable(answer)
        level = re.search(r"\d+", str(row.get("level", "")))
        noted["level not understood"] += bool(row.get("level")) and not level
        seen[problem] += 1
        more = {name: row[name] for name in ("distractors", "pair") if name in row}
        yield more | {
            "id": str(row.get("id") or f"{origin}-{split}-{schema.row_id(problem, seen[problem])}"),
            "source": str(row.get("source") or origin),
            "split": split,
            "language": row.get("language") or (source.language if source else world.language_of(problem)),
            "level": int(level[0]) if level else 0,
            "subject": row.get("subject") or "",
            "problem": problem,
            "solution": (row.get("solution") or "").strip(),
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
    source = SOURCES[name]
    path = Path(folder).expanduser() / source.files[split]
    if not path.is_file():
        raise FileNotFoundError(
            f"The {split} split of {name} was asked for from the data folder {folder}, but {path} is missing. Put "
            f"the file there{f', or unset {DATA} to read {source.hub} from the hub' if source.hub else f'; {source.whence}'}."
        )
    return path


def files(names: Iterable[str], split: str = "train", data: str | os.PathLike | None = None) -> list[Path]:
    """List the local files behind several sources; of those without a train split, the files that seeds are drawn from."""

    def there(name):
        return SOURCES[name].seeded if name in SOURCES and split == "train" and split not in SOURCES[name].files else split

    return [path for name in names if (path := file(name, there(name) or split, data))]


def draw(name: str, n: int, seed: int, *, levels=world.LEVELS, chinese: float = 0.2) -> pd.DataFrame:
    """Return n seeds of a source (0 = all): drawn from the world (the only one that knows `levels` and `chinese`), or picked
    at random from its train or dev split; a larger n keeps the smaller pick.

    OlympiadBench, AGIEval, SciBench and JEEBench have no such split: the paper's seeds are their test items, and they can
    test no model that comes of these (`refuse_seeded`).
    Raises:  what `load` raises, and ValueError for a source that only tests.
    """
    if name == "world":
        return world.seeds(n or WORLD_ITEMS, seed, levels=levels, chinese=chinese)
    source = SOURCES.get(name)
    if source and not source.seeded:
        raise ValueError(
            f"Seeds were asked for from {name}, which only tests"
            + (f": its items come from the test split of {source.within}" if source.within else "")
            + f". Draw from world, a file, or {', '.join(name for name, s in SOURCES.items() if s.seeded)}."
        )
    return take(load(name, source.seeded if source else "train"), n, seed)


def refuse_seeded(benchmarks: Iterable[str], sources: Iterable[str]):
    """Refuse to test on what the training came from: call it with the `source` column of all instances that were trained on.

    Raises:  ValueError if a benchmark has no items beside those that a source gave (OlympiadBench for a model seeded from it).
    """
    sources, benchmarks = sorted(set(sources)), list(benchmarks)
    pairs = [(benchmark, source) for benchmark in benchmarks for source in sources if spoils(source, benchmark)]
    if pairs:
        raise ValueError(
            f"The benchmarks {', '.join(benchmarks)} were asked for, but the model was trained on instances whose seeds are test items: "
            + "; ".join(f"{benchmark} (seeds from {source})" for benchmark, source in pairs)
            + ". Leave these benchmarks out, or train without those seeds."
        )


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


def translations(tests: dict[str, pd.DataFrame], data: str | os.PathLike | None = None) -> dict[str, dict[str, str]]:
    """Return the problems of benchmarks in another language, by benchmark and id, for leaks that are planted in translation.

    world-test and world-chinese are each other's; mgsm-zh is the first items of gsm8k, in their order. A translation that can't be
    had, here or from the hub, is left out.
    """
    found = {}
    for name in [name for name in TRANSLATED if name in tests]:
        try:
            theirs = load(TRANSLATED[name], "test", len(tests[name]), data)
        except (FileNotFoundError, ConnectionError):
            continue
        rows = zip(tests[name]["id"], tests[name]["answer"], theirs["answer"], theirs["problem"], strict=False)
        found[name] = {id: problem for id, mine, answer, problem in rows if mine == answer}  # a row out of place has another answer
    return found


def count(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What became of the rows behind some tables of `load`, `draw` or `benchmarks`: a row each, with licence, rows kept, and a column
    for every reason why rows were left out or are odd (of all rows that were read)."""
    columns = [
        {"source": name, "licence": ", ".join(sorted(set(table["licence"]))), "kept": len(table)}
        | {f"left out: {reason}": n for reason, n in table.attrs.get("dropped", {}).items()}
        | {f"odd: {reason}": n for reason, n in table.attrs.get("noted", {}).items()}
        for name, table in tables.items()
    ]
    counts = pd.DataFrame(columns).set_index("source")
    return counts.fillna(0).astype({name: int for name in counts.columns.drop("licence")})


@contextmanager
def _offline() -> Iterator[None]:
    """While the block lasts the hub's clients look only into their cache: without a network each would try again for half a minute."""
    from huggingface_hub import constants

    with patch.object(constants, "HF_HUB_OFFLINE", True):
        yield


@functools.cache
def unreachable() -> str:
    """Why the hub cannot be reached, "" if it can; asked once a process."""
    import urllib.error
    import urllib.request

    from huggingface_hub import constants

    offline = [name for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE") if _is_set(name)]
    if constants.HF_HUB_OFFLINE or offline:
        return f"{(offline or ['HF_HUB_OFFLINE'])[0]} is set"
    try:
        urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=WAIT_S).close()
    except urllib.error.HTTPError:
        return ""  # somebody answered
    except (OSError, ValueError) as error:
        return f"{constants.ENDPOINT} cannot be reached ({getattr(error, 'reason', error)})"
    return ""


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")


def fetch(name: str, split: str = "train") -> None:
    """Bring a split of a named source from the hub into the cache. Raises what `load` raises of it."""
    for _ in _hub_tables(name, split):
        pass


def _hub_rows(name: str, split: str) -> Iterator[dict]:
    for table in _hub_tables(name, split):
        yield from table


def _hub_tables(name: str, split: str) -> Iterator:
    source = SOURCES[name]
    if not source.hub:
        raise FileNotFoundError(
            f"The {split} split of {name} was asked for, but {DATA} is not set. Set it to a folder that holds {source.files[split]}"
            f"; {source.whence}."
        )
    why = unreachable()
    from datasets import load_dataset

    for config in source.configs:
        try:
            with _offline() if why else nullcontext():
                table = load_dataset(source.hub, config, split=source.hub_split.get(split, split))
        except (OSError, ValueError, RuntimeError) as error:
            raise ConnectionError(
                f"The {split} split of {name} was asked for. No local folder is given ({DATA} is not set), and "
                f"{source.hub} cannot be had from the Hugging Face hub ({f'{why}; ' if why else ''}"
                f"{type(error).__name__}: {str(error)[:200]}). Connect to the network, or set {DATA} to a folder that holds "
                f"{source.files[split]}."
            ) from error
        yield table
