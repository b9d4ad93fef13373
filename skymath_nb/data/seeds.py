"""Seed problems and benchmarks from files, the hub or the world, in one schema, with what was
dropped counted.

`sources` is the table of those that have a name, `layouts` says how their rows read.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import pandas as pd

from .. import grading, world
from ..core import paths, randomness, schema
from . import files as formats
from . import hub, source_layouts
from . import layouts as columns
from . import rows as anybodys
from .hub import WAIT_S, unreachable
from .source_layouts import MARKS
from .sources import SOURCES, Source, spoils

__all__ = [
    "DATA",
    "MARKS",
    "REFUSED",
    "SOURCES",
    "WAIT_S",
    "Source",
    "benchmarks",
    "count",
    "draw",
    "fetch",
    "file",
    "files",
    "load",
    "refuse_seeded",
    "take",
    "translations",
]

DATA = "SKYMATH_DATA"  # environment variable: a folder of benchmark files, used in place of the hub
WORLD_ITEMS = 300  # items of a world benchmark when all are asked for: its supply has no end
REFUSED = re.compile(r"(?:^|[\W_])agieval[\W_]+(?:v1[\W_]+)?math(?:\.jsonl?)?(?:\.gz)?$", re.I)
SPEAKS_OF_A_FIGURE = re.compile(
    r"!\[|<im(?:g|age)|\\includegraphics|\b(?:figure|diagram|picture|graph)s? (?:shown|below"
    r"|above|(?:at|on) (?:the )?(?:left|right))\b|\b(?:shown|illustrated|pictured|depicted"
    r"|given) in (?:the )?(?:figure|diagram|picture)|\bin the (?:figure|diagram)\b|\bFigure \d"
    r"|如[上下左右]?图|[下左右]图|图中|图\s*\d",
    re.I,
)
TRANSLATED = {"world-test": "world-chinese", "world-chinese": "world-test", "gsm8k": "mgsm-zh"}
DRAWN = "[asy]"  # a figure that the text itself draws


def load(
    name: str,
    split: str = "train",
    limit: int = 0,
    data: str | os.PathLike | None = None,
    unanswered: bool = False,
) -> pd.DataFrame:
    """Return the problems of a source: a name in SOURCES, a world benchmark, a file, or a hub id.

    Args:
        limit: The first so many rows that are kept, 0 = all.
        data: A folder of benchmark files, else $SKYMATH_DATA, else the hub.
        unanswered: Keep a file's problems without an answer. `attrs["dropped"]` and
            `attrs["noted"]` count, by reason, rows left out (no answer, needs an image) and odd
            ones (several boxes, an answer that no grammar reads). Versions of the same items have
            `distractors` and `pair`.

    Raises:
        ValueError: For an unknown name, a bad line or an empty file.
        FileNotFoundError
        ConnectionError
    """
    if REFUSED.search(name):
        raise ValueError(
            f"{name!r} was asked for, but AGIEval's math file is refused: all of its 1,000 rows "
            "lie inside the MATH test set, so whatever is trained on it can no longer be tested "
            "on MATH. Use math (its train split)."
        )
    if name.startswith("world-"):
        return world.benchmark(name, limit or WORLD_ITEMS)
    path, source = file(name, split, data), SOURCES.get(name)
    if path and "agieval" in str(path).lower() and path.name.split(".")[0] == "math":
        return load("agieval-math")  # by its path: refused with the same words
    origin = name if source else anybodys.source(name)
    tables = chain.from_iterable(map(hub.rows, _hub_tables(name, split)))
    rows = formats.rows(path, split) if path else enumerate(tables, 1)
    dropped, noted = Counter(), Counter()
    parsed = _parsed(source.layout if source else source_layouts.anybody, rows, path or name)
    found = _seeds(parsed, origin, split, source, unanswered and not source, dropped, noted)
    table = list(islice(found, limit or None))
    if not table:
        raise ValueError(
            f"Seed problems were asked for from {path or name}, but none of its rows could be used "
            f"({dict(dropped) or 'it is empty'}). Each row needs a problem "
            f"({', '.join(columns.PROBLEMS)}) and an answer."
        )
    frame = pd.DataFrame(table)
    strange = sorted(set(frame["language"]) - set(world.LANGUAGES))
    if strange and not unanswered:
        raise ValueError(
            f"{path or name} has the languages {strange}; languages are "
            f"{' or '.join(world.LANGUAGES)}. "
            "Correct the column, or leave it out: languages are then told from the text."
        )
    frame = frame[[*schema.SEEDS.names, *frame.columns.drop(schema.SEEDS.names)]]
    frame.attrs.update(dropped=dict(dropped), noted=dict(+noted))
    return frame


def _parsed(
    layout: Callable[[dict], dict], rows: Iterable[formats.Row], where
) -> Iterator[tuple[int, dict]]:
    for number, row in rows:
        try:
            yield number, layout(row)
        except KeyError as error:
            raise ValueError(
                f"Row {number} of {where} has no column {error}; it has "
                f"{', '.join(map(str, row))}. Is it the file that was meant?"
            ) from error
        except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError):
            yield number, {"problem": "", "answer": "", "leave": "a value of another kind"}


def _seeds(
    parsed: Iterable[tuple[int, dict]],
    origin: str,
    split: str,
    source: Source | None,
    unanswered: bool,
    dropped: Counter,
    noted: Counter,
) -> Iterator[dict]:
    seen, ids = Counter(), set()
    for number, row in parsed:
        problem = columns.text(row["problem"]).text.strip()
        answer, solution, subject = (
            columns.text(row.get(name), columns.ANSWERING, numbers=True).text.strip()
            for name in ("answer", "solution", "subject")
        )
        without_figure = DRAWN not in problem and bool(SPEAKS_OF_A_FIGURE.search(problem))
        lost = without_figure and source and not source.figures
        leave = "" if unanswered else row.get("leave")
        reasons = (
            (leave, leave),
            ("no problem", not problem),
            ("needs an image", lost),
            ("no answer", not answer and not unanswered),
        )
        if reason := next((reason for reason, holds in reasons if holds), ""):
            dropped[reason] += 1
            continue
        noted.update(row.get("notes", ()))
        noted["speaks of a figure"] += without_figure
        noted["answer not read as mathematics"] += not grading.readable(answer)
        level = anybodys.level(row.get("level"))
        noted["level not understood"] += bool(row.get("level")) and not level
        seen[problem] += 1
        id = anybodys.written_id(row.get("id"))
        id = id or f"{origin}-{split}-{schema.row_id(problem, seen[problem])}"
        noted["repeated id"] += id in ids
        while id in ids:
            id = f"{id} (row {number})"
        ids.add(id)
        language = row.get("language") if isinstance(row.get("language"), str) else ""
        language = language or (source.language if source else world.language_of(problem))
        licence = source.licence if source else columns.text(row.get("licence")).text or "unknown"
        more = {name: row[name] for name in ("distractors", "pair") if name in row}
        yield more | {
            "id": id,
            "source": columns.text(row.get("source")).text or origin,
            "split": split,
            "language": language,
            "level": level,
            "subject": subject,
            "problem": problem,
            "solution": solution,
            "answer": answer,
            "licence": licence,
        }


def file(name: str, split: str = "train", data: str | os.PathLike | None = None) -> Path | None:
    """Return the local file behind a source, for digests.

    None if it is the world's or comes from the hub.
    """
    if name == "world" or name.startswith("world-"):
        return None
    if name not in SOURCES:
        if hub.parts(name) and not paths.locate(name).exists():
            return None
        path = paths.locate(name)
        if not path.exists():
            raise FileNotFoundError(
                f"Problems were asked for from {name!r}, which is neither a file (relative to "
                "the repository) nor one of world, "
                f"{', '.join((*world.BENCHMARKS, *SOURCES))}. Correct the name or the path."
            )
        return path
    if split not in SOURCES[name].files:
        raise ValueError(
            f"The source {name} has no split {split!r}; it has {', '.join(SOURCES[name].files)}."
        )
    folder = data or os.environ.get(DATA)
    if not folder:
        return None
    source = SOURCES[name]
    path = Path(folder).expanduser() / source.files[split]
    if not path.is_file():
        elsewhere = f", or unset {DATA} to read {source.hub} from the hub"
        raise FileNotFoundError(
            f"The {split} split of {name} was asked for from the data folder {folder}, but "
            f"{path} is missing. Put the file there"
            f"{elsewhere if source.hub else f'; {source.whence}'}."
        )
    return path


def files(
    names: Iterable[str], split: str = "train", data: str | os.PathLike | None = None
) -> list[Path]:
    """List the local files behind several sources.

    Of those without a train split, the files that seeds are drawn from.
    """

    def there(name):
        if name in SOURCES and split == "train" and split not in SOURCES[name].files:
            return SOURCES[name].seeded
        return split

    return [path for name in names if (path := file(name, there(name) or split, data))]


def draw(
    name: str, n: int, seed: int, *, levels=world.LEVELS, chinese: float = 0.2
) -> pd.DataFrame:
    """Return n seeds of a source (0 = all).

    Drawn from the world (the only one that knows `levels` and `chinese`), or picked

    at random from its train or dev split; a larger n keeps the smaller pick.

    OlympiadBench, AGIEval, SciBench and JEEBench have no such split: the paper's seeds are their
    test items, and they can test no model that comes of these (`refuse_seeded`).

    Raises:
        What `load` raises, and ValueError for a source that only tests.
    """
    if name == "world":
        return world.seeds(n or WORLD_ITEMS, seed, levels=levels, chinese=chinese)
    source = SOURCES.get(name)
    if source and not source.seeded:
        raise ValueError(
            f"Seeds were asked for from {name}, which only tests"
            + (f": its items come from the test split of {source.within}" if source.within else "")
            + ". Draw from world, a file, or "
            f"{', '.join(name for name, s in SOURCES.items() if s.seeded)}."
        )
    return take(load(name, source.seeded if source else "train"), n, seed)


def refuse_seeded(benchmarks: Iterable[str], sources: Iterable[str]):
    """Refuse to test on what the training came from.

    Call it with the `source` column of all instances that were trained on.

    Raises:
        ValueError: If a benchmark has no items beside those that a source gave (OlympiadBench for a
            model seeded from it).
    """
    sources, benchmarks = sorted(set(sources)), list(benchmarks)
    pairs = [
        (benchmark, source)
        for benchmark in benchmarks
        for source in sources
        if spoils(source, benchmark)
    ]
    if pairs:
        raise ValueError(
            f"The benchmarks {', '.join(benchmarks)} were asked for, but the model was trained "
            "on instances whose seeds are test items: "
            + "; ".join(f"{benchmark} (seeds from {source})" for benchmark, source in pairs)
            + ". Leave these benchmarks out, or train without those seeds."
        )


def take(table: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Pick n rows at random (0 = all, in their order); a larger n begins with the smaller pick.

    Versions of the same items (column `pair`) give the same pick, so that they can be compared in
    pairs.
    """
    if not n or n >= len(table):
        return table
    names = table["pair"] if "pair" in table else table["id"]
    # by name: another row changes no other's place
    places = [randomness.stream(seed, "seeds", name) for name in names]
    return table.iloc[sorted(range(len(table)), key=places.__getitem__)[:n]].reset_index(drop=True)


