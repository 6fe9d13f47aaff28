"""The list of sessions: pages by key, newest update first, with what the turns say about each."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from session_store.database import Database
from session_store.errors import StoreError
from session_store.models import Page, SessionKey, SessionStatus, SessionSummary, TitleSource

_COLUMNS = (
    "p.app_name, p.user_id, p.id, p.title, p.title_source, p.model, p.saved, p.created_at, p.updated_at, "
    "coalesce(t.running, false), coalesce(t.paused, false), coalesce(t.queued, false), "
    "coalesce(t.ended_at > p.seen_at, false), coalesce(t.interrupted, false)"
)
_TURNS = """
    select session_no,
        bool_or(status = 'running') as running,
        bool_or(status = 'paused') as paused,
        bool_or(status = 'queued') as queued,
        max(ended_at) as ended_at,
        arg_max(status, created_at) = 'interrupted' as interrupted
    from turns where session_no in (select session_no from page) and not rewound group by session_no
"""
_ORDER = "updated_at desc, app_name desc, user_id desc, id desc"


def session_of(database: Database, session_id: str, unsaved_times: Mapping[int, float]) -> SessionSummary | None:
    """The session with an id that was not deleted; of several, the one updated last."""
    found = _summaries(database, ["id = $id"], {"id": session_id}, unsaved_times, limit=1)
    return found[0] if found else None


def page_of_sessions(
    database: Database,
    unsaved_times: Mapping[int, float],
    *,
    user_id: str,
    app_name: str | None,
    saved: bool | None,
    search: str,
    before: str | None,
    limit: int,
) -> Page[SessionSummary]:
    """A page of a user's sessions. See ``Store.list_sessions``."""
    conditions, values = ["user_id = $user"], {"user": user_id}
    parameters: dict[str, Any] = dict(values)
    if app_name is not None:
        conditions.append("app_name = $app")
        parameters["app"] = app_name
    if saved is not None:
        conditions.append("saved = $saved")
        parameters["saved"] = saved
    if search:
        conditions.append(
            "(contains(lower(title), lower($search)) or session_no in "
            "(select session_no from events where not rewound and contains(lower(text), lower($search))))"
        )
        parameters["search"] = search
    if before is not None:
        conditions.append("(updated_at, app_name, user_id, id) < ($b0::double, $b1, $b2, $b3)")
        parameters |= dict(zip(("b0", "b1", "b2", "b3"), _decode(before), strict=True))
    items = _summaries(database, conditions, parameters, unsaved_times, limit=limit + 1)
    more = len(items) > limit
    return Page(tuple(items[:limit]), _encode(items[limit - 1]) if more else None)


def _summaries(
    database: Database,
    conditions: list[str],
    parameters: dict[str, Any],
    unsaved_times: Mapping[int, float],
    *,
    limit: int,
) -> list[SessionSummary]:
    source = "sessions"
    if unsaved_times:
        source = (
            "(select s.* replace (coalesce(n.updated_at, s.updated_at) as updated_at) from sessions s left join "
            "(select unnest($numbers::bigint[]) as session_no, unnest($times::double[]) as updated_at) n "
            "using (session_no))"
        )
        parameters = {**parameters, "numbers": list(unsaved_times), "times": list(unsaved_times.values())}
    sql = (
        f"with page as materialized (select * exclude (state) from {source} "
        f"where deleted_at is null and {' and '.join(conditions)} order by {_ORDER} limit {int(limit)}), "
        f"t as ({_TURNS}) select {_COLUMNS} from page p left join t using (session_no) order by {_ORDER}"
    )
    with database.reading() as cursor:
        rows = cursor.execute(sql, parameters).fetchall()
    return [_summary(row) for row in rows]


def _summary(row: tuple[Any, ...]) -> SessionSummary:
    running, paused, queued, unseen, interrupted = row[9:14]
    if running:
        status = SessionStatus.RUNNING
    elif paused:
        status = SessionStatus.PAUSED
    elif queued:
        status = SessionStatus.QUEUED
    elif interrupted:
        status = SessionStatus.TERMINATED
    else:
        status = SessionStatus.IDLE
    return SessionSummary(
        key=SessionKey(*row[:3]),
        title=row[3],
        title_source=TitleSource(row[4]),
        model=row[5],
        saved=row[6],
        created_at=row[7],
        updated_at=row[8],
        status=status,
        unseen=unseen,
    )


def _encode(last: SessionSummary) -> str:
    key = last.key
    place = json.dumps([last.updated_at, key.app_name, key.user_id, key.session_id])
    return base64.urlsafe_b64encode(place.encode()).decode()


def _decode(cursor: str) -> tuple[float, str, str, str]:
    try:
        updated_at, app_name, user_id, session_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return float(updated_at), str(app_name), str(user_id), str(session_id)
    except (binascii.Error, ValueError, TypeError) as error:
        raise StoreError("This is not a place in the list of sessions. Start again at the first page.") from error
