"""Branches: new sessions that continue from the middle of another one."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.events.event import Event

from session_store.compat.adk import adk_session_util
from session_store.engine.transaction import Transaction
from session_store.errors import HistoryError
from session_store.models import SessionKey, SessionSummary, StoredEvent, TitleSource
from session_store.sessions.cache import CachedEvent, Head
from session_store.sessions.event_rows import NewEvent
from session_store.sessions.listing import session_at
from session_store.sessions.log import SessionLog
from session_store.sessions.reads import Loaded

BRANCH_SUFFIX: Final = " (branch)"
"""Suffix of a branch's title."""

_OVER: Final = "n.whole and status in ('completed', 'stopped', 'failed', 'interrupted')"
_TURNS: Final = f"""
    insert into turns by name
    select n.new as id, $number::bigint as session_no, case when {_OVER} then status else 'completed' end as status,
        message, model, created_at, started_at, first_token_at,
        case when {_OVER} then ended_at else $until::double end as ended_at,
        case when {_OVER} then error end as error, false as rewound, true as copied
    from turns t join (
        select unnest($olds::varchar[]) as old, unnest($news::varchar[]) as new, unnest($wholes::boolean[]) as whole
    ) n on n.old = t.id
    where t.session_no = $parent
"""


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a session that a branch starts with, under its new ids: from the start to the event ``at``."""

    origin: SessionKey
    at: str
    key: SessionKey
    events: tuple[NewEvent, ...]
    turn_names: Mapping[str, str]
    """New turn ids, by the original ones."""
    cut_turns: frozenset[str]
    """Turns of which only a part is copied."""
    calls: frozenset[str]
    """Ids of the tool calls in it. They stay unchanged: models' answers may be bound to them."""
    state: Mapping[str, Any]
    until: float


def branch(log: SessionLog, key: SessionKey, event_id: str, new_id: str) -> SessionSummary:
    """Create a session with everything said in another one up to and including one of its events.

    Leaves out what a rewind took back, but includes the answers of tools that were called. Events keep their
    content and times, and get new ids, as do their invocations. Turns, results and the state at that point are
    copied, feedback is not. Events and turns are marked as ``copied``, and their tokens are not counted again.
    Agent, user, model and workspace are those of the other session. The branch counts as updated now.

    Raises:
        HistoryError: the session does not exist, or has no such event that was not taken back.
        AlreadyExistsError: ADK's; ``new_id`` is in use.
    """
    loaded = log.recall(key) or log.load(key)
    if loaded is None:
        raise HistoryError("The chat to branch no longer exists. Undo its deletion first.")
    new_key = replace(key, session_id=new_id.strip() or str(uuid.uuid4()))
    part = _part(loaded, event_id, new_key)
    log.writer.submit(lambda transaction: _insert(log, transaction, part)).result()
    made = session_at(log.database, log.memory, new_key)
    if made is None:
        raise HistoryError("The branch was deleted immediately. Undo that, or branch again.")
    return made


def _part(loaded: Loaded, event_id: str, new_key: SessionKey) -> _Part:
    live, place = _live_until(loaded, event_id)
    events = [stored.event for stored in live]
    end = _with_answers(events, place + 1)
    kept = events[:end]
    names = {event.invocation_id: str(uuid.uuid4()) for event in kept if event.invocation_id}
    return _Part(
        origin=loaded.head.key,
        at=event_id,
        key=new_key,
        events=tuple(_copy(event, names) for event in kept),
        turn_names=names,
        cut_turns=frozenset(event.invocation_id for event in events[end:]),
        calls=frozenset(call.id for event in kept for call in event.get_function_calls() if call.id),
        state=_state_at(loaded, live[end - 1].seq),
        until=max(event.timestamp for event in kept),
    )


def _live_until(loaded: Loaded, event_id: str) -> tuple[list[StoredEvent], int]:
    """Return the events that were not taken back, to the end of the given event's turn, and the position of that
    event."""
    live: list[StoredEvent] = []
    place: int | None = None
    for stored in (cached.stored() for cached in loaded.events if not cached.rewound):
        if place is not None and stored.event.invocation_id != live[place].event.invocation_id:
            break
        live.append(stored)
        if stored.event.id == event_id:
            place = len(live) - 1
    if place is None:
        raise HistoryError("The message to branch from is no longer part of the chat. Choose another one.")
    return live, place


