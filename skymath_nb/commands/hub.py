"""The Hugging Face hub: which models and data sets a plan names, and which of them are here.

Weights are safetensors only, and no code of a repository is run. What is fetched goes into the
hub's own cache (HF_HOME), where training, generation and `seeds` find it without a network.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from .. import world
from ..core import digests, disk
from ..data import seeds
from ..data.hub import parts, unreachable
from ..inference.client import is_loopback
from ..runner.params import Plan
from ..training import bases

MODEL_FILES = {
    "allow_patterns": [f"*{suffix}" for suffix in digests.MODEL_FILES],
    # second copies of weights, for other programs
    "ignore_patterns": ["original/*", "consolidated*", "onnx/*", "openvino/*"],
}
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
REMEDIES = {
    "GatedRepoError": "asks for permission: accept its terms on its page of the hub, set HF_TOKEN",
    "RepositoryNotFoundError": "is not on the hub, or private: correct the name, or set HF_TOKEN",
}


class Missing(RuntimeError):
    """What a plan needs and this machine could not get: every item with its remedy."""


class Need(NamedTuple):
    """A model, or a split of a data set, that is not a file of this machine's own."""

    kind: str  # "model" or "data set"
    id: str  # on the hub
    steps: tuple[str, ...] = ()  # that name it
    name: str = ""  # of a source in `seeds.SOURCES`
    split: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.id}" + (f" ({self.split})" if self.split else "")


def needs(plan: Plan) -> tuple[list[Need], list[str]]:
    """Return a plan's needs in order, and a sentence for each thing that cannot be had anywhere."""
    steps: dict[Need, list[str]] = {}
    problems: dict[str, str] = {}
    for job in plan.jobs:
        for name, split in [*_models(job.parameters), *_data_sets(job.parameters)]:
            try:
                need = _data_set(name, split) if split else _model(name)
            except (ValueError, OSError) as error:
                problems.setdefault(str(error), f"{job.id}: {error}")
                continue
            if need:
                steps.setdefault(need, []).append(job.id)
    return [need._replace(steps=tuple(ids)) for need, ids in steps.items()], list(problems.values())


def _models(parameters: dict) -> Iterator[tuple[str, str]]:
    """Every model that a step's parameters name, each with the split ""."""
    several = parameters.get("bases", ())
    for name in several.values() if isinstance(several, dict) else several:
        yield name, ""
    if parameters.get("base"):
        yield parameters["base"], ""
    embedding = parameters.get("embedding") or "tfidf"
    if embedding != "tfidf":  # a name without owner is read as sentence-transformers reads it
        yield embedding if "/" in embedding else f"sentence-transformers/{embedding}", ""
    host = urlsplit(parameters.get("server", "")).hostname
    teacher = parameters.get("teacher_model", "")
    if host and is_loopback(host) and bases.HUB_ID.fullmatch(teacher):
        yield teacher, ""  # a server of this machine needs its weights here


def _data_sets(parameters: dict) -> Iterator[tuple[str, str]]:
    """(source, split) of every data set that a step's parameters name."""
    for name in parameters.get("sources", ()):
        yield name, "train"
    for name in parameters.get("benchmarks", ()):
        yield name, "test"
    for role, name in parameters.get("roles", {}).items():
        # one file for each number of distractors: the first stands for all
        yield f"{name}-1" if role == "distracted" else name, "test"


def _model(name: str) -> Need | None:
    """The need of a model, None for a folder. Raises:  FileNotFoundError for what is neither."""
    if bases.local_folder(name):
        return None
    if not bases.HUB_ID.fullmatch(name):
        bases.base_path(name)  # raises, and says what was looked for and where
    return Need("model", name)


def _data_set(name: str, split: str) -> Need | None:
    """The need of a data set, None for the world or a file. Raises what `seeds.file` raises."""
    if seeds.REFUSED.search(name):
        raise ValueError(
            f"{name} is refused: AGIEval's math file lies inside the MATH test split. Leave it out."
        )
    if name in world.BENCHMARKS or name == "world" or name.startswith("world-"):
        return None
    source = seeds.SOURCES.get(name)
    if source and source.seeded and split == "train":
        split = source.seeded
    if seeds.file(name, split):
        return None
    if not source:
        return Need("data set", parts(name)["id"], name=name, split=split)
    if not source.hub:
        raise FileNotFoundError(
            f"The {split} split of {name} is needed ({source.whence}): "
            f"set {seeds.DATA} to a folder with {source.files[split]}"
        )
    return Need("data set", source.hub, name=name, split=split)


# --- what is here --------------------------------------------------------------------------------


def here(need: Need) -> bool:
    """Return whether a need is complete in the cache, judged by files alone."""
    return bool(model_folder(need.id)) if need.kind == "model" else _has_data(need)


