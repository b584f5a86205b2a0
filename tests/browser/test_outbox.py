"""When the browser sends decisions, and when it sends them again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from app.widgets import assets

pytestmark = pytest.mark.browser


def _sent(page: Page) -> list[list[str]]:
    """The items of each sending so far."""
    return page.evaluate("sent")  # type: ignore[no-any-return]


def _told(page: Page) -> str:
    return page.evaluate("outbox.root.textContent")  # type: ignore[no-any-return]


def _settle(page: Page, *numbers: int) -> None:
    page.evaluate(
        """(numbers) => outbox.take(
            { by: "ana", saved: numbers.map((n) => `${outbox.client}:${n}`), refused: {} })""",
        numbers,
    )


def test_a_page_is_given_time_to_answer(page: Page) -> None:
    """A page that runs is broken off by a sending, so that a slow one would never answer."""
    page.clock.install(time=0)
    page.goto("about:blank")
    page.clock.pause_at(3_600)
    page.add_script_tag(
        content=f"""
        {assets.text("outbox.js")}
        window.sent = [];
        window.outbox = new Outbox("desk", ({{ entries }}) => {{
          sent.push(entries.map(({{ item }}) => item));
        }});
    """
    )
    _settle(page)
    page.evaluate("for (const item of ['a', 'b']) outbox.add(item, 'success')")
    assert _sent(page) == [["a"], ["a", "b"]]

    # Nobody answers: again after 4, 8, 16, 30 and 30 seconds.
    for waited_s, expected in ((3, 2), (2, 3), (6, 3), (2, 4), (16, 5), (30, 6), (28, 6), (2, 7)):
        page.clock.run_for(1000 * waited_s)
        assert len(_sent(page)) == expected
        assert ("does not answer: 2 answers" in _told(page)) == (expected > 3)

    # What is settled is not sent again, and the page is known to answer.
    _settle(page, 1)
    page.evaluate("outbox.add('c', 'failure')")
    page.clock.run_for(5_000)
    assert not _told(page)
    assert _sent(page)[7:] == [["b", "c"]] * 2
    _settle(page, 1, 2, 3)
    page.clock.run_for(120_000)
    assert len(_sent(page)) == 9
