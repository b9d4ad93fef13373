"""Every params file is a plan that could start, and the bases of the paper have the paper's settings."""

import pytest

from skymath_nb import plans, pretrain, runs

FILES = sorted(path for path in runs.locate("params").glob("*.yaml"))
PAPER = {"paper_llama2_7b": 2e-5, "paper_mistral_7b": 2e-6, "paper_deepseekmath_7b": 2e-6, "paper_mixtral_8x7b": 2e-6}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_params_file_is_read_without_a_problem(path):
    if path.stem.startswith("base_"):
        assert pretrain.load(path)["name"]
    else:
        assert plans.load(path).run == path.stem


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_bases_are_trained_as_in_the_paper(name):
    """Section 4.1.3, table of settings; the learning rate of Mixtral is not given there."""
    training = next(job for job in plans.load(runs.locate(f"params/{name}.yaml")).jobs if job.name == "04_curriculum_sft")
    told = {key: training.parameters[key] for key in ("learning_rate", "epochs", "batch_size", "max_length", "preset")}
    assert told == {"learning_rate": PAPER[name], "epochs": 3.0, "batch_size": 32, "max_length": 2048, "preset": "paper"}


def test_what_pays_a_teacher_has_a_cap():
    for path in FILES:
        if not path.stem.startswith("base_"):
            for job in plans.load(path).jobs:
                assert job.parameters.get("server", "offline") == "offline" or job.parameters["budget_usd"] > 0
