import gzip
import json
import os
import subprocess
import sys
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skymath_nb import __main__, data

BIG = 2**53 + 1
ROWS = [
    {
        "id": BIG,
        "problem": "A kite costs 3 dollars,\nand a string 2.",
        "solution": 'So it is "5".',
        "note": None,
    },
    {"id": 2, "problem": "风筝多少钱？", "solution": "The answer is 5.", "note": "x"},
]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
TABLE = pa.Table.from_pylist(ROWS)


def zst(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(content)
    return sink.getvalue().to_pybytes()


def separated(mark):
    quoted = [
        ['"' + str(value or "").replace('"', '""') + '"' for value in row.values()] for row in ROWS
    ]
    return "\r\n".join(mark.join(row) for row in [list(ROWS[0]), *quoted]).encode()


def parquet(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


FORMATS = {
    "a.jsonl": LINES.encode(),
    "blank_lines.jsonl": ("\ufeff\n" + LINES.replace("\n", "\r\n\r\n")).encode(),
    "no_suffix": LINES.encode(),
    "lines.json": LINES.encode(),
    "array.json": json.dumps(ROWS).encode(),
    "pretty.json": ("\ufeff" + json.dumps(ROWS, indent=2)).encode(),
    "array.jsonl": json.dumps(ROWS).encode(),
    "columns.json": json.dumps(COLUMNS, indent=1).encode(),
    "indexed.json": json.dumps(
        {name: dict(enumerate(column)) for name, column in COLUMNS.items()}
    ).encode(),
    "records.json": json.dumps(
        {str(row["id"]): {k: v for k, v in row.items() if k != "id"} for row in ROWS}
    ).encode(),
    "wrapped.json": json.dumps({"version": 1, "data": ROWS}).encode(),
    "splits.json": json.dumps({"test": [{"problem": "no"}], "train": ROWS}).encode(),
    "split.json": json.dumps(
        {"columns": list(COLUMNS), "data": [list(row.values()) for row in ROWS]}
    ).encode(),
    "a.csv": separated(","),
    "semicolons.csv": b"\xef\xbb\xbf" + separated(";"),
    "a.tsv": separated("\t"),
    "table.txt": separated("\t"),
    "a.jsonl.gz": gzip.compress(LINES.encode()),
    "two_members.gz": b"".join(gzip.compress(line.encode()) for line in LINES.splitlines(True)),
    "a.json.zst": zst(json.dumps(ROWS).encode()),
    "misnamed.jsonl": zst(separated(",")),
    "a.csv.gz": gzip.compress(separated(",")),
    "a.parquet": parquet(TABLE),
    "misnamed.json": parquet(TABLE),
    "a.parquet.gz": gzip.compress(parquet(TABLE)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_content_decides_how_a_file_is_read(name, tmp_path):
    (tmp_path / name).write_bytes(FORMATS[name])
    (table,) = data.Rows(tmp_path / name)
    assert table["id"].tolist() == [str(BIG), "2"]
    assert (
        table["query"].str.replace("\r", "").tolist() == COLUMNS["problem"]
        and table["response"].tolist() == COLUMNS["solution"]
    )


@pytest.mark.parametrize("name", ["a.jsonl", "array.json", "pretty.json", "a.csv", "a.json.zst"])
def test_a_small_buffer_reads_the_same(name, tmp_path, monkeypatch):
    monkeypatch.setattr(data.files, "CHUNK", 7)
    (tmp_path / name).write_bytes(FORMATS[name])
    (table,) = data.Rows(tmp_path / name)
    assert table["id"].tolist() == [str(BIG), "2"] and table["query"][1] == COLUMNS["problem"][1]


def test_every_kind_of_parquet_text_is_read(tmp_path):
    texts, ids = ["A?", None, "C?"], [1, None, BIG]
    kinds = [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.list_(pa.string()),
    ]
    columns = [
        pa.array([[t] if t else t for t in texts] if pa.types.is_list(kind) else texts, kind)
        for kind in kinds
    ]
    for column in [*columns, pa.array(texts).dictionary_encode()]:
        pq.write_table(
            pa.table({"id": pa.array(ids), "question": column, "answer": [1, 2, 3]}),
            tmp_path / "a.parquet",
        )
        rows = data.Rows(tmp_path / "a.parquet")
        (table,) = rows
        assert table["query"].tolist() == ["A?", "", "C?"] and table["response"].tolist() == [
            "1",
            "2",
            "3",
        ]
        assert table["id"][0] == "1" and table["id"][2] == str(BIG) and rows.counts["unread"] == 1


@pytest.mark.stack
def test_saved_data_sets_are_read_and_lead_nowhere_else(tmp_path):
    import datasets

    train, test = (datasets.Dataset.from_list(rows) for rows in (ROWS, ROWS[:1]))
    train.save_to_disk(tmp_path / "one")
    datasets.DatasetDict(train=train, test=test).save_to_disk(tmp_path / "both")
    for place, rows in (("one", 2), ("both", 2), ("both/test", 1)):
        assert (
            pa.Table.from_pylist([row for _, row in data.files.rows(tmp_path / place)]).num_rows
            == rows
        )
    assert len(list(data.files.rows(tmp_path / "both", "test"))) == 1
    state = tmp_path / "one" / "state.json"
    state.write_text(
        state.read_text().replace(
            "data-00000-of-00001.arrow", "../both/train/data-00000-of-00001.arrow"
        )
    )
    with pytest.raises(ValueError, match="no file of its own"):
        list(data.Rows(tmp_path / "one"))
    state.write_text("[]")
    with pytest.raises(ValueError, match="has no rows"):
        list(data.Rows(tmp_path / "one"))
    (tmp_path / "both" / "test" / "data-00000-of-00001.arrow").write_bytes(b"\xff" * 99)
    with pytest.raises(ValueError, match="both/test cannot be read"):
        list(data.Rows(tmp_path / "both" / "test"))
    with pytest.raises(ValueError, match="is a folder, but none of"):
        list(data.Rows(tmp_path))


CACHED = """
import pathlib, sys
from datasets import Dataset, DatasetInfo, SplitDict, SplitInfo
from datasets.arrow_writer import ArrowWriter
from skymath_nb import data; from skymath_nb.data import seeds
from skymath_nb import __main__ as command_line

def cache(config, **splits):
    folder = pathlib.Path(sys.argv[1], "own___kites", config, "0.0.0", 40 * "a")
    folder.mkdir(parents=True)
    infos = SplitDict(dataset_name="kites")
    for name, rows in splits.items():
        features = Dataset.from_list(rows).features
        writer = ArrowWriter(features=features, path=str(folder / f"kites-{name}.arrow"))
        for row in rows:
            writer.write(row)
        count, size = writer.finalize()
        infos[name] = SplitInfo(name=name, num_bytes=size, num_examples=count, dataset_name="kites")
    about = dict(dataset_name="kites", config_name=config, builder_name="parquet", version="0.0.0")
    DatasetInfo(features=features, splits=infos, **about).write_to_directory(str(folder))

def queries(place):
    return [query for table in data.Rows(place) for query in table["query"]]

long = "How many of the seventeen blue kites on the hill belong to the three children of the baker?"
cache("easy", train=[{"problem": "A", "solution": "s"}], test=[{"problem": long, "solution": ""}])
cache("hard", train=[{"problem": "C", "solution": "s"}, {"problem": long, "solution": "s"}])
assert queries("own/kites:easy") == ["A"] and queries("own/kites:easy/test") == [long]
assert queries("own/kites@main:hard/train") == ["C", long] == queries("own/kites@" + "a" * 40 + ":hard")
for place in ("own/kites:hard/test", "own/nothing", "own/kites@" + "b" * 40 + ":hard"):
    try:
        queries(place)
    except ConnectionError as error:
        assert place.split(":")[0].split("@")[0] in str(error) and "HF_HUB_OFFLINE" in str(error), error
    else:
        raise AssertionError(place)
assert seeds.load("own/kites:easy/test", "test", unanswered=True)["source"].tolist() == ["kites"]
assert command_line.main(["gate", "own/kites:hard", "--against", "own/kites:easy/test"]) == 1
assert pathlib.Path("kites.gate.parquet").is_file()
"""


@pytest.mark.stack
def test_a_data_set_of_the_hub_is_read_from_the_librarys_cache(tmp_path):
    home = str(__main__.Path(__main__.__file__).parents[1])
    offline = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": home,
    }
    command = [sys.executable, "-c", CACHED, str(tmp_path / "cache")]
    done = subprocess.run(
        command, env={**os.environ, **offline}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_place_that_is_no_file_may_be_a_hub_id():
    assert data.hub.parts("a/b@refs/pr/1:main/test[:10]") == {
        "id": "a/b",
        "revision": "refs/pr/1",
        "config": "main",
        "split": "test[:10]",
    }
    for place in (
        "a/b.jsonl",
        "/a/b",
        "./a/b",
        "b",
        "a/b/c/d",
        "~/a",
        "a b/c",
        "a/b.parquet/train",
    ):
        assert not data.hub.parts(place)
    with pytest.raises(FileNotFoundError, match="no such file"):
        data.Rows("a/b.jsonl")


GOOD, LONG = json.dumps(ROWS[0]).encode() + b"\n", gzip.compress(LINES.encode() * 2000, mtime=0)
BROKEN = {
    "cut.gz": (LONG[:-40], "cannot be read after line"),
    "flipped.gz": (
        LONG[:30] + bytes(byte ^ 0x55 for byte in LONG[30:200]) + LONG[200:],
        "cannot be read",
    ),
    "trailing.gz": (gzip.compress(GOOD) + b"rubbish", "cannot be read"),
    "cut.zst": (zst(LINES.encode() * 2000)[:-40], "cannot be read"),
    "zlib.jsonl": (zlib.compress(GOOD), "cannot be read"),
    "cut.parquet": (FORMATS["a.parquet"][:-9], "cannot be read"),
    "hole.parquet": (
        FORMATS["a.parquet"][:40] + b"\xff" * 40 + FORMATS["a.parquet"][80:],
        "cannot be read",
    ),
    "names.parquet": (
        parquet(pa.Table.from_arrays([["a"], ["b"]], ["problem"] * 2)),
        "two columns of one name",
    ),
    "text.parquet": (b"PAR?", "cannot be read as one"),
    "utf16.jsonl": (GOOD.decode().encode("utf-16"), "UTF-16 .*line 1.*iconv"),
    "utf16be.csv": (b"\xfe\xff" + separated(",").decode().encode("utf-16-be"), "UTF-16"),
    "unmarked.jsonl": (GOOD.decode().encode("utf-16-le"), "UTF-16"),
    "packed.jsonl": (gzip.compress(GOOD.decode().encode("utf-16")), "UTF-16"),
    "latin.jsonl": (
        GOOD * 3 + '{"problem": "Le caf\u00e9"}\n'.encode("latin-1"),
        "line 4 is not UTF-8 .byte 0xe9. but .*Latin-1",
    ),
    "latin.json": (
        b"[\n\n" + '{"problem": "Le caf\u00e9"}]'.encode("latin-1"),
        "line 3 is not UTF-8 .*Latin-1",
    ),
    "latin.csv": (
        "problem,answer\nLe caf\u00e9,1\n".encode("latin-1"),
        "line 2 is not UTF-8 .*Latin-1",
    ),
    "pointer.parquet": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
        "Git LFS pointer",
    ),
    "pointer.json": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
        "Git LFS pointer",
    ),
    "page.jsonl": (b"<!DOCTYPE html><html></html>", "a web page"),
    "a.zip": (b"PK\x03\x04rest", "a ZIP archive"),
    "a.bin": (b"\x7fELF\x01\0\0\0", "binary"),
    "deep.jsonl": (b'{"problem": ' + b"[" * 100_000 + b"\n", "line 1 is not .*recursion"),
    "deep.json": (b"[" * 100_000, "cannot be read after line 0"),
    "digits.jsonl": (b'{"id": ' + b"9" * 5000 + b"}\n" + GOOD, "line 1 is not .*digits"),
    "line.jsonl": (GOOD + b'{"problem": "b", "ans\n', "line 2 is not .*begins"),
    "list.jsonl": (GOOD + b"[1]\n", "line 2 is not .it is a list"),
    "numbers.json": (b"[1, 2]", "line 1 is not .it begins a list, whose row 1 is a int"),
    "open.json": (b'[{"problem": "a"}, {"problem"', "after row 1 of its list"),
    "two.json": (b'[{"problem": "a"}]\n[{"problem": "b"}]', "more than one list"),
    "object.json": (b'{\n "problem": "a",\n', "line 1 is not"),
    "splits.json": (b'{"a": [{"problem": "x"}], "b": [{"problem": "y"}]}', "has the splits a, b"),
    "cells.csv": (b"problem,answer\na,1\nb,2,3\n", "line 3 .*more cells than the header"),
    "quote.csv": (b'problem,answer\n"a,1\nb,2\n', "cannot be read"),
    "names.csv": (b"problem,problem\na,b\n", "two columns of one name"),
    "empty.jsonl": (b"", "no rows"),
    "empty.csv": (b"problem,answer\n", "no rows"),
    "empty.json": (b"[]", "no rows"),
    "other.jsonl": (b'{"text": "x"}\n', "a column with the problem .* has text"),
    "name.jsonl": (b'{"\\ud83d": "x"}\n', "a column with the problem"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_named_with_its_place(name, tmp_path, capsys):
    content, message = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s){message}") as error:
        list(data.Rows(path))
    assert str(path) in str(error.value) and len(str(error.value)) < 900
    assert (
        __main__.main(["coreset", str(path), "-k", "1"]) == 2
        and str(path) in capsys.readouterr().err
    )
    other = tmp_path / "other"
    other.write_text(LINES)
    assert __main__.main(["gate", str(path), "--against", str(other)]) == 2
    assert __main__.main(["gate", str(other), "--against", str(path)]) == 2
    assert __main__.main(["grade", str(path)]) == 2
    assert {one.name for one in tmp_path.iterdir()} == {name, "other"}


def test_devices_and_pipes_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(ValueError, match="no regular file"):
            data.Rows(place)


def test_the_cells_of_csv_stay_as_they_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"id,problem,answer\n007,What is 1e5?,1e5\n{BIG},,3\n1.50,B,\n")
    rows = data.Rows(path)
    (table,) = rows
    assert table["id"].tolist() == ["007", str(BIG), "1.50"] and table["response"].tolist() == [
        "1e5",
        "3",
        "",
    ]
    assert rows.counts["unread"] == 1 and rows.unread == ["row 3: it has none"]


def test_replies_are_imported_through_the_same_reader(tmp_path, capsys):
    from skymath_nb.inference import reply_store

    with reply_store.Ledger(tmp_path / "a.sqlite") as book:
        book.put("0" * 64, reply_store.Record("5", "stop", 1, 1, "m", 9))
    reply_store.export(tmp_path / "a.sqlite", tmp_path / "a.jsonl")
    (tmp_path / "a.zst").write_bytes(zst((tmp_path / "a.jsonl").read_bytes()))
    assert reply_store.add(tmp_path / "b.sqlite", tmp_path / "a.zst") == (1, 1)
    (tmp_path / "bad.gz").write_bytes(BROKEN["flipped.gz"][0])
    assert (
        __main__.main(["ledger", "import", str(tmp_path / "b.sqlite"), str(tmp_path / "bad.gz")])
        == 2
    )
    assert "bad.gz" in capsys.readouterr().err
