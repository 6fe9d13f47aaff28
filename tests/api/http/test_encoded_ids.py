"""Any text can be an id: percent-encoded in a path, it reaches exactly the session with that id."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote, urlsplit

import pytest
from starlette.applications import Starlette

from colloquy.api.routes import ADK, API, routes
from session_store.models import SessionKey
from tests.support.applications import finish
from tests.support.streams import served

BASE = "/tools"
IDS = [
    "zz",
    "zz/b",
    "zz%2Fb",
    "zz%b",
    "...",
    "..zz/b",
    "%",
    "a b",
    "ünï/🦔",
    "a.b.",
    "x/sessions/y",
    "/",
    "a//b",
    "a?b#c",
    "CON",
]


@pytest.fixture(scope="module")
def server(application):
    with served(Starlette(routes=routes(BASE))) as url:
        yield urlsplit(url).netloc


def ask(server, method, *path, **body):
    """Sends a path unchanged, part by part: other clients resolve dots themselves."""
    encoded = "/".join([f"{BASE}{path[0]}", *(quote(part, safe="") for part in path[1:])])
    connection = http.client.HTTPConnection(server)
    connection.request(method, encoded, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, json.loads(text) if text else None


def sessions_of(user):
    return f"{ADK}/apps", "assistant", "users", user, "sessions"


@pytest.fixture(scope="module")
def stored_sessions(server, application):
    """Sessions of two users with each of the ids, each with its own file."""
    for user in ("local", "u/1"):
        for one in IDS:
            assert ask(server, "POST", *sessions_of(user), sessionId=one, state={"me": one})[0] == 200
            file = {"filename": "n/m .txt", "artifact": {"text": f"{user} {one}"}}
            assert ask(server, "POST", *sessions_of(user), one, "artifacts", **file)[0] == 200
    for one in IDS:
        finish(application, application.turns.submit(SessionKey("assistant", "local", one), f"hello {one}"))


@pytest.mark.usefixtures("stored_sessions")
@pytest.mark.parametrize("one", IDS)
def test_each_encoded_id_leads_to_its_session(server, one):
    for user in ("local", "u/1"):
        assert ask(server, "GET", *sessions_of(user), one)[1]["state"]["me"] == one
        assert ask(server, "GET", *sessions_of(user), one, "artifacts", "n/m .txt")[1]["text"] == f"{user} {one}"
    for path in (
        (f"{API}/v1/conversations", one, "messages"),
        (f"{API}/v1/sessions/assistant", one),
    ):
        status, answer = ask(server, "GET", *path)
        assert (status, json.dumps(f"hello {one}") in json.dumps(answer)) == (200, True), path
    assert ask(server, "GET", f"{API}/v1/runtime/sessions", one)[1]["session_id"] == one
    assert ask(server, "GET", "/sessions/assistant", one) == ask(server, "GET", f"{API}/v1/sessions/assistant", one)
    assert ask(server, "PATCH", f"{API}/v1/conversations", one, title=f"About {one}")[1]["title"] == f"About {one}"


@pytest.mark.usefixtures("stored_sessions")
def test_deleting_a_session_keeps_those_with_similar_ids(server):
    left = list(IDS)
    while left:
        assert ask(server, "DELETE", *sessions_of("u/1"), left.pop(0))[0] == 200
        found = [ask(server, "GET", *sessions_of("u/1"), one, "artifacts", "n/m .txt")[0] for one in IDS]
        assert found == [404] * (len(IDS) - len(left)) + [200] * len(left)
    assert [ask(server, "GET", f"{API}/v1/conversations", one)[0] for one in IDS] == [200] * len(IDS)


def test_session_ids_with_slashes_work_at_the_root(server, application):
    for one in ("again/slash", "again%2Fslash", "again/a b/ü"):
        assert ask(server, "POST", *sessions_of("local"), sessionId=one)[0] == 200
        assert ask(server, "POST", "/sessions", session_id=one)[0] == 200
        assert ask(server, "DELETE", "/sessions", one)[0] == 204
        assert application.store.sessions.get(one) is None
