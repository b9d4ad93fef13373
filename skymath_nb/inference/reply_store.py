"""Every model reply, kept once.

A SQLite store that all runs, threads and processes of one machine share.

A reply is found by what was asked (`key`), never by when or by whom. `max_tokens` stays outside the
key: a reply that was cut off at a lower limit is replaced by the longer one when a higher limit is
asked. Who is about to ask claims the key first, so that two processes never ask the same; a claim
ends with the process that made it.
"""

import errno
import gzip
import hashlib
import itertools
import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ..core.finish_reasons import BROKEN, COMPLETE, FILTERED, TRUNCATED, outcome
from ..data import files

VERSION = 3  # 3 adds thoughts and the mark of estimated tokens
BEFORE = 2  # read as it is, and brought up when it is opened for writing
BUSY_S = 60.0  # how long a writer waits for another process before it calls the file locked
CHUNK = 900  # keys per SELECT; SQLite before 3.32 takes 999 variables
PORTION = 1000  # rows at a time when whole ledgers are copied
CLOCK_S = 2.0  # two readings of one process's start agree this well

TABLES = (
    """CREATE TABLE IF NOT EXISTS replies (
      key TEXT PRIMARY KEY, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
      tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, model TEXT NOT NULL,
      max_tokens INTEGER NOT NULL, created TEXT NOT NULL,
      tokens_cached INTEGER NOT NULL DEFAULT 0, tokens_reasoning INTEGER NOT NULL DEFAULT 0)""",
    "CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX claims_by_owner ON claims (owner)",
    """CREATE TABLE batches
      (name TEXT PRIMARY KEY, server TEXT NOT NULL, id TEXT NOT NULL, sender TEXT NOT NULL)""",
)
ADDED = (
    "ALTER TABLE replies ADD COLUMN reasoning TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE replies ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0",
)
# A refusal for good, told from whatever a server may call its own finish_reason: this and no text.
REFUSED = re.compile(r"refused (\d{3})")
REFUSAL = 0  # the least of what may stand under a key
STANDING = {BROKEN: 1, TRUNCATED: 2, FILTERED: 3, COMPLETE: 3}
COLUMNS = (
    *("key", "text", "finish_reason", "tokens_in", "tokens_out", "model", "max_tokens", "created"),
    *("tokens_cached", "tokens_reasoning", "reasoning", "estimated"),
)
# The first complete reply stands. A refusal or a broken reply makes way for a better one, a
# truncated reply for one that was allowed more tokens.
INSERT = f"""
INSERT INTO replies ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))})
ON CONFLICT (key) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in ("key", "model"))}
WHERE CASE standing(replies.finish_reason, replies.text)
  WHEN {STANDING[COMPLETE]} THEN 0
  WHEN {STANDING[TRUNCATED]} THEN excluded.max_tokens > replies.max_tokens
    AND standing(excluded.finish_reason, excluded.text) >= {STANDING[TRUNCATED]}
  ELSE standing(excluded.finish_reason, excluded.text)
    > standing(replies.finish_reason, replies.text) END
"""
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
# tells the owners within this process apart, and which of them still run
RUNS, LIVE = itertools.count(), set()


class LedgerError(RuntimeError):
    """The ledger cannot be opened, read or written; the message says why and what to do."""


class Record(NamedTuple):
    """One reply as stored.

    Token counts as the server gave them, `created` in ISO UTC, set by `put`.

    `tokens_cached` are those of `tokens_in` that the server had in its cache, `tokens_reasoning`
    those of `tokens_out` that were thought and not said. `reasoning` are the thoughts that the
    server sent beside the text. `estimated` is 1 where the server did not count and the tokens are
    estimated from the text. A request that the server refused for good has the finish_reason
    "refused" and the status, and no text: only a replay takes that for an answer, who asks a server
    asks again.
    """

    text: str
    finish_reason: str
    tokens_in: int
    tokens_out: int
    model: str
    max_tokens: int
    created: str = ""
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    reasoning: str = ""
    estimated: int = 0

    @property
    def refused(self) -> int:
        """The status with which the server refused, 0 for a reply."""
        found = None if self.text else REFUSED.fullmatch(self.finish_reason)
        return int(found[1]) if found else 0

    def serves(self, max_tokens: int, replay: bool = False) -> bool:
        """Whether this reply answers a request; one that does not counts as missing.

        A truncated reply does not where more tokens are allowed now. A refusal or a broken reply
        answers a replay alone.
        """
        ending = outcome(self.finish_reason, self.text)
        if ending == TRUNCATED:
            return self.max_tokens >= max_tokens
        return replay or ending != BROKEN


