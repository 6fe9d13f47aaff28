"""Clients of ADK's API server work unchanged, on the same sessions and turns as the page."""

import asyncio
import errno
import itertools
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus

import httpx
import pytest
import tenacity
from google.adk.artifacts import FileArtifactService
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from starlette.applications import Starlette

from colloquy.api.adk.app import PATHS
from colloquy.api.http.problems import STATUSES
from colloquy.api.routes import ADK, mounted_adk
from colloquy.runtime.application import install
from colloquy.runtime.bus import EventKind
from session_store.models import SessionKey, TurnStatus
from tests.api.adk.adk_talk import DESK, AdkClient, calls, talk, texts
from tests.support.applications import counted, finish, open_application, said, until, until_loaded
from tests.support.servers import ROOT, free_port
from tests.support.streams import served

pytestmark = pytest.mark.upstream


@pytest.fixture(scope="module")
def agents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agents")
    (folder / "desk").mkdir()
    (folder / "desk" / "__init__.py").write_text("from . import agent\n")
    (folder / "desk" / "agent.py").write_text(DESK)
    return folder


@pytest.fixture(scope="module")
def application(agents, tmp_path_factory):
    application = open_application(tmp_path_factory.mktemp("data"), agents_dir=agents, max_turns=8)
    until_loaded(application)
    install(application)
    yield application
    install(None)
    application.close()


@pytest.fixture(scope="module")
def url(application):
    with served(Starlette(routes=[mounted_adk()])) as url:
        yield f"{url}{ADK}"


users = (f"user-{number}" for number in itertools.count())


@pytest.fixture
def client(url):
    """A client with its own user, who has a session ``one``."""
    client = AdkClient(url, next(users))
    client.sessions("POST", body={"sessionId": "one"}).raise_for_status()
    yield client
    client.http.close()


def one(client):
    return SessionKey(client.app, client.user, "one")


# -- the same as ADK ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_answers_like_the_server_of_adk(agents, url, tmp_path):
    with adk_api_server(agents, tmp_path) as real:
        expected = AdkClient(real)
        talk(expected)
    client = AdkClient(url)
    talk(client)
    differing = [pair for pair in zip(client.answers, expected.answers, strict=True) if pair[0] != pair[1]]
    assert differing == []


@contextmanager
def adk_api_server(agents, folder):
    port = free_port()
    kept = ["--session_service_uri", "memory://", "--artifact_service_uri", (folder / "artifacts").as_uri()]
    command = [sys.executable, "-m", "google.adk.cli", "api_server", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "server.log"
    with (
        log.open("a") as output,
        subprocess.Popen([*command, *kept, str(agents)], cwd=ROOT, stdout=output, stderr=output) as server,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@tenacity.retry(
    stop=tenacity.stop_after_delay(60),
    wait=tenacity.wait_fixed(0.1),
    retry=tenacity.retry_if_exception_type(httpx.TransportError),
    reraise=True,
)
def wait_for(url, server, log):
    assert server.poll() is None, log.read_text()
    httpx.get(url, trust_env=False).raise_for_status()


def test_usable_agents_are_listed_as_apps(client, application):
    listed = client.ask("GET", "/list-apps").json()
    assert listed == sorted(agent.id for agent in application.agents.list() if not agent.problem)
    detailed = client.ask("GET", "/list-apps?detailed=true").json()["apps"]
    assert [app["name"] for app in detailed] == listed
    tools = client.ask("GET", "/apps/data_analyst/app-info").json()["agents"]["data_analyst"]["tools"]
    assert "run_sql" in [declared["functionDeclarations"][0]["name"] for declared in tools]


def test_a_failed_turn_is_an_error_with_the_reason(client):
    failed = client.send("/run", "one", {"text": "count 3 then fail"})
    assert (failed.status_code, failed.json()) == (502, {"detail": "The scripted model failed as it was told to."})
    *_, told, error = client.stream("one", "count 3 then fail", streaming=True)
    assert told["errorMessage"] == "The scripted model failed as it was told to."
    assert error["error"] == "ModelError: The scripted model failed as it was told to."


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("ValueError('no such owl')", "ValueError: no such owl"),
        ("KeyError('owl')", "KeyError: 'owl'"),
        ("LookupError", "LookupError: The agent failed because of data that it could not process."),
    ],
)
def test_agent_exceptions_keep_their_type_in_a_stream(client, raised, told):
    *_, error = client.stream("one", f"raise {raised}", streaming=True)
    assert error["error"].startswith(told)
    assert error["error_details"]["error_type"] == told.partition(":")[0]


