"""Every route of the app, including Streamlit's own, is closed to pages of other sites."""

import re
import runpy

import pytest
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit import config

from colloquy.api.http.security import POLICY_VIOLATION
from colloquy.runtime.application import install
from colloquy.ui.served.hosts import ADDRESS, HOSTS, ORIGINS
from tests.support.applications import open_application
from tests.support.servers import APP

HERE = "http://localhost:8501"
PROXY = "https://chats.example.com"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The app as made by ``app.py``. Streamlit is not started, so a request that is allowed to reach a page fails
    later."""
    with pytest.MonkeyPatch.context() as patched:
        application = open_application(tmp_path_factory.mktemp("data"))
        patched.setattr("colloquy.ui.served.server.Application.open", lambda *_: application)
        before = {name: config.get_option(name) for name in (ADDRESS, HOSTS, ORIGINS)}
        config.set_option(ADDRESS, "127.0.0.1")
        config.set_option(ORIGINS, [PROXY])
        install(application)
        yield runpy.run_path(str(APP))["app"]._build_starlette_app()
        for name, value in before.items():
            config.set_option(name, value)
        install(None)
        application.close()


def entrances(routes, before=""):
    """Every served path, with its parameters filled in, and whether it is a WebSocket."""
    for route in routes:
        path = before + re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
        if isinstance(route, Mount) and route.routes:
            yield from entrances(route.routes, path)
        elif isinstance(route, Mount):
            yield f"{path}/v1/sessions", False
        else:
            yield path, isinstance(route, WebSocketRoute)


def is_refused(client, path, headers, *, socket):
    if not socket:
        return client.get(path, headers=headers).status_code in (403, 421)
    try:
        with client.websocket_connect(f"ws://localhost:8501{path}", headers=headers):
            return False
    except WebSocketDisconnect as closed:
        return closed.code == POLICY_VIOLATION
    except (AssertionError, RuntimeError):  # from what was not started: the request was allowed
        return False


STRANGERS = [
    {"origin": "http://localhost:3000"},
    {"origin": "http://127.0.0.1:8501"},
    {"origin": "https://localhost:8501"},
    {"origin": "http://localhost"},
    {"origin": "null"},
    {"origin": "http://[::1]:8501"},
    {"origin": "http://localhost.:8501"},
    {"host": "evil.example.:8501"},
    {"host": "127.1:8501"},
    {"host": "2130706433:8501"},
    {"host": "[::ffff:127.0.0.1]:8501"},
    {"host": "localhost.evil.example"},
    {"host": "evil.example", "forwarded": "host=localhost:8501"},
    {"host": "evil.example:8501"},
    {"host": "evil.example:8501", "origin": "http://evil.example:8501"},
    {"host": "evil.example", "x-forwarded-host": "localhost:8501"},
    {"origin": "http://evil.example", "x-forwarded-host": "evil.example"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "websocket"},
]

FRIENDS = [
    {},
    {"origin": HERE},
    {"origin": "http://LOCALHOST:8501"},
    {"host": "[::1]:8501", "origin": "http://[::1]:8501"},
    {"host": "localhost", "origin": "http://localhost:80"},
    {"host": "LOCALHOST:8501", "origin": HERE},
    {"host": "localhost.:8501", "origin": "http://localhost.:8501"},
    {"x-forwarded-host": "evil.example", "origin": HERE},
    {"x-forwarded-proto": "https", "origin": HERE},
    {"forwarded": "host=evil.example;proto=https", "origin": HERE},
    {"origin": PROXY},
    {"host": "127.0.0.1:8501", "origin": "http://127.0.0.1:8501"},
]


def test_every_served_route_is_known(app):
    """Ensures that the tests below cover everything."""
    paths = {path for path, _ in entrances(app.routes)}
    assert {"/_stcore/health", "/_stcore/stream", "/api/live", "/api/v1/sessions", "/adk/v1/sessions"} <= paths
    assert any("upload_file" in path for path in paths)
    assert any(path.startswith("/media/") for path in paths)
    assert len(paths) > 15


@pytest.mark.parametrize("headers", STRANGERS, ids=str)
def test_no_route_is_open_to_other_sites(app, headers):
    client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
    found = set(entrances(app.routes))
    assert [path for path, socket in sorted(found) if not is_refused(client, path, headers, socket=socket)] == []


@pytest.mark.parametrize("headers", FRIENDS, ids=str)
def test_pages_and_websockets_are_open_to_own_pages_and_programs(app, headers):
    client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
    for path, socket in (("/api/live", True), ("/_stcore/health", False), ("/", False)):
        assert not is_refused(client, path, headers, socket=socket), path
    answers = {path: client.get(path, headers=headers).status_code for path in ("/api/v1/health", "/adk/list-apps")}
    assert set(answers.values()) == {200}, answers


@pytest.mark.parametrize("odd", ["%2e%2e", "a%2F..%2Fb", "..%5cb", "a%00"])
@pytest.mark.parametrize("start", ["/api/v1/conversations", "/adk/apps/assistant/users/local/sessions", "/sessions"])
def test_an_impossible_path_is_not_found_with_an_explanation(app, start, odd):
    client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
    for end in ("", "/messages"):
        answer = client.get(f"{start}/{odd}{end}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert "Nothing can have this address" in answer.json()["detail"]
    assert client.get(f"/{odd}").status_code == 400  # from Streamlit, as ever


def test_a_path_with_dots_inside_a_name_is_found(app):
    answer = TestClient(app, base_url=HERE).get("/api/v1/conversations/a..b")
    assert "Nothing can have" not in answer.text
