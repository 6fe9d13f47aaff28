"""What one browser tab has open. The URL says which session; everything else is a choice of this tab."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from runtime.workbench import current
from session_store.models import SessionKey, SessionSummary, TitleSource

SESSION = "session"
TOUCHED = "touched"


def active_id() -> str | None:
    """The id of the session that the URL names; None for a new chat that has no message yet."""
    return st.query_params.get(SESSION)


def active_session() -> SessionSummary | None:
    """The session that the URL names, None if it names none or one that is not there any more."""
    session_id = active_id()
    return current().store.get_session(session_id) if session_id else None


def open_session(session_id: str) -> None:
    """Show a session from the next run on."""
    st.query_params[SESSION] = session_id


def new_chat() -> None:
    """Show an empty chat from the next run on."""
    st.query_params.pop(SESSION, None)


class Part(StrEnum):
    """What a click changes: the whole page, or one of the fragments that rerun on their own."""

    PAGE = "page"
    LIST = "list"
    LIVE = "live"


def touch(part: Part) -> None:
    """Say in a callback what has to be drawn anew because of it.

    When a click and the wake of a fragment reach Streamlit in the same tick, it runs the callbacks of both, but reruns
    only one fragment, which may be the wrong one: see ``must_give_way``.
    """
    st.session_state.setdefault(TOUCHED, set()).add(part)


def begin_run() -> None:
    """The whole page is about to be drawn: nothing is left to be drawn anew."""
    st.session_state[TOUCHED] = set()


def must_give_way(part: Part) -> bool:
    """Whether the fragment that is about to be drawn has to give way to a run of the whole page, because something
    else was touched."""
    touched: set[Part] = st.session_state.setdefault(TOUCHED, set())
    touched.discard(part)
    return bool(touched)


def shows(key: SessionKey, title: str) -> bool:
    """Whether this is still the session of the URL, and its title."""
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