def test_invalid_runs_are_refused_with_the_reason(client):
    unknown = client.ask("POST", "/run", {"appName": "nobody", "userId": "u", "sessionId": "s"})
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "There is no agent 'nobody'."})
    for silent in ({}, {"newMessage": {"role": "user", "parts": [{"text": " "}]}}):
        refused = client.ask("POST", "/run", {"appName": "desk", "userId": client.user, "sessionId": "one", **silent})
        assert (refused.status_code, refused.json()) == (422, {"detail": "Write a message first."})


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("", {"sessionId": "x" * 300}, "A name has more than 200 bytes"),
        ("", {"sessionId": ".."}, "A session id must not be"),
        ("", {"sessionId": "a/../b"}, "A session id must not be"),
        ("", {"sessionId": " .\\x"}, "A session id must not be"),
        ("", {"state": {"mood": float("nan")}}, "State must not contain NaN"),
        ("", {"events": [{"author": "user", "timestamp": -1e300}]}, "The timestamp of an event is in Unix seconds"),
        ("/one/artifacts", {"filename": "a//b", "artifact": {"text": ""}}, "No file can have the name 'a//b'"),
        ("/one/artifacts", {"filename": "user:", "artifact": {"text": ""}}, "No file can have the name 'user:'"),
        ("/one/artifacts", {"filename": "a\0", "artifact": {"text": ""}}, "A name has more than 200 bytes"),
    ],
)
def test_values_that_cannot_be_stored_or_returned_are_refused(client, path, body, said):
    refused = client.sessions("POST", path, body)
    assert 400 <= refused.status_code < 500
    assert refused.json()["detail"].startswith(said)


RESPONSE = {"functionResponse": {"id": "1", "name": "pay", "response": {}}}


@pytest.mark.parametrize("kind", [*STATUSES, OSError])
def test_errors_have_the_same_status_on_every_route(client, application, monkeypatch, kind):
    expected = STATUSES.get(kind, HTTPStatus.INSUFFICIENT_STORAGE)
    error = kind.__new__(kind, errno.ENOSPC, "Free some space.")
    if kind is not OSError:
        error.args = ("Free some space.",)

    async def fail(*_, **__):
        raise error

    monkeypatch.setattr(application.sessions, "create_session", fail)
    monkeypatch.setattr(application.sessions, "get_session", fail)
    monkeypatch.setattr(FileArtifactService, "save_artifact", fail)
    monkeypatch.setattr(FileArtifactService, "list_artifact_keys", fail)
    file = {"filename": "a.txt", "artifact": {"text": "kept"}}
    answers = [
        client.sessions("POST", body={"sessionId": "two"}),
        client.sessions("GET", "/one"),
        client.sessions("POST", "/one/artifacts", file),
        client.sessions("GET", "/one/artifacts"),
    ]
    assert [answer.status_code for answer in answers] == [expected] * len(answers)
    words = [answer.json()["detail"] for answer in answers[1:]]  # ADK itself reports that a session exists
    assert all("ree some space" in said for said in words), words


@pytest.mark.parametrize("part", [{"functionCall": {"name": "pay", "args": {}}}, RESPONSE])
def test_a_message_that_no_agent_could_receive_is_refused(client, part):
    said = {"role": "user", "parts": [{"text": "hello"}, part]}
    assert client.send("/run", "one", part, newMessage=said).status_code == 400


