"""Bundles: the complete steps of a run as one file, so that whoever failed at a step opens the next one with good inputs.

A bundle is a zip file: `bundle.json` (the run, its order of steps), `params.yaml`, `run.json`, each step's outputs and executed
notebook, and at the end all manifests. Digests of outputs are checked when it is made and when it is taken; a step becomes complete in
one move. The executed notebooks are pages that may run scripts: take bundles from people whose notebooks you would open.
"""

import json
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import yaml

from skymath_nb import folders, pages, runs
from skymath_nb.plans import nearest

VERSION = 1
LOGS = ("notebook.ipynb", "notebook.html")
OWN = ("bundle.json", "params.yaml", "run.json")
MANY = 100_000  # files; a run has hundreds
TEXT = 50e6  # bytes that are read into memory at once: manifests and parameters
DRAFT = ".taking-"
KINDS = {"parameters": dict, "inputs": dict, "uses": dict, "finished": str, "commit": str, "versions": dict}  # of a manifest


class BundleError(ValueError):
    """A bundle cannot be made or taken; the message says what was found and what to do. Nothing was changed."""


# --- making ----------------------------------------------------------------------------------------------


def make(run: str | Path, file: str | Path, until: str = "", echo: Callable[[str], None] = print) -> Path:
    """Pack the complete steps of a run, up to and with `until`, and return the file, which appears when it is complete.

    Raises:  FileNotFoundError if there is no such run; BundleError for a step that is not complete or not as its manifest says, and for
             a run without its frozen parameters; runs.Busy while a process runs it.
    """
    folder, file = folders.find(run), Path(file).expanduser()
    if file.is_dir() or not file.parent.is_dir():
        raise BundleError(f"A bundle was to be written to {file}, which is {'a folder' if file.is_dir() else 'in no folder'}. Name a file.")
    frozen = _frozen(folder)
    steps = list(frozen["steps"])
    if until and until not in steps:
        raise BundleError(f"--until {until}: {folder.name} has no such step{nearest(until, steps)}; it has {', '.join(steps)}.")
    wanted = steps[: steps.index(until) + 1] if until else steps
    draft = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with runs.claim(folder):
        manifests = _sound(folder, wanted)
        try:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
                about = {"bundle": VERSION, "run": frozen["run"], "steps": wanted, "order": steps}
                bundle.writestr("bundle.json", json.dumps(about, indent=1))
                for name in OWN[1:]:
                    if (folder / name).is_file():
                        bundle.write(folder / name, name)
                for step, manifest in manifests.items():
                    for name, path in _files(folder / step, manifest).items():
                        bundle.write(path, f"{step}/{name}")
                for step in wanted:
                    bundle.write(folder / step / "manifest.json", f"{step}/manifest.json")
            os.replace(draft, file)
        finally:
            draft.unlink(missing_ok=True)
    for label, place in _outside(manifests).items():
        echo(f"not in it, and needed by its steps where it is taken: {label} ({place})")
    echo(
        f"{file} holds {len(wanted)} of the {len(steps)} steps of {folder.name} ({', '.join(wanted)}), {file.stat().st_size / 1e6:,.1f} MB"
    )
    echo(f"There: python -m skymath_nb bundle take {file.name}")
    return file


def _frozen(folder: Path) -> dict:
    path = folder / "params.yaml"
    if not path.is_file():
        raise BundleError(f"{folder} has no params.yaml, which says the order of its steps. Run it once: python -m skymath_nb run PARAMS")
    return _parameters(path.read_text(encoding="utf-8"), path)


def _parameters(text: str, place) -> dict:
    """A run's frozen parameters: `run` and `steps`, in order."""
    try:
        frozen = yaml.safe_load(text)
        if isinstance(frozen["run"], str) and isinstance(frozen["steps"], dict):
            return frozen
    except (yaml.YAMLError, TypeError, KeyError):
        pass
    raise BundleError(f"{place} is not what a run freezes (`run:` and `steps:`). Run it once, and it is written anew.")


