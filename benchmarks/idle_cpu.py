"""CPU use of the app while one page is open and nothing happens, as a share of one core.

Run: .venv/bin/python benchmarks/idle_cpu.py [seconds]
Counts the server and, on the pages that show cameras, the cell host; not the browser.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
PAGES = ("", "tasks", "record", "label", "detector", "review", "policy", "robots")
CHROMIUM_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]


def main() -> None:
    """Serve a new workspace, open each page in turn, and print what it costs to leave it open."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = subprocess.Popen(
            [
                *(Path(sys.executable).with_name("goalpost"), "up"),
                *("--workspace", f"{folder}/w", "--port", str(port)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            _measure(server, f"http://127.0.0.1:{port}", folder, seconds)
        finally:
            server.send_signal(2)
            server.wait(30)
    print(
        f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    )


def _measure(server: subprocess.Popen[bytes], url: str, folder: str, seconds: float) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page()
        print("page      server   cell hosts   (% of one core)")
        for name in PAGES:
            _open(page, f"{url}/{name}")
            before = _cpu_seconds(server.pid, folder)
            time.sleep(seconds)
            after = _cpu_seconds(server.pid, folder)
            shares = [100 * (b - a) / seconds for a, b in zip(before, after, strict=True)]
            print(f"{name or 'home':9} {shares[0]:5.1f}    {shares[1]:5.1f}", flush=True)
        browser.close()


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("heading", level=1).first.wait_for()
    page.wait_for_timeout(5000)


def _cpu_seconds(pid: int, folder: str) -> tuple[float, float]:
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    hosts = [
        each for each in psutil.process_iter(["cmdline"])
        if "data.cells.host" in (each.info["cmdline"] or []) and folder in str(each.info["cmdline"])
    ]  # fmt: skip
    served = [each for each in family if each not in hosts]
    return sum(map(_seconds, served)), sum(map(_seconds, hosts))


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _wait_for(port: int) -> None:
    for _ in range(150):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit("The app did not start.")


if __name__ == "__main__":
    main()
