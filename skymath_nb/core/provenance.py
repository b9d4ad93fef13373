"""What made a result: the commit, the versions of packages, and the machine."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

from . import paths

VERSIONS = "numpy pandas pyarrow plotly torch transformers trl datasets openai unsloth".split()


def versions() -> dict[str, str]:
    """Python's version and those of the installed packages that decide results."""
    installed = {d.metadata["Name"]: d.version for d in map(distribution, VERSIONS) if d}
    return {"python": platform.python_version(), **installed}


def distribution(name: str) -> importlib.metadata.Distribution | None:
    """The installed package of a name, None if there is none."""
    return next(iter(importlib.metadata.distributions(name=name)), None)


def commit() -> str:
    """The commit, marked where tracked files differ from it; "unknown" outside a git checkout."""
    if not shutil.which("git"):
        return "unknown"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    # a repository around this one says nothing about it
    environment["GIT_CEILING_DIRECTORIES"] = str(paths.home().parent)
    describe = "describe --always --dirty --abbrev=40 --exclude=*".split()
    command = ["git", "-C", str(paths.home()), *describe]
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


def describe() -> dict:
    import psutil

    machine = {
        "platform": platform.platform(),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }
    return {"commit": commit(), "versions": versions(), "machine": machine}
