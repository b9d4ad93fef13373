import numpy as np
import pandas as pd
import pytest

from skymath_nb import world
from skymath_nb.augmentation import as_instances
from skymath_nb.data import paper
from skymath_nb.evaluation import scores
from skymath_nb.notebook import figures
from skymath_nb.training import curriculum


@pytest.fixture(scope="module")
def seeds():
    return world.seeds(60, 0)


def total(figure):
    return sum(sum(trace.y) for trace in figure.data)


def test_bars_count_every_row_once(seeds):
    figure = figures.counts(seeds, "level", "language", "title")
    assert total(figure) == 60 and list(figure.data[0].x) == ["1", "2", "3", "4", "5"]
    assert {trace.name for trace in figure.data} == {"English", "Chinese"}


def test_kept_and_eliminated_add_up_to_what_was_asked_for():
    summary = pd.DataFrame(
        {
            "method": ["evol", "evol", "xwin"],
            "operator": ["deepen", "reason", "create"],
            "rows": [5, 4, 3],
            "kept": [4, 4, 1],
        }
    )
    assert total(figures.kept(summary)) == 12


def test_leaks_show_hits_alone_and_say_so_when_there_is_none():
    counts = pd.DataFrame(
        {
            "benchmark": ["math", "math"],
            "verdict": ["leak", "clean"],
            "tier": ["ngram", ""],
            "n": [30, 0],
            "rows": [7, 90],
        }
    )
    assert total(figures.leaks(counts)) == 7
    assert "no row" in figures.leaks(counts.iloc[1:]).layout.annotations[0].text


def test_scores_draw_the_interval_that_was_measured():
    answers = pd.DataFrame(
        {
            "benchmark": "b",
            "id": range(20),
            "level": [1] * 10 + [2] * 10,
            "student": "s",
            "strict": False,
            "flexible": [True] * 12 + [False] * 8,
            "cap_hit": False,
        }
    )
    table = scores.score(answers, by=("student", "level"))
    bar = figures.scores(table, "level", "student", "title").data[0]
    assert list(bar.y) == [100, 20]
    assert bar.y[1] - bar.error_y.arrayminus[1] == pytest.approx(100 * table["flexible_low"][1])
    assert bar.y[1] + bar.error_y.array[1] == pytest.approx(100 * table["flexible_high"][1])


def test_a_run_stands_beside_the_papers_numbers():
    answers = pd.DataFrame(
        {
            "benchmark": "b",
            "id": range(20),
            "distractors": [0] * 10 + [5] * 10,
            "student": "tiny",
            "strict": False,
        }
    )
    table = scores.score(
        answers.assign(flexible=[True] * 12 + [False] * 8, cap_hit=False),
        by=("student", "distractors"),
    )
    published = paper.scores("Table 7").query("model == 'Mistral-7B'")
    figure = figures.beside_paper(table, published, "distractors", "title")
    run, *printed = figure.data
    assert (
        list(run.x) == ["0", "5"]
        and list(run.y) == [100, 20]
        and run.y[1] + run.error_y.array[1] == 100 * table["flexible_high"][1]
    )
    assert [trace.name for trace in printed] == [
        "Mistral-7B, MetaMathQA (paper, table 7)",
        "Mistral-7B, 2.5M (paper, table 7)",
    ]
    assert (
        list(printed[1].x) == list("012345")
        and printed[1].y[5] == 67.01
        and printed[1].error_y.array is None
    )
    sizes = figures.beside_paper(
        table.assign(instances=[250, 4000]), paper.scaling(), "instances", "title", log=True
    )
    assert (
        sizes.layout.xaxis.type == "log"
        and list(sizes.data[0].x) == [250, 4000]
        and len(sizes.data) == 4
    )


def test_differences_are_drawn_in_points_with_their_intervals():
    table = pd.DataFrame(
        {
            "distractors": [1, 2],
            "verdict": "strict",
            "difference": [-0.1, -0.2],
            "low": [-0.15, -0.3],
            "high": [0, -0.1],
        }
    )
    trace = figures.differences(table.assign(n=40), "distractors", "title").data[0]
    assert list(trace.y) == pytest.approx([-10, -20])
    assert list(trace.error_y.array) == pytest.approx([10, 10]) and list(
        trace.error_y.arrayminus
    ) == pytest.approx([5, 10])


