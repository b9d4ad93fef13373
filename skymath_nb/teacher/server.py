"""The offline teacher as a server: Chat Completions, files and batches, and, if asked for, the faults of real ones.

One set of pages, in two houses: a transport inside the process, and an HTTP server on loopback.
"""

import email
import email.policy
import itertools
import json
import random
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ..world import offline
from .client import OPERATOR, SAMPLE, is_loopback

BODY_BYTES = 8 * 2**20  # a larger request is no prompt
FILE_BYTES = 200 * 2**20  # what OpenAI takes for a batch
LINES_A_LOOK = 1000  # of a batch, answered whenever somebody looks at it
ENDS = ("completed", "failed", "expired", "cancelled")
# What can go wrong with an answer, by name; `serving(faults={"500": 0.01})` lets it happen to that share of requests.
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


class Faults:
    """Which fault meets the next request: shares by name, drawn in one order from a seed."""

    def __init__(self, shares: dict[str, float] | None = None, seed: int = 0, retry_after: float = 1):
        self.shares, self.retry_after = shares or {}, retry_after
        if set(self.shares) - set(FAULTS) or min(self.shares.values(), default=0) < 0 or sum(self.shares.values()) > 1:
            raise ValueError(f"faults is {shares}; shares from 0 to 1 in all are needed, of {', '.join(FAULTS)}.")
        self._rng, self._lock = random.Random(seed), threading.Lock()

    def draw(self) -> str:
        with self._lock:
            return self._rng.choices(["", *self.shares], [1 - sum(self.shares.values()), *self.shares.values()])[0]


