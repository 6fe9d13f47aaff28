"""Reads chats exported by Open WebUI: of each tree of messages, the branch that was shown last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from google.genai import types

from session_store.exchange import conversation as incoming
from session_store.exchange.chats.foreign import Events, Said, Tree, beginning, cited, code_parts, conversation, thought
from session_store.exchange.chats.open_webui_answer import Source, file_parts, output_parts, sources_of, usage_of
from session_store.exchange.chats.open_webui_text import parts_of, pictures_apart, plain_text
from session_store.exchange.conversation import ImportedConversation, Owner
from session_store.exchange.errors import DamagedError
from session_store.exchange.fields import Fields, as_object, time_of
from session_store.exchange.notes import Notes, has_content, of_role
from session_store.models import Feedback
from session_store.transcripts.endings import ending_named
from session_store.transcripts.parts import USER

UNTITLED = "New Chat"
ARCHIVED = "archived"
"""The tag for archived chats, which keeps them apart here, too."""


def recognizes(document: object) -> bool:
    """Whether a JSON document is a chat of an Open WebUI export: with a tree of messages or, in the oldest versions, a
    list of them. Many programs write such lists, so there has to be something else from Open WebUI around it."""
    if not isinstance(document, dict):
        return False
    inner = document.get("chat")
    chat = inner if isinstance(inner, dict) else document
    history = chat.get("history")
    tree = history.get("messages") if isinstance(history, dict) else None
    is_ours = chat is inner or isinstance(chat.get("models"), list)
    return isinstance(tree, (dict, list)) or (is_ours and isinstance(chat.get("messages"), list))


def conversation_of(document: object, owner: Owner) -> ImportedConversation:
    """Returns one chat of the export.

    Raises:
        DamagedError: it is not a chat.
    """
    if not recognizes(document):
        raise DamagedError("it has no messages")
    notes = Notes()
    whole = Fields(document, notes)
    chat = whole.inner("chat") if isinstance(whole.value("chat"), dict) else whole
    messages = _messages(chat, notes)
    known = (whole.text("id") or chat.text("id")).strip() or incoming.stable_id(
        "open-webui", json.dumps([message for _, message in messages], sort_keys=True)
    )
    updated_at = whole.time("updated_at")
    created = [whole.time("created_at"), chat.time("timestamp")]
    begin = beginning(
        next((at for at in created if at is not None), None),
        [_at(message) for _, message in messages],
        updated_at,
        notes,
    )
    events = Events(owner.agent, incoming.usable_id(known), begin, notes)
    feedback: list[Feedback] = []
    for name, message in messages:
        fields = Fields(message, notes)
        feedback += _take(fields, name, events)
        fields.finish()
    title, inner_title = whole.text("title"), chat.text("title")
    if title not in ("", inner_title):
        chat.drop("title")
    tags = _tags(whole, chat, notes)
    saved = whole.flag("pinned")
    _models(chat, events)
    whole.finish()
    return conversation(
        events,
        owner,
        title="" if (title or inner_title) == UNTITLED else title or inner_title,
        updated_at=updated_at,
        saved=saved,
        tags=tags,
        feedback=feedback,
    )


def _messages(chat: Fields, notes: Notes) -> list[tuple[str, Mapping[str, Any]]]:
    """Returns the names and messages of the branch that was shown last, or of a chat without a tree."""
    history = chat.inner("history")
    nodes, current = history.whole("messages"), history.value("currentId")
    if isinstance(nodes, list):
        nodes = {
            str(node["id"] if isinstance(node, dict) and "id" in node else n): node for n, node in enumerate(nodes)
        }
    flat = chat.items("messages")
    if isinstance(nodes, dict) and nodes:
        said = [node.get("content") for node in nodes.values() if isinstance(node, dict)]
        others = [one for one in flat if not (isinstance(one, dict) and (str(one.get("id")) in nodes))]
        lost = [
            one for one in others if has_content(one) and not (isinstance(one, dict) and one.get("content") in said)
        ]
        notes.left_out("messages that are not in the tree", len(lost))
        return Tree(nodes, "parentId", "childrenIds", _at, has_content).branch(current, notes)
    usable = [message for message in flat if isinstance(message, dict)]
    notes.left_out("malformed messages", len(flat) - len(usable))
    return [(str(number), message) for number, message in enumerate(usable, start=1)]


def _at(message: Mapping[str, Any]) -> float | None:
    return time_of(message.get("timestamp"))


def _tags(whole: Fields, chat: Fields, notes: Notes) -> list[str]:
    places = [whole.inner("meta").items("tags"), whole.items("tags"), chat.items("tags")]
    tags = []
    for tag in [tag for place in places for tag in place]:
        name = tag.get("name") or tag.get("id") if isinstance(tag, dict) else tag
        if isinstance(name, str):
            tags.append(name)
        else:
            notes.left_out("malformed tags")
    if whole.flag("archived"):
        notes.converted("`archived` to a tag")
        tags.append(ARCHIVED)
    return tags


def _models(chat: Fields, events: Events) -> None:
    """Ignores the models chosen for a chat if the answers name all of them; notes them otherwise."""
    answered = {event.model_version for event in events.made}
    named = [one for one in chat.items("models") if has_content(one)]
    if not all(isinstance(one, str) and one in answered for one in named):
        chat.drop("models")


def _take(message: Fields, name: str, events: Events) -> list[Feedback]:
    """Add a message. Returns the user's feedback on it."""
    message.ignore("parentId", "childrenIds", "lastSentence", "completedAt")
    name, role, at = message.text("id") or name, message.text("role").strip().lower(), message.time("timestamp")
    if role == USER:
        message.ignore("models", "done")
        text = _body(message, events.notes)
        parts = pictures_apart(types.Part(text=text)) if text.strip() else []
        parts += _pictures(message, events.notes)
        events.ask(name, [*parts, *file_parts(message.objects("files"), events.notes, with_texts=True)], at)
    elif role in ("system", "developer"):
        events.notes.left_out(f"messages {of_role(role)}")
        message.forget()
    elif role in ("tool", "function"):
        call_id, tool = message.text("tool_call_id"), message.text("name")
        events.answers(name, call_id, tool, as_object(_body(message, events.notes), "result"), at)
    else:
        if role != "assistant":
            events.notes.converted(f"messages {of_role(role)} to agent answers")
        return _take_answer(message, name, events, at)
    return []


