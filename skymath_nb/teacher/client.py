"""One request on its way: the OpenAI client, its faults named and sorted, its reply read.

The client's own retries are off: they would sleep through a stop, and they give up where a server asks for more than two
minutes. Bodies go through the client's `post`, which skips the typed models that cost more CPU than the rest together.
"""

import asyncio
import ipaddress
import json
import math
import os
import random
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from .. import ledger as ledgers
from . import prices
from .limits import Stop
from .request import Request, Settings, TeacherError

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 8.0  # without a word from the server: doubling, with jitter
LONGEST_PAUSE_S = 3600  # in all, for one request, at the server's word; a longer wait is better taken by a rerun
LONGEST_RETRY_S = 60  # after a failure, whatever the server's Retry-After names
TOLD_PAUSE_S = 30  # a longer one is said
RETRIED = {408, 409, 429}  # and all from 500
BUSY = {429, 503}  # with Retry-After no failure but a date
REFUSED_PARAMETER = {"unsupported_parameter", "unsupported_value", "unknown_parameter"}
NO_KEY = "no-key-needed"
MOST_TOKENS = 10**9  # a count above is no count
OPERATOR, SAMPLE = "X-SkyMath-Operator", "X-SkyMath-Sample"  # read by the offline teacher alone


class Fault(Exception):
    """One request failed. `passing`: worth another try, after `pause` seconds if the server named them."""

    def __init__(self, message: str, status: int = 0, passing: bool = False, pause: float | None = None, unreached: bool = False):
        super().__init__(message)
        self.status, self.passing, self.pause, self.unreached = status, passing, pause, unreached


class Client:
    """A connection to one server, used within `async with`; `url` and `key` as from `address`."""

    def __init__(self, settings: Settings, url: str, key: str, stop: Stop, transport=None):
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self.settings, self.url, self.key, self.stop = settings, url, key, stop
        self.tries, self._told_until = 0, 0.0
        self._secret = None if key == NO_KEY else spellings(key)
        limits = httpx2.Limits(max_connections=settings.workers + 4, max_keepalive_connections=settings.workers)
        direct = is_loopback(urlsplit(url).hostname or "")  # no proxy sees what stays on this machine
        if transport:
            http = httpx2.AsyncClient(transport=transport)
        else:
            http = DefaultAioHttpClient(limits=limits, trust_env=not direct)
        self.openai = AsyncOpenAI(base_url=url, api_key=key, http_client=http, timeout=settings.timeout, max_retries=0)
        self._raw = httpx2.Response

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.openai.close()

    async def ask(self, request: Request) -> ledgers.Record:
        """The reply to one request, faults that pass tried again; raises Fault, TeacherError, Stopped."""
        failures, waits, waited = 0, 0, 0.0
        while True:
            self.tries += 1
            try:
                return self.record(await self._send(request), request.messages, request.max_tokens)
            except Fault as fault:
                if not fault.passing:
                    raise
                tries_before = failures + waits
                least = min(FIRST_PAUSE_S * 2**tries_before, LAST_PAUSE_S) * random.uniform(0.75, 1)
                pause = max(fault.pause or 0.0, least)
                if fault.pause and fault.status in BUSY:  # the server said when: this is no failure
                    if waited + pause > LONGEST_PAUSE_S:
                        raise
                    waits, waited = waits + 1, waited + pause
                else:
                    failures += 1
                    if failures > self.settings.retries:
                        raise
                    pause = min(pause, LONGEST_RETRY_S)
                self._tell(pause, fault)
            await self.stop.pause(pause)

    def _tell(self, pause: float, fault: Fault):
        """Say a long pause, once for all the requests that share it."""
        now = time.monotonic()
        if pause > TOLD_PAUSE_S and now > self._told_until:
            self._told_until = now + pause
            print(self.named(f"is asked again in {pause:.0f} s ({fault})."), file=sys.stderr, flush=True)

    async def _send(self, request: Request) -> bytes:
        """The body of one answer. The time limit is on the whole try, so that a slow drip ends too."""
        headers = {OPERATOR: request.operator, SAMPLE: str(request.sample)}
        try:
            async with asyncio.timeout(self.settings.timeout):
                page = "/completions" if request.plain else "/chat/completions"
                response = await self.openai.post(page, cast_to=self._raw, body=self.settings.body(request), options={"headers": headers})
        except TimeoutError:
            raise Fault(f"the try timed out after {self.settings.timeout:g} s", passing=True) from None
        except Exception as error:
            raise self.explained(error) from None
        return response.content

    def explained(self, error: Exception) -> Exception:
        """An error of the client as a Fault or, if every further request would meet it too, a TeacherError; others as they are."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        if isinstance(error, APIStatusError):
            if remedy := hopeless(error):
                return TeacherError(self.named(f"cannot go on with {self.settings.model!r}: {remedy}"))
            status, wish = error.status_code, error.response.headers.get("x-should-retry")
            passing = wish == "true" or (wish != "false" and (status in RETRIED or status >= 500))
            return Fault(f"{status}: {self.masked(said(error))}", status, passing, retry_after(error.response.headers))
        if isinstance(error, APIConnectionError):
            chain = list(causes(error))
            if isinstance(error, APITimeoutError) and any(isinstance(cause, TimeoutError) for cause in chain):
                return Fault(f"the try timed out after {self.settings.timeout:g} s", passing=True)
            unreached = any(isinstance(cause, ConnectionRefusedError | OSError) and cause.errno is not None for cause in chain)
            return Fault(self.masked(f"{error.message} {chain[-1]!r}"), passing=True, unreached=unreached)
        return error

    def record(self, body: bytes | dict, messages: Sequence[dict], max_tokens: int) -> ledgers.Record:
        """What an answer says, of a chat or a plain text, ready to store; without usage the tokens are estimated from the text.

        Raises Fault, worth another try, for an answer that cannot be read.
        """
        try:
            payload = body if isinstance(body, dict) else json.loads(body)
            choice = payload["choices"][0]
            message = choice["message"] if "message" in choice else {"content": choice["text"]}
            text, finish = _text(message.get("content")), choice.get("finish_reason") or ""
            finish = finish if isinstance(finish, str) else json.dumps(finish)
            if not text and message.get("refusal"):
                finish = "content_filter"
            text = text.encode("utf-8", "replace").decode()  # lone surrogates go
            counts = _counts(payload.get("usage"))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            reason, answer = self.masked(repr(error)), self.masked(repr(body))
            raise Fault(f"the reply cannot be read: {reason:.100} in {answer:.200}", passing=True) from None
        text, finish = self.masked(text), self.masked(finish)  # a server that echoes headers
        if counts is None:
            counts = (prices.tokens(messages), prices.tokens([{"content": text}]), 0, 0)
        tokens_in, tokens_out, cached, reasoning = counts
        return ledgers.Record(
            text, finish, tokens_in, tokens_out, self.settings.known_as or self.settings.model, max_tokens, "", cached, reasoning
        )

    def named(self, what: str) -> str:
        """The server and what happened, without the key, which some servers repeat."""
        return self.masked(f"{self.url} {what}")[:600]

    def masked(self, text: str) -> str:
        """Foreign text without the key, in whatever spelling. Mask before every cut."""
        return self._secret.sub("[key]", text) if self._secret else text


def spellings(key: str) -> re.Pattern:
    """The key as it stands, or with JSON escapes, percent-encoding or whitespace between its characters."""
    ways = (rf"(?:{re.escape(c)}|%{ord(c):02x}|\\u{ord(c):04x})" for c in key)
    between = r"(?:\s|\\[nrt]?)*"
    return re.compile(between.join(ways) if len(key) > 8 else re.escape(key), re.IGNORECASE)


def _text(content) -> str:
    """The text of a message; of a list of parts those of type text, thoughts left out."""
    if not isinstance(content, list):
        return content or ""
    parts = [part if isinstance(part, dict) else {"type": "text", "text": part} for part in content]
    return "".join(part["text"] for part in parts if part.get("type") in ("text", "output_text"))


def _counts(usage) -> tuple[int, int, int, int] | None:
    """Tokens in, out, of those in cached, of those out reasoned; None if the server did not count."""
    try:
        tokens_in = int(usage.get("prompt_tokens", usage.get("input_tokens")))
        tokens_out = int(usage.get("completion_tokens", usage.get("output_tokens")))
        cached = int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
        reasoning = int((usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None  # the reply was paid for and stands
    if min(tokens_in, tokens_out, cached, reasoning) < 0 or max(tokens_in, tokens_out, reasoning) > MOST_TOKENS:
        return None
    if reasoning and usage.get("total_tokens") == tokens_in + tokens_out + reasoning:
        tokens_out += reasoning  # some servers leave it out of the completion, and bill it
    return tokens_in, tokens_out, min(cached, tokens_in), reasoning


def causes(error: BaseException):
    """An error and what caused it, innermost last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def said(error) -> str:
    """The server's own message, from a body in OpenAI's shape or any other."""
    body = error.body
    return str(body.get("message", body) if isinstance(body, dict) else body or error.message)