class Pages:
    """Every page as (method, path, headers, body) -> (status, headers, body); files and batches live as long as this."""

    def __init__(self, respond: Callable | None = None, faults: Faults | None = None):
        self.respond, self.faults = respond or offline.respond, faults or Faults()
        self.files, self.batches, self._numbers, self._lock = {}, {}, itertools.count(1), threading.RLock()

    def answer(self, method: str, path: str, headers, raw: bytes) -> tuple[int, dict, bytes]:
        place = tuple(path.partition("?")[0].strip("/").removeprefix("v1/").split("/"))
        whole = {
            ("GET", "health"): lambda: (200, {"status": "ok"}),
            ("GET", "models"): lambda: (200, _listed([{"id": "offline", "object": "model", "owned_by": "skymath"}])),
            ("POST", "chat", "completions"): lambda: self._chat(raw, headers),
            ("POST", "completions"): lambda: self._chat(raw, headers),  # a plain text; the offline teacher refuses it
            ("POST", "files"): lambda: self._upload(raw, headers),
            ("POST", "batches"): lambda: self._begin(raw),
            ("GET", "batches"): lambda: (200, _listed([_shown(batch) for batch in reversed(self.batches.values())])),
        }
        of_one = {
            ("GET", "files", "content"): self._content,
            ("GET", "batches"): self._look,
            ("POST", "batches", "cancel"): self._cancel,
        }
        if page := whole.get((method, *place)):
            status, payload, *more = page()
        elif page := of_one.get((method, *place[:1], *place[2:])):
            with self._lock:
                status, payload, *more = page(place[1])
        else:
            status, payload, more = 404, _error(f"No page {method} {path}."), []
        if isinstance(payload, bytes):
            return status, {"Content-Type": "application/octet-stream"}, payload
        return _json(status, payload, *more)

    def _chat(self, raw: bytes, headers):
        fault = self.faults.draw()
        if fault in ("429", "429-after"):
            return 429, _error("Slow down."), {"Retry-After": f"{self.faults.retry_after:g}"} if fault == "429-after" else {}
        if fault == "500":
            return 500, _error("Something broke here.")
        try:
            body, sample = json.loads(raw), int(headers.get(SAMPLE, "0"))
            if not isinstance(body, dict):
                raise ValueError("the body is no JSON object")
        except (ValueError, RecursionError) as error:
            return 400, _error(f"This is no Chat Completions request: {error}.")
        status, payload = self.respond(body, headers.get(OPERATOR, ""), sample)
        return (status, _spoiled(payload, fault), {"X-Fault": fault}) if status == 200 and fault else (status, payload)

    def _upload(self, raw: bytes, headers):
        """One file of a multipart form."""
        form = email.message_from_bytes(
            b"Content-Type: " + headers.get("Content-Type", "").encode() + b"\r\n\r\n" + raw, policy=email.policy.HTTP
        )
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()} if form.is_multipart() else {}
        if "file" not in parts or "purpose" not in parts:
            return 400, _error("A form with file and purpose is needed.")
        return 200, self._file(parts["file"].get_payload(decode=True), "batch")

    def _file(self, content: bytes, purpose: str) -> dict:
        with self._lock:
            id = f"file-{next(self._numbers)}"
            self.files[id] = content
        named = {"filename": f"{id}.jsonl", "created_at": 0, "purpose": purpose, "status": "processed"}
        return {"id": id, "object": "file", "bytes": len(content)} | named

    def _content(self, id: str):
        return (200, self.files[id]) if id in self.files else (404, _error(f"No file {id}."))

    def _begin(self, raw: bytes):
        with suppress(ValueError):
            asked = json.loads(raw)
            if isinstance(asked, dict) and asked.get("endpoint") == "/v1/chat/completions" and asked.get("input_file_id") in self.files:
                return 200, _shown(self._batch(asked))
        return 400, _error("A batch needs an input_file_id that is here and the endpoint /v1/chat/completions.")

    def _batch(self, asked: dict) -> dict:
        lines = self.files[asked["input_file_id"]].splitlines()
        wrong = [i for i, line in enumerate(lines, 1) if not _is_line(line)]
        errors = [{"code": "invalid_line", "line": i, "message": "This line is no request.", "param": None} for i in wrong]
        with self._lock:
            id = f"batch-{next(self._numbers)}"
            batch = self.batches[id] = {
                "id": id, "object": "batch", "endpoint": asked["endpoint"], "completion_window": "24h", "created_at": 0,
                "input_file_id": asked["input_file_id"], "metadata": asked.get("metadata"), "status": "failed" if wrong else "in_progress",
                "errors": {"object": "list", "data": errors} if wrong else None, "output_file_id": None, "error_file_id": None,
                "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
                "_left": lines, "_said": [], "_wrong": [], "_ends": "completed",
            }  # fmt: skip
        return batch

    def _look(self, id: str):
        """A batch goes on whenever somebody looks at it, so that tests need no clock."""
        if id not in self.batches:
            return 404, _error(f"No batch {id}.")
        batch = self.batches[id]
        if batch["status"] == "in_progress":
            now, batch["_left"] = batch["_left"][:LINES_A_LOOK], batch["_left"][LINES_A_LOOK:]
            for line in now:
                self._answer_line(batch, json.loads(line))
            if not batch["_left"]:
                self._end(batch, batch["_ends"])
        return 200, _shown(batch)

    def _answer_line(self, batch: dict, asked: dict):
        _, sample, _, operator = asked["custom_id"].split(".", 3)  # as teacher.batch writes it
        raw = json.dumps(asked["body"]).encode()
        status, payload, *more = self._chat(raw, {OPERATOR: operator, SAMPLE: sample})
        fault = more[0].get("X-Fault", "") if more else ""
        counts = batch["request_counts"]
        if fault in ("timeout", "drip"):  # not done within the day
            batch["_ends"] = "expired"
            return
        line = {"id": f"r-{asked['custom_id']}", "custom_id": asked["custom_id"], "error": None}
        line["response"] = {"status_code": status, "request_id": "", "body": payload}
        said = json.dumps(line).encode()
        if fault in ("cut", "truncated", "malformed"):
            said = said[: len(said) // 2]
        batch["_said" if status == 200 else "_wrong"].append(said)
        counts["completed" if status == 200 else "failed"] += 1

    def _end(self, batch: dict, status: str):
        batch["status"] = status
        for name, lines in (("output_file_id", batch["_said"]), ("error_file_id", batch["_wrong"])):
            if lines:
                batch[name] = self._file(b"\n".join(lines) + b"\n", "batch_output")["id"]

    def _cancel(self, id: str):
        if id not in self.batches:
            return 404, _error(f"No batch {id}.")
        if self.batches[id]["status"] not in ENDS:
            self._end(self.batches[id], "cancelled")
        return 200, _shown(self.batches[id])


def _is_line(line: bytes) -> bool:
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        asked = json.loads(line)
        return asked["url"] == "/v1/chat/completions" and isinstance(asked["body"], dict) and asked["custom_id"].count(".") >= 3
    return False


def _shown(batch: dict) -> dict:
    return {name: value for name, value in batch.items() if not name.startswith("_")}


def _listed(rows: list) -> dict:
    return {"object": "list", "data": rows, "has_more": False}


def _json(status: int, payload: dict, headers: dict | None = None) -> tuple[int, dict, bytes]:
    return status, {"Content-Type": "application/json"} | (headers or {}), json.dumps(payload).encode()


def _error(message: str) -> dict:
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def _spoiled(payload: dict, fault: str) -> dict:
    """The same answer as the faults that concern its text leave it."""
    for choice in payload.get("choices", []) if fault in ("empty", "length", "filter") else []:
        place, name = (choice["message"], "content") if "message" in choice else (choice, "text")
        place[name] = (place[name] or "")[: len(place[name] or "") // 2] if fault == "length" else ""
        choice["finish_reason"] = {"length": "length", "filter": "content_filter"}.get(fault, "stop")
    return payload


def offline_transport(respond: Callable | None = None):
    """A transport for the client that answers from the world; respond(body, operator, sample) for tests."""
    import httpx2

    pages = Pages(respond)

    def handle(request):
        status, headers, body = pages.answer(request.method, request.url.path, request.headers, request.read())
        return httpx2.Response(status, headers=headers, content=body)

    return httpx2.MockTransport(handle)


class _Handler(BaseHTTPRequestHandler):
    """The pages over keep-alive connections, with the faults that are made of bytes and time."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; together with delayed ACK 40 ms each

    def do_GET(self):
        self._answer(b"")

    def do_POST(self):
        length, most = self.headers.get("Content-Length", ""), FILE_BYTES if self.path == "/v1/files" else BODY_BYTES
        if not length.isdecimal() or int(length) > most:
            self.close_connection = True  # the body stays unread
            self._send(*_json(413, _error(f"A body of 0 to {most} bytes is needed, not of {length or 'unknown'}.")))
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, raw: bytes):
        status, headers, body = self.server.pages.answer(self.command, self.path, self.headers, raw)
        fault = headers.pop("X-Fault", "")
        if fault == "malformed":
            headers["Content-Type"], body = "text/html", b"<html><body>Bad gateway</body></html>"
        elif fault == "truncated":
            body = body[: len(body) // 2]
        with suppress(ConnectionError):  # a client that gave up
            if fault == "timeout":
                self.server.ending.wait()
            self._send(status, headers, body, fault)

    def _send(self, status: int, headers: dict, body: bytes, fault: str = ""):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if fault == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault == "drip":
            for i in range(len(body)):
                self.wfile.write(body[i : i + 1])
                if self.server.ending.wait(DRIP_S):
                    break
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing per request."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # a client may open hundreds of connections at once

    def handle_error(self, request, client_address):
        """Say nothing of a client that went away; anything else is an error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def _bound(port: int, host: str, respond, faults: Faults | None):
    if not is_loopback(host):
        raise ValueError(f"host {host!r} can be reached from outside; the offline teacher serves 127.0.0.1.")
    try:
        server = _Server((host, port), _Handler)
    except OSError as error:
        raise RuntimeError(f"Nothing can listen at {host}:{port} ({error}); name another port.") from error
    server.pages, server.ending = Pages(respond, faults), threading.Event()
    with server:
        try:
            yield server, f"http://{host}:{server.server_port}/v1"
        finally:
            server.ending.set()


@contextmanager
def serving(port: int = 0, host: str = "127.0.0.1", respond: Callable | None = None, faults: Faults | dict | None = None):
    """The offline teacher over HTTP while the block lasts; gives its base URL. Port 0 takes a free one.

    `faults` maps names of FAULTS to the share of requests that they meet. Raises ValueError for a host that is not
    on loopback or an unknown fault, RuntimeError for a port that is taken.
    """
    with _bound(port, host, respond, faults if isinstance(faults, Faults) else Faults(faults)) as (server, url):
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()


def serve(port: int = 8399, host: str = "127.0.0.1", respond: Callable | None = None, faults: dict | None = None):
    """Serve the offline teacher on loopback until Ctrl-C; arguments and errors as of `serving`."""
    with _bound(port, host, respond, Faults(faults)) as (server, url), suppress(KeyboardInterrupt):
        print(f"The offline teacher listens at {url} (model 'offline', any key). Ctrl-C ends it.", flush=True)
        server.serve_forever()
