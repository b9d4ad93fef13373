"""From chains of operators to rows.

Questions first, level by level of a chain, then responses, then verdicts.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count, islice
from typing import NamedTuple

import pandas as pd

from .. import grading, prompts, world
from ..core import randomness, schema
from ..core.finish_reasons import BROKEN, COMPLETE, FILTERED, TRUNCATED, outcome
from .operator_plan import (
    BACKWARD,
    BY_RULE,
    METHOD_OF,
    SAME_ANSWER,
    VARIANTS,
    plan,
    question_values,
)
from .parsing import PARSERS, Unparsed, check_question, check_variant
from .row_summary import BLANK, SYNTHETIC
from .verification import CHECKS, contradicted, graph, judge, vote

# the first is an answer, the second can be asked again
REFUSED, FAILED = "teacher refused", "teacher failed"
UNUSABLE = {COMPLETE: "", TRUNCATED: "cut off at max_tokens", FILTERED: REFUSED, BROKEN: FAILED}
PASSING = {408, 409, 425, 429}  # states of a server, not of a request: a rerun asks again
# What a row carries while it is made, beside the columns of an instance.
SCRATCH = "chain depth gold synthetic rng seed_problem seed_level seed_answer".split()
# chains made at a time: what memory has to hold, and enough for a teacher to stay busy
BLOCK = 10_000
STAND_INS = 1_000_000_000  # sample indices from here on belong to forecasts
# sample indices of a round and of its hard stage begin at such multiples
ROUND, HARD = 10_000, 5_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How instances are made; every field is a keyword of `augment` and `blocks`.

    Raises ValueError for settings that cannot be.

    Attributes:
        n: Instances to ask for.
        mix: Share of n per method.
        seed: Names the random streams of the plan and of masks stage, round "normal" or "hard", 1
            or 2: part of every id and of the sample indices, so that no later round gets an earlier
            one's replies from the ledger.
        evol_steps: Operators of an Evol chain, 1 to 5.
        min_level: Level from which a question of the hard stage counts as hard.
        votes: Samples of the answer to each question, for their majority; 1 asks for none beyond
            the row's own.
        verify: Names of `CHECKS`: rows that one of them contradicts are not kept. Empty keeps all,
            as the paper does (section 3.2).
        distractors: Sentences that the operator `distract` puts in.
        teacher: The model's name, for the lineage.
        max_tokens: Of a reply; the paper's length (section 4.1.3).
        temperature: None leaves it out.
    """

    n: int
    mix: dict[str, float]
    seed: int
    stage: str = "normal"
    round: int = 1
    evol_steps: int = 2
    min_level: int = 4
    votes: int = 1
    verify: tuple[str, ...] | list[str] = ()
    distractors: int = 2
    teacher: str = ""
    max_tokens: int = 2048
    temperature: float | None = 0.7

    def __post_init__(self):
        unknown = [name for name in self.verify if name not in CHECKS]
        if unknown or isinstance(self.verify, str):
            raise ValueError(
                f"verify={self.verify!r}: a list of some of {', '.join(CHECKS)} is needed; "
                f"unknown: {unknown or 'none'}"
            )
        if (
            self.stage not in ("normal", "hard")
            or self.round < 1
            or self.votes < 1
            or self.distractors < 1
        ):
            raise ValueError(
                f"stage={self.stage!r}, round={self.round}, votes={self.votes}, "
                f"distractors={self.distractors}; the stage is normal or "
                "hard, and each number at least 1."
            )
        if "majority" in self.verify and self.votes < 3:
            raise ValueError(
                f'verify names "majority", but votes={self.votes}; a majority needs at least 3.'
            )
        if self.votes > 1 and self.temperature == 0:
            raise ValueError(
                f"votes={self.votes} at temperature 0 would be {self.votes} times the same "
                "answer; sample at 0.7 or so."
            )

    @property
    def sampling(self) -> dict:
        return {"max_tokens": self.max_tokens, "temperature": self.temperature}

    @property
    def first_sample(self) -> int:
        return ROUND * (self.round - 1) + (HARD if self.stage == "hard" else 0)


def augment(seeds: pd.DataFrame, ask, **settings) -> pd.DataFrame:
    """n instances in the instances schema and their `sample`, kept or not, in the order of the
    plan; keywords as in `Settings`.
    """
    return pd.concat(blocks(seeds, ask, **settings), ignore_index=True)


