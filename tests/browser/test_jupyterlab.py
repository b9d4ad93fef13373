"""The notebooks in JupyterLab.

Everything runs, is drawn, and stays on this machine; what can be moved is moved.
"""

import json
import re

import pytest

from skymath_nb import prompts
from skymath_nb.evaluation import errors

NAMES = (
    "00_start_here",
    "01_seed_exploration",
    "02_augmentation",
    "03_coreset_selection",
    "04_curriculum_sft",
    "05_evaluation",
)
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"


def on(*names):
    return pytest.mark.parametrize("notebook", names, indirect=True)


@on(*NAMES)
def test_every_cell_runs_and_nothing_leaves_the_machine(notebook):
    outputs = notebook.outputs()
    assert not [(o["cell"], o["error"]) for o in outputs if o["type"] == "error"]
    run = notebook.page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets
        .filter(c => c.model.type === 'code' && c.model.sharedModel.source.trim() && !c.model.executionCount).length""")
    assert run == 0, "every cell with code has been run"
    assert notebook.complaints == []


@on(*NAMES)
def test_what_a_cell_returns_is_on_the_screen(notebook, run_folder, shots):
    notebook.picture(shots / f"{notebook.name}.png")
    report = json.loads((run_folder / notebook.name / "report.json").read_text(encoding="utf-8"))
    last = (
        notebook.panel.locator(".jp-CodeCell")
        .filter(has_text=re.compile(r"step\.finish\("))
        .locator("table")
        .last
    )
    assert last.is_visible() and set(report) <= set(last.locator("td").all_text_contents())
    text = notebook.panel.inner_text()
    assert "Error displaying widget" not in text and "Loading widget" not in text
    widgets = sum(WIDGET in o["kinds"] for o in notebook.outputs())
    assert widgets == notebook.panel.locator(".jp-OutputArea-output > .jupyter-widgets").count()
    assert notebook.complaints == []


@on(*NAMES)
def test_figures_are_drawn(notebook):
    graphs = notebook.panel.locator(".js-plotly-plot")
    assert graphs.count() == sum(PLOTLY in o["kinds"] for o in notebook.outputs())
    for graph in graphs.all():
        assert graph.locator("svg.main-svg").first.is_visible()
        # dots, bars, lines, "no row meets a benchmark"
        marks = graph.locator("path.point, .point path, path.js-line, .annotation-text")
        assert marks.count() > 0, graph.inner_text()
    assert notebook.complaints == []


@on("02_augmentation", "05_evaluation")
def test_the_dark_theme_is_pictured(notebook, shots):
    notebook.theme("JupyterLab Dark")
    notebook.picture(shots / f"{notebook.name}.dark.png")
    notebook.theme("JupyterLab Light")
    assert notebook.complaints == []


@on("02_augmentation")
def test_the_prompt_lab_shows_another_prompt_and_asks_the_teacher(notebook, shots):
    from playwright.sync_api import expect

    button = notebook.page.get_by_role("button", name="Ask the teacher")
    cell = notebook.cell(button)
    operator, problem = (cell.get_by_label(name, exact=True) for name in ("operator", "problem"))
    view = cell.locator(".widget-html").filter(has=notebook.page.locator("pre, table")).last
    notebook.choose(operator, "rephrase")
    asked = (prompts.FOLDER / "rephrase.md").read_text(encoding="utf-8").splitlines()
    line = max((line for line in asked if "{" not in line), key=len)
    expect(view).to_contain_text(line)
    chosen = problem.evaluate("s => s.selectedOptions[0].text").replace("\xa0", " ")
    expect(view).to_contain_text(chosen.split(": ", 1)[1].strip())
    expect(
        cell.get_by_text("shown: dict = {'lab': {'operator': 'rephrase', 'row': 0}}")
    ).to_be_visible()
    button.click()
    reply = view.locator("tbody tr").first
    expect(reply).to_contain_text("rephrase")
    heads = view.locator("th").all_text_contents()
    assert reply.locator("td").nth(heads.index("reply")).inner_text().strip()
    expect(button).to_be_enabled()
    notebook.picture(shots / "02_augmentation.prompt_lab.png", cell)
    assert notebook.complaints == []


@on("03_coreset_selection")
def test_the_budget_slider_rings_as_many_problems_as_it_says(notebook, shots):
    from playwright.sync_api import expect

    graph = notebook.panel.locator(".js-plotly-plot").filter(
        has=notebook.page.locator(".slider-container")
    )
    rings = graph.locator("path.point[style*='fill-opacity: 0;']")
    told = graph.get_by_text(re.compile(r"^k: int = \d+$"))  # the line for the parameters cell

    def budget():
        return int(told.text_content().rpartition(" ")[2])

    before = budget()
    expect(rings).to_have_count(before)
    notebook.drag(graph.locator(".slider-grip-rect"), graph.locator(".slider-rail-touch-rect"), 0.4)
    expect(told).not_to_have_text(f"k: int = {before}")
    assert 1 < budget() < before
    expect(rings).to_have_count(budget())
    graph.screenshot(path=shots / "03_coreset_selection.budget.png")
    assert notebook.complaints == []


@on("05_evaluation")
def test_the_error_browser_shows_another_answer_of_the_chosen_class(notebook, shots):
    from playwright.sync_api import expect

    cell = notebook.cell(notebook.page.get_by_label("verdict", exact=True))
    classes, view = cell.get_by_label("error", exact=True), cell.locator(".widget-html").last
    slider = cell.locator(".widget-slider").filter(has=notebook.page.get_by_text("row", exact=True))
    handle, title = slider.get_by_role("slider"), view.locator("b").first
    options = [
        option.replace("\xa0", " ")
        for option in classes.evaluate("s => [...s.options].map(o => o.text)")
    ]
    assert set(options) <= {"all", *errors.CLASSES}
    for name in options:
        if name not in ("all", "right"):
            notebook.choose(classes, name)
            expect(title).to_have_text(re.compile(rf"^{re.escape(name)}\b"))
            if float(handle.get_attribute("aria-valuemax")) > 0:
                break
    else:
        pytest.fail(f"no class of {options} has two answers to go between")
    before = view.inner_text()
    expect(view).to_contain_text(f"shown: dict = {{'errors': {{'error': '{name}'")
    notebook.drag(handle, slider.locator(".noUi-base"), 1.0)
    expect(view).not_to_have_text(before)
    expect(title).to_have_text(re.compile(rf"^{re.escape(name)}\b"))
    notebook.picture(shots / "05_evaluation.error_browser.png", cell)
    assert notebook.complaints == []
