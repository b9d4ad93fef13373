"""Looking at rows: a static view first, then, if asked for, a widget under it that only looks.

Nothing chosen in a widget reaches a file or a later cell; it prints the line that would.
"""

import datetime
import html
import os
import platform
import re
import shutil
import time
from collections.abc import Sequence

import pandas as pd

from . import runs
from .answers import steps

SHOWN = 3  # rows of each group in the static view


def browse(table: pd.DataFrame, by: str, columns: list[str], *, interactive: bool = False):
    """Show how many rows there are per value of `by` and the first of each; with `interactive`, add a browser over all.

    Raises ValueError for a column that the table does not have.
    """
    from IPython.display import HTML, display

    missing = [c for c in (by, *columns) if c not in table.columns]
    if missing:
        raise ValueError(f"cannot browse by {by} with columns {columns}: the table has no {missing}, it has {list(table.columns)}")
    groups = table.groupby(by, sort=True)
    first = groups.head(SHOWN).sort_values(by, kind="stable")
    display(HTML(f"<p>{len(table):,} rows; " + ", ".join(f"{html.escape(str(k))}: {len(v):,}" for k, v in groups) + "</p>"))
    display(HTML(as_html(first, [by, *columns])))
    if interactive:
        display(_browser(table, by, columns))


def show(table: pd.DataFrame):
    """A table of long texts for display, wrapped and not cut."""
    from IPython.display import HTML

    return HTML(as_html(table, list(table.columns)))


def as_html(table: pd.DataFrame, columns: list[str]) -> str:
    """A table of long texts that wraps, as HTML; every text is escaped."""
    head = "".join(f"<th style='text-align:left'>{html.escape(c)}</th>" for c in columns)
    body = ""
    for values in table[columns].itertuples(index=False):
        cells = (_literal(v).replace("\n", "<br>") for v in values)
        body += "<tr>" + "".join(f"<td style='text-align:left;vertical-align:top;white-space:normal'>{c}</td>" for c in cells) + "</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _browser(table, by, columns):
    import ipywidgets as widgets

    values = sorted(table[by].unique(), key=str)
    choice = widgets.Dropdown(options=values, description=by)
    place = widgets.IntSlider(min=0, max=0, description="row", continuous_update=False)
    view = widgets.HTML()

    def draw(_=None):
        rows = table[table[by] == choice.value]
        place.max = max(len(rows) - 1, 0)
        row = rows.iloc[[min(place.value, place.max)]]
        filters = f"<p><code>table[table[{by!r}] == {html.escape(repr(choice.value))}].iloc[{place.value}]</code></p>"
        view.value = filters + as_html(row.T.reset_index().set_axis(["column", "value"], axis=1), ["column", "value"])

    choice.observe(draw, "value")
    place.observe(draw, "value")
    draw()
    return widgets.VBox([widgets.HBox([choice, place]), view])


FILTERS = ("error", "benchmark", "level", "language", "verdict")
LONGEST = 4000  # characters of one text in a card
COUNT = re.compile(r"(\d+)/([1-9]\d*)")  # how far a line of progress says that the work is
UNSEEN = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ud800-\\udfff]")
LITERAL = "<pre class='tex2jax_ignore mathjax_ignore' style='white-space:pre-wrap;text-align:left;margin:0'>"  # no TeX is run in it


def browse_errors(
    classified: pd.DataFrame,
    nearest: pd.DataFrame | None = None,
    tables: Sequence[pd.DataFrame] = (),
    *,
    interactive: bool = False,
):
    """Show how many answers each class has and the first answer of each class that has a fault, as a card; with `interactive`,
    add a browser over all that filters by class, benchmark, level, language and verdict.

    classified  answers with `problem` and the columns of `errors.classify`
    nearest     of `errors.nearest`, with the ids of problems as wanted_id;  tables  of instances and seeds, for the lineage of its rows.
    A card shows the problem, the gold answer, the response with the evidence marked and each step checked, and the nearest
    training rows. Text is shown as it is written: neither HTML nor TeX of a model is run, and unseen characters are spelled out.
    Raises ValueError for a column that the table does not have.
    """
    from IPython.display import HTML, display

    needed = ["error", "start", "end", "evidence", "benchmark", "level", "language", "flexible", "id", "problem", "gold", "response"]
    if missing := [name for name in needed if name not in classified.columns]:
        raise ValueError(
            f"cannot browse errors: the table has no {missing}; join the problems and the columns of errors.classify to the answers"
        )
    rows = classified.assign(verdict=classified["flexible"].map({True: "right", False: "wrong"}))
    counts = rows["error"].value_counts()
    display(HTML(f"<p>{len(rows):,} answers; " + ", ".join(f"{_literal(name)}: {n:,}" for name, n in counts.items()) + "</p>"))
    for name in counts.index.drop("right", errors="ignore"):
        display(HTML(_card(rows[rows["error"] == name].iloc[0], nearest, tables)))
    if interactive:
        display(_error_browser(rows, nearest, tables))


