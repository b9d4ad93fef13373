"""Run folders, the manifests that say what is complete, and named random streams.

outputs/<run>/<step>/ holds what a step wrote, `report.json` (its few numbers) and `manifest.json`,
which is written last: its presence means the step is complete. The manifest records everything that
decides whether the step must run again: the parameters that matter, digests of its inputs, and
digests of the code it reaches (syntax only, so a comment never causes a rerun). Device, workers and
progress never count: see EXECUTION. Environment: SKYMATH_OUTPUTS and SKYMATH_NOTEBOOKS move those
two folders, SKYMATH_DATA names outside data.
"""

import ast
import errno
import hashlib
import html
import importlib.metadata
import itertools
import json
import math
import os
import platform
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import filelock
import numpy as np
import pandas as pd

PACKAGE = Path(__file__).resolve().parents[1]
# Tags of cells that are no code of a step: its values, what comes after it is complete, and looks
# at the machine that reach no output.
UNCOUNTED = {"parameters", "exercise", "look"}
PRESENTATION = {"notebook", "runner", "commands"}  # folders that show and run, and decide no result
SHOWING = {"display", "print", "figures", "browse", "prompt_lab", "step.figure"}
EXECUTION = (
    "run",
    "label",
    "device",
    "workers",
    "progress",
    "interactive",
    "shown",
    # of the teacher
    "ledger",
    "replay_only",
    "batch",
    "poll_s",
    "pilot",
    "timeout",
    "retries",
    "requests_per_minute",
    "tokens_per_minute",
    "micro_batch",
    "checkpoint_every",
    "launcher",
    "pilot_steps",  # of training
    "command",  # of a server
    "arms_in",
    "worker",  # of arms
)
VERSIONS = (
    "numpy",
    "pandas",
    "pyarrow",
    "plotly",
    "torch",
    "transformers",
    "trl",
    "datasets",
    "openai",
    "unsloth",
)
MODEL_FILES = (".json", ".safetensors", ".model", ".txt", ".jinja")
COMPLETE = "complete.json"  # of a phase of training, in its folder
TRAINING = "training.json"  # of a model folder that was trained here: how, not what
PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,149}")
# of Windows
DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{name}{n}" for name in ("com", "lpt") for n in range(10)),
}
UNSAFE = re.compile(r"[\\\x00-\x1f]|^[A-Za-z]:")  # in a relative name
FOREIGN = "from_others"  # in a manifest and in params.yaml: the bundle that they were taken from
# of a folder that is read whole: what steps write and use has thousands at most
MOST_FILES = 100_000
MOST_TEXT = 50_000_000  # bytes of a file that is read into memory at once: a manifest has thousands
MANIFEST = {  # what a manifest holds
    "step": str,
    "parameters": dict,
    "inputs": dict,
    "uses": dict,
    "code": dict,
    "outputs": dict,
    "seconds": float,
    "finished": str,
    "commit": str,
    "versions": dict,
}
SYSTEM = ("/proc/", "/sys/")  # what looks like files there is made by the system as it is read
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# a step that fills the disk half-way costs more than one that does not start
MIN_FREE_BYTES = 200e6


def home() -> Path:
    """The repository's folder.

    Where the package lies, else the nearest one above the working directory.
    """
    for folder in (PACKAGE.parent, Path.cwd(), *Path.cwd().parents):
        project = folder / "pyproject.toml"
        if project.is_file() and 'name = "skymath-nb"' in project.read_text(encoding="utf-8"):
            return folder
    raise FileNotFoundError(
        f"Looked for the skymath-nb repository (its pyproject.toml) above {PACKAGE} and "
        f"{Path.cwd()}, found "
        "none. Work inside a clone, installed with `pip install -e .`."
    )


def root() -> Path:
    """The folder of all run folders."""
    return Path(os.environ.get("SKYMATH_OUTPUTS") or home() / "outputs").expanduser().resolve()


def notebooks_folder() -> Path:
    return Path(os.environ.get("SKYMATH_NOTEBOOKS") or home() / "notebooks").expanduser().resolve()


def stream(seed: int, *names) -> int:
    """A seed below 2**32 (what torch and scikit-learn accept) from a digest of the seed and the
    names.
    """
    return int(_sha([int(seed), *map(str, names)])[:8], 16)


