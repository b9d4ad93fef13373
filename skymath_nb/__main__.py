"""The command line: python -m skymath_nb run params/tiny.yaml

Exit codes: 0 done, 1 a check found something, 2 bad input, 3 a step failed, 4 a budget is reached,
5 another process is at work on the same run, 6 a comparison does not decide, 130 interrupted, 143
terminated.
"""

import argparse
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

DECIDED, UNDECIDED = {"BETTER": 0, "NO WORSE": 0, "WORSE": 1}, 6  # exit codes of a comparison
COLUMNS = ("response", "gold", "id", "cap_hit")  # of files of responses
# Characters that move a cursor, colour, rename a window or turn the direction of writing; in
# others' ids and texts they are shown.
CONTROLS = {*range(32), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F}
CONTROLS |= {*range(0x2028, 0x202F), *range(0x2066, 0x206A)}
CONTROLS -= {ord("\n"), ord("\t")}
SHOWN = {code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" for code in CONTROLS}


class Terminal:
    """Standard output for what others wrote.

    It shows control characters, and a reader that has gone (`| head`) ends no work.
    """

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(text.translate(SHOWN))
        except BrokenPipeError:
            self._drop()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        """Let the system take what is still written, also what Python flushes when it ends."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def _run(given) -> int:
    from .runner import suite, trust

    plan = suite.load(given.params, given.set)
    if given.dry_run:
        from .commands import forecast

        trust.tell(plan, _say)
        forecast.tell(plan, echo=_say)
        return 0
    checks = _checks(given)
    return suite.run(
        plan, given.from_step, given.keep_stale, echo=_say, servers=given.allow_server, **checks
    )


def _checks(given) -> dict:
    """What `run` and `sweep` ask before they start anything, and before each step.

    Nothing with --anyway.
    """
    if given.anyway:
        return {}
    from .commands import forecast

    return {"check": forecast.check, "check_step": forecast.check_levels}


def _prefetch(given) -> int:
    from .commands import hub
    from .runner import params, trust

    plan = params.load(given.params, given.set)
    trust.tell(plan, _say)
    hub.prefetch(plan, given.list, echo=_say)
    return 0


def _sweep(given) -> int:
    from .runner import sweeps

    sweep = sweeps.load(given.file)
    if given.list:
        _say(sweeps.shown(sweeps.table(sweep)).to_string(index=False))
        return 0
    which = {"point": given.point, "jobs": given.jobs, "keep_stale": given.keep_stale}
    return sweeps.run(sweep, **which, echo=_say, servers=given.allow_server, checks=_checks(given))


def _status(given) -> int:
    from .runner import suite, trust

    plan = suite.load(given.params, given.set)
    trust.tell(plan, _say)
    _say(suite.status(plan).to_string(index=False, na_rep=""))
    return 0


def _teacher(given) -> int:
    from .inference import teacher

    teacher.serve(port=given.port, host=given.host)
    return 0


def _ledger(given) -> int:
    from .data.outputs import guarded
    from .inference import reply_store

    if given.deed == "show":
        import pandas as pd

        _say(pd.DataFrame(reply_store.totals(given.ledger)).to_string(index=False))
    elif given.deed == "export":
        store = [f"{given.ledger}{end}" for end in ("", "-wal", "-shm")]
        with guarded([given.file], store, given.force):
            replies = reply_store.export(given.ledger, given.file)
        _say(f"{replies:,} replies of {given.ledger} are in {given.file}")
    else:
        if given.deed == "merge":
            read, new = reply_store.merge(given.ledger, given.others)
        else:
            read, new = reply_store.add(given.ledger, given.file)
        _say(f"{read:,} replies read, {new:,} of them new in {given.ledger}")
    return 0


def _base(given) -> int:
    from .training import pretraining

    _say(pretraining.remake(given.params, given.out, given.force))
    return 0


def _store(given) -> int:
    from .core import manifests, paths
    from .experiments import results
    from .runner import params, suite

    name = paths.check_name("run's name", given.run)
    plan = suite.load(paths.home() / "params" / f"{name}.yaml")
    job = next((job for job in plan.jobs if job.id == given.step), None)
    manifest = job and manifests.read(plan.folder / job.id)
    if job is None or manifest and (differs := suite.changes(manifest, job)):
        why = "is no step of that file"
        if job:
            why = f"was run with other parameters: {'; '.join(differs)}"
        raise params.ParamsError(
            f"params/{given.run}.yaml is to make the stored result again, but {given.step} {why}."
        )
    _say(f"{results.store(given.run, given.step)} holds the tables of {given.step}")
    return 0


def _grade(given) -> int:
    from .commands import grade as scorecards

    named = {role: getattr(given, role) for role in COLUMNS}
    named |= {"by": given.by, "out": given.out, "workers": given.workers, "force": given.force}
    named |= {"skip_last": given.skip_last, "second": given.second_opinion}
    scorecards.grade(given.file, listed=given.list, echo=_say, **named)
    return 0


def _compare(given) -> int:
    named = {role: getattr(given, role) for role in COLUMNS}
    files = [name for name in given.what if Path(name).is_file()]
    if not files:
        from .data.outputs import guarded
        from .runner import comparison, folders

        if given.json or given.margin is not None:
            raise ValueError(
                "--margin and --json are for two files of responses, as "
                "outputs/RUN/05_evaluation/answers.parquet."
            )
        if any(named.values()):
            raise ValueError(
                "Columns are named for files of responses; runs have answers.parquet, whose "
                "columns are known."
            )
        outputs, runs = [given.out] if given.out else [], map(folders.find, given.what)
        with guarded(outputs, runs, given.force):
            comparison.compare(given.what, given.out, echo=_say)
        return 0
    if len(files) < len(given.what):
        other = next(name for name in given.what if name not in files)
        raise ValueError(
            f"{files[0]} is a file and {other} is none: compare two files of responses, or runs "
            "with runs."
        )
    if len(files) != 2 or given.out:
        raise ValueError(
            f"Two files of responses are compared, and printed; given were {len(files)} "
            f"files{' and --out' * bool(given.out)}."
        )
    from .commands import grade as scorecards

    named |= {"workers": given.workers, "echo": _say}
    if given.margin is None and not given.json:
        scorecards.compare(*files, **named)
        return 0
    found = scorecards.decide(*files, margin=given.margin or 0.0, as_json=given.json, **named)
    return 0 if given.margin is None else DECIDED.get(found.verdict, UNDECIDED)


def _verify(given) -> int:
    from .runner import folders

    return 1 if folders.verify(given.run, echo=_say).differing else 0


def _gate(given) -> int:
    from .commands import files as desk

    options = {"force": given.force, **_paths(given)}
    names = [name.strip() for name in given.against.split(",")]
    counts = desk.gate(given.file, names, given.out, tuple(given.n), echo=_say, **options)
    findings = {"leak"} if given.allow_unchecked else {"leak", "unchecked"}
    return 1 if set(counts["verdict"]) & findings else 0


def _coreset(given) -> int:
    from .commands import files as desk

    options = {"force": given.force, **_paths(given)}
    more = (given.method, given.embedding, given.dimensions, given.seed)
    desk.choose(given.file, given.k, given.out, *more, echo=_say, **options)
    return 0


def _paths(given) -> dict[str, str]:
    return {role: getattr(given, role) for role in ("problem", "response", "id")}


def _bundle(given) -> int:
    from .commands import bundle as bundles
    from .data.outputs import guarded
    from .runner import folders

    if given.deed == "make":
        with guarded([Path(given.file).expanduser()], [folders.find(given.run)], given.force):
            bundles.make(given.run, given.file, given.until, echo=_say)
    else:
        bundles.take(given.file, given.before, given.run, echo=_say)
    return 0


def _doctor(given) -> int:
    from .commands import doctor

    return doctor.report(echo=_say)


def _open(given) -> int:
    from .runner import notebooks, params

    plan = params.load(given.params, given.set)
    notebooks.copy(plan, given.solved, given.again, echo=_say, servers=given.allow_server)
    return 0


def _strip(given) -> int:
    from .runner import notebooks

    changed = notebooks.strip(check=given.check, renew=given.exercises)
    state = "stripped"
    if given.check:
        state = "is not stripped: run python -m skymath_nb strip [--exercises]"
    for path in changed:
        _say(f"{path} {state}")
    return 1 if given.check and changed else 0


def _say(line: str) -> None:
    print(line, flush=True)


def _flag(sub: argparse.ArgumentParser, name: str, text: str) -> None:
    sub.add_argument(name, action="store_true", help=text)


def _option(sub: argparse.ArgumentParser, name: str, metavar: str, text: str, **more) -> None:
    sub.add_argument(name, metavar=metavar, help=text, **more)


def _repeated(sub: argparse.ArgumentParser, name: str, metavar: str, text: str) -> None:
    _option(sub, name, metavar, text, action="append", default=[])


def parser() -> argparse.ArgumentParser:
    """The parser of the command line; `act` of what it returns is the command's function."""
    top = argparse.ArgumentParser(
        prog="python -m skymath_nb", description="SkyMath notebooks, from the command line."
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    def command(name, act, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(act=act)
        return sub

    text = "look at this machine: what is wrong, which params file fits, what it would take"
    command("doctor", _doctor, text)
    _runner_arguments(command)
    text = "serve the offline teacher on loopback (Chat Completions)"
    teacher = command("teacher", _teacher, text)
    teacher.add_argument("--port", type=int, default=8399)
    teacher.add_argument("--host", choices=["127.0.0.1"], default="127.0.0.1", help="loopback only")
    text = "look at, export, import and merge ledgers of replies"
    export = _ledger_arguments(command("ledger", _ledger, text))
    base = command("base", _base, "make the tiny base again from its params file")
    base.add_argument("params")
    _option(base, "--out", "DIR", "where to write it")
    text = "keep the tables of an experiment's step in the package, as its stored result"
    store = command("store", _store, text)
    store.add_argument("run", help="as scaling_tiny")
    store.add_argument("step", help="as 06_scaling_laws")
    text = "score a file of responses and gold answers, lm-evaluation-harness samples too"
    grade = command("grade", _grade, text)
    text = "compare runs, or two files of responses, on the items that both answered"
    compare = command("compare", _compare, text)
    _response_arguments(grade, compare)
    text = "say which rows of anybody's file meet a benchmark, and write their verdicts"
    gate = command("gate", _gate, text)
    choose = command("coreset", _coreset, "choose k diverse problems of anybody's file")
    _problem_arguments(gate, choose)
    text = "pack the complete steps of a run into a file, or take them from one"
    pack = _bundle_arguments(command("bundle", _bundle, text))
    for sub in (gate, choose, grade, compare, export, pack, base):
        _flag(sub, "--force", "overwrite an output that was made from another input")
    strip = command("strip", _strip, "remove outputs and stray metadata from the notebooks")
    _flag(strip, "--exercises", "write the exercises anew from their solutions")
    _flag(strip, "--check", "only list them; exit 1 if there are any")
    return top


def _runner_arguments(command):
    run = command("run", _run, "run the steps of a params file that do not hold yet")
    status = command("status", _status, "say which steps hold and why others do not")
    text = (
        "fetch every model, tokenizer and data set that a params file names, for nodes without a "
    )
    prefetch = command("prefetch", _prefetch, text + "network")
    _flag(prefetch, "--list", "only tell what is here and what it would take")
    text = "write a copy of each notebook with the values of a params file in its parameters cell, "
    opened = command("open", _open, text + "to go on by hand")
    _flag(opened, "--solved", "with the exercises solved")
    _flag(opened, "--again", "write over copies that were changed")
    for sub in (run, status, prefetch, opened):
        sub.add_argument("params", help="for example params/tiny.yaml")
        _repeated(sub, "--set", "STEP.KEY=VALUE", "change a parameter")
    _option(run, "--from", "STEP", "rerun this step and all after it", dest="from_step")
    text = "start nothing: say what it would take, and what this machine lacks"
    _flag(run, "--dry-run", text)
    text = "run a params file at every point of a grid, sharing what is the same"
    sweep = command("sweep", _sweep, text)
    sweep.add_argument("file", help="for example params/sweeps/smoke.yaml")
    _option(sweep, "--jobs", "N", "points side by side (1)", type=int, default=1)
    _option(sweep, "--point", "I", "run this point alone, from 0: for job arrays", type=int)
    _flag(sweep, "--list", "only list the points, and what is known of them")
    for sub in (run, sweep):
        _flag(sub, "--anyway", "start although this machine lacks what a later step needs")
        _flag(sub, "--keep-stale", "keep steps of which only the code changed")
    for sub in (run, sweep, opened):
        text = "let a params file of others ask this server (repeatable)"
        _repeated(sub, "--allow-server", "HOST", text)
    text = "check all files of a run against the digests in its manifests; exit 1 if any differs"
    verify = command("verify", _verify, text)
    verify.add_argument("run", help="a run's name, or its folder, wherever it lies")


def _ledger_arguments(ledger):
    """Add the commands on ledgers; return the one that writes a file."""
    subcommands = ledger.add_subparsers(dest="deed", required=True, metavar="DEED")

    def add(name, text):
        sub = subcommands.add_parser(name, help=text, description=text)
        sub.add_argument("ledger", help="for example outputs/ledger.sqlite")
        return sub

    add("show", "count replies and tokens per model")
    export = add("export", "write all replies to a file of JSON lines (.gz: compressed)")
    export.add_argument("file")
    add("import", "take the replies of an exported file").add_argument("file")
    add("merge", "take the replies of other ledgers").add_argument("others", nargs="+")
    return export


def _response_arguments(grade, compare):
    text = "responses and gold answers: JSON, CSV, Parquet, or what else gate reads"
    grade.add_argument("file", help=text)
    _repeated(grade, "--by", "COLUMN", "score groups, as level or doc.level")
    text = "write the graded rows (.parquet, .jsonl), and beside them the disagreements"
    _option(grade, "--out", "FILE", text)
    _option(grade, "--list", "N", "disagreements to print of each kind (10)", type=int, default=10)
    _flag(grade, "--skip-last", "leave out a last line that broke off while it was written")
    _flag(grade, "--second-opinion", "ask math-verify and inspect_ai, where installed, too")
    text = "runs by name or folder, or two files of responses"
    _option(compare, "what", "RUN|FILE", text, nargs="+")
    _option(compare, "--out", "FILE", "of runs: the page (outputs/compared/A_B.html)")
    text = "decide: A may be so much worse, as 0.02; exit 0 if better or no worse, 1 if worse, 6"
    _option(compare, "--margin", "SHARE", text, type=float)
    _flag(compare, "--json", "of two files: print the decision as one JSON object")
    for sub in (grade, compare):
        for role in COLUMNS:
            text = f"the {role} column, if it is not guessed right"
            _option(sub, f"--{role.replace('_', '-')}", "COLUMN", text, dest=role)
        _option(sub, "--workers", "N", "processes; 0: one per core", type=int, default=0)


def _problem_arguments(gate, choose):
    text = "benchmarks or files of problems, as gsm8k,math"
    _option(gate, "--against", "NAME,...", text, required=True)
    counts = {"nargs": 2, "type": int, "default": [30, 10]}
    _option(gate, "--n", ("LEAK", "NEAR"), "words in a row (30 10)", **counts)
    _flag(gate, "--allow-unchecked", "exit 0 though rows have no readable problem")
    choose.add_argument("-k", type=int, required=True, help="problems to choose")
    text = "of coreset.METHODS: k_center (the default), random, stratified (by level)"
    choose.add_argument("--method", default="k_center", help=text)
    text = "tfidf, or a sentence-transformers model's id or path"
    choose.add_argument("--embedding", default="tfidf", help=text)
    choose.add_argument("--dimensions", type=int, default=64, help="of tfidf")
    choose.add_argument("--seed", type=int, default=0)
    text = "problems or instances: JSON, CSV, Parquet, a saved data set, or "
    for sub in (gate, choose):
        sub.add_argument("file", help=text + "id[@revision][:config][/split]")
        _option(sub, "--out", "FILE", "where to write the table (beside the file)")
        for role in ("problem", "response", "id"):
            column = f"the {role}'s column, as query or messages.0.content"
            _option(sub, f"--{role}", "PATH", column, default="")


def _bundle_arguments(bundle):
    """Add the commands on bundles; return the one that writes a file."""
    subcommands = bundle.add_subparsers(dest="deed", required=True, metavar="DEED")
    text = "pack the complete steps of a run"
    pack = subcommands.add_parser("make", help=text, description=f"{text.capitalize()}.")
    pack.add_argument("run", help="a run's name, or its folder")
    pack.add_argument("file", help="for example class.tar.gz")
    _option(pack, "--until", "STEP", "the last step to pack", default="")
    text = "make steps complete from a bundle"
    unpack = subcommands.add_parser("take", help=text, description=f"{text.capitalize()}.")
    unpack.add_argument("file", help="what bundle make wrote")
    _option(unpack, "--before", "STEP", "take only the steps before this one", default="")
    _option(unpack, "--run", "NAME", "the run to take them into (the bundle's own)", default="")
    return pack


def main(arguments: list[str] | None = None) -> int:
    top = parser()
    given = top.parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        # a terminal without Chinese characters is no reason to stop
        sys.stdout.reconfigure(errors="backslashreplace")
    if "act" not in given:
        top.print_help()
        return 0
    try:
        with redirect_stdout(Terminal(sys.stdout)):
            return given.act(given)
    except ModuleNotFoundError as error:
        what = f"error: {sys.executable} has no package {error.name}; install what is needed: "
        print(f"{what}python -m pip install -c constraints.txt -e '.[dev]'", file=sys.stderr)
        return 2
    except (ValueError, OSError, RuntimeError) as error:
        from .core import disk

        if getattr(error, "errno", None) in disk.FULL:
            return _full(error, given)
        print(f"error: {error}".translate(SHOWN), file=sys.stderr)
        return 5 if type(error).__name__ == "Busy" else 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _full(error: OSError, given) -> int:
    """Say which disk is full, and how much is missing.

    Returns the exit code of a step that failed.
    """
    from .core import disk, paths

    place = error.filename or getattr(given, "out", None) or paths.runs_folder()
    missing = disk.missing_space(Path(place).absolute().parent)
    print(f"error: {error}\n{missing}".translate(SHOWN), file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main())
