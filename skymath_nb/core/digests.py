"""Digests of files, folders and models."""

import hashlib
import json
from pathlib import Path

from . import disk

MODEL_FILES = (".json", ".safetensors", ".model", ".txt", ".jinja")
COMPLETE = "complete.json"  # of a phase of training, in its folder
TRAINING = "training.json"  # of a model folder that was trained here: how, not what


def of_json(value) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def of_file(path: str | Path) -> str:
    """sha256 of a file.

    Of a folder, the digest of its sorted relative names and their digests (`files_of`).

    Raises:
        ValueError: For what is no regular file (a device, a pipe, a socket) and for a folder of too
            many.
        OSError: If it is not there.
    """
    path = Path(path)
    if path.is_dir():
        return of_json([(name, of_file(file)) for name, file in disk.files_of(path).items()])
    with disk.open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_files(folder: str | Path) -> list[Path]:
    """The files of a model folder that decide what is loaded: configuration, weights, tokenizer."""
    return [
        path
        for path in sorted(Path(folder).iterdir())
        if path.suffix in MODEL_FILES and path.name not in (TRAINING, COMPLETE)
    ]


def of_model(model: str | Path) -> str:
    """16 hex digits over what is loaded of a model folder; for a hub id its name and commit.

    Raises:
        OSError: If there is neither such a folder nor such an id on the hub.
    """
    if Path(model).is_dir():
        return of_json([(path.name, of_file(path)) for path in model_files(model)])[:16]
    from transformers.utils import cached_file

    return f"{model}@{Path(cached_file(str(model), 'config.json')).parent.name}"


def name_model(model: str | Path) -> str:
    """A name that tells a model from every other, also from the same folder trained anew.

    Student@7b1d..., owner/name@commit.
    """
    digest = of_model(model)
    return f"{Path(model).resolve().name}@{digest}" if Path(model).is_dir() else digest
