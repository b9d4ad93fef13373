"""Many requests at once.

What the ledger knows, what is asked now, what it may cost, and how it stops.
"""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial

from . import batch, offline_teacher, prices
from . import reply_store as ledgers
from .client import RETRIED, TOLD_PAUSE_S, Client, Fault, address
from .limits import Budget, Pace, Stop, Stopped
from .offline_server import offline_transport
from .request import BudgetReached, MissingReply, Reply, Request, Settings, Tally, TeacherError

REFRESH_S = 0.2  # between two calls of `progress`
HELD_S = 0.2  # between two looks at what another process is asking
# so many requests in a row without an answer, and twice as many as workers: nobody is there
DEAD = 20
ALIKE = 8  # so many first requests refused alike: the rest would be, too


def complete(requests: Iterable[Request], **settings) -> list[Reply]:
    """Ask each request that the ledger cannot answer and return all replies in the order of the
    requests.

    Equal requests are asked once, also by several processes with one ledger. Each reply is in the
    ledger as soon as it arrives. The keywords are those of `Settings`; the most used: server,
    model, ledger, workers, prices, budget_usd, replay, batch.

    A request that the server refuses, or that fails after all retries, is a Reply with `error`.

    Raises:
        ValueError
        TeacherError
        BudgetReached
        MissingReply: ledger.LedgerError; a rerun resumes from the ledger after each.
    """
    settings = Settings(**settings)
    return _complete(list(requests), settings, Budget(settings.budget_usd))


def asker(*, budget: Budget | None = None, **settings) -> Callable[[list[dict]], list[Reply]]:
    """Return ask(list of Request fields) -> replies, with one budget over all its calls.

    Keywords as in `Settings`.

    `ask.budget` is that budget: given to another asker, or to `forecast`, it caps what they pay
    together.
    """
    settings = Settings(**settings)
    budget = budget or Budget(settings.budget_usd)

    def ask(requests: list[dict]) -> list[Reply]:
        return _complete([Request(**fields) for fields in requests], settings, budget)

    ask.budget = budget
    return ask


