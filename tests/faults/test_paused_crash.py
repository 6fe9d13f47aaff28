"""``kill -9`` while a tool asks the user: the question survives. While the tool runs: the turn ends as interrupted."""

import multiprocessing
from contextlib import closing

from session_store.models import SessionStatus, TurnStatus
from session_store.transcripts.transcript import ASKS
from tests.agents.folders import agent_folders
from tests.runtime import desk
from tests.support import crash_driver
from tests.support.applications import finish, open_application, until_loaded


def killed_after(target, *arguments):
    """Run it in a separate process, kill that after its first report, and return the report."""
    context = multiprocessing.get_context("spawn")
    listener, teller = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(*arguments, teller), daemon=True)
    process.start()
    teller.close()
    try:
        assert listener.poll(60), "the process fell silent"
        return listener.recv()
    finally:
        process.kill()
        process.join()
        listener.close()


def calls_and_responses(application, key):
    events = [stored.event for stored in application.store.events.list(key, limit=100)]
    calls = {call.id: call for event in events for call in event.get_function_calls()}
    responses = {answer.name: answer.response for event in events for answer in event.get_function_responses()}
    answered = {answer.id for event in events for answer in event.get_function_responses()}
    return calls, responses, answered


def test_a_question_survives_a_crash_and_its_tool_does_not_run_twice(tmp_path):
    data = tmp_path / "data"
    with agent_folders(tmp_path) as write:
        write("killed_desk", desk.PLAIN)
        key, turn_id = killed_after(crash_driver.ask_and_wait, data, write.parent, "killed_desk", "call hang")
        with closing(open_application(data, agents_dir=write.parent)) as application:
            [view] = application.turns.live(key)
            assert (view.turn.id, view.status) == (turn_id, TurnStatus.PAUSED)
            assert application.store.sessions.get(key.session_id).status is SessionStatus.PAUSED
            calls, _, _ = calls_and_responses(application, key)
            [question] = [call.id for call in calls.values() if call.name == ASKS]

        killed_after(crash_driver.approve, data, write.parent, turn_id, question)
        with closing(open_application(data, agents_dir=write.parent)) as application:
            until_loaded(application)
            assert application.turns.live(key) == []
            assert application.store.turns.get(turn_id).status is TurnStatus.INTERRUPTED
            calls, responses, answered = calls_and_responses(application, key)
            assert set(calls) == answered
            assert responses["hang"] == {"error": "Colloquy ended before the tool had answered."}
            assert finish(application, application.turns.submit(key, "hello"))[0].error is None
