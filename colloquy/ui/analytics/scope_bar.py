"""The row of filters. The choices are in the URL, so that a view can be bookmarked and shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui.agents import agent_name, model_name
from colloquy.ui.analytics.source import analytics
from colloquy.ui.components import remember
from colloquy.ui.formatting import filter_width, now, zone
from colloquy.ui.workspaces.tree import WorkspaceTree
from session_store.analytics import Period
from session_store.analytics.period import QUARTER
from session_store.analytics.rollups import Rollups
from session_store.analytics.scope import Scope
from session_store.history.filters import EVERYTHING, HistoryFilter, any_of
from session_store.models import TurnStatus
from session_store.prices import Price, price_list

SAVED, ALL = "Saved", "All"
SHOW = "show"
SHOWN = "colloquy_analytics_chats"
"""Which of the two was chosen last: the name of the browser's cookie, and of the key in the state of the tab."""

EVER, BETWEEN = "All time", "Between"
DAYS = {"7 days": 7, "30 days": 30, "90 days": 90, "Year": 365}
PERIODS = [*DAYS, EVER, BETWEEN]
STATUSES = [status.value for status in TurnStatus]
USUAL = "30 days"
CHOICES = ("agent", "model", "user", "workspaces", "tag", "status", "state")


def scope_bar(rollups: Rollups) -> Scope:
    """Draws the filters; returns the scope that they choose."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="scope-bar"):
        saved = _which_chats()
        period = _period()
        filters = HistoryFilter(
            saved=True if saved == SAVED else None,
            agents=_choice("agent", "Agent", rollups.choices.agents, agent_name),
            answered_by=_choice("model", "Model", rollups.choices.models, model_name),
            users=_choice("user", "User", rollups.choices.users),
            workspace_ids=_choice(
                "workspaces",
                "Workspace",
                rollups.choices.workspaces,
                WorkspaceTree(current().store.workspaces.list()).full_names().__getitem__,
            ),
            tags=_choice("tag", "Tag", rollups.choices.tags, least=1),
            turn_statuses=_choice("status", "Turn status", STATUSES),
            states=_choice("state", "Chat status", rollups.choices.states),
        )
    return Scope(filters, period, price_list(current().settings.data_dir))


def usual_scope(prices: tuple[Price, ...]) -> Scope:
    """Returns the scope that the page shows before the user chooses anything, in UTC."""
    return Scope(EVERYTHING, _latest(datetime.now(UTC).date(), DAYS[USUAL], ZoneInfo("UTC")), prices)


def filter_of(scope: Scope) -> HistoryFilter:
    """Returns the same choice, with its period, as a filter for the history analyst."""
    period = scope.period
    return replace(scope.filters, within=(float(period.begin * QUARTER), float(period.end * QUARTER)))


def reset() -> None:
    """Resets to all chats of the usual period, from the next run on. For callbacks."""
    for key in CHOICES:
        if key in st.session_state:
            st.session_state[key] = []
    st.session_state[SHOW], st.session_state.period = ALL, USUAL


def _which_chats() -> str:
    """Returns whether all chats or the saved ones are shown: what the URL says, else what this browser chose last."""
    remembered = st.session_state.get(SHOWN, st.context.cookies.get(SHOWN))
    if SHOW not in st.session_state and SHOW not in st.query_params and remembered == SAVED:
        st.query_params[SHOW] = st.session_state[SHOW] = SAVED  # Streamlit writes later choices to the URL
    chosen = st.segmented_control(
        "Chats", [ALL, SAVED], default=ALL, required=True, key=SHOW, bind="query-params", on_change=_remember
    )
    if SHOWN in st.session_state:
        remember(SHOWN, st.session_state[SHOWN])
    return str(chosen)


def _remember() -> None:
    st.session_state[SHOWN] = st.session_state[SHOW]


def _choice(
    key: str, name: str, options: list[str], format_func: Callable[[str], str] = str, *, least: int = 2
) -> frozenset[str] | None:
    """Draws a filter with several values; nothing if there are fewer than ``least`` to choose from."""
    in_url = st.query_params.get_all(key)
    if len(options) < least and not in_url:
        return None
    shown = {option: format_func(option) for option in options}
    # Streamlit would drop these from the URL, and the page would show figures of everything instead.
    gone = [value for value in in_url if value not in shown.values()]
    return any_of(
        st.multiselect(
            name,
            [*options, *gone],
            format_func=lambda option: shown.get(option, option),
            key=key,
            placeholder="All",
            bind="query-params",
            width=filter_width(shown.get(option, option) for option in st.session_state.get(key, in_url)),
            wrap=True,
        )
    )


def _period() -> Period:
    today = now().date()
    chosen = st.selectbox("Period", PERIODS, index=PERIODS.index(USUAL), key="period", bind="query-params", width=115)
    if chosen == EVER:
        return analytics().everything(zone(), today)
    if chosen == BETWEEN:
        return _between(today)
    return _latest(today, DAYS[chosen], zone())


def _latest(today: date, days: int, where: ZoneInfo) -> Period:
    return Period(today - timedelta(days=days - 1), today, where)


def _between(today: date) -> Period:
    chosen = st.date_input(
        "From and to",
        (today - timedelta(days=29), today),
        key="between",
        format="YYYY-MM-DD",
        bind="query-params",
        width=230,
    )
    first, last = (min(chosen), max(chosen)) if isinstance(chosen, tuple) and chosen else (today, today)
    return Period(first, last, zone())
