"""The SQL page in a browser: queries run by keyboard, cancelled, shared, downloaded, and asked about."""

import re

import pytest
from playwright.sync_api import expect
from pyarrow import parquet

from tests.browser.test_looks import PHONE, assert_readable

ENDLESS = "select count(*) from range(10000000) a, range(10000000) b where a.range * b.range = 1"


class Console:
    """The page in one tab."""

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.field = page.get_by_role("textbox", name="SQL", exact=True)
        self.table = page.get_by_test_id("stDataFrame")
        self.cancel = page.get_by_role("button", name="Cancel", exact=True)
        self.side = page.get_by_test_id("stSidebar")

    def open(self, query=""):
        self.page.goto(f"{self.url}/sql{query}")
        expect(self.field).to_be_visible()
        return self

    def write(self, sql):
        self.field.fill(sql)
        self.page.keyboard.press("Escape")  # the completion menu must not cover the page

    def holds(self, sql):
        expect(self.field).to_have_text(sql, use_inner_text=True)

    def run(self, sql):
        self.write(sql)
        self.field.press("Control+Enter")


@pytest.fixture
def console(visitor):
    return Console(visitor.context.new_page(), visitor.url).open()


def test_a_query_is_run_by_keyboard_and_its_result_downloaded(console):
    console.run("select i as number from range(300) t(i)")
    expect(console.table).to_be_visible()
    expect(console.page.locator(".result-footer")).to_contain_text("300 rows")
    with console.page.expect_download() as downloading:
        console.page.get_by_role("link", name="Parquet").click()
    assert downloading.value.suggested_filename == "Number.parquet"
    assert parquet.read_table(downloading.value.path()).column("number").to_pylist() == list(range(300))


def test_a_running_query_can_be_cancelled_and_the_page_stays_usable(console):
    console.run(ENDLESS)
    expect(console.cancel).to_be_visible()
    console.side.get_by_role("tab", name="Recent").click()
    console.side.get_by_role("tab", name="Tables").click()
    console.side.get_by_text("feedback", exact=True).click()
    console.side.get_by_role("button", name="score tinyint").click()
    console.holds(f"{ENDLESS} score")
    console.cancel.click()
    expect(console.page.get_by_text("The query was cancelled.")).to_be_visible()
    expect(console.cancel).to_have_count(0)


def test_keywords_tables_and_columns_are_completed_and_tab_does_not_trap_focus(console):
    options = console.page.get_by_role("option")
    expect(console.field).to_be_focused()
    console.page.keyboard.type("select first_tok")
    expect(options.filter(has_text="first_token_seconds")).to_be_visible()
    # For a moment, suggestions cannot be accepted, so that users do not accept by accident what appears while they
    # type.
    shown = console.page.evaluate("performance.now()")
    console.page.wait_for_function("shown => performance.now() > shown + 100", arg=shown)
    console.page.keyboard.press("Tab")
    console.holds("select first_token_seconds")
    console.page.keyboard.type(" fro")
    expect(options.first).to_have_text(re.compile("^from"))
    console.page.keyboard.press("Escape")
    console.page.keyboard.type("m turns")
    expect(options.filter(has_text="turns").first).to_be_visible()
    console.page.keyboard.press("Escape")
    console.page.keyboard.type(" t where t.sta")
    expect(options.filter(has_text="status").first).to_be_visible()
    console.page.keyboard.press("Escape")
    console.page.keyboard.press("Tab")
    expect(console.page.get_by_role("button", name="Run")).to_be_focused()
    console.page.keyboard.press("Shift+Tab")
    expect(console.field).to_be_focused()


def test_tables_are_suggested_where_expected_and_enter_after_a_whole_word_breaks_the_line(console):
    options = console.page.get_by_role("option")
    expect(console.field).to_be_focused()
    console.page.keyboard.type("select 1 from t")
    expect(options.first).to_have_text(re.compile("^(turns|tool_calls)"))
    console.page.keyboard.press("Escape")
    console.page.keyboard.type("urns")
    expect(options.first).to_have_text(re.compile("^turns"))
    console.page.keyboard.press("Enter")
    console.page.keyboard.type("limit")
    expect(options.first).to_have_text(re.compile("^limit"))
    console.holds("select 1 from turns\nlimit")
    console.page.keyboard.type(" 5")
    console.page.keyboard.press("Control+Enter")
    expect(options).to_have_count(0)
    expect(console.page.locator(".result-footer")).to_be_visible()


