"""Retention: what nobody saved or touched for long goes, after a preview; nothing else ever does."""

import time
from contextlib import closing

import pytest

from colloquy.runtime import retention
from colloquy.runtime.bus import Happening
from colloquy.runtime.retention import DAY, RetentionDaysError
from session_store.models import SessionStatus
from tests.support.workbenches import finish, new_session, open_workbench, until


@pytest.fixture
def later(monkeypatch):
    """Lets days go by."""

    def days_later(days):
        monkeypatch.setattr(time, "time", lambda: now + days * DAY)

    now = time.time()
    return days_later


def there(workbench, *keys):
    return [workbench.store.find_session(key) is not None for key in keys]


def test_it_says_what_it_would_remove_and_removes_that(workbench, later):
    keys = [new_session(workbench) for _ in range(3)]
    finish(workbench, workbench.turns.submit(keys[2], "hello"))
    workbench.set_saved([keys[1]], True)
    assert workbench.retention_preview(30).count == 0
    later(31)
    preview = workbench.retention_preview(30)
    assert (preview.count, [session.key for session in preview.examples]) == (2, [keys[0], keys[2]])
    assert preview.oldest == preview.examples[0].updated_at
    assert len(workbench.remove_untouched(30)) == 2
    assert there(workbench, *keys) == [False, True, False]
    assert workbench.retention_preview(30) == retention.RetentionPreview(0, None, ())


def test_what_runs_or_was_looked_at_is_touched(workbench, later):
    running, seen = new_session(workbench), new_session(workbench)
    turn = workbench.turns.submit(running, "count 1 then wait")
    later(10)
    workbench.store.mark_seen(seen)
    later(12)
    assert len(workbench.remove_untouched(5)) == 0
    assert there(workbench, running, seen) == [True, True]
    workbench.turns.stop(turn.id)


def test_what_was_removed_can_be_brought_back_and_the_page_hears_of_it(workbench, later):
    key, heard = new_session(workbench), []
    later(2)
    unsubscribe = workbench.bus.subscribe(lambda event: heard.append((event.kind, event.key)))
    workbench.remove_untouched(1)
    unsubscribe()
    assert (Happening.SESSION_LIST_CHANGED, key) in heard
    workbench.restore_sessions([key])
    assert workbench.store.find_session(key).status is SessionStatus.IDLE


def test_many_go_in_several_goes(workbench, later, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    keys = [new_session(workbench) for _ in range(5)]
    later(2)
    assert len(workbench.remove_untouched(1)) == 5
    assert there(workbench, *keys) == [False] * 5


@pytest.mark.parametrize("days", [0, -1])
def test_a_number_of_days_that_would_remove_everything_is_refused(workbench, days):
    new_session(workbench)
    for ask in (workbench.retention_preview, workbench.remove_untouched):
        with pytest.raises(RetentionDaysError, match="at least 1"):
            ask(days)


def test_it_is_off_by_default_and_done_at_the_start_where_it_is_set(tmp_path, later):
    with closing(open_workbench(tmp_path)) as workbench:
        old, saved = new_session(workbench), new_session(workbench)
        workbench.set_saved([saved], True)
    later(31)
    with closing(open_workbench(tmp_path)) as workbench:
        assert there(workbench, old, saved) == [True, True]
    with closing(open_workbench(tmp_path, retention_days=30)) as workbench:
        until(workbench, lambda: there(workbench, old, saved) == [False, True])
