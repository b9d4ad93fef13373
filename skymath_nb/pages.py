"""The pages of a run folder: its index, and each executed notebook as HTML. They open without a network.

All figures are drawn by one plotly.min.js in the run folder. TeX in notebooks is shown as written.
"""

import html
import json
import re
from pathlib import Path

import pandas as pd
from plotly.offline import get_plotlyjs

from skymath_nb import pictures, runs

PLOTLY = "application/vnd.plotly.v1+json"
LISTED = 24  # points of a trace that are written out where no script runs
WIDGET = "application/vnd.jupyter.widget-view+json"
# The lab template without what it loads from elsewhere: require.js, MathJax, mermaid, the widget manager.
TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}<script src="../plotly.min.js"></script>{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}<style>
body.jp-Notebook { padding: 2rem 1rem; overflow: auto }
main { max-width: 62rem; margin: 0 auto }
.jp-InputPrompt, .jp-OutputPrompt { display: none }
.jp-RenderedHTMLCommon { font-size: 15px; line-height: 1.6 }
.jp-OutputArea-output { overflow-x: auto }
.skymath-back { font-family: var(--jp-ui-font-family); font-size: 14px }
</style><noscript><style>.plot { display: none }</style></noscript>{%- endblock -%}
{%- block body_header -%}{{ super() }}<p class="skymath-back"><a href="../index.html">&larr; the whole run</a></p>
{%- endblock -%}
"""
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>{script}<style>
:root {{ color-scheme: light dark; --ink: #1c2330; --soft: #5b6577; --line: #dfe3ea; --back: #f6f7f9; --card: #fff;
  --link: #1f5fbf; --good: #1d7a46; --bad: #b3261e }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e9ef; --soft: #9aa5b8; --line: #303744; --back: #14181f;
  --card: #1c222c; --link: #8ab4f8; --good: #6fcf97; --bad: #ff8a80 }} }}
* {{ box-sizing: border-box }}
body {{ margin: 0; background: var(--back); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }}
main {{ max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }}
h1 {{ margin: 0; font-size: 1.9rem; letter-spacing: -.02em }} h2 {{ margin: 0 0 .6rem; font-size: 1.15rem }}
p {{ margin: .3rem 0; color: var(--soft) }} a {{ color: var(--link); text-decoration: none }}
a:hover {{ text-decoration: underline }}
section {{ margin-top: 1.5rem; padding: 1.25rem 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px }}
table {{ width: 100%; border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums }}
td, th {{ padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top }}
th {{ border-top: 0; color: var(--soft); font-weight: 500 }}
td:first-child {{ width: 40%; overflow-wrap: anywhere }} .number {{ text-align: right }}
.wide td:first-child {{ width: auto }} .scroll {{ overflow-x: auto }} td a + a {{ margin-left: 1rem }}
.done {{ color: var(--good) }} .failed, .interrupted {{ color: var(--bad) }}
.figure {{ margin-top: 1rem; padding: .5rem; background: #fff; border-radius: 8px; overflow-x: auto }}
summary {{ cursor: pointer; color: var(--soft) }} details {{ margin-top: .75rem }} code {{ font-size: .88rem }}
</style><noscript><style>.plot {{ display: none }}</style></noscript></head><body><main>
<h1>{title}</h1>
{body}
</main></body></html>
"""


def plotly_script(run_folder: Path) -> Path:
    """The run's one copy of plotly.js, written if absent."""
    path = run_folder / "plotly.min.js"
    return path if path.is_file() else runs.save(path, get_plotlyjs())


def notebook(copy: Path, run_folder: Path) -> Path:
    """Write notebook.html beside an executed copy, with its plotly figures alive; what widgets left in the copy is taken out of it."""
    import nbformat  # here, as in kernel.execute: what no page of a notebook asks for need not be loaded
    from nbconvert import HTMLExporter

    executed = nbformat.read(copy, as_version=4)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    left = [executed.metadata.pop("widgets", None), *(output.get("data", {}).pop(WIDGET, None) for output in outputs)]
    if any(left):  # a library's own progress bars, as of a model that is being loaded
        runs.save(copy, nbformat.writes(executed) + "\n")
    executed.metadata["title"] = copy.parent.name
    figures = 0
    for output in outputs:
        data = output.get("data", {})
        if PLOTLY in data:
            figures += 1
            output["data"] = {"text/html": _figure(f"figure-{figures}", data[PLOTLY])}
    plotly_script(run_folder)
    text, _ = HTMLExporter(raw_template=TEMPLATE).from_notebook_node(executed)
    text = re.sub(r'href="(\w+)\.ipynb"', r'href="../\1/notebook.html"', text)  # executed copies lie apart
    return runs.save(copy.with_name("notebook.html"), text)


