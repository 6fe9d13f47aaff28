"""Transcript logs that cannot be written: chats continue, the user is told once, and the logs continue when they
can."""

import json
import threading
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from colloquy.runtime.transcripts import logs as transcript_logs
from session_store.models import TurnStatus
from tests.faults.test_crash import Witness, live_and_die, processes
from tests.faults.test_store_faults import mounted, remount
from tests.support.applications import counted, finish, new_session, open_application, said


def lines_of(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def answered(application, key, message):
    [turn] = finish(application, application.turns.submit(key, message))
    application.files.transcripts.flush()
    return turn.status is TurnStatus.COMPLETED


def warnings(captured):
    return [entry["event"] for entry in captured if "transcript" in entry["event"]]


def test_an_unwritable_folder_is_reported_once_and_the_log_catches_up(tmp_path):
    (tmp_path / "transcripts").write_text("in the way")
    with capture_logs() as captured, closing(open_application(tmp_path)) as application:
        keys = [new_session(application) for _ in range(2)]
        for number in range(3):
            assert all(answered(application, key, f"count {number + 1}") for key in keys)
        [notice] = application.notices()
        assert "Transcript logs cannot be written" in notice
        assert warnings(captured) == ["transcript logs cannot be written"]
        assert said(application, keys[0])[-1] == ("assistant", counted(3))

        (tmp_path / "transcripts").unlink()
        assert answered(application, keys[0], "hello")
        assert application.notices() == []
        assert warnings(captured) == ["transcript logs cannot be written", "transcript logs can be written again"]
    for path in (tmp_path / "transcripts").rglob("*.jsonl"):
        texts = [line["text"] for line in lines_of(path) if line["type"] == "message"]
        assert texts[:6] == [text for n in (1, 2, 3) for text in (f"count {n}", counted(n))]


def test_a_full_disk_for_logs_stops_no_chat_and_leaves_no_partial_line(tmp_path):
    (tmp_path / "data").mkdir()
    with mounted(tmp_path / "data" / "transcripts", "64k") as disk:
        with capture_logs() as captured, closing(open_application(tmp_path / "data")) as application:
            key = new_session(application)
            while not application.notices():
                assert answered(application, key, "count 500")
            assert answered(application, key, "count 501")
            assert warnings(captured) == ["transcript logs cannot be written"]
            remount(disk, "size=4m")
            assert answered(application, key, "hello")
            assert application.notices() == []
            asked = [text for author, text in said(application, key) if author == "user"]
        [path] = disk.rglob("*.jsonl")
        lines = lines_of(path)
        assert [line["text"] for line in lines if line["type"] == "message" and line["author"] == "user"] == asked
        assert [line["type"] for line in (lines[0], lines[-1])] == ["header", "end"]


def test_the_backlog_is_bounded_and_lost_lines_are_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(transcript_logs, "MOST_WAITING", 20_000)
    (tmp_path / "transcripts").write_text("in the way")
    with capture_logs(), closing(open_application(tmp_path)) as application:
        key = new_session(application)
        for _ in range(4):
            assert answered(application, key, "count 100")
        (tmp_path / "transcripts").unlink()
        assert answered(application, key, "hello")
    [path] = (tmp_path / "transcripts").rglob("*.jsonl")
    assert sum(line["lost"] for line in lines_of(path) if line["type"] == "gap") > 100


def test_a_line_that_cannot_be_written_does_not_affect_others(tmp_path, monkeypatch):
    with capture_logs() as captured, closing(open_application(tmp_path)) as application:
        broken, whole = new_session(application), new_session(application)
        logs = application.files.transcripts
        with monkeypatch.context() as patched:
            append = transcript_logs.TranscriptLogs._append

            def fails(self, key, lines):
                if key == broken:
                    raise RuntimeError("what nobody thought of")
                append(self, key, lines)

            patched.setattr(transcript_logs.TranscriptLogs, "_append", fails)
            assert all(answered(application, key, "hello") for key in (broken, whole))
        assert "lines of a transcript log were lost" in warnings(captured)
        assert answered(application, broken, "again")
        assert logs.problem is None
    assert len([*(tmp_path / "transcripts").rglob("*.jsonl")]) == 2


def test_a_turn_does_not_wait_for_a_hanging_disk(tmp_path, monkeypatch):
    hangs, goes_on = threading.Event(), threading.Event()
    create = transcript_logs.files.create

    def hanging(*args):
        hangs.set()
        goes_on.wait()
        return create(*args)

    monkeypatch.setattr(transcript_logs.files, "create", hanging)
    with closing(open_application(tmp_path)) as application:
        keys = [new_session(application) for _ in range(3)]
        for key in keys:
            [turn] = finish(application, application.turns.submit(key, "count 200"))
            assert turn.status is TurnStatus.COMPLETED
        assert hangs.wait(20)
        goes_on.set()
    assert len([*(tmp_path / "transcripts").rglob("*.jsonl")]) == 3


@pytest.mark.slow
def test_after_kills_every_log_is_complete_and_closed(tmp_path):
    context = processes()
    for facts in (150, 300):
        live_and_die(context, tmp_path, Witness(), facts)
        open_application(tmp_path).close()
        paths = [*(tmp_path / "transcripts").rglob("*.jsonl")]
        assert paths
        for path in paths:
            lines = lines_of(path)
            assert lines[0]["type"] == "header"
            assert [line["type"] for line in lines].count("end") == 1
            assert lines[-1]["type"] == "end"
            assert {line["session_id"] for line in lines} == {lines[0]["session_id"]}