def test_numbers_unknown_to_json_are_returned_as_words(client, application):
    delta = {"mood": math.nan, "user:range": [math.inf, 1.0]}
    place = {"app_name": "desk", "user_id": client.user, "session_id": "one"}
    session = asyncio.run(application.sessions.get_session(**place))
    asyncio.run(
        application.sessions.append_event(session, Event(author="desk", actions=EventActions(state_delta=delta)))
    )
    told = client.sessions("GET", "/one").json()
    words = {"mood": "NaN", "user:range": ["Infinity", 1.0]}
    assert {name: told["state"][name] for name in delta} == told["events"][-1]["actions"]["stateDelta"] == words
    assert client.sessions("GET").json()[0]["state"]["mood"] == "NaN"


def test_odd_names_in_a_path_are_found_or_refused(client):
    for name in ("x" * 300, "a%00"):
        assert client.sessions("GET", f"/{name}").status_code == 400
    assert client.sessions("GET", "/one/artifacts/..%2Fsecret").status_code == 400
    for name in ("a%2F..%2Fb", "..%2Fb"):
        refused = client.ask("POST", f"/apps/desk/users/{name}/sessions")
        assert (refused.status_code, refused.json()["detail"][:22]) == (400, "A user id must not be ")
    client.sessions("POST", body={"sessionId": "two\nlines"})
    assert client.sessions("GET", "/two%0Alines").json()["id"] == "two\nlines"


# -- the same as the page ----------------------------------------------------------------------------------------------


def test_it_shares_sessions_and_turns_with_the_page(client, application):
    client.run("one", "hello")
    session = application.store.sessions.find(one(client))
    assert session.title == "hello"
    assert said(application, one(client)) == [("user", "hello"), ("clerk", "You said: hello")]
    assert [turn.status for turn in turns_of(application, one(client))] == [TurnStatus.COMPLETED]


def test_turns_of_adk_clients_and_of_the_page_wait_for_each_other(client, application):
    key = one(client)
    first = application.turns.submit(key, "count 30 every 10 ms")
    answer = texts(client.run("one", "history"))
    last = application.turns.submit(key, "history")
    finish(application, first, last)
    turns = turns_of(application, key)
    assert [turn.status for turn in turns] == [TurnStatus.COMPLETED] * 3
    assert answer == [f"user: count 30 every 10 ms\n\nmodel: {counted(30)}\n\nuser: history\n\n"]
    spans = sorted((turn.started_at, turn.ended_at) for turn in turns)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_turns_of_many_clients_on_one_session_run_one_at_a_time(client, application):
    with ThreadPoolExecutor(6) as pool:
        answers = [*pool.map(lambda number: texts(client.stream("one", f"count {number}")), range(1, 7))]
    assert answers == [[counted(number)] for number in range(1, 7)]
    spoken = said(application, one(client))
    assert len(spoken) == 12
    for (_, question), (_, answer) in zip(spoken[::2], spoken[1::2], strict=True):
        assert answer == counted(int(question.removeprefix("count ")))


def test_words_are_streamed_on_request(client):
    events = client.stream("one", "count 5", streaming=True)
    assert texts(events, partial=True) == ["w0 ", "w1 ", "w2 ", "w3 ", "w4 "]
    assert texts(events) == [counted(5)]
    assert texts(client.stream("one", "count 5"), partial=True) == []


def test_a_client_that_leaves_does_not_stop_its_turn(client, application):
    key = one(client)
    with client.http.stream("POST", "/run_sse", json=message(client, "count 40 every 10 ms", streaming=True)) as answer:
        next(answer.iter_lines())
    [live] = application.turns.live(key)
    [ended] = finish(application, live.turn)
    assert ended.status is TurnStatus.COMPLETED
    assert said(application, key)[-1] == ("clerk", counted(40))


def test_a_turn_stopped_on_the_page_ends_for_the_client_too(client, application):
    def stop(event):
        if event.key == one(client) and event.kind is EventKind.AGENT_CHUNK and event.text == "w2 ":
            pool.submit(application.turns.stop, event.turn_id)

    with ThreadPoolExecutor(1) as pool:
        leave = application.bus.subscribe(stop)
        events = client.stream("one", "count 3 then wait", streaming=True)
        leave()
    assert texts([event for event in events if "content" in event], partial=True) == ["w0 ", "w1 ", "w2 "]
    assert said(application, one(client))[-1] == ("clerk", counted(3))


