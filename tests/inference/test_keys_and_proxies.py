"""What a server echoes shows no key, no proxy sees loopback, and a reply that was paid for is
kept.
"""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from skymath_nb.inference import limits, teacher
from skymath_nb.inference.reply_store import Ledger
from skymath_nb.inference.teacher import Request, complete

# every place where a cut of 100, 200 or 600 characters may fall
OFFSETS = [*range(0, 120, 3), *range(120, 640)]
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
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(
            status, content=content, headers={"content-type": "application/json"}
        )
    )
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
    for before in OFFSETS:
        text = "!" * before + SPELLINGS[spelling]
        error = asked(
            status, text.encode() if status == 200 else {"error": {"message": text}}
        ).error
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


@pytest.mark.parametrize(
    "name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"]
)
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "localhost.", "127.1", "[::ffff:127.0.0.1]"]
)
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
            try:
                status = complete(questions(), server=url.replace("127.0.0.1", host), retries=0)[
                    0
                ].status
            except teacher.TeacherError as error:
                assert "cannot be reached" in str(error), (
                    "a name or a family that this machine lacks"
                )
                status = 0
    finally:
        proxy.shutdown()
        proxy.server_close()
    assert proxy.seen == [] and status != 502


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        "many",
        {"total_tokens": 12},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": 1e999},
    ],
)
def test_a_good_reply_with_odd_usage_is_kept_and_its_tokens_are_estimated(
    monkeypatch, tmp_path, usage
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    reply = asked(200, completion(usage=usage), ledger=tmp_path / "ledger.sqlite")
    assert (
        (reply.text, reply.error) == ("good", "") and reply.tokens_in > 0 and reply.tokens_out > 0
    )
    with Ledger(tmp_path / "ledger.sqlite") as book:
        assert book.count() == 1


def test_other_names_of_counts_and_content_in_parts_are_read(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    parts = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "go"},
        {"type": "text", "text": "od"},
    ]
    reply = asked(200, completion(content=parts, usage={"input_tokens": 3, "output_tokens": 4}))
    assert (reply.text, reply.tokens_in, reply.tokens_out) == ("good", 3, 4)


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
def test_pauses_have_a_floor_and_a_bound_and_a_long_one_is_said(
    monkeypatch, capfd, status, headers, least, most, said
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    slept = []

    async def pause(self, seconds):
        slept.append(seconds)

    monkeypatch.setattr(limits.Stop, "pause", pause)
    answers = [
        httpx2.Response(status, headers=headers, json={"error": {"message": f"later {KEY}"}})
        for _ in range(3)
    ]
    transport = httpx2.MockTransport(
        lambda _: answers.pop() if answers else httpx2.Response(200, json=completion())
    )
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
        return httpx2.Response(
            429, headers={"retry-after-ms": "1"}, json={"error": {"message": "later"}}
        )

    reply = complete(questions(), server=URL, transport=httpx2.MockTransport(busy))[0]
    assert "later" in reply.error and len(seen) < 1000


ENDINGS = {
    "abort": {"finish": "abort"},
    "error": {"finish": "error"},
    "no resources": {"finish": "insufficient_system_resource"},
    "unknown": {"finish": "banana"},
    "none": {"finish": None},
    "object": {"finish": {"why": "stop"}},
    "empty": {"content": ""},
    "null": {"content": None},
    "blank": {"content": " \n"},
}


@pytest.mark.parametrize("given", ENDINGS.values(), ids=ENDINGS)
def test_what_did_not_end_by_itself_is_recorded_as_it_is_and_asked_again(
    monkeypatch, tmp_path, given
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    book = tmp_path / "ledger.sqlite"
    first = asked(200, completion(**given), ledger=book)
    assert not first.error and first.tokens_out == 7
    assert first.text == (given["content"] or "" if "content" in given else "good")
    assert asked(200, completion(), ledger=book, replay=True)._replace(cached=False) == first
    second = asked(200, completion(content="whole"), ledger=book)
    assert (second.text, second.cached) == ("whole", False)
    assert asked(200, completion(content="third"), ledger=book).text == "whole"


@pytest.mark.parametrize("spelling", ["length", "model_length", "MAX_TOKENS", "max_output_tokens"])
def test_every_spelling_of_truncation_is_asked_again_with_more_room(
    monkeypatch, tmp_path, spelling
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    book = tmp_path / "ledger.sqlite"
    assert (
        asked(200, completion(content="half", finish=spelling), ledger=book).finish_reason
        == spelling
    )
    assert asked(200, completion(), ledger=book).text == "half", "no more room, no other reply"
    more = [Request([{"role": "user", "content": "question 0"}], "solve", max_tokens=2048)]
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, json=completion(content="whole"))
    )
    assert complete(more, server=URL, transport=transport, ledger=book)[0].text == "whole"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_are_kept_beside_the_text_without_the_key(monkeypatch, tmp_path, field):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    body = completion()
    body["choices"][0]["message"][field] = f"first, {KEY}"
    book = tmp_path / "ledger.sqlite"
    reply = asked(200, body, ledger=book)
    assert (reply.text, reply.reasoning) == ("good", "first, [key]")
    assert asked(200, completion(), ledger=book).reasoning == "first, [key]"


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 100}, (5, 95, 88)),
        ({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}, (5, 7, 0)),
        (
            {
                "input_tokens": 5,
                "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 4},
            },
            (5, 7, 4),
        ),
    ],
)
def test_thoughts_that_are_billed_are_counted(monkeypatch, usage, counts):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    reply = asked(200, completion(usage=usage))
    assert (
        reply.tokens_in,
        reply.tokens_out,
        reply.tokens_reasoning,
    ) == counts and not reply.estimated


