"""What a plan would take, before it starts, step by step, and what this machine lacks for it.

Instances, requests, tokens and dollars follow from the parameters, and memory and disk from these.
Time is told only from earlier runs of this machine, of the same notebook with the same engine: it
lies between what the run took and that in proportion to the work, since part of it is the same at
any size. Nothing is started, asked or fetched.
"""

import dataclasses
import importlib.util
import math
import os
import shutil
import socket
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pandas as pd
import yaml

from .. import augmentation
from ..core import disk, manifests, paths
from ..data import seeds
from ..experiments import scaling_laws
from ..experiments import takeaways as contrasts
from ..inference import prices, reply_store
from ..inference.client import is_loopback
from ..runner import suite, trust
from ..runner.params import Job, ParamsError, Plan, load
from ..training import bases, cost
from ..training.settings import Settings
from ..world import LEVELS, MOST_DISTRACTORS
from ..world import seeds as world_seeds
from . import hub

OTHER_ROWS = 1000
PROBED = 600  # chains that are planned, to count the requests and tokens of all
ENOUGH = 20  # replies in the ledger, for their mean to stand for all
# Tokens of a reply where none was measured; another operator's is a question.
SOLUTION, CREATED, QUESTION, OFFLINE = 400, 600, 150, 75
SMALL = 5e7  # parameters up to which a model trains without a GPU
ENGINE_ROWS = 16  # answers that a server holds in memory at once, at least
STORED, HELD = 800, 4000  # bytes of a row on disk and in memory
LIBRARIES = 0.9e9  # bytes of a kernel with torch
PAPER_ROWS, PAPER_EPOCHS, SEEDS = 360_000, 3, 3  # of the paper's ablations (tables 3, 5); ours
ROOM = (" of memory; ", " of disk; ")  # in what is lacking by an estimate
# Parameters in which an earlier run must agree, for its time to say something.
ENGINE = ("base", "bases", "server", "teacher_model", "batch", "embedding", "backend", "tuning")
ENGINE += ("engine", "launcher", "device")


class Step(NamedTuple):
    """What one step would take (sizes in bytes), and what later steps ask of it."""

    step: str = ""
    job: Job | None = None
    instances: float = 0
    requests: float = 0  # to a teacher or a student
    tokens: float = 0  # paid for, trained on or generated
    usd: float = 0
    usd_most: float = 0  # with every reply as long as it may be
    disk: float = 8e6
    memory: float = LIBRARIES
    gpus: int = 0
    gpu_memory: float = 0  # of each
    hours_least: float = math.nan  # by an earlier run
    hours_most: float = math.nan
    rests_on: str = "no earlier run"
    work: float = 0  # what the time grows with, where that is not tokens or instances
    row: float = SOLUTION  # tokens of an instance
    stage: str = "normal"
    base: str = ""  # of its students
    shape: cost.Shape | None = None  # of the base, None where it is unknown
    models: int = 0  # that are trained


@dataclasses.dataclass
class Chain:
    """The estimates of the steps so far, and the sentences on what they assume, in order."""

    steps: dict[str, Step] = dataclasses.field(default_factory=dict)
    assumed: dict[str, None] = dataclasses.field(default_factory=dict)

    def get(self, step: str) -> Step:
        """Return a step's estimate; of one that is not in the plan a stand-in."""
        return self.steps.get(step, Step(instances=OTHER_ROWS, models=2))

    def assume(self, text: str) -> None:
        self.assumed[text] = None


class Forecast(NamedTuple):
    """What a plan would take: its steps, their states by `suite.status`, and what is lacking."""

    steps: list[Step]
    states: dict[str, str]
    assumed: list[str]
    lacks: list[str]
    fetch: list[str]  # from the hub, where it can be reached; else they are lacking

    @property
    def todo(self) -> list[Step]:
        return [step for step in self.steps if self.states[step.step] != "fresh"]


def forecast(plan: Plan) -> Forecast:
    """Return what the steps of a plan would take; what is missing here is told in `lacks`."""
    chain, status = Chain(), suite.status(plan)
    steps = [_timed(plan, step) for step in _estimates(plan, chain)]
    states = dict(zip(status["step"], status["state"], strict=True))
    counted = Forecast(steps, states, list(chain.assumed), lacks=[], fetch=[])
    lacks, fetch = _lacks(plan, counted)
    return counted._replace(lacks=lacks, fetch=fetch)


