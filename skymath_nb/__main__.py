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
CONTROLS = {
    *range(32),
    *range(0x7F, 0xA0),
    0x61C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
} - {ord("\n"), ord("\t")}
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
    checks = _checks(given)
    return sweeps.run(
        sweep,
        given.point,
        given.jobs,
        given.keep_stale,
        echo=_say,
        servers=given.allow_server,
        checks=checks,
    )


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
        with guarded(
            [given.file], [f"{given.ledger}{end}" for end in ("", "-wal", "-shm")], given.force
        ):
            replies = reply_store.export(given.ledger, given.file)
        _say(f"{replies:,} replies of {given.ledger} are in {given.file}")
    else:
        read, new = (
            reply_store.merge(given.ledger, given.others)
            if given.deed == "merge"
            else reply_store.add(given.ledger, given.file)
        )
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
        why = (
            f"was run with other parameters: {'; '.join(differs)}"
            if job
            else "is no step of that file"
        )
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

    notebooks.copy(
        params.load(given.params, given.set),
        given.solved,
        given.again,
        echo=_say,
        servers=given.allow_server,
    )
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


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m skymath_nb", description="SkyMath notebooks, from the command line."
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    def command(name, act, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(act=act)
        return sub

    command(
        "doctor",
        _doctor,
        "look at this machine: what is wrong, which params file fits, what it would take",
    )
    run = command("run", _run, "run the steps of a params file that do not hold yet")
    status = command("status", _status, "say which steps hold and why others do not")
    prefetch = command(
        "prefetch",
        _prefetch,
        "fetch every model, tokenizer and data set that a params file names, for nodes without a "
        "network",
    )
    prefetch.add_argument(
        "--list", action="store_true", help="only tell what is here and what it would take"
    )
    opened = command(
        "open",
        _open,
        "write a copy of each notebook with the values of a params file in its parameters cell, "
        "to go on by hand",
    )
    opened.add_argument("--solved", action="store_true", help="with the exercises solved")
    opened.add_argument("--again", action="store_true", help="write over copies that were changed")
    for sub in (run, status, prefetch, opened):
        sub.add_argument("params", help="for example params/tiny.yaml")
        sub.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="STEP.KEY=VALUE",
            help="change a parameter",
        )
    run.add_argument(
        "--from", dest="from_step", metavar="STEP", help="rerun this step and all after it"
    )
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="start nothing: say what it would take, and what this machine lacks",
    )
    sweep = command(
        "sweep", _sweep, "run a params file at every point of a grid, sharing what is the same"
    )
    sweep.add_argument("file", help="for example params/sweeps/smoke.yaml")
    sweep.add_argument("--jobs", type=int, default=1, metavar="N", help="points side by side (1)")
    sweep.add_argument(
        "--point", type=int, metavar="I", help="run this point alone, from 0: for job arrays"
    )
    sweep.add_argument(
        "--list", action="store_true", help="only list the points, and what is known of them"
    )
    for sub in (run, sweep):
        sub.add_argument(
            "--anyway",
            action="store_true",
            help="start although this machine lacks what a later step needs",
        )
        sub.add_argument(
            "--keep-stale", action="store_true", help="keep steps of which only the code changed"
        )
    for sub in (run, sweep, opened):
        sub.add_argument(
            "--allow-server",
            action="append",
            default=[],
            metavar="HOST",
            help="let a params file of others ask this server (repeatable)",
        )
    verify = command(
        "verify",
        _verify,
        "check all files of a run against the digests in its manifests; exit 1 if any differs",
    )
    verify.add_argument("run", help="a run's name, or its folder, wherever it lies")
    teacher = command(
        "teacher", _teacher, "serve the offline teacher on loopback (Chat Completions)"
    )
    teacher.add_argument("--port", type=int, default=8399)
    teacher.add_argument("--host", choices=["127.0.0.1"], default="127.0.0.1", help="loopback only")
    replies = command("ledger", _ledger, "look at, export, import and merge ledgers of replies")
    deeds = replies.add_subparsers(dest="deed", required=True, metavar="DEED")
    written = replies  # the command that writes a file
    for name, text, more in (
        ("show", "count replies and tokens per model", None),
        ("export", "write all replies to a file of JSON lines (.gz: compressed)", "file"),
        ("import", "take the replies of an exported file", "file"),
        ("merge", "take the replies of other ledgers", "others"),
    ):
        deed = deeds.add_parser(name, help=text, description=text)
        deed.add_argument("ledger", help="for example outputs/ledger.sqlite")
        written = deed if name == "export" else written
        if more:
            deed.add_argument(more, nargs="+" if more == "others" else None)
    base = command("base", _base, "make the tiny base again from its params file")
    base.add_argument("params")
    base.add_argument("--out", metavar="DIR", help="where to write it")
    store = command(
        "store",
        _store,
        "keep the tables of an experiment's step in the package, as its stored result",
    )
    store.add_argument("run", help="as scaling_tiny")
    store.add_argument("step", help="as 06_scaling_laws")
    grade = command(
        "grade",
        _grade,
        "score a file of responses and gold answers, lm-evaluation-harness samples too",
    )
    grade.add_argument(
        "file", help="responses and gold answers: JSON, CSV, Parquet, or what else gate reads"
    )
    grade.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="COLUMN",
        help="score groups, as level or doc.level",
    )
    grade.add_argument(
        "--out",
        metavar="FILE",
        help="write the graded rows (.parquet, .jsonl), and beside them the disagreements",
    )
    grade.add_argument(
        "--list", type=int, default=10, metavar="N", help="disagreements to print of each kind (10)"
    )
    compare = command(
        "compare",
        _compare,
        "compare runs, or two files of responses, on the items that both answered",
    )
    compare.add_argument(
        "what",
        nargs="+",
        metavar="RUN|FILE",
        help="runs by name or folder, or two files of responses",
    )
    compare.add_argument(
        "--out", metavar="FILE", help="of runs: the page (outputs/compared/A_B.html)"
    )
    compare.add_argument(
        "--margin",
        type=float,
        metavar="SHARE",
        help="decide: A may be so much worse, as 0.02; exit 0 if better or no worse, 1 if worse, 6",
    )
    compare.add_argument(
        "--json", action="store_true", help="of two files: print the decision as one JSON object"
    )
    grade.add_argument(
        "--skip-last",
        action="store_true",
        help="leave out a last line that broke off while it was written",
    )
    grade.add_argument(
        "--second-opinion",
        action="store_true",
        help="ask math-verify and inspect_ai, where installed, too",
    )
    for sub in (grade, compare):
        for role in COLUMNS:
            sub.add_argument(
                f"--{role.replace('_', '-')}",
                dest=role,
                metavar="COLUMN",
                help=f"the {role} column, if it is not guessed right",
            )
        sub.add_argument(
            "--workers", type=int, default=0, metavar="N", help="processes; 0: one per core"
        )
    gate = command(
        "gate", _gate, "say which rows of anybody's file meet a benchmark, and write their verdicts"
    )
    gate.add_argument(
        "--against",
        required=True,
        metavar="NAME,...",
        help="benchmarks or files of problems, as gsm8k,math",
    )
    gate.add_argument(
        "--n",
        nargs=2,
        type=int,
        default=[30, 10],
        metavar=("LEAK", "NEAR"),
        help="words in a row (30 10)",
    )
    choose = command("coreset", _coreset, "choose k diverse problems of anybody's file")
    choose.add_argument("-k", type=int, required=True, help="problems to choose")
    choose.add_argument(
        "--method",
        default="k_center",
        help="of coreset.METHODS: k_center (the default), random, stratified (by level)",
    )
    choose.add_argument(
        "--embedding", default="tfidf", help="tfidf, or a sentence-transformers model's id or path"
    )
    choose.add_argument("--dimensions", type=int, default=64, help="of tfidf")
    choose.add_argument("--seed", type=int, default=0)
    gate.add_argument(
        "--allow-unchecked", action="store_true", help="exit 0 though rows have no readable problem"
    )
    for sub in (gate, choose):
        sub.add_argument(
            "file",
            help="problems or instances: JSON, CSV, Parquet, a saved data set, or "
            "id[@revision][:config][/split]",
        )
        sub.add_argument("--out", metavar="FILE", help="where to write the table (beside the file)")
        for role in ("problem", "response", "id"):
            sub.add_argument(
                f"--{role}",
                default="",
                metavar="PATH",
                help=f"the {role}'s column, as query or messages.0.content",
            )
    bundle = command(
        "bundle", _bundle, "pack the complete steps of a run into a file, or take them from one"
    )
    deeds = bundle.add_subparsers(dest="deed", required=True, metavar="DEED")
    pack = deeds.add_parser(
        "make",
        help="pack the complete steps of a run",
        description="Pack the complete steps of a run.",
    )
    pack.add_argument("run", help="a run's name, or its folder")
    pack.add_argument("file", help="for example class.tar.gz")
    pack.add_argument("--until", default="", metavar="STEP", help="the last step to pack")
    for sub in (gate, choose, grade, compare, written, pack, base):
        sub.add_argument(
            "--force",
            action="store_true",
            help="overwrite an output that was made from another input",
        )
    unpack = deeds.add_parser(
        "take",
        help="make steps complete from a bundle",
        description="Make steps complete from a bundle.",
    )
    unpack.add_argument("file", help="what bundle make wrote")
    unpack.add_argument(
        "--before", default="", metavar="STEP", help="take only the steps before this one"
    )
    unpack.add_argument(
        "--run", default="", metavar="NAME", help="the run to take them into (the bundle's own)"
    )
    strip = command("strip", _strip, "remove outputs and stray metadata from the notebooks")
    strip.add_argument(
        "--exercises", action="store_true", help="write the exercises anew from their solutions"
    )
    strip.add_argument(
        "--check", action="store_true", help="only list them; exit 1 if there are any"
    )
    return top


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
        remedy = "python -m pip install -c constraints.txt -e '.[dev]'"
        print(
            f"error: {sys.executable} has no package {error.name}; install what is needed: "
            f"{remedy}",
            file=sys.stderr,
        )
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
    print(
        f"error: {error}\n{disk.missing_space(Path(place).absolute().parent)}".translate(SHOWN),
        file=sys.stderr,
    )
    return 3


if __name__ == "__main__":
    sys.exit(main())
