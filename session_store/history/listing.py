"""The history table: sorted, filtered and paged by key in the database."""

from __future__ import annotations

import builtins
from typing import Any, Final

from session_store.cursors import decode_cursor, encode_cursor
from session_store.errors import CursorError
from session_store.history.costs import COSTS, cost_values
from session_store.history.filters import EVERYTHING, HistoryFilter
from session_store.history.models import (
    HistoryChoices,
    HistoryRow,
    HistorySort,
    Hit,
    Neighbour,
    Neighbours,
)
from session_store.history.search import search
from session_store.history.selection import FEEDBACK, TURNS, sql_of_filter, sql_of_sessions
from session_store.models import Page, SessionKey, SessionSummary, TitleSource
from session_store.sessions.listing import sessions_at
from session_store.sessions.log import SessionLog
from session_store.sessions.status import STATUS

_EVENTS: Final = """
    select session_no, count(text) filter (not rewound) as messages, bool_or(model is not null) as answered,
        coalesce(sum(input_tokens), 0)::bigint as input_tokens, coalesce(sum(output_tokens), 0)::bigint as output_tokens
    from events where true {among} group by session_no
"""
_TAGS: Final = "select session_no, list(tag order by lower(tag)) as tags from tags {among} group by session_no"
_TABLES: Final = {"e": _EVENTS, "c": COSTS, "t": TURNS, "f": FEEDBACK, "w": "select id, name from workspaces"}
_COST: Final = "case when c.session_no is null then 0.0 else c.cost end"
"""Null if unknown; zero without tokens."""
_MODEL: Final = "case when t.turns > 0 and not (t.asked or e.answered) then null else s.model end"
"""Null if no turn used a model, because all of them were SQL."""
_STATUSES: Final = ["running", "paused", "queued", "failed", "interrupted", "stopped", "terminated", "idle"]
_VALUES: Final = {
    HistorySort.UPDATED: ("s.updated_at", ""),
    HistorySort.CREATED: ("s.created_at", ""),
    HistorySort.TITLE: ("nullif(lower(s.title), '')", ""),
    HistorySort.WORKSPACE: ("lower(w.name)", "w"),
    HistorySort.AGENT: ("lower(s.app_name)", ""),
    HistorySort.MODEL: ("lower(s.model)", ""),
    HistorySort.USER: ("lower(s.user_id)", ""),
    HistorySort.MESSAGES: ("coalesce(e.messages, 0)", "e"),
    HistorySort.TOKENS: ("coalesce(e.input_tokens + e.output_tokens, 0)", "e"),
    HistorySort.COST: (_COST, "c"),
    HistorySort.STATUS: (f"list_position({_STATUSES}, {STATUS})", "t"),
    HistorySort.FEEDBACK: ("f.up - f.down", "f"),
}
"""The value that each order sorts by, and the table that has it."""
_ROW: Final = f"""
    select s.app_name, s.user_id, s.id, s.title, s.title_source, s.workspace_id, w.name, s.app_name, {_MODEL}, s.saved,
        s.created_at, s.updated_at, coalesce(e.messages, 0), coalesce(t.turns, 0), coalesce(e.input_tokens, 0),
        coalesce(e.output_tokens, 0), {_COST}, {STATUS}, coalesce(f.up, 0), coalesce(f.down, 0), coalesce(g.tags, []),
        s.note, s.branched_from, case when {STATUS} = 'failed' then t.last_error else '' end, s.session_no, s.value
    from page s left join workspaces w on w.id = s.workspace_id left join e using (session_no)
    left join c using (session_no) left join t using (session_no) left join f using (session_no)
    left join g using (session_no)
"""
_NEIGHBOUR: Final = "{'app': app_name, 'user': user_id, 'id': id, 'title': title, 'number': session_no}"
_AMONG: Final = "and {prefix}session_no in (select session_no from page)"


