"""The script that Streamlit runs for every page; it draws what all pages share.

Streamlit puts the folder of this script on the import path, so no other module may be in it: no agent folder could have
the same name.
"""

from pathlib import Path

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.chat.session_list import session_list
from colloquy.ui.formatting import plain_markdown
from colloquy.ui.served.server import page_drawn

ROOT = Path(__file__).parents[3]
PAGES = {
    state.CHAT: st.Page(ROOT / "pages" / "chat.py", title="Chat", icon=":material/forum:", default=True),
    state.OVERVIEW: st.Page(ROOT / "pages" / "overview.py", title="Overview", icon=":material/lan:"),
    state.HISTORY: st.Page(ROOT / "pages" / "history.py", title="History", icon=":material/history:"),
    state.ANALYTICS: st.Page(ROOT / "pages" / "analytics.py", title="Analytics", icon=":material/monitoring:"),
    state.CONSOLE: st.Page(ROOT / "pages" / "sql.py", title="SQL", icon=":material/terminal:"),
    state.DATA: st.Page(
        ROOT / "pages" / "import_export.py", title="Import and export", icon=":material/import_export:"
    ),
    state.WORKSPACES: st.Page(ROOT / "pages" / "workspaces.py", title="Workspaces", icon=":material/account_tree:"),
}
# Without this the previous page's list would stay visible until this page is fully drawn.
NO_LIST = '@media (min-width: 769px) { [data-testid="stSidebar"] { display: none; } }'

st.set_page_config(
    page_title="Colloquy", page_icon=ROOT / "colloquy" / "ui" / "served" / "icon.svg", initial_sidebar_state="auto"
)
page = st.navigation(list(PAGES.values()), position="top")
style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
if page.url_path not in (*state.WITH_SESSIONS, state.CONSOLE):  # the console shows its tables in the sidebar
    style += NO_LIST
# With nothing but a style sheet in it, this element would sit where a dialog takes its place.
st.html(f"<i></i><style>{style}</style>")
state.begin_run(page.url_path)
if destination := state.destination():
    name, parameters = destination
    st.switch_page(PAGES[name], query_params=parameters)
if page.url_path in state.WITH_SESSIONS:
    with st.sidebar:
        session_list()
state.show_notice()
for notice in current().notices():
    st.warning(plain_markdown(notice), icon=":material/warning:")
if page.url_path != state.CHAT:  # the chat page is titled after its chat
    st.set_page_config(page_title=f"{page.title} · Colloquy")
page.run()
dialogs.draw_open_dialog()
page_drawn()