def test_estimated_tokens_are_marked_in_the_reply_and_the_ledger(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    book = tmp_path / "ledger.sqlite"
    assert asked(200, completion(usage=None), ledger=book).estimated
    assert asked(200, completion(), ledger=book).estimated, "and so when it comes from the ledger"


PRICES = {"input": 0.0, "output": 1000.0, "date": "2026-12-01"}  # a tenth of a cent a token


def played(script, n=1, **given):
    """The replies of a server that plays a script, then answers; and how often it was asked."""
    seen = []

    def answer(request):
        seen.append(request)
        status, body = script(len(seen))
        if status == 0:
            raise httpx2.ReadTimeout("nothing came", request=request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx2.Response(status, content=content)

    return complete(questions(n), server=URL, transport=httpx2.MockTransport(answer), **given), seen


@pytest.fixture
def quick(monkeypatch):
    """A key, and pauses that take no time."""

    async def pause(self, seconds):
        self.check()

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(limits.Stop, "pause", pause)


@pytest.mark.parametrize(
    "lost", [(0, b""), (504, b"gateway"), (200, b"<html>"), (200, {"choices": []})]
)
def test_a_try_whose_reply_never_came_counts_at_its_worst_case(quick, lost):
    tallies = []
    budget = limits.Budget(10.0)
    ask = teacher.asker(
        budget=budget,
        server=URL,
        prices=PRICES,
        progress=tallies.append,
        transport=httpx2.MockTransport(lost_first(lost)),
    )
    reply = ask(
        [{"messages": [{"role": "user", "content": "q"}], "operator": "solve", "max_tokens": 1000}]
    )[0]
    assert reply.text == "good" and reply.cost_usd == pytest.approx(0.007)
    assert budget.spent == pytest.approx(2 * 1.0 + 0.007)
    assert (tallies[-1].lost_usd, tallies[-1].spent_usd) == (
        pytest.approx(2.0),
        pytest.approx(2.007),
    )


def lost_first(lost, times=2):
    """A server whose first replies are lost."""
    seen = []

    def answer(request):
        seen.append(request)
        status, body = (200, completion()) if len(seen) > times else lost
        if status == 0:
            raise httpx2.ReadTimeout("nothing came", request=request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx2.Response(status, content=content)

    return answer


def test_lost_tries_never_pass_the_cap(quick):
    with pytest.raises(teacher.BudgetReached, match="reply never came"):
        played(lambda n: (0, b""), budget_usd=2.5, prices=PRICES)


def test_a_refused_connection_and_a_busy_server_cost_nothing(quick):
    replies, _ = played(
        lambda n: (429, b"busy") if n < 4 else (200, completion()), budget_usd=1.1, prices=PRICES
    )
    assert replies[0].text == "good"


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b"bad request"), (422, {"detail": "no field"}), (403, {"error": {"message": "key!"}})],
)
def test_when_the_first_requests_are_all_refused_alike_the_run_stops_with_the_servers_words(
    quick, tmp_path, status, body
):
    seen = []

    def answer(request):
        seen.append(request)
        return httpx2.Response(
            status, content=body if isinstance(body, bytes) else json.dumps(body).encode()
        )

    words = body.decode() if isinstance(body, bytes) else next(iter(str(v) for v in body.values()))
    with pytest.raises(teacher.TeacherError) as caught:
        complete(questions(400), server=URL, transport=httpx2.MockTransport(answer), workers=4)
    assert len(seen) < 20 and words.split()[-1].strip("'}") in str(caught.value)


