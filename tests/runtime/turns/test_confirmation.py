"""A tool asks the user: the turn waits, continues with the answer, and leaves a history that every model accepts."""

import asyncio
import sys
from contextlib import closing

import pytest
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.genai import types

from colloquy.runtime.turns.confirmation import NothingToAnswerError
from colloquy.runtime.turns.turns import SessionBusyError
from session_store.models import SessionStatus, TurnStatus
from session_store.transcripts.open_calls import confirmation_content, questions
from session_store.transcripts.transcript import ASKS
from tests.runtime import desk
from tests.runtime.desk import asked, events
from tests.support.applications import conversation, finish, new_session, open_application, said, until, until_loaded

pytestmark = pytest.mark.upstream


@pytest.fixture(params=["PLAIN", "RESUMABLE"])
def start(request, opened):
    return opened(getattr(desk, request.param))


def ask(application, name, message):
    key = new_session(application, name)
    turn = application.turns.submit(key, message)
    until(application, lambda: status(application, turn) is TurnStatus.PAUSED)
    return key, turn


def status(application, turn):
    """The status of the turn, which must be the same in memory and in the store."""
    live = [view.status for view in application.turns.live(turn.key) if view.turn.id == turn.id]
    stored = application.store.turns.get(turn.id).status
    return stored if live in ([], [stored]) else None


def responses(application, key):
    """The latest answer of each tool, by name."""
    return {
        response.name: response.response
        for event in events(application, key)
        for response in event.get_function_responses()
        if response.name != ASKS
    }


def goes_on(application, key):
    """Whether the next message is answered by a model that requires an answer to every call."""
    [turn] = finish(application, application.turns.submit(key, "hello"))
    calls = {call.id for event in events(application, key) for call in event.get_function_calls()}
    answered = {response.id for event in events(application, key) for response in event.get_function_responses()}
    return turn.error is None and said(application, key)[-1][1] == "You said: hello" and calls == answered


