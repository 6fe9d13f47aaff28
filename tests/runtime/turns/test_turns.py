"""A turn runs in the background, one at a time per session, and is kept whatever happens to it."""

from itertools import groupby

import pytest

from colloquy.runtime.bus import EventKind
from colloquy.runtime.turns.messages import EmptyMessageError, SessionGoneError
from colloquy.runtime.turns.turns import SessionBusyError
from session_store.models import SAMPLE_SHOP, SessionStatus, TitleSource, TurnStatus
from tests.support.applications import conversation, counted, finish, new_session, open_application, said, until


def test_a_message_is_answered(application):
    key = new_session(application)
    [turn] = finish(application, application.turns.submit(key, "hello"))
    assert turn.status is TurnStatus.COMPLETED
    assert said(application, key) == [("user", "hello"), ("assistant", "You said: hello")]


def test_a_turn_records_its_model_times_and_tokens(application):
    [turn] = finish(application, application.turns.submit(new_session(application), "count 7"))
    assert turn.model == "scripted/one"
    assert turn.created_at <= turn.started_at <= turn.first_token_at <= turn.ended_at
    assert (turn.input_tokens, turn.output_tokens) == (1, 7)


def test_the_model_of_a_session_can_change_between_turns(application):
    key = new_session(application)
    [first] = finish(application, application.turns.submit(key, "one"))
    application.store.sessions.set_model(key, "scripted/two")
    [second] = finish(application, application.turns.submit(key, "two"))
    assert (first.model, second.model) == ("scripted/one", "scripted/two")


def test_messages_sent_quickly_are_answered_in_order(application):
    key = new_session(application)
    finish(application, *[application.turns.submit(key, f"count {n}") for n in (30, 20, 10)])
    assert said(application, key) == [
        pair for n in (30, 20, 10) for pair in (("user", f"count {n}"), ("assistant", counted(n)))
    ]


def test_sessions_run_side_by_side_and_never_mix(application):
    keys = [new_session(application) for _ in range(8)]
    turns = [application.turns.submit(key, f"count {n + 20} every 1 ms") for n, key in enumerate(keys)]
    finish(application, *turns)
    for n, key in enumerate(keys):
        assert said(application, key)[1] == ("assistant", counted(n + 20))


def test_the_number_of_running_turns_is_limited(tmp_path):
    application = open_application(tmp_path, max_turns=2)
    running = [application.turns.submit(new_session(application), "count 1 then wait") for _ in range(2)]
    until(application, lambda: all(_status(application, turn) is TurnStatus.RUNNING for turn in running))
    waiting = application.turns.submit(new_session(application), "hello")
    assert application.store.sessions.get(waiting.key.session_id).status is SessionStatus.QUEUED
    application.turns.stop(running[0].id)
    assert finish(application, waiting)[0].status is TurnStatus.COMPLETED
    application.close()


def test_a_client_that_reconnects_sees_the_whole_text_so_far(application):
    key = new_session(application)
    turn = application.turns.submit(key, "count 5 then wait")
    until(application, lambda: _text(application, key) == counted(5))
    assert application.store.sessions.get(key.session_id).status is SessionStatus.RUNNING
    application.turns.stop(turn.id)


def test_stop_keeps_the_text_so_far_and_the_model_sees_it_next(application):
    key = new_session(application)
    turn = application.turns.submit(key, "count 5 then wait")
    until(application, lambda: _text(application, key) == counted(5))
    application.turns.stop(turn.id)
    [turn] = finish(application, turn)
    assert turn.status is TurnStatus.STOPPED
    answer = conversation(application, key)[-1]
    assert (answer.text, answer.partial) == (counted(5), True)
    finish(application, application.turns.submit(key, "history"))
    assert f"model: {counted(5)}" in conversation(application, key)[-1].text


