"""Files of earlier versions, opened by the current one."""

from __future__ import annotations

import duckdb
import pytest

from session_store import Store
from session_store.engine import migrations
from session_store.engine.migrations import first_tables, tags_tools_and_queries, workspaces_and_results
from session_store.history.filters import HistoryFilter
from session_store.models import GENERAL, SAMPLE_SHOP, SessionKey, SessionStatus
from session_store.sessions.tool_columns import STOPPED
from tests.session_store.events import append, said, text_of

KEY = SessionKey("agent", "ann", "one")


@pytest.fixture
def first_version(path, monkeypatch):
    """A file as created by the first version, with conversations in it."""
    monkeypatch.setattr(migrations, "MIGRATIONS", (first_tables,))
    with duckdb.connect(str(path)) as connection:
        migrations.migrate(connection, path)
        connection.execute(
            """
            insert into sessions values
                (1, 'agent', 'ann', 'one', 'Tides', 'person', 'small', true, 10, 20, 30, null, '{"mood": "calm"}'),
                (2, 'agent', 'ann', 'two', '', 'none', null, false, 11, 12, 30, 13, '{}');
            insert into events values (3, 1, 'e1', 't1', 'user', 20, 'When is low tide?', null, null, null, null, null,
                null, null, false, null, null, null, false,
                '{"id":"e1","author":"user","invocation_id":"t1","timestamp":20.0,'
                '"content":{"role":"user","parts":[{"text":"When is low tide?"}]}}');
            insert into turns values
                ('t1', 1, 'completed', '{"parts":[]}', 'small', 20, 20, 21, 22, 5, 6, null, false),
                ('t2', 1, 'paused', '{"parts":[]}', 'small', 23, 23, null, null, null, null, null, false);
            insert into turn_chunks values ('t2', 1, 'At ');
            insert into app_states values ('agent', '{"a": 1}', 1);
            insert into user_states values ('agent', 'ann', '{"u": 2}', 1);
            """
        )
    monkeypatch.undo()
    return path


def test_version_1_files_keep_everything_and_gain_workspaces(first_version):
    store = Store(first_version)

    session = store.sessions.get("one")
    assert (session.title, session.model, session.saved, session.updated_at) == ("Tides", "small", True, 20)
    assert (session.workspace_id, session.status) == (GENERAL, SessionStatus.PAUSED)
    assert [text_of(stored.event) for stored in store.events.list(KEY)] == ["When is low tide?"]
    assert store.turns.get("t1").output_tokens == 6
    assert [turn.id for turn in store.turns.unfinished()] == ["t2"]
    assert store.turns.partial_text("t2") == "At "
    assert dict(store.log.user_state(("agent", "ann"))) == {"u": 2}
    store.sessions.restore([SessionKey("agent", "ann", "two")])
    assert len(store.sessions.list("ann", workspace_id=GENERAL).items) == 2
    assert [workspace.id for workspace in store.workspaces.list()] == [GENERAL, SAMPLE_SHOP]
    store.close()


def test_a_migrated_file_can_be_written_and_opened_again(first_version):
    store = Store(first_version)
    append(store, KEY, said("And high tide?", turn="t3"))
    work = store.workspaces.create("Work")
    store.sessions.move([KEY], work.id)
    store.close()

    again = Store(first_version)
    assert len(again.events.list(KEY)) == 2
    assert again.sessions.get("one").workspace_id == work.id
    assert len(again.workspaces.list()) == 3
    again.close()


def test_a_failed_migration_leaves_the_file_unchanged(first_version, monkeypatch):
    def broken(connection):
        connection.execute("alter table sessions add column half_done varchar")
        raise RuntimeError("power cut")

    monkeypatch.setattr(migrations, "MIGRATIONS", (first_tables, broken))
    with pytest.raises(RuntimeError):
        Store(first_version)
    monkeypatch.undo()

    store = Store(first_version)
    assert store.sessions.get("one").title == "Tides"
    columns = store.log.database.rows("select column_name from information_schema.columns")
    assert ("half_done",) not in columns
    store.close()


EVENT = """{"id":"%s","author":"agent","invocation_id":"t1","timestamp":%s,"content":{"role":"model","parts":[%s]}}"""
CALL = '{"function_call":{"id":"c1","name":"run_sql","args":{"sql":"select 1"}}}'
ERROR = '{"function_response":{"id":"c1","name":"run_sql","response":{"error":"no such table"}}}'


