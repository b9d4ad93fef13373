"""Where anybody's rows hold the problem, the response, the answer and the id: one table of layouts.

`layouts.yaml` has the layouts with an example each. A row is read by its own columns: the first of
`PROBLEMS` that holds a text is the problem, so that a file may mix layouts, and a column that is
null gives way to the next. A dot leads into objects and lists: `messages.0.content`.
"""

import functools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import yaml

# The order decides between columns of one row.
CHATS = ("messages", "conversations", "conversation")
PROBLEMS = ("query", "problem", "question", "instruction", "prompt", "input", *CHATS)
RESPONSES = (
    *("response", "generated_solution", "solution", "output", "completion", "rationale", "answer"),
    *("deepseek_solution", "ground_truth_solution", *CHATS, "prompt"),
)
ANSWERS = (
    *("answer", "final_answer", "expected_answer", "golden", "gold", "target"),
    *("reward_model.ground_truth", "ground_truth", "extra_info.answer"),
)
# A seed or a benchmark item is a published problem with a published solution, where a row has both.
SEED_PROBLEMS = tuple(dict.fromkeys(("problem", "question", *PROBLEMS)))
SEED_SOLUTIONS = ("solution", "response", "output", "rationale", "answer", *RESPONSES)
IDS = ("id",)
MORE = ("level", "language", "input")
HEADS = {path.partition(".")[0] for path in (*PROBLEMS, *RESPONSES, *ANSWERS, *IDS, *MORE)}
ASKING, ANSWERING = ("user", "human"), ("assistant", "gpt", "model", "bot", "chatgpt")
WRAPPED = {"value", "text", "content", "answer", "solution", "problem", "question"}
# What tools write for a missing cell, and NuminaMath where there is no answer.
NO_TEXT = {"", "nan", "none", "null", "n/a", "inf", "-inf", "proof", "notfound", "not found"}
LONGEST_WORD = 12  # characters; a longer text is none of these


class Layout(NamedTuple):
    """A layout: the data sets that have it, its columns, and a row of it."""

    name: str
    problem: str
    response: str
    example: dict
    answer: str = ""


class Text(NamedTuple):
    """What a row holds for a role: the text, the column it comes from, or why there is none."""

    text: str
    path: str = ""
    reason: str = ""


@functools.cache
def table() -> list[Layout]:
    """The layouts that are known."""
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    return [Layout(**layout) for layout in yaml.safe_load(text)]


def markdown() -> str:
    """The table of layouts, as READMEs show it."""
    head = ["| layout | problem | response | answer |", "|---|---|---|---|"]
    paths = [(layout.problem, layout.response, layout.answer) for layout in table()]
    cells = [" | ".join(f"`{path}`" if path else "" for path in row) for row in paths]
    rows = [f"| {layout.name} | {row} |" for layout, row in zip(table(), cells, strict=True)]
    return "\n".join([*head, *rows])


def names() -> str:
    """The names of all layouts, as one line."""
    return ", ".join(layout.name for layout in table())


def named(problem: str, response: str) -> str:
    """The data sets that have the problem and the response in these columns, "" if none is
    known.
    """
    names = [layout.name for layout in table() if layout[1:3] == (problem, response)]
    return "; ".join(names)


def problem(row: Mapping, paths: Sequence[str] = PROBLEMS) -> Text:
    """Read the problem of a row: the first of `paths` that holds a text.

    Args:
        row: A row as Python values.
        paths: Columns, or dotted paths into them.

    Returns:
        The text and its path; an empty text and the reason where no path holds one.
    """
    found = _first(row, paths, ASKING)
    if found.path != "instruction" or "input" not in row or len(paths) == 1:
        return found
    more = text(row["input"], ASKING, numbers=True)
    if more.reason and not isinstance(row["input"], str | float):  # NaN and "None" are no input
        return Text("", "", f"its `input` is {more.reason}")
    path = "instruction and input" if more.text else found.path
    return Text(f"{found.text}\n{more.text}".strip(), path)


def response(row: Mapping, paths: Iterable[str] = RESPONSES) -> Text:
    """Read the response or the solution of a row, as `problem` does."""
    return _first(row, paths, ANSWERING)


