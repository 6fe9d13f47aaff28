"""The list of sessions in the sidebar."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.support.applications import counted


def unique(word):
    return f"{word} {uuid.uuid4().hex[:8]}"


def begin(chat, text):
    """A separate answered session, with a new chat open again."""
    session = chat.begin(text)
    chat.shows(text, f"You said: {text}")
    chat.new_chat()
    return session


def test_a_dialog_stays_open_while_chats_continue(chat):
    running = chat.begin("count 200 every 20 ms")
    chat.choose(running, "Export…")
    dialog = chat.page.get_by_role("dialog")
    dialog.get_by_text("JSON Lines", exact=True).click()
    chat.expect_mark(running, "plain")
    expect(dialog.get_by_role("radio", name="JSON Lines")).to_be_checked()
    expect(dialog.get_by_role("link", name="Download")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    chat.row(running).get_by_role("button", name="Options of").press("Enter")
    expect(chat.page.get_by_role("menuitem", name="Rename")).to_be_visible()


def field(chat):
    return chat.sidebar.get_by_role("textbox", name="New title")


def test_a_session_is_renamed_in_place(chat):
    session = begin(chat, unique("rename me"))
    title = unique("A *better* title")
    chat.choose(session, "Rename")
    chat.new_title(title)  # the old title is selected, so typing replaces it
    expect(chat.row(session)).to_contain_text(title)
    expect(field(chat)).to_have_count(0)
    chat.open_row(session)
    expect(chat.title).to_have_text(title)


def test_escape_keeps_the_old_title_and_returns_focus_to_the_row(chat):
    session = begin(chat, unique("keep my name"))
    chat.choose(session, "Rename")
    expect(field(chat)).to_be_focused()
    chat.page.keyboard.type("something else")
    chat.page.keyboard.press("Escape")
    expect(field(chat)).to_have_count(0)
    expect(chat.row(session)).to_contain_text("keep my name")
    expect(chat.row(session).locator("button").first).to_be_focused()


def test_a_click_elsewhere_saves_nothing_and_keeps_the_typed_text(chat):
    session = begin(chat, unique("keep my name"))
    elsewhere = chat.page.get_by_role("heading", level=1)
    chat.choose(session, "Rename")
    expect(field(chat)).to_be_focused()
    elsewhere.click()
    expect(field(chat)).to_have_count(0)
    chat.choose(session, "Rename")
    expect(field(chat)).to_be_focused()
    chat.page.keyboard.type("something else")
    elsewhere.click()
    chat.page.get_by_role("link", name="Overview", exact=True).hover()
    expect(field(chat)).to_have_value("something else")
    other = chat.page.context.new_page()
    other.goto(chat.page.url)
    row = other.locator(f".st-key-row-{session}")
    expect(row).to_contain_text("keep my name")
    other.close()
    chat.sidebar.get_by_role("button", name="Save the new title").click()
    expect(chat.row(session)).to_contain_text("something else")


def test_nothing_covers_the_field_for_a_new_title(chat):
    session = begin(chat, unique("a rather long name " * 4))
    chat.choose(session, "Rename")
    box = field(chat).bounding_box()
    row = chat.row(session).bounding_box()
    buttons = [button.bounding_box() for button in chat.row(session).get_by_role("button").all()]
    assert len(buttons) == 2
    assert box["x"] >= row["x"]
    edges = [box["x"] + box["width"], *(edge for b in buttons for edge in (b["x"], b["x"] + b["width"]))]
    assert edges == sorted(edges)
    assert edges[-1] <= row["x"] + row["width"]


def test_a_saved_session_moves_to_the_group_saved_and_back(chat):
    session = begin(chat, unique("keep me"))
    above = "xpath=preceding::*[@data-testid='stCaptionContainer'][1]"
    expect(chat.row(session).locator(above)).to_have_text("Today")
    chat.choose(session, "Save")
    expect(chat.row(session).locator(above)).to_have_text("Saved")
    chat.choose(session, "Remove from saved")
    expect(chat.row(session).locator(above)).to_have_text("Today")


def test_deleting_needs_no_confirmation_and_undo_restores_everything(chat):
    text = unique("delete me")
    session = begin(chat, text)
    chat.choose(session, "Delete")
    expect(chat.row(session)).to_have_count(0)
    expect(chat.sidebar.get_by_role("status")).to_have_text("Deleted 1 chat.")
    expect(chat.page.get_by_role("dialog")).to_have_count(0)
    chat.page.reload()
    chat.sidebar.get_by_role("button", name="Undo").click()
    expect(chat.row(session)).to_have_count(1)
    chat.open_row(session)
    chat.shows(text, f"You said: {text}")


def test_focus_moves_to_the_row_after_a_deleted_one(chat):
    below, session = begin(chat, unique("stay")), begin(chat, unique("delete me"))
    chat.choose(session, "Delete")
    expect(chat.row(session)).to_have_count(0)
    expect(chat.row(below).locator("button").first).to_be_focused()


def test_deleting_the_open_session_leaves_a_new_chat(chat):
    session = chat.begin(unique("delete me"))
    expect(chat.stop).to_have_count(0)
    chat.choose(session, "Delete")
    expect(chat.prompts.first).to_be_visible()
    expect(chat.row(session)).to_have_count(0)
    assert chat.session_id is None


def test_several_sessions_can_be_selected_and_deleted_at_once(chat):
    sessions = [begin(chat, unique(f"one of several {n}")) for n in range(3)]
    chat.sidebar.get_by_role("button", name="Select several").click()
    for session in sessions[:2]:
        chat.row(session).locator("label").click()
    chat.sidebar.get_by_role("button", name="Delete 2").click()
    for session in sessions[:2]:
        expect(chat.row(session)).to_have_count(0)
    expect(chat.row(sessions[2])).to_have_count(1)
    expect(chat.row(sessions[2]).locator("label")).to_have_count(0)


def test_search_finds_titles_and_texts_while_typing(chat):
    sun, rain = begin(chat, unique("sunshine")), begin(chat, unique("rainfall"))
    chat.choose(sun, "Rename")
    title = unique("Weather")
    chat.new_title(title)
    expect(chat.row(sun)).to_contain_text(title)
    chat.search.press_sequentially(title.upper())
    expect(chat.row(rain)).to_have_count(0)
    expect(chat.row(sun)).to_have_count(1)
    chat.search.fill("said: rainf")
    expect(chat.row(sun)).to_have_count(0)
    expect(chat.row(rain)).to_contain_text("General · …said: rainf")
    chat.search.fill(unique("nothing"))
    expect(chat.sidebar.get_by_text("Nothing found. Try different words.")).to_be_visible()
    chat.search.fill("")
    expect(chat.row(sun)).to_have_count(1)


def test_the_list_can_be_filtered_by_agent(chat):
    assistant = begin(chat, unique("for the assistant"))
    chat.page.get_by_test_id("stMain").get_by_text("Specialist", exact=True).click()
    expect(chat.page.get_by_text("Solves one technical problem at a time")).to_be_visible()
    specialist = begin(chat, unique("for the specialist"))
    chat.sidebar.get_by_role("combobox", name="Agent").click()
    chat.page.get_by_role("option", name="Specialist").click()
    expect(chat.row(assistant)).to_have_count(0)
    expect(chat.row(specialist)).to_have_count(1)


def test_the_status_of_a_session_precedes_its_title_as_a_shape_and_in_words(chat):
    text = "count 400 every 20 ms"
    session = chat.begin(text)
    failed = unique("count 3 then fail")
    chat.new_chat()
    chat.expect_mark(session, "running")
    expect(chat.row(session).get_by_role("button", name=f"Answering: {text}", exact=True)).to_be_visible()
    shapes = {shape(chat, session)}
    chat.expect_mark(session, "unseen")
    expect(chat.row(session).get_by_role("button", name=f"New answer: {text}", exact=True)).to_be_visible()
    shapes.add(shape(chat, session))
    chat.open_row(session)
    chat.shows(text, counted(400))
    chat.expect_mark(session, "plain")
    chat.new_chat()
    chat.expect_mark(session, "plain")
    expect(chat.row(session).get_by_role("button", name=text, exact=True)).to_be_visible()
    other = chat.begin(failed)
    chat.expect_mark(other, "failed")
    expect(chat.row(other).get_by_role("button", name=f"Failed: {failed}", exact=True)).to_be_visible()
    assert len(shapes | {shape(chat, other)}) == 3


def shape(chat, session):
    mark = chat.row(session).locator("button p").first
    return mark.evaluate("mark => getComputedStyle(mark, '::before').content.split('/')[0]")


def test_the_menu_of_a_row_is_named_after_its_session(chat):
    title = unique("one of many")
    session = begin(chat, title)
    button = chat.row(session).get_by_role("button", name=re.compile(rf"^Options of {title}, \d\d:\d\d$"))
    button.click()
    expect(chat.page.get_by_role("menu", name=f"Options of {title}")).to_be_visible()


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


def test_a_menu_stays_open_while_the_list_is_redrawn(chat):
    session = chat.begin("count 300 every 20 ms")
    chat.expect_mark(session, "running")
    chat.sidebar.locator(f".st-key-menu-{session} button:visible").click()
    delete = chat.page.get_by_role("menuitem", name="Delete")
    expect(delete).to_be_visible()
    chat.expect_mark(session, "plain")
    expect(delete).to_be_visible()
