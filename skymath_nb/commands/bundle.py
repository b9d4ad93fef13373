"""Bundles: the complete steps of a run as one .tar.gz, for whoever cannot make them.

A bundle is a run folder: `params.yaml`, `run.json`, and of each complete step its manifest, its
outputs and its executed notebook. `take` unpacks it beside the runs, checks it whole, and lets
`manifests.take` put its steps in place. What was taken is marked as others' work, in its manifests
and in `params.yaml`. Executed notebooks are pages with scripts: take bundles from people whose
notebooks you would open.
"""

import json
import shutil
import tarfile
import tempfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from ..core import digests, disk, locks, manifests, paths
from ..runner import folders, params, report, trust
from ..runner.params import nearest

LOGS = ("notebook.ipynb", "notebook.html")
OWN = ("params.yaml", "run.json")
DRAFT = ".taking-"
DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError)  # what a bad archive raises
WRONG = (ValueError, LookupError, TypeError, AttributeError)  # what odd contents raise


class BundleError(ValueError):
    """A bundle cannot be made or taken; the message says why and what to do.

    Nothing was changed.
    """


def make(run: str | Path, file: str | Path, until: str = "", echo=print) -> Path:
    """Pack the complete steps of a run into a file, which appears when it is complete.

    Args:
        run: A run's name or folder.
        file: Where to write the bundle.
        until: The last step to pack; without it all.
        echo: Takes each line of what is reported.

    Raises:
        FileNotFoundError: There is no such run.
        BundleError: A step is not complete or not as its manifest says, or `params.yaml` is
            missing.
        locks.Busy: A process runs it.
    """
    folder, file = folders.find(run), Path(file).expanduser()
    if file.is_dir() or not file.parent.is_dir():
        raise BundleError(f"{file} is a folder, or in no folder. Name a file for the bundle.")
    steps = list(_frozen(folder)["steps"])
    wanted = steps[: _place(until, steps, "--until") + 1] if until else steps
    with locks.claim(folder):
        complete = _manifests(folder, wanted)
        if missing := [step for step in wanted if step not in complete]:
            before = wanted[: wanted.index(missing[0])]
            other = f", or pack what comes before with --until {before[-1]}" if before else ""
            names = ", ".join(missing)
            raise BundleError(f"{folder.name} is not complete: {names}. Run it first{other}.")
        if differing := folders.check(folder, complete, outside=False).differing:
            what = "; ".join(differing)
            raise BundleError(f"{folder.name} is not as its manifests say: {what}. Run it again.")
        with disk.whole(file) as draft, tarfile.open(draft, "w:gz", compresslevel=6) as bundle:
            for name in _known(folder, complete):
                if (folder / name).is_file():
                    bundle.add(folder / name, name, recursive=False)
    outside = {use["path"] for manifest in complete.values() for use in manifest["uses"].values()}
    for place in sorted(outside):
        if place.startswith("$") or Path(place).is_absolute():
            echo(f"not in it, and needed by its steps where it is taken: {place}")
    echo(f"{file} holds {len(wanted)} of the {len(steps)} steps of {folder.name}")
    echo(f"There: python -m skymath_nb bundle take {file.name}")
    return file


def take(file: str | Path, before: str = "", run: str = "", echo=print) -> Path:
    """Make the steps of a bundle complete in a run's folder, and return that folder.

    A step that is complete there is kept. Everything is checked before anything is put in place.

    Args:
        file: What `make` wrote.
        before: Take only the steps before this one, in the order of the bundle's run.
        run: The run to take them into, else the bundle's own name.
        echo: Takes each line of what is reported.

    Raises:
        BundleError: The file is no bundle or a damaged one, or does not go with the kept steps.
        FileNotFoundError: There is no such file.
        locks.Busy: A process runs that run.
    """
    file = Path(file).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}; bundle make RUN FILE writes one.")
    with _draft() as draft:
        try:
            _unpack(file, draft / "run")
            frozen = _frozen(draft / "run")
            complete = _checked(draft / "run", frozen, file.name)
        except (*DAMAGED, *WRONG) as error:
            what = f"{file} is no bundle, or a damaged one ({error})"
            raise BundleError(f"{what}. Nothing was taken; copy or make it again.") from error
        order = list(frozen["steps"])
        wanted = order[: _place(before, order, "--before")] if before else list(complete)
        lacking = ", ".join(step for step in wanted if step not in complete)
        if lacking or not wanted:
            needs = f"needs {lacking}, which {file} lacks" if lacking else "leaves nothing to take"
            raise BundleError(f"--before {before} {needs}; it has {', '.join(complete)}.")
        source = (draft / "run").rename(draft / frozen["run"])
        folder = paths.runs_folder() / paths.check_name("run's name", run or frozen["run"])
        _put(source, folder, frozen | {manifests.FOREIGN: file.name}, wanted, echo)
    return folder


