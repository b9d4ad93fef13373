"""The planted-leak test.

Leaks of known kinds are made from a benchmark, and the gate must find them.
"""

import re
from collections.abc import Callable, Mapping

import pandas as pd

from ..core import randomness
from . import ngrams as wording
from .contamination_search import FEWEST, NEAR, gate

MATHS = re.compile(r"\$([^$]+)\$")
NUMBER = re.compile(r"(?<![\w.\\])\d+(?![\w.])")


def _change_number(text, rng):
    numbers = list(re.finditer(r"\d+", text))
    if not numbers:
        return None
    match = numbers[rng.integers(len(numbers))]
    return text[: match.start()] + str(int(match[0]) + 1) + text[match.end() :]


def _half(text, rng):
    parts = re.findall(r"\s*[一-鿿]|\s*[^\s一-鿿]+", text)
    return "".join(parts[: (len(parts) + 1) // 2])


def _respace(text, rng):
    text = MATHS.sub(lambda m: "$ " + re.sub(r"(?<!\\)([=+,^_(){}-])", r" \1 ", m[1]) + " $", text)
    return "  " + re.sub(r"(?<=[一-鿿])(?=[一-鿿])", " ", text).replace(" ", "\n  ") + " "


def _retypeset(text, rng):
    """Another hand's LaTeX.

    Other delimiters, fractions, brackets, braced exponents; a text without any gets its numbers in
    dollars.
    """
    if "$" not in text and "\\" not in text:
        return NUMBER.sub(r"$\g<0>$", text)
    for old, new in (
        (r"\\frac(?![a-z])", r"\\dfrac"),
        (r"\\leq?(?![a-z])", r"\\leq"),
        (r"\\geq?(?![a-z])", r"\\ge"),
        (r"\^(\w)", r"^{\1}"),
    ):
        text = re.sub(old, new, text)
    return MATHS.sub(
        lambda m: "\\(" + re.sub(r"(?<!\\left)(?<!\\right)(?<!\\)([()])", _sized, m[1]) + "\\,\\)",
        text,
    )


def _sized(match):
    return ("\\left" if match[0] == "(" else "\\right") + match[0]


def _embedded(text, rng):
    if _is_short(text):
        return f"Here is a problem to practise on. {text} Then explain your steps to a friend."
    return None


def _is_short(text):
    return FEWEST <= len(wording.words(text)) < 30


def _requote(text, rng):
    """Quotes and minus signs as a word processor writes them, where a text has any."""
    new = text.replace("'", "’").replace(" - ", " − ")
    return new if new != text else None


def _regroup(text, rng):
    """Numbers above 999 with or without their commas, where a text has any."""
    new = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    new = new if new != text else re.sub(r"(?<![\d.])(\d{1,3})(\d{3})(?![\d.])", r"\1,\2", text)
    return new if new != text else None


KINDS = {  # text, rng -> the leak, or None where a text has none of the kind
    "verbatim": lambda text, rng: text,
    "recased": lambda text, rng: text.upper(),
    "respaced": _respace,
    "retypeset": _retypeset,
    "requoted": _requote,
    "regrouped": _regroup,
    "short question inside a text": _embedded,
    "one number changed": _change_number,
    "half a question": _half,
    "translated": None,  # taken from `translations`
}


def plant(
    benchmark: pd.DataFrame, kind: str, seed: int = 0, translations: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Make instances that leak the problems of a benchmark in one of KINDS, with ids
    `planted-<benchmark id>`.

    Args:
        translations: Benchmark id -> the problem in another language; a problem without one, or
            without a number to change, is left out.
    """
    if kind not in KINDS:
        raise ValueError(
            f"There is no planted leak of the kind {kind!r}; there are {', '.join(KINDS)}."
        )
    pairs = zip(benchmark["id"], benchmark["problem"], strict=True)
    if kind == "translated":
        leaks = {id: (translations or {}).get(id) for id, _ in pairs}
    else:
        leaks = {
            id: KINDS[kind](problem, randomness.rng(seed, "plant", kind, id))
            for id, problem in pairs
        }
    rows = [("planted-" + str(id), text, "") for id, text in leaks.items() if text is not None]
    return pd.DataFrame(rows, columns=["id", "query", "response"])


def recall(
    benchmarks: dict[str, pd.DataFrame],
    kinds=tuple(KINDS),
    *,
    seed: int = 0,
    n: tuple[int, int] = (30, 10),
    keys: Callable[[str], str | None] | None = None,
    near: float | None = NEAR,
    translations: Mapping[str, Mapping[str, str]] | None = None,
    size: int = 100,
) -> pd.DataFrame:
    """Plant leaks of up to `size` problems of each benchmark and return how many the gate finds, by
    kind.

    Columns: benchmark, kind, planted, recall (leak and near together), as_leak, as_near. A kind
    that can't be planted in a benchmark (no translation, no short question) has no row. A world
    problem with another number is another graph and is not found, nor should it be; a translation
    is found there by its graph, and in texts by none of these tiers: its row says so.
    """
    rows = []
    for name, benchmark in benchmarks.items():
        sample = benchmark.iloc[
            randomness.rng(seed, "recall", name).permutation(len(benchmark))[:size]
        ]
        planted = {
            kind: plant(sample, kind, seed, (translations or {}).get(name)) for kind in kinds
        }
        joined = pd.concat(planted).reset_index(level=0, names="kind").reset_index(drop=True)
        verdicts = gate(
            joined.assign(id=joined["kind"] + " " + joined["id"]), {name: benchmark}, n, keys, near
        )["verdict"]
        for kind, part in verdicts.groupby(joined["kind"], sort=False):
            leak, as_near = ((part == verdict).mean() for verdict in ("leak", "near"))
            row = {"benchmark": name, "kind": kind, "planted": len(part), "recall": leak + as_near}
            rows.append(row | {"as_leak": leak, "as_near": as_near})
    return pd.DataFrame(rows)


def flat_recall(recall_table: pd.DataFrame) -> dict[str, float]:
    """Return recall as flat named numbers: world_test_recall_verbatim."""
    names = recall_table["benchmark"] + "_recall_" + recall_table["kind"]
    names = names.str.replace(r"\W+", "_", regex=True)
    return dict(zip(names, recall_table["recall"].astype(float), strict=True))
