"""What `doctor` says: what this machine has, what is wrong with it, and which params file fits it.

Looking changes nothing; what is wrong comes with what to do about it. No value of a key is read
into a table.
"""

import os
import platform
import re
import shutil
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..core import disk, paths, provenance
from ..runner import params as plans
from ..runner.params import Plan
from . import forecast, hub
from .forecast import Forecast

SCALES = ("paper", "workshop", "tiny")  # params files, the largest first
OLDEST = (3, 11, 5)  # Python; a pinned package needs it
ABANDONED_S = 24 * 3600  # since a draft was written: its process may be on another machine
DRAFT = re.compile(r"^\..+\.(\d+)\.tmp$")  # of disk.save: the process that wrote it
USES = {
    "OPENAI_API_KEY": "a teacher that is not offline",
    "HF_TOKEN": "models that ask for permission on the hub",
}


class Finding(NamedTuple):
    """One thing looked at.

    Attributes:
        what: Its name.
        found: What was found.
        to_do: What to do about it, "" if it is good.
        state: "good"; "note": not needed for the tiny run; "bad": fix it first.
    """

    what: str
    found: str
    to_do: str = ""
    state: str = "good"


def look() -> pd.DataFrame:
    """What this machine has, as a table of what, found, state and to_do."""
    found = [*_python(), *_size(), _gpu(), *_keys(), *_folders(), _hub(), *_outputs(), _widgets()]
    return pd.DataFrame(found)[["what", "found", "state", "to_do"]]


def choose(params: Path | None = None) -> tuple[Plan, Forecast, dict[str, list[str]]]:
    """The largest params file that fits, its forecast, and what larger ones lack here.

    The tiny file is chosen whatever it lacks. What the hub can give is no hindrance.
    """
    lacks = {}
    for scale in SCALES:
        plan = plans.load((params or paths.home() / "params") / f"{scale}.yaml")
        told = forecast.forecast(plan)
        if not told.lacks:
            break
        lacks[plan.source.name] = told.lacks
    lacks.pop(plan.source.name, None)
    return plan, told, lacks


def report(echo=print) -> int:
    """Print what was found, the params file that fits, and what each of its steps would take.

    Returns:
        1 if something is bad, else 0.
    """
    table = look()
    echo(table.to_string(index=False))
    plan, told, lacks = choose()
    for name, missing in lacks.items():
        more = f"; and {len(missing) - 3} more" if len(missing) > 3 else ""
        echo(f"params/{name} would need more: {'; '.join(missing[:3])}{more}")
    echo(f"params/{plan.source.name} fits this machine:")
    costs = forecast.table(told)[["step", "time", "dollars", "time rests on"]]
    echo(costs.to_string(index=False))
    bad = table.loc[table["state"] == "bad", "what"]
    echo("Nothing is in the way." if bad.empty else f"In the way: {', '.join(bad)}.")
    return 0 if bad.empty else 1


def _finding(what: str, found: str, to_do: str, state: str = "note") -> Finding:
    """A finding that is good where there is nothing to do."""
    return Finding(what, found, to_do, state if to_do else "good")


def _python():
    wanted = ".".join(map(str, OLDEST))
    to_do = f"install Python {wanted} or newer" if sys.version_info < OLDEST else ""
    yield _finding("Python", f"{platform.python_version()}, {sys.executable}", to_do, "bad")
    differing = _differing()
    pairs = [f"{name} {metadata.version(name)} (tested: {pin})" for name, pin in differing.items()]
    more = f" and {len(pairs) - 4} more" if len(pairs) > 4 else ""
    to_do = f"if something breaks: {_install()}, then restart the kernel" if pairs else ""
    yield _finding("packages", ", ".join(pairs[:4]) + more or "all as tested", to_do)
    if not provenance.distribution("unsloth"):
        to_do = "only for backend: unsloth; `make unsloth`; with a GPU, as params/README.md says"
        yield _finding("unsloth", "not installed", to_do)


def _pins() -> str:
    """The file of the tested versions of this environment: Unsloth accepts older ones."""
    return "constraints-unsloth.txt" if provenance.distribution("unsloth") else "constraints.txt"


def _install() -> str:
    return f"python -m pip install -c {_pins()} -e '.[dev]'"


