"""Conversations over HTTP: create, list, rename, add messages, delete."""

import json
import re
from datetime import datetime

import pytest
from google.adk.events.event import Event
from google.genai import types

from colloquy.api.sessions.recording import record
from colloquy.runtime.bus import EventKind
from session_store.models import SAMPLE_SHOP, TitleSource
from tests.session_store.events import append
from tests.support.applications import finish, new_session, said, until

API = "/api/v1"
CALL = {"id": "c1", "name": "run_sql", "args": {"sql": "select 1"}, "result": {"rows": [[1]]}}

ODD_TEXTS = ["", " ", "\x00", "a\x00b", "\x1b[31m", "\n", "x" * 300, 7, None, [], {"a": 1}]


def create(client, where="general", **fields):
    answer = client.post(f"{API}/dbs/{where}/conversations", json=fields or None)
    assert answer.status_code == 201, answer.text
    return answer.json()


def get(client, conversation, **query):
    return client.get(f"{API}/conversations/{conversation['id']}", params=query).json()


def add(client, conversation, content="hello", role="user", **fields):
    return client.post(
        f"{API}/conversations/{conversation['id']}/messages", json={"role": role, "content": content, **fields}
    )


def send(client, method, path, body):
    """A request whose body may be any JSON that can be written."""
    return client.request(method, path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def is_problem(answer, status):
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    return answer.json()["detail"]


def test_only_answered_messages_belong_to_a_turn(client):
    conversation = create(client)
    for content, role in (("Welcome!", "assistant"), ("hello", "user"), ("Hello Ada!", "assistant")):
        add(client, conversation, content, role)
    welcome, question, answer = client.get(f"{API}/conversations/{conversation['id']}/messages").json()["items"]
    assert welcome["turnId"] is None
    assert question["turnId"] == answer["turnId"]
    assert client.get(f"{API}/turns/{answer['turnId']}").status_code == 200


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"title": "two\nlines"}, "title: must be one line"),
        ({"agentId": "a\x00"}, "agentId: must have no NUL characters"),
        ({"title": 7}, "title: must be a text"),
        ({"title": "x" * 300}, "title: must have at most"),
    ],
)
def test_a_wrong_field_is_explained(client, fields, told):
    detail = is_problem(client.post(f"{API}/dbs/general/conversations", json=fields), 422)
    assert told in detail
    assert "[^" not in detail
    assert "pattern" not in detail


def test_text_limits_are_counted_in_characters(client):
    assert "q: must not be empty" in is_problem(client.get(f"{API}/search?q="), 422)
    assert "at most 500 characters" in is_problem(client.get(f"{API}/search?q={'a' * 501}"), 422)


def status_of(query):
    """The response to a list request with a wrong query. A fake cursor names a page that does not exist."""
    return 404 if re.fullmatch(r"[A-Za-z0-9_-]{1,800}=*", query.get("cursor", "")) else 422


class TestCreating:
    def test_without_a_body_works_as_on_the_page(self, client, application):
        answer = client.post(f"{API}/dbs/general/conversations")
        conversation = answer.json()
        assert answer.headers["location"] == f"{API}/conversations/{conversation['id']}"
        assert conversation["connectionId"] == conversation["workspaceId"] == "general"
        assert (conversation["agentId"], conversation["title"]) == ("assistant", "")
        assert application.store.sessions.get(conversation["id"]).model == application.models.default().id

    def test_about_data_uses_the_data_analyst(self, client):
        assert create(client, SAMPLE_SHOP)["agentId"] == "data_analyst"

    def test_with_an_agent_a_model_and_a_title(self, client, application):
        conversation = create(client, agentId="assistant", model="scripted/two", title=" My title ")
        session = application.store.sessions.get(conversation["id"])
        assert (session.title, session.title_source, session.model) == (
            "My title",
            TitleSource.PERSON,
            "scripted/two",
        )

    def test_reaches_the_pages(self, client, application):
        heard = []
        unsubscribe = application.bus.subscribe(heard.append)
        conversation = create(client)
        unsubscribe()
        assert (EventKind.SESSION_LIST_CHANGED, conversation["id"]) in [(e.kind, e.key.session_id) for e in heard]

    def test_in_an_unknown_workspace_is_refused(self, client):
        assert "no workspace" in is_problem(client.post(f"{API}/dbs/nowhere/conversations"), 404)

    @pytest.mark.parametrize(
        ("wrong", "status"),
        [({"agentId": "nobody"}, 404), ({"model": "nothing"}, 409), ({"model": "scripted/none"}, 409)],
    )
    def test_with_unknown_ids_is_refused(self, client, wrong, status):
        is_problem(client.post(f"{API}/dbs/general/conversations", json=wrong), status)


