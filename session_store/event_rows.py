"""ADK events as rows: typed columns beside the whole event as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.adk.events.event import Event
from google.adk.sessions import _session_util as adk_session_util

Columns = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event on its way into the store, independent of the object that it was made from.

    ``columns`` are those of the table without ``seq`` and ``session_no``; the state deltas are what JSON can hold of
    the event's.
    """

    id: str
    timestamp: float
    rewind_before: str | None
    columns: Columns
    data: str
    app_state: dict[str, Any]
    user_state: dict[str, Any]
    session_state: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> NewEvent:
        """Take down an event whose ``temp:`` state was already removed."""
        delta = adk_session_util.make_json_safe_state(event.actions.state_delta)
        scopes = adk_session_util.extract_state_delta(delta)
        data = _to_json(event, delta)
        rewind_before = event.actions.rewind_before_invocation_id or None
        return cls(
            id=event.id,
            timestamp=event.timestamp,
            rewind_before=rewind_before,
            columns=(*_columns(event), rewind_before, rewind_before is not None, data),
            data=data,
            app_state=scopes["app"],
            user_state=scopes["user"],
            session_state=scopes["session"],
        )

    def row(self, seq: int, session_no: int) -> Columns:
        """All columns of the table, in order."""
        return (seq, session_no, *self.columns)


def _columns(event: Event) -> Columns:
    parts = (event.content.parts if event.content else None) or ()
    usage = event.usage_metadata
    texts = [part.text for part in parts if part.text and not part.thought]
    return (
        event.id,
        event.invocation_id,
        event.author,
        event.timestamp,
        "".join(texts) if texts else None,
        event.model_version,
        usage.prompt_token_count if usage else None,
        usage.candidates_token_count if usage else None,
        usage.thoughts_token_count if usage else None,
        usage.cached_content_token_count if usage else None,
        [part.function_call.name or "" for part in parts if part.function_call] or None,
        [part.function_response.name or "" for part in parts if part.function_response] or None,
        bool(event.interrupted),
        event.finish_reason.value if event.finish_reason else None,
        event.error_code,
    )


def _to_json(event: Event, state_delta: dict[str, Any]) -> str:
    if _is_plain(state_delta.values()):
        return event.model_dump_json(exclude_none=True)
    # pydantic writes NaN and Infinity as null, and would drop a None that a nested model holds.
    data = event.model_dump(mode="json", exclude_none=True)
    data["actions"]["state_delta"] = state_delta
    return json.dumps(data)


def _is_plain(values: Iterable[Any]) -> bool:
    return all(
        value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))
        for value in values
    )
