import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
import yaml

from skymath_nb import __main__ as command_line
from skymath_nb.core import locks, manifests, paths, provenance
from skymath_nb.runner import params, suite
from skymath_nb.runner import report as pages

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
MAKE = [
    (
        'run: str = "tiny"\nseed: int = 0  # stream\nn: int = 3  # rows\nrates: list = [0.1]\n'
        "progress: bool = True"
    ),
    (
        "import plotly.graph_objects as go\nfrom skymath_nb import runner\n"
        'step = runner.start("01_make", run, seed=seed, n=n, rates=rates)'
    ),
    'step.output("rows.txt").write_text("x" * n)',
    'step.figure(go.Figure(go.Bar(y=[n], name="</script>")), "bars")',
    (
        'step.finish({"accuracy": 0.62, "accuracy_n": 300, "accuracy_low": 0.57, "accuracy_high": '
        '0.67, "rows": n})'
    ),
]
USE = [
    (
        'run: str = "tiny"\nlabel: str = ""\nrows_from: str = "01_make"\nrate: float = 1\n'
        "interactive: bool = True"
    ),
    (
        "from skymath_nb import runner\n"
        'step = runner.start("02_use", run, label, rows_from=rows_from, rate=rate)'
    ),
    'text = step.input(rows_from, "rows.txt").read_text() if rows_from else ""',
    "assert not interactive",
    'step.output("size.txt").write_text(str(len(text)))\nstep.finish({"size": len(text)})',
]
FAIL = [
    'run: str = "tiny"\nmode: str = ""',
    "## Where it breaks",
    (
        "import sys, time\nfrom skymath_nb import runner\n"
        'step = runner.start("03_fail", run, mode=mode)'
    ),
    "### Exactly here",
    (
        'if mode == "exit":\n    sys.exit(0)\nif mode == "die":\n    import os\n'
        "    os.kill(os.getpid(), 9)"
    ),
    """if mode in ("sleep", "stubborn"):
    try:
        print("at work")
        time.sleep(60)
    finally:
        step.output("left_in_order").write_text("yes")
        time.sleep(60 if mode == "stubborn" else 0)""",
    """class BudgetReached(RuntimeError):
    pass
if mode == "budget":
    raise BudgetReached("the 2 dollars of budget_usd are spent")""",
    "step.finish({})",
    'raise ValueError("the first line\\nand the second")',
    "## Never reached",
]
PARAMS = {
    "run": "tiny",
    "shared": {"seed": 1},
    "steps": {"01_make": {}, "02_use": {}, "02_use@alone": {"rows_from": ""}},
}


def write_notebook(folder, name, cells):
    make = {True: nbformat.v4.new_markdown_cell, False: nbformat.v4.new_code_cell}
    notebook = nbformat.v4.new_notebook(cells=[make[cell.startswith("##")](cell) for cell in cells])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def write_all(folder):
    for name, cells in (("01_make", MAKE), ("02_use", USE), ("03_fail", FAIL)):
        write_notebook(folder / "notebooks", name, cells)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(PARAMS, sort_keys=False))


def execute(folder, *overrides, **options):
    """Exit code and the ids of the steps that were executed."""
    lines = []
    code = suite.run(suite.load(folder / "tiny.yaml", overrides), echo=lines.append, **options)
    return code, [line.split()[1] for line in lines if " running" in line], "\n".join(lines)


def settings(folder) -> dict:
    return {
        "SKYMATH_OUTPUTS": str(folder / "outputs"),
        "SKYMATH_NOTEBOOKS": str(folder / "notebooks"),
    }


