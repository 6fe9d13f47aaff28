"""The messages of a conversation as API clients send and receive them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from colloquy.api.http.values import (
    DEEPEST,
    SAYS_SOMETHING,
    Body,
    Id,
    JsonObject,
    JsonValue,
    Text,
    is_visible,
    moment,
    one_of,
)
from colloquy.runtime.application import current
from session_store.models import SessionKey, StoredEvent, Turn
from session_store.transcripts.endings import how_ended
from session_store.transcripts.parts import Code, FilePart, Output, Thought
from session_store.transcripts.transcript import Message, Step, messages

Role = Literal["user", "assistant"]

RESULT: Final = "result"
"""The key under which a tool's response holds a value that is not an object, as in ADK."""

CALLS_OF: Final = "colloquy_calls_of"
"""A key in an event's custom metadata: the ID of the user's message that the client sent these calls with."""

EXAMPLE_CALL: Final[dict[str, Any]] = {"name": "run_sql", "args": {"sql": "select 1"}, "result": {"rows": 1}}

NESTED: Final = f"At most {DEEPEST} levels deep."

CallState = Literal["completed", "failed", "waiting", "running"]


class NewToolCall(Body):
    """A tool call that was made elsewhere, with its outcome."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_CALL]})

    id: Id | None = Field(None, description="Generated if omitted.")
    name: Id = Field(validation_alias=AliasChoices("name", "tool"), description="Also accepted as `tool`.")
    args: JsonObject = Field(
        default_factory=dict,
        validation_alias=AliasChoices("args", "input", "arguments"),
        description=f"Also accepted as `input` or `arguments`. {NESTED}",
    )
    result: JsonValue = Field(
        None,
        validation_alias=AliasChoices("result", "output"),
        description=f"Any JSON. Also accepted as `output`. {NESTED}",
    )
    error: Text | None = Field(None, description="Why it failed.")


def _says_something(calls: str) -> dict[str, Any]:
    """Return the schema of what a message must contain; ``calls`` is the field name of its tool calls."""
    is_assistant, has_calls = {"enum": ["assistant", "model"]}, {"type": "array", "minItems": 1}
    return one_of({"content": SAYS_SOMETHING}, {"role": is_assistant, calls: has_calls})


HISTORY_MESSAGE: Final = ConfigDict(json_schema_extra=_says_something("tool_calls"))


class NewMessage(Body):
    """A message to add to a conversation. It has a text, tool calls, or both."""

    model_config = ConfigDict(json_schema_extra=_says_something("toolCalls"))

    role: Literal["user", "assistant", "model"] = Field(description="`model` is ADK's word for `assistant`.")
    content: Text = ""
    tool_calls: list[NewToolCall] = Field(
        default_factory=list,
        max_length=200,
        validation_alias=AliasChoices("toolCalls", "tool_calls"),
        description="In the order of the calls, which precede the text of an assistant and follow that of a user.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not is_visible(self.content) and (self.is_user or not self.tool_calls):
            raise ValueError("a user message needs content; an assistant message needs content, tool calls, or both")
        return self

    @property
    def is_user(self) -> bool:
        """Whether the person said it."""
        return self.role == "user"


class ToolCall(BaseModel):
    """A tool call of a message."""

    id: str
    name: str
    args: dict[str, Any]
    result: Any = Field(description="The tool's response; null if there is none yet, or if it failed.")
    error: str | None = Field(description="Why it failed, if it did.")
    status: CallState = Field(description="`waiting`: for a person's approval, or for a result that comes later.")
    seconds: float | None = Field(description="From the call to the response.")


class AttachedFile(BaseModel):
    """A file of a message, without its data."""

    name: str
    mime_type: str


class CodeRun(BaseModel):
    """Code that a model wrote and ran."""

    language: str
    code: str
    output: str | None = Field(description="Null if it has not run yet.")
    failed: bool


class NodeOutput(BaseModel):
    """The output of a workflow, or of one of its nodes."""

    node: str | None = Field(description="The node that produced it; null for the output of the whole workflow.")
    value: Any = Field(description="Any JSON.")


class MessageSource(BaseModel):
    """A source that an answer is based on."""

    title: str
    url: str | None = Field(description="Null if it has no web address.")


class MessageFields(BaseModel):
    """A message without the ID of its session, which routes return under two names."""

    id: str
    turn_id: str | None = Field(description="Null for an answer without a question, which is not a turn.")
    role: Role
    author: str = Field(description="`user`, or the name of the agent.")
    content: str
    tool_calls: list[ToolCall]
    files: Sequence[AttachedFile]
    thoughts: list[str] = Field(description="What the model thought, in order. They are not part of `content`.")
    code: list[CodeRun]
    outputs: list[NodeOutput]
    sources: list[MessageSource]
    partial: bool = Field(description="Whether it was cut off.")
    ending: str | None = Field(
        description="Why its turn did not end normally, as a sentence; otherwise null. The same for every message of"
        " the turn."
    )
    created_at: datetime


class SessionMessage(MessageFields):
    """A message of a session."""

    session_id: str


class CamelFile(AttachedFile):
    """A file of a message, without its data."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ConversationMessage(MessageFields):
    """A message of a conversation."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    conversation_id: str
    files: Sequence[CamelFile]


def session_messages(key: SessionKey, events: Sequence[StoredEvent]) -> list[SessionMessage]:
    """Return the messages that consist of these events, in the order in which they were completed."""
    calls_of = _calls_of(events)
    places = {stored.event.id: stored.seq for stored in events}
    shown = sorted(messages(events), key=lambda message: places[message.id])
    turns = current().store.turns.by_id({message.turn_id for message in shown})
    by_id = {message.id: _message(key, message, turns.get(message.turn_id)) for message in shown}
    for message in shown:
        moved = [step for step in message.steps if step.call_id in calls_of and calls_of[step.call_id] in by_id]
        if not moved:
            continue
        for step in moved:
            by_id[calls_of[step.call_id]].tool_calls.append(_call(step))
        left = [step for step in message.steps if step not in moved]
        by_id[message.id].tool_calls = [_call(step) for step in left]
        if not left and all(isinstance(part, Step) for part in message.parts):
            del by_id[message.id]
    return list(by_id.values())


def as_conversation_message(message: SessionMessage) -> ConversationMessage:
    """Return the same message with the field names that conversations use."""
    fields = message.model_dump()
    return ConversationMessage(conversation_id=fields.pop("session_id"), **fields)


def _calls_of(events: Sequence[StoredEvent]) -> dict[str, str]:
    """Return, by call ID, the IDs of the user messages that calls were sent with."""
    return {
        call.id or "": str(stored.event.custom_metadata[CALLS_OF])
        for stored in events
        if stored.event.custom_metadata and CALLS_OF in stored.event.custom_metadata
        for call in stored.event.get_function_calls()
    }


def _message(key: SessionKey, message: Message, turn: Turn | None) -> SessionMessage:
    return SessionMessage(
        id=message.id,
        session_id=key.session_id,
        turn_id=turn.id if turn else None,
        role="user" if message.is_user else "assistant",
        author=message.author,
        content=message.text,
        tool_calls=[_call(step) for step in message.steps],
        files=[_file(file) for file in message.files],
        thoughts=[part.text for part in message.parts if isinstance(part, Thought)],
        code=[_code(part) for part in message.parts if isinstance(part, Code)],
        outputs=[
            NodeOutput(node=part.node or None, value=part.value) for part in message.parts if isinstance(part, Output)
        ],
        sources=[MessageSource(title=source.title, url=source.url) for source in message.sources],
        partial=message.partial,
        ending=how_ended(turn) if turn else None,
        created_at=moment(message.at),
    )


def _call(step: Step) -> ToolCall:
    return ToolCall(
        id=step.call_id,
        name=step.name,
        args=dict(step.args),
        result=_result(step),
        error=step.error,
        status=_state(step),
        seconds=step.seconds,
    )


def _result(step: Step) -> object:
    if step.response is None:
        return None
    response = {name: value for name, value in step.response.items() if not (step.error and name == "error")}
    if set(response) == {RESULT}:
        return response[RESULT]
    return None if step.error and not response else response


def _state(step: Step) -> CallState:
    if step.is_asking or step.waits:
        return "waiting"
    if step.response is None:
        return "running"
    return "failed" if step.error else "completed"


def _file(file: FilePart) -> AttachedFile:
    return AttachedFile(name=file.name, mime_type=file.mime_type)


def _code(code: Code) -> CodeRun:
    return CodeRun(language=code.language, code=code.code, output=code.output, failed=code.failed)