class TestLists:
    def test_by_connection_are_sorted_by_latest_update(self, client):
        first, second = create(client, SAMPLE_SHOP), create(client, SAMPLE_SHOP)
        elsewhere = create(client)
        add(client, first)
        listed = client.get(f"{API}/dbs/{SAMPLE_SHOP}/conversations").json()["items"]
        assert [one["id"] for one in listed[:2]] == [first["id"], second["id"]]
        assert elsewhere["id"] not in [one["id"] for one in listed]
        times = [datetime.fromisoformat(one["updatedAt"]) for one in listed]
        assert times == sorted(times, reverse=True)

    def test_are_the_same_by_workspace(self, client):
        create(client, SAMPLE_SHOP)
        by_connection = client.get(f"{API}/dbs/{SAMPLE_SHOP}/conversations").json()
        assert client.get(f"{API}/workspaces/{SAMPLE_SHOP}/conversations").json() == by_connection

    def test_are_paged_without_gaps(self, client):
        made = [create(client)["id"] for _ in range(5)]
        found, cursor = [], None
        while True:
            query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = client.get(f"{API}/conversations", params=query).json()
            found += [one["id"] for one in page["items"]]
            if (cursor := page["next"]) is None:
                break
        assert found[:5] == made[::-1]
        assert len(found) == len(set(found))

    def test_can_be_filtered_by_text_and_saved_mark(self, client):
        conversation = create(client, title="The owl and the pussycat")
        add(client, create(client), "went to sea")
        client.patch(f"{API}/conversations/{conversation['id']}", json={"saved": True})

        def found(**query):
            return [one["title"] for one in client.get(f"{API}/conversations", params=query).json()["items"]]

        assert found(search="PUSSY") == ["The owl and the pussycat"]
        assert found(search="to sea") == ["went to sea"]
        assert found(saved=True) == ["The owl and the pussycat"]

    @pytest.mark.parametrize(
        "query",
        [
            {"cursor": "nonsense"},
            {"cursor": "W10="},
            {"cursor": "\x00"},
            {"cursor": "x" * 5000},
            {"cursor": "W1tbW1tbW1tbW1tb" * 50},
            {"limit": 0},
            {"limit": 10**30},
            {"limit": "many"},
            {"saved": "perhaps"},
            {"search": "\x00"},
        ],
    )
    def test_refuse_an_invalid_cursor(self, client, query):
        is_problem(client.get(f"{API}/dbs/general/conversations", params=query), status_of(query))


