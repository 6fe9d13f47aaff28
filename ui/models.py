"""The choice of a model, and what to do when the chosen one cannot answer."""

from __future__ import annotations

import streamlit as st

from runtime.workbench import current
from session_store.models import SessionSummary
from ui import state
from ui.state import Part


def model_menu(session: SessionSummary | None) -> None:
    """The choice of the model for the next turns of a session, or of a new chat."""
    if not _chooses_model(session):
        st.caption(":material/memory: Model set by the agent", width="content")
        return
    models = {model.id: model for model in current().models.list()}
    chosen = (session and session.model) or state.draft_model()

    def choose() -> None:
        model = models[st.session_state["model-menu"]]
        if not model.available:
            st.toast(model.note, icon=":material/info:")
        elif session:
            current().store.set_model(session.key, model.id)
        else:
            st.session_state.draft_model = model.id
        state.touch(Part.PAGE)

    st.menu_button(
        current().models.label(chosen),
        list(models),
        format_func=lambda model_id: (
            models[model_id].label + ("" if models[model_id].available else " :gray[(not set up)]")
        ),
        key="model-menu",
        icon=":material/memory:",
        type="tertiary",
        on_click=choose,
    )


def _chooses_model(session: SessionSummary | None) -> bool:
    agent = current().agents.find(session.key.app_name if session else state.draft_agent())
    return agent is None or agent.chooses_model


def model_notice(session: SessionSummary | None) -> None:
    """Says what to do when the model of a session, or of a new chat, cannot answer; nothing when it can."""
    if not _chooses_model(session):
        return
    chosen = (session and session.model) or state.draft_model()
    for model in current().models.list():
        if model.id == chosen and not model.available:
            st.info(model.note, icon=":material/info:")
