"""A step is the name of a notebook in the notebooks folder.

Anything else is refused first, in every command.
"""

import shutil
from pathlib import Path

import pytest
import yaml
from test_suite import MAKE, USE, write_notebook

from skymath_nb import __main__ as command_line
from skymath_nb.runner import params as plans
from skymath_nb.runner import steps
from skymath_nb.training import pretraining

COMMANDS = (
    ["run"],
    ["run", "--dry-run"],
    ["status"],
    ["prefetch"],
    ["open"],
    ["run", "--keep-stale"],
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Our notebooks, and somebody's beside them that leaves a marker when it runs."""
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    for name, cells in (("01_make", MAKE), ("02_use", USE)):
        write_notebook(tmp_path / "notebooks", name, cells)
    foreign = [
        'run: str = "tiny"\nlabel: str = ""',
        f"open({str(tmp_path / 'executed')!r}, 'w').write('')",
    ]
    for folder in (
        tmp_path / "x",
        tmp_path / "notebooks" / "sub",
        tmp_path / "outputs" / "tiny" / "x",
    ):
        folder.mkdir(parents=True)
        write_notebook(folder, "x", foreign)
        (folder / "manifest.json").write_text("{}")
    (tmp_path / "notebooks" / "linked.ipynb").symlink_to(tmp_path / "x" / "x.ipynb")
    write_notebook(tmp_path / "notebooks", ".hidden", foreign)
    shutil.copy(
        tmp_path / "notebooks" / ".hidden.ipynb", tmp_path / "notebooks" / "two words.ipynb"
    )
    return tmp_path


def names(place):
    return [
        "../x/x",
        "../x/x@again",
        "./01_make",
        "sub/x",
        "sub/../01_make",
        str(place / "x" / "x"),
        f"{place}/x/x@again",
        "..\\x\\x",
        "C:/x/x",
        "C:x",
        ".hidden",
        "linked",
        "linked@again",
        "two words",
        "01_make.ipynb",
        "01_MAKE",
        "01_make@../x",
        "01_make@",
        "01_make@.x",
        "01_make@a/b",
        "01_make@C:",
        "01_make@a@b",
        "~/x",
        "$HOME/x",
        "../outputs/tiny/x/x",
        "",
        "nul",
        "x" * 300,
    ]


def files(place):
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_path_in_place_of_a_notebooks_name_is_refused_first(place, command, capsys):
    for name in names(place):
        params = place / "tiny.yaml"
        params.write_text(yaml.safe_dump({"run": "tiny", "steps": {"01_make": {}, name: {}}}))
        before = files(place)
        assert command_line.main([command[0], str(params), *command[1:]]) == 2, name
        assert "nothing was run" in capsys.readouterr().err, name
        assert files(place) == before and not (place / "executed").exists(), name


def test_a_sweeps_base_is_held_to_the_same(place, capsys):
    for name in names(place):
        (place / "base.yaml").write_text(
            yaml.safe_dump({"run": "tiny", "steps": {"01_make": {}, name: {}}})
        )
        (place / "sweep.yaml").write_text(
            yaml.safe_dump({"sweep": "sizes", "base": "base.yaml", "grid": {"01_make.n": [1, 2]}})
        )
        before = files(place)
        for more in ([], ["--list"], ["--point", "0"], ["--jobs", "2"]):
            assert command_line.main(["sweep", str(place / "sweep.yaml"), *more]) == 2, name
        assert "nothing was run" in capsys.readouterr().err and files(place) == before, name


def test_set_and_a_sweeps_grid_add_no_step(place, capsys):
    (place / "tiny.yaml").write_text(yaml.safe_dump({"run": "tiny", "steps": {"01_make": {}}}))
    for command in COMMANDS:
        arguments = [
            command[0],
            str(place / "tiny.yaml"),
            *command[1:],
            "--set",
            "../x/x.label=again",
        ]
        assert command_line.main(arguments) == 2 and "no step ../x/x" in capsys.readouterr().err
    (place / "sweep.yaml").write_text(
        yaml.safe_dump(
            {"sweep": "sizes", "base": "tiny.yaml", "grid": {"../x/x.label": ["a", "b"]}}
        )
    )
    assert (
        command_line.main(["sweep", str(place / "sweep.yaml")]) == 2
        and "no step ../x/x" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "run",
    [
        "../x",
        "/x",
        "a/b",
        "..",
        ".",
        "a\\b",
        "C:",
        ".hidden",
        "tiny.",
        "nul",
        "COM1",
        "con.x",
        "a" * 300,
        3,
        None,
        ["x"],
    ],
)
def test_a_runs_name_is_a_plain_one(place, run, capsys):
    (place / "tiny.yaml").write_text(yaml.safe_dump({"run": run, "steps": {"01_make": {}}}))
    for command in COMMANDS:
        assert command_line.main([command[0], str(place / "tiny.yaml"), *command[1:]]) == 2
        assert "run's name" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", ".x", "nul"])
def test_a_sweep_and_a_base_that_is_made_again_have_plain_names_too(place, name, capsys):
    (place / "tiny.yaml").write_text(yaml.safe_dump({"run": "tiny", "steps": {"01_make": {}}}))
    (place / "sweep.yaml").write_text(
        yaml.safe_dump({"sweep": name, "base": "tiny.yaml", "grid": {"01_make.n": [1, 2]}})
    )
    assert command_line.main(["sweep", str(place / "sweep.yaml")]) == 2
    (place / "base.yaml").write_text(yaml.safe_dump({"name": name}))
    with pytest.raises(ValueError, match="base's name"):
        pretraining.load(place / "base.yaml")
    assert (
        command_line.main(["store", name, "01_make"]) == 2
        and "run's name" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "step, file",
    [
        ("../../x", "x.ipynb"),
        ("01_make", "../../x"),
        ("01_make", "/etc/passwd"),
        (".", "x"),
        ("/", "x"),
        ("01_make", ""),
        ("01_make", "link"),
    ],
)
def test_a_step_reads_and_writes_only_inside_steps(place, step, file):
    made = steps.start("01_make", "tiny", n=1)
    made.output("rows.txt").write_text("rows")
    made.finish({})
    (made.folder / "link").symlink_to(place / "x" / "x.ipynb")
    with pytest.raises(ValueError, match="inside|name"):
        steps.start("02_use", "tiny", rate=1).input(step, file)
    for name in ("../x", "a/b", "..", ".x"):
        with pytest.raises(ValueError, match="name|label"):
            steps.start(name, "tiny")
        with pytest.raises(ValueError, match="label"):
            steps.start("01_make", "tiny", name)


def test_a_link_inside_the_notebooks_folder_is_still_a_notebook_of_it(place):
    (place / "notebooks" / "03_same.ipynb").symlink_to("01_make.ipynb")
    (place / "all").symlink_to(place / "notebooks")
    (place / "tiny.yaml").write_text(
        yaml.safe_dump({"run": "tiny", "steps": {"01_make": {}, "03_same": {}}})
    )
    for folder in ("notebooks", "all"):
        assert [
            job.id for job in plans.load(place / "tiny.yaml", notebooks=place / folder).jobs
        ] == ["01_make", "03_same"]


def test_every_params_file_of_ours_still_loads():
    for path in (Path(__file__).resolve().parents[2] / "params").glob("*.yaml"):
        if not path.name.startswith("base_"):
            assert plans.load(path).jobs
