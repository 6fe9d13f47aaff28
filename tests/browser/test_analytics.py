"""The analytics page in a browser: filters in the URL, the way to a chat, downloads of the data, appearance."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_looks import PHONE, assert_no_sideways, assert_readable

CHART = '[data-testid="stVegaLiteChart"] svg.marks'


@pytest.fixture
def open_analytics(demo, visitors):
    """Opens the page with these parameters in its URL, and waits until it is complete."""

    def open_page(query="?show=All&period=Year", **options):
        visitor = visitors(demo, timezone_id="Europe/Berlin", **options)
        tab = visitor.tab()
        warnings = []
        tab.page.on("console", lambda said: warnings.append(said.text) if "Infinite extent" in said.text else None)
        tab.page.goto(f"{demo.url}/analytics{query}")
        complete(tab.page)
        assert not warnings  # Vega drew no chart before it had its rows
        return tab

    return open_page


def complete(page, bars=7):
    expect(page.locator(CHART)).to_have_count(5, timeout=60_000)
    expect(page.locator("ul.bars:has(li)")).to_have_count(bars)
    expect(page.get_by_role("group", name="Figures").get_by_role("button").first).to_be_visible()


def figure(page, name):
    return page.locator(f'button[data-name="{name}"]')


def test_navigation_from_the_chats_and_back(demo, visitors):
    visitor = visitors(demo)
    chat = visitor.tab().open()
    expect(chat.sidebar.get_by_text("Demo data")).to_be_visible()
    chat.page.get_by_role("link", name="Analytics").click()
    expect(chat.page.get_by_role("heading", name="Analytics")).to_be_visible()
    expect(chat.page.get_by_test_id("stMain").get_by_text("Demo data")).to_be_visible()
    chat.page.get_by_role("link", name="Chat", exact=True).click()
    expect(chat.input).to_be_visible()


def test_a_filter_is_in_the_url_and_survives_a_reload(open_analytics):
    page = open_analytics("?show=All").page
    all_chats = figure(page, "conversations").locator(".value").text_content()
    page.get_by_role("combobox", name=re.compile("Agent")).fill("Specialist")
    page.keyboard.press("Enter")
    expect(figure(page, "conversations").locator(".value")).not_to_have_text(all_chats)
    page.wait_for_url(re.compile("agent=Specialist"))
    chosen = figure(page, "conversations").locator(".value").text_content()
    page.reload()
    complete(page, bars=6)  # this agent calls no tools
    expect(figure(page, "conversations").locator(".value")).to_have_text(chosen)


@pytest.mark.parametrize("size", [{}, PHONE], ids=["wide", "phone"])
def test_chosen_filter_values_are_readable(open_analytics, size):
    page = open_analytics("?agent=Data+analyst&workspaces=Sample+shop", **size).page
    for name in ("Data analyst", "Sample shop"):
        chosen = page.locator(f'[data-tag][aria-label="{name}"] [title="{name}"]:visible')
        expect(chosen).to_have_count(1)
        assert chosen.evaluate("text => text.scrollWidth <= text.clientWidth"), name


def test_the_choice_of_saved_chats_is_kept_per_browser(demo, visitors):
    visitor, other = visitors(demo), visitors(demo)
    page = visitor.tab().page
    page.goto(f"{demo.url}/analytics")
    expect(page.get_by_role("radio", name="All", exact=True)).to_be_checked()
    page.get_by_role("radio", name="Saved").click()
    page.wait_for_url(re.compile("show=Saved"))
    page.wait_for_function("() => document.cookie.includes('colloquy_analytics_chats=Saved')")
    again = visitor.tab().page
    again.goto(f"{demo.url}/analytics")
    expect(again.get_by_role("radio", name="Saved")).to_be_checked()
    again.wait_for_url(re.compile("show=Saved"))
    elsewhere = other.tab().page
    elsewhere.goto(f"{demo.url}/analytics")
    expect(elsewhere.get_by_role("radio", name="All", exact=True)).to_be_checked()


def test_days_without_data_keep_their_place_on_the_axis(open_analytics):
    page = open_analytics("?period=30+days&agent=Data+analyst").page  # an agent that is not used every day
    named = page.locator(".st-key-card-activity .role-axis-label text")
    expect(named.first).to_be_visible()
    for card in ("spending", "latency", "feedback"):
        labels = page.locator(f".st-key-card-{card} .role-axis-label text").all_text_contents()
        days = [label for label in labels if re.fullmatch(r"\d\d \w{3}", label)]
        shown = page.locator(f".st-key-card-{card} .role-axis-label text[opacity='1']").all_text_contents()
        assert len(days) == 30, card
        assert len(set(shown) & set(days)) > 2, card


def test_a_figure_leads_to_its_chats_and_back(open_analytics):
    page = open_analytics("?period=Year&agent=Data+analyst").page
    figures = page.locator(".figures button .value").all_text_contents()
    figure(page, "failures").click()
    rows = page.locator(".conversations tbody tr")
    expect(page.get_by_text("Failed turns")).to_be_visible()
    expect(rows.first.locator(".about time")).to_have_text(re.compile(r"^\d\d \w{3} \d{4}, \d\d:\d\d$"))
    expect(rows.first.locator(".about span")).not_to_be_empty()
    page.wait_for_url(re.compile(r"/history\?behind="))
    titles = rows.locator("a").all_text_contents()
    page.reload()
    expect(rows.locator("a")).to_have_text(titles)
    rows.first.locator("a").click()
    expect(page.get_by_role("heading", name=titles[0])).to_be_visible()
    page.wait_for_url(re.compile("message="))
    expect(page.get_by_test_id("stChatMessage").first).to_be_visible()
    expect(page.get_by_text(f"1 of {len(titles)}")).to_be_visible()
    expect(page.get_by_role("button", name="Previous", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text(f"2 of {len(titles)}")).to_be_visible()
    expect(page.get_by_role("heading", name=titles[1])).to_be_visible()
    page.get_by_role("button", name="Back to the list").click()
    expect(rows.locator("a")).to_have_text(titles)
    page.get_by_role("button", name="Analytics", exact=True).click()
    complete(page)
    expect(page.locator(".figures button .value")).to_have_text(figures)
    assert "period=Year" in page.url


def test_the_back_button_returns_to_the_unchanged_page(open_analytics):
    page = open_analytics("?period=Year&agent=Data+analyst&show=Saved").page
    figures = page.locator(".figures button .value").all_text_contents()
    figure(page, "turns").click()
    expect(page.locator(".conversations tbody tr").first).to_be_visible()
    page.go_back()
    complete(page)
    expect(page.locator(".figures button .value")).to_have_text(figures)
    assert "agent=Data+analyst" in page.url
    assert "show=Saved" in page.url


def test_a_chat_about_the_filters_keeps_them_after_a_reload(open_analytics):
    page = open_analytics("?show=All&period=Year&agent=Data+analyst").page
    page.get_by_role("button", name="Ask the history").click()
    scope = page.get_by_text("About the chats with these filters")
    expect(scope).to_contain_text("agent Data analyst")
    page.wait_for_url(re.compile("about="))
    page.reload()
    expect(scope).to_contain_text("agent Data analyst")
    expect(page.get_by_role("radio", name="History analyst")).to_be_checked()


def listed(page, title):
    """Opens the chats behind what was clicked, and goes back."""
    expect(page.locator(".st-key-history-behind").get_by_text(title)).to_be_visible()
    expect(page.locator(".conversations tbody tr").first).to_be_visible()
    page.get_by_role("button", name="Analytics", exact=True).click()
    complete(page)


def test_a_chart_leads_to_its_chats_repeatedly(open_analytics):
    page = open_analytics().page
    chart = page.locator(f".st-key-card-activity {CHART}")
    for _ in range(2):
        box = chart.bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.75)
        listed(page, re.compile("Week of "))


def test_a_bar_leads_to_its_chats_by_mouse_and_by_keyboard(open_analytics):
    page = open_analytics().page
    bars = page.locator(".st-key-card-turns").get_by_role("listitem")
    bars.filter(has_text="3-5 turns").click()
    listed(page, "Turns: 3-5")
    bars.get_by_role("button", name="2 turns", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    listed(page, "Turns: 3-5")


def test_failures_are_red_and_lead_to_their_own_list(open_analytics):
    page = open_analytics().page
    failed = page.locator('.st-key-card-tools .bar [data-part="Failed"]')
    expect(failed.first).to_have_css("background-color", "rgb(220, 38, 38)")
    page.locator(".st-key-card-tools").get_by_role("button", name=re.compile("% failed")).click()
    listed(page, "run_sql: failed")


def test_a_word_leads_to_its_messages(open_analytics):
    page = open_analytics().page
    word = page.locator(".st-key-card-terms .bars").get_by_role("button").first
    name = word.text_content()
    word.click()
    listed(page, f"“{name}”")


def test_chart_data_is_available_as_table_and_csv(open_analytics):
    page = open_analytics().page
    page.locator(".st-key-data-agents button").click()
    popover = page.get_by_test_id("stPopoverBody")
    expect(popover.get_by_test_id("stDataFrame")).to_be_visible()
    with page.expect_download() as download:
        popover.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text("utf-8").splitlines()
    assert lines[0].startswith("Agent,Chats,Messages,Turns,Tokens,Cost")
    assert len(lines) == 6


def test_prices_can_be_viewed(open_analytics):
    page = open_analytics().page
    page.get_by_role("button", name="Prices").click()
    expect(page.get_by_role("dialog").get_by_test_id("stDataFrame")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["wide", "phone"])
def test_all_text_is_readable(open_analytics, scheme, size):
    tab = open_analytics(color_scheme=scheme, **size)
    assert_readable(tab)
    assert_no_sideways(tab.page)
