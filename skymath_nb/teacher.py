"""The teacher: requests in, replies out in the same order, through the OpenAI client and the ledger.

The offline teacher is the same client over a transport that answers from the world, so what runs without a
network is what runs on a cluster. `serve` puts that teacher behind a loopback HTTP server for any client.
"""

import asyncio
import ipaddress
import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

from . import ledger as ledgers
from .world import offline

RETRIES = 5  # the client's own, for 408, 409, 429, 5xx, lost connections; it waits 0.5 s doubling to 8 s
CLIENT_PAUSE_S = 120  # the client honours Retry-After up to here and gives up above
LONGEST_PAUSE_S = 3600  # we honour it up to here; a longer pause is better taken by a rerun
LONG_PAUSES = 5  # per request
REFRESH_S = 0.2  # between two calls of `progress`
BODY_BYTES = 8 * 2**20  # a larger request is no prompt
NO_KEY = "no-key-needed"
OPERATOR, SAMPLE = "X-SkyMath-Operator", "X-SkyMath-Sample"  # read by the offline teacher alone


class TeacherError(RuntimeError):
    """Nothing can be asked of this server: wrong key, wrong model, no quota, nobody there."""


class BudgetReached(RuntimeError):
    """The next request might pass the cap; everything answered so far is in the ledger."""


@dataclass(frozen=True)
class Request:
    """One question: chat messages, the operator that wrote them, and how to sample.

    `sample` tells apart several draws of one question. `temperature` None leaves it out, for models that
    refuse it. Raises ValueError for what no server can read.
    """

    messages: Sequence[dict]
    operator: str
    sample: int = 0
    max_tokens: int = 1024
    temperature: float | None = 0.7

    def __post_init__(self):
        try:
            "".join(message["role"] + message["content"] for message in self.messages).encode()
        except (KeyError, TypeError, UnicodeEncodeError) as error:
            raise ValueError(
                f"A request of operator {self.operator!r} needs messages with a role and a content in valid "
                f"Unicode, but has {self.messages!r:.200} ({error!r}); make them with prompts.render."
            ) from None
        if not self.messages or self.sample < 0 or self.max_tokens < 1 or not self.operator.isascii():
            raise ValueError(
                f"A request needs messages, sample >= 0, max_tokens >= 1 and an ASCII operator, but has "
                f"{len(self.messages)}, {self.sample}, {self.max_tokens} and {self.operator!r}."
            )

    def key(self, model: str) -> str:
        sampling = {} if self.temperature is None else {"temperature": self.temperature}
        return ledgers.key(model, self.messages, sampling, self.sample)