def _estimates(plan: Plan, chain: Chain) -> list[Step]:
    for job in plan.jobs:
        step = ESTIMATES[job.name](job.parameters, chain) if job.name in ESTIMATES else Step()
        chain.steps[job.id] = step._replace(step=job.id, job=job)
    return list(chain.steps.values())


# --- one step of each kind -----------------------------------------------------------------------


def _start(p: dict, chain: Chain) -> Step:
    n = p["n_instances"]
    return Step(instances=n, requests=2 * n, tokens=120 * n)


def _explore(p: dict, chain: Chain) -> Step:
    rows = sum(_rows(name, "train", p["n_seeds"], chain) for name in p["sources"])
    return Step(instances=rows)


def _augment(p: dict, chain: Chain) -> Step:
    n, texts = p["n"], world_seeds(60, 0)
    settings = {f.name: p[f.name] for f in dataclasses.fields(augmentation.Settings) if f.name in p}
    settings["n"] = probed = min(n, PROBED)
    chains = augmentation.plan(texts, probed, p["mix"], seed=p["seed"], evol_steps=p["evol_steps"])
    asked = augmentation.expected_requests(texts, chains, **settings)
    requests = n / probed * len(asked)
    bill = partial(prices.cost, p["prices"] or None, batch=p["batch"])
    replies = _replies(p, asked)
    means = f"{replies.tokens_in:,.0f} tokens in and {replies.tokens_out:,.0f} out a reply"
    chain.assume(f"{p['teacher_model']}: {means}, {replies.source}")
    if p["prices"]:
        chain.assume(f"dollars at {p['prices']} a million tokens")
    most_in = n / probed * sum(prices.most_tokens(request["messages"]) for request in asked)
    problem = prices.tokens({"content": text} for text in texts["problem"]) / len(texts)
    return Step(
        instances=n,
        requests=requests,
        tokens=requests * (replies.tokens_in + replies.tokens_out),
        usd=bill(requests * replies.tokens_in, requests * replies.tokens_out),
        usd_most=bill(most_in, requests * p["max_tokens"]),
        disk=STORED * (n + requests),
        memory=LIBRARIES + HELD * n,
        row=problem + replies.solution,
        stage=p["stage"],
    )


def _choose(p: dict, chain: Chain) -> Step:
    centres = chain.get(p["centres_from"]).instances if p["centres_from"] else 0
    n = centres + chain.get(p["pool_from"]).instances
    memory = LIBRARIES + n * (4 * HELD + 16 * p["dimensions"])
    return Step(instances=p["k"], memory=memory, work=n)


def _train(p: dict, chain: Chain) -> Step:
    pools = [chain.get(name) for name in [*p["instances_from"], *p["seeds_from"]]]
    passes = {"normal": 1 + p["replay"] * (p["preset"] == "replay")}
    passes["hard"] = 0 if p["preset"] == "stage1_only" else 1
    stages = 2 if p["preset"] in ("paper", "replay", "hard_first") else 1
    rows, tokens = 0, 0
    for pool in pools:
        rows += pool.instances
        tokens += passes[pool.stage] * pool.instances * min(pool.row, p["max_length"])
    trained = _training(p["base"], p, stages, chain)
    return trained._replace(
        instances=rows,
        tokens=p["epochs"] * tokens,
        disk=trained.disk + 2 * STORED * rows,  # one is written while one is kept
        memory=trained.memory + 3 * HELD * rows,
    )


def _evaluate(p: dict, chain: Chain) -> Step:
    students = chain.get(p["model_from"])
    limit, shape = p["n_items"] or p["benchmark_items"], students.shape
    items = sum(_rows(name, "test", limit, chain) for name in p["benchmarks"])
    answers = (students.models + p["with_base"]) * items * p["samples"] + 7 * p["n_paired"]
    small = shape and shape.parameters < SMALL
    tokens = answers * min(p["max_new_tokens"], OFFLINE if small else SOLUTION)
    step = Step(requests=answers, tokens=tokens, disk=STORED * answers, base=students.base)
    if not shape:
        return step
    if not _on_gpu(shape, p["device"]):
        return step._replace(memory=LIBRARIES + 4 * shape.parameters)
    cached = 4 * shape.layers * shape.keys * (p["max_new_tokens"] + 300)  # bytes of an answer
    at_once = ENGINE_ROWS if p["engine"] else p["batch_size"]
    return step._replace(gpus=1, gpu_memory=2 * shape.parameters + at_once * cached)


