"""What came from others is shown, and asks, starts and writes nothing that the user did not
name.
"""

import json
import os
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from test_suite import write_notebook

from skymath_nb import __main__ as command_line
from skymath_nb.commands import bundle
from skymath_nb.core import disk, manifests
from skymath_nb.runner import params, steps, trust

ASK = [
    'run: str = "tiny"\nserver: str = "offline"\nteacher_model: str = "offline"\n'
    "parameters: dict = {}\nreplay_only: bool = False\n"
    'base: str = "tiny-base"\ncommand: str = ""\nledger: str = ""\narms_in: str = ""\n'
    'launcher: str = ""\nk: int = 1',
    "import urllib.request\nfrom skymath_nb import runner\n"
    'step = runner.start("01_ask", run, k=k, server=server, '
    "teacher_model=teacher_model, parameters=parameters, base=base)",
    'if server != "offline":\n    urllib.request.urlopen(server).read()',
    "step.finish({})",
]
SECRET = "sk-" + "s3cret" * 9


@pytest.fixture
def asked():
    """A server that counts who asks it: its address, and the list."""
    calls = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", calls
    server.shutdown()
    server.server_close()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("SKYMATH_NOTEBOOKS", str(tmp_path / "notebooks"))
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    write_notebook(tmp_path / "notebooks", "01_ask", ASK)
    return tmp_path


def foreign(place, **values):
    """A run folder by others: its steps are not complete, its params.yaml has these values."""
    folder = place / "outputs" / "class"
    frozen = {"run": "class", "steps": {"01_ask": values}}
    disk.save(folder / "params.yaml", yaml.safe_dump(frozen))
    disk.save(folder / "run.json", "{}")
    return folder / "params.yaml"


def taken(place, **values):
    """The same as a bundle that was made elsewhere and is taken here."""
    there = place / "there"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYMATH_OUTPUTS", str(there))
        write_notebook(place / "notebooks", "00_first", ['run: str = "tiny"\nk: int = 1'])
        steps.start("00_first", "class", k=1).finish({})
        frozen = {"run": "class", "steps": {"00_first": {"k": 1}, "01_ask": values}}
        disk.save(there / "class" / "params.yaml", yaml.safe_dump(frozen, sort_keys=False))
        (there / "class" / "01_ask").mkdir()
        file = bundle.make("class", place / "class.tar.gz", until="00_first", echo=lambda _: None)
    shutil.rmtree(there)
    return bundle.take(file, echo=print) / "params.yaml"


def copied(place, **values):
    """The params file of a taken bundle, copied to where one's own lie."""
    path = place / "mine" / "copy.yaml"
    path.parent.mkdir()
    return shutil.copy(taken(place, **values), path)


def linked(place, **values):
    path = place / "link.yaml"
    path.symlink_to(foreign(place, **values))
    return path


def elsewhere(place, **values):
    """A run folder that somebody sent, not under outputs/."""
    return shutil.move(foreign(place, **values).parent, place / "received") / "params.yaml"


def swept(place, **values):
    path = place / "sweep.yaml"
    base = os.path.relpath(foreign(place, **values), place)
    path.write_text(yaml.safe_dump({"sweep": "sizes", "base": base, "grid": {"01_ask.k": [1, 2]}}))
    return path


@pytest.mark.parametrize("source", [foreign, taken, copied, linked, elsewhere])
def test_a_server_of_others_is_asked_only_when_it_is_named(place, asked, source, capsys):
    address, calls = asked
    path, host = str(source(place, server=address)), address[7:-3]
    for command in (
        ["run"],
        ["run", "--keep-stale"],
        ["open"],
        ["run", "--allow-server", "other.example"],
        ["open", "--allow-server", "127.0.0.2"],
    ):
        assert command_line.main([command[0], path, *command[1:]]) == 2
        said = capsys.readouterr()
        assert (
            f"--allow-server {host}" in said.err
            and "OPENAI_API_KEY" in said.err
            and SECRET not in said.err + said.out
        )
        assert f"from others: 01_ask.server = '{address}'" in said.out
    for command in (["status"], ["run", "--dry-run"], ["prefetch", "--list"]):
        assert command_line.main([command[0], path, *command[1:]]) == 0
        assert f"from others: 01_ask.server = '{address}'" in capsys.readouterr().out
    assert not calls and not (place / "outputs" / "class" / "01_ask" / "notebook.ipynb").exists()


