"""Plotly figures of the notebooks.

Data in, one figure out, readable in grey and by colour-blind people.

Every function takes tables of the package and returns a plotly Figure; nothing is computed here
beyond counting.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..evaluation.errors import CLASSES

# Okabe and Ito's palette: told apart by all common kinds of colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "x", "cross", "triangle-up")
DRAWN = 10_000  # points of a map: a browser has to move them
BUDGETS = 16  # places of the slider over a budget
# verdicts, each with its own look in every figure
FOUND = ("not seen", "reversed", "reproduced", "less", "more")
STYLE = {"template": "plotly_white", "colorway": COLOURS}
STYLE |= {"margin": {"l": 60, "r": 20, "t": 60, "b": 50}}
DARK = "#222222"  # of lines that belong to no series
LEFT, RIGHT = {"row": 1, "col": 1}, {"row": 1, "col": 2}  # of two figures side by side
LANGUAGES = {"en": "English", "zh": "Chinese"}


def _figure(title, x="", y="", height=380, **layout):
    figure = go.Figure()
    texts = {"title": title, "xaxis_title": x, "yaxis_title": y, "font": {"size": 13}}
    legend = {"orientation": "h", "y": -0.2}
    figure.update_layout(**STYLE, **texts, height=height, legend=legend, **layout)
    return figure


def counts(table: pd.DataFrame, by: str, split: str, title: str) -> go.Figure:
    """Stacked bars: how many rows of `table` per value of `by`, split by the column `split`."""
    figure = _figure(title, by, "rows", barmode="stack")
    values = sorted(table[by].unique()) if by == "level" else list(table[by].value_counts().index)
    for name, part in table.groupby(split, sort=True):
        rows = part[by].value_counts().reindex(values, fill_value=0)
        name = LANGUAGES.get(name, str(name))
        figure.add_bar(x=[str(value) for value in values], y=rows.to_list(), name=name)
    figure.update_xaxes(type="category")
    return figure


def kept(summary: pd.DataFrame) -> go.Figure:
    """Rows asked for and kept per operator, coloured by method, from `augment.summary`."""
    figure = _figure("What the teacher's replies became", "operator", "instances", barmode="stack")
    for i, (method, part) in enumerate(summary.groupby("method", sort=False)):
        alike = {"x": part["operator"], "marker_color": COLOURS[i]}
        out = {"marker_pattern_shape": "/", "opacity": 0.45, "name": f"{method}, eliminated"}
        figure.add_bar(y=part["kept"], name=method, **alike)
        figure.add_bar(y=part["rows"] - part["kept"], **out, **alike)
    return figure


def leaks(counts: pd.DataFrame) -> go.Figure:
    """Rows per benchmark and tier of the gate, from `leakage.counts`; clean rows are left out."""
    figure = _figure("Rows that meet a benchmark", "benchmark", "rows", barmode="group")
    hits = counts[counts["tier"].fillna("").ne("")]
    for (tier, n, verdict), part in hits.groupby(["tier", "n", "verdict"], sort=True):
        name = f"{tier} {n}" if n else tier
        figure.add_bar(x=part["benchmark"], y=part["rows"], name=f"{name} ({verdict})")
    figure.update_layout(showlegend=True)
    if hits.empty:
        figure.update_xaxes(visible=False).update_yaxes(visible=False)
        figure.add_annotation(text="no row meets a benchmark", showarrow=False, font={"size": 16})
    return figure


def coverage(radii: dict[str, np.ndarray]) -> go.Figure:
    """Covering radius against the number of chosen points, one line a way of choosing."""
    title = "How far is the farthest problem from a chosen one?"
    figure = _figure(title, "chosen problems", "covering radius")
    for i, (name, radius) in enumerate(radii.items()):
        line = {"dash": DASHES[i % len(DASHES)], "width": 2.5}
        chosen = np.arange(1, len(radius) + 1)
        figure.add_scatter(x=chosen, y=radius, name=name, mode="lines", line=line)
    figure.update_yaxes(rangemode="tozero")
    return figure


def problem_map(
    points: np.ndarray, chosen: np.ndarray, radius: np.ndarray, texts: pd.Series, groups: pd.Series
) -> go.Figure:
    """Problems in two dimensions (N, 2), coloured by group, and a slider over the budget, which
    reads as the line for the parameters cell.

    Args:
        chosen: Rows in the order of choice (k,), ringed as far as the slider goes.
        radius: Covering radius after each (k,), drawn beside the map. Of many problems DRAWN,
            evenly spread, are shown, and all that were chosen of the first DRAWN. Hovering shows
            the text.
    """
    from plotly.subplots import make_subplots

    titles = ("problems, chosen ones with a ring", "covering radius")
    figure = make_subplots(1, 2, column_widths=[0.7, 0.3], subplot_titles=titles)
    drawn = np.arange(len(points))[:: -(-len(points) // DRAWN)]
    small = {"size": 6, "opacity": 0.55}
    for name, index in groups.iloc[drawn].groupby(groups.iloc[drawn], sort=True).indices.items():
        x, y = points[drawn[index]].T[:2]
        text = {"text": texts.iloc[drawn[index]].str.slice(0, 160), "name": str(name)}
        text["hovertemplate"] = "%{text}<extra></extra>"
        figure.add_scatter(x=x, y=y, mode="markers", marker=small, **text, **LEFT)
    budgets = np.unique(np.geomspace(1, len(chosen), BUDGETS).round().astype(int))
    at = np.unique(np.linspace(0, len(chosen) - 1, DRAWN // 10).round().astype(int))
    line = {"name": "radius", "mode": "lines", "line": {"color": DARK}, "showlegend": False}
    figure.add_scatter(x=at + 1, y=np.asarray(radius)[at], **line, **RIGHT)
    ring = {"size": 9, "color": "rgba(0,0,0,0)", "line": {"color": DARK, "width": 1.4}}
    figure.add_scatter(name="chosen", mode="markers", marker=ring, hoverinfo="skip", **LEFT)
    point = {"size": 11, "color": COLOURS[1]}
    figure.add_scatter(name="budget", mode="markers", marker=point, showlegend=False, **RIGHT)
    moving = [len(figure.data) - 2, len(figure.data) - 1]

    def state(budget):
        ringed = chosen[: min(budget, DRAWN)]
        return {
            "x": [points[ringed, 0].tolist(), [budget]],
            "y": [points[ringed, 1].tolist(), [float(radius[budget - 1])]],
        }

    steps = [
        {"label": str(b), "method": "restyle", "args": [state(b), moving]} for b in budgets.tolist()
    ]
    for trace, x, y in zip(moving, *state(int(budgets[-1])).values(), strict=True):
        figure.data[trace].update(x=x, y=y)
    slider = {"active": len(steps) - 1, "steps": steps, "pad": {"t": 30}}
    slider["currentvalue"] = {"prefix": "k: int = "}
    figure.update_layout(**STYLE, height=600, sliders=[slider])
    figure.update_yaxes(rangemode="tozero", **RIGHT)
    return figure


def schedule(phases: pd.DataFrame, rates: pd.DataFrame) -> go.Figure:
    """What training will see.

    Levels per phase (from `curriculum.schedule`) and the learning rate of every step.
    """
    from plotly.subplots import make_subplots

    titles = ("share of rows by level", "learning rate")
    figure = make_subplots(1, 2, column_widths=[0.4, 0.6], subplot_titles=titles)
    for i, level in enumerate(c for c in phases.columns if c.startswith("level ")):
        colour = COLOURS[i % len(COLOURS)]
        bar = {"name": level, "marker_color": colour}
        figure.add_bar(x=phases["phase"], y=phases[level], **bar, **LEFT)
    for phase, part in rates.groupby("phase", sort=False):
        line = {"name": f"rate, {phase}", "mode": "lines"}
        figure.add_scatter(x=part["step"], y=part["learning_rate"], **line, **RIGHT)
    figure.update_layout(**STYLE, title="The curriculum", barmode="stack", height=380)
    figure.update_layout(margin_t=80)
    figure.update_xaxes(title="optimiser step", **RIGHT)
    return figure


def losses(table: pd.DataFrame) -> go.Figure:
    """Training loss against step, one line a phase; columns step, phase, loss."""
    figure = _figure("Training loss on responses", "optimiser step", "nats per token")
    for phase, part in table.groupby("phase", sort=False):
        figure.add_scatter(
            x=part["step"], y=part["loss"], name=phase, mode="lines+markers", marker={"size": 4}
        )
    figure.update_yaxes(rangemode="tozero")
    return figure


def scores(
    table: pd.DataFrame, x: str, series: str, title: str, verdict: str = "flexible"
) -> go.Figure:
    """Accuracy in per cent with its 95 % interval, from `evaluate.score`; hovering shows n."""
    figure = _figure(title, x, f"{verdict} accuracy, %", barmode="group")
    for name, part in table.groupby(series, sort=False):
        middle, low, high = (100 * part[c] for c in (verdict, f"{verdict}_low", f"{verdict}_high"))
        bars = _bars(middle, low, high)
        figure.add_bar(
            x=part[x].astype(str),
            y=middle,
            name=str(name),
            error_y=bars,
            customdata=part["n"],
            hovertemplate="%{y:.1f} %, n=%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.update_yaxes(range=[0, 100])
    figure.update_xaxes(type="category")
    return figure


def beside_paper(
    table: pd.DataFrame,
    published: pd.DataFrame,
    x: str,
    title: str,
    series: str = "student",
    verdict: str = "flexible",
    log: bool = False,
) -> go.Figure:
    """A run's accuracies with their 95 % intervals (from `evaluate.score`) beside published ones
    (from `paper.scores` or `.scaling`).

    Args:
        x: A column of both: level, subject, language, distractors, benchmark, or instances with a
            logarithmic axis. Published numbers have open marks and no interval: the paper gives
            none. Other models on other items: shapes may be compared, heights only with care.
    """
    figure = _figure(title, x, "accuracy, %", height=460)
    values = list if log else lambda column: [str(value) for value in column]
    for name, part in table.groupby(series, sort=False):
        _points(figure, values(part[x]), part, verdict, f"{name}, {verdict}", mode="lines+markers")
    symbols = [f"{name}-open" for name in "circle square diamond cross triangle-up star".split()]
    by = [name for name in ("model", "data") if name in published]
    for i, (names, part) in enumerate(published.groupby(by, sort=False)):
        source = ", ".join(dict.fromkeys(part["source"])).lower()
        figure.add_scatter(
            x=values(part[x]),
            y=part["accuracy"],
            name=f"{', '.join(names)} (paper, {source})",
            mode="lines+markers",
            marker={"symbol": symbols[i % len(symbols)], "size": 8},
            line={"dash": "dot", "width": 1},
            opacity=0.7,
            hovertemplate="%{x}: %{y} %<extra>%{fullData.name}</extra>",
        )
    figure.update_yaxes(range=[0, 100])
    figure.update_xaxes(type="log" if log else "category")
    return figure


def differences(table: pd.DataFrame, x: str, title: str, series: str = "verdict") -> go.Figure:
    """Paired differences in points with their 95 % intervals, from `evaluate.compare_variants` or
    `.compare_all`; zero is marked.
    """
    figure = _figure(title, x, "difference, points", scattermode="group")
    figure.add_hline(y=0, line={"color": DARK, "width": 1})
    for name, part in table.groupby(series, sort=False):
        places, ends = part[x].astype(str), ("low", "high")
        _points(figure, places, part, "difference", str(name), ends, mode="markers")
    figure.update_xaxes(type="category")
    return figure


def contrasts(table: pd.DataFrame, title: str) -> go.Figure:
    """Differences of pairs of arms in points with their 95 % intervals, a line a contrast, marked
    by what was found.

    Args:
        table: From `contrasts.compare`; where a claim begins beyond zero, a bar stands there.
    """
    height = 34 * max(len(table), 3)
    figure = _figure(title, "arm minus control, points", height=170 + height)
    figure.update_layout(margin_b=100, legend_y=-60 / height)
    figure.add_vline(x=0, line={"color": DARK, "width": 1})
    for name, part in table.groupby("found", sort=False):
        look = FOUND.index(name)
        middle, low, high = (100 * part[column] for column in ("difference", "low", "high"))
        figure.add_scatter(
            x=middle,
            y=part["says"],
            name=str(name),
            mode="markers",
            marker={"symbol": SYMBOLS[look], "size": 10, "color": COLOURS[look]},
            error_x=_bars(middle, low, high),
            customdata=part[["a", "b", "n", "seeds"]],
            hovertemplate="%{y}: %{x:.1f} (%{customdata[0]:.3f}, %{customdata[1]:.3f}), "
            "n=%{customdata[2]}, %{customdata[3]} seeds<extra>%{fullData.name}</extra>",
        )
    away = table[table["beyond"] != 0]
    if len(away):
        mark = {"symbol": "line-ns-open", "size": 16, "color": DARK}
        style = {"mode": "markers", "marker": mark, "name": "where the claim begins"}
        figure.add_scatter(x=100 * away["beyond"], y=away["says"], **style)
    order = {"categoryorder": "array", "categoryarray": list(table["says"])[::-1]}
    figure.update_yaxes(automargin=True, **order)
    return figure


def at_k(passed: pd.DataFrame, majority: pd.DataFrame, title: str) -> go.Figure:
    """pass@k and maj@k with their 95 % intervals against the number of samples, from
    `evaluate.pass_at_k` and `.majority_at_k`.
    """
    figure = _figure(title, "samples k", "accuracy, %")
    kinds = (("pass_at_k", "pass@k", "solid"), ("majority_at_k", "maj@k", "dash"))
    for (column, name, dash), table in zip(kinds, (passed, majority), strict=True):
        items = table.rename(columns={"items": "n"})
        _points(figure, table["k"], items, column, name, mode="lines+markers", line={"dash": dash})
    figure.update_yaxes(range=[0, 100])
    return figure


def _bars(middle, low, high):
    """An interval as plotly's error bars."""
    ends = {"array": high - middle, "arrayminus": middle - low}
    return {"type": "data", "symmetric": False} | ends


