"""The table of token prices, to view and edit."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.formatting import plain_markdown
from session_store.errors import ColloquyError
from session_store.prices import keep_prices, price_list


@st.dialog("Token prices", width="large", icon=":material/payments:", on_dismiss=dialogs.close)
def edit_prices() -> None:
    """Draws the table, whose rows can be added, changed and removed."""
    folder = current().settings.data_dir
    st.caption(
        "US dollars for a million tokens, from a day on. A later row for the same model holds from its day. A `*` "
        "stands for any characters. Models without a row are shown as unknown. Tokens in include those that the "
        "provider had in its cache, which cost as much as the others where they have no price of their own; tokens out "
        "include thoughts."
    )
    rows = pd.DataFrame(
        [(price.model, price.since, price.input, price.cached, price.output) for price in price_list(folder)],
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
            keep_prices(folder, [dict(zip(rows.columns, row, strict=True)) for row in edited.itertuples(index=False)])
        except ColloquyError as error:
            st.error(plain_markdown(str(error)))
        else:
            dialogs.close()
            state.rerun()
