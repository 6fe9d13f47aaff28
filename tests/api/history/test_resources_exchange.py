"""Export and import over HTTP: exports come back unchanged, and damaged files change nothing."""

import asyncio
import io
import json
import sqlite3
import uuid
import zipfile

import pytest
from google.adk.sessions.session import Session
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types
from pyarrow import parquet

from session_store.models import ResultKind, SessionKey
from tests.session_store.events import said
from tests.session_store.exchange.foreign_chats import answered, asked, webui_chat
from tests.session_store.exchange.histories import held
from tests.support.applications import finish, new_session
from tests.support.results import new_chart, new_result

IMPORTS = "/api/v1/imports"
EVENT = {"author": "user", "id": "e", "timestamp": 1.0, "content": {"role": "user", "parts": [{"text": "Hello"}]}}


def is_problem(answer, status):
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    return answer.json()["detail"]


def upload(client, content, name="history", **fields):
    return client.post(IMPORTS, files={"file": (name, content)}, data=fields)


@pytest.fixture
def talk(application):
    """A conversation with a question, an answer and a result."""
    key = new_session(application)
    finish(application, application.turns.submit(key, "What of *Umsatz* in März?"))
    application.rename_session(key, "Umsatz: März?")
    new_result(application, key)
    return key


class TestExports:
    def test_of_one_conversation_are_available_in_every_format_under_its_title(self, client, talk):
        url = f"/api/v1/conversations/{talk.session_id}/export"
        text = client.get(url, params={"format": "md"})
        assert text.headers["content-type"] == "text/markdown; charset=utf-8"
        assert text.headers["content-disposition"].endswith("filename*=UTF-8''Umsatz%20M%C3%A4rz.md")
        assert text.text.startswith("# Umsatz: März?")
        assert Session.model_validate(client.get(url, params={"format": "json"}).json()).id == talk.session_id
        assert len(client.get(url, params={"format": "adk-web"}).json()["events"]) == 2
        lines = client.get(url, params={"format": "jsonl"}).text.splitlines()
        assert [json.loads(line)["author"] for line in lines] == ["user", "assistant"]
        archive = zipfile.ZipFile(io.BytesIO(client.get(url, params={"format": "zip"}).content))
        assert archive.testzip() is None
        assert [one["id"] for one in json.loads(archive.read("colloquy.json"))["workspaces"]] == ["general"]
        assert sorted(name.partition("/")[0] for name in archive.namelist()) == [
            "colloquy.json",
            "conversations",
            "results",
        ]

    def test_of_a_selection_contain_only_it(self, client, application, talk):
        other, _ = new_session(application), new_session(application)
        chosen = [talk.session_id, other.session_id]
        by_link = client.get("/api/v1/exports/file", params={"format": "json", "id": chosen}).json()
        by_body = client.post("/api/v1/exports", json={"format": "json", "ids": chosen}).json()
        assert by_link == by_body
        assert [session["id"] for session in by_body] == chosen

    def test_of_all_can_be_limited_to_saved_ones_or_include_all_users(self, client, application, talk):
        theirs = SessionKey("assistant", "somebody else", "theirs")
        application.store.sessions.create(theirs)
        application.set_saved([talk], saved=True)
        saved = client.post("/api/v1/exports", json={"format": "jsonl", "saved": True}).text.splitlines()
        assert {json.loads(line)["session_id"] for line in saved} == {talk.session_id}
        mine = client.post("/api/v1/exports", json={"format": "json"}).json()
        everyone = client.post("/api/v1/exports", json={"format": "json", "everyone": True}).json()
        for wanted in ({"user": "somebody else"}, {"agent": "nobody", "everyone": True}):
            body = client.post("/api/v1/exports", json={"format": "json"} | wanted).json()
            params = {"format": "json"} | {name: str(value).lower() for name, value in wanted.items()}
            assert client.get("/api/v1/exports/file", params=params).json() == body
            assert body == [] or body["id"] == "theirs"
        assert len(everyone) == len(mine) + 1
        application.delete_sessions([theirs])

    def test_of_the_whole_history_are_tables(self, client, talk):
        archive = zipfile.ZipFile(io.BytesIO(client.get("/api/v1/exports/file?format=parquet").content))
        conversations = parquet.read_table(io.BytesIO(archive.read("conversations.parquet")))
        assert talk.session_id in conversations.column("id").to_pylist()

    def test_by_id_may_include_any_user(self, client, application):
        theirs = SessionKey("assistant", "somebody else", "named")
        application.store.sessions.create(theirs)
        assert client.get("/api/v1/conversations/named/export").json()["userId"] == "somebody else"
        assert client.get("/api/v1/exports/file?format=json&id=named").json()["id"] == "named"
        application.delete_sessions([theirs])

    def test_of_unknown_conversations_are_problems(self, client):
        assert is_problem(client.get("/api/v1/conversations/nothing/export"), 404)
        assert "nothing" in is_problem(client.get("/api/v1/exports/file?id=nothing"), 404)
        assert is_problem(client.post("/api/v1/exports", json={"format": "docx"}), 422)


