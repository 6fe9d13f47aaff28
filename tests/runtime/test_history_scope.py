"""A chat about part of the history: the agent knows the scope, its queries see nothing else, and the scope never
changes."""

import re
from datetime import UTC, datetime

import pytest

from colloquy.agents.data.history_scope import STATE, scope_in
from colloquy.demo import fill
from colloquy.runtime.application import DATABASE
from session_store.history.filters import HistoryFilter
from session_store.models import TurnStatus
from tests.support.applications import finish, open_application, said

SCOPE = HistoryFilter(agents=frozenset({"assistant"}), saved=True)
COUNT = "/sql select count(*) as n from history.conversations"


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    fill(folder / DATABASE, sessions=100, until=datetime.now(UTC).date())
    application = open_application(folder)
    yield application
    application.close()


@pytest.fixture
def expected(application):
    rows = application.workspaces.history().query(
        "select count(*) filter (agent = 'assistant' and saved), count(*) from conversations"
    )
    some, everything = (column[0].as_py() for column in rows.table.columns)
    assert 0 < some < everything
    return some


def ask(application, message, state, model="scripted/one"):
    session = application.create_session(agent_id="history_analyst", model=model, state=state)
    turn = finish(application, application.turns.submit(session.key, message))[0]
    return session.key, turn


@pytest.mark.parametrize("model", ["scripted/one", "scripted/small"])
def test_a_query_sees_only_the_chosen_conversations(application, expected, model):
    key, turn = ask(application, COUNT, {STATE: SCOPE.as_values()}, model)
    assert turn.status is TurnStatus.COMPLETED
    author, answer = said(application, key)[-1]
    assert author == "history_analyst"
    assert re.fullmatch(rf"\*\*n\*\*: {expected} As of \d\d:\d\d:\d\d UTC\.", answer)


def test_a_query_guessed_by_a_small_model_sees_only_the_chosen_conversations(application, expected):
    question = "How many? guess select count(*) as n from conversations"
    key, _ = ask(application, question, {STATE: SCOPE.as_values()}, "scripted/small")
    assert f"**n**: {expected}" in said(application, key)[-1][1]


def test_a_query_called_by_a_model_sees_only_the_chosen_conversations(application, expected):
    call = 'call run_sql {"sql": "select count(*) as n from conversations"}'
    key, _ = ask(application, call, {STATE: SCOPE.as_values()})
    assert f'"rows": [[{expected}]]' in said(application, key)[-1][1]


def test_running_a_result_again_stays_within_the_scope(application, expected):
    key, _ = ask(application, COUNT, {STATE: SCOPE.as_values()})
    [result] = application.store.results.list(key).items
    again = application.rerun(result).result()
    assert application.store.results.data(again.id) == application.store.results.data(result.id)


def test_the_agent_is_told_the_scope(application):
    key, _ = ask(application, "instruction", {STATE: SCOPE.as_values()})
    assert "agent assistant; saved only." in said(application, key)[-1][1]


def test_without_a_scope_everything_is_visible_and_the_agent_is_told_nothing(application):
    key, _ = ask(application, "instruction", None)
    assert "chose a part" not in said(application, key)[-1][1]


def test_an_unreadable_scope_blocks_every_query(application):
    key, turn = ask(application, COUNT, {STATE: {"agent": "assistant"}})
    assert turn.status is TurnStatus.FAILED
    assert "Start a new chat from the page with the filters" in turn.error
    assert application.store.results.list(key).items == ()


def test_a_branch_of_the_chat_has_the_same_scope(application, expected):
    key, _ = ask(application, COUNT, {STATE: SCOPE.as_values()})
    last = application.store.events.list(key)[-1].event
    branch = application.store.sessions.branch(key, last.id, "a-branch")
    assert scope_in(application.store.sessions.state(branch.key)) == SCOPE
