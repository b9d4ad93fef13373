"""The scaling study.

Which arms it trains, what it keeps of them, and the comparisons that are read from its tables.

Tables:  design (base, budget, size, epochs, steps, arm), reports (a row per trained model), answers
         (a row per model and item, without texts), cost (tokens of the instances), sampled (answers
         of base and students, drawn several times; only where asked for).
Source:  Skywork-Math, sections 4.2 (sizes) and 3.2 (a second stage of hard instances).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from .. import prompts
from ..core import intervals
from ..data import paper
from ..evaluation import answering
from ..evaluation import scores as evaluate
from ..training import curriculum, sft
from . import arms, power, scaling_laws

# columns of answers that a stored table does without
WITHOUT = ["response", "extracted", "gold", "reason", "subject"]
MEASURED = {"math": 5000, "gsm8k": 1319}  # test items behind the paper's accuracies (section 4.1)
TEMPERATURE = 0.7  # of samples, the paper's for its teacher


@dataclass
class Plan:
    """How every arm of a study is trained and asked.

    Attributes:
        rows: The instances, of which every size is a part.
        items: The benchmarks' items, by name.
        seed: Names all random streams.
        repeats: Training seeds of each arm.
        setting: As of curriculum.build.
        fixed: As of arms.Recipe.
    """

    rows: pd.DataFrame
    items: Mapping[str, pd.DataFrame]
    seed: int
    repeats: int
    setting: dict
    fixed: dict

    def recipe(self, name: str, base: str | Path, rows: pd.DataFrame, epochs: float) -> arms.Recipe:
        """How one arm is trained on these rows and asked all items."""
        plan = curriculum.build(rows, "shuffled", epochs=epochs, **self.setting)
        return arms.Recipe(name, base, plan, dict(self.items), **self.fixed)

    def nested(self, rows: pd.DataFrame, size: int) -> pd.DataFrame:
        """The first rows of the one random order; every size holds the smaller ones."""
        return rows.iloc[scaling_laws.nested_subsets(len(rows), [size], self.seed)[size]]

    def check(
        self, design: pd.DataFrame, dose_after: int, doses: list[int], hard: pd.DataFrame
    ) -> None:
        """Raises:  ValueError with all that is lacking, before hours of training."""
        largest, most = int(design["size"].max()), max(doses, default=0)
        control, normal = dose_after + most, len(self.rows)
        packed = self.fixed.get("training", {}).get("packing")
        lacking = []
        if largest > normal:
            lacking.append(f"{largest:,} normal rows for the largest size; there are {normal:,}")
        if most and dose_after not in set(design["size"]):
            lacking.append(f"dose_after to be one of the sizes; it is {dose_after:,}")
        if control > normal:
            lacking.append(f"{control:,} normal rows for the doses' control; there are {normal:,}")
        if most > len(hard):
            lacking.append(f"{most:,} hard rows for the largest dose; there are {len(hard):,}")
        if packed and "steps" in set(design["budget"]):
            why = "packed steps hold other numbers of rows"
            lacking.append(f'no packing with the budget "steps": {why}')
        if lacking:
            raise ValueError(f"The study needs {'; '.join(lacking)}. Nothing was trained.")

    def sizes(self, design: pd.DataFrame) -> list[arms.Unit]:
        """The units of `scaling.design`, each arm once, with every training seed."""
        lines = design.drop_duplicates("arm").itertuples()
        recipes = [
            self.recipe(r.arm, r.base, self.nested(self.rows, r.size), r.epochs) for r in lines
        ]
        return [arms.Unit(recipe, repeat) for recipe in recipes for repeat in range(self.repeats)]

    def doses(
        self,
        first: str,
        units: list[arms.Unit],
        doses: list[int],
        hard: pd.DataFrame,
        epochs: float,
        folder,
    ) -> list[arms.Unit]:
        """A second stage from each finished student of the arm `first`.

        A dose of hard rows, and as many more normal ones.

        The control takes the rows that come next in the order of the first stage's.
        """
        begun = [unit for unit in units if unit.recipe.name == first]
        seen = begun[0].recipe.curriculum.n_rows
        dosed = []
        for dose in doses:
            normal = self.nested(self.rows, seen + dose).iloc[seen:]
            for kind, rows in (("hard", self.nested(hard, dose)), ("normal", normal)):
                for unit in begun:
                    student = arms.place(*unit, folder) / "student"
                    recipe = self.recipe(f"{first}+{dose}-{kind}", student, rows, epochs)
                    dosed.append(arms.Unit(recipe, unit.seed))
        return dosed

    def sample(
        self, units: list[arms.Unit], examples: pd.DataFrame, samples: int, n: int, folder, **how
    ) -> pd.DataFrame:
        """Ask n items of the base, with and without solved examples, and of its students of the
        smallest and the largest set.

        Each is asked once greedily and `samples` times at TEMPERATURE. examples  seeds with
        solutions, for the few-shot prompt. Returns answers with the columns student and
        temperature, without texts.
        """
        by_size = {}
        for unit in units:  # of several budgets the first
            if unit.seed == 0 and unit.recipe.base == units[0].recipe.base:
                by_size.setdefault(unit.recipe.curriculum.n_rows, unit)
        ends = {f"student of {size:,}": by_size[size] for size in (min(by_size), max(by_size))}
        pose = partial(prompts.pose, style="few-shot", examples=examples)
        few_shot = {"prompt": pose, "stop": prompts.stops("few-shot")}
        ways = {f"base, {len(examples)} examples": few_shot, "base, no examples": {}}
        asked = {name: (units[0].recipe.base, manner) for name, manner in ways.items()}
        asked |= {name: (arms.place(*unit, folder) / "student", {}) for name, unit in ends.items()}
        main, items = next(iter(self.items.items()))
        tables = []
        for name, (model, manner) in asked.items():
            for k, temperature in ((1, 0.0), (samples, TEMPERATURE)):
                models = {name: sft.base_path(model)}
                questions = items.head(n).assign(benchmark=main)
                drawn = {"samples": k, "temperature": temperature, "seed": self.seed}
                answers = answering.answer(models, questions, **drawn, **how, **manner)
                tables.append(answers.assign(temperature=temperature))
        answers = pd.concat(tables, ignore_index=True)
        return answers.drop(columns=["response", "gold", "reason", "subject"])


def examples(seeds: pd.DataFrame, n: int) -> pd.DataFrame:
    """n English seeds with solutions, evenly over the levels."""
    english = seeds[seeds["language"] == "en"].sort_values("level", kind="stable")
    return english.iloc[:: max(1, len(english) // n)].head(n)


def keep(
    design: pd.DataFrame,
    units: list[arms.Unit],
    reports: pd.DataFrame,
    pool: pd.DataFrame,
    kept: int,
    folder,
) -> dict[str, pd.DataFrame]:
    """The study's tables from its finished units.

    Pool  all instances that were made, of which so many were kept to be scaled.
    """
    answers = arms.read_answers(units, folder).drop(columns=WITHOUT)
    tokens = {end: int(pool[f"tokens_{end}"].sum()) for end in ("in", "out")}
    spent = {"instances": kept} | tokens
    cost = pd.DataFrame({"what": list(spent), "count": list(spent.values())})
    return {"design": design, "reports": reports, "answers": answers, "cost": cost}


def suffices(tables: dict[str, pd.DataFrame]) -> bool:
    """Whether the tables are enough for a law and its check: several seeds, and LEAST + 2 sizes."""
    sizes = tables["design"]["size"].nunique()
    return tables["reports"]["seed"].nunique() > 1 and sizes >= scaling_laws.LEAST + 2


def price(tables: dict[str, pd.DataFrame], prices: dict[str, float]) -> float:
    """Dollars per kept instance at these prices per million tokens, input and output, for the
    tokens of all that were made; NaN if free.
    """
    if not prices:
        return math.nan
    count = tables["cost"].set_index("what")["count"]
    dollars = count["in"] * prices["input"] + count["out"] * prices["output"]
    return dollars / 1e6 / count["instances"]


def curves(tables: dict[str, pd.DataFrame]) -> dict[str, scaling_laws.Curve]:
    """The curve of every base and budget on the first benchmark."""
    design, answers = tables["design"], tables["answers"]
    lines = design[["base", "budget"]].drop_duplicates().itertuples(index=False)
    main = answers["benchmark"].iloc[0]
    return {
        f"{r.base}, equal {r.budget}": scaling_laws.curve(design, answers, *r, benchmark=main)
        for r in lines
    }


def parts(tables: dict[str, pd.DataFrame]) -> dict[str, scaling_laws.Curve]:
    """The curves of the first base and budget by level of the first benchmark, and on every other
    benchmark.
    """
    design, answers = tables["design"], tables["answers"]
    main, others = answers["benchmark"].iloc[0], answers["benchmark"].drop_duplicates().iloc[1:]
    levels = sorted(answers.loc[answers["benchmark"] == main, "level"].unique())
    cuts = {f"level {level}": {"benchmark": main, "level": level} for level in levels}
    cuts |= {name: {"benchmark": name} for name in others}
    first = design["base"].iloc[0], design["budget"].iloc[0]
    return {
        name: scaling_laws.curve(design, answers, *first, **only) for name, only in cuts.items()
    }


def leads(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """`scaling.lead` of every further base over the first, with the column `ahead`.

    At each size, and (size 0) per doubling.
    """
    design, measured = tables["design"], curves(tables)
    one, *others = design["base"].drop_duplicates()
    budget = f"equal {design['budget'].iloc[0]}"
    first, compared = measured[f"{one}, {budget}"], []
    for other in others:
        lead = scaling_laws.lead(first, measured[f"{other}, {budget}"])
        compared.append(lead.assign(ahead=f"{other} of {one}"))
    if compared:
        return pd.concat(compared, ignore_index=True)
    return pd.DataFrame(columns=["size", "lead", "low", "high", "ahead"])


def staged(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Hard doses against as many normal rows, per dose and part of the items.

    `precision.difference`, hard minus normal.

    before  accuracy of the first stage alone;  p_holm  p corrected for all lines. A pair's first
            stage is the same student, which the
    test does not use: its intervals are rather too wide. Empty where there are no doses, or a
    single seed.
    """
    answers = tables["answers"]
    named = answers["arm"].str.extract(r"^(?P<first>.*)\+(?P<dose>\d+)-(?P<kind>hard|normal)$")
    dosed = answers.join(named)[named["dose"].notna()]
    if dosed["seed"].nunique() < 2:
        return pd.DataFrame()
    main, *others = dosed["benchmark"].drop_duplicates()
    here = f"benchmark == '{main}'"
    cuts = {"all items": here, "levels 1 to 3": f"{here} and 1 <= level <= 3"}
    cuts["levels 4 and 5"] = f"{here} and level >= 4"
    cuts |= {name: f"benchmark == '{name}'" for name in others}
    first, lines = answers[answers["arm"] == dosed["first"].iloc[0]], []
    for dose, cut in dosed.groupby(dosed["dose"].astype(int)):
        for name, which in cuts.items():
            part = cut.query(which)
            if part["id"].nunique() > 1:
                hard, normal = (part[part["kind"] == kind] for kind in ("hard", "normal"))
                result = power.difference(hard, normal)
                before = first.query(which)["flexible"].mean()
                line = {"dose": dose, "part": name, "before": before}
                line |= {"hard": result["a"], "normal": result["b"]}
                columns = ("difference", "low", "high", "p", "n")
                lines.append(line | {column: result[column] for column in columns})
    table = pd.DataFrame(lines)
    return table.assign(p_holm=intervals.adjust(table["p"]))