def index(run_folder: Path, source: str, steps: dict[str, dict], notes: dict[str, str]) -> Path:
    """Write index.html: the steps and their parameters, the few numbers and the figures of what is complete.

    `notes` has a word for steps that ended badly.
    """
    plotly_script(run_folder)
    try:
        about, damaged = runs.read_about(run_folder), ""
    except runs.Damaged as error:
        about, damaged = {}, f"<p>{_text(error)}</p>"
    machine, versions = about.get("machine", {}), about.get("versions", {})
    body = [
        f"<p>From {_text(source)}, as resolved in <a href='params.yaml'>params.yaml</a>. "
        f"{_text(machine.get('platform', ''))}, {_text(machine.get('cpus', '?'))} CPUs ({_text(machine.get('processor', '?'))}), "
        f"{_text(machine.get('memory_gb', '?'))} GB of memory, commit {_text(about.get('commit', '')[:18])}.</p>",
        f"<p>{_text(', '.join(f'{name} {version}' for name, version in versions.items()))}</p>",
        damaged,
        _steps_table(run_folder, steps, notes),
        *(_section(run_folder / step, parameters) for step, parameters in steps.items()),
    ]
    plotly = '<script src="plotly.min.js"></script>'
    return runs.save(run_folder / "index.html", page(f"Run {run_folder.name}", "\n".join(body), plotly))


def page(title: str, body: str, script: str = "") -> str:
    """A page in the style of all, around a body of HTML."""
    return PAGE.format(title=_text(title), body=body, script=script)


def table(found: pd.DataFrame, links: dict[str, str] | None = None) -> str:
    """A table of text as HTML; a cell that is a key of `links` leads there."""
    head = "".join(f"<th>{_text(name)}</th>" for name in found.columns)
    lines = ("".join(f"<td>{_cell(value, links or {})}</td>" for value in row) for row in found.itertuples(index=False, name=None))
    return f"<div class='scroll'><table class='wide'><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table></div>"


def _cell(value, links: dict[str, str]) -> str:
    return f"<a href='{_text(links[value])}'>{_text(value)}</a>" if value in links else _text(value)


def _manifest(folder: Path) -> tuple[dict, str]:
    """The manifest of a complete step, {} without one, and what is wrong with a damaged one."""
    try:
        return runs.read_manifest(folder) or {}, ""
    except runs.Damaged as error:
        return {}, str(error)


def _text(value) -> str:
    return html.escape(str(value))


def _steps_table(run_folder: Path, steps: dict, notes: dict) -> str:
    rows, total = [], 0.0
    for step in steps:
        manifest, damaged = _manifest(run_folder / step)
        word = "done" if manifest else notes.get(step, "damaged" if damaged else "to do")
        place = f" in run {_text(manifest['taken_from'])}" if "taken_from" in manifest else ""
        told = _text(damaged) if word == "damaged" else f"{word}{place}"
        total += manifest.get("seconds", 0)
        links = "".join(
            f"<a href='{_text(step)}/{file}'>{name}</a>"
            for name, file in (("read", "notebook.html"), ("notebook", "notebook.ipynb"))
            if (run_folder / step / file).is_file()
        )
        name = f"<a href='#{_text(step)}'>{_text(step)}</a>" if manifest else _text(step)
        seconds = f"{manifest['seconds']:,.1f}" if manifest else ""
        rows.append(f"<tr><td>{name}</td><td class='{word}'>{told}</td><td class='number'>{seconds}</td><td>{links}</td></tr>")
    head = "<tr><th>step</th><th>state</th><th class='number'>seconds</th><th></th></tr>"
    foot = f"<tr><td>total</td><td></td><td class='number'>{total:,.1f}</td><td></td></tr>"
    return f"<section><table>{head}{''.join(rows)}{foot}</table></section>"