def _with_answers(events: Sequence[Event], end: int) -> int:
    """Return the end of a part that would stop at ``end``, extended so that models see no call without the answer it
    got."""
    open_calls = {call.id for event in events[:end] for call in event.get_function_calls()}
    open_calls -= {answer.id for event in events[:end] for answer in event.get_function_responses()}
    for place in range(end, len(events)):
        if not open_calls or events[place].invocation_id != events[end - 1].invocation_id:
            break
        answered = {answer.id for answer in events[place].get_function_responses()} & open_calls
        if answered:
            open_calls -= answered
            end = place + 1
    return end


def _copy(event: Event, names: Mapping[str, str]) -> NewEvent:
    fresh = {"id": str(uuid.uuid4()), "invocation_id": names.get(event.invocation_id, event.invocation_id)}
    return replace(NewEvent.of(event.model_copy(update=fresh)), copied=True)


def _state_at(loaded: Loaded, seq: int) -> dict[str, Any]:
    """Return the session's own state after an event: the initial values that no event changed, and the changes up to
    then, including those of turns that were taken back later."""
    then: dict[str, Any] = {}
    changed: set[str] = set()
    for stored in loaded.events:
        delta = adk_session_util.extract_state_delta(_delta(stored))["session"]
        changed.update(delta)
        if stored.seq <= seq:
            then.update(delta)
    return {**{name: value for name, value in loaded.head.state.items() if name not in changed}, **then}


def _delta(stored: CachedEvent) -> dict[str, Any]:
    if '"state_delta":{}' in stored.data:
        return {}
    delta: dict[str, Any] = (json.loads(stored.data).get("actions") or {}).get("state_delta") or {}
    return delta


def _insert(log: SessionLog, transaction: Transaction, part: _Part) -> None:
    parent, existing = transaction.head(part.origin), transaction.head(part.key)
    if parent is None or parent.deleted:
        raise HistoryError("The chat to branch no longer exists. Undo its deletion first.")
    if existing is not None and not existing.deleted:
        raise AlreadyExistsError(f"Session with id {part.key.session_id} already exists.")
    log.remove_in(transaction, [part.key])
    now, number = time.time(), log.next_number()
    events = [(log.next_number(), event) for event in part.events]
    seq, last = events[-1]
    head = Head(part.key, number, now, now, seq, last.id, part.state, parent.workspace_id)
    _insert_session(transaction, parent, head, part)
    for seq, event in events:
        row = event.row(seq, number, rewound=False)
        transaction.add_event(row, number, CachedEvent(seq, event.data, rewound=False))
    transaction.execute(
        _TURNS,
        {
            "parent": parent.session_no,
            "number": number,
            "olds": list(part.turn_names),
            "news": list(part.turn_names.values()),
            "wholes": [name not in part.cut_turns for name in part.turn_names],
            "until": part.until,
        },
    )
    _insert_results(transaction, parent, head, part)
    transaction.set_head(head)
    transaction.on_commit(lambda memory: memory.index.put(head.key, number, now, head.workspace_id))


def _insert_session(transaction: Transaction, parent: Head, head: Head, part: _Part) -> None:
    # Marks a title made from the first words as one by a model, so that no generated title without the suffix replaces
    # it.
    transaction.execute(
        f"""
        insert into sessions by name
        select $2::bigint as session_no, app_name, user_id, $3 as id,
            case when title = '' then '' else title || '{BRANCH_SUFFIX}' end as title,
            case when title_source = $4 then $5 else title_source end as title_source, model, false as saved,
            $6::double as created_at, $6::double as updated_at, $6::double as seen_at, $7 as state, workspace_id,
            id as branched_from, $8 as branched_at
        from sessions where session_no = $1
        """,
        [
            parent.session_no,
            head.session_no,
            head.key.session_id,
            TitleSource.WORDS.value,
            TitleSource.MODEL.value,
            head.created_at,
            json.dumps(part.state),
            part.at,
        ],
    )


def _insert_results(transaction: Transaction, parent: Head, head: Head, part: _Part) -> None:
    """Copy the results that the part's events mention, with their data."""
    rows = transaction.rows(
        "select id, turn_id from results where session_no = $1 and list_contains($2::varchar[], turn_id) "
        "and (list_contains($3::varchar[], call_id) or (call_id is null and created_at <= $4))",
        [parent.session_no, list(part.turn_names), list(part.calls), part.until],
    )
    for result_id, turn_id in rows:
        copy = str(uuid.uuid4())
        transaction.execute(
            "insert into results select r.* replace ($2 as id, $3::bigint as session_no, $4 as turn_id) "
            "from results r where id = $1",
            [result_id, copy, head.session_no, part.turn_names[turn_id]],
        )
        transaction.execute(
            "insert into result_data select $2, part, data from result_data where result_id = $1", [result_id, copy]
        )
