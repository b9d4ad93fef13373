"""JupyterLab on a copy of the notebooks, looked at through a real Chromium.

Run by `make browser`, not by `make test`.

Nothing of the user's is read or changed: settings, workspaces, kernels' files and the run itself
lie in pytest's temporary folder. No test depends on time. How long the notebooks took is told at
the end and kept in timings.json, nothing more.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
import yaml

from skymath_nb.runner import notebooks
from skymath_nb.runner import params as plans

ROOT = Path(__file__).resolve().parents[2]
RUN = "browser"
STEPS = ("00", "01", "02", "03", "04", "05")  # and their repeats: 04 reads two of 02
# seconds after which a page, or a kernel at work, must be hanging; no measure of speed
PATIENCE, WORK = 120, 1800
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# of the window; a taller picture would pass Chromium's limit for one texture
WIDTH, HEIGHT, TALLEST = 1280, 900, 15_000
NAMES = ("chromium", "chromium-browser", "google-chrome")
SETTINGS = {  # JupyterLab's settings as a user would save them
    "apputils-extension/themes": {"theme": "JupyterLab Light", "adaptive-theme": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells that are out of sight would not be in the page, neither for the tests nor in the
    # pictures.
    "notebook-extension/tracker": {"windowingMode": "none"},
}
TIMINGS = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[TIMINGS] = []


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


def pytest_terminal_summary(terminalreporter, config):
    if told := config.stash[TIMINGS]:
        terminalreporter.section("seconds in JupyterLab")
        terminalreporter.line(f"{'notebook':24}{'kernel':>8}{'first output':>14}{'all cells':>11}")
        for t in told:
            terminalreporter.line(
                f"{t['notebook']:24}{t['kernel']:8.1f}{t['first_output']:14.1f}{t['all_cells']:11.1f}"
            )


# --- what is looked at
# ----------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's Chromium, or of another that SKYMATH_CHROMIUM names."""
    pytest.importorskip(
        "playwright", reason="playwright is not installed: `make browser` installs it"
    )
    named = os.environ.get("SKYMATH_CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        looked = (
            f"SKYMATH_CHROMIUM is {named}, which is no program"
            if named
            else f"none of {', '.join(NAMES)} is on the PATH"
        )
        pytest.skip(
            f"no Chromium: {looked}. Debian and Ubuntu: apt-get install chromium "
            "fonts-liberation fonts-wqy-microhei"
        )
    return found


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def shots(folder) -> Path:
    """Where the pictures go: SKYMATH_SCREENSHOTS, or the temporary folder."""
    place = Path(os.environ.get("SKYMATH_SCREENSHOTS") or folder / "screenshots").resolve()
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture(scope="session")
def surroundings(folder) -> dict:
    """The environment of the runner and of JupyterLab.

    Every place in which either keeps something is in the temporary folder.
    """
    ours = {
        "SKYMATH_OUTPUTS": folder / "outputs",
        "SKYMATH_NOTEBOOKS": folder / "notebooks",
        "JUPYTER_CONFIG_DIR": folder / "jupyter" / "config",
        "JUPYTER_DATA_DIR": folder / "jupyter" / "data",
        "JUPYTER_RUNTIME_DIR": folder / "jupyter" / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": folder / "jupyter" / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": folder / "jupyter" / "workspaces",
        "IPYTHONDIR": folder / "ipython",
    }
    left = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON", "OPENAI"))
    }
    return left | {name: str(place) for name, place in ours.items()}


