"""What a plan would take.

Sizes of models, money, what is measured here, what is lacking; without a GPU, a key or a hub.
"""

import json

import pandas as pd
import pytest
import yaml

from skymath_nb import __main__ as command_line
from skymath_nb.commands import forecast, hub
from skymath_nb.core import disk, manifests, paths
from skymath_nb.data import seeds
from skymath_nb.experiments import takeaways
from skymath_nb.inference import prices, reply_store
from skymath_nb.runner import params
from skymath_nb.training import cost

FILES = sorted(
    path for path in paths.locate("params").glob("*.yaml") if not path.stem.startswith("base_")
)
PUBLISHED = {  # parameters, as the models' safetensors count them
    "meta-llama/Llama-2-7b-hf": 6_738_415_616,
    "mistralai/Mistral-7B-v0.1": 7_241_732_096,
    "HuggingFaceTB/SmolLM2-135M": 134_515_008,
    "deepseek-ai/deepseek-math-7b-base": 6_910_365_696,
    "mistralai/Mixtral-8x7B-v0.1": 46_702_792_704,
    "Qwen/Qwen2.5-0.5B": 494_032_768,
    "Qwen/Qwen2.5-1.5B": 1_543_714_304,
    "Qwen/Qwen2.5-Math-1.5B": 1_543_714_304,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
}
KEY = "sk-planted-0123456789"


