"""Which conversations a question about the history is about: the filters of the page that it was asked from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from colloquy.agents.data.errors import DataError

STATE: Final = "colloquy_history_scope"
"""The key of a session's state under which its scope is kept."""

Name = Callable[[str], str]

_UNREADABLE: Final = (
    "The filters that this chat started with cannot be read. Start a new chat from the page with the filters."
)


class ScopeInvalidError(DataError):
    """What a session keeps as its scope is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryScope:
    """Conversations that meet all of these. None, like an empty set, stands for any.

    As the table of the history page has them: ``statuses`` are its words (those of the last turn among them), ``saved``
    whether they are marked as worth keeping, ``since`` and ``until`` when they were last continued (Unix seconds, the
    end excluded), ``feedback`` whether an answer was given a thumb, ``text`` plain words of title, messages or tool
    calls.

    As the analytics page counts them: ``answered_by`` are models that answered in them, ``states`` what they do
    (SessionStatus), ``turn_statuses`` those of any of their turns. ``within`` is the time (Unix seconds, the end
    excluded) outside of which nothing counts: conversations with nothing in it are left out, and so is what was said
    before and after it in the others.
    """

    workspace_ids: frozenset[str] | None = None
    agents: frozenset[str] | None = None
    models: frozenset[str] | None = None
    users: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    statuses: frozenset[str] | None = None
    saved: bool | None = None
    since: float | None = None
    until: float | None = None
    feedback: Literal["up", "down"] | None = None
    text: str = ""
    answered_by: frozenset[str] | None = None
    states: frozenset[str] | None = None
    turn_statuses: frozenset[str] | None = None
    within: tuple[float, float] | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")

    @property
    def is_everything(self) -> bool:
        """Whether it leaves nothing out."""
        return not self.as_state()

    def as_state(self) -> dict[str, Any]:
        """The scope as JSON values, for the state of a session; empty for everything."""
        found = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or value in ("", frozenset()):
                continue
            found[field.name] = sorted(value) if isinstance(value, frozenset) else value
        return found

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> HistoryScope | None:
        """The scope that a session's state holds; None if there is none.

        Raises:
            ScopeInvalidError: what it holds is none. Nothing may be asked then: it would be asked of everything.
        """
        if STATE not in state:
            return None
        try:
            return _ADAPTER.validate_python(state[STATE])
        except ValidationError as error:
            raise ScopeInvalidError(_UNREADABLE) from error

    def as_json(self) -> str:
        """The scope as a text, for the URL of a page."""
        return json.dumps(self.as_state(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def of_json(cls, text: str) -> HistoryScope:
        """The scope that a text stands for. Raises ScopeInvalidError if it is none."""
        try:
            return _ADAPTER.validate_json(text)
        except ValidationError as error:
            raise ScopeInvalidError(_UNREADABLE) from error


_ADAPTER: Final = TypeAdapter(HistoryScope)


def in_words(
    scope: HistoryScope, *, workspace: Name = str, agent: Name = str, model: Name = str, zone: tzinfo = UTC
) -> list[str]:
    """The scope as short phrases, for instance ``agent Assistant or Critic``; none for everything. The functions give
    the names of ids."""
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
    """A day where one begins at that moment, else with the time of day."""
    when = datetime.fromtimestamp(at, zone)
    return f"{when:%d %b %Y}" if (when.hour, when.minute) == (0, 0) else f"{when:%d %b %Y %H:%M}"


def _end(at: float, zone: tzinfo) -> str:
    """The last day where one ends at that moment, else the moment."""
    when = datetime.fromtimestamp(at, zone)
    if (when.hour, when.minute) == (0, 0):
        return f"to {when - timedelta(days=1):%d %b %Y}"
    return f"until {when:%d %b %Y %H:%M}"