def model_folder(id: str) -> Path | None:
    """Return a hub model's folder in the cache.

    Returns:
        None unless the configuration, all safetensors and a tokenizer are there.
    """
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(id, "config.json") if bases.HUB_ID.fullmatch(id) else None
    if not isinstance(config, str):
        return None
    folder, weights = Path(config).parent, {"model.safetensors"}
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        weights = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    has_tokenizer = any((folder / file).is_file() for file in TOKENIZERS)
    return folder if has_tokenizer and all((folder / file).is_file() for file in weights) else None


def _has_data(need: Need) -> bool:
    """Whether `datasets` has prepared a split: owner___name/config/*/*/name-split*.arrow."""
    source, own = seeds.SOURCES.get(need.name), parts(need.name)
    configs = source.configs if source else (own.get("config"),)
    split = (
        own.get("split", need.split) if not source else source.hub_split.get(need.split, need.split)
    )
    cache = Path(os.environ.get("HF_DATASETS_CACHE") or _cache() / "datasets")
    owner_name = need.id.replace("/", "___")
    folder = cache / owner_name.lower()
    folder = folder if folder.is_dir() else cache / owner_name
    splits = split.split("+")
    patterns = [f"{c or '*'}/*/*/*-{split}*.arrow" for c in configs for split in splits]
    return all(any(folder.glob(pattern)) for pattern in patterns)


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HOME)


# --- what the hub has ----------------------------------------------------------------------------


def files(need: Need) -> dict[str, int]:
    """Return the bytes of each file on the hub that is wanted; of a data set those of all splits.

    Raises what the hub's client raises.
    """
    from huggingface_hub import snapshot_download

    wanted = MODEL_FILES if need.kind == "model" else {"repo_type": "dataset"}
    listed = snapshot_download(need.id, dry_run=True, **wanted)
    return {file.filename: file.file_size or 0 for file in listed}


def download(need: Need) -> None:
    """Fetch a need into the cache. Raises what the hub's clients raise."""
    from huggingface_hub import snapshot_download

    if need.kind == "model":
        snapshot_download(need.id, **MODEL_FILES)
    else:
        seeds.fetch(need.name, need.split)


def prefetch(plan: Plan, only_list: bool = False, echo: Callable[[str], None] = print) -> None:
    """Fetch what a plan names and this machine lacks; print what is here, missing and fetched.

    Args:
        only_list: Fetch nothing.

    Raises:
        Missing: It lists all that could not be had, with the remedy. The rest was fetched.
    """
    wanted, problems = needs(plan)
    missing = [need for need in wanted if not here(need)]
    for need in wanted:
        if need not in missing:
            echo(f"here     {need}")
    end = "Nothing was fetched." if only_list else "Everything else is here."
    if missing and (reason := unreachable()):
        named = "is not in the cache (named by"
        problems += [f"{need} {named} {', '.join(need.steps)})" for need in missing]
        end = f"{reason}: run this on a machine with a network, and copy {_cache()} here."
    else:
        problems += _fetch(missing, only_list, echo)
    if problems:
        things = f"{len(problems)} thing{'s' * (len(problems) > 1)} that could not be had:"
        raise Missing("\n  - ".join([f"{plan.source} needs {things}", *problems]) + f"\n{end}")
    if not wanted:
        echo(f"{plan.source} names nothing of the hub.")
    elif not only_list:
        echo(
            f"All of it is in {_cache()}. On a node without a network set HF_HOME to this folder "
            "or a copy, and HF_HUB_OFFLINE=1."
        )


def _fetch(missing: list[Need], only_list: bool, echo: Callable[[str], None]) -> list[str]:
    """Fetch all needs, if the disk has room for them. Returns the problems."""
    sizes, problems = {}, []
    for need in missing:
        found = _attempt(files, need, problems)
        if found is None:
            continue
        if need.kind == "model" and not any(name.endswith(".safetensors") for name in found):
            problems.append(
                f"{need} has no *.safetensors, and other weights would run code when loaded: "
                "convert it once with save_pretrained and name the folder as base"
            )
        else:
            sizes[need] = sum(found.values())
            echo(f"missing  {need}, {sizes[need] / 1e9:.2f} GB")
    total, free = sum(sizes.values()), shutil.disk_usage(disk.existing(_cache())).free
    if total > free:
        room = f"but {_cache()} has {free / 1e9:.1f} GB free; set HF_HOME"
        return [*problems, f"{total / 1e9:.1f} GB are to be fetched, {room}"]
    for need in [] if only_list else sizes:
        failed = len(problems)
        _attempt(download, need, problems)
        if len(problems) == failed:
            echo(f"fetched  {need}")
    return problems


def _attempt(action: Callable, need: Need, problems: list[str]):
    """Return what an action on a need gives; where it fails, add a problem with its remedy."""
    try:
        return action(need)
    except Exception as error:  # each of the hub's clients has its own
        # the reason of a dry run that could not be made is its cause
        reason = error
        if type(error).__name__ == "DryRunError" and error.__cause__:
            reason = error.__cause__
        text, kind = " ".join(str(reason).split())[:300], type(reason).__name__
        remedy = REMEDIES.get(kind, f"could not be fetched ({kind}: {text}); run this again")
        problems.append(f"{need}, named by {', '.join(need.steps)}, {remedy}")
