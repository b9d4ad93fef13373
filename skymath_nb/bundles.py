"""Bundles: the complete steps of a run as one .tar.gz, so that whoever failed at a step opens the next one with good inputs.

A bundle is a run folder: `params.yaml`, `run.json`, and of each complete step its manifest, its outputs and its executed notebook. `take`
unpacks it beside the runs, checks it whole, and lets `runs.take` put its steps in place. What was taken is marked as others' work, in
its manifests and in `params.yaml`. The executed notebooks are pages that may run scripts: take bundles from people whose notebooks you
would open.
"""

import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import yaml

from skymath_nb import folders, pages, plans, runs, trust
from skymath_nb.plans import nearest

LOGS = ("notebook.ipynb", "notebook.html")
OWN = ("params.yaml", "run.json")
DRAFT = ".taking-"


class BundleError(ValueError):
    """A bundle cannot be made or taken; the message says what was found and what to do. Nothing was changed."""


# --- making ----------------------------------------------------------------------------------------------


def make(run: str | Path, file: str | Path, until: str = "", echo: Callable[[str], None] = print) -> Path:
    """Pack the complete steps of a run, up to and with `until`, and return the file, which appears when it is complete.

    Raises:  FileNotFoundError if there is no such run; BundleError for a step that is not complete or not as its manifest says, and
             for a run without its frozen parameters; runs.Busy while a process runs it.
    """
    folder, file = folders.find(run), Path(file).expanduser()
    if file.is_dir() or not file.parent.is_dir():
        raise BundleError(f"A bundle was to be written to {file}, which is {'a folder' if file.is_dir() else 'in no folder'}. Name a file.")
    steps = list(_frozen(folder)["steps"])
    if until and until not in steps:
        raise BundleError(f"--until {until}: {folder.name} has no such step{nearest(until, steps)}; it has {', '.join(steps)}.")
    wanted = steps[: steps.index(until) + 1] if until else steps
    draft = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with runs.claim(folder):
        complete = {step: manifest for step in wanted if (manifest := runs.read_manifest(folder / step))}
        if missing := [step for step in wanted if step not in complete]:
            before = wanted[: wanted.index(missing[0])]
            other = f", or pack what comes before with --until {before[-1]}" if before else ""
            raise BundleError(f"{folder.name} is not complete: {', '.join(missing)}. Run it first{other}.")
        if differing := folders.check(folder, complete, outside=False).differing:
            raise BundleError(f"{folder.name} is not as its manifests say: {'; '.join(differing)}. Run it again, and it is mended.")
        try:
            with tarfile.open(draft, "w:gz", compresslevel=6) as bundle:
                for name in [*OWN, *(f"{step}/{name}" for step in wanted for name in _files(folder / step, complete[step]))]:
                    if (folder / name).is_file():
                        bundle.add(folder / name, name, recursive=False)
            os.replace(draft, file)
        finally:
            draft.unlink(missing_ok=True)
    uses = {label: use["path"] for manifest in complete.values() for label, use in manifest["uses"].items()}
    for label, place in uses.items():
        if place.startswith("$") or Path(place).is_absolute():
            echo(f"not in it, and needed by its steps where it is taken: {label} ({place})")
    size = file.stat().st_size / 1e6
    echo(f"{file} holds {len(wanted)} of the {len(steps)} steps of {folder.name} ({', '.join(wanted)}), {size:,.1f} MB")
    echo(f"There: python -m skymath_nb bundle take {file.name}")
    return file


def _frozen(folder: Path) -> dict:
    """A run's frozen parameters: `run` and `steps`, in order, every name a plain one."""
    path = folder / "params.yaml"
    if not path.is_file():
        raise BundleError(f"{folder} has no params.yaml, which says the order of its steps. Run it once: python -m skymath_nb run PARAMS")
    frozen = plans.read(path)
    run, steps = frozen.get("run"), frozen.get("steps")
    if not isinstance(steps, dict) or not steps or not all(isinstance(own, dict) for own in steps.values()):
        raise BundleError(f"{path} is not what a run freezes (`run:` and `steps:`). Run it once, and it is written anew.")
    runs.check_name("run's name", run)
    for step in steps:
        runs.check_step(step if isinstance(step, str) else "")
    return frozen


def _files(folder: Path, manifest: dict) -> list[str]:
    """The files of a complete step by relative name, the manifest last."""
    names = []
    for name in [*manifest["outputs"], *LOGS]:
        path = runs.within(folder, name)
        names += [f"{name}/{inner}" for inner in runs.files_of(path)] if path.is_dir() else [name]
    return [*names, "manifest.json"]