def test_pass_and_majority_are_drawn_together():
    tables = [
        pd.DataFrame(
            {"k": [1, 4], "items": 9, name: [0.5, high], f"{name}_low": 0.4, f"{name}_high": 0.9}
        )
        for name, high in (("pass_at_k", 0.8), ("majority_at_k", 0.6))
    ]
    passed, majority = figures.at_k(*tables, "title").data
    assert (
        (passed.name, majority.name) == ("pass@k", "maj@k")
        and passed.y[1] == 80
        and majority.error_y.array[1] == pytest.approx(30)
    )


def test_errors_are_shares_that_sum_to_a_hundred():
    table = pd.DataFrame({"level": [1, 1, 2, 2], "error": ["right", "cut off", "right", "right"]})
    figure = figures.errors(table, "level")
    assert np.allclose(np.sum([trace.y for trace in figure.data], axis=0), 100)


def test_no_two_classes_of_error_look_alike():
    figure = figures.errors(
        pd.DataFrame({"level": 1, "error": [f"class {i}" for i in range(16)]}), "level"
    )
    looks = [
        (i % len(figures.COLOURS), trace.marker.pattern.shape)
        for i, trace in enumerate(figure.data)
    ]
    assert len(set(looks)) == 16


def test_the_map_marks_the_chosen_points(seeds):
    points = np.arange(120, dtype=float).reshape(60, 2)
    figure = figures.problem_map(
        points, np.array([3, 5]), np.array([9.0, 4.0]), seeds["problem"], seeds["subject"]
    )
    chosen, budget = figure.data[-2:]
    assert list(chosen.x) == [6.0, 10.0] and (list(budget.x), list(budget.y)) == ([2], [4.0])
    assert sum(len(trace.x) for trace in figure.data[:-3]) == 60


def test_the_slider_moves_the_ring_and_the_radius_together(seeds, monkeypatch):
    points, order = np.arange(120, dtype=float).reshape(60, 2), np.arange(40)[::-1]
    figure = figures.problem_map(
        points, order, 1 / np.arange(1, 41), seeds["problem"], seeds["subject"]
    )
    steps = figure.layout.sliders[0].steps
    assert [steps[0].label, steps[-1].label] == ["1", "40"] and figure.layout.sliders[
        0
    ].active == len(steps) - 1
    for step in steps:
        new, traces = step.args
        assert [figure.data[i].name for i in traces] == ["chosen", "budget"]
        budget = int(step.label)
        assert new["x"][0] == points[order[:budget], 0].tolist() and new["y"][1] == [1 / budget]
    monkeypatch.setattr(figures, "DRAWN", 30)
    small = figures.problem_map(
        points, order, 1 / np.arange(1, 41), seeds["problem"], seeds["subject"]
    )
    assert sum(len(trace.x) for trace in small.data[:-3]) == 30 and len(small.data[-2].x) == 30


def test_curves_have_one_point_a_step(seeds):
    radius = figures.coverage({"k_center": np.array([3.0, 2.0]), "random": np.array([3.0, 2.5])})
    assert list(radius.data[0].x) == [1, 2]
    plan = curriculum.build(
        as_instances(seeds), "stage1_only", epochs=1, batch_size=8, learning_rate=1e-3
    )
    rates = curriculum.learning_rates(plan)
    schedule = figures.schedule(curriculum.schedule(plan), rates)
    assert len(schedule.data[-1].x) == len(rates) == 8
    losses = figures.losses(
        pd.DataFrame({"step": [1, 2, 3], "phase": ["a", "a", "b"], "loss": [3.0, 2.0, 1.0]})
    )
    assert [trace.name for trace in losses.data] == ["a", "b"]


def test_contrasts_are_drawn_with_their_intervals_and_where_a_claim_begins():
    table = pd.DataFrame(
        {
            "says": ["a / b", "c / d"],
            "found": ["reproduced", "not seen"],
            "difference": [0.2, 0.01],
            "low": [0.1, -0.02],
        }
    )
    table = table.assign(high=[0.3, 0.04], a=0.5, b=0.3, n=100, seeds=3, beyond=[0.0, 0.03])
    first, second, begins = figures.contrasts(table, "title").data
    assert (
        list(first.x) == [20]
        and first.error_x.array[0] == pytest.approx(10)
        and second.name == "not seen"
    )
    assert list(begins.x) == [3] and list(begins.y) == ["c / d"]
    assert len(figures.contrasts(table.assign(beyond=0.0), "title").data) == 2
