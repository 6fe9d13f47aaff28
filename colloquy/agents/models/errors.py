"""What can go wrong with a model, in words for the person who waits for its answer."""

from __future__ import annotations

from session_store.errors import ColloquyError


class ModelUnavailableError(ColloquyError):
    """The model cannot be used as things are set up; the message says what to do to get it."""


class ModelError(ColloquyError):
    """A call to a model failed."""
