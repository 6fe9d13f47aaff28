"""Commands for active sessions over HTTP."""

import uuid
from datetime import datetime

import pytest

from colloquy.runtime.bus import EventKind
from session_store.models import SAMPLE_SHOP
from tests.support.applications import conversation, counted, finish, new_session, said, until

RUNTIME = "/api/v1/runtime"


@pytest.fixture(autouse=True)
def end_sessions_afterwards(application):
    """Makes sure that no test finds active sessions of another test."""
    yield
    application.terminate_sessions([one.session.key for one in application.active_sessions()])


def start(client, **fields):
    answer = client.post(f"{RUNTIME}/sessions", json=fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def send(client, message, session_id=None):
    return client.post(f"{RUNTIME}/messages", json={"message": message, "session_id": session_id})


def listed(client):
    return client.get(f"{RUNTIME}/sessions").json()


def key_of(application, session):
    return application.store.sessions.get(session["session_id"]).key


def speaks(application, key):
    return any(view.text for view in application.turns.live(key))


def is_problem(answer, status):
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    return answer.json()["detail"]


def test_active_sessions_are_paged(client):
    begun = [start(client)["session_id"] for _ in range(5)]
    found, cursor, pages = [], None, 0
    while cursor or not pages:
        page = client.get(f"{RUNTIME}/sessions", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [one["session_id"] for one in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert (found, pages) == (begun[::-1], 3)
    assert client.get(f"{RUNTIME}/sessions", params={"cursor": "nowhere"}).status_code == 404


class TestStarting:
    def test_returns_a_session_with_a_new_id(self, client):
        sessions = [start(client) for _ in range(3)]
        assert len({uuid.UUID(session["session_id"]).version for session in sessions}) == 1
        assert len({session["session_id"] for session in sessions}) == 3

    def test_accepts_a_persona_a_workspace_and_a_model(self, client, application):
        session = start(client, persona="Assistant", workspace_id=SAMPLE_SHOP, model="scripted/two", title="Mine")
        assert session["agent_id"] == "assistant"
        assert session["persona"] == application.agents.get("assistant").name
        assert (session["workspace_id"], session["model"], session["title"]) == (SAMPLE_SHOP, "scripted/two", "Mine")
        assert session["workspace"] == application.store.workspaces.get(SAMPLE_SHOP).name
        assert session["status"] == "idle"
        assert datetime.fromisoformat(session["created_at"]).tzinfo is not None

    def test_brings_the_session_to_the_front_and_announces_it(self, client, application):
        heard = []
        unsubscribe = application.bus.subscribe(heard.append)
        session = start(client)
        unsubscribe()
        kinds = [event.kind for event in heard if event.key.session_id == session["session_id"]]
        assert kinds.index(EventKind.SESSION_CREATED) < kinds.index(EventKind.SESSION_LIST_CHANGED)
        assert EventKind.ACTIVE_SESSION_CHANGED in kinds
        assert session["is_active"] is True
        assert client.get(f"{RUNTIME}/active").json() == {"session_id": session["session_id"]}

    def test_can_send_the_first_message(self, client, application):
        key = key_of(application, start(client, message="count 2"))
        until(application, lambda: not application.turns.live(key))
        assert said(application, key) == [("user", "count 2"), ("assistant", counted(2))]

    @pytest.mark.parametrize(
        ("wrong", "status"),
        [
            ({"persona": "nobody"}, 404),
            ({"workspace_id": "nowhere"}, 404),
            ({"model": "x"}, 409),
            ({"message": " "}, 422),
            ({"title": ""}, 422),
        ],
    )
    def test_with_unknown_ids_is_refused(self, client, application, wrong, status):
        is_problem(client.post(f"{RUNTIME}/sessions", json=wrong), status)
        assert listed(client)["items"] == []


class TestSending:
    def test_goes_to_the_named_session(self, client, application):
        first, second = start(client), start(client)
        for name, session in (("one", first), ("two", second)):
            taken = send(client, name, session["session_id"])
            assert (taken.status_code, taken.json()["session_id"]) == (202, session["session_id"])
            finish(application, application.store.turns.get(taken.json()["turn_id"]))
        assert said(application, key_of(application, first)) == [("user", "one"), ("assistant", "You said: one")]
        assert said(application, key_of(application, second)) == [("user", "two"), ("assistant", "You said: two")]

    def test_goes_to_the_active_one_otherwise(self, client, application):
        start(client)
        active = start(client)
        assert send(client, "hello").json()["session_id"] == active["session_id"]

    def test_needs_a_session(self, client):
        assert "There is no current session" in is_problem(send(client, "hello"), 409)
        is_problem(send(client, "hello", "nothing"), 404)

    @pytest.mark.parametrize("message", ["", " ", "\x00", None, 1])
    def test_needs_a_message(self, client, message):
        start(client)
        is_problem(send(client, message), 422)


class TestStopping:
    def test_ends_the_running_turn_and_keeps_its_text(self, client, application):
        session = start(client)
        key = key_of(application, session)
        first = send(client, "count 2 then wait").json()
        second = send(client, "next").json()
        until(application, lambda: speaks(application, key))
        assert client.get(f"{RUNTIME}/sessions/{key.session_id}").json()["status"] == "running"
        answer = client.post(f"{RUNTIME}/sessions/{key.session_id}/stop")
        assert answer.json() == {"session_id": key.session_id, "turn_id": first["turn_id"]}
        finish(application, application.store.turns.get(second["turn_id"]))
        assert said(application, key) == [
            ("user", "count 2 then wait"),
            ("assistant", counted(2)),
            ("user", "next"),
            ("assistant", "You said: next"),
        ]

    def test_without_a_running_turn_does_nothing(self, client):
        session = start(client)
        answer = client.post(f"{RUNTIME}/sessions/{session['session_id']}/stop")
        assert (answer.status_code, answer.json()["turn_id"]) == (200, None)

    def test_can_withdraw_a_queued_turn(self, client, application):
        key = key_of(application, start(client))
        send(client, "count 1 then wait")
        waiting = send(client, "never").json()
        until(application, lambda: speaks(application, key))
        assert client.post(f"/api/v1/turns/{waiting['turn_id']}/stop").json()["status"] == "stopped"
        assert [view.turn.id for view in application.turns.live(key)] != [waiting["turn_id"]]


class TestTerminating:
    def test_ends_all_turns_and_removes_the_session_from_the_list(self, client, application):
        session, other = start(client), start(client)
        key = key_of(application, session)
        send(client, "count 2 then wait", key.session_id)
        send(client, "never", key.session_id)
        until(application, lambda: speaks(application, key))
        heard = []
        unsubscribe = application.bus.subscribe(heard.append)
        answer = client.post(f"{RUNTIME}/sessions/{key.session_id}/terminate")
        unsubscribe()
        assert answer.json()["status"] == "terminated"
        assert [one["session_id"] for one in listed(client)["items"]] == [other["session_id"]]
        assert application.turns.live(key) == []
        kinds = [event.kind for event in heard if event.key == key]
        assert kinds.index(EventKind.SESSION_TERMINATED) < kinds.index(EventKind.SESSION_LIST_CHANGED)
        assert ("assistant", counted(2)) in said(application, key)

    def test_leaves_no_session_in_front(self, client):
        session = start(client)
        client.post(f"{RUNTIME}/sessions/{session['session_id']}/terminate")
        assert client.get(f"{RUNTIME}/active").json() == {"session_id": None}
        assert listed(client)["active_session_id"] is None

    def test_is_undone_by_the_next_message(self, client, application):
        session = start(client)
        client.post(f"{RUNTIME}/sessions/{session['session_id']}/terminate")
        taken = send(client, "again", session["session_id"]).json()
        finish(application, application.store.turns.get(taken["turn_id"]))
        assert [one["session_id"] for one in listed(client)["items"]] == [session["session_id"]]
        assert client.get(f"{RUNTIME}/sessions/{session['session_id']}").json()["status"] == "idle"

    def test_of_an_unknown_session_is_not_found(self, client):
        for command in ("stop", "terminate"):
            is_problem(client.post(f"{RUNTIME}/sessions/nothing/{command}"), 404)
        is_problem(client.get(f"{RUNTIME}/sessions/nothing"), 404)
        is_problem(client.put(f"{RUNTIME}/active", json={"session_id": "nothing"}), 404)


class TestListing:
    def test_contains_the_status_of_sessions(self, client, application):
        running, idle = start(client), start(client)
        send(client, "count 1 then wait", running["session_id"])
        until(application, lambda: speaks(application, key_of(application, running)))
        items = {one["session_id"]: one for one in listed(client)["items"]}
        assert set(items) == {running["session_id"], idle["session_id"]}
        assert items[running["session_id"]]["status"] == "running"
        assert items[running["session_id"]]["last_turn_status"] == "running"
        assert items[idle["session_id"]]["status"] == "idle"
        assert items[idle["session_id"]]["last_turn_status"] is None

    def test_contains_sessions_of_the_page(self, client, application):
        key = new_session(application)
        assert key.session_id in [one["session_id"] for one in listed(client)["items"]]

    def test_tells_how_the_last_turn_ended(self, client, application):
        session = start(client)
        taken = send(client, "count 1 then fail").json()
        finish(application, application.store.turns.get(taken["turn_id"]))
        assert listed(client)["items"][0]["last_turn_status"] == "failed"
        assert client.get(f"{RUNTIME}/sessions/{session['session_id']}").json()["last_turn_status"] == "failed"

    def test_of_one_session_is_not_sent_again_until_it_changes(self, client):
        path = f"{RUNTIME}/sessions/{start(client)['session_id']}"
        tag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        start(client)
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


class TestSwitching:
    def test_brings_another_session_to_the_front_and_announces_it_once(self, client, application):
        first, _ = start(client), start(client)
        heard = []
        unsubscribe = application.bus.subscribe(heard.append)
        for _ in range(2):
            answer = client.put(f"{RUNTIME}/active", json={"session_id": first["session_id"]})
            assert answer.json()["is_active"] is True
        unsubscribe()
        changes = [event.key.session_id for event in heard if event.kind is EventKind.ACTIVE_SESSION_CHANGED]
        assert changes == [first["session_id"]]
        assert listed(client)["active_session_id"] == first["session_id"]


class TestTurns:
    def test_can_be_rewound_and_run_again(self, client, application):
        key = key_of(application, start(client))
        taken = send(client, "one").json()
        finish(application, application.store.turns.get(taken["turn_id"]))
        again = client.post(f"/api/v1/turns/{taken['turn_id']}/retry", json={"message": "two"})
        assert again.status_code == 202
        finish(application, application.store.turns.get(again.json()["turn_id"]))
        assert said(application, key) == [("user", "two"), ("assistant", "You said: two")]
        once_more = client.post(f"/api/v1/turns/{again.json()['turn_id']}/retry").json()
        finish(application, application.store.turns.get(once_more["turn_id"]))
        assert len(conversation(application, key)) == 2

    def test_versions_of_a_message_are_listed_and_can_be_restored(self, client, application):
        key = key_of(application, start(client))
        first = send(client, "one").json()["turn_id"]
        finish(application, application.store.turns.get(first))
        finish(application, application.store.turns.get(send(client, "and on").json()["turn_id"]))
        second = client.post(f"/api/v1/turns/{first}/retry", json={"message": "two"}).json()["turn_id"]
        finish(application, application.store.turns.get(second))
        listed_versions = client.get(f"/api/v1/turns/{second}/versions").json()["versions"]
        shown = [(one["turn_id"], one["message"], one["is_shown"]) for one in listed_versions]
        assert shown == [(first, "one", False), (second, "two", True)]
        answer = client.post(f"/api/v1/turns/{first}/show")
        assert (answer.status_code, [one["is_shown"] for one in answer.json()["versions"]]) == (200, [True, False])
        assert [text for author, text in said(application, key) if author == "user"] == ["one", "and on"]

    def test_an_unedited_message_has_one_version(self, client, application):
        start(client)
        turn = send(client, "one").json()["turn_id"]
        finish(application, application.store.turns.get(turn))
        assert [one["turn_id"] for one in client.get(f"/api/v1/turns/{turn}/versions").json()["versions"]] == [turn]
        is_problem(client.get("/api/v1/turns/nowhere/versions"), 404)

    def test_cannot_be_rewound_while_one_runs(self, client, application):
        key = key_of(application, start(client))
        taken = send(client, "count 1 then wait").json()
        until(application, lambda: speaks(application, key))
        is_problem(client.post(f"/api/v1/turns/{taken['turn_id']}/retry"), 409)
        is_problem(client.post(f"/api/v1/turns/{taken['turn_id']}/show"), 409)

    def test_without_a_question_accept_no_answer(self, client, application):
        start(client)
        taken = send(client, "one").json()
        finish(application, application.store.turns.get(taken["turn_id"]))
        answer = {"call_id": "c1", "approved": True}
        is_problem(client.post(f"/api/v1/turns/{taken['turn_id']}/answer", json=answer), 409)