def enter(folder, patch):
    """Let this folder be where notebooks and runs are."""
    for name, value in settings(folder).items():
        patch.setenv(name, value)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder whose three-step run has been executed once."""
    folder = tmp_path_factory.mktemp("finished")
    write_all(folder)
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        code, executed, _ = execute(folder)
    assert code == 0 and executed == ["01_make", "02_use", "02_use@alone"]
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Notebooks and a params file; nothing was run."""
    write_all(tmp_path)
    enter(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def done(folder, finished):
    """A copy of the finished run, free to be changed."""
    shutil.copytree(finished / "outputs", folder / "outputs")
    return folder


def states(folder, *overrides):
    table = suite.status(suite.load(folder / "tiny.yaml", overrides))
    return list(table["state"]), "; ".join(table["reason"])


def test_a_second_run_executes_nothing(done):
    code, executed, text = execute(done)
    assert (code, executed) == (0, []) and text.count("unchanged, kept") == 3


def test_a_changed_parameter_reruns_its_step_and_what_reads_it(done):
    override = "01_make.n=4"
    assert states(done, override)[0] == ["stale", "waiting", "fresh"]
    code, executed, text = execute(done, override)
    assert (
        (code, executed) == (0, ["01_make", "02_use"])
        and "n: 3 -> 4" in text
        and "rows.txt changed" in text
    )
    assert (done / "outputs/tiny/02_use/size.txt").read_text() == "4"
    assert re.search(r"expected \d+ s", text)


def test_execution_parameters_and_comments_never_cause_a_rerun(done):
    write_notebook(done / "notebooks", "01_make", [*MAKE[:-1], MAKE[-1] + "  # the end"])
    assert states(done)[0] == ["fresh"] * 3


def test_edited_code_reruns_unless_it_is_kept(done):
    write_notebook(done / "notebooks", "02_use", [*USE, "more = 1"])
    assert states(done) == (
        ["fresh", "edited", "edited"],
        "; the notebook's code changed; the notebook's code changed",
    )
    code, executed, text = execute(done, keep_stale=True)
    assert (code, executed) == (0, []) and text.count(
        "kept although stale (the notebook's code changed)"
    ) == 2
    assert states(done, "02_use.rate=2")[0] == ["fresh", "stale", "edited"]


def test_a_half_written_step_is_not_complete(done):
    tiny = done / "outputs" / "tiny"
    (tiny / "01_make" / "manifest.json").unlink()
    (tiny / "02_use" / "size.txt").write_text("longer than it was")
    assert states(done) == (
        ["missing", "missing", "fresh"],
        "started but not finished; output size.txt has another size; ",
    )
    with pytest.raises(suite.ParamsError, match=r"needs the steps before it.*01_make"):
        execute(done, from_step="02_use")


def test_from_reruns_that_step_and_all_after_it(done):
    assert execute(done, from_step="02_use@alone")[:2] == (0, ["02_use@alone"])
    with pytest.raises(suite.ParamsError, match="nearest: 02_use"):
        execute(done, from_step="02_us")


def test_the_frozen_params_give_the_same_plan(done):
    plan, frozen = (
        suite.load(done / "tiny.yaml"),
        suite.load(done / "outputs" / "tiny" / "params.yaml"),
    )
    assert plan.jobs == frozen.jobs and plan.run == frozen.run


@pytest.mark.parametrize(
    "change, said",
    [
        ({"run": None}, "run's name"),
        ({"run": "a/b"}, "run's name"),
        ({"step": {}}, "step: no such section (nearest: steps)"),
        ({"steps": {}}, "names no step"),
        ({"steps": {"01_mke": {}}}, "no notebook 01_mke.ipynb (nearest: 01_make)"),
        ({"steps": {"01_make": {"rats": []}}}, "no such parameter (nearest: rates)"),
        ({"steps": {"01_make": {"n": 1.5}}}, "steps.01_make.n: must be int, found 1.5 (float)"),
        ({"steps": {"01_make": {"n": True}}}, "must be int, found True (bool)"),
        ({"steps": {"01_make": {"rates": ["2e-5"]}}}, "write 2.0e-5"),
        ({"steps": {"01_make": {"run": "other"}}}, "the runner sets it"),
        ({"steps": {"01_make@again": {}}}, "no parameter `label`"),
        ({"steps": {"01_make": {}, "02_use@": {}}}, "label of steps.02_use@"),
        (
            {"steps": {"01_make": {}, "02_use": {"rate": "2e-5"}}},
            "YAML reads 2e-5 as a string, not a number; write 2.0e-5",
        ),
        ({"steps": {"01_make": {}, "02_use": {"rate": float("inf")}}}, "not a finite number"),
        ({"steps": {"02_use": {}, "01_make": {}}}, "01_make comes later in this file"),
        (
            {"steps": {"01_make": {}, "02_use": {"rows_from": "01_mak"}}},
            "not a step of this file (nearest: 01_make)",
        ),
        ({"steps": {"01_make": 3}}, "must hold `name: value` pairs"),
        ({"shared": {"sed": 1}}, "shared.sed: no step of this file has it (nearest: seed)"),
        ({"shared": {"seed": "1"}}, "shared.seed: YAML reads 1 as a string"),
    ],
)
def test_bad_params_are_refused_with_the_remedy(folder, change, said):
    (folder / "bad.yaml").write_text(yaml.safe_dump(PARAMS | change, sort_keys=False))
    with pytest.raises(suite.ParamsError) as error:
        suite.load(folder / "bad.yaml")
    assert said in str(error.value)
    assert not (folder / "outputs").exists()


def test_a_day_without_quotes_is_text():
    plan = params.load(
        paths.home() / "params/smoke.yaml",
        ["02_augmentation.prices={input: 1.0, output: 2.0, date: 2026-11-23}"],
    )
    assert plan.jobs[2].parameters["prices"] == {"input": 1.0, "output": 2.0, "date": "2026-11-23"}


@pytest.mark.parametrize(
    "line, reason",
    [
        ("m: int = 0  # 0 = all", "papermill cannot read the parameter m"),
        ("m: int | None = 0", "papermill cannot read the parameter m"),
        ("m: int = int(0)", r"the default int\(0\) of the parameter m is no plain value"),
        ("m: int = (", r"line \d+ of its parameters cell is not Python"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_told(folder, line, reason):
    write_notebook(folder / "notebooks", "01_make", [f"{MAKE[0]}\n{line}", *MAKE[1:]])
    with pytest.raises(suite.ParamsError, match=f"01_make.ipynb: {reason}"):
        suite.load(folder / "tiny.yaml")


@pytest.mark.parametrize(
    "override, said",
    [
        ("01_make.n", "write it as step.key=value"),
        ("01_mak.n=3", "nearest: 01_make"),
        ("01_make.m=3", "no such parameter"),
        ("01_make.n=[", "not valid YAML"),
    ],
)
def test_bad_overrides_are_refused(folder, override, said):
    with pytest.raises(suite.ParamsError) as error:
        suite.load(folder / "tiny.yaml", [override])
    assert said in str(error.value)


def test_all_problems_are_told_at_once_with_exit_code_2(folder, capsys):
    (folder / "tiny.yaml").write_text("run: a/b\nstep: 1\nsteps: {01_make: {n: x, m: 1}}\n")
    assert command_line.main(["run", str(folder / "tiny.yaml")]) == 2
    assert "has 4 problems" in capsys.readouterr().err
    assert command_line.main(["run", str(folder / "tny.yaml")]) == 2
    assert "nearest: tiny.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["steps: {a: {}, a: {}}", "run: [", "- 1"])
def test_what_yaml_would_lose_or_not_read_is_refused(folder, text):
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(suite.ParamsError, match="given twice|not valid YAML|holds a list"):
        suite.load(folder / "bad.yaml")


def test_numbers_of_shared_and_set_arrive_with_the_declared_type(folder):
    plan = suite.load(
        folder / "tiny.yaml", ["02_use.rate=2", "shared.seed=7", "01_make.rates=[1, 0.5]"]
    )
    assert plan.jobs[0].parameters == {"seed": 7, "n": 3, "rates": [1, 0.5]}
    assert type(plan.jobs[1].parameters["rate"]) is float


@pytest.mark.parametrize(
    "mode, said",
    [
        ("", "error: ValueError: the first line\nand the second"),
        ("exit", "ended without step.finish"),
    ],
)
def test_a_failure_names_heading_error_and_copy_and_leaves_no_manifest(folder, mode, said):
    (folder / "tiny.yaml").write_text(
        f"run: t\nsteps: {{03_fail: {{mode: '{mode}'}}, 01_make: {{}}}}"
    )
    code, executed, text = execute(folder)
    assert (code, executed) == (3, ["03_fail"])
    assert "at:    Exactly here" in text and said in text
    copy = folder / "outputs" / "t" / "03_fail" / "notebook.ipynb"
    assert str(copy) in text and copy.is_file() and not copy.with_name("manifest.json").exists()
    assert "class='failed'" in (folder / "outputs" / "t" / "index.html").read_text()


@pytest.mark.parametrize(
    "mode, code, said", [("budget", 4, "the 2 dollars"), ("die", 3, "the kernel died")]
)
def test_what_ended_a_step_is_in_the_exit_code(folder, mode, code, said):
    (folder / "tiny.yaml").write_text(f"run: t\nsteps: {{03_fail: {{mode: {mode}}}}}")
    ended, _, text = execute(folder)
    assert ended == code and said in text


def start(folder, mode):
    """A runner at work in the notebook that sleeps, its kernel, and what it will have kept when it
    was left in order.
    """
    (folder / "tiny.yaml").write_text(f"run: t\nsteps: {{03_fail: {{mode: {mode}}}}}")
    command = [sys.executable, "-m", "skymath_nb", "run", str(folder / "tiny.yaml")]
    work = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    copy, deadline = folder / "outputs" / "t" / "03_fail" / "notebook.ipynb", time.monotonic() + 60
    while not (copy.is_file() and "at work\\n" in copy.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return work, psutil.Process(work.pid).children(), copy.with_name("left_in_order")


def gone(kernels):
    _, alive = psutil.wait_procs(kernels, timeout=10)
    return bool(kernels) and not any(kernel.status() != "zombie" for kernel in alive)


@posix
@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_lets_the_step_leave_in_order_and_is_in_the_exit_code(folder, number, code):
    work, kernels, kept = start(folder, "sleep")
    work.send_signal(number)
    out, err = work.communicate(timeout=30)
    assert work.returncode == code and "the same command goes on from here" in out, err
    assert "Traceback" not in err, err
    assert (
        kept.read_text() == "yes" and not kept.with_name("manifest.json").exists() and gone(kernels)
    )


@posix
def test_a_second_signal_does_not_wait(folder):
    work, kernels, kept = start(folder, "stubborn")
    work.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 30
    while not kept.is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    before = time.monotonic()
    work.send_signal(signal.SIGTERM)
    work.communicate(timeout=30)
    assert work.returncode == 143 and time.monotonic() - before < 20 and gone(kernels)


@posix
def test_a_killed_runner_leaves_no_kernel_and_no_lock(folder):
    work, kernels, kept = start(folder, "sleep")
    code = command_line.main(["run", str(folder / "tiny.yaml")])
    assert code == 5  # while the first one lives
    work.kill()
    work.communicate()
    assert gone(kernels) and not kept.with_name("manifest.json").exists()
    with locks.claim(folder / "outputs" / "t"):
        pass


def test_pages_load_nothing_from_elsewhere_and_keep_the_figures(finished):
    run = finished / "outputs" / "tiny"
    for page in (run / "index.html", run / "01_make" / "notebook.html"):
        text = page.read_text()
        assert not re.search(
            r"""(?:src|href|import|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", text
        ), page
        assert "cdnjs" not in text and "unpkg" not in text and text.count("Plotly.newPlot") == 1
        [script] = re.findall(r'<script src="([^"]+)"', text)
        assert (page.parent / script).resolve() == run / "plotly.min.js"
        assert '"name": "\\u003c/script\\u003e"' in text
    index = (run / "index.html").read_text()
    assert "62.0 % [57.0, 67.0], n=300" in index and "href='02_use@alone/notebook.html'" in index


def test_scores_need_all_three_companions_to_share_a_row():
    report = {
        "a": 0.5,
        "a_n": 10,
        "a_low": 0.2,
        "a_high": 0.8,
        "b": 12345,
        "b_n": 3,
        "c": True,
        "d": "x",
        "e": 0.0,
    }
    expected = [
        ("a", "50.0 % [20.0, 80.0], n=10"),
        ("b", "12,345"),
        ("b_n", "3"),
        ("c", "yes"),
        ("d", "x"),
        ("e", "0"),
    ]
    assert pages.rows(report) == expected


def test_strip_cleans_once_and_check_lists_offenders(folder, capsys):
    path = folder / "notebooks" / "01_make.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="hi")]
    notebook.cells[1].execution_count = 4
    notebook.metadata |= {"widgets": {}, "skymath": {"seconds": 9}}
    nbformat.write(notebook, path)
    assert (
        command_line.main(["strip", "--check"]) == 1
        and "01_make.ipynb is not stripped" in capsys.readouterr().out
    )
    assert command_line.main(["strip"]) == 0 and command_line.main(["strip", "--check"]) == 0
    clean = json.loads(path.read_text())
    assert [cell["id"] for cell in clean["cells"]] == ["0", "1", "2", "3", "4"]
    assert clean["metadata"].keys() == {"kernelspec", "skymath"} and clean["cells"][0][
        "metadata"
    ] == {"tags": ["parameters"]}
    assert clean["cells"][1]["outputs"] == [] and clean["cells"][1]["execution_count"] is None


def test_no_command_prints_help(capsys):
    assert command_line.main([]) == 0 and "teacher" in capsys.readouterr().out


def test_values_that_the_runner_sets_are_the_execution_parameters():
    assert set(params.RUNNER) <= set(manifests.EXECUTION)


# --- damage, links and repositories in repositories
# ----------------------------------------------------------------------


DAMAGED = [
    "",
    "{",
    "[]",
    "null",
    '{"outputs": {}}',
    '{"finished": 3}',
    "\x00\x01",
    '{"a": ' * 100_000,
]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_manifest_of_another_run_is_no_affair_of_this_one(folder, text):
    for step in ("01_make", "02_use"):
        place = folder / "outputs" / "other" / step
        place.mkdir(parents=True)
        (place / "manifest.json").write_text(text)
    lines = []
    plan = suite.load(folder / "tiny.yaml")
    assert suite.run(plan, echo=lines.append, share=True) == 0 and not any(
        "other" in line for line in lines
    )
    assert set(suite.status(plan)["state"]) == {"fresh"}


@pytest.mark.parametrize(
    "linked", ["outputs", "outputs/tiny", "outputs/tiny/01_make", "outputs/tiny/02_use"]
)
def test_folders_that_are_links_to_another_disk_work(folder, tmp_path_factory, linked):
    elsewhere = tmp_path_factory.mktemp("disk")
    (folder / linked).parent.mkdir(parents=True, exist_ok=True)
    (folder / linked).symlink_to(elsewhere, target_is_directory=True)
    plan = suite.load(folder / "tiny.yaml")
    assert suite.run(plan, echo=lambda line: None) == 0 and any(elsewhere.iterdir())
    assert set(suite.status(plan)["state"]) == {"fresh"} and (folder / linked).is_symlink()


def test_the_commit_is_this_repositorys_also_inside_another_one(tmp_path, monkeypatch):
    def git(place, *words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        return subprocess.run(
            ["git", *who, "-C", str(place), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    for place in (outer, inner):
        place.mkdir()
        git(place, "init")
        (place / "file").write_text(place.name)
        git(place, "add", "file")
        git(place, "commit", "-m", place.name)
    monkeypatch.setattr(paths, "home", lambda: inner)
    assert provenance.commit() == git(inner, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(outer / ".git"))  # as a hook of the outer repository has it
    assert provenance.commit() == git(inner, "--git-dir", str(inner / ".git"), "rev-parse", "HEAD")
    monkeypatch.delenv("GIT_DIR")
    shutil.rmtree(inner / ".git")
    assert provenance.commit() == "unknown", (
        "a copy without history is not the repository that it lies in"
    )
