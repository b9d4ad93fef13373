"""A server of a model as a child process of this one: started, awaited, ended.

The package never imports what it runs.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..core import digests, guard

HOST = "127.0.0.1"
LOOK_S = 0.2  # between two looks whether it is ready
LINES = 30  # of the log that an error shows
INSTALL = {
    "vllm": "install it in an environment of its own, for its pins clash with others (`python -m "
    "venv ~/vllm && ~/vllm/bin/pip install "
    'vllm`), and name it with command="~/vllm/bin/vllm"',
    "transformers": "install its server with `pip install 'transformers[serving]'`",
}


class ServerError(RuntimeError):
    """A server did not start, or ended before it was ready.

    The message shows the end of its log.
    """


class Served(NamedTuple):
    """What `teacher.asker(**served._asdict(), ledger=...)` needs to ask a model that is being
    served.
    """

    server: str
    model: str
    # with a digest of the model's files: the ledger tells a retrained student from its former self
    known_as: str
    parameters: dict | None = None  # of each request's body


@contextmanager
def serving(
    model: str | os.PathLike,
    engine: str = "vllm",
    *,
    command: str | Sequence[str] = "",
    options: Sequence[str] = (),
    port: int = 0,
    log: str | Path | None = None,
    ready_s: float = 900,
) -> Iterator[Served]:
    """Serve a model folder or hub id on loopback while the block lasts.

    Its GPU memory is free when the block has ended.

    The server ends with the block, and also when this process dies: a guard process between the two
    sees the pipe close.

    Args:
        engine: "vllm", or "transformers" for `transformers serve` (no k samples, no logprobs,
            slower; runs on a CPU).
        command: The program, or the words of a command, where it is not the engine's name on the
            PATH.
        options: Further words of the command line, such as ["--max-model-len", "4096"].
        port: 0 takes a free one.
        log: A file for what it prints, else a temporary one.
        ready_s: Seconds until it must answer /health.

    Raises:
        ValueError: For another engine, a missing model or no such command.
        ServerError: If it does not become ready.
    """
    words = _command(engine, command)
    folder = Path(model).expanduser().resolve()
    source = str(folder) if folder.is_dir() else str(model)
    name, port = digests.name_model(source), _port(port)
    words += ["serve", source, "--host", HOST, "--port", str(port)]
    served = Served(f"http://{HOST}:{port}/v1", source, f"{engine}:{name}")
    if engine == "vllm":
        # not the model's own way of sampling
        words += ["--served-model-name", name, "--generation-config", "vllm"]
        served = served._replace(model=name)
    else:
        served = served._replace(parameters={"generation_config": _neutral(source)})
    environment = {key: value for key, value in os.environ.items() if key != "OPENAI_API_KEY"}
    with tempfile.TemporaryDirectory() as place:
        log = Path(log or Path(place) / "log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            server = guard.start(
                [*words, *options], stdout=out, stderr=subprocess.STDOUT, env=environment
            )
        try:
            _wait(server, port, log, ready_s, " ".join(words))
            yield served
        finally:
            guard.stop(server)


def _command(engine: str, command: str | Sequence[str]) -> list[str]:
    if engine not in INSTALL:
        raise ValueError(f"engine={engine!r} was asked for, but it is one of {', '.join(INSTALL)}.")
    if not hasattr(os, "killpg"):
        raise ValueError(
            "A server as a child process needs Linux or macOS (on Windows: WSL). Start it "
            "yourself and name its address."
        )
    words = [command or engine] if isinstance(command, str) else list(command)
    found = shutil.which(os.path.expanduser(words[0]))
    if not found:
        raise ValueError(
            f"There is no command {words[0]!r} to serve a model with: {INSTALL[engine]}."
        )
    return [found, *words[1:]]


def _neutral(model: str) -> str:
    """What `transformers serve` takes in place of the model's own way of sampling, which may be
    greedy at any temperature.
    """
    from transformers import AutoConfig, GenerationConfig

    try:
        own = GenerationConfig.from_pretrained(model)
    except OSError:  # there is no such file
        own = GenerationConfig.from_model_config(AutoConfig.from_pretrained(model))
    ends = {name: getattr(own, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return json.dumps({"do_sample": True, "top_k": 0} | ends)


def _port(port: int) -> int:
    """The port, if nobody listens there; of 0, a free one."""
    with socket.socket() as probe:
        # the last one there may just have ended
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ValueError(
                f"Nothing can listen at {HOST}:{port} ({error}); name another port, or 0 for a "
                "free one."
            ) from error
        return probe.getsockname()[1]


def _wait(server: subprocess.Popen, port: int, log: Path, ready_s: float, command: str):
    """Return when the server answers.

    Raises ServerError with the end of its log when it ends or stays silent.
    """
    deadline = time.monotonic() + ready_s
    while not _healthy(port):
        ended = server.poll() is not None
        if ended or time.monotonic() > deadline:
            said = log.read_text("utf-8", "replace").splitlines()[-LINES:]
            if ended:
                what = f"ended with exit code {server.returncode}"
            else:
                what = f"was not ready after {ready_s:g} s"
            raise ServerError(
                f"`{command}` {what}. The end of its log:\n" + "\n".join(said or ["(it is empty)"])
            )
        time.sleep(LOOK_S)


def _healthy(port: int) -> bool:
    # no proxy stands in the way here
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False
