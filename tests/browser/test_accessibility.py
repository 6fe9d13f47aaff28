"""All pages for users who cannot see them or have no mouse."""

import re

import pytest
from playwright.sync_api import expect

PAGES = ["", "overview", "history", "analytics", "sql", "import_export", "workspaces"]
SAYS_NOTHING = re.compile(r"[\d:.,\s%]*")
"""Texts that are not names: a time or a number."""

NAMES = """() => {
    const roots = [document];
    for (const root of roots)
        for (const one of root.querySelectorAll("*")) if (one.shadowRoot) roots.push(one.shadowRoot);
    const controls = "button, a[href], input, textarea, select, [role=button], [role=menuitem], [role=menu]";
    const textOf = (one) => {
        const copy = one.cloneNode(true);
        for (const icon of copy.querySelectorAll("[aria-hidden=true]")) icon.remove();
        return copy.textContent.trim();
    };
    const byId = (ids) => ids?.split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
    const named = (one) => one.getAttribute("aria-label") ?? byId(one.getAttribute("aria-labelledby"))
        ?? (textOf(one) || one.labels?.[0]?.textContent || one.title || "");
    return roots.flatMap((root) => [...root.querySelectorAll(controls)])
        .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("[aria-hidden=true]"))
        .map((one) => [named(one), one.outerHTML.slice(0, 200)]);
}"""

FOCUSED = """
    let one = document.activeElement;
    while (one.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
"""
HAS_RING = f"""() => {{
    {FOCUSED}
    if (one === document.body || one.matches("input, textarea, [role=spinbutton], [role=textbox]")) return true;
    const looks = [getComputedStyle(one), getComputedStyle(one, "::after")];
    return looks.some((look) => look.outlineStyle === "solid" && parseFloat(look.outlineWidth) >= 2);
}}"""
"""Whether the focused element has a focus ring. Fields show focus by their border."""


@pytest.fixture
def tab(demo, visitors):
    return visitors(demo).tab()


def visit(tab, page):
    tab.page.goto(f"{tab.url}/{page}")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    expect(tab.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


@pytest.mark.parametrize("page", PAGES)
def test_headings_are_in_order_and_every_control_has_a_name(tab, page):
    visit(tab, page)
    levels = [int(heading.evaluate("one => one.tagName.slice(1)")) for heading in tab.page.locator("h1,h2,h3,h4").all()]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False))
    controls = tab.page.evaluate(NAMES)
    assert len(controls) > 5
    assert not [html for name, html in controls if SAYS_NOTHING.fullmatch(name.strip())]


@pytest.mark.parametrize("page", PAGES)
def test_keyboard_focus_is_visible(tab, page):
    visit(tab, page)
    tab.page.get_by_role("link", name="Chat", exact=True).focus()
    places = set()
    for _ in range(25):
        tab.page.keyboard.press("Tab")
        place = tab.page.evaluate(f"() => {{ {FOCUSED} return one.outerHTML.slice(0, 300); }}")
        tab.page.wait_for_function(HAS_RING, timeout=5000)
        places.add(place)
    assert len(places) > 8


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_unchecked_checkboxes_are_visible(app, visitors, scheme):
    tab = visitors(app, color_scheme=scheme).tab().open()
    session = tab.begin("tick me")
    tab.sidebar.get_by_role("button", name="Select several").click()
    box = tab.row(session).locator("label > div").first
    expect(tab.row(session).get_by_role("checkbox", name="tick me")).not_to_be_checked()
    expect(box).to_have_css("box-shadow", re.compile("inset"))


def test_focus_returns_after_a_dialog_or_menu(app, visitors):
    tab = visitors(app).tab().open()
    session = tab.begin("hello there")
    tab.shows("hello there", "You said: hello there")
    menu = tab.row(session).get_by_role("button", name="Options of")
    for option in ("Move to…", "Export…"):
        tab.choose(session, option)
        expect(tab.page.get_by_role("dialog")).to_be_visible()
        tab.page.keyboard.press("Escape")
        expect(tab.page.get_by_role("dialog")).to_have_count(0)
        expect(menu).to_be_focused()
    menu.click()
    tab.page.keyboard.press("Escape")
    expect(menu).to_be_focused()