def hopeless(error) -> str:
    """What to do about an error that every further request would meet too; "" for one about one request."""
    if error.status_code in (401, 403):  # the message is not quoted: it may repeat the key
        return f"the key in OPENAI_API_KEY is refused ({error.status_code}); set a valid one, then run again."
    if error.status_code == 402 or error.code == "insufficient_quota":
        return f"no credit is left ({said(error)}); add some, then run again."
    wrong_place = not isinstance(error.body, dict) or "model" in said(error).lower()
    if error.code == "model_not_found" or (error.status_code == 404 and wrong_place):
        return f"model or address is unknown there ({said(error)}); correct it, then run again."
    if error.status_code == 400 and error.code in REFUSED_PARAMETER:
        return (
            f"it refuses a parameter ({said(error)}); leave it out with parameters={{'temperature': None}} or the like, or name the "
            "limit otherwise with length_parameter='max_completion_tokens', then run again."
        )
    return ""


def retry_after(headers) -> float | None:
    """Seconds to wait, of a Retry-After header (a number or a date) or its cousin in milliseconds; None without one."""
    with suppress(KeyError, ValueError):
        return _finite(float(headers["retry-after-ms"]) / 1000)
    with suppress(KeyError, ValueError):
        return _finite(float(headers["retry-after"]))
    with suppress(KeyError, ValueError):
        return _finite(parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    return None


def _finite(seconds: float) -> float | None:
    return seconds if 0 < seconds < math.inf else None


def address(server: str) -> tuple[str, str]:
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
    if not key and not is_loopback(url.hostname):
        raise TeacherError(
            f"The server {server} needs a key, but OPENAI_API_KEY is not set. Set it in the shell that starts "
            "Jupyter or the run (it is read from there alone), or use server='offline'."
        )
    return server, key or NO_KEY


def is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