def test_tool_questions_can_be_answered_by_the_client_or_on_the_page(client, application):
    _, asking = calls(client.run("one", 'call pay {"amount": 5}'))
    assert application.store.sessions.find(one(client)).status == "paused"
    answered = client.respond("one", asking, {"confirmed": True}).json()
    assert texts(answered) == ['pay answered {"paid": 5}']
    assert application.store.sessions.find(one(client)).status == "idle"

    _, asking = calls(client.run("one", 'call pay {"amount": 6}'))
    [live] = application.turns.live(one(client))
    application.turns.answer(live.turn.id, asking["id"], False)
    finish(application, live.turn)
    late = client.respond("one", asking, {"confirmed": True})
    assert (late.status_code, late.json()["detail"][:34]) == (409, "This request was already answered,")


def test_a_long_running_tool_can_be_answered_by_a_later_message(client, application):
    [ticket] = calls(client.run("one", "call ticket {}"))
    assert texts(client.respond("one", ticket, {"closed": True}).json()) == ['ticket answered {"closed": true}']
    assert [turn.status for turn in turns_of(application, one(client))] == [TurnStatus.COMPLETED] * 2


def test_users_may_have_sessions_with_the_same_id(client, url):
    other = AdkClient(url, next(users))
    other.sessions("POST", body={"sessionId": "one"})
    client.run("one", "mine")
    other.run("one", "theirs")
    for who, text in ((client, "mine"), (other, "theirs")):
        events = who.sessions("GET", "/one").json()["events"]
        assert texts(events) == [text, f"You said: {text}"]


# -- changes between turns ---------------------------------------------------------------------------------------------


def test_state_can_be_changed_between_turns_without_disturbing_one(client, application):
    turn = application.turns.submit(one(client), "count 3 then wait")
    until(application, lambda: application.turns.live(one(client))[0].text == counted(3))
    busy = client.sessions("PATCH", "/one", {"stateDelta": {"mood": "bad"}})
    assert (busy.status_code, "Stop the running answer" in busy.json()["detail"]) == (409, True)
    application.turns.stop(turn.id)
    changed = client.sessions("PATCH", "/one", {"stateDelta": {"mood": "bad"}})
    assert changed.json()["state"] == client.sessions("GET", "/one").json()["state"]
    assert changed.json()["state"]["mood"] == "bad"
    assert texts(client.run("one", "hello")) == ["You said: hello"]


def test_deleting_a_session_stops_its_turn_and_deletes_everything_in_it(client, application):
    client.sessions("POST", "/one/artifacts", {"filename": "a.txt", "artifact": {"text": "hello"}})
    turn = application.turns.submit(one(client), "count 3 then wait")
    client.sessions("DELETE", "/one").raise_for_status()
    finish(application, turn)
    assert application.store.sessions.find(one(client)) is None
    assert client.sessions("POST", "/one").json()["events"] == []
    assert client.sessions("GET", "/one/artifacts").json() == []


# -- what stays closed -------------------------------------------------------------------------------------------------


def test_only_documented_routes_are_served(client):
    described = client.ask("GET", "/openapi.json").json()["paths"]
    assert {path.replace("{artifact_name}", "{artifact_name:path}") for path in described} == PATHS - {"/openapi.json"}
    for path in ("/docs", "/redoc", "/dev-ui", "/dev-ui/", "/debug/trace/x", "/apps/desk/eval_sets", "/builder/save"):
        assert client.ask("GET", path).status_code == 404
    for path in ("/agent-identity/finalize", "/builder/save", "/run_live", f"/apps/desk/users/{client.user}/memory"):
        assert client.ask("POST", path, {}).status_code == 404


def turns_of(application, key):
    """The turns of the session's events, in order."""
    ids = [stored.event.invocation_id for stored in application.store.events.list(key, limit=1000)]
    turns = application.store.turns.by_id(ids)
    return [turns[turn_id] for turn_id in dict.fromkeys(ids)]


def message(client, text, **more):
    said = {"role": "user", "parts": [{"text": text}]}
    return {"appName": client.app, "userId": client.user, "sessionId": "one", "newMessage": said, **more}