class Batch(NamedTuple):
    """A batch that was handed in, or was about to be (`id` ""), by `sender`, a process (see
    `owner`).
    """

    name: str
    server: str
    id: str
    sender: str


def _standing(finish_reason: str, text: str) -> int:
    """What a stored reply is worth beside another under its key, for SQL."""
    if not text and REFUSED.fullmatch(finish_reason):
        return REFUSAL
    return STANDING[outcome(finish_reason, text)]


def key(model: str, messages: Iterable[dict], sampling: dict, sample: int) -> str:
    """Digest of what decides a reply.

    Sha256, 64 hex digits, of the canonical JSON of the four parts.
    """
    if "max_tokens" in sampling:
        raise ValueError("max_tokens was given as sampling; it stays outside the key, leave it out")
    asked = {"model": model, "messages": list(messages), "sampling": sampling, "sample": sample}
    return hashlib.sha256(CANONICAL(asked).encode()).hexdigest()


def owner() -> str:
    """A new name for who claims.

    This process, told apart from a later one with the same number, and a running number.
    """
    import psutil

    LIVE.add(name := f"{os.getpid()}:{psutil.Process().create_time():.2f}:{next(RUNS)}")
    return name


def alive(owner: str) -> bool:
    """Whether an `owner` still runs.

    Here until it is released, elsewhere as long as its process.
    """
    import psutil

    pid, started, _ = owner.split(":")
    if int(pid) == os.getpid():
        return owner in LIVE
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(started)) < CLOCK_S
    except psutil.NoSuchProcess:
        return False


