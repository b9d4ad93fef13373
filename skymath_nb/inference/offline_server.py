"""The offline teacher as a server: Chat Completions, completions, models, files and batches.

One set of pages, in two houses: a transport inside the process, and an HTTP server on loopback.
"""

import email
import email.policy
import json
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import offline_teacher
from .client import OPERATOR, SAMPLE, is_loopback

BODY_BYTES = 8 * 2**20  # a larger request is no prompt
FILE_BYTES = 200 * 2**20  # what OpenAI takes for a batch
CHAT = "/v1/chat/completions"
MODEL = {"id": "offline", "object": "model", "owned_by": "skymath"}


class BadRequest(ValueError):
    """A request that cannot be read; the server answers 400 with these words."""


class Pages:
    """Every page of the server; files and batches live as long as this object."""

    def __init__(self, respond: Callable | None = None):
        self.respond = respond or offline_teacher.respond
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict] = {}
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, headers, raw: bytes) -> tuple[int, dict, bytes]:
        """Status, headers and body of the answer to one request."""
        try:
            status, payload = self._page(method, path, headers, raw)
        except BadRequest as error:
            status, payload = 400, _error(str(error))
        if isinstance(payload, bytes):
            return status, {"Content-Type": "application/octet-stream"}, payload
        return status, {"Content-Type": "application/json"}, json.dumps(payload).encode()

    def _page(self, method: str, path: str, headers, raw: bytes) -> tuple[int, dict | bytes]:
        place = path.partition("?")[0].strip("/").removeprefix("v1/")
        match (method, *place.split("/")):
            case ("GET", "health"):
                return 200, {"status": "ok"}
            case ("GET", "models"):
                return 200, _listed([MODEL])
            case ("POST", "chat", "completions") | ("POST", "completions"):
                return self.chat(raw, headers)
            case ("POST", "files"):
                return 200, self.upload(raw, headers)
            case ("GET", "files", name, "content") if name in self.files:
                return 200, self.files[name]
            case ("POST", "batches"):
                return 200, self.begin(raw)
            case ("GET", "batches"):
                return 200, _listed(list(reversed(self.batches.values())))
            case ("GET", "batches", name) if name in self.batches:
                return 200, self.look(name)
        return 404, _error(f"No page {method} {path}.")

    def chat(self, raw: bytes, headers) -> tuple[int, dict]:
        """One reply; the offline teacher refuses a plain text, which `completions` sends."""
        sample = headers.get(SAMPLE, "0")
        if not sample.isdecimal():
            raise BadRequest(f"The header {SAMPLE} is {sample!r}; a whole number is needed.")
        return self.respond(_json_object(raw), headers.get(OPERATOR, ""), int(sample))

    def upload(self, raw: bytes, headers) -> dict:
        """Keep the file of a multipart form."""
        head = f"Content-Type: {headers.get('Content-Type', '')}\r\n\r\n"
        form = email.message_from_bytes(head.encode() + raw, policy=email.policy.HTTP)
        parts = form.iter_parts() if form.is_multipart() else ()
        fields = {part.get_param("name", header="content-disposition"): part for part in parts}
        if not {"file", "purpose"} <= set(fields):
            raise BadRequest("A form with file and purpose is needed.")
        content = fields["file"].get_payload(decode=True)
        name = self.keep(content)
        described = {"created_at": 0, "purpose": "batch", "status": "processed"}
        return described | {"id": name, "object": "file", "filename": name, "bytes": len(content)}

    def keep(self, content: bytes) -> str:
        """Keep a file and return its id."""
        with self._lock:
            name = f"file-{len(self.files) + 1}"
            self.files[name] = content
        return name

    def begin(self, raw: bytes) -> dict:
        """Answer all requests of an uploaded file at once, as a batch that is complete."""
        asked = _json_object(raw)
        lines = self.files.get(str(asked.get("input_file_id")))
        if lines is None or asked.get("endpoint") != CHAT:
            raise BadRequest(f"A batch needs a known input_file_id and the endpoint {CHAT}.")
        requests = [_checked(n, line) for n, line in enumerate(lines.splitlines(), 1)]
        answers = [self.line(request) for request in requests]
        good = [line for status, line in answers if status == 200]
        refused = [line for status, line in answers if status != 200]
        batch = {key: asked.get(key) for key in ("input_file_id", "endpoint", "metadata")}
        batch |= {"object": "batch", "status": "completed", "completion_window": "24h"}
        counts = {"total": len(requests), "completed": len(good), "failed": len(refused)}
        batch |= {"created_at": 0, "request_counts": counts}
        batch["output_file_id"] = self.keep(b"".join(good)) if good else None
        batch["error_file_id"] = self.keep(b"".join(refused)) if refused else None
        with self._lock:
            name = f"batch-{len(self.batches) + 1}"
            self.batches[name] = {"id": name} | batch
        return self.batches[name]

    def line(self, request: dict) -> tuple[int, bytes]:
        """The status of one request of a batch, and its line in the batch's output."""
        _, sample, _, operator = request["custom_id"].split(".", 3)
        raw = json.dumps(request["body"]).encode()
        status, payload = self.chat(raw, {OPERATOR: operator, SAMPLE: sample})
        response = {"status_code": status, "request_id": "", "body": payload}
        answer = {"custom_id": request["custom_id"], "error": None, "response": response}
        return status, json.dumps(answer).encode() + b"\n"

    def look(self, name: str) -> dict:
        """The batch of this name, as it stands."""
        return self.batches[name]


