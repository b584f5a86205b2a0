"""Labelling by keyboard, in a real browser against a real server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import save_episodes
from data.labels.labels import Label, label_history, standing_labels
from data.workspace import Workspace

pytestmark = pytest.mark.browser
EPISODES = 40
NOW_NS = 1_790_000_000_000_000_000
WIDGET = '[data-testid="goalpost-labelling"]'


def _fill(workspace: Workspace) -> None:
    """Robot episodes of one frame each, every picture in a colour of its own."""
    episodes = []
    for number in range(EPISODES):
        colour = np.full((64, 80, 3), (6 * number, 128, 255 - 6 * number), dtype=np.uint8)
        frames = EncodedFrameSet(
            jpegs=dict.fromkeys(CAMERAS, encode_jpeg(colour)),
            timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS + number),
        )
        info = EpisodeInfo(
            episode_id=f"episode-{number:02d}",
            robot="robot-1",
            kind="robot",
            behaviour="scripted-pick",
            task="lift-any",
            recorded_at_ns=NOW_NS + number,
            step_count=1,
        )
        episodes.append(Episode(info=info, steps=(Step(frames=frames, done=True),)))
    save_episodes(Catalog(workspace), episodes)


def _labels(workspace: Workspace, expected: int, *, wait_s: float = 60.0) -> list[Label]:
    deadline_s = time.monotonic() + wait_s
    labels = standing_labels(Catalog(workspace))
    while len(labels) != expected and time.monotonic() < deadline_s:
        time.sleep(0.2)
        labels = standing_labels(Catalog(workspace))
    assert len(labels) == expected
    return labels


def test_every_press_is_one_label(
    workspace: Workspace,
    serve: Callable[..., Any],
    page: Page,
    tab_to: Callable[[Locator], None],
) -> None:
    """Without a mouse."""
    _fill(workspace)
    page.goto(serve().url)
    tab_to(page.get_by_test_id("stSidebar").get_by_role("link", name="Label", exact=True))
    page.keyboard.press("Enter")
    widget = page.locator(WIDGET)
    expect(widget.get_by_role("heading", name="Success at lift-any?")).to_be_visible(timeout=60_000)

    # Twenty presses, faster than the page can run: newest first, success and failure in turn.
    for number in range(20):
        page.keyboard.press("1" if number % 2 == 0 else "0")
        page.wait_for_timeout(60)
    labels = {label.episode_id: label for label in _labels(workspace, 20)}
    for number in range(20):
        label = labels[f"episode-{EPISODES - 1 - number:02d}"]
        assert label.outcome == ("success" if number % 2 == 0 else "failure")
        assert (label.frame_index, label.by, label.source) == (0, "someone", "person")

    # Undo takes back the last one and shows its picture again; answered anew, it stands.
    page.keyboard.press("z")
    assert widget.get_attribute("data-item") == "episode-20|0|lift-any"
    _labels(workspace, 19)
    page.keyboard.press("1")
    labels = {label.episode_id: label for label in _labels(workspace, 20)}
    assert labels["episode-20"].outcome == "success"

    # A key held down is one press; a skipped picture and a key typed into a field are none.
    page.keyboard.down("1")
    page.keyboard.down("1")
    page.keyboard.down("1")
    page.keyboard.up("1")
    page.keyboard.press("s")
    tab_to(page.get_by_role("textbox", name="Your name"))
    page.keyboard.type("ana 1001")
    page.keyboard.press("Enter")
    _labels(workspace, 21)
    expect(widget).to_have_attribute("data-by", "ana 1001", timeout=60_000)
    tab_to(widget.get_by_role("button", name="Failure"))
    page.keyboard.press("Enter")
    _labels(workspace, 22)
    newest = label_history(Catalog(workspace), limit=1)[0]
    assert (newest.by, newest.outcome, newest.episode_id) == ("ana 1001", "failure", "episode-17")


def test_answers_wait_in_the_browser_while_the_server_is_away(
    workspace: Workspace, serve: Callable[..., Any], page: Page
) -> None:
    _fill(workspace)
    app = serve()
    page.goto(f"{app.url}/label")
    expect(page.locator(WIDGET).get_by_role("heading")).to_be_visible(timeout=60_000)
    app.process.terminate()
    app.process.wait()
    for number in range(5):
        page.keyboard.press("1")
        page.wait_for_timeout(60)
        if number == 2:  # it is told, and nothing lies over the page, where keys would do nothing
            notice = page.locator(".goalpost-connection")
            expect(notice).to_contain_text("What was recorded and labelled is safe")
            page.wait_for_timeout(3000)  # by then Streamlit's own dialog has come
            expect(page.get_by_role("dialog")).to_have_count(0)
    kept = page.evaluate("Object.values(localStorage).filter((text) => text.includes('success'))")
    assert len(kept) == 5
    given_ns = time.time_ns()
    assert standing_labels(Catalog(workspace)) == []
    context = page.context
    page.close()  # what was not sent outlives the tab
    serve(app.port)
    time.sleep(1.0)
    context.new_page().goto(f"{app.url}/label")
    labels = _labels(workspace, 5)
    assert all(label.at_ns < given_ns for label in labels)
    assert {label.episode_id for label in labels} == {f"episode-{n}" for n in range(35, 40)}


def test_a_dropped_connection_is_said_and_loses_and_doubles_nothing(
    workspace: Workspace, serve: Callable[..., Any], page: Page
) -> None:
    _fill(workspace)
    page.goto(f"{serve().url}/label")
    widget = page.locator(WIDGET)
    expect(widget.get_by_role("heading")).to_be_visible(timeout=60_000)
    page.keyboard.press("1")
    _labels(workspace, 1)
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('goalpost-decisions|')).length"
    page.wait_for_function(f"{kept} === 0")
    page.context.set_offline(True)
    for answer in ("0", "1", "z", "0"):
        page.keyboard.press(answer)
    told = widget.get_by_role("alert")
    expect(told).to_contain_text("This computer is offline: 4 answers are not saved yet.")
    page.context.set_offline(False)
    page.wait_for_function(f"{kept} === 0", timeout=60_000)
    expect(told).to_be_hidden()
    labels = standing_labels(Catalog(workspace))
    assert {label.episode_id: label.outcome for label in labels} == {
        "episode-39": "success",
        "episode-38": "failure",
        "episode-37": "failure",
    }
    assert len(label_history(Catalog(workspace))) == 5  # each press once, the one taken back too


def test_an_answer_that_cannot_be_saved_is_set_aside_and_mended(
    workspace: Workspace, serve: Callable[..., Any], page: Page
) -> None:
    _fill(workspace)
    page.goto(f"{serve().url}/label")
    widget = page.locator(WIDGET)
    expect(widget.get_by_role("heading")).to_be_visible(timeout=60_000)
    page.keyboard.press("1")
    _labels(workspace, 1)
    # Answers to a picture that is gone, as after the removal of its shard.
    page.evaluate(
        """() => {
            const entry = { client: "0123456789abcdef", n: 1, item: "gone|0|lift-any",
                            answer: "failure", at: Date.now() };
            localStorage.setItem("goalpost-decisions|labelling|someone|0123456789abcdef:1",
                                 JSON.stringify(entry));
        }"""
    )
    page.reload()
    expect(widget.get_by_text("could not be saved")).to_be_visible(timeout=60_000)
    page.keyboard.press("0")
    _labels(workspace, 2)
    widget.get_by_role("button", name="Forget it").click()
    expect(widget.get_by_text("could not be saved")).to_have_count(0)


def test_one_picture_is_judged_for_several_tasks(
    workspace: Workspace, serve: Callable[..., Any], page: Page
) -> None:
    _fill(workspace)
    page.goto(f"{serve().url}/label")
    widget = page.locator(WIDGET)
    expect(widget.get_by_role("heading", name="Success at lift-any?")).to_be_visible(timeout=60_000)
    field = page.get_by_role("combobox", name="Ask me about")
    for task in ("lift-carrot", "lift-can"):
        field.click()
        field.type(task)
        field.press("Enter")
        page.wait_for_timeout(500)
    field.press("Escape")
    page.mouse.click(700, 50)
    page.locator('[data-testid="stPopover"] button').first.click()
    page.get_by_text("Judge each picture for all chosen tasks").click()
    page.keyboard.press("Escape")
    rows = widget.get_by_role("list", name="Tasks").get_by_role("listitem")
    expect(rows).to_have_text(["lift-anyopen", "lift-carrotopen", "lift-canopen"], timeout=60_000)

    # Success of one task settles the picture: the others follow from it and are not asked.
    first = widget.get_attribute("data-item")
    page.keyboard.press("ArrowDown")
    expect(widget.get_by_role("heading", name="Success at lift-carrot?")).to_be_visible(
        timeout=60_000
    )
    page.keyboard.press("1")
    expect(widget.get_by_role("status").first).to_contain_text(
        "So also success of lift-any", timeout=60_000
    )
    assert str(widget.get_attribute("data-item")).split("|")[0] != str(first).split("|")[0]

    # A failure leaves the others open; what is open fails together, by as few labels as will do.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("0")
    expect(rows.nth(1)).to_have_text("lift-carrotfailure", timeout=60_000)
    page.keyboard.press("n")
    by_episode: dict[str, list[tuple[str, str]]] = {}
    for label in _labels(workspace, 3):
        by_episode.setdefault(label.episode_id, []).append((label.task, label.outcome))
    assert by_episode == {
        "episode-39": [("lift-carrot", "success")],
        "episode-38": [("lift-carrot", "failure"), ("lift-any", "failure")],
    }

    # Undo goes back one press; keys can be changed, and another's key is refused.
    page.keyboard.press("z")
    expect(rows).to_have_text(["lift-anyopen", "lift-carrotfailure", "lift-canopen"])
    page.keyboard.press("?")
    keys = widget.get_by_role("region", name="Keys")
    keys.get_by_role("button", name="Success: 1. Change it").click()
    page.keyboard.press("0")
    expect(keys.get_by_role("status")).to_contain_text("is for “Failure” already")
    keys.get_by_role("button", name="Success: 1. Change it").click()
    page.keyboard.press("j")
    page.keyboard.press("?")
    page.keyboard.press("j")
    expect(widget.get_by_role("status").first).to_contain_text("Answered success at lift-can")
    page.keyboard.press("p")
    expect(widget.get_by_text("frame 1 of 1")).to_be_visible(timeout=60_000)


def test_a_whole_selection_of_the_grid_gets_one_answer(
    workspace: Workspace, serve: Callable[..., Any], page: Page
) -> None:
    _fill(workspace)
    page.goto(f"{serve().url}/label")
    expect(page.locator(WIDGET).get_by_role("heading")).to_be_visible(timeout=60_000)
    page.get_by_text("Grid", exact=True).click()
    grid = page.locator('[data-testid="goalpost-gallery"]')
    expect(grid.get_by_role("article")).to_have_count(24, timeout=60_000)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(grid.get_by_text("2 selected")).to_be_visible(timeout=60_000)
    page.keyboard.press("0")
    assert {(each.episode_id, each.outcome) for each in _labels(workspace, 2)} == {
        ("episode-39", "failure"),
        ("episode-37", "failure"),
    }
    page.keyboard.press("z")
    _labels(workspace, 0)
