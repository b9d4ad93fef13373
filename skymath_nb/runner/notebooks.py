"""The notebooks as files.

Kept clean, their exercises made from the solutions, copied with a params file's values to go on by
hand.
"""

import re
from collections.abc import Callable, Sequence
from os.path import relpath
from pathlib import Path

import nbformat

from ..core import disk, paths
from ..notebook import exercise_cells
from . import kernelspecs, trust
from .params import Job, Plan

LINE = re.compile(r"^(\w+): (\w+) = .*?(  # .*)?$")  # of a parameters cell
LINK = re.compile(r"\]\((\w+\.ipynb)\)")


def copy(
    plan: Plan,
    solved: bool = False,
    again: bool = False,
    echo: Callable[[str], None] = print,
    servers: Sequence[str] = (),
) -> list[Path]:
    """Write outputs/<run>/open/<step>.ipynb for each step of a plan and return their places.

    A copy works on the plan's run, as the step that it is named after. One that is there and has
    other code is kept, unless `again`.

    Args:
        solved: With the solutions of the exercises in their cells servers hosts that a plan of
            others may ask (`trust`).
    """
    trust.tell(plan, echo)
    trust.check(plan, plan.jobs, servers)
    folder, places, kernel = plan.folder / "open", [], kernelspecs.installed()
    folder.mkdir(parents=True, exist_ok=True)
    names = {f"{job.id}.ipynb" for job in plan.jobs}
    for job in plan.jobs:
        path = folder / f"{job.id}.ipynb"
        made = _filled(plan, job, folder, names, solved)
        made.metadata.kernelspec = kernel
        there = nbformat.read(path, as_version=4) if path.is_file() else None
        if there and not again and _code(there) != _code(made):
            echo(
                f"{path.name}  kept: its code is not what {plan.source} and notebooks/ give; "
                "--again writes it anew"
            )
        elif not there or again:
            disk.save(path, nbformat.writes(made) + "\n")
            echo(f"{path.name}  written")
        else:
            echo(f"{path.name}  is there")
        # of another environment, or written before
        if there and not again and there.metadata.get("kernelspec") != kernel:
            there.metadata.kernelspec = kernel
            disk.save(path, nbformat.writes(there) + "\n")
        places.append(path)
    place = folder.relative_to(paths.home()) if folder.is_relative_to(paths.home()) else folder
    echo(
        f"They are in {place}. In JupyterLab (make lab) open any of them; a step that it reads "
        "from must be complete first."
    )
    return places


def _filled(
    plan: Plan, job: Job, folder: Path, names: set[str], solved: bool
) -> nbformat.NotebookNode:
    filled = nbformat.read(job.notebook, as_version=4)
    values = {
        key: value
        for key, value in {"run": plan.run, "label": job.label}.items()
        if key in job.known
    } | job.parameters
    away = Path(relpath(job.notebook.parent, folder)).as_posix()
    set_parameters(filled, values)
    for cell in filled.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(
                lambda link: link[0] if link[1] in names else f"]({away}/{link[1]})", cell.source
            )
    return exercise_cells.place(filled, job.name, solved)


def set_parameters(notebook: nbformat.NotebookNode, values: dict) -> None:
    """Write values into a notebook's parameters cell in place, as a reader would by hand.

    What `values` does not name stays.

    Raises:
        ValueError: For values that the cell has no line of its own for, such as `k: int = 1  #
            help`.
    """
    lines = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    named = {
        found[1]
        for cell in lines
        for line in cell.source.splitlines()
        if (found := LINE.match(line))
    }
    if left := sorted(set(values) - named):
        raise ValueError(
            "No line of the parameters cell is `name: type = value  # help` for "
            f"{', '.join(left)}; it has {sorted(named)}."
        )
    for cell in lines:
        cell.source = "\n".join(_line(line, values) for line in cell.source.splitlines())


def _line(line: str, values: dict) -> str:
    """A line of a parameters cell with its value, annotation and help kept."""
    found = LINE.match(line)
    if found and found[1] in values:
        return f"{found[1]}: {found[2]} = {values[found[1]]!r}{found[3] or ''}"
    return line


def _code(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def strip(notebooks: Path | None = None, check: bool = False, renew: bool = False) -> list[Path]:
    """Notebooks that held outputs, counts or stray metadata, or whose exercises are not what their
    solutions give; cleaned unless `check`.

    Args:
        renew: Write the exercises anew; without it they stay as they are, for somebody may have
            solved them in their cells.
    """
    changed = []
    for path in sorted(Path(notebooks or paths.notebooks_folder()).glob("*.ipynb")):
        before = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(before, as_version=4)
        kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
        notebook.metadata = {"kernelspec": kernel} | _ours(notebook.metadata, "skymath")
        notebook.nbformat_minor = 5
        if check or renew:
            exercise_cells.place(notebook, path.stem)
        for number, cell in enumerate(notebook.cells):
            cell.id, cell.metadata = str(number), _ours(cell.metadata, "tags", "skymath")
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        after = nbformat.writes(nbformat.from_dict(notebook)) + "\n"
        if after != before:
            changed.append(path)
            if not check:
                disk.save(path, after)
    return changed


def _ours(metadata: dict, *names: str) -> dict:
    return {name: metadata[name] for name in names if name in metadata}
