"""How long each step of the first-run tour takes somebody who does as its texts say.

    python -m benchmarks.tour_pace

A scripted person walks the tour in Chromium on a new workspace: they take time to read each step,
record clips of a few seconds, let the robots try, look at four pictures, and train a first
detector. Writes `benchmarks/results/tour_pace.json`; the texts of `app/tour.py` round it up.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from pathlib import Path

import click
from playwright.sync_api import Page

from benchmarks.provenance import provenance
from benchmarks.served_app import chromium, served
from data.cells.client import running_hosts, stop_host
from data.storage import write_atomically
from data.workspace import open_workspace

RESULTS = Path("benchmarks/results/tour_pace.json")
READ_S = 5.0
"""Time to read what a step says."""
CLIP_S = 8.0
LOOK_S = 2.0
"""Time to look at a picture before answering."""
ANSWERS = "1010"
PATIENCE_MS = 600_000


def walk(page: Page, url: str) -> dict[str, float]:
    """What each step took, by its number [s]; the waits for robots and training included."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.get_by_role("button", name="Take the tour").click()
    took_s: dict[str, float] = {}
    for number, step in enumerate((_pair, _second_pair, _collect, _label, _train), 1):
        page.get_by_text(re.compile(rf"^Step {number} of 5")).wait_for()
        began_s = time.monotonic()
        page.wait_for_timeout(1000 * READ_S)
        step(page)
        told = f"^Step {number + 1} of 5" if number < 5 else "^The tour is done"
        page.get_by_text(re.compile(told)).wait_for()
        took_s[f"step_{number}_s"] = round(time.monotonic() - began_s, 1)
        click.echo(f"step {number}: {took_s[f'step_{number}_s']} s")
    return took_s


def _pair(page: Page) -> None:
    page.get_by_role("link", name="Go to Record").click()
    _record(page)


def _second_pair(page: Page) -> None:
    page.get_by_role("button", name="Go on with robot-2").click()
    page.wait_for_url("**record-robot=robot-2**")
    page.wait_for_timeout(1000)  # the page begins to start the cameras
    page.locator('[data-test-script-state="notRunning"]').wait_for()
    _record(page)


def _record(page: Page) -> None:
    for outcome in ("success", "failure"):
        page.locator('.desk[data-look="ready"] .what', has_text=f"how {outcome} of").wait_for()
        page.keyboard.press("Space")
        page.locator('.desk[data-look="recording"]').wait_for()
        page.wait_for_timeout(1000 * CLIP_S)
        page.keyboard.press("Space")
        page.get_by_text(f"Saved {outcome}:").wait_for()


def _collect(page: Page) -> None:
    page.get_by_role("link", name="Go to Policy").click()
    page.get_by_role("button", name="Collect episodes", exact=True).click()


def _label(page: Page) -> None:
    page.get_by_role("link", name="Go to Label").click()
    page.get_by_test_id("goalpost-labelling").locator("h3").wait_for()
    for key in ANSWERS:
        page.wait_for_timeout(1000 * LOOK_S)
        page.keyboard.press(key)


def _train(page: Page) -> None:
    page.get_by_role("link", name="Go to Detector").click()
    page.get_by_role("combobox", name="Recipe").click()
    page.get_by_role("option", name=re.compile("^smoke")).click()
    page.get_by_text("It takes seconds to a minute").wait_for()
    page.get_by_role("button", name="Train the detector").click()


@click.command()
def main() -> None:
    """Walk the tour once, and write what each step took."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        try:
            with served(workspace.root) as (url, _), chromium() as browser:
                took_s = walk(browser.new_page(viewport={"width": 1280, "height": 900}), url)
        finally:
            for robot in running_hosts(workspace):
                stop_host(workspace, robot)
    result = {**took_s, "all_s": round(sum(took_s.values()), 1), "provenance": provenance()}
    write_atomically(RESULTS, json.dumps(result, indent=2).encode() + b"\n")
    click.echo(json.dumps(result))


if __name__ == "__main__":
    main()