class StoredHistory:
    """The part of the store that shows conversations as a table and searches them."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def list(
        self,
        wanted: HistoryFilter,
        *,
        sort: HistorySort = HistorySort.UPDATED,
        descending: bool = True,
        before: str | None = None,
        limit: int = 50,
    ) -> Page[HistoryRow]:
        """List conversations that were not deleted, in the order of ``sort``; ``before`` is ``next`` of the previous
        page.

        Raises:
            CursorError: ``before`` is not a position in a list in this order.
            PricesInvalidError: the price list is damaged.
        """
        if limit < 1:
            return Page(())
        values: dict[str, Any] = {}
        page = self._sorted(wanted, sort, values)
        if before is not None:
            page = f"select * from ({page}) where {_after(before, sort, values, descending=descending)}"
        order = _order(descending=descending)
        rows = self._rows(f"{page} {order} limit {int(limit) + 1}", values, order)
        following = encode_cursor(sort.value, descending, *rows[limit - 1][:-3:-1]) if len(rows) > limit else None
        return Page(tuple(map(_history_row, rows[:limit])), following)

    def asked_a_model(self, key: SessionKey) -> bool:
        """Whether a session used a model, or has no turns yet: turns that are SQL use none."""
        sql = f"""
            with page as (select session_no from sessions where app_name = $1 and user_id = $2 and id = $3)
            select bool_or(model is not null) from (
                select model from turns where not rewound {_AMONG.format(prefix="")}
                union all select model from events where model is not null {_AMONG.format(prefix="")}
            )
        """
        return self._log.database.rows(sql, [key.app_name, key.user_id, key.session_id])[0][0] is not False

    def neighbours(
        self,
        key: SessionKey,
        wanted: HistoryFilter,
        *,
        sort: HistorySort = HistorySort.UPDATED,
        descending: bool = True,
    ) -> Neighbours | None:
        """Return the position of a conversation in that list; None if it is not in it.

        Raises:
            PricesInvalidError: the price list is damaged.
        """
        values: dict[str, Any] = {}
        order = _order(descending=descending)
        source = self._sorted(wanted, sort, values)
        values |= {"app": key.app_name, "user": key.user_id, "id": key.session_id}
        if sort is HistorySort.COST:
            values |= cost_values(self._log.database, self._log.database.path.parent)
        sql = f"""
            select place, total, earlier, later from (
                select app_name, user_id, id, row_number() over w as place, count(*) over () as total,
                    lag({_NEIGHBOUR}) over w as earlier, lead({_NEIGHBOUR}) over w as later
                from ({source}) window w as ({order})
            ) where app_name = $app and user_id = $user and id = $id
        """
        with self._log.database.reading() as cursor:
            found = cursor.execute(sql, values).fetchall()
        if not found:
            return None
        place, total, *beside = found[0]
        return Neighbours(place, total, *(_neighbour(one) if one else None for one in beside))

    def _sorted(self, wanted: HistoryFilter, sort: HistorySort, values: dict[str, Any]) -> str:
        """Return SQL for the conversations of a filter, with the ``value`` that the order sorts by. Adds its parameters
        to the ``values`` of the query."""
        value, table = _VALUES[sort]
        source = f"from ({sql_of_filter(self._log.memory, wanted, values)}) s"
        if table:
            on = "on w.id = s.workspace_id" if table == "w" else "using (session_no)"
            source += f" left join ({_TABLES[table].format(among='')}) {table} {on}"
        return f"select s.*, {value} as value {source}"

    def count(self, wanted: HistoryFilter) -> int:
        """Count the conversations that match a filter."""
        values: dict[str, Any] = {}
        sql = f"select count(*) from ({sql_of_filter(self._log.memory, wanted, values)})"
        with self._log.database.reading() as cursor:
            rows = cursor.execute(sql, values).fetchall()
        return int(rows[0][0])

    def numbers(self, wanted: HistoryFilter) -> builtins.list[int]:
        """Return the numbers of the conversations that match a filter."""
        values: dict[str, Any] = {}
        sql = f"select session_no from ({sql_of_filter(self._log.memory, wanted, values)})"
        with self._log.database.reading() as cursor:
            return [number for (number,) in cursor.execute(sql, values).fetchall()]

    def row(self, key: SessionKey) -> HistoryRow | None:
        """Return one conversation as the table shows it; None if it does not exist.

        Raises:
            PricesInvalidError: the price list is damaged.
        """
        values: dict[str, Any] = {"app": key.app_name, "user": key.user_id, "id": key.session_id}
        page = (
            f"select *, null as value from ({sql_of_sessions(self._log.memory, values)}) "
            "where app_name = $app and user_id = $user and id = $id"
        )
        return next(map(_history_row, self._rows(page, values, "")), None)

    def choices(self) -> HistoryChoices:
        """Return the values of conversations that were not deleted, to choose from."""
        columns = ("app_name", "model", "user_id", "workspace_id")
        lists = ", ".join(f"coalesce(list(distinct {column} order by {column}), [])" for column in columns)
        rows = self._log.database.rows(f"select {lists} from sessions where deleted_at is null")
        return HistoryChoices(*(tuple(value for value in found if value is not None) for found in rows[0]))

    def search(
        self, text: str, wanted: HistoryFilter = EVERYTHING, *, before: str | None = None, limit: int = 20
    ) -> Page[Hit]:
        """Find places that contain all words of ``text``, newest first. See ``session_store.history.search``.

        Raises:
            CursorError: ``before`` is not a position in a list of matches.
        """
        return search(self._log, text, wanted, before=before, limit=limit)

    def untouched(self, user_id: str, *, older_than: float, limit: int) -> builtins.list[SessionSummary]:
        """Return the first ``limit`` of a user's sessions that were not touched since ``older_than`` (Unix seconds),
        longest untouched first: neither saved nor running, and not updated, seen or terminated since then."""
        values, condition = self._untouched(user_id, older_than)
        sql = f"select session_no {condition} order by touched_at, session_no limit {int(limit)}"
        with self._log.database.reading() as cursor:
            numbers = [number for (number,) in cursor.execute(sql, values).fetchall()]
        return sessions_at(self._log.database, self._log.memory, numbers)

    def count_untouched(self, user_id: str, older_than: float) -> int:
        """Count a user's sessions that were not touched since ``older_than`` (Unix seconds)."""
        values, condition = self._untouched(user_id, older_than)
        with self._log.database.reading() as cursor:
            rows = cursor.execute(f"select count(*) {condition}", values).fetchall()
        return int(rows[0][0])

    def _rows(self, page: str, values: dict[str, Any], order: str) -> builtins.list[tuple[Any, ...]]:
        """Return the conversations of a page with all their figures. Computes the expensive ones, the sums over events,
        only for these conversations."""
        values |= cost_values(self._log.database, self._log.database.path.parent)
        among = _AMONG.format(prefix="")
        sql = f"""
            with page as materialized ({page}),
            e as ({_EVENTS.format(among=among)}),
            c as ({COSTS.format(among=among)}),
            t as ({TURNS.format(among=among)}),
            f as ({FEEDBACK.format(among=_AMONG.format(prefix="f."))}),
            g as ({_TAGS.format(among="where session_no in (select session_no from page)")})
            {_ROW} {order}
        """
        with self._log.database.reading() as cursor:
            return cursor.execute(sql, values).fetchall()

    def _untouched(self, user_id: str, older_than: float) -> tuple[dict[str, Any], str]:
        values: dict[str, Any] = {"user": user_id, "older_than": older_than}
        touched = "greatest(created_at, updated_at, seen_at, coalesce(terminated_at, 0))"
        source = f"select *, {touched} as touched_at from ({sql_of_sessions(self._log.memory, values)})"
        return values, (
            f"from ({source}) where user_id = $user and not saved and touched_at < $older_than and session_no not in "
            "(select session_no from turns where status in ('queued', 'running', 'paused') and not rewound)"
        )


