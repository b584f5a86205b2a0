"""A served app with a workspace of its own, and a Chromium page to drive it with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from data.cells.client import running_hosts, stop_host
from data.workspace import Workspace, open_workspace

ROOT = Path(__file__).parents[2]
START_S = 60.0
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_MOST_TABS = 80
_LOOK = """control => {
    const looks = [];
    for (let each = control; each && looks.length < 4; each = each.parentElement) {
        const { outline, boxShadow, borderColor } = getComputedStyle(each);
        looks.push(`${outline} ${boxShadow} ${borderColor}`);
    }
    return looks.join();
}"""
"""What marks a control, or what it lies in."""
expect.set_options(timeout=60_000)  # Playwright's five seconds are few on a busy machine
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, kw_only=True)
class ServedApp:
    """A running app."""

    url: str
    workspace: Workspace
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        """Where it is served."""
        return int(self.url.rsplit(":", 1)[1])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module.

    Not for the whole session: Playwright keeps an event loop running in this thread, beside which
    no asynchronous test can run.
    """
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail(
            "No Chromium or Chrome is installed, which the browser tests drive. Install one, on "
            "Debian with `apt-get install chromium`, or run `make test`, which does so.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a fresh profile; a script error in it fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, errors


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A new workspace; the cell hosts that a test starts in it are stopped afterwards."""
    workspace = open_workspace(tmp_path / "workspace")
    yield workspace
    for robot in running_hosts(workspace):
        stop_host(workspace, robot)


@pytest.fixture
def serve(workspace: Workspace, tmp_path: Path) -> Iterator[Callable[..., ServedApp]]:
    """Starts the app as `goalpost up` does; call it when the workspace holds what is needed.

    A port may be given, to come back where an app was stopped; further options of Streamlit, and
    more of the environment.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start(
        port: int | None = None,
        *,
        options: Sequence[str] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> ServedApp:
        port = port or _free_port()
        log = (tmp_path / f"app-{port}.log").open("wb")
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "asgi.py")),
                *("--server.port", str(port), *options),
            ],
            cwd=ROOT,
            env={**os.environ, "GOALPOST_WORKSPACE": str(workspace.root), **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        _wait_until_served(url, process, Path(log.name))
        return ServedApp(url=url, workspace=workspace, process=process)

    yield start
    for process in started:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def tab_to() -> Callable[[Locator], None]:
    """Presses Tab until a control has the focus, and sees that it looks so."""

    def go(control: Locator) -> None:
        expect(control).to_be_visible(timeout=60_000)
        before = control.evaluate(_LOOK)
        for _ in range(_MOST_TABS):
            control.page.keyboard.press("Tab")
            if control.evaluate("each => each.matches(':focus')"):
                break
        expect(control).to_be_focused()
        assert control.evaluate(_LOOK) != before, "nothing shows that it has the focus"

    return go


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Finds a port at which nobody listens."""
    return _free_port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_served(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The app did not start:\n{log.read_text()}", pytrace=False)
