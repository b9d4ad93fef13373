import os
import subprocess
import sys

import pytest

from skymath_nb.commands import doctor, forecast, hub
from skymath_nb.core import paths


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(hub, "unreachable", lambda: "")
    return tmp_path / "outputs"


def states(table):
    return table.set_index("what")["state"].to_dict()


def test_the_machine_is_described_without_any_secret(outputs, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "planted-secret-key")
    monkeypatch.setenv("HF_TOKEN", " ")
    table = doctor.look()
    assert list(table.columns) == ["what", "found", "state", "to_do"]
    assert "planted-secret-key" not in table.to_string()
    found = table.set_index("what")["found"]
    assert (
        found["OPENAI_API_KEY"] == "set"
        and found["HF_TOKEN"] == "not set"
        and found["hub"] == "can be reached"
    )
    assert (
        set(table["state"]) <= {"good", "note", "bad"}
        and table.loc[table["state"] == "bad", "to_do"].ne("").all()
    )


def test_only_drafts_of_dead_processes_are_named_and_looking_changes_nothing(outputs):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert states(doctor.look())["outputs"] == "good" and not outputs.exists()
    (outputs / "run").mkdir(parents=True)
    dead, alive, other = (
        outputs / "run" / f".report.json.{pid}.tmp" for pid in (process.pid, os.getpid(), "x")
    )
    young = outputs / "run" / f".young.json.{process.pid}.tmp"
    for path in (dead, alive, other, young):
        path.write_text("half")
    for path in (dead, alive, other):
        os.utime(path, (0, 0))
    drafts = doctor.look().set_index("what").loc["drafts"]
    assert drafts["state"] == "note" and "1 of killed" in drafts["found"]
    assert drafts["to_do"] == f"delete {dead}", (
        "a young draft may belong to another machine that shares the folder"
    )
    assert all(path.exists() for path in (dead, alive, other, young))
    dead.unlink()
    assert "drafts" not in states(doctor.look())


def test_what_is_bad_says_what_to_do(outputs, monkeypatch):
    monkeypatch.setenv("SKYMATH_DATA", "/no/such/folder")
    outputs.parent.joinpath("file").write_text("")
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(outputs.parent / "file" / "below"))
    monkeypatch.setattr(
        "psutil.virtual_memory", lambda: type("M", (), {"total": 4e9, "available": 1e9})()
    )
    table = doctor.look().set_index("what")
    for what in ("SKYMATH_DATA", "outputs", "memory"):
        assert table.loc[what, "state"] == "bad" and table.loc[what, "to_do"], what
    said = []
    monkeypatch.setattr(
        doctor,
        "choose",
        lambda: (type("P", (), {"source": paths.home() / "params/tiny.yaml"})(), [], {}),
    )
    monkeypatch.setattr(
        forecast,
        "table",
        lambda told: doctor.pd.DataFrame(columns=["step", "time", "dollars", "time rests on"]),
    )
    assert (
        doctor.report(echo=said.append) == 1
        and "In the way: " in said[-1]
        and "SKYMATH_DATA" in said[-1]
    )


def test_a_package_of_another_version_is_named_with_the_tested_one_and_what_to_do(
    outputs, monkeypatch
):
    real = doctor.metadata.distributions
    other = type("D", (), {"version": "0.0.1"})()
    monkeypatch.setattr(
        doctor.metadata,
        "distributions",
        lambda name: [other] if name == "papermill" else real(name=name),
    )
    assert list(doctor._differing()) == ["papermill"], "a local tag such as +cpu is no difference"
    packages = doctor.look().set_index("what").loc["packages"]
    assert packages["state"] == "note" and packages["found"].startswith("papermill ")
    assert "python -m pip install -c constraints.txt -e '.[dev]'" in packages["to_do"]


def test_the_largest_scale_that_fits_is_chosen_and_the_rest_says_what_it_lacks(
    outputs, monkeypatch
):
    plan, told, lacks = doctor.choose()
    assert (
        plan.source.name == "tiny.yaml"
        and set(lacks) == {"paper.yaml", "workshop.yaml"}
        and lacks["paper.yaml"]
    )
    assert any("GPU" in text for text in lacks["workshop.yaml"])
    table = forecast.table(told)
    assert table["step"].iloc[-1] == "total" and len(table) == len(plan.jobs) + 1
    monkeypatch.setattr(forecast, "_gpus", lambda: (16e9,))
    monkeypatch.setattr(forecast.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    plan, told, lacks = doctor.choose()
    assert plan.source.name == "workshop.yaml" and set(lacks) == {"paper.yaml"}
    assert told.fetch, "what the hub can give is no hindrance, and is said"
    monkeypatch.setattr(hub, "unreachable", lambda: "no network")
    assert doctor.choose()[0].source.name == "tiny.yaml"