def blocks(seeds: pd.DataFrame, ask, *, block: int = BLOCK, **settings) -> Iterator[pd.DataFrame]:
    """The instances of `augment` in tables of at most `block` chains, for sets that memory does not
    hold: give them to schema.write.

    Raises ValueError, before anything is asked, for what `plan` and `Settings` refuse.
    """
    settings = Settings(**settings)
    chains = plan(
        seeds, settings.n, settings.mix, seed=settings.seed, evol_steps=settings.evol_steps
    )
    maker = Maker(seeds, ask, settings)
    return (
        maker.table(chains.iloc[start : start + block]) for start in range(0, len(chains), block)
    )


def expected_requests(seeds: pd.DataFrame, chains: pd.DataFrame, **settings) -> list[dict]:
    """The requests of (a part of) a plan as far as they can be known before the first reply, for a
    forecast of their cost.

    The first question of a chain is asked exactly so, so that a pilot's replies serve the run.
    Later questions and all that are to be solved do not exist yet: the seed's problem stands in for
    them. With `votes` each question is taken for one of its own, which is a little more than will
    be asked. Keywords as in `Settings`.
    """
    maker, asks = Maker(seeds, None, Settings(**settings)), []
    stand_ins = count(STAND_INS)  # each is asked for itself, and for nothing else
    for chain in chains.itertuples():
        seed_problem = maker.seeds[chain.seed_row]["problem"]
        for depth, operator in enumerate(chain.operators):
            if operator not in BY_RULE:
                known = depth == 0 and operator not in BACKWARD
                distractors = maker.settings.distractors
                values = question_values(operator, seed_problem, distractors=distractors)
                sample = maker.settings.first_sample + chain.sample if known else next(stand_ins)
                asks.append(maker.request(operator, values, sample))
            for _ in range(maker.settings.votes):
                asks.append(maker.request("solve", {"problem": seed_problem}, next(stand_ins)))
    return asks


class Trial(NamedTuple):
    """One operator tried on one problem: what was asked, what came back, and the row made of it."""

    asked: list[dict]
    replies: list
    row: pd.Series


def trial(seed_problem: pd.Series, operator: str, ask, **settings) -> Trial:
    """Try an operator on one seed problem, with every request and reply to look at.

    Keywords as in `Settings`, n and mix apart.
    """
    if operator not in METHOD_OF:
        raise ValueError(f"no operator {operator!r}; there are {', '.join(METHOD_OF)}")
    asked, replies = [], []

    def listen(asks):
        got = ask(asks)
        asked.extend(asks)
        replies.extend(got)
        return got

    method = METHOD_OF[operator]
    alone = {"method": method, "operators": (operator,), "seed_row": 0, "sample": 0}
    chain = pd.DataFrame([alone])
    settings = Settings(n=1, mix={method: 1.0}, **{"seed": 0} | settings)
    maker = Maker(seed_problem.to_frame().T, listen, settings)
    return Trial(asked, replies, maker.table(chain).iloc[0])


