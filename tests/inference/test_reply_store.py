"""The ledger keeps what it was given, whoever writes, however the writer ends."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from skymath_nb.inference import reply_store
from skymath_nb.inference.reply_store import Ledger, LedgerError, Record

ASK = [{"role": "user", "content": "1 + 1?"}]


def record(text="2", finish="stop", max_tokens=8):
    return Record(text, finish, 5, 1, "m", max_tokens)


def key_of(text, **changes):
    asked = {
        "model": "m",
        "messages": [{"role": "user", "content": text}],
        "sampling": {"temperature": 0.7},
    }
    return reply_store.key(**{**asked, "sample": 0, **changes})


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
from skymath_nb.inference.reply_store import Ledger, Record
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
    monkeypatch.setattr(reply_store, "BUSY_S", 0.05)
    with Ledger(tmp_path / "l.sqlite") as book:
        other = sqlite3.connect(tmp_path / "l.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="another process"):
            book.put("k", record())
        other.close()
        book.put("k", record())


def test_a_store_of_the_version_before_is_read_as_it_is_and_brought_up_when_written(tmp_path):
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as db:
        for statement in reply_store.TABLES:
            db.execute(statement)
        created = "2026-01-01T00:00:00+00:00"
        db.execute(
            f"INSERT INTO replies VALUES ('k', 'text', 'stop', 5, 1, 'm', 8, '{created}', 3, 1)"
        )
        db.execute(f"PRAGMA user_version = {reply_store.BEFORE}")
    db.close()
    before = path.read_bytes()
    stored = Record("text", "stop", 5, 1, "m", 8, created, 3, 1)
    with Ledger(path, read_only=True) as book:
        assert book.get_many(["k"]) == {"k": stored}
    assert (
        reply_store.export(path, tmp_path / "out.jsonl") == 1
        and reply_store.totals(path)[0]["replies"] == 1
    )
    assert reply_store.merge(tmp_path / "new.sqlite", [path]) == (1, 1)
    assert path.read_bytes() == before
    with Ledger(path) as book:
        assert book.get_many(["k"]) == {"k": stored}
        book.put("l", record()._replace(reasoning="hm", estimated=1))
        assert book.get_many(["l"])["l"][-2:] == ("hm", 1)


def test_a_broken_reply_makes_way_for_a_better_one_and_serves_a_replay_alone(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as book:
        broken, cut, whole = (
            record("par", "abort"),
            record("part", "MAX_TOKENS"),
            record("all", "end_turn"),
        )
        assert broken.serves(8, replay=True) and not broken.serves(8)
        for reply, stands in [
            (broken, "par"),
            (record("x", "error"), "par"),
            (cut, "part"),
            (broken, "part"),
        ]:
            book.put("k", reply)
            assert book.get_many(["k"])["k"].text == stands
        book.put("k", whole._replace(max_tokens=9))
        book.put("k", broken._replace(max_tokens=10))
        assert book.get_many(["k"])["k"].text == "all"
        book.put("other", record("", "stop"))
        row = book.totals()[0]
    assert (row["replies"], row["cut_off"], row["broken"]) == (2, 0, 1)


def filled(path, start, stop, **changes):
    with Ledger(path) as book:
        for i in range(start, stop):
            book.put(
                key_of(str(i)),
                record(f"{i} 一")._replace(created="2026-01-01T00:00:00+00:00", **changes),
            )
    return path


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_an_exported_ledger_comes_back_whole_and_byte_by_byte(tmp_path, name):
    path = filled(tmp_path / "a.sqlite", 0, 50, tokens_reasoning=1)
    assert reply_store.export(path, tmp_path / name) == 50
    assert reply_store.add(tmp_path / "b.sqlite", tmp_path / name) == (50, 50)
    assert reply_store.add(tmp_path / "b.sqlite", tmp_path / name) == (50, 0)
    reply_store.export(tmp_path / "b.sqlite", tmp_path / f"again-{name}")
    assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_merging_keeps_complete_replies_and_prefers_longer_ones(tmp_path):
    filled(tmp_path / "a.sqlite", 0, 30, finish_reason="length", max_tokens=4)
    filled(tmp_path / "b.sqlite", 20, 40, text="whole", max_tokens=9)
    filled(tmp_path / "c.sqlite", 25, 45, text="late", max_tokens=99)
    assert reply_store.merge(
        tmp_path / "a.sqlite", [tmp_path / "b.sqlite", tmp_path / "c.sqlite"]
    ) == (40, 25)
    with Ledger(tmp_path / "a.sqlite") as book:
        found = book.get_many(map(key_of, map(str, range(45))))
    assert [found[key_of(str(i))].text for i in (19, 20, 29, 39, 40)] == [
        "19 一",
        "whole",
        "whole",
        "whole",
        "late",
    ]
    with pytest.raises(LedgerError, match="into itself"):
        reply_store.merge(tmp_path / "a.sqlite", [tmp_path / "a.sqlite"])


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"key": "x", "text": "t"}',
        '{"key": "%s", "text": 5}' % ("0" * 64),
        '{"key": "k\'; DROP TABLE replies"}',
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_imported(tmp_path, line):
    path = filled(tmp_path / "a.sqlite", 0, 3)
    reply_store.export(path, tmp_path / "out.jsonl")
    with open(tmp_path / "out.jsonl", "a") as file:
        file.write(line + "\n")
    with pytest.raises(LedgerError, match="Line 4 of .* is no reply.*Nothing was imported"):
        reply_store.add(tmp_path / "b.sqlite", tmp_path / "out.jsonl")
    with Ledger(tmp_path / "b.sqlite") as book:
        assert book.count() == 0


def test_a_cut_off_gz_is_named(tmp_path):
    reply_store.export(filled(tmp_path / "a.sqlite", 0, 300), tmp_path / "out.jsonl.gz")
    whole = (tmp_path / "out.jsonl.gz").read_bytes()
    (tmp_path / "out.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LedgerError, match="Nothing was imported"):
        reply_store.add(tmp_path / "b.sqlite", tmp_path / "out.jsonl.gz")


def test_what_is_not_there_is_an_error_and_is_not_made(tmp_path):
    for act in (
        lambda: reply_store.export(tmp_path / "no.sqlite", tmp_path / "out"),
        lambda: reply_store.add(tmp_path / "new.sqlite", tmp_path / "no.jsonl"),
        lambda: reply_store.merge(tmp_path / "new.sqlite", [tmp_path / "no.sqlite"]),
        lambda: reply_store.totals(tmp_path / "no.sqlite"),
    ):
        with pytest.raises(LedgerError, match="There is no"):
            act()
    assert not list(tmp_path.iterdir())
    (tmp_path / "text.sqlite").write_text("no database " * 99)
    with pytest.raises(LedgerError, match="Nothing of it was merged"):
        reply_store.merge(tmp_path / "new.sqlite", [tmp_path / "text.sqlite"])


def test_the_command_line_exports_imports_merges_and_shows(tmp_path, capsys):
    from skymath_nb.__main__ import main

    filled(tmp_path / "a.sqlite", 0, 5)
    a, b, out = (str(tmp_path / name) for name in ("a.sqlite", "b.sqlite", "out.jsonl.gz"))
    assert (
        main(["ledger", "export", a, out])
        == main(["ledger", "import", b, out])
        == main(["ledger", "merge", b, a])
        == 0
    )
    assert main(["ledger", "show", b]) == 0
    said = capsys.readouterr().out
    assert (
        "5 replies of" in said
        and "5 of them new" in said
        and "0 of them new" in said
        and "cut_off" in said
    )
    assert (
        main(["ledger", "merge", b, str(tmp_path / "no")]) == 2
        and "There is no ledger" in capsys.readouterr().err
    )


def test_a_claim_holds_against_others_until_it_is_answered_released_or_its_process_is_gone(
    tmp_path,
):
    with Ledger(tmp_path / "l.sqlite") as book:
        one, two = reply_store.owner(), reply_store.owner()
        assert book.claim({"a": 8, "b": 8, "c": 8}, one) == ({}, set())
        assert book.claim({"a": 8, "b": 8, "d": 8}, two) == ({}, {"a", "b"})
        assert book.claim({"a": 8}, one) == ({}, set()), "one's own"
        book.put("a", record())
        found, held = book.claim({"a": 8, "b": 8}, two)
        assert list(found) == ["a"] and held == {"b"}
        book.release(one, ["b"])
        assert book.claim({"b": 8, "c": 8}, two) == ({}, {"c"})
        book.release(one)
        assert book.claim({"c": 8}, two) == ({}, set())
        gone = f"{os.getpid()}:1.00:0"  # the same number, another process
        book.claim({"e": 8}, gone)
        assert book.claim({"e": 8}, two) == ({}, set())
        book.put("f", record("cut", "length", 8))
        assert list(book.claim({"f": 8}, two)[0]) == ["f"] and book.claim({"f": 9}, two) == (
            {},
            set(),
        )


def test_a_refusal_serves_a_replay_alone_and_makes_way_for_a_reply(tmp_path):
    refused, reply = Record("", "refused 400", 0, 0, "m", 64), Record("8", "stop", 1, 1, "m", 64)
    key = "a" * 64
    with Ledger(tmp_path / "a.sqlite") as book:
        book.put(key, refused)
        assert (refused.refused, reply.refused) == (400, 0)
        assert refused.serves(64, replay=True) and not refused.serves(64)
        assert book.claim({key: 64}, reply_store.owner()) == ({}, set())  # who asks, asks again
        book.put(key, reply)
        book.put(key, refused)
        assert book.get_many([key])[key].text == "8"
