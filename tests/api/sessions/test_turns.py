"""Turns over HTTP: run with one response, or as a stream."""

import asyncio
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from session_store.models import SAMPLE_SHOP
from tests.support.applications import conversation, counted, finish, new_session, said, until

API = "/api/v1"
HISTORY = [{"role": "user", "content": "My name is Ada."}, {"role": "assistant", "content": "Hello Ada."}]

OF_VERSION_4 = "b037391f-4cc9-4af2-a33a-d5a9f7abcd5f"
OF_VERSION_1 = "fb481a52-ea94-11f1-a06e-02fc00000001"


def run(client, message, headers=None, **fields):
    return client.post(f"{API}/run_turn", json={"message": message, **fields}, headers=headers)


def pieces_of_lines(answer):
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def pieces_of_events(answer):
    assert answer.headers["content-type"].startswith("text/event-stream")
    pieces = []
    for block in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        pieces.append(json.loads(fields["data"]))
        assert fields["event"] == pieces[-1]["type"]
    return pieces


def is_problem(answer, status):
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    return answer.json()["detail"]


class TestOneAnswer:
    def test_contains_the_answer(self, client, application):
        answer = run(client, "count 3").json()
        assert (answer["text"], answer["status"], answer["error"]) == (counted(3), "completed", None)
        assert [(one["role"], one["content"]) for one in answer["messages"]] == [
            ("user", "count 3"),
            ("assistant", counted(3)),
        ]
        assert answer["output_tokens"] == 3
        key = application.store.sessions.get(answer["session_id"]).key
        assert said(application, key) == [("user", "count 3"), ("assistant", counted(3))]

    def test_contains_the_tool_calls(self, client):
        answer = run(client, 'call run_sql {"sql": "select 42 as n"}', workspace_id=SAMPLE_SHOP).json()
        call = answer["messages"][-1]["tool_calls"][0]
        assert (call["name"], call["args"]["sql"], call["status"]) == ("run_sql", "select 42 as n", "completed")
        assert "42" in json.dumps(call["result"])

    def test_gives_the_reason_of_a_failure_and_the_text_so_far(self, client):
        answer = run(client, "count 2 then fail")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["text"]) == ("failed", counted(2))
        assert "failed as it was told to" in answer.json()["error"]

    def test_in_a_session_knows_its_earlier_messages(self, client):
        first = run(client, "My name is Ada.").json()
        second = run(client, "history", session_id=first["session_id"]).json()
        assert second["session_id"] == first["session_id"]
        assert "user: My name is Ada." in second["text"]

    def test_in_a_new_session_uses_the_requested_agent_and_model(self, client, application):
        answer = run(client, "hi", agent_id="Assistant", model="scripted/two", workspace_id="general").json()
        session = application.store.sessions.get(answer["session_id"])
        assert (session.key.app_name, session.model, answer["model"]) == ("assistant", "scripted/two", "scripted/two")

    @pytest.mark.parametrize(
        "body",
        [
            {"message": ""},
            {"message": " \n"},
            {"message": "\x00"},
            {"message": None},
            {"message": "x", "stream": "yes"},
            {"message": "x", "history": "none"},
            {"message": "x", "history": [{"role": "tool", "content": "x"}]},
            {},
        ],
    )
    def test_to_a_wrong_request_is_a_problem(self, client, application, body):
        before = application.store.sessions.list("local", limit=1).items
        is_problem(client.post(f"{API}/run_turn", json=body), 422)
        assert application.store.sessions.list("local", limit=1).items == before

    @pytest.mark.parametrize(
        ("named", "status"),
        [
            ({"session_id": "nothing"}, 404),
            ({"agent_id": "nobody"}, 404),
            ({"workspace_id": "nowhere"}, 404),
            ({"model": "nothing"}, 409),
        ],
    )
    def test_with_unknown_ids_is_a_problem(self, client, application, named, status):
        before = application.store.sessions.list("local", limit=1).items
        is_problem(run(client, "x", **named), status)
        assert application.store.sessions.list("local", limit=1).items == before

    @pytest.mark.parametrize("chosen", ["abc", OF_VERSION_4.upper(), OF_VERSION_1])
    def test_explains_which_ids_a_client_may_choose(self, client, chosen):
        must = "must be a UUID of version 4 in lower case"
        assert must in is_problem(run(client, "x", session_id=chosen), 404)
        assert must in is_problem(
            client.post(f"{API}/sessions", json={"session_id": chosen, "agent_id": "assistant"}), 404
        )

    def test_creates_a_session_with_an_id_chosen_by_the_client_once(self, client, application):
        chosen = str(uuid.uuid4())
        begun = run(client, "count 1", session_id=chosen, workspace_id=SAMPLE_SHOP).json()
        session = application.store.sessions.get(chosen)
        assert (begun["session_id"], session.workspace_id) == (chosen, SAMPLE_SHOP)
        run(client, "count 2", session_id=chosen)
        assert said(application, session.key)[2:] == [("user", "count 2"), ("data_analyst", "w0 w1 ")]
        application.delete_sessions([session.key])
        is_problem(run(client, "x", session_id=chosen), 404)

    @pytest.mark.parametrize(
        ("path", "field"), [("runtime/sessions", "session_id"), ("dbs/general/conversations", "id")]
    )
    def test_every_route_that_creates_a_session_accepts_an_unused_id(self, client, path, field):
        chosen = str(uuid.uuid4())
        assert client.post(f"{API}/{path}", json={field: chosen}).json()[field] == chosen
        is_problem(client.post(f"{API}/{path}", json={field: chosen}), 409)
        for other in ("chosen", chosen.upper(), chosen + "\n"):
            assert "UUID" in is_problem(client.post(f"{API}/{path}", json={field: other}), 422)

    def test_two_concurrent_requests_may_create_a_session(self, client, application):
        chosen = str(uuid.uuid4())
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda _: run(client, "count 1", session_id=chosen).json(), range(2)))
        assert {answer["session_id"] for answer in answers} == {chosen}
        assert len(said(application, application.store.sessions.get(chosen).key)) == 4

    @pytest.mark.parametrize("other", [{"agent_id": "data_analyst"}, {"workspace_id": SAMPLE_SHOP}])
    def test_for_a_session_with_other_settings_is_a_problem(self, client, application, other):
        is_problem(run(client, "x", session_id=new_session(application).session_id, **other), 409)


