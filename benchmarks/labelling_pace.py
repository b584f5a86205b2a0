"""How many labels an hour one person gives, how long they wait for pictures, and what is lost.

    python -m benchmarks.labelling_pace [--labels 100] [--episodes 10000] [--seed 0]

A scripted person labels by keyboard in Chromium. They look at every picture for a time drawn at
random, are now and then unsure, and take one answer in twenty back and give the other. They do so
three times: with nothing else the matter, while the web server stands still for two seconds of
every six, and with a tab that they close right after every tenth answer. Then every answer is
looked for in the log of labels. Writes `benchmarks/results/labelling_pace.json`.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil
from playwright.sync_api import BrowserContext, Page

from benchmarks.provenance import provenance
from benchmarks.served_app import chromium, served
from benchmarks.workspaces import make_workspace
from data.catalog.catalog import rebuild
from data.labels import log as label_log
from data.storage import write_atomically
from data.workspace import Workspace

RESULTS = Path("benchmarks/results/labelling_pace.json")
LOOK_MEDIAN_S = 1.5
LOOK_SIGMA = 0.4
"""A look lasts LOOK_MEDIAN_S times exp(LOOK_SIGMA z), z normal."""
UNSURE_EVERY = 15
UNDONE_EVERY = 20
CLOSED_EVERY = 10
STILL_S, MOVING_S = 2.0, 4.0
PATIENCE_MS = 120_000
KEYS = {"success": "1", "failure": "0", "unsure": "u"}

_TIME_ANSWERS = """(root) => {
  window.waits = [];
  document.addEventListener("keydown", async ({ key, timeStamp }) => {
    if (!"10u".includes(key)) return;
    const before = root.dataset.item;
    while (!root.dataset.item || root.dataset.item === before)
      await new Promise(requestAnimationFrame);
    await Promise.all([...root.querySelectorAll("figure img:not(.unseen)")].map((image) =>
      image.decode()));
    await new Promise(requestAnimationFrame);
    window.waits.push((performance.now() - timeStamp) / 1000);
  }, true);
}"""
"""From the key until the next picture is drawn, in seconds."""
_TAKE_WAITS = "window.waits.splice(0)"
_UNSENT = "Object.keys(localStorage).filter((key) => key.startsWith('goalpost-decisions|')).length"


class Person:
    """Somebody who labels, and what they remember to have answered."""

    def __init__(self, context: BrowserContext, url: str, draw: random.Random) -> None:
        self.answers: list[tuple[str, str]] = []
        """Item and outcome, in order; what was taken back is not among them."""
        self.undone = 0
        self._context = context
        self._url = url
        self._draw = draw
        self._page: Page | None = None

    def label(self, count: int, *, closing: bool = False) -> dict[str, Any]:
        """Answer `count` questions; how fast, and the waits [s] between key and next picture."""
        page = self._open()
        waits: list[float] = []
        began_s = time.monotonic()
        for number in range(1, count + 1):
            self._answer(page, number)
            if closing and number % CLOSED_EVERY == 0:
                waits += page.evaluate(_TAKE_WAITS)
                page.close()
                page = self._open()
        elapsed_s = time.monotonic() - began_s
        page.wait_for_timeout(1000)
        waits += page.evaluate(_TAKE_WAITS)
        return {
            "labels": count,
            "labels_per_hour": round(3600 * count / elapsed_s),
            "key_to_picture_median_s": round(float(np.median(waits)), 4),
            "key_to_picture_p95_s": round(float(np.percentile(waits, 95)), 4),
            "key_to_picture_max_s": round(max(waits), 4),
        }

    def wait_until_sent(self) -> None:
        """Until the browser holds no answer that is not saved."""
        page = self._open()
        deadline_s = time.monotonic() + PATIENCE_MS / 1000
        while page.evaluate(_UNSENT) and time.monotonic() < deadline_s:
            page.wait_for_timeout(500)

    def _open(self) -> Page:
        if self._page is None or self._page.is_closed():
            self._page = self._context.new_page()
            self._page.goto(f"{self._url}/label")
            widget = self._page.get_by_test_id("goalpost-labelling")
            widget.locator("h3").wait_for(timeout=PATIENCE_MS)
            widget.evaluate(_TIME_ANSWERS)
        return self._page

    def _answer(self, page: Page, number: int) -> None:
        self._look(page)
        item = self._item(page)
        outcome = self._draw.choice(["success", "failure"])
        if number % UNDONE_EVERY == 0:
            page.keyboard.press(KEYS[outcome])
            self._look(page)
            page.keyboard.press("z")
            self.undone += 1
            self._look(page)
            item = self._item(page)
            outcome = "failure" if outcome == "success" else "success"
        elif number % UNSURE_EVERY == 0:
            outcome = "unsure"
        page.keyboard.press(KEYS[outcome])
        self.answers.append((item, outcome))

    def _look(self, page: Page) -> None:
        page.wait_for_timeout(1000 * LOOK_MEDIAN_S * self._draw.lognormvariate(0.0, LOOK_SIGMA))

    def _item(self, page: Page) -> str:
        asked = page.locator('[data-testid="goalpost-labelling"]:not([data-item=""])')
        asked.wait_for(timeout=PATIENCE_MS)
        return str(asked.get_attribute("data-item"))


@contextmanager
def halting(server: psutil.Process) -> Iterator[None]:
    """Let the server stand still again and again."""
    ended = threading.Event()

    def halt() -> None:
        while not ended.wait(MOVING_S):
            server.suspend()
            ended.wait(STILL_S)
            server.resume()

    thread = threading.Thread(target=halt)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def counted(workspace: Workspace, since_bytes: int, person: Person) -> dict[str, int]:
    """What the log holds beside what the person answered."""
    found = label_log.read(workspace.labels_path, start_bytes=since_bytes).labels
    undone = {event.retracts for _, event in found if event.retracts is not None}
    made = Counter(
        (f"{label.episode_id}|{label.frame_index}|{label.task}", str(label.outcome))
        for _, label in found
        if label.retracts is None and label.label_id not in undone
    )
    expected = Counter(person.answers)
    return {
        "answers": len(person.answers),
        "answers_taken_back": person.undone,
        "lost": (expected - made).total(),
        "doubled": (made - expected).total(),
        "lost_undos": person.undone - len(undone),
    }


@click.command()
@click.option("--labels", default=100, show_default=True, help="Answers a part.")
@click.option("--episodes", default=10_000, show_default=True, help="Size of the workspace.")
@click.option("--seed", default=0, show_default=True)
def main(labels: int, episodes: int, seed: int) -> None:
    """Label at human pace, and count."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder) / "workspace", episodes, seed=seed)
        rebuild(workspace)
        since_bytes = workspace.labels_path.stat().st_size
        with served(workspace.root) as (url, server), chromium() as browser:
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            person = Person(context, url, random.Random(seed))
            parts = {"undisturbed": person.label(labels)}
            with halting(server):
                parts["server_stands_still"] = person.label(labels)
            parts["closed_tabs"] = person.label(labels, closing=True)
            person.wait_until_sent()
        result = {"episodes": episodes, "parts": parts} | counted(workspace, since_bytes, person)
    result |= {"look_median_s": LOOK_MEDIAN_S, "look_sigma": LOOK_SIGMA} | provenance()
    result["load"] = round(os.getloadavg()[1], 1)
    write_atomically(RESULTS, json.dumps(result, indent=1).encode() + b"\n")
    click.echo(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