def rng(seed: int, *names) -> np.random.Generator:
    """A generator of its own for these names: adding another name changes no other stream."""
    return np.random.default_rng(int(_sha([int(seed), *map(str, names)]), 16))


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a draft's path, and move it to its place at the end.

    No reader ever sees half of a file.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def save(path: Path, text: str) -> Path:
    """Write a text file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def remove(path: Path) -> None:
    """Remove a file, or a folder that stands in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Busy(RuntimeError):
    """Another living process holds a folder."""


@contextmanager
def claim(folder: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a folder against other processes.

    The system frees it when its holder ends, however it ends.

    The lock is the file `.lock` in the folder (fcntl; of several machines a shared file system must
    support that).

    Args:
        waiting: Called once with who holds it, and then the claim waits; without it a held folder
            is an error.

    Raises:
        Busy: Naming the holder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, note = filelock.FileLock(folder / ".lock", preserve_lock_file=True), folder / ".holder"
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        held = (
            f"{folder} is held by "
            f"{note.read_text(encoding='utf-8') if note.is_file() else 'another process'}"
        )
        if waiting is None:
            raise Busy(
                f"{held}. Wait until it ends, or stop it; it then goes on from where it was."
            ) from None
        waiting(held)
        lock.acquire()
    try:
        save(
            note,
            f"process {os.getpid()} of {platform.node()} since "
            f"{datetime.now(UTC).isoformat(timespec='seconds')}",
        )
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def check_name(kind: str, name: str) -> str:
    """The name, if it is safe as a folder on every system.

    Letters, digits, . _ - and no dot at either end.
    """
    if (
        not isinstance(name, str)
        or not PLAIN.fullmatch(name)
        or name.endswith(".")
        or name.partition(".")[0].lower() in DEVICES
    ):
        raise ValueError(
            f"The {kind} is {name!r}: use text of letters, digits, dot, underscore, dash (at "
            "most 150); no dot at its ends, "
            "no device's name."
        )
    return name


def check_step(step_id: str) -> str:
    """A step's id, if it is `notebook` or `notebook@label` of safe names. Raises:  ValueError."""
    name, at, label = step_id.partition("@")
    check_name("step's name", name)
    check_name(f"label of step {name}", label if at else "none")
    return step_id


def relative(name: str) -> str:
    """The name, if it is a relative one with / between its parts that leads nowhere but down.

    Raises:  ValueError.
    """
    if not isinstance(name, str) or {"", ".", ".."} & set(name.split("/")) or UNSAFE.search(name):
        raise ValueError(
            f"{name!r} is not the name of a file inside a step's folder; use a relative name "
            "with / between its parts."
        )
    return name


def within(folder: Path, name: str) -> Path:
    """The path of a relative name that stays inside a folder, wherever links lead.

    Raises:  ValueError for any other name.
    """
    path = folder / relative(name)
    # Path.resolve fails where links go in a circle
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise ValueError(
            f"{name!r} leads out of {folder}, where it should be inside; it is a link or lies "
            "behind one."
        )
    return path


# --- digests
# ----------------------------------------------------------------------


def _sha(value) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def files_of(folder: Path) -> dict[str, Path]:
    """The files below a folder by relative name, sorted.

    Without hidden ones, which are locks and half-written files.

    Raises:
        ValueError: For a folder that no step can have written or used: it has over MOST_FILES files
            and folders.
    """
    below = list(itertools.islice(folder.rglob("*"), MOST_FILES + 1))
    if len(below) > MOST_FILES:
        raise ValueError(f"{folder} holds more than {MOST_FILES:,} files and is not read.")
    files = {p.relative_to(folder).as_posix(): p for p in below if p.is_file()}
    return {
        name: files[name] for name in sorted(files) if not name.startswith(".") and "/." not in name
    }


def digest_file(path: str | Path) -> str:
    """sha256 of a file.

    Of a folder, the digest of its sorted relative names and their digests (`files_of`).

    Raises:
        ValueError: For what is no regular file (a device, a pipe, a socket) and for a folder of too
            many.
        OSError: If it is not there.
    """
    path = Path(path)
    if path.is_dir():
        return _sha([(name, digest_file(file)) for name, file in files_of(path).items()])
    with _regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_text(path: Path) -> str:
    """The text of a regular file.

    Raises:  ValueError for one that is too large to be a text of ours, or is no UTF-8.
    """
    with _regular(path) as file:
        text = file.read(MOST_TEXT + 1)
    if len(text) > MOST_TEXT:
        raise ValueError(
            f"{path} has more than {MOST_TEXT:,} bytes, too many for what it is, and is not read."
        )
    return text.decode("utf-8")


def _regular(path: Path):
    """A regular file, opened to read its bytes.

    Whatever else a path may name could wait or go on for ever.
    """
    real = os.path.realpath(path)
    if not stat.S_ISREG(os.stat(real).st_mode) or real.startswith(SYSTEM):
        raise ValueError(
            f"{path} is no regular file (a device, a pipe, a socket or of the system) and is not "
            "read."
        )
    return open(
        real, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
    )


def model_files(folder: str | Path) -> list[Path]:
    """The files of a model folder that decide what is loaded: configuration, weights, tokenizer."""
    return [
        path
        for path in sorted(Path(folder).iterdir())
        if path.suffix in MODEL_FILES and path.name not in (TRAINING, COMPLETE)
    ]


def digest_model(model: str | Path) -> str:
    """16 hex digits over what is loaded of a model folder; for a hub id its name and commit.

    Raises:
        OSError: If there is neither such a folder nor such an id on the hub.
    """
    if Path(model).is_dir():
        return _sha([(path.name, digest_file(path)) for path in model_files(model)])[:16]
    from transformers.utils import cached_file

    return f"{model}@{Path(cached_file(str(model), 'config.json')).parent.name}"


def name_model(model: str | Path) -> str:
    """A name that tells a model from every other, also from the same folder trained anew.

    Student@7b1d..., owner/name@commit.
    """
    digest = digest_model(model)
    return f"{Path(model).resolve().name}@{digest}" if Path(model).is_dir() else digest


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def missing_space(folder: Path) -> str:
    """Which disk holds a folder, how much of it is free, how much is missing, and what to do."""
    place = existing(folder.resolve())
    disk = next(
        parent for parent in (place, *place.parents) if parent.is_mount() or parent == parent.parent
    )
    free = shutil.disk_usage(place).free
    missing = max(MIN_FREE_BYTES - free, 0)
    amount = (
        f"at least {missing / 1e6:.0f} MB are missing"
        if missing
        else "the last write needed more, or a quota or limit holds"
    )
    return (
        f"The disk {disk}, which holds {folder}, has {free / 1e6:.0f} MB free; {amount}. Free "
        "some space, or set SKYMATH_OUTPUTS "
        "to a folder on another disk; the same command then goes on from here."
    )


def size_of(path: Path) -> int:
    """Bytes of a file, or of the files of a folder."""
    return sum(p.stat().st_size for p in ([path] if path.is_file() else files_of(path).values()))


def locate(place: str | Path) -> Path:
    """The path meant by a place: `$NAMES` and `~` expanded, relative to the repository."""
    return Path(home(), os.path.expanduser(os.path.expandvars(place))).resolve()


def _portable(path: Path) -> str:
    """A place that `locate` finds again on another machine, where the path allows it."""
    data = os.environ.get("SKYMATH_DATA")
    for folder, prefix in (
        (home(), ""),
        (data and Path(data).expanduser().resolve(), "$SKYMATH_DATA/"),
    ):
        if folder and path.is_relative_to(folder):
            return prefix + path.relative_to(folder).as_posix()
    return path.as_posix()


def recorded(place: str, foreign: bool = False) -> Path:
    """Where the place of a manifest is on this machine.

    What `_portable` wrote; nothing but $SKYMATH_DATA is expanded.

    foreign: others wrote the manifest; then it may only name places in the repository, among the
    run folders and in SKYMATH_DATA.

    Raises:
        ValueError: For any other place.
    """
    data = os.environ.get("SKYMATH_DATA")
    data = Path(data).expanduser().resolve() if data else None
    inside = place.removeprefix("$SKYMATH_DATA/")
    path = Path(os.path.realpath(data / inside if data and inside != place else home() / place))
    if foreign and not any(
        path.is_relative_to(folder) for folder in (home(), root(), data) if folder
    ):
        raise ValueError(
            f"{place} lies outside of the folders that a run of others may name, and is not read"
        )
    return path


@lru_cache(maxsize=1024)
def _syntax(source: str) -> tuple[str, ast.AST]:
    """Digest of what the code does (no comments, layout or docstrings), and its tree."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # not ours to report: running it will; until then its text stands for it
        return _sha(source), ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    return _sha(_shape(tree)), tree


def _shape(node):
    """A tree as lists of names and values, the same on every Python.

    Ast.dump prints what a version adds, even where it is empty.
    """
    if isinstance(node, list):
        return [_shape(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        (name, value) for name, value in ast.iter_fields(node) if value is not None and value != []
    ]
    if isinstance(node, ast.JoinedStr):  # 3.12 ends a nested format with an empty text
        fields = [("values", [part for part in node.values if getattr(part, "value", None) != ""])]
    return [type(node).__name__, *([name, _shape(value)] for name, value in fields)]


@lru_cache(maxsize=1024)
def _imports(source: str, *parent: str) -> frozenset[str]:
    """Dotted names that a module may import.

    `parent` is the package its relative imports start from.
    """
    names = set()
    for node in ast.walk(_syntax(source)[1]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = parent[: len(parent) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def notebook_of(name: str) -> Path:
    """The notebook that a kernel works for.

    The one that JupyterLab opened, if it is the step's or a copy of it, else the suite's.
    """
    # set by Jupyter servers for the kernels they start
    opened = Path(os.environ.get("JPY_SESSION_NAME", ""))
    if opened.suffix == ".ipynb" and opened.stem.partition("@")[0] == name and opened.is_file():
        return opened
    return notebooks_folder() / f"{name}.ipynb"


def code_cells(path: Path) -> list[tuple[str, str]]:
    """The code of a notebook that counts for its step, as (id, source) cell by cell.

    The parameters cell is left out: parameters count by value. So are exercises, which come after
    the step is complete, and cells that only look or only show.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"Step {path.stem!r} needs the notebook {path}, which does not exist. Steps are "
            "notebooks."
        )
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = (
        c
        for c in cells
        if c["cell_type"] == "code" and not UNCOUNTED & set(c["metadata"].get("tags", []))
    )
    texts = [(c.get("id", ""), "".join(c["source"])) for c in code]
    return [(id, text) for id, text in texts if not only_shows(text)]


