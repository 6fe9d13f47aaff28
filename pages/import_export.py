"""The page about import and export: histories taken in, chats taken out, and what is no longer needed removed."""

import streamlit as st

from colloquy.ui.analytics.demo_mark import demo_mark
from colloquy.ui.data.export_section import export_section
from colloquy.ui.data.import_section import import_section
from colloquy.ui.data.retention_section import retention_section

st.title("Import and export", anchor=False)
demo_mark()
import_section()
st.divider()
export_section()
st.divider()
retention_section()
