"""A person who answers in Chromium while the web server is killed under them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from typing import Self

from playwright.sync_api import Locator, sync_playwright

from data.workspace import Workspace

_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
MOST_ANSWERS = 6
_PATIENCE_S = 120.0
_CONFIRMED_S = 600.0
"""So long the server may take to confirm what the browser keeps; what comes later counts as lost,
and as doubled when it comes."""
_WAITING = "Object.keys(localStorage).filter((key) => key.startsWith('goalpost-decisions|')).length"


class AppUnderTest:
    """The app on one workspace, and one browser that stays open through every kill."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stack = ExitStack()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])

    def __enter__(self) -> Self:
        playwright = self._stack.enter_context(sync_playwright())
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        self._stack.callback(browser.close)
        self._page = browser.new_page(viewport={"width": 1280, "height": 900})
        self._serve()
        self._stack.callback(lambda: self._server.kill())
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def answer_and_kill(self, page: str, draw: random.Random) -> list[tuple[str, int | None]]:
        """Give a few answers and kill the server between them; what was answered, in order.

        Returns once the server runs again and has confirmed every answer.
        """
        self._open(page)
        answered = []
        count = draw.randint(2, MOST_ANSWERS)
        fatal = draw.randrange(count + 1)
        for number in range(count):
            if number == fatal:
                self._kill(draw)
            item = self._label() if page == "label" else self._review()
            if item is not None:
                answered.append(item)
            self._page.wait_for_timeout(draw.randint(20, 150))
        if fatal == count:
            self._kill(draw)
        self._server.wait()
        self._serve()
        deadline_s = time.monotonic() + _CONFIRMED_S
        while self._page.evaluate(_WAITING) and time.monotonic() < deadline_s:
            self._page.wait_for_timeout(200)
        return answered

    def _open(self, page: str) -> None:
        # What a detector is least sure of there always is, unlike mistakes.
        shown = {"review": "review?show=least+sure"}.get(page, page)
        address = f"http://127.0.0.1:{self._port}/{shown}"
        self._page.goto(address, timeout=1000 * _PATIENCE_S)
        if page == "review":
            hide = self._page.get_by_test_id("goalpost-gallery").locator(".card").first
        else:
            hide = self._page.get_by_test_id("goalpost-labelling").locator("h3")
        hide.wait_for(timeout=1000 * _PATIENCE_S)

    def _label(self) -> tuple[str, int | None] | None:
        item = self._page.get_by_test_id("goalpost-labelling").get_attribute("data-item")
        if not item:
            return None
        self._page.keyboard.press("1")
        return _episode_and_frame(item)

    def _review(self) -> tuple[str, int | None] | None:
        gallery = self._page.get_by_test_id("goalpost-gallery")
        card: Locator = gallery.locator(".card:has(.choices:not(.answered))").first
        if card.count() == 0:
            return None
        item = str(card.get_attribute("data-item"))
        card.get_by_role("button").first.click()
        return _episode_and_frame(item)

    def _kill(self, draw: random.Random) -> None:
        self._page.wait_for_timeout(draw.randint(0, 300))
        os.kill(self._server.pid, signal.SIGKILL)

    def _serve(self) -> None:
        self._server: subprocess.Popen[bytes] = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", "app/asgi.py"),
                *("--server.port", str(self._port), "--server.headless", "true"),
            ],
            env={**os.environ, "GOALPOST_WORKSPACE": str(self._workspace.root)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline_s:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self._port}/_stcore/health", timeout=2)
                return
            except OSError:
                time.sleep(0.1)


def _episode_and_frame(item: str) -> tuple[str, int | None]:
    episode_id, frame, _ = item.split("|")
    return episode_id, None if frame == "*" else int(frame)
