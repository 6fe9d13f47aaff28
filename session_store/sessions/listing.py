"""The session list: keyset pages, most recently updated first, with the status that each session's turns give it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from session_store.cursors import decode_cursor, encode_cursor
from session_store.engine.database import Database
from session_store.history.words import Marks, all_in, excerpt_of
from session_store.models import Page, SessionKey, SessionStatus, SessionSummary, TitleSource, TurnStatus
from session_store.sessions.cache import Memory
from session_store.sessions.index import IndexEntry, dated
from session_store.sessions.status import TURN_STATES

_COLUMNS = (
    "session_no, p.app_name, p.user_id, p.id, p.title, p.title_source, p.model, p.saved, p.created_at, p.updated_at, "
    "coalesce(t.running, false), coalesce(t.paused, false), coalesce(t.queued, false), "
    "coalesce(t.ended_at > p.seen_at, false), p.workspace_id, p.terminated_at, p.branched_from, "
    "t.last_status"
)
_TURNS = f"""
    select session_no, max(ended_at) as ended_at, {TURN_STATES}
    from turns where session_no in (select session_no from page) and not rewound group by session_no
"""
_ORDER = "updated_at desc, app_name desc, user_id desc, id desc"


def session_of(database: Database, memory: Memory, session_id: str) -> SessionSummary | None:
    """Return the session with this id that was not deleted; if there are several, the most recently updated one."""
    with memory.lock:
        places = memory.index.named(session_id)
    return next(iter(_at(database, memory, places)), None)


def ids_of_sessions(memory: Memory, session_ids: Iterable[str]) -> set[str]:
    """Return those of the ids whose sessions were not deleted."""
    with memory.lock:
        return {session_id for session_id in session_ids if memory.index.named(session_id)}


def session_at(database: Database, memory: Memory, key: SessionKey) -> SessionSummary | None:
    """Return the session with this key, unless it was deleted."""
    with memory.lock:
        places = memory.index.at(key)
    return next(iter(_at(database, memory, places)), None)


def sessions_at(database: Database, memory: Memory, numbers: Iterable[int]) -> list[SessionSummary]:
    """Return the sessions with these numbers that were not deleted, in the given order."""
    with memory.lock:
        places = memory.index.numbered(numbers)
    return _at(database, memory, places)


def page_of_sessions(
    database: Database,
    memory: Memory,
    *,
    user_id: str,
    app_name: str | None,
    workspace_id: str | None,
    saved: bool | None,
    search: str,
    before: str | None,
    limit: int,
) -> Page[SessionSummary]:
    """Return a page of a user's sessions. See ``StoredSessions.list``."""
    start = _place_of(before)
    if saved is None and not search:
        with memory.lock:
            places = memory.index.newest(
                user_id, app_name=app_name, workspace=workspace_id, before=start, limit=limit + 1
            )
        items = _at(database, memory, places)
    else:
        items = _matching(
            database,
            memory,
            user_id=user_id,
            app_name=app_name,
            workspace_id=workspace_id,
            saved=saved,
            search=search,
            start=start,
            limit=limit + 1,
        )
    return Page(tuple(items[:limit]), _cursor(items[limit - 1]) if len(items) > limit else None)


def page_among(
    database: Database, memory: Memory, user_id: str, among: Collection[SessionKey], *, before: str | None, limit: int
) -> Page[SessionSummary]:
    """Return a page of the given sessions that belong to the user, most recently updated first."""
    start = _place_of(before)
    with memory.lock:
        places = memory.index.newest(user_id, app_name=None, workspace=None, before=start, limit=limit + 1, among=among)
    items = _at(database, memory, places)
    return Page(tuple(items[:limit]), _cursor(items[limit - 1]) if len(items) > limit else None)


def excerpts(database: Database, keys: Sequence[SessionKey], search: str) -> dict[SessionKey, tuple[str, Marks]]:
    """Return the newest match of ``search`` in each session's messages. See ``StoredSessions.excerpts``."""
    values: dict[str, Any] = {"apps": [key.app_name for key in keys], "users": [key.user_id for key in keys]}
    values["ids"] = [key.session_id for key in keys]
    has = all_in("text", (search,), values, "search")
    named = "(select unnest($apps::varchar[]), unnest($users::varchar[]), unnest($ids::varchar[]))"
    with database.reading() as cursor:
        rows = cursor.execute(
            "with s as materialized (select session_no, app_name, user_id, id from sessions "
            f"where deleted_at is null and (app_name, user_id, id) in {named}) "
            "select s.app_name, s.user_id, s.id, e.found from s join (select session_no, arg_max(text, seq) as found "
            f"from events where session_no in (select session_no from s) and not rewound and {has} "
            "group by session_no) e using (session_no)",
            values,
        ).fetchall()
    # The list has room for little more than the match itself.
    return {SessionKey(*key): excerpt_of(text, (search,), lead=0) for *key, text in rows}


