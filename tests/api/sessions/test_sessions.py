"""Sessions over HTTP: save, list by agent, load, delete."""

import uuid

import pytest

from tests.support.applications import finish, new_session, said

API = "/api/v1"
HISTORY = [
    {"role": "user", "content": "My name is Ada."},
    {"role": "assistant", "content": "Hello Ada.", "tool_calls": [{"name": "greet", "args": {}, "result": "done"}]},
]


def save(client, **fields):
    return client.post(f"{API}/sessions", json=fields)


def ids(answer):
    return [one["session_id"] for one in answer.json()["items"]]


def is_problem(answer, status):
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    return answer.json()["detail"]


class TestSaving:
    def test_marks_a_session_as_saved(self, client, application):
        key = new_session(application)
        answer = save(client, session_id=key.session_id)
        assert (answer.status_code, answer.json()["saved"]) == (200, True)
        assert application.store.sessions.get(key.session_id).saved
        assert save(client, session_id=key.session_id, saved=False).json()["saved"] is False

    def test_stores_a_session_from_elsewhere(self, client, application):
        answer = save(client, agent_id="assistant", title="From afar", history=HISTORY)
        assert answer.status_code == 201
        session = application.store.sessions.get(answer.json()["session_id"])
        assert (session.title, session.saved) == ("From afar", True)
        assert said(application, session.key) == [("user", "My name is Ada."), ("assistant", "Hello Ada.")]

    def test_stores_a_session_from_elsewhere_under_its_original_id(self, client, application):
        chosen = str(uuid.uuid4())
        answers = [save(client, session_id=chosen, agent_id="assistant", history=HISTORY) for _ in range(2)]
        assert [(one.status_code, one.json()["session_id"]) for one in answers] == [(201, chosen), (200, chosen)]
        assert len(said(application, application.store.sessions.get(chosen).key)) == 2
        is_problem(save(client, session_id=str(uuid.uuid4())), 404)

    def test_never_reuses_the_id_of_a_deleted_session(self, client):
        chosen = str(uuid.uuid4())
        save(client, session_id=chosen, agent_id="assistant")
        assert client.delete(f"{API}/sessions/{chosen}").status_code == 204
        assert "There is, or was," in is_problem(save(client, session_id=chosen, agent_id="assistant"), 409)
        is_problem(save(client, session_id=chosen), 404)

    def test_does_not_overwrite_existing_history(self, client, application):
        session_id = save(client, agent_id="assistant", history=HISTORY).json()["session_id"]
        save(client, session_id=session_id, history=[{"role": "user", "content": "other"}])
        key = application.store.sessions.get(session_id).key
        assert len(said(application, key)) == 2

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"session_id": None},
            {"agent_id": "assistant", "history": [{}]},
            {"agent_id": "assistant", "title": ""},
        ],
    )
    def test_refuses_a_request_without_a_session(self, client, body):
        is_problem(save(client, **body), 422)

    @pytest.mark.parametrize(
        "body",
        [{"session_id": "nothing"}, {"agent_id": "nobody"}, {"agent_id": "assistant", "workspace_id": "nowhere"}],
    )
    def test_of_an_unknown_session_is_refused(self, client, body):
        is_problem(save(client, **body), 404)


class TestLists:
    def test_by_agent_are_sorted_by_latest_update(self, client, application):
        first, second = new_session(application, "specialist"), new_session(application, "specialist")
        elsewhere = new_session(application, "assistant")
        finish(application, application.turns.submit(first, "hello"))
        listed = ids(client.get(f"{API}/sessions/specialist"))
        assert listed == [first.session_id, second.session_id]
        assert elsewhere.session_id in ids(client.get(f"{API}/sessions/assistant", params={"limit": 200}))

    def test_can_be_limited_to_saved_ones(self, client, application):
        key, _ = new_session(application, "data_analyst"), new_session(application, "data_analyst")
        save(client, session_id=key.session_id)
        assert ids(client.get(f"{API}/sessions/data_analyst", params={"saved": True})) == [key.session_id]

    def test_of_an_unknown_agent_are_not_found(self, client):
        is_problem(client.get(f"{API}/sessions/nobody"), 404)


class TestLoading:
    def test_returns_the_history(self, client):
        session_id = save(client, agent_id="assistant", history=HISTORY).json()["session_id"]
        loaded = client.get(f"{API}/sessions/assistant/{session_id}")
        history = loaded.json()["history"]
        assert [(one["role"], one["content"]) for one in history] == [
            ("user", "My name is Ada."),
            ("assistant", "Hello Ada."),
        ]
        assert [(call["name"], call["result"]) for call in history[1]["tool_calls"]] == [("greet", "done")]
        unchanged = client.get(loaded.url.path, headers={"If-None-Match": loaded.headers["etag"]})
        assert unchanged.status_code == 304

    def test_returns_what_can_be_saved_again(self, client):
        session_id = save(client, agent_id="assistant", history=HISTORY).json()["session_id"]
        history = client.get(f"{API}/sessions/assistant/{session_id}").json()["history"]
        again = save(client, agent_id="assistant", history=history).json()["session_id"]
        copied = client.get(f"{API}/sessions/assistant/{again}").json()["history"]
        named = ("role", "content")
        assert [[one[name] for name in named] for one in copied] == [[one[name] for name in named] for one in history]

    def test_of_a_session_of_another_agent_is_refused(self, client, application):
        key = new_session(application, "assistant")
        is_problem(client.get(f"{API}/sessions/data_analyst/{key.session_id}"), 404)


class TestDeleting:
    def test_removes_a_session_from_the_list(self, client, application):
        key = new_session(application)
        assert client.delete(f"{API}/sessions/{key.session_id}").status_code == 204
        assert key.session_id not in ids(client.get(f"{API}/sessions/assistant", params={"limit": 200}))
        is_problem(client.get(f"{API}/sessions/assistant/{key.session_id}"), 404)
        is_problem(client.delete(f"{API}/sessions/{key.session_id}"), 404)

    def test_of_a_changed_session_needs_the_current_version(self, client, application):
        key = new_session(application)
        tag = client.get(f"{API}/sessions/assistant/{key.session_id}").headers["etag"]
        save(client, session_id=key.session_id)
        is_problem(client.delete(f"{API}/sessions/{key.session_id}", headers={"If-Match": tag}), 412)