# --- taking ----------------------------------------------------------------------------------------------


def take(file: str | Path, before: str = "", run: str = "", echo: Callable[[str], None] = print) -> Path:
    """Make the steps of a bundle complete in a run's folder, and return that folder.

    before   only the steps before this one, in the order of the bundle's run
    run      the run to take them into, else the bundle's own name
    A step that is complete there is kept. The bundle is unpacked into a fresh folder and checked whole before anything is put in place.
    Raises:  BundleError for a file that is no bundle, or not a sound one, and where kept steps are not what the others were made with;
             FileNotFoundError if there is no such file; runs.Busy while a process runs that run.
    """
    file = Path(file).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}; `python -m skymath_nb bundle make RUN FILE` writes one.")
    runs.root().mkdir(parents=True, exist_ok=True)
    for left in runs.root().glob(f"{DRAFT}*"):  # of a process that was killed
        with suppress(runs.Busy), runs.claim(left):
            shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(dir=runs.root(), prefix=DRAFT))
    try:
        with runs.claim(draft):
            try:
                _unpack(file, draft / "run")
                frozen = _frozen(draft / "run")
                manifests = _checked(draft / "run", list(frozen["steps"]), file.name)
                pages.index(draft / "run", "params.yaml", frozen["steps"], {})  # reads all that it holds of texts
            except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
                raise BundleError(f"{file} is no bundle, or a damaged one ({error}). Nothing was taken; copy or make it again.") from error
            return _place(draft / "run", frozen, manifests, file, before, run, echo)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _unpack(file: Path, folder: Path) -> None:
    """Unpack regular files alone, with plain names, as many and as large as there is room for. Raises:  BundleError for anything else."""
    folder.mkdir()
    names, size, room = set(), 0, shutil.disk_usage(folder).free - runs.MIN_FREE_BYTES
    with tarfile.open(file, "r:gz") as bundle:
        for entry in bundle:
            if entry.isdir():
                continue
            runs.relative(entry.name)
            if not entry.isreg() or entry.issparse():
                raise BundleError(f"{entry.name!r} is a link, a device or another special file; do not trust it")
            size += entry.size
            if size > room:
                raise BundleError(
                    f"it unpacks to over {room / 1e6:,.0f} MB, more than {folder.parent.parent} has room for; free some space"
                )
            if len(names) == runs.MOST_FILES or entry.name.casefold() in names:
                raise BundleError(f"{entry.name!r} is there twice, or is one of too many files")
            names.add(entry.name.casefold())
            entry.mode = 0o644
            bundle.extract(entry, folder, filter="data")


