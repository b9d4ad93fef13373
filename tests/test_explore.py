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
    assert explore.lineage("i2", instances, seeds)["id"].tolist() == ["i2", "i1", "s"]
    with pytest.raises(ValueError, match="nobody"):
        explore.lineage("nobody", instances, seeds)


def test_the_machine_is_described_without_any_secret(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "planted-secret-key")
    table = explore.machine()
    assert "planted-secret-key" not in table.to_string() and "set" in table["found"].tolist()


def test_progress_is_a_few_lines_whatever_the_number_of_calls(capsys):
    from skymath_nb.teacher import Tally

    tell = explore.progress_lines(0.25)
    for done in range(1001):
        tell(Tally(total=1000, answered=done))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[-1].startswith("1,000 of 1,000")
