"""The list of sessions in the sidebar."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.support.workbenches import counted


def unique(word):
    return f"{word} {uuid.uuid4().hex[:8]}"


def begin(chat, text):
    """A session of its own that is answered, with a new chat open again."""
    session = chat.begin(text)
    chat.shows(text, f"You said: {text}")
    chat.new_chat()
    return session


def test_a_session_is_renamed_in_place(chat):
    session = begin(chat, unique("rename me"))
    title = unique("A *better* title")
    chat.choose(session, "Rename")
    box = chat.sidebar.get_by_role("textbox", name="Title")
    box.fill(title)
    box.press("Enter")
    expect(chat.row(session)).to_contain_text(title)
    chat.open_row(session)
    expect(chat.title).to_have_text(title)


def test_a_saved_session_moves_to_the_group_saved_and_back(chat):
    session = begin(chat, unique("keep me"))
    above = "xpath=preceding::*[@data-testid='stCaptionContainer'][1]"
    expect(chat.row(session).locator(above)).to_have_text("Today")
    chat.choose(session, "Save")
    expect(chat.row(session).locator(above)).to_have_text("Saved")
    chat.choose(session, "Remove from saved")
    expect(chat.row(session).locator(above)).to_have_text("Today")


def test_deleting_asks_and_undo_brings_everything_back(chat):
    text = unique("delete me")
    session = begin(chat, text)
    chat.choose(session, "Delete")
    chat.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(chat.row(session)).to_have_count(1)
    chat.choose(session, "Delete")
    chat.confirm_deletion()
    expect(chat.row(session)).to_have_count(0)
    chat.page.reload()
    chat.sidebar.get_by_role("button", name="Undo").click()
    expect(chat.row(session)).to_have_count(1)
    chat.open_row(session)
    chat.shows(text, f"You said: {text}")


def test_deleting_the_open_session_leaves_a_new_chat(chat):
    session = chat.begin(unique("delete me"))
    expect(chat.stop).to_have_count(0)
    chat.choose(session, "Delete")
    chat.confirm_deletion()
    expect(chat.prompts.first).to_be_visible()
    expect(chat.row(session)).to_have_count(0)
    assert chat.session_id is None


def test_several_are_selected_and_deleted_at_once(chat):
    sessions = [begin(chat, unique(f"one of several {n}")) for n in range(3)]
    chat.sidebar.get_by_role("button", name="Select several").click()
    for session in sessions[:2]:
        chat.row(session).locator("label").click()
    chat.sidebar.get_by_role("button", name="Delete 2").click()
    chat.confirm_deletion()
    for session in sessions[:2]:
        expect(chat.row(session)).to_have_count(0)
    expect(chat.row(sessions[2])).to_have_count(1)
    expect(chat.row(sessions[2]).locator("label")).to_have_count(0)


def test_search_finds_by_title_and_by_text_while_one_types(chat):
    sun, rain = begin(chat, unique("sunshine")), begin(chat, unique("rainfall"))
    chat.choose(sun, "Rename")
    box = chat.sidebar.get_by_role("textbox", name="Title")
    title = unique("Weather")
    box.fill(title)
    box.press("Enter")
    expect(chat.row(sun)).to_contain_text(title)
    chat.search.press_sequentially(title.upper())
    expect(chat.row(rain)).to_have_count(0)
    expect(chat.row(sun)).to_have_count(1)
    chat.search.fill("said: rainf")
    expect(chat.row(sun)).to_have_count(0)
    expect(chat.row(rain)).to_have_count(1)
    chat.search.fill(unique("nothing"))
    expect(chat.sidebar.get_by_text("Nothing found. Try other words.")).to_be_visible()
    chat.search.fill("")
    expect(chat.row(sun)).to_have_count(1)


def test_the_list_can_be_narrowed_to_one_agent(chat):
    assistant = begin(chat, unique("for the assistant"))
    chat.page.get_by_test_id("stMain").get_by_text("Specialist", exact=True).click()
    expect(chat.page.get_by_text("Solves one technical problem at a time")).to_be_visible()
    specialist = begin(chat, unique("for the specialist"))
    chat.sidebar.get_by_role("combobox", name="Agent").click()
    chat.page.get_by_role("option", name="Specialist").click()
    expect(chat.row(assistant)).to_have_count(0)
    expect(chat.row(specialist)).to_have_count(1)


def test_a_running_session_pulses_and_a_finished_one_stays_marked_until_it_is_opened(chat):
    session = chat.begin("count 150 every 20 ms")
    chat.new_chat()
    chat.expect_mark(session, "running")
    mark = chat.row(session).locator("button p").first
    assert mark.evaluate("mark => getComputedStyle(mark, '::before').animationName") == "pulse"
    chat.expect_mark(session, "unseen")
    chat.open_row(session)
    chat.shows("count 150 every 20 ms", counted(150))
    chat.expect_mark(session, "plain")
    chat.new_chat()
    chat.expect_mark(session, "plain")


@pytest.mark.parametrize("way", ["click", "link"])
def test_back_and_forward_move_between_sessions(chat, way):
    one, two = unique("one"), unique("two")
    first = begin(chat, one)
    second = chat.begin(two)
    chat.shows(two, f"You said: {two}")
    if way == "click":
        chat.open_row(first)
    else:
        chat.open(first)
    chat.shows(one, f"You said: {one}")
    chat.page.go_back()
    chat.page.wait_for_url(re.compile(second))
    chat.shows(two, f"You said: {two}")
    chat.page.go_forward()
    chat.page.wait_for_url(re.compile(first))
    chat.shows(one, f"You said: {one}")


def test_a_menu_stays_open_while_the_list_is_drawn_anew(chat):
    session = chat.begin("count 40 every 20 ms")
    chat.expect_mark(session, "running")
    chat.sidebar.locator(f".st-key-menu-{session} button:visible").click()
    delete = chat.page.get_by_role("menuitem", name="Delete")
    expect(delete).to_be_visible()
    chat.expect_mark(session, "plain")
    expect(delete).to_be_visible()
