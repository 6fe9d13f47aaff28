"""Agents with tools from the user's point of view: steps, questions, files, feedback."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from colloquy.ui.chat.context_mark import WORDS
from tests.browser.chat import SERVER_AWAY
from tests.runtime import desk
from tests.support.servers import Server

CLERK = (
    desk.HEAD
    + '''
import asyncio
from pathlib import Path


async def wait_for(path: str) -> dict:
    """Waits until there is a file."""
    while not Path(path).exists():
        await asyncio.sleep(0.02)
    return {"found": path}


root_agent = LlmAgent(name="clerk", model=ScriptedModel(), tools=[*tools, wait_for])
'''
)
PAY = 'call pay {"amount": 5}'


def server_with_clerk(folder):
    """A server whose agents include one with tools."""
    (folder / "agents" / "clerk").mkdir(parents=True)
    (folder / "agents" / "clerk" / "agent.py").write_text(CLERK, "utf-8")
    return Server(folder / "data", agents_dir=folder / "agents")


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    server = server_with_clerk(tmp_path_factory.mktemp("office")).start()
    yield server
    server.close()


@pytest.fixture
def tab(office, visitors):
    return visitors(office).tab().open()


@pytest.fixture
def own_office(tmp_path):
    """A server with the clerk that one test may stop and start."""
    server = server_with_clerk(tmp_path)
    yield server
    server.close()


@pytest.fixture
def own_tab(own_office, visitors):
    visitor = visitors(own_office.start())
    visitor.expect_trouble(SERVER_AWAY)
    return visitor.tab().open()


def ask_clerk(tab, text):
    """Start a chat with the clerk. Returns the session's id."""
    tab.page.get_by_role("radio", name="clerk").click()
    expect(tab.page.get_by_text("Model set by the agent")).to_be_visible()
    return tab.begin(text)


def step(tab, words):
    return tab.page.locator('[data-testid="stChatMessage"] details').filter(has_text=words)


def button(tab, name):
    return tab.page.get_by_role("button", name=name, exact=True)


def begin(tab):
    """A chat with one message and its complete answer. Returns the session's id."""
    session = tab.begin("hello")
    tab.shows("hello", "You said: hello")
    expect(button(tab, "Try again")).to_be_visible()
    expect(foot(tab)).to_have_count(1)
    return session


def foot(tab):
    return tab.answers.last.locator('[class*="st-key-copy-"]')


def attach(tab, file):
    with tab.page.expect_response(lambda response: "upload_file" in response.url and response.request.method == "PUT"):
        tab.page.locator('[data-testid="stChatInput"] input[type="file"]').set_input_files(file)
    expect(tab.page.get_by_test_id("stChatInput").get_by_text(file.name)).to_be_visible()
    expect(tab.page.get_by_test_id("stChatInputSubmitButton")).to_be_enabled()  # until then, Enter sends nothing


@pytest.fixture
def picture(tmp_path):
    Image.new("RGB", (640, 400), "purple").save(tmp_path / "shop.png")
    return tmp_path / "shop.png"


class TestSteps:
    def test_a_query_is_an_expandable_step_above_its_table(self, tab, office):
        tab.page.goto(f"{office.url}/?workspace=sample-shop")
        expect(tab.input).to_be_visible()
        tab.begin("/sql select 6 * 7 as answer")
        query = step(tab, "Ran a query")
        expect(query).to_contain_text("1 row")
        expect(tab.page).to_have_title("Answer · Data analyst")  # no model was called
        code = query.locator("code.language-sql")
        expect(code).to_be_hidden()
        query.locator("summary").click()
        expect(code).to_have_text("select 6 * 7 as answer")
        expect(tab.answers.get_by_test_id("stDataFrame")).to_be_visible()
        expect(tab.answers).to_have_count(1)

    def test_a_custom_tool_is_shown_by_name(self, tab):
        ask_clerk(tab, "call look_up {}")
        found = step(tab, "look_up")
        found.locator("summary").click()
        expect(found.locator("code.language-json")).to_have_text('{"found": 7}')

    def test_the_answer_names_the_running_tool(self, tab, tmp_path):
        file = tmp_path / "there"
        ask_clerk(tab, f'call wait_for {{"path": "{file.as_posix()}"}}')
        expect(step(tab, "Calling wait_for")).to_be_visible()
        expect(tab.stop).to_be_visible()
        file.touch()
        expect(step(tab, "Calling wait_for")).to_have_count(0)
        expect(tab.answers.last).to_contain_text("wait_for answered")


class TestQuestions:
    def test_a_question_is_approved_by_keyboard_after_a_reload(self, tab):
        session = ask_clerk(tab, PAY)
        expect(tab.page.get_by_text("Allow clerk to run pay?")).to_be_visible()
        tab.expect_mark(session, "paused")
        tab.page.reload()
        button(tab, "Approve").press("Enter")
        expect(step(tab, re.compile("pay · approved"))).to_be_visible()
        expect(tab.answers.last).to_contain_text('pay answered {"paid": 5}')
        expect(button(tab, "Approve")).to_have_count(0)
        expect(tab.answers).to_have_count(1)
        tab.expect_mark(session, "plain")

    def test_a_declined_tool_does_not_run(self, tab):
        ask_clerk(tab, PAY)
        button(tab, "Decline").click()
        declined = step(tab, re.compile("declined"))
        declined.locator("summary").click()
        expect(declined).to_contain_text("You declined this")
        expect(tab.answers.last).not_to_contain_text("paid")
        tab.send("hello")
        expect(tab.answers.last).to_contain_text("You said: hello")

    def test_a_question_survives_a_restart_and_the_turn_continues(self, own_tab, own_office):
        session = ask_clerk(own_tab, PAY)
        expect(button(own_tab, "Approve")).to_be_visible()
        own_office.kill()
        own_office.start()
        own_tab.open(session)
        own_tab.expect_mark(session, "paused")
        button(own_tab, "Approve").click()
        expect(own_tab.answers.last).to_contain_text('pay answered {"paid": 5}')


