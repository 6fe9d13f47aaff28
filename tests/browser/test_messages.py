"""Actions on messages: start, stop, try again, edit, copy."""

import re

from playwright.sync_api import expect

from tests.browser.chat import TEXT
from tests.support.applications import counted


def test_a_first_visit_offers_suggestions_that_are_answered_on_a_click(chat):
    expect(chat.page.get_by_role("heading", name="What would you like to talk about?")).to_be_visible()
    prompt = chat.prompts.first.inner_text().splitlines()[-1]
    chat.prompts.first.click()
    chat.shows(prompt, f"You said: {prompt}")
    assert chat.session_id


def test_a_link_to_an_unknown_session_is_reported(visitor):
    tab = visitor.tab().open("00000000-0000-4000-8000-000000000000")
    expect(tab.page.get_by_text("This chat no longer exists.")).to_be_visible()


def test_stop_keeps_the_text_so_far_and_marks_it(chat):
    chat.begin("count 12 then wait")
    chat.wait_for_words(12)
    chat.stop.click()
    expect(chat.page.get_by_text("Stopped: this answer is incomplete.")).to_be_visible()
    chat.shows("count 12 then wait", counted(12))
    chat.send("hello")
    chat.shows("count 12 then wait", counted(12), "hello", "You said: hello")


def test_a_queued_message_can_be_withdrawn(chat):
    chat.begin("count 3 then wait")
    chat.wait_for_words(3)
    chat.send("never mind")
    chat.page.get_by_role("button", name="Withdraw").click()
    expect(chat.page.get_by_role("button", name="Withdraw")).to_have_count(0)
    chat.stop.click()
    expect(chat.stop).to_have_count(0)
    expect(chat.texts.first).to_have_text("count 3 then wait")
    expect(chat.texts.nth(1)).to_have_text(counted(3).strip())


def test_a_failure_shows_its_reason_and_can_be_retried(chat):
    chat.begin("count 4 then fail")
    failure = chat.page.get_by_text("The scripted model failed as it was told to.")
    expect(failure).to_have_count(1)
    expect(chat.page.get_by_text("Failed: this answer is incomplete.")).to_be_visible()
    retry = chat.page.locator('[class*="st-key-retry-"]')
    first = re.search(r"st-key-(retry-\S+)", retry.get_attribute("class"))[1]
    retry.get_by_role("button", name="Try again").click()
    expect(chat.page.locator(f'[class*="st-key-retry-"]:not(.st-key-{first})')).to_have_count(1)
    expect(failure).to_have_count(1)
    expect(chat.texts.filter(has_text="count 4 then fail")).to_have_count(1)


def test_the_last_message_can_be_edited_and_answered_again(chat):
    chat.begin("first")
    chat.shows("first", "You said: first")
    chat.send("tpyo")
    chat.shows("first", "You said: first", "tpyo", "You said: tpyo")
    chat.page.get_by_role("button", name="Edit").last.click()
    box = chat.page.get_by_role("textbox", name="Message", exact=True)
    expect(box).to_have_value("tpyo")
    box.fill("history")
    chat.page.get_by_role("button", name="Send again").click()
    expect(chat.answers.last.locator(TEXT)).to_have_text(
        re.compile("user: first.*model: You said: first.*history", re.DOTALL)
    )
    expect(chat.texts).to_have_count(4)
    expect(chat.answers.last).not_to_contain_text("tpyo")


def test_editing_can_be_cancelled(chat):
    chat.begin("hello")
    chat.shows("hello", "You said: hello")
    chat.page.get_by_role("button", name="Edit").last.click()
    chat.page.get_by_role("textbox", name="Message", exact=True).fill("something else")
    chat.page.get_by_role("button", name="Cancel").click()
    chat.shows("hello", "You said: hello")


def test_copying_a_message_puts_its_markdown_on_the_clipboard(chat):
    markdown = "Some **bold** text with `code`, $5 and :red[no colour]"
    chat.begin(markdown)
    expect(chat.page.get_by_role("button", name="Try again")).to_be_visible()  # nothing is redrawn after that
    chat.answers.last.get_by_role("button", name="Copy message").click()
    expect(chat.answers.last.get_by_role("button", name="Copied")).to_be_visible()
    assert chat.page.evaluate("navigator.clipboard.readText()") == f"You said: {markdown}"


def test_color_and_icon_markup_in_messages_is_shown_literally(chat):
    chat.begin("See :red[this] and :material/home:")
    expect(chat.answers.last.get_by_role("button", name="Copy message")).to_be_visible()
    shown = chat.answers.last.locator(TEXT).inner_text()
    assert shown.replace("\u2060", "") == "You said: See :red[this] and :material/home:"
    expect(chat.answers.last.locator(TEXT).get_by_test_id("stIconMaterial")).to_have_count(0)


def test_markdown_code_and_tables_are_rendered(chat):
    chat.begin("x\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint(1)\n```\n\n**strong**")
    expect(chat.answers.last.locator("table td").first).to_have_text("1")
    expect(chat.answers.last.locator("pre code")).to_have_text(re.compile(r"print\(1\)"))
    expect(chat.answers.last.locator("strong")).to_have_text("strong")


def test_raw_html_and_remote_images_are_neither_rendered_nor_loaded(chat):
    hostile = (
        '<img src="http://example.invalid/a.png" onerror="window.owned=1"> <b>bold?</b> '
        "<script>window.owned=1</script> ![picture](http://example.invalid/b.png) "
        "![ref][1]\n\n[1]: http://example.invalid/c.png\n\n[link](javascript:window.owned=1)"
    )
    chat.begin(hostile)
    expect(chat.answers.last.get_by_role("button", name="Copy message")).to_be_visible()
    body = chat.answers.last.locator(TEXT)
    expect(body).to_contain_text("<b>bold?</b>")
    for tag in ("img", "b", "script", "iframe"):
        expect(body.locator(tag)).to_have_count(0)
    assert chat.page.evaluate("window.owned") is None
    assert not body.locator("a").evaluate_all("links => links.filter(link => link.protocol === 'javascript:').length")


def test_the_model_can_be_changed_and_unavailable_ones_explain_what_to_do(chat):
    chat.begin("hello")
    chat.shows("hello", "You said: hello")
    menu = chat.page.locator(".st-key-model-menu button")
    menu.click()
    chat.page.get_by_role("menuitem", name="Scripted two").click()
    expect(menu).to_contain_text("Scripted two")
    chat.send("again")
    expect(chat.answers.last).to_contain_text("Scripted two")
    menu.click()
    chat.page.get_by_role("menuitem", name="Not here").click()
    expect(chat.page.get_by_text("Set COLLOQUY_NOT_HERE to use this model.")).to_be_visible()
    expect(menu).to_contain_text("Scripted two")


def test_typing_continues_while_the_first_message_of_a_new_chat_is_sent(chat):
    chat.input.fill("first")
    chat.input.press("Enter")
    chat.page.keyboard.type("what was typed meanwhile", delay=30)
    expect(chat.page.get_by_role("button", name="Try again")).to_be_visible()
    expect(chat.input).to_have_value("what was typed meanwhile")
    expect(chat.input).to_be_focused()
    chat.page.keyboard.press("Enter")
    expect(chat.answers.last).to_contain_text("You said: what was typed meanwhile")