@pytest.mark.parametrize("given", ["127.0.0.1", "{host}", "{address}", "HTTP://{host}/"])
def test_a_server_that_is_named_is_asked(place, asked, given):
    address, calls = asked
    path = taken(place, server=address)
    named = given.format(host=address[7:-3], address=address)
    assert (
        command_line.main(
            ["run", str(path), "--allow-server", "other.example", "--allow-server", named]
        )
        == 0
    )
    assert len(calls) == 1
    assert yaml.safe_load(path.read_text())[manifests.FOREIGN] == "class.tar.gz", (
        "it stays others' work"
    )


def test_a_sweep_on_a_run_of_others_is_held_to_the_same(place, asked, capsys):
    address, calls = asked
    path = str(swept(place, server=address))
    for more in ([], ["--point", "1"], ["--jobs", "2"]):
        assert (
            command_line.main(["sweep", path, *more]) == 2
            and "--allow-server" in capsys.readouterr().err
        )
    assert not calls
    assert (
        command_line.main(["sweep", path, "--point", "1", "--allow-server", "127.0.0.1"]) == 0
        and len(calls) == 1
    )


def test_a_sweep_of_others_on_a_base_of_one_s_own_is_held_to_the_same(place, asked, capsys):
    address, calls = asked
    (place / "mine.yaml").write_text(yaml.safe_dump({"run": "mine", "steps": {"01_ask": {}}}))
    path = foreign(place).with_name("sweep.yaml")
    path.write_text(
        yaml.safe_dump(
            {"sweep": "sizes", "base": "../../mine.yaml", "grid": {"01_ask.server": [address]}}
        )
    )
    assert command_line.main(["sweep", str(path)]) == 2 and not calls
    assert "--allow-server" in capsys.readouterr().err


def test_one_s_own_params_file_asks_as_before(place, asked, capsys):
    address, calls = asked
    path = place / "mine.yaml"
    path.write_text(yaml.safe_dump({"run": "mine", "steps": {"01_ask": {"server": address}}}))
    assert command_line.main(["run", str(path)]) == 0 and len(calls) == 1
    assert "from others" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "address, host",
    [
        ("https://api.example.com/v1", "api.example.com"),
        ("HTTPS://API.Example.com:8443/v1", "api.example.com:8443"),
        ("https://api.openai.com@evil.example/v1", "evil.example"),
        ("https://evil.example/api.openai.com", "evil.example"),
        ("https://api.openai.com.evil.example/v1", "api.openai.com.evil.example"),
        ("http://[::1]:8000/v1", "::1:8000"),
    ],
)
def test_the_host_is_the_one_that_the_client_would_connect_to(place, address, host, capsys):
    assert trust.servers({"server": address}) == {host: address}
    assert not trust.allowed(host, ["api.openai.com", "example.com", "evil", ""])
    path = foreign(place, server=address)
    assert command_line.main(["run", str(path), "--allow-server", "api.openai.com"]) == 2
    assert f"--allow-server {host}" in capsys.readouterr().err


def test_a_server_inside_another_parameter_and_one_that_is_no_address_are_named_too(place, capsys):
    for values in (
        {"parameters": {"deep": [{"url": "https://evil.example/x"}]}},
        {"server": "evil.example"},
    ):
        assert command_line.main(["run", str(foreign(place, **values))]) == 2
        assert "--allow-server evil.example" in capsys.readouterr().err


def test_the_dry_run_names_every_host_and_the_key_that_goes_there(place, capsys, monkeypatch):
    path = place / "mine.yaml"
    for server, said in (
        ("https://api.example.com/v1", "host api.example.com, by 01_ask"),
        ("http://127.0.0.1:8399/v1", "127.0.0.1:8399"),
    ):
        path.write_text(yaml.safe_dump({"run": "mine", "steps": {"01_ask": {"server": server}}}))
        assert command_line.main(["run", str(path), "--dry-run"]) == 0
        out = capsys.readouterr().out
        assert (
            said in out
            and "the key in OPENAI_API_KEY, which is set, goes there" in out
            and SECRET not in out
        )
    for values in ({}, {"server": "https://api.example.com/v1", "replay_only": True}):
        path.write_text(yaml.safe_dump({"run": "mine", "steps": {"01_ask": values}}))
        assert command_line.main(["run", str(path), "--dry-run"]) == 0
        assert "No server is asked" in capsys.readouterr().out
    monkeypatch.delenv("OPENAI_API_KEY")
    path.write_text(
        yaml.safe_dump(
            {"run": "mine", "steps": {"01_ask": {"server": "https://api.example.com/v1"}}}
        )
    )
    assert (
        command_line.main(["run", str(path), "--dry-run"]) == 0
        and "which is not set" in capsys.readouterr().out
    )


