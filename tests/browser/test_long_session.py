"""A session of hundreds of messages."""

from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.chat import TEXT
from tests.support.applications import finish, new_session, open_application

EXCHANGES = 150


@pytest.fixture
def long_chat(own_app, visitors):
    """A tab with a session of 300 messages."""
    with closing(open_application(own_app.data_dir)) as application:
        key = new_session(application)
        finish(application, *[application.turns.submit(key, f"message {number}") for number in range(EXCHANGES)])
    return visitors(own_app.start()).tab().open(key.session_id)


def test_the_newest_messages_are_shown_first_and_older_ones_on_request(long_chat):
    newest = long_chat.answers.last.locator(TEXT)
    expect(newest).to_have_text(f"You said: message {EXCHANGES - 1}")
    expect(newest).to_be_in_viewport()
    at_first = long_chat.bubbles.count()
    assert at_first < 50
    older = long_chat.page.get_by_role("button", name="Show older messages")
    for _ in range(2):
        shown = long_chat.bubbles.count()
        older.click()
        long_chat.page.wait_for_function(
            "([bubble, shown]) => document.querySelectorAll(bubble).length > shown",
            arg=['[data-testid="stChatMessage"]', shown],
        )
    expect(older).to_be_enabled()
    texts = long_chat.texts.all_inner_texts()
    first = int(texts[0].split()[-1])
    expected = [
        text for number in range(first, EXCHANGES) for text in (f"message {number}", f"You said: message {number}")
    ]
    assert texts in (expected, expected[1:])
    long_chat.send("one more")
    expect(newest).to_have_text("You said: one more")
    expect(newest).to_be_in_viewport()
