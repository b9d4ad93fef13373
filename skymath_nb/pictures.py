"""Still pictures of figures, for pages that are read where no script runs: bars, lines, points and their intervals, as SVG.

Plotly draws by script; what draws its figures without one needs a browser of its own. These pictures show the same marks in the same
places and colours, without hovering, ticks between the ends of an axis, or the sliders.
"""

import base64
import html
import math
from typing import NamedTuple

import numpy as np

from .figures import COLOURS

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 320, 70, 46, 12  # pixels
MOST = 2000  # marks of a trace
LABEL = 26  # characters of a category


class _Axis(NamedTuple):
    """Values as places between 0 and 1: numbers along their range, logarithms where the axis has them, texts one after the other."""

    names: tuple[str, ...]  # of a category axis, else none
    low: float
    high: float
    log: bool

    def place(self, value) -> float:
        if self.names:
            return (self.names.index(str(value)) + 0.5) / len(self.names)
        value = math.log10(value) if self.log else value
        return (value - self.low) / (self.high - self.low or 1)


def draw(figure: dict) -> str:
    """A plotly figure, as the dictionary of its JSON, as an <svg> element; "" if it has nothing that can be drawn."""
    layout, panels = figure.get("layout", {}), {}
    for number, trace in enumerate(figure.get("data", [])):
        if trace.get("type", "scatter") in ("scatter", "scattergl", "bar"):
            panels.setdefault((trace.get("xaxis", "x"), trace.get("yaxis", "y")), []).append((number, trace))
    drawn = [_panel(traces, layout, *axes) for axes, traces in panels.items()]
    if not any(drawn):
        return ""
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" style="max-width:100%" fill="currentColor">{"".join(drawn)}</svg>'


def colour(trace: dict, number: int, layout: dict) -> str:
    """The colour of a figure's n-th trace: its own, or that of its place."""
    way = layout.get("colorway")
    named = [(trace.get(part) or {}).get("color") for part in ("marker", "line")]
    colours = way if isinstance(way, list) and way else COLOURS
    return next((one for one in named if isinstance(one, str)), str(colours[number % len(colours)]))


