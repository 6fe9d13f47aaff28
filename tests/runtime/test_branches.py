"""A branch continues from any message of a session and leaves that session unchanged."""

import pytest
from google.genai import types

from colloquy.runtime.bus import EventKind
from session_store.errors import HistoryError
from tests.support.applications import conversation, finish, new_session, said


def test_a_branch_has_the_messages_so_far_and_continues_independently(application):
    key = new_session(application)
    for text in ("one", "two"):
        finish(application, application.turns.submit(key, text))
    whole = said(application, key)
    branch = application.branch_session(key, conversation(application, key)[1].id)
    assert said(application, branch.key) == whole[:2]
    finish(application, application.turns.submit(branch.key, "three"))
    assert [text for _, text in said(application, branch.key)][2:] == ["three", "You said: three"]
    assert said(application, key) == whole


def test_a_branch_is_announced_and_active(application):
    key = new_session(application)
    finish(application, application.turns.submit(key, "one"))
    heard = []
    application.bus.subscribe(heard.append)
    branch = application.branch_session(key, conversation(application, key)[-1].id)
    kinds = [event.kind for event in heard if event.key == branch.key]
    assert kinds == [EventKind.SESSION_CREATED, EventKind.SESSION_LIST_CHANGED]
    assert branch.key in [active.session.key for active in application.active_sessions()]


async def test_a_branch_includes_files_that_agents_made(application):
    key = new_session(application)
    finish(application, application.turns.submit(key, "one"))
    made = types.Part(text="a report")
    await application.artifacts.save_artifact(
        app_name=key.app_name, user_id=key.user_id, session_id=key.session_id, filename="report.txt", artifact=made
    )
    branch = application.branch_session(key, conversation(application, key)[-1].id)
    application.artifacts.delete_files([key])
    found = await application.artifacts.load_artifact(
        app_name=key.app_name, user_id=key.user_id, session_id=branch.key.session_id, filename="report.txt"
    )
    assert found.text == "a report"


def test_a_branch_at_an_unknown_message_is_refused(application):
    key = new_session(application)
    finish(application, application.turns.submit(key, "one"))
    with pytest.raises(HistoryError, match="Choose another one"):
        application.branch_session(key, "no such message")
