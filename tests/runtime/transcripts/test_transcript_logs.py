"""Transcript logs: each conversation as JSON Lines, written as it happens."""

import json
import uuid
from contextlib import closing

import duckdb
import pytest
from google.adk.events.event import Event
from google.genai import types

from colloquy.runtime.transcripts.files import repair
from colloquy.runtime.transcripts.lines import line, written
from session_store.models import SessionKey, TurnStatus
from tests.runtime import desk
from tests.support.applications import counted, finish, new_session, open_application, until


def logs(application, key=None):
    """The logs of a session, or all logs, as lists of lines, in order of their names."""
    application.files.transcripts.flush()
    return read(application.settings.data_dir, "*" if key is None else key.session_id)


def read(data, session_id="*"):
    return [lines_of(path) for path in sorted((data / "transcripts").glob(f"*/{session_id}-*.jsonl"))]


def lines_of(path):
    return [json.loads(one) for one in path.read_text("utf-8").splitlines()]


def kinds(lines):
    return [line["type"] for line in lines if line["type"] != "chunk"]


def of_kind(lines, *wanted):
    return [line for line in lines if line["type"] in wanted]


def ask(application, key, *messages):
    return finish(application, *[application.turns.submit(key, message) for message in messages])


class TestContent:
    def test_the_first_line_identifies_the_session(self, application):
        workspace = application.workspaces.create("Harvest")
        key = new_session(application, workspace_id=workspace.id)
        ask(application, key, "hello")
        [log] = logs(application, key)
        head = log[0]
        assert (head["type"], head["session_id"], head["agent"]) == ("header", key.session_id, "assistant")
        assert (head["workspace"], head["workspace_id"], head["model"]) == ("Harvest", workspace.id, "scripted/one")
        [path] = (application.settings.data_dir / "transcripts").rglob("*.jsonl")
        assert path.parent.name == workspace.id
        assert path.name.startswith(f"{key.session_id}-20")

    def test_a_turn_is_logged_with_its_messages_chunks_and_end(self, application):
        key = new_session(application)
        [turn] = ask(application, key, "count 30 every 1 ms")
        [log] = logs(application, key)
        assert kinds(log) == ["header", "message", "message", "turn_end"]
        assert "".join(line["text"] for line in of_kind(log, "chunk")) == counted(30)
        assert [(line["author"], line["text"]) for line in of_kind(log, "message")] == [
            ("user", "count 30 every 1 ms"),
            ("assistant", counted(30)),
        ]
        assert {line["event_id"] for line in of_kind(log, "chunk")} == {of_kind(log, "message")[1]["event_id"]}
        assert {line["turn_id"] for line in log[1:]} == {turn.id}
        assert (log[-1]["status"], log[-1]["error"]) == ("completed", "")
        assert all(line["time"].endswith("Z") and line["time"][10] == "T" for line in log)
        assert [line["time"] for line in log] == sorted(line["time"] for line in log)

    def test_tool_calls_and_their_results_have_their_own_lines(self, opened):
        name, start = opened(desk.PLAIN)
        application = start()
        key = new_session(application, name)
        ask(application, key, 'call look_up {} and call order {"days": 2}')
        [log] = logs(application, key)
        assert [(line["name"], json.loads(line["args"])) for line in of_kind(log, "tool_call")] == [
            ("look_up", {}),
            ("order", {"days": 2}),
        ]
        results = {line["name"]: line for line in of_kind(log, "tool_result")}
        assert json.loads(results["look_up"]["response"]) == {"found": 7}
        assert results["look_up"]["call_id"] == of_kind(log, "tool_call")[0]["call_id"]

    def test_text_before_a_stop_or_a_failure_is_logged_as_a_message(self, application):
        key = new_session(application)
        [failed] = ask(application, key, "count 3 then fail")
        turn = application.turns.submit(key, "count 2 then wait")
        until(application, lambda: application.turns.live(key)[0].text == counted(2))
        application.turns.stop(turn.id)
        finish(application, turn)
        [log] = logs(application, key)
        partial = [line for line in of_kind(log, "message") if line["partial"]]
        assert [line["text"] for line in partial] == [counted(3), counted(2)]
        assert [(line["status"], line["error"]) for line in of_kind(log, "turn_end")] == [
            ("failed", failed.error),
            ("stopped", ""),
        ]

    async def test_events_from_other_clients_are_logged(self, application):
        key = new_session(application)
        names = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
        session = await application.sessions.get_session(**names)
        told = types.Content(role="user", parts=[types.Part(text="by hand")])
        await application.sessions.append_event(session, Event(author="user", content=told))
        [log] = logs(application, key)
        assert [line["text"] for line in of_kind(log, "message")] == ["by hand"]

    def test_any_text_is_one_line_of_valid_json(self, application):
        texts = ["one\u2028two\x85three\nfour", "\ud800 alone", "Grüße 😀", '{"a": 1}', "\x00\x1e", "2024-01-01"]
        key = new_session(application)
        for number, text in enumerate(texts):
            application.files.transcripts.chunk(key, "t", f"e{number}", "assistant", text)
        [log] = logs(application, key)
        assert [line["text"] for line in log[1:]] == [text.replace("\ud800", "?") for text in texts]
        [path] = (application.settings.data_dir / "transcripts").rglob("*.jsonl")
        assert table(path, "select count(text) from log where type = 'chunk'") == [(len(texts),)]

    def test_logging_can_be_switched_off(self, tmp_path):
        with closing(open_application(tmp_path, transcript_logs=False)) as application:
            ask(application, new_session(application), "hello")
            assert logs(application) == []


