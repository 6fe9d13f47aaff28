"""Everything Colloquy keeps, on one DuckDB file. Imports neither streamlit nor the runtime."""

from session_store.adk_service import DuckDBSessionService
from session_store.genai_enums import refuse_what_is_no_text
from session_store.store import Store

__all__ = ["DuckDBSessionService", "Store"]

refuse_what_is_no_text()
