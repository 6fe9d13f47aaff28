"""A step describes the outcome of its call."""

from __future__ import annotations

import pytest

from colloquy.agents.data.errors import QueryStoppedError
from colloquy.ui.chat.steps import step_line
from session_store.sessions.tool_columns import ABORTED, ENDED, NOT_IMPORTED, STOPPED
from session_store.transcripts.transcript import Step


def step(name="find_trains", **fields):
    return Step(**{"call_id": "c", "name": name, "author": "a", "args": {}, "response": None, "at": 1.0, **fields})


@pytest.mark.parametrize("reason", [NOT_IMPORTED, STOPPED, ABORTED, ENDED])
def test_an_unanswered_call_has_not_failed(reason):
    assert step_line(step(response={"error": reason}), running=False) == "Calling find\\_trains · no answer"


@pytest.mark.parametrize("reason", [NOT_IMPORTED, ENDED])
def test_an_unanswered_query_has_not_failed(reason):
    assert step_line(step("run_sql", response={"error": reason}), running=False) == "Running a query · no answer"


@pytest.mark.parametrize("reason", [STOPPED, ABORTED, *QueryStoppedError.WORDS])
@pytest.mark.parametrize("name", ["run_sql", "make_chart"])
def test_a_query_stopped_by_the_user_has_not_failed(name, reason):
    stopped = step(name, args={"title": "Sales"}, response={"error": reason})
    assert step_line(stopped, running=False) == "The query was stopped\\: Sales"


def test_a_tool_that_returns_an_error_has_failed():
    assert step_line(step("run_sql", response={"error": "No such table."}), running=False) == "The query failed"
