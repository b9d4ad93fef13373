import tomllib
from pathlib import Path

import pytest

from skymath_nb.data import paper

MODELS = {"LLaMA2-7B", "Mistral-7B", "DeepSeekMath-7B"}


def test_every_table_is_whole():
    sizes = paper.scores().groupby("source").size().to_dict()
    assert sizes == {
        **{
            "Table 1": 84,
            "Tables 2 and 11": 110,
            "Table 3": 12,
            "Table 4": 12,
            "Table 5": 12,
            "Table 6": 24,
            "Table 7": 66,
        },
        **{
            "Table 8": 12,
            "Table 9": 12,
            "Table 10": 12,
            "Table 12": 84,
            "Table 13": 12,
            "Table 14": 12,
        },
    }
    table = paper.scores()
    assert (
        table["accuracy"].between(0, 100).all()
        and table["about"].str.len().min() > 5
        and not table["model"].isna().any()
    )
    with pytest.raises(
        ValueError, match="'Table 99' was asked for, but there are Table 1, Tables 2 and 11"
    ):
        paper.scores("Table 99")


def test_numbers_that_several_tables_print_are_the_same():
    def found(
        source, model, benchmark, language="en", distractors=0, length=0, instances=2_500_000
    ):
        rows = paper.scores(source).query(
            "model == @model and benchmark == @benchmark and language == @language and "
            "distractors == @distractors "
            "and max_length == @length and instances == @instances and data != 'MATH train "
            "seeds' and data != 'hard problems picked'"
        )
        return rows["accuracy"].item()

    for model in MODELS:
        for benchmark in ("gsm8k", "math"):
            printed = found("Table 10", model, benchmark, length=2048)
            assert printed == found("Table 6", model, benchmark) and round(printed, 1) == found(
                "Table 1", model, benchmark
            )
            assert found("Table 3", model, benchmark, instances=360_000) == found(
                "Table 5", model, benchmark, instances=360_000
            )
        assert found("Table 7", model, "gsm8k") == found("Table 6", model, "gsm8k")
    for model in ("LLaMA3-8B", "Llemma-7B"):
        assert (
            found("Table 14", model, "gsm8k")
            == found("Table 6", model, "gsm8k")
            == found("Table 7", model, "gsm8k")
        )
    assert found("Table 8", "Mixtral-8x7B", "math") == found("Table 6", "Mixtral-8x7B", "math")


# items behind a printed share; the sets with distractors shrink, as their printed shares show
BY_LEVEL = dict(zip(range(1, 6), (437, 894, 1131, 1214, 1324), strict=True))
BY_SUBJECT = {
    "Algebra": 1187,
    "Counting & Probability": 474,
    "Geometry": 479,
    "Intermediate Algebra": 903,
    "Number Theory": 540,
}
BY_SUBJECT |= {"Prealgebra": 871, "Precalculus": 546}
BY_DISTRACTORS = dict(zip(range(1, 6), (873, 794, 762, 676, 670), strict=True))


def test_printed_shares_are_counts_of_items():
    assert sum(BY_LEVEL.values()) == sum(BY_SUBJECT.values()) == 5000
    for row in paper.scores().query("source != 'Table 1' and data != 'base'").to_dict("records"):
        n = (
            BY_LEVEL.get(row["level"])
            or BY_SUBJECT.get(row["subject"])
            or BY_DISTRACTORS.get(row["distractors"])
        )
        n = n or {"math": 5000, "gsm8k": 1319}[row["benchmark"]]
        if (
            row["model"] not in ("GPT-4-Turbo", "DeepSeekMath-7B-Instruct")
            or row["distractors"]
            or row["level"]
        ):
            assert abs(100 * round(row["accuracy"] * n / 100) / n - row["accuracy"]) < 0.006, row


def test_the_scaling_points_grow_and_say_where_they_are_from():
    points = paper.scaling()
    assert set(points["model"]) == MODELS and points["instances"].max() == 2_500_000
    for _, part in points.groupby("model"):
        assert (
            part["instances"].is_monotonic_increasing and part["accuracy"].is_monotonic_increasing
        )
    llama = points.query("model == 'LLaMA2-7B'")
    assert llama["accuracy"].tolist() == [15.16, 29.36, 37.76, 40.52, 45.56, 47.66]
    assert llama["source"].tolist() == [
        "Table 9",
        "Table 3",
        "Table 4",
        "Table 4",
        "Table 13",
        "Table 10",
    ]
    assert paper.scaling("gsm8k").query("model == 'Mistral-7B'")["accuracy"].tolist() == [
        73.92,
        77.79,
        80.36,
        83.25,
        83.93,
    ]


def test_facts_are_numbers_with_their_section():
    facts = paper.facts().set_index("name")
    assert (
        facts.loc["instances of stage 1", "value"] + facts.loc["instances of stage 2", "value"]
        == 2_560_000
    )
    assert (
        facts.loc["learning rate of LLaMA2-7B", "value"] == 2e-5
        and facts.loc["epochs", "section"] == "4.1.3"
    )


def test_the_numbers_are_installed_with_the_package():
    project = tomllib.loads(
        (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert "*/*.yaml" in project["tool"]["setuptools"]["package-data"]["skymath_nb"]
