"""Retention removes, after a preview, what nobody saved or opened for long, and nothing else."""

import threading
import time
from contextlib import closing

import pytest

from colloquy.runtime import retention
from colloquy.runtime.bus import EventKind
from colloquy.runtime.retention import DAY, Daily, RetentionDaysError
from session_store.folders import session_folder
from session_store.models import SessionStatus
from tests.support.applications import finish, new_session, open_application, until


@pytest.fixture
def later(monkeypatch):
    """Moves the clock forward by days."""

    def days_later(days):
        monkeypatch.setattr(time, "time", lambda: now + days * DAY)

    now = time.time()
    return days_later


def there(application, *keys):
    return [application.store.sessions.find(key) is not None for key in keys]


def test_the_preview_lists_exactly_what_is_removed(application, later):
    keys = [new_session(application) for _ in range(3)]
    finish(application, application.turns.submit(keys[2], "hello"))
    application.set_saved([keys[1]], True)
    assert application.retention_preview(30).count == 0
    later(31)
    preview = application.retention_preview(30)
    assert (preview.count, [session.key for session in preview.examples]) == (2, [keys[0], keys[2]])
    assert preview.oldest == preview.examples[0].updated_at
    assert len(application.remove_untouched(30)) == 2
    assert there(application, *keys) == [False, True, False]
    assert application.retention_preview(30) == retention.RetentionPreview(0, None, ())


def test_running_or_viewed_sessions_are_kept(application, later):
    running, seen = new_session(application), new_session(application)
    turn = application.turns.submit(running, "count 1 then wait")
    later(10)
    application.store.sessions.mark_seen(seen)
    later(12)
    assert len(application.remove_untouched(5)) == 0
    assert there(application, running, seen) == [True, True]
    application.turns.stop(turn.id)


def test_removed_sessions_can_be_restored_and_the_page_is_notified(application, later):
    key, heard = new_session(application), []
    later(2)
    unsubscribe = application.bus.subscribe(lambda event: heard.append((event.kind, event.key)))
    application.remove_untouched(1)
    unsubscribe()
    assert (EventKind.SESSION_LIST_CHANGED, key) in heard
    application.restore_sessions([key])
    assert application.store.sessions.find(key).status is SessionStatus.IDLE


def test_many_sessions_are_removed_in_batches(application, later, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    keys = [new_session(application) for _ in range(5)]
    later(2)
    assert len(application.remove_untouched(1)) == 5
    assert there(application, *keys) == [False] * 5


@pytest.mark.parametrize("days", [0, -1])
def test_a_retention_of_days_that_would_remove_everything_is_refused(application, days):
    new_session(application)
    for ask in (application.retention_preview, application.remove_untouched):
        with pytest.raises(RetentionDaysError, match="at least 1"):
            ask(days)


def test_retention_is_off_by_default_and_runs_at_startup_if_set(tmp_path, later):
    with closing(open_application(tmp_path)) as application:
        old, saved = new_session(application), new_session(application)
        application.set_saved([saved], True)
    later(31)
    with closing(open_application(tmp_path)) as application:
        assert there(application, old, saved) == [True, True]
    with closing(open_application(tmp_path, retention_days=30)) as application:
        until(application, lambda: there(application, old, saved) == [False, True])


def test_a_folder_that_cannot_be_removed_stops_neither_the_deletion_nor_the_daily_work(application, monkeypatch):
    key = new_session(application)
    monkeypatch.setattr("shutil.rmtree", _refuse)
    folder = session_folder(application.artifacts.root_dir, key)
    folder.mkdir(parents=True)
    application.artifacts.delete_files([key])
    assert folder.exists()


def test_the_daily_work_continues_after_any_error(monkeypatch):
    monkeypatch.setattr("colloquy.runtime.retention.DAY", 0.001)
    done = threading.Semaphore(0)

    def work():
        done.release()
        raise OSError("no way")

    daily = Daily()
    daily.start(work)
    assert all(done.acquire(timeout=20) for _ in range(3))
    daily.close()


def _refuse(path, **_):
    raise PermissionError(13, "Permission denied", str(path))
