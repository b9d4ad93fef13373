import ast
import html
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from skymath_nb.evaluation import errors
from skymath_nb.notebook import browse

ROWS = pd.DataFrame({"kind": ["a", "a", "b"], "text": ["<b>1 & 2</b>", "$x^2$\nnext", "小明"]})


@pytest.fixture
def shown(monkeypatch):
    import IPython.display

    out = []
    monkeypatch.setattr(IPython.display, "display", out.append)
    return out


def test_browsing_shows_counts_and_rows_without_a_widget(shown):
    browse.browse(ROWS, "kind", ["text"])
    text = "".join(item.data for item in shown)
    assert "a: 2" in text and "b: 1" in text and "小明" in text
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;" in text and "<b>1" not in text, "texts are escaped"


def test_a_widget_comes_on_top_looks_and_prints_the_line_to_paste(shown):
    before = {"others": {"row": 2}}
    browse.browse(
        ROWS, "kind", ["text"], filters=["text"], name="mine", shown=before, interactive=True
    )
    box = shown[-1]
    (choice, other), place, view = box.children[0].children, box.children[1], box.children[2]
    assert choice.label == other.label == "all"
    assert choice.description == "kind" and other.description == "text" and "3 of 3" in view.value
    choice.value = "b"
    assert "小明" in view.value and "1 of 3" in view.value
    choice.value = "a"
    place.value = 1
    assert "next" in view.value
    line = html.unescape(re.search("<code>(.*)</code>", view.value)[1])
    name, _, value = line.partition(": dict = ")
    pasted = ast.literal_eval(value)
    assert (
        name == "shown"
        and pasted == {"others": {"row": 2}, "mine": {"kind": "a", "row": 1}}
        and before == {"others": {"row": 2}}
    )
    shown.clear()
    browse.browse(
        ROWS, "kind", ["text"], filters=["text"], name="mine", shown=pasted, interactive=True
    )
    assert (
        "$x^2$" in shown[1].data and "1 of 2" not in shown[1].data and "2 of 3" in shown[1].data
    ), "first of all, and without a widget"
    choice, place = shown[-1].children[0].children[0], shown[-1].children[1]
    assert choice.value == "a" and place.value == 1 and place.max == 1, (
        "the widget opens there, too"
    )


@pytest.mark.parametrize(
    "own, said",
    [
        ({"kind": "z"}, "kind: 'z'"),
        ({"colour": 1}, "colour"),
        ({"row": -1}, "row -1"),
        ({"row": "first"}, "row 'first'"),
        ({"kind": "b", "row": 1}, "row 1 is not there; it may hold row (1 are found)"),
        (3, "is 3"),
    ],
)
def test_a_line_that_does_not_fit_the_table_is_refused(own, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        browse.browse(ROWS, "kind", ["text"], name="mine", shown={"mine": own})


def test_an_unknown_column_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="colour"):
        browse.browse(ROWS, "colour", ["text"])


def test_lineage_goes_back_to_the_seed():
    seeds = pd.DataFrame({"id": ["s"], "problem": ["seed text"], "level": [1]})
    instances = pd.DataFrame(
        {
            "id": ["i1", "i2"],
            "operator": ["deepen", "reason"],
            "level": [2, 3],
            "query": ["one", "two"],
            "parent_id": ["s", "i1"],
        }
    )
    table = browse.lineage("i2", instances, seeds)
    assert table["id"].tolist() == ["i2", "i1", "s"] and table["made by"].tolist() == [
        "reason",
        "deepen",
        "seed",
    ]
    assert table["problem"].tolist() == ["two", "one", "seed text"]
    with pytest.raises(ValueError, match="nobody"):
        browse.lineage("nobody", instances, seeds)


def test_lineage_ends_at_a_row_that_is_its_own_parent():
    table = pd.DataFrame(
        {"id": ["a"], "operator": ["deepen"], "level": [2], "query": ["one"], "parent_id": ["a"]}
    )
    assert browse.lineage("a", table)["id"].tolist() == ["a"]