def answer(row: Mapping, paths: Iterable[str] = ANSWERS) -> Text:
    """Read the final answer of a row, as `problem` does; a number is written out."""
    return _first(row, paths, ANSWERING)


def _first(row: Mapping, paths: Iterable[str], speakers: tuple[str, ...]) -> Text:
    reason, numbers = "", speakers is ANSWERING
    for path in paths:
        value = row[path] if path in row else at(row, path) if "." in path else None
        if value is None or value == "":
            continue
        if type(value) is str and path not in CHATS and len(value) > LONGEST_WORD:
            if path != "prompt" and not value.isspace():
                return Text(value, path)
        if path in (*CHATS, "prompt"):
            value = _chat(value)
        found = text(value, speakers, numbers)
        if found.text:
            return Text(found.text, path)
        reason = reason or (found.reason and f"its `{path}` is {found.reason}")
    return Text("", "", reason)


def _chat(value):
    """A chat that a CSV file holds as JSON, as a list; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("[{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def find(value, path: str):
    """The value at a dotted path into objects and lists; a name with a dot in it goes first.

    Raises:
        KeyError: There is no such place.
    """
    if isinstance(value, Mapping) and path in value:
        return value[path]
    head, _, rest = path.partition(".")
    if isinstance(value, Mapping) and rest and head in value:
        return find(value[head], rest)
    if (
        isinstance(value, list)
        and head.removeprefix("-").isdecimal()
        and -len(value) <= int(head) < len(value)
    ):
        return find(value[int(head)], rest) if rest else value[int(head)]
    raise KeyError(path)


def at(row: Mapping, path: str):
    """What `find` finds, None where there is nothing."""
    try:
        return find(row, path)
    except KeyError:
        return None


def text(value, speakers: tuple[str, ...] = ASKING, numbers: bool = False) -> Text:
    """Make a text of a value where its meaning is clear.

    Args:
        value: A string, bytes, a chat, a list of one or an object that wraps one of these.
        speakers: The roles whose turns of a chat are meant.
        numbers: Whether a number is written out as text.

    Returns:
        The text; an empty one with the reason, which is empty too where nothing was given.
    """
    for _ in range(3):
        if isinstance(value, list) and len(value) == 1 and not _is_turn(value[0]):
            value = value[0]
        elif isinstance(value, dict) and len(value) == 1 and WRAPPED & set(value):
            value = next(iter(value.values()))
    if isinstance(value, list) and value and all(map(_is_turn, value)):
        value = _said(value, speakers)
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return Text("", "", "bytes that are not UTF-8")
    if value is None:
        return Text("")
    if isinstance(value, str):
        word = value.strip().lower()
        return Text("", "", repr(word) if word else "") if word in NO_TEXT else Text(value)
    if numbers and not isinstance(value, bool) and (number := written(value)):
        return Text(number)
    kind = repr(value) if isinstance(value, bool | float) else f"a {type(value).__name__}"
    return Text("", "", kind)


def written(number) -> str:
    """A number as text; "" for what is no finite number."""
    if isinstance(number, Decimal):
        return f"{number:f}" if number.is_finite() else ""
    finite = isinstance(number, int) or isinstance(number, float) and math.isfinite(number)
    return str(number) if finite else ""


def _is_turn(value) -> bool:
    return isinstance(value, dict) and ("role" in value or "from" in value)


def _said(chat: list[dict], speakers: tuple[str, ...]) -> str:
    """What some speakers of a chat say.

    All questions, so that none goes unchecked; the last reply.
    """
    said = []
    for turn in chat:
        content = turn.get("content") or turn.get("value") or turn.get("text")
        if isinstance(content, list):  # parts, of which some may be images
            texts = [part.get("text") for part in content if isinstance(part, dict)]
            content = "\n".join(part for part in texts if isinstance(part, str))
        if str(turn.get("role") or turn.get("from")).lower() in speakers and isinstance(
            content, str
        ):
            said.append(content)
    return "\n\n".join(said if speakers is ASKING else said[-1:])