class TestOneLogPerPeriodOfActivity:
    def test_termination_closes_the_log_and_a_new_message_opens_another(self, application):
        key = new_session(application)
        ask(application, key, "one", "two")
        application.terminate_sessions([key])
        [log] = logs(application, key)
        assert (log[-1]["type"], log[-1]["reason"]) == ("end", "terminated")
        ask(application, key, "three")
        first, second = sorted(logs(application, key), key=len, reverse=True)
        assert first == log
        assert kinds(second) == ["header", "message", "message", "turn_end"]

    def test_shutdown_closes_the_log(self, tmp_path):
        with closing(open_application(tmp_path)) as application:
            key = new_session(application)
            ask(application, key, "one")
            application.turns.submit(key, "count 1 then wait")
            until(application, lambda: application.turns.live(key)[0].text)
        [log] = read(tmp_path)
        assert [line["status"] for line in of_kind(log, "turn_end")] == ["completed", "interrupted"]
        assert (log[-1]["type"], log[-1]["reason"]) == ("end", "closed")

    def test_a_session_without_messages_has_no_log(self, tmp_path):
        with closing(open_application(tmp_path)) as application:
            application.terminate_sessions([new_session(application)])
        assert read(tmp_path) == []

    def test_a_moved_session_is_logged_in_its_new_workspace(self, application):
        key, there = new_session(application), application.workspaces.create("There")
        ask(application, key, "one")
        application.move_sessions([key], there.id)
        ask(application, key, "two")
        by_workspace = {log[0]["workspace_id"]: log for log in logs(application, key)}
        assert by_workspace["general"][-1]["reason"] == "moved"
        assert [line["text"] for line in of_kind(by_workspace[there.id], "message")] == ["two", "You said: two"]

    def test_a_log_deleted_from_outside_is_started_again(self, application):
        key = new_session(application)
        ask(application, key, "one")
        application.files.transcripts.flush()
        [path] = (application.settings.data_dir / "transcripts").rglob("*.jsonl")
        path.unlink()
        ask(application, key, "two")
        [log] = logs(application, key)
        assert [line["text"] for line in of_kind(log, "header", "message")] == ["", "two", "You said: two"]


class TestRemoving:
    def test_a_deleted_session_keeps_its_logs_until_it_is_purged(self, tmp_path):
        with closing(open_application(tmp_path, undo_seconds=600)) as application:
            key = new_session(application)
            ask(application, key, "one")
            application.delete_sessions([key])
            assert len(logs(application, key)) == 1
        with closing(open_application(tmp_path, undo_seconds=0)) as application:
            assert logs(application) == []
        assert not [*(tmp_path / "transcripts").iterdir()]

    def test_logs_are_removed_with_their_workspace(self, application):
        there = application.workspaces.create("There")
        gone, stays = new_session(application, workspace_id=there.id), new_session(application)
        for key in (gone, stays):
            ask(application, key, "one")
        application.delete_workspace(there.id)
        assert [log[0]["session_id"] for log in logs(application)] == [stays.session_id]

    async def test_only_the_logs_of_the_removed_session_are_removed(self, application):
        keys = [SessionKey("assistant", user, name) for user, name in (("ann", "a"), ("bob", "a"), ("ann", "a-b"))]
        for key in keys:
            names = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
            session = await application.sessions.create_session(**names)
            told = types.Content(role="user", parts=[types.Part(text="hello")])
            await application.sessions.append_event(session, Event(author="user", content=told))
        assert len(logs(application)) == 3
        await application.sessions.delete_session(app_name="assistant", user_id="ann", session_id="a")
        left = {(log[0]["user"], log[0]["session_id"]) for log in logs(application)}
        assert left == {("bob", "a"), ("ann", "a-b")}


class TestNames:
    async def test_logs_of_odd_ids_stay_in_their_folder_and_are_found_again(self, application):
        folder = application.settings.data_dir / "transcripts"
        for name in ("../../etc/passwd", "..", ".", "a/b\\c", "C:\\x", 'q"<>|?*', "dot.", "ü" * 200, "x" * 500, "\n"):
            names = {"app_name": "assistant", "user_id": "ann", "session_id": f"s{name}"}
            session = await application.sessions.create_session(**names)
            told = types.Content(role="user", parts=[types.Part(text="hello")])
            await application.sessions.append_event(session, Event(author="user", content=told))
            application.files.transcripts.flush()
            [path] = folder.rglob("*.jsonl")
            assert path.parent == folder / "general"
            assert lines_of(path)[0]["session_id"] == session.id
            await application.sessions.delete_session(**names)
            assert logs(application) == []


