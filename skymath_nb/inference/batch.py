"""The Batch API: hand in, look, collect; all that a rerun needs is in the ledger and on the server.

A batch is noted in the ledger before it is handed in, and holds the claims on its keys until it is
collected. After a crash in between, the server's own list says whether it was handed in: nothing is
sent, or paid, twice. Each line's custom_id is KEY.SAMPLE.MAX_TOKENS.OPERATOR, so that a batch can
be collected by a run that does not ask all of it.
"""

import json
import uuid
from collections import deque

from . import reply_store as ledgers
from .client import Fault
from .request import Reply, Request, TeacherError

LINES, BYTES = 50_000, 100 * 2**20  # of one batch; OpenAI takes twice the bytes
ENDS = ("completed", "failed", "expired", "cancelled")
UNDERWAY = ("validating", "in_progress", "finalizing", "cancelling")
PORTION = 500  # replies stored at a time
ENDPOINT = "/v1/chat/completions"
NAME = "skymath"  # our name of a batch, in its metadata
UPLOAD_S = 600


async def run(run):
    """Collect every open batch that holds a key of this run.

    With `batch`, hand in the rest first and collect it too.

    Afterwards `run.left` is what must be asked directly: nothing, with `batch`.
    Raises TeacherError, BudgetReached, LedgerError, Stopped.
    """
    if run.book is None:
        return
    desk = Desk(run)
    while wanted := [key for key in run.missing if key not in run.replies]:
        for batch in run.book.batches(wanted):
            await desk.look(batch)
        if not (await desk.hand_in() if run.settings.batch else run.book.batches(wanted)):
            break
        await run.stop.pause(run.settings.poll_s)
    run.left.clear()
    run.left.extend(key for key in run.missing if key not in run.replies)


