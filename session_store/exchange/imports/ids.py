"""Makes imported ids usable in addresses, pages and style sheets. An odd id is replaced everywhere by the same new
one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from session_store.exchange.conversation import About, ImportedConversation, stable_id, usable_id
from session_store.models import Workspace
from session_store.sessions.event_rows import NewEvent

_PLAIN: Final = re.compile(r"[\w:-][\w.:-]{0,127}", re.ASCII)


def plain_id(given: str) -> str:
    """Returns the id, or a stable replacement if it is odd."""
    return given if _PLAIN.fullmatch(given) else stable_id("id", given)


def with_plain_ids(conversation: ImportedConversation) -> ImportedConversation:
    """Returns the conversation without odd ids of events, turns, results and its workspace. Notes how many there were.
    The conversation's own id is already plain."""
    odd = {given for given in _ids(conversation) if given and not _PLAIN.fullmatch(given)}
    if not odd:
        return conversation
    conversation.notes.replaced("ids with unusual characters, or too many", len(odd))
    events = tuple(_plain_event(event) for event in conversation.events)
    return replace(conversation, about=_plain_about(conversation.about), events=events)


def plain_workspace(workspace: Workspace) -> Workspace:
    """Returns the workspace with plain ids for itself and its parent."""
    return replace(
        workspace, id=plain_id(workspace.id), parent_id=workspace.parent_id and plain_id(workspace.parent_id)
    )


def _ids(conversation: ImportedConversation) -> Iterator[str | None]:
    about = conversation.about
    for event in conversation.events:
        yield from (event.id, event.invocation_id, event.rewind_before)
    yield from (turn.id for turn in about.turns)
    for result, _ in about.results:
        yield from (result.id, result.turn_id)
    yield from (given.event_id for given in about.feedback)
    yield from (about.workspace_id, about.branched_at, *about.copied, *(about.rewound or ()))


def _plain_event(event: NewEvent) -> NewEvent:
    names = {given: plain_id(given) for given in (event.invocation_id, event.rewind_before) if given}
    event = event.with_invocations(names) if any(name != given for given, name in names.items()) else event
    return event if plain_id(event.id) == event.id else event.with_id(plain_id(event.id))


def _plain_about(about: About) -> About:
    return replace(
        about,
        workspace_id=plain_id(about.workspace_id),
        turns=tuple(replace(turn, id=plain_id(turn.id)) for turn in about.turns),
        results=tuple(
            (replace(result, id=plain_id(result.id), turn_id=plain_id(result.turn_id)), data)
            for result, data in about.results
        ),
        feedback=tuple(replace(given, event_id=plain_id(given.event_id)) for given in about.feedback),
        rewound=None if about.rewound is None else frozenset(map(plain_id, about.rewound)),
        copied=frozenset(map(plain_id, about.copied)),
        branched_from=about.branched_from and usable_id(about.branched_from),
        branched_at=about.branched_at and plain_id(about.branched_at),
    )
