"""How a model's answer ends where it does not end by itself: cut at a limit, blocked, broken off."""

from __future__ import annotations

import time
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from google.adk.events.event import Event
from google.genai import types

from session_store.adk_service import END_OF_TIME
from session_store.parts import USER

ABORTED: Final = "INVOCATION_ABORTED"
"""The error code of the event with which ADK seals an invocation that was stopped."""

_WELL: Final = frozenset({"STOP", "FINISH_REASON_UNSPECIFIED", ABORTED})
_CUT: Final = frozenset({"MAX_TOKENS", "CONTINUATION"})
_REASONS: Final = {
    "MAX_TOKENS": "it reached the limit of its length",
    "CONTINUATION": "it reached the limit of its length",
    "SAFETY": "the provider's safety filter blocked it",
    "RECITATION": "it came too close to a text that somebody else wrote",
    "LANGUAGE": "the model does not speak the language",
    "BLOCKLIST": "it has a word that the provider does not allow",
    "PROHIBITED_CONTENT": "the provider does not allow its content",
    "SPII": "it may have personal data in it",
    "MALFORMED_FUNCTION_CALL": "the model called a tool in a form that cannot be read",
    "UNEXPECTED_TOOL_CALL": "the model called a tool that it was not given",
    "TOO_MANY_TOOL_CALLS": "the model called too many tools one after the other",
    "IMAGE_SAFETY": "the provider's safety filter blocked its picture",
    "IMAGE_PROHIBITED_CONTENT": "the provider does not allow the content of its picture",
    "IMAGE_RECITATION": "its picture came too close to one that somebody else made",
    "NO_IMAGE": "the model made no picture",
    "MODEL_ARMOR": "Model Armor blocked it",
    "JAILBREAK": "the provider took the message for an attempt to get round its rules",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an answer ended early, as a sentence. One that was only ``cut`` is of use as far as it goes."""

    reason: str
    cut: bool = False


def ending_of(event: Event) -> Ending | None:
    """How the answer that an event is, or is the end of, was ended; None if it ended by itself."""
    code = _name(event.error_code) or _name(event.finish_reason)
    if not code or code in _WELL:
        return None
    said = event.error_message or ""
    if event.finish_reason is None and code not in _REASONS:  # an error of another kind than an end
        return Ending(said or f"The model ended the answer with {code}.")
    reason = _REASONS.get(code, f"the provider gave the reason {code}")
    if code in _CUT:
        return Ending(f"The answer was cut off: {reason}.", cut=_has_words(event))
    # What ADK itself writes in the place of a message repeats the code.
    more = f" It said: {said}" if said and not said.startswith("OpenAI ") else ""
    return Ending(f"The answer was stopped early: {reason}.{more}")


def whole(event: Event, streamed: str, in_use: Container[str]) -> Event:
    """An event as it is to be kept: with what was ``streamed`` of it where it has no words itself, marked if it was
    ended early, under an id of its own, and at a time."""
    changes: dict[str, object] = {}
    if ending_of(event) and event.author != USER:
        if streamed and not _has_words(event):
            parts = [types.Part(text=streamed), *((event.content.parts if event.content else None) or ())]
            changes["content"] = types.Content(role="model", parts=parts)
        if streamed or _has_words(event):
            changes["interrupted"] = True
    if event.id in in_use:
        changes["id"] = Event.new_id()
    if not 0 <= event.timestamp < END_OF_TIME:
        changes["timestamp"] = time.time()
    return event.model_copy(update=changes) if changes else event


def _has_words(event: Event) -> bool:
    return any(part.text and not part.thought for part in (event.content.parts if event.content else None) or ())


def _name(code: object) -> str:
    return str(getattr(code, "value", code) or "")
