"""The conversations.json of a ChatGPT export: of each tree of messages the branch that was shown last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.genai import types

from session_store.exchange import conversation as incoming
from session_store.exchange.conversation import Conversation, checked_text
from session_store.exchange.errors import DamagedError
from session_store.exchange.foreign import USER, Events, Owner, as_dict, branch, conversation, seconds

_UNSEEN = {"reasoning_recap", "user_editable_context", "model_editable_context"}
"""Kinds of content that ChatGPT does not show as messages."""


def is_conversation(document: object) -> bool:
    """Whether a JSON document is a conversation of such an export."""
    return isinstance(document, dict) and isinstance(document.get("mapping"), dict)


def conversation_of(document: object, owner: Owner) -> Conversation:
    """One conversation of the export.

    Raises:
        DamagedError: it is not one.
    """
    nodes = as_dict(document).get("mapping")
    if not isinstance(document, dict) or not isinstance(nodes, dict):
        raise DamagedError("it has no tree of messages (mapping)")
    name = checked_text(document.get("conversation_id") or document.get("id"), "the id").strip()
    path = branch(nodes, document.get("current_node"), "parent")
    known = name or incoming.stable_id("chatgpt", *sorted(nodes))
    begin = seconds(document.get("create_time") or 0)
    events = Events(owner.agent, incoming.usable_id(known), begin)
    calls: list[tuple[str, str]] = []
    for node in path:
        message = node.get("message")
        if isinstance(message, dict):
            _take(message, str(message.get("id") or node.get("id") or len(events.made)), events, calls)
    title = document.get("title")
    return conversation(
        events,
        owner,
        title=title if isinstance(title, str) else "",
        updated_at=seconds(document.get("update_time") or begin),
        saved=document.get("is_starred") is True,
        feedback=[],
    )


def _take(message: Mapping[str, Any], name: str, events: Events, calls: list[tuple[str, str]]) -> None:
    """Add a message. ``calls`` are the tool calls that no tool has answered yet: their ids and tools."""
    author, metadata = as_dict(message.get("author")), as_dict(message.get("metadata"))
    role, content = author.get("role"), as_dict(message.get("content"))
    hidden = metadata.get("is_visually_hidden_from_conversation") is True or message.get("weight") == 0
    if role == "system" or hidden or content.get("content_type") in _UNSEEN:
        return
    at, model = message.get("create_time"), metadata.get("model_slug")
    model = checked_text(model, "the model") or None
    recipient = message.get("recipient") or "all"
    if role == USER:
        events.add(name, USER, _parts(content, events), at=at)
    elif role == "tool":
        events.add(name, "model", _answer(checked_text(author.get("name"), "the tool"), content, calls, events), at=at)
    elif role == "assistant" and recipient != "all":
        tool = checked_text(recipient, "the tool")
        calls.append((name, tool))
        call = types.FunctionCall(id=name, name=tool, args={"input": _text(content)})
        events.add(name, "model", [types.Part(function_call=call)], at=at, model=model)
    elif role == "assistant":
        interrupted = message.get("status") == "in_progress" or as_dict(metadata.get("finish_details")).get("type") in {
            "interrupted",
            "max_tokens",
        }
        events.add(name, "model", _parts(content, events), at=at, model=model, interrupted=interrupted)
    else:
        raise DamagedError(f"message {name!r} has no author that is known: {str(role)[:40]!r}")


def _answer(tool: str, content: Mapping[str, Any], calls: list[tuple[str, str]], events: Events) -> list[types.Part]:
    """What a tool said: the answer to the last call of it, or of any tool."""
    call = next((call for call in reversed(calls) if call[1] == tool), calls[-1] if calls else None)
    if call is None:
        events.notes.left_out("output of tools that no message called")
        return []
    calls.remove(call)
    return [
        types.Part(
            function_response=types.FunctionResponse(id=call[0], name=call[1], response={"result": _text(content)})
        )
    ]


def _parts(content: Mapping[str, Any], events: Events) -> list[types.Part]:
    kind = content.get("content_type")
    if kind == "thoughts":
        thoughts = [as_dict(thought) for thought in content.get("thoughts") or []]
        text = "\n\n".join(checked_text(thought.get("content"), "a thought") for thought in thoughts)
        return [types.Part(text=text, thought=True)] if text else []
    text = checked_text(_text(content), "a message")
    if any(isinstance(part, dict) and "asset_pointer" in part for part in content.get("parts") or []):
        events.notes.left_out("images and sounds")
    return [types.Part(text=text)] if text.strip() else []


def _text(content: Mapping[str, Any]) -> str:
    """What there is to read in a content."""
    parts = content.get("parts")
    if isinstance(parts, list):
        texts = [part if isinstance(part, str) else _piece(as_dict(part)) for part in parts]
    else:
        texts = [str(content[name]) for name in ("text", "result", "content") if isinstance(content.get(name), str)][:1]
    return checked_text("\n\n".join(text for text in texts if text), "a message")


def _piece(part: Mapping[str, Any]) -> str:
    if isinstance(part.get("text"), str):
        return str(part["text"])
    return f"[{str(part.get('content_type') or 'file').replace('_asset_pointer', '').replace('_', ' ')}]"