def _at(database: Database, memory: Memory, places: list[IndexEntry]) -> list[SessionSummary]:
    database.require_open()
    with memory.lock:
        known = memory.index.summaries(places)
        clock = memory.index.clock
    missing = [place[4] for place in places if place[4] not in known]
    if missing:
        condition = "session_no in (select unnest($missing::bigint[]))"
        rows = _rows(database, "sessions", [condition], {"missing": missing}, limit=len(missing))
        read = {number: _summary(row) for number, *row in rows}
        with memory.lock:
            memory.index.keep(read, clock)
        known |= read
    return [dated(known[place[4]], place) for place in places if place[4] in known]


def _matching(
    database: Database,
    memory: Memory,
    *,
    user_id: str,
    app_name: str | None,
    workspace_id: str | None,
    saved: bool | None,
    search: str,
    start: tuple[float, str, str, str] | None,
    limit: int,
) -> list[SessionSummary]:
    conditions = ["user_id = $user"]
    values: dict[str, Any] = {"user": user_id}
    if app_name is not None:
        conditions.append("app_name = $app")
        values["app"] = app_name
    if workspace_id is not None:
        conditions.append("workspace_id = $workspace")
        values["workspace"] = workspace_id
    if saved is not None:
        conditions.append("saved = $saved")
        values["saved"] = saved
    if search:
        title, text = (all_in(column, (search,), values, "search") for column in ("title", "text"))
        conditions.append(f"({title} or session_no in (select session_no from events where not rewound and {text}))")
    if start is not None:
        conditions.append("(updated_at, app_name, user_id, id) < ($b0::double, $b1, $b2, $b3)")
        values |= dict(zip(("b0", "b1", "b2", "b3"), start, strict=True))
    source = "sessions"
    with memory.lock:
        times = dict(memory.unsaved_times)
    if times:
        source = (
            "(select s.* replace (coalesce(n.updated_at, s.updated_at) as updated_at) from sessions s left join "
            "(select unnest($numbers::bigint[]) as session_no, unnest($times::double[]) as updated_at) n "
            "using (session_no))"
        )
        values |= {"numbers": list(times), "times": list(times.values())}
    return [_summary(row) for _, *row in _rows(database, source, conditions, values, limit=limit)]


def _rows(
    database: Database, source: str, conditions: list[str], values: dict[str, Any], *, limit: int
) -> list[tuple[Any, ...]]:
    sql = (
        f"with page as materialized (select * exclude (state) from {source} "
        f"where deleted_at is null and {' and '.join(conditions)} order by {_ORDER} limit {int(limit)}), "
        f"t as ({_TURNS}) select {_COLUMNS} from page p left join t using (session_no) order by {_ORDER}"
    )
    with database.reading() as cursor:
        return cursor.execute(sql, values).fetchall()


def _summary(row: Sequence[Any]) -> SessionSummary:
    running, paused, queued, unseen, workspace_id, terminated_at, branched_from, last_turn = row[9:17]
    if running:
        status = SessionStatus.RUNNING
    elif paused:
        status = SessionStatus.PAUSED
    elif queued:
        status = SessionStatus.QUEUED
    elif terminated_at is not None:
        status = SessionStatus.TERMINATED
    else:
        status = SessionStatus.IDLE
    return SessionSummary(
        key=SessionKey(row[0], row[1], row[2]),
        title=row[3],
        title_source=TitleSource(row[4]),
        model=row[5],
        saved=row[6],
        created_at=row[7],
        updated_at=row[8],
        status=status,
        unseen=unseen,
        workspace_id=workspace_id,
        terminated_at=terminated_at,
        branched_from=branched_from,
        last_turn=TurnStatus(last_turn) if last_turn else None,
    )


def _cursor(last: SessionSummary) -> str:
    return encode_cursor(last.updated_at, last.key.app_name, last.key.user_id, last.key.session_id)


def _place_of(cursor: str | None) -> tuple[float, str, str, str] | None:
    if cursor is None:
        return None
    updated_at, app_name, user_id, session_id = decode_cursor(cursor, "the list of sessions", float, str, str, str)
    return updated_at, app_name, user_id, session_id