class TestHistory:
    def test_is_added_to_a_session_without_one(self, client, application):
        key = new_session(application)
        answer = run(client, "history", session_id=key.session_id, history=HISTORY).json()
        assert answer["history_used"] is True
        assert "user: My name is Ada." in answer["text"]
        assert "model: Hello Ada." in answer["text"]
        assert len(conversation(application, key)) == 4

    def test_is_ignored_if_the_session_has_its_own(self, client, application):
        key = new_session(application)
        run(client, "one", session_id=key.session_id, history=HISTORY)
        answer = run(client, "two", session_id=key.session_id, history=[*HISTORY, *HISTORY]).json()
        assert answer["history_used"] is False
        assert len(conversation(application, key)) == 6


class TestStreams:
    @pytest.mark.parametrize(
        ("how", "read"),
        [
            ({"stream": True}, pieces_of_events),
            ({"headers": {"Accept": "text/event-stream"}}, pieces_of_events),
            ({"headers": {"Accept": "application/x-ndjson"}}, pieces_of_lines),
            ({"headers": {"Accept": "application/jsonl"}, "stream": True}, pieces_of_lines),
        ],
    )
    def test_contain_every_word_once_and_in_order(self, client, how, read):
        pieces = read(run(client, "think 3 then count 50", **how))
        assert [pieces[0]["type"], pieces[-1]["type"]] == ["turn", "end"]
        assert "".join(piece["text"] for piece in pieces if piece["type"] == "agent-chunk") == counted(50)
        assert "".join(piece["thought"] for piece in pieces if piece["type"] == "agent-chunk") == "t0 t1 t2 "
        assert pieces[-1]["text"] == counted(50)
        assert {piece["session_id"] for piece in pieces} == {pieces[0]["session_id"]}
        complete = [piece["event"] for piece in pieces if piece["type"] == "event"]
        assert [event["author"] for event in complete] == ["user", "assistant"]

    def test_escape_line_breaks_and_format_marks_in_texts(self, client):
        message = "a\n\nevent: x\ndata: y\r\n\u2028z"
        pieces = pieces_of_events(run(client, message, stream=True))
        assert pieces[-1]["text"] == f"You said: {message}"

    def test_end_with_the_text_of_a_stopped_turn(self, client, application):
        key = new_session(application)
        threading.Thread(target=_stop_when_it_speaks, args=(application, key)).start()
        pieces = pieces_of_events(run(client, "count 2 then wait", session_id=key.session_id, stream=True))
        assert (pieces[-1]["status"], pieces[-1]["text"]) == ("stopped", counted(2))
        assert pieces[-1]["messages"][-1]["partial"] is True
        assert "stopped before" in pieces[-1]["messages"][-1]["ending"]

    def test_end_with_the_text_and_the_reason_of_a_failed_turn(self, client):
        end = pieces_of_events(run(client, "count 2 then fail", stream=True))[-1]
        messages = client.get(f"/api/v1/conversations/{end['session_id']}/messages").json()["items"]
        reason = "The scripted model failed as it was told to."
        assert [one["ending"] for one in messages] == [one["ending"] for one in end["messages"]] == [reason] * 2

    def test_of_wrong_requests_are_problems(self, client):
        is_problem(run(client, " ", stream=True), 422)

    async def test_may_disconnect_without_stopping_the_turn(self, application, api):
        key = new_session(application)
        body = {"message": "count 30 every 20 ms", "session_id": key.session_id}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://here") as client:
            asking = asyncio.create_task(client.post(f"{API}/run_turn", json=body))
            await asyncio.to_thread(until, application, lambda: any(view.text for view in application.turns.live(key)))
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        until(application, lambda: not application.turns.live(key))
        assert said(application, key)[-1] == ("assistant", counted(30))


def _stop_when_it_speaks(application, key):
    until(application, lambda: any(counted(2) in view.text for view in application.turns.live(key)))
    application.turns.stop(application.turns.live(key)[0].turn.id)


class TestOneTurn:
    def test_has_a_status(self, client, application):
        key = new_session(application)
        turn = application.turns.submit(key, "count 2 then wait")
        until(application, lambda: [view.text for view in application.turns.live(key)] == [counted(2)])
        running = client.get(f"{API}/turns/{turn.id}")
        assert (running.json()["status"], running.json()["ended_at"]) == ("running", None)
        application.turns.stop(turn.id)
        finish(application, turn)
        stopped = client.get(f"{API}/turns/{turn.id}", headers={"If-None-Match": running.headers["etag"]})
        assert (stopped.json()["status"], stopped.json()["text"]) == ("stopped", counted(2))
        again = client.get(f"{API}/turns/{turn.id}", headers={"If-None-Match": stopped.headers["etag"]})
        assert again.status_code == 304

    def test_with_an_unknown_id_is_not_found(self, client):
        is_problem(client.get(f"{API}/turns/nothing"), 404)
