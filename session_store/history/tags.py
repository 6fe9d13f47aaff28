"""Validates tags."""

from __future__ import annotations

from collections.abc import Iterable

from session_store.history.errors import HistoryError
from session_store.json_safe import joined
from session_store.limits import LONGEST_TAG


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Clean tags for storage: trimmed, without duplicates in any case; the first spelling wins.

    Raises:
        HistoryError: one of them is not a valid tag.
    """
    clean = {tag.casefold(): tag for tag in reversed([_clean(tag) for tag in tags])}
    return tuple(sorted(clean.values(), key=str.casefold))


def _clean(tag: str) -> str:
    words = " ".join(joined(tag).split())
    if not words:
        raise HistoryError("A tag needs at least one letter.")
    if len(words) > LONGEST_TAG:
        raise HistoryError(f"The tag “{words[:LONGEST_TAG]}…” is too long: use at most {LONGEST_TAG} characters.")
    if "," in words:
        raise HistoryError(f"The tag “{words}” contains a comma. Split it into two tags, or leave the comma out.")
    if not words.isprintable():
        raise HistoryError("The tag contains invisible characters. Type it again by hand.")
    return words