@pytest.fixture(scope="session")
def run_folder(chromium, folder, surroundings) -> Path:
    """The smoke run's 00 to 05 from copies of the notebooks whose parameters cells say the same, so
    that each opens as it ran.
    """
    smoke = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text(encoding="utf-8"))
    smoke |= {
        "run": RUN,
        "steps": {name: given for name, given in smoke["steps"].items() if name.startswith(STEPS)},
    }
    smoke["steps"].pop("02_augmentation@distracted", None)  # of 07
    params = folder / "browser.yaml"
    params.write_text(yaml.safe_dump(smoke, sort_keys=False), encoding="utf-8")
    shutil.copytree(
        ROOT / "notebooks",
        folder / "notebooks",
        ignore=shutil.ignore_patterns(".ipynb_checkpoints"),
    )
    for job in plans.load(params, notebooks=folder / "notebooks").jobs:
        if not job.label:
            copy = nbformat.read(job.notebook, as_version=4)
            notebooks.set_parameters(copy, job.parameters | {"run": RUN})
            nbformat.write(copy, job.notebook)
    command = [sys.executable, "-m", "skymath_nb", "run", str(params)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return folder / "outputs" / RUN


@pytest.fixture(scope="session")
def lab(run_folder, folder, surroundings):
    """JupyterLab on the copies: (address, token)."""
    for name, values in SETTINGS.items():
        path = folder / "jupyter" / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token, log = secrets.token_hex(16), folder / "jupyterlab.log"
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": folder / "notebooks",
        "ServerApp.allow_root": True,
        "LabApp.expose_app_in_browser": True,
    }
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    # not on the command line, which every user of the machine can read
    secret = {"JUPYTER_TOKEN": token}
    with log.open("w") as file:
        server = subprocess.Popen(
            command, cwd=folder, env=surroundings | secret, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api/status", token, server, log)
            yield address, token
        finally:
            server.terminate()  # ends its kernels too
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_for(address: str, token: str, server: subprocess.Popen, log: Path):
    request = urllib.request.Request(address, headers={"Authorization": f"token {token}"})
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last:
        assert server.poll() is None, log.read_text()
        try:
            return urllib.request.urlopen(request).close()
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab does not answer\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium)
        yield started
        started.close()


# --- how it is looked at
# ----------------------------------------------------------------------


