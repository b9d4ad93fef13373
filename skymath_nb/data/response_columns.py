"""Which column of a file of responses is the response, which is the gold answer: by evidence.

Names alone mislead: in one file `answer` is the gold answer, in the next what the model said. A
column that says what the model said is never the gold answer; where two columns could be, neither
is guessed.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .. import grading

RESPONSES = (
    *("response", "responses", "completion", "completions", "generation", "generations"),
    *("generated_text", "model_output", "model_response", "output", "outputs", "resps", "code"),
)
PREDICTIONS = (  # what was extracted from a response already
    *("prediction", "predictions", "pred", "preds", "predicted_answer", "model_answer"),
    *("extracted_answer", "parsed_answer"),
)
GOLDS = (
    *("gold", "golds", "golden", "gt", "gt_answer", "gold_answer", "expected_answer"),
    *("ground_truth", "ground_truth_answer", "correct_answer", "reference_answer", "reference"),
    *("references", "target", "label", "answer", "final_answer"),
)
SOLUTIONS = ("reference_solution", "solution", "gt_cot")  # texts that end in the gold answer
NAMES = {
    "response": RESPONSES + PREDICTIONS,
    "gold": GOLDS + SOLUTIONS,
    "id": (
        *("id", "unique_id", "doc_id", "question_id", "problem_id", "item_id", "idx", "index"),
        *("problem", "question", "query", "prompt", "input"),  # the text, where there is no id
    ),
    "cap_hit": ("cap_hit", "truncated", "finish_reason", "stop_reason"),
}
OPTIONAL = ("id", "cap_hit")
LOOKED_AT = 300  # lines on which columns are compared
VERDICTS = {"0", "1", "true", "false", "correct", "incorrect", "right", "wrong", "pass", "fail"}

Line = tuple[int, dict]


class Columns(NamedTuple):
    """The column read as each role, and what the reader should know about the choice."""

    names: dict[str, str | None]
    notes: list[str]


class Evidence(NamedTuple):
    """How a value is read.

    `at(row, name)` for a column, `texts` of a response, `golds` of a gold.
    """

    at: Callable[[dict, str], object]
    texts: Callable[[object], list[str]]
    golds: Callable[[object], tuple[str, ...]]


def choose(
    lines: Sequence[Line], given: dict[str, str | None], path: Path, evidence: Evidence
) -> Columns:
    """Choose the column of each role.

    Args:
        lines: The numbered rows of a file.
        given: The columns that the user named, by role; they are not guessed.
        path: The file, for errors.
        evidence: How values are read.

    Returns:
        The columns and notes on them.

    Raises:
        ValueError: A column that was named is not there, a role has none, or two columns could be
            the gold answer and differ.
    """
    looked_at = lines[:: max(1, len(lines) // LOOKED_AT)]
    names = {role: _named(lines, role, given.get(role), path, evidence) for role in NAMES}
    if names["response"] is None:
        names["response"] = _first(lines, NAMES["response"], "response", path)
    said = [_said(row, names["response"], evidence) for _, row in looked_at]
    if names["gold"] is None:
        names["gold"] = _gold(looked_at, lines, names["response"], said, path, evidence)
    for role in OPTIONAL:
        names[role] = names[role] or next(iter(_filled(lines, NAMES[role])), None)
    return Columns(names, list(_notes(looked_at, names, said, evidence)))


def _named(lines, role: str, name: str | None, path: Path, evidence: Evidence) -> str | None:
    """The column that the user named, refused where no line has it."""
    if name and not any(_has(row, name, evidence) for _, row in lines):
        raise ValueError(
            f"The column {name!r} of {path} was to be read as {role}, but it has "
            f"{', '.join(lines[0][1])}."
        )
    return name


def _has(row: dict, name: str, evidence: Evidence) -> bool:
    try:
        evidence.at(row, name)
    except KeyError:
        return False
    return True


def _filled(lines, names: Sequence[str]) -> list[str]:
    """Those of the names that are columns of some line with a value in it, in order."""
    there = {name for _, row in lines for name, value in row.items() if value not in (None, "", [])}
    return [name for name in names if name in there]


def _first(lines, names: Sequence[str], role: str, path: Path) -> str:
    if filled := _filled(lines, names):
        return filled[0]
    there = {name for _, row in lines for name in row}
    if empty := [name for name in names if name in there]:
        return empty[0]  # every response is empty, which is a result
    raise ValueError(
        f"{path} has no column that is known as {role} ({', '.join(names)}); it has "
        f"{', '.join(lines[0][1])}. Name the right one with --{role}."
    )


def _gold(looked_at, lines, response: str, said, path: Path, evidence: Evidence) -> str:
    """The gold column: not the model's own answer, and not one of two that differ."""
    names = [name for name in _filled(lines, NAMES["gold"]) if name != response]
    values = {name: _golds(looked_at, name, evidence) for name in names}
    names = [name for name in names if any(values[name])]
    names = [name for name in names if len(names) == 1 or not _is_verdict(looked_at, name)]
    candidates = [name for name in names if not _is_models(name, names, values, said)]
    if not candidates:
        return _first(lines, [name for name in NAMES["gold"] if name != response], "gold", path)
    answers_only = [name for name in candidates if name not in SOLUTIONS] or candidates
    best = answers_only[0]
    for other in answers_only[1:]:
        if places := _differences(values[best], values[other]):
            number, one, two = looked_at[places[0]][0], values[best], values[other]
            raise ValueError(
                f"{path} has two columns that could be the gold answer: {best!r} and {other!r} "
                f"differ on {len(places)} of {len(looked_at)} lines looked at (line {number}: "
                f"{one[places[0]][0]!r:.40} and {two[places[0]][0]!r:.40}). Name the right one "
                "with --gold."
            )
    return best