class Arms(NamedTuple):
    """A study's arms with one seed: models of each base, and what all of them read and answer."""

    models: Counter
    rows_read: float
    answers: float


def _scale(p: dict, chain: Chain) -> Step:
    """The arms of a scaling study; each dose of hard rows has one of normal rows beside it."""
    budget = {name: p[name] for name in ("epochs", "steps", "batch_size")}
    design = scaling_laws.design(p["bases"], p["sizes"], p["budgets"], **budget).drop_duplicates(
        "arm"
    )
    models = Counter(design["base"]) + Counter({p["bases"][0]: 2 * len(p["doses"])})
    rows_read = p["batch_size"] * int(design["steps"].sum()) + 2 * p["epochs"] * sum(p["doses"])
    items = sum(_rows(name, "test", p["n_items"], chain) for name in p["benchmarks"])
    arms = Arms(models, rows_read, items * models.total())
    return _study(p, chain, p["instances_from"], max(p["sizes"]), arms)


def _take(p: dict, chain: Chain) -> Step:
    """The arms of the takeaways; a filter's arm counts as a whole one."""
    doses = {name: p[name] for name in ("chinese", "distracted", "copies")}
    asked = contrasts.asked(contrasts.every(p["takeaways"], p["variations"], **doses))
    items = {"distracted": MOST_DISTRACTORS * p["n_paired"]}
    for role in p["roles"].keys() - items:
        items[role] = _rows(p["roles"][role], "test", p["n_items"], chain)
    models = Counter(contrasts.base_of(arm, p["base"], p["bases"]) for arm in asked)
    sizes = len(asked) + (p["more"] - 1) * ("more" in asked)
    answers = sum(items[role] for parts in asked.values() for role in contrasts.roles(parts))
    arms = Arms(models, p["epochs"] * p["size"] * sizes, answers)
    return _study(p, chain, [p["pools"]["normal"]], p["size"], arms)


def _calibrate(p: dict, chain: Chain) -> Step:
    by_epochs = [p["epochs"] * size / p["batch_size"] for size in p["sizes"]]
    steps = {"epochs": by_epochs, "steps": [p["steps"]] * len(p["sizes"])}
    probes = [p["steps"]] * (2 if p["probe_size"] else 0)
    run = [n for budget in p["budgets"] for n in steps[budget]] + probes
    run = [n for n in run if n <= (p["most_steps"] or n)]
    answers = len(run) * len(p["benchmarks"]) * p["n_items"]
    arms = Arms(Counter({p["base"]: len(run)}), p["batch_size"] * sum(run), answers)
    return _study(p, chain, [p["instances_from"]], max(p["sizes"]), arms)


def _study(p: dict, chain: Chain, pools: list[str], size: int, arms: Arms) -> Step:
    """Arms with `repeats` seeds, of which `workers` are trained side by side.

    Args:
        pools: The steps that the rows come from.
        size: Rows of the largest arm.
    """
    given, repeats = [chain.get(name) for name in pools], p["repeats"]
    rows = sum(pool.instances for pool in given)
    row = sum(pool.instances * pool.row for pool in given) / rows
    settings = p | p.get("training", {})
    trained = [_training(base, settings, repeats * n, chain) for base, n in arms.models.items()]
    largest = max(trained, key=lambda step: (step.gpu_memory, step.memory), default=Step())
    return largest._replace(
        instances=size,
        requests=repeats * arms.answers,
        tokens=repeats * arms.rows_read * min(row, p["max_length"]),
        disk=sum(step.disk for step in trained) + STORED * repeats * arms.answers,
        memory=p["workers"] * (largest.memory + 3 * HELD * size),
    )


ESTIMATES: dict[str, Callable[[dict, Chain], Step]] = {
    "00_start_here": _start,
    "01_seed_exploration": _explore,
    "02_augmentation": _augment,
    "03_coreset_selection": _choose,
    "04_curriculum_sft": _train,
    "05_evaluation": _evaluate,
    "06_scaling_laws": _scale,
    "07_takeaways": _take,
    "08_calibration": _calibrate,
}


# --- rows, replies and models --------------------------------------------------------------------


