"""Chats of other programs: makes events of their messages, and reads trees of messages as one branch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from google.adk.events.event import Event
from google.genai import types

from session_store.errors import HistoryError
from session_store.exchange import conversation as incoming
from session_store.exchange.bounds import bounded_event
from session_store.exchange.conversation import About, ImportedConversation, Owner, stable_id
from session_store.exchange.notes import (
    BACKWARDS,
    DEEPEST_VALUE,
    Notes,
    has_content,
    nested_deeper_than,
    quoted,
)
from session_store.history.labels import clean_tags
from session_store.models import Feedback, SessionKey, TitleSource
from session_store.phrases import without_thoughts
from session_store.transcripts.endings import ending_named, is_ending
from session_store.transcripts.parts import USER

PYTHON: Final = frozenset({"", "py", "python", "python3", "code"})
"""Names that programs use for Python code, or for code without a stated language."""
OUTPUTS: Final = ("stdout", "result", "output", "stderr", "error")
"""Fields for the output of code."""


@dataclass(slots=True, kw_only=True)
class Said:
    """What a program knows of a message besides its parts."""

    at: float | None = None
    model: str = ""
    usage: types.GenerateContentResponseUsageMetadata | None = None
    sources: types.GroundingMetadata | None = None
    interrupted: bool = False
    error: str = ""
    ending: str = ""
    """The program's name for the way the answer ended."""


@dataclass(slots=True)
class Events:
    """Assembles messages into events, in order. Each message of the user begins a turn."""

    agent: str
    session_id: str
    begin: float
    notes: Notes
    made: list[Event] = field(default_factory=list)
    _turn: str = ""
    _ids: set[str] = field(default_factory=set)
    _open: list[types.FunctionCall] = field(default_factory=list)
    """Calls that no tool has answered yet."""

    def ask(self, message_id: str, parts: Sequence[types.Part], at: float | None) -> None:
        """Add a message of the user, unless it has no parts."""
        if parts:
            self._turn = stable_id("turn", self.session_id, message_id, str(len(self.made)))
            self._add(message_id, USER, "user", parts, at)

    def say(self, message_id: str, parts: Sequence[types.Part], said: Said) -> str | None:
        """Add what the agent said in one message: one event for each run of tool answers and for each run of anything
        else. Returns the id of the event with the last words, or None if there is none."""
        known = [part for number, part in enumerate(parts) if self._belongs(part, f"{message_id}-{number}")]
        runs = [(is_answer, list(run)) for is_answer, run in groupby(known, key=_is_answer)]
        ending = ending_named(said.ending)
        if not runs and not (said.error or said.interrupted or ending):
            return None
        self._turn = self._turn or stable_id("turn", self.session_id, message_id)
        ends = said.error or said.interrupted or ending
        runs = runs if runs and not (ends and runs[-1][0]) else [*runs, (False, [])]
        words = max((place for place, (is_answer, _) in enumerate(runs) if not is_answer), default=-1)
        named = None
        for place, (is_answer, run) in enumerate(runs):
            name = message_id if place == words or len(runs) == 1 else f"{message_id}-{place + 1}"
            event = self._add(name, self.agent, "user" if is_answer else "model", run, said.at)
            if is_answer:
                continue
            event.model_version = said.model or None
            if place == words:
                event.usage_metadata, event.grounding_metadata = said.usage, said.sources
                event.interrupted = said.interrupted or None
                if said.error:
                    event.error_code, event.error_message = incoming.ERROR, said.error
                elif ending and is_ending(said.ending):
                    event.error_code = said.ending.upper()
                elif ending:
                    event.error_code, event.error_message = said.ending, ending.reason
                named = event.id
        return named

    def answers(
        self, message_id: str, call_id: str, name: str, response: dict[str, Any], at: float | None
    ) -> types.FunctionResponse:
        """Add a tool's answer as a message of its own. Without an id, it answers the tool's first open call."""
        answer = types.FunctionResponse(id=call_id or None, name=name or None, response=response)
        self.say(message_id, [types.Part(function_response=answer)], Said(at=at))
        return answer

    def is_open(self, tool: str) -> bool:
        """Whether a call of a tool waits for an answer."""
        return any(call.name == tool for call in self._open)

    def _belongs(self, part: types.Part, name: str) -> bool:
        """Whether a part can stay: an answer needs a call. Gives both the same id and name."""
        if call := part.function_call:
            call.args = self._kept(call.args or {})
            call.id = call.id or stable_id("call", self.session_id, name)
            self._open.append(call)
        if answer := part.function_response:
            answer.response = self._kept(answer.response or {})
            found = [one for one in self._open if one.id == answer.id]
            if not found and not (answer.id and answer.name is None):
                found = [one for one in self._open if answer.name in (None, one.name)]
            if not found:
                self.notes.left_out("tool answers without a call")
                return False
            answer.id, answer.name = found[0].id, found[0].name
            self._open.remove(found[0])
        return True

    def _kept(self, value: dict[str, Any]) -> dict[str, Any]:
        """Returns a tool's arguments or answer, or an empty object if they are nested too deeply for an event."""
        if not nested_deeper_than(DEEPEST_VALUE, value):
            return value
        self.notes.left_out("arguments and answers of tools that are nested too deeply")
        return {}

    def _add(self, name: str, author: str, role: str, parts: Sequence[types.Part], at: float | None) -> Event:
        before = self.made[-1].timestamp if self.made else self.begin
        if at is not None and at < before:
            self.notes.replaced(BACKWARDS)
        event = Event(
            id=name if name not in self._ids else stable_id("event", name, str(len(self.made))),
            invocation_id=self._turn,
            author=author,
            content=types.Content(role=role, parts=list(parts)) if parts else None,
            timestamp=max(before, at if at is not None else before),
        )
        self._ids.add(event.id)
        self.made.append(event)
        return event