def _sound(folder: Path, wanted: list[str]) -> dict[str, dict]:
    """The manifests of these steps. Raises BundleError for steps that are not complete, or not as their manifests say."""
    manifests = {step: runs.read_manifest(folder / step) for step in wanted}
    if missing := [step for step, manifest in manifests.items() if manifest is None]:
        before = wanted[: wanted.index(missing[0])]
        raise BundleError(
            f"{folder.name} is not complete: {', '.join(missing)}. Run it first"
            + (f", or pack what comes before with --until {before[-1]}." if before else ".")
        )
    differing = [line for step, manifest in manifests.items() for line in _differing(folder, step, manifest)]
    if differing:
        raise BundleError(
            f"{folder.name} is not as its manifests say: {'; '.join(differing)}. Run it again, and it is mended: "
            f"python -m skymath_nb run {folder / 'params.yaml'}"
        )
    return manifests


def _differing(folder: Path, step: str, manifest: dict, source: Callable[[str], Path] | None = None) -> list[str]:
    """What of a step's outputs and inputs is not as its manifest says; `source` finds the step folders that it reads from."""
    source = source or folder.joinpath
    wanted = [(f"{step}/{name}", folder / step / name, record["sha256"]) for name, record in manifest["outputs"].items()]
    for name, digest in manifest["inputs"].items():
        other, _, rest = name.partition("/")
        wanted.append((f"{name}, which {step} reads,", source(other) / rest, digest))
    return [
        f"{what} {'differs' if path.exists() else 'is missing'}"
        for what, path, digest in wanted
        if not path.exists() or runs.digest_file(path) != digest
    ]


def _files(folder: Path, manifest: dict) -> dict[str, Path]:
    """The files of a complete step by relative name: its outputs, and its executed notebook."""
    found = {}
    for name in [*manifest["outputs"], *LOGS]:
        path = folder / name
        if path.is_dir():
            found |= {f"{name}/{inner}": file for inner, file in runs.files_of(path).items()}
        elif path.is_file():
            found[name] = path
    return found


def _outside(manifests: dict[str, dict]) -> dict[str, str]:
    """Files that steps use and that do not lie in the repository, by label."""
    uses = {label: use["path"] for manifest in manifests.values() for label, use in manifest["uses"].items()}
    return {label: place for label, place in uses.items() if Path(place).is_absolute() or place.startswith("$")}


# --- taking ----------------------------------------------------------------------------------------------


def take(file: str | Path, before: str = "", run: str = "", echo: Callable[[str], None] = print) -> Path:
    """Make the steps of a bundle complete in a run's folder, and return that folder.

    before   only the steps before this one, in the order of the bundle's run
    run      the run to take them into, else the bundle's own name
    A step that is complete there is kept; what an unfinished attempt left of a step is replaced. All or none: the files are unpacked
    beside the steps, checked against the manifests, and only then moved.
    Raises:  BundleError for a file that is no bundle, or not a sound one, and where kept steps are not what the others were made with;
             FileNotFoundError if there is no such file; runs.Busy while a process runs that run.
    """
    file = Path(file).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}; `python -m skymath_nb bundle make RUN FILE` writes one.")
    try:
        with zipfile.ZipFile(file) as bundle:
            return _take(bundle, file, before, run, echo)
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, EOFError) as error:
        raise BundleError(f"{file} is no bundle, or a damaged one ({error}). Nothing was taken; copy it again.") from error