class Ledger:
    """An open reply store at `path`, made if absent.

    A context manager, safe for threads and processes.

    Every `put` is its own transaction in a write-ahead log, so a killed process loses no finished
    `put`. A store that may not be written is opened for reading, as with `read_only`: a replay
    works from it, and a `put` says that it cannot.
    """

    def __init__(self, path: str | Path, read_only: bool = False):
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(
                f"The ledger {self.path} has no folder and none can be made: {error}."
            ) from error
        with self._explained("opened"):
            if read_only or not _writable(self.path):
                self._db, prepare = _reader(self.path), self._check_version
            else:
                self._db = sqlite3.connect(
                    self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
                )
                prepare = self._prepare
        self._db.create_function("standing", 2, _standing, deterministic=True)
        try:
            with self._explained("opened"):
                prepare()
                self._columns = _columns(self._db)
        except BaseException:
            self._db.close()
            raise

    def _check_version(self):
        if (version := _version(self._db)) not in (BEFORE, VERSION):
            raise LedgerError(
                f"{self.path} is no ledger of version {BEFORE} or {VERSION} (it says {version}); "
                "nothing of it was read."
            )

    def _prepare(self):
        """Check the version before anything is written.

        Then switch to WAL and make the tables if new.
        """
        if _version(self._db) != VERSION:
            with self._transaction():  # two processes may both have found an empty file
                self._create()
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # safe against kill -9; no fsync per reply

    def _create(self):
        version, tables = _version(self._db), self._db.execute("SELECT name FROM sqlite_master")
        if version == VERSION:
            return
        if version not in (0, BEFORE) or (version == 0 and tables.fetchone()):
            raise LedgerError(
                f"A ledger of version {VERSION} was asked for, but {self.path} has version "
                f"{version}{'' if version else ' and tables of another program'}. Nothing was "
                "changed. Name another path, or use the release that wrote this file."
            )
        for statement in ADDED if version == BEFORE else TABLES + ADDED:
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self):
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # SQLite itself rolls back on a full disk
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def get_many(self, keys: Iterable[str]) -> dict[str, Record]:
        """The stored records of those keys that are there.

        See `Record.serves` for the cut-off ones.
        """
        with self._lock, self._explained("read"):
            return {
                row[0]: Record(*row[1:]) for row in self._select(self._columns, "replies", keys)
            }

    def _select(self, columns: str, table: str, keys: Iterable[str]) -> Iterator[tuple]:
        wanted = list(dict.fromkeys(keys))
        for i in range(0, len(wanted), CHUNK):
            part = wanted[i : i + CHUNK]
            yield from self._db.execute(
                f"SELECT {columns} FROM {table} WHERE key IN ({','.join('?' * len(part))})", part
            )

    def put(self, key: str, record: Record):
        """Store one reply for good; a complete reply already there stays as it is."""
        self.put_many({key: record})

    def put_many(self, records: dict[str, Record]):
        """Store replies for good in one transaction, and end the claims on their keys."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        rows = [
            (key, *record._replace(created=record.created or now))
            for key, record in records.items()
        ]
        with self._lock, self._explained("written"), self._transaction():
            self._db.executemany(INSERT, rows)
            self._db.executemany("DELETE FROM claims WHERE key = ?", [row[:1] for row in rows])

    def claim(self, wanted: dict[str, int], owner: str) -> tuple[dict[str, Record], set[str]]:
        """Reserve keys for `owner` before they are asked: (records that serve by now, keys that
        others hold).

        `wanted` maps keys to max_tokens; every key in neither result is now the owner's. A claim of
        a process that has ended is taken over; one of a batch holds until the batch is collected.
        """
        with self._lock, self._explained("written"), self._transaction():
            found = {
                row[0]: Record(*row[1:]) for row in self._select(self._columns, "replies", wanted)
            }
            found = {key: record for key, record in found.items() if record.serves(wanted[key])}
            holders = dict(
                self._select("key, owner", "claims", (key for key in wanted if key not in found))
            )
            if holders:
                batches = {name for (name,) in self._db.execute("SELECT name FROM batches")}
            else:
                batches = set()
            holds = {
                one: one in batches or (":" in one and alive(one)) for one in set(holders.values())
            }
            held = {key for key, one in holders.items() if one != owner and holds[one]}
            free = [(key, owner) for key in wanted if key not in found and key not in held]
            self._db.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?)", free)
        return found, held

    def release(self, owner: str, keys: Iterable[str] | None = None):
        """End the claims of `owner`, and with it the owner, or those on some keys."""
        if keys is None:
            LIVE.discard(owner)  # first: it holds also where the disk is full
        with self._lock, self._explained("written"), self._transaction():
            if keys is None:
                self._db.execute("DELETE FROM claims WHERE owner = ?", (owner,))
            else:
                self._db.executemany(
                    "DELETE FROM claims WHERE key = ? AND owner = ?", [(key, owner) for key in keys]
                )

    def open_batch(self, batch: Batch, owner: str, keys: Iterable[str]):
        """Note a batch before it is handed in and give it the owner's claims on those keys."""
        with self._lock, self._explained("written"), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?)", batch)
            self._db.executemany(
                "UPDATE claims SET owner = ? WHERE key = ? AND owner = ?",
                [(batch.name, key, owner) for key in keys],
            )

    def name_batch(self, name: str, id: str):
        """Note the id that the server gave a batch."""
        with self._lock, self._explained("written"):
            self._db.execute("UPDATE batches SET id = ? WHERE name = ?", (id, name))

    def claimed(self, owner: str) -> list[str]:
        """The keys that an owner or a batch holds."""
        with self._lock, self._explained("read"):
            return [
                key
                for (key,) in self._db.execute("SELECT key FROM claims WHERE owner = ?", (owner,))
            ]

    def close_batch(self, name: str):
        """Forget a batch and end its claims: what it did not answer can be asked again."""
        with self._lock, self._explained("written"), self._transaction():
            self._db.execute("DELETE FROM claims WHERE owner = ?", (name,))
            self._db.execute("DELETE FROM batches WHERE name = ?", (name,))

    def batches(self, keys: Iterable[str] | None = None) -> list[Batch]:
        """The batches not yet collected, all or those that hold one of the keys."""
        with self._lock, self._explained("read"):
            found = [Batch(*row) for row in self._db.execute("SELECT * FROM batches ORDER BY name")]
            if found and keys is not None:
                holders = {one for (one,) in self._select("owner", "claims", keys)}
                found = [batch for batch in found if batch.name in holders]
            return found

    def count(self) -> int:  # no __len__: an empty ledger must not read as no ledger
        """How many replies there are, refusals left out."""
        with self._lock, self._explained("read"):
            query = f"SELECT count(*) FROM replies WHERE standing(finish_reason, text) > {REFUSAL}"
            return self._db.execute(query).fetchone()[0]

    def totals(self) -> list[dict]:
        """Per model, in order of name, refusals left out.

        What is stored, of it truncated or broken.

        Returns:
            Dicts of model, replies, cut_off, broken, tokens_in, tokens_out, first and last (ISO
            UTC).
        """
        query = f"""SELECT model, count(*), sum(standing = {STANDING[TRUNCATED]}),
            sum(standing = {STANDING[BROKEN]}), sum(tokens_in), sum(tokens_out),
            min(created), max(created)
            FROM (SELECT *, standing(finish_reason, text) AS standing FROM replies)
            WHERE standing > {REFUSAL} GROUP BY model ORDER BY model"""
        sums = ("replies", "cut_off", "broken", "tokens_in", "tokens_out", "first", "last")
        names = ("model", *sums)
        with self._lock, self._explained("read"):
            return [dict(zip(names, row, strict=True)) for row in self._db.execute(query)]

    def _rows(self) -> Iterator[tuple]:
        yield from self._db.execute(f"SELECT {self._columns} FROM replies ORDER BY key")

    def _add(self, rows: Iterator[tuple]) -> tuple[int, int]:
        """(rows read, rows new or longer than before), in one transaction: all or none."""
        read, before = 0, self._db.total_changes
        with self._lock, self._explained("written"), self._transaction():
            while portion := list(itertools.islice(rows, PORTION)):
                self._db.executemany(INSERT, portion)
                read += len(portion)
        return read, self._db.total_changes - before

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
            elif (
                "readonly" in found
                or "unable to open" in found
                or not os.access(self.path.parent, os.W_OK)
            ):
                advice = "name a path that may be written, on a local disk"
            else:
                advice = "check that it lies on a local disk, not on a network share"
            raise LedgerError(
                f"The ledger {self.path} could not be {act}: {found}. Replies stored before this "
                f"are safe and are not asked again; {advice}."
            ) from error