@pytest.fixture(autouse=True)
def bare(tmp_path, monkeypatch):
    """A machine without a GPU, a key, data, a hub or earlier runs."""
    from huggingface_hub import constants

    for name in (seeds.DATA, "OPENAI_API_KEY", "HF_DATASETS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setattr(hub, "unreachable", lambda: "there is no network")
    monkeypatch.setattr(forecast, "_gpus", lambda: ())
    forecast._steps_of.cache_clear()
    forecast._totals.cache_clear()
    return tmp_path


def plan(name, *overrides):
    return params.load(paths.locate(f"params/{name}.yaml"), overrides)


def steps(found):
    return {step.step: step for step in found.steps}


@pytest.mark.parametrize("base", PUBLISHED)
def test_known_models_have_their_published_sizes(base):
    assert cost.shape(cost.known()[base]).parameters == PUBLISHED[base]
    assert set(PUBLISHED) == set(cost.known())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_params_file_has_a_forecast_and_nothing_is_started(path, bare, capsys):
    assert command_line.main(["run", str(path), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert (
        all(job.id in out for job in params.load(path).jobs)
        and "total" in out
        and "size is unknown" not in out
    )
    assert "no earlier run" in out and "run a smaller size first" in out
    assert not (bare / "outputs").exists()
    lacks = "It lacks nothing" not in out
    assert lacks == (
        path.stem
        in (
            "workshop",
            "paper",
            "gsm8k_math",
            "scaling_workshop",
            "scaling_paper",
            "takeaways_paper",
        )
    )


def test_what_the_paper_takes_that_this_machine_does_not_have_is_told_without_the_key(monkeypatch):
    lacks = "\n".join(forecast.forecast(plan("paper")).lacks)
    for text in (
        "8 GPUs with",
        "GB of memory",
        "OPENAI_API_KEY is not set (02_augmentation, 02",
        "the program vllm",
        "model mistralai/Mistral-7B-v0.1: not in the cache",
        "there is no network",
        "agieval-sat-math is needed (it comes from",
    ):
        assert text in lacks, text
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said = []
    forecast.tell(plan("paper"), said.append)
    assert "OPENAI_API_KEY set" in "\n".join(said) and KEY not in "\n".join(said)


def test_gpus_that_are_there_are_not_lacking(monkeypatch):
    monkeypatch.setattr(forecast, "_gpus", lambda: (80 * 10**9,) * 8)
    assert not any("GPU" in text for text in forecast.forecast(plan("paper")).lacks)
    monkeypatch.setattr(forecast, "_gpus", lambda: (80 * 10**9,) * 7)
    assert any(
        "8 GPUs with" in text and "found: 80 GB, 80 GB" in text
        for text in forecast.forecast(plan("paper")).lacks
    )


def test_the_papers_counts_are_the_papers():
    found = steps(forecast.forecast(plan("paper")))
    assert (
        found["02_augmentation"].instances + found["02_augmentation@round2"].instances == 2_160_000
    )
    assert (
        found["04_curriculum_sft@llama2"].instances == 2_560_000
        and found["04_curriculum_sft@llama2"].gpus == 8
    )
    assert all(
        found[f"04_curriculum_sft@{name}"].gpu_memory < 80e9
        for name in ("llama2", "mistral", "deepseekmath")
    )


def test_a_scaling_study_counts_each_arm_once_with_its_doses():
    told = steps(forecast.forecast(plan("scaling_tiny")))["06_scaling_laws"]
    # both budgets of the first base, one of whose arms serves both, and one of the second
    arms = 6 * 2 - 1 + 6
    assert told.requests == 3 * (arms + 2 * 3) * 600 and told.instances == 8000
    more = steps(forecast.forecast(plan("scaling_tiny", "06_scaling_laws.repeats=6")))[
        "06_scaling_laws"
    ]
    assert more.tokens == pytest.approx(2 * told.tokens) and more.requests == 2 * told.requests


def test_the_takeaways_take_what_their_arms_take():
    change = "07_takeaways.takeaways=[moe]", "07_takeaways.variations=[]"
    one, more = (
        steps(forecast.forecast(plan("takeaways_tiny", *change, f"07_takeaways.repeats={n}")))[
            "07_takeaways"
        ]
        for n in (1, 2)
    )
    assert (
        one.requests == 3 * 300
        and more.requests == 2 * one.requests
        and more.tokens == 2 * one.tokens
    )
    drops = steps(
        forecast.forecast(
            plan("takeaways_tiny", "07_takeaways.takeaways=[distractors]", *change[1:])
        )
    )["07_takeaways"]
    assert drops.requests == 3 * 4 * (300 + 5 * 100)


def test_dollars_are_prices_times_tokens_and_a_batch_costs_its_share():
    one = steps(forecast.forecast(plan("workshop")))["02_augmentation"]
    table = {"input": 1.0, "output": 1.0, "batch": 0.5, "date": "2026-01-01"}
    even = steps(forecast.forecast(plan("workshop", f"shared.prices={json.dumps(table)}")))[
        "02_augmentation"
    ]
    half = steps(
        forecast.forecast(
            plan("workshop", f"shared.prices={json.dumps(table)}", "02_augmentation.batch=true")
        )
    )["02_augmentation"]
    assert (
        even.usd == pytest.approx(even.tokens / 1e6)
        and half.usd == pytest.approx(even.usd / 2)
        and one.tokens == even.tokens
    )
    assert even.usd < half.usd_most < even.usd_most, (
        "the longest replies that are allowed, at half the price"
    )


def test_replies_in_the_ledger_take_the_place_of_assumptions(bare):
    p = plan("workshop").jobs[1].parameters
    with reply_store.Ledger(bare / "outputs" / "ledger.sqlite") as book:
        book.put_many(
            {
                f"{i:064d}": reply_store.Record("x", "stop", 200, 1000, "gpt-4o-mini", 2048)
                for i in range(30)
            }
        )
    found = forecast.forecast(plan("workshop"))
    one = steps(found)["02_augmentation"]
    assert one.tokens == pytest.approx(1200 * one.requests)
    assert one.usd == pytest.approx(
        prices.cost(p["prices"], 200 * one.requests, 1000 * one.requests)
    )
    assert any(
        "200 tokens in and 1,000 out a reply, the mean of 30" in text for text in found.assumed
    )


def keep(folder, plan, step, seconds, **report):
    """A run folder in which one step is complete."""
    job = next(job for job in plan.jobs if job.id == step)
    frozen = {"run": folder.name, "steps": {job.id: job.parameters for job in plan.jobs}}
    disk.save(folder / "params.yaml", yaml.safe_dump(frozen, sort_keys=False))
    identity = {
        key: value for key, value in job.parameters.items() if key not in manifests.EXECUTION
    }
    manifest = {
        "step": step,
        "parameters": identity,
        "seconds": seconds,
        "finished": "2026-01-01",
        "inputs": {},
    }
    manifest |= {
        "outputs": {"a": {"bytes": 10, "sha256": ""}},
        "uses": {},
        "commit": "",
        "versions": {},
    }
    manifest |= {"code": {"notebook": "", "modules": {}}}
    disk.save(folder / step / "manifest.json", json.dumps(manifest))
    disk.save(folder / step / "report.json", json.dumps(report))


def test_time_comes_from_an_earlier_run_alike_in_proportion_and_names_it(bare):
    keep(bare / "outputs" / "before", plan("tiny"), "04_curriculum_sft", 720.0)
    same = steps(forecast.forecast(plan("tiny", "04_curriculum_sft.batch_size=8")))[
        "04_curriculum_sft"
    ]
    assert (
        same.hours_least == same.hours_most == pytest.approx(0.2) and same.rests_on == "run before"
    )
    found = forecast.forecast(plan("tiny", "04_curriculum_sft.epochs=30.0"))
    more = steps(found)["04_curriculum_sft"]
    assert (more.hours_least, more.hours_most) == (
        pytest.approx(0.2),
        pytest.approx(2.0),
    ) and more.rests_on == "run before x 10"
    shown = forecast.table(found).set_index("step")["time"]
    assert (
        shown["04_curriculum_sft"] == "0:12:00 to 2:00:00"
        and shown["05_evaluation"] == shown["total"] == "unknown"
    )
    for change in ("base=tiny-base-math", "device=cuda"):
        other = steps(forecast.forecast(plan("tiny", f"04_curriculum_sft.{change}")))[
            "04_curriculum_sft"
        ]
        assert pd.isna(other.hours_most) and other.rests_on == "no earlier run"


def test_the_time_of_an_evaluation_is_that_of_the_same_base(bare):
    keep(bare / "outputs" / "before", plan("tiny"), "05_evaluation", 60.0)
    same, other = (
        steps(forecast.forecast(plan("tiny", f"04_curriculum_sft.base={base}")))
        for base in ("tiny-base", "tiny-base-math")
    )
    assert same["05_evaluation"].hours_most == pytest.approx(1 / 60) and pd.isna(
        other["05_evaluation"].hours_most
    )


def test_of_several_earlier_runs_this_one_tells_else_the_nearest_in_size(bare):
    for run, epochs, seconds in (("small", 1.0, 60.0), ("near", 2.9, 174.0), ("large", 9.0, 720.0)):
        keep(
            bare / "outputs" / run,
            plan("tiny", f"04_curriculum_sft.epochs={epochs}"),
            "04_curriculum_sft",
            seconds,
        )
    near = steps(forecast.forecast(plan("tiny")))["04_curriculum_sft"]
    assert near.rests_on == "run near" and near.hours_most == pytest.approx(180 / 3600)
    keep(bare / "outputs" / "tiny", plan("tiny"), "04_curriculum_sft", 180.0)
    forecast._steps_of.cache_clear()
    assert steps(forecast.forecast(plan("tiny")))["04_curriculum_sft"].rests_on == "run tiny"


def test_steps_that_hold_cost_nothing(monkeypatch):
    ids = [job.id for job in plan("tiny").jobs]
    table = pd.DataFrame({"step": ids, "state": ["fresh"] * (len(ids) - 1) + ["stale"]})
    monkeypatch.setattr(forecast.suite, "status", lambda plan: table)
    said = []
    forecast.tell(plan("tiny"), said.append)
    assert said[1].count("done before, kept") == len(ids) - 1
    assert said[1].splitlines()[-1].split()[1] == said[1].splitlines()[-2].split()[2], (
        "the requests in all are the last step's"
    )


@pytest.mark.parametrize(
    "override, said",
    [
        ("04_curriculum_sft.launcher=params/accelerate/gpus_9.yaml", "gpus_9.yaml does not exist"),
        ("02_augmentation.prices={input: 1.0, output: 1.0}", "it needs input, output and date"),
        ("04_curriculum_sft.base=no such base", "The base 'no such base' was asked for"),
        ("03_coreset_selection.embedding=all-MiniLM-L6-v2", "sentence-transformers"),
    ],
)
def test_what_would_stop_a_step_later_is_told_now(override, said):
    assert said in "\n".join(forecast.forecast(plan("tiny", override)).lacks)


def test_a_base_of_unknown_size_leaves_memory_open():
    found = forecast.forecast(plan("workshop", "shared.base=owner/unknown"))
    assert steps(found)["04_curriculum_sft"].gpus == 0 and not any(
        "GPU" in text for text in found.lacks
    )
    assert any(
        "owner/unknown: its size is unknown here" in text and "prefetch it first" in text
        for text in found.assumed
    )


def test_a_full_scale_run_is_counted_by_its_models():
    doses = {"chinese": [0.0, 0.05, 0.5], "distracted": [0.1], "copies": [1, 3]}
    told = forecast.takeaways_at_full_scale(
        takeaways.table(takeaways.every(["moe", "order"], ["base"], **doses))
    )
    assert told.loc["moe", "models"] == 9 and told.loc["order", "models"] == 24
    assert told.loc["moe", "rows_read"] == 9 * 3 * 360_000