def _section(folder: Path, parameters: dict) -> str:
    if not _manifest(folder)[0]:
        return ""
    step = _text(folder.name)
    try:
        report = "".join(f"<tr><td>{_text(k)}</td><td>{_text(v)}</td></tr>" for k, v in rows(runs.read_report(folder)))
    except runs.Damaged as error:
        report = f"<tr><td>{_text(error)}</td></tr>"
    settings = "".join(
        f"<tr><td><code>{_text(k)}</code></td><td><code>{_text(json.dumps(v, ensure_ascii=False))}</code></td></tr>"
        for k, v in parameters.items()
    )
    figures = "".join(f"<div class='figure'>{_figure_of(path)}</div>" for path in sorted((folder / "figures").glob("*.json")))
    return (
        f"<section id='{step}'><h2><a href='{step}/notebook.html'>{step}</a></h2><table>{report}</table>"
        f"<details><summary>parameters</summary><table>{settings}</table></details>{figures}</section>"
    )


def _figure_of(path: Path) -> str:
    try:
        return _figure(f"{path.parents[1].name}-{path.stem}", runs.read_record(path, {"data": list, "layout": dict}))
    except runs.Damaged as error:
        return f"<p>{_text(error)}</p>"


def rows(report: dict) -> list[tuple[str, str]]:
    """Report entries as (name, text); a score and its _n, _low and _high become one row.

    Example: accuracy 0.62, n 300, low 0.57, high 0.67 -> ("accuracy", "62.0 % [57.0, 67.0], n=300")
    """
    numbers = {key for key, value in report.items() if isinstance(value, int | float)}
    scores = {key for key in numbers if all(f"{key}_{part}" in numbers for part in ("n", "low", "high"))}
    companions = {f"{key}_{part}" for key in scores for part in ("n", "low", "high")}
    found = []
    for key, value in report.items():
        if key in scores:
            values = [value, report[f"{key}_low"], report[f"{key}_high"]]
            share = all(0 <= number <= 1 for number in values)
            middle, low, high = (f"{100 * v:.1f}" if share else _number(v) for v in values)
            found.append((key, f"{middle}{' %' if share else ''} [{low}, {high}], n={report[f'{key}_n']:,}"))
        elif key not in companions:
            found.append((key, _number(value)))
    return found


def _number(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or isinstance(value, float) and value.is_integer():
        return f"{value:,.0f}"
    return f"{value:,.4g}" if isinstance(value, float) else value


def _figure(name: str, figure: dict) -> str:
    """A division and the script that draws a plotly figure in it; where no script runs, its numbers."""
    layout = dict(figure.get("layout", {}))
    height = layout.get("height")
    height = height if isinstance(height, int | float) else 450  # a notebook may be anybody's, and this goes into a tag
    text = json.dumps([figure.get("data", []), layout]).replace("</", "<\\/").replace("<!--", "<\\!--")
    options = json.dumps({"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["sendChartToCloud"]})
    return (
        f'<div id="{_text(name)}" class="plot" style="height:{height}px"></div>'
        f"<script>Plotly.newPlot({json.dumps(name)}, ...{text}, {options});</script>{_numbers(figure)}"
    )


def _numbers(figure: dict) -> str:
    """A still picture of a figure, and its points as a table, each with its interval, for readers without scripts; of a long trace
    every n-th."""
    layout = figure.get("layout", {})
    title = layout.get("title") or {}
    title = re.sub("<[^>]*>", " ", title.get("text", "") if isinstance(title, dict) else title)
    lines = []
    for number, trace in enumerate(figure.get("data", [])):
        if trace.get("name") and trace.get("hoverinfo") != "skip":
            points = pictures.marks(trace)
            told = "; ".join(_point(*point) for point in pictures.thinned(points, LISTED))
            left = f"{len(points):,} points, such as " if len(points) > LISTED else ""
            ink = f"<span style='color:{_text(pictures.colour(trace, number, layout))}'>&#9632;</span>"
            lines.append(f"<tr><td>{ink} {_text(trace['name'])}</td><td>{_text(left + told)}</td></tr>")
    head = f"<p>{_text(title)} (a still picture, and its numbers)</p>{pictures.draw(figure)}"
    return f"<noscript>{head}<table>{''.join(lines)}</table></noscript>"


def _point(x, y, *ends: tuple) -> str:
    """A point as "x: y", with the ends of its interval where it has one."""
    return f"{_value(x)}: {_value(y)}" + "".join(f" [{_value(low)}, {_value(high)}]" for low, high in filter(None, ends))


def _value(value) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
