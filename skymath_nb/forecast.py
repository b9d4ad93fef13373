"""What a plan would take, before it starts, step by step, and what this machine lacks for it.

Instances, requests and tokens follow from the parameters; dollars, disk, memory and hours from these and from the assumptions below,
unless this machine has measured better: replies of the same teacher in the ledger, or an earlier run of the same notebook with the same
engine, whose figures are then scaled. Nothing is started, asked or fetched.
"""

import dataclasses
import importlib.util
import json
import math
import os
import shutil
import socket
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pandas as pd

from skymath_nb import augment, bases, contrasts, hub, ledger, runs, scaling, seeds, suite, trust, world
from skymath_nb.plans import Job, ParamsError, Plan, load
from skymath_nb.sft import cost
from skymath_nb.sft.settings import Settings
from skymath_nb.teacher import prices
from skymath_nb.teacher.client import is_loopback

# Sizes of known models, from the config.json that each has on the hub; tests/test_forecast.py holds them against the published totals.
NAMES = ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size", "vocab_size")
KNOWN = {
    "meta-llama/Llama-2-7b-hf": ("llama", 4096, 32, 32, 32, 11008, 32000),
    "mistralai/Mistral-7B-v0.1": ("mistral", 4096, 32, 32, 8, 14336, 32000),
    "deepseek-ai/deepseek-math-7b-base": ("llama", 4096, 30, 32, 32, 11008, 102400),
    "mistralai/Mixtral-8x7B-v0.1": ("mixtral", 4096, 32, 32, 8, 14336, 32000),
    "Qwen/Qwen2.5-0.5B": ("qwen2", 896, 24, 14, 2, 4864, 151936),
    "Qwen/Qwen2.5-1.5B": ("qwen2", 1536, 28, 12, 2, 8960, 151936),
    "Qwen/Qwen2.5-Math-1.5B": ("qwen2", 1536, 28, 12, 2, 8960, 151936),
    "meta-llama/Llama-3.2-1B": ("llama", 2048, 16, 32, 8, 8192, 128256),
    "HuggingFaceTB/SmolLM2-135M": ("llama", 576, 30, 9, 3, 1536, 49152),
}
TIED = {name for name in KNOWN if name.startswith(("Qwen/", "HuggingFaceTB/", "meta-llama/Llama-3.2"))}  # head and embedding are one
EXPERTS = {"mistralai/Mixtral-8x7B-v0.1": {"num_local_experts": 8, "num_experts_per_tok": 2}}
# Rows that the loaders keep of the published files, counted with them.
ROWS = {
    ("gsm8k", "train"): 7473, ("gsm8k", "test"): 1319, ("math", "train"): 7498, ("math", "test"): 5000, ("math500", "test"): 500,
    ("olympiadbench", "test"): 675, ("agieval-sat-math", "test"): 220, ("agieval-aqua-rat", "test"): 254, ("scibench", "test"): 198,
    ("agieval-gaokao-mathqa", "test"): 351, ("agieval-gaokao-mathcloze", "test"): 118, ("jeebench", "test"): 236,
    ("cmath", "dev"): 600, ("cmath", "test"): 1098, ("mgsm-zh", "test"): 250,
}  # fmt: skip
OTHER_ROWS = 1000
# Assumptions, each told in a line where it is used.
SOLUTION, QUESTION, CREATED, OFFLINE = (
    400,
    150,
    600,
    75,
)  # tokens of a reply: solve; rephrase or evolve; create with its check; the offline teacher
OFFLINE_PER_S = 100  # replies of the offline teacher
REPLY_S, TOKENS_PER_S = 1.0, 50.0  # of a paid teacher: before the first token, and then
BATCH_H = 24.0  # the longest that one batch may take
BIG = 5e7  # parameters from which a model is meant for a GPU
SMALL_GPU, LARGE_GPU = (16e9, 75e12, 448e9), (80e9, 312e12, 2039e9)  # bytes, bfloat16 FLOP/s, bytes/s: data sheets of RTX A4000, A100 80 GB
REACHED = 0.3  # of a GPU's FLOP/s in training, and of its bandwidth in decoding
STEPS_PER_S = 25.0  # decoding steps through transformers, at most
VLLM_ROWS = 16  # answers that a server must hold in memory to be worth it; it takes more where there is room
VLLM_7B = 2500.0  # tokens a second of a 7B through vLLM on the large GPU
CPU_TRAIN, CPU_DECODE = 2.2e10, 3e9  # FLOP/s of one core on the tiny base: TRL, generation
START_H = 15 / 3600  # kernel, imports, figures of any step
ARM_H = 15 / 3600  # a trained model's start and end
ROW_H, GATE_H = 0.004 / 3600, 0.0002 / 3600  # reading and checking a row; holding it against one benchmark
TEXT, LINEAGE, PACKED = 4, 2000, 0.4  # bytes a token; bytes a row beside its text in memory; on disk, as a share
LIBRARIES = 0.9e9  # bytes of a kernel with torch
PAPER_ROWS, PAPER_MODEL, SEEDS, GPUS, GPU_HOUR = (
    360_000,
    7e9,
    3,
    8,
    2.0,
)  # of the paper's ablations (tables 3, 5); ours; dollars of a large GPU
ALIKE = {  # parameters in which an earlier run must agree, for its time to say something
    "00_start_here": ("base",), "02_augmentation": ("server", "teacher_model"), "03_coreset_selection": ("embedding",),
    "04_curriculum_sft": ("base", "backend", "tuning"), "05_evaluation": ("engine",), "06_scaling_laws": ("bases", "backend"),
    "07_takeaways": ("base", "backend"),
    "08_calibration": ("base",),
}  # fmt: skip


