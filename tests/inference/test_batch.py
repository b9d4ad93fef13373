"""The Batch API behind the same function.

Handed in once, collected whole, whatever dies in between.
"""

import json
import os
import signal
import subprocess
import sys
import time

import faulty_server
import pytest
from faulty_server import Faults

from skymath_nb import world
from skymath_nb.inference import batch, teacher
from skymath_nb.inference.offline_server import Pages
from skymath_nb.inference.reply_store import Ledger, LedgerError
from skymath_nb.inference.teacher import BudgetReached, Request, TeacherError, complete

PRICES = {"input": 1.0, "output": 10.0, "batch": 0.5, "date": "2026-11-23"}


def questions(n, seed=0, **given):
    return [
        Request([{"role": "user", "content": p}], "solve", **given)
        for p in world.seeds(n, seed).problem
    ]


@pytest.fixture
def book(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def handed_in(monkeypatch):
    """How many requests each batch held, in order."""
    sizes, begin = [], Pages.begin

    def counted(self, raw):
        batch = begin(self, raw)
        sizes.append(batch["request_counts"]["total"])
        return batch

    monkeypatch.setattr(Pages, "begin", counted)
    return sizes


def test_a_batch_says_the_same_as_single_requests_and_costs_its_share(book, handed_in):
    requests = questions(30) + questions(3, sample=1)
    with teacher.serving() as url:
        given = {"server": url, "ledger": book, "prices": PRICES}
        replies = complete(requests, batch=True, poll_s=0.01, **given)
        assert [r.text for r in replies] == [r.text for r in complete(requests)] and handed_in == [
            33
        ]
        assert not any(r.cached for r in replies)
        single = complete(requests, **given)
    assert all(r.cached for r in single)
    assert sum(r.cost_usd for r in replies) == pytest.approx(sum(r.cost_usd for r in single) / 2)
    with Ledger(book) as opened:
        assert opened.count() == 33 and not opened.batches()


def test_the_offline_teacher_takes_batches_inside_the_process(book):
    assert all(r.text for r in complete(questions(3), ledger=book, batch=True, poll_s=0.01))


def test_large_work_goes_in_several_batches(book, handed_in, monkeypatch):
    monkeypatch.setattr(batch, "LINES", 10)
    with teacher.serving() as url:
        complete(questions(25), server=url, ledger=book, batch=True, poll_s=0.01)
        assert handed_in == [10, 10, 5]
        monkeypatch.setattr(batch, "BYTES", 1000)
        complete(questions(6, 1), server=url, ledger=book, batch=True, poll_s=0.01)
    assert len(handed_in) > 4 and sum(handed_in[3:]) == 6


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500", "500: Something broke"),
        ("429", "429: Slow down"),
        ("timeout", "is expired without"),
        ("malformed", "is completed without"),
    ],
)
def test_partial_and_failed_results_are_merged_and_a_rerun_asks_for_the_rest(
    book, handed_in, fault, error
):
    requests = questions(40)
    with faulty_server.serving(faults=Faults({fault: 0.5})) as url:
        replies = complete(requests, server=url, ledger=book, batch=True, poll_s=0.01)
    failed = [r for r in replies if r.error]
    assert 5 < len(failed) < 35 and all(error in r.error for r in failed)
    with teacher.serving() as url:
        again = complete(requests, server=url, ledger=book, batch=True, poll_s=0.01)
    assert handed_in == [40, len(failed)] and not any(r.error for r in again)
    assert [r.text for r in again if r.cached] == [r.text for r in replies if not r.error]


INVALID = {"code": "invalid_line", "line": 1, "message": "This line is no request.", "param": None}


def test_a_batch_that_is_refused_as_a_whole_is_an_error_and_its_requests_are_free_again(
    book, monkeypatch
):
    with teacher.serving() as url:
        with monkeypatch.context() as patch:
            refused = {
                "status": "failed",
                "output_file_id": None,
                "errors": {"object": "list", "data": [INVALID]},
            }
            patch.setattr(Pages, "look", lambda self, id: self.batches[id] | refused)
            with pytest.raises(
                TeacherError,
                match="refuses batch .* as a whole: This line is no request.*Nothing was paid",
            ):
                complete(questions(3), server=url, ledger=book, batch=True, poll_s=0.01)
        assert all(
            r.text for r in complete(questions(3), server=url, ledger=book, batch=True, poll_s=0.01)
        )


