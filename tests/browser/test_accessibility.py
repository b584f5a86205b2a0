"""No page has a serious fault for those who see badly or use no mouse, in light and in dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.pages import PAGES
from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import save_episodes
from data.labels.labels import Label, append_labels
from data.recording.journal import Journal, JournalHeader
from data.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
NOW_NS = 1_790_000_000_000_000_000
_GRAVE = {"serious", "critical"}


def _fill(workspace: Workspace) -> None:
    """A pair of clips, two episodes of a robot that wait for a label, a recording cut short."""
    catalog = Catalog(workspace)
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, encode_jpeg(np.full((64, 80, 3), 128, dtype=np.uint8))),
        timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS),
    )
    known: list[dict[str, Any]] = [
        {"kind": "clip", "behaviour": "person", "outcome": outcome, "pair_id": "pair"}
        for outcome in ("success", "failure")
    ] + [{"kind": "robot", "behaviour": "scripted-pick"}] * 2
    infos = [
        EpisodeInfo(
            episode_id=f"episode-{number}",
            robot="robot-1",
            task="lift-any",
            recorded_at_ns=NOW_NS + number,
            step_count=2,
            **each,
        )
        for number, each in enumerate(known)
    ]
    save_episodes(catalog, [Episode(info=info, steps=(Step(frames=frames),) * 2) for info in infos])
    append_labels(
        catalog,
        [
            Label(
                label_id=info.episode_id,
                episode_id=info.episode_id,
                frame_index=None,
                task="lift-any",
                outcome=info.outcome or "unsure",
                by="ana",
                source="clip",
                at_ns=NOW_NS,
            )
            for info in infos[:2]
        ],
    )
    header = JournalHeader(
        recording_id="cut-short",
        robot="robot-1",
        behaviour="person",
        task="lift-any",
        outcome="success",
        pair_id=None,
        by="ana",
        started_at_ns=NOW_NS,
    )
    Journal(workspace, header).close()


def _settled(page: Page) -> None:
    expect(page.get_by_test_id("stHeading").first).to_be_visible(timeout=120_000)
    page.locator('[data-test-script-state="notRunning"]').wait_for(timeout=120_000)
    page.wait_for_timeout(1000)
    # What is being drawn anew is pale for a moment.
    expect(page.locator('[data-stale="true"]')).to_have_count(0, timeout=120_000)


def _faults(page: Page, part: str | None = None) -> list[str]:
    found = Axe().run(page, context=part).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]}"
        for fault in found
        if fault["impact"] in _GRAVE
        for node in fault["nodes"]
    ]


def _open_scene_panel(page: Page) -> None:
    page.get_by_role("button", name="Arrange the scene by hand").click()
    for field, kind, more in (
        ("In the gripper", "carrot", "How it is held"),
        ("Laid down", "milk", "Where it lies"),
    ):
        page.get_by_role("combobox", name=field).fill(kind)
        page.keyboard.press("Enter")
        expect(page.get_by_role("combobox", name=more)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Set the scene up like this")).to_be_visible()


def _begin_tour(page: Page) -> None:
    page.get_by_role("button", name="Take the tour").click()
    expect(page.get_by_role("button", name="End the tour")).to_be_visible(timeout=60_000)


def _show_grid(page: Page) -> None:
    page.get_by_text("Grid", exact=True).click()
    grid = page.get_by_test_id("goalpost-gallery")
    expect(grid.get_by_role("article").first).to_be_visible(timeout=60_000)


def _show_keys(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("region", name="Keys")).to_be_visible()


OPENED: dict[str, tuple[Callable[[Page], None], ...]] = {
    "home": (_begin_tour,),
    "record": (_open_scene_panel,),
    "label": (_show_keys, _show_grid, _show_keys),
}
"""What is not there at first, in the order in which it is opened."""


@pytest.mark.parametrize("look", ["light", "dark"])
def test_no_page_has_a_serious_fault(
    workspace: Workspace, serve: Callable[..., Any], browser: Browser, look: Any
) -> None:
    _fill(workspace)
    app = serve()
    url = app.url
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=look)
    page = context.new_page()
    faults: dict[str, list[str]] = {}
    for spec in PAGES:
        page.goto(f"{url}/{'' if spec.name == 'home' else spec.name}")
        _settled(page)
        if spec.name == "record":
            expect(page.locator('[data-testid="goalpost-preview"]')).to_contain_text(
                "Live", timeout=120_000
            )
        faults[spec.name] = _faults(page)
        for number, show in enumerate(OPENED.get(spec.name, ()), 1):
            show(page)
            page.wait_for_timeout(1000)
            _settled(page)
            faults[f"{spec.name}, step {number}"] = _faults(page)
    page.goto(url)
    expect(page.get_by_text("1 recording on robot-1 was cut short.")).to_be_visible()
    _settled(page)
    app.process.terminate()
    notice = ".goalpost-connection"
    expect(page.locator(notice)).to_be_visible()
    # The notice alone: what cannot be used meanwhile is pale on purpose.
    faults["the notice that the app is away"] = _faults(page, notice)
    context.close()
    assert not any(faults.values()), faults


def test_every_page_is_reached_by_the_menu(serve: Callable[..., Any], page: Page) -> None:
    page.goto(serve().url)
    for spec in PAGES:
        page.get_by_test_id("stSidebar").get_by_role("link", name=spec.title, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)
