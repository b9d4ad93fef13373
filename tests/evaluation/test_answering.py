import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny_model

from skymath_nb import world
from skymath_nb.evaluation import answering

STAND_IN = [sys.executable, str(Path(__file__).parents[1] / "stand_in_server.py")]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model.save(tmp_path_factory.mktemp("model") / "student")


@pytest.fixture(scope="module")
def items():
    tables = [
        world.benchmark(name, 4).assign(benchmark=name) for name in ("world-test", "world-chinese")
    ]
    table = pd.concat(tables, ignore_index=True)
    # short enough for a tiny model
    return table.assign(problem=[f"{i} + 1?" for i in range(len(table))])


def test_every_model_answers_every_item_as_often_as_asked(model, items):
    table = answering.answer(
        {"a": model, "b": model}, items, samples=3, temperature=1.0, max_new_tokens=5
    )
    numbers = table.groupby(["student", "benchmark", "id"])["sample"].apply(list)
    assert len(table) == 2 * 8 * 3 and all(number == [0, 1, 2] for number in numbers)
    gold = items.set_index(["benchmark", "id"])["answer"]
    assert all(gold[row.benchmark, row.id] == row.gold for row in table.itertuples())
    responses = table.pivot(
        index=["benchmark", "id", "sample"], columns="student", values="response"
    )
    assert (responses["a"] == responses["b"]).all(), "the same model, the same streams"


def test_answers_are_kept_and_asked_once(model, items, tmp_path, monkeypatch):
    book = tmp_path / "ledger.sqlite"
    first = answering.answer({"a": model}, items, ledger=book, max_new_tokens=5)

    def gone(*_, **__):
        raise AssertionError("the model was loaded again")

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", gone)
    pd.testing.assert_frame_equal(
        answering.answer({"a": model}, items, ledger=book, max_new_tokens=5), first
    )


def test_a_server_answers_like_any_model_and_is_gone_afterwards(model, items):
    import psutil

    table = answering.answer({"a": model}, items, engine="vllm", command=STAND_IN, max_new_tokens=5)
    assert len(table) == len(items) and table["response"].str.len().gt(0).all()
    assert not [
        p
        for p in psutil.Process().children(recursive=True)
        if "stand_in_server" in " ".join(p.cmdline())
    ]
