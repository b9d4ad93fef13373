"""`notebooks`.

Copies to go on with by hand, and what a step says of a notebook that was run by hand.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_client.manager import start_new_kernel

from skymath_nb import __main__ as command_line
from skymath_nb.core import locks, paths
from skymath_nb.notebook import exercise_cells
from skymath_nb.runner import notebooks, steps, suite
from skymath_nb.runner import params as plans

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path))
    monkeypatch.delenv("SKYMATH_NOTEBOOKS", raising=False)
    return tmp_path


def parameters(path):
    return {name: p["default"] for name, p in papermill.inspect_notebook(str(path)).items()}


def test_a_copy_of_each_step_holds_the_values_of_the_params_file(outputs, capsys):
    assert (
        command_line.main(
            ["open", str(ROOT / "params/smoke.yaml"), "--set", "02_augmentation.mix={evol: 1.0}"]
        )
        == 0
    )
    plan = plans.load(ROOT / "params/smoke.yaml", ["02_augmentation.mix={evol: 1.0}"])
    assert "make lab" in capsys.readouterr().out
    for job in plan.jobs:
        path = outputs / "smoke" / "open" / f"{job.id}.ipynb"
        found, own = parameters(path), parameters(job.notebook)
        wanted = {key: repr(value) for key, value in job.parameters.items()} | {
            "run": repr("smoke")
        }
        wanted |= {"label": repr(job.label)} if "label" in own else {}
        assert found == {name: wanted.get(name, value) for name, value in own.items()}, job.id
        assert all(p["help"] for p in papermill.inspect_notebook(str(path)).values()), (
            "the help stays"
        )
    first = nbformat.read(outputs / "smoke/open/00_start_here.ipynb", as_version=4)
    assert "predicted = None" in "".join(cell.source for cell in first.cells)


def test_links_of_a_copy_lead_somewhere(outputs, tmp_path):
    params = tmp_path / "short.yaml"
    params.write_text("run: short\nsteps:\n  00_start_here: {}\n")
    [path] = notebooks.copy(plans.load(params), echo=lambda line: None)
    text = "".join(
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    targets = notebooks.re.findall(r"\]\(([^)]+\.ipynb)\)", text)
    assert targets and all((path.parent / target).resolve().is_file() for target in targets)


def test_a_copy_that_was_changed_is_kept_until_asked_for_again(outputs):
    plan, said = plans.load(ROOT / "params/smoke.yaml"), []
    path = notebooks.copy(plan, echo=said.append)[0]
    book = nbformat.read(path, as_version=4)
    book.cells[-1].source += "\nmy notes"
    nbformat.write(book, path)
    notebooks.copy(plan, echo=said.append)
    assert "my notes" in path.read_text(), "notes are no reason to write it anew"
    book.cells[1].source += "\nmine: int = 1  # mine"
    nbformat.write(book, path)
    said.clear()
    notebooks.copy(plan, echo=said.append)
    assert (
        said[0].startswith("00_start_here.ipynb  kept")
        and "--again" in said[0]
        and "mine: int" in path.read_text()
    )
    notebooks.copy(plan, again=True, solved=True, echo=said.append)
    assert (
        "mine: int" not in path.read_text()
        and "exercises.guessing(predicted, answer, test)" in path.read_text()
    )
    assert exercise_cells.solutions("00_start_here")[0][1].splitlines()[3].split("  #")[
        0
    ] in path.read_text().replace('\\"', '"')


# --- what the runner knows of a notebook run by hand
# ----------------------------------------------------------------------


BOOK = {
    "parameters": 'run: str = "hand"  # run\nk: int = 1  # value',
    "step": "from skymath_nb import runner\nstep = runner.start('01_hand', run, k=k)",
    "write": "step.output('x.txt').write_text(str(k))",
    "finish": "step.finish({'k': k})",
    "exercise": "answer = None",
}


@pytest.fixture
def by_hand(tmp_path, monkeypatch, outputs):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    cells = [nbformat.v4.new_markdown_cell("# Hand?")]
    for name, source in BOOK.items():
        tags = {"tags": [name]} if name in ("parameters", "exercise") else {}
        cells.append(nbformat.v4.new_code_cell(source, metadata=tags))
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}),
        folder / "01_hand.ipynb",
    )
    (tmp_path / "hand.yaml").write_text("run: hand\nsteps:\n  01_hand: {}\n")
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(folder))
    return plans.load(tmp_path / "hand.yaml")


def change(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def state(plan):
    found = suite.state(plan, plan.jobs[0])
    return found.name, "; ".join(found.reasons)


def run(notebook, **how):
    """Every cell, as JupyterLab's Run All does."""
    papermill.execute_notebook(notebook, None, how, progress_bar=False, kernel_name="python3")


