"""Every model reply, kept once: a SQLite store that all runs, threads and processes of one machine share.

A reply is found by what was asked (`key`), never by when or by whom. `max_tokens` stays outside the key: a
reply that was cut off at a lower limit is replaced by the longer one when a higher limit is asked.
"""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

VERSION = 1
BUSY_S = 60.0  # how long a writer waits for another process before it calls the file locked
CHUNK = 900  # keys per SELECT; SQLite before 3.32 takes 999 variables

TABLE = """
CREATE TABLE replies (
  key TEXT PRIMARY KEY, text TEXT NOT NULL, finish_reason TEXT NOT NULL, tokens_in INTEGER NOT NULL,
  tokens_out INTEGER NOT NULL, model TEXT NOT NULL, max_tokens INTEGER NOT NULL, created TEXT NOT NULL)
"""
# The first complete reply stands; only a cut-off one makes way, and only for one with a higher limit.
INSERT = """
INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
  text = excluded.text, finish_reason = excluded.finish_reason, tokens_in = excluded.tokens_in,
  tokens_out = excluded.tokens_out, max_tokens = excluded.max_tokens, created = excluded.created
WHERE replies.finish_reason = 'length' AND excluded.max_tokens > replies.max_tokens
"""


class LedgerError(RuntimeError):
    """The ledger cannot be opened, read or written; the message says why and what to do."""


class Record(NamedTuple):
    """One reply as stored: token counts as the server gave them, `created` in ISO UTC, set by `put`."""

    text: str
    finish_reason: str
    tokens_in: int
    tokens_out: int
    model: str
    max_tokens: int
    created: str = ""

    def serves(self, max_tokens: int) -> bool:
        """False if the reply was cut off and more tokens are allowed now: then it counts as missing."""
        return self.finish_reason != "length" or self.max_tokens >= max_tokens


def key(model: str, messages: Iterable[dict], sampling: dict, sample: int) -> str:
    """Digest of what decides a reply: sha256, 64 hex digits, of the canonical JSON of the four parts."""
    if "max_tokens" in sampling:
        raise ValueError("max_tokens was given as sampling; it stays outside the key, leave it out")
    asked = {"model": model, "messages": list(messages), "sampling": sampling, "sample": sample}
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Ledger:
    """An open reply store at `path`, made if absent; a context manager, safe for threads and processes.

    Every `put` is its own transaction in a write-ahead log, so a killed process loses no finished `put`.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(f"The ledger {self.path} has no folder and none can be made: {error}.") from error
        with self._explained("opened"):
            self._db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            with self._explained("opened"):
                self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self):
        """Check the version before anything is written; then switch to WAL and make the table if new."""
        if self._pragma("user_version") != VERSION:
            self._db.execute("BEGIN IMMEDIATE")  # two processes may both have found an empty file
            try:
                self._create()
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # safe against kill -9; no fsync per reply

    def _create(self):
        version, tables = self._pragma("user_version"), self._db.execute("SELECT name FROM sqlite_master")
        if version == VERSION:
            return
        if version or tables.fetchone():
            raise LedgerError(
                f"A ledger of version {VERSION} was asked for, but {self.path} has version {version}"
                f"{'' if version else ' and tables of another program'}. Nothing was changed. Name another "
                "path, or use the release that wrote this file."
            )
        self._db.execute(TABLE)
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _pragma(self, name: str) -> int:
        return self._db.execute(f"PRAGMA {name}").fetchone()[0]

    def get_many(self, keys: Iterable[str]) -> dict[str, Record]:
        """The stored records of those keys that are there; see `Record.serves` for the cut-off ones."""
        wanted, found = list(dict.fromkeys(keys)), {}
        with self._lock, self._explained("read"):
            for i in range(0, len(wanted), CHUNK):
                part = wanted[i : i + CHUNK]
                marks = ",".join("?" * len(part))
                rows = self._db.execute(f"SELECT * FROM replies WHERE key IN ({marks})", part)
                found.update((row[0], Record(*row[1:])) for row in rows)
        return found

    def put(self, key: str, record: Record):
        """Store one reply for good; a complete reply already there stays as it is."""
        created = record.created or datetime.now(UTC).isoformat(timespec="seconds")
        with self._lock, self._explained("written"):
            self._db.execute(INSERT, (key, *record[:-1], created))

    def count(self) -> int:  # no __len__: an empty ledger must not read as no ledger
        """How many replies there are."""
        with self._lock, self._explained("read"):
            return self._db.execute("SELECT count(*) FROM replies").fetchone()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with self._lock:
            self._db.close()

    @contextmanager
    def _explained(self, act: str):
        """Turn an error of SQLite into one paragraph that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            found = str(error)
            if "full" in found:
                advice = "free some space on that disk, then run again"
            elif "locked" in found or "busy" in found:
                advice = f"another process held it for {BUSY_S:.0f} s; end that one, then run again"
            elif "not a database" in found or "malformed" in found:
                advice = "this is no ledger, or a damaged one; name another path or restore a copy"
            elif "readonly" in found or "unable to open" in found or not os.access(self.path.parent, os.W_OK):
                advice = "name a path that may be written, on a local disk"
            else:
                advice = "check that it lies on a local disk, not on a network share"
            raise LedgerError(
                f"The ledger {self.path} could not be {act}: {found}. Replies stored before this are safe "
                f"and are not asked again; {advice}."
            ) from error
