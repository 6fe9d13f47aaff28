"""The server ends under an open page, on request or by ``kill -9``."""

import pytest
from playwright.sync_api import expect

from tests.browser.chat import SERVER_AWAY, TEXT
from tests.support.applications import counted

pytestmark = pytest.mark.upstream

INTERRUPTED = "Interrupted: Colloquy exited before this answer was complete."


@pytest.fixture
def tab(own_app, visitors):
    """A tab whose server is stopped and started."""
    visitor = visitors(own_app.start())
    visitor.expect_trouble(SERVER_AWAY)
    return visitor.tab().open()


def test_an_open_page_continues_with_a_restarted_server(tab, own_app):
    tab.begin("hello")
    tab.shows("hello", "You said: hello")
    page = tab.page.get_by_test_id("stApp")
    own_app.stop()
    expect(page).not_to_have_attribute("data-test-connection-state", "CONNECTED")
    own_app.start()
    expect(page).to_have_attribute("data-test-connection-state", "CONNECTED")
    expect(page).to_have_attribute("data-test-script-state", "notRunning")
    tab.send("count 30 every 20 ms")
    tab.shows("hello", "You said: hello", "count 30 every 20 ms", counted(30))


def test_the_agent_chosen_for_a_new_chat_survives_a_restart(tab, own_app):
    tab.page.get_by_test_id("stMain").get_by_text("Specialist", exact=True).click()
    expect(tab.page.get_by_text("Solves one technical problem")).to_be_visible()
    own_app.stop()
    expect(tab.page.get_by_test_id("stApp")).not_to_have_attribute("data-test-connection-state", "CONNECTED")
    own_app.start()
    expect(tab.page.get_by_test_id("stApp")).to_have_attribute("data-test-connection-state", "CONNECTED")
    tab.begin("hello")
    tab.shows("hello", "You said: hello")
    expect(tab.page.locator(".st-key-head")).to_contain_text("Specialist")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_interrupted_answer_keeps_its_text_and_is_marked(tab, own_app, end):
    story, words = "count 500 every 20 ms", counted(500)
    session = tab.begin(story)
    tab.wait_for_words(50)
    getattr(own_app, end)()
    own_app.start()
    expect(tab.page.get_by_text(INTERRUPTED)).to_be_visible()
    for _ in range(2):
        tab.open(session)
        expect(tab.page.get_by_text(INTERRUPTED)).to_be_visible()
        expect(tab.texts).to_have_count(2)
        kept = tab.answers.last.locator(TEXT).inner_text()
        assert words.startswith(kept)
        assert len(kept.split()) >= 25
    tab.send("hello")
    tab.shows(story, kept, "hello", "You said: hello")
