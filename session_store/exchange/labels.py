"""Labels of a conversation, and what it was branched from, as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from session_store.exchange.conversation import About, checked_text, checked_time
from session_store.exchange.errors import DamagedError
from session_store.history.errors import HistoryError
from session_store.history.tags import clean_tags


def labels_json(about: About) -> dict[str, Any]:
    """Returns the labels of a conversation."""
    return {
        "tags": list(about.tags),
        "note": about.note,
        "terminated_at": about.terminated_at,
        "branched_from": about.branched_from,
        "branched_at": about.branched_at,
        "copied": sorted(about.copied),
    }


def with_labels(about: About, fields: Mapping[str, Any]) -> About:
    """Returns the conversation with the labels that a file has; older files have none.

    Raises:
        DamagedError: a label is invalid.
    """
    ended = fields.get("terminated_at")
    return replace(
        about,
        tags=_tags(fields.get("tags") or []),
        note=checked_text(fields.get("note"), "the note"),
        terminated_at=None if ended is None else checked_time(ended, "the time of its end"),
        branched_from=checked_text(fields.get("branched_from"), "the conversation that it is a branch of") or None,
        branched_at=checked_text(fields.get("branched_at"), "the message that it branches at") or None,
        copied=frozenset(map(str, fields.get("copied") or [])),
    )


def _tags(tags: object) -> tuple[str, ...]:
    if not isinstance(tags, list):
        raise DamagedError("its tags are not a list")
    try:
        return clean_tags(checked_text(tag, "a tag") for tag in tags)
    except HistoryError as error:
        raise DamagedError(f"it has a tag that cannot be one. {error}") from error