class Reply(NamedTuple):
    """The answer to one request; with `error` set, `text` is "" and nothing was stored.

    `cost_usd` is what the reply costs at today's prices, paid now or (`cached`) earlier.
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


@dataclass
class Tally:
    """Running totals of one `complete`: `total` unique requests, of them so many done; dollars paid now."""

    total: int = 0
    cached: int = 0
    answered: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    spent_usd: float = 0.0

    @property
    def done(self) -> int:
        return self.cached + self.answered + self.failed


def complete(
    requests: Iterable[Request],
    *,
    server: str = "offline",
    model: str = "offline",
    ledger=None,
    workers: int = 32,
    prices: dict | None = None,
    budget_usd: float = 0.0,
    timeout: float = 60,
    retries: int = RETRIES,
    progress: Callable[[Tally], None] | None = None,
    transport=None,
) -> list[Reply]:
    """Ask each request that the ledger cannot answer and return all replies in the order of the requests.

    Equal requests are asked once. Each reply is in the ledger (a path, or None) as soon as it arrives.
    server      "offline", or the base URL of an OpenAI-compatible server, whose key is OPENAI_API_KEY
    workers     requests in flight at most
    prices      US dollars per million tokens, {"input": x, "output": y}; None counts nothing
    budget_usd  cap on what this call pays, 0 for none: no request goes out whose worst case would pass it
    timeout     seconds per try
    progress    called with the Tally a few times a second, in the caller's thread
    transport   another httpx2 transport, for tests

    A request that the server refuses, or that fails after all retries, is a Reply with `error`.
    Raises:  TeacherError, BudgetReached, ledger.LedgerError; a rerun resumes from the ledger after each.
    """
    requests = list(requests)
    _check(workers, prices, budget_usd)
    url, key = _address(server)  # a missing key shows before any work
    with ledgers.Ledger(ledger) if ledger else nullcontext() as book:
        keys, known, missing = _plan(requests, _known_as(server, model), book)
        replies = {key: _reply(key, record, prices, cached=True) for key, record in known.items()}
        run = _Run(url, key, model, book, prices, budget_usd, missing, replies)
        report = partial(progress, run.tally) if progress else lambda: None
        if server == "offline":
            transport = transport or offline_transport()
        _watch(run.all(transport, workers, timeout, retries), report)
    first = {key: i for i, key in reversed(list(enumerate(keys)))}  # only the first of equal ones was paid
    return [_again(replies[key]) if first[key] < i else replies[key] for i, key in enumerate(keys)]


def asker(*, budget_usd: float = 0.0, **settings) -> Callable[[list[dict]], list[Reply]]:
    """Return ask(list of Request fields) -> replies, with one budget over all its calls; settings as in `complete`."""
    spent = 0.0

    def ask(requests: list[dict]) -> list[Reply]:
        nonlocal spent
        left = budget_usd - spent
        if budget_usd and left <= 0:
            raise BudgetReached(f"The budget of ${budget_usd:.4f} is reached: ${spent:.4f} spent. Raise budget_usd and run again.")
        replies = complete([Request(**fields) for fields in requests], budget_usd=left if budget_usd else 0.0, **settings)
        spent += sum(reply.cost_usd for reply in replies if not reply.cached)
        return replies

    return ask


def forecast(
    requests: Iterable[Request], *, server: str = "offline", model: str = "offline", ledger=None, prices: dict | None = None
) -> dict:
    """What `complete` would ask and pay: n, cached, to_ask, tokens_in, tokens_out, usd, usd_most.

    Tokens are estimates: input from the text; output is the mean of the replies already in the ledger, or
    half of max_tokens without any. usd_most takes every reply at max_tokens, and is what a cap must allow.
    """
    requests = list(requests)
    _check(1, prices, 0.0)
    with ledgers.Ledger(ledger) if ledger else nullcontext() as book:
        _, known, missing = _plan(requests, _known_as(server, model), book)
    tokens_in = sum(_tokens(request.messages) for request in missing.values())
    most = sum(request.max_tokens for request in missing.values())
    seen = [record.tokens_out for record in known.values()]
    likely = min(most, sum(seen) / len(seen) * len(missing)) if seen else most / 2
    return {
        "n": len(requests),
        "cached": len(known),
        "to_ask": len(missing),
        "tokens_in": tokens_in,
        "tokens_out": round(likely),
        "usd": _cost(tokens_in, likely, prices),
        "usd_most": _cost(tokens_in, most, prices),
    }


def _known_as(server: str, model: str) -> str:
    """The model's name in the ledger; the offline teacher is another one after every edit of the world."""
    return f"{model}#{offline.revision()}" if server == "offline" else model


def _check(workers: int, prices: dict | None, budget_usd: float):
    if workers < 1 or budget_usd < 0:
        raise ValueError(f"workers={workers} and budget_usd={budget_usd}; at least 1 and 0 are needed.")
    if prices is not None and set(prices) != {"input", "output"}:
        raise ValueError(f"prices has {sorted(prices)}; it needs input and output, in US dollars per million.")
    if budget_usd and not prices:
        raise ValueError(f"budget_usd={budget_usd} but no prices, so nothing can be counted; give prices.")


def _plan(requests: list[Request], model: str, book) -> tuple[list, dict, dict]:
    """Keys in order; records that serve; requests still to ask, of equal ones the one that allows most."""
    keys, asked = [request.key(model) for request in requests], {}
    for key, request in zip(keys, requests, strict=True):
        if key not in asked or request.max_tokens > asked[key].max_tokens:
            asked[key] = request
    found = book.get_many(asked) if book else {}
    known = {key: record for key, record in found.items() if record.serves(asked[key].max_tokens)}
    return keys, known, {key: request for key, request in asked.items() if key not in known}