def _take(bundle: zipfile.ZipFile, file: Path, before: str, run: str, echo) -> Path:
    about, manifests = _read(bundle, file)
    order = about["order"]
    if before and before not in order:
        raise BundleError(f"--before {before}: the bundle's run has no such step{nearest(before, order)}; it has {', '.join(order)}.")
    earlier = order[: order.index(before)] if before else order
    wanted = [step for step in earlier if step in manifests]
    if lacking := [step for step in earlier if before and step not in manifests]:
        raise BundleError(f"--before {before} needs {', '.join(lacking)}, which {file} lacks; it has {', '.join(manifests)}.")
    if not wanted:
        raise BundleError(f"--before {before}: no step comes before it, so there is nothing to take.")
    name = runs.check_name("run's name", run or about["run"])
    folder = runs.root() / name
    fresh = not folder.exists()
    try:
        with runs.claim(folder):
            kept = [step for step in order if _is_whole(folder / step)]
            taken = [step for step in wanted if step not in kept]
            _agree(folder, kept, {step: manifests[step] for step in taken}, f"{about['run']}-taken")
            for left in folder.glob(f"{DRAFT}*"):  # of a process that was killed
                shutil.rmtree(left)
            draft = folder / f"{DRAFT}{os.getpid()}"
            try:
                _unpack(bundle, file, draft, {step: manifests[step] for step in taken})
                _check(folder, draft, {step: manifests[step] for step in taken}, file)
                for step in taken:
                    _move(draft, folder, step, manifests[step], about["run"])
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            _describe(bundle, folder, name)
    except BaseException:
        if fresh and not folders.is_run(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    _tell(folder, order, taken, kept, manifests, before, echo)
    return folder


def _read(bundle: zipfile.ZipFile, file: Path) -> tuple[dict, dict[str, dict]]:
    """What a bundle says of itself, and its manifests by step, after every name in it was looked at.

    Raises:  BundleError for a file that is no bundle, names that lead elsewhere, links, files that no manifest knows.
    """
    entries = [entry for entry in bundle.infolist() if not entry.is_dir()]
    names = {entry.filename for entry in entries}
    if "bundle.json" not in names:
        raise BundleError(f"{file} is a zip file but no bundle (no bundle.json). `python -m skymath_nb bundle make RUN FILE` writes one.")
    if len(entries) > MANY or len({name.casefold() for name in names}) < len(entries):
        raise BundleError(f"{file} has {len(entries):,} files, some of one name or too many for a run. Nothing was taken; make it again.")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        parts = entry.filename.split("/")
        if path.is_absolute() or re.search(r"[\\:\x00-\x1f]", entry.filename) or any(part in ("", ".", "..") for part in parts):
            raise BundleError(
                f"{file} has a file {entry.filename!r}, which leads out of a run's folder. Nothing was taken; do not trust it."
            )
        if stat.S_ISLNK(entry.external_attr >> 16) or entry.flag_bits & 1:
            raise BundleError(f"{file} has {entry.filename!r}, a link or encrypted. Nothing was taken; do not trust it.")
    about = _json(bundle, "bundle.json", file)
    if about.get("bundle") != VERSION:
        raise BundleError(f"{file} is a bundle of version {about.get('bundle')!r}, asked was {VERSION}. Use the release that wrote it.")
    lists = [about.get(key) for key in ("steps", "order")]
    if not all(isinstance(names, list) and names and all(isinstance(name, str) for name in names) for names in lists):
        raise BundleError(f"{file} does not say its steps. Nothing was taken; make it again.")
    for step in {*about["steps"], *about["order"]}:
        notebook, at, label = step.partition("@")
        runs.check_name("step of the bundle", notebook)
        runs.check_name("label of the bundle", label if at else "none")
    frozen = _parameters(_text(bundle, "params.yaml", file), f"params.yaml of {file}")
    if list(frozen["steps"]) != about["order"] or not all(isinstance(own, dict) for own in frozen["steps"].values()):
        raise BundleError(f"params.yaml in {file} names other steps than bundle.json. Nothing was taken; make it again.")
    if "run.json" in names:
        _json(bundle, "run.json", file)
    manifests = {step: _json(bundle, f"{step}/manifest.json", file) for step in about["order"] if step in about["steps"]}
    for step, manifest in manifests.items():
        _check_manifest(step, manifest, list(manifests), file)
    for name in sorted(names - set(OWN)):
        step, _, rest = name.partition("/")
        outputs = manifests.get(step, {}).get("outputs", {})
        if rest not in (*LOGS, "manifest.json") and not any(rest == out or rest.startswith(f"{out}/") for out in outputs):
            raise BundleError(f"{file} has a file {name!r} that no manifest knows. Nothing was taken; do not trust it.")
    return about, manifests


def _check_manifest(step: str, manifest: dict, steps: list[str], file: Path) -> None:
    try:
        outputs = {name: (record["sha256"], record["bytes"]) for name, record in manifest["outputs"].items()}
        sources = {name.partition("/")[0] for name in manifest["inputs"]}
        whole = manifest["step"] == step and isinstance(manifest["code"]["modules"], dict) and isinstance(manifest["seconds"], int | float)
        whole &= all(isinstance(manifest[key], kind) for key, kind in KINDS.items())
        whole &= all(isinstance(use, dict) and {"path", "sha256"} <= set(use) for use in manifest["uses"].values())
        places = [*outputs, *manifest["inputs"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"The manifest of {step} in {file} lacks {error}. Nothing was taken; make it again.") from error
    inside = all(".." not in name.split("/") and not PurePosixPath(name).is_absolute() and "\\" not in name for name in places)
    if not whole or not inside or (unknown := sorted(sources - set(steps[: steps.index(step)]))):
        why = "names places outside its folder" if not inside else f"reads {', '.join(unknown)}, not before it" if whole else "is another's"
        raise BundleError(f"The manifest of {step} in {file} {why}. Nothing was taken; make it again.")


def _json(bundle: zipfile.ZipFile, name: str, file: Path) -> dict:
    text = _text(bundle, name, file)
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BundleError(f"{name} in {file} is damaged ({error}). Nothing was taken; copy or make it again.") from error
    if not isinstance(found, dict):
        raise BundleError(f"{name} in {file} is not what a bundle has there. Nothing was taken; make it again.")
    return found


def _text(bundle: zipfile.ZipFile, name: str, file: Path | str) -> str:
    try:
        entry = bundle.getinfo(name)
    except KeyError:
        raise BundleError(f"{file} has no {name}. Nothing was taken; make it again.") from None
    if entry.file_size > TEXT:
        raise BundleError(f"{name} in {file} has {entry.file_size:,} bytes, too many for what it is. Nothing was taken; do not trust it.")
    return bundle.read(entry).decode("utf-8", errors="replace")


def _is_whole(folder: Path) -> bool:
    """Whether a step is complete and its outputs have their sizes, as the runner looks at it."""
    manifest = runs.read_manifest(folder)
    return manifest is not None and all(
        (folder / name).exists() and runs.size_of(folder / name) == record["bytes"] for name, record in manifest["outputs"].items()
    )


def _agree(folder: Path, kept: list[str], taken: dict[str, dict], other: str) -> None:
    """Raise BundleError where a taken step reads something else than what a kept step holds, or a kept one than a taken one."""
    clash = []
    for step, manifest in taken.items():
        for name, digest in manifest["inputs"].items():
            path = folder / name
            if name.partition("/")[0] in kept and (not path.exists() or runs.digest_file(path) != digest):
                clash.append(f"{step} was made with another {name}")
    for step in kept:
        for name, digest in runs.read_manifest(folder / step)["inputs"].items():
            source, _, rest = name.partition("/")
            if source in taken and taken[source]["outputs"].get(rest, {}).get("sha256", digest) != digest:
                clash.append(f"your {step} was made with another {name}")
    if clash:
        raise BundleError(
            f"{folder.name} has complete steps that do not go with the bundle: {'; '.join(clash)}. Nothing was taken. "
            f"Take everything into a fresh run: --run {other}"
        )


def _unpack(bundle: zipfile.ZipFile, file: Path, draft: Path, taken: dict[str, dict]) -> None:
    """Write the files of steps, all but their manifests, below a draft folder. Raises RuntimeError if the disk is too small."""
    entries = [entry for entry in bundle.infolist() if not entry.is_dir() and entry.filename.partition("/")[0] in taken]
    size, free = sum(entry.file_size for entry in entries), shutil.disk_usage(draft.parent).free
    if size + runs.MIN_FREE_BYTES > free:
        raise RuntimeError(f"{file} unpacks to {size / 1e6:,.0f} MB, but {draft.parent} has {free / 1e6:,.0f} MB free. Free some space.")
    for entry in entries:
        step, _, rest = entry.filename.partition("/")
        if rest == "manifest.json":
            continue
        place = draft / step / rest
        place.parent.mkdir(parents=True, exist_ok=True)
        with bundle.open(entry) as source, place.open("xb") as target:
            shutil.copyfileobj(source, target)


def _check(folder: Path, draft: Path, taken: dict[str, dict], file: Path) -> None:
    """Raise BundleError where an unpacked step is not what its manifest says."""

    def source(step):
        return (draft if step in taken else folder) / step

    found = [line for step, manifest in taken.items() for line in _differing(draft, step, manifest, source)]
    if found:
        raise BundleError(f"{file} is not as its manifests say: {'; '.join(found)}. Nothing was taken; copy or make it again.")


def _move(draft: Path, folder: Path, step: str, manifest: dict, run: str) -> None:
    """Put an unpacked step in its place, and make it complete."""
    place = folder / step
    if place.exists():
        (place / "manifest.json").unlink(missing_ok=True)
        os.replace(place, draft / f"old-{step}")
    (draft / step).mkdir(exist_ok=True)
    os.replace(draft / step, place)
    runs.save(place / "manifest.json", json.dumps(manifest | {"taken_from": f"{run} (a bundle)"}, indent=1, ensure_ascii=False))


def _describe(bundle: zipfile.ZipFile, folder: Path, name: str) -> None:
    """The run's parameters and provenance, where it has none of its own, and its page."""
    if not (folder / "params.yaml").is_file():
        frozen = _parameters(_text(bundle, "params.yaml", "the bundle"), "params.yaml of the bundle")
        runs.save(folder / "params.yaml", yaml.safe_dump(frozen | {"run": name}, sort_keys=False, allow_unicode=True))
    if not (folder / "run.json").is_file() and "run.json" in bundle.namelist():
        runs.save(folder / "run.json", _text(bundle, "run.json", "the bundle"))
    pages.index(folder, "params.yaml", _frozen(folder)["steps"], {})


def _tell(folder: Path, order: list[str], taken: list[str], kept: list[str], manifests: dict, before: str, echo) -> None:
    echo(f"taken into {folder}: {', '.join(taken) or 'nothing'}")
    if kept:
        echo(f"kept, complete before: {', '.join(kept)}")
    other = [step for step in taken if not _same_code(step, manifests[step])]
    if other:
        echo(f"made by other code than this clone's, and to the runner stale (--keep-stale keeps them): {', '.join(other)}")
    lacking = [label for step in taken for label, use in manifests[step]["uses"].items() if not _same_use(use)]
    if lacking:
        echo(f"outside data that is not here, or is another: {', '.join(dict.fromkeys(lacking))}")
    opens = before if before and before not in kept else next((step for step in order if step not in (*taken, *kept)), "")
    if not opens:
        echo(f"All steps are complete: python -m skymath_nb verify {folder.name}")
        return
    name, _, label = opens.partition("@")
    values = f'run = "{folder.name}"' + (f' and label = "{label}"' if label else "")
    echo(f"Now open notebooks/{name}.ipynb with {values}; what else to set, `open` below writes into copies. Or go on with the whole run:")
    for command in ("open", "run"):
        echo(f"python -m skymath_nb {command} {folder / 'params.yaml'}")


def _same_code(step: str, manifest: dict) -> bool:
    try:
        return runs.code_digests(step.partition("@")[0]) == manifest["code"]
    except FileNotFoundError:  # a notebook of its author's own
        return False


def _same_use(use: dict) -> bool:
    place = runs.locate(use["path"])
    return place.exists() and runs.digest_file(place) == use["sha256"]