class TestRepair:
    @pytest.fixture
    def log(self, tmp_path):
        """A log as left by a killed process."""
        path = tmp_path / "transcripts" / "general" / "s-20260101T000000Z.jsonl"
        path.parent.mkdir(parents=True)
        chunks = [line("chunk", "s", text=counted(200)) for _ in range(20)]
        path.write_bytes(written([line("header", "s"), *chunks]))
        return path

    def test_a_log_left_open_is_closed_at_startup(self, log, tmp_path):
        before = lines_of(log)
        open_application(tmp_path).close()
        after = lines_of(log)
        assert after[:-1] == before
        assert (after[-1]["type"], after[-1]["reason"], after[-1]["session_id"]) == ("end", "interrupted", "s")

    @pytest.mark.parametrize("cut", [1, 10, 100, 5000])
    def test_a_truncated_line_is_removed(self, log, cut):
        content = log.read_bytes()
        before = lines_of(log)[: content[:-cut].count(b"\n")]
        log.write_bytes(content[:-cut])
        assert repair(log)
        assert lines_of(log)[:-1] == before

    def test_garbage_after_a_power_cut_is_removed(self, log):
        before = lines_of(log)
        with log.open("ab") as file:
            file.write(bytes(5000) + b"\n" + bytes(10_000))
        assert repair(log)
        assert lines_of(log)[:-1] == before

    @pytest.mark.parametrize("content", [b"", b'{"type": "hea', bytes(3000)])
    def test_a_log_without_a_complete_line_is_removed(self, log, content):
        log.write_bytes(content)
        assert repair(log)
        assert not log.exists()

    def test_a_closed_log_is_left_alone(self, log):
        repair(log)
        content = log.read_bytes()
        assert repair(log) is False
        assert log.read_bytes() == content


def table(paths, sql, options=""):
    """Query the logs in SQL, with columns as DuckDB infers them."""
    with duckdb.connect() as connection:
        connection.execute(f"create view log as select * from read_json('{paths}'{options})")
        return connection.execute(sql).fetchall()


class TestReadByDuckDB:
    @pytest.fixture
    def talked(self, opened):
        """The folder of a log with all kinds of lines, and other logs beside it."""
        name, start = opened(desk.PLAIN)
        application = start()
        key = new_session(application, name)
        ask(application, key, "count 20 every 1 ms", "2024-01-01", "call look_up {}", "call breaks {}")
        turn = application.turns.submit(key, 'call pay {"amount": 5}')
        assert application.turns.wait(turn.id).status is TurnStatus.PAUSED
        ask(application, new_session(application), "2024-01-01", "count 3 then fail")
        application.close()
        return application.settings.data_dir / "transcripts", key

    def test_one_log_is_a_table(self, talked):
        folder, key = talked
        [path] = folder.rglob(f"{key.session_id}-*.jsonl")
        lines = lines_of(path)
        assert {line["type"] for line in lines} == {
            *("header", "message", "chunk", "tool_call", "tool_result", "event", "turn_end", "end")
        }
        assert len(table(path, "select * from log")) == len(lines)
        assert table(path, "select text from log where type = 'message' and author = 'user' limit 2") == [
            ("count 20 every 1 ms",),
            ("2024-01-01",),
        ]
        calls = "select name, args->>'$.amount' from log where type = 'tool_call' and name = 'pay'"
        assert table(path, calls) == [("pay", "5")]
        ends = table(path, "select typeof(time), status from log where type = 'turn_end' order by time")
        assert ends[0] == ("TIMESTAMP WITH TIME ZONE", "completed")

    def test_all_logs_are_a_table(self, talked):
        folder, _ = talked
        asked = (
            "select session_id = (select session_id from log where type = 'turn_end' and error like 'The scripted%'),"
            " count(*) from log where type = 'message' and author = 'user' group by 1 order by 2"
        )
        for options in ("", ", union_by_name = true"):
            assert table(f"{folder.as_posix()}/*/*.jsonl", asked, options) == [(True, 2), (False, 5)]

    def test_odd_ids_and_texts_that_look_like_dates_do_not_break_the_table_of_all(self, tmp_path):
        with closing(open_application(tmp_path)) as application:
            for number in range(40):
                key = SessionKey("assistant", "ann", "s1" if number == 39 else str(uuid.uuid4()))
                application.store.sessions.create(key)
                application.files.transcripts.chunk(key, str(uuid.uuid4()), "e", "assistant", "2024-01-01")
        rows = table(
            f"{(tmp_path / 'transcripts').as_posix()}/*/*.jsonl",
            "select distinct text from log where type = 'chunk'",
            ", union_by_name = true",
        )
        assert rows == [("2024-01-01",)]
