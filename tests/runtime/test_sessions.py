"""Sessions at work: begun, put in front, ended; by the page, by programs and by clients of ADK."""

import asyncio
import itertools
import math
import threading
import time
from contextlib import closing
from unittest.mock import Mock

import pytest
from google.adk.events.event import Event
from google.genai import types

from colloquy.runtime.bus import Happening
from colloquy.runtime.turns.messages import SessionGoneError
from session_store.errors import StoreFullError
from session_store.models import SessionStatus, TurnStatus
from tests.runtime import desk
from tests.support.workbenches import PATIENCE, counted, finish, new_session, open_workbench, said, until


@pytest.fixture
def heard(workbench):
    """What was published of sessions, as kinds and session ids."""
    told = []
    unsubscribe = workbench.bus.subscribe(
        lambda event: told.append((event.kind, event.key.session_id)) if "session-" in f"{event.kind}-" else None
    )
    yield told
    unsubscribe()


def active(workbench):
    return [one.session.key for one in workbench.active_sessions()]


class TestActive:
    def test_a_new_session_is_at_work_and_told_of(self, workbench, heard):
        key = new_session(workbench)
        assert heard == [
            (Happening.SESSION_CREATED, key.session_id),
            (Happening.SESSION_LIST_CHANGED, key.session_id),
        ]
        [one] = workbench.active_sessions()
        assert (one.session.key, one.session.status, one.last_status) == (key, SessionStatus.IDLE, None)

    def test_what_has_happened_last_comes_first_and_says_how_its_turn_ended(self, workbench):
        first, second, third = (new_session(workbench) for _ in range(3))
        finish(workbench, workbench.turns.submit(second, "count 1 then fail"))
        finish(workbench, workbench.turns.submit(first, "hello"))
        assert active(workbench) == [first, second, third]
        assert [one.last_status for one in workbench.active_sessions()] == [
            TurnStatus.COMPLETED,
            TurnStatus.FAILED,
            None,
        ]

    def test_after_a_start_only_what_was_unfinished_is_at_work_until_there_is_a_message(self, tmp_path):
        with closing(open_workbench(tmp_path)) as workbench:
            done, other = new_session(workbench), new_session(workbench)
            finish(workbench, workbench.turns.submit(done, "hello"))
            turn = workbench.turns.submit(other, "count 1 then wait")
            until(workbench, lambda: workbench.store.get_turn(turn.id).status is TurnStatus.RUNNING)
            workbench.close()
        with closing(open_workbench(tmp_path)) as workbench:  # closed in order: the turn was interrupted
            assert active(workbench) == []
            workbench.store.update_turn(turn.id, status=TurnStatus.RUNNING)  # as if killed
        with closing(open_workbench(tmp_path)) as workbench:
            [one] = workbench.active_sessions()
            assert (one.session.key, one.last_status) == (other, TurnStatus.INTERRUPTED)
            finish(workbench, workbench.turns.submit(done, "again"))
            assert active(workbench) == [done, other]

    def test_deleted_sessions_are_not_at_work(self, workbench):
        key = new_session(workbench)
        workbench.delete_sessions([key])
        assert active(workbench) == []

    async def test_a_session_that_a_client_of_adk_creates_and_deletes_is_told_of(self, workbench, heard):
        names = {"app_name": "assistant", "user_id": "ann", "session_id": "mine"}
        await workbench.sessions.create_session(**names)
        assert [key.session_id for key in active(workbench)] == ["mine"]
        await workbench.sessions.delete_session(**names)
        assert active(workbench) == []
        assert heard == [
            (Happening.SESSION_CREATED, "mine"),
            (Happening.SESSION_LIST_CHANGED, "mine"),
            (Happening.SESSION_LIST_CHANGED, "mine"),
        ]


class TestInFront:
    def test_switching_is_told_once(self, workbench, heard):
        one, other = new_session(workbench), new_session(workbench)
        heard.clear()
        for key in (one, one, other):
            workbench.switch_active(key.session_id)
        assert workbench.active_session_id == other.session_id
        assert heard == [(Happening.ACTIVE_SESSION_CHANGED, key.session_id) for key in (one, other)]

    def test_there_is_no_switching_to_what_is_not_there(self, workbench):
        key = new_session(workbench)
        workbench.delete_sessions([key])
        for session_id in (key.session_id, "nothing"):
            with pytest.raises(SessionGoneError):
                workbench.switch_active(session_id)
        assert workbench.active_session_id is None

    @pytest.mark.parametrize("end", ["terminate_sessions", "delete_sessions"])
    def test_what_has_ended_is_no_longer_in_front(self, workbench, heard, end):
        key = new_session(workbench)
        workbench.switch_active(key.session_id)
        getattr(workbench, end)([key])
        assert workbench.active_session_id is None
        assert (Happening.ACTIVE_SESSION_CHANGED, "") in heard