class TestOne:
    def test_contains_its_messages_and_their_tool_calls(self, client):
        conversation = create(client)
        asked = add(client, conversation, "How many?").json()
        answered = add(client, conversation, "One.", "assistant", toolCalls=[CALL]).json()
        messages = get(client, conversation)["messages"]
        assert messages == [asked, answered]
        assert [(one["role"], one["content"]) for one in messages] == [("user", "How many?"), ("assistant", "One.")]
        assert messages[0]["turnId"] == messages[1]["turnId"]
        call = messages[1]["toolCalls"][0]
        assert {name: call[name] for name in CALL} == CALL
        assert (call["status"], call["error"]) == ("completed", None)

    def test_contains_messages_sent_on_the_page(self, client, application):
        key = new_session(application, "assistant")
        finish(application, application.turns.submit(key, "count 3"))
        messages = client.get(f"{API}/conversations/{key.session_id}").json()["messages"]
        assert [(one["role"], one["content"]) for one in messages] == [("user", "count 3"), ("assistant", "w0 w1 w2 ")]

    def test_contains_the_newest_messages_and_a_cursor_to_older_ones(self, client):
        conversation = create(client)
        for number in range(7):
            add(
                client, conversation, f"{number}", "user" if number % 2 else "assistant", toolCalls=[CALL][number % 2 :]
            )
        pages, query = [], {"limit": 3}
        while True:
            page = get(client, conversation, **query)
            pages.append([one["content"] for one in page["messages"]])
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert pages == [["4", "5", "6"], ["1", "2", "3"], ["0"]]

    def test_is_not_sent_again_until_it_changes(self, client):
        conversation = create(client)
        path = f"{API}/conversations/{conversation['id']}"
        tag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": f'"other", W/{tag}'}).status_code == 304
        add(client, conversation)
        changed = client.get(path, headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag

    @pytest.mark.parametrize("cursor", ["nonsense", "1", "1-", "9" * 30 + "-1", "-1--1", "\u0661-\u0662", "1-2\x00"])
    def test_refuses_an_invalid_cursor(self, client, cursor):
        path, query = f"{API}/conversations/{create(client)['id']}", {"cursor": cursor}
        is_problem(client.get(path, params=query), status_of(query))

    @pytest.mark.parametrize("name", ["nobody", "%00", "%0A", "a%0Ab", "%ff", "..%2f..", "x" * 3000, "%F0%9F%A6%89"])
    def test_with_an_unknown_id_is_not_found(self, client, name):
        for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"title": "x"})):
            answer = client.request(method, f"{API}/conversations/{name}", json=body)
            is_problem(answer, 404)

    def test_of_another_user_is_not_found(self, client, application):
        key = new_session(application)
        foreign = type(key)(key.app_name, "somebody else", "theirs")
        application.store.sessions.create(foreign)
        is_problem(client.get(f"{API}/conversations/theirs"), 404)