def _is_answer(part: types.Part) -> bool:
    return part.function_response is not None


def conversation(
    events: Events,
    owner: Owner,
    *,
    title: str,
    updated_at: float | None,
    saved: bool = False,
    tags: Iterable[str] = (),
    feedback: Sequence[Feedback] = (),
) -> ImportedConversation:
    """Returns the conversation with these events. Unanswered calls are closed, as live turns do."""
    key = SessionKey(owner.agent, owner.user, events.session_id)
    made = incoming.settled([bounded_event(event, events.notes) for event in events.made], events.notes)
    _tell_errors_within(made, events.notes)
    own_title = without_thoughts(title)
    shown = own_title or incoming.first_words(made)
    last = made[-1].timestamp if made else max(events.begin, updated_at or 0)
    about = About(
        key=key,
        created_at=min(events.begin, last),
        updated_at=last,
        seen_at=max(time.time(), last),
        title=shown,
        title_source=TitleSource.MODEL if own_title else TitleSource.WORDS if shown else TitleSource.NONE,
        saved=saved,
        turns=incoming.turns_of(key, made),
        tags=_usable_tags(tags, events.notes),
        feedback=tuple(feedback),
    )
    taken = tuple(incoming.new_event(event, f"message {event.id!r}") for event in made)
    return ImportedConversation(about, taken, events.notes)


def _tell_errors_within(made: Sequence[Event], notes: Notes) -> None:
    """Turns errors after which the agent continued in the same turn into text of the answer, as they did not end the
    turn."""
    last = {event.invocation_id: event for event in made}
    for event in made:
        if event.error_code == incoming.ERROR and event.error_message and event is not last[event.invocation_id]:
            content = event.content or types.Content(role="model")
            content.parts = [*(content.parts or []), types.Part(text=f"Error: {event.error_message}")]
            event.content, event.error_code, event.error_message = content, None, None
            notes.converted("errors within an answer to text")


def beginning(
    created_at: float | None, said_at: Iterable[float | None], updated_at: float | None, notes: Notes
) -> float:
    """Returns when a chat began: its creation time, or that of an earlier message. Without any time, uses the current
    time and notes it."""
    known = [at for at in (created_at, *said_at) if at is not None]
    if not known and updated_at is not None:
        known = [updated_at]
    if not known:
        notes.added("missing dates from the time of the import")
    return min(known, default=time.time())


def _usable_tags(tags: Iterable[str], notes: Notes) -> tuple[str, ...]:
    usable: list[str] = []
    for tag in tags:
        words = " ".join(tag.replace(",", " ").split())
        try:
            usable += clean_tags([words])
        except HistoryError:
            if words:
                notes.left_out(f"tag {quoted(tag)}")
        else:
            if words != tag.strip():
                notes.converted(f"tag {quoted(tag)}")
    return clean_tags(usable)