class TestTerminating:
    def test_it_stops_what_runs_withdraws_what_waits_and_marks_the_session(self, workbench, heard):
        key = new_session(workbench)
        turns = [workbench.turns.submit(key, text) for text in ("count 3 then wait", "later", "never")]
        until(workbench, lambda: workbench.turns.live(key)[0].text == counted(3))
        heard.clear()
        workbench.terminate_sessions([key])
        assert [workbench.store.get_turn(turn.id).status for turn in turns] == [TurnStatus.STOPPED] * 3
        assert workbench.store.get_session(key.session_id).status is SessionStatus.TERMINATED
        assert said(workbench, key) == [("user", "count 3 then wait"), ("assistant", counted(3))]
        assert active(workbench) == []
        told = [event for event in heard if event[0] is not Happening.SESSION_CHANGED]
        assert told == [
            (Happening.SESSION_TERMINATED, key.session_id),
            (Happening.SESSION_LIST_CHANGED, key.session_id),
        ]

    def test_where_it_cannot_be_kept_all_goes_on(self, workbench, monkeypatch):
        key = new_session(workbench)
        turns = [workbench.turns.submit(key, text) for text in ("count 3 then wait", "later")]
        until(workbench, lambda: workbench.turns.live(key)[0].text == counted(3))
        with monkeypatch.context() as full:
            full.setattr(workbench.store, "terminate_sessions", Mock(side_effect=StoreFullError("The disk is full.")))
            with pytest.raises(StoreFullError):
                workbench.terminate_sessions([key])
        assert [view.status for view in workbench.turns.live(key)] == [TurnStatus.RUNNING, TurnStatus.QUEUED]
        assert active(workbench) == [key]
        workbench.terminate_sessions([key])
        assert [workbench.store.get_turn(turn.id).status for turn in turns] == [TurnStatus.STOPPED] * 2

    def test_a_new_message_begins_it_again(self, workbench):
        key = new_session(workbench)
        workbench.terminate_sessions([key])
        finish(workbench, workbench.turns.submit(key, "hello"))
        assert workbench.store.get_session(key.session_id).status is SessionStatus.IDLE
        assert active(workbench) == [key]

    def test_a_tool_that_asks_gets_no_answer_any_more(self, opened):
        name, start = opened(desk.PLAIN)
        workbench = start()
        key = new_session(workbench, name)
        turn = workbench.turns.submit(key, 'call pay {"amount": 5}')
        assert workbench.turns.wait(turn.id).status is TurnStatus.PAUSED
        workbench.terminate_sessions([key])
        assert workbench.store.get_turn(turn.id).status is TurnStatus.STOPPED
        assert workbench.store.get_session(key.session_id).status is SessionStatus.TERMINATED
        [again] = finish(workbench, workbench.turns.submit(key, "hello"))
        assert again.error is None

    def test_several_at_once_and_again_changes_nothing(self, workbench):
        keys = [new_session(workbench) for _ in range(3)]
        workbench.terminate_sessions(keys)
        ended = [workbench.store.get_session(key.session_id).terminated_at for key in keys]
        workbench.terminate_sessions(keys)
        assert [workbench.store.get_session(key.session_id).terminated_at for key in keys] == ended

    def test_many_threads_send_end_and_switch_and_nothing_is_left_running(self, workbench):
        keys = [new_session(workbench) for _ in range(4)]

        def work(number):
            for step in range(6):
                key = keys[(number + step) % 4]
                workbench.turns.submit(key, "count 5 every 1 ms")
                workbench.switch_active(key.session_id)
                workbench.terminate_sessions([key])
                workbench.active_sessions()

        threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in threads)
        workbench.terminate_sessions(keys)
        assert workbench.store.list_unfinished_turns() == []
        assert {workbench.store.get_session(key.session_id).status for key in keys} == {SessionStatus.TERMINATED}


