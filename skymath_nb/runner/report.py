"""The pages of a run folder.

Its index, and each executed notebook as HTML. They open without a network.

All figures are drawn by one plotly.min.js in the run folder. TeX in notebooks is shown as written.
"""

import base64
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader
from plotly.offline import get_plotlyjs

from ..core import disk, manifests

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
LISTED = 24  # points of a trace that are written out where no script runs
HEIGHT = 450  # pixels, of a figure that does not say
TEMPLATES = Environment(loader=PackageLoader("skymath_nb.runner"), autoescape=True)
MACROS = TEMPLATES.get_template("page.html.j2").module


def plotly_script(run_folder: Path) -> Path:
    """The run's one copy of plotly.js, written if absent."""
    path = run_folder / "plotly.min.js"
    return path if path.is_file() else disk.save(path, get_plotlyjs())


def notebook(copy: Path, run_folder: Path) -> Path:
    """Write notebook.html beside an executed copy, with its plotly figures alive.

    What widgets left in the copy is taken out of it.
    """
    import nbformat  # here, as in kernel.execute: a page without a notebook need not load it
    from nbconvert import HTMLExporter

    executed = nbformat.read(copy, as_version=4)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    left = [output.get("data", {}).pop(WIDGET, None) for output in outputs]
    left.append(executed.metadata.pop("widgets", None))
    if any(left):  # a library's own progress bars, as of a model that is being loaded
        disk.save(copy, nbformat.writes(executed) + "\n")
    executed.metadata["title"] = copy.parent.name
    drawn = [output for output in outputs if PLOTLY in output.get("data", {})]
    for number, output in enumerate(drawn, 1):
        output["data"] = {"text/html": _figure(f"figure-{number}", output["data"][PLOTLY])}
    plotly_script(run_folder)
    template, _, _ = TEMPLATES.loader.get_source(TEMPLATES, "notebook.html.j2")
    text, _ = HTMLExporter(raw_template=template).from_notebook_node(executed)
    text = re.sub(r'href="(\w+)\.ipynb"', r'href="../\1/notebook.html"', text)  # copies lie apart
    return disk.save(copy.with_name("notebook.html"), text)


def index(run_folder: Path, source: str, steps: dict[str, dict], notes: dict[str, str]) -> Path:
    """Write index.html: the steps, and the parameters, numbers and figures of what is complete.

    Args:
        run_folder: The folder of the run.
        source: The name of its params file.
        steps: The parameters of each step, in order.
        notes: A word for each step that ended badly.
    """
    plotly_script(run_folder)
    about, damage = _read(manifests.read_about, run_folder)
    described = [_step(run_folder / step, given, notes.get(step)) for step, given in steps.items()]
    body = MACROS.run(source, about, damage, described)
    text = MACROS.page(f"Run {run_folder.name}", body, figures=True)
    return disk.save(run_folder / "index.html", str(text))


def page(title: str, body: str) -> str:
    """A page in the style of all, around a body of HTML."""
    return str(MACROS.page(title, body))


def table(found: pd.DataFrame, links: dict[str, str] | None = None) -> str:
    """A table of text as HTML; a cell that is a key of `links` leads there."""
    cells = found.itertuples(index=False, name=None)
    return str(MACROS.table(found.columns, cells, links or {}))


def _read(reader, folder: Path) -> tuple[dict, str]:
    """What a reader of a run's records finds, {} for nothing, and what is wrong with a damaged
    one.
    """
    try:
        return reader(folder) or {}, ""
    except manifests.Damaged as error:
        return {}, str(error)


def _step(folder: Path, parameters: dict, ended: str | None) -> dict:
    """What the index shows of a step."""
    manifest, damage = _read(manifests.read, folder)
    state = "done" if manifest else ended or ("damaged" if damage else "to do")
    place = f" in run {manifest['taken_from']}" if "taken_from" in manifest else ""
    report, wrong = _read(manifests.read_report, folder) if manifest else ({}, "")
    figures = sorted((folder / "figures").glob("*.json")) if manifest else []
    files = {"notebook.html": "read", "notebook.ipynb": "notebook"}
    return {
        "name": folder.name,
        "complete": bool(manifest),
        "state": state,
        "note": damage if state == "damaged" else state + place,
        "seconds": manifest.get("seconds", 0),
        "pages": [(file, text) for file, text in files.items() if (folder / file).is_file()],
        "report": [(wrong, "")] if wrong else rows(report),
        "parameters": {k: json.dumps(v, ensure_ascii=False) for k, v in parameters.items()},
        "figures": [_figure_of(path) for path in figures],
    }