STORY = "Tom has 9 pens. Tom loses 2 of the pens. How many pens does Tom have now?"
HOSTILE = [
    (
        "<script>alert(1)</script><img src=x onerror=alert(2)></pre></mark></td> 9 + 2 = 11.\n"
        "The answer is 11."
    ),
    (
        "$\\def\\x{\\x\\x}\\x$ \\(\\href{javascript:alert(1)}{9}\\) $$\\unicode{x3c}$$. 9 + 2 = "
        "11.\n"
        "The answer is 11."
    ),
    "\u202e9 + 2 = 11\x00\x1b[31m.\nThe answer is 11.",
    "<b>" * 30_000 + "\n9 + 2 = 11.\nThe answer is 11.",
    "9 + 2 = 11. " + "&lt;" * 30_000 + "\nThe answer is 11.",
]


def judged(responses):
    rows = [
        {"id": f"i{i}", "response": text, "gold": "7", "problem": STORY, "extracted": "11"}
        for i, text in enumerate(responses)
    ]
    table = pd.DataFrame(rows).assign(
        benchmark="world-test", level=1, language="en", strict=False, flexible=False, cap_hit=False
    )
    return table.join(errors.classify(table))


class Page(HTMLParser):
    """Tags, and the text that stands where a TeX renderer would look for formulas."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.exposed = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, tuple(name for name, _ in attributes)))
        if tag != "br":
            self.open.append((tag, dict(attributes).get("class") or ""))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, "tags are closed in order"

    def handle_data(self, data):
        if not any("mathjax_ignore" in kind and "tex2jax_ignore" in kind for _, kind in self.open):
            self.exposed += data


@pytest.mark.parametrize("text", HOSTILE, ids=["html", "tex", "unseen", "long", "late"])
def test_a_card_shows_hostile_text_as_it_is_written_and_runs_nothing(shown, text):
    table = judged([text])
    assert table["error"].tolist() == ["wrong operation"]
    near = pd.DataFrame(
        {"wanted_id": ["i0"], "rank": [1], "cosine": [0.9], "id": ["r1"], "query": [text]}
    )
    rows = pd.DataFrame(
        {
            "id": ["r1"],
            "operator": [text[:50]],
            "level": [2],
            "query": [text[:500]],
            "parent_id": [None],
        }
    )
    browse.browse_errors(table, near, [rows], interactive=True)
    for made in (shown[1].data, shown[-1].children[-1].value):
        page = Page(made)
        assert not page.open and {tag for tag, _ in page.tags} <= {
            "div",
            "p",
            "b",
            "br",
            "pre",
            "mark",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "code",
            "details",
            "summary",
        }
        assert {name for _, names in page.tags for name in names} <= {"class", "style", "open"}
        assert not re.search(r"[$\\\\]", page.exposed), "no TeX stands where a renderer looks"
        assert not re.search("[\x00-\x08\x1b\u202e]", made), "what cannot be seen is spelled out"
        assert "<mark>9 + 2 = 11</mark>" in made, "the evidence is marked"
        assert len(made) < 400_000
    assert "\\u202e" in shown[1].data or text is not HOSTILE[2]


def test_steps_are_checked_line_by_line_and_left_out_text_is_counted(shown):
    browse.browse_errors(judged(["9 - 2 = 6.\n6 + 1 = 7.\nThe answer is 11." + " so" * 3000]))
    text = shown[1].data
    assert (
        "FALSE: 9 - 2 = 6" in text
        and "true: 6 + 1 = 7" in text
        and text.index("FALSE") < text.index("true:")
    )
    assert "more characters are not shown" in text and "arithmetic slip: 1" in shown[0].data


def test_the_browser_filters_and_shows_the_nearest_rows_with_their_lineage(shown):
    table = judged(
        [
            "9 - 2 = 6.\nThe answer is 6.",
            "9 + 2 = 11.\nThe answer is 11.",
            "9 + 2 = 11.\nThe answer is 12.",
        ]
    )
    table.loc[2, ["level", "language"]] = 3, "zh"
    near = pd.DataFrame(
        {
            "wanted_id": ["i0", "i1"],
            "rank": 1,
            "cosine": 0.9,
            "id": ["r1", "r2"],
            "query": ["near 0", "near 1"],
        }
    )
    instances = pd.DataFrame(
        {
            "id": ["r1", "r2"],
            "operator": "deepen",
            "level": 2,
            "query": "q",
            "parent_id": ["s1", "s1"],
        }
    )
    seeds = pd.DataFrame({"id": ["s1"], "level": [1], "problem": ["the seed itself"]})
    browse.browse_errors(table, near, [instances, seeds], interactive=True)
    assert (
        len([item for item in shown if "wrong operation (wrong)" in getattr(item, "data", "")]) == 1
    )
    choices, place, view = shown[-1].children
    by_name = {choice.description: choice for choice in choices.children}
    assert list(by_name) == ["error", "benchmark", "level", "language", "verdict"]
    by_name["error"].value = "wrong operation"
    assert (
        "2 of 3" in view.value
        and "near 1" in view.value
        and "deepen, level 2 from seed s1, level 1" in view.value
        and "near 0" not in view.value
    )
    by_name["verdict"].value = "wrong"
    by_name["level"].value = 3
    line = html.unescape(re.search("<code>(.*)</code>", view.value)[1])
    pasted = ast.literal_eval(line.partition(": dict = ")[2])
    assert (
        pasted == {"errors": {"error": "wrong operation", "level": 3, "verdict": "wrong"}}
        and "1 of 3" in view.value
    )
    shown.clear()
    browse.browse_errors(table, near, [instances, seeds], shown=pasted)
    assert "i2" in shown[1].data and "1 of 3" in shown[1].data, (
        "the pasted line shows that answer first, without a widget"
    )
    by_name["error"].value = "arithmetic slip"
    assert "0 of 3" in view.value and "<pre" not in view.value
    with pytest.raises(ValueError, match="evidence"):
        browse.browse_errors(table.drop(columns="evidence"))


def test_progress_is_a_few_lines_whatever_the_number_of_calls(capsys):
    from skymath_nb.inference.teacher import Tally

    tell = browse.progress(every=0.25)
    for done in range(1001):
        tell(Tally(total=1000, answered=done))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[-1].startswith("1,000 of 1,000")


def test_progress_knows_one_call_from_the_next_and_how_long_it_takes(capsys, monkeypatch):
    from skymath_nb.inference.teacher import Tally

    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(browse.time, "monotonic", lambda: next(clock))
    tell = browse.progress(every=0.5)
    for total in (10, 10, 4):
        for done in range(total + 1):
            tell(Tally(total=total, answered=done))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" requests")[0] for line in lines] == ["5 of 10", "10 of 10"] * 2 + [
        "2 of 4",
        "4 of 4",
    ]
    assert "left" in lines[0] and "left" not in lines[1]


def test_progress_reads_lines_of_training_and_answering(capsys):
    tell = browse.progress(every=0.5)
    for stage in (1, 2):
        for step in range(1, 9):
            tell(f"stage {stage}: step {step}/8, loss 0.5")
    tell("student holds this training already: reused")
    assert capsys.readouterr().out.splitlines() == [
        *(f"stage {stage}: step {step}/8, loss 0.5" for stage in (1, 2) for step in (4, 8)),
        "student holds this training already: reused",
    ]


def test_progress_is_a_bar_in_the_lab(shown):
    from skymath_nb.inference.teacher import Tally

    tell = browse.progress(interactive=True)
    for done in (0, 5, 10):
        tell(Tally(total=10, answered=done, spent_usd=1.5))
    tell(Tally(total=3, cached=3))
    first, second = shown
    assert first.children[0].value == 1.0 and "$1.50" in first.children[1].value
    assert second.children[0].value == 1.0 and "3 from the ledger" in second.children[1].value


def test_the_loss_of_a_training_is_drawn_while_it_runs_and_only_once(shown, monkeypatch):
    class Handle:
        def __init__(self, picture):
            self.pictures = [picture]

        def update(self, picture, raw):
            self.pictures.append(picture)

    handles = []

    def display(picture, raw=False, display_id=False):
        if raw:
            handles.append(Handle(picture))
            return handles[-1]

    monkeypatch.setattr("IPython.display.display", display)
    now = iter(range(0, 1000, 2))
    monkeypatch.setattr(browse.time, "monotonic", lambda: next(now))
    tell = browse.progress(interactive=True)
    for stage in (1, 2):
        for step in range(1, 4):
            tell(f"stage {stage}: step {step}/3, loss {step / 10:.3f}, 0:01 left")
    tell("generate: 4/4 answers")
    [handle] = handles
    last = handle.pictures[-1]["application/vnd.plotly.v1+json"]["data"]
    assert len(handle.pictures) > 2 and [trace["name"] for trace in last] == ["stage 1", "stage 2"]
    tell("stage 2: step 1/3, loss 0.900, 0:01 left")
    again = handles[-1].pictures[-1]["application/vnd.plotly.v1+json"]["data"]
    assert len(handles) == 2 and len(again) == 1, "another training has a figure of its own"
