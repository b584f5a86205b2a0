"""The live preview and recording, in a real browser with a real cell host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from data.catalog.catalog import Catalog
from data.cells.calibration import project, projections_of
from data.cells.client import stop_host
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.layout import SECTIONS
from data.episodes.index import list_episodes
from data.workspace import Workspace

pytestmark = pytest.mark.browser
PREVIEW = '[data-testid="goalpost-preview"]'


def _frames_shown(page: Page) -> int:
    return int(page.locator(PREVIEW).get_attribute("data-shown") or 0)


def test_frames_arrive_while_recording_and_age_when_the_host_stops(
    workspace: Workspace,
    serve: Callable[..., Any],
    page: Page,
    tab_to: Callable[[Locator], None],
) -> None:
    """Without a mouse."""
    page.goto(serve().url)
    tab_to(page.get_by_test_id("stSidebar").get_by_role("link", name="Record", exact=True))
    page.keyboard.press("Enter")
    preview = page.locator(PREVIEW)
    expect(preview).to_contain_text("Live", timeout=60_000)
    for image in preview.locator("img").all():
        assert image.evaluate("image => image.naturalWidth") > 0

    # The space bar starts after a countdown, which another press cancels; typing starts nothing.
    desk = preview.get_by_role("region", name="Recording")
    expect(desk).to_contain_text("Ready")
    # Also from the link that led here, and from the list in which something was just chosen.
    task = page.get_by_role("combobox", name="Task", exact=True)
    for came_from in ("the menu", "a choice"):
        if came_from == "a choice":
            tab_to(task)
            page.keyboard.type("lift-any")
            page.keyboard.press("Enter")
        page.keyboard.press("Space")
        expect(desk).to_have_attribute("data-look", "counting")
        page.keyboard.press("Space")
        expect(desk).to_have_attribute("data-look", "ready")
    expect(task).to_have_value("lift-any")
    tab_to(page.get_by_role("textbox", name="Your name"))
    page.keyboard.type("ana maria")
    page.keyboard.press("Enter")
    tab_to(desk.get_by_role("combobox", name="Countdown"))
    page.keyboard.press("Home")  # the first choice: none
    page.keyboard.press("Shift+Tab")
    expect(desk.get_by_role("button", name="Record success")).to_be_focused()
    page.keyboard.press("Space")
    expect(preview).to_contain_text("Recording 0:", timeout=30_000)
    expect(desk).to_have_attribute("data-look", "recording")
    before = _frames_shown(page)
    page.wait_for_timeout(3000)
    assert _frames_shown(page) >= before + 10, "five frames a second are recorded"
    page.keyboard.press("Space")
    expect(page.get_by_text("Saved success")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Step 2 of 2: show failure of lift-any")).to_be_visible()
    [clip] = list_episodes(Catalog(workspace), kind="clip")
    assert (clip.info.task, clip.info.outcome, clip.info.robot) == (
        "lift-any", "success", "robot-1",
    )  # fmt: skip
    assert clip.info.step_count >= 10

    expect(preview).to_contain_text("Live")
    shown = _frames_shown(page)
    page.wait_for_timeout(3000)
    assert _frames_shown(page) <= shown + 1, "nothing is sent while the scene rests"

    stop_host(workspace, "robot-1")
    expect(preview).to_contain_text("s old", timeout=15_000)
    expect(preview).to_contain_text("is not running")


def test_an_object_is_laid_down_where_one_clicks(serve: Callable[..., Any], page: Page) -> None:
    page.goto(f"{serve().url}/record?record-robot=robot-1&record-task=place-top-left")
    preview = page.locator(PREVIEW)
    expect(preview).to_contain_text("Live", timeout=60_000)
    page.get_by_role("button", name="Arrange the scene by hand").click()
    for label, choice in (("Laid down", "can"), ("Where it lies", "where I click in the picture")):
        field = page.get_by_role("combobox", name=label)
        expect(field).to_have_count(1)
        field.click()
        page.get_by_role("option", name=choice, exact=True).click()
    over_shoulder = preview.locator('figure[data-camera="over_shoulder"]')
    expect(over_shoulder).to_contain_text("click where it shall lie")
    page.keyboard.press("Escape")  # the panel may lie over the picture
    section = SECTIONS["top-left"]
    [(x, y)] = project(
        projections_of(SIMULATED_FLEET[0])["over_shoulder"],
        np.array([[section.x_m, section.y_m, 0.0]]),
    )
    picture = over_shoulder.locator("img")
    box = picture.bounding_box()
    assert box is not None
    picture.click(position={"x": x * box["width"], "y": y * box["height"]})
    expect(page.get_by_text("The scene shows success of place-top-left")).to_be_visible(
        timeout=30_000
    )
