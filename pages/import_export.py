"""The import and export page: imports histories, exports chats, and removes those that are no longer needed."""

import streamlit as st

from colloquy.ui.data.export_section import export_section
from colloquy.ui.data.import_section import import_section
from colloquy.ui.data.retention_section import retention_section
from colloquy.ui.demo import demo_mark

st.title("Import and export", anchor=False)
demo_mark()
import_section()
st.divider()
export_section()
st.divider()
retention_section()
