"""The overview page in a browser."""

import re

from playwright.sync_api import expect


def test_it_follows_what_agents_do_and_ends_it(app, visitors):
    visitor = visitors(app)
    chat = visitor.tab().open()
    watcher = visitor.tab().open()
    watcher.page.goto(f"{app.url}/overview")
    expect(watcher.page.get_by_role("heading", name="Overview")).to_be_visible()
    session = chat.begin("count 3 then wait")
    row = watcher.page.locator(f".st-key-work-{session}")
    expect(row).to_contain_text("Answering")
    icon = row.locator('[data-testid="stIconMaterial"]').first
    expect(icon).to_have_css("animation-name", "pulse")
    row.get_by_role("button", name="Stop").click()
    expect(row).to_contain_text("Idle")
    expect(chat.page.get_by_text("Stopped: this answer is not complete.")).to_be_visible()
    row.get_by_role("button", name="Terminate").click()
    expect(row).to_have_count(0)


def test_a_session_opens_in_a_window_of_its_own(app, visitors):
    chat = visitors(app).tab().open()
    session = chat.begin("open me twice")
    expect(chat.answers.last).to_be_visible()
    with chat.page.context.expect_page() as opened:
        chat.choose(session, "Open in new window")
    expect(opened.value).to_have_url(re.compile(f"session={session}"))
    chat.page.goto(f"{app.url}/overview")
    with chat.page.context.expect_page() as opened:
        chat.page.locator(f".st-key-window-{session} a").click()
    expect(opened.value).to_have_url(re.compile(f"session={session}"))
