import numpy as np
import pandas as pd
import pytest

from skymath_nb.core import schema
from skymath_nb.core.schema import GATE, INSTANCES
from skymath_nb.training import curriculum


def instances(normal=8, hard=4):
    n = normal + hard
    table = pd.DataFrame({name: [None] * n for name in INSTANCES.names})
    return table.assign(
        id=[f"i{i}" for i in range(n)],
        stage=["normal"] * normal + ["hard"] * hard,
        level=[1 + i % 3 for i in range(normal)] + [4 + i % 2 for i in range(hard)],
        query=[f"q{i}" for i in range(n)],
        response="r",
        kept=True,
    )


def gate(table, **verdicts):
    rows = [(id, verdicts.get(id, "clean"), "words", 30, None, None, None) for id in table["id"]]
    return pd.DataFrame(rows, columns=GATE.names)


def test_only_gated_kept_and_complete_rows_come_through_and_the_others_say_why():
    table = instances()
    table.loc[1, ["kept", "reason"]] = [False, "no answer found"]
    table.loc[2, "query"] = " "
    table.loc[3, "response"] = None
    table = pd.concat([table, table[table["id"] == "i5"]], ignore_index=True)
    near = gate(table, i0="near").assign(benchmark="math")
    verdicts = pd.concat(
        [near, gate(table, i0="leak", i4="near", i1="leak").assign(benchmark="gsm8k")]
    )
    rows, excluded, counts = curriculum.assemble(table, verdicts)
    assert rows["id"].tolist() == ["i4", "i5", "i6", "i7", "i8", "i9", "i10", "i11"]
    assert dict(zip(excluded["id"], excluded["reason"], strict=True)) == {
        "i0": "leak",
        "i1": "leak",
        "i2": "empty query",
        "i3": "empty response",
        "i5": "there already",
    }
    assert excluded["benchmark"].fillna("").tolist() == ["gsm8k", "gsm8k", "", "", ""]
    assert counts.set_index("outcome")["rows"].to_dict() == {
        "kept": 8,
        "leak": 2,
        "empty query": 1,
        "empty response": 1,
        "there already": 1,
    }


def test_the_same_text_counts_once_and_a_dropped_copy_does_not_push_out_a_kept_one():
    table = instances()
    table.loc[[1, 2, 3], "query"] = "same"
    table.loc[1, "kept"] = False
    excluded = curriculum.assemble(table, gate(table)).excluded
    assert dict(zip(excluded["id"], excluded["reason"], strict=True)) == {
        "i1": "not kept by its method",
        "i3": "there already",
    }


def test_a_row_that_its_method_dropped_keeps_the_reason_of_the_method():
    table = instances()
    table.loc[1, ["kept", "reason"]] = [False, "no answer found"]
    excluded = curriculum.assemble(table, gate(table)).excluded
    assert excluded[["id", "reason", "detail"]].to_numpy().tolist() == [
        ["i1", "not kept by its method", "no answer found"]
    ]


def test_near_rows_are_dropped_only_if_asked():
    table = instances()
    near = gate(table, i4="near")
    assert len(curriculum.assemble(table, near).rows) == 12
    assert "i4" not in set(curriculum.assemble(table, near, drop_near=True).rows["id"])


def test_the_worst_of_several_verdicts_counts():
    table = instances()
    tiers = pd.concat([gate(table, i3="leak"), gate(table), gate(table, i3="near")])
    assert "i3" not in set(curriculum.assemble(table, tiers).rows["id"])


def test_ungated_instances_are_a_wall():
    table = instances()
    with pytest.raises(
        ValueError, match=r"2 of 12 instances have no verdict.*i3.*Run leakage.gate"
    ):
        curriculum.assemble(table, gate(table[~table["id"].isin(["i3", "i9"])]))
    with pytest.raises(ValueError, match="12 of 12"):
        curriculum.assemble(table, gate(table[:0]))
    with pytest.raises(ValueError, match=r"it holds \['dirty'\]"):
        curriculum.assemble(table, gate(table, i3="dirty"))
    with pytest.raises(ValueError, match="all 12 instances are excluded"):
        curriculum.assemble(table, gate(table, **dict.fromkeys(table["id"], "leak")))