@pytest.fixture
def second_version(path, monkeypatch):
    """A file as created by the second version, with a failed tool call."""
    monkeypatch.setattr(migrations, "MIGRATIONS", (first_tables, workspaces_and_results))
    with duckdb.connect(str(path)) as connection:
        migrations.migrate(connection, path)
        connection.execute(
            f"""
            create schema history;
            create view history.conversations as select id from main.sessions;
            insert into sessions values
                (1, 'agent', 'ann', 'one', 'Tides', 'person', 'small', true, 10, 22, 30, null, '{{}}', 'general');
            insert into events values
                (2, 1, 'e1', 't1', 'agent', 21, null, null, null, null, null, null, ['run_sql'], null, false, null,
                    null, null, false, '{EVENT % ("e1", 21, CALL)}'),
                (3, 1, 'e2', 't1', 'agent', 22, null, null, null, null, null, null, null, ['run_sql'], false, null,
                    null, null, false, '{EVENT % ("e2", 22, ERROR)}');
            insert into turns values
                ('t1', 1, 'completed', '{{"parts":[]}}', 'small', 20, 20, 21, 22, 5, 6, null, false);
            """
        )
    monkeypatch.undo()
    return path


def test_version_2_files_gain_tool_columns_and_sorting_by_tags(second_version, monkeypatch):
    monkeypatch.setattr(migrations, "EVENTS_AT_ONCE", 1)
    store = Store(second_version)

    assert store.log.database.rows("select tool_errors, tool_text, copied, tool_uses from events order by seq") == [
        (None, "run_sql sql: select 1", False, '[{"id": "c1", "tool": "run_sql", "outcome": "called"}]'),
        (["run_sql"], "run_sql error: no such table", False, '[{"id": "c1", "tool": "run_sql", "outcome": "failed"}]'),
    ]
    assert [stored.event.id for stored in store.events.list(KEY)] == ["e1", "e2"]
    assert store.turns.get("t1").copied is False
    store.labels.set_tags([KEY], add=["sea"])
    append(store, KEY, said("And high tide?", turn="t3"))
    with store.cursor() as cursor:
        cursor.execute("select tags, note, terminated_at, last_turn_status from conversations")
        assert cursor.fetchall() == [(["sea"], "", None, "completed")]
    store.close()
    Store(second_version).close()


def test_unanswered_calls_in_version_3_files_no_longer_count_as_failed(path, monkeypatch):
    stopped = ERROR.replace("no such table", STOPPED)
    monkeypatch.setattr(migrations, "MIGRATIONS", (first_tables, workspaces_and_results, tags_tools_and_queries))
    with duckdb.connect(str(path)) as connection:
        migrations.migrate(connection, path)
        for seq, answer in ((2, ERROR), (3, stopped)):
            connection.execute(
                "insert into events (seq, session_no, id, invocation_id, author, timestamp, tool_results, interrupted, "
                "rewound, data, tool_errors, copied) "
                "values ($1, 1, $2, 't1', 'agent', 21, ['run_sql'], false, false, $3, ['run_sql'], false)",
                [seq, f"e{seq}", EVENT % (f"e{seq}", 21, answer)],
            )
    monkeypatch.undo()
    store = Store(path)
    assert store.log.database.rows("select tool_errors, tool_uses ->> '$[0].outcome' from events order by seq") == [
        (["run_sql"], "failed"),
        (None, "unanswered"),
    ]
    store.close()


