"""What a server echoes shows no key, no proxy sees loopback, and a reply that was paid for is kept."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from skymath_nb import teacher
from skymath_nb.ledger import Ledger
from skymath_nb.teacher import Request, complete, limits

KEY = "sk-proj-" + "".join(chr(97 + i * 7 % 26) + str(i % 10) for i in range(78))
URL = "https://teacher.example/v1"
SPELLINGS = {
    "plain": KEY,
    "percent": KEY.replace("-", "%2D"),
    "escaped": KEY.replace("-", "\\u002d"),
    "wrapped": KEY[:40] + "\n  " + KEY[40:],
}


def questions(n=1):
    return [Request([{"role": "user", "content": f"question {i}"}], "solve") for i in range(n)]


def asked(status, body, **given):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, content=content, headers={"content-type": "application/json"}))
    return complete(questions(), server=URL, transport=transport, retries=0, **given)[0]


def completion(**given):
    message = {"role": "assistant", "content": given.pop("content", "good")}
    choice = {"index": 0, "message": message, "finish_reason": given.pop("finish", "stop")}
    return {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 7}} | given


def pieces(shown):
    """The runs of 12 characters of the key that are shown."""
    return [KEY[i : i + 12] for i in range(len(KEY) - 11) if KEY[i : i + 12] in shown]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("status", [200, 400])
def test_no_piece_of_an_echoed_key_is_shown_wherever_the_cut_falls(monkeypatch, spelling, status):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for before in range(0, 640, 7):
        text = "!" * before + SPELLINGS[spelling]
        error = asked(status, text.encode() if status == 200 else {"error": {"message": text}}).error
        assert error and not pieces(error), before


def test_a_finish_reason_that_echoes_the_key_is_masked_in_the_ledger(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    book = tmp_path / "ledger.sqlite"
    assert not pieces(repr(asked(200, completion(finish=f"stop {KEY}"), ledger=book)))
    assert not [path for path in tmp_path.iterdir() if KEY.encode() in path.read_bytes()]


class Recorder(BaseHTTPRequestHandler):
    """A proxy that records whatever reaches it."""

    def do_POST(self):
        self.server.seen.append(self.path)
        self.send_error(502)

    do_GET = do_CONNECT = do_POST

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_goes_to_loopback_meets_no_proxy(monkeypatch, name, host):
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    proxy.seen = []
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
    try:
        with teacher.serving() as url:
            reply = complete(questions(), server=url.replace("127.0.0.1", host), retries=0)[0]
    finally:
        proxy.shutdown()
        proxy.server_close()
    assert proxy.seen == [] and reply.status != 502


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], "many", {"total_tokens": 12}, {"prompt_tokens": None, "completion_tokens": None}, {"prompt_tokens": 1e999}],
)
def test_a_good_reply_with_odd_usage_is_kept_and_its_tokens_are_estimated(monkeypatch, tmp_path, usage):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    reply = asked(200, completion(usage=usage), ledger=tmp_path / "ledger.sqlite")
    assert (reply.text, reply.error) == ("good", "") and reply.tokens_in > 0 and reply.tokens_out > 0
    with Ledger(tmp_path / "ledger.sqlite") as book:
        assert book.count() == 1


def test_other_names_of_counts_and_content_in_parts_are_read(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "go"}, {"type": "text", "text": "od"}]
    reply = asked(200, completion(content=parts, usage={"input_tokens": 3, "output_tokens": 4}))
    assert (reply.text, reply.tokens_in, reply.tokens_out) == ("good", 3, 4)


def test_an_object_as_finish_reason_is_no_end_of_the_run(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert asked(200, completion(finish={"why": "stop"}), ledger=tmp_path / "ledger.sqlite").text == "good"


def test_a_try_may_take_as_long_as_the_clients_own_default():
    from openai._constants import DEFAULT_TIMEOUT

    assert teacher.Settings().timeout == DEFAULT_TIMEOUT.read


@pytest.mark.parametrize(
    ("status", "headers", "least", "most", "said"),
    [
        (502, {"retry-after": "7200"}, 30, 60, True),
        (500, {"retry-after-ms": "1"}, 0.3, 60, False),
        (429, {"retry-after-ms": "1"}, 0.3, 60, False),
        (503, {"retry-after": "0.001"}, 0.3, 60, False),
        (429, {"retry-after": "300"}, 300, 300, True),
    ],
)
def test_pauses_have_a_floor_and_a_bound_and_a_long_one_is_said(monkeypatch, capfd, status, headers, least, most, said):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    slept = []

    async def pause(self, seconds):
        slept.append(seconds)

    monkeypatch.setattr(limits.Stop, "pause", pause)
    answers = [httpx2.Response(status, headers=headers, json={"error": {"message": f"later {KEY}"}}) for _ in range(3)]
    transport = httpx2.MockTransport(lambda _: answers.pop() if answers else httpx2.Response(200, json=completion()))
    assert complete(questions(), server=URL, transport=transport)[0].text == "good"
    assert len(slept) == 3 and least <= min(slept) and max(slept) <= most
    shown = "".join(capfd.readouterr())
    assert ("is asked again in" in shown) == said and not pieces(shown)


def test_a_server_that_is_always_busy_for_a_millisecond_is_not_hammered(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    async def pause(self, seconds):
        pass

    monkeypatch.setattr(limits.Stop, "pause", pause)
    seen = []

    def busy(request):
        seen.append(request)
        return httpx2.Response(429, headers={"retry-after-ms": "1"}, json={"error": {"message": "later"}})

    reply = complete(questions(), server=URL, transport=httpx2.MockTransport(busy))[0]
    assert "later" in reply.error and len(seen) < 1000
