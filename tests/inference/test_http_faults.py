"""The teacher over real HTTP.

Every fault a server can have, kills, and two processes with one ledger.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import faulty_server
import pytest
from faulty_server import FAULTS, Faults

from skymath_nb import world
from skymath_nb.inference import client, engine, teacher
from skymath_nb.inference.offline_server import Pages, Server
from skymath_nb.inference.reply_store import Ledger, LedgerError
from skymath_nb.inference.teacher import BudgetReached, Request, TeacherError, complete

PRICES = {"input": 1.0, "output": 10.0, "cached_input": 0.1, "batch": 0.5, "date": "2026-11-23"}
KEY = "sk-planted-0123456789"


def questions(n, seed=0, **given):
    return [
        Request([{"role": "user", "content": p}], "solve", **given)
        for p in world.seeds(n, seed).problem
    ]


@pytest.fixture
def book(tmp_path):
    return tmp_path / "ledger.sqlite"


class Counting:
    """A server that counts what it answers, per question, and may answer late or with a payload of
    its own.
    """

    def __init__(self, wait=0.0, payload=None, status=200):
        self.seen, self.wait, self.payload, self.status, self.lock = (
            [],
            wait,
            payload,
            status,
            threading.Lock(),
        )

    def __call__(self, body, operator, sample):
        with self.lock:
            self.seen.append(body["messages"][-1]["content"])
        time.sleep(self.wait)
        said = {
            "message": {"role": "assistant", "content": "to " + body["messages"][-1]["content"]},
            "finish_reason": "stop",
        }
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        return self.status, self.payload or {"choices": [said], "usage": usage}


def patience(fault):
    """Seconds per try.

    Few where the fault is silence, many where a busy machine must not look like one.
    """
    return 1.5 if fault in ("timeout", "drip") else 60


@pytest.mark.parametrize(
    "fault", ["429", "500", "429-after", "timeout", "cut", "truncated", "malformed", "drip"]
)
def test_a_fault_that_passes_is_tried_again_until_every_request_is_answered_once(
    book, fault, monkeypatch
):
    monkeypatch.setattr(client, "FIRST_PAUSE_S", 0.01)
    requests, tallies = questions(24), []
    with faulty_server.serving(faults=Faults({fault: 0.3}, retry_after=0.05)) as url:
        given = {
            "server": url,
            "ledger": book,
            "timeout": patience(fault),
            "retries": 8,
            "workers": 8,
            "progress": tallies.append,
        }
        replies = complete(requests, **given)
    assert [r.text for r in replies] == [r.text for r in complete(requests)] and not any(
        r.error for r in replies
    )
    assert tallies[-1].tries > tallies[-1].answered == 24, "the fault was met"
    with Ledger(book) as opened:
        assert opened.count() == 24


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429", "429: Slow down"),
        ("500", "500: Something broke"),
        ("timeout", "timed out after 1.5 s"),
        ("drip", "timed out after 1.5 s"),
        ("cut", "Connection error"),
        ("truncated", "cannot be read"),
        ("malformed", "cannot be read"),
    ],
)
def test_a_fault_that_stays_is_a_reply_with_its_error_and_nothing_is_stored(book, fault, error):
    with faulty_server.serving(faults={fault: 1}) as url:
        replies = complete(
            questions(3), server=url, ledger=book, timeout=patience(fault), retries=0
        )
    assert all(error in r.error and r.text == "" and r.cost_usd == 0 for r in replies)
    with Ledger(book) as opened:
        assert opened.count() == 0


@pytest.mark.parametrize(
    ("fault", "finish"), [("empty", "stop"), ("filter", "content_filter"), ("length", "length")]
)
def test_an_answer_without_its_text_was_paid_for_and_is_kept_as_it_is(book, fault, finish):
    requests = questions(3, max_tokens=500)
    with faulty_server.serving(faults={fault: 1}) as url:
        first = complete(requests, server=url, ledger=book, prices=PRICES)
        again = complete(requests, server=url, ledger=book, prices=PRICES)
        assert all(r.finish_reason == finish and not r.error and r.cost_usd > 0 for r in first)
        assert [r._replace(cached=fault != "empty") for r in first] == again
    # what was cut off is asked again with more room, what is empty always
    with teacher.serving() as url:
        longer = complete(
            [Request(r.messages, "solve", max_tokens=501) for r in requests],
            server=url,
            ledger=book,
        )
    assert {r.cached for r in longer} == {fault == "filter"}


def test_all_faults_together_lose_and_repeat_nothing(book, monkeypatch):
    monkeypatch.setattr(client, "FIRST_PAUSE_S", 0.01)
    requests = questions(60)
    shares = dict.fromkeys(FAULTS, 0.06) | {"timeout": 0.02, "drip": 0.02}
    with faulty_server.serving(faults=Faults(shares, seed=1, retry_after=0.05)) as url:
        replies = complete(requests, server=url, ledger=book, timeout=4, retries=12, workers=16)
    assert not any(r.error for r in replies)
    with Ledger(book) as opened:
        assert opened.count() == len({r.key for r in replies}) == 60


def test_the_command_serves_the_plain_teacher(capsys, monkeypatch):
    from skymath_nb.__main__ import main

    seen = {}
    monkeypatch.setattr(teacher, "serve", lambda **given: seen.update(given))
    assert main(["teacher", "--port", "8400"]) == 0 and seen == {"port": 8400, "host": "127.0.0.1"}
    with pytest.raises(SystemExit):
        main(["teacher", "--faults", "429=0.05"])
    assert "--faults" in capsys.readouterr().err


def test_unknown_faults_and_shares_above_one_are_refused():
    for faults in [{"418": 0.1}, {"500": 0.6, "429": 0.6}, {"500": -0.1}]:
        with pytest.raises(ValueError, match="faults is"):
            Faults(faults)


def test_a_wait_of_an_hour_does_not_delay_a_stop(book):
    class Full:  # the first answer is refused for good, all others shall come back in an hour
        def __init__(self):
            self.n, self.lock = 0, threading.Lock()

        def __call__(self, *_):
            with self.lock:
                self.n += 1
            if self.n == 6:
                time.sleep(0.5)  # the others wait by now
                return 401, {
                    "error": {"message": f"Incorrect key {KEY}", "code": "invalid_api_key"}
                }
            return 429, {"error": {"message": "later", "code": None}}

    with later(Full()) as url:
        began = time.monotonic()
        with pytest.raises(TeacherError, match="refused"):
            complete(questions(6), server=url, ledger=book, workers=6)
        assert time.monotonic() - began < 10

    def interrupt(tally):
        if time.monotonic() - began > 0.5:
            raise KeyboardInterrupt

    with later(lambda *_: (429, {"error": {"message": "later"}})) as url:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            complete(questions(6), server=url, ledger=book, workers=6, progress=interrupt)
        assert time.monotonic() - began < 5


class Later(Pages):
    """Pages that put Retry-After on every 429."""

    def answer(self, *given):
        status, headers, body = super().answer(*given)
        return status, headers | ({"Retry-After": "3000"} if status == 429 else {}), body


def later(respond):
    return Server(Later(respond), 0, "127.0.0.1").running()


def test_a_server_that_dies_on_the_way_ends_the_run_and_the_rerun_goes_on(book):
    counting, requests = Counting(), questions(200)

    def failing(body, operator, sample):
        if len(counting.seen) >= 50:
            return 500, {"error": {"message": "down"}}
        return counting(body, operator, sample)

    with teacher.serving(respond=failing) as url:
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(TeacherError, match="answered none of the last .*Run again"):
            complete(requests, server=url, ledger=book, workers=4, retries=0)
    again, paid = Counting(), len(counting.seen)
    with teacher.serving(port, respond=again) as url:
        replies = complete(requests, server=url, ledger=book)
    assert paid >= 50 and len(again.seen) == 200 - paid and len({r.text for r in replies}) == 200


def test_paces_hold_for_requests_and_for_tokens():
    counting = Counting()
    with teacher.serving(respond=counting) as url:
        began = time.monotonic()
        complete(questions(7), server=url, requests_per_minute=600)
        assert 0.6 <= time.monotonic() - began < 4
        began = time.monotonic()  # 110 tokens each, as the server counts, whatever max_tokens says
        complete(questions(7), server=url, tokens_per_minute=66_000, workers=1)
        assert 0.5 <= time.monotonic() - began < 4


def test_cached_and_reasoning_tokens_are_counted_and_priced(book):
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 80},
        "completion_tokens_details": {"reasoning_tokens": 40},
    }
    apart = usage | {"completion_tokens": 10}  # a server that leaves thinking out of the completion
    for i, counts in enumerate([usage, apart]):
        said = {
            "choices": [{"message": {"content": "2"}, "finish_reason": "stop"}],
            "usage": counts,
        }
        with teacher.serving(respond=Counting(payload=said)) as url:
            reply = complete(questions(1, i), server=url, ledger=book, prices=PRICES)[0]
        assert (reply.tokens_in, reply.tokens_out, reply.tokens_cached, reply.tokens_reasoning) == (
            100,
            50,
            80,
            40,
        )
        assert reply.cost_usd == pytest.approx((20 * 1.0 + 80 * 0.1 + 50 * 10.0) / 1e6)
        assert complete(questions(1, i), server=url, ledger=book, prices=PRICES)[
            0
        ] == reply._replace(cached=True)


def test_parameters_can_be_left_out_added_and_renamed_and_are_part_of_the_question(book):
    bodies = []

    def respond(body, operator, sample):
        bodies.append(body)
        if "temperature" in body:
            message = "Unsupported value: 'temperature' does not support 0.7 with this model."
            return 400, {
                "error": {"message": message, "code": "unsupported_value", "param": "temperature"}
            }
        return Counting()(body, operator, sample)

    with teacher.serving(respond=respond) as url:
        with pytest.raises(TeacherError, match="leave it out with parameters"):
            complete(questions(20), server=url, ledger=book, workers=1)
        assert len(bodies) == 1
        given = {"temperature": None, "reasoning_effort": "low"}
        complete(
            questions(1),
            server=url,
            ledger=book,
            parameters=given,
            length_parameter="max_completion_tokens",
        )
        assert set(bodies[-1]) == {"model", "messages", "max_completion_tokens", "reasoning_effort"}
        other = complete(
            questions(1), server=url, ledger=book, parameters=given | {"reasoning_effort": "high"}
        )
        assert not other[0].cached


def test_a_pilot_makes_the_forecast_rest_on_replies_that_are_not_asked_again(book):
    counting, requests = Counting(), questions(40, max_tokens=1000)
    with teacher.serving(respond=counting) as url:
        given = {"server": url, "ledger": book, "prices": PRICES}
        blind = teacher.forecast(requests, **given)
        seen = teacher.forecast(requests, pilot=5, **given)
        assert len(counting.seen) == 5 and (seen["cached"], seen["to_ask"], seen["prices_of"]) == (
            5,
            35,
            "2026-11-23",
        )
        assert (blind["tokens_out"], seen["tokens_out"]) == (20_000, 350) and seen[
            "tokens_in"
        ] == pytest.approx(3500, rel=0.2)
        paid = sum(r.cost_usd for r in complete(requests, **given) if not r.cached)
        assert len(counting.seen) == 40 and paid == pytest.approx(seen["usd"], rel=0.2)
    with pytest.raises(ValueError, match="pilot"):
        teacher.forecast(requests, pilot=5)


def test_a_cap_leaves_a_run_that_an_asker_resumes(book):
    fields = [
        {"messages": r.messages, "operator": "solve", "max_tokens": 10} for r in questions(30)
    ]
    counting = Counting()
    with teacher.serving(respond=counting) as url:
        given = {"server": url, "ledger": book, "prices": PRICES, "workers": 2}
        ask = teacher.asker(budget_usd=(12 * (100 + 10 * 10) + 300) / 1e6, **given)
        ask(fields[:8])
        with pytest.raises(BudgetReached, match="Raise budget_usd"):
            ask(fields)
        paid = len(counting.seen)
        assert 11 <= paid <= 13 and len(ask(fields[:8])) == 8, "what is in the ledger costs nothing"
        teacher.asker(**given)(fields)
    assert len(counting.seen) == 30


def test_replay_asks_nobody_and_names_what_is_missing(book, monkeypatch):
    requests = questions(5)
    counting = Counting()
    with teacher.serving(respond=counting) as url:
        first = complete(requests[:4], server=url, ledger=book)
        monkeypatch.setattr(engine, "Client", None)  # any attempt to send would fail
        assert complete(requests[:4], server=url, ledger=book, replay=True) == [
            r._replace(cached=True) for r in first
        ]
        assert (
            complete(requests[:4], server="https://far.example/v1", ledger=book, replay=True)[
                0
            ].text
            == first[0].text
        ), "no key needed"
        with pytest.raises(
            teacher.MissingReply,
            match="1 of 5 requests have no reply.*holds 'offline'.*Nothing was sent",
        ):
            teacher.asker(server=url, ledger=book, replay=True)(
                [{"messages": r.messages, "operator": "solve"} for r in requests]
            )
    assert len(counting.seen) == 4


# Programs of their own, to be killed and to compete.

ASKER = """
import sys, json, hashlib
from skymath_nb.inference import teacher
url, book, n, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ask = [teacher.Request([{"role": "user", "content": f"question {i}"}], "solve") for i in range(n)]
print("ready", flush=True)
replies = teacher.complete(ask, server=url, ledger=book, workers=workers)
print(json.dumps([[r.text for r in replies], sum(not r.cached for r in replies)]), flush=True)
"""


def asking(url, book, n, workers):
    arguments = [sys.executable, "-c", ASKER, url, str(book), str(n), str(workers)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_after_a_kill_nothing_is_lost_nothing_twice_and_no_more_repeated_than_was_in_flight(
    book, share
):
    n, workers, counting = 400, 32, Counting(wait=0.05)
    with teacher.serving(respond=counting) as url:
        first = asking(url, book, n, workers)
        while len(counting.seen) < share * n:
            time.sleep(0.005)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        again = asking(url, book, n, workers)
        texts, _ = json.loads(again.communicate()[0].splitlines()[1])
    assert texts == [f"to question {i}" for i in range(n)]
    assert len(counting.seen) - n <= workers, "repeated"
    with Ledger(book) as opened:
        assert opened.count() == n


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background starts its children deaf to it
from skymath_nb.inference import teacher; from skymath_nb import world
ask = [teacher.Request([{"role": "user", "content": p}], "solve") for p in world.seeds(40, 0).problem]
try:
    teacher.complete(ask, server=sys.argv[1], ledger=sys.argv[2], workers=16, timeout=600)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_a_real_ctrl_c_ends_everything_in_flight_before_it_is_raised(book):
    with faulty_server.serving(faults={"timeout": 1}) as url:
        run = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, url, str(book)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not claims(book):
            time.sleep(0.05)
        time.sleep(0.5)
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        assert (
            run.communicate(timeout=20) == ("interrupted\n", "") and time.monotonic() - began < 10
        )
    assert claims(book) == 0, "a clean stop gives back what it had claimed"


def claims(book):
    if not book.exists():
        return 0
    db = sqlite3.connect(book)
    try:
        return db.execute("SELECT count(*) FROM claims").fetchone()[0]
    except sqlite3.Error:
        return 0  # no tables yet
    finally:
        db.close()


def test_two_processes_on_one_ledger_share_the_work_and_ask_nothing_twice(book):
    n, counting = 300, Counting(wait=0.05)
    with teacher.serving(respond=counting) as url:
        both = [asking(url, book, n, 8) for _ in range(2)]
        answers = [json.loads(one.communicate()[0].splitlines()[1]) for one in both]
    assert len(counting.seen) == len(set(counting.seen)) == n
    assert [texts for texts, _ in answers] == [[f"to question {i}" for i in range(n)]] * 2
    assert sum(paid for _, paid in answers) == n and min(paid for _, paid in answers) > 0


def test_a_full_disk_ends_the_run_and_what_was_stored_is_not_paid_again(book, monkeypatch):
    counting, requests = (
        Counting(),
        [Request([{"role": "user", "content": f"{i} " + "x" * 2000}], "solve") for i in range(200)],
    )
    real = Ledger._prepare

    def small(self):  # SQLite's own way to have no more room
        real(self)
        self._db.execute("PRAGMA max_page_count = 60")

    with teacher.serving(respond=counting) as url:
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "_prepare", small)
            with pytest.raises(LedgerError, match="full.*free some space"):
                complete(requests, server=url, ledger=book, workers=4)
        lost = len(counting.seen)
        with Ledger(book) as opened:
            stored = opened.count()
        assert 0 < stored and lost - stored <= 4, "at most what was in flight"
        complete(requests, server=url, ledger=book)
    assert len(counting.seen) == 200 + lost - stored


class Echo(BaseHTTPRequestHandler):
    """A server that repeats the key in every answer, as text, as an error, as a broken body."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Authorization"]
        self.server.n += 1
        said = {"choices": [{"message": {"content": f"you sent {key}"}, "finish_reason": "stop"}]}
        status, body = [
            (200, json.dumps(said).encode()),
            (400, json.dumps({"error": {"message": f"bad {key}"}}).encode()),
            (200, f"broken {key}".encode()),
        ][self.server.n % 3]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_planted_key_is_in_no_file_no_reply_and_no_output(tmp_path, book, monkeypatch, capfd):
    from skymath_nb.inference import reply_store

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.n = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    replies = complete(
        questions(12),
        server=f"http://127.0.0.1:{server.server_port}/v1",
        ledger=book,
        retries=0,
        workers=2,
    )
    server.shutdown()
    server.server_close()
    reply_store.export(book, tmp_path / "out.jsonl")
    assert (
        server.n == 12
        and sum(bool(r.error) for r in replies) == 8
        and "[key]" in "".join(r.text for r in replies)
    )
    shown = repr(replies) + repr(teacher.Settings(ledger=book)) + "".join(capfd.readouterr())
    assert KEY not in shown and not [
        path for path in tmp_path.rglob("*") if KEY.encode() in path.read_bytes()
    ]


def test_a_ledger_of_another_version_is_an_error_before_anything_is_asked(book):
    db = sqlite3.connect(book)
    db.execute("PRAGMA user_version = 9")
    db.close()
    counting = Counting()
    with (
        teacher.serving(respond=counting) as url,
        pytest.raises(LedgerError, match="Nothing was changed"),
    ):
        complete(questions(2), server=url, ledger=book)
    assert not counting.seen