def only_shows(source: str) -> bool:
    """Whether a cell does nothing but show: all its statements are calls of what displays.

    A figure of a step is shown, too: it is drawn from the step's tables and decides none of them.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # a magic
        return False
    calls = [node.value for node in statements if isinstance(node, ast.Expr)]
    named = [
        call for call in calls if isinstance(call, ast.Call) and _shows(ast.unparse(call.func))
    ]
    return bool(statements) and len(named) == len(statements)


def _shows(function: str) -> bool:
    return function in SHOWING or function.partition(".")[0] in SHOWING


def code_digests(name: str, notebooks: Path | None = None, package: Path = PACKAGE) -> dict:
    """Digests of a notebook's code and of every package module that it reaches through imports.

    Markdown files beside a reached package's modules (the prompts) count as its code. What only
    shows or runs a step (PRESENTATION) does not count, and nothing that only it reaches.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    path = notebooks / f"{name}.ipynb" if notebooks else notebook_of(name)
    # magics become calls
    cells = [TransformerManager().transform_cell(source) for _, source in code_cells(path)]
    reached = set().union(*map(_imports, cells))
    return {
        "notebook": _sha([_syntax(cell)[0] for cell in cells]),
        "modules": module_digests(reached, package),
    }


def _check_free(folder: Path) -> None:
    """Raise Busy where a process that did not start this one holds a run folder.

    Two at work would write over each other.
    """
    import psutil

    note = folder / ".holder"
    found = (
        re.match(r"process (\d+) of (.+) since", note.read_text(encoding="utf-8"))
        if note.is_file()
        else None
    )
    if not found or found[2] != platform.node() or not psutil.pid_exists(int(found[1])):
        return
    if int(found[1]) not in {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}:
        raise Busy(
            f"{folder} is held by {found[0].removesuffix(' since')}. Wait until it ends, or set "
            "`run` to another run."
        )


