"""Every route has its limits: a table of all of them, to which new routes must be added."""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path
from typing import Final

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit import config

from colloquy.agents.data.guard.guard import MAX_CHARACTERS
from colloquy.api import app
from colloquy.api.adk import app as adk
from colloquy.api.events import live
from colloquy.api.history import exports
from colloquy.api.history.imports import MOST_BYTES
from colloquy.api.http.body_limits import ADK as ADK_LIMITS
from colloquy.api.http.body_limits import LONGEST_ADDRESS as LONGEST_URL
from colloquy.api.http.body_limits import MESSAGES, MIB, PIECE, USUAL, BodyLimits, Limits
from colloquy.api.http.problems import LONGEST_SHOWN, MOST_ERRORS, problem
from colloquy.api.http.values import LONGEST_CURSOR, LONGEST_ID
from colloquy.api.routes import ADK, API, mounted_adk, mounted_api, routes
from colloquy.api.sessions import sessions
from colloquy.runtime.bus import BusEvent, EventKind
from session_store.limits import (
    LONGEST_ADDRESS,
    LONGEST_COMMENT,
    LONGEST_MESSAGE,
    LONGEST_NAME,
    LONGEST_NOTE,
    LONGEST_QUERY,
    LONGEST_SEARCH,
    LONGEST_TAG,
    LONGEST_TITLE,
    MOST_TAGS,
)
from session_store.models import SessionKey

KEY: Final = SessionKey("assistant", "local", "here")

ROOT: Final = Path(__file__).parents[3]

FILES: Final = Limits(MOST_BYTES, levels=None, values=None)
"""Their formats have their own limits, checked by the tests of import and export."""

REST: Final = {
    "POST /api/v1/dbs/{connection_id}/conversations": USUAL,
    "POST /api/v1/workspaces/{workspace_id}/conversations": USUAL,
    "PATCH /api/v1/conversations/{conversation_id}": USUAL,
    "POST /api/v1/conversations/{conversation_id}/messages": USUAL,
    "POST /api/v1/conversations/{conversation_id}/generate-title": USUAL,
    "PUT /api/v1/conversations/{conversation_id}/labels": USUAL,
    "POST /api/v1/conversations/{conversation_id}/branch": USUAL,
    "POST /api/v1/sessions": USUAL,
    "POST /api/v1/run_turn": USUAL,
    "POST /api/v1/runtime/sessions": USUAL,
    "POST /api/v1/runtime/messages": USUAL,
    "PUT /api/v1/runtime/active": USUAL,
    "POST /api/v1/turns/{turn_id}/answer": USUAL,
    "POST /api/v1/turns/{turn_id}/retry": USUAL,
    "PUT /api/v1/conversations/{conversation_id}/messages/{message_id}/feedback": USUAL,
    "POST /api/v1/workspaces": USUAL,
    "PATCH /api/v1/workspaces/{workspace_id}": USUAL,
    "PUT /api/v1/workspaces/{workspace_id}/connection": USUAL,
    "POST /api/v1/connections/test": USUAL,
    "POST /api/v1/snapshots": USUAL,
    "POST /api/v1/exports": USUAL,
    "POST /api/v1/imports": FILES,
    "POST /api/v1/imports/database": USUAL,
    "POST /api/v1/retention": USUAL,
}
CLOSED: Final = {path: ADK_LIMITS for path in sorted(adk.PATHS - {"/run", "/run_sse"}) if "/artifacts" not in path}
ADKS: Final = {**dict.fromkeys(sorted(adk.PATHS), MESSAGES), **CLOSED}


@pytest.fixture(scope="module")
def entrances():
    with TestClient(Starlette(routes=[mounted_api(), mounted_adk()]), raise_server_exceptions=False) as client:
        yield client