def _take_answer(message: Fields, name: str, events: Events, at: float | None) -> list[Feedback]:
    notes = events.notes
    model, done = message.text("model"), message.value("done")
    if message.value("modelName") not in (None, model):
        message.drop("modelName")
    message.ignore("modelIdx")
    body = _body(message, notes)
    error = _error(message, body)
    parts = _answer_parts(message, "" if error == body else body, notes)
    parts = [one for part in parts for one in pictures_apart(part)]
    parts += _pictures(message, notes) + file_parts(message.objects("files"), notes)
    info = message.inner("info")
    ends = [message.text("finish_reason"), message.text("done_reason"), info.text("done_reason"), _incomplete(message)]
    said = Said(
        at=at,
        model=model,
        usage=usage_of(message.inner("usage")) or _older_usage(info),
        ending=next(filter(ending_named, ends), ""),
        sources=cited(_sources(message, notes)),
        interrupted=done is False and not error,
        error=error,
    )
    event_id = events.say(name, parts, said)
    _take_merged(message, name, events, at)
    return [] if event_id is None else _feedback(message, event_id, events)


def _incomplete(message: Fields) -> str:
    """Returns why an answer was not completed, according to its output items."""
    output = message.value("output")
    items = [item for item in (output if isinstance(output, list) else ()) if isinstance(item, dict)]
    details = [item.get("incomplete_details") for item in items if item.get("status") == "incomplete"]
    reasons = [one.get("reason") if isinstance(one, dict) else None for one in details]
    return next((one if isinstance(one, str) and one else "interrupted" for one in reasons), "")


def _older_usage(info: Fields) -> types.GenerateContentResponseUsageMetadata | None:
    return usage_of(info.inner("usage")) or usage_of(info)


