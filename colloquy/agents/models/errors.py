"""Errors of models, in words for the person who is waiting for the answer."""

from __future__ import annotations

from session_store.errors import ColloquyError


class ModelUnavailableError(ColloquyError):
    """The model cannot be used with the current settings; the message says how to make it available."""


class ModelError(ColloquyError):
    """A call to a model failed."""
