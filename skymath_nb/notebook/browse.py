"""Looking at rows: a static view first, then, if asked for, a widget under it that only looks.

Nothing chosen in a widget reaches a file or a later cell; it prints the line for the parameters
cell that opens it there again.
"""

import datetime
import html
import re
import time
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from ..grading import solution_steps
from . import figures

SHOWN = 3  # rows of each group in the static view
CELL = (
    "text-align:left;vertical-align:top;white-space:normal;padding:.2em "
    ".6em;max-width:40em;overflow-wrap:anywhere;min-width:3em"
)


def browse(
    table: pd.DataFrame,
    by: str,
    columns: Sequence[str],
    *,
    filters: Sequence[str] = (),
    name: str = "rows",
    shown: Mapping[str, dict] | None = None,
    interactive: bool = False,
):
    """Show how many rows there are per value of `by` and the first of each.

    With `interactive`, add a browser over all.

    Args:
        filters: Columns to filter by beside `by`, in the browser.
        shown: Where each of a notebook's browsers opens, by name, as the line says that the browser
            prints; this one's row is shown first.

    Raises:
        ValueError: For a column that the table does not have, or a row of `shown` that is not
            there.
    """
    from IPython.display import HTML, display

    missing = [c for c in (by, *columns, *filters) if c not in table.columns]
    if missing:
        raise ValueError(
            f"cannot browse by {by} with columns {columns}: the table has no {missing}, it has "
            f"{list(table.columns)}"
        )
    groups = table.groupby(by, sort=True)
    first = groups.head(SHOWN).sort_values(by, kind="stable")
    fields = list(dict.fromkeys([by, *filters, *columns]))
    view = _View(table, [by, *filters], lambda row: _record(row, fields), name, shown or {})
    counts = ", ".join(f"{html.escape(str(value))}: {len(part):,}" for value, part in groups)
    display(HTML(f"<p>{len(table):,} rows; {counts}</p>"))
    if name in view.shown:
        display(HTML(view.text()))
    display(HTML(as_html(first, [by, *columns])))
    if interactive:
        display(view.widget())


def _record(row: pd.Series, fields: Sequence[str]) -> str:
    record = pd.DataFrame({"column": fields, "value": [row[field] for field in fields]})
    return as_html(record, list(record.columns))