class TestFeedback:
    def test_thumbs_and_a_comment_are_saved(self, tab):
        session = begin(tab)
        foot(tab).get_by_role("button", name="Bad answer").click()
        foot(tab).get_by_role("button", name="Add a comment").click()
        foot(tab).get_by_label("Comment on this answer").fill("Too *short*")
        foot(tab).get_by_role("button", name="Save").click()
        expect(foot(tab)).to_contain_text("“Too *short*”")
        tab.send("again")
        expect(tab.answers).to_have_count(2)
        tab.open(session)
        first = tab.answers.first.locator('[class*="st-key-copy-"]')
        expect(first.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
        expect(first).to_contain_text("“Too *short*”")
        expect(foot(tab).get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")

    def test_a_second_click_removes_a_thumb(self, tab):
        session = begin(tab)
        thumb = foot(tab).get_by_role("button", name="Good answer")
        thumb.click()
        expect(thumb).to_have_attribute("aria-pressed", "true")
        thumb.click()
        expect(thumb).to_have_attribute("aria-pressed", "false")
        tab.send("again")
        expect(tab.answers).to_have_count(2)
        tab.open(session)
        expect(tab.answers.first.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")

    def test_a_comment_being_written_stays_while_an_answer_arrives(self, tab):
        begin(tab)
        foot(tab).get_by_role("button", name="Good answer").click()
        tab.send("count 40 every 20 ms")
        tab.wait_for_words(3)
        first = tab.answers.first.locator('[class*="st-key-copy-"]')
        first.get_by_role("button", name="Add a comment").click()
        tab.page.keyboard.type("as I said", delay=20)
        tab.wait_for_words(40)
        expect(first.get_by_label("Comment on this answer")).to_have_value("as I said")


class TestFiles:
    def test_a_text_file_is_sent_with_a_message(self, tab, tmp_path):
        notes = tmp_path / "notes.txt"
        notes.write_text("first\nsecond", "utf-8")
        attach(tab, notes)
        tab.begin("read this")
        question = tab.bubbles.first
        expect(question).to_contain_text("read this")
        expect(question).to_contain_text("notes.txt")
        expect(question).not_to_contain_text("second")
        expect(tab.answers.last).to_contain_text("You said:")

    def test_pictures_for_a_model_that_cannot_read_them_are_refused_and_no_text_is_lost(self, tab, picture):
        begin(tab)
        menu = tab.page.locator(".st-key-model-menu button")
        menu.click()
        tab.page.get_by_role("menuitem", name="Scripted two").click()
        expect(menu).to_contain_text("Scripted two")
        attach(tab, picture)
        tab.send("what is this?")
        expect(tab.page.get_by_text("Scripted two does not read images")).to_be_visible()
        expect(tab.input).to_have_value("what is this?")
        tab.shows("hello", "You said: hello")
        menu.click()
        tab.page.get_by_role("menuitem", name="Scripted", exact=True).click()
        expect(menu).not_to_contain_text("Scripted two")
        attach(tab, picture)
        tab.input.press("Enter")
        expect(tab.bubbles.nth(2).get_by_test_id("stImage").locator("img")).to_be_visible()
        expect(tab.page.get_by_text("does not read images")).to_have_count(0)

    def test_a_file_lost_in_a_restart_is_reported_and_the_text_is_kept(self, own_tab, own_office, tmp_path):
        notes = tmp_path / "notes.txt"
        notes.write_text("first", "utf-8")
        begin(own_tab)
        attach(own_tab, notes)
        page = own_tab.page.get_by_test_id("stApp")
        own_office.stop()
        expect(page).not_to_have_attribute("data-test-connection-state", "CONNECTED")
        own_office.start()
        expect(page).to_have_attribute("data-test-connection-state", "CONNECTED")
        own_tab.send("read this")
        expect(own_tab.page.get_by_text("before the attached file could be sent")).to_be_visible()
        expect(own_tab.input).to_have_value("read this")


def test_messages_outside_the_context_are_marked(tab):
    tab.begin("message 0")
    for number in range(1, 11):
        tab.send(f"message {number}")
        expect(tab.answers.last).to_contain_text(f"You said: message {number}")
        expect(tab.stop).to_have_count(0)
    tab.page.reload()  # how much of a long chat an open page shows depends on when it was last drawn
    tab.page.get_by_role("button", name="Show older messages").click()
    marked = """bubbles => bubbles.filter(bubble => getComputedStyle(bubble, "::before").content.includes(WORDS))
        .map(bubble => bubble.innerText)""".replace("WORDS", f'"{WORDS}"')
    expect(tab.bubbles).to_have_count(22)
    [bubble] = tab.bubbles.evaluate_all(marked)
    assert "You said: message 0" in bubble
