"""Reading conversations whole out of the store, each as of one moment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import duckdb
from google.adk.events.event import Event

from session_store.exchange.conversation import About
from session_store.exchange.errors import ExportError
from session_store.models import (
    Feedback,
    Result,
    ResultKind,
    SessionKey,
    StoredEvent,
    TitleSource,
    Turn,
    TurnStatus,
    Workspace,
)
from session_store.store import Store
from session_store.workspace_tree import read_workspaces

Workspaces = Mapping[str, Workspace]

_SESSION = """
    select session_no, created_at, updated_at, seen_at, title, title_source, model, saved, workspace_id, state,
        terminated_at, note, branched_from, branched_at
    from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null
"""
_TURNS = """
    select id, status, message, model, created_at, started_at, first_token_at, ended_at, input_tokens, output_tokens,
        error, rewound, copied
    from turns where session_no = $1 order by created_at, id
"""
_RESULTS = """
    select id, turn_id, call_id, kind, title, sql, spec, row_count, note, seconds, file_name, file_version, mime_type,
        size, created_at
    from results where session_no = $1 order by created_at, id
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """A conversation on its way out. The events are those of the store, in order of append: place, JSON, rewound."""

    about: About
    rows: tuple[tuple[int, str, bool], ...]
    workspaces: Workspaces

    def events(self, *, rewound: bool = True) -> list[StoredEvent]:
        """The events; without those that were taken back, if ``rewound`` is not set."""
        return [
            StoredEvent(seq, Event.model_validate_json(data))
            for seq, data, taken_back in self.rows
            if rewound or not taken_back
        ]

    @property
    def workspace(self) -> str:
        """Name of the workspace that it belongs to."""
        found = self.workspaces.get(self.about.workspace_id)
        return found.name if found else self.about.workspace_id


def selected(
    store: Store,
    *,
    session_ids: Iterable[str] = (),
    user_id: str | None = None,
    app_name: str | None = None,
    saved: bool = False,
) -> list[SessionKey]:
    """The sessions with these ids, or all, that belong to a user and an agent; oldest first.

    Raises:
        ExportError: there is no session with one of the ids.
    """
    rows = store.log.database.rows(
        "select app_name, user_id, id from sessions where deleted_at is null and coalesce(user_id = $1, true) "
        "and coalesce(app_name = $2, true) and (saved or not $3) order by session_no",
        [user_id, app_name, saved],
    )
    keys = [SessionKey(*row) for row in rows]
    wanted = set(session_ids)
    if not wanted:
        return keys
    missing = wanted - {key.session_id for key in keys}
    if missing:
        raise ExportError(f"There is no conversation with the id {', '.join(sorted(missing))}.")
    return [key for key in keys if key.session_id in wanted]


def whole(store: Store, key: SessionKey, *, with_data: bool = False) -> Whole:
    """A session with everything that belongs to it; the data of its results only ``with_data``.

    Raises:
        ExportError: there is no such session.
    """
    with store.log.database.reading() as cursor:
        cursor.begin()
        try:
            return _read(cursor, key, with_data=with_data)
        finally:
            cursor.commit()


def wholes(store: Store, keys: Iterable[SessionKey], *, with_data: bool = False) -> Iterator[Whole]:
    """Several sessions, one after the other. Those that were deleted meanwhile are left out."""
    for key in keys:
        try:
            yield whole(store, key, with_data=with_data)
        except ExportError:
            continue


def _read(cursor: duckdb.DuckDBPyConnection, key: SessionKey, *, with_data: bool) -> Whole:
    found = cursor.execute(_SESSION, [key.app_name, key.user_id, key.session_id]).fetchone()
    if found is None:
        raise ExportError(f"There is no conversation with the id {key.session_id}.")
    number, created_at, updated_at, seen_at, title, source, model, saved, workspace_id, state, *rest = found
    terminated_at, note, branched_from, branched_at = rest
    sql = "select seq, data, rewound, timestamp, id, copied from events where session_no = $1 order by seq"
    events = cursor.execute(sql, [number]).fetchall()
    about = About(
        key=key,
        created_at=created_at,
        updated_at=events[-1][3] if events and not events[-1][5] else updated_at,
        seen_at=seen_at,
        title=title,
        title_source=TitleSource(source),
        model=model,
        saved=saved,
        workspace_id=workspace_id,
        state=json.loads(state),
        app_state=_state(cursor, "app_states where app_name = $1", [key.app_name]),
        user_state=_state(cursor, "user_states where app_name = $1 and user_id = $2", [key.app_name, key.user_id]),
        turns=_turns(cursor, key, number),
        feedback=_feedback(cursor, number),
        results=_results(cursor, key, number, with_data=with_data),
        rewound=frozenset(event_id for _, _, rewound, _, event_id, _ in events if rewound),
        copied=frozenset(event_id for *_, event_id, copied in events if copied),
        branched_from=branched_from,
        branched_at=branched_at,
        tags=_tags(cursor, number),
        note=note,
        terminated_at=terminated_at,
    )
    return Whole(about, tuple((seq, data, rewound) for seq, data, rewound, *_ in events), read_workspaces(cursor))


def _state(cursor: duckdb.DuckDBPyConnection, where: str, names: list[str]) -> dict[str, Any]:
    row = cursor.execute(f"select state from {where}", names).fetchone()
    return dict(json.loads(row[0])) if row else {}


def _turns(cursor: duckdb.DuckDBPyConnection, key: SessionKey, number: int) -> tuple[Turn, ...]:
    rows: list[Any] = cursor.execute(_TURNS, [number]).fetchall()
    return tuple(Turn(row[0], key, TurnStatus(row[1]), json.loads(row[2]), *row[3:]) for row in rows)


def _tags(cursor: duckdb.DuckDBPyConnection, number: int) -> tuple[str, ...]:
    rows = cursor.execute("select tag from tags where session_no = $1 order by tag", [number]).fetchall()
    return tuple(tag for (tag,) in rows)


def _feedback(cursor: duckdb.DuckDBPyConnection, number: int) -> tuple[Feedback, ...]:
    sql = "select event_id, score, comment, given_at from feedback where session_no = $1 order by given_at, event_id"
    return tuple(Feedback(*row) for row in cursor.execute(sql, [number]).fetchall())


def _results(
    cursor: duckdb.DuckDBPyConnection, key: SessionKey, number: int, *, with_data: bool
) -> tuple[tuple[Result, bytes | None], ...]:
    rows: list[Any] = cursor.execute(_RESULTS, [number]).fetchall()
    return tuple(
        (
            Result(
                row[0], key, row[1], row[2], ResultKind(row[3]), row[4], row[5], row[6] and json.loads(row[6]), *row[7:]
            ),
            _data(cursor, row[0]) if with_data else None,
        )
        for row in rows
    )


def _data(cursor: duckdb.DuckDBPyConnection, result_id: str) -> bytes | None:
    sql = "select data from result_data where result_id = $1 order by part"
    parts = cast("list[tuple[bytes]]", cursor.execute(sql, [result_id]).fetchall())
    return b"".join(part for (part,) in parts) if parts else None
