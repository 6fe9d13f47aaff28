"""Something goes wrong where nothing may: while the end of a turn is kept. The session goes on all the same."""

import asyncio
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from colloquy.runtime.turns.execution import Execution
from session_store.errors import StoreError, StoreFullError, StoreNotWritableError
from session_store.models import SessionStatus, TurnStatus
from tests.support.workbenches import counted, finish, new_session, open_workbench, said, until


@pytest.fixture
def workbench(tmp_path):
    with closing(open_workbench(tmp_path)) as workbench, capture_logs():
        yield workbench


def breaking(monkeypatch, owner, name, times, error):
    """Make a method fail so many times. Returns the list of calls."""
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


def status(workbench, turn):
    return workbench.store.get_turn(turn.id).status


def goes_on(workbench, key):
    [turn] = finish(workbench, workbench.turns.submit(key, "hello"))
    return turn.status is TurnStatus.COMPLETED and said(workbench, key)[-1][1] == "You said: hello"


def test_what_fails_once_is_kept_at_the_next_attempt(workbench, monkeypatch):
    key = new_session(workbench)
    turn = workbench.turns.submit(key, "count 3 then wait")
    until(workbench, lambda: workbench.turns.live(key)[0].text == counted(3))
    breaking(monkeypatch, Execution, "_keep_end", 1, RuntimeError("not now"))
    workbench.turns.stop(turn.id)
    [turn] = finish(workbench, turn)
    assert (turn.status, turn.error) == (TurnStatus.STOPPED, None)
    assert said(workbench, key)[-1] == ("assistant", counted(3))


def test_what_always_fails_leaves_no_turn_running_and_no_message_waiting(workbench, monkeypatch):
    with monkeypatch.context() as patched:
        breaking(patched, Execution, "_keep_end", 1000, RuntimeError("never"))
        key = new_session(workbench)
        first, second = (workbench.turns.submit(key, text) for text in ("count 3", "count 2 then fail"))
        finish(workbench, first, second)
        until(workbench, lambda: status(workbench, first).is_over and status(workbench, second).is_over)
    assert status(workbench, first) is TurnStatus.COMPLETED
    assert workbench.store.get_turn(second.id).error == "The scripted model failed as it was told to."
    assert workbench.store.get_session(key.session_id).status is SessionStatus.IDLE
    assert goes_on(workbench, key)


def test_a_failure_before_the_end_is_known_fails_the_turn(workbench, monkeypatch):
    with monkeypatch.context() as patched:
        breaking(patched, Execution, "_conclude", 1, RuntimeError("never"))
        key = new_session(workbench)
        turn = workbench.turns.submit(key, "hello")
        finish(workbench, turn)
        until(workbench, lambda: status(workbench, turn).is_over)
    assert status(workbench, turn) is TurnStatus.FAILED
    assert "See the log" in workbench.store.get_turn(turn.id).error
    assert goes_on(workbench, key)


def test_the_end_is_noted_as_soon_as_the_store_works_again(workbench, monkeypatch):
    key = new_session(workbench)
    turn = workbench.turns.submit(key, "count 3 then wait")
    until(workbench, lambda: workbench.turns.live(key)[0].text == counted(3))
    calls = breaking(monkeypatch, workbench.store, "update_turn", 4, StoreError("The database is away."))
    workbench.turns.stop(turn.id)
    finish(workbench, turn)
    assert status(workbench, turn) is TurnStatus.STOPPED
    until(workbench, lambda: len(calls) == 5)
    assert said(workbench, key)[-1] == ("assistant", counted(3))
    assert goes_on(workbench, key)


def test_a_waiting_turn_that_is_withdrawn_does_not_run_though_the_store_is_away(workbench, monkeypatch):
    key = new_session(workbench)
    first, second = (workbench.turns.submit(key, text) for text in ("count 1 then wait", "never mind"))
    until(workbench, lambda: workbench.turns.live(key)[0].text)
    breaking(monkeypatch, workbench.store, "update_turn", 1, StoreError("The database is away."))
    workbench.turns.stop(second.id)
    until(workbench, lambda: status(workbench, second) is TurnStatus.STOPPED)
    workbench.turns.stop(first.id)
    finish(workbench, first)
    assert "never mind" not in [text for _, text in said(workbench, key)]
    assert goes_on(workbench, key)


def test_an_end_that_could_not_be_noted_is_found_at_the_next_start(tmp_path, monkeypatch):
    with capture_logs(), closing(open_workbench(tmp_path)) as workbench:
        key = new_session(workbench)
        turn = workbench.turns.submit(key, "count 3 then wait")
        until(workbench, lambda: workbench.turns.live(key)[0].text == counted(3))
        breaking(monkeypatch, workbench.store, "update_turn", 1000, StoreError("The database is away."))
        workbench.turns.stop(turn.id)
        assert workbench.turns.live(key) == []
    with closing(open_workbench(tmp_path)) as workbench:
        assert status(workbench, turn) is TurnStatus.INTERRUPTED
        assert said(workbench, key) == [("user", "count 3 then wait"), ("assistant", counted(3))]


@pytest.mark.parametrize("error", [StoreFullError("The disk is full."), StoreNotWritableError("The disk broke.")])
def test_a_turn_ends_at_once_where_what_it_says_cannot_be_kept(workbench, monkeypatch, error):
    with monkeypatch.context() as patched:
        breaking(patched, workbench.store, "append_chunks", 1000, error)
        key = new_session(workbench)
        turn = workbench.turns.submit(key, "count 3 then wait")
        [turn] = finish(workbench, turn)
    assert (turn.status, turn.error) == (TurnStatus.FAILED, str(error))
    assert said(workbench, key)[-1] == ("assistant", counted(3))
    assert goes_on(workbench, key)
