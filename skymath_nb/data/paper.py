"""The paper's printed numbers as data (arXiv 2407.08348, version 2).

Its tables of accuracies, and a few plain facts.
"""

from functools import cache
from importlib import resources

import pandas as pd
import yaml

# 0 and "": all of it
MEASURE = {"benchmark": "", "language": "en", "level": 0, "subject": ""}
MEASURE |= {"distractors": 0, "max_length": 0}


@cache
def _file():
    return yaml.safe_load(
        resources.files(__package__).joinpath("paper.yaml").read_text(encoding="utf-8")
    )


def scores(source: str = "") -> pd.DataFrame:
    """The printed accuracies in per cent, one row each.

    With a source ("Table 7") that table's alone.

    Columns: source, section ("" where it is not known), about, model, data, instances (<NA> where
             none is said), benchmark, language, level, subject, distractors, max_length (0 unless
             the table varies it), accuracy, scaling (a point of `scaling`).

    Raises:
        ValueError: For a table that is not there.
    """
    rows = []
    for table in _file()["tables"]:
        shared = {
            "source": table["source"],
            "section": str(table.get("section", "")),
            "about": table["about"],
        }
        for model, data, instances, accuracies in table["rows"]:
            run = {
                "model": model,
                "data": data,
                "instances": instances,
                "scaling": data in table.get("scaling", ()),
            }
            for measure, accuracy in zip(table["measures"], accuracies, strict=True):
                rows.append(shared | run | MEASURE | measure | {"accuracy": accuracy})
    frame = pd.DataFrame(rows).astype({"instances": "Int64"})
    known = list(dict.fromkeys(frame["source"]))
    if source and source not in known:
        raise ValueError(f"The paper's {source!r} was asked for, but there are {', '.join(known)}.")
    return frame[frame["source"] == source].reset_index(drop=True) if source else frame


def scaling(benchmark: str = "math") -> pd.DataFrame:
    """The tabled points of accuracy against the number of instances, by model and size.

    Figure 5 itself prints no numbers.

    Random choices up to 1.5M instances, then stage 1 (2.16M) and both stages (2.5M), all at a
    maximal length of 2048.
    """
    table = scores()
    points = table[
        table["scaling"] & (table["benchmark"] == benchmark) & (table["max_length"] != 512)
    ]
    return points.sort_values(["model", "instances"])[
        ["model", "instances", "accuracy", "source"]
    ].reset_index(drop=True)


def facts() -> pd.DataFrame:
    """Numbers of the method that the text states.

    Name, value, section ("" where it is not known).
    """
    return pd.DataFrame(_file()["facts"]).fillna({"section": ""})
