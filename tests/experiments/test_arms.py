import dataclasses
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import tiny_model

from skymath_nb.core import locks, schema
from skymath_nb.core.schema import Curriculum, Phase
from skymath_nb.experiments import arms

pytestmark = pytest.mark.stack

PATHS = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(arms.__file__).parents[1])])


def benchmark(n=6):
    rows = tiny_model.rows(n)
    return pd.DataFrame({name: [None] * n for name in schema.SEEDS.names}).assign(
        id=[f"q{i}" for i in range(n)],
        source="sums",
        split="test",
        language="en",
        level=rows["level"],
        problem=rows["query"],
        answer=[str(i + 7 * i % 10) for i in range(n)],
    )


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    base = tiny_model.save(tmp_path_factory.mktemp("base"))
    plan = Curriculum((Phase("stage 1", tiny_model.rows(16), 2, 2e-3),), 8, 96)
    return arms.Recipe(
        "plain", base, plan, {"sums": benchmark(), "more": benchmark(3)}, max_new_tokens=8
    )


def run(recipe, seed, folder, **kwargs):
    return arms.run(recipe, seed, folder, prompt=tiny_model.prompt, threads=1, **kwargs)


def place(recipe, seed, folder):
    return arms.place(recipe, seed, folder, prompt=tiny_model.prompt)


def no_work(*args, **kwargs):
    raise AssertionError("this was to come from the cache")


