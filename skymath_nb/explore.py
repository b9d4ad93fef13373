"""Looking at rows: a static view first, then, if asked for, a widget under it that only looks.

Nothing chosen in a widget reaches a file or a later cell; it prints the line that would.
"""

import datetime
import html
import os
import platform
import shutil
import time

import pandas as pd

from . import runs

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
        cells = (html.escape(str(v)).replace("\n", "<br>") for v in values)
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


def progress(*, interactive: bool = False, every: float = 0.25):
    """A callable for `teacher.complete(progress=...)`: requests, tokens, dollars and the time left.

    With `interactive` a bar that moves; else a line at every such share of the requests, for logs.
    """
    return _Bar() if interactive else _Lines(every)


class _Progress:
    """Tells apart the calls of `complete` by their totals, and knows how fast each goes."""

    def __init__(self):
        self.call, self.started, self.asked = 0, 0.0, 0

    def __call__(self, tally):
        if not tally.total:
            return
        asked = tally.answered + tally.failed
        if tally.total != self.call or asked < self.asked:
            self.call, self.started = tally.total, time.monotonic()
            self.begin()
        self.asked = asked
        left = tally.total - tally.done
        seconds = (time.monotonic() - self.started) / asked * left if asked and left else 0
        self.tell(tally, _standing(tally) + (f", {datetime.timedelta(seconds=round(seconds))} left" if seconds else ""))


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

    def tell(self, tally, text):
        place = int(tally.done / tally.total / self.every)
        if place > self.place:
            self.place = place
            print(text)


class _Bar(_Progress):
    def begin(self):
        import ipywidgets as widgets
        from IPython.display import display

        self.bar, self.text = widgets.FloatProgress(max=1.0), widgets.HTML()
        display(widgets.HBox([self.bar, self.text]))

    def tell(self, tally, text):
        self.bar.value, self.text.value = tally.done / tally.total, html.escape(text)
        self.bar.bar_style = "warning" if tally.failed else "success" if tally.done == tally.total else ""


def lineage(id: str, *tables: pd.DataFrame) -> pd.DataFrame:
    """An instance and its ancestors back to the seed, oldest last; tables of instances and of seeds.

    Columns: id, made by (its operator), prompt, teacher, sample, request (the ledger's keys), tokens, usd, verdicts, level, problem.
    Raises ValueError for an id that no table holds.
    """
    chain = []
    while found := [table[table["id"] == id].iloc[0] for table in tables if (table["id"] == id).any()][:1]:
        row = found[0]
        chain.append(
            {
                "id": id, "made by": row.get("operator", "seed"), "prompt": row.get("prompt", ""), "teacher": row.get("teacher", ""),
                "sample": row.get("sample", ""), "request": row.get("request_key", ""),
                "tokens": row.get("tokens_in", 0) + row.get("tokens_out", 0), "usd": row.get("cost_usd", 0.0),
                "verdicts": row.get("verdicts", ""), "level": row["level"], "problem": row.get("query", row.get("problem")),
            }
        )  # fmt: skip
        id = row.get("parent_id")
    if not chain:
        raise ValueError(f"no row has the id {id!r} in the {len(tables)} tables given ({sum(map(len, tables))} rows)")
    return pd.DataFrame(chain)


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