class _Executions:
    """What a kernel runs from the beginning of a step on, cell by cell; outside IPython nothing."""

    def __init__(self):
        from IPython import get_ipython

        self.shell, self.ended = get_ipython(), []  # (id, source, whether it succeeded)
        if self.shell:
            self.before = {source.strip() for source in self.shell.history_manager.input_hist_raw}
            self.shell.events.register("post_run_cell", self.note)

    def note(self, result):
        self.ended.append(
            (result.info.cell_id, (result.info.raw_cell or "").strip(), result.success)
        )

    def unlike(self, path: Path) -> list[str]:
        """First lines of a notebook's cells, up to the one that finishes the step, that did not run
        as they are saved.

        A cell that was edited and run without being saved, left out, or ended in an error, made
        other outputs than the notebook would. Of a cell that ran more than once the last time
        counts.
        """
        if not self.shell or not path.is_file():
            return []
        self.shell.events.unregister("post_run_cell", self.note)
        # the cell that asks: it is running
        now = self.shell.history_manager.input_hist_raw[-1].strip()
        cells = [(id, source.strip()) for id, source in code_cells(path) if source.strip()]
        last = next(
            (i for i, (_, source) in enumerate(cells) if ".finish(" in source), len(cells) - 1
        )
        first = next((i for i, (_, source) in enumerate(cells) if "runs.step(" in source), 0)
        latest = {id: (source, good) for id, source, good in self.ended if id}
        good = {source for _, source, succeeded in self.ended if succeeded} - {
            source for source, fine in latest.values() if not fine
        }

        def ran(place, id, source):
            if source == now or place < first and source in self.before:
                return True
            return latest[id] == (source, True) if id in latest else source in good

        return [
            source.splitlines()[0]
            for i, (id, source) in enumerate(cells[: last + 1])
            if not ran(i, id, source)
        ]

    def reset(self, identity: dict) -> list[str]:
        """The step's parameters that have other values in the kernel by now, each as a line."""
        now = self.shell.user_ns if self.shell else {}
        return [
            f"{name} = {now[name]!r}, which was {value!r} when the step began"
            for name, value in identity.items()
            if now.get(name, value) != value
        ]


