"""Queries that were saved under a name, and recent ones."""

from __future__ import annotations

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.attempts import attempt
from colloquy.ui.formatting import label, plain_markdown, short_time
from colloquy.ui.sql.editor import put, query
from colloquy.ui.sql.result import took
from colloquy.ui.state import Part
from session_store.errors import ColloquyError
from session_store.history.queries import AskedQuery, NamedQuery
from session_store.limits import LONGEST_NAME
from session_store.phrases import counted

ASKED = 30
LONGEST_LABEL = 70
RENAME, REMOVE = "Rename", "Remove"
ICONS = {RENAME: ":material/edit:", REMOVE: ":material/delete:"}
SAVED = "console_saved"
"""How many queries were saved in this tab."""
PROBLEM = "console_keep_problem"
RENAMING = "console_renaming"


def keep_button() -> None:
    """Draws the button that saves the query in the editor under a name."""
    # The next query gets a form of its own: a browser that has not heard yet that this one was saved and closed would
    # report it as open, with the name in it, and have it opened again.
    number = st.session_state.get(SAVED, 0)
    with (
        st.popover(
            "Save", icon=":material/bookmark_add:", key=f"keep-{number}", on_change=state.touch, args=(Part.PAGE,)
        ),
        st.form(f"keep-form-{number}", border=False),
    ):
        st.text_input("Query name", max_chars=LONGEST_NAME, key=f"keep-name-{number}")
        st.form_submit_button("Save query", key=f"keep-query-{number}", type="primary", on_click=_keep, args=(number,))
        if problem := st.session_state.pop(PROBLEM, None):
            st.error(plain_markdown(problem), icon=":material/error:")


def kept_queries() -> None:
    """Draws the saved queries."""
    found = current().store.queries.named()
    if not found:
        st.caption("Saved queries appear here.")
    for one in found:
        if st.session_state.get(RENAMING) == one.id:
            _rename_field(one)
            continue
        with st.container(horizontal=True, key=f"row-query-{one.id}"):
            st.button(label(one.name), key=f"open-query-{one.id}", type="tertiary", on_click=put, args=(one.sql,))
            st.menu_button(
                label(f"Change {one.name}"),
                [RENAME, REMOVE],
                key=f"menu-query-{one.id}",
                icon=":material/more_horiz:",
                type="tertiary",
                format_func=lambda option: f"{ICONS[option]} {option}",
                on_click=_change,
                args=(one,),
            )


def asked_queries() -> None:
    """Draws the recent queries, newest first."""
    found = current().store.queries.asked(ASKED)
    if not found:
        st.caption("Recent queries appear here.")
    with st.container(key="asked"):
        for one in found:
            st.button(
                label(_line(one.sql)),
                key=f"asked-{one.id}",
                icon=":material/error:" if one.error else None,
                type="tertiary",
                on_click=put,
                args=(one.sql,),
            )
            st.caption(_facts(one))


def _facts(one: AskedQuery) -> str:
    without = "failed" if one.error else "cancelled"
    rows = without if one.row_count is None else counted(one.row_count, "row")
    return " · ".join(filter(None, [short_time(one.asked_at), rows, took(one.seconds)]))


def _line(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= LONGEST_LABEL else f"{line[: LONGEST_LABEL - 1]}…"


def _rename_field(one: NamedQuery) -> None:
    with st.container(horizontal=True, key="rename"):
        st.text_input(
            "New name",
            one.name,
            max_chars=LONGEST_NAME,
            key=f"name-{one.id}",
            label_visibility="collapsed",
            on_change=_rename,
            args=(one,),
        )
        st.button("Cancel", key="cancel-rename-query", type="tertiary", on_click=_stop_renaming)


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _keep(number: int) -> None:
    name = st.session_state[f"keep-name-{number}"]
    try:
        current().save_query(name, query())
    except ColloquyError as error:
        st.session_state[PROBLEM] = str(error)
    else:
        state.say(f"Saved “{name.strip()}”.", icon=":material/bookmark:")
        st.session_state[SAVED] = number + 1
    state.touch(Part.PAGE)


def _change(one: NamedQuery) -> None:
    if st.session_state[f"menu-query-{one.id}"] == RENAME:
        st.session_state[RENAMING] = one.id
    elif attempt(lambda: current().delete_query(one.id)):
        state.say(f"Removed “{one.name}”.", icon=":material/delete:")
    state.touch(Part.PAGE)


def _rename(one: NamedQuery) -> None:
    try:
        current().rename_query(one.id, st.session_state[f"name-{one.id}"])
    except ColloquyError as error:
        state.say(str(error), icon=":material/error:")
    _stop_renaming()


def _stop_renaming() -> None:
    st.session_state.pop(RENAMING, None)
    state.touch(Part.PAGE)
