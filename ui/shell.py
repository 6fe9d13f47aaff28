"""The script that Streamlit runs for every page: what is the same on all of them."""

from pathlib import Path

import streamlit as st

from ui import state

ROOT = Path(__file__).parent.parent

state.begin_run()
st.set_page_config(page_title="Colloquy", page_icon=ROOT / "ui" / "icon.svg", initial_sidebar_state="auto")
# With nothing but a style sheet in it, this would stand where a dialog takes its place.
st.html(f"<i></i><style>{(ROOT / 'ui' / 'style.css').read_text(encoding='utf-8')}</style>")
st.navigation(
    [
        st.Page(ROOT / "pages" / "chat.py", title="Chat", icon=":material/forum:", default=True),
        st.Page(ROOT / "pages" / "analytics.py", title="Analytics", icon=":material/monitoring:"),
    ],
    position="hidden",
).run()
