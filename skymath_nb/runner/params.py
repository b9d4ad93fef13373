"""Params files: one YAML a run, completely checked against the notebooks before anything starts.

    run: tiny
    shared: {seed: 0}                    # every step that has the parameter gets it
    steps:                               # in order; notebook, or notebook@label where it runs again
      01_seed_exploration: {}
      02_augmentation@round2: {seeds_from: 01_seed_exploration}

A file names only what differs from the defaults in the notebooks' parameters cells. A parameter
whose name ends with `_from` names steps, which must come earlier in the file.
"""

import ast
import difflib
import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml

from ..core import disk, manifests, paths
from . import origins

# parameters that the runner sets, no params file
RUNNER = ("run", "label", "interactive", "progress")
MOST_VALUES = 100_000  # of a params file


class ParamsError(ValueError):
    """All problems of a params file, in one message."""


class Parameter(NamedTuple):
    """A line of a parameters cell, `name.

    Kind = default`; without an annotation the kind is the default's type.
    """

    kind: str
    default: object


class Job(NamedTuple):
    """One step of a plan: a notebook and its resolved parameters (without the runner's own)."""

    id: str
    name: str
    label: str
    notebook: Path
    parameters: dict
    known: frozenset[str]  # every parameter the notebook has


@dataclass(frozen=True)
class Plan:
    run: str
    source: Path
    jobs: tuple[Job, ...]
    others: str = ""  # why the file counts as others' work, "" for one's own (`trust`)
    named: frozenset[str] = frozenset()  # parameters that the command line sets, as step.key

    @property
    def folder(self) -> Path:
        return paths.runs_folder() / self.run


