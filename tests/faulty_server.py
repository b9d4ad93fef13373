"""The offline teacher with the faults of real servers: test equipment.

A fault meets a share of the requests, drawn in one order from a seed. Batches go on whenever
somebody looks at them, so that no test needs a clock.
"""

import random
import threading
from contextlib import contextmanager

from skymath_nb.inference.offline_server import Handler, Pages, Server

FAULTS = {
    "429": "too many requests, without a word on when to come back",
    "429-after": "too many requests, with Retry-After",
    "500": "an internal error",
    "timeout": "no answer for as long as the server runs",
    "cut": "the connection ends in the middle of the answer",
    "truncated": "half the JSON, as if it were whole",
    "malformed": "a page of HTML with status 200",
    "empty": "an answer without text",
    "length": "a text cut off at half, finish_reason length",
    "filter": "no text, finish_reason content_filter",
    "drip": "one byte a tick: the connection lives, the answer does not end",
}
DRIP_S = 0.05
LINES_A_LOOK = 1000  # of a batch, done whenever somebody looks at it


class Faults:
    """Which fault meets the next request.

    Shares by name of FAULTS, drawn in one order from a seed.
    """

    def __init__(
        self, shares: dict[str, float] | None = None, seed: int = 0, retry_after: float = 1
    ):
        self.shares, self.retry_after = shares or {}, retry_after
        if (
            set(self.shares) - set(FAULTS)
            or min(self.shares.values(), default=0) < 0
            or sum(self.shares.values()) > 1
        ):
            raise ValueError(
                f"faults is {shares}; shares from 0 to 1 in all are needed, of {', '.join(FAULTS)}."
            )
        self._rng, self._lock = random.Random(seed), threading.Lock()

    def draw(self) -> str:
        with self._lock:
            return self._rng.choices(
                ["", *self.shares], [1 - sum(self.shares.values()), *self.shares.values()]
            )[0]


class FaultyPages(Pages):
    """The pages of the offline teacher, each chat of which may meet a fault."""

    def __init__(self, respond=None, faults: Faults | None = None):
        super().__init__(respond)
        self.faults, self.met = faults or Faults(), threading.local()
        self.ending = threading.Event()
        # lines of each batch that are done, as far as anybody was told
        self.looked: dict[str, int] = {}

    def answer(self, method, path, headers, raw):
        self.met.fault = ""
        status, headers, body = super().answer(method, path, headers, raw)
        if self.met.fault == "429-after":
            headers["Retry-After"] = f"{self.faults.retry_after:g}"
        if status == 200:
            headers["X-Fault"] = self.met.fault
        return status, headers, body

    def chat(self, raw, headers):
        self.met.fault = fault = self.faults.draw()
        if fault in ("429", "429-after"):
            return 429, error("Slow down.")
        if fault == "500":
            return 500, error("Something broke here.")
        status, payload = super().chat(raw, headers)
        return status, spoiled(payload, fault) if status == 200 else payload

    def begin(self, raw):
        self.met.late = False
        batch = super().begin(raw)
        batch["status"] = "expired" if self.met.late else "completed"
        self.met.fault = ""
        return batch

    def line(self, request):
        status, line = super().line(request)
        if self.met.fault in ("timeout", "drip"):  # not done within the day
            self.met.late = True
            return status, b""
        if self.met.fault in ("cut", "truncated", "malformed"):
            line = line[: len(line) // 2] + b"\n"
        return status, line

    def look(self, name):
        batch = super().look(name)
        self.looked[name] = self.looked.get(name, 0) + LINES_A_LOOK
        if self.looked[name] >= batch["request_counts"]["total"]:
            return batch
        counts = batch["request_counts"] | {"completed": self.looked[name], "failed": 0}
        return batch | {
            "status": "in_progress",
            "output_file_id": None,
            "error_file_id": None,
            "request_counts": counts,
        }


def error(message):
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def spoiled(payload, fault):
    """The same answer as the faults that concern its text leave it."""
    for choice in payload.get("choices", []) if fault in ("empty", "length", "filter") else []:
        place, name = (choice["message"], "content") if "message" in choice else (choice, "text")
        text = place[name] or ""
        place[name] = text[: len(text) // 2] if fault == "length" else ""
        choice["finish_reason"] = {"length": "length", "filter": "content_filter"}.get(
            fault, "stop"
        )
    return payload


class FaultyHandler(Handler):
    """The faults that are made of bytes and time."""

    def send(self, status, headers, body):
        fault, ending = headers.pop("X-Fault", ""), self.server.pages.ending
        if fault == "timeout":
            ending.wait()
        elif fault == "malformed":
            headers["Content-Type"], body = "text/html", b"<html><body>Bad gateway</body></html>"
        elif fault == "truncated":
            body = body[: len(body) // 2]
        if fault in ("cut", "drip"):
            self.close_connection = True
            self.send_response(status)
            self.send_header("Content-Type", headers["Content-Type"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault == "cut" else b"")
            for i in range(len(body) if fault == "drip" else 0):
                self.wfile.write(body[i : i + 1])
                if ending.wait(DRIP_S):
                    break
        else:
            super().send(status, headers, body)


@contextmanager
def serving(port=0, respond=None, faults: Faults | dict | None = None):
    """The faulty teacher over HTTP while the block lasts; gives its base URL."""
    pages = FaultyPages(respond, faults if isinstance(faults, Faults) else Faults(faults))
    with Server(pages, port, "127.0.0.1", FaultyHandler).running() as url:
        try:
            yield url
        finally:
            pages.ending.set()
