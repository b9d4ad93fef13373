"""Better, worse, no worse or not decided.

From the interval and the margin, with and without seeds.
"""

import json

import numpy as np
import pandas as pd
import pytest

from skymath_nb import __main__ as command_line
from skymath_nb.commands import grade
from skymath_nb.experiments import decisions


def answers(share, n=400, seeds=(None,), draw=0):
    """Answers to n items of which a share is right, the same items for every share."""
    rows = []
    for place, seed in enumerate(seeds):
        rng = np.random.default_rng(place + 10 * draw)
        hardness = np.linspace(0, 1, n) + rng.normal(0, 0.02, n)
        for item, hard in enumerate(hardness):
            row = {"benchmark": "", "id": str(item), "sample": 0, "flexible": bool(hard < share)}
            rows.append(
                row | {"strict": row["flexible"]} | ({} if seed is None else {"seed": seed})
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("a", "b", "margin", "verdict"),
    [
        (0.6, 0.5, 0.0, "BETTER"),
        (0.5, 0.6, 0.0, "WORSE"),
        (0.5, 0.6, 0.02, "WORSE"),
        (0.5, 0.5, 0.0, "INCONCLUSIVE"),
        (0.5, 0.5, 0.05, "NO WORSE"),
        (0.5, 0.505, 0.05, "NO WORSE"),
        (0.5, 0.5, 0.001, "INCONCLUSIVE"),
    ],
)
@pytest.mark.parametrize("seeds", [(None,), (0, 1, 2)])
def test_the_verdict_is_where_the_interval_lies(a, b, margin, verdict, seeds):
    found = decisions.decide(answers(a, seeds=seeds), answers(b, seeds=seeds, draw=1), margin)
    assert found.verdict == verdict and found.low < found.difference < found.high
    assert found.seeds == (len(seeds), len(seeds)) and found.n == 400
    assert 0 < found.detectable < 0.1


def test_a_margin_that_is_no_share_and_seeds_on_one_side_are_refused():
    with pytest.raises(ValueError, match="margin=2"):
        decisions.decide(answers(0.5), answers(0.5), 2)
    with pytest.raises(ValueError, match="3 training seeds and B 1"):
        decisions.decide(answers(0.5, seeds=(0, 1, 2)), answers(0.5, seeds=(0,)))


def test_the_detectable_difference_shrinks_with_the_root_of_the_items():
    few, many = (decisions.decide(answers(0.5, n), answers(0.5, n, draw=1)) for n in (400, 1600))
    assert few.detectable / many.detectable == pytest.approx(2, rel=0.25)


def written(tmp_path, name, share, seeds=(None,)):
    path = tmp_path / name
    table = answers(share, seeds=seeds)
    table["response"] = np.where(table["flexible"], "The answer is 5.", "The answer is 6.")
    table[["id", "response", *(["seed"] if "seed" in table else [])]].assign(gold="5").to_json(
        path, orient="records", lines=True
    )
    return str(path)


@pytest.mark.parametrize(("a", "b", "code"), [(0.6, 0.5, 0), (0.5, 0.5, 0), (0.4, 0.6, 1)])
@pytest.mark.parametrize("seeds", [(None,), (0, 1)])
def test_scripts_get_one_object_and_an_exit_code(tmp_path, capsys, a, b, code, seeds):
    files = [
        written(tmp_path, f"{name}.jsonl", share, seeds) for name, share in (("a", a), ("b", b))
    ]
    assert command_line.main(["compare", *files, "--margin", "0.1", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert (
        found["verdict"] in ("BETTER", "NO WORSE", "WORSE") and found["seeds"] == [len(seeds)] * 2
    )
    assert {"low", "high", "p", "margin", "detectable", "power", "files", "n"} <= set(found)
    assert command_line.main(["compare", *files, "--json"]) == 0, (
        "without a margin nothing is decided on"
    )


def test_what_is_not_decided_has_its_own_exit_code(tmp_path, capsys):
    table = answers(0.5, n=20)
    for name in "ab":
        right = table["flexible"] if name == "a" else ~table["flexible"]
        rows = table.assign(response=np.where(right, "5", "6"), gold="5")
        rows[["id", "response", "gold"]].to_json(
            tmp_path / f"{name}.jsonl", orient="records", lines=True
        )
    files = [str(tmp_path / f"{name}.jsonl") for name in "ab"]
    assert command_line.main(["compare", *files, "--margin", "0.02"]) == 6
    assert capsys.readouterr().out.splitlines()[-1].startswith("INCONCLUSIVE: A - B is ")


def test_files_with_seeds_are_compared_in_the_table_too(tmp_path):
    files = [written(tmp_path, f"{name}.jsonl", 0.5, (0, 1)) for name in "ab"]
    assert grade.compare(*files, echo=lambda line: None)["n"].tolist() == [400, 400]
