"""Base models: the packaged tiny ones beside this file, model folders, and hub ids.

Where they lie and what is loaded of them.
"""

import difflib
import os
import re
from pathlib import Path

from ...core import digests, paths

BASES = Path(__file__).parent
HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")


def base_path(base: str | os.PathLike) -> str:
    """Resolve a packaged base, a model folder or a hub id to what `from_pretrained` takes.

    Raises:
        FileNotFoundError: That lists the packaged bases and says where the name was looked for, or
            that the folder has no safetensors weights.
    """
    if found := local_folder(base):
        _require_weights(found)
        return str(found)
    name = str(base)
    packaged = sorted(p.parent.name for p in BASES.glob("*/config.json"))
    folder = paths.locate(base)
    reason = "a hub id is written owner/name, so the hub was not asked"
    if HUB_ID.fullmatch(name) and not folder.exists():
        from transformers.utils import cached_file

        try:
            cached_file(name, "config.json")
            return name
        except OSError as error:
            reason = f"the model hub did not give its config.json ({str(error).splitlines()[0]})"
    near = difflib.get_close_matches(name, packaged, n=1)
    raise FileNotFoundError(
        f"The base {name!r} was asked for, but no packaged base has that name (there are: "
        f"{', '.join(packaged) or 'none'}), there is no config.json in {folder}, and {reason}. "
        + (f"Did you mean {near[0]!r}? " if near else "")
        + "Give a packaged name, a folder with config.json, weights and tokenizer, or a hub id."
    )


def local_folder(base: str | os.PathLike) -> Path | None:
    """The folder of a packaged base or of a model that lies here, None for any other name."""
    places = (BASES / str(base), paths.locate(base))
    return next((folder.resolve() for folder in places if (folder / "config.json").is_file()), None)


def _require_weights(folder: Path) -> None:
    if not any(folder.glob("*.safetensors")):
        others = sorted(
            p.name for p in folder.iterdir() if p.suffix in (".bin", ".pt", ".pth", ".gguf")
        )
        raise FileNotFoundError(
            f"The base in {folder} has a config.json but no weights: no *.safetensors there"
            + (f", only {', '.join(others)}, which would run code when loaded" if others else "")
            + ". Finish its download, or convert it once with save_pretrained, which writes "
            "safetensors."
        )


def local_files(base: str | os.PathLike) -> list[Path]:
    """List a local base's files that decide what is loaded.

    None for a hub id, whose commit is its identity.
    """
    source = Path(base_path(base))
    return digests.model_files(source) if source.is_dir() else []


def base_digest(base: str | os.PathLike) -> str:
    """Return a digest of what is loaded of a base.

    Configuration, weights, tokenizer; for a hub id name and commit.
    """
    return digests.of_model(base_path(base))
