"""What one browser tab has open. The URL names the session or workspace, and the part of the history that a new chat is
about; everything else is a choice of this tab.

A browser sends its URL with everything that happens on the page, and an event sent just after a click may still carry
the URL from before. So these are read from the URL only in a run of the whole page that the browser asks for (a reload,
a link, Back); a fragment's rerun, and ``rerun``, keep what this tab has open. While the tab shows other pages, it
remembers what it had open for the way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Final, NoReturn

import streamlit as st

from colloquy.agents.agent import Agent
from colloquy.agents.data.history_scope import STATE, UNREADABLE
from colloquy.runtime.application import current
from colloquy.runtime.turns.messages import SessionGoneError
from colloquy.ui.formatting import plain_markdown
from session_store.history.filters import FilterInvalidError, HistoryFilter
from session_store.models import GENERAL, SessionKey, SessionSummary, TitleSource

SESSION: Final = "session"
WORKSPACE: Final = "workspace"
ABOUT: Final = "about"
"""In the URL of a new chat: the part of the history that it is about."""
OPEN: Final = "open_session"
CHOSEN: Final = "chosen_workspace"
TOUCHED: Final = "touched"
PAGE: Final = "page"
DESTINATION: Final = "destination"
DRAWN: Final = "drawn_workspaces"
NOTICE: Final = "notice"
KEPT: Final = "kept_open"

ALL: Final = "all"
"""Used instead of a workspace id: the sessions of all workspaces."""

CHAT: Final = ""
OVERVIEW: Final = "overview"
HISTORY: Final = "history"
ANALYTICS: Final = "analytics"
CONSOLE: Final = "sql"
DATA: Final = "import_export"
WORKSPACES: Final = "workspaces"
"""The pages, by their path in the URL."""

WITH_SESSIONS: Final = frozenset({CHAT, WORKSPACES})
"""The pages whose URL says which session or workspace is open, with the list of sessions beside them."""

SCOPE: Final = "draft_scope"

HISTORY_ANALYST: Final = "history_analyst"
DATA_ANALYST: Final = "data_analyst"
"""The default agent of new chats about data."""


def active_id() -> str | None:
    """Returns the id of the open session; None for a new chat that has no message yet."""
    return st.session_state.get(OPEN) if OPEN in st.session_state else st.query_params.get(SESSION)


def active_session() -> SessionSummary | None:
    """Returns the open session; None for a new chat, and for a session that no longer exists."""
    session_id = active_id()
    return current().store.sessions.get(session_id) if session_id else None


def chosen_workspace() -> str:
    """Returns the id of the workspace whose sessions are listed, or ALL."""
    chosen = str(st.session_state.get(CHOSEN, GENERAL))
    if chosen == ALL:
        return ALL
    session = active_session()
    if session:
        st.session_state[CHOSEN] = session.workspace_id
        return session.workspace_id
    return chosen if current().store.workspaces.get(chosen) else GENERAL


def active_workspace() -> str:
    """Returns the id of the workspace that the open session belongs to, or that a new chat will belong to."""
    session = active_session()
    if session:
        return session.workspace_id
    chosen = chosen_workspace()
    return GENERAL if chosen == ALL else chosen


def open_session(session_id: str) -> None:
    """Opens a session from the next run on."""
    st.session_state[OPEN] = session_id
    st.session_state.pop(SCOPE, None)
    with suppress(SessionGoneError):  # the page reports this itself
        current().switch_active(session_id)
    _write_url()


def new_chat(scope: HistoryFilter | None = None) -> None:
    """Opens an empty chat in the same workspace from the next run on.

    With a ``scope``, the chat is with the history analyst about that part of the history.
    """
    st.session_state[CHOSEN] = chosen_workspace()
    st.session_state[OPEN] = None
    st.session_state[SCOPE] = scope
    if scope is not None:
        choose_agent(HISTORY_ANALYST)
    _write_url()


def choose_workspace(workspace_id: str) -> None:
    """Lists the sessions of another workspace, or of ALL, from the next run on.

    The open session stays open if it is among them.
    """
    session = active_session()
    if session is None or workspace_id not in (ALL, session.workspace_id):
        st.session_state[OPEN] = None
    st.session_state[CHOSEN] = workspace_id
    _write_url()
    if workspace_id != ALL:
        current().workspaces.warm(workspace_id)


def go_to(page: str, **parameters: str | list[str]) -> None:
    """Shows another page from the next run on, with these parameters in its URL. Pages with sessions show what is
    open."""
    st.session_state[DESTINATION] = (page, parameters)


def destination() -> tuple[str, Mapping[str, str | list[str]]] | None:
    """Returns the page to go to and the parameters of its URL, once; None to stay."""
    wanted: tuple[str, dict[str, str | list[str]]] | None = st.session_state.pop(DESTINATION, None)
    if wanted is None or (wanted[0] == st.session_state.get(PAGE) and not wanted[1]):
        return None
    page, parameters = wanted
    return page, url() if page in WITH_SESSIONS else parameters


def say(text: str, icon: str) -> None:
    """Shows a notice, as plain text, with the next run of the whole page.

    A toast that a callback shows with ``st.toast`` would take the place of an open dialog, and the page breaks when the
    dialog is drawn.
    """
    st.session_state[NOTICE] = (text, icon)


def show_notice() -> None:
    """Shows the notice that was left for this run of the whole page."""
    if notice := st.session_state.pop(NOTICE, None):
        text, icon = notice
        st.toast(plain_markdown(text), icon=icon)


class Part(StrEnum):
    """What a click changes: the whole page, or one of the fragments that rerun on their own."""

    PAGE = "page"
    LIST = "list"
    LIVE = "live"
    RESULTS = "results"
    HISTORY = "history"
    CONSOLE = "console"
    DATA = "data"
    OVERVIEW = "overview"
    TRIAL = "trial"


def touch(part: Part) -> None:
    """Marks, in a callback, the part of the page that has to be redrawn.

    When a click and the wake of a fragment reach Streamlit in the same tick, it runs the callbacks of both, but reruns
    only one fragment, which may be the wrong one: see ``must_give_way``.
    """
    st.session_state.setdefault(TOUCHED, set()).add(part)


def rerun() -> NoReturn:
    """Redraws the whole page with what this tab has open.

    Streamlit takes the URL for that run from the last message that the browser sends before it begins, which may still
    carry the URL from before a click.
    """
    st.session_state[KEPT] = True
    st.rerun()  # noqa: TID251 - the only place that may call it


def begin_run(page: str = CHAT) -> None:
    """Starts a run of the whole ``page``: nothing is left to redraw."""
    before, st.session_state[PAGE] = st.session_state.get(PAGE), page
    kept = st.session_state.pop(KEPT, False)
    if page in WITH_SESSIONS:
        comes_back = before not in (None, *WITH_SESSIONS) and not {SESSION, WORKSPACE, ABOUT} & set(st.query_params)
        if kept or comes_back:
            _write_url()
        _open_what_the_url_says()
    st.session_state.setdefault(OPEN, None)
    st.session_state[TOUCHED] = set()
    st.session_state.pop(DRAWN, None)


def _open_what_the_url_says() -> None:
    session_id, workspace_id = st.query_params.get(SESSION), st.query_params.get(WORKSPACE)
    st.session_state[OPEN] = session_id
    if not session_id or workspace_id == ALL:
        st.session_state[CHOSEN] = workspace_id or GENERAL
    elif st.session_state.get(CHOSEN) == ALL:
        st.session_state[CHOSEN] = GENERAL
    if not session_id:
        _be_about(st.query_params.get(ABOUT))


def _be_about(about: str | None) -> None:
    """Applies the URL's scope for a new chat; with None, the chat is not about a part of the history."""
    try:
        scope = None if about is None else HistoryFilter.of_json(about)
    except FilterInvalidError:
        say(UNREADABLE, ":material/filter_alt_off:")
        scope = None
    if scope is not None and scope != st.session_state.get(SCOPE):
        st.session_state[SCOPE] = scope
        choose_agent(HISTORY_ANALYST)
    elif scope is None and draft_scope() is not None:
        st.session_state[SCOPE] = None


