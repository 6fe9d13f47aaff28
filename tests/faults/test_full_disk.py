"""What users see of a full disk: turns end with the reason, nothing is lost, and everything continues once there is
space."""

import asyncio
import errno
import io
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import duckdb
import pytest
from google.genai import types
from httpx import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from colloquy.api.routes import mounted_api
from colloquy.runtime.application import install
from session_store.engine.faults import explain, writing
from session_store.errors import StoreFullError, StoreNotWritableError
from session_store.models import SessionStatus, TurnStatus
from tests.support.applications import counted, finish, new_session, open_application, said, until
from tests.support.disks import fill, mounted

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


def running(application, key, text="count 100000 every 1 ms"):
    turn = application.turns.submit(key, text)
    until(application, lambda: application.turns.live(key)[0].text)
    return turn


def rename_a_thousand_times(application, key):
    for number in range(1_000):
        application.rename_session(key, f"Title {number}")


def begun_to_end(application, key):
    return any(view.status.is_over for view in application.turns.live(key))


def test_running_turns_end_with_the_reason_and_are_saved_once_there_is_space(disk):
    with closing(open_application(disk / "data", max_turns=1)) as application:
        key, other = new_session(application), new_session(application)
        turn = running(application, key)
        waiting = application.turns.submit(other, "hello")
        with full(disk):
            until(application, lambda: begun_to_end(application, key))
            [view] = application.turns.live(key)
            ended = application.store.turns.get(turn.id)
            assert (ended.status, view.status) == (TurnStatus.FAILED, TurnStatus.FAILED)
            assert "is full" in ended.error
            assert "is full" in view.problem
            assert application.turns.wait(turn.id, timeout=20).status is TurnStatus.FAILED
            summaries = {session.key: session for session in application.store.sessions.list("local").items}
            assert summaries[key] == application.store.sessions.find(key)
            assert (summaries[key].status, summaries[key].failed) == (SessionStatus.IDLE, True)
            until(application, lambda: begun_to_end(application, other))  # it took the first one's place
            application.turns.stop(turn.id)
            application.store.sessions.mark_seen(key)
            with pytest.raises(StoreFullError):  # the rest of the log's last page still has room
                rename_a_thousand_times(application, other)
            for attempt in (lambda: application.turns.submit(key, "more"), lambda: application.turns.retry(turn)):
                with pytest.raises(StoreFullError, match="Free some space"):
                    attempt()
        finish(application, turn, waiting)
        assert said(application, key)[-1] == ("assistant", view.text)
        [again] = finish(application, application.turns.submit(key, "hello"))
        assert again.status is TurnStatus.COMPLETED
    with closing(open_application(disk / "data")) as application:
        kept = application.store.turns.get(turn.id)
        assert (kept.status, kept.error) == (ended.status, ended.error)
        assert [text for _, text in said(application, key)][1::2] == [view.text, "You said: hello"]


def test_turns_queued_behind_an_unsaved_turn_end_with_it_and_are_saved_once_there_is_space(disk):
    with closing(open_application(disk / "data", max_turns=1)) as application:
        key = new_session(application)
        turn = running(application, key)
        first, second, withdrawn = (application.turns.submit(key, text) for text in ("one", "two", "three"))
        application.turns.stop(withdrawn.id)
        with full(disk):
            ended = [application.turns.wait(waited.id, timeout=20) for waited in (turn, first, second)]
            assert [one.status for one in ended] == [TurnStatus.FAILED] * 3
            assert all("is full" in one.error for one in ended)
            assert {view.status for view in application.turns.live(key)} == {TurnStatus.FAILED}
            assert application.store.sessions.find(key).status is SessionStatus.IDLE
            application.turns.end_all(key)
            assert application.store.turns.get(second.id) == ended[-1]
        until(application, lambda: not application.turns.live(key))
        assert [application.store.turns.get(one.id) for one in ended[1:]] == ended[1:]
        assert [text for who, text in said(application, key) if who == "user"][1:] == ["one", "two"]
        [again] = finish(application, application.turns.submit(key, "hello"))
        assert again.status is TurnStatus.COMPLETED


def test_files_are_refused_with_an_explanation_until_there_is_space(disk):
    with ThreadPoolExecutor(1) as pool:  # browser tests leave an event loop in this thread
        pool.submit(asyncio.run, files_are_refused_and_taken(disk)).result()


async def files_are_refused_and_taken(disk):
    with closing(open_application(disk / "data")) as application:
        key = new_session(application)
        names = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id, "filename": "a.txt"}
        part = types.Part(inline_data=types.Blob(data=b"x" * 100_000, mime_type="text/plain"))
        with full(disk):
            with pytest.raises(StoreFullError, match="Free some space"):
                await application.artifacts.save_artifact(**names, artifact=part)
            with pytest.raises(StoreFullError, match="Free some space"):
                application.imports.receive("chats.json", io.BytesIO(b"x" * 100_000))
        await application.artifacts.save_artifact(**names, artifact=part)
        kept = await application.artifacts.load_artifact(**names)
        assert kept.inline_data.data == part.inline_data.data
        application.imports.receive("chats.json", io.BytesIO(b"[]"))


