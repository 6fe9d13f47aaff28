"""Writes conversations into the store: each as a whole, and only once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from google.adk.sessions.state import State

from session_store.engine.transaction import Transaction
from session_store.exchange.agent_files import AgentFiles
from session_store.exchange.conversation import About, ImportedConversation, stable_id
from session_store.exchange.imports.rows import Rows
from session_store.exchange.notes import Notes, quoted
from session_store.models import GENERAL, Result, SessionKey, Turn, Workspace
from session_store.phrases import counted
from session_store.sessions.cache import CachedEvent, Head
from session_store.sessions.event_rows import NewEvent
from session_store.sessions.log import SessionLog
from session_store.sessions.results import PART_BYTES, result_row
from session_store.sessions.turns import has_files, turn_row, without_files
from session_store.transcripts.rewinds import mark_rewound

EVENTS_AT_ONCE: Final = 2_000
BYTES_AT_ONCE: Final = 16_000_000
"""Limits batches of chats with pictures, which have few but large events."""


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """The outcome for one conversation: its key in the store, or why it was skipped."""

    name: str
    key: SessionKey
    skipped: str = ""
    renamed: bool = False
    events: int = 0


@dataclass(frozen=True, slots=True)
class _StoredSession:
    """A session in the store."""

    key: SessionKey
    deleted: bool
    first_event: str | None
    events: int


def batches(conversations: Iterable[ImportedConversation]) -> Iterable[list[ImportedConversation]]:
    """Groups the conversations into batches, one per transaction, so that other writes wait only briefly."""
    batch: list[ImportedConversation] = []
    events = size = 0
    for conversation in conversations:
        batch.append(conversation)
        events += max(1, len(conversation.events))
        size += sum(len(event.data) for event in conversation.events)
        if events >= EVENTS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield batch
            batch, events, size = [], 0, 0
    if batch:
        yield batch


def take(
    log: SessionLog,
    batch: Sequence[ImportedConversation],
    workspaces: Mapping[str, Workspace],
    into: str | None,
    files: AgentFiles | None = None,
) -> list[ImportOutcome]:
    """Store conversations in one transaction: after a crash, each is there as a whole or not at all.

    Args:
        log: the log to write to.
        batch: the conversations.
        workspaces: those that come with the file; the needed ones are created if they are missing.
        into: the workspace for all conversations, instead of their own.
        files: where to put files that agents made; None leaves them out.
    """
    staged = [files.stage(conversation.files) if files else None for conversation in batch]

    def work(transaction: Transaction) -> list[ImportOutcome]:
        importer = _ImportWriter(log, transaction, batch, workspaces, into)
        outcomes = [importer.take(conversation) for conversation in batch]
        importer.finish()
        # Files go to their places before the commit: if the process dies in between, they wait there for their
        # conversations.
        for outcome, stage in zip(outcomes, staged, strict=True):
            if files and stage and not outcome.skipped:
                files.place(stage, outcome.key)
        return outcomes

    try:
        return log.writer.submit(work).result()
    finally:
        if files:
            files.clear()


class _ImportWriter:
    """Writes one transaction."""

    def __init__(
        self,
        log: SessionLog,
        transaction: Transaction,
        batch: Sequence[ImportedConversation],
        workspaces: Mapping[str, Workspace],
        into: str | None,
    ) -> None:
        self._log = log
        self._transaction = transaction
        self._workspaces = workspaces
        self._into = into
        self._known = self._sessions(batch)
        turn_ids = {turn.id for conversation in batch for turn in conversation.about.turns}
        rows = transaction.rows(
            "select t.id from turns t where t.id in (select unnest($1::varchar[]))", [sorted(turn_ids)]
        )
        self._turns: set[str] = {row[0] for row in rows}
        result_ids = {result.id for conversation in batch for result, _ in conversation.about.results}
        rows = transaction.rows(
            "select id from results where id in (select unnest($1::varchar[]))", [sorted(result_ids)]
        )
        self._results: set[str] = {row[0] for row in rows}
        self._rows = Rows()
        self._with_rewinds: list[int] = []

    def take(self, conversation: ImportedConversation) -> ImportOutcome:
        """Store a conversation, unless the store already has it."""
        key = conversation.about.key
        other = replace(key, session_id=other_id(conversation))
        for candidate in (key, other):
            here = next((known for known in self._known.get(candidate.session_id, []) if known.key == candidate), None)
            if here and not here.deleted and (candidate is other or _same(here, conversation)):
                return ImportOutcome(conversation.name, candidate, skipped=_here(here, conversation))
        free = all(known.deleted and known.key == key and _same(known, conversation) for known in self._places(key))
        placed = key if free else other
        self._insert(placed, conversation)
        renamed = conversation.is_renamed or not free
        return ImportOutcome(conversation.name, placed, renamed=renamed, events=len(conversation.events))

    def finish(self) -> None:
        """Insert what the conversations have besides their events."""
        self._rows.insert(self._transaction)
        for number in self._with_rewinds:
            mark_rewound(self._transaction, number)

    def _places(self, key: SessionKey) -> list[_StoredSession]:
        return self._known.get(key.session_id, [])

    def _sessions(self, batch: Sequence[ImportedConversation]) -> dict[str, list[_StoredSession]]:
        ids = [conversation.about.key.session_id for conversation in batch]
        rows = self._transaction.rows(
            """
            with found as (
                select session_no, app_name, user_id, id, deleted_at is not null as deleted
                from sessions where id in (select unnest($1::varchar[]))
            )
            select f.app_name, f.user_id, f.id, f.deleted, e.first, coalesce(e.number, 0) from found f left join (
                select session_no, arg_min(id, seq) as first, count(*) as number from events
                where session_no in (select session_no from found) group by session_no
            ) e using (session_no)
            """,
            [ids + [other_id(conversation) for conversation in batch]],
        )
        known: dict[str, list[_StoredSession]] = {}
        for app_name, user_id, session_id, deleted, first, number in rows:
            session = _StoredSession(SessionKey(app_name, user_id, session_id), deleted, first, number)
            known.setdefault(session_id, []).append(session)
        return known

    def _insert(self, key: SessionKey, conversation: ImportedConversation) -> None:
        about = conversation.about
        if any(known.key == key for known in self._places(key)):
            self._log.remove_in(self._transaction, [key])
            self._turns -= {turn.id for turn in about.turns}
            self._results -= {result.id for result, _ in about.results}
        names = self._turn_names(key, about)
        number = self._log.next_number()
        events = [
            (self._log.next_number(), event.with_invocations(names) if names else event)
            for event in conversation.events
        ]
        workspace_id = self._workspace(about.workspace_id)
        self._merge_states(key, conversation)
        self._insert_session(key, number, about, workspace_id)
        for seq, event in events:
            rewound = event.rewind_before is not None if about.rewound is None else event.id in about.rewound
            taken = replace(event, copied=True) if event.id in about.copied else event
            row = taken.row(seq, number, rewound=rewound)
            self._transaction.add_event(row, number, CachedEvent(seq, event.data, rewound=rewound))
        head = Head(
            key=key,
            session_no=number,
            created_at=about.created_at,
            updated_at=about.updated_at,
            revision=events[-1][0] if events else number,
            last_event_id=events[-1][1].id if events else None,
            state=about.state,
            workspace_id=workspace_id,
            terminated=about.terminated_at is not None,
        )
        self._transaction.set_head(head)
        turns = [_without_files(turn, conversation.events) for turn in about.turns]
        self._insert_what_belongs(key, number, replace(about, turns=tuple(turns)), names)
        if about.rewound is None and any(event.rewind_before for _, event in events):
            self._with_rewinds.append(number)
        self._transaction.on_commit(lambda memory: memory.index.put(key, number, about.updated_at, workspace_id))
        first = conversation.events[0].id if conversation.events else None
        self._known[key.session_id] = [
            *(known for known in self._places(key) if known.key != key),
            _StoredSession(key, deleted=False, first_event=first, events=len(events)),
        ]

    def _insert_session(self, key: SessionKey, number: int, about: About, workspace_id: str) -> None:
        self._rows.add(
            "sessions",
            (
                number,
                key.app_name,
                key.user_id,
                key.session_id,
                about.title,
                about.title_source.value,
                about.model,
                about.saved,
                about.created_at,
                about.updated_at,
                about.seen_at,
                json.dumps(about.state),
                workspace_id,
                about.terminated_at,
                about.note,
                about.branched_from,
                about.branched_at,
            ),
        )

    def _merge_states(self, key: SessionKey, conversation: ImportedConversation) -> None:
        """Merge state shared by several sessions. Values in the store win, which is noted."""
        about, notes = conversation.about, conversation.notes
        known = self._transaction.app_state(key.app_name)
        if new := _missing(about.app_state, known, State.APP_PREFIX, notes):
            self._transaction.merge_app_state(key.app_name, new, time.time())
        scope = (key.app_name, key.user_id)
        known = self._transaction.user_state(scope)
        if new := _missing(about.user_state, known, State.USER_PREFIX, notes):
            self._transaction.merge_user_state(scope, new, time.time())

    def _turn_names(self, key: SessionKey, about: About) -> dict[str, str]:
        """Returns new ids for turns if another session already uses one of their ids."""
        ids = [turn.id for turn in about.turns]
        names = {turn_id: stable_id("turn", key.session_id, turn_id) for turn_id in ids}
        names = names if self._turns.intersection(ids) else {}
        self._turns.update(names.get(turn_id, turn_id) for turn_id in ids)
        return names

    def _insert_what_belongs(self, key: SessionKey, number: int, about: About, names: Mapping[str, str]) -> None:
        for turn in about.turns:
            self._rows.add("turns", turn_row(replace(turn, id=names.get(turn.id, turn.id)), number))
        self._rows.add("tags", *((number, tag) for tag in about.tags))
        for feedback in about.feedback:
            self._rows.add("feedback", (number, feedback.event_id, feedback.score, feedback.comment, feedback.at))
        for result, data in about.results:
            self._insert_result(key, number, replace(result, turn_id=names.get(result.turn_id, result.turn_id)), data)

    def _insert_result(self, key: SessionKey, number: int, result: Result, data: bytes | None) -> None:
        result_id = stable_id("result", key.session_id, result.id) if result.id in self._results else result.id
        self._results.add(result_id)
        self._rows.add("results", result_row(replace(result, id=result_id), number))
        self._insert_data(result_id, data)

    def _insert_data(self, result_id: str, data: bytes | None) -> None:
        if data is None:
            return
        for part, begin in enumerate(range(0, max(len(data), 1), PART_BYTES)):
            self._transaction.execute(
                "insert into result_data (result_id, part, data) values ($1, $2, $3)",
                [result_id, part, data[begin : begin + PART_BYTES]],
            )

    def _workspace(self, wanted: str) -> str:
        """Returns the id of the workspace. If it is missing and in the file, creates it with its ancestors."""
        if self._into is not None:
            return self._into
        path: list[Workspace] = []
        workspace = self._workspaces.get(wanted)
        present = self._transaction.workspaces()
        while workspace and workspace.id not in present and workspace not in path:
            path.insert(0, workspace)
            workspace = self._workspaces.get(workspace.parent_id) if workspace.parent_id else None
        make_workspaces(self._transaction, path)
        return wanted if wanted in self._transaction.workspaces() else GENERAL


def _without_files(turn: Turn, events: Iterable[NewEvent]) -> Turn:
    """Returns the turn without the files that its event also has: they may be most of a chat's size."""
    if not has_files(turn):
        return turn
    said = (event for event in events if event.is_said_in(turn.id))
    return next((kept for event in said if (kept := without_files(turn, event.content)) is not turn), turn)