def _tokens(messages: Iterable[dict]) -> int:
    """Tokens of some text, roughly: four ASCII letters each, one other character each, four per message."""
    texts = [message["content"] for message in messages]
    ascii_n = sum(len(text.encode("ascii", "ignore")) for text in texts)
    return 4 * len(texts) + math.ceil(ascii_n / 4) + sum(map(len, texts)) - ascii_n


def _cost(tokens_in: int, tokens_out: int, prices: dict | None) -> float:
    return (tokens_in * prices["input"] + tokens_out * prices["output"]) / 1e6 if prices else 0.0


def _reply(key: str, record, prices: dict | None, cached: bool) -> Reply:
    cost = _cost(record.tokens_in, record.tokens_out, prices)
    return Reply(record.text, record.finish_reason, record.tokens_in, record.tokens_out, cost, key, cached)


def _again(reply: Reply) -> Reply:
    return reply if reply.error else reply._replace(cached=True)


class _Run:
    """The requests in flight of one `complete`: who is next, what is spent, why it stopped."""

    def __init__(self, url, key, model, book, prices, cap, missing, replies):
        self.url, self.key, self.model, self.book = url, key, model, book
        self.prices, self.cap, self.missing, self.replies = prices, cap, missing, replies
        self.tally = Tally(total=len(missing) + len(replies), cached=len(replies))
        self.reserved, self.in_flight, self.stop = 0.0, 0, None

    async def all(self, transport, workers: int, timeout: float, retries: int):
        """Ask everything missing; an error that concerns all lets those in flight end, then is raised."""
        if not self.missing:
            return
        import httpx2
        from openai import AsyncOpenAI

        self.freed = asyncio.Condition()
        queue = iter(self.missing.items())  # shared: a worker takes the next one when it is free
        http = httpx2.AsyncClient(transport=transport) if transport else None
        given = {"base_url": self.url, "api_key": self.key, "http_client": http, "timeout": timeout}
        async with AsyncOpenAI(**given, max_retries=retries) as client:
            await asyncio.gather(*(self._work(client, queue) for _ in range(min(workers, len(self.missing)))))
        if self.stop:
            raise self.stop

    async def _work(self, client, queue):
        for key, request in queue:
            worst = _cost(_tokens(request.messages), request.max_tokens, self.prices)
            if not await self._afford(worst):
                return
            try:
                self.replies[key] = await self._ask(client, key, request)
            except Exception as error:  # kept for `all`, which raises it
                self.stop = self.stop or error
            async with self.freed:
                self.reserved, self.in_flight = self.reserved - worst, self.in_flight - 1
                self.freed.notify_all()
            if self.stop:
                return

    async def _afford(self, worst: float) -> bool:
        """Wait until the worst case fits under the cap; False once nothing in flight can make room."""
        async with self.freed:
            while self.cap and not self.stop and self.tally.spent_usd + self.reserved + worst > self.cap:
                if self.in_flight:
                    await self.freed.wait()
                else:
                    self.stop = self._broke(worst)
            if self.stop:
                return False
            self.reserved, self.in_flight = self.reserved + worst, self.in_flight + 1
            return True

    def _broke(self, worst: float) -> BudgetReached:
        done, left = self.tally, self.tally.total - self.tally.done
        return BudgetReached(
            f"The budget of ${self.cap:.4f} is reached: ${done.spent_usd:.4f} spent now, and the next "
            f"request may cost ${worst:.4f}. {done.answered} requests were answered now, {done.cached} came "
            f"from the ledger, {left} are left. Raise budget_usd and run again: "
            + ("it resumes from the ledger." if self.book else "without a ledger everything is asked anew.")
        )

    async def _ask(self, client, key: str, request: Request) -> Reply:
        from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

        try:
            record = _record(await self._create(client, request), request, self.model)
        except APIStatusError as error:
            if remedy := _hopeless(error):
                raise TeacherError(self._named(f"cannot go on with {self.model!r}: {remedy}")) from None
            return self._failed(key, f"{error.status_code}: {_said(error)}", error.status_code)
        except APIConnectionError as error:
            cause = f"{error.message} {error.__cause__!r}"
            if self.tally.done == self.tally.cached and not isinstance(error, APITimeoutError):
                remedy = "Start the server or correct the address, then run again"
                raise TeacherError(self._named(f"cannot be reached: {cause}. {remedy}.")) from None
            return self._failed(key, cause)
        except (APIError, ValueError) as error:
            return self._failed(key, f"the reply cannot be read: {error}")
        if self.book:
            self.book.put(key, record)
        reply = _reply(key, record, self.prices, cached=False)
        self.tally.answered += 1
        self.tally.tokens_in += reply.tokens_in
        self.tally.tokens_out += reply.tokens_out
        self.tally.spent_usd += reply.cost_usd
        return reply

    async def _create(self, client, request: Request):
        """One chat completion; after a Retry-After beyond the client's limit we wait and try again."""
        from openai import APIStatusError

        given = {} if request.temperature is None else {"temperature": request.temperature}
        headers = {OPERATOR: request.operator, SAMPLE: str(request.sample)}
        for pauses_left in range(LONG_PAUSES, -1, -1):
            try:
                return await client.chat.completions.create(
                    model=self.model,
                    messages=list(request.messages),
                    max_tokens=request.max_tokens,
                    extra_headers=headers,
                    **given,
                )
            except APIStatusError as error:
                pause = _retry_after(error.response.headers)
                if not pauses_left or not CLIENT_PAUSE_S < pause <= LONGEST_PAUSE_S:
                    raise
            await asyncio.sleep(pause)

    def _failed(self, key: str, what: str, status: int = 0) -> Reply:
        self.tally.failed += 1
        return Reply("", "", 0, 0, 0.0, key, False, self._named(what), status)

    def _named(self, what: str) -> str:
        """The server and what happened, without the key, which some servers repeat."""
        return f"{self.url} {what}".replace(self.key, "[key]")[:600]


