"""One request on its way: the OpenAI client, its faults named and sorted, its reply read.

The client's own retries are off: they would sleep through a stop, and they give up where a server
asks for more than two minutes. Bodies go through the client's `post`, which skips the typed models
that cost more CPU than the rest together.
"""

import asyncio
import errno
import ipaddress
import json
import math
import os
import random
import re
import socket
import sys
import time
import unicodedata
import zlib
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlsplit

from ..core.finish_reasons import named
from . import prices
from . import reply_store as ledgers
from .limits import Account, Stop
from .request import Request, Settings, TeacherError

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 8.0  # without a word from the server: doubling, with jitter
# in all, for one request, at the server's word; a longer wait is better taken by a rerun
LONGEST_PAUSE_S = 3600
LONGEST_RETRY_S = 60  # after a failure, whatever the server's Retry-After names
TOLD_PAUSE_S = 30  # a longer one is said
RETRIED = {408, 409, 429}  # and all from 500
BUSY = {429, 503}  # with Retry-After no failure but a date
GATEWAY = {502, 504, 522, 524}  # the server behind may have answered, and charged
REFUSED_PARAMETER = {"unsupported_parameter", "unsupported_value", "unknown_parameter"}
NO_KEY = "no-key-needed"
SECRET = re.compile(r"key|token|secret|password|signature|^sig$", re.IGNORECASE)  # in an address
MOST_TOKENS = 10**9  # a count above is no count
OPERATOR, SAMPLE = "X-SkyMath-Operator", "X-SkyMath-Sample"  # read by the offline teacher alone


class Fault(Exception):
    """One request failed.

    Args:
        message: What happened, without the key.
        status: The status that the server answered with, 0 where it did not answer.
        passing: Whether another try is worth it.
        pause: Seconds before it, where the server named them.
        unreached: Nobody listens at the address.
        charged: The server may have charged for the reply that never came.
    """

    def __init__(
        self,
        message: str,
        status: int = 0,
        *,
        passing: bool = False,
        pause: float | None = None,
        unreached: bool = False,
        charged: bool = False,
    ):
        super().__init__(message)
        self.status, self.passing, self.pause = status, passing, pause
        self.unreached, self.charged = unreached, charged


