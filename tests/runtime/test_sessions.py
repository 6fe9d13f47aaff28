"""Active sessions: started, brought to the front and terminated by the page, by programs and by ADK clients."""

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

from colloquy.runtime.bus import EventKind
from colloquy.runtime.turns.messages import SessionGoneError
from session_store.errors import StoreFullError
from session_store.models import SessionStatus, TurnStatus
from tests.runtime import desk
from tests.support.applications import PATIENCE, counted, finish, new_session, open_application, said, until


@pytest.fixture
def heard(application):
    """Published session events, as kinds and session ids."""
    told = []
    unsubscribe = application.bus.subscribe(
        lambda event: told.append((event.kind, event.key.session_id)) if "session-" in f"{event.kind}-" else None
    )
    yield told
    unsubscribe()


def active(application):
    return [one.session.key for one in application.active_sessions()]


class TestActive:
    def test_a_new_session_is_active_and_announced(self, application, heard):
        key = new_session(application)
        assert heard == [
            (EventKind.SESSION_CREATED, key.session_id),
            (EventKind.SESSION_LIST_CHANGED, key.session_id),
        ]
        [one] = application.active_sessions()
        assert (one.session.key, one.session.status, one.last_status) == (key, SessionStatus.IDLE, None)

    def test_active_sessions_are_listed_latest_first_with_the_end_of_their_turn(self, application):
        first, second, third = (new_session(application) for _ in range(3))
        finish(application, application.turns.submit(second, "count 1 then fail"))
        finish(application, application.turns.submit(first, "hello"))
        assert active(application) == [first, second, third]
        assert [one.last_status for one in application.active_sessions()] == [
            TurnStatus.COMPLETED,
            TurnStatus.FAILED,
            None,
        ]

    def test_after_a_restart_only_unfinished_sessions_are_active_until_a_message_arrives(self, tmp_path):
        with closing(open_application(tmp_path)) as application:
            done, other = new_session(application), new_session(application)
            finish(application, application.turns.submit(done, "hello"))
            turn = application.turns.submit(other, "count 1 then wait")
            until(application, lambda: application.store.turns.get(turn.id).status is TurnStatus.RUNNING)
            application.close()
        with closing(open_application(tmp_path)) as application:  # closed cleanly: the turn was interrupted
            assert active(application) == []
            application.store.turns.update(turn.id, status=TurnStatus.RUNNING)  # as if killed
        with closing(open_application(tmp_path)) as application:
            [one] = application.active_sessions()
            assert (one.session.key, one.last_status) == (other, TurnStatus.INTERRUPTED)
            finish(application, application.turns.submit(done, "again"))
            assert active(application) == [done, other]

    def test_deleted_sessions_are_not_active(self, application):
        key = new_session(application)
        application.delete_sessions([key])
        assert active(application) == []

    async def test_sessions_created_and_deleted_by_adk_clients_are_announced(self, application, heard):
        names = {"app_name": "assistant", "user_id": "ann", "session_id": "mine"}
        await application.sessions.create_session(**names)
        assert [key.session_id for key in active(application)] == ["mine"]
        await application.sessions.delete_session(**names)
        assert active(application) == []
        assert heard == [
            (EventKind.SESSION_CREATED, "mine"),
            (EventKind.SESSION_LIST_CHANGED, "mine"),
            (EventKind.SESSION_LIST_CHANGED, "mine"),
        ]


class TestInFront:
    def test_switching_is_announced_once(self, application, heard):
        one, other = new_session(application), new_session(application)
        heard.clear()
        for key in (one, one, other):
            application.switch_active(key.session_id)
        assert application.active_session_id == other.session_id
        assert heard == [(EventKind.ACTIVE_SESSION_CHANGED, key.session_id) for key in (one, other)]

    def test_switching_to_an_unknown_session_is_refused(self, application):
        key = new_session(application)
        application.delete_sessions([key])
        for session_id in (key.session_id, "nothing"):
            with pytest.raises(SessionGoneError):
                application.switch_active(session_id)
        assert application.active_session_id is None

    @pytest.mark.parametrize("end", ["terminate_sessions", "delete_sessions"])
    def test_a_terminated_session_is_no_longer_in_front(self, application, heard, end):
        key = new_session(application)
        application.switch_active(key.session_id)
        getattr(application, end)([key])
        assert application.active_session_id is None
        assert (EventKind.ACTIVE_SESSION_CHANGED, "") in heard


