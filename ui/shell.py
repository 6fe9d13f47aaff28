"""The script that Streamlit runs for every page: what is the same on all of them."""

from pathlib import Path

import streamlit as st

from ui import state
from ui.session_list import session_list

ROOT = Path(__file__).parent.parent
PAGES = {
    state.CHAT: st.Page(ROOT / "pages" / "chat.py", title="Chat", icon=":material/forum:", default=True),
    state.ANALYTICS: st.Page(ROOT / "pages" / "analytics.py", title="Analytics", icon=":material/monitoring:"),
    state.WORKSPACES: st.Page(ROOT / "pages" / "workspaces.py", title="Workspaces", icon=":material/account_tree:"),
}

state.begin_run()
st.set_page_config(page_title="Colloquy", page_icon=ROOT / "ui" / "icon.svg", initial_sidebar_state="auto")
# With nothing but a style sheet in it, this would stand where a dialog takes its place.
st.html(f"<i></i><style>{(ROOT / 'ui' / 'style.css').read_text(encoding='utf-8')}</style>")
page = st.navigation(list(PAGES.values()), position="hidden")
destination = state.destination()
if destination not in (None, page.url_path):
    st.switch_page(PAGES[destination], query_params=state.url())
if page.url_path in (state.CHAT, state.WORKSPACES):
    with st.sidebar:
        session_list()
state.show_notice()
page.run()
