"""The Hugging Face hub: which models and data sets a plan names, which of them are here, and the rest fetched.

Weights are safetensors only, and no code of a repository is run. Whatever is fetched goes into the hub's own cache (HF_HOME), where
training, generation and `seeds` find it without a network.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from skymath_nb import bases, runs, seeds, world
from skymath_nb.data.hub import parts
from skymath_nb.plans import Plan
from skymath_nb.seeds import unreachable
from skymath_nb.teacher.client import is_loopback

FILES = tuple(f"*{suffix}" for suffix in runs.MODEL_FILES)
NOT_LOADED = ("original/*", "consolidated*", "onnx/*", "openvino/*")  # second copies of weights, for other programs
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


class Missing(RuntimeError):
    """What a plan needs and this machine neither has nor could get: every item, with its remedy."""


class Need(NamedTuple):
    """A model or a split of a data set that is not a file of this machine's own."""

    kind: str  # "model" or "data set"
    id: str  # on the hub
    steps: tuple[str, ...]  # that name it
    name: str = ""  # of a source in `seeds.SOURCES`
    split: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.id}" + (f" ({self.split})" if self.split else "")


def needs(plan: Plan) -> tuple[list[Need], list[str]]:
    """The models and data sets of the hub that a plan names, in order, and what it names that can be had nowhere."""
    found, problems = {}, {}
    for job in plan.jobs:
        for kind, name, split in _named(job.parameters):
            try:
                key = _model(name) if kind == "model" else _data(name, split)
            except (ValueError, OSError) as error:
                problems.setdefault(str(error), f"{job.id}: {error}")
                continue
            if key:
                found.setdefault(key, []).append(job.id)
    return [Need(key[0], key[1], tuple(steps), *key[2:]) for key, steps in found.items()], list(problems.values())


def _named(parameters: dict):
    """(kind, name, split) of whatever a step's parameters name."""
    several = parameters.get("bases", ())
    for name in several.values() if isinstance(several, dict) else several:
        yield "model", name, ""
    for key in ("base", "embedding"):
        if parameters.get(key) and parameters[key] != "tfidf":
            owner = "" if key == "base" or "/" in parameters[key] else "sentence-transformers/"  # as that library reads it
            yield "model", owner + parameters[key], ""
    host, teacher = urlsplit(parameters.get("server", "")).hostname, parameters.get("teacher_model", "")
    if host and is_loopback(host) and bases.HUB_ID.fullmatch(teacher):  # a server of this machine needs its weights here
        yield "model", teacher, ""
    for key, split in (("sources", "train"), ("benchmarks", "test")):
        for name in parameters.get(key, ()):
            yield "data set", name, split
    for role, name in parameters.get("roles", {}).items():
        yield "data set", f"{name}-1" if role == "distracted" else name, "test"  # any number of distractors stands for all


def _model(name: str) -> tuple | None:
    """A hub id, or None for a model that lies in a folder. Raises:  FileNotFoundError for what is neither."""
    if bases.local_folder(name):
        return None
    if bases.HUB_ID.fullmatch(name):
        return "model", name
    bases.base_path(name)  # says what was looked for, and where
    return None


def _data(name: str, split: str) -> tuple | None:
    """A hub id with name and split, or None for what comes from the world or a file. Raises what `seeds.file` raises."""
    if seeds.REFUSED.search(name):
        raise ValueError(f"{name} is refused: AGIEval's math file lies inside the MATH test split. Leave it out.")
    if name == "world" or name in world.BENCHMARKS or name.startswith("world-"):
        return None
    source = seeds.SOURCES.get(name)
    split = source.seeded if source and split == "train" and source.seeded else split
    if seeds.file(name, split):
        return None
    if not source:
        return "data set", parts(name)["id"], name, split
    if not source.hub:
        raise FileNotFoundError(
            f"The {split} split of {name} is needed ({source.whence}): set {seeds.DATA} to a folder with {source.files[split]}"
        )
    return "data set", source.hub, name, split


# --- what is here ----------------------------------------------------------------------------------------


def here(need: Need) -> bool:
    """Whether it is complete in the cache, told from files alone."""
    return bool(model_folder(need.id)) if need.kind == "model" else _has_data(need)


