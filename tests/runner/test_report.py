"""The pages of a run: what widgets left is taken out of executed notebooks."""

import json
import re

import nbformat
import numpy as np
import pandas as pd

from skymath_nb.notebook import figures
from skymath_nb.runner import report


def test_an_executed_notebook_keeps_no_widget_state(tmp_path):
    bar = {
        "output_type": "display_data",
        "metadata": {},
        "data": {report.WIDGET: {"model_id": "abc"}, "text/plain": "Loading: 0%"},
    }
    cell = nbformat.v4.new_code_cell("load()", outputs=[nbformat.from_dict(bar)])
    notebook = nbformat.v4.new_notebook(
        cells=[cell],
        metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"abc": {}}}},
    )
    copy = tmp_path / "step" / "notebook.ipynb"
    copy.parent.mkdir()
    nbformat.write(notebook, copy)
    page = report.notebook(copy, tmp_path)
    kept = nbformat.read(copy, as_version=4)
    nbformat.validate(kept)
    assert "widget" not in copy.read_text() and kept.cells[0].outputs[0].data == {
        "text/plain": "Loading: 0%"
    }
    assert "Loading: 0%" in page.read_text() and "abc" not in page.read_text().split("<main>")[1]
    before = copy.stat().st_mtime_ns
    report.notebook(copy, tmp_path)
    assert copy.stat().st_mtime_ns == before


def test_a_figure_tells_its_numbers_where_no_script_runs(tmp_path):
    figure = figures.laws(
        pd.DataFrame(
            {
                "series": "a <b>",
                "size": [100, 200],
                "accuracy": [0.25, 0.5],
                "low": 0.1,
                "high": 0.6,
            }
        ),
        None,
        "Law<br><sup>x</sup>",
    )
    many = figures.coverage({"k_center": np.linspace(1, 0, 500)})
    output = [
        nbformat.v4.new_output("display_data", {report.PLOTLY: json.loads(f.to_json())})
        for f in (figure, many)
    ]
    copy = tmp_path / "step" / "notebook.ipynb"
    copy.parent.mkdir()
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("f", outputs=output)]), copy
    )
    text = report.notebook(copy, tmp_path).read_text()
    first, second = re.findall(r"<noscript><p>(.*?)</noscript>", text)
    assert (
        "Law" in first and "100: 25 [10, 60]; 200: 50 [10, 60]" in first and "a &lt;b&gt;" in first
    )
    assert "500 points, such as 1: 1; 22: 0.9579;" in second and "484: 0.03206" in second
    assert text.count("Plotly.newPlot") == 2 and "<noscript><style>.plot { display: none }" in text


def test_texts_of_a_figure_stay_texts(tmp_path):
    hostile = "</script><script>alert(1)</script>"
    trace = {
        "type": "bar",
        "name": hostile,
        "x": [hostile],
        "y": [1],
        "error_y": {"array": [None]},
        "marker": {"color": hostile},
    }
    figure = {"data": [trace], "layout": {"height": f'1"{hostile}', "title": hostile}}
    copy = tmp_path / "step" / "notebook.ipynb"
    copy.parent.mkdir()
    output = nbformat.v4.new_output("display_data", {report.PLOTLY: figure})
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("f", outputs=[output])]), copy
    )
    text = report.notebook(copy, tmp_path).read_text()
    assert (
        "<script>alert" not in text
        and "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;: 1" in text
    )
    assert f'style="height:{report.HEIGHT}px"' in text
