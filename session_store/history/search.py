"""Searches titles, messages and tool calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from session_store.cursors import decode_cursor, encode_cursor
from session_store.history.filters import HistoryFilter
from session_store.history.models import Hit
from session_store.history.selection import sql_of_filter
from session_store.history.words import all_in, excerpt_of, words_of
from session_store.models import Page, SessionKey
from session_store.sessions.log import SessionLog

FIRST_SHARE: Final = 20
"""The search starts with the newest conversations: one in this many."""
FEWEST: Final = 200
"""With fewer conversations, a separate first search gains nothing."""

HitPosition = tuple[float, int]
"""Time of a match, and the number of its event or session in the store."""
_END: Final[HitPosition] = (float("inf"), 2**62)
_EVENTS: Final = """
    select timestamp as moment, seq as number, session_no, seq, id as event_id, {kind} as kind, {column} as found
    from events
    where not rewound and {match} and timestamp >= $since and timestamp <= $at
        and (timestamp < $at or seq < $number) and session_no in (select session_no from s)
    order by moment desc, number desc limit {limit}
"""
_SQL: Final = """
    with s as materialized ({sessions}), said as ({said}), used as ({used}), titled as (
        select s.updated_at as moment, s.session_no as number, s.session_no, null, null, 'title', s.title
        from s where {title} and s.updated_at >= $since and s.updated_at <= $at
            and (s.updated_at < $at or s.session_no < $number)
        order by moment desc, number desc limit {limit}
    )
    select s.app_name, s.user_id, s.id, s.title, f.seq, f.event_id, f.kind, f.found, f.moment, f.number
    from (from said union all from used union all from titled) f join s using (session_no)
    order by f.moment desc, f.number desc limit {limit}
"""
"""Messages and tool calls are separate queries: if all words must match, DuckDB looks for the second only where it
found the first, unless the whole condition has an alternative."""


def search(log: SessionLog, text: str, wanted: HistoryFilter, *, before: str | None, limit: int) -> Page[Hit]:
    """Find places that contain all words of ``text``, in any case, width and normal form; quoted text counts as one
    word.

    Newest first, among the conversations of the filter. Blank text finds nothing. A place is a title, a message,
    what a tool was asked or answered (see ``tool_columns``), or a detail of a message, such as a thought or a
    source.

    Raises:
        CursorError: ``before`` is not a position in a list of matches.
    """
    start = _END if before is None else decode_cursor(before, "these search results", float, int)
    words = words_of(text)
    if not words or limit < 1:
        return Page(())
    since = _newest_share(log, start[0])
    rows = [] if since is None else _found(log, words, wanted, start, since=since, limit=limit + 1)
    if len(rows) <= limit:
        rows = _found(log, words, wanted, start, since=float("-inf"), limit=limit + 1)
    following = encode_cursor(*rows[limit - 1][-2:]) if len(rows) > limit else None
    return Page(tuple(_hit(row, words) for row in rows[:limit]), following)


def _newest_share(log: SessionLog, at: float) -> float | None:
    """Return the time since which the newest conversations before ``at`` were updated; None if there are too
    few."""
    newest = "select updated_at from sessions where updated_at <= $1 and deleted_at is null"
    [(number,)] = log.database.rows(f"select count(*) from ({newest})", [at])
    if number < FEWEST:
        return None
    rows = log.database.rows(f"{newest} order by updated_at desc limit 1 offset {number // FIRST_SHARE}", [at])
    return float(rows[0][0])


def _found(
    log: SessionLog, words: tuple[str, ...], wanted: HistoryFilter, start: HitPosition, *, since: float, limit: int
) -> list[tuple[Any, ...]]:
    values: dict[str, Any] = {}
    if words_of(wanted.text) == words:
        wanted = replace(wanted, text="")  # every match meets it anyway
    source = sql_of_filter(log.memory, wanted, values)
    title, text, tool = (all_in(column, words, values, "found") for column in ("s.title", "text", "tool_text"))
    sql = _SQL.format(
        sessions=source,
        said=_EVENTS.format(kind="'message'", column="text", match=text, limit=int(limit)),
        used=_EVENTS.format(
            kind="case when tool_calls is null and tool_results is null then 'detail' else 'tool call' end",
            column="tool_text",
            match=f"{tool} and not coalesce({text}, false)",  # otherwise it is listed as a message
            limit=int(limit),
        ),
        title=title,
        limit=int(limit),
    )
    values |= {"since": since, "at": start[0], "number": start[1]}
    with log.database.reading() as cursor:
        return cursor.execute(sql, values).fetchall()


def _hit(row: tuple[Any, ...], words: tuple[str, ...]) -> Hit:
    app_name, user_id, session_id, title, seq, event_id, kind, found, at, _ = row
    excerpt, marks = excerpt_of(found, words)
    return Hit(SessionKey(app_name, user_id, session_id), title, seq, event_id, kind, excerpt, marks, at)
