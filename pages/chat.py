"""The chat page: sessions on the left, the open one on the right."""

import streamlit as st

from ui import state
from ui.conversation import conversation
from ui.session_list import session_list
from ui.welcome import welcome

session = state.active_session()
with st.sidebar:
    session_list()
if session:
    conversation(session)
else:
    if state.active_id():
        st.warning("This chat is not here any more. It was deleted, or belongs to another data folder.")
    welcome()