class TestTerminating:
    def test_terminating_stops_running_turns_withdraws_queued_ones_and_marks_the_session(self, application, heard):
        key = new_session(application)
        turns = [application.turns.submit(key, text) for text in ("count 3 then wait", "later", "never")]
        until(application, lambda: application.turns.live(key)[0].text == counted(3))
        heard.clear()
        application.terminate_sessions([key])
        assert [application.store.turns.get(turn.id).status for turn in turns] == [TurnStatus.STOPPED] * 3
        assert application.store.sessions.get(key.session_id).status is SessionStatus.TERMINATED
        assert said(application, key) == [("user", "count 3 then wait"), ("assistant", counted(3))]
        assert active(application) == []
        told = [event for event in heard if event[0] is not EventKind.SESSION_CHANGED]
        assert told == [
            (EventKind.SESSION_TERMINATED, key.session_id),
            (EventKind.SESSION_LIST_CHANGED, key.session_id),
        ]

    def test_a_termination_that_cannot_be_stored_changes_nothing(self, application, monkeypatch):
        key = new_session(application)
        turns = [application.turns.submit(key, text) for text in ("count 3 then wait", "later")]
        until(application, lambda: application.turns.live(key)[0].text == counted(3))
        with monkeypatch.context() as full:
            full.setattr(application.store.sessions, "terminate", Mock(side_effect=StoreFullError("The disk is full.")))
            with pytest.raises(StoreFullError):
                application.terminate_sessions([key])
        assert [view.status for view in application.turns.live(key)] == [TurnStatus.RUNNING, TurnStatus.QUEUED]
        assert active(application) == [key]
        application.terminate_sessions([key])
        assert [application.store.turns.get(turn.id).status for turn in turns] == [TurnStatus.STOPPED] * 2

    def test_a_new_message_reactivates_the_session(self, application):
        key = new_session(application)
        application.terminate_sessions([key])
        finish(application, application.turns.submit(key, "hello"))
        assert application.store.sessions.get(key.session_id).status is SessionStatus.IDLE
        assert active(application) == [key]

    def test_a_tool_that_asks_gets_no_answer_after_termination(self, opened):
        name, start = opened(desk.PLAIN)
        application = start()
        key = new_session(application, name)
        turn = application.turns.submit(key, 'call pay {"amount": 5}')
        assert application.turns.wait(turn.id).status is TurnStatus.PAUSED
        application.terminate_sessions([key])
        assert application.store.turns.get(turn.id).status is TurnStatus.STOPPED
        assert application.store.sessions.get(key.session_id).status is SessionStatus.TERMINATED
        [again] = finish(application, application.turns.submit(key, "hello"))
        assert again.error is None

    def test_terminating_several_sessions_again_changes_nothing(self, application):
        keys = [new_session(application) for _ in range(3)]
        application.terminate_sessions(keys)
        ended = [application.store.sessions.get(key.session_id).terminated_at for key in keys]
        application.terminate_sessions(keys)
        assert [application.store.sessions.get(key.session_id).terminated_at for key in keys] == ended

    def test_threads_that_send_terminate_and_switch_leave_nothing_running(self, application):
        keys = [new_session(application) for _ in range(4)]

        def work(number):
            for step in range(6):
                key = keys[(number + step) % 4]
                application.turns.submit(key, "count 5 every 1 ms")
                application.switch_active(key.session_id)
                application.terminate_sessions([key])
                application.active_sessions()

        threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in threads)
        application.terminate_sessions(keys)
        assert application.store.turns.unfinished() == []
        assert {application.store.sessions.get(key.session_id).status for key in keys} == {SessionStatus.TERMINATED}


async def test_no_turn_starts_while_a_session_is_being_changed(application):
    key = new_session(application)
    with application.turns.submissions_blocked():
        submitted = asyncio.create_task(asyncio.to_thread(application.turns.submit, key, "hello"))
        await asyncio.sleep(0)
        assert application.turns.live(key) == []
    turn = await submitted
    assert (await asyncio.to_thread(application.turns.wait, turn.id)).status is TurnStatus.COMPLETED


LAST_SECOND = math.nextafter(253_402_300_800.0, 0)


