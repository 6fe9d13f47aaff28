"""Following a turn event by event: what programs and ADK clients receive."""

import asyncio
import threading

import pytest
from google.genai import types

from colloquy.runtime.turns.confirmation import NothingToAnswerError
from colloquy.runtime.turns.messages import EmptyMessageError, SessionGoneError
from session_store.models import SessionKey, TurnStatus
from session_store.transcripts.transcript import ASKS
from tests.runtime import desk
from tests.support.applications import counted, finish, new_session, open_application, said, until


def message(text):
    return types.Content(role="user", parts=[types.Part(text=text)])


def response(name, call_id, **answer):
    return types.Content(
        role="user",
        parts=[types.Part(function_response=types.FunctionResponse(name=name, id=call_id, response=answer))],
    )


def approval(call_id, **answer):
    return response(ASKS, call_id, **answer)


def texts(events, partial):
    return [event.content.parts[0].text for event in events if event.author != "user" and event.partial is partial]


async def followed(application, turn):
    return [event async for event in application.turns.follow(turn)]


async def test_a_follower_gets_each_chunk_and_the_whole_answer_once(application):
    key = new_session(application)
    turn = application.turns.submit_content(key, message("count 20 every 1 ms"))
    events = await followed(application, turn)
    assert events[0].content.parts[0].text == "count 20 every 1 ms"
    assert "".join(texts(events, True)) == counted(20)
    assert texts(events[1:], None) + texts(events, False) == [counted(20)]
    assert {event.invocation_id for event in events} == {turn.id}
    assert application.turns.wait(turn.id, 0).status is TurnStatus.COMPLETED
    assert application.turns.live(key) == []


async def test_a_follower_that_arrives_after_the_turn_gets_the_same(application):
    turn = application.turns.submit(new_session(application), "count 5")
    await asyncio.to_thread(finish, application, turn)
    assert "".join(texts(await followed(application, turn), True)) == counted(5)


async def test_an_old_turn_yields_its_complete_events(tmp_path):
    application = open_application(tmp_path)
    key = new_session(application)
    turns = [application.turns.submit(key, f"count {n}") for n in (3, 4, 5)]
    await asyncio.to_thread(finish, application, *turns)
    application.close()
    application = open_application(tmp_path)
    events = await followed(application, turns[1])
    assert [event.content.parts[0].text for event in events] == ["count 4", counted(4)]
    application.close()


async def test_a_slow_follower_delays_nothing_and_misses_nothing(application):
    key = new_session(application)
    turn = application.turns.submit(key, "count 300")
    follower = application.turns.follow(turn)
    events = [await anext(follower)]
    await asyncio.to_thread(finish, application, turn)
    events += [event async for event in follower]
    assert "".join(texts(events, True)) == counted(300)