def _answer_parts(message: Fields, body: str, notes: Notes) -> list[types.Part]:
    """Returns the parts of an answer, from its output items or from the markup in its text, whichever has more
    steps."""
    reasoning = thought(message.text("reasoning_content"))
    calls = [part for call in message.objects("tool_calls") for part in _openai_call(call)]
    executed = list(map(_execution, message.objects("code_executions")))
    shown = parts_of(body, notes)
    parts = shown
    if has_content(message.value("output")):
        items = output_parts(message.objects("output"), notes)
        texts = plain_text(items), plain_text(shown)
        if _steps(shown) > _steps(items):
            items = shown
        elif texts[1].split() and texts[0].split() != texts[1].split():
            if texts[0].split():
                notes.replaced("text of `output` with the text shown")
            items = [part for part in items if not part.text or part.thought]
            items += [part for part in shown if part.text and not part.thought]
        parts = items
    others = [part for run in executed if run[0] not in parts for part in run]
    return [*reasoning, *calls, *others, *parts]


def _steps(parts: list[types.Part]) -> int:
    return sum(part.thought is True or not part.text for part in parts)


def _openai_call(call: Fields) -> list[types.Part]:
    call.ignore("type", "index")
    function = call.inner("function")
    name, given = function.text("name") or "tool", function.whole("arguments")
    args = as_object(given, "input") if has_content(given) else {}
    return [types.Part(function_call=types.FunctionCall(id=call.text("id") or None, name=name, args=args))]


def _execution(run: Fields) -> list[types.Part]:
    run.ignore("id", "uuid", "name")
    result = run.inner("result")
    output = {"output": result.whole("output"), "error": result.whole("error")} if result else None
    return code_parts(run.text("code"), run.text("language"), output)


def _body(message: Fields, notes: Notes) -> str:
    """Returns the text of a message, even if it comes in parts in OpenAI's format."""
    if not isinstance(message.value("content"), list):
        return message.text("content")
    texts = []
    for part in message.items("content"):
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and (part.get("type") == "image_url" or isinstance(part.get("text"), str)):
            fields = message.below("content", part)
            fields.ignore("type", "image_url" if part.get("type") == "image_url" else "")
            texts.append(fields.text("text"))
        else:
            notes.left_out("non-text pieces of `content`", has_content(part))
    return "\n\n".join(filter(None, texts))


def _pictures(message: Fields, notes: Notes) -> list[types.Part]:
    """Returns the pictures in a message that comes in parts."""
    content = message.value("content")
    addresses = [
        part["image_url"].get("url") if isinstance(part.get("image_url"), dict) else part.get("image_url")
        for part in (content if isinstance(content, list) else ())
        if isinstance(part, dict) and part.get("type") == "image_url"
    ]
    return file_parts([Fields({"type": "image", "url": address}, notes) for address in addresses], notes)


def _error(message: Fields, body: str) -> str:
    """Returns why an answer failed; empty if it did not. In older versions, the text holds the reason."""
    error, fields = message.whole("error"), message
    while isinstance(error, dict) and has_content(error):
        fields = fields.below("error", error)
        error = next((one for name in ("content", "message", "detail", "error") if (one := fields.whole(name))), True)
    if not has_content(error):
        return ""
    if error is True:
        return body.strip() or "The answer failed. The export does not say why."
    return error.strip() if isinstance(error, str) else json.dumps(error, ensure_ascii=False)


def _sources(message: Fields, notes: Notes) -> list[Source]:
    return [source for name in ("sources", "citations") for source in sources_of(message.objects(name), notes)]


def _take_merged(message: Fields, name: str, events: Events, at: float | None) -> None:
    """Add the answer that was merged from those of several models."""
    merged = message.value("merged")
    if not has_content(merged):
        return
    fields = message.below("merged", merged)
    fields.ignore("status")
    text = fields.text("content") if fields else merged if isinstance(merged, str) else ""
    if text.strip():
        events.notes.converted("`merged` to a separate answer")
        events.say(f"{name}-merged", parts_of(text, events.notes), Said(at=at))
    elif not fields:
        message.drop("merged")


def _feedback(message: Fields, event_id: str, events: Events) -> list[Feedback]:
    annotation = message.inner("annotation")
    rating = annotation.value("rating")
    score: Literal[1, -1] | None = 1 if rating == 1 else -1 if rating == -1 else None
    if score is None:
        annotation.drop("rating")
    comment = annotation.text("comment")
    if score is None and not comment.strip():
        return []
    return [Feedback(event_id, score, comment, events.made[-1].timestamp)]