def must_give_way(part: Part) -> bool:
    """Returns whether the fragment about to be drawn must give way to a run of the whole page.

    That is the case if another part was touched. It first corrects a URL from before the last click, because the run of
    the whole page reads it.
    """
    _write_url()
    touched: set[Part] = st.session_state.setdefault(TOUCHED, set())
    touched.discard(part)
    return bool(touched)


def url() -> dict[str, str]:
    """Returns the parameters of the URL that say what is open."""
    chosen = st.session_state.get(CHOSEN, GENERAL)
    session_id = active_id()
    if session_id:
        return {SESSION: session_id} | ({WORKSPACE: ALL} if chosen == ALL else {})
    scope = draft_scope()
    return ({WORKSPACE: chosen} if chosen != GENERAL else {}) | ({ABOUT: scope.as_json()} if scope else {})


def _write_url() -> None:
    if st.session_state.get(PAGE, CHAT) not in WITH_SESSIONS:
        return
    wanted = url()
    for name in (SESSION, WORKSPACE, ABOUT):
        if st.query_params.get(name) == wanted.get(name):
            continue
        if name in wanted:
            st.query_params[name] = wanted[name]
        else:
            del st.query_params[name]


def shows(key: SessionKey, title: str) -> bool:
    """Returns whether this is still the open session, with this title."""
    session = active_session()
    return session is not None and session.key == key and title_of(session) == title