def _points(figure, x, table, column, name, ends=None, **style):
    """Fractions as points in per cent with their intervals; hovering shows n."""
    ends = ends or (f"{column}_low", f"{column}_high")
    middle, low, high = (100 * table[name] for name in (column, *ends))
    figure.add_scatter(
        x=x,
        y=middle,
        name=name,
        error_y=_bars(middle, low, high),
        customdata=table["n"],
        hovertemplate="%{x}: %{y:.1f}, n=%{customdata}<extra>%{fullData.name}</extra>",
        **style,
    )


def errors(table: pd.DataFrame, by: str) -> go.Figure:
    """Share of answers per class of error, stacked to 100 %, per value of `by`.

    Columns `by` and `error`. A class looks alike in all.
    """
    figure = _figure("What happened to the answers", by, "share of answers, %", barmode="stack")
    shares = pd.crosstab(table[by], table["error"], normalize="index") * 100
    known = [*CLASSES, *(name for name in shares.columns if name not in CLASSES)]
    for name in shares.columns[np.argsort(-shares.sum().to_numpy())]:
        place = known.index(name)
        shape = ("", "/", ".")[place // len(COLOURS) % 3]  # there are more classes than colours
        figure.add_bar(
            x=shares.index.astype(str),
            y=shares[name],
            name=name,
            marker_pattern_shape=shape,
            marker_color=COLOURS[place % len(COLOURS)],
        )
    figure.update_xaxes(type="category")
    return figure


def curves(
    table: pd.DataFrame, x: str, series: str, title: str, y: str = "accuracy", spread: str = "sd"
) -> go.Figure:
    """Accuracy in per cent against a size on a logarithmic axis, a line a series.

    Bars are one standard deviation over seeds.
    """
    figure = _figure(title, x, "accuracy, %")
    for i, (name, part) in enumerate(table.groupby(series, sort=False)):
        figure.add_scatter(
            x=part[x],
            y=100 * part[y],
            name=str(name),
            mode="lines+markers",
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8},
            line={"dash": DASHES[i % len(DASHES)]},
            error_y={"type": "data", "array": 100 * part[spread].fillna(0)},
            hovertemplate="%{x:,}: %{y:.1f} %<extra>%{fullData.name}</extra>",
        )
    _sizes(figure, set(table[x]))
    return figure


