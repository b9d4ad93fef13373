import pytest

from skymath_nb import augmentation, world
from skymath_nb.inference import teacher
from skymath_nb.notebook import prompt_lab


@pytest.fixture
def shown(monkeypatch):
    import IPython.display

    out = []
    monkeypatch.setattr(IPython.display, "display", out.append)
    return out


@pytest.fixture(scope="module")
def seeds():
    return world.seeds(12, 0, chinese=0.0)


def test_prompt_reply_parse_and_verdict_stand_side_by_side(seeds, shown):
    prompt_lab.show(seeds, teacher.asker(), operator="rephrase")
    text = shown[0].data
    trial = augmentation.trial(seeds.iloc[0], "rephrase", teacher.asker())
    for part in (
        "Say the problem between the tags",
        trial.row["query"],
        f"answer: {trial.row['answer']}",
        "agrees_with_gold: True",
        "kept",
    ):
        assert part in text
    assert "&lt;problem&gt;" in text and "<problem>" not in text, "texts are escaped"


@pytest.mark.parametrize("operator", ["answer", "fobar", "translate", "create"])
def test_every_kind_of_operator_can_be_shown(seeds, shown, operator):
    prompt_lab.show(seeds, teacher.asker(), operator=operator, row=2)
    assert ("by rule" in shown[0].data) == (
        operator in ("answer", "fobar")
    ) and "sample 0" in shown[0].data


def test_the_widget_asks_only_when_told_and_says_what_went_wrong(seeds, shown):
    asked = []

    def ask(asks):
        asked.extend(asks)
        return teacher.asker()(asks)

    prompt_lab.show(seeds, ask, interactive=True)
    box = shown[1]
    (problem, choice, button), line, view = (
        box.children[0].children,
        box.children[1],
        box.children[2],
    )
    asked.clear()
    choice.value, problem.value = "create", 3
    assert (
        not asked
        and "CREATED QUESTION" in view.value
        and seeds["problem"].iloc[3][:20] in view.value
    )
    assert (
        "shown: dict = {&#x27;lab&#x27;: {&#x27;operator&#x27;: &#x27;create&#x27;, "
        "&#x27;row&#x27;: 3}}" in line.value
    )
    button.click()
    assert [a["operator"] for a in asked] == ["create", "solve"] and "VERIFICATION" in view.value

    def broken(operator, row):
        raise teacher.TeacherError("no quota is left <here>")

    box = prompt_lab._widget(seeds, broken, {"operator": "deepen", "row": 0}, str)
    box.children[0].children[2].click()
    assert (
        "no quota is left &lt;here&gt;" in box.children[2].value
        and not box.children[0].children[2].disabled
    )


def test_an_unknown_operator_is_refused(seeds):
    with pytest.raises(ValueError, match="enlarge"):
        prompt_lab.show(seeds, teacher.asker(), operator="enlarge")


def test_the_pasted_line_shows_its_trial_and_a_wrong_one_is_refused(seeds, shown):
    prompt_lab.show(
        seeds,
        teacher.asker(),
        shown={"lab": {"operator": "create", "row": 3}, "other": {"row": 1}},
        interactive=True,
    )
    assert (
        "create" in shown[0].data
        and shown[1].children[0].children[0].value == 3
        and shown[1].children[0].children[1].value == "create"
    )
    for wrong in ({"operator": "create", "row": 10**6}, {"row": "first"}, {"operation": "create"}):
        with pytest.raises(ValueError, match="shown"):
            prompt_lab.show(seeds, teacher.asker(), shown={"lab": wrong})