def _writable(path: Path) -> bool:
    """Whether a store can be written, or made where there is none.

    A write-ahead log needs its folder, too.
    """
    if not path.is_file():
        return True  # SQLite says why not
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads.

    Where no log can lie beside the file, the file alone holds all that was stored.
    """
    log = path.with_name(f"{path.name}-wal")
    whole = not (log.is_file() and log.stat().st_size)
    immutable = "&immutable=1" if whole and not os.access(path.parent, os.W_OK) else ""
    place = f"{path.absolute().as_uri()}?mode=ro{immutable}"
    return sqlite3.connect(
        place, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )


def _version(db: sqlite3.Connection) -> int:
    return db.execute("PRAGMA user_version").fetchone()[0]


def _columns(db: sqlite3.Connection) -> str:
    """What to select for a key and its Record; a store of the version before lacks the last two."""
    if _version(db) == BEFORE:
        return ", ".join((*COLUMNS[:-2], "'' AS reasoning", "0 AS estimated"))
    return ", ".join(COLUMNS)


def export(path: str | Path, out: str | Path) -> int:
    """Write all replies of a ledger to a file, one JSON object a line, in order of key.

    Returns how many.

    A name that ends in .gz is compressed. The same replies always give the same bytes. The file
    appears when it is complete. Claims, batches and questions are not in it: a ledger knows only
    the digest of a question.
    """
    out = Path(out)
    part, n = out.with_name(out.name + ".part"), 0
    with _existing(path) as book:
        try:
            with open(part, "wb") as raw, book._explained("read"):
                with (
                    gzip.GzipFile("", "wb", fileobj=raw, mtime=0)
                    if out.suffix == ".gz"
                    else nullcontext(raw) as file
                ):
                    for key, *fields in book._rows():
                        line = {"key": key} | Record(*fields)._asdict()
                        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                        n += 1
            os.replace(part, out)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise LedgerError(
                f"The ledger {path} could not be exported to {out}: {error}. Name a file that "
                "may be written."
            ) from error
        finally:
            part.unlink(missing_ok=True)
    return n


def add(path: str | Path, file: str | Path) -> tuple[int, int]:
    """Take the replies of an exported file into a ledger, made if absent: (read, of them new).

    A complete reply already there stays. All or none: a damaged line is named, and nothing was
    changed.
    """
    file = Path(file)
    if not file.is_file():
        raise LedgerError(
            f"There is no file {file} to import; `python -m skymath_nb ledger export` writes one."
        )
    with Ledger(path) as book:
        return book._add(_parsed(file))


KINDS = [str, str, str, int, int, str, int, str, int, int, str, int]  # of a key and its Record


def _parsed(file: Path) -> Iterator[tuple]:
    n, rows = 0, files.rows(file)
    while True:
        n += 1
        try:
            n, named = next(rows, (n, None))
            if named is None:
                return
            key, record = named.pop("key"), Record(**named)
            kinds = [type(field) for field in (key, *record)]
            digest = len(key) == 64 and not set(key) - set("0123456789abcdef")
            if kinds != KINDS or not digest:
                raise ValueError("a field has a wrong type, or the key is no digest")
        except (ValueError, TypeError, KeyError, AttributeError, EOFError, OSError) as error:
            raise LedgerError(
                f"Line {n} of {file} is no reply ({error!r:.200}). Nothing was imported; export "
                "it again."
            ) from None
        yield (key, *record)


def merge(path: str | Path, others: Iterable[str | Path]) -> tuple[int, int]:
    """Take the replies of other ledgers into one, made if absent: (read, of them new).

    The others stay as they are.

    A complete reply already there stays; each other ledger is taken whole or not at all.
    """
    read = new = 0
    others = [Path(other) for other in others]
    for other in others:
        if not other.is_file():
            raise LedgerError(
                f"There is no ledger {other} to merge into {path}; nothing was changed."
            )
    with Ledger(path) as book:
        for other in others:
            if other.samefile(path):
                raise LedgerError(
                    f"The ledger {path} was to be merged into itself; name another one."
                )
            rows = _rows_of(other)
            counts = book._add(rows)
            read, new = read + counts[0], new + counts[1]
    return read, new


def _rows_of(path: Path) -> Iterator[tuple]:
    """The rows of a ledger of this or an earlier version, which is only read."""
    try:
        with closing(_reader(path)) as db:
            version = _version(db)
            if version not in (BEFORE, VERSION):
                raise LedgerError(
                    f"{path} is no ledger of version {BEFORE} or {VERSION} (it says {version}); "
                    "nothing of it was merged."
                )
            yield from db.execute(f"SELECT {_columns(db)} FROM replies ORDER BY key")
    except sqlite3.Error as error:
        raise LedgerError(
            f"The ledger {path} cannot be read: {error}. Nothing of it was merged."
        ) from error


def _existing(path: str | Path) -> Ledger:
    if not Path(path).is_file():
        raise LedgerError(
            f"There is no ledger {path}; a run that asks a teacher makes one (its parameter "
            "`ledger` says where)."
        )
    return Ledger(path, read_only=True)


def totals(path: str | Path) -> list[dict]:
    """What a ledger holds, per model (see `Ledger.totals`)."""
    with _existing(path) as book:
        return book.totals()
