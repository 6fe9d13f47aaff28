"""The page in one browser tab, in terms of what a user does."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

BUBBLE = '[data-testid="stChatMessage"]'
TEXT = ':is([data-testid="stMarkdown"] [data-testid="stMarkdownContainer"], .typed)'
SERVER_AWAY = (
    "ERR_CONNECTION_|ERR_EMPTY_RESPONSE|ERR_CONTENT_LENGTH_MISMATCH|WebSocket|Failed to fetch|"
    "when disconnected from server|Client [Ee]rror|server is not responding|Connection timed out"
)
"""Errors that a browser reports when a test takes the server away."""
RECORDER = (Path(__file__).parent / "recorder.js").read_text(encoding="utf-8")


class Chat:
    """One tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.bubbles = page.locator(BUBBLE)
        self.texts = page.locator(f"{BUBBLE} {TEXT}")
        self.questions = page.locator(f'{BUBBLE}:has([aria-label="Chat message from user"])')
        self.answers = page.locator(f'{BUBBLE}:has([aria-label="Chat message from assistant"])')
        self.input = page.get_by_placeholder("Write a message")
        self.sidebar = page.get_by_test_id("stSidebar")
        self.stop = page.get_by_role("button", name="Stop", exact=True)
        self.prompts = page.locator('[class*="st-key-prompt-"] button')
        self.title = page.locator(".st-key-head strong").first
        self.search = page.get_by_placeholder("Search chats")

    def open(self, session_id: str | None = None) -> Chat:
        """Go to a session, or to a new chat."""
        self.page.goto(f"{self.url}/?session={session_id}" if session_id else self.url)
        expect(self.input).to_be_visible()
        return self

    @property
    def session_id(self) -> str | None:
        """The session that the URL names."""
        return parse_qs(urlsplit(self.page.url).query).get("session", [None])[0]

    def begin(self, text: str) -> str:
        """Send the first message of a new chat. Returns the id of the new session."""
        assert self.session_id is None
        self.send(text)
        self.page.wait_for_url(re.compile(r"session="))
        expect(self.title).to_be_visible()
        return self.session_id

    def send(self, text: str) -> None:
        """Type a message and press Enter."""
        self.input.fill(text)
        self.input.press("Enter")

    def new_chat(self) -> None:
        """Leave the session for a new chat."""
        self.sidebar.get_by_role("button", name="New chat", exact=True).click()
        self.page.wait_for_function("!location.search.includes('session=')")
        expect(self.page.locator(".st-key-input-new textarea")).to_be_visible()
        expect(self.input).to_have_count(1)  # the input of the previous chat is gone
        expect(self.prompts.first).to_be_visible()

    def row(self, session_id: str) -> Locator:
        """The row of a session in the sidebar."""
        return self.sidebar.locator(f".st-key-row-{session_id}")

    def expect_mark(self, session_id: str, mark: str) -> None:
        """Wait until the row of a session shows this mark."""
        expect(self.row(session_id)).to_have_css("--mark-name", mark)

    def open_row(self, session_id: str) -> None:
        """Click a session in the sidebar and wait until it is open."""
        self._settled(self.sidebar.locator(f".st-key-open-{session_id} button:visible")).click()
        self.page.wait_for_url(re.compile(f"session={session_id}"))

    def choose(self, session_id: str, option: str) -> None:
        """Choose an option in the menu of a session's row."""
        self._settled(self.sidebar.locator(f".st-key-menu-{session_id} button:visible")).click()
        self.page.get_by_role("menuitem", name=option).click()

    def new_title(self, title: str) -> None:
        """Type a new title into the field opened by "Rename", which has the focus, and press Enter."""
        expect(self.sidebar.get_by_role("textbox", name="New title")).to_be_focused()
        self.page.keyboard.type(title)
        self.page.keyboard.press("Enter")

    def confirm_deletion(self) -> None:
        """Confirm the deletion."""
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Delete", exact=True).click()
        expect(dialog).to_have_count(0)

    @staticmethod
    def _settled(locator: Locator) -> Locator:
        """Waits for an element to appear only once: while rows move, Streamlit shows one of them at its old and its new
        place."""
        expect(locator).to_have_count(1)
        return locator.first

    def shows(self, *texts: str) -> None:
        """Wait until the conversation is exactly this and no answer is streaming."""
        expect(self.texts).to_have_text([text.strip() for text in texts])
        expect(self.stop).to_have_count(0)
        expect(self.texts).to_have_text([text.strip() for text in texts])

    def wait_for_words(self, number: int) -> None:
        """Wait until the running answer has at least this many words."""
        word = re.compile(rf"\bw{number - 1}\b")
        expect(self.answers.last.locator(TEXT)).to_have_text(word)

    def record(self) -> None:
        """From the next page load on, record everything that the conversation shows, however briefly."""
        self.page.add_init_script(RECORDER)

    def recorded(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """What was shown since the last page load: the session in the URL, with the author and text of each bubble."""
        return [
            (session, [(author, text) for author, text in bubbles])
            for session, bubbles in json.loads(self.page.evaluate("JSON.stringify(window.recorded)"))
        ]

    def showed_only_prefixes_of(self, *answers: str) -> None:
        """Check that everything shown of an answer was the beginning of one of ``answers``."""
        for _, bubbles in self.recorded():
            pairs = Counter(pairwise(["assistant", *(author for author, _ in bubbles)]))
            assert not pairs["assistant", "assistant"], bubbles
            # A finished turn moves up to the older messages and meanwhile appears twice, possibly incomplete.
            assert pairs["user", "user"] <= 1, bubbles
            for author, text in bubbles:
                assert author == "user" or any(answer.startswith(text) for answer in answers), text
