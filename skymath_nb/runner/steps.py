"""A notebook's step at work: what it reads, writes and reports."""

import errno
import html
import json
import math
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ..core import code_digests, digests, disk, locks, manifests, paths, provenance


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
        cells = [
            (id, source.strip()) for id, source in code_digests.code_cells(path) if source.strip()
        ]
        last = next(
            (i for i, (_, source) in enumerate(cells) if ".finish(" in source), len(cells) - 1
        )
        first = next((i for i, (_, source) in enumerate(cells) if "runner.start(" in source), 0)
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


def _separate(folder: Path):
    """Give a folder its own copy of files that another run shares.

    A step may write over them in place.
    """
    for path in disk.files_of(folder).values():
        if path.stat().st_nlink > 1:
            draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            shutil.copy2(path, draft)
            os.replace(draft, path)


class Step:
    """One step of a run at work: what it reads, writes and reports. Made by `step`."""

    def __init__(self, name: str, run: str, label: str, identity: dict):
        self.run, self.id = run, f"{name}@{label}" if label else name
        self.folder = paths.runs_folder() / run / self.id
        self._name = name
        self._notebook = code_digests.notebook_of(name)
        self._executions = _Executions()
        self._identity, self._code = identity, code_digests.of_notebook(name)
        self._inputs: dict[str, str] = {}
        self._uses: dict[str, dict] = {}
        self._outputs: list[str] = []
        self._figures: dict[str, str] = {}
        self._made = provenance.describe()
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
        folder = paths.runs_folder() / self.run / paths.check_step(step_id)
        path = paths.within(folder, file)
        if not (folder / "manifest.json").is_file() or not path.exists():
            if (folder / "manifest.json").is_file():
                found = "has no such file"
            else:
                found = "has not completed in this run"
            raise FileNotFoundError(
                f"{self.id} reads {file} of step {step_id}, but that step {found} ({folder}). "
                f"{_remedy(self.run)}"
            )
        self._inputs[f"{step_id}/{file}"] = digests.of_file(path)
        return path

    def uses(self, path: str | Path, name: str | None = None) -> Path:
        """Path of an outside file or folder (relative to the repository), recorded with its
        digest.
        """
        found = paths.locate(path)
        if not found.exists():
            raise FileNotFoundError(
                f"{self.id} uses {path}, but there is no file or folder {found}. Check the path."
            )
        place = paths.portable(found)
        self._uses[name or place] = {"path": place, "sha256": digests.of_file(found)}
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
        paths.check_name("figure's name", name)
        place = self._figures.setdefault(name, f"figures/{len(self._figures) + 1:02d}_{name}.json")
        disk.save(self.output(place), fig.to_json())
        return fig

    def finish(self, report: dict) -> pd.DataFrame:
        """Write the report, then the manifest that makes the step complete.

        Return the report as a table.

        Scores are fractions: `accuracy` with `accuracy_n`, `accuracy_low`, `accuracy_high`.
        Raises ValueError for values that are not finite numbers, truth values or text, RuntimeError
        for an output that was announced and not written.
        """
        numbers = {key: value for key, value in report.items() if isinstance(value, np.generic)}
        report = report | {key: value.item() for key, value in numbers.items()}
        _check_values(f"the report of {self.id}", report, flat=True)
        disk.save(self.output("report.json"), json.dumps(report, indent=1, ensure_ascii=False))
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
                f: {"sha256": digests.of_file(p), "bytes": disk.size_of(p)}
                for f, p in outputs.items()
            },
            "seconds": round(time.monotonic() - self._start, 1),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": self._made["commit"],
            "versions": self._made["versions"],
        }
        disk.save(self.folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
        return pd.DataFrame(
            {"name": list(report), "value": pd.Series(list(report.values()), dtype=object)}
        )

    def _judge_code(self):
        """Mark code that changed since the step began, and a notebook that did not run as it is
        saved: no later state of the files made these outputs, so the runner will make them again.
        """
        began, ended = self._code["modules"], code_digests.of_notebook(self._name)
        now = ended["modules"]
        changed = [name for name in began | now if began.get(name) != now.get(name)]
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
    frozen, own = paths.runs_folder() / run / "params.yaml", paths.home() / "params" / f"{run}.yaml"
    for path in (frozen, own):
        if path.is_file():
            place = path.relative_to(paths.home()) if path.is_relative_to(paths.home()) else path
            return f"Make it with: python -m skymath_nb run {place}"
    there = sorted(p.parent.name for p in paths.runs_folder().glob("*/params.yaml"))
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


def start(name: str, run: str, label: str = "", **identity) -> Step:
    """Start a step.

    Its folder exists, is no longer complete, and holds no figure or report of an older run.

    `identity` holds the parameters that matter. Other files of an earlier attempt stay, for
    resuming. Raises ValueError for bad names or parameters, RuntimeError when the disk is nearly
    full, Busy while another process runs this run.
    """
    paths.check_name("step's name", name)
    paths.check_name("run's name", run)
    paths.check_name("label", label or "none")
    execution = sorted(set(identity) & set(manifests.EXECUTION))
    if execution:
        raise ValueError(
            f"{name}: {', '.join(execution)} never counts for identity; do not pass it to "
            "runner.start."
        )
    _check_values(f"the parameters of {name}", identity, flat=False)
    locks.check_free(paths.runs_folder() / run)
    work = Step(name, run, label, json.loads(json.dumps(identity)))
    work.folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work.folder).free
    if free < disk.MIN_FREE_BYTES:
        raise RuntimeError(
            f"{os.strerror(errno.ENOSPC)}: {work.id} does not start. "
            f"{disk.missing_space(work.folder)}"
        )
    for old in (
        work.folder / "manifest.json",
        work.folder / "report.json",
        paths.runs_folder() / run / "run.json",
    ):
        disk.remove(old)
    _separate(work.folder)
    shutil.rmtree(work.folder / "figures", ignore_errors=True)
    disk.save(paths.runs_folder() / run / "run.json", json.dumps(work._made, indent=1))
    return work