def model_folder(id: str) -> Path | None:
    """The folder of a hub model in the cache; None unless its configuration, all its safetensors and a tokenizer are there."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(id, "config.json") if bases.HUB_ID.fullmatch(id) else None
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    index = folder / "model.safetensors.index.json"
    weights = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()) if index.is_file() else {"model.safetensors"}
    whole = all((folder / file).is_file() for file in weights) and any((folder / file).is_file() for file in TOKENIZERS)
    return folder if whole else None


def _has_data(need: Need) -> bool:
    """As `datasets` keeps them: owner___name/config/version/digest/name-split*.arrow."""
    source, own = seeds.SOURCES.get(need.name), parts(need.name)
    configs = source.configs if source else (own.get("config"),)
    named = source.hub_split.get(need.split, need.split) if source else own.get("split", need.split)
    splits = named.split("+")
    folder = data_cache() / need.id.replace("/", "___").lower()
    if not folder.is_dir():
        folder = data_cache() / need.id.replace("/", "___")
    return all(any(folder.glob(f"{config or '*'}/*/*/*-{split}*.arrow")) for config in configs for split in splits)


def data_cache() -> Path:
    """Where `datasets` keeps what it has prepared."""
    from huggingface_hub import constants

    return Path(os.environ.get("HF_DATASETS_CACHE") or Path(constants.HF_HOME) / "datasets")


# --- what the hub has ------------------------------------------------------------------------------------


def files(need: Need) -> dict[str, int]:
    """Name -> bytes of the files on the hub that would be fetched; of a data set all that it has."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils import filter_repo_objects

    about = (HfApi().model_info if need.kind == "model" else HfApi().dataset_info)(need.id, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in about.siblings}
    if need.kind == "model":
        sizes = {name: sizes[name] for name in filter_repo_objects(sizes, allow_patterns=FILES, ignore_patterns=NOT_LOADED)}
    return sizes


def download(need: Need) -> None:
    """Fetch one need into the cache. Raises what the hub's clients raise."""
    if need.kind == "model":
        from huggingface_hub import snapshot_download

        snapshot_download(need.id, allow_patterns=FILES, ignore_patterns=NOT_LOADED)
    else:
        seeds.fetch(need.name, need.split)


def prefetch(plan: Plan, only_list: bool = False, echo: Callable[[str], None] = print) -> None:
    """Fetch what a plan names and this machine lacks, telling what is here, what it takes, and what came.

    only_list   tell, and fetch nothing.
    Raises:  Missing with every item that could not be had and what to do about it; what could be had was fetched all the same.
    """
    wanted, problems = needs(plan)
    missing = [need for need in wanted if not here(need)]
    for need in wanted:
        if need not in missing:
            echo(f"here     {need}")
    if missing and (reason := unreachable()):
        problems += [f"{need} is not in the cache (named by {', '.join(need.steps)})" for need in missing]
        raise _missing(plan, problems, f"{reason}, so nothing was fetched. Run this on a machine with a network and copy {_cache()} here.")
    sizes = {need: size for need in missing if (size := _size(need, problems)) is not None}
    for need, size in sizes.items():
        echo(f"missing  {need}, {size / 1e9:.2f} GB")
    free = shutil.disk_usage(runs.existing(_cache())).free
    if sum(sizes.values()) > free:
        problems.append(f"{sum(sizes.values()) / 1e9:.1f} GB are to be fetched, but {_cache()} has {free / 1e9:.1f} GB free; set HF_HOME")
        sizes = {}
    for need in {} if only_list else sizes:
        try:
            download(need)
        except Exception as error:  # each of the hub's clients has its own; all problems are told, not the first
            problems.append(_remedy(need, error))
        else:
            echo(f"fetched  {need}")
    if problems:
        raise _missing(plan, problems, "Everything else is here." if not only_list else "Nothing was fetched.")
    if not wanted:
        echo(f"{plan.source} names nothing of the hub.")
    elif not only_list:
        echo(f"All of it is in {_cache()}. On a node without a network set HF_HOME to this folder or a copy, and HF_HUB_OFFLINE=1.")


def _size(need: Need, problems: list[str]) -> int | None:
    """Bytes to fetch; None, and a problem more, where the hub does not have it in a form that is loaded."""
    try:
        sizes = files(need)
    except Exception as error:
        problems.append(_remedy(need, error))
        return None
    if need.kind == "model" and not any(name.endswith(".safetensors") for name in sizes):
        problems.append(
            f"{need} has no *.safetensors, and other weights would run code when loaded: convert it once with save_pretrained "
            "and name the folder as base"
        )
        return None
    return sum(sizes.values())


def _remedy(need: Need, error: Exception) -> str:
    text, kind = " ".join(str(error).split())[:300], type(error).__name__
    if kind == "GatedRepoError":
        return f"{need} asks for permission: accept its terms on its page of the hub, and set HF_TOKEN"
    if kind == "RepositoryNotFoundError":
        return f"{need} is not on the hub, or private: correct the name in {', '.join(need.steps)}, or set HF_TOKEN"
    return f"{need} could not be fetched ({kind}: {text}); run this again"


def _missing(plan: Plan, problems: list[str], end: str) -> Missing:
    listed = "".join(f"\n  - {problem}" for problem in problems)
    return Missing(f"{plan.source} needs {len(problems)} thing{'s' * (len(problems) > 1)} that could not be had:{listed}\n{end}")


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HOME)
