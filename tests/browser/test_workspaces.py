"""Workspaces in a browser: created, given data, filled with chats, switched, emptied and deleted."""

import re
import socket
import sqlite3
import uuid
from contextlib import closing

import pytest
from playwright.sync_api import expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.browser.test_looks import assert_readable
from tests.support.applications import counted


@pytest.fixture
def data_file(tmp_path):
    path = tmp_path / "orders.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table orders (id integer, total real)")
        connection.execute("create table customers (id integer)")
    return path


def unique(word):
    return f"{word} {uuid.uuid4().hex[:8]}"


def settle(chat):
    """Wait until the page is drawn: while it changes to another workspace, a click may hit the previous one."""
    expect(chat.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def chosen(chat):
    """The button of the workspace menu."""
    return chat.sidebar.locator(".st-key-workspace-menu button")


def choose(chat, name):
    chosen(chat).click()
    chat.page.get_by_role("menuitem", name=name).click()
    expect(chosen(chat)).to_contain_text(name)
    settle(chat)


def manage(chat):
    chat.sidebar.get_by_role("button", name="Manage workspaces").click()
    expect(chat.page.get_by_role("heading", name="Workspaces")).to_be_visible()
    settle(chat)


def add(chat, name):
    """Add a workspace inside the chosen one on the page to manage workspaces."""
    chat.page.get_by_role("button", name="Add a workspace").click()
    dialog = chat.page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="Name")).to_be_focused()
    chat.page.keyboard.type(name)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(chosen(chat)).to_contain_text(name)
    expect(chat.page.get_by_role("textbox", name="Name", exact=True)).to_have_value(name)
    settle(chat)


def node(chat, name):
    """The row of a workspace on the page to manage workspaces."""
    return chat.page.locator('[data-testid="stMain"] [class*="st-key-row-workspace-"]').filter(has_text=name)


def move(chat, session, path):
    chat.choose(session, "Move to…")
    dialog = chat.page.get_by_role("dialog")
    dialog.get_by_role("combobox").click()
    chat.page.get_by_role("option", name=path, exact=True).click()
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(dialog).to_have_count(0)


def test_the_life_of_a_workspace(chat, data_file):
    outer, inner, text = unique("Outer"), unique("Inner"), unique("about orders")
    manage(chat)
    add(chat, outer)
    add(chat, inner)
    chat.page.get_by_role("textbox", name="Path").fill(str(data_file))
    chat.page.get_by_role("combobox", name="Kind").click()
    chat.page.get_by_role("option", name="SQLite file").click()
    expect(chat.page.get_by_placeholder("/home/me/data/app.db")).to_have_value(str(data_file))
    chat.page.get_by_role("button", name="Connect", exact=True).click()
    expect(chat.page.get_by_text("A SQLite database with 2 tables.")).to_be_visible()
    chat.page.get_by_role("button", name="Test connection").click()
    expect(chat.page.get_by_text("A SQLite database with 2 tables.")).to_be_visible()

    chat.page.get_by_role("button", name="New chat here").click()
    expect(chat.page.get_by_text(f"orders · SQLite file · {data_file} · read-only")).to_be_visible()
    chat.page.get_by_test_id("stMain").get_by_text("Assistant", exact=True).click()
    expect(chat.page.get_by_text("Answers questions and helps with writing")).to_be_visible()
    session = chat.begin(text)
    chat.shows(text, f"You said: {text}")

    choose(chat, "General")
    expect(chat.row(session)).to_have_count(0)
    expect(chat.bubbles).to_have_count(0)
    choose(chat, inner)
    chat.open_row(session)
    chat.shows(text, f"You said: {text}")

    move(chat, session, outer)
    expect(chosen(chat)).to_contain_text(outer)
    chat.shows(text, f"You said: {text}")
    choose(chat, inner)
    expect(chat.row(session)).to_have_count(0)

    manage(chat)
    expect(node(chat, outer)).to_contain_text("1 chat")
    node(chat, outer).get_by_role("button").click()
    expect(chosen(chat)).to_contain_text(outer)
    expect(chat.page.get_by_role("textbox", name="Name", exact=True)).to_have_value(outer)
    settle(chat)
    chat.page.get_by_role("button", name="Delete", exact=True).click()
    expect(chat.page.get_by_role("dialog")).to_contain_text("1 workspace inside it and 1 chat with everything in it")
    chat.confirm_deletion()
    expect(node(chat, outer)).to_have_count(0)
    expect(node(chat, inner)).to_have_count(0)
    chat.open(session)
    expect(chat.page.get_by_text("This chat no longer exists.")).to_be_visible()
    assert data_file.exists()


def test_a_reload_and_a_link_keep_the_workspace(visitor, chat):
    choose(chat, "Sample shop")
    chat.page.reload()
    expect(chosen(chat)).to_contain_text("Sample shop")
    text = unique("in the shop")
    chat.page.get_by_test_id("stMain").get_by_text("Assistant", exact=True).click()
    expect(chat.page.get_by_text("Answers questions and helps with writing")).to_be_visible()
    session = chat.begin(text)
    other = visitor.tab().open(session)
    expect(chosen(other)).to_contain_text("Sample shop")
    expect(other.row(session)).to_have_count(1)


def test_back_returns_to_the_previous_workspace_and_page(chat):
    choose(chat, "Sample shop")
    choose(chat, "All workspaces")
    manage(chat)
    chat.page.go_back()
    expect(chat.input).to_be_visible()
    expect(chosen(chat)).to_contain_text("All workspaces")
    chat.page.go_back()
    expect(chosen(chat)).to_contain_text("Sample shop")
    chat.page.go_forward()
    expect(chosen(chat)).to_contain_text("All workspaces")


