"""Every params file is a plan that could start, and the paper's has the paper's settings."""

import pytest

from skymath_nb.core import paths
from skymath_nb.data import seeds
from skymath_nb.inference import prices
from skymath_nb.runner import params
from skymath_nb.training import pretraining

FILES = sorted(path for path in paths.locate("params").glob("*.yaml"))
PAPER = {"llama2": 2e-5, "mistral": 2e-6, "deepseekmath": 2e-6}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_params_file_is_read_without_a_problem(path):
    if path.stem.startswith("base_"):
        assert pretraining.load(path)["name"]
    else:
        assert params.load(path).run == path.stem


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_bases_are_trained_as_in_the_paper(name):
    """Section 4.1.3, table of settings."""
    jobs = {job.id: job for job in params.load(paths.locate("params/paper.yaml")).jobs}
    training = jobs[f"04_curriculum_sft@{name}"].parameters
    told = {
        key: training[key]
        for key in ("learning_rate", "epochs", "batch_size", "max_length", "preset")
    }
    assert told == {
        "learning_rate": PAPER[name],
        "epochs": 3.0,
        "batch_size": 32,
        "max_length": 2048,
        "preset": "paper",
    }
    assert jobs[f"05_evaluation@{name}"].parameters["model_from"] == f"04_curriculum_sft@{name}"


def test_the_papers_sources_hold_no_part_of_what_scores_it():
    first = params.load(paths.locate("params/paper.yaml")).jobs[0].parameters
    assert not any(
        seeds.spoils(source, benchmark)
        for source in first["sources"]
        for benchmark in first["benchmarks"]
    )
    assert len(first["sources"]) == 8 and "agieval-math" not in first["sources"]


def test_what_pays_a_teacher_has_a_cap_and_prices_that_02_takes():
    for path in FILES:
        if not path.stem.startswith("base_"):
            for job in params.load(path).jobs:
                if job.parameters.get("server", "offline") != "offline":
                    assert job.parameters["budget_usd"] > 0
                    prices.check(job.parameters["prices"])


def test_the_tiny_run_makes_enough_instances_for_its_live_curve():
    jobs = {job.id: job.parameters for job in params.load(paths.locate("params/tiny.yaml")).jobs}
    study = jobs["06_scaling_laws"]
    made = sum(jobs[step]["n"] for step in study["instances_from"])
    assert max(study["sizes"]) <= 0.85 * made, "some are not kept, and some meet the test"
