"""Chats exported by Open WebUI: of each tree of messages the branch that was shown last."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from google.genai import types

from session_store.exchange import conversation as incoming
from session_store.exchange.conversation import Conversation, checked_text
from session_store.exchange.errors import DamagedError
from session_store.exchange.foreign import USER, Events, Owner, as_dict, branch, conversation, seconds
from session_store.models import Feedback

_DETAILS: Final = re.compile(
    r'<details type="(?P<type>\w+)"(?P<attributes>[^>]*)>(?P<body>.*?)</details>\n*', re.DOTALL
)
_ATTRIBUTE: Final = re.compile(r'(\w+)="([^"]*)"')
_SUMMARY: Final = re.compile(r"<summary>.*?</summary>", re.DOTALL)


def is_chat(document: object) -> bool:
    """Whether a JSON document is a chat of such an export."""
    if not isinstance(document, dict):
        return False
    chat = _chat(document)
    return isinstance(as_dict(chat.get("history")).get("messages"), dict) or isinstance(chat.get("messages"), list)


def conversation_of(document: object, owner: Owner) -> Conversation:
    """One chat of the export.

    Raises:
        DamagedError: it is not one.
    """
    if not isinstance(document, dict):
        raise DamagedError("it is not a JSON object")
    chat = _chat(document)
    history = as_dict(chat.get("history"))
    messages = _messages(chat, history)
    name = checked_text(document.get("id") or chat.get("id"), "the id").strip()
    known = name or incoming.stable_id("open-webui", json.dumps(messages, sort_keys=True, default=str))
    created_at = (
        document.get("created_at")
        or chat.get("timestamp")
        or next((message.get("timestamp") for message in messages if message.get("timestamp")), 0)
    )
    begin = seconds(created_at)
    events = Events(owner.agent, incoming.usable_id(known), begin)
    feedback: list[Feedback] = []
    for number, message in enumerate(messages, start=1):
        _take(message, str(message.get("id") or incoming.stable_id(known, str(number))), events, feedback)
    title = document.get("title") or chat.get("title")
    return conversation(
        events,
        owner,
        title=title if isinstance(title, str) and title != "New Chat" else "",
        updated_at=seconds(document.get("updated_at") or begin),
        saved=document.get("pinned") is True,
        feedback=feedback,
    )


def _chat(document: Mapping[str, Any]) -> dict[str, Any]:
    chat = document.get("chat")
    return chat if isinstance(chat, dict) else dict(document)


def _messages(chat: Mapping[str, Any], history: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tree = history.get("messages")
    if isinstance(tree, dict) and tree:
        return branch(tree, history.get("currentId"), "parentId")
    flat = chat.get("messages")
    if not isinstance(flat, list) or not all(isinstance(message, dict) for message in flat):
        raise DamagedError("it has no messages")
    return flat


def _take(message: Mapping[str, Any], name: str, events: Events, feedback: list[Feedback]) -> None:
    role, at = message.get("role"), message.get("timestamp")
    text = checked_text(_text(message.get("content")), f"message {name!r}")
    if message.get("files"):
        events.notes.left_out("attached files")
    if role == USER:
        events.add(name, USER, [types.Part(text=text)] if text.strip() else [], at=at)
    elif role == "assistant":
        model = checked_text(message.get("model"), "the model") or None
        said = _take_details(text, name, events, at, model)
        usage = _usage(as_dict(message.get("usage") or message.get("info")))
        parts = [types.Part(text=said)] if said.strip() else []
        events.add(name, "model", parts, at=at, model=model, usage=usage, interrupted=message.get("done") is False)
        opinion = _feedback(message, events) if parts else None
        feedback += [opinion] if opinion else []
    elif role != "system":
        raise DamagedError(f"message {name!r} has no author that is known: {str(role)[:40]!r}")


def _text(content: object) -> object:
    """The text of a message, also where it comes in parts as OpenAI has them."""
    if isinstance(content, list):
        return "\n\n".join(str(part["text"]) for part in map(as_dict, content) if isinstance(part.get("text"), str))
    return content


def _take_details(text: str, name: str, events: Events, at: object, model: str | None) -> str:
    """Add the thoughts and tool calls that stand in the text of an answer as HTML; gives the text without them."""
    for number, found in enumerate(_DETAILS.finditer(text), start=1):
        given = {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(found["attributes"])}
        call_id = given.get("id") or f"{name}-{number}"
        if found["type"] == "reasoning":
            body = html.unescape(_SUMMARY.sub("", found["body"])).strip()
            thought = "\n".join(line.removeprefix("> ").removeprefix(">") for line in body.splitlines())
            events.add(f"{name}-{number}", "model", [types.Part(text=thought, thought=True)], at=at, model=model)
        elif found["type"] == "tool_calls":
            call = types.FunctionCall(
                id=call_id, name=given.get("name", "tool"), args=_object(given.get("arguments"), "input")
            )
            events.add(f"{name}-{number}", "model", [types.Part(function_call=call)], at=at, model=model)
            answer = types.FunctionResponse(id=call_id, name=call.name, response=_object(given.get("result"), "result"))
            events.add(f"{name}-{number}-result", "model", [types.Part(function_response=answer)], at=at)
        else:
            events.notes.left_out(f"details of the kind {found['type']}")
    return _DETAILS.sub("", text)


def _object(text: str | None, name: str) -> dict[str, Any]:
    """JSON in an attribute, which may be JSON in a string, as an object."""
    value: Any = text or ""
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                break
    return value if isinstance(value, dict) else {name: value}


def _usage(usage: Mapping[str, Any]) -> types.GenerateContentResponseUsageMetadata | None:
    given = usage.get("prompt_tokens", usage.get("prompt_eval_count"))
    said = usage.get("completion_tokens", usage.get("eval_count"))
    counts = [count if isinstance(count, int) and 0 <= count < 2**31 else None for count in (given, said)]
    if counts == [None, None]:
        return None
    return types.GenerateContentResponseUsageMetadata(prompt_token_count=counts[0], candidates_token_count=counts[1])


def _feedback(message: Mapping[str, Any], events: Events) -> Feedback | None:
    annotation = as_dict(message.get("annotation"))
    rating = annotation.get("rating")
    score: Literal[1, -1] | None = 1 if rating == 1 else -1 if rating == -1 else None
    comment = annotation.get("comment")
    said = checked_text(comment, "a comment") if isinstance(comment, str) else ""
    if score is None and not said:
        return None
    return Feedback(events.made[-1].id, score, said, events.made[-1].timestamp)
