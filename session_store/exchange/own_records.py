"""What ADK's format has no field for (turns, results, feedback, workspaces), as JSON and back. Checked when read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, TypeVar

from session_store.exchange.conversation import checked_text, checked_time
from session_store.exchange.errors import DamagedError
from session_store.models import Feedback, Result, ResultKind, SessionKey, StoredConnection, Turn, TurnStatus, Workspace

T = TypeVar("T")


def turn_json(turn: Turn) -> dict[str, Any]:
    """Returns a turn without its session."""
    return {**asdict(turn), "key": None}


def turn_of(fields: object, key: SessionKey) -> Turn:
    """Returns the turn that this JSON describes; an unfinished one counts as interrupted.

    Raises:
        DamagedError: it describes none.
    """
    return made(lambda known: _turn(key, known), fields, "a turn")


def feedback_of(fields: object) -> Feedback:
    """Returns the feedback that this JSON describes.

    Raises:
        DamagedError: it describes none.
    """
    return made(_feedback, fields, "a feedback")


def result_json(result: Result) -> dict[str, Any]:
    """Returns the metadata of a result, without its data and its session."""
    return {**asdict(result), "key": None}


def result_of(fields: object, key: SessionKey, what: str) -> Result:
    """Returns the result that this JSON describes.

    Raises:
        DamagedError: it describes none.
    """
    return made(lambda known: _result(key, known), fields, what)


def workspace_json(workspace: Workspace, *, with_connection: bool) -> dict[str, Any]:
    """Returns a workspace as JSON. Its connection is included only if the whole history is."""
    fields = asdict(workspace)
    return fields if with_connection else {**fields, "connection": None}


def workspaces_of(document: object) -> dict[str, Workspace]:
    """Returns the workspaces in an archive's list, or those that a session names.

    Raises:
        DamagedError: one is not a workspace.
    """
    if not isinstance(document, list):
        return {}
    found = [made(_workspace, fields, f"workspace {number}") for number, fields in enumerate(document, start=1)]
    return {workspace.id: workspace for workspace in found}


def made(make: Callable[[dict[str, Any]], T], fields: object, what: str) -> T:
    """Applies ``make`` to a JSON object.

    Raises:
        DamagedError: it is not an object, or ``make`` cannot use it; ``what`` names it.
    """
    if not isinstance(fields, dict):
        raise DamagedError(f"{what} is not a JSON object")
    try:
        return make(fields)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise DamagedError(f"{what} lacks something, or has a value that cannot be") from error


def _turn(key: SessionKey, fields: dict[str, Any]) -> Turn:
    turn = Turn(**{**fields, "key": key, "status": TurnStatus(fields["status"])})
    times = [turn.created_at, turn.started_at, turn.first_token_at, turn.ended_at]
    for at in times:
        if at is not None:
            checked_time(at, "the time of a turn")
    for text in (turn.id, turn.model, turn.error):
        checked_text(text, "a turn's text")
    for count in (turn.input_tokens, turn.output_tokens):
        if not (count is None or (isinstance(count, int) and 0 <= count < 2**63)):
            raise DamagedError("a turn's count of tokens is not one")
    if not isinstance(turn.message, dict) or not turn.id:
        raise DamagedError("a turn has no message or no id")
    return turn if turn.status.is_over else replace(turn, status=TurnStatus.INTERRUPTED, ended_at=turn.created_at)


def _result(key: SessionKey, fields: dict[str, Any]) -> Result:
    result = Result(**{**fields, "key": key, "kind": ResultKind(fields["kind"])})
    checked_time(result.created_at, "the time of a result")
    for text in (
        result.id,
        result.turn_id,
        result.call_id,
        result.title,
        result.sql,
        result.note,
        result.file_name,
        result.mime_type,
    ):
        checked_text(text, "a result's text")
    for number in (result.rows, result.seconds, result.file_version, result.size):
        if number is not None and (isinstance(number, bool) or not isinstance(number, (int, float))):
            raise DamagedError("a result has something else than a number where one belongs")
    if not result.id or not isinstance(result.spec, dict | None) or not isinstance(result.size, int):
        raise DamagedError("a result is not as it should be")
    return result


def _feedback(fields: dict[str, Any]) -> Feedback:
    feedback = Feedback(**fields)
    if feedback.score not in (1, -1, None):
        raise DamagedError("a feedback is neither up nor down")
    checked_time(feedback.at, "the time of a feedback")
    checked_text(feedback.event_id, "the event of a feedback")
    checked_text(feedback.comment, "the comment of a feedback")
    return feedback


def _workspace(fields: dict[str, Any]) -> Workspace:
    connection = fields.get("connection")
    workspace = Workspace(**{**fields, "connection": StoredConnection(**connection) if connection else None})
    checked_time(workspace.created_at, "the time of a workspace")
    for text in (workspace.id, workspace.name, workspace.parent_id, *(connection or {}).values()):
        checked_text(text, "a workspace's text")
    if not workspace.id or not workspace.name:
        raise DamagedError("a workspace has no id or no name")
    return workspace
