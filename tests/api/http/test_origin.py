"""Pages of other sites cannot use the app: not by requests, not by WebSockets, not by DNS rebinding."""

from contextlib import ExitStack

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from colloquy.api.http.security import POLICY_VIOLATION, OwnPagesOnly

HERE = "localhost:8501"
PROXY = "https://chats.example.com"

ELSEWHERE = [
    "https://example.org",
    "http://localhost",
    "http://localhost:3000",
    "http://127.0.0.1:8501",
    "http://127.0.0.1:8626",
    "https://localhost:8501",
    "http://localhost:8501.example.org",
    "http://user@example.org:8501",
    "http://[broken",
    "http://localhost:port",
    "http://localhost:99999",
    "http://evil.example@localhost:8501",
    "http://evil.example\\@localhost:8501",
    "http://a:b@localhost:8501",
    "http://@localhost:8501",
    "http://localhost:8501?x",
    "http://localhost:8501#x",
    "http://localhost:8501/",
    "http://localhost:8501/x",
    "http://localhost:",
    "http:localhost:8501",
    "http://localhost:8501 http://evil.example",
    "http://local\thost:8501",
    "//localhost:8501",
    "file://",
    "null",
    "",
]


async def answer(request):
    return PlainTextResponse("chats")


async def talk(socket):
    await socket.accept()
    await socket.send_text("chats")
    await socket.close()


@pytest.fixture(scope="module")
def app():
    pages = [
        Route("/", answer),
        Route("/history", answer),
        Mount("/api", routes=[Route("/v1/sessions", answer), Route("/docs", answer)]),
    ]
    sockets = [WebSocketRoute("/api/live", talk), WebSocketRoute("/_stcore/stream", talk)]
    guard = Middleware(
        OwnPagesOnly,
        is_known_host=lambda host: host in (HERE, "chats.example.com", "127.0.0.1:8501"),
        other_origins=lambda: {PROXY},
    )
    return Starlette(routes=[*pages, *sockets, Mount("/adk", routes=[Route("/run", answer)])], middleware=[guard])


@pytest.fixture
def ask(app):
    """Requests a path with headers and returns the status."""

    def asked(path="/api/v1/sessions", *, base=f"http://{HERE}", method="GET", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return TestClient(app, base_url=base).request(method, path, headers=named).status_code

    return asked


def connects(app, path, *, base=f"ws://{HERE}", **headers):
    """Whether a WebSocket is accepted."""
    with ExitStack() as stack:
        try:
            socket = stack.enter_context(TestClient(app).websocket_connect(base + path, headers=headers))
        except WebSocketDisconnect as refused:
            return refused.code != POLICY_VIOLATION
        return socket.receive_text() == "chats"


@pytest.mark.parametrize("origin", ELSEWHERE)
@pytest.mark.parametrize("path", ["/", "/api/v1/sessions", "/adk/run"])
def test_a_page_of_another_origin_gets_no_answer(ask, path, origin):
    for method in ("GET", "POST", "HEAD", "OPTIONS", "TRACE"):
        assert ask(path, method=method, Origin=origin, Access_Control_Request_Method="POST") == 403


@pytest.mark.parametrize("origin", ELSEWHERE)
@pytest.mark.parametrize("path", ["/api/live", "/_stcore/stream"])
def test_a_page_of_another_origin_opens_no_websocket(app, path, origin):
    assert not connects(app, path, Origin=origin)


@pytest.mark.parametrize("path", ["/api/live", "/_stcore/stream"])
def test_a_site_that_rebinds_dns_opens_no_websocket(app, path):
    assert not connects(app, path, base="ws://evil.example:8501", Origin="http://evil.example:8501")
    assert not connects(app, path, base="ws://evil.example:8501")


@pytest.mark.parametrize("path", ["/", "/api/v1/sessions", "/adk/run"])
def test_a_site_that_rebinds_dns_gets_no_answer(ask, path):
    assert ask(path, base="http://evil.example:8501", Origin="http://evil.example:8501") == 421
    assert ask(path, base="http://evil.example:8501") == 421


def test_a_second_origin_header_is_not_hidden_by_the_own_one(app):
    headers = [("Origin", f"http://{HERE}"), ("Origin", "http://evil.example")]
    for order in (headers, headers[::-1]):
        assert TestClient(app, base_url=f"http://{HERE}").get("/", headers=order).status_code == 403


def test_the_own_page_and_programs_are_allowed(app, ask):
    for headers in ({}, {"Origin": f"http://{HERE}"}, {"Origin": f"http://{HERE}", "Sec_Fetch_Site": "same-origin"}):
        assert ask(**headers) == 200
    assert ask(Sec_Fetch_Site="none") == 200
    assert connects(app, "/api/live", Origin=f"http://{HERE}")
    assert connects(app, "/_stcore/stream", Origin=f"http://{HERE.upper()}")
    assert connects(app, "/api/live")


def test_a_page_behind_a_proxy_that_ends_tls_is_the_own_page(app, ask):
    assert ask(base="https://chats.example.com", Origin=PROXY) == 200  # the proxy sends X-Forwarded-Proto
    assert ask(base="http://127.0.0.1:8501", Origin=PROXY) == 200  # the proxy does not, and the origin is configured
    assert connects(app, "/api/live", base="ws://127.0.0.1:8501", Origin=f"{PROXY}:443")
    assert ask(base="http://127.0.0.1:8501", Origin="http://chats.example.com") == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_without_origin_are_judged_by_sec_fetch_site(ask, site):
    for path in ("/", "/api/v1/sessions", "/adk/run"):
        assert ask(path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="script") == 403
        assert ask(path, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe") == 403


def test_a_link_to_a_page_can_be_followed_from_anywhere_but_not_one_to_the_api(ask):
    follows = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert ask("/history", **follows) == 200
    assert ask("/", method="POST", **follows) == 403
    for path in (
        "/api/v1/sessions",
        "/adk/run",
        "/sessions/assistant",
        "/run_turn",
        "/_stcore/metrics",
        "/media/a.png",
        "/api/docs/assets/swagger-ui.css",
        "/api/docs/",
        "/api/openapi.json",
        "/sessions/api/docs",
        "/api/v1/conversations/api/docs",
    ):
        assert ask(path, **follows) == 403


def test_a_link_to_the_documentation_of_the_api_can_be_followed_from_anywhere(ask):
    follows = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert [ask("/api/docs", method=method, **follows) for method in ("GET", "HEAD", "POST")] == [200, 200, 403]
    assert ask("/api/docs", **{**follows, "Sec_Fetch_Dest": "iframe"}) == 403
    assert ask("/api/docs", **{**follows, "Sec_Fetch_Mode": "cors"}) == 403
    assert ask("/api/docs", Origin="https://example.org", **follows) == 403