class TestRenaming:
    def test_is_stored_and_never_overwritten_by_a_model(self, client, application):
        conversation = create(client)
        answer = client.patch(f"{API}/conversations/{conversation['id']}", json={"title": "New Title"})
        assert (answer.status_code, answer.json()["title"]) == (200, "New Title")
        assert get(client, conversation)["title"] == "New Title"
        assert application.store.sessions.get(conversation["id"]).title_source is TitleSource.PERSON

    @pytest.mark.parametrize("title", ["Übung macht 🦉", "עברית", "x" * 200, "a <b>c</b> | `d`"])
    def test_accepts_any_language(self, client, title):
        conversation = create(client)
        assert client.patch(f"{API}/conversations/{conversation['id']}", json={"title": title}).json()["title"] == title

    @pytest.mark.parametrize("title", ODD_TEXTS)
    def test_refuses_an_invalid_title(self, client, title):
        conversation = create(client, title="before")
        is_problem(send(client, "PATCH", f"{API}/conversations/{conversation['id']}", {"title": title}), 422)
        assert get(client, conversation)["title"] == "before"

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"null", b"\xff", b"1" * 5000, b"[" * 100_000, b'{"title": NaN}']
    )
    def test_refuses_an_invalid_change(self, client, body):
        conversation = create(client)
        answer = client.patch(
            f"{API}/conversations/{conversation['id']}", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (400, 413, 422)
        is_problem(answer, answer.status_code)

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
    def test_refuses_json_with_another_content_type(self, client, kind):
        conversation = create(client)
        answer = client.patch(
            f"{API}/conversations/{conversation['id']}", content=b'{"title": "Tides"}', headers={"Content-Type": kind}
        )
        is_problem(answer, 422)
        assert answer.json()["detail"] == "Send the body with the header Content-Type: application/json."

    def test_names_the_wrong_field(self, client):
        conversation = create(client)
        answer = client.patch(f"{API}/conversations/{conversation['id']}", json={"title": 1, "saved": "x"})
        assert [(one["where"], one["field"]) for one in answer.json()["errors"]] == [
            ("body", "title"),
            ("body", "saved"),
        ]

    def test_over_an_unseen_change_is_refused(self, client):
        conversation = create(client)
        path = f"{API}/conversations/{conversation['id']}"
        tag = client.get(path).headers["etag"]
        changed = client.patch(path, json={"title": "first"}, headers={"If-Match": tag})
        assert changed.status_code == 200
        is_problem(client.patch(path, json={"title": "second"}, headers={"If-Match": tag}), 412)
        is_problem(client.delete(path, headers={"If-Match": tag}), 412)
        assert client.get(path).json()["title"] == "first"
        assert client.patch(path, json={"title": "x"}, headers={"If-Match": changed.headers["etag"]}).is_success
        assert client.delete(path, headers={"If-Match": "*"}).status_code == 204


class TestOtherChanges:
    def test_save_move_and_change_the_model(self, client, application):
        conversation = create(client)
        change = {"saved": True, "workspaceId": SAMPLE_SHOP, "model": "scripted/two"}
        answer = client.patch(f"{API}/conversations/{conversation['id']}", json=change).json()
        assert {name: answer[name] for name in change} == change
        assert answer["connectionId"] == SAMPLE_SHOP

    @pytest.mark.parametrize(
        ("change", "status"),
        [({"workspaceId": "nowhere"}, 404), ({"model": "nothing"}, 409), ({}, 422), ({"other": 1}, 422)],
    )
    def test_are_refused_if_impossible(self, client, change, status):
        conversation = create(client)
        is_problem(client.patch(f"{API}/conversations/{conversation['id']}", json=change), status)


class TestDeleting:
    def test_deletes_the_messages(self, client, application):
        conversation = create(client)
        add(client, conversation)
        path = f"{API}/conversations/{conversation['id']}"
        answer = client.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
        for gone in (path, f"{path}/messages"):
            is_problem(client.get(gone), 404)
        is_problem(client.delete(path), 404)
        is_problem(add(client, conversation), 404)
        listed = client.get(f"{API}/dbs/general/conversations").json()["items"]
        assert conversation["id"] not in [one["id"] for one in listed]

    def test_can_be_undone_as_on_the_page(self, client, application):
        conversation = create(client)
        add(client, conversation, "still here")
        key = application.store.sessions.get(conversation["id"]).key
        client.delete(f"{API}/conversations/{conversation['id']}")
        application.restore_sessions([key])
        assert [one["content"] for one in get(client, conversation)["messages"]] == ["still here"]


class TestMessages:
    def test_contain_all_parts_of_an_answer(self, client, application):
        key = new_session(application)
        page = types.GroundingChunkWeb(uri="https://sea.example/tides", title="Tides")
        code = types.ExecutableCode(code="6 * 7", language="PYTHON")
        result = types.CodeExecutionResult(outcome="OUTCOME_OK", output="42")
        parts = [
            types.Part(text="hm", thought=True),
            types.Part(text="<think>still</think>It is 42."),
            types.Part(executable_code=code),
            types.Part(code_execution_result=result),
        ]
        spoken = types.Transcription(text="6 times 7?", finished=True)
        append(
            application.store,
            key,
            Event(author="user", invocation_id="t", input_transcription=spoken),
            Event(
                author="agent",
                invocation_id="t",
                content=types.Content(role="model", parts=parts),
                grounding_metadata=types.GroundingMetadata(grounding_chunks=[types.GroundingChunk(web=page)]),
            ),
            Event(author="flow", invocation_id="t", output={"sum": 42}, node_info={"path": "flow@1"}),
        )
        path = f"{API}/conversations/{key.session_id}"
        question, answer, output = client.get(f"{path}/messages").json()["items"]
        assert (question["role"], question["content"]) == ("user", "6 times 7?")
        assert (answer["content"], answer["thoughts"]) == ("It is 42.", ["hm\n\nstill"])
        assert answer["code"] == [{"language": "python", "code": "6 * 7", "output": "42", "failed": False}]
        assert answer["sources"] == [{"title": "Tides", "url": "https://sea.example/tides"}]
        assert output["outputs"] == [{"node": "flow", "value": {"sum": 42}}]
        written = client.get(f"{path}/export", params={"format": "markdown"}).text
        for one in (
            "6 times 7?",
            "> still",
            "```python\n6 * 7\n```",
            "[Tides](<https://sea.example/tides>)",
            '"sum": 42',
        ):
            assert one in written

    def test_are_seen_by_the_agent_in_the_next_turn(self, client, application):
        conversation = create(client)
        add(client, conversation, "My name is Ada.")
        add(client, conversation, "Hello Ada!", "assistant", toolCalls=[CALL])
        key = application.store.sessions.get(conversation["id"]).key
        finish(application, application.turns.submit(key, "history"))
        told = said(application, key)[-1][1]
        assert "user: My name is Ada." in told
        assert "model: Hello Ada!" in told

    def test_of_a_user_may_include_the_calls_they_caused(self, client):
        conversation = create(client)
        asked = add(client, conversation, "How many?", toolCalls=[CALL]).json()
        answered = add(client, conversation, "One.", "assistant").json()
        assert [(one["id"], len(one["toolCalls"])) for one in get(client, conversation)["messages"]] == [
            (asked["id"], 1),
            (answered["id"], 0),
        ]

    def test_give_a_title_to_an_untitled_conversation(self, client):
        conversation = create(client)
        add(client, conversation, "What is an owl, and what is it not?")
        assert get(client, conversation)["title"] == "What is an owl, and what is it not?"

    def test_reach_the_pages(self, client, application):
        conversation = create(client)
        heard = []
        unsubscribe = application.bus.subscribe(heard.append)
        add(client, conversation)
        unsubscribe()
        kinds = [event.kind for event in heard if event.key.session_id == conversation["id"]]
        assert {EventKind.SESSION_CHANGED, EventKind.SESSION_LIST_CHANGED} <= set(kinds)

    @pytest.mark.parametrize(
        ("call", "expected"),
        [
            ({"name": "t"}, {"args": {}, "result": None, "error": None, "status": "completed"}),
            ({"tool": "t", "input": {"a": 1}, "output": "text"}, {"args": {"a": 1}, "result": "text"}),
            ({"name": "t", "arguments": {"a": [None]}, "result": []}, {"args": {"a": [None]}, "result": []}),
            ({"name": "t", "result": {"result": 5}}, {"result": {"result": 5}}),
            ({"name": "t", "result": {}}, {"result": {}}),
            ({"name": "t", "error": "boom"}, {"result": None, "error": "boom", "status": "failed"}),
            ({"name": "t", "args": {"\0": "a\0b"}, "result": "\0"}, {"args": {"\0": "a\0b"}, "result": "\0"}),
            ({"name": "t", "args": {"n": -(10**30)}, "result": 2**64}, {"args": {"n": -(10**30)}, "result": 2**64}),
            ({"name": "t", "error": "boom", "result": [1]}, {"result": [1], "error": "boom", "status": "failed"}),
        ],
    )
    def test_keep_tool_calls_unchanged(self, client, call, expected):
        conversation = create(client)
        add(client, conversation, "", "assistant", toolCalls=[call])
        kept = get(client, conversation)["messages"][0]["toolCalls"][0]
        assert {name: kept[name] for name in expected} == expected

    @pytest.mark.parametrize("content", ["x" * 100_000, "🦉\u200d\u202e", "tab\there\r\n", "\x1b[31mred", "<script>"])
    def test_accept_any_text(self, client, content):
        conversation = create(client)
        assert add(client, conversation, content).json()["content"] == content
        assert get(client, conversation)["messages"][0]["content"] == content

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"role": "user"},
            {"role": "user", "content": " "},
            {"role": "user", "content": "", "toolCalls": [CALL]},
            {"role": "assistant", "content": "", "toolCalls": []},
            {"role": "system", "content": "x"},
            {"role": "user", "content": "\x00"},
            {"role": "user", "content": "x" * 1_000_001},
            {"role": "user", "content": 1},
            {"role": "user", "content": "x", "toolCalls": {}},
            {"role": "user", "content": "x", "toolCalls": [{}]},
            {"role": "user", "content": "x", "toolCalls": [{**CALL, "name": ""}]},
            {"role": "user", "content": "x", "toolCalls": [{**CALL, "args": []}]},
            {"role": "user", "content": "x", "toolCalls": [{**CALL, "result": float("nan")}]},
            {"role": "user", "content": "x", "toolCalls": [CALL] * 201},
            {"role": "user", "content": "x", "toolCalls": [{**CALL, "result": json.loads("[" * 55 + "]" * 55)}]},
        ],
    )
    def test_refuse_invalid_messages(self, client, body):
        conversation = create(client)
        answer = send(client, "POST", f"{API}/conversations/{conversation['id']}/messages", body)
        is_problem(answer, 422)
        assert get(client, conversation)["messages"] == []

    def test_wait_for_the_end_of_a_running_turn(self, client, application):
        key = new_session(application)
        turn = application.turns.submit(key, "count 1 then wait")
        until(application, lambda: any(view.text for view in application.turns.live(key)))
        is_problem(add(client, {"id": key.session_id}), 409)
        application.turns.stop(turn.id)
        finish(application, turn)
        assert add(client, {"id": key.session_id}).status_code == 201

    def test_added_concurrently_are_appended_one_by_one(self, client, application):
        conversation = create(client)
        session = application.store.sessions.get(conversation["id"])
        from concurrent.futures import ThreadPoolExecutor

        from colloquy.api.sessions.messages import NewMessage

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: record(session, [NewMessage(role="user", content=f"{n}")]), range(40)))
        contents = [one["content"] for one in get(client, conversation, limit=100)["messages"]]
        assert sorted(contents, key=int) == [f"{n}" for n in range(40)]


