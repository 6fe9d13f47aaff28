"""Stores everything Colloquy keeps in one DuckDB file. Imports neither streamlit nor the runtime."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from session_store.adk.service import DuckDBSessionService
    from session_store.store import Store

__all__ = ["DuckDBSessionService", "Store"]

_MODULES = {"DuckDBSessionService": "adk.service", "Store": "store"}


def __getattr__(name: str) -> object:
    """Import on first use. Both names import ADK, which takes a second, so processes that need only small modules from
    here start without it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
