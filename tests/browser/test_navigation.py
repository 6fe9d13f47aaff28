"""Navigation between pages."""

import pytest
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colloquy.ui.served.document import document_routes


def test_returning_to_the_chats_leads_to_the_open_one(app, visitors):
    tab = visitors(app).tab().open()
    session = tab.begin("hello there")
    expect(tab.answers.last).to_be_visible()
    for page in ("Analytics", "History"):
        tab.page.get_by_role("link", name=page, exact=True).click()
        expect(tab.page).to_have_url(f"{app.url}/{page.lower()}")
        tab.page.get_by_role("link", name="Chat", exact=True).click()
        expect(tab.page).to_have_url(f"{app.url}/?session={session}")
        expect(tab.answers.last).to_be_visible()


def test_a_page_without_a_list_has_the_full_width(app, visitors):
    tab = visitors(app).tab().open()
    tab.page.get_by_role("link", name="Analytics", exact=True).click()
    expect(tab.page.get_by_role("heading", name="Analytics")).to_be_visible()
    expect(tab.sidebar).not_to_be_visible()
    tab.page.get_by_role("link", name="Chat", exact=True).click()
    expect(tab.sidebar.get_by_role("button", name="New chat", exact=True)).to_be_in_viewport()


@pytest.mark.parametrize("width", [1400, 900])
def test_the_navigation_is_in_the_same_place_on_every_page(app, visitors, width):
    tab = visitors(app, viewport={"width": width, "height": 900}).tab().open()
    chats = tab.page.get_by_role("link", name="Chat", exact=True)
    places = [chats.bounding_box()]
    tab.sidebar.locator("..").get_by_role("button", name="Collapse sidebar").click()
    expect(tab.page.get_by_test_id("stExpandSidebarButton")).to_be_in_viewport()
    places.append(chats.bounding_box())
    for path in ("overview", "history", "analytics", "sql", "import_export", "workspaces"):
        tab.page.goto(f"{app.url}/{path}")
        expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
        places.append(chats.bounding_box())
    assert places == [places[0]] * len(places)


def test_on_a_phone_choosing_a_chat_hides_the_list(app, visitors):
    tab = visitors(app, viewport={"width": 390, "height": 844}).tab().open()
    session = tab.begin("hello from a phone")
    new_chat = tab.sidebar.get_by_role("button", name="New chat", exact=True)
    for choose in (new_chat, tab.sidebar.locator(f".st-key-open-{session} button")):
        tab.page.get_by_test_id("stExpandSidebarButton").click()
        expect(new_chat).to_be_in_viewport()
        choose.click()
        expect(new_chat).not_to_be_in_viewport()
    expect(tab.title).to_have_text("hello from a phone")


def test_on_a_phone_the_pages_are_in_the_sidebar(app, visitors):
    tab = visitors(app, viewport={"width": 390, "height": 844}).tab().open()
    tab.page.get_by_test_id("stExpandSidebarButton").click()
    tab.page.get_by_role("link", name="Analytics", exact=True).click()
    expect(tab.page).to_have_url(f"{app.url}/analytics")


def test_a_page_opened_by_url_connects_to_its_own_server_only(app, visitors):
    tab = visitors(app).tab()
    asked = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.on("websocket", lambda socket: asked.append(socket.url))
    tab.page.goto(f"{app.url}/overview")
    expect(tab.page.get_by_role("heading", name="Overview")).to_be_visible()
    stream = app.url.replace("http:", "ws:") + "/_stcore/stream"
    assert [url for url in asked if url.endswith("/_stcore/stream")] == [stream]
    assert not [url for url in asked if "/overview/" in url]


@pytest.mark.parametrize(
    ("path", "server"),
    [
        ("/", "https://chats.test/"),
        ("/overview", "https://chats.test/"),
        ("/team/", "https://chats.test/team/"),
        ("/team/overview", "https://chats.test/team/"),
        ("/team", None),  # a path of a proxy, or a URL without a page: Streamlit finds out
    ],
)
def test_a_page_under_a_proxy_path_connects_to_its_own_server(chromium, path, server):
    with TestClient(Starlette(routes=document_routes())) as client:
        document = client.get("/").text
    page = chromium.new_page()
    page.route("**/*", lambda route: route.fulfill(body=document, content_type="text/html"))
    page.goto(f"https://chats.test{path}")
    assert page.evaluate("window.__streamlit?.BACKEND_BASE_URL ?? null") == server
    page.close()
