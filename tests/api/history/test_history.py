"""Past conversations over HTTP: search, labels, branches."""

import pytest

from colloquy.api.sessions.messages import NewMessage, NewToolCall
from colloquy.api.sessions.recording import record
from tests.support.applications import new_session, said

API = "/api/v1"


@pytest.fixture
def owl_chat(application):
    """A conversation about owls, with a tool call."""
    session = application.store.sessions.get(new_session(application).session_id)
    call = NewToolCall(name="count_birds", args={"kind": "barn owl"}, result=7)
    record(session, [NewMessage(role="user", content="How many owls?")])
    record(session, [NewMessage(role="assistant", content="Seven owls.", tool_calls=[call])])
    return session.key


def is_problem(answer, status):
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"]) == (status, status)


class TestSearch:
    def test_finds_titles_messages_and_tool_calls(self, client, owl_chat):
        found = client.get(f"{API}/search", params={"q": "OWL"}).json()["items"]
        mine = [one for one in found if one["conversationId"] == owl_chat.session_id]
        assert {one["kind"] for one in mine} == {"title", "message", "tool call"}
        for one in mine:
            assert all(one["excerpt"][begin:end].casefold() == "owl" for begin, end in one["marks"])

    def test_is_paged(self, client, owl_chat):
        first = client.get(f"{API}/search", params={"q": "owls", "limit": 1}).json()
        second = client.get(f"{API}/search", params={"q": "owls", "limit": 1, "cursor": first["next"]}).json()
        assert first["items"] != second["items"]

    @pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "\x00"}, {"q": "x" * 501}])
    def test_refuses_an_invalid_search(self, client, query):
        is_problem(client.get(f"{API}/search", params=query), 422)
        is_problem(client.get(f"{API}/search", params={"q": "x", "cursor": "x"}), 404)


class TestLabels:
    def test_are_set_and_removed(self, client, owl_chat):
        path = f"{API}/conversations/{owl_chat.session_id}/labels"
        assert client.get(path).json() == {"tags": [], "note": ""}
        assert client.put(path, json={"tags": ["Birds", "night"], "note": "ask again"}).json() == {
            "tags": ["Birds", "night"],
            "note": "ask again",
        }
        assert client.put(path, json={"tags": ["birds"]}).json() == {"tags": ["Birds"], "note": "ask again"}

    def test_are_not_overwritten_without_seeing_the_last_change(self, client, owl_chat):
        path = f"{API}/conversations/{owl_chat.session_id}/labels"
        tag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        client.put(path, json={"note": "first"}, headers={"If-Match": tag})
        is_problem(client.put(path, json={"note": "second"}, headers={"If-Match": tag}), 412)

    @pytest.mark.parametrize("wrong", [{"tags": ["a,b"]}, {"tags": ["x" * 41]}, {"tags": [""]}, {"note": "\x00"}])
    def test_refuse_invalid_values(self, client, owl_chat, wrong):
        is_problem(client.put(f"{API}/conversations/{owl_chat.session_id}/labels", json=wrong), 422)


class TestBranches:
    def test_continue_from_a_message(self, client, application, owl_chat):
        messages = client.get(f"{API}/conversations/{owl_chat.session_id}").json()["messages"]
        answer = client.post(f"{API}/conversations/{owl_chat.session_id}/branch", json={"messageId": messages[0]["id"]})
        assert answer.status_code == 201
        branch = application.store.sessions.get(answer.json()["id"])
        assert said(application, branch.key) == [("user", "How many owls?")]

    def test_need_an_existing_message(self, client, owl_chat):
        is_problem(client.post(f"{API}/conversations/{owl_chat.session_id}/branch", json={"messageId": "none"}), 409)
        is_problem(client.post(f"{API}/conversations/nothing/branch", json={"messageId": "none"}), 404)
