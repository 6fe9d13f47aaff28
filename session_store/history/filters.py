"""The filter of conversations: its fields, its JSON and its SQL.

The history table, figures and their drill-down lists, exports, the API and the scope of a question to the history
analyst share it. Query processes import this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, PlainSerializer, TypeAdapter, ValidationError

from session_store.errors import ColloquyError
from session_store.history.words import all_in, words_of
from session_store.json_safe import without_halves
from session_store.model_names import ANSWERED
from session_store.sessions.status import STATE, STATUS, TURN_STATES

Names = Annotated[frozenset[str], PlainSerializer(sorted)]


class FilterInvalidError(ColloquyError):
    """A text or value is not a filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Selects the conversations that meet every condition that is set; None means any. Where a condition has several
    values, any may match: an empty set matches nothing. Times are Unix seconds.

    ``agents``, ``models`` and ``users`` are ids, ``models`` those chosen for the next turn. ``answered_by`` are models
    that answered, by the names that figures use (see ``model_names``). Tags are compared without case. ``states`` are
    those of conversations (``SessionStatus``), ``statuses`` those of the history table (see ``HistoryRow``),
    ``turn_statuses`` those of any of their turns. ``feedback``: one of the answers got such a thumb. ``text`` is what
    the user types into a search box: the title, a message or a tool call contains all of its words.

    A conversation was last updated at ``since`` or later and before ``until``. ``within`` are a begin and an end: it
    began, or something happened in it, between them. What a branch copied from its original conversation answers and
    happens there alone.
    """

    workspace_ids: Names | None = None
    agents: Names | None = None
    models: Names | None = None
    answered_by: Names | None = None
    users: Names | None = None
    tags: Names | None = None
    states: Names | None = None
    statuses: Names | None = None
    turn_statuses: Names | None = None
    saved: bool | None = None
    feedback: Literal["up", "down"] | None = None
    text: str = ""
    since: float | None = None
    until: float | None = None
    within: tuple[float, float] | None = None
    among: frozenset[int] | None = None
    """Numbers of conversations (see ``HistoryRow``): only these."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    @property
    def is_everything(self) -> bool:
        """Whether it excludes nothing."""
        return self == EVERYTHING

    def as_values(self) -> dict[str, Any]:
        """Return the conditions that are set, as JSON values."""
        values: dict[str, Any] = _ADAPTER.dump_python(self, mode="json", exclude_defaults=True)
        return values

    def as_json(self) -> str:
        """Return the conditions that are set, as JSON."""
        return _ADAPTER.dump_json(self, exclude_defaults=True).decode()

    @classmethod
    def of_values(cls, values: object) -> HistoryFilter:
        """Return the filter for JSON values.

        Raises:
            FilterInvalidError: they are not a filter.
        """
        try:
            return _ADAPTER.validate_python(values)
        except ValidationError as error:
            raise FilterInvalidError(_UNREADABLE) from error

    @classmethod
    def of_json(cls, text: str) -> HistoryFilter:
        """Return the filter for a JSON text.

        Raises:
            FilterInvalidError: it is not a filter.
        """
        try:
            return _ADAPTER.validate_json(text)
        except ValidationError as error:
            raise FilterInvalidError(_UNREADABLE) from error


EVERYTHING: Final = HistoryFilter()
_ADAPTER: Final = TypeAdapter(HistoryFilter)
_UNREADABLE: Final = "These filters cannot be read. Choose them again."


def any_of(values: Iterable[str]) -> frozenset[str] | None:
    """Return the values as a condition of a filter; without any, no condition."""
    return frozenset(values) or None


def only(value: str | None) -> frozenset[str] | None:
    """Return one value as a condition of a filter; for None, no condition."""
    return None if value is None else frozenset({value})


_IN_STATE: Final = f"""s.session_no in (
    select s.session_no from sessions s left join (
        select session_no, {TURN_STATES} from turns where not rewound group by session_no
    ) t using (session_no) where list_contains({{value}}::varchar[], {{state}})
)"""
_RATED: Final = """s.session_no in (
    select f.session_no from feedback f join events e on e.session_no = f.session_no and e.id = f.event_id
    where not e.rewound and sign(f.score) = {value}
)"""
_CONDITIONS: Final = {
    "workspace_ids": "list_contains({value}::varchar[], s.workspace_id)",
    "agents": "list_contains({value}::varchar[], s.app_name)",
    "models": "list_contains({value}::varchar[], s.model)",
    "answered_by": f"""s.session_no in (
        select session_no from ({ANSWERED}) where list_contains({{value}}::varchar[], model)
    )""",
    "users": "list_contains({value}::varchar[], s.user_id)",
    "tags": "s.session_no in (select session_no from tags where list_contains({value}::varchar[], lower(tag)))",
    "states": _IN_STATE.format(value="{value}", state=STATE),
    "statuses": _IN_STATE.format(value="{value}", state=STATUS),
    "turn_statuses": """s.session_no in (
        select session_no from turns where not rewound and not copied and list_contains({value}::varchar[], status)
    )""",
    "saved": "s.saved = {value}",
    "feedback": _RATED,
    "since": "s.updated_at >= {value}",
    "until": "s.updated_at < {value}",
    "within": """(s.created_at >= {value}[1] and s.created_at < {value}[2] or s.session_no in (
        select session_no from events where not copied and timestamp >= {value}[1] and timestamp < {value}[2]
        union all
        select session_no from turns
        where not copied and not rewound and created_at >= {value}[1] and created_at < {value}[2]
    ))""",
    "among": "s.session_no in (select unnest({value}::bigint[]))",
}


def condition(wanted: HistoryFilter, values: dict[str, Any]) -> str:
    """Return SQL for whether a row ``s`` of ``sessions``, with its current update time, meets a filter. Adds its
    parameters to the ``values`` of the query."""
    terms = []
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if value is not None and field.name in _CONDITIONS:
            values[name := f"filter_{field.name}"] = without_halves(_parameter(field.name, value))
            terms.append(_CONDITIONS[field.name].format(value=f"${name}"))
    if words := words_of(wanted.text):
        title, text, tool = (all_in(column, words, values) for column in ("s.title", "text", "tool_text"))
        terms.append(
            f"({title} or s.session_no in (select session_no from events where not rewound and ({text} or {tool})))"
        )
    return " and ".join(terms) or "true"


def _parameter(name: str, value: Any) -> Any:  # noqa: ANN401 - as DuckDB takes it
    if name == "tags":
        return [tag.strip().lower() for tag in value]
    if name == "feedback":
        return 1 if value == "up" else -1
    return list(value) if isinstance(value, (frozenset, tuple)) else value
