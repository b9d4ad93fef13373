"""Augmentation: seed problems in, instances out, by the three methods of the paper.

Each instance takes one or two requests: an operator makes the question (answer augmentation and FOBAR need none), then `solve`
writes the response. Nothing is dropped: a row that is not kept says why. The teacher comes as an argument, `ask`, which takes a list
of request dictionaries (messages, operator, sample, max_tokens, temperature) and returns replies with text, error, key and counts.

Sources: Skywork-Math section 3.1; MetaMath arXiv 2309.12284; Evol-Instruct arXiv 2304.12244; Xwin-Math arXiv 2403.04706.
"""

import itertools
import json
import random
import re
from collections import Counter

import pandas as pd
import pyarrow.parquet as pq

from . import answers, prompts, runs, schema, world

METHODS = {
    "metamath": ("answer", "rephrase", "self_verification", "fobar"),
    "evol": ("new_problem", "constraints", "deepen", "concretize", "reason"),
    "xwin": ("create",),
}
BACKWARD = ("self_verification", "fobar")
BY_RULE = ("answer", "fobar")  # their questions need no teacher
SAME_ANSWER = ("answer", "rephrase")  # the seed's answer is the gold of these
SYNTHETIC = "synthetic"  # split of a seed that a teacher wrote: its answer is nobody's gold
REFUSED, FAILED = "teacher refused", "teacher failed"  # the first is an answer, the second can be asked again
# What a row carries while it is made, beside the columns of an instance.
SCRATCH = ["chain", "depth", "sample", "gold", "synthetic", "rng", "seed_problem", "seed_level", "seed_answer"]
MAX_TOKENS = 2048  # the paper's length for SFT and evaluation, section 4.1.3


class Unparsed(ValueError):
    """A reply that does not have the form its prompt asks for."""


# Parsers: one per form of reply, named in the prompt's header.


def parse_question(text: str) -> str:
    """The question of a reply that should hold nothing else: headings, tags and quotation marks around it go."""
    text = re.sub(r"</?problem>", "", text).strip()
    text = re.sub(r"^(?:#+ *)?(?:rewritten|new|changed|rephrased)? ?(?:problem|question|prompt)#?:\s*", "", text, flags=re.I)
    text = text.strip().strip('"').strip()
    if not text:
        raise Unparsed("empty question")
    return text


def parse_final_question(text: str) -> str:
    """The last part of a create-verify-refine reply."""
    parts = re.split(r"^\W*FINAL(?: CREATED)? QUESTION\W*:", text, flags=re.M)
    if len(parts) < 2:
        raise Unparsed("no final question")
    return parse_question(parts[-1].lstrip("*# "))


def parse_solution(text: str) -> str:
    """A solution that announces its answer; raises Unparsed where a reader could not find it."""
    text = text.strip()
    if not text:
        raise Unparsed("empty response")
    if answers.strict_answer(text) is None:
        raise Unparsed("no answer announced")
    return text


PARSERS = {"question": parse_question, "final_question": parse_final_question, "solution": parse_solution}


def plan(seeds: pd.DataFrame, n: int, mix: dict[str, float], *, seed: int, evol_steps: int = 2) -> pd.DataFrame:
    """Which operator meets which seed: one row a chain, with columns method, operators (list), seed_row, sample.

    `mix` gives each method its share of n. Seeds come round in a random order of their own per method, which a new seed does not
    change for the others; the sample index counts the rounds. An Evol chain has `evol_steps` operators, one instance each.
    Raises ValueError for an empty seed table, an unknown method or shares that do not sum to 1.
    """
    if len(seeds) == 0:
        raise ValueError("cannot augment an empty seed table; check the step that wrote it")
    unknown = set(mix) - set(METHODS)
    numbers = all(isinstance(share, int | float) and share >= 0 for share in mix.values())
    if unknown or not numbers or abs(sum(mix.values()) - 1) > 1e-6:
        raise ValueError(f"mix {mix}: shares of {', '.join(METHODS)} that sum to 1 are needed; unknown: {sorted(unknown) or 'none'}")
    if n < 1 or not 1 <= evol_steps <= 5:
        raise ValueError(f"n={n} and evol_steps={evol_steps}; at least 1 instance and 1 to 5 steps (the paper's limit) are needed")
    chains = []
    for method, share in mix.items():
        left, ids = round(n * share), seeds["id"].tolist()
        order = sorted(range(len(ids)), key=lambda row: runs.stream(seed, "plan", method, ids[row]))
        for place in itertools.count():
            if left <= 0:
                break
            lap, at = divmod(place, len(seeds))
            choices, drawn = METHODS[method], runs.stream(seed, "operator", method, ids[order[at]])
            if method == "evol":
                operators = tuple(random.Random(drawn + lap).choices(choices, k=min(evol_steps, left)))
            else:  # each lap shifts by one, so that every seed meets every operator
                operators = (choices[(drawn + lap) % len(choices)],)
            chains.append((method, operators, order[at], lap))
            left -= len(operators)
    return pd.DataFrame(chains, columns=["method", "operators", "seed_row", "sample"])