class Interrupted(Exception):
    pass


def stop_when(condition):
    def progress(tally):
        if condition(tally):
            raise Interrupted

    return progress


def test_a_run_that_was_interrupted_collects_what_it_handed_in(book, handed_in, monkeypatch):
    monkeypatch.setattr(faulty_server, "LINES_A_LOOK", 5)
    requests = questions(20)
    with faulty_server.serving() as url:
        given = {"server": url, "ledger": book, "poll_s": 0.3}
        with pytest.raises(Interrupted):
            complete(
                requests,
                batch=True,
                progress=stop_when(lambda tally: tally.at_server >= 5),
                **given,
            )
        with Ledger(book) as opened:
            assert opened.count() == 0 and len(opened.batches()) == 1
        with pytest.raises(LedgerError, match=f"open batch .* at {url}.*Run with server="):
            complete(requests, server="http://127.0.0.1:9/v1", ledger=book)
        # single requests wait for the batch that holds them
        replies = complete(requests[:7], **given)
    assert all(r.text for r in replies) and handed_in == [20]
    with Ledger(book) as opened:
        assert opened.count() == 20 and not opened.batches(), (
            "all of it, also what was not asked now"
        )


@pytest.mark.parametrize("arrived", [True, False])
def test_when_the_answer_to_a_hand_in_is_lost_the_servers_list_decides(
    book, handed_in, monkeypatch, arrived
):
    page = Pages._page

    def lost(self, method, path, headers, raw):
        if (method, path) != ("POST", "/v1/batches"):
            return page(self, method, path, headers, raw)
        if arrived:
            page(self, method, path, headers, raw)
        return 500, {"error": {"message": "gateway"}}

    with teacher.serving() as url:
        given = {"server": url, "ledger": book, "batch": True, "poll_s": 0.01}
        with monkeypatch.context() as patch:
            patch.setattr(Pages, "_page", lost)
            with pytest.raises(
                TeacherError, match="takes no batch: 500.*nothing is handed in twice"
            ):
                complete(questions(4), **given)
        assert all(r.text for r in complete(questions(4), **given)) and handed_in == [4]


BATCHER = """
import sys, json
from skymath_nb.inference import teacher; from skymath_nb import world
ask = [teacher.Request([{"role": "user", "content": p}], "solve") for p in world.seeds(60, 0).problem]
replies = teacher.complete(ask, server=sys.argv[1], ledger=sys.argv[2], batch=True, poll_s=0.05)
print(json.dumps([r.text for r in replies]))
"""


def test_a_killed_run_is_resumed_without_a_second_batch(book, handed_in, monkeypatch):
    monkeypatch.setattr(faulty_server, "LINES_A_LOOK", 4)
    with faulty_server.serving() as url:

        def run():
            command = [sys.executable, "-c", BATCHER, url, str(book)]
            return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

        first = run()
        while not handed_in:
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
        texts = json.loads(run().communicate()[0])
    assert handed_in == [60] and texts == [r.text for r in complete(questions(60))]


def test_the_cap_counts_the_worst_case_of_a_whole_batch(book, handed_in):
    requests = questions(20, max_tokens=300)
    worst = teacher.forecast(requests, prices=PRICES, batch=True, ledger=book)["usd_most"]
    with teacher.serving() as url:
        given = {"server": url, "ledger": book, "prices": PRICES, "batch": True, "poll_s": 0.01}
        with pytest.raises(BudgetReached, match="Raise budget_usd"):
            complete(requests, budget_usd=worst / 40, **given)
        assert handed_in == []
        # real answers are shorter, so more fits after each
        replies = complete(requests, budget_usd=worst / 2, **given)
        assert (
            len(handed_in) > 1
            and sum(handed_in) == 20
            and sum(r.cost_usd for r in replies) <= worst / 2
        )


def test_a_batch_that_the_server_forgot_frees_its_requests(book, monkeypatch):
    monkeypatch.setattr(faulty_server, "LINES_A_LOOK", 1)
    requests = questions(20)
    with faulty_server.serving() as url:
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(Interrupted):
            complete(
                requests,
                server=url,
                ledger=book,
                batch=True,
                poll_s=0.2,
                progress=stop_when(lambda tally: tally.at_server),
            )
    with teacher.serving(port) as url:
        with pytest.raises(TeacherError, match="does not know batch"):
            complete(requests, server=url, ledger=book, batch=True, poll_s=0.01)
        assert all(
            r.text for r in complete(requests, server=url, ledger=book, batch=True, poll_s=0.01)
        )


