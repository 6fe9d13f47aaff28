"""The search field and the filters of the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.agents import agent_name
from colloquy.ui.formatting import filter_width, now
from colloquy.ui.history import links
from colloquy.ui.history.view import MANY, View, view_of_url
from colloquy.ui.state import Part
from colloquy.ui.workspaces.tree import WorkspaceTree
from session_store.history.models import HistoryChoices
from session_store.limits import LONGEST_SEARCH

STATUSES: Mapping[str, str] = {
    "idle": "Idle",
    "running": "Running",
    "queued": "Queued",
    "paused": "Waiting for you",
    "failed": "Failed",
    "stopped": "Stopped",
    "interrupted": "Interrupted",
    "terminated": "Terminated",
}
SAVED: Mapping[str, str] = {"": "All", "yes": "Saved", "no": "Not saved"}
EVER = date(1970, 1, 1)
FEEDBACK: Mapping[str, str] = {"": "All", "up": "Good", "down": "Bad"}


def search_box(view: View) -> None:
    """Draws the search field. A change is written to the URL."""
    st.text_input(
        "Search",
        key=_seed("text", view.text),
        type="search",
        max_chars=LONGEST_SEARCH,
        icon=":material/search:",
        placeholder="Search titles, messages and tool calls",
        label_visibility="collapsed",
        on_change=_changed,
    )


def filter_bar(view: View, choices: HistoryChoices) -> None:
    """Draws the filters with the view's values. A change is written to the URL."""
    places = WorkspaceTree(current().store.workspaces.list()).places
    # The style sheet shows this on phones only, and hides the filters until it is ticked.
    st.toggle(f"Filters ({number})" if (number := _in_use(view)) else "Filters", key="history-more")
    with st.container(horizontal=True, vertical_alignment="bottom", key="history-filters"):
        _period(view)
        _several("workspaces", "Workspace", view, choices.workspace_ids, lambda one: _workspace(places, one))
        _several("agents", "Agent", view, choices.agents, agent_name)
        _several("models", "Model", view, choices.models, current().models.label)
        _several("tags", "Tag", view, list(current().store.labels.all_tags()))
        _several("statuses", "Status", view, list(STATUSES), lambda one: STATUSES.get(one, one))
        if len(choices.users) > 1 or view.user:
            users = list(dict.fromkeys(["", *choices.users, view.user]))
            _single("user", "User", view.user, users, lambda one: one or "All")
        _single("saved", "Saved", view.saved, list(SAVED), SAVED.__getitem__)
        _single("feedback", "Feedback", view.feedback, list(FEEDBACK), FEEDBACK.__getitem__)


def _in_use(view: View) -> int:
    """Returns how many filters are set."""
    several = [getattr(view, field) for field in MANY]
    return sum(map(bool, [*several, view.user, view.saved, view.feedback, view.since or view.until]))


def reset() -> None:
    """Shows all conversations. For callbacks."""
    links.show(replace(View(), sort=view_of_url().sort, descending=view_of_url().descending).url())


def _workspace(places: Mapping[str, Any], workspace_id: str) -> str:
    place = places.get(workspace_id)
    return place.full_name if place else workspace_id


def _key(field: str) -> str:
    return f"history-{field}"


def _seed(field: str, value: object) -> str:
    """Sets a widget's value and returns its key."""
    st.session_state[_key(field)] = value
    return _key(field)


def _several(
    field: str, name: str, view: View, options: Sequence[str], written: Callable[[str], str] = lambda one: one
) -> None:
    """Draws a filter with several values; nothing if there is no choice."""
    chosen = getattr(view, field)
    if (len(options) < 2 and not chosen and field != "tags") or not options:
        return
    st.multiselect(
        name,
        list(dict.fromkeys([*options, *chosen])),
        format_func=written,
        key=_seed(field, list(chosen)),
        placeholder="All",
        on_change=_changed,
        width=filter_width(map(written, chosen)),
        wrap=True,
    )


def _single(field: str, name: str, value: str, options: Sequence[str], written: Callable[[str], str]) -> None:
    st.selectbox(name, options, format_func=written, key=_seed(field, value), on_change=_changed, width=110)


def _period(view: View) -> None:
    days = tuple(filter(None, (view.since or (view.until and EVER), view.until)))
    st.date_input(
        "Last active",
        key=_seed("days", days),
        max_value=max([now().date(), *days]),
        format="YYYY-MM-DD",
        on_change=_changed,
        width=270,
    )


def _changed() -> None:
    """Writes the values of the filters to the URL."""
    given = st.session_state
    changes: dict[str, Any] = {
        field: given[_key(field)] for field in ("user", "saved", "feedback") if _key(field) in given
    }
    changes |= {field: tuple(given[_key(field)]) for field in MANY if _key(field) in given}
    changes["text"] = (given[_key("text")] or "").strip()
    days = given[_key("days")]
    changes |= {"since": days[0] if days else None, "until": days[1] if len(days) > 1 else None}
    links.show(replace(view_of_url(), **changes).url())
    state.touch(Part.PAGE)