def module_digests(names: set[str], package: Path = PACKAGE) -> dict[str, str]:
    """Digests of these modules of the package (dotted names) and of all that they reach through
    imports.
    """
    todo, modules = set(names), {}
    while todo:
        parts = todo.pop().split(".")
        if parts[0] != package.name or PRESENTATION & set(parts[1:2]):
            continue
        for depth in range(1, len(parts) + 1):  # importing a.b.c also runs a and a.b
            module, place = ".".join(parts[:depth]), package.parent.joinpath(*parts[:depth])
            source = next(
                (
                    s
                    for s in (place / "__init__.py", place.with_name(f"{place.name}.py"))
                    if s.is_file()
                ),
                None,
            )
            if source is None or module in modules:
                continue
            text = source.read_text(encoding="utf-8")
            modules[module] = _syntax(text)[0]
            is_package = source.name == "__init__.py"
            if is_package:
                modules |= {
                    f"{module}/{page.name}": digest_file(page) for page in place.glob("*.md")
                }
            todo |= _imports(text, *(parts[:depth] if is_package else parts[: depth - 1]))
    return dict(sorted(modules.items()))


# --- provenance
# ----------------------------------------------------------------------


def versions() -> dict[str, str]:
    """Python's version and those of the installed packages that decide results."""
    installed = {d.metadata["Name"]: d.version for d in map(distribution, VERSIONS) if d}
    return {"python": platform.python_version(), **installed}


def distribution(name: str) -> importlib.metadata.Distribution | None:
    """The installed package of a name, None if there is none."""
    return next(iter(importlib.metadata.distributions(name=name)), None)


def _commit() -> str:
    """The commit, marked where tracked files differ from it; "unknown" outside a git checkout."""
    if not shutil.which("git"):
        return "unknown"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    # a repository around this one says nothing about it
    environment["GIT_CEILING_DIRECTORIES"] = str(home().parent)
    command = [
        "git",
        "-C",
        str(home()),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    described = subprocess.run(command, capture_output=True, text=True, env=environment)
    return described.stdout.strip() or "unknown"


def processor() -> str:
    """The processor's name and its widest vector instructions, which decide the last digits of
    trained weights.
    """
    facts = Path("/proc/cpuinfo")
    if not facts.is_file():
        return platform.processor() or platform.machine()
    lines = (
        line.partition(":")[::2]
        for line in facts.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    )
    about = {key.strip(): value.strip() for key, value in lines}
    vectors = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}
    widest = next(
        (name for flag, name in vectors.items() if flag in about.get("flags", "").split()), ""
    )
    return " ".join(filter(None, [about.get("model name") or platform.machine(), widest]))


