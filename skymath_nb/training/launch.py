"""A training in several processes.

`accelerate launch` with a config file, its log streamed to whoever asked.

The processes get the job as files, so that nothing of the notebook's kernel (its GPU memory, its
functions) goes along: the prompt is applied to the rows before.
"""

import dataclasses
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ..core import devices, disk, guard, paths
from ..core.schema import Curriculum, Phase
from .settings import Settings

# before a line of progress, and before an error's text, in a process's output
SAYS, FAILS = "sft: ", "sft failed: "


def run(job, folder: Path, progress: Callable[[str], None] | None) -> dict:
    """Run a job in the processes of its launcher and return the record.

    The whole log stays in launch.log while the folder does.

    Raises:
        RuntimeError: With the error of the process that failed first, or else the log's last lines.
    """
    write(job, folder)
    launcher = ["-m", "accelerate.commands.launch", "--config_file"]
    command = [sys.executable, *launcher, str(job.settings.launcher_path())]
    precision = job.settings.arithmetic(devices.choose(job.settings.device, job.settings.processes))
    # ours, not the file's
    command += ["--mixed_precision", "bf16" if precision == "bfloat16" else "no"]
    command += ["--main_process_port", "0", "-m", "skymath_nb.training", str(folder.resolve())]
    path = os.pathsep.join(filter(None, [str(paths.PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    threads = {"OMP_NUM_THREADS": str(job.settings.threads)} if job.settings.threads else {}
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **threads}
    last, error = deque(maxlen=15), None
    with (folder / "launch.log").open("a", encoding="utf-8") as log:
        process = guard.start(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            for line in process.stdout:
                log.write(line)
                last.append(line)
                if line.startswith(SAYS) and progress:
                    progress(line.removeprefix(SAYS).rstrip("\n"))
                if FAILS in line:
                    error = (
                        error or json.JSONDecoder().raw_decode(line.split(FAILS, 1)[1].lstrip())[0]
                    )
            code = process.wait()
        finally:
            guard.stop(process)
    if code:
        raise RuntimeError(
            error
            or f"`{' '.join(command)}` ended with exit code {code}. Its last lines:\n"
            f"{''.join(last)}"
        )
    return json.loads((folder / "record.json").read_text(encoding="utf-8"))


def write(job, folder: Path) -> None:
    """Write a job as files.

    Job.json, and the rows of each phase with the prompt in place of the query.
    """
    for number, phase in enumerate(job.curriculum.phases, 1):
        rows = phase.rows.assign(query=phase.rows["query"].map(job.prompt))
        rows[[c for c in ("id", "query", "response", "level") if c in rows]].to_parquet(
            folder / f"rows-{number}.parquet", index=False
        )
    phases = [
        {"name": p.name, "epochs": p.epochs, "learning_rate": p.learning_rate, "shuffle": p.shuffle}
        for p in job.curriculum.phases
    ]
    numbers = {
        f.name: getattr(job.curriculum, f.name)
        for f in dataclasses.fields(Curriculum)
        if f.name != "phases"
    }
    text = {
        "source": job.source,
        "curriculum": numbers,
        "phases": phases,
        "settings": dataclasses.asdict(job.settings),
    }
    disk.save(folder / "job.json", json.dumps(text))


def read(folder: Path) -> tuple[str, Curriculum, Settings]:
    """Return what `write` wrote: source, curriculum (whose queries are prompts) and settings."""
    text = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    tables = (
        pd.read_parquet(folder / f"rows-{number}.parquet")
        for number in range(1, len(text["phases"]) + 1)
    )
    phases = tuple(
        Phase(rows=rows, **phase) for rows, phase in zip(tables, text["phases"], strict=True)
    )
    return (
        text["source"],
        Curriculum(phases=phases, **text["curriculum"]),
        Settings.of(**text["settings"]),
    )