def test_a_notebook_run_by_hand_holds_for_the_runner_until_its_code_changes(by_hand, monkeypatch):
    path = by_hand.jobs[0].notebook
    run(path)
    assert state(by_hand) == ("fresh", "")
    change(path, "answer = None", "answer = 42")
    assert state(by_hand)[0] == "fresh", "an exercise comes after the step and counts for nothing"
    change(path, "str(k)", "str(k + 1)")
    assert state(by_hand) == ("edited", "the notebook's code changed")


def test_a_copy_with_other_code_is_not_taken_for_the_suites_notebook(
    by_hand, tmp_path, monkeypatch
):
    copy = tmp_path / "open" / "01_hand.ipynb"
    copy.parent.mkdir()
    copy.write_text(by_hand.jobs[0].notebook.read_text())
    monkeypatch.setenv("JPY_SESSION_NAME", str(copy))
    run(copy)
    assert state(by_hand)[0] == "fresh"
    change(copy, "str(k)", "str(k + 1)")
    run(copy)
    assert state(by_hand) == ("edited", "the notebook's code changed")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "open" / "99_other.ipynb"))
    run(by_hand.jobs[0].notebook)
    assert state(by_hand)[0] == "fresh", "the session of another notebook says nothing of this one"


class Kernel:
    """A kernel in which cells are run one at a time, as a person does.

    `ids` says whether it is told which cell it runs.
    """

    def __init__(self, ids: bool):
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.ids = ids

    def run(self, id: str, source: str, good: bool = True) -> str:
        said = []
        message = self.client.session.msg(
            "execute_request",
            {"code": source, "silent": False, "store_history": True, "allow_stdin": False},
        )
        message["metadata"] = {"cellId": id} if self.ids else {}
        self.client.shell_channel.send(message)
        own = message["header"]["msg_id"]
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"].get(
            "msg_id"
        ) != own:
            pass
        assert (reply["content"]["status"] == "ok") is good, reply["content"]
        while True:
            heard = self.client.get_iopub_msg(timeout=60)
            if heard["parent_header"].get("msg_id") == own:
                said.append(heard["content"].get("text", ""))
                if heard["content"].get("execution_state") == "idle":
                    return "".join(said)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(params=[True, False], ids=["with cell ids", "without"])
def kernel(request, by_hand):
    opened = Kernel(request.param)
    yield opened
    opened.close()


def test_what_is_run_by_hand_is_judged_by_what_ran_last(kernel, by_hand):
    path = by_hand.jobs[0].notebook
    cells = {
        cell["id"]: cell["source"]
        for cell in nbformat.read(path, as_version=4).cells
        if cell["cell_type"] == "code"
    }
    ids = list(cells)
    parameters, step, write, finish = ids[:4]

    def run(*which):
        return "".join(kernel.run(id, cells[id]) for id in which)

    run(parameters, step, write, finish)
    assert state(by_hand) == ("fresh", "")
    run(step, write, finish)
    assert state(by_hand) == ("fresh", ""), "the same again"
    run(step)
    kernel.run("another", "k + 1")
    run(write, finish)
    assert state(by_hand) == ("fresh", ""), "a cell of one's own is no cell of the step"

    run(step)
    kernel.run(write, cells[write].replace("str(k)", "str(k + 1)"))
    assert "did not run as" in run(finish)
    assert state(by_hand) == ("edited", "the notebook's code changed"), (
        "edited, run, and not saved, though it ran as saved before"
    )

    run(step, finish)
    assert state(by_hand) == ("edited", "the notebook's code changed"), "left out"

    run(step, write)
    kernel.run(write, "raise OSError", good=False)
    run(write, finish)
    assert state(by_hand)[0] == "fresh", "mended"

    run(step)
    before = path.read_text()
    change(path, "str(k)", "str(k + 1)")
    kernel.run(write, cells[write].replace("str(k)", "str(k + 1)"))
    run(finish)
    path.write_text(before)
    assert state(by_hand) == ("edited", "the notebook's code changed"), "saved, run, and taken back"