class Step(NamedTuple):
    """What one step would take. Tokens are those paid for, trained on or generated; sizes in bytes; `rests_on` says on what hours rest."""

    step: str
    instances: float = 0
    requests: float = 0
    tokens: float = 0
    usd: float = 0
    disk: float = 0
    memory: float = LIBRARIES
    gpus: int = 0
    gpu_memory: float = 0  # of each
    hours: float = START_H
    rests_on: str = "assumed"


class Model(NamedTuple):
    """A base, with its parameters that one token meets."""

    shape: cost.Shape
    active: float


@dataclasses.dataclass
class Chain:
    """What the steps so far leave to later ones, by step."""

    problems: dict[str, float] = dataclasses.field(default_factory=dict)
    instances: dict[str, tuple[float, float, str]] = dataclasses.field(default_factory=dict)  # rows, tokens of a row, stage
    students: dict[str, tuple[Model | None, int]] = dataclasses.field(default_factory=dict)  # the base, and how many
    texts: pd.DataFrame | None = None  # some problems
    told: dict[str, None] = dataclasses.field(default_factory=dict)  # assumptions used, in order

    def assume(self, text: str):
        self.told[text] = None


class Forecast(NamedTuple):
    steps: list[Step]
    states: dict[str, str]  # of suite.status
    assumed: list[str]
    lacks: list[str]
    fetch: list[str]  # what the hub would have to give first, where it can be reached; else that is lacking


def forecast(plan: Plan) -> Forecast:
    """What the steps of a plan would take. Raises nothing for what is missing here: that is told in `lacks`."""
    chain, status = Chain(), suite.status(plan)
    steps = [_scaled(plan, job, step) for job, step in zip(plan.jobs, _estimates(plan, chain), strict=True)]
    found = Forecast(steps, dict(zip(status["step"], status["state"], strict=True)), list(chain.told), [], [])
    lacks, fetch = _lacks(plan, _todo(found), found.states)
    return found._replace(lacks=lacks, fetch=fetch)


def _estimates(plan: Plan, chain: Chain) -> list[Step]:
    return [ESTIMATES.get(job.name, _unknown)(job, job.parameters, chain) for job in plan.jobs]


# --- one step of each kind -------------------------------------------------------------------------------


def _unknown(job: Job, p: dict, chain: Chain) -> Step:
    chain.assume(f"{job.name}: there is no estimate for this notebook; only an earlier run can tell its time")
    return Step(job.id, hours=math.nan)


def _start(job: Job, p: dict, chain: Chain) -> Step:
    return Step(job.id, p["n_instances"], 2 * p["n_instances"], 120 * p["n_instances"], disk=8e6, hours=2 * START_H)


def _seeds(job: Job, p: dict, chain: Chain) -> Step:
    n = sum(_rows(name, "train", p["n_seeds"], chain) for name in p["sources"])
    tested = sum(_rows(name, "test", p["benchmark_items"], chain) for name in p["benchmarks"])
    chain.problems[job.id], chain.texts = n, _texts(p["sources"], chain)
    hours = START_H + (n + tested) * ROW_H + n * len(p["benchmarks"]) * GATE_H
    return Step(job.id, n, disk=4e6 + 400 * n, memory=LIBRARIES + 5000 * (n + tested), hours=hours)


def _augment(job: Job, p: dict, chain: Chain) -> Step:
    texts = chain.texts if chain.texts is not None else world.seeds(60, 0)
    n = p["n"]
    making = {key: p[key] for key in ("mix", "seed", "evol_steps", "stage", "round", "votes", "verify", "distractors", "max_tokens")}
    few = making | {"n": min(n, 600), "temperature": p["temperature"], "min_level": p["min_level"]}
    chains = augment.plan(texts, few["n"], p["mix"], seed=p["seed"], evol_steps=p["evol_steps"])
    asked, share = augment.expected_requests(texts, chains, **few), n / few["n"]
    requests = share * len(asked)
    replies, mean_in, mean_out = _replies(p)
    if replies:
        chain.assume(
            f"{p['teacher_model']}: {mean_in:,.0f} tokens in and {mean_out:,.0f} out a reply, the mean of {replies:,} in the ledger"
        )
        tokens_in, tokens_out, solution = requests * mean_in, requests * mean_out, mean_out
    else:
        out = {request["operator"]: _out(p, request["operator"]) for request in asked}
        tokens_in = share * sum(prices.tokens(request["messages"]) for request in asked)
        tokens_out, solution = share * sum(out[request["operator"]] for request in asked), out["solve"]
        told = f"{SOLUTION} in a solution, {CREATED} in create, {QUESTION} in another question"
        told = f"{OFFLINE} in each" if p["server"] == "offline" else told
        chain.assume(f"replies of {p['teacher_model']} have tokens: {told}; a pilot of 02 measures them")
    usd = prices.cost(p["prices"] or None, tokens_in, tokens_out, batch=p["batch"])
    if p["prices"]:
        chain.assume(f"dollars at {p['prices']} a million tokens")
    hours = START_H + n * ROW_H / 4 + _asking(p, requests, tokens_in, tokens_out, n, chain)
    row = solution + prices.tokens([{"content": text} for text in texts["problem"]]) / len(texts)
    chain.problems[job.id], chain.instances[job.id] = n, (n, row, p["stage"])
    text = TEXT * tokens_out
    disk = PACKED * n * (TEXT * row + 400) + text + 400 * requests  # the instances, and the ledger
    return Step(job.id, n, requests, tokens_in + tokens_out, usd, disk, LIBRARIES + n * (LINEAGE + TEXT * row), hours=hours)