def _provenance() -> dict:
    import psutil

    machine = {
        "platform": platform.platform(),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }
    return {"commit": _commit(), "versions": versions(), "machine": machine}


# --- the step
# ----------------------------------------------------------------------


def read_manifest(folder: Path) -> dict | None:
    """The manifest of a complete step, None where the step is not complete."""
    path = folder / "manifest.json"
    if not path.exists():
        return None
    try:
        manifest = read_record(path, MANIFEST)
        for key, fields in PARTS.items():
            for name, part in manifest[key].items():
                check_shape(f"{key} {name}", part, fields)
        check_shape("code", manifest["code"], {"notebook": str, "modules": dict})
        if "manifest.json" in map(relative, manifest["outputs"]):
            raise ValueError("it names itself as an output")
        for name in manifest["inputs"]:
            step, _, file = name.partition("/")
            relative(check_step(step) and file)
    except ValueError as error:
        raise Damaged(
            f"{path} is not a manifest ({error}). Delete it, and the step runs again."
        ) from error
    return manifest


class Damaged(ValueError):
    """A file of a run folder is not what a step writes.

    The message says which file and what is wrong.
    """


PARTS = {
    "outputs": {"sha256": str, "bytes": int},
    "uses": {"path": str, "sha256": str},
    "inputs": str,
    "versions": str,
}


def read_record(path: Path, fields: dict[str, type]) -> dict:
    """The JSON object in a file of a run folder.

    Args:
        fields: The keys that it must have, each with its type; float stands for any finite number.

    Raises:
        Damaged: There is no such file, or it holds something else.
    """
    try:
        if not path.is_file():
            raise ValueError("it is no file")
        record = json.loads(read_text(path))
        check_shape("it", record, fields)
    except (ValueError, OSError, RecursionError) as error:
        raise Damaged(f"{path.name} of {path.parent}: {error}") from error
    return record


def read_report(folder: Path) -> dict:
    """The numbers that a complete step reported.

    Raises Damaged where `report.json` holds something else.
    """
    path = folder / "report.json"
    report = read_record(path, {})
    for key, value in report.items():
        if not isinstance(value, str | int | float):
            raise Damaged(
                f"{path} is not a report ({key} is a {type(value).__name__}). Run the step again."
            )
    return report


def read_about(folder: Path) -> dict:
    """The commit, versions and machine in a run's `run.json`, {} without that file.

    Raises Damaged.
    """
    path = folder / "run.json"
    return (
        read_record(path, {"commit": str, "versions": dict, "machine": dict})
        if path.exists()
        else {}
    )


def check_shape(what: str, value, shape: type | dict[str, type]) -> None:
    """Raise Damaged where a value read from a file lacks a key or has another type.

    Float stands for any finite number.
    """
    kind = dict if isinstance(shape, dict) else shape
    good = (
        type(value) in (int, float) and math.isfinite(value)
        if kind is float
        else type(value) is kind
    )
    if not good:
        raise Damaged(
            f"{what} is a {type(value).__name__}, not a "
            f"{'number' if kind is float else kind.__name__}"
        )
    for key, wanted in shape.items() if isinstance(shape, dict) else ():
        if key not in value:
            raise Damaged(f"{what} has no {key!r}")
        check_shape(f"{key} of {what}", value[key], wanted)


def take(source: Path, folder: Path, manifest: dict) -> bool:
    """Make `folder` a complete step with the outputs and the log of `source`, the same step of
    another run.

    The files are hard links (copies where the disk has none), checked against the manifest. False,
    and nothing is complete, where they are no longer what it says, because that run has begun the
    step again.
    """
    remove(folder / "manifest.json")
    try:
        for file, record in manifest["outputs"].items():
            _link(within(source, file), within(folder, file))
            if digest_file(folder / file) != record["sha256"]:
                return False
        for log in ("notebook.ipynb", "notebook.html"):
            (folder / log).unlink(missing_ok=True)
            if (source / log).is_file():
                _link(source / log, folder / log)
    except FileNotFoundError:
        return False
    # still there: a step that begins later sees the links, and makes files of its own
    if read_manifest(source) != manifest:
        return False
    save(
        folder / "manifest.json",
        json.dumps(manifest | {"taken_from": source.parent.name}, indent=1, ensure_ascii=False),
    )
    return True


