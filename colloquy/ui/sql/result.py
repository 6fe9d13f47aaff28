"""The result of a query: its progress, then a table or a chart, with downloads."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Final

import streamlit as st

from colloquy.agents.data.errors import QueryStoppedError
from colloquy.agents.data.suggestions import title_of_query
from colloquy.runtime.sql_queries import QueryAnswer, QueryRun
from colloquy.ui import long_texts, state
from colloquy.ui.formatting import duration, plain_markdown, zone
from colloquy.ui.results.cards import table
from colloquy.ui.results.data import Preview, rows_of_page, table_page
from colloquy.ui.sql.chart import chart
from colloquy.ui.state import Part
from session_store.errors import ColloquyError
from session_store.phrases import counted

QUESTION: Final = "console_question"
TABLE, CHART = "Table", "Chart"
PLACE: Final = "console_page"
"""The page of rows that is shown, with the id of its answer."""

TICK: Final = 0.2
"""Seconds between two checks whether the query has finished."""
AS_OF = "Queries run on a copy of the history that is a few seconds old at most. The time is that of your browser."


def result() -> None:
    """Draws the rows of the latest query, or its progress."""
    question: QueryRun | None = st.session_state.get(QUESTION)
    if question is None:
        return
    if not question.is_over:
        _running(question)
        return
    try:
        answer = question.answer()
    except QueryStoppedError:
        st.info("The query was cancelled.", icon=":material/stop_circle:")
    except ColloquyError as error:
        long_texts.problem(str(error), "query", ":material/error:")
    else:
        _answer(answer)


@st.fragment(run_every=TICK)
def _running(question: QueryRun) -> None:
    """Checks repeatedly whether the query has finished, without blocking the rest of the page."""
    if state.must_give_way(Part.CONSOLE) or question.is_over:
        state.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key="console-running"):
        with st.container(key="thinking-query", width="content"):
            st.caption(f"Running for {duration(question.waited)}")
        st.button("Cancel", key="cancel-query", icon=":material/stop_circle:", on_click=_cancel, args=(question,))


def _cancel(question: QueryRun) -> None:
    question.cancel()
    state.touch(Part.CONSOLE)


def _answer(answer: QueryAnswer) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="answer-head"):
        shown = st.segmented_control(
            "Show as",
            [TABLE, CHART],
            default=TABLE,
            required=True,
            key="console-shown",
            label_visibility="collapsed",
            on_change=state.touch,
            args=(Part.PAGE,),
        )
        st.html(_footer(answer), width="stretch")
    if answer.note:
        st.warning(plain_markdown(answer.note), icon=":material/content_cut:")
    if shown == CHART:
        chart(answer)
    else:
        _rows(answer)


def _rows(answer: QueryAnswer) -> None:
    """Draws a page of the rows, and the buttons to the other pages."""
    page = _page(answer, _place(answer))
    table(page, name_of(answer), with_links=True)
    size = rows_of_page(page.table.num_columns)
    pages = -(-answer.rows // size)
    if page.note:
        st.caption(plain_markdown(page.note))
    if pages < 2:
        return
    here = _place(answer)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center", key="answer-pages"):
        _turn("Previous", ":material/chevron_left:", answer, here - 1, there=here > 0)
        first, last = here * size + 1, here * size + page.table.num_rows
        st.caption(f"Rows {first:,} to {last:,} of {answer.rows:,}", width="content")
        _turn("Next", ":material/chevron_right:", answer, here + 1, there=here + 1 < pages)


def _turn(name: str, icon: str, answer: QueryAnswer, page: int, *, there: bool) -> None:
    st.button(
        name,
        key=f"answer-{name.lower()}",
        icon=icon,
        icon_position="right" if name == "Next" else "left",
        type="tertiary",
        disabled=not there,
        on_click=_turn_to,
        args=(answer.id, page),
    )


def _turn_to(answer_id: str, page: int) -> None:
    st.session_state[PLACE] = (answer_id, page)
    state.touch(Part.PAGE)


def _place(answer: QueryAnswer) -> int:
    """Returns the number of the page that is shown, from 0."""
    answer_id, page = st.session_state.get(PLACE, ("", 0))
    return int(page) if answer_id == answer.id else 0


def name_of(answer: QueryAnswer) -> str:
    """Returns a name for the rows."""
    return title_of_query(answer.sql) or "Query result"


def took(seconds: float) -> str:
    """Says how long a query took, in milliseconds below one second."""
    return duration(seconds) if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _page(answer: QueryAnswer, number: int) -> Preview:
    kept: tuple[tuple[str, int], Preview] | None = st.session_state.get("console_preview")
    if kept is None or kept[0] != (answer.id, number):
        kept = ((answer.id, number), table_page(answer.data, number))
        st.session_state.console_preview = kept
    return kept[1]


def _footer(answer: QueryAnswer) -> str:
    facts = [counted(answer.rows, "row")]
    facts += [took(answer.seconds), f"as of {datetime.fromtimestamp(answer.as_of, zone()):%H:%M:%S}"]
    links = " ".join(
        f'<a href="./api/v1/queries/{answer.id}.{form}" download title="Download all rows as {name}">{name}</a>'
        for form, name in (("csv", "CSV"), ("parquet", "Parquet"))
    )
    return (
        f'<div class="result-footer"><span title="{AS_OF}">{escape(" · ".join(facts))}</span><span>{links}</span></div>'
    )