def vary(items: pd.DataFrame, ask, operator: str, **settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Benchmark items translated ("translate") or with distractors ("distract"), under their own
    ids and with their own answers.

    Returns (items, left_out): the second has the ids of those that could not be made, with the
    reason. Compare the first with the same ids of the originals. Keywords as in `Settings`, n and
    mix apart.
    """
    if operator not in VARIANTS:
        raise ValueError(
            f"operator {operator!r} makes no variant of an item; use {' or '.join(VARIANTS)}"
        )
    items = items.reset_index(drop=True)
    settings = Settings(n=len(items), mix={"variants": 1.0}, **{"seed": 0} | settings)
    maker, how = Maker(items, ask, settings), ("variants", (operator,), 0)
    drafts = [maker.draft(*how, row, 0, row, None) for row in range(len(items))]
    maker.write_questions(drafts)
    made = items.assign(
        problem=[draft["query"] for draft in drafts],
        language=[draft["language"] for draft in drafts],
        solution="",
        source=items["source"] + {"translate": "-chinese", "distract": "-distracted"}[operator],
        distractors=maker.settings.distractors if operator == "distract" else 0,
    )
    why = pd.Series([draft["reason"] for draft in drafts], dtype=str)
    left_out = pd.DataFrame({"id": items["id"], "reason": why})[why != ""]
    return made[why == ""].reset_index(drop=True), left_out.reset_index(drop=True)


class Maker:
    """Makes rows of chains, block by block.

    Remembers which samples of a question were asked and which rows were made.
    """

    def __init__(self, seeds: pd.DataFrame, ask, settings: Settings):
        self.seeds, self.ask, self.settings = seeds.to_dict("records"), ask, settings
        self.samples = Counter()  # the same question twice is two samples of its answer
        self.seen = set()

    def table(self, chains: pd.DataFrame) -> pd.DataFrame:
        """Ask for a block of chains and return their instances."""
        rows, parents = [], {}
        for depth in range(max(map(len, chains["operators"]))):
            drafts = [
                self.draft(
                    chain.method,
                    chain.operators,
                    depth,
                    chain.seed_row,
                    chain.sample,
                    chain.Index,
                    parents.get(chain.Index),
                )
                for chain in chains.itertuples()
                if depth < len(chain.operators)
                and (depth == 0 or parents.get(chain.Index, {}).get("depth") == depth - 1)
            ]
            self.write_questions(drafts)
            rows += drafts
            parents |= {draft["chain"]: draft for draft in drafts if not draft["reason"]}
        majorities = self.write_responses(rows)
        for row in rows:
            judge(row, majorities.get(row["query"]), self.settings.min_level)
            self.decide(row)
        rows.sort(key=lambda row: (row["chain"], row["depth"]))
        for row in rows:
            for name in SCRATCH:
                del row[name]
        return pd.DataFrame(rows)

    def draft(self, method, operators, depth, seed_row, sample, chain, parent) -> dict:
        """A row before its requests.

        Lineage, the problem it starts from, and its gold where one is known.
        """
        settings, origin, operator = self.settings, self.seeds[seed_row], operators[depth]
        synthetic, made_by = origin["split"] == SYNTHETIC, operators[: depth + 1]
        answer = "" if pd.isna(origin["answer"]) else str(origin["answer"])
        known = operator in SAME_ANSWER and depth == 0 and not synthetic
        stream = ("mask", str(origin["id"]), operator, str(sample))
        return {
            "id": schema.row_id(
                origin["id"], settings.stage, settings.round, *(method, *made_by), sample
            ),
            "stage": settings.stage,
            "round": settings.round,
            "method": method,
            "operator": operator,
            "language": "zh" if operator == "translate" else origin["language"],
            "level": 0,
            "query": "",
            "response": "",
            "answer": "",
            "seed_id": origin["id"],
            "parent_id": parent["id"] if parent else origin["id"],
            "prompt": "",
            "teacher": settings.teacher,
            **{name: value for name, value in BLANK.items() if name != "prompt"},
            "source": origin["source"],
            "sample": settings.first_sample + sample,
            "chain": chain,
            "depth": depth,
            "seed_problem": parent["query"] if parent else origin["problem"],
            "seed_level": int(origin["level"]),
            "synthetic": synthetic,
            "seed_answer": answer,
            "gold": (answer or None) if known else None,
            "rng": randomness.stream(settings.seed, *stream),
        }

    def write_questions(self, drafts: list[dict]):
        """Fill `query`: from the seed, by rule, or from the teacher."""
        waiting, asks = [], []
        for row in drafts:
            operator, problem, unknown = row["operator"], row["seed_problem"], ""
            if operator == "translate" and world.language_of(problem) == "zh":
                _drop(row, "already Chinese")
                continue
            if operator in BACKWARD and not row["seed_answer"]:
                _drop(row, "no answer to turn backward")
                continue
            if operator in BACKWARD:
                try:
                    problem, number, unknown = world.mask(problem, random.Random(row["rng"]))
                except ValueError:
                    _drop(row, "no number to mask")
                    continue
                row["gold"] = None if row["synthetic"] else number
            if operator == "answer":
                row["query"] = problem
            elif operator == "fobar":
                answer, language = row["seed_answer"], row["language"]
                row["query"] = world.ask_backward(problem, answer, language, unknown)
            else:
                prompt = prompts.load(operator)
                given = {"answer": row["seed_answer"], "unknown": unknown}
                given["distractors"] = self.settings.distractors
                values = question_values(operator, problem, **given)
                asks.append(self.request(operator, values, row["sample"]))
                waiting.append((row, prompt))
        for (row, prompt), reply in zip(waiting, self.ask(asks), strict=True):
            if _take_question(row, prompt, reply):
                try:
                    question = PARSERS[prompt.parser](reply.text)
                    check_question(question, row["seed_problem"])
                    if prompt.name in VARIANTS:
                        original, distractors = row["seed_problem"], self.settings.distractors
                        check_variant(prompt.name, question, original, distractors)
                        if (known := graph(original)) and graph(question) != known:
                            raise Unparsed("another problem")
                except Unparsed as error:
                    _drop(row, f"question: {error}")
                else:
                    row["query"] = question

    def write_responses(self, rows: list[dict]) -> dict:
        """Fill `response` through `solve` for every row that has a question.

        Return each question's majority where votes are asked for.

        Rows of one question take its samples in turn; more are asked where it has fewer rows than
        votes, and the first row pays.
        """
        prompt, settings, groups = prompts.load("solve"), self.settings, {}
        for row in rows:
            if not row["reason"]:
                groups.setdefault(row["query"], []).append(row)
        asks, takers = [], []
        for question, group in groups.items():
            digest = _digest(question)
            size = max(len(group), settings.votes)
            start = settings.first_sample + self.samples[digest]
            self.samples[digest] += size
            asks += [self.request("solve", {"problem": question}, start + k) for k in range(size)]
            takers += [*group, *[None] * (size - len(group))]
        got, majorities = iter(zip(takers, self.ask(asks), strict=True)), {}
        for question, group in groups.items():
            texts = [
                self.take_response(row, group[0], prompt, reply)
                for row, reply in islice(got, max(len(group), settings.votes))
            ]
            if settings.votes > 1:
                majorities[question] = vote([grading.extract(text) or "" for text in texts])
        return majorities

    def take_response(self, row: dict | None, payer: dict, prompt, reply) -> str:
        """Fill a row's response, or let the payer pay for a reply that only votes.

        Return the solution, "" where there is none.
        """
        if row is None:
            problem = _count(payer, reply)
            if problem == FAILED:  # the vote is not complete: a rerun asks for what is missing
                _drop(payer, FAILED)
        else:
            row["prompt"] = "+".join(
                filter(None, (row["prompt"], f"{prompt.name}@{prompt.version}"))
            )
            row["request_key"] = "+".join(filter(None, (row["request_key"], reply.key)))
            if problem := _count(row, reply):
                _drop(row, problem)
        if problem:
            return ""
        try:
            text = PARSERS[prompt.parser](reply.text)
        except Unparsed as error:
            if row:
                _drop(row, f"response: {error}")
            return ""
        if row:
            row["response"] = text
        return text

    def request(self, name: str, values: dict, sample: int) -> dict:
        """A request as `ask` takes it."""
        return {
            "messages": prompts.render(name, **values),
            "operator": name,
            "sample": sample,
            **self.settings.sampling,
        }

    def decide(self, row: dict):
        """Drop a row that was made before, or that a check contradicts which `verify` names."""
        if row["reason"]:
            return
        digest = _digest(row["query"], row["response"])
        if digest in self.seen:
            _drop(row, "duplicate")
        elif reason := contradicted(row, self.settings.verify):
            _drop(row, reason)
        self.seen.add(digest)


def _digest(*texts: str) -> int:
    """64 bits for a text: millions of them are kept."""
    return int.from_bytes(blake2b("\0".join(texts).encode(), digest_size=8).digest())


def _take_question(row: dict, prompt, reply) -> bool:
    """Note who wrote a question and what it cost; False where the reply cannot be used."""
    row["prompt"], row["request_key"] = f"{prompt.name}@{prompt.version}", reply.key
    if problem := _count(row, reply):
        _drop(row, problem)
    return not problem


def _count(row: dict, reply) -> str:
    """Add a reply's cost to a row; the reason why the reply cannot be used, or ""."""
    row["tokens_in"] += reply.tokens_in
    row["tokens_out"] += reply.tokens_out
    row["cost_usd"] += reply.cost_usd
    if reply.error:
        return REFUSED if 400 <= reply.status < 500 and reply.status not in PASSING else FAILED
    return UNUSABLE[outcome(reply.finish_reason, reply.text)]


def _drop(row: dict, reason: str):
    row["kept"], row["reason"] = False, reason
