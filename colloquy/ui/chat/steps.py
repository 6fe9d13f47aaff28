"""The tool calls of an answer, as collapsed steps."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from colloquy.agents.data.errors import QueryStoppedError
from colloquy.runtime.turns.abnormal_endings import OPEN_CALL
from colloquy.ui import long_texts
from colloquy.ui.formatting import duration, label, plain_markdown
from session_store.models import Turn, TurnStatus
from session_store.phrases import counted
from session_store.sessions.tool_columns import ABORTED, NOT_ANSWERED, STOPPED
from session_store.transcripts.transcript import Step

NOTABLE = 0.05
"""Seconds from which the duration of a tool call is shown."""

SHORT = 60
"""Maximum number of characters for JSON on a single line."""

WORDS = {
    "list_tables": ("Listing the tables", "Listed the tables", "Listing the tables failed"),
    "describe_table": ("Describing a table", "Described a table", "Describing a table failed"),
    "run_sql": ("Running a query", "Ran a query", "The query failed"),
    "make_chart": ("Drawing a chart", "Drew a chart", "Drawing the chart failed"),
    "transfer_to_agent": ("Handing over", "Handed over", "Handing over failed"),
}
"""The name of a tool while it runs, when it is done, and when it has failed."""

TABLED = ("run_sql", "make_chart")
"""Tools whose response is a table or chart, which is shown in full below the steps."""

OBJECTS = {"describe_table": "table", "make_chart": "title", "run_sql": "title", "transfer_to_agent": "agent_name"}
"""The argument that says what a call is about."""


def steps_view(
    steps: Sequence[Step], turn: Turn | None, place: str, *, running: bool = False, opened: Collection[str] = ()
) -> None:
    """Draws steps in order, each as one line that expands.

    ``place`` identifies them on their page. ``running`` tells whether their turn is still running. The steps of the
    calls with the ids in ``opened`` are expanded.
    """
    for number, step in enumerate(steps):
        under_way = running and step.response is None
        with st.expander(
            step_line(step, running=under_way),
            type="step",
            icon=_icon(step, running=under_way),
            expanded=step.guessed or step.call_id in opened,  # the user should read a guess before trusting its result
        ):
            arguments(step, f"{place}-{number}-arguments")
            _outcome(step, turn, f"{place}-{number}-outcome", running=under_way)


def step_line(step: Step, *, running: bool) -> str:
    """Returns one line about a step: what was done, on what, and how it went."""
    doing, done, failed = WORDS.get(step.name, (f"Calling {step.name}", step.name, f"{step.name} failed"))
    is_failed = (step.error or step.response is None) and step.approved is not False and not step.waits
    unanswered = _is_unanswered(step)
    words = doing if running or unanswered else failed if is_failed else done
    if _was_stopped(step) and step.name in TABLED:
        words = "The query was stopped"
    subject = step.args.get(OBJECTS.get(step.name, ""))
    if isinstance(subject, str) and subject.strip():
        words += f": {_shortened(subject.strip(), 80)}"
    facts = [words]
    if step.approved is not None:
        facts.append("approved" if step.approved else "declined")
    if step.waits:
        facts.append("waiting for its result")
    elif unanswered and words == doing:
        facts.append("no answer")
    if found := _found(step.response or {}):
        facts.append(found)
    if step.seconds is not None and step.seconds >= NOTABLE and step.approved is not False:
        facts.append(duration(step.seconds))
    return " · ".join(label(fact) for fact in facts)


def _is_unanswered(step: Step) -> bool:
    """Returns whether no answer will arrive anymore: the tool has neither succeeded nor failed."""
    return step.approved is not False and not step.waits and step.error in NOT_ANSWERED


def _was_stopped(step: Step) -> bool:
    """Whether a person stopped it."""
    return step.error in (STOPPED, ABORTED, *QueryStoppedError.WORDS)


def arguments(step: Step, place: str) -> None:
    """Draws what a tool was called with: SQL as code, the rest as JSON. ``place`` identifies it on its page."""
    rest = dict(step.args)
    sql = rest.pop("sql", None)
    if isinstance(sql, str):
        long_texts.code(sql, "sql", f"{place}-sql")
    elif sql is not None:
        rest["sql"] = sql
    if step.name == "run_sql":
        rest.pop("title", None)  # the title is already in the line
    if rest:
        long_texts.code(_json(rest), "json", place)


def _icon(step: Step, *, running: bool) -> str:
    if running:
        return "spinner"
    if step.approved is False:
        return ":material/block:"
    if step.waits:
        return ":material/hourglass_empty:"
    if _is_unanswered(step) or _was_stopped(step):
        return ":material/do_not_disturb_on:"
    if step.error or step.response is None:
        return ":material/error:"
    return ":material/database:" if step.name in WORDS and step.name != "transfer_to_agent" else ":material/build:"


def _found(response: Mapping[str, Any]) -> str:
    rows, tables = response.get("row_count"), response.get("tables")
    if isinstance(rows, int):
        return counted(rows, "row")
    if isinstance(tables, list):
        return counted(len(tables), "table")
    return ""


def _outcome(step: Step, turn: Turn | None, place: str, *, running: bool) -> None:
    if running:
        st.caption("Working …")
    elif step.waits:
        st.caption("The tool is still running. Its result will follow.")
        if step.response:
            long_texts.code(_json(step.response), "json", place)
    elif _is_unanswered(step) or _was_stopped(step):
        aborted = "This was stopped before the tool had answered."
        st.caption(aborted if step.error == ABORTED else plain_markdown(step.error or ""))
    elif problem := _problem(step, turn):
        long_texts.problem(problem, place)
    elif step.name not in TABLED:
        long_texts.code(_json(step.response), "json", place)
    elif note := (step.response or {}).get("note"):
        st.caption(plain_markdown(str(note)))


def _problem(step: Step, turn: Turn | None) -> str | None:
    """Returns why a step failed; None if it did not."""
    if step.approved is False and step.error not in OPEN_CALL.values():
        return "You declined this, so the tool did not run."
    if step.response is not None and step.error != OPEN_CALL[TurnStatus.FAILED]:
        return step.error
    # A tool that raises reports nothing itself: the turn ends with its error.
    if turn and turn.error:
        return turn.error
    return step.error or "The tool has not answered."


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) > SHORT:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return text


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]} … and {counted(len(text) - longest, 'more character')}"
