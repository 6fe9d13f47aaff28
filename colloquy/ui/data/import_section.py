"""The import section of the page: uploaded files, or the database of an ADK project."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from colloquy.compat.streamlit_uploads import release_upload
from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.attempts import attempt
from colloquy.ui.data.import_list import import_list
from colloquy.ui.state import Part
from colloquy.ui.workspaces.tree import WorkspaceTree
from session_store.exchange import Owner, Wishes
from session_store.limits import LONGEST_ADDRESS
from session_store.phrases import counted

MOST_MB: Final = 500
"""Maximum size of an uploaded file: the upload is held in memory once. The API and the command line accept larger
files."""

UPLOAD: Final = "upload_number"
AS_IN_FILE: Final = ""

USERS: Final = {
    "auto": ("Me", "Chats exported by Colloquy keep the owner named in the file."),
    "mine": ("Me, for every chat", "Even for chats that Colloquy exported for other users."),
    "file": ("As named in the file", "Other people's chats are stored, but not shown in your list."),
}


def import_section() -> None:
    """Draws the choice of what to import, and the progress."""
    st.header("Import", anchor=False)
    st.caption(
        "Exports from Colloquy (ZIP, JSON, JSON Lines), ChatGPT and Open WebUI, sessions from adk web, and session "
        "databases of ADK projects (SQLite). The file type is detected. Existing chats are not changed; if a file is "
        "damaged, nothing in it is imported."
    )
    key = _upload_key()
    files = st.file_uploader(
        "Files to import", accept_multiple_files=True, key=key, max_upload_size=MOST_MB, label_visibility="collapsed"
    )
    st.button(
        f"Import {counted(len(files), 'file')}" if len(files or []) > 1 else "Import",
        key="import-files",
        type="primary",
        icon=":material/upload:",
        disabled=not files,
        on_click=_import_files,
    )
    with st.expander("Options", icon=":material/tune:"):
        _options()
    with st.expander("From an ADK project's database", icon=":material/database:"):
        _database()
    import_list()


def _options() -> None:
    workspaces = {AS_IN_FILE: "As named in the file"} | WorkspaceTree(current().store.workspaces.list()).full_names()
    agents = {agent.id: agent.name for agent in current().agents.list() if not agent.problem}
    st.radio(
        "Owner of the imported chats",
        list(USERS),
        format_func=lambda name: USERS[name][0],
        captions=[caption for _, caption in USERS.values()],
        key="import-users",
    )
    st.selectbox("Workspace", list(workspaces), format_func=workspaces.__getitem__, key="import-workspace")
    st.selectbox(
        "Agent that continues chats from other programs",
        list(agents),
        index=list(agents).index(current().agents.default().id),
        format_func=agents.__getitem__,
        key="import-agent",
    )
    st.checkbox("Skip damaged chats and import the rest", key="import-skip")


def _database() -> None:
    st.text_input(
        "URL",
        key="import-url",
        max_chars=LONGEST_ADDRESS,
        type="password",
        autocomplete="off",
        placeholder="postgresql://reader:password@db.example.com/sessions",
        help="The agent's --session_service_uri: sqlite:///… (a path on the machine running Colloquy) "
        "or postgresql://…. It is only read, and the URL is not stored.",
    )
    st.button("Import from the database", key="import-database", icon=":material/upload:", on_click=_import_database)


def _upload_key() -> str:
    return f"upload-{st.session_state.get(UPLOAD, 0)}"


def _wishes() -> Wishes:
    me, chosen = current().settings.user, st.session_state
    users = chosen.get("import-users", "auto")
    return Wishes(
        owner=Owner(chosen.get("import-agent") or current().agents.default().id, me),
        user_id=me if users == "mine" else None,
        adopt=me if users == "auto" else None,
        workspace_id=chosen.get("import-workspace") or None,
        skip_damaged=bool(chosen.get("import-skip")),
    )


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _import_files() -> None:
    wishes = _wishes()
    files = st.session_state[_upload_key()]
    for file in files:
        if not attempt(partial(_import_file, file, wishes)):
            return  # the files stay in the uploader
    for file in files:
        release_upload(file)
    st.session_state[UPLOAD] = st.session_state.get(UPLOAD, 0) + 1
    state.touch(Part.PAGE)


def _import_file(file: UploadedFile, wishes: Wishes) -> None:
    imports = current().imports
    imports.begin_file(imports.receive(file.name, file), wishes)


def _import_database() -> None:
    url = st.session_state["import-url"].strip()
    if url:
        current().imports.begin_database(url, _wishes())
        st.session_state["import-url"] = ""
    state.touch(Part.PAGE)
