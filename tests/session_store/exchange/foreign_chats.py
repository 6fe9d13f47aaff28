"""Chats as other programs export them, for tests to change in places."""

from __future__ import annotations

import json

from session_store.exchange import Owner, Wishes, import_file
from session_store.models import SessionKey

AT = 1_772_000_000.0


def gpt_message(role, content, *, parent, at=AT, **fields):
    """A node of ChatGPT's tree, without its name."""
    author = {"role": role, "name": fields.pop("tool", None), "metadata": {}}
    message = {"author": author, "create_time": at, "content": content, "weight": 1.0, "recipient": "all"}
    return {"parent": parent, "message": {**message, "metadata": {}, **fields}, "children": []}


def text(*parts):
    return {"content_type": "text", "parts": list(parts)}


def gpt_chat(*messages, **fields):
    """A ChatGPT conversation: successive messages, each ``(role, content, fields)``."""
    mapping = {"root": {"id": "root", "parent": None, "children": ["m1"], "message": None}}
    for number, (role, content, extra) in enumerate(messages, start=1):
        node = gpt_message(role, content, parent=f"m{number - 1}" if number > 1 else "root", at=AT + number, **extra)
        node["id"] = node["message"]["id"] = f"m{number}"
        mapping[f"m{number}"] = node
    current = f"m{len(messages)}"
    known = {"title": "Garlic", "create_time": AT, "update_time": AT + 60, "conversation_id": "gpt-1"}
    return {**known, "mapping": mapping, "current_node": current, **fields}


def webui_chat(*messages, **fields):
    """An Open WebUI chat of successive messages."""
    tree = {}
    for number, message in enumerate(messages, start=1):
        parent = f"m{number - 1}" if number > 1 else None
        name = f"m{number}"
        tree[name] = {"id": name, "parentId": parent, "childrenIds": [], "timestamp": int(AT) + number, **message}
    chat = {"history": {"messages": tree, "currentId": f"m{len(messages)}"}}
    known = {"id": "webui-1", "title": "Garlic", "created_at": int(AT), "updated_at": int(AT) + 60}
    return {**known, "chat": chat, **fields}


def asked(words="Does garlic like sun?", **fields):
    return {"role": "user", "content": words, **fields}


def answered(words="It does.", **fields):
    return {"role": "assistant", "content": words, "model": "llama3.2:3b", "done": True, **fields}


SAMPLES = {
    "ChatGPT": gpt_chat(("user", text("Garlic"), {}), ("assistant", text("Yes"), {})),
    "Open WebUI": webui_chat(asked("Garlic"), answered("Yes")),
}
"""A short chat of each program."""


def imported(store, tmp_path, *chats):
    """Import chats as one file and return the report."""
    file = tmp_path / "export.json"
    file.write_text(json.dumps(list(chats)), "utf-8")
    return import_file(store, file, Wishes(owner=Owner("assistant", "local")))


def events_of(store, session_id):
    return [stored.event for stored in store.events.list(SessionKey("assistant", "local", session_id))]


def parts_of(store, session_id):
    """The content of a session in short: pairs of a kind and a value."""
    return [
        short(part) for event in events_of(store, session_id) if event.content for part in event.content.parts or []
    ]


def short(part):
    if part.function_call:
        return "call", (part.function_call.name, part.function_call.args)
    if part.function_response:
        return "answer", (part.function_response.name, part.function_response.response)
    if part.executable_code:
        return "code", part.executable_code.code
    if part.code_execution_result:
        return part.code_execution_result.outcome.value, part.code_execution_result.output
    if part.inline_data:
        return "file", (part.inline_data.mime_type, part.inline_data.data)
    return "thought" if part.thought else "text", part.text


def turns_of(store, session_id):
    """Status, tokens and error of each turn."""
    return store.log.database.rows(
        "select status, input_tokens, output_tokens, error from turns join sessions using (session_no) "
        "where sessions.id = $1 order by turns.created_at",
        [session_id],
    )


def places(value, path=()):
    """The paths to all values in a JSON document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from places(one, (*path, name))


def changed(document, path, value):
    """A copy with a different value at one path."""
    name, *rest = path
    other = list(document) if isinstance(document, list) else dict(document)
    other[name] = changed(document[name], rest, value) if rest else value
    return other
