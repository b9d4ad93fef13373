"""Still pictures: the marks of a figure are where its numbers say."""

import json
import re
import xml.etree.ElementTree as tree

import numpy as np
import pandas as pd
import pytest

from skymath_nb import figures, pictures

POINTS = pd.DataFrame({"series": "a", "size": [100, 200, 400], "accuracy": [0.25, 0.5, 0.75], "low": 0.1, "high": 0.9})
SCORES = pd.DataFrame({"level": [1, 2] * 2, "student": ["a", "a", "b", "b"], "n": 9, "flexible": [0.2, 0.4, 0.6, 0.8]})
SCORES = SCORES.assign(flexible_low=0.1, flexible_high=0.9)


def drawn(figure):
    return tree.fromstring(pictures.draw(json.loads(figure.to_json())))


def numbers(elements, *names):
    return [[float(element.get(name)) for name in names] for element in elements]


def test_points_lie_where_their_numbers_are_on_a_logarithmic_axis():
    picture = drawn(figures.laws(POINTS, None, "t"))
    places = numbers(picture.iter("circle"), "cx", "cy")
    (x0, y0), (x1, y1), (x2, y2) = places
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2), "a doubling is as wide as the next"
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2) and y0 > y1, "up is more"
    upright = [line for line in picture.iter("line") if line.get("x1") == line.get("x2") and line.get("stroke") == figures.COLOURS[0]]
    assert len(upright) == 3 and len(list(picture.iter("polyline"))) == 1


def test_bars_are_as_high_as_their_numbers_and_stand_side_by_side_or_on_each_other():
    beside = numbers(drawn(figures.scores(SCORES, "level", "student", "t")).iter("rect"), "x", "y", "height")
    heights = [height for *_, height in beside]
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.01) and heights[3] == pytest.approx(4 * heights[0], rel=0.01)
    assert len({x for x, *_ in beside}) == 4
    table = pd.DataFrame({"level": [1] * 5, "method": ["a"] * 2 + ["b"] * 3})
    (xa, ya, ha), (xb, yb, hb) = numbers(drawn(figures.counts(table, "level", "method", "t")).iter("rect"), "x", "y", "height")
    assert xa == xb and yb + hb == pytest.approx(ya, abs=0.2) and hb == pytest.approx(1.5 * ha, rel=0.01)


def test_texts_and_colours_of_a_figure_stay_texts_and_colours():
    figure = {
        "data": [{"type": "bar", "x": ["<b>&"], "y": [1], "marker": {"color": '"><script>'}, "opacity": '1"><b'}],
        "layout": {"height": "x"},
    }
    text = pictures.draw(figure)
    tree.fromstring(text)
    assert "<script" not in text and "<b" not in text.replace("&lt;b", "") and "&lt;b&gt;&amp;" in text


@pytest.mark.parametrize("data", [[], [{"type": "heatmap", "z": [[1]]}], [{"x": [None], "y": [np.nan]}], [{"x": [1], "y": []}]])
def test_what_cannot_be_drawn_is_left_out(data):
    assert pictures.draw({"data": data}) == ""


def test_the_map_has_two_panels_and_every_problem():
    points, order = np.random.default_rng(0).normal(size=(30, 2)), np.arange(4)
    texts = pd.Series([f"p{i}" for i in range(30)])
    figure = figures.problem_map(points, order, np.array([4.0, 3, 2, 1]), texts, texts.str[:1])
    picture = drawn(figure)
    assert len(list(picture.iter("circle"))) >= 30 + 4 and len(list(picture.iter("polyline"))) == 1
    left = max(float(c.get("cx")) for c in list(picture.iter("circle"))[:30])
    right = [float(x) for x in re.findall(r"([\d.]+),", next(picture.iter("polyline")).get("points"))]
    assert min(right) > left