def _put(source: Path, folder: Path, frozen: dict, wanted: list[str], echo) -> None:
    """Put the wanted steps of a checked run in place where none is complete yet."""
    fresh = not folder.exists()
    try:
        with locks.claim(folder):
            kept = _manifests(folder, frozen["steps"])
            kept = {step: found for step, found in kept.items() if _is_whole(folder / step, found)}
            taken = _manifests(source, [step for step in wanted if step not in kept])
            if clashes := _clashes(source, taken, folder, kept):
                raise BundleError(
                    f"{folder.name} has complete steps that do not go with the bundle: {clashes}. "
                    f"Nothing was taken. Take all into a fresh run: --run {folder.name}-taken"
                )
            for step, manifest in taken.items():
                (folder / step).mkdir(parents=True, exist_ok=True)
                if not manifests.take(source / step, folder / step, manifest):
                    raise BundleError(f"{step} changed while it was taken. Take it again.")
            if not (folder / "params.yaml").is_file():
                marked = {"run": folder.name, manifests.FOREIGN: frozen[manifests.FOREIGN]}
                marked["steps"] = frozen["steps"]
                text = yaml.safe_dump(marked, sort_keys=False, allow_unicode=True)
                disk.save(folder / "params.yaml", text)
            if not (folder / "run.json").is_file() and (source / "run.json").is_file():
                shutil.copyfile(source / "run.json", folder / "run.json")
            steps = _frozen(folder)["steps"]
            report.index(folder, "params.yaml", steps, {})
    except BaseException:
        if fresh and not folders.is_run(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    echo(f"taken into {folder}: {', '.join(taken) or 'nothing'}")
    if kept:
        echo(f"kept, complete before: {', '.join(kept)}")
    for line in trust.named(steps):
        echo(f"from others, in {folder / 'params.yaml'}: {line}")
    missing = [step for step in frozen["steps"] if step not in kept and step not in taken]
    if not missing:
        echo(f"All steps are complete: python -m skymath_nb verify {folder.name}")
        return
    name, _, label = missing[0].partition("@")
    labelled = f' and label = "{label}"' if label else ""
    echo(f'Now open notebooks/{name}.ipynb with run = "{folder.name}"{labelled}, or go on with:')
    for command in ("status", "open", "run"):
        echo(f"python -m skymath_nb {command} {folder / 'params.yaml'}")


def _frozen(folder: Path) -> dict:
    """A run's frozen parameters: `run` and `steps`, in order, every name a plain one."""
    path = folder / "params.yaml"
    if not path.is_file():
        raise BundleError(f"{folder} has no params.yaml. Run it once with the runner.")
    frozen = params.read(path)
    steps = frozen.get("steps")
    good = isinstance(steps, dict) and all(isinstance(own, dict) for own in steps.values())
    if not good or not steps:
        raise BundleError(f"{path} is not what a run freezes (`run:` and `steps:`). Run it once.")
    paths.check_name("run's name", frozen.get("run"))
    for step in steps:
        paths.check_step(step if isinstance(step, str) else "")
    return frozen


def _place(step: str, steps: list[str], option: str) -> int:
    if step not in steps:
        there = f"{nearest(step, steps)}; there are {', '.join(steps)}"
        raise BundleError(f"{option} {step}: the run has no such step{there}.")
    return steps.index(step)


def _manifests(folder: Path, steps) -> dict[str, dict]:
    """The manifests of the steps that are complete."""
    found = {step: manifests.read(folder / step) for step in steps}
    return {step: manifest for step, manifest in found.items() if manifest}


def _known(folder: Path, complete: dict[str, dict]) -> list[str]:
    """The files of a run that its manifests know, by relative name."""
    names = list(OWN)
    for step, manifest in complete.items():
        for name in (*manifest["outputs"], *LOGS, "manifest.json"):
            path = paths.within(folder / step, name)
            below = [f"/{file}" for file in disk.files_of(path)] if path.is_dir() else [""]
            names += [f"{step}/{name}{file}" for file in below]
    return names


@contextmanager
def _draft():
    """A folder to unpack into, beside the runs; what a killed process left is removed before."""
    paths.runs_folder().mkdir(parents=True, exist_ok=True)
    for left in paths.runs_folder().glob(f"{DRAFT}*"):
        with suppress(locks.Busy), locks.claim(left):
            shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(dir=paths.runs_folder(), prefix=DRAFT))
    try:
        with locks.claim(draft):
            yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _unpack(file: Path, folder: Path) -> None:
    """Unpack regular files with plain names, as many and as large as there is room for.

    Raises:
        BundleError: The archive holds anything else.
    """
    folder.mkdir()
    names, room = set(), shutil.disk_usage(folder).free - disk.MIN_FREE_BYTES
    with tarfile.open(file, "r:gz") as bundle:
        for entry in bundle:
            if entry.isdir():
                continue
            name = paths.relative(entry.name).casefold()
            if not entry.isreg() or entry.issparse():
                raise BundleError(f"{name!r} is a link, a device or another special file")
            if len(names) == disk.MOST_FILES or name in names:
                raise BundleError(f"{name!r} is there twice, or is one of too many files")
            if (room := room - entry.size) < 0:
                free = shutil.disk_usage(folder).free - disk.MIN_FREE_BYTES
                raise BundleError(f"it unpacks to over {free / 1e6:,.0f} MB; free some space")
            names.add(name)
            entry.mode = 0o644
            bundle.extract(entry, folder, filter="data")