@pytest.mark.parametrize("message", ["think 2 then wait", "think 2 then count 1 then wait"])
def test_a_stopped_answer_keeps_its_thoughts_as_they_were_shown(application, message):
    key = new_session(application)
    turn = application.turns.submit(key, message.replace("think 2 then wait", "think 2 then count 0 then wait"))
    words = "count" in message
    until(application, lambda: any(view.pieces and bool(view.text) is words for view in application.turns.live(key)))
    until(application, lambda: "t1" in application.turns.live(key)[0].pieces[0][1])
    [view] = application.turns.live(key)
    application.turns.stop(turn.id)
    finish(application, turn)
    assert [part.text.strip() for part in conversation(application, key)[-1].parts] == [
        part.text.strip() for part in view.shown
    ]
    [again] = finish(application, application.turns.submit(key, "count 1"))
    assert again.status is TurnStatus.COMPLETED


def test_a_queued_message_can_be_withdrawn(application):
    key = new_session(application)
    first = application.turns.submit(key, "count 1 then wait")
    second = application.turns.submit(key, "never mind")
    application.turns.stop(second.id)
    assert application.store.turns.get(second.id).status is TurnStatus.STOPPED
    application.turns.stop(first.id)
    finish(application, first)
    assert "never mind" not in [text for _, text in said(application, key)]


def test_a_failure_ends_only_its_own_turn_and_gives_the_reason(application):
    key = new_session(application)
    failed, next_one = (application.turns.submit(key, text) for text in ("count 3 then fail", "hello"))
    failed, next_one = finish(application, failed, next_one)
    assert (failed.status, failed.error) == (TurnStatus.FAILED, "The scripted model failed as it was told to.")
    assert next_one.status is TurnStatus.COMPLETED
    assert said(application, key)[1] == ("assistant", counted(3))


def test_an_unavailable_model_fails_the_turn_and_keeps_the_message(application):
    key = new_session(application)
    application.store.sessions.set_model(key, "scripted/none")
    [turn] = finish(application, application.turns.submit(key, "hello"))
    assert (turn.status, turn.error) == (TurnStatus.FAILED, "Set COLLOQUY_NOT_HERE to use this model.")
    assert said(application, key) == [("user", "hello")]


def test_retry_rewinds_the_failed_answer(application):
    key = new_session(application)
    [failed] = finish(application, application.turns.submit(key, "count 3 then fail"))
    finish(application, application.turns.retry(failed))
    assert said(application, key) == [("user", "count 3 then fail"), ("assistant", counted(3))]
    assert application.store.turns.get(failed.id).rewound


def test_an_edited_message_replaces_the_old_one_for_the_model_too(application):
    key = new_session(application)
    finish(application, application.turns.submit(key, "first"))
    [turn] = finish(application, application.turns.submit(key, "tpyo"))
    finish(application, application.turns.replace(turn, "history"))
    shown = conversation(application, key)[-1].text
    assert "user: first" in shown
    assert "tpyo" not in shown
    assert [text for author, text in said(application, key) if author == "user"] == ["first", "history"]


def test_a_running_conversation_cannot_be_rewritten(application):
    key = new_session(application)
    [done] = finish(application, application.turns.submit(key, "hello"))
    running = application.turns.submit(key, "count 1 then wait")
    session = application.store.sessions.get(key.session_id)
    for change in (
        lambda: application.turns.replace(done, "other"),
        lambda: application.record(session, lambda _: ([], [])),
    ):
        with pytest.raises(SessionBusyError, match="Stop the running answer"):
            change()
    application.turns.stop(running.id)


def test_a_blank_message_is_refused(application):
    with pytest.raises(EmptyMessageError):
        application.turns.submit(new_session(application), " \n ")


def test_a_message_to_a_deleted_session_is_refused(application):
    key = new_session(application)
    application.delete_sessions([key])
    with pytest.raises(SessionGoneError, match="deleted"):
        application.turns.submit(key, "hello")


def test_deleting_a_session_stops_its_turns(application):
    key = new_session(application)
    turn = application.turns.submit(key, "count 1 then wait")
    until(application, lambda: _text(application, key))
    application.delete_sessions([key])
    assert finish(application, turn)[0].status is TurnStatus.STOPPED


