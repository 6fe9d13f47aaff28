"""The appearance of the page and its use without a mouse, in light and dark, wide and narrow."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect

from tests.browser.chat import TEXT

READABLE = 4.5
"""The contrast that WCAG AA requires of text."""

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")

PHONE = {"viewport": {"width": 390, "height": 844}}
LONG = (
    "x" * 300
    + " and\n\n```\n"
    + "y" * 300
    + "\n```\n\n| "
    + " | ".join("abcdefgh" * 4 for _ in range(6))
    + " |\n"
    + "|---" * 6
    + "|"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_readable(app, visitors, scheme):
    tab = visitors(app, color_scheme=scheme).tab().open()
    assert_readable(tab)
    session = tab.begin("count 3 then fail")
    expect(tab.page.get_by_text("The scripted model failed as it was told to.")).to_be_visible()
    assert_readable(tab)
    tab.send("some `code`, a [link](https://example.com) and a\n\n> quotation")
    expect(tab.answers.last.locator("a")).to_be_visible()
    expect(tab.row(session)).to_have_count(1)
    assert_readable(tab)


def assert_readable(tab):
    with suppress(PlaywrightTimeoutError):  # text that fades in is not readable yet
        tab.page.wait_for_function(
            f"lowest => ({CONTRAST.rstrip().rstrip(';')})().every(found => found.contrast >= lowest)",
            arg=READABLE,
            timeout=5000,
        )
    measured = tab.page.evaluate(CONTRAST)
    assert len(measured) > 10
    assert not [found for found in measured if found["contrast"] < READABLE]


def test_nothing_scrolls_sideways_on_a_phone(app, visitors):
    tab = visitors(app, **PHONE).tab().open()
    assert_fits(tab)
    tab.begin(LONG)
    expect(tab.answers.last.get_by_role("button", name="Copy message")).to_be_visible()
    assert_fits(tab)
    tab.page.get_by_test_id("stExpandSidebarButton").click()
    expect(tab.sidebar.get_by_role("button", name="New chat", exact=True)).to_be_in_viewport()
    assert_fits(tab)


def assert_fits(tab):
    assert_no_sideways(tab.page, '[data-testid="stSidebar"][aria-expanded="true"] [data-testid="stSidebarContent"]')
    assert tab.input.bounding_box()["width"] > 200


def assert_no_sideways(page, *others):
    """Check that neither the page nor its scrollable parts, including ``others``, overflow sideways."""
    too_wide = """selector => [...document.querySelectorAll(selector)]
        .filter(one => one.scrollWidth > one.clientWidth).map(one => one.outerHTML.slice(0, 200))"""
    parts = ", ".join(["html", '[data-testid="stMain"]', *others])
    with suppress(PlaywrightTimeoutError):  # during layout, parts may overflow for a moment
        page.wait_for_function(f"selector => ({too_wide})(selector).length === 0", arg=parts, timeout=5000)
    assert page.evaluate(too_wide, parts) == []


def test_a_conversation_works_by_keyboard_alone(chat):
    focused = "document.activeElement.placeholder ?? ''"
    for _ in range(200):  # the list may be long by now
        if chat.page.evaluate(focused) == "Write a message":
            break
        chat.page.keyboard.press("Tab")
    assert chat.page.evaluate(focused) == "Write a message"
    chat.page.keyboard.type("first line")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("second line")
    expect(chat.input).to_have_value("first line\nsecond line")
    chat.page.keyboard.press("Enter")
    expect(chat.answers.last.locator(TEXT)).to_have_text(re.compile("You said: first line.*second line", re.DOTALL))
    expect(chat.stop).to_have_count(0)
    chat.input.focus()
    chat.page.keyboard.type("again")
    chat.page.keyboard.press("Enter")
    expect(chat.answers.last.locator(TEXT)).to_have_text("You said: again")
    chat.page.keyboard.type("and again")
    expect(chat.input).to_have_value("and again")


def test_the_sidebar_collapses_and_opens(chat):
    new_chat = chat.sidebar.get_by_role("button", name="New chat", exact=True)
    expect(new_chat).to_be_in_viewport()
    chat.sidebar.hover()
    chat.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(new_chat).not_to_be_in_viewport()
    chat.page.get_by_test_id("stExpandSidebarButton").click()
    expect(new_chat).to_be_in_viewport()


def test_developer_tools_of_streamlit_are_hidden(chat):
    for name in ("stMainMenu", "stAppDeployButton", "stStatusWidget", "stDecoration"):
        expect(chat.page.get_by_test_id(name)).not_to_be_visible()
