"""Reads the conversations.json of a ChatGPT export: of each tree of messages, the branch that was shown last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.genai import types

from session_store.exchange import conversation as incoming
from session_store.exchange.chats.chatgpt_text import Citations
from session_store.exchange.chats.enclosed import Enclosed
from session_store.exchange.chats.foreign import (
    PYTHON,
    Events,
    Said,
    Tree,
    beginning,
    cited,
    code_parts,
    conversation,
    thought,
)
from session_store.exchange.conversation import ImportedConversation, Owner
from session_store.exchange.errors import DamagedError
from session_store.exchange.fields import Fields, time_of
from session_store.exchange.notes import Notes, has_content, of_role, quoted
from session_store.transcripts.endings import ending_named
from session_store.transcripts.parts import USER

ARCHIVED: Final = "archived"
NO_MODEL: Final = frozenset({"", "auto"})
_UNSEEN: Final = frozenset({"reasoning_recap", "user_editable_context", "model_editable_context"})
"""Content types that ChatGPT does not show as messages."""
_TEXTS: Final = ("text", "result", "content", "output_str", "summary", "snippet")
"""Names of the field that holds the text, which depends on the content type."""
_ABOUT: Final = ("title", "url", "domain", "name", "snippet", "summary", "pub_date")
"""Other fields in which a tool describes a page it has read."""
_THINKING: Final = "analysis"
_CHANNELS: Final = frozenset({"", "final", "commentary", _THINKING})
"""Channels of model messages. ChatGPT shows ``commentary``, written along the way, as part of the answer."""
_OF_FILES: Final = (
    "content_type",
    "direction",
    "decoding_id",
    "format",
    "expiry_datetime",
    "size_bytes",
    "width",
    "height",
    "fovea",
)
"""Metadata of a file besides its location."""
_STOPPED: Final = "interrupted"
_PARTIAL: Final = "finished_partial_completion"


def recognizes(document: object) -> bool:
    """Whether a JSON document is a conversation of a ChatGPT export, with a tree of messages, which may be empty."""
    if not isinstance(document, dict):
        return False
    mapping = document.get("mapping")
    nodes = list(mapping.values()) if isinstance(mapping, dict) else mapping
    if not isinstance(nodes, list):
        return False
    in_tree = any(isinstance(node, dict) and not {"message", "parent", "children"}.isdisjoint(node) for node in nodes)
    return in_tree or (not nodes and "current_node" in document)


def conversation_of(document: object, owner: Owner, enclosed: Enclosed | None = None) -> ImportedConversation:
    """Returns one conversation of the export, with those of its files that are in the archive (``enclosed``).

    Raises:
        DamagedError: it is not a conversation.
    """
    notes = Notes()
    whole = Fields(document, notes)
    nodes = _nodes(whole.whole("mapping"), notes)
    tree = Tree(nodes, "parent", "children", _at, lambda node: has_content(node.get("message")))
    path = tree.branch(whole.value("current_node"), notes)
    known = (whole.text("conversation_id") or whole.text("id")).strip() or incoming.stable_id("chatgpt", *sorted(nodes))
    whole.ignore("id")
    updated_at = whole.time("update_time")
    begin = beginning(whole.time("create_time"), [_at(node) for _, node in path], updated_at, notes)
    events = Events(owner.agent, incoming.usable_id(known), begin, notes)
    reader = _Reader(events, whole.text("default_model_slug"), enclosed or Enclosed())
    for name, node in path:
        reader.take(name, node)
    tags = [ARCHIVED] if whole.flag("is_archived") else []
    notes.converted("`is_archived` to a tag", len(tags))
    saved = [whole.flag("is_starred"), has_content(whole.whole("pinned_time"))]
    title = whole.text("title")
    whole.finish()
    return conversation(reader.events, owner, title=title, updated_at=updated_at, saved=any(saved), tags=tags)


def _nodes(mapping: object, notes: Notes) -> dict[str, Any]:
    """Returns the messages of the tree by name, even if they come as a list."""
    if isinstance(mapping, dict):
        return mapping
    listed = mapping if isinstance(mapping, list) else []
    nodes: dict[str, Any] = {}
    for node in listed:
        message = node.get("message") if isinstance(node, dict) else None
        name = isinstance(node, dict) and (node.get("id") or (isinstance(message, dict) and message.get("id")))
        if name and str(name) not in nodes:
            nodes[str(name)] = node
        else:
            notes.left_out("malformed messages", has_content(node))
    if not nodes:
        raise DamagedError("it has no tree of messages (mapping)")
    notes.converted("`mapping` that is a list")
    return nodes


def _at(node: Mapping[str, Any]) -> float | None:
    message = node.get("message")
    return time_of(message.get("create_time")) if isinstance(message, dict) else None


class _Message:
    """A message as it appears in the export."""

    def __init__(self, node_name: str, fields: Fields, notes: Notes) -> None:
        fields.ignore("update_time", "end_turn")
        self.author = author = fields.inner("author")
        self.fields, self.metadata = fields, fields.inner("metadata")
        said = fields.value("content")
        if isinstance(said, str):
            notes.converted("`content` that is a text")
            said = {"content_type": "text", "parts": [said]}
        self.content = fields.below("content", said) if isinstance(said, dict) else fields.inner("content")
        # Ids, and what the tree says as well.
        self.metadata.ignore("parent_id", "request_id", "message_type", "timestamp_", "is_complete", "turn_exchange_id")
        self.name = fields.text("id") or node_name
        self.role = author.text("role").strip().lower()
        self.tool = author.text("name") if self.role == "tool" else ""
        self.kind = self.content.text("content_type")
        self.recipient = fields.text("recipient") or "all"
        self.at = fields.time("create_time")
        self.status = fields.text("status")
        self.channel = fields.text("channel").strip().lower()
        if self.channel not in _CHANNELS:
            fields.drop("channel")
        hidden = [self.metadata.flag("is_visually_hidden_from_conversation"), fields.value("weight") == 0]
        # Messages to and from tools are shown as steps.
        self.hidden = any(hidden) and self.role != "tool" and self.recipient == "all"
        self.files: dict[str, types.Part | None] = {}
        """Its files by their names in the archive; None for files that could not be imported."""

    @property
    def file_parts(self) -> list[types.Part]:
        """Returns its files that could be imported."""
        return list(filter(None, self.files.values()))


@dataclass(slots=True)
class _Reader:
    """Reads one message after another."""

    events: Events
    default_model: str
    enclosed: Enclosed
    _bytes: int = 0
    """Total size in bytes of the files imported so far."""
    _called: types.FunctionResponse | None = None
    """The last tool answer, which further messages may extend."""
    _runs_code: bool = False
    """Whether the last message was code, so that the next one holds its output."""

    def take(self, name: str, node: Mapping[str, Any]) -> None:
        """Read the message of a node, if it has one."""
        outer = Fields(node, self.events.notes)
        outer.ignore("id", "parent", "children")
        if fields := outer.inner("message"):
            self._take(_Message(name, fields, self.events.notes))
        outer.finish()

    def _take(self, message: _Message) -> None:
        role = message.role
        if role in ("system", "developer") or message.kind in _UNSEEN or message.hidden:
            self._leave_out(message)
        elif role == USER:
            self.events.ask(message.name, self._parts(message), message.at)
        elif role == "tool":
            self._answer(message)
        else:
            if role != "assistant":
                self.events.notes.converted(f"messages {of_role(role)} to agent answers")
            self._say(message)

    def _leave_out(self, message: _Message) -> None:
        """Note a message that ChatGPT does not show, if it has content."""
        content = message.content
        says = [content.whole(name) for name in content.names if name != "content_type"]
        if has_content([*says, message.metadata.whole("attachments")]):
            of_type = f"content of type {quoted(message.kind)}"
            self.events.notes.left_out(
                of_type if message.kind in _UNSEEN else f"hidden messages {of_role(message.role)}"
            )
        message.fields.forget()

    def _say(self, message: _Message) -> None:
        slugs = [message.metadata.text("model_slug"), message.metadata.text("default_model_slug"), self.default_model]
        end = message.metadata.inner("finish_details").text("type")
        stopped = message.status == "in_progress" or end == _STOPPED
        if not stopped and ending_named(end) is None:
            end = "interrupted" if message.status == _PARTIAL else message.status
        said = Said(
            at=message.at,
            model=next((slug for slug in slugs if slug not in NO_MODEL), ""),
            interrupted=stopped,
            ending="" if stopped else end,
        )
        if message.recipient != "all":
            self._call(message, said)
        elif message.kind == "system_error":
            said.error = " ".join(filter(None, map(message.content.text, ("name", "text")))) or "The answer failed."
            self.events.say(message.name, [], said)
        else:
            citations = Citations(message.metadata)
            said.sources = cited(citations.sources)
            parts = self._parts(message)
            for part in parts:
                if part.text:
                    part.text = citations.applied(part.text, self.events.notes)
                    part.thought = part.thought or message.channel == _THINKING or None
            self.events.say(message.name, parts, said)

    def _call(self, message: _Message, said: Said) -> None:
        self._called = None
        text = self._text(message)
        self._runs_code = message.kind == "code" and message.recipient.startswith("python")
        if self._runs_code:
            self.events.say(message.name, [*self._code(text, message.content), *message.file_parts], said)
        else:
            call = types.FunctionCall(id=message.name, name=message.recipient, args={"input": text})
            self.events.say(message.name, [types.Part(function_call=call), *message.file_parts], said)

    def _answer(self, message: _Message) -> None:
        """Add a tool's answer, and the files it made as a separate answer."""
        self._attachments(message)
        self._told(message)
        self.events.say(f"{message.name}-files", message.file_parts, Said(at=message.at))

    def _told(self, message: _Message) -> None:
        """Add what a tool said: the output of code, the answer to a call, or more of the same answer."""
        text = self._text(message)
        ran, failed = self._came_of(message, text)
        text = "\n".join(filter(None, [text, *ran]))
        failed = failed or message.kind == "system_error"
        if self._runs_code and (message.kind == "execution_output" or message.tool.startswith("python")):
            self._runs_code = False
            if not message.tool.startswith("python"):
                message.author.drop("name")
            outcome = types.Outcome.OUTCOME_FAILED if failed else types.Outcome.OUTCOME_OK
            result = types.CodeExecutionResult(outcome=outcome, output=text)
            self.events.say(message.name, [types.Part(code_execution_result=result)], Said(at=message.at))
            return
        content = message.content
        about = {name: value for name in _ABOUT if has_content(value := content.whole(name)) and value != text}
        if self._called is not None and self._called.name == message.tool and not self.events.is_open(message.tool):
            page = "\n".join(map(str, about.values()))
            response = self._called.response or {}
            response["result"] = "\n\n".join(filter(None, (str(response.get("result", "")), page, text)))
            return
        response = {("error" if failed else "result"): text, **about}
        self._called = self.events.answers(message.name, "", message.tool, response, message.at)

    def _parts(self, message: _Message) -> list[types.Part]:
        self._attachments(message)
        return [*self._said(message), *message.file_parts]

    def _said(self, message: _Message) -> list[types.Part]:
        content, kind = message.content, message.kind
        if kind == "thoughts":
            return _thoughts(content)
        if kind == "code":
            return self._code(content.text("text"), content)
        text = self._text(message)
        return [types.Part(text=text)] if text.strip() else []

    def _code(self, text: str, content: Fields) -> list[types.Part]:
        language = content.text("language")
        if language.strip().lower() not in (*PYTHON, "unknown"):
            content.drop("language")
        return code_parts(text, language, None) if text.strip() else []

    def _attachments(self, message: _Message) -> None:
        for attachment in message.metadata.objects("attachments"):
            attachment.ignore(*attachment.names)
            name = attachment.value("name")
            if not self._enclose(message, attachment.value("id"), name if isinstance(name, str) else ""):
                self.events.notes.left_out(f"file {quoted(name)}" if has_content(name) else "files")

    def _enclose(self, message: _Message, address: object, name: str = "") -> bool:
        """Add a file to a message once. Returns whether the archive contains it."""
        entry = self.enclosed.find(address)
        if entry and entry.filename not in message.files:
            notes, by_person = self.events.notes, message.role == USER
            part = self.enclosed.part(entry, name, notes, by_person=by_person, before=self._bytes)
            message.files[entry.filename] = part
            self._bytes += entry.file_size if part else 0
        return entry is not None

    def _text(self, message: _Message) -> str:
        """Returns the readable text of a content. Content that is neither text nor known to contain any is noted by
        type."""
        content, kind = message.content, message.kind
        if "parts" in content:
            pieces = [part if isinstance(part, str) else self._piece(part, message) for part in content.items("parts")]
            return "\n\n".join(piece for piece in pieces if piece)
        texts = {name: value for name in _TEXTS if isinstance(value := content.value(name), str) and value.strip()}
        if texts:
            content.ignore("tether_id", "language", "ref_id", "source_analysis_msg_id")
            text = next(iter(texts.values()))
            for name, other in texts.items():
                if other != text and not (message.role == "tool" and name in _ABOUT):
                    content.drop(name)
            return text
        rest = {name: content.whole(name) for name in content.names if name != "content_type"}
        if has_content(rest):
            self.events.notes.left_out(f"content of type {quoted(kind)}")
        return ""

    def _piece(self, part: object, message: _Message) -> str:
        """Returns the text of a part that is an object: a transcript's text, or a placeholder for a missing picture."""
        notes = self.events.notes
        if not isinstance(part, dict):
            notes.left_out("malformed message parts", has_content(part))
            return ""
        fields = message.content.below("parts", part)
        fields.ignore("asset_pointer", *_OF_FILES)
        pointers = {name: one["asset_pointer"] for name, one in part.items() if _points(one)}
        for name in pointers:
            fields.inner(name).ignore("asset_pointer", *_OF_FILES)
        addresses = [one for one in (part.get("asset_pointer"), *pointers.values()) if has_content(one)]
        missing = [one for one in dict.fromkeys(map(str, addresses)) if not self._enclose(message, one)]
        kind = str(part.get("content_type") or "file")
        what = "picture" if kind.startswith("image") else "recording" if "audio" in kind or "video" in kind else "file"
        has_text = isinstance(part.get("text"), str)
        for address in missing:
            notes.left_out(f"{what} {quoted(address)}")
        if not addresses and not has_text:
            notes.left_out(f"{what}s")
        if has_text:
            return fields.text("text")
        return f"[{what}]" if missing or not addresses else ""

    def _came_of(self, message: _Message, text: str) -> tuple[list[str], bool]:
        """Returns the output of code that a tool ran, in order and without what ``text`` already says, and whether the
        code failed. Pictures become files of the message."""
        result = message.metadata.inner("aggregate_result")
        result.ignore("run_id", "code", "start_time", "end_time", "update_time")
        words = []
        for told in result.objects("messages"):
            told.ignore("message_type", "time", "sender", "stream_name", "width", "height")
            words.append(told.text("text"))
            if has_content(address := told.whole("image_url")) and not self._enclose(message, address):
                self.events.notes.left_out(f"picture {quoted(address)}")
        words.append(result.text("final_expression_output"))
        failed = result.text("status").startswith("failed")
        for name in ("in_kernel_exception", "system_exception"):
            failed = failed or has_content(result.value(name))
            words += _exception(result, name)
        words = [one for one in words if one.strip()]
        if text or words:
            result.ignore("jupyter_messages")  # the same output again
        return [one for one in words if one.strip() not in text], failed


