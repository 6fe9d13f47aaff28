"""All workspaces as a tree; the selected one can be renamed, moved, connected to data and deleted."""

from __future__ import annotations

from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.attempts import attempt
from colloquy.ui.formatting import key_of, label, plain_markdown
from colloquy.ui.state import ALL, Part
from colloquy.ui.workspaces.connection_form import connection_section
from colloquy.ui.workspaces.tree import TreeNode, WorkspaceTree
from session_store.errors import ColloquyError
from session_store.limits import LONGEST_NAME
from session_store.models import GENERAL, Workspace
from session_store.phrases import counted

TOP: Final = ""
"""Used instead of a parent's id: no parent."""

ACTIVE: Final = "--row-fill: color-mix(in srgb, var(--accent) 16%, transparent);"


def workspace_manager() -> None:
    """Draws the whole page."""
    tree = WorkspaceTree(current().store.workspaces.list(), current().workspaces.problems())
    counts = current().store.workspaces.count_sessions()
    chosen = state.chosen_workspace()
    st.button("Back to chats", key="back", icon=":material/arrow_back:", type="tertiary", on_click=_go_to_chats)
    st.title("Workspaces", anchor=False)
    st.caption("A workspace groups chats about one subject and can have a data connection for its agents to query.")
    with st.container(key="manager"):
        left, right = st.columns([2, 3], gap="large")
    with left:
        _tree(tree, counts, chosen)
    with right:
        if chosen == ALL:
            st.caption("Select a workspace to rename, move or delete it, or to connect data.")
        else:
            _details(tree, tree.places[chosen])


def _tree(tree: WorkspaceTree, counts: dict[str, int], chosen: str) -> None:
    rules = [
        f".st-key-row-workspace-{key_of(place.id)} {{ --depth: {place.depth}; {ACTIVE if place.id == chosen else ''} }}"
        for place in tree.places.values()
    ]
    st.html(f"<i></i><style>{' '.join(rules)}</style>")
    for place in tree.places.values():
        with st.container(
            horizontal=True, gap=None, vertical_alignment="center", key=f"row-workspace-{key_of(place.id)}"
        ):
            st.button(
                label(place.workspace.name),
                icon=place.icon,
                key=f"open-workspace-{place.id}",
                type="tertiary",
                width="stretch",
                on_click=_choose,
                args=(place.id,),
            )
            st.caption(counted(counts.get(place.id, 0), "chat"), width="content")
    st.button(
        "Add a workspace",
        key="add-workspace",
        icon=":material/add:",
        on_click=_ask_for_new,
        args=(TOP if chosen == ALL else chosen,),
    )


def _details(tree: WorkspaceTree, place: TreeNode) -> None:
    workspace = place.workspace
    with st.container(border=True, key="details"):
        _name_field(workspace)
        if workspace.id != GENERAL:
            _parent_field(tree, workspace)
        connection_section(workspace)
        st.divider()
        with st.container(horizontal=True):
            st.button(
                "New chat here",
                key="chat-here",
                type="primary",
                icon=":material/edit_square:",
                on_click=_go_to_new_chat,
            )
            if workspace.id != GENERAL:
                st.button(
                    "Delete",
                    key="delete-workspace",
                    icon=":material/delete:",
                    on_click=dialogs.show,
                    args=(_delete_dialog, place.id),
                )


def _name_field(workspace: Workspace) -> None:
    key = f"workspace-name-{workspace.id}"
    _keep_up(key, workspace.name)
    st.text_input("Name", key=key, max_chars=LONGEST_NAME, on_change=_rename, args=(workspace.id, key))


def _parent_field(tree: WorkspaceTree, workspace: Workspace) -> None:
    names = {TOP: "None (top level)"} | tree.full_names()
    for below in tree.subtree(workspace.id):
        names.pop(below)
    key = f"workspace-parent-{workspace.id}"
    _keep_up(key, workspace.parent_id or TOP)
    st.selectbox(
        "Parent",
        list(names),
        format_func=names.__getitem__,
        key=key,
        on_change=_move,
        args=(workspace.id, key),
    )