def _error_browser(rows, nearest, tables):
    import ipywidgets as widgets

    choices = {
        name: widgets.Dropdown(
            options=[("all", None), *((str(v), v) for v in sorted(rows[name].unique().tolist(), key=str))], description=name
        )
        for name in FILTERS
    }
    place = widgets.IntSlider(min=0, max=0, description="answer", continuous_update=False)
    view = widgets.HTML()

    def draw(_=None):
        chosen = {name: choice.value for name, choice in choices.items() if choice.value is not None}
        found = rows
        for name, value in chosen.items():
            found = found[found[name] == value]
        place.max = max(len(found) - 1, 0)
        asked = {"right": "t['flexible']", "wrong": "~t['flexible']"}
        conditions = [asked[value] if name == "verdict" else f"t[{name!r}] == {value!r}" for name, value in chosen.items()]
        code = "classified" + "".join(f"[lambda t: {condition}]" for condition in conditions) + f".iloc[{place.value}]"
        head = f"<p>{len(found):,} answers; <code>{_literal(code)}</code></p>"
        view.value = head + (_card(found.iloc[min(place.value, place.max)], nearest, tables) if len(found) else "")

    for widget in (*choices.values(), place):
        widget.observe(draw, "value")
    draw()
    return widgets.VBox([widgets.HBox(list(choices.values()), layout={"flex_flow": "row wrap"}), place, view])


def _card(row, nearest, tables):
    """One answer as HTML."""
    evidence = f": {row['evidence']}" if row["evidence"] else ""
    title = f"{row['error']} ({row['verdict']}){evidence}"
    where = f"{row['benchmark']}, {row['id']}, level {row['level']}, {row['language']}; gold answer {row['gold']}"
    parts = [f"<p><b>{_literal(title)}</b><br>{_literal(where)}</p>", LITERAL + _literal(_shortened(row["problem"])) + "</pre>"]
    parts.append(_response("" if pd.isna(row["response"]) else row["response"], int(row["start"]), int(row["end"])))
    if nearest is not None:
        near = nearest[nearest["wanted_id"] == row["id"]].drop(columns="wanted_id")
        near = near.assign(cosine=near["cosine"].round(3))
        if tables:
            near = near.assign(lineage=[_descent(lineage(id, *tables)) for id in near["id"]])
        parts.append(as_html(near, list(near.columns)))
    return f"<div class='tex2jax_ignore mathjax_ignore' style='border-top:1px solid;margin:1em 0'>{''.join(parts)}</div>"


def _descent(chain):
    """A lineage in one line, as in "deepen, level 3, from seed s1, level 2"."""
    generations = [
        f"{row['made by']}{'' if i + 1 < len(chain) else ' ' + row['id']}, level {row['level']}"
        for i, row in enumerate(chain.to_dict("records"))
    ]
    return " from ".join(generations)