class TestTitles:
    def path(self, conversation):
        return f"{API}/conversations/{conversation['id']}/generate-title"

    def test_come_from_the_model(self, client, application):
        conversation = create(client)
        answer = client.post(self.path(conversation), json={"firstMessage": "title of a song"})
        assert (answer.json()["title"], answer.json()["titleSource"]) == ("About title", "model")
        assert application.store.sessions.get(conversation["id"]).title == "About title"

    def test_from_the_model_may_replace_a_title_by_the_user(self, client):
        for message, title in (("title it", "About title"), ("owls", "owls")):
            conversation = create(client, title="Mine")
            answer = client.post(self.path(conversation), json={"firstMessage": message}).json()
            assert (answer["title"], answer["titleSource"]) == (title, "model")

    def test_are_the_first_words_if_the_model_has_none(self, client):
        conversation = create(client)
        assert client.post(self.path(conversation), json={"firstMessage": "owls"}).json()["title"] == "owls"

    def test_are_about_the_first_message_by_default(self, client):
        conversation = create(client)
        add(client, conversation, "title me")
        add(client, conversation, "and not this")
        assert client.post(self.path(conversation)).json()["title"] == "About title"

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (None, 409),
            ({}, 409),
            ({"firstMessage": " "}, 409),
            ({"firstMessage": "\x00"}, 422),
            ({"firstMessage": 1}, 422),
        ],
    )
    def test_need_a_message(self, client, body, status):
        conversation = create(client)
        is_problem(client.post(self.path(conversation), json=body), status)
