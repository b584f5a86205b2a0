"""The app as `goalpost up` serves it, and the Chromium that looks at it, for what is measured."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, sync_playwright

START_S = 120.0
_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def served(root: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve the workspace at `root`: the app's address, and the process of its web server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    goalpost = subprocess.Popen(
        [
            *(Path(sys.executable).with_name("goalpost"), "up"),
            *("--workspace", str(root), "--port", str(port)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        [server] = psutil.Process(goalpost.pid).children()
        yield url, server
    finally:
        goalpost.terminate()  # SIGINT is ignored by what a shell runs in the background
        goalpost.wait(60)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


def _wait_for(url: str) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit("The app did not start.")
