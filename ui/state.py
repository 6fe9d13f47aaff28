"""What one browser tab has open. The URL says which session; everything else is a choice of this tab.

A browser sends its URL with everything that happens on the page, and what it sends just after a click may still bear
the URL from before. So only a run of the whole page takes the session from the URL (a reload, a link, Back); the rerun
of a fragment keeps to what this tab had open.
"""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from runtime.workbench import current
from session_store.models import SessionKey, SessionSummary, TitleSource

SESSION = "session"
OPEN = "open_session"
TOUCHED = "touched"


def active_id() -> str | None:
    """The id of the open session; None for a new chat that has no message yet."""
    return st.session_state.get(OPEN) if OPEN in st.session_state else st.query_params.get(SESSION)


def active_session() -> SessionSummary | None:
    """The open session; None for a new chat, and for a session that is not there any more."""
    session_id = active_id()
    return current().store.get_session(session_id) if session_id else None


def open_session(session_id: str) -> None:
    """Show a session from the next run on."""
    st.session_state[OPEN] = st.query_params[SESSION] = session_id


def new_chat() -> None:
    """Show an empty chat from the next run on."""
    st.session_state[OPEN] = None
    st.query_params.pop(SESSION, None)


class Part(StrEnum):
    """What a click changes: the whole page, or one of the fragments that rerun on their own."""

    PAGE = "page"
    LIST = "list"
    LIVE = "live"
    RESULTS = "results"


def touch(part: Part) -> None:
    """Say in a callback what has to be drawn anew because of it.

    When a click and the wake of a fragment reach Streamlit in the same tick, it runs the callbacks of both, but reruns
    only one fragment, which may be the wrong one: see ``must_give_way``.
    """
    st.session_state.setdefault(TOUCHED, set()).add(part)


def begin_run() -> None:
    """The whole page is about to be drawn: nothing is left to be drawn anew."""
    st.session_state[OPEN] = st.query_params.get(SESSION)
    st.session_state[TOUCHED] = set()


def must_give_way(part: Part) -> bool:
    """Whether the fragment that is about to be drawn has to give way to a run of the whole page, because something
    else was touched. A URL from before the last click is set right first: the run of the whole page goes by it."""
    _correct_url()
    touched: set[Part] = st.session_state.setdefault(TOUCHED, set())
    touched.discard(part)
    return bool(touched)


def _correct_url() -> None:
    session_id = active_id()
    if st.query_params.get(SESSION) == session_id:
        return
    if session_id:
        open_session(session_id)
    else:
        new_chat()


def shows(key: SessionKey, title: str) -> bool:
    """Whether this is still the open session, and its title."""
    session = active_session()
    return session is not None and session.key == key and title_of(session) == title


def draft_agent() -> str:
    """The agent that the next new session will be held with."""
    agents = current().agents
    agent = agents.find(st.session_state.get("draft_agent") or "")
    return agent.id if agent and not agent.problem else agents.default().id


def draft_model() -> str:
    """The model that the next new session will begin with."""
    agent = current().agents.find(draft_agent())
    preferred = {model.id for model in current().models.list() if agent and model.id == agent.model and model.available}
    return str(st.session_state.get("draft_model") or next(iter(preferred), current().models.default().id))


def create_session_from_draft() -> SessionKey:
    """Turn the new chat into a session in the store and open it."""
    workbench = current()
    session = workbench.create_session(agent_id=draft_agent(), model=draft_model())
    open_session(session.key.session_id)
    return session.key


def title_of(session: SessionSummary) -> str:
    """The title to show."""
    return session.title if session.title_source is not TitleSource.NONE and session.title else "New chat"