class _View:
    """One row at a time of a table, chosen by filters and a number.

    As text, or with controls that only look.

    Args:
        filters: Columns.
        card: A row as HTML.
        name, shown: What the parameter `shown` says of this browser: {column: value, "row": n}.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        filters: Sequence[str],
        card: Callable[[pd.Series], str],
        name: str,
        shown: Mapping[str, dict],
    ):
        self.rows = rows
        self.filters = list(dict.fromkeys(filters))
        self.card = card
        self.name = name
        self.shown = dict(shown)
        own = self.shown.get(name, {})
        if not isinstance(own, dict):
            raise ValueError(
                f"shown[{name!r}] is {own!r}, but a browser prints its place as a dict. Paste "
                "the whole line that it prints."
            )
        unknown = [key for key in own if key not in (*self.filters, "row")]
        given = [key for key in self.filters if key in own]
        absent = [f"{key}: {own[key]!r}" for key in given if own[key] not in self.values(key)]
        self.chosen = {key: value for key, value in own.items() if key != "row"}
        self.row = own.get("row", 0)
        wrong = unknown + absent
        rows = 0 if wrong else len(self.found())
        if wrong or not isinstance(self.row, int) or not 0 <= self.row < max(rows, 1):
            raise ValueError(
                f"shown[{name!r}] is {own}, but {', '.join(wrong) or f'row {self.row!r}'} is not "
                f"there; it may hold row ({rows} are found) and {', '.join(self.filters)}, with "
                "values of the table. An empty `shown` opens at the first row."
            )

    def values(self, column: str) -> list:
        return sorted(self.rows[column].unique().tolist(), key=str)

    def found(self) -> pd.DataFrame:
        rows = self.rows
        for column, value in self.chosen.items():
            rows = rows[rows[column] == value]
        return rows

    def text(self) -> str:
        """How many rows are found, the line for the parameters cell, and the row."""
        rows = self.found()
        at = min(self.row, max(len(rows) - 1, 0))
        line = paste(self.shown, self.name, self.chosen | ({"row": at} if at else {}))
        card = self.card(rows.iloc[at]) if len(rows) else ""
        return f"<p>{len(rows):,} of {len(self.rows):,}; {line}</p>{card}"

    def widget(self):
        import ipywidgets as widgets

        choices = {}
        for column in self.filters:
            options = {"all": None} | {str(value): value for value in self.values(column)}
            # value=None would choose nothing
            at = [*options.values()].index(self.chosen.get(column))
            choices[column] = widgets.Dropdown(
                options=[*options.items()], index=at, description=column
            )
        limits = {"min": 0, "max": max(len(self.found()) - 1, 0), "value": self.row}
        place = widgets.IntSlider(**limits, description="row", continuous_update=False)
        view = widgets.HTML(panel(self.text()))

        def draw(_=None):
            values = {column: choice.value for column, choice in choices.items()}
            self.chosen = {column: value for column, value in values.items() if value is not None}
            place.max = max(len(self.found()) - 1, 0)
            self.row = place.value
            view.value = panel(self.text())

        for control in (*choices.values(), place):
            control.observe(draw, "value")
        controls = widgets.HBox(list(choices.values()), layout={"flex_flow": "row wrap"})
        return widgets.VBox([controls, place, view])


def panel(text: str) -> str:
    """HTML for a widget, whose own lines would stand as far apart as its buttons are high."""
    return f"<div style='line-height:normal'>{text}</div>"


def paste(shown: Mapping[str, dict], name: str, chosen: Mapping) -> str:
    """The line for the parameters cell that opens a browser where it now is, as HTML."""
    place = _literal(repr({**shown, name: dict(chosen)}))
    return f"to open here again: <code>shown: dict = {place}</code>"


def show(table: pd.DataFrame):
    """A table of long texts for display, wrapped and not cut."""
    from IPython.display import HTML

    return HTML(as_html(table, list(table.columns)))


def as_html(table: pd.DataFrame, columns: list[str]) -> str:
    """A table of long texts that wraps, as HTML; every text is escaped."""
    head = "".join(
        f"<th style='text-align:left;padding:.2em .6em'>{html.escape(c)}</th>" for c in columns
    )
    body = ""
    for values in table[columns].itertuples(index=False):
        cells = (_literal(v).replace("\n", "<br>") for v in values)
        body += "<tr>" + "".join(f"<td style='{CELL}'>{c}</td>" for c in cells) + "</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


FILTERS = ("error", "benchmark", "level", "language", "verdict")
LONGEST = 4000  # characters of one text in a card
REDRAWN_S = 1.0  # seconds between two drawings of the loss
LOSS = re.compile(r"(.+): step (\d+)/\d+, loss ([\d.]+)")  # of a line of training
COUNT = re.compile(r"(\d+)/([1-9]\d*)")  # how far a line of progress says that the work is
UNSEEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ud800-\\udfff]"
)
LITERAL = (  # no TeX is run in it, and it looks the same on a light and on a dark page
    "<pre class='tex2jax_ignore mathjax_ignore' "
    "style='white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;text-align:left;"
    "margin:0;background:none;color:inherit'>"
)
OPEN = 3  # cards of the static view that are unfolded


def browse_errors(
    classified: pd.DataFrame,
    nearest: pd.DataFrame | None = None,
    tables: Sequence[pd.DataFrame] = (),
    *,
    name: str = "errors",
    shown: Mapping[str, dict] | None = None,
    interactive: bool = False,
):
    """Show how many answers each class has and the first answer of each class that has a fault, as
    a card; with `interactive`,

    add a browser over all that filters by class, benchmark, level, language and verdict.

    Args:
        classified: Answers with `problem` and the columns of `errors.classify`.
        nearest: Of `errors.nearest`, with the ids of problems as wanted_id.
        tables: Of instances and seeds, for the lineage of its rows.
        shown: Where the browser opens, as the line says that it prints; that answer is shown first
            A card shows the problem, the gold answer, the response with the evidence marked and
            each step checked, and the nearest training rows. Text is shown as it is written:
            neither HTML nor TeX of a model is run, and unseen characters are spelled out.

    Raises:
        ValueError: For a column that the table does not have, or an answer of `shown` that is not
            there.
    """
    from IPython.display import HTML, display

    needed = "error start end evidence benchmark level language flexible".split()
    needed += "id problem gold response".split()
    if missing := [column for column in needed if column not in classified.columns]:
        raise ValueError(
            f"cannot browse errors: the table has no {missing}; join the problems and the "
            "columns of errors.classify to the answers"
        )
    rows = classified.assign(verdict=classified["flexible"].map({True: "right", False: "wrong"}))
    view = _View(rows, FILTERS, lambda row: _card(row, nearest, tables), name, shown or {})
    counts = rows["error"].value_counts()
    listed = ", ".join(f"{_literal(error)}: {n:,}" for error, n in counts.items())
    display(HTML(f"<p>{len(rows):,} answers; {listed}</p>"))
    if name in view.shown:
        display(HTML(view.text()))
    for i, error in enumerate(counts.index.drop("right", errors="ignore")):
        card = _card(rows[rows["error"] == error].iloc[0], nearest, tables)
        summary = f"<summary>{_literal(error)}: {counts[error]:,}</summary>"
        display(HTML(f"<details{' open' * (i < OPEN)}>{summary}{card}</details>"))
    if interactive:
        display(view.widget())


def _card(row, nearest, tables):
    """One answer as HTML."""
    evidence = f": {row['evidence']}" if row["evidence"] else ""
    title = f"{row['error']} ({row['verdict']}){evidence}"
    where = f"{row['benchmark']}, {row['id']}, level {row['level']}, {row['language']}"
    where += f"; gold answer {row['gold']}"
    response = "" if pd.isna(row["response"]) else row["response"]
    parts = [
        f"<p><b>{_literal(title)}</b><br>{_literal(where)}</p>",
        f"{LITERAL}{_literal(_shortened(row['problem']))}</pre>",
        _response(response, int(row["start"]), int(row["end"])),
    ]
    if nearest is not None:
        near = nearest[nearest["wanted_id"] == row["id"]].drop(columns="wanted_id")
        near = near.assign(cosine=near["cosine"].round(3))
        if tables:
            near = near.assign(lineage=[_descent(lineage(id, *tables)) for id in near["id"]])
        parts.append(as_html(near, list(near.columns)))
    style = "style='border-top:1px solid;margin:1em 0'"
    return f"<div class='tex2jax_ignore mathjax_ignore' {style}>{''.join(parts)}</div>"


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
    last = first + LONGEST
    steps = solution_steps.read(text)
    body, place = "", 0
    for line in text.split("\n"):
        a, b = max(place, first), min(place + len(line), last)
        if a <= b:
            x, y = (min(max(edge, a), b) for edge in (start, end))
            marked = f"<mark>{_literal(text[x:y])}</mark>" if x < y else ""
            here = [step for step in steps if place <= step.start <= place + len(line)]
            checks = "\n".join(
                f"{'true' if step.holds else 'FALSE'}: {text[step.start : step.end]}"
                for step in here
            )
            cell = _literal(text[a:x]) + marked + _literal(text[y:b])
            body += f"<tr>{_cell(cell)}{_cell(_literal(_shortened(checks)))}</tr>"
        place += len(line) + 1
    left_out = len(text) - (min(last, len(text)) - first)
    note = f"<p>{left_out:,} more characters are not shown.</p>" if left_out else ""
    names = ("response", "steps that can be read")
    head = "".join(f"<th style='text-align:left'>{name}</th>" for name in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _cell(text):
    return f"<td style='text-align:left;vertical-align:top'>{LITERAL}{text}</pre></td>"


def _shortened(text):
    text = str(text)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n({len(text) - LONGEST:,} more characters)"


def _literal(text) -> str:
    """A text as HTML that shows it as it is written.

    Escaped, with unseen characters by their number.
    """
    return html.escape(UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}", str(text)))


def progress(*, interactive: bool = False, every: float = 0.25):
    """A callable for every `progress=...` of the package.

    The teacher's tallies, and the lines of training, answering and arms.

    With `interactive` a bar that moves, and under that of a training the figure of its loss so far;
    else a line at every such share of the work, for logs. A line without "n/N" is always told.
    """
    return _Bar() if interactive else _Lines(every)


class _Progress:
    """Tells one piece of work from the next by totals and names, and knows how fast the teacher
    goes.
    """

    def __init__(self):
        self.call, self.started, self.asked = 0, 0.0, 0

    def __call__(self, standing):
        if isinstance(standing, str):
            self.read(standing)
        else:
            self.count(standing)

    def read(self, line):
        """A line of training (`stage 1.

        Step 20/188, ...`) or answering (`generate: 40/300 answers`).
        """
        work, share = line, 1.0
        if count := COUNT.search(line):
            work = line[: count.start()] + count[2]
            share = int(count[1]) / int(count[2])
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
        text = _standing(tally)
        if seconds:
            text += f", {datetime.timedelta(seconds=round(seconds))} left"
        self.tell(tally.done / tally.total, text, bool(tally.failed))


def _standing(tally) -> str:
    """How far the teacher's requests are, as a line."""
    parts = [
        f"{tally.done:,} of {tally.total:,} requests: {tally.cached:,} from the ledger, ",
        f"{tally.answered:,} answered, {tally.failed:,} refused or failed; ",
        f"{tally.tokens_in + tally.tokens_out:,} tokens, ${tally.spent_usd:.2f}",
    ]
    if tally.lost_usd:
        parts.append(f", of it ${tally.lost_usd:.2f} for tries whose reply never came")
    if tally.estimated:
        parts.append(f"; {tally.estimated:,} replies with estimated tokens")
    if tally.unfinished:
        parts.append(f"; {tally.unfinished:,} broken, to be asked again by a rerun")
    if (wait := tally.waits_until - time.monotonic()) > 0:
        parts.append(f"; the next try in {wait:.0f} s")
    if tally.spent_before_usd:
        parts.append(f", ${tally.spent_before_usd + tally.spent_usd:.2f} in all")
    return "".join(parts)


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
    def __init__(self):
        super().__init__()
        self.losses, self.figure, self.drawn = [], None, 0.0

    def begin(self):
        import ipywidgets as widgets
        from IPython.display import display

        self.bar, self.text = widgets.FloatProgress(max=1.0), widgets.HTML()
        display(widgets.HBox([self.bar, self.text]))

    def tell(self, share, text, failed=False):
        self.bar.value, self.text.value = share, html.escape(text)
        self.bar.bar_style = "warning" if failed else "success" if share == 1 else ""
        if step := LOSS.match(text):
            steps = [seen["step"] for seen in self.losses if seen["phase"] == step[1]]
            if steps and int(step[2]) <= steps[-1]:
                self.losses, self.figure, self.drawn = [], None, 0.0  # another training
            self.losses.append({"phase": step[1], "step": int(step[2]), "loss": float(step[3])})
            self.draw(share == 1)

    def draw(self, ended):
        """The figure of the losses, at most once a second.

        The same output is drawn again, so that nothing is left but the last.
        """
        from IPython.display import display
        from plotly.io import renderers

        if not ended and time.monotonic() - self.drawn < REDRAWN_S:
            return
        self.drawn, figure = time.monotonic(), figures.losses(pd.DataFrame(self.losses))
        # displaying the figure itself leaves no handle on it
        picture = renderers["plotly_mimetype"].to_mimebundle(figure.to_dict())
        if self.figure is None:
            self.figure = display(picture, raw=True, display_id=True)
        else:
            self.figure.update(picture, raw=True)


