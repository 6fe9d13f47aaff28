"""The chat page: the open session, or a new chat."""

import streamlit as st

from ui import state
from ui.conversation import conversation
from ui.welcome import welcome

session = state.active_session()
if session:
    conversation(session)
else:
    if state.active_id():
        st.warning("This chat no longer exists. It was deleted, or it belongs to another data folder.")
    welcome()
