"""The message input: where typed text goes, completion, what is sent and what is not."""

import re

from playwright.sync_api import expect

from tests.browser.test_tools import attach

WORDS = "every word that was typed at once"


def focused(chat):
    expect(chat.input).to_be_focused()
    return chat


class TestFocus:
    def test_text_typed_while_the_page_loads_goes_into_the_input(self, visitor):
        tab = visitor.tab()
        tab.page.goto(tab.url, wait_until="domcontentloaded")
        tab.page.keyboard.type(WORDS)
        expect(tab.input).to_have_value(WORDS)
        focused(tab)

    def test_text_typed_right_after_new_chat_goes_into_its_input(self, chat):
        chat.begin("hello")
        chat.shows("hello", "You said: hello")
        chat.sidebar.get_by_role("button", name="New chat", exact=True).click()
        chat.page.keyboard.type(WORDS)
        expect(chat.prompts.first).to_be_visible()
        expect(chat.input).to_have_value(WORDS)
        focused(chat)

    def test_text_typed_right_after_opening_a_chat_goes_into_that_chat(self, chat):
        first = chat.begin("first chat")
        chat.shows("first chat", "You said: first chat")
        chat.new_chat()
        chat.begin("second chat")
        chat.shows("second chat", "You said: second chat")
        chat.sidebar.locator(f".st-key-open-{first} button:visible").click()
        chat.page.keyboard.type(WORDS)
        chat.shows("first chat", "You said: first chat")
        expect(chat.input).to_have_value(WORDS)
        focused(chat).input.press("Enter")
        expect(chat.answers.last).to_contain_text(f"You said: {WORDS}")
        assert chat.session_id == first

    def test_enter_sends_nothing_before_the_page_is_loaded(self, visitor):
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

    def test_reopening_the_open_chat_focuses_its_input(self, chat):
        session = chat.begin("hello")
        chat.shows("hello", "You said: hello")
        chat.search.click()
        chat.sidebar.locator(f".st-key-open-{session} button:visible").click()
        focused(chat)
        chat.page.keyboard.type(WORDS)
        expect(chat.input).to_have_value(WORDS)

    def test_choosing_an_agent_focuses_the_input(self, chat):
        chat.page.locator('[class*="st-key-draft-agent-"] button').last.click()
        chat.page.keyboard.type(WORDS)
        expect(chat.input).to_have_value(WORDS)
        focused(chat)

    def test_asking_the_sample_shop_focuses_the_input(self, chat):
        api = f"{chat.url}/api/v1"  # other tests may have used it already
        for asked in chat.page.request.get(f"{api}/workspaces/sample-shop/conversations").json()["items"]:
            chat.page.request.delete(f"{api}/conversations/{asked['id']}")
        chat.open()
        chat.page.get_by_role("button", name="Ask the sample shop").click()
        chat.page.keyboard.type(WORDS)
        expect(chat.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
        expect(chat.input).to_have_value(WORDS)
        focused(chat)

    def test_pictures_and_long_texts_can_be_pasted(self, chat):
        chat.page.evaluate(
            """async () => {
              const canvas = document.createElement("canvas");
              canvas.getContext("2d").fillRect(0, 0, 300, 150);
              const picture = await new Promise((made) => canvas.toBlob(made, "image/png"));
              await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
            }"""
        )
        chat.input.press("ControlOrMeta+v")
        expect(chat.page.get_by_test_id("stFileChip")).to_contain_text(".png")
        long = "a long text " * 2_000
        chat.page.evaluate("text => navigator.clipboard.writeText(text)", long)
        chat.input.press("ControlOrMeta+v")
        expect(chat.input).to_have_value(long)

    def test_text_typed_elsewhere_stays_there(self, visitor):
        tab = visitor.tab()
        tab.page.goto(tab.url, wait_until="domcontentloaded")
        tab.search.click()
        tab.search.press_sequentially("lighthouse")
        expect(tab.input).to_be_visible()
        expect(tab.search).to_have_value("lighthouse")
        expect(tab.search).to_be_focused()
        expect(tab.input).to_have_value("")

    def test_a_touch_screen_does_not_open_its_keyboard_unasked(self, visitors, app):
        visitor = visitors(app, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
        tab = visitor.tab().open()
        expect(tab.prompts.first).to_be_visible()
        assert tab.page.evaluate("document.activeElement.tagName") == "BODY"


def test_an_unsent_message_is_restored_on_return(chat):
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


class TestDuringAnAnswer:
    def test_stop_replaces_send_until_something_is_typed(self, chat):
        chat.begin("count 3 then wait")
        chat.wait_for_words(3)
        send = chat.page.get_by_test_id("stChatInputSubmitButton")
        expect(chat.page.get_by_test_id("stBottom").get_by_role("button", name="Stop", exact=True)).to_be_visible()
        expect(send).to_be_hidden()
        chat.input.fill("and on")
        expect(send).to_be_visible()
        stop, send = chat.stop.bounding_box(), send.bounding_box()
        assert stop["x"] + stop["width"] <= send["x"]
        chat.stop.click()
        expect(chat.stop).to_have_count(0)
        expect(chat.input).to_have_value("and on")

    def test_escape_stops_the_answer_and_keeps_the_typed_text(self, chat):
        chat.begin("count 3 then wait")
        chat.wait_for_words(3)
        chat.input.press_sequentially("and on")
        chat.input.press("Escape")
        expect(chat.page.get_by_text("Stopped: this answer is incomplete.")).to_be_visible()
        expect(chat.input).to_have_value("and on")

    def test_escape_elsewhere_stops_nothing(self, chat):
        chat.begin("count 3 then wait")
        chat.wait_for_words(3)
        chat.search.press("Escape")
        chat.send("and on")
        expect(chat.page.get_by_role("button", name="Withdraw")).to_be_visible()
        expect(chat.stop).to_be_visible()
        chat.input.press("Escape")
        expect(chat.answers.last).to_contain_text("You said: and on")


def test_after_scrolling_up_a_button_jumps_to_the_latest_words(chat):
    chat.begin("count 1500")
    chat.wait_for_words(1500)
    chat.send("count 600 every 20 ms")
    chat.wait_for_words(40)
    jump = chat.page.get_by_role("button", name="Jump to latest")
    expect(jump).to_be_hidden()
    chat.page.mouse.move(800, 400)
    chat.page.mouse.wheel(0, -3000)
    expect(jump).to_be_visible()
    jump.click()
    expect(jump).to_be_hidden()
    expect(chat.answers.last.get_by_text(re.compile("w599"))).to_be_in_viewport()


def test_title_agent_and_model_stay_visible_and_title_the_tab(chat):
    chat.begin("count 1500")
    chat.wait_for_words(1500)
    expect(chat.page).to_have_title("count 1500 · Assistant · Scripted")
    head = chat.page.locator(".st-key-head")
    for part in ("count 1500", "Assistant", "Scripted"):
        expect(head.get_by_text(part).first).to_be_in_viewport()
    chat.new_chat()
    expect(chat.page).not_to_have_title(re.compile("count 1500"))


class TestCommands:
    def open(self, chat, agent):
        chat.page.goto(f"{chat.url}/?workspace=sample-shop")
        chat.page.get_by_role("radio", name=agent).click()
        expect(chat.page.get_by_role("radio", name=agent)).to_be_checked()
        return chat.page.get_by_role("listbox", name="Commands")

    def test_a_slash_opens_the_command_menu_for_the_keyboard(self, chat):
        menu = self.open(chat, "Data analyst")
        chat.input.press_sequentially("/")
        expect(menu.get_by_role("option")).to_contain_text(["/sql", "/chart", "Revenue by month"])
        chat.input.press_sequentially("ch")
        expect(menu.get_by_role("option").first).to_contain_text("/chart")
        chat.input.press("ArrowDown")
        expect(menu.get_by_role("option", selected=True)).to_contain_text("Revenue by month")
        chat.input.press("ArrowUp")
        chat.input.press("Enter")
        expect(chat.input).to_have_value("/chart ")
        expect(menu).to_have_count(0)
        assert chat.session_id is None

    def test_commands_can_be_clicked_and_escape_closes_the_menu(self, chat):
        menu = self.open(chat, "Data analyst")
        chat.input.press_sequentially("/")
        menu.get_by_text("Reasons for returns").click()
        expect(chat.input).to_have_value(re.compile("^/sql select reason"))
        expect(chat.input).to_be_focused()
        chat.input.fill("")
        chat.input.press_sequentially("/s")
        chat.input.press("Escape")
        expect(menu).to_have_count(0)
        expect(chat.input).to_have_value("/s")

    def test_an_agent_without_commands_says_so(self, chat):
        menu = self.open(chat, "Assistant")
        chat.input.press_sequentially("/")
        expect(menu).to_contain_text("No commands here")

    def test_a_path_in_a_message_opens_no_menu(self, chat):
        menu = self.open(chat, "Data analyst")
        chat.input.press_sequentially("see /sql")
        expect(menu).to_have_count(0)


class TestRefusedFiles:
    def test_a_refused_file_leaves_the_text_and_the_other_files(self, chat, tmp_path):
        good, odd = tmp_path / "notes.txt", tmp_path / "odd.bin"
        good.write_text("first\nsecond", "utf-8")
        odd.write_bytes(b"\x00\x01\xff\xfe\x00")
        chat.begin("hello")
        chat.shows("hello", "You said: hello")
        attach(chat, good)
        attach(chat, odd)
        chat.send("read these")
        expect(chat.page.get_by_text("odd.bin is neither a text file")).to_be_visible()
        expect(chat.page.locator(".st-key-kept-files").get_by_test_id("stMarkdown")).to_contain_text("notes.txt")
        expect(chat.page.get_by_role("button", name="Remove notes.txt")).to_be_visible()
        expect(chat.input).to_have_value("read these")
        chat.input.press("Enter")
        question = chat.questions.filter(has_text="read these")
        expect(question).to_contain_text("notes.txt")
        expect(question).not_to_contain_text("odd.bin")
        expect(chat.page.get_by_role("button", name="Remove notes.txt")).to_have_count(0)

    def test_an_oversized_file_is_named_before_anything_is_sent(self, chat, tmp_path):
        large, good = tmp_path / "large.txt", tmp_path / "notes.txt"
        large.write_bytes(b"x" * 11_000_000)
        good.write_text("first", "utf-8")
        chat.begin("hello")
        chat.shows("hello", "You said: hello")
        chat.page.get_by_test_id("stChatInput").locator('input[type="file"]').set_input_files([large, good])
        expect(chat.page.get_by_test_id("stFileChip")).to_have_count(2)
        chat.send("read these")
        expect(chat.page.get_by_role("alert").filter(has_text="large.txt was not attached")).to_be_visible()
        expect(chat.input).to_have_value("read these")
        chat.page.get_by_role("button", name="Remove large.txt").click()
        expect(chat.page.get_by_test_id("stFileChip")).to_have_count(1)
        chat.input.press("Enter")
        expect(chat.questions.filter(has_text="read these")).to_contain_text("notes.txt")
