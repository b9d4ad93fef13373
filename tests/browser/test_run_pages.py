"""A run's pages, opened as files.

With scripts their figures are drawn, without them the words and numbers are still there.
"""

import pytest
from conftest import Watched

PAGES = ("index.html", "03_coreset_selection/notebook.html", "05_evaluation/notebook.html")
DRAWINGS = ".plot"


@pytest.fixture(params=PAGES)
def address(request, run_folder):
    return run_folder / request.param


def name(address, scripts):
    return f"page.{address.parent.name}.{address.stem}.{scripts}.png"


def test_with_scripts_every_figure_is_drawn_from_files_alone(browser, address, shots):
    seen = Watched(browser)
    seen.page.goto(address.as_uri())
    drawings = seen.page.locator(DRAWINGS)
    assert drawings.count() > 0
    for drawing in drawings.all():
        assert drawing.locator("svg.main-svg").first.is_visible()
    seen.page.screenshot(path=shots / name(address, "scripts"), full_page=True)
    assert seen.complaints == []
    seen.close()


def test_without_scripts_every_figure_tells_its_numbers(browser, address, shots):
    seen = Watched(browser, java_script_enabled=False)
    seen.page.goto(address.as_uri())
    drawings = seen.page.locator(DRAWINGS)
    # looking by text passes over what stands in such an element
    told = seen.page.locator("noscript p")
    assert drawings.count() == told.count() > 0 and not any(
        drawing.is_visible() for drawing in drawings.all()
    )
    assert all(line.is_visible() for line in told.all())
    numbers = seen.page.locator("noscript table")
    assert numbers.count() == told.count() and numbers.first.locator("td").first.is_visible()
    seen.page.screenshot(path=shots / name(address, "no_scripts"), full_page=True)
    assert (
        seen.page.locator("h1").first.is_visible()
        and seen.page.locator("table").first.inner_text().strip()
    )
    seen.close()