WRITING: dict[str, Callable[[TestClient, dict[str, str]], Response]] = {
    "a session": lambda api, to: api.post("/v1/runtime/sessions", json={"title": LONG}),
    "a title": lambda api, to: api.patch(f"/v1/conversations/{to['session']}", json={"title": LONG}),
    "labels": lambda api, to: api.put(f"/v1/conversations/{to['session']}/labels", json={"tags": ["a"], "note": LONG}),
    "a branch": lambda api, to: api.post(f"/v1/conversations/{to['session']}/branch", json={"message_id": to["said"]}),
    "feedback": lambda api, to: api.put(
        f"/v1/conversations/{to['session']}/messages/{to['said']}/feedback", json={"score": 1, "comment": LONG}
    ),
    "a message": lambda api, to: api.post(
        f"/v1/conversations/{to['session']}/messages", json={"role": "user", "content": LONG}
    ),
    "a turn": lambda api, to: api.post("/v1/run_turn", json={"message": LONG, "session_id": to["session"]}),
    "a workspace": lambda api, to: api.post("/v1/workspaces", json={"name": "New " * 15}),
    "a workspace's name": lambda api, to: api.patch(f"/v1/workspaces/{to['workspace']}", json={"name": "Other " * 10}),
    "a connection": lambda api, to: api.put(
        f"/v1/workspaces/{to['workspace']}/connection",
        json={"kind": "folder", "address": to["folder"], "name": "x" * 80},
    ),
    "a Parquet snapshot": lambda api, to: api.post("/v1/snapshots", json={"form": "parquet"}),
    "an export": lambda api, to: api.post("/v1/exports", json={"format": "parquet"}),
    "an import": lambda api, to: api.post("/v1/imports", files={"file": ("chats.json", to["exported"])}),
    "a large import": lambda api, to: api.post(
        "/v1/imports", files={"file": ("chats.json", to["exported"] + " " * 2**21)}
    ),
    "a deletion": lambda api, to: api.delete(f"/v1/conversations/{to['other']}"),
}
LONG = "A long text. " * 11


@pytest.fixture
def api():
    with TestClient(Starlette(routes=[mounted_api()]), base_url="http://localhost/api") as client:
        yield client
    install(None)


def test_every_change_is_refused_with_an_explanation_until_there_is_space(disk, api, monkeypatch, tmp_path):
    with closing(open_application(disk / "data")) as application:
        install(application)
        key, other = new_session(application), new_session(application)
        finish(application, application.turns.submit(key, "hello"))
        exported = api.post("/v1/exports", json={"ids": [key.session_id], "format": "json"}).text
        to = {
            "session": key.session_id,
            "other": other.session_id,
            "said": api.get(f"/v1/conversations/{key.session_id}/messages").json()["items"][-1]["id"],
            "workspace": api.post("/v1/workspaces", json={"name": "Old"}).json()["id"],
            "folder": str(tmp_path),
            "exported": exported.replace(key.session_id, "another"),
        }
        (disk / "uploads").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(disk / "uploads"))
        before = files_in(disk)
        with full(disk):
            refused = {name: until_refused(partial(change, api, to)) for name, change in WRITING.items()}
            assert api.get(f"/v1/conversations/{key.session_id}/messages").json()["items"][-1]["id"] == to["said"]
            for form in ("json", "markdown", "zip"):
                assert api.post("/v1/exports", json={"ids": [key.session_id], "format": form}).status_code == 200
        assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(WRITING, 507)
        assert all(re.search(r"[Ff]ree .*space|Free about", answer.json()["detail"]) for answer in refused.values())
        assert files_in(disk) == before
        taken = {name: change(api, to) for name, change in WRITING.items()}
        assert {name: answer.text for name, answer in taken.items() if not answer.is_success} == {}


def until_refused(change):
    """The rest of the log's last page still has room."""
    answers = (change() for _ in range(100))
    return next(answer for answer in answers if not answer.is_success)


def files_in(disk):
    return sorted(path for path in disk.rglob("*") if path.is_file() and path.name != "ballast")


def test_a_file_size_limit_counts_as_a_full_disk(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(open_application(tmp_path / "data")) as application:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
        try:
            with pytest.raises(StoreFullError, match="Free some space"):
                application.imports.receive("chats.json", io.BytesIO(b"x" * 2_000_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert not any((tmp_path / "data" / "incoming").iterdir())


def test_the_app_starts_on_a_full_disk_and_recovers_once_there_is_space(disk):
    with closing(open_application(disk / "data")) as application:
        key = new_session(application)
        turn = running(application, key, "count 2000 then wait")
        soon = threading.Event()
        while application.store.turns.partial_text(turn.id) != counted(2000):  # more than fits into the rest of a page
            assert not soon.wait(0.02)
        killed = disk / "killed"
        shutil.copytree(disk / "data", killed)  # what would be there if the process died now
        application.turns.stop(turn.id)
    ballast = fill(disk)
    with closing(open_application(killed)) as application:
        assert application.store.turns.get(turn.id).status is TurnStatus.INTERRUPTED
        assert said(application, key) == [("user", "count 2000 then wait")]
        ballast.unlink()
        until(application, lambda: len(said(application, key)) == 2)
        assert said(application, key)[-1] == ("assistant", counted(2000))


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
def test_disk_errors_of_the_system_are_explained(tmp_path, number, error):
    with pytest.raises(error, match=os.strerror(number) if error is OSError else str(tmp_path)), writing(tmp_path):
        raise OSError(number, os.strerror(number))
    told = explain(duckdb.IOException(f"Could not write file: {os.strerror(number)}"), tmp_path / "chats.duckdb")
    assert error is OSError or type(told) is error
