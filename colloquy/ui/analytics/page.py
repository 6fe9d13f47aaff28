"""The analytics page, from the filters down to the charts."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from colloquy.ui import dialogs
from colloquy.ui.analytics.card import card
from colloquy.ui.analytics.cards import CARDS
from colloquy.ui.analytics.demo_mark import demo_mark
from colloquy.ui.analytics.demo_offer import demo_offer
from colloquy.ui.analytics.figure_row import figure_row
from colloquy.ui.analytics.prices import edit_prices
from colloquy.ui.analytics.scope_bar import as_history_scope, reset, scope_bar
from colloquy.ui.analytics.source import analytics
from colloquy.ui.data.snapshot import snapshot_button
from colloquy.ui.formatting import plain_markdown
from colloquy.ui.history.ask import ask_history_button
from session_store.analytics.report import Report
from session_store.errors import ColloquyError

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
        ask_history_button(as_history_scope(scope, rollups))
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