class TestClock:
    """A clock that is set back does not reorder a conversation."""

    @staticmethod
    async def append_an_hour_ahead(application, key, text):
        """Append a message from when the clock was an hour ahead."""
        names = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
        session = await application.sessions.get_session(**names)
        said = types.Content(role="user", parts=[types.Part(text=text)])
        await application.sessions.append_event(
            session, Event(author="user", content=said, timestamp=time.time() + 3600, invocation_id="ahead")
        )

    async def test_the_model_sees_messages_in_the_order_they_were_sent(self, application):
        key = new_session(application)
        await self.append_an_hour_ahead(application, key, "before")
        finish(application, application.turns.submit(key, "between"))
        [turn] = finish(application, application.turns.submit(key, "history"))
        shown = said(application, key)[-1][1]
        assert shown.index("before") < shown.index("between") < shown.index("You said: between")
        assert turn.status is TurnStatus.COMPLETED

    async def test_times_in_a_session_never_go_backwards_even_after_a_restart(self, tmp_path):
        application = open_application(tmp_path)
        key = new_session(application)
        await self.append_an_hour_ahead(application, key, "before")
        finish(application, application.turns.submit(key, "one"))
        application.close()
        application = open_application(tmp_path)
        finish(application, application.turns.submit(key, "two"))
        events = [stored.event for stored in application.store.events.list(key, limit=100)]
        assert [event.timestamp for event in events] == sorted(event.timestamp for event in events)
        assert said(application, key)[-1] == ("assistant", "You said: two")
        application.close()

    def test_a_turn_never_ends_before_it_started(self, application, monkeypatch):
        turn = application.turns.submit(new_session(application), "count 3 every 200 ms")
        until(application, lambda: application.store.turns.get(turn.id).started_at)
        now = time.time
        monkeypatch.setattr("colloquy.runtime.turns.execution.time.time", lambda: now() - 3600)
        [turn] = finish(application, turn)
        assert turn.started_at <= turn.first_token_at <= turn.ended_at

    @pytest.mark.parametrize("jumps", [(0, 86_400, -86_400), (0, -4e9, 4e9), (2e11, 0)])
    def test_a_clock_jump_during_a_turn_changes_no_order(self, application, monkeypatch, jumps):
        key, now, turn_of = new_session(application), time.time, itertools.cycle(jumps)
        finish(application, application.turns.submit(key, "one"))
        monkeypatch.setattr(time, "time", lambda: max(0.0, now() + next(turn_of)))
        turns = finish(application, application.turns.submit(key, "count 3 every 20 ms"))
        turns += finish(application, application.turns.submit(key, "two"))
        monkeypatch.undo()
        turns += finish(application, application.turns.submit(key, "three"))
        times = [stored.event.timestamp for stored in application.store.events.list(key, limit=100)]
        assert times == sorted(times)
        assert [text for author, text in said(application, key) if author == "user"] == [
            *("one", "count 3 every 20 ms", "two", "three")
        ]
        assert all(turn.status is TurnStatus.COMPLETED for turn in turns)
        assert all(turn.started_at <= turn.ended_at for turn in turns)

    @pytest.mark.parametrize("when", [0.0, 951_782_399.5, 4e9, 253_402_300_799.5, LAST_SECOND])
    async def test_a_chat_from_any_year_can_be_continued(self, application, when):
        key = new_session(application)
        names = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
        session = await application.sessions.get_session(**names)
        content = types.Content(role="user", parts=[types.Part(text="before")])
        event = Event(author="user", content=content, timestamp=when, invocation_id="then")
        await application.sessions.append_event(session, event)
        finish(application, application.turns.submit(key, "hello"))
        times = [stored.event.timestamp for stored in application.store.events.list(key, limit=100)]
        assert times == sorted(times)
        assert [text for _, text in said(application, key)] == ["before", "hello", "You said: hello"]
        assert key in [one.key for one in application.store.sessions.list(key.user_id).items]


def test_replaced_tags_keep_their_spelling_and_what_others_added_since(application):
    key = new_session(application)
    application.set_tags([key], add=["Urgent", "later"])
    seen = application.store.labels.tags(key)
    application.set_tags([key], add=["from another tab"])
    application.replace_tags(key, ["urgent", " new "], before=seen)
    assert application.store.labels.tags(key) == ("from another tab", "new", "Urgent")
