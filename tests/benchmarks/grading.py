"""Our grader beside math-verify and the paper's matcher, on the same pairs in the same run.

Accuracy by kind, and speed.

    python tests/benchmarks/grading.py [rounds]

The pairs are those of tests/answer_pairs.py and tests/answer_variants.py and, where SKYMATH_DATA
names the benchmark files, the labelled pairs and responses there. Prints the macro average over
kinds, false positives, and pairs per CPU-second (median over rounds, graders in turn, caches
emptied before each; the CPU time of our workers of math-verify, their start included, is counted).
Nothing is asserted. A crash counts as "not equal".
"""

import gzip
import json
import logging
import os
import re
import resource
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import math_verify
from math_verify import parser

sys.path.insert(0, str(Path(__file__).parents[1]))
import answer_pairs
import answer_variants

from skymath_nb import grading
from skymath_nb.grading import reading, spelling, verifier

ENVIRONMENT = re.compile(r"\$|\\boxed|\\\(|\\\[")


def wrapped(text):
    return text if ENVIRONMENT.search(text) else f"${text}$"


GRADERS = {  # name: (of bare answers, of responses)
    "skymath_nb, flexible": (
        grading.equivalent,
        lambda response, gold: grading.grade(response, gold).flexible,
    ),
    "math-verify, as is": (
        lambda answer, gold: math_verify.verify(math_verify.parse(gold), math_verify.parse(answer)),
        lambda response, gold: math_verify.verify(
            math_verify.parse(gold), math_verify.parse(response)
        ),
    ),
    "math-verify, in $...$": (
        lambda answer, gold: math_verify.verify(
            math_verify.parse(wrapped(gold)), math_verify.parse(wrapped(answer))
        ),
        lambda response, gold: math_verify.verify(
            math_verify.parse(wrapped(gold)), math_verify.parse(response)
        ),
    ),
    "normalised strings (the paper's matcher)": (
        lambda answer, gold: grading.normalise(answer) == grading.normalise(gold),
        lambda response, gold: grading.grade(response, gold).strict,
    ),
}


def forget():
    """Empty every cache, and end the workers, so that a round pays for what it does."""
    verifier.POOL.close()
    for cached in (
        grading._compare,
        spelling.clean,
        reading.read,
        parser.parse_latex_cached,
        parser.parse_expr_cached,
    ):
        cached.cache_clear()


def spent():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def judge(grader, text, gold):
    try:
        return bool(grader(text, gold))
    except Exception:
        return False


def own():
    tables = [*answer_pairs.pairs(), *answer_variants.pairs()]
    pairs = [(kind, *sides, equal) for kind, a, b, equal in tables for sides in ((a, b), (b, a))]
    return pairs, [
        *(("responses", *row) for row in answer_pairs.RESPONSES),
        *answer_variants.responses(),
    ]


def published(folder):
    """The labelled pairs of others; a label that is known to be wrong is left out."""
    pairs, responses = [], []
    for name in (
        "math500_qwen3_pairs",
        "gsm8k_example_model_solutions_pairs",
        "math_cot_100_pairs",
    ):
        rows = map(json.loads, (folder / f"{name}.jsonl").read_text("utf-8").splitlines())
        usable = (
            row
            for row in rows
            if row["prediction"] is not None and "wrong-label" not in (row.get("caveat") or ())
        )
        pairs += [(name, row["prediction"], row["gold"], row["correct"]) for row in usable]
    for row in json.loads((folder / "gsm_plus_metamath_7b.json").read_text("utf-8")):
        responses.append(
            (
                "gsm_plus_metamath_7b",
                row["completion"],
                str(row["gold"]),
                str(row["result"]).lower() == "true",
            )
        )
    for line in gzip.open(folder / "math_cot_100.jsonl.gz", "rt", encoding="utf-8"):
        row = json.loads(line)
        rows = zip(row["code"], row["pred"], row["score"], strict=True)
        responses += [
            ("math_cot_100", code, row["gt"], score)
            for code, pred, score in rows
            if not (pred == "10000" and not score)
        ]
    return pairs, responses


def report(title, rows, side, rounds):
    print(f"\n{title}: {len(rows)} rows, {sum(not row[3] for row in rows)} of them not equal")
    verdicts, rates = {}, defaultdict(list)
    for _ in range(rounds):
        for name, graders in GRADERS.items():
            forget()
            started = spent()
            verdicts[name] = [judge(graders[side], text, gold) for _, text, gold, _ in rows]
            verifier.POOL.close()
            rates[name].append(len(rows) / (spent() - started))
    kinds = list(dict.fromkeys(row[0] for row in rows))
    shares = {}
    for name, given in verdicts.items():
        right = defaultdict(list)
        for (kind, _, _, equal), verdict in zip(rows, given, strict=True):
            right[kind].append(verdict == equal)
        shares[name] = {kind: 100 * statistics.mean(right[kind]) for kind in kinds}
    print(f"{'':42}" + "".join(f"{f'({i + 1})':>9}" for i in range(len(GRADERS))))
    if len(kinds) > 1:
        for kind in kinds:
            print(f"{kind:42}" + "".join(f"{shares[name][kind]:9.1f}" for name in GRADERS))
    first = statistics.median(next(iter(rates.values())))
    lines = {
        "macro average by kind, %": [
            f"{statistics.mean(shares[name].values()):9.1f}" for name in GRADERS
        ],
        "rows right, %": [
            f"{100 * statistics.mean(v == row[3] for v, row in zip(verdicts[name], rows, strict=True)):9.1f}"
            for name in GRADERS
        ],
        "false positives": [
            f"{sum(v and not row[3] for v, row in zip(verdicts[name], rows, strict=True)):9d}"
            for name in GRADERS
        ],
        "rows per CPU-second, median": [
            f"{statistics.median(rates[name]):9.0f}" for name in GRADERS
        ],
        "ours is faster by": [f"{first / statistics.median(rates[name]):9.1f}" for name in GRADERS],
    }
    for name, cells in lines.items():
        print(f"{name:42}" + "".join(cells))


def main(rounds=3):
    logging.disable(logging.CRITICAL)
    print("Graders: " + ", ".join(f"({i + 1}) {name}" for i, name in enumerate(GRADERS)))
    sets = {"tests/answer_pairs.py and answer_variants.py": own()}
    folder = Path(os.environ.get("SKYMATH_DATA", "")) / "answer_pairs"
    if folder.is_dir():
        sets["answer_pairs of SKYMATH_DATA"] = published(folder)
    for title, (pairs, responses) in sets.items():
        report(f"{title}, bare answers", pairs, 0, rounds)
        report(f"{title}, responses", responses, 1, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