async def test_export_wipe_import_gives_the_same_store_event_for_event(client, application, talk):
    new_chart(application, talk)
    await made_file(application, talk)
    nested = application.workspaces.create("Nested", application.workspaces.create("Region").id)
    other = new_session(application, workspace_id=nested.id)
    finish(application, application.turns.submit(other, "Count to 5"))
    application.rename_session(other, "Counting")  # so that no title from a model arrives meanwhile
    answer = application.store.events.list(other)[-1].event.id
    application.set_feedback(other, answer, 1, "Just right")
    application.store.labels.set_tags([other], add=["north"])
    application.store.labels.set_note(other, "Ask again.")
    files = application.settings.data_dir / "artifacts"

    exported = client.post("/api/v1/exports", json={"everyone": True}).content
    before, files_before = everything_in(application.store), tree(files)
    everything = [SessionKey(*row) for row in sessions_in(application)]
    application.delete_sessions(everything)
    for key in application.store.sessions.purge_deleted(older_than=-1):
        application.artifacts.delete_files([key])
    assert set(tree(files)) == {".encoded"}
    report = upload(client, exported, "all.zip").json()
    again = upload(client, exported, "all.zip").json()

    assert report["conversations"] == len(everything)
    assert (again["conversations"], {one["why"] for one in again["skipped"]}) == (0, {"already here"})
    assert everything_in(application.store) == before
    assert tree(files) == files_before
    assert client.get(f"/api/v1/conversations/{other.session_id}/messages/{answer}/feedback").json()["score"] == 1


class TestImports:
    def test_report_what_was_imported_and_what_was_skipped_and_why(self, client, application):
        history = json.dumps([{"id": "told", "appName": "critic", "userId": "user", "events": [EVENT]}])
        report = upload(client, history, "sessions.json").json()
        assert report["taken"] == [
            {"id": "told", "agent_id": "critic", "user_id": "local", "title": "Hello", "events": 1}
        ]
        again = upload(client, history).json()
        assert (again["taken"], again["skipped"]) == ([], [{"name": "Hello", "why": "already here"}])

    def test_accept_an_adk_database(self, client, tmp_path):
        report = upload(client, adk_database(tmp_path).read_bytes(), "adk.db", users="file").json()
        assert (report["kind"], report["events"]) == ("ADK session database", 2)
        assert [one["user_id"] for one in report["taken"]] == ["user"]

    def test_accept_an_adk_database_by_url(self, client, tmp_path):
        url = f"sqlite+aiosqlite:///{adk_database(tmp_path, 'by url')}"
        assert client.post(f"{IMPORTS}/database", json={"url": url}).json()["conversations"] == 1
        for wrong in ("", "mysql://a:b@c/d", "sqlite://", "nonsense"):
            assert "sqlite:///" in is_problem(client.post(f"{IMPORTS}/database", json={"url": wrong}), 422)
        missing = {"url": f"sqlite:///{tmp_path}/missing.db"}
        assert "There is no file" in is_problem(client.post(f"{IMPORTS}/database", json=missing), 409)

    @pytest.mark.parametrize("name", ["\N{OWL}" * 100 + ".json", "\u00e9" * 200, "..", "." * 300, "a/../b.json", "con"])
    def test_accept_a_file_with_any_name(self, client, name):
        history = {"id": str(uuid.uuid4()), "appName": "a", "userId": "u", "events": [EVENT]}
        assert upload(client, json.dumps(history), name).json()["conversations"] == 1

    def test_count_what_could_not_be_imported_unchanged(self, client):
        chat = webui_chat(asked(), answered(followUps=["More?"], merged="Both."), id="counted")
        report = upload(client, json.dumps([chat, 17])).json()
        assert report["summary"] == "Imported 1 chat (3 events)."
        assert report["changes"] == [
            {"change": "left out", "what": "`followUps`", "number": 1},
            {"change": "converted", "what": "`merged` to a separate answer", "number": 1},
        ]
        assert report["notes"] == ["Left out: `followUps` (1).", "Converted: `merged` to a separate answer (1)."]
        assert report["skipped"] == [{"name": "conversation 2", "why": "it has no messages"}]

    def test_of_a_damaged_file_change_nothing_and_name_the_place(self, client, application):
        before = sessions_in(application)
        lines = [
            {"session_id": "whole", "app_name": "a", "user_id": "u", "event": EVENT},
            {"session_id": "broken", "app_name": "..", "user_id": "u", "event": EVENT},
        ]
        damaged = "\n".join(map(json.dumps, lines))
        said_why = is_problem(upload(client, damaged, "my chats.jsonl"), 422)
        assert said_why.startswith(
            "my chats.jsonl was not imported, because 1 place in it is damaged. Nothing was changed."
        )
        assert "conversation 'broken': the application's name" in said_why
        assert "not valid JSON from line 1 on" in is_problem(upload(client, '{"events": [', "cut.json"), 422)
        assert sessions_in(application) == before
        report = upload(client, damaged, skip_damaged="true").json()
        assert [one["id"] for one in report["taken"]] == ["whole"]
        assert report["skipped"][0]["name"] == "conversation 'broken'"

    def test_can_run_in_the_background(self, client, application):
        history = json.dumps({"id": "later", "appName": "a", "userId": "u", "events": [EVENT]})
        begun = client.post(f"{IMPORTS}?background=true", files={"file": ("later.json", history)})
        assert begun.status_code == 202
        application.imports.wait(begun.json()["id"])
        ended = client.get(begun.headers["location"]).json()
        assert (ended["name"], ended["state"], ended["report"]["conversations"]) == ("later.json", "done", 1)
        assert client.get(IMPORTS).json()["imports"][0] == ended
        assert client.delete(begun.headers["location"]).status_code == 204
        assert is_problem(client.get(begun.headers["location"]), 404)

    def test_need_a_file_and_an_existing_agent_and_workspace(self, client):
        assert is_problem(client.post(IMPORTS), 422)
        assert is_problem(upload(client, "", "empty"), 422)
        assert "no agent" in is_problem(upload(client, "[]", agent_id="nobody"), 404)
        assert "workspace" in is_problem(upload(client, "[]", workspace_id="nowhere"), 404)
        assert is_problem(upload(client, "[]", users="theirs"), 422)