def expected_requests(seeds: pd.DataFrame, chains: pd.DataFrame) -> list[dict]:
    """The requests of a plan as far as they can be known before the first reply, for a forecast of their cost.

    Later questions of a chain do not exist yet, so the seed's problem stands in for them; operators done by rule ask nothing.
    """
    problems, asks = seeds["problem"].tolist(), []
    for chain in chains.itertuples():
        for operator in chain.operators:
            values = {"problem": problems[chain.seed_row]} | ({"answer": ""} if operator in BACKWARD else {})
            names = ["solve"] if operator in BY_RULE else [operator, "solve"]
            for name in names:
                messages = prompts.render(name, **{v: values[v] for v in prompts.load(name).variables})
                asks.append({"messages": messages, "operator": name, "sample": len(asks)})  # each is asked for itself
    return asks


def augment(
    seeds: pd.DataFrame,
    ask,
    *,
    n: int,
    mix: dict[str, float],
    seed: int,
    stage: str = "normal",
    round: int = 1,
    evol_steps: int = 2,
    teacher: str = "",
    verify: bool = False,
    max_tokens: int = MAX_TOKENS,
    temperature: float = 0.7,
) -> pd.DataFrame:
    """n instances in the instances schema, kept or not, in the order of the plan.

    `verify` also leaves out what disagrees with a known gold (off by default: the paper trains on unverified answers, section 3.2);
    the verdict itself is always recorded. `teacher` is the model's name for the lineage.
    """
    chains = plan(seeds, n, mix, seed=seed, evol_steps=evol_steps)
    sampling = {"max_tokens": max_tokens, "temperature": temperature}
    rows, parents = [], {}
    for depth in range(max(map(len, chains.operators))):
        drafts = [
            _draft(seeds, chain, depth, parents.get(chain.Index), seed, stage, round)
            for chain in chains.itertuples()
            if depth < len(chain.operators) and (depth == 0 or parents.get(chain.Index, {}).get("depth") == depth - 1)
        ]
        _write_questions(drafts, ask, sampling)
        rows += drafts
        parents |= {draft["chain"]: draft for draft in drafts if not draft["reason"]}
    _write_responses(rows, ask, sampling, _first_sample(stage, round))
    seen = set()
    for row in rows:
        _judge(row, seen, verify)
        row["teacher"] = teacher
    table = pd.DataFrame(rows).sort_values(["chain", "depth"], kind="stable")
    return table.drop(columns=SCRATCH).reset_index(drop=True)


def _first_sample(stage, round):
    """Sample indices of a round begin here, so that no later round gets an earlier one's replies from the ledger."""
    return 10_000 * (round - 1) + (5_000 if stage == "hard" else 0)


