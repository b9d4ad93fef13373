"""The teacher answers in order, asks once, pays once, and says what went wrong."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from email.utils import formatdate
from pathlib import Path

import httpx2
import pytest

from skymath_nb import world
from skymath_nb.inference import limits, teacher
from skymath_nb.inference.reply_store import Ledger, LedgerError
from skymath_nb.inference.teacher import (
    BudgetReached,
    Request,
    TeacherError,
    asker,
    complete,
    forecast,
)

URL = "https://teacher.example/v1"
PRICES = {"input": 1.0, "output": 10.0, "date": "2026-11-23"}


def ask(text, **given):
    return Request([{"role": "user", "content": text}], given.pop("operator", "solve"), **given)


def completion(text, finish="stop", tokens=(5, 7)):
    message = {"role": "assistant", "content": text}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "total_tokens": sum(tokens),
        },
    }


class Server:
    """A transport that echoes, or plays `script` first; each entry is (status, body, headers)."""

    def __init__(self, *script, wait=0.0):
        self.script, self.wait, self.seen, self.peak, self.open = list(script), wait, [], 0, 0

    async def __call__(self, request):
        body = json.loads(request.content)
        self.seen.append((body, request.headers))
        self.open += 1
        self.peak = max(self.peak, self.open)
        await asyncio.sleep(self.wait)
        self.open -= 1
        status, payload, headers = self.script.pop(0) if self.script else (200, None, {})
        payload = (
            completion("to " + body["messages"][-1]["content"]) if payload is None else payload
        )
        given = {"json": payload} if isinstance(payload, dict) else {"content": payload}
        return httpx2.Response(status, headers=headers, **given)

    def run(self, requests, **given):
        return complete(requests, transport=httpx2.MockTransport(self), **given)


def refusal(message, code=None):
    return {"error": {"message": message, "type": "invalid_request_error", "code": code}}


@pytest.fixture
def book(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    return "sk-planted"


def test_replies_come_in_the_order_of_the_requests_and_no_more_are_in_flight_than_workers():
    server = Server(wait=0.3)  # long enough to overlap on a busy machine
    replies = server.run([ask(str(i)) for i in range(14)], workers=7)
    assert [r.text for r in replies] == [f"to {i}" for i in range(14)]
    assert server.peak == 7 and complete([]) == []


def test_the_request_on_the_wire_holds_what_was_asked_and_nothing_more():
    server = Server()
    server.run(
        [ask("a", operator="deepen", sample=3, max_tokens=9), ask("b", temperature=None)], workers=1
    )
    (body, headers), (bare, _) = server.seen
    assert body == {
        "model": "offline",
        "messages": [{"role": "user", "content": "a"}],
        "max_tokens": 9,
        "temperature": 0.7,
    }
    assert (headers["X-SkyMath-Operator"], headers["X-SkyMath-Sample"]) == ("deepen", "3")
    assert "temperature" not in bare


def test_equal_requests_are_asked_once_and_samples_are_not_equal():
    server = Server()
    replies = server.run([ask("a"), ask("a"), ask("a", sample=1), ask("a", max_tokens=2000)])
    assert [r.cached for r in replies] == [False, True, False, True]
    assert sorted(body["max_tokens"] for body, _ in server.seen) == [1024, 2000]


def test_a_rerun_asks_only_for_what_is_missing_or_was_cut_off(book):
    first = Server((200, completion("cut", "length"), {}))
    first.run([ask("a", max_tokens=4), ask("b")], ledger=book, workers=1)
    again = Server()
    replies = again.run([ask("b"), ask("a", max_tokens=4), ask("c")], ledger=book)
    assert [(r.text, r.cached) for r in replies] == [("to b", True), ("cut", True), ("to c", False)]
    longer = Server()
    assert longer.run([ask("a", max_tokens=8)], ledger=book)[0].text == "to a"
    assert (len(again.seen), len(longer.seen)) == (1, 1)


def test_a_refused_request_is_a_reply_with_its_error_and_no_reply_of_the_ledger(book):
    server = Server((400, refusal("cannot read this"), {}), (404, refusal("no such problem"), {}))
    replies = server.run([ask(c) for c in "abc"], ledger=book, workers=1)
    assert [bool(r.error) for r in replies] == [True, True, False]
    assert "400: cannot read this" in replies[0].error and replies[0].text == ""
    with Ledger(book) as opened:
        assert opened.count() == 1
    again = server.run([ask(c) for c in "abc"], ledger=book, replay=True)
    assert [(bool(r.error), r.status, r.cached) for r in again] == [
        (True, 400, True),
        (True, 404, True),
        (False, 0, True),
    ]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (
            401,
            refusal("Incorrect API key provided: sk-planted"),
            "key in OPENAI_API_KEY is refused",
        ),
        (
            404,
            refusal("The model `m` does not exist", "model_not_found"),
            "model or address is unknown",
        ),
        (404, b"<html>Not Found</html>", "model or address is unknown"),
        (400, refusal("unknown", "model_not_found"), "model or address is unknown"),
        (429, refusal("You exceeded your quota", "insufficient_quota"), "no credit is left"),
    ],
)
def test_an_error_that_concerns_all_stops_everything_and_shows_no_key(
    book, key, status, body, error
):
    server = Server((200, None, {}), *[(status, body, {"x-should-retry": "false"})] * 50)
    with pytest.raises(TeacherError, match=error) as caught:
        server.run([ask(str(i)) for i in range(40)], server=URL, ledger=book, workers=1)
    assert len(server.seen) == 2 and key not in str(caught.value)
    with Ledger(book) as opened:
        assert opened.count() == 1


def test_no_key_is_an_error_before_any_call_and_loopback_needs_none(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = Server()
    with pytest.raises(TeacherError, match="OPENAI_API_KEY is not set"):
        server.run([ask("a")], server=URL)
    assert not server.seen
    assert server.run([ask("a")], server="http://localhost:8399/v1")[0].text == "to a"
    for wrong in ["host/v1", "ofline"]:
        with pytest.raises(ValueError, match="it is 'offline' or an address"):
            server.run([ask("a")], server=wrong)


def test_the_key_goes_on_the_wire_and_into_no_file_and_no_reply(tmp_path, book, key):
    server = Server((400, refusal("bad key sk-planted"), {}))
    replies = server.run([ask("a"), ask("b")], server=URL, ledger=book, workers=1)
    assert server.seen[0][1]["Authorization"] == f"Bearer {key}"
    assert key not in repr(replies)
    assert not [path for path in Path(tmp_path).rglob("*") if key.encode() in path.read_bytes()]


def test_a_busy_server_is_asked_again_until_it_answers_and_one_failure_holds_up_nobody():
    now = {"retry-after-ms": "1"}
    busy, broken = (429, refusal("slow down"), now), (500, b"oops", now)
    assert Server(busy, broken, busy).run([ask("a")])[0].text == "to a"
    replies = Server(*[broken] * 3).run([ask("a"), ask("b")], workers=1, retries=2)
    assert "500" in replies[0].error and replies[1].text == "to b"


@pytest.mark.parametrize("far", ["300", "date"])
def test_a_long_retry_after_is_waited_out(monkeypatch, far):
    slept = []

    async def pause(self, seconds):
        slept.append(seconds)

    monkeypatch.setattr(limits.Stop, "pause", pause)
    value = formatdate(time.time() + 300, usegmt=True) if far == "date" else far
    server = Server((429, refusal("later"), {"retry-after": value}))
    assert server.run([ask("a")])[0].text == "to a"
    assert [round(s, -1) for s in slept] == [300]
    server = Server((429, refusal("tomorrow"), {"retry-after": "86400"}))
    assert "tomorrow" in server.run([ask("a")])[0].error


@pytest.mark.parametrize("body", [b'{"choices": [', b"plain text", b"{}", b'{"choices": []}', b""])
def test_an_unreadable_answer_is_an_error_of_its_request_alone(book, body):
    server = Server((200, body, {"content-type": "application/json"}))
    replies = server.run([ask("a"), ask("b")], workers=1, ledger=book, retries=0)
    assert "cannot be read" in replies[0].error and replies[1].text == "to b"


def test_text_that_no_file_can_hold_and_missing_usage_are_survived(book):
    odd = completion("half \ud800 一")
    odd["usage"] = None
    reply = Server((200, json.dumps(odd).encode(), {"content-type": "application/json"})).run(
        [ask("a")], ledger=book, prices=PRICES
    )[0]
    assert reply.text == "half ? 一" and reply.tokens_out > 0 and reply.cost_usd > 0


def test_an_absent_server_is_said_at_once():
    with pytest.raises(TeacherError, match="cannot be reached.*Start the server"):
        complete([ask(str(i)) for i in range(100)], server="http://127.0.0.1:9/v1", retries=0)


def test_a_slow_server_times_out_as_a_reply():
    with teacher.serving(respond=lambda *_: (time.sleep(0.5), (200, completion("x")))[1]) as url:
        assert "timed out" in complete([ask("a")], server=url, timeout=0.05, retries=0)[0].error


def test_the_cap_is_never_passed_and_a_rerun_goes_on_from_the_ledger(book):
    requests = [ask(str(i), max_tokens=100) for i in range(30)]
    server = Server(*[(200, completion("x", tokens=(5, 100)), {})] * 30)
    cost = (5 * 1.0 + 100 * 10.0) / 1e6
    with pytest.raises(
        BudgetReached, match="of \\$0.0105 is reached.*10 requests were answered now.*20 are left"
    ):
        server.run(requests, ledger=book, prices=PRICES, budget_usd=10.4 * cost, workers=8)
    assert len(server.seen) == 10
    replies = server.run(requests, ledger=book, prices=PRICES, workers=8)
    assert len(server.seen) == 30 and sum(r.cached for r in replies) == 10
    assert sum(r.cost_usd for r in replies) == pytest.approx(30 * cost)


@pytest.mark.parametrize(
    "given",
    [
        {"workers": 0},
        {"budget_usd": 1.0},
        {"budget_usd": -1.0},
        {"prices": {"in": 1}},
        {"prices": {"input": 1, "output": 1}},
        {"prices": PRICES | {"date": "soon"}},
        {"replay": True},
        {"batch": True},
        {"parameters": {"max_tokens": 5}},
        {"length_parameter": "length"},
        {"requests_per_minute": -1},
        {"timeout": 0},
    ],
)
def test_impossible_settings_are_refused_before_any_call(given):
    server = Server()
    with pytest.raises(ValueError):
        server.run([ask("a")], **given)
    assert not server.seen


@pytest.mark.parametrize(
    "make",
    [
        lambda: Request([{"role": "user"}], "solve"),
        lambda: Request([], "solve"),
        lambda: ask("a", sample=-1),
        lambda: ask("a", max_tokens=0),
        lambda: ask("a", operator="深"),
        lambda: ask("\ud800"),
    ],
)
def test_a_request_that_no_server_can_read_is_refused_when_it_is_made(make):
    with pytest.raises(ValueError, match="A request"):
        make()


def test_the_forecast_counts_what_complete_then_asks(book):
    requests = [ask("a" * 400, max_tokens=50), ask("b", max_tokens=50), ask("b", max_tokens=50)]
    before = forecast(requests, ledger=book, prices=PRICES)
    assert (before["n"], before["cached"], before["to_ask"]) == (3, 0, 2)
    assert before["usd_most"] == pytest.approx((401 + 2 * 16 + 10 * 100) / 1e6)
    server = Server()
    server.run(requests[1:], ledger=book)
    after = forecast(requests, ledger=book, prices=PRICES)
    assert (after["cached"], after["to_ask"], after["tokens_out"]) == (1, 1, 7)
    assert len(server.seen) == before["to_ask"] - after["to_ask"]


def test_progress_is_told_the_totals_in_the_callers_thread(book):
    seen = []
    report = lambda tally: seen.append((threading.current_thread(), tally.done, tally.total))  # noqa: E731
    server = Server(wait=0.02)
    server.run([ask(str(i)) for i in range(100)], workers=2, progress=report, ledger=book)
    assert seen[-1] == (threading.current_thread(), 100, 100) and len(seen) > 2
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_an_interrupt_ends_the_run_and_keeps_what_had_arrived(book):
    server = Server(wait=0.01)

    def interrupt(tally):
        if tally.done >= 8:
            raise KeyboardInterrupt

    requests = [ask(str(i)) for i in range(2000)]
    with pytest.raises(KeyboardInterrupt):
        server.run(requests, workers=4, progress=interrupt, ledger=book)
    assert not [t for t in threading.enumerate() if t.name == "teacher"]
    with Ledger(book) as opened:
        assert len(server.seen) - 4 <= opened.count() < 2000


def test_it_runs_where_a_loop_runs_already():
    async def cell():
        return Server().run([ask("a")])

    assert asyncio.run(cell())[0].text == "to a"


def test_a_full_disk_stops_the_run_with_the_ledgers_error(book, monkeypatch):
    def full(*_):
        raise LedgerError("disk is full")

    monkeypatch.setattr(Ledger, "put_many", full)
    server = Server()
    with pytest.raises(LedgerError, match="full"):
        server.run([ask(str(i)) for i in range(100)], ledger=book, workers=4)
    assert len(server.seen) <= 4


def solved(n=4):
    seeds = world.seeds(n, 0)
    return [ask(problem) for problem in seeds.problem], list(seeds.answer)


def test_the_offline_teacher_solves_the_world_through_the_real_client():
    requests, answers = solved()
    replies = complete(requests)
    assert all(
        r.text.endswith(f"The answer is {a}.") for r, a in zip(replies, answers, strict=True)
    )
    assert complete(requests) == replies
    assert "400" in complete([ask("Prove the Riemann hypothesis.")])[0].error


def test_over_http_the_offline_teacher_says_the_same():
    requests, _ = solved()
    with teacher.serving() as url:
        over_http, direct = complete(requests, server=url), complete(requests)
    # the ledger knows the two teachers apart, so their keys differ
    assert [r._replace(key="") for r in over_http] == [r._replace(key="") for r in direct]


def fetch(url, data=None):
    try:
        with urllib.request.urlopen(url, data) as page:
            return page.status, json.load(page)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_server_answers_every_page_in_json():
    with teacher.serving() as url:
        root = url.removesuffix("/v1")
        assert fetch(root + "/health") == (200, {"status": "ok"})
        assert fetch(url + "/models")[1]["data"][0]["id"] == "offline"
        for body in [b"{not json", b"[]", b"\xff", b"[" * 100_000, b""]:
            status, payload = fetch(url + "/chat/completions", body)
            assert status == 400 and set(payload["error"]) == {"message", "type", "code"}
        assert fetch(url + "/nothing")[0] == fetch(url + "/nothing", b"{}")[0] == 404


def test_the_server_stays_on_loopback_and_names_a_taken_port():
    with pytest.raises(ValueError, match="reached from outside"), teacher.serving(host="0.0.0.0"):
        pass
    with teacher.serving() as url:
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(RuntimeError, match="another port"), teacher.serving(port):
            pass


def test_ctrl_c_ends_the_server_cleanly():
    # a shell in the background starts its children deaf to SIGINT
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program = hears + "from skymath_nb.inference import teacher; teacher.serve(port=0)"
    server = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    url = server.stdout.readline().split()[5]
    assert fetch(url + "/models")[0] == 200
    server.send_signal(signal.SIGINT)
    assert server.communicate(timeout=10) == ("", "") and server.returncode == 0


def test_one_budget_holds_over_all_calls_of_an_asker():
    requests, respond = solved()
    fields = [{"messages": r.messages, "operator": r.operator, "max_tokens": 200} for r in requests]
    prices = {"input": 1000.0, "output": 1000.0, "date": "2026-11-23"}
    ask = teacher.asker(prices=prices, budget_usd=1.0, workers=1)
    with pytest.raises(teacher.BudgetReached):
        for _ in range(50):
            ask(fields)


def test_a_pilot_is_asked_once_and_never_under_replay(book):
    requests = [ask(problem.text) for problem in world.draw(0, 30)]
    transport = {"ledger": book, "prices": PRICES}
    first = forecast(requests, pilot=10, **transport)
    again = forecast(requests, pilot=10, **transport)
    assert first["cached"] == again["cached"] == 10
    assert forecast(requests, pilot=20, replay=True, **transport)["cached"] == 10


def test_one_budget_can_cap_several_askers(book):
    price = {"input": 0, "output": 1e6, "date": "2026-11-24"}  # a dollar a token
    first = asker(prices=price, budget_usd=5000, model="offline")
    text = world.draw(0, 1)[0].text
    first(
        [{"messages": [{"role": "user", "content": text}], "operator": "solve", "max_tokens": 4000}]
    )
    assert 0 < first.budget.spent < 2000
    second = asker(prices=price, budget_usd=5000, model="offline", budget=first.budget)
    with pytest.raises(BudgetReached):
        second(
            [
                {
                    "messages": [{"role": "user", "content": text}],
                    "operator": "solve",
                    "max_tokens": 4999,
                }
            ]
        )
