import pandas as pd
import pytest

from skymath_nb import explore

ROWS = pd.DataFrame({"kind": ["a", "a", "b"], "text": ["<b>1 & 2</b>", "$x^2$\nnext", "小明"]})


@pytest.fixture
def shown(monkeypatch):
    import IPython.display

    out = []
    monkeypatch.setattr(IPython.display, "display", out.append)
    return out


def test_browsing_shows_counts_and_rows_without_a_widget(shown):
    explore.browse(ROWS, "kind", ["text"])
    text = "".join(item.data for item in shown)
    assert "a: 2" in text and "b: 1" in text and "小明" in text
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;" in text and "<b>1" not in text, "texts are escaped"


def test_a_widget_comes_on_top_looks_and_prints_the_line_to_paste(shown):
    explore.browse(ROWS, "kind", ["text"], interactive=True)
    box = shown[-1]
    (choice, place), view = box.children[0].children, box.children[1]
    choice.value = "b"
    assert "小明" in view.value and "table[table[&#x27;kind&#x27;]" in view.value.replace("'", "&#x27;")
    choice.value = "a"
    place.value = 1
    assert "next" in view.value


def test_an_unknown_column_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="colour"):
        explore.browse(ROWS, "colour", ["text"])


def test_lineage_goes_back_to_the_seed():
    seeds = pd.DataFrame({"id": ["s"], "problem": ["seed text"], "level": [1]})
    instances = pd.DataFrame(
        {"id": ["i1", "i2"], "operator": ["deepen", "reason"], "level": [2, 3], "query": ["one", "two"], "parent_id": ["s", "i1"]}
    )
    table = explore.lineage("i2", instances, seeds)
    assert table["id"].tolist() == ["i2", "i1", "s"] and table["made by"].tolist() == ["reason", "deepen", "seed"]
    assert table["problem"].tolist() == ["two", "one", "seed text"]
    with pytest.raises(ValueError, match="nobody"):
        explore.lineage("nobody", instances, seeds)


def test_the_machine_is_described_without_any_secret(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "planted-secret-key")
    table = explore.machine()
    assert "planted-secret-key" not in table.to_string() and "set" in table["found"].tolist()


def test_progress_is_a_few_lines_whatever_the_number_of_calls(capsys):
    from skymath_nb.teacher import Tally

    tell = explore.progress(every=0.25)
    for done in range(1001):
        tell(Tally(total=1000, answered=done))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[-1].startswith("1,000 of 1,000")


def test_progress_knows_one_call_from_the_next_and_how_long_it_takes(capsys, monkeypatch):
    from skymath_nb.teacher import Tally

    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(explore.time, "monotonic", lambda: next(clock))
    tell = explore.progress(every=0.5)
    for total in (10, 10, 4):
        for done in range(total + 1):
            tell(Tally(total=total, answered=done))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" requests")[0] for line in lines] == ["5 of 10", "10 of 10"] * 2 + ["2 of 4", "4 of 4"]
    assert "left" in lines[0] and "left" not in lines[1]


def test_progress_is_a_bar_in_the_lab(shown):
    from skymath_nb.teacher import Tally

    tell = explore.progress(interactive=True)
    for done in (0, 5, 10):
        tell(Tally(total=10, answered=done, spent_usd=1.5))
    tell(Tally(total=3, cached=3))
    first, second = shown
    assert first.children[0].value == 1.0 and "$1.50" in first.children[1].value
    assert second.children[0].value == 1.0 and "3 from the ledger" in second.children[1].value
