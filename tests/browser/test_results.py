"""Results of a chat are shown beside it: to view, to download, to run again."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_looks import PHONE, assert_fits, assert_readable

QUERY = "/sql select month, month * 10.5 as revenue from (values (1), (2), (3)) as made(month)"
WIDE_PANEL = ".st-key-results-beside, .st-key-results-open"


class Panel:
    """The results panel of one tab."""

    def __init__(self, tab):
        self.tab = tab
        self.root = tab.page.locator(WIDE_PANEL)
        self.cards = self.root.locator('[class*="st-key-kept-"]')
        self.toggle = tab.page.locator(".st-key-open-results button")

    def card(self, number=0):
        return self.cards.nth(number)

    def download(self, number, name):
        """The bytes of a file offered by the card, and its file name."""
        with self.tab.page.expect_download() as waiting:
            self.card(number).get_by_role("link", name=name, exact=True).click()
        return Path(waiting.value.path()).read_bytes(), waiting.value.suggested_filename


def begin(tab, server):
    """A chat in the sample shop with a table and its chart. Returns its id."""
    tab.page.goto(f"{server.url}/?workspace=sample-shop")
    expect(tab.input).to_be_visible()
    session = tab.begin(QUERY)
    expect(tab.page.get_by_role("button", name="Try again")).to_be_visible()
    return session


def far_below_its_first_results(tab, server, *, queries):
    """The panel of a chat scrolled to its end, this many queries after its first results."""
    session = begin(tab, server)
    for number in range(queries):
        tab.send(f"/sql select '{number}' as words")
        expect(tab.page.get_by_text(f"words: {number}", exact=True)).to_be_visible()
    tab.open(session)
    return Panel(tab)


@pytest.fixture
def tab(visitor):
    return visitor.tab()


def test_results_open_beside_the_chat_and_can_be_downloaded(tab, app):
    begin(tab, app)
    panel = Panel(tab)
    expect(panel.cards).to_have_count(2)
    expect(panel.card(0).get_by_test_id("stVegaLiteChart")).to_be_visible()
    expect(panel.card(1).get_by_test_id("stDataFrame")).to_be_visible()
    content, name = panel.download(1, "CSV")
    assert name == "Revenue by month.csv"
    assert list(csv.reader(io.StringIO(content.decode())))[1:] == [["1", "10.5"], ["2", "21.0"], ["3", "31.5"]]
    assert panel.download(1, "Parquet")[0][:4] == b"PAR1"
    assert panel.download(0, "PNG")[0][:4] == b"\x89PNG"
    assert b"<svg" in panel.download(0, "SVG")[0]


def test_a_query_can_run_again_and_its_result_be_deleted(tab, app):
    begin(tab, app)
    panel = Panel(tab)
    expect(panel.cards).to_have_count(2)
    panel.card(1).get_by_role("button", name="Run again").click()
    expect(panel.cards).to_have_count(3)
    shown = tab.page.locator('[data-testid="stChatMessage"] [class*="st-key-result-"]')
    expect(shown).to_have_count(3)
    panel.card(0).get_by_role("button", name="Delete").click()
    expect(panel.card(0).get_by_text("cannot be undone")).to_be_visible()
    panel.card(0).locator('[class*="st-key-really-"] button').click()
    expect(panel.cards).to_have_count(2)
    expect(shown).to_have_count(2)


def test_a_result_leads_to_its_message(tab, app):
    panel = far_below_its_first_results(tab, app, queries=8)
    for listed in (4, 8):
        expect(panel.cards).to_have_count(listed)
        tab.page.get_by_role("button", name="Show older results").click()
    expect(panel.cards).to_have_count(10)
    oldest = panel.cards.filter(has_text="Revenue by month").last
    oldest.get_by_role("button", name="Show in chat").click()
    expect(tab.page.locator('[data-testid="stChatMessage"] .colloquy-lit')).to_be_in_viewport()
    expect(tab.texts.first).to_be_in_viewport()


BREAK_OFF = """() => {
    const scroller = document.querySelector('[data-testid="stMain"]');
    new MutationObserver((_, observer) => {
        if (!document.querySelector(".colloquy-lit")) return;
        observer.disconnect();
        requestAnimationFrame(() => (scroller.scrollTop = scroller.scrollHeight));
    }).observe(scroller, { attributes: true, childList: true, subtree: true });
}"""


def test_scrolling_to_a_message_can_be_interrupted(tab, app):
    panel = far_below_its_first_results(tab, app, queries=4)
    tab.page.get_by_role("button", name="Show older results").click()
    expect(panel.cards).to_have_count(6)
    expect(tab.answers.last).to_be_in_viewport()
    tab.page.evaluate(BREAK_OFF)
    oldest = panel.cards.filter(has_text="Revenue by month").last
    oldest.get_by_role("button", name="Show in chat").click()
    expect(tab.page.locator('[data-testid="stChatMessage"] .colloquy-lit')).to_be_in_viewport()
    expect(tab.texts.first).to_be_in_viewport()


def test_the_panel_belongs_to_the_open_chat_and_keeps_its_state(tab, app):
    first = begin(tab, app)
    panel = Panel(tab)
    expect(panel.cards).to_have_count(2)
    tab.new_chat()
    expect(panel.root).to_have_count(0)
    other = tab.begin("hello")
    expect(tab.page.get_by_role("button", name="Try again")).to_be_visible()
    expect(panel.root).to_have_count(0)
    tab.open_row(first)
    expect(panel.cards).to_have_count(2)
    panel.root.get_by_role("button", name="Close").click()
    expect(panel.root).to_have_count(0)
    expect(panel.toggle).to_have_text(re.compile(r"Results \(2\)"))
    tab.open_row(other)
    tab.open_row(first)
    expect(panel.toggle).to_be_visible()
    expect(panel.root).to_have_count(0)
    panel.toggle.click()
    expect(panel.cards).to_have_count(2)


def test_on_a_phone_the_panel_covers_the_chat_on_request(app, visitors):
    tab = visitors(app, **PHONE).tab()
    begin(tab, app)
    panel = Panel(tab)
    expect(panel.toggle).to_be_visible()
    expect(panel.root).not_to_be_visible()
    assert_fits(tab)
    panel.toggle.click()
    expect(panel.card(0)).to_be_visible()
    too_wide = panel.root.evaluate("panel => panel.scrollWidth > panel.clientWidth")
    assert not too_wide
    panel.card(0).get_by_role("button", name="Show in chat").click()
    expect(panel.root).not_to_be_visible()
    expect(tab.page.locator('[data-testid="stChatMessage"] [class*="st-key-result-"]').last).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_readable(app, visitors, scheme):
    tab = visitors(app, color_scheme=scheme).tab()
    begin(tab, app)
    panel = Panel(tab)
    panel.card(1).get_by_text("Query").click()
    expect(panel.card(1).get_by_text("select")).to_be_visible()
    assert_readable(tab)