def _draft(seeds, chain, depth, parent, seed, stage, round):
    """A row before its requests: lineage, the problem it starts from, and its gold where one is known."""
    origin = seeds.iloc[chain.seed_row]
    operator = chain.operators[depth]
    problem = parent["query"] if parent else origin["problem"]
    return {
        "id": schema.row_id(origin["id"], stage, round, chain.method, *chain.operators[: depth + 1], chain.sample),
        "stage": stage, "round": round, "method": chain.method, "operator": operator, "language": origin["language"],
        "level": 0, "query": "", "response": "", "answer": "", "seed_id": origin["id"],
        "parent_id": parent["id"] if parent else origin["id"], "prompt": "", "teacher": "", "request_key": "",
        "tokens_in": 0, "tokens_out": 0, "cost_usd": 0.0, "verdicts": "{}", "kept": True, "reason": "", "source": origin["source"],
        "chain": chain.Index, "depth": depth, "sample": _first_sample(stage, round) + chain.sample, "seed_problem": problem,
        "seed_level": int(origin["level"]),
        "gold": str(origin["answer"]) if operator in SAME_ANSWER and depth == 0 and origin["split"] != SYNTHETIC else None,
        "synthetic": origin["split"] == SYNTHETIC,
        "rng": runs.stream(seed, "mask", str(origin["id"]), operator, str(chain.sample)),
        "seed_answer": str(origin["answer"]),
    }  # fmt: skip


def _write_questions(drafts, ask, sampling):
    """Fill `query`: from the seed, from a rule, or from the teacher."""
    waiting, asks = [], []
    for row in drafts:
        operator, problem = row["operator"], row["seed_problem"]
        values = {"problem": problem}
        if operator in BACKWARD:
            try:
                masked, number = world.mask(problem, random.Random(row["rng"]))
            except ValueError:
                _drop(row, "no number to mask")
                continue
            row["gold"] = None if row["synthetic"] else number
            values = {"problem": masked, "answer": row["seed_answer"]}
        if operator == "answer":
            row["query"] = problem
        elif operator == "fobar":
            row["query"] = world.ask_backward(masked, row["seed_answer"], row["language"])
        else:
            prompt = prompts.load(operator)
            row["prompt"] = f"{prompt.name}@{prompt.version}"
            waiting.append((row, prompt))
            messages = prompts.render(operator, **values)
            asks.append({"messages": messages, "operator": operator, "sample": row["sample"], **sampling})
    for (row, prompt), reply in zip(waiting, ask(asks), strict=True):
        if _count(row, reply):
            try:
                row["query"] = PARSERS[prompt.parser](reply.text)
            except Unparsed as error:
                _drop(row, f"question: {error}")
                continue
            if row["query"] == row["seed_problem"]:
                _drop(row, "question: unchanged")


def _write_responses(rows, ask, sampling, first_sample):
    """Fill `response` through `solve` for every row that has a question."""
    prompt = prompts.load("solve")
    waiting = [row for row in rows if not row["reason"]]
    repeats = Counter()  # the same question twice is two samples of its answer
    asks = []
    for row in waiting:
        messages = prompts.render("solve", problem=row["query"])
        asks.append({"messages": messages, "operator": "solve", "sample": first_sample + repeats[row["query"]], **sampling})
        repeats[row["query"]] += 1
    for row, reply in zip(waiting, ask(asks), strict=True):
        row["prompt"] = "+".join(filter(None, (row["prompt"], f"{prompt.name}@{prompt.version}")))
        row["request_key"] = reply.key
        if _count(row, reply):
            try:
                row["response"] = PARSERS[prompt.parser](reply.text)
            except Unparsed as error:
                _drop(row, f"response: {error}")


def _count(row, reply):
    """Add a reply's cost to its row; False where it cannot be used."""
    row["tokens_in"] += reply.tokens_in
    row["tokens_out"] += reply.tokens_out
    row["cost_usd"] += reply.cost_usd
    if reply.error:
        _drop(row, REFUSED if 400 <= reply.status < 500 else FAILED)
    elif reply.finish_reason == "length":
        _drop(row, "cut off at max_tokens")
    elif reply.finish_reason == "content_filter":
        _drop(row, REFUSED)
    return not row["reason"]


def _drop(row, reason):
    row["kept"], row["reason"] = False, reason