@pytest.mark.parametrize("key", trust.OUTSIDE)
@pytest.mark.parametrize("source", [foreign, taken, copied])
def test_programs_and_places_of_others_are_shown_and_must_be_named(place, source, key, capsys):
    path = source(place, **{key: "/tmp/theirs"})
    assert command_line.main(["run", str(path), "--anyway"]) == 2
    said = capsys.readouterr()
    assert (
        f"from others: 01_ask.{key} = '/tmp/theirs'" in said.out
        and f"--set 01_ask.{key}=/tmp/theirs" in said.err
    )
    assert (
        command_line.main(["run", str(path), "--anyway", "--set", f"01_ask.{key}=/tmp/theirs"]) == 0
    )


def test_a_base_and_files_of_others_are_shown(place, capsys):
    path = foreign(place, base="somebody/model")
    assert command_line.main(["run", str(path), "--anyway"]) == 0
    assert "from others: 01_ask.base = 'somebody/model'" in capsys.readouterr().out


def test_taking_a_bundle_shows_what_it_reaches(place, capsys):
    path = taken(
        place,
        server="https://evil.example/v1",
        base="somebody/model",
        command="/tmp/x",
        ledger="~/x",
    )
    out = capsys.readouterr().out
    for line in (
        "server = 'https://evil.example/v1'",
        "base = 'somebody/model'",
        "command = '/tmp/x'",
        "ledger = '~/x'",
    ):
        assert f"from others, in {path}: 01_ask.{line}" in out


def test_a_step_that_holds_asks_nobody_and_needs_no_leave(place, asked):
    address, calls = asked
    path = foreign(place, server=address)
    assert command_line.main(["run", str(path), "--allow-server", "127.0.0.1"]) == 0
    assert command_line.main(["run", str(path)]) == 0 and len(calls) == 1
    assert command_line.main(["run", str(path), "--from", "01_ask"]) == 2 and len(calls) == 1


def test_a_web_page_s_manifest_beside_a_params_file_makes_it_nobody_else_s(place):
    (place / "mine" / "public").mkdir(parents=True)
    (place / "mine" / "public" / "manifest.json").write_text(json.dumps({"name": "app"}))
    (place / "mine" / "my.yaml").write_text(
        yaml.safe_dump({"run": "mine", "steps": {"01_ask": {}}})
    )
    assert params.load(place / "mine" / "my.yaml").others == ""


def test_outputs_that_hold_the_repository_too_make_its_params_nobody_else_s(place, monkeypatch):
    monkeypatch.setenv("SKYMATH_OUTPUTS", str(place))
    (place / "clone" / "params").mkdir(parents=True)
    (place / "clone" / "params" / "my.yaml").write_text(
        yaml.safe_dump({"run": "mine", "steps": {"01_ask": {}}})
    )
    (place / "my.yaml").write_text(yaml.safe_dump({"run": "mine", "steps": {"01_ask": {}}}))
    for path in ("clone/params/my.yaml", "my.yaml"):
        assert params.load(place / path).others == ""


def test_a_damaged_manifest_beside_others_hides_nothing(place):
    for name, text in (("00_a", "{"), ("01_ask", json.dumps({"outputs": {}}))):
        (place / "received" / name).mkdir(parents=True)
        (place / "received" / name / "manifest.json").write_text(text)
    (place / "received" / "x.yaml").write_text(
        yaml.safe_dump({"run": "mine", "steps": {"01_ask": {}}})
    )
    assert "run folder" in params.load(place / "received" / "x.yaml").others


def test_our_own_params_files_are_our_own():
    for path in (Path(__file__).resolve().parents[2] / "params").glob("*.yaml"):
        if not path.name.startswith("base_"):
            assert params.load(path).others == ""


def test_a_command_line_of_its_own_process_says_it_too(place, asked):
    address, calls = asked
    command = [sys.executable, "-m", "skymath_nb", "run", str(foreign(place, server=address))]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2]
    )
    assert done.returncode == 2 and "--allow-server" in done.stderr and not calls