class TestRetention:
    def test_previews_what_it_would_remove_and_removes_it(self, client, application, talk):
        old, saved = new_session(application), new_session(application)
        application.set_saved([saved], saved=True)
        for key in (old, saved):
            make_old(application, key)
        found = client.get("/api/v1/retention?days=30").json()
        assert (found["conversations"], found["examples"][0]["id"]) == (1, old.session_id)
        assert client.post("/api/v1/retention", json={"days": 30}).json() == {"removed": 1}
        assert application.store.sessions.get(old.session_id) is None
        assert application.store.sessions.get(saved.session_id) is not None
        application.restore_sessions([old])
        assert application.store.sessions.get(old.session_id) is not None

    def test_needs_a_number_of_days(self, client):
        assert is_problem(client.get("/api/v1/retention?days=0"), 422)
        assert is_problem(client.post("/api/v1/retention", json={}), 422)
        assert is_problem(client.post("/api/v1/retention", json={"days": 30.5}), 422)
        assert client.post("/api/v1/retention", json={"days": 36_500.0}).json() == {"removed": 0}


def adk_database(folder, session_id="travels"):
    path = folder / "adk.db"

    async def write():
        service = SqliteSessionService(str(path))
        session = await service.create_session(app_name="travel_desk", user_id="user", session_id=session_id)
        for event in (said("Where to?", turn="t"), said("Lisbon", author="travel_desk", turn="t")):
            await service.append_event(session, event)

    asyncio.run(write())
    with sqlite3.connect(path) as connection:
        connection.execute("pragma journal_mode = delete")
    connection.close()
    return path


async def made_file(application, key):
    version = await application.artifacts.save_artifact(
        app_name=key.app_name,
        user_id=key.user_id,
        session_id=key.session_id,
        filename="report.html",
        artifact=types.Part.from_bytes(data=b"<p>", mime_type="text/html"),
    )
    facts = {"file_name": "report.html", "file_version": version, "mime_type": "text/html", "size": 3}
    return new_result(application, key, None, kind=ResultKind.FILE, sql=None, **facts)


def sessions_in(application):
    return application.store.log.database.rows(
        "select app_name, user_id, id from sessions where deleted_at is null order by all"
    )


def everything_in(store):
    """The content of the store, with times from the list of sessions: those in the table lag behind while it is
    open."""
    tables = held(store)
    for session in tables["sessions"]:
        session["updated_at"] = store.sessions.get(session["id"]).updated_at
    return tables


def tree(folder):
    """The files below a folder by relative path, with ADK's metadata but without its absolute paths."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            if file.name == "metadata.json":
                content = {**json.loads(content), "canonicalUri": ""}
            found[file.relative_to(folder).as_posix()] = content
    return found


def make_old(application, key):
    def work(transaction):
        transaction.execute(
            "update sessions set created_at = 1, updated_at = 1, seen_at = 1 where id = $1", [key.session_id]
        )

    application.store.log.writer.submit(work).result()