class _Loader(yaml.SafeLoader):
    """YAML without silent loss.

    A date is text, and what YAML 1.1 reads otherwise than it looks is an error.

    Errors are a key given twice, merge keys (`<<:`), and octal (012, 0o12) and base-60 (1:30)
    numbers.
    """

    def construct_object(self, node, deep=False):
        if isinstance(node, yaml.ScalarNode) and node.style is None and (problem := _misread(node)):
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)
        return super().construct_object(node, deep)

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        for key in (key for key in keys if keys.count(key) > 1):
            raise yaml.constructor.ConstructorError(
                problem=f"{key!r} is given twice", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
OCTAL = re.compile(r"([-+]?)0o?([0-7_]+)")


def _misread(node: yaml.ScalarNode) -> str:
    """Why a plain scalar is refused, with the right spelling, "" where it reads as it looks."""
    text, kind = node.value, node.tag.rpartition(":")[2]
    if kind == "merge":
        return "the merge key << is not supported; write the keys out"
    if kind in ("int", "float") and ":" in text:
        sign = -1 if text.startswith("-") else 1
        number = 0.0
        for part in text.lstrip("+-").replace("_", "").split(":"):
            number = 60 * number + float(part)
        return (
            f"YAML reads {text} as a number in base 60; write {sign * number:g}, or '{text}' in "
            "quotes for text"
        )
    if (octal := OCTAL.fullmatch(text)) and (kind == "int" or "o" in text):
        digits = octal[2].replace("_", "")
        if not digits.strip("0") and "o" not in text:
            return ""
        meant = f"{octal[1]}{digits.lstrip('0') or '0'}"
        return (
            f"{text} is an octal number; write {meant}, or {int(octal[1] + digits, 8)} if octal "
            f"is meant, or '{text}' in quotes for text"
        )
    return ""


def load(
    params_path,
    overrides=(),
    notebooks: Path | None = None,
    run: str | None = None,
    values: dict | None = None,
) -> Plan:
    """The plan of a params file, with `step.key=value` overrides, completely checked.

    run, values: another name for the run, and values by `step.key`, in place of the file's.
    Raises ParamsError with every problem found, FileNotFoundError if there is no such file.
    """
    source, notebooks = Path(params_path), Path(notebooks or paths.notebooks_folder()).resolve()
    problems: list[str] = []
    text = read(source)
    mark = text.pop(manifests.FOREIGN, "")
    for key in sorted(set(text) - {"run", "shared", "steps"}):
        problems.append(f"{key}: no such section{nearest(key, ['run', 'shared', 'steps'])}")
    shared, steps = (_section(text, key, problems) for key in ("shared", "steps"))
    steps = {str(key): _section(steps, key, problems, "steps.") for key in steps}
    for override in overrides:
        _override(override, shared, steps, problems)
    for target, value in (values or {}).items():
        _put(target, value, target, shared, steps, problems)
    name = run or text.get("run")
    _collect(problems, lambda: paths.check_name("run's name (run:)", name))
    if not steps:
        problems.append("steps: names no step, so there is nothing to run")
    jobs = [job for key in steps if (job := _job(key, shared, steps[key], notebooks, problems))]
    problems += [f"shared.{key}: the runner sets it" for key in shared if key in RUNNER]
    for key in shared:
        if key not in RUNNER and not any(key in job.known for job in jobs):
            known = set().union(*(job.known for job in jobs))
            problems.append(f"shared.{key}: no step of this file has it{nearest(key, known)}")
    _check_sources(jobs, list(steps), problems)
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        raise ParamsError(f"{source} has {count}; nothing was run.\n  - " + "\n  - ".join(problems))
    given = frozenset(override.partition("=")[0] for override in overrides)
    return Plan(name, source, tuple(jobs), origins.origin(source, mark), given)


def defaults(step: str) -> dict:
    """The default parameters of a step's notebook, as its parameters cell has them.

    None where there is no such notebook.
    """
    path = _notebook(step, step.partition("@")[0], paths.notebooks_folder(), [])
    declared = _declared(path, path.stat().st_mtime_ns)[0] if path else {}
    return {key: parameter.default for key, parameter in declared.items()}


def read(source: Path) -> dict:
    if not source.is_file():
        here = sorted(path.name for path in source.parent.glob("*.yaml"))
        named = paths.home() / "params" / f"{source.name}.yaml"
        if named.is_file():
            raise FileNotFoundError(
                f"The params file {source} does not exist; a params file is wanted, not a run: "
                f"params/{named.name}?"
            )
        raise FileNotFoundError(
            f"The params file {source} does not exist{nearest(source.name, here)}. "
            f"{source.parent}/ holds: {', '.join(here) or 'no .yaml file'}."
        )
    try:
        text = _bounded(yaml.load(disk.read_text(source), _Loader), source)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ParamsError(f"{source} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(text, dict):
        raise ParamsError(f"{source} holds a {type(text).__name__}; it needs `name: value` pairs.")
    return text


def _bounded(value, source: Path):
    """The value, if it is no larger than a params file may be, where an alias (*name) counts as all
    that it stands for.
    """
    todo, count = [value], 0
    while todo:
        part, count = todo.pop(), count + 1
        if count > MOST_VALUES:
            raise ParamsError(
                f"{source} stands for more than {MOST_VALUES:,} values; a params file has "
                "hundreds. Write it without aliases."
            )
        if isinstance(part, dict):
            todo += [*part, *part.values()]
        elif isinstance(part, list):
            todo += part
    return value


def _section(parent: dict, key: str, problems: list[str], prefix: str = "") -> dict:
    value = parent.get(key) or {}
    if isinstance(value, dict):
        return dict(value)
    problems.append(f"{prefix}{key}: must hold `name: value` pairs, found {value!r}")
    return {}


def _override(override: str, shared: dict, steps: dict, problems: list[str]) -> None:
    target, equals, value = override.partition("=")
    if not equals:
        problems.append(f"--set {override}: write it as step.key=value")
        return
    try:
        _put(target, yaml.load(value, _Loader), f"--set {override}", shared, steps, problems)
    except yaml.YAMLError as error:
        problems.append(f"--set {override}: not valid YAML: {' '.join(str(error).split())}")


def _put(target: str, value, where: str, shared: dict, steps: dict, problems: list[str]) -> None:
    """Set one parameter, named as step.key or shared.key."""
    step, dot, key = str(target).rpartition(".")
    if not dot:
        value = "=value" if where.startswith("--set") else ""
        problems.append(
            f"{where}: write it as step.key{value}, or as shared.key{value} for all steps that "
            "have it"
        )
    elif step != "shared" and step not in steps:
        problems.append(f"{where}: no step {step} in this file{nearest(step, steps)}")
    else:
        (shared if step == "shared" else steps[step])[key] = value


def _job(key: str, shared: dict, own: dict, notebooks: Path, problems: list[str]) -> Job | None:
    name, _, label = key.partition("@")
    path = _notebook(key, name, notebooks, problems)
    if path is None:
        return None
    declared, unreadable = _declared(path, path.stat().st_mtime_ns)
    for reason in unreadable:
        problems.append(f"{path.name}: {reason}")
    for needed in ["run"] + ["label"] * ("@" in key):
        if needed not in declared:
            problems.append(
                f"steps.{key}: {name}.ipynb has no parameter `{needed}`, so it cannot run as {key}"
            )
    if "@" in key:
        _collect(problems, lambda: paths.check_name(f"label of steps.{key}", label))
    names = [parameter for parameter in declared if parameter not in RUNNER]
    for parameter in own:
        if parameter in RUNNER:
            problems.append(
                f"steps.{key}.{parameter}: the runner sets it (run: names a run, step@label a "
                "label)"
            )
        elif parameter not in declared:
            has = f"{nearest(parameter, names)}; it has {', '.join(names)}"
            problems.append(f"steps.{key}.{parameter}: {name} has no such parameter{has}")
    resolved = {}
    for parameter in names:
        if parameter in shared and parameter not in own:
            where = f"shared.{parameter}"
        else:
            where = f"steps.{key}.{parameter}"
        try:
            given = (shared | own).get(parameter, declared[parameter].default)
            resolved[parameter] = _value(declared[parameter], given, where)
        except ValueError as error:
            problems.append(str(error))
    return Job(key, name, label, path, resolved, frozenset(declared))


def _notebook(key: str, name: str, notebooks: Path, problems: list[str]) -> Path | None:
    """The notebook of a step.

    A file of that very name in the notebooks folder, never a path to another one.
    """
    try:
        paths.check_name(f"notebook of steps.{key}", name)
    except ValueError as error:
        problems.append(f"{error} A step names a notebook in {notebooks}, never a path")
        return None
    there = {path.stem: path for path in notebooks.glob("*.ipynb") if path.is_file()}
    # asked of the listing: some file systems open a file under other spellings too
    if name not in there:
        problems.append(
            f"steps.{key}: there is no notebook {name}.ipynb{nearest(name, there)} in {notebooks}"
        )
        return None
    if there[name].resolve().parent != notebooks:
        target = there[name].resolve()
        problems.append(
            f"steps.{key}: {name}.ipynb is a link to {target}, outside {notebooks}; copy the "
            "notebook there"
        )
        return None
    return there[name]


@lru_cache
def _declared(notebook: Path, changed: int) -> tuple[dict[str, Parameter], list[str]]:
    """The parameters of a notebook by name, and why others cannot be read.

    Once for all points of a sweep.

    Python's own reading: papermill's loads a JSON Schema validator, which takes longer than all
    else that a `status` does.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = (cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    source = "".join(next(tagged, {"source": ""})["source"])
    lines, parameters, unreadable = source.splitlines(), {}, []
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        return {}, [f"line {error.lineno} of its parameters cell is not Python: {error.msg}"]
    for node in body:
        if isinstance(node, ast.AnnAssign):
            target = node.target
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
        else:
            target = None
        if not isinstance(target, ast.Name) or node.value is None:
            continue
        kind = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
        if "|" in kind or "\n".join(lines[node.lineno - 1 : node.end_lineno]).count("=") > 1:
            unreadable.append(
                f"papermill cannot read the parameter {target.id}; its line has a second '=' or "
                "a union type"
            )
            continue
        try:
            default = ast.literal_eval(node.value)
        except ValueError:
            unreadable.append(
                f"the default {ast.unparse(node.value)} of the parameter {target.id} is no plain "
                "value"
            )
            continue
        parameters[target.id] = Parameter(kind.split("[")[0] or type(default).__name__, default)
    return parameters, unreadable


def _collect(problems: list[str], check) -> None:
    try:
        check()
    except ValueError as error:
        problems.append(str(error))


def _value(declared: Parameter, value, where: str):
    """The value of a parameter. Raises ValueError if its type is not the declared one."""
    kind, default = declared
    problem = _misfit(value, kind)
    if (
        kind == "list"
        and not problem
        and default
        and all(type(item) in (int, float) for item in default)
    ):
        problem = next(filter(None, (_misfit(item, "float") for item in value)), "")
    if problem:
        raise ValueError(f"{where}: {problem}")
    return float(value) if kind == "float" else value


def _misfit(value, kind: str) -> str:
    """What is wrong with a value for a parameter of this type, "" if nothing is."""
    if kind in ("int", "float") and isinstance(value, str) and _is_number(value):
        number = float(value)
        if value.strip("+-0_").isdigit():
            text = str(int(number))
        else:
            text = re.sub(r"e([+-])0", r"e\1", repr(number))
        text = text if "." in text else text.replace("e", ".0e")
        return f"YAML reads {value} as a string, not a number; write {text}"
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return "" if math.isfinite(value) else f"{value} is not a finite number"
    if type(value).__name__ != kind:
        return f"must be {kind}, found {value!r} ({type(value).__name__})"
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"holds something that is not text, a finite number or a truth value ({error})"
    return ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _check_sources(jobs: list[Job], order: list[str], problems: list[str]) -> None:
    """A parameter whose name ends with _from names steps, and they must come earlier in the
    file.
    """
    for job in jobs:
        earlier = order[: order.index(job.id)]
        for key in (key for key in job.parameters if key.endswith("_from")):
            value = job.parameters[key]
            for step in filter(None, value if isinstance(value, list) else [value]):
                if step not in earlier:
                    if step in order:
                        why = "comes later in this file"
                    else:
                        why = "is not a step of this file"
                    near = "" if step in order else nearest(step, earlier)
                    known = f"earlier steps: {', '.join(earlier) or 'none'}"
                    problems.append(f"steps.{job.id}.{key}: {step} {why}{near}; {known}")


def nearest(name, names) -> str:
    """ " (nearest: ...)" where one of the names is close, else ""."""
    names = list(map(str, names))
    begun = [other for other in names if name and other.startswith(str(name))]
    close = begun[:1] or difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f" (nearest: {close[0]})" if close else ""
