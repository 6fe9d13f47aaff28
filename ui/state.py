"""What one browser tab has open. The URL says which session; everything else is a choice of this tab."""

from __future__ import annotations

import streamlit as st

from runtime.workbench import current
from session_store.models import SessionKey, SessionSummary, TitleSource

SESSION = "session"


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


def rebuild() -> None:
    """Run the whole page again, not only the fragment that a click belongs to."""
    st.session_state.must_rebuild = True


def must_rebuild(key: SessionKey | None = None, title: str = "") -> bool:
    """Whether a fragment has to give way to a run of the whole page: because it was asked for, or because the session
    ``key`` that the fragment shows is not the one of the URL, is gone, or has another title by now."""
    asked = bool(st.session_state.pop("must_rebuild", False))
    if asked or key is None:
        return asked
    session = active_session()
    return session is None or session.key != key or title_of(session) != title


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