def test_a_403_for_one_prompt_refuses_that_prompt_alone(quick, tmp_path):
    replies, seen = played(
        lambda n: (403, b"not this one") if n in (1, 5) else (200, completion()), n=8, workers=1
    )
    assert [bool(reply.error) for reply in replies] == [i in (0, 4) for i in range(8)] and len(
        seen
    ) == 8


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 two hundred OK\r\n\r\n",
        b"\x00\xff\x00 no http at all",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{}",
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n"
            b"Content-Length: 4\r\n"
            b"\r\nnope"
        ),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        (
            b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 27\r\n\r\n"
            b'{"error": {"code": [1, 2]}}'
        ),
        (
            b"HTTP/1.1 400 Bad\r\nConnection: close\r\nRetry-After: Mon, 99 Foo 9999\r\n"
            b"Content-Length: 2\r\n\r\n[]"
        ),
    ],
)
def test_a_malformed_http_answer_is_one_fault_among_many(monkeypatch, answer):
    server = socket.create_server(("127.0.0.1", 0))
    good = json.dumps(completion()).encode()
    whole = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s"
    )
    answers = [answer] + [whole % (len(good), good)] * 4

    def serve():
        for content in answers:
            connection, _ = server.accept()
            with connection:
                received = b""
                while b"question" not in received:
                    received += connection.recv(65536)
                connection.sendall(content)

    threading.Thread(target=serve, daemon=True).start()
    try:
        replies = complete(
            questions(5),
            server=f"http://127.0.0.1:{server.getsockname()[1]}/v1",
            workers=1,
            retries=0,
        )
    finally:
        server.close()
    assert [bool(reply.error) for reply in replies] == [True] + [False] * 4


@pytest.mark.parametrize("hidden", ["\u200b", "\ufeff", "\u00a0x", "\n", "\x07", "é"])
def test_a_key_that_no_header_can_carry_is_refused_by_name_and_place(monkeypatch, hidden):
    monkeypatch.setenv("OPENAI_API_KEY", KEY[:20] + hidden + KEY[20:])
    with pytest.raises(
        teacher.TeacherError, match=f"U\\+{ord(hidden[0]):04X}.* character 21 of"
    ) as caught:
        asked(200, completion())
    assert not pieces(str(caught.value))


@pytest.mark.parametrize(
    "address",
    [
        f"https://me:{KEY}@host/v1",
        f"https://{KEY}@host/v1",
        f"https://host/v1?key={KEY}",
        f"https://host/v1?api_key={KEY}",
    ],
)
def test_a_key_in_the_address_is_refused_without_showing_it(monkeypatch, address):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ValueError, match="set OPENAI_API_KEY") as caught:
        complete(questions(), server=address)
    assert not pieces(str(caught.value))


def test_a_query_of_azures_kind_survives(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    seen = []

    def answer(request):
        seen.append(request)
        return httpx2.Response(200, json=completion())

    server = "https://x.openai.azure.com/openai/deployments/m?api-version=2024-10-21"
    complete(questions(), server=server, transport=httpx2.MockTransport(answer))
    url = seen[0].url
    assert (url.path, url.query) == (
        "/openai/deployments/m/chat/completions",
        b"api-version=2024-10-21",
    )
    assert seen[0].headers["api-key"] == KEY


def test_no_proxy_may_name_another_host_and_loopback_still_meets_none(monkeypatch):
    from skymath_nb.inference.client import is_loopback

    for host in (
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "127.1",
        "::ffff:127.0.0.1",
    ):
        assert is_loopback(host), host
    for host in ("128.0.0.1", "localhost.example", "::2", "example.com", "1.127.0.0", ""):
        assert not is_loopback(host), host