def thought(text: str) -> list[types.Part]:
    """Returns a thought as a part, unless it is empty."""
    return [types.Part(text=text.strip(), thought=True)] if text.strip() else []


def code_parts(code: str, language: str, output: object) -> list[types.Part]:
    """Returns code that was run and, if known, its output."""
    known = types.Language.PYTHON if language.strip().lower() in PYTHON else types.Language.LANGUAGE_UNSPECIFIED
    parts = [types.Part(executable_code=types.ExecutableCode(code=code, language=known))]
    if output is None:
        return parts
    failed, text = False, output if isinstance(output, str) else ""
    if isinstance(output, dict):
        said = [output.get(name) for name in OUTPUTS]
        text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in said if has_content(one))
        failed = has_content(output.get("error")) or (
            has_content(output.get("stderr")) and not any(map(has_content, said[:3]))
        )
    elif not isinstance(output, str):
        text = json.dumps(output)
    outcome = types.Outcome.OUTCOME_FAILED if failed else types.Outcome.OUTCOME_OK
    return [*parts, types.Part(code_execution_result=types.CodeExecutionResult(outcome=outcome, output=text))]


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of messages, as kept by programs in which answers can be regenerated.

    ``parent`` and ``children`` are the names of these fields. ``at`` returns the time of a node, and ``speaks`` whether
    it contains a message.
    """

    nodes: Mapping[str, Any]
    parent: str
    children: str
    at: Callable[[Mapping[str, Any]], float | None]
    speaks: Callable[[Mapping[str, Any]], bool]

    def branch(self, current: object, notes: Notes) -> list[tuple[str, Mapping[str, Any]]]:
        """Returns the names and nodes from the root to the current node or, if that is missing, to the newest leaf.
        Messages on other branches are noted."""
        usable = {str(name): node for name, node in self.nodes.items() if isinstance(node, dict)}
        notes.left_out("malformed messages", sum(map(has_content, self.nodes.values())) - _full(usable))
        parents = self._parents(usable)
        last: str | None = str(current)
        if last not in usable:
            if has_content(current):
                notes.replaced("missing current message with the newest one")
            last = self._newest(usable, parents)
        path: list[str] = []
        seen: set[str] = set()
        while last in usable and last not in seen:
            seen.add(last)
            path.append(last)
            last = parents.get(last)
        others = sum(self.speaks(node) for name, node in usable.items() if name not in seen)
        notes.left_out("messages on other branches", others)
        return [(name, usable[name]) for name in reversed(path)]

    def _parents(self, usable: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Returns the parent of each node, even where only the parent names the child."""
        parents: dict[str, str] = {}
        for name, node in usable.items():
            children = node.get(self.children)
            for child in children if isinstance(children, list) else ():
                parents.setdefault(str(child), name)
        for name, node in usable.items():
            if str(node.get(self.parent)) in usable:
                parents[name] = str(node[self.parent])
        return parents

    def _newest(self, usable: Mapping[str, Mapping[str, Any]], parents: Mapping[str, str]) -> str | None:
        leaves = usable.keys() - set(parents.values()) or usable.keys()

        def said_at(leaf: str) -> float:
            name: str | None = leaf
            seen: set[str] = set()
            while name is not None and name in usable and name not in seen:
                if (at := self.at(usable[name])) is not None:
                    return at
                seen.add(name)
                name = parents.get(name)
            return 0.0

        in_order = [name for name in usable if name in leaves]
        return max(reversed(in_order), key=said_at, default=None)


def _full(nodes: Mapping[str, Any]) -> int:
    return sum(map(has_content, nodes.values()))


def cited(sources: Iterable[tuple[str, str, str]]) -> types.GroundingMetadata | None:
    """Returns titles, addresses and texts of an answer's sources in ADK's form; None if there are none."""
    chunks = [
        types.GroundingChunk(web=types.GroundingChunkWeb(title=title or None, uri=url))
        if url.startswith(("http://", "https://")) and not text
        else types.GroundingChunk(
            retrieved_context=types.GroundingChunkRetrievedContext(
                title=title or None, uri=url or None, text=text or None
            )
        )
        for title, url, text in dict.fromkeys(sources)
        if title or url or text
    ]
    return types.GroundingMetadata(grounding_chunks=chunks) if chunks else None
