"""Takes the screenshots for the README: the real app with the built-in model, in a temporary folder.

python -m scripts.take_pictures
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from session_store.models import SAMPLE_SHOP
from tests.support.browsers import OPTIONS, chromium_path
from tests.support.servers import APP, Server

PICTURES = Path(__file__).parents[1] / "docs" / "images"
LOOKS = {"wide": ViewportSize(width=1400, height=900), "phone": ViewportSize(width=390, height=800)}
TALKS = [
    ["Give me five names for a small bakery by the sea."],
    ["Write a short, friendly email that moves a meeting to Thursday."],
    ["Plan a rainy Sunday for two people with children."],
    [
        "Explain what a database index is, in three sentences.",
        "Show me how to create one in SQL.",
    ],
]
QUERY = """select date_trunc('week', created_at) as week, count(*) as messages
from messages group by week order by week"""
Scheme = Literal["light", "dark"]
EVERYWHERE: Mapping[Scheme, Iterable[str]] = {"light": LOOKS, "dark": LOOKS}
MINUTE = 60_000
SETTLED = 2_500
"""Milliseconds in which charts appear and the page scrolls to the end of a conversation."""


def talk(page: Page, url: str, messages: list[str]) -> None:
    """Hold one conversation."""
    page.goto(url)
    for message in messages:
        page.get_by_test_id("stChatInputTextArea").fill(message)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Stop").wait_for(timeout=MINUTE)
        page.get_by_role("button", name="Try again").wait_for(timeout=MINUTE)


def ask_the_shop(page: Page, url: str) -> None:
    """Have the data analyst draw a chart of the sample shop."""
    page.goto(f"{url}/?workspace={SAMPLE_SHOP}")
    page.get_by_role("button", name="Revenue by month").click()
    page.get_by_role("button", name="Try again").wait_for(timeout=MINUTE)


def run_query(page: Page) -> None:
    """Run the query in the editor, and show its result as a chart."""
    page.get_by_role("button", name="Run").click()
    page.get_by_text("Chart", exact=True).click()


def nothing(_: Page) -> None:
    """Leave the page as it is."""


def take(
    browser: Browser,
    url: str,
    ready: str,
    name: str,
    looks: Mapping[Scheme, Iterable[str]],
    *,
    before: Callable[[Page], None] = nothing,
) -> None:
    """Take screenshots of a page, which has loaded when ``ready`` (a selector) is there; ``before`` prepares the page
    for that."""
    for scheme, sizes in looks.items():
        for look in sizes:
            visitor = browser.new_page(viewport=LOOKS[look], color_scheme=scheme)
            visitor.goto(url)
            before(visitor)
            visitor.locator(ready).last.wait_for(timeout=MINUTE)
            visitor.wait_for_load_state("networkidle")
            visitor.wait_for_timeout(SETTLED)
            visitor.screenshot(path=PICTURES / f"{name}-{scheme}{'' if look == 'wide' else '-' + look}.png")
            visitor.close()


def main() -> None:
    """Write ``docs/images/<page>-<scheme>.png``, and the phone layout with the suffix ``-phone``."""
    browser_path = chromium_path()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=OPTIONS)
        page = browser.new_page(viewport=LOOKS["wide"])
        server = Server(Path(folder) / "data", script=APP).start()
        for messages in TALKS:
            talk(page, server.url, messages)
        take(browser, page.url, '[class*="st-key-retry-"]', "chat", {"light": ["phone"], "dark": ["wide"]})
        ask_the_shop(page, server.url)
        take(browser, page.url, "canvas:visible", "shop", {"light": ["wide", "phone"]})
        server.stop()
        demo = Path(folder) / "demo"
        subprocess.run([sys.executable, "-m", "colloquy.demo", "--folder", str(demo)], check=True)
        server = Server(demo, script=APP).start()
        take(browser, f"{server.url}/analytics", "canvas:visible, svg.marks:visible", "analytics", EVERYWHERE)
        take(browser, f"{server.url}/history", ".conversations tbody tr", "history", EVERYWHERE)
        query = f"{server.url}/sql?sql={quote(QUERY)}"
        take(browser, query, "canvas:visible, svg.marks:visible", "console", EVERYWHERE, before=run_query)
        server.stop()
        browser.close()


if __name__ == "__main__":
    main()
