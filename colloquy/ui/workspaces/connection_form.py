"""The data connection of a workspace: what it is, whether it works, and the form to enter it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.formatting import label, plain_markdown
from colloquy.ui.state import Part
from colloquy.ui.workspaces.connection_trial import (
    begin_trial,
    end_trial,
    forget_trial,
    has_outcome,
    is_saved,
    is_under_way,
    outcome_of_trial,
    typed_password,
    waits_to_be_saved,
)
from session_store.errors import ColloquyError
from session_store.limits import LONGEST_ADDRESS, LONGEST_NAME
from session_store.models import StoredConnection, Workspace

CHANGING: Final = "connection_changing"


@dataclass(frozen=True, slots=True)
class Kind:
    """The words for a kind of connection."""

    name: str
    placeholder: str
    help: str


HERE: Final = "A path on the machine running Colloquy."
KINDS: Final = {
    "duckdb": Kind("DuckDB file", "/home/me/data/sales.duckdb", HERE),
    "sqlite": Kind("SQLite file", "/home/me/data/app.db", HERE),
    "folder": Kind("Folder of Parquet and CSV files", "/home/me/exports", f"{HERE} Each file becomes a table."),
    "postgres": Kind("PostgreSQL", "postgresql://reader@db.example.com:5432/sales", "Use a read-only user if you can."),
    "sample": Kind("Sample shop", "", ""),
}
HAS_ADDRESS: Final = {kind for kind in KINDS if kind != "sample"}


def kind_of(kind: str) -> Kind:
    """Returns the words for a kind of connection."""
    return KINDS.get(kind, Kind(kind, "", ""))


def connection_section(workspace: Workspace) -> None:
    """Draws the connection of a workspace with a test button, or the form to enter one."""
    st.header("Data", anchor=False)
    if is_saved(workspace.id):
        _forget_form(workspace.id)
    if workspace.connection is None:
        st.caption("No data yet. Add a connection so that agents can query it in every chat in this workspace.")
        _form(workspace)
    elif st.session_state.get(CHANGING) == workspace.id:
        _form(workspace)
    else:
        _carried(workspace, workspace.connection)
    outcome_of_trial(workspace.id)
    if waits_to_be_saved(workspace.id):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("It was not saved.", width="content")
            st.button("Save anyway", key="save-anyway", on_click=_save_anyway, args=(workspace.id,))


def _carried(workspace: Workspace, connection: StoredConnection) -> None:
    workspace_id = workspace.id
    try:
        address = current().workspaces.shown_address(workspace_id)
    except ColloquyError as error:
        st.warning(plain_markdown(str(error)))
        address = ""
    st.markdown(f":material/database: **{label(connection.name)}** · {kind_of(connection.kind).name}")
    if address:
        st.code(address, language=None, wrap_lines=True)
    problem = current().workspaces.problem(workspace)
    if problem and not has_outcome(workspace_id):
        st.warning(f"This connection does not work. {plain_markdown(problem)}", icon=":material/warning:")
    with st.container(horizontal=True):
        st.button(
            "Test connection",
            key="test-connection",
            icon=":material/network_check:",
            disabled=is_under_way(workspace_id),
            on_click=_test,
            args=(workspace_id,),
        )
        st.button("Change", key="change-connection", type="tertiary", on_click=_change, args=(workspace_id,))
        st.button("Remove connection", key="remove-connection", type="tertiary", on_click=_remove, args=(workspace_id,))


# -- the form ----------------------------------------------------------------------------------------------------------


def _form(workspace: Workspace) -> None:
    stored = workspace.connection
    kinds = list(KINDS)
    kind = st.selectbox(
        "Kind",
        kinds,
        index=kinds.index(stored.kind) if stored and stored.kind in KINDS else 0,
        format_func=lambda kind: KINDS[kind].name,
        key=f"kind-{workspace.id}",
        on_change=_other_kind,
    )
    with st.form(f"connection-{workspace.id}", border=False):
        if kind in HAS_ADDRESS:
            _address_fields(workspace, kind)
        else:
            st.caption("A sample online shop with a few hundred thousand rows, generated on this machine.")
        with st.container(horizontal=True):
            st.form_submit_button("Connect", type="primary", key="connect", on_click=_connect, args=(workspace.id,))
            st.form_submit_button(
                "Test",
                key="try-connection",
                disabled=is_under_way(workspace.id),
                on_click=_try,
                args=(workspace.id,),
            )
            if stored:
                st.form_submit_button("Cancel", type="tertiary", key="keep-connection", on_click=_keep)


def _address_fields(workspace: Workspace, kind: str) -> None:
    stored = workspace.connection
    is_kept = stored is not None and _form_of(stored.kind) == _form_of(kind)
    st.text_input(
        "URL" if kind == "postgres" else "Path",
        value=_shown_address(workspace.id) if is_kept else "",
        placeholder=KINDS[kind].placeholder,
        help=KINDS[kind].help,
        max_chars=LONGEST_ADDRESS,
        key=_field_key("address", workspace.id, kind),
    )
    if kind == "postgres":
        st.text_input(
            "Password",
            type="password",
            max_chars=LONGEST_ADDRESS,
            autocomplete="new-password",
            placeholder="The one just entered" if typed_password(workspace.id) else "The saved one" if is_kept else "",
            help="Stored separately on this machine and never shown again.",
            key=f"password-{workspace.id}",
        )
    st.text_input(
        "Display name",
        value=stored.name if stored and is_kept else "",
        placeholder="Optional",
        max_chars=LONGEST_NAME,
        key=_field_key("data-name", workspace.id, kind),
    )


def _field_key(what: str, workspace_id: str, kind: str) -> str:
    """Returns the key of a field. All kinds of paths share one, so that the text stays when the user chooses another
    kind."""
    return f"{what}-{workspace_id}-{_form_of(kind)}"


def _form_of(kind: str) -> str:
    return "url" if kind == "postgres" else "path"


def _shown_address(workspace_id: str) -> str:
    try:
        return current().workspaces.shown_address(workspace_id)
    except ColloquyError:
        return ""


def _entered(workspace_id: str) -> tuple[str, str, str]:
    """Returns the kind, address and name that are entered in the form."""
    entered = st.session_state
    kind = entered[f"kind-{workspace_id}"]
    address = (entered.get(_field_key("address", workspace_id, kind)) or "").strip()
    if kind == "postgres":
        address = with_password(address, _password(workspace_id))
    return kind, address, (entered.get(_field_key("data-name", workspace_id, kind)) or "").strip()


def _password(workspace_id: str) -> str:
    """Returns the password in the field, or the one used for the last test."""
    return st.session_state.get(f"password-{workspace_id}") or typed_password(workspace_id)


def with_password(url: str, password: str) -> str:
    """Returns a PostgreSQL URL with this password in place of its own; unchanged without a password."""
    if not password or "://" not in url:
        return url
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:{quote(password, safe='')}@{host}").geturl()


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _test(workspace_id: str) -> None:
    workspaces = current().workspaces
    begin_trial(workspace_id, lambda: workspaces.test_workspace(workspace_id))
    state.touch(Part.PAGE)


def _try(workspace_id: str) -> None:
    kind, address, _ = _entered(workspace_id)
    workspaces = current().workspaces
    _begin(workspace_id, lambda: workspaces.test(kind, address, workspace_id))


def _connect(workspace_id: str) -> None:
    """Tests what was entered, and saves it if it works."""
    kind, address, name = _entered(workspace_id)
    workspaces = current().workspaces
    _begin(
        workspace_id,
        lambda: workspaces.test(kind, address, workspace_id),
        lambda: workspaces.set_connection(workspace_id, kind, address, name),
    )


def _begin(workspace_id: str, look: Callable[[], str], save: Callable[[], None] | None = None) -> None:
    begin_trial(workspace_id, look, save, _password(workspace_id))
    if f"password-{workspace_id}" in st.session_state:
        st.session_state[f"password-{workspace_id}"] = ""
    state.touch(Part.PAGE)


def _save_anyway(workspace_id: str) -> None:
    save = waits_to_be_saved(workspace_id)
    if save is None:
        return
    try:
        save()
    except ColloquyError as error:
        end_trial(workspace_id, error)
    else:
        _forget_form(workspace_id)
        _test(workspace_id)
    state.touch(Part.PAGE)


def _remove(workspace_id: str) -> None:
    try:
        current().workspaces.set_connection(workspace_id, None)
        forget_trial()
    except ColloquyError as error:
        end_trial(workspace_id, error)
    state.touch(Part.PAGE)


def _change(workspace_id: str) -> None:
    st.session_state[CHANGING] = workspace_id
    forget_trial()
    state.touch(Part.PAGE)


def _keep() -> None:
    st.session_state.pop(CHANGING, None)
    forget_trial()
    state.touch(Part.PAGE)


def _other_kind() -> None:
    forget_trial()
    state.touch(Part.PAGE)


def _forget_form(workspace_id: str) -> None:
    """Clears the form, so that nothing entered, above all no password, stays in the page."""
    st.session_state.pop(CHANGING, None)
    for key in [key for key in st.session_state if isinstance(key, str) and f"-{workspace_id}" in key]:
        if key.startswith(("kind-", "address-", "password-", "data-name-")):
            del st.session_state[key]