def test_thoughts_and_tool_results_are_counted_in_version_4_files(path, monkeypatch):
    usage = (
        '{"prompt_token_count":400,"candidates_token_count":900,"thoughts_token_count":3000,'
        '"tool_use_prompt_token_count":600,"total_token_count":4900}'
    )
    monkeypatch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:4])
    monkeypatch.setattr(migrations, "EVENTS_AT_ONCE", 1)
    with duckdb.connect(str(path)) as connection:
        migrations.migrate(connection, path)
        for seq, (copied, counted) in enumerate([(False, True), (False, True), (False, False), (True, False)], start=2):
            event = EVENT % (f"e{seq}", 21, '{"text":"Hm."}')
            connection.execute(
                "insert into events (seq, session_no, id, invocation_id, author, timestamp, input_tokens, "
                "output_tokens, thought_tokens, interrupted, rewound, data, copied) "
                "values ($1, 1, $2, $3, 'agent', 21, $4, $5, $6, false, false, $7, $8)",
                [
                    seq,
                    f"e{seq}",
                    "t1" if counted else "t2",
                    None if copied else 400,
                    None if copied else 900,
                    3000 if counted else None,
                    event[:-1] + f',"usage_metadata":{usage}}}' if counted or copied else event,
                    copied,
                ],
            )
        connection.execute(
            "insert into turns values ('t1', 1, 'completed', '{}', 'm', 20, 20, 21, 22, 800, 1800, null, false, false),"
            " ('t2', 1, 'completed', '{}', 'm', 20, 20, 21, 22, null, 900, null, false, false)"
        )
    monkeypatch.undo()
    store = Store(path)
    assert store.log.database.rows("select input_tokens, output_tokens from events order by seq") == [
        (1_000, 3_900),
        (1_000, 3_900),
        (400, 900),
        (None, None),
    ]
    assert store.log.database.rows("select id, input_tokens, output_tokens from turns order by id") == [
        ("t1", 2_000, 7_800),
        ("t2", None, 900),
    ]
    with store.cursor() as cursor:
        cursor.execute("select thought_tokens from messages")
    store.close()


SPOKEN = '"input_transcription":{"text":"When is low tide?","finished":true}'
CODE = (
    '"content":{"role":"model","parts":[{"executable_code":{"code":"6*7","language":"PYTHON"}},'
    '{"code_execution_result":{"outcome":"OUTCOME_OK","output":"42"}}]}'
)
THOUGHT = '"content":{"role":"model","parts":[{"text":"<think>the moon</think>At noon."}]}'
SOURCE = (
    '"content":{"role":"model","parts":[{"text":"At noon."}]},'
    '"grounding_metadata":{"grounding_chunks":[{"web":{"uri":"https://sea.example","title":"Sea"}}]}'
)
OUTPUT = '"output":{"noon":true},"node_info":{"path":"flow@1","output_for":["flow@1"]}'
FILE = '"content":{"role":"user","parts":[{"inline_data":{"data":"","mime_type":"image/png","display_name":"a.png"}}]}'
ODD = '"input_transcription":7'


def test_data_ignored_by_version_5_is_searchable_and_counted(path, monkeypatch):
    monkeypatch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:5])
    said_before = {THOUGHT: "<think>the moon</think>At noon.", SOURCE: "At noon."}
    with duckdb.connect(str(path)) as connection:
        migrations.migrate(connection, path)
        connection.execute(
            "insert into sessions (session_no, app_name, user_id, id, title, title_source, saved, created_at, "
            "updated_at, seen_at, state, workspace_id, note) "
            "values (1, 'agent', 'ann', 'one', '', 'none', false, 1, 9, 9, '{}', 'general', '')"
        )
        for seq, fields in enumerate((SPOKEN, CODE, THOUGHT, SOURCE, OUTPUT, FILE, ODD), start=2):
            data = f'{{"id":"e{seq}","author":"agent","invocation_id":"t1","timestamp":{seq}.0,{fields}}}'
            connection.execute(
                "insert into events (seq, session_no, id, invocation_id, author, timestamp, text, interrupted, "
                "rewound, data, copied) values ($1, 1, $2, 't1', 'agent', $1, $3, false, false, $4, false)",
                [seq, f"e{seq}", said_before.get(fields), data],
            )
    monkeypatch.undo()
    monkeypatch.setattr(migrations, "EVENTS_AT_ONCE", 2)
    store = Store(path)
    assert store.log.database.rows("select text, tool_text from events order by seq") == [
        ("When is low tide?", None),
        ("```python\n6*7\n```\n\n```\n42\n```", None),
        ("At noon.", "the moon"),
        ("At noon.", "Sea https://sea.example"),
        ('```json\n{\n  "noon": true\n}\n```', None),
        ("", "a.png"),
        (None, None),
    ]
    with store.cursor() as cursor:
        assert cursor.execute("select messages from conversations").fetchall() == [(6,)]
    assert [row.messages for row in store.history.list(HistoryFilter()).items] == [6]
    store.close()