def _link(source: Path, target: Path):
    remove(target)
    files = (
        {target / name: file for name, file in files_of(source).items()}
        if source.is_dir()
        else {target: source}
    )
    for place, file in files.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, place)
        except FileNotFoundError:
            raise
        except OSError:  # another disk, or one without hard links
            shutil.copy2(file, place)


def _separate(folder: Path):
    """Give a folder its own copy of files that another run shares.

    A step may write over them in place.
    """
    for path in files_of(folder).values():
        if path.stat().st_nlink > 1:
            draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            shutil.copy2(path, draft)
            os.replace(draft, path)


class Step:
    """One step of a run at work: what it reads, writes and reports. Made by `step`."""

    def __init__(self, name: str, run: str, label: str, identity: dict):
        self.run, self.id = run, f"{name}@{label}" if label else name
        self.folder = root() / run / self.id
        self._name, self._notebook, self._executions = name, notebook_of(name), _Executions()
        self._identity, self._code = identity, code_digests(name)
        self._inputs: dict[str, str] = {}
        self._uses: dict[str, dict] = {}
        self._outputs: list[str] = []
        self._figures: dict[str, str] = {}
        self._made = _provenance()
        self._start = time.monotonic()

    def __repr__(self) -> str:
        return f"run {self.run} · step {self.id} · " + ", ".join(
            f"{k} {v}" for k, v in self._made["versions"].items()
        )

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"

    def input(self, step_id: str, file: str) -> Path:
        """Path of a file that another, complete step of this run wrote.

        Raises FileNotFoundError, naming the step that makes the file and the command that runs it.
        """
        folder = root() / self.run / check_step(step_id)
        path = within(folder, file)
        if not (folder / "manifest.json").is_file() or not path.exists():
            found = (
                "has no such file"
                if (folder / "manifest.json").is_file()
                else "has not completed in this run"
            )
            raise FileNotFoundError(
                f"{self.id} reads {file} of step {step_id}, but that step {found} ({folder}). "
                f"{_remedy(self.run)}"
            )
        self._inputs[f"{step_id}/{file}"] = digest_file(path)
        return path

    def uses(self, path: str | Path, name: str | None = None) -> Path:
        """Path of an outside file or folder (relative to the repository), recorded with its
        digest.
        """
        found = locate(path)
        if not found.exists():
            raise FileNotFoundError(
                f"{self.id} uses {path}, but there is no file or folder {found}. Check the path."
            )
        place = _portable(found)
        self._uses[name or place] = {"path": place, "sha256": digest_file(found)}
        return found

    def output(self, file: str) -> Path:
        """Path for a file or folder that this step writes; `finish` insists that it exists."""
        path = self.folder / file
        place = path.resolve()
        if not place.is_relative_to(self.folder.resolve()) or place == self.folder.resolve():
            raise ValueError(
                f"{self.id}: output {file!r} is not inside the step's folder; give a relative name."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        self._outputs += [] if file in self._outputs else [file]
        return path

    def figure(self, fig, name: str):
        """Keep a plotly figure for the run's page, in order of the calls, and return it for
        display.
        """
        check_name("figure's name", name)
        place = self._figures.setdefault(name, f"figures/{len(self._figures) + 1:02d}_{name}.json")
        save(self.output(place), fig.to_json())
        return fig

    def finish(self, report: dict) -> pd.DataFrame:
        """Write the report, then the manifest that makes the step complete.

        Return the report as a table.

        Scores are fractions: `accuracy` with `accuracy_n`, `accuracy_low`, `accuracy_high`.
        Raises ValueError for values that are not finite numbers, truth values or text, RuntimeError
        for an output that was announced and not written.
        """
        report = {
            key: value.item() if isinstance(value, np.generic) else value
            for key, value in report.items()
        }
        _check_values(f"the report of {self.id}", report, flat=True)
        save(self.output("report.json"), json.dumps(report, indent=1, ensure_ascii=False))
        missing = [file for file in self._outputs if not (self.folder / file).exists()]
        if missing:
            raise RuntimeError(
                f"{self.id} announced {', '.join(missing)} but did not write it in {self.folder}."
            )
        outputs = {f: self.folder / f for f in self._outputs}
        self._judge_code()
        manifest = {
            "step": self.id,
            "parameters": self._identity,
            "inputs": self._inputs,
            "uses": self._uses,
            "code": self._code,
            "outputs": {
                f: {"sha256": digest_file(p), "bytes": size_of(p)} for f, p in outputs.items()
            },
            "seconds": round(time.monotonic() - self._start, 1),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": self._made["commit"],
            "versions": self._made["versions"],
        }
        save(self.folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
        return pd.DataFrame(
            {"name": list(report), "value": pd.Series(list(report.values()), dtype=object)}
        )

    def _judge_code(self):
        """Mark code that changed since the step began, and a notebook that did not run as it is
        saved: no later state of the files made these outputs, so the runner will make them again.
        """
        began, ended = self._code["modules"], code_digests(self._name)
        changed = [
            name
            for name in began | ended["modules"]
            if began.get(name) != ended["modules"].get(name)
        ]
        self._code["modules"] |= dict.fromkeys(changed, "changed while the step ran")
        unlike = [
            f"{line} did not run as {self._notebook.name} has it saved"
            for line in self._executions.unlike(self._notebook)
        ]
        unlike += self._executions.reset(self._identity)
        if unlike or ended["notebook"] != self._code["notebook"]:
            self._code["notebook"] = "not run as it is saved"
        for line in [*(f"{name} changed while the step ran" for name in changed), *unlike]:
            print(f"complete, but stale for the runner: {line}")


def _remedy(run: str) -> str:
    """The command that makes the steps of a run, from the params file it was started with or its
    namesake.
    """
    frozen, own = root() / run / "params.yaml", home() / "params" / f"{run}.yaml"
    for path in (frozen, own):
        if path.is_file():
            place = path.relative_to(home()) if path.is_relative_to(home()) else path
            return f"Make it with: python -m skymath_nb run {place}"
    there = sorted(p.parent.name for p in root().glob("*/params.yaml"))
    return (
        f"There is no params file for a run named {run!r}. Set `run` to one that exists "
        f"({', '.join(there) or 'none yet'}), "
        "or make the tiny one with: python -m skymath_nb run params/tiny.yaml"
    )


def _check_values(where: str, values: dict, flat: bool) -> None:
    for key, value in values.items():
        number = isinstance(value, int | float)
        if number and not math.isfinite(value):
            raise ValueError(
                f"{key} = {value} in {where} is not a finite number. Leave out what could not be "
                "measured."
            )
        if flat and not (number or isinstance(value, str)):
            raise ValueError(
                f"{key} in {where} is a {type(value).__name__}; keep numbers, truth values or text."
            )
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{key} = {value!r} in {where} cannot be written as JSON ({error})."
            ) from error


def step(name: str, run: str, label: str = "", **identity) -> Step:
    """Start a step.

    Its folder exists, is no longer complete, and holds no figure or report of an older run.

    `identity` holds the parameters that matter. Other files of an earlier attempt stay, for
    resuming. Raises ValueError for bad names or parameters, RuntimeError when the disk is nearly
    full, Busy while another process runs this run.
    """
    check_name("step's name", name)
    check_name("run's name", run)
    check_name("label", label or "none")
    execution = sorted(set(identity) & set(EXECUTION))
    if execution:
        raise ValueError(
            f"{name}: {', '.join(execution)} never counts for identity; do not pass it to "
            "runs.step."
        )
    _check_values(f"the parameters of {name}", identity, flat=False)
    _check_free(root() / run)
    work = Step(name, run, label, json.loads(json.dumps(identity)))
    work.folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work.folder).free
    if free < MIN_FREE_BYTES:
        raise RuntimeError(
            f"{os.strerror(errno.ENOSPC)}: {work.id} does not start. {missing_space(work.folder)}"
        )
    for old in (
        work.folder / "manifest.json",
        work.folder / "report.json",
        root() / run / "run.json",
    ):
        remove(old)
    _separate(work.folder)
    shutil.rmtree(work.folder / "figures", ignore_errors=True)
    save(root() / run / "run.json", json.dumps(work._made, indent=1))
    return work
