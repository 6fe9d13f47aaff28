"""Explains why a model's answer ended early: cut off at a limit, blocked, or aborted.

Gemini, OpenAI, Anthropic, Ollama and ChatGPT each have their own names for the reasons. Live turns and imports use the
same sentences for all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from google.adk.events.event import Event

from session_store.models import Turn, TurnStatus
from session_store.transcripts.parts import Words, text_of, thoughts_and_words

ABORTED: Final = "INVOCATION_ABORTED"
"""Error code of the event with which ADK seals an invocation that was stopped."""

REFUSAL: Final = "REFUSAL"
NO_TOOL_CALL: Final = "NO_TOOL_CALL"
TOO_LONG: Final = "TOO_LONG"
"""Our own error codes: the model refused to answer; the provider announced a tool call that never came; the answer was
cut off here because it was too long."""

_WELL: Final = frozenset(
    {
        "",
        "STOP",
        "FINISH_REASON_UNSPECIFIED",
        "BLOCKED_REASON_UNSPECIFIED",
        "END_TURN",
        "STOP_SEQUENCE",
        "COMPLETE",
        "COMPLETED",
        "TOOL_CALL",
        "TOOL_CALLS",
        "TOOL_USE",
        "FUNCTION_CALL",
        "EOS",
        "EOS_TOKEN",
        "FINISHED_SUCCESSFULLY",
        "FINISHED",
        ABORTED,
    }
)
_LENGTH: Final = "the maximum answer length was reached"
_CUT: Final = {
    "MAX_TOKENS": _LENGTH,
    "MAX_OUTPUT_TOKENS": _LENGTH,
    "CONTINUATION": _LENGTH,
    "LENGTH": _LENGTH,
    "MODEL_LENGTH": _LENGTH,
    "MAX_LENGTH": _LENGTH,
    "LIMIT": _LENGTH,
    "MODEL_CONTEXT_WINDOW_EXCEEDED": "the conversation fills all that the model can read",
    TOO_LONG: "it is longer than COLLOQUY_ANSWER_CHARACTERS allows",
    "PAUSE_TURN": "the provider paused it",
    "INTERRUPTED": "it was interrupted",
    "ABORT": "it was interrupted",
    "ABORTED": "it was interrupted",
    "CANCELLED": "it was interrupted",
}
_BLOCKED: Final = "the provider's safety filter blocked it"
_FAILED: Final = {
    "SAFETY": _BLOCKED,
    "CONTENT_FILTER": _BLOCKED,
    "RECITATION": "it was too similar to existing text",
    "LANGUAGE": "the language is not supported by the model",
    "BLOCKLIST": "it contains a term that the provider blocks",
    "PROHIBITED_CONTENT": "the provider prohibits its content",
    "SPII": "it may contain personal data",
    "OTHER": "the provider gave no reason",
    "UNKNOWN": "the provider gave no reason",
    "MALFORMED_FUNCTION_CALL": "the model made a malformed tool call",
    "UNEXPECTED_TOOL_CALL": "the model called a tool that does not exist",
    "TOO_MANY_TOOL_CALLS": "the model made too many tool calls in a row",
    "IMAGE_SAFETY": "the provider's safety filter blocked its image",
    "IMAGE_PROHIBITED_CONTENT": "the provider prohibits the content of its image",
    "IMAGE_RECITATION": "its image was too similar to an existing one",
    "IMAGE_OTHER": "its picture could not be made, and the provider gave no reason",
    "NO_IMAGE": "the model produced no image",
    "MODEL_ARMOR": "Model Armor blocked it",
    "JAILBREAK": "the provider judged the message a jailbreak attempt",
    REFUSAL: "the model refused to answer",
    NO_TOOL_CALL: "the model was about to call a tool, but no call came",
    "MODEL_RETURNED_NO_CONTENT": "the model gave an empty answer",
    "INSUFFICIENT_SYSTEM_RESOURCE": "the provider has no room for it at the moment",
}
_NOT_SAID: Final = re.compile(
    r"^(OpenAI .* (no content|no choices)\.|The model returned no |Finished with [A-Z_]+|Maximum tokens reached)"
)
"""What ADK itself writes in place of a message. It only repeats the code."""


_UNSAID: Final = {
    TurnStatus.STOPPED: "It was stopped before the answer was complete.",
    TurnStatus.FAILED: "It failed for an unknown reason.",
    TurnStatus.INTERRUPTED: "Colloquy ended before the answer was complete.",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an answer ended early, as a sentence. An answer that was only ``cut`` is still useful as far as it goes."""

    reason: str
    cut: bool = False


def ending_named(code: object, explanation: str | None = None, *, has_words: bool = True) -> Ending | None:
    """Return the ending for the name that a provider or another program gives it, in any letter case, with its
    ``explanation``; None for an answer that ended normally. An answer that was cut off before its first word counts as
    failed."""
    written = str(getattr(code, "value", code) or "").strip()
    name = re.sub(r"[\s-]+", "_", written.upper())
    if name in _WELL:
        return None
    more = (
        f" It said: {explanation}" if explanation and explanation.strip() and not _NOT_SAID.match(explanation) else ""
    )
    if reason := _CUT.get(name):
        return Ending(f"The answer was cut off: {reason}.{more}", cut=has_words)
    reason = _FAILED.get(name, f"the provider gave the reason “{written}”")
    return Ending(f"The answer was stopped early: {reason}.{more}")


def is_ending(code: object) -> bool:
    """Whether a code is one that providers use for the end of an answer, and not for another kind of error."""
    name = str(getattr(code, "value", code) or "").upper()
    return name in _WELL or name in _CUT or name in _FAILED


def ending_of(event: Event) -> Ending | None:
    """Return how the answer ended that the event is, or completes; None if it ended normally."""
    code = event.error_code or event.finish_reason
    if not code:
        return None
    if event.finish_reason is None and not is_ending(code):  # an error, not the end of an answer
        return Ending(event.error_message or f"The model ended the answer with “{code}”.")
    return ending_named(code, event.error_message, has_words=_has_said_words(event))


def how_ended(turn: Turn) -> str | None:
    """Return how a turn ended, as a sentence for every reader of its answer; None if it ended normally or has not
    ended."""
    if turn.error or not turn.status.is_over:
        return turn.error if turn.status.is_over else None
    return _UNSAID.get(turn.status)


def goes_on(event: Event) -> bool:
    """Whether an event that did not end early shows its author saying or doing more, as in another attempt after an
    answer that ended early. Tool answers do not count."""
    parts = event.content and event.content.parts
    return bool(parts) and not event.partial and not event.get_function_responses()


def _has_said_words(event: Event) -> bool:
    parts = thoughts_and_words(text_of(event.content), ended=False)
    return any(isinstance(part, Words) and part.text.strip() for part in parts)
