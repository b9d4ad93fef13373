"""Generation over a server: through the teacher's client, and the server as a child process."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import faulty_server
import psutil
import pytest
import tiny_model
from faulty_server import Faults
from transformers import AutoTokenizer

from skymath_nb import augmentation, prompts, world
from skymath_nb.core import guard
from skymath_nb.inference import teacher
from skymath_nb.inference.generation import (
    Completion,
    Served,
    ServerError,
    Unanswered,
    counts,
    generate,
    serving,
)
from skymath_nb.inference.reply_store import Ledger

pytestmark = pytest.mark.stack

STAND_IN = [sys.executable, str(Path(__file__).parents[1] / "stand_in_server.py")]
CHAT = [{"role": "user", "content": "four"}]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model.save(tmp_path_factory.mktemp("model") / "student")


@pytest.fixture(scope="module")
def served(model):
    """A stand-in server that several tests ask."""
    with serving(model, command=STAND_IN) as served:
        yield served


def asker(served, ledger=None, **more):
    return teacher.asker(**served._asdict(), ledger=ledger, retries=0, **more)


class Echo:
    """What the in-process server answers: the prompt's own words, and what else was in the body."""

    def __init__(self, answer=None):
        self.bodies, self.answer = [], answer or (lambda body: ("to " + body["prompt"], "stop"))

    def __call__(self, body, operator, sample):
        self.bodies.append(body)
        text, finish = self.answer(body)
        said = {"text": text} if "prompt" in body else {"message": {"content": text}}
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        return 200, {"choices": [said | {"finish_reason": finish}], "usage": usage}


def test_a_plain_text_goes_to_completions_and_messages_to_chat(served):
    plain, chat, again = generate(asker(served), ["three", CHAT, "three"], max_new_tokens=8)
    assert plain == again == Completion("5", 2, False) and chat == Completion("4", 2, False)
    assert generate(asker(served), ["three"], max_new_tokens=1) == [Completion("5", 2, True)]


def test_the_body_says_how_to_sample_and_greedy_sends_no_seed():
    echo = Echo()
    with teacher.serving(respond=echo) as url:
        ask = teacher.asker(server=url, model="m")
        generate(ask, ["a"], max_new_tokens=9, stop=["b"])
        generate(ask, ["a"], max_new_tokens=9, temperature=0.5, top_p=0.9, samples=2)
    greedy, *drawn = echo.bodies
    assert greedy == {
        "model": "m",
        "prompt": "a",
        "max_tokens": 9,
        "temperature": 0.0,
        "stop": ["b"],
    }
    assert [body["temperature"] for body in drawn] == [0.5, 0.5] and all(
        body["top_p"] == 0.9 for body in drawn
    )
    assert len({body["seed"] for body in drawn}) == 2 and not any("n" in body for body in drawn)


def test_samples_keep_their_seeds_when_prompts_are_added(served):
    first = generate(asker(served), ["a"], max_new_tokens=8, temperature=1.0, samples=2, seed=3)
    more = generate(
        asker(served), ["bb", "a"], max_new_tokens=8, temperature=1.0, samples=3, seed=3
    )
    assert more[3:5] == first and len({answer.text for answer in more}) == 6
    assert first != generate(
        asker(served), ["a"], max_new_tokens=8, temperature=1.0, samples=2, seed=4
    )


def test_a_stop_that_the_server_ignored_is_cut_all_the_same():
    with teacher.serving(respond=Echo(lambda body: ("4.\n\nProblem: next", "length"))) as url:
        ask = teacher.asker(server=url, model="m")
        assert (
            generate(ask, ["a"], max_new_tokens=9, stop=prompts.stops("few-shot"))[0].text == "4."
        )


def test_a_model_that_answers_nothing_is_counted_and_shown():
    said = []
    with teacher.serving(
        respond=Echo(lambda body: ("  " if body["prompt"] == "a" else "4", "stop"))
    ) as url:
        answers = generate(
            teacher.asker(server=url, model="m"),
            ["a", "b", "c"],
            max_new_tokens=9,
            progress=said.append,
        )
    assert (
        counts(answers) == {"n": 3, "empty": 1, "cut_off": 0, "failed": 0} and answers[0].text == ""
    )
    assert said == ["generate: 3/3 answers, 1 empty"]


def test_a_server_that_dies_half_way_is_gone_on_with(model, tmp_path):
    book, questions, said = tmp_path / "ledger.sqlite", [f"{'x' * n}" for n in range(1, 31)], []
    with serving(model, command=STAND_IN, options=["--die", "12"]) as served:
        with pytest.raises((Unanswered, teacher.TeacherError)):
            generate(asker(served, book, workers=2), questions, max_new_tokens=8)
    with Ledger(book) as ledger:
        kept = ledger.count()
    assert 8 <= kept <= 12
    with serving(model, command=STAND_IN) as served:
        answers = generate(
            asker(served, book, workers=2), questions, max_new_tokens=8, progress=said.append
        )
    assert [answer.text for answer in answers] == [str(n) for n in range(1, 31)]
    assert said == [f"generate: 30/30 answers, {kept} from the ledger"]


