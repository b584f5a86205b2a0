"""Pointing at gripper and place in pictures, in a real browser against a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from data.catalog.catalog import Catalog
from data.cells.robots import Robot, register_robot
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import save_episodes
from data.labels.labels import Label, append_labels
from data.labels.sightings import read_sightings
from data.workspace import Workspace

pytestmark = pytest.mark.browser
NOW_NS = 1_790_000_000_000_000_000
CLIPS = 3


def _fill(workspace: Workspace) -> None:
    """Clips of a robot with real cameras."""
    catalog = Catalog(workspace)
    register_robot(
        catalog, Robot(name="cell-a", kind="hardware", cameras=dict.fromkeys(CAMERAS, "0"))
    )
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, encode_jpeg(np.full((256, 320, 3), 128, dtype=np.uint8))),
        timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS),
    )
    infos = [
        EpisodeInfo(
            episode_id=f"clip-{number}",
            robot="cell-a",
            kind="clip",
            behaviour="person",
            task="lift-any",
            outcome="success",
            pair_id=f"pair-{number}",
            recorded_at_ns=NOW_NS + number,
            step_count=3,
        )
        for number in range(CLIPS)
    ]
    save_episodes(catalog, [Episode(info=info, steps=(Step(frames=frames),) * 3) for info in infos])
    append_labels(
        catalog,
        [
            Label(
                label_id=info.episode_id, episode_id=info.episode_id, frame_index=None,
                task="lift-any", outcome="success", by="ana", source="clip", at_ns=NOW_NS,
            )
            for info in infos
        ],
    )  # fmt: skip


def _picture(views: Locator, camera: str) -> Locator:
    return views.locator(f'figure[data-camera="{camera}"] .picture')


def _click(views: Locator, camera: str, x: float, y: float) -> None:
    picture = _picture(views, camera)
    expect(picture.locator("img")).to_have_js_property("complete", True)
    box = picture.bounding_box()
    assert box is not None
    picture.click(position={"x": x * box["width"], "y": y * box["height"]})


def test_a_person_points_in_three_views_and_goes_back(
    workspace: Workspace, serve: Callable[..., Any], page: Page
) -> None:
    _fill(workspace)
    page.goto(f"{serve().url}/robots")
    page.get_by_role("tab", name="Show where the gripper is").click()
    views = page.get_by_test_id("goalpost-pointing")
    expect(page.get_by_text("the middle of the place where objects are put down")).to_be_visible()
    _click(views, "over_shoulder", 0.25, 0.5)
    _click(views, "right", 0.5, 0.75)
    views.get_by_role("button", name="Left: not to be seen").click()

    expect(page.get_by_text("the tips of the gripper's fingers")).to_be_visible()
    expect(views).to_have_attribute("data-picture", "clip-2|1|gripper")
    _click(views, "over_shoulder", 0.1, 0.2)
    # Without a mouse: two steps to the right of the middle, five up.
    left = _picture(views, "left")
    expect(left).to_be_focused()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(_picture(views, "right")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Gripper shown in 1 of 30 pictures")).to_be_visible()
    expect(views).to_have_attribute("data-picture", "clip-1|1|gripper")

    sightings = read_sightings(workspace)
    found = {(each.mark, each.camera): each.position for each in sightings}
    assert len(found) == len(sightings) == 6
    assert {(each.robot, each.by) for each in sightings} == {("cell-a", "someone")}
    assert found["place", "over_shoulder"] == pytest.approx((0.25, 0.5), abs=0.01)
    assert found["place", "right"] == pytest.approx((0.5, 0.75), abs=0.01)
    assert found["place", "left"] is None
    assert found["gripper", "over_shoulder"] == pytest.approx((0.1, 0.2), abs=0.01)
    assert found["gripper", "left"] == pytest.approx((0.52, 0.45), abs=0.001)
    assert found["gripper", "right"] == (0.5, 0.5)

    page.get_by_role("button", name="Back").click()
    expect(views).to_have_attribute("data-picture", "clip-2|1|gripper")
    _click(views, "left", 0.75, 0.25)
    expect(views).to_have_attribute("data-picture", "clip-1|1|gripper")
    again = {(each.mark, each.camera): each.position for each in read_sightings(workspace)}
    assert again["gripper", "left"] == pytest.approx((0.75, 0.25), abs=0.01)
    assert again["gripper", "right"] == (0.5, 0.5)
