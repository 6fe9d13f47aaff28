"""Which conversations a chat with the history analyst is about: the filter of the page that it was started from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from colloquy.agents.data.errors import DataError
from session_store.history.filters import FilterInvalidError, HistoryFilter
from session_store.phrases import day_text

STATE: Final = "colloquy_history_scope"
"""The key of a session's state under which its scope is stored."""

Name = Callable[[str], str]

UNREADABLE: Final = (
    "The filters that this chat started with cannot be read. Start a new chat from the page with the filters."
)


class ScopeInvalidError(DataError):
    """The filter stored with a session cannot be read."""


def scope_in(state: Mapping[str, Any]) -> HistoryFilter | None:
    """Return the filter in a session's state; None if it has none.

    Raises:
        ScopeInvalidError: it cannot be read. Then nothing may be queried, because the query would cover everything.
    """
    if STATE not in state:
        return None
    try:
        return HistoryFilter.of_values(state[STATE])
    except FilterInvalidError as error:
        raise ScopeInvalidError(UNREADABLE) from error


def scope_in_words(
    scope: HistoryFilter, *, workspace: Name = str, agent: Name = str, model: Name = str, zone: tzinfo = UTC
) -> list[str]:
    """Describe the scope in short phrases, for instance ``agent Assistant or Critic``; none for everything. The
    functions return the names of IDs."""
    found = [
        _listed("workspace", scope.workspace_ids, workspace),
        _listed("agent", scope.agents, agent),
        _listed("model", scope.models, model),
        _listed("answered by", scope.answered_by, model),
        _listed("user", scope.users),
        _listed("tag", scope.tags),
        _listed("status", scope.statuses),
        _listed("that are", scope.states),
        _listed("with a turn that is", scope.turn_statuses),
        {True: "saved only", False: "not saved", None: ""}[scope.saved],
        {"up": "with a thumb up", "down": "with a thumb down", None: ""}[scope.feedback],
        f"with “{' '.join(scope.text.split())}” in it" if scope.text.strip() else "",
        _between("last continued", scope.since, scope.until, zone),
        _between("only what happened", *scope.within, zone) if scope.within else "",
    ]
    return [phrase for phrase in found if phrase]


def _listed(what: str, values: Iterable[str] | None, name: Name = str) -> str:
    return f"{what} {' or '.join(sorted(map(name, values)))}" if values else ""


def _between(what: str, since: float | None, until: float | None, zone: tzinfo) -> str:
    if since is None and until is None:
        return ""
    begin = "" if since is None else f" from {_begin(since, zone)}"
    return what + begin + ("" if until is None else f" {_end(until, zone)}")


def _begin(at: float, zone: tzinfo) -> str:
    """Return the day if the moment is its beginning, else the day and the time."""
    when = datetime.fromtimestamp(at, zone)
    return day_text(when) if (when.hour, when.minute) == (0, 0) else f"{day_text(when)}, {when:%H:%M}"


def _end(at: float, zone: tzinfo) -> str:
    """Return the last day if the moment is its end, else the day and the time."""
    when = datetime.fromtimestamp(at, zone)
    if (when.hour, when.minute) == (0, 0):
        return f"to {day_text(when - timedelta(days=1))}"
    return f"until {day_text(when)}, {when:%H:%M}"
