"""What people see of a full disk: turns end with the reason, nothing is lost, all goes on once there is space."""

import asyncio
import errno
import io
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import duckdb
import pytest
from google.genai import types
from structlog.testing import capture_logs

from session_store.errors import StoreFullError, StoreNotWritableError
from session_store.faults import explain, writing
from session_store.models import SessionStatus, TurnStatus
from tests.support.disks import fill, mounted
from tests.support.workbenches import counted, finish, new_session, open_workbench, said, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="disks are mounted on Linux")


@contextmanager
def full(disk):
    ballast = fill(disk)
    yield
    ballast.unlink()


@pytest.fixture
def disk(tmp_path):
    with mounted(tmp_path / "disk", "24m") as disk, capture_logs():
        yield disk


def running(workbench, key, text="count 100000 every 1 ms"):
    turn = workbench.turns.submit(key, text)
    until(workbench, lambda: workbench.turns.live(key)[0].text)
    return turn


def begun_to_end(workbench, key):
    return any(view.status.is_over for view in workbench.turns.live(key))


def test_running_turns_end_with_the_reason_and_what_they_said_is_kept_when_there_is_space(disk):
    with closing(open_workbench(disk / "data", max_turns=1)) as workbench:
        key, other = new_session(workbench), new_session(workbench)
        turn = running(workbench, key)
        waiting = workbench.turns.submit(other, "hello")
        with full(disk):
            until(workbench, lambda: begun_to_end(workbench, key))
            [view] = workbench.turns.live(key)
            ended = workbench.store.get_turn(turn.id)
            assert (ended.status, view.status) == (TurnStatus.FAILED, TurnStatus.FAILED)
            assert "is full" in ended.error
            assert "is full" in view.problem
            assert workbench.turns.wait(turn.id, timeout=20).status is TurnStatus.FAILED
            summaries = {session.key: session for session in workbench.store.list_sessions("local").items}
            assert summaries[key] == workbench.store.find_session(key)
            assert (summaries[key].status, summaries[key].failed) == (SessionStatus.IDLE, True)
            until(workbench, lambda: begun_to_end(workbench, other))  # it had the place of the first one
            workbench.turns.stop(turn.id)
            workbench.store.mark_seen(key)
            for attempt in (lambda: workbench.turns.submit(key, "more"), lambda: workbench.turns.retry(turn)):
                with pytest.raises(StoreFullError, match="Free some space"):
                    attempt()
        finish(workbench, turn, waiting)
        assert said(workbench, key)[-1] == ("assistant", view.text)
        [again] = finish(workbench, workbench.turns.submit(key, "hello"))
        assert again.status is TurnStatus.COMPLETED
    with closing(open_workbench(disk / "data")) as workbench:
        kept = workbench.store.get_turn(turn.id)
        assert (kept.status, kept.error) == (ended.status, ended.error)
        assert [text for _, text in said(workbench, key)][1::2] == [view.text, "You said: hello"]


def test_files_are_refused_in_words_and_taken_once_there_is_space(disk):
    with ThreadPoolExecutor(1) as pool:  # browser tests leave a loop in this thread
        pool.submit(asyncio.run, files_are_refused_and_taken(disk)).result()


async def files_are_refused_and_taken(disk):
    with closing(open_workbench(disk / "data")) as workbench:
        key = new_session(workbench)
        names = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id, "filename": "a.txt"}
        part = types.Part(inline_data=types.Blob(data=b"x" * 100_000, mime_type="text/plain"))
        with full(disk):
            with pytest.raises(StoreFullError, match="Free some space"):
                await workbench.artifacts.save_artifact(**names, artifact=part)
            with pytest.raises(StoreFullError, match="Free some space"):
                workbench.imports.receive("chats.json", io.BytesIO(b"x" * 100_000))
        await workbench.artifacts.save_artifact(**names, artifact=part)
        kept = await workbench.artifacts.load_artifact(**names)
        assert kept.inline_data.data == part.inline_data.data
        workbench.imports.receive("chats.json", io.BytesIO(b"[]"))


def test_the_app_starts_on_a_disk_that_is_full_and_closes_what_a_killed_process_left_once_there_is_space(disk):
    with closing(open_workbench(disk / "data")) as workbench:
        key = new_session(workbench)
        turn = running(workbench, key, "count 2000 then wait")
        soon = threading.Event()
        while workbench.store.partial_text(turn.id) != counted(2000):  # more than fits into what is left of a page
            assert not soon.wait(0.02)
        killed = disk / "killed"
        shutil.copytree(disk / "data", killed)  # what would be there if the process were gone now
        workbench.turns.stop(turn.id)
    ballast = fill(disk)
    with closing(open_workbench(killed)) as workbench:
        assert workbench.store.get_turn(turn.id).status is TurnStatus.INTERRUPTED
        assert said(workbench, key) == [("user", "count 2000 then wait")]
        ballast.unlink()
        until(workbench, lambda: len(said(workbench, key)) == 2)
        assert said(workbench, key)[-1] == ("assistant", counted(2000))


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EFBIG, StoreFullError),
        (errno.EROFS, StoreNotWritableError),
        (errno.EIO, StoreNotWritableError),
        (errno.EACCES, StoreNotWritableError),
        (errno.EXDEV, OSError),
    ],
)
def test_what_the_system_says_of_a_disk_is_told_in_words(tmp_path, number, error):
    with pytest.raises(error, match=os.strerror(number) if error is OSError else str(tmp_path)), writing(tmp_path):
        raise OSError(number, os.strerror(number))
    told = explain(duckdb.IOException(f"Could not write file: {os.strerror(number)}"), tmp_path / "chats.duckdb")
    assert error is OSError or type(told) is error