def offered_agents() -> list[Agent]:
    """Returns the agents that a new chat in the active workspace can use."""
    return [agent for agent in current().agents.list() if not agent.problem and agent.fits(_has_data())]


def draft_agent() -> str:
    """Returns the agent of the next new session."""
    offered = {agent.id for agent in offered_agents()}
    chosen = st.session_state.get("draft_agents", {}).get(active_workspace())
    if chosen in offered:
        return str(chosen)
    return DATA_ANALYST if _has_data() and DATA_ANALYST in offered else current().agents.default().id


def choose_agent(agent_id: str) -> None:
    """Uses this agent for the next new sessions in the active workspace."""
    st.session_state.setdefault("draft_agents", {})[active_workspace()] = agent_id


def _has_data() -> bool:
    workspace = current().store.workspaces.get(active_workspace())
    return workspace is not None and workspace.connection is not None


def draft_model() -> str:
    """Returns the model that the next new session begins with."""
    agent = current().agents.find(draft_agent())
    preferred = {model.id for model in current().models.list() if agent and model.id == agent.model and model.available}
    return str(st.session_state.get("draft_model") or next(iter(preferred), current().models.default().id))


def draft_scope() -> HistoryFilter | None:
    """Returns the part of the history that the next new session is about; None for all of it, or with another agent."""
    scope: HistoryFilter | None = st.session_state.get(SCOPE)
    return scope if scope and not scope.is_everything and draft_agent() == HISTORY_ANALYST else None


def create_session_from_draft() -> SessionKey:
    """Creates the new chat as a session in the store and opens it."""
    scope = draft_scope()
    session = current().create_session(
        agent_id=draft_agent(),
        model=draft_model(),
        workspace_id=active_workspace(),
        state={STATE: scope.as_values()} if scope else None,
    )
    open_session(session.key.session_id)
    return session.key


def title_of(session: SessionSummary) -> str:
    """Returns the title to show."""
    return session.title if session.title_source is not TitleSource.NONE and session.title else "New chat"
