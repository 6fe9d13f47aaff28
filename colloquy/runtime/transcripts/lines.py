"""The lines of transcript logs: what happens in a session, as flat JSON objects."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from google.adk.events.event import Event

from session_store.json_safe import as_json
from session_store.models import SessionKey, SessionSummary, TurnStatus
from session_store.transcripts.parts import files_of, parts_of, readable, speaker_of
from session_store.transcripts.transcript import STILL_AT_WORK

Line = dict[str, Any]
"""One line before it is written, with its time in Unix seconds. Nested values are strings of JSON, so that every line
of every log fits one table."""

HEADER = "header"
CHUNK = "chunk"
END = "end"

_TEXTS = ("event_id", "author", "text", "name", "call_id", "args", "response", "status", "error", "state", "reason")
"""The text fields. The header has them all, empty, so that readers which guess types take none of them for a date."""

_LINE_BREAKS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""Characters that JSON does not escape, but that some readers take for the end of a line."""


def header(session: SessionSummary, workspace: str, first: Line) -> Line:
    """Return the header of a log, before its ``first`` line. ``workspace`` is the name of the session's workspace."""
    key = session.key
    about = {
        "agent": key.app_name,
        "user": key.user_id,
        "workspace": workspace,
        "workspace_id": session.workspace_id,
        "model": session.model or "",
        "title": session.title,
    }
    return line(HEADER, key.session_id) | {"time": first["time"]} | about | dict.fromkeys(_TEXTS, "")


def line(kind: str, session_id: str, turn_id: str = "", **fields: object) -> Line:
    """Return a line of this kind, with the current time."""
    return {"type": kind, "session_id": session_id, "turn_id": turn_id, "time": time.time(), **fields}


def event_lines(key: SessionKey, event: Event) -> Iterator[Line]:
    """Yield what a stored event says and does: one line each for its text, every tool call and every tool result."""

    def of_event(kind: str, **fields: object) -> Line:
        about = {"event_id": event.id, "author": speaker_of(event)}
        return line(kind, key.session_id, event.invocation_id, **about, **fields)

    text, files = readable(parts_of(event)), files_of(event.content)
    calls, responses = event.get_function_calls(), event.get_function_responses()
    if text or files:
        more = {"files": [file.name for file in files]} if files else {}
        yield of_event("message", text=text, partial=bool(event.interrupted), **more)
    for call in calls:
        yield of_event("tool_call", name=call.name, call_id=call.id, args=_json(call.args or {}))
    for response in responses:
        if (response.response or {}).get("error") == STILL_AT_WORK:  # no result yet
            continue
        yield of_event("tool_result", name=response.name, call_id=response.id, response=_json(response.response or {}))
    if not (text or files or calls or responses):
        yield of_event("event", error=event.error_message or "", state=_json(event.actions.state_delta))


def turn_end(key: SessionKey, turn_id: str, status: TurnStatus, error: str | None) -> Line:
    """Return the line that says how a turn ended."""
    return line("turn_end", key.session_id, turn_id, status=status.value, error=error or "")


def written(lines: list[Line]) -> bytes:
    """Return lines as written to the file, in UTF-8."""
    texts = (json.dumps(one | {"time": rfc3339(one["time"])}, ensure_ascii=False, default=str) for one in lines)
    return "".join(text.translate(_LINE_BREAKS) + "\n" for text in texts).encode("utf-8", "replace")


def rfc3339(at: float) -> str:
    """Return a Unix time in RFC 3339 format."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(as_json(value), ensure_ascii=False, default=str)