def _asking(p: dict, requests: float, tokens_in: float, tokens_out: float, n: int, chain: Chain) -> float:
    """Hours until all is answered."""
    if p["server"] == "offline":
        chain.assume(f"the offline teacher answers {OFFLINE_PER_S} requests a second")
        return requests / OFFLINE_PER_S / 3600
    if p["batch"]:
        turns = math.ceil(n / augment.pipeline.BLOCK) * (p["evol_steps"] + 1)
        chain.assume(
            f"each batch takes its longest, {BATCH_H:.0f} hours, and they follow one another, {p['evol_steps'] + 1} to a block of chains"
        )
        return turns * BATCH_H
    reply_s = REPLY_S + tokens_out / requests / TOKENS_PER_S
    chain.assume(
        f"a reply takes {REPLY_S:.0f} s and a second per {TOKENS_PER_S:.0f} tokens; {p['workers']} are in flight, within the limits given"
    )
    waits = [requests * reply_s / p["workers"] / 3600]
    waits += [requests / p["requests_per_minute"] / 60] if p["requests_per_minute"] else []
    waits += [(tokens_in + tokens_out) / p["tokens_per_minute"] / 60] if p["tokens_per_minute"] else []
    return max(waits)


def _choose(job: Job, p: dict, chain: Chain) -> Step:
    pool = chain.problems.get(p["pool_from"], OTHER_ROWS)
    n = pool + chain.problems.get(p["centres_from"], 0)
    chain.problems[job.id] = chain.problems.get(p["centres_from"], 0) + p["k"]
    hours = START_H + n * ROW_H / 2 + p["k"] * n * p["dimensions"] / 5e9 / 3600
    memory = LIBRARIES + n * (LINEAGE + 4 * 4 * p["dimensions"] + 10_000)  # rows, points, and the words they were counted from
    return Step(job.id, p["k"], disk=4e6 + 500 * n, memory=memory, hours=hours)