def _missing(given: Mapping[str, Any], known: Mapping[str, Any], prefix: str, notes: Notes) -> dict[str, Any]:
    """Returns the given entries that are unknown. Entries known with another value are noted."""
    for name in given.keys() & known.keys():
        notes.left_out(f"state {quoted(prefix + name)}, which is here with another value", given[name] != known[name])
    return {name: value for name, value in given.items() if name not in known}


def other_id(conversation: ImportedConversation) -> str:
    """Returns a replacement for an id already in use by another conversation: always the same one."""
    key = conversation.about.key
    first = conversation.events[0].id if conversation.events else ""
    return stable_id("session", key.app_name, key.user_id, key.session_id, first)


def _same(known: _StoredSession, conversation: ImportedConversation) -> bool:
    first = conversation.events[0].id if conversation.events else None
    return known.first_event is None or first is None or known.first_event == first


def _here(known: _StoredSession, conversation: ImportedConversation) -> str:
    more = len(conversation.events) - known.events
    if more > 0:
        lacking = counted(more, "event")
        return f"already here, without the last {lacking} of the file; delete it first to import the file's version"
    return "already here"


def make_workspaces(transaction: Transaction, wanted: Iterable[Workspace]) -> None:
    """Create the workspaces that are missing. If the parent of one is missing, it goes to the top level."""
    present = dict(transaction.workspaces())
    missing = {workspace.id: workspace for workspace in wanted if workspace.id not in present}
    if not missing:
        return
    while missing:
        # Parents are created first, unless workspaces are each other's ancestors.
        ready = next((found for found in missing.values() if found.parent_id not in missing), None)
        workspace = ready or next(iter(missing.values()))
        made = replace(workspace, parent_id=workspace.parent_id if workspace.parent_id in present else None)
        _insert_workspace(transaction, made)
        present[made.id] = made
        del missing[made.id]
    transaction.set_workspaces(present)


def _insert_workspace(transaction: Transaction, workspace: Workspace) -> None:
    connection = workspace.connection
    transaction.execute(
        "insert into workspaces (id, name, parent_id, created_at, connection_kind, connection_address, "
        "connection_name) values ($1, $2, $3, $4, $5, $6, $7)",
        [
            workspace.id,
            workspace.name,
            workspace.parent_id,
            workspace.created_at,
            connection and connection.kind,
            connection and connection.address,
            connection and connection.name,
        ],
    )
