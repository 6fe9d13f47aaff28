"""Any message of the user can be edited, its versions paged, and a branch started at any message."""

from playwright.sync_api import expect


def bubble(chat, text):
    return chat.bubbles.filter(has_text=text).first


def edit(chat, text, to):
    bubble(chat, text).get_by_role("button", name="Edit").click()
    box = chat.page.get_by_role("textbox", name="Message", exact=True)
    expect(box).to_be_focused()
    box.fill(to)
    chat.page.get_by_role("textbox", name="Message", exact=True).press("Enter")


def button(chat, name):
    return chat.page.get_by_role("button", name=name, exact=True)


def talk(chat, *texts):
    shown = []
    for number, text in enumerate(texts):
        chat.begin(text) if number == 0 else chat.send(text)
        shown += [text, f"You said: {text}"]
        chat.shows(*shown)
    return shown


def test_an_early_message_can_be_edited_and_its_versions_paged(chat):
    before = talk(chat, "apples", "pears", "plums")
    edit(chat, "pears", to="figs")
    after = ["apples", "You said: apples", "figs", "You said: figs"]
    chat.shows(*after)
    versions = chat.page.get_by_role("group", name="Version 2 of 2")
    expect(versions).to_have_text("2/2")
    expect(button(chat, "Later version")).to_be_disabled()
    button(chat, "Earlier version").click()
    chat.shows(*before)
    expect(chat.page.get_by_role("group", name="Version 1 of 2")).to_be_visible()
    chat.page.reload()
    chat.shows(*before)
    button(chat, "Later version").click()
    chat.shows(*after)


def test_a_retried_answer_is_kept(chat):
    chat.begin("count 3 then fail")
    button(chat, "Try again").click()
    expect(chat.page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    expect(button(chat, "Earlier version")).to_be_enabled()


def test_another_window_follows_an_edit_of_an_early_message(visitor):
    first = visitor.tab().open()
    talk(first, *(f"message {number}" for number in range(9)))
    second = visitor.tab().open(first.session_id)
    expect(second.answers.last).to_contain_text("message 8")
    edit(first, "message 1", to="another way")
    shown = ["message 0", "You said: message 0", "another way", "You said: another way"]
    first.shows(*shown)
    second.shows(*shown)
    button(second, "Earlier version").click()
    expect(first.answers.last).to_contain_text("message 8")


def test_an_edit_waits_for_the_running_answer(chat):
    talk(chat, "hello")
    chat.send("count 2 then wait")
    chat.wait_for_words(2)
    edit(chat, "hello", to="good evening")
    expect(chat.page.get_by_text("Stop the running answer before you change the chat.")).to_be_visible()
    expect(chat.page.get_by_role("textbox", name="Message", exact=True)).to_have_value("good evening")
    chat.stop.click()
    expect(chat.stop).to_have_count(0)
    button(chat, "Send again").click()
    chat.shows("good evening", "You said: good evening")


def test_a_double_click_sends_an_edit_once(chat):
    talk(chat, "hello")
    bubble(chat, "hello").get_by_role("button", name="Edit").click()
    chat.page.get_by_role("textbox", name="Message", exact=True).fill("good evening")
    chat.page.get_by_role("button", name="Send again").dblclick()
    chat.shows("good evening", "You said: good evening")
    expect(chat.page.get_by_role("group", name="Version 2 of 2")).to_be_visible()


def test_escape_leaves_a_message_unchanged(chat):
    talk(chat, "hello")
    expect(button(chat, "Try again")).to_be_visible()
    bubble(chat, "hello").get_by_role("button", name="Edit").click()
    box = chat.page.get_by_role("textbox", name="Message", exact=True)
    expect(box).to_be_focused()
    box.press_sequentially(" again")
    expect(button(chat, "Try again")).to_have_count(0)  # it would discard the text being written
    expect(chat.page.get_by_test_id("stForm").get_by_test_id("InputInstructions")).not_to_be_visible()
    chat.page.get_by_role("textbox", name="Message", exact=True).press("Escape")
    chat.shows("hello", "You said: hello")
    expect(chat.input).to_be_focused()


def test_a_double_click_branches_once(chat):
    talk(chat, "fenland")
    button(chat, "Branch").last.dblclick()
    expect(chat.title).to_contain_text("(branch)")
    chat.shows("fenland", "You said: fenland")
    rows = chat.sidebar.locator('[class*="st-key-row-"]')
    expect(rows.get_by_role("button", name="Branch: fenland", exact=True)).to_have_count(1)


def test_a_branch_starts_a_new_chat_at_any_message(chat):
    talk(chat, "apples", "pears", "plums")
    origin = chat.session_id
    bubble(chat, "You said: pears").get_by_role("button", name="Branch").click()
    expect(chat.title).to_contain_text("(branch)")
    chat.shows("apples", "You said: apples", "pears", "You said: pears")
    assert chat.session_id != origin
    expect(chat.input).to_be_focused()
