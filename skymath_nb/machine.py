"""The machine that the notebooks run on: what it has, what is wrong with it, and the params file that fits it.

What can be mended without asking anybody is mended: a folder that is missing, drafts that a killed process left behind a day ago or
more. For the rest the line says the command. No value of a key is ever read into a table.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from skymath_nb import forecast, hub, plans, runs
from skymath_nb.forecast import Forecast
from skymath_nb.plans import Plan

SCALES = ("paper", "workshop", "tiny")  # params files from the largest to the one that runs anywhere
OLDEST = (3, 11, 5)  # Python; a pinned package needs it
ABANDONED_S = 24 * 3600  # of a draft that nobody has written to: its process may live on another machine that shares the folder
DRAFT = re.compile(r"^\..+\.(\d+)\.tmp$")  # of runs.save: the process that wrote it
KEYS = {"OPENAI_API_KEY": "a teacher that is not offline", "HF_TOKEN": "models that ask for permission on the hub"}


class Finding(NamedTuple):
    """One thing looked at: what, what was found, "good", "note" or "bad", and what to do where it is bad."""

    what: str
    found: str
    state: str = "good"
    to_do: str = ""


def look(mend: bool = True) -> pd.DataFrame:
    """What this machine has, as a table of what, found, state and to_do.

    state  good; note: not needed for the tiny run; bad: to be mended first, as `to_do` says
    mend   make the outputs folder, and remove drafts that nobody has written to for a day and whose process does not live
    """
    found = [*_python(), *_size(), _gpu(), *_keys(), *_data(), _hub(), *_outputs(mend), _widgets()]
    return pd.DataFrame(found, columns=Finding._fields)


def choose(params: Path | None = None) -> tuple[Plan, Forecast, dict[str, list[str]]]:
    """The largest of the params files paper, workshop and tiny that fits, its forecast, and what this machine lacks for the larger ones.

    What the hub would have to give first is no hindrance where it can be reached. The tiny file is chosen whatever it lacks.
    """
    lacks = {}
    for scale in SCALES:
        plan = plans.load((params or runs.home() / "params") / f"{scale}.yaml")
        told = forecast.forecast(plan)
        if not told.lacks:
            break
        lacks[plan.source.name] = told.lacks
    lacks.pop(plan.source.name, None)
    return plan, told, lacks


def report(mend: bool = False, echo=print) -> int:
    """Print what was found, the params file that fits, and what each of its steps would take; with `mend`, install what differs first.

    Returns 1 if something is bad, else 0.
    """
    if mend and (differing := _differing()):
        echo(f"installing the pinned versions of {', '.join(differing)}")
        command = [sys.executable, "-m", "pip", "install", "-c", _pins(), *(f"{name}=={pin}" for name, pin in differing.items())]
        if code := subprocess.run(command, cwd=runs.home()).returncode:
            raise RuntimeError(f"pip was to install {', '.join(command[6:])} and ended with code {code}; see above. Nothing else was done.")
    table = look(mend)
    echo(table.to_string(index=False))
    plan, told, lacks = choose()
    for name, missing in lacks.items():
        echo(f"params/{name} would need more: {'; '.join(missing[:3])}{f'; and {len(missing) - 3} more' if len(missing) > 3 else ''}")
    echo(f"params/{plan.source.name} fits this machine:")
    echo(forecast.table(told)[["step", "time", "dollars", "time rests on"]].to_string(index=False))
    bad = table[table["state"] == "bad"]
    echo("Nothing is in the way." if bad.empty else f"In the way: {', '.join(bad['what'])}.")
    return 0 if bad.empty else 1


def _python():
    version = platform.python_version()
    old, wanted = sys.version_info < OLDEST, ".".join(map(str, OLDEST))
    yield Finding("Python", f"{version}, {sys.executable}", "bad" if old else "good", f"install Python {wanted} or newer" if old else "")
    differing = _differing()
    shown = ", ".join(f"{name} {metadata.version(name)} (tested: {pin})" for name, pin in list(differing.items())[:4])
    more = f" and {len(differing) - 4} more" if len(differing) > 4 else ""
    remedy = f"if something breaks: {_install()}, then restart the kernel"
    yield Finding("packages", f"{shown}{more}" or "all as tested", "note" if differing else "good", remedy if differing else "")
    if not runs.distribution("unsloth"):
        yield Finding(
            "unsloth", "not installed", "note", "only for backend: unsloth; `make unsloth`, or, with a GPU, as params/README.md says"
        )


def _pins() -> str:
    """The file of tested versions that this environment is held to: Unsloth accepts older ones than the newest."""
    return "constraints-unsloth.txt" if runs.distribution("unsloth") else "constraints.txt"


def _install() -> str:
    return f"python -m pip install -c {_pins()} -e '.[dev]'"


def _differing() -> dict[str, str]:
    """Installed packages of another version than the pins have, with the version there; a local tag (+cpu) is no difference."""
    lines = (runs.home() / _pins()).read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    there = {name: found.version.split("+")[0] for name in pins if (found := runs.distribution(name))}
    return {name: pins[name] for name, version in there.items() if version != pins[name]}


def _size():
    import psutil

    memory, disk = psutil.virtual_memory(), shutil.disk_usage(runs.existing(runs.root())).free
    yield Finding("processor cores", str(os.cpu_count()))
    low = memory.available < 2e9
    yield Finding(
        "memory", f"{memory.total / 2**30:.0f} GiB, {memory.available / 2**30:.1f} free", "bad" if low else "good",
        "2 GB must be free: close other programs or other kernels" if low else "",
    )  # fmt: skip
    full = disk < 1e9
    yield Finding(
        "disk", f"{disk / 2**30:.0f} GiB free", "bad" if full else "good",
        "1 GB must be free: make room, or set SKYMATH_OUTPUTS to a folder on another disk" if full else "",
    )  # fmt: skip


def _gpu():
    import torch

    if torch.cuda.is_available():
        gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        return Finding("GPU", ", ".join(f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB" for gpu in gpus))
    if any(map(shutil.which, ("nvidia-smi", "rocm-smi"))):
        return Finding(
            "GPU", f"there is a driver, but torch {torch.__version__} finds no GPU", "note",
            "to use it, install the torch build for your driver as its install page says, and restart the kernel",
        )  # fmt: skip
    return Finding("GPU", "none", "note", "not needed for the tiny run")


def _keys():
    for name, use in KEYS.items():
        there = bool(os.environ.get(name, "").strip())
        yield Finding(name, "set" if there else "not set", "good" if there else "note", "" if there else f"only for {use}")


def _folder(name: str) -> str:
    """What is wrong with the folder that a variable names, "" if nothing is."""
    place = os.environ.get(name, "")
    try:
        there = Path(place).expanduser()
    except RuntimeError:
        return f"{place}: its `~` stands for no known home folder"
    if there.exists() and not there.is_dir():
        return f"{there} is no folder"
    return "" if there.is_dir() or name == "SKYMATH_OUTPUTS" else f"there is no folder {there}"


def _data():
    folder = os.environ.get("SKYMATH_DATA")
    for name in ("SKYMATH_DATA", "SKYMATH_NOTEBOOKS"):
        if os.environ.get(name) and (problem := _folder(name)):
            yield Finding(name, f"set, but {problem}", "bad", "correct or unset it, and restart the kernel")
    if folder and _folder("SKYMATH_DATA"):
        return
    yield Finding(
        "SKYMATH_DATA", "set" if folder else "not set", "good" if folder else "note", "" if folder else "only for real benchmarks"
    )


def _hub():
    why = hub.unreachable()
    return Finding("hub", why or "can be reached", "note" if why else "good", "only for models and data sets by hub name" if why else "")


def _outputs(mend: bool):
    try:
        folder = runs.root()
        if mend:
            folder.mkdir(parents=True, exist_ok=True)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"{folder} is no folder")
        with tempfile.TemporaryFile(dir=runs.existing(folder)):  # what permissions say is not the whole truth: root, read-only disks
            pass
    except (OSError, RuntimeError) as error:
        yield Finding("outputs", f"cannot be written ({error})", "bad", "make it a writable folder, or set SKYMATH_OUTPUTS to another one")
        return
    yield Finding("outputs", "can be written")
    drafts = [path for path in folder.glob("**/.*.tmp") if _left(path)] if folder.is_dir() else []
    for path in drafts if mend else []:
        path.unlink(missing_ok=True)
    if drafts:
        how = ("good", "removed") if mend else ("note", "python -m skymath_nb doctor --mend")
        yield Finding("drafts", f"{len(drafts)} of killed processes", *how)


def _left(path: Path) -> bool:
    import psutil

    found = DRAFT.match(path.name)
    old = path.is_file() and time.time() - path.stat().st_mtime > ABANDONED_S
    return bool(found) and old and not psutil.pid_exists(int(found[1]))


def _widgets():
    found, needed = (runs.distribution(name) for name in ("jupyterlab_widgets", "ipywidgets"))
    if found and needed:
        return Finding("widgets", f"ipywidgets {needed.version}")
    return Finding("widgets", "the extension of JupyterLab is missing", "bad", f"{_install()}, then start JupyterLab again")