def _history_row(row: tuple[Any, ...]) -> HistoryRow:
    app_name, user_id, session_id, title, source, *rest = row[:-1]
    figures: list[Any] = [tuple(value) if isinstance(value, list) else value for value in rest]
    return HistoryRow(SessionKey(app_name, user_id, session_id), title, TitleSource(source), *figures)


def _neighbour(found: dict[str, Any]) -> Neighbour:
    return Neighbour(SessionKey(found["app"], found["user"], found["id"]), found["title"], found["number"])


def _order(*, descending: bool) -> str:
    direction = "desc" if descending else "asc"
    return f"order by value {direction} nulls last, session_no {direction}"


def _after(before: str, sort: HistorySort, values: dict[str, Any], *, descending: bool) -> str:
    """Return the condition for rows after a position in the list."""
    value, number = _decode(before, sort, descending=descending)
    values["number"] = number
    sign = "<" if descending else ">"
    if value is None:
        return f"value is null and session_no {sign} $number"
    values["place"] = value
    return f"(value {sign} $place or (value = $place and session_no {sign} $number) or value is null)"


def _decode(cursor: str, sort: HistorySort, *, descending: bool) -> tuple[float | str | None, int]:
    name, direction, value, number = decode_cursor(cursor, "the list of conversations", str, bool, object, int)
    if (name, direction) != (sort.value, descending) or not isinstance(value, (int, float, str, type(None))):
        raise CursorError("The list is now sorted differently. Start again without a cursor.")
    return value, number
