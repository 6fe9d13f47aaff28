"""The overview page in a browser."""

import re

from playwright.sync_api import expect


def test_it_follows_and_stops_running_agents(app, visitors):
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
    expect(row).to_contain_text(re.compile(r"Answering for \d+ s"))
    expect(watcher.page.locator(f".st-key-about-{session}")).to_have_text("Scripted w0 w1 w2")
    row.get_by_role("button", name="Stop").click()
    expect(row).to_contain_text("Stopped")
    expect(chat.page.get_by_text("Stopped: this answer is incomplete.")).to_be_visible()
    row.get_by_role("button", name="Dismiss").click()
    expect(row).to_have_count(0)


def test_it_updates_the_latest_words_and_the_time(app, visitors):
    visitor = visitors(app)
    chat, watcher = visitor.tab().open(), visitor.tab()
    watcher.page.goto(f"{app.url}/overview")
    session = chat.begin("count 400 every 20 ms then wait")
    words = watcher.page.locator(f".st-key-about-{session} .words")
    expect(words).to_have_text(re.compile(r"\bw\d+$"))
    expect(words).to_have_text(re.compile(r"^….*\bw399$"))
    time = watcher.page.locator(f".st-key-work-{session} [data-seconds]")
    before = time.inner_text()
    expect(time).not_to_have_text(before)  # no more text arrives: the time advances by itself
    chat.stop.click()
    expect(words).to_have_count(0)


def test_a_restored_chat_reappears(app, visitors):
    visitor = visitors(app)
    chat, watcher = visitor.tab().open(), visitor.tab()
    watcher.page.goto(f"{app.url}/overview")
    session = chat.begin("delete me and bring me back")
    row = watcher.page.locator(f".st-key-work-{session}")
    expect(row).to_have_count(1)
    chat.choose(session, "Delete")
    expect(row).to_have_count(0)
    chat.sidebar.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)


def test_a_session_opens_in_its_own_window(app, visitors):
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
