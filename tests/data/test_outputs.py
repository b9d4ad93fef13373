import json
import os

import pandas as pd
import pytest

from skymath_nb import __main__, data
from skymath_nb.core import paths, schema
from skymath_nb.data import seeds
from skymath_nb.inference import reply_store
from skymath_nb.training import bases, curriculum

KITES = (
    "A shop sells {} red kites and {} blue kites every day. How many kites does it sell in a "
    "week of seven days?"
)
ROWS = [
    {"id": i, "problem": KITES.format(i, i + 2), "solution": f"The answer is {14 * (i + 1)}."}
    for i in range(3, 9)
]
ASKED = data.layouts.table()[0].example["query"]
OTHER = [
    {
        "question": (
            "Twelve farms have four white sheep and nine black goats each. How many animals are "
            "there?"
        ),
        "answer": "156",
    }
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with a file to gate and a benchmark."""
    write(tmp_path / "rows.jsonl", ROWS)
    write(tmp_path / "test.jsonl", OTHER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gate(*arguments):
    return __main__.main(["gate", "rows.jsonl", "--against", "test.jsonl", *arguments])


def test_rows_without_a_problem_are_unchecked_and_no_clean_file(here, capsys):
    assert gate() == 0
    write(
        here / "rows.jsonl",
        [*ROWS, {"id": "x", "problem": None, "solution": "s"}, {"id": "y", "problem": ["a", "b"]}],
    )
    assert gate() == 1
    printed = capsys.readouterr().out
    assert (
        "2 without a problem" in printed
        and "row 7: it has none" in printed
        and "row 8: its `problem` is a list" in printed
    )
    table = schema.read("rows.jsonl.gate.parquet", "gate").set_index("id")["verdict"]
    assert (
        table.drop(["x", "y"]).eq("clean").all() and table[["x", "y"]].tolist() == ["unchecked"] * 2
    )
    assert gate("--allow-unchecked") == 0
    write(here / "rows.jsonl", [{"problem": "", "solution": OTHER[0]["question"]}])
    assert gate("--allow-unchecked") == 1, "a response can leak without a problem"


def test_a_test_question_is_found_in_every_layout_of_a_mixed_file(here):
    for layout in data.layouts.table():
        text = json.dumps(layout.example).replace(ASKED, OTHER[0]["question"])
        write(here / "rows.jsonl", [*ROWS, {"query": None, "problem": None, **json.loads(text)}])
        assert gate() == 1, layout.name
        assert schema.read("rows.jsonl.gate.parquet", "gate")["verdict"].tolist() == [
            "clean"
        ] * len(ROWS) + ["leak"]


@pytest.mark.parametrize(
    "answer",
    [True, float("nan"), float("inf"), {"a": 1}, ["1", "2"], None, "proof", "notfound", 7, []],
)
def test_the_gate_and_the_coreset_need_the_problem_alone(here, answer, capsys):
    odd = [
        {
            "problem": OTHER[0]["question"],
            "answer": answer,
            "level": answer,
            "subject": answer,
            "source": answer,
            "licence": answer,
        }
    ]
    write(here / "rows.jsonl", odd)
    assert __main__.main(["coreset", "rows.jsonl", "-k", "1"]) == 0
    assert gate() == 1
    write(here / "test.jsonl", odd)
    assert gate() == 1, "a benchmark's item without an answer is an item"
    capsys.readouterr()


def test_unreadable_items_of_a_benchmark_are_told(here, capsys):
    write(here / "test.jsonl", [*OTHER, {"problem": float("nan"), "answer": "3"}])
    assert gate() == 0 and "test.jsonl: left out 1 (no problem)" in capsys.readouterr().out


def test_ids_are_text_and_repeated_ones_are_reported_and_made_unique(here, capsys):
    ids = [1, 2**53 + 1, "1", 1.5, 0, "0", None, "", True, "a", "1 (row 3)"]
    write(
        here / "rows.jsonl",
        [{**ROWS[i % 6], "problem": KITES.format(i, i + 1), "id": id} for i, id in enumerate(ids)],
    )
    assert gate() == 0
    found = schema.read("rows.jsonl.gate.parquet", "gate")["id"]
    assert found.is_unique and found[:6].tolist() == [
        "1",
        "9007199254740993",
        "1 (row 3)",
        "1.5",
        "0",
        "0 (row 6)",
    ]
    assert (
        "3 rows with a repeated id, which got the row's number: row 3: '1'; row 6: '0'; row 11: "
        "'1 (row 3)'" in capsys.readouterr().out
    )
    table = seeds.load(str(here / "rows.jsonl"), "test")
    assert (
        table["id"][:6].tolist() == found[:6].tolist()
        and table["id"].is_unique
        and table.attrs["noted"]["repeated id"] == 3
    )


def test_two_files_numbered_from_0_lose_no_row(here):
    again = [{**row, "problem": row["problem"].replace("kites", "tops")} for row in ROWS]
    tables = {
        name: data.load(write(here / f"{name}.jsonl", rows))
        for name, rows in (("a", ROWS), ("b", again), ("c", again[:2] + ROWS[:1]))
    }
    joined = data.unite(tables)
    assert data.summary(tables)["repeated ids"].tolist() == [0, 0, 1]
    assert joined["id"].tolist() == [
        *"345678",
        *(f"b:{i}" for i in range(3, 9)),
        "c:3",
        "c:4",
        "3 (row 3)",
    ]
    clean = pd.DataFrame({"id": joined["id"], "verdict": "clean", "benchmark": "test"})
    counts = dict(curriculum.assemble(joined, clean).counts.to_numpy().tolist())
    assert counts == {"kept": 12, "there already": 3}
    problems = data.unite({name: seeds.load(str(here / f"{name}.jsonl")) for name in "ab"})
    assert problems["id"].is_unique and len(problems) == 12


SPELLINGS = [
    "rows.jsonl",
    "./rows.jsonl",
    "sub/../rows.jsonl",
    "linked",
    "hard",
    "folder/rows.jsonl",
    "{here}/rows.jsonl",
]


@pytest.mark.parametrize("spelling", [*SPELLINGS, "test.jsonl"])
def test_an_output_is_never_an_input(here, spelling, capsys):
    (here / "sub").mkdir()
    (here / "linked").symlink_to("rows.jsonl")
    os.link("rows.jsonl", "hard")
    (here / "folder").symlink_to(here)
    before = {path: path.read_bytes() for path in here.iterdir() if path.is_file()}
    out = spelling.format(here=here)
    file = "test.jsonl" if spelling == "test.jsonl" else "rows.jsonl"
    for command in (
        ["gate", "rows.jsonl", "--against", "test.jsonl"],
        ["gate", "test.jsonl", "--against", "rows.jsonl"],
        ["coreset", file, "-k", "1"],
        ["grade", file, "--response", "problem", "--gold", "solution"],
    ):
        for force in ([], ["--force"]):
            assert __main__.main([*command, "--out", out, *force]) == 2
            error = capsys.readouterr().err
            assert "would overwrite what is read" in error or "should end in" in error
    assert {path: path.read_bytes() for path in here.iterdir() if path.is_file()} == before


def test_a_second_output_is_no_input_either(here, capsys):
    os.rename("test.jsonl", "a.hits.parquet")
    assert (
        __main__.main(
            [
                "gate",
                "rows.jsonl",
                "--against",
                "a.hits.parquet",
                "--out",
                "a.gate.parquet",
                "--force",
            ]
        )
        == 2
    )
    assert (
        "would overwrite" in capsys.readouterr().err
        and json.loads((here / "a.hits.parquet").read_text()) == OTHER[0]
    )


@pytest.mark.parametrize(
    "command",
    [["gate", "--against", "test.jsonl"], ["coreset", "-k", "1"], ["grade", "--gold", "solution"]],
)
@pytest.mark.parametrize("out", ["out.parquet", "out.jsonl"])
def test_what_another_input_made_is_overwritten_with_force_alone(here, command, out, capsys):
    rows = [{**row, "response": "5"} for row in ROWS]
    write(here / "rows.jsonl", rows)
    write(here / "more.jsonl", rows[:2])
    name, *options = command

    def run(file, *more):
        return __main__.main([name, file, *options, "--out", out, *more])

    assert run("rows.jsonl") == 0 and run("./rows.jsonl") == 0, "its own output again"
    before = (here / out).read_bytes()
    assert (
        run("more.jsonl") == 2
        and "--force" in capsys.readouterr().err
        and (here / out).read_bytes() == before
    )
    assert run("more.jsonl", "--force") == 0 and run("more.jsonl") == 0 and run("rows.jsonl") == 2
    (here / out).write_text("my own notes")
    assert run("more.jsonl") == 2 and (here / out).read_text() == "my own notes"


@pytest.mark.parametrize("out", ["/dev/null", "absent/out.parquet", "."])
def test_an_output_is_a_file_in_a_folder(here, out, capsys):
    assert gate("--out", out, "--force") == 2 and capsys.readouterr().err.startswith("error: ")


def test_the_other_commands_guard_their_outputs_too(here, monkeypatch, capsys):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(here / "outputs"))
    for name in "ab":
        with reply_store.Ledger(here / f"{name}.sqlite") as book:
            book.put(name * 64, reply_store.Record("5", "stop", 1, 1, "m", 9))
    os.link("a.sqlite", "link")
    export = ["ledger", "export", "a.sqlite"]
    assert (
        __main__.main([*export, "link", "--force"]) == 2
        and __main__.main([*export, "./a.sqlite"]) == 2
    )
    assert __main__.main([*export, "r.jsonl"]) == 0 and __main__.main([*export, "r.jsonl"]) == 0
    assert __main__.main(["ledger", "export", "b.sqlite", "r.jsonl"]) == 2
    assert __main__.main(["ledger", "export", "b.sqlite", "r.jsonl", "--force"]) == 0
    recipe = here / "tiny" / "recipe.yaml"
    recipe.parent.mkdir()
    recipe.write_text("name: tiny\nsteps: 1\n")
    assert (
        __main__.main(["base", str(recipe), "--out", str(here), "--force"]) == 2
        and recipe.is_file()
    )
    (here / "r.yaml").write_text("name: tiny\nsteps: 1\n")
    assert __main__.main(["base", "r.yaml", "--out", str(here)]) == 2 and recipe.is_file()
    (here / "r.yaml").write_text("name: tiny-base\nbase: tiny-base\nsteps: 1\n")
    assert (
        __main__.main(["base", "r.yaml", "--force"]) == 2
        and (bases.BASES / "tiny-base" / "card.json").is_file()
    )
    errors = capsys.readouterr().err
    assert (
        errors.count("would overwrite what is read") == 2
        and errors.count("would be replaced, but it is read") == 2
    )


def test_a_page_of_compared_runs_overwrites_nothing_of_a_run(here):
    run = here / "run"
    (run / "step").mkdir(parents=True)
    (run / "step" / "figure.html").write_text("kept")
    os.link(run / "step" / "figure.html", "page.html")
    for out in (run / "step" / "figure.html", here / "page.html"):
        with (
            pytest.raises(ValueError, match="would overwrite"),
            data.outputs.guarded([out], [run], force=True),
        ):
            pass


def test_paths_are_relative_to_the_working_directory(here, capsys):
    name = "params/tiny.yaml"  # a path of the repository
    (here / "params").mkdir()
    write(here / name, OTHER)
    assert (paths.home() / name).is_file()
    assert __main__.main(["gate", "test.jsonl", "--against", name, "--out", "out.parquet"]) == 1
    assert schema.read("out.parquet", "gate")["benchmark"].unique().tolist() == [name]
    os.remove(name)
    assert gate("--against", name) == 2 and str(here / name) in capsys.readouterr().err


@pytest.fixture
def reported(data_folder):
    folder = data_folder / "bug_reports" / "files"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return folder


def test_the_reported_files_are_read_or_named(reported, here, capsys):
    named = {"utf16.jsonl": "UTF-16", "latin1.jsonl": "line 8 is not UTF-8"}
    for path in sorted(reported.iterdir()):
        arguments = [str(path), "--out", f"{path.name}.parquet"]
        commands = (
            ["gate", *arguments, "--against", "test.jsonl"],
            ["coreset", *arguments, "-k", "3", "--force"],
        )
        codes = [__main__.main(command) for command in commands]
        errors = capsys.readouterr().err
        assert codes == (
            [2, 2] if path.name in named else [path.name == "bench_nan_answer.jsonl", 0]
        ), path.name
        assert named.get(path.name, "") in errors and "Traceback" not in errors
        codes = __main__.main(["gate", "test.jsonl", "--against", str(path), "--out", "o.parquet"])
        assert codes == (2 if path.name in named else 0)
