"""Converts ADK events to rows: typed columns, and the whole event as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from google.adk.events.event import Event
from google.genai import types
from pydantic_core import PydanticSerializationError

from session_store.compat.adk import adk_session_util
from session_store.json_safe import mend
from session_store.sessions.tool_columns import ToolColumns, tool_columns
from session_store.transcripts.parts import USER, said_in

Columns = tuple[Any, ...]
_TOKENS: Final = 6
"""Position of the first of the ``_COUNTS`` token counts among an event's columns."""
_COUNTS: Final = 4

MOST_TOKENS: Final = 2**31 - 1
"""Upper limit for a plausible token count of one model call."""

_MAY_BE_NO_NUMBER: Final = ("null", "NaN", "Infinity")
"""How NaN and infinity are written; other values also contain these words."""


class Tokens(NamedTuple):
    """What one model call used, as columns; None if not reported.

    ``thought`` tokens are part of the output, ``cached`` tokens part of the input.
    """

    input: int | None = None
    output: int | None = None
    thought: int | None = None
    cached: int | None = None


def tokens_of(usage: types.GenerateContentResponseUsageMetadata | None) -> Tokens:
    """Return the tokens that a provider reported: its input, including results of its own tools, and its output,
    including thoughts.

    Gemini counts thoughts and the results of its own tools in addition to the prompt and the answer. OpenAI-compatible
    servers count thoughts as part of the answer. The total tells which applies.
    """
    if usage is None:
        return Tokens()
    prompt, tools = believed(usage.prompt_token_count), believed(usage.tool_use_prompt_token_count)
    answer, thoughts = believed(usage.candidates_token_count), believed(usage.thoughts_token_count)
    most = believed(usage.total_token_count) or math.inf
    written = _sum(answer, thoughts) if (prompt or 0) + (answer or 0) + (thoughts or 0) <= most else answer
    read = _sum(prompt, tools) if (prompt or 0) + (tools or 0) + (written or 0) <= most else prompt
    return Tokens(read, written, thoughts, believed(usage.cached_content_token_count))


def believed(count: object) -> int | None:
    """Return a token count as the provider reported it; None if it is not plausible."""
    return count if type(count) is int and 0 <= count <= MOST_TOKENS else None


def tokens_of_json(data: str) -> Tokens:
    """Return the tokens of an event that was stored as JSON."""
    usage = json.loads(data).get("usage_metadata")
    return tokens_of(types.GenerateContentResponseUsageMetadata.model_validate(usage)) if usage else Tokens()


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event on its way into the store, independent of the object that it was made from.

    ``columns`` are the table's columns from ``id`` to ``error_code``; the state deltas are those of the event, as far
    as JSON can hold them. ``copied`` says that a branch copied it from its original session: its tokens were spent
    there.
    """

    id: str
    timestamp: float
    rewind_before: str | None
    columns: Columns
    tools: ToolColumns
    data: str
    app_state: dict[str, Any]
    user_state: dict[str, Any]
    session_state: dict[str, Any]
    copied: bool = False

    @classmethod
    def of(cls, event: Event) -> NewEvent:
        """Convert an event whose ``temp:`` state was already removed. Values that JSON does not know are replaced, in
        the event itself, too."""
        with suppress(PydanticSerializationError, UnicodeEncodeError):
            made = cls._of(event)
            if not any(word in made.data for word in _MAY_BE_NO_NUMBER):
                return made
        mend(event)
        return cls._of(event)

    @classmethod
    def _of(cls, event: Event) -> NewEvent:
        delta = adk_session_util.make_json_safe_state(event.actions.state_delta)
        scopes = adk_session_util.extract_state_delta(delta)
        return cls(
            id=event.id,
            timestamp=event.timestamp,
            rewind_before=event.actions.rewind_before_invocation_id or None,
            columns=_columns(event),
            tools=tool_columns(event),
            data=_to_json(event, delta),
            app_state=scopes["app"],
            user_state=scopes["user"],
            session_state=scopes["session"],
        )

    def is_said_in(self, invocation_id: str) -> bool:
        """Whether the user said it in this invocation."""
        return self.columns[1:3] == (invocation_id, USER)

    @property
    def content(self) -> Any:  # noqa: ANN401 - JSON
        """Its content as JSON; None if it has none."""
        return json.loads(self.data).get("content")

    def row(self, seq: int, session_no: int, *, rewound: bool) -> Columns:
        """Return all columns of the table, in order."""
        columns = self.columns
        if self.copied:
            columns = (*columns[:_TOKENS], *(None,) * _COUNTS, *columns[_TOKENS + _COUNTS :])
        errors, text, uses = self.tools
        return (seq, session_no, *columns, self.rewind_before, rewound, self.data, errors, text, self.copied, uses)

    @property
    def invocation_id(self) -> str | None:
        """The turn that it belongs to."""
        return self.columns[1]  # type: ignore[no-any-return]

    def with_id(self, event_id: str) -> NewEvent:
        """The event with another id."""
        data = json.dumps({**json.loads(self.data), "id": event_id})
        return replace(self, id=event_id, columns=(event_id, *self.columns[1:]), data=data)

    def with_invocations(self, names: Mapping[str, str]) -> NewEvent:
        """Return the event with its invocation ids replaced: ``names`` maps old ids to new ones."""
        fields = json.loads(self.data)
        fields["invocation_id"] = names.get(fields.get("invocation_id"), fields.get("invocation_id"))
        before = None if self.rewind_before is None else names.get(self.rewind_before, self.rewind_before)
        if before is not None:
            fields["actions"]["rewind_before_invocation_id"] = before
        event_id, invocation_id, *columns = self.columns
        return replace(
            self,
            rewind_before=before,
            columns=(event_id, names.get(invocation_id, invocation_id), *columns),
            data=json.dumps(fields),
        )


def _columns(event: Event) -> Columns:
    parts = (event.content.parts if event.content else None) or ()
    return (
        event.id,
        event.invocation_id,
        event.author,
        event.timestamp,
        said_in(event),
        event.model_version,
        *tokens_of(event.usage_metadata),
        [part.function_call.name or "" for part in parts if part.function_call] or None,
        [part.function_response.name or "" for part in parts if part.function_response] or None,
        bool(event.interrupted),
        event.finish_reason.value if event.finish_reason else None,
        event.error_code,
    )


def _to_json(event: Event, state_delta: dict[str, Any]) -> str:
    if _is_plain(state_delta.values()):
        return event.model_dump_json(exclude_none=True)
    # pydantic writes NaN and Infinity as null, and would drop a None inside a nested model.
    data = event.model_dump(mode="json", exclude_none=True)
    data["actions"]["state_delta"] = state_delta
    written = json.dumps(data, ensure_ascii=False)
    written.encode()
    return written


def _is_plain(values: Iterable[Any]) -> bool:
    return all(
        value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))
        for value in values
    )
