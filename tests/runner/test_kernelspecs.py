"""Whatever kernel specs the machine has, notebooks run in this interpreter."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from skymath_nb.runner import kernel, kernelspecs, notebooks, params, suite

ROOT = Path(__file__).resolve().parents[2]
CELLS = [
    'run: str = "tiny"  # help\nk: int = 1  # help',
    (
        'import sys\nfrom skymath_nb import runner\nstep = runner.start("01_first", run)\n'
        'step.output("python.txt").write_text(sys.executable)'
    ),
    "step.finish({})",
]


@pytest.fixture(params=["JUPYTER_PATH", "JUPYTER_DATA_DIR", "HOME", "IPYTHONDIR"])
def foreign(request, tmp_path, monkeypatch):
    """Another interpreter's `python3` where the variable leads to.

    Started, it leaves the marker file that this returns.
    """
    folder, marker = tmp_path / "foreign", tmp_path / "started"
    below = {"HOME": ".local/share/jupyter/kernels"}.get(request.param, "kernels")
    spec = folder / below / "python3"
    spec.mkdir(parents=True)
    leave = f"import pathlib; pathlib.Path({str(marker)!r}).touch()"
    (spec / "kernel.json").write_text(
        json.dumps(
            {"argv": [sys.executable, "-c", leave], "display_name": "x", "language": "python"}
        )
    )
    for name in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(request.param, str(folder))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    assert str(spec) in {
        str(Path(place, "python3")) for place in KernelSpecManager().kernel_dirs
    }, "Jupyter looks there"
    return marker


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "01_first.ipynb")
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({"run": "tiny", "steps": {"01_first": {}}}))
    return params.load(tmp_path / "tiny.yaml")


def test_the_runner_starts_this_interpreter(plan, foreign):
    assert suite.run(plan, echo=print) == 0
    assert (
        plan.folder / "01_first" / "python.txt"
    ).read_text() == sys.executable and not foreign.exists()


def test_an_opened_copy_names_a_kernel_of_this_interpreter(plan, foreign):
    [path] = notebooks.copy(plan, echo=print)
    name = nbformat.read(path, as_version=4).metadata.kernelspec.name
    place = Path(sys.prefix, "share", "jupyter", "kernels")
    spec = KernelSpecManager(
        kernel_dirs=[str(foreign.parent / "foreign" / "kernels"), str(place)]
    ).get_kernel_spec(name)
    assert spec.argv[0] == sys.executable and name != "python3"


def test_a_copy_of_before_gets_the_kernel_and_keeps_its_outputs(plan):
    [path] = notebooks.copy(plan, echo=print)
    there = nbformat.read(path, as_version=4)
    there.metadata.kernelspec.name = "python3"
    there.cells[1].outputs = [nbformat.v4.new_output("stream", text="kept")]
    nbformat.write(there, path)
    notebooks.copy(plan, echo=print)
    there = nbformat.read(path, as_version=4)
    assert (
        there.metadata.kernelspec.name == kernelspecs.NAME
        and there.cells[1].outputs[0].text == "kept"
    )


def test_a_read_only_environment_leaves_the_spec_with_the_user(plan, tmp_path, monkeypatch):
    (tmp_path / "environment").write_text("a file, so that nothing can be written below it")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "user"))
    spec = KernelSpecManager().get_kernel_spec(kernelspecs.installed()["name"])
    assert spec.argv[0] == sys.executable


def test_jupyterlab_as_we_start_it_offers_this_interpreter_alone(foreign):
    own = kernelspecs.OwnKernels()
    assert {
        name: found["spec"]["argv"][0] for name, found in own.get_all_specs().items()
    } == dict.fromkeys(("python3", kernelspecs.NAME), sys.executable)
    with pytest.raises(NoSuchKernel):
        own.get_kernel_spec("other")
    option = "--ServerApp.kernel_spec_manager_class=skymath_nb.runner.kernelspecs.OwnKernels"
    for file in ("Makefile", "README.md"):
        starts = [
            line for line in (ROOT / file).read_text().splitlines() if "-m jupyterlab" in line
        ]
        assert starts and all(option in line for line in starts), file


def test_a_kernel_that_is_asked_for_by_the_notebooks_name_is_this_one_too(plan, foreign, tmp_path):
    notebook = nbformat.read(tmp_path / "notebooks" / "01_first.ipynb", as_version=4)
    notebook.metadata.kernelspec.name = "python3"
    kernel.execute(
        plan.jobs[0].notebook,
        tmp_path / "copy.ipynb",
        {"run": "other"},
        kernel.Stop(print),
        kernel.Tail(),
    )
    assert not foreign.exists()
