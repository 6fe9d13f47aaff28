"""Take the pictures of the README: the real app with the built-in model, in a folder of its own.

python -m scripts.take_pictures
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

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
MINUTE = 60_000


def talk(page: Page, url: str, messages: list[str]) -> None:
    """Hold one conversation."""
    page.goto(url)
    for message in messages:
        page.get_by_test_id("stChatInputTextArea").fill(message)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Stop").wait_for(timeout=MINUTE)
        page.get_by_role("button", name="Try again").wait_for(timeout=MINUTE)


def main() -> None:
    """Write ``docs/images/chat-<scheme>.png`` and ``chat-<scheme>-phone.png``."""
    browser_path = chromium_path()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "data", script=APP).start()
        browser = playwright.chromium.launch(executable_path=browser_path, args=OPTIONS)
        page = browser.new_page(viewport=LOOKS["wide"])
        for messages in TALKS:
            talk(page, server.url, messages)
        page.get_by_text("SQL", exact=False).first.wait_for()
        for scheme in ("light", "dark"):
            for look, size in LOOKS.items():
                visitor = browser.new_page(viewport=size, color_scheme=scheme)
                visitor.goto(page.url)
                visitor.get_by_role("button", name="Try again").wait_for(timeout=MINUTE)
                visitor.wait_for_load_state("networkidle")
                name = f"chat-{scheme}.png" if look == "wide" else f"chat-{scheme}-{look}.png"
                visitor.screenshot(path=PICTURES / name)
        browser.close()
        server.stop()


if __name__ == "__main__":
    main()