def _train(job: Job, p: dict, chain: Chain) -> Step:
    given = [chain.instances.get(name, (OTHER_ROWS, SOLUTION, "normal")) for name in p["instances_from"]]
    given += [(chain.problems.get(name, OTHER_ROWS), SOLUTION, "normal") for name in p["seeds_from"]]
    rows, kinds = sum(n for n, _, _ in given), {"normal": 0.0, "hard": 0.0}
    for n, tokens, stage in given:
        kinds[stage] += n * min(tokens, p["max_length"])
    tokens = p["epochs"] * (
        kinds["normal"] * (1 + (p["replay"] if p["preset"] == "replay" else 0)) + (kinds["hard"] if p["preset"] != "stage1_only" else 0)
    )
    stages = 2 if p["preset"] in ("paper", "replay", "hard_first") else 1
    tables = LIBRARIES + 3 * rows * (LINEAGE + TEXT * SOLUTION) + 420 * rows * len(p["benchmarks"])
    gating = rows * len(p["benchmarks"]) * GATE_H
    model = _model(p["base"], chain)
    chain.students[job.id] = model, stages
    if not model:
        return Step(job.id, rows, tokens=tokens, memory=tables, hours=math.nan)
    settings = _settings(p)
    device = "cpu" if p["device"] == "cpu" or (model.shape.parameters < BIG and not _gpus()) else "cuda"
    settings = dataclasses.replace(settings, precision="bfloat16" if device == "cuda" else "float32")
    gpus = settings.processes if device == "cuda" else 0
    micro = p["micro_batch"] or max(1, p["batch_size"] // settings.processes)
    parts = cost.memory(model.shape, settings, micro * p["max_length"], device)
    flops = model.active * ((6 if p["tuning"] == "full" else 4) + (2 if settings.recomputes(device) else 0))
    if gpus:
        _, speed, _ = kind = SMALL_GPU if sum(parts.values()) <= SMALL_GPU[0] else LARGE_GPU
        chain.assume(_gpu_words(kind))
        pace = gpus * REACHED * speed
        tables += 4 * model.shape.parameters  # one process reads the weights
    else:
        pace = CPU_TRAIN * min(os.cpu_count() or 1, 2)  # more threads gain nothing on so small a model
        chain.assume(f"a processor core trains at {CPU_TRAIN / 1e9:.0f} GFLOP/s")
        tables += sum(parts.values())
    kept = model.shape.parameters * (4 if p["tuning"] == "full" else 2)
    trained = cost.trained_parameters(model.shape, settings)
    checkpoint = 12 * trained if p["checkpoint_every"] else 0
    disk = stages * kept + 2 * checkpoint + PACKED * 2 * rows * (TEXT * SOLUTION + 400)  # two: one is written while one is kept
    hours = START_H + gating + tokens * flops / pace / 3600
    return Step(job.id, rows, 0, tokens, 0, disk, tables, gpus, sum(parts.values()) if gpus else 0, hours)


def _evaluate(job: Job, p: dict, chain: Chain) -> Step:
    model, stages = chain.students.get(p["model_from"], (None, 2))
    items = sum(_rows(name, "test", p["n_items"] or p["benchmark_items"], chain) for name in p["benchmarks"])
    answers = (stages + p["with_base"]) * items * p["samples"] + 7 * p["n_paired"]
    if not model:
        return Step(job.id, requests=answers, hours=math.nan)
    small = model.shape.parameters < BIG
    tokens = answers * min(p["max_new_tokens"], OFFLINE if small else SOLUTION)
    disk, memory = PACKED * TEXT * tokens + 5 * TEXT * tokens / 4 + 8e6, LIBRARIES + 4 * model.shape.parameters * small + 4000 * answers
    if small and not _gpus() or p["device"] == "cpu":
        pace = CPU_DECODE * min(os.cpu_count() or 1, 2) / (2 * model.active)
        chain.assume(f"a processor core generates at {CPU_DECODE / 1e9:.0f} GFLOP/s")
        return Step(job.id, 0, answers, tokens, 0, disk, memory, hours=START_H + answers * ROW_H + tokens / pace / 3600)
    cached = 4 * model.shape.layers * model.shape.keys  # bytes of keys and values, one token
    at_once = VLLM_ROWS if p["engine"] else p["batch_size"]
    needed = 2 * model.shape.parameters + at_once * (p["max_new_tokens"] + 300) * cached
    bandwidth = (SMALL_GPU if needed <= SMALL_GPU[0] else LARGE_GPU)[2]
    if p["engine"] == "vllm":
        pace = VLLM_7B * 7e9 / model.active * bandwidth / LARGE_GPU[2]
        chain.assume(f"vLLM generates {VLLM_7B:,.0f} tokens a second of a 7B on a GPU of {LARGE_GPU[0] / 1e9:.0f} GB")
    else:
        pace = p["batch_size"] * min(STEPS_PER_S, REACHED * bandwidth / (2 * model.active))
        chain.assume(f"transformers generates {STEPS_PER_S:.0f} tokens a second of each answer of a batch, at most")
    chain.assume(f"an answer of a large model has {SOLUTION} tokens")
    return Step(job.id, 0, answers, tokens, 0, disk, memory, 1, needed, START_H + answers * ROW_H + tokens / pace / 3600)


def _calibrate(job: Job, p: dict, chain: Chain) -> Step:
    _, row, _ = chain.instances.get(p["instances_from"], (0, OFFLINE + 60, "normal"))
    steps = {"steps": lambda size: p["steps"], "epochs": lambda size: p["epochs"] * size / p["batch_size"]}
    arms = [steps[budget](size) for budget in p["budgets"] for size in p["sizes"]] + [p["steps"]] * (2 if p["probe_size"] else 0)
    arms = [n for n in arms if n <= (p["most_steps"] or n)]
    units, tokens = p["repeats"] * len(arms), p["repeats"] * sum(arms) * p["batch_size"] * row
    answers = units * len(p["benchmarks"]) * p["n_items"]
    model = _model(p["base"], chain)
    if not model:
        return Step(job.id, requests=answers, tokens=tokens, hours=math.nan)
    flops = 6 * model.active * tokens / CPU_TRAIN + 2 * model.active * answers * min(OFFLINE, p["max_new_tokens"]) / CPU_DECODE
    hours = START_H + units * ARM_H + flops / min(p["workers"], os.cpu_count() or 1) / 3600
    disk = units * 4 * model.shape.parameters + 300 * answers
    return Step(job.id, max(p["sizes"]), answers, tokens, 0, disk, LIBRARIES * (1 + p["workers"]), hours=hours)


def _scale(job: Job, p: dict, chain: Chain) -> Step:
    """The arms of a scaling study, base by base."""
    design = scaling.design(p["bases"], p["sizes"], p["budgets"], epochs=p["epochs"], steps=p["steps"], batch_size=p["batch_size"])
    groups, size = [], max(p["sizes"])
    for base, arms in design.drop_duplicates("arm").groupby("base", sort=False):
        doses = p["doses"] if base == p["bases"][0] else []
        reads = p["repeats"] * (int(arms["steps"].sum()) * p["batch_size"] + 2 * p["epochs"] * sum(doses))
        units = p["repeats"] * (len(arms) + 2 * len(doses))
        items = sum(_rows(name, "test", p["n_items"], chain) for name in p["benchmarks"])
        groups.append((base, reads, units, units * items))
    return _study(job, p, chain, p["instances_from"], size, groups)


def _take(job: Job, p: dict, chain: Chain) -> Step:
    """The arms of the takeaways, base by base; a filter's arm counts as a whole one."""
    doses = {name: p[name] for name in ("chinese", "distracted", "copies")}
    groups: dict[str, list] = {}
    for arm, parts in contrasts.asked(contrasts.every(p["takeaways"], p["variations"], **doses)).items():
        base, roles = contrasts.base_of(arm, p["base"], p["bases"]), contrasts.roles(parts)
        items = {role: _rows(p["roles"][role], "test", p["n_items"], chain) for role in roles - {"distracted"}}
        items |= {"distracted": world.MOST_DISTRACTORS * p["n_paired"]} if "distracted" in roles else {}
        group = groups.setdefault(base, [0.0, 0, 0.0])
        group[0] += p["repeats"] * p["epochs"] * p["size"] * (p["more"] if arm == "more" else 1)
        group[1] += p["repeats"]
        group[2] += p["repeats"] * sum(items.values())
    return _study(job, p, chain, [p["pools"]["normal"]], p["size"], [(base, *group) for base, group in groups.items()])


def _study(job: Job, p: dict, chain: Chain, pools: list[str], size: int, groups: list[tuple[str, float, int, float]]) -> Step:
    """Many models: for each base (base, rows read, models, answers), as one training of all the rows and one evaluation of all models."""
    found = [chain.instances.get(name, (0, SOLUTION, "normal")) for name in pools]
    row = sum(n * tokens for n, tokens, _ in found) / max(1, sum(n for n, _, _ in found)) or SOLUTION
    alike = {"instances_from": [job.id], "seeds_from": [], "preset": "stage1_only", "tuning": "full", "device": "auto", "micro_batch": 0}
    alike |= {"model_from": job.id, "benchmark_items": 0, "with_base": False, "samples": 1, "n_paired": 0, "engine": ""}
    chain.instances[job.id], parts = (size, row, "normal"), []
    for base, reads, units, answers in groups:
        own = {"base": base, "epochs": reads / size, "benchmarks": []}
        trained = _train(job, p | alike | {"checkpoint_every": 500} | p["training"] | own, chain)
        model, _ = chain.students[job.id]
        chain.students[job.id] = model, units
        # as many items of any benchmark as each model answers in all
        one = {"benchmarks": ["world-test"], "n_items": math.ceil(answers / units), "batch_size": 256}
        answered = _evaluate(job, p | alike | one, chain)
        parts.append((trained, answered, units * 4 * model.shape.parameters if model else 0, units))
    trained, answered, weights, units = zip(*parts, strict=True)
    return Step(
        job.id, size, sum(a.requests for a in answered), sum(t.tokens for t in trained), 0,
        max(t.disk for t in trained) + sum(weights) + sum(a.disk for a in answered), max(t.memory for t in trained) * p["workers"],
        max(t.gpus for t in trained), max(t.gpu_memory for t in trained),
        sum(t.hours + a.hours for t, a in zip(trained, answered, strict=True)) + sum(units) * ARM_H,
    )  # fmt: skip


ESTIMATES: dict[str, Callable[[Job, dict, Chain], Step]] = {
    "00_start_here": _start, "01_seed_exploration": _seeds, "02_augmentation": _augment, "03_coreset_selection": _choose,
    "04_curriculum_sft": _train, "05_evaluation": _evaluate, "06_scaling_laws": _scale,
    "07_takeaways": _take, "08_calibration": _calibrate,
}  # fmt: skip


# --- facts and assumptions -------------------------------------------------------------------------------


def _rows(name: str, split: str, limit: int, chain: Chain) -> float:
    if name == "world" or name.startswith("world-"):
        return limit or seeds.WORLD_ITEMS
    source = seeds.SOURCES.get(name)
    split = source.seeded if source and split == "train" and source.seeded else split
    n = ROWS.get((name, split))
    if n is None:
        n = OTHER_ROWS
        chain.assume(f"{name} has {OTHER_ROWS:,} rows")
    return min(limit, n) if limit else n


def _texts(sources: list[str], chain: Chain) -> pd.DataFrame:
    """Some problems of the first source that can be read here, to count the tokens of prompts."""
    for name in sources:
        try:
            if name == "world":
                return world.seeds(60, 0)
            split = seeds.SOURCES[name].seeded if name in seeds.SOURCES else "train"
            if seeds.file(name, split):
                return seeds.load(name, split, 60)
        except (ValueError, OSError):
            continue  # told among what is lacking
    chain.assume(f"prompts are as long as with problems of the world, for none of {', '.join(sources)} can be read here")
    return world.seeds(60, 0)


def _replies(p: dict) -> tuple[int, float, float]:
    """Replies of the teacher in the ledger, and their mean tokens in and out; 0 where there are too few to tell."""
    book = _book(p)
    if not book.is_file():
        return 0, 0.0, 0.0
    try:
        found = [row for row in _totals(book) if row["model"].split("#")[0] == p["teacher_model"]]
    except ledger.LedgerError:
        return 0, 0.0, 0.0  # told among what is lacking
    n, tokens_in, tokens_out = (sum(row[name] for row in found) for name in ("replies", "tokens_in", "tokens_out"))
    return (n, tokens_in / n, tokens_out / n) if n >= 20 else (0, 0.0, 0.0)


def _book(p: dict) -> Path:
    return runs.locate(p["ledger"]) if p["ledger"] else runs.root() / "ledger.sqlite"


@cache
def _totals(book: Path) -> list[dict]:
    return ledger.totals(book)


def _out(p: dict, operator: str) -> float:
    size = OFFLINE if p["server"] == "offline" else {"solve": SOLUTION, "create": CREATED}.get(operator, QUESTION)
    return min(size, p["max_tokens"])


def _settings(p: dict) -> Settings:
    named = {field.name for field in dataclasses.fields(Settings)}
    settings = Settings.of(**{key: value for key, value in p.items() if key in named})
    try:
        settings.launcher_config()
    except (ValueError, OSError):
        return dataclasses.replace(settings, launcher="")  # told among what is lacking
    return settings


def _model(base: str, chain: Chain) -> Model | None:
    """A base's sizes: from its config.json, here or in the cache, else from the table of known models."""
    folder = bases.local_folder(base) or hub.model_folder(base)
    if folder:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    elif base in KNOWN:
        config = dict(zip(NAMES, KNOWN[base], strict=True)) | EXPERTS.get(base, {}) | {"tie_word_embeddings": base in TIED}
        chain.assume(f"{base} has the sizes of the table in forecast.py")
    else:
        chain.assume(f"{base}: its size is unknown here, and so are memory and hours; prefetch it first")
        return None
    if config["model_type"] in ("llama", "mistral", "mixtral", "qwen2"):
        return shape(config)
    sizes = cost.shape(str(folder))
    return Model(sizes, sizes.parameters)


def shape(config: dict) -> Model:
    """The sizes of a model of the Llama kind from its configuration, as `sft.cost.shape` finds them by building it."""
    hidden, layers, wide = config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"]
    heads = config["num_attention_heads"]
    each = config.get("head_dim") or hidden // heads
    queries, keys = heads * each, (config.get("num_key_value_heads") or heads) * each
    experts, met = config.get("num_local_experts") or 1, config.get("num_experts_per_tok") or 1
    attention = 2 * hidden * queries + 2 * hidden * keys + (queries + 2 * keys) * (config["model_type"] == "qwen2")  # its biases
    block = attention + 3 * hidden * wide * experts + hidden * experts * (experts > 1) + 2 * hidden
    tables = config["vocab_size"] * hidden * (1 if config.get("tie_word_embeddings") else 2)
    parameters = layers * block + tables + hidden
    adapted = 4 * hidden + 2 * queries + 2 * keys + (3 * (hidden + wide) if experts == 1 else 0)
    sizes = cost.Shape(parameters, tables, layers * adapted, layers, hidden, keys, wide * met, config["vocab_size"])
    return Model(sizes, parameters - layers * 3 * hidden * wide * (experts - met))


def _gpu_words(kind: tuple) -> str:
    size, speed, bandwidth = kind
    return f"a GPU of {size / 1e9:.0f} GB has {speed / 1e12:.0f} TFLOP/s in bfloat16, of which training reaches {REACHED:.0%}"


@cache
def _gpus() -> tuple[int, ...]:
    """Bytes of each GPU of this machine."""
    if not any(map(shutil.which, ("nvidia-smi", "rocm-smi"))):  # no driver: spares a laptop the seconds that torch takes to load
        return ()
    import torch

    return tuple(torch.cuda.get_device_properties(i).total_memory for i in range(torch.cuda.device_count()))


# --- what was measured -----------------------------------------------------------------------------------


def _scaled(plan: Plan, job: Job, step: Step) -> Step:
    """The estimate, corrected by what an earlier run took against its own estimate: this run's, else the largest one alike."""
    alike = []
    for path in runs.root().glob(f"*/{job.name}*/manifest.json"):
        try:
            manifest = runs.read_record(path, {"parameters": dict, "seconds": float, "outputs": dict})
            for name, output in manifest["outputs"].items():
                runs.check_shape(f"output {name}", output, {"bytes": int})
            report = runs.read_report(path.parent)
        except runs.Damaged:  # `status` of that run says so
            continue
        if all(manifest["parameters"].get(key) == job.parameters[key] for key in ALIKE.get(job.name, ())):
            estimate = _earlier(path.parents[1]).get(path.parent.name)
            if estimate and estimate[0] == manifest["parameters"]:
                own = path.parents[1].name == plan.run, path.parent.name == job.id
                alike.append((*own, estimate[1].hours, path, manifest, report, estimate[1]))
    if not alike:
        return step
    *_, path, manifest, report, before = max(alike, key=lambda found: found[:3])
    took = {"hours": manifest["seconds"] / 3600, "disk": sum(output["bytes"] for output in manifest["outputs"].values())}
    took |= {"tokens": report["tokens"]} if isinstance(report.get("tokens"), int | float) else {}
    change = {}
    for name, value in took.items():
        old, new = getattr(before, name), getattr(step, name)
        change[name] = value * new / old if old and not math.isnan(old) else value
    times = step.hours / before.hours if before.hours else 1.0
    where = f"run {path.parents[1].name}" + ("" if 0.67 < times < 1.5 else f" x {times:.2g}")
    return step._replace(rests_on=where, **change)


@cache
def _earlier(folder: Path) -> dict[str, tuple[dict, Step]]:
    """Of an earlier run: step -> (the parameters that count, the estimate made of them now)."""
    try:
        plan = load(folder / "params.yaml")
        steps = _estimates(plan, Chain())
    except (ValueError, OSError, KeyError):  # of another version of the notebooks, or without its params
        return {}
    return {
        job.id: ({key: value for key, value in json.loads(json.dumps(job.parameters)).items() if key not in runs.EXECUTION}, step)
        for job, step in zip(plan.jobs, steps, strict=True)
    }


# --- what is lacking -------------------------------------------------------------------------------------


def _lacks(plan: Plan, todo: list[Step], states: dict[str, str]) -> tuple[list[str], list[str]]:
    """What is not here and cannot be fetched, and what can."""
    import psutil

    jobs = [job for job in plan.jobs if states[job.id] != "fresh"]
    lacks, gpus = [], _gpus()
    for n in sorted({step.gpus for step in todo if step.gpus}):
        short = {step.step: step.gpu_memory for step in todo if step.gpus == n and sum(there >= step.gpu_memory for there in gpus) < n}
        if short:
            each = f"{max(short.values()) / 1e9:.0f} GB" + (" each" if n > 1 else "")
            lacks.append(f"{n} GPU{'s' * (n > 1)} with {each} for {', '.join(short)}; found: {_sizes(gpus)}")
    memory, there = max((step.memory for step in todo), default=0), psutil.virtual_memory().available
    if memory > there:
        lacks.append(f"{memory / 1e9:.0f} GB of memory; {there / 1e9:.0f} GB are free")
    disk, free = sum(step.disk for step in todo), shutil.disk_usage(runs.existing(runs.root())).free
    if disk > free:
        lacks.append(f"{disk / 1e9:,.0f} GB of disk; {free / 1e9:,.0f} GB are free (SKYMATH_OUTPUTS moves the run folders)")
    unready = {}
    for job in jobs:
        for text in _unready(job.parameters):
            unready.setdefault(text, []).append(job.id)
    lacks += [f"{text} ({', '.join(ids)})" for text, ids in unready.items()]
    needed, problems = hub.needs(plan)
    missing = [f"{need}: not in the cache" for need in needed if not hub.here(need)]
    why = hub.unreachable() if missing else ""
    lacks += problems + ([*missing, f"the hub: {why}"] if why else [])
    return list(dict.fromkeys(lacks)), [] if why else missing


def check(plan: Plan) -> None:
    """Refuse a plan of which a step needs a base, data set, program, GPU, server or key that is not here and cannot be fetched.

    Raises:
        ParamsError: It names all that is lacking. Nothing was started or asked.
    """
    if all(suite.state(plan, job).name == "fresh" for job in plan.jobs):
        return  # nothing will run, and the estimates load torch
    found = forecast(plan)
    todo = {step.step for step in _todo(found)}
    jobs = [job for job in plan.jobs if job.id in todo]
    estimates = (" of memory; ", " of disk; ")  # which a smaller run of the same machine may prove wrong
    lacks = [text for text in found.lacks if not any(estimate in text for estimate in estimates)]
    lacks += dict.fromkeys(text for job in jobs if (text := _unanswered(job)))
    if lacks:
        listed = "".join(f"\n  - {text}" for text in lacks)
        raise ParamsError(
            f"{plan.source} needs what this machine does not have; nothing was run.{listed}\nProvide it, or start with --anyway "
            "as far as it goes."
        )
    check_levels(plan)


def _unanswered(job: Job) -> str:
    """That nothing listens at the address of a step's server, "" where something does, or nothing will be asked."""
    address = urlsplit(job.parameters.get("server", "offline"))
    if not address.hostname or job.parameters.get("replay_only"):
        return ""
    if not is_loopback(address.hostname) and urllib.request.getproxies():
        return ""  # only the proxy can tell
    try:
        port = address.port or {"http": 80}.get(address.scheme, 443)
        socket.create_connection((address.hostname, port), timeout=seeds.WAIT_S).close()
    except (OSError, ValueError) as error:
        return f"the server {address.hostname}{f':{address.port}' if address.port else ''} of {job.id} does not answer ({error})"
    return ""


def check_levels(plan: Plan) -> None:
    """Refuse a plan in which `min_level` leaves a later step no seeds, as soon as the seeds or their levels are known.

    Raises:
        ParamsError: It names the step, its level, and the highest level that the seeds have.
    """
    jobs = {job.id: job for job in plan.jobs}
    for job in plan.jobs:
        level, named = job.parameters.get("min_level", 0), job.parameters.get("seeds_from", "")
        sources = [jobs[name] for name in (named if isinstance(named, list) else [named]) if name in jobs]
        levels = [_highest_level(plan, source) for source in sources] if level else []
        if levels and None not in levels and max(levels) < level:
            names = ", ".join(source.id for source in sources)
            raise ParamsError(
                f"steps.{job.id}.min_level: {level} leaves no seeds, for those of {names} have level {max(levels)} at most. "
                "Lower min_level, or choose harder seeds."
            )


def _highest_level(plan: Plan, source: Job) -> int | None:
    """The highest level of the seeds that a step has made or will make, None where that is not known yet."""
    path = plan.folder / source.id / "seeds.parquet"
    if suite.state(plan, source).name in ("fresh", "edited") and path.is_file():
        try:
            return int(pd.read_parquet(path, columns=["level"])["level"].max())
        except (OSError, ValueError, KeyError):
            return None  # the step that reads it says what is wrong
    if source.parameters.get("sources") == ["world"]:
        return max(source.parameters.get("levels") or world.LEVELS)
    return None


def _sizes(gpus: tuple[int, ...]) -> str:
    return ", ".join(f"{size / 1e9:.0f} GB" for size in gpus) or "none"


def _unready(p: dict) -> list[str]:
    """What a step's own parameters ask for that is not here, or is wrong."""
    found = []
    if p.get("backend") == "unsloth" and not importlib.util.find_spec("unsloth"):
        found.append("the package unsloth (`pip install -c constraints-unsloth.txt -e '.[dev,unsloth]'`)")
    if p.get("embedding", "tfidf") != "tfidf" and not importlib.util.find_spec("sentence_transformers"):
        found.append("the package sentence-transformers (`pip install -e '.[embeddings]'`)")
    if p.get("engine") and not (shutil.which(p.get("command") or p["engine"])):
        found.append(f"the program {p.get('command') or p['engine']} on the PATH (`command` names another place)")
    host = urlsplit(p.get("server", "offline")).hostname
    if host and not p.get("replay_only") and not is_loopback(host) and not os.environ.get("OPENAI_API_KEY", "").strip():
        found.append("OPENAI_API_KEY is not set")
    try:
        if "ledger" in p and _book(p).exists():
            _totals(_book(p))
        prices.check(p.get("prices") or None)
        if p.get("launcher"):
            Settings.of(launcher=p["launcher"]).launcher_config()
    except (ValueError, OSError, ledger.LedgerError) as error:
        found.append(str(error))
    return found


def takeaways_at_full_scale(chosen: pd.DataFrame) -> pd.DataFrame:
    """What each takeaway would take with the paper's rows: models, GPU-hours, days and dollars of GPUS large ones, as assumed above.

    chosen  a table of contrasts. Arms that several takeaways share count in each; the teacher's instances come on top, once.
    """
    pace = GPUS * REACHED * LARGE_GPU[1] * 3600
    lines = {}
    for name, part in chosen[chosen["variation"] == ""].groupby("takeaway", sort=False):
        models = SEEDS * len({*part["arm"], *part["control"]})
        hours = models * 3 * PAPER_ROWS * (SOLUTION + QUESTION) * 6 * PAPER_MODEL / pace
        lines[name] = (models, hours * GPUS, hours / 24, hours * GPUS * GPU_HOUR)
    return pd.DataFrame.from_dict(lines, orient="index", columns=["models", "gpu_hours", "days", "dollars"]).round(0).astype(int)


# --- as text ---------------------------------------------------------------------------------------------


def table(found: Forecast) -> pd.DataFrame:
    """A forecast as text, a line a step, and a last one with the total of what is still to do."""
    todo = _todo(found)
    lines = [_line(step) if step in todo else [step.step, *[""] * 8, "done before, kept"] for step in found.steps]
    total = Step(
        "total",
        requests=sum(step.requests for step in todo),
        usd=sum(step.usd for step in todo),
        disk=sum(step.disk for step in todo),
        memory=max((step.memory for step in todo), default=0),
        **_most_gpus(todo),
        hours=math.fsum(step.hours for step in todo if not math.isnan(step.hours)),
        rests_on="",
    )
    heads = ["step", "instances", "requests", "tokens", "dollars", "disk", "memory", "GPUs", "time", "time rests on"]
    return pd.DataFrame([*lines, _line(total)], columns=heads)


def _todo(found: Forecast) -> list[Step]:
    return [step for step in found.steps if found.states[step.step] != "fresh"]


def tell(plan: Plan, echo: Callable[[str], None] = print) -> None:
    """Print a plan's forecast: the table with its total, what it rests on, what this machine lacks."""
    found = forecast(plan)
    echo(f"{plan.source}: what it would take. Nothing is started.")
    echo(table(found).to_string(index=False))
    assumed = [step.step for step in _todo(found) if step.rests_on == "assumed"]
    if assumed:
        echo(f"Never run on this machine at any size: {', '.join(assumed)}. Their figures are assumptions:")
    for text in found.assumed:
        echo(f"  - {text}")
    key = "set" if os.environ.get("OPENAI_API_KEY", "").strip() else "not set"
    echo(
        f"This machine: {os.cpu_count()} cores, GPUs: {_sizes(_gpus())}, OPENAI_API_KEY {key}. "
        + ("It lacks:" if found.lacks else "It lacks nothing.")
    )
    for text in found.lacks:
        echo(f"  - {text}")
    for line in trust.asked(plan):
        echo(line)
    if found.fetch:
        echo(f"To be fetched first, from the hub, which can be reached (python -m skymath_nb prefetch {plan.source}):")
    for text in found.fetch:
        echo(f"  - {text}")


def _most_gpus(steps: list[Step]) -> dict:
    most = max(steps, key=lambda step: step.gpus * step.gpu_memory, default=None)
    return {"gpus": most.gpus, "gpu_memory": most.gpu_memory} if most else {}


def _line(step: Step) -> list[str]:
    gpus = f"{step.gpus} x {step.gpu_memory / 1e9:.0f} GB" if step.gpus else ""
    return [
        step.step, _count(step.instances), _count(step.requests), _count(step.tokens), f"{step.usd:,.2f}" if step.usd else "",
        _bytes(step.disk), _bytes(step.memory), gpus, _time(step.hours), step.rests_on,
    ]  # fmt: skip


def _count(n: float) -> str:
    if n >= 1e6:
        return f"{n / 1e9:,.2f}G" if n >= 1e9 else f"{n / 1e6:,.2f}M"
    return f"{n:,.0f}" if n else ""


def _bytes(size: float) -> str:
    return f"{max(1, size / 1e6):,.0f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB" if size < 1e11 else f"{size / 1e9:,.0f} GB"


def _time(hours: float) -> str:
    if math.isnan(hours):
        return "unknown"
    if hours < 1:
        return f"{hours * 60:.0f} min" if hours >= 1 / 60 else f"{hours * 3600:.0f} s"
    return f"{hours:.1f} h" if hours < 96 else f"{hours / 24:,.0f} days"