def _record(completion, request: Request, model: str) -> ledgers.Record:
    """What a completion says, ready to store; without usage the tokens are estimated from the text."""
    choices = getattr(completion, "choices", None)
    if not choices or choices[0].message is None:
        raise ValueError(f"it holds no message: {completion!r:.200}")
    text = (choices[0].message.content or "").encode("utf-8", "replace").decode()  # lone surrogates go
    usage = completion.usage
    tokens_in = usage.prompt_tokens if usage else _tokens(request.messages)
    tokens_out = usage.completion_tokens if usage else _tokens([{"content": text}])
    finish = choices[0].finish_reason or ""
    return ledgers.Record(text, finish, tokens_in, tokens_out, model, request.max_tokens)


def _said(error) -> str:
    """The server's own message, from a body in OpenAI's shape or any other."""
    body = error.body
    return str(body.get("message", body) if isinstance(body, dict) else body or error.message)


def _hopeless(error) -> str:
    """What to do about an error that every further request would meet too; "" for one about one request."""
    if error.status_code in (401, 403):  # the message is not quoted: it may repeat the key
        return f"the key in OPENAI_API_KEY is refused ({error.status_code}); set a valid one, then run again."
    if error.status_code == 402 or error.code == "insufficient_quota":
        return f"no credit is left ({_said(error)}); add some, then run again."
    wrong_place = not isinstance(error.body, dict) or "model" in _said(error).lower()
    if error.code == "model_not_found" or (error.status_code == 404 and wrong_place):
        return f"model or address is unknown there ({_said(error)}); correct it, then run again."
    return ""


def _retry_after(headers) -> float:
    """Seconds of a Retry-After header, given as a number or as a date; 0 without one."""
    value = headers.get("retry-after", "0")
    with suppress(ValueError):
        return float(value)
    with suppress(ValueError):
        return parsedate_to_datetime(value).timestamp() - time.time()
    return 0.0


