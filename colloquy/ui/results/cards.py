"""Draws the results that turns produced: tables, charts and files."""

from __future__ import annotations

import re
from html import escape
from typing import Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from colloquy.runtime.application import current
from colloquy.ui.formatting import duration, key_of, label, plain_markdown
from colloquy.ui.results.data import Preview, preview_of, with_rows
from session_store.models import Result, ResultKind
from session_store.phrases import counted, size_text

ICONS = {
    ResultKind.TABLE: ":material/table_chart:",
    ResultKind.CHART: ":material/bar_chart:",
    ResultKind.FILE: ":material/draft:",
}
NAMES = {ResultKind.TABLE: "Table", ResultKind.CHART: "Chart", ResultKind.FILE: "File"}
FORMATS = {
    ResultKind.TABLE: ("csv", "parquet"),
    ResultKind.CHART: ("png", "svg", "csv", "parquet"),
}
LABELS = {"csv": "CSV", "parquet": "Parquet", "png": "PNG", "svg": "SVG"}

TELLING_SECONDS = 0.1
"""Queries that took less than this many seconds do not show their duration."""

ROW_HEIGHT = 35
MOST_ROWS_HIGH = 9
"""The number of table rows visible at once; the others need scrolling."""


def result_view(result: Result) -> None:
    """Draws a result in full, as it appears below its message: the table or chart, and its downloads."""
    with st.container(key=anchor_of(result), gap="xsmall"):
        heading(result)
        body(result)
        footer(result)


def anchor_of(result: Result) -> str:
    """Returns the key of the element below a message that shows the result."""
    return f"result-{key_of(result.id)}"


def heading(result: Result) -> None:
    """Draws the icon and title of a result."""
    st.markdown(f"{ICONS[result.kind]} **{label(title_of(result))}**")


def title_of(result: Result) -> str:
    """Returns the title to show, even if the agent gave none."""
    return result.title.strip() or result.file_name or NAMES[result.kind]


def body(result: Result) -> None:
    """Draws the table or chart itself; nothing for a file."""
    if result.kind is ResultKind.FILE:
        return
    preview = preview_of(result)
    if preview is None:
        st.caption("The data of this result no longer exists.")
    else:
        if preview.spec:
            st.vega_lite_chart(with_rows(preview.spec, preview.table), width="stretch", alt=title_of(result))
        else:
            table(preview, title_of(result))
        if notes := " ".join(filter(None, (preview.note, result.note))):
            st.caption(plain_markdown(notes))


def table(preview: Preview, name: str, *, with_links: bool = False) -> None:
    """Draws rows as a grid, below the reason why they are not a chart, if any.

    ``name`` is the text for screen readers. With ``with_links``, ids of chats link to the chats.
    """
    if preview.problem:
        st.caption(plain_markdown(preview.problem))
    rows = preview.table.num_rows
    height = ROW_HEIGHT * (min(rows, MOST_ROWS_HIGH) + 1) + 3 + (ROW_HEIGHT // 2 if rows > MOST_ROWS_HIGH else 0)
    shown, links = _linked(preview.table) if with_links else (preview.table, {})
    st.dataframe(
        shown,
        hide_index=True,
        height=height,
        lazy=False,
        alt=name,
        column_config={
            column.name: st.column_config.NumberColumn(format="localized")
            for column, values in zip(shown.schema, shown.columns, strict=True)
            if _is_quantity(column, values)
        }
        | links,
    )


IDENTIFIER: Final = re.compile(r"(?:^|_)(?:id|no|seq|year|code|zip|port)(?:_|$)", re.IGNORECASE)
YEARS: Final = (1900, 2100)
CHAT: Final = "./history?session="


def _is_quantity(column: pa.Field, values: pa.ChunkedArray) -> bool:
    """Returns whether a column holds quantities, to be written with separators, and not years or identifiers."""
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return True
    if not pa.types.is_integer(column.type) or IDENTIFIER.search(column.name):
        return False
    ends = pc.min_max(values)
    least, greatest = ends["min"].as_py(), ends["max"].as_py()
    return least is None or not (YEARS[0] <= least and greatest <= YEARS[1])


def _linked(table: pa.Table) -> tuple[pa.Table, dict[str, ColumnConfig]]:
    """Turns columns that contain nothing but ids of chats into links to these chats."""
    links: dict[str, ColumnConfig] = {}
    for place, column in enumerate(table.schema):
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        ids = set(table.column(place).to_pylist()) - {None}
        if ids and current().store.sessions.existing(ids) == ids:
            address = pa.array([one and CHAT + quote(one) for one in table.column(place).to_pylist()], pa.string())
            table = table.set_column(place, column.name, address)
            links[column.name] = st.column_config.LinkColumn(display_text=f"^{re.escape(CHAT)}(.*)$")
    return table, links


def footer(result: Result, *more: str) -> None:
    """Draws links to the result's files, and facts about it, as a single element: pages have many of them."""
    links = " ".join(_link(result, form) for form in FORMATS.get(result.kind, ("file",)))
    facts = " · ".join(map(escape, [*_facts(result), *more]))
    st.html(f'<div class="result-footer"><span>{facts}</span><span>{links}</span></div>')


def _facts(result: Result) -> list[str]:
    facts = []
    if result.rows is not None:
        facts.append(counted(result.rows, "row"))
    if result.seconds is not None and result.seconds >= TELLING_SECONDS:
        facts.append(duration(result.seconds))
    if result.kind is ResultKind.FILE:
        facts.append(size_text(result.size))
    return facts


def _link(result: Result, form: str) -> str:
    if form == "file":
        name = escape(result.file_name or "file")
        return f'<a class="result-file" href="./api/v1/results/{result.id}/file" download>Download {name}</a>'
    return (
        f'<a href="./api/v1/results/{result.id}.{form}" download title="Download as {LABELS[form]}">{LABELS[form]}</a>'
    )
