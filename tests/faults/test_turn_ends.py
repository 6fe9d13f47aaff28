"""Errors at the worst moment, while the end of a turn is being saved: the session still continues."""

import asyncio
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from colloquy.runtime.turns.execution import Execution
from session_store.errors import StoreError, StoreFullError, StoreNotWritableError
from session_store.models import SessionStatus, TurnStatus
from tests.support.applications import counted, finish, new_session, open_application, said, until


@pytest.fixture
def application(tmp_path):
    with closing(open_application(tmp_path)) as application, capture_logs():
        yield application


def breaking(monkeypatch, owner, name, times, error):
    """Make a method fail a number of times. Returns the list of calls."""
    calls, works = [], getattr(owner, name)

    def broken(*args, **kwargs):
        calls.append(args)
        if len(calls) <= times:
            raise error
        return works(*args, **kwargs)

    async def broken_later(*args, **kwargs):
        return await broken(*args, **kwargs)

    monkeypatch.setattr(owner, name, broken_later if asyncio.iscoroutinefunction(works) else broken)
    return calls


def status(application, turn):
    return application.store.turns.get(turn.id).status


def goes_on(application, key):
    [turn] = finish(application, application.turns.submit(key, "hello"))
    return turn.status is TurnStatus.COMPLETED and said(application, key)[-1][1] == "You said: hello"


def test_a_write_that_fails_once_succeeds_at_the_next_attempt(application, monkeypatch):
    key = new_session(application)
    turn = application.turns.submit(key, "count 3 then wait")
    until(application, lambda: application.turns.live(key)[0].text == counted(3))
    breaking(monkeypatch, Execution, "_keep_end", 1, RuntimeError("not now"))
    application.turns.stop(turn.id)
    [turn] = finish(application, turn)
    assert (turn.status, turn.error) == (TurnStatus.STOPPED, None)
    assert said(application, key)[-1] == ("assistant", counted(3))


def test_permanent_write_failures_leave_no_turn_running_and_no_message_queued(application, monkeypatch):
    with monkeypatch.context() as patched:
        breaking(patched, Execution, "_keep_end", 1000, RuntimeError("never"))
        key = new_session(application)
        first, second = (application.turns.submit(key, text) for text in ("count 3", "count 2 then fail"))
        finish(application, first, second)
        until(application, lambda: status(application, first).is_over and status(application, second).is_over)
    assert status(application, first) is TurnStatus.COMPLETED
    assert application.store.turns.get(second.id).error == "The scripted model failed as it was told to."
    assert application.store.sessions.get(key.session_id).status is SessionStatus.IDLE
    assert goes_on(application, key)


def test_a_failure_before_the_end_fails_the_turn(application, monkeypatch):
    with monkeypatch.context() as patched:
        breaking(patched, Execution, "_conclude", 1, RuntimeError("never"))
        key = new_session(application)
        turn = application.turns.submit(key, "hello")
        finish(application, turn)
        until(application, lambda: status(application, turn).is_over)
    assert status(application, turn) is TurnStatus.FAILED
    assert "See the log" in application.store.turns.get(turn.id).error
    assert goes_on(application, key)


def test_the_end_is_saved_as_soon_as_the_store_works_again(application, monkeypatch):
    key = new_session(application)
    turn = application.turns.submit(key, "count 3 then wait")
    until(application, lambda: application.turns.live(key)[0].text == counted(3))
    calls = breaking(monkeypatch, application.store.turns, "update", 4, StoreError("The database is away."))
    application.turns.stop(turn.id)
    finish(application, turn)
    assert status(application, turn) is TurnStatus.STOPPED
    until(application, lambda: len(calls) == 5)
    assert said(application, key)[-1] == ("assistant", counted(3))
    assert goes_on(application, key)


def test_a_withdrawn_turn_does_not_run_even_if_the_store_is_unavailable(application, monkeypatch):
    key = new_session(application)
    first, second = (application.turns.submit(key, text) for text in ("count 1 then wait", "never mind"))
    until(application, lambda: application.turns.live(key)[0].text)
    breaking(monkeypatch, application.store.turns, "update", 1, StoreError("The database is away."))
    application.turns.stop(second.id)
    until(application, lambda: status(application, second) is TurnStatus.STOPPED)
    application.turns.stop(first.id)
    finish(application, first)
    assert "never mind" not in [text for _, text in said(application, key)]
    assert goes_on(application, key)


def test_an_end_that_could_not_be_saved_is_recovered_at_the_next_start(tmp_path, monkeypatch):
    with capture_logs(), closing(open_application(tmp_path)) as application:
        key = new_session(application)
        turn = application.turns.submit(key, "count 3 then wait")
        until(application, lambda: application.turns.live(key)[0].text == counted(3))
        breaking(monkeypatch, application.store.turns, "update", 1000, StoreError("The database is away."))
        application.turns.stop(turn.id)
        assert application.turns.live(key) == []
    with closing(open_application(tmp_path)) as application:
        assert status(application, turn) is TurnStatus.INTERRUPTED
        assert said(application, key) == [("user", "count 3 then wait"), ("assistant", counted(3))]


@pytest.mark.parametrize("error", [StoreFullError("The disk is full."), StoreNotWritableError("The disk broke.")])
def test_a_turn_ends_at_once_if_its_text_cannot_be_stored(application, monkeypatch, error):
    with monkeypatch.context() as patched:
        breaking(patched, application.store.turns, "append_chunks", 1000, error)
        key = new_session(application)
        turn = application.turns.submit(key, "count 3 then wait")
        [turn] = finish(application, turn)
    assert (turn.status, turn.error) == (TurnStatus.FAILED, str(error))
    assert said(application, key)[-1] == ("assistant", counted(3))
    assert goes_on(application, key)
