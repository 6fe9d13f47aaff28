"""The analytics page: what was said, as figures and charts."""

import streamlit as st

from ui.analytics.behind_dialog import CHAT
from ui.analytics.desk import desk

with st.sidebar:
    st.page_link(CHAT, label="Back to the chats", icon=":material/arrow_back:")
desk()
