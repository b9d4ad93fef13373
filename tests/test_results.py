import json

import pandas as pd
import pytest

from skymath_nb import results, runs


@pytest.fixture
def finished(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    step = runs.step("06_scaling_laws", "study", seed=0, sizes=[1, 2])
    pd.DataFrame({"a": [1]}).to_parquet(step.output("table/answers.parquet"))
    step.finish({"models": 1})
    return tmp_path


def test_what_is_stored_is_read_with_how_it_was_made(finished, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", finished / "kept")
    for _ in range(2):  # a second time replaces
        folder = results.store("study", "06_scaling_laws", finished / "kept")
    found = results.load("study")
    assert found.tables["answers"].to_dict() == {"a": {0: 1}} and results.names() == ["study"]
    assert (
        found.manifest["parameters"]["sizes"] == [1, 2]
        and found.manifest["commit"] == json.loads((folder / "manifest.json").read_text())["commit"]
    )
    assert found.label.startswith("stored: study, 20") and found.label.endswith("python -m skymath_nb run params/study.yaml")
    assert sorted(path.name for path in (finished / "kept").iterdir()) == ["study"]


def test_a_step_without_tables_or_not_complete_is_not_stored(finished):
    with pytest.raises(FileNotFoundError, match="is not complete"):
        results.store("study", "07_takeaways", finished / "kept")
    (runs.root() / "study" / "06_scaling_laws" / "table" / "answers.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="no folder table/"):
        results.store("study", "06_scaling_laws", finished / "kept")


def test_an_unknown_result_names_those_there_are():
    with pytest.raises(FileNotFoundError, match="there are: "):
        results.load("nobody")


@pytest.mark.parametrize("name", results.names())
def test_what_is_packaged_says_how_it_was_made_and_is_small(name):
    found = results.load(name)
    assert (runs.home() / "params" / f"{name}.yaml").is_file()
    assert set(found.tables) >= {"design", "reports", "answers", "cost"}
    assert "response" not in found.tables["answers"]
    assert not found.manifest["commit"].endswith("-dirty"), "made from a commit, not from an edited tree"
    assert sum(path.stat().st_size for path in (results.RESULTS / name).iterdir()) < results.MOST_BYTES