def _json_object(raw: bytes) -> dict:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is no JSON: {error}.") from error
    if not isinstance(body, dict):
        raise BadRequest("The body is no JSON object.")
    return body


def _checked(number: int, line: bytes) -> dict:
    """A request of a batch, whose custom_id is KEY.SAMPLE.MAX_TOKENS.OPERATOR (`teacher.batch`)."""
    request = _json_object(line)
    name = request.get("custom_id")
    named = isinstance(name, str) and name.count(".") >= 3 and name.split(".")[1].isdecimal()
    if not named or request.get("url") != CHAT or not isinstance(request.get("body"), dict):
        raise BadRequest(f"Line {number} of the file is no request of this client's.")
    return request


def _listed(rows: list) -> dict:
    return {"object": "list", "data": rows, "has_more": False}


def _error(message: str) -> dict:
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def offline_transport(respond: Callable | None = None):
    """A transport for the client that answers from the world, inside the process.

    Args:
        respond: What answers in the world's place, as (body, operator, sample) -> (status,
            payload).
    """
    import httpx2

    pages = Pages(respond)

    def handle(request):
        given = request.method, request.url.path, request.headers, request.read()
        status, headers, body = pages.answer(*given)
        return httpx2.Response(status, headers=headers, content=body)

    return httpx2.MockTransport(handle)


class Handler(BaseHTTPRequestHandler):
    """The pages over keep-alive connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; with delayed ACK 40 ms each

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        limit = FILE_BYTES if self.path == "/v1/files" else BODY_BYTES
        if length.isdecimal() and int(length) <= limit:
            self.answer(self.rfile.read(int(length)))
            return
        self.close_connection = True  # the body stays unread
        error = _error(f"A body of 0 to {limit} bytes is needed, not of {length or 'unknown'}.")
        self.send(413, {"Content-Type": "application/json"}, json.dumps(error).encode())

    def answer(self, raw: bytes):
        answer = self.server.pages.answer(self.command, self.path, self.headers, raw)
        with suppress(ConnectionError):  # a client that gave up
            self.send(*answer)

    def send(self, status: int, headers: dict, body: bytes):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing per request."""


class Server(ThreadingHTTPServer):
    """An HTTP server on loopback for some pages.

    Raises:
        ValueError: The host can be reached from outside.
        RuntimeError: The port is taken.
    """

    request_queue_size = 512  # a client may open hundreds of connections at once

    def __init__(self, pages: Pages, port: int, host: str, handler: type = Handler):
        self.pages = pages
        if not is_loopback(host):
            raise ValueError(f"host {host!r} can be reached from outside; use 127.0.0.1.")
        try:
            super().__init__((host, port), handler)
        except OSError as error:
            message = f"Nothing can listen at {host}:{port} ({error}); name another port."
            raise RuntimeError(message) from error
        self.url = f"http://{host}:{self.server_port}/v1"

    @contextmanager
    def running(self):
        """Serve in a thread while the block lasts; gives the base URL."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        with self:
            thread.start()
            try:
                yield self.url
            finally:
                self.shutdown()
                thread.join()

    def handle_error(self, request, client_address):
        """Say nothing of a client that went away; anything else is an error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def serving(port: int = 0, host: str = "127.0.0.1", respond: Callable | None = None):
    """The offline teacher over HTTP while the block lasts; gives its base URL.

    Args:
        port: 0 takes a free one.
        host: A name or an address of loopback.
        respond: As in `offline_transport`.

    Raises:
        ValueError: The host can be reached from outside.
        RuntimeError: The port is taken.
    """
    return Server(Pages(respond), port, host).running()


def serve(port: int = 8399, host: str = "127.0.0.1") -> None:
    """Serve the offline teacher on loopback until Ctrl-C; arguments and errors as in `serving`."""
    with Server(Pages(), port, host) as server, suppress(KeyboardInterrupt):
        listens = f"The offline teacher listens at {server.url}"
        print(f"{listens} (model 'offline', any key). Ctrl-C ends it.", flush=True)
        server.serve_forever()
