"""No file from any program brings a larger event, message, title or state than the app can handle, and nothing is
computed while it is read."""

from __future__ import annotations

import json
import pickle
import sqlite3
import zipfile
from contextlib import closing

import psycopg
import pytest
from google.adk.events.event_actions import EventActions

from session_store import Store, limits
from session_store.exchange import Format, ImportRefusedError, export, import_database, import_file, selected
from session_store.exchange.adk import sqlite
from tests.session_store.exchange.adk_v0 import Database
from tests.session_store.exchange.foreign_chats import AT, answered, asked, gpt_chat, text, webui_chat
from tests.session_store.exchange.histories import fill

WORDS, DATA, STATE = 2_000, 8_000, 20_000
"""The limits of these tests."""
LONG, HUGE = "w" * (WORDS + 500), "d" * (DATA + 500)


@pytest.fixture(autouse=True)
def lower_limits(monkeypatch):
    monkeypatch.setattr(limits, "LONGEST_MESSAGE", WORDS)
    monkeypatch.setattr(limits, "LONGEST_RESULT", DATA)
    monkeypatch.setattr(limits, "LONGEST_STATE", STATE)


def event(number, author, *parts, **fields):
    content = {"role": "user" if author == "user" else "model", "parts": list(parts)}
    return {"id": f"e{number}", "author": author, "invocationId": "i", "timestamp": AT + number, "content": content} | (
        fields
    )


EVENTS = [
    event(1, "user", {"text": LONG}),
    event(2, "garden", {"functionCall": {"id": "c", "name": "rain", "args": {"where": HUGE}}}),
    event(3, "garden", {"functionResponse": {"id": "c", "name": "rain", "response": {"result": HUGE}}}),
    event(4, "garden", {"text": LONG[:WORDS]}, {"text": LONG, "thought": True}),
    event(5, "garden", {"text": "Done"}, actions={"stateDelta": {"plan": HUGE}}),
]
STATES = {"mood": "fine", **{f"plan{number}": HUGE[:7_000] for number in range(5)}, "book": HUGE}
SESSION = {
    "id": "s",
    "appName": "garden",
    "userId": "u",
    "state": {**STATES, **{f"user:{name}": value for name, value in STATES.items()}},
    "events": EVENTS,
    "lastUpdateTime": AT + 9,
}


def adk_json(path):
    path.write_text(json.dumps(SESSION | {"state": SESSION["state"] | {"__session_metadata__": {"displayName": LONG}}}))


def json_lines(path):
    keys = {"session_id": "s", "app_name": "garden", "user_id": "u", "title": LONG}
    path.write_text("".join(json.dumps({**keys, "event_id": one["id"], "event": one}) + "\n" for one in EVENTS))


def archive(path):
    """An archive of this program that was enlarged by hand."""
    with closing(Store(path.with_suffix(".duckdb"))) as store:
        fill(store)
        [written] = export(store, selected(store), Format.ZIP, path.with_suffix(".made.zip"))
    with zipfile.ZipFile(written) as read, zipfile.ZipFile(path, "w") as longer:
        for name in read.namelist():
            document = json.loads(read.read(name)) if name.endswith(".json") else None
            if document and "events" in document:
                document["events"] = EVENTS
                document["state"] |= SESSION["state"]
                own = document["state"]["__session_metadata__"]["colloquy"]
                for turn in own["turns"]:
                    turn.update(message={"role": "user", "parts": [{"text": LONG}]}, error=LONG * 3)
                own["title"] = LONG
            longer.writestr(name, json.dumps(document) if document else read.read(name))


def adk_tables(execute, mark="?"):
    """ADK's tables, with the session."""
    shared = "app_name text, user_id text, state text, update_time double precision"
    execute(f"create table sessions ({shared}, id text, create_time double precision)")
    execute(f"create table user_states ({shared})")
    execute(
        "create table events (id text, app_name text, user_id text, session_id text, invocation_id text, "
        "timestamp double precision, event_data text)"
    )
    state = json.dumps(STATES)
    execute(f"insert into sessions values ('garden', 'u', {mark}, {AT + 9}, 's', {AT})", [state])
    execute(f"insert into user_states values ('garden', 'u', {mark}, {AT + 9})", [state])
    for one in EVENTS:
        known = f"'{one['id']}', 'garden', 'u', 's', 'i', {one['timestamp']}"
        execute(f"insert into events values ({known}, {mark})", [json.dumps(one)])


