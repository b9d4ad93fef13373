"""The arms of the takeaways.

What each trains on, from which base, and the tables that are kept of them.

Every repeat draws its own rows, from streams named after seed, repeat and draw, so that the luck of
the subset is in the scatter between repeats. Arms have as many rows as the reference, and as many
epochs, unless their size is what they are about; a draw of the reference is shared by the arms that
change it. An arm's name may end in a variation: "verified@teacher" is "verified" with the worse
teacher.
Source:  Skywork-Math, sections 3 and 4.3, whose ablations these are; the controls are ours.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import world
from ..core import randomness
from ..core.schema import Curriculum, Phase
from ..data import seeds
from ..selection import decontamination
from ..training import curriculum, sft
from . import arms, takeaways
from .scaling_study import WITHOUT

HARD = 4  # level from which a row is hard, as the paper's second stage takes it (section 3.2)
METHODS = ("metamath", "evol", "xwin")
# arms whose rows are all drawn from a part of the pool, or from a pool of their own
DRAWN = (*METHODS, "narrow", "coreset", "random", "verified", "verified-hard", "hard-picked")
LOWER = 0.1  # share of the first stage's learning rate, of a second stage with a low one


class Arm(NamedTuple):
    """What is trained.

    A curriculum from a base; too_long  what becomes of rows over its max_length.
    """

    curriculum: Curriculum
    base: str
    too_long: str = "refuse"


@dataclass
class Study:
    """All that the arms are made of.

    Attributes:
        pools: Tables of gated instances: normal, and those that the asked arms need (hard, coreset,
            random, poor, distracted).
        items: Benchmarks by role: test, chinese, and distracted-1, ... (versions of the same items,
            column `pair`).
        bases: Of the arms moe, moe-active and moe-total, and of the variation base ("weaker").
        shares: Hard (of the rows, in the arms on order), narrow (of the seeds), leaked (of the
            items), cut (of the rows, the longest).
        more: Rows of the arm `more`, in references.
        copies: Of each leaked item, rising: the filters meet the most.
        setting: As of curriculum.build.
        fixed: As of arms.Recipe.
    """

    pools: Mapping[str, pd.DataFrame]
    items: Mapping[str, pd.DataFrame]
    base: str
    bases: Mapping[str, str]
    size: int
    more: int
    shares: Mapping[str, float]
    setting: dict
    fixed: dict
    copies: Sequence[int] = (1,)
    seed: int = 0
    repeats: int = 1
    _kept: dict = field(default_factory=dict)  # what several arms are made from

    # --- what is drawn ---

    def _source(self, name: str, variation: str) -> str:
        return "poor" if (name, variation) == ("normal", "teacher") else name

    def _pool(self, name: str, variation: str = "") -> pd.DataFrame:
        name = self._source(name, variation)
        if name not in self.pools:
            raise ValueError(
                f"The pool {name!r} is needed, but there are {', '.join(self.pools)}. Name a "
                "step for it in `pools`."
            )
        rows = self.pools[name]
        if variation == "world":
            return rows[self._once(("families", name), lambda: familiar(rows["query"], self.seed))]
        return rows

    def _once(self, name, make: Callable):
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _draw(self, name: str, n: int, repeat: int, of: pd.DataFrame) -> pd.DataFrame:
        if n > len(of):
            raise ValueError(
                f"{n:,} rows are to be drawn for {name!r}, but its pool has {len(of):,}. Make "
                "more instances, or lower size."
            )
        rng = randomness.rng(self.seed, "ablations", str(repeat), name)
        return of.iloc[rng.permutation(len(of))[:n]].reset_index(drop=True)

    def _right(self, variation: str) -> pd.DataFrame:
        pool = self._pool("normal", variation)
        name = self._source("normal", variation)  # of which `pool` may be a part
        rows = self.pools[name]
        verdicts = self._once(("right", name), lambda: pd.Series(right(rows), rows.index))
        return pool[verdicts[pool.index]]

    def leaked(self) -> pd.Series:
        """Ids of the test items that the arms on leakage leak: the same in every repeat."""
        ids = self.items["test"]["id"]
        n = round(self.shares["leaked"] * len(ids))
        order = randomness.rng(self.seed, "ablations", "leaked").permutation(len(ids))
        return ids.iloc[np.sort(order[:n])]

    # --- the arms ---

    def arm(self, name: str, repeat: int) -> Arm:
        """One arm of one repeat.

        Raises:
            ValueError: For an unknown name, a pool that is missing, or too few rows.
        """
        plain, _, variation = name.partition("@")
        kind, _, dose = plain.partition("-")
        base = takeaways.base_of(name, self.base, self.bases)
        pool, n = self._pool("normal", variation), self.size
        reference = self._draw("reference", n, repeat, pool)
        if plain in ORDERS:
            hard = self._draw("hard", round(self.shares["hard"] * n), repeat, self._pool("hard"))
            rows = pd.concat([reference.iloc[: n - len(hard)], hard], ignore_index=True)
            return Arm(self._ordered(plain, rows, base, repeat), base)
        if plain in ("truncated", "dropped", "thinned"):
            return self._cut(plain, reference, base, repeat)
        if kind == "moe":
            return Arm(self._shuffled(reference), base)
        if plain == "reference":
            rows = reference
        elif plain == "more":
            rows = self._draw("reference", self.more * n, repeat, pool)
        elif plain == "verified-levels":
            rows = self._levelled(reference, self._right(variation), repeat)
        elif plain in DRAWN:
            rows = self._draw(plain, n, repeat, self._drawn_from(plain, pool, repeat, variation))
        elif kind in self._dosed:
            rows = self._dosed[kind](plain, dose, reference, pool, repeat)
        else:
            raise ValueError(f"There is no arm {name!r}.")
        return Arm(self._shuffled(rows), base)

    @property
    def _dosed(self) -> dict[str, Callable]:
        """How the rows of the arms are made whose names end in a dose."""
        leaks = dict.fromkeys(("leak", "reworded"), self._leak)
        filters = dict.fromkeys(("filtered", "thinned"), self._filtered)
        return {"chinese": self._chinese, "distracted": self._distracted} | leaks | filters

    def _drawn_from(self, name, pool, repeat, variation) -> pd.DataFrame:
        """What the rows of an arm of DRAWN are drawn from."""
        if name in ("coreset", "random"):
            return self._pool(name)
        if name == "narrow":
            return self._narrow(pool, repeat)
        if name in METHODS:
            return pool[pool["method"] == name]
        rows = self._right(variation) if name.startswith("verified") else pool
        return rows[rows["level"] >= HARD] if "hard" in name else rows

    def _shuffled(self, rows: pd.DataFrame) -> Curriculum:
        return curriculum.build(rows, "shuffled", **self.setting)

    def _ordered(self, name, rows, base, repeat) -> Curriculum:
        preset, change, continued = ORDERS[name]
        rate = self.setting["learning_rate"]
        change = {key: value * rate if "rate" in key else value for key, value in change.items()}
        plan = curriculum.build(rows, preset, **self.setting, **change)
        # the rows read again take the place of others' second and third reading
        if preset == "replay":
            whole = self._shuffled(rows)
            plan = curriculum.match({name: plan}, "steps", whole.phase_steps(whole.phases[0]))[name]
        if not continued:
            return plan
        seed = randomness.stream(self.seed, "ablations", str(repeat), name)
        return one_schedule(plan, base, seed)

    def _cut(self, name, reference, base, repeat) -> Arm:
        tokens = sft.lengths(base, reference)
        limit = int(np.quantile(tokens, 1 - self.shares["cut"]))
        over = tokens > limit
        if name == "truncated":
            return Arm(replace(self._shuffled(reference), max_length=limit), base, "truncate")
        if name == "dropped":
            rows = reference[~over]
        else:
            rows = decontamination.random_control(reference, int(over.sum()), repeat)
        return Arm(self._shuffled(rows), base)

    def _narrow(self, pool, repeat):
        origins = sorted(set(pool["seed_id"].dropna()))
        n = math.ceil(self.shares["narrow"] * len(origins))
        chosen = randomness.rng(self.seed, "ablations", str(repeat), "seeds").permutation(
            len(origins)
        )[:n]
        return pool[pool["seed_id"].isin([origins[i] for i in chosen])]

    def _levelled(self, reference, pool, repeat):
        parts = [
            self._draw(f"verified-{level}", len(part), repeat, pool[pool["level"] == level])
            for level, part in reference.groupby("level")
        ]
        return pd.concat(parts, ignore_index=True)

    def _chinese(self, name, dose, reference, pool, repeat):
        n = round(float(dose) / 100 * self.size)
        english = self._draw("english", self.size - n, repeat, pool[pool["language"] == "en"])
        chinese = self._draw("chinese", n, repeat, pool[pool["language"] == "zh"])
        return pd.concat([english, chinese], ignore_index=True)

    def _distracted(self, name, dose, reference, pool, repeat):
        n = round(float(dose) / 100 * self.size)
        rows = self._pool("distracted")
        rows = self._draw("distracted", n, repeat, rows[rows["operator"] == "distract"])
        return pd.concat([reference.iloc[: self.size - n], rows], ignore_index=True)

    def _leak(self, name, dose, reference, pool, repeat):
        """Leaks planted past the gate, on purpose.

        Problems of the test with their right solutions, in the place of other rows.
        """
        if dose.startswith(("filtered", "thinned")):
            leaked = self._leak("leak", str(self.copies[-1]), reference, pool, repeat)
            return self._filtered(dose, dose.partition("-")[2], leaked, pool, repeat)
        items = self.items["test"].set_index("id").loc[self.leaked()].reset_index()
        names = {"problem": "query", "solution": "response"}
        rows = items[["id", *names, "level"]].rename(columns=names)
        copies = [rows.assign(id=[f"leak-{i}-{id}" for id in rows["id"]]) for i in range(int(dose))]
        if name.startswith("reworded"):
            copies = [world.reworded(rows, self.seed) for rows in copies]
        planted = pd.concat(copies).assign(stage="normal")
        if len(planted) >= len(reference):
            raise ValueError(
                f"{len(planted)} leaks would take the place of all {len(reference)} rows. Lower "
                "copies or shares['leaked']."
            )
        others = reference.iloc[: len(reference) - len(planted)]
        return pd.concat([others, planted], ignore_index=True)

    def _filtered(self, name, dose, reference, pool, repeat):
        """What an n-word filter leaves, or as many rows drawn at random."""
        out = meets(reference, self.items["test"], int(dose.rpartition("-")[2]))
        if name.startswith("filtered"):
            rows = reference[~out]
        else:
            rows = decontamination.random_control(reference, int(out.sum()), repeat)
        return rows.reset_index(drop=True)

    # --- the experiment ---

    def units(self, chosen: list[takeaways.Contrast]) -> list[arms.Unit]:
        """Every arm that the contrasts name, once a repeat.

        Each is asked what its contrasts compare.

        All curricula are made before anything is trained, so that what is lacking costs nothing.
        """
        pairs = [(name, self._roles(parts)) for name, parts in takeaways.asked(chosen).items()]
        return [
            arms.Unit(self._recipe(name, roles, repeat), repeat)
            for name, roles in pairs
            for repeat in range(self.repeats)
        ]

    def _roles(self, parts: list[str]) -> set[str]:
        """The benchmarks that hold these items."""
        return {role for role in self.items if role.partition("-")[0] in takeaways.roles(parts)}

    def _recipe(self, name, roles, repeat) -> arms.Recipe:
        arm = self.arm(name, repeat)
        benchmarks = {role: self.items[role] for role in self.items if role in roles}
        fixed = self.fixed | {"too_long": arm.too_long}
        return arms.Recipe(name, arm.base, arm.curriculum, benchmarks, **fixed)

    def keep(
        self,
        units: list[arms.Unit],
        chosen: list[takeaways.Contrast],
        reports: pd.DataFrame,
        folder,
    ) -> dict[str, pd.DataFrame]:
        """The study's tables.

        Contrasts (the protocol), reports (a row a model), answers (a row a model and item, without
        texts).
        """
        answers = arms.read_answers(units, folder).drop(columns=[*WITHOUT, "pair"], errors="ignore")
        about = pd.concat([items.assign(benchmark=role) for role, items in self.items.items()])
        key = ["benchmark", "id"]
        answers = answers.join(about.set_index(key)[["pair", "subject"]], on=key)
        distracted = [role for role in self.items if role.startswith("distracted")]
        versions = [set(self.items[role]["pair"]) for role in distracted]
        test = self.items["test"]
        answers = answers.assign(
            role=answers["benchmark"].str.partition("-")[0],
            leaked=answers["pair"].isin(set(self.leaked())),
            paired=answers["pair"].isin(set.intersection(*versions) if versions else set()),
            familiar=answers["pair"].isin(set(test["pair"][familiar(test["problem"], self.seed)])),
        )
        answers = answers.drop(columns="language")
        return {"contrasts": takeaways.table(chosen), "reports": reports, "answers": answers}


# preset of curriculum.build, changes of its arguments (a rate is a share of the rate), one schedule
# over all phases
ORDERS = {
    "shuffled": ("shuffled", {}, False),
    "easy-fresh": ("paper", {}, False),
    "easy-continued": ("paper", {}, True),
    "easy-low": ("paper", {"hard_learning_rate": LOWER}, False),
    "replay-fresh": ("replay", {"replay": 1.0}, False),
    "replay-continued": ("replay", {"replay": 1.0}, True),
    "hard-first": ("hard_first", {}, True),
}


def benchmarks(
    names: Mapping[str, str], chosen: list[takeaways.Contrast], n: int, n_paired: int
) -> dict[str, pd.DataFrame]:
    """The items that some contrasts are about, by role.

    Test, chinese, distracted-1 to -5; each has a column `pair`.

    Args:
        names: Benchmark of each role, for "distracted" without the number.
        n, n_paired: Items of test and Chinese, and with distractors.

    Raises:
        ValueError: For a role without a name.
    """
    parts = {items.partition("@")[0] for c in chosen for items in (c.items, c.against) if items}
    roles = {"test": (names.get("test"), n)}
    roles |= {"chinese": (names.get("chinese"), n)} if "chinese" in parts else {}
    if "distracted" in parts:
        roles |= {
            f"distracted-{k}": (names.get("distracted") and f"{names['distracted']}-{k}", n_paired)
            for k in range(1, world.MOST_DISTRACTORS + 1)
        }
    if nameless := [role for role, (name, _) in roles.items() if not name]:
        raise ValueError(
            f"These takeaways ask {', '.join(roles)}, but `benchmarks` names none for "
            f"{', '.join(nameless)}. Name them."
        )
    tables = {role: seeds.benchmarks([name], items)[name] for role, (name, items) in roles.items()}
    pairs = {role: table.get("pair", table["id"]) for role, table in tables.items()}
    return {role: table.assign(pair=pairs[role]) for role, table in tables.items()}


def one_schedule(plan: Curriculum, base, seed: int) -> Curriculum:
    """The same phases under one schedule.

    Their rows end to end, as often and in the kind of order in which each would be read alone.
    """
    parts = []
    for phase in plan.phases:
        rng = randomness.rng(seed, "ablations", "one schedule", phase.name)
        lengths = sft.lengths(base, phase.rows)
        order = sft.order(lengths, phase.epochs, plan.batch_size, phase.shuffle, rng)
        parts.append(phase.rows.iloc[order])
    name = ", then ".join(phase.name for phase in plan.phases)
    rows = pd.concat(parts, ignore_index=True)
    phase = Phase(name, rows, 1.0, plan.phases[0].learning_rate, shuffle=False)
    return replace(plan, phases=(phase,))


def meets(rows: pd.DataFrame, items: pd.DataFrame, n: int) -> np.ndarray:
    """Which rows share n words in a row with a problem or a solution.

    The paper's plain filter, blind to all that is shorter.

    Source:  Llemma's tool (arXiv 2310.10631), words between white space as they are; the wall of
             `leakage.gate` sees more.
    """

    def spans(text):
        words = text.split()
        return (tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    known = {span for text in [*items["problem"], *items["solution"]] for span in spans(text)}
    texts = zip(rows["query"], rows["response"], strict=True)
    return np.array([any(s in known for text in row for s in spans(text)) for row in texts], bool)


def right(rows: pd.DataFrame) -> np.ndarray:
    """Which responses are right.

    By the graph for a problem of the world, else by the row's verdict on its gold or its majority.

    A perfect verifier where graphs are known; where nothing can be said a row does not count as
    right.
    """
    columns = (rows[name] for name in ("query", "answer", "verdicts"))
    return np.array([_is_right(*row) for row in zip(*columns, strict=True)], bool)


def _is_right(query, answer, verdicts) -> bool:
    try:
        return world.number(world.read(query).answer) == answer
    except (world.Unreadable, world.Unsolvable):
        told = json.loads(verdicts) if verdicts else {}
        agrees = [told.get(name) for name in ("agrees_with_gold", "agrees_with_majority")]
        return next((bool(value) for value in agrees if value is not None), False)


def familiar(texts: pd.Series, seed: int) -> np.ndarray:
    """Which texts are of the half of the world's families that the narrower world keeps.

    Other texts are of none.
    """
    order = randomness.rng(seed, "ablations", "families").permutation(len(world.SEEN))
    families = [world.SEEN[i] for i in order[: len(world.SEEN) // 2]]
    return np.array([family(text) in families for text in texts], bool)


def family(text: str) -> str:
    """The world's family of a problem, "" for any other text."""
    try:
        return world.read(text).family
    except (world.Unreadable, world.Unsolvable):
        return ""