def test_switching_during_an_answer_loses_and_mixes_nothing(chat):
    name = unique("Elsewhere")
    manage(chat)
    add(chat, name)
    chat.page.get_by_role("button", name="New chat here").click()
    expect(chat.prompts.first).to_be_visible()
    here = chat.begin("count 150 every 20 ms")
    chat.wait_for_words(3)
    choose(chat, "General")
    there = chat.begin("count 60 every 20 ms")
    chat.wait_for_words(3)
    expect(chat.row(here)).to_have_count(0)
    choose(chat, name)
    expect(chat.row(there)).to_have_count(0)
    chat.open_row(here)
    chat.shows("count 150 every 20 ms", counted(150))
    choose(chat, "General")
    chat.open_row(there)
    chat.shows("count 60 every 20 ms", counted(60))


def test_changes_in_one_window_appear_in_the_other(visitor):
    first, second = visitor.tab().open(), visitor.tab().open()
    name, other = unique("Shared"), unique("Renamed")
    manage(first)
    manage(second)
    add(first, name)
    expect(node(second, name)).to_be_visible()
    first.page.get_by_role("textbox", name="Name", exact=True).fill(other)
    first.page.keyboard.press("Enter")
    expect(node(second, other)).to_be_visible()
    node(second, other).get_by_role("button").click()
    expect(chosen(second)).to_contain_text(other)
    first.page.get_by_role("button", name="Delete", exact=True).click()
    first.confirm_deletion()
    expect(node(second, other)).to_have_count(0)
    expect(chosen(second)).to_contain_text("General")


def test_an_unresponsive_database_server_blocks_nothing(chat):
    name = unique("Silent")
    manage(chat)
    add(chat, name)
    chat.page.get_by_role("combobox", name="Kind").click()
    chat.page.get_by_role("option", name="PostgreSQL").click()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://reader@127.0.0.1:{silent.getsockname()[1]}/shop"
        chat.page.get_by_role("textbox", name="URL").fill(address)
        chat.page.get_by_role("textbox", name="Password").fill("not to be seen")
        chat.page.get_by_role("button", name="Connect", exact=True).click()
        expect(chat.page.get_by_text("Testing the connection")).to_be_visible()
        assert "not to be seen" not in chat.page.content()
        node(chat, "Sample shop").get_by_role("button").click()
        expect(chosen(chat)).to_contain_text("Sample shop")
        chat.new_chat()
        expect(chat.page.get_by_text("What would you like to know?")).to_be_visible()
        choose(chat, name)
        expect(chat.page.get_by_text("What would you like to talk about?")).to_be_visible()


def test_a_workspace_can_be_chosen_by_keyboard_alone(chat):
    chosen(chat).focus()
    chat.page.keyboard.press("Enter")
    shop = chat.page.get_by_role("menuitem", name="Sample shop")
    expect(shop).to_be_visible()
    for _ in range(chat.page.get_by_role("menuitem").count()):
        if shop.evaluate("item => item === document.activeElement"):
            break
        chat.page.keyboard.press("ArrowDown")
    expect(shop).to_be_focused()
    chat.page.keyboard.press("Enter")
    expect(chosen(chat)).to_contain_text("Sample shop")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_readable(app, visitors, scheme):
    chat = visitors(app, color_scheme=scheme).tab().open()
    choose(chat, "Sample shop")
    assert_readable(chat)
    manage(chat)
    assert_readable(chat)
    chat.page.get_by_role("button", name="Test connection").click()
    expect(chat.page.get_by_text("7 tables")).to_be_visible()
    assert_readable(chat)


def test_a_phone_shows_the_whole_page(app, visitors):
    chat = visitors(app, viewport={"width": 390, "height": 844}).tab().open()
    chat.page.get_by_test_id("stExpandSidebarButton").click()
    manage(chat)
    for element in ('[data-testid="stMain"]', "html"):
        assert chat.page.locator(element).evaluate("one => one.scrollWidth <= one.clientWidth")
    expect(chat.page.get_by_role("textbox", name="Name", exact=True)).to_be_attached()


def test_updates_for_a_page_that_was_left_do_not_lead_back_to_it(visitor, chat):
    tab, name = visitor.tab(), unique("News")
    told = {"holding": False}

    def stand_between(browser):
        server = browser.connect_to_server()

        def pass_on(message):
            if BackMsg.FromString(message).rerun_script.fragment_id:
                told["news"] = lambda: server.send(message)
            if not told["holding"]:
                server.send(message)

        browser.on_message(pass_on)

    tab.page.route_web_socket(re.compile("/_stcore/stream"), stand_between)
    with tab.page.expect_websocket(lambda socket: "/api/live" in socket.url):
        tab.page.goto(f"{tab.url}/workspaces")
    expect(tab.page.get_by_role("button", name="New chat here")).to_be_visible()
    while "news" not in told:  # the list asks to be redrawn once it is notified
        tab.page.wait_for_function("true")
    late = told["news"]
    tab.page.get_by_role("button", name="New chat here").click()
    expect(tab.prompts.first).to_be_visible()
    settle(tab)
    told["holding"] = True
    manage(chat)
    add(chat, name)  # for this, the list on the chat page has to redraw the whole page
    late()
    chosen(tab).click()
    expect(tab.page.get_by_role("menuitem", name=name)).to_be_visible()
    expect(tab.prompts.first).to_be_visible()
    expect(tab.page).to_have_url(f"{tab.url}/")