def _keep_up(key: str, value: str) -> None:
    """Shows the stored value, even after a change elsewhere; text being typed stays as long as the value does not
    change."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


# -- dialogs -----------------------------------------------------------------------------------------------------------


@st.dialog("Add a workspace", icon=":material/create_new_folder:", on_dismiss=dialogs.close)
def _add_dialog(parent_id: str) -> None:
    tree = WorkspaceTree(current().store.workspaces.list())
    names = {TOP: "None (top level)"} | tree.full_names()
    with st.form("new-workspace", border=False):
        st.text_input("Name", key="new-workspace-name", max_chars=LONGEST_NAME, placeholder="What are its chats about?")
        st.selectbox(
            "Parent",
            list(names),
            index=list(names).index(parent_id if parent_id != GENERAL else TOP),
            format_func=names.__getitem__,
            key="new-workspace-parent",
        )
        if problem := st.session_state.get("new_workspace_problem"):
            st.error(plain_markdown(problem), icon=":material/error:")
        with st.container(horizontal=True):
            added = st.form_submit_button("Add", key="confirm-add", type="primary", on_click=_add)
            cancelled = st.form_submit_button("Cancel", key="cancel-add", on_click=dialogs.close)
    if added or cancelled:
        state.rerun()


@st.dialog("Delete?", icon=":material/delete:", on_dismiss=dialogs.close)
def _delete_dialog(workspace_id: str) -> None:
    tree = WorkspaceTree(current().store.workspaces.list())
    if workspace_id not in tree.places:
        st.markdown("This workspace has been deleted elsewhere.")
        return
    place, counts = tree.places[workspace_id], current().store.workspaces.count_sessions()
    ids = tree.subtree(place.id)
    chats, below = sum(counts.get(workspace_id, 0) for workspace_id in ids), len(ids) - 1
    what = [f"the workspace “{label(place.workspace.name)}”"]
    if below:
        what.append(f"{counted(below, 'workspace')} inside it")
    if chats:
        what.append(f"{counted(chats, 'chat')} with everything in {'them' if chats > 1 else 'it'}")
    listed = " and ".join(filter(None, [", ".join(what[:-1]), what[-1]]))
    st.markdown(f"Delete {listed}? This cannot be undone. The data that it is connected to stays as it is.")
    with st.container(horizontal=True):
        deleted = st.button(
            "Delete", key="confirm-delete-workspace", type="primary", on_click=_delete, args=(place.workspace,)
        )
        cancelled = st.button("Cancel", key="cancel-delete-workspace", on_click=dialogs.close)
        if deleted or cancelled:
            state.rerun()


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _choose(workspace_id: str) -> None:
    state.choose_workspace(workspace_id)
    state.touch(Part.PAGE)


def _go_to_chats() -> None:
    state.go_to(state.CHAT)
    state.touch(Part.PAGE)


def _go_to_new_chat() -> None:
    state.new_chat()
    _go_to_chats()


def _rename(workspace_id: str, key: str) -> None:
    attempt(lambda: current().workspaces.rename(workspace_id, st.session_state[key]), notify=state.say)
    state.touch(Part.PAGE)


def _move(workspace_id: str, key: str) -> None:
    attempt(lambda: current().workspaces.move(workspace_id, st.session_state[key] or None), notify=state.say)
    state.touch(Part.PAGE)


def _ask_for_new(parent_id: str) -> None:
    st.session_state.pop("new_workspace_problem", None)
    dialogs.show(_add_dialog, parent_id)


def _add() -> None:
    try:
        workspace = current().workspaces.create(
            st.session_state["new-workspace-name"], st.session_state["new-workspace-parent"] or None
        )
    except ColloquyError as error:
        st.session_state["new_workspace_problem"] = str(error)
        state.touch(Part.PAGE)
    else:
        state.choose_workspace(workspace.id)
        dialogs.close()


def _delete(workspace: Workspace) -> None:
    if attempt(lambda: current().delete_workspace(workspace.id), notify=state.say):
        state.choose_workspace(workspace.parent_id or GENERAL)
    state.touch(Part.PAGE)
    dialogs.close()