@pytest.fixture(scope="module")
def done(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("arms")
    return folder, run(recipe, 0, folder)


def test_a_unit_trains_answers_and_reports(recipe, done):
    folder, report = done
    unit = place(recipe, 0, folder)
    assert json.loads((unit / "report.json").read_text()) == report
    assert (
        report["arm"] == "plain"
        and report["seed"] == 0
        and report["steps"] == 4
        and report["rows"] == 16
    )
    given = schema.read(unit / "answers.parquet", "answers")
    assert given.groupby("benchmark")["id"].count().to_dict() == {"sums": 6, "more": 3}
    assert (
        given["gold"].tolist() == benchmark()["answer"].tolist() + benchmark(3)["answer"].tolist()
    )
    assert all(isinstance(value, (int, float, str)) for value in report.values())


def test_a_finished_unit_is_returned_without_work(recipe, done, monkeypatch):
    folder, report = done
    monkeypatch.setattr(arms.sft, "train", no_work)
    monkeypatch.setattr(arms.generation, "generate", no_work)
    monkeypatch.setattr(arms.evaluate, "score", no_work)
    assert run(recipe, 0, folder) == report


def test_a_unit_goes_on_from_what_it_has(recipe, done, monkeypatch):
    folder, report = done
    (place(recipe, 0, folder) / "report.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(arms.generation, "generate", no_work)
        patch.setattr(arms.sft, "train", no_work)
        assert run(recipe, 0, folder) == report
    (place(recipe, 0, folder) / "report.json").unlink()
    (place(recipe, 0, folder) / "answers.parquet").unlink()
    said = []
    assert run(recipe, 0, folder, progress=said.append) == report
    assert "reused" in said[0]


def test_a_unit_that_broke_while_answering_is_no_result(recipe, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(arms.generation, "generate", no_work)
        with pytest.raises(AssertionError):
            run(recipe, 3, tmp_path)
    unit = place(recipe, 3, tmp_path)
    assert sorted(p.name for p in unit.iterdir()) == [".lock", "student"]
    assert run(recipe, 3, tmp_path)["seed"] == 3


def test_what_decides_the_numbers_decides_the_place(recipe, tmp_path):
    other = [
        dataclasses.replace(recipe, max_new_tokens=9),
        dataclasses.replace(recipe, too_long="drop"),
        dataclasses.replace(recipe, benchmarks={"sums": benchmark()}),
        dataclasses.replace(
            recipe, benchmarks={"sums": benchmark().assign(answer="1"), "more": benchmark(3)}
        ),
        dataclasses.replace(
            recipe, curriculum=dataclasses.replace(recipe.curriculum, batch_size=4)
        ),
    ]
    places = [place(r, 0, tmp_path) for r in [recipe, *other]] + [place(recipe, 1, tmp_path)]
    places.append(arms.place(recipe, 0, tmp_path, prompt=lambda query: f"Q: {query}"))
    assert len(set(places)) == len(places)
    assert place(dataclasses.replace(recipe), 0, tmp_path) == places[0]


def test_an_arm_with_nothing_to_answer_is_refused(recipe, tmp_path):
    with pytest.raises(ValueError, match="needs benchmarks with items.*none"):
        run(dataclasses.replace(recipe, benchmarks={}), 0, tmp_path)
    with pytest.raises(ValueError, match="'sums': 0"):
        run(dataclasses.replace(recipe, benchmarks={"sums": benchmark()[:0]}), 0, tmp_path)


@pytest.mark.long
def test_many_units_run_side_by_side_and_only_what_is_missing(recipe, done, tmp_path, monkeypatch):
    other = dataclasses.replace(recipe, name="short", max_new_tokens=4)
    units = [arms.Unit(recipe, 1), arms.Unit(other, 1)]
    said = []
    reports = arms.run_all(
        units, tmp_path, workers=2, prompt=tiny_model.prompt, progress=said.append
    )
    assert (
        reports[["arm", "seed"]].to_numpy().tolist() == [["plain", 1], ["short", 1]]
        and len(said) == 3
    )
    answers = arms.read_answers(units, tmp_path, prompt=tiny_model.prompt)
    assert answers.groupby(["arm", "seed"]).size().to_dict() == {("plain", 1): 9, ("short", 1): 9}
    monkeypatch.setattr(arms.sft, "train", no_work)
    again = arms.run_all(units, tmp_path, prompt=tiny_model.prompt, progress=said.append)
    pd.testing.assert_frame_equal(again, reports)
    assert said[-1] == "2 units, 2 of them finished before"


def test_a_unit_that_fails_does_not_stop_the_others(recipe, tmp_path):
    broken = dataclasses.replace(recipe, name="broken", benchmarks={})
    units = [arms.Unit(broken, 0), arms.Unit(recipe, 0)]
    with pytest.raises(ValueError, match="'broken' needs benchmarks"):
        arms.run_all(units, tmp_path, prompt=tiny_model.prompt, progress=None)
    assert (place(recipe, 0, tmp_path) / "report.json").is_file()


HOLD = """
import pathlib, sys, time
from skymath_nb.core import locks
with locks.claim(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_several_processes_share_a_folder_and_take_over_from_the_dead(recipe, tmp_path):
    units = [arms.Unit(recipe, 0), arms.Unit(recipe, 1)]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place(recipe, 0, tmp_path))],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(locks.Busy, match=f"process {holder.pid}"):
        run(recipe, 0, tmp_path)
    said = []

    def say(line):
        said.append(line)
        if "waiting for 1 units" in line:  # the free one was done first
            assert (place(recipe, 1, tmp_path) / "report.json").is_file()
            holder.kill()

    table = arms.run_all(units, tmp_path, progress=say, prompt=tiny_model.prompt, threads=1)
    holder.wait()
    assert table["seed"].tolist() == [0, 1] and any("waiting" in line for line in said)


WORK = """
import pathlib, pickle, sys
import tiny_model
from skymath_nb.experiments import arms
recipe, folder = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
arms.run_all([arms.Unit(recipe, 0), arms.Unit(recipe, 1)], folder, progress=print, prompt=tiny_model.prompt, threads=1)
"""


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="kill -9")
def test_a_worker_that_is_killed_in_training_leaves_its_unit_to_the_other(recipe, tmp_path):
    long = dataclasses.replace(
        recipe, curriculum=Curriculum((Phase("stage 1", tiny_model.rows(16), 40, 2e-3),), 8, 96)
    )
    (tmp_path / "task").write_bytes(pickle.dumps((long, tmp_path / "arms")))
    unit = place(long, 0, tmp_path / "arms")
    start = partial(
        subprocess.Popen,
        [sys.executable, "-c", WORK, str(tmp_path / "task")],
        text=True,
        env=os.environ | {"PYTHONPATH": PATHS},
    )
    first, deadline = start(), time.monotonic() + 120
    while not (unit / ".holder").is_file():
        assert time.monotonic() < deadline, "the first worker takes no unit"
        time.sleep(0.05)
    first.send_signal(signal.SIGSTOP)  # it stays in the middle of its work
    second, theirs = start(stdout=subprocess.PIPE), place(long, 1, tmp_path / "arms")
    said = next(line for line in second.stdout if "waiting for 1 units" in line)
    assert said and (theirs / "report.json").is_file() and not (unit / "report.json").is_file()
    first.kill()
    assert first.wait() == -signal.SIGKILL
    second.communicate(timeout=300)
    assert second.returncode == 0 and (unit / "report.json").is_file()
    assert (
        run(long, 0, tmp_path / "undisturbed")["final_loss"]
        == run(long, 0, tmp_path / "arms")["final_loss"]
    )
