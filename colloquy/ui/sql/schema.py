"""The tables that can be queried, with their columns. A click puts a name, or a first query, into the editor."""

from __future__ import annotations

import streamlit as st

from colloquy.agents.data.results import Column, TableInfo
from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.formatting import label, untrusted_markdown
from colloquy.ui.sql.editor import add, put, quoted
from colloquy.ui.state import Part

FIRST_ROWS = 50


def schema() -> None:
    """Draws the tables, collapsed."""
    st.caption("Times are in UTC. The tables include all users of this data folder.")
    for table in current().workspaces.history().tables():
        view = st.expander(
            label(table.name), key=f"view-{table.name}", type="compact", on_change=state.touch, args=(Part.PAGE,)
        )
        if view.open:
            with view, st.container(key=f"columns-{table.name}", gap="xsmall"):
                _view(table)


def _view(table: TableInfo) -> None:
    if table.comment:
        st.caption(untrusted_markdown(table.comment))
    sql = f"select * from {table.name} limit {FIRST_ROWS}"
    st.button(
        f"First {FIRST_ROWS} rows",
        key=f"first-{table.name}",
        icon=":material/table_rows:",
        type="tertiary",
        help=f"Open “{sql}” in the editor",
        on_click=put,
        args=(sql,),
    )
    for column in table.columns:
        _column(table, column)


def _column(table: TableInfo, column: Column) -> None:
    name = quoted(column.name)
    st.button(
        f"{label(name)} :gray[{label(column.type.lower())}]",
        key=f"column-{table.name}-{column.name}",
        type="tertiary",
        on_click=add,
        args=(name,),
    )
    if column.comment:
        st.caption(untrusted_markdown(column.comment))