def test_prompts_that_fail_are_named_and_only_they_are_asked_again(tmp_path):
    questions, ledger = [f"q{n}" for n in range(20)], tmp_path / "ledger.sqlite"
    echo, given = Echo(), {"model": "m", "ledger": ledger, "retries": 0, "workers": 1}
    with faulty_server.serving(respond=echo, faults=Faults({"500": 0.3}, seed=1)) as url:
        with pytest.raises(Unanswered, match=r"of 20 prompts have no answer.*500.*run again"):
            generate(teacher.asker(server=url, **given), questions, max_new_tokens=8)
    before = len(echo.bodies)
    assert 5 < before < 20
    with teacher.serving(respond=echo) as url:
        answers = generate(teacher.asker(server=url, **given), questions, max_new_tokens=8)
    assert [answer.text for answer in answers] == [f"to {q}" for q in questions] and len(
        echo.bodies
    ) == 20


def refusing(body, operator, sample):
    if len(body["prompt"]) > 3:
        return 400, {"error": {"message": "maximum context length is 3 tokens", "code": None}}
    return Echo()(body, operator, sample)


def test_prompts_that_a_server_refuses_are_refused_or_counted():
    with teacher.serving(respond=refusing) as url:
        ask = teacher.asker(server=url, model="m")
        with pytest.raises(Unanswered, match="1 of 2 prompts .*maximum context length"):
            generate(ask, ["a", "long"], max_new_tokens=8)
        short, long = generate(ask, ["a", "long"], max_new_tokens=8, too_long="skip")
        with pytest.raises(Unanswered, match="1 of 1 prompts"):
            generate(ask, ["long"], max_new_tokens=8, too_long="skip")
    assert (
        short == Completion("to a", 7, False)
        and long[:3] == ("", 0, True)
        and "maximum context" in long.error
    )


def test_a_limit_below_that_of_the_ledger_is_told(tmp_path):
    with teacher.serving(respond=Echo()) as url:
        ask = teacher.asker(server=url, model="m", ledger=tmp_path / "ledger.sqlite")
        # 7 with EOS
        assert generate(ask, ["a"], max_new_tokens=6) == generate(ask, ["a"], max_new_tokens=6)
        with pytest.raises(ValueError, match="up to 7 tokens"):
            generate(ask, ["a"], max_new_tokens=5)


def test_a_retrained_student_is_another_model_in_the_ledger(tmp_path):
    said = {}
    for seed in ("one", "two"):
        folder = tiny_model.save(tmp_path / seed / "student")
        (folder / "config.json").write_text((folder / "config.json").read_text() + " " * len(said))
        with serving(folder, command=STAND_IN) as served:
            said[seed] = served
    assert said["one"].model != said["two"].model and said["one"].known_as != said["two"].known_as
    assert said["one"].known_as == f"vllm:{said['one'].model}" and said["one"].model.startswith(
        "student@"
    )


def test_what_a_server_is_given_stays_with_its_asker(tmp_path):
    with pytest.raises(ValueError, match="give it the ledger"):
        generate(teacher.asker(), ["a"], ledger=tmp_path / "ledger.sqlite")
    with pytest.raises(ValueError, match="plain texts"):
        generate(teacher.asker(batch=True, ledger=tmp_path / "ledger.sqlite"), ["a"])


def test_the_offline_teacher_reads_no_plain_text():
    with pytest.raises(Unanswered, match="messages"):
        generate(teacher.asker(), ["a"])


# --- the child process
# ----------------------------------------------------------------------