def _address(server: str) -> tuple[str, str]:
    """Base URL and key of a server; the offline teacher and servers on loopback need no key."""
    if server == "offline":
        return "http://offline/v1", NO_KEY
    url = urlsplit(server)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.password:
        raise ValueError(
            f"server has scheme {url.scheme!r} and host {url.hostname!r}; it is 'offline' or an address such "
            "as http://127.0.0.1:8399/v1, without a user or a key in it."
        )
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key and not _is_loopback(url.hostname):
        raise TeacherError(
            f"The server {server} needs a key, but OPENAI_API_KEY is not set. Set it in the shell that starts "
            "Jupyter or the run (it is read from there alone), or use server='offline'."
        )
    return server, key or NO_KEY


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _watch(main, report: Callable[[], None]):
    """Run a coroutine in a fresh thread, where no Jupyter loop is in the way, and call `report` meanwhile.

    Ctrl-C, or an error in `report`, cancels the coroutine and waits for its end before it is raised.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(main)

    def run():
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(asyncio.wait({task}))

    thread = threading.Thread(target=run, name="teacher", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            report()
            thread.join(REFRESH_S)
        report()
    except BaseException:
        with suppress(RuntimeError):  # the loop may have ended by itself
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    task.result()


def offline_transport(respond: Callable | None = None):
    """A transport for the client that answers from the world; respond(body, operator, sample) for tests."""
    import httpx2

    def handle(request):
        status, payload = _answer(respond, request.content, request.headers)
        return httpx2.Response(status, json=payload)

    return httpx2.MockTransport(handle)


def _answer(respond, raw: bytes, headers) -> tuple[int, dict]:
    """Status and JSON body for one Chat Completions request as it comes over the wire."""
    try:
        body, sample = json.loads(raw), int(headers.get(SAMPLE, "0"))
        if not isinstance(body, dict):
            raise ValueError("the body is no JSON object")
    except (ValueError, RecursionError) as error:
        return 400, _fault(f"This is no Chat Completions request: {error}.")
    return (respond or offline.respond)(body, headers.get(OPERATOR, ""), sample)


def _fault(message: str) -> dict:
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


class _Handler(BaseHTTPRequestHandler):
    """POST /v1/chat/completions, GET /v1/models and /health, over keep-alive connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; together with delayed ACK 40 ms each

    def do_GET(self):
        models = {"object": "list", "data": [{"id": "offline", "object": "model", "owned_by": "skymath"}]}
        known = {"/v1/models": models, "/health": {"status": "ok"}}
        self._send(*((200, known[self.path]) if self.path in known else (404, self._no_page())))

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES:
            self.close_connection = True  # the body stays unread
            self._send(413, _fault(f"A body of 0 to {BODY_BYTES} bytes is needed, not of {length or 'unknown'}."))
            return
        raw = self.rfile.read(int(length))
        page = self.path == "/v1/chat/completions"
        self._send(*(_answer(self.server.respond, raw, self.headers) if page else (404, self._no_page())))

    def _no_page(self) -> dict:
        return _fault(f"No page {self.path}; there are /v1/chat/completions, /v1/models and /health.")

    def _send(self, status: int, payload: dict):
        body = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing per request."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # a client may open hundreds of connections at once


@contextmanager
def _bound(port: int, host: str, respond):
    if not _is_loopback(host):
        raise ValueError(f"host {host!r} can be reached from outside; the offline teacher serves 127.0.0.1.")
    try:
        server = _Server((host, port), _Handler)
    except OSError as error:
        raise RuntimeError(f"Nothing can listen at {host}:{port} ({error}); name another port.") from error
    server.respond = respond
    with server:
        yield server, f"http://{host}:{server.server_port}/v1"


@contextmanager
def serving(port: int = 0, host: str = "127.0.0.1", respond: Callable | None = None):
    """The offline teacher over HTTP while the block lasts; gives its base URL. Port 0 takes a free one."""
    with _bound(port, host, respond) as (server, url):
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()


def serve(port: int = 8399, host: str = "127.0.0.1", respond: Callable | None = None):
    """Serve the offline teacher on loopback until Ctrl-C."""
    with _bound(port, host, respond) as (server, url), suppress(KeyboardInterrupt):
        print(f"The offline teacher listens at {url} (model 'offline', any key). Ctrl-C ends it.", flush=True)
        server.serve_forever()
