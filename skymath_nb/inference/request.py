"""What goes in and out.

Requests, replies, settings, running totals, and the errors that stop a run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from . import prices
from . import reply_store as ledgers

RESERVED = set("model messages prompt max_tokens max_completion_tokens n stream".split())
RESERVED.add("stream_options")
LENGTHS = ("max_tokens", "max_completion_tokens")
PLAIN = "prompt"  # the role of a text that is no chat: the model goes on where it ends


class TeacherError(RuntimeError):
    """Nothing can be asked of this server: wrong key, wrong model, no quota, nobody there."""


class BudgetReached(RuntimeError):
    """The next request might pass the cap; everything answered so far is in the ledger."""


class MissingReply(RuntimeError):
    """Only replies of the ledger were allowed (`replay`), and some are not there."""


@dataclass(frozen=True)
class Request:
    """One question: chat messages, the operator that wrote them, and how to sample.

    `sample` tells apart several draws of one question. `temperature` None leaves it out, for models
    that refuse it. `parameters` are further ones of this request's body, such as {"seed": 7}. A
    single message of the role "prompt" is no chat but a plain text, which the server's /completions
    continues. Raises ValueError for what no server can read.
    """

    messages: Sequence[dict]
    operator: str
    sample: int = 0
    max_tokens: int = 1024
    temperature: float | None = 0.7
    parameters: dict | None = None

    def __post_init__(self):
        try:
            "".join([message["role"] + message["content"] for message in self.messages]).encode()
        except (KeyError, TypeError, UnicodeEncodeError) as error:
            raise ValueError(
                f"A request of operator {self.operator!r} needs messages with a role and a "
                f"content in valid Unicode, but has {self.messages!r:.200} ({error!r}); make "
                "them with prompts.render."
            ) from None
        if len(self.messages) > 1 and any(message["role"] == PLAIN for message in self.messages):
            raise ValueError(
                f"A request has {len(self.messages)} messages, one of role {PLAIN!r}; a plain "
                "text stands alone."
            )
        _check_free(self.parameters)
        if (
            not self.messages
            or self.sample < 0
            or self.max_tokens < 1
            or not self.operator.isascii()
        ):
            raise ValueError(
                "A request needs messages, sample >= 0, max_tokens >= 1 and an ASCII operator, "
                "but has "
                f"{len(self.messages)}, {self.sample}, {self.max_tokens} and {self.operator!r}."
            )

    @property
    def plain(self) -> bool:
        """Whether this is a text to go on with, not a chat."""
        return self.messages[0]["role"] == PLAIN

    def sampling(self, parameters: dict | None = None) -> dict:
        """How to sample, as it goes into the body.

        The request's own, and over it `parameters` (None leaves one out).
        """
        given = {"temperature": self.temperature} | (self.parameters or {}) | (parameters or {})
        return {name: value for name, value in given.items() if value is not None}

    def key(self, model: str, parameters: dict | None = None) -> str:
        """The digest under which the ledger keeps the reply."""
        return ledgers.key(model, self.messages, self.sampling(parameters), self.sample)


def _check_free(parameters: dict | None):
    if taken := RESERVED & set(parameters or {}):
        raise ValueError(
            f"parameters has {sorted(taken)}, which the engine sets itself; leave them out."
        )


class Reply(NamedTuple):
    """The answer to one request; with `error` set, `text` is "" and nothing was stored.

    `cost_usd` is what the reply costs at the given prices, paid now or (`cached`) earlier.
    """

    text: str
    finish_reason: str
    tokens_in: int
    tokens_out: int
    cost_usd: float
    key: str
    cached: bool
    error: str = ""
    status: int = 0  # of an error that the server answered with; 0 where it did not answer
    tokens_cached: int = 0  # of tokens_in, read from the server's cache
    tokens_reasoning: int = 0  # of tokens_out, thought and not said
    reasoning: str = ""  # the thoughts, where the server sends them beside the text
    estimated: bool = False  # the server did not count: tokens are estimated from the text


@dataclass
class Tally:
    """Running totals of one `complete`.

    `total` unique requests, of them so many done; dollars paid now.
    """

    total: int = 0
    cached: int = 0
    answered: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    estimated: int = 0  # replies whose tokens the server did not count
    # replies that ended neither by themselves nor by max_tokens; a rerun asks them again
    unfinished: int = 0
    spent_usd: float = 0.0  # replies that never came count at their worst case
    lost_usd: float = 0.0  # of spent_usd, for tries whose reply never came
    spent_before_usd: float = 0.0  # by earlier calls of the same asker
    at_server: int = 0  # of batches not yet collected, answered there
    held: int = 0  # requests that another process is asking
    tries: int = 0  # requests that left, repeats after a fault included
    waits_until: float = 0.0  # the end of a long pause, on the clock of time.monotonic

    @property
    def done(self) -> int:
        return self.cached + self.answered + self.failed


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How requests are asked; every field is a keyword of `complete`, `asker` and `forecast`.

    Raises ValueError for settings that cannot be.

    Attributes:
        server: "offline", or the base URL of an OpenAI-compatible server, whose key is
            OPENAI_API_KEY.
        model: The server's name for the model; for the offline teacher see world.offline.
        known_as: The ledger's name for the model, where the server's does not tell which it is: a
            folder's digest.
        ledger: Path of the reply store, or None.
        replay: True: the ledger alone answers, no request leaves, a missing reply is an error.
        workers: Requests in flight at most.
        requests_per_minute, tokens_per_minute: The server's limits, 0 for none; tokens are those in
            and out.
        prices: See prices.check; None counts nothing.
        budget_usd: Cap on what the call (or all calls of one asker) pays, 0 for none: no request
            goes out whose worst case would pass it.
        timeout: Seconds per try, from the first byte sent to the last received.
        retries: Tries after the first, for faults that pass; waits that the server names do not
            count.
        parameters: Further parameters of each request's body, such as {"reasoning_effort": "low"};
            None leaves one out that the model refuses: {"temperature": None}.
        length_parameter: "max_tokens", or "max_completion_tokens" for models that refuse the first.
        batch: True: through the server's Batch API (files and batches), cheaper and within a day.
        poll_s: Seconds between two looks at a batch.
        progress: Called with the Tally a few times a second, in the caller's thread.
        transport: Another httpx2 transport, for tests.
    """

    server: str = "offline"
    model: str = "offline"
    known_as: str = ""
    ledger: str | Path | None = None
    replay: bool = False
    workers: int = 32
    requests_per_minute: float = 0
    tokens_per_minute: float = 0
    prices: dict | None = None
    budget_usd: float = 0.0
    timeout: float = 600  # as the OpenAI client's own
    retries: int = 5
    parameters: dict | None = None
    length_parameter: str = "max_tokens"
    batch: bool = False
    poll_s: float = 60
    progress: Callable[[Tally], None] | None = None
    transport: Any = None

    def __post_init__(self):
        prices.check(self.prices)
        if self.workers < 1 or self.retries < 0 or self.timeout <= 0 or self.poll_s <= 0:
            raise ValueError(
                f"workers={self.workers}, retries={self.retries}, timeout={self.timeout}, "
                f"poll_s={self.poll_s}; at least 1 worker, "
                "0 retries and a time above 0 are needed."
            )
        if min(self.budget_usd, self.requests_per_minute, self.tokens_per_minute) < 0:
            raise ValueError(
                f"budget_usd={self.budget_usd}, requests_per_minute={self.requests_per_minute}, "
                "tokens_per_minute="
                f"{self.tokens_per_minute}; none may be below 0, and 0 means no limit."
            )
        if self.budget_usd and not self.prices:
            raise ValueError(
                f"budget_usd={self.budget_usd} but no prices, so nothing can be counted; give "
                "prices."
            )
        _check_free(self.parameters)
        if self.length_parameter not in LENGTHS:
            raise ValueError(
                f"length_parameter is {self.length_parameter!r}; it is one of {', '.join(LENGTHS)}."
            )
        if not self.ledger and (self.replay or self.batch):
            raise ValueError(
                f"replay={self.replay} and batch={self.batch} without a ledger; both need one, "
                "name its path."
            )
        if self.replay and self.batch:
            raise ValueError(
                "replay=True and batch=True: the first sends nothing, the second sends a batch; "
                "choose one."
            )

    def body(self, request: Request) -> dict:
        """The body of a Chat Completions request, or of a plain one."""
        if request.plain:
            named = {
                "model": self.model,
                "prompt": request.messages[0]["content"],
                "max_tokens": request.max_tokens,
            }
            return named | request.sampling(self.parameters)
        named = {
            "model": self.model,
            "messages": list(request.messages),
            self.length_parameter: request.max_tokens,
        }
        return named | request.sampling(self.parameters)

    def cost(self, record) -> float:
        """US dollars of a stored reply."""
        return prices.cost(
            self.prices, record.tokens_in, record.tokens_out, record.tokens_cached, self.batch
        )

    def worst(self, request: Request) -> float:
        """US dollars that a request cannot pass.

        Every byte a token, and a reply as long as it may be.
        """
        if self.prices:
            return prices.cost(
                self.prices, prices.most_tokens(request.messages), request.max_tokens, 0, self.batch
            )
        return 0.0

    def reply(self, key: str, record, cached: bool) -> Reply:
        """A stored reply, as the caller gets it."""
        if record.refused:
            why = f"the server refused this when it was asked ({record.refused})"
            return Reply("", "", 0, 0, 0.0, key, cached, why, record.refused)
        said = (record.text, record.finish_reason, record.tokens_in, record.tokens_out)
        thought = (
            record.tokens_cached,
            record.tokens_reasoning,
            record.reasoning,
            bool(record.estimated),
        )
        return Reply(*said, self.cost(record), key, cached, "", 0, *thought)