def _checked(folder: Path, frozen: dict, name: str) -> dict[str, dict]:
    """The manifests of an unpacked run, marked as others'.

    Raises:
        ValueError: A file is not as one of the manifests says, or none knows it.
    """
    complete = _manifests(folder, frozen["steps"])
    if not complete:
        raise BundleError("no step in it is complete")
    if stray := sorted(set(disk.files_of(folder)) - set(_known(folder, complete))):
        raise BundleError(f"it has files that no manifest knows: {', '.join(stray[:3])}")
    earlier = set()
    for step, manifest in complete.items():
        sources = {file.partition("/")[0] for file in manifest["inputs"]}
        if manifest["step"] != step or not sources <= earlier:
            raise BundleError(f"the manifest of {step} is another's, or reads a step not before it")
        earlier.add(step)
    if differing := folders.check(folder, complete, outside=False).differing:
        raise BundleError(f"it is not as its manifests say: {'; '.join(differing)}")
    for step, manifest in complete.items():
        manifest[manifests.FOREIGN] = name
        text = json.dumps(manifest, indent=1, ensure_ascii=False)
        disk.save(folder / step / "manifest.json", text)
    report.index(folder, "params.yaml", frozen["steps"], {})  # reads all texts that it holds
    manifests.read_about(folder)
    return complete


def _is_whole(folder: Path, manifest: dict) -> bool:
    """Whether a step's outputs have their sizes, as the runner looks at it."""
    outputs = manifest["outputs"].items()
    sizes = {paths.within(folder, name): record["bytes"] for name, record in outputs}
    return all(path.exists() and disk.size_of(path) == size for path, size in sizes.items())


def _clashes(source: Path, taken: dict, folder: Path, kept: dict) -> str:
    """Where a taken step was made with another file than a kept step holds, or the reverse."""
    clashes = []
    for step, manifest in (taken | kept).items():
        others, place = (taken, source) if step in kept else (kept, folder)
        for name, digest in manifest["inputs"].items():
            if name.partition("/")[0] in others:
                path = folders.input_of(place, name)
                if not path.exists() or digests.of_file(path) != digest:
                    owner = "your " if step in kept else ""
                    clashes.append(f"{owner}{step} was made with another {name}")
    return "; ".join(clashes)
