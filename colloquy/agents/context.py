"""How much of a conversation the model sees: the newest messages, or all of them with ADK's compaction.

A message here is what a person sees as one: what they wrote, or an agent's answer together with its tool calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from functools import partial
from typing import Final

from google.adk.agents import LlmAgent
from google.adk.apps.app import App, EventsCompactionConfig
from google.adk.events.event import Event
from google.adk.plugins.context_filter_plugin import ContextFilterPlugin
from google.genai import types

USER: Final = "user"
NAME: Final = "colloquy_context"

_OTHER_AGENT: Final = "For context: "
"""How ADK begins what it tells one agent about another; such content has the user role."""

_STEP_OF_OTHER: Final = ("] called tool", " tool returned result:")
_COMPACTED_TURNS: Final = 10
"""Turns that ADK's compaction summarizes at a time if all messages would otherwise be seen."""

_OVERLAPPING_TURNS: Final = 2


class _Kind(Enum):
    PERSON = auto()
    """What the person wrote."""
    STEP = auto()
    """A tool call or its response."""
    SAID = auto()
    """What an agent said; ends its message."""


def first_seen(events: Sequence[Event], messages: int) -> str | None:
    """Return the id of the first event that the model was shown for the person's newest message; None if it saw all of
    them.

    ``events`` are those of one session in order, without rewound ones; older ones that are certainly not seen may be
    missing. ``messages`` is as in ``AgentContext``.
    """
    start = _start([_kind_of_event(event) for event in events], messages)
    return events[start].id if start else None


def newest(contents: list[types.Content], messages: int) -> list[types.Content]:
    """Return the newest messages of what ADK is about to show a model, and everything after the person's last one.

    There are fewer if the oldest would be an answer with tool calls, because models accept those only after the message
    they belong to. A call is never separated from its response.
    """
    return contents[_start([_kind_of_content(content) for content in contents], messages) :]


def bounded(app: App, messages: int, *, compaction: bool) -> App:
    """Return a copy of an app whose model sees only the newest ``messages`` (0: all), or that uses ADK's own
    compaction.

    An app with its own compaction or context filter keeps it. If the root agent has no model for summaries, the limit
    is used instead of compaction.
    """
    if app.events_compaction_config or any(isinstance(plugin, ContextFilterPlugin) for plugin in app.plugins):
        return app
    if compaction and isinstance(app.root_agent, LlmAgent):
        interval = max(1, messages // 2) if messages else _COMPACTED_TURNS
        overlap = min(_OVERLAPPING_TURNS, interval - 1)
        config = EventsCompactionConfig(compaction_interval=interval, overlap_size=overlap)
        return app.model_copy(update={"events_compaction_config": config})
    plugin = ContextFilterPlugin(custom_filter=partial(newest, messages=messages), name=NAME)
    return app.model_copy(update={"plugins": [*app.plugins, plugin]})


def _start(kinds: Sequence[_Kind | None], messages: int) -> int:
    """Return where the newest ``messages`` begin, counted back from the person's last one."""
    starts: list[int] = []
    last_person = max((at for at, kind in enumerate(kinds) if kind is _Kind.PERSON), default=-1)
    before = None
    for at, kind in enumerate(kinds[: last_person + 1]):
        if kind is None:
            continue
        if kind is _Kind.PERSON or before is not _Kind.STEP:
            starts.append(at)
        before = kind
    if messages == 0 or len(starts) <= messages:
        return 0
    return next(at for at in starts[-messages:] if kinds[at] is not _Kind.STEP)


def _kind_of_event(event: Event) -> _Kind | None:
    content = event.content
    if content is None or not content.parts:
        return None
    if event.get_function_calls() or event.get_function_responses():
        return _Kind.STEP
    if all(part.thought or not _shows(part) for part in content.parts):
        return None
    return _Kind.PERSON if event.author == USER else _Kind.SAID


def _kind_of_content(content: types.Content) -> _Kind:
    parts = content.parts or []
    if any(part.function_call or part.function_response for part in parts):
        return _Kind.STEP
    if content.role != USER:
        return _Kind.SAID
    if parts and (parts[0].text or "").startswith(_OTHER_AGENT):
        is_step = any(mark in (part.text or "") for part in parts[1:] for mark in _STEP_OF_OTHER)
        return _Kind.STEP if is_step else _Kind.SAID
    return _Kind.PERSON


def _shows(part: types.Part) -> bool:
    return bool(part.text or part.inline_data or part.file_data or part.executable_code or part.code_execution_result)