class Client:
    """A connection to one server, used within `async with`; `url` and `key` as from `address`."""

    def __init__(self, settings: Settings, url: str, key: str, stop: Stop, transport=None):
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self.settings, self.url, self.key, self.stop = settings, url, key, stop
        self.tries = 0
        self.waits_until = 0.0  # the end of a long pause, on the monotonic clock
        self._secret = None if key == NO_KEY else spellings(key)
        limits = httpx2.Limits(
            max_connections=settings.workers + 4, max_keepalive_connections=settings.workers
        )
        place = urlsplit(url)
        direct = is_loopback(place.hostname or "")  # no proxy sees what stays on this machine
        if transport:
            http = httpx2.AsyncClient(transport=transport)
        else:
            http = DefaultAioHttpClient(limits=limits, trust_env=not direct)
        query = dict(parse_qsl(place.query))  # Azure's api-version goes with every request
        self.openai = AsyncOpenAI(
            base_url=place._replace(query="").geturl(),
            api_key=key,
            http_client=http,
            timeout=settings.timeout,
            max_retries=0,
            default_query=query,
            default_headers={"api-key": key} if "api-version" in query and key != NO_KEY else None,
        )
        self._raw = httpx2.Response

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.openai.close()

    async def ask(self, request: Request, account: Account) -> ledgers.Record:
        """The reply to one request, faults that pass tried again.

        Args:
            request: What is asked.
            account: Where each try is reserved before it leaves.

        Raises:
            Fault: The request has no reply.
            TeacherError: No request will have one.
            BudgetReached: Another try might pass the cap.
            Stopped: The run ended meanwhile.
        """
        failures, waits, waited = 0, 0, 0.0
        while True:
            await account.reserve()
            self.tries += 1
            try:
                return self.record(await self._send(request), request.messages, request.max_tokens)
            except Fault as fault:
                if fault.charged:
                    await account.lose()
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
        if pause > TOLD_PAUSE_S and now > self.waits_until:
            self.waits_until = now + pause
            print(
                self.named(f"is asked again in {pause:.0f} s ({fault})."),
                file=sys.stderr,
                flush=True,
            )

    async def _send(self, request: Request) -> bytes:
        """The body of one answer.

        The time limit is on the whole try, so that a slow drip ends too.
        """
        headers = {OPERATOR: request.operator, SAMPLE: str(request.sample)}
        try:
            async with asyncio.timeout(self.settings.timeout):
                page = "/completions" if request.plain else "/chat/completions"
                response = await self.openai.post(
                    page,
                    cast_to=self._raw,
                    body=self.settings.body(request),
                    options={"headers": headers},
                )
        except TimeoutError:
            raise self._timed_out() from None
        except Exception as error:
            raise self.explained(error) from None
        return response.content

    def _timed_out(self) -> Fault:
        longer = "; `timeout` allows more" if self.settings.timeout < LONGEST_PAUSE_S else ""
        message = f"the try timed out after {self.settings.timeout:g} s{longer}"
        return Fault(message, passing=True, charged=True)

    def explained(self, error: Exception) -> Exception:
        """An error of the client as a Fault or, if every further request would meet it too, a
        TeacherError; others as they are.
        """
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        if isinstance(error, APIStatusError):
            if remedy := hopeless(error):
                return TeacherError(
                    self.named(f"cannot go on with {self.settings.model!r}: {remedy}")
                )
            status, wish = error.status_code, error.response.headers.get("x-should-retry")
            passing = wish == "true" or (wish != "false" and (status in RETRIED or status >= 500))
            return Fault(
                f"{status}: {self.masked(said(error))}",
                status,
                passing=passing,
                pause=retry_after(error.response.headers),
                charged=status in GATEWAY,
            )
        if isinstance(error, APIConnectionError):
            chain = list(causes(error))
            if isinstance(error, APITimeoutError) and any(
                isinstance(cause, TimeoutError) for cause in chain
            ):
                return self._timed_out()
            unreached = any(map(_nobody_there, chain))
            message = self.masked(f"{error.message} {chain[-1]!r}")
            return Fault(message, passing=True, unreached=unreached, charged=not unreached)
        if isinstance(error, _http_faults()):  # an answer that is no HTTP
            message = self.masked(f"the answer cannot be read: {error!r}")
            return Fault(message, passing=True, charged=True)
        return error

    def record(
        self, body: bytes | dict, messages: Sequence[dict], max_tokens: int
    ) -> ledgers.Record:
        """What an answer says, of a chat or a plain text, ready to store.

        Without usage the tokens are estimated from the text.

        Raises Fault, worth another try, for an answer that cannot be read.
        """
        try:
            payload = body if isinstance(body, dict) else json.loads(body)
            choice = payload["choices"][0]
            message = choice["message"] if "message" in choice else {"content": choice["text"]}
            text, thoughts = _text(message.get("content")), _thoughts(message)
            finish = named(choice.get("finish_reason"))
            if not text and message.get("refusal"):
                finish = "content_filter"
            text, thoughts, finish = map(_without_surrogates, (text, thoughts, finish))
            counts = _counts(payload.get("usage"))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            reason, answer = self.masked(repr(error)), self.masked(repr(body))
            message = f"the reply cannot be read: {reason:.100} in {answer:.200}"
            raise Fault(message, passing=True, charged=True) from None
        # a server may echo headers
        text, thoughts, finish = map(self.masked, (text, thoughts, finish))
        estimated = counts is None
        if estimated:
            thought = prices.tokens([{"content": thoughts}]) if thoughts else 0
            said = prices.tokens([{"content": text}])
            counts = (prices.tokens(messages), said + thought, 0, thought)
        tokens_in, tokens_out, cached, reasoning = counts
        return ledgers.Record(
            text=text,
            finish_reason=finish,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            model=self.settings.known_as or self.settings.model,
            max_tokens=max_tokens,
            tokens_cached=cached,
            tokens_reasoning=reasoning,
            reasoning=thoughts,
            estimated=int(estimated),
        )

    def named(self, what: str) -> str:
        """The server and what happened, without the key, which some servers repeat."""
        return self.masked(f"{self.url} {what}")[:600]

    def masked(self, text: str) -> str:
        """Foreign text without the key, in whatever spelling. Mask before every cut."""
        return self._secret.sub("[key]", text) if self._secret else text


def _nobody_there(error: BaseException) -> bool:
    """Whether a connection could not be made; one that broke later reached somebody."""
    number = getattr(error, "errno", None) if isinstance(error, OSError) else None
    return number is not None and number not in (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)


def _http_faults() -> tuple[type[Exception], ...]:
    """What an answer raises that is no HTTP, or whose body is damaged."""
    import aiohttp
    import httpx2

    clients = (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError)
    return (*clients, EOFError, UnicodeError, zlib.error)


def spellings(key: str) -> re.Pattern:
    """The key as it stands, or with JSON escapes, percent-encoding or whitespace between its
    characters.
    """
    ways = (rf"(?:{re.escape(c)}|%{ord(c):02x}|\\u{ord(c):04x})" for c in key)
    between = r"(?:\s|\\[nrt]?)*"
    return re.compile(between.join(ways) if len(key) > 8 else re.escape(key), re.IGNORECASE)


