"""Whatever the user does during an answer, every word arrives once, in order, in the right session."""

from playwright.sync_api import expect

from tests.support.applications import counted

STORY = "count 100 every 20 ms"
WORDS = counted(100)
LONG_STORY = "count 250 every 20 ms"
LONG_WORDS = counted(250)


def test_words_are_shown_before_the_answer_ends(chat):
    chat.begin("count 100 every 20 ms then wait")
    chat.wait_for_words(100)
    chat.stop.click()
    expect(chat.stop).to_be_hidden()
    chat.showed_only_prefixes_of(WORDS)


def test_switching_away_and_back_during_a_stream_loses_nothing(chat):
    first = chat.begin(STORY)
    chat.wait_for_words(10)
    chat.new_chat()
    other = chat.begin("hello")
    chat.shows("hello", "You said: hello")
    chat.open_row(first)
    expect(chat.texts.first).to_have_text(STORY)
    chat.shows(STORY, WORDS)
    chat.showed_only_prefixes_of(WORDS, "You said: hello")
    chat.open_row(other)
    chat.shows("hello", "You said: hello")


def test_reloading_during_a_stream_continues_it(chat):
    chat.begin(STORY)
    chat.wait_for_words(15)
    chat.page.reload()
    chat.shows(STORY, WORDS)
    chat.showed_only_prefixes_of(WORDS)


def test_a_tab_reopened_after_a_stream_has_the_whole_answer(visitor):
    tab = visitor.tab().open()
    session = tab.begin(LONG_STORY)
    tab.wait_for_words(10)
    tab.page.close()
    tab = visitor.tab().open(session)
    tab.shows(LONG_STORY, LONG_WORDS)
    tab.showed_only_prefixes_of(LONG_WORDS)


def test_a_new_chat_does_not_affect_the_running_answer(chat):
    first = chat.begin(LONG_STORY)
    chat.wait_for_words(5)
    chat.new_chat()
    second = chat.begin(STORY)
    chat.shows(STORY, WORDS)
    chat.open_row(first)
    chat.shows(LONG_STORY, LONG_WORDS)
    chat.open_row(second)
    chat.shows(STORY, WORDS)
    chat.showed_only_prefixes_of(LONG_WORDS)


def test_two_messages_sent_quickly_are_answered_in_order(chat):
    chat.begin("hello")
    chat.shows("hello", "You said: hello")
    chat.send("count 30 every 20 ms")
    chat.send("count 40 every 20 ms")
    chat.shows("hello", "You said: hello", "count 30 every 20 ms", counted(30), "count 40 every 20 ms", counted(40))
    chat.showed_only_prefixes_of(counted(40), "You said: hello")


def test_a_second_message_sent_while_a_new_chat_starts_goes_into_that_chat(chat):
    chat.send("count 30 every 20 ms")
    chat.send("count 40 every 20 ms")
    chat.shows("count 30 every 20 ms", counted(30), "count 40 every 20 ms", counted(40))


def test_messages_sent_just_before_leaving_are_answered_in_their_chat(chat):
    first = chat.begin(STORY)
    chat.wait_for_words(5)
    chat.send("count 30 every 20 ms")
    chat.send("count 40 every 20 ms")
    chat.new_chat()
    chat.open_row(first)
    chat.shows(STORY, WORDS, "count 30 every 20 ms", counted(30), "count 40 every 20 ms", counted(40))


def test_clicking_elsewhere_never_ends_the_answer(chat):
    chat.begin(STORY)
    chat.wait_for_words(5)
    chat.sidebar.get_by_role("button", name="Select several").click()
    chat.sidebar.get_by_role("button", name="Cancel").click()
    chat.search.fill("nothing of the kind")
    chat.search.fill("")
    chat.page.locator(".st-key-model-menu button").click()
    chat.page.keyboard.press("Escape")
    chat.shows(STORY, WORDS)
    chat.showed_only_prefixes_of(WORDS)