async def test_nothing_begins_while_a_session_is_changed(workbench):
    key = new_session(workbench)
    with workbench.turns.held():
        submitted = asyncio.create_task(asyncio.to_thread(workbench.turns.submit, key, "hello"))
        await asyncio.sleep(0)
        assert workbench.turns.live(key) == []
    turn = await submitted
    assert (await asyncio.to_thread(workbench.turns.wait, turn.id)).status is TurnStatus.COMPLETED


LAST_SECOND = math.nextafter(253_402_300_800.0, 0)


class TestClock:
    """A clock that is set back does not turn a conversation around."""

    @staticmethod
    async def ahead(workbench, key, text):
        """Somebody said this while the clock was an hour ahead."""
        names = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
        session = await workbench.sessions.get_session(**names)
        said = types.Content(role="user", parts=[types.Part(text=text)])
        await workbench.sessions.append_event(
            session, Event(author="user", content=said, timestamp=time.time() + 3600, invocation_id="ahead")
        )

    async def test_the_model_sees_messages_in_the_order_they_were_said_in(self, workbench):
        key = new_session(workbench)
        await self.ahead(workbench, key, "before")
        finish(workbench, workbench.turns.submit(key, "between"))
        [turn] = finish(workbench, workbench.turns.submit(key, "history"))
        shown = said(workbench, key)[-1][1]
        assert shown.index("before") < shown.index("between") < shown.index("You said: between")
        assert turn.status is TurnStatus.COMPLETED

    async def test_times_never_run_backwards_in_a_session_also_after_a_restart(self, tmp_path):
        workbench = open_workbench(tmp_path)
        key = new_session(workbench)
        await self.ahead(workbench, key, "before")
        finish(workbench, workbench.turns.submit(key, "one"))
        workbench.close()
        workbench = open_workbench(tmp_path)
        finish(workbench, workbench.turns.submit(key, "two"))
        events = [stored.event for stored in workbench.store.list_events(key, limit=100)]
        assert [event.timestamp for event in events] == sorted(event.timestamp for event in events)
        assert said(workbench, key)[-1] == ("assistant", "You said: two")
        workbench.close()

    def test_a_turn_never_ends_before_it_started(self, workbench, monkeypatch):
        turn = workbench.turns.submit(new_session(workbench), "count 3 every 200 ms")
        until(workbench, lambda: workbench.store.get_turn(turn.id).started_at)
        now = time.time
        monkeypatch.setattr("colloquy.runtime.turns.execution.time.time", lambda: now() - 3600)
        [turn] = finish(workbench, turn)
        assert turn.started_at <= turn.first_token_at <= turn.ended_at

    @pytest.mark.parametrize("jumps", [(0, 86_400, -86_400), (0, -4e9, 4e9), (2e11, 0)])
    def test_a_clock_that_jumps_during_a_turn_changes_no_order(self, workbench, monkeypatch, jumps):
        key, now, turn_of = new_session(workbench), time.time, itertools.cycle(jumps)
        finish(workbench, workbench.turns.submit(key, "one"))
        monkeypatch.setattr(time, "time", lambda: max(0.0, now() + next(turn_of)))
        turns = finish(workbench, workbench.turns.submit(key, "count 3 every 20 ms"))
        turns += finish(workbench, workbench.turns.submit(key, "two"))
        monkeypatch.undo()
        turns += finish(workbench, workbench.turns.submit(key, "three"))
        times = [stored.event.timestamp for stored in workbench.store.list_events(key, limit=100)]
        assert times == sorted(times)
        assert [text for author, text in said(workbench, key) if author == "user"] == [
            *("one", "count 3 every 20 ms", "two", "three")
        ]
        assert all(turn.status is TurnStatus.COMPLETED for turn in turns)
        assert all(turn.started_at <= turn.ended_at for turn in turns)

    @pytest.mark.parametrize("when", [0.0, 951_782_399.5, 4e9, 253_402_300_799.5, LAST_SECOND])
    async def test_a_chat_of_any_year_goes_on(self, workbench, when):
        key = new_session(workbench)
        names = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
        session = await workbench.sessions.get_session(**names)
        content = types.Content(role="user", parts=[types.Part(text="before")])
        event = Event(author="user", content=content, timestamp=when, invocation_id="then")
        await workbench.sessions.append_event(session, event)
        finish(workbench, workbench.turns.submit(key, "hello"))
        times = [stored.event.timestamp for stored in workbench.store.list_events(key, limit=100)]
        assert times == sorted(times)
        assert [text for _, text in said(workbench, key)] == ["before", "hello", "You said: hello"]
        assert key in [one.key for one in workbench.store.list_sessions(key.user_id).items]