def spoil(monkeypatch, change):
    """Let every line of the server's output files pass through `change`.

    A dict in, bytes or a dict out.
    """
    page = Pages._page

    def changed(self, method, path, *more):
        status, body = page(self, method, path, *more)
        if status != 200 or not path.endswith("/content"):
            return status, body
        lines = [change(json.loads(line)) for line in body.splitlines()]
        return status, b"\n".join(
            line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
        )

    monkeypatch.setattr(Pages, "_page", changed)


def first(changed):
    """Change the first line alone."""
    numbers = iter(range(10**6))
    return lambda line: changed(line) if next(numbers) == 0 else line


def with_response(**given):
    return lambda line: line | {"response": line["response"] | given}


FAULTY = {
    "status null": (with_response(status_code=None, body=None), 0),
    "status text": (with_response(status_code="teapot"), 1),
    "status text, refused": (with_response(status_code="400", body={"error": "no"}), 400),
    "status list": (with_response(status_code=[200], body="no"), 0),
    "response text": (lambda line: line | {"response": "gone"}, 0),
    "no response": (lambda line: {"custom_id": line["custom_id"]}, 0),
    "no JSON": (lambda line: b"{", 0),
    "a number": (lambda line: b"7", 0),
    "another id": (lambda line: line | {"custom_id": "what.ever"}, 0),
    "an id that is no text": (lambda line: line | {"custom_id": 7}, 0),
    "no body": (with_response(body=[]), 0),
    "an error as text": (lambda line: line | {"error": "gone", "response": None}, 0),
}


@pytest.mark.parametrize(("change", "status"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_line_is_one_fault_among_many(book, monkeypatch, change, status):
    spoil(monkeypatch, first(change))
    requests = questions(6)
    with teacher.serving() as url:
        replies = complete(
            requests, server=url, ledger=book, prices=PRICES, batch=True, poll_s=0.01
        )
    errors = [reply for reply in replies if reply.error]
    if status == 1:  # a status that says nothing, beside a whole answer: it was paid for
        assert not errors
    else:
        assert [reply.status for reply in errors] == [status] and all(
            reply.text for reply in replies if not reply.error
        )


def test_a_reply_of_a_batch_that_cannot_be_read_counts_at_its_worst_case(book, monkeypatch):
    spoil(monkeypatch, first(with_response(body={"choices": []})))
    tallies = []
    with teacher.serving() as url:
        given = {"server": url, "ledger": book, "prices": PRICES, "progress": tallies.append}
        complete(questions(3), batch=True, poll_s=0.01, **given)
    assert tallies[-1].lost_usd > 1024 * 10 * 0.5 / 1e6


def test_no_piece_of_a_key_is_shown_by_a_batch_wherever_the_cut_falls(book, monkeypatch, capfd):
    key = "sk-" + "".join(chr(97 + i * 7 % 26) + str(i % 10) for i in range(60))
    monkeypatch.setenv("OPENAI_API_KEY", key)
    numbers = iter(range(10**6))

    def echoing(line):
        text = "!" * (8 * next(numbers)) + key
        return with_response(status_code=400, body={"error": {"message": text}})(line)

    spoil(monkeypatch, echoing)
    with teacher.serving() as url:
        replies = complete(questions(80), server=url, ledger=book, batch=True, poll_s=0.01)
    shown = "".join(reply.error for reply in replies) + "".join(capfd.readouterr())
    assert len(replies) == 80 and not [i for i in range(len(key) - 11) if key[i : i + 12] in shown]


@pytest.mark.parametrize("status", ["paused", "queued_for_review", None])
def test_an_unknown_state_is_reported_and_not_polled_forever(book, monkeypatch, status):
    look = Pages.look
    monkeypatch.setattr(Pages, "look", lambda self, id: look(self, id) | {"status": status})
    with teacher.serving() as url:
        given = {"server": url, "ledger": book, "batch": True, "poll_s": 0.01}
        with pytest.raises(TeacherError, match=f"is {status!r}, which is none of validating"):
            complete(questions(3), **given)
        monkeypatch.setattr(Pages, "look", look)
        assert all(reply.text for reply in complete(questions(3), **given)), (
            "the batch was kept, and is collected"
        )