def test_a_server_is_ready_within_the_block_and_gone_after_it(model, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    log = tmp_path / "deep" / "server.log"
    with serving(
        model, command=STAND_IN, options=["--wait", "0.5", "--child", "1"], log=log
    ) as served:
        assert isinstance(served, Served) and served.server.startswith("http://127.0.0.1:")
        said = log.read_text()
        child, server = (
            psutil.Process(int(number))
            for number in re.search(r"child (\d+) of (\d+)", said).groups()
        )
    gone, alive = psutil.wait_procs([child, server], timeout=10)
    assert not alive or all(process.status() == psutil.STATUS_ZOMBIE for process in alive)
    assert (
        f"serve {model.resolve()} --host 127.0.0.1" in said
        and "--generation-config vllm" in said
        and "no key" in said
    )


def test_transformers_serve_is_told_to_sample_and_where_to_end(model):
    with serving(model, "transformers", command=STAND_IN) as served:
        assert served.model == str(model.resolve()) and served.known_as.startswith("transformers:")
    told = json.loads(served.parameters["generation_config"])
    assert told == {
        "do_sample": True,
        "top_k": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }


def test_a_server_that_fails_shows_its_log(model):
    with pytest.raises(ServerError, match=r"(?s)ended with exit code 1.*CUDA out of memory"):
        with serving(model, command=STAND_IN, options=["--fail"]):
            pytest.fail("it is not ready")


def test_a_server_that_is_never_ready_is_ended(model):
    with pytest.raises(ServerError, match=r"(?s)not ready after 1 s.*stand-in server: serve"):
        with serving(model, command=STAND_IN, options=["--wait", "600"], ready_s=1):
            pytest.fail("it is not ready")
    assert not [
        p
        for p in psutil.process_iter(["cmdline"])
        if {"--wait", str(model.resolve())} <= set(p.info["cmdline"] or [])
    ]


def test_a_stubborn_server_is_killed(model, monkeypatch):
    monkeypatch.setattr(guard, "GRACE_S", 1)
    before = time.monotonic()
    with serving(model, command=STAND_IN, options=["--stubborn"]):
        pass
    assert time.monotonic() - before < 15


def test_a_server_ends_with_the_process_that_started_it(model):
    code = f"""
import time
from skymath_nb.inference.generation import serving
with serving({str(model)!r}, command={STAND_IN!r}) as served:
    print(served.server, flush=True)
    time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    port = int(parent.stdout.readline().strip().removesuffix("/v1").rpartition(":")[2])
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    pytest.fail("the server still listens")


def test_wrong_words_for_a_server_are_refused_before_anything_starts(model, tmp_path):
    start = partial(serving, model)
    for given, message in [
        ({"engine": "sglang"}, "one of vllm, transformers"),
        (
            {"command": "/no/such/vllm"},
            r"(?s)no command '/no/such/vllm'.*environment of its own.*pip install vllm",
        ),
    ]:
        with pytest.raises(ValueError, match=message), start(**given):
            pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(ValueError, match="name another port"),
            start(command=STAND_IN, port=taken.getsockname()[1]),
        ):
            pass
    with (
        pytest.raises(OSError, match="no-such-model"),
        serving(tmp_path / "no-such-model", command=STAND_IN),
    ):
        pass


@pytest.mark.long
def test_a_real_server_answers_as_transformers_does_here(model, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    model = shutil.copytree(model, tmp_path / "student")
    tokenizer.save_pretrained(model)
    program = [
        sys.executable,
        "-c",
        "import sys; from transformers.cli.transformers import main; sys.exit(main())",
    ]
    texts = [tiny_model.prompt(query) for query in ("1 + 1", "22 + 33")]
    with serving(
        model, "transformers", command=program, options=["--device", "cpu"], ready_s=300
    ) as served:
        given = {
            **served._asdict(),
            "ledger": tmp_path / "ledger.sqlite",
            "timeout": 300,
            "workers": 2,
        }
        greedy = generate(teacher.asker(**given), texts, max_new_tokens=8)
        drawn = generate(
            teacher.asker(**given), texts, max_new_tokens=8, temperature=1.5, samples=3
        )
        problem = world.seeds(1, 0).iloc[0]
        chat = augmentation.trial(problem, "answer", teacher.asker(**given), max_tokens=8)
    assert [answer.text for answer in greedy] == [
        answer.text for answer in generate(model, texts, max_new_tokens=8)
    ]
    # n and the seed may be ignored there, drawing is not
    assert len({answer.text for answer in drawn}) > 3
    assert (
        generate(
            teacher.asker(**given, replay=True), texts, max_new_tokens=8, temperature=1.5, samples=3
        )
        == drawn
    )
    assert chat.row["reason"] == "cut off at max_tokens" or chat.row["reason"].startswith(
        "response: "
    ), "it knows no mathematics"
    assert (
        chat.replies[0].tokens_in > 0 and not chat.replies[0].error and chat.row["tokens_out"] > 0
    )


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_served_student_meets_no_proxy_and_no_key(model, monkeypatch, name):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with serving(model, command=STAND_IN) as served:
            answers = generate(asker(served), ["three"], max_new_tokens=8)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert answers == [Completion("5", 2, False)]


@pytest.mark.parametrize("reason", ["abort", "error", None, "banana"])
def test_an_answer_that_broke_off_is_no_answer(reason):
    with teacher.serving(respond=Echo(lambda body: ("half", reason))) as url:
        with pytest.raises(Unanswered, match="the reply ended with"):
            generate(teacher.asker(server=url, model="m"), ["a", "b"], max_new_tokens=9)