def adk_sqlite(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        adk_tables(connection.execute)


def pickles(path):
    talk = [(number, one["author"], "", {"content": json.dumps(one["content"])}) for number, one in enumerate(EVENTS)]
    talk[4][3]["actions"] = pickle.dumps(EventActions(state_delta={"plan": HUGE}))
    database = Database(path)
    database.session("2026-02-16 05:30:00", talk, state=json.dumps(STATES))
    database.insert("user_states", app_name="garden", user_id="user", state=json.dumps(STATES))


def chatgpt(path):
    path.write_text(
        json.dumps(
            [
                gpt_chat(
                    ("user", text(LONG), {}),
                    ("assistant", {"content_type": "code", "text": LONG}, {"recipient": "python"}),
                    ("tool", {"content_type": "execution_output", "text": HUGE * 2}, {"tool": "python"}),
                    ("assistant", text(LONG, LONG), {}),
                    title=LONG,
                )
            ]
        )
    )


def open_webui(path):
    path.write_text(json.dumps([webui_chat(asked(LONG), answered(LONG + LONG), title=LONG)]))


FILES = [adk_json, json_lines, archive, adk_sqlite, pickles, chatgpt, open_webui]


def check(store, report):
    """Check everything that was imported, and that everything else was noted."""
    assert report.taken
    assert f"the ends of messages of more than {WORDS:,} characters" in " ".join(report.remarks)
    lengths = set()
    for taken in report.taken:
        for one in (stored.event for stored in store.events.list(taken.key)):
            parts = (one.content.parts if one.content else None) or []
            words = sum(len(part.text or "") for part in parts)
            lengths.add(words)
            data = [
                *(part.function_call.args for part in parts if part.function_call),
                *(part.function_response.response for part in parts if part.function_response),
                one.actions.state_delta,
            ]
            assert words <= WORDS
            assert len(json.dumps(data)) <= DATA + 100
        assert len(store.sessions.get(taken.key.session_id).title) <= limits.LONGEST_TITLE
        assert len(json.dumps(store.sessions.state(taken.key))) <= 2 * STATE + 2 * DATA
    assert WORDS in lengths
    with store.cursor() as cursor:
        for message, error in cursor.execute("select message, error from main.turns").fetchall():
            assert len(message) < WORDS + 100
            assert len(error or "") < limits.LONGEST_REASON + 100


@pytest.mark.parametrize("write", FILES, ids=lambda write: write.__name__)
def test_every_importer_enforces_the_limits(write, store, tmp_path):
    file = tmp_path / "file"
    write(file)

    report = import_file(store, file)

    check(store, report)
    told = " ".join(report.remarks)
    if write in (adk_json, archive, adk_sqlite, pickles):
        assert "`book` of the state, which is too large (" in told
        assert "`book` of the state of the user, which is too large (" in told
        assert store.sessions.state(report.taken[0].key)["mood"] == "fine"
    if write not in (chatgpt, open_webui):
        assert f"answers of tools of more than {DATA:,} characters (" in told


def test_limits_apply_to_database_servers(store, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create database adk_bounds")
    url = f"{postgres_url.rpartition('/')[0]}/adk_bounds"
    with psycopg.connect(url) as connection:
        adk_tables(lambda sql, values=(): connection.execute(sql, values), "%s")

    check(store, import_database(store, url))


def test_content_within_the_limits_is_unchanged(store, tmp_path):
    fitting = [
        event(1, "user", {"text": LONG[:WORDS]}),
        event(2, "garden", {"functionCall": {"id": "c", "name": "rain", "args": {"where": HUGE[: DATA - 10]}}}),
        event(3, "garden", {"functionResponse": {"id": "c", "name": "rain", "response": {"result": "dry"}}}),
        event(4, "garden", {"text": "Done"}, actions={"stateDelta": {"plan": HUGE[: DATA - 10]}}),
    ]
    (tmp_path / "s.json").write_text(json.dumps(SESSION | {"events": fitting, "state": {"plan": "long"}}))

    assert import_file(store, tmp_path / "s.json").notes == ()


def test_a_pickle_that_repeats_one_text_many_times_is_left_out(store, tmp_path, monkeypatch):
    monkeypatch.setattr("session_store.exchange.adk.pickles.LARGEST_EVENT", 100_000)
    database = Database(tmp_path / "sessions.db")
    actions = pickle.dumps(EventActions(state_delta={"plan": [HUGE] * 1_000}))
    database.session("2026-02-16 05:30:00", [(1, "user", "Garlic?", {"actions": actions})])

    report = import_file(store, database.path)

    assert report.events == 1
    assert "actions of events that cannot be read (1)" in report.remarks[0]


COMPUTED = """'{"author":"user","content":{"role":"user","parts":[{"text":"' || hex(zeroblob(50000000)) || '"}]}}'"""
OF_EVENTS = "id text, app_name text, user_id text, session_id text, invocation_id text, timestamp real"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("events", f"create table events ({OF_EVENTS}, event_data text generated always as ({COMPUTED}) virtual)"),
        ("events", f"create table events ({OF_EVENTS}, event_data text generated always as ({COMPUTED}) stored)"),
        (
            "events",
            f"create table old ({OF_EVENTS}); create view events as select *, {COMPUTED} as event_data from old",
        ),
        ("events", f"create virtual table events using fts5({OF_EVENTS.replace(' text', '').replace(' real', '')})"),
        ("user_states", f"create view user_states as select 'a' as app_name, 'u' as user_id, {COMPUTED} as state"),
    ],
)
def test_columns_computed_while_reading_are_refused(table, change, store, tmp_path):
    file = tmp_path / "sessions.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "create table sessions (app_name text, user_id text, id text, state text, create_time real)"
        )
        if table != "events":
            connection.executescript(f"create table events ({OF_EVENTS}, event_data text)")
        connection.executescript(change)

    with pytest.raises(ImportRefusedError, match=rf"{table}.* computed while it is read.*plain tables"):
        import_file(store, file)