def _golds(lines, name: str, evidence: Evidence) -> list[tuple[str, ...]]:
    """What a column would say as the gold answer of each line.

    () where it says nothing readable.
    """
    found = []
    for _, row in lines:
        try:
            found.append(evidence.golds(row.get(name)))
        except (TypeError, ValueError):
            found.append(())
    return found


def _is_verdict(lines, name: str) -> bool:
    """Whether a column says right or wrong, in words, as 0 and 1 or as false and true."""
    return {str(row.get(name)).lower().removesuffix(".0") for _, row in lines} <= VERDICTS


def _said(row: dict, response: str, evidence: Evidence) -> set[str]:
    """What the model answered on a line: what a prediction says, and what its response says."""
    said = set()
    for name in (*PREDICTIONS, response):
        try:
            texts = evidence.texts(evidence.at(row, name))
        except (KeyError, TypeError, ValueError):
            continue
        said |= {text.strip() for text in texts} if name in PREDICTIONS else set()
        said |= {found for text in texts if (found := grading.extract(text)) is not None}
    return said


def _is_models(name: str, names, values, said: list[set[str]]) -> bool:
    """Whether a column is the model's own answer: wherever another differs, it is what was said."""
    for other in names:
        places = _differences(values[name], values[other]) if other != name else []
        if places and all(_is_said(values[name][i], said[i]) for i in places):
            return not all(_is_said(values[other][i], said[i]) for i in places)
    return False


def _is_said(golds: tuple[str, ...], said: set[str]) -> bool:
    return any(gold in said or any(grading.equivalent(one, gold) for one in said) for gold in golds)


def _differences(one: list[tuple[str, ...]], other: list[tuple[str, ...]]) -> list[int]:
    """The places where two columns say different answers."""
    pairs = enumerate(zip(one, other, strict=True))
    return [i for i, (a, b) in pairs if a and b and not _is_said(a, set(b))]


def _notes(lines, names: dict[str, str | None], said: list[set[str]], evidence: Evidence):
    """What is odd about a file although it can be read."""
    golds = _golds(lines, names["gold"], evidence) if "." not in names["gold"] else []
    if (
        golds
        and len(lines) > 1
        and all(g and _is_said(g, s) for g, s in zip(golds, said, strict=True))
    ):
        predictions = [name for name in PREDICTIONS if any(name in row for _, row in lines)]
        also = f", the prediction in {predictions[0]!r}" if predictions else ""
        yield (
            f"On every line looked at the gold answer in {names['gold']!r} is what the response "
            f"says{also}. If {names['gold']!r} is the model's own answer, name the right column "
            "with --gold."
        )
