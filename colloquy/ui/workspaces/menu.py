"""The menu of workspaces in the sidebar, and how workspaces look elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.formatting import label, plain_markdown
from colloquy.ui.state import ALL, Part
from colloquy.ui.workspaces.connection_form import kind_of
from colloquy.ui.workspaces.tree import INDENT, WorkspaceTree
from session_store.errors import ColloquyError
from session_store.models import SessionKey, Workspace

EVERYWHERE: Final = ":material/stacks: All workspaces"
TARGET: Final = "move-target"


def workspace_menu() -> None:
    """Draws the workspace whose sessions are listed, a menu to choose another one, and a button to the workspaces
    page."""
    tree = WorkspaceTree(current().store.workspaces.list(), current().workspaces.problems())
    labels = {ALL: EVERYWHERE} | tree.menu()
    chosen = state.chosen_workspace()

    def choose() -> None:
        state.choose_workspace(st.session_state["workspace-menu"])
        _list_from_the_top()
        state.touch(Part.PAGE)

    with st.container(horizontal=True, gap=None, vertical_alignment="center", key="workspace-bar"):
        st.menu_button(
            labels[chosen].lstrip(INDENT),
            list(labels),
            format_func=labels.__getitem__,
            key="workspace-menu",
            width="stretch",
            on_click=choose,
        )
        st.button(
            "Manage workspaces", icon=":material/settings:", key="manage-workspaces", type="tertiary", on_click=_manage
        )


def redraw_when_workspaces_change() -> None:
    """Reruns the whole page if workspaces were changed elsewhere since it was drawn."""
    present = current().store.workspaces.list(), current().workspaces.problems()
    if st.session_state.setdefault(state.DRAWN, present) != present:
        state.rerun()


def connection_line(workspace_id: str) -> None:
    """Draws a line about the data of a workspace; nothing if it has none."""
    workspace = current().store.workspaces.get(workspace_id)
    if workspace is None or workspace.connection is None:
        return
    connection = workspace.connection
    try:
        address = current().workspaces.shown_address(workspace_id)
    except ColloquyError as error:
        st.warning(plain_markdown(str(error)), icon=":material/database:")
        return
    if connection_warning(workspace):
        return
    current().workspaces.warm(workspace_id)
    facts = dict.fromkeys(fact for fact in (connection.name, kind_of(connection.kind).name, address) if fact)
    st.caption(f":material/database: {' · '.join(map(label, facts))} · read-only")


def connection_warning(workspace: Workspace | None) -> bool:
    """Warns if the data of a workspace cannot be used; returns whether it did. Servers are checked in the
    background."""
    if workspace is None:
        return False
    current().workspaces.look_soon(workspace)
    problem = current().workspaces.problem(workspace)
    if problem:
        st.warning(
            f"The data in {label(workspace.name)} is unavailable. {plain_markdown(problem)}",
            icon=":material/warning:",
        )
    return problem is not None


@st.dialog("Move to another workspace", icon=":material/drive_file_move:", on_dismiss=dialogs.close)
def move_dialog(keys: Sequence[SessionKey], what: str, workspace_id: str | None) -> None:
    """Asks which workspace to move sessions to. ``workspace_id`` is their current one, None if they are in several."""
    names = WorkspaceTree(current().store.workspaces.list()).full_names()
    names.pop(workspace_id or "", None)
    st.markdown(f"Move {what} to")
    st.selectbox("Workspace", list(names), format_func=names.__getitem__, key=TARGET, label_visibility="collapsed")
    with st.container(horizontal=True):
        moved = st.button("Move", key="confirm-move", type="primary", on_click=_move, args=(keys,))
        cancelled = st.button("Cancel", key="cancel-move", on_click=dialogs.close)
        if moved or cancelled:
            state.rerun()


def _move(keys: Sequence[SessionKey]) -> None:
    workspace_id = st.session_state[TARGET]
    try:
        current().move_sessions(keys, workspace_id)
    except ColloquyError as error:
        state.say(str(error), ":material/error:")
    else:
        workspace = current().store.workspaces.get(workspace_id)
        state.say(f"Moved to {workspace.name if workspace else ''}", ":material/drive_file_move:")
        st.session_state.selecting = False
    dialogs.close()


def _list_from_the_top() -> None:
    st.session_state.selecting = False
    st.session_state.pop("session_rows", None)


def _manage() -> None:
    state.go_to(state.WORKSPACES)
    state.touch(Part.PAGE)
