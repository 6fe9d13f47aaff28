"""Two windows on the same session stay in step."""

import pytest
from playwright.sync_api import expect

from tests.browser.chat import TEXT
from tests.support.applications import counted

STORY = "count 150 every 20 ms"
WORDS = counted(150)


@pytest.fixture
def windows(visitor):
    """Two windows with the same answered session, and its id."""
    first = visitor.tab().open()
    session = first.begin("hello")
    first.shows("hello", "You said: hello")
    second = visitor.tab().open(session)
    second.shows("hello", "You said: hello")
    return first, second, session


def test_both_windows_show_the_same_during_and_after_an_answer(windows):
    first, second, _ = windows
    first.send(STORY)
    second.wait_for_words(10)
    for window in windows[:2]:
        window.shows("hello", "You said: hello", STORY, WORDS)
        window.showed_only_prefixes_of(WORDS, "You said: hello")


def test_messages_sent_in_both_windows_are_answered_in_order_in_both(windows):
    first, second, _ = windows
    first.send("count 40 every 20 ms")
    second.wait_for_words(1)
    second.send("thanks")
    for window in windows[:2]:
        window.shows("hello", "You said: hello", "count 40 every 20 ms", counted(40), "thanks", "You said: thanks")


def test_a_window_opened_during_a_stream_continues_it(visitor):
    first = visitor.tab().open()
    session = first.begin("count 250 every 20 ms")
    first.wait_for_words(5)
    second = visitor.tab().open(session)
    for window in (first, second):
        window.shows("count 250 every 20 ms", counted(250))
        window.showed_only_prefixes_of(counted(250))


def test_an_edit_in_one_window_appears_in_the_other(windows):
    first = windows[0]
    first.page.get_by_role("button", name="Edit").last.click()
    first.page.get_by_role("textbox", name="Message", exact=True).fill("good evening")
    first.page.get_by_role("button", name="Send again").click()
    for window in windows[:2]:
        window.shows("good evening", "You said: good evening")


def test_a_stop_in_one_window_ends_the_answer_in_the_other(windows):
    first, second, _ = windows
    first.send("count 6 then wait")
    second.wait_for_words(6)
    second.stop.click()
    for window in windows[:2]:
        expect(window.page.get_by_text("Stopped: this answer is incomplete.")).to_be_visible()
        window.shows("hello", "You said: hello", "count 6 then wait", counted(6))


def test_a_new_title_in_one_window_appears_in_the_other(windows):
    first, _, session = windows
    first.choose(session, "Rename")
    first.new_title("Greetings")
    for window in windows[:2]:
        expect(window.title).to_have_text("Greetings")
        expect(window.row(session)).to_contain_text("Greetings")


def test_a_session_deleted_in_one_window_is_reported_in_the_other(windows):
    first, second, session = windows
    first.choose(session, "Delete")
    expect(second.page.get_by_text("This chat no longer exists.")).to_be_visible()
    expect(second.row(session)).to_have_count(0)
    first.sidebar.get_by_role("button", name="Undo").click()
    expect(second.row(session)).to_have_count(1)
    second.open_row(session)
    expect(second.answers.last.locator(TEXT)).to_have_text("You said: hello")
