"""Signing in with an OpenID Connect provider, in a real browser against a real server.

Every page and every route for every role is walked in tests/app/test_access.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.pages import PAGES
from app.serving import sign_in_options
from app.sign_in import VARIABLE, load
from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import save_episodes
from data.labels.labels import standing_labels
from data.workspace import SIGN_IN_FILE, Workspace

pytestmark = pytest.mark.browser
NOW_NS = 1_790_000_000_000_000_000
START_S = 60.0


@pytest.fixture
def provider(free_port: Callable[[], int], tmp_path: Path) -> Iterator[str]:
    """A provider whose people are whom they say they are; eve never verified her address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    people = {
        "ana": {"email": "ana@lab.example", "email_verified": True},
        "bo": {"email": "bo@lab.example"},
        "cleo": {"email": "cleo@lab.example"},
        "dan": {"email": "dan@elsewhere.example"},
        "eve": {"email": "ana@lab.example", "email_verified": False},
    }
    claims = [json.dumps({"sub": name, **more}) for name, more in people.items()]
    log = (tmp_path / "provider.log").open("wb")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "oidc_provider_mock", "--port", str(port)),
            *(word for each in claims for word in ("--user-claims", each)),
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    log.close()
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/.well-known/openid-configuration", timeout=2):
                break
        except OSError:
            assert process.poll() is None, (tmp_path / "provider.log").read_text()
            assert time.monotonic() < deadline_s, "the provider did not start"
            time.sleep(0.2)
    yield url
    process.terminate()
    process.wait()


def _let_in(workspace: Workspace, provider: str, port: int) -> Path:
    path = workspace.root / SIGN_IN_FILE
    path.touch(0o600)
    path.write_text(
        f"""
        [auth]
        redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
        cookie_secret = "{os.urandom(32).hex()}"
        client_id = "goalpost"
        client_secret = "known to both"
        server_metadata_url = "{provider}/.well-known/openid-configuration"

        [roles]
        manage = ["ana@lab.example"]
        label = ["bo@lab.example"]
        look = ["@lab.example"]
        """
    )
    return path


def _sign_in(browser: Browser, url: str, name: str) -> tuple[BrowserContext, Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{url}/label")
    page.get_by_role("button", name="Sign in").click(timeout=60_000)
    page.get_by_role("button", name=name, exact=True).click(timeout=60_000)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=60_000)
    return context, page


def _picture(page: Page, folder: Path, name: str) -> None:
    """For whoever wants to look: pytest keeps the folders of its last runs."""
    page.screenshot(path=folder / f"{name}.png")


def _fill(workspace: Workspace) -> None:
    grey = encode_jpeg(np.full((64, 80, 3), 128, dtype=np.uint8))
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, grey), timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS)
    )
    info = EpisodeInfo(
        episode_id="episode", robot="robot-1", kind="robot", behaviour="scripted-pick",
        task="lift-any", recorded_at_ns=NOW_NS, step_count=1,
    )  # fmt: skip
    save_episodes(Catalog(workspace), [Episode(info=info, steps=(Step(frames=frames, done=True),))])


@pytest.mark.timeout(600)
def test_people_sign_in_and_do_what_their_role_allows(
    workspace: Workspace,
    serve: Callable[..., Any],
    free_port: Callable[[], int],
    provider: str,
    browser: Browser,
    tmp_path: Path,
) -> None:
    _fill(workspace)
    port = free_port()
    path = _let_in(workspace, provider, port)
    url = serve(
        port, options=sign_in_options(load(path), path), environment={VARIABLE: str(path)}
    ).url

    # Nobody who has not signed in sees anything but the door.
    page = browser.new_page()
    page.goto(f"{url}/robots")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stPageLink")).to_have_count(0)
    _picture(page, tmp_path, "door")

    # Bo labels, and the label is his.
    context, page = _sign_in(browser, url, "bo")
    page.get_by_role("link", name="Label", exact=True).click()
    expect(page.get_by_role("heading", name="Success at lift-any?")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("textbox", name="Signed in as")).to_have_value("bo@lab.example")
    _picture(page, tmp_path, "label")
    image = page.locator('img[src*="/goalpost/image"]').first.get_attribute("src")
    assert image is not None
    assert context.request.get(f"{url}{image}").status == 200
    page.keyboard.press("1")
    deadline_s = time.monotonic() + 30
    while not (labels := standing_labels(Catalog(workspace))) and time.monotonic() < deadline_s:
        page.wait_for_timeout(200)
    assert [(label.by, label.outcome) for label in labels] == [("bo@lab.example", "success")]
    other_tab = context.new_page()
    other_tab.goto(f"{url}/label")
    expect(other_tab.get_by_role("button", name="Sign out")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End session").click(timeout=60_000)  # at the provider
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=60_000)
    assert context.request.get(f"{url}{image}").status == 403
    other_tab.get_by_role("link", name="Home", exact=True).click()
    expect(other_tab.get_by_role("button", name="Sign in")).to_be_visible(timeout=60_000)
    context.close()

    # Cleo may look: what records and labels is closed to her, and not in her menu.
    context, page = _sign_in(browser, url, "cleo")
    menu = page.get_by_test_id("stSidebar").get_by_test_id("stPageLink")
    expect(menu).to_have_count(sum(spec.role == "look" for spec in PAGES), timeout=60_000)
    for spec in PAGES:
        if spec.role != "look":
            page.goto(f"{url}/{spec.name}")
            refused = page.get_by_text("You may not").first
            expect(refused).to_be_visible(timeout=60_000)
    _picture(page, tmp_path, "look")
    assert context.request.get(f"{url}{image}").status == 200
    context.close()

    # Dan has no role, and eve only says that she is ana: to them everything is closed.
    for name, walked in (("dan", PAGES[::3]), ("eve", PAGES[:1])):
        context, page = _sign_in(browser, url, name)
        for spec in walked:
            page.goto(f"{url}/{spec.name}")
            expect(page.get_by_text("nobody has given you a role")).to_be_visible(timeout=60_000)
            expect(page.get_by_test_id("stPageLink")).to_have_count(0)
        assert context.request.get(f"{url}{image}").status == 403
        _picture(page, tmp_path, name)
        context.close()