class TestBusySqlite:
    """A query ends when the import is stopped, or after a timeout; SQLite alone would continue."""

    @pytest.fixture(autouse=True)
    def endless(self, monkeypatch):
        forever = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as number from n"
        monkeypatch.setattr(sqlite.AdkSqlite, "events", property(lambda database: database._asked(forever)))
        monkeypatch.setattr(sqlite.AdkSqlite, "_asked", self.asked, raising=False)

    @staticmethod
    def asked(database, sql):
        with database.reading():
            return database.one(sql)["number"]

    def test_a_busy_query_can_be_stopped(self, store, tmp_path):
        class StoppedError(Exception):
            pass

        def progress(_doing, _done, _total):
            raise StoppedError

        adk_sqlite(tmp_path / "sessions.db")
        with pytest.raises(StoppedError):
            import_file(store, tmp_path / "sessions.db", progress=progress)

    def test_a_busy_query_times_out_with_an_explanation(self, store, tmp_path, monkeypatch):
        monkeypatch.setattr(sqlite, "SECONDS", 0.05)
        adk_sqlite(tmp_path / "sessions.db")
        with pytest.raises(ImportRefusedError, match="found no row in it for"):
            import_file(store, tmp_path / "sessions.db")


def test_an_oversized_row_is_refused_with_an_explanation(store, tmp_path, monkeypatch):
    adk_sqlite(tmp_path / "sessions.db")
    monkeypatch.setattr(sqlite, "LARGEST_EVENT", 8_000)
    with pytest.raises(ImportRefusedError, match="has a row of more than"):
        import_file(store, tmp_path / "sessions.db")