def _judge(row, seen, verify):
    """Answer, level, verdicts; duplicates go."""
    row["answer"] = answers.extract(row["response"]) or "" if row["response"] else ""
    row["level"] = _level(row)
    agrees = answers.equivalent(row["answer"], row["gold"]) if row["gold"] and row["answer"] else None
    row["verdicts"] = json.dumps({"agrees_with_gold": agrees})
    if row["reason"]:
        return
    if (row["query"], row["response"]) in seen:
        _drop(row, "duplicate")
    elif verify and agrees is False:
        _drop(row, "disagrees with the gold")
    seen.add((row["query"], row["response"]))


def _level(row):
    """The world's own level where the query is one of its problems, else the seed's where the operator keeps it, else unknown (0)."""
    try:
        return world.read(row["query"]).level
    except (world.Unreadable, world.Unsolvable):
        return row["seed_level"] if row["operator"] in SAME_ANSWER else 0


def summary(instances: pd.DataFrame) -> pd.DataFrame:
    """Per method and operator: rows, kept, share that agrees with a known gold (of those that have one), mean level, tokens, dollars.

    `usd_per_kept` is what all rows of the operator cost, shared among the kept ones; no number where none was kept.
    """
    agrees = instances["verdicts"].map(lambda v: json.loads(v)["agrees_with_gold"])
    table = instances.assign(agrees=pd.to_numeric(agrees.map({True: 1.0, False: 0.0})), tokens=instances.tokens_in + instances.tokens_out)
    grouped = table.groupby(["method", "operator"], sort=False).agg(
        rows=("id", "size"), kept=("kept", "sum"), agrees_with_gold=("agrees", "mean"), level=("level", "mean"), tokens=("tokens", "mean"),
        usd=("cost_usd", "sum"),
    )  # fmt: skip
    return grouped.assign(usd_per_kept=grouped["usd"] / grouped["kept"].where(grouped["kept"] > 0)).reset_index()


def bill(instances: pd.DataFrame) -> dict:
    """What instances took, for a step's report: tokens_in, tokens_out, cost_usd, and cost_usd_per_kept (of all, if none is kept)."""
    cost, kept = float(instances["cost_usd"].sum()), int(instances["kept"].sum())
    tokens = {name: int(instances[name].sum()) for name in ("tokens_in", "tokens_out")}
    return tokens | {"cost_usd": cost, "cost_usd_per_kept": cost / max(kept, 1)}


def as_seeds(instances: pd.DataFrame) -> pd.DataFrame:
    """Kept instances as seed problems for the next round, in the seeds schema: query and the response's own, unverified answer.

    Backward questions are left out: they ask about an answer that is already given, and no operator goes on from there.
    """
    kept = instances[instances["kept"] & ~instances["operator"].isin(BACKWARD)]
    return pd.DataFrame(
        {
            "id": kept["id"], "source": kept["source"], "split": SYNTHETIC, "language": kept["language"], "level": kept["level"],
            "subject": kept["method"], "problem": kept["query"], "solution": kept["response"], "answer": kept["answer"], "licence": "",
        }
    ).reset_index(drop=True)  # fmt: skip


def read_problems(path) -> pd.DataFrame:
    """The problems of a file in the seeds schema, whether it holds seeds or instances (then the kept ones)."""
    if "query" in pq.read_schema(path).names:
        return as_seeds(schema.read(path, "instances"))
    return schema.read(path, "seeds")


def as_instances(seeds: pd.DataFrame) -> pd.DataFrame:
    """Seed problems with their own solutions as instances, of method and operator "seed", in the instances schema."""
    columns = {
        "id": [schema.row_id("seed", i) for i in seeds["id"]], "stage": "normal", "round": 0, "method": "seed", "operator": "seed",
        "language": seeds["language"], "level": seeds["level"], "query": seeds["problem"], "response": seeds["solution"],
        "answer": seeds["answer"], "seed_id": seeds["id"], "parent_id": seeds["id"], "prompt": "", "teacher": "", "request_key": "",
        "tokens_in": 0, "tokens_out": 0, "cost_usd": 0.0, "verdicts": "{}", "kept": True, "reason": "", "source": seeds["source"],
    }  # fmt: skip
    return pd.DataFrame(columns, index=seeds.index).reset_index(drop=True)
