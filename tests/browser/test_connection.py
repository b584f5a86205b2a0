"""What the browser tells of a connection that is lost, and when."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from app.widgets import assets

pytestmark = pytest.mark.browser
_DIALOG = """(title) => {
    const dialog = document.createElement("div");
    dialog.setAttribute("role", "dialog");
    dialog.innerHTML = `<h2>${title}</h2><button aria-label="Close"></button>`;
    dialog.querySelector("button").onclick = () => dialog.remove();
    document.body.appendChild(dialog);
}"""


def _told(page: Page) -> str | None:
    """The notice's first words; None while none is shown."""
    page.wait_for_timeout(0)  # the browser tells its observers
    return page.evaluate(  # type: ignore[no-any-return]
        "connection.notice.hidden ? null : connection.notice.querySelector('strong').textContent"
    )


def _become(page: Page, state: str) -> None:
    page.evaluate("state => app.setAttribute('data-test-connection-state', state)", state)


def test_a_loss_is_told_after_a_moment_and_so_is_the_return(page: Page) -> None:
    page.clock.install(time=0)
    page.goto("about:blank")
    page.clock.pause_at(7_500)
    page.set_content('<div id="app" data-test-connection-state="CONNECTED"></div>')
    page.add_script_tag(
        type="module",
        content=f"{assets.text('connection.js')}\nwindow.connection = new Connection();",
    )
    page.wait_for_function("window.connection")

    # A connection that comes back at once is not worth a word.
    _become(page, "PINGING_SERVER")
    page.clock.run_for(1_000)
    _become(page, "CONNECTED")
    page.clock.run_for(10_000)
    assert _told(page) is None

    _become(page, "PINGING_SERVER")
    _become(page, "CONNECTING")
    page.clock.run_for(2_000)
    assert _told(page) == "Goalpost has not answered since 02:05 UTC."
    for title in ("Connection error", "Delete this task?"):
        page.evaluate(_DIALOG, title)
    assert page.get_by_role("dialog").all_inner_texts() == ["Delete this task?"]

    _become(page, "CONNECTED")
    assert _told(page) == "Goalpost is back."
    page.clock.run_for(5_000)
    assert _told(page) is None
    page.evaluate("connection.end()")
    assert page.locator(".goalpost-connection").count() == 0


def test_a_loss_while_the_page_was_loading_is_told_too(page: Page) -> None:
    page.clock.install(time=0)
    page.goto("about:blank")
    page.set_content('<div id="app" data-test-connection-state="PINGING_SERVER"></div>')
    page.evaluate(_DIALOG, "Connection error")
    page.add_script_tag(
        type="module",
        content=f"{assets.text('connection.js')}\nwindow.connection = new Connection();",
    )
    page.wait_for_function("window.connection")
    assert page.get_by_role("dialog").count() == 0
    page.clock.run_for(2_000)
    assert (_told(page) or "").startswith("Goalpost has not answered")


def test_a_recording_that_goes_on_without_the_app_is_not_told_to_have_ended(page: Page) -> None:
    """Read from two metres away, where the notice's small words are not."""
    page.goto("about:blank")
    page.add_script_tag(content=f"{assets.text('desk.js')}\nwindow.Desk = Desk;")
    page.evaluate("""() => {
        window.desk = new Desk(document.body, () => {});
        desk.update({ task: "lift-can", outcome: "success", ready: true, answered: 0 });
    }""")
    recording = {"task": "lift-can", "outcome": "success"}
    sign = page.locator(".sign")
    for state, now, elapsed, away, word in (
        ("recording", recording, "0:05", False, "Recording 0:05success of lift-can"),
        ("silent", recording, "", True, "No pictureThe recording goes on"),
        ("recording", recording, "0:09", False, "Recording 0:09success of lift-can"),
        ("silent", recording, "", False, "No pictureNothing can be recorded"),  # no camera does
        ("silent", None, "", True, "No pictureNothing can be recorded"),
    ):
        page.evaluate("shown => desk.show(...shown)", [state, now, elapsed, away])
        assert sign.text_content() == word
