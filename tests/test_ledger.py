"""The ledger keeps what it was given, whoever writes, however the writer ends."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from skymath_nb import ledger
from skymath_nb.ledger import Ledger, LedgerError, Record

ASK = [{"role": "user", "content": "1 + 1?"}]


def record(text="2", finish="stop", max_tokens=8):
    return Record(text, finish, 5, 1, "m", max_tokens)


def key_of(text, **changes):
    asked = {"model": "m", "messages": [{"role": "user", "content": text}], "sampling": {"temperature": 0.7}}
    return ledger.key(**{**asked, "sample": 0, **changes})


def test_a_stored_reply_comes_back_unharmed(tmp_path):
    text = "一共 $\\frac{1}{2}$ {{x}}\0\n"
    with Ledger(tmp_path / "new" / "ledger.sqlite") as book:
        book.put("k", record(text))
        found = book.get_many(["k", "absent", "k"])
    assert list(found) == ["k"] and found["k"].text == text and found["k"].created.startswith("20")


def test_thousands_of_keys_are_found_at_once(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as book:
        for i in range(2000):
            book.put(str(i), record(str(i)))
        found = book.get_many(map(str, range(3000)))
        assert book.count() == 2000
    assert {k: r.text for k, r in found.items()} == {str(i): str(i) for i in range(2000)}


def test_every_part_of_the_question_changes_the_key_and_order_does_not():
    base = key_of("a")
    assert len(base) == 64 and key_of("a") == base
    changes = [{"model": "n"}, {"sampling": {"temperature": 1.0}}, {"sample": 1}, {"messages": ASK}]
    assert len({base, key_of("b"), *(key_of("a", **change) for change in changes)}) == 6
    assert key_of("a", sampling={"x": 1, "y": 2}) == key_of("a", sampling={"y": 2, "x": 1})
    with pytest.raises(ValueError, match="max_tokens"):
        key_of("a", sampling={"max_tokens": 5})


def test_only_a_cut_off_reply_is_replaced_and_only_by_a_longer_one(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as book:
        cut, longer, whole = ("ab", "length", 2), ("abc", "length", 3), ("abcd", "stop", 9)
        shorter, second = ("a", "length", 1), ("x", "stop", 99)
        expected = ["ab", "ab", "abc", "abcd", "abcd"]
        puts = [cut, shorter, longer, whole, second]
        for (text, finish, limit), stands in zip(puts, expected, strict=True):
            book.put("k", record(text, finish, limit))
            assert book.get_many(["k"])["k"].text == stands
    assert not record(finish="length", max_tokens=8).serves(9)
    assert record(finish="length", max_tokens=8).serves(8) and record(max_tokens=8).serves(9)


def test_threads_share_one_ledger(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as book, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: book.put(str(i % 100), record(str(i % 100))), range(800)))
        assert book.count() == 100


WRITER = """
import sys
from skymath_nb.ledger import Ledger, Record
path, start, stop = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with Ledger(path) as book:
    for i in range(start, stop):
        book.put(str(i), Record(str(i), "stop", 1, 1, "m", 8))
        print(i, flush=True)
"""


def write(path, start, stop):
    arguments = [sys.executable, "-c", WRITER, path, str(start), str(stop)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_processes_open_and_fill_one_new_ledger_together(tmp_path):
    writers = [write(tmp_path / "l.sqlite", 100 * i, 100 * i + 150) for i in range(4)]
    assert [len(w.communicate()[0].split()) for w in writers] == [150] * 4
    with Ledger(tmp_path / "l.sqlite") as book:
        assert book.count() == 450


def test_a_killed_writer_loses_nothing_it_had_stored(tmp_path):
    writer = write(tmp_path / "l.sqlite", 0, 10**6)
    stored = [int(writer.stdout.readline()) for _ in range(200)]
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    with Ledger(tmp_path / "l.sqlite") as book:
        assert len(book.get_many(map(str, stored))) == 200
        book.put("after", record())


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 7", "CREATE TABLE notes (x)"])
def test_a_file_of_another_version_or_program_is_refused_untouched(tmp_path, statement):
    path = tmp_path / "l.sqlite"
    db = sqlite3.connect(path)
    db.execute(statement)
    db.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="Nothing was changed"):
        Ledger(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "l.sqlite").write_text("not a database, " * 100)
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger(tmp_path / "l.sqlite")


def test_a_full_disk_is_one_clear_paragraph_and_keeps_what_was_stored(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as book:
        book.put("first", record())
        book._db.execute("PRAGMA max_page_count = 1")  # SQLite's own way to have no more room
        with pytest.raises(LedgerError, match="full.*free some space"):
            for i in range(100):
                book.put(str(i), record("x" * 4000))
        assert "first" in book.get_many(["first"])


def test_a_locked_ledger_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "BUSY_S", 0.05)
    with Ledger(tmp_path / "l.sqlite") as book:
        other = sqlite3.connect(tmp_path / "l.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="another process"):
            book.put("k", record())
        other.close()
        book.put("k", record())