def _rows(name: str, split: str, limit: int, chain: Chain) -> float:
    if name == "world" or name.startswith("world-"):
        return limit or seeds.WORLD_ITEMS
    source = seeds.SOURCES.get(name)
    if source and source.seeded and split == "train":
        split = source.seeded
    n = _published_rows().get(name, {}).get(split, 0)
    if not n:
        n = OTHER_ROWS
        chain.assume(f"{name} has {OTHER_ROWS:,} rows")
    return min(limit, n) if limit else n


@cache
def _published_rows() -> dict[str, dict[str, int]]:
    text = Path(seeds.__file__).with_name("published_rows.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


class Replies(NamedTuple):
    """Mean tokens of a teacher's replies and of its solutions, and what the means rest on."""

    tokens_in: float
    tokens_out: float
    solution: float
    source: str


def _replies(p: dict, asked: list[dict]) -> Replies:
    """Replies as the ledger has them, or of assumed lengths where it has too few."""
    n, tokens_in, tokens_out = 0, 0, 0
    with suppress(reply_store.LedgerError):  # which is told among what is lacking
        for row in _totals(_book(p)):
            if row["model"].split("#")[0] == p["teacher_model"]:
                n += row["replies"]
                tokens_in += row["tokens_in"]
                tokens_out += row["tokens_out"]
    if n >= ENOUGH:
        source = f"the mean of {n:,} in the ledger"
        return Replies(tokens_in / n, tokens_out / n, tokens_out / n, source)
    offline = p["server"] == "offline"
    usual = {} if offline else {"solve": SOLUTION, "create": CREATED}

    def length(operator: str) -> int:
        return min(usual.get(operator, OFFLINE if offline else QUESTION), p["max_tokens"])

    tokens_in = sum(prices.tokens(request["messages"]) for request in asked) / len(asked)
    tokens_out = sum(length(request["operator"]) for request in asked) / len(asked)
    source = f"with {length('solve')} in a solution, assumed; a pilot of 02 measures them"
    return Replies(tokens_in, tokens_out, length("solve"), source)


def _book(p: dict) -> Path:
    return paths.locate(p["ledger"]) if p["ledger"] else paths.runs_folder() / "ledger.sqlite"


@cache
def _totals(book: Path) -> list[dict]:
    return reply_store.totals(book) if book.exists() else []


def _training(base: str, p: dict, models: int, chain: Chain) -> Step:
    """A step that trains models of a base one after the other, but for its rows."""
    shape = _shape(base, chain)
    if not shape:
        return Step(models=models, base=base)
    settings = _settings(p)
    device = "cuda" if _on_gpu(shape, settings.device) else "cpu"
    precision = "bfloat16" if device == "cuda" else "float32"
    settings = dataclasses.replace(settings, precision=precision)
    micro_batch = settings.micro_batch or max(1, p["batch_size"] // settings.processes)
    needed = sum(cost.memory(shape, settings, micro_batch * p["max_length"], device).values())
    disk = models * shape.parameters * (4 if settings.tuning == "full" else 2)
    if settings.checkpoint_every:
        disk += 2 * 12 * cost.trained_parameters(shape, settings)
    step = Step(base=base, shape=shape, models=models, disk=disk, memory=LIBRARIES + needed)
    if device == "cpu":
        return step
    memory = LIBRARIES + 4 * shape.parameters  # one process reads the weights
    return step._replace(memory=memory, gpus=settings.processes, gpu_memory=needed)


def _settings(p: dict) -> Settings:
    named = {field.name for field in dataclasses.fields(Settings)}
    settings = Settings.of(**{key: value for key, value in p.items() if key in named})
    try:
        settings.launcher_config()
    except (ValueError, OSError):
        return dataclasses.replace(settings, launcher="")  # told among what is lacking
    return settings


def _shape(base: str, chain: Chain) -> cost.Shape | None:
    """A base's sizes, from its config.json here or in the cache, or as a known model."""
    if folder := bases.local_folder(base) or hub.model_folder(base):
        return cost.shape(str(folder))
    if base in cost.known():
        chain.assume(f"{base} has the sizes in skymath_nb/sft/models.yaml")
        return cost.shape(cost.known()[base])
    chain.assume(f"{base}: its size is unknown here, and so is its memory; prefetch it first")
    return None


def _on_gpu(shape: cost.Shape, device: str) -> bool:
    return device != "cpu" and (shape.parameters >= SMALL or bool(_gpus()))


@cache
def _gpus() -> tuple[int, ...]:
    """Bytes of each GPU of this machine."""
    if not any(map(shutil.which, ("nvidia-smi", "rocm-smi"))):
        return ()  # no driver: spares a laptop the seconds that torch takes to load
    import torch

    count = torch.cuda.device_count()
    return tuple(torch.cuda.get_device_properties(i).total_memory for i in range(count))


# --- what earlier runs took ----------------------------------------------------------------------


class Earlier(NamedTuple):
    """A finished step, with its work as estimated now."""

    run: str
    step: str
    work: float
    hours: float


def _timed(plan: Plan, step: Step) -> Step:
    """The estimate with the time of an earlier run: of this one, else of the nearest size."""

    def says(earlier: Earlier) -> tuple:
        distance = abs(math.log(_work(step) / earlier.work))
        return earlier.run == plan.run, earlier.step == step.step, -distance

    best = max(_earlier(step), key=says, default=None)
    if best is None:
        return step
    times = _work(step) / best.work
    least, most = sorted((best.hours, times * best.hours))
    source = f"run {best.run}" + ("" if most < 1.5 * least else f" x {times:.2g}")
    return step._replace(hours_least=least, hours_most=most, rests_on=source)


def _work(step: Step) -> float:
    return step.work or step.tokens or step.instances or 1


def _earlier(step: Step) -> Iterator[Earlier]:
    """The finished steps of the same notebook with the same engine."""
    for path in paths.runs_folder().glob(f"*/{step.job.name}*/manifest.json"):
        run, name = path.parents[1], path.parent.name
        then = _steps_of(run).get(name)
        try:
            manifest = manifests.read(path.parent)
        except manifests.Damaged:  # `status` of that run says so
            continue
        if then is None or suite.changes(manifest, then.job):
            continue
        theirs, ours = then.job.parameters, step.job.parameters
        same_engine = all(theirs.get(key) == ours.get(key) for key in ENGINE)
        if same_engine and (then.job.name, then.base) == (step.job.name, step.base):
            yield Earlier(run.name, name, _work(then), manifest["seconds"] / 3600)


@cache
def _steps_of(folder: Path) -> dict[str, Step]:
    """The estimates of an earlier run's steps, none of a run of another version."""
    try:
        steps = _estimates(load(folder / "params.yaml"), Chain())
    except (ValueError, OSError, KeyError):
        return {}
    return {step.step: step for step in steps}


# --- what is lacking -----------------------------------------------------------------------------


def _lacks(plan: Plan, counted: Forecast) -> tuple[list[str], list[str]]:
    """What is not here and cannot be fetched, and what can."""
    steps: dict[str, list[str]] = {}
    for job in plan.jobs:
        for text in _unready(job.parameters) if counted.states[job.id] != "fresh" else ():
            steps.setdefault(text, []).append(job.id)
    lacks = [*_lacking_gpus(counted.todo), *_lacking_room(counted.todo)]
    lacks += [f"{text} ({', '.join(ids)})" for text, ids in steps.items()]
    needed, problems = hub.needs(plan)
    lacks = list(dict.fromkeys([*lacks, *problems]))
    missing = [f"{need}: not in the cache" for need in needed if not hub.here(need)]
    if missing and (why := hub.unreachable()):
        return [*lacks, *missing, f"the hub: {why}"], []
    return lacks, missing


def _lacking_gpus(todo: list[Step]) -> Iterator[str]:
    gpus = _gpus()
    for n in sorted({step.gpus for step in todo if step.gpus}):
        alike = [step for step in todo if step.gpus == n]
        short = [o for o in alike if sum(size >= o.gpu_memory for size in gpus) < n]
        if short:
            most = max(step.gpu_memory for step in short)
            if n > 1:
                what = f"{n} GPUs with {_gigabytes(most)} each"
            else:
                what = f"1 GPU with {_gigabytes(most)}"
            yield f"{what} for {', '.join(step.step for step in short)}; found: {_sizes(gpus)}"


def _lacking_room(todo: list[Step]) -> Iterator[str]:
    import psutil

    memory = max((step.memory for step in todo), default=0)
    available = psutil.virtual_memory().available
    if memory > available:
        yield f"{_gigabytes(memory)} of memory; {_gigabytes(available)} are free"
    needed = sum(step.disk for step in todo)
    free = shutil.disk_usage(disk.existing(paths.runs_folder())).free
    if needed > free:
        advice = "(SKYMATH_OUTPUTS moves the run folders)"
        yield f"{_gigabytes(needed)} of disk; {_gigabytes(free)} are free {advice}"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.0f} GB"


def _sizes(gpus: tuple[int, ...]) -> str:
    return ", ".join(map(_gigabytes, gpus)) or "none"


def _unready(p: dict) -> Iterator[str]:
    """What a step's own parameters ask for that is not here, or is wrong."""
    if p.get("backend") == "unsloth" and not importlib.util.find_spec("unsloth"):
        yield "the package unsloth (`pip install -c constraints-unsloth.txt -e '.[dev,unsloth]'`)"
    sentences = p.get("embedding", "tfidf") != "tfidf"
    if sentences and not importlib.util.find_spec("sentence_transformers"):
        yield "the package sentence-transformers (`pip install -e '.[embeddings]'`)"
    program = p.get("engine") and (p.get("command") or p["engine"])
    if program and not shutil.which(program):
        yield f"the program {program} on the PATH (`command` names another place)"
    host = urlsplit(p.get("server", "offline")).hostname
    if host and not p.get("replay_only") and not is_loopback(host) and not _has_key():
        yield "OPENAI_API_KEY is not set"
    try:
        if "ledger" in p:
            _totals(_book(p))
        prices.check(p.get("prices") or None)
        if p.get("launcher"):
            Settings.of(launcher=p["launcher"]).launcher_config()
    except (ValueError, OSError, reply_store.LedgerError) as error:
        yield str(error)


def _has_key() -> bool:
    return bool(os.environ.get("OPENAI_API_KEY", "").strip())


def check(plan: Plan) -> None:
    """Refuse a plan of which a step needs what is not here and cannot be fetched.

    That is a base, data set, program, GPU, server or key. Memory and disk are estimates, which a
    smaller run of the same machine may prove wrong, and stop nothing.

    Raises:
        ParamsError: It names all that is lacking. Nothing was started or asked.
    """
    if all(suite.state(plan, job).name == "fresh" for job in plan.jobs):
        return  # nothing will run, and the estimates load torch
    counted = forecast(plan)
    todo = {step.step for step in counted.todo}
    lacks = [text for text in counted.lacks if not any(room in text for room in ROOM)]
    unanswered = [_unanswered(job) for job in plan.jobs if job.id in todo]
    lacks += dict.fromkeys(filter(None, unanswered))
    if lacks:
        listed = "".join(f"\n  - {text}" for text in lacks)
        raise ParamsError(
            f"{plan.source} needs what this machine does not have; nothing was run.{listed}\n"
            "Provide it, or start with --anyway as far as it goes."
        )
    check_levels(plan)


def _unanswered(job: Job) -> str:
    """That nothing listens at the address of a step's server; "" where nothing will be asked."""
    address = urlsplit(job.parameters.get("server", "offline"))
    if not address.hostname or job.parameters.get("replay_only"):
        return ""
    if not is_loopback(address.hostname) and urllib.request.getproxies():
        return ""  # only the proxy can tell
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((address.hostname, port), timeout=seeds.WAIT_S).close()
    except (OSError, ValueError) as error:
        host = address.netloc.rpartition("@")[2]
        return f"the server {host} of {job.id} does not answer ({error})"
    return ""


def check_levels(plan: Plan) -> None:
    """Refuse a plan in which `min_level` leaves a later step no seeds, as soon as that is known.

    Raises:
        ParamsError: It names the step, its level, and the highest level that the seeds have.
    """
    jobs = {job.id: job for job in plan.jobs}
    for job in plan.jobs:
        least, named = job.parameters.get("min_level", 0), job.parameters.get("seeds_from", "")
        names = [name for name in (named if isinstance(named, list) else [named]) if name in jobs]
        levels = [_highest_level(plan, jobs[name]) for name in names] if least else []
        if levels and None not in levels and max(levels) < least:
            raise ParamsError(
                f"steps.{job.id}.min_level: {least} leaves no seeds, for those of "
                f"{', '.join(names)} have level {max(levels)} at most. "
                "Lower min_level, or choose harder seeds."
            )


def _highest_level(plan: Plan, source: Job) -> int | None:
    """The highest level of the seeds that a step has made or will make, None if not known yet."""
    path = plan.folder / source.id / "seeds.parquet"
    if suite.state(plan, source).name in ("fresh", "edited") and path.is_file():
        try:
            return int(pd.read_parquet(path, columns=["level"])["level"].max())
        except (OSError, ValueError, KeyError):
            return None  # the step that reads it says what is wrong
    if source.parameters.get("sources") == ["world"]:
        return max(source.parameters.get("levels") or LEVELS)
    return None


# --- as text -------------------------------------------------------------------------------------


def takeaways_at_full_scale(chosen: pd.DataFrame) -> pd.DataFrame:
    """Return the models and training rows that each takeaway takes at the paper's size.

    Args:
        chosen: A table of contrasts. Arms that takeaways share count in each.

    Returns:
        By takeaway: models, and rows_read, the rows of all models in the paper's three epochs.
    """
    takeaways = chosen[chosen["variation"] == ""].groupby("takeaway", sort=False)
    arms = {name: len({*part["arm"], *part["control"]}) for name, part in takeaways}
    found = pd.DataFrame({"models": arms}) * SEEDS
    return found.assign(rows_read=found["models"] * PAPER_EPOCHS * PAPER_ROWS)


def table(counted: Forecast) -> pd.DataFrame:
    """Return a forecast as text, a line a step, and a last one with the total of what is to do."""
    todo = counted.todo
    most = max(todo, key=lambda step: step.gpus * step.gpu_memory, default=Step())
    # hours are unknown if one step's are
    added = ("requests", "usd", "usd_most", "disk", "hours_least", "hours_most")
    sums = {name: sum(getattr(step, name) for step in todo) for name in added}
    memory = max((step.memory for step in todo), default=0)
    total = Step("total", gpus=most.gpus, gpu_memory=most.gpu_memory, memory=memory, rests_on="")
    rows = [
        _line(step) if step in todo else {"step": step.step, "time rests on": "done before, kept"}
        for step in counted.steps
    ]
    last = _line(total._replace(**sums))
    return pd.DataFrame([*rows, last], columns=list(last)).fillna("")


def _line(step: Step) -> dict[str, str]:
    return {
        "step": step.step,
        "instances": _count(step.instances),
        "requests": _count(step.requests),
        "tokens": _count(step.tokens),
        "dollars": _dollars(step.usd),
        "at most": _dollars(step.usd_most),
        "disk": _bytes(step.disk),
        "memory": _bytes(step.memory),
        "GPUs": f"{step.gpus} x {_gigabytes(step.gpu_memory)}" if step.gpus else "",
        "time": _time(step),
        "time rests on": step.rests_on,
    }


def tell(plan: Plan, echo: Callable[[str], None] = print) -> None:
    """Print a plan's forecast: the table, what it rests on, and what this machine lacks."""
    counted = forecast(plan)
    echo(f"{plan.source}: what it would take. Nothing is started.")
    echo(table(counted).to_string(index=False))
    if any(math.isnan(step.hours_most) for step in counted.todo):
        how = "run a smaller size first (params/smoke.yaml, or --set), and ask again"
        echo(f"Time is unknown where this machine has no run of the notebook: {how}.")
    for text in counted.assumed if counted.todo else ():
        echo(f"  - {text}")
    key = "set" if _has_key() else "not set"
    machine = f"{os.cpu_count()} cores, GPUs: {_sizes(_gpus())}, OPENAI_API_KEY {key}"
    echo(f"This machine: {machine}. It lacks{':' if counted.lacks else ' nothing.'}")
    for line in [*(f"  - {text}" for text in counted.lacks), *trust.asked(plan)]:
        echo(line)
    if counted.fetch:
        how = f"(python -m skymath_nb prefetch {plan.source})"
        echo(f"To be fetched first, from the hub, which can be reached {how}:")
    for text in counted.fetch:
        echo(f"  - {text}")


def _count(n: float) -> str:
    return f"{n:,.0f}" if n else ""


def _dollars(usd: float) -> str:
    return f"{usd:,.2f}" if usd else ""


def _bytes(size: float) -> str:
    if size < 1e9:
        return f"{max(1, size / 1e6):,.0f} MB"
    return f"{size / 1e9:,.1f} GB" if size < 1e11 else _gigabytes(size)


def _time(step: Step) -> str:
    if math.isnan(step.hours_most):
        return "unknown"
    least, most = (
        str(timedelta(seconds=round(3600 * hours))) for hours in (step.hours_least, step.hours_most)
    )
    return most if step.hours_most < 1.5 * step.hours_least else f"{least} to {most}"