def lineage(id: str, *tables: pd.DataFrame) -> pd.DataFrame:
    """An instance and its ancestors back to the seed, oldest last.

    Tables of instances and of seeds.

    Columns: id, made by (its operator), prompt, teacher, sample, request (the ledger's keys),
    tokens, usd, verdicts, level, problem. Raises ValueError for an id that no table holds.
    """
    chain, row = [], _row(id, tables)
    if row is None:
        raise ValueError(
            f"no row has the id {id!r} in the {len(tables)} tables given "
            f"({sum(map(len, tables))} rows)"
        )
    while row is not None and row["id"] not in [former["id"] for former in chain]:
        chain.append(
            {
                "id": row["id"],
                "made by": row.get("operator", "seed"),
                "prompt": row.get("prompt", ""),
                "teacher": row.get("teacher", ""),
                "sample": row.get("sample", ""),
                "request": row.get("request_key", ""),
                "tokens": row.get("tokens_in", 0) + row.get("tokens_out", 0),
                "usd": row.get("cost_usd", 0.0),
                "verdicts": row.get("verdicts", ""),
                "level": row["level"],
                "problem": row.get("query", row.get("problem")),
            }
        )
        row = _row(row.get("parent_id"), tables)
    return pd.DataFrame(chain)


def _row(id, tables):
    for table in tables:
        places = (table["id"] == id).to_numpy().nonzero()[0]
        if len(places):
            return table.iloc[places[-1]].to_dict()
    return None
