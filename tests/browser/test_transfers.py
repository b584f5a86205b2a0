"""An import in a real browser: how far it is, stopping it, and going on with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from data.catalog.catalog import Catalog
from data.episodes.index import list_episodes
from data.workspace import Workspace

pytestmark = pytest.mark.browser
THEIRS = Path(__file__).parents[1] / "data" / "importers" / "lerobot_v30" / "image"
RUN_MS = 150_000
"""A run has the lowest priority, and its process has a library to load."""
THEIR_CAMERAS = {"over shoulder": "top", "left": "front", "right": "wrist"}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two episodes, of which the first one's second image lies in a file of its own."""
    folder = tmp_path / "theirs"
    shutil.copytree(THEIRS, folder)
    path = folder / "data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    name = "observation.images.top"
    images = table[name].to_pylist()
    (folder / images[1]["path"]).write_bytes(images[1]["bytes"])
    images[1]["bytes"] = None
    column = table.column_names.index(name)
    moved = pa.array(images, table.schema.field(name).type)
    pq.write_table(table.set_column(column, table.schema.field(name), moved), path)
    return folder


@contextmanager
def slow(path: Path) -> Iterator[None]:
    """Whoever reads the file waits until the block ends."""
    content = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    try:
        yield
    finally:
        with suppress(OSError):  # nobody reads it
            pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            os.write(pipe, content)
            os.close(pipe)
        path.unlink()
        path.write_bytes(content)


def test_an_import_says_how_far_it_is_stops_and_goes_on(
    page: Page, serve: Callable[..., Any], workspace: Workspace, dataset: Path
) -> None:
    catalog = Catalog(workspace)
    with slow(dataset / "frame-000001.png"):
        page.goto(f"{serve().url}/transfers")
        _say_what_it_is(page, dataset)
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_text("Importing episode 1 of 2")).to_be_visible(timeout=RUN_MS)
        page.get_by_role("button", name="Cancel this run").click()
        expect(page.get_by_role("button", name="Stopping")).to_be_disabled()
    expect(page.get_by_text("Import: cancelled")).to_be_visible(timeout=RUN_MS)
    assert len(list_episodes(catalog)) == 1
    page.get_by_role("button", name="Go on with it").click()
    expect(page.get_by_text("Imported 1 episode, 5 frames.").last).to_be_visible(timeout=RUN_MS)
    expect(page.get_by_text("1 was there already.").last).to_be_visible()
    assert len(list_episodes(catalog)) == 2


def _say_what_it_is(page: Page, dataset: Path) -> None:
    _type(page, "Where does it lie?", str(dataset))
    _type(page, "Name of the robot whose episodes these become", "lab-arm")
    for ours, theirs in THEIR_CAMERAS.items():
        field = page.get_by_role("combobox", name=f"Our camera {ours} is their")
        field.click()
        option = page.get_by_role("option", name=f"observation.images.{theirs}", exact=True)
        option.click()
        _rest(page)


def _type(page: Page, label: str, text: str) -> None:
    field = page.get_by_role("textbox", name=label)
    field.fill(text)
    field.press("Enter")
    _rest(page)


def _rest(page: Page) -> None:
    """Wait until the page has been drawn anew."""
    page.wait_for_timeout(300)
    page.locator('[data-test-script-state="notRunning"]').wait_for(timeout=60_000)