NORMAL, HARD = {f"i{i}" for i in range(8)}, {f"i{i}" for i in range(8, 12)}


@pytest.mark.parametrize(
    "preset, phases",
    [
        ("paper", [NORMAL, HARD]),
        ("shuffled", [NORMAL | HARD]),
        ("hard_first", [HARD, NORMAL]),
        ("stage1_only", [NORMAL]),
        (
            "easy_to_hard_by_level",
            [{"i0", "i3", "i6"}, {"i1", "i4", "i7"}, {"i2", "i5"}, {"i8", "i10"}, {"i9", "i11"}],
        ),
    ],
)
def test_a_preset_lays_the_rows_out_in_its_phases(preset, phases):
    plan = curriculum.build(instances(), preset, learning_rate=1e-3, hard_learning_rate=1e-4)
    assert [set(phase.rows["id"]) for phase in plan.phases] == phases
    for phase in plan.phases:
        hard_alone = preset in ("paper", "hard_first") and set(phase.rows["id"]) == HARD
        assert phase.learning_rate == (1e-4 if hard_alone else 1e-3) and phase.epochs == 3


def test_replay_adds_a_share_of_the_normal_rows_and_a_larger_share_holds_a_smaller():
    def again(share):
        plan = curriculum.build(instances(), "replay", replay=share)
        assert set(plan.phases[0].rows["id"]) == NORMAL
        return set(plan.phases[1].rows["id"])

    assert HARD < again(0.25) < again(0.5) < again(1.0) == NORMAL | HARD
    assert len(again(0.25)) == 4 + 2


def test_every_preset_has_a_schedule_that_adds_up():
    table = instances()
    for preset in curriculum.PRESETS:
        plan = curriculum.build(table, preset, replay=0.5, batch_size=3)
        lines = curriculum.schedule(plan)
        np.testing.assert_allclose(lines.filter(like="level ").sum(axis=1), 1)
        assert lines["rows"].sum() == plan.n_rows
        assert lines["steps"].sum() == len(curriculum.learning_rates(plan))
    assert curriculum.schedule(curriculum.build(table))["level 4"].tolist() == [0.0, 0.5]


@pytest.mark.parametrize("decay", list(curriculum.DECAYS))
@pytest.mark.parametrize("warmup", [0.0, 0.03, 0.25])
def test_learning_rates_are_those_of_transformers(decay, warmup):
    import torch
    from transformers import get_scheduler

    plan = curriculum.build(
        instances(40, 30), epochs=7, batch_size=4, schedule=decay, warmup=warmup
    )
    expected = []
    for phase in plan.phases:
        optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=phase.learning_rate)
        n = plan.phase_steps(phase)
        rates = get_scheduler(decay, optimiser, int(np.ceil(warmup * n)), n)
        for _ in range(n):
            expected.append(rates.get_last_lr()[0])
            optimiser.step()
            rates.step()
    table = curriculum.learning_rates(plan)
    np.testing.assert_allclose(table["learning_rate"], expected, atol=1e-12)
    assert table["step"].tolist() == list(range(1, len(expected) + 1))


@pytest.mark.parametrize(
    "table, kwargs, message",
    [
        (instances(), {"preset": "papr"}, "presets paper, shuffled"),
        (instances(), {"schedule": "cosin"}, "schedules cosine, linear"),
        (instances(hard=0), {"preset": "paper"}, "8 are normal and 0 hard"),
        (instances(hard=0), {"preset": "replay", "replay": 0.5}, "8 are normal and 0 hard"),
        (instances(), {"preset": "replay"}, "replay=0.0"),
        (instances().assign(level=0), {"preset": "easy_to_hard_by_level"}, "12 of 12 have none"),
        (instances().assign(stage="easy"), {}, r"have \['easy'\]"),
    ],
)
def test_what_cannot_be_built_is_refused(table, kwargs, message):
    with pytest.raises(ValueError, match=message):
        curriculum.build(table, **kwargs)


