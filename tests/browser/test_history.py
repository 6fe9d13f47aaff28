"""The history page in a browser: find, read, label, compare, export and continue a conversation."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chat import BUBBLE
from tests.browser.conftest import Visitor
from tests.browser.test_looks import PHONE, assert_no_sideways, assert_readable

ROW = ".conversations tbody tr"
HIT = ".history-hits li"


class History:
    """The page in one tab, in terms of what a user does."""

    def __init__(self, tab):
        self.tab = tab
        self.page = tab.page
        self.rows = tab.page.locator(ROW)
        self.titles = tab.page.locator(f"{ROW} a")
        self.hits = tab.page.locator(HIT)
        self.bubbles = tab.page.locator(BUBBLE)
        self.search = tab.page.get_by_placeholder("Search titles, messages and tool calls")
        self.filters = tab.page.locator(".st-key-history-filters")
        self.back = tab.page.get_by_role("button", name=re.compile("All chats|Back to the list"))

    def open(self, query=""):
        self.page.goto(f"{self.tab.url}/history{query}")
        return self

    def listed(self, query=""):
        self.open(query)
        expect(self.rows.first).to_be_visible()
        return self

    def address(self, number):
        """The link of a row."""
        return self.titles.nth(number).get_attribute("href").removeprefix("./history")

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def sort(self, name, direction):
        self.button(name).click()
        expect(self.page.get_by_role("columnheader", name=name)).to_have_attribute("aria-sort", direction)

    def pick(self, *numbers):
        for number in numbers:
            self.rows.nth(number).get_by_role("checkbox").click()

    def shows_transcript(self):
        expect(self.back).to_be_visible()
        expect(self.bubbles.first.get_by_role("button", name="Branch here")).to_be_visible()

    def fits(self):
        assert_no_sideways(self.page)


@pytest.fixture(scope="module")
def regular(chromium, demo):
    """The visitor in most tests, who has the page's files in the browser's cache."""
    visitor = Visitor(chromium, demo.url, timezone_id="Europe/Berlin")
    yield visitor
    visitor.context.close()


@pytest.fixture
def here(visitor):
    """A tab of this visitor."""
    return History(visitor.tab())


@pytest.fixture
def history(demo, visitors):
    """Opens a tab in a separate browser."""

    def visit(**options):
        visitor = visitors(demo, timezone_id="Europe/Berlin", **options)
        return History(visitor.tab())

    return visit


def test_filters_and_order_are_in_the_url_and_survive_a_reload(here):
    here.listed()
    here.page.get_by_role("combobox", name=re.compile("Agent")).fill("Specialist")
    here.page.keyboard.press("Enter")
    here.page.wait_for_url(re.compile("agent=specialist"))
    expect(here.page.locator(f"{ROW} td.agent").filter(has_not_text="Specialist")).to_have_count(0)
    here.page.keyboard.press("Escape")
    here.sort("Messages", "descending")
    here.sort("Messages", "ascending")
    assert re.search(r"agent=specialist&sort=messages$", here.page.url)
    first = here.address(0)
    here.page.reload()
    expect(here.titles.first).to_have_attribute("href", f"./history{first}")


def test_a_row_opens_its_transcript_and_back_returns_to_the_unchanged_list(here):
    here.listed("?sort=-messages")
    title = here.titles.nth(30).text_content()
    here.titles.nth(30).click()
    here.shows_transcript()
    expect(here.page.get_by_role("heading", name=title)).to_be_in_viewport()
    expect(here.page).to_have_title(f"{title} · History · Colloquy")
    here.page.go_back()
    expect(here.page).to_have_title("History · Colloquy")
    expect(here.titles.nth(30)).to_be_in_viewport()
    expect(here.titles.nth(30)).to_be_focused()
    assert here.page.url.endswith("?sort=-messages")
    here.titles.nth(1).click()
    here.shows_transcript()
    here.back.click()
    expect(here.page.get_by_role("columnheader", name="Messages")).to_have_attribute("aria-sort", "descending")


def test_a_hit_opens_its_transcript_at_the_message_with_highlighted_words(here):
    here.listed()
    here.search.fill("warehouse onboarding")
    here.search.press("Enter")
    expect(here.page.get_by_text("No chats match these filters.")).to_be_visible()
    here.search.fill("select customers")
    here.search.press("Enter")
    expect(here.hits.first.locator("mark").first).to_have_text("select")
    here.hits.first.get_by_role("link").click()
    here.shows_transcript()
    marked = here.bubbles.filter(has=here.page.locator("pre:visible"))  # the step of the call is expanded
    expect(marked).to_have_count(1)
    expect(marked).to_be_in_viewport()
    expect(marked).to_have_css("outline-style", "solid")
    here.page.wait_for_function("() => CSS.highlights.get('colloquy-found')?.size >= 2")
    here.page.go_back()
    expect(here.search).to_have_value("select customers")
    expect(here.hits.first).to_be_visible()


def test_two_transcripts_are_side_by_side_and_one_at_a_time_on_a_phone(here, history):
    here.listed("?sort=-messages")
    here.pick(0, 1)
    expect(here.page.get_by_text("2 selected")).to_be_visible()
    here.button("Compare").click()
    heads = here.page.locator("h2")
    expect(heads).to_have_count(2)
    expect(heads.nth(0)).to_be_in_viewport()
    expect(heads.nth(1)).to_be_in_viewport()
    phone = history(**PHONE)
    phone.open(here.page.url.partition("/history")[2])
    heads = phone.page.locator("h2")
    expect(heads.nth(0)).to_be_visible()
    expect(heads.nth(1)).not_to_be_visible()
    phone.page.get_by_text("Second", exact=True).click()
    expect(heads.nth(1)).to_be_visible()
    expect(heads.nth(0)).not_to_be_visible()
    phone.fits()


def test_selected_chats_can_be_tagged_exported_deleted_and_restored(here):
    here.listed("?sort=created")
    here.pick(0, 1, 2, 3, 4)
    expect(here.page.get_by_text("5 selected")).to_be_visible()
    here.pick(1, 3, 4)
    expect(here.page.get_by_text("2 selected")).to_be_visible()
    here.button("Tag").click()
    tags = here.page.get_by_role("combobox", name="Add")
    tags.fill("to discuss")
    tags.press("Enter")
    expect(here.rows.nth(0).get_by_text("to discuss", exact=True)).to_be_visible()
    expect(here.rows.nth(2).get_by_text("to discuss", exact=True)).to_be_visible()
    here.page.keyboard.press("Escape")
    here.page.keyboard.press("Escape")
    here.button("Export").click()
    dialog = here.page.get_by_role("dialog").filter(has_text="Export 2 chats")
    with here.page.expect_download() as download:
        dialog.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes()
    here.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    first = here.address(0)
    here.button("Delete").click()
    expect(here.page.get_by_text("Deleted 2 chats.")).to_be_visible()
    expect(here.titles.first).not_to_have_attribute("href", f"./history{first}")
    here.page.reload()
    here.button("Undo").click()
    expect(here.titles.first).to_have_attribute("href", f"./history{first}")


def test_a_branch_can_be_started_at_any_message(here):
    here.listed("?user=local&sort=-messages")
    here.titles.first.click()
    here.shows_transcript()
    title = here.page.locator("h2").text_content()
    asked = here.bubbles.first.locator(".typed").first.text_content()
    here.bubbles.first.get_by_role("button", name="Branch here").click()
    expect(here.tab.title).to_have_text(f"{title} (branch)")
    expect(here.tab.input).to_be_visible()
    expect(here.button("Answer it")).to_be_visible()  # the question is there without its answer
    expect(here.bubbles.first).to_contain_text(asked)


def test_the_page_works_by_keyboard_alone(here):
    here.listed("?sort=-messages")
    here.titles.first.focus()
    here.page.keyboard.press("ArrowDown")
    expect(here.titles.nth(1)).to_be_focused()
    here.page.keyboard.press("Shift+Tab")
    here.page.keyboard.press("Space")
    expect(here.page.get_by_text("1 selected")).to_be_visible()
    here.page.keyboard.press("Tab")
    expect(here.titles.nth(1)).to_be_focused()
    here.page.keyboard.press("Enter")
    here.shows_transcript()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["wide", "phone"])
def test_all_text_is_readable(history, scheme, size):
    here = history(color_scheme=scheme, **size).listed("?sort=-messages")
    if size:
        expect(here.filters).to_be_hidden()
        here.page.get_by_text("Filters", exact=True).click()
    expect(here.filters).to_be_visible()
    assert here.filters.evaluate("bar => bar.scrollWidth <= bar.clientWidth")
    assert_readable(here.tab)
    here.fits()
    here.titles.first.click()
    here.shows_transcript()
    assert_readable(here.tab)
    here.fits()
    here.open("?text=invoice")
    expect(here.hits.first).to_be_visible()
    assert_readable(here.tab)
    here.fits()


def test_a_note_is_saved_when_escape_closes_its_editor(demo, visitors):
    tab = visitors(demo).tab()
    tab.page.goto(f"{demo.url}/history")
    tab.page.locator(".conversations td.title a").first.click()
    button = tab.page.get_by_role("button", name="Tags and note")
    button.click()
    note = tab.page.get_by_role("textbox", name="Note")
    note.click()
    tab.page.keyboard.type("worth remembering")
    tab.page.keyboard.press("Escape")
    expect(note).to_have_count(0)
    expect(tab.page.locator(".history-facts").get_by_text("worth remembering")).to_be_visible()
