"""The pages of a run: what widgets left is taken out of executed notebooks."""

import nbformat

from skymath_nb import pages


def test_an_executed_notebook_keeps_no_widget_state(tmp_path):
    bar = {"output_type": "display_data", "metadata": {}, "data": {pages.WIDGET: {"model_id": "abc"}, "text/plain": "Loading: 0%"}}
    cell = nbformat.v4.new_code_cell("load()", outputs=[nbformat.from_dict(bar)])
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"abc": {}}}})
    copy = tmp_path / "step" / "notebook.ipynb"
    copy.parent.mkdir()
    nbformat.write(notebook, copy)
    page = pages.notebook(copy, tmp_path)
    kept = nbformat.read(copy, as_version=4)
    nbformat.validate(kept)
    assert "widget" not in copy.read_text() and kept.cells[0].outputs[0].data == {"text/plain": "Loading: 0%"}
    assert "Loading: 0%" in page.read_text() and "abc" not in page.read_text().split("<main>")[1]
    before = copy.stat().st_mtime_ns
    pages.notebook(copy, tmp_path)
    assert copy.stat().st_mtime_ns == before
