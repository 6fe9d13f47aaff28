"""The way from page to page."""

from playwright.sync_api import expect


def test_the_way_back_to_the_chats_leads_to_the_open_one(app, visitors):
    tab = visitors(app).tab().open()
    session = tab.begin("hello there")
    expect(tab.answers.last).to_be_visible()
    for page in ("Analytics", "History"):
        tab.page.get_by_role("link", name=page, exact=True).click()
        expect(tab.page).to_have_url(f"{app.url}/{page.lower()}")
        tab.page.get_by_role("link", name="Chat", exact=True).click()
        expect(tab.page).to_have_url(f"{app.url}/?session={session}")
        expect(tab.answers.last).to_be_visible()


def test_on_a_phone_the_pages_are_in_the_sidebar(app, visitors):
    tab = visitors(app, viewport={"width": 390, "height": 844}).tab().open()
    tab.page.get_by_test_id("stExpandSidebarButton").click()
    tab.page.get_by_role("link", name="Analytics", exact=True).click()
    expect(tab.page).to_have_url(f"{app.url}/analytics")
