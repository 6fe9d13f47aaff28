"""The chat page: the open session, or a new chat."""

import streamlit as st

from colloquy.ui import state
from colloquy.ui.chat.conversation import conversation
from colloquy.ui.chat.welcome import welcome

session = state.active_session()
if session:
    conversation(session)
else:
    if state.active_id():
        st.warning("This chat no longer exists. It was deleted, or it belongs to another data folder.")
    welcome()