def benchmarks(names: Iterable[str], items: int = 0) -> dict[str, pd.DataFrame]:
    """Return the first `items` rows (0 = all) of the test split of each benchmark, by name."""
    return {name: load(name, "test", items) for name in names}


def translations(
    tests: dict[str, pd.DataFrame], data: str | os.PathLike | None = None
) -> dict[str, dict[str, str]]:
    """Return the problems of benchmarks in another language, by benchmark and id, for leaks that
    are planted in translation.

    world-test and world-chinese are each other's; mgsm-zh is the first items of gsm8k, in their
    order. A translation that can't be had, here or from the hub, is left out.
    """
    found = {}
    for name in [name for name in TRANSLATED if name in tests]:
        try:
            theirs = load(TRANSLATED[name], "test", len(tests[name]), data)
        except (FileNotFoundError, ConnectionError):
            continue
        rows = zip(
            tests[name]["id"],
            tests[name]["answer"],
            theirs["answer"],
            theirs["problem"],
            strict=False,
        )
        # a row out of place has another answer
        found[name] = {id: problem for id, mine, answer, problem in rows if mine == answer}
    return found


def count(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What became of the rows behind some tables of `load`, `draw` or `benchmarks`.

    A row each, with licence, rows kept, and a column for every reason why rows were left out or are
    odd (of all rows that were read).
    """
    columns = [
        {"source": name, "licence": ", ".join(sorted(set(table["licence"]))), "kept": len(table)}
        | {f"left out: {reason}": n for reason, n in table.attrs.get("dropped", {}).items()}
        | {f"odd: {reason}": n for reason, n in table.attrs.get("noted", {}).items()}
        for name, table in tables.items()
    ]
    counts = pd.DataFrame(columns).set_index("source")
    return counts.fillna(0).astype({name: int for name in counts.columns.drop("licence")})


def fetch(name: str, split: str = "train") -> None:
    """Bring a split of a named source from the hub into the cache.

    Raises what `load` raises of it.
    """
    for _ in _hub_tables(name, split):
        pass


def _hub_tables(name: str, split: str) -> Iterator:
    source = SOURCES.get(name)
    if source is None:
        yield hub.load(**{"split": split, "why": unreachable(), **hub.parts(name)})
        return
    if not source.hub:
        raise FileNotFoundError(
            f"The {split} split of {name} was asked for, but {DATA} is not set. Set it to a "
            f"folder that holds {source.files[split]}; {source.whence}."
        )
    for config in source.configs:
        try:
            named = source.hub_split.get(split, split)
            yield hub.load(source.hub, config, named, why=unreachable())
        except ConnectionError as error:
            raise ConnectionError(
                f"The {split} split of {name} was asked for. No local folder is given ({DATA} is "
                f"not set), and {error}. Connect to the network, or set {DATA} to a folder that "
                f"holds {source.files[split]}."
            ) from error
