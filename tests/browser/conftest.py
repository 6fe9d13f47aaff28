"""A real Chromium, and the app with the scripted model."""

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from colloquy.demo import fill
from colloquy.runtime.application import DATABASE
from tests.browser.chat import Chat
from tests.conftest import REPORT
from tests.support.browsers import OPTIONS, chromium_path
from tests.support.servers import Server

HERE = Path(__file__).parent

PATIENCE = 20_000
"""Milliseconds to wait for what must happen on a busy machine."""

STRANGERS = 4
"""Browser profiles kept for reuse by other tests."""


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium():
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*OPTIONS, "--process-per-site"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """A server shared by tests, each with its own sessions."""
    server = Server(tmp_path_factory.mktemp("shared") / "data", max_turns=16).start()
    yield server
    server.close()


@pytest.fixture
def own_app(tmp_path):
    """A server for one test, which starts it."""
    server = Server(tmp_path / "data")
    yield server
    server.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A server with demo conversations, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    fill(folder / DATABASE, sessions=300, until=datetime.now(UTC).date())
    server = Server(folder).start()
    yield server
    server.close()


class Visitor:
    """A user with a separate browser: opens tabs, and records errors in them.

    One blank page stays open, so that the process with the page's scripts keeps running. Loading and compiling them
    again takes as long as the rest of a page load.
    """

    def __init__(self, browser, url, **options):
        self.url = url
        self.options = options
        self.context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        self.context.set_default_timeout(PATIENCE)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        self.stays = self.context.new_page()
        self.stays.goto(f"{url}/_stcore/health")
        self.troubles = []
        self.expected = []
        self.context.on("console", self._console)
        self.context.on("weberror", lambda error: self._note(f"error on the page: {error.error}"))
        self.context.on("request", lambda request: self._request(request.url))
        self.context.on("page", lambda page: page.on("websocket", lambda socket: self._request(socket.url)))

    def tab(self):
        """An empty tab."""
        chat = Chat(self.context.new_page(), self.url)
        chat.record()
        return chat

    def expect_trouble(self, pattern):
        """Allow what the browser reports when a test takes the server away."""
        self.expected.append(re.compile(pattern))

    def _console(self, message):
        if message.type == "error":
            self._note(f"error in the console: {message.text} ({message.location.get('url')})")

    def _request(self, url):
        if (
            urlsplit(url).scheme not in ("data", "blob", "chrome-error")
            and urlsplit(url).netloc != urlsplit(self.url).netloc
        ):
            self._note(f"request to elsewhere: {url}")

    def _note(self, trouble):
        self.troubles.append(trouble)

    def unexpected(self):
        return [trouble for trouble in self.troubles if not any(known.search(trouble) for known in self.expected)]

    def leave(self, item, folder):
        """Close all tabs. If the test failed, keep screenshots of them; if an error occurred in one, fail the test
        now."""
        report = item.stash.get(REPORT, None)
        for number, page in enumerate(page for page in self.context.pages if page is not self.stays):
            if report is None or report.failed:
                path = folder / f"{id(self)}-{number}.png"
                page.screenshot(path=path)
                item.add_report_section("teardown", "screenshot", f"{page.url}: {path}")
            page.close()
        troubles, self.troubles, self.expected = self.unexpected(), [], []
        assert not troubles

    def forget(self):
        """Become a first-time visitor, apart from the files in the browser's cache."""
        self.context.clear_cookies()
        self.stays.evaluate("localStorage.clear(); sessionStorage.clear()")


@pytest.fixture(scope="session")
def regular(chromium, app):
    """The visitor to the shared server in most tests, who has the page's files in the browser's cache."""
    visitor = Visitor(chromium, app.url)
    yield visitor
    visitor.context.close()


@pytest.fixture
def visitor(regular, request, tmp_path):
    yield regular
    regular.leave(request.node, tmp_path)


@pytest.fixture(scope="session")
def strangers():
    """Visitors that have been reset for another test; the one waiting longest is first."""
    waiting = []
    yield waiting
    for visitor in waiting:
        visitor.context.close()


@pytest.fixture
def visitors(chromium, strangers, request, tmp_path):
    """Makes visitors with their own browser profile and settings."""
    made = []

    def visit(server, **options):
        known = next((one for one in strangers if (one.url, one.options) == (server.url, options)), None)
        if known:
            strangers.remove(known)
        made.append(known or Visitor(chromium, server.url, **options))
        return made[-1]

    yield visit
    for visitor in made:
        try:
            visitor.leave(request.node, tmp_path)
            visitor.forget()
        except BaseException:
            visitor.context.close()
            raise
        strangers.append(visitor)
    while len(strangers) > STRANGERS:
        strangers.pop(0).context.close()


@pytest.fixture
def chat(visitor):
    """A new chat on the shared server."""
    return visitor.tab().open()
