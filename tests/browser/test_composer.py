"""The message input: where typed words go."""

from playwright.sync_api import expect

WORDS = "every word that was typed at once"


def focused(chat):
    expect(chat.input).to_be_focused()
    return chat


class TestFocus:
    def test_words_typed_while_the_page_loads_stand_in_the_input(self, visitor):
        tab = visitor.tab()
        tab.page.goto(tab.url, wait_until="domcontentloaded")
        tab.page.keyboard.type(WORDS)
        expect(tab.input).to_have_value(WORDS)
        focused(tab)

    def test_words_typed_at_once_after_new_chat_stand_in_its_input(self, chat):
        chat.begin("hello")
        chat.shows("hello", "You said: hello")
        chat.sidebar.get_by_role("button", name="New chat", exact=True).click()
        chat.page.keyboard.type(WORDS)
        expect(chat.prompts.first).to_be_visible()
        expect(chat.input).to_have_value(WORDS)
        focused(chat)

    def test_words_typed_at_once_after_a_chat_was_opened_go_into_that_chat(self, chat):
        first = chat.begin("first chat")
        chat.shows("first chat", "You said: first chat")
        chat.new_chat()
        chat.begin("second chat")
        chat.shows("second chat", "You said: second chat")
        chat.sidebar.locator(f".st-key-open-{first} button").click()
        chat.page.keyboard.type(WORDS)
        chat.shows("first chat", "You said: first chat")
        expect(chat.input).to_have_value(WORDS)
        focused(chat).input.press("Enter")
        expect(chat.answers.last).to_contain_text(f"You said: {WORDS}")
        assert chat.session_id == first

    def test_enter_sends_nothing_before_the_page_is_there(self, visitor):
        tab, held = visitor.tab(), []
        tab.page.route("**/static/js/index.*.js", lambda route, _: held.append(route), times=1)
        with tab.page.expect_request("**/static/js/index.*.js"):
            tab.page.goto(tab.url, wait_until="commit")
        expect(tab.page.get_by_label("Write a message")).to_be_focused()
        tab.page.keyboard.type("one line\n")
        held[0].continue_()
        expect(tab.prompts.first).to_be_visible()
        expect(tab.input).to_have_value("one line")
        assert tab.session_id is None

    def test_opening_the_chat_that_is_open_leads_back_to_its_input(self, chat):
        session = chat.begin("hello")
        chat.shows("hello", "You said: hello")
        chat.search.click()
        chat.sidebar.locator(f".st-key-open-{session} button").click()
        focused(chat)
        chat.page.keyboard.type(WORDS)
        expect(chat.input).to_have_value(WORDS)

    def test_what_one_types_elsewhere_stays_there(self, visitor):
        tab = visitor.tab()
        tab.page.goto(tab.url, wait_until="domcontentloaded")
        tab.search.click()
        tab.search.press_sequentially("lighthouse")
        expect(tab.input).to_be_visible()
        expect(tab.search).to_have_value("lighthouse")
        expect(tab.search).to_be_focused()
        expect(tab.input).to_have_value("")

    def test_a_touch_screen_shows_no_keyboard_unasked(self, visitors, app):
        visitor = visitors(app, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
        tab = visitor.tab().open()
        expect(tab.prompts.first).to_be_visible()
        assert tab.page.evaluate("document.activeElement.tagName") == "BODY"


def test_an_unsent_message_is_there_again_when_one_comes_back(chat):
    first = chat.begin("first chat")
    chat.shows("first chat", "You said: first chat")
    chat.input.fill("half a thought")
    chat.new_chat()
    expect(chat.input).to_have_value("")
    chat.input.fill("another one")
    chat.open_row(first)
    expect(chat.input).to_have_value("half a thought")
    chat.new_chat()
    expect(chat.input).to_have_value("another one")
