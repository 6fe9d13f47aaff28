"""The analytics page, from the filters down to the charts, with the table of token prices."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pandas as pd
import streamlit as st

from colloquy.runtime.application import Application, current
from colloquy.ui import dialogs, state
from colloquy.ui.analytics.card import card
from colloquy.ui.analytics.cards import CARDS, preload_charts
from colloquy.ui.analytics.figure_row import figure_row
from colloquy.ui.analytics.scope_bar import filter_of, reset, scope_bar, usual_scope
from colloquy.ui.analytics.source import analytics, analytics_of
from colloquy.ui.data.snapshot import snapshot_button
from colloquy.ui.demo import demo_mark, demo_offer
from colloquy.ui.formatting import plain_markdown
from colloquy.ui.history.ask import ask_history_button
from session_store.analytics.report import Report
from session_store.errors import ColloquyError
from session_store.prices import price_list

CHAT = Path(__file__).parents[3] / "pages" / "chat.py"
STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def analytics_page() -> None:
    """Draws the whole page."""
    st.html(f"<i></i><style>{STYLE}</style>")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Analytics", anchor=False, width="stretch")
        tools = st.container(horizontal=True, width="content", key="analytics-tools")
        with tools:
            snapshot_button()
            st.button(
                "Prices",
                key="open-prices",
                icon=":material/payments:",
                type="tertiary",
                on_click=dialogs.show,
                args=(edit_prices,),
            )
    demo_mark()
    rollups = analytics().rollups()
    if rollups.first is None:
        _nothing_yet()
        return
    try:
        scope = scope_bar(rollups)
        report = analytics().report(scope)
    except ColloquyError as error:
        st.error(plain_markdown(str(error)))
        return
    with tools:
        ask_history_button(filter_of(scope))
    _report(report)


def _report(report: Report) -> None:
    if not report.now.conversations:
        st.info("No activity in this period for the selected chats.", icon=":material/filter_alt:")
        st.button("Reset filters", key="reset-filters", icon=":material/filter_alt_off:", on_click=reset)
        return
    figure_row(report)
    for first, second in zip(CARDS[::2], CARDS[1::2], strict=True):
        left, right = st.columns(2)
        with left:
            card(first, report)
        with right:
            card(second, report)


def _nothing_yet() -> None:
    st.markdown("No data yet. Figures from your chats will appear here.")
    st.page_link(CHAT, label="Start a chat", icon=":material/edit_square:")
    demo_offer()


@st.dialog("Token prices", width="large", icon=":material/payments:", on_dismiss=dialogs.close)
def edit_prices() -> None:
    """Draws the table, whose rows can be added, changed and removed."""
    st.caption(
        "US dollars per million tokens, effective from a date. A later row for the same model takes over on its date. "
        "A `*` stands for any characters. Models without a row have an unknown price. Tokens in include cached ones, "
        "which cost the same unless they have a price of their own; tokens out include thoughts."
    )
    known = price_list(current().settings.data_dir)
    rows = pd.DataFrame(
        [(price.model, price.since, price.input, price.cached, price.output) for price in known],
        columns=["model", "since", "input", "cached", "output"],
    ).astype({"cached": float})
    edited = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        key="prices",
        column_config={
            "model": st.column_config.TextColumn("Model", required=True),
            "since": st.column_config.DateColumn("From", required=True),
            "input": st.column_config.NumberColumn("In, $", min_value=0.0, format="%.4f", required=True),
            "cached": st.column_config.NumberColumn("In from cache, $", min_value=0.0, format="%.4f"),
            "output": st.column_config.NumberColumn("Out, $", min_value=0.0, format="%.4f", required=True),
        },
    )
    if st.button("Save", type="primary", key="keep-prices"):
        try:
            current().set_prices([dict(zip(rows.columns, row, strict=True)) for row in edited.itertuples(index=False)])
        except ColloquyError as error:
            st.error(plain_markdown(str(error)))
        else:
            dialogs.close()
            state.rerun()


def warm(application: Application) -> None:
    """Makes a first report before the first visit: it takes twice as long as later ones, whatever they are about."""
    # If the store was closed meanwhile or something is wrong, the page reports it when it is opened.
    with contextlib.suppress(ColloquyError):
        known = analytics_of(application.store)
        if known.rollups().first is not None:
            known.report(usual_scope(price_list(application.settings.data_dir)))
            preload_charts()