def _figure_of(path: Path) -> str:
    def read(file):
        return manifests.read_record(file, {"data": list, "layout": dict})

    figure, damage = _read(read, path)
    return _figure(f"{path.parents[1].name}-{path.stem}", figure) if figure else damage


def rows(report: dict) -> list[tuple[str, str]]:
    """Report entries as (name, text); a score and its _n, _low and _high become one row.

    Example: accuracy 0.62, n 300, low 0.57, high 0.67 -> ("accuracy", "62.0 % [57.0, 67.0], n=300")
    """
    numbers = {key for key, value in report.items() if isinstance(value, int | float)}
    parts = ("n", "low", "high")
    scores = {key for key in numbers if all(f"{key}_{part}" in numbers for part in parts)}
    companions = {f"{key}_{part}" for key in scores for part in parts}
    found = []
    for key, value in report.items():
        if key in scores:
            values = [value, report[f"{key}_low"], report[f"{key}_high"]]
            share = all(0 <= number <= 1 for number in values)
            middle, low, high = (f"{100 * v:.1f}" if share else _number(v) for v in values)
            unit = " %" if share else ""
            found.append((key, f"{middle}{unit} [{low}, {high}], n={report[f'{key}_n']:,}"))
        elif key not in companions:
            found.append((key, _number(value)))
    return found


def _number(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{value:,.0f}"
    return f"{value:,.4g}" if isinstance(value, float) else value


def _figure(name: str, figure: dict) -> str:
    """The script that draws a plotly figure, and its points in words for readers without
    scripts.
    """
    data, layout = figure.get("data", []), figure.get("layout", {})
    height = layout.get("height")  # a notebook may be anybody's, and this goes into a tag
    height = height if isinstance(height, int | float) else HEIGHT
    title = layout.get("title") or ""
    title = title.get("text", "") if isinstance(title, dict) else title
    named = [trace for trace in data if trace.get("name") and trace.get("hoverinfo") != "skip"]
    numbers = [(trace["name"], _points(trace)) for trace in named]
    return MACROS.figure(name, height, data, layout, re.sub("<[^>]*>", " ", title), numbers)


def _points(trace: dict) -> str:
    """The points of a trace as "x: y [low, high]"; of a long one every n-th."""
    x, y = (_values(trace.get(axis)) for axis in "xy")
    ends = [_ends(trace.get(f"error_{axis}"), place) for axis, place in (("x", x), ("y", y))]
    points = [
        f"{_shown(a)}: {_shown(b)}" + "".join(side[i] for side in ends if i in side)
        for i, (a, b) in enumerate(zip(x, y, strict=False))
        if _placed(a) and _placed(b)
    ]
    few = points[:: -(-len(points) // LISTED) or 1]
    start = f"{len(points):,} points, such as " if len(points) > LISTED else ""
    return start + "; ".join(few)


def _ends(error: dict | None, places: list) -> dict[int, str]:
    """The intervals of a trace's points along one axis, by the number of the point."""
    above = _values((error or {}).get("array"))
    below = _values((error or {}).get("arrayminus")) or above
    return {
        i: f" [{_shown(place - low)}, {_shown(place + high)}]"
        for i, (place, low, high) in enumerate(zip(places, below, above, strict=False))
        if not isinstance(place, str) and all(map(_placed, (place, low, high)))
    }


def _values(given) -> list:
    """A trace's coordinates: a list, or numbers packed as plotly packs them."""
    if isinstance(given, dict) and "bdata" in given:
        packed = base64.b64decode(given["bdata"])
        return np.frombuffer(packed, dtype=np.dtype(given["dtype"])).tolist()
    return list(given) if isinstance(given, list | tuple) else []


def _placed(value) -> bool:
    return isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))


def _shown(value) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