def forecast(
    requests: Iterable[Request], *, pilot: int = 0, budget: Budget | None = None, **settings
) -> dict:
    """What `complete` would ask and pay.

    N, cached, to_ask, tokens_in, tokens_out, usd, usd_most, prices_of (their date).

    Tokens are estimates: input from the text, at the rate the server counted for the replies in the
    ledger; output is the mean of the replies of the same operator there, or of all, or half of
    max_tokens while `cached` is 0. Where fewer than `pilot` replies are known, the rest of so many
    is asked first, evenly spread, through the ledger and never as a batch, for the estimate to rest
    on; they cost what they cost and are not asked again. usd_most takes every reply at max_tokens
    and every byte of a prompt as a token: it is what a cap must allow. Raises what `complete`
    raises, and ValueError for a pilot without a ledger to keep it.
    """
    requests, settings = list(requests), Settings(**settings)
    if pilot < 0 or (pilot and not settings.ledger):
        raise ValueError(
            f"pilot={pilot} and ledger={settings.ledger!r}; a pilot of 1 or more needs a ledger "
            "that keeps its replies."
        )
    asked, known = _known(requests, settings)
    missing = [request for key, request in asked.items() if key not in known]
    pilot = 0 if settings.replay else max(0, pilot - len(known))
    if pilot and missing:
        step = max(1, len(missing) // pilot)
        _complete(
            missing[::step][:pilot],
            replace(settings, batch=False),
            budget or Budget(settings.budget_usd),
        )
        asked, known = _known(requests, settings)
        missing = [request for key, request in asked.items() if key not in known]
    rate, seen = _seen(asked, known)
    tokens_in = round(rate * sum(prices.tokens(request.messages) for request in missing))
    tokens_out = sum(
        min(seen.get(r.operator, seen.get("", r.max_tokens / 2)), r.max_tokens) for r in missing
    )
    return {
        "n": len(requests),
        "cached": len(known),
        "to_ask": len(missing),
        "tokens_in": tokens_in,
        "tokens_out": round(tokens_out),
        "usd": prices.cost(settings.prices, tokens_in, tokens_out, batch=settings.batch),
        "usd_most": sum(map(settings.worst, missing)),
        "prices_of": str(settings.prices["date"]) if settings.prices else "",
    }


def _known(requests: list[Request], settings: Settings) -> tuple[dict, dict]:
    with ledgers.Ledger(settings.ledger) if settings.ledger else nullcontext() as book:
        _, asked, known = _plan(requests, settings, book)
    return asked, known


def _seen(asked: dict, known: dict) -> tuple[float, dict]:
    """Of the replies there are.

    Counted tokens in per estimated one, and mean tokens out per operator, "" for all.
    """
    by, known = (
        {},
        {key: record for key, record in known.items() if not (record.refused or record.estimated)},
    )
    for key, record in known.items():
        for name in (asked[key].operator, ""):
            by.setdefault(name, []).append(record.tokens_out)
    estimated = sum(prices.tokens(asked[key].messages) for key in known)
    counted = sum(record.tokens_in for record in known.values())
    return counted / estimated if estimated and counted else 1.0, {
        name: sum(ns) / len(ns) for name, ns in by.items()
    }


def _known_as(settings: Settings) -> str:
    """The model's name in the ledger.

    The offline teacher is another one after every edit of the world.
    """
    name = settings.known_as or settings.model
    return f"{name}#{offline_teacher.revision()}" if settings.server == "offline" else name


def _plan(requests: list[Request], settings: Settings, book) -> tuple[list[str], dict, dict]:
    """Keys in order.

    The request per key, of equal ones the one that allows most; the records that serve.
    """
    model, asked = _known_as(settings), {}
    keys = [request.key(model, settings.parameters) for request in requests]
    for key, request in zip(keys, requests, strict=True):
        if key not in asked or request.max_tokens > asked[key].max_tokens:
            asked[key] = request
    found = book.get_many(asked) if book else {}
    known = {}
    for key, record in found.items():
        if record.serves(asked[key].max_tokens, settings.replay):
            known[key] = record
    return keys, asked, known


def _complete(requests: list[Request], settings: Settings, budget: Budget) -> list[Reply]:
    if settings.batch and any(request.plain for request in requests):
        raise ValueError(
            "batch=True with plain texts; the Batch API is asked for chats only. Send chat "
            "messages, or set batch=False."
        )
    # a missing key shows before any work
    url, api_key = ("", "") if settings.replay else address(settings.server)
    with ledgers.Ledger(settings.ledger) if settings.ledger else nullcontext() as book:
        keys, asked, known = _plan(requests, settings, book)
        missing = {key: request for key, request in asked.items() if key not in known}
        replies = {key: settings.reply(key, record, cached=True) for key, record in known.items()}
        if settings.replay and missing:
            raise _not_there(settings, book, missing, asked)
        run = Run(settings, book, missing, replies, budget)
        report = partial(settings.progress, run.tally) if settings.progress else lambda: None
        if missing:
            _watch(run.all(url, api_key), report)
        else:
            report()
    again = set()
    return [_nth(replies[key], key in again or again.add(key)) for key in keys]


def _nth(reply: Reply, again: bool | None) -> Reply:
    """Only the first of equal requests was paid."""
    return reply._replace(cached=True) if again and not reply.error else reply


def _not_there(settings: Settings, book, missing: dict, asked: dict) -> MissingReply:
    first, held = next(iter(missing.values())), [row["model"] for row in book.totals()]
    return MissingReply(
        f"replay=True, but {len(missing):,} of {len(asked):,} requests have no reply in "
        f"{settings.ledger}, the first of operator {first.operator!r}, sample {first.sample}, "
        f"max_tokens {first.max_tokens}. Asked was {_known_as(settings)!r}; the ledger holds "
        f"{', '.join(map(repr, held)) or 'nothing'}. Nothing was sent. Bring in the ledger that "
        "has them (ledger import, ledger merge), use the parameters and prompts it was made "
        "with, or ask: replay_only=False in the notebook, replay=False in Python."
    )


class Run:
    """The requests in flight of one `complete`: who is next, what is spent, why it stopped."""

    def __init__(self, settings: Settings, book, missing: dict, replies: dict, budget: Budget):
        self.settings, self.book, self.replies, self.budget = settings, book, replies, budget
        self.missing = missing
        self.tally = Tally(
            total=len(missing) + len(replies), cached=len(replies), spent_before_usd=budget.spent
        )
        self.owner = ledgers.owner() if book else ""
        self.ready, self.left, self.held = deque(), deque(missing), set()
        self.silent = 0  # requests in a row that nobody answered
        self.refused = Counter()  # requests that were refused before any was answered, by status

    async def all(self, url: str, api_key: str):
        """Ask everything missing.

        An error that concerns all lets those in flight end, then is raised.
        """
        self.stop, self.taking = Stop(), asyncio.Lock()
        self.budget.begin()
        limits = self.settings.requests_per_minute, self.settings.tokens_per_minute
        self.requests, self.tokens = (Pace(limit, self.stop) for limit in limits)
        transport = self.settings.transport or (
            offline_transport() if self.settings.server == "offline" else None
        )
        try:
            async with Client(self.settings, url, api_key, self.stop, transport) as self.client:
                self.writer = Writer(self.book)
                try:
                    await batch.run(self)
                    workers = min(self.settings.workers, len(self.left))
                    await asyncio.gather(*(self._work() for _ in range(workers)))
                except Stopped:
                    pass
                except BudgetReached as error:
                    self.stop.set(error)
        finally:
            if self.book:
                # a full disk was told already, and the owner ends all the same
                with suppress(ledgers.LedgerError):
                    self.book.release(self.owner)
        if isinstance(self.stop.reason, BudgetReached):
            raise BudgetReached(str(self.stop.reason) + self._standing())
        if self.stop.reason:
            raise self.stop.reason

    def _standing(self) -> str:
        done, left = self.tally, self.tally.total - self.tally.done
        lost = (
            f"; ${done.lost_usd:.4f} went to tries whose reply never came" if done.lost_usd else ""
        )
        again = "it resumes from the ledger."
        if not self.book:
            again = "without a ledger everything is asked anew."
        return (
            f"{done.answered} requests were answered now, {done.cached} came from the ledger, "
            f"{left} are left{lost}. Raise budget_usd and run again: {again}"
        )

    async def _work(self):
        try:
            while (key := await self._take()) is not None:
                await self._pay(key)
        except Stopped:
            pass
        except Exception as error:  # kept for `all`, which raises it
            self.stop.set(error)

    async def _take(self) -> str | None:
        """The next key to ask, or None at the end.

        Waits for what another process is asking right now.
        """
        async with self.taking:
            while not self.ready:
                self.stop.check()
                if self.left:
                    block = [
                        self.left.popleft()
                        for _ in range(min(self.settings.workers, len(self.left)))
                    ]
                elif self.held:
                    await self.stop.pause(HELD_S)
                    block = list(self.held)
                else:
                    return None
                self.ready.extend(self.claim(block))
            return self.ready.popleft()

    def claim(self, block: list[str]) -> list[str]:
        """Those keys of a block that are this run's to ask.

        Others are answered by now, or held by another process.
        """
        if not self.book:
            return block
        found, held = self.book.claim(
            {key: self.missing[key].max_tokens for key in block}, self.owner
        )
        for key, record in found.items():
            self.replies[key] = self.settings.reply(key, record, cached=True)
        self.tally.cached += len(found)
        self.held = (self.held - set(block)) | held
        self.tally.held = len(self.held)
        return [key for key in block if key not in found and key not in held]

    async def _pay(self, key: str):
        """Ask one request within pace and budget, and keep its reply.

        A try whose reply never came counts at its worst case: the server may have charged it.
        """
        request, units = self.missing[key], 0
        account = self.budget.account(self.settings.worst(request), self.stop)
        self._note_wait(max(self.requests.wait, self.tokens.wait))
        await self.requests.take(1)
        if self.settings.tokens_per_minute:
            units = prices.tokens(request.messages) + request.max_tokens
            await self.tokens.take(units)
        try:
            record = await self.client.ask(request, account)
            await account.settle(self.settings.cost(record))
            self.tokens.give_back(units - record.tokens_in - record.tokens_out)
            await self.keep(key, record)
        except Fault as fault:
            await self.fail(key, str(fault), fault.status, fault.unreached)
        except asyncio.CancelledError:
            await account.lose()
            raise
        except Exception as error:
            self.stop.set(error)  # before the others go on
            raise
        finally:
            await account.settle(0.0)
            self.tally.tries = self.client.tries
            self.tally.waits_until = max(self.tally.waits_until, self.client.waits_until)
            self.lose(account.lost)

    def lose(self, dollars: float):
        """Count what replies may have cost that never came, or cannot be read."""
        self.tally.spent_usd += dollars
        self.tally.lost_usd += dollars

    def _note_wait(self, seconds: float):
        """Let the progress say a long wait for one's turn."""
        if seconds > TOLD_PAUSE_S:
            self.tally.waits_until = max(self.tally.waits_until, time.monotonic() + seconds)

    async def keep(self, key: str, record: ledgers.Record):
        """Store a reply that was paid for and count it."""
        await self.writer.put(key, record)
        self.count(key, record)

    def count(self, key: str, record: ledgers.Record):
        """Note a stored reply that was paid for now."""
        reply = self.replies[key] = self.settings.reply(key, record, cached=False)
        tally, self.silent = self.tally, 0
        tally.estimated += reply.estimated
        tally.unfinished += not record.serves(record.max_tokens)
        tally.answered += 1
        tally.tokens_in += reply.tokens_in
        tally.tokens_out += reply.tokens_out
        tally.tokens_cached += reply.tokens_cached
        tally.tokens_reasoning += reply.tokens_reasoning
        tally.spent_usd += reply.cost_usd

    async def fail(self, key: str, what: str, status: int = 0, unreached: bool = False):
        """Note a request that got no reply.

        Raises TeacherError when it seems that no request will.
        """
        self.tally.failed += 1
        self.silent = 0 if 400 <= status < 500 and status not in RETRIED else self.silent + 1
        if unreached and not self.tally.answered:
            remedy = "Start the server or correct the address, then run again"
            raise TeacherError(self.client.named(f"cannot be reached: {what}. {remedy}."))
        if not self.tally.answered and 400 <= status < 500 and status not in RETRIED:
            self._refused(status, what)
        if self.silent > max(DEAD, 2 * self.settings.workers):
            raise TeacherError(
                self.client.named(
                    f"answered none of the last {self.silent} requests ({what}). Run again when "
                    "it does."
                )
            )
        self.replies[key] = Reply("", "", 0, 0, 0.0, key, False, self.client.named(what), status)
        if refusal := self.refusal(key, status):
            await self.writer.put(key, refusal)
        if self.book:
            self.book.release(self.owner, [key])

    def _refused(self, status: int, what: str):
        """Count a refusal before the first answer.

        Raises TeacherError when all are refused alike.
        """
        self.refused[status] += 1
        alike = self.refused[status]
        if len(self.refused) > 1 or alike < ALIKE:
            return
        whose = ", the key in OPENAI_API_KEY among the reasons to check" if status == 403 else ""
        raise TeacherError(
            self.client.named(
                f"refused each of the first {alike} requests alike ({what}). Nothing was paid. "
                f"Correct what it names{whose}, then run again."
            )
        )

    def refusal(self, key: str, status: int) -> ledgers.Record | None:
        """What the ledger keeps of a request that the server refuses for good, so that a replay is
        whole; None for other faults.
        """
        if not 400 <= status < 500 or status in RETRIED or status == 425:
            return None
        name = self.settings.known_as or self.settings.model
        return ledgers.Record("", f"refused {status}", 0, 0, name, self.missing[key].max_tokens)


class Writer:
    """Stores the replies of one turn of the loop in one transaction.

    Whoever put one waits until it is there.
    """

    def __init__(self, book):
        self.book, self.waiting, self.done = book, {}, None

    async def put(self, key: str, record: ledgers.Record):
        if self.book is None:
            return
        if self.done is None:
            loop = asyncio.get_running_loop()
            self.done = loop.create_future()
            loop.call_soon(self._flush)
        self.waiting[key] = record
        await asyncio.shield(self.done)  # one cancelled waiter must not cancel the others'

    def _flush(self):
        records, done, self.waiting, self.done = self.waiting, self.done, {}, None
        try:
            self.book.put_many(records)
        except Exception as error:
            done.set_exception(error)
            done.exception()  # seen, also when every waiter is gone
        else:
            done.set_result(None)


def _watch(main, report: Callable[[], None]):
    """Run a coroutine in a fresh thread, where no Jupyter loop is in the way, and call `report`
    meanwhile.

    Ctrl-C, or an error in `report`, cancels the coroutine and waits for its end before it is
    raised.
    """
    loop, ended = asyncio.new_event_loop(), threading.Event()
    task = loop.create_task(main)

    def run():
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(asyncio.wait({task}))
        finally:
            ended.set()

    threading.Thread(target=run, name="teacher", daemon=True).start()
    try:
        # not `join`: after a Ctrl-C within it, Python 3.11 takes the thread for ended
        while not ended.wait(REFRESH_S):
            report()
        report()
    except BaseException:
        with suppress(RuntimeError):  # the loop may have ended by itself
            loop.call_soon_threadsafe(task.cancel)
        ended.wait()
        raise
    task.result()