def laws(
    points: pd.DataFrame, lines: pd.DataFrame | None, title: str, x: str = "instances"
) -> go.Figure:
    """Measured accuracies with their intervals, and fitted laws with the bands of their forecasts,
    on a logarithmic axis.

    Without lines the points of a series are joined.

    Args:
        points: series, size, accuracy, low, high.
        lines: The same columns, many sizes a series. Fractions, drawn in per cent.
    """
    lines = points.head(0) if lines is None else lines
    joined = lines.empty
    figure = _figure(title, x, "accuracy, %", height=460)
    for i, name in enumerate(dict.fromkeys([*points["series"], *lines["series"]])):
        colour, symbol = COLOURS[i % len(COLOURS)], SYMBOLS[i % len(SYMBOLS)]
        dash = DASHES[i % len(DASHES)]
        line, at = lines[lines["series"] == name], points[points["series"] == name]
        silent = {"showlegend": False, "hoverinfo": "skip", "mode": "lines", "x": line["size"]}
        silent["legendgroup"] = str(name)
        edge, stroke = {"width": 0, "color": colour}, {"color": colour, "dash": dash}
        figure.add_scatter(y=100 * line["high"], line=edge, **silent)
        figure.add_scatter(y=100 * line["low"], line=edge, fill="tonexty", opacity=0.2, **silent)
        figure.add_scatter(y=100 * line["accuracy"], line=stroke, **silent)
        figure.add_scatter(
            x=at["size"],
            y=100 * at["accuracy"],
            name=str(name),
            mode="lines+markers" if joined else "markers",
            legendgroup=str(name),
            line=stroke,
            marker={"symbol": symbol, "size": 9, "color": colour},
            hovertemplate="%{x:,}: %{y:.1f} %<extra>%{fullData.name}</extra>",
            error_y=_bars(*(100 * at[column] for column in ("accuracy", "low", "high"))),
        )
    _sizes(figure, {*points["size"], *lines["size"].tail(1)})
    return figure


def _sizes(figure, sizes):
    sizes = sorted(sizes)
    figure.update_xaxes(type="log", tickvals=sizes, ticktext=[f"{size:,}" for size in sizes])
    figure.update_yaxes(range=[0, 100])