def _differing() -> dict[str, str]:
    """Installed packages of another version than the pinned one, which is the value.

    A local tag such as +cpu is no difference.
    """
    lines = (paths.home() / _pins()).read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    installed = {name: provenance.distribution(name) for name in pins}
    versions = {name: one.version.split("+")[0] for name, one in installed.items() if one}
    return {name: pins[name] for name, version in versions.items() if version != pins[name]}


def _size():
    import psutil

    yield Finding("processor cores", str(os.cpu_count()))
    memory = psutil.virtual_memory()
    found = f"{memory.total / 2**30:.0f} GiB, {memory.available / 2**30:.1f} free"
    to_do = "2 GB must be free: close other programs or other kernels"
    yield _finding("memory", found, to_do if memory.available < 2e9 else "", "bad")
    free = shutil.disk_usage(disk.existing(paths.runs_folder())).free
    to_do = "1 GB must be free: make room, or set SKYMATH_OUTPUTS to a folder on another disk"
    yield _finding("disk", f"{free / 2**30:.0f} GiB free", to_do if free < 1e9 else "", "bad")


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        gpus = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
        names = [f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB" for gpu in gpus]
        return Finding("GPU", ", ".join(names))
    if any(map(shutil.which, ("nvidia-smi", "rocm-smi"))):
        found = f"there is a driver, but torch {torch.__version__} finds no GPU"
        how = "install the torch build for your driver as its install page says"
        return _finding("GPU", found, f"to use it, {how}, and restart the kernel")
    return _finding("GPU", "none", "not needed for the tiny run")


def _keys():
    for name, use in USES.items():
        there = os.environ.get(name, "").strip()
        yield _finding(name, "set" if there else "not set", "" if there else f"only for {use}")


def _problem(name: str) -> str:
    """What is wrong with the folder that a variable names, "" if nothing is."""
    try:
        place = Path(os.environ.get(name, "")).expanduser()
    except RuntimeError:
        return "its `~` stands for no known home folder"
    return "" if place.is_dir() else f"{place} is no folder"


def _folders():
    for name in ("SKYMATH_NOTEBOOKS", "SKYMATH_DATA"):
        there = os.environ.get(name)
        if there and (problem := _problem(name)):
            to_do = "correct or unset it, and restart the kernel"
            yield Finding(name, f"set, but {problem}", to_do, "bad")
        elif name == "SKYMATH_DATA":
            to_do = "" if there else "only for real benchmarks"
            yield _finding(name, "set" if there else "not set", to_do)


def _hub() -> Finding:
    why = hub.unreachable()
    to_do = "only for models and data sets by hub name" if why else ""
    return _finding("hub", why or "can be reached", to_do)


def _outputs():
    try:
        folder = paths.runs_folder()
        parents = [path for path in (folder, *folder.parents) if path.exists()]
        with tempfile.TemporaryFile(dir=parents[0]):
            pass  # permissions are not the whole truth: root, read-only disks
    except (OSError, RuntimeError) as error:
        to_do = "make it a writable folder, or set SKYMATH_OUTPUTS to another one"
        yield Finding("outputs", f"cannot be written ({error})", to_do, "bad")
        return
    yield Finding("outputs", "can be written")
    if drafts := [str(path) for path in folder.glob("**/.*.tmp") if _is_abandoned(path)]:
        more = f" and {len(drafts) - 3} more" if len(drafts) > 3 else ""
        to_do = f"delete {', '.join(drafts[:3])}{more}"
        yield _finding("drafts", f"{len(drafts)} of killed processes", to_do)


def _is_abandoned(path: Path) -> bool:
    """Whether a draft is a day old and its process does not live."""
    import psutil

    name = DRAFT.match(path.name)
    old = path.is_file() and time.time() - path.stat().st_mtime > ABANDONED_S
    return bool(name) and old and not psutil.pid_exists(int(name[1]))


def _widgets() -> Finding:
    extension, widgets = map(provenance.distribution, ("jupyterlab_widgets", "ipywidgets"))
    if extension and widgets:
        return Finding("widgets", f"ipywidgets {widgets.version}")
    to_do = f"{_install()}, then start JupyterLab again"
    return Finding("widgets", "the extension of JupyterLab is missing", to_do, "bad")
