"""Prompts as files.

One Markdown file per operator beside this module, read, checked and filled here.

---
name: rephrase           # the file's name
version: 1               # raise it with every edit of the text
variables: [problem]     # exactly the {{placeholders}} below
parser: question         # which parser reads the reply
source: MetaMath, section 3.2; our own words
note: keeps every number
---
# system                 (this part may be absent)
# user
Say this in other words: {{problem}}
"""

import difflib
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml

FOLDER = Path(__file__).parent
HEADER = ("name", "version", "variables", "parser", "source", "note")
FILE = re.compile(r"---\n(.*?\n)---\n(.*)", re.DOTALL)
PART = re.compile(r"^# (system|user)[ \t]*\n", re.MULTILINE)
STYLES = {  # of asking in evaluation
    "student": "the text that stood before the response in SFT",
    "chat": "a user's message, which the model's own chat template renders",
    "few-shot": "the student's text after worked examples, for a base model",
}
CLOSING = "The answer is"
PLACEHOLDER = re.compile(r"\{\{([a-z_][a-z0-9_]*)\}\}")


class Prompt(NamedTuple):
    """One prompt file; `system` is "" if the file has no such part."""

    name: str
    version: int
    variables: tuple[str, ...]
    parser: str
    source: str
    note: str
    system: str
    user: str


def names() -> list[str]:
    """All prompts there are, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.md"))


def load(name: str) -> Prompt:
    """Read prompts/<name>.md.

    Raises:
        FileNotFoundError: With the nearest name.
        ValueError: If header, parts and placeholders disagree.
    """
    path = FOLDER / f"{name}.md"
    if path.name != f"{name}.md" or not path.is_file():  # a name is no way to another folder
        near = difflib.get_close_matches(name, names(), 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise FileNotFoundError(
            f"No prompt {name!r} in {FOLDER}.{hint} There are: {', '.join(names())}."
        )
    return _read(path, path.stat().st_mtime_ns)  # an edit in a running kernel counts at once


def render(name: str, /, **values: str) -> list[dict]:
    """Fill a prompt and return its chat messages.

    Each value goes in once and is never scanned again, so LaTeX, $, braces and {{ in a value are
    plain text. Example: render("rephrase", problem="1 + 1?") -> [{"role": "user", "content": "Say
    ...: 1 + 1?"}]

    Raises:
        ValueError: That lists the missing and the unused variables.
    """
    prompt = load(name)
    _same(
        set(values),
        set(prompt.variables),
        f"Prompt {name!r} was given other values than it has variables",
    )
    wrong = sorted(variable for variable, value in values.items() if not isinstance(value, str))
    if wrong:
        raise ValueError(
            f"Prompt {name!r} takes text, but {', '.join(wrong)} is none; convert it first."
        )
    parts = [("system", prompt.system), ("user", prompt.user)]
    return [{"role": role, "content": _fill(part, values)} for role, part in parts if part]


def student(query: str) -> str:
    """The text that stands before the response, in training and in evaluation alike
    (prompts/student.md).
    """
    prompt = load("student")
    return _fill(prompt.user, dict.fromkeys(prompt.variables, query))


def pose(problem: str, style: str = "student", examples=None) -> str | list[dict]:
    """A problem as evaluation asks it.

    A text to go on with, or (`chat`) messages; what `generate` takes.

    Args:
        style: One of STYLES; a student is asked in its own, a baseline in the one that the report
            names.
        examples: For few-shot: a table of seeds (problem, solution, answer), from a train split.

    Raises:
        ValueError: For another style, examples without need, none where they are needed, or the
            problem among them.
    """
    if style not in STYLES:
        raise ValueError(f"style={style!r} was asked for, but it is one of {', '.join(STYLES)}.")
    if (style == "few-shot") != (examples is not None and len(examples) > 0):
        given = 0 if examples is None else len(examples)
        raise ValueError(
            f"The style {style!r} was given {given} examples; few-shot needs at least one, the "
            "other styles take none."
        )
    if style == "chat":
        return render("chat", problem=problem)
    if style == "student":
        return student(problem)
    if (examples["problem"] == problem).any():
        raise ValueError(
            f"The problem {problem[:60]!r} is among its own few-shot examples; take examples "
            "from a train split."
        )
    shown = [
        f"{student(row.problem)} {_worked(row.solution, row.answer)}"
        for row in examples.itertuples()
    ]
    return "\n\n".join([*shown, student(problem)])


def stops(style: str) -> tuple[str, ...]:
    """What ends an answer in this style beside the model's own end.

    For few-shot, where the next problem would begin.
    """
    return (
        ("\n" + PLACEHOLDER.split(load("student").user)[0].rstrip(),) if style == "few-shot" else ()
    )


def _worked(solution: str, answer: str) -> str:
    solution = solution.strip()
    return solution if CLOSING in solution else f"{solution}\n{CLOSING} {answer}.".lstrip()


def _fill(part: str, values: dict) -> str:
    return PLACEHOLDER.sub(lambda found: values[found[1]], part)


@lru_cache(maxsize=256)
def _read(path: Path, _stamp: int) -> Prompt:
    found = FILE.fullmatch(path.read_text(encoding="utf-8"))
    header = yaml.safe_load(found[1]) if found else None
    if not isinstance(header, dict):
        raise ValueError(
            f"{path} does not start with a YAML header between two lines of ---; add it."
        )
    _same(set(header), set(HEADER), f"The header of {path} has other fields than a prompt needs")
    if header["name"] != path.stem:
        raise ValueError(
            f"{path} calls itself {header['name']!r}; name and file name must be equal."
        )
    before, *pieces = PART.split(found[2])
    parts = dict(zip(pieces[::2], (text.strip() for text in pieces[1::2]), strict=True))
    if before.strip() or len(parts) != len(pieces) // 2 or not parts.get("user"):
        raise ValueError(
            f"{path} needs one part '# user', at most one '# system', and no text before them."
        )
    variables = tuple(header.pop("variables") or ())
    text = "\n".join(parts.values())
    _same(
        set(PLACEHOLDER.findall(text)),
        set(variables),
        f"{path} uses other placeholders than it declares",
    )
    if "{{" in PLACEHOLDER.sub("", text):
        raise ValueError(
            f"{path} holds a {{{{ that is no placeholder; write {{{{name}}}} in small letters."
        )
    return Prompt(**header, variables=variables, system=parts.get("system", ""), user=parts["user"])


def _same(found: set, wanted: set, what: str):
    if found != wanted:
        missing, unused = sorted(wanted - found), sorted(map(str, found - wanted))
        raise ValueError(
            f"{what}: missing: {', '.join(missing) or 'none'}; unused: "
            f"{', '.join(unused) or 'none'}."
        )