def abilities(sampled: pd.DataFrame) -> pd.DataFrame:
    """Greedy accuracy and pass@1, pass@4 and pass@(all samples) of each asked model, from
    `Plan.sample`; n items.
    """
    greedy, drawn = sampled[sampled["temperature"] == 0], sampled[sampled["temperature"] > 0]
    scores = evaluate.score(greedy, by="student").set_index("student")
    scores = scores[["n", "flexible", "flexible_low", "flexible_high"]]
    most = int(drawn["sample"].max()) + 1
    passed = evaluate.pass_at_k(drawn, sorted({1, min(4, most), most}), by="student")
    ends = passed[passed["k"] == most].set_index("student")[["pass_at_k_low", "pass_at_k_high"]]
    wide = passed.pivot(index="student", columns="k", values="pass_at_k").add_prefix("pass@")
    ends.columns = [f"pass@{most}_low", f"pass@{most}_high"]
    return scores.join(wide).join(ends)


def printed() -> dict[str, scaling_laws.Curve]:
    """The paper's printed points by model and benchmark, of models with more than LEAST sizes."""
    points = {}
    for benchmark, n in MEASURED.items():
        for model, part in paper.scaling(benchmark).groupby("model"):
            if len(part) > scaling_laws.LEAST:
                sizes, accuracies = part["instances"].astype(float), part["accuracy"] / 100
                points[f"{model}, {benchmark}"] = scaling_laws.published(sizes, accuracies, n)
    return points