def _checked(folder: Path, order: list[str], name: str) -> dict[str, dict]:
    """The manifests of an unpacked run, marked as others'. Raises ValueError for a file that is not as one of them says."""
    manifests = {step: found for step in order if (found := runs.read_manifest(folder / step))}
    if not manifests:
        raise BundleError("no step in it is complete")
    known = {*OWN, *(f"{step}/{file}" for step, manifest in manifests.items() for file in _files(folder / step, manifest))}
    if stray := sorted(set(runs.files_of(folder)) - known):
        raise BundleError(f"it has files that no manifest knows: {', '.join(stray[:3])}")
    for step, manifest in manifests.items():
        sources = {file.partition("/")[0] for file in manifest["inputs"]}
        earlier = set(list(manifests)[: list(manifests).index(step)])
        if manifest["step"] != step or not sources <= earlier:
            raise BundleError(f"the manifest of {step} is another's, or reads {', '.join(sorted(sources - earlier))}, not before it")
    if differing := folders.check(folder, manifests, outside=False).differing:
        raise BundleError(f"it is not as its manifests say: {'; '.join(differing)}")
    for step, manifest in manifests.items():
        manifest[runs.FOREIGN] = name
        runs.save(folder / step / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
    if (folder / "run.json").is_file():
        runs.read_about(folder)
    return manifests


def _place(source: Path, frozen: dict, manifests: dict[str, dict], file: Path, before: str, run: str, echo) -> Path:
    """Put the steps of a checked bundle in place, where none is complete yet."""
    order = list(frozen["steps"])
    if before and before not in order:
        raise BundleError(f"--before {before}: the bundle's run has no such step{nearest(before, order)}; it has {', '.join(order)}.")
    wanted = order[: order.index(before)] if before else list(manifests)
    if lacking := [step for step in wanted if step not in manifests]:
        raise BundleError(f"--before {before} needs {', '.join(lacking)}, which {file} lacks; it has {', '.join(manifests)}.")
    if not wanted:
        raise BundleError(f"--before {before}: no step comes before it, so there is nothing to take.")
    name = runs.check_name("run's name", run or frozen["run"])
    folder = runs.root() / name
    fresh = not folder.exists()
    source = source.rename(source.with_name(frozen["run"]))
    try:
        with runs.claim(folder):
            kept = {
                step: manifest for step in order if (manifest := runs.read_manifest(folder / step)) and _is_whole(folder / step, manifest)
            }
            taken = {step: manifests[step] for step in wanted if step not in kept}
            _agree(folder, kept, taken, f"{name}-taken")
            for step, manifest in taken.items():
                (folder / step).mkdir(parents=True, exist_ok=True)
                if not runs.take(source / step, folder / step, manifest):
                    raise BundleError(f"{step} changed while it was taken. Take it again.")
            if not (folder / "params.yaml").is_file():
                marked = {"run": name, runs.FOREIGN: file.name, "steps": frozen["steps"]}
                runs.save(folder / "params.yaml", yaml.safe_dump(marked, sort_keys=False, allow_unicode=True))
            if not (folder / "run.json").is_file() and (source / "run.json").is_file():
                runs.save(folder / "run.json", (source / "run.json").read_text(encoding="utf-8"))
            pages.index(folder, "params.yaml", _frozen(folder)["steps"], {})
    except BaseException:
        if fresh and not folders.is_run(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    _tell(folder, order, taken, kept, echo)
    return folder


def _is_whole(folder: Path, manifest: dict) -> bool:
    """Whether a step's outputs have their sizes, as the runner looks at it."""
    outputs = {runs.within(folder, name): record["bytes"] for name, record in manifest["outputs"].items()}
    return all(path.exists() and runs.size_of(path) == size for path, size in outputs.items())


def _agree(folder: Path, kept: dict[str, dict], taken: dict[str, dict], other: str) -> None:
    """Raise BundleError where a taken step reads something else than what a kept step holds, or a kept one than a taken one."""
    clash = []
    for step, manifest in taken.items():
        for name, digest in manifest["inputs"].items():
            path = folders.input_of(folder, name)
            if name.partition("/")[0] in kept and (not path.exists() or runs.digest_file(path) != digest):
                clash.append(f"{step} was made with another {name}")
    for step, manifest in kept.items():
        for name, digest in manifest["inputs"].items():
            source, _, file = name.partition("/")
            if source in taken and taken[source]["outputs"].get(file, {}).get("sha256", digest) != digest:
                clash.append(f"your {step} was made with another {name}")
    if clash:
        raise BundleError(
            f"{folder.name} has complete steps that do not go with the bundle: {'; '.join(clash)}. Nothing was taken. "
            f"Take everything into a fresh run: --run {other}"
        )


def _tell(folder: Path, order: list[str], taken: dict[str, dict], kept: dict[str, dict], echo) -> None:
    echo(f"taken into {folder}: {', '.join(taken) or 'nothing'}")
    if kept:
        echo(f"kept, complete before: {', '.join(kept)}")
    if other := [step for step, manifest in taken.items() if not _same_code(step, manifest)]:
        echo(f"made by other code than this clone's, and to the runner stale (--keep-stale keeps them): {', '.join(other)}")
    for line in trust.named(_frozen(folder)["steps"]):
        echo(f"from others, in {folder / 'params.yaml'}: {line}")
    missing = [step for step in order if step not in taken and step not in kept]
    if not missing:
        echo(f"All steps are complete: python -m skymath_nb verify {folder.name}")
        return
    name, _, label = missing[0].partition("@")
    values = f'run = "{folder.name}"' + (f' and label = "{label}"' if label else "")
    echo(f"Now open notebooks/{name}.ipynb with {values}; what else to set, `open` below writes into copies. Or go on with the whole run:")
    for command in ("open", "run"):
        echo(f"python -m skymath_nb {command} {folder / 'params.yaml'}")


def _same_code(step: str, manifest: dict) -> bool:
    try:
        return runs.code_digests(step.partition("@")[0]) == manifest["code"]
    except FileNotFoundError:  # a notebook of its author's own
        return False
