import json

import pandas as pd
import pytest

from skymath_nb.core import paths, provenance
from skymath_nb.experiments import results
from skymath_nb.runner import steps


@pytest.fixture
def finished(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(provenance, "commit", lambda: "0" * 40)
    step = steps.start("06_scaling_laws", "study", seed=0, sizes=[1, 2])
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
    assert found.label.startswith("stored: study, 20") and found.label.endswith(
        "python -m skymath_nb run params/study.yaml"
    )
    assert sorted(path.name for path in (finished / "kept").iterdir()) == ["study"]


def test_a_step_without_tables_or_not_complete_is_not_stored(finished):
    with pytest.raises(FileNotFoundError, match="is not complete"):
        results.store("study", "07_takeaways", finished / "kept")
    (paths.runs_folder() / "study" / "06_scaling_laws" / "table" / "answers.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="no folder table/"):
        results.store("study", "06_scaling_laws", finished / "kept")


def test_what_no_commit_made_is_not_stored(finished, monkeypatch):
    path = paths.runs_folder() / "study" / "06_scaling_laws" / "manifest.json"
    path.write_text(path.read_text().replace("0" * 40, "0" * 40 + "-dirty"))
    with pytest.raises(ValueError, match="-dirty, which is no commit"):
        results.store("study", "06_scaling_laws", finished / "kept")
    assert not (finished / "kept").exists()


def test_only_what_the_params_file_makes_again_is_stored(finished, monkeypatch, capsys):
    from skymath_nb import __main__ as command_line

    monkeypatch.setattr(paths, "home", lambda: finished)
    (finished / "params").mkdir()
    (finished / "params" / "study.yaml").write_text(
        "run: study\n"
        "steps: {01_seed_exploration: {}, 02_augmentation: {}, 06_scaling_laws: {sizes: [4]}}\n"
    )
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(paths.PACKAGE.parent / "notebooks"))
    assert command_line.main(["store", "study", "06_scaling_laws"]) == 2
    assert "was run with other parameters: " in capsys.readouterr().err
    assert command_line.main(["store", "study", "07_takeaways"]) == 2
    assert "is no step of that file" in capsys.readouterr().err


def test_an_unknown_result_names_those_there_are():
    with pytest.raises(FileNotFoundError, match="there are: "):
        results.load("nobody")


@pytest.mark.parametrize("name", results.names())
def test_what_is_packaged_says_how_it_was_made_and_is_small(name):
    found = results.load(name)
    assert (paths.home() / "params" / f"{name}.yaml").is_file()
    assert set(found.tables) >= {"reports", "answers"}
    assert "response" not in found.tables["answers"]
    assert not found.manifest["commit"].endswith("-dirty"), (
        "made from a commit, not from an edited tree"
    )
    assert (
        sum(path.stat().st_size for path in (results.RESULTS / name).iterdir()) < results.MOST_BYTES
    )
