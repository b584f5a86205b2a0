"""Take the guide's screenshots from a running app, into this folder.

python docs/guide/take_screenshots.py http://127.0.0.1:8501 --chromium /usr/bin/chromium
"""

from __future__ import annotations

from pathlib import Path

import click
from playwright.sync_api import Page, sync_playwright

_PAGES = ("home", "tasks", "record", "label", "detector")
_PATIENCE_MS = 120_000
_SIZE = {"width": 1280, "height": 900}


def open_page(page: Page, url: str, name: str) -> None:
    """Open a page of the app and wait until it rests."""
    page.goto(f"{url}/{'' if name == 'home' else name}")
    page.get_by_test_id("stHeading").first.wait_for(timeout=_PATIENCE_MS)
    page.locator('[data-test-script-state="notRunning"]').wait_for(timeout=_PATIENCE_MS)
    if name == "record":
        page.locator('.desk[data-look="ready"]').wait_for(timeout=_PATIENCE_MS)
    else:
        page.wait_for_timeout(2000)


@click.command()
@click.argument("url")
@click.option("--page", "names", multiple=True, default=_PAGES, help="Only this; may be repeated.")
@click.option("--chromium", default="/usr/bin/chromium", show_default=True, help="The browser.")
def main(url: str, names: tuple[str, ...], chromium: str) -> None:
    """Show each page of the guide and store its picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=_SIZE, color_scheme="light")
        for name in names:
            open_page(page, url.rstrip("/"), name)
            path = Path(__file__).with_name(f"{name}.jpg")
            page.screenshot(path=path, type="jpeg", quality=80, timeout=_PATIENCE_MS)
            click.echo(path.name)
        browser.close()


if __name__ == "__main__":
    main()