def test_sql_is_highlighted(console):
    console.write("select 'word', 42 from turns -- why")
    colours = {
        text: console.field.get_by_text(text, exact=True).evaluate("span => getComputedStyle(span).color")
        for text in ("select", "'word'", "42", "-- why")
    }
    assert len(set(colours.values())) == 4, colours


def test_rows_are_paged(console):
    console.run("select i from range(450) t(i)")
    expect(console.page.get_by_text("Rows 1 to 200 of 450")).to_be_visible()
    console.page.get_by_role("button", name="Next").click()
    expect(console.page.get_by_text("Rows 201 to 400 of 450")).to_be_visible()


def test_a_first_query_of_a_table_is_one_click_away(console):
    console.side.get_by_text("turns", exact=True).click()
    console.side.get_by_role("button", name="First 50 rows").click()
    console.holds("select * from turns limit 50")
    console.page.get_by_role("button", name="Run").click()
    expect(console.page.locator(".result-footer")).to_contain_text("rows")


def test_a_shared_url_shows_its_query_without_running_it(visitor):
    console = Console(visitor.context.new_page(), visitor.url).open("?sql=select%2042%20as%20answer")
    console.holds("select 42 as answer")
    expect(console.page.get_by_text("Try one of these:")).to_be_visible()
    expect(console.table).to_have_count(0)
    console.write("select 43 as answer")
    console.page.get_by_role("button", name="Run").click()
    expect(console.table).to_be_visible()
    expect(console.page).to_have_url(re.compile(r"sql=select\+43"))


def test_the_history_can_be_asked_from_the_page(console):
    console.page.get_by_role("button", name="Ask the history").click()
    message = console.page.get_by_placeholder("Write a message")
    expect(console.page.get_by_role("radio", name="History analyst")).to_be_visible()
    message.fill("/sql select count(*) > 0 as some from history.conversations")
    message.press("Enter")
    expect(console.page.locator('[data-testid="stChatMessage"]').nth(1)).to_contain_text("some: yes")


@pytest.mark.parametrize(("scheme", "size"), [("dark", {}), ("light", PHONE)], ids=["desktop", "phone"])
def test_all_text_is_readable(app, visitors, scheme, size):
    visitor = visitors(app, color_scheme=scheme, **size)
    tab = visitor.tab()
    console = Console(tab.page, app.url).open()
    console.run("select 'day ' || i as day, i as chats from range(9) t(i)")
    expect(console.table).to_be_visible()
    tab.page.get_by_role("radio", name="Chart").click()
    expect(tab.page.locator('[data-testid="stVegaLiteChart"] svg.marks')).to_be_visible()
    if not size:
        assert console.side.get_by_role("tablist").evaluate("tabs => tabs.scrollWidth <= tabs.clientWidth")
        console.side.get_by_text("turns", exact=True).click()
        expect(console.side.get_by_text("From the start to the end")).to_be_visible()
    assert_readable(tab)
    wide = tab.page.locator('html, [data-testid="stMain"]').evaluate_all(
        "all => all.map(e => e.scrollWidth - e.clientWidth)"
    )
    assert max(wide) <= 0


def test_a_query_can_be_saved_by_name_and_restored(console):
    console.write("select 'kept' as word")
    console.page.get_by_role("button", name="Save", exact=True).click()
    name = console.page.get_by_label("Query name")
    name.fill("My query")
    name.press("Enter")
    expect(name).to_have_count(0)
    console.write("")
    console.side.get_by_role("tab", name="Saved").click()
    console.side.get_by_role("button", name="My query", exact=True).click()
    console.holds("select 'kept' as word")
    console.side.get_by_role("button", name="Change My query").click()
    console.page.get_by_role("menuitem", name="Remove").click()
    expect(console.side.get_by_text("Saved queries appear here.")).to_be_visible()
