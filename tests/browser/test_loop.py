"""The whole loop through the pages, as a newcomer walks it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from data.catalog.catalog import Catalog
from data.episodes.index import list_episodes
from data.labels.labels import standing_labels
from data.tasks.store import load_tasks
from data.workspace import Workspace
from policy.artefact import list_policies
from sd_model.artefact import list_detectors

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
PREVIEW = '[data-testid="goalpost-preview"]'
LABELLING = '[data-testid="goalpost-labelling"]'
TASK = "hold-something"
ROBOTS = ("robot-1", "robot-2")
RUN_S = 240_000


def test_the_loop(workspace: Workspace, serve: Callable[[], object], page: Page) -> None:
    url = serve().url
    page.goto(url)
    expect(page.get_by_role("heading", name="Goalpost")).to_be_visible(timeout=30_000)
    _define_a_task(page, url, workspace)
    for robot in ROBOTS:
        _record_a_pair(page, url, robot)
    clips = list_episodes(Catalog(workspace), kind="clip")
    assert {(clip.info.robot, clip.info.outcome) for clip in clips} == {
        (robot, outcome) for robot in ROBOTS for outcome in ("success", "failure")
    }
    _collect(page, url)
    _label(page, url, workspace)
    _train(page, url)
    [detector] = list_detectors(workspace)
    assert detector.holdout == (ROBOTS[1],)
    _retrain(page, url)
    [policy] = list_policies(workspace)
    assert policy.lineage["detector"] == detector.detector_id
    page.goto(url)
    expect(page.get_by_text("1 policy trained")).to_be_visible(timeout=30_000)


def _define_a_task(page: Page, url: str, workspace: Workspace) -> None:
    page.goto(f"{url}/tasks")
    page.get_by_role("tab", name="Define a task").click()
    page.get_by_role("textbox", name="Name", exact=True).fill(TASK)
    page.get_by_role("textbox", name="Name", exact=True).press("Enter")
    page.get_by_role("textbox", name="What does success look like?").first.fill(
        "The gripper holds something."
    )
    page.get_by_role("textbox", name="What does success look like?").first.press("Control+Enter")
    about = page.get_by_role("radiogroup", name=re.compile("^lift-any"))
    about.get_by_text("Yes, always").click()
    expect(page.get_by_text(f"What {TASK} would mean")).to_be_visible()
    expect(page.get_by_text(f"Success of {TASK} counts as success of lift-any")).to_be_visible()
    page.get_by_role("button", name="Define this task").click()
    expect(page.get_by_text(f"The task {TASK} is defined.")).to_be_visible()
    assert load_tasks(workspace)[TASK].implies == ("lift-any",)


def _record_a_pair(page: Page, url: str, robot: str) -> None:
    page.goto(f"{url}/record")
    preview = page.locator(PREVIEW)
    expect(preview).to_contain_text("Live", timeout=60_000)
    _select(page, "Robot", robot)
    _select(page, "Task", TASK)
    for step, outcome in (("1", "success"), ("2", "failure")):
        expect(page.get_by_text(f"Step {step} of 2: show {outcome} of {TASK}")).to_be_visible(
            timeout=60_000
        )
        page.locator(PREVIEW).get_by_role("button", name=f"Record {outcome}").click()
        expect(preview).to_contain_text("Recording 0:", timeout=30_000)
        page.wait_for_timeout(2000)
        page.keyboard.press("Space")
        expect(page.get_by_text(f"Saved {outcome}")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("The pair is complete.")).to_be_visible()
    expect(preview).to_contain_text(f"Change the scene, then show success of {TASK}")
    page.get_by_role("button", name="Keep, and change the scene").click()
    expect(preview).not_to_contain_text("Change the scene")


def _collect(page: Page, url: str) -> None:
    page.goto(f"{url}/policy")
    page.get_by_role("tab", name="Collect episodes").click(timeout=30_000)
    page.get_by_role("spinbutton", name="Episodes for each robot").fill("2")
    page.get_by_role("spinbutton", name="Episodes for each robot").press("Enter")
    page.get_by_role("button", name="Collect episodes", exact=True).click()
    _wait_until_done(page, "Collecting episodes")


def _label(page: Page, url: str, workspace: Workspace) -> None:
    episodes = list_episodes(Catalog(workspace), kind="robot")
    page.goto(f"{url}/label")
    widget = page.locator(LABELLING)
    expect(widget.get_by_role("heading", name=f"Success at {TASK}?")).to_be_visible(timeout=30_000)
    for number in range(len(episodes)):
        page.keyboard.press("1" if number % 2 == 0 else "0")
        page.wait_for_timeout(150)
    expect(page.get_by_text("Everything in this selection is answered.")).to_be_visible(
        timeout=30_000
    )
    people = [each for each in standing_labels(Catalog(workspace)) if each.source == "person"]
    assert len(people) == len(episodes)


def _train(page: Page, url: str) -> None:
    page.goto(f"{url}/detector")
    page.get_by_role("tab", name="Train").click(timeout=30_000)
    expect(page.get_by_text("Robots held out")).to_be_visible()
    _only(page, "Robots held out", ROBOTS[1])
    _select(page, "Recipe", re.compile("^smoke"))
    page.get_by_role("button", name="Train the detector").click()
    _wait_until_done(page, "Detector training")
    page.reload()
    expect(page.get_by_text("held out: the detector was never told its answers")).to_be_visible(
        timeout=30_000
    )
    expect(page.get_by_text(f"On {ROBOTS[1]}, whose answers it was never told")).to_be_visible()


def _retrain(page: Page, url: str) -> None:
    page.goto(f"{url}/policy")
    page.get_by_role("tab", name="Retrain").click(timeout=30_000)
    _select(page, "Recipe", re.compile("^smoke"))
    # For a moment the field of the recipe before stands beside the new one.
    budget = page.get_by_role("spinbutton", name="Budget: updates of the network")
    expect(budget).to_have_count(1, timeout=60_000)
    page.locator('[data-test-script-state="notRunning"]').wait_for(timeout=60_000)
    budget.fill("20")
    budget.press("Enter")
    page.wait_for_timeout(2000)  # the page is drawn again for the recipe and the budget
    page.get_by_text("Evaluation and advanced settings").click()
    evaluated = page.get_by_role(
        "spinbutton", name="Evaluation episodes for each task on each robot"
    )
    evaluated.fill("1")
    evaluated.press("Enter")
    page.get_by_role("button", name="Retrain the policy").click()
    # A reload in the middle loses nothing: the run is a process of its own.
    page.wait_for_timeout(3000)
    page.reload()
    _wait_until_done(page, "Policy training")


def _wait_until_done(page: Page, title: str) -> None:
    ended = page.get_by_text(re.compile(f"^{title}: (done|failed|cancelled|stopped)"))
    ended.wait_for(timeout=RUN_S)
    expect(ended).to_contain_text("done")


def _select(page: Page, label: str, option: str | re.Pattern[str]) -> None:
    _combobox(page, label).click()
    page.get_by_role("option", name=option).first.click()


def _choose(page: Page, label: str, option: str) -> None:
    _combobox(page, label).click()
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def _only(page: Page, label: str, option: str) -> None:
    field = _combobox(page, label)
    field.click()
    for _ in range(8):
        field.press("Backspace")
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def _combobox(page: Page, label: str) -> Locator:
    """The field with this label on the open tab, once the page rests: a rerun
    or a scroll closes its list.
    """
    page.wait_for_timeout(300)
    page.locator('[data-test-script-state="notRunning"]').wait_for(timeout=30_000)
    field = page.get_by_role("combobox", name=label).filter(visible=True).first
    field.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    return field