def of_rest():
    return {
        f"{method.upper()} {path}"
        for path, methods in app.create_api().openapi()["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }


def test_the_table_lists_every_route_that_takes_a_body():
    assert of_rest() == REST.keys()


def test_each_route_has_the_limits_in_the_table():
    for entrance, limits in REST.items():
        assert app._limits_of(entrance.split()[1].removeprefix(API)) == limits, entrance
    for path, limits in ADKS.items():
        assert adk._limits_of(path) == limits, path


TOLD: Final = [(*name.split(), limits) for name, limits in REST.items()]
TOLD += [("POST", f"{ADK}{path}", limits) for path, limits in ADKS.items()]


@pytest.mark.parametrize(("method", "path", "limits"), TOLD, ids=[f"{one[0]} {one[1]}" for one in TOLD])
def test_no_route_accepts_more(entrances, method, path, limits):
    def refused(status, **request):
        answer = entrances.request(method, path, headers=headers | request.pop("headers", {}), **request)
        assert answer.status_code == status, answer.text[:200]
        assert "too large: the limit is" in answer.json()["detail"]

    headers = {"Content-Type": "application/json"}
    refused(413, content=b"{}", headers={"Content-Length": str(limits.bytes + 1)})
    if path in {
        f"{API}/v1/sessions",
        f"{ADK}/list-apps",
    }:  # one guard for all, announced before the bytes arrive or not
        refused(413, content=iter([b" " * MIB] * (limits.bytes // MIB + 1)))
    if limits.levels and limits.values:
        refused(413, content=b'{"a":' * (limits.levels + 1))
        refused(413, content=b"[" + b"," * limits.values + b"]")


def test_brackets_and_commas_inside_texts_are_not_counted(client):
    name = "[" * 77 + '"\\['
    assert client.post(f"{API}/v1/workspaces", json={"name": name}).json()["name"] == name


@pytest.mark.parametrize("path", [f"{API}/v1/workspaces", f"{ADK}/run"])
@pytest.mark.parametrize("pieces", [1, 3, 4096], ids="in pieces of {}".format)
def test_texts_are_recognized_however_the_body_is_split(entrances, path, pieces):
    def status(body):
        cut = (body[at : at + pieces] for at in range(0, len(body), pieces))
        return entrances.post(path, content=cut, headers={"Content-Type": "application/json"}).status_code

    for text in (rb"\"[[", rb"\\", rb"\\\"]]]", rb"[[\\\\"):
        inside = b'{"no":"' + text + b'","a":' + b"[" * 58
        assert status(inside + b"]" * 58 + b"}") == 422  # a field is missing
        assert status(inside + b"[[" + b"]" * 60 + b"}") == 413


WRONGLY_WRITTEN: Final = {
    "utf-16": ("{}".encode("utf-16-le"), {}),
    "utf-16 with a mark": ("{}".encode("utf-16"), {}),
    "utf-32": ("{}".encode("utf-32-be"), {}),
    "utf-32 with a mark": ("{}".encode("utf-32"), {}),
    "another charset": (b"{}", {"Content-Type": "application/json; charset=utf-16"}),
    "compressed": (gzip.compress(b"{}"), {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("path", [f"{API}/v1/workspaces", f"{ADK}/run", f"{ADK}/apps/assistant/users/local/sessions"])
@pytest.mark.parametrize("body", WRONGLY_WRITTEN, ids=WRONGLY_WRITTEN)
def test_json_that_parsers_would_read_differently_than_the_scan_is_refused(entrances, path, body):
    content, headers = WRONGLY_WRITTEN[body]
    cut = (content[at : at + 1] for at in range(len(content)))
    answer = entrances.post(path, content=cut, headers={"Content-Type": "application/json", **headers})
    assert (answer.status_code, "read" in answer.json()["detail"]) == (415, True)


UTF_8_MARK: Final = b"\xef\xbb\xbf"


def test_utf_8_may_have_a_byte_order_mark(client):
    for kind, mark in (
        ("application/json; charset=UTF-8", b""),
        ('application/json; charset="utf-8"', b"\xef\xbb\xbf"),
    ):
        answer = client.post(
            f"{API}/v1/workspaces", content=mark + b'{"name":"Marked"}', headers={"Content-Type": kind}
        )
        assert answer.status_code == 201, answer.text


def test_a_body_with_another_content_type_is_scanned_too(entrances):
    for kind in ("application/json; a=multipart/", "multipart/form-data; boundary=a", "text/plain"):
        answer = entrances.post(f"{ADK}/run", content=b"[" * 100, headers={"Content-Type": kind})
        assert answer.status_code == 413, kind


@pytest.mark.parametrize("body", [b"]", b'[]]"', b'{}}{"a":1}'])
def test_unmatched_closing_brackets_end_the_scan(entrances, body):
    answer = entrances.post(f"{ADK}/run", content=iter([body, b"]" * PIECE]))
    assert (answer.status_code, "never opened" in answer.json()["detail"]) == (422, True)


async def test_other_requests_are_answered_while_a_long_body_is_scanned():
    passed = 0

    async def others():
        nonlocal passed
        while True:
            passed += 1
            await asyncio.sleep(0)

    async def receive():
        return {"type": "http.request", "body": b'""' * (8 * PIECE), "more_body": False}

    async def app(_, read, __):
        await read()

    busy = asyncio.create_task(others())
    scope = {"type": "http", "path": "/", "headers": []}
    await BodyLimits(app, lambda _: MESSAGES, problem)(scope, receive, receive)
    busy.cancel()
    assert passed >= 15


NO_NUMBERS: Final = ["NaN", "-Infinity", "1e400", "[NaN]", '{"a":[NaN]}']
SESSIONS: Final = f"{ADK}/apps/assistant/users/local/sessions"
STRICT: Final = [
    ("POST", f"{ADK}/run", "appName"),
    ("POST", f"{ADK}/run_sse", "newMessage"),
    ("POST", SESSIONS, "sessionId"),
    ("PATCH", f"{SESSIONS}/s", "stateDelta"),
    ("POST", f"{SESSIONS}/s/artifacts", "artifact"),
    ("POST", f"{API}/v1/run_turn", "message"),
    ("POST", f"{API}/v1/workspaces", "name"),
    ("PATCH", f"{API}/v1/conversations/c", "title"),
]


@pytest.mark.parametrize(("method", "path", "field"), STRICT)
@pytest.mark.parametrize("value", [*NO_NUMBERS, "[" + '"long",' * 5_000 + "1]"], ids=[*NO_NUMBERS, "long"])
def test_refused_values_are_not_echoed(entrances, method, path, field, value):
    body = f'{{"{field}":{value}}}'
    answer = entrances.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 404, 422), answer.text[:500]
    assert "long" not in answer.text.replace("too long", "")
    assert len(answer.content) < 3_000
    assert '"input"' not in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{ADK}/run", {"newMessage": {"parts": [1] * 5_000}}),
        (f"{ADK}/run", {"newMessage": {"parts": [{"x" * 10_000: 1}]}}),
        (SESSIONS, {"events": ["y"] * 5_000}),
        (f"{API}/v1/sessions", {"history": [1] * 2_000}),
        (f"{API}/v1/exports", {"ids": [1] * 50}),
    ],
)
def test_the_number_of_reported_errors_is_limited(entrances, path, body):
    answer = entrances.post(path, json=body)
    assert answer.status_code == 422
    assert len(answer.content) < MOST_ERRORS * LONGEST_SHOWN * 2
    told = answer.json()
    assert len(told.get("errors") or told["detail"]) <= MOST_ERRORS


@pytest.mark.parametrize("path", [f"{API}/v1/conversations", f"{ADK}/list-apps"])
def test_the_length_of_urls_is_limited(entrances, path):
    answer = entrances.get(f"{path}?search={'x' * LONGEST_URL}")
    assert (answer.status_code, "Shorten it" in answer.json()["detail"]) == (414, True)


TEXTS: Final = [
    ("POST", "/v1/workspaces", "name", LONGEST_NAME),
    ("PATCH", "/v1/workspaces/w", "name", LONGEST_NAME),
    ("PUT", "/v1/workspaces/w/connection", "name", LONGEST_NAME),
    ("PUT", "/v1/workspaces/w/connection", "address", LONGEST_ADDRESS),
    ("PATCH", "/v1/conversations/c", "title", LONGEST_TITLE),
    ("POST", "/v1/runtime/sessions", "title", LONGEST_TITLE),
    ("POST", "/v1/runtime/sessions", "message", LONGEST_MESSAGE),
    ("POST", "/v1/sessions", "title", LONGEST_TITLE),
    ("POST", "/v1/run_turn", "message", LONGEST_MESSAGE),
    ("POST", "/v1/runtime/messages", "message", LONGEST_MESSAGE),
    ("POST", "/v1/turns/t/retry", "message", LONGEST_MESSAGE),
    ("POST", "/v1/conversations/c/messages", "content", LONGEST_MESSAGE),
    ("POST", "/v1/imports/database", "url", LONGEST_ADDRESS),
    ("POST", "/v1/connections/test", "address", LONGEST_ADDRESS),
    ("PUT", "/v1/conversations/c/labels", "note", LONGEST_NOTE),
    ("PUT", "/v1/conversations/c/messages/m/feedback", "comment", LONGEST_COMMENT),
    ("GET", "/v1/search", "q", LONGEST_SEARCH),
    ("GET", "/v1/search", "cursor", LONGEST_CURSOR),
    ("GET", "/v1/conversations", "search", LONGEST_SEARCH),
    ("GET", "/v1/conversations", "cursor", LONGEST_CURSOR),
    ("GET", "/v1/runtime/sessions", "cursor", LONGEST_CURSOR),
]
"""Text fields, and how many characters each may have."""


@pytest.mark.parametrize(("method", "path", "field", "most"), TEXTS)
def test_a_text_over_the_limit_is_refused_with_the_limit(entrances, method, path, field, most):
    given = {field: "x" * (most + 1)}
    answer = entrances.request(method, API + path, **{"params" if method == "GET" else "json": given})
    assert (answer.status_code, f"at most {most} characters" in answer.text) == (422, True), answer.text


NUMBERS: Final = [
    ("PUT", "/v1/conversations/c/labels", {"tags": ["x" * (LONGEST_TAG + 1)]}, f"{LONGEST_TAG} characters"),
    ("PUT", "/v1/conversations/c/labels", {"tags": ["x"] * (MOST_TAGS + 1)}, f"{MOST_TAGS} entries"),
    ("POST", "/v1/exports", {"ids": ["x"] * (exports.MOST_IDS + 1)}, f"{exports.MOST_IDS} entries"),
    ("POST", "/v1/exports", {"ids": ["x" * (LONGEST_ID + 1)]}, f"{LONGEST_ID} characters"),
    ("POST", "/v1/sessions", {"history": [{}] * (sessions.LONGEST_HISTORY + 1)}, f"{sessions.LONGEST_HISTORY} entries"),
]
"""Lists, and how much each may contain."""


@pytest.mark.parametrize(("method", "path", "body", "most"), NUMBERS)
def test_a_list_over_the_limit_is_refused_with_the_limit(entrances, method, path, body, most):
    answer = entrances.request(method, API + path, json=body)
    assert (answer.status_code, f"at most {most}" in answer.text) == (422, True), answer.text[:500]


def test_the_guide_states_the_limits():
    [told] = re.findall(r"\n- \*\*Limits\*\*:(.*?)\n- ", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL)
    limits = [USUAL.bytes // MIB, MOST_BYTES // 2**30, USUAL.levels, USUAL.values, LONGEST_URL, LONGEST_MESSAGE]
    limits += [LONGEST_NOTE, LONGEST_COMMENT, LONGEST_SEARCH, LONGEST_TITLE, LONGEST_NAME, LONGEST_TAG, MOST_TAGS]
    assert LONGEST_COMMENT == LONGEST_ADDRESS
    assert [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", told)] == limits


def test_the_guide_to_the_adk_api_states_its_limits():
    [told] = re.findall(r"\n- A request (has at most.*? values)", (ROOT / "docs" / "adk_api.md").read_text("utf-8"))
    limits = [ADK_LIMITS.bytes // MIB, MESSAGES.bytes // MIB, MESSAGES.levels, MESSAGES.values]
    assert [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", told)] == limits


def test_every_query_that_may_be_saved_may_be_run():
    assert LONGEST_QUERY == MAX_CHARACTERS


SOCKETS: Final = {f"{API}/live": live.MOST_BYTES}
"""WebSockets, and how many bytes a client may send over each."""

FLOODS: Final = {
    "a text": ["x" * (live.MOST_BYTES + 1)],
    "bytes": [b"x" * (live.MOST_BYTES + 1)],
    "20 MB": ["x" * 20 * MIB],
    "many bytes of few characters": ["\N{OWL}" * (live.MOST_BYTES // 4 + 1)],
    "deep JSON": ["[" * 100_000],
    "many small ones": ["{}"] * 10_000,
    "many empty ones": [""] * 10_000,
}


def test_the_table_lists_every_websocket():
    assert {route.path for route in routes() if isinstance(route, WebSocketRoute)} == SOCKETS.keys()


def test_the_page_websocket_accepts_the_longest_message_and_little_more():
    """Streamlit closes it with code 1009 beyond either limit."""
    frame, said = config.get_option("server.maxMessageSize"), config.get_option("server.maxWidgetStateSize")
    assert 2 * len(("\N{OWL}" * LONGEST_MESSAGE).encode()) < said * 10**6 < 20 * 10**6
    assert said < frame <= MESSAGES.bytes / MIB


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_websocket_that_sends_too_much_is_closed_and_others_are_not(application, path, flood):
    with TestClient(Starlette(routes=routes())) as page, page.websocket_connect(path) as other:
        with page.websocket_connect(path) as socket:
            for message in flood:
                socket.send({"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message})
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
        assert closed.value.code == live.TOO_LARGE
        other.send_text("x" * (SOCKETS[path] - 1))
        application.bus.publish(BusEvent(EventKind.TURN_CHANGED, KEY))
        assert other.receive_text() == "news"
