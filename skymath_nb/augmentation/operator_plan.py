"""Which operator meets which seed, before anything is asked, and the requests that will take."""

import itertools
import random

import pandas as pd

from ..core import randomness

METHODS = {
    "metamath": ("answer", "rephrase", "self_verification", "fobar"),
    "evol": ("new_problem", "constraints", "deepen", "concretize", "reason"),
    "xwin": ("create",),
    # not a method of the paper: what its bilingual and robustness tests need
    "variants": ("translate", "distract"),
}
METHOD_OF = {operator: method for method, operators in METHODS.items() for operator in operators}
BACKWARD = ("self_verification", "fobar")
BY_RULE = ("answer", "fobar")  # their questions need no teacher
# their questions are held against the seed's numbers and graph, and `vary` makes benchmarks by them
VARIANTS = METHODS["variants"]
SAME_ANSWER = ("answer", "rephrase", *VARIANTS)  # the seed's answer is the gold of these
LONGEST = 5  # steps of an Evol trajectory, section 3.1


def plan(
    seeds: pd.DataFrame, n: int, mix: dict[str, float], *, seed: int, evol_steps: int = 2
) -> pd.DataFrame:
    """Which operator meets which seed.

    One row a chain, with columns method, operators (list), seed_row, sample.

    `mix` gives each method its share of n. Seeds come round in a random order of their own per
    method, which a new seed does not change for the others; the sample index counts the rounds. An
    Evol chain has `evol_steps` operators, one instance each. Raises ValueError for an empty seed
    table, an unknown method or shares that do not sum to 1.
    """
    if len(seeds) == 0:
        raise ValueError("cannot augment an empty seed table; check the step that wrote it")
    unknown = set(mix) - set(METHODS)
    numbers = all(isinstance(share, int | float) and share >= 0 for share in mix.values())
    if unknown or not numbers or abs(sum(mix.values()) - 1) > 1e-6:
        raise ValueError(
            f"mix {mix}: shares of {', '.join(METHODS)} that sum to 1 are needed; unknown: "
            f"{sorted(unknown) or 'none'}"
        )
    if n < 1 or not 1 <= evol_steps <= LONGEST:
        raise ValueError(
            f"n={n} and evol_steps={evol_steps}; at least 1 instance and 1 to {LONGEST} steps "
            "(the paper's limit) are needed"
        )
    if again := int(seeds["id"].duplicated().sum()):
        first = seeds.loc[seeds["id"].duplicated(), "id"].iloc[0]
        raise ValueError(
            f"{again} seeds share an id with another, the first {first!r}; ids must differ "
            "across sources, or be left out."
        )
    chains, ids, so_far = [], seeds["id"].tolist(), 0.0
    for method, share in mix.items():
        left, so_far = round(n * (so_far + share)) - round(n * so_far), so_far + share
        order = sorted(
            range(len(ids)), key=lambda row: randomness.stream(seed, "plan", method, ids[row])
        )
        for place in itertools.count():
            if left <= 0:
                break
            lap, at = divmod(place, len(seeds))
            choices = METHODS[method]
            drawn = randomness.stream(seed, "operator", method, ids[order[at]])
            if method == "evol":
                operators = tuple(
                    random.Random(drawn + lap).choices(choices, k=min(evol_steps, left))
                )
            else:  # each lap shifts by one, so that every seed meets every operator
                operators = (choices[(drawn + lap) % len(choices)],)
            chains.append((method, operators, order[at], lap))
            left -= len(operators)
    return pd.DataFrame(chains, columns=["method", "operators", "seed_row", "sample"])


def question_values(
    operator: str, problem: str, *, answer: str = "", unknown: str = "x", distractors: int = 1
) -> dict[str, str]:
    """What fills the prompt of an operator."""
    values = {"problem": problem}
    if operator in BACKWARD:
        values |= {"answer": answer, "unknown": unknown}
    if operator == "distract":
        values["count"] = str(distractors)
    return values