class Desk:
    """Where a run hands in its batches and collects them."""

    def __init__(self, run):
        self.run, self.book, self.settings, self.budget = run, run.book, run.settings, run.budget
        self.openai = run.client.openai
        self.patient = self.openai.with_options(max_retries=run.settings.retries, timeout=UPLOAD_S)
        self.worst = {}  # dollars reserved, by batch
        self.at_server = {}  # requests done there, by batch

    async def hand_in(self) -> bool:
        """Hand in what nobody else is asking and the budget allows.

        True while there is something to wait for.
        """
        wanted = [key for key in self.run.missing if key not in self.run.replies]
        free = deque(self.run.claim(wanted))
        while free and (lines := self._lines(free)):
            await self._send(lines)
        waits = bool(self.run.held or self.book.batches(wanted))
        if free and not waits:
            raise self.budget.reached(self.settings.worst(self.run.missing[free[0]]))
        self.book.release(self.run.owner, free)
        return waits

    def _lines(self, free: deque) -> dict[str, bytes]:
        """The next requests that one batch takes and the budget allows, taken out of `free`.

        Lines by key.
        """
        lines, size, worst = {}, 0, 0.0
        while free and len(lines) < LINES:
            line = self._line(free[0], self.run.missing[free[0]])
            size, worst = size + len(line), worst + self.settings.worst(self.run.missing[free[0]])
            if (lines and size > BYTES) or not self.budget.fits(worst):
                break
            lines[free.popleft()] = line
        return lines

    def _line(self, key: str, request: Request) -> bytes:
        id = f"{key}.{request.sample}.{request.max_tokens}.{request.operator}"
        line = {
            "custom_id": id,
            "method": "POST",
            "url": ENDPOINT,
            "body": self.settings.body(request),
        }
        return json.dumps(line).encode() + b"\n"

    async def _send(self, lines: dict[str, bytes]):
        """Upload a file and begin a batch.

        After a failure in between, `look` finds out how far it came.
        """
        from openai import APIStatusError

        name, handed_in = uuid.uuid4().hex, False
        self.book.open_batch(
            ledgers.Batch(name, self.settings.server, "", self.run.owner), self.run.owner, lines
        )
        self.worst[name] = sum(self.settings.worst(self.run.missing[key]) for key in lines)
        self.budget.reserved += self.worst[name]
        try:
            file = await self.patient.files.create(
                file=(f"{name}.jsonl", b"".join(lines.values())), purpose="batch"
            )
            # perhaps: a lost answer is not repeated, for it might begin a second batch
            handed_in = True
            batch = await self.openai.batches.create(
                input_file_id=file.id,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={NAME: name},
            )
        except BaseException as error:
            refused = isinstance(error, APIStatusError) and error.status_code < 500
            if refused or not handed_in:
                self.book.close_batch(name)
            raise self._explained(error, "takes no batch") from None
        self.book.name_batch(name, batch.id)

    async def look(self, batch: ledgers.Batch):
        """See how far a batch is, and collect it at its end."""
        if batch.server != self.settings.server:
            raise ledgers.LedgerError(
                f"The ledger {self.book.path} has an open batch {batch.id or batch.name} at "
                f"{batch.server}, which holds requests of this run; asked was "
                f"{self.settings.server}. Run with server={batch.server!r} to collect it."
            )
        try:
            id = batch.id or await self._found(batch)
            if id is None:
                return
            state = await self.patient.batches.retrieve(id)
            self.at_server[batch.name] = (
                state.request_counts.completed if state.request_counts else 0
            )
            if state.status in ENDS:
                await self._collect(batch.name, state)
            elif state.status not in UNDERWAY:
                known = ", ".join(UNDERWAY + ENDS)
                raise TeacherError(
                    self.run.client.named(
                        f"says that batch {id} is {state.status!r}, which is none of {known}. "
                        "The batch stays noted and nothing is asked twice: see what the server "
                        "says of it, then run again."
                    )
                )
        except Exception as error:
            if getattr(error, "status_code", 0) == 404:
                self.book.close_batch(batch.name)
                raise TeacherError(
                    self.run.client.named(
                        f"does not know batch {batch.id}: its requests are free again, run again "
                        "to ask them."
                    )
                ) from None
            raise self._explained(error, f"does not show batch {batch.id or batch.name}") from None
        finally:
            self.run.tally.at_server = sum(self.at_server.values())

    async def _found(self, batch: ledgers.Batch) -> str | None:
        """The id of a batch that was perhaps handed in.

        From the server's own list; without it, its requests are free again.
        """
        if ledgers.alive(batch.sender):
            return None  # being handed in right now
        async for one in self.patient.batches.list(limit=100):
            if (one.metadata or {}).get(NAME) == batch.name:
                self.book.name_batch(batch.name, one.id)
                return one.id
        self.book.close_batch(batch.name)
        return None

    async def _collect(self, name: str, state):
        """Store what a batch answered, note what it refused or left; only then forget the batch."""
        unread = []  # what is wrong with lines that name no request
        for file in filter(None, (state.output_file_id, state.error_file_id)):
            content = (await self.patient.files.content(file)).content
            lines = content.split(b"\n")
            for start in range(0, len(lines), PORTION):
                unread += self._keep(lines[start : start + PORTION])
        unanswered = [
            key
            for key in self.book.claimed(name)
            if key in self.run.missing and key not in self.run.replies
        ]
        self.book.close_batch(name)
        self.at_server.pop(name, None)
        self.budget.reserved -= self.worst.pop(name, 0.0)
        if state.status == "failed":
            errors = (state.errors.data if state.errors else None) or []
            said = (
                "; ".join(str(error.message) for error in errors if error.message)
                or "it does not say why"
            )
            raise TeacherError(
                self.run.client.named(
                    f"refuses batch {state.id} as a whole: {said}. Nothing was paid."
                )
            )
        lines = f" ({len(unread)} lines of it name no request: {unread[0]})" if unread else ""
        for key in unanswered:
            what = f"batch {state.id} is {state.status} without an answer to this request{lines}"
            self._fail(key, f"{what}; run again to ask it")

    def _keep(self, lines: list[bytes]) -> list[str]:
        """Store the answers of some lines in one transaction.

        Returns:
            What is wrong with the lines that name no request.
        """
        records, refusals, unread = {}, {}, []
        for line in filter(bytes.strip, lines):
            key, what = self._read(line)
            if isinstance(what, ledgers.Record):
                records[key] = what
            elif not key:
                unread.append(str(what))
            elif key in self.run.missing:
                self._fail(key, str(what), what.status)
                if what.charged:
                    self._lose(key)
                if refusal := self.run.refusal(key, what.status):
                    refusals[key] = refusal
        self.book.put_many(records | refusals)
        for key, record in records.items():
            if key in self.run.missing:
                self.run.count(key, record)
                self.budget.spent += self.settings.cost(record)
        return unread

    def _lose(self, key: str):
        """Count a reply that was made but cannot be read at its worst case."""
        worst = self.settings.worst(self.run.missing[key])
        self.budget.spent += worst
        self.run.lose(worst)

    def _read(self, line: bytes) -> tuple[str, ledgers.Record | Fault]:
        """The key of a line and its record or fault.

        ("", fault) for a line that names no request.
        """
        masked = self.run.client.masked
        try:
            answer = json.loads(line)
            key, _, max_tokens, _ = answer["custom_id"].split(".", 3)
            max_tokens = int(max_tokens)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            return "", Fault(f"a line of a batch cannot be read: {masked(repr(error)):.100}")
        response = answer.get("response")
        response = response if isinstance(response, dict) else {}
        body, status = response.get("body"), _status(response.get("status_code"))
        answered = isinstance(body, dict) and "choices" in body
        # an answer is one without a status, too
        if status != 200 and not (answered and not status):
            said = body.get("error", body) if isinstance(body, dict) else body
            said = said or answer.get("error") or "it does not say why"
            said = said.get("message", said) if isinstance(said, dict) else said
            return key, Fault(f"{status or 'no status'}: {masked(str(said))}", status)
        request = self.run.missing.get(key)
        try:
            return key, self.run.client.record(
                body, request.messages if request else (), max_tokens
            )
        except Fault as fault:
            return key, fault

    def _fail(self, key: str, what: str, status: int = 0):
        if self.settings.batch:  # without it, what a batch left is asked directly
            self.run.tally.failed += 1
            self.run.replies[key] = Reply(
                "", "", 0, 0, 0.0, key, False, self.run.client.named(what), status
            )

    def _explained(self, error: BaseException, what: str) -> BaseException:
        """An error of the client as a TeacherError that says what it was about.

        Any other as it is.
        """
        explained = self.run.client.explained(error)
        if isinstance(explained, Fault):
            return TeacherError(
                self.run.client.named(
                    f"{what}: {explained}. Run again: nothing is handed in twice."
                )
            )
        return explained


def _status(given) -> int:
    """A status as a number, also from text; 0 for anything else."""
    digits = str(given)
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) == 3 else 0