class Watched:
    """A page of the browser, and all that it complained of or asked for."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.complaints: list[str] = []
        self.page.on(
            "console",
            lambda m: (
                m.type == "error"
                and self.complaints.append(f"console: {m.text} ({m.location.get('url')})")
            ),
        )
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on(
            "requestfailed",
            lambda r: self.complaints.append(f"failed: {r.method} {_bare(r.url)} {r.failure}"),
        )
        self.page.on(
            "response",
            lambda r: (
                r.status >= 400
                and self.complaints.append(f"{r.status}: {r.request.method} {_bare(r.url)}")
            ),
        )
        self.page.on("request", lambda r: self.hear(r.url))
        self.page.on("websocket", lambda w: self.hear(w.url))

    def hear(self, address: str):
        parts = urlsplit(address)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOOPBACK:
            self.complaints.append(f"elsewhere: {_bare(address)}")

    def close(self):
        self.context.close()


def _bare(address: str) -> str:
    """An address without its query, where a token may stand."""
    return address.split("?")[0]


class Notebook(Watched):
    """A notebook in JupyterLab, with all of its cells run."""

    def __init__(self, browser, address: str, token: str, name: str):
        super().__init__(browser)
        self.name, page = name, self.page
        began = time.monotonic()
        page.goto(f"{address}/lab/tree/{name}.ipynb?token={token}&reset")
        # Run-all before there is a kernel would only ask for one.
        page.wait_for_function("""() => {
            const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
            return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
        }""")
        self.seconds = {"notebook": name, "kernel": time.monotonic() - began}
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        page.evaluate("""() => {
            const app = window.jupyterapp, cells = app.shell.currentWidget.content.widgets.filter(c => c.model.type === 'code');
            const clock = window.skymath = {}, start = performance.now(), since = () => (performance.now() - start) / 1000;
            const watch = setInterval(() => {
                if (clock.all_cells === undefined && !cells.some(c => c.model.outputs.length)) return;
                clock.first_output = since();
                clearInterval(watch);
            }, 20);
            app.commands.execute('notebook:run-all-cells').finally(() => { clock.all_cells = since(); });
        }""")
        done = (
            "() => window.skymath.all_cells !== undefined && window.skymath.first_output !== "
            "undefined"
        )
        page.wait_for_function(done, polling=200, timeout=WORK * 1000)
        self.seconds |= page.evaluate("() => window.skymath")
        self.settle()

    @property
    def panel(self):
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def cell(self, control):
        """The code cell in whose output a control lies."""
        return self.panel.locator(".jp-CodeCell", has=control)

    def outputs(self) -> list[dict]:
        """Every output of every code cell.

        The cell's number and source, the output's type and the kinds of its data.
        """
        return self.page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets.flatMap((cell, i) =>
            cell.model.type !== 'code' ? [] : cell.model.outputs.toJSON().map(output => ({
                cell: i, source: cell.model.sharedModel.source, type: output.output_type, kinds: Object.keys(output.data ?? {}),
                error: [output.ename ?? '', output.evalue ?? ''].join(': '),
            })))""")

    def choose(self, select, text: str):
        """Pick from a dropdown as a reader does.

        Open it with the mouse, go to the text with the arrows, and enter.

        Letters would not do: while the list is closed JupyterLab takes them for its own commands, r
        makes the cell a raw one.
        """
        select.scroll_into_view_if_needed()
        options, now = select.evaluate("s => [[...s.options].map(o => o.text), s.selectedIndex]")
        steps = [option.replace("\xa0", " ") for option in options].index(text) - now
        select.click()
        for _ in range(abs(steps)):
            self.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
        self.page.keyboard.press("Enter")
        self.settle()

    def drag(self, handle, rail, share: float):
        """Draw a handle with the mouse to a share of the way along its rail."""
        handle.scroll_into_view_if_needed()
        from_, along = handle.bounding_box(), rail.bounding_box()
        height = from_["y"] + from_["height"] / 2
        self.page.mouse.move(from_["x"] + from_["width"] / 2, height)
        self.page.mouse.down()
        self.page.mouse.move(along["x"] + share * along["width"], height, steps=8)
        self.page.mouse.up()
        self.settle()

    def settle(self):
        """Wait until the kernel has nothing to do and what it sent is drawn."""
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status "
            "=== 'idle'"
        )
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def theme(self, name: str):
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })",
            name,
        )
        kind = str("Light" in name).lower()
        self.page.wait_for_function("kind => document.body.dataset.jpThemeLight === kind", arg=kind)

    def picture(self, path: Path, of=None):
        """The whole notebook, or a part of it, in one picture, in a window as high as the notebook
        is long.
        """
        for _ in range(2):  # in another window the texts may take other room
            long = self.page.evaluate("""() => {
                const outer = window.jupyterapp.shell.currentWidget.content.node.querySelector('.jp-WindowedPanel-outer');
                const cells = [...outer.querySelectorAll('.jp-Cell')].map(cell => cell.getBoundingClientRect());
                outer.scrollTop = 0;
                return Math.max(...cells.map(c => c.bottom)) - Math.min(...cells.map(c => c.top));
            }""")
            self.page.set_viewport_size({"width": WIDTH, "height": min(int(long) + 200, TALLEST)})
            self.settle()
        outer = self.panel.locator(".jp-WindowedPanel-outer")
        # one that is too long for a picture goes into several
        for part in range(1 if of else -(-int(long) // TALLEST)):
            outer.evaluate("(e, top) => { e.scrollTop = top; }", part * (TALLEST - 200))
            (of or self.panel).screenshot(
                path=path.with_stem(f"{path.stem}.{part + 1}") if part else path
            )
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        self.settle()

    def close(self):
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        super().close()


@pytest.fixture(scope="module")
def notebook(request, browser, lab, folder, pytestconfig):
    """The notebook that a test names, opened and run once for all tests of it.

    One kernel at a time.
    """
    opened = Notebook(browser, *lab, request.param)
    told = pytestconfig.stash[TIMINGS]
    told.append(opened.seconds)
    (folder / "timings.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    yield opened
    opened.close()