def test_a_parameter_changed_after_the_step_began_is_told(kernel, by_hand):
    path = by_hand.jobs[0].notebook
    cells = [
        cell for cell in nbformat.read(path, as_version=4).cells if cell["cell_type"] == "code"
    ]
    for cell in cells[:2]:
        kernel.run(cell["id"], cell["source"])
    kernel.run(cells[0]["id"], cells[0]["source"].replace("k: int = 1", "k: int = 2"))
    kernel.run(cells[2]["id"], cells[2]["source"])
    assert "k = 2, which was 1 when the step began" in kernel.run(
        cells[3]["id"], cells[3]["source"]
    )
    assert state(by_hand) == ("edited", "the notebook's code changed")


def test_a_run_that_a_runner_holds_is_left_alone(by_hand):
    held = paths.runs_folder() / "hand"
    code = (
        "import time; from skymath_nb.core import locks, paths\n"
        "with locks.claim(paths.runs_folder() / 'hand'):\n"
        "    print('held', flush=True); time.sleep(99)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(locks.Busy, match=f"process {other.pid}"):
            steps.start("01_hand", "hand", k=1)
        other.kill()
    assert steps.start("01_hand", "hand", k=1).folder.is_dir(), (
        "of a process that was killed only the note is left"
    )
    with locks.claim(held):
        assert steps.start("01_hand", "hand", k=1), "a kernel's own runner holds the run"


def test_a_check_that_failed_does_not_pass_for_complete(kernel, by_hand):
    path = by_hand.jobs[0].notebook
    change(path, "step.output('x.txt')", "assert k == 1; step.output('x.txt')")
    cells = {
        cell["id"]: cell["source"]
        for cell in nbformat.read(path, as_version=4).cells
        if cell["cell_type"] == "code"
    }
    ids = list(cells)
    kernel.run(ids[0], cells[ids[0]].replace("k: int = 1", "k: int = 2"))
    kernel.run(ids[1], cells[ids[1]])
    kernel.run(ids[2], cells[ids[2]], good=False)
    assert "did not run as" in kernel.run(ids[3], cells[ids[3]])
    assert (
        json.loads((paths.runs_folder() / "hand/01_hand/manifest.json").read_text())["code"][
            "notebook"
        ]
        == "not run as it is saved"
    )


def test_the_runner_does_not_take_the_notebook_that_started_it_for_the_steps(
    by_hand, tmp_path, monkeypatch
):
    copy = tmp_path / "open" / "01_hand.ipynb"
    copy.parent.mkdir()
    copy.write_text(by_hand.jobs[0].notebook.read_text().replace("str(k)", "str(k + 1)"))
    monkeypatch.setenv("JPY_SESSION_NAME", str(copy))
    assert suite.run(by_hand, echo=lambda line: None) == 0
    assert state(by_hand)[0] == "fresh" and os.environ["JPY_SESSION_NAME"] == str(copy)
    assert (paths.runs_folder() / "hand/01_hand/x.txt").read_text() == "1"


def test_an_edited_function_and_an_edited_prompt_act_in_a_running_kernel_and_are_stale_for_the_runner(
    tmp_path, monkeypatch
):
    left_out = shutil.ignore_patterns("tiny-base*", "results", "__pycache__")
    package = Path(shutil.copytree(ROOT / "skymath_nb", tmp_path / "skymath_nb", ignore=left_out))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(ROOT / "notebooks"))
    manager, client = start_new_kernel(kernel_name="python3")

    def value(cell):
        said = []
        reply = client.execute_interactive(cell, output_hook=said.append, timeout=120)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(message["content"].get("text", "") for message in said).strip()

    try:
        setup = (
            "%load_ext autoreload\n%autoreload 2\nfrom skymath_nb import prompts\n"
            "from skymath_nb.core import code_digests, paths\n"
            "from skymath_nb.selection import coreset\n"
        )
        assert value(setup + "print(paths.PACKAGE)") == str(package)
        show = (
            "print(coreset.k_center.__doc__ is None, prompts.render('rephrase', "
            "problem='Q')[-1]['content'].split()[0])"
        )
        digests = "print(sorted(code_digests.of_notebook('02_augmentation')['modules'].items()))"
        stale = value(digests)
        assert value(show) == "False Say"
        with (package / "selection" / "coreset.py").open("a") as module:
            module.write("\n\ndef k_center(*points):\n    return points\n")
        prompt = package / "prompts" / "rephrase.md"
        prompt.write_text(prompt.read_text().replace("# user\n", "# user\nKindly: ", 1))
        assert value(show) == "True Kindly:"
        changed = (
            dict(ast.literal_eval(value(digests))).items() ^ dict(ast.literal_eval(stale)).items()
        )
        assert {name for name, _ in changed} == {"skymath_nb.prompts/rephrase.md"}, (
            "02 does not reach coreset, 03 does"
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