def test_the_bus_announces_the_status_and_the_text_of_a_turn(application):
    key, heard = new_session(application), []
    unsubscribe = application.bus.subscribe(heard.append)
    [turn] = finish(application, application.turns.submit(key, "think 2 then count 3"))
    unsubscribe()
    changes = [event for event in heard if event.kind is EventKind.TURN_CHANGED]
    assert [status for status, _ in groupby(event.status for event in changes)] == [
        TurnStatus.QUEUED,
        TurnStatus.RUNNING,
        TurnStatus.COMPLETED,
    ]
    *chunks, last = [event for event in heard if event.kind is EventKind.AGENT_CHUNK]
    assert (last.key, last.turn_id, last.text) == (key, turn.id, "")  # announces that there is nothing more
    answer = conversation(application, key)[-1]
    assert {(event.key, event.turn_id, event.event_id, event.author) for event in chunks} == {
        (key, turn.id, answer.id, "assistant")
    }
    assert "".join(event.text for event in chunks if event.is_thought) == "t0 t1 "
    assert "".join(event.text for event in chunks if not event.is_thought) == answer.text


class TestTitles:
    def test_the_first_words_become_the_title_at_once(self, application):
        key = new_session(application)
        application.turns.submit(key, "What is\nthe capital of France?")
        session = application.store.sessions.get(key.session_id)
        assert (session.title, session.title_source) == ("What is the capital of France?", TitleSource.WORDS)

    def test_the_model_writes_a_better_one(self, application):
        key = new_session(application)
        application.turns.submit(key, "title me")
        until(application, lambda: application.store.sessions.get(key.session_id).title == "About title")

    def test_a_query_is_titled_by_what_it_asks_for(self, application):
        key = new_session(application)
        application.turns.submit(key, "/sql select month, revenue from sales")
        until(application, lambda: application.store.sessions.get(key.session_id).title == "Revenue by month")

    def test_a_title_set_by_the_user_stays(self, application):
        key = new_session(application)
        application.rename_session(key, "Mine")
        finish(application, application.turns.submit(key, "title me"))
        assert not application.store.sessions.rename(key, "About title", TitleSource.MODEL)
        assert application.store.sessions.get(key.session_id).title == "Mine"


class TestShutdown:
    def test_running_turns_end_as_interrupted_and_keep_their_text(self, tmp_path):
        application = open_application(tmp_path)
        key = new_session(application)
        turn = application.turns.submit(key, "count 4 then wait")
        until(application, lambda: _text(application, key) == counted(4))
        application.close()

        application = open_application(tmp_path)
        assert application.store.turns.get(turn.id).status is TurnStatus.INTERRUPTED
        assert said(application, key) == [("user", "count 4 then wait"), ("assistant", counted(4))]
        application.close()

    def test_queued_messages_are_kept(self, tmp_path):
        application = open_application(tmp_path)
        key = new_session(application)
        application.turns.submit(key, "count 1 then wait")
        waiting = application.turns.submit(key, "later")
        application.close()

        application = open_application(tmp_path)
        assert application.store.turns.get(waiting.id).status is TurnStatus.INTERRUPTED
        assert said(application, key)[-1] == ("user", "later")
        application.close()


def _status(application, turn):
    return application.store.turns.get(turn.id).status


def _text(application, key):
    return "".join(view.text for view in application.turns.live(key))


class TestModelOfATurn:
    @pytest.mark.parametrize(
        ("message", "model"),
        [
            ("/sql select 42 as n", None),
            ("select count(*) from orders", None),
            ("/chart select country, count(*) from customers group by 1", None),
            ("/sql", None),
            ("hello", "scripted/one"),
        ],
    )
    def test_a_query_is_answered_without_a_model(self, application, message, model):
        key = new_session(application, "data_analyst", workspace_id=SAMPLE_SHOP)
        [turn] = finish(application, application.turns.submit(key, message))
        assert (turn.status, turn.model) == (TurnStatus.COMPLETED, model)

    def test_an_unknown_command_is_answered_without_a_model(self, application):
        key = new_session(application)
        [turn] = finish(application, application.turns.submit(key, "/sql select 1"))
        assert turn.model is None

    def test_a_query_to_an_agent_without_data_is_an_ordinary_message(self, application):
        key = new_session(application)
        [turn] = finish(application, application.turns.submit(key, "select 1 from nowhere"))
        assert turn.model == "scripted/one"