def _points(value: object) -> bool:
    return isinstance(value, dict) and has_content(value.get("asset_pointer"))


def _thoughts(content: Fields) -> list[types.Part]:
    """Returns thoughts with their headings."""
    content.ignore("source_analysis_msg_id")
    if isinstance(content.value("thoughts"), str):
        return thought(content.text("thoughts"))
    texts = []
    for one in content.objects("thoughts"):
        one.ignore("finished")
        pieces = one.items("chunks")
        chunks = "".join(chunk for chunk in pieces if isinstance(chunk, str))
        text = one.text("content") or chunks
        if chunks.strip() not in text or not all(isinstance(chunk, str) for chunk in pieces):
            one.drop("chunks")
        texts.append("\n".join(filter(None, (one.text("summary"), text))))
    return thought("\n\n".join(filter(None, texts)))


def _exception(result: Fields, name: str) -> list[str]:
    """Returns the text of an exception: its name and arguments, and where it happened."""
    if not isinstance(result.value(name), dict):
        return [str(one) for one in result.items(name)]
    problem = result.inner(name)
    told = ": ".join(str(one) for one in (problem.whole("name"), *problem.items("args")) if has_content(one))
    return [told, *("\n".join(map(str, problem.items(part))) for part in ("notes", "traceback"))]