def _text(content) -> str:
    """The text of a message; of a list of parts those of type text, thoughts left out."""
    if not isinstance(content, list):
        return content or ""
    parts = [part if isinstance(part, dict) else {"type": "text", "text": part} for part in content]
    return "".join(part["text"] for part in parts if part.get("type") in ("text", "output_text"))


def _thoughts(message: dict) -> str:
    """What the model thought, where the server sends it beside the text.

    Its own field, or parts.
    """
    for field in ("reasoning_content", "reasoning"):
        if isinstance(thoughts := message.get(field), str) and thoughts:
            return thoughts
    content = message.get("content")
    parts = (
        [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    )
    thoughts = [part.get("thinking") or part.get("reasoning") for part in parts]
    return "".join(thought for thought in thoughts if isinstance(thought, str))


def _without_surrogates(text: str) -> str:
    """The text with a question mark for each lone surrogate, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _counts(usage) -> tuple[int, int, int, int] | None:
    """Tokens in, out, of those in cached, of those out reasoned.

    None if the server did not count.
    """
    try:
        tokens_in = int(usage.get("prompt_tokens", usage.get("input_tokens")))
        tokens_out = int(usage.get("completion_tokens", usage.get("output_tokens")))
        details_in = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
        details_out = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
        cached = int(details_in.get("cached_tokens") or 0)
        reasoning = int((details_out or {}).get("reasoning_tokens") or 0)
        total = int(usage.get("total_tokens") or 0)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None  # the reply was paid for and stands
    counts = (tokens_in, tokens_out, cached, reasoning, total)
    if min(counts) < 0 or max(counts) > MOST_TOKENS:
        return None
    unnamed = total - tokens_in - tokens_out
    if unnamed > 0:  # thoughts that the server leaves out of the completion, and bills
        tokens_out += unnamed
        reasoning = max(reasoning, unnamed)
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
    """What to do about an error that every further request would meet too.

    "" for one about one request.
    """
    code = str(error.code)
    if error.status_code == 401:  # the message is not quoted: it may repeat the key
        return "the key in OPENAI_API_KEY is refused (401); set a valid one, then run again."
    if error.status_code == 402 or code == "insufficient_quota":
        return f"no credit is left ({said(error)}); add some, then run again."
    wrong_place = not isinstance(error.body, dict) or "model" in said(error).lower()
    if code == "model_not_found" or (error.status_code == 404 and wrong_place):
        return f"model or address is unknown there ({said(error)}); correct it, then run again."
    if error.status_code == 400 and code in REFUSED_PARAMETER:
        return (
            f"it refuses a parameter ({said(error)}); leave it out with "
            f"parameters={{'temperature': None}} or the like, or name the "
            "limit otherwise with length_parameter='max_completion_tokens', then run again."
        )
    return ""


def retry_after(headers) -> float | None:
    """Seconds to wait, of a Retry-After header (a number or a date) or its cousin in milliseconds.

    None without one.
    """
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
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(
            f"server has scheme {url.scheme!r} and host {url.hostname!r}; it is 'offline' or an "
            "address such as http://127.0.0.1:8399/v1."
        )
    secrets = [
        name for name, _ in parse_qsl(url.query, keep_blank_values=True) if SECRET.search(name)
    ]
    if url.username or url.password or secrets:
        where = f"the parameter {secrets[0]!r}" if secrets else "a user or a password"
        raise ValueError(
            f"The address of the server at {url.hostname} holds {where}. An address is stored "
            "and shown, so a key never goes in it: set OPENAI_API_KEY in the environment and "
            "take it out of the address."
        )
    return server, _key(server, url.hostname) or NO_KEY


def _key(server: str, host: str) -> str:
    """The key in the environment; raises TeacherError for one that no header can carry."""
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key and not is_loopback(host):
        raise TeacherError(
            f"The server {server} needs a key, but OPENAI_API_KEY is not set. Set it in the "
            "shell that starts "
            "Jupyter or the run (it is read from there alone), or use server='offline'."
        )
    for place, character in enumerate(key, 1):
        if not "!" <= character <= "~":
            name = unicodedata.name(character, "a control character")
            raise TeacherError(
                f"The key in OPENAI_API_KEY has {name} (U+{ord(character):04X}) as character "
                f"{place} of {len(key)}, which no key has; it often comes along when a key is "
                "copied. Set the key again."
            )
    return key


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, in any spelling: a name, an IPv4 or an IPv6 address."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with suppress(OSError, ValueError):  # 127.1, 0x7f000001
        return ipaddress.ip_address(socket.inet_aton(name)).is_loopback
    with suppress(ValueError):
        address = ipaddress.ip_address(name.partition("%")[0])
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    return False
