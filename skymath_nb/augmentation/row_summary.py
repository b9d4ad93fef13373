"""Tables of instances.

What they took, why some are not kept, and their way to seeds and from seeds.
"""

import json

import pandas as pd
import pyarrow.parquet as pq

from ..core import schema
from .operator_plan import BACKWARD
from .verification import TRUTHS

SYNTHETIC = "synthetic"  # split of a seed that a teacher wrote: its answer is nobody's gold
# columns of a row for which nothing was asked yet
BLANK = {"prompt": "", "request_key": "", "tokens_in": 0, "tokens_out": 0, "cost_usd": 0.0}
BLANK |= {"verdicts": "{}", "kept": True, "reason": ""}


def summary(instances: pd.DataFrame, by: str | list[str] = ("method", "operator")) -> pd.DataFrame:
    """Per group.

    Rows, kept, mean level, the share of each verdict that is true (of the rows that have it),
    tokens, dollars.

    `usd_per_kept` is what all rows of the group cost, shared among the kept ones; no number where
    none was kept. Verdicts that no row has are left out.
    """
    verdicts = pd.DataFrame(
        [json.loads(text) for text in instances["verdicts"]], index=instances.index
    )
    verdicts = verdicts.reindex(columns=TRUTHS).dropna(axis=1, how="all").astype(float)
    table = instances.assign(tokens=instances["tokens_in"] + instances["tokens_out"]).join(verdicts)
    grouped = table.groupby([by] if isinstance(by, str) else list(by), sort=False).agg(
        rows=("id", "size"),
        kept=("kept", "sum"),
        mean_level=("level", "mean"),
        **{name: (name, "mean") for name in verdicts},
        tokens=("tokens", "mean"),
        usd=("cost_usd", "sum"),
    )
    return grouped.assign(
        usd_per_kept=grouped["usd"] / grouped["kept"].where(grouped["kept"] > 0)
    ).reset_index()


def reasons(instances: pd.DataFrame, by: str) -> pd.DataFrame:
    """How many rows were kept and how many eliminated for each reason (rows), per value of a column
    (columns).
    """
    why = instances["reason"].replace("", "kept").rename("reason")
    table = pd.crosstab(why, instances[by], margins=True, margins_name="all")
    return table.drop(index="all").sort_values("all", ascending=False)


def bill(instances: pd.DataFrame) -> dict:
    """What instances took, for a step's report.

    tokens_in, tokens_out, cost_usd, and cost_usd_per_kept (of all, if none is kept).
    """
    cost, kept = float(instances["cost_usd"].sum()), int(instances["kept"].sum())
    tokens = {name: int(instances[name].sum()) for name in ("tokens_in", "tokens_out")}
    return tokens | {"cost_usd": cost, "cost_usd_per_kept": cost / max(kept, 1)}


def as_seeds(instances: pd.DataFrame) -> pd.DataFrame:
    """Kept instances as seed problems for the next round, in the seeds schema.

    Query and the response's own, unverified answer.

    Backward questions are left out: they ask about an answer that is already given, and no operator
    goes on from there.
    """
    kept = instances[instances["kept"] & ~instances["operator"].isin(BACKWARD)]
    names = {"method": "subject", "query": "problem", "response": "solution"}
    seeds = kept.drop(columns="source").rename(columns=names)
    seeds = seeds.assign(source=kept["source"], split=SYNTHETIC, licence="")
    return seeds[schema.SEEDS.names].reset_index(drop=True)


def read_problems(path) -> pd.DataFrame:
    """The problems of a file in the seeds schema, whether it holds seeds or instances (then the
    kept ones).
    """
    if "query" in pq.read_schema(path).names:
        return as_seeds(schema.read(path, "instances"))
    return schema.read(path, "seeds")


def as_instances(seeds: pd.DataFrame) -> pd.DataFrame:
    """Seed problems with their own solutions as instances, of method and operator "seed", in the
    instances schema.
    """
    rows = seeds.rename(columns={"problem": "query", "solution": "response"})
    origin = {"seed_id": seeds["id"], "parent_id": seeds["id"], "teacher": ""}
    made = {"stage": "normal", "round": 0, "method": "seed", "operator": "seed"}
    rows = rows.assign(**BLANK, **origin, **made)
    rows["id"] = [schema.row_id("seed", id) for id in seeds["id"]]
    return rows[schema.INSTANCES.names].reset_index(drop=True)