def _response(text, start, end):
    """A response line by line: the evidence marked, and beside each line what its steps come to."""
    first = max(0, start - LONGEST // 2) if start > LONGEST else 0
    last, found = first + LONGEST, steps.read(text)
    body, place = "", 0
    for line in text.split("\n"):
        a, b = max(place, first), min(place + len(line), last)
        if a <= b:
            x, y = (min(max(edge, a), b) for edge in (start, end))
            marked = f"<mark>{_literal(text[x:y])}</mark>" if x < y else ""
            checks = [f"{'true' if s.holds else 'FALSE'}: {text[s.start : s.end]}" for s in found if place <= s.start <= place + len(line)]
            cells = (_literal(text[a:x]) + marked + _literal(text[y:b]), _literal(_shortened("\n".join(checks))))
            body += (
                "<tr>" + "".join(f"<td style='text-align:left;vertical-align:top'>{LITERAL}{cell}</pre></td>" for cell in cells) + "</tr>"
            )
        place += len(line) + 1
    left_out = len(text) - (min(last, len(text)) - first)
    note = f"<p>{left_out:,} more characters are not shown.</p>" if left_out else ""
    return f"<table><thead><tr><th>response</th><th>steps that can be read</th></tr></thead><tbody>{body}</tbody></table>{note}"


def _shortened(text):
    text = str(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n({len(text) - LONGEST:,} more characters)"


def _literal(text) -> str:
    """A text as HTML that shows it as it is written: escaped, with unseen characters by their number."""
    return html.escape(UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}", str(text)))


def progress(*, interactive: bool = False, every: float = 0.25):
    """A callable for every `progress=...` of the package: the teacher's tallies, and the lines of training, answering and arms.

    With `interactive` a bar that moves; else a line at every such share of the work, for logs. A line without "n/N" is always told.
    """
    return _Bar() if interactive else _Lines(every)


class _Progress:
    """Tells one piece of work from the next by totals and names, and knows how fast the teacher goes."""

    def __init__(self):
        self.call, self.started, self.asked = 0, 0.0, 0

    def __call__(self, standing):
        if isinstance(standing, str):
            self.read(standing)
        else:
            self.count(standing)

    def read(self, line):
        """A line of training (`stage 1: step 20/188, ...`) or answering (`generate: 40/300 answers`)."""
        found = COUNT.search(line)
        work, share = (line[: found.start()] + found[2], int(found[1]) / int(found[2])) if found else (line, 1.0)
        if work != self.call:
            self.call = work
            self.begin()
        self.tell(share, line)

    def count(self, tally):
        if not tally.total:
            return
        asked = tally.answered + tally.failed
        if tally.total != self.call or asked < self.asked:
            self.call, self.started = tally.total, time.monotonic()
            self.begin()
        self.asked = asked
        left = tally.total - tally.done
        seconds = (time.monotonic() - self.started) / asked * left if asked and left else 0
        text = _standing(tally) + (f", {datetime.timedelta(seconds=round(seconds))} left" if seconds else "")
        self.tell(tally.done / tally.total, text, bool(tally.failed))


def _standing(tally) -> str:
    return (
        f"{tally.done:,} of {tally.total:,} requests: {tally.cached:,} from the ledger, {tally.answered:,} answered, "
        f"{tally.failed:,} refused or failed; {tally.tokens_in + tally.tokens_out:,} tokens, ${tally.spent_usd:.2f}"
        + (f", ${tally.spent_before_usd + tally.spent_usd:.2f} in all" if tally.spent_before_usd else "")
    )


class _Lines(_Progress):
    def __init__(self, every):
        super().__init__()
        self.every = every

    def begin(self):
        self.place = 0

    def tell(self, share, text, failed=False):
        place = int(share / self.every)
        if place > self.place:
            self.place = place
            print(text)


class _Bar(_Progress):
    def begin(self):
        import ipywidgets as widgets
        from IPython.display import display

        self.bar, self.text = widgets.FloatProgress(max=1.0), widgets.HTML()
        display(widgets.HBox([self.bar, self.text]))

    def tell(self, share, text, failed=False):
        self.bar.value, self.text.value = share, html.escape(text)
        self.bar.bar_style = "warning" if failed else "success" if share == 1 else ""


def lineage(id: str, *tables: pd.DataFrame) -> pd.DataFrame:
    """An instance and its ancestors back to the seed, oldest last; tables of instances and of seeds.

    Columns: id, made by (its operator), prompt, teacher, sample, request (the ledger's keys), tokens, usd, verdicts, level, problem.
    Raises ValueError for an id that no table holds.
    """
    chain, row = [], _row(id, tables)
    if row is None:
        raise ValueError(f"no row has the id {id!r} in the {len(tables)} tables given ({sum(map(len, tables))} rows)")
    while row is not None and row["id"] not in [former["id"] for former in chain]:
        chain.append(
            {
                "id": row["id"], "made by": row.get("operator", "seed"), "prompt": row.get("prompt", ""), "teacher": row.get("teacher", ""),
                "sample": row.get("sample", ""), "request": row.get("request_key", ""),
                "tokens": row.get("tokens_in", 0) + row.get("tokens_out", 0), "usd": row.get("cost_usd", 0.0),
                "verdicts": row.get("verdicts", ""), "level": row["level"], "problem": row.get("query", row.get("problem")),
            }
        )  # fmt: skip
        row = _row(row.get("parent_id"), tables)
    return pd.DataFrame(chain)


def _row(id, tables):
    for table in tables:
        places = (table["id"] == id).to_numpy().nonzero()[0]
        if len(places):
            return table.iloc[places[-1]].to_dict()
    return None


def machine() -> pd.DataFrame:
    """What this machine has, as a table of (what, found, meaning); never shows a key's value."""
    import psutil

    gpu = _gpu()
    key = "set" if os.environ.get("OPENAI_API_KEY") else "not set"
    data = os.environ.get("SKYMATH_DATA")
    rows = [
        ("Python", platform.python_version(), "3.11 or newer is needed"),
        ("processor cores", os.cpu_count(), "two are enough for params/tiny.yaml"),
        ("memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB", "the tiny chain stays under 4 GB"),
        ("free disk", f"{shutil.disk_usage(runs.root().parent).free / 2**30:.0f} GiB", "a tiny run takes less than 0.1"),
        ("GPU", gpu or "none found", "not needed at the tiny scale"),
        ("OPENAI_API_KEY", key, "only needed for a teacher that is not offline"),
        ("SKYMATH_DATA", "set" if data else "not set", "a folder of benchmark files, for params/gsm8k_math.yaml"),
        *((name, version, "installed") for name, version in runs.versions().items() if name != "python"),
    ]
    return pd.DataFrame(rows, columns=["what", "found", "meaning"]).astype(str)


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return ""
    properties = torch.cuda.get_device_properties(0)
    return f"{torch.cuda.device_count()} x {properties.name}, {properties.total_memory / 2**30:.0f} GiB"