def test_an_approved_tool_runs_and_the_turn_continues_under_its_id(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    assert application.store.sessions.get(key.session_id).status is SessionStatus.PAUSED
    application.turns.answer(turn.id, asked(application, key)["pay"], True)
    [ended] = finish(application, turn)
    assert (ended.status, ended.error) == (TurnStatus.COMPLETED, None)
    assert responses(application, key) == {"pay": {"paid": 5}}
    assert said(application, key) == [("user", 'call pay {"amount": 5}'), ("clerk", 'pay answered {"paid": 5}')]
    assert {event.invocation_id for event in events(application, key)} == {turn.id}
    assert ended.started_at <= ended.first_token_at <= ended.ended_at
    assert ended.output_tokens > 1
    assert goes_on(application, key)


def test_a_turn_stopped_just_as_its_tool_starts_to_ask_does_not_wait(start, monkeypatch):
    name, open_it = start
    application = open_it()
    update_turn = application.store.turns.update

    def stopped_meanwhile(turn_id, **fields):
        if fields.get("status") is TurnStatus.PAUSED:
            application.turns._loop._executions[turn_id].stop()
        update_turn(turn_id, **fields)

    monkeypatch.setattr(application.store.turns, "update", stopped_meanwhile)
    key = new_session(application, name)
    [turn] = finish(application, application.turns.submit(key, 'call pay {"amount": 5}'))
    assert turn.status is TurnStatus.STOPPED
    assert goes_on(application, key)


def test_a_declined_tool_does_not_run(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    application.turns.answer(turn.id, asked(application, key)["pay"], False)
    assert finish(application, turn)[0].status is TurnStatus.COMPLETED
    assert responses(application, key) == {"pay": {"error": "This tool call is rejected."}}
    assert goes_on(application, key)


def test_a_tool_that_asks_on_its_own_gets_the_answer(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call book {"days": 3}')
    application.turns.answer(turn.id, asked(application, key)["book"], True)
    finish(application, turn)
    assert responses(application, key) == {"book": {"booked": 3}}
    assert goes_on(application, key)


def test_a_question_can_be_answered_by_the_id_of_its_call(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    [call] = [call for event in events(application, key) for call in event.get_function_calls() if call.name == "pay"]
    application.turns.answer(turn.id, call.id, True)
    finish(application, turn)
    assert responses(application, key) == {"pay": {"paid": 5}}


def test_two_tools_that_ask_at_once_run_when_both_are_answered(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5} and call book {"days": 3} and call look_up')
    questions = asked(application, key)
    application.turns.answer(turn.id, questions["pay"], True)
    [view] = application.turns.live(key)
    assert (view.status, view.answers) == (TurnStatus.PAUSED, {questions["pay"]: True})
    application.turns.answer(turn.id, questions["book"], False)
    assert finish(application, turn)[0].status is TurnStatus.COMPLETED
    assert responses(application, key) == {
        "pay": {"paid": 5},
        "book": {"status": "not booked"},
        "look_up": {"found": 7},
    }
    assert goes_on(application, key)


def test_stopping_a_turn_declines_its_question(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    application.turns.stop(turn.id)
    assert finish(application, turn)[0].status is TurnStatus.STOPPED
    assert responses(application, key) == {"pay": {"error": "The user stopped this before the tool had answered."}}
    with pytest.raises(NothingToAnswerError):
        application.turns.answer(turn.id, asked(application, key)["pay"], True)
    assert goes_on(application, key)


def test_questions_and_the_turns_queued_behind_them_survive_a_restart(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5} and call book {"days": 3}')
    application.turns.answer(
        turn.id, asked(application, key)["book"], True
    )  # is asked again, because the other one was not answered
    later = application.turns.submit(key, "later")
    application = open_it()
    assert [view.status for view in application.turns.live(key)] == [TurnStatus.PAUSED, TurnStatus.QUEUED]
    assert application.store.sessions.get(key.session_id).status is SessionStatus.PAUSED
    for question in asked(application, key).values():
        application.turns.answer(turn.id, question, True)
    turn, later = finish(application, turn, later)
    assert (turn.status, later.status) == (TurnStatus.COMPLETED, TurnStatus.COMPLETED)
    assert responses(application, key) == {"pay": {"paid": 5}, "book": {"booked": 3}}
    assert said(application, key)[-1] == ("clerk", "You said: later")
    assert goes_on(application, key)


def test_a_waiting_turn_can_be_stopped_after_a_restart(start):
    name, open_it = start
    key, turn = ask(open_it(), name, 'call pay {"amount": 5}')
    application = open_it()
    application.turns.stop(turn.id)
    assert finish(application, turn)[0].status is TurnStatus.STOPPED
    assert goes_on(application, key)


def test_messages_sent_while_a_question_is_open_wait_for_the_answer(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    later = application.turns.submit(key, "later")
    assert [view.status for view in application.turns.live(key)] == [TurnStatus.PAUSED, TurnStatus.QUEUED]
    application.turns.answer(turn.id, asked(application, key)["pay"], True)
    finish(application, turn, later)
    assert [text for _, text in said(application, key)][1:] == ['pay answered {"paid": 5}', "later", "You said: later"]


def test_a_waiting_turn_does_not_count_against_the_turn_limit(opened, tmp_path, agent_folder):
    name = "waiting_desk"
    agent_folder(name, desk.PLAIN)
    with closing(open_application(tmp_path / "data", agents_dir=agent_folder.parent, max_turns=1)) as application:
        until_loaded(application)
        for _ in range(2):
            key, turn = ask(application, name, 'call pay {"amount": 5}')
        running = application.turns.submit(new_session(application), "count 1 then wait")
        until(application, lambda: status(application, running) is TurnStatus.RUNNING)
        question = asked(application, key)["pay"]
        application.turns.answer(turn.id, question, True)
        until(application, lambda: application.turns.live(key)[0].status is TurnStatus.QUEUED)  # now it needs one again
        assert application.turns.live(key)[0].answers == {question: True}
        application.turns.stop(running.id)
        assert finish(application, turn)[0].error is None


def test_a_chat_cannot_be_changed_while_a_turn_waits_for_an_answer(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    session = application.store.sessions.get(key.session_id)
    for change in (
        lambda: application.turns.retry(turn),
        lambda: application.turns.replace(turn, "other"),
        lambda: application.record(session, lambda _: ([], [])),
    ):
        with pytest.raises(SessionBusyError, match="Answer the tool's request, or stop it"):
            change()
    application.turns.stop(turn.id)
    finish(application, turn, application.turns.replace(turn, "other"))
    assert said(application, key) == [("user", "other"), ("clerk", "You said: other")]


def test_deleting_a_session_ends_its_waiting_turns(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    application.delete_sessions([key])
    assert finish(application, turn)[0].status is TurnStatus.STOPPED
    application.restore_sessions([key])
    assert goes_on(application, key)


def test_an_approved_tool_that_fails_ends_the_turn_with_its_error(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, "call fail_after")
    application.turns.answer(turn.id, asked(application, key)["fail_after"], True)
    [ended] = finish(application, turn)
    assert ended.status is TurnStatus.FAILED
    assert "the archive is closed" in ended.error
    assert goes_on(application, key)


def test_a_question_can_be_answered_only_once(start):
    name, open_it = start
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    question = asked(application, key)["pay"]
    application.turns.answer(turn.id, question, True)
    finish(application, turn)
    with pytest.raises(NothingToAnswerError, match="already answered"):
        application.turns.answer(turn.id, question, False)
    with pytest.raises(NothingToAnswerError):
        application.turns.answer("no-such-turn", question, False)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (desk.WITH_SUB_AGENT, 'call transfer_to_agent {"agent_name": "clerk"}'),
        (desk.IN_SEQUENCE, None),
        (desk.WORKFLOW, None),
    ],
)
def test_an_agent_inside_an_agent_may_ask(opened, code, message):
    name, open_it = opened(code)
    application = open_it()
    key = new_session(application, name)
    if message:
        finish(application, application.turns.submit(key, message))
    turn = application.turns.submit(key, 'call pay {"amount": 5}')
    until(application, lambda: status(application, turn) is TurnStatus.PAUSED)
    application.turns.answer(turn.id, asked(application, key)["pay"], True)
    [ended] = finish(application, turn)
    assert (ended.status, ended.error) == (TurnStatus.COMPLETED, None)
    assert responses(application, key)["pay"] == {"paid": 5}


def test_parallel_agents_may_both_ask(opened):
    name, open_it = opened(desk.IN_PARALLEL)
    application = open_it()
    key, turn = ask(application, name, 'call pay {"amount": 5}')
    questions = [
        call.id for event in events(application, key) for call in event.get_function_calls() if call.name == ASKS
    ]
    assert len(questions) == 2
    for question in questions:
        application.turns.answer(turn.id, question, True)
    [ended] = finish(application, turn)
    assert (ended.status, ended.error) == (TurnStatus.COMPLETED, None)
    assert sorted(author for author, text in said(application, key) if text == 'pay answered {"paid": 5}') == [
        "clerk",
        "other",
    ]


TALK = [
    ('call pay {"amount": 5}', True),
    ('call book {"days": 3}', False),
    ('call pay {"amount": 5} and call book {"days": 3} and call look_up', True, False),
    ('call book {"days": 4} and call pay {"amount": 6}', False, True),
    ("hello",),
]
BOTH_ASK = [('call pay {"amount": 5}', True, False), ('call pay {"amount": 6}', True, True), ("hello",)]
"""Messages, and the user's answers to the questions that each one causes."""


async def kept_by_adk(name, talk):
    """The same conversation with the same agent, run and stored by ADK alone. Given answers for several agents in one
    message, ADK would continue only the first, so each gets its own message."""
    module, service, where = sys.modules[f"{name}.agent"], InMemorySessionService(), {"user_id": "u", "session_id": "s"}
    served = {"app": module.app} if hasattr(module, "app") else {"agent": module.root_agent}
    runner = Runner(app_name=name, session_service=service, **served)
    await service.create_session(app_name=name, **where)

    async def run(message):
        async for _ in runner.run_async(new_message=message, **where):
            pass
        return (await service.get_session(app_name=name, **where)).events

    for message, *answers in talk:
        asked = questions(await run(types.Content(role="user", parts=[types.Part(text=message)])))
        by_agent = {}
        for (call_id, question), answer in zip(asked.items(), answers, strict=True):
            by_agent.setdefault(question.branch, {})[call_id] = {"confirmed": answer}
        for given in by_agent.values():
            await run(confirmation_content(given))
    return (await service.get_session(app_name=name, **where)).events


def comparable(events):
    """The content of events, with ids replaced by numbers in order of appearance and without times."""
    numbers = {}

    def told(value):
        if isinstance(value, dict):
            return {told(name): told(one) for name, one in value.items()}
        if isinstance(value, list):
            return [told(one) for one in value]
        return numbers.get(value, value) if isinstance(value, str) else value

    for event in events:
        calls = [call.id for call in event.get_function_calls()]
        for one in (event.invocation_id, *calls):
            numbers.setdefault(one, len(numbers))
    without = {"id", "timestamp", "long_running_tool_ids"}  # the last is an unordered set
    return [
        (
            told(event.model_dump(mode="json", exclude_none=True, exclude=without)),
            {numbers[call] for call in event.long_running_tool_ids or ()},
        )
        for event in events
    ]


@pytest.mark.parametrize(
    ("code", "talk"),
    [(desk.PLAIN, TALK), (desk.RESUMABLE, TALK), (desk.WORKFLOW, TALK), (desk.IN_PARALLEL, BOTH_ASK)],
    ids=["plain", "resumable", "workflow", "in parallel"],
)
def test_questions_and_answers_are_stored_as_adk_stores_them(opened, code, talk):
    name, open_it = opened(code)
    application = open_it()
    key = new_session(application, name)
    for message, *answers in talk:
        turn = application.turns.submit(key, message)
        until(application, lambda turn=turn: status(application, turn) in (TurnStatus.PAUSED, TurnStatus.COMPLETED))
        for question, answer in zip(questions(events(application, key)), answers, strict=True):
            application.turns.answer(turn.id, question, answer)
        assert finish(application, turn)[0].status is TurnStatus.COMPLETED
    ours = comparable(events(application, key))
    assert ours == comparable(asyncio.run(kept_by_adk(name, talk)))
    read = application.sessions.get_session(app_name=key.app_name, user_id=key.user_id, session_id=key.session_id)
    assert ours == comparable(asyncio.run(read).events)


@pytest.mark.parametrize("code", [desk.PLAIN, desk.RESUMABLE, desk.WITH_SUB_AGENT, desk.WORKFLOW])
class TestOtherTools:
    """Tools that outlast their turn and tools that fail, in agents and in nested agents."""

    @pytest.fixture
    def desk_of(self, opened, code):
        name, open_it = opened(code)
        application = open_it()
        key = new_session(application, name)
        if code == desk.WITH_SUB_AGENT:
            finish(application, application.turns.submit(key, 'call transfer_to_agent {"agent_name": "clerk"}'))
        return application, key

    def test_a_long_running_tool_without_an_answer_ends_the_turn_and_the_session_continues(self, desk_of):
        application, key = desk_of
        [turn] = finish(application, application.turns.submit(key, "call ticket"))
        assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
        step = conversation(application, key)[-1].steps[-1]
        assert (step.name, step.waits, step.error, step.response, step.seconds) == ("ticket", True, None, None, None)
        assert goes_on(application, key)

    def test_the_model_answers_once_a_long_running_tool_has_started(self, desk_of):
        application, key = desk_of
        [turn] = finish(application, application.turns.submit(key, "call order"))
        assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
        assert responses(application, key)["order"] == {"status": "pending", "ticket": 12}
        assert said(application, key)[-1][1].startswith("order answered")
        step = conversation(application, key)[-1].steps[-1]
        assert (step.name, step.waits, step.error) == ("order", True, None)
        assert goes_on(application, key)

    def test_a_failing_tool_ends_the_turn_with_its_error_and_the_session_continues(self, desk_of):
        application, key = desk_of
        [turn] = finish(application, application.turns.submit(key, "call breaks"))
        assert turn.status is TurnStatus.FAILED
        assert turn.error == "The agent failed: the archive is closed"
        assert goes_on(application, key)

    def test_an_unknown_tool_ends_the_turn_and_the_session_continues(self, desk_of):
        application, key = desk_of
        finish(application, application.turns.submit(key, "call no_such_tool"))
        assert goes_on(application, key)