def arms(batch_size=3, **kwargs):
    table = instances(40, 21).assign(tokens=lambda t: 20 + 3 * t.index)
    return {
        preset: curriculum.build(
            table, preset, replay=0.3, epochs=2, batch_size=batch_size, **kwargs
        )
        for preset in (
            "paper",
            "shuffled",
            "hard_first",
            "stage1_only",
            "replay",
            "easy_to_hard_by_level",
        )
    }


@pytest.mark.parametrize("budget", [None, 7, 40, 1001])
@pytest.mark.parametrize("batch_size", [1, 3, 5])
def test_arms_matched_by_steps_have_exactly_as_many(budget, batch_size):
    plans = arms(batch_size)
    expected = budget or min(
        sum(plan.phase_steps(p) for p in plan.phases) for plan in plans.values()
    )
    for name, plan in curriculum.match(plans, "steps", budget).items():
        steps = [plan.phase_steps(p) for p in plan.phases]
        assert sum(steps) == expected and min(steps) >= 1
        assert len(curriculum.learning_rates(plan)) == expected
        before = [plans[name].phase_steps(p) for p in plans[name].phases]
        assert (
            all(
                abs(n - expected * b / sum(before)) <= 1.01
                for n, b in zip(steps, before, strict=True)
            )
            or expected < 10
        )


@pytest.mark.parametrize("budget", [None, 9000])
def test_arms_matched_by_tokens_see_as_many(budget):
    plans = arms()
    matched = curriculum.match(plans, "tokens", budget)
    totals = {
        name: sum(p.rows["tokens"].mean() * len(p.rows) * p.epochs for p in plan.phases)
        for name, plan in matched.items()
    }
    np.testing.assert_allclose(list(totals.values()), budget or totals["stage1_only"], rtol=1e-9)
    assert matched["paper"].phases[0].learning_rate == plans["paper"].phases[0].learning_rate


@pytest.mark.parametrize(
    "plans, kwargs, message",
    [
        (arms(), {"by": "hours"}, "by='hours'"),
        (arms(), {"budget": 1}, "less than one for each phase"),
        (
            {"a": curriculum.build(instances())},
            {"by": "tokens"},
            "a: stage 1, a: stage 2. Add it: sft.lengths",
        ),
    ],
)
def test_what_cannot_be_matched_is_refused(plans, kwargs, message):
    with pytest.raises(ValueError, match=message):
        curriculum.match(plans, **kwargs)


def test_a_schedule_can_show_where_rows_come_from():
    table = instances().assign(method=["evol", "xwin"] * 6)
    lines = curriculum.schedule(
        curriculum.build(table.assign(method=table["method"].where(table.index != 0))), by="method"
    )
    assert lines[["method evol", "method none", "method xwin"]].round(3).to_numpy().tolist() == [
        [0.375, 0.125, 0.5],
        [0.5, 0.0, 0.5],
    ]


def test_a_file_assembled_in_parts_is_what_the_whole_gives(tmp_path, monkeypatch):
    table = instances().assign(round=0, tokens_in=0, tokens_out=0, cost_usd=0.0)
    table.loc[[1, 9], "query"] = "same"
    verdicts = gate(table, i3="leak").assign(
        benchmark="b", benchmark_id="", benchmark_digest="", tier=""
    )
    schema.write(table, tmp_path / "in.parquet", "instances")
    schema.write(verdicts, tmp_path / "gate.parquet", "gate")
    monkeypatch.setattr(curriculum, "PART", 5)
    counts = curriculum.assemble_file(
        tmp_path / "in.parquet", tmp_path / "gate.parquet", tmp_path / "out.parquet"
    )
    whole = curriculum.assemble(table, verdicts)
    assert (
        schema.read(tmp_path / "out.parquet", "instances")["id"].tolist()
        == whole.rows["id"].tolist()
    )
    pd.testing.assert_frame_equal(counts, whole.counts)
    schema.write(verdicts.assign(verdict="leak"), tmp_path / "gate.parquet", "gate")
    with pytest.raises(ValueError, match="all of .* are excluded"):
        curriculum.assemble_file(
            tmp_path / "in.parquet", tmp_path / "gate.parquet", tmp_path / "none.parquet"
        )
    assert not (tmp_path / "none.parquet").exists() and not list(tmp_path.glob(".*"))