def _panel(traces: list, layout: dict, x: str, y: str) -> str:
    stacked = layout.get("barmode") == "stack"
    bars = [trace for _, trace in traces if trace.get("type") == "bar"]
    points = [(number, trace, thinned(marks(trace), MOST)) for number, trace in traces]
    points = [(number, trace, found) for number, trace, found in points if found]
    if not points:
        return ""
    heights: dict = {}
    for _, trace, found in points:
        if trace.get("type") == "bar":
            for a, b, *_ in found:
                heights.setdefault(a, []).append(b)
    tops = [sum(b for b in column if not isinstance(b, str)) for column in heights.values()] if stacked else []
    across = _axis([v for *_, found in points for m in found for v in (m[0], *m[2])], layout, x)
    upright = _axis([v for *_, found in points for m in found for v in (m[1], *m[3])] + tops + [0.0] * bool(bars), layout, y)
    start, end = (layout.get(x.replace("x", "xaxis", 1)) or {}).get("domain", [0, 1])
    left, width = LEFT + start * (WIDTH - LEFT - 20), (end - start) * (WIDTH - LEFT - 20)

    def at(a, b):
        return left + width * across.place(a), HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * upright.place(b)

    made, below, room = [], {}, width / max(len(across.names), 1) / (1 if stacked else len(bars) + 1) * 0.8
    for number, trace, found in points:
        ink = html.escape(colour(trace, number, layout))
        if trace.get("type") == "bar":
            place = 0 if stacked else next(i for i, bar in enumerate(bars) if bar is trace) - (len(bars) - 1) / 2
            for a, b, _, ends in found:
                foot = below.get(a, 0.0) if stacked else 0.0
                (cx, top), (_, bottom) = at(a, foot + b), at(a, foot)
                below[a] = foot + b
                cx += place * room
                made.append(_box(cx - room / 2, min(top, bottom), room, abs(bottom - top), ink, trace.get("opacity", 1)))
                made += [_line(cx, at(a, ends[0])[1], cx, at(a, ends[1])[1], "currentColor")] if ends else []
            continue
        places = [at(a, b) for a, b, *_ in found]
        mode = trace.get("mode", "lines+markers")
        if "lines" in mode:
            path = " ".join(f"{cx:.1f},{cy:.1f}" for cx, cy in places)
            made.append(f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="2"/>')
        for (a, b, wide, high), (cx, cy) in zip(found, places, strict=True):
            made += [f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="3" fill="{ink}"/>'] if "markers" in mode else []
            made += [_line(cx, at(a, high[0])[1], cx, at(a, high[1])[1], ink)] if high else []
            made += [_line(at(wide[0], b)[0], cy, at(wide[1], b)[0], cy, ink)] if wide else []
    return _frame(left, width) + "".join(made) + _labels(across, upright, left, width)


def marks(trace: dict) -> list[tuple]:
    """(x, y, ends of x or (), ends of y or ()) of a trace's points that have a place."""
    x, y = (_values(trace.get(axis)) for axis in "xy")
    wide, high = (_errors(trace.get(f"error_{axis}")) for axis in "xy")
    points = enumerate(zip(x, y, strict=False))
    return [(a, b, _ends(*wide, i, a), _ends(*high, i, b)) for i, (a, b) in points if _placed(a) and _placed(b)]


def thinned(points: list, most: int) -> list:
    """The points, or every n-th of them, so that they are no more than `most`."""
    return points[:: -(-len(points) // most) or 1]


def _errors(error: dict | None) -> tuple[list, list]:
    """How far a trace's intervals reach above and below its points."""
    above = _values((error or {}).get("array"))
    return above, _values((error or {}).get("arrayminus")) or above


def _ends(above: list, below: list, i: int, middle) -> tuple:
    if isinstance(middle, str) or i >= min(len(above), len(below)) or not (_placed(above[i]) and _placed(below[i])):
        return ()
    return (middle - below[i], middle + above[i])


def _placed(value) -> bool:
    return isinstance(value, str) or isinstance(value, int | float) and math.isfinite(value)


def _axis(found: list, layout: dict, name: str) -> _Axis:
    own = layout.get(name.replace(name[0], f"{name[0]}axis", 1)) or {}
    if own.get("type") == "category" or any(isinstance(v, str) for v in found):
        return _Axis(tuple(dict.fromkeys(map(str, found))), 0, 1, False)
    log = own.get("type") == "log" and min(found) > 0
    found = [math.log10(v) for v in found] if log else found
    low, high = min(found), max(found)
    edge = 0.04 * (high - low or 1)
    return _Axis((), low - edge, high + edge, log)


def _values(given) -> list:
    """A trace's coordinates: a list, or numbers packed as plotly packs them."""
    if isinstance(given, dict) and "bdata" in given:
        return np.frombuffer(base64.b64decode(given["bdata"]), dtype=np.dtype(given["dtype"])).tolist()
    return list(given) if isinstance(given, list | tuple) else []


def _frame(left: float, width: float) -> str:
    foot = HEIGHT - BOTTOM
    return _line(left, TOP, left, foot, "currentColor") + _line(left, foot, left + width, foot, "currentColor")


def _labels(across: _Axis, upright: _Axis, left: float, width: float) -> str:
    texts, foot, room = [], HEIGHT - BOTTOM, max(3, int(width / max(len(across.names), 1) / 7))  # characters under a bar
    for name in across.names:
        texts.append(_text(left + width * across.place(name), foot + 16, name[:room], "middle"))
    for name in upright.names:
        texts.append(_text(left - 6, foot - (foot - TOP) * upright.place(name) + 4, name[:LABEL], "end"))
    for axis, sides in ((across, ("start", "end")), (upright, ("end", "end"))):
        if not axis.names:
            for value, side, share in zip((axis.low, axis.high), sides, (0, 1), strict=True):
                shown = f"{10**value if axis.log else value:,.3g}"
                place = (left + width * share, foot + 16) if axis is across else (left - 6, foot - (foot - TOP) * share + 4)
                texts.append(_text(*place, shown, side))
    return "".join(texts)


def _line(x1, y1, x2, y2, colour) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _box(x, y, width, height, colour, opacity) -> str:
    shade = opacity if isinstance(opacity, int | float) else 1
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}" fill-opacity="{shade}"/>'


def _text(x, y, text, anchor) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}">{html.escape(str(text))}</text>'
