"""The menu to choose a model, and the notice shown when the chosen model cannot answer."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from colloquy.runtime.application import current
from colloquy.runtime.attachments import Attachment, sorted_out
from colloquy.ui import state
from colloquy.ui.attempts import attempt
from colloquy.ui.formatting import label, plain_markdown
from colloquy.ui.state import Part
from session_store.models import SessionSummary


def model_menu(session: SessionSummary | None) -> None:
    """Draws the menu of the model for the next turns of a session, or for a new chat."""
    if not _chooses_model(session):
        st.caption(":material/memory: Model set by the agent", width="content")
        return
    models = {model.id: model for model in current().models.list()}
    chosen = (session and session.model) or state.draft_model()

    def choose() -> None:
        model = models[st.session_state["model-menu"]]
        if not model.available:
            st.toast(plain_markdown(model.note), icon=":material/info:")
        elif session:
            attempt(lambda: current().set_model(session.key, model.id))
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
        agent = current().agents.find(session.key.app_name if session else state.draft_agent())
        if agent and agent.lacks:
            st.info(plain_markdown(agent.lacks), icon=":material/info:")
        return
    if session is None and (problem := current().models.problem_with_setting()):
        st.warning(plain_markdown(problem), icon=":material/tune:")
    chosen = (session and session.model) or state.draft_model()
    model = current().models.info(chosen)
    if not model.available:
        st.info(f"{label(model.label)} is not available. {plain_markdown(model.note)}", icon=":material/info:")


def better_model() -> str:
    """Returns a sentence on how to get better queries than a small model guesses."""
    able = [model.label for model in current().models.list() if model.available and model.calls_tools]
    if able:
        names = " or ".join([", ".join(able[:2]), "another model"] if len(able) > 3 else able)
        return f"For better queries, choose {label(names)} above."
    return (
        "For better queries, set up a stronger model and choose it above: Gemini (`GOOGLE_API_KEY`), a server such as"
        " Ollama (`COLLOQUY_OPENAI_BASE_URL`), or a larger model file (`COLLOQUY_GGUF_MODELS`)."
    )


def sendable(files: Sequence[Attachment], session: SessionSummary | None) -> tuple[list[Attachment], list[str]]:
    """Returns the files that the model of a session, or of a new chat, accepts, and why it does not accept the others.

    Files for an agent that brings its own model are not checked: what that model accepts is not known.
    """
    model = (session and session.model) or state.draft_model()
    info = current().models.info(model) if files and _chooses_model(session) else None
    return sorted_out(files, info, most_mb=current().settings.attachment_mb)