async def test_many_followers_on_separate_loops_all_get_everything(application):
    turn = application.turns.submit(new_session(application), "count 50 every 1 ms")
    heard = []
    threads = [
        threading.Thread(target=lambda: heard.append(asyncio.run(followed(application, turn)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    own = await followed(application, turn)
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert [texts(events, True) for events in heard] == [texts(own, True)] * 8
    assert "".join(texts(own, True)) == counted(50)


async def test_a_follower_that_disconnects_does_not_stop_the_turn(application):
    key = new_session(application)
    turn = application.turns.submit(key, "count 30 every 1 ms")

    async def look_in():
        async for event in application.turns.follow(turn):
            if event.partial:
                return

    await asyncio.to_thread(asyncio.run, look_in())
    [turn] = await asyncio.to_thread(finish, application, turn)
    assert turn.status is TurnStatus.COMPLETED


async def test_following_ends_when_the_turn_is_stopped_fails_or_is_withdrawn(application):
    key = new_session(application)
    running = application.turns.submit(key, "count 3 then wait")
    waiting = application.turns.submit(key, "never mind")
    failing = application.turns.submit(new_session(application), "count 2 then fail")
    assert "".join(texts(await followed(application, failing), True)) == counted(2)
    await asyncio.to_thread(application.turns.stop, waiting.id)
    assert await followed(application, waiting) == []
    await asyncio.to_thread(until, application, lambda: "w2" in application.turns.live(key)[0].text)
    await asyncio.to_thread(application.turns.stop, running.id)
    assert "".join(texts(await followed(application, running), True)) == counted(3)


async def test_following_ends_at_shutdown(tmp_path):
    application = open_application(tmp_path)
    key = new_session(application)
    turns = [application.turns.submit(key, text) for text in ("count 1 then wait", "later")]
    followers = [asyncio.create_task(followed(application, turn)) for turn in turns]
    await asyncio.to_thread(until, application, lambda: application.turns.live(key)[0].text)
    await asyncio.to_thread(application.close)
    assert [texts(events, True) for events in await asyncio.gather(*followers)] == [["w0 "], []]


class TestWaiting:
    def test_a_script_waits_for_its_turn(self, application):
        turn = application.turns.submit(new_session(application), "count 10 every 1 ms")
        assert application.turns.wait(turn.id).status is TurnStatus.COMPLETED
        assert application.turns.live(turn.key) == []

    def test_a_wait_can_time_out(self, application):
        turn = application.turns.submit(new_session(application), "count 1 then wait")
        assert not application.turns.wait(turn.id, 0.01).status.is_over
        application.turns.stop(turn.id)
        assert application.turns.wait(turn.id).status is TurnStatus.STOPPED

    def test_an_unknown_turn_is_reported(self, application):
        with pytest.raises(SessionGoneError):
            application.turns.wait("nothing")


class TestClientsOfAdk:
    async def test_state_sent_with_a_message_is_set(self, application):
        key = new_session(application)
        turn = application.turns.submit_content(key, message("hello"), state_delta={"mood": "fine"})
        await followed(application, turn)
        session = await application.sessions.get_session(
            app_name=key.app_name, user_id=key.user_id, session_id=key.session_id
        )
        assert session.state["mood"] == "fine"

    def test_an_invalid_message_is_refused(self, application):
        key = new_session(application)
        for content in (message("  "), types.Content(parts=[]), types.Content()):
            with pytest.raises(EmptyMessageError):
                application.turns.submit_content(key, content)
        with pytest.raises(SessionGoneError):
            application.turns.submit_content(SessionKey(key.app_name, "nobody", key.session_id), message("hello"))
        with pytest.raises(NothingToAnswerError):
            application.turns.submit_content(key, approval("c1", confirmed=True))

    @pytest.mark.parametrize("code", [desk.PLAIN, desk.RESUMABLE], ids=["plain", "resumable"])
    async def test_an_approval_reaches_the_waiting_turn(self, opened, code):
        name, start = opened(code)
        application = start()
        key = new_session(application, name)
        turn = application.turns.submit_content(key, message('call pay {"amount": 5} and call book {"days": 2}'))
        first = await followed(application, turn)
        assert application.turns.wait(turn.id).status is TurnStatus.PAUSED
        assert [call.name for event in first for call in event.get_function_calls()].count(ASKS) == 2
        calls = desk.asked(application, key)

        again = application.turns.submit_content(key, approval(calls["pay"], confirmed=True))
        assert (again.id, await followed(application, again)) == (turn.id, [])
        again = application.turns.submit_content(key, approval(calls["book"], response='{"confirmed": true}'))
        second = await followed(application, again)
        assert application.turns.wait(turn.id).status is TurnStatus.COMPLETED
        assert {answer.name for event in second for answer in event.get_function_responses()} >= {"pay", "book"}
        assert not {event.id for event in first} & {event.id for event in second}
        with pytest.raises(NothingToAnswerError):
            application.turns.submit_content(key, approval(calls["pay"], confirmed=True))

    @pytest.mark.parametrize("code", [desk.PLAIN, desk.RESUMABLE], ids=["plain", "resumable"])
    async def test_a_late_tool_answer_starts_its_own_turn(self, opened, code):
        name, start = opened(code)
        application = start()
        key = new_session(application, name)
        turn = application.turns.submit_content(key, message("call order {}"))
        events = await followed(application, turn)
        [call] = [call for event in events for call in event.get_function_calls()]
        late = application.turns.submit_content(key, response("order", call.id, arrived=True))
        events = await followed(application, late)
        assert application.turns.wait(late.id).error is None
        assert {event.invocation_id for event in events} == {late.id} != {turn.id}
        assert "arrived" in said(application, key)[-1][1]
